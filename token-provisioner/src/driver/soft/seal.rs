//! Sealing: Argon2id from a PIN to a key, AES-256-GCM under it.

use argon2::{Algorithm, Argon2, Params, Version};
use ca_core::service::protocol::Blob;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::driver::{Pin, TokenError};

// OWASP password storage cheat sheet, Argon2id: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
// A file from elsewhere must not make us use more.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 16;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const SALT_BYTES: usize = 16;

/// Bytes under AES-256-GCM, the tag at the end.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    nonce: Blob,
    bytes: Blob,
}

/// The master key under a PIN.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrapped {
    memory_kib: u32,
    passes: u32,
    salt: Blob,
    sealed: Sealed,
}

/// Seals the private keys of one token.
pub(super) struct MasterKey(Zeroizing<Vec<u8>>);

impl MasterKey {
    pub(super) fn draw(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
        rng.fill_bytes(&mut key);
        Self(key)
    }

    pub(super) fn seal(&self, plain: &[u8], context: &[u8], rng: &mut dyn CryptoRng) -> Result<Sealed, TokenError> {
        seal(&self.0, plain, context, rng)
    }

    /// The plain bytes, or `None` if they were changed or sealed for another place.
    pub(super) fn open(&self, sealed: &Sealed, context: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.0, sealed, context)
    }
}

pub(super) fn wrap(
    master: &MasterKey,
    pin: &Pin,
    context: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Wrapped, TokenError> {
    let mut salt = vec![0; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    let key = derive(pin, &salt, MEMORY_KIB, PASSES)?;
    let sealed = seal(&key, &master.0, context, rng)?;
    Ok(Wrapped { memory_kib: MEMORY_KIB, passes: PASSES, salt: Blob(salt), sealed })
}

/// The master key, or `None` for a wrong PIN.
pub(super) fn unwrap(wrapped: &Wrapped, pin: &Pin, context: &[u8]) -> Result<Option<MasterKey>, TokenError> {
    if wrapped.memory_kib > MAX_MEMORY_KIB || wrapped.passes > MAX_PASSES {
        return Err(TokenError::Broken("the file asks for too much work".into()));
    }
    let key = derive(pin, &wrapped.salt.0, wrapped.memory_kib, wrapped.passes)?;
    Ok(open(&key, &wrapped.sealed, context).filter(|master| master.len() == KEY_BYTES).map(MasterKey))
}

fn derive(pin: &Pin, salt: &[u8], memory_kib: u32, passes: u32) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    let broken = |e: argon2::Error| TokenError::Broken(format!("Argon2id: {e}"));
    let params = Params::new(memory_kib, passes, 1, Some(KEY_BYTES)).map_err(broken)?;
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.expose().as_bytes(), salt, &mut key)
        .map_err(broken)?;
    Ok(key)
}

fn seal(key: &[u8], plain: &[u8], context: &[u8], rng: &mut dyn CryptoRng) -> Result<Sealed, TokenError> {
    let mut nonce = vec![0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let mut tag = [0; TAG_BYTES];
    let mut bytes = encrypt_aead(Cipher::aes_256_gcm(), key, Some(&nonce), context, plain, &mut tag)
        .map_err(|e| TokenError::Broken(format!("AES-256-GCM: {e}")))?;
    bytes.extend_from_slice(&tag);
    Ok(Sealed { nonce: Blob(nonce), bytes: Blob(bytes) })
}

fn open(key: &[u8], sealed: &Sealed, context: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if sealed.nonce.0.len() != NONCE_BYTES {
        return None;
    }
    let (bytes, tag) = sealed.bytes.0.split_at_checked(sealed.bytes.0.len().checked_sub(TAG_BYTES)?)?;
    decrypt_aead(Cipher::aes_256_gcm(), key, Some(&sealed.nonce.0), context, bytes, tag).ok().map(Zeroizing::new)
}
