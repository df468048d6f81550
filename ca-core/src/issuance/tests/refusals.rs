//! Every order that must be refused is, by its code, and leaves no certificate.

use super::{DESK, PAIR, ask, houses, order_came_to_nothing, submit};
use crate::domain::{Act, KeyKind, OfficeId, ProfileName, encode};
use crate::issuance::Authority;
use crate::service::protocol::{Blob, RefusalCode, Request, Submission};
use crate::signer::soft::SoftKey;
use crate::store::Store as _;
use crate::testing::{House, Person, binding, new_key, request, revoke, unit_act};

/// The submission is refused by this code and nothing but an audit event is left of it.
async fn refused(house: &House, authority: &Authority, submission: Submission, code: RefusalCode) {
    let before = house.certificates().await;
    let order = crate::domain::decode::<crate::domain::Order>(&submission.order.0);
    assert_eq!(submit(authority, submission).await.map(|_| ()), Err(code), "{}", house.engine());
    assert_eq!(house.certificates().await, before, "{}: neither certificate nor intent", house.engine());
    let mut tx = house.store().await.begin_read().await.unwrap();
    let last = tx.audit_head().await.unwrap().seq - 1;
    let event = tx.audit_after(last, 1).await.unwrap().remove(0).event;
    if let Ok(order) = order {
        assert!(event.contains("order_refused") && event.contains(&order.id.to_string()), "{event}");
    }
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let order = house.unit_order();
        let mut submission = house.issue(&order, &DESK, "limin", &new_key());
        *submission.approvals[1].0.last_mut().unwrap() ^= 1;
        refused(&house, &authority, submission, RefusalCode::BadSignature).await;
        assert!(order_came_to_nothing(&authority, order.id).await);
    }
}

#[tokio::test]
async fn a_signer_outside_the_registry_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.unit_order(), new_key());
        // A unit's own certificate: issued by us, but no officer's.
        let view = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        let unit = Person { key, certificate: view.certificate.0 };
        let order = house.unit_order();
        let mut submission = house.issue(&order, &DESK, "limin", &new_key());
        submission.approvals[1] = unit.say(&order, house.now());
        refused(&house, &authority, submission, RefusalCode::UnknownOfficer).await;
    }
}

#[tokio::test]
async fn a_replayed_order_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.unit_order(), new_key());
        let view = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        // Another key, properly bound by the operator.
        let other_key = house.issue(&order, &DESK, "limin", &new_key());
        refused(&house, &authority, other_key, RefusalCode::OrderReplayed).await;
        // Other bytes under the same id, properly signed by both.
        let mut other = order.clone();
        other.act = unit_act("另一家公司");
        let other_bytes = house.issue(&other, &DESK, "limin", &key);
        refused(&house, &authority, other_bytes, RefusalCode::OrderReplayed).await;
        // The same again is no replay.
        let again = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        assert_eq!(again, view);
        assert_eq!(house.certificates().await, PAIR);
    }
}

#[tokio::test]
async fn one_officer_is_not_enough() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        for signers in [&[][..], &["limin"], &["limin", "wangqiang", "sunli"]] {
            let submission = house.issue(&house.unit_order(), signers, "limin", &new_key());
            refused(&house, &authority, submission, RefusalCode::TwoOfficersNeeded).await;
        }
    }
}

#[tokio::test]
async fn the_same_officer_twice_is_one_officer() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        // zhoujun has both roles.
        let mut order = house.unit_order();
        order.office = OfficeId::new("other-office").unwrap();
        let submission = house.issue(&order, &["zhoujun", "zhoujun"], "zhoujun", &new_key());
        refused(&house, &authority, submission, RefusalCode::TwoOfficersNeeded).await;
    }
}

#[tokio::test]
async fn a_wrong_role_or_office_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        for signers in [["wangqiang", "limin"], ["zhaojing", "wangqiang"], ["limin", "chenjie"], ["limin", "zhoujun"]] {
            let submission = house.issue(&house.unit_order(), &signers, "chenjie", &new_key());
            refused(&house, &authority, submission, RefusalCode::WrongRole).await;
        }
        // Nobody but a token operator of the office binds keys, and the reviewer never.
        let submission = house.issue(&house.unit_order(), &DESK, "sunli", &new_key());
        refused(&house, &authority, submission, RefusalCode::WrongRole).await;
        let submission = house.issue(&house.unit_order(), &DESK, "zhoujun", &new_key());
        refused(&house, &authority, submission, RefusalCode::WrongRole).await;
    }
}

#[tokio::test]
async fn a_revoked_officers_signature_is_refused_at_once() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let desk = ["limin", "sunli"];
        submit(&authority, house.issue(&house.unit_order(), &desk, "limin", &new_key())).await.unwrap();
        let parts = crate::x509::Parts::read(&house.person("sunli").certificate).unwrap().tbs.serial().unwrap();
        let order = house.order(revoke(&crate::testing::unit_issuer(), &parts));
        // Two desk officers may not; two administrators may.
        let submission = house.about_status(&order, &["limin", "sunli"]);
        assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::WrongRole));
        submit(&authority, house.about_status(&order, &crate::testing::ADMINISTRATORS)).await.unwrap();
        let submission = house.issue(&house.unit_order(), &desk, "limin", &new_key());
        refused(&house, &authority, submission, RefusalCode::OfficerNotGood).await;
    }
}

#[tokio::test]
async fn an_expired_officers_signature_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        house.clock.advance(4 * 366 * 86_400);
        let submission = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
        refused(&house, &authority, submission, RefusalCode::OfficerNotGood).await;
    }
}

#[tokio::test]
async fn an_order_changed_after_approval_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let (order, key) = (house.unit_order(), new_key());
        let mut submission = house.issue(&order, &DESK, "limin", &key);
        let mut changed = order.clone();
        changed.act = unit_act("另一家公司");
        submission.order = Blob(encode(&changed));
        submission.binding = Some(house.person("limin").say(&binding(&changed, &key), house.now()));
        refused(&house, &authority, submission, RefusalCode::OrderChanged).await;
    }
}

#[tokio::test]
async fn a_swapped_request_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let order = house.unit_order();
        let mut submission = house.issue(&order, &DESK, "limin", &new_key());
        submission.csr = Some(request(&new_key()));
        refused(&house, &authority, submission, RefusalCode::KeyNotBound).await;
        // A binding for another order does not help.
        let key = new_key();
        let mut submission = house.issue(&order, &DESK, "limin", &key);
        submission.binding = Some(house.person("limin").say(&binding(&house.unit_order(), &key), house.now()));
        refused(&house, &authority, submission, RefusalCode::KeyNotBound).await;
        let mut submission = house.issue(&order, &DESK, "limin", &key);
        submission.binding = None;
        refused(&house, &authority, submission, RefusalCode::KeyNotBound).await;
    }
}

#[tokio::test]
async fn a_reviewer_may_not_bind_the_key() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        // The second administrator is the reviewer.
        let (order, key) = (house.order(super::staff::staff_act("newhand", "新手")), new_key());
        let submission = house.issue(&order, &["wumin", "xuhao"], "xuhao", &key);
        refused(&house, &authority, submission, RefusalCode::KeyNotBound).await;
    }
}

#[tokio::test]
async fn a_request_without_proof_of_possession_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let mut submission = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
        *submission.csr.as_mut().unwrap().0.last_mut().unwrap() ^= 1;
        refused(&house, &authority, submission, RefusalCode::NoProofOfPossession).await;
        let mut submission = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
        submission.csr = None;
        refused(&house, &authority, submission, RefusalCode::NoProofOfPossession).await;
    }
}

#[tokio::test]
async fn an_order_that_is_too_old_or_from_the_future_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        for seconds in [-31 * 86_400, 301] {
            let mut order = house.unit_order();
            order.created = house.now().plus(seconds);
            let submission = house.issue(&order, &DESK, "limin", &new_key());
            refused(&house, &authority, submission, RefusalCode::OrderNotCurrent).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_is_known_or_of_another_kind_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        let key = new_key();
        submit(&authority, house.issue(&house.unit_order(), &DESK, "limin", &key)).await.unwrap();
        let submission = house.issue(&house.unit_order(), &DESK, "limin", &key);
        refused(&house, &authority, submission, RefusalCode::KeyNotAccepted).await;
        // An officer's own key is known too.
        let submission = house.issue(&house.unit_order(), &DESK, "limin", &house.person("sunli").key);
        refused(&house, &authority, submission, RefusalCode::KeyNotAccepted).await;
        let mut order = house.unit_order();
        if let Act::Issue { key, .. } = &mut order.act {
            *key = KeyKind::Rsa2048;
        }
        let submission = house.issue(&order, &DESK, "limin", &new_key());
        refused(&house, &authority, submission, RefusalCode::KeyNotAccepted).await;
        let rsa = SoftKey::generate(crate::keys::KeyKind::Rsa2048).unwrap();
        let submission = house.issue(&house.unit_order(), &DESK, "limin", &rsa);
        refused(&house, &authority, submission, RefusalCode::KeyNotAccepted).await;
    }
}

#[tokio::test]
async fn an_order_outside_its_profile_is_refused() {
    for (_, house) in houses().await {
        let authority = house.authority().await;
        for name in ["root", "sub-ca", "ocsp-responder", "staff", "none"] {
            let mut order = house.unit_order();
            if let Act::Issue { profile, .. } = &mut order.act {
                *profile = ProfileName::new(name).unwrap();
            }
            let submission = house.issue(&order, &DESK, "limin", &new_key());
            refused(&house, &authority, submission, RefusalCode::ProfileViolated).await;
        }
        let mut order = house.unit_order();
        if let Act::Issue { years, .. } = &mut order.act {
            *years = 9;
        }
        let submission = house.issue(&order, &DESK, "limin", &new_key());
        refused(&house, &authority, submission, RefusalCode::ProfileViolated).await;
        let mut order = house.unit_order();
        if let Act::Issue { issuer, .. } = &mut order.act {
            *issuer = crate::domain::IssuerId::new("root").unwrap();
        }
        let submission = house.issue(&order, &DESK, "limin", &new_key());
        refused(&house, &authority, submission, RefusalCode::NotFound).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_order_are_refused() {
    let (_, house) = houses().await.remove(0);
    let authority = house.authority().await;
    let good = house.issue(&house.unit_order(), &DESK, "limin", &new_key());
    let mut spaced = good.clone();
    spaced.order.0.push(b' ');
    let mut endless = good.clone();
    endless.approvals = vec![Blob(Vec::new()); 5];
    let mut garbage = good;
    garbage.approvals[0] = Blob(vec![0x30; 100]);
    for submission in [spaced, endless, garbage] {
        assert_eq!(submit(&authority, submission).await.map(|_| ()), Err(RefusalCode::Malformed));
    }
    let confirm = Request::Confirm { install: Blob(b"no message".to_vec()) };
    assert_eq!(ask(&authority, confirm).await.map(|_| ()), Err(RefusalCode::Malformed));
    assert_eq!(house.certificates().await, 0);
}

#[tokio::test]
async fn refusals_beyond_the_hourly_measure_are_not_audited() {
    let (_, house) = houses().await.remove(0);
    let authority = house.authority().await;
    let counted = (0..700).filter(|_| authority.may_audit_refusal(house.now())).count();
    assert_eq!(counted, 600);
    house.clock.advance(3600);
    assert!(authority.may_audit_refusal(house.now()));
}
