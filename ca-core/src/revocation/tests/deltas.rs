//! Deltas: what they list, and what OpenSSL makes of them beside an older full list.

use super::*;
use crate::domain::RevocationReason;
use crate::testing::revoke;

const DELTAS: &[&str] = &["-use_deltas"];

#[tokio::test]
async fn a_delta_beside_yesterdays_list_says_what_todays_list_says() {
    for desk in Desk::all().await {
        let engine = desk.engine;
        let (lost, found, older, gone) =
            (desk.issue().await, desk.issue().await, desk.issue().await, desk.issue().await);
        desk.hold(&found.serial).await;
        desk.order(revoke(&older.issuer, &older.serial)).await;
        desk.publish(Due::Time).await;
        let yesterday = desk.read(ListKind::Full);
        let before = |view: &CertificateView| desk.judged(&view.certificate.0, &[&yesterday], &[]);
        assert!(before(&lost).is_ok());
        assert!(before(&found).unwrap_err().contains("revoked"));

        desk.house.clock.advance(60);
        desk.order(revoke(&lost.issuer, &lost.serial)).await;
        desk.release(&found.serial).await;
        desk.hold(&gone.serial).await;
        desk.publish(Due::News).await;
        desk.release(&gone.serial).await;
        desk.publish(Due::News).await;
        let (full, delta) = (desk.read(ListKind::Full), desk.read(ListKind::Delta));
        assert_eq!(number_of(&full), number_of(&delta), "{engine}: made at once (RFC 5280 §5.2.3)");

        assert_eq!(desk.listed_in(ListKind::Delta, &lost.serial), Some(Some(1)));
        assert_eq!(desk.listed_in(ListKind::Delta, &found.serial), Some(Some(8)), "{engine}: removeFromCRL");
        // It stood on a list since the base only: whoever has that one must take it off as well (§5.2.4).
        assert_eq!(desk.listed_in(ListKind::Delta, &gone.serial), Some(Some(8)));
        assert_eq!(desk.listed_in(ListKind::Delta, &older.serial), None, "{engine}: it stands on the base");

        for view in [&lost, &found, &older, &gone] {
            let combined = desk.judged(&view.certificate.0, &[&yesterday, &delta], DELTAS);
            let today = desk.judged(&view.certificate.0, &[&full], &[]);
            assert_eq!(combined.is_ok(), today.is_ok(), "{engine}: {combined:?} {today:?}");
        }
        assert!(desk.judged(&lost.certificate.0, &[&yesterday, &delta], DELTAS).unwrap_err().contains("revoked"));
        assert!(desk.judged(&found.certificate.0, &[&yesterday, &delta], DELTAS).is_ok(), "{engine}: released");
        // Alone it is no list: whoever does not know deltas must not take it for one.
        assert!(desk.judged(&found.certificate.0, &[&delta], &[]).is_err());
    }
}

#[tokio::test]
async fn full_lists_say_where_the_delta_is_and_deltas_with_which_list_they_go() {
    for desk in Desk::all().await {
        let full = openssl_crl(&desk.read(ListKind::Full), "-text");
        assert!(full.contains("X509v3 Freshest CRL") && full.contains("/crl/unit-p256-delta.crl"), "{full}");
        assert!(!full.contains("Delta CRL Indicator") && !full.contains("Issuing Distribution Point"));
        let first = openssl_crl(&desk.read(ListKind::Delta), "-text");
        assert!(first.contains("No Revoked Certificates"), "{}: with the first list an empty one", desk.engine);

        let view = desk.issue().await;
        desk.order(revoke(&view.issuer, &view.serial)).await;
        desk.publish(Due::News).await;
        desk.publish(Due::News).await;
        let delta = openssl_crl(&desk.read(ListKind::Delta), "-text");
        assert!(delta.contains("X509v3 Delta CRL Indicator: critical"), "{delta}");
        let indicator = delta.split("Delta CRL Indicator: critical").nth(1).unwrap().lines().nth(1).unwrap();
        assert_eq!(indicator.trim(), "1", "{}: of the last planned list, not of the last one", desk.engine);
        assert!(!delta.contains("Freshest"), "a delta has no delta (RFC 5280 §5.2.6)");
        // The next planned list has all of it; the delta beside it still serves those with yesterday's.
        desk.house.clock.advance(DAY);
        desk.publish(Due::Time).await;
        assert_eq!(desk.listed_in(ListKind::Delta, &view.serial), Some(Some(1)));
        desk.publish(Due::News).await;
        assert_eq!(desk.listed_in(ListKind::Delta, &view.serial), None);
        assert_eq!(desk.listed(&view.serial), Some(Some(1)));
    }
}

#[tokio::test]
async fn an_amended_reason_stands_in_the_delta() {
    for desk in Desk::all().await {
        let view = desk.issue().await;
        let (issuer, serial) = (view.issuer.clone(), view.serial.clone());
        let reason = RevocationReason::Superseded;
        desk.order(Act::Revoke { issuer, serial, reason, invalid_since: None }).await;
        desk.publish(Due::Time).await;
        desk.order(amend(&view.issuer, &view.serial)).await;
        desk.publish(Due::News).await;
        assert_eq!(desk.listed_in(ListKind::Delta, &view.serial), Some(Some(1)), "{}", desk.engine);
    }
}
