//! A public key, read once and used often.

use std::sync::{Arc, LazyLock};

use const_oid::ObjectIdentifier;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::Hasher;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sha::Sha256;
use spki::AlgorithmIdentifierOwned;

use super::spki::Spki;
use super::verify::VerifyError;
use super::{SignatureAlgorithm, Sm2Id, oid, sm2};
use crate::tlv::{self, tag};

/// A public key that may have made a signature: RSA of 2048 to 8192 bits, P-256, P-384 or SM2.
///
/// Reading costs about as much as verifying, so whoever checks many signatures of one key keeps one of these;
/// clones share it. Says nothing about whose key it is, nor whether it is fit for a certificate
/// ([`super::good_key`]).
#[derive(Clone)]
pub struct PublicKey {
    spki: Arc<[u8]>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Ec(EcKey<Public>),
    Rsa(PKey<Public>),
    Sm2(sm2::VerifyingKey),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo. An SM2 key verifies under the standard id.
    ///
    /// # Errors
    /// [`VerifyError::Key`].
    pub fn read(spki_der: &[u8]) -> Result<Self, VerifyError> {
        Self::under(spki_der, &Sm2Id::STANDARD)
    }

    /// Reads a SubjectPublicKeyInfo whose SM2 signatures are made under this id. For other keys the id
    /// means nothing.
    ///
    /// # Errors
    /// [`VerifyError::Key`].
    pub fn under(spki_der: &[u8], id: &Sm2Id) -> Result<Self, VerifyError> {
        let material = match Spki::read(spki_der)? {
            Spki::Ec { curve: oid::SM2, point } => Material::Sm2(sm2::VerifyingKey::new(point, id)?),
            Spki::Ec { curve, point } => Material::Ec(ec_key(curve, point)?),
            Spki::Rsa { modulus, exponent } => Material::Rsa(rsa_key(modulus, exponent)?),
        };
        Ok(Self { spki: spki_der.into(), material })
    }

    /// The SubjectPublicKeyInfo, as it was read.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The algorithm with which we let such a key sign: the one of its kind, as
    /// [`super::KeyKind::signature_algorithm`] says.
    #[must_use]
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        match &self.material {
            Material::Ec(key) if key.group().degree() > 256 => SignatureAlgorithm::EcdsaSha384,
            Material::Ec(_) => SignatureAlgorithm::EcdsaSha256,
            Material::Rsa(_) => SignatureAlgorithm::RsaSha256,
            Material::Sm2(_) => SignatureAlgorithm::Sm2Sm3,
        }
    }

    /// Checks that this key made `signature` (the content of the BIT STRING or OCTET STRING) over `message`
    /// with the algorithm that an identifier names.
    ///
    /// # Errors
    /// [`VerifyError`]; nothing about the message may be believed then.
    pub fn verify(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let algorithm = SignatureAlgorithm::from_identifier(algorithm).ok_or(VerifyError::Algorithm(algorithm.oid))?;
        self.verify_with(algorithm, message, signature)
    }

    /// [`Self::verify`] for an algorithm that is known already.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_with(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let mut digest = self.begin(algorithm)?;
        digest.update(message)?;
        self.verify_digest(algorithm, &digest.finish()?, signature)
    }

    /// Begins the digest that a signature by this key with this algorithm is over.
    pub(super) fn begin(&self, algorithm: SignatureAlgorithm) -> Result<Digest, VerifyError> {
        match &self.material {
            Material::Ec(_) if algorithm.is_ecdsa() => Digest::plain(algorithm),
            Material::Rsa(_) if algorithm.is_rsa() => Digest::plain(algorithm),
            Material::Sm2(key) if algorithm == SignatureAlgorithm::Sm2Sm3 => Ok(Digest::Sm2(key.hasher())),
            _ => Err(VerifyError::Key("it does not go with the signature algorithm")),
        }
    }

    /// Checks a signature over what [`Self::begin`] began with the same algorithm.
    pub(super) fn verify_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let verdict = match &self.material {
            Material::Ec(key) => ecdsa(key, digest, signature),
            Material::Rsa(key) => rsa(key, algorithm, digest, signature).ok(),
            Material::Sm2(key) => Some(key.verify(digest, signature)),
        };
        if verdict == Some(true) { Ok(()) } else { Err(VerifyError::Signature) }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?})", self.signature_algorithm())
    }
}

/// Whether a key is one, without keeping it: a point on its curve, a modulus of a size that we take.
///
/// # Errors
/// [`VerifyError::Key`].
pub(super) fn examine(key: Spki<'_>) -> Result<(), VerifyError> {
    match key {
        Spki::Ec { curve: oid::SM2, point } => sm2::VerifyingKey::new(point, &Sm2Id::STANDARD).map(drop),
        Spki::Ec { curve, point } => ec_point(curve, point).map(drop),
        Spki::Rsa { modulus, exponent } => rsa_key(modulus, exponent).map(drop),
    }
}

/// The digest of a message on its way.
pub(super) enum Digest {
    /// Without the ceremony of OpenSSL's general hashers: certificates are hashed by the thousand.
    Sha256(Sha256),
    Plain(Hasher),
    Sm2(sm2::Hasher),
}

impl Digest {
    fn plain(algorithm: SignatureAlgorithm) -> Result<Self, VerifyError> {
        if algorithm.digest_oid() == oid::SHA256 {
            return Ok(Self::Sha256(Sha256::new()));
        }
        Hasher::new(algorithm.digest()).map(Self::Plain).map_err(|_| VerifyError::Key("OpenSSL does not take it"))
    }

    pub(super) fn update(&mut self, piece: &[u8]) -> Result<(), VerifyError> {
        match self {
            Self::Sha256(hasher) => hasher.update(piece),
            Self::Plain(hasher) => return hasher.update(piece).map_err(|_| VerifyError::Signature),
            Self::Sm2(hasher) => hasher.update(piece),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, VerifyError> {
        match self {
            Self::Sha256(hasher) => Ok(hasher.finish().to_vec()),
            Self::Plain(mut hasher) => {
                hasher.finish().map(|digest| digest.to_vec()).map_err(|_| VerifyError::Signature)
            }
            Self::Sm2(hasher) => Ok(hasher.finish().to_vec()),
        }
    }
}

/// OpenSSL itself refuses r and s outside 1..n-1. `None` for a signature that is not in DER of one spelling.
fn ecdsa(key: &EcKey<Public>, digest: &[u8], signature: &[u8]) -> Option<bool> {
    let mut fields = tlv::single(signature, tag::SEQUENCE).ok()?.reader();
    let r = BigNum::from_slice(tlv::magnitude(fields.expect(tag::INTEGER).ok()?.content)?).ok()?;
    let s = BigNum::from_slice(tlv::magnitude(fields.expect(tag::INTEGER).ok()?.content)?).ok()?;
    fields.end().ok()?;
    EcdsaSig::from_private_components(r, s).ok()?.verify(digest, key).ok()
}

fn rsa(key: &PKey<Public>, algorithm: SignatureAlgorithm, digest: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    context.set_rsa_padding(Padding::PKCS1)?;
    context.set_signature_md(if algorithm == SignatureAlgorithm::RsaSha384 { Md::sha384() } else { Md::sha256() })?;
    context.verify(digest, signature)
}

fn ec_key(curve: ObjectIdentifier, point: &[u8]) -> Result<EcKey<Public>, VerifyError> {
    let (group, point) = ec_point(curve, point)?;
    EcKey::from_public_key(group, &point).map_err(|_| VerifyError::Key("the point is not on the curve"))
}

fn ec_point(curve: ObjectIdentifier, point: &[u8]) -> Result<(&'static EcGroup, EcPoint), VerifyError> {
    static P256: LazyLock<Option<EcGroup>> = LazyLock::new(|| EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok());
    static P384: LazyLock<Option<EcGroup>> = LazyLock::new(|| EcGroup::from_curve_name(Nid::SECP384R1).ok());
    let group = match curve {
        oid::P256 => &P256,
        oid::P384 => &P384,
        _ => return Err(VerifyError::Key("the curve must be P-256, P-384 or that of SM2")),
    };
    let group = group.as_ref().ok_or(VerifyError::Key("OpenSSL does not know the curve"))?;
    // SEC 1 §2.3.4: one octet of zero is the point at infinity, which is no key.
    if point.len() < 2 {
        return Err(VerifyError::Key("the point is not on the curve"));
    }
    // Both curves have cofactor 1: a point on the curve, other than infinity, has the group's order. OpenSSL
    // refuses points that are off the curve.
    let point = BigNumContext::new().and_then(|mut context| EcPoint::from_bytes(group, point, &mut context));
    Ok((group, point.map_err(|_| VerifyError::Key("the point is not on the curve"))?))
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Result<PKey<Public>, VerifyError> {
    let key = || {
        let rsa = Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?;
        PKey::from_rsa(rsa)
    };
    let key = key().map_err(|_: ErrorStack| VerifyError::Key("it is malformed"))?;
    if (2048..=8192).contains(&key.bits()) { Ok(key) } else { Err(VerifyError::Key("RSA must have 2048 to 8192 bits")) }
}
