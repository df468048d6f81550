//! Group commit: units of work of one process that come together share one transaction of the engine.
//!
//! Making a transaction durable costs a write that waits for the disk; sharing one lets many units pay for it
//! together. Units take turns. The first opens the transaction; each that was waiting by the time another ended
//! joins it behind a savepoint of its own; the last to come makes all of it durable, and only then is any of them
//! told. A unit that ends without [`Unit::commit`] is rolled back to where it began before the next one begins, so
//! it takes nobody along. When the transaction itself fails, none of the units happened, and each may run again.
//!
//! Trusts that a unit runs no statement after its end. Never acknowledges before the commit; never gives a
//! connection back to the pool in a transaction that could not be ended: it is closed, which rolls back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Pool, Postgres, Sqlite, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::DatabaseError;

/// How long a writer waits for those before it. A caller of the socket waits 15 seconds for everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// Units in one transaction: what a failed commit can at most make run again.
const MOST_MEMBERS: usize = 64;

const SAVE: &str = "SAVEPOINT unit";
const RELEASE: &str = "RELEASE SAVEPOINT unit";
const UNDO: &str = "ROLLBACK TO SAVEPOINT unit; RELEASE SAVEPOINT unit";
const ROLLBACK: &str = "ROLLBACK";
const COMMIT: &str = "COMMIT";

/// A way to a database whose writers share transactions.
pub(super) trait Grouped: std::fmt::Debug + Sized + 'static {
    /// Where a connection is got.
    type Pool: Clone + std::fmt::Debug + Send + Sync;
    /// A connection that was got; it goes back when it is dropped.
    type Held: std::fmt::Debug + Send;

    /// Gets a connection and begins a transaction that writes.
    fn begin(pool: &Self::Pool) -> impl Future<Output = Result<Self::Held, DatabaseError>> + Send;

    /// Runs a statement without parameters.
    fn run(held: &mut Self::Held, statement: &'static str) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Makes the transaction durable.
    fn commit(held: &mut Self::Held) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// The connection must not go back: it is closed, which rolls back.
    fn lose(held: &mut Self::Held);
}

/// The engines by sqlx.
impl<DB: Engine> Grouped for DB {
    type Pool = Pool<DB>;
    type Held = PoolConnection<DB>;

    async fn begin(pool: &Pool<DB>) -> Result<PoolConnection<DB>, DatabaseError> {
        let mut connection = pool.acquire().await?;
        // Until it has begun nobody knows in what state it is.
        if let Err(error) = <DB as Engine>::run(&mut connection, DB::BEGIN).await {
            connection.close_on_drop();
            return Err(error.into());
        }
        Ok(connection)
    }

    async fn run(held: &mut PoolConnection<DB>, statement: &'static str) -> Result<(), DatabaseError> {
        Ok(<DB as Engine>::run(held, statement).await?)
    }

    async fn commit(held: &mut PoolConnection<DB>) -> Result<(), DatabaseError> {
        Ok(<DB as Engine>::run(held, COMMIT).await?)
    }

    fn lose(held: &mut PoolConnection<DB>) {
        held.close_on_drop();
    }
}

/// Where PostgreSQL tells that the status log has grown. Only a wake-up: what is new stands in the log, and who was not
/// listening finds it there.
pub const STATUS_CHANNEL: &str = "yinxin_status";

/// What the two engines do each in its own way.
pub trait Engine: sqlx::Database {
    /// Begins a transaction that writes.
    const BEGIN: &'static str;
    /// Tells those who listen on [`STATUS_CHANNEL`], when the transaction is committed and only then; `None` for an engine
    /// that tells nobody anything.
    const TELL: Option<&'static str>;

    /// Runs a statement without parameters.
    fn run(
        connection: &mut Self::Connection,
        statement: &'static str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl Engine for Sqlite {
    /// Takes the lock at once, since a deferred transaction that upgrades fails.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const TELL: Option<&'static str> = None;

    async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(statement).execute(connection).await.map(drop)
    }
}

impl Engine for Postgres {
    /// Serializable, so that what a use case read still holds when it commits.
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    const TELL: Option<&'static str> = Some("NOTIFY yinxin_status");

    async fn run(connection: &mut PgConnection, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(statement).execute(connection).await.map(drop)
    }
}

/// The writers of one process on one database.
#[derive(Debug)]
pub(super) struct Writers<DB: Grouped> {
    pool: DB::Pool,
    group: Arc<Group<DB>>,
}

#[derive(Debug)]
struct Group<DB: Grouped> {
    turn: Arc<Mutex<Option<Open<DB>>>>,
    /// Writers that wait for their turn.
    waiting: AtomicUsize,
}

type Turn<DB> = OwnedMutexGuard<Option<Open<DB>>>;
type Outcome = Result<(), Arc<DatabaseError>>;

/// A transaction that is shared.
#[derive(Debug)]
struct Open<DB: Grouped> {
    connection: DB::Held,
    /// Units that ended well and wait to be told.
    members: Vec<oneshot::Sender<Outcome>>,
    /// Whether the transaction has ended.
    ended: bool,
}

impl<DB: Grouped> Drop for Open<DB> {
    fn drop(&mut self) {
        if !self.ended {
            DB::lose(&mut self.connection);
        }
    }
}

impl<DB: Grouped> Writers<DB> {
    /// Writers on this pool.
    pub(super) fn new(pool: DB::Pool) -> Self {
        let group = Group { turn: Arc::new(Mutex::new(None)), waiting: AtomicUsize::new(0) };
        Self { pool, group: Arc::new(group) }
    }

    /// Waits for its turn and begins a unit of work.
    pub(super) async fn begin(&self) -> Result<Unit<DB>, DatabaseError> {
        let in_line = InLine::join(&self.group);
        let turn = tokio::time::timeout(PATIENCE, self.group.turn.clone().lock_owned()).await;
        let mut turn = turn.map_err(|_| DatabaseError::Crowded)?;
        drop(in_line);
        let first = turn.is_none();
        if first {
            *turn = Some(Open { connection: DB::begin(&self.pool).await?, members: Vec::new(), ended: false });
        }
        let mut unit = Unit { turn: Some(turn), group: self.group.clone(), saved: false };
        if !first {
            DB::run(unit.connection(), SAVE).await?;
            unit.saved = true;
        }
        Ok(unit)
    }
}

/// One more that waits, as long as this lives.
struct InLine<'a>(&'a AtomicUsize);

impl<'a> InLine<'a> {
    fn join<DB: Grouped>(group: &'a Group<DB>) -> Self {
        group.waiting.fetch_add(1, Ordering::SeqCst);
        Self(&group.waiting)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One unit of work in a shared transaction. Dropped without [`Unit::commit`] nothing of it remains.
#[derive(Debug)]
pub(super) struct Unit<DB: Grouped> {
    /// There until the unit ends.
    turn: Option<Turn<DB>>,
    group: Arc<Group<DB>>,
    /// Whether it stands behind a savepoint: all but the first of a transaction.
    saved: bool,
}

impl<DB: Grouped> Unit<DB> {
    /// The connection to run statements on.
    pub(super) fn connection(&mut self) -> &mut DB::Held {
        let open = self.turn.as_mut().and_then(|turn| turn.as_mut());
        &mut open.expect("a unit that has not ended has its turn, and a transaction in it").connection
    }

    /// Ends well, and waits until all of the transaction is durable.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing of this unit was written, or the engine's answer was lost.
    pub(super) async fn commit(mut self) -> Result<(), DatabaseError> {
        if self.saved {
            DB::run(self.connection(), RELEASE).await?;
        }
        let mut turn = self.turn.take().ok_or(DatabaseError::Undone)?;
        let (tell, told) = oneshot::channel();
        let members = turn.as_mut().map_or(0, |open| {
            open.members.push(tell);
            open.members.len()
        });
        // Both run on when the caller goes away: others depend on them.
        if members >= MOST_MEMBERS || self.group.waiting.load(Ordering::SeqCst) == 0 {
            tokio::spawn(close(turn));
        } else if members == 1 {
            // Locks are given in the order in which they are asked for: those who wait now join before this one.
            let group = self.group.turn.clone();
            tokio::spawn(async move { close(group.lock_owned().await).await });
            drop(turn);
        } else {
            drop(turn);
        }
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Arc::try_unwrap(error).unwrap_or_else(DatabaseError::Shared)),
            Err(_) => Err(DatabaseError::Undone),
        }
    }
}

impl<DB: Grouped> Drop for Unit<DB> {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        if tokio::runtime::Handle::try_current().is_ok() {
            // The turn goes along: the next unit begins when this one is undone.
            tokio::spawn(undo(turn, self.saved));
        } else {
            *turn = None;
        }
    }
}

/// Makes a transaction durable and tells its members.
async fn close<DB: Grouped>(mut turn: Turn<DB>) {
    let Some(mut open) = turn.take() else { return };
    let outcome = DB::commit(&mut open.connection).await.map_err(Arc::new);
    open.ended = outcome.is_ok();
    for member in open.members.drain(..) {
        // Whether they still listen is their concern.
        drop(member.send(outcome.clone()));
    }
}

/// Takes back what a unit wrote that did not end well. When that cannot be done, the whole transaction goes.
async fn undo<DB: Grouped>(mut turn: Turn<DB>, saved: bool) {
    let Some(mut open) = turn.take() else { return };
    if open.members.is_empty() {
        open.ended = DB::run(&mut open.connection, ROLLBACK).await.is_ok();
    } else if saved && DB::run(&mut open.connection, UNDO).await.is_ok() {
        *turn = Some(open);
    }
}
