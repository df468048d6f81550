//! Durable issue beside raw signing: how far the order of writes is from the signer's own speed.
//!
//! Three things are measured, each beside raw signing of as many bytes by the same library, on the same cores, in the
//! same run; rounds alternate and the median counts, so that a busy machine slows both alike.
//!
//! - The issuing step: from an order whose signatures were read (and verified) to the answer: looking up the officers,
//!   encoding, lint, the durable intent with order, signatures and audit, signing, verifying, the durable
//!   certificate with status, feed and audit. SQLite with synchronous=FULL.
//! - The whole order: the same with what comes before, the verification of two officers' and an operator's CMS
//!   messages and of the request.
//! - The whole order through the socket of the real `ca serve`.

mod ground;
mod ledger;
mod socket;

use std::time::{Duration, Instant};

use ca_core::keys::KeyKind;
use ca_core::signer::Signer as _;
use ca_core::signer::soft::SoftKey;

use self::ground::{Ground, Work};
pub(crate) use self::ledger::run as ledger;

/// Orders for each measurement.
const ORDERS: usize = 2_000;
/// Orders that are under way at the same time.
pub(crate) const AT_ONCE: usize = 256;
const ROUNDS: usize = 5;
/// Bytes of a to-be-signed unit certificate, about.
const TBS_BYTES: usize = 700;

/// What one measurement said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    /// How many in a second.
    pub(crate) rate: f64,
    /// Processor time of each, in seconds.
    pub(crate) cpu: f64,
}

/// Measures and prints.
///
/// # Errors
/// When a program does not start or an order is refused.
pub(crate) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let cores = std::thread::available_parallelism()?;
    println!("durable issue with audit, SQLite, {cores} cores, {AT_ONCE} orders at once, median of {ROUNDS} rounds");
    for (issuer, kind) in [("unit-p256", KeyKind::P256), ("unit-rsa", KeyKind::Rsa2048)] {
        let ground = runtime.block_on(Ground::new())?;
        for work in [Work::Step, Work::Whole] {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let raw = raw_signing(kind)?;
                let issue = runtime.block_on(ground.measure(issuer, work, ORDERS))?;
                rounds.push((issue.rate / raw.rate, raw.cpu / issue.cpu, issue, raw));
            }
            rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (ratio, cpu, issue, raw) = rounds[ROUNDS / 2];
            println!(
                "{issuer} {work}: {:.0} /s, {:.0} us CPU each; raw {} {:.0} /s; ratio {ratio:.3} (by CPU time {cpu:.3})",
                issue.rate,
                issue.cpu * 1e6,
                kind.name(),
                raw.rate,
            );
        }
    }
    runtime.block_on(socket::measure())
}

/// Signatures by all cores in a second.
pub(crate) fn raw_signing(kind: KeyKind) -> anyhow::Result<Speed> {
    let key = SoftKey::generate(kind)?;
    let bytes = vec![0x30; TBS_BYTES];
    let threads = std::thread::available_parallelism()?.get();
    timed(|| {
        std::thread::scope(|scope| {
            let one = || {
                let (start, mut count) = (Instant::now(), 0);
                while start.elapsed() < Duration::from_secs(1) {
                    for _ in 0..50 {
                        key.sign(&bytes)?;
                    }
                    count += 50;
                }
                anyhow::Ok(count)
            };
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
            let mut sum = 0;
            for thread in started {
                sum += thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            }
            Ok(sum)
        })
    })
}

/// Times something that says how many it did.
pub(crate) fn timed(run: impl FnOnce() -> anyhow::Result<usize>) -> anyhow::Result<Speed> {
    let (start, before) = (Instant::now(), cpu_seconds()?);
    let count = run()?;
    speed(count, start, before)
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
pub(crate) fn speed(count: usize, start: Instant, cpu_before: f64) -> anyhow::Result<Speed> {
    let count = count as f64;
    Ok(Speed { rate: count / start.elapsed().as_secs_f64(), cpu: (cpu_seconds()? - cpu_before) / count })
}

/// Processor time of this process so far, in seconds.
pub(crate) fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}
