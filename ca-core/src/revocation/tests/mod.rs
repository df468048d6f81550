//! Lists, on both engines, read by software that we did not write.

mod deltas;
mod full;
mod invalidity;
mod mirrors;
mod published;
mod retirement;
mod shards;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use openssl::x509::{CrlStatus, X509, X509Crl};

use super::{CrlError, Due, Publisher};
use crate::domain::{Act, IssuerId, ListKind, Serial};
use crate::issuance::{Authority, Issuing};
use crate::service::client::{CallError, CertificateAuthority as _};
use crate::service::protocol::{CertificateView, RefusalCode, Request, Response, Submission};
use crate::sql::authority_migrations;
use crate::sql::testing::{Fresh, databases};
use crate::testing::{House, new_key, rehearsable, unit_issuer};

const DESK: [&str; 2] = ["limin", "wangqiang"];
const DAY: i64 = 86_400;

/// An authority, and a publisher of its lists.
struct Desk {
    engine: &'static str,
    house: House,
    authority: Authority,
    publisher: Publisher,
    issuing: Arc<Issuing>,
    _fresh: Fresh,
}

impl Desk {
    async fn all() -> Vec<Self> {
        Self::all_with(0).await
    }

    /// Desks whose issuer has so many shards.
    async fn all_with(shards: u16) -> Vec<Self> {
        let mut desks = Vec::new();
        for fresh in databases(&authority_migrations()).await {
            let folder = tempfile::tempdir().unwrap();
            let (mut ceremony, keys, clock) = rehearsable(folder.path(), &fresh.url);
            let unit = ceremony.plan.issuers.iter_mut().find(|issuer| issuer.id == unit_issuer()).unwrap();
            unit.crl_shards = shards;
            let config = ceremony.config.clone();
            let transcript = ceremony.hold().await.unwrap();
            let house = House::held(folder, config, keys, clock, transcript);
            let authority = house.authority().await;
            let issuing = authority.issuers().find(|issuing| *issuing.id() == unit_issuer()).unwrap().clone();
            let publisher = Publisher::new(Arc::new(house.store().await), house.clock.clone(), &house.config);
            desks.push(Self { engine: fresh.engine, house, authority, publisher, issuing, _fresh: fresh });
        }
        desks
    }

    async fn submit(&self, submission: Submission) -> Result<CertificateView, RefusalCode> {
        match self.authority.call(Request::Submit(submission)).await {
            Ok(Response::Certificate(view)) => Ok(view),
            Err(CallError::Refused(refusal)) => Err(refusal.code),
            other => panic!("{}: {other:?}", self.engine),
        }
    }

    async fn try_issue(&self) -> Result<CertificateView, RefusalCode> {
        self.submit(self.house.issue(&self.house.unit_order(), &DESK, "limin", &new_key())).await
    }

    async fn issue(&self) -> CertificateView {
        self.try_issue().await.unwrap()
    }

    async fn try_order(&self, act: Act) -> Result<CertificateView, RefusalCode> {
        let order = self.house.order(act);
        self.submit(self.house.about_status(&order, &DESK[..order.act.seats(false).len()])).await
    }

    async fn order(&self, act: Act) -> CertificateView {
        self.try_order(act).await.unwrap()
    }

    async fn hold(&self, serial: &Serial) {
        self.order(Act::Hold { issuer: unit_issuer(), serial: serial.clone() }).await;
    }

    async fn release(&self, serial: &Serial) {
        self.order(Act::Release { issuer: unit_issuer(), serial: serial.clone() }).await;
    }

    async fn due(&self) -> Option<Due> {
        self.publisher.due(&self.issuing).await.unwrap()
    }

    /// Publishes, and answers the number.
    async fn publish(&self, due: Due) -> i64 {
        self.publisher.publish(&self.issuing, due).await.unwrap().number
    }

    /// A published list.
    fn read(&self, list: ListKind) -> Vec<u8> {
        std::fs::read(self.publisher.path(self.issuing.id(), list)).unwrap()
    }

    /// What the published full list says, by OpenSSL: the reason of this certificate if it is listed.
    fn listed(&self, serial: &Serial) -> Option<Option<i64>> {
        self.listed_in(ListKind::Full, serial)
    }

    fn listed_in(&self, list: ListKind, serial: &Serial) -> Option<Option<i64>> {
        let crl = X509Crl::from_der(&self.read(list)).unwrap();
        let issuer = X509::from_der(self.issuing.certificate()).unwrap();
        assert!(crl.verify(&issuer.public_key().unwrap()).unwrap());
        let number = openssl::bn::BigNum::from_slice(serial.octets()).unwrap().to_asn1_integer().unwrap();
        match crl.get_by_serial(&number) {
            CrlStatus::NotRevoked => None,
            // OpenSSL's own word for an entry with removeFromCRL.
            CrlStatus::RemoveFromCrl(_) => Some(Some(8)),
            CrlStatus::Revoked(entry) => {
                let reason = entry.extension::<openssl::x509::ReasonCode>().unwrap();
                Some(reason.map(|(_, reason)| reason.get_i64().unwrap()))
            }
        }
    }

    /// What `openssl verify` says of a certificate with these lists: `Ok`, or its complaint.
    fn judged(&self, certificate: &[u8], lists: &[&[u8]], flags: &[&str]) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::read(self.house.config.publish_dir.join("ca/root.cer")).unwrap();
        let pem = |der: &[u8]| X509::from_der(der).unwrap().to_pem().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let mut arguments = vec![];
        for (index, list) in lists.iter().enumerate() {
            let pem = X509Crl::from_der(list).unwrap().to_pem().unwrap();
            arguments.push("-CRLfile".to_owned());
            arguments.push(write(&format!("{index}.pem"), &pem).display().to_string());
        }
        let output = Command::new("openssl")
            .args(["verify", "-x509_strict", "-crl_check", "-attime", &self.house.now().unix().to_string()])
            .args(flags)
            .args(&arguments)
            .arg("-CAfile")
            .arg(write("root.pem", &pem(&root)))
            .arg("-untrusted")
            .arg(write("issuing.pem", &pem(self.issuing.certificate())))
            .arg(write("unit.pem", &pem(certificate)))
            .output()
            .expect("openssl runs");
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

/// Names of the files in a folder.
fn files_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The number of a list, by OpenSSL.
fn number_of(der: &[u8]) -> i64 {
    let output = openssl_crl(der, "-crlnumber");
    let hex = output.trim().rsplit_once("0x").expect("a number").1.to_owned();
    i64::from_str_radix(&hex, 16).expect("hex")
}

/// What `openssl crl` prints of a list.
fn openssl_crl(der: &[u8], flag: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.crl");
    std::fs::write(&path, der).unwrap();
    let output = Command::new("openssl")
        .args(["crl", "-inform", "DER", "-noout", flag, "-in"])
        .arg(path)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn amend(issuer: &IssuerId, serial: &Serial) -> Act {
    Act::Amend { issuer: issuer.clone(), serial: serial.clone() }
}
