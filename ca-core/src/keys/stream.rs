//! The digest of a message that comes in pieces, for CRLs that are too big for memory: it is taken once, signed, and
//! the signature checked against it.

use super::public_key::Digest;
use super::verify::VerifyError;
use super::{PublicKey, SignatureAlgorithm};

/// A message on its way to be digested.
pub struct MessageDigest {
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    digest: Digest,
}

impl MessageDigest {
    /// Begins a message that this key signs, or is said to have signed, with this algorithm.
    ///
    /// # Errors
    /// [`VerifyError::Key`] if they do not go together.
    pub fn new(key: &PublicKey, algorithm: SignatureAlgorithm) -> Result<Self, VerifyError> {
        Ok(Self { key: key.clone(), algorithm, digest: key.begin(algorithm)? })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`VerifyError::Signature`] if OpenSSL cannot go on.
    pub fn update(&mut self, piece: &[u8]) -> Result<(), VerifyError> {
        self.digest.update(piece)
    }

    /// The digest of what came.
    ///
    /// # Errors
    /// [`VerifyError::Signature`] if OpenSSL cannot go on.
    pub fn finish(self) -> Result<Digested, VerifyError> {
        Ok(Digested { octets: self.digest.finish()?, key: self.key, algorithm: self.algorithm })
    }
}

/// A message that came to its end, as far as a signature over it needs it.
#[derive(Clone, Debug)]
pub struct Digested {
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    octets: Vec<u8>,
}

impl Digested {
    /// What is signed: for SM2 the e that has the signer's id and key in it.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Checks that `signature` (the content of the BIT STRING) is one over what came.
    ///
    /// # Errors
    /// [`VerifyError::Signature`]; nothing about the message may be believed then.
    pub fn verify(&self, signature: &[u8]) -> Result<(), VerifyError> {
        self.key.verify_digest(self.algorithm, &self.octets, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyKind;
    use crate::keys::testing::TestKey;

    #[test]
    fn a_signature_holds_for_the_same_bytes_in_whatever_pieces() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Sm2] {
            let (key, other) = (TestKey::new(kind), TestKey::new(kind));
            let algorithm = kind.signature_algorithm();
            let signature = key.sign(b"a message in pieces");
            let verify = |spki: &[u8], pieces: &[&[u8]], signature: &[u8]| {
                let key = PublicKey::read(spki).expect("a good key");
                let mut stream = MessageDigest::new(&key, algorithm).expect("goes together");
                pieces.iter().for_each(|piece| stream.update(piece).expect("hashes"));
                stream.finish().and_then(|digested| digested.verify(signature))
            };
            verify(&key.spki, &[b"a message", b" in ", b"pieces"], &signature).expect("genuine");
            assert!(verify(&key.spki, &[b"a message", b" in pieces."], &signature).is_err());
            assert!(verify(&other.spki, &[b"a message in pieces"], &signature).is_err());
            let mut bent = signature.clone();
            let last = bent.len() - 1;
            bent[last] ^= 1;
            assert!(verify(&key.spki, &[b"a message in pieces"], &bent).is_err());
            assert!(verify(&key.spki, &[b"a message in pieces"], &[]).is_err());
        }
    }
}
