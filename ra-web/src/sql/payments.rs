//! Payments, refunds, drawers, and what came and went by day.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, OfficeId, OfficerId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::case::Who;
use crate::enrolment::form::day;
use crate::payment::bill::BillNumber;
use crate::payment::drawer::{Count, Drawer, DrawerState};
use crate::payment::fen::Fen;
use crate::payment::refund::{Refund, RefundNumber, RefundState};
use crate::payment::store::{Payments, Takings};
use crate::payment::taking::{Method, Payment, PaymentId, PaymentState};

const ADD: &str = "INSERT INTO payment (id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, \
    day, at, prints) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)";
const VOID: &str = "UPDATE payment SET voided_id = $2, voided_name = $3, voided_at = $4, void_reason = $5 \
    WHERE id = $1 AND void_reason IS NULL";
const PRINT: &str = "UPDATE payment SET prints = prints + 1 WHERE id = $1 RETURNING prints";
const OF_REFERENCE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE method = 'online' AND reference = $1";
const ONLINE_SINCE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE method = 'online' AND at >= $1 AND at < $2 ORDER BY at LIMIT $3";
const WIRE_SINCE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE method = 'wire' AND at >= $1 AND at < $2 ORDER BY at LIMIT $3";
const FIND: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE id = $1";
const OF_BILL: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE bill = $1 ORDER BY at DESC, id DESC LIMIT 20";
const OF_OFFICE: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE office = $1 ORDER BY at DESC LIMIT $2";
const OF_DRAWER: &str = "SELECT id, bill, method, amount, handed, reference, receipt, office, clerk_id, clerk_name, day, at, \
    voided_id, voided_name, voided_at, void_reason, prints FROM payment WHERE office = $1 AND clerk_id = $2 AND day = $3 \
    ORDER BY at LIMIT 500";
const COUNT_IN: &str = "INSERT INTO takings (office, day, method, payments, taken, refunds, refunded) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (office, day, method) DO UPDATE SET \
    payments = takings.payments + excluded.payments, taken = takings.taken + excluded.taken, \
    refunds = takings.refunds + excluded.refunds, refunded = takings.refunded + excluded.refunded";
const TAKINGS: &str = "SELECT office, day, method, payments, taken, refunds, refunded FROM takings \
    WHERE office = $3 AND day >= $1 AND day <= $2 ORDER BY day, method LIMIT 5000";
const ALL_TAKINGS: &str = "SELECT office, day, method, payments, taken, refunds, refunded FROM takings \
    WHERE day >= $1 AND day <= $2 ORDER BY day, office, method LIMIT 50000";
const ADD_REFUND: &str = "INSERT INTO refund (number, bill, payment, office, method, amount, reason, state, asked_id, \
    asked_name, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const PUT_REFUND: &str = "UPDATE refund SET state = $3, decided_id = $4, decided_name = $5, \
    decided_at = COALESCE(decided_at, $6), decline_reason = $7, paid_id = $8, paid_name = $9, paid_at = $10, paid_day = $11, \
    reference = $12 WHERE number = $1 AND state = $2";
const FIND_REFUND: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE number = $1";
const REFUNDS_OF: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE bill = $1 ORDER BY asked_at DESC LIMIT 20";
const WAITING_REFUNDS: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE office = $1 AND state = $2 ORDER BY asked_at LIMIT $3";
const PAID_OUT: &str = "SELECT number, bill, payment, office, method, amount, reason, state, asked_id, asked_name, \
    asked_at, decided_id, decided_name, decided_at, decline_reason, paid_id, paid_name, paid_at, paid_day, reference \
    FROM refund WHERE office = $1 AND paid_id = $2 AND paid_day = $3 ORDER BY paid_at LIMIT 500";
const DRAWER: &str = "SELECT office, clerk_id, day, clerk_name, state, book, counted, note, filed_at, confirmed_id, \
    confirmed_name, confirmed_at, returned, returned_id, \
    returned_name, returned_at FROM drawer WHERE office = $1 AND clerk_id = $2 AND day = $3";
const OPEN: &str = "INSERT INTO drawer (office, clerk_id, clerk_name, day, state, moves) VALUES ($1, $2, $3, $4, 'open', 0) \
    ON CONFLICT (office, clerk_id, day) DO NOTHING";
const USE: &str =
    "UPDATE drawer SET moves = moves + 1 WHERE office = $1 AND clerk_id = $2 AND day = $3 AND state = 'open'";
const PUT_DRAWER: &str = "UPDATE drawer SET state = $5, book = $6, counted = $7, note = $8, filed_at = $9, \
    confirmed_id = $10, confirmed_name = $11, confirmed_at = $12, returned = $13, returned_id = $14, returned_name = $15, \
    returned_at = $16 \
    WHERE office = $1 AND clerk_id = $2 AND day = $3 AND state = $4";
// CAST: PostgreSQL adds BIGINT up to NUMERIC.
const CAME: &str = "SELECT method, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount FROM payment \
    WHERE office = $1 AND clerk_id = $2 AND day = $3 AND void_reason IS NULL GROUP BY method";
const WENT: &str = "SELECT method, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount FROM refund \
    WHERE office = $1 AND paid_id = $2 AND paid_day = $3 GROUP BY method";
const WAITING_DRAWERS: &str = "SELECT office, clerk_id, day, clerk_name, state, book, counted, note, filed_at, \
    confirmed_id, confirmed_name, confirmed_at, returned, returned_id, \
    returned_name, returned_at FROM drawer WHERE office = $1 AND (state = 'open' OR state = 'filed') \
    ORDER BY day, clerk_id LIMIT $2";
const LAST_DRAWERS: &str = "SELECT office, clerk_id, day, clerk_name, state, book, counted, note, filed_at, confirmed_id, \
    confirmed_name, confirmed_at, returned, returned_id, \
    returned_name, returned_at FROM drawer WHERE office = $1 ORDER BY day DESC, clerk_id LIMIT $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD,
    VOID,
    PRINT,
    FIND,
    OF_REFERENCE,
    ONLINE_SINCE,
    WIRE_SINCE,
    OF_BILL,
    OF_OFFICE,
    OF_DRAWER,
    COUNT_IN,
    TAKINGS,
    ALL_TAKINGS,
    ADD_REFUND,
    PUT_REFUND,
    FIND_REFUND,
    REFUNDS_OF,
    WAITING_REFUNDS,
    PAID_OUT,
    DRAWER,
    OPEN,
    USE,
    PUT_DRAWER,
    CAME,
    WENT,
    WAITING_DRAWERS,
    LAST_DRAWERS,
];

row!(PaymentRow {
    id: String,
    bill: String,
    method: String,
    amount: i64,
    handed: Option<i64>,
    reference: Option<String>,
    receipt: String,
    office: String,
    clerk_id: String,
    clerk_name: String,
    day: String,
    at: i64,
    voided_id: Option<String>,
    voided_name: Option<String>,
    voided_at: Option<i64>,
    void_reason: Option<String>,
    prints: i64,
});

impl TryFrom<PaymentRow> for Payment {
    type Error = DatabaseError;

    fn try_from(row: PaymentRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("payment", &row.id, what);
        let state = match (row.voided_id, row.voided_name, row.voided_at, row.void_reason) {
            (Some(id), Some(name), Some(at), Some(reason)) => {
                PaymentState::Voided { by: who("payment", &row.id, &id, name)?, at: Timestamp::from_unix(at), reason }
            }
            _ => PaymentState::Taken,
        };
        Ok(Self {
            bill: row.bill.parse().map_err(|()| fault("bill"))?,
            method: Method::from_word(&row.method).ok_or_else(|| fault("method"))?,
            amount: Fen::new(row.amount),
            handed: row.handed.map(Fen::new),
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            clerk: who("payment", &row.id, &row.clerk_id, row.clerk_name)?,
            day: day(&row.day).ok_or_else(|| fault("day"))?,
            at: Timestamp::from_unix(row.at),
            id: row.id.parse().map_err(|()| fault("id"))?,
            reference: row.reference,
            receipt: row.receipt,
            state,
            prints: row.prints,
        })
    }
}

row!(RefundRow {
    number: String,
    bill: String,
    payment: String,
    office: String,
    method: String,
    amount: i64,
    reason: String,
    state: String,
    asked_id: String,
    asked_name: String,
    asked_at: i64,
    decided_id: Option<String>,
    decided_name: Option<String>,
    decided_at: Option<i64>,
    decline_reason: Option<String>,
    paid_id: Option<String>,
    paid_name: Option<String>,
    paid_at: Option<i64>,
    paid_day: Option<String>,
    reference: Option<String>,
});

impl TryFrom<RefundRow> for Refund {
    type Error = DatabaseError;

    fn try_from(row: RefundRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "refund";
        let fault = |what: &str| odd(TABLE, &row.number, what);
        let decided = match (row.decided_id, row.decided_name, row.decided_at) {
            (Some(id), Some(name), Some(at)) => Some((who(TABLE, &row.number, &id, name)?, Timestamp::from_unix(at))),
            _ => None,
        };
        let paid = match (row.paid_id, row.paid_name, row.paid_at, row.paid_day) {
            (Some(id), Some(name), Some(at), Some(text)) => Some((
                who(TABLE, &row.number, &id, name)?,
                Timestamp::from_unix(at),
                day(&text).ok_or_else(|| fault("paid_day"))?,
            )),
            _ => None,
        };
        let state = match (row.state.as_str(), decided, paid, row.decline_reason) {
            ("asked", None, None, None) => RefundState::Asked,
            ("approved", Some((by, at)), None, None) => RefundState::Approved { by, at },
            ("declined", Some((by, at)), None, Some(reason)) => RefundState::Declined { by, at, reason },
            ("paid_out", Some((approved, _)), Some((by, at, day)), None) => {
                RefundState::PaidOut { approved, by, at, day, reference: row.reference }
            }
            _ => return Err(fault("its state lacks its facts")),
        };
        Ok(Self {
            number: row.number.parse().map_err(|()| fault("number"))?,
            bill: row.bill.parse().map_err(|()| fault("bill"))?,
            payment: row.payment.parse().map_err(|()| fault("payment"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            method: Method::from_word(&row.method).ok_or_else(|| fault("method"))?,
            amount: Fen::new(row.amount),
            asked: who(TABLE, &row.number, &row.asked_id, row.asked_name)?,
            asked_at: Timestamp::from_unix(row.asked_at),
            reason: row.reason,
            state,
        })
    }
}

row!(DrawerRow {
    office: String,
    clerk_id: String,
    day: String,
    clerk_name: String,
    state: String,
    book: Option<i64>,
    counted: Option<i64>,
    note: Option<String>,
    filed_at: Option<i64>,
    confirmed_id: Option<String>,
    confirmed_name: Option<String>,
    confirmed_at: Option<i64>,
    returned: Option<String>,
    returned_id: Option<String>,
    returned_name: Option<String>,
    returned_at: Option<i64>,
});

impl TryFrom<DrawerRow> for Drawer {
    type Error = DatabaseError;

    fn try_from(row: DrawerRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "drawer";
        let id = format!("{}/{}/{}", row.office, row.clerk_id, row.day);
        let fault = |what: &str| odd(TABLE, &id, what);
        let count = match (row.book, row.counted, row.note, row.filed_at) {
            (Some(book), Some(counted), Some(note), Some(at)) => {
                let at = Timestamp::from_unix(at);
                Some(Count { book: Fen::new(book), counted: Fen::new(counted), note, at })
            }
            _ => None,
        };
        let confirmed = match (row.confirmed_id, row.confirmed_name, row.confirmed_at) {
            (Some(by), Some(name), Some(at)) => Some((who(TABLE, &id, &by, name)?, Timestamp::from_unix(at))),
            _ => None,
        };
        let state = match (row.state.as_str(), count, confirmed) {
            ("open", None, None) => DrawerState::Open,
            ("filed", Some(count), None) => DrawerState::Filed(count),
            ("confirmed", Some(count), Some((by, at))) => DrawerState::Confirmed { count, by, at },
            _ => return Err(fault("its state lacks its facts")),
        };
        let returned = match (row.returned, row.returned_id, row.returned_name, row.returned_at) {
            (Some(why), Some(by), Some(name), Some(at)) => {
                Some((why, who(TABLE, &id, &by, name)?, Timestamp::from_unix(at)))
            }
            _ => None,
        };
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            clerk: who(TABLE, &id, &row.clerk_id, row.clerk_name)?,
            day: day(&row.day).ok_or_else(|| fault("day"))?,
            state,
            returned,
        })
    }
}

row!(TakingsRow {
    office: String,
    day: String,
    method: String,
    payments: i64,
    taken: i64,
    refunds: i64,
    refunded: i64,
});

impl TryFrom<TakingsRow> for Takings {
    type Error = DatabaseError;

    fn try_from(row: TakingsRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("takings", &row.day, what);
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            day: day(&row.day).ok_or_else(|| fault("day"))?,
            method: Method::from_word(&row.method).ok_or_else(|| fault("method"))?,
            payments: row.payments,
            taken: Fen::new(row.taken),
            refunds: row.refunds,
            refunded: Fen::new(row.refunded),
        })
    }
}

/// What counts of days have in common: payments, their sum, payouts, their sum.
#[async_trait]
trait Counting {
    async fn count_in(
        &mut self,
        office: &OfficeId,
        day: BeijingDay,
        method: Method,
        moved: [i64; 4],
    ) -> Result<(), DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Counting for SqlTx {
        async fn count_in(
            &mut self,
            office: &OfficeId,
            day: BeijingDay,
            method: Method,
            moved: [i64; 4],
        ) -> Result<(), DatabaseError> {
            let mut query = sqlx::query(COUNT_IN).bind(office.as_str()).bind(day.to_string()).bind(method.word());
            for figure in moved {
                query = query.bind(figure);
            }
            expect_rows(COUNT_IN, query.execute(self.connection()).await?.rows_affected(), 1)
        }
    }

    #[async_trait]
    impl Payments for SqlTx {
        async fn add_payment(&mut self, payment: &Payment) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(payment.id.as_str())
                .bind(payment.bill.as_str())
                .bind(payment.method.word())
                .bind(payment.amount.fen())
                .bind(payment.handed.map(Fen::fen))
                .bind(payment.reference.as_deref())
                .bind(&payment.receipt)
                .bind(payment.office.as_str())
                .bind(payment.clerk.id.as_str())
                .bind(&payment.clerk.name)
                .bind(payment.day.to_string())
                .bind(payment.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)?;
            self.count_in(&payment.office, payment.day, payment.method, [1, payment.amount.fen(), 0, 0]).await
        }

        async fn void_payment(&mut self, payment: &Payment) -> Result<(), DatabaseError> {
            let PaymentState::Voided { by, at, reason } = &payment.state else {
                return Err(odd("payment", payment.id.as_str(), "it was not voided"));
            };
            let done = sqlx::query(VOID)
                .bind(payment.id.as_str())
                .bind(by.id.as_str())
                .bind(&by.name)
                .bind(at.unix())
                .bind(reason)
                .execute(self.connection())
                .await?;
            expect_rows(VOID, done.rows_affected(), 1)?;
            self.count_in(&payment.office, payment.day, payment.method, [-1, -payment.amount.fen(), 0, 0]).await
        }

        async fn count_print(&mut self, id: &PaymentId) -> Result<i64, DatabaseError> {
            let (prints,): (i64,) = sqlx::query_as(PRINT).bind(id.as_str()).fetch_one(self.connection()).await?;
            Ok(prints)
        }

        async fn payment(&mut self, id: &PaymentId) -> Result<Option<Payment>, DatabaseError> {
            let row: Option<PaymentRow> =
                sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn payments_by(
            &mut self,
            method: Method,
            from: Timestamp,
            to: Timestamp,
            limit: i64,
        ) -> Result<Vec<Payment>, DatabaseError> {
            let statement = match method {
                Method::Online => ONLINE_SINCE,
                Method::Wire => WIRE_SINCE,
                Method::Cash | Method::Pos | Method::Qr => return Ok(Vec::new()),
            };
            let query = sqlx::query_as(statement).bind(from.unix()).bind(to.unix()).bind(limit);
            let rows: Vec<PaymentRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn payment_of_reference(&mut self, reference: &str) -> Result<Option<Payment>, DatabaseError> {
            let row: Option<PaymentRow> =
                sqlx::query_as(OF_REFERENCE).bind(reference).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn payments(&mut self, bill: &BillNumber) -> Result<Vec<Payment>, DatabaseError> {
            let rows: Vec<PaymentRow> =
                sqlx::query_as(OF_BILL).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn last_payments(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Payment>, DatabaseError> {
            let query = sqlx::query_as(OF_OFFICE).bind(office.as_str()).bind(limit);
            let rows: Vec<PaymentRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn takings(
            &mut self,
            office: Option<&OfficeId>,
            from: BeijingDay,
            to: BeijingDay,
        ) -> Result<Vec<Takings>, DatabaseError> {
            let statement = if office.is_some() { TAKINGS } else { ALL_TAKINGS };
            let mut query = sqlx::query_as(statement).bind(from.to_string()).bind(to.to_string());
            if let Some(office) = office {
                query = query.bind(office.to_string());
            }
            let rows: Vec<TakingsRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn add_refund(&mut self, refund: &Refund) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_REFUND)
                .bind(refund.number.as_str())
                .bind(refund.bill.as_str())
                .bind(refund.payment.as_str())
                .bind(refund.office.as_str())
                .bind(refund.method.word())
                .bind(refund.amount.fen())
                .bind(&refund.reason)
                .bind(refund.state.word())
                .bind(refund.asked.id.as_str())
                .bind(&refund.asked.name)
                .bind(refund.asked_at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_REFUND, done.rows_affected(), 1)
        }

        async fn put_refund(&mut self, refund: &Refund, from: &'static str) -> Result<(), DatabaseError> {
            let (decided, decline, paid) = match &refund.state {
                RefundState::Asked => (None, None, None),
                RefundState::Approved { by, at } => (Some((by, *at)), None, None),
                RefundState::Declined { by, at, reason } => (Some((by, *at)), Some(reason), None),
                RefundState::PaidOut { approved, by, at, day, reference } => {
                    (Some((approved, *at)), None, Some((by, *at, *day, reference.as_deref())))
                }
            };
            let done = sqlx::query(PUT_REFUND)
                .bind(refund.number.as_str())
                .bind(from)
                .bind(refund.state.word())
                .bind(decided.map(|(by, _)| by.id.as_str()))
                .bind(decided.map(|(by, _)| &by.name))
                .bind(decided.map(|(_, at)| at.unix()))
                .bind(decline)
                .bind(paid.map(|(by, ..)| by.id.as_str()))
                .bind(paid.map(|(by, ..)| &by.name))
                .bind(paid.map(|(_, at, ..)| at.unix()))
                .bind(paid.map(|(_, _, day, _)| day.to_string()))
                .bind(paid.and_then(|(.., reference)| reference))
                .execute(self.connection())
                .await?;
            expect_rows(PUT_REFUND, done.rows_affected(), 1)?;
            match paid {
                Some((_, _, day, _)) => {
                    self.count_in(&refund.office, day, refund.method, [0, 0, 1, refund.amount.fen()]).await
                }
                None => Ok(()),
            }
        }

        async fn refund(&mut self, number: &RefundNumber) -> Result<Option<Refund>, DatabaseError> {
            let row: Option<RefundRow> =
                sqlx::query_as(FIND_REFUND).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn refunds(&mut self, bill: &BillNumber) -> Result<Vec<Refund>, DatabaseError> {
            let rows: Vec<RefundRow> =
                sqlx::query_as(REFUNDS_OF).bind(bill.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn waiting_refunds(
            &mut self,
            office: &OfficeId,
            state: &'static str,
            limit: i64,
        ) -> Result<Vec<Refund>, DatabaseError> {
            let query = sqlx::query_as(WAITING_REFUNDS).bind(office.as_str()).bind(state).bind(limit);
            let rows: Vec<RefundRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn drawer(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Option<Drawer>, DatabaseError> {
            let query = sqlx::query_as(DRAWER).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            let row: Option<DrawerRow> = query.fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn open_drawer(&mut self, office: &OfficeId, clerk: &Who, day: BeijingDay) -> Result<(), DatabaseError> {
            let query = sqlx::query(OPEN).bind(office.as_str()).bind(clerk.id.as_str()).bind(&clerk.name);
            query.bind(day.to_string()).execute(self.connection()).await?;
            Ok(())
        }

        async fn use_drawer(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<(), DatabaseError> {
            let query = sqlx::query(USE).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            expect_rows(USE, query.execute(self.connection()).await?.rows_affected(), 1)
        }

        async fn put_drawer(&mut self, drawer: &Drawer, from: &'static str) -> Result<(), DatabaseError> {
            let count = drawer.count();
            let confirmed = match &drawer.state {
                DrawerState::Confirmed { by, at, .. } => Some((by, *at)),
                DrawerState::Open | DrawerState::Filed(_) => None,
            };
            let done = sqlx::query(PUT_DRAWER)
                .bind(drawer.office.as_str())
                .bind(drawer.clerk.id.as_str())
                .bind(drawer.day.to_string())
                .bind(from)
                .bind(drawer.word())
                .bind(count.map(|count| count.book.fen()))
                .bind(count.map(|count| count.counted.fen()))
                .bind(count.map(|count| &count.note))
                .bind(count.map(|count| count.at.unix()))
                .bind(confirmed.map(|(by, _)| by.id.as_str()))
                .bind(confirmed.map(|(by, _)| &by.name))
                .bind(confirmed.map(|(_, at)| at.unix()))
                .bind(drawer.returned.as_ref().map(|(why, ..)| why))
                .bind(drawer.returned.as_ref().map(|(_, by, _)| by.id.as_str()))
                .bind(drawer.returned.as_ref().map(|(_, by, _)| &by.name))
                .bind(drawer.returned.as_ref().map(|(.., at)| at.unix()))
                .execute(self.connection())
                .await?;
            expect_rows(PUT_DRAWER, done.rows_affected(), 1)
        }

        async fn drawer_book(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Vec<(Method, i64, Fen)>, DatabaseError> {
            let mut book = Method::ALL.map(|method| (method, 0, Fen::ZERO));
            for (statement, sign) in [(CAME, 1), (WENT, -1)] {
                let query = sqlx::query_as(statement).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
                let rows: Vec<(String, i64, i64)> = query.fetch_all(self.connection()).await?;
                for (method, n, amount) in rows {
                    let line = book.iter_mut().find(|(known, ..)| known.word() == method);
                    let (_, count, sum) = line.ok_or_else(|| odd("payment", &method, "method"))?;
                    *count += n;
                    *sum = *sum + Fen::new(amount).times(sign);
                }
            }
            Ok(book.into_iter().filter(|(_, n, _)| *n > 0).collect())
        }

        async fn drawer_payments(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Vec<Payment>, DatabaseError> {
            let query = sqlx::query_as(OF_DRAWER).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            let rows: Vec<PaymentRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn drawer_refunds(
            &mut self,
            office: &OfficeId,
            clerk: &OfficerId,
            day: BeijingDay,
        ) -> Result<Vec<Refund>, DatabaseError> {
            let query = sqlx::query_as(PAID_OUT).bind(office.as_str()).bind(clerk.as_str()).bind(day.to_string());
            let rows: Vec<RefundRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn waiting_drawers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Drawer>, DatabaseError> {
            let query = sqlx::query_as(WAITING_DRAWERS).bind(office.as_str()).bind(limit);
            let rows: Vec<DrawerRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn last_drawers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Drawer>, DatabaseError> {
            let query = sqlx::query_as(LAST_DRAWERS).bind(office.as_str()).bind(limit);
            let rows: Vec<DrawerRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
