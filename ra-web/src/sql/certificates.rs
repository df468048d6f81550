//! Certificates, tickets and history.

use async_trait::async_trait;
use ca_core::domain::{CertificateStatus, IssuerId, OrderId, Serial, Sha256, Timestamp, Validity};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::reports::Tally as _;
use super::row::{odd, row, who};
use crate::enrolment::case::{CaseNumber, Step};
use crate::store::{
    CertificateFilter, Certificates, History, Issued, IssuedEncryption, OrderSubject, PastStep, StoredTicket,
    TicketState, Tickets,
};

const ADD: &str = "INSERT INTO certificate (issuer, serial, case_number, order_id, uscc, unit_name, not_before, \
    not_after, certificate, issued, delivered, status, reason, since, \
    encryption_serial, encryption_certificate, office) \
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, office \
    FROM enrolment_case WHERE number = $3 ON CONFLICT (issuer, serial) DO NOTHING";
const FIND: &str = "SELECT issuer, serial, case_number, order_id, uscc, unit_name, not_before, not_after, \
    certificate, issued, delivered, status, reason, since, encryption_serial, encryption_certificate FROM certificate WHERE issuer = $1 AND serial = $2";
const LATEST: &str = "SELECT issuer, serial, case_number, order_id, uscc, unit_name, not_before, not_after, \
    certificate, issued, delivered, status, reason, since, encryption_serial, encryption_certificate FROM certificate ORDER BY issued DESC, serial LIMIT $1";
const OF_USCC: &str = "SELECT issuer, serial, case_number, order_id, uscc, unit_name, not_before, not_after, \
    certificate, issued, delivered, status, reason, since, encryption_serial, encryption_certificate FROM certificate WHERE uscc = $2 ORDER BY issued DESC, serial LIMIT $1";
const OF_SERIAL: &str = "SELECT issuer, serial, case_number, order_id, uscc, unit_name, not_before, not_after, \
    certificate, issued, delivered, status, reason, since, encryption_serial, encryption_certificate FROM certificate \
    WHERE serial = $2 OR encryption_serial = $2 ORDER BY issued DESC LIMIT $1";
const OF_CASE: &str = "SELECT issuer, serial, case_number, order_id, uscc, unit_name, not_before, not_after, \
    certificate, issued, delivered, status, reason, since, encryption_serial, encryption_certificate FROM certificate WHERE case_number = $1 ORDER BY issued DESC, serial LIMIT 100";
const HELD: &str = "SELECT issuer, serial, case_number, order_id, uscc, unit_name, not_before, not_after, \
    certificate, issued, delivered, status, reason, since, encryption_serial, encryption_certificate FROM certificate \
    WHERE status = 1 AND EXISTS (SELECT 1 FROM enrolment_case e WHERE e.number = certificate.case_number \
    AND e.office = $2) ORDER BY since, serial LIMIT $1";
const PUT_STATUS: &str = "UPDATE certificate SET status = $3, reason = $4, since = $5, \
    delivered = COALESCE(delivered, $6) WHERE issuer = $1 AND serial = $2";
const DROP_TICKETS: &str = "UPDATE ticket SET state = 'dropped' WHERE order_id = $1 AND state = 'open'";
const ADD_TICKET: &str = "INSERT INTO ticket (hash, case_number, order_id, state, minted_id, minted_name, created, expires) \
    VALUES ($1, $2, $3, 'open', $4, $5, $6, $7)";
const FIND_TICKET: &str = "SELECT hash, case_number, order_id, state, minted_id, minted_name, created, expires \
    FROM ticket WHERE hash = $1";
const CLOSE_TICKET: &str = "UPDATE ticket SET state = $2 WHERE hash = $1 AND state = 'open'";
const ADD_STEP: &str = "INSERT INTO history (subject, n, act, from_state, to_state, by_id, by_name, reason, at) \
    SELECT $1, COALESCE(MAX(n), 0) + 1, $2, $3, $4, $5, $6, $7, $8 FROM history WHERE subject = $1";
const STEPS: &str = "SELECT act, from_state, to_state, by_id, by_name, reason, at FROM history \
    WHERE subject = $1 ORDER BY n DESC LIMIT 200";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD,
    FIND,
    OF_CASE,
    HELD,
    LATEST,
    OF_USCC,
    OF_SERIAL,
    PUT_STATUS,
    DROP_TICKETS,
    ADD_TICKET,
    FIND_TICKET,
    CLOSE_TICKET,
    ADD_STEP,
    STEPS,
];

row!(CertificateRow {
    issuer: String,
    serial: String,
    case_number: String,
    order_id: String,
    uscc: String,
    unit_name: String,
    not_before: i64,
    not_after: i64,
    certificate: Vec<u8>,
    issued: i64,
    delivered: Option<i64>,
    status: i16,
    reason: i16,
    since: i64,
    encryption_serial: Option<String>,
    encryption_certificate: Option<Vec<u8>>,
});

impl TryFrom<CertificateRow> for Issued {
    type Error = DatabaseError;

    fn try_from(row: CertificateRow) -> Result<Self, DatabaseError> {
        let id = format!("{}/{}", row.issuer, row.serial);
        let fault = |what: &str| odd("certificate", &id, what);
        let encryption = match (row.encryption_serial, row.encryption_certificate) {
            (None, None) => None,
            (Some(serial), Some(certificate)) => {
                let serial = serial.parse().map_err(|_| fault("encryption_serial"))?;
                Some(IssuedEncryption { serial, certificate })
            }
            _ => return Err(fault("half an encryption certificate")),
        };
        Ok(Self {
            issuer: IssuerId::new(&row.issuer).ok_or_else(|| fault("issuer"))?,
            serial: row.serial.parse().map_err(|_| fault("serial"))?,
            case: row.case_number.parse().map_err(|()| fault("case_number"))?,
            order: row.order_id.parse().map_err(|_| fault("order_id"))?,
            uscc: row.uscc,
            unit_name: row.unit_name,
            validity: Validity {
                not_before: Timestamp::from_unix(row.not_before),
                not_after: Timestamp::from_unix(row.not_after),
            },
            certificate: row.certificate,
            encryption,
            issued: Timestamp::from_unix(row.issued),
            delivered: row.delivered.map(Timestamp::from_unix),
            status: CertificateStatus::from_codes(row.status, row.reason, row.since).ok_or_else(|| fault("status"))?,
        })
    }
}

row!(TicketRow {
    hash: String,
    case_number: String,
    order_id: String,
    state: String,
    minted_id: String,
    minted_name: String,
    created: i64,
    expires: i64,
});

const fn ticket_word(state: TicketState) -> &'static str {
    match state {
        TicketState::Open => "open",
        TicketState::Used => "used",
        TicketState::Dropped => "dropped",
    }
}

impl TryFrom<TicketRow> for StoredTicket {
    type Error = DatabaseError;

    fn try_from(row: TicketRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("ticket", &row.hash, what);
        Ok(Self {
            hash: row.hash.parse().map_err(|_| fault("hash"))?,
            case: row.case_number.parse().map_err(|()| fault("case_number"))?,
            order: row.order_id.parse().map_err(|_| fault("order_id"))?,
            state: [TicketState::Open, TicketState::Used, TicketState::Dropped]
                .into_iter()
                .find(|state| ticket_word(*state) == row.state)
                .ok_or_else(|| fault("state"))?,
            minted: who("ticket", &row.hash, &row.minted_id, row.minted_name)?,
            created: Timestamp::from_unix(row.created),
            expires: Timestamp::from_unix(row.expires),
        })
    }
}

row!(StepRow {
    act: String,
    from_state: String,
    to_state: String,
    by_id: Option<String>,
    by_name: Option<String>,
    reason: Option<String>,
    at: i64,
});

fn past(subject: &str, row: StepRow) -> Result<PastStep, DatabaseError> {
    let by = match (row.by_id, row.by_name) {
        (Some(id), Some(name)) => Some(who("history", subject, &id, name)?),
        _ => None,
    };
    Ok(PastStep {
        act: row.act,
        from: row.from_state,
        to: row.to_state,
        by,
        reason: row.reason,
        at: Timestamp::from_unix(row.at),
    })
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Certificates for SqlTx {
        async fn add_certificate(&mut self, issued: &Issued) -> Result<(), DatabaseError> {
            sqlx::query(ADD)
                .bind(issued.issuer.as_str())
                .bind(issued.serial.to_string())
                .bind(issued.case.as_str())
                .bind(issued.order.to_string())
                .bind(&issued.uscc)
                .bind(&issued.unit_name)
                .bind(issued.validity.not_before.unix())
                .bind(issued.validity.not_after.unix())
                .bind(&issued.certificate)
                .bind(issued.issued.unix())
                .bind(issued.delivered.map(Timestamp::unix))
                .bind(issued.status.code())
                .bind(issued.status.reason_code())
                .bind(issued.status.since_unix())
                .bind(issued.encryption.as_ref().map(|encryption| encryption.serial.to_string()))
                .bind(issued.encryption.as_ref().map(|encryption| &encryption.certificate))
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn certificates_of_case(&mut self, case: &CaseNumber) -> Result<Vec<Issued>, DatabaseError> {
            let rows: Vec<CertificateRow> =
                sqlx::query_as(OF_CASE).bind(case.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn certificate(&mut self, issuer: &IssuerId, serial: &Serial) -> Result<Option<Issued>, DatabaseError> {
            let row: Option<CertificateRow> = sqlx::query_as(FIND)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .fetch_optional(self.connection())
                .await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn certificates(&mut self, filter: &CertificateFilter, limit: i64) -> Result<Vec<Issued>, DatabaseError> {
            let query = match filter {
                CertificateFilter::Latest => sqlx::query_as(LATEST).bind(limit),
                CertificateFilter::Uscc(uscc) => sqlx::query_as(OF_USCC).bind(limit).bind(uscc.clone()),
                CertificateFilter::Serial(serial) => sqlx::query_as(OF_SERIAL).bind(limit).bind(serial.to_string()),
                CertificateFilter::Held(office) => sqlx::query_as(HELD).bind(limit).bind(office.as_str().to_owned()),
            };
            let rows: Vec<CertificateRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn put_status(
            &mut self,
            issuer: &IssuerId,
            serial: &Serial,
            status: CertificateStatus,
            delivered: Option<Timestamp>,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(PUT_STATUS)
                .bind(issuer.as_str())
                .bind(serial.to_string())
                .bind(status.code())
                .bind(status.reason_code())
                .bind(status.since_unix())
                .bind(delivered.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            expect_rows(PUT_STATUS, done.rows_affected(), 1)
        }
    }

    #[async_trait]
    impl Tickets for SqlTx {
        async fn drop_tickets(&mut self, order: OrderId) -> Result<(), DatabaseError> {
            sqlx::query(DROP_TICKETS).bind(order.to_string()).execute(self.connection()).await?;
            Ok(())
        }

        async fn add_ticket(&mut self, ticket: &StoredTicket) -> Result<(), DatabaseError> {
            self.drop_tickets(ticket.order).await?;
            let done = sqlx::query(ADD_TICKET)
                .bind(ticket.hash.to_string())
                .bind(ticket.case.as_str())
                .bind(ticket.order.to_string())
                .bind(ticket.minted.id.as_str())
                .bind(&ticket.minted.name)
                .bind(ticket.created.unix())
                .bind(ticket.expires.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_TICKET, done.rows_affected(), 1)
        }

        async fn ticket(&mut self, hash: Sha256) -> Result<Option<StoredTicket>, DatabaseError> {
            let row: Option<TicketRow> =
                sqlx::query_as(FIND_TICKET).bind(hash.to_string()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn close_ticket(&mut self, hash: Sha256, to: TicketState) -> Result<(), DatabaseError> {
            let done =
                sqlx::query(CLOSE_TICKET).bind(hash.to_string()).bind(ticket_word(to)).execute(self.connection()).await?;
            expect_rows(CLOSE_TICKET, done.rows_affected(), 1)
        }
    }

    #[async_trait]
    impl History for SqlTx {
        async fn add_step(&mut self, subject: &OrderSubject, step: &Step) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_STEP)
                .bind(subject.key())
                .bind(step.act)
                .bind(step.from)
                .bind(step.to)
                .bind(step.by.as_ref().map(|by| by.id.as_str()))
                .bind(step.by.as_ref().map(|by| &by.name))
                .bind(step.reason.as_ref())
                .bind(step.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_STEP, done.rows_affected(), 1)?;
            self.tally(subject, step).await
        }

        async fn steps(&mut self, subject: &OrderSubject) -> Result<Vec<PastStep>, DatabaseError> {
            let subject = subject.key();
            let rows: Vec<StepRow> = sqlx::query_as(STEPS).bind(&subject).fetch_all(self.connection()).await?;
            rows.into_iter().map(|row| past(&subject, row)).collect()
        }
    }
}
