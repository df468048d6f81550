//! The end of a day: each clerk counts their drawer, finance looks and takes the cash.

use ca_core::domain::{BeijingDay, Officer, OfficerId};

use super::counter::book;
use super::drawer::Drawer;
use super::fen::Fen;
use super::refund::Refund;
use super::taking::{Method, Payment};
use super::{event, ledger, own};
use crate::enrolment::case::{Who, may_read};
use crate::enrolment::desk::{Desk, OfficeError, again};
use ca_core::domain::OfficeId;

/// A drawer with what moved in it.
pub struct DrawerView {
    /// The drawer.
    pub drawer: Drawer,
    /// What should be in it by each way, and how many payments and payouts there were.
    pub book: Vec<(Method, i64, Fen)>,
    /// Payments, those that were undone too.
    pub payments: Vec<Payment>,
    /// Refunds that were paid out.
    pub refunds: Vec<Refund>,
}

impl DrawerView {
    /// The cash that should be there.
    #[must_use]
    pub fn cash(&self) -> Fen {
        cash(&self.book)
    }
}

fn cash(book: &[(Method, i64, Fen)]) -> Fen {
    book.iter().filter(|(method, ..)| *method == Method::Cash).map(|(.., sum)| *sum).sum()
}

impl Desk {
    /// A drawer of a day with what moved in it.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`] when no money moved; [`OfficeError::Forbidden`] for another office's.
    pub async fn drawer(
        &self,
        officer: &Officer,
        office: &OfficeId,
        clerk: &OfficerId,
        day: BeijingDay,
    ) -> Result<DrawerView, OfficeError> {
        may_read(officer, office)?;
        let mut tx = self.store.read().await?;
        let drawer = tx.drawer(office, clerk, day).await?.ok_or(OfficeError::NotFound)?;
        Ok(DrawerView {
            book: tx.drawer_book(office, clerk, day).await?,
            payments: tx.drawer_payments(office, clerk, day).await?,
            refunds: tx.drawer_refunds(office, clerk, day).await?,
            drawer,
        })
    }

    /// The clerk says what was counted.
    ///
    /// # Errors
    /// [`OfficeError::Money`] when a difference is not explained; [`OfficeError`].
    pub async fn count_drawer(
        &self,
        by: &Officer,
        day: BeijingDay,
        counted: Fen,
        note: &str,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let drawer = tx.drawer(&by.office, &by.id, day).await?.ok_or(OfficeError::NotFound)?;
            let book = cash(&tx.drawer_book(&by.office, &by.id, day).await?);
            let drawer = drawer.file(by, book, counted, note, now)?;
            tx.put_drawer(&drawer, "open").await?;
            let (subject, book) = (format!("{}/{day}/{}", by.office, by.id), book.fen().to_string());
            tx.audit(&event("money.counted", &subject, Some(by), now, counted, &[("book", &book)])).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Finance sends a count back, with a reason; nothing was booked, and nothing is.
    ///
    /// # Errors
    /// [`OfficeError::Money`] unless it was counted, by another; [`OfficeError`].
    pub async fn return_drawer(
        &self,
        by: &Officer,
        office: &OfficeId,
        clerk: &OfficerId,
        day: BeijingDay,
        reason: &str,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        own(by, office)?;
        again(|| async {
            let mut tx = self.store.begin().await?;
            let drawer = tx.drawer(office, clerk, day).await?.ok_or(OfficeError::NotFound)?;
            let counted = drawer.count().map(|count| count.counted).unwrap_or_default();
            let drawer = drawer.send_back(by, reason, now)?;
            tx.put_drawer(&drawer, "filed").await?;
            let subject = format!("{office}/{day}/{clerk}");
            tx.audit(&event("money.count_returned", &subject, Some(by), now, counted, &[])).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Finance has looked and has the cash.
    ///
    /// # Errors
    /// [`OfficeError::Money`] unless it was counted, by another; [`OfficeError`].
    pub async fn confirm_drawer(
        &self,
        by: &Officer,
        office: &OfficeId,
        clerk: &OfficerId,
        day: BeijingDay,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        own(by, office)?;
        again(|| async {
            let mut tx = self.store.begin().await?;
            let drawer = tx.drawer(office, clerk, day).await?.ok_or(OfficeError::NotFound)?.confirm(by, now)?;
            tx.put_drawer(&drawer, "filed").await?;
            if let Some(count) = drawer.count() {
                book(&mut tx, ledger::closing(&drawer, count, &Who::from(by), now)).await?;
                let (subject, difference) = (format!("{office}/{day}/{clerk}"), count.difference().fen().to_string());
                let facts = [("difference", difference.as_str())];
                tx.audit(&event("money.closed", &subject, Some(by), now, count.counted, &facts)).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }
}
