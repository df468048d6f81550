//! An agent with tokens plugged in, and a browser's side of its window.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::{self, KeyKind, Login, LoginPurpose, Statement, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use token_provisioner::agent::{self, Running};
use token_provisioner::certificate::Facts;
use token_provisioner::config::Config;
use token_provisioner::driver::{Drivers, Pin, TokenDriver, TokenInfo};
use token_provisioner::provision::offline;

use super::authority::{TestCa, Wanted};
use super::{initialised, soft};

/// The site that may ask for everything.
pub(crate) const STAFF: &str = "https://staff.example";
/// The site that may only ask for logins.
pub(crate) const PORTAL: &str = "https://portal.example";

/// A folder of soft tokens and the CA of their certificates.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) ca: TestCa,
    pub(crate) driver: Arc<dyn TokenDriver>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let driver: Arc<dyn TokenDriver> = Arc::new(soft(folder.path(), 11));
        Self { folder, ca: TestCa::new(), driver }
    }

    pub(crate) fn drivers(&self) -> Drivers {
        Drivers::new(vec![Arc::clone(&self.driver)])
    }

    pub(crate) fn file(&self, token: &TokenInfo) -> std::path::PathBuf {
        self.folder.path().join(format!("{}.token", token.serial))
    }

    /// A token with a certificate on it.
    pub(crate) fn token(&self, label: &str, pin: &str, wanted: &Wanted<'_>) -> TokenInfo {
        let token = initialised(&*self.driver, label, pin);
        let (drivers, pin) = (self.drivers(), Pin::typed(pin));
        let csr = offline::request(&drivers, &token.serial, &pin, wanted.name, KeyKind::P256).unwrap();
        let facts = Facts::read(&self.ca.issue(&csr, wanted)).unwrap();
        offline::install(&drivers, &token.serial, &pin, &facts).unwrap();
        token
    }

    pub(crate) fn unit(&self, pin: &str) -> TokenInfo {
        let wanted =
            Wanted {
                name: "示范市东湖建筑工程有限公司", uscc: Some("91130502MA0ABCDE61"), ..Wanted::default()
            };
        self.token("unit", pin, &wanted)
    }

    pub(crate) fn staff(&self, pin: &str) -> TokenInfo {
        self.token("limin", pin, &Wanted::default())
    }

    /// The agent over these tokens; `more` names further sites (TOML).
    pub(crate) async fn agent(&self, more: &str) -> House {
        let text = format!(
            "[agent]\nlisten = \"127.0.0.1:0\"\n\
             [[site]]\norigin = \"{STAFF}\"\nname_zh = \"注册审核系统\"\nname_en = \"Registration console\"\n\
             may = [\"login\", \"order\", \"provision\"]\n\
             [[site]]\norigin = \"{PORTAL}\"\nname_zh = \"公积金单位业务\"\nname_en = \"Fund portal\"\nmay = [\"login\"]\n{more}"
        );
        let config = Config::from_toml(&text).unwrap();
        let rng = Box::new(ChaCha20Rng::seed_from_u64(12));
        let running = agent::start_with(config, self.drivers(), Vec::new(), Arc::new(SystemClock), rng).await.unwrap();
        House { at: format!("http://{}", running.address), running, http: http() }
    }
}

/// A running agent and a browser.
pub(crate) struct House {
    pub(crate) at: String,
    pub(crate) running: Running,
    pub(crate) http: reqwest::Client,
}

/// A client that leaves the proxies of the computer alone.
pub(crate) fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

impl House {
    /// A page of the agent, as text.
    pub(crate) async fn page(&self, path: &str) -> String {
        self.http.get(format!("{}{path}", self.at)).send().await.unwrap().text().await.unwrap()
    }

    /// A request as the agent's own page sends it.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.at)).header("origin", &self.at).header("sec-fetch-site", "same-origin")
    }

    /// The token minted into a fresh window.
    pub(crate) async fn window_token(&self) -> String {
        attribute(&self.page("/window").await, "data-window-token=\"")
    }

    /// Opens a window and lets a site ask.
    pub(crate) async fn ask(&self, origin: &str, lang: &str, request: Value) -> Value {
        let body =
            json!({ "window_token": self.window_token().await, "origin": origin, "lang": lang, "request": request });
        self.post("/window/request").json(&body).send().await.unwrap().json().await.unwrap()
    }

    /// Does something in the window that `shown` shows.
    pub(crate) async fn act(&self, shown: &Value, mut act: Value) -> Value {
        act["act_token"] = act_token(shown).into();
        self.post("/window/act").json(&act).send().await.unwrap().json().await.unwrap()
    }

    /// The status of an act with this body.
    pub(crate) async fn act_status(&self, body: &Value) -> StatusCode {
        self.post("/window/act").json(body).send().await.unwrap().status()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.at)).header("sec-fetch-site", "same-origin");
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// The act token in a form.
pub(crate) fn act_token(shown: &Value) -> String {
    attribute(shown["html"].as_str().unwrap(), "name=\"act_token\" value=\"")
}

/// The certificate (or token) that is marked in a list.
pub(crate) fn marked(shown: &Value, group: &str) -> String {
    attribute(shown["html"].as_str().unwrap(), &format!("name=\"{group}\" value=\""))
}

pub(crate) fn attribute(html: &str, before: &str) -> String {
    let after = html.split(before).nth(1).unwrap_or_else(|| panic!("{before} in {html}"));
    after.split('"').next().unwrap().to_owned()
}

/// A login challenge for a site.
pub(crate) fn login(aud: &str) -> Login {
    let now = SystemClock.now();
    Login {
        aud: aud.into(),
        purpose: LoginPurpose::Portal,
        nonce: "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo".into(),
        iat: now,
        exp: now.plus(120),
    }
}

/// A request to sign.
pub(crate) fn sign<T: Statement>(statement: &T, want: &str) -> Value {
    json!({ "type": "sign", "statement": URL_SAFE_NO_PAD.encode(domain::encode(statement)), "want": want })
}

/// The moment of the system's clock.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// Moves a token's file out of its folder.
pub(crate) fn unplug(file: &Path) {
    std::fs::rename(file, file.with_extension("away")).unwrap();
}

/// Moves it back.
pub(crate) fn plug_in(file: &Path) {
    std::fs::rename(file.with_extension("away"), file).unwrap();
}
