//! Two administrators are always left, whatever is ordered and however many order it at once.

use super::staff::staff_act;
use super::{houses, submit};
use crate::domain::{Act, Ground, Replaces, Role};
use crate::issuance::Authority;
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{CertificateView, RefusalCode, Request};
use crate::testing::{ADMINISTRATORS, House, Person, new_key, revoke};
use crate::x509::Parts;

/// An order about an officer of the ceremony.
fn name_of(house: &House, id: &str) -> (crate::domain::IssuerId, crate::domain::Serial) {
    let parts = Parts::read(&house.person(id).certificate).unwrap();
    (crate::testing::unit_issuer(), crate::domain::Serial::from_der_content(parts.tbs.serial).unwrap())
}

/// A third administrator, with the token.
async fn third(house: &mut House, authority: &Authority) -> CertificateView {
    let mut act = staff_act("hanmei", "韩梅");
    if let Act::Issue { officer: Some(officer), .. } = &mut act {
        officer.roles = vec![Role::Administrator];
    }
    let (order, key) = (house.order(act), new_key());
    let view = submit(authority, house.issue(&order, &ADMINISTRATORS, "wumin", &key)).await.unwrap();
    house.people.insert("hanmei", Person { key, certificate: view.certificate.0.clone() });
    view
}

async fn on_token(house: &House, authority: &Authority, view: &CertificateView) {
    let install = crate::domain::Install {
        order: view.order,
        issuer: view.issuer.clone(),
        serial: view.serial.clone(),
        certificate_sha256: crate::domain::Sha256(openssl::sha::sha256(&view.certificate.0)),
    };
    let install = house.person("hanmei").say(&install, house.now());
    authority.call(Request::Confirm { install }).await.unwrap();
}

#[tokio::test]
async fn neither_of_the_last_two_is_revoked_or_held() {
    for (engine, mut house) in houses().await {
        let authority = house.authority().await;
        for id in ADMINISTRATORS {
            let (issuer, serial) = name_of(&house, id);
            let order = house.order(revoke(&issuer, &serial));
            let told = submit(&authority, house.about_status(&order, &ADMINISTRATORS)).await;
            assert_eq!(told.map(|_| ()), Err(RefusalCode::LastAdministrators), "{engine}: {id}");
            let order = house.order(Act::Hold { issuer, serial });
            let told = submit(&authority, house.about_status(&order, &["wumin"])).await;
            assert_eq!(told.map(|_| ()), Err(RefusalCode::LastAdministrators), "{engine}: {id}");
        }
        // One whose token is still to be made is none yet.
        let view = third(&mut house, &authority).await;
        let (issuer, serial) = name_of(&house, "xuhao");
        let order = house.order(revoke(&issuer, &serial));
        let told = submit(&authority, house.about_status(&order, &ADMINISTRATORS)).await;
        assert_eq!(told.map(|_| ()), Err(RefusalCode::LastAdministrators), "{engine}");
        on_token(&house, &authority, &view).await;
        submit(&authority, house.about_status(&order, &ADMINISTRATORS)).await.unwrap();
        // And of those two neither.
        let order = house.order(Act::Hold { issuer: view.issuer, serial: view.serial });
        let told = submit(&authority, house.about_status(&order, &["wumin"])).await;
        assert_eq!(told.map(|_| ()), Err(RefusalCode::LastAdministrators), "{engine}");
    }
}

#[tokio::test]
async fn the_duty_is_not_taken_from_the_last_two_and_their_tokens_may_be_replaced() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (issuer, serial) = name_of(&house, "xuhao");
        let act = |roles: Vec<Role>, ground| {
            let mut act = staff_act("xuhao", "徐浩");
            if let Act::Issue { officer: Some(officer), replaces, years, .. } = &mut act {
                officer.roles = roles;
                *years = 0;
                *replaces = Some(Replaces { issuer: issuer.clone(), serial: serial.clone(), ground });
            }
            act
        };
        let stripped = house.order(act(vec![Role::RaReviewer], Ground::Change));
        let told = submit(&authority, house.issue(&stripped, &ADMINISTRATORS, "wumin", &new_key())).await;
        assert_eq!(told.map(|_| ()), Err(RefusalCode::LastAdministrators), "{engine}");
        let (order, key) = (house.order(act(vec![Role::Administrator], Ground::Loss)), new_key());
        let view = submit(&authority, house.issue(&order, &ADMINISTRATORS, "wumin", &key)).await.unwrap();
        authority.call(Request::Confirm { install: house.installed(&view, key) }).await.unwrap();
    }
}

#[tokio::test]
async fn of_two_orders_at_once_that_would_leave_one_only_one_is_carried_out() {
    for (engine, mut house) in houses().await {
        let authority = house.authority().await;
        let view = third(&mut house, &authority).await;
        on_token(&house, &authority, &view).await;
        let (issuer, serial) = name_of(&house, "xuhao");
        let one = house.order(Act::Hold { issuer, serial });
        let other = house.order(Act::Hold { issuer: view.issuer, serial: view.serial });
        let (one, other) = tokio::join!(
            submit(&authority, house.about_status(&one, &["wumin"])),
            submit(&authority, house.about_status(&other, &["wumin"])),
        );
        let told = [one.map(|_| ()), other.map(|_| ())];
        assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 1, "{engine}: {told:?}");
        assert!(told.contains(&Err(RefusalCode::LastAdministrators)), "{engine}: {told:?}");
    }
}
