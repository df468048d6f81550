//! The contract of the office's store, on both engines.

use std::collections::BTreeMap;

use ca_core::clock::system_rng;
use ca_core::domain::{
    Act, CertificateStatus, IssuerId, KeyKind, OfficeId, Officer, OfficerId, Order, OrderId, ProfileName,
    RevocationReason, Role, Serial, Sha256, Subject, SubjectField, Timestamp, Validity, encode,
};
use ca_core::sql::testing::databases;
use ca_core::sql::{Database, SqlTx};

use super::{OfficeStore, STATEMENTS, office_migrations};
use crate::enrolment::case::{Case, State, Who};
use crate::enrolment::document::{DocumentKind, Media};
use crate::enrolment::form::Form;
use crate::enrolment::form::tests::good;
use crate::enrolment::process::Process;
use crate::store::*;

pub(super) const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

fn officer(id: &str) -> Officer {
    Officer {
        id: OfficerId::new(id).expect("an id"),
        name: id.to_uppercase(),
        office: OfficeId::new("demo-office").expect("an office"),
        roles: vec![Role::RaEntry],
    }
}

pub(super) fn issuer() -> IssuerId {
    IssuerId::new("unit-p256").expect("an issuer")
}

fn order_about(subject: OrderSubject) -> StoredOrder {
    let order = Order {
        id: OrderId::draw(NOW, &mut system_rng()),
        office: officer("limin").office,
        created: NOW,
        evidence: vec![Sha256([7; 32])],
        act: Act::Issue {
            issuer: issuer(),
            profile: ProfileName::new("unit-sign").expect("a profile"),
            subject: Subject::new(BTreeMap::from([(SubjectField::CommonName, "东湖".to_owned())])).expect("a subject"),
            years: 1,
            key: KeyKind::P256,
            officer: None,
            replaces: None,
        },
    };
    StoredOrder {
        statement: encode(&order),
        order,
        subject,
        state: OrderState::Open,
        refusal: None,
        opened: Who::from(&officer("limin")),
        signatures: Vec::new(),
    }
}

async fn new_case(tx: &mut Box<dyn Tx>) -> Case {
    new_case_of(tx, |_| {}).await
}

/// A draft, with what is typed changed.
pub(super) async fn new_case_of(tx: &mut Box<dyn Tx>, change: impl FnOnce(&mut Form)) -> Case {
    let mut form = good();
    change(&mut form);
    let number = tx.next_case_number(NOW.beijing_day()).await.expect("a number");
    let (case, step) =
        Case::begin(number, Process::Enrolment, &officer("limin"), form, "110105********002X".into(), NOW);
    tx.add_case(&case, Some(b"sealed")).await.expect("added");
    tx.add_step(&OrderSubject::Case(case.number.clone()), &step).await.expect("a step");
    case
}

#[tokio::test]
async fn a_case_its_documents_orders_and_history_are_read_back() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let case = new_case(&mut tx).await;
        assert_eq!(case.number.as_str(), "RA-20260921-0001", "{}", fresh.engine);
        let document = Document {
            kind: DocumentKind::Seal,
            sheet: 1,
            sha256: Sha256([9; 32]),
            media: Media::Png,
            bytes: 12,
            pages: 1,
            name: "印章.png".into(),
            added: NOW,
        };
        tx.put_document(&case.number, &document).await.expect("stored");
        tx.put_document(&case.number, &Document { bytes: 13, ..document.clone() }).await.expect("replaced");
        tx.put_document(&case.number, &Document { sheet: 2, ..document.clone() }).await.expect("beside it");
        tx.put_document(&case.number, &Document { kind: DocumentKind::Licence, ..document }).await.expect("stored");
        tx.drop_documents(&case.number, DocumentKind::Licence).await.expect("dropped");
        let subject = OrderSubject::Case(case.number.clone());
        let order = order_about(subject.clone());
        tx.add_order(&order).await.expect("added");
        let signature = Signature { by: Who::from(&officer("limin")), message: vec![1, 2], at: NOW };
        tx.sign_order(order.order.id, 0, &signature).await.expect("signed");
        tx.commit().await.expect("durable");

        let mut tx = store.read().await.expect("begun");
        let (read, sealed) = tx.case(&case.number).await.expect("read").expect("there");
        assert_eq!((read.state, read.version, sealed.as_deref()), (State::Draft, 1, Some(&b"sealed"[..])));
        assert!(read.form.unit_name == case.form.unit_name && read.form.handler_id.is_empty());
        let documents = tx.documents(&case.number).await.expect("read");
        assert_eq!(
            documents.iter().map(|document| (document.sheet, document.bytes)).collect::<Vec<_>>(),
            [(1, 13), (2, 12)]
        );
        let read = tx.order(order.order.id).await.expect("read").expect("there");
        assert_eq!((read.order, read.signatures), (order.order, vec![signature]));
        assert_eq!(tx.steps(&subject).await.expect("read")[0].act, "begin");
        for filter in [
            CaseFilter::Office(case.office.clone(), None),
            CaseFilter::Office(case.office.clone(), Some("draft")),
            CaseFilter::Waiting(case.office.clone()),
            CaseFilter::Uscc(case.form.uscc.clone()),
            CaseFilter::Name(Some(case.office.clone()), "东湖建筑".into()),
            CaseFilter::Name(None, "湖建筑工程有".into()),
            CaseFilter::TakenInBy(None, "LIMIN".into()),
        ] {
            assert_eq!(tx.cases(&filter, 10).await.expect("read").len(), 1, "{filter:?}");
        }
        assert_eq!(tx.cases(&CaseFilter::Name(None, "西湖".into()), 10).await.expect("read"), []);
        assert_eq!(tx.count_cases(&case.office).await.expect("read"), [("draft".to_owned(), 1)]);
    }
}

#[tokio::test]
async fn who_read_an_old_version_writes_nothing() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let number = new_case(&mut tx).await.number;
        let (case, _) = tx.case(&number).await.expect("read").expect("there");
        tx.put_case(&case, None).await.expect("written");
        assert!(tx.put_case(&case, None).await.is_err(), "{}", fresh.engine);
    }
}

#[tokio::test]
async fn one_officer_has_one_seat_and_an_order_settles_once() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let case = new_case(&mut tx).await;
        let order = order_about(OrderSubject::Case(case.number.clone()));
        let id = order.order.id;
        tx.add_order(&order).await.expect("added");
        tx.settle_order(id, OrderState::Open, OrderState::Signed, None, NOW).await.expect("settled");
        assert!(tx.settle_order(id, OrderState::Open, OrderState::Signed, None, NOW).await.is_err());
        let signature = Signature { by: Who::from(&officer("limin")), message: vec![1], at: NOW };
        tx.sign_order(id, 0, &signature).await.expect("signed");
        assert!(tx.sign_order(id, 1, &signature).await.is_err(), "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_new_ticket_replaces_the_open_one_and_closes_once() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let case = new_case(&mut tx).await;
        let order = order_about(OrderSubject::Case(case.number.clone()));
        tx.add_order(&order).await.expect("added");
        let ticket = |n| StoredTicket {
            hash: Sha256([n; 32]),
            case: case.number.clone(),
            order: order.order.id,
            state: TicketState::Open,
            minted: Who::from(&officer("limin")),
            created: NOW,
            expires: NOW.plus(1800),
        };
        tx.add_ticket(&ticket(1)).await.expect("added");
        tx.add_ticket(&ticket(2)).await.expect("added");
        let first = tx.ticket(Sha256([1; 32])).await.expect("read").expect("there");
        assert_eq!(first, StoredTicket { state: TicketState::Dropped, ..ticket(1) });
        tx.close_ticket(Sha256([2; 32]), TicketState::Used).await.expect("closed");
        assert!(tx.close_ticket(Sha256([2; 32]), TicketState::Used).await.is_err(), "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_certificate_keeps_its_first_delivery_and_takes_each_status() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let case = new_case(&mut tx).await;
        let issued = Issued {
            issuer: issuer(),
            serial: Serial::draw(NOW, &mut system_rng()),
            case: case.number.clone(),
            order: OrderId::draw(NOW, &mut system_rng()),
            uscc: case.form.uscc.clone(),
            unit_name: case.form.unit_name.clone(),
            validity: Validity::years(NOW.beijing_day(), 2),
            certificate: vec![0x30],
            encryption: Some(IssuedEncryption {
                serial: Serial::draw(NOW, &mut system_rng()),
                certificate: vec![0x30, 1],
            }),
            issued: NOW,
            delivered: None,
            status: CertificateStatus::Good,
        };
        tx.add_certificate(&issued).await.expect("added");
        tx.add_certificate(&issued).await.expect("the same again");
        let revoked = CertificateStatus::Revoked { since: NOW, reason: RevocationReason::KeyCompromise };
        tx.put_status(&issued.issuer, &issued.serial, CertificateStatus::Good, Some(NOW)).await.expect("stored");
        tx.put_status(&issued.issuer, &issued.serial, revoked, Some(NOW.plus(5))).await.expect("stored");
        let read = tx.certificate(&issued.issuer, &issued.serial).await.expect("read").expect("there");
        assert_eq!(read, Issued { status: revoked, delivered: Some(NOW), ..issued.clone() });
        for filter in [
            CertificateFilter::Latest,
            CertificateFilter::Uscc(issued.uscc.clone()),
            CertificateFilter::Serial(issued.serial.clone()),
            CertificateFilter::Serial(issued.encryption.as_ref().expect("a pair").serial.clone()),
        ] {
            assert_eq!(tx.certificates(&filter, 10).await.expect("read").len(), 1, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn every_statement_is_accepted_by_both_engines() {
    use sqlx::{Executor as _, Postgres, SqlSafeStr as _, Sqlite};
    for fresh in databases(&office_migrations()).await {
        for statement in STATEMENTS.concat() {
            let prepared = match &fresh.database {
                Database::Sqlite { writer, .. } => {
                    let mut tx = SqlTx::<Sqlite>::begin(writer).await.expect("begun");
                    tx.connection().prepare(statement.into_sql_str()).await.map(drop)
                }
                Database::Postgres(pool) => {
                    let mut tx = SqlTx::<Postgres>::begin(pool).await.expect("begun");
                    tx.connection().prepare(statement.into_sql_str()).await.map(drop)
                }
            };
            assert!(prepared.is_ok(), "{}: {statement}: {prepared:?}", fresh.engine);
        }
    }
}

#[tokio::test]
async fn what_the_store_is_to_forget_is_taken_once_and_revived_by_who_keeps_it_anew() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let case = new_case(&mut tx).await;
        let hash = Sha256([9; 32]);
        let document = Document {
            kind: DocumentKind::Seal,
            sheet: 1,
            sha256: hash,
            media: Media::Png,
            bytes: 12,
            pages: 1,
            name: "印章.png".into(),
            added: NOW,
        };
        let removals = "INSERT INTO evidence_removal (sha256, queued) VALUES ($1, $2)";
        tx.commit().await.expect("durable");
        match &fresh.database {
            ca_core::sql::Database::Sqlite { writer, .. } => {
                sqlx::query(removals).bind(hash.to_string()).bind(1_i64).execute(writer).await.map(drop)
            }
            ca_core::sql::Database::Postgres(pool) => {
                sqlx::query(removals).bind(hash.to_string()).bind(1_i64).execute(pool).await.map(drop)
            }
        }
        .expect("queued");
        let mut tx = store.begin().await.expect("begun");
        assert_eq!(tx.removals(9).await.expect("read"), [hash], "{}", fresh.engine);
        assert!(tx.take_removal(hash, NOW).await.expect("taken"), "no case has it");
        assert!(!tx.take_removal(hash, NOW).await.expect("taken"), "once");
        assert!(tx.removals(9).await.expect("read").is_empty());
        tx.put_document(&case.number, &document).await.expect("stored");
        assert!(tx.revive(hash).await.expect("revived"), "whoever keeps it again is told");
        assert!(!tx.revive(hash).await.expect("revived"));
        tx.commit().await.expect("durable");
    }
}
