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
