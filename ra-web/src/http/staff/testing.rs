//! The console over a real authority in this process, with officers signed in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::{CertificateStatus, IssuerId, KeyBinding, KeyKind, LoginPurpose, ProfileName, Serial};
use ca_core::escrow::client::KmcClient;
use ca_core::issuance::Authority;
use ca_core::issuance::faults::NoFaults;
use ca_core::service::client::{CallError, CertificateAuthority};
use ca_core::service::protocol::{CertificateView, Request as Ask, Response as Answer};
use ca_core::sql::testing::{Fresh, postgres, sqlite};
use ca_core::testing::House;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower_sessions::Session;
use tower_sessions::cookie::SameSite;

use super::*;
use crate::chance_from_seed;
use crate::enrolment::desk::Rules;
use crate::evidence::Evidence;
use crate::http::frame::{Frame, wrap};
use crate::http::{provisioning, session, unlock};
use crate::login::{Site, read_anchors};
use crate::matters::publication::{Publication, Published};
use crate::sql::{OfficeStore, office_migrations};
use crate::store::Store as _;
use crate::vault::FieldKey;

/// The authority, which can be made to be away.
pub(super) struct Line {
    authority: Authority,
    away: AtomicBool,
}

#[async_trait]
impl CertificateAuthority for Line {
    async fn call(&self, request: Ask) -> Result<Answer, CallError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
        }
        self.authority.call(request).await
    }
}

/// A list and a responder that know what the authority knows: in place of processes that do not run here.
struct Board(Arc<Line>);

#[async_trait]
impl Publication for Board {
    async fn look(&self, issuer: &IssuerId, serial: &Serial) -> Published {
        match self.0.call(Ask::Certificate { issuer: issuer.clone(), serial: serial.clone() }).await {
            Ok(Answer::Certificate(view)) => match view.status {
                CertificateStatus::Revoked { since, .. } => {
                    Published { list: Some(("7".into(), since)), responder: true }
                }
                _ => Published::default(),
            },
            _ => Published::default(),
        }
    }
}

/// What a browser gets.
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) text: String,
    pub(super) bytes: Vec<u8>,
    pub(super) headers: axum::http::HeaderMap,
    /// Where it is sent.
    pub(super) to: String,
}

impl Got {
    /// The value of the first field of this name.
    pub(super) fn field(&self, name: &str) -> String {
        let at = self.text.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no field {name}"));
        self.text[at..].split('"').nth(3).expect("a value").to_owned()
    }
}

/// The console with its office.
pub(super) struct Bench {
    pub(super) house: House,
    line: Arc<Line>,
    /// The services behind the pages.
    pub(super) desk: Arc<Desk>,
    router: Router,
    /// Every route behind the guard, with its right.
    pub(super) rights: Vec<(&'static str, Right)>,
    cookies: BTreeMap<&'static str, String>,
    officers: Arc<Officers>,
    sessions: session::Sessions,
    presences: Presences,
    fresh: Fresh,
    _evidence: tempfile::TempDir,
}

/// A scan.
pub(super) const PNG: &[u8] = crate::evidence::tests::PNG;

/// A form without fault.
pub(super) const GOOD: [(&str, &str); 11] = [
    ("unit_name", "示范市东湖建筑工程有限公司"),
    ("uscc", "91350100M000100Y43"),
    ("unit_kind", "enterprise"),
    ("address", "示范市东湖区人民路 8 号"),
    ("legal_person", "张伟"),
    ("handler_name", "刘芳"),
    ("handler_id", "11010519491231002X"),
    ("handler_mobile", "13800138000"),
    ("years", "2"),
    ("key", "P-256"),
    ("handler_email", "liufang@example.com"),
];

/// The three scans.
pub(super) const SCANS: [(&str, &[u8]); 3] =
    [("licence", PNG), ("id_card", crate::evidence::tests::JPEG), ("seal", crate::evidence::tests::PDF)];

impl Bench {
    pub(super) async fn new() -> Self {
        let house = House::on(sqlite(&ca_core::sql::authority_migrations()).await).await;
        let authority = house.authority().await;
        Self::over(house, authority, false).await
    }

    /// Whose office has its database in PostgreSQL.
    pub(super) async fn on_postgres() -> Self {
        let house = House::on(sqlite(&ca_core::sql::authority_migrations()).await).await;
        let authority = house.authority().await;
        Self::on(postgres(&office_migrations()).await, house, authority, false, true).await
    }

    /// Whose office makes certificates only on tokens of its stock.
    pub(super) async fn with_stock() -> Self {
        let house = House::on(sqlite(&ca_core::sql::authority_migrations()).await).await;
        let authority = house.authority().await;
        Self::over(house, authority, true).await
    }

    /// Whose office uses no quota invoices.
    pub(super) async fn without_quota() -> Self {
        let house = House::on(sqlite(&ca_core::sql::authority_migrations()).await).await;
        let authority = house.authority().await;
        Self::on(sqlite(&office_migrations()).await, house, authority, false, false).await
    }

    /// Whose authority finds no key-management centre until [`House::serve_centre`].
    pub(super) async fn without_centre() -> Self {
        let house = House::on(sqlite(&ca_core::sql::authority_migrations()).await).await;
        let socket = &house.config.kmc.as_ref().expect("the house has a centre").socket;
        let kmc = Arc::new(KmcClient::new(socket));
        let authority = house.joined(Arc::new(NoFaults), Some(kmc)).await;
        Self::over(house, authority, false).await
    }

    async fn over(house: House, authority: Authority, stock_only: bool) -> Self {
        Self::on(sqlite(&office_migrations()).await, house, authority, stock_only, true).await
    }

    async fn on(fresh: Fresh, house: House, authority: Authority, stock_only: bool, quota: bool) -> Self {
        let line = Arc::new(Line { authority, away: AtomicBool::new(false) });
        let folder = tempfile::tempdir().expect("a folder");
        let chance = chance_from_seed(7);
        let clock = house.clock.clone();
        let vault = Arc::new(FieldKey::of([5; 32]));
        let desk = Arc::new(Desk {
            store: Arc::new(OfficeStore(fresh.database.clone())),
            ca: line.clone(),
            evidence: Evidence::new(
                crate::evidence::store::folder(folder.path()).expect("a folder"),
                vault.clone(),
                chance.clone(),
            ),
            printer: crate::paper::tests::printer(),
            publication: Arc::new(Board(line.clone())),
            vault,
            clock: clock.clone(),
            chance: chance.clone(),
            rules: Rules {
                profile: ProfileName::new("unit-sign").expect("a name"),
                person_profile: ProfileName::new("person").expect("a name"),
                issuers: [(KeyKind::P256, "unit-p256"), (KeyKind::Rsa2048, "unit-rsa")]
                    .map(|(kind, name)| (kind, IssuerId::new(name).expect("a name")))
                    .into(),
                province: "示范省".into(),
                locality: "示范市".into(),
                renewal: crate::enrolment::process::RenewalWindow { early_days: 90, late_days: 365 },
                stock_only,
                hold_days: 30,
                money: crate::payment::Terms {
                    tariff: crate::payment::tariff::tests::tariff(),
                    methods: crate::payment::taking::Method::COUNTER.into(),
                    gives_back: true,
                    wire: Some(crate::payment::wire::WireTerms {
                        payee: "示范市数字证书认证中心".into(),
                        account: "1305 0000 1111 2222".into(),
                        bank: "示范银行示范市分行".into(),
                        office: ca_core::domain::OfficeId::new("demo-office").expect("an office"),
                        lapse_days: 30,
                    }),
                    lapse_days: 15,
                    max_years: 5,
                },
            },
            terms: crate::enrolment::retention::Terms { years: 5, unissued_days: 365 },
            mails: true,
            invoices: crate::invoice::Invoices { quota, ..crate::invoice::tests::invoices() },
        });
        let published = &house.config.publish_dir.join("ca");
        let trust = crate::config::Trust {
            roots: vec![published.join("root.cer")],
            issuers: BTreeMap::from([("unit-p256".to_owned(), published.join("unit-p256.cer"))]),
            sm2_ids: BTreeMap::new(),
            ocsp: "http://127.0.0.1:9/ocsp".into(),
            crl: None,
            crl_max_age_seconds: 300,
        };
        let anchors = Arc::new(read_anchors(&trust).expect("the ceremony published its certificates"));
        let origin = "http://127.0.0.1:8081";
        let presences = Presences::new(fresh.database.clone(), anchors.clone(), origin, clock.clone(), 30);
        let door = Door::new(
            Site { origin: origin.into(), purpose: LoginPurpose::Staff },
            anchors,
            Arc::new(crate::app::status_client(&trust, clock.clone(), &chance).expect("a client")),
            Arc::new(fresh.database.clone()),
            clock.clone(),
            chance.clone(),
        );
        let officers = Arc::new(Officers::new(line.clone()));
        let sessions = session::Sessions::new(fresh.database.clone(), clock.clone());
        let staff = Staff {
            desk: desk.clone(),
            door: Arc::new(door),
            officers: officers.clone(),
            presences: presences.clone(),
        };
        let rights = guarded(&staff).rights;
        let routes = router(staff)
            .layer(session::layer(sessions.clone(), "__Host-yx-staff", SameSite::Strict))
            .merge(provisioning::router(desk.clone()))
            .merge(unlock::router(desk.clone()))
            .merge(presence::router(presences.clone()));
        let frame = Frame {
            site: crate::page::Site::Staff,
            agent: "http://127.0.0.1:17080".into(),
            proxies: Vec::new(),
            burst: 10_000,
            clock,
            chance,
        };
        let router = wrap(routes, frame);
        let cookies = BTreeMap::new();
        let mut bench = Self {
            house,
            line,
            router,
            rights,
            cookies,
            desk,
            officers,
            sessions,
            presences,
            fresh,
            _evidence: folder,
        };
        bench.sign_in().await;
        bench
    }

    /// Everybody has a new session.
    async fn sign_in(&mut self) {
        let people: Vec<(&'static str, Sha256)> =
            self.house.people.iter().map(|(id, who)| (*id, Sha256(openssl::sha::sha256(&who.certificate)))).collect();
        for (id, certificate) in people {
            let officer = self.officers.find(certificate).await.expect("an answer").expect("an officer");
            self.open_session(id, officer, certificate, None).await;
        }
    }

    /// Somebody whom the registry would know so, until the next sign-in.
    pub(super) async fn sign_in_known_as(&mut self, id: &'static str, officer: Officer) {
        self.open_session(id, officer, Sha256([0; 32]), None).await;
    }

    /// Somebody with one role at an office signs in, whom no registry knows.
    pub(super) async fn sign_in_as(&mut self, name: &'static str, role: Role, office: &str) {
        let officer = Officer {
            id: ca_core::domain::OfficerId::new(name).expect("a name"),
            name: name.into(),
            office: ca_core::domain::OfficeId::new(office).expect("a name"),
            roles: vec![role],
        };
        self.open_session(name, officer, Sha256([9; 32]), None).await;
    }

    /// An officer has signed in by this login, and the token keeps the session open.
    pub(super) async fn sign_in_by(&mut self, id: &'static str, login: &[u8]) {
        let certificate = Sha256(openssl::sha::sha256(&self.house.person(id).certificate));
        let officer = self.officers.find(certificate).await.expect("an answer").expect("an officer");
        let bound = self.presences.bind(login, certificate);
        self.open_session(id, officer, certificate, bound).await;
    }

    async fn open_session(&mut self, name: &'static str, officer: Officer, certificate: Sha256, bound: Option<Bound>) {
        let opened = Session::new(None, Arc::new(self.sessions.clone()), None);
        opened.insert(session::AFTER, &officer.id).await.expect("kept");
        if self.desk.kept_form(&officer.id).await.expect("read").is_some() {
            opened.insert(kept::WAITS, true).await.expect("kept");
        }
        let kept = StaffSession { officer, certificate, checked: self.house.now(), bound };
        opened.insert(SESSION_KEY, kept).await.expect("kept");
        opened.save().await.expect("saved");
        self.cookies.insert(name, format!("__Host-yx-staff={}", opened.id().expect("an id")));
    }

    /// A worker of the office.
    pub(super) fn worker(&self) -> Arc<crate::jobs::Worker> {
        let desk = &self.desk;
        let handlers = crate::app::handlers(desk, None, None);
        crate::jobs::Worker::new(desk.store.clone(), handlers, desk.clock.clone(), desk.chance.clone())
    }

    /// The office's store.
    pub(super) fn store(&self) -> OfficeStore {
        OfficeStore(self.fresh.database.clone())
    }

    /// All that the office's database has on its disk.
    pub(super) fn database_bytes(&self) -> Vec<u8> {
        let folder = std::fs::read_dir(self.fresh.folder().expect("a file")).expect("a folder");
        folder.flatten().flat_map(|entry| std::fs::read(entry.path()).expect("read")).collect()
    }

    /// An officer as the registry has them.
    pub(super) async fn officer(&self, id: &str) -> Officer {
        let certificate = Sha256(openssl::sha::sha256(&self.house.person(id).certificate));
        self.officers.find(certificate).await.expect("an answer").expect("an officer")
    }

    /// So many seconds pass; everybody signs in again.
    pub(super) async fn later(&mut self, seconds: i64) {
        self.house.clock.advance(seconds);
        self.sign_in().await;
    }

    /// The authority does not answer from now on, or answers again.
    pub(super) fn away(&self, away: bool) {
        self.line.away.store(away, Ordering::SeqCst);
    }

    async fn send(&self, who: &str, request: axum::http::request::Builder, body: Vec<u8>) -> Got {
        let mut request = request.header("accept-language", "en");
        if let Some(cookie) = self.cookies.get(who) {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let to =
            response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        let headers = response.headers().clone();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes().to_vec();
        Got { status, text: String::from_utf8_lossy(&bytes).into_owned(), bytes, headers, to }
    }

    pub(super) async fn get(&self, who: &str, path: &str) -> Got {
        self.send(who, Request::get(path), Vec::new()).await
    }

    pub(super) async fn post(&self, who: &str, path: &str, pairs: &[(&str, &str)]) -> Got {
        let encode = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(who, request, body.join("&").into_bytes()).await
    }

    pub(super) async fn form(&self, who: &str, path: &str, pairs: &[(&str, &str)], files: &[(&str, &[u8])]) -> Got {
        let mut body = Vec::new();
        for (name, value) in pairs {
            let part = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (name, bytes) in files {
            let head =
                format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}.bin\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        // From its own page, as browsers tell.
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
            .header(header::HOST, "ra.example")
            .header(header::REFERER, format!("https://ra.example{path}"));
        self.send(who, request, body).await
    }

    pub(super) async fn api(&self, act: &str, body: serde_json::Value) -> (StatusCode, serde_json::Value) {
        self.json(&format!("/api/v1/provisioning/{act}"), body).await
    }

    pub(super) async fn api_of(
        &self,
        what: &str,
        act: &str,
        body: serde_json::Value,
    ) -> (StatusCode, serde_json::Value) {
        self.json(&format!("/api/v1/{what}/{act}"), body).await
    }

    pub(super) async fn json(&self, path: &str, body: serde_json::Value) -> (StatusCode, serde_json::Value) {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        let got = self.send("", request, body.to_string().into_bytes()).await;
        (got.status, serde_json::from_str(&got.text).expect("JSON"))
    }

    /// The signature by `signer`'s token over what the page asks to be signed.
    pub(super) fn signature(&self, page: &Got, signer: &str) -> String {
        let statement = URL_SAFE_NO_PAD.decode(page.field("statement")).expect("base64url");
        STANDARD.encode(self.house.person(signer).say_bytes(&statement, self.house.now()).0)
    }

    /// Signs what a page asks for and posts it.
    pub(super) async fn sign(&self, who: &str, page: &str, to: &str) -> Got {
        let shown = self.get(who, page).await;
        let signature = self.signature(&shown, who);
        self.post(who, to, &[("signature", &signature)]).await
    }

    /// A case that 李敏 took in and submitted.
    pub(super) async fn submitted(&self) -> String {
        self.submitted_of(GOOD[1].1).await
    }

    /// The same of the unit with this code.
    async fn submitted_of(&self, uscc: &str) -> String {
        let mut pairs = [&GOOD[..], &[("action", "check")]].concat();
        pairs[1].1 = uscc;
        let got = self.form("limin", "/applications/new", &pairs, &SCANS).await;
        let path = got.to.strip_suffix("/check").unwrap_or_else(|| panic!("{}: {}", got.status, got.text)).to_owned();
        let got = self.sign("limin", &format!("{path}/check"), &format!("{path}/submit")).await;
        assert_eq!(got.to, format!("{path}?done=submitted"), "{}", got.text);
        path
    }

    /// A case that 孙丽 approved, and that is not paid yet.
    pub(super) async fn to_pay(&self) -> String {
        self.to_pay_of(GOOD[1].1).await
    }

    async fn to_pay_of(&self, uscc: &str) -> String {
        let path = self.submitted_of(uscc).await;
        let got = self.sign("sunli", &path, &format!("{path}/approve")).await;
        assert_eq!(got.to, format!("{path}?done=approved"), "{}", got.text);
        path
    }

    /// The way to the last bill of a case.
    pub(super) async fn bill_of(&self, path: &str) -> Option<String> {
        let page = self.get("limin", path).await.text;
        let at = page.find("/money/bills/")?;
        Some(page[at..].split('"').next().expect("a link").to_owned())
    }

    /// 李敏 takes cash for a case, if it costs something.
    pub(super) async fn paid(&self, path: &str) {
        if let Some(bill) = self.bill_of(path).await {
            let got = self.post("limin", &format!("{bill}/pay"), &[("method", "cash")]).await;
            assert_eq!(got.to, format!("{bill}?done=paid"), "{}", got.text);
        }
    }

    /// A case that 孙丽 approved and 李敏 took the money for.
    pub(super) async fn approved(&self) -> String {
        self.approved_of(GOOD[1].1).await
    }

    /// The same of the unit with this code.
    pub(super) async fn approved_of(&self, uscc: &str) -> String {
        let path = self.to_pay_of(uscc).await;
        self.paid(&path).await;
        path
    }

    /// A ticket for an approved case.
    pub(super) async fn ticket(&self, path: &str) -> String {
        self.post("chenjie", &format!("{path}/ticket"), &[]).await.field("ticket")
    }

    /// A delivered certificate, and the way to its page.
    pub(super) async fn delivered(&self) -> (String, CertificateView) {
        let path = self.approved().await;
        let ticket = self.ticket(&path).await;
        let (key, answer) = self.redeem(&ticket).await;
        let view = self.view(&answer["issuer"], &answer["serial"]).await;
        let install = self.house.installed(&view, key);
        let (status, answer) = self.api("confirm", serde_json::json!({ "ticket": ticket, "install": install })).await;
        assert_eq!((status, answer), (StatusCode::OK, serde_json::json!({ "delivered": true })));
        (path, view)
    }

    /// Redeems a ticket with a new key.
    pub(super) async fn redeem(&self, ticket: &str) -> (ca_core::signer::soft::SoftKey, serde_json::Value) {
        self.redeem_on(ticket, &format!("YX{ticket:.8}")).await
    }

    /// Redeems a ticket with a new key on this token.
    pub(super) async fn redeem_on(
        &self,
        ticket: &str,
        token: &str,
    ) -> (ca_core::signer::soft::SoftKey, serde_json::Value) {
        let (key, body) = self.request(ticket, token).await;
        let (status, answer) = self.api("redeem", body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["chain"].as_array().map(Vec::len), Some(2));
        let (_, again) = self.api("redeem", body).await;
        for part in ["serial", "certificate", "encryption"] {
            assert_eq!(again[part], answer[part], "the same key again has the same pair");
        }
        (key, answer)
    }

    /// A new key, and what is sent to redeem a ticket with it.
    pub(super) async fn request(
        &self,
        ticket: &str,
        token: &str,
    ) -> (ca_core::signer::soft::SoftKey, serde_json::Value) {
        let (status, opened) = self.api("open", serde_json::json!({ "ticket": ticket })).await;
        assert_eq!(status, StatusCode::OK, "{opened}");
        let order = STANDARD.decode(opened["order"].as_str().expect("text")).expect("base64");
        let order = ca_core::domain::decode(&order).expect("an order");
        let key = ca_core::testing::new_key();
        let binding = KeyBinding { token: token.to_owned(), ..ca_core::testing::binding(&order, &key) };
        let binding = self.house.person("chenjie").say(&binding, self.house.now());
        let csr = ca_core::testing::request(&key);
        let body = serde_json::json!({ "ticket": ticket, "csr": csr, "binding": binding });
        (key, body)
    }

    /// A matter about a certificate, filled in and ready to be signed: the way to its page.
    pub(super) async fn matter(&self, view: &CertificateView, kind: &str, facts: &[(&str, &str)]) -> String {
        let to = format!("/certificates/{}/{}/matters", view.issuer, view.serial);
        let got = self.post("limin", &to, &[("kind", kind)]).await;
        let path = got.to.strip_suffix("/edit").unwrap_or_else(|| panic!("{}: {}", got.status, got.text)).to_owned();
        let typed = [
            ("way", "counter"),
            ("applicant", "刘芳"),
            ("checked", "身份证原件"),
            ("story", "柜中找到"),
            ("action", "check"),
        ];
        let files = [("id_card", PNG), ("request", PNG)];
        let got = self.form("limin", &format!("{path}/edit"), &[facts, &typed[..]].concat(), &files).await;
        assert_eq!(got.to, format!("{path}?done=matter-ready"), "{}", got.text);
        path
    }

    /// The order that a matter's page leads to.
    pub(super) async fn order_of(&self, matter: &str) -> String {
        let page = self.get("limin", matter).await.text;
        let at = page.find("href=\"/orders/01").or_else(|| page.find("href=\"/orders/0")).expect("an order");
        page[at..].split('"').nth(1).expect("an address").to_owned()
    }

    /// The token that a certificate is on.
    pub(super) async fn token_of(&self, view: &CertificateView) -> crate::tokens::Token {
        let mut tx = self.store().read().await.expect("begun");
        tx.token_with(&view.issuer, &view.serial).await.expect("read").expect("a token")
    }

    /// The authority's own view.
    pub(super) async fn view(&self, issuer: &serde_json::Value, serial: &serde_json::Value) -> CertificateView {
        let issuer = IssuerId::new(issuer.as_str().expect("text")).expect("a name");
        let serial: Serial = serial.as_str().expect("text").parse().expect("a serial");
        match self.line.authority.call(Ask::Certificate { issuer, serial }).await {
            Ok(Answer::Certificate(view)) => view,
            other => panic!("{other:?}"),
        }
    }
}
