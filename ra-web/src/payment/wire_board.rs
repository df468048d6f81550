//! What finance sees of money by bank: what waits, lines, statements.

use ca_core::domain::Officer;

use super::bill::Bill;
use super::store::Booked;
use super::wire::{BankLine, LineNumber, StatementNumber, TakenIn, WireTerms};
use crate::enrolment::case::may_read;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::statement;

/// So many of each kind at most, the oldest.
const MOST: i64 = 100;

/// What waits about money by bank.
pub struct WireBoard {
    /// Our account.
    pub terms: WireTerms,
    /// Lines that finance is asked about, each with its bill.
    pub proposed: Vec<(BankLine, Option<Bill>)>,
    /// Lines in suspense.
    pub suspense: Vec<BankLine>,
    /// Returns that wait for a second person.
    pub asked: Vec<BankLine>,
    /// Returns to be sent.
    pub returning: Vec<BankLine>,
    /// The last statements.
    pub statements: Vec<TakenIn>,
}

impl Desk {
    /// What waits about money by bank.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] for another office's, [`OfficeError::NotFound`] where nobody pays by bank, or storage.
    pub async fn wire_board(&self, officer: &Officer) -> Result<WireBoard, OfficeError> {
        let terms = self.wire_terms()?.clone();
        may_read(officer, &terms.office)?;
        let mut tx = self.store.read().await?;
        let mut proposed = Vec::new();
        for line in tx.lines_in(&terms.office, "proposed", MOST).await? {
            let bill = match line.state.bill() {
                Some(number) => tx.bill(number).await?,
                None => None,
            };
            proposed.push((line, bill));
        }
        Ok(WireBoard {
            proposed,
            suspense: tx.lines_in(&terms.office, "suspense", MOST).await?,
            asked: tx.lines_in(&terms.office, "return_asked", MOST).await?,
            returning: tx.lines_in(&terms.office, "returning", MOST).await?,
            statements: tx.statements(&terms.office, 30).await?,
            terms,
        })
    }

    /// How much waits for finance about money by bank: nothing where it does not look after the account.
    ///
    /// # Errors
    /// Storage.
    pub async fn wires_waiting(&self, officer: &Officer) -> Result<Option<usize>, OfficeError> {
        let Some(terms) = self.rules.money.wire.as_ref().filter(|terms| may_read(officer, &terms.office).is_ok())
        else {
            return Ok(None);
        };
        let mut tx = self.store.read().await?;
        let mut waiting = 0;
        for state in ["proposed", "suspense", "return_asked", "returning"] {
            waiting += tx.lines_in(&terms.office, state, MOST).await?.len();
        }
        Ok(Some(waiting))
    }

    /// A line, with the bill that it pays or comes nearest, and what was booked of it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's.
    pub async fn bank_line(
        &self,
        officer: &Officer,
        number: &LineNumber,
    ) -> Result<(BankLine, Option<Bill>, Vec<Booked>), OfficeError> {
        may_read(officer, &self.wire_terms()?.office)?;
        let mut tx = self.store.read().await?;
        let line = tx.line(number).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &line.office)?;
        let booked = tx.entries_about(number.as_str()).await?;
        let bill = match line.state.bill() {
            Some(number) => tx.bill(number).await?,
            None => None,
        };
        Ok((line, bill, booked))
    }

    /// A statement with its lines.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's.
    pub async fn bank_statement(
        &self,
        officer: &Officer,
        number: &StatementNumber,
    ) -> Result<(TakenIn, Vec<BankLine>), OfficeError> {
        may_read(officer, &self.wire_terms()?.office)?;
        let mut tx = self.store.read().await?;
        let statement = tx.statement(number).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &statement.office)?;
        let lines = tx.lines_of(number, statement::MAX_LINES as i64).await?;
        Ok((statement, lines))
    }
}
