//! Full lists: what they list, when they come, and which may be published.

use super::*;
use crate::domain::{CertificateStatus, RevocationReason};
use crate::encode::crl::{Head, in_memory};
use crate::testing::revoke;

#[tokio::test]
async fn a_list_follows_each_hold_release_and_revocation() {
    for desk in Desk::all().await {
        let engine = desk.engine;
        assert_eq!(desk.due().await, None, "{engine}: the ceremony made the first");

        let view = desk.issue().await;
        assert_eq!(desk.due().await, None, "{engine}: an issue is no news");
        let serial = view.serial;
        desk.hold(&serial).await;
        assert_eq!(desk.due().await, Some(Due::News));
        assert_eq!(desk.publish(Due::News).await, 2);
        assert_eq!(desk.listed(&serial), Some(Some(6)), "{engine}: certificateHold");

        desk.release(&serial).await;
        assert_eq!(desk.due().await, Some(Due::News));
        desk.publish(Due::News).await;
        assert_eq!(desk.listed(&serial), None, "{engine}: released");

        desk.order(revoke(&view.issuer, &serial)).await;
        assert_eq!(desk.publish(Due::News).await, 4);
        assert_eq!(desk.listed(&serial), Some(Some(1)), "{engine}: keyCompromise");
        assert_eq!(desk.due().await, None);
        desk.house.clock.advance(DAY);
        assert_eq!(desk.due().await, Some(Due::Time), "{engine}: a day has passed");
    }
}

#[tokio::test]
async fn an_amended_reason_is_told_with_the_old_date_by_feed_and_lists() {
    for desk in Desk::all().await {
        let view = desk.issue().await;
        let (issuer, serial) = (view.issuer, view.serial);
        let (name, reason) = (issuer.clone(), RevocationReason::Superseded);
        let act = Act::Revoke { issuer: name, serial: serial.clone(), reason, invalid_since: None };
        let since = desk.house.now();
        desk.order(act).await;
        desk.publish(Due::News).await;
        assert_eq!(desk.listed(&serial), Some(Some(4)));
        desk.house.clock.advance(3600);
        let amended = desk.order(amend(&issuer, &serial)).await;
        let wanted = CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise };
        assert_eq!(amended.status, wanted, "{}", desk.engine);
        assert_eq!(desk.due().await, Some(Due::News));
        desk.publish(Due::News).await;
        assert_eq!(desk.listed(&serial), Some(Some(1)));
        assert_eq!(desk.try_order(amend(&issuer, &serial)).await.unwrap_err(), RefusalCode::WrongState);
    }
}

#[tokio::test]
async fn an_expired_entry_leaves_after_one_more_planned_list() {
    for desk in Desk::all().await {
        let view = desk.issue().await;
        desk.order(revoke(&view.issuer, &view.serial)).await;
        desk.publish(Due::Time).await;
        desk.house.clock.advance(view.validity.not_after.since(desk.house.now()) + DAY);
        let engine = desk.engine;
        desk.publish(Due::News).await;
        assert_eq!(desk.listed(&view.serial), Some(Some(1)), "{engine}: an unplanned list does not count");
        desk.publish(Due::Time).await;
        assert_eq!(desk.listed(&view.serial), Some(Some(1)), "{engine}: once after its end");
        desk.house.clock.advance(DAY);
        desk.publish(Due::Time).await;
        assert_eq!(desk.listed(&view.serial), None, "{engine}");
    }
}

#[tokio::test]
async fn a_list_with_a_stale_number_is_not_published() {
    for desk in Desk::all().await {
        let path = desk.publisher.path(desk.issuing.id(), ListKind::Full);
        desk.publish(Due::Time).await;
        let first = std::fs::read(&path).unwrap();
        desk.publish(Due::Time).await;
        // The folder stands at list 9 (a restored database, say): nothing lower may replace it.
        let head = Head {
            issuer_certificate: desk.issuing.certificate(),
            scope: &crate::domain::ListScope::Full { delta_url: None },
            number: 9,
            this_update: desk.house.now(),
            next_update: desk.house.now().plus(DAY),
        };
        let ninth = in_memory(&head, &desk.issuing.crl_key, []).unwrap();
        std::fs::write(&path, &ninth).unwrap();
        let refused = desk.publisher.publish(&desk.issuing, Due::Time).await;
        assert!(matches!(refused, Err(CrlError::StaleNumber { number: 4, published: 9, .. })), "{refused:?}");
        assert_eq!(std::fs::read(&path).unwrap(), ninth);
        // A list that was lost is made anew.
        std::fs::write(&path, &first).unwrap();
        assert_eq!(desk.due().await, Some(Due::News), "{}", desk.engine);
        assert_eq!(desk.publish(Due::News).await, 5);
    }
}

#[tokio::test]
async fn a_second_process_waits_its_turn_and_nothing_is_left_beside_the_lists() {
    for desk in Desk::all().await {
        let crl = desk.house.config.publish_dir.join("crl");
        let lock = std::fs::File::open(crl.join("unit-p256.lock")).unwrap();
        lock.lock().unwrap();
        let refused = desk.publisher.publish(&desk.issuing, Due::Time).await;
        assert!(matches!(refused, Err(CrlError::Busy(_))), "{}: {refused:?}", desk.engine);
        drop(lock);
        desk.publish(Due::Time).await;
        let left: Vec<_> = files_in(&crl).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(left, Vec::<String>::new());
    }
}
