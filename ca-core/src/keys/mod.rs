//! Public keys: what kinds we accept, and whether they made a signature.
//!
//! For: everything that checks a signature, in the authority, the sites, the responder and the token agent.
//! Trusts OpenSSL for the arithmetic of RSA and ECDSA, the `sm2` crate for that of SM2. Never holds a private
//! key; that is `signer`, behind feature `sign`.
//!
//! To add an algorithm: a variant of [`KeyKind`] and of [`SignatureAlgorithm`], and one arm in each function
//! that the compiler then asks for.

mod algorithm;
pub mod csr;
pub mod good_key;
pub mod oid;
mod public_key;
pub mod sm2;
mod spki;
pub mod stream;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;

pub use self::algorithm::SignatureAlgorithm;
pub use self::public_key::PublicKey;
pub use crate::domain::{KeyKind, Sm2Id};
