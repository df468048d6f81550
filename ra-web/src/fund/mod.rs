//! The housing-fund portal: the relying party for whose sake the certificates exist.
//!
//! For: letting a unit that holds a good certificate see its account and do its business, each act signed on its token. Trusts its own database, and what is
//! signed under the CA certificates of its configuration; knows the authority only by OCSP, CRL and those
//! certificates, and nothing of enrolment, orders or officers. Runs as a process of its own with a database of
//! its own. Never lets anybody in while the status of the certificate is not known, and never treats a
//! certificate of a unit without an account as faulty: the unit is told to open one.

pub mod account;
pub mod amounts;
pub mod app;
pub mod bank;
pub mod book_store;
pub mod books;
pub mod citizen_store;
pub mod citizens;
pub mod clerks;
pub mod codes;
pub mod config;
pub mod contributions;
mod corrections;
pub mod evidence;
pub mod face;
pub mod hall;
pub mod import;
pub mod interest;
pub mod loan;
pub mod machines;
pub mod make_up;
mod members;
pub mod opening;
pub mod operation;
pub mod operation_store;
pub mod operator;
pub mod policy;
mod prepare;
pub mod progress;
pub mod rules;
pub mod settle;
pub mod sheet;
mod sql;
pub mod stamps;
mod store;
#[cfg(test)]
mod testing;
pub mod undo;
pub mod voucher;
pub mod withdrawal;

pub use prepare::id_hash;

pub use members::Members;
pub use sql::{STATEMENTS, fund_migrations};
pub use store::{FundStore, FundTx};
