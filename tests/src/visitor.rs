//! Somebody at one of the sites without a browser: cookies, forms, and signatures by a key in memory, as the assistant would
//! make them. For tests of what comes of requests when programs die in between, where pages and tokens would only be slow.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};

use crate::people::Person;

/// What a site answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub bytes: Vec<u8>,
    /// Where it leads.
    pub to: String,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        let at = text.find(&format!("name=\"{name}\" value=\""))?;
        text[at..].split('"').nth(3).map(str::to_owned)
    }

    /// The first address in it that begins so.
    #[must_use]
    pub fn link(&self, beginning: &str) -> Option<String> {
        let text = self.text();
        let at = text.find(&format!("\"{beginning}"))?;
        text[at + 1..].split('"').next().map(str::to_owned)
    }

    /// What the page asks to be signed.
    ///
    /// # Errors
    /// When it asks for nothing.
    pub fn statement(&self) -> anyhow::Result<Vec<u8>> {
        let statement = self.field("statement").with_context(|| format!("{}: nothing is to be signed", self.status))?;
        Ok(URL_SAFE_NO_PAD.decode(statement)?)
    }
}

/// Somebody at a site.
pub struct Visitor {
    http: reqwest::Client,
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Visitor {
    /// Somebody new at the site of this port.
    ///
    /// # Errors
    /// When there is no client.
    pub fn new(port: u16) -> anyhow::Result<Self> {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self { http, origin: format!("http://127.0.0.1:{port}"), cookies: Mutex::default() })
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
        let cookies: Vec<String> = {
            let known = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let request = request.header(ORIGIN, &self.origin).header(COOKIE, cookies.join("; "));
        let answer = request.header("accept-language", "en").send().await?;
        {
            let mut known = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    known.insert(name.trim().to_owned(), value.to_owned());
                }
            }
        }
        let status = answer.status().as_u16();
        let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Answer { status, bytes: answer.bytes().await?.to_vec(), to })
    }

    fn address(&self, path: &str) -> String {
        if path.starts_with('/') { format!("{}{path}", self.origin) } else { path.to_owned() }
    }

    /// A page of the site, or of another one by its whole address.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.http.get(self.address(path))).await
    }

    /// A form.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let encode = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = self.http.post(self.address(path)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(body.join("&"))).await
    }

    /// A form with files.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn upload(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        files: &[(&str, Vec<u8>)],
    ) -> anyhow::Result<Answer> {
        let mut body = Vec::new();
        for (name, value) in pairs {
            let part = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (name, bytes) in files {
            let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        let request = self.http.post(self.address(path)).header(CONTENT_TYPE, "multipart/form-data; boundary=x");
        self.send(request.body(body)).await
    }

    /// JSON, as programs send it.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no JSON of success.
    pub async fn call(&self, path: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
        let request = self.http.post(self.address(path)).header(CONTENT_TYPE, "application/json");
        let answer = self.send(request.body(body.to_string())).await?;
        ensure!(answer.status == 200, "{path}: {}: {}", answer.status, answer.text());
        Ok(serde_json::from_slice(&answer.bytes)?)
    }

    /// Signs what a page asks for and posts it.
    ///
    /// # Errors
    /// When the page asks for nothing, or nobody answers.
    pub async fn sign(&self, page: &Answer, by: &Person, to: &str) -> anyhow::Result<Answer> {
        let signature = STANDARD.encode(by.sign(&page.statement()?)?.0);
        self.post(to, &[("signature", &signature)]).await
    }

    /// Signs in with this person's key.
    ///
    /// # Errors
    /// When the site does not let them in.
    pub async fn sign_in(&self, who: &Person) -> anyhow::Result<()> {
        let page = self.get("/login").await?;
        let statement = page.field("statement").context("a challenge")?;
        let signature = STANDARD.encode(who.sign(&page.statement()?)?.0);
        let answer = self.post("/login", &[("statement", &statement), ("signature", &signature)]).await?;
        ensure!(answer.status == 303, "not let in: {}: {}", answer.status, answer.text());
        Ok(())
    }
}
