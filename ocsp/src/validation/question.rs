//! What is asked: a signature in one of three forms, and what it should be over.

use ca_core::keys::SignatureAlgorithm;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the signature is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// CMS SignedData (or that of GM/T 0010) with the message inside.
    CmsAttached,
    /// CMS SignedData without the message.
    CmsDetached,
    /// The signature alone: DER of r and s for ECDSA and SM2, the octets for RSA.
    Raw,
}

/// The algorithm of a raw signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 over SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 over SHA-384.
    RsaSha384,
    /// ECDSA over SHA-256.
    EcdsaSha256,
    /// ECDSA over SHA-384.
    EcdsaSha384,
    /// SM2 over SM3, under the standard id 1234567812345678.
    Sm2Sm3,
}

impl From<Algorithm> for SignatureAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RsaSha256 => Self::RsaSha256,
            Algorithm::RsaSha384 => Self::RsaSha384,
            Algorithm::EcdsaSha256 => Self::EcdsaSha256,
            Algorithm::EcdsaSha384 => Self::EcdsaSha384,
            Algorithm::Sm2Sm3 => Self::Sm2Sm3,
        }
    }
}

impl From<SignatureAlgorithm> for Algorithm {
    fn from(algorithm: SignatureAlgorithm) -> Self {
        match algorithm {
            SignatureAlgorithm::RsaSha256 => Self::RsaSha256,
            SignatureAlgorithm::RsaSha384 => Self::RsaSha384,
            SignatureAlgorithm::EcdsaSha256 => Self::EcdsaSha256,
            SignatureAlgorithm::EcdsaSha384 => Self::EcdsaSha384,
            SignatureAlgorithm::Sm2Sm3 => Self::Sm2Sm3,
        }
    }
}

/// A question whose parts go together; the edge that reads it sees to that.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) form: Form,
    pub(super) signature: Vec<u8>,
    /// Absent only where it is inside of the signature.
    pub(super) message: Option<Vec<u8>>,
    /// Absent only where it is inside of the signature.
    pub(super) certificate: Option<Vec<u8>>,
    /// Of a raw signature, and of no other.
    pub(super) algorithm: Option<Algorithm>,
}
