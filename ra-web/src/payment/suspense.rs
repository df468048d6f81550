//! Money by bank that did not find its bill by itself: finance assigns it, says that it is settlement of what was taken before, or
//! has it sent back to the account that it came from, for which a second person must agree.

use ca_core::domain::{Officer, Timestamp};

use super::bill::{BillNumber, MoneyFault};
use super::counter::book;
use super::ledger::Account;
use super::remittance::codes_in;
use super::wire::{BankLine, LineNumber, LineState};
use super::{event, ledger};
use crate::enrolment::desk::{Desk, OfficeError, again};

impl Desk {
    /// Finance says that a line pays a bill: the one that was proposed, or the one that it names.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError::Forbidden`] for another office's; [`OfficeError::NotFound`].
    pub async fn assign_line(
        &self,
        by: &Officer,
        number: &LineNumber,
        bill: Option<&BillNumber>,
    ) -> Result<(), OfficeError> {
        self.wire_of(by)?;
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let line = tx.line(number).await?.ok_or(OfficeError::NotFound)?;
            let bill = match (bill, &line.state) {
                (Some(bill), _) => bill.clone(),
                (None, LineState::Proposed(bill)) => bill.clone(),
                _ => return Err(MoneyFault::State { what: "line", state: line.state.word(), act: "confirmed" }.into()),
            };
            self.pay_by(tx, line, &bill, Some(by), now).await
        })
        .await
    }

    /// The bill that somebody means who types its number or its remittance code.
    ///
    /// # Errors
    /// Storage.
    pub async fn bill_meant(&self, typed: &str) -> Result<Option<BillNumber>, OfficeError> {
        let mut tx = self.store.read().await?;
        if let Ok(number) = typed.trim().parse::<BillNumber>() {
            return Ok(tx.bill(&number).await?.map(|bill| bill.number));
        }
        match codes_in(typed).good.as_slice() {
            [code] => Ok(tx.remittance(code).await?.map(|remittance| remittance.bill)),
            _ => Ok(None),
        }
    }

    /// Finance says that a proposal is wrong.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn decline_line(&self, by: &Officer, number: &LineNumber) -> Result<(), OfficeError> {
        self.move_line(by, number, "money.line-declined", |line, _| Ok((line.decline(by)?, None))).await
    }

    /// Finance says that it is money of ours that was on its way.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn clear_line(&self, by: &Officer, number: &LineNumber, from: Account) -> Result<(), OfficeError> {
        self.move_line(by, number, "money.line-cleared", |line, now| {
            let entry = ledger::cleared(&line, from, &by.into(), now);
            Ok((line.clear(from, by, now)?, entry))
        })
        .await
    }

    /// One of finance asks that money goes back to where it came from.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn ask_return(&self, by: &Officer, number: &LineNumber, why: &str) -> Result<(), OfficeError> {
        self.move_line(by, number, "money.return-asked", |line, now| {
            Ok((line.ask_return(by, why.to_owned(), now)?, None))
        })
        .await
    }

    /// A second one agrees: it is owed from now on.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn approve_return(&self, by: &Officer, number: &LineNumber) -> Result<(), OfficeError> {
        self.move_line(by, number, "money.return", |line, now| {
            let entry = ledger::to_return(&line, &by.into(), now);
            Ok((line.approve_return(by, now)?, entry))
        })
        .await
    }

    /// A second one does not.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn decline_return(&self, by: &Officer, number: &LineNumber) -> Result<(), OfficeError> {
        self.move_line(by, number, "money.return-declined", |line, _| Ok((line.decline_return(by)?, None))).await
    }

    /// It was sent, under this number of the bank's.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn sent_back(&self, by: &Officer, number: &LineNumber, reference: &str) -> Result<(), OfficeError> {
        self.move_line(by, number, "money.sent-back", |line, now| {
            let entry = ledger::sent_back(&line, &by.into(), now);
            Ok((line.returned(by, reference, now)?, entry))
        })
        .await
    }

    async fn move_line(
        &self,
        by: &Officer,
        number: &LineNumber,
        kind: &'static str,
        act: impl Fn(BankLine, Timestamp) -> Result<(BankLine, Option<ledger::Entry>), MoneyFault>,
    ) -> Result<(), OfficeError> {
        self.wire_of(by)?;
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let line = tx.line(number).await?.ok_or(OfficeError::NotFound)?;
            let from = line.state.word();
            let (line, entry) = act(line, now)?;
            tx.put_line(&line).await?;
            book(&mut tx, entry).await?;
            let facts = [("from", from), ("to", line.state.word())];
            tx.audit(&event(kind, number.as_str(), Some(by), now, line.amount, &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}
