//! A unit's program, as its maker would write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::house::House;
use crate::pki::Made;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The code of a problem, after a look whether it is one.
    pub(crate) fn problem(&self) -> &str {
        assert_eq!(self.kind, "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], self.status, "{}", self.body);
        let code = self.body["code"].as_str().expect("a code");
        assert_eq!(self.body["type"], format!("urn:yinxin:problem:{code}"));
        assert!(!self.body["title"].as_str().expect("a title").is_empty());
        code
    }

    /// Place and code of each fault.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        let place = |fault: &Value| text(fault, "pointer") + &text(fault, "parameter");
        let all = self.body["errors"].as_array().cloned().unwrap_or_default();
        all.iter().map(|fault| (place(fault), text(fault, "code"))).collect()
    }
}

/// The program.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) client: reqwest::Client,
    pub(crate) origin: String,
    pub(crate) token: Option<String>,
    pub(crate) language: &'static str,
    pub(crate) key: Option<String>,
}

impl House {
    pub(crate) fn machine(&self) -> Machine {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let origin = format!("http://{}", self.portal.portal);
        Machine { client: reqwest::Client::new(), origin, token: None, language: "zh-CN", key: None }
    }

    /// A program with a session.
    pub(crate) async fn logged_in_machine(&self, token: &Made) -> Machine {
        let mut machine = self.machine();
        let opened = machine.log_in(self, token).await;
        assert_eq!(opened.status, 201, "{}", opened.body);
        machine
    }
}

impl Machine {
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<(&str, Vec<u8>)>) -> Answer {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.origin));
        request = request.header("accept-language", self.language);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key);
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.expect("the portal answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let bytes = response.bytes().await.expect("a whole answer").to_vec();
        Answer { status, kind, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), bytes }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(("application/json", body.to_string().into_bytes()))).await
    }

    /// A challenge: its bytes and the secret that goes with it.
    pub(crate) async fn challenge(&self) -> (Vec<u8>, String) {
        let given = self.send("POST", "/session/challenge", None).await;
        assert_eq!(given.status, 200, "{}", given.body);
        let text = |name: &str| given.body[name].as_str().expect("text").to_owned();
        (STANDARD.decode(text("statement")).expect("base64"), text("binding"))
    }

    /// Answers a challenge.
    pub(crate) async fn answer(&self, statement: &[u8], binding: &str, signature: &str) -> Answer {
        let statement = STANDARD.encode(statement);
        self.post("/session", &json!({ "statement": statement, "binding": binding, "signature": signature })).await
    }

    pub(crate) async fn log_in(&mut self, house: &House, token: &Made) -> Answer {
        let (statement, binding) = self.challenge().await;
        let opened = self.answer(&statement, &binding, &token.sign(&statement, house.now())).await;
        self.token = opened.body["token"].as_str().map(str::to_owned);
        opened
    }

    /// Sends a plan that can be; answers its serial number and the bytes that are signed.
    pub(crate) async fn plan(&self, act: &str, body: &Value) -> (String, Vec<u8>) {
        let made = self.post(&format!("/plans/{act}"), body).await;
        assert_eq!(made.status, 201, "{act}: {}", made.body);
        let serial = made.body["serial"].as_str().expect("a serial").to_owned();
        assert_eq!(made.headers["location"], format!("/api/v1/operations/{serial}"));
        assert_eq!(made.body["state"], "draft");
        let document = STANDARD.decode(made.body["document"].as_str().expect("text")).expect("base64");
        assert_eq!(self.get(&format!("/operations/{serial}/document")).await.bytes, document);
        (serial, document)
    }

    /// Sends a signature, base64.
    pub(crate) async fn sign(&self, serial: &str, signature: &str) -> Answer {
        self.post(&format!("/operations/{serial}/signature"), &json!({ "signature": signature })).await
    }
}
