//! Each process of the desk, interrupted and finished by another clerk: the browser is closed and opened again, the
//! authority stops, the token is pulled. Whatever it was, the certificate exists once, the responder says the truth about
//! it, and the history tells who did what. Two halls, for several processes follow each other in one; file tokens, which
//! lock and can be pulled and plugged in again.

mod counter;
mod papers;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::hall::{Hall, journey};
use sqlx::Connection as _;

/// 陈洁, who does what 李敏 does, and finishes what 李敏 began.
const OTHER: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enrolment_change_renewal_and_revocation_are_finished_by_another_clerk() -> anyhow::Result<()> {
    journey(Duration::from_secs(900), async {
        let mut hall = Hall::open(Carrier::Files, KeyKind::P256, &Ceremony::shipped()?).await?;
        hall.renewable_at_once().await?;
        let first = papers::enrolment(&mut hall).await?;
        let second = papers::change(&mut hall, &first).await?;
        let third = papers::renewal(&mut hall, &second).await?;
        papers::revocation(&mut hall, &third).await?;
        accounted_for(&hall, 3).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_unlock_loss_and_exchange_are_finished_by_another_clerk() -> anyhow::Result<()> {
    journey(Duration::from_secs(900), async {
        let mut hall = Hall::open(Carrier::Files, KeyKind::P256, &Ceremony::shipped()?).await?;
        counter::stock(&mut hall).await?;
        let first = counter::plain(&hall).await?;
        counter::unlock(&hall, &first).await?;
        let second = counter::loss(&mut hall, &first).await?;
        counter::exchange(&hall, &second).await?;
        accounted_for(&hall, 3).await
    })
    .await
}

/// The audit is whole, every serial number is accounted for, and the authority issued so many pairs to units and no more.
async fn accounted_for(hall: &Hall, pairs: i64) -> anyhow::Result<()> {
    hall.house.ca(&["audit", "verify"])?;
    hall.house.ca(&["check"])?;
    let mut ledger =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}", hall.house.path("ca/ca.db").display())).await?;
    let count = "SELECT COUNT(*), COUNT(delivered) FROM certificate WHERE profile = 'unit-sign'";
    let (issued, delivered): (i64, i64) = sqlx::query_as(count).fetch_one(&mut ledger).await?;
    ensure!((issued, delivered) == (pairs, pairs), "{pairs} were wanted: {issued} issued, {delivered} delivered");
    Ok(())
}

/// The number of the case whose page is open.
async fn number(hall: &Hall) -> anyhow::Result<String> {
    let address = hall.browser.address().await;
    let number = address.split("/applications/").nth(1).and_then(|rest| rest.split(['/', '?']).next());
    number.map(str::to_owned).with_context(|| format!("a case's number in {address}"))
}
