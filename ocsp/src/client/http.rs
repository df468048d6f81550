//! One bounded HTTP exchange: limits on time and size, no redirects, no proxies.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Outage, UrlError};

/// The longest OCSP response that is read, in bytes.
const MAX_RESPONSE: usize = 64 * 1024;
/// The longest CRL that is read over the network, in bytes.
pub(super) const MAX_CRL: usize = 64 * 1024 * 1024;

pub(super) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    patience: Duration,
}

impl Http {
    pub(super) fn new(patience: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(patience));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(3))
            .pool_max_idle_per_host(16)
            .build(connector);
        Self { client, patience }
    }

    /// Posts an OCSP request.
    pub(super) async fn ask(&self, url: &str, request: Vec<u8>) -> Result<Bytes, Outage> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/ocsp-request")
            .header(ACCEPT, "application/ocsp-response")
            .body(Full::from(request));
        self.exchange(request, MAX_RESPONSE).await
    }

    /// Gets a CRL.
    pub(super) async fn fetch(&self, url: &str) -> Result<Bytes, Outage> {
        self.exchange(Request::get(url).body(Full::default()), MAX_CRL).await
    }

    async fn exchange(
        &self,
        request: hyper::http::Result<Request<Full<Bytes>>>,
        limit: usize,
    ) -> Result<Bytes, Outage> {
        let request = request.map_err(|error| Outage::Connection(error.to_string()))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| {
                let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                Outage::Connection(cause)
            })?;
            if response.status() != StatusCode::OK {
                return Err(Outage::Http(response.status().as_u16()));
            }
            let body = Limited::new(response.into_body(), limit).collect().await;
            Ok(body.map_err(|error| Outage::Connection(error.to_string()))?.to_bytes())
        };
        tokio::time::timeout(self.patience, exchange).await.unwrap_or(Err(Outage::Timeout))
    }
}

/// Checks that a URL can be asked.
pub(super) fn parse(url: &str) -> Result<(), UrlError> {
    let uri: Uri = url.parse().map_err(|_| UrlError(url.to_owned()))?;
    let plain = uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty());
    if plain { Ok(()) } else { Err(UrlError(url.to_owned())) }
}
