//! A key goes into history when its certificate has ended, and can still be recovered.

use std::sync::atomic::Ordering;

use super::{Ground, OFFICERS, opened};
use crate::clock::system_rng;
use crate::domain::OrderId;
use crate::escrow::store::State;
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{RefusalCode, Request, Response};
use crate::testing::{new_key, revoke};

async fn is_history(ground: &Ground, order: OrderId) -> bool {
    matches!(ground.key_of(order).await.state, State::History(_))
}

#[tokio::test]
async fn revoked_expired_and_abandoned_keys_go_into_history() {
    for ground in Ground::each().await {
        let (order, own) = ground.unit().await;
        let nobodys = OrderId::draw(ground.house.now(), &mut system_rng());
        ground.provide(nobodys, &new_key()).await.unwrap();
        let kmc = &ground.centre.kmc;
        assert!(kmc.retire_ended(None).await.unwrap().is_some());
        assert!(!is_history(&ground, order).await, "{}", ground.engine());

        let Ok(Response::Certificate(view)) = ground.said.authority.call(Request::Order { order }).await else {
            panic!("no certificate")
        };
        let revocation = ground.house.order(revoke(&view.issuer, &view.serial));
        let submission = ground.house.about_status(&revocation, &["limin", "wangqiang"]);
        ground.said.authority.call(Request::Submit(submission)).await.unwrap();
        // Whoever cannot be asked retires nothing.
        ground.said.silent.store(true, Ordering::SeqCst);
        assert!(kmc.retire_ended(None).await.is_err());
        assert!(!is_history(&ground, order).await);
        ground.said.silent.store(false, Ordering::SeqCst);
        kmc.retire_ended(None).await.unwrap();
        assert!(is_history(&ground, order).await);
        assert!(!is_history(&ground, nobodys).await);

        // Recovered all the same, for old data; but no order gets it again.
        let (recipient, key) = ground.certificate().await;
        let submission = ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient);
        let wrapped = ground.recover(submission).await.unwrap();
        assert_eq!(opened(&wrapped, &key).pkcs8_der(), own.pkcs8_der());

        let live = recipient.order;
        ground.provide(live, &key).await.unwrap();
        ground.house.clock.advance(32 * 86_400);
        kmc.retire_ended(None).await.unwrap();
        assert!(is_history(&ground, nobodys).await);
        assert!(!is_history(&ground, live).await);
        ground.house.clock.advance(366 * 86_400);
        kmc.retire_ended(None).await.unwrap();
        assert!(is_history(&ground, live).await);
        let outcome = ground.provide(live, &key).await;
        ground.refused(outcome, RefusalCode::WrongState).await;
        let events = ground.events().await.concat();
        for why in ["revoked", "never_issued", "expired"] {
            assert!(events.contains(&format!(r#""why":"{why}""#)), "{why}");
        }
    }
}
