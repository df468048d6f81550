//! The admin PIN of each token (`domain.md` §1.7): derived from one sealed key and the token's serial number, so that no
//! two tokens share one, and none is kept.
//!
//! The key is drawn once and lies in the database, sealed under the field key: who has the database alone has no PIN.
//! A PIN leaves this house in two ways only, each written into the audit: in the answer to a grant, and in the list with
//! which tokens are formatted (`ra-web stock`).

use ca_core::domain::Timestamp;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use rand::RngCore as _;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::TokenNumber;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::store::Tx;
use crate::vault::VaultError;

/// Where the sealed key belongs.
const PLACE: &str = "master key of admin PINs";
/// What is derived; another purpose would have another text.
const PURPOSE: &[u8] = b"yinxin admin PIN v1\0";
/// As many characters as a token's PIN may have; 80 bits.
const CHARS: usize = 16;
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// An admin PIN. No Debug; wiped when dropped.
pub struct AdminPin(Zeroizing<String>);

impl AdminPin {
    /// The characters, for the list with which tokens are formatted.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Serialize for AdminPin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The key of which admin PINs are derived.
pub(crate) struct Master(Zeroizing<Vec<u8>>);

impl Master {
    /// The PIN of one token.
    pub(crate) fn pin_of(&self, token: &TokenNumber) -> Result<AdminPin, VaultError> {
        let key = PKey::hmac(&self.0)?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.update(PURPOSE)?;
        signer.update(token.as_str().as_bytes())?;
        let mac = Zeroizing::new(signer.sign_to_vec()?);
        let chars = mac.iter().take(CHARS).map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Ok(AdminPin(Zeroizing::new(chars.collect())))
    }
}

impl Desk {
    /// The key of admin PINs, drawn when there is none yet.
    pub(crate) async fn token_master(&self, tx: &mut Box<dyn Tx>, now: Timestamp) -> Result<Master, OfficeError> {
        if tx.token_master().await?.is_none() {
            let mut key = Zeroizing::new([0_u8; 32]);
            self.draw().fill_bytes(&mut *key);
            tx.add_token_master(&self.vault.seal(PLACE, &*key, &self.chance)?, now).await?;
        }
        let sealed = tx.token_master().await?.ok_or(OfficeError::NotFound)?;
        Ok(Master(self.vault.open(PLACE, &sealed)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(key: u8, token: &str) -> String {
        let master = Master(Zeroizing::new(vec![key; 32]));
        master.pin_of(&token.parse().expect("a number")).expect("derived").expose().to_owned()
    }

    #[test]
    fn each_token_and_each_house_has_a_pin_of_its_own() {
        assert_eq!(pin(1, "YX01"), pin(1, "YX01"));
        assert_ne!(pin(1, "YX01"), pin(1, "YX02"));
        assert_ne!(pin(1, "YX01"), pin(2, "YX01"));
        assert!((6..=16).contains(&pin(1, "YX01").len()));
    }
}
