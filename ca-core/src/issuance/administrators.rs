//! The registry is never left with fewer than two administrators: nobody could order anything about an officer any more.
//!
//! Looked at in the unit of work that takes one away, after the head of the feed was moved in it: another order that does
//! the same waits for that row, and counts what this one left.

use std::collections::BTreeSet;

use super::stop::Stop;
use crate::domain::{CertificateStatus, OfficerId, Role, Timestamp};
use crate::service::protocol::RefusalCode;
use crate::store::{Origin, Tx};

/// So many must be able to sign.
const FEWEST: usize = 2;

/// Refuses when fewer than two officers hold a good certificate, on its token, with the duty; `without` is not counted.
pub(super) async fn enough_left(tx: &mut dyn Tx, without: Option<&OfficerId>, now: Timestamp) -> Result<(), Stop> {
    let mut able = BTreeSet::new();
    for record in tx.officers().await? {
        let officer = &record.officer;
        if !officer.has_any(&[Role::Administrator]) || without == Some(&officer.id) || able.contains(&officer.id) {
            continue;
        }
        let status = tx.status(&record.issuer, &record.serial).await?.map(|record| record.status);
        let Some(certificate) = tx.certificate(&record.issuer, &record.serial).await? else { continue };
        let on_token = certificate.intent.origin == Origin::Ceremony
            || certificate.made.is_some_and(|made| made.delivered.is_some());
        if status == Some(CertificateStatus::Good) && on_token && certificate.intent.validity.contains(now) {
            able.insert(record.officer.id);
        }
    }
    if able.len() >= FEWEST {
        return Ok(());
    }
    let detail = format!("{} administrators would be left, {FEWEST} are needed", able.len());
    Err(Stop::refuse(RefusalCode::LastAdministrators, detail))
}
