//! Rows with named columns, read the same way from both engines.

use ca_core::domain::OfficerId;
use ca_core::sql::DatabaseError;

use crate::enrolment::case::Who;

pub(super) use ca_core::sql_row as row;

/// An odd row of a table.
pub(super) fn odd(table: &'static str, id: &str, what: &str) -> DatabaseError {
    DatabaseError::OddRow { table, id: id.to_owned(), what: what.to_owned() }
}

/// An officer out of two columns.
pub(super) fn who(table: &'static str, row: &str, id: &str, name: String) -> Result<Who, DatabaseError> {
    let id = OfficerId::new(id).ok_or_else(|| odd(table, row, "no officer id"))?;
    Ok(Who { id, name })
}
