//! The published lists, held against the ledger: each file there, whole, under the number that was made last, right by
//! today's rules, and with the entries that the log of statuses gives for it and no other.
//!
//! Nothing is held as a whole. The log is read once for some lists together, page by page in the order of serial
//! numbers, and goes through each file beside its entries.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Report;
use super::beside::{Beside, Expected};
use crate::config::Config;
use crate::domain::{ListKind, ListScope, Sha256, Timestamp};
use crate::keys::PublicKey;
use crate::lint::{self, CrlContext};
use crate::revocation::publish::number_in;
use crate::store::{ChangedStatus, CrlRecord, IssuerRecord, Store, StoreError, Tx};

/// Lists that are read at once.
const TOGETHER: usize = 16;
/// Lines of the log that are read at once.
const PAGE: i64 = 4096;
/// A list is recorded first and then put in its place: so often is looked again whether it came, and after so long.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// A page of the log on its way to the lists.
pub(super) type Page = Arc<Vec<ChangedStatus>>;

/// Holds all lists of an issuer against the ledger.
pub(super) async fn check(
    store: &dyn Store,
    config: &Config,
    issuer: &IssuerRecord,
    now: Timestamp,
    report: &mut Report,
) -> Result<(), StoreError> {
    let key = super::key_of(issuer).map_err(|what| StoreError::odd("issuer", &issuer.id, what))?;
    let (mut tx, found) = settled(store, &config.publish_dir.join("crl"), issuer).await?;
    let mut lists = Vec::new();
    for Found { kind, published, record } in found {
        let file = kind.file(&issuer.id);
        report.lists += 1;
        match (published, record) {
            (_, None) => report.fault(format!("{file}: was never made")),
            (Published::Nothing(what), Some(_)) => report.fault(format!("{file}: {what}")),
            (Published::Number(number, _), Some(record)) if number != record.number => {
                report.fault(format!("{file}: number {number} is published, number {} was made last", record.number));
            }
            (Published::Number(_, source), Some(record)) => lists.push((file, source, record)),
        }
    }
    let taken = tx.crl_number(&issuer.id).await?;
    if let Some((file, _, record)) = lists.iter().find(|(_, _, record)| record.number > taken) {
        report.fault(format!("{file}: number {} would be given again: {taken} was given last", record.number));
    }
    let newest = tx.last_crl(&issuer.id, ListKind::Full).await?;
    let Some(newest) = newest else { return Ok(()) };
    let still_on_newest = end_of_entries(&mut *tx, &newest).await?;
    let mut drafts = Vec::new();
    for (file, source, record) in lists {
        let expected = Expected {
            seqs: seqs(&mut *tx, &record).await?,
            still_valid_at: end_of_entries(&mut *tx, &record).await?,
            still_on_newest,
            this_update: record.this_update,
            list: record.list,
            shards: issuer.crl_shards,
        };
        let base = u64::try_from(record.base.unwrap_or_default()).unwrap_or_default();
        let scope = record.list.scope(&config.base_url, &issuer.id, issuer.root, base);
        drafts.push(Draft { file, source, record, scope, expected, now });
    }
    let issuer = Arc::new(Issuer { record: issuer.clone(), key });
    while !drafts.is_empty() {
        let some: Vec<_> = drafts.drain(..drafts.len().min(TOGETHER)).collect();
        compare(&mut *tx, &issuer, &newest, some, report).await?;
    }
    Ok(())
}

/// What stands where a list should be.
enum Published {
    /// A list of this number.
    Number(i64, File),
    /// Nothing that could be one.
    Nothing(String),
}

/// What there is of a list.
struct Found {
    kind: ListKind,
    published: Published,
    record: Option<CrlRecord>,
}

/// Files and ledger, once they agree or long enough after. The files are open: what is put in their place after this
/// changes nothing.
async fn settled(
    store: &dyn Store,
    folder: &Path,
    issuer: &IssuerRecord,
) -> Result<(Box<dyn Tx>, Vec<Found>), StoreError> {
    let mut look = 0;
    loop {
        look += 1;
        let kinds = ListKind::all(issuer.root, issuer.crl_shards);
        let opened: Vec<_> = kinds.into_iter().map(|kind| (kind, open(&folder.join(kind.file(&issuer.id))))).collect();
        // After the files, for a list is recorded before it is published.
        let mut tx = store.begin_read().await?;
        let mut found = Vec::new();
        for (kind, published) in opened {
            found.push(Found { kind, published, record: tx.last_crl(&issuer.id, kind).await? });
        }
        let behind = found.iter().any(|Found { published, record, .. }| {
            let Published::Number(number, _) = published else { return false };
            record.as_ref().is_some_and(|record| *number < record.number)
        });
        if !behind || look == LOOKS {
            return Ok((tx, found));
        }
        drop(tx);
        tokio::time::sleep(PAUSE).await;
    }
}

fn open(path: &Path) -> Published {
    match File::open(path).and_then(|file| Ok((number_in(path)?, file))) {
        Ok((Some(number), file)) => Published::Number(number, file),
        Ok((None, _)) => Published::Nothing("is no list".into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Published::Nothing("is not there".into()),
        Err(error) => Published::Nothing(error.to_string()),
    }
}

/// Which lines of the log a list tells of: all up to its last, and for a delta those after its base.
async fn seqs(tx: &mut dyn Tx, record: &CrlRecord) -> Result<Range<i64>, StoreError> {
    let from = match (record.list, tx.planned_crl_before(&record.issuer, record.number).await?) {
        (ListKind::Delta, Some(base)) => base.covers,
        (ListKind::Delta, None) => record.covers,
        _ => 0,
    };
    Ok(from..record.covers)
}

/// Certificates that ended before this stand on the list no more.
async fn end_of_entries(tx: &mut dyn Tx, record: &CrlRecord) -> Result<Timestamp, StoreError> {
    let planned = tx.planned_crl_before(&record.issuer, record.number).await?;
    Ok(planned.map_or(Timestamp::from_unix(0), |planned| planned.this_update))
}

/// An issuer, and the key that made its lists.
struct Issuer {
    record: IssuerRecord,
    key: PublicKey,
}

/// A published list beside what it should be.
struct Draft {
    file: String,
    source: File,
    record: CrlRecord,
    scope: ListScope,
    expected: Expected,
    now: Timestamp,
}

/// Reads these lists, each on a thread, while the log goes past.
async fn compare(
    tx: &mut dyn Tx,
    issuer: &Arc<Issuer>,
    newest: &CrlRecord,
    drafts: Vec<Draft>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let covers = drafts.iter().map(|draft| draft.expected.seqs.end).fold(newest.covers, i64::max);
    let still_valid_at = drafts.iter().map(|draft| draft.expected.still_valid_at).min();
    let still_valid_at = still_valid_at.unwrap_or(Timestamp::from_unix(0));
    let (mut senders, mut judges) = (Vec::new(), Vec::new());
    for draft in drafts {
        let (sender, pages) = mpsc::channel(2);
        let issuer = issuer.clone();
        senders.push(sender);
        judges.push(tokio::task::spawn_blocking(move || draft.judge(&issuer, pages)));
    }
    let mut after = String::new();
    loop {
        let page = tx.changed_between(&issuer.record.id, 0..covers, still_valid_at, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.serial.to_string();
        let page = Arc::new(page);
        for sender in &senders {
            // A list that ended too soon takes no more; its thread tells of it.
            let _ = sender.send(page.clone()).await;
        }
    }
    drop(senders);
    for judge in judges {
        let faults = judge.await.map_err(|error| StoreError::odd("crl_list", "a list", error))?;
        for fault in faults {
            report.fault(fault);
        }
    }
    Ok(())
}

impl Draft {
    fn judge(self, issuer: &Issuer, pages: mpsc::Receiver<Page>) -> Vec<String> {
        let Self { file, source, record, scope, expected, now } = self;
        let context = CrlContext {
            issuer: &issuer.record.certificate,
            key: &issuer.key,
            scope: &scope,
            previous: u64::try_from(record.number - 1).ok(),
            now,
        };
        let mut beside = Beside::new(expected, pages);
        let seen = match lint::crl_watched(source, &context, Some(&mut |entry| beside.entry(entry))) {
            Ok(seen) => seen,
            Err(error) => return vec![format!("{file}: {error}")],
        };
        let mut faults: Vec<String> = seen.findings.iter().map(ToString::to_string).collect();
        // Of a file that breaks off nothing more is known.
        if seen.sha256 != Sha256([0; 32]) {
            if seen.sha256 != record.sha256 {
                faults.push("these are not the bytes that were signed last".into());
            }
            if i64::try_from(seen.entries) != Ok(record.entries) {
                faults.push(format!("{} entries, {} were signed", seen.entries, record.entries));
            }
            faults.extend(beside.end());
        }
        faults.iter().map(|what| format!("{file}: {what}")).collect()
    }
}
