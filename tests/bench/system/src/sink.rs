//! Writes generated rows past all services: by prepared statements into SQLite, by COPY into PostgreSQL.

use std::fmt::Write as _;

use sqlx::{Connection as _, PgConnection};

/// What stands in a column.
pub(crate) enum Value {
    Text(String),
    Number(i64),
    Bytes(Vec<u8>),
    Null,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// A row of such.
#[macro_export]
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::sink::Value::from($value)),*] };
}

/// What is to be written together, table by table: names and columns, in the order in which they refer to each other.
pub(crate) struct Rows {
    tables: &'static [(&'static str, &'static str)],
    rows: Vec<Vec<Vec<Value>>>,
}

impl Rows {
    pub(crate) fn of(tables: &'static [(&'static str, &'static str)]) -> Self {
        Self { tables, rows: tables.iter().map(|_| Vec::new()).collect() }
    }

    pub(crate) fn add(&mut self, table: &str, row: Vec<Value>) {
        let at = self.tables.iter().position(|(name, _)| *name == table).expect("a table that is written");
        self.rows[at].push(row);
    }
}

/// An empty database that is filled.
pub(crate) enum Sink {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

impl Sink {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        Ok(match url.strip_prefix("sqlite:") {
            Some(file) => {
                let file = rusqlite::Connection::open(file)?;
                file.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000")?;
                Self::Sqlite(file)
            }
            None => Self::Postgres(PgConnection::connect(url).await?),
        })
    }

    pub(crate) async fn run(&mut self, statement: &str) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(file) => Ok(file.execute_batch(statement)?),
            Self::Postgres(line) => {
                sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(line).await?;
                Ok(())
            }
        }
    }

    pub(crate) async fn write(&mut self, rows: Rows) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(file) => {
                let tx = file.transaction()?;
                for ((table, columns), rows) in rows.tables.iter().zip(rows.rows) {
                    let places = vec!["?"; columns.split(',').count()].join(",");
                    let mut insert = tx.prepare(&format!("INSERT INTO {table} ({columns}) VALUES ({places})"))?;
                    for row in rows {
                        insert.execute(rusqlite::params_from_iter(row.into_iter().map(|value| match value {
                            Value::Text(text) => rusqlite::types::Value::Text(text),
                            Value::Number(number) => rusqlite::types::Value::Integer(number),
                            Value::Bytes(bytes) => rusqlite::types::Value::Blob(bytes),
                            Value::Null => rusqlite::types::Value::Null,
                        })))?;
                    }
                }
                Ok(tx.commit()?)
            }
            Self::Postgres(line) => {
                for ((table, columns), rows) in rows.tables.iter().zip(rows.rows) {
                    let mut text = String::new();
                    for row in rows {
                        for (at, value) in row.iter().enumerate() {
                            if at > 0 {
                                text.push('\t');
                            }
                            match value {
                                Value::Text(said) => text.push_str(&said.replace('\\', "\\\\")),
                                Value::Number(number) => write!(text, "{number}")?,
                                Value::Bytes(bytes) => write!(text, "\\\\x{}", hex::encode(bytes))?,
                                Value::Null => text.push_str("\\N"),
                            }
                        }
                        text.push('\n');
                    }
                    let mut copy = line.copy_in_raw(&format!("COPY {table} ({columns}) FROM STDIN")).await?;
                    copy.send(text.into_bytes()).await?;
                    copy.finish().await?;
                }
                Ok(())
            }
        }
    }

    /// What a database does by itself sooner or later.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        match &self {
            Self::Sqlite(_) => self.run("PRAGMA wal_checkpoint(TRUNCATE)").await,
            Self::Postgres(_) => self.run("VACUUM ANALYZE").await,
        }
    }
}
