//! A certificate that takes another one's place: whether it may, how long it lives, and what becomes of the old one.
//!
//! The old one goes on until the new one is on its token. Trusts the store alone: officers who sign such an order say
//! which certificate they mean, and the authority looks whose it is.

use super::administrators;
use super::pair::pair_of;
use super::stop::Stop;
use crate::audit::Actor;
use crate::domain::{
    Act, CertificateStatus, Ground, IssuerId, Officer, Order, ProfileName, Replaces, Role, Serial, Subject,
    SubjectField, Timestamp, Validity, decode,
};
use crate::profile::Term;
use crate::revocation;
use crate::service::protocol::{Refusal, RefusalCode};
use crate::store::{CertificateRecord, Intent, OrderRecord, Origin, Part, StoreError, Tx};

/// The end of the certificate that an order replaces; `None` for an order that replaces none.
///
/// # Errors
/// [`RefusalCode::NotFound`] when there is no such delivered certificate, [`RefusalCode::ProfileViolated`] when it is
/// another holder's or of another profile, [`RefusalCode::WrongState`] when its state does not allow it or another
/// certificate took its place.
pub(super) async fn end_of_old(tx: &mut dyn Tx, order: &Order, now: Timestamp) -> Result<Option<Timestamp>, Stop> {
    let Act::Issue { profile, subject, officer, replaces: Some(replaces), .. } = &order.act else {
        return Ok(None);
    };
    let Replaces { issuer, serial, ground } = replaces;
    let nothing = || Stop::refuse(RefusalCode::NotFound, format!("no certificate {serial} of {issuer} to replace"));
    let old = tx.certificate(issuer, serial).await?.filter(is_somebodys).ok_or_else(nothing)?;
    same_holder(tx, &old.intent, profile, subject, officer.as_ref(), *ground).await?;
    if let Some(officer) = officer
        && loses_the_duty(tx, issuer, serial, Some(officer)).await?
    {
        administrators::enough_left(tx, Some(&officer.id), now).await?;
    }
    let end = old.intent.validity.not_after;
    let status = tx.status(issuer, serial).await?.map(|record| record.status).ok_or_else(nothing)?;
    let wrong = |detail: &str| Err(Stop::refuse(RefusalCode::WrongState, detail));
    if ground.keeps_the_term() && end <= now {
        return wrong("the certificate to replace is over: nothing of it is left");
    }
    if !ground.keeps_the_term() && status != CertificateStatus::Good {
        return wrong("a held or revoked certificate is not renewed");
    }
    for other in tx.replacements_of(issuer, serial).await? {
        let certificates = tx.certificates_of_order(other).await?;
        if other != order.id && stands(tx, &certificates).await? {
            return Err(Stop::refuse(RefusalCode::WrongState, format!("order {other} took its place already")));
        }
    }
    Ok(Some(end))
}

/// How long a certificate lives that an order asks for.
pub(super) fn validity(term: Term, act: &Act, old_end: Option<Timestamp>, now: Timestamp) -> Validity {
    let Act::Issue { years, replaces, .. } = act else { return term.validity(now, 0) };
    match (replaces, old_end) {
        (Some(replaces), Some(end)) if replaces.ground.keeps_the_term() => {
            Validity { not_after: end, ..term.validity(now, 0) }
        }
        (Some(_), Some(end)) => term.extended(now, end, *years),
        _ => term.validity(now, *years),
    }
}

/// The new certificate is on its token: the old one, if there is one and it is still worth something, is revoked.
pub(super) async fn retire_old(tx: &mut dyn Tx, order: &OrderRecord, now: Timestamp) -> Result<bool, Stop> {
    let decoded = decode::<Order>(&order.statement).map_err(|error| StoreError::odd("ca_order", order.id, error))?;
    let Act::Issue { replaces: Some(Replaces { issuer, serial, ground }), officer, .. } = decoded.act else {
        return Ok(false);
    };
    let status = tx.status(&issuer, &serial).await?.map(|record| record.status);
    let pair = pair_of(tx, &issuer, &serial).await?;
    let over = pair.iter().all(|record| record.intent.validity.not_after < now);
    if over || matches!(status, None | Some(CertificateStatus::Revoked { .. })) {
        return Ok(false);
    }
    match revocation::still_lists::<Stop>(tx, &issuer).await {
        // Nobody would look at a list of this issuer any more.
        Err(Stop::Refused(Refusal { code: RefusalCode::IssuerRetired, .. })) => return Ok(false),
        other => other?,
    }
    let status = CertificateStatus::Revoked { since: now, reason: ground.reason() };
    for record in &pair {
        let Intent { issuer, serial, validity, .. } = &record.intent;
        let change = revocation::Change { issuer, serial, status, not_after: validity.not_after };
        revocation::change(tx, now, Actor::Authority, Some(order.id), change).await?;
    }
    if loses_the_duty(tx, &issuer, &serial, officer.as_ref()).await? {
        administrators::enough_left(tx, None, now).await?;
    }
    Ok(true)
}

/// Whether who held the old certificate is an administrator, and is none by the new one.
async fn loses_the_duty(
    tx: &mut dyn Tx,
    issuer: &IssuerId,
    serial: &Serial,
    becomes: Option<&Officer>,
) -> Result<bool, Stop> {
    let was = tx.officer_of(issuer, serial).await?;
    let rules = |officer: &Officer| officer.has_any(&[Role::Administrator]);
    Ok(was.is_some_and(|was| rules(&was.officer)) && !becomes.is_some_and(rules))
}

/// A certificate that somebody holds: what officers ordered and a token confirmed, or a first officer's.
fn is_somebodys(record: &CertificateRecord) -> bool {
    let delivered = record.made.as_ref().is_some_and(|made| match record.intent.origin {
        Origin::Order => made.delivered.is_some(),
        Origin::Ceremony => true,
        Origin::Responder => false,
    });
    delivered && record.intent.part == Part::Signature
}

/// Whether old and new are one holder's and one profile's, so that a unit's order cannot touch an officer.
async fn same_holder(
    tx: &mut dyn Tx,
    old: &Intent,
    profile: &ProfileName,
    subject: &Subject,
    officer: Option<&Officer>,
    ground: Ground,
) -> Result<(), Stop> {
    let other = |detail: &str| Err(Stop::refuse(RefusalCode::ProfileViolated, detail));
    if old.profile != *profile {
        return other("the certificate to replace is of another profile");
    }
    if let Some(officer) = officer {
        return match tx.officer_of(&old.issuer, &old.serial).await? {
            Some(known) if known.officer.id != officer.id => other("the certificate to replace is another officer's"),
            Some(known) if ground != Ground::Change && known.officer != *officer => {
                other("only a change of particulars changes an officer's name, office or duties")
            }
            Some(_) => Ok(()),
            None => other("the certificate to replace is no officer's"),
        };
    }
    let order = tx.order(old.order).await?.ok_or_else(|| StoreError::odd("certificate", old.order, "no order"))?;
    let decoded = decode::<Order>(&order.statement).map_err(|error| StoreError::odd("ca_order", order.id, error))?;
    let Act::Issue { subject: before, .. } = decoded.act else {
        return Err(StoreError::odd("ca_order", order.id, "no issue").into());
    };
    // What relying parties bind accounts to must survive; the code alone where there is no unit number.
    let field = match before.get(SubjectField::UniqueId) {
        Some(_) => SubjectField::UniqueId,
        None => SubjectField::Uscc,
    };
    if before.get(field).is_none() || before.get(field) != subject.get(field) {
        other("the certificate to replace is another holder's")
    } else if ground != Ground::Change && before != *subject {
        other("only a change of particulars changes the subject")
    } else {
        Ok(())
    }
}

/// Whether certificates are, or may yet become, somebody's: not given up and not undone before delivery.
async fn stands(tx: &mut dyn Tx, records: &[CertificateRecord]) -> Result<bool, Stop> {
    for record in records {
        let status = tx.status(&record.intent.issuer, &record.intent.serial).await?.map(|record| record.status);
        let delivered = record.made.as_ref().is_some_and(|made| made.delivered.is_some());
        if delivered || !matches!(status, Some(CertificateStatus::Revoked { .. })) {
            return Ok(true);
        }
    }
    Ok(false)
}
