//! The office's configuration: a TOML file, each value to be overridden by `RA_SECTION__KEY`.
//!
//! Unknown keys are refused, so that a misspelt one cannot be believed to be set. Trust: whoever can write
//! this file can point the console at another database or another agent, not at another authority's keys:
//! what the authority accepts is decided by the authority.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ca_core::bucket::Bucket;
use ca_core::domain::{KeyKind, Sm2Id};
use ca_core::settings::{self, Faults};
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What `ra-web serve` needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the office's own data is.
    pub storage: Storage,
    /// Where it listens.
    #[serde(default)]
    pub listen: Listen,
    /// The addresses by which browsers know the sites.
    #[serde(default)]
    pub site: Sites,
    /// The authority's Unix socket.
    pub ca_socket: PathBuf,
    /// Whose certificates are believed at login.
    pub trust: Trust,
    /// What is printed.
    #[serde(default)]
    pub paper: Paper,
    /// What applications ask for.
    #[serde(default)]
    pub enrolment: Enrolment,
    /// What is paid for it, and how.
    #[serde(default)]
    pub payment: Payment,
    /// What freezes certificates at any hour. Unset: a loss is reported by phone or at the counter.
    #[serde(default)]
    pub loss_desk: Option<LossDesk>,
    /// For how long evidence is kept.
    #[serde(default)]
    pub retention: Retention,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// Who works off the jobs.
    #[serde(default)]
    pub worker: Worker,
    /// Mails to units. Unset: none are sent, and none are written.
    #[serde(default)]
    pub mail: Option<Mail>,
    /// Invoices.
    #[serde(default)]
    pub invoice: Invoice,
}

/// The office's own data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: String,
    /// Folder of the scans, by SHA-256, each encrypted.
    #[serde(default)]
    pub evidence: Option<PathBuf>,
    /// Instead of that folder a bucket in S3-compatible storage, by the same names. Whoever has its secret can take scans
    /// away, but read none and put no other in the place of one.
    #[serde(default)]
    pub bucket: Option<Bucket>,
    /// File with the field key, 64 hex digits: who has it and the database or the folder can read resident
    /// numbers and scans.
    pub field_key_file: PathBuf,
}

/// Where it listens. Port 0 takes any free one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The units' own site.
    pub public: SocketAddr,
    /// The staff console.
    pub staff: SocketAddr,
    /// Health and metrics.
    pub ops: SocketAddr,
}

/// Addresses as browsers see them, without a slash at the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sites {
    /// Origin of the staff console; what officers sign at login names it. Unset: from the bound address.
    pub staff_origin: Option<String>,
    /// Origin of the units' own site; what units sign at login names it, and the payment provider leads back to it. Unset:
    /// from the bound address.
    pub public_origin: Option<String>,
    /// Origin of the token agent on the person's own machine.
    pub agent_origin: String,
    /// Origin of the fund portal; linked from the public site.
    pub portal_origin: String,
    /// Where CRLs and CA certificates are downloaded; linked from the public site.
    pub validation_origin: String,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The root certificates, DER: one for each hierarchy.
    pub roots: Vec<PathBuf>,
    /// Certificates of the issuing CAs, DER, by their names.
    pub issuers: BTreeMap<String, PathBuf>,
    /// SM2 ids of those of these CAs, roots or issuing, to whose keys the ceremony gave another than the standard one;
    /// by the file of the certificate, as it is written above.
    #[serde(default)]
    pub sm2_ids: BTreeMap<PathBuf, Sm2Id>,
    /// The responder, e.g. `http://127.0.0.1:8083/ocsp`.
    pub ocsp: String,
    /// Where CRLs are, e.g. `http://127.0.0.1:8083/crl`: a fresh one may stand in while the responder cannot be
    /// reached. Unset: nothing stands in, and nobody is let in.
    #[serde(default)]
    pub crl: Option<String>,
    /// How old such a CRL may be, in seconds: a revocation made since then is not seen.
    #[serde(default = "crl_max_age_seconds")]
    pub crl_max_age_seconds: i64,
}

const fn crl_max_age_seconds() -> i64 {
    300
}

/// What is printed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Paper {
    /// Font files, the first that has a character prints it. The default ones are of the Debian package
    /// `fonts-noto-cjk`; another one may follow for rare characters of names.
    pub fonts: Vec<PathBuf>,
    /// The authority's name on every paper.
    pub authority: String,
    /// Version of the practice statement (CPS) that a unit accepts with its signature.
    pub cps_version: String,
    /// The file of that statement: its SHA-256 goes to each case and onto its agreement. Unset: the version alone does.
    pub cps_file: Option<PathBuf>,
    /// Where that statement is published.
    pub cps_url: String,
    /// Whom a unit calls, e.g. for a loss.
    pub contact: String,
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            fonts: ["Regular", "Bold"]
                .map(|weight| PathBuf::from(format!("/usr/share/fonts/opentype/noto/NotoSansCJK-{weight}.ttc")))
                .into(),
            authority: "示范市数字证书认证中心".into(),
            cps_version: "1.0".into(),
            cps_file: None,
            cps_url: "http://127.0.0.1:8080/cps".into(),
            contact: "各受理点服务窗口".into(),
        }
    }
}

/// What applications ask for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Enrolment {
    /// Profile of unit certificates.
    pub profile: String,
    /// Profile of certificates of natural persons.
    pub person_profile: String,
    /// The kinds of keys that units may have, in the order in which the form offers them, and who issues for each.
    pub keys: Vec<KeyIssuer>,
    /// Country, province and city of the subject when the application does not say otherwise.
    pub province: String,
    /// City.
    pub locality: String,
    /// A certificate may be renewed so many days before its end. The profile's `carry_days` bounds it too.
    pub renewal_early_days: u16,
    /// And so many days after; later the identity is checked anew, as for a first certificate.
    pub renewal_late_days: u16,
    /// Whether certificates are made only on tokens that are in the office's stock. Without it an unknown token is
    /// taken into stock at the counter, as bought today.
    pub stock_only: bool,
    /// A certificate that was held after a loss is released, re-issued or revoked within so many days.
    pub hold_days: u16,
}

/// Who issues for a kind of key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyIssuer {
    /// The kind, e.g. `SM2`.
    pub kind: KeyKind,
    /// The issuing CA.
    pub issuer: String,
}

impl Default for Enrolment {
    fn default() -> Self {
        Self {
            profile: "unit-sign".into(),
            person_profile: "person".into(),
            keys: vec![
                KeyIssuer { kind: KeyKind::P256, issuer: "unit-p256".into() },
                KeyIssuer { kind: KeyKind::Rsa2048, issuer: "unit-rsa".into() },
            ],
            province: "河北省".into(),
            locality: "示范市".into(),
            renewal_early_days: 90,
            renewal_late_days: 365,
            stock_only: true,
            hold_days: 30,
        }
    }
}

/// The loss desk's key and certificate: the authority lets it freeze, and nothing else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossDesk {
    /// Its key, sealed under the field key; made by `ra-web loss-desk`.
    pub key_file: PathBuf,
    /// Its certificate, DER, from the ceremony.
    pub certificate_file: PathBuf,
    /// Its id in the registry of officers.
    pub officer: String,
    /// Its office there.
    pub office: String,
}

/// What is paid, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Payment {
    /// Prices by the day from which they hold, tax included. A bill keeps the price of the day on which it was made.
    pub tariff: Vec<Rates>,
    /// Ways of payment at the counter, in the order in which forms offer them: `cash`, `pos`, `qr`.
    pub methods: Vec<String>,
    /// A bill that is not paid for so many days lapses, and its application with it.
    pub lapse_days: u16,
    /// So many years can be paid at once. The profile's longest term bounds it too.
    pub max_years: u8,
    /// Payment on a provider's page. Unset: units pay at the counter or by bank.
    pub online: Option<Online>,
    /// Payment by bank. Unset: nobody is offered it.
    pub wire: Option<Wire>,
}

/// The account at the bank onto which units pay, as they must write it, and who keeps it. Whoever can change this can lead
/// their money elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// Whose account it is.
    pub payee: String,
    /// Its number.
    pub account: String,
    /// The bank, with its branch.
    pub bank: String,
    /// The office whose finance takes in the statements; what cannot be matched stands in its books.
    pub office: String,
    /// A bill stays open for so many days from when its unit chose this way: transfers take their time.
    #[serde(default = "wire_lapse_days")]
    pub lapse_days: u16,
}

const fn wire_lapse_days() -> u16 {
    30
}

/// Payment by Stripe Checkout.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Online {
    /// The API, with a slash at the end. Whoever answers there can say that bills are paid.
    #[serde(default = "stripe_api")]
    pub api: String,
    /// The origin of the pages on which units pay.
    #[serde(default = "stripe_pages")]
    pub pages: String,
    /// File with the secret key.
    pub secret_key_file: PathBuf,
    /// File with the secret of the endpoint `/webhooks/stripe` of the public site.
    pub webhook_secret_file: PathBuf,
    /// Ways of payment, in the order in which pages offer them: `alipay`, `wechat_pay`, `card`.
    #[serde(default = "ways")]
    pub ways: Vec<String>,
}

fn stripe_api() -> String {
    "https://api.stripe.com/".into()
}

fn stripe_pages() -> String {
    "https://checkout.stripe.com".into()
}

fn ways() -> Vec<String> {
    vec!["alipay".into(), "wechat_pay".into(), "card".into()]
}

/// Prices from a day on, in yuan, as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// The first day, e.g. `2026-01-01`.
    pub from: String,
    /// A year of service.
    pub service_year: String,
    /// The token of a first certificate.
    #[serde(default = "free")]
    pub token: String,
    /// The token that takes a lost one's place.
    #[serde(default = "free")]
    pub reissue_token: String,
    /// A change of particulars.
    #[serde(default = "free")]
    pub change: String,
    /// Value-added tax in hundredths of a percent.
    #[serde(default = "six_percent")]
    pub vat_basis_points: u16,
}

fn free() -> String {
    "0".into()
}

const fn six_percent() -> u16 {
    600
}

impl Default for Payment {
    fn default() -> Self {
        let rates = Rates {
            from: "2020-01-01".into(),
            service_year: "200".into(),
            token: free(),
            reissue_token: free(),
            change: free(),
            vat_basis_points: six_percent(),
        };
        Self {
            tariff: vec![rates],
            methods: vec!["cash".into(), "pos".into(), "qr".into()],
            lapse_days: 15,
            max_years: 5,
            online: None,
            wire: None,
        }
    }
}

/// Who invoices, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Invoice {
    /// The seller's name. Unset: the authority's.
    pub seller: Option<String>,
    /// The seller's taxpayer number.
    pub tax_id: String,
    /// The seller's address.
    pub address: String,
    /// The seller's telephone.
    pub phone: String,
    /// The seller's bank.
    pub bank: String,
    /// The seller's account.
    pub account: String,
    /// Whose name stands as the drawer's.
    pub drawer: String,
    /// The tax bureau in whose area the seller is.
    pub bureau: String,
    /// The short name of the tax category, which stands between asterisks before each item.
    pub category: String,
    /// The tax category's code, 19 digits.
    pub goods_code: String,
    /// The sealed key of the seal on our own samples; `ra-web migrate` makes one where there is none. Unset: samples are PDF
    /// and XML alone.
    pub seal_key_file: Option<PathBuf>,
    /// Whether units can have quota invoices (定额发票) out of the office's stock instead of an e-invoice.
    pub quota: bool,
    /// Who has invoices numbered by the tax platform. Unset: samples are made here, which are no tax invoices.
    pub provider: Option<InvoiceApi>,
}

/// A provider of e-invoices that speaks as Nuonuo does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvoiceApi {
    /// The API. Whoever answers there can say that bills are invoiced.
    #[serde(default = "invoice_api")]
    pub api: String,
    /// The application's key, which is a name.
    pub app_key: String,
    /// File with its secret.
    pub app_secret_file: PathBuf,
    /// File with the merchant's access token.
    pub access_token_file: PathBuf,
}

fn invoice_api() -> String {
    "https://sdk.nuonuo.com/open/v1/services".into()
}

impl Default for Invoice {
    fn default() -> Self {
        Self {
            seller: None,
            tax_id: String::new(),
            address: String::new(),
            phone: String::new(),
            bank: String::new(),
            account: String::new(),
            drawer: "系统".into(),
            bureau: String::new(),
            category: "信息技术服务".into(),
            goods_code: "3040201000000000000".into(),
            seal_key_file: None,
            quota: false,
            provider: None,
        }
    }
}

/// The mail server that takes mails to units.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port. Unset: 587 with `starttls`, 465 with `implicit`, 25 with `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected: `starttls` (required, not only tried), `implicit`, or `none`, which takes no
    /// password.
    #[serde(default = "starttls")]
    pub tls: String,
    /// A root certificate, PEM, that is believed in place of the public ones.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
    /// The user.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The address from which mails come.
    pub from: String,
    /// The name beside it. Unset: the authority's.
    #[serde(default)]
    pub from_name: Option<String>,
    /// With what mails are signed.
    #[serde(default)]
    pub dkim: Option<DkimKey>,
}

/// The key with which the domain signs its mails.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimKey {
    /// The domain. Unset: that of `mail.from`.
    #[serde(default)]
    pub domain: Option<String>,
    /// The selector, under which the domain's DNS has the public key.
    pub selector: String,
    /// File with the RSA key, PEM.
    pub key_file: PathBuf,
}

fn starttls() -> String {
    "starttls".into()
}

/// For how long evidence is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Years after a certificate ended; the law asks for five, and fewer are refused.
    pub years: u8,
    /// Days after the end of a case that led to no certificate; at least 30.
    pub unissued_days: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { years: 5, unissued_days: 365 }
    }
}

/// Limits of the listeners.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Requests that one address may send at once; a tenth of it comes back each second.
    pub burst: u32,
    /// A session ends when its token's assistant was not heard for so many seconds. 0: sessions do without, for a site
    /// whose people have no assistant.
    pub presence_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { proxies: Vec::new(), burst: 200, presence_seconds: 30 }
    }
}

/// Who works off the jobs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Whether `ra-web serve` does it too: for one machine. Unset, there must be a `ra-web worker` somewhere.
    pub beside_serve: bool,
    /// Health and metrics of `ra-web worker`.
    pub ops: SocketAddr,
}

impl Default for Worker {
    fn default() -> Self {
        Self { beside_serve: false, ops: SocketAddr::from(([127, 0, 0, 1], 9085)) }
    }
}

impl Default for Listen {
    fn default() -> Self {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self { public: at(8080), staff: at(8081), ops: at(9081) }
    }
}

impl Default for Sites {
    fn default() -> Self {
        Self {
            staff_origin: None,
            public_origin: None,
            agent_origin: "http://127.0.0.1:17080".into(),
            portal_origin: "http://127.0.0.1:8082".into(),
            validation_origin: "http://127.0.0.1:8083".into(),
        }
    }
}

/// Reads a configuration file and the environment with a prefix, e.g. `RA_`; `RA_LISTEN__STAFF` is
/// `listen.staff`. Only names of the file's sections are looked at.
///
/// # Errors
/// All [`Faults`] of its form, with the nearest known key for each that is not known, for the operator.
pub fn read<C: DeserializeOwned>(file: &Path, prefix: &str) -> Result<C, Faults> {
    let environment = Env::prefixed(prefix).split("__").ignore(&["log"]);
    let figment = Figment::new().merge(Toml::file_exact(file)).merge(environment);
    settings::read(&file.display().to_string(), &figment).whole()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
ca_socket = "var/ca/socket"
[storage]
database_url = "sqlite:var/ra/ra.db"
evidence = "var/ra/evidence"
field_key_file = "var/secrets/field.key"
[listen]
staff = "127.0.0.1:0"
[site]
[trust]
roots = ["var/publish/ca/root.cer"]
ocsp = "http://127.0.0.1:8083/ocsp"
[trust.issuers]
unit-p256 = "var/publish/ca/unit-p256.cer"
"#;

    fn config(text: &str) -> Result<Config, Faults> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ra.toml");
        std::fs::write(&file, text).expect("a file");
        read(&file, "YINXIN_NO_SUCH_PREFIX_")
    }

    #[test]
    fn defaults_fill_what_the_file_leaves_out() {
        let config = config(GOOD).expect("a good file");
        assert_eq!(config.listen.public, Listen::default().public);
        assert_eq!(config.enrolment.keys[0].issuer, "unit-p256");
    }

    #[test]
    fn an_sm2_id_goes_with_a_file() {
        let ids = "[trust.sm2_ids]\n\"var/publish/ca/root.cer\" = \"0123\"\n";
        let trust = config(&format!("{GOOD}{ids}")).expect("a good file").trust;
        assert_eq!(trust.sm2_ids[Path::new("var/publish/ca/root.cer")].as_str(), "0123");
        let error = config(&format!("{GOOD}{}", ids.replace("0123", "印信"))).expect_err("no id");
        assert!(error.to_string().contains("an SM2 id has at most 128 printable ASCII characters"), "{error}");
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name() {
        let error = config(&GOOD.replace("evidence", "evidences")).expect_err("an unknown key");
        assert!(error.to_string().contains("evidences: there is no such key; the nearest is evidence"), "{error}");
        let error = config(&GOOD.replace("database_url", "database")).expect_err("a missing key");
        assert!(error.to_string().contains("storage.database_url: it is missing"), "{error}");
    }
}
