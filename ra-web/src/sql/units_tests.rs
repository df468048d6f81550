//! Units, names and counts: written with every case, found by every part, on both engines.

use ca_core::domain::{OfficeId, Timestamp};
use ca_core::sql::Database;
use ca_core::sql::testing::databases;

use super::tests::{NOW, new_case_of};
use super::{OfficeStore, office_migrations};
use crate::enrolment::case::{Case, State};
use crate::store::{CaseFilter, Store, Tx};
use crate::units::{UnitRecord, backfill};

async fn named(tx: &mut Box<dyn Tx>, name: &str, uscc: &str) -> Case {
    new_case_of(tx, |form| {
        name.clone_into(&mut form.unit_name);
        uscc.clone_into(&mut form.uscc);
    })
    .await
}

/// The state that the test wants, whatever the way to it.
async fn put(tx: &mut Box<dyn Tx>, case: &Case, state: State) -> Case {
    let (mut case, sealed) = tx.case(&case.number).await.expect("read").expect("there");
    case.state = state;
    tx.put_case(&case, sealed.as_deref()).await.expect("written");
    case.version += 1;
    case
}

fn delivered() -> State {
    State::Delivered {
        order: "01KB0000000000000000000000".parse().expect("an order"),
        issuer: super::tests::issuer(),
        serial: "4a01".parse().expect("a serial"),
    }
}

#[tokio::test]
async fn a_unit_is_found_by_each_part_of_its_name_the_best_first() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let names = [
            ("示范市东湖（建筑）有限公司", "U1"),
            ("东湖建筑有限公司", "U2"),
            ("东湖建筑", "U3"),
            ("西湖ＡＢＣ", "U4"),
        ];
        for (name, uscc) in names {
            let case = named(&mut tx, name, uscc).await;
            tx.put_unit(&UnitRecord::of(&case, Some(b"sealed"), NOW)).await.expect("written");
        }
        let mut found = async |part: &str, limit| -> Vec<String> {
            let found = tx.units_like(part, limit).await.expect("read");
            found.into_iter().map(|unit| unit.uscc).collect()
        };
        assert_eq!(found("东湖建筑", 10).await, ["U3", "U2", "U1"], "{}", fresh.engine);
        assert_eq!(found("东湖建筑", 2).await, ["U3", "U2"]);
        assert_eq!(found("湖abc", 10).await, ["U4"]);
        assert_eq!(found("u4", 10).await, ["U4"], "by its code too");
        assert_eq!(found("建东", 10).await, [""; 0]);
        let unit = tx.unit("U1").await.expect("read").expect("there");
        assert!(unit.handler.id_sealed.as_deref() == Some(&b"sealed"[..]) && unit.created == NOW);
        assert!(tx.unit("U9").await.expect("read").is_none());
    }
}

#[tokio::test]
async fn a_renamed_unit_is_found_by_both_names_and_an_older_fact_changes_nothing() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let case = named(&mut tx, "东湖建筑", "U1").await;
        let old = UnitRecord::of(&case, None, NOW);
        let new = UnitRecord { name: "南湖建筑".into(), updated: NOW.plus(5), created: NOW.plus(5), ..old.clone() };
        for unit in [&old, &new, &old] {
            tx.put_unit(unit).await.expect("written");
        }
        let read = tx.unit("U1").await.expect("read").expect("there");
        assert!(read == UnitRecord { created: NOW, ..new }, "{}", fresh.engine);
        for part in ["东湖", "南湖"] {
            assert_eq!(tx.units_like(part, 10).await.expect("read")[0].name, "南湖建筑");
        }
    }
}

#[tokio::test]
async fn the_counts_and_names_of_cases_follow_every_move() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let (one, two) = (named(&mut tx, "东湖建筑", "U1").await, named(&mut tx, "东湖路桥", "U2").await);
        let office = one.office.clone();
        let other = OfficeId::new("elsewhere").expect("an office");
        let by_name = |office: &OfficeId| CaseFilter::Name(Some(office.clone()), "东湖".into());
        assert_eq!(tx.cases(&by_name(&office), 10).await.expect("read").len(), 2);
        assert_eq!(tx.cases(&by_name(&other), 10).await.expect("read"), []);
        put(&mut tx, &one, State::Rejected { reason: "x".into() }).await;
        put(&mut tx, &two, delivered()).await;
        let counts = tx.count_cases(&office).await.expect("read");
        assert_eq!(counts, [("delivered".to_owned(), 1), ("rejected".to_owned(), 1)], "{}", fresh.engine);
        let found = tx.cases(&by_name(&office), 10).await.expect("read");
        assert_eq!(found.iter().map(|line| &line.number).collect::<Vec<_>>(), [&one.number], "delivered: by its unit");
        let (mut case, _) = tx.case(&one.number).await.expect("read").expect("there");
        "西湖建筑".clone_into(&mut case.form.unit_name);
        tx.put_case(&case, None).await.expect("written");
        assert_eq!(tx.cases(&by_name(&office), 10).await.expect("read"), []);
        assert_eq!(tx.count_cases(&office).await.expect("read"), counts);
    }
}

#[tokio::test]
async fn cases_from_before_are_written_down_once_and_a_second_start_changes_nothing() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let open = named(&mut tx, "东湖建筑", "U1").await;
        let done = named(&mut tx, "南湖建筑", "U2").await;
        put(&mut tx, &done, delivered()).await;
        tx.commit().await.expect("durable");
        // As a database from before has them.
        for wipe in ["DELETE FROM case_name", "DELETE FROM unit_name", "DELETE FROM unit"] {
            match &fresh.database {
                Database::Sqlite { writer, .. } => sqlx::query(wipe).execute(writer).await.map(drop),
                Database::Postgres(pool) => sqlx::query(wipe).execute(pool).await.map(drop),
            }
            .expect("wiped");
        }
        assert_eq!(backfill::fill(&store).await.expect("filled"), 2, "{}", fresh.engine);
        assert_eq!(backfill::fill(&store).await.expect("filled"), 0);
        let mut tx = store.read().await.expect("begun");
        assert!(tx.backfill_after().await.expect("read").is_none());
        let unit = tx.unit("U2").await.expect("read").expect("there");
        assert!(
            unit.name == "南湖建筑"
                && unit.handler.case == done.number
                && unit.updated == Timestamp::from_unix(NOW.unix())
        );
        assert!(tx.unit("U1").await.expect("read").is_none());
        let cases = tx.cases(&CaseFilter::Name(None, "东湖".into()), 10).await.expect("read");
        assert_eq!(cases[0].number, open.number);
    }
}
