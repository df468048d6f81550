//! The registration office of Yinxin: the staff console, the units' own site and the fund portal.
//!
//! For: taking in applications, having two officers sign them, and handing the signed orders to the
//! authority. Trusts the authority's answers over its socket and its own database; does not trust browsers,
//! uploads or the token agent's word. Never holds a CA key, never decides who an officer is, and never lets
//! a page or a log see a PIN, a ticket or a whole resident number.

pub mod app;
pub mod archive;
pub mod audit;
pub mod batches;
pub mod capitals;
pub mod config;
pub mod enrolment;
pub mod evidence;
pub mod fen;
pub mod fund;
pub mod http;
pub mod i18n;
pub mod invoice;
pub mod jobs;
pub mod kept;
pub mod login;
pub mod mail;
pub mod matters;
pub mod officers;
pub mod outside;
pub mod page;
pub mod paper;
pub mod payment;
pub mod reminders;
pub mod renewal;
pub mod reports;
pub mod retry;
pub mod selfcare;
pub mod sql;
pub mod statement;
pub mod store;
pub mod tokens;
pub mod tour;
pub mod units;
pub mod vault;

use std::sync::{Arc, Mutex};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// The process's generator, shared by its handlers. Locked for a draw, never across an await.
pub type Chance = Arc<Mutex<ChaCha20Rng>>;

/// A generator that repeats itself, for tests.
#[must_use]
pub fn chance_from_seed(seed: u64) -> Chance {
    Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
}
