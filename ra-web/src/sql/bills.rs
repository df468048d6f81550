//! Bills and the invoices that were handed out for them.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::payment::bill::{Bill, BillNumber, BillState, BillSubject};
use crate::payment::fen::{Fen, TaxRate};
use crate::payment::invoice::{HandedOut, InvoiceKind};
use crate::payment::store::{BillFilter, Bills};
use crate::payment::tariff::{Quote, QuoteLine};

const LAST: &str = "SELECT last FROM number_series WHERE series = $1";
const FIRST: &str = "INSERT INTO number_series (series, last) VALUES ($1, 1) ON CONFLICT (series) DO NOTHING";
const NEXT: &str = "UPDATE number_series SET last = $2 + 1 WHERE series = $1 AND last = $2";
const ADD: &str = "INSERT INTO bill (number, subject, office, uscc, unit_name, lines, tax, gross, state, refunded, \
    created, due, paid, served, invoice_due, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)";
const PUT: &str = "UPDATE bill SET state = $3, refunded = $4, paid = $5, served = $6, invoice_due = $7, \
    due = $8, version = version + 1 WHERE number = $1 AND version = $2";
const FIND: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE number = $1";
const OF_OFFICE: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE office = $1 AND state = $3 ORDER BY created DESC, number DESC LIMIT $2";
const ABOUT: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE subject = $1 ORDER BY created DESC, number DESC LIMIT $2";
const OF_USCC: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE uscc = $1 ORDER BY created DESC, number DESC LIMIT $2";
const AWAITING: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE office = $1 AND state = 'open' ORDER BY created, number LIMIT $2";
const LAPSING: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE state = 'open' AND due <= $1 ORDER BY due LIMIT $2";
const UNSERVED: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE office = $1 AND paid < $3 AND served IS NULL \
    AND (state = 'paid' OR state = 'partly_refunded') ORDER BY paid LIMIT $2";
const UNINVOICED: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE office = $1 AND invoice_due IS NOT NULL ORDER BY invoice_due LIMIT $2";
// Counted, so that PostgreSQL looks each bill's invoice up instead of walking through all that stand.
const IN_VAIN: &str = "SELECT number, subject, office, uscc, unit_name, lines, tax, state, refunded, created, due, paid, \
    served, invoice_due, version FROM bill WHERE office = $1 AND state IN ('refunded', 'cancelled', 'lapsed') \
    AND (SELECT COUNT(CASE WHEN i.back_at IS NULL THEN 1 END) FROM invoice_handed_out i WHERE i.bill = bill.number) > 0 \
    ORDER BY created, number LIMIT $2";
const ADD_INVOICE: &str = "INSERT INTO invoice_handed_out (bill, at, kind, number, waybill, by_id, by_name) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const TAKE_BACK: &str = "UPDATE invoice_handed_out SET back_id = $3, back_name = $4, back_at = $5, back_why = $6 \
    WHERE bill = $1 AND number = $2 AND back_at IS NULL";
const INVOICES: &str = "SELECT bill, at, kind, number, waybill, by_id, by_name, back_id, back_name, back_at, back_why \
    FROM invoice_handed_out WHERE bill = $1 ORDER BY at DESC LIMIT 20";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    LAST,
    FIRST,
    NEXT,
    ADD,
    PUT,
    FIND,
    OF_OFFICE,
    ABOUT,
    OF_USCC,
    AWAITING,
    LAPSING,
    UNSERVED,
    UNINVOICED,
    IN_VAIN,
    ADD_INVOICE,
    TAKE_BACK,
    INVOICES,
];

row!(pub(super) BillRow {
    number: String,
    subject: String,
    office: String,
    uscc: String,
    unit_name: String,
    lines: String,
    tax: i64,
    state: String,
    refunded: i64,
    created: i64,
    due: i64,
    paid: Option<i64>,
    served: Option<i64>,
    invoice_due: Option<i64>,
    version: i64,
});

impl TryFrom<BillRow> for Bill {
    type Error = DatabaseError;

    fn try_from(row: BillRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("bill", &row.number, what);
        let paid = row.paid.map(Timestamp::from_unix);
        let state = match (row.state.as_str(), paid) {
            ("open", None) => BillState::Open,
            ("paid", Some(at)) => BillState::Paid { at },
            ("partly_refunded", Some(at)) => BillState::PartlyRefunded { at, refunded: Fen::new(row.refunded) },
            ("refunded", Some(at)) => BillState::Refunded { at },
            ("cancelled", None) => BillState::Cancelled,
            ("lapsed", None) => BillState::Lapsed,
            _ => return Err(fault("its state lacks its facts")),
        };
        Ok(Self {
            number: row.number.parse().map_err(|()| fault("number"))?,
            subject: BillSubject::from_key(&row.subject).ok_or_else(|| fault("subject"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            quote: Quote {
                lines: serde_json::from_str::<Vec<QuoteLine>>(&row.lines).map_err(|_| fault("lines"))?,
                tax: TaxRate(u16::try_from(row.tax).map_err(|_| fault("tax"))?),
            },
            state,
            created: Timestamp::from_unix(row.created),
            due: Timestamp::from_unix(row.due),
            served: row.served.map(Timestamp::from_unix),
            invoice_due: row.invoice_due.map(Timestamp::from_unix),
            version: row.version,
            uscc: row.uscc,
            unit_name: row.unit_name,
        })
    }
}

row!(InvoiceRow {
    bill: String,
    at: i64,
    kind: String,
    number: String,
    waybill: String,
    by_id: String,
    by_name: String,
    back_id: Option<String>,
    back_name: Option<String>,
    back_at: Option<i64>,
    back_why: Option<String>,
});

impl TryFrom<InvoiceRow> for HandedOut {
    type Error = DatabaseError;

    fn try_from(row: InvoiceRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "invoice_handed_out";
        let taken_back = match (row.back_id, row.back_name, row.back_at, row.back_why) {
            (Some(id), Some(name), Some(at), Some(why)) => {
                Some((who(TABLE, &row.bill, &id, name)?, Timestamp::from_unix(at), why))
            }
            _ => None,
        };
        Ok(Self {
            bill: row.bill.parse().map_err(|()| odd(TABLE, &row.bill, "bill"))?,
            kind: InvoiceKind::from_word(&row.kind).ok_or_else(|| odd(TABLE, &row.bill, "kind"))?,
            by: who(TABLE, &row.bill, &row.by_id, row.by_name)?,
            number: row.number,
            waybill: row.waybill,
            at: Timestamp::from_unix(row.at),
            taken_back,
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Bills for SqlTx {
        async fn next_in_series(&mut self, series: &str) -> Result<i64, DatabaseError> {
            let last: Option<(i64,)> = sqlx::query_as(LAST).bind(series).fetch_optional(self.connection()).await?;
            let Some((last,)) = last else {
                let done = sqlx::query(FIRST).bind(series).execute(self.connection()).await?;
                expect_rows(FIRST, done.rows_affected(), 1)?;
                return Ok(1);
            };
            let done = sqlx::query(NEXT).bind(series).bind(last).execute(self.connection()).await?;
            expect_rows(NEXT, done.rows_affected(), 1)?;
            Ok(last + 1)
        }

        async fn add_bill(&mut self, bill: &Bill) -> Result<(), DatabaseError> {
            let lines = serde_json::to_string(&bill.quote.lines)
                .map_err(|error| odd("bill", bill.number.as_str(), &error.to_string()))?;
            let done = sqlx::query(ADD)
                .bind(bill.number.as_str())
                .bind(bill.subject.key())
                .bind(bill.office.as_str())
                .bind(&bill.uscc)
                .bind(&bill.unit_name)
                .bind(lines)
                .bind(i64::from(bill.quote.tax.0))
                .bind(bill.gross().fen())
                .bind(bill.state.word())
                .bind(refunded(bill))
                .bind(bill.created.unix())
                .bind(bill.due.unix())
                .bind(bill.state.paid().map(Timestamp::unix))
                .bind(bill.served.map(Timestamp::unix))
                .bind(bill.invoice_due.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn put_bill(&mut self, bill: &Bill) -> Result<(), DatabaseError> {
            let done = sqlx::query(PUT)
                .bind(bill.number.as_str())
                .bind(bill.version)
                .bind(bill.state.word())
                .bind(refunded(bill))
                .bind(bill.state.paid().map(Timestamp::unix))
                .bind(bill.served.map(Timestamp::unix))
                .bind(bill.invoice_due.map(Timestamp::unix))
                .bind(bill.due.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)
        }

        async fn bill(&mut self, number: &BillNumber) -> Result<Option<Bill>, DatabaseError> {
            let row: Option<BillRow> =
                sqlx::query_as(FIND).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn bills(&mut self, filter: &BillFilter, limit: i64) -> Result<Vec<Bill>, DatabaseError> {
            let query = match filter {
                BillFilter::Office(office, state) => {
                    sqlx::query_as(OF_OFFICE).bind(office.as_str().to_owned()).bind(limit).bind(*state)
                }
                BillFilter::About(subject) => sqlx::query_as(ABOUT).bind(subject.key()).bind(limit),
                BillFilter::Uscc(uscc) => sqlx::query_as(OF_USCC).bind(uscc.clone()).bind(limit),
                BillFilter::Awaiting(office) => sqlx::query_as(AWAITING).bind(office.as_str().to_owned()).bind(limit),
                BillFilter::Lapsing(now) => sqlx::query_as(LAPSING).bind(now.unix()).bind(limit),
                BillFilter::Unserved(office, before) => {
                    sqlx::query_as(UNSERVED).bind(office.as_str().to_owned()).bind(limit).bind(before.unix())
                }
                BillFilter::InvoicedInVain(office) => {
                    sqlx::query_as(IN_VAIN).bind(office.as_str().to_owned()).bind(limit)
                }
                BillFilter::Uninvoiced(office) => {
                    sqlx::query_as(UNINVOICED).bind(office.as_str().to_owned()).bind(limit)
                }
            };
            let rows: Vec<BillRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn add_invoice(&mut self, invoice: &HandedOut) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_INVOICE)
                .bind(invoice.bill.as_str())
                .bind(invoice.at.unix())
                .bind(invoice.kind.word())
                .bind(&invoice.number)
                .bind(&invoice.waybill)
                .bind(invoice.by.id.as_str())
                .bind(&invoice.by.name)
                .execute(self.connection())
                .await?;
            expect_rows(ADD_INVOICE, done.rows_affected(), 1)
        }

        async fn take_back_invoice(&mut self, invoice: &HandedOut) -> Result<(), DatabaseError> {
            let back = invoice.taken_back.as_ref();
            let done = sqlx::query(TAKE_BACK)
                .bind(invoice.bill.as_str())
                .bind(&invoice.number)
                .bind(back.map(|(by, ..)| by.id.as_str()))
                .bind(back.map(|(by, ..)| &by.name))
                .bind(back.map(|(_, at, _)| at.unix()))
                .bind(back.map(|(.., why)| why))
                .execute(self.connection())
                .await?;
            expect_rows(TAKE_BACK, done.rows_affected(), 1)
        }

        async fn invoices(&mut self, bill: &BillNumber) -> Result<Vec<HandedOut>, DatabaseError> {
            let rows: Vec<InvoiceRow> =
                sqlx::query_as(INVOICES).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}

fn refunded(bill: &Bill) -> i64 {
    match &bill.state {
        BillState::PartlyRefunded { refunded, .. } => refunded.fen(),
        BillState::Refunded { .. } => bill.gross().fen(),
        _ => 0,
    }
}
