//! Officers are made and unmade by two administrators.

use super::{houses, submit};
use crate::domain::{
    Act, Ground, KeyKind, OfficeId, Officer, OfficerId, ProfileName, Replaces, Role, Sha256, Subject, SubjectField,
};
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{RefusalCode, Request, Response};
use crate::testing::{ADMINISTRATORS, Person, new_key, revoke, unit_issuer};

/// Make an officer who reviews.
pub(super) fn staff_act(id: &str, name: &str) -> Act {
    let fields = [
        (SubjectField::Country, "CN"),
        (SubjectField::Organisation, "印信测试 CA"),
        (SubjectField::OrganisationalUnit, "示范办事处"),
        (SubjectField::CommonName, name),
        (SubjectField::UniqueId, id),
    ];
    Act::Issue {
        issuer: unit_issuer(),
        profile: ProfileName::new("staff").unwrap(),
        subject: Subject::new(fields.into_iter().map(|(field, value)| (field, value.to_owned())).collect()).unwrap(),
        years: 2,
        key: KeyKind::P256,
        officer: Some(Officer {
            id: OfficerId::new(id).unwrap(),
            name: name.into(),
            office: OfficeId::new("demo-office").unwrap(),
            roles: vec![Role::RaReviewer],
        }),
        replaces: None,
    }
}

#[tokio::test]
async fn two_administrators_make_an_officer_who_signs_at_once_and_unmake_them_at_once() {
    for (engine, mut house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.order(staff_act("newhand", "新手")), new_key());
        let view = submit(&authority, house.issue(&order, &ADMINISTRATORS, "wumin", &key)).await.unwrap();
        let certificate_sha256 = Sha256(openssl::sha::sha256(&view.certificate.0));
        let officer = authority.call(Request::Officer { certificate_sha256 }).await.unwrap();
        assert!(matches!(officer, Response::Officer(view) if view.officer.id.as_str() == "newhand"), "{engine}");

        house.people.insert("newhand", Person { key, certificate: view.certificate.0.clone() });
        let by_newhand = ["limin", "newhand"];
        submit(&authority, house.issue(&house.unit_order(), &by_newhand, "limin", &new_key())).await.unwrap();

        let order = house.order(revoke(&view.issuer, &view.serial));
        submit(&authority, house.about_status(&order, &ADMINISTRATORS)).await.unwrap();
        let submission = house.issue(&house.unit_order(), &by_newhand, "limin", &new_key());
        assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::OfficerNotGood), "{engine}");
        assert!(matches!(authority.call(Request::Officer { certificate_sha256 }).await, Ok(Response::None)));
        let Ok(Response::Officers { officers }) = authority.call(Request::Officers).await else { panic!("officers") };
        assert_eq!(officers.len(), house.people.len(), "the registry remembers");
    }
}

#[tokio::test]
async fn the_desk_cannot_make_an_officer() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let order = house.order(staff_act("newhand", "新手"));
        let submission = house.issue(&order, &["limin", "sunli"], "chenjie", &new_key());
        assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::WrongRole), "{engine}");
        // Nor under another profile, nor with a certificate that names someone else.
        let mut unit = house.unit_order();
        let Act::Issue { officer: Some(someone), .. } = staff_act("newhand", "新手") else { panic!("an officer") };
        if let Act::Issue { officer, .. } = &mut unit.act {
            *officer = Some(someone.clone());
        }
        let mut named = house.order(staff_act("newhand", "新手"));
        if let Act::Issue { officer: Some(officer), .. } = &mut named.act {
            officer.id = OfficerId::new("other").unwrap();
        }
        for order in [unit, named] {
            let submission = house.issue(&order, &ADMINISTRATORS, "wumin", &new_key());
            assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::ProfileViolated), "{engine}");
        }
    }
}

/// What changes in an order about 新手.
fn changed(change: impl FnOnce(&mut Officer, &mut Subject, &mut Option<Replaces>, &mut u8)) -> Act {
    let mut act = staff_act("newhand", "新手");
    if let Act::Issue { officer: Some(officer), subject, replaces, years, .. } = &mut act {
        change(officer, subject, replaces, years);
    }
    act
}

#[tokio::test]
async fn duties_that_exclude_each_other_are_refused_whoever_signs() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        for roles in [[Role::Auditor, Role::RaReviewer], [Role::Administrator, Role::RaEntry]] {
            let order = house.order(changed(|officer, _, _, _| officer.roles = roles.to_vec()));
            let submission = house.issue(&order, &ADMINISTRATORS, "wumin", &new_key());
            assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::ProfileViolated), "{engine}");
        }
    }
}

#[tokio::test]
async fn an_administrator_makes_the_token_and_the_desk_does_not() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let order = house.order(staff_act("newhand", "新手"));
        for maker in ["chenjie", "limin"] {
            let submission = house.issue(&order, &ADMINISTRATORS, maker, &new_key());
            assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::WrongRole), "{engine}");
        }
        let unit = house.issue(&house.unit_order(), &["limin", "sunli"], "wumin", &new_key());
        assert_eq!(submit(&authority, unit).await.map(|_| ()), Err(RefusalCode::WrongRole), "{engine}: nor units'");
    }
}

#[tokio::test]
async fn an_officer_has_one_token_and_the_next_takes_its_place() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.order(staff_act("newhand", "新手")), new_key());
        let first = submit(&authority, house.issue(&order, &ADMINISTRATORS, "wumin", &key)).await.unwrap();
        authority.call(Request::Confirm { install: house.installed(&first, key) }).await.unwrap();

        // Not a second one beside it, nor in the place of another's.
        let again = house.issue(&house.order(staff_act("newhand", "新手")), &ADMINISTRATORS, "wumin", &new_key());
        assert_eq!(submit(&authority, again).await.map(|_| ()), Err(RefusalCode::WrongState), "{engine}");
        let old = |ground| Some(Replaces { issuer: first.issuer.clone(), serial: first.serial.clone(), ground });
        let act = |ground, roles: Vec<Role>| {
            changed(|officer, _, replaces, years| {
                *replaces = old(ground);
                *years = u8::from(!ground.keeps_the_term());
                officer.roles = roles;
            })
        };
        let more = vec![Role::RaReviewer, Role::RaSupervisor];
        for ground in [Ground::Loss, Ground::Exchange] {
            let order = house.order(act(ground, more.clone()));
            let told = submit(&authority, house.issue(&order, &ADMINISTRATORS, "wumin", &new_key())).await;
            assert_eq!(
                told.map(|_| ()),
                Err(RefusalCode::ProfileViolated),
                "{engine}: only a change gives other duties"
            );
        }

        let (order, key) = (house.order(act(Ground::Change, more.clone())), new_key());
        let second = submit(&authority, house.issue(&order, &ADMINISTRATORS, "wumin", &key)).await.unwrap();
        authority.call(Request::Confirm { install: house.installed(&second, key) }).await.unwrap();
        let of = |view: &crate::service::protocol::CertificateView| Sha256(openssl::sha::sha256(&view.certificate.0));
        let Ok(Response::None) = authority.call(Request::Officer { certificate_sha256: of(&first) }).await else {
            panic!("{engine}: the first is revoked")
        };
        let now = authority.call(Request::Officer { certificate_sha256: of(&second) }).await;
        assert!(matches!(now, Ok(Response::Officer(view)) if view.officer.roles == more), "{engine}");
    }
}
