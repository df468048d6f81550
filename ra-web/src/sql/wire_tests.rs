//! The contract of remittance codes, statements and their lines, on both engines.

use ca_core::sql::testing::databases;

use super::tests::{NOW, new_case_of};
use super::{OfficeStore, office_migrations};
use crate::enrolment::intake::hash_of;
use crate::payment::bill::tests::bill;
use crate::payment::bill::{Bill, BillSubject};
use crate::payment::fen::Fen;
use crate::payment::ledger::Account;
use crate::payment::remittance::{Remittance, RemittanceCode};
use crate::payment::taking::{Method, Payment, PaymentId};
use crate::payment::wire::tests::{finance, line};
use crate::payment::wire::{BankLine, LineNumber, LineState, Reason, StatementNumber, TakenIn};
use crate::statement::Format;
use crate::store::{Store as _, Tx};

async fn open_bill(tx: &mut Box<dyn Tx>) -> Bill {
    let case = new_case_of(tx, |_| {}).await;
    let open = Bill { subject: BillSubject::Case(case.number), ..bill() };
    tx.add_bill(&open).await.expect("added");
    tx.bill(&open.number).await.expect("read").expect("there")
}

fn statement() -> TakenIn {
    TakenIn {
        number: StatementNumber::new(NOW.beijing_day(), 1),
        office: bill().office,
        account: "1305000011112222".into(),
        format: Format::Mt940,
        file_name: "流水.txt".into(),
        sha256: hash_of(b"file"),
        lines: 2,
        known: 0,
        opening: Some(Fen::yuan(1)),
        closing: None,
        by: (&finance("liufang", "demo-office")).into(),
        at: NOW,
    }
}

#[tokio::test]
async fn a_code_is_one_bills_and_a_bill_has_one() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let bill = open_bill(&mut tx).await;
        let code = RemittanceCode::draw(crate::statement::code::Kind::Bill, &mut ca_core::clock::system_rng());
        let remittance = Remittance::of(&bill, code.clone(), NOW);
        assert!(tx.add_remittance(&remittance).await.expect("free"), "{}", fresh.engine);
        assert!(!tx.add_remittance(&remittance).await.expect("asked"), "{}: the code is taken", fresh.engine);
        assert_eq!(tx.remittance(&code).await.expect("read"), Some(remittance.clone()));
        assert_eq!(
            tx.remittances_like(&remittance.payer, bill.gross(), 9).await.expect("read"),
            std::slice::from_ref(&remittance)
        );
        assert_eq!(tx.remittances_like(&remittance.payer, Fen::yuan(1), 9).await.expect("read"), []);
        tx.choose_wire(&bill.number, NOW.plus(5)).await.expect("noted");
        tx.choose_wire(&bill.number, NOW.plus(9)).await.expect("noted before");
        let chosen = tx.remittance_of(&bill.number).await.expect("read").expect("there").chosen;
        assert_eq!(chosen, Some(NOW.plus(5)), "{}", fresh.engine);
        let longer = bill.clone().wait_longer(NOW, 30).expect("open");
        tx.put_bill(&longer).await.expect("stored");
        assert_eq!(tx.bill(&bill.number).await.expect("read").expect("there").due, longer.due);
        let other = Remittance::of(
            &bill,
            RemittanceCode::draw(crate::statement::code::Kind::Bill, &mut ca_core::clock::system_rng()),
            NOW,
        );
        assert!(tx.add_remittance(&other).await.is_err(), "{}: a bill has one code", fresh.engine);
    }
}

#[tokio::test]
async fn a_line_is_known_once_and_every_state_is_read_back() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let bill = open_bill(&mut tx).await;
        let taken = statement();
        tx.add_statement(&taken).await.expect("stored");
        assert_eq!(tx.statement_of_file(taken.sha256).await.expect("read"), Some(taken.clone()));
        assert_eq!(tx.statements(&taken.office, 9).await.expect("read"), std::slice::from_ref(&taken));
        let first = line(Fen::yuan(460), "东湖", "XT");
        tx.add_line(&first).await.expect("stored");
        assert_eq!(tx.line(&first.number).await.expect("read"), Some(first.clone()), "{}", fresh.engine);
        assert!(tx.knows_line(&first.account, first.fingerprint).await.expect("read"));
        assert_eq!(tx.line_of_serial(&first.account, "A1").await.expect("read"), Some(first.clone()));
        let (one, two) = (finance("liufang", "demo-office"), finance("wangqiang", "demo-office"));
        let id = PaymentId::new(NOW.beijing_day(), 1);
        let payment = Payment::came(id, &bill, Method::Wire, None, "r1".into(), NOW);
        tx.add_payment(&payment).await.expect("stored");
        let lost = || first.clone().suspend(Reason::Double, Some(bill.number.clone())).expect("suspended");
        let asked = || lost().ask_return(&one, "why".into(), NOW).expect("asked");
        let agreed = || asked().approve_return(&two, NOW).expect("agreed");
        let states = [
            first.clone().propose(bill.number.clone()).expect("proposed"),
            lost(),
            first.clone().suspend(Reason::NoCode, None).expect("suspended"),
            first.clone().matched(&bill, payment.id.clone(), None, NOW).expect("matched"),
            lost().matched(&bill, payment.id.clone(), Some(&one), NOW).expect("matched"),
            lost().clear(Account::OnlineTransit, &one, NOW).expect("cleared"),
            asked(),
            agreed(),
            agreed().returned(&one, "OUT-0001", NOW).expect("sent"),
        ];
        for (version, state) in (1..).zip(states) {
            let moved = BankLine { version, ..state };
            tx.put_line(&moved).await.expect("stored");
            let read = tx.line(&first.number).await.expect("read").expect("there");
            assert_eq!(read, BankLine { version: version + 1, ..moved.clone() }, "{}", fresh.engine);
            let word: &'static str = moved.state.word();
            assert_eq!(tx.lines_in(&first.office, word, 9).await.expect("read").len(), 1, "{word}");
            let about = tx.lines_about(&bill.number).await.expect("read").len();
            assert_eq!(about, usize::from(moved.state.bill().is_some()), "{word}");
        }
        assert!(tx.put_line(&first).await.is_err(), "{}: who read an old version writes nothing", fresh.engine);
        drop(tx);

        let mut tx = store.begin().await.expect("begun");
        tx.add_statement(&statement()).await.expect("stored");
        tx.add_line(&first).await.expect("stored");
        tx.commit().await.expect("durable");
        let number = LineNumber::new(NOW.beijing_day(), 2);
        for again in [
            BankLine { number: number.clone(), n: 2, serial: None, ..first.clone() },
            BankLine { number: number.clone(), n: 2, fingerprint: hash_of(b"two"), ..first.clone() },
        ] {
            let mut tx = store.begin().await.expect("begun");
            assert!(tx.add_line(&again).await.is_err(), "{}: known", fresh.engine);
        }
        let mut tx = store.begin().await.expect("begun");
        let went = BankLine {
            number,
            n: 2,
            serial: None,
            fingerprint: hash_of(b"two"),
            amount: -Fen::yuan(3),
            state: LineState::Went,
            ..first.clone()
        };
        tx.add_line(&went).await.expect("another");
        assert_eq!(tx.lines_of(&first.statement, 9).await.expect("read"), [first, went], "{}", fresh.engine);
        let mut copy = statement();
        copy.number = StatementNumber::new(NOW.beijing_day(), 2);
        assert!(tx.add_statement(&copy).await.is_err(), "{}: the same file", fresh.engine);
    }
}
