//! Private keys, as something that signs.
//!
//! For: the authority, the responder and file tokens. A key may live in a sealed file ([`soft`]) or in a
//! PKCS#11 module (`pkcs11`); who uses it cannot tell. Trusts the back end to keep the key. Never gives
//! a private key away, never logs one, never decides what may be signed.
//!
//! Synchronous: from async code call it in `spawn_blocking`.

#[cfg(feature = "pkcs11")]
pub mod pkcs11;
mod sm2;
pub mod soft;

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::keys::stream::Digested;
use crate::keys::{PublicKey, SignatureAlgorithm, Sm2Id};

/// A private key with its public half.
pub trait Signer: Send + Sync {
    /// With which algorithm it signs.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Its SubjectPublicKeyInfo, DER.
    fn spki_der(&self) -> &[u8];

    /// Under which id it signs, if it is an SM2 key.
    fn sm2_id(&self) -> &Sm2Id {
        &Sm2Id::STANDARD
    }

    /// Signs a whole message and answers the content of the signature's BIT STRING: for ECDSA and SM2 the
    /// DER of r and s.
    ///
    /// # Errors
    /// [`SignError`]: nothing was signed.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Signs a message of which there is only the digest, for CRLs that are too big for memory. `digest`: what
    /// [`crate::keys::stream::MessageDigest`] says for this key.
    ///
    /// # Errors
    /// [`SignError`]: nothing was signed.
    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why a key did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Something passing: sessions lost, module busy. The caller may try again.
    #[error("the key cannot sign at this moment: {0}")]
    Retry(String),
    /// The key or its module is broken, locked or of the wrong kind. The operator must act.
    #[error("the key cannot be used: {0}")]
    Unusable(String),
    /// The key is not where configuration says. The operator must act.
    #[error("there is no such key")]
    KeyMissing,
}

/// Signs something and checks it with the public half: what a process does with each key when it starts.
///
/// # Errors
/// [`SignError`] of the key, or [`SignError::Unusable`] if the two halves do not go together.
pub fn probe(signer: &dyn Signer) -> Result<(), SignError> {
    const MESSAGE: &[u8] = b"yinxin.probe.v1";
    let signature = signer.sign(MESSAGE)?;
    PublicKey::under(signer.spki_der(), signer.sm2_id())
        .and_then(|key| key.verify_with(signer.algorithm(), MESSAGE, &signature))
        .map_err(|error| SignError::Unusable(format!("its own signature: {error}")))
}

macro_rules! purpose {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Arc<dyn Signer>);

        impl $name {
            /// Says that this key is for this purpose and no other.
            #[must_use]
            pub fn new(signer: Arc<dyn Signer>) -> Self {
                Self(signer)
            }

            /// With which algorithm it signs.
            #[must_use]
            pub fn algorithm(&self) -> SignatureAlgorithm {
                self.0.algorithm()
            }

            /// Its SubjectPublicKeyInfo, DER.
            #[must_use]
            pub fn spki_der(&self) -> &[u8] {
                self.0.spki_der()
            }

            /// Signs a whole message: see [`Signer::sign`].
            ///
            /// # Errors
            /// [`SignError`]: nothing was signed.
            pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
                self.0.sign(message)
            }

            /// Whether the key works: see [`probe`].
            ///
            /// # Errors
            /// [`SignError`].
            pub fn probe(&self) -> Result<(), SignError> {
                probe(&*self.0)
            }
        }
    };
}

purpose! {
    /// A CA's key, as far as it signs certificates.
    CertKey
}

purpose! {
    /// A CA's key, as far as it signs CRLs.
    CrlKey
}

impl CrlKey {
    /// Signs a CRL that was digested: see [`Signer::sign_digest`].
    ///
    /// # Errors
    /// [`SignError`]: nothing was signed.
    pub fn sign_digested(&self, digested: &Digested) -> Result<Vec<u8>, SignError> {
        self.0.sign_digest(digested.octets())
    }
}

purpose! {
    /// A responder's key.
    OcspKey
}

purpose! {
    /// The key of a verifier's records.
    EvidenceKey
}

purpose! {
    /// The key of a time-stamping authority.
    StampKey
}

/// What opens a sealed key or a token. Overwritten when dropped; has no Debug.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// A passphrase that somebody typed.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text.into_bytes()))
    }

    /// The first line of a file, without the line end.
    ///
    /// # Errors
    /// When the file cannot be read, has no text, or is over 1,024 bytes.
    pub fn from_file(path: &std::path::Path) -> std::io::Result<Self> {
        let invalid =
            |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
        let bytes = Zeroizing::new(
            std::fs::read(path)
                .map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))?,
        );
        let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Err(invalid("the first line is empty"));
        }
        if line.len() > 1024 {
            return Err(invalid("the first line is too long"));
        }
        Ok(Self(Zeroizing::new(line.to_vec())))
    }

    /// The bytes, for the key derivation or the module alone.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyKind;

    /// A key whose public half is another's.
    struct Mismatched(soft::SoftKey, soft::SoftKey);

    impl Signer for Mismatched {
        fn algorithm(&self) -> SignatureAlgorithm {
            self.0.algorithm()
        }

        fn spki_der(&self) -> &[u8] {
            self.1.spki_der()
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.0.sign(message)
        }

        fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignError> {
            self.0.sign_digest(digest)
        }
    }

    #[test]
    fn a_probe_notices_halves_that_do_not_go_together() {
        let make = || soft::SoftKey::generate(KeyKind::P256).expect("key");
        assert!(matches!(probe(&Mismatched(make(), make())), Err(SignError::Unusable(_))));
        probe(&make()).expect("a sound key");
    }

    #[test]
    fn a_passphrase_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("pass");
        std::fs::write(&path, "秘密\r\nsecond").expect("write");
        assert_eq!(Passphrase::from_file(&path).expect("reads").expose(), "秘密".as_bytes());
        std::fs::write(&path, "\n").expect("write");
        assert!(Passphrase::from_file(&path).is_err());
        assert!(Passphrase::from_file(&folder.path().join("none")).is_err());
    }
}
