//! Every status of one issuer, in memory: what the request path looks at instead of a database.
//!
//! Packed: sorted serial numbers beside small status words, 24 bytes a certificate. Split by the last octet of
//! the number (which is random) into shards with a lock each: a reader holds one for the time of a binary
//! search, the feed, which is the only writer, for the time of one store. So neither waits noticeably for the
//! other, and a change is seen by the next reader; nothing is copied to publish it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ca_core::domain::{CertificateStatus, Serial};

const SHARDS: usize = 64;
/// Additions that a shard keeps aside before it is sorted again.
const FRESH_MAX: usize = 1024;

/// A status in 8 bytes: bits 0-1 status, 2-7 reason, 8-63 seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    fn of(status: CertificateStatus) -> Self {
        let since = u64::try_from(status.since_unix()).unwrap_or(0);
        let bits = |code: i16| u64::try_from(code).unwrap_or(0);
        Self(bits(status.code()) | (bits(status.reason_code()) << 2) | (since << 8))
    }

    /// The status that was packed.
    pub(crate) fn status(self) -> Option<CertificateStatus> {
        let small = |bits: u64| i16::try_from(bits).unwrap_or(-1);
        let since = i64::try_from(self.0 >> 8).ok()?;
        CertificateStatus::from_codes(small(self.0 & 3), small((self.0 >> 2) & 0x3f), since)
    }
}

#[derive(Default)]
struct Shard {
    numbers: Vec<u128>,
    words: Vec<Word>,
    fresh: HashMap<u128, Word>,
}

impl Shard {
    fn find(&self, number: u128) -> Option<Word> {
        match self.numbers.binary_search(&number) {
            Ok(at) => Some(self.words[at]),
            Err(_) => self.fresh.get(&number).copied(),
        }
    }

    fn merged(&self) -> Self {
        let mut fresh: Vec<_> = self.fresh.iter().map(|(number, word)| (*number, *word)).collect();
        fresh.sort_unstable_by_key(|(number, _)| *number);
        let mut fresh = fresh.into_iter().peekable();
        let total = self.numbers.len() + self.fresh.len();
        let mut merged =
            Self { numbers: Vec::with_capacity(total), words: Vec::with_capacity(total), ..Self::default() };
        for (number, word) in self.numbers.iter().zip(&self.words) {
            while let Some((earlier, its)) = fresh.next_if(|(new, _)| new < number) {
                merged.push(earlier, its);
            }
            merged.push(*number, *word);
        }
        for (number, word) in fresh {
            merged.push(number, word);
        }
        merged
    }

    fn push(&mut self, number: u128, word: Word) {
        self.numbers.push(number);
        self.words.push(word);
    }

    /// Sorts what was pushed out of order and gives back spare memory.
    fn settle(&mut self) {
        if !self.numbers.is_sorted() {
            let mut pairs: Vec<_> = self.numbers.iter().copied().zip(self.words.iter().copied()).collect();
            pairs.sort_unstable_by_key(|(number, _)| *number);
            (self.numbers, self.words) = pairs.into_iter().unzip();
        }
        self.numbers.shrink_to_fit();
        self.words.shrink_to_fit();
    }
}

/// The statuses of one issuer.
pub(crate) struct StatusIndex {
    shards: Vec<RwLock<Shard>>,
    /// Serial numbers of more than 16 octets; we draw none, but an issuer may have a past.
    long: RwLock<BTreeMap<Vec<u8>, Word>>,
}

impl StatusIndex {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), long: RwLock::default() }
    }

    /// The status of the certificate with this number (magnitude, big-endian); `None`: never issued.
    pub(crate) fn find(&self, serial: &[u8]) -> Option<Word> {
        match number(serial) {
            Some((number, shard)) => read(&self.shards[shard]).find(number),
            None => read(&self.long).get(serial).copied(),
        }
    }

    /// Takes over a change. Only the feed calls this.
    pub(crate) fn apply(&self, serial: &Serial, status: CertificateStatus) {
        let word = Word::of(status);
        let Some((number, at)) = number(serial.octets()) else {
            write(&self.long).insert(serial.octets().to_vec(), word);
            return;
        };
        let mut shard = write(&self.shards[at]);
        match shard.numbers.binary_search(&number) {
            Ok(place) => shard.words[place] = word,
            Err(_) => {
                shard.fresh.insert(number, word);
            }
        }
        if shard.fresh.len() >= FRESH_MAX {
            drop(shard);
            // Merged beside the readers: nobody else writes.
            let merged = read(&self.shards[at]).merged();
            *write(&self.shards[at]) = merged;
        }
    }

    /// Replaces everything by a snapshot.
    pub(crate) fn load(&self, loading: Loading) {
        for (shard, mut new) in self.shards.iter().zip(loading.shards) {
            new.settle();
            *write(shard) = new;
        }
        *write(&self.long) = loading.long;
    }

    /// How many certificates it knows.
    pub(crate) fn len(&self) -> usize {
        let short: usize = self.shards.iter().map(|shard| read(shard)).map(|s| s.numbers.len() + s.fresh.len()).sum();
        short + read(&self.long).len()
    }
}

/// A snapshot as it comes in; cheapest in ascending order.
pub(crate) struct Loading {
    shards: Vec<Shard>,
    long: BTreeMap<Vec<u8>, Word>,
}

impl Loading {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), long: BTreeMap::new() }
    }

    /// Takes one certificate; each only once.
    pub(crate) fn push(&mut self, serial: &Serial, status: CertificateStatus) {
        match number(serial.octets()) {
            Some((number, at)) => self.shards[at].push(number, Word::of(status)),
            None => {
                self.long.insert(serial.octets().to_vec(), Word::of(status));
            }
        }
    }
}

/// The number and its shard, if it fits 16 octets.
fn number(serial: &[u8]) -> Option<(u128, usize)> {
    let mut octets = [0; 16];
    octets.get_mut(16_usize.checked_sub(serial.len())?..)?.copy_from_slice(serial);
    Some((u128::from_be_bytes(octets), usize::from(octets[15]) % SHARDS))
}

// A panic while a lock was held cannot leave half a change here: each write is one store or one insert.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use ca_core::domain::{RevocationReason, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn serial(octets: &[u8]) -> Serial {
        Serial::from_der_content(octets).expect("positive")
    }

    fn revoked(at: i64) -> CertificateStatus {
        CertificateStatus::Revoked { since: Timestamp::from_unix(at), reason: RevocationReason::PrivilegeWithdrawn }
    }

    #[test]
    fn every_status_survives_packing() {
        let since = Timestamp::from_unix(253_402_300_799);
        let mut all = vec![CertificateStatus::Good, CertificateStatus::Held { since }];
        all.extend(RevocationReason::ALL.map(|reason| CertificateStatus::Revoked { since, reason }));
        for status in all {
            assert_eq!(Word::of(status).status(), Some(status));
        }
    }

    #[test]
    fn a_change_is_seen_by_the_next_reader() {
        let index = StatusIndex::new();
        let number = serial(&[0x5a; 16]);
        assert_eq!(index.find(number.octets()), None);
        index.apply(&number, CertificateStatus::Good);
        assert_eq!(index.find(number.octets()).and_then(Word::status), Some(CertificateStatus::Good));
        index.apply(&number, revoked(7));
        assert_eq!(index.find(number.octets()).and_then(Word::status), Some(revoked(7)));
        assert_eq!(index.len(), 1);
    }

    #[test]
    fn a_certificate_costs_24_bytes() {
        assert_eq!(size_of::<u128>() + size_of::<Word>(), 24);
    }

    proptest! {
        #[test]
        fn the_index_agrees_with_a_map(
            loaded in proptest::collection::btree_map(proptest::collection::vec(1_u8..0x7f, 1..21), 1_i64..1000, 0..300),
            changed in proptest::collection::vec((proptest::collection::vec(1_u8..4, 1..3), 1_i64..1000), 0..300),
        ) {
            let index = StatusIndex::new();
            let mut map = loaded.clone();
            let mut loading = Loading::new();
            // Text order of a database is not numeric order.
            for (octets, at) in loaded.iter().rev() {
                loading.push(&serial(octets), revoked(*at));
            }
            index.load(loading);
            for (octets, at) in changed {
                index.apply(&serial(&octets), revoked(at));
                map.insert(octets, at);
            }
            prop_assert_eq!(index.len(), map.len());
            for (octets, at) in &map {
                prop_assert_eq!(index.find(octets).and_then(Word::status), Some(revoked(*at)));
            }
            prop_assert_eq!(index.find(&[0x7f, 0x7f]), None);
        }
    }

    #[test]
    fn additions_are_sorted_in_after_a_while() {
        let index = StatusIndex::new();
        let numbers: Vec<u128> = (1..=2500_u128).map(|n| (n * 7919 % 100_003) << 8).collect();
        for number in &numbers {
            index.apply(&serial(&(number | (0x5a << 120)).to_be_bytes()), CertificateStatus::Good);
        }
        assert_eq!(index.len(), numbers.len());
        assert!(read(&index.shards[0]).numbers.is_sorted());
        assert!(read(&index.shards[0]).numbers.len() >= 2 * FRESH_MAX);
        assert!(numbers.iter().all(|n| index.find(&(n | (0x5a << 120)).to_be_bytes()).is_some()));
    }
}
