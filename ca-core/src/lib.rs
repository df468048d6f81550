//! The certificate authority of Yinxin.
//!
//! For: issuing certificates on orders that two officers signed, revoking them, and keeping a record that an
//! auditor can verify offline. Trusts its own database, its keys and its configuration; does not trust the
//! web, the socket's callers, or anything that is not signed. Never issues without a durable intent, never
//! tells of a certificate that is not durable.

#[cfg(feature = "sign")]
pub mod app;
#[cfg(feature = "sign")]
pub mod audit;
#[cfg(feature = "bucket")]
pub mod bucket;
#[cfg(feature = "sign")]
pub mod ceremony;
pub mod chain;
pub mod clock;
pub mod cms;
#[cfg(feature = "sign")]
pub mod config;
#[cfg(all(test, feature = "sign"))]
mod corpus_tests;
pub mod domain;
pub mod durable;
#[cfg(feature = "sign")]
pub mod encode;
pub mod envelope;
pub mod escrow;
#[cfg(feature = "sign")]
pub mod issuance;
pub mod keys;
#[cfg(feature = "sign")]
pub mod lint;
#[cfg(feature = "sign")]
pub mod profile;
#[cfg(feature = "sign")]
pub mod revocation;
pub mod service;
#[cfg(feature = "settings")]
pub mod settings;
#[cfg(feature = "sign")]
pub mod signer;
#[cfg(feature = "sql")]
pub mod sql;
pub mod store;
#[cfg(all(feature = "sign", any(test, feature = "testing")))]
pub mod testing;
pub mod tlv;
pub mod x509;
