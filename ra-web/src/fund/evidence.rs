//! The evidence of one transaction as a file, and its check without the fund.
//!
//! In the ZIP: `document.json` (the bytes that were signed), `signature.p7s` (CMS, DER), `certificate.cer`, `list.json`,
//! `status.ocsp` (the response of that moment) or `status.crl.sha256`, `evidence.sha256` and `stamp.tst`.
//!
//! `evidence.sha256` is the canonical form of all that: a line for each file in that order, of its SHA-256 in lower-case hex, two
//! blanks, its name and a line feed, as `sha256sum` writes and reads it. It is made of what is stored, never stored itself.
//! `stamp.tst` is a time-stamp token (RFC 3161, DER) over its SHA-256: that document, signature, certificate and status were
//! there at that time. It is missing until an authority gave one ([`crate::fund::stamps`]).
//!
//! By openssl alone: `sha256sum -c evidence.sha256` that the files are those;
//! `openssl ts -verify -data evidence.sha256 -in stamp.tst -token_in -CAfile root.pem -untrusted issuer.pem` when they were there;
//! `openssl cms -verify -inform DER -in signature.p7s -CAfile ca.pem -purpose any` prints the document, and
//! `openssl ocsp -respin status.ocsp -issuer issuer.pem -cert certificate.pem -CAfile root.pem` the status; each with
//! `-attime` and the stamp's time once a certificate has ended (`docs/fund.md`).

use std::io::{Cursor, Read as _, Write as _};

use ca_core::chain::{Anchors, ChainError};
use ca_core::cms::{self, CmsError};
use ca_core::domain::{CanonicalError, FundTransaction, Sha256, Timestamp, decode};
use ocsp::client::{Distrust, kept};
use ocsp::stamp::{self, Imprint, Stamp, StampError};
use ocsp::wire::Standing;
use openssl::sha::sha256;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::operation::{Operation, Signature};

/// A part of the ZIP has at most so many bytes.
const MAX_PART: u64 = 16 * 1024 * 1024;
/// The status may have been asked so many seconds before or after the signature, and a stamp be so much older than it.
const STATUS_WITHIN_SECONDS: i64 = 600;

/// The canonical form of evidence.
const MANIFEST: &str = "evidence.sha256";
/// The time stamp over it.
const STAMP: &str = "stamp.tst";

/// A file of evidence: its name, and what is in it.
pub(super) type File = (&'static str, Vec<u8>);

/// What a signature leaves: itself, its certificate and what was said of that at the moment.
pub(super) fn signed_files(document: &[u8], signature: &Signature, more: Vec<File>) -> Vec<File> {
    let mut files = vec![
        ("document.json", document.to_vec()),
        ("signature.p7s", signature.message.clone()),
        ("certificate.cer", signature.certificate.clone()),
    ];
    files.extend(more);
    files.push(match signature.status_source {
        "ocsp" => ("status.ocsp", signature.status_evidence.clone()),
        _ => ("status.crl.sha256", hex::encode(&signature.status_evidence).into_bytes()),
    });
    files
}

/// The canonical form of evidence, which is stamped.
pub(super) fn manifest(files: &[File]) -> Vec<u8> {
    let line = |(name, bytes): &File| format!("{}  {name}\n", Sha256(sha256(bytes)));
    files.iter().map(line).collect::<String>().into_bytes()
}

/// The files, their manifest and its stamp in a ZIP.
pub(super) fn zipped(mut files: Vec<File>, stamp: Option<&[u8]>) -> Result<Vec<u8>, zip::result::ZipError> {
    let manifest = manifest(&files);
    files.push((MANIFEST, manifest));
    files.extend(stamp.map(|token| (STAMP, token.to_vec())));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in &files {
        zip.start_file(*name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn files(operation: &Operation) -> Option<Vec<File>> {
    let list = vec![("list.json", operation.list.clone())];
    operation.signature.as_ref().map(|signature| signed_files(&operation.document, signature, list))
}

/// SHA-256 of the evidence's manifest; none when nobody has signed the operation.
#[must_use]
pub fn digest(operation: &Operation) -> Option<Sha256> {
    files(operation).map(|files| Sha256(sha256(&manifest(&files))))
}

/// Packs the evidence of an operation with its time stamp, as far as there is one; none when nobody has signed it.
///
/// # Errors
/// [`zip::result::ZipError`].
pub fn pack(operation: &Operation, stamp: Option<&[u8]>) -> Result<Option<Vec<u8>>, zip::result::ZipError> {
    files(operation).map(|files| zipped(files, stamp)).transpose()
}

/// A ZIP of evidence, being read.
pub(super) struct Parts<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Parts<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Fault> {
        ZipArchive::new(Cursor::new(bytes)).map(Self).map_err(|error| Fault::Zip(error.to_string()))
    }

    /// The part of this name.
    pub(super) fn get(&mut self, name: &'static str) -> Result<Vec<u8>, Fault> {
        let file = self.0.by_name(name).map_err(|_| Fault::Missing(name))?;
        let mut found = Vec::new();
        file.take(MAX_PART).read_to_end(&mut found).map_err(|error| Fault::Zip(error.to_string()))?;
        Ok(found)
    }

    fn has(&self, name: &str) -> bool {
        self.0.index_for_name(name).is_some()
    }

    /// What the stamp proves of these parts, which a signature of this moment is among; none when there is no stamp.
    pub(super) fn stamped(
        &mut self,
        names: &[&'static str],
        signed: Timestamp,
        stampers: &Anchors,
    ) -> Result<Option<Stamp>, Fault> {
        let status = if self.has("status.ocsp") { "status.ocsp" } else { "status.crl.sha256" };
        let mut files = Vec::new();
        for name in names.iter().chain([&status]) {
            files.push((*name, self.get(name)?));
        }
        // What was packed before there were stamps has neither.
        if !self.has(MANIFEST) && !self.has(STAMP) {
            return Ok(None);
        }
        let manifest = manifest(&files);
        if self.get(MANIFEST)? != manifest {
            return Err(Fault::Manifest);
        }
        if !self.has(STAMP) {
            return Ok(None);
        }
        let stamp = stamp::prove(&self.get(STAMP)?, &Imprint::sha256(&manifest), None, stampers)?;
        if stamp.at < signed.plus(-STATUS_WITHIN_SECONDS) {
            return Err(Fault::OlderThanSigned);
        }
        Ok(Some(stamp))
    }
}

/// What a time stamp adds to evidence, in words.
pub(super) fn told(stamp: Option<&Stamp>, ends: Timestamp) -> String {
    match stamp {
        None => "stamp   MISSING: that it was signed before the certificate ended or was revoked rests on the status above and the \
                 signer's own clock"
            .to_owned(),
        Some(stamp) => {
            let (at, by) = (stamp.at.beijing_text(), &stamp.authority);
            let within = match stamp.at <= ends {
                true => "while the certificate was valid",
                false => "LATE: the certificate had ended; it proves no more than that moment",
            };
            format!("stamp   there at {at} (Beijing), by {by}, {within}")
        }
    }
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
    /// When all of it was there, by the word of an authority of time stamps; none while there is none.
    pub stamp: Option<Stamp>,
    /// Until when the certificate was valid.
    pub ends: Timestamp,
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
            Some(at) => writeln!(f, "status  good as of {at} (Beijing), by the issuer's responder")?,
            None => writeln!(f, "status  by a CRL that its issuer keeps: look it up by its SHA-256")?,
        }
        write!(f, "{}", told(self.stamp.as_ref(), self.ends))
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
    /// A file is another than its manifest says.
    #[error("evidence.sha256 is not of these files")]
    Manifest,
    /// The stamp is not to be believed.
    #[error("the time stamp: {0}")]
    Stamp(#[from] StampError),
    /// The stamp is of a time at which nothing was signed yet.
    #[error("the time stamp: it is older than the signature")]
    OlderThanSigned,
}

/// Proves a file of evidence against the authorities that are trusted, with signatures and with time stamps, and nothing else:
/// no clock, no network.
///
/// # Errors
/// The first [`Fault`]. A stamp that is not there is none: [`Proven::stamp`] says so.
pub fn verify(bytes: &[u8], anchors: &Anchors, stampers: &Anchors) -> Result<Proven, Fault> {
    let mut parts = Parts::of(bytes)?;
    let document = parts.get("document.json")?;
    let signed = cms::verify(&parts.get("signature.p7s")?)?;
    let certificate = parts.get("certificate.cer")?;
    if signed.content != document || signed.certificate != certificate {
        return Err(Fault::Other);
    }
    let transaction: FundTransaction = decode(&document)?;
    if Sha256(sha256(&parts.get("list.json")?)) != transaction.list.sha256 {
        return Err(Fault::List);
    }
    // The signer's own clock: believed only as far as the responder's, which signs its time, agrees.
    let chain = anchors.verify(&certificate, signed.signing_time)?;
    let status_at = match parts.get("status.ocsp") {
        Ok(response) => {
            let (standing, said) = kept(&response, &chain, signed.signing_time, STATUS_WITHIN_SECONDS)?;
            if standing != Standing::Good {
                return Err(Fault::NotGood);
            }
            Some(said.beijing_text())
        }
        Err(Fault::Missing(_)) => {
            parts.get("status.crl.sha256")?;
            None
        }
        Err(fault) => return Err(fault),
    };
    let names = ["document.json", "signature.p7s", "certificate.cer", "list.json"];
    let stamp = parts.stamped(&names, signed.signing_time, stampers)?;
    let name = chain.subject().get(&ca_core::domain::SubjectField::CommonName).cloned().unwrap_or_default();
    Ok(Proven {
        signer: name,
        serial: chain.serial().to_string(),
        status_at,
        signed: signed.signing_time.beijing_text(),
        stamp,
        ends: chain.validity().not_after,
        transaction,
    })
}
