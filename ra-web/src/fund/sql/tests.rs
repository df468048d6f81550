//! The contract of the fund's tables, on both engines.

use std::collections::BTreeSet;
use std::sync::Arc;

use ca_core::domain::{IssuerId, Serial, Sha256, SubjectField, Timestamp};
use ca_core::sql::testing::databases;
use sqlx::SqlSafeStr as _;

use super::*;
use crate::fund::Members;
use crate::fund::opening::{open_accounts, parse};
use crate::login::{Holder, LoginError, Registry as _};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn demo() -> Vec<Unit> {
    parse(include_str!("../../../demo/units.toml")).expect("sound data")
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
        [STATEMENTS, crate::login::STATEMENTS, crate::audit::STATEMENTS].concat().into_iter().collect();
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
async fn opening_data_is_opened_once_and_reads_back() {
    for fresh in databases(&fund_migrations()).await {
        let units = demo();
        assert_eq!(open_accounts(&fresh.database, &units, NOW).await.expect(fresh.engine), units.len());
        assert_eq!(open_accounts(&fresh.database, &units, NOW).await.expect(fresh.engine), 0);
        let mut tx = fresh.database.begin_read().await.expect(fresh.engine);
        for unit in units {
            assert_eq!(tx.unit(&unit.account).await.expect(fresh.engine), Some(unit));
        }
        assert_eq!(tx.audit_head().await.expect(fresh.engine).seq, 3);
    }
}

#[tokio::test]
async fn one_odd_account_and_none_is_opened() {
    for fresh in databases(&fund_migrations()).await {
        let mut units = demo();
        units[2].uscc = units[0].uscc.clone();
        assert!(open_accounts(&fresh.database, &units, NOW).await.is_err());
        let mut tx = fresh.database.begin_read().await.expect(fresh.engine);
        assert_eq!(tx.unit(&units[0].account).await.expect(fresh.engine), None);
    }
}

#[tokio::test]
async fn a_holder_is_recognised_by_unique_id_or_by_code_but_a_bound_unit_only_by_its_id() {
    for fresh in databases(&fund_migrations()).await {
        let mut units = demo();
        units[1].unique_id = Some("HZ-2".into());
        open_accounts(&fresh.database, &units, NOW).await.expect(fresh.engine);
        let members = Members::new(Arc::new(fresh.database.clone()));
        let account = async |fields: &[(SubjectField, &str)]| match members.recognise(&holder(fields)).await {
            Ok(recognised) => Ok(recognised.account),
            Err(LoginError::Refused(refusal)) => Err(refusal.code()),
            Err(error) => panic!("{}: {error}", fresh.engine),
        };
        let (first, second) = (units[0].uscc.as_str(), units[1].uscc.as_str());
        use SubjectField::{CommonName, UniqueId, Uscc};
        assert_eq!(account(&[(Uscc, first)]).await.as_deref(), Ok("0210000001"));
        assert_eq!(account(&[(UniqueId, "HZ-1"), (Uscc, first)]).await.as_deref(), Ok("0210000001"));
        assert_eq!(account(&[(UniqueId, "HZ-2")]).await.as_deref(), Ok("0210000002"));
        assert_eq!(account(&[(UniqueId, "HZ-9"), (Uscc, second)]).await, Err("not-registered"));
        assert_eq!(account(&[(Uscc, second)]).await, Err("not-registered"));
        assert_eq!(account(&[(CommonName, "示范市东湖建筑工程有限公司")]).await, Err("not-registered"));
    }
}
