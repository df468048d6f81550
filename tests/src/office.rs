//! A running authority and responder, and the officers of the demonstration with keys in memory: for tests of
//! what is issued and what is said about it, where pages and tokens would only be in the way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::bail;
use ca_core::domain::{Act, IssuerId, KeyKind, RevocationReason, Serial};
use ca_core::service::client::CertificateAuthority as _;
use ca_core::service::protocol::{CertificateView, Request, Response, Submission};

use crate::ceremony::Ceremony;
use crate::house::{Engine, House, OFFICERS};
use crate::judges::pem;
use crate::people::{self, Person};
use crate::programs::Program;

/// The office of the demonstration.
pub const OFFICE: &str = "demo-office";

/// The unit to which [`Office::issue`] issues.
pub const UNIT: &str = "示范市东湖建筑工程有限公司";

/// Its unified social credit code.
pub const UNIT_USCC: &str = "91130502MA0ABCDE61";

/// A founded authority and its officers.
pub struct Office {
    /// Folder, configuration, programs.
    pub house: House,
    /// Takes in applications and makes tokens.
    pub entry: Person,
    /// Reviews.
    pub reviewer: Person,
    /// Only reads.
    pub auditor: Person,
}

/// A unit with its certificate.
pub struct Unit {
    /// Its key.
    pub person: Person,
    /// What the authority said.
    pub view: CertificateView,
    /// The certificate as a PEM file.
    pub pem: PathBuf,
}

impl Unit {
    /// The certificate as a DER file.
    #[must_use]
    pub fn der(&self) -> PathBuf {
        self.pem.with_extension("").with_extension("cer")
    }

    /// The encryption certificate of the pair as a DER file, if there is one.
    #[must_use]
    pub fn encryption_der(&self) -> Option<PathBuf> {
        self.view.encryption.as_ref().map(|_| encryption_file(&self.der()))
    }

    /// The serial numbers of the certificate, or of both of a pair.
    pub fn serials(&self) -> impl Iterator<Item = &Serial> {
        std::iter::once(&self.view.serial).chain(self.view.encryption.iter().map(|encryption| &encryption.serial))
    }
}

fn encryption_file(certificate: &Path) -> PathBuf {
    certificate.with_extension("encryption.cer")
}

impl Office {
    /// Holds the ceremony of the demonstration; nothing runs yet.
    ///
    /// # Errors
    /// When the ceremony fails.
    pub fn found(engine: Engine) -> anyhow::Result<Self> {
        Self::found_by(engine, &Ceremony::shipped()?)
    }

    /// Holds this ceremony; nothing runs yet.
    ///
    /// # Errors
    /// When the ceremony fails.
    pub fn found_by(engine: Engine, ceremony: &Ceremony) -> anyhow::Result<Self> {
        let new = |name: &str| Person::new(name, KeyKind::P256);
        let mut officers = [new("李敏")?, new("王强")?, new("赵静")?];
        let requests = [officers[0].request_pem()?, officers[1].request_pem()?, officers[2].request_pem()?];
        let house = House::found(engine, ceremony, &requests)?;
        for (officer, id) in officers.iter_mut().zip(OFFICERS) {
            officer.certificate = house.certificate(id)?;
        }
        let [entry, reviewer, auditor] = officers;
        Ok(Self { house, entry, reviewer, auditor })
    }

    /// Starts the authority and the responder.
    ///
    /// # Errors
    /// When one does not become ready.
    pub async fn open(&self) -> anyhow::Result<[Program; 2]> {
        Ok([self.house.start_ca().await?, self.house.start_responder().await?])
    }

    /// Asks the authority and expects a certificate.
    ///
    /// # Errors
    /// When it refuses, cannot be reached or answers otherwise.
    pub async fn submit(&self, submission: Submission) -> anyhow::Result<CertificateView> {
        match self.house.authority().call(Request::Submit(submission)).await? {
            Response::Certificate(view) => Ok(view),
            other => bail!("a certificate was expected: {other:?}"),
        }
    }

    /// What it takes to issue to `unit`, signed by those who must.
    ///
    /// # Errors
    /// When somebody cannot sign.
    pub fn application(&self, issuer: &str, unit: &Person, key: KeyKind) -> anyhow::Result<Submission> {
        let order = people::order(OFFICE, people::issue(issuer, UNIT, UNIT_USCC, key)?)?;
        people::issue_submission(&order, [&self.entry, &self.reviewer], &self.entry, unit)
    }

    /// Issues a certificate to a new unit; it is not confirmed.
    ///
    /// # Errors
    /// When the authority refuses.
    pub async fn issue(&self, issuer: &str, key: KeyKind) -> anyhow::Result<Unit> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let mut person = Person::new("单位", key)?;
        let view = self.submit(self.application(issuer, &person, key)?).await?;
        person.certificate.clone_from(&view.certificate.0);
        let der = self.house.path(&format!("unit-{}.cer", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&der, &view.certificate.0)?;
        if let Some(encryption) = &view.encryption {
            std::fs::write(encryption_file(&der), &encryption.certificate.0)?;
        }
        Ok(Unit { person, view, pem: pem("x509", &der)? })
    }

    /// Revokes a certificate by two officers.
    ///
    /// # Errors
    /// When the authority refuses.
    pub async fn revoke(&self, issuer: &IssuerId, serial: &Serial, reason: RevocationReason) -> anyhow::Result<()> {
        let act = Act::Revoke { issuer: issuer.clone(), serial: serial.clone(), reason, invalid_since: None };
        self.obey(act, &[&self.entry, &self.reviewer]).await
    }

    /// Gives an order about a certificate, signed by these officers.
    ///
    /// # Errors
    /// When the authority refuses.
    pub async fn obey(&self, act: Act, officers: &[&Person]) -> anyhow::Result<()> {
        let order = people::order(OFFICE, act)?;
        self.submit(people::submission(&order, officers)?).await?;
        Ok(())
    }

    /// All published CRLs in one PEM file.
    ///
    /// # Errors
    /// When one is not published.
    pub fn crls(&self) -> anyhow::Result<PathBuf> {
        let lists = self.house.authorities().map(|name| pem("crl", &self.house.crl(name)));
        let lists = lists.collect::<anyhow::Result<Vec<_>>>()?;
        let bundle = self.house.path("crls.pem");
        crate::judges::bundle(&lists, &bundle)?;
        Ok(bundle)
    }
}
