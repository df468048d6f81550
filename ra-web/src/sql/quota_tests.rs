//! The contract of quota invoices, on both engines.

use ca_core::domain::OfficeId;
use ca_core::sql::testing::databases;

use super::tests::{NOW, new_case_of};
use super::{OfficeStore, office_migrations};
use crate::enrolment::case::Who;
use crate::invoice::quota::allotment::Allotment;
use crate::invoice::quota::paper::{Paper, Place, Range, Run};
use crate::invoice::quota::store::Logged;
use crate::invoice::quota::wish::{Delivery, HandOver, Wish};
use crate::payment::bill::tests::bill;
use crate::payment::bill::{Bill, BillSubject};
use crate::payment::fen::Fen;
use crate::payment::wire::tests::finance;
use crate::store::{Store as _, Tx};

fn office() -> OfficeId {
    bill().office
}

fn run(first: u32, last: u32, yuan: i64) -> Run {
    let code = "113001000001".parse().expect("a code");
    Run { range: Range { code, first, last }, worth: Fen::yuan(yuan) }
}

fn who() -> Who {
    (&finance("liufang", "demo-office")).into()
}

async fn paid(tx: &mut Box<dyn Tx>) -> Bill {
    let case = new_case_of(tx, |_| {}).await;
    let open = Bill { subject: BillSubject::Case(case.number), ..bill() };
    tx.add_bill(&open).await.expect("added");
    let open = tx.bill(&open.number).await.expect("read").expect("there");
    tx.put_bill(&open.clone().pay(NOW).expect("paid")).await.expect("stored");
    tx.bill(&open.number).await.expect("read").expect("there")
}

/// The amounts and counts in stock, and the places of the only run's papers.
async fn places(tx: &mut Box<dyn Tx>) -> [i64; 4] {
    tx.runs(&office(), 10).await.expect("read")[0].counts
}

#[tokio::test]
async fn a_run_is_bought_once_and_its_lowest_papers_leave_it_first() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        tx.add_run(&office(), &run(1, 5, 100), &who(), NOW).await.expect("bought");
        tx.add_run(&office(), &run(11, 12, 50), &who(), NOW.plus(1)).await.expect("bought");
        tx.commit().await.expect("durable");
        for overlapping in [run(5, 9, 100), run(1, 5, 100)] {
            let mut tx = store.begin().await.expect("begun");
            let again = tx.add_run(&office(), &overlapping, &who(), NOW).await;
            assert!(again.expect_err("refused").is_conflict(), "{}: a paper is known once", fresh.engine);
        }
        let mut tx = store.begin().await.expect("begun");
        let bill = paid(&mut tx).await;
        let lowest = tx.lowest(&office(), Fen::yuan(100), 2).await.expect("read");
        assert_eq!(lowest, run(1, 2, 100).range.papers().collect::<Vec<_>>(), "{}", fresh.engine);
        for paper in &lowest {
            let to = Some(&bill.number);
            tx.move_paper(&office(), paper, Place::Stock, Place::Allotted, to).await.expect("moved");
        }
        tx.commit().await.expect("durable");
        let other = OfficeId::new("other-office").expect("an office");
        for (office, from) in [(office(), Place::Stock), (other, Place::Allotted)] {
            let mut tx = store.begin().await.expect("begun");
            let twice = tx.move_paper(&office, &lowest[0], from, Place::Void, None).await;
            assert!(twice.is_err(), "{}: from where it is, and at its office", fresh.engine);
        }
        let mut tx = store.read().await.expect("begun");
        assert_eq!(tx.in_stock(&office()).await.expect("read"), [(Fen::yuan(50), 2), (Fen::yuan(100), 3)]);
        let runs = tx.runs(&office(), 10).await.expect("read");
        assert_eq!(runs[0].run, run(11, 12, 50), "the last bought first");
        assert_eq!((runs[1].counts, runs[1].ends), ([3, 2, 0, 0], Some((3, 5))), "{}", fresh.engine);
        for (first, last, count) in [(1, 5, 3), (1, 2, 0), (4, 9, 2)] {
            let range = run(first, last, 100).range;
            assert_eq!(tx.count_in_stock(&office(), &range).await.expect("read"), count, "{first}–{last}");
        }
    }
}

#[tokio::test]
async fn a_bill_has_one_allotment_that_stands_and_is_read_back_in_each_state() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let by = finance("liufang", "demo-office");
        let mut tx = store.begin().await.expect("begun");
        let bill = paid(&mut tx).await;
        let papers = |first: u32| -> Vec<(Paper, Fen)> {
            let worth = [100, 100, 100, 100, 50, 10].map(Fen::yuan);
            run(first, first + 5, 1).range.papers().zip(worth).collect()
        };
        let wish = Wish { delivery: Delivery { way: HandOver::Counter, ..Delivery::default() }, by: who(), at: NOW };
        tx.put_wish(&bill.number, &Wish { at: NOW.plus(-1), ..wish.clone() }).await.expect("noted");
        tx.put_wish(&bill.number, &wish).await.expect("changed");
        assert_eq!(tx.wish(&bill.number).await.expect("read"), Some(wish), "{}", fresh.engine);
        assert_eq!(tx.wished(&office(), 9).await.expect("read"), std::slice::from_ref(&bill));

        let allotted = Allotment::of(&bill, 1, papers(1), &by, NOW).expect("exactly");
        tx.add_allotment(&allotted).await.expect("added");
        let read = tx.allotments(&bill.number).await.expect("read").remove(0);
        assert_eq!(read, Allotment { version: 1, ..allotted.clone() }, "{}", fresh.engine);
        assert_eq!(tx.to_send(&office(), 9).await.expect("read"), std::slice::from_ref(&read));
        assert_eq!(tx.wished(&office(), 9).await.expect("read"), [], "it has them");
        tx.commit().await.expect("durable");
        let mut tx = store.begin().await.expect("begun");
        let second = Allotment::of(&bill, 2, papers(11), &by, NOW).expect("exactly");
        assert!(tx.add_allotment(&second).await.is_err(), "{}: one at a time", fresh.engine);
        drop(tx);

        let mut tx = store.begin().await.expect("begun");
        let released = read.clone().release(&by, "why", NOW).expect("released");
        tx.put_allotment(&released).await.expect("stored");
        assert!(tx.put_allotment(&released).await.is_err(), "{}: an old version writes nothing", fresh.engine);
        drop(tx);
        let mut tx = store.begin().await.expect("begun");
        let sent = read.send(&by, "SF1", NOW).expect("sent");
        tx.put_allotment(&sent).await.expect("stored");
        let read = tx.allotments(&bill.number).await.expect("read").remove(0);
        assert_eq!(read.state, sent.state);
        let back = read.take_back(&by, "why", NOW).expect("back");
        tx.put_allotment(&back).await.expect("stored");
        tx.add_allotment(&second).await.expect("the first one is over");
        let all = tx.allotments(&bill.number).await.expect("read");
        assert_eq!(all.iter().map(|one| one.state.word()).collect::<Vec<_>>(), ["allotted", "returned"]);
        assert_eq!(all[1].state, back.state, "{}", fresh.engine);
        tx.drop_wish(&bill.number).await.expect("dropped");
        tx.drop_wish(&bill.number).await.expect("twice is the same");
        assert_eq!(tx.wish(&bill.number).await.expect("read"), None);
    }
}

#[tokio::test]
async fn papers_are_counted_where_they_are_and_the_log_keeps_their_way() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        tx.add_run(&office(), &run(1, 3, 100), &who(), NOW).await.expect("bought");
        let paper = run(2, 2, 100).range.papers().next().expect("one");
        let bill = paid(&mut tx).await;
        for (from, to, counts) in [
            (Place::Stock, Place::Allotted, [2, 1, 0, 0]),
            (Place::Allotted, Place::Sent, [2, 0, 1, 0]),
            (Place::Sent, Place::Void, [2, 0, 0, 1]),
        ] {
            tx.move_paper(&office(), &paper, from, to, Some(&bill.number)).await.expect("moved");
            assert_eq!(places(&mut tx).await, counts, "{}: {}", fresh.engine, to.word());
        }
        for (act, bill) in [("buy", None), ("void", Some(bill.number))] {
            let line =
                Logged { act: act.into(), range: run(1, 3, 100).range, bill, by: who(), at: NOW, note: "why".into() };
            tx.log_papers(&office(), &line).await.expect("logged");
            assert_eq!(tx.papers_log(&office(), 1).await.expect("read"), [line], "{}", fresh.engine);
        }
        assert_eq!(tx.papers_log(&office(), 9).await.expect("read").len(), 2);
    }
}
