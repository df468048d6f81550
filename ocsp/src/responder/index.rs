//! Every status of one issuer, in memory: what the request path looks at instead of a database.
//!
//! Packed in tables by a mix of the serial number's bits: a small directory says where the few numbers of a bucket
//! stand, so that a lookup costs the same among ten thousand and among ten million. About 25 bytes a certificate.
//! Readers take no lock: a change of a known certificate is one atomic store, an addition puts a new table in the
//! place of the old one. The feed is the only writer. Each shard counts its changes, by which whoever remembers an
//! answer knows that it need not look again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use ca_core::domain::{CertificateStatus, Serial};

/// Parts that change by themselves.
pub(super) const SHARDS: usize = 256;
/// Additions that a shard keeps aside before they are settled among the others.
const FRESH_MAX: usize = 512;
/// Certificates that share a place of the directory, on average.
const BUCKET: usize = 8;

/// A status in 8 bytes: bits 0-1 status, 2-7 reason, 8-63 seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    pub(super) fn of(status: CertificateStatus) -> Self {
        let since = u64::try_from(status.since_unix()).unwrap_or(0);
        let bits = |code: i16| u64::try_from(code).unwrap_or(0);
        Self(bits(status.code()) | (bits(status.reason_code()) << 2) | (since << 8))
    }

    /// The word with these bits, if they say a status.
    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        let word = Self(bits);
        word.status().map(|_| word)
    }

    /// The status that was packed.
    pub(crate) fn status(self) -> Option<CertificateStatus> {
        let small = |bits: u64| i16::try_from(bits).unwrap_or(-1);
        let since = i64::try_from(self.0 >> 8).ok()?;
        CertificateStatus::from_codes(small(self.0 & 3), small((self.0 >> 2) & 0x3f), since)
    }
}

/// A serial number of fixed width.
pub(super) trait Number: Copy + Eq + Default + Send + Sync {
    /// Its bits, stirred: equal for equal numbers, else as good as random.
    fn mixed(self) -> u64;
}

/// Ours: 16 octets.
impl Number for u128 {
    fn mixed(self) -> u64 {
        let [low, high] = [self, self >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
        let mut bits = high.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(low) ^ (low >> 29);
        bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits ^= bits >> 32;
        bits.wrapping_mul(0x94d0_49bb_1331_11eb)
    }
}

/// 17 to 20 octets; we draw none, but an issuer may have a past.
impl Number for [u8; 20] {
    fn mixed(self) -> u64 {
        let (head, tail) = self.split_at(4);
        let part = |octets: &[u8]| octets.iter().fold(0_u128, |sum, octet| (sum << 8) | u128::from(*octet));
        (part(tail) ^ (part(head) << 64)).mixed()
    }
}

/// Numbers and words in the order of their buckets.
pub(super) struct Table<N> {
    /// Where each bucket begins, and at last where all end.
    starts: Box<[u32]>,
    numbers: Box<[N]>,
    words: Box<[AtomicU64]>,
}

impl<N: Number> Table<N> {
    fn of(parts: &[(&[N], &[AtomicU64])]) -> Self {
        let total: usize = parts.iter().map(|(numbers, _)| numbers.len()).sum();
        let buckets = (total / BUCKET).max(1);
        let mut starts = vec![0_u32; buckets + 1];
        let all = || parts.iter().flat_map(|(numbers, _)| numbers.iter());
        for number in all() {
            starts[bucket(*number, buckets) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut numbers = vec![N::default(); total];
        let mut words = vec![0; total];
        for (number, word) in all().zip(parts.iter().flat_map(|(_, words)| words.iter())) {
            let place = &mut next[bucket(*number, buckets)];
            let at = usize::try_from(*place).unwrap_or(usize::MAX);
            numbers[at] = *number;
            words[at] = word.load(Ordering::Relaxed);
            *place += 1;
        }
        let words: Vec<AtomicU64> = words.into_iter().map(AtomicU64::new).collect();
        Self { starts: starts.into(), numbers: numbers.into(), words: words.into() }
    }

    fn find(&self, number: N) -> Option<&AtomicU64> {
        let bucket = bucket(number, self.starts.len() - 1);
        let [start, end] = [self.starts[bucket], self.starts[bucket + 1]].map(|at| usize::try_from(at).unwrap_or(0));
        let at = self.numbers[start..end].iter().position(|other| *other == number)?;
        Some(&self.words[start + at])
    }

    /// Number and word of each certificate.
    pub(super) fn all(&self) -> impl Iterator<Item = (N, u64)> {
        self.numbers.iter().copied().zip(self.words.iter().map(|word| word.load(Ordering::Relaxed)))
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }
}

fn bucket<N: Number>(number: N, buckets: usize) -> usize {
    // The high half says which bucket, the low octet which shard.
    let high = u128::from(number.mixed() >> 32);
    usize::try_from((high * buckets as u128) >> 32).unwrap_or(0)
}

/// What a shard holds at a moment.
pub(super) struct State<N> {
    pub(super) settled: Arc<Table<N>>,
    pub(super) fresh: Table<N>,
}

impl<N: Number> State<N> {
    fn of(settled: Arc<Table<N>>, fresh: Table<N>) -> Arc<Self> {
        Arc::new(Self { settled, fresh })
    }

    fn find(&self, number: N) -> Option<&AtomicU64> {
        self.settled.find(number).or_else(|| self.fresh.find(number))
    }

    pub(super) fn len(&self) -> usize {
        self.settled.len() + self.fresh.len()
    }
}

/// What each shard holds at a moment.
pub(super) type Shares<N> = Vec<Arc<State<N>>>;

struct Shards<N>(Box<[ArcSwap<State<N>>]>);

impl<N: Number> Shards<N> {
    fn new() -> Self {
        Self((0..SHARDS).map(|_| ArcSwap::new(State::of(Arc::new(Table::of(&[])), Table::of(&[])))).collect())
    }

    fn find(&self, number: N) -> Option<Word> {
        let state = self.0[shard(number)].load();
        state.find(number).map(|word| Word(word.load(Ordering::Acquire)))
    }

    fn apply(&self, number: N, word: Word) {
        let shard = &self.0[shard(number)];
        let state = shard.load_full();
        if let Some(known) = state.find(number) {
            known.store(word.0, Ordering::Release);
            return;
        }
        let added = [AtomicU64::new(word.0)];
        let fresh = Table::of(&[(&*state.fresh.numbers, &*state.fresh.words), (&[number][..], &added[..])]);
        let next = if fresh.len() < FRESH_MAX {
            State::of(state.settled.clone(), fresh)
        } else {
            let all = [(&*state.settled.numbers, &*state.settled.words), (&*fresh.numbers, &*fresh.words)];
            State::of(Arc::new(Table::of(&all)), Table::of(&[]))
        };
        shard.store(next);
    }

    fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.load().len()).sum()
    }
}

/// The statuses of one issuer.
pub(crate) struct StatusIndex {
    short: Shards<u128>,
    long: Shards<[u8; 20]>,
    changes: Box<[AtomicU64]>,
}

impl StatusIndex {
    pub(crate) fn new() -> Self {
        Self { short: Shards::new(), long: Shards::new(), changes: (0..SHARDS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The status of the certificate with this number (magnitude, big-endian); `None`: never issued.
    pub(crate) fn find(&self, serial: &[u8]) -> Option<Word> {
        match width(serial)? {
            Width::Short(number) => self.short.find(number),
            Width::Long(number) => self.long.find(number),
        }
    }

    /// How often anything changed beside the certificate with this number. While it stays the same, so does what
    /// [`Self::find`] says if it was asked afterwards.
    pub(super) fn changes(&self, serial: &[u8]) -> u64 {
        let shard = match width(serial) {
            Some(Width::Short(number)) => shard(number),
            Some(Width::Long(number)) => shard(number),
            None => 0,
        };
        self.changes[shard].load(Ordering::Acquire)
    }

    /// Takes over a change. Only the feed calls this.
    pub(crate) fn apply(&self, serial: &Serial, status: CertificateStatus) {
        let word = Word::of(status);
        let shard = match width(serial.octets()) {
            Some(Width::Short(number)) => {
                self.short.apply(number, word);
                shard(number)
            }
            Some(Width::Long(number)) => {
                self.long.apply(number, word);
                shard(number)
            }
            None => return,
        };
        // After the change: who counted before it looks again.
        self.changes[shard].fetch_add(1, Ordering::AcqRel);
    }

    /// Replaces everything. Give back first what is no more wanted: [`Self::clear`].
    pub(crate) fn load(&self, loading: Loading) {
        for (place, part) in self.short.0.iter().zip(loading.short) {
            place.store(State::of(Arc::new(part.into_table()), Table::of(&[])));
        }
        for (place, part) in self.long.0.iter().zip(loading.long) {
            place.store(State::of(Arc::new(part.into_table()), Table::of(&[])));
        }
        self.changes.iter().for_each(|changes| {
            changes.fetch_add(1, Ordering::AcqRel);
        });
    }

    /// Forgets everything: nobody may be answered until [`Self::load`].
    pub(crate) fn clear(&self) {
        self.load(Loading::new());
    }

    /// How many certificates it knows.
    pub(crate) fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// Everything as it stands, shard by shard. What changes meanwhile may be in it or not.
    pub(super) fn shares(&self) -> (Shares<u128>, Shares<[u8; 20]>) {
        let short = self.short.0.iter().map(ArcSwap::load_full).collect();
        (short, self.long.0.iter().map(ArcSwap::load_full).collect())
    }
}

#[derive(Default)]
struct Part<N> {
    numbers: Vec<N>,
    words: Vec<AtomicU64>,
}

impl<N: Number> Part<N> {
    fn push(&mut self, number: N, word: Word) {
        self.numbers.push(number);
        self.words.push(AtomicU64::new(word.0));
    }

    fn into_table(self) -> Table<N> {
        Table::of(&[(&self.numbers[..], &self.words[..])])
    }
}

/// Everything as it comes in.
pub(crate) struct Loading {
    short: Vec<Part<u128>>,
    long: Vec<Part<[u8; 20]>>,
}

impl Loading {
    pub(crate) fn new() -> Self {
        Self {
            short: (0..SHARDS).map(|_| Part::default()).collect(),
            long: (0..SHARDS).map(|_| Part::default()).collect(),
        }
    }

    /// Makes room for so many certificates.
    pub(super) fn reserve(&mut self, short: usize) {
        let each = short / SHARDS + short / SHARDS / 16;
        for part in &mut self.short {
            part.numbers.reserve_exact(each);
            part.words.reserve_exact(each);
        }
    }

    /// Takes one certificate; each only once.
    pub(crate) fn push(&mut self, serial: &Serial, status: CertificateStatus) {
        match width(serial.octets()) {
            Some(Width::Short(number)) => self.push_short(number, Word::of(status)),
            Some(Width::Long(number)) => self.push_long(number, Word::of(status)),
            None => {}
        }
    }

    pub(super) fn push_short(&mut self, number: u128, word: Word) {
        self.short[shard(number)].push(number, word);
    }

    pub(super) fn push_long(&mut self, number: [u8; 20], word: Word) {
        self.long[shard(number)].push(number, word);
    }
}

enum Width {
    Short(u128),
    Long([u8; 20]),
}

/// The number in the width in which it is kept; no certificate has more than 20 octets.
fn width(serial: &[u8]) -> Option<Width> {
    if let Some(free) = 16_usize.checked_sub(serial.len()) {
        let mut octets = [0; 16];
        octets[free..].copy_from_slice(serial);
        return Some(Width::Short(u128::from_be_bytes(octets)));
    }
    let mut octets = [0; 20];
    octets.get_mut(20_usize.checked_sub(serial.len())?..)?.copy_from_slice(serial);
    Some(Width::Long(octets))
}

fn shard<N: Number>(number: N) -> usize {
    usize::try_from(number.mixed()).unwrap_or(usize::MAX) % SHARDS
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
    fn a_certificate_costs_25_bytes() {
        let table = Table::of(&[(&(0..100_000_u128).collect::<Vec<_>>()[..], &words(100_000)[..])]);
        let bytes = size_of_val(&*table.starts) + size_of_val(&*table.numbers) + size_of_val(&*table.words);
        assert!(bytes <= 25 * 100_000, "{bytes}");
    }

    fn words(count: usize) -> Vec<AtomicU64> {
        (0..count).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn buckets_stay_small_however_the_numbers_were_drawn() {
        let counted: Vec<u128> = (1..=100_000).collect();
        let drawn = counted.iter().map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) | 1 << 126);
        let high = counted.iter().map(|n| n << 96);
        for numbers in [counted.clone(), drawn.collect(), high.collect()] {
            let table = Table::of(&[(&numbers[..], &words(numbers.len())[..])]);
            let longest = table.starts.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest < Some(40), "{longest:?}");
            let mut shards = [0; SHARDS];
            numbers.iter().for_each(|number| shards[shard(*number)] += 1);
            assert!(shards.iter().all(|count| (200..800).contains(count)), "{shards:?}");
        }
    }

    #[test]
    fn who_counted_before_a_change_looks_again() {
        let index = StatusIndex::new();
        let number = serial(&[0x5a; 16]);
        let before = index.changes(number.octets());
        index.apply(&number, CertificateStatus::Good);
        let issued = index.changes(number.octets());
        assert_ne!(before, issued);
        index.apply(&number, revoked(7));
        assert_ne!(issued, index.changes(number.octets()));
    }

    #[test]
    fn readers_see_each_certificate_at_all_times_while_others_are_added() {
        let index = StatusIndex::new();
        let known = serial(&[0x5a; 16]);
        index.apply(&known, CertificateStatus::Good);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| (0..20_000).all(|_| index.find(known.octets()).is_some()));
            for number in 1..=5_000_u128 {
                index.apply(&serial(&(number | (0x41 << 120)).to_be_bytes()), CertificateStatus::Good);
            }
            assert!(reader.join().expect("no panic"));
        });
        assert_eq!(index.len(), 5_001);
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
    fn additions_are_settled_after_a_while() {
        let index = StatusIndex::new();
        let all_in_one = |number: &u128| shard(*number) == 7;
        let numbers: Vec<u128> = (1..).map(|n| n | (0x5a << 120)).filter(all_in_one).take(2 * FRESH_MAX + 3).collect();
        for number in &numbers {
            index.apply(&serial(&number.to_be_bytes()), CertificateStatus::Good);
        }
        assert_eq!(index.len(), numbers.len());
        let (short, _) = index.shares();
        assert_eq!((short[7].settled.len(), short[7].fresh.len()), (2 * FRESH_MAX, 3));
        assert!(numbers.iter().all(|n| index.find(&n.to_be_bytes()).is_some()));
    }
}
