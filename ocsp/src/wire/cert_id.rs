//! CertID: which certificate, told by hashes of its issuer's name and key and its serial number.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, IntRef, OctetStringRef};
use der::{Decode as _, Encode as _, Sequence};
use openssl::hash::{MessageDigest, hash};
use spki::AlgorithmIdentifierRef;
use x509_cert::Certificate;

use super::WireError;

/// Hash algorithms by which a CertID may name an issuer.
///
/// Identification, not authentication: SHA-1 is what most clients send (RFC 5019 §2.1.1) and harms nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SM3, by which the field's own clients ask about SM2 certificates.
    Sm3,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sm3];

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        // Constants, so that no text is parsed at each call.
        const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
        const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
        const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
        const SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401");
        match self {
            Self::Sha1 => SHA1,
            Self::Sha256 => SHA256,
            Self::Sha384 => SHA384,
            Self::Sm3 => SM3,
        }
    }

    /// The algorithm of this identifier, if it is one of ours.
    #[must_use]
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.oid() == oid)
    }

    fn digest(self, data: &[u8]) -> Result<Octets, WireError> {
        let digest = match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sm3 => MessageDigest::sm3(),
        };
        let out = hash(digest, data).map_err(|_| WireError::Value("a digest"))?;
        Ok(Octets(out.to_vec()))
    }
}

/// A few octets, shown as hex.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Octets(pub Vec<u8>);

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// An issuer's name and key under one hash algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerHashes {
    /// Under which algorithm.
    pub algorithm: HashAlgorithm,
    /// Hash of the DER subject name.
    pub name: Octets,
    /// Hash of the public key's bits, without tag, length and unused-bits octet.
    pub key: Octets,
}

impl IssuerHashes {
    /// The hashes by which requests will name this issuer.
    ///
    /// # Errors
    /// [`WireError`] when the certificate cannot be encoded again or the library cannot hash.
    pub fn of(issuer: &Certificate, algorithm: HashAlgorithm) -> Result<Self, WireError> {
        let tbs = issuer.tbs_certificate();
        let name = tbs.subject().to_der()?;
        let key = tbs.subject_public_key_info().subject_public_key.raw_bytes();
        Ok(Self { algorithm, name: algorithm.digest(&name)?, key: algorithm.digest(key)? })
    }

    /// DER of the CertID of this issuer's certificate with this serial number (magnitude, big-endian).
    ///
    /// # Errors
    /// [`WireError::Value`] for a serial number of no octets.
    pub fn cert_id(&self, serial: &[u8]) -> Result<Vec<u8>, WireError> {
        let first = *serial.first().ok_or(WireError::Value("an empty serial number"))?;
        let mut content = Vec::with_capacity(serial.len() + 1);
        if first >= 0x80 {
            content.push(0);
        }
        content.extend_from_slice(serial);
        let id = CertId {
            hash_algorithm: AlgorithmIdentifierRef { oid: self.algorithm.oid(), parameters: Some(AnyRef::NULL) },
            issuer_name_hash: OctetStringRef::new(&self.name.0)?,
            issuer_key_hash: OctetStringRef::new(&self.key.0)?,
            serial_number: IntRef::new(&content)?,
        };
        Ok(id.to_der()?)
    }
}

/// ```text
/// CertID ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, issuerNameHash OCTET STRING,
///                       issuerKeyHash OCTET STRING, serialNumber CertificateSerialNumber }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub struct CertId<'a> {
    hash_algorithm: AlgorithmIdentifierRef<'a>,
    issuer_name_hash: &'a OctetStringRef,
    issuer_key_hash: &'a OctetStringRef,
    serial_number: IntRef<'a>,
}

impl<'a> CertId<'a> {
    /// Reads one, with all the limits that keep the number of spellings per certificate small: parameters
    /// absent or NULL, hashes of at most 64 octets, a serial number of at most 20 (21 with its sign).
    ///
    /// # Errors
    /// [`WireError`].
    pub fn parse(der: &'a [u8]) -> Result<Self, WireError> {
        let id = Self::from_der(der)?;
        if id.hash_algorithm.parameters.is_some_and(|parameters| parameters != AnyRef::NULL) {
            return Err(WireError::Value("a hash algorithm with parameters"));
        }
        if id.issuer_name_hash.as_bytes().len() > 64 || id.issuer_key_hash.as_bytes().len() > 64 {
            return Err(WireError::Value("a hash of more than 64 octets"));
        }
        match id.serial_number.as_bytes() {
            [0, rest @ ..] if rest.len() <= 20 => Ok(id),
            other if other.len() <= 20 => Ok(id),
            _ => Err(WireError::Value("a serial number of more than 20 octets")),
        }
    }

    /// Under which algorithm; `None` when it is not one of ours, so that the issuer cannot be either.
    #[must_use]
    pub fn algorithm(&self) -> Option<HashAlgorithm> {
        HashAlgorithm::from_oid(self.hash_algorithm.oid)
    }

    /// The serial number's magnitude, or `None` for zero and negative numbers, which nobody issues.
    #[must_use]
    pub fn serial(&self) -> Option<&'a [u8]> {
        match self.serial_number.as_bytes() {
            [] | [0] => None,
            [0, rest @ ..] => Some(rest),
            [first, ..] if *first >= 0x80 => None,
            all => Some(all),
        }
    }

    /// Whether both mean the same certificate, however they write the hash algorithm's parameters.
    #[must_use]
    pub fn same_certificate(&self, other: &CertId<'_>) -> bool {
        self.hash_algorithm.oid == other.hash_algorithm.oid
            && self.issuer_name_hash == other.issuer_name_hash
            && self.issuer_key_hash == other.issuer_key_hash
            && self.serial_number == other.serial_number
    }

    /// Whether the issuer is the one with these hashes.
    #[must_use]
    pub fn is_by(&self, issuer: &IssuerHashes) -> bool {
        self.hash_algorithm.oid == issuer.algorithm.oid()
            && self.issuer_name_hash.as_bytes() == issuer.name.0
            && self.issuer_key_hash.as_bytes() == issuer.key.0
    }
}
