//! The key ceremony: one reviewable file makes root, issuing CAs, responder and audit keys, and the first officers'
//! certificates, once.
//!
//! For: the people in the room. They read the file, rehearse ([`Ceremony::rehearse`], which makes everything with
//! keys that are thrown away and writes nothing), hold it ([`Ceremony::hold`]) and sign the transcript. Trusts the
//! operator's configuration. Never overwrites a key, a certificate or a database in which a CA stands already.

mod hold;
#[cfg(test)]
mod key_tests;
mod make;
mod plan;
#[cfg(test)]
mod tests;
mod transcript;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;

pub(crate) use hold::AUDIT_KEY;
pub use plan::Plan;

use crate::clock::Clock;
use crate::config::{Config, KeyError};
use crate::issuance::Stop;
use crate::profile::Profiles;
use crate::settings::Faults;
use crate::signer::soft::{Cost, SealError};
use crate::sql::DatabaseError;
use crate::store::{Contends, StoreError};

/// A ceremony, ready to be rehearsed or held.
pub struct Ceremony {
    /// The reviewed file.
    pub plan: Plan,
    /// Where things go.
    pub config: Config,
    /// What certificates look like.
    pub profiles: Profiles,
    /// When it is.
    pub clock: Arc<dyn Clock>,
    /// Draws serial numbers.
    pub rng: ChaCha20Rng,
    /// What opening the sealed keys costs.
    pub cost: Cost,
}

/// Why a ceremony was not held. Nothing was made, unless the text says so.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// A CA stands in this database.
    #[error("a ceremony was held already: this database has issuers; nothing was changed")]
    AlreadyHeld,
    /// Files stand where others would be written.
    #[error("these files exist and are not overwritten: {}", .0.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    WouldOverwrite(Vec<PathBuf>),
    /// The file and the configuration or the profiles do not fit together.
    #[error("{0}")]
    Unfit(String),
    /// An issuer's list of profiles and the profiles themselves do not agree.
    #[error(transparent)]
    Profiles(#[from] Faults),
    /// Something could not be published. `ca serve` publishes it when it starts; the root's list is made by `ca crl`.
    #[error("the ceremony was held and the CA stands, but: {0}")]
    Afterwards(String),
    /// A key could not be made or sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A key in a module, or a passphrase file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate or list could not be made.
    #[error(transparent)]
    Stop(#[from] Stop),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl CeremonyError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}

impl Contends for CeremonyError {
    fn contends(&self) -> bool {
        match self {
            Self::Store(error) => error.contends(),
            Self::Stop(stop) => stop.contends(),
            _ => false,
        }
    }
}
