//! The evidence of a withdrawal as a file, and its check without the fund: as of a unit's transaction
//! ([`crate::fund::evidence`]), with `face.json` (what the provider of face checks said) and `face.sig` (its signature over those bytes).
//! The document names the answer by its hash, so that the person's signature is over it too.

use std::io::{Cursor, Read as _, Write as _};

use ca_core::chain::Anchors;
use ca_core::cms;
use ca_core::domain::{Sha256, SubjectField, Withdrawal, decode};
use ocsp::client::kept;
use ocsp::wire::Standing;
use openssl::sha::sha256;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::WithdrawalOrder;
use crate::fund::evidence::Fault;
use crate::fund::face::{Answer, FaceFault, Said, Trust};

/// A part of the ZIP has at most so many bytes.
const MAX_PART: u64 = 1024 * 1024;
/// The status may have been asked so many seconds before or after the signature, the face checked so many before it.
const WITHIN_SECONDS: i64 = 900;

/// Packs the evidence of an order; none when nobody has signed it.
///
/// # Errors
/// [`zip::result::ZipError`].
pub fn pack(order: &WithdrawalOrder) -> Result<Option<Vec<u8>>, zip::result::ZipError> {
    let (Some(signature), Some(face)) = (&order.signature, &order.face) else { return Ok(None) };
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let status = match signature.status_source {
        "ocsp" => ("status.ocsp", signature.status_evidence.clone()),
        _ => ("status.crl.sha256", hex::encode(&signature.status_evidence).into_bytes()),
    };
    for (name, bytes) in [
        ("document.json", &order.document),
        ("signature.p7s", &signature.message),
        ("certificate.cer", &signature.certificate),
        ("face.json", &face.bytes),
        ("face.sig", &face.signature),
        (status.0, &status.1),
    ] {
        zip.start_file(name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(Some(zip.finish()?.into_inner()))
}

/// Whether a file is one of these, and not of a unit's transaction.
#[must_use]
pub fn is_one(bytes: &[u8]) -> bool {
    ZipArchive::new(Cursor::new(bytes)).is_ok_and(|zip| zip.index_for_name("face.json").is_some())
}

/// What a file of evidence proves.
#[derive(Clone, Debug)]
pub struct Proven {
    /// What was signed.
    pub withdrawal: Withdrawal,
    /// What was said of the face.
    pub face: Said,
    /// Who signed: the subject's common name.
    pub signer: String,
    /// Serial number of the certificate.
    pub serial: String,
    /// When the responder said that the certificate was good; none when a CRL stood in, which must be looked up.
    pub status_at: Option<String>,
    /// When the signer says to have signed.
    pub signed: String,
}

impl std::fmt::Display for Proven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = &self.withdrawal;
        let what = if one.closes { "closing withdrawal" } else { "withdrawal" };
        writeln!(f, "proven  {what} {} from account {} of {} {}", one.id, one.account, one.person, one.id_number)?;
        writeln!(
            f,
            "        {} ({}), of it interest {}, to {} {}",
            one.amount, one.capitals, one.interest, one.bank, one.card
        )?;
        writeln!(f, "        for {}", one.reason.word())?;
        let (score, liveness) = (self.face.score, self.face.liveness);
        writeln!(
            f,
            "face    {} (Beijing) by {}: likeness {}.{:02} %, liveness {}.{:02} %",
            one.face.at.beijing_text(),
            self.face.provider,
            score / 100,
            score % 100,
            liveness / 100,
            liveness % 100
        )?;
        writeln!(f, "signed  {} (Beijing) by {}, certificate {}", self.signed, self.signer, self.serial)?;
        match &self.status_at {
            Some(at) => write!(f, "status  good as of {at} (Beijing), by the issuer's responder"),
            None => write!(f, "status  by a CRL that its issuer keeps: look it up by its SHA-256"),
        }
    }
}

/// Why a file proves no withdrawal.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawalFault {
    /// As of a unit's transaction.
    #[error(transparent)]
    Evidence(#[from] Fault),
    /// What was said of the face is not what was signed, or not to be believed.
    #[error("the face check: {0}")]
    Face(#[from] FaceFault),
}

/// Proves a file of evidence against the authorities and the provider that are trusted, and nothing else.
///
/// # Errors
/// The first [`WithdrawalFault`].
pub fn verify(bytes: &[u8], anchors: &Anchors, trust: &Trust) -> Result<Proven, WithdrawalFault> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| Fault::Zip(error.to_string()))?;
    let mut part = |name: &'static str| -> Result<Vec<u8>, Fault> {
        let file = zip.by_name(name).map_err(|_| Fault::Missing(name))?;
        let mut found = Vec::new();
        file.take(MAX_PART).read_to_end(&mut found).map_err(|error| Fault::Zip(error.to_string()))?;
        Ok(found)
    };
    let document = part("document.json")?;
    let signed = cms::verify(&part("signature.p7s")?).map_err(Fault::Signature)?;
    let certificate = part("certificate.cer")?;
    if signed.content != document || signed.certificate != certificate {
        return Err(Fault::Other.into());
    }
    let withdrawal: Withdrawal = decode(&document).map_err(Fault::Document)?;
    let answer = Answer { bytes: part("face.json")?, signature: part("face.sig")? };
    if Sha256(sha256(&answer.bytes)) != withdrawal.face.answer_sha256 {
        return Err(FaceFault::Untrusted("it is another than was signed").into());
    }
    let face = trust.read(&answer, &withdrawal.id.to_string())?;
    if face.at != withdrawal.face.at.unix() || !(0..=WITHIN_SECONDS).contains(&(signed.signing_time.unix() - face.at)) {
        return Err(FaceFault::Stale.into());
    }
    // The signer's own clock: believed only as far as the responder's, which signs its time, agrees.
    let chain = anchors.verify(&certificate, signed.signing_time).map_err(Fault::Chain)?;
    let status_at = match part("status.ocsp") {
        Ok(response) => {
            let (standing, said) =
                kept(&response, &chain, signed.signing_time, WITHIN_SECONDS).map_err(Fault::Status)?;
            if standing != Standing::Good {
                return Err(Fault::NotGood.into());
            }
            Some(said.beijing_text())
        }
        Err(Fault::Missing(_)) => {
            part("status.crl.sha256")?;
            None
        }
        Err(fault) => return Err(fault.into()),
    };
    Ok(Proven {
        signer: chain.subject().get(&SubjectField::CommonName).cloned().unwrap_or_default(),
        serial: chain.serial().to_string(),
        status_at,
        signed: signed.signing_time.beijing_text(),
        withdrawal,
        face,
    })
}
