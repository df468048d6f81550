//! What the authority leans on, taken away from the running process: the database locked or gone, the disk full, the
//! key-management centre killed, the clock set back. The caller gets a clear answer meanwhile; the service comes back
//! by itself, without a restart; and afterwards everything adds up: no certificate without a record, no record without
//! a fate, no half pair.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use ca_core::domain::{Act, KeyKind, Order, RevocationReason, Timestamp};
use ca_core::service::client::CertificateAuthority as _;
use ca_core::service::protocol::{CertificateView, RefusalCode, Request, Response, Submission};
use ca_core::sql::{Database, authority_migrations, testing};
use journeys::house::Engine;
use journeys::judges;
use journeys::office::{OFFICE, Office, UNIT, UNIT_USCC};
use journeys::people::{self, Person};
use journeys::programs::{Program, eventually};
use sqlx::{Connection as _, Executor as _};

use crate::faults::{everything_adds_up, everything_adds_up_in, inject};

/// What a caller who hands in an order is told.
enum Told {
    Certificate(Box<CertificateView>),
    Refused(RefusalCode),
}

async fn hand_in(office: &Office, submission: &Submission) -> anyhow::Result<Told> {
    match office.house.authority().call(Request::Submit(submission.clone())).await {
        Ok(Response::Certificate(view)) => Ok(Told::Certificate(Box::new(view))),
        Ok(other) => bail!("unexpected: {other:?}"),
        Err(error) => match error.code() {
            Some(code) => Ok(Told::Refused(code)),
            None => Err(error.into()),
        },
    }
}

async fn must_be_refused(office: &Office, submission: &Submission, code: RefusalCode) -> anyhow::Result<()> {
    match hand_in(office, submission).await? {
        Told::Refused(told) => anyhow::ensure!(told == code, "{code:?} was expected: {told:?}"),
        Told::Certificate(view) => bail!("certificate {} from an authority that cannot keep it", view.serial),
    }
    Ok(())
}

/// An order to issue to a new unit, ready to hand in.
fn new_order(office: &Office) -> anyhow::Result<Submission> {
    office.application("unit-p256", &Person::new("单位", KeyKind::P256)?, KeyKind::P256)
}

/// What `/readyz` of the authority says.
async fn is_ready(office: &Office) -> bool {
    let url = format!("http://127.0.0.1:{}/readyz", office.house.ports.ca_operations());
    reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_locked_nothing_is_issued_and_afterwards_all_goes_on() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let ca = office.house.start_ca().await?;
    let before = office.submit(new_order(&office)?).await?;
    let refused = new_order(&office)?;

    let file = format!("sqlite:{}", office.house.path("ca/ca.db").display());
    let mut other = sqlx::SqliteConnection::connect(&file).await?;
    other.execute("BEGIN IMMEDIATE").await?;
    must_be_refused(&office, &refused, RefusalCode::Unavailable).await?;
    // What needs no writing is answered.
    let ask = Request::Certificate { issuer: before.issuer.clone(), serial: before.serial.clone() };
    let Response::Certificate(view) = office.house.authority().call(ask).await? else { bail!("no certificate") };
    assert_eq!(view, before);
    other.execute("ROLLBACK").await?;
    other.close().await?;

    office.submit(refused).await.context("the same order, after the lock")?;
    everything_adds_up(&office, ca).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_away_nothing_is_issued_and_afterwards_all_goes_on() -> anyhow::Result<()> {
    let fresh = testing::postgres(&authority_migrations()).await;
    let office = Office::found(Engine::Postgres(fresh.url.clone()))?;
    let mut ca = office.house.start_ca().await?;
    office.submit(new_order(&office)?).await?;

    // The server shuts its door on this database, and hangs up on whoever is inside.
    let Database::Postgres(own) = &fresh.database else { bail!("not PostgreSQL") };
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(own).await?;
    own.close().await;
    let mut server = sqlx::PgConnection::connect(&fresh.url.replace(&format!("/{name}?"), "/postgres?")).await?;
    let mut door = Door { server: &mut server, name: &name };
    for pause in [0, 2, 5, 9, 14, 20] {
        let submission = new_order(&office)?;
        let (told, shut) = tokio::join!(hand_in(&office, &submission), async {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            door.shut().await
        });
        shut?;
        let told = told?;
        if let Told::Refused(code) = told {
            assert_eq!(code, RefusalCode::Unavailable, "after {pause} ms");
        }
        must_be_refused(&office, &new_order(&office)?, RefusalCode::Unavailable).await?;
        eventually("the authority says that it is not ready", Duration::from_secs(5), async || {
            !is_ready(&office).await
        })
        .await?;
        door.open().await?;
        // The same order gives what was told, or what was intended, or is carried out now.
        let mut again = None;
        eventually("the authority issues again", Duration::from_secs(15), async || {
            again = office.submit(submission.clone()).await.ok();
            again.is_some()
        })
        .await?;
        let again = again.context("a certificate")?;
        eventually("and says that it is ready", Duration::from_secs(5), async || is_ready(&office).await).await?;
        if let Told::Certificate(view) = told {
            assert_eq!(view.certificate, again.certificate, "told one certificate, gave another");
        }
    }
    assert!(ca.runs(), "without a restart");
    ca.terminate()?;
    office.house.ca(&["audit", "verify"])?;
    office.house.ca(&["check"])?;
    Ok(())
}

/// One database of a PostgreSQL server, from outside.
struct Door<'a> {
    server: &'a mut sqlx::PgConnection,
    name: &'a str,
}

impl Door<'_> {
    async fn shut(&mut self) -> anyhow::Result<()> {
        self.may_connect(false).await?;
        let hang_up = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        sqlx::query(hang_up).bind(self.name).execute(&mut *self.server).await?;
        Ok(())
    }

    async fn open(&mut self) -> anyhow::Result<()> {
        self.may_connect(true).await
    }

    async fn may_connect(&mut self, may: bool) -> anyhow::Result<()> {
        let statement = "UPDATE pg_database SET datallowconn = $1 WHERE datname = $2";
        sqlx::query(statement).bind(may).bind(self.name).execute(&mut *self.server).await?;
        Ok(())
    }
}

/// How a disk lets SQLite down: no room for data, or data that cannot be made to last.
const DISKS: [(&str, &str); 2] = [("pwrite64", "ENOSPC"), ("fsync,fdatasync", "EIO")];

/// An issue makes some tens of writes.
const MOST_WRITES: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn full_at_any_write_of_an_issue_the_disk_makes_the_authority_lose_and_double_nothing() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let mut ca = office.house.start_ca().await?;
    for (calls, error) in DISKS {
        let (mut nth, mut refusals) = (1, 0);
        loop {
            anyhow::ensure!(nth < MOST_WRITES, "{calls}: an issue never passes");
            let submission = new_order(&office)?;
            let fault = format!("error={error}:when={nth}+");
            let mut strace = inject(ca.pid(), calls, &fault, &office.house.path("strace.log")).await?;
            let told = hand_in(&office, &submission).await?;
            strace.kill();
            // There is room again: the same order gives what was told, or is carried out now.
            let again = office.submit(submission).await.with_context(|| format!("{calls} {nth}, room again"))?;
            match told {
                Told::Certificate(view) => {
                    assert_eq!(view.certificate, again.certificate, "{calls} {nth}: told one, gave another");
                    break;
                }
                Told::Refused(code) => assert_eq!(code, RefusalCode::Unavailable, "{calls} {nth}"),
            }
            refusals += 1;
            nth += 1;
        }
        println!("{calls}: {error} at {refusals} places of an issue");
        assert!(refusals > 1, "{calls}: an issue writes more than {refusals} times");
    }
    assert!(ca.runs(), "without a restart");
    everything_adds_up(&office, ca).await
}

/// SQLSTATE disk_full.
const DISK_FULL: &str = "53100";

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_has_a_full_disk_nothing_is_half_issued_and_afterwards_all_goes_on() -> anyhow::Result<()> {
    let fresh = testing::postgres_on_a_small_disk(&authority_migrations()).await;
    let office = Office::found(Engine::Postgres(fresh.url.clone()))?;
    let mut ca = office.house.start_ca().await?;
    let before = office.submit(new_order(&office)?).await?;

    let mut other = sqlx::PgConnection::connect(&fresh.url).await?;
    other.execute("CREATE TABLE filler (stuff TEXT)").await?;
    other.execute("ALTER TABLE filler ALTER COLUMN stuff SET STORAGE EXTERNAL").await?;
    // Until not even a page is left.
    let fill = "INSERT INTO filler SELECT repeat('x', $1) FROM generate_series(1, 20)";
    for size in [400_000_i32, 40_000, 1_000] {
        let full = loop {
            match sqlx::query(fill).bind(size).execute(&mut other).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        let code = full.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some(DISK_FULL), "{full}");
    }
    // The tables have room in pages that they have already: some orders may pass.
    let mut told = Vec::new();
    loop {
        anyhow::ensure!(told.len() < 200, "the disk is full, and each order passes");
        let submission = new_order(&office)?;
        match hand_in(&office, &submission).await? {
            Told::Certificate(view) => told.push((submission, Some(view))),
            Told::Refused(code) => {
                assert_eq!(code, RefusalCode::Unavailable);
                told.push((submission, None));
                break;
            }
        }
    }
    println!("refused after {} orders that still passed", told.len() - 1);
    let ask = Request::Certificate { issuer: before.issuer.clone(), serial: before.serial.clone() };
    let Response::Certificate(view) = office.house.authority().call(ask).await? else { bail!("no certificate") };
    assert_eq!(view, before, "what needs no writing is answered");

    other.execute("DROP TABLE filler").await?;
    other.close().await?;
    for (submission, view) in told {
        let again = office.submit(submission).await.context("the same order, with room again")?;
        if let Some(view) = view {
            assert_eq!(view.certificate, again.certificate, "told one certificate, gave another");
        }
    }
    assert!(ca.runs(), "without a restart");
    ca.terminate()?;
    office.house.ca(&["audit", "verify"])?;
    office.house.ca(&["check"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_key_management_centre_is_away_there_is_no_half_a_pair() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let mut ca = office.house.start_ca().await?;
    for pause in [0, 2, 5, 9, 14, 20, 35] {
        let submission = new_order(&office)?;
        let (told, ()) = tokio::join!(hand_in(&office, &submission), async {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            office.house.kill_kmc().await;
        });
        let told = told?;
        if let Told::Refused(code) = told {
            assert_eq!(code, RefusalCode::KmcUnavailable, "after {pause} ms");
        }
        must_be_refused(&office, &new_order(&office)?, RefusalCode::KmcUnavailable).await?;
        office.house.start_kmc().await?;
        let again = office.submit(submission).await.with_context(|| format!("{pause} ms, the centre is back"))?;
        let pair = again.encryption.as_ref().context("a pair")?;
        if let Told::Certificate(view) = told {
            assert_eq!(view.certificate, again.certificate, "told one certificate, gave another");
            let told = view.encryption.as_ref().context("a pair")?;
            assert_eq!(told.certificate, pair.certificate, "told one encryption certificate, gave another");
        }
    }
    assert!(ca.runs(), "without a restart");
    everything_adds_up(&office, ca).await
}

/// libfaketime, by which a process sees another time: Debian's package libfaketime.
fn libfaketime() -> anyhow::Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|file| file.exists());
    found.context("libfaketime is not installed: run scripts/setup test")
}

/// The clock of one process, moved from outside.
struct FalseClock {
    file: PathBuf,
    days: i64,
}

impl FalseClock {
    fn environment(&self) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        Ok(vec![
            ("LD_PRELOAD", libfaketime()?),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            // Time-outs go on as they are.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ])
    }

    /// Sets the clock to so many days from now.
    fn set(&mut self, days: i64) -> anyhow::Result<()> {
        self.days = days;
        Ok(std::fs::write(&self.file, format!("{days:+}d\n"))?)
    }

    fn now(&self) -> Timestamp {
        people::now().plus(self.days * 86_400)
    }

    /// An order that somebody with this clock gives.
    fn order(&self, act: Act) -> anyhow::Result<Order> {
        Ok(Order { created: self.now(), ..people::order(OFFICE, act)? })
    }
}

/// Issues to a new unit by the false clock's time.
async fn issue_by(clock: &FalseClock, office: &Office) -> anyhow::Result<CertificateView> {
    let unit = Person::new("单位", KeyKind::P256)?;
    let order = clock.order(people::issue("unit-p256", UNIT, UNIT_USCC, KeyKind::P256)?)?;
    office.submit(people::issue_submission(&order, [&office.entry, &office.reviewer], &office.entry, &unit)?).await
}

/// Revokes, and waits for the list that says so; gives its number.
async fn revoke_by(clock: &FalseClock, office: &Office, view: &CertificateView) -> anyhow::Result<u64> {
    let (issuer, serial) = (view.issuer.clone(), view.serial.clone());
    let act = Act::Revoke { issuer, serial, reason: RevocationReason::Superseded, invalid_since: None };
    let order = clock.order(act)?;
    office.submit(people::submission(&order, &[&office.entry, &office.reviewer])?).await?;
    let mut number = None;
    eventually("the revocation is on a list", Duration::from_secs(60), async || {
        number = listed(&office.house.ca_certificate("unit-p256"), &office.house.crl("unit-p256"), view).ok().flatten();
        number.is_some()
    })
    .await?;
    number.context("a list")
}

/// The number of the list, if the certificate is on it.
fn listed(issuer: &Path, list: &Path, view: &CertificateView) -> anyhow::Result<Option<u64>> {
    let facts = judges::cryptography(&[format!("crl={},{}", issuer.display(), list.display())])?;
    let on_it = facts[0]["entries"].get(view.serial.to_string()).is_some();
    Ok(on_it.then(|| facts[0]["number"].as_u64()).flatten())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_repeats_no_number_and_loses_no_record() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let mut clock = FalseClock { file: office.house.path("clock"), days: 0 };
    clock.set(3)?;
    let ca: Program = office.house.start_ca_in(&clock.environment()?).await?;
    let first = issue_by(&clock, &office).await?;
    let early = revoke_by(&clock, &office, &first).await?;

    clock.set(1)?;
    // Whose clock is right is told that the order is not of today; the authority does not guess.
    let right = FalseClock { file: clock.file.clone(), days: 3 };
    let order = right.order(people::issue("unit-p256", UNIT, UNIT_USCC, KeyKind::P256)?)?;
    let unit = Person::new("单位", KeyKind::P256)?;
    let submission = people::issue_submission(&order, [&office.entry, &office.reviewer], &office.entry, &unit)?;
    must_be_refused(&office, &submission, RefusalCode::OrderNotCurrent).await?;
    let second = issue_by(&clock, &office).await?;
    let later = revoke_by(&clock, &office, &second).await?;
    assert!(later > early, "list {later} after list {early}");

    clock.set(3)?;
    let third = issue_by(&clock, &office).await?;
    let last = revoke_by(&clock, &office, &third).await?;
    assert!(last > later, "list {last} after list {later}");
    // All three revocations are on the last list, those of the false days too.
    for view in [&first, &second, &third] {
        let number = listed(&office.house.ca_certificate("unit-p256"), &office.house.crl("unit-p256"), view)?;
        assert_eq!(number, Some(last), "{}", view.serial);
    }
    everything_adds_up_in(&office, ca, &clock.environment()?).await
}
