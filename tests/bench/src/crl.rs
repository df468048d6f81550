//! Lists of 10 thousand, 100 thousand and a million entries: what making one costs beside hashing and writing its
//! bytes, which nobody can do without.
//!
//! A database of generated statuses (SQLite, as in `ca serve`), a sealed P-256 key, the real publisher: it reads the
//! entries, writes them, reads the list back, lints, signs, verifies, hashes, records and publishes it. Beside it, in the
//! same run and on the same disk, the finished list's bytes are hashed once, written to a file and synced. Memory is
//! the process's own peak, which the kernel resets before each list.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ca_core::clock::system_rng;
use ca_core::domain::{CertificateStatus, ListKind, ListScope, RevocationReason, Serial, Timestamp};
use ca_core::encode::crl::Head;
use ca_core::issuance::Issuing;
use ca_core::lint;
use ca_core::revocation::{Due, ListFile, Publisher};
use ca_core::signer::{CrlKey, Passphrase};
use ca_core::sql::Database;
use ca_core::store::Store as _;
use ca_core::testing::House;

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// The best of so many rounds counts, on both sides.
const ROUNDS: usize = 3;

/// Measures and prints.
///
/// # Errors
/// When a list is not made.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    println!("lists, SQLite, P-256; times are the best of {ROUNDS}, ratios to hashing, writing and syncing the bytes");
    for entries in SIZES {
        let ground = Ground::of(entries).await?;
        let mut best = Best::default();
        for _ in 0..ROUNDS {
            ground.round(&mut best).await?;
        }
        best.print(entries);
    }
    Ok(())
}

/// The best times, and the highest peaks.
#[derive(Default)]
struct Best {
    bytes: u64,
    bare: Option<Duration>,
    encoded: Option<Duration>,
    published: Option<Duration>,
    encode_peak: u64,
    publish_peak: u64,
}

fn better(best: &mut Option<Duration>, time: Duration) {
    *best = Some(best.map_or(time, |best| best.min(time)));
}

impl Best {
    fn print(&self, entries: usize) {
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
        let bare = seconds(self.bare);
        println!(
            "{entries:>8} entries, {:>5.1} MB: bare {bare:.3} s; \
             encoded, signed, linted, verified, placed {:.3} s, ratio {:.2}, {:.1} MB above start; \
             the whole edition from the store {:.3} s, ratio {:.2}, {:.1} MB above start",
            megabytes(self.bytes),
            seconds(self.encoded),
            seconds(self.encoded) / bare,
            megabytes(self.encode_peak),
            seconds(self.published),
            seconds(self.published) / bare,
            megabytes(self.publish_peak),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

struct Ground {
    house: House,
    issuing: Issuing,
    crl_key: CrlKey,
    publisher: Publisher,
    entries: Vec<(Serial, CertificateStatus)>,
    _database: tempfile::TempDir,
}

impl Ground {
    /// An authority after its ceremony, with so many revoked certificates that exist as statuses only.
    async fn of(count: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let house = House::found(&format!("sqlite:{}/ca.db", folder.path().display())).await;
        let store = house.store().await;
        fill(store.database(), count).await?;
        let records = store.begin_read().await?.issuers().await?;
        let record = records.iter().find(|record| !record.root).context("an issuing CA")?;
        let passphrase = Passphrase::from_file(&house.config.keys.passphrase_file)?;
        let key = house.config.keys.open(&record.key, &passphrase, &record.sm2_id)?;
        Ok(Self {
            issuing: Issuing::new(record, key.clone())?,
            crl_key: CrlKey::new(key),
            publisher: Publisher::new(Arc::new(store), house.clock.clone(), &house.config),
            entries: entries(count),
            house,
            _database: folder,
        })
    }

    async fn round(&self, best: &mut Best) -> anyhow::Result<()> {
        let memory = Memory::reset()?;
        let start = Instant::now();
        self.publisher.publish(&self.issuing, Due::Time).await?;
        better(&mut best.published, start.elapsed());
        best.publish_peak = best.publish_peak.max(memory.above()?);

        let path = self.publisher.path(self.issuing.id(), ListKind::Full);
        let der = std::fs::read(&path)?;
        best.bytes = der.len() as u64;
        let start = Instant::now();
        bare(&der, &self.house.folder().join("bare"))?;
        better(&mut best.bare, start.elapsed());
        drop(der);

        let memory = Memory::reset()?;
        let start = Instant::now();
        self.encode(&self.house.folder().join("encoded"))?;
        better(&mut best.encoded, start.elapsed());
        best.encode_peak = best.encode_peak.max(memory.above()?);
        Ok(())
    }

    /// All that is done with a list whose entries are at hand.
    fn encode(&self, path: &Path) -> anyhow::Result<()> {
        let now = self.house.now();
        let scope = ListScope::Full { delta_url: None };
        let head = Head {
            issuer_certificate: self.issuing.certificate(),
            scope: &scope,
            number: 7,
            this_update: now,
            next_update: now.plus(86_400),
        };
        let mut list = ListFile::begin(path, &head, &self.crl_key)?;
        for (serial, status) in &self.entries {
            list.writer().add(serial, *status)?;
        }
        let context = lint::CrlContext {
            issuer: self.issuing.certificate(),
            key: self.issuing.public_key(),
            scope: &scope,
            previous: Some(6),
            now,
        };
        Ok(list.sign(&context, &self.crl_key)?.staged.place()?)
    }
}

/// What nobody can do without: one hash of the bytes, and the bytes on the disk.
fn bare(der: &[u8], path: &Path) -> anyhow::Result<()> {
    std::hint::black_box(openssl::sha::sha256(der));
    let mut file = File::create(path)?;
    file.write_all(der)?;
    Ok(file.sync_all()?)
}

/// Writes made-up rows, with serial numbers of real length.
#[expect(clippy::disallowed_types, reason = "the number of rows stands in the text")]
async fn fill(database: &Database, count: usize) -> anyhow::Result<()> {
    let Database::Sqlite { writer, .. } = database else { anyhow::bail!("only SQLite is filled") };
    let step = (1_u64 << 62) / u64::try_from(count)?;
    let statement = format!(
        "INSERT INTO certificate_status (issuer, serial, status, reason, since, not_after) \
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) \
         SELECT 'unit-p256', printf('%016x', {first} + i * {step}) || lower(hex(randomblob(8))), 2, \
         CASE i % 5 WHEN 0 THEN 1 WHEN 1 THEN 3 WHEN 2 THEN 4 WHEN 3 THEN 5 ELSE 9 END, \
         1700000000 + i * 7 % 90000000, 4000000000 FROM n",
        first = 1_u64 << 62,
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(writer).await.context("filling the statuses")?;
    Ok(())
}

fn entries(count: usize) -> Vec<(Serial, CertificateStatus)> {
    let mut rng = system_rng();
    let mut serials: Vec<Serial> = (0..count).map(|_| Serial::draw(Timestamp::from_unix(1_700_000_000), &mut rng)).collect();
    serials.sort();
    let reasons = RevocationReason::ALL.into_iter().cycle();
    let statuses = reasons.zip(0..).map(|(reason, n)| {
        let since = Timestamp::from_unix(1_700_000_000 + n % 10_000_000);
        CertificateStatus::Revoked { since, reason }
    });
    serials.into_iter().zip(statuses).collect()
}

/// Peak memory of this process since a moment.
struct Memory(u64);

impl Memory {
    fn reset() -> anyhow::Result<Self> {
        // Linux: 5 sets the peak back to what is resident now (proc(5)).
        std::fs::write("/proc/self/clear_refs", "5").context("/proc/self/clear_refs")?;
        Ok(Self(status("VmRSS")?))
    }

    fn above(&self) -> anyhow::Result<u64> {
        Ok(status("VmHWM")?.saturating_sub(self.0))
    }
}

fn status(name: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).context("no such line")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
