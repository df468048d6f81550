//! SubjectPublicKeyInfo, taken apart and put together by hand.
//!
//! OpenSSL's own decoder takes several times as long as the verification that follows it, and forgives
//! encodings (explicit curve parameters) that nobody needs.

use const_oid::ObjectIdentifier;

use super::oid;
use super::verify::VerifyError;
use crate::tlv::{self, tag};
use crate::x509::{oid_of, whole_octets};

/// The longest SubjectPublicKeyInfo we read; RSA of 8192 bits takes about 1,060.
const MAX_BYTES: usize = 2048;

/// The numbers of a public key, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spki<'a> {
    /// id-ecPublicKey on a named curve.
    Ec {
        /// The curve.
        curve: ObjectIdentifier,
        /// The point, in any form of SEC 1.
        point: &'a [u8],
    },
    /// rsaEncryption.
    Rsa {
        /// The modulus, big-endian, without leading zeros.
        modulus: &'a [u8],
        /// The public exponent, likewise.
        exponent: &'a [u8],
    },
}

impl<'a> Spki<'a> {
    /// Reads the structure. RSA parameters may be absent instead of NULL.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, VerifyError> {
        if der.len() > MAX_BYTES {
            return Err(VerifyError::Key("it is too long"));
        }
        Self::parts(der).unwrap_or(Err(VerifyError::Key("it is malformed")))
    }

    /// `None` where the structure is broken; the inner error where it is sound and we do not take it.
    fn parts(der: &'a [u8]) -> Option<Result<Self, VerifyError>> {
        let mut outer = tlv::single(der, tag::SEQUENCE).ok()?.reader();
        let mut algorithm = outer.expect(tag::SEQUENCE).ok()?.reader();
        let key = whole_octets(outer.expect(tag::BIT_STRING).ok()?.content).ok()?;
        outer.end().ok()?;
        let name = oid_of(algorithm.next().ok()?).ok()?;
        let parameters = algorithm.rest().ok()?;
        Some(match (name, &parameters[..]) {
            (oid::EC, [curve]) if curve.tag == tag::OID => Ok(Self::Ec { curve: oid_of(*curve).ok()?, point: key }),
            (oid::EC, _) => Err(VerifyError::Key("the curve must be named")),
            (oid::RSA, []) => Self::rsa(key),
            (oid::RSA, [null]) if null.whole == [tag::NULL, 0] => Self::rsa(key),
            _ => Err(VerifyError::Key("it must be RSA, ECDSA or SM2")),
        })
    }

    fn rsa(key: &'a [u8]) -> Result<Self, VerifyError> {
        let numbers = || {
            let mut fields = tlv::single(key, tag::SEQUENCE).ok()?.reader();
            let modulus = tlv::magnitude(fields.expect(tag::INTEGER).ok()?.content)?;
            let exponent = tlv::magnitude(fields.expect(tag::INTEGER).ok()?.content)?;
            fields.end().ok()?;
            Some(Self::Rsa { modulus, exponent })
        };
        numbers().ok_or(VerifyError::Key("it is malformed"))
    }

    /// The one canonical encoding of this key: named curve and the point as it is, or NULL parameters.
    pub(crate) fn der(self) -> Vec<u8> {
        let (name, parameters, key) = match self {
            Self::Ec { curve, point } => (oid::EC, tlv::write(tag::OID, &[curve.as_bytes()]), point.to_vec()),
            Self::Rsa { modulus, exponent } => {
                let numbers = [tlv::positive_integer(modulus), tlv::positive_integer(exponent)];
                (oid::RSA, vec![tag::NULL, 0], tlv::write(tag::SEQUENCE, &numbers))
            }
        };
        let name = tlv::write(tag::OID, &[name.as_bytes()]);
        let algorithm = tlv::write(tag::SEQUENCE, &[name, parameters]);
        tlv::write(tag::SEQUENCE, &[algorithm, tlv::write(tag::BIT_STRING, &[&[0][..], &key])])
    }
}
