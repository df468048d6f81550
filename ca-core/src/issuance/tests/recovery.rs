//! An escrowed key comes back for the same unit's new token, on the word of two officers of the centre.

use std::sync::Arc;

use super::pairs::gives_another_key;
use super::{Authority, DESK, houses, submit};
use crate::domain::{Act, IssuerId, OrderId, Recovery, Role, Serial, Sha256, encode};
use crate::envelope;
use crate::escrow::port::{RecoverySubmission, WrappedKey};
use crate::issuance::faults::NoFaults;
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{Blob, CertificateView, RefusalCode, Request, Response};
use crate::signer::soft::SoftKey;
use crate::store::Store as _;
use crate::testing::{House, KMC_OFFICERS, new_key, revoke, unit_act, unit_issuer};
use crate::x509::Parts;

/// A unit that lost its token, and its new one.
struct Unit {
    old: CertificateView,
    old_key: SoftKey,
    new: CertificateView,
    new_key: SoftKey,
}

async fn issue(house: &House, authority: &Authority, act: Act) -> (CertificateView, SoftKey) {
    let key = new_key();
    let view = submit(authority, house.issue(&house.order(act), &DESK, "limin", &key)).await.unwrap();
    (view, key)
}

async fn unit(house: &House, authority: &Authority) -> Unit {
    let (old, old_key) = issue(house, authority, unit_act("示范科技有限公司")).await;
    let order = house.order(revoke(&old.issuer, &old.serial));
    submit(authority, house.about_status(&order, &DESK)).await.unwrap();
    // The unit may have changed its name meanwhile; its code and its unique id tell it.
    let (new, new_key) = issue(house, authority, unit_act("示范科技（集团）有限公司")).await;
    Unit { old, old_key, new, new_key }
}

fn recovery(house: &House, old: &CertificateView, recipient: &[u8]) -> Recovery {
    Recovery {
        id: OrderId::draw(house.now(), &mut crate::clock::system_rng()),
        office: crate::domain::OfficeId::new("demo-office").unwrap(),
        created: house.now(),
        issuer: old.issuer.clone(),
        serial: old.encryption.as_ref().unwrap().serial.clone(),
        recipient_sha256: Sha256(openssl::sha::sha256(recipient)),
        why: "令牌遗失".into(),
    }
}

fn signed(house: &House, recovery: &Recovery, officers: &[&str], recipient: &[u8]) -> RecoverySubmission {
    RecoverySubmission {
        statement: Blob(encode(recovery)),
        approvals: officers.iter().map(|id| house.person(id).say(recovery, house.now())).collect(),
        recipient_certificate: Blob(recipient.to_vec()),
    }
}

async fn recover(authority: &Authority, submission: RecoverySubmission) -> Result<WrappedKey, RefusalCode> {
    match authority.call(Request::Recover(submission)).await {
        Ok(Response::Key(key)) => Ok(key),
        Ok(other) => panic!("not a key: {other:?}"),
        Err(error) => Err(error.code().unwrap_or_else(|| panic!("no refusal: {error}"))),
    }
}

async fn events(house: &House) -> Vec<String> {
    let mut tx = house.store().await.begin_read().await.unwrap();
    tx.audit_after(0, 10_000).await.unwrap().into_iter().map(|row| row.event).collect()
}

#[tokio::test]
async fn two_officers_bring_the_old_key_to_the_units_new_token() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let unit = unit(&house, &authority).await;
        let statement = recovery(&house, &unit.old, &unit.new.certificate.0);
        let submission = signed(&house, &statement, &KMC_OFFICERS, &unit.new.certificate.0);
        let wrapped = recover(&authority, submission.clone()).await.unwrap();

        let old = unit.old.encryption.as_ref().unwrap();
        let certified = Parts::read(&old.certificate.0).unwrap().tbs.spki.to_vec();
        let open = |message: &Blob, key: &SoftKey| {
            envelope::open(&message.0, &certified, |operation| key.perform(operation)).ok()
        };
        let lost = open(&old.envelope.message, &unit.old_key).expect("what the lost token had");
        let back = open(&wrapped.envelope.message, &unit.new_key).expect("the new token opens it");
        assert_eq!(lost.pkcs8_der(), back.pkcs8_der(), "{engine}");
        assert!(open(&wrapped.envelope.message, &unit.old_key).is_none(), "{engine}: not for the lost token");

        let told = events(&house).await;
        let [asked, recovered] = &told[told.len() - 2..] else { panic!("two events") };
        assert!(asked.contains("recovery_asked") && recovered.contains("key_recovered"), "{asked} {recovered}");
        for officer in KMC_OFFICERS {
            assert!(asked.contains(officer) && recovered.contains(officer), "{engine}");
        }
        let again = recover(&authority, submission).await.unwrap();
        assert_eq!(again.spki, wrapped.spki, "{engine}: asked again after a lost answer");
    }
}

#[tokio::test]
async fn a_recovery_that_the_authority_must_not_let_pass_never_reaches_the_centre() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let unit = unit(&house, &authority).await;
        let new = unit.new.certificate.0.clone();
        let refused = async |submission: RecoverySubmission, code: RefusalCode, why: &str| {
            let told = recover(&authority, submission).await.map(|_| ());
            assert_eq!(told, Err(code), "{engine}: {why}");
            let last = events(&house).await.pop().unwrap();
            assert!(last.contains("recovery_refused"), "{engine}: {why}: {last}");
        };
        let statement = recovery(&house, &unit.old, &new);
        let by = |officers: &[&str]| signed(&house, &statement, officers, &new);
        refused(by(&["qianwei"]), RefusalCode::TwoOfficersNeeded, "one officer").await;
        refused(by(&["qianwei", "qianwei"]), RefusalCode::TwoOfficersNeeded, "one officer twice").await;
        refused(by(&["qianwei", "limin"]), RefusalCode::WrongRole, "an officer of the desk").await;
        let mut elsewhere = recovery(&house, &unit.old, &new);
        elsewhere.office = crate::domain::OfficeId::new("other-office").unwrap();
        let elsewhere = signed(&house, &elsewhere, &KMC_OFFICERS, &new);
        refused(elsewhere, RefusalCode::WrongRole, "officers of another office").await;
        let mut forged = by(&KMC_OFFICERS);
        *forged.approvals[0].0.last_mut().unwrap() ^= 1;
        refused(forged, RefusalCode::BadSignature, "a forged signature").await;
        let mut exchanged = by(&KMC_OFFICERS);
        exchanged.approvals[1] =
            signed(&house, &recovery(&house, &unit.old, &new), &["fengli"], &new).approvals.remove(0);
        refused(exchanged, RefusalCode::OrderChanged, "an approval of another statement").await;
        let stranger = crate::testing::Person { key: new_key(), certificate: new.clone() };
        let mut unknown = by(&KMC_OFFICERS);
        unknown.approvals[1] = crate::testing::Person { key: unit.new_key, ..stranger }.say(&statement, house.now());
        refused(unknown, RefusalCode::UnknownOfficer, "the unit itself").await;

        // To whom.
        let to =
            |certificate: &[u8]| signed(&house, &recovery(&house, &unit.old, certificate), &KMC_OFFICERS, certificate);
        let mut other = by(&KMC_OFFICERS);
        other.recipient_certificate = unit.old.certificate.clone();
        refused(other, RefusalCode::KeyNotBound, "another certificate beside the statement").await;
        refused(to(&unit.old.certificate.0), RefusalCode::KeyNotAccepted, "a revoked certificate").await;
        let encryption = unit.new.encryption.as_ref().unwrap().certificate.0.clone();
        refused(to(&encryption), RefusalCode::KeyNotAccepted, "an encryption certificate").await;
        refused(to(&house.person("limin").certificate), RefusalCode::KeyNotAccepted, "an officer's").await;
        let mut bent = new.clone();
        *bent.last_mut().unwrap() ^= 1;
        refused(to(&bent), RefusalCode::KeyNotAccepted, "one that we did not make").await;
        let mut act = unit_act("另一家公司");
        if let Act::Issue { subject, .. } = &mut act {
            let mut fields: std::collections::BTreeMap<_, _> = subject.clone().into();
            fields.insert(crate::domain::SubjectField::UniqueId, "U00000002".into());
            *subject = crate::domain::Subject::new(fields).unwrap();
        }
        let (stranger, _) = issue(&house, &authority, act).await;
        refused(to(&stranger.certificate.0), RefusalCode::KeyNotAccepted, "another unit's").await;

        // Which key.
        let mut named = recovery(&house, &unit.old, &new);
        named.serial = unit.old.serial.clone();
        refused(signed(&house, &named, &KMC_OFFICERS, &new), RefusalCode::NotFound, "a signature certificate").await;
        named.issuer = IssuerId::new("unit-rsa").unwrap();
        refused(signed(&house, &named, &KMC_OFFICERS, &new), RefusalCode::NotFound, "another issuer").await;

        let centre = &house.centre().await.store;
        let mut tx = crate::escrow::EscrowStore::begin_read(centre).await.unwrap();
        let kmc_events = tx.audit_after(0, 10_000).await.unwrap();
        assert!(kmc_events.iter().all(|row| !row.event.contains("recover")), "{engine}: the centre was asked");
        assert!(events(&house).await.iter().all(|event| !event.contains("recovery_asked")), "{engine}");
    }
}

#[tokio::test]
async fn a_centre_that_refuses_or_gives_another_key_recovers_nothing() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let unit = unit(&house, &authority).await;
        let new = &unit.new.certificate.0;
        // Too old for the centre.
        let mut statement = recovery(&house, &unit.old, new);
        statement.created = house.now().plus(-8 * 86_400);
        let told = recover(&authority, signed(&house, &statement, &KMC_OFFICERS, new)).await.map(|_| ());
        assert_eq!(told, Err(RefusalCode::OrderNotCurrent), "{engine}");
        assert!(events(&house).await.pop().unwrap().contains("recovery_refused"), "{engine}");

        let deceived = house.joined(Arc::new(NoFaults), Some(gives_another_key())).await;
        let statement = recovery(&house, &unit.old, new);
        let submission = signed(&house, &statement, &KMC_OFFICERS, new);
        assert_eq!(recover(&deceived, submission.clone()).await.map(|_| ()), Err(RefusalCode::Unavailable), "{engine}");
        assert!(events(&house).await.iter().all(|event| !event.contains("key_recovered")), "{engine}");
        let alone = house.joined(Arc::new(NoFaults), None).await;
        assert_eq!(recover(&alone, submission).await.map(|_| ()), Err(RefusalCode::NotFound), "{engine}");
    }
}

/// Someone whom the authority calls a KMC officer from now on.
async fn newcomer(house: &House, authority: &Authority) -> crate::testing::Person {
    let mut act = super::staff::staff_act("newhand", "新手");
    if let Act::Issue { officer: Some(officer), .. } = &mut act {
        officer.roles = vec![Role::KmcOfficer];
    }
    let key = new_key();
    let view = submit(authority, house.issue(&house.order(act), &crate::testing::ADMINISTRATORS, "wumin", &key))
        .await
        .unwrap();
    crate::testing::Person { key, certificate: view.certificate.0 }
}

#[tokio::test]
async fn an_officer_who_is_not_the_centres_or_no_longer_good_recovers_nothing() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let unit = unit(&house, &authority).await;
        let new = unit.new.certificate.0.clone();
        let statement = recovery(&house, &unit.old, &new);
        // A KMC officer by the authority's word, whom the centre's operator has not pinned.
        let stranger = newcomer(&house, &authority).await;
        let mut foreign = signed(&house, &statement, &KMC_OFFICERS, &new);
        foreign.approvals[1] = stranger.say(&statement, house.now());
        assert_eq!(recover(&authority, foreign).await.map(|_| ()), Err(RefusalCode::UnknownOfficer), "{engine}");
        let told = events(&house).await;
        let [asked, refused] = &told[told.len() - 2..] else { panic!("two events") };
        assert!(asked.contains("recovery_asked") && refused.contains("recovery_refused"), "{asked} {refused}");

        // Granted once, and not again when one of the two is revoked.
        let granted = signed(&house, &statement, &KMC_OFFICERS, &new);
        recover(&authority, granted.clone()).await.unwrap();
        let certificate = Parts::read(&house.person("fengli").certificate).unwrap().tbs.serial.to_vec();
        let serial = Serial::from_der_content(&certificate).unwrap();
        let order = house.order(revoke(&unit_issuer(), &serial));
        submit(&authority, house.about_status(&order, &crate::testing::ADMINISTRATORS)).await.unwrap();
        assert_eq!(recover(&authority, granted).await.map(|_| ()), Err(RefusalCode::OfficerNotGood), "{engine}");
        assert!(events(&house).await.pop().unwrap().contains("officer_not_good"), "{engine}");
    }
}

#[tokio::test]
async fn a_statement_does_not_serve_a_second_token() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let unit = unit(&house, &authority).await;
        let new = unit.new.certificate.0.clone();
        let statement = recovery(&house, &unit.old, &new);
        let granted = signed(&house, &statement, &KMC_OFFICERS, &new);
        recover(&authority, granted.clone()).await.unwrap();

        // The unit's next token: the same id, properly signed over other bytes, and the old signatures for it.
        let (third, _) = issue(&house, &authority, unit_act("示范科技有限公司")).await;
        let third = third.certificate.0;
        let mut rewritten = recovery(&house, &unit.old, &third);
        rewritten.id = statement.id;
        let replayed = signed(&house, &rewritten, &KMC_OFFICERS, &third);
        assert_eq!(
            recover(&authority, replayed.clone()).await.map(|_| ()),
            Err(RefusalCode::OrderReplayed),
            "{engine}"
        );
        assert!(events(&house).await.pop().unwrap().contains("order_replayed"), "{engine}");
        let mut mixed = replayed;
        mixed.approvals = granted.approvals.clone();
        assert_eq!(recover(&authority, mixed).await.map(|_| ()), Err(RefusalCode::OrderChanged), "{engine}");

        // The statement itself, when the token it was for is revoked.
        let order = house.order(revoke(&unit.new.issuer, &unit.new.serial));
        submit(&authority, house.about_status(&order, &DESK)).await.unwrap();
        assert_eq!(recover(&authority, granted).await.map(|_| ()), Err(RefusalCode::KeyNotAccepted), "{engine}");
        let centre = &house.centre().await.store;
        let mut tx = crate::escrow::EscrowStore::begin_read(centre).await.unwrap();
        let told = tx.audit_after(0, 10_000).await.unwrap();
        let of = |word: &str| told.iter().filter(|row| row.event.contains(word)).count();
        assert_eq!((of("key_recovered"), of("recovery_refused")), (1, 1), "{engine}: the centre's own audit");
    }
}
