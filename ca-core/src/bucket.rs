//! A bucket in S3-compatible storage: its settings, and the client that they make.
//!
//! For: copies of lists, scans of the office. Trusts the service with keeping what it is given, not with what that says:
//! who reads looks at signatures or hashes. The secret is read from its file when the client is made, and stands
//! nowhere else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use serde::Deserialize;
use zeroize::Zeroizing;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a request is tried again before it has failed.
const INSIST: Duration = Duration::from_secs(20);

/// Where a bucket is, and by which key it is opened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its name.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Another service than Amazon's, e.g. `https://s3.example`; plain http only on a loopback address.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// What stands before the names of its objects, e.g. `crl`.
    #[serde(default)]
    pub prefix: String,
    /// Id of the access key.
    pub access_key: String,
    /// File whose first line is the secret of the access key.
    pub secret_file: PathBuf,
}

/// Why a bucket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The file of the secret.
    #[error("the secret of the bucket's key: {0}")]
    Secret(#[from] std::io::Error),
    /// An address that is none.
    #[error(transparent)]
    Settings(#[from] object_store::Error),
}

impl Bucket {
    fn secret(&self) -> std::io::Result<Zeroizing<String>> {
        let fault = |error: std::io::Error| {
            std::io::Error::new(error.kind(), format!("{}: {error}", self.secret_file.display()))
        };
        let text = Zeroizing::new(std::fs::read_to_string(&self.secret_file).map_err(fault)?);
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(fault(std::io::Error::new(std::io::ErrorKind::InvalidData, "the first line is empty")));
        }
        Ok(Zeroizing::new(line.to_owned()))
    }

    fn is_plain(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"))
    }

    /// What is wrong with the settings, for the operator.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let fits = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
        if self.bucket.is_empty() || self.bucket.contains('/') || !fits(&self.bucket) || !fits(&self.prefix) {
            faults.push(format!("{:?} and {:?} are no bucket and prefix", self.bucket, self.prefix));
        }
        let Some(endpoint) = &self.endpoint else { return faults };
        let host = endpoint.strip_prefix("http://").map(|rest| rest.rsplit_once(':').map_or(rest, |(host, _)| host));
        let loopback = host.is_some_and(|host| {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        if !endpoint.starts_with("https://") && !loopback {
            faults.push(format!("{endpoint:?} must begin with https://, or http:// and a loopback address"));
        }
        faults
    }

    /// A client of the bucket. Nothing is sent yet.
    ///
    /// # Errors
    /// When the secret cannot be read or an address is none.
    pub fn open(&self) -> Result<Arc<dyn ObjectStore>, BucketError> {
        // The first to come installs it; which of our parts that is does not matter.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = ClientOptions::new().with_timeout(PATIENCE).with_allow_http(self.is_plain());
        let retry = RetryConfig { max_retries: 3, retry_timeout: INSIST, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key)
            .with_secret_access_key(self.secret()?.as_str())
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        Ok(Arc::new(builder.build()?))
    }
}
