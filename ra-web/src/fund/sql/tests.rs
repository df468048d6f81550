//! The contract of the fund's tables, on both engines.

use std::collections::BTreeSet;
use std::sync::Arc;

use ca_core::domain::{IssuerId, Serial, Sha256, SubjectField, Timestamp};
use ca_core::sql::testing::databases;
use sqlx::SqlSafeStr as _;

use super::*;
use crate::fund::book_store::{EntryFilter, PeopleFilter};
use crate::fund::books::{Booking, PersonAccount, PersonEntry, PersonNumber, Posted};
use crate::fund::codes::{IdKind, PersonStatus};
use crate::fund::opening::Opening;
use crate::fund::opening::open_accounts;
use crate::fund::opening::tests::demo as opening;
use crate::fund::{Members, id_hash};
use crate::login::{Holder, LoginError, Registry as _};
use crate::vault::FieldKey;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

const NOVEMBER: Timestamp = Timestamp::from_unix(1_795_500_000);

async fn begin(database: &Database, opening: &Opening) -> anyhow::Result<usize> {
    let store: Arc<dyn FundStore> = Arc::new(database.clone());
    open_accounts(&store, opening, &FieldKey::of([7; 32]), &crate::chance_from_seed(1), NOVEMBER).await
}

fn holder(fields: &[(SubjectField, &str)]) -> Holder {
    Holder {
        certificate_sha256: Sha256([1; 32]),
        issuer: IssuerId::new("unit-p256").expect("a name"),
        serial: "4a01".parse::<Serial>().expect("a serial"),
        not_after: NOW.plus(1),
        subject: fields.iter().map(|(field, value)| (*field, (*value).to_owned())).collect(),
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_both_engines() {
    let all: BTreeSet<&'static str> =
        [&STATEMENTS.concat()[..], crate::login::STATEMENTS, crate::audit::STATEMENTS].concat().into_iter().collect();
    for fresh in databases(&fund_migrations()).await {
        for statement in &all {
            use sqlx::Executor as _;
            let prepared = match &fresh.database {
                Database::Sqlite { writer, .. } => writer.prepare(statement.into_sql_str()).await.map(drop),
                Database::Postgres(pool) => pool.prepare(statement.into_sql_str()).await.map(drop),
            };
            assert!(prepared.is_ok(), "{}: {statement}: {prepared:?}", fresh.engine);
        }
    }
}

#[tokio::test]
async fn opening_data_is_opened_once_and_its_balances_are_proved_by_entries() {
    for fresh in databases(&fund_migrations()).await {
        let opening = opening();
        assert_eq!(begin(&fresh.database, &opening).await.expect(fresh.engine), opening.units.len());
        assert_eq!(begin(&fresh.database, &opening).await.expect(fresh.engine), 0);
        let mut tx = FundStore::begin_read(&fresh.database).await.expect(fresh.engine);
        for one in &opening.units {
            let unit = tx.unit(&one.unit.account).await.expect(fresh.engine).expect("opened");
            assert_eq!(
                (unit.paid_through, unit.suspense),
                (one.paid.last().copied(), one.suspense),
                "{}",
                unit.account
            );
            proved(tx.as_mut(), &unit).await;
            let (count, ..) = tx.interest_sums(&unit.account, 2025).await.expect(fresh.engine);
            assert!(count > 0, "a year of interest");
        }
    }
}

/// The three sums of the books.
async fn proved(tx: &mut dyn FundTx, unit: &Unit) {
    let ever =
        EntryFilter { from: day("1991-01-01").expect("a day"), to: day("2099-01-01").expect("a day"), kind: None };
    let people = tx.people(&unit.account, &PeopleFilter::default(), "", 1000).await.expect("read");
    let sum: Fen = people.iter().map(PersonAccount::balance).sum();
    assert_eq!(unit.balance, sum, "unit = sum of persons");
    let entries = tx.unit_entries(&unit.account, &ever, i64::MAX, 1000).await.expect("read");
    assert_eq!(unit.balance, entries.iter().map(|entry| entry.amount + entry.interest).sum());
    assert_eq!(unit.suspense, entries.iter().map(|entry| entry.suspense).sum());
    for person in &people {
        let ledger = tx.person_ledger(&person.number, &ever, i64::MAX, 1000).await.expect("read");
        assert_eq!(person.balance(), ledger.iter().map(PersonEntry::sum).sum(), "{}", person.number);
        assert_eq!(person.carried, ledger.iter().map(|entry| entry.carried).sum(), "{}", person.number);
    }
    let of = |status| people.iter().filter(|person| person.status == status).count() as u32;
    assert_eq!((unit.active_heads, unit.sealed_heads), (of(PersonStatus::Normal), of(PersonStatus::Sealed)));
}

#[tokio::test]
async fn one_odd_account_and_none_is_opened() {
    for fresh in databases(&fund_migrations()).await {
        let mut opening = opening();
        opening.units[2].unit.uscc = opening.units[0].unit.uscc.clone();
        assert!(begin(&fresh.database, &opening).await.is_err());
        let mut tx = FundStore::begin_read(&fresh.database).await.expect(fresh.engine);
        assert_eq!(tx.unit(&opening.units[0].unit.account).await.expect(fresh.engine), None);
    }
}

#[tokio::test]
async fn a_person_has_one_account_and_is_found_by_the_keyed_hash_alone() {
    for fresh in databases(&fund_migrations()).await {
        let opening = opening();
        begin(&fresh.database, &opening).await.expect(fresh.engine);
        let key = FieldKey::of([7; 32]);
        let hash = id_hash(&key, IdKind::Resident, "130599197306120145").expect("a hash");
        let mut tx = FundStore::begin(&fresh.database).await.expect(fresh.engine);
        let person = tx.person_of(hash).await.expect(fresh.engine).expect("known");
        assert_eq!(person.id_masked, "130599********0145");
        assert!(tx.has_open_account(&person.id).await.expect(fresh.engine));
        let sealed = tx.sealed_number(&person.id).await.expect(fresh.engine).expect("sealed");
        assert!(!sealed.windows(6).any(|window| window == b"130599"));
        let opened = key.open(&format!("fund person {}", person.id), &sealed).expect("opens");
        assert_eq!(opened.as_slice(), b"130599197306120145");
        let unit = tx.unit(&opening.units[0].unit.account).await.expect(fresh.engine).expect("there");
        let mut second = tx.people(&unit.account, &PeopleFilter::default(), "", 1).await.expect(fresh.engine).remove(0);
        second.number = PersonNumber::nth(9_999);
        second.version = 0;
        let mut after = unit.clone();
        after.version += 1;
        let posted = vec![Posted { account: second, fresh: true, entry: None }];
        let booking = Booking { unit: after, entry: None, people: posted, changes: Vec::new() };
        assert!(tx.book(&booking, &[], NOVEMBER).await.is_err_and(|error| error.is_conflict()));
        // Another unit does not reach the account.
        let mut tx = FundStore::begin_read(&fresh.database).await.expect(fresh.engine);
        let own = tx.people(&unit.account, &PeopleFilter::default(), "", 1).await.expect(fresh.engine).remove(0);
        let other = &opening.units[1].unit.account;
        assert_eq!(tx.person_account(other, &own.number).await.expect(fresh.engine), None);
        assert_eq!(tx.person_account(&unit.account, &own.number).await.expect(fresh.engine), Some(own));
    }
}

#[tokio::test]
async fn a_holder_is_recognised_by_unique_id_or_by_code_but_a_bound_unit_only_by_its_id() {
    for fresh in databases(&fund_migrations()).await {
        let mut opening = opening();
        opening.units[1].unit.unique_id = Some("HZ-2".into());
        begin(&fresh.database, &opening).await.expect(fresh.engine);
        let members = Members::new(Arc::new(fresh.database.clone()));
        let account = async |fields: &[(SubjectField, &str)]| match members.recognise(&holder(fields)).await {
            Ok(recognised) => Ok(recognised.account),
            Err(LoginError::Refused(refusal)) => Err(refusal.code()),
            Err(error) => panic!("{}: {error}", fresh.engine),
        };
        let (first, second) = (opening.units[0].unit.uscc.as_str(), opening.units[1].unit.uscc.as_str());
        use SubjectField::{CommonName, UniqueId, Uscc};
        assert_eq!(account(&[(Uscc, first)]).await.as_deref(), Ok("0210000001"));
        assert_eq!(account(&[(UniqueId, "HZ-1"), (Uscc, first)]).await.as_deref(), Ok("0210000001"));
        assert_eq!(account(&[(UniqueId, "HZ-2")]).await.as_deref(), Ok("0210000002"));
        assert_eq!(account(&[(UniqueId, "HZ-9"), (Uscc, second)]).await, Err("not-registered"));
        assert_eq!(account(&[(Uscc, second)]).await, Err("not-registered"));
        assert_eq!(account(&[(CommonName, "示范市东湖建筑工程有限公司")]).await, Err("not-registered"));
    }
}
