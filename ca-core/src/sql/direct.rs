//! SQLite without a hop: statements of the authority's writer run on the thread that calls them.
//!
//! For: [`super::store`]. sqlx hands each statement to a thread of the connection and waits for it, which costs a
//! certificate more than the statements themselves, and a list of a million more than all the rest. This is a connection of its own, of the same linked library, to the
//! same file; [`query`] and [`query_as`] look like sqlx's, so that one body serves all drivers
//! ([`super::backend::for_each_driver`]). What may wait for the disk or for another process (begin, commit) runs on a
//! thread of the connection's own.
//!
//! Never acknowledges before the commit is synced (`synchronous = FULL`); a connection in a transaction that could not
//! be ended is closed, which rolls back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::types::{FromSql, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Row};
use tokio::sync::oneshot;

use super::DatabaseError;
use super::group::{Grouped, Unit};

/// Statements that are kept prepared.
const CACHED: usize = 256;

/// The settings of a connection, as [`super::Database::open`] gives them to sqlx's.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 16000; PRAGMA temp_store = MEMORY";
const BEGIN: &str = "BEGIN IMMEDIATE";

/// The kind of writer.
#[derive(Debug)]
pub(super) struct Direct;

/// Something that may wait, for the thread that does so. It ends when nobody can give it any more.
type Wait = Box<dyn FnOnce() + Send>;

/// Where the one connection and its thread are between two transactions.
#[derive(Debug)]
pub(super) struct Slot {
    path: PathBuf,
    begin: &'static str,
    idle: Mutex<Option<(Connection, Sender<Wait>)>>,
}

impl Slot {
    /// For the database in this file, which is opened when it is first asked for.
    pub(super) fn new(path: &Path) -> Arc<Self> {
        Arc::new(Self { path: path.to_owned(), begin: BEGIN, idle: Mutex::new(None) })
    }

    /// One whose transactions only read, each from the state at its first statement.
    pub(super) fn reading(path: &Path) -> Arc<Self> {
        Arc::new(Self { path: path.to_owned(), begin: "PRAGMA query_only = 1; BEGIN", idle: Mutex::new(None) })
    }

    fn idle(&self) -> MutexGuard<'_, Option<(Connection, Sender<Wait>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<(Connection, Sender<Wait>), DatabaseError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(Duration::from_secs(3))?;
        connection.set_prepared_statement_cache_capacity(CACHED);
        connection.execute_batch(SETTINGS)?;
        let (give, waits) = mpsc::channel::<Wait>();
        let thread = std::thread::Builder::new().name("sqlite-writer".into());
        thread.spawn(move || waits.into_iter().for_each(|wait| wait())).map_err(sqlx::Error::Io)?;
        Ok((connection, give))
    }
}

/// The connection while it is in use.
#[derive(Debug)]
pub(super) struct Held {
    /// There unless it was lost.
    connection: Option<Connection>,
    thread: Sender<Wait>,
    slot: Arc<Slot>,
}

impl Held {
    fn get(&mut self) -> Result<&mut Connection, DatabaseError> {
        self.connection.as_mut().ok_or(DatabaseError::Undone)
    }

    /// Runs something that may wait.
    async fn wait_for(
        &mut self,
        run: impl FnOnce(&Connection) -> Result<(), rusqlite::Error> + Send + 'static,
    ) -> Result<(), DatabaseError> {
        let connection = self.connection.take().ok_or(DatabaseError::Undone)?;
        let (tell, told) = oneshot::channel();
        let wait = move || {
            let outcome = run(&connection);
            // When nobody listens any more, the connection is closed here.
            drop(tell.send((connection, outcome)));
        };
        self.thread.send(Box::new(wait)).map_err(|_| DatabaseError::Undone)?;
        let (connection, outcome) = told.await.map_err(|_| DatabaseError::Undone)?;
        self.connection = Some(connection);
        Ok(outcome?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(Connection::is_autocommit) {
            *self.slot.idle() = Some((connection, self.thread.clone()));
        }
    }
}

impl Grouped for Direct {
    type Pool = Arc<Slot>;
    type Held = Held;

    async fn begin(slot: &Arc<Slot>) -> Result<Held, DatabaseError> {
        let idle = slot.idle().take();
        let (connection, thread) = match idle {
            Some(idle) => idle,
            None => {
                let slot = slot.clone();
                let opened = tokio::task::spawn_blocking(move || slot.open()).await;
                opened.map_err(|_| DatabaseError::Undone)??
            }
        };
        let mut held = Held { connection: Some(connection), thread, slot: slot.clone() };
        let begin = slot.begin;
        held.wait_for(move |connection| connection.execute_batch(begin)).await?;
        Ok(held)
    }

    async fn run(held: &mut Held, statement: &'static str) -> Result<(), DatabaseError> {
        Ok(held.get()?.execute_batch(statement)?)
    }

    async fn commit(held: &mut Held) -> Result<(), DatabaseError> {
        held.wait_for(|connection| connection.execute_batch("COMMIT")).await
    }

    fn lose(held: &mut Held) {
        held.connection = None;
    }
}

/// A unit of work.
#[derive(Debug)]
pub(super) struct DirectTx(Hold);

#[derive(Debug)]
enum Hold {
    /// A part of a transaction that is shared, and writes.
    Together(Unit<Direct>),
    /// A transaction of its own, that reads.
    Alone(Held),
}

impl DirectTx {
    /// Rows in one statement at most: one, for a statement costs nothing here, and one that may fail half way makes
    /// SQLite keep what it changes twice.
    pub(super) const MOST_ROWS: usize = 1;
    /// SQLite tells nobody.
    pub(super) const TELL: Option<&'static str> = None;

    pub(super) const fn new(unit: Unit<Direct>) -> Self {
        Self(Hold::Together(unit))
    }

    /// Begins to read, on a connection of [`Slot::reading`].
    pub(super) async fn begin_scan(slot: &Arc<Slot>) -> Result<Self, DatabaseError> {
        Ok(Self(Hold::Alone(Direct::begin(slot).await?)))
    }

    pub(super) fn connection(&mut self) -> &mut Held {
        match &mut self.0 {
            Hold::Together(unit) => unit.connection(),
            Hold::Alone(held) => held,
        }
    }

    pub(super) async fn commit(self) -> Result<(), DatabaseError> {
        match self.0 {
            Hold::Together(unit) => unit.commit().await,
            Hold::Alone(mut held) => Direct::commit(&mut held).await,
        }
    }
}

/// What is bound to a parameter.
#[derive(Debug)]
pub(super) enum Bound<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

macro_rules! bound {
    ($($type:ty, $value:ident => $bound:expr;)*) => {
        $(impl<'a> From<$type> for Bound<'a> {
            fn from($value: $type) -> Self {
                $bound
            }
        })*
    };
}

bound! {
    i64, value => Self::Integer(value);
    i16, value => Self::Integer(value.into());
    bool, value => Self::Integer(value.into());
    String, value => Self::Text(Cow::Owned(value));
    &'a str, value => Self::Text(Cow::Borrowed(value));
    &'a String, value => Self::Text(Cow::Borrowed(value));
    &'a [u8], value => Self::Bytes(value);
    &'a Vec<u8>, value => Self::Bytes(value);
}

impl<'a, T: Into<Self>> From<Option<T>> for Bound<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The same statement with the parameters by number: to SQLite `$2` is a name, whose number is given by where it stands
/// first. Each is spelled once in the life of the process.
fn numbered(statement: &'static str) -> &'static str {
    static SPELLED: LazyLock<RwLock<HashMap<(usize, usize), &'static str>>> = LazyLock::new(RwLock::default);
    // Statements stand still: one place, one text.
    let place = (statement.as_ptr().addr(), statement.len());
    let spelled = SPELLED.read().unwrap_or_else(PoisonError::into_inner).get(&place).copied();
    spelled.unwrap_or_else(|| {
        let mut all = SPELLED.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(place).or_insert_with(|| String::leak(statement.replace('$', "?")))
    })
}

/// A statement that writes, with its parameters in order.
#[derive(Debug)]
pub(super) struct Query<'a> {
    statement: &'static str,
    bound: Vec<Bound<'a>>,
}

/// A statement that writes.
pub(super) const fn query<'a>(statement: &'static str) -> Query<'a> {
    Query { statement, bound: Vec::new() }
}

/// How many rows were written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done(usize);

impl Done {
    pub(super) const fn rows_affected(self) -> u64 {
        self.0 as u64
    }
}

impl<'a> Query<'a> {
    pub(super) fn bind(mut self, value: impl Into<Bound<'a>>) -> Self {
        self.bound.push(value.into());
        self
    }

    pub(super) async fn execute(self, held: &mut Held) -> Result<Done, DatabaseError> {
        // Others of this thread get their turn now and then.
        tokio::task::consume_budget().await;
        let mut statement = held.get()?.prepare_cached(numbered(self.statement))?;
        for (n, value) in (1..).zip(&self.bound) {
            statement.raw_bind_parameter(n, value)?;
        }
        Ok(Done(statement.raw_execute()?))
    }
}

impl Query<'_> {
    /// Shows each row of a statement that reads, where it stands.
    pub(super) async fn each<E: From<rusqlite::Error> + From<DatabaseError>>(
        self,
        held: &mut Held,
        mut see: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // Others of this thread get their turn between two pages.
        tokio::task::yield_now().await;
        let mut statement = held.get()?.prepare_cached(numbered(self.statement))?;
        for (n, value) in (1..).zip(&self.bound) {
            statement.raw_bind_parameter(n, value)?;
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            see(row)?;
        }
        Ok(())
    }
}

/// A statement that reads rows `R`, with its parameters in order.
#[derive(Debug)]
pub(super) struct QueryAs<'a, R> {
    query: Query<'a>,
    row: PhantomData<fn() -> R>,
}

/// A statement that reads.
pub(super) const fn query_as<'a, R: FromRow>(statement: &'static str) -> QueryAs<'a, R> {
    QueryAs { query: query(statement), row: PhantomData }
}

impl<'a, R: FromRow> QueryAs<'a, R> {
    pub(super) fn bind(mut self, value: impl Into<Bound<'a>>) -> Self {
        self.query = self.query.bind(value);
        self
    }

    fn rows(self, held: &mut Held, most: usize) -> Result<Vec<R>, DatabaseError> {
        let mut statement = held.get()?.prepare_cached(numbered(self.query.statement))?;
        for (n, value) in (1..).zip(&self.query.bound) {
            statement.raw_bind_parameter(n, value)?;
        }
        let (mut rows, mut found) = (statement.raw_query(), Vec::new());
        while found.len() < most {
            let Some(row) = rows.next()? else { break };
            found.push(R::read(row)?);
        }
        Ok(found)
    }

    pub(super) async fn fetch_all(self, held: &mut Held) -> Result<Vec<R>, DatabaseError> {
        self.rows(held, usize::MAX)
    }

    pub(super) async fn fetch_optional(self, held: &mut Held) -> Result<Option<R>, DatabaseError> {
        Ok(self.rows(held, 1)?.pop())
    }

    pub(super) async fn fetch_one(self, held: &mut Held) -> Result<R, DatabaseError> {
        self.rows(held, 1)?.pop().ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }
}

/// A tuple that a row is read into.
pub(super) trait FromRow: Sized {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
}

macro_rules! from_row {
    ($($name:ident $n:tt),+) => {
        impl<$($name: FromSql),+> FromRow for ($($name,)+) {
            fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
                Ok(($(row.get($n)?,)+))
            }
        }
    };
}

from_row!(A 0);
from_row!(A 0, B 1);
from_row!(A 0, B 1, C 2);
from_row!(A 0, B 1, C 2, D 3);
from_row!(A 0, B 1, C 2, D 3, E 4);
from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14);
