//! After an old copy of the centre's database was put back: keys that were handed out since the copy are stand-by again.
//! By the authority's word they are given back to their orders, so that no other order gets one and each can be recovered.

use super::authority::Witness;
use super::event::{Actor, Entry, Event};
use super::retire::certified;
use super::stop::Stop;
use super::store::{EscrowStore, State, Taken};
use crate::audit;
use crate::domain::{Sha256, Timestamp};
use crate::service::protocol::CertificateView;
use crate::unit_of_work;
use crate::x509::Parts;

/// Keys of one round.
const PAGE: i64 = 200;

/// Gives each stand-by key that the authority has certified to its order. Answers how many there were. Run again it goes
/// on; running beside a centre that serves it does no harm.
///
/// # Errors
/// When the authority cannot be asked or storage fails; what was given back before stays so.
pub(super) async fn adopt(store: &dyn EscrowStore, witness: &Witness, now: Timestamp) -> Result<u32, Stop> {
    let (mut adopted, mut after) = (0, None);
    loop {
        let page = store.begin_read().await?.stand_by_after(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(adopted) };
        after = Some(*last);
        for spki_sha256 in page {
            let Some(view) = witness.key(spki_sha256).await? else { continue };
            let Some(taken) = taken_by(&view, spki_sha256, now) else { continue };
            let event = Event::KeyTaken { spki_sha256, order: taken.order, recipient_sha256: taken.recipient_sha256 };
            let entry = Entry { actor: Actor::Centre, event };
            adopted += unit_of_work!(begin store.begin(), Stop, |tx| {
                let free = tx.key(spki_sha256).await?.is_some_and(|row| row.state == State::StandBy);
                if free {
                    tx.take(spki_sha256, &taken).await?;
                    audit::append(tx, now, &entry).await?;
                }
                u32::from(free)
            })?;
        }
    }
}

/// Which order has the key, and to whom it went: by both certificates of the pair, and no other way.
fn taken_by(view: &CertificateView, spki_sha256: Sha256, now: Timestamp) -> Option<Taken> {
    (certified(view)? == spki_sha256).then_some(())?;
    let recipient = Parts::read(&view.certificate.0).ok()?;
    let recipient_sha256 = Sha256(openssl::sha::sha256(recipient.tbs.spki));
    Some(Taken { order: view.order, recipient_sha256, at: now })
}
