//! Write before you sign, sign before you tell: whatever stops the authority where, nothing is issued twice, and
//! all that exists is accounted for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{DESK, PAIR, faults, houses, order_came_to_nothing, submit};
use crate::issuance::faults::{Point, StopAt};
use crate::issuance::{Authority, Issuing};
use crate::keys::SignatureAlgorithm;
use crate::profile::Profiles;
use crate::service::protocol::RefusalCode;
use crate::signer::{SignError, Signer};
use crate::sql::{Database, SqlStore};
use crate::store::Store as _;
use crate::testing::new_key;

#[tokio::test]
async fn an_issue_stopped_anywhere_is_finished_once() {
    for point in Point::ALL {
        for (engine, house) in houses().await {
            let (order, key) = (house.unit_order(), new_key());
            let submission = house.issue(&order, &DESK, "limin", &key);
            let stopped = house.authority_with(Arc::new(StopAt(point))).await;
            let told = submit(&stopped, submission.clone()).await.map(|_| ());
            assert_eq!(told, Err(RefusalCode::Unavailable), "{engine} {point:?}");
            drop(stopped);

            let restarted = house.authority().await;
            let before = house.certificates().await;
            assert_eq!(before, PAIR * usize::from(point != Point::BeforeIntent), "{engine} {point:?}");
            let finished = restarted.reconcile().await.unwrap();
            let half_made = matches!(point, Point::IntentDurable | Point::Signed);
            assert_eq!(finished, usize::from(half_made), "{engine} {point:?}");
            assert_eq!(order_came_to_nothing(&restarted, order.id).await, point == Point::BeforeIntent);

            let first = submit(&restarted, submission.clone()).await.unwrap();
            let second = submit(&restarted, submission).await.unwrap();
            assert_eq!(first, second, "{engine} {point:?}");
            assert_eq!(house.certificates().await, PAIR, "{engine} {point:?}");
            assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine} {point:?}");
        }
    }
}

#[tokio::test]
async fn an_issue_stopped_anywhere_can_be_asked_for_again_without_a_restart() {
    for point in [Point::IntentDurable, Point::Signed, Point::CertificateDurable] {
        for (engine, house) in houses().await {
            let submission = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
            let stopped = house.authority_with(Arc::new(StopAt(point))).await;
            assert!(submit(&stopped, submission.clone()).await.is_err());
            let other = house.authority().await;
            submit(&other, submission).await.unwrap_or_else(|code| panic!("{engine} {point:?}: {code:?}"));
            assert_eq!(house.certificates().await, PAIR);
            assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine} {point:?}");
        }
    }
}

/// A key that is away while told so.
struct Away {
    key: Arc<dyn Signer>,
    away: Arc<AtomicBool>,
}

impl Signer for Away {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn spki_der(&self) -> &[u8] {
        self.key.spki_der()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if self.away.load(Ordering::SeqCst) { Err(SignError::Retry("away".into())) } else { self.key.sign(message) }
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignError> {
        if self.away.load(Ordering::SeqCst) {
            Err(SignError::Retry("away".into()))
        } else {
            self.key.sign_digest(digest)
        }
    }
}

#[tokio::test]
async fn while_the_key_is_away_nothing_is_told_and_afterwards_the_same_certificate_is_made() {
    for (engine, house) in houses().await {
        let store = house.store().await;
        let away = Arc::new(AtomicBool::new(true));
        let passphrase = crate::signer::Passphrase::from_file(&house.config.keys.passphrase_file).unwrap();
        let records = store.begin_read().await.unwrap().issuers().await.unwrap();
        let issuers: Vec<Issuing> = records
            .iter()
            .filter(|record| !record.root)
            .map(|record| {
                let key = house.config.keys.open(&record.key, &passphrase, &record.sm2_id).unwrap();
                Issuing::new(record, Arc::new(Away { key, away: away.clone() })).unwrap()
            })
            .collect();
        let profiles = Profiles::built_in().unwrap();
        let authority = Authority::new(
            Arc::new(store),
            house.clock.clone(),
            crate::clock::system_rng(),
            issuers,
            profiles,
            house.config.base_url.clone(),
        );
        let authority = authority.with_kmc(house.centre().await.kmc.clone());
        let order = house.unit_order();
        let submission = house.issue(&order, &DESK, "limin", &new_key());
        for _ in 0..2 {
            let told = submit(&authority, submission.clone()).await.map(|_| ());
            assert_eq!(told, Err(RefusalCode::Unavailable), "{engine}");
            assert!(order_came_to_nothing(&authority, order.id).await, "{engine}: nobody is told of an intent");
        }
        assert!(authority.reconcile().await.is_err());
        away.store(false, Ordering::SeqCst);
        submit(&authority, submission).await.unwrap();
        assert_eq!(house.certificates().await, PAIR, "{engine}");
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}

const HIDE_AUDIT: &str = "ALTER TABLE audit_event RENAME TO audit_away";
const SHOW_AUDIT: &str = "ALTER TABLE audit_away RENAME TO audit_event";

async fn execute(store: &SqlStore, statement: &'static str) {
    match store.database() {
        Database::Sqlite { writer, .. } => drop(sqlx::query(statement).execute(writer).await.unwrap()),
        Database::Postgres(pool) => drop(sqlx::query(statement).execute(pool).await.unwrap()),
    }
}

#[tokio::test]
async fn what_cannot_be_audited_does_not_happen() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let view = submit(&authority, house.issue(&house.unit_order(), &DESK, "limin", &new_key())).await.unwrap();
        let store = house.store().await;
        execute(&store, HIDE_AUDIT).await;
        let submission = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
        assert_eq!(submit(&authority, submission.clone()).await.map(|_| ()), Err(RefusalCode::Unavailable), "{engine}");
        let revocation = house.order(crate::testing::revoke(&view.issuer, &view.serial));
        let revocation = house.about_status(&revocation, &DESK);
        assert_eq!(submit(&authority, revocation.clone()).await.map(|_| ()), Err(RefusalCode::Unavailable));
        execute(&store, SHOW_AUDIT).await;
        assert_eq!(house.certificates().await, PAIR, "{engine}: no intent was left");
        submit(&authority, submission).await.unwrap();
        submit(&authority, revocation).await.unwrap();
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn orders_that_come_at_once_are_each_carried_out_once() {
    for (engine, house) in houses().await {
        // Two processes on one database, which must not be but must do no harm.
        let authorities = [Arc::new(house.authority().await), Arc::new(house.authority().await)];
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let submission = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
            for n in 0..4 {
                let (authority, submission) = (authorities[n % 2].clone(), submission.clone());
                tasks.push(tokio::spawn(async move { submit(&authority, submission).await }));
            }
        }
        for task in tasks {
            // A loser of the race between processes may be told to come again.
            let told = task.await.unwrap();
            assert!(matches!(told, Ok(_) | Err(RefusalCode::Unavailable)), "{engine}: {told:?}");
        }
        assert_eq!(house.certificates().await, 4 * PAIR, "{engine}");
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}
