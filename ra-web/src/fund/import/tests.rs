use ca_core::sql::Database;
use ca_core::sql::testing::databases;

use super::*;
use crate::fund::book_store::{EntryFilter, PeopleFilter};
use crate::fund::books::{PersonAccount, PersonEntry};
use crate::fund::fund_migrations;
use crate::fund::opening::open_accounts;
use crate::fund::opening::tests::demo;

const NOW: Timestamp = Timestamp::from_unix(1_795_500_000);

fn key() -> FieldKey {
    FieldKey::of([7; 32])
}

fn source(name: &str, bytes: impl Into<Vec<u8>>) -> Source {
    Source { name: name.into(), bytes: bytes.into() }
}

fn files() -> Vec<Source> {
    vec![
        source("units.csv", include_bytes!("../../../demo/import/units.csv").as_slice()),
        source("people-gbk.csv", include_bytes!("../../../demo/import/people-gbk.csv").as_slice()),
    ]
}

/// A fund that runs, with the units of the demonstration.
async fn running(database: &Database) -> Arc<dyn FundStore> {
    let store: Arc<dyn FundStore> = Arc::new(database.clone());
    open_accounts(&store, &demo(), &key(), &crate::chance_from_seed(1), NOW).await.expect("opened");
    store
}

async fn brought(store: &Arc<dyn FundStore>, sources: &[Source], look_only: bool) -> Result<Report, ImportError> {
    import(store, sources, look_only, &key(), &crate::chance_from_seed(2), NOW).await
}

fn faults(done: Result<Report, ImportError>) -> Vec<String> {
    match done {
        Err(ImportError::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_city_is_brought_in_beside_what_runs_once_and_its_sums_are_those_of_its_files() {
    for fresh in databases(&fund_migrations()).await {
        let store = running(&fresh.database).await;
        let looked = brought(&store, &files(), true).await.expect(fresh.engine);
        let account: AccountNumber = "0210000101".parse().expect("an account");
        let mut tx = store.begin_read().await.expect(fresh.engine);
        assert_eq!(tx.unit(&account).await.expect(fresh.engine), None, "only looked at");
        tx.commit().await.expect(fresh.engine);
        let report = brought(&store, &files(), false).await.expect(fresh.engine);
        let wanted = Sums {
            units: 2,
            people: 5,
            carried: Fen::new(27_148_800),
            current: Fen::new(1_198_800),
            suspense: Fen::new(125_000),
        };
        assert_eq!((report.new, report.known, looked), (wanted, Sums::default(), report));
        let ever =
            EntryFilter { from: day("1991-01-01").expect("a day"), to: day("2099-01-01").expect("a day"), kind: None };
        let mut tx = store.begin_read().await.expect(fresh.engine);
        let (mut balance, mut heads) = (Fen::ZERO, 0);
        for account in ["0210000101", "0210000102"] {
            let unit = tx.unit(&account.parse().expect("an account")).await.expect(fresh.engine).expect("there");
            let people = tx.people(&unit.account, &PeopleFilter::default(), "", 100).await.expect(fresh.engine);
            assert_eq!(unit.balance, people.iter().map(PersonAccount::balance).sum::<Fen>());
            for person in &people {
                let ledger = tx.person_ledger(&person.number, &ever, i64::MAX, 100).await.expect(fresh.engine);
                assert_eq!(person.balance(), ledger.iter().map(PersonEntry::sum).sum::<Fen>());
            }
            balance += unit.balance;
            heads += unit.active_heads + unit.sealed_heads;
        }
        tx.commit().await.expect(fresh.engine);
        assert_eq!((balance, heads), (wanted.carried + wanted.current, 5));
        // Again: everything is known, nothing moves.
        let again = brought(&store, &files(), false).await.expect(fresh.engine);
        assert_eq!((again.new, again.known.units, again.known.people), (Sums::default(), 2, 5));
    }
}

#[tokio::test]
async fn every_faulty_row_of_every_file_is_named_at_once_and_nothing_is_brought_in() {
    for fresh in databases(&fund_migrations()).await {
        let store = running(&fresh.database).await;
        let sound = files();
        let units = String::from_utf8(sound[0].bytes.clone()).expect("UTF-8");
        let people = encoding_rs::GBK.decode(&sound[1].bytes).0.into_owned();
        let bad_units = units.replace("7%,7%", "7%,八").replace("2012-09-03", "2012-13-03");
        let bad_people = people.replace("4200.00", "很多").replace("13800002004", "23800002004");
        let both =
            [source("units.csv", bad_units), source("people.csv", bad_people), source("other.csv", "甲,乙\n1,2\n")];
        let said = faults(brought(&store, &both, false).await);
        for wanted in [
            "units.csv, row 2: 个人缴存比例: rate",
            "units.csv, row 3: 开户日期: day",
            "people.csv, row 2: 缴存基数: amount",
            "people.csv, row 5: 手机号码: mobile",
            "other.csv: no column",
        ] {
            assert!(said.iter().any(|fault| fault.starts_with(wanted)), "{wanted}: {said:#?}");
        }
        // What contradicts the books, or itself.
        let alien = units.replace("0210000101", "0210000001");
        let lost = people.replace("0210000102", "0210000777");
        let twice = people.replace("倪春燕,身份证,130599199011080042", "贾志远,身份证,130599198503120018");
        let renamed = people.replace("贾志远,身份证,130599198503120018", "贾志远,身份证,130599197306120145");
        for (sources, wanted) in [
            (vec![source("u.csv", alien)], "are not one unit's"),
            (vec![source("u.csv", units.replace("7%,7%", "13%,7%"))], "13% is outside 5% to 12%"),
            (vec![source("u.csv", units.clone()), source("p.csv", lost)], "the unit 0210000777 is not there"),
            (vec![source("u.csv", units.clone()), source("p.csv", twice)], "stands twice"),
            (vec![source("u.csv", units.clone()), source("p.csv", renamed)], "known under another name"),
            (vec![source("p.csv", people.replace("0210000101", "0210000001"))], "have begun without"),
        ] {
            let said = faults(brought(&store, &sources, false).await);
            assert!(said.iter().any(|fault| fault.contains(wanted)), "{wanted}: {said:#?}");
        }
        let mut tx = store.begin_read().await.expect(fresh.engine);
        assert_eq!(tx.unit(&"0210000101".parse().expect("an account")).await.expect(fresh.engine), None);
    }
}
