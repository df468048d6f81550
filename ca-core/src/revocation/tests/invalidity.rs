//! Since when a compromised key can no longer be believed: what an order may say, and what the lists tell.

use super::*;
use crate::domain::{RevocationReason, Timestamp};

const HOUR: i64 = 3600;

fn compromised_since(view: &CertificateView, reason: RevocationReason, since: Timestamp) -> Act {
    let (issuer, serial) = (view.issuer.clone(), view.serial.clone());
    Act::Revoke { issuer, serial, reason, invalid_since: Some(since) }
}

#[tokio::test]
async fn full_list_and_delta_tell_the_date_that_the_officers_signed() {
    for desk in Desk::all().await {
        let view = desk.issue().await;
        let other = desk.issue().await;
        desk.publish(Due::Time).await;
        desk.house.clock.advance(3 * HOUR);
        let since = view.validity.not_before.plus(HOUR);
        desk.order(compromised_since(&view, RevocationReason::KeyCompromise, since)).await;
        desk.order(crate::testing::revoke(&other.issuer, &other.serial)).await;
        desk.publish(Due::News).await;
        for kind in [ListKind::Full, ListKind::Delta] {
            let text = openssl_crl(&desk.read(kind), "-text");
            let day = since.to_utc().expect("a day");
            let said = format!("Invalidity Date: \n                {} {:2}", &day.month().to_string()[..3], day.day());
            assert!(text.contains(&said), "{}: {kind:?}: {text}", desk.engine);
            assert_eq!(
                text.matches("Invalidity Date").count(),
                2,
                "of both of this pair, of none of the other: {text}"
            );
        }
        assert_eq!(desk.listed(&view.serial), Some(Some(1)), "{}: read as before", desk.engine);
        assert_eq!(desk.house.check().await.faults, Vec::<String>::new(), "{}", desk.engine);
    }
}

#[tokio::test]
async fn a_date_in_the_future_before_the_certificate_or_of_another_reason_is_refused() {
    for desk in Desk::all().await {
        let view = desk.issue().await;
        let (from, now) = (view.validity.not_before, desk.house.now());
        for (reason, since) in [
            (RevocationReason::KeyCompromise, now.plus(1)),
            (RevocationReason::KeyCompromise, from.plus(-1)),
            (RevocationReason::Superseded, now),
        ] {
            let refused = desk.try_order(compromised_since(&view, reason, since)).await;
            assert_eq!(refused.unwrap_err(), RefusalCode::Malformed, "{}: {reason:?}", desk.engine);
        }
        for edge in [from, now] {
            let view = desk.issue().await;
            desk.order(compromised_since(&view, RevocationReason::KeyCompromise, edge.max(view.validity.not_before)))
                .await;
        }
    }
}
