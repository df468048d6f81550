//! Looking at everything that the authority ever did, with other eyes than those that did it.

use std::collections::BTreeMap;

use crate::audit;
use crate::domain::{Act, IssuerId, Order, Sha256, decode};
use crate::keys::verify::verify_signature;
use crate::revocation::freshness;
use crate::store::{CertificateRecord, Origin, StoreError, Tx};
use crate::x509::Parts;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Certificates looked at.
    pub certificates: usize,
    /// Of these, intents that are not complete: the reconciler will finish them.
    pub open: usize,
    /// Events of the audit chain.
    pub events: i64,
    /// Everything that cannot be.
    pub faults: Vec<String>,
}

/// Accounts for every serial number, order, status, officer and audit event.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn check(tx: &mut dyn Tx, now: crate::domain::Timestamp) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let issuers: BTreeMap<IssuerId, Vec<u8>> =
        tx.issuers().await?.into_iter().map(|record| (record.id, record.certificate)).collect();
    let (mut issuer, mut serial) = (String::new(), String::new());
    loop {
        let page = tx.certificates_after(&issuer, &serial, 500).await?;
        let Some(last) = page.last() else { break };
        (issuer, serial) = (last.intent.issuer.to_string(), last.intent.serial.to_string());
        for record in &page {
            report.certificates += 1;
            check_certificate(tx, record, &issuers, &mut report).await?;
        }
    }
    for (issuer, serial) in tx.log_faults().await? {
        report.faults.push(format!("{issuer} {serial}: the last line of the status log differs from the status"));
    }
    for officer in tx.officers().await? {
        let certificate = tx.certificate(&officer.issuer, &officer.serial).await?;
        if certificate.and_then(|record| record.made).is_none_or(|made| made.sha256 != officer.certificate_sha256) {
            report.faults.push(format!("officer {}: no such certificate", officer.officer.id));
        }
    }
    for issuer in freshness(tx, now).await?.stale {
        report.faults.push(format!("{issuer}: no list that is valid now"));
    }
    match audit::verify_store(tx, None, &[]).await? {
        Ok(whole) => report.events = whole.head.seq,
        Err(fault) => report.faults.push(format!("audit: {fault}")),
    }
    Ok(report)
}

async fn check_certificate(
    tx: &mut dyn Tx,
    record: &CertificateRecord,
    issuers: &BTreeMap<IssuerId, Vec<u8>>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let intent = &record.intent;
    let mut fault = |what: String| report.faults.push(format!("{} {}: {what}", intent.issuer, intent.serial));
    if intent.origin == Origin::Order {
        match tx.order(intent.order).await? {
            None => fault("no order".into()),
            Some(order) => {
                let act = decode::<Order>(&order.statement).map(|order| order.act);
                if !matches!(act, Ok(Act::Issue { .. })) {
                    fault("its order is no issue".into());
                }
                if tx.signatures(intent.order).await?.len() < 3 {
                    fault("its order has not the signatures of two officers and an operator".into());
                }
            }
        }
    }
    let status = tx.status(&intent.issuer, &intent.serial).await?;
    let Some(made) = &record.made else {
        if status.is_some() {
            fault("a status without certificate".into());
        }
        report.open += 1;
        return Ok(());
    };
    if status.is_none() {
        fault("no status".into());
    }
    if Sha256(openssl::sha::sha256(&made.certificate)) != made.sha256 {
        fault("the stored hash is another's".into());
    }
    if let Err(what) = verify(&made.certificate, &intent.tbs, issuers.get(&intent.issuer)) {
        fault(what);
    }
    Ok(())
}

/// Whether the certificate is the intended bytes, signed by its issuer.
fn verify(certificate: &[u8], tbs: &[u8], issuer: Option<&Vec<u8>>) -> Result<(), String> {
    let parts = Parts::read(certificate).map_err(|error| error.to_string())?;
    if parts.tbs.whole != tbs {
        return Err("the certificate is not what was to be signed".into());
    }
    let issuer = Parts::read(issuer.ok_or("no such issuer")?).map_err(|error| error.to_string())?;
    let algorithm = parts.signature_algorithm().map_err(|error| error.to_string())?;
    verify_signature(issuer.tbs.spki, &algorithm, tbs, parts.signature).map_err(|error| error.to_string())
}
