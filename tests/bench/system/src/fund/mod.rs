//! The fund over many units and years, beside few; a large unit's remittance and the year's interest, beside the same rows read and
//! written by plain SQL. On both engines, in one run each.
//!
//! Sizes by environment: `FUND_UNITS` (10,000), `FUND_HEADS` of each (100), `FUND_MONTHS` (24), `FUND_LARGE` heads of the large unit (10,000).

mod ground;
mod ledger;
mod plain;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use self::ground::Ground;

/// Units of the small fund.
const FEW: u64 = 100;
/// Each query is asked so often; the middle one counts.
const ROUNDS: usize = 41;
/// So many times as long a query may take over many units.
const WANTED: f64 = 2.0;
/// So many times as long as plain SQL a remittance and the interest may take.
const BESIDE_PLAIN: f64 = 3.0;
/// So much memory the settlement of all accounts may add, in MiB.
const FLAT: u64 = 64;

/// How much of everything there is.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    units: u64,
    heads: u64,
    months: u64,
    large: u64,
}

impl Sizes {
    fn asked() -> anyhow::Result<Self> {
        let size = |name: &str, usual: u64| match std::env::var(name) {
            Ok(text) => text.parse().with_context(|| format!("{name} is a number")),
            Err(_) => Ok(usual),
        };
        Ok(Self {
            units: size("FUND_UNITS", 10_000)?,
            heads: size("FUND_HEADS", 100)?,
            months: size("FUND_MONTHS", 24)?,
            large: size("FUND_LARGE", 10_000)?,
        })
    }
}

/// Runs it.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let (sizes, mut slow) = (Sizes::asked()?, Vec::new());
        for engine in ["SQLite", "PostgreSQL"] {
            let small = Ground::new(engine, Sizes { units: FEW, ..sizes }).await?;
            let great = Ground::new(engine, sizes).await?;
            println!(
                "{engine}: {FEW} units beside {} units, {} accounts and {} entries",
                sizes.units,
                sizes.units * sizes.heads,
                sizes.units * sizes.heads * sizes.months
            );
            slow.extend(compare(engine, &small, &great).await?);
            slow.extend(remit(engine, &great, sizes).await?);
            slow.extend(settle(engine, &great, sizes).await?);
        }
        ensure!(slow.is_empty(), "these take too long or too much: {slow:?}");
        Ok(())
    })
}

/// The queries of a unit in the middle.
fn queries(ground: &Ground) -> Vec<(&'static str, String)> {
    let person = &ground.made.person;
    vec![
        ("unit", "/unit".into()),
        ("ledger", "/ledger?from=2020-01-01".into()),
        ("contributions", "/contributions?from=2024-12&to=2026-11".into()),
        ("interest of a year", "/interest?year=2025".into()),
        ("employees", "/people".into()),
        ("employees of a name", "/people?name=%E5%91%A8%E4%B8%80%E9%B8%A3".into()),
        ("an employee's ledger", format!("/people/{person}/ledger?from=2020-01-01")),
        ("changes", "/changes".into()),
        ("operations", "/operations".into()),
    ]
}

async fn compare(engine: &str, small: &Ground, great: &Ground) -> anyhow::Result<Vec<String>> {
    let mut slow = Vec::new();
    for ((name, few), (_, many)) in queries(small).into_iter().zip(queries(great)) {
        let (mut at_few, mut at_many) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
        for round in 0..=ROUNDS {
            for (ground, path, times) in [(small, &few, &mut at_few), (great, &many, &mut at_many)] {
                let start = Instant::now();
                ground.get(path).await.with_context(|| format!("{name} on {engine}"))?;
                // The first one fills caches.
                if round > 0 {
                    times.push(start.elapsed());
                }
            }
        }
        at_few.sort();
        at_many.sort();
        let (few, many) = (at_few[ROUNDS / 2], at_many[ROUNDS / 2]);
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        println!("  {name:36} {few:>10.2?} {many:>10.2?}  {ratio:.2}");
        if ratio > WANTED {
            slow.push(format!("{engine}: {name} ({ratio:.2})"));
        }
    }
    Ok(slow)
}

/// A month of the large unit: its money comes, and it is booked at once.
async fn remit(engine: &str, ground: &Ground, sizes: Sizes) -> anyhow::Result<Vec<String>> {
    let plain = plain::month(ground, sizes.large).await?;
    let (posted, told) = ground.post_month().await?;
    let last =
        told.last().map_or_else(String::new, |far| format!("{} of {} rows, {}", far.done, far.total, far.stage.word()));
    println!("  {:36} {} reports, the last: {last}", "its progress", told.len());
    Ok(beside(engine, &format!("a month of {} employees", sizes.large), posted, plain))
}

/// The interest of all accounts.
async fn settle(engine: &str, ground: &Ground, sizes: Sizes) -> anyhow::Result<Vec<String>> {
    let plain = plain::year(ground).await?;
    let before = resident()?;
    let start = Instant::now();
    let settled = ground.settle().await?;
    let took = start.elapsed();
    let more = resident()?.saturating_sub(before);
    let wanted = sizes.units * sizes.heads + sizes.large;
    ensure!(settled == wanted, "{settled} accounts of {wanted} were settled");
    let mut slow = beside(engine, &format!("interest of {settled} accounts"), took, plain);
    println!("  {:36} {more} MiB more", "memory of the settlement");
    if more > FLAT {
        slow.push(format!("{engine}: memory of the settlement ({more} MiB)"));
    }
    Ok(slow)
}

fn beside(engine: &str, what: &str, took: Duration, plain: Duration) -> Vec<String> {
    let ratio = took.as_secs_f64() / plain.as_secs_f64();
    println!("  {what:36} {plain:>10.2?} {took:>10.2?}  {ratio:.2}");
    (ratio > BESIDE_PLAIN).then(|| format!("{engine}: {what} ({ratio:.2})")).into_iter().collect()
}

/// Memory of this process, in MiB.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}
