//! The OCSP and CRL service of Yinxin, and the client that a relying party calls.
//!
//! `wire` is bytes and types; `client` asks and believes nothing that is not signed; `stamp` proves time stamps. With the feature
//! `responder` comes the service: its own short-lived key, a read-only view of the authority's statuses, no way
//! to issue or revoke anything; and `validation`, which verifies signatures for whoever cannot link the client.

#[cfg(feature = "responder")]
pub mod app;
pub mod client;
#[cfg(feature = "responder")]
pub mod config;
#[cfg(feature = "responder")]
pub mod doctor;
#[cfg(feature = "responder")]
mod feed;
#[cfg(feature = "responder")]
mod http;
#[cfg(feature = "responder")]
mod metrics;
#[cfg(feature = "responder")]
pub mod probe;
#[cfg(feature = "responder")]
mod responder;
#[cfg(feature = "responder")]
mod sql;
pub mod stamp;
#[cfg(feature = "responder")]
pub mod validation;
#[cfg(feature = "responder")]
mod wakes;
pub mod wire;
