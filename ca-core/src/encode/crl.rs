//! CRLs, full, delta and of a shard, written as a stream: memory stays flat at a million entries.
//!
//! Entries go to a scratch file as they come; then what is to be signed is read once through the key and once
//! into the result. `x509-cert`'s builder would hold all of it, and copies the CA's own authority key
//! identifier into the CRL where the CA's subject key identifier belongs (RFC 5280 §5.2.1).

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::certificate::{authority_key_identifier, distribution_point, extension};
use crate::domain::{CertificateStatus, ListScope, RevocationReason, Serial, Timestamp};
use crate::signer::{CrlKey, SignError};
use crate::tlv::{self, tag};
use crate::x509::{self, KeyUsage, Parts, X509Error, oid};

/// CRLReason certificateHold.
const CERTIFICATE_HOLD: u8 = 6;
/// CRLReason removeFromCRL.
const REMOVE_FROM_CRL: u8 = 8;
/// How much is hashed, read and written at once.
const PIECE: usize = 256 * 1024;

/// What stands at the head of a CRL.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The CA whose certificates it lists, DER.
    pub issuer_certificate: &'a [u8],
    /// For which of them it speaks.
    pub scope: &'a ListScope,
    /// Higher than that of every CRL before with this scope; a full CRL and a delta that come together share one.
    pub number: u64,
    /// From when it speaks.
    pub this_update: Timestamp,
    /// By when the next one comes at the latest.
    pub next_update: Timestamp,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many certificates are listed.
    pub entries: u64,
    /// Length of the CRL.
    pub bytes: u64,
}

/// Why there is no CRL.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    /// Scratch or result cannot be written. The operator must act.
    #[error("writing the CRL")]
    Io(#[from] io::Error),
    /// The key did not sign.
    #[error("signing the CRL")]
    Sign(#[from] SignError),
    /// The issuer's certificate is no CA's that may sign CRLs, or not that of the key.
    #[error("the issuer's certificate: {0}")]
    Issuer(String),
    /// nextUpdate is not after thisUpdate, or a date is outside the years 1950 to 9999.
    #[error("the dates of the CRL")]
    Dates,
    /// Not an http URL in ASCII.
    #[error("{0}")]
    Url(String),
    /// A delta that goes with a later full CRL than its own number (RFC 5280 §5.2.4).
    #[error("the delta {number} cannot go with the full CRL {base}")]
    Base {
        /// Of the delta.
        number: u64,
        /// Of the full CRL.
        base: u64,
    },
    /// Entries that do not ascend by serial number: one stands there twice, or the store sorts otherwise.
    #[error("serial number {0} does not come after the one before it")]
    Order(Serial),
}

impl From<X509Error> for CrlError {
    fn from(error: X509Error) -> Self {
        Self::Issuer(error.to_string())
    }
}

/// A CRL in the making. `S` is a scratch file (or a `Cursor` for small ones), empty at first.
pub struct CrlWriter<S: Write> {
    scratch: io::BufWriter<S>,
    bytes: u64,
    entries: u64,
    /// Magnitude of the last serial number; empty before the first.
    last: Vec<u8>,
    /// The entry in the making.
    entry: Vec<u8>,
}

impl<S: Read + Write + Seek> CrlWriter<S> {
    /// Begins.
    pub fn new(scratch: S) -> Self {
        Self {
            scratch: io::BufWriter::with_capacity(PIECE, scratch),
            bytes: 0,
            entries: 0,
            last: Vec::new(),
            entry: Vec::new(),
        }
    }

    /// Lists a certificate, if it is held or revoked. Serial numbers must ascend as [`Serial`] sorts, which is
    /// how stores sort their hexadecimal text.
    ///
    /// # Errors
    /// [`CrlError::Order`], [`CrlError::Dates`] or [`CrlError::Io`]; the CRL is spoilt.
    pub fn add(&mut self, serial: &Serial, status: CertificateStatus) -> Result<(), CrlError> {
        match status {
            CertificateStatus::Good => Ok(()),
            CertificateStatus::Held { since } => self.entry(serial, since, CERTIFICATE_HOLD),
            CertificateStatus::Revoked { since, reason } => self.entry(serial, since, reason.code()),
        }
    }

    /// Lists a certificate as released, in a delta: whoever has the full CRL takes it off.
    ///
    /// # Errors
    /// See [`Self::add`].
    pub fn remove(&mut self, serial: &Serial, since: Timestamp) -> Result<(), CrlError> {
        self.entry(serial, since, REMOVE_FROM_CRL)
    }

    fn entry(&mut self, serial: &Serial, since: Timestamp, reason: u8) -> Result<(), CrlError> {
        if self.last[..] >= *serial.octets() {
            return Err(CrlError::Order(serial.clone()));
        }
        write_entry(&mut self.entry, serial, since, reason).ok_or(CrlError::Dates)?;
        self.scratch.write_all(&self.entry)?;
        self.bytes += self.entry.len() as u64;
        self.entries += 1;
        self.last.clear();
        self.last.extend_from_slice(serial.octets());
        Ok(())
    }

    /// Signs and writes all of it.
    ///
    /// # Errors
    /// [`CrlError`]; what stands in `out` is then no CRL.
    pub fn finish<W: Write>(self, head: &Head<'_>, key: &CrlKey, out: W) -> Result<Written, CrlError> {
        let Self { scratch, bytes, entries, .. } = self;
        let mut scratch = scratch.into_inner().map_err(io::IntoInnerError::into_error)?;
        let (before, after) = around(head, key, bytes)?;

        let mut signer = key.begin()?;
        signer.update(&before)?;
        each_piece(&mut scratch, |piece| signer.update(piece).map_err(CrlError::from))?;
        signer.update(&after)?;
        let signature = tlv::write(tag::BIT_STRING, &[&[0][..], &signer.finish()?]);
        let algorithm = key.algorithm().identifier_der();

        let to_be_signed = before.len() as u64 + bytes + after.len() as u64;
        let content = to_be_signed + (algorithm.len() + signature.len()) as u64;
        let mut outer = Vec::new();
        tlv::header(&mut outer, tag::SEQUENCE, length(content)?);
        let mut out = io::BufWriter::with_capacity(PIECE, out);
        out.write_all(&outer)?;
        out.write_all(&before)?;
        each_piece(&mut scratch, |piece| out.write_all(piece).map_err(CrlError::from))?;
        out.write_all(&after)?;
        out.write_all(&algorithm)?;
        out.write_all(&signature)?;
        out.flush()?;
        Ok(Written { entries, bytes: outer.len() as u64 + content })
    }
}

/// A small CRL in memory.
///
/// # Errors
/// [`CrlError`].
pub fn in_memory<'a>(
    head: &Head<'_>,
    key: &CrlKey,
    entries: impl IntoIterator<Item = (&'a Serial, CertificateStatus)>,
) -> Result<Vec<u8>, CrlError> {
    let mut writer = CrlWriter::new(io::Cursor::new(Vec::new()));
    for (serial, status) in entries {
        writer.add(serial, status)?;
    }
    let mut out = Vec::new();
    writer.finish(head, key, &mut out)?;
    Ok(out)
}

/// Writes one entry over what is in `out`. In place, for there may be a million: no part of it is as long as 128
/// octets, so that each length is one.
fn write_entry(out: &mut Vec<u8>, serial: &Serial, since: Timestamp, reason: u8) -> Option<()> {
    // A sequence of one extension, reasonCode; the reason follows.
    const REASON: [u8; 13] = [0x30, 12, 0x30, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, tag::ENUMERATED, 1];
    let magnitude = serial.octets();
    let sign: &[u8] = if magnitude.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    out.clear();
    out.extend([tag::SEQUENCE, 0, tag::INTEGER, u8::try_from(sign.len() + magnitude.len()).ok()?]);
    out.extend_from_slice(sign);
    out.extend_from_slice(magnitude);
    x509::append_time(out, since)?;
    // RFC 5280 §5.3.1: rather no reason than "unspecified".
    if reason != RevocationReason::Unspecified.code() {
        out.extend_from_slice(&REASON);
        out.push(reason);
    }
    out[1] = u8::try_from(out.len() - 2).ok()?;
    Some(())
}

/// What is to be signed before the entries and after them.
fn around(head: &Head<'_>, key: &CrlKey, entries_bytes: u64) -> Result<(Vec<u8>, Vec<u8>), CrlError> {
    let issuer = Parts::read(head.issuer_certificate)?.tbs;
    let may_sign = issuer.key_usage()?.is_some_and(|usage| usage.has(KeyUsage::CRL_SIGN));
    if !issuer.basic_constraints()?.ca || !may_sign {
        return Err(CrlError::Issuer("it may not sign CRLs".into()));
    }
    if issuer.spki != key.spki_der() {
        return Err(CrlError::Issuer("it is not that of the key".into()));
    }
    let identifier = issuer.subject_key_identifier()?;
    let identifier = identifier.ok_or_else(|| CrlError::Issuer("it has no subjectKeyIdentifier".into()))?;
    if head.next_update <= head.this_update {
        return Err(CrlError::Dates);
    }
    let this_update = x509::write_time(head.this_update).ok_or(CrlError::Dates)?;
    let next_update = x509::write_time(head.next_update).ok_or(CrlError::Dates)?;
    let extensions = tlv::write(tag::SEQUENCE, &extensions(head, identifier)?);
    let after = tlv::write(tag::CONTEXT_0, &[extensions]);

    // RFC 5280 §5.1.2: version 2, and no list at all when nothing is revoked.
    let mut fields = [&[tag::INTEGER, 1, 1][..], &key.algorithm().identifier_der(), issuer.subject].concat();
    fields.extend([this_update, next_update].concat());
    if entries_bytes > 0 {
        tlv::header(&mut fields, tag::SEQUENCE, length(entries_bytes)?);
    }
    let mut before = Vec::new();
    let content = fields.len() as u64 + entries_bytes + after.len() as u64;
    tlv::header(&mut before, tag::SEQUENCE, length(content)?);
    before.extend(fields);
    Ok((before, after))
}

fn extensions(head: &Head<'_>, key_identifier: &[u8]) -> Result<Vec<Vec<u8>>, CrlError> {
    let integer = |number: u64| tlv::positive_integer(&number.to_be_bytes());
    let point = |url: &str| distribution_point(url).map_err(|error| CrlError::Url(error.to_string()));
    let mut list = vec![
        extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &authority_key_identifier(key_identifier)),
        extension(oid::CRL_NUMBER, false, &integer(head.number)),
    ];
    match head.scope {
        ListScope::Full { delta_url: None } => {}
        // RFC 5280 §5.2.6: distribution points, not critical.
        ListScope::Full { delta_url: Some(url) } => {
            list.push(extension(oid::FRESHEST_CRL, false, &tlv::write(tag::SEQUENCE, &[point(url)?])));
        }
        ListScope::Delta { base } if *base > head.number => {
            return Err(CrlError::Base { number: head.number, base: *base });
        }
        // §5.2.4: critical, for whoever took it for a full CRL would miss what the base lists.
        ListScope::Delta { base } => list.push(extension(oid::DELTA_CRL_INDICATOR, true, &integer(*base))),
        // §5.2.5: critical, for it says nothing of the other shards' certificates.
        ListScope::Shard { url } => list.push(extension(oid::ISSUING_DISTRIBUTION_POINT, true, &point(url)?)),
    }
    Ok(list)
}

/// Readers stop at 4 GiB, and so do we: about 80 million entries.
fn length(bytes: u64) -> Result<usize, CrlError> {
    u32::try_from(bytes)
        .ok()
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| CrlError::Io(io::Error::new(io::ErrorKind::FileTooLarge, "the CRL is over 4 GiB")))
}

fn each_piece<S: Read + Seek>(
    scratch: &mut S,
    mut take: impl FnMut(&[u8]) -> Result<(), CrlError>,
) -> Result<(), CrlError> {
    scratch.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; PIECE];
    loop {
        match scratch.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(&buffer[..count])?,
        }
    }
}

#[cfg(test)]
#[path = "crl_tests.rs"]
mod tests;
