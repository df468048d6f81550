//! The encryption key of an order: bound to it durably, then told.

use super::event::{Actor, Entry, Event};
use super::kmc::Kmc;
use super::port::{KeyRequest, WrappedKey};
use super::stop::Stop;
use super::store::{EscrowTx, KeyRow, State, Taken};
use crate::audit;
use crate::domain::Sha256;
use crate::keys::good_key;
use crate::service::protocol::RefusalCode;
use crate::unit_of_work;

/// How often a key is made on demand because others took the one made before.
const MAX_MAKES: u32 = 8;

impl Kmc {
    pub(super) async fn provide_key(&self, ask: KeyRequest) -> Result<WrappedKey, Stop> {
        let KeyRequest { order, kind, recipient_spki } = ask;
        let recipient_kind = good_key::check(&recipient_spki.0)
            .map_err(|error| Stop::refuse(RefusalCode::KeyNotAccepted, format!("the signature key: {error}")))?;
        if recipient_kind != kind {
            let detail = format!("a {} key does not go to a {} key", kind.name(), recipient_kind.name());
            return Err(Stop::refuse(RefusalCode::KeyNotAccepted, detail));
        }
        let recipient_sha256 = Sha256(openssl::sha::sha256(&recipient_spki.0));
        for _ in 0..MAX_MAKES {
            let taken = Taken { order, recipient_sha256, at: self.clock.now() };
            let turn = self.turn.lock().await;
            let row = unit_of_work!(begin self.store.begin(), Stop, |tx| { self.bind(tx, &ask.kind, &taken).await? })?;
            drop(turn);
            if let Some(row) = row {
                self.key_taken.notify_one();
                return self.wrap(row, recipient_spki.0).await;
            }
            self.make(kind).await?;
        }
        Err(Stop::refuse(RefusalCode::Unavailable, "others took every key that was made"))
    }

    /// The order's key for this recipient, or the oldest stand-by key, which is theirs from here on; `None` if there is
    /// none. An order that comes with another signature key, for its first token broke before anything was issued, takes
    /// a fresh key: what one recipient may have opened is never wrapped to another.
    async fn bind(
        &self,
        tx: &mut dyn EscrowTx,
        kind: &crate::keys::KeyKind,
        taken: &Taken,
    ) -> Result<Option<KeyRow>, Stop> {
        if let Some(row) = tx.key_of_order(taken.order, taken.recipient_sha256).await? {
            if matches!(row.state, State::InUse(_)) {
                return Ok(Some(row));
            }
            let detail = format!("the key of order {} is history: it can only be recovered", taken.order);
            return Err(Stop::refuse(RefusalCode::WrongState, detail));
        }
        let Some(row) = tx.oldest_stand_by(*kind).await? else { return Ok(None) };
        tx.take(row.spki_sha256, taken).await?;
        let event = Event::KeyTaken {
            spki_sha256: row.spki_sha256,
            order: taken.order,
            recipient_sha256: taken.recipient_sha256,
        };
        audit::append(tx, taken.at, &Entry { actor: Actor::Caller, event }).await?;
        metrics::counter!("kmc_keys_taken_total", "kind" => kind.name()).increment(1);
        Ok(Some(row))
    }
}
