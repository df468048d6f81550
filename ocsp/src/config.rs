//! The responder's configuration file: TOML, with `OCSP_…` in the environment above it.
//!
//! `OCSP_LISTEN=127.0.0.1:9000` sets `listen`; `OCSP_LIMITS__CONNECTIONS=100` sets `connections` in `[limits]`.
//! Unknown keys are refused. An attacker who can change this file can make the responder answer from a database
//! of theirs, but not sign for an issuer that did not delegate to its key.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ca_core::bucket::Bucket;
use ca_core::domain::IssuerId;
use ca_core::settings::{self, Fault, Faults};
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::Deserialize;

pub use crate::http::ConnectionLimits;
pub use crate::responder::AnswerSettings;

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where OCSP, CRLs and CA certificates are served.
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub operations_listen: SocketAddr,
    /// The authority's database, `sqlite:PATH` or `postgres://…`; read only.
    pub database_url: String,
    /// The authority's socket, for the responder's own certificates.
    pub authority_socket: PathBuf,
    /// The folder with `crl/` and `ca/` that the authority publishes into.
    pub publish_folder: PathBuf,
    /// The bucket that the authority copies its lists to, if they are to be served from there and not from the folder.
    pub list_bucket: Option<Bucket>,
    /// Where all statuses are kept for the next start; without it they are read from the database.
    pub index_file: Option<PathBuf>,
    /// How often the feed looks.
    pub poll: Duration,
    /// How answers are made.
    pub answers: AnswerSettings,
    /// What a connection may cost.
    pub connections: ConnectionLimits,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// The issuers for whom it answers, at least one.
    pub responders: Vec<ResponderConfig>,
}

/// The delegation of one issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponderConfig {
    /// Which issuer.
    pub issuer: IssuerId,
    /// The sealed file of the responder's key. Its certificate is kept beside it, with the ending `.cer`.
    pub key_file: PathBuf,
    /// A file whose first line opens the key.
    pub passphrase_file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default = "defaults::listen")]
    listen: SocketAddr,
    #[serde(default = "defaults::operations_listen")]
    operations_listen: SocketAddr,
    database_url: String,
    authority_socket: PathBuf,
    publish_folder: PathBuf,
    list_bucket: Option<Bucket>,
    index_file: Option<PathBuf>,
    #[serde(default = "defaults::max_age_seconds")]
    max_age_seconds: u32,
    #[serde(default = "defaults::validity_seconds")]
    validity_seconds: u32,
    #[serde(default = "defaults::max_feed_age_seconds")]
    max_feed_age_seconds: u32,
    #[serde(default = "defaults::poll_ms")]
    poll_ms: u32,
    archive_days: Option<u32>,
    #[serde(default)]
    limits: Limits,
    responders: Vec<ResponderConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    connections: usize,
    header_timeout_ms: u64,
    body_timeout_ms: u64,
    write_timeout_ms: u64,
    cached_answers: usize,
    signing_queue: usize,
    signers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            header_timeout_ms: 10_000,
            body_timeout_ms: 5_000,
            write_timeout_ms: 10_000,
            cached_answers: 100_000,
            signing_queue: 1024,
            signers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        }
    }
}

mod defaults {
    use std::net::{Ipv4Addr, SocketAddr};

    pub(super) fn listen() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 8083).into()
    }

    pub(super) fn operations_listen() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 9083).into()
    }

    pub(super) const fn max_age_seconds() -> u32 {
        60
    }

    // domain.md §1: relying parties may keep an answer for at most 5 minutes.
    pub(super) const fn validity_seconds() -> u32 {
        300
    }

    pub(super) const fn max_feed_age_seconds() -> u32 {
        30
    }

    pub(super) const fn poll_ms() -> u32 {
        25
    }
}

impl Config {
    /// Reads a file, with the environment above it.
    ///
    /// # Errors
    /// All [`Faults`]; the operator must mend them.
    pub fn load(file: &Path) -> Result<Self, Faults> {
        let figment = Figment::new().merge(Toml::file_exact(file)).merge(Env::prefixed("OCSP_").split("__"));
        Self::check(&file.display().to_string(), &figment)
    }

    /// Reads TOML, without the environment.
    ///
    /// # Errors
    /// All [`Faults`]; the operator must mend them.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        Self::check("text", &Figment::from(Toml::string(text)))
    }

    fn check(file: &str, figment: &Figment) -> Result<Self, Faults> {
        let reading = settings::read::<Raw>(file, figment);
        let mut faults = reading.faults;
        let Some(raw) = reading.value else { return Err(Faults(faults)) };
        let mut must = |holds: bool, key: &str, must: &str| {
            if !holds {
                faults.push(Fault::new(file, "value", format!("{key}: must be {must}")));
            }
        };
        let limits = raw.limits;
        let validity = raw.validity_seconds;
        must((60..=86_400).contains(&validity), "validity_seconds", "60 to 86400");
        // Answers are used until three quarters of their life are over; what is left must outlast a cache.
        must(raw.max_age_seconds <= validity / 4, "max_age_seconds", "at most a quarter of validity_seconds");
        must((2..=3600).contains(&raw.max_feed_age_seconds), "max_feed_age_seconds", "2 to 3600");
        must((10..=10_000).contains(&raw.poll_ms), "poll_ms", "10 to 10000");
        must((1..=100_000).contains(&limits.connections), "limits.connections", "1 to 100000");
        must((64..=10_000_000).contains(&limits.cached_answers), "limits.cached_answers", "64 to 10000000");
        must((1..=65_536).contains(&limits.signing_queue), "limits.signing_queue", "1 to 65536");
        must((1..=256).contains(&limits.signers), "limits.signers", "1 to 256");
        let timeouts = [limits.header_timeout_ms, limits.body_timeout_ms, limits.write_timeout_ms];
        must(timeouts.iter().all(|ms| (100..=120_000).contains(ms)), "limits.…_timeout_ms", "100 to 120000");
        for fault in raw.list_bucket.iter().flat_map(Bucket::faults) {
            must(false, "list_bucket", &format!("a bucket: {fault}"));
        }
        must(!raw.responders.is_empty(), "responders", "at least one");
        let mut issuers: Vec<_> = raw.responders.iter().map(|responder| &responder.issuer).collect();
        issuers.sort_unstable();
        must(issuers.windows(2).all(|pair| pair[0] != pair[1]), "responders", "of different issuers");
        Faults::none(faults)?;
        Ok(Self {
            listen: raw.listen,
            operations_listen: raw.operations_listen,
            database_url: raw.database_url,
            authority_socket: raw.authority_socket,
            publish_folder: raw.publish_folder,
            list_bucket: raw.list_bucket,
            index_file: raw.index_file,
            poll: Duration::from_millis(raw.poll_ms.into()),
            answers: AnswerSettings {
                validity_seconds: validity.into(),
                archive_seconds: raw.archive_days.map(|days| i64::from(days) * 86_400),
                max_feed_age_seconds: raw.max_feed_age_seconds.into(),
                max_age_seconds: raw.max_age_seconds,
                cached_answers: limits.cached_answers,
                signing_queue: limits.signing_queue,
                signers: limits.signers,
            },
            connections: ConnectionLimits {
                connections: limits.connections,
                header_timeout: Duration::from_millis(limits.header_timeout_ms),
                write_timeout: Duration::from_millis(limits.write_timeout_ms),
            },
            body_timeout: Duration::from_millis(limits.body_timeout_ms),
            responders: raw.responders,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
        database_url = "sqlite:ca.db"
        authority_socket = "ca/socket"
        publish_folder = "publish"
        [[responders]]
        issuer = "unit-p256"
        key_file = "ocsp-unit-p256.key"
        passphrase_file = "secrets/ocsp"
    "#;

    #[test]
    fn the_least_configuration_has_the_documented_defaults() {
        let config = Config::parse(LEAST).expect("valid");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8083");
        assert_eq!(config.operations_listen.to_string(), "127.0.0.1:9083");
        assert_eq!(config.answers.max_age_seconds, 60);
        assert_eq!(config.answers.max_feed_age_seconds, 30);
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_named() {
        for (line, named) in [
            ("max_agee = 1", "max_agee"),
            ("max_age_seconds = 100", "max_age_seconds"),
            ("validity_seconds = 0", "validity_seconds"),
            ("poll_ms = 1", "poll_ms"),
            ("[limits]\nsigners = 0", "limits.signers"),
            ("[limits]\nspeed = 1", "speed"),
        ] {
            // Keys of the top level must come before the first table, tables after it.
            let text = if line.starts_with('[') { format!("{LEAST}\n{line}") } else { format!("{line}\n{LEAST}") };
            let error = Config::parse(&text).expect_err(line).to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn an_issuer_stands_there_once() {
        let twice =
            format!("{LEAST}\n[[responders]]\nissuer = \"unit-p256\"\nkey_file = \"a\"\npassphrase_file = \"b\"\n");
        assert!(Config::parse(&twice).is_err());
    }
}
