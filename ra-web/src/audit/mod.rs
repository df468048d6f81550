//! The web's own audit: a hash chain of what was done, in the same transaction as the deed.
//!
//! For: the registration authority's database and the fund's, each with its own chain. Trusts the database
//! to keep what it committed; does not trust it to be untouched: [`verify`] finds a changed, missing or
//! inserted entry by the hashes alone. Never holds personal data beyond ids: details name records, and the
//! records hold the data. If the entry cannot be written, the deed's transaction does not commit.

mod sql;

use std::collections::BTreeMap;

use async_trait::async_trait;
use ca_core::domain::{CanonicalError, Sha256, Statement, Timestamp, decode, encode};
use ca_core::sql::DatabaseError;
use serde::{Deserialize, Serialize};

pub use sql::STATEMENTS;

/// Something done, before it has its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// By whom: `officer:limin`, `unit:0210000001`, `certificate:<issuer>/<serial>` or `system`.
    pub actor: String,
    /// What, in words with dots, e.g. `login.opened`.
    pub kind: &'static str,
    /// On which record, e.g. the id of a login.
    pub subject: String,
    /// Further facts, short; never secrets.
    pub details: BTreeMap<String, String>,
}

/// An event in its place. Its canonical bytes are what is hashed and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 1, 2, 3, … without gaps.
    pub seq: i64,
    /// Hash of the entry before; 64 zeros for the first.
    pub previous: Sha256,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What.
    pub kind: String,
    /// On which record.
    pub subject: String,
    /// Further facts.
    pub details: BTreeMap<String, String>,
}

impl Statement for Entry {
    const TAG: &'static str = "yinxin.web-audit.v1";
}

/// The last entry of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place; 0 for an empty chain.
    pub seq: i64,
    /// Its hash; zeros for an empty chain.
    pub hash: Sha256,
}

impl Head {
    /// The head of a chain without entries.
    pub const EMPTY: Self = Self { seq: 0, hash: Sha256([0; 32]) };

    /// Puts an event after this head: the entry's bytes and the new head.
    #[must_use]
    pub fn follow(self, event: &Event) -> (Vec<u8>, Self) {
        let entry = Entry {
            seq: self.seq + 1,
            previous: self.hash,
            at: event.at,
            actor: event.actor.clone(),
            kind: event.kind.to_owned(),
            subject: event.subject.clone(),
            details: event.details.clone(),
        };
        let bytes = encode(&entry);
        let head = Self { seq: entry.seq, hash: sha256(&bytes) };
        (bytes, head)
    }
}

/// Writes and reads the chain, inside a unit of work.
#[async_trait]
pub trait AuditTx: Send {
    /// Appends an event.
    ///
    /// # Errors
    /// [`DatabaseError`]; then the whole unit of work must be dropped.
    async fn audit(&mut self, event: &Event) -> Result<(), DatabaseError>;

    /// The chain's head as stored.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn audit_head(&mut self) -> Result<Head, DatabaseError>;

    /// Up to `limit` entries after place `after`, in order, as their stored bytes.
    ///
    /// # Errors
    /// [`DatabaseError`].
    async fn audit_entries(&mut self, after: i64, limit: i64) -> Result<Vec<Vec<u8>>, DatabaseError>;
}

/// What is wrong with a chain.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChainFault {
    /// Bytes that are no entry.
    #[error("entry {0} cannot be read: {1}")]
    Unreadable(i64, CanonicalError),
    /// An entry that does not follow the one before it: something was changed, removed or inserted there.
    #[error("entry {0} does not follow the one before it")]
    Broken(i64),
    /// The chain ends elsewhere than its head says.
    #[error("the chain ends at {found}, but its head is at {expected}")]
    Cut {
        /// By the head.
        expected: i64,
        /// By the entries.
        found: i64,
    },
}

/// Walks a whole chain and says where it breaks.
///
/// # Errors
/// [`ChainFault`] for the first fault.
pub fn verify<'a>(entries: impl IntoIterator<Item = &'a [u8]>, head: Head) -> Result<(), ChainFault> {
    let mut last = Head::EMPTY;
    for bytes in entries {
        let place = last.seq + 1;
        let entry: Entry = decode(bytes).map_err(|fault| ChainFault::Unreadable(place, fault))?;
        if entry.seq != place || entry.previous != last.hash {
            return Err(ChainFault::Broken(place));
        }
        last = Head { seq: place, hash: sha256(bytes) };
    }
    if last == head { Ok(()) } else { Err(ChainFault::Cut { expected: head.seq, found: last.seq }) }
}

fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(openssl::sha::sha256(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(kinds: &[&'static str]) -> (Vec<Vec<u8>>, Head) {
        let mut head = Head::EMPTY;
        let mut entries = Vec::new();
        for kind in kinds {
            let event = Event {
                at: Timestamp::from_unix(7),
                actor: "system".into(),
                kind,
                subject: "x".into(),
                details: BTreeMap::new(),
            };
            let (bytes, next) = head.follow(&event);
            entries.push(bytes);
            head = next;
        }
        (entries, head)
    }

    #[test]
    fn a_whole_chain_verifies_and_any_tampering_is_found() {
        let (entries, head) = chain(&["a", "b", "c"]);
        let walk = |entries: &[Vec<u8>]| verify(entries.iter().map(Vec::as_slice), head);
        assert_eq!(walk(&entries), Ok(()));

        let mut removed = entries.clone();
        removed.remove(1);
        assert_eq!(walk(&removed), Err(ChainFault::Broken(2)));
        assert_eq!(walk(&entries[..2]), Err(ChainFault::Cut { expected: 3, found: 2 }));

        let mut changed = entries;
        changed[1] = String::from_utf8(changed[1].clone()).expect("JSON").replace("\"b\"", "\"B\"").into_bytes();
        assert_eq!(walk(&changed), Err(ChainFault::Broken(3)));
    }
}
