//! The annual settlement of interest (年终结息): each account once a fund year, however often it is started.
//!
//! A unit's accounts are settled in batches, each with its entries of employees and of the unit in one transaction: the sums
//! are true after every one, and a run that was stopped goes on where it was.

use ca_core::domain::Timestamp;

use super::account::AccountNumber;
use super::amounts::Fen;
use super::book_store::InterestLine;
use super::books::Clerk;
use super::hall::HallError;
use super::interest::accrue;
use super::policy::days_of;
use super::store::{FundStore, FundTx};
use crate::audit::Event;
use crate::retry::settled_by;

/// Accounts in one transaction.
const BATCH: i64 = 500;
/// Units that are read at once.
const UNITS: i64 = 200;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Accounts settled by it.
    pub accounts: u64,
    /// Interest that they got.
    pub interest: Fen,
}

/// Why a year is not settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// No fund year, or one that is not over.
    #[error("the fund year {0} is not over")]
    NotOver(i64),
    /// Something else.
    #[error(transparent)]
    Hall(#[from] HallError),
}

/// Settles a fund year for all units.
///
/// # Errors
/// [`SettleError`]; what was settled before stays, and the next run goes on.
pub async fn settle_year(store: &dyn FundStore, year: i64, now: Timestamp) -> Result<Settled, SettleError> {
    if days_of(year).is_none_or(|(_, last)| last >= now.beijing_day()) {
        return Err(SettleError::NotOver(year));
    }
    let (mut done, mut after) = (Settled::default(), String::new());
    loop {
        let mut tx = store.begin_read().await.map_err(HallError::Database)?;
        let units = tx.units_after(&after, UNITS).await.map_err(HallError::Database)?;
        tx.commit().await.map_err(HallError::Database)?;
        let Some(end) = units.last() else { return Ok(done) };
        after = end.to_string();
        for unit in units {
            while let Some(batch) = settle_batch(store, &unit, year, now).await? {
                done.accounts += batch.accounts;
                done.interest += batch.interest;
            }
        }
    }
}

async fn settle_batch(
    store: &dyn FundStore,
    account: &AccountNumber,
    year: i64,
    now: Timestamp,
) -> Result<Option<Settled>, HallError> {
    settled_by(HallError::lost_race, || async {
        let mut tx = store.begin().await?;
        let done = settle_in(tx.as_mut(), account, year, now).await?;
        tx.commit().await?;
        Ok(done)
    })
    .await
}

/// Settles some accounts of a unit in a unit of work, booked on the year's last day; none when there is nothing left.
pub(super) async fn settle_in(
    tx: &mut dyn FundTx,
    account: &AccountNumber,
    year: i64,
    now: Timestamp,
) -> Result<Option<Settled>, HallError> {
    let (first, last) = days_of(year).ok_or(HallError::NotFound)?;
    let accounts = tx.unsettled(account, year, last, BATCH).await?;
    if accounts.is_empty() {
        return Ok(None);
    }
    let unit = tx.unit(account).await?.ok_or(HallError::NotFound)?;
    let policy = tx.policy_at(last).await?.ok_or_else(|| HallError::NoPolicy(last.to_string()))?;
    let mut counted = Vec::with_capacity(accounts.len());
    for one in accounts {
        let moves = tx.moves_since(&one.number, first).await?;
        let opening = one.balance() - moves.iter().map(|(_, amount)| *amount).sum();
        let (of_year, later): (Vec<_>, Vec<_>) = moves.into_iter().partition(|(day, _)| *day <= last);
        let accrual = accrue(&policy, opening, &of_year, first, last);
        counted.push((one, accrual, later.iter().map(|(_, amount)| *amount).sum()));
    }
    // One number for a year and batch: the version of the unit tells batches apart.
    let serial = format!("JX{year}-{account}-{}", unit.version + 1);
    let booking = Clerk { policy: &policy, today: last, serial: &serial }.settle(unit, counted.clone());
    tx.book(&booking, &[], now).await?;
    let mut done = Settled::default();
    for (one, accrual, _) in &counted {
        let of_year: Fen = accrual.interest;
        let closing = booking.people.iter().find(|posted| posted.account.number == one.number);
        let line = InterestLine {
            number: one.number.clone(),
            name: one.person.name.clone(),
            opening: accrual.opening,
            product: accrual.product,
            rate: policy.interest.ten_thousandths(),
            interest: of_year,
            closing: closing.map(|posted| posted.account.carried).unwrap_or_default(),
            serial: serial.clone(),
        };
        tx.keep_interest(account, year, &line).await?;
        done.accounts += 1;
        done.interest += of_year;
    }
    let details = [
        ("year", year.to_string()),
        ("accounts", done.accounts.to_string()),
        ("interest", done.interest.plain()),
        ("account", account.to_string()),
    ];
    tx.audit(&Event {
        at: now,
        actor: "system".into(),
        kind: "fund.interest",
        subject: serial.clone(),
        details: details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    })
    .await?;
    Ok(Some(done))
}
