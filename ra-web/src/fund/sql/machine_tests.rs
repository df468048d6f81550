//! The contract of what is kept of programs, on both engines.

use std::sync::Arc;

use ca_core::domain::{Sha256, Timestamp};
use ca_core::sql::Database;
use ca_core::sql::testing::databases;

use super::*;
use crate::fund::machines::{ANSWER_SECONDS, Claim, LAPSE_SECONDS, MachineSession, claim};
use crate::fund::opening::open_accounts;
use crate::fund::opening::tests::demo;
use crate::retry::settled;
use crate::vault::FieldKey;

const NOW: Timestamp = Timestamp::from_unix(1_795_500_000);

async fn filled(database: &Database) -> AccountNumber {
    let store: Arc<dyn FundStore> = Arc::new(database.clone());
    let chance = crate::chance_from_seed(1);
    open_accounts(&store, &demo(), &FieldKey::of([7; 32]), &chance, NOW).await.expect("opened");
    "0210000001".parse().expect("an account")
}

async fn claimed(database: &Database, unit: &AccountNumber, name: &str, request: u8, now: Timestamp) -> Claim {
    settled(|| async {
        let mut tx = FundStore::begin(database).await?;
        let found = claim(tx.as_mut(), unit, name, Sha256([request; 32]), now).await?;
        tx.commit().await?;
        Ok(found)
    })
    .await
    .expect("storage works")
}

#[tokio::test]
async fn a_request_under_a_name_is_one_callers_until_it_is_answered_given_free_or_lapsed() {
    for fresh in databases(&fund_migrations()).await {
        let (database, engine) = (&fresh.database, fresh.engine);
        let unit = filled(database).await;
        assert_eq!(claimed(database, &unit, "a", 1, NOW).await, Claim::First, "{engine}");
        assert_eq!(claimed(database, &unit, "a", 1, NOW).await, Claim::Busy, "{engine}");
        assert_eq!(claimed(database, &unit, "a", 2, NOW).await, Claim::Other, "{engine}");
        let other: AccountNumber = "0210000002".parse().expect("an account");
        assert_eq!(claimed(database, &other, "a", 2, NOW).await, Claim::First, "{engine}: a name is one unit's");
        // Whoever had it died: one of two callers takes it over.
        let later = NOW.plus(LAPSE_SECONDS);
        let (one, two) = tokio::join!(claimed(database, &unit, "a", 1, later), claimed(database, &unit, "a", 1, later));
        assert!(
            [&one, &two].contains(&&Claim::Again) && [&one, &two].contains(&&Claim::Busy),
            "{engine}: {one:?} {two:?}"
        );
        // The one who lapsed gives nothing free any more, and answers nothing.
        let mut tx = FundStore::begin(database).await.expect(engine);
        tx.release_request(&unit, "a", NOW).await.expect(engine);
        tx.keep_answer(&unit, "a", NOW, b"old").await.expect(engine);
        tx.keep_answer(&unit, "a", later, b"new").await.expect(engine);
        tx.release_request(&unit, "a", later).await.expect(engine);
        tx.commit().await.expect(engine);
        assert_eq!(claimed(database, &unit, "a", 1, later).await, Claim::Done(b"new".to_vec()), "{engine}");
        assert_eq!(claimed(database, &unit, "b", 1, later).await, Claim::First, "{engine}");
        let mut tx = FundStore::begin(database).await.expect(engine);
        tx.release_request(&unit, "b", later).await.expect(engine);
        tx.commit().await.expect(engine);
        assert_eq!(claimed(database, &unit, "b", 2, later).await, Claim::First, "{engine}");
        let forgotten = later.plus(ANSWER_SECONDS + 1);
        assert_eq!(claimed(database, &unit, "a", 3, forgotten).await, Claim::First, "{engine}");
    }
}

#[tokio::test]
async fn sessions_of_programs_end_one_by_one_by_certificate_and_with_time() {
    for fresh in databases(&fund_migrations()).await {
        let (database, engine) = (&fresh.database, fresh.engine);
        let unit = filled(database).await;
        let session = |id: u8, certificate: u8, seconds: i64| MachineSession {
            id: Sha256([id; 32]),
            unit: unit.clone(),
            certificate: Sha256([certificate; 32]),
            record: format!("record {id}"),
            expires: NOW.plus(seconds),
        };
        let all = [session(1, 1, 900), session(2, 1, 900), session(3, 2, 900), session(4, 2, 10)];
        let mut tx = FundStore::begin(database).await.expect(engine);
        for one in &all {
            tx.keep_machine_session(one, NOW).await.expect(engine);
        }
        tx.end_machine_session(all[0].id).await.expect(engine);
        assert_eq!(tx.machine_session(all[0].id).await.expect(engine), None);
        assert_eq!(tx.machine_session(all[1].id).await.expect(engine).as_ref(), Some(&all[1]));
        tx.end_machine_sessions_of(all[1].certificate).await.expect(engine);
        assert_eq!(tx.machine_session(all[1].id).await.expect(engine), None);
        assert_eq!(tx.machine_session(all[2].id).await.expect(engine).as_ref(), Some(&all[2]));
        tx.keep_machine_session(&session(5, 3, 900), NOW.plus(11)).await.expect(engine);
        assert_eq!(tx.machine_session(all[3].id).await.expect(engine), None, "{engine}: swept out");
        tx.commit().await.expect(engine);
    }
}
