//! The stock: runs bought in, papers made void, and what a page shows of it.

use ca_core::domain::{OfficeId, Officer, Timestamp};

use super::paper::{Place, Range, Run};
use super::store::{Kept, Logged};
use crate::enrolment::case::{Who, may_read};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::payment::bill::{Bill, MoneyFault};
use crate::payment::event;
use crate::payment::fen::Fen;

/// So many runs, bills and lines a page shows.
const SHOWN: i64 = 50;

/// What an office's page of quota invoices shows.
pub struct Stock {
    /// Its runs.
    pub runs: Vec<Kept>,
    /// Paid bills that wait for papers.
    pub wished: Vec<Bill>,
    /// Papers that wait to be sent.
    pub to_send: Vec<(super::allotment::Allotment, Bill)>,
    /// What happened last.
    pub log: Vec<Logged>,
}

impl Desk {
    /// Whether the office uses quota invoices.
    ///
    /// # Errors
    /// [`MoneyFault::QuotaOff`] when it does not.
    pub fn uses_quota(&self) -> Result<(), MoneyFault> {
        if self.invoices.quota { Ok(()) } else { Err(MoneyFault::QuotaOff) }
    }

    /// How many bills wait for papers, and allotments to be sent, where the office uses them.
    ///
    /// # Errors
    /// Storage.
    pub async fn quota_waiting(&self, by: &Officer) -> Result<Option<usize>, OfficeError> {
        if !self.invoices.quota {
            return Ok(None);
        }
        let mut tx = self.store.read().await?;
        let (wished, to_send) = (tx.wished(&by.office, SHOWN).await?, tx.to_send(&by.office, SHOWN).await?);
        Ok(Some(wished.len() + to_send.len()))
    }

    /// What an office's page of quota invoices shows.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] for another office's, [`OfficeError::Money`] where there are none; storage.
    pub async fn quota_stock(&self, by: &Officer, office: &OfficeId) -> Result<Stock, OfficeError> {
        may_read(by, office)?;
        self.uses_quota()?;
        let mut tx = self.store.read().await?;
        let mut to_send = Vec::new();
        for allotment in tx.to_send(office, SHOWN).await? {
            let bill = tx.bill(&allotment.bill).await?;
            to_send.extend(bill.map(|bill| (allotment, bill)));
        }
        Ok(Stock {
            runs: tx.runs(office, SHOWN).await?,
            wished: tx.wished(office, SHOWN).await?,
            log: tx.papers_log(office, SHOWN).await?,
            to_send,
        })
    }

    /// Finance takes a run that it bought into stock.
    ///
    /// # Errors
    /// [`OfficeError::Money`]: [`MoneyFault::PaperKnown`] when one of its papers is known, [`MoneyFault::QuotaOff`]; storage.
    pub async fn buy_quota(&self, by: &Officer, run: &Run) -> Result<(), OfficeError> {
        self.uses_quota()?;
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            match tx.add_run(&by.office, run, &Who::from(by), now).await {
                Err(error) if error.is_conflict() => return Err(MoneyFault::PaperKnown.into()),
                done => done?,
            }
            let line = logged("buy", &run.range, by, now, run.worth.to_string());
            tx.log_papers(&by.office, &line).await?;
            let (papers, count) = (run.range.to_string(), run.range.count().to_string());
            let facts = [("papers", papers.as_str()), ("count", &count)];
            let amount = Fen::new(run.worth.fen() * i64::from(run.range.count()));
            tx.audit(&event("money.quota-bought", by.office.as_str(), Some(by), now, amount, &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Finance makes papers of its stock void: torn, misprinted, lost.
    ///
    /// # Errors
    /// [`OfficeError::Money`] unless all of them are in stock; storage.
    pub async fn void_quota(&self, by: &Officer, range: &Range, why: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            if tx.count_in_stock(&by.office, range).await? != i64::from(range.count()) {
                return Err(MoneyFault::NotInStock.into());
            }
            for paper in range.papers() {
                tx.move_paper(&by.office, &paper, Place::Stock, Place::Void, None).await?;
            }
            tx.log_papers(&by.office, &logged("void", range, by, now, why.to_owned())).await?;
            let papers = range.to_string();
            let facts = [("papers", papers.as_str()), ("why", why)];
            tx.audit(&event("money.quota-void", by.office.as_str(), Some(by), now, Fen::ZERO, &facts)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

fn logged(act: &str, range: &Range, by: &Officer, at: Timestamp, note: String) -> Logged {
    Logged { act: act.to_owned(), range: range.clone(), bill: None, by: Who::from(by), at, note }
}
