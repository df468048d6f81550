//! The evidence of one transaction as a file, and its check without the fund.
//!
//! In the ZIP: `document.json` (the bytes that were signed), `signature.p7s` (CMS, DER), `certificate.cer`, `status.ocsp` (the
//! response of that moment) or `status.crl.sha256`, `list.json`. By openssl alone:
//! `openssl cms -verify -inform DER -in signature.p7s -CAfile ca.pem -purpose any` prints the document, and
//! `openssl ocsp -respin status.ocsp -issuer issuer.pem -cert certificate.pem -CAfile root.pem` the status.

use std::io::{Cursor, Read as _, Write as _};

use ca_core::chain::{Anchors, ChainError};
use ca_core::cms::{self, CmsError};
use ca_core::domain::{CanonicalError, FundTransaction, Sha256, decode};
use ocsp::client::{Distrust, kept};
use ocsp::wire::Standing;
use openssl::sha::sha256;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::operation::Operation;

/// A part of the ZIP has at most so many bytes.
const MAX_PART: u64 = 16 * 1024 * 1024;
/// The status may have been asked so many seconds before or after the signature.
const STATUS_WITHIN_SECONDS: i64 = 600;

/// Packs the evidence of an operation; none when nobody has signed it.
///
/// # Errors
/// [`zip::result::ZipError`].
pub fn pack(operation: &Operation) -> Result<Option<Vec<u8>>, zip::result::ZipError> {
    let Some(signature) = &operation.signature else { return Ok(None) };
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let status = match signature.status_source {
        "ocsp" => ("status.ocsp", signature.status_evidence.clone()),
        _ => ("status.crl.sha256", hex::encode(&signature.status_evidence).into_bytes()),
    };
    for (name, bytes) in [
        ("document.json", &operation.document),
        ("signature.p7s", &signature.message),
        ("certificate.cer", &signature.certificate),
        ("list.json", &operation.list),
        (status.0, &status.1),
    ] {
        zip.start_file(name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(Some(zip.finish()?.into_inner()))
}

/// What a file of evidence proves.
#[derive(Clone, Debug)]
pub struct Proven {
    /// What was signed.
    pub transaction: FundTransaction,
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
        let one = &self.transaction;
        writeln!(f, "proven  {} {} of account {} {}", one.act.word(), one.id, one.account, one.unit)?;
        for fact in &one.facts {
            let was = fact.was.as_deref().map(|was| format!("{was} -> ")).unwrap_or_default();
            writeln!(f, "        {} {was}{}", fact.field.word(), fact.value)?;
        }
        writeln!(f, "list    {} lines, SHA-256 {}", one.list.lines, one.list.sha256)?;
        writeln!(f, "signed  {} (Beijing) by {}, certificate {}", self.signed, self.signer, self.serial)?;
        match &self.status_at {
            Some(at) => write!(f, "status  good as of {at} (Beijing), by the issuer's responder"),
            None => write!(f, "status  by a CRL that its issuer keeps: look it up by its SHA-256"),
        }
    }
}

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Not a ZIP of ours.
    #[error("the file cannot be read: {0}")]
    Zip(String),
    /// A part is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The signature is not good.
    #[error("the signature: {0}")]
    Signature(#[from] CmsError),
    /// It is over something else than the document, or by another certificate.
    #[error("the signature is over another document, or of another certificate")]
    Other,
    /// The document is none of ours.
    #[error("the document: {0}")]
    Document(#[from] CanonicalError),
    /// The list is another than was signed.
    #[error("the list is another than was signed")]
    List,
    /// The certificate was not good when it signed.
    #[error("the certificate: {0}")]
    Chain(#[from] ChainError),
    /// The response is not to be believed.
    #[error("the status: {0}")]
    Status(#[from] Distrust),
    /// The responder said that the certificate was not good.
    #[error("the status: the certificate was not good at that moment")]
    NotGood,
}

/// Proves a file of evidence against the authorities that are trusted, and nothing else.
///
/// # Errors
/// The first [`Fault`].
pub fn verify(bytes: &[u8], anchors: &Anchors) -> Result<Proven, Fault> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| Fault::Zip(error.to_string()))?;
    let mut part = |name: &'static str| -> Result<Vec<u8>, Fault> {
        let file = zip.by_name(name).map_err(|_| Fault::Missing(name))?;
        let mut found = Vec::new();
        file.take(MAX_PART).read_to_end(&mut found).map_err(|error| Fault::Zip(error.to_string()))?;
        Ok(found)
    };
    let document = part("document.json")?;
    let signed = cms::verify(&part("signature.p7s")?)?;
    let certificate = part("certificate.cer")?;
    if signed.content != document || signed.certificate != certificate {
        return Err(Fault::Other);
    }
    let transaction: FundTransaction = decode(&document)?;
    if Sha256(sha256(&part("list.json")?)) != transaction.list.sha256 {
        return Err(Fault::List);
    }
    // The signer's own clock: believed only as far as the responder's, which signs its time, agrees.
    let chain = anchors.verify(&certificate, signed.signing_time)?;
    let status_at = match part("status.ocsp") {
        Ok(response) => {
            let (standing, said) = kept(&response, &chain, signed.signing_time, STATUS_WITHIN_SECONDS)?;
            if standing != Standing::Good {
                return Err(Fault::NotGood);
            }
            Some(said.beijing_text())
        }
        Err(Fault::Missing(_)) => {
            part("status.crl.sha256")?;
            None
        }
        Err(fault) => return Err(fault),
    };
    let name = chain.subject().get(&ca_core::domain::SubjectField::CommonName).cloned().unwrap_or_default();
    Ok(Proven {
        signer: name,
        serial: chain.serial().to_string(),
        status_at,
        signed: signed.signing_time.beijing_text(),
        transaction,
    })
}
