//! Officers are made and unmade by two administrators.

use super::{houses, submit};
use crate::domain::{Act, KeyKind, OfficeId, Officer, OfficerId, ProfileName, Role, Sha256, Subject, SubjectField};
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{RefusalCode, Request, Response};
use crate::testing::{Person, new_key, revoke, unit_issuer};

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
        let view = submit(&authority, house.issue(&order, &["limin", "wangqiang"], "limin", &key)).await.unwrap();
        let certificate_sha256 = Sha256(openssl::sha::sha256(&view.certificate.0));
        let officer = authority.call(Request::Officer { certificate_sha256 }).await.unwrap();
        assert!(matches!(officer, Response::Officer(view) if view.officer.id.as_str() == "newhand"), "{engine}");

        house.people.insert("newhand", Person { key, certificate: view.certificate.0.clone() });
        let by_newhand = ["limin", "newhand"];
        submit(&authority, house.issue(&house.unit_order(), &by_newhand, "limin", &new_key())).await.unwrap();

        let order = house.order(revoke(&view.issuer, &view.serial));
        submit(&authority, house.about_status(&order, &["limin", "wangqiang"])).await.unwrap();
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
            let submission = house.issue(&order, &["limin", "wangqiang"], "limin", &new_key());
            assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::ProfileViolated), "{engine}");
        }
    }
}
