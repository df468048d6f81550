//! The one narrow way to the authority: length-prefixed JSON over a Unix socket.
//!
//! The socket is not trusted: whoever can open it can ask, but each order carries the signatures that the
//! authority checks itself. An attacker on the web server's side can lose service, not mint a certificate.

pub mod client;
pub mod protocol;
#[cfg(feature = "sign")]
pub mod server;
