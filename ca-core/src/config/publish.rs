//! Where else lists are published.

use std::path::PathBuf;

use serde::Deserialize;
use zeroize::Zeroizing;

/// A copy of the lists in `publish_dir`. A list appears there some seconds after it was published.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Publish {
    /// Another folder, on a shared file system say.
    Folder {
        /// It must be there.
        path: PathBuf,
    },
    /// A bucket.
    S3(Bucket),
}

/// A bucket in S3-compatible storage. Whoever has its secret can take lists away from relying parties, but forge none.
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
    /// What stands before the names of lists, e.g. `crl`.
    #[serde(default)]
    pub prefix: String,
    /// Id of the access key.
    pub access_key: String,
    /// File whose first line is the secret of the access key.
    pub secret_file: PathBuf,
}

impl Bucket {
    /// The secret.
    ///
    /// # Errors
    /// When the file cannot be read or is empty.
    pub fn secret(&self) -> std::io::Result<Zeroizing<String>> {
        let passphrase = crate::signer::Passphrase::from_file(&self.secret_file)?;
        let secret = std::str::from_utf8(passphrase.expose());
        let secret = secret.map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
        Ok(Zeroizing::new(secret.to_owned()))
    }

    /// Whether the service is reached without TLS.
    #[must_use]
    pub fn endpoint_is_plain(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"))
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let fits = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
        if self.bucket.is_empty() || self.bucket.contains('/') || !fits(&self.bucket) || !fits(&self.prefix) {
            faults.push(format!("publish: {:?} and {:?} are no bucket and prefix", self.bucket, self.prefix));
        }
        let Some(endpoint) = &self.endpoint else { return faults };
        let host = endpoint.strip_prefix("http://").map(|rest| rest.rsplit_once(':').map_or(rest, |(host, _)| host));
        let loopback = host.is_some_and(|host| {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        if !endpoint.starts_with("https://") && !loopback {
            faults.push(format!("publish: {endpoint:?} must begin with https://, or http:// and a loopback address"));
        }
        faults
    }
}

impl Publish {
    pub(super) fn faults(&self) -> Vec<String> {
        match self {
            Self::Folder { .. } => Vec::new(),
            Self::S3(bucket) => bucket.faults(),
        }
    }
}
