//! Keys in sealed files.
//!
//! For: CA keys where there is no HSM, responder keys, and file tokens. The file is JSON: a header in the
//! clear and the PKCS#8 key under AES-256-GCM, with a key that Argon2id derives from a passphrase. The header
//! is authenticated, so nobody can put another public key or cheaper parameters beside the sealed one without
//! notice. An attacker who can read the file can guess passphrases at the cost that the header names; one who
//! can also read the passphrase has the key. Never writes over a file.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sha::{Sha256, Sha384};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::sm2::Sm2Key;
use super::{Passphrase, SignError, Signer};
use crate::durable;
use crate::envelope::PrivateOperation;
use crate::envelope::software::{self, OperationError};
use crate::keys::sm2::spki_of;
use crate::keys::{KeyKind, SignatureAlgorithm, Sm2Id, good_key};

const FORMAT: &str = "yinxin-sealed-key";
const VERSION: u32 = 1;
const MAX_FILE_BYTES: u64 = 64 * 1024;
const TAG_BYTES: usize = 16;

/// What deriving the file's key costs whoever opens it, or guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// For real keys: 64 MiB, three passes (RFC 9106 §4, second choice, with one lane).
    pub const STRONG: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// For tests and demonstrations: guessing is cheap.
    pub const WEAK: Self = Self { memory_kib: 64, passes: 1, lanes: 1 };

    // More than a file may ask of us: else a changed file could use up the machine.
    const MAX: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 8 };

    pub(crate) const fn allowed(self) -> bool {
        self.memory_kib <= Self::MAX.memory_kib && self.passes <= Self::MAX.passes && self.lanes <= Self::MAX.lanes
    }
}

/// Why a sealed key cannot be made, kept or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read or written, or is there already.
    #[error("the sealed key file: {0}")]
    Io(#[from] std::io::Error),
    /// The file is no sealed key of a version that we know.
    #[error("not a sealed key file: {0}")]
    Malformed(String),
    /// The passphrase is wrong, or the file was changed: the two look alike.
    #[error("the passphrase is wrong, or the sealed key was changed")]
    WrongPassphrase,
    /// OpenSSL or Argon2 refused.
    #[error("the key: {0}")]
    Crypto(String),
}

impl From<ErrorStack> for SealError {
    fn from(error: ErrorStack) -> Self {
        Self::Crypto(error.to_string())
    }
}

/// What stands in the file, readable without the passphrase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    key: KeyKind,
    public_key: String,
    cost: Cost,
    salt: String,
    nonce: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFile {
    header: Header,
    sealed: String,
}

/// A private key in memory, parsed once and ready to sign. No Debug; overwritten when it is dropped.
pub struct SoftKey {
    kind: KeyKind,
    private: Material,
    spki: Vec<u8>,
    sm2_id: Sm2Id,
}

enum Material {
    OpenSsl(PKey<Private>),
    /// A NIST key, with what signs without OpenSSL's looking its algorithms up each time.
    Ec(PKey<Private>, EcKey<Private>),
    /// In one place of the heap, so that moves leave no copies of it.
    Sm2(Box<Sm2Key>),
}

impl SoftKey {
    /// Makes a new key. OpenSSL's own generator makes it, not an rng of ours.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn generate(kind: KeyKind) -> Result<Self, SealError> {
        let ec = |curve| {
            EcGroup::from_curve_name(curve).and_then(|group| EcKey::generate(&group)).and_then(PKey::from_ec_key)
        };
        let rsa = |bits| Rsa::generate(bits).and_then(PKey::from_rsa);
        let private = match kind {
            KeyKind::P256 => ec(Nid::X9_62_PRIME256V1)?,
            KeyKind::P384 => ec(Nid::SECP384R1)?,
            KeyKind::Rsa2048 => rsa(2048)?,
            KeyKind::Rsa3072 => rsa(3072)?,
            KeyKind::Rsa4096 => rsa(4096)?,
            KeyKind::Sm2 => return Self::from_private(Material::Sm2(Box::new(Sm2Key::generate()?))),
        };
        Self::from_private(Material::OpenSsl(private))
    }

    fn from_pkcs8(kind: KeyKind, der: &[u8]) -> Result<Self, SealError> {
        Self::from_private(match kind {
            KeyKind::Sm2 => Material::Sm2(Box::new(Sm2Key::from_pkcs8(der)?)),
            _ => Material::OpenSsl(PKey::private_key_from_pkcs8(der)?),
        })
    }

    fn from_private(private: Material) -> Result<Self, SealError> {
        let private = match private {
            Material::OpenSsl(key) => match key.ec_key() {
                Ok(ec) => Material::Ec(key, ec),
                Err(_) => Material::OpenSsl(key),
            },
            other => other,
        };
        let spki = match &private {
            Material::OpenSsl(key) | Material::Ec(key, _) => key.public_key_to_der()?,
            Material::Sm2(key) => spki_of(key.public()),
        };
        let kind = good_key::check(&spki).map_err(|error| SealError::Crypto(error.to_string()))?;
        Ok(Self { kind, private, spki, sm2_id: Sm2Id::STANDARD })
    }

    /// The same key, signing under another SM2 id than the standard one. For other keys the id means nothing.
    #[must_use]
    pub fn with_sm2_id(mut self, id: Sm2Id) -> Self {
        self.sm2_id = id;
        self
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Does with this key what opening an envelope asks.
    ///
    /// # Errors
    /// [`OperationError`].
    pub fn perform(&self, operation: PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, OperationError> {
        let pkcs8 = self.pkcs8().map_err(|_| OperationError::Kind)?;
        software::perform(&pkcs8, operation)
    }

    /// The bytes of a sealed file with this key.
    ///
    /// # Errors
    /// [`SealError::Crypto`].
    pub fn seal<R: RngCore + CryptoRng + ?Sized>(
        &self,
        passphrase: &Passphrase,
        cost: Cost,
        rng: &mut R,
    ) -> Result<Vec<u8>, SealError> {
        if !cost.allowed() {
            return Err(SealError::Crypto("the cost is higher than opening allows".into()));
        }
        let (mut salt, mut nonce) = ([0_u8; 16], [0_u8; 12]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut nonce);
        let header = Header {
            format: FORMAT.into(),
            version: VERSION,
            key: self.kind,
            public_key: BASE64.encode(&self.spki),
            cost,
            salt: BASE64.encode(salt),
            nonce: BASE64.encode(nonce),
        };
        let key = derive(passphrase, &salt, cost)?;
        let plain = self.pkcs8()?;
        let mut tag = [0_u8; TAG_BYTES];
        let mut sealed =
            encrypt_aead(Cipher::aes_256_gcm(), &*key, Some(&nonce), &authenticated(&header)?, &plain, &mut tag)?;
        sealed.extend_from_slice(&tag);
        let file = SealedFile { header, sealed: BASE64.encode(sealed) };
        let mut bytes = serde_json::to_vec_pretty(&file).map_err(|error| SealError::Malformed(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match &self.private {
            Material::OpenSsl(key) | Material::Ec(key, _) => Ok(Zeroizing::new(key.private_key_to_pkcs8()?)),
            Material::Sm2(key) => key.to_pkcs8(),
        }
    }

    /// Seals the key into a new file that only the owner may read.
    ///
    /// # Errors
    /// [`SealError::Io`] if something is there already; nothing is overwritten.
    pub fn save<R: RngCore + CryptoRng + ?Sized>(
        &self,
        path: &Path,
        passphrase: &Passphrase,
        cost: Cost,
        rng: &mut R,
    ) -> Result<(), SealError> {
        let bytes = self.seal(passphrase, cost, rng)?;
        Ok(durable::create(path, &bytes, durable::PRIVATE)?)
    }

    /// Opens the bytes of a sealed file.
    ///
    /// # Errors
    /// [`SealError::WrongPassphrase`] or [`SealError::Malformed`].
    pub fn unseal(bytes: &[u8], passphrase: &Passphrase) -> Result<Self, SealError> {
        let file = read(bytes)?;
        let decode = |text: &str| BASE64.decode(text).map_err(|error| SealError::Malformed(error.to_string()));
        let (salt, nonce, sealed) = (decode(&file.header.salt)?, decode(&file.header.nonce)?, decode(&file.sealed)?);
        if salt.len() < 16 || nonce.len() != 12 || sealed.len() <= TAG_BYTES {
            return Err(SealError::Malformed("salt, nonce or sealed key is too short".into()));
        }
        let key = derive(passphrase, &salt, file.header.cost)?;
        let (sealed, tag) = sealed.split_at(sealed.len() - TAG_BYTES);
        let header = authenticated(&file.header)?;
        let plain = decrypt_aead(Cipher::aes_256_gcm(), &*key, Some(&nonce), &header, sealed, tag)
            .map_err(|_| SealError::WrongPassphrase)?;
        let opened = Self::from_pkcs8(file.header.key, &Zeroizing::new(plain))?;
        if opened.kind != file.header.key || BASE64.encode(&opened.spki) != file.header.public_key {
            return Err(SealError::Malformed("the public key is not that of the sealed one".into()));
        }
        Ok(opened)
    }

    /// Opens a sealed file.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, SealError> {
        Self::unseal(&bytes_of(path)?, passphrase)
    }
}

/// Kind and SubjectPublicKeyInfo of a sealed file, without its passphrase and unverified: enough to show what
/// is there.
///
/// # Errors
/// [`SealError`].
pub fn peek(path: &Path) -> Result<(KeyKind, Vec<u8>), SealError> {
    let header = read(&bytes_of(path)?)?.header;
    let spki = BASE64.decode(&header.public_key).map_err(|error| SealError::Malformed(error.to_string()))?;
    Ok((header.key, spki))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, SealError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(SealError::Malformed("the file is too long".into()));
    }
    Ok(bytes)
}

fn read(bytes: &[u8]) -> Result<SealedFile, SealError> {
    let file: SealedFile = serde_json::from_slice(bytes).map_err(|error| SealError::Malformed(error.to_string()))?;
    if file.header.format != FORMAT || file.header.version != VERSION {
        return Err(SealError::Malformed(format!("format {} version {}", file.header.format, file.header.version)));
    }
    if !file.header.cost.allowed() {
        return Err(SealError::Malformed("opening it would cost too much".into()));
    }
    Ok(file)
}

/// The bytes of the header that the seal covers: its compact JSON, fields in the order of [`Header`].
fn authenticated(header: &Header) -> Result<Vec<u8>, SealError> {
    serde_json::to_vec(header).map_err(|error| SealError::Malformed(error.to_string()))
}

pub(crate) fn derive(passphrase: &Passphrase, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let refuse = |error: argon2::Error| SealError::Crypto(error.to_string());
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(refuse)?;
    let mut key = Zeroizing::new([0_u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose(), salt, &mut *key)
        .map_err(refuse)?;
    Ok(key)
}

impl Signer for SoftKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.kind.signature_algorithm()
    }

    fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    fn sm2_id(&self) -> &Sm2Id {
        &self.sm2_id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.private {
            Material::OpenSsl(key) => openssl::sign::Signer::new(self.algorithm().digest(), key)
                .and_then(|mut signer| signer.sign_oneshot_to_vec(message))
                .map_err(unusable),
            Material::Ec(_, key) => {
                let signature = if self.algorithm() == SignatureAlgorithm::EcdsaSha384 {
                    let mut digest = Sha384::new();
                    digest.update(message);
                    EcdsaSig::sign(&digest.finish(), key)
                } else {
                    let mut digest = Sha256::new();
                    digest.update(message);
                    EcdsaSig::sign(&digest.finish(), key)
                };
                signature.and_then(|signature| signature.to_der()).map_err(unusable)
            }
            Material::Sm2(key) => {
                let mut hasher = key.hasher(&self.sm2_id);
                hasher.update(message);
                key.sign(&hasher.finish())
            }
        }
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.private {
            Material::OpenSsl(key) | Material::Ec(key, _) => {
                let signed = || {
                    let mut context = PkeyCtx::new(key)?;
                    context.sign_init()?;
                    if self.algorithm().is_rsa() {
                        context.set_rsa_padding(Padding::PKCS1)?;
                    }
                    let wide = self.algorithm() == SignatureAlgorithm::EcdsaSha384;
                    // OpenSSL then refuses what is not as long as such a digest.
                    context.set_signature_md(if wide { Md::sha384() } else { Md::sha256() })?;
                    let mut signature = Vec::new();
                    context.sign_to_vec(digest, &mut signature)?;
                    Ok(signature)
                };
                signed().map_err(unusable)
            }
            Material::Sm2(key) => {
                let e = digest.try_into().map_err(|_| SignError::Unusable("no digest of SM3".into()))?;
                key.sign(e)
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the function of map_err")]
fn unusable(error: ErrorStack) -> SignError {
    SignError::Unusable(error.to_string())
}

#[cfg(test)]
#[path = "soft_tests.rs"]
mod tests;
