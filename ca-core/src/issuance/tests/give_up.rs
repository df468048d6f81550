//! An intent that cannot be finished gets its fate: revoked without a certificate, and never signed again.

use std::sync::Arc;

use super::{DESK, PAIR, ask, faults, houses, submit};
use crate::domain::CertificateStatus;
use crate::issuance::faults::{Point, StopAt};
use crate::issuance::{Stop, give_up, open_intents};
use crate::service::protocol::{RefusalCode, Request};
use crate::store::{Completion, Store as _};
use crate::testing::new_key;

#[tokio::test]
async fn an_intent_that_was_given_up_is_revoked_listed_and_never_signed() {
    for (engine, house) in houses().await {
        let order = house.unit_order();
        let submission = house.issue(&order, &DESK, "limin", &new_key());
        let stopped = house.authority_with(Arc::new(StopAt(Point::IntentDurable))).await;
        assert!(submit(&stopped, submission.clone()).await.is_err());
        let store = house.store().await;
        let mut open = open_intents(&store).await.unwrap();
        open.sort_by_key(|intent| intent.serial.to_string());
        assert_eq!(open.len(), PAIR, "{engine}");
        let mut given_up = give_up(&store, house.now(), order.id, "the profile is stricter now").await.unwrap();
        given_up.sort_by_key(|intent| intent.serial.to_string());
        assert!(given_up == open, "{engine}: all of what was open");

        let authority = house.authority().await;
        assert_eq!(authority.reconcile().await.unwrap(), 0, "{engine}: nothing is left to finish");
        assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::WrongState), "{engine}");
        let abandon = Request::Abandon { order: order.id, why: String::new() };
        assert_eq!(ask(&authority, abandon).await.map(|_| ()), Err(RefusalCode::WrongState), "{engine}");
        let mut tx = store.begin_read().await.unwrap();
        for intent in &open {
            let status = tx.status(&intent.issuer, &intent.serial).await.unwrap().map(|record| record.status);
            assert!(matches!(status, Some(CertificateStatus::Revoked { .. })), "{engine}");
            let listed = tx.unusable(&intent.issuer, house.now(), "", 10).await.unwrap();
            assert!(listed.iter().any(|line| line.serial == intent.serial), "{engine}: it stands on the lists");
        }
        assert!(tx.certificates_of_order(order.id).await.unwrap().iter().all(|record| record.made.is_none()));
        drop(tx);
        // A process that signed it meanwhile comes too late.
        let mut tx = store.begin().await.unwrap();
        let late = Completion { intent: &open[0], certificate: b"late", sha256: crate::domain::Sha256([1; 32]) };
        let completed = tx.complete_all(&[late], house.now()).await.unwrap();
        assert_eq!(completed, 0, "{engine}: a given-up intent became a certificate");
        drop(tx);
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn what_is_a_certificate_or_unknown_cannot_be_given_up() {
    for (engine, house) in houses().await {
        let order = house.unit_order();
        submit(&house.authority().await, house.issue(&order, &DESK, "limin", &new_key())).await.unwrap();
        let store = house.store().await;
        for id in [order.id, house.unit_order().id] {
            let told = give_up(&store, house.now(), id, "").await;
            let code = match told {
                Err(Stop::Refused(refusal)) => refusal.code,
                other => panic!("{engine}: {other:?}"),
            };
            assert_eq!(code, RefusalCode::NotFound, "{engine}");
        }
    }
}
