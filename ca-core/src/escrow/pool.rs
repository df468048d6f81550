//! Stand-by keys: made before anyone asks, for an RSA key takes up to seconds.

use super::event::{Actor, Entry, Event};
use super::kmc::Kmc;
use super::stop::Stop;
use super::store::{KeyRow, State};
use crate::audit;
use crate::domain::Sha256;
use crate::envelope::EncryptionKey;
use crate::keys::KeyKind;
use crate::unit_of_work;

impl Kmc {
    /// Makes one key, on another thread, and seals it before anything else.
    pub(super) async fn make(&self, kind: KeyKind) -> Result<(), Stop> {
        let now = self.clock.now();
        let (sealing, mut rng) = (self.sealing(), self.chance());
        let made = tokio::task::spawn_blocking(move || {
            let key = EncryptionKey::generate(kind, &mut rng)?;
            let spki = key.spki_der().to_vec();
            let spki_sha256 = Sha256(openssl::sha::sha256(&spki));
            let sealed = sealing.seal(&key, spki_sha256, &mut rng)?;
            Ok::<_, Stop>(KeyRow { spki_sha256, kind, spki, sealed, made: now, state: State::StandBy })
        });
        let row = made.await??;
        let entry = Entry { actor: Actor::Centre, event: Event::KeyMade { kind, spki_sha256: row.spki_sha256 } };
        let _turn = self.turn.lock().await;
        unit_of_work!(begin self.store.begin(), Stop, |tx| {
            tx.add_key(&row).await?;
            audit::append(tx, now, &entry).await?;
        })?;
        metrics::counter!("kmc_keys_made_total", "kind" => kind.name()).increment(1);
        Ok(())
    }

    /// Makes stand-by keys until there are as many of each kind as configured. Says how many it made.
    ///
    /// # Errors
    /// When a key cannot be made or kept; those made before stay.
    pub(super) async fn refill(&self) -> Result<u32, Stop> {
        let mut made = 0;
        for (&kind, &level) in &self.levels {
            let mut there = self.stand_by(kind).await?;
            while there < i64::from(level) {
                self.make(kind).await?;
                made += 1;
                there = self.stand_by(kind).await?;
            }
        }
        Ok(made)
    }

    async fn stand_by(&self, kind: KeyKind) -> Result<i64, Stop> {
        let counts = self.store.begin_read().await?.counts().await?;
        let there = counts.iter().find(|count| count.kind == kind && count.state == "stand_by");
        Ok(there.map_or(0, |count| count.keys))
    }
}
