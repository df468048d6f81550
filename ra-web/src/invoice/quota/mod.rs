//! Quota invoices (定额发票): papers of fixed amounts that the tax office prints and numbers, bought in runs, allotted to a bill that
//! asked for them, posted with a waybill, and void when they come back.
//!
//! For: offices that still use them; a switch of the configuration, for they give way to e-invoices. [`paper`], [`allotment`],
//! [`wish`] are pure; [`stock`] and [`handing`] are the services over the port [`store::QuotaInvoices`]. Trusts finance with
//! what it bought and posted. A paper is moved by compare-and-swap and stands with one bill at most; one that left the house
//! never goes back into stock; a bill has an e-invoice or quota invoices, never both. Nothing here makes or prints a paper.
//!
//! A paper: `STOCK → ALLOTTED → SENT → VOID`, `ALLOTTED → STOCK` before it is sent, `STOCK → VOID`.
//! An allotment: `ALLOTTED → SENT → RETURNED`, `ALLOTTED → RELEASED`.

pub mod allotment;
pub mod handing;
pub mod paper;
pub mod stock;
pub mod store;
pub mod wish;
