//! The look-ups and the two writes of an issue, each for all orders that are there at the moment.
//!
//! What is written for one order is what was always written for it, in the same order of writes; only the statements
//! and the commit are shared. An order that must be refused is refused by itself. If the whole fails for another
//! reason than contention, each is tried alone, so that one odd order does not hold up the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::approval::{Approved, Known, approve_knowing};
use super::evidence::{Evidence, digest};
use super::prepare::{Prepared, STAFF};
use super::replace;
use super::stop::Stop;
use super::submit::{officer_of, signing};
use crate::audit::{self, Actor, Entry, Event};
use crate::domain::{Act, CertificateStatus, IssuerId, Order, OrderId, Serial, Sha256, StatusChange, Timestamp};
use crate::revocation;
use crate::service::protocol::RefusalCode;
use crate::store::{Completion, Intent, OfficerRecord, OrderRecord, Store, StoreError, Tx};
use crate::unit_of_work;

/// What the store says of an order before anything is done.
pub(super) enum Standing {
    /// It was carried out, or is being.
    Known(OrderRecord),
    /// It is new, and those who signed it may give it.
    Approved(Box<Approved<Order>>),
}

/// An order whose bytes are to become durable.
#[derive(Clone)]
pub(super) struct Intended {
    pub(super) evidence: Arc<Evidence>,
    pub(super) prepared: Arc<Prepared>,
}

/// Certificates that are to become durable, of one order.
#[derive(Clone)]
pub(super) struct Finished {
    pub(super) intents: Arc<[Intent]>,
    pub(super) certificates: Arc<[Vec<u8>]>,
    pub(super) reconciled: bool,
}

/// Looks up orders and those who signed them.
pub(super) async fn look_up(
    store: Arc<dyn Store>,
    now: Timestamp,
    evidence: Vec<Arc<Evidence>>,
) -> Vec<Result<Standing, Stop>> {
    let looked = async {
        let mut tx = store.begin_read().await?;
        let ids: Vec<OrderId> = evidence.iter().map(|evidence| evidence.order.id).collect();
        let mut orders: BTreeMap<OrderId, OrderRecord> =
            tx.orders(&ids).await?.into_iter().map(|order| (order.id, order)).collect();
        let mut known = Known::default();
        let mut standings = Vec::with_capacity(evidence.len());
        for evidence in &evidence {
            standings.push(match orders.remove(&evidence.order.id) {
                Some(order) => Ok(Standing::Known(order)),
                None => approve_knowing(&mut *tx, &mut known, evidence, now)
                    .await
                    .map(|approved| Standing::Approved(Box::new(approved))),
            });
        }
        Ok::<_, Stop>(standings)
    };
    looked.await.unwrap_or_else(|stop| evidence.iter().map(|_| Err(stop.again())).collect())
}

/// Writes intents: order, signatures, bytes to be signed, audit.
pub(super) async fn intend(store: Arc<dyn Store>, now: Timestamp, all: Vec<Intended>) -> Vec<Result<(), Stop>> {
    let together = unit_of_work!(&*store, Stop, |tx| { write_intents(tx, now, &all).await? });
    match together {
        Ok(verdicts) => verdicts,
        Err(stop) if all.len() == 1 || stop.is_contention() => all.iter().map(|_| Err(stop.again())).collect(),
        Err(_) => {
            let mut verdicts = Vec::with_capacity(all.len());
            for one in all {
                let one = [one];
                let alone = unit_of_work!(&*store, Stop, |tx| { write_intents(tx, now, &one).await? });
                verdicts.extend(alone.unwrap_or_else(|stop| vec![Err(stop)]));
            }
            verdicts
        }
    }
}

async fn write_intents(tx: &mut dyn Tx, now: Timestamp, all: &[Intended]) -> Result<Vec<Result<(), Stop>>, Stop> {
    let ids: Vec<OrderId> = all.iter().map(|one| one.evidence.order.id).collect();
    let mut orders: BTreeSet<OrderId> = tx.orders(&ids).await?.into_iter().map(|order| order.id).collect();
    let keys: Vec<Sha256> =
        all.iter().flat_map(|one| one.prepared.intents.iter().map(|intent| intent.spki_sha256)).collect();
    let mut keys: BTreeMap<Sha256, OrderId> = tx.orders_of_keys(&keys).await?.into_iter().collect();
    // The officers are looked up again where the intent is written: one may have been revoked meanwhile.
    let (mut known, mut issue) = (Known::default(), BTreeSet::new());
    let mut replaced = BTreeMap::new();
    let (mut verdicts, mut records, mut signatures) = (Vec::new(), Vec::new(), Vec::new());
    let (mut intents, mut entries, mut envelopes) = (Vec::new(), Vec::new(), Vec::new());
    for Intended { evidence, prepared } in all {
        let order = evidence.order.id;
        let verdict = if orders.contains(&order) {
            Err(Stop::Overtaken)
        } else if let Some(other) = prepared.intents.iter().find_map(|intent| keys.get(&intent.spki_sha256)) {
            Err(Stop::refuse(RefusalCode::KeyNotAccepted, format!("the key is known from order {other}")))
        } else {
            let may = match still_issue(tx, &mut issue, &prepared.intents).await {
                Ok(()) => still_replaces(tx, &replaced, &evidence.order, now).await,
                stop => stop,
            };
            let approved = match may {
                Ok(()) => approve_knowing(tx, &mut known, evidence, now).await,
                Err(stop) => Err(stop),
            };
            match approved {
                // What is not about this order alone is about the whole transaction.
                Err(stop) if !matches!(stop, Stop::Refused(_)) => return Err(stop),
                approved => approved,
            }
        };
        verdicts.push(verdict.map(|approved| {
            orders.insert(order);
            replaced.extend(old_of(&evidence.order).map(|old| (old, order)));
            for intent in &*prepared.intents {
                keys.insert(intent.spki_sha256, order);
                intents.push(intent);
                entries.push(Entry { actor: approved.actor(), event: signing(intent) });
            }
            envelopes.extend(prepared.envelope.as_ref().map(|envelope| (order, envelope)));
            let (record, signed) = approved.records();
            records.push(record);
            signatures.extend(signed);
        }));
    }
    if !records.is_empty() {
        tx.add_orders(&records).await?;
        tx.add_signatures(&signatures).await?;
        tx.add_intents(&intents).await?;
        for (order, envelope) in envelopes {
            tx.add_envelope(order, envelope).await?;
        }
        for ((issuer, serial), order) in replaced {
            tx.add_replacement(order, issuer, serial).await?;
        }
        audit::append_all(tx, now, &entries).await?;
    }
    Ok(verdicts)
}

/// Whether their issuers still issue. `known`: those that do, in this unit of work.
async fn still_issue(tx: &mut dyn Tx, known: &mut BTreeSet<IssuerId>, intents: &[Intent]) -> Result<(), Stop> {
    for intent in intents {
        if !known.contains(&intent.issuer) {
            revocation::still_issues::<Stop>(tx, &intent.issuer).await?;
            known.insert(intent.issuer.clone());
        }
    }
    Ok(())
}

/// The certificate whose place an order's is to take.
fn old_of(order: &Order) -> Option<(&IssuerId, &Serial)> {
    match &order.act {
        Act::Issue { replaces: Some(replaces), .. } => Some((&replaces.issuer, &replaces.serial)),
        _ => None,
    }
}

/// Whether the old certificate may still be replaced: it may have been revoked meanwhile, or replaced by another order.
/// `replaced`: by those of this unit of work.
async fn still_replaces(
    tx: &mut dyn Tx,
    replaced: &BTreeMap<(&IssuerId, &Serial), OrderId>,
    order: &Order,
    now: Timestamp,
) -> Result<(), Stop> {
    if let Some(other) = old_of(order).and_then(|old| replaced.get(&old)) {
        return Err(Stop::refuse(RefusalCode::WrongState, format!("order {other} took its place already")));
    }
    replace::end_of_old(tx, order, now).await.map(drop)
}

/// Writes certificates with their statuses and audit; `false` for an order whose certificates are there already.
pub(super) async fn complete(store: Arc<dyn Store>, now: Timestamp, all: Vec<Finished>) -> Vec<Result<bool, Stop>> {
    let together = unit_of_work!(&*store, Stop, |tx| { write_certificates(tx, now, &all).await? });
    match together {
        Ok(verdicts) => verdicts.into_iter().map(Ok).collect(),
        Err(stop) if all.len() == 1 || stop.is_contention() => all.iter().map(|_| Err(stop.again())).collect(),
        Err(_) => {
            let mut verdicts = Vec::with_capacity(all.len());
            for one in all {
                let one = [one];
                let alone = unit_of_work!(&*store, Stop, |tx| { write_certificates(tx, now, &one).await? });
                verdicts.push(alone.map(|first| first[0]));
            }
            verdicts
        }
    }
}

async fn write_certificates(tx: &mut dyn Tx, now: Timestamp, all: &[Finished]) -> Result<Vec<bool>, Stop> {
    let mut completions = Vec::new();
    for one in all {
        for (intent, certificate) in one.intents.iter().zip(one.certificates.iter()) {
            completions.push((one.reconciled, Completion { intent, certificate, sha256: digest(certificate) }));
        }
    }
    let rows: Vec<Completion<'_>> = completions.iter().map(|(_, completion)| *completion).collect();
    let written = tx.complete_all(&rows, now).await?;
    if written != rows.len() as u64 {
        // Which of them were there already shows when each is tried alone.
        return match all {
            [_] if written == 0 => Ok(vec![false]),
            [one] => Err(StoreError::odd("certificate", one.intents[0].order, "half a pair was there").into()),
            _ => Err(Stop::Overtaken),
        };
    }
    let mut seq = tx.feed().await?.head;
    let (mut changes, mut entries) = (Vec::new(), Vec::new());
    for (reconciled, Completion { intent, sha256, .. }) in completions {
        seq += 1;
        changes.push(StatusChange {
            seq,
            issuer: intent.issuer.clone(),
            serial: intent.serial.clone(),
            status: CertificateStatus::Good,
            not_after: intent.validity.not_after,
        });
        let event = Event::Signed {
            issuer: intent.issuer.clone(),
            serial: intent.serial.clone(),
            order: intent.order,
            certificate_sha256: sha256,
            reconciled,
        };
        entries.push(Entry { actor: Actor::Authority, event });
        if intent.profile.as_str() == STAFF {
            entries.extend(enter_officer(tx, intent, sha256, now).await?);
        }
    }
    tx.add_statuses(&changes, now).await?;
    audit::append_all(tx, now, &entries).await?;
    Ok(vec![true; all.len()])
}

/// Enters the officer whom the order of a staff certificate names.
async fn enter_officer(
    tx: &mut dyn Tx,
    intent: &Intent,
    certificate_sha256: Sha256,
    now: Timestamp,
) -> Result<Option<Entry>, Stop> {
    let Some(order) = tx.order(intent.order).await? else { return Ok(None) };
    let Some(officer) = officer_of(&order)? else { return Ok(None) };
    let record = OfficerRecord {
        officer: officer.clone(),
        certificate_sha256,
        issuer: intent.issuer.clone(),
        serial: intent.serial.clone(),
        not_after: intent.validity.not_after,
        entered: now,
    };
    tx.add_officer(&record).await?;
    Ok(Some(Entry { actor: Actor::Authority, event: Event::OfficerEntered { officer, certificate_sha256 } }))
}
