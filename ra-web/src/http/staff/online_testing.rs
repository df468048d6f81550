//! A unit that renews by itself over a real authority, and a provider of payment online that does what a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::StatusCode;
use ca_core::domain::{Install, KeyBinding, Order, Sha256, Timestamp, decode};
use ca_core::service::protocol::{Blob, CertificateView, Request};
use ca_core::testing::Person;
use serde_json::json;

use super::testing::Bench;
use crate::enrolment::case::State;
use crate::enrolment::desk::OfficeError;
use crate::payment::bill::BillState;
use crate::payment::checkout::Way;
use crate::payment::gateway::{
    About, Back, BackState, BackWanted, Dispute, Event, GatewayError, NotHeard, PaymentGateway, Session as Paid,
    SessionState, Settlement, Wanted,
};
use crate::payment::online::{Leads, MessageError, Online, Settled};
use crate::renewal::{Asked, Begun, Holding, Renewals, Stage};

pub(super) const DAY: i64 = 86_400;
pub(super) const PAGES: &str = "https://pay.example";

/// A provider that does what the test says.
#[derive(Default)]
pub(super) struct Provider {
    pub(super) sessions: Mutex<BTreeMap<String, Paid>>,
    pub(super) backs: Mutex<BTreeMap<String, Back>>,
    pub(super) disputes: Mutex<BTreeMap<String, Dispute>>,
    pub(super) settled: Mutex<Vec<Settlement>>,
    /// It says no to whatever is to go back.
    pub(super) refuses: Mutex<bool>,
    /// It does what it is asked, and its answer gets lost.
    pub(super) mute: Mutex<bool>,
}

impl Provider {
    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Paid)) {
        change(self.sessions.lock().unwrap().get_mut(id).expect("a session"));
    }

    pub(super) fn pay(&self, id: &str) {
        self.change(id, |session| session.state = SessionState::Paid);
    }

    pub(super) fn count(&self) -> usize {
        self.sessions.lock().unwrap().len()
    }

    pub(super) fn answer(&self, id: &str) -> Result<Paid, GatewayError> {
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
pub(super) struct Unit {
    pub(super) bench: Bench,
    pub(super) provider: Arc<Provider>,
    pub(super) online: Arc<Online>,
    pub(super) renewals: Renewals,
    pub(super) holder: Person,
    pub(super) old: CertificateView,
    pub(super) holding: Holding,
}

impl Unit {
    /// A unit whose certificate ends in 80 days.
    pub(super) async fn new() -> Self {
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

    pub(super) async fn stage(&self) -> Stage {
        self.renewals.standing(&self.holding).await.expect("standing").stage
    }

    pub(super) fn asked(years: &str) -> Asked {
        Asked {
            years: years.into(),
            handler_name: "刘芳".into(),
            handler_mobile: "13800138000".into(),
            handler_email: String::new(),
        }
    }

    pub(super) async fn begin(&self, years: &str) -> String {
        match self.renewals.begin(&self.holding, &Self::asked(years)).await.expect("begun") {
            Begun::Ready(number) => number.to_string(),
            Begun::Faulty(faults) => panic!("{faults:?}"),
        }
    }

    pub(super) async fn sign(&self) -> Result<(), OfficeError> {
        let order = self.renewals.order(&self.holding).await?;
        let message = self.holder.say_bytes(&order.statement, self.bench.house.now()).0;
        self.renewals.sign(&self.holding, &message).await
    }

    /// Form and signature; the bill is made.
    pub(super) async fn signed(&self, years: &str) {
        self.begin(years).await;
        self.sign().await.expect("signed");
        assert_eq!(self.stage().await, Stage::Pay);
    }

    pub(super) async fn checkout(&self, way: Way) -> Result<Leads, OfficeError> {
        self.renewals.pay(&self.holding, way, "服务费".into(), "http://127.0.0.1/renew/back".into()).await
    }

    /// The session of the provider's page.
    pub(super) async fn session(&self, way: Way) -> String {
        match self.checkout(way).await.expect("a page") {
            Leads::To(url) => url.rsplit('/').next().expect("an id").to_owned(),
            Leads::Paid => panic!("it is paid"),
        }
    }

    pub(super) async fn hear(&self, event: &str, session: &str) -> Result<Settled, MessageError> {
        self.online.hear(format!("{event} {session}").as_bytes(), "good").await
    }

    pub(super) async fn bill_state(&self) -> BillState {
        self.renewals.standing(&self.holding).await.expect("standing").bill.expect("a bill").state
    }

    pub(super) async fn case_state(&self) -> State {
        self.renewals.standing(&self.holding).await.expect("standing").case.expect("a case").state
    }

    /// What the assistant sends: a new key on the unit's token, bound by the old one.
    pub(super) async fn request(&self, ticket: &str) -> (ca_core::signer::soft::SoftKey, serde_json::Value) {
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

    /// The certificate that was issued is put on the token and the authority told, and the office stops before it hears.
    pub(super) async fn install_unheard(&self) -> (String, CertificateView, Blob) {
        let ticket = self.renewals.ticket(&self.holding).await.expect("a ticket");
        let (key, body) = self.request(&ticket).await;
        let (status, answer) = self.bench.api("redeem", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let new = self.bench.view(&answer["issuer"], &answer["serial"]).await;
        let holder = Person { key, certificate: new.certificate.0.clone() };
        let install = installed(&self.bench, &holder, &new);
        let told = self.bench.desk.ca.call(Request::Confirm { install: install.clone() }).await;
        told.expect("the authority has it");
        (ticket.to_string(), new, install)
    }

    /// Installs what is paid for; each step twice.
    pub(super) async fn install(&self) -> CertificateView {
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

/// What the new key says of the certificate that is on its token.
fn installed(bench: &Bench, holder: &Person, view: &CertificateView) -> Blob {
    let install = Install {
        order: view.order,
        issuer: view.issuer.clone(),
        serial: view.serial.clone(),
        certificate_sha256: Sha256(openssl::sha::sha256(&view.certificate.0)),
    };
    holder.say(&install, bench.house.now())
}

pub(super) async fn confirm(bench: &Bench, ticket: &str, holder: &Person, view: &CertificateView) {
    let install = installed(bench, holder, view);
    let (status, answer) = bench.api("confirm", json!({ "ticket": ticket, "install": install })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

impl Unit {
    /// Paid online, all of it asked back, finance agrees: the bill's page, and the refund.
    pub(super) async fn to_go_back(&self) -> (String, String) {
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
