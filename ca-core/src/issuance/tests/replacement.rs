//! A certificate that takes another one's place.

use super::{DESK, ask, faults, houses, submit};
use crate::domain::{Act, CertificateStatus, Ground, Order, Replaces, Serial, SubjectField};
use crate::issuance::Authority;
use crate::service::protocol::{CertificateView, RefusalCode, Request};
use crate::testing::{House, new_key, revoke, unit_act};

const DAY: i64 = 86_400;

/// To issue so many years in the place of an old certificate.
fn instead_of(old: &CertificateView, years: u8, ground: Ground) -> Act {
    let mut act = unit_act("示范科技有限公司");
    if let Act::Issue { years: of_order, replaces, .. } = &mut act {
        *of_order = years;
        *replaces = Some(Replaces { issuer: old.issuer.clone(), serial: old.serial.clone(), ground });
    }
    act
}

/// A unit's certificate, on its token.
async fn delivered(house: &House, authority: &Authority, order: &Order) -> CertificateView {
    let key = new_key();
    let view = submit(authority, house.issue(order, &DESK, "limin", &key)).await.unwrap();
    ask(authority, Request::Confirm { install: house.installed(&view, key) }).await.unwrap()
}

async fn status(authority: &Authority, of: &CertificateView) -> CertificateStatus {
    let (issuer, serial) = (of.issuer.clone(), of.serial.clone());
    ask(authority, Request::Certificate { issuer, serial }).await.unwrap().status
}

#[tokio::test]
async fn the_old_one_goes_on_until_the_new_one_is_on_its_token() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let old = delivered(&house, &authority, &house.unit_order()).await;
        house.clock.advance(3600);
        let order = house.order(instead_of(&old, 0, Ground::Change));
        let key = new_key();
        let new = submit(&authority, house.issue(&order, &DESK, "limin", &key)).await.unwrap();
        assert_eq!(new.validity.not_after, old.validity.not_after, "{engine}: the rest of the term");
        assert_eq!(status(&authority, &old).await, CertificateStatus::Good, "{engine}");

        let install = house.installed(&new, key);
        ask(&authority, Request::Confirm { install: install.clone() }).await.unwrap();
        let revoked = CertificateStatus::Revoked { since: house.now(), reason: Ground::Change.reason() };
        assert_eq!(status(&authority, &old).await, revoked, "{engine}");
        assert_eq!(status(&authority, &new).await, CertificateStatus::Good, "{engine}");
        house.clock.advance(60);
        ask(&authority, Request::Confirm { install }).await.unwrap();
        assert_eq!(status(&authority, &old).await, revoked, "{engine}: told twice, revoked once");
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn a_renewal_counts_from_the_old_end_or_from_today_when_that_is_past() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let old = delivered(&house, &authority, &house.unit_order()).await;
        let end = old.validity.not_after;
        let renewal = |years| instead_of(&old, years, Ground::Renewal);

        // 80 days before the end: five years more, beside those days.
        house.clock.advance(end.since(house.now()) - 80 * DAY);
        let order = house.order(renewal(5));
        let early = submit(&authority, house.issue(&order, &DESK, "limin", &new_key())).await.unwrap();
        let wanted = end.beijing_day().plus_years(5).last_second();
        assert_eq!(early.validity.not_after, wanted, "{engine}");
        let abandon = Request::Abandon { order: order.id, why: "a test".into() };
        ask(&authority, abandon).await.unwrap();
        assert_eq!(status(&authority, &old).await, CertificateStatus::Good, "{engine}: undone, the old one goes on");

        // 300 days after it: from today, and what is over is not revoked.
        house.clock.advance(380 * DAY);
        let late = delivered(&house, &authority, &house.order(renewal(1))).await;
        assert_eq!(late.validity.not_after, house.now().beijing_day().plus_years(1).last_second(), "{engine}");
        assert_eq!(status(&authority, &old).await, CertificateStatus::Good, "{engine}");
    }
}

#[tokio::test]
async fn a_renewal_earlier_than_the_profile_allows_is_refused() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let old = delivered(&house, &authority, &house.unit_order()).await;
        house.clock.advance(old.validity.not_after.since(house.now()) - 100 * DAY);
        let act = instead_of(&old, 5, Ground::Renewal);
        let refused = submit(&authority, house.issue(&house.order(act), &DESK, "limin", &new_key())).await;
        assert_eq!(refused.map(drop), Err(RefusalCode::ProfileViolated), "{engine}");
    }
}

#[tokio::test]
async fn one_certificate_is_replaced_once() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let old = delivered(&house, &authority, &house.unit_order()).await;
        let act = || instead_of(&old, 0, Ground::Loss);
        let orders = [house.order(act()), house.order(act())];
        let keys = [new_key(), new_key()];
        // Both at once, then the loser again.
        let [a, b] = [0, 1].map(|n| submit(&authority, house.issue(&orders[n], &DESK, "limin", &keys[n])));
        let (a, b) = tokio::join!(a, b);
        assert_eq!([&a, &b].iter().filter(|done| done.is_ok()).count(), 1, "{engine}: {a:?} {b:?}");
        let loser = usize::from(a.is_ok());
        let again = submit(&authority, house.issue(&orders[loser], &DESK, "limin", &keys[loser])).await;
        assert_eq!(again.map(drop), Err(RefusalCode::WrongState), "{engine}");
        // What came to nothing does not stand in the way.
        let abandon = Request::Abandon { order: orders[1 - loser].id, why: "token broken".into() };
        ask(&authority, abandon).await.unwrap();
        let key = new_key();
        submit(&authority, house.issue(&house.order(act()), &DESK, "limin", &key)).await.unwrap();
    }
}

/// What an order asks in the place of a certificate, and what it is refused for.
type Wrong = (&'static str, fn(&mut Act), RefusalCode);

#[tokio::test]
async fn an_order_may_not_touch_what_is_not_its_holders() {
    const WRONG: [Wrong; 6] = [
        ("another name", |act| change_subject(act, SubjectField::CommonName, "改名公司"), RefusalCode::ProfileViolated),
        ("another unit", |act| change_subject(act, SubjectField::UniqueId, "U00000002"), RefusalCode::ProfileViolated),
        ("years of its own", |act| with(act, |years, _| *years = 1), RefusalCode::ProfileViolated),
        ("no such certificate", |act| with(act, |_, old| old.serial = "4a01".parse().unwrap()), RefusalCode::NotFound),
        ("renewed by no year", |act| with(act, |_, old| old.ground = Ground::Renewal), RefusalCode::ProfileViolated),
        ("of no such issuer", |act| with(act, |_, old| old.issuer = other_issuer()), RefusalCode::NotFound),
    ];
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let old = delivered(&house, &authority, &house.unit_order()).await;
        for (what, change, code) in WRONG {
            let mut act = instead_of(&old, 0, Ground::Loss);
            change(&mut act);
            let refused = submit(&authority, house.issue(&house.order(act), &DESK, "limin", &new_key())).await;
            assert_eq!(refused.map(drop), Err(code), "{engine}: {what}");
        }
        // An officer's certificate is of another profile: a unit's order does not reach it.
        let staff = house.person("limin").certificate.clone();
        let serial = hex::encode(crate::x509::Parts::read(&staff).unwrap().tbs.serial).parse::<Serial>().unwrap();
        let mut act = instead_of(&old, 0, Ground::Loss);
        with(&mut act, |_, old| old.serial = serial.clone());
        let refused = submit(&authority, house.issue(&house.order(act), &DESK, "limin", &new_key())).await;
        assert_eq!(refused.map(drop), Err(RefusalCode::ProfileViolated), "{engine}: an officer's");
        assert_eq!(status(&authority, &old).await, CertificateStatus::Good, "{engine}");
    }
}

#[tokio::test]
async fn what_is_revoked_is_reissued_but_not_renewed_and_what_is_over_only_renewed() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let old = delivered(&house, &authority, &house.unit_order()).await;
        let order = house.order(revoke(&old.issuer, &old.serial));
        submit(&authority, house.about_status(&order, &DESK)).await.unwrap();
        let try_it = async |years, ground| {
            let act = instead_of(&old, years, ground);
            let tried = submit(&authority, house.issue(&house.order(act), &DESK, "limin", &new_key())).await;
            tried.map(drop)
        };
        assert_eq!(try_it(1, Ground::Renewal).await, Err(RefusalCode::WrongState), "{engine}");
        house.clock.advance(370 * DAY);
        assert_eq!(try_it(0, Ground::Loss).await, Err(RefusalCode::WrongState), "{engine}: nothing is left of it");
        house.clock.advance(-370 * DAY);
        let act = instead_of(&old, 0, Ground::Loss);
        let new = delivered(&house, &authority, &house.order(act)).await;
        assert_eq!(new.validity.not_after, old.validity.not_after, "{engine}: after a loss");
    }
}

fn with(act: &mut Act, change: impl FnOnce(&mut u8, &mut Replaces)) {
    if let Act::Issue { years, replaces: Some(replaces), .. } = act {
        change(years, replaces);
    }
}

fn change_subject(act: &mut Act, field: SubjectField, value: &str) {
    if let Act::Issue { subject, .. } = act {
        let mut fields: std::collections::BTreeMap<_, _> =
            subject.fields().map(|(field, value)| (field, value.to_owned())).collect();
        fields.insert(field, value.to_owned());
        *subject = crate::domain::Subject::new(fields).unwrap();
    }
}

fn other_issuer() -> crate::domain::IssuerId {
    crate::domain::IssuerId::new("unit-rsa").unwrap()
}

#[tokio::test]
async fn a_change_may_rename_the_unit_and_an_exchange_is_for_operator_and_supervisor() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let old = delivered(&house, &authority, &house.unit_order()).await;
        let exchange = house.order(instead_of(&old, 0, Ground::Exchange));
        let by_desk = submit(&authority, house.issue(&exchange, &["limin", "sunli"], "limin", &new_key())).await;
        assert_eq!(by_desk.map(drop), Err(RefusalCode::WrongRole), "{engine}");
        let both = ["chenjie", "wangqiang"];
        submit(&authority, house.issue(&exchange, &both, "chenjie", &new_key())).await.unwrap();
        let abandon = Request::Abandon { order: exchange.id, why: "a test".into() };
        ask(&authority, abandon).await.unwrap();

        let mut act = instead_of(&old, 0, Ground::Change);
        change_subject(&mut act, SubjectField::CommonName, "改名公司");
        delivered(&house, &authority, &house.order(act)).await;
        assert!(matches!(status(&authority, &old).await, CertificateStatus::Revoked { .. }), "{engine}");
    }
}
