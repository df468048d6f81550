//! Durable issue beside raw signing: how far the order of writes is from the signer's own speed.
//!
//! Two things are measured, each beside raw signing of as many bytes by the same library, on the same cores, in the
//! same run; rounds alternate and the median counts, so that a busy machine slows both alike.
//!
//! - The issuing step: from an order whose signatures were read (and verified) to the answer: looking up the officers,
//!   encoding, lint, the durable intent with order, signatures and audit, signing, verifying, the durable
//!   certificate with status, feed and audit. SQLite with synchronous=FULL.
//! - The whole order: the same with what comes before, the verification of two officers' and an operator's CMS
//!   messages and of the request.

mod ground;
mod ledger;

use ca_core::keys::KeyKind;

use self::ground::{Ground, Work};
pub(crate) use self::ledger::run as ledger;
use crate::raw::raw_signing;

/// Orders for each measurement.
const ORDERS: usize = 2_000;
/// Orders that are under way at the same time.
pub(crate) const AT_ONCE: usize = 256;
const ROUNDS: usize = 5;

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
    Ok(())
}
