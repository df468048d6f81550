//! Reminders, calls, and what ends when.

use async_trait::async_trait;
use ca_core::domain::{IssuerId, OfficeId, Serial, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::process::CertificateName;
use crate::reminders::{After, Call, Ending, Outcome, ReminderTx, Successor};

const OFFICE_AFTER: &str = "SELECT office FROM case_count WHERE office > $1 ORDER BY office LIMIT 1";
const ENDING: &str = "SELECT c.issuer, c.serial, c.uscc, c.unit_name, c.not_after, u.handler_name, u.handler_mobile \
    FROM certificate c LEFT JOIN unit u ON u.uscc = c.uscc \
    WHERE c.office = $1 AND c.status = 0 AND c.delivered IS NOT NULL AND c.not_after <= $2 \
    AND (c.not_after, c.issuer, c.serial) > ($3, $4, $5) ORDER BY c.not_after, c.issuer, c.serial LIMIT $6";
const SUCCESSORS: &str = "SELECT c.issuer, c.serial, e.number, e.process, e.state FROM certificate c \
    JOIN enrolment_case e ON e.old_issuer = c.issuer AND e.old_serial = c.serial \
    WHERE c.office = $1 AND c.status = 0 AND c.not_after >= $2 AND c.not_after <= $3 ORDER BY e.number LIMIT 1000";
const SUCCESSORS_OF: &str = "SELECT old_issuer AS issuer, old_serial AS serial, number, process, state \
    FROM enrolment_case WHERE old_issuer = $1 AND old_serial = $2 ORDER BY number LIMIT 100";
const ADD: &str = "INSERT INTO reminder (issuer, serial, stage, office, uscc, not_after, made) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, serial, stage) DO NOTHING";
const OF: &str = "SELECT stage, made FROM reminder WHERE issuer = $1 AND serial = $2 ORDER BY stage";
const ADD_CALL: &str = "INSERT INTO reminder_call (issuer, serial, n, outcome, comes, by_id, by_name, at) \
    SELECT $1, $2, COALESCE(MAX(n), 0) + 1, $3, $4, $5, $6, $7 FROM reminder_call WHERE issuer = $1 AND serial = $2";
const CALLS: &str = "SELECT r.issuer, r.serial, r.outcome, r.comes, r.by_id, r.by_name, r.at FROM certificate c \
    JOIN reminder_call r ON r.issuer = c.issuer AND r.serial = c.serial \
    WHERE c.office = $1 AND c.status = 0 AND c.not_after >= $2 AND c.not_after <= $3 \
    ORDER BY r.at DESC, r.n DESC LIMIT 2000";
const ENDING_ONE: &str =
    "SELECT office, not_after, status, delivered FROM certificate WHERE issuer = $1 AND serial = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[OFFICE_AFTER, ENDING, SUCCESSORS, SUCCESSORS_OF, ADD, OF, ADD_CALL, CALLS, ENDING_ONE];

row!(EndingRow {
    issuer: String,
    serial: String,
    uscc: String,
    unit_name: String,
    not_after: i64,
    handler_name: Option<String>,
    handler_mobile: Option<String>,
});

fn name(table: &'static str, issuer: &str, serial: &str) -> Result<CertificateName, DatabaseError> {
    Ok(CertificateName {
        issuer: IssuerId::new(issuer).ok_or_else(|| odd(table, issuer, "issuer"))?,
        serial: serial.parse::<Serial>().map_err(|_| odd(table, serial, "serial"))?,
    })
}

impl TryFrom<EndingRow> for Ending {
    type Error = DatabaseError;

    fn try_from(row: EndingRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            name: name("certificate", &row.issuer, &row.serial)?,
            uscc: row.uscc,
            unit_name: row.unit_name,
            not_after: Timestamp::from_unix(row.not_after),
            handler: row.handler_name.zip(row.handler_mobile),
        })
    }
}

row!(SuccessorRow { issuer: String, serial: String, number: String, process: String, state: String });

impl TryFrom<SuccessorRow> for Successor {
    type Error = DatabaseError;

    fn try_from(row: SuccessorRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            name: name("enrolment_case", &row.issuer, &row.serial)?,
            case: row.number.parse().map_err(|()| odd("enrolment_case", &row.number, "number"))?,
            process: row.process,
            state: row.state,
        })
    }
}

row!(CallRow {
    issuer: String,
    serial: String,
    outcome: String,
    comes: Option<String>,
    by_id: String,
    by_name: String,
    at: i64,
});

impl TryFrom<CallRow> for Call {
    type Error = DatabaseError;

    fn try_from(row: CallRow) -> Result<Self, DatabaseError> {
        const TABLE: &str = "reminder_call";
        let by = who(TABLE, &row.serial, &row.by_id, row.by_name)?;
        Ok(Self {
            outcome: Outcome::from_word(&row.outcome).ok_or_else(|| odd(TABLE, &row.serial, "outcome"))?,
            name: name(TABLE, &row.issuer, &row.serial)?,
            comes: row.comes,
            by,
            at: Timestamp::from_unix(row.at),
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl ReminderTx for SqlTx {
        async fn office_after(&mut self, office: &str) -> Result<Option<OfficeId>, DatabaseError> {
            let row: Option<(String,)> =
                sqlx::query_as(OFFICE_AFTER).bind(office).fetch_optional(self.connection()).await?;
            row.map(|(id,)| OfficeId::new(&id).ok_or_else(|| odd("case_count", &id, "office"))).transpose()
        }

        async fn ending(
            &mut self,
            office: &OfficeId,
            after: &After,
            until: Timestamp,
            limit: i64,
        ) -> Result<Vec<Ending>, DatabaseError> {
            let rows: Vec<EndingRow> = sqlx::query_as(ENDING)
                .bind(office.as_str())
                .bind(until.unix())
                .bind(after.not_after)
                .bind(&after.issuer)
                .bind(&after.serial)
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn successors(
            &mut self,
            office: &OfficeId,
            from: Timestamp,
            until: Timestamp,
        ) -> Result<Vec<Successor>, DatabaseError> {
            let query = sqlx::query_as(SUCCESSORS).bind(office.as_str()).bind(from.unix()).bind(until.unix());
            let rows: Vec<SuccessorRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn successors_of(&mut self, name: &CertificateName) -> Result<Vec<Successor>, DatabaseError> {
            let query = sqlx::query_as(SUCCESSORS_OF).bind(name.issuer.as_str()).bind(name.serial.to_string());
            let rows: Vec<SuccessorRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn add_reminder(
            &mut self,
            office: &OfficeId,
            ending: &Ending,
            stage: i64,
            now: Timestamp,
        ) -> Result<bool, DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(ending.name.issuer.as_str())
                .bind(ending.name.serial.to_string())
                .bind(i16::try_from(stage).unwrap_or(i16::MAX))
                .bind(office.as_str())
                .bind(&ending.uscc)
                .bind(ending.not_after.unix())
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn reminders(&mut self, name: &CertificateName) -> Result<Vec<(i64, Timestamp)>, DatabaseError> {
            let rows: Vec<(i16, i64)> = sqlx::query_as(OF)
                .bind(name.issuer.as_str())
                .bind(name.serial.to_string())
                .fetch_all(self.connection())
                .await?;
            Ok(rows.into_iter().map(|(stage, made)| (stage.into(), Timestamp::from_unix(made))).collect())
        }

        async fn add_call(&mut self, call: &Call) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_CALL)
                .bind(call.name.issuer.as_str())
                .bind(call.name.serial.to_string())
                .bind(call.outcome.word())
                .bind(call.comes.as_ref())
                .bind(call.by.id.as_str())
                .bind(&call.by.name)
                .bind(call.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_CALL, done.rows_affected(), 1)
        }

        async fn calls(
            &mut self,
            office: &OfficeId,
            from: Timestamp,
            until: Timestamp,
        ) -> Result<Vec<Call>, DatabaseError> {
            let query = sqlx::query_as(CALLS).bind(office.as_str()).bind(from.unix()).bind(until.unix());
            let rows: Vec<CallRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn ending_one(
            &mut self,
            issuer: &IssuerId,
            serial: &Serial,
        ) -> Result<Option<(OfficeId, Timestamp)>, DatabaseError> {
            let query = sqlx::query_as(ENDING_ONE).bind(issuer.as_str()).bind(serial.to_string());
            let row: Option<(String, i64, i16, Option<i64>)> = query.fetch_optional(self.connection()).await?;
            let good = row.filter(|(_, _, status, delivered)| *status == 0 && delivered.is_some());
            good.map(|(office, end, ..)| {
                let office = OfficeId::new(&office).ok_or_else(|| odd("certificate", &office, "office"))?;
                Ok((office, Timestamp::from_unix(end)))
            })
            .transpose()
        }
    }
}
