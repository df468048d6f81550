//! Canonical bytes of what people sign: a tagged JSON object with sorted ASCII keys and no white space.
//!
//! `{"body":{…},"type":"yinxin.order.v1"}`. One value has one encoding (RFC 8785 over strings, booleans,
//! integers, arrays and objects with ASCII keys), so a signature is over a meaning and not over a spelling:
//! [`decode`] refuses bytes that would not be encoded the same way again.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most bytes that a statement may have.
pub(super) const MAX_STATEMENT_BYTES: usize = 64 * 1024;

/// A typed structure that a token signs.
pub trait Statement: Serialize + DeserializeOwned {
    /// The tag that says what is signed, e.g. `yinxin.order.v1`.
    const TAG: &'static str;
}

/// Why bytes are not a statement.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CanonicalError {
    /// Over [`MAX_STATEMENT_BYTES`].
    #[error("the statement is longer than {MAX_STATEMENT_BYTES} bytes")]
    TooLong,
    /// Not JSON of the statement's shape; the text says where.
    #[error("the statement cannot be read: {0}")]
    Malformed(String),
    /// Another type of statement.
    #[error("the statement is of another type: expected {expected}, found {found}")]
    WrongType {
        /// The tag asked for.
        expected: &'static str,
        /// The tag found.
        found: String,
    },
    /// Readable, but not in its one encoding.
    #[error("the statement is not in canonical form")]
    NotCanonical,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    #[serde(rename = "type")]
    tag: String,
    body: Value,
}

/// The canonical bytes of a statement.
#[must_use]
pub fn encode<T: Statement>(statement: &T) -> Vec<u8> {
    let body = serde_json::to_value(statement).expect("statements are plain data");
    let envelope = serde_json::json!({ "body": body, "type": T::TAG });
    serde_json::to_vec(&Sorted(&envelope)).expect("a JSON value can be written")
}

/// A JSON value whose objects are written with sorted keys, however serde_json keeps them.
struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => {
                let sorted: BTreeMap<&str, Sorted<'_>> = map.iter().map(|(k, v)| (k.as_str(), Sorted(v))).collect();
                serializer.collect_map(sorted)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Sorted)),
            other => other.serialize(serializer),
        }
    }
}

/// Reads canonical bytes.
///
/// # Errors
/// [`CanonicalError`] when they are too long, of another type, or not the one encoding of a statement.
pub fn decode<T: Statement>(bytes: &[u8]) -> Result<T, CanonicalError> {
    let envelope = open(bytes)?;
    if envelope.tag != T::TAG {
        return Err(CanonicalError::WrongType { expected: T::TAG, found: envelope.tag });
    }
    let statement: T = serde_json::from_value(envelope.body).map_err(|e| CanonicalError::Malformed(e.to_string()))?;
    if encode(&statement) != bytes {
        return Err(CanonicalError::NotCanonical);
    }
    Ok(statement)
}

/// The tag of a statement of a type not known beforehand.
///
/// # Errors
/// [`CanonicalError::TooLong`] or [`CanonicalError::Malformed`].
pub fn tag_of(bytes: &[u8]) -> Result<String, CanonicalError> {
    open(bytes).map(|envelope| envelope.tag)
}

fn open(bytes: &[u8]) -> Result<Envelope, CanonicalError> {
    if bytes.len() > MAX_STATEMENT_BYTES {
        return Err(CanonicalError::TooLong);
    }
    serde_json::from_slice(bytes).map_err(|e| CanonicalError::Malformed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Login, LoginPurpose, Timestamp};

    fn login() -> Login {
        Login {
            aud: "http://127.0.0.1:8082".into(),
            purpose: LoginPurpose::Portal,
            nonce: "bm9uY2U".into(),
            iat: Timestamp::from_unix(1),
            exp: Timestamp::from_unix(121),
        }
    }

    #[test]
    fn a_statement_reads_back_from_its_own_bytes() {
        let bytes = encode(&login());
        assert_eq!(
            String::from_utf8(bytes.clone()).expect("JSON is UTF-8"),
            r#"{"body":{"aud":"http://127.0.0.1:8082","exp":121,"iat":1,"nonce":"bm9uY2U","purpose":"portal"},"type":"yinxin.login.v1"}"#
        );
        assert_eq!(decode::<Login>(&bytes), Ok(login()));
    }

    #[test]
    fn another_spelling_of_the_same_statement_is_refused() {
        let spaced = String::from_utf8(encode(&login())).expect("JSON is UTF-8").replace(":1,", ": 1,");
        assert_eq!(decode::<Login>(spaced.as_bytes()), Err(CanonicalError::NotCanonical));
    }

    #[test]
    fn another_type_is_refused() {
        let other = String::from_utf8(encode(&login())).expect("JSON is UTF-8").replace("login.v1", "login.v2");
        assert!(matches!(decode::<Login>(other.as_bytes()), Err(CanonicalError::WrongType { .. })));
    }
}
