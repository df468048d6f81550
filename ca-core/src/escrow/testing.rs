//! A real centre in this process, for tests of this and other crates: SQLite in a temporary folder, keys made on
//! demand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::kmc::Kmc;
use super::seal::SealingKey;
use super::sql::{SqlEscrow, kmc_migrations};
use crate::clock::{Clock, system_rng};
use crate::domain::Sha256;
use crate::service::client::CertificateAuthority;
use crate::service::server::{Bound, Limits, serve};
use crate::sql::testing::{Fresh, sqlite};

/// A centre and the folder that it lives in.
pub struct Centre {
    /// The centre.
    pub kmc: Arc<Kmc>,
    /// Its store.
    pub store: SqlEscrow,
    /// Its database.
    pub fresh: Fresh,
}

impl Centre {
    /// A centre whose officers have these certificates, and that asks this authority what they are worth.
    ///
    /// # Panics
    /// When its database cannot be made.
    pub async fn of(authority: Arc<dyn CertificateAuthority>, officers: &[&[u8]], clock: Arc<dyn Clock>) -> Self {
        Self::on(sqlite(&kmc_migrations()).await, authority, officers, clock)
    }

    /// [`Self::of`], on a fresh database of either engine.
    #[must_use]
    pub fn on(
        fresh: Fresh,
        authority: Arc<dyn CertificateAuthority>,
        officers: &[&[u8]],
        clock: Arc<dyn Clock>,
    ) -> Self {
        let store = SqlEscrow::new(fresh.database.clone());
        let officers: BTreeSet<Sha256> =
            officers.iter().map(|certificate| Sha256(openssl::sha::sha256(certificate))).collect();
        let mut rng = system_rng();
        let sealing = SealingKey::draw(&mut rng);
        let kmc = Kmc::new(Arc::new(store.clone()), sealing, officers, BTreeMap::new(), authority, clock, rng);
        Self { kmc: Arc::new(kmc), store, fresh }
    }

    /// Answers on a socket until the guard is dropped.
    ///
    /// # Panics
    /// When the socket cannot be made.
    #[must_use]
    pub fn serve(&self, socket: &Path) -> DropGuard {
        let bound = Bound::new(socket, 0o600).expect("a socket");
        let stop = CancellationToken::new();
        tokio::spawn(serve(bound, self.kmc.clone(), Limits::default(), stop.clone()));
        stop.drop_guard()
    }
}
