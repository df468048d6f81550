//! The end of an issuer.

use super::*;
use crate::revocation::{NO_OTHER, retire};
use crate::store::{Store as _, StoreError};
use crate::testing::revoke;
use crate::unit_of_work;

impl Desk {
    async fn retire(&self) -> bool {
        let store = self.house.store().await;
        let now = self.house.now();
        unit_of_work!(&store, StoreError, |tx| { retire(tx, self.issuing.id(), now).await? }).unwrap()
    }

    /// nextUpdate of the last full list.
    async fn next_update(&self) -> crate::domain::Timestamp {
        let mut tx = self.house.store().await.begin_read().await.unwrap();
        tx.last_crl(self.issuing.id(), ListKind::Full).await.unwrap().unwrap().next_update
    }
}

#[tokio::test]
async fn a_retired_issuer_issues_no_more_lists_on_and_then_for_the_last_time() {
    for desk in Desk::all().await {
        let engine = desk.engine;
        let view = desk.issue().await;
        assert!(desk.retire().await);
        assert!(!desk.retire().await, "{engine}: once");
        assert_eq!(desk.try_issue().await.unwrap_err(), RefusalCode::IssuerRetired, "{engine}");

        // While a certificate can still be revoked no list may be the last.
        desk.publish(Due::Time).await;
        assert_ne!(desk.next_update().await, NO_OTHER);
        desk.order(revoke(&view.issuer, &view.serial)).await;
        assert_eq!(desk.due().await, Some(Due::News), "{engine}: it still lists");
        desk.publish(Due::News).await;
        assert_eq!(desk.listed(&view.serial), Some(Some(1)));

        // Staff certificates run out last.
        desk.house.clock.advance(6 * 366 * DAY);
        assert_eq!(desk.due().await, Some(Due::Time));
        desk.publish(Due::Time).await;
        assert_eq!(desk.next_update().await, NO_OTHER, "{engine}");
        let text = openssl_crl(&desk.read(ListKind::Full), "-nextupdate");
        assert!(text.contains("Dec 31 23:59:59 9999"), "{text}");

        desk.house.clock.advance(400 * DAY);
        assert_eq!(desk.due().await, None, "{engine}: no other comes");
        let now = desk.house.now();
        let refused = desk.publisher.publish_until(&desk.issuing, Due::Time, now.plus(DAY)).await;
        assert!(matches!(refused, Err(CrlError::Closed(_))), "{refused:?}");
        // A lost one is made anew, as the last.
        std::fs::remove_file(desk.publisher.path(desk.issuing.id(), ListKind::Full)).unwrap();
        let due = desk.due().await.expect("due");
        desk.publish(due).await;
        assert_eq!(desk.next_update().await, NO_OTHER, "{engine}");
        assert_eq!(desk.due().await, None);
    }
}
