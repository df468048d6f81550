//! A browser without JavaScript.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::Timestamp;
use scraper::{Html, Selector};

use crate::house::House;
use crate::pki::Made;

impl House {
    pub(crate) fn browser(&self) -> Browser {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Browser { client, origin: format!("http://{}", self.portal.portal), cookies: Vec::new(), language: "zh-CN" }
    }
}

/// What came back.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
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

    /// Sends a file, as a form does.
    pub(crate) async fn upload(&mut self, path: &str, name: &str, bytes: &[u8]) -> Page {
        let head = format!(
            "--yx\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{name}.jpg\"\r\n\
             content-type: image/jpeg\r\n\r\n"
        );
        let request = self
            .client
            .post(format!("{}{path}", self.origin))
            .header("content-type", "multipart/form-data; boundary=yx")
            .header("sec-fetch-site", "same-origin")
            .body([head.as_bytes(), bytes, b"\r\n--yx--\r\n"].concat());
        self.send(request).await
    }

    /// Logs a person in.
    pub(crate) async fn log_in_person(&mut self, token: &Made, now: Timestamp) -> Page {
        let page = self.get("/my/login").await;
        assert_eq!(page.status, 200, "{}", page.text);
        let statement = page.field("statement");
        let signature = token.sign(&URL_SAFE_NO_PAD.decode(&statement).expect("base64url"), now);
        self.post("/my/login", &[("statement", &statement), ("signature", &signature)]).await
    }

    /// Sends a form with a file, its fields first.
    pub(crate) async fn send_list(&mut self, path: &str, fields: &[(&str, &str)], name: &str, bytes: &[u8]) -> Page {
        const EDGE: &str = "----edge";
        let mut body = Vec::new();
        for (field, value) in fields {
            body.extend(
                format!("--{EDGE}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        let head = format!("--{EDGE}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend(head.bytes());
        body.extend(bytes);
        body.extend(format!("\r\n--{EDGE}--\r\n").bytes());
        let request = self
            .client
            .post(format!("{}{path}", self.origin))
            .header("content-type", format!("multipart/form-data; boundary={EDGE}"))
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
        let bytes = response.bytes().await.expect("a whole answer").to_vec();
        Page { status, location, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
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

    /// Says something as the assistant does: not as this browser.
    pub(crate) async fn api(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let response = self.client.post(format!("{}/api/v1/{path}", self.origin)).json(body).send().await;
        let response = response.expect("the portal answers");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// Whether the portal lets this browser see an account.
    pub(crate) async fn is_in(&mut self) -> bool {
        let page = self.get("/unit").await;
        assert!(page.status == 200 || page.location.as_deref() == Some("/login"), "{}: {}", page.status, page.text);
        page.status == 200
    }
}
