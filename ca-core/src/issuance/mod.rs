//! From an order to a certificate, and nothing without one.
//!
//! The order of writes ([`Authority`]): what the officers signed is checked ([`Evidence`], [`Approved`]) → the
//! bytes to be signed are made and linted ([`IssuanceToken`]) → they are durable together with order, signatures
//! and audit event → the key signs → signature and certificate are verified → the certificate is durable together
//! with its status, its line of the feed and its audit event → someone is told. Whatever a crash leaves behind is
//! finished by [`Authority::reconcile`]: the same bytes under the same serial number, and nothing twice.
//!
//! Trusts the authority's own database and keys. Never believes a caller: neither who they say they are, nor what
//! they say that officers decided.

mod administrators;
mod approval;
mod authority;
mod delivery;
mod desk;
mod evidence;
pub mod faults;
mod finish;
mod give_up;
mod holder;
mod issuing;
mod pair;
mod prepare;
mod recovery;
mod replace;
mod responder;
mod stop;
mod submit;
#[cfg(test)]
mod tests;
mod together;
mod views;

pub use approval::{Approved, approve};
pub use authority::Authority;
pub(crate) use evidence::hear;
pub use evidence::{Evidence, Voice};
pub(crate) use finish::checked;
pub use give_up::{give_up, open_intents};
pub use issuing::{Issuing, IssuingError};
pub use prepare::{IssuanceToken, Prepared};
pub(crate) use responder::RESPONDER;
pub use stop::Stop;
pub(crate) use stop::listed;
