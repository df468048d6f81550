//! Durable issue beside raw signing: how far the order of writes is from the signer's own speed.
//!
//! The real `ca serve` (release build, SQLite with synchronous=FULL, sealed P-256 key) gets prepared orders over
//! its socket from many clients at once; each answer counts only after its two transactions are on disk. Beside
//! it, in the same run, one thread signs bytes of a certificate's size with the same library and kind of key.

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
const CLIENTS: [usize; 3] = [1, 8, 32];
/// Bytes of a to-be-signed unit certificate, about.
const TBS_BYTES: usize = 700;

/// Measures and prints.
///
/// # Errors
/// When a program does not start or an order is refused.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let office = Arc::new(Office::found(Engine::Sqlite)?);
    let ca = office.house.start_ca().await?;
    println!("durable issue, SQLite, P-256 ({ORDERS} orders a round)");
    for clients in CLIENTS {
        let submissions = prepare(&office)?;
        let before = ca.cpu_ticks()?;
        let rate = issue_all(&office, submissions, clients).await?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand ticks")]
        let cpu_ms = (ca.cpu_ticks()? - before) as f64 * 10.0 / ORDERS as f64;
        let raw = raw_signing()?;
        println!(
            "{clients:>3} clients: {rate:>7.0} /s, {cpu_ms:.2} ms CPU each; raw signing, one thread: {raw:.0} /s; \
             ratio {:.3}",
            rate / raw
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

/// Signatures of one thread in a second.
fn raw_signing() -> anyhow::Result<f64> {
    let signer = Person::new("raw", KeyKind::P256)?;
    let bytes = vec![0x30; TBS_BYTES];
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < Duration::from_secs(1) {
        for _ in 0..100 {
            signer.raw(&bytes)?;
        }
        count += 100;
    }
    Ok(per_second(count, start.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
fn per_second(count: usize, span: Duration) -> f64 {
    count as f64 / span.as_secs_f64()
}
