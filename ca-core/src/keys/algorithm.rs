//! Signature algorithms and how they are named.

use const_oid::ObjectIdentifier;
use der::asn1::Any;
use openssl::hash::MessageDigest;
use spki::AlgorithmIdentifierOwned;

use super::{KeyKind, oid};
use crate::tlv::{self, tag};

/// A signature algorithm with its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ECDSA over SHA-256.
    EcdsaSha256,
    /// ECDSA over SHA-384.
    EcdsaSha384,
    /// RSA PKCS#1 v1.5 over SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 over SHA-384.
    RsaSha384,
    /// SM2 over SM3.
    Sm2Sm3,
}

impl KeyKind {
    /// The one signature algorithm with which we let such a key sign.
    #[must_use]
    pub const fn signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::P256 => SignatureAlgorithm::EcdsaSha256,
            Self::P384 => SignatureAlgorithm::EcdsaSha384,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => SignatureAlgorithm::RsaSha256,
            Self::Sm2 => SignatureAlgorithm::Sm2Sm3,
        }
    }
}

impl SignatureAlgorithm {
    /// Its OID.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaSha256 => oid::ECDSA_SHA256,
            Self::EcdsaSha384 => oid::ECDSA_SHA384,
            Self::RsaSha256 => oid::RSA_SHA256,
            Self::RsaSha384 => oid::RSA_SHA384,
            Self::Sm2Sm3 => oid::SM2_SM3,
        }
    }

    /// The AlgorithmIdentifier that certificates carry: parameters NULL for RSA (RFC 4055 §5), absent for
    /// ECDSA (RFC 5758 §3.2) and SM2.
    #[must_use]
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: self.is_rsa().then(Any::null) }
    }

    /// [`Self::identifier`] in DER.
    #[must_use]
    pub fn identifier_der(self) -> Vec<u8> {
        let oid = tlv::write(tag::OID, &[self.oid().as_bytes()]);
        let parameters: &[u8] = if self.is_rsa() { &[tag::NULL, 0] } else { &[] };
        tlv::write(tag::SEQUENCE, &[&oid[..], parameters])
    }

    /// The algorithm that an identifier names, or `None` if we do not take it: SHA-1, PSS, strange parameters.
    #[must_use]
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        let none = identifier.parameters.is_none();
        // RFC 4055 §5: RSA parameters are NULL; absent ones are to be accepted as well. The field writes NULL
        // for SM2 where others write nothing.
        let null_or_none = identifier.parameters.as_ref().is_none_or(Any::is_null);
        match identifier.oid {
            oid::ECDSA_SHA256 if none => Some(Self::EcdsaSha256),
            oid::ECDSA_SHA384 if none => Some(Self::EcdsaSha384),
            oid::RSA_SHA256 if null_or_none => Some(Self::RsaSha256),
            oid::RSA_SHA384 if null_or_none => Some(Self::RsaSha384),
            oid::SM2_SM3 if null_or_none => Some(Self::Sm2Sm3),
            _ => None,
        }
    }

    /// The OID of its digest.
    #[must_use]
    pub const fn digest_oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaSha256 | Self::RsaSha256 => oid::SHA256,
            Self::EcdsaSha384 | Self::RsaSha384 => oid::SHA384,
            Self::Sm2Sm3 => oid::SM3,
        }
    }

    /// Its digest. A signature by SM2 does not hash the bare message with it: see [`super::sm2::Hasher`].
    #[must_use]
    pub fn digest(self) -> MessageDigest {
        match self {
            Self::EcdsaSha256 | Self::RsaSha256 => MessageDigest::sha256(),
            Self::EcdsaSha384 | Self::RsaSha384 => MessageDigest::sha384(),
            Self::Sm2Sm3 => MessageDigest::sm3(),
        }
    }

    /// Whether it is ECDSA.
    #[must_use]
    pub const fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaSha256 | Self::EcdsaSha384)
    }

    /// Whether it is RSA.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::RsaSha256 | Self::RsaSha384)
    }
}
