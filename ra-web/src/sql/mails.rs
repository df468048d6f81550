//! Mails to units.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};
use serde::{Deserialize, Serialize};

use super::row::{odd, row};
use crate::mail::letter::Letter;
use crate::mail::outbox::{Mail, MailTx};

const ADD: &str = "INSERT INTO mail (id, kind, office, subject, address, letter, created) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
const FIND: &str = "SELECT id, office, address, letter, created, sent, refused FROM mail WHERE id = $1";
const SENT: &str = "UPDATE mail SET sent = $2, refused = NULL WHERE id = $1 AND sent IS NULL";
const REFUSED: &str = "UPDATE mail SET refused = $2 WHERE id = $1 AND sent IS NULL";
const CAME_BACK: &str = "UPDATE mail SET refused = $2 WHERE id = $1 AND sent IS NOT NULL";
const LAST: &str = "SELECT id, office, address, letter, created, sent, refused FROM mail WHERE office = $1 \
    ORDER BY created DESC, id DESC LIMIT $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[ADD, FIND, SENT, REFUSED, CAME_BACK, LAST];

row!(MailRow {
    id: String,
    office: String,
    address: String,
    letter: String,
    created: i64,
    sent: Option<i64>,
    refused: Option<String>,
});

/// What the column `letter` holds.
#[derive(Serialize, Deserialize)]
struct Told {
    unit: String,
    letter: Letter,
}

impl TryFrom<MailRow> for Mail {
    type Error = DatabaseError;

    fn try_from(row: MailRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("mail", &row.id, what);
        let told: Told = serde_json::from_str(&row.letter).map_err(|_| fault("letter"))?;
        Ok(Self {
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            unit: told.unit,
            to: row.address.parse().map_err(|_| fault("address"))?,
            letter: told.letter,
            created: Timestamp::from_unix(row.created),
            sent: row.sent.map(Timestamp::from_unix),
            refused: row.refused,
            id: row.id,
        })
    }
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl MailTx for SqlTx {
        async fn add_mail(&mut self, mail: &Mail) -> Result<bool, DatabaseError> {
            let told = Told { unit: mail.unit.clone(), letter: mail.letter.clone() };
            let told = serde_json::to_string(&told).map_err(|error| odd("mail", &mail.id, &error.to_string()))?;
            let done = sqlx::query(ADD)
                .bind(&mail.id)
                .bind(mail.letter.word())
                .bind(mail.office.as_str())
                .bind(mail.id.split_once('/').map_or("", |(_, fact)| fact))
                .bind(mail.to.as_str())
                .bind(told)
                .bind(mail.created.unix())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn mail(&mut self, id: &str) -> Result<Option<Mail>, DatabaseError> {
            let row: Option<MailRow> = sqlx::query_as(FIND).bind(id).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn mail_sent(&mut self, id: &str, now: Timestamp) -> Result<bool, DatabaseError> {
            let query = sqlx::query(SENT).bind(id).bind(now.unix());
            Ok(query.execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn mail_refused(&mut self, id: &str, why: &str) -> Result<(), DatabaseError> {
            let query = sqlx::query(REFUSED).bind(id).bind(why);
            expect_rows(REFUSED, query.execute(self.connection()).await?.rows_affected(), 1)
        }

        async fn mail_came_back(&mut self, id: &str, status: &str) -> Result<bool, DatabaseError> {
            let query = sqlx::query(CAME_BACK).bind(id).bind(status);
            Ok(query.execute(self.connection()).await?.rows_affected() == 1)
        }

        async fn mails(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Mail>, DatabaseError> {
            let query = sqlx::query_as(LAST).bind(office.as_str()).bind(limit);
            let rows: Vec<MailRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }
    }
}
