//! The portal's configuration: a TOML file of its own, each value to be overridden by `FUND_SECTION__KEY`.
//!
//! Trust: whoever can write this file, or the certificates that it names, can log in as any unit. The
//! responder's address is not trusted: its answers are signed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::bank::TrusteeAccount;
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
    /// Accounts at trustee banks, onto which units pay.
    #[serde(default)]
    pub trustee: Vec<TrusteeAccount>,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Login by the TLS handshake, behind a proxy. Unset: there is none.
    #[serde(default)]
    pub mutual_tls: Option<MutualTls>,
    /// What vouchers are printed with.
    #[serde(default)]
    pub paper: Paper,
    /// The electronic seal on vouchers; without it they have none, and say so.
    #[serde(default)]
    pub seal: Option<Seal>,
    /// The authority of time stamps for evidence; without it the evidence has none, and says so.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// Who compares faces; without it nobody withdraws online.
    #[serde(default)]
    pub face: Option<Face>,
    /// The bank that pays withdrawals; without it nobody withdraws online.
    #[serde(default)]
    pub bank: Option<Bank>,
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

/// The electronic seal on vouchers (`docs/fund.md`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The key, PEM (PKCS#8): RSA, P-256 or P-384. Who has it makes papers that look like the fund's.
    pub key_file: PathBuf,
    /// Its certificate, whose common name stands on the rim, and those that lead to a root, PEM.
    pub certificate_file: PathBuf,
    /// What stands under the star.
    #[serde(default = "purpose")]
    pub purpose: String,
}

/// The authority of time stamps (RFC 3161; `docs/fund.md`). Trust: whoever has the key of a certificate for time stamps under
/// these CAs can say that evidence was there at another time than it was; make evidence up they cannot.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamp {
    /// Where it is asked, e.g. `https://verify.example/tsa`. Plain HTTP is for this machine when a key goes along, and for any
    /// other without: what it says is signed.
    pub url: String,
    /// The file of the caller's key, where the authority wants one.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The root certificates that its own certificate must lead to, DER. Unset, with `issuers`: those of `[trust]`.
    #[serde(default)]
    pub roots: Vec<PathBuf>,
    /// Certificates of the issuing CAs, DER, by names of your choice.
    #[serde(default)]
    pub issuers: BTreeMap<String, PathBuf>,
    /// How long an answer may take, in seconds.
    #[serde(default = "patience")]
    pub patience_seconds: u16,
}

/// The provider of face checks (`docs/fund.md`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Face {
    /// Its address: `https://…`, or `http://` on this machine.
    pub api: String,
    /// Our name there.
    pub app: String,
    /// The secret that signs our requests.
    pub secret_file: PathBuf,
    /// The public key that its answers are signed with, PEM: P-256, RSA or SM2.
    pub answer_key_file: PathBuf,
    /// How near the face must be, in ten-thousandths.
    #[serde(default = "min_score")]
    pub min_score: u16,
    /// How sure it must be that it lives, in ten-thousandths.
    #[serde(default = "min_liveness")]
    pub min_liveness: u16,
    /// How long an answer may take, in seconds.
    #[serde(default = "patience")]
    pub patience_seconds: u16,
}

const fn min_score() -> u16 {
    8_000
}

const fn min_liveness() -> u16 {
    9_000
}

const fn patience() -> u16 {
    15
}

/// The bank that pays withdrawals (`docs/fund.md`). Who can change this pays from another account, or to no bank at all.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// Where payment orders are laid.
    pub folder: PathBuf,
    /// Whose account pays, as the bank knows it.
    pub name: String,
    /// The account.
    pub account: String,
    /// Its bank's number in the payment system (CNAPS), 12 digits.
    pub bank_code: String,
}

fn purpose() -> String {
    crate::i18n::Locale::ZhCn.t("fund-seal-purpose")
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
    /// Persons who look after their own account, TOML: certificates, bank accounts, rules of withdrawal, loans. Read at start.
    #[serde(default)]
    pub citizens: Option<PathBuf>,
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
