//! The contract of the store, told once and run on both engines.

use std::time::Duration;

use sqlx::{Executor as _, SqlSafeStr as _};

use super::testing::{self, Fresh, databases};
use super::{Database, STATUS_CHANNEL, SqlStore, authority_migrations, statements};
use crate::clock::system_rng;
use crate::domain::{
    CertificateStatus, IssuerId, OfficeId, Officer, OfficerId, OrderId, ProfileName, RevocationReason, Role, Serial,
    Sha256, Sm2Id, StatusChange, Timestamp, Validity,
};
use crate::store::{
    AuditHead, AuditRow, Completion, CrlRecord, Intent, IssuerRecord, OfficerRecord, OrderRecord, Origin, Part, Place,
    SignatureRecord, Store, StoreError, Unusable,
};

const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);

fn issuer() -> IssuerId {
    IssuerId::new("unit-p256").expect("a good name")
}

fn store(fresh: &Fresh) -> SqlStore {
    SqlStore::new(fresh.database.clone())
}

fn intent(origin: Origin, key: u8) -> Intent {
    let mut rng = system_rng();
    Intent {
        issuer: issuer(),
        serial: Serial::draw(NOW, &mut rng),
        order: OrderId::draw(NOW, &mut rng),
        part: Part::Signature,
        origin,
        profile: ProfileName::new("unit-sign").expect("a good name"),
        spki_sha256: Sha256([key; 32]),
        validity: Validity::years(NOW.beijing_day(), 1),
        tbs: vec![0x30, key],
        intended: NOW,
    }
}

#[tokio::test]
async fn every_statement_prepares_on_both_engines() {
    for fresh in databases(&authority_migrations()).await {
        for statement in statements() {
            let prepared = match &fresh.database {
                Database::Sqlite { writer, .. } => {
                    writer.acquire().await.expect("free").prepare(statement.into_sql_str()).await.map(drop)
                }
                Database::Postgres(pool) => {
                    pool.acquire().await.expect("free").prepare(statement.into_sql_str()).await.map(drop)
                }
            };
            prepared.unwrap_or_else(|error| panic!("{}: {statement}: {error}", fresh.engine));
        }
    }
}

#[tokio::test]
async fn a_schema_that_is_behind_is_noticed() {
    for fresh in databases(&super::migrations(&[])).await {
        let behind = fresh.database.check_schema(&authority_migrations()).await;
        assert!(matches!(behind, Err(super::DatabaseError::SchemaBehind(1))), "{}: {behind:?}", fresh.engine);
        fresh.database.migrate(&authority_migrations()).await.expect("migrates");
        fresh.database.check_schema(&authority_migrations()).await.expect("up to date");
    }
}

#[tokio::test]
async fn what_was_not_committed_is_not_there() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let intent = intent(Origin::Order, 1);
        let mut tx = store.begin().await.unwrap();
        tx.add_intent(&intent).await.unwrap();
        drop(tx);
        let mut tx = store.begin_read().await.unwrap();
        assert_eq!(tx.certificates_of_order(intent.order).await.unwrap(), [], "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_certificate_goes_from_intent_to_delivery() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let intent = intent(Origin::Order, 1);
        let (issuer, serial) = (intent.issuer.clone(), intent.serial.clone());
        let mut tx = store.begin().await.unwrap();
        tx.add_intent(&intent).await.unwrap();
        assert!(!tx.deliver(&issuer, &serial, NOW).await.unwrap(), "nothing to deliver yet");
        tx.commit().await.unwrap();

        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.open_intents(10).await.unwrap().len(), 1);
        let completion = |certificate, n| Completion { intent: &intent, certificate, sha256: Sha256([n; 32]) };
        assert_eq!(tx.complete_all(&[completion(b"der", 9)], NOW.plus(1)).await.unwrap(), 1);
        assert_eq!(tx.complete_all(&[completion(b"other", 8)], NOW.plus(2)).await.unwrap(), 0);
        assert!(tx.deliver(&issuer, &serial, NOW.plus(3)).await.unwrap());
        assert!(!tx.deliver(&issuer, &serial, NOW.plus(4)).await.unwrap());
        tx.commit().await.unwrap();

        let mut tx = store.begin_read().await.unwrap();
        let record = tx.certificate(&issuer, &serial).await.unwrap().expect("there");
        assert_eq!(record.intent, intent, "{}", fresh.engine);
        let made = record.made.expect("made");
        assert_eq!(
            (made.certificate.as_slice(), made.issued, made.delivered),
            (&b"der"[..], NOW.plus(1), Some(NOW.plus(3)))
        );
        assert_eq!(tx.open_intents(10).await.unwrap(), Vec::new());
        assert_eq!(tx.order_of_key(Sha256([1; 32])).await.unwrap(), Some(intent.order));
        assert_eq!(tx.certificates_after("", "", 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn of_many_each_gets_its_own_certificate_also_under_one_serial_number_of_two_issuers() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let mut intents: Vec<Intent> = (0..20).map(|key| intent(Origin::Order, key)).collect();
        intents[1].issuer = IssuerId::new("unit-rsa").expect("a good name");
        intents[1].serial = intents[0].serial.clone();
        let bytes: Vec<Vec<u8>> = (0..20).map(|n| vec![n; 3]).collect();
        let completions: Vec<Completion<'_>> = (0_u8..)
            .zip(intents.iter().zip(&bytes))
            .map(|(n, (intent, certificate))| Completion { intent, certificate, sha256: Sha256([n; 32]) })
            .collect();
        let mut tx = store.begin().await.unwrap();
        tx.add_intents(&intents.iter().collect::<Vec<_>>()).await.unwrap();
        assert_eq!(tx.complete_all(&completions, NOW).await.unwrap(), 20, "{}", fresh.engine);
        tx.commit().await.unwrap();
        let mut tx = store.begin_read().await.unwrap();
        for Completion { intent, certificate, sha256 } in completions {
            let made = tx.certificate(&intent.issuer, &intent.serial).await.unwrap().unwrap().made.unwrap();
            assert_eq!((&made.certificate[..], made.sha256), (certificate, sha256), "{}", fresh.engine);
        }
    }
}

#[tokio::test]
async fn a_key_is_certified_once_but_a_responder_key_again_and_again() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let mut tx = store.begin().await.unwrap();
        tx.add_intent(&intent(Origin::Responder, 1)).await.unwrap();
        tx.add_intent(&intent(Origin::Responder, 1)).await.unwrap();
        tx.add_intent(&intent(Origin::Order, 2)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let again = tx.add_intent(&intent(Origin::Order, 2)).await;
        assert!(matches!(again, Err(StoreError::Contended)), "{}: {again:?}", fresh.engine);
    }
}

#[tokio::test]
async fn an_order_and_its_signatures_read_back() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let id = OrderId::draw(NOW, &mut system_rng());
        let order = OrderRecord { id, sha256: Sha256([5; 32]), statement: b"{}".to_vec(), received: NOW };
        let signature = |place, officer: Option<&str>| SignatureRecord {
            order: id,
            place,
            certificate_sha256: Sha256([6; 32]),
            officer: officer.map(|name| OfficerId::new(name).unwrap()),
            message: vec![1, 2, 3],
        };
        let all = [
            signature(Place::Binding, Some("limin")),
            signature(Place::Install, None),
            signature(Place::Seat(0), Some("limin")),
            signature(Place::Seat(1), Some("wangqiang")),
        ];
        let mut tx = store.begin().await.unwrap();
        tx.add_order(&order).await.unwrap();
        for signature in &all {
            tx.add_signature(signature).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut tx = store.begin_read().await.unwrap();
        assert_eq!(tx.order(id).await.unwrap(), Some(order), "{}", fresh.engine);
        assert_eq!(tx.signatures(id).await.unwrap(), all);
        assert_eq!(tx.count_orders().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn the_registry_reads_back() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let record = OfficerRecord {
            officer: Officer {
                id: OfficerId::new("limin").unwrap(),
                name: "李敏".into(),
                office: OfficeId::new("demo-office").unwrap(),
                roles: vec![Role::RaEntry, Role::Administrator],
            },
            certificate_sha256: Sha256([3; 32]),
            issuer: issuer(),
            serial: Serial::draw(NOW, &mut system_rng()),
            not_after: NOW.plus(100),
            entered: NOW,
        };
        let mut tx = store.begin().await.unwrap();
        tx.add_officer(&record).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin_read().await.unwrap();
        assert_eq!(tx.officer(Sha256([3; 32])).await.unwrap(), Some(record.clone()), "{}", fresh.engine);
        assert_eq!(tx.officer_of(&record.issuer, &record.serial).await.unwrap(), Some(record.clone()));
        assert_eq!(tx.officers().await.unwrap(), vec![record]);
        assert_eq!(tx.officer(Sha256([4; 32])).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_status_moves_the_feed_and_the_log() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let serial = Serial::draw(NOW, &mut system_rng());
        let change = |seq, status| StatusChange {
            seq,
            issuer: issuer(),
            serial: serial.clone(),
            status,
            not_after: NOW.plus(1000),
        };
        let mut tx = store.begin().await.unwrap();
        tx.set_status(&change(1, CertificateStatus::Good), NOW).await.unwrap();
        assert!(!tx.crl_changed_after(&issuer(), 0).await.unwrap(), "a new certificate is no news for a CRL");
        let held = CertificateStatus::Held { since: NOW.plus(5) };
        tx.set_status(&change(2, held), NOW.plus(5)).await.unwrap();
        assert!(tx.crl_changed_after(&issuer(), 1).await.unwrap());
        assert_eq!(
            tx.unusable(&issuer(), NOW, "", 10).await.unwrap(),
            vec![Unusable { serial: serial.clone(), status: held, invalid_since: None }],
            "{}",
            fresh.engine
        );
        assert_eq!(tx.unusable(&issuer(), NOW.plus(1001), "", 10).await.unwrap(), Vec::new(), "expired");
        tx.set_status(&change(3, CertificateStatus::Good), NOW.plus(6)).await.unwrap();
        assert!(tx.crl_changed_after(&issuer(), 2).await.unwrap(), "a release is news");
        let revoked = CertificateStatus::Revoked { since: NOW.plus(7), reason: RevocationReason::KeyCompromise };
        tx.set_status(&change(4, revoked), NOW.plus(7)).await.unwrap();
        tx.beat(NOW.plus(8)).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.begin().await.unwrap();
        let gap = tx.set_status(&change(6, CertificateStatus::Good), NOW).await;
        assert!(matches!(gap, Err(StoreError::Contended)), "{}: the log has no gaps", fresh.engine);
        drop(tx);
        let mut tx = store.begin_read().await.unwrap();
        let feed = tx.feed().await.unwrap();
        assert_eq!((feed.head, feed.beat), (4, NOW.plus(8)));
        assert_eq!(tx.status(&issuer(), &serial).await.unwrap().map(|s| s.status), Some(revoked));
        assert_eq!(tx.log_faults().await.unwrap(), Vec::new());
    }
}

#[tokio::test]
async fn those_who_listen_are_told_of_what_is_committed_and_of_nothing_else() {
    let fresh = testing::postgres(&authority_migrations()).await;
    let mut listener = sqlx::postgres::PgListener::connect(&fresh.url).await.unwrap();
    listener.listen(STATUS_CHANNEL).await.unwrap();
    let mut is_told = async || tokio::time::timeout(Duration::from_millis(500), listener.recv()).await.is_ok();
    let store = store(&fresh);
    let serial = Serial::draw(NOW, &mut system_rng());
    let change =
        |seq, status| StatusChange { seq, issuer: issuer(), serial: serial.clone(), status, not_after: NOW.plus(1000) };
    let mut tx = store.begin().await.unwrap();
    tx.set_status(&change(1, CertificateStatus::Good), NOW).await.unwrap();
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    tx.beat(NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!is_told().await, "nothing has changed");

    let mut tx = store.begin().await.unwrap();
    tx.set_status(&change(1, CertificateStatus::Good), NOW).await.unwrap();
    tx.set_status(&change(2, CertificateStatus::Held { since: NOW }), NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert!(is_told().await);
    assert!(!is_told().await, "once for a transaction");
}

/// Runs statements as they stand, past the store.
async fn run(fresh: &Fresh, statements: &'static str) {
    match &fresh.database {
        Database::Sqlite { writer, .. } => sqlx::raw_sql(statements).execute(writer).await.map(drop),
        Database::Postgres(pool) => sqlx::raw_sql(statements).execute(pool).await.map(drop),
    }
    .unwrap_or_else(|error| panic!("{}: {error}", fresh.engine));
}

#[tokio::test]
async fn a_status_that_the_log_does_not_bear_out_is_found() {
    for fresh in databases(&authority_migrations()).await {
        run(
            &fresh,
            "INSERT INTO certificate_status (issuer, serial, status, reason, since, not_after) VALUES
               ('unit-p256', '41', 0, 0, 0, 100), ('unit-p256', '42', 2, 1, 5, 100), ('unit-p256', '43', 0, 0, 0, 100),
               ('unit-p256', '44', 0, 0, 0, 100), ('unit-p256', '45', 1, 6, 5, 100), ('unit-p256', '46', 0, 0, 0, 100);
             INSERT INTO status_log (seq, issuer, serial, status, reason, since, not_after, at, listed) VALUES
               (1, 'unit-p256', '41', 0, 0, 0, 100, 1, FALSE),
               (2, 'unit-p256', '42', 0, 0, 0, 100, 1, FALSE), (3, 'unit-p256', '42', 2, 1, 5, 100, 5, TRUE),
               (4, 'unit-p256', '44', 0, 0, 0, 100, 1, FALSE), (5, 'unit-p256', '44', 2, 1, 5, 100, 5, TRUE),
               (6, 'unit-p256', '45', 0, 0, 0, 100, 1, FALSE),
               (7, 'unit-p256', '46', 0, 0, 0, 100, 1, FALSE), (8, 'unit-p256', '46', 1, 6, 5, 100, 5, TRUE),
               (9, 'unit-p256', '46', 0, 0, 0, 100, 6, TRUE)",
        )
        .await;
        let faults = store(&fresh).begin_read().await.unwrap().log_faults().await.unwrap();
        let serials: Vec<String> = faults.into_iter().map(|(_, serial)| serial.to_string()).collect();
        assert_eq!(serials, ["43", "44", "45"], "{}: never told, revoked since, held in secret", fresh.engine);
    }
}

#[tokio::test]
async fn a_ledger_of_before_keeps_what_its_lists_tell_and_what_was_replaced() {
    let before = authority_migrations().iter().filter(|step| step.version < 11).cloned().collect();
    for fresh in databases(&sqlx::migrate::Migrator::with_migrations(before)).await {
        run(
            &fresh,
            "INSERT INTO certificate (issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after,
               tbs, intended) VALUES ('unit-p256', '41', 'A', 0, 'order', 'unit-sign', 'K', 0, 100, '0', 0);
             INSERT INTO ca_order (id, sha256, statement, received) VALUES ('B', '0', '0', 0);
             INSERT INTO ca_replacement (order_id, issuer, serial) VALUES ('B', 'unit-p256', '41');
             INSERT INTO status_log (seq, issuer, serial, status, reason, since, not_after, at) VALUES
               (1, 'unit-p256', '41', 0, 0, 0, 100, 1), (2, 'unit-p256', '42', 0, 0, 0, 100, 1),
               (3, 'unit-p256', '42', 1, 6, 5, 100, 5), (4, 'unit-p256', '42', 0, 0, 0, 100, 6),
               (5, 'unit-p256', '43', 2, 1, 7, 100, 7);
             UPDATE feed SET head = 5",
        )
        .await;
        fresh.database.migrate(&authority_migrations()).await.expect("migrates");
        let mut tx = store(&fresh).begin_read().await.unwrap();
        for (seq, news) in [(0, true), (2, true), (4, true), (5, false)] {
            assert_eq!(tx.crl_changed_after(&issuer(), seq).await.unwrap(), news, "{}: {seq}", fresh.engine);
        }
        let changes = tx.changed_between(&issuer(), 0..5, NOW, "", 10).await.unwrap();
        assert_eq!(changes, Vec::new(), "{}: all have ended", fresh.engine);
        let changes = tx.changed_between(&issuer(), 0..5, Timestamp::from_unix(0), "", 10).await.unwrap();
        let changes: Vec<_> = changes.into_iter().map(|change| (change.serial.to_string(), change.seq)).collect();
        assert_eq!(changes, [("42".to_owned(), 4), ("43".to_owned(), 5)], "{}", fresh.engine);
        drop(tx);
        let gone = match &fresh.database {
            Database::Sqlite { writer, .. } => sqlx::query("DELETE FROM certificate").execute(writer).await.map(drop),
            Database::Postgres(pool) => sqlx::query("DELETE FROM certificate").execute(pool).await.map(drop),
        };
        assert!(gone.is_err(), "{}: what was replaced stays", fresh.engine);
    }
}

#[tokio::test]
async fn issuers_and_crl_numbers_read_back() {
    for fresh in databases(&authority_migrations()).await {
        let store = store(&fresh);
        let record = |id: &str, root| IssuerRecord {
            id: IssuerId::new(id).unwrap(),
            root,
            certificate: vec![0x30],
            key: format!("file:{id}.key"),
            profiles: if root { vec![] } else { vec![ProfileName::new("unit-sign").unwrap()] },
            crl_shards: if root { 0 } else { 16 },
            sm2_id: if root { Sm2Id::EMPTY } else { Sm2Id::STANDARD },
            retired: None,
        };
        let crl = CrlRecord {
            issuer: issuer(),
            list: crate::domain::ListKind::Full,
            number: 1,
            base: None,
            this_update: NOW,
            next_update: NOW.plus(9),
            entries: 0,
            covers: 0,
            planned: true,
            sha256: Sha256([1; 32]),
        };
        let mut tx = store.begin().await.unwrap();
        tx.add_issuer(&record("unit-p256", false)).await.unwrap();
        tx.add_issuer(&record("root", true)).await.unwrap();
        tx.add_responder_key(&issuer(), Sha256([7; 32]), NOW).await.unwrap();
        assert_eq!(tx.crl_number(&issuer()).await.unwrap(), 0);
        assert_eq!(tx.take_crl_number(&issuer(), 0).await.unwrap(), 1);
        assert!(matches!(tx.take_crl_number(&issuer(), 0).await, Err(StoreError::Contended)), "{}", fresh.engine);
        tx.add_crl(&crl).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin_read().await.unwrap();
        assert_eq!(tx.issuers().await.unwrap(), vec![record("root", true), record("unit-p256", false)]);
        assert!(tx.is_responder_key(&issuer(), Sha256([7; 32])).await.unwrap());
        assert!(!tx.is_responder_key(&issuer(), Sha256([8; 32])).await.unwrap());
        assert_eq!(tx.last_crl(&issuer(), crate::domain::ListKind::Full).await.unwrap(), Some(crl.clone()));
        assert_eq!(tx.last_planned_crl(&issuer(), crate::domain::ListKind::Full).await.unwrap(), Some(crl));
    }
}

#[tokio::test]
async fn of_two_processes_that_append_at_once_one_wins_and_the_other_begins_again() {
    for fresh in databases(&authority_migrations()).await {
        let head = AuditHead { seq: 0, hash: Sha256([0; 32]) };
        let row = |n| AuditRow { seq: 1, at: NOW, event: format!("{{\"n\":{n}}}"), hash: Sha256([n; 32]) };
        // Two stores: each believes that it is the only writer.
        let stores = [store(&fresh), SqlStore::new(fresh.reopen().await)];
        let race = |n: u8| {
            let store = stores[usize::from(n) - 1].clone();
            async move {
                let mut tx = store.begin().await?;
                if tx.audit_head().await? != head {
                    return Err(StoreError::Contended);
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                tx.append_audit(head, &[row(n)]).await?;
                tx.commit().await
            }
        };
        let (first, second) = tokio::join!(race(1), race(2));
        assert!(first.is_ok() != second.is_ok(), "{}: {first:?} {second:?}", fresh.engine);
        let lost = if first.is_ok() { second } else { first };
        assert!(matches!(lost, Err(StoreError::Contended)), "{}: {lost:?}", fresh.engine);
        let mut tx = stores[0].begin_read().await.unwrap();
        assert_eq!(tx.audit_after(0, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_unit_of_work_runs_again_until_it_gets_in() {
    for fresh in databases(&authority_migrations()).await {
        let stores = [store(&fresh), SqlStore::new(fresh.reopen().await)];
        let count = |store: SqlStore| async move {
            for _ in 0..10 {
                let done = crate::unit_of_work!(&store, StoreError, |tx| {
                    let head = tx.audit_head().await?;
                    let row = AuditRow { seq: head.seq + 1, at: NOW, event: "{}".into(), hash: Sha256([1; 32]) };
                    tx.append_audit(head, std::slice::from_ref(&row)).await?;
                    row.seq
                });
                done.expect("gets in");
            }
        };
        tokio::join!(count(stores[0].clone()), count(stores[1].clone()));
        let mut tx = stores[0].begin_read().await.unwrap();
        assert_eq!(tx.audit_head().await.unwrap().seq, 20, "{}", fresh.engine);
    }
}
