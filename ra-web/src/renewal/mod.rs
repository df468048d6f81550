//! Renewal online: what a unit does by itself on its own site, from its token to its new certificate.
//!
//! For: one path that can be left and taken up again at every step (check, form, pay, install, invoice). It is a case like the
//! office's renewals ([`crate::enrolment`]), with a bill like theirs ([`crate::payment`]); what differs is who signs: the
//! unit, with the certificate that is renewed, once the order and once the new key. Trusts the session for which certificate
//! it is, and the authority for whether that may be renewed. Never changes what a certificate says: that is the office's.

mod members;
mod service;

pub use members::{Holding, Members};
pub use service::{Asked, Begun, Changed, Renewals, Stage, Standing};
