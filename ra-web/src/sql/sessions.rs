//! The table `web_session`, the same in the office's and the fund's database: sessions, and beside each what its token's
//! assistant was heard to say, under a name that no cookie can have.

use ca_core::domain::Timestamp;
use ca_core::sql::{Database, DatabaseError};

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of the cookie's value, hex.
    pub id: String,
    /// JSON.
    pub data: String,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used; up to a minute behind.
    pub seen: Timestamp,
}

const INSERT: &str = "INSERT INTO web_session (id, data, created, seen) VALUES ($1, $2, $3, $4)";
const UPDATE: &str = "UPDATE web_session SET data = $2, seen = $3 WHERE id = $1";
const SWAP: &str = "UPDATE web_session SET data = $3 WHERE id = $1 AND data = $2";
const KEEP: &str = "INSERT INTO web_session (id, data, created, seen) VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING";
const TOUCH: &str = "UPDATE web_session SET seen = $2 WHERE id = $1";
const FIND: &str = "SELECT id, data, created, seen FROM web_session WHERE id = $1";
const DELETE: &str = "DELETE FROM web_session WHERE id = $1";
const SWEEP: &str = "DELETE FROM web_session WHERE seen < $1 OR created < $2";

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[INSERT, UPDATE, SWAP, KEEP, TOUCH, FIND, DELETE, SWEEP];

/// Runs the same single statement on either engine's pool.
macro_rules! on_pool {
    ($database:expr, $pool:ident, $kind:ident => $body:expr) => {
        match $database {
            Database::Sqlite { $kind: $pool, .. } => $body,
            Database::Postgres($pool) => $body,
        }
    };
}

/// Stores a new session and sweeps out the dead: those not seen since `dead.0` or begun before `dead.1`.
pub(crate) async fn insert(
    database: &Database,
    row: &SessionRow,
    dead: (Timestamp, Timestamp),
) -> Result<(), DatabaseError> {
    on_pool!(database, pool, writer => {
        sqlx::query(SWEEP).bind(dead.0.unix()).bind(dead.1.unix()).execute(pool).await?;
        sqlx::query(INSERT)
            .bind(&row.id)
            .bind(&row.data)
            .bind(row.created.unix())
            .bind(row.seen.unix())
            .execute(pool)
            .await?;
    });
    Ok(())
}

/// Writes a session's data; one that is gone stays gone.
pub(crate) async fn update(database: &Database, id: &str, data: &str, now: Timestamp) -> Result<(), DatabaseError> {
    on_pool!(database, pool, writer => {
        sqlx::query(UPDATE).bind(id).bind(data).bind(now.unix()).execute(pool).await?;
    });
    Ok(())
}

/// Puts data in the place of those, if they are still there.
pub(crate) async fn swap(database: &Database, id: &str, from: &str, to: &str) -> Result<(), DatabaseError> {
    on_pool!(database, pool, writer => {
        sqlx::query(SWAP).bind(id).bind(from).bind(to).execute(pool).await?;
    });
    Ok(())
}

/// Stores a row unless there is one of that name.
pub(crate) async fn keep(database: &Database, id: &str, data: &str, now: Timestamp) -> Result<(), DatabaseError> {
    on_pool!(database, pool, writer => {
        sqlx::query(KEEP).bind(id).bind(data).bind(now.unix()).execute(pool).await?;
    });
    Ok(())
}

/// Writes down that a session was used.
pub(crate) async fn touch(database: &Database, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
    on_pool!(database, pool, writer => {
        sqlx::query(TOUCH).bind(id).bind(now.unix()).execute(pool).await?;
    });
    Ok(())
}

/// Finds a session.
pub(crate) async fn find(database: &Database, id: &str) -> Result<Option<SessionRow>, DatabaseError> {
    let found: Option<(String, String, i64, i64)> = on_pool!(database, pool, reader => {
        sqlx::query_as(FIND).bind(id).fetch_optional(pool).await?
    });
    Ok(found.map(|(id, data, created, seen)| SessionRow {
        id,
        data,
        created: Timestamp::from_unix(created),
        seen: Timestamp::from_unix(seen),
    }))
}

/// Ends a session, if there is one.
pub(crate) async fn delete(database: &Database, id: &str) -> Result<(), DatabaseError> {
    on_pool!(database, pool, writer => {
        sqlx::query(DELETE).bind(id).execute(pool).await?;
    });
    Ok(())
}
