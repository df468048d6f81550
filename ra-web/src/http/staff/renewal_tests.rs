//! A unit renews by itself, over a real authority: each step once, twice, out of order, and by somebody else. In the
//! provider's place stands one that lies on command.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::StatusCode;
use ca_core::domain::{CertificateStatus, Install, KeyBinding, Order, RevocationReason, Sha256, Timestamp, decode};
use ca_core::service::protocol::CertificateView;
use ca_core::testing::Person;
use serde_json::json;

use super::testing::Bench;
use crate::enrolment::case::State;
use crate::enrolment::desk::OfficeError;
use crate::invoice::issuing::Invoiced;
use crate::invoice::record::FileKind;
use crate::payment::back::BackStep;
use crate::payment::bill::{BillState, MoneyFault};
use crate::payment::checkout::Way;
use crate::payment::fen::Fen;
use crate::payment::gateway::{
    About, Back, BackState, BackWanted, Dispute, Event, GatewayError, NotHeard, PaymentGateway, Session as Paid,
    SessionState, Settlement, SettlementKind, Wanted,
};
use crate::payment::ledger::Account;
use crate::payment::online::{Leads, MessageError, Online, Settled};
use crate::renewal::{Asked, Begun, Changed, Holding, Renewals, Stage};
use crate::store::Store as _;

const DAY: i64 = 86_400;
const PAGES: &str = "https://pay.example";

/// A provider that does what the test says.
#[derive(Default)]
struct Provider {
    sessions: Mutex<BTreeMap<String, Paid>>,
    backs: Mutex<BTreeMap<String, Back>>,
    disputes: Mutex<BTreeMap<String, Dispute>>,
    settled: Mutex<Vec<Settlement>>,
    /// It says no to whatever is to go back.
    refuses: Mutex<bool>,
    /// It does what it is asked, and its answer gets lost.
    mute: Mutex<bool>,
}

impl Provider {
    fn change(&self, id: &str, change: impl FnOnce(&mut Paid)) {
        change(self.sessions.lock().unwrap().get_mut(id).expect("a session"));
    }

    fn pay(&self, id: &str) {
        self.change(id, |session| session.state = SessionState::Paid);
    }

    fn count(&self) -> usize {
        self.sessions.lock().unwrap().len()
    }

    fn answer(&self, id: &str) -> Result<Paid, GatewayError> {
        if *self.mute.lock().unwrap() {
            return Err(GatewayError::Unreachable("mute".into()));
        }
        let session = self.sessions.lock().unwrap().get(id).cloned();
        session.ok_or_else(|| GatewayError::Refused("no such session".into()))
    }
}

#[async_trait]
impl PaymentGateway for Provider {
    fn ways(&self) -> &[Way] {
        &Way::ALL
    }

    fn pages(&self) -> &str {
        PAGES
    }

    async fn open(&self, wanted: &Wanted<'_>) -> Result<Paid, GatewayError> {
        // The key of the request is the checkout: asked twice, it is one session.
        let id = format!("cs_{}", wanted.checkout.id);
        self.sessions.lock().unwrap().entry(id.clone()).or_insert_with(|| Paid {
            url: Some(format!("{PAGES}/{id}")),
            checkout: Some(wanted.checkout.id.to_string()),
            bill: Some(wanted.checkout.bill.to_string()),
            amount: Some(wanted.checkout.amount),
            currency: Some("cny".into()),
            reference: Some(format!("pi_{}", wanted.checkout.id)),
            state: SessionState::Open,
            id: id.clone(),
        });
        self.answer(&id)
    }

    async fn fetch(&self, session: &str) -> Result<Paid, GatewayError> {
        self.answer(session)
    }

    async fn expire(&self, session: &str) -> Result<Paid, GatewayError> {
        self.change(session, |session| {
            if session.state == SessionState::Open {
                session.state = SessionState::Expired;
            }
        });
        self.answer(session)
    }

    async fn give_back(&self, wanted: &BackWanted<'_>) -> Result<Back, GatewayError> {
        if *self.refuses.lock().unwrap() {
            return Err(GatewayError::Refused("charge_disputed".into()));
        }
        // It forgets keys: what is asked for twice is two.
        let id = format!("re_{}", self.backs.lock().unwrap().len() + 1);
        let back = Back {
            id: id.clone(),
            refund: Some(wanted.refund.to_owned()),
            amount: wanted.amount,
            currency: "cny".into(),
            state: BackState::Pending,
        };
        self.backs.lock().unwrap().insert(id, back.clone());
        if *self.mute.lock().unwrap() { Err(GatewayError::Unreachable("mute".into())) } else { Ok(back) }
    }

    async fn look_back(&self, id: &str) -> Result<Back, GatewayError> {
        self.backs.lock().unwrap().get(id).cloned().ok_or_else(|| GatewayError::Refused("no such refund".into()))
    }

    async fn find_back(&self, wanted: &BackWanted<'_>) -> Result<Option<Back>, GatewayError> {
        let backs = self.backs.lock().unwrap();
        Ok(backs.values().find(|back| back.refund.as_deref() == Some(wanted.refund)).cloned())
    }

    async fn settled(&self, since: Timestamp) -> Result<Vec<Settlement>, GatewayError> {
        let settled = self.settled.lock().unwrap();
        Ok(settled.iter().filter(|settled| settled.at >= since).cloned().collect())
    }

    async fn dispute(&self, id: &str) -> Result<Dispute, GatewayError> {
        let known = self.disputes.lock().unwrap().get(id).cloned();
        known.ok_or_else(|| GatewayError::Refused("no such dispute".into()))
    }

    fn hear(&self, body: &[u8], signature: &str, _: Timestamp) -> Result<Event, NotHeard> {
        if signature != "good" {
            return Err(NotHeard::Forged);
        }
        let text = String::from_utf8_lossy(body).into_owned();
        let (id, session) = text.split_once(' ').ok_or(NotHeard::Malformed)?;
        let name = session.to_owned();
        let about = match name.get(..3) {
            Some("re_") => About::Refund(name),
            Some("dp_") => About::Dispute(name),
            Some("pi_") => About::Charge(name),
            _ => About::Session(name),
        };
        Ok(Event { id: id.to_owned(), kind: "told".into(), about })
    }
}

/// A unit at its own computer.
struct Unit {
    bench: Bench,
    provider: Arc<Provider>,
    online: Arc<Online>,
    renewals: Renewals,
    holder: Person,
    old: CertificateView,
    holding: Holding,
}

impl Unit {
    /// A unit whose certificate ends in 80 days.
    async fn new() -> Self {
        let bench = Bench::new().await;
        let path = bench.approved().await;
        let ticket = bench.ticket(&path).await;
        let (key, answer) = bench.redeem(&ticket).await;
        let old = bench.view(&answer["issuer"], &answer["serial"]).await;
        let holder = Person { key, certificate: old.certificate.0.clone() };
        confirm(&bench, &ticket, &holder, &old).await;
        let provider = Arc::new(Provider::default());
        let online = Arc::new(Online { desk: bench.desk.clone(), gateway: provider.clone() });
        let renewals = Renewals { desk: bench.desk.clone(), online: Some(online.clone()) };
        let holding = Holding {
            certificate: Sha256(openssl::sha::sha256(&old.certificate.0)),
            issuer: old.issuer.clone(),
            serial: old.serial.clone(),
            not_after: old.validity.not_after,
            uscc: "91350100M000100Y43".into(),
            unit_name: "示范市东湖建筑工程有限公司".into(),
        };
        let mut unit = Self { bench, provider, online, renewals, holder, old, holding };
        let end = unit.old.validity.not_after;
        unit.bench.later(end.since(unit.bench.house.now()) - 80 * DAY).await;
        unit
    }

    async fn stage(&self) -> Stage {
        self.renewals.standing(&self.holding).await.expect("standing").stage
    }

    fn asked(years: &str) -> Asked {
        Asked {
            years: years.into(),
            handler_name: "刘芳".into(),
            handler_mobile: "13800138000".into(),
            handler_email: String::new(),
        }
    }

    async fn begin(&self, years: &str) -> String {
        match self.renewals.begin(&self.holding, &Self::asked(years)).await.expect("begun") {
            Begun::Ready(number) => number.to_string(),
            Begun::Faulty(faults) => panic!("{faults:?}"),
        }
    }

    async fn sign(&self) -> Result<(), OfficeError> {
        let order = self.renewals.order(&self.holding).await?;
        let message = self.holder.say_bytes(&order.statement, self.bench.house.now()).0;
        self.renewals.sign(&self.holding, &message).await
    }

    /// Form and signature; the bill is made.
    async fn signed(&self, years: &str) {
        self.begin(years).await;
        self.sign().await.expect("signed");
        assert_eq!(self.stage().await, Stage::Pay);
    }

    async fn checkout(&self, way: Way) -> Result<Leads, OfficeError> {
        self.renewals.pay(&self.holding, way, "服务费".into(), "http://127.0.0.1/renew/back".into()).await
    }

    /// The session of the provider's page.
    async fn session(&self, way: Way) -> String {
        match self.checkout(way).await.expect("a page") {
            Leads::To(url) => url.rsplit('/').next().expect("an id").to_owned(),
            Leads::Paid => panic!("it is paid"),
        }
    }

    async fn hear(&self, event: &str, session: &str) -> Result<Settled, MessageError> {
        self.online.hear(format!("{event} {session}").as_bytes(), "good").await
    }

    async fn bill_state(&self) -> BillState {
        self.renewals.standing(&self.holding).await.expect("standing").bill.expect("a bill").state
    }

    async fn case_state(&self) -> State {
        self.renewals.standing(&self.holding).await.expect("standing").case.expect("a case").state
    }

    /// What the assistant sends: a new key on the unit's token, bound by the old one.
    async fn request(&self, ticket: &str) -> (ca_core::signer::soft::SoftKey, serde_json::Value) {
        let (status, opened) = self.bench.api("open", json!({ "ticket": ticket })).await;
        assert_eq!(status, StatusCode::OK, "{opened}");
        assert_eq!(opened["holder"], self.holding.certificate.to_string());
        let order =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, opened["order"].as_str().expect("text"));
        let order: Order = decode(&order.expect("base64")).expect("an order");
        let key = ca_core::testing::new_key();
        let token = self.bench.token_of(&self.old).await.serial.to_string();
        let binding = KeyBinding { token, ..ca_core::testing::binding(&order, &key) };
        let binding = self.holder.say(&binding, self.bench.house.now());
        let body = json!({ "ticket": ticket, "csr": ca_core::testing::request(&key), "binding": binding });
        (key, body)
    }

    /// Installs what is paid for; each step twice.
    async fn install(&self) -> CertificateView {
        let first = self.renewals.ticket(&self.holding).await.expect("a ticket");
        let ticket = self.renewals.ticket(&self.holding).await.expect("another ticket");
        let (status, _) = self.bench.api("open", json!({ "ticket": &*first })).await;
        assert_eq!(status, StatusCode::CONFLICT, "the ticket before has ended");
        let (key, body) = self.request(&ticket).await;
        let (status, answer) = self.bench.api("redeem", body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let (_, again) = self.bench.api("redeem", body).await;
        assert_eq!(answer["serial"], again["serial"]);
        assert!(matches!(self.case_state().await, State::Issued { .. }));
        let new = self.bench.view(&answer["issuer"], &answer["serial"]).await;
        let holder = Person { key, certificate: new.certificate.0.clone() };
        confirm(&self.bench, &ticket, &holder, &new).await;
        confirm(&self.bench, &ticket, &holder, &new).await;
        assert_eq!(self.stage().await, Stage::Done);
        new
    }
}

pub(super) async fn confirm(bench: &Bench, ticket: &str, holder: &Person, view: &CertificateView) {
    let install = Install {
        order: view.order,
        issuer: view.issuer.clone(),
        serial: view.serial.clone(),
        certificate_sha256: Sha256(openssl::sha::sha256(&view.certificate.0)),
    };
    let install = holder.say(&install, bench.house.now());
    let (status, answer) = bench.api("confirm", json!({ "ticket": ticket, "install": install })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn from_the_form_to_the_new_certificate_with_each_step_done_twice() {
    let unit = Unit::new().await;
    assert_eq!(unit.stage().await, Stage::Check(Ok(())));
    let number = unit.begin("1").await;
    assert_eq!(unit.begin("2").await, number, "the form again changes the draft");
    assert_eq!(unit.stage().await, Stage::Sign);
    let order = unit.renewals.order(&unit.holding).await.expect("an order");
    assert_eq!(unit.renewals.order(&unit.holding).await.expect("an order").order.id, order.order.id);
    unit.sign().await.expect("signed");
    assert!(matches!(unit.sign().await, Err(OfficeError::Forbidden(_))), "signed once");

    let session = unit.session(Way::Alipay).await;
    assert_eq!(unit.session(Way::Alipay).await, session, "the same page");
    assert_eq!(unit.provider.count(), 1);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Unchanged, "a message alone pays nothing");
    assert_eq!(unit.stage().await, Stage::Pay);
    unit.provider.pay(&session);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Unchanged, "heard before");
    assert_eq!(unit.hear("evt_2", &session).await.expect("heard"), Settled::Paid);
    for event in ["evt_2", "evt_3"] {
        assert_eq!(unit.hear(event, &session).await.expect("heard"), Settled::Unchanged);
    }
    assert_eq!(unit.renewals.came_back(&unit.holding).await.expect("asked"), Settled::Unchanged);
    assert!(matches!(unit.checkout(Way::Card).await, Ok(Leads::Paid)), "nothing is paid twice");
    assert_eq!(unit.stage().await, Stage::Install);
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::yuan(400));
    let deferred = unit.bench.balance(Account::Deferred).await;
    assert_eq!(deferred, -Fen::yuan(400));

    let end = unit.old.validity.not_after;
    let on = unit.bench.token_of(&unit.old).await.serial;
    let new = unit.install().await;
    assert_eq!(new.validity.not_after, end.beijing_day().plus_years(2).last_second());
    let old = unit.bench.view(&json!(unit.old.issuer), &json!(unit.old.serial)).await;
    let gone = CertificateStatus::Revoked { since: unit.bench.house.now(), reason: RevocationReason::Superseded };
    assert_eq!(old.status, gone);
    assert_eq!(unit.bench.balance(Account::Deferred).await, Fen::ZERO, "earned at delivery");
    assert!(unit.renewals.still_welcome(&unit.holding).await.expect("asked"), "until the unit leaves");
    assert_eq!(unit.bench.token_of(&new).await.serial, on, "on the same token");

    // The invoice, once however often it is asked for.
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").bill.expect("a bill").number;
    let desk = &unit.bench.desk;
    let uscc = unit.holding.uscc.as_str();
    assert!(desk.own_invoice_file(uscc, &number, FileKind::Pdf).await.is_err(), "not yet");
    let mut tx = unit.bench.store().read().await.expect("begun");
    assert!(tx.due_job("invoice", unit.bench.house.now()).await.expect("read").is_some(), "asked for at delivery");
    drop(tx);
    assert_eq!(desk.invoice(&number).await.expect("asked"), Ok(Invoiced::Issued));
    assert_eq!(desk.invoice(&number).await.expect("asked"), Ok(Invoiced::Nothing));
    let (name, pdf) = desk.own_invoice_file(uscc, &number, FileKind::Pdf).await.expect("a paper");
    assert!(name.starts_with("99") && pdf.starts_with(b"%PDF"));
    assert_eq!(desk.own_invoice_file(uscc, &number, FileKind::Pdf).await.expect("again").1, pdf, "the same paper");
    assert!(desk.own_invoice_file("91350100M000100Y44", &number, FileKind::Pdf).await.is_err(), "nobody else's");
    let bill = unit.renewals.standing(&unit.holding).await.expect("standing").bill.expect("a bill");
    assert_eq!(bill.invoice_due, None, "the deadline is met");
}

#[tokio::test]
async fn a_message_that_is_not_the_providers_changes_nothing() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    let forged = unit.online.hear(format!("evt_1 {session}").as_bytes(), "bad").await;
    assert!(matches!(forged, Err(MessageError::NotHeard(NotHeard::Forged))));
    assert_eq!(unit.bill_state().await, BillState::Open);
    let other = unit.hear("evt_2", "cs_of_another_shop").await;
    assert!(matches!(other, Err(MessageError::Later(OfficeError::Gateway(_)))), "no session of ours");
    assert_eq!(unit.hear("evt_3", &session).await.expect("heard"), Settled::Paid);
}

#[tokio::test]
async fn money_that_was_not_asked_for_pays_no_bill() {
    type Change = fn(&mut Paid);
    let wrong: [(&str, Change); 4] = [
        ("another amount", |session| session.amount = Some(Fen::yuan(1))),
        ("another currency", |session| session.currency = Some("usd".into())),
        ("another bill", |session| session.bill = Some("BL-20261130-0099".into())),
        ("another order", |session| session.checkout = Some("CO-20261130-0099".into())),
    ];
    let unit = Unit::new().await;
    unit.signed("1").await;
    for (n, (what, change)) in wrong.into_iter().enumerate() {
        let session = unit.session(Way::ALL[n % 3]).await;
        unit.provider.change(&session, change);
        unit.provider.pay(&session);
        assert_eq!(unit.hear(&format!("evt_{n}"), &session).await.expect("heard"), Settled::Faulty, "{what}");
        assert_eq!(unit.bill_state().await, BillState::Open, "{what}");
    }
    let faulty = unit.bench.store().read().await.expect("begun").faulty_checkouts(10).await.expect("read");
    assert_eq!(faulty.len(), 4, "finance is shown each");
    let board = unit.bench.get("liufang", "/money").await.text;
    for why in ["Another amount", "Another currency than yuan", "another bill", "another checkout"] {
        assert!(board.contains(why), "{why}");
    }
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::ZERO);
}

#[tokio::test]
async fn money_for_a_bill_that_was_paid_otherwise_stands_in_suspense() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").case.expect("a case").number;
    unit.bench.paid(&format!("/applications/{number}")).await;
    assert_eq!(unit.stage().await, Stage::Install, "paid at the counter, installed online");
    unit.provider.pay(&session);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Faulty);
    assert_eq!(unit.hear("evt_2", &session).await.expect("heard"), Settled::Unchanged);
    assert_eq!(unit.bench.balance(Account::Suspense).await, -Fen::yuan(200));
    assert_eq!(unit.bench.balance(Account::Deferred).await, -Fen::yuan(200), "the service is paid once");
    unit.install().await;
}

#[tokio::test]
async fn money_that_comes_after_the_bill_lapsed_is_taken_and_the_unit_signs_anew() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::WechatPay).await;
    unit.bench.later(16 * DAY).await;
    assert_eq!(unit.bench.desk.lapse_bills().await.expect("lapsed"), 1);
    assert_eq!(unit.stage().await, Stage::Check(Ok(())), "it could be begun anew");
    unit.provider.pay(&session);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Paid);
    assert_eq!(unit.stage().await, Stage::SignAgain);
    assert!(unit.renewals.ticket(&unit.holding).await.is_err(), "what was signed before is used up");
    unit.sign().await.expect("signed anew");
    assert_eq!(unit.stage().await, Stage::Install, "and not charged again");
    unit.install().await;
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::yuan(200));
}

#[tokio::test]
async fn messages_out_of_order_come_to_the_same() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let first = unit.session(Way::Alipay).await;
    let second = unit.session(Way::Card).await;
    assert_ne!(first, second);
    unit.provider.pay(&second);
    assert_eq!(unit.hear("evt_2", &second).await.expect("heard"), Settled::Paid);
    assert_eq!(unit.hear("evt_1", &first).await.expect("heard"), Settled::Unchanged, "the page before had ended");
    assert_eq!(unit.stage().await, Stage::Install);
}

#[tokio::test]
async fn an_answer_that_got_lost_is_asked_for_again_and_opens_no_second_page() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    *unit.provider.mute.lock().unwrap() = true;
    let lost = unit.checkout(Way::Alipay).await;
    assert!(matches!(lost, Err(OfficeError::Gateway(GatewayError::Unreachable(_)))));
    *unit.provider.mute.lock().unwrap() = false;
    let session = unit.session(Way::Alipay).await;
    assert_eq!(unit.provider.count(), 1);
    unit.provider.pay(&session);
    // The message never comes: the one who comes back is enough.
    assert_eq!(unit.renewals.came_back(&unit.holding).await.expect("asked"), Settled::Paid);
}

#[tokio::test]
async fn a_renewal_that_is_given_up_ends_its_page_and_one_that_was_paid_goes_on() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.renewals.cancel(&unit.holding, "given up").await.expect("cancelled");
    assert_eq!(unit.provider.answer(&session).expect("a session").state, SessionState::Expired);
    assert_eq!(unit.stage().await, Stage::Check(Ok(())));

    unit.signed("2").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    assert!(unit.renewals.cancel(&unit.holding, "given up").await.is_err(), "it was paid in this moment");
    assert_eq!(unit.stage().await, Stage::Install);
    assert!(unit.renewals.cancel(&unit.holding, "given up").await.is_err());
}

#[tokio::test]
async fn nobody_signs_pays_or_installs_for_another() {
    let unit = Unit::new().await;
    unit.begin("1").await;
    let order = unit.renewals.order(&unit.holding).await.expect("an order");
    let officer = unit.bench.house.person("limin").say_bytes(&order.statement, unit.bench.house.now()).0;
    assert!(matches!(unit.renewals.sign(&unit.holding, &officer).await, Err(OfficeError::Signature(_))));
    let other = unit.holder.say_bytes(b"something else", unit.bench.house.now()).0;
    assert!(matches!(unit.renewals.sign(&unit.holding, &other).await, Err(OfficeError::Signature(_))));
    let stranger = Holding { serial: "4a01".parse().expect("a serial"), ..unit.holding.clone() };
    assert!(matches!(unit.renewals.ticket(&stranger).await, Err(OfficeError::NotFound)));
    assert!(matches!(unit.renewals.cancel(&stranger, "x").await, Err(OfficeError::NotFound)));
    assert!(unit.renewals.ticket(&unit.holding).await.is_err(), "not before it is paid");

    unit.sign().await.expect("signed");
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").case.expect("a case").number;
    let refused = unit.bench.post("chenjie", &format!("/applications/{number}/ticket"), &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "the counter makes nothing that the unit alone signed");

    // A token operator binds the key in the unit's place: the authority refuses.
    let ticket = unit.renewals.ticket(&unit.holding).await.expect("a ticket");
    let (_, mut body) = unit.request(&ticket).await;
    let (_, by_officer) = unit.bench.request(&ticket, unit.bench.token_of(&unit.old).await.serial.as_str()).await;
    body["binding"] = by_officer["binding"].clone();
    body["csr"] = by_officer["csr"].clone();
    let (status, answer) = unit.bench.api("redeem", body).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    unit.install().await;
}

#[tokio::test]
async fn it_is_renewed_in_its_time_and_no_other() {
    let unit = Unit::new().await;
    let clock = &unit.bench.house.clock;
    clock.advance(-20 * DAY);
    assert!(matches!(unit.stage().await, Stage::Check(Err(_))), "100 days before its end");
    assert!(matches!(unit.renewals.begin(&unit.holding, &Unit::asked("1")).await, Err(OfficeError::NotNow(_))));
    clock.advance(100 * DAY + 366 * DAY);
    assert!(matches!(unit.stage().await, Stage::Check(Err(_))), "more than a year after it");
    clock.advance(-2 * DAY);
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let new = unit.install().await;
    let today = unit.bench.house.now().beijing_day();
    assert_eq!(new.validity.not_after, today.plus_years(1).last_second(), "counted from today");
}

#[tokio::test]
async fn what_changed_goes_to_the_office_with_the_form_filled_in() {
    let unit = Unit::new().await;
    let changed = Changed {
        unit_name: "示范市西湖建筑工程有限公司".into(),
        uscc: "91350100M000100Y43".into(),
        handler_name: "赵云".into(),
        handler_mobile: "13900139000".into(),
    };
    let faulty = Changed { uscc: "123".into(), ..changed.clone() };
    assert!(matches!(unit.renewals.send_to_office(&unit.holding, &faulty).await, Ok(Begun::Faulty(_))));
    let sent = unit.renewals.send_to_office(&unit.holding, &changed).await.expect("sent");
    let Begun::Ready(number) = sent else { panic!("faulty") };
    assert_eq!(unit.stage().await, Stage::Elsewhere);
    assert!(unit.renewals.begin(&unit.holding, &Unit::asked("1")).await.is_err(), "one at a time");
    let form = unit.bench.get("limin", &format!("/applications/{number}/edit")).await.text;
    assert!(form.contains("示范市西湖建筑工程有限公司") && form.contains("赵云"), "{form}");
}

#[tokio::test]
async fn a_refund_of_what_was_paid_online_ends_the_renewal_before_it_is_installed() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").case.expect("a case").number;
    let bill = unit.bench.bill_of(&format!("/applications/{number}")).await.expect("a bill");
    let asked = [("amount", "200"), ("reason", "not issuable")];
    let got = unit.bench.post("limin", &format!("{bill}/refund"), &asked).await;
    assert_eq!(got.to, format!("{bill}?done=refund-asked"), "{}", got.text);
    let refund = unit.bench.refund_of(&bill).await;
    unit.bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    let number = refund.rsplit('/').next().expect("a number").parse().expect("a number");
    let asked =
        unit.bench.store().read().await.expect("begun").due_job("give-back-online", unit.bench.house.now()).await;
    assert!(asked.expect("read").is_some(), "asked for with the approval");
    let by_hand = unit.bench.post("limin", &format!("{refund}/pay-out"), &[("reference", "re_1a2b3c")]).await;
    assert!(by_hand.text.contains("The payment provider is giving it back"), "{}", by_hand.text);

    // The answer gets lost, and the provider forgets keys: it is looked for before it is asked for again.
    *unit.provider.mute.lock().unwrap() = true;
    assert!(matches!(unit.online.give_back(&number).await, Err(OfficeError::Gateway(_))));
    *unit.provider.mute.lock().unwrap() = false;
    let pending = BackStep::Pending { id: "re_1".into() };
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), pending);
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), pending);
    assert_eq!(unit.provider.backs.lock().unwrap().len(), 1, "never two");
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200), "on its way is not there");
    // A message only makes us ask.
    assert_eq!(unit.hear("evt_5", "re_1").await.expect("heard"), Settled::Unchanged);
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200));
    unit.provider.backs.lock().unwrap().get_mut("re_1").expect("there").state = BackState::Done;
    let payment = unit.bench.get("liufang", &bill).await.text;
    let intent = payment.split("pi_").nth(1).map(|rest| format!("pi_{}", rest.split('<').next().expect("a name")));
    for event in ["evt_6", "evt_7"] {
        unit.hear(event, intent.as_deref().expect("the page names it")).await.expect("heard");
    }
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), BackStep::Done { id: "re_1".into() });
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, Fen::ZERO);
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::ZERO);
    assert!(matches!(unit.renewals.ticket(&unit.holding).await, Err(OfficeError::NotFound)));
    assert_eq!(unit.stage().await, Stage::Check(Ok(())));
    let paid = unit.checkout(Way::Alipay).await;
    assert!(matches!(paid, Err(OfficeError::NotFound | OfficeError::Money(MoneyFault::State { .. }))), "{paid:?}");
}

#[tokio::test]
async fn a_unit_that_chose_the_bank_goes_on_when_the_money_is_there() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let standing = async || unit.renewals.standing(&unit.holding).await.expect("standing");
    assert!(standing().await.wire.is_none(), "another way may be chosen");
    unit.renewals.pay_by_bank(&unit.holding).await.expect("chosen");
    let remittance = standing().await.wire.expect("a code");
    let officer = unit.bench.officer("liufang").await;
    let file = format!(
        "交易日期,流水号,金额,借贷标志,对方户名,附言\n20261130,1,200.00,贷,{},{}\n",
        unit.holding.unit_name, remittance.code
    );
    let taken = unit.bench.desk.take_statement(&officer, "1.csv", file.into_bytes()).await.expect("stored");
    assert!(taken.is_ok(), "{taken:?}");
    assert_eq!(unit.stage().await, Stage::Install);
    assert_eq!(unit.bench.balance(Account::Bank).await, Fen::yuan(200));
    assert!(matches!(unit.renewals.pay_by_bank(&unit.holding).await, Err(OfficeError::Money(MoneyFault::PaidAlready))));
    unit.install().await;
    assert_eq!(unit.bench.balance(Account::Deferred).await, Fen::ZERO);
    let mut tx = unit.bench.store().read().await.expect("begun");
    assert!(
        tx.due_job("invoice", unit.bench.house.now()).await.expect("read").is_some(),
        "and the invoice is asked for"
    );
}

impl Unit {
    /// Paid online, all of it asked back, finance agrees: the bill's page, and the refund.
    async fn to_go_back(&self) -> (String, String) {
        self.signed("1").await;
        let session = self.session(Way::Card).await;
        self.provider.pay(&session);
        self.hear("evt_1", &session).await.expect("heard");
        let number = self.renewals.standing(&self.holding).await.expect("standing").case.expect("a case").number;
        let bill = self.bench.bill_of(&format!("/applications/{number}")).await.expect("a bill");
        let asked = [("amount", "200"), ("reason", "not issuable")];
        self.bench.post("limin", &format!("{bill}/refund"), &asked).await;
        let refund = self.bench.refund_of(&bill).await;
        self.bench.post("liufang", &format!("{refund}/approve"), &[]).await;
        (bill, refund)
    }
}

#[tokio::test]
async fn what_the_provider_does_not_give_back_is_shown_and_paid_out_another_way() {
    let unit = Unit::new().await;
    let (bill, refund) = unit.to_go_back().await;
    let number = refund.rsplit('/').next().expect("a number").parse().expect("a number");
    *unit.provider.refuses.lock().unwrap() = true;
    let failed = unit.online.give_back(&number).await.expect("asked");
    assert_eq!(failed, BackStep::Failed { id: None, fault: "charge_disputed".into() });
    let board = unit.bench.get("liufang", "/money").await.text;
    assert!(board.contains("did not make") && board.contains("charge_disputed"), "{board}");
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200), "nothing went back");
    *unit.provider.refuses.lock().unwrap() = false;
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), failed, "given up is given up");
    let got = unit.bench.post("limin", &format!("{refund}/pay-out"), &[("reference", "BANK-0017")]).await;
    assert_eq!(got.to, format!("{bill}?done=refund-paid-out"), "{}", got.text);
    assert!(!unit.bench.get("liufang", "/money").await.text.contains("charge_disputed"), "it is settled");
}

#[tokio::test]
async fn money_that_goes_back_otherwise_than_asked_closes_no_refund() {
    type Change = fn(&mut Back);
    let wrong: [(&str, Change); 3] = [
        ("another refund", |back| back.refund = Some("RF-20200101-0001".into())),
        ("another amount", |back| back.amount = Fen::yuan(1)),
        ("another currency", |back| back.currency = "usd".into()),
    ];
    for (what, change) in wrong {
        let unit = Unit::new().await;
        let (_, refund) = unit.to_go_back().await;
        let number = refund.rsplit('/').next().expect("a number").parse().expect("a number");
        unit.online.give_back(&number).await.expect("asked");
        let mut told = unit.provider.backs.lock().unwrap()["re_1"].clone();
        told.state = BackState::Done;
        change(&mut told);
        unit.provider.backs.lock().unwrap().insert("re_1".into(), told);
        let step = unit.online.give_back(&number).await.expect("asked");
        assert!(matches!(step, BackStep::Failed { .. }), "{what}: {step:?}");
        assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200), "{what}");
    }
}

#[tokio::test]
async fn a_dispute_is_shown_and_audited_once_and_only_as_the_provider_tells_it() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    assert!(unit.hear("evt_2", "dp_1").await.is_err(), "the provider knows of none");
    let reference = unit.provider.sessions.lock().unwrap()[&session].reference.clone();
    let told = |status: &str| Dispute {
        id: "dp_1".into(),
        reference: reference.clone(),
        amount: Fen::yuan(200),
        currency: "cny".into(),
        reason: "fraudulent".into(),
        status: status.to_owned(),
    };
    unit.provider.disputes.lock().unwrap().insert("dp_1".into(), told("needs_response"));
    assert_eq!(unit.hear("evt_3", "dp_1").await.expect("heard"), Settled::Faulty);
    assert_eq!(unit.hear("evt_4", "dp_1").await.expect("heard"), Settled::Unchanged, "told before");
    let board = unit.bench.get("liufang", "/money").await.text;
    assert!(board.contains("dp_1") && board.contains("fraudulent"), "{board}");
    unit.provider.disputes.lock().unwrap().insert("dp_1".into(), told("won"));
    unit.hear("evt_5", "dp_1").await.expect("heard");
    assert!(!unit.bench.get("liufang", "/money").await.text.contains("dp_1"), "it is over");
}

#[tokio::test]
async fn each_morning_what_does_not_fit_is_named_and_what_fits_books_its_fee() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let reference = unit.provider.sessions.lock().unwrap()[&session].reference.clone().expect("a name");
    let at = unit.bench.house.now();
    let settled = |id: &str, reference: &str, fen: i64| Settlement {
        id: id.into(),
        kind: SettlementKind::Payment,
        reference: Some(reference.to_owned()),
        presented: Some((Fen::new(fen), "cny".into())),
        gross: Fen::new(fen),
        fee: Fen::new(600),
        net: Fen::new(fen - 600),
        currency: "cny".into(),
        at,
    };
    let reconcile = async || unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let page = async || unit.bench.get("liufang", "/money/differences").await.text;
    unit.provider.settled.lock().unwrap().push(settled("txn_1", &reference, 20_000));
    for _ in 0..2 {
        reconcile().await;
        let shown = page().await;
        assert!(!shown.contains("Paid twice") && !shown.contains("Missing with"), "{shown}");
        assert_eq!(unit.bench.balance(Account::Fees).await, Fen::yuan(6), "booked once");
        assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::yuan(194), "what the provider owes us");
    }
    unit.provider
        .settled
        .lock()
        .unwrap()
        .extend([settled("txn_2", &reference, 20_000), settled("txn_3", "pi_of_nobody", 500)]);
    reconcile().await;
    let shown = page().await;
    for text in ["Paid twice", "txn_2", "Missing with us", "txn_3", "pi_of_nobody"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    // Finance of the office explains, with a reason; an auditor reads; nobody else does either.
    let (explain, extra) = ("/money/differences/explain", ("id", "extra/txn_3"));
    assert_eq!(unit.bench.get("zhaojing", "/money/differences").await.status, StatusCode::OK);
    for who in ["zhaojing", "limin", "wangqiang", "zhoujun"] {
        let got = unit.bench.post(who, explain, &[extra, ("reason", "why")]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{who}");
    }
    let blank = unit.bench.post("liufang", explain, &[extra, ("reason", " ")]).await;
    assert_eq!(blank.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = unit.bench.post("liufang", explain, &[extra, ("reason", "a test of the provider's")]).await;
    assert_eq!(got.to, "/money/differences?done=difference-explained", "{}", got.text);
    let twice = unit.bench.post("liufang", explain, &[extra, ("reason", "again")]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    reconcile().await;
    assert!(page().await.contains("a test of the provider"), "found again, it stays explained");

    // Three days later there is still no certificate and no invoice.
    unit.bench.later(4 * DAY).await;
    let reconcile = async || unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    reconcile().await;
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(shown.contains("Money without certificate") && shown.contains("Money without invoice"), "{shown}");
    unit.install().await;
    unit.bench.house.clock.advance(60);
    unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(!shown.contains("Money without certificate"), "it is gone by itself");
}

#[tokio::test]
async fn a_payment_that_the_provider_never_settles_is_missing() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(!shown.contains("Missing with"), "it takes its time: {shown}");
    unit.bench.later(3 * DAY - 60).await;
    unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(shown.contains("Missing with them") && shown.contains("200.00"), "{shown}");
}
