//! Looking at everything that the authority ever did, with other eyes than those that did it.
//!
//! One read transaction, page by page, so that memory stays flat however long the ledger is; the bytes of each page
//! are judged on all cores meanwhile. A fault is what cannot be: a certificate that is not the bytes that were to be
//! signed, or not signed by its issuer; a serial number without its order, its signatures or its status; a chain
//! that was changed; a published list that is not what the ledger says. A finding of the linter about a certificate is
//! told apart: certificates are held against the rules and profiles of today, and one that was issued under older ones
//! was right when it was issued. A list that is not right today is replaced today, so that its findings are faults.

mod beside;
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::audit;
use crate::config::Config;
use crate::domain::{Act, CertificateStatus, IssuerId, Order, OrderId, Serial, Sha256, Timestamp, decode};
use crate::keys::PublicKey;
use crate::lint::{self, CertificateContext, Home};
use crate::profile::Profiles;
use crate::store::{CertificateRecord, IssuerRecord, Origin, Place, StatusRecord, Store, StoreError, Tx};
use crate::x509::Parts;

/// Certificates that are read at once.
const PAGE: i64 = 512;
/// Faults, and findings, that are listed; the rest is counted.
const MOST_LISTED: usize = 1000;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Certificates looked at.
    pub certificates: usize,
    /// Of these, intents that are not complete: the reconciler will finish them.
    pub open: usize,
    /// Of these, intents that were given up.
    pub given_up: usize,
    /// Published lists looked at.
    pub lists: usize,
    /// Events of the audit chain.
    pub events: i64,
    /// What the linter says by the rules and profiles of today, the first thousand.
    pub findings: Vec<String>,
    /// Everything that cannot be, the first thousand.
    pub faults: Vec<String>,
    /// Findings and faults beyond.
    pub unlisted: usize,
}

impl Report {
    fn fault(&mut self, what: String) {
        list(&mut self.faults, &mut self.unlisted, what);
    }

    fn finding(&mut self, what: String) {
        list(&mut self.findings, &mut self.unlisted, what);
    }

    fn take(&mut self, verdict: Verdict) {
        for fault in verdict.faults {
            self.fault(fault);
        }
        for finding in verdict.findings {
            self.finding(finding);
        }
    }
}

fn list(listed: &mut Vec<String>, unlisted: &mut usize, what: String) {
    if listed.len() < MOST_LISTED {
        listed.push(what);
    } else {
        *unlisted += 1;
    }
}

/// Accounts for every serial number, order, status, officer, published list and audit event. `progress` is told of the
/// report so far after each page.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn check(
    store: &dyn Store,
    config: &Config,
    now: Timestamp,
    profiles: Arc<Profiles>,
    progress: &mut (dyn FnMut(&Report) + Send),
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut unit = store.begin_read().await?;
    let tx = &mut *unit;
    let records = tx.issuers().await?;
    let mut issuers = BTreeMap::new();
    for record in records.clone() {
        let key = key_of(&record).map_err(|what| StoreError::odd("issuer", &record.id, what))?;
        issuers.insert(record.id, (record.certificate, key, record.crl_shards));
    }
    let against = Arc::new(Against { issuers, profiles });
    let most = std::thread::available_parallelism().map_or(2, usize::from) * 2;
    let mut judges: JoinSet<Verdict> = JoinSet::new();
    let (mut issuer, mut serial) = (String::new(), String::new());
    loop {
        let page = tx.certificates_after(&issuer, &serial, PAGE).await?;
        let Some(last) = page.last() else { break };
        (issuer, serial) = (last.intent.issuer.to_string(), last.intent.serial.to_string());
        account(tx, &page, &mut report).await?;
        while judges.len() >= most {
            hear(judges.join_next().await, &mut report)?;
        }
        let against = against.clone();
        judges.spawn_blocking(move || against.judge(&page));
        progress(&report);
    }
    while !judges.is_empty() {
        hear(judges.join_next().await, &mut report)?;
    }
    for (issuer, serial) in tx.log_faults().await? {
        report.fault(format!("{issuer} {serial}: the last line of the status log differs from the status"));
    }
    for officer in tx.officers().await? {
        let certificate = tx.certificate(&officer.issuer, &officer.serial).await?;
        if certificate.and_then(|record| record.made).is_none_or(|made| made.sha256 != officer.certificate_sha256) {
            report.fault(format!("officer {}: no such certificate", officer.officer.id));
        }
    }
    match audit::verify_store(tx, None, &[]).await? {
        Ok(whole) => report.events = whole.head.seq,
        Err(fault) => report.fault(format!("audit: {fault}")),
    }
    drop(unit);
    for issuer in &records {
        lists::check(store, config, issuer, now, &mut report).await?;
    }
    Ok(report)
}

fn hear(judged: Option<Result<Verdict, tokio::task::JoinError>>, report: &mut Report) -> Result<(), StoreError> {
    match judged {
        Some(Ok(verdict)) => report.take(verdict),
        Some(Err(error)) => return Err(StoreError::odd("certificate", "a page", error)),
        None => {}
    }
    Ok(())
}

/// Looks up what must stand beside the certificates of a page.
async fn account(tx: &mut dyn Tx, page: &[CertificateRecord], report: &mut Report) -> Result<(), StoreError> {
    let ordered = page.iter().filter(|record| record.intent.origin == Origin::Order);
    let ids: Vec<OrderId> = ordered.map(|record| record.intent.order).collect::<BTreeSet<_>>().into_iter().collect();
    let orders: BTreeMap<OrderId, Vec<u8>> =
        tx.orders(&ids).await?.into_iter().map(|order| (order.id, order.statement)).collect();
    let mut signatures: BTreeMap<OrderId, usize> = BTreeMap::new();
    for order in tx.signed_orders(&ids).await? {
        *signatures.entry(order).or_default() += 1;
    }
    for (id, statement) in &orders {
        // A holder's order has two signatures and, once delivered, a third; officers' have one more.
        let given = signatures.get_mut(id).filter(|count| **count < 4);
        if let (Some(given), Ok(order)) = (given, decode::<Order>(statement))
            && holder_gave(tx, &order).await?
        {
            *given += 1;
        }
    }
    for records in page.chunk_by(|a, b| a.intent.issuer == b.intent.issuer) {
        let (first, last) = (&records[0].intent, &records[records.len() - 1].intent);
        let statuses = tx.statuses_between(&first.issuer, &first.serial, &last.serial, 2 * PAGE).await?;
        let mut statuses: BTreeMap<Serial, StatusRecord> = statuses.into_iter().collect();
        for record in records {
            let status = statuses.remove(&record.intent.serial).map(|status| status.status);
            account_one(record, &orders, &signatures, status, report);
        }
        for serial in statuses.keys() {
            report.fault(format!("{} {serial}: a status of a serial number that was never drawn", first.issuer));
        }
    }
    Ok(())
}

/// Whether the holder of the certificate that an order renews signed it and bound the key.
async fn holder_gave(tx: &mut dyn Tx, order: &Order) -> Result<bool, StoreError> {
    let Some(old) = order.holders_renewal() else { return Ok(false) };
    let old = tx.certificate(&old.issuer, &old.serial).await?.and_then(|record| record.made);
    let signatures = tx.signatures(order.id).await?;
    let by = |place| signatures.iter().find(|signed| signed.place == place).map(|signed| signed.certificate_sha256);
    let by = [by(Place::Seat(0)), by(Place::Binding)];
    Ok(old.is_some_and(|old| by == [Some(old.sha256); 2]))
}

fn account_one(
    record: &CertificateRecord,
    orders: &BTreeMap<OrderId, Vec<u8>>,
    signatures: &BTreeMap<OrderId, usize>,
    status: Option<CertificateStatus>,
    report: &mut Report,
) {
    let intent = &record.intent;
    report.certificates += 1;
    let mut fault = |what: &str| report.fault(format!("{} {}: {what}", intent.issuer, intent.serial));
    if intent.origin == Origin::Order {
        match orders.get(&intent.order) {
            None => fault("no order"),
            Some(statement) => {
                if !matches!(decode::<Order>(statement).map(|order| order.act), Ok(Act::Issue { .. })) {
                    fault("its order is no issue");
                }
                if signatures.get(&intent.order).is_none_or(|count| *count < 3) {
                    fault("its order has not the signatures of two officers and an operator, or of its holder");
                }
            }
        }
    }
    match (&record.made, status) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => fault("no status"),
        (None, None) => report.open += 1,
        (None, Some(CertificateStatus::Revoked { .. })) => report.given_up += 1,
        (None, Some(_)) => fault("a status without certificate"),
    }
}

/// What certificates are held against.
struct Against {
    /// Certificate, key and number of shards.
    issuers: BTreeMap<IssuerId, (Vec<u8>, PublicKey, u16)>,
    profiles: Arc<Profiles>,
}

/// What was found in a page.
#[derive(Default)]
struct Verdict {
    faults: Vec<String>,
    findings: Vec<String>,
}

impl Against {
    fn judge(&self, page: &[CertificateRecord]) -> Verdict {
        let mut verdict = Verdict::default();
        for record in page {
            let intent = &record.intent;
            let Some(made) = &record.made else { continue };
            let name = format!("{} {}", intent.issuer, intent.serial);
            if Sha256(openssl::sha::sha256(&made.certificate)) != made.sha256 {
                verdict.faults.push(format!("{name}: the stored hash is another's"));
            }
            let Some((issuer, key, shards)) = self.issuers.get(&intent.issuer) else {
                verdict.faults.push(format!("{name}: no such issuer"));
                continue;
            };
            if let Err(what) = verify(&made.certificate, &intent.tbs, key) {
                verdict.faults.push(format!("{name}: {what}"));
            }
            let Some(profile) = self.profiles.find(&intent.profile) else {
                verdict.findings.push(format!("{name}: there is no profile {} any more", intent.profile));
                continue;
            };
            // A root is its own issuer.
            let issuer = Some(&issuer[..]).filter(|issuer| *issuer != made.certificate);
            let home = issuer.map(|_| Home { issuer: &intent.issuer, shards: *shards });
            let findings = lint::certificate(&intent.tbs, &CertificateContext { profile, issuer, key, home });
            verdict.findings.extend(findings.iter().map(|finding| format!("{name}: {finding}")));
        }
        verdict
    }
}

/// The key with which an issuer's signatures verify.
fn key_of(issuer: &IssuerRecord) -> Result<PublicKey, String> {
    let parts = Parts::read(&issuer.certificate).map_err(|error| error.to_string())?;
    PublicKey::under(parts.tbs.spki, &issuer.sm2_id).map_err(|error| error.to_string())
}

/// Whether the certificate is the intended bytes, signed with this key.
fn verify(certificate: &[u8], tbs: &[u8], issuer: &PublicKey) -> Result<(), String> {
    let parts = Parts::read(certificate).map_err(|error| error.to_string())?;
    if parts.tbs.whole != tbs {
        return Err("the certificate is not what was to be signed".into());
    }
    let algorithm = parts.signature_algorithm().map_err(|error| error.to_string())?;
    issuer.verify(&algorithm, tbs, parts.signature).map_err(|error| error.to_string())
}
