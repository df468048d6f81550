//! What e-invoices need of storage.

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use ca_core::sql::DatabaseError;

use super::record::EInvoice;
use super::title::Title;
use crate::enrolment::case::Who;
use crate::payment::bill::BillNumber;

/// E-invoices and titles, inside a unit of work.
#[async_trait]
pub trait EInvoices {
    /// The title that was chosen for a bill.
    async fn invoice_title(&mut self, bill: &BillNumber) -> Result<Option<Title>, DatabaseError>;
    /// Chooses a title, in place of the one before.
    async fn put_invoice_title(
        &mut self,
        bill: &BillNumber,
        title: &Title,
        by: &Who,
        now: Timestamp,
    ) -> Result<(), DatabaseError>;
    /// Stores a new record. A second one of the same bill conflicts while the first is under way.
    async fn add_einvoice(&mut self, invoice: &EInvoice) -> Result<(), DatabaseError>;
    /// Stores a moved record; fails with a row count when another write came first.
    async fn put_einvoice(&mut self, invoice: &EInvoice) -> Result<(), DatabaseError>;
    /// A record.
    async fn einvoice(&mut self, request: &str) -> Result<Option<EInvoice>, DatabaseError>;
    /// The record of a number.
    async fn einvoice_of_number(&mut self, number: &str) -> Result<Option<EInvoice>, DatabaseError>;
    /// The records of a bill, the last first.
    async fn einvoices(&mut self, bill: &BillNumber) -> Result<Vec<EInvoice>, DatabaseError>;
}
