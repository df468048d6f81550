//! The key-management centre: encryption keys, made and escrowed apart from the authority (`domain.md` §1.4).
//!
//! For: holders of a certificate pair, whose old data must open again when the token is lost. Never holds a signature
//! key, and never gives a private key to anyone but in an envelope for a signature key.

pub mod port;
