//! Whole orders through the socket.
//!
//! The real `ca serve` (release build, SQLite with synchronous=FULL, sealed P-256 key) gets prepared orders over
//! its socket from many clients at once; each answer counts only after its two transactions are on disk. The clients
//! run on the same cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ca_core::domain::KeyKind;
use ca_core::service::protocol::Submission;
use journeys::house::Engine;
use journeys::office::Office;
use journeys::people::Person;

/// Orders for each round.
const ORDERS: usize = 1_000;
/// Clients that ask at the same time.
const CLIENTS: [usize; 3] = [1, 8, 48];

/// Measures and prints.
///
/// # Errors
/// When a program does not start or an order is refused.
pub(super) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let office = Arc::new(Office::found(Engine::Sqlite)?);
    let ca = office.house.start_ca().await?;
    println!("whole orders through the socket, P-256 ({ORDERS} orders a round)");
    for clients in CLIENTS {
        let submissions = prepare(&office)?;
        let before = ca.cpu_ticks()?;
        let rate = issue_all(&office, submissions, clients).await?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand ticks")]
        let cpu_us = (ca.cpu_ticks()? - before) as f64 * 10_000.0 / ORDERS as f64;
        let raw = crate::raw::raw_signing(KeyKind::P256)?;
        println!(
            "{clients:>3} clients: {rate:>7.0} /s, {cpu_us:.0} us CPU each; raw P-256 {:.0} /s; ratio {:.3} (by CPU time {:.3})",
            raw.rate,
            rate / raw.rate,
            raw.cpu * 1e6 / cpu_us
        );
    }
    Ok(())
}

/// Orders that nobody gave yet, signed by all who must.
fn prepare(office: &Office) -> anyhow::Result<Vec<Submission>> {
    let one = |_| {
        let unit = Person::new("单位", KeyKind::P256)?;
        office.application("unit-p256", &unit, KeyKind::P256)
    };
    (0..ORDERS).map(one).collect()
}

/// Orders carried out in a second.
async fn issue_all(office: &Arc<Office>, submissions: Vec<Submission>, clients: usize) -> anyhow::Result<f64> {
    let count = submissions.len();
    let submissions = Arc::new(submissions);
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (office, submissions, next) = (office.clone(), submissions.clone(), next.clone());
        tasks.push(tokio::spawn(async move {
            while let Some(submission) = submissions.get(next.fetch_add(1, Ordering::Relaxed)) {
                office.submit(submission.clone()).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(per_second(count, start.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
fn per_second(count: usize, span: Duration) -> f64 {
    count as f64 / span.as_secs_f64()
}
