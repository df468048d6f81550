//! Bytes out: certificates and CRLs in strict DER.
//!
//! For: the authority. Trusts the profile and the order, which were checked; checks again what would make
//! bad bytes. Never signs: it makes what is to be signed and puts the signature beside it. Names of issuers
//! and public keys are copied byte for byte, never encoded again.

pub mod certificate;
pub mod crl;
mod name;
#[cfg(test)]
mod sm2_tests;
#[cfg(test)]
pub(crate) mod testing;
