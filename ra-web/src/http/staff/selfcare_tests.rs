//! What a unit does by itself, over a real authority: a loss at night, its own revocation, the question how far an order is.

use std::sync::Arc;

use ca_core::domain::{CertificateStatus, OfficeId, OfficerId, RevocationReason, Role, Sha256};
use ca_core::service::protocol::CertificateView;
use ca_core::signer::Signer as _;
use ca_core::testing::Person;

use super::testing::Bench;
use crate::enrolment::desk::{OfficeError, SignatureFault};
use crate::jobs::{Handler as _, Job};
use crate::matters::store::MatterFilter;
use crate::matters::{Ground, Kind, State};
use crate::renewal::Holding;
use crate::selfcare::loss::{LossDesk, Report, Reported, Resend};
use crate::selfcare::progress::{Found, Progress};
use crate::selfcare::{Ending, REASONS, asked};
use crate::store::Store as _;

const USCC: &str = "91350100M000100Y43";
const MOBILE: &str = "13800138000";

/// A unit with its token, and an office with a loss desk.
struct Unit {
    bench: Bench,
    loss: Arc<LossDesk>,
    ending: Ending,
    holder: Person,
    own: CertificateView,
    holding: Holding,
}

impl Unit {
    async fn new() -> Self {
        let mut bench = Bench::new().await;
        let path = bench.approved().await;
        let ticket = bench.ticket(&path).await;
        let (key, answer) = bench.redeem(&ticket).await;
        let own = bench.view(&answer["issuer"], &answer["serial"]).await;
        let holder = Person { key, certificate: own.certificate.0.clone() };
        super::online_testing::confirm(&bench, &ticket, &holder, &own).await;
        let Person { key, certificate } = bench.house.people.remove("lossdesk").expect("the loss desk");
        let sign = move |message: &[u8]| key.sign(message).map_err(|error| error.to_string());
        let (id, office) = (OfficerId::new("lossdesk"), OfficeId::new("demo-office"));
        let loss = LossDesk::new(sign, certificate, id.expect("an id"), office.expect("an office"));
        let holding = Holding {
            certificate: Sha256(openssl::sha::sha256(&own.certificate.0)),
            issuer: own.issuer.clone(),
            serial: own.serial.clone(),
            not_after: own.validity.not_after,
            uscc: USCC.into(),
            unit_name: "示范市东湖建筑工程有限公司".into(),
        };
        let ending = Ending { desk: bench.desk.clone() };
        Self { bench, loss: Arc::new(loss), ending, holder, own, holding }
    }

    /// A loss desk that signs nothing, at another office.
    fn loss_desk_of(&self, office: &str) -> LossDesk {
        let sign = |_: &[u8]| Err("it signs nothing".to_owned());
        let (id, office) = (OfficerId::new("lossdesk"), OfficeId::new(office));
        LossDesk::new(sign, Vec::new(), id.expect("an id"), office.expect("an office"))
    }

    async fn report(&self, uscc: &str, mobile: &str, token: &str) -> Result<Reported, OfficeError> {
        let report = Report::typed(uscc, mobile, "刘芳", token, "昨晚在出租车上");
        assert!(report.faults().is_empty());
        self.loss.report(&self.bench.desk, &report).await
    }

    async fn status(&self) -> CertificateStatus {
        self.bench.view(&self.own.issuer.to_string().into(), &self.own.serial.to_string().into()).await.status
    }

    /// The matters of the certificate, of a kind.
    async fn matters(&self, kind: Kind) -> Vec<crate::matters::Matter> {
        let mut tx = self.bench.store().read().await.expect("a store");
        let all = tx.matters(&MatterFilter::About(self.holding.name()), 50).await.expect("read");
        all.into_iter().filter(|matter| matter.kind == kind).collect()
    }

    async fn end(&self, ground: Ground, signer: &Person) -> Result<(), OfficeError> {
        let order = self.ending.order(&self.holding, ground).await?;
        let message = signer.say_bytes(&order.statement, self.bench.house.now()).0;
        self.ending.sign(&self.holding, ground, &message).await
    }
}

#[tokio::test]
async fn a_loss_at_night_is_frozen_at_once_and_waits_for_a_clerk() {
    let unit = Unit::new().await;
    let Reported::Frozen(frozen) = unit.report(USCC, MOBILE, "").await.expect("reported") else { panic!("frozen") };
    assert_eq!(frozen.len(), 1);
    assert_eq!(frozen[0].serial, unit.own.serial);
    let held = unit.status().await;
    assert!(matches!(held, CertificateStatus::Held { .. }), "{held:?}");
    let [matter] = &unit.matters(Kind::Loss).await[..] else { panic!("one matter") };
    assert_eq!((matter.state, matter.number.clone()), (State::Draft, frozen[0].matter.clone()));
    assert_eq!((matter.facts.applicant.as_str(), matter.facts.phone.as_str()), ("刘芳", MOBILE));
    assert_eq!(matter.awaits(), Some(Role::RaEntry));

    // Again: the same matter, and nothing more happens.
    let Reported::Frozen(again) = unit.report(USCC, MOBILE, "").await.expect("reported") else { panic!("frozen") };
    assert_eq!(again[0].matter, frozen[0].matter);
    assert_eq!(unit.status().await, held);
    assert_eq!(unit.matters(Kind::Loss).await.len(), 1);
}

#[tokio::test]
async fn who_does_not_know_the_handlers_number_freezes_nothing_and_cannot_try_them_out() {
    let unit = Unit::new().await;
    assert_eq!(unit.report(USCC, "13900139000", "").await.expect("answered"), Reported::NotKnown);
    assert_eq!(unit.report("91350211M000100Y46", MOBILE, "").await.expect("answered"), Reported::NotKnown);
    assert_eq!(unit.report(USCC, MOBILE, "ANOTHER-TOKEN").await.expect("answered"), Reported::Nothing);
    assert_eq!(unit.status().await, CertificateStatus::Good);
    for _ in 0..asked::MOST_AN_HOUR {
        unit.report(USCC, "13900139000", "").await.expect("answered");
    }
    assert_eq!(unit.report(USCC, MOBILE, "").await.expect("answered"), Reported::TooOften, "even when it is right");
    assert_eq!(unit.status().await, CertificateStatus::Good);
    unit.bench.house.clock.advance(3600);
    assert!(matches!(unit.report(USCC, MOBILE, "").await.expect("answered"), Reported::Frozen(_)));
}

#[tokio::test]
async fn a_loss_that_the_authority_does_not_answer_is_carried_out_when_it_is_back() {
    let unit = Unit::new().await;
    unit.bench.away(true);
    let Reported::Frozen(frozen) = unit.report(USCC, MOBILE, "").await.expect("kept") else { panic!("accepted") };
    assert_eq!(frozen[0].since, None, "and not said to be frozen");
    let Reported::Frozen(again) = unit.report(USCC, MOBILE, "").await.expect("kept") else { panic!("accepted") };
    assert_eq!((again[0].since, &again[0].matter), (None, &frozen[0].matter));
    unit.bench.away(false);
    assert_eq!(unit.status().await, CertificateStatus::Good);
    let resend = Resend { desk: unit.bench.desk.clone(), loss: unit.loss.clone() };
    let job = Job { kind: resend.kind().into(), about: String::new(), payload: String::new(), turn: 1, failures: 0 };
    for _ in 0..2 {
        resend.run(&job).await.expect("sent");
        assert!(matches!(unit.status().await, CertificateStatus::Held { .. }));
    }
}

#[tokio::test]
async fn a_unit_ends_its_own_certificate_with_its_own_signature_and_no_other() {
    let unit = Unit::new().await;
    for ground in Ground::ALL {
        assert_eq!(REASONS.contains(&ground), ground.is_the_holders(), "{ground:?}");
        assert!(!ground.is_the_holders() || ground.reason().is_a_holders(), "{ground:?}");
    }
    let officer = unit.bench.house.person("limin");
    let refused = unit.end(Ground::HolderCeased, officer).await;
    assert!(matches!(refused, Err(OfficeError::Signature(SignatureFault::Signer))));
    let first = unit.ending.order(&unit.holding, Ground::HolderAsks).await.expect("written");
    let message = unit.holder.say_bytes(&first.statement, unit.bench.house.now()).0;
    unit.ending.order(&unit.holding, Ground::HolderCeased).await.expect("another choice");
    let refused = unit.ending.sign(&unit.holding, Ground::HolderCeased, &message).await;
    assert!(matches!(refused, Err(OfficeError::Signature(SignatureFault::Content))), "the page was old");
    assert_eq!(unit.status().await, CertificateStatus::Good);

    let order = unit.ending.order(&unit.holding, Ground::HolderAsks).await.expect("written");
    let message = unit.holder.say_bytes(&order.statement, unit.bench.house.now()).0;
    let refused = unit.ending.sign(&unit.holding, Ground::HolderCompromise, &message).await;
    assert!(matches!(refused, Err(OfficeError::Signature(SignatureFault::Content))), "another ground than was signed");

    // Signed while the authority is away: it waits, and is sent.
    unit.bench.away(true);
    let away = unit.end(Ground::HolderCeased, &unit.holder).await;
    assert!(matches!(away, Err(OfficeError::Authority(_))));
    unit.bench.away(false);
    assert_eq!(unit.status().await, CertificateStatus::Good);
    // The loss desk may be another office's.
    let elsewhere = unit.loss_desk_of("other-office");
    let resend = Resend { desk: unit.bench.desk.clone(), loss: Arc::new(elsewhere) };
    let job = Job { kind: resend.kind().into(), about: String::new(), payload: String::new(), turn: 1, failures: 0 };
    for _ in 0..2 {
        resend.run(&job).await.expect("sent");
    }
    let CertificateStatus::Revoked { reason, .. } = unit.status().await else { panic!("revoked") };
    assert_eq!(reason, RevocationReason::CessationOfOperation);
    let [matter] = &unit.matters(Kind::Revocation).await[..] else { panic!("one matter") };
    assert_eq!((matter.state, matter.facts.ground.as_str()), (State::Done, "holder-ceased"));
    assert!(unit.bench.desk.learn_publication(matter).await.expect("asked"));
    assert!(matches!(unit.end(Ground::HolderAsks, &unit.holder).await, Err(OfficeError::WrongState(_))));
}

#[tokio::test]
async fn how_far_an_order_is_is_told_to_who_knows_both_numbers() {
    let unit = Unit::new().await;
    let desk = &unit.bench.desk;
    let issued = unit.bench.store().read().await.expect("a store");
    let mut tx = issued;
    let case = tx.certificate(&unit.own.issuer, &unit.own.serial).await.expect("read").expect("issued").case;
    drop(tx);
    let Progress::Found(Found::Case(found, ..)) = desk.progress(case.as_str(), MOBILE).await.expect("answered") else {
        panic!("found")
    };
    assert_eq!(found.state.word(), "delivered");
    for (number, mobile) in [(case.as_str(), "13900139000"), ("20990101-0001", MOBILE), ("'; --", MOBILE), ("", "")] {
        assert!(matches!(desk.progress(number, mobile).await, Ok(Progress::NotKnown)), "{number} {mobile}");
    }
    for _ in 0..asked::MOST_AN_HOUR {
        desk.progress(case.as_str(), "13900139000").await.expect("answered");
    }
    assert!(matches!(desk.progress(case.as_str(), MOBILE).await, Ok(Progress::TooOften)));

    let Reported::Frozen(frozen) = unit.report(USCC, MOBILE, "").await.expect("reported") else { panic!("frozen") };
    let found = desk.progress(frozen[0].matter.as_str(), MOBILE).await.expect("answered");
    assert!(matches!(found, Progress::Found(Found::Matter(_))));
}
