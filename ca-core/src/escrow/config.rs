//! The configuration of the centre: one TOML file of its own, and a second that pins its officers.
//!
//! Trusted: whoever can change these can point the centre at other officers, so they belong to the centre's operator
//! alone. Passphrases are never in them, only the path of the file that holds one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::Deserialize;

use crate::config::{Audit, Socket};
use crate::domain::Sha256;
use crate::keys::KeyKind;
use crate::settings::{self, Fault, Faults};

/// What the environment may set: `KMC_DATABASE_URL`, `KMC_SOCKET__PATH` and so on.
const FROM_ENVIRONMENT: [&str; 5] =
    ["database_url", "operations", "socket.path", "authority.socket", "sealing.passphrase_file"];
/// The most stand-by keys of a kind.
const MAX_LEVEL: u32 = 10_000;

/// Everything that an operator may choose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KmcConfig {
    /// `sqlite:PATH` or `postgres://…`, the centre's alone.
    pub database_url: String,
    /// Loopback address of `/healthz`, `/readyz` and `/metrics`.
    #[serde(default = "operations")]
    pub operations: SocketAddr,
    /// The socket on which keys are asked for.
    pub socket: Socket,
    /// Numbers of the users whose processes may ask; without any, the centre's own alone.
    #[serde(default)]
    pub users: Vec<u32>,
    /// The keys of the centre itself.
    pub sealing: Sealing,
    /// Whom it asks what officers and certificates are worth.
    pub authority: Authority,
    /// File with the officers who together may recover keys: an `[[officer]]` for each, with `name` and
    /// `certificate_sha256`.
    pub officers_file: PathBuf,
    /// How many stand-by keys are kept, by kind.
    #[serde(default)]
    pub pool: BTreeMap<KeyKind, u32>,
    /// The audit.
    pub audit: Audit,
}

/// The centre's own keys, in sealed files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealing {
    /// Folder of `sealing.key` and `audit.key`. Whoever has them, the passphrase and the database has every key.
    pub dir: PathBuf,
    /// File with their passphrase.
    pub passphrase_file: PathBuf,
}

/// The authority.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Its socket.
    pub socket: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Officers {
    officer: Vec<Pinned>,
}

/// An officer of the centre.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// Their name, for whoever reads the file.
    pub name: String,
    /// SHA-256 of their certificate, DER.
    pub certificate_sha256: Sha256,
}

fn operations() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9084))
}

impl KmcConfig {
    /// Reads a file and what the environment says over it.
    ///
    /// # Errors
    /// All [`Faults`]; the operator must mend them.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let environment = Env::prefixed("KMC_")
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
        if !self.operations.ip().is_loopback() {
            faults.push("operations must be a loopback address".into());
        }
        for (kind, &level) in &self.pool {
            if level > MAX_LEVEL {
                faults.push(format!("pool.{} must be at most {MAX_LEVEL}", kind.name()));
            }
        }
        faults.extend(self.socket.faults());
        faults.extend(self.audit.faults());
        faults
    }

    /// SHA-256 of the officers' certificates.
    ///
    /// # Errors
    /// [`Faults`] when the file cannot be read, names one certificate twice, or fewer than two officers.
    pub fn officers(&self) -> Result<BTreeSet<Sha256>, Faults> {
        let (path, file) = (&self.officers_file, self.officers_file.display().to_string());
        let pinned: Officers = settings::read(&file, &Figment::new().merge(Toml::file_exact(path))).whole()?;
        let officers: BTreeSet<Sha256> = pinned.officer.iter().map(|officer| officer.certificate_sha256).collect();
        if officers.len() < pinned.officer.len() || officers.len() < 2 {
            let what = "there must be two officers or more, each with another certificate";
            return Err(Faults(vec![Fault::new(&file, "officers", what)]));
        }
        Ok(officers)
    }

    /// The sealed sealing key.
    #[must_use]
    pub fn sealing_key(&self) -> PathBuf {
        self.sealing.dir.join("sealing.key")
    }

    /// The sealed audit key.
    #[must_use]
    pub fn audit_key(&self) -> PathBuf {
        self.sealing.dir.join("audit.key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        database_url = "sqlite:var/kmc/kmc.db"
        officers_file = "var/kmc/officers.toml"
        [socket]
        path = "var/run/kmc.socket"
        [sealing]
        dir = "var/kmc/keys"
        passphrase_file = "var/secrets/kmc"
        [authority]
        socket = "var/run/ca.socket"
        [pool]
        P-256 = 8
        RSA-2048 = 4
        [audit]
        dir = "var/kmc/audit"
    "#;

    fn load(text: &str) -> Result<KmcConfig, Faults> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kmc.toml");
        std::fs::write(&path, text).unwrap();
        KmcConfig::load(&path)
    }

    #[test]
    fn levels_are_read_by_kind_and_nobody_else_is_let_in_by_default() {
        let config = load(GOOD).unwrap();
        assert_eq!(config.pool, BTreeMap::from([(KeyKind::P256, 8), (KeyKind::Rsa2048, 4)]));
        assert_eq!(config.socket.mode(), 0o600);
        assert!(config.users.is_empty());
    }

    #[test]
    fn unknown_keys_kinds_and_too_many_keys_are_refused() {
        for (from, to, part) in [
            ("[socket]", "[socket]\n        modus = 7", "modus"),
            ("RSA-2048", "RSA-1024", "RSA-1024"),
            ("P-256 = 8", "P-256 = 10001", "P-256"),
        ] {
            let error = load(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn fewer_than_two_officers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = load(GOOD).unwrap();
        config.officers_file = folder.path().join("officers.toml");
        let officer = |digit: char| {
            let digest = digit.to_string().repeat(64);
            format!("[[officer]]\nname = \"钱伟\"\ncertificate_sha256 = \"{digest}\"\n")
        };
        std::fs::write(&config.officers_file, officer('1') + &officer('2')).unwrap();
        assert_eq!(config.officers().unwrap().len(), 2);
        for bad in [officer('1'), officer('1') + &officer('1'), String::new()] {
            std::fs::write(&config.officers_file, bad).unwrap();
            config.officers().unwrap_err();
        }
    }
}
