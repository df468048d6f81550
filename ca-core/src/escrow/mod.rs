//! The key-management centre (KMC, 密钥管理中心): encryption keys, made and escrowed apart from the authority
//! (`domain.md` §1.4).
//!
//! For: holders of a certificate pair, whose old data must open again when the token is lost. A key is made here and
//! sealed at once; an order takes it, durably, before anyone is told of it; from then on it goes in an envelope to the
//! signature key of that order, or, on the word of two of the centre's own officers, to another one.
//!
//! Trusts its own database, sealing key and configuration, and the authority for what certificates and officers are
//! worth. Never holds a signature key, never takes a private key from outside, never gives one but in an envelope,
//! and never gives one key to two orders.

pub mod client;
pub mod port;
pub mod protocol;

#[cfg(feature = "sign")]
mod adopt;
#[cfg(feature = "sign")]
mod authority;
#[cfg(feature = "sign")]
pub mod config;
#[cfg(feature = "sign")]
mod event;
#[cfg(feature = "sign")]
mod kmc;
#[cfg(feature = "sign")]
mod pool;
#[cfg(feature = "sign")]
pub mod process;
#[cfg(feature = "sign")]
mod provide;
#[cfg(feature = "sign")]
mod recover;
#[cfg(feature = "sign")]
mod retire;
#[cfg(feature = "sign")]
mod seal;
#[cfg(feature = "sign")]
mod sql;
#[cfg(feature = "sign")]
mod stop;
#[cfg(feature = "sign")]
mod store;
#[cfg(all(feature = "sign", any(test, feature = "testing")))]
pub mod testing;
#[cfg(feature = "sign")]
#[cfg(test)]
mod tests;

#[cfg(feature = "sign")]
pub use self::{
    event::{Actor, Ended, Entry, Event},
    kmc::Kmc,
    seal::SealingKey,
    sql::{SqlEscrow, kmc_migrations, statements},
    store::{Count, Escrow, EscrowStore, EscrowTx, KeyRow, RecoveryRow, State, Taken},
};
