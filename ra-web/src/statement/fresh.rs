//! Which lines of a statement are new: files may overlap, and each line counts once.
//!
//! A line is known by the bank's own number, and by a fingerprint over all that it says. A number that is there with another
//! amount or day is a fault of the file, of which then nothing is taken.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Sha256};
use ca_core::sql::DatabaseError;
use openssl::sha::sha256;

use super::{FaultyRow, FileFault, RowFault, Statement, StatementLine};
use crate::fen::Fen;

/// The lines that were taken in before.
#[async_trait]
pub trait Known: Send {
    /// Amount and day of the line that has this number of the bank's.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn of_serial(&mut self, account: &str, serial: &str) -> Result<Option<(Fen, BeijingDay)>, DatabaseError>;

    /// Whether there is a line of this fingerprint.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn has(&mut self, account: &str, fingerprint: Sha256) -> Result<bool, DatabaseError>;
}

/// The fingerprint of a line. `same` counts the lines of the file that say the same before it: without a number of the
/// bank's, two payments of a day can be alike to the letter.
#[must_use]
pub fn fingerprint(account: &str, line: &StatementLine, same: usize) -> Sha256 {
    let serial = line.serial.as_deref().unwrap_or_default();
    let (day, amount, same) = (line.day.to_string(), line.amount.fen().to_string(), same.to_string());
    let parts = [account, &day, &line.moment, serial, &amount, &line.payer, &line.payer_account, &line.memo, &same];
    Sha256(sha256(parts.join("\u{1f}").as_bytes()))
}

/// The lines of a file that are new, each with its fingerprint; or those whose number of the bank's is there with something
/// else beside it.
///
/// # Errors
/// [`DatabaseError`]; inside, [`FileFault::Rows`].
pub async fn fresh<'s>(
    known: &mut dyn Known,
    account: &str,
    statement: &'s Statement,
) -> Result<Result<Vec<(&'s StatementLine, Sha256)>, FileFault>, DatabaseError> {
    let (mut fresh, mut faulty) = (Vec::new(), Vec::new());
    let mut same: BTreeMap<Sha256, usize> = BTreeMap::new();
    let mut serials: BTreeMap<&str, &StatementLine> = BTreeMap::new();
    for line in &statement.lines {
        let seen = same.entry(fingerprint(account, line, 0)).or_default();
        let print = fingerprint(account, line, *seen);
        *seen += 1;
        if let Some(serial) = line.serial.as_deref() {
            let before = match serials.insert(serial, line) {
                Some(before) => Some((before.amount, before.day)),
                None => known.of_serial(account, serial).await?,
            };
            match before {
                Some(before) if before == (line.amount, line.day) => continue,
                Some(_) => {
                    faulty.push(FaultyRow { row: line.row, fault: RowFault::Serial, typed: serial.to_owned() });
                    continue;
                }
                None => {}
            }
        }
        if !known.has(account, print).await? {
            fresh.push((line, print));
        }
    }
    Ok(if faulty.is_empty() { Ok(fresh) } else { Err(FileFault::rows(faulty)) })
}
