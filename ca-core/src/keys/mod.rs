//! Public keys: what kinds we accept, and whether they made a signature.
//!
//! For: everything that checks a signature, in the authority, the sites, the responder and the token agent.
//! Trusts OpenSSL for the arithmetic. Never holds a private key; that is `signer`, behind feature `sign`.
//!
//! To add an algorithm (SM2, say): a variant of [`KeyKind`] and of [`SignatureAlgorithm`], and one arm in each
//! function of this file and of [`verify`] that the compiler then asks for.

pub mod csr;
pub mod good_key;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;

use const_oid::ObjectIdentifier;
use der::asn1::Any;
use openssl::hash::MessageDigest;
use spki::AlgorithmIdentifierOwned;

use crate::domain::KeyAlgorithm;

/// OIDs of keys, signatures and digests.
pub mod oid {
    use const_oid::ObjectIdentifier;

    /// rsaEncryption.
    pub const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    /// id-ecPublicKey.
    pub const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    /// secp256r1.
    pub const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    /// secp384r1.
    pub const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    /// sha256WithRSAEncryption.
    pub const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
    /// sha384WithRSAEncryption.
    pub const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
    /// ecdsa-with-SHA256.
    pub const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
    /// ecdsa-with-SHA384.
    pub const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
    /// id-sha256.
    pub const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
    /// id-sha384.
    pub const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
}

/// A kind of key that may stand in our certificates or sign them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    #[serde(rename = "P-256")]
    P256,
    /// ECDSA on NIST P-384.
    #[serde(rename = "P-384")]
    P384,
    /// RSA of 2048 bits.
    #[serde(rename = "RSA-2048")]
    Rsa2048,
    /// RSA of 3072 bits.
    #[serde(rename = "RSA-3072")]
    Rsa3072,
    /// RSA of 4096 bits.
    #[serde(rename = "RSA-4096")]
    Rsa4096,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::P256, Self::P384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// The name in configuration and profiles, e.g. `P-256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
        }
    }

    /// The one signature algorithm with which we let such a key sign.
    #[must_use]
    pub const fn signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::P256 => SignatureAlgorithm::EcdsaSha256,
            Self::P384 => SignatureAlgorithm::EcdsaSha384,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => SignatureAlgorithm::RsaSha256,
        }
    }
}

impl From<KeyAlgorithm> for KeyKind {
    fn from(ordered: KeyAlgorithm) -> Self {
        match ordered {
            KeyAlgorithm::P256 => Self::P256,
            KeyAlgorithm::Rsa2048 => Self::Rsa2048,
        }
    }
}

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
        }
    }

    /// The AlgorithmIdentifier that certificates carry: parameters NULL for RSA (RFC 4055 §5), absent for
    /// ECDSA (RFC 5758 §3.2).
    #[must_use]
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let parameters = match self {
            Self::EcdsaSha256 | Self::EcdsaSha384 => None,
            Self::RsaSha256 | Self::RsaSha384 => Some(Any::null()),
        };
        AlgorithmIdentifierOwned { oid: self.oid(), parameters }
    }

    /// [`Self::identifier`] in DER.
    #[must_use]
    pub fn identifier_der(self) -> Vec<u8> {
        let oid = crate::tlv::write(crate::tlv::tag::OID, &[self.oid().as_bytes()]);
        let parameters: &[u8] = match self {
            Self::EcdsaSha256 | Self::EcdsaSha384 => &[],
            Self::RsaSha256 | Self::RsaSha384 => &[crate::tlv::tag::NULL, 0],
        };
        crate::tlv::write(crate::tlv::tag::SEQUENCE, &[&oid[..], parameters])
    }

    /// The algorithm that an identifier names, or `None` if we do not take it: SHA-1, PSS, strange parameters.
    #[must_use]
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        let none = identifier.parameters.is_none();
        // RFC 4055 §5: RSA parameters are NULL; absent ones are to be accepted as well.
        let null_or_none = identifier.parameters.as_ref().is_none_or(Any::is_null);
        match identifier.oid {
            oid::ECDSA_SHA256 if none => Some(Self::EcdsaSha256),
            oid::ECDSA_SHA384 if none => Some(Self::EcdsaSha384),
            oid::RSA_SHA256 if null_or_none => Some(Self::RsaSha256),
            oid::RSA_SHA384 if null_or_none => Some(Self::RsaSha384),
            _ => None,
        }
    }

    /// The OID of its digest.
    #[must_use]
    pub const fn digest_oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaSha256 | Self::RsaSha256 => oid::SHA256,
            Self::EcdsaSha384 | Self::RsaSha384 => oid::SHA384,
        }
    }

    /// Its digest.
    #[must_use]
    pub fn digest(self) -> MessageDigest {
        match self {
            Self::EcdsaSha256 | Self::RsaSha256 => MessageDigest::sha256(),
            Self::EcdsaSha384 | Self::RsaSha384 => MessageDigest::sha384(),
        }
    }

    /// Whether it is ECDSA.
    #[must_use]
    pub const fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaSha256 | Self::EcdsaSha384)
    }
}
