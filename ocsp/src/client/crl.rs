//! Looks a serial number up in a signed CRL, without building the list in memory.

use std::path::Path;

use bytes::Bytes;
use ca_core::domain::{Serial, Timestamp};
use ca_core::keys::PublicKey;
use const_oid::ObjectIdentifier;
use der::asn1::{BitStringRef, ContextSpecific, IntRef};
use der::{Decode as _, Encode as _, Reader, SliceReader, Tag, TagNumber};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::verify::{Distrust, verify};
use crate::wire::{ExtensionRef, WireError};

const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const CRL_REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");

/// Why a CRL cannot stand in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CrlFault {
    /// It cannot be had.
    #[error("no CRL: {0}")]
    Absent(String),
    /// No CRL, or not DER, or with critical extensions (partial, indirect or delta lists).
    #[error("no full CRL: {0}")]
    Malformed(#[from] WireError),
    /// By another issuer, or the signature does not verify.
    #[error("the CRL is not signed by the issuer: {0}")]
    BadSignature(Distrust),
    /// Past its nextUpdate, from the future, or older than the caller allows.
    #[error("the CRL is not fresh")]
    NotFresh,
}

/// When a CRL is fresh.
pub(super) struct Limits {
    pub(super) now: Timestamp,
    pub(super) skew: i64,
    pub(super) max_age: i64,
}

/// What the CRL says.
pub(super) struct Found {
    pub(super) this_update: Timestamp,
    /// The list's number, in lower-case hex; empty where it has none.
    pub(super) number: String,
    /// Since when and why the certificate is revoked or held, if it is.
    pub(super) entry: Option<(Timestamp, Option<CrlReason>)>,
}

pub(super) async fn read(path: &Path) -> Result<Bytes, CrlFault> {
    let size = tokio::fs::metadata(path).await.map_err(|error| CrlFault::Absent(error.to_string()))?.len();
    if usize::try_from(size).is_ok_and(|size| size <= super::http::MAX_CRL) {
        let list = tokio::fs::read(path).await.map_err(|error| CrlFault::Absent(error.to_string()))?;
        Ok(list.into())
    } else {
        Err(CrlFault::Absent("the file is too long".to_owned()))
    }
}

/// Verifies the list and looks for the serial number.
pub(super) fn look_up(
    list: &[u8],
    issuer: &Certificate,
    issuer_key: &PublicKey,
    serial: &Serial,
    limits: &Limits,
) -> Result<Found, CrlFault> {
    let mut reader = SliceReader::new(list).map_err(WireError::Der)?;
    let (signed, algorithm, signature) = reader.sequence(|r| {
        let signed = r.tlv_bytes()?;
        let algorithm: AlgorithmIdentifierOwned = r.decode()?;
        let signature: BitStringRef<'_> = r.decode()?;
        Ok::<_, WireError>((signed, algorithm, signature))
    })?;
    reader.finish().map_err(WireError::Der)?;
    let signature = signature.as_bytes().ok_or(WireError::Value("a signature of odd bits"))?;
    verify(issuer_key, &algorithm, signed, signature).map_err(CrlFault::BadSignature)?;

    let mut reader = SliceReader::new(signed).map_err(WireError::Der)?;
    let subject = issuer.tbs_certificate().subject();
    let (found, next_update) = reader.sequence(|r| {
        if Tag::peek(r)? == Tag::Integer {
            let _version: u8 = r.decode()?;
        }
        if AlgorithmIdentifierOwned::decode(r)? != algorithm {
            return Err(WireError::Value("two signature algorithms in one CRL"));
        }
        if Name::decode(r)?.to_der()? != subject.to_der()? {
            return Err(WireError::Value("a CRL by another issuer"));
        }
        let this_update = moment(r.decode()?);
        let next_update = Option::<Time>::decode(r)?.map(moment);
        let mut entry = None;
        if !r.is_finished() && Tag::peek(r)? == Tag::Sequence {
            r.sequence(|entries| {
                while !entries.is_finished() {
                    if let Some(found) = entries.sequence(|one| parse_entry(one, serial))? {
                        entry = Some(found);
                    }
                }
                Ok::<_, WireError>(())
            })?;
        }
        let extensions: Option<ContextSpecific<Vec<ExtensionRef<'_>>>> =
            ContextSpecific::decode_explicit(r, TagNumber(0))?;
        let extensions = extensions.map(|field| field.value);
        no_critical(extensions.as_deref())?;
        let number = extensions.iter().flatten().find(|extension| extension.id == CRL_NUMBER);
        let number = number.map(|extension| IntRef::from_der(extension.value.as_bytes())).transpose()?;
        let number = number.map(|number| hex::encode(number.as_bytes())).unwrap_or_default();
        Ok::<_, WireError>((Found { this_update, number, entry }, next_update))
    })?;

    let Limits { now, skew, max_age } = *limits;
    let fresh = found.this_update <= now.plus(skew)
        && now.since(found.this_update) <= max_age
        && next_update.is_some_and(|next| now <= next);
    if fresh { Ok(found) } else { Err(CrlFault::NotFresh) }
}

/// Since when and why, if the entry is about this serial number.
fn parse_entry<'a, R: Reader<'a>>(
    entry: &mut R,
    serial: &Serial,
) -> Result<Option<(Timestamp, Option<CrlReason>)>, WireError> {
    let number: IntRef<'a> = entry.decode()?;
    if Serial::from_der_content(number.as_bytes()).is_ok_and(|number| number == *serial) {
        let since = moment(entry.decode()?);
        let extensions: Option<Vec<ExtensionRef<'a>>> = entry.decode()?;
        no_critical(extensions.as_deref())?;
        let reason = extensions.unwrap_or_default().into_iter().find(|extension| extension.id == CRL_REASON);
        let reason = reason.map(|extension| CrlReason::from_der(extension.value.as_bytes())).transpose()?;
        return Ok(Some((since, reason)));
    }
    entry.drain(entry.remaining_len())?;
    Ok(None)
}

fn no_critical(extensions: Option<&[ExtensionRef<'_>]>) -> Result<(), WireError> {
    match extensions.unwrap_or_default().iter().find(|extension| extension.critical) {
        Some(extension) => Err(WireError::Critical(extension.id)),
        None => Ok(()),
    }
}

fn moment(time: Time) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}
