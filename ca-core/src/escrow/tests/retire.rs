//! A key goes into history when its certificate has ended, and can still be recovered.

use std::sync::atomic::Ordering;

use super::{Ground, OFFICERS, opened};
use crate::clock::system_rng;
use crate::domain::OrderId;
use crate::escrow::store::State;
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{RefusalCode, Request, Response};
use crate::testing::{new_key, revoke};

async fn is_history(ground: &Ground, spki: &[u8]) -> bool {
    matches!(ground.row_of(spki).await.state, State::History(_))
}

#[tokio::test]
async fn revoked_expired_and_abandoned_keys_go_into_history() {
    for ground in Ground::each().await {
        let (order, own) = ground.unit().await;
        let nobodys = OrderId::draw(ground.house.now(), &mut system_rng());
        let nobodys = ground.provide(nobodys, &new_key()).await.unwrap().spki.0;
        let kmc = &ground.centre.kmc;
        assert!(kmc.retire_ended(None).await.unwrap().is_some());
        assert!(!is_history(&ground, own.spki_der()).await, "{}", ground.engine());

        let Ok(Response::Certificate(view)) = ground.said.authority.call(Request::Order { order }).await else {
            panic!("no certificate")
        };
        let revocation = ground.house.order(revoke(&view.issuer, &view.serial));
        let submission = ground.house.about_status(&revocation, &["limin", "wangqiang"]);
        ground.said.authority.call(Request::Submit(submission)).await.unwrap();
        // Whoever cannot be asked retires nothing.
        ground.said.silent.store(true, Ordering::SeqCst);
        assert!(kmc.retire_ended(None).await.is_err());
        assert!(!is_history(&ground, own.spki_der()).await);
        ground.said.silent.store(false, Ordering::SeqCst);
        kmc.retire_ended(None).await.unwrap();
        assert!(is_history(&ground, own.spki_der()).await);
        assert!(!is_history(&ground, &nobodys).await);

        // Recovered all the same, for old data; but no order gets it again.
        let (recipient, key) = ground.certificate().await;
        let submission = ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient);
        let wrapped = ground.recover(submission).await.unwrap();
        assert_eq!(opened(&wrapped, &key).pkcs8_der(), own.pkcs8_der());

        let live = recipient.order;
        let lives = ground.provide(live, &key).await.unwrap().spki.0;
        ground.house.clock.advance(32 * 86_400);
        kmc.retire_ended(None).await.unwrap();
        assert!(is_history(&ground, &nobodys).await);
        assert!(!is_history(&ground, &lives).await);
        ground.house.clock.advance(366 * 86_400);
        kmc.retire_ended(None).await.unwrap();
        assert!(is_history(&ground, &lives).await);
        let outcome = ground.provide(live, &key).await;
        ground.refused(outcome, RefusalCode::WrongState).await;
        let events = ground.events().await.concat();
        for why in ["revoked", "never_issued", "expired"] {
            assert!(events.contains(&format!(r#""why":"{why}""#)), "{why}");
        }
    }
}

#[tokio::test]
async fn the_key_that_an_order_took_for_a_token_that_broke_goes_into_history_once_the_pair_is_made() {
    for ground in Ground::each().await {
        let (view, key) = ground.certificate().await;
        let broken = ground.provide(view.order, &new_key()).await.unwrap().spki.0;
        let kmc = &ground.centre.kmc;
        kmc.retire_ended(None).await.unwrap();
        assert!(!is_history(&ground, &broken).await, "{}: the authority names no pair yet", ground.engine());
        let own = ground.pair(view, &key).await;
        kmc.retire_ended(None).await.unwrap();
        assert!(is_history(&ground, &broken).await, "{}", ground.engine());
        assert!(!is_history(&ground, own.spki_der()).await);
        assert!(ground.events().await.concat().contains(r#""why":"superseded""#));
    }
}
