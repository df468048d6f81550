//! The verification service beside a responder, and how it is asked.

use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::chain::Anchors;
use ca_core::clock::system_rng;
use ca_core::domain::{CertificateStatus, KeyKind};
use ca_core::signer::soft::{Cost, SoftKey};
use ca_core::signer::{Passphrase, Signer as _};
use ca_core::sql::{authority_migrations, testing};
use ca_core::store::Store as _;
use ocsp::validation::add_caller;
use ocsp::validation::app::{self, Running};
use ocsp::validation::config::Config;
use openssl::pkey::PKey;
use openssl::x509::extension::ExtendedKeyUsage;
use serde_json::Value;

use crate::hierarchy::{Holder, issuer_id, leaf, serial, server, server_serial};
use crate::house::{Answer, Ground, House, pem, send};

/// A responder, and the service that asks it.
pub(crate) struct Desk {
    pub(crate) house: House,
    pub(crate) running: Running,
    /// A caller's key.
    pub(crate) key: String,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        Self::of(KeyKind::P256, "").await
    }

    /// One whose CA has a key of this kind; `more` are further lines of the configuration.
    pub(crate) async fn of(kind: KeyKind, more: &str) -> Self {
        let house = Ground::of(kind, kind, testing::sqlite(&authority_migrations()).await).await.start("").await;
        Self::beside(house, more).await
    }

    pub(crate) async fn beside(house: House, more: &str) -> Self {
        let path = |name: &str| house.ground.path(name);
        let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let passphrase = Passphrase::new("a passphrase".to_owned());
        for (name, purpose) in [
            ("evidence", ExtendedKeyUsage::new().other("1.3.6.1.5.5.7.3.36").email_protection()),
            ("stamps", ExtendedKeyUsage::new().critical().time_stamping()),
        ] {
            let key = SoftKey::generate(KeyKind::P256).unwrap();
            key.save(&path(&format!("{name}.key")), &passphrase, cheap, &mut system_rng()).unwrap();
            let public = PKey::public_key_from_der(key.spki_der()).unwrap();
            let certificate = server(name, &public, purpose, house.issuer());
            std::fs::write(path(&format!("{name}.cer")), certificate.to_der().unwrap()).unwrap();
            // The authority knows it, unless the test has told something of it.
            let number = server_serial(name);
            let known = house.ground.store.begin_read().await.unwrap().status(&issuer_id(), &number).await.unwrap();
            if known.is_none() {
                house.ground.set(&number, CertificateStatus::Good).await;
            }
        }
        std::fs::write(path("root.cer"), house.ground.root.der()).unwrap();
        std::fs::write(path("issuer.cer"), house.issuer().der()).unwrap();
        let callers = path("callers.toml");
        let key = if callers.exists() {
            String::new()
        } else {
            add_caller(&callers, "fund-portal", 60_000, &mut system_rng()).unwrap().to_string()
        };
        let folder = house.ground.folder.path().display();
        let text = format!(
            "listen = \"127.0.0.1:0\"\noperations_listen = \"127.0.0.1:0\"\ncallers_file = \"{folder}/callers.toml\"\n\
             [trust]\nroots = [\"{folder}/root.cer\"]\nocsp = {:?}\nissuers = {{ unit-p256 = \"{folder}/issuer.cer\" }}\n\
             [evidence]\nkey_file = \"{folder}/evidence.key\"\npassphrase_file = \"{folder}/pass\"\n\
             certificate = \"{folder}/evidence.cer\"\n\
             [stamps]\nkey_file = \"{folder}/stamps.key\"\npassphrase_file = \"{folder}/pass\"\n\
             certificate = \"{folder}/stamps.cer\"\npolicy = \"1.3.6.1.4.1.32473.3.1\"\nper_minute = 60000\n{more}\n",
            house.url()
        );
        std::fs::write(path("validation.toml"), &text).unwrap();
        let config = Config::parse(&text).unwrap();
        let running = app::start(config, house.ground.clock.clone(), system_rng()).await.unwrap();
        Self { house, running, key }
    }

    /// A unit's certificate with this status, told to the responder.
    pub(crate) async fn unit(&self, number: u8, status: CertificateStatus) -> Holder {
        self.house.ground.set(&serial(number), status).await;
        leaf("Unit", &serial(number), self.house.issuer())
    }

    pub(crate) async fn good(&self) -> Holder {
        self.unit(1, CertificateStatus::Good).await
    }

    pub(crate) async fn ask(&self, question: &Value) -> Value {
        let answer = post_json(self.running.listen, Some(&self.key), question.to_string().as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub(crate) fn anchors(&self) -> Anchors {
        let (root, issuer) = (self.house.ground.root.der(), self.house.issuer().der());
        Anchors::new(&root, &[(issuer_id(), issuer)]).unwrap()
    }

    /// PEM files of root and issuing CA.
    pub(crate) fn trusted(&self) -> (PathBuf, PathBuf) {
        let folder = self.house.ground.folder.path();
        (pem(folder, "root.pem", &[&self.house.ground.root]), pem(folder, "issuing.pem", &[self.house.issuer()]))
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn octets(answer: &Value, field: &str) -> Vec<u8> {
    STANDARD.decode(answer[field].as_str().unwrap_or_else(|| panic!("{field} in {answer}"))).unwrap()
}

pub(crate) async fn post_json(address: SocketAddr, key: Option<&str>, body: &[u8]) -> Answer {
    let key = key.map_or_else(String::new, |key| format!("Authorization: Bearer {key}\r\n"));
    post(address, "/api/v1/verify", "application/json", &key, body).await
}

pub(crate) async fn post(address: SocketAddr, path: &str, kind: &str, more: &str, body: &[u8]) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    send(address, &[head.as_bytes(), body].concat()).await
}
