//! The portal's configuration: a TOML file of its own, each value to be overridden by `FUND_SECTION__KEY`.
//!
//! Trust: whoever can write this file, or the certificates that it names, can log in as any unit. The
//! responder's address is not trusted: its answers are signed.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use crate::config::Limits;
pub use crate::config::Trust;

/// What `ra-web portal` needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the fund's data is.
    pub storage: Storage,
    /// Where it listens.
    #[serde(default)]
    pub listen: Listen,
    /// How browsers know the portal, and what it is called.
    #[serde(default)]
    pub site: Site,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Login by the TLS handshake, behind a proxy. Unset: there is none.
    #[serde(default)]
    pub mutual_tls: Option<MutualTls>,
    /// What vouchers are printed with.
    #[serde(default)]
    pub paper: Paper,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
}

/// Login by the TLS handshake: `docs/nginx/portal.conf` is the other half. Trust: whoever has the secret and reaches the listener
/// from an address of a proxy can log in as any unit; book anything they cannot, since that is signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MutualTls {
    /// Where the proxy reaches it, and nobody else does.
    pub listen: SocketAddr,
    /// The origin of that login as browsers know it: the portal's host, another port. Linked on the login page.
    pub origin: String,
    /// The file of the secret that the proxy sends: 32 characters or more.
    pub secret_file: PathBuf,
    /// The addresses from which the proxy comes.
    #[serde(default = "MutualTls::beside")]
    pub proxies: Vec<IpAddr>,
}

impl MutualTls {
    fn beside() -> Vec<IpAddr> {
        vec![IpAddr::from([127, 0, 0, 1])]
    }
}

/// What vouchers are printed with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Paper {
    /// Font files, as in the office's configuration.
    pub fonts: Vec<PathBuf>,
}

impl Default for Paper {
    fn default() -> Self {
        Self { fonts: crate::config::Paper::default().fonts }
    }
}

/// The fund's data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// `sqlite:PATH` or `postgres://…`; no other process of ours uses it.
    pub database_url: String,
    /// The key that seals numbers of persons, 64 hex digits; made at the first start. Who has it and the database reads them.
    pub field_key_file: PathBuf,
    /// Opening data, TOML: accounts in it that are not there yet are opened at start.
    #[serde(default)]
    pub opening: Option<PathBuf>,
}

/// Where it listens. Port 0 takes any free one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The portal.
    pub portal: SocketAddr,
    /// Health and metrics.
    pub ops: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        Self { portal: SocketAddr::from(([127, 0, 0, 1], 8082)), ops: SocketAddr::from(([127, 0, 0, 1], 9082)) }
    }
}

/// How browsers know the portal, without a slash at the end, and what it is called.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Origin of the portal; what units sign at login names it. Unset: from the bound address.
    pub origin: Option<String>,
    /// Origin of the token agent on the person's own machine.
    pub agent_origin: String,
    /// Origin of the site where certificates are renewed; linked when one is about to expire or has.
    pub renewal_origin: String,
    /// The fund's name in Chinese.
    pub name_zh: String,
    /// The fund's name in English.
    pub name_en: String,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            origin: None,
            agent_origin: "http://127.0.0.1:17080".into(),
            renewal_origin: "http://127.0.0.1:8080".into(),
            name_zh: "示范市住房公积金管理中心".into(),
            name_en: "Demo City Housing Provident Fund Centre".into(),
        }
    }
}
