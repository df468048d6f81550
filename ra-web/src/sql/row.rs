//! Rows with named columns, read the same way from both engines.

use ca_core::domain::OfficerId;
use ca_core::sql::DatabaseError;

use crate::enrolment::case::Who;

/// Declares a private row struct and reads it by column names from either engine.
macro_rules! row {
    ($name:ident { $($column:ident : $kind:ty),* $(,)? }) => {
        struct $name { $($column: $kind),* }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $name
        where
            &'static str: sqlx::ColumnIndex<R>,
            String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            Vec<u8>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            i16: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($column: row.try_get(stringify!($column))?),* })
            }
        }
    };
}
pub(super) use row;

/// An odd row of a table.
pub(super) fn odd(table: &'static str, id: &str, what: &str) -> DatabaseError {
    DatabaseError::OddRow { table, id: id.to_owned(), what: what.to_owned() }
}

/// An officer out of two columns.
pub(super) fn who(table: &'static str, row: &str, id: &str, name: String) -> Result<Who, DatabaseError> {
    let id = OfficerId::new(id).ok_or_else(|| odd(table, row, "no officer id"))?;
    Ok(Who { id, name })
}
