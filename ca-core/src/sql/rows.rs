//! Columns into domain types; what does not fit is named by table and key.

use std::fmt::Display;

use crate::domain::{Serial, Sha256};
use crate::store::StoreError;

pub(super) fn sha256(table: &'static str, id: impl ToString, text: &str) -> Result<Sha256, StoreError> {
    text.parse().map_err(|e: String| StoreError::odd(table, id, e))
}

pub(super) fn serial(table: &'static str, text: &str) -> Result<Serial, StoreError> {
    text.parse().map_err(|e| StoreError::odd(table, text, e))
}

pub(super) fn parse<T>(table: &'static str, id: impl ToString, text: String) -> Result<T, StoreError>
where
    T: TryFrom<String>,
    T::Error: Display,
{
    T::try_from(text).map_err(|e| StoreError::odd(table, id, e))
}

/// Words joined by commas.
pub(super) fn words<T>(
    table: &'static str,
    id: &str,
    text: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    text.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| read(word).ok_or_else(|| StoreError::odd(table, id, word)))
        .collect()
}
