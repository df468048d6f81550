//! Confirmed, abandoned, held, released, revoked; responders.

use super::{DESK, ask, houses, submit};
use crate::domain::{Act, CertificateStatus, IssuerId, RevocationReason};
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{Blob, RefusalCode, Request, Response};
use crate::signer::Passphrase;
use crate::signer::soft::SoftKey;
use crate::testing::{Person, new_key, request, revoke, unit_issuer};

#[tokio::test]
async fn a_certificate_is_delivered_by_its_own_keys_word_and_then_cannot_be_abandoned() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.unit_order(), new_key());
        let view = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        assert_eq!(view.delivered, None);
        // Someone else's word counts for nothing.
        let install = house.installed(&view, key);
        let content = crate::cms::verify(&install.0).unwrap().content;
        let stranger = house.person("limin").say_bytes(&content, house.now());
        let refused = ask(&authority, Request::Confirm { install: stranger }).await.map(|_| ());
        assert_eq!(refused, Err(RefusalCode::BadSignature), "{engine}");

        let first = ask(&authority, Request::Confirm { install: install.clone() }).await.unwrap();
        assert_eq!(first.delivered, Some(house.now()));
        house.clock.advance(60);
        let again = ask(&authority, Request::Confirm { install }).await.unwrap();
        assert_eq!(again, first, "{engine}: the second changes nothing");
        let abandon = Request::Abandon { order: order.id, why: "too late".into() };
        assert_eq!(ask(&authority, abandon).await.map(|_| ()), Err(RefusalCode::WrongState));
    }
}

#[tokio::test]
async fn an_abandoned_certificate_is_revoked_and_cannot_be_confirmed() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.unit_order(), new_key());
        let view = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        let abandon = Request::Abandon { order: order.id, why: "token broken".into() };
        let first = ask(&authority, abandon.clone()).await.unwrap();
        let reason = RevocationReason::CessationOfOperation;
        assert_eq!(first.status, CertificateStatus::Revoked { since: house.now(), reason }, "{engine}");
        house.clock.advance(60);
        assert_eq!(ask(&authority, abandon).await.unwrap(), first);
        let install = house.installed(&view, key);
        let refused = ask(&authority, Request::Confirm { install }).await.map(|_| ());
        assert_eq!(refused, Err(RefusalCode::WrongState));
        let nothing = Request::Abandon { order: house.unit_order().id, why: String::new() };
        assert_eq!(ask(&authority, nothing).await.map(|_| ()), Err(RefusalCode::NotFound));
    }
}

#[tokio::test]
async fn a_hold_needs_one_officer_its_end_two_and_a_revocation_is_for_good() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let view = submit(&authority, house.issue(&house.unit_order(), &DESK, "limin", &new_key())).await.unwrap();
        let (issuer, serial) = (view.issuer.clone(), view.serial.clone());
        let hold = house.order(Act::Hold { issuer: issuer.clone(), serial: serial.clone() });
        let held = submit(&authority, house.about_status(&hold, &["chenjie"])).await.unwrap();
        assert_eq!(held.status, CertificateStatus::Held { since: house.now() }, "{engine}");

        house.clock.advance(60);
        let again = submit(&authority, house.about_status(&hold, &["chenjie"])).await.unwrap();
        assert_eq!(again.status, held.status, "the same order again changes nothing");
        let second = house.order(Act::Hold { issuer: issuer.clone(), serial: serial.clone() });
        let refused = submit(&authority, house.about_status(&second, &["limin"])).await.map(|_| ());
        assert_eq!(refused, Err(RefusalCode::WrongState));

        let release = house.order(Act::Release { issuer: issuer.clone(), serial: serial.clone() });
        let refused = submit(&authority, house.about_status(&release, &["limin"])).await.map(|_| ());
        assert_eq!(refused, Err(RefusalCode::TwoOfficersNeeded));
        let released = submit(&authority, house.about_status(&release, &DESK)).await.unwrap();
        assert_eq!(released.status, CertificateStatus::Good);

        let order = house.order(revoke(&issuer, &serial));
        let revoked = submit(&authority, house.about_status(&order, &DESK)).await.unwrap();
        let reason = RevocationReason::KeyCompromise;
        assert_eq!(revoked.status, CertificateStatus::Revoked { since: house.now(), reason });
        for act in [Act::Release { issuer: issuer.clone(), serial: serial.clone() }, revoke(&issuer, &serial)] {
            let order = house.order(act);
            let refused = submit(&authority, house.about_status(&order, &DESK)).await.map(|_| ());
            assert_eq!(refused, Err(RefusalCode::WrongState), "{engine}");
        }
        let nobody = house.order(revoke(&issuer, &"7f".parse().unwrap()));
        let refused = submit(&authority, house.about_status(&nobody, &DESK)).await.map(|_| ());
        assert_eq!(refused, Err(RefusalCode::NotFound));
    }
}

#[tokio::test]
async fn a_registered_responder_key_gets_a_certificate_again_at_half_its_life_and_no_other_key_does() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let passphrase = Passphrase::from_file(&house.config.keys.responder_passphrase_file).unwrap();
        let key = SoftKey::open(&house.config.keys.path("ocsp-unit-p256.key"), &passphrase).unwrap();
        let csr = request(&key);
        let please = |csr: &Blob, issuer: &IssuerId| Request::Responder { issuer: issuer.clone(), csr: csr.clone() };
        let first = ask(&authority, please(&csr, &unit_issuer())).await.unwrap();
        assert_eq!(first.validity.not_after.since(first.validity.not_before), 7 * 86_400 - 1);
        house.clock.advance(3 * 86_400);
        assert_eq!(ask(&authority, please(&csr, &unit_issuer())).await.unwrap(), first, "{engine}");
        house.clock.advance(86_400);
        let second = ask(&authority, please(&csr, &unit_issuer())).await.unwrap();
        assert_ne!(second.serial, first.serial, "{engine}");

        let other = ask(&authority, please(&request(&new_key()), &unit_issuer())).await.map(|_| ());
        assert_eq!(other, Err(RefusalCode::NotFound));
        let elsewhere = ask(&authority, please(&csr, &IssuerId::new("unit-rsa").unwrap())).await.map(|_| ());
        assert_eq!(elsewhere, Err(RefusalCode::NotFound));
        let mut forged = csr.clone();
        *forged.0.last_mut().unwrap() ^= 1;
        let forged = ask(&authority, please(&forged, &unit_issuer())).await.map(|_| ());
        assert_eq!(forged, Err(RefusalCode::NoProofOfPossession));
    }
}

#[tokio::test]
async fn the_authority_tells_its_own_view() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.unit_order(), new_key());
        let view = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        let by_order = ask(&authority, Request::Order { order: order.id }).await.unwrap();
        let by_serial = Request::Certificate { issuer: view.issuer.clone(), serial: view.serial.clone() };
        assert_eq!((&by_order, &ask(&authority, by_serial).await.unwrap()), (&view, &view), "{engine}");
        let Ok(Response::Issuers { issuers }) = authority.call(Request::Issuers).await else { panic!("issuers") };
        assert_eq!(issuers.iter().map(|issuer| issuer.root).collect::<Vec<_>>(), [true, false, false]);
        let limin = Request::Officer {
            certificate_sha256: crate::domain::Sha256(openssl::sha::sha256(&house.person("limin").certificate)),
        };
        assert!(matches!(authority.call(limin).await, Ok(Response::Officer(_))));
        let unit = Person { key, certificate: view.certificate.0 };
        let unit = crate::domain::Sha256(openssl::sha::sha256(&unit.certificate));
        let unit = Request::Officer { certificate_sha256: unit };
        assert!(matches!(authority.call(unit).await, Ok(Response::None)), "a unit is no officer");
    }
}
