//! Certificates that end soon, and the letters about them.

use async_trait::async_trait;
use ca_core::domain::{IssuerId, OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row};
use crate::batches::letters::Ending;
use crate::batches::store::Letters;
use crate::enrolment::case::Who;
use crate::enrolment::form::Form;

// A unit that has a later certificate already is not written to.
const ENDING: &str = "SELECT k.issuer, k.serial, k.uscc, k.unit_name, k.not_after, c.form, \
    (SELECT l.printed FROM expiry_letter l WHERE l.issuer = k.issuer AND l.serial = k.serial) AS printed, \
    (SELECT l.by_name FROM expiry_letter l WHERE l.issuer = k.issuer AND l.serial = k.serial) AS printed_by \
    FROM certificate k JOIN enrolment_case c ON c.number = k.case_number \
    WHERE k.status = 0 AND k.not_after >= $2 AND k.not_after <= $3 AND k.delivered IS NOT NULL AND c.office = $1 \
    AND NOT EXISTS (SELECT 1 FROM certificate n WHERE n.uscc = k.uscc AND n.status <> 2 AND n.not_after > k.not_after) \
    ORDER BY k.not_after, k.serial LIMIT $4";
const PRINTED: &str = "INSERT INTO expiry_letter (issuer, serial, printed, by_id, by_name) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (issuer, serial) DO UPDATE SET printed = excluded.printed, by_id = excluded.by_id, by_name = excluded.by_name";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[ENDING, PRINTED];

row!(EndingRow {
    issuer: String,
    serial: String,
    uscc: String,
    unit_name: String,
    not_after: i64,
    form: String,
    printed: Option<i64>,
    printed_by: Option<String>,
});

impl TryFrom<EndingRow> for Ending {
    type Error = DatabaseError;

    fn try_from(row: EndingRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("certificate", &row.serial, what);
        let form: Form = serde_json::from_str(&row.form).map_err(|_| fault("its case's form"))?;
        Ok(Self {
            issuer: IssuerId::new(&row.issuer).ok_or_else(|| fault("issuer"))?,
            serial: row.serial.parse().map_err(|_| fault("serial"))?,
            until: Timestamp::from_unix(row.not_after),
            address: form.address.clone(),
            handler_name: form.handler_name.clone(),
            handler_mobile: form.handler_mobile.clone(),
            printed: row.printed.map(Timestamp::from_unix).zip(row.printed_by),
            uscc: row.uscc,
            unit_name: row.unit_name,
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Letters for SqlTx {
        async fn letters_due(
            &mut self,
            office: &OfficeId,
            from: Timestamp,
            until: Timestamp,
            limit: i64,
        ) -> Result<Vec<Ending>, DatabaseError> {
            let rows: Vec<EndingRow> = sqlx::query_as(ENDING)
                .bind(office.as_str())
                .bind(from.unix())
                .bind(until.unix())
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn letter_printed(&mut self, ending: &Ending, by: &Who, now: Timestamp) -> Result<(), DatabaseError> {
            let done = sqlx::query(PRINTED)
                .bind(ending.issuer.as_str())
                .bind(ending.serial.to_string())
                .bind(now.unix())
                .bind(by.id.as_str())
                .bind(&by.name)
                .execute(self.connection())
                .await?;
            expect_rows(PRINTED, done.rows_affected(), 1)
        }
    }
}
