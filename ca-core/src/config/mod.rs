//! The configuration of `ca`: one TOML file, and `CA_…` in the environment over it.
//!
//! Raw text becomes checked types here; unknown keys are refused, so that a typing error cannot silently leave a
//! default in force. Trusted: an attacker who can change this file can point the authority at other keys and
//! another database, so it belongs to the operator alone. Passphrases are never in it, only the paths of the files
//! that hold them.

mod keys;
mod publish;
mod sections;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::Deserialize;

pub use keys::{KeyError, Keys, Pkcs11};
pub use publish::Publish;
pub use sections::{Audit, Crl, Kmc, Socket};

use crate::settings::{self, Fault, Faults};

/// What the environment may set: `CA_DATABASE_URL`, `CA_SOCKET__PATH` and so on. Other `CA_…` variables are other
/// programs'.
const FROM_ENVIRONMENT: [&str; 10] = [
    "database_url",
    "base_url",
    "publish_dir",
    "profiles_dir",
    "operations",
    "socket.path",
    "kmc.socket",
    "keys.dir",
    "keys.passphrase_file",
    "keys.responder_passphrase_file",
];

/// Everything that an operator may choose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`. Whoever can write there can forge statuses and the registry of officers.
    pub database_url: String,
    /// Where responders answer, e.g. `http://ocsp.example`; stands in every certificate.
    pub base_url: String,
    /// Folder that responders serve: `crl/` and `ca/` in it.
    pub publish_dir: PathBuf,
    /// Profiles instead of the built-in ones.
    #[serde(default)]
    pub profiles_dir: Option<PathBuf>,
    /// Loopback address of `/healthz`, `/readyz` and `/metrics`.
    #[serde(default = "operations")]
    pub operations: SocketAddr,
    /// The socket.
    pub socket: Socket,
    /// The keys.
    pub keys: Keys,
    /// The lists.
    #[serde(default)]
    pub crl: Crl,
    /// Where else the lists are published: copies of `{publish_dir}/crl`.
    #[serde(default)]
    pub publish: Vec<Publish>,
    /// The audit.
    pub audit: Audit,
    /// The key-management centre; without one no pairs are issued.
    #[serde(default)]
    pub kmc: Option<Kmc>,
}

fn operations() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9080))
}

impl Config {
    /// Reads a file and what the environment says over it.
    ///
    /// # Errors
    /// All [`Faults`]; the operator must mend them.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let environment = Env::prefixed("CA_")
            .map(|key| key.as_str().replace("__", ".").into())
            .filter(|key| FROM_ENVIRONMENT.contains(&key.as_str().to_ascii_lowercase().as_str()));
        let file = path.display().to_string();
        let reading = settings::read::<Self>(&file, &Figment::new().merge(Toml::file_exact(path)).merge(environment));
        let mut faults = reading.faults;
        let Some(config) = reading.value else { return Err(Faults(faults)) };
        faults.extend(config.faults().into_iter().map(|what| Fault::new(&file, "value", what)));
        Faults::none(faults).map(|()| config)
    }

    /// Values that make no sense.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| self.database_url.starts_with(scheme)) {
            faults.push("database_url must start with sqlite: or postgres:".into());
        }
        if !self.base_url.starts_with("http://") || self.base_url.ends_with('/') || !self.base_url.is_ascii() {
            faults.push("base_url must be an http URL without a slash at its end (RFC 5280 §8: no https)".into());
        }
        if !self.operations.ip().is_loopback() {
            faults.push("operations must be a loopback address".into());
        }
        faults.extend(self.socket.faults());
        faults.extend(self.crl.faults());
        faults.extend(self.publish.iter().flat_map(Publish::faults));
        faults.extend(self.audit.faults());
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        database_url = "sqlite:var/ca/ca.db"
        base_url = "http://127.0.0.1:8083"
        publish_dir = "var/publish"
        [socket]
        path = "var/ca/socket"
        [keys]
        dir = "var/ca/keys"
        passphrase_file = "var/secrets/ca"
        responder_passphrase_file = "var/secrets/ocsp"
        [audit]
        dir = "var/ca/audit"
    "#;

    fn load(text: &str) -> Result<Config, Faults> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn a_short_configuration_has_sound_defaults() {
        let config = load(GOOD).unwrap();
        assert_eq!(config.socket.mode(), 0o600);
        assert_eq!(config.crl.every_hours, 24);
        assert_eq!(config.operations, operations());
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = load(&GOOD.replace("[socket]", "[socket]\n        modus = 7")).unwrap_err();
        assert!(error.to_string().contains("socket.modus: there is no such key; the nearest is group"), "{error}");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = GOOD
            .replace("sqlite:var", "mysql:var")
            .replace("8083\"", "8083/\"")
            .replace("[audit]", "[crl]\n        valid_hours = 3\n        [audit]");
        let error = load(&text).unwrap_err().to_string();
        for part in ["database_url", "base_url", "valid_hours"] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}
