//! Tokens, their transfers and counts.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, IssuerId, OfficeId, Serial, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::case::Who;
use crate::enrolment::form::day;
use crate::tokens::store::{TokenFilter, Tokens};
use crate::tokens::{Count, Holder, State, Token, TokenNumber, Transfer};

const NEXT: &str = "INSERT INTO case_counter (day, last) VALUES ($1, 1) \
    ON CONFLICT (day) DO UPDATE SET last = case_counter.last + 1 RETURNING last";
const ADD: &str = "INSERT INTO token (serial, office, model, purchased, warranty_until, state, case_number, issuer, \
    certificate, uscc, unit_name, created, updated, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1) ON CONFLICT (serial) DO NOTHING";
const PUT: &str = "UPDATE token SET office = $3, warranty_until = $4, state = $5, case_number = $6, issuer = $7, \
    certificate = $8, uscc = $9, unit_name = $10, transfer = $11, pin_changed = $12, counted = $13, destroyed = $14, \
    updated = $15, version = version + 1 WHERE serial = $1 AND version = $2";
const FIND: &str = "SELECT serial, office, model, purchased, warranty_until, state, case_number, issuer, certificate, \
    uscc, unit_name, transfer, pin_changed, counted, destroyed, created, updated, version FROM token WHERE serial = $1";
const WITH: &str = "SELECT serial, office, model, purchased, warranty_until, state, case_number, issuer, certificate, \
    uscc, unit_name, transfer, pin_changed, counted, destroyed, created, updated, version FROM token \
    WHERE issuer = $1 AND certificate = $2 ORDER BY updated DESC LIMIT 1";
const OF_OFFICE: &str = "SELECT serial, office, model, purchased, warranty_until, state, case_number, issuer, certificate, \
    uscc, unit_name, transfer, pin_changed, counted, destroyed, created, updated, version FROM token \
    WHERE office = $1 ORDER BY updated DESC, serial DESC LIMIT $2";
const OF_STATE: &str = "SELECT serial, office, model, purchased, warranty_until, state, case_number, issuer, certificate, \
    uscc, unit_name, transfer, pin_changed, counted, destroyed, created, updated, version FROM token \
    WHERE office = $1 AND state = $3 ORDER BY updated DESC, serial DESC LIMIT $2";
const OF_USCC: &str = "SELECT serial, office, model, purchased, warranty_until, state, case_number, issuer, certificate, \
    uscc, unit_name, transfer, pin_changed, counted, destroyed, created, updated, version FROM token \
    WHERE uscc = $1 ORDER BY updated DESC LIMIT $2";
const OF_TRANSFER: &str = "SELECT serial, office, model, purchased, warranty_until, state, case_number, issuer, certificate, \
    uscc, unit_name, transfer, pin_changed, counted, destroyed, created, updated, version FROM token \
    WHERE transfer = $1 ORDER BY serial LIMIT $2";
const OF_CASE: &str = "SELECT serial, office, model, purchased, warranty_until, state, case_number, issuer, certificate, \
    uscc, unit_name, transfer, pin_changed, counted, destroyed, created, updated, version FROM token \
    WHERE case_number = $1 LIMIT $2";
const BEFORE: &str = "SELECT office, state FROM token WHERE serial = $1";
const COUNT: &str = "SELECT state, n FROM token_count WHERE office = $1 AND n > 0 ORDER BY state";
const COUNT_IN: &str = "INSERT INTO token_count (office, state, n) VALUES ($1, $2, 1) \
    ON CONFLICT (office, state) DO UPDATE SET n = token_count.n + 1";
const COUNT_OUT: &str = "UPDATE token_count SET n = n - 1 WHERE office = $1 AND state = $2";
const ADD_TRANSFER: &str = "INSERT INTO stock_transfer (id, from_office, to_office, n, arrived, sent_id, sent_name, sent) \
    VALUES ($1, $2, $3, $4, 0, $5, $6, $7)";
const TRANSFER: &str = "SELECT id, from_office, to_office, n, arrived, sent_id, sent_name, sent, received_id, \
    received_name, received FROM stock_transfer WHERE id = $1";
const ARRIVED: &str = "UPDATE stock_transfer SET arrived = $3, received_id = $4, received_name = $5, received = $6 \
    WHERE id = $1 AND arrived = $2";
const TRANSFERS_FROM: &str = "SELECT id, from_office, to_office, n, arrived, sent_id, sent_name, sent, received_id, \
    received_name, received FROM stock_transfer WHERE from_office = $1 ORDER BY sent DESC LIMIT $2";
const TRANSFERS_TO: &str = "SELECT id, from_office, to_office, n, arrived, sent_id, sent_name, sent, received_id, \
    received_name, received FROM stock_transfer WHERE to_office = $1 ORDER BY sent DESC LIMIT $2";
const ADD_COUNT: &str = "INSERT INTO stock_count (id, office, by_id, by_name, at, expected, found, missing, strange) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const COUNTS: &str = "SELECT id, office, by_id, by_name, at, expected, found, missing, strange FROM stock_count \
    WHERE office = $1 ORDER BY at DESC LIMIT $2";
const MASTER: &str = "SELECT sealed FROM token_master WHERE id = 1";
const ADD_MASTER: &str =
    "INSERT INTO token_master (id, sealed, created) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    NEXT,
    ADD,
    PUT,
    FIND,
    WITH,
    OF_OFFICE,
    OF_STATE,
    OF_USCC,
    OF_TRANSFER,
    OF_CASE,
    BEFORE,
    COUNT,
    COUNT_IN,
    COUNT_OUT,
    ADD_TRANSFER,
    TRANSFER,
    ARRIVED,
    TRANSFERS_FROM,
    TRANSFERS_TO,
    ADD_COUNT,
    COUNTS,
    MASTER,
    ADD_MASTER,
];

row!(TokenRow {
    serial: String,
    office: String,
    model: String,
    purchased: String,
    warranty_until: String,
    state: String,
    case_number: Option<String>,
    issuer: Option<String>,
    certificate: Option<String>,
    uscc: Option<String>,
    unit_name: Option<String>,
    transfer: Option<String>,
    pin_changed: Option<i64>,
    counted: Option<i64>,
    destroyed: Option<i64>,
    created: i64,
    updated: i64,
    version: i64,
});

impl TryFrom<TokenRow> for Token {
    type Error = DatabaseError;

    fn try_from(row: TokenRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("token", &row.serial, what);
        let holder = match (&row.issuer, &row.certificate, &row.uscc, &row.unit_name) {
            (Some(issuer), Some(serial), Some(uscc), Some(unit_name)) => Some(Holder {
                issuer: IssuerId::new(issuer).ok_or_else(|| fault("issuer"))?,
                serial: serial.parse().map_err(|_| fault("certificate"))?,
                uscc: uscc.clone(),
                unit_name: unit_name.clone(),
            }),
            _ => None,
        };
        let state = match (row.state.as_str(), holder, &row.case_number) {
            ("blank", None, None) => State::Blank,
            ("formatted", None, None) => State::Formatted,
            ("bound", None, Some(case)) => State::Bound { case: case.parse().map_err(|()| fault("case_number"))? },
            ("in_use", Some(holder), None) => State::InUse(holder),
            ("locked", Some(holder), None) => State::Locked(holder),
            ("reported_lost", Some(holder), None) => State::ReportedLost(holder),
            ("faulty", Some(holder), None) => State::Faulty(holder),
            ("replaced", Some(holder), None) => State::Replaced(holder),
            ("retired", holder, None) => State::Retired(holder),
            _ => return Err(fault("its state lacks its facts")),
        };
        Ok(Self {
            serial: row.serial.parse().map_err(|()| fault("serial"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            purchased: day(&row.purchased).ok_or_else(|| fault("purchased"))?,
            warranty_until: day(&row.warranty_until).ok_or_else(|| fault("warranty_until"))?,
            state,
            model: row.model,
            transfer: row.transfer,
            pin_changed: row.pin_changed.map(Timestamp::from_unix),
            counted: row.counted.map(Timestamp::from_unix),
            destroyed: row.destroyed.map(Timestamp::from_unix),
            created: Timestamp::from_unix(row.created),
            updated: Timestamp::from_unix(row.updated),
            version: row.version,
        })
    }
}

row!(TransferRow {
    id: String,
    from_office: String,
    to_office: String,
    n: i64,
    arrived: i64,
    sent_id: String,
    sent_name: String,
    sent: i64,
    received_id: Option<String>,
    received_name: Option<String>,
    received: Option<i64>,
});

impl TryFrom<TransferRow> for Transfer {
    type Error = DatabaseError;

    fn try_from(row: TransferRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "stock_transfer";
        let fault = |what: &str| odd(TABLE, &row.id, what);
        let received = match (row.received_id, row.received_name, row.received) {
            (Some(id), Some(name), Some(at)) => Some((who(TABLE, &row.id, &id, name)?, Timestamp::from_unix(at))),
            _ => None,
        };
        Ok(Self {
            from: OfficeId::new(&row.from_office).ok_or_else(|| fault("from_office"))?,
            to: OfficeId::new(&row.to_office).ok_or_else(|| fault("to_office"))?,
            n: row.n,
            arrived: row.arrived,
            sent: (who(TABLE, &row.id, &row.sent_id, row.sent_name)?, Timestamp::from_unix(row.sent)),
            received,
            id: row.id,
        })
    }
}

row!(CountRow {
    id: String,
    office: String,
    by_id: String,
    by_name: String,
    at: i64,
    expected: i64,
    found: i64,
    missing: String,
    strange: String,
});

impl TryFrom<CountRow> for Count {
    type Error = DatabaseError;

    fn try_from(row: CountRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "stock_count";
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| odd(TABLE, &row.id, "office"))?,
            by: who(TABLE, &row.id, &row.by_id, row.by_name)?,
            at: Timestamp::from_unix(row.at),
            expected: row.expected,
            found: row.found,
            missing: lines(&row.missing),
            strange: lines(&row.strange),
            id: row.id,
        })
    }
}

fn case_of(state: &State) -> Option<&str> {
    match state {
        State::Bound { case } => Some(case.as_str()),
        _ => None,
    }
}

fn text(day: BeijingDay) -> String {
    day.to_string()
}

/// Keeps the counts of tokens.
#[async_trait]
trait Counting {
    async fn token_in(&mut self, office: &str, state: &str) -> Result<(), DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Counting for SqlTx {
        async fn token_in(&mut self, office: &str, state: &str) -> Result<(), DatabaseError> {
            let done = sqlx::query(COUNT_IN).bind(office).bind(state).execute(self.connection()).await?;
            expect_rows(COUNT_IN, done.rows_affected(), 1)
        }
    }

    #[async_trait]
    impl Tokens for SqlTx {
        async fn next_number(&mut self, series: &str, day: BeijingDay) -> Result<String, DatabaseError> {
            let key = format!("{series} {day}");
            let (n,): (i64,) = sqlx::query_as(NEXT).bind(key).fetch_one(self.connection()).await?;
            Ok(format!("{}-{n:04}", day.to_string().replace('-', "")))
        }

        async fn add_token(&mut self, token: &Token) -> Result<bool, DatabaseError> {
            let holder = token.state.holder();
            let done = sqlx::query(ADD)
                .bind(token.serial.as_str())
                .bind(token.office.as_str())
                .bind(&token.model)
                .bind(text(token.purchased))
                .bind(text(token.warranty_until))
                .bind(token.state.word())
                .bind(case_of(&token.state))
                .bind(holder.map(|holder| holder.issuer.as_str()))
                .bind(holder.map(|holder| holder.serial.to_string()))
                .bind(holder.map(|holder| &holder.uscc))
                .bind(holder.map(|holder| &holder.unit_name))
                .bind(token.created.unix())
                .bind(token.updated.unix())
                .execute(self.connection())
                .await?;
            let added = done.rows_affected() == 1;
            if added {
                self.token_in(token.office.as_str(), token.state.word()).await?;
            }
            Ok(added)
        }

        async fn put_token(&mut self, token: &Token) -> Result<(), DatabaseError> {
            let before: Option<(String, String)> =
                sqlx::query_as(BEFORE).bind(token.serial.as_str()).fetch_optional(self.connection()).await?;
            let holder = token.state.holder();
            let done = sqlx::query(PUT)
                .bind(token.serial.as_str())
                .bind(token.version)
                .bind(token.office.as_str())
                .bind(text(token.warranty_until))
                .bind(token.state.word())
                .bind(case_of(&token.state))
                .bind(holder.map(|holder| holder.issuer.as_str()))
                .bind(holder.map(|holder| holder.serial.to_string()))
                .bind(holder.map(|holder| &holder.uscc))
                .bind(holder.map(|holder| &holder.unit_name))
                .bind(&token.transfer)
                .bind(token.pin_changed.map(Timestamp::unix))
                .bind(token.counted.map(Timestamp::unix))
                .bind(token.destroyed.map(Timestamp::unix))
                .bind(token.updated.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)?;
            let Some((office, state)) = before else { return Ok(()) };
            if (office.as_str(), state.as_str()) != (token.office.as_str(), token.state.word()) {
                let out = sqlx::query(COUNT_OUT).bind(&office).bind(&state).execute(self.connection()).await?;
                expect_rows(COUNT_OUT, out.rows_affected(), 1)?;
                self.token_in(token.office.as_str(), token.state.word()).await?;
            }
            Ok(())
        }

        async fn token(&mut self, serial: &TokenNumber) -> Result<Option<Token>, DatabaseError> {
            let row: Option<TokenRow> =
                sqlx::query_as(FIND).bind(serial.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn token_with(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<Token>, DatabaseError> {
            let row: Option<TokenRow> = sqlx::query_as(WITH)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .fetch_optional(self.connection())
                .await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn tokens(&mut self, filter: &TokenFilter, limit: i64) -> Result<Vec<Token>, DatabaseError> {
            let query = match filter {
                TokenFilter::Office(office, None) => sqlx::query_as(OF_OFFICE).bind(office.to_string()).bind(limit),
                TokenFilter::Office(office, Some(state)) => {
                    sqlx::query_as(OF_STATE).bind(office.to_string()).bind(limit).bind(*state)
                }
                TokenFilter::Uscc(uscc) => sqlx::query_as(OF_USCC).bind(uscc.clone()).bind(limit),
                TokenFilter::Transfer(id) => sqlx::query_as(OF_TRANSFER).bind(id.clone()).bind(limit),
                TokenFilter::Case(case) => sqlx::query_as(OF_CASE).bind(case.to_string()).bind(limit),
            };
            let rows: Vec<TokenRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn count_tokens(&mut self, office: &OfficeId) -> Result<Vec<(String, i64)>, DatabaseError> {
            Ok(sqlx::query_as(COUNT).bind(office.as_str()).fetch_all(self.connection()).await?)
        }

        async fn add_transfer(&mut self, transfer: &Transfer) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_TRANSFER)
                .bind(&transfer.id)
                .bind(transfer.from.as_str())
                .bind(transfer.to.as_str())
                .bind(transfer.n)
                .bind(transfer.sent.0.id.as_str())
                .bind(&transfer.sent.0.name)
                .bind(transfer.sent.1.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_TRANSFER, done.rows_affected(), 1)
        }

        async fn transfer(&mut self, id: &str) -> Result<Option<Transfer>, DatabaseError> {
            let row: Option<TransferRow> = sqlx::query_as(TRANSFER).bind(id).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn put_arrival(
            &mut self,
            id: &str,
            before: i64,
            arrived: i64,
            by: &Who,
            now: Timestamp,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(ARRIVED)
                .bind(id)
                .bind(before)
                .bind(arrived)
                .bind(by.id.as_str())
                .bind(&by.name)
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ARRIVED, done.rows_affected(), 1)
        }

        async fn transfers(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Transfer>, DatabaseError> {
            let mut found: Vec<Transfer> = Vec::new();
            for statement in [TRANSFERS_FROM, TRANSFERS_TO] {
                let rows: Vec<TransferRow> =
                    sqlx::query_as(statement).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
                for row in rows {
                    found.push(row.try_into()?);
                }
            }
            found.sort_by_key(|transfer| std::cmp::Reverse(transfer.sent.1));
            Ok(found)
        }

        async fn add_count(&mut self, count: &Count) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_COUNT)
                .bind(&count.id)
                .bind(count.office.as_str())
                .bind(count.by.id.as_str())
                .bind(&count.by.name)
                .bind(count.at.unix())
                .bind(count.expected)
                .bind(count.found)
                .bind(count.missing.join("\n"))
                .bind(count.strange.join("\n"))
                .execute(self.connection())
                .await?;
            expect_rows(ADD_COUNT, done.rows_affected(), 1)
        }

        async fn counts(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Count>, DatabaseError> {
            let rows: Vec<CountRow> =
                sqlx::query_as(COUNTS).bind(office.as_str()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn token_master(&mut self) -> Result<Option<Vec<u8>>, DatabaseError> {
            let row: Option<(Vec<u8>,)> = sqlx::query_as(MASTER).fetch_optional(self.connection()).await?;
            Ok(row.map(|(sealed,)| sealed))
        }

        async fn add_token_master(&mut self, sealed: &[u8], now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(ADD_MASTER).bind(sealed).bind(now.unix()).execute(self.connection()).await?;
            Ok(())
        }
    }
}
