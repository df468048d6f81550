//! E-invoices (数电票): what is invoiced to whom, how it is issued, shown, archived, reversed and checked; and quota invoices
//! ([`quota`]), which some units still want instead.
//!
//! For: who paid gets a document that can be booked and checked. [`title`], [`content`], [`record`] are pure; [`xml`], [`paper`]
//! and [`ofd`] write the three forms of an invoice, all from the same frozen [`content::Content`]; [`issuing`] and
//! [`reversing`] are the services over the ports [`provider::InvoiceProvider`] and [`store::EInvoices`]. The tax platform alone
//! numbers tax invoices: [`provider::Local`] makes samples that say so on their face, [`nuonuo`] speaks to a provider
//! that passes on what the platform issued. Trusts the provider with what it says of an invoice when it is asked. What is asked for is
//! written down, with its title frozen, before the provider is called under a key by which it knows a repetition; a bill has one
//! invoice under way or standing at a time; the files of an invoice are archived by their hashes and never made anew.
//!
//! `REQUESTED → ISSUING → ISSUED → DELIVERED`, `REQUESTED | ISSUING → FAILED → REQUESTED`,
//! `ISSUED | DELIVERED → RED_PENDING → RED_ISSUED`.

pub mod content;
pub mod issuing;
pub mod nuonuo;
pub mod ofd;
pub mod paper;
pub mod provider;
pub mod quota;
pub mod record;
pub mod reversing;
pub mod store;
pub mod title;
pub mod xml;

use std::sync::Arc;

use ofd::seal::Seal;
use provider::InvoiceProvider;

/// What the office's services need to invoice; from the configuration.
#[derive(Clone)]
pub struct Invoices {
    /// Who issues.
    pub provider: Arc<dyn InvoiceProvider>,
    /// Who sells.
    pub seller: content::Seller,
    /// With what OFD files are sealed; without it there are none of our own.
    pub seal: Option<Arc<Seal>>,
    /// Whether units can have quota invoices instead.
    pub quota: bool,
    /// The units' own site, where invoices are checked; without a slash at the end.
    pub site: String,
}

#[cfg(test)]
pub(crate) mod tests;
