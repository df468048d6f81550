//! Units, and the names by which units and cases are found.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row};
use crate::enrolment::case::{Case, CaseNumber, State};
use crate::enrolment::form::folded;
use crate::store::Units;
use crate::units::{Handler, UnitLine, UnitRecord, names};

// An older fact does not overwrite a newer one: the back-fill may come late.
const PUT: &str = "INSERT INTO unit (uscc, name, folded, office, handler_name, handler_mobile, handler_id, \
    handler_id_masked, case_number, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
    ON CONFLICT (uscc) DO UPDATE SET name = excluded.name, folded = excluded.folded, office = excluded.office, \
    handler_name = excluded.handler_name, handler_mobile = excluded.handler_mobile, handler_id = excluded.handler_id, \
    handler_id_masked = excluded.handler_id_masked, case_number = excluded.case_number, updated = excluded.updated \
    WHERE unit.updated <= excluded.updated";
const PUT_NAME: &str = "INSERT INTO unit_name (suffix, uscc, place) VALUES ($1, $2, $3) \
    ON CONFLICT (suffix, uscc) DO UPDATE SET place = excluded.place WHERE unit_name.place > excluded.place";
const FIND: &str = "SELECT uscc, name, office, handler_name, handler_mobile, handler_id, handler_id_masked, \
    case_number, created, updated FROM unit WHERE uscc = $1";
const CALLED: &str = "SELECT u.uscc, u.name, u.office FROM unit_name n JOIN unit u ON u.uscc = n.uscc \
    WHERE n.suffix = $1 AND n.place = 0 ORDER BY n.uscc LIMIT $2";
const BEGINNING: &str = "SELECT u.uscc, u.name, u.office FROM unit_name n JOIN unit u ON u.uscc = n.uscc \
    WHERE n.suffix >= $1 AND n.suffix < $2 AND n.place = 0 ORDER BY n.suffix LIMIT $3";
const CONTAINING: &str = "SELECT u.uscc, u.name, u.office FROM unit_name n JOIN unit u ON u.uscc = n.uscc \
    WHERE n.suffix >= $1 AND n.suffix < $2 ORDER BY n.suffix LIMIT $3";
const UNNAME_CASE: &str = "DELETE FROM case_name WHERE case_number = $1";
const NAME_CASE: &str = "INSERT INTO case_name (office, suffix, case_number) VALUES ($1, $2, $3)";
const BACKFILL: &str = "SELECT after_case FROM unit_backfill WHERE id = 1";
const CASES_AFTER: &str = "SELECT number FROM enrolment_case WHERE number > $1 ORDER BY number LIMIT $2";
const MOVE_BACKFILL: &str = "UPDATE unit_backfill SET after_case = $2 WHERE id = 1 AND after_case = $1";
const END_BACKFILL: &str = "DELETE FROM unit_backfill WHERE id = 1 AND after_case = $1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    PUT,
    PUT_NAME,
    FIND,
    CALLED,
    BEGINNING,
    CONTAINING,
    UNNAME_CASE,
    NAME_CASE,
    BACKFILL,
    CASES_AFTER,
    MOVE_BACKFILL,
    END_BACKFILL,
];

row!(UnitRow {
    uscc: String,
    name: String,
    office: String,
    handler_name: String,
    handler_mobile: String,
    handler_id: Option<Vec<u8>>,
    handler_id_masked: String,
    case_number: String,
    created: i64,
    updated: i64,
});

impl TryFrom<UnitRow> for UnitRecord {
    type Error = DatabaseError;

    fn try_from(row: UnitRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("unit", &row.uscc, what);
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            handler: Handler {
                name: row.handler_name,
                mobile: row.handler_mobile,
                id_masked: row.handler_id_masked,
                id_sealed: row.handler_id,
                case: row.case_number.parse().map_err(|()| fault("case_number"))?,
            },
            created: Timestamp::from_unix(row.created),
            updated: Timestamp::from_unix(row.updated),
            name: row.name,
            uscc: row.uscc,
        })
    }
}

row!(UnitLineRow { uscc: String, name: String, office: String });

impl TryFrom<UnitLineRow> for UnitLine {
    type Error = DatabaseError;

    fn try_from(row: UnitLineRow) -> Result<Self, DatabaseError> {
        let office = OfficeId::new(&row.office).ok_or_else(|| odd("unit", &row.uscc, "office"))?;
        Ok(Self { uscc: row.uscc, name: row.name, office })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Units for SqlTx {
        async fn put_unit(&mut self, unit: &UnitRecord) -> Result<(), DatabaseError> {
            let name = unit.folded();
            sqlx::query(PUT)
                .bind(&unit.uscc)
                .bind(&unit.name)
                .bind(&name)
                .bind(unit.office.as_str())
                .bind(&unit.handler.name)
                .bind(&unit.handler.mobile)
                .bind(unit.handler.id_sealed.as_deref())
                .bind(&unit.handler.id_masked)
                .bind(unit.handler.case.as_str())
                .bind(unit.created.unix())
                .bind(unit.updated.unix())
                .execute(self.connection())
                .await?;
            let code = folded(&unit.uscc);
            for (place, suffix) in names::suffixes(&name).chain([(0, code.as_bytes())]) {
                sqlx::query(PUT_NAME).bind(suffix).bind(&unit.uscc).bind(place).execute(self.connection()).await?;
            }
            Ok(())
        }

        async fn unit(&mut self, uscc: &str) -> Result<Option<UnitRecord>, DatabaseError> {
            let row: Option<UnitRow> = sqlx::query_as(FIND).bind(uscc).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn units_called(&mut self, folded: &str, limit: i64) -> Result<Vec<UnitLine>, DatabaseError> {
            let (name, _) = names::range(folded);
            let rows: Vec<UnitLineRow> =
                sqlx::query_as(CALLED).bind(name).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn units_like(&mut self, part: &str, limit: i64) -> Result<Vec<UnitLine>, DatabaseError> {
            let mut found = self.units_called(part, limit).await?;
            let (from, below) = names::range(part);
            for statement in [BEGINNING, CONTAINING] {
                let rows: Vec<UnitLineRow> = sqlx::query_as(statement)
                    .bind(&from)
                    .bind(&below)
                    .bind(limit)
                    .fetch_all(self.connection())
                    .await?;
                for row in rows {
                    let line = UnitLine::try_from(row)?;
                    if found.iter().all(|known| known.uscc != line.uscc) {
                        found.push(line);
                    }
                }
            }
            found.truncate(usize::try_from(limit).unwrap_or(0));
            Ok(found)
        }

        async fn name_case(&mut self, case: &Case) -> Result<(), DatabaseError> {
            sqlx::query(UNNAME_CASE).bind(case.number.as_str()).execute(self.connection()).await?;
            // The unit's own names lead to what was delivered.
            if matches!(case.state, State::Delivered { .. }) {
                return Ok(());
            }
            for (_, suffix) in names::suffixes(&folded(&case.form.unit_name)) {
                let done = sqlx::query(NAME_CASE)
                    .bind(case.office.as_str())
                    .bind(suffix)
                    .bind(case.number.as_str())
                    .execute(self.connection())
                    .await?;
                expect_rows(NAME_CASE, done.rows_affected(), 1)?;
            }
            Ok(())
        }

        async fn backfill_after(&mut self) -> Result<Option<String>, DatabaseError> {
            let row: Option<(String,)> = sqlx::query_as(BACKFILL).fetch_optional(self.connection()).await?;
            Ok(row.map(|(after,)| after))
        }

        async fn cases_after(&mut self, after: &str, limit: i64) -> Result<Vec<CaseNumber>, DatabaseError> {
            let rows: Vec<(String,)> =
                sqlx::query_as(CASES_AFTER).bind(after).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter()
                .map(|(number,)| number.parse().map_err(|()| odd("enrolment_case", &number, "number")))
                .collect()
        }

        async fn move_backfill(&mut self, from: &str, to: Option<&str>) -> Result<(), DatabaseError> {
            let (statement, done) = match to {
                Some(to) => {
                    let query = sqlx::query(MOVE_BACKFILL).bind(from).bind(to);
                    (MOVE_BACKFILL, query.execute(self.connection()).await?)
                }
                None => (END_BACKFILL, sqlx::query(END_BACKFILL).bind(from).execute(self.connection()).await?),
            };
            expect_rows(statement, done.rows_affected(), 1)
        }
    }
}
