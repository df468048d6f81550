//! The verification service's configuration file: TOML, with `VALIDATION_…` in the environment above it.
//!
//! Unknown keys are refused. An attacker who can change this file can have forged certificates found valid.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use ca_core::chain::Anchors;
use ca_core::domain::{IssuerId, Sm2Id};
use ca_core::settings::{self, Fault, Faults};
use const_oid::ObjectIdentifier;
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::Deserialize;

pub use super::keys::KeyConfig;
use crate::client::{self, CrlFallback, CrlSource};
pub use crate::http::ConnectionLimits;

/// A configuration that was checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it is asked.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    #[serde(default = "operations_listen")]
    pub operations_listen: SocketAddr,
    /// Who may ask: a file of `[[caller]]`, written by `ocsp-responder caller`.
    pub callers_file: PathBuf,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The key of records.
    pub evidence: KeyConfig,
    /// The key of time stamps, and what they say. Without it there are none.
    pub stamps: Option<Stamps>,
    /// What a question may cost.
    #[serde(default)]
    pub limits: Limits,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The root certificates, DER: one for each hierarchy.
    pub roots: Vec<PathBuf>,
    /// Certificates of the issuing CAs, DER, by their names.
    pub issuers: BTreeMap<IssuerId, PathBuf>,
    /// SM2 ids of those of these CAs to whose keys the ceremony gave another than the standard one, by file.
    #[serde(default)]
    pub sm2_ids: BTreeMap<PathBuf, Sm2Id>,
    /// The responder, e.g. `http://127.0.0.1:8083/ocsp`.
    pub ocsp: String,
    /// Where CRLs are, e.g. `http://127.0.0.1:8083/crl`: a fresh one may stand in while the responder cannot be reached.
    pub crl: Option<String>,
    /// How old such a CRL may be, in seconds.
    #[serde(default = "crl_max_age_seconds")]
    pub crl_max_age_seconds: i64,
}

/// Time stamps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamps {
    /// The sealed file.
    pub key_file: PathBuf,
    /// A file whose first line opens it.
    pub passphrase_file: PathBuf,
    /// The certificate, DER.
    pub certificate: PathBuf,
    /// The policy under which they are made, an OID of the operator's.
    pub policy: String,
    /// To how many seconds the clock is right.
    #[serde(default = "accuracy_seconds")]
    pub accuracy_seconds: u8,
    /// How many all those together may ask for a minute who give no key.
    #[serde(default = "per_minute")]
    pub per_minute: u32,
}

/// What a question may cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Questions that are worked on at the same time; more are turned away.
    pub at_once: usize,
    /// The longest question, in bytes.
    pub body_bytes: usize,
    /// How long a question may take, its way here included.
    pub question_ms: u64,
    /// How long the responder may take.
    pub responder_ms: u64,
    /// How long a header may take.
    pub header_timeout_ms: u64,
    /// How long a write may make no progress.
    pub write_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            at_once: 64,
            body_bytes: 1024 * 1024,
            question_ms: 10_000,
            responder_ms: 3_000,
            header_timeout_ms: 10_000,
            write_timeout_ms: 10_000,
        }
    }
}

fn listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8085).into()
}

fn operations_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 9085).into()
}

const fn crl_max_age_seconds() -> i64 {
    300
}

const fn accuracy_seconds() -> u8 {
    1
}

const fn per_minute() -> u32 {
    600
}

impl Config {
    /// Reads a file, with the environment above it.
    ///
    /// # Errors
    /// All [`Faults`]; the operator must mend them.
    pub fn load(file: &Path) -> Result<Self, Faults> {
        let figment = Figment::new().merge(Toml::file_exact(file)).merge(Env::prefixed("VALIDATION_").split("__"));
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
        let reading = settings::read::<Self>(file, figment);
        let mut faults = reading.faults;
        let Some(config) = reading.value else { return Err(Faults(faults)) };
        let mut must = |holds: bool, key: &str, must: &str| {
            if !holds {
                faults.push(Fault::new(file, "value", format!("{key}: must be {must}")));
            }
        };
        let limits = &config.limits;
        must((1..=100_000).contains(&limits.connections), "limits.connections", "1 to 100000");
        must((1..=4096).contains(&limits.at_once), "limits.at_once", "1 to 4096");
        must((1024..=16_777_216).contains(&limits.body_bytes), "limits.body_bytes", "1024 to 16777216");
        let times = [limits.question_ms, limits.responder_ms, limits.header_timeout_ms, limits.write_timeout_ms];
        must(times.iter().all(|ms| (100..=120_000).contains(ms)), "limits.…_ms", "100 to 120000");
        must(limits.responder_ms < limits.question_ms, "limits.responder_ms", "less than limits.question_ms");
        must((1..=86_400).contains(&config.trust.crl_max_age_seconds), "trust.crl_max_age_seconds", "1 to 86400");
        if let Some(stamps) = &config.stamps {
            must(stamps.policy().is_some(), "stamps.policy", "an OID");
            must((1..=60).contains(&stamps.accuracy_seconds), "stamps.accuracy_seconds", "1 to 60");
            must((1..=1_000_000).contains(&stamps.per_minute), "stamps.per_minute", "1 to 1000000");
        }
        for path in config.trust.sm2_ids.keys() {
            let known = config.trust.roots.iter().chain(config.trust.issuers.values()).any(|file| file == path);
            must(known, "trust.sm2_ids", "of certificates that stand above them");
        }
        Faults::none(faults).map(|()| config)
    }
}

impl Config {
    /// How the responder is asked.
    pub(super) fn client(&self) -> client::Settings {
        let trust = &self.trust;
        let crl = trust.crl.as_ref().map(|base| CrlFallback {
            source: CrlSource::Url(base.clone()),
            max_age_seconds: trust.crl_max_age_seconds,
        });
        let patience = Duration::from_millis(self.limits.responder_ms);
        client::Settings { patience, crl, ..client::Settings::new(&trust.ocsp) }
    }
}

impl Stamps {
    /// The policy, if it is an OID.
    pub(super) fn policy(&self) -> Option<ObjectIdentifier> {
        ObjectIdentifier::new(&self.policy).ok()
    }

    /// The key.
    pub(super) fn key(&self) -> KeyConfig {
        let Self { key_file, passphrase_file, certificate, .. } = self.clone();
        KeyConfig { key_file, passphrase_file, certificate }
    }
}

impl Limits {
    pub(super) const fn question(&self) -> Duration {
        Duration::from_millis(self.question_ms)
    }

    pub(super) const fn connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections: self.connections,
            header_timeout: Duration::from_millis(self.header_timeout_ms),
            write_timeout: Duration::from_millis(self.write_timeout_ms),
        }
    }
}

impl Trust {
    /// The CA certificates.
    ///
    /// # Errors
    /// Names the file that cannot be read, or the certificate that cannot serve.
    pub fn anchors(&self) -> anyhow::Result<Anchors> {
        let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
        let sm2_id = |path: &PathBuf| self.sm2_ids.get(path).cloned().unwrap_or_default();
        let roots =
            self.roots.iter().map(|path| Ok((read(path)?, sm2_id(path)))).collect::<anyhow::Result<Vec<_>>>()?;
        let issuer = |(id, path): (&IssuerId, &PathBuf)| Ok((id.clone(), read(path)?, sm2_id(path)));
        let issuers = self.issuers.iter().map(issuer).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Anchors::of_roots(&roots, issuers)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
        callers_file = "callers.toml"
        [trust]
        roots = ["root.cer"]
        ocsp = "http://127.0.0.1:8083/ocsp"
        issuers = { unit-p256 = "unit-p256.cer" }
        [evidence]
        key_file = "evidence.key"
        passphrase_file = "pass"
        certificate = "evidence.cer"
    "#;

    #[test]
    fn the_least_configuration_has_the_documented_defaults() {
        let config = Config::parse(LEAST).expect("valid");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8085");
        assert_eq!(config.limits.body_bytes, 1024 * 1024);
        assert!(config.stamps.is_none());
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_named() {
        for (line, named) in [
            ("[limits]\nspeed = 1", "speed"),
            ("[limits]\nat_once = 0", "limits.at_once"),
            ("[limits]\nresponder_ms = 20000", "limits.responder_ms"),
            (
                "[stamps]\nkey_file = \"k\"\npassphrase_file = \"p\"\ncertificate = \"c\"\npolicy = \"no\"",
                "stamps.policy",
            ),
        ] {
            let error = Config::parse(&format!("{LEAST}\n{line}")).expect_err(line).to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
