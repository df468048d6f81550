//! The contract of the login tables, on both engines and in both databases that have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_core::clock::system_rng;
use ca_core::domain::{LoginPurpose, Timestamp};
use ca_core::sql::testing::{Fresh, databases};

use super::*;
use crate::audit::{Event, verify};
use crate::login::Site;
use crate::retry::settled;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

async fn both_schemas() -> Vec<Fresh> {
    let mut all = databases(&crate::fund::fund_migrations()).await;
    all.extend(databases(&crate::sql::office_migrations()).await);
    all
}

fn challenge() -> Challenge {
    let site = Site { origin: "https://portal.example".into(), purpose: LoginPurpose::Portal };
    Challenge::draw(&site, NOW, &mut system_rng())
}

fn refused(challenge: &Challenge, id: &str) -> LoginRecord {
    LoginRecord {
        id: id.into(),
        challenge: challenge.id(),
        at: NOW,
        outcome: Outcome::Refused { code: "held".into() },
        certificate: None,
        statement: challenge.statement().to_vec(),
        signature: vec![1, 2, 3],
        status_evidence: None,
    }
}

async fn take(database: &Database, id: Sha256, browser: BrowserSession) -> bool {
    settled(|| async {
        let mut tx = database.begin_login().await?;
        let taken = tx.take_challenge(id, browser).await?;
        tx.commit().await?;
        Ok(taken.is_some())
    })
    .await
    .expect("storage works")
}

#[tokio::test]
async fn a_challenge_is_taken_once_and_only_by_its_browser() {
    for fresh in both_schemas().await {
        let database = &fresh.database;
        let (own, other) = (BrowserSession::of("own"), BrowserSession::of("other"));
        let challenge = challenge();
        let mut tx = database.begin_login().await.expect(fresh.engine);
        tx.keep_challenge(&challenge, own).await.expect(fresh.engine);
        tx.commit().await.expect(fresh.engine);

        assert!(!take(database, challenge.id(), other).await, "{}", fresh.engine);
        assert!(take(database, challenge.id(), own).await, "{}", fresh.engine);
        assert!(!take(database, challenge.id(), own).await, "{}", fresh.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_race_for_a_challenge_one_gets_it() {
    for fresh in both_schemas().await {
        let browser = BrowserSession::of("own");
        let challenge = challenge();
        let mut tx = fresh.database.begin_login().await.expect(fresh.engine);
        tx.keep_challenge(&challenge, browser).await.expect(fresh.engine);
        tx.commit().await.expect(fresh.engine);

        let database = Arc::new(fresh.database.clone());
        let racers: Vec<_> = (0..8)
            .map(|_| {
                let (database, id) = (database.clone(), challenge.id());
                tokio::spawn(async move { take(&database, id, browser).await })
            })
            .collect();
        let mut winners = 0;
        for racer in racers {
            winners += usize::from(racer.await.expect("no panic"));
        }
        assert_eq!(winners, 1, "{}", fresh.engine);
    }
}

#[tokio::test]
async fn expired_challenges_are_swept_and_fresh_ones_stay() {
    for fresh in both_schemas().await {
        let browser = BrowserSession::of("own");
        let challenge = challenge();
        let mut tx = fresh.database.begin_login().await.expect(fresh.engine);
        tx.keep_challenge(&challenge, browser).await.expect(fresh.engine);
        assert_eq!(tx.sweep_challenges(challenge.expires()).await.expect(fresh.engine), 0);
        assert_eq!(tx.sweep_challenges(challenge.expires().plus(1)).await.expect(fresh.engine), 1);
        tx.commit().await.expect(fresh.engine);
    }
}

#[tokio::test]
async fn records_read_back_and_one_challenge_has_at_most_one() {
    for fresh in both_schemas().await {
        let challenge = challenge();
        let opened = LoginRecord {
            outcome: Outcome::Opened { account: "0210000001".into() },
            certificate: Some(vec![4, 5]),
            status_evidence: Some(StatusEvidence::Ocsp(vec![6])),
            ..refused(&challenge, "01A")
        };
        let mut tx = fresh.database.begin_login().await.expect(fresh.engine);
        assert!(!tx.was_answered(challenge.id()).await.expect(fresh.engine));
        tx.record_login(&opened).await.expect(fresh.engine);
        tx.commit().await.expect(fresh.engine);

        let mut tx = fresh.database.begin_login().await.expect(fresh.engine);
        assert!(tx.was_answered(challenge.id()).await.expect(fresh.engine));
        assert_eq!(tx.login_record("01A").await.expect(fresh.engine), Some(opened));
        assert_eq!(tx.latest_logins("0210000001", 5).await.expect(fresh.engine)[0].id, "01A");
        let again = tx.record_login(&refused(&challenge, "01B")).await.expect_err("one record");
        assert!(again.is_conflict(), "{}", fresh.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn audit_entries_that_race_form_one_chain() {
    for fresh in both_schemas().await {
        let database = Arc::new(fresh.database.clone());
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let database = database.clone();
                tokio::spawn(async move {
                    let event = Event {
                        at: NOW,
                        actor: format!("account:{writer}"),
                        kind: "login.opened",
                        subject: writer.to_string(),
                        details: BTreeMap::new(),
                    };
                    settled(|| async {
                        let mut tx = database.begin_login().await?;
                        tx.audit(&event).await?;
                        tx.commit().await
                    })
                    .await
                })
            })
            .collect();
        let mut written = 0;
        for writer in writers {
            written += i64::from(writer.await.expect("no panic").is_ok());
        }
        let mut tx = database.begin_login().await.expect(fresh.engine);
        let head = tx.audit_head().await.expect(fresh.engine);
        let entries = tx.audit_entries(0, 100).await.expect(fresh.engine);
        assert_eq!((head.seq, written), (6, 6), "{}", fresh.engine);
        assert_eq!(verify(entries.iter().map(Vec::as_slice), head), Ok(()), "{}", fresh.engine);
    }
}
