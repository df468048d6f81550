//! Renewals online, from the form to paid: the real `ra-web serve` (release build, SQLite with synchronous=FULL) with its worker
//! beside it, what stands in for Stripe with its signed messages, and units that sign with keys of their own over HTTP.
//!
//! First as many at a time as the office takes, beside the rate at which one row after another is made durable in a database of
//! the same kind in the same run; then fifty begin each second, and what is begun and not yet paid must not grow. Clients,
//! provider, authority and office run on the same cores.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use ca_core::sql::Database;
use journeys::renewing::{Counter, Member, Step};
use tokio::sync::Semaphore;

/// Units that renew as fast as they can.
const FAST: usize = 200;
/// Of those so many at a time.
const AT_ONCE: usize = 16;
/// Renewals that begin in a second.
const WANTED: usize = 50;
/// Seconds for which they do.
const SECONDS: usize = 10;
/// A renewal is paid within this, or the office is too slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures and prints.
pub(super) fn run() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let counter =
        Arc::new(Counter::found(|text| text.replace("[enrolment]\n", "[enrolment]\nrenewal_early_days = 7300\n"))?);
    let house = &counter.house;
    let _others = [house.start_ca().await?, house.start_responder().await?, house.start_stripe().await?];
    let office = house.start_office().await?;
    let mut members: VecDeque<Member> = enrolled(&counter, FAST + WANTED * SECONDS).await?.into();
    println!("renewals from the form to paid ({} units)", members.len());

    let raw = commits(&house.path("raw.db")).await?;
    let (before, start) = (office.cpu_ticks()?, Instant::now());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut paying = Vec::new();
    for mut member in members.drain(..FAST) {
        let turns = turns.clone();
        paying.push(tokio::spawn(async move {
            let _turn = turns.acquire().await?;
            until_paid(&mut member).await
        }));
    }
    for one in paying {
        one.await??;
    }
    let rate = per_second(FAST, start.elapsed());
    #[expect(clippy::cast_precision_loss, reason = "some thousands of ticks")]
    let cpu = (office.cpu_ticks()? - before) as f64 * 10.0 / FAST as f64;
    println!(
        "{AT_ONCE:>3} at a time: {rate:.1} /s, {cpu:.1} ms CPU of the office each; one durable row after another {raw:.0} /s; \
         ratio {:.4}",
        rate / raw
    );

    let (begun, paid) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut paying = Vec::new();
    let mut waiting = Vec::new();
    let start = Instant::now();
    for (n, mut member) in members.into_iter().enumerate() {
        let due = Duration::from_secs_f64(n as f64 / WANTED as f64);
        tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
        if n.is_multiple_of(WANTED) {
            waiting.push(begun.load(Ordering::Relaxed) - paid.load(Ordering::Relaxed));
        }
        begun.fetch_add(1, Ordering::Relaxed);
        let paid = paid.clone();
        paying.push(tokio::spawn(async move {
            until_paid(&mut member).await?;
            paid.fetch_add(1, Ordering::Relaxed);
            anyhow::Ok(())
        }));
    }
    waiting.push(begun.load(Ordering::Relaxed) - paid.load(Ordering::Relaxed));
    for one in paying {
        one.await??;
    }
    let rate = per_second(WANTED * SECONDS, start.elapsed());
    println!(
        "{WANTED} begin each second for {SECONDS} s: {rate:.1} paid /s, ratio {:.4}; begun and not paid at each second: {waiting:?}",
        rate / raw
    );
    let half = |part: &[usize]| part.iter().sum::<usize>() / part.len();
    let (first, second) = waiting[1..].split_at(waiting.len() / 2);
    ensure!(half(second) <= 2 * half(first) + WANTED / 2, "what waits grows: {waiting:?}");
    Ok(())
}

/// Units with certificates, signed in, whose renewal is to be begun.
async fn enrolled(counter: &Arc<Counter>, count: usize) -> anyhow::Result<Vec<Member>> {
    let mut members = Vec::with_capacity(count);
    for n in 0..count {
        members.push(counter.enrol(n, false).await.with_context(|| format!("unit {n}"))?);
    }
    // Only now: a session that waits for the last unit's certificate could end.
    for (n, member) in members.iter_mut().enumerate() {
        ensure!(member.stands().await?.0 == Step::Form, "unit {n} can renew");
    }
    Ok(members)
}

/// Form, signature, payment; the provider's message makes it paid, and the unit looks until it is.
async fn until_paid(member: &mut Member) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    member.fill_in("").await?;
    let (_, page) = member.stands().await?;
    member.sign(&page).await?;
    let there = member.page_to_pay().await?.context("a page to pay")?;
    member.pay_there(&there).await?;
    while member.stands().await?.0 == Step::Pay {
        ensure!(Instant::now() < end, "not paid within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Rows made durable one after another in a second, by a database as the office has it.
async fn commits(file: &std::path::Path) -> anyhow::Result<f64> {
    let database = Database::open(&format!("sqlite:{}", file.display()), true).await?;
    let Database::Sqlite { writer, .. } = &database else { anyhow::bail!("not SQLite") };
    sqlx::query("CREATE TABLE raw (n BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL)").execute(writer).await?;
    let (start, mut count) = (Instant::now(), 0_i64);
    while start.elapsed() < Duration::from_secs(2) {
        sqlx::query("INSERT INTO raw (n, text) VALUES ($1, $2)")
            .bind(count)
            .bind("x".repeat(200))
            .execute(writer)
            .await?;
        count += 1;
    }
    Ok(per_second(usize::try_from(count)?, start.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
fn per_second(count: usize, span: Duration) -> f64 {
    count as f64 / span.as_secs_f64()
}
