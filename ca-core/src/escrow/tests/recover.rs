//! An escrowed key goes to another signature key on the word of two officers, and on no less.

use std::sync::atomic::Ordering;

use super::{Ground, OFFICERS, opened, try_open};
use crate::domain::{OfficeId, Sha256};
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{RefusalCode, Request, Response};
use crate::testing::{new_key, revoke, unit_issuer};
use crate::x509::Parts;

#[tokio::test]
async fn two_officers_recover_a_key_for_a_new_token() {
    for ground in Ground::each().await {
        let (_, own) = ground.unit().await;
        let (recipient, key) = ground.certificate().await;
        let submission = ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient);
        let wrapped = ground.recover(submission.clone()).await.unwrap();
        assert_eq!(opened(&wrapped, &key).pkcs8_der(), own.pkcs8_der(), "{}", ground.engine());
        assert!(try_open(&wrapped, &new_key()).is_none());
        let last = ground.events().await.pop().unwrap();
        for part in ["key_recovered", OFFICERS[0], OFFICERS[1], r#""again":false"#] {
            assert!(last.contains(part), "{last}");
        }
        // The same again gives the same key to the same recipient, and is told in the audit as well.
        let again = ground.recover(submission).await.unwrap();
        assert_eq!(opened(&again, &key).pkcs8_der(), own.pkcs8_der());
        assert!(ground.events().await.pop().unwrap().contains(r#""again":true"#));
    }
}

#[tokio::test]
async fn a_statement_is_good_for_one_recipient() {
    for ground in Ground::each().await {
        ground.unit().await;
        let (recipient, _) = ground.certificate().await;
        let (other, _) = ground.certificate().await;
        let recovery = ground.recovery(&recipient);
        let submission = ground.signed(&recovery, &OFFICERS, &recipient);
        ground.recover(submission.clone()).await.unwrap();
        // Another certificate beside the same statement.
        let mut exchanged = submission;
        exchanged.recipient_certificate = other.certificate.clone();
        let outcome = ground.recover(exchanged).await;
        ground.refused(outcome, RefusalCode::KeyNotBound).await;
        // Another statement under the same id, properly signed.
        let mut rewritten = recovery;
        rewritten.recipient_sha256 = Sha256(openssl::sha::sha256(&other.certificate.0));
        let outcome = ground.recover(ground.signed(&rewritten, &OFFICERS, &other)).await;
        ground.refused(outcome, RefusalCode::OrderReplayed).await;
    }
}

#[tokio::test]
async fn one_officer_is_not_enough_and_twice_the_same_is_one() {
    for ground in Ground::each().await {
        ground.unit().await;
        let (recipient, _) = ground.certificate().await;
        for officers in [&[][..], &["qianwei"], &["qianwei", "qianwei"], &["qianwei", "fengli", "qianwei"]] {
            let outcome = ground.recover(ground.signed(&ground.recovery(&recipient), officers, &recipient)).await;
            ground.refused(outcome, RefusalCode::TwoOfficersNeeded).await;
        }
    }
}

#[tokio::test]
async fn who_is_not_pinned_or_of_another_role_or_office_is_refused() {
    for ground in Ground::each().await {
        ground.unit().await;
        let (recipient, _) = ground.certificate().await;
        // limin is pinned, but no KMC officer by the authority's registry; sunli is not pinned.
        for (other, code) in [("sunli", RefusalCode::UnknownOfficer), ("limin", RefusalCode::WrongRole)] {
            let submission = ground.signed(&ground.recovery(&recipient), &["qianwei", other], &recipient);
            let outcome = ground.recover(submission).await;
            ground.refused(outcome, code).await;
        }
        let mut recovery = ground.recovery(&recipient);
        recovery.office = OfficeId::new("other-office").unwrap();
        let outcome = ground.recover(ground.signed(&recovery, &OFFICERS, &recipient)).await;
        ground.refused(outcome, RefusalCode::WrongRole).await;
    }
}

#[tokio::test]
async fn an_officer_who_was_revoked_or_whose_certificate_ended_is_refused() {
    let ground = Ground::one().await;
    ground.unit().await;
    let (recipient, _) = ground.certificate().await;
    let recovery = ground.recovery(&recipient);
    ground.recover(ground.signed(&recovery, &OFFICERS, &recipient)).await.unwrap();
    let certificate = &ground.house.person("fengli").certificate;
    let serial = crate::domain::Serial::from_der_content(Parts::read(certificate).unwrap().tbs.serial).unwrap();
    let order = ground.house.order(revoke(&unit_issuer(), &serial));
    let submission = ground.house.about_status(&order, &crate::testing::ADMINISTRATORS);
    ground.said.authority.call(Request::Submit(submission)).await.unwrap();
    // Not even what was granted before.
    let outcome = ground.recover(ground.signed(&recovery, &OFFICERS, &recipient)).await;
    ground.refused(outcome, RefusalCode::OfficerNotGood).await;

    let ground = Ground::one().await;
    ground.unit().await;
    ground.house.clock.advance(4 * 366 * 86_400);
    let outcome = ground.recover(ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient)).await;
    ground.refused(outcome, RefusalCode::OfficerNotGood).await;
}

#[tokio::test]
async fn while_the_authority_is_silent_nothing_is_recovered() {
    for ground in Ground::each().await {
        let (_, own) = ground.unit().await;
        let (recipient, key) = ground.certificate().await;
        let submission = ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient);
        ground.said.silent.store(true, Ordering::SeqCst);
        let outcome = ground.recover(submission.clone()).await;
        ground.refused(outcome, RefusalCode::Unavailable).await;
        assert!(ground.events().await.iter().all(|event| !event.contains("key_recovered")));
        ground.said.silent.store(false, Ordering::SeqCst);
        let wrapped = ground.recover(submission).await.unwrap();
        assert_eq!(opened(&wrapped, &key).spki_der(), ground.row_of(own.spki_der()).await.spki);
    }
}

#[tokio::test]
async fn forged_and_foreign_approvals_are_refused() {
    let ground = Ground::one().await;
    ground.unit().await;
    let (recipient, _) = ground.certificate().await;
    let recovery = ground.recovery(&recipient);
    let mut forged = ground.signed(&recovery, &OFFICERS, &recipient);
    *forged.approvals[1].0.last_mut().unwrap() ^= 1;
    let outcome = ground.recover(forged).await;
    ground.refused(outcome, RefusalCode::BadSignature).await;
    // One of them signed another statement.
    let mut mixed = ground.signed(&recovery, &OFFICERS, &recipient);
    mixed.approvals[1] = ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient).approvals[1].clone();
    let outcome = ground.recover(mixed).await;
    ground.refused(outcome, RefusalCode::OrderChanged).await;
    // Another spelling of the statement.
    let mut spaced = ground.signed(&recovery, &OFFICERS, &recipient);
    spaced.statement.0.push(b' ');
    let outcome = ground.recover(spaced).await;
    ground.refused(outcome, RefusalCode::Malformed).await;
}

#[tokio::test]
async fn an_old_statement_and_one_from_the_future_are_refused() {
    let ground = Ground::one().await;
    ground.unit().await;
    let (recipient, _) = ground.certificate().await;
    for seconds in [-7 * 86_400 - 1, 5 * 60 + 1] {
        let mut recovery = ground.recovery(&recipient);
        recovery.created = ground.house.now().plus(seconds);
        let outcome = ground.recover(ground.signed(&recovery, &OFFICERS, &recipient)).await;
        ground.refused(outcome, RefusalCode::OrderNotCurrent).await;
    }
}

#[tokio::test]
async fn the_recipient_must_be_a_good_certificate_of_the_authority() {
    let ground = Ground::one().await;
    ground.unit().await;
    let (mut recipient, _) = ground.certificate().await;
    let good = ground.recovery(&recipient);
    // Revoked since the officers signed.
    let submission = ground.signed(&good, &OFFICERS, &recipient);
    let order = ground.house.order(revoke(&recipient.issuer, &recipient.serial));
    let revocation = ground.house.about_status(&order, &["limin", "wangqiang"]);
    ground.said.authority.call(Request::Submit(revocation)).await.unwrap();
    let outcome = ground.recover(submission).await;
    ground.refused(outcome, RefusalCode::KeyNotAccepted).await;
    // Somebody's own.
    let key = crate::keys::testing::TestKey::new(crate::keys::KeyKind::P256);
    recipient.certificate.0 = crate::keys::testing::TestCert::leaf("mallory", &key, None).build();
    let outcome = ground.recover(ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient)).await;
    ground.refused(outcome, RefusalCode::KeyNotAccepted).await;
}

#[tokio::test]
async fn only_a_key_of_the_named_encryption_certificate_is_recovered() {
    let ground = Ground::one().await;
    let (order, _) = ground.unit().await;
    let (recipient, key) = ground.certificate().await;
    // The serial number of a certificate without pair, and that of the pair's own signature certificate.
    let Ok(Response::Certificate(unit)) = ground.said.call(Request::Order { order }).await else { panic!("a pair") };
    for serial in [recipient.serial.clone(), unit.serial] {
        let mut recovery = ground.recovery(&recipient);
        recovery.serial = serial;
        let outcome = ground.recover(ground.signed(&recovery, &OFFICERS, &recipient)).await;
        ground.refused(outcome, RefusalCode::NotFound).await;
    }
    // The authority says that the certificate belongs to an order that did not take this key.
    let pair = ground.said.pairs.lock().unwrap().remove(&order).unwrap();
    ground.provide(recipient.order, &key).await.unwrap();
    ground.said.pairs.lock().unwrap().insert(recipient.order, pair);
    let outcome = ground.recover(ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient)).await;
    ground.refused(outcome, RefusalCode::WrongState).await;
}
