//! The centre's database, on either engine.

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::{Postgres, Sqlite};

use super::store::{Count, Escrow, EscrowStore, EscrowTx, KeyRow, RecoveryRow, State, Taken};
use crate::domain::{OrderId, Sha256, Timestamp};
use crate::for_each_backend;
use crate::keys::KeyKind;
use crate::sql::{Database, SqlTx, expect_rows, migrations};
use crate::store::StoreError;

const KEY: &str = "escrow_key";
const ADD: &str = "INSERT INTO escrow_key (spki_sha256, kind, spki, sealed, made, state) \
     VALUES ($1, $2, $3, $4, $5, 'stand_by')";
const BY_NAME: &str = "SELECT spki_sha256, kind, spki, sealed, made, state, order_id, recipient_sha256, taken \
     FROM escrow_key WHERE spki_sha256 = $1";
const BY_ORDER: &str = "SELECT spki_sha256, kind, spki, sealed, made, state, order_id, recipient_sha256, taken \
     FROM escrow_key WHERE order_id = $1 AND recipient_sha256 = $2";
const STAND_BY: &str = "SELECT spki_sha256, kind, spki, sealed, made, state, order_id, recipient_sha256, taken \
     FROM escrow_key WHERE kind = $1 AND state = 'stand_by' ORDER BY made, spki_sha256 LIMIT 1";
const TAKE: &str = "UPDATE escrow_key SET state = 'in_use', order_id = $1, recipient_sha256 = $2, taken = $3 \
     WHERE spki_sha256 = $4 AND state = 'stand_by'";
const RETIRE: &str =
    "UPDATE escrow_key SET state = 'history', retired = $1 WHERE spki_sha256 = $2 AND state = 'in_use'";
const IN_USE: &str = "SELECT spki_sha256, order_id, recipient_sha256, taken FROM escrow_key \
     WHERE state = 'in_use' AND spki_sha256 > $1 ORDER BY spki_sha256 LIMIT $2";
const STAND_BY_NAMES: &str = "SELECT spki_sha256 FROM escrow_key \
     WHERE state = 'stand_by' AND spki_sha256 > $1 ORDER BY spki_sha256 LIMIT $2";
const COUNTS: &str = "SELECT kind, state, COUNT(*) FROM escrow_key GROUP BY kind, state ORDER BY kind, state";
const ADD_RECOVERY: &str = "INSERT INTO escrow_recovery (id, statement_sha256, statement, first_approval, \
     second_approval, recipient_certificate, spki_sha256, recovered) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const RECOVERY: &str = "SELECT id, statement_sha256, statement, first_approval, second_approval, \
     recipient_certificate, spki_sha256, recovered FROM escrow_recovery WHERE id = $1";
const SET_SEALING: &str = "INSERT INTO escrow_sealing (id, fingerprint) VALUES (1, $1)";
const SEALING: &str = "SELECT fingerprint FROM escrow_sealing WHERE id = 1";

/// Every statement, for the test that prepares each on both engines.
#[must_use]
pub fn statements() -> Vec<&'static str> {
    vec![
        ADD,
        BY_NAME,
        BY_ORDER,
        STAND_BY,
        TAKE,
        RETIRE,
        IN_USE,
        STAND_BY_NAMES,
        COUNTS,
        ADD_RECOVERY,
        RECOVERY,
        SET_SEALING,
        SEALING,
    ]
}

/// The schema of the centre's database. The audit chain is the authority's.
#[must_use]
pub fn kmc_migrations() -> Migrator {
    migrations(&[
        (1, "escrow", include_str!("../../migrations/kmc/0001_escrow.sql")),
        (2, "audit", include_str!("../../migrations/0003_audit.sql")),
        (3, "recipients", include_str!("../../migrations/kmc/0003_recipients.sql")),
    ])
}

/// The centre's store.
#[derive(Clone, Debug)]
pub struct SqlEscrow {
    database: Database,
}

impl SqlEscrow {
    /// A store on a database whose schema is [`kmc_migrations`].
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// The database.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }
}

#[async_trait]
impl EscrowStore for SqlEscrow {
    async fn begin(&self) -> Result<Box<dyn EscrowTx>, StoreError> {
        Ok(match &self.database {
            Database::Sqlite { writer, .. } => Box::new(SqlTx::<Sqlite>::begin(writer).await?),
            Database::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin(pool).await?),
        })
    }

    async fn begin_read(&self) -> Result<Box<dyn EscrowTx>, StoreError> {
        Ok(match &self.database {
            Database::Sqlite { reader, .. } => Box::new(SqlTx::<Sqlite>::begin_read(reader).await?),
            Database::Postgres(pool) => Box::new(SqlTx::<Postgres>::begin_read(pool).await?),
        })
    }
}

type TakenColumns = (Option<String>, Option<String>, Option<i64>);
type KeyColumns = (String, String, Vec<u8>, Vec<u8>, i64, String, Option<String>, Option<String>, Option<i64>);
type RecoveryColumns = (String, String, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, String, i64);

fn digest(table: &'static str, id: &str, text: &str) -> Result<Sha256, StoreError> {
    text.parse().map_err(|error: String| StoreError::odd(table, id, error))
}

fn kind(id: &str, name: &str) -> Result<KeyKind, StoreError> {
    KeyKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| StoreError::odd(KEY, id, name))
}

fn taken(id: &str, columns: TakenColumns) -> Result<Taken, StoreError> {
    let (Some(order), Some(recipient), Some(at)) = columns else {
        return Err(StoreError::odd(KEY, id, "in use by nobody"));
    };
    Ok(Taken {
        order: order.parse().map_err(|error: String| StoreError::odd(KEY, id, error))?,
        recipient_sha256: digest(KEY, id, &recipient)?,
        at: Timestamp::from_unix(at),
    })
}

fn key(columns: KeyColumns) -> Result<KeyRow, StoreError> {
    let (id, name, spki, sealed, made, state, order, recipient, at) = columns;
    let state = match &state[..] {
        "stand_by" => State::StandBy,
        "in_use" => State::InUse(taken(&id, (order, recipient, at))?),
        "history" => State::History(taken(&id, (order, recipient, at))?),
        other => return Err(StoreError::odd(KEY, id, other)),
    };
    let made = Timestamp::from_unix(made);
    Ok(KeyRow { spki_sha256: digest(KEY, &id, &id)?, kind: kind(&id, &name)?, spki, sealed, made, state })
}

fn recovery(columns: RecoveryColumns) -> Result<RecoveryRow, StoreError> {
    const TABLE: &str = "escrow_recovery";
    let (id, statement_sha256, statement, first, second, recipient_certificate, spki_sha256, recovered) = columns;
    Ok(RecoveryRow {
        statement_sha256: digest(TABLE, &id, &statement_sha256)?,
        spki_sha256: digest(TABLE, &id, &spki_sha256)?,
        id: id.parse().map_err(|error: String| StoreError::odd(TABLE, &id, error))?,
        statement,
        approvals: [first, second],
        recipient_certificate,
        recovered: Timestamp::from_unix(recovered),
    })
}

fn count((name, state, keys): (String, String, i64)) -> Result<Count, StoreError> {
    let states = ["stand_by", "in_use", "history"];
    let state = states.into_iter().find(|known| *known == state).ok_or_else(|| StoreError::odd(KEY, &name, &state))?;
    Ok(Count { kind: kind("any", &name)?, state, keys })
}

for_each_backend! { Transaction =>
    #[async_trait]
    impl EscrowTx for Transaction {
        async fn commit(self: Box<Self>) -> Result<(), StoreError> {
            Ok((*self).commit().await?)
        }
    }

    #[async_trait]
    impl Escrow for Transaction {
        async fn add_key(&mut self, key: &KeyRow) -> Result<(), StoreError> {
            let done = sqlx::query(ADD)
                .bind(key.spki_sha256.to_string())
                .bind(key.kind.name())
                .bind(&key.spki)
                .bind(&key.sealed)
                .bind(key.made.unix())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD, done.rows_affected(), 1)?)
        }

        async fn key(&mut self, spki_sha256: Sha256) -> Result<Option<KeyRow>, StoreError> {
            let row = sqlx::query_as(BY_NAME).bind(spki_sha256.to_string()).fetch_optional(self.connection()).await?;
            row.map(key).transpose()
        }

        async fn key_of_order(&mut self, order: OrderId, recipient_sha256: Sha256) -> Result<Option<KeyRow>, StoreError> {
            let row = sqlx::query_as(BY_ORDER)
                .bind(order.to_string())
                .bind(recipient_sha256.to_string())
                .fetch_optional(self.connection())
                .await?;
            row.map(key).transpose()
        }

        async fn oldest_stand_by(&mut self, kind: KeyKind) -> Result<Option<KeyRow>, StoreError> {
            let row = sqlx::query_as(STAND_BY).bind(kind.name()).fetch_optional(self.connection()).await?;
            row.map(key).transpose()
        }

        async fn take(&mut self, spki_sha256: Sha256, taken: &Taken) -> Result<(), StoreError> {
            let done = sqlx::query(TAKE)
                .bind(taken.order.to_string())
                .bind(taken.recipient_sha256.to_string())
                .bind(taken.at.unix())
                .bind(spki_sha256.to_string())
                .execute(self.connection())
                .await?;
            if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Contended) }
        }

        async fn retire(&mut self, spki_sha256: Sha256, at: Timestamp) -> Result<bool, StoreError> {
            let done = sqlx::query(RETIRE)
                .bind(at.unix())
                .bind(spki_sha256.to_string())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn in_use_after(
            &mut self,
            after: Option<Sha256>,
            limit: i64,
        ) -> Result<Vec<(Sha256, Taken)>, StoreError> {
            let rows: Vec<(String, Option<String>, Option<String>, Option<i64>)> = sqlx::query_as(IN_USE)
                .bind(after.map(|after| after.to_string()).unwrap_or_default())
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter()
                .map(|(id, order, recipient, at)| Ok((digest(KEY, &id, &id)?, taken(&id, (order, recipient, at))?)))
                .collect()
        }

        async fn stand_by_after(&mut self, after: Option<Sha256>, limit: i64) -> Result<Vec<Sha256>, StoreError> {
            let rows: Vec<(String,)> = sqlx::query_as(STAND_BY_NAMES)
                .bind(after.map(|after| after.to_string()).unwrap_or_default())
                .bind(limit)
                .fetch_all(self.connection())
                .await?;
            rows.into_iter().map(|(id,)| digest(KEY, &id, &id)).collect()
        }

        async fn counts(&mut self) -> Result<Vec<Count>, StoreError> {
            let rows: Vec<(String, String, i64)> = sqlx::query_as(COUNTS).fetch_all(self.connection()).await?;
            rows.into_iter().map(count).collect()
        }

        async fn add_recovery(&mut self, recovery: &RecoveryRow) -> Result<(), StoreError> {
            let [first, second] = &recovery.approvals;
            let done = sqlx::query(ADD_RECOVERY)
                .bind(recovery.id.to_string())
                .bind(recovery.statement_sha256.to_string())
                .bind(&recovery.statement)
                .bind(first)
                .bind(second)
                .bind(&recovery.recipient_certificate)
                .bind(recovery.spki_sha256.to_string())
                .bind(recovery.recovered.unix())
                .execute(self.connection())
                .await?;
            Ok(expect_rows(ADD_RECOVERY, done.rows_affected(), 1)?)
        }

        async fn recovery(&mut self, id: OrderId) -> Result<Option<RecoveryRow>, StoreError> {
            let row = sqlx::query_as(RECOVERY).bind(id.to_string()).fetch_optional(self.connection()).await?;
            row.map(recovery).transpose()
        }

        async fn set_sealing(&mut self, fingerprint: Sha256) -> Result<(), StoreError> {
            let done = sqlx::query(SET_SEALING).bind(fingerprint.to_string()).execute(self.connection()).await?;
            Ok(expect_rows(SET_SEALING, done.rows_affected(), 1)?)
        }

        async fn sealing(&mut self) -> Result<Option<Sha256>, StoreError> {
            let row: Option<(String,)> = sqlx::query_as(SEALING).fetch_optional(self.connection()).await?;
            row.map(|(text,)| digest("escrow_sealing", "1", &text)).transpose()
        }
    }
}
