//! A renewal that the unit orders itself, with the key of the certificate that is renewed.

use super::{DESK, PAIR, ask, faults, houses, submit};
use crate::domain::{Act, CertificateStatus, Ground, Order, Replaces, RevocationReason, SubjectField, encode};
use crate::issuance::Authority;
use crate::service::protocol::{Blob, CertificateView, RefusalCode, Request, Submission};
use crate::signer::soft::SoftKey;
use crate::testing::{House, Person, binding, new_key, request, revoke, unit_act};

const DAY: i64 = 86_400;
const UNIT: &str = "示范科技有限公司";

/// A unit with its certificate on its token.
async fn unit(house: &House, authority: &Authority, act: Act) -> (Person, CertificateView) {
    let key = new_key();
    let view = submit(authority, house.issue(&house.order(act), &DESK, "limin", &key)).await.unwrap();
    let holder = Person { certificate: view.certificate.0.clone(), key };
    let install = holder.say(&installed(&view), house.now());
    (holder, ask(authority, Request::Confirm { install }).await.unwrap())
}

fn installed(view: &CertificateView) -> crate::domain::Install {
    crate::domain::Install {
        order: view.order,
        issuer: view.issuer.clone(),
        serial: view.serial.clone(),
        certificate_sha256: crate::domain::Sha256(openssl::sha::sha256(&view.certificate.0)),
    }
}

fn renewal(old: &CertificateView, years: u8, ground: Ground) -> Act {
    let mut act = unit_act(UNIT);
    if let Act::Issue { years: of_order, replaces, .. } = &mut act {
        *of_order = years;
        *replaces = Some(Replaces { issuer: old.issuer.clone(), serial: old.serial.clone(), ground });
    }
    act
}

/// An order signed by one and a key bound by another.
fn by(house: &House, order: &Order, signer: &Person, binder: &Person, key: &SoftKey) -> Submission {
    Submission {
        order: Blob(encode(order)),
        approvals: vec![signer.say(order, house.now())],
        binding: Some(binder.say(&binding(order, key), house.now())),
        csr: Some(request(key)),
    }
}

#[tokio::test]
async fn a_unit_renews_with_its_own_key_and_the_old_one_goes_when_the_new_one_is_on_its_token() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (holder, old) = unit(&house, &authority, unit_act(UNIT)).await;
        let end = old.validity.not_after;
        house.clock.advance(end.since(house.now()) - 80 * DAY);
        let before = house.certificates().await;
        let (order, key) = (house.order(renewal(&old, 2, Ground::Renewal)), new_key());
        let asked = by(&house, &order, &holder, &holder, &key);
        let new = submit(&authority, asked.clone()).await.unwrap();
        assert_eq!(new.validity.not_after, end.beijing_day().plus_years(2).last_second(), "{engine}");
        assert_eq!(submit(&authority, asked).await.unwrap().serial, new.serial, "{engine}: asked twice, issued once");
        assert_eq!(house.certificates().await, before + PAIR, "{engine}");

        let install = Request::Confirm { install: house.installed(&new, key) };
        ask(&authority, install).await.unwrap();
        let old = ask(&authority, Request::Certificate { issuer: old.issuer, serial: old.serial }).await.unwrap();
        let gone = CertificateStatus::Revoked { since: house.now(), reason: RevocationReason::Superseded };
        assert_eq!(old.status, gone, "{engine}");
        assert_eq!(of_the_ledger(&house).await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn an_expired_certificate_renews_for_a_year_and_no_longer() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (holder, old) = unit(&house, &authority, unit_act(UNIT)).await;
        house.clock.advance(old.validity.not_after.since(house.now()) + 367 * DAY);
        let (order, key) = (house.order(renewal(&old, 1, Ground::Renewal)), new_key());
        let refused = submit(&authority, by(&house, &order, &holder, &holder, &key)).await;
        assert_eq!(refused.map(drop), Err(RefusalCode::WrongState), "{engine}");
        house.clock.advance(-3 * DAY);
        let order = house.order(renewal(&old, 1, Ground::Renewal));
        let new = submit(&authority, by(&house, &order, &holder, &holder, &key)).await.unwrap();
        assert_eq!(new.validity.not_after, house.now().beijing_day().plus_years(1).last_second(), "{engine}");
    }
}

#[tokio::test]
async fn nobody_but_the_holder_renews_and_the_holder_may_do_nothing_else() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (holder, old) = unit(&house, &authority, unit_act(UNIT)).await;
        let mut other_act = unit_act("另一家公司");
        change(&mut other_act, SubjectField::UniqueId, "U00000002");
        let (other, _) = unit(&house, &authority, other_act).await;
        house.clock.advance(old.validity.not_after.since(house.now()) - 10 * DAY);
        let before = house.certificates().await;
        let key = new_key();
        let act = || renewal(&old, 1, Ground::Renewal);
        let refused = async |what: &str, act: Act, signer: &Person, binder: &Person, code: RefusalCode| {
            let asked = by(&house, &house.order(act), signer, binder, &key);
            assert_eq!(submit(&authority, asked).await.map(drop), Err(code), "{engine}: {what}");
        };
        let officer = house.person("limin");
        refused("another unit's key", act(), &other, &other, RefusalCode::TwoOfficersNeeded).await;
        refused("one officer alone", act(), officer, officer, RefusalCode::TwoOfficersNeeded).await;
        refused("a key bound by another", act(), &holder, &other, RefusalCode::KeyNotBound).await;
        refused("a key bound by an officer", act(), &holder, officer, RefusalCode::KeyNotBound).await;
        let mut renamed = act();
        change(&mut renamed, SubjectField::CommonName, "改名公司");
        refused("another name", renamed, &holder, &holder, RefusalCode::ProfileViolated).await;
        for ground in [Ground::Loss, Ground::Exchange, Ground::Change] {
            let act = renewal(&old, 0, ground);
            refused(ground.word(), act, &holder, &holder, RefusalCode::TwoOfficersNeeded).await;
        }
        refused("a further one", unit_act(UNIT), &holder, &holder, RefusalCode::TwoOfficersNeeded).await;
        let mut order = house.order(act());
        order.office = crate::domain::OfficeId::new("another-office").unwrap();
        let asked = submit(&authority, by(&house, &order, &holder, &holder, &key)).await;
        assert_eq!(asked.map(drop), Err(RefusalCode::WrongRole), "{engine}: another office");
        assert_eq!(house.certificates().await, before, "{engine}");

        let order = house.order(revoke(&old.issuer, &old.serial));
        submit(&authority, house.about_status(&order, &DESK)).await.unwrap();
        refused("a revoked one", act(), &holder, &holder, RefusalCode::WrongState).await;
    }
}

#[tokio::test]
async fn a_renewal_by_two_officers_needs_no_holder_and_an_old_request_is_refused() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (holder, old) = unit(&house, &authority, unit_act(UNIT)).await;
        let written = house.order(renewal(&old, 1, Ground::Renewal));
        house.clock.advance(91 * DAY);
        let key = new_key();
        let refused = submit(&authority, by(&house, &written, &holder, &holder, &key)).await;
        assert_eq!(refused.map(drop), Err(RefusalCode::OrderNotCurrent), "{engine}");
        house.clock.advance(old.validity.not_after.since(house.now()) - 10 * DAY);
        let order = house.order(renewal(&old, 1, Ground::Renewal));
        submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        assert_eq!(of_the_ledger(&house).await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn a_unit_ends_its_own_certificate_and_no_other() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (holder, own) = unit(&house, &authority, unit_act(UNIT)).await;
        let mut other_act = unit_act("另一家公司");
        change(&mut other_act, SubjectField::UniqueId, "U00000002");
        let (other, theirs) = unit(&house, &authority, other_act).await;
        let (issuer, serial) = (own.issuer.clone(), own.serial.clone());
        let end = |view: &CertificateView, reason| Act::Revoke {
            issuer: view.issuer.clone(),
            serial: view.serial.clone(),
            reason,
            invalid_since: None,
        };
        let ceased = RevocationReason::CessationOfOperation;
        let asked = |order: &Order, signer: &Person| Submission {
            order: Blob(encode(order)),
            approvals: vec![signer.say(order, house.now())],
            binding: None,
            csr: None,
        };
        let refused = async |what: &str, order: Order, signer: &Person, code: RefusalCode| {
            let answer = submit(&authority, asked(&order, signer)).await;
            assert_eq!(answer.map(drop), Err(code), "{engine}: {what}");
        };
        let two = RefusalCode::TwoOfficersNeeded;
        refused("another's", house.order(end(&theirs, ceased)), &holder, two).await;
        refused("by another", house.order(end(&own, ceased)), &other, two).await;
        for reason in RevocationReason::ALL.into_iter().filter(|reason| !reason.is_a_holders()) {
            refused(reason.word(), house.order(end(&own, reason)), &holder, two).await;
        }
        let since = Some(house.now());
        let reason = RevocationReason::KeyCompromise;
        let backdated = Act::Revoke { issuer: issuer.clone(), serial: serial.clone(), reason, invalid_since: since };
        refused("backdated", house.order(backdated), &holder, two).await;
        let release = Act::Release { issuer: issuer.clone(), serial: serial.clone() };
        refused("a release", house.order(release), &holder, two).await;
        let mut elsewhere = house.order(end(&own, ceased));
        elsewhere.office = crate::domain::OfficeId::new("another-office").unwrap();
        refused("another office", elsewhere, &holder, RefusalCode::WrongRole).await;

        // Held by an officer: whoever has the token then may be its finder.
        let hold = house.order(Act::Hold { issuer: theirs.issuer.clone(), serial: theirs.serial.clone() });
        submit(&authority, house.about_status(&hold, &["limin"])).await.unwrap();
        refused("a held one", house.order(end(&theirs, ceased)), &other, RefusalCode::WrongState).await;

        let order = house.order(end(&own, ceased));
        let gone = submit(&authority, asked(&order, &holder)).await.unwrap();
        let status = CertificateStatus::Revoked { since: house.now(), reason: ceased };
        assert_eq!(gone.status, status, "{engine}");
        house.clock.advance(60);
        let again = submit(&authority, asked(&order, &holder)).await.unwrap();
        assert_eq!(again.status, status, "{engine}: the same order again is answered by what came of it");
        let (late, late_view) = unit(&house, &authority, unit_act("第三家公司")).await;
        house.clock.advance(late_view.validity.not_after.since(house.now()) + 1);
        refused("an expired one", house.order(end(&late_view, ceased)), &late, RefusalCode::WrongState).await;
    }
}

#[tokio::test]
async fn the_loss_desk_freezes_at_once_and_can_do_nothing_else() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let (_, view) = unit(&house, &authority, unit_act(UNIT)).await;
        let desk = ["lossdesk"];
        let hold = house.order(Act::Hold { issuer: view.issuer.clone(), serial: view.serial.clone() });
        let held = submit(&authority, house.about_status(&hold, &desk)).await.unwrap();
        assert_eq!(held.status, CertificateStatus::Held { since: house.now() }, "{engine}");
        let release = || Act::Release { issuer: view.issuer.clone(), serial: view.serial.clone() };
        for (act, signers, code) in [
            (release(), &["lossdesk", "wangqiang"][..], RefusalCode::WrongRole),
            (release(), &["limin", "lossdesk"], RefusalCode::WrongRole),
            (revoke(&view.issuer, &view.serial), &["lossdesk", "wangqiang"], RefusalCode::WrongRole),
            (revoke(&view.issuer, &view.serial), &["limin", "lossdesk"], RefusalCode::WrongRole),
        ] {
            let answer = submit(&authority, house.about_status(&house.order(act), signers)).await;
            assert_eq!(answer.map(drop), Err(code), "{engine}: {signers:?}");
        }
        for approvals in [["lossdesk", "wangqiang"], ["limin", "lossdesk"]] {
            let (order, key) = (house.order(unit_act("另一家公司")), new_key());
            let answer = submit(&authority, house.issue(&order, &approvals, "limin", &key)).await;
            assert_eq!(answer.map(drop), Err(RefusalCode::WrongRole), "{engine}: {approvals:?}");
        }
        let officers = house.order(Act::Hold { issuer: view.issuer.clone(), serial: view.serial.clone() });
        let answer = submit(&authority, house.about_status(&officers, &["liufang"])).await;
        assert!(answer.is_err(), "{engine}: one who only counts money");
    }
}

/// Faults, without those of lists that nobody made while the clock ran.
async fn of_the_ledger(house: &House) -> Vec<String> {
    let mut found = faults(house).await;
    found.retain(|fault| !fault.contains(".crl: dates: nextUpdate"));
    found
}

fn change(act: &mut Act, field: SubjectField, value: &str) {
    if let Act::Issue { subject, .. } = act {
        let mut fields: std::collections::BTreeMap<_, _> =
            subject.fields().map(|(field, value)| (field, value.to_owned())).collect();
        fields.insert(field, value.to_owned());
        *subject = crate::domain::Subject::new(fields).unwrap();
    }
}
