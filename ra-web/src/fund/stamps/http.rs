//! An authority of time stamps over HTTP (RFC 3161 §3.4): ours (`ocsp-responder validate`) or another.
//!
//! Sends a hash and a nonce, and the key of the caller where there is one: over TLS then, or on this machine. Never follows a
//! redirect.

use std::time::Duration;

use async_trait::async_trait;
use ocsp::stamp::{MAX_ANSWER, QUERY};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{StatusCode, Url};
use zeroize::Zeroizing;

use super::TimeAuthority;
use crate::outside::{self, AnswerFault};

/// The authority. No Debug: it may hold the caller's key.
pub struct HttpAuthority {
    url: Url,
    /// What the caller's key makes of the header `Authorization`.
    key: Option<HeaderValue>,
    client: reqwest::Client,
}

impl HttpAuthority {
    /// An authority that is not spoken to yet.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn new(url: &str, key: Option<&Zeroizing<String>>, patience: Duration) -> anyhow::Result<Self> {
        // The first to come installs it; which of our parts that is does not matter.
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = Url::parse(url)?;
        anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "timestamp.url is http or https");
        anyhow::ensure!(
            key.is_none() || outside::is_private(&url),
            "timestamp.url is https, or on this machine, when a key goes along"
        );
        let bearer = |key: &Zeroizing<String>| {
            let text = Zeroizing::new(format!("Bearer {}", key.trim()));
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| anyhow::anyhow!("timestamp.key_file holds no key: a line of letters and digits"))?;
            value.set_sensitive(true);
            anyhow::Ok(value)
        };
        let key = key.map(bearer).transpose()?;
        let client = reqwest::Client::builder()
            .timeout(patience)
            .redirect(reqwest::redirect::Policy::none())
            // Stamps are far apart: a connection that was kept would have been closed.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { url, key, client })
    }
}

#[async_trait]
impl TimeAuthority for HttpAuthority {
    async fn answer(&self, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut asked = self.client.post(self.url.clone()).header(CONTENT_TYPE, QUERY).body(request);
        if let Some(key) = &self.key {
            asked = asked.header(AUTHORIZATION, key);
        }
        let response = asked.send().await.map_err(outside::told)?;
        if response.status() != StatusCode::OK {
            return Err(format!("HTTP status {}", response.status().as_u16()));
        }
        outside::bounded(response, MAX_ANSWER).await.map_err(|fault| match fault {
            AnswerFault::TooLong => "the answer is too long".to_owned(),
            AnswerFault::Broken(what) => what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_over_tls_or_stays_on_this_machine() {
        let key = Zeroizing::new("yxv_abc\n".to_owned());
        let made =
            |url: &str, key: Option<&Zeroizing<String>>| HttpAuthority::new(url, key, Duration::from_secs(1)).is_ok();
        assert!(made("http://tsa.example/tsa", None), "the answer is signed");
        assert!(!made("http://tsa.example/tsa", Some(&key)));
        assert!(made("https://tsa.example/tsa", Some(&key)) && made("http://127.0.0.1:1/tsa", Some(&key)));
        assert!(!made("file:///tsa", None) && !made("tsa", None));
        assert!(!made("https://tsa.example/tsa", Some(&Zeroizing::new("two\nlines".to_owned()))));
    }
}
