//! The contract of bills, payments, refunds, drawers and the ledger, on both engines.

use ca_core::domain::{OfficeId, Officer, OfficerId, Role};
use ca_core::sql::testing::databases;

use super::tests::{NOW, new_case_of};
use super::{OfficeStore, office_migrations};
use crate::enrolment::case::Who;
use crate::payment::bill::tests::bill;
use crate::payment::bill::{Bill, BillSubject};
use crate::payment::drawer::DrawerState;
use crate::payment::fen::Fen;
use crate::payment::invoice::{HandedOut, InvoiceKind};
use crate::payment::ledger::{self, Account};
use crate::payment::refund::{Refund, RefundNumber};
use crate::payment::store::{BillFilter, Takings};
use crate::payment::taking::{Method, Payment, PaymentId, Tender};
use crate::store::{Store as _, Tx};

fn officer(id: &str) -> Officer {
    Officer {
        id: OfficerId::new(id).expect("an id"),
        name: id.to_owned(),
        office: OfficeId::new("demo-office").expect("an office"),
        roles: vec![Role::RaEntry],
    }
}

/// A bill about a case that is there, paid in cash.
async fn paid(tx: &mut Box<dyn Tx>) -> (Bill, Payment) {
    let case = new_case_of(tx, |_| {}).await;
    let open = Bill { subject: BillSubject::Case(case.number), ..bill() };
    tx.add_bill(&open).await.expect("added");
    let open = tx.bill(&open.number).await.expect("read").expect("there");
    let (number, due) = (open.number.clone(), open.gross());
    let open = open.pay(NOW).expect("paid");
    let clerk = officer("limin");
    let day = NOW.beijing_day();
    tx.open_drawer(&clerk.office, &Who::from(&clerk), day).await.expect("opened");
    tx.use_drawer(&clerk.office, &clerk.id, day).await.expect("used");
    let tender = Tender::new(Method::Cash, Some(Fen::yuan(500)), "", due).expect("enough");
    let payment = Payment::take(
        PaymentId::new(day, 1),
        (&number, due),
        tender,
        "demo-office-2026-000001".into(),
        &clerk,
        day,
        NOW,
    );
    tx.add_payment(&payment).await.expect("added");
    tx.put_bill(&open).await.expect("stored");
    tx.book(&ledger::payment(&payment).expect("an entry")).await.expect("booked");
    (tx.bill(&number).await.expect("read").expect("there"), payment)
}

#[tokio::test]
async fn a_bill_is_paid_once_and_read_back_with_all_that_hangs_on_it() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let (bill, payment) = paid(&mut tx).await;
        assert_eq!((bill.state.word(), bill.version, bill.gross()), ("paid", 2, Fen::yuan(460)), "{}", fresh.engine);
        assert_eq!(tx.payment(&payment.id).await.expect("read"), Some(payment.clone()));
        assert_eq!(tx.count_print(&payment.id).await.expect("counted"), 1);
        let office = bill.office.clone();
        for filter in [
            BillFilter::Office(office.clone(), "paid"),
            BillFilter::About(bill.subject.clone()),
            BillFilter::Uscc(bill.uscc.clone()),
            BillFilter::Unserved(office.clone(), NOW.plus(1)),
            BillFilter::Uninvoiced(office.clone()),
        ] {
            assert_eq!(tx.bills(&filter, 10).await.expect("read"), std::slice::from_ref(&bill), "{filter:?}");
        }
        for filter in [BillFilter::Awaiting(office.clone()), BillFilter::Lapsing(NOW.plus(99 * 86_400))] {
            assert_eq!(tx.bills(&filter, 10).await.expect("read"), [], "{filter:?}");
        }
        let invoice = HandedOut {
            bill: bill.number.clone(),
            kind: InvoiceKind::Electronic,
            number: "26132000000000000017".into(),
            waybill: String::new(),
            by: Who::from(&officer("liufang")),
            at: NOW,
            taken_back: None,
        };
        tx.add_invoice(&invoice).await.expect("noted");
        let back = invoice.take_back(&officer("liufang"), "a mistake".into(), NOW);
        tx.take_back_invoice(&back).await.expect("noted");
        assert_eq!(tx.invoices(&bill.number).await.expect("read"), [back]);
        tx.commit().await.expect("durable");

        let mut tx = store.begin().await.expect("begun");
        let stale = Bill { version: 1, ..bill };
        assert!(tx.put_bill(&stale).await.is_err(), "{}: who read an old version writes nothing", fresh.engine);
        drop(tx);
        let mut tx = store.begin().await.expect("begun");
        let second = Payment { id: PaymentId::new(NOW.beijing_day(), 2), receipt: "2".into(), ..payment.clone() };
        assert!(tx.add_payment(&second).await.is_err(), "{}: no second payment while the first stands", fresh.engine);
        drop(tx);
        let mut tx = store.begin().await.expect("begun");
        assert!(tx.book(&ledger::payment(&payment).expect("an entry")).await.is_err(), "{}: booked once", fresh.engine);
    }
}

#[tokio::test]
async fn a_void_frees_the_bill_and_a_refund_leaves_its_drawer_and_days_add_up() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let (bill, first) = paid(&mut tx).await;
        let (clerk, finance, day) = (officer("limin"), officer("liufang"), NOW.beijing_day());
        let voided = first.clone().void(&finance, "a mistake".into(), NOW).expect("today");
        tx.void_payment(&voided).await.expect("voided");
        tx.book(&ledger::void(&voided, &Who::from(&finance), NOW).expect("an entry")).await.expect("booked");
        let tender = Tender::new(Method::Pos, None, "004217", bill.gross()).expect("a slip");
        let price = (&bill.number, bill.gross());
        let payment = Payment::take(PaymentId::new(day, 2), price, tender, "2".into(), &clerk, day, NOW);
        tx.add_payment(&payment).await.expect("the first one is void");
        tx.book(&ledger::payment(&payment).expect("an entry")).await.expect("booked");
        assert_eq!(tx.payments(&bill.number).await.expect("read").len(), 2);

        let refund = Refund::ask(RefundNumber::new(day, 1), &payment, Fen::yuan(60), "why".into(), &clerk, NOW);
        tx.add_refund(&refund).await.expect("asked");
        let approved = refund.clone().approve(&finance, NOW).expect("approved");
        tx.put_refund(&approved, "asked").await.expect("stored");
        assert!(tx.put_refund(&approved, "asked").await.is_err(), "{}: decided once", fresh.engine);
        drop(tx);
        let mut tx = store.begin().await.expect("begun");
        let (bill, first) = paid(&mut tx).await;
        let refund = Refund::ask(RefundNumber::new(day, 1), &first, Fen::yuan(60), "why".into(), &clerk, NOW);
        tx.add_refund(&refund).await.expect("asked");
        let approved = refund.approve(&finance, NOW).expect("approved");
        tx.put_refund(&approved, "asked").await.expect("stored");
        let out = approved.pay_out(&clerk, "", day, NOW).expect("paid out");
        tx.put_refund(&out, "approved").await.expect("stored");
        assert_eq!(tx.refund(&out.number).await.expect("read"), Some(out.clone()));
        assert_eq!(tx.refunds(&bill.number).await.expect("read"), std::slice::from_ref(&out));
        assert_eq!(tx.drawer_refunds(&clerk.office, &clerk.id, day).await.expect("read"), [out]);
        assert_eq!(tx.drawer_payments(&clerk.office, &clerk.id, day).await.expect("read").len(), 1);
        let book = tx.drawer_book(&clerk.office, &clerk.id, day).await.expect("read");
        assert_eq!(book, [(Method::Cash, 2, Fen::yuan(400))], "{}", fresh.engine);
        let takings = Takings {
            office: clerk.office.clone(),
            day,
            method: Method::Cash,
            payments: 1,
            taken: Fen::yuan(460),
            refunds: 1,
            refunded: Fen::yuan(60),
        };
        for office in [None, Some(&clerk.office)] {
            let found = tx.takings(office, day.plus_days(-1), day.plus_days(1)).await.expect("read");
            assert_eq!(found, std::slice::from_ref(&takings), "{}", fresh.engine);
            assert_eq!(tx.takings(office, day.plus_days(1), day.plus_days(9)).await.expect("read"), []);
        }

        let drawer = tx.drawer(&clerk.office, &clerk.id, day).await.expect("read").expect("there");
        let filed = drawer.file(&clerk, Fen::yuan(400), Fen::yuan(401), "a coin", NOW).expect("counted");
        tx.put_drawer(&filed, "open").await.expect("stored");
        assert_eq!(tx.waiting_drawers(&clerk.office, 9).await.expect("read"), std::slice::from_ref(&filed));
        let closed = filed.confirm(&finance, NOW).expect("confirmed");
        tx.put_drawer(&closed, "filed").await.expect("stored");
        assert_eq!(tx.last_drawers(&clerk.office, 9).await.expect("read"), std::slice::from_ref(&closed));
        assert_eq!(tx.waiting_drawers(&clerk.office, 9).await.expect("read"), []);
        assert!(matches!(closed.state, DrawerState::Confirmed { .. }));
        assert!(tx.use_drawer(&clerk.office, &clerk.id, day).await.is_err(), "{}: counted is closed", fresh.engine);
    }
}

#[tokio::test]
async fn numbers_have_no_gaps_and_balances_are_what_postings_add_up_to() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let office = OfficeId::new("demo-office").expect("an office");
        for expected in [1, 2] {
            let mut tx = store.begin().await.expect("begun");
            assert_eq!(tx.next_in_series("receipt/x/2026").await.expect("a number"), expected, "{}", fresh.engine);
            tx.commit().await.expect("durable");
            let mut dropped = store.begin().await.expect("begun");
            dropped.next_in_series("receipt/x/2026").await.expect("a number that is given back");
        }
        let mut tx = store.begin().await.expect("begun");
        let (bill, payment) = paid(&mut tx).await;
        tx.book(&ledger::service(&bill, NOW).expect("an entry")).await.expect("booked");
        tx.commit().await.expect("durable");
        let mut tx = store.read().await.expect("begun");
        let balances = tx.balances(&office).await.expect("read");
        assert_eq!(tx.proved_balances(&office).await.expect("read"), balances, "{}", fresh.engine);
        assert_eq!(balances.iter().map(|(_, balance)| *balance).sum::<Fen>(), Fen::ZERO);
        assert!(
            balances.contains(&(Account::Cash, payment.amount)) && balances.contains(&(Account::Deferred, Fen::ZERO))
        );
        let entries = tx.entries(&office, i64::MAX, 10).await.expect("read");
        assert_eq!(entries.iter().map(|entry| entry.n).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(tx.entries(&office, 2, 10).await.expect("read").len(), 1);
        let about = tx.entries_about(bill.number.as_str()).await.expect("read");
        assert_eq!(about.iter().map(|entry| entry.postings.len()).collect::<Vec<_>>(), [2, 3]);
    }
}

#[tokio::test]
async fn books_are_proved_from_the_last_night_on_and_each_night_from_the_first_entry() {
    const SPOIL: &str = "UPDATE ledger_posting SET amount = amount + 1 WHERE n = 1";
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let office = OfficeId::new("demo-office").expect("an office");
        let night = async || {
            let (n, sums) = store.read().await.expect("begun").add_up(&office).await.expect("read");
            let mut tx = store.begin().await.expect("begun");
            tx.put_proof(&office, n, &sums).await.expect("stored");
            tx.commit().await.expect("durable");
            n
        };
        let proved = async || {
            let mut tx = store.read().await.expect("begun");
            let balances = tx.balances(&office).await.expect("read");
            tx.proved_balances(&office).await.expect("read") == balances
        };
        let mut tx = store.begin().await.expect("begun");
        let (bill, _) = paid(&mut tx).await;
        tx.commit().await.expect("durable");
        assert!(proved().await, "{}: before the first night", fresh.engine);
        assert_eq!((night().await, night().await), (1, 1), "run twice it is the same");
        assert!(proved().await, "{}", fresh.engine);
        let mut tx = store.begin().await.expect("begun");
        tx.book(&ledger::service(&bill, NOW).expect("an entry")).await.expect("booked");
        tx.commit().await.expect("durable");
        assert!(proved().await, "{}: with an entry of the day", fresh.engine);
        match &fresh.database {
            ca_core::sql::Database::Sqlite { writer, .. } => sqlx::query(SPOIL).execute(writer).await.map(drop),
            ca_core::sql::Database::Postgres(pool) => sqlx::query(SPOIL).execute(pool).await.map(drop),
        }
        .expect("spoilt");
        assert_eq!(night().await, 2);
        assert!(!proved().await, "{}: an old entry was changed", fresh.engine);
    }
}
