//! The portal under test, its authority, its responder, its clock, and a browser without JavaScript.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::clock::{Clock as _, TestClock};
use ca_core::domain::{CertificateStatus, Timestamp};
use ca_core::sql::Database;
use ra_web::chance_from_seed;
use ra_web::fund::app::{Running, start};
use ra_web::fund::config::Config;
use scraper::{Html, Selector};

use crate::pki::{ISSUER, Made, Pki, today};
use crate::responder::Responder;

/// The unit of the opening data that the tests use.
pub(crate) const UNIT: &str = "示范市东湖建筑工程有限公司";
pub(crate) const USCC: &str = "91130502MA0ABCDE61";

pub(crate) struct House {
    pub(crate) pki: Arc<Pki>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) responder: Responder,
    pub(crate) portal: Running,
    pub(crate) database_url: String,
    _folder: tempfile::TempDir,
}

impl House {
    /// A portal on a fresh SQLite file.
    pub(crate) async fn new() -> Self {
        Self::with(None, 10_000).await
    }

    /// A portal on a database that may be there already.
    pub(crate) async fn with(database_url: Option<String>, burst: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database_url =
            database_url.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("fund.db").display()));
        let clock = Arc::new(TestClock::at(today().first_second().plus(9 * 3600)));
        let pki = Arc::new(Pki::new());
        let responder = Responder::start(pki.clone(), clock.clone()).await;
        let text = format!(
            r#"
[storage]
database_url = "{database_url}"
opening = "demo/units.toml"
[listen]
portal = "127.0.0.1:0"
ops = "127.0.0.1:0"
[site]
agent_origin = "http://127.0.0.1:17080"
[trust]
root = "{}"
ocsp = "http://{}/ocsp"
[trust.issuers]
{ISSUER} = "{}"
[limits]
burst = {burst}
"#,
            pki.root_file().display(),
            responder.address,
            pki.issuing_file().display(),
        );
        let file = folder.path().join("fund.toml");
        std::fs::write(&file, text).expect("written");
        let config: Config = ra_web::config::read(&file, "YINXIN_NO_SUCH_PREFIX_").expect("a good configuration");
        let portal = start(config, clock.clone(), chance_from_seed(7)).await.expect("the portal starts");
        Self { pki, clock, responder, portal, database_url, _folder: folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The demonstration unit's token, with a good certificate.
    pub(crate) fn unit(&self) -> Made {
        let made = self.pki.unit(UNIT, USCC);
        self.responder.say(&made.serial, CertificateStatus::Good);
        made
    }

    pub(crate) fn browser(&self) -> Browser {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Browser { client, origin: format!("http://{}", self.portal.portal), cookies: Vec::new(), language: "zh-CN" }
    }

    /// The portal's database, beside the portal.
    pub(crate) async fn database(&self) -> Database {
        Database::open(&self.database_url, false).await.expect("the database is there")
    }
}

/// What came back.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
}

impl Page {
    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let selector = Selector::parse(&format!("input[name={name}]")).expect("a selector");
        let page = Html::parse_document(&self.text);
        page.select(&selector).next().and_then(|input| input.attr("value")).expect("the field is there").to_owned()
    }

    /// The page's first heading.
    pub(crate) fn heading(&self) -> String {
        let page = Html::parse_document(&self.text);
        let heading = page.select(&Selector::parse("h1").expect("a selector")).next();
        heading.map(|h1| h1.text().collect::<String>().trim().to_owned()).unwrap_or_default()
    }
}

/// A browser without JavaScript: keeps cookies, follows nothing.
#[derive(Clone)]
pub(crate) struct Browser {
    client: reqwest::Client,
    pub(crate) origin: String,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) language: &'static str,
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = self.client.get(format!("{}{path}", self.origin));
        self.send(request).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body: String = fields
            .iter()
            .map(|(name, value)| {
                format!("{name}={}", value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
            })
            .collect::<Vec<_>>()
            .join("&");
        let request = self
            .client
            .post(format!("{}{path}", self.origin))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("accept-language", self.language).header("cookie", cookies.join("; "));
        let response = request.send().await.expect("the portal answers");
        for cookie in response.headers().get_all("set-cookie") {
            let text = cookie.to_str().expect("ASCII");
            let (name, rest) = text.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() && !text.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (status, location) = (response.status().as_u16(), header("location"));
        Page { status, location, text: response.text().await.expect("text") }
    }

    /// Opens the login page and answers the statement's bytes.
    pub(crate) async fn statement(&mut self) -> Vec<u8> {
        let page = self.get("/login").await;
        assert_eq!(page.status, 200, "{}", page.text);
        URL_SAFE_NO_PAD.decode(page.field("statement")).expect("base64url")
    }

    /// Sends a statement with a signature.
    pub(crate) async fn answer(&mut self, statement: &[u8], signature: &str) -> Page {
        let statement = URL_SAFE_NO_PAD.encode(statement);
        self.post("/login", &[("statement", &statement), ("signature", signature)]).await
    }

    /// Logs in with a token, as agent.js would.
    pub(crate) async fn log_in(&mut self, token: &Made, now: Timestamp) -> Page {
        let statement = self.statement().await;
        self.answer(&statement, &token.sign(&statement, now)).await
    }

    /// Whether the portal lets this browser see an account.
    pub(crate) async fn is_in(&mut self) -> bool {
        let page = self.get("/unit").await;
        assert!(page.status == 200 || page.location.as_deref() == Some("/login"), "{}: {}", page.status, page.text);
        page.status == 200
    }
}
