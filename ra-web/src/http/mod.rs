//! The edge: what arrives over HTTP becomes types here, what leaves becomes pages or problem+json.
//!
//! Does not decide anything about certificates. Does not trust: method, origin, size, type or timing of a
//! request, nor a forwarded address unless the peer is a proxy that the configuration names.

pub mod answer;
pub mod assets;
pub mod csrf;
pub mod error;
pub mod frame;
pub mod fund;
mod invoice;
pub mod listener;
pub mod login;
pub mod ops;
pub mod presence;
pub mod provisioning;
pub mod public;
pub mod session;
pub mod staff;
pub mod unit;
pub mod unlock;
pub mod verify;
pub mod webhook;
