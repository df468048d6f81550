//! The private operation by a key in memory: file tokens, and tests.

use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcKey, EcPoint};
use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use sm2::pkcs8::DecodePrivateKey as _;
use sm2::pke::DecryptingKey;
use zeroize::Zeroizing;

use super::PrivateOperation;

/// Why a key in memory did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// Not a key that can do this.
    #[error("this key cannot do that")]
    Kind,
    /// What was encrypted is for another key, or was changed.
    #[error("it was encrypted to another key, or changed")]
    Closed,
}

impl From<ErrorStack> for OperationError {
    fn from(_: ErrorStack) -> Self {
        Self::Closed
    }
}

/// Does what [`super::open`] asks with the PKCS#8 of a signature key.
///
/// # Errors
/// [`OperationError`].
pub fn perform(pkcs8: &[u8], operation: PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, OperationError> {
    match operation {
        PrivateOperation::Sm2Decrypt(cipher) => {
            let secret = sm2::SecretKey::from_pkcs8_der(pkcs8).map_err(|_| OperationError::Kind)?;
            let plain = DecryptingKey::new(secret).decrypt_der(cipher).map_err(|_| OperationError::Closed)?;
            Ok(Zeroizing::new(plain))
        }
        PrivateOperation::RsaOaep(encrypted) => {
            let key = key(pkcs8)?;
            if key.rsa().is_err() {
                return Err(OperationError::Kind);
            }
            let mut decrypter = Decrypter::new(&key)?;
            decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
            let mut plain = Zeroizing::new(vec![0; decrypter.decrypt_len(encrypted)?]);
            let length = decrypter.decrypt(encrypted, &mut plain)?;
            plain.truncate(length);
            Ok(plain)
        }
        PrivateOperation::Ecdh(point) => {
            let key = key(pkcs8)?;
            let own = key.ec_key().map_err(|_| OperationError::Kind)?;
            let mut context = BigNumContext::new()?;
            // OpenSSL refuses a point that is not on the curve.
            let peer = EcPoint::from_bytes(own.group(), point, &mut context)?;
            let peer = PKey::from_ec_key(EcKey::from_public_key(own.group(), &peer)?)?;
            let mut deriver = Deriver::new(&key)?;
            deriver.set_peer(&peer)?;
            Ok(Zeroizing::new(deriver.derive_to_vec()?))
        }
    }
}

fn key(pkcs8: &[u8]) -> Result<PKey<Private>, OperationError> {
    PKey::private_key_from_pkcs8(pkcs8).map_err(|_| OperationError::Kind)
}
