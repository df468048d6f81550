//! From the wish of a unit to the papers in its hands, and back. The deadline of the bill is met when they are sent.

use ca_core::domain::{Officer, Timestamp};

use super::allotment::{Allotment, AllotmentState};
use super::paper::{Place, Range, make_up};
use super::store::Logged;
use super::wish::{Delivery, Wish};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::enrolment::form::FieldFaults;
use crate::invoice::issuing::title_is_frozen;
use crate::mail::letter::Letter;
use crate::payment::bill::{Bill, BillNumber, BillState, INVOICE_SECONDS, MoneyFault};
use crate::payment::counter::{case_of, nothing_in_the_way};
use crate::payment::invoice::{HandedOut, InvoiceKind};
use crate::payment::{event, own};
use crate::store::Tx;

/// What a unit is told of the quota invoices of its bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Word of how far it is: `wished`, `allotted`, `sent` by a parcel, `fetched` at the counter.
    pub word: &'static str,
    /// How many papers.
    pub papers: usize,
    /// The parcel's number, once it has one.
    pub waybill: String,
}

impl Told {
    /// Whether they left the house.
    #[must_use]
    pub fn is_there(&self) -> bool {
        matches!(self.word, "sent" | "fetched")
    }
}

impl Desk {
    /// A bill is to have quota invoices in place of an e-invoice: the unit says so, or the desk for it.
    ///
    /// # Errors
    /// [`OfficeError::Money`] once an invoice was asked for; storage. The inner one: what is wrong with what was typed.
    pub async fn wish_quota(
        &self,
        by: &Who,
        number: &BillNumber,
        typed: &Delivery,
    ) -> Result<Result<(), FieldFaults>, OfficeError> {
        self.uses_quota()?;
        let now = self.clock.now();
        let delivery = match typed.clone().checked() {
            Ok(delivery) => delivery,
            Err(faults) => return Ok(Err(faults)),
        };
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            if let Some(state) = title_is_frozen(&mut tx, &bill).await? {
                return Err(MoneyFault::State { what: "invoice", state, act: "asked for as quota invoices" }.into());
            }
            tx.put_wish(number, &Wish { delivery: delivery.clone(), by: by.clone(), at: now }).await?;
            let facts = [("way", delivery.way.word()), ("by", by.id.as_str())];
            tx.audit(&event("money.quota-wished", number.as_str(), None, now, bill.gross(), &facts)).await?;
            tx.commit().await?;
            Ok(Ok(()))
        })
        .await
    }

    /// Finance puts papers aside for a bill: exactly its amount, the lowest numbers first.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn allot_quota(&self, by: &Officer, number: &BillNumber) -> Result<(), OfficeError> {
        self.uses_quota()?;
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
            own(by, &bill.office)?;
            if tx.wish(number).await?.is_none() {
                return Err(MoneyFault::NotWished.into());
            }
            nothing_in_the_way(&mut tx, number).await?;
            let made_up = make_up(bill.kept(), &tx.in_stock(&by.office).await?).ok_or(MoneyFault::NoPapers)?;
            let mut papers = Vec::new();
            for (worth, count) in made_up {
                let lowest = tx.lowest(&by.office, worth, count).await?;
                papers.extend(lowest.into_iter().map(|paper| (paper, worth)));
            }
            let n = tx.allotments(number).await?.first().map_or(1, |last| last.n + 1);
            let allotment = Allotment::of(&bill, n, papers, by, now)?;
            for paper in &allotment.papers {
                tx.move_paper(&by.office, paper, Place::Stock, Place::Allotted, Some(number)).await?;
            }
            tx.add_allotment(&allotment).await?;
            written(&mut tx, ("allot", "money.quota-allotted"), &allotment, by, "", now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Finance posts the papers of a bill, or without a waybill hands them over at the counter: then the unit has its invoice.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn send_quota(&self, by: &Officer, number: &BillNumber, waybill: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (mut bill, allotment) = standing_of(&mut tx, number).await?;
            let (case, _) = case_of(&mut tx, &bill).await?;
            let allotment = allotment.send(by, waybill, now)?;
            move_all(&mut tx, &allotment, Place::Allotted, Place::Sent).await?;
            tx.put_allotment(&allotment).await?;
            tx.add_invoice(&HandedOut {
                bill: number.clone(),
                kind: InvoiceKind::Quota,
                number: allotment.numbers(),
                waybill: waybill.to_owned(),
                by: Who::from(by),
                at: now,
                taken_back: None,
            })
            .await?;
            bill.invoice_due = None;
            tx.put_bill(&bill).await?;
            written(&mut tx, ("send", "money.quota-sent"), &allotment, by, waybill, now).await?;
            let letter = Letter::Quota {
                bill: number.to_string(),
                papers: allotment.shown(),
                amount: allotment.amount,
                waybill: waybill.to_owned(),
            };
            self.tell(&mut tx, &case, &format!("{number}/{}", allotment.n), letter, now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Papers that were not sent go back into stock.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn release_quota(&self, by: &Officer, number: &BillNumber, why: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (_, allotment) = standing_of(&mut tx, number).await?;
            let allotment = allotment.release(by, why, now)?;
            move_all(&mut tx, &allotment, Place::Allotted, Place::Stock).await?;
            tx.put_allotment(&allotment).await?;
            written(&mut tx, ("release", "money.quota-released"), &allotment, by, why, now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The unit brought its papers back: they are void, and its money can go back. Until it does, another invoice is due.
    ///
    /// # Errors
    /// [`OfficeError::Money`] says why not; [`OfficeError`].
    pub async fn return_quota(&self, by: &Officer, number: &BillNumber, why: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (mut bill, allotment) = standing_of(&mut tx, number).await?;
            let allotment = allotment.take_back(by, why, now)?;
            move_all(&mut tx, &allotment, Place::Sent, Place::Void).await?;
            tx.put_allotment(&allotment).await?;
            let handed = tx.invoices(number).await?.into_iter().find(HandedOut::stands);
            let handed = handed.ok_or(OfficeError::NotFound)?.take_back(by, why.to_owned(), now);
            tx.take_back_invoice(&handed).await?;
            bill.invoice_due = (!bill.kept().is_zero()).then(|| now.plus(INVOICE_SECONDS));
            tx.put_bill(&bill).await?;
            written(&mut tx, ("return", "money.quota-returned"), &allotment, by, why, now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// What a unit is told of the quota invoices of its bill, if it is to have or had such.
    ///
    /// # Errors
    /// Storage.
    pub async fn quota_told(&self, tx: &mut Box<dyn Tx>, number: &BillNumber) -> Result<Option<Told>, OfficeError> {
        let last = tx.allotments(number).await?.into_iter().next();
        let told = match last {
            Some(Allotment { state: AllotmentState::Allotted, papers, .. }) => {
                Some(Told { word: "allotted", papers: papers.len(), waybill: String::new() })
            }
            Some(Allotment { state: AllotmentState::Sent(sending), papers, .. }) => {
                let word = if sending.waybill.is_empty() { "fetched" } else { "sent" };
                Some(Told { word, papers: papers.len(), waybill: sending.waybill })
            }
            _ => None,
        };
        if told.is_some() || !self.invoices.quota {
            return Ok(told);
        }
        let bill = tx.bill(number).await?;
        let waits = bill.is_some_and(|bill| bill.state == BillState::Open || !bill.kept().is_zero());
        let wished = waits && tx.wish(number).await?.is_some();
        Ok(wished.then(|| Told { word: "wished", papers: 0, waybill: String::new() }))
    }
}

async fn standing_of(tx: &mut Box<dyn Tx>, number: &BillNumber) -> Result<(Bill, Allotment), OfficeError> {
    let bill = tx.bill(number).await?.ok_or(OfficeError::NotFound)?;
    let standing = tx.allotments(number).await?.into_iter().find(Allotment::stands);
    Ok((bill, standing.ok_or(OfficeError::NotFound)?))
}

async fn move_all(tx: &mut Box<dyn Tx>, allotment: &Allotment, from: Place, to: Place) -> Result<(), OfficeError> {
    let bill = (to != Place::Stock).then_some(&allotment.bill);
    for paper in &allotment.papers {
        tx.move_paper(&allotment.office, paper, from, to, bill).await?;
    }
    Ok(())
}

/// A line of the log for each range, and the audit entry. `note`: the waybill, or why.
async fn written(
    tx: &mut Box<dyn Tx>,
    (act, kind): (&str, &'static str),
    allotment: &Allotment,
    by: &Officer,
    note: &str,
    now: Timestamp,
) -> Result<(), OfficeError> {
    for range in Range::of(&allotment.papers) {
        let line = Logged {
            act: act.to_owned(),
            range,
            bill: Some(allotment.bill.clone()),
            by: Who::from(by),
            at: now,
            note: note.to_owned(),
        };
        tx.log_papers(&allotment.office, &line).await?;
    }
    let papers = allotment.numbers();
    let facts = [("papers", papers.as_str()), ("note", note)];
    Ok(tx.audit(&event(kind, allotment.bill.as_str(), Some(by), now, allotment.amount, &facts)).await?)
}
