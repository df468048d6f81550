//! What the judges look at: certificates, lists and answers of one hierarchy, as files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ca_core::domain::{Act, KeyKind, RevocationReason};
use journeys::house::OFFICERS;
use journeys::judges::{openssl, pem, text};
use journeys::office::{Office, Unit};
use journeys::programs::{eventually, must};

use super::ISSUING;

/// How OCSP requests name the issuer.
pub(super) const DIGESTS: [&str; 3] = ["sha1", "sha256", "sm3"];

/// An answer of the responder.
pub(super) struct Answer {
    /// DER.
    pub(super) file: PathBuf,
    /// About this certificate, DER.
    pub(super) about: PathBuf,
    /// With CertIDs by this digest.
    pub(super) digest: &'static str,
    /// `good` or `revoked`, as it must be.
    pub(super) status: &'static str,
}

/// One hierarchy at work.
pub(super) struct Exhibits {
    /// Of the issuing CA.
    pub(super) kind: KeyKind,
    /// Certificates of root and issuing CA, DER.
    pub(super) root: PathBuf,
    pub(super) issuing: PathBuf,
    /// Never touched.
    pub(super) good: Unit,
    /// For a compromised key.
    pub(super) revoked: Unit,
    /// Frozen.
    pub(super) held: Unit,
    /// Frozen once, and released.
    pub(super) released: Unit,
    /// The first officers' certificates, DER.
    pub(super) officers: Vec<PathBuf>,
    /// The lists of root and issuing CA, DER.
    pub(super) root_list: PathBuf,
    pub(super) list: PathBuf,
    pub(super) answers: Vec<Answer>,
    /// The delegate that signs the answers, DER.
    pub(super) delegate: PathBuf,
}

impl Exhibits {
    /// Issues, revokes, holds, releases, publishes, asks.
    pub(super) async fn make(office: &Office, kind: KeyKind, unit: KeyKind) -> anyhow::Result<Self> {
        let house = &office.house;
        let good = office.issue(ISSUING, unit).await?;
        let revoked = office.issue(ISSUING, unit).await?;
        let held = office.issue(ISSUING, unit).await?;
        let released = office.issue(ISSUING, unit).await?;
        office.revoke(&revoked.view.issuer, &revoked.view.serial, RevocationReason::KeyCompromise).await?;
        for unit in [&held, &released] {
            let act = Act::Hold { issuer: unit.view.issuer.clone(), serial: unit.view.serial.clone() };
            office.obey(act, &[&office.entry]).await?;
        }
        let act = Act::Release { issuer: released.view.issuer.clone(), serial: released.view.serial.clone() };
        office.obey(act, &[&office.entry, &office.reviewer]).await?;
        house.ca(&["crl"])?;

        let mut answers = Vec::new();
        let cases = [(&good, "good"), (&revoked, "revoked"), (&held, "revoked"), (&released, "good")];
        for (unit, status) in cases {
            for digest in DIGESTS {
                let file = asked(office, unit, digest, status).await?;
                answers.push(Answer { file, about: unit.der(), digest, status });
            }
        }
        let delegate = delegate_of(&answers[0].file)?;
        Ok(Self {
            kind,
            root: house.ca_certificate("root"),
            issuing: house.ca_certificate(ISSUING),
            officers: OFFICERS.iter().map(|officer| house.certificate_file(officer)).collect(),
            root_list: house.crl("root"),
            list: house.crl(ISSUING),
            good,
            revoked,
            held,
            released,
            answers,
            delegate,
        })
    }

    /// The encryption certificates of pairs, PEM, where the keys are SM2.
    pub(super) fn sm2_encryption(&self) -> anyhow::Result<Vec<PathBuf>> {
        let units = [&self.good, &self.revoked, &self.held, &self.released];
        let sm2 = units.into_iter().filter(|_| self.kind == KeyKind::Sm2);
        sm2.filter_map(Unit::encryption_der).map(|der| pem("x509", &der)).collect()
    }

    /// Each certificate with its issuer's, DER; not the root's.
    pub(super) fn certificates(&self) -> Vec<(&Path, PathBuf)> {
        let units = [&self.good, &self.revoked, &self.held, &self.released];
        let leaves = units.into_iter().flat_map(|unit| std::iter::once(unit.der()).chain(unit.encryption_der()));
        let below = leaves.chain(self.officers.iter().cloned()).chain([self.delegate.clone()]);
        let mut all = vec![(self.root.as_path(), self.issuing.clone())];
        all.extend(below.map(|leaf| (self.issuing.as_path(), leaf)));
        all
    }
}

/// Asks with a request that OpenSSL made, until the responder has heard of the status, and keeps the answer.
async fn asked(office: &Office, unit: &Unit, digest: &str, status: &str) -> anyhow::Result<PathBuf> {
    let house = &office.house;
    let name = format!("{}-{digest}", unit.view.serial);
    let (ask, answer) = (house.path(&format!("{name}.req")), house.path(&format!("{name}.ocsp")));
    let (issuer, flag) = (pem("x509", &house.ca_certificate(ISSUING))?, format!("-{digest}"));
    let (issuer, subject) = (text(&issuer)?, text(&unit.pem)?);
    openssl(&["ocsp", &flag, "-issuer", issuer, "-cert", subject, "-reqout", text(&ask)?])?;
    let (data, url) = (format!("@{}", ask.display()), house.ocsp_url());
    eventually("the responder knows", Duration::from_secs(3), async || {
        let mut curl = Command::new("curl");
        curl.args(["-fsS", "-H", "Content-Type: application/ocsp-request", "--data-binary", &data, "-o"]);
        let said = must(curl.arg(&answer).arg(&url))
            .and_then(|_| openssl(&["ocsp", "-respin", text(&answer)?, "-resp_text", "-noverify"]));
        said.is_ok_and(|said| said.contains(&format!("Cert Status: {status}")))
    })
    .await?;
    Ok(answer)
}

/// The certificate that came with an answer, DER.
fn delegate_of(answer: &Path) -> anyhow::Result<PathBuf> {
    let printed = openssl(&["ocsp", "-respin", text(answer)?, "-resp_text", "-noverify"])?;
    let (start, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let body = printed.split(start).nth(1).and_then(|rest| rest.split(end).next()).unwrap_or_default();
    let (file, der) = (answer.with_extension("pem"), answer.with_extension("delegate.cer"));
    std::fs::write(&file, format!("{start}{body}{end}\n"))?;
    openssl(&["x509", "-in", text(&file)?, "-outform", "DER", "-out", text(&der)?])?;
    Ok(der)
}

/// The serial numbers on the list after all of this, with the reasons as Python's `cryptography` spells them.
pub(super) fn expected_entries(exhibits: &Exhibits) -> Vec<(String, &'static str)> {
    let of = |unit: &Unit, reason| unit.serials().map(|serial| (serial.to_string(), reason)).collect::<Vec<_>>();
    [of(&exhibits.revoked, "keyCompromise"), of(&exhibits.held, "certificateHold")].concat()
}
