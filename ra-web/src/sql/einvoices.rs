//! E-invoices and their titles.

use async_trait::async_trait;
use ca_core::domain::{Sha256, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::case::Who;
use crate::invoice::record::{EInvoice, EState, FileKind, Issue, RedReason};
use crate::invoice::store::EInvoices;
use crate::invoice::title::Title;
use crate::payment::bill::BillNumber;

const TABLE: &str = "einvoice";

const TITLE: &str = "SELECT title FROM invoice_title WHERE bill = $1";
const PUT_TITLE: &str = "INSERT INTO invoice_title (bill, title, by_id, by_name, at) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (bill) DO UPDATE SET title = excluded.title, by_id = excluded.by_id, by_name = excluded.by_name, \
    at = excluded.at";
const ADD: &str = "INSERT INTO einvoice (request, bill, content, red_of, red_reason, by_id, by_name, asked, state, \
    version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)";
const PUT: &str = "UPDATE einvoice SET state = $3, fault = $4, number = $5, issued = $6, check_code = $7, xml = $8, \
    pdf = $9, ofd = $10, red = $11, version = version + 1 WHERE request = $1 AND version = $2";
const FIND: &str = "SELECT request, bill, content, red_of, red_reason, by_id, by_name, asked, state, fault, number, \
    issued, check_code, xml, pdf, ofd, red, version FROM einvoice WHERE request = $1";
const FIND_NUMBER: &str = "SELECT request, bill, content, red_of, red_reason, by_id, by_name, asked, state, fault, number, \
    issued, check_code, xml, pdf, ofd, red, version FROM einvoice WHERE number = $1";
const OF_BILL: &str = "SELECT request, bill, content, red_of, red_reason, by_id, by_name, asked, state, fault, number, \
    issued, check_code, xml, pdf, ofd, red, version FROM einvoice WHERE bill = $1 ORDER BY asked DESC, request DESC LIMIT 40";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[TITLE, PUT_TITLE, ADD, PUT, FIND, FIND_NUMBER, OF_BILL];

row!(InvoiceRow {
    request: String,
    bill: String,
    content: String,
    red_of: Option<String>,
    red_reason: Option<i16>,
    by_id: String,
    by_name: String,
    asked: i64,
    state: String,
    fault: Option<String>,
    number: Option<String>,
    issued: Option<i64>,
    check_code: Option<String>,
    xml: Option<String>,
    pdf: Option<String>,
    ofd: Option<String>,
    red: Option<String>,
    version: i64,
});

impl TryFrom<InvoiceRow> for EInvoice {
    type Error = DatabaseError;

    fn try_from(row: InvoiceRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd(TABLE, &row.request, what);
        let mut files = Vec::new();
        for (kind, hash) in [(FileKind::Pdf, &row.pdf), (FileKind::Ofd, &row.ofd), (FileKind::Xml, &row.xml)] {
            if let Some(hash) = hash {
                files.push((kind, hash.parse::<Sha256>().map_err(|_| fault("hash"))?));
            }
        }
        let issue = match (row.number, row.issued, row.check_code) {
            (Some(number), Some(at), Some(check)) => Some(Issue { number, at: Timestamp::from_unix(at), check, files }),
            _ => None,
        };
        let state = match (row.state.as_str(), issue, row.fault, row.red) {
            ("requested", None, _, None) => EState::Requested,
            ("issuing", None, _, None) => EState::Issuing,
            ("failed", None, Some(why), None) => EState::Failed { why },
            ("issued", Some(issue), _, None) => EState::Issued(issue),
            ("delivered", Some(issue), _, None) => EState::Delivered(issue),
            ("red_pending", Some(issue), _, None) => EState::RedPending(issue),
            ("red_issued", Some(issue), _, Some(red)) => EState::RedIssued { issue, red },
            _ => return Err(fault("its state lacks its facts")),
        };
        let red = match (row.red_of, row.red_reason) {
            (Some(number), Some(reason)) => {
                Some((number, RedReason::from_number(reason).ok_or_else(|| fault("red_reason"))?))
            }
            (None, None) => None,
            _ => return Err(fault("red_of")),
        };
        Ok(Self {
            bill: row.bill.parse().map_err(|()| fault("bill"))?,
            content: serde_json::from_str(&row.content).map_err(|_| fault("content"))?,
            red,
            by: who(TABLE, &row.request, &row.by_id, row.by_name)?,
            asked: Timestamp::from_unix(row.asked),
            state,
            version: row.version,
            request: row.request,
        })
    }
}

fn json(request: &str, value: &impl serde::Serialize) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| odd(TABLE, request, &error.to_string()))
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl EInvoices for SqlTx {
        async fn invoice_title(&mut self, bill: &BillNumber) -> Result<Option<Title>, DatabaseError> {
            let row: Option<(String,)> =
                sqlx::query_as(TITLE).bind(bill.as_str()).fetch_optional(self.connection()).await?;
            let read = |(text,): (String,)| {
                serde_json::from_str(&text).map_err(|_| odd("invoice_title", bill.as_str(), "title"))
            };
            row.map(read).transpose()
        }

        async fn put_invoice_title(
            &mut self,
            bill: &BillNumber,
            title: &Title,
            by: &Who,
            now: Timestamp,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(PUT_TITLE)
                .bind(bill.as_str())
                .bind(json(bill.as_str(), title)?)
                .bind(by.id.as_str())
                .bind(&by.name)
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PUT_TITLE, done.rows_affected(), 1)
        }

        async fn add_einvoice(&mut self, invoice: &EInvoice) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(&invoice.request)
                .bind(invoice.bill.as_str())
                .bind(json(&invoice.request, &invoice.content)?)
                .bind(invoice.red.as_ref().map(|(number, _)| number))
                .bind(invoice.red.as_ref().map(|(_, reason)| reason.number()))
                .bind(invoice.by.id.as_str())
                .bind(&invoice.by.name)
                .bind(invoice.asked.unix())
                .bind(invoice.state.word())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn put_einvoice(&mut self, invoice: &EInvoice) -> Result<(), DatabaseError> {
            let issue = invoice.state.issue();
            let (fault, red) = match &invoice.state {
                EState::Failed { why } => (Some(why), None),
                EState::RedIssued { red, .. } => (None, Some(red)),
                _ => (None, None),
            };
            let file = |kind| issue.and_then(|issue| issue.file(kind)).map(|hash| hash.to_string());
            let done = sqlx::query(PUT)
                .bind(&invoice.request)
                .bind(invoice.version)
                .bind(invoice.state.word())
                .bind(fault)
                .bind(issue.map(|issue| &issue.number))
                .bind(issue.map(|issue| issue.at.unix()))
                .bind(issue.map(|issue| &issue.check))
                .bind(file(FileKind::Xml))
                .bind(file(FileKind::Pdf))
                .bind(file(FileKind::Ofd))
                .bind(red)
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)
        }

        async fn einvoice(&mut self, request: &str) -> Result<Option<EInvoice>, DatabaseError> {
            let row: Option<InvoiceRow> =
                sqlx::query_as(FIND).bind(request).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn einvoice_of_number(&mut self, number: &str) -> Result<Option<EInvoice>, DatabaseError> {
            let row: Option<InvoiceRow> =
                sqlx::query_as(FIND_NUMBER).bind(number).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn einvoices(&mut self, bill: &BillNumber) -> Result<Vec<EInvoice>, DatabaseError> {
            let rows: Vec<InvoiceRow> =
                sqlx::query_as(OF_BILL).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
