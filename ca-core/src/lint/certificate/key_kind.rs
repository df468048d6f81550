//! What kind of key a SubjectPublicKeyInfo holds, by its outside; whether the key is sound is for `public_key` and
//! `sm2_public_key` to say.

use const_oid::ObjectIdentifier;

use crate::keys::{KeyKind, oid};
use crate::tlv::{self, TlvError, tag};
use crate::x509::{X509Error, oid_of};

/// The kind, or `None` for one that stands in no certificate of ours.
pub(super) fn key_kind(spki: &[u8]) -> Option<KeyKind> {
    let (algorithm, curve) = algorithm(spki).ok()?;
    match (algorithm, curve) {
        (oid::EC, Some(oid::P256)) => Some(KeyKind::P256),
        (oid::EC, Some(oid::P384)) => Some(KeyKind::P384),
        (oid::EC, Some(oid::SM2)) => Some(KeyKind::Sm2),
        (oid::RSA, None) => match modulus_octets(spki).ok()? {
            256 => Some(KeyKind::Rsa2048),
            384 => Some(KeyKind::Rsa3072),
            512 => Some(KeyKind::Rsa4096),
            _ => None,
        },
        _ => None,
    }
}

/// Whether anything in the AlgorithmIdentifier names SM2: the curve, or one of the OIDs below it that some software
/// puts there (`domain.md` §1.1).
pub(super) fn names_sm2(spki: &[u8]) -> bool {
    let is = |oid: ObjectIdentifier| oid.to_string().starts_with("1.2.156.10197.1.301");
    algorithm(spki).is_ok_and(|(algorithm, curve)| is(algorithm) || curve.is_some_and(is))
}

fn algorithm(spki: &[u8]) -> Result<(ObjectIdentifier, Option<ObjectIdentifier>), X509Error> {
    let mut fields = tlv::single(spki, tag::SEQUENCE)?.reader().expect(tag::SEQUENCE)?.reader();
    let algorithm = oid_of(fields.next()?)?;
    let curve = fields.optional(tag::OID)?.map(oid_of).transpose()?;
    Ok((algorithm, curve))
}

fn modulus_octets(spki: &[u8]) -> Result<usize, TlvError> {
    let mut fields = tlv::single(spki, tag::SEQUENCE)?.reader();
    fields.expect(tag::SEQUENCE)?;
    let bits = fields.expect(tag::BIT_STRING)?.content;
    let numbers = tlv::single(bits.get(1..).unwrap_or_default(), tag::SEQUENCE)?;
    let modulus = numbers.reader().expect(tag::INTEGER)?.content;
    Ok(modulus.iter().skip_while(|octet| **octet == 0).count())
}
