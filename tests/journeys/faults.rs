//! The authority, then the key-management centre, killed at every write of an issue, as by a power cut: the real
//! processes, on SQLite, by strace. Every issue is of a pair.
//!
//! `strace --inject` ends the process with SIGKILL at its n-th write or sync; n goes up until an issue passes
//! unharmed. After each death the process starts again, and everything must add up: a whole pair, or nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ca_core::domain::KeyKind;
use ca_core::service::client::CertificateAuthority as _;
use ca_core::service::protocol::{CertificateView, Request, Response, Submission};
use journeys::house::Engine;
use journeys::office::Office;
use journeys::people::Person;
use journeys::programs::{Program, eventually};

/// What makes SQLite's data durable, one kind a sweep: a process may die before its data is handed over, or after
/// that and before it is synced.
const SWEEPS: [&str; 2] = ["pwrite64", "fsync,fdatasync"];

/// An issue makes some tens of writes; a sweep that has not come to an end by then goes round in circles.
const MOST_WRITES: u32 = 200;

/// Attaches strace with a fault in these system calls (`signal=…` or `error=…`, and `when=…`); returns when it is
/// attached. When the value goes, the process goes on unharmed.
pub(crate) async fn inject(process: u32, calls: &str, fault: &str, log: &Path) -> anyhow::Result<Program> {
    let strace = Program::start(
        "strace",
        Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-p", &process.to_string(), "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{fault}")]),
        log,
    )?;
    eventually("strace is attached", Duration::from_secs(10), async || {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
        tasks.is_ok_and(|tasks| {
            tasks.flatten().all(|task| {
                std::fs::read_to_string(task.path().join("status"))
                    .is_ok_and(|status| status.lines().any(|l| l == format!("TracerPid:\t{}", strace.pid())))
            })
        })
    })
    .await?;
    Ok(strace)
}

async fn order_of(office: &Office, submission: &Submission) -> anyhow::Result<Option<CertificateView>> {
    let order: ca_core::domain::Order = ca_core::domain::decode(&submission.order.0)?;
    match office.house.authority().call(Request::Order { order: order.id }).await? {
        Response::Certificate(view) => Ok(Some(view)),
        Response::None => Ok(None),
        other => anyhow::bail!("unexpected: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_write_of_an_issue_the_authority_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let mut ca = office.house.start_ca().await?;
    let mut deaths = 0;
    for calls in SWEEPS {
        let mut nth = 1;
        loop {
            anyhow::ensure!(nth < MOST_WRITES, "{calls}: an issue never passes");
            let unit = Person::new("单位", KeyKind::P256)?;
            let submission = office.application("unit-p256", &unit, KeyKind::P256)?;
            let mut strace =
                inject(ca.pid(), calls, &format!("signal=KILL:when={nth}"), &office.house.path("strace.log")).await?;
            let told = office.submit(submission.clone()).await;
            // Killed: what it traced goes on by itself.
            strace.kill();
            // The dead process is seen as such once its tracer is gone. A background write may have met the armed
            // call after the answer, too.
            let patience = Duration::from_millis(if told.is_ok() { 50 } else { 2_000 });
            let died = eventually("the authority died", patience, async || !ca.runs()).await;
            let alive = died.is_err();
            if !alive {
                deaths += 1;
                ca.kill();
                ca = office.house.start_ca().await?;
            }
            // What was told stands; what was intended was finished by the reconciler; asking again gives the same.
            let kept = order_of(&office, &submission).await?;
            let again = office.submit(submission.clone()).await?;
            assert!(again.encryption.is_some(), "{calls} {nth}: a pair");
            if let Ok(told) = &told {
                assert!(*told == again, "{calls} {nth}: told one pair, gave another");
            }
            if let Some(kept) = kept {
                assert!(kept == again, "{calls} {nth}: half a pair, or two for one order");
            }
            if told.is_ok() && alive {
                break;
            }
            nth += 1;
        }
        println!("{calls}: killed at {} places of an issue", nth - 1);
        assert!(nth > 2, "{calls}: an issue writes more than {} times", nth - 1);
    }
    assert!(deaths > 5, "the authority died {deaths} times only");
    everything_adds_up(&office, ca).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_write_of_its_part_the_centre_gives_one_key_and_the_authority_no_half_pair() -> anyhow::Result<()>
{
    let office = Office::found(Engine::Sqlite)?;
    let ca = office.house.start_ca().await?;
    let (mut deaths, mut orders) = (0, 0);
    for calls in SWEEPS {
        let mut nth = 1;
        loop {
            anyhow::ensure!(nth < MOST_WRITES, "{calls}: an issue never passes");
            let unit = Person::new("单位", KeyKind::P256)?;
            let submission = office.application("unit-p256", &unit, KeyKind::P256)?;
            let centre = office.house.kmc_pid().await.context("the centre runs")?;
            let fault = format!("signal=KILL:when={nth}");
            let mut strace = inject(centre, calls, &fault, &office.house.path("strace.log")).await?;
            let told = office.submit(submission.clone()).await;
            strace.kill();
            let patience = Duration::from_millis(if told.is_ok() { 50 } else { 2_000 });
            let died = eventually("the centre died", patience, async || office.house.kmc_pid().await.is_none()).await;
            let alive = died.is_err();
            let kept = order_of(&office, &submission).await?;
            assert!(kept.is_none() || told.is_ok(), "{calls} {nth}: refused, and kept all the same");
            if !alive {
                deaths += 1;
                office.house.kill_kmc().await;
                office.house.start_kmc().await?;
            }
            let again =
                office.submit(submission).await.with_context(|| format!("{calls} {nth}, the centre is back"))?;
            orders += 1;
            assert!(again.encryption.is_some(), "{calls} {nth}: a pair");
            if let Ok(told) = &told {
                assert!(*told == again, "{calls} {nth}: told one pair, gave another");
            }
            if told.is_ok() && alive {
                break;
            }
            nth += 1;
        }
        println!("{calls}: the centre was killed at {} places of an issue", nth - 1);
        assert!(nth > 2, "{calls}: the centre writes more than {} times", nth - 1);
    }
    assert!(deaths > 5, "the centre died {deaths} times only");
    office.house.kmc(&["audit", "verify"])?;
    let database = sqlx::SqlitePool::connect(&format!("sqlite:{}", office.house.path("kmc/kmc.db").display())).await?;
    let taken = "SELECT count(*), count(DISTINCT order_id) FROM escrow_key WHERE state = 'in_use'";
    let taken: (i64, i64) = sqlx::query_as(taken).fetch_one(&database).await?;
    assert_eq!(taken, (orders, orders), "one key for each order");
    database.close().await;
    everything_adds_up(&office, ca).await
}

/// Orders that are under way when a batch is killed.
const IN_A_BATCH: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn killed_amid_the_shared_commits_of_a_batch_no_order_is_lost_doubled_or_half_done() -> anyhow::Result<()> {
    let office = Arc::new(Office::found(Engine::Sqlite)?);
    let mut ca = office.house.start_ca().await?;
    let mut deaths = 0;
    for (calls, places) in [("pwrite64", &[2, 9, 30, 90][..]), ("fsync,fdatasync", &[1, 2, 3][..])] {
        for nth in places {
            let mut submissions = Vec::new();
            for _ in 0..IN_A_BATCH {
                submissions.push(office.application(
                    "unit-p256",
                    &Person::new("单位", KeyKind::P256)?,
                    KeyKind::P256,
                )?);
            }
            let mut strace =
                inject(ca.pid(), calls, &format!("signal=KILL:when={nth}"), &office.house.path("strace.log")).await?;
            let ask = |submission: &Submission| {
                let (office, submission) = (office.clone(), submission.clone());
                tokio::spawn(async move { office.submit(submission).await })
            };
            let asked: Vec<_> = submissions.iter().map(ask).collect();
            let mut told = Vec::new();
            for answer in asked {
                told.push(answer.await?);
            }
            strace.kill();
            let lost = told.iter().filter(|told| told.is_err()).count();
            if lost > 0 {
                deaths += 1;
                eventually("the authority died", Duration::from_secs(10), async || !ca.runs()).await?;
                ca.kill();
                ca = office.house.start_ca().await?;
            }
            println!("{calls} {nth}: {lost} of {IN_A_BATCH} orders were not told");
            for (told, submission) in told.into_iter().zip(submissions) {
                // The reconciler has run: what was intended is a certificate, and the order gives no other.
                let kept = order_of(&office, &submission).await?;
                let again = office.submit(submission).await?;
                for known in told.ok().into_iter().chain(kept) {
                    assert_eq!(known.certificate, again.certificate, "{calls} {nth}: two certificates for one order");
                    assert!(known.encryption == again.encryption, "{calls} {nth}: two pairs for one order");
                }
            }
        }
    }
    assert!(deaths >= 3, "the authority died {deaths} times only");
    everything_adds_up(&office, ca).await
}

/// Stops the authority and lets it be judged by its own offline checks, and by counting in its database.
pub(crate) async fn everything_adds_up(office: &Office, ca: Program) -> anyhow::Result<()> {
    everything_adds_up_in(office, ca, &[]).await
}

/// [`everything_adds_up`], where the offline checks have these variables in their environment.
pub(crate) async fn everything_adds_up_in(
    office: &Office,
    mut ca: Program,
    environment: &[(&str, PathBuf)],
) -> anyhow::Result<()> {
    ca.terminate()?;
    office.house.ca_in(environment, &["audit", "verify"])?;
    office.house.ca_in(environment, &["check"])?;
    let database = sqlx::SqlitePool::connect(&format!("sqlite:{}", office.house.path("ca/ca.db").display())).await?;
    let uneven = "SELECT count(*) FROM (SELECT 1 FROM certificate WHERE profile LIKE 'unit-%' \
        GROUP BY order_id HAVING count(*) <> 2)";
    let uneven: i64 = sqlx::query_scalar(uneven).fetch_one(&database).await?;
    assert_eq!(uneven, 0, "orders with half a pair, or more than one");
    let pending = "SELECT count(*) FROM certificate WHERE certificate IS NULL";
    let pending: i64 = sqlx::query_scalar(pending).fetch_one(&database).await?;
    assert_eq!(pending, 0, "serials without a certificate");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_in_full_work_the_authority_adds_up() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let mut ca = office.house.start_ca().await?;
    let end = Instant::now() + Duration::from_secs(12);
    let mut round: u64 = 0;
    while Instant::now() < end {
        round += 1;
        let mut submissions = Vec::new();
        for _ in 0..4 {
            let unit = Person::new("单位", KeyKind::P256)?;
            submissions.push(office.application("unit-p256", &unit, KeyKind::P256)?);
        }
        let (a, b, c, d, ()) = tokio::join!(
            office.submit(submissions[0].clone()),
            office.submit(submissions[1].clone()),
            office.submit(submissions[2].clone()),
            office.submit(submissions[3].clone()),
            async {
                tokio::time::sleep(Duration::from_millis(round * 7 % 60)).await;
                ca.kill();
            }
        );
        ca = office.house.start_ca().await?;
        for (told, submission) in [a, b, c, d].into_iter().zip(submissions) {
            let again = office.submit(submission).await?;
            if let Ok(told) = told {
                assert!(told == again, "told one pair, gave another");
            }
        }
    }
    assert!(round >= 3, "{round} rounds only");
    everything_adds_up(&office, ca).await
}
