//! Sessions of browsers, kept in the site's own database.
//!
//! The cookie's value is never stored, only its SHA-256: who reads the database cannot take over a session.
//! A session ends after 20 minutes without a request and 8 hours after sign-in, by our [`Clock`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ca_core::clock::Clock;
use ca_core::domain::Timestamp;
use ca_core::sql::Database;
use openssl::sha::sha256;
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

use crate::sql::sessions::{self, SessionRow};

/// Seconds without a request after which a session ends.
pub const IDLE_SECONDS: i64 = 20 * 60;
/// Seconds after which a session ends in any case.
pub const LIFE_SECONDS: i64 = 8 * 3600;
/// The last use is written down at most this often.
const TOUCH_SECONDS: i64 = 60;
/// The key of the one thing that outlives a session that was idle for too long: whose it was, so that a form that comes
/// too late can be kept for that person. It opens nothing.
pub const AFTER: &str = "after";
/// That is known for so long.
const AFTER_SECONDS: i64 = 2 * 3600;

/// The layer of a site: `__Host-` cookie (so the name must begin so), HttpOnly, Secure.
pub fn layer(store: Sessions, cookie: &'static str, same_site: SameSite) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(store)
        .with_name(cookie)
        .with_secure(true)
        .with_http_only(true)
        .with_same_site(same_site)
        .with_expiry(Expiry::OnSessionEnd)
}

/// The store of sessions: the table `web_session` of any of our databases.
#[derive(Clone)]
pub struct Sessions {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// Sessions in `database`, whose migrations must make the table `web_session`.
    #[must_use]
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    fn alive(&self, row: &SessionRow) -> bool {
        let now = self.clock.now();
        now.since(row.seen) < IDLE_SECONDS && now.since(row.created) < LIFE_SECONDS
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

fn key(id: &Id) -> String {
    hex::encode(sha256(id.to_string().as_bytes()))
}

fn backend(error: impl fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.clock.now();
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        // 128 random bits: a collision would be refused by the primary key.
        let row = SessionRow { id: key(&record.id), data, created: now, seen: now };
        let dead = (now.plus(-IDLE_SECONDS - AFTER_SECONDS), now.plus(-LIFE_SECONDS));
        sessions::insert(&self.database, &row, dead).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        // A session that was ended meanwhile (signed out in another window) stays ended: no row, no error.
        sessions::update(&self.database, &key(&record.id), &data, self.clock.now()).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(row) = sessions::find(&self.database, &key(id)).await.map_err(backend)? else { return Ok(None) };
        let now = self.clock.now();
        if !self.alive(&row) {
            if let Some(left) = remains(&row, now) {
                return Ok(Some(Record { id: *id, data: left, expiry_date: far(row.created) }));
            }
            sessions::delete(&self.database, &row.id).await.map_err(backend)?;
            return Ok(None);
        }
        if now.since(row.seen) >= TOUCH_SECONDS {
            sessions::touch(&self.database, &row.id, now).await.map_err(backend)?;
        }
        let data = serde_json::from_str(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date: far(row.created) }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sessions::delete(&self.database, &key(id)).await.map_err(backend)
    }
}

/// What is left of a session that was idle for too long, while its life is not over.
fn remains(row: &SessionRow, now: Timestamp) -> Option<HashMap<String, Value>> {
    if now.since(row.created) >= LIFE_SECONDS || now.since(row.seen) >= IDLE_SECONDS + AFTER_SECONDS {
        return None;
    }
    let mut data: HashMap<String, Value> = serde_json::from_str(&row.data).ok()?;
    let whose = data.remove(AFTER)?;
    Some(HashMap::from([(AFTER.to_owned(), whose)]))
}

/// tower-sessions wants a date; the decision is ours, see [`Sessions::alive`].
fn far(created: Timestamp) -> OffsetDateTime {
    created.plus(LIFE_SECONDS).to_utc().unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use ca_core::clock::TestClock;

    use super::*;
    use ca_core::sql::testing::databases;

    async fn store(clock: &Arc<TestClock>, database: Database) -> Sessions {
        Sessions::new(database, clock.clone())
    }

    async fn opened(sessions: &Sessions) -> Id {
        let mut record =
            Record { id: Id::default(), data: Default::default(), expiry_date: OffsetDateTime::UNIX_EPOCH };
        record.data.insert("who".into(), "limin".into());
        sessions.create(&mut record).await.expect("created");
        record.id
    }

    #[tokio::test]
    async fn a_session_lives_while_it_is_used_but_no_longer_than_its_life() {
        for database in databases(&crate::sql::office_migrations()).await {
            let clock = Arc::new(TestClock::at(Timestamp::from_unix(1_790_000_000)));
            let sessions = store(&clock, database.database.clone()).await;
            let id = opened(&sessions).await;
            let mut alive = 0;
            while sessions.load(&id).await.expect("loaded").is_some() {
                alive += IDLE_SECONDS / 2;
                clock.advance(IDLE_SECONDS / 2);
            }
            assert_eq!(alive, LIFE_SECONDS);
        }
    }

    #[tokio::test]
    async fn of_an_idle_session_nothing_is_left_but_whose_it_was_and_not_for_long() {
        for database in databases(&crate::sql::office_migrations()).await {
            let clock = Arc::new(TestClock::at(Timestamp::from_unix(1_790_000_000)));
            let sessions = store(&clock, database.database.clone()).await;
            let mut record =
                Record { id: Id::default(), data: Default::default(), expiry_date: OffsetDateTime::UNIX_EPOCH };
            record.data.insert("staff".into(), "rights".into());
            record.data.insert(AFTER.into(), "limin".into());
            sessions.create(&mut record).await.expect("created");
            clock.advance(IDLE_SECONDS);
            // Another one signs in meanwhile, and sweeps.
            opened(&sessions).await;
            let left = sessions.load(&record.id).await.expect("loaded").expect("whose it was");
            assert_eq!(left.data.into_iter().collect::<Vec<_>>(), [(AFTER.to_owned(), Value::from("limin"))]);
            clock.advance(AFTER_SECONDS);
            assert!(sessions.load(&record.id).await.expect("loaded").is_none());
        }
    }

    #[tokio::test]
    async fn an_idle_session_ends_and_an_ended_one_is_not_revived_by_a_save() {
        for database in databases(&crate::sql::office_migrations()).await {
            let clock = Arc::new(TestClock::at(Timestamp::from_unix(1_790_000_000)));
            let sessions = store(&clock, database.database.clone()).await;
            let id = opened(&sessions).await;
            let record = sessions.load(&id).await.expect("loaded").expect("alive");
            clock.advance(IDLE_SECONDS);
            assert!(sessions.load(&id).await.expect("loaded").is_none());
            sessions.save(&record).await.expect("saved nothing");
            assert!(sessions.load(&id).await.expect("loaded").is_none());
        }
    }
}
