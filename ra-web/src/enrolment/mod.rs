//! Enrolment: from an application at the counter to a certificate on a token, and what is done with it later.
//!
//! For: the office's cases and the orders that officers sign. Trusts the officer whom the session names, and
//! the authority's answers. Never decides that an order is good: it gathers signatures, and the authority
//! checks each again. [`form`], [`case`], [`process`], [`waiting`], [`document`], [`duty`] are pure; [`annex`], [`archive`], [`desk`], [`intake`], [`papers`], [`replacement`],
//! [`retention`], [`unheard`] and [`provisioning`] are
//! the services over the ports in [`crate::store`].

pub mod annex;
pub mod archive;
pub mod case;
pub mod certificate_order;
pub mod desk;
pub mod document;
pub mod duty;
pub mod form;
pub mod holder;
pub mod intake;
pub mod papers;
pub mod process;
pub mod provisioning;
pub mod replacement;
pub mod retention;
pub mod unheard;
pub mod waiting;
