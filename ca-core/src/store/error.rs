//! Why storage did not do it.

/// Storage failed; the transaction is rolled back and nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another transaction got in first: run the use case again.
    #[error("another transaction got in first")]
    Contended,
    /// The engine is away, full or broken.
    #[error("storage cannot be used: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be: an operator must look.
    #[error("row {id} of {table} cannot be: {what}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Key of the row.
        id: String,
        /// What is odd.
        what: String,
    },
}

impl StoreError {
    /// An [`StoreError::Inconsistent`].
    #[expect(clippy::needless_pass_by_value, reason = "callers pass ids, errors and literals alike")]
    pub fn odd(table: &'static str, id: impl ToString, what: impl ToString) -> Self {
        Self::Inconsistent { table, id: id.to_string(), what: what.to_string() }
    }
}
