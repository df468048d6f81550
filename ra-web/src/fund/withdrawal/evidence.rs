//! The evidence of a withdrawal as a file, and its check without the fund: as of a unit's transaction
//! ([`crate::fund::evidence`]), with `face.json` (what the provider of face checks said) and `face.sig` (its signature over those bytes).
//! The document names the answer by its hash, so that the person's signature is over it too.

use std::io::Cursor;

use ca_core::chain::Anchors;
use ca_core::cms;
use ca_core::domain::{Sha256, SubjectField, Timestamp, Withdrawal, decode};
use ocsp::client::kept;
use ocsp::stamp::Stamp;
use ocsp::wire::Standing;
use openssl::sha::sha256;
use zip::ZipArchive;

use super::WithdrawalOrder;
use crate::fund::evidence::{Fault, File, Parts, manifest, signed_files, told, zipped};
use crate::fund::face::{Answer, FaceFault, Said, Trust};

/// The status may have been asked so many seconds before or after the signature, the face checked so many before it.
const WITHIN_SECONDS: i64 = 900;

fn files(order: &WithdrawalOrder) -> Option<Vec<File>> {
    let (Some(signature), Some(face)) = (&order.signature, &order.face) else { return None };
    let face = vec![("face.json", face.bytes.clone()), ("face.sig", face.signature.clone())];
    Some(signed_files(&order.document, signature, face))
}

/// SHA-256 of the evidence's manifest; none when nobody has signed the order.
#[must_use]
pub fn digest(order: &WithdrawalOrder) -> Option<Sha256> {
    files(order).map(|files| Sha256(sha256(&manifest(&files))))
}

/// Packs the evidence of an order with its time stamp, as far as there is one; none when nobody has signed it.
///
/// # Errors
/// [`zip::result::ZipError`].
pub fn pack(order: &WithdrawalOrder, stamp: Option<&[u8]>) -> Result<Option<Vec<u8>>, zip::result::ZipError> {
    files(order).map(|files| zipped(files, stamp)).transpose()
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
    /// When all of it was there, by the word of an authority of time stamps; none while there is none.
    pub stamp: Option<Stamp>,
    /// Until when the certificate was valid.
    pub ends: Timestamp,
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
            Some(at) => writeln!(f, "status  good as of {at} (Beijing), by the issuer's responder")?,
            None => writeln!(f, "status  by a CRL that its issuer keeps: look it up by its SHA-256")?,
        }
        write!(f, "{}", told(self.stamp.as_ref(), self.ends))
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

/// Proves a file of evidence against the authorities, with signatures and with time stamps, and the provider that are trusted,
/// and nothing else.
///
/// # Errors
/// The first [`WithdrawalFault`].
pub fn verify(bytes: &[u8], anchors: &Anchors, stampers: &Anchors, trust: &Trust) -> Result<Proven, WithdrawalFault> {
    let mut parts = Parts::of(bytes)?;
    let document = parts.get("document.json")?;
    let signed = cms::verify(&parts.get("signature.p7s")?).map_err(Fault::Signature)?;
    let certificate = parts.get("certificate.cer")?;
    if signed.content != document || signed.certificate != certificate {
        return Err(Fault::Other.into());
    }
    let withdrawal: Withdrawal = decode(&document).map_err(Fault::Document)?;
    let answer = Answer { bytes: parts.get("face.json")?, signature: parts.get("face.sig")? };
    if Sha256(sha256(&answer.bytes)) != withdrawal.face.answer_sha256 {
        return Err(FaceFault::Untrusted("it is another than was signed").into());
    }
    let face = trust.read(&answer, &withdrawal.id.to_string())?;
    if face.at != withdrawal.face.at.unix() || !(0..=WITHIN_SECONDS).contains(&(signed.signing_time.unix() - face.at)) {
        return Err(FaceFault::Stale.into());
    }
    // The signer's own clock: believed only as far as the responder's, which signs its time, agrees.
    let chain = anchors.verify(&certificate, signed.signing_time).map_err(Fault::Chain)?;
    let status_at = match parts.get("status.ocsp") {
        Ok(response) => {
            let (standing, said) =
                kept(&response, &chain, signed.signing_time, WITHIN_SECONDS).map_err(Fault::Status)?;
            if standing != Standing::Good {
                return Err(Fault::NotGood.into());
            }
            Some(said.beijing_text())
        }
        Err(Fault::Missing(_)) => {
            parts.get("status.crl.sha256")?;
            None
        }
        Err(fault) => return Err(fault.into()),
    };
    let names = ["document.json", "signature.p7s", "certificate.cer", "face.json", "face.sig"];
    let stamp = parts.stamped(&names, signed.signing_time, stampers)?;
    Ok(Proven {
        signer: chain.subject().get(&SubjectField::CommonName).cloned().unwrap_or_default(),
        serial: chain.serial().to_string(),
        status_at,
        signed: signed.signing_time.beijing_text(),
        stamp,
        ends: chain.validity().not_after,
        withdrawal,
        face,
    })
}
