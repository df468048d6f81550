//! The sealing key: what makes the centre's database worthless without its passphrase.
//!
//! Each escrowed key is sealed with AES-256-GCM under a key of its own, HMAC-SHA-256 of its name under the sealing
//! key, and a random nonce; the name and the public key are authenticated. So a nonce that chance, or a database from
//! a backup, brings a second time meets another key. The sealing key itself lies in a file like those of
//! [`crate::signer::soft`]: Argon2id over a passphrase, header authenticated, never written over.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::Sha256;
use crate::durable;
use crate::envelope::EncryptionKey;
use crate::signer::Passphrase;
use crate::signer::soft::{Cost, SealError, derive};

const FORMAT: &str = "yinxin-sealing-key";
const VERSION: u32 = 1;
const MAX_FILE_BYTES: usize = 4096;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// What every derivation begins with, by purpose.
const ROW: &[u8] = b"yinxin.kmc.row.v1\0";
const FINGERPRINT: &[u8] = b"yinxin.kmc.fingerprint.v1\0";

/// The key that seals. Overwritten when dropped; no Debug.
pub struct SealingKey(Zeroizing<[u8; 32]>);

/// What stands in the file, readable without the passphrase.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
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

impl SealingKey {
    /// Draws a new key.
    pub fn draw<R: RngCore + CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *key);
        Self(key)
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
        let (mut salt, mut nonce) = ([0; 16], [0; NONCE_BYTES]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut nonce);
        let header = Header {
            format: FORMAT.into(),
            version: VERSION,
            cost,
            salt: BASE64.encode(salt),
            nonce: BASE64.encode(nonce),
        };
        let wrapping = derive(passphrase, &salt, cost)?;
        let sealed = encrypt(&*wrapping, &nonce, &authenticated(&header)?, &*self.0)?;
        let file = SealedFile { header, sealed: BASE64.encode(sealed) };
        let mut bytes = serde_json::to_vec_pretty(&file).map_err(malformed)?;
        bytes.push(b'\n');
        Ok(durable::create(path, &bytes, durable::PRIVATE)?)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// [`SealError::WrongPassphrase`], [`SealError::Malformed`] or [`SealError::Io`].
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, SealError> {
        let bytes = std::fs::read(path)?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(malformed("the file is too long"));
        }
        let SealedFile { header, sealed } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if header.format != FORMAT || header.version != VERSION || !header.cost.allowed() {
            return Err(malformed("another format, version or cost"));
        }
        let decode = |text: &str| BASE64.decode(text).map_err(malformed);
        let (salt, nonce, sealed) = (decode(&header.salt)?, decode(&header.nonce)?, decode(&sealed)?);
        if salt.len() != 16 || nonce.len() != NONCE_BYTES {
            return Err(malformed("salt or nonce has another length"));
        }
        let wrapping = derive(passphrase, &salt, header.cost)?;
        let plain = decrypt(&*wrapping, &nonce, &authenticated(&header)?, &sealed);
        let plain = plain.ok_or(SealError::WrongPassphrase)?;
        let key = <[u8; 32]>::try_from(&plain[..]).map_err(malformed)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Tells one sealing key from another, and says nothing of either.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn fingerprint(&self) -> Result<Sha256, ErrorStack> {
        let mut digest = [0; 32];
        digest.copy_from_slice(&self.hmac(FINGERPRINT, &[])?);
        Ok(Sha256(digest))
    }

    /// Seals an encryption key under its name.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub(super) fn seal<R: RngCore + CryptoRng + ?Sized>(
        &self,
        key: &EncryptionKey,
        name: Sha256,
        rng: &mut R,
    ) -> Result<Vec<u8>, ErrorStack> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let sealed = encrypt(&self.hmac(ROW, &name.0)?, &nonce, &bound(name, key.spki_der()), key.pkcs8_der())?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens a sealed encryption key; `None` if it was changed, or belongs to another name or public key.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub(super) fn unseal(&self, sealed: &[u8], name: Sha256, spki: &[u8]) -> Result<Option<EncryptionKey>, ErrorStack> {
        let Some((nonce, sealed)) = sealed.split_at_checked(NONCE_BYTES) else { return Ok(None) };
        let plain = decrypt(&self.hmac(ROW, &name.0)?, nonce, &bound(name, spki), sealed);
        let key = plain.and_then(|plain| EncryptionKey::from_pkcs8(plain).ok());
        Ok(key.filter(|key| key.spki_der() == spki))
    }

    fn hmac(&self, purpose: &[u8], name: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let key = PKey::hmac(&*self.0)?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.update(purpose)?;
        signer.update(name)?;
        signer.sign_to_vec().map(Zeroizing::new)
    }
}

/// What the seal of a row covers beside the key itself.
fn bound(name: Sha256, spki: &[u8]) -> Vec<u8> {
    [ROW, &name.0, spki].concat()
}

fn encrypt(key: &[u8], nonce: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut tag = [0; TAG_BYTES];
    let mut sealed = encrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), aad, plain, &mut tag)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

fn decrypt(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (sealed, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
    decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), aad, sealed, tag).ok().map(Zeroizing::new)
}

/// The bytes of the header that the seal covers: its compact JSON, fields in the order of [`Header`].
fn authenticated(header: &Header) -> Result<Vec<u8>, SealError> {
    serde_json::to_vec(header).map_err(malformed)
}

#[expect(clippy::needless_pass_by_value, reason = "it is the function of map_err")]
fn malformed(error: impl ToString) -> SealError {
    SealError::Malformed(error.to_string())
}
