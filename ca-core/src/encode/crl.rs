//! CRLs, full, delta and of a shard, written as a stream: memory stays flat at a million entries.
//!
//! Entries go where they stay as they come, behind as much room as the longest head takes: with over 16 MiB of them,
//! where copying would cost, each of the three lengths of the head has its most octets and the room is filled. Shorter
//! lists move up. What is to be signed is then read once, by whoever looks at it and signs.
//!
//! `x509-cert`'s builder would hold all of it, and copies the CA's own authority key identifier into the CRL where the
//! CA's subject key identifier belongs (RFC 5280 §5.2.1).

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
/// How much is read and written at once.
const PIECE: usize = 256 * 1024;
/// Tag and length of an element of up to 4 GiB.
const LONGEST_HEADER: usize = 6;

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

/// A CRL in the making. `S`: where it is written, an empty file or a `Cursor`.
pub struct CrlWriter<S> {
    out: S,
    /// What stands before the entries in what is signed, without the lengths.
    fields: Vec<u8>,
    /// What stands behind them.
    after: Vec<u8>,
    /// The algorithm of the signature, DER.
    algorithm: Vec<u8>,
    /// Entries that are not written yet.
    buffer: Vec<u8>,
    /// Length of those that are.
    written: u64,
    entries: u64,
    /// Magnitude of the last serial number; empty before the first.
    last: Vec<u8>,
}

impl<S: Read + Write + Seek> CrlWriter<S> {
    /// Begins.
    ///
    /// # Errors
    /// [`CrlError`] for what the head says.
    pub fn new(out: S, head: &Head<'_>, key: &CrlKey) -> Result<Self, CrlError> {
        let (fields, after) = around(head, key)?;
        Ok(Self {
            out,
            fields,
            after,
            algorithm: key.algorithm().identifier_der(),
            buffer: Vec::new(),
            written: 0,
            entries: 0,
            last: Vec::new(),
        })
    }

    /// Lists a certificate, if it is held or revoked. Serial numbers must ascend as [`Serial`] sorts, which is
    /// how stores sort their hexadecimal text.
    ///
    /// # Errors
    /// [`CrlError::Order`], [`CrlError::Dates`] or [`CrlError::Io`]; the CRL is spoilt.
    pub fn add(&mut self, serial: &Serial, status: CertificateStatus) -> Result<(), CrlError> {
        self.add_dated(serial, status, None)
    }

    /// [`Self::add`], saying of a compromised key since when it can no longer be believed. The date is not said of another
    /// status, nor later than the revocation.
    ///
    /// # Errors
    /// See [`Self::add`].
    pub fn add_dated(
        &mut self,
        serial: &Serial,
        status: CertificateStatus,
        invalid_since: Option<Timestamp>,
    ) -> Result<(), CrlError> {
        match status {
            CertificateStatus::Good => Ok(()),
            CertificateStatus::Held { since } => self.entry(serial, since, CERTIFICATE_HOLD, None),
            CertificateStatus::Revoked { since, reason } => {
                let compromised = reason == RevocationReason::KeyCompromise;
                let invalid_since = invalid_since.filter(|_| compromised).map(|date| date.min(since));
                self.entry(serial, since, reason.code(), invalid_since)
            }
        }
    }

    /// Lists a certificate as released, in a delta: whoever has the full CRL takes it off.
    ///
    /// # Errors
    /// See [`Self::add`].
    pub fn remove(&mut self, serial: &Serial, since: Timestamp) -> Result<(), CrlError> {
        self.entry(serial, since, REMOVE_FROM_CRL, None)
    }

    fn entry(
        &mut self,
        serial: &Serial,
        since: Timestamp,
        reason: u8,
        invalid_since: Option<Timestamp>,
    ) -> Result<(), CrlError> {
        if self.last[..] >= *serial.octets() {
            return Err(CrlError::Order(serial.clone()));
        }
        write_entry(&mut self.buffer, serial, since, reason, invalid_since).ok_or(CrlError::Dates)?;
        self.entries += 1;
        self.last.clear();
        self.last.extend_from_slice(serial.octets());
        if self.buffer.len() >= PIECE { self.write_out() } else { Ok(()) }
    }

    /// So much room is left before the entries.
    fn room(&self) -> u64 {
        (3 * LONGEST_HEADER + self.fields.len()) as u64
    }

    fn write_out(&mut self) -> Result<(), CrlError> {
        if self.written == 0 {
            self.out.seek(SeekFrom::Start(self.room()))?;
        }
        self.out.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Length of the entries so far.
    #[must_use]
    pub fn entries_bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Shows what is to be signed to `sign`, and writes it with the signature that `sign` answers (the content of the
    /// BIT STRING) from the beginning of the file.
    ///
    /// # Errors
    /// [`CrlError`], or whatever `sign` says; what stands in the file is then no CRL.
    pub fn finish<E: From<CrlError>>(
        mut self,
        sign: impl FnOnce(&mut dyn Read) -> Result<Vec<u8>, E>,
    ) -> Result<Written, E> {
        // A short list is in memory as a whole.
        if self.written > 0 {
            self.write_out()?;
        }
        let bytes = self.entries_bytes();
        let before = self.before(bytes)?;
        let to_be_signed = before.len() as u64 + bytes + self.after.len() as u64;
        let entries: &mut dyn Read = if self.written > 0 {
            self.out.seek(SeekFrom::Start(self.room())).map_err(CrlError::from)?;
            &mut Read::by_ref(&mut self.out).take(bytes)
        } else {
            &mut &self.buffer[..]
        };
        let signature = sign(&mut (&before[..]).chain(entries).chain(&self.after[..]))?;
        Ok(self.put(&before, bytes, to_be_signed, &signature)?)
    }

    /// Head, and tail with the signature, around the entries.
    fn put(mut self, before: &[u8], bytes: u64, to_be_signed: u64, signature: &[u8]) -> Result<Written, CrlError> {
        let signature = tlv::write(tag::BIT_STRING, &[&[0][..], signature]);
        let content = to_be_signed + (self.algorithm.len() + signature.len()) as u64;
        let mut head = Vec::with_capacity(LONGEST_HEADER + before.len());
        tlv::header(&mut head, tag::SEQUENCE, length(content)?);
        let length = head.len() as u64 + content;
        head.extend_from_slice(before);
        if self.written > 0 && head.len() as u64 != self.room() {
            self.move_up(head.len() as u64, bytes)?;
        }
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&head)?;
        if self.written > 0 {
            self.out.seek(SeekFrom::Start(head.len() as u64 + bytes))?;
        } else {
            self.out.write_all(&self.buffer)?;
        }
        // Longer than the room that was left, so that nothing stands behind it.
        self.out.write_all(&[&self.after[..], &self.algorithm, &signature].concat())?;
        self.out.flush()?;
        Ok(Written { entries: self.entries, bytes: length })
    }

    /// Moves the entries towards the beginning of the file.
    fn move_up(&mut self, to: u64, bytes: u64) -> Result<(), CrlError> {
        let (room, mut moved) = (self.room(), 0);
        self.buffer.resize(PIECE, 0);
        while moved < bytes {
            let count = self.buffer.len().min(usize::try_from(bytes - moved).unwrap_or(usize::MAX));
            self.out.seek(SeekFrom::Start(room + moved))?;
            self.out.read_exact(&mut self.buffer[..count])?;
            self.out.seek(SeekFrom::Start(to + moved))?;
            self.out.write_all(&self.buffer[..count])?;
            moved += count as u64;
        }
        Ok(())
    }

    /// What is to be signed before the entries: RFC 5280 §5.1.2 wants no list at all when nothing is revoked.
    fn before(&self, entries_bytes: u64) -> Result<Vec<u8>, CrlError> {
        let mut list = Vec::new();
        if entries_bytes > 0 {
            tlv::header(&mut list, tag::SEQUENCE, length(entries_bytes)?);
        }
        let content = (self.fields.len() + list.len() + self.after.len()) as u64 + entries_bytes;
        let mut before = Vec::new();
        tlv::header(&mut before, tag::SEQUENCE, length(content)?);
        before.extend_from_slice(&self.fields);
        before.extend(list);
        Ok(before)
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
    let mut out = io::Cursor::new(Vec::new());
    let mut writer = CrlWriter::new(&mut out, head, key)?;
    for (serial, status) in entries {
        writer.add(serial, status)?;
    }
    writer.finish(|source| signed_whole(source, key))?;
    Ok(out.into_inner())
}

/// The signature over a small CRL.
///
/// # Errors
/// [`CrlError`].
pub fn signed_whole(source: &mut dyn Read, key: &CrlKey) -> Result<Vec<u8>, CrlError> {
    let mut message = Vec::new();
    source.read_to_end(&mut message)?;
    Ok(key.sign(&message)?)
}

/// Writes one entry behind what is in `out`. In place, for there may be a million: no part of it is as long as 128
/// octets, so that each length is one.
fn write_entry(
    out: &mut Vec<u8>,
    serial: &Serial,
    since: Timestamp,
    reason: u8,
    invalid_since: Option<Timestamp>,
) -> Option<()> {
    // A sequence of one extension, reasonCode; the reason follows.
    const REASON: [u8; 13] = [0x30, 12, 0x30, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, tag::ENUMERATED, 1];
    // The extension invalidityDate up to its date, and what it adds to the sequence.
    const INVALIDITY: [u8; 9] = [0x30, 24, 6, 3, 0x55, 0x1d, 0x18, 4, 17];
    const INVALIDITY_LENGTH: u8 = 26;
    let (start, magnitude) = (out.len(), serial.octets());
    let sign: &[u8] = if magnitude.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    out.extend_from_slice(&[tag::SEQUENCE, 0, tag::INTEGER, u8::try_from(sign.len() + magnitude.len()).ok()?]);
    out.extend_from_slice(sign);
    out.extend_from_slice(magnitude);
    x509::append_time(out, since)?;
    // RFC 5280 §5.3.1: rather no reason than "unspecified".
    if reason != RevocationReason::Unspecified.code() {
        let list = out.len() + 1;
        out.extend_from_slice(&REASON);
        out.push(reason);
        if let Some(date) = invalid_since {
            out[list] += INVALIDITY_LENGTH;
            out.extend_from_slice(&INVALIDITY);
            x509::append_generalized_time(out, date)?;
        }
    }
    out[start + 1] = u8::try_from(out.len() - start - 2).ok()?;
    Some(())
}

/// What is to be signed before the entries, without lengths, and after them.
fn around(head: &Head<'_>, key: &CrlKey) -> Result<(Vec<u8>, Vec<u8>), CrlError> {
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

    // RFC 5280 §5.1.2: version 2.
    let mut fields = [&[tag::INTEGER, 1, 1][..], &key.algorithm().identifier_der(), issuer.subject].concat();
    fields.extend([this_update, next_update].concat());
    Ok((fields, after))
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

#[cfg(test)]
#[path = "crl_tests.rs"]
mod tests;
