//! Daily reconciliation: what we took online and by bank is held against what the provider settled and what stands on our
//! account's statements, and bills against certificates and invoices. What does not fit is a difference with a name, open
//! until finance explains it or it is gone; what the provider keeps as its fee is booked.
//!
//! Runs twice without harm: a settlement is stored and its fee booked once, a difference is the same when it is found again.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Officer, Timestamp};

use super::bill::{Bill, SERVE_SECONDS};
use super::checkout::CURRENCY;
use super::counter::book;
use super::difference::{Difference, Kind, of_settlement};
use super::gateway::{Settlement, SettlementKind};
use super::online::Online;
use super::store::BillFilter;
use super::taking::{Method, Payment};
use super::{event, ledger};
use crate::enrolment::case::may_read;
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::jobs::{Done, Every, Fault, Handler, Job};
use crate::store::Tx;

const DAY: i64 = 86_400;
/// So far back the provider is asked each day: what it settled late is still seen.
const ASK_BACK_SECONDS: i64 = 10 * DAY;
/// The provider may take so long until a payment stands among what it settled.
const SETTLE_SECONDS: i64 = 2 * DAY;
/// So much of each kind is looked at in a round.
const MOST: i64 = 2_000;

/// What does not fit, and what finance explained of it lately.
pub struct Differences {
    /// Open ones, the oldest first.
    pub open: Vec<Difference>,
    /// Explained ones, the oldest first.
    pub explained: Vec<Difference>,
}

impl Desk {
    /// Holds everything against everything, once for all offices. `online` is asked what it settled.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] when the provider does not answer, or storage.
    pub async fn reconcile(&self, online: Option<&Online>) -> Result<(), OfficeError> {
        let now = self.clock.now();
        let offices = self.store.read().await?.counted_offices().await?;
        let lately = now.plus(-ASK_BACK_SECONDS);
        let since = self.still_open_since(&offices, lately).await?;
        let mut found = Vec::new();
        if let Some(online) = online {
            self.take_settlements(online, lately).await?;
            found.extend(self.against_provider(since, &offices, now).await?);
        }
        found.extend(self.against_bank(since, now).await?);
        for office in &offices {
            found.extend(self.against_bills(office, now).await?);
        }
        self.write_down(&offices, found, now).await
    }

    /// From when on our side is looked at: what was found before and is open stays until it is explained or gone, however old
    /// it becomes.
    async fn still_open_since(&self, offices: &[OfficeId], lately: Timestamp) -> Result<Timestamp, OfficeError> {
        let mut tx = self.store.read().await?;
        let mut since = lately;
        for office in offices {
            if let Some(oldest) = tx.differences_in(office, "open", 1).await?.first() {
                since = since.min(oldest.found.plus(-ASK_BACK_SECONDS));
            }
        }
        Ok(since)
    }

    /// Stores what the provider settled, and books its fee.
    async fn take_settlements(&self, online: &Online, since: Timestamp) -> Result<(), OfficeError> {
        for settled in online.gateway.settled(since).await? {
            again(|| async {
                let mut tx = self.store.begin().await?;
                if !tx.add_settlement(&settled).await? {
                    return Ok(());
                }
                let payment = match &settled.reference {
                    Some(reference) => tx.payment_of_reference(reference).await?,
                    None => None,
                };
                if let Some(payment) = payment.filter(|_| settled.currency == CURRENCY) {
                    book(&mut tx, ledger::fee(&payment, &settled)).await?;
                }
                Ok(tx.commit().await?)
            })
            .await?;
        }
        Ok(())
    }

    async fn against_provider(
        &self,
        since: Timestamp,
        offices: &[OfficeId],
        now: Timestamp,
    ) -> Result<Vec<Difference>, OfficeError> {
        // What is nobody's stands with the office that keeps the account, or with the first one.
        let keeper = self.rules.money.wire.as_ref().map(|terms| &terms.office).or(offices.first());
        let Some(keeper) = keeper else { return Ok(Vec::new()) };
        let mut tx = self.store.read().await?;
        let mut found = Vec::new();
        for settled in all_settled(&mut tx, since).await? {
            let (mut payment, mut first) = (None, None);
            if let Some(reference) = &settled.reference {
                payment = tx.payment_of_reference(reference).await?;
                first = tx.first_settlement(reference, SettlementKind::Payment).await?;
            }
            found.extend(of_settlement(&settled, payment.as_ref(), first.as_deref(), keeper, now));
        }
        for payment in all_paid(&mut tx, Method::Online, since, now.plus(-SETTLE_SECONDS)).await? {
            let reference = payment.reference.as_deref().unwrap_or_default();
            if tx.first_settlement(reference, SettlementKind::Payment).await?.is_none() {
                let mut missing = Difference::new(Kind::Missing, payment.id.as_str(), &payment.office, now);
                missing.bill = Some(payment.bill.clone());
                missing.ours = Some(payment.amount);
                missing.note = reference.to_owned();
                found.push(missing);
            }
        }
        Ok(found)
    }

    /// Payments by bank whose line is missing, and money that went and that nothing of ours explains.
    async fn against_bank(&self, since: Timestamp, now: Timestamp) -> Result<Vec<Difference>, OfficeError> {
        let Some(terms) = &self.rules.money.wire else { return Ok(Vec::new()) };
        let mut tx = self.store.read().await?;
        let mut found = Vec::new();
        for payment in all_paid(&mut tx, Method::Wire, since, now).await? {
            let lines = tx.lines_about(&payment.bill).await?;
            if !lines.iter().any(|line| line.amount == payment.amount && line.state.word() == "matched") {
                let mut missing = Difference::new(Kind::Missing, payment.id.as_str(), &payment.office, now);
                missing.bill = Some(payment.bill.clone());
                missing.ours = Some(payment.amount);
                found.push(missing);
            }
        }
        for line in tx.lines_that_went(&terms.office, since.beijing_day(), MOST).await? {
            let known = match &line.serial {
                Some(serial) => tx.sent_under(serial).await?,
                None => false,
            };
            if !known {
                let mut extra = Difference::new(Kind::Extra, line.number.as_str(), &terms.office, now);
                extra.theirs = Some(line.amount);
                extra.note = format!("{} {}", line.payer, line.memo).trim().to_owned();
                found.push(extra);
            }
        }
        Ok(found)
    }

    /// Bills against certificates and invoices.
    async fn against_bills(&self, office: &OfficeId, now: Timestamp) -> Result<Vec<Difference>, OfficeError> {
        let mut tx = self.store.read().await?;
        let mut found = Vec::new();
        let mut add = |kind: Kind, bill: &Bill| {
            let mut one = Difference::new(kind, bill.number.as_str(), office, now);
            one.bill = Some(bill.number.clone());
            one.ours = Some(bill.kept());
            one.note.clone_from(&bill.unit_name);
            found.push(one);
        };
        for bill in tx.bills(&BillFilter::Unserved(office.clone(), now.plus(-SERVE_SECONDS)), MOST).await? {
            add(Kind::MoneyWithoutCertificate, &bill);
        }
        for bill in tx.bills(&BillFilter::Uninvoiced(office.clone()), MOST).await? {
            if bill.invoice_due.is_some_and(|due| due < now) {
                add(Kind::MoneyWithoutInvoice, &bill);
            }
        }
        for bill in tx.bills(&BillFilter::InvoicedInVain(office.clone()), MOST).await? {
            add(Kind::InvoiceWithoutMoney, &bill);
        }
        Ok(found)
    }

    /// New ones are opened, open ones that were not found again are gone; what finance explained stays explained.
    async fn write_down(
        &self,
        offices: &[OfficeId],
        found: Vec<Difference>,
        now: Timestamp,
    ) -> Result<(), OfficeError> {
        for difference in &found {
            again(|| async {
                let mut tx = self.store.begin().await?;
                if tx.see_difference(difference, now).await? {
                    let (id, office) = (difference.id(), difference.office.to_string());
                    let facts = [("difference", id.as_str()), ("office", &office)];
                    let amount = difference.theirs.or(difference.ours).unwrap_or(super::fen::Fen::ZERO);
                    tx.audit(&event("money.difference", &difference.subject, None, now, amount, &facts)).await?;
                }
                Ok(tx.commit().await?)
            })
            .await?;
        }
        for office in offices {
            again(|| async {
                let mut tx = self.store.begin().await?;
                tx.forget_differences(office, now).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        }
        metrics::gauge!("ra_differences_found").set(found.len() as f64);
        Ok(())
    }

    /// What does not fit at an office.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] for another office's, or storage.
    pub async fn differences(&self, officer: &Officer, office: &OfficeId) -> Result<Differences, OfficeError> {
        may_read(officer, office)?;
        let mut tx = self.store.read().await?;
        Ok(Differences {
            open: tx.differences_in(office, "open", 200).await?,
            explained: tx.differences_in(office, "explained", 200).await?,
        })
    }

    /// Finance says why a difference is so.
    ///
    /// # Errors
    /// [`OfficeError::Money`], [`OfficeError::Forbidden`] for another office's, [`OfficeError::NotFound`].
    pub async fn explain_difference(&self, by: &Officer, id: &str, why: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let difference = tx.difference(id).await?.ok_or(OfficeError::NotFound)?;
            let difference = difference.explain(by, why.to_owned(), now)?;
            tx.put_difference(&difference).await?;
            let amount = difference.theirs.or(difference.ours).unwrap_or(super::fen::Fen::ZERO);
            let facts = [("difference", id)];
            tx.audit(&event("money.explained", &difference.subject, Some(by), now, amount, &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

/// Where the next page begins, and what of this one is read with it: a second may be cut in two.
fn cut<T>(page: &mut Vec<T>, from: Timestamp, at: impl Fn(&T) -> Timestamp) -> Option<Timestamp> {
    let last = page.last().map(&at).filter(|_| i64::try_from(page.len()).is_ok_and(|n| n >= MOST))?;
    if last == from {
        return Some(last.plus(1));
    }
    page.retain(|one| at(one) < last);
    Some(last)
}

/// Every payment by a way from one moment to another, page by page.
async fn all_paid(
    tx: &mut Box<dyn Tx>,
    method: Method,
    mut from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Payment>, OfficeError> {
    let mut all = Vec::new();
    loop {
        let mut page = tx.payments_by(method, from, to, MOST).await?;
        let next = cut(&mut page, from, |payment| payment.at);
        all.extend(page);
        match next {
            Some(next) => from = next,
            None => return Ok(all),
        }
    }
}

/// Everything that the provider settled since a moment, page by page.
async fn all_settled(tx: &mut Box<dyn Tx>, mut from: Timestamp) -> Result<Vec<Settlement>, OfficeError> {
    let mut all = Vec::new();
    loop {
        let mut page = tx.settlements(from, MOST).await?;
        let next = cut(&mut page, from, |settled| settled.at);
        all.extend(page);
        match next {
            Some(next) => from = next,
            None => return Ok(all),
        }
    }
}

/// The job, once a day before the office opens.
pub struct Reconcile {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// Payment online, if there is one.
    pub online: Option<Arc<Online>>,
}

#[async_trait]
impl Handler for Reconcile {
    fn kind(&self) -> &'static str {
        "reconcile"
    }

    fn every(&self) -> Option<Every> {
        Some(Every::DayAt(6 * 3600))
    }

    async fn run(&self, _: &Job) -> Result<Done, Fault> {
        match self.desk.reconcile(self.online.as_deref()).await {
            Ok(()) => Ok(Done::Wholly),
            Err(OfficeError::Database(error)) => Err(error.into()),
            Err(error) => Err(Fault::Later(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_begin_where_the_one_before_was_cut_and_leave_nothing_out() {
        let most = usize::try_from(MOST).expect("a length");
        let at = |second: i64| Timestamp::from_unix(second);
        let moments = |seconds: &[(i64, usize)]| -> Vec<Timestamp> {
            seconds.iter().flat_map(|(second, n)| std::iter::repeat_n(at(*second), *n)).collect()
        };
        let mut short = moments(&[(1, most - 1)]);
        assert_eq!((cut(&mut short, at(0), |one| *one), short.len()), (None, most - 1));
        let mut full = moments(&[(1, most - 2), (2, 2)]);
        assert_eq!((cut(&mut full, at(0), |one| *one), full.len()), (Some(at(2)), most - 2));
        let mut one_second = moments(&[(5, most)]);
        assert_eq!((cut(&mut one_second, at(5), |one| *one), one_second.len()), (Some(at(6)), most));
    }
}
