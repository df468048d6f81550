//! Does a full ledger slow issuing down? A generated one beside a small one, in one run.
//!
//! The generated rows have serial numbers, hashes and order ids of real length, in every index that an issue
//! touches (certificates by serial, order, hash, key; statuses; their log). The bodies of certificates are short: they
//! stand in the table's own order, are only appended, and would only fill the disk.

use anyhow::Context as _;
use ca_core::clock::Clock as _;
use ca_core::domain::Timestamp;
use ca_core::keys::KeyKind;
use ca_core::sql::Database;

use super::ground::{Ground, Work};
use crate::raw::raw_signing;

const SMALL: u64 = 10_000;
const ORDERS: usize = 4_000;
const ROUNDS: usize = 5;
/// Rows that are written at once, so that the write-ahead log stays small.
const PIECE: usize = 500_000;

/// `certificates`: rows of the big ledger.
///
/// # Errors
/// When the disk is full or an order is refused.
pub(crate) fn run(certificates: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let small = ground(SMALL).await?;
        let big = ground(certificates).await?;
        println!("issuing step on a ledger of {certificates} certificates beside one of {SMALL}");
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let few = small.measure("unit-p256", Work::Step, ORDERS).await?;
            let many = big.measure("unit-p256", Work::Step, ORDERS).await?;
            let raw = raw_signing(KeyKind::P256)?;
            println!(
                "{:.0} /s beside {:.0} /s: {:.3} (by CPU time {:.3}); raw P-256 {:.0} /s",
                many.rate,
                few.rate,
                many.rate / few.rate,
                few.cpu / many.cpu,
                raw.rate
            );
            ratios.push(many.rate / few.rate);
        }
        ratios.sort_by(f64::total_cmp);
        println!("median {:.3}", ratios[ROUNDS / 2]);
        Ok(())
    })
}

/// An authority with this many certificates.
async fn ground(certificates: u64) -> anyhow::Result<Ground> {
    let mut ground = Ground::new().await?;
    fill(&ground.house.config.database_url, certificates, ground.house.clock.now()).await?;
    ground.reopen().await;
    Ok(ground)
}

/// Writes made-up rows.
#[expect(clippy::disallowed_types, reason = "the number of rows stands in the text")]
async fn fill(url: &str, certificates: u64, now_there: Timestamp) -> anyhow::Result<()> {
    let database = Database::open(url, false).await?;
    let Database::Sqlite { writer, .. } = &database else { anyhow::bail!("only SQLite is filled") };
    let mut connection = writer.acquire().await?;
    // Every index is filled from left to right. Hashes ascend through the whole range, and those of real certificates fall
    // anywhere between them; serial numbers ascend with the time, up to now.
    let now = u64::try_from(now_there.unix())?;
    let (first, step, stride) = (1_u64 << 62, ((now >> 3) << 32) / certificates, (1_u64 << 60) / certificates);
    let mut statements = vec!["PRAGMA synchronous = OFF; PRAGMA cache_size = -500000".to_owned()];
    for begin in (0..certificates).step_by(PIECE) {
        let end = certificates.min(begin + PIECE as u64);
        statements.push(format!(
            "CREATE TEMP TABLE before AS SELECT (SELECT max(rowid) FROM certificate) AS row, head FROM feed;
             INSERT INTO certificate (issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after,
               tbs, intended, certificate, certificate_sha256, issued, delivered)
             WITH RECURSIVE n(i) AS (SELECT {begin} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {end})
             SELECT 'unit-p256', printf('%016x', {first} + i * {step}) || lower(hex(randomblob(8))),
               printf('01K%07d', i) || substr(hex(randomblob(8)), 1, 16), 0, 'order', 'unit-sign',
               printf('%015x', i * {stride}) || 'f' || lower(hex(randomblob(24))), 1795406400, 1826942399, x'3000', 1795406400,
               x'3000', printf('%015x', i * {stride}) || 'f' || lower(hex(randomblob(24))), 1795406400, NULL FROM n;
             INSERT INTO certificate_status (issuer, serial, status, reason, since, not_after)
             SELECT issuer, serial, 0, 0, 0, not_after FROM certificate WHERE rowid > (SELECT row FROM before);
             INSERT INTO status_log (seq, issuer, serial, status, reason, since, not_after, at, listed)
             SELECT (SELECT head FROM before) + row_number() OVER (), issuer, serial, 0, 0, 0, not_after, issued, FALSE
             FROM certificate WHERE rowid > (SELECT row FROM before);
             UPDATE feed SET head = head + {end} - {begin};
             DROP TABLE before; PRAGMA wal_checkpoint(TRUNCATE)"
        ));
    }
    statements.push("PRAGMA optimize".to_owned());
    for statement in statements {
        let sql = sqlx::AssertSqlSafe(statement);
        sqlx::raw_sql(sql).execute(&mut *connection).await.context("filling the ledger")?;
    }
    drop(connection);
    database.close().await;
    Ok(())
}
