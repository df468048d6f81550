//! Sessions of programs, and the requests that they may send again.

use async_trait::async_trait;
use ca_core::domain::{Sha256, Timestamp};
use ca_core::sql::DatabaseError;
use ca_core::{for_each_backend, sql_row as row};

use super::odd;
use crate::fund::account::AccountNumber;
use crate::fund::machines::{KeptRequest, MachineSession, MachineTx};

const KEEP_SESSION: &str =
    "INSERT INTO machine_session (id, unit, certificate, record, expires) VALUES ($1, $2, $3, $4, $5)";
const SWEEP_SESSIONS: &str = "DELETE FROM machine_session WHERE expires < $1";
const SESSION: &str = "SELECT id, unit, certificate, record, expires FROM machine_session WHERE id = $1";
const END_SESSION: &str = "DELETE FROM machine_session WHERE id = $1";
const END_SESSIONS: &str = "DELETE FROM machine_session WHERE certificate = $1";
const SWEEP_REQUESTS: &str = "DELETE FROM machine_request WHERE begun < $1";
const BEGIN: &str = "INSERT INTO machine_request (unit, name, request, begun) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (unit, name) DO NOTHING";
const REQUEST: &str = "SELECT request, begun, answer FROM machine_request WHERE unit = $1 AND name = $2";
const TAKE_OVER: &str = "UPDATE machine_request SET begun = $4 \
    WHERE unit = $1 AND name = $2 AND begun = $3 AND answer IS NULL";
const ANSWER: &str = "UPDATE machine_request SET answer = $4 WHERE unit = $1 AND name = $2 AND begun = $3";
const RELEASE: &str = "DELETE FROM machine_request WHERE unit = $1 AND name = $2 AND begun = $3 AND answer IS NULL";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    KEEP_SESSION,
    SWEEP_SESSIONS,
    SESSION,
    END_SESSION,
    END_SESSIONS,
    SWEEP_REQUESTS,
    BEGIN,
    REQUEST,
    TAKE_OVER,
    ANSWER,
    RELEASE,
];

row!(SessionRow { id: String, unit: String, certificate: String, record: String, expires: i64 });

impl TryFrom<SessionRow> for MachineSession {
    type Error = DatabaseError;

    fn try_from(row: SessionRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("machine_session", &row.id, what);
        Ok(Self {
            unit: row.unit.parse().map_err(|_| fault("unit"))?,
            certificate: row.certificate.parse().map_err(|_| fault("certificate"))?,
            expires: Timestamp::from_unix(row.expires),
            id: row.id.parse().map_err(|_| fault("id"))?,
            record: row.record,
        })
    }
}

row!(RequestRow { request: String, begun: i64, answer: Option<Vec<u8>> });

impl TryFrom<RequestRow> for KeptRequest {
    type Error = DatabaseError;

    fn try_from(row: RequestRow) -> Result<Self, DatabaseError> {
        let request = row.request.parse().map_err(|_| odd("machine_request", &row.request, "request"))?;
        Ok(Self { request, begun: Timestamp::from_unix(row.begun), answer: row.answer })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl MachineTx for Tx {
        async fn keep_machine_session(&mut self, session: &MachineSession, now: Timestamp) -> Result<(), DatabaseError> {
            sqlx::query(SWEEP_SESSIONS).bind(now.unix()).execute(self.connection()).await?;
            sqlx::query(KEEP_SESSION)
                .bind(session.id.to_string())
                .bind(session.unit.as_str())
                .bind(session.certificate.to_string())
                .bind(&session.record)
                .bind(session.expires.unix())
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn machine_session(&mut self, id: Sha256) -> Result<Option<MachineSession>, DatabaseError> {
            let row: Option<SessionRow> =
                sqlx::query_as(SESSION).bind(id.to_string()).fetch_optional(self.connection()).await?;
            row.map(MachineSession::try_from).transpose()
        }

        async fn end_machine_session(&mut self, id: Sha256) -> Result<(), DatabaseError> {
            sqlx::query(END_SESSION).bind(id.to_string()).execute(self.connection()).await?;
            Ok(())
        }

        async fn end_machine_sessions_of(&mut self, certificate: Sha256) -> Result<(), DatabaseError> {
            sqlx::query(END_SESSIONS).bind(certificate.to_string()).execute(self.connection()).await?;
            Ok(())
        }

        async fn begin_request(
            &mut self,
            unit: &AccountNumber,
            name: &str,
            request: Sha256,
            now: Timestamp,
            dead: Timestamp,
        ) -> Result<bool, DatabaseError> {
            sqlx::query(SWEEP_REQUESTS).bind(dead.unix()).execute(self.connection()).await?;
            let done = sqlx::query(BEGIN)
                .bind(unit.as_str())
                .bind(name)
                .bind(request.to_string())
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn kept_request(
            &mut self,
            unit: &AccountNumber,
            name: &str,
        ) -> Result<Option<KeptRequest>, DatabaseError> {
            let row: Option<RequestRow> =
                sqlx::query_as(REQUEST).bind(unit.as_str()).bind(name).fetch_optional(self.connection()).await?;
            row.map(KeptRequest::try_from).transpose()
        }

        async fn take_request_over(
            &mut self,
            unit: &AccountNumber,
            name: &str,
            before: Timestamp,
            now: Timestamp,
        ) -> Result<bool, DatabaseError> {
            let done = sqlx::query(TAKE_OVER)
                .bind(unit.as_str())
                .bind(name)
                .bind(before.unix())
                .bind(now.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn keep_answer(
            &mut self,
            unit: &AccountNumber,
            name: &str,
            begun: Timestamp,
            answer: &[u8],
        ) -> Result<(), DatabaseError> {
            sqlx::query(ANSWER)
                .bind(unit.as_str())
                .bind(name)
                .bind(begun.unix())
                .bind(answer)
                .execute(self.connection())
                .await?;
            Ok(())
        }

        async fn release_request(
            &mut self,
            unit: &AccountNumber,
            name: &str,
            begun: Timestamp,
        ) -> Result<(), DatabaseError> {
            sqlx::query(RELEASE).bind(unit.as_str()).bind(name).bind(begun.unix()).execute(self.connection()).await?;
            Ok(())
        }
    }
}
