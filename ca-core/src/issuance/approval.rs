//! Whether those who signed an order may give it: officers, or the holder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evidence::{Evidence, Voice};
use super::holder;
use super::stop::Stop;
use crate::audit::Actor;
use crate::domain::{Act, CertificateStatus, OfficeId, Order, Role, Sha256, Timestamp};
use crate::keys::csr::ProvenPossession;
use crate::service::protocol::RefusalCode;
use crate::store::{OfficerRecord, OrderRecord, Place, SignatureRecord, Tx};

/// How old an order may be.
const MAX_AGE_SECONDS: i64 = 30 * 86_400;
/// How far the clocks of counter and authority may differ.
const MAX_AHEAD_SECONDS: i64 = 5 * 60;

/// Something that those who must have signed did sign: officers, each in the registry, good at this moment, of the right
/// role and office, and no one twice; or the holder. Only [`approve`] makes one.
#[derive(Debug)]
pub struct Approved<T> {
    what: Arc<T>,
    givers: Givers,
    evidence: Arc<Evidence>,
    received: Timestamp,
}

/// Who gave an order.
#[derive(Debug)]
enum Givers {
    /// Officers, seat by seat, then the token operator if a key was bound.
    Officers(Vec<Arc<OfficerRecord>>),
    /// The holder of the certificate that is renewed or ended, by its key.
    Holder(Sha256),
}

impl<T> Approved<T> {
    /// What was approved.
    #[must_use]
    pub fn what(&self) -> &T {
        &self.what
    }

    /// SHA-256 of its canonical bytes.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        self.evidence.sha256
    }

    /// Who approved it, as the audit names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.givers {
            Givers::Officers(officers) => {
                Actor::Officers(officers.iter().map(|record| record.officer.id.clone()).collect())
            }
            Givers::Holder(certificate_sha256) => Actor::Holder { certificate_sha256: *certificate_sha256 },
        }
    }

    /// The key bound to it, for an issue.
    #[must_use]
    pub fn key(&self) -> Option<&ProvenPossession> {
        self.evidence.key.as_ref().map(|key| &key.possession)
    }

    /// What is kept of it: the order and the signatures on it.
    pub(super) fn records(&self) -> (OrderRecord, Vec<SignatureRecord>) {
        let Evidence { order, bytes, sha256, approvals, key } = &*self.evidence;
        let places = (0_u8..).take(approvals.len()).map(Place::Seat).chain([Place::Binding]);
        let voices = approvals.iter().chain(key.as_ref().map(|key| &key.operator));
        let officers = match &self.givers {
            Givers::Officers(officers) => &officers[..],
            Givers::Holder(_) => &[],
        };
        let names = officers.iter().map(|officer| Some(officer.officer.id.clone())).chain(std::iter::repeat(None));
        let signed = places.zip(voices).zip(names).map(|((place, voice), officer)| SignatureRecord {
            order: order.id,
            place,
            certificate_sha256: voice.certificate_sha256,
            officer,
            message: voice.message.clone(),
        });
        let record = OrderRecord { id: order.id, sha256: *sha256, statement: bytes.clone(), received: self.received };
        (record, signed.collect())
    }

    /// Writes the order and the signatures on it.
    pub(super) async fn keep(&self, tx: &mut dyn Tx) -> Result<(), Stop> {
        let (order, signatures) = self.records();
        tx.add_order(&order).await?;
        tx.add_signatures(&signatures).await?;
        Ok(())
    }
}

/// Looks up everyone who signed, in the registry as this unit of work sees it.
///
/// # Errors
/// [`Stop::Refused`] with `OrderNotCurrent`, `TwoOfficersNeeded`, `UnknownOfficer`, `OfficerNotGood`, `WrongRole`,
/// `WrongState` or `KeyNotBound`.
pub async fn approve(tx: &mut dyn Tx, evidence: &Arc<Evidence>, now: Timestamp) -> Result<Approved<Order>, Stop> {
    approve_knowing(tx, &mut Known::default(), evidence, now).await
}

/// Officers who were found good in this unit of work, at this moment: asked once for many orders.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<Sha256, Arc<OfficerRecord>>);

/// [`approve`] for one of many orders in a unit of work. `known` belongs to this unit of work and this `now`.
pub(super) async fn approve_knowing(
    tx: &mut dyn Tx,
    known: &mut Known,
    evidence: &Arc<Evidence>,
    now: Timestamp,
) -> Result<Approved<Order>, Stop> {
    let order = &evidence.order;
    let giver = holder::giver(tx, evidence, now).await?;
    let age = now.since(order.created);
    let renews = giver.is_some() && order.holders_renewal().is_some();
    let oldest = if renews { holder::MAX_AGE_SECONDS } else { MAX_AGE_SECONDS };
    if !(-MAX_AHEAD_SECONDS..=oldest).contains(&age) {
        let detail = format!("the order was written {age} seconds ago");
        return Err(Stop::refuse(RefusalCode::OrderNotCurrent, detail));
    }
    if let Some(holder) = giver {
        let (what, givers) = (order.clone(), Givers::Holder(holder));
        return Ok(Approved { what, givers, evidence: evidence.clone(), received: now });
    }
    let staff = concerns_staff(tx, &order.act).await?;
    let seats = order.act.seats(staff);
    if evidence.approvals.len() != seats.len() {
        let detail = format!("{} signatures, {} needed", evidence.approvals.len(), seats.len());
        return Err(Stop::refuse(RefusalCode::TwoOfficersNeeded, detail));
    }

    let mut officers: Vec<Arc<OfficerRecord>> = Vec::new();
    for (voice, roles) in evidence.approvals.iter().zip(seats) {
        let officer = look_up(tx, known, voice, now).await?;
        if officers.iter().any(|other| other.officer.id == officer.officer.id) {
            let detail = format!("{} signed twice", officer.officer.id);
            return Err(Stop::refuse(RefusalCode::TwoOfficersNeeded, detail));
        }
        sit(&officer, roles, &order.office)?;
        officers.push(officer);
    }

    if let Some(key) = &evidence.key {
        let operator = look_up(tx, known, &key.operator, now).await?;
        // An officer's token is made where it is ordered: administrators make it, and have no desk duties.
        let maker = if staff { Role::Administrator } else { Role::TokenOperator };
        sit(&operator, &[maker], &order.office)?;
        // The last seat is the reviewer's: who reviews an application must not make its key.
        if officers.last().is_some_and(|reviewer| reviewer.officer.id == operator.officer.id) {
            return Err(Stop::refuse(RefusalCode::KeyNotBound, "the reviewer may not bind the key"));
        }
        officers.push(operator);
    }
    let givers = Givers::Officers(officers);
    Ok(Approved { what: order.clone(), givers, evidence: evidence.clone(), received: now })
}

/// Whether the certificate is, or is to be, an officer's own.
async fn concerns_staff(tx: &mut dyn Tx, act: &Act) -> Result<bool, Stop> {
    Ok(match act {
        Act::Issue { officer, .. } => officer.is_some(),
        Act::Revoke { issuer, serial, .. }
        | Act::Hold { issuer, serial }
        | Act::Release { issuer, serial }
        | Act::Amend { issuer, serial } => tx.officer_of(issuer, serial).await?.is_some(),
    })
}

/// The officer behind a voice, good at this moment.
pub(super) async fn look_up(
    tx: &mut dyn Tx,
    known: &mut Known,
    voice: &Voice,
    now: Timestamp,
) -> Result<Arc<OfficerRecord>, Stop> {
    if let Some(officer) = known.0.get(&voice.certificate_sha256) {
        return Ok(officer.clone());
    }
    let Some(officer) = tx.officer(voice.certificate_sha256).await? else {
        let detail = format!("certificate {} is not in the registry", voice.certificate_sha256);
        return Err(Stop::refuse(RefusalCode::UnknownOfficer, detail));
    };
    let not_good = |why: &str| {
        Stop::refuse(RefusalCode::OfficerNotGood, format!("the certificate of {} {why}", officer.officer.id))
    };
    match tx.status(&officer.issuer, &officer.serial).await?.map(|record| record.status) {
        Some(CertificateStatus::Good) => {}
        Some(CertificateStatus::Held { .. }) => return Err(not_good("is held")),
        Some(CertificateStatus::Revoked { .. }) => return Err(not_good("is revoked")),
        None => return Err(not_good("has no status")),
    }
    let certificate = tx.certificate(&officer.issuer, &officer.serial).await?;
    if !certificate.is_some_and(|certificate| certificate.intent.validity.contains(now)) {
        return Err(not_good("is not valid at this time"));
    }
    let officer = Arc::new(officer);
    known.0.insert(voice.certificate_sha256, officer.clone());
    Ok(officer)
}

/// Whether the officer has a role of this seat in the office that gives the order. Administrators may be of any office.
pub(super) fn sit(officer: &OfficerRecord, roles: &[Role], office: &OfficeId) -> Result<(), Stop> {
    let officer = &officer.officer;
    if !officer.has_any(roles) {
        let roles: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        let detail = format!("{} is none of {}", officer.id, roles.join(", "));
        return Err(Stop::refuse(RefusalCode::WrongRole, detail));
    }
    if officer.office != *office && roles != [Role::Administrator] {
        let detail = format!("{} is of office {}, the order of {}", officer.id, officer.office, office);
        return Err(Stop::refuse(RefusalCode::WrongRole, detail));
    }
    Ok(())
}
