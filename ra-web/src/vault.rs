//! Encrypts personal data at rest: AES-256-GCM under the field key.
//!
//! For: resident numbers in the database, scans in the evidence folder. Trusts the key file. Whoever has the
//! database or the folder but not the key reads neither. Never logs plain text; keys are wiped when dropped.

use std::path::Path;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rand::RngCore;
use zeroize::Zeroizing;

use crate::Chance;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The field key. No Debug; wiped when dropped.
pub struct FieldKey(Zeroizing<[u8; 32]>);

/// Why something cannot be encrypted or read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read.
    #[error("the field key file cannot be used")]
    File(#[from] std::io::Error),
    /// The key file does not hold 64 hex digits.
    #[error("the field key file must hold 64 hex digits")]
    Key,
    /// Changed, cut off, of another place, or sealed under another key.
    #[error("sealed data that does not open: it was changed, or the field key is another")]
    Opened,
    /// The cipher failed.
    #[error("the cipher failed: {0}")]
    Cipher(#[from] openssl::error::ErrorStack),
}

impl FieldKey {
    /// Reads the key: 64 hex digits.
    ///
    /// # Errors
    /// [`VaultError::File`] or [`VaultError::Key`].
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        let text = Zeroizing::new(std::fs::read_to_string(path)?);
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), &mut *key).map_err(|_| VaultError::Key)?;
        Ok(Self(key))
    }

    /// Draws a key and writes it where no file is yet, readable by the owner alone.
    ///
    /// # Errors
    /// [`VaultError::File`], also when there is a file.
    pub fn found(path: &Path, chance: &Chance) -> Result<(), VaultError> {
        let mut key = Zeroizing::new([0_u8; 32]);
        draw(chance, &mut *key);
        let text = Zeroizing::new(format!("{}\n", hex::encode(*key)));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(ca_core::durable::create(path, text.as_bytes(), ca_core::durable::PRIVATE)?)
    }

    /// A key of given bytes.
    #[must_use]
    pub fn of(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// Seals bytes to a place: nonce, ciphertext, tag. `place` says what it is (a case number, a hash); it
    /// must be the same to open, so that sealed fields cannot be exchanged for each other.
    ///
    /// # Errors
    /// [`VaultError::Cipher`].
    pub fn seal(&self, place: &str, plain: &[u8], chance: &Chance) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        draw(chance, &mut nonce);
        let mut tag = [0; TAG_BYTES];
        let sealed = encrypt_aead(Cipher::aes_256_gcm(), &*self.0, Some(&nonce), place.as_bytes(), plain, &mut tag)?;
        Ok([&nonce[..], &sealed, &tag].concat())
    }

    /// A keyed hash (HMAC-SHA256): finds equal values without opening any, and tells nothing to whoever has not the key.
    ///
    /// # Errors
    /// [`VaultError::Cipher`].
    pub fn fingerprint(&self, place: &str, plain: &[u8]) -> Result<[u8; 32], VaultError> {
        let key = PKey::hmac(&*self.0)?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        for part in [b"fingerprint".as_slice(), place.as_bytes(), plain] {
            signer.update(&(part.len() as u64).to_be_bytes())?;
            signer.update(part)?;
        }
        let mut hash = [0; 32];
        signer.sign(&mut hash)?;
        Ok(hash)
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Opened`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(VaultError::Opened)?;
        let (sealed, tag) = rest.len().checked_sub(TAG_BYTES).map(|at| rest.split_at(at)).ok_or(VaultError::Opened)?;
        decrypt_aead(Cipher::aes_256_gcm(), &*self.0, Some(nonce), place.as_bytes(), sealed, tag)
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Opened)
    }
}

fn draw(chance: &Chance, bytes: &mut [u8]) {
    chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance_from_seed;

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let (key, chance) = (FieldKey::of([7; 32]), chance_from_seed(1));
        let sealed = key.seal("case 1", b"11010519491231002X", &chance).expect("sealed");
        assert_eq!(key.open("case 1", &sealed).expect("opened").as_slice(), b"11010519491231002X");
        assert!(!sealed.windows(6).any(|w| w == b"110105"));
        assert!(matches!(key.open("case 2", &sealed), Err(VaultError::Opened)));
        assert!(matches!(FieldKey::of([8; 32]).open("case 1", &sealed), Err(VaultError::Opened)));
        for at in [0, 12, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(matches!(key.open("case 1", &changed), Err(VaultError::Opened)));
        }
        assert!(matches!(key.open("case 1", &sealed[..20]), Err(VaultError::Opened)));
    }

    #[test]
    fn equal_values_have_equal_fingerprints_under_one_key_and_at_one_place() {
        let (key, other) = (FieldKey::of([7; 32]), FieldKey::of([8; 32]));
        let mark = |key: &FieldKey, place: &str, plain: &[u8]| key.fingerprint(place, plain).expect("a hash");
        assert_eq!(mark(&key, "id", b"1"), mark(&key, "id", b"1"));
        assert_ne!(mark(&key, "id", b"1"), mark(&other, "id", b"1"));
        assert_ne!(mark(&key, "id", b"1"), mark(&key, "id1", b""));
    }

    #[test]
    fn a_key_file_is_founded_once_and_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("field.key");
        FieldKey::found(&path, &chance_from_seed(2)).expect("founded");
        assert!(FieldKey::found(&path, &chance_from_seed(3)).is_err());
        assert!(FieldKey::read(&path).is_ok());
        std::fs::write(&path, "not hex").expect("written");
        assert!(matches!(FieldKey::read(&path), Err(VaultError::Key)));
    }
}
