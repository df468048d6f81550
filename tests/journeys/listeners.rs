//! Every listener among rude clients: no busy loop, no starvation, no connection that stays for ever.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use journeys::agent::{Agent, Site};
use journeys::house::{Engine, loopback};
use journeys::office::Office;
use journeys::programs::Program;
use journeys::rude;

/// Percent of a core that an idle process with half-sent requests may use.
const IDLE_LOAD: u64 = 10;

async fn stands_rude_clients(name: &str, program: &Program, address: SocketAddr) -> anyhow::Result<()> {
    rude::connect_and_leave(address, 300).await?;
    let held = rude::stop_halfway(address, 10).await?;
    let slow: Vec<_> = (0..10).map(|_| tokio::spawn(rude::drip(address, Duration::from_millis(200)))).collect();
    rude::is_answered(address).await?;
    let load = rude::load(program, Duration::from_secs(2)).await?;
    assert!(load < IDLE_LOAD, "{name} uses {load} % of a core while nobody asks it anything");
    rude::is_answered(address).await?;
    // Longer than the longest header or body time-out that we set.
    rude::all_hung_up(held, Duration::from_secs(45)).await.with_context(|| name.to_owned())?;
    for client in slow {
        client.abort();
    }
    let load = rude::load(program, Duration::from_secs(1)).await?;
    assert!(load < IDLE_LOAD, "{name} uses {load} % of a core after the rude clients left");
    rude::is_answered(address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_stands_rude_clients() -> anyhow::Result<()> {
    let office = Office::found(Engine::Sqlite)?;
    let house = &office.house;
    let [ca, responder] = office.open().await?;
    let sites = house.start_office().await?;
    let portal = house.start_portal().await?;
    let folder = house.path("agent");
    std::fs::create_dir(&folder)?;
    let staff = format!("http://127.0.0.1:{}", house.ports.staff);
    let allowed = Site { origin: &staff, name: "工作台", may: &["login"] };
    let mut agent = Agent::start(&folder, house.ports.agent, &[allowed]).await?;
    let agent = agent.program();

    let ports = house.ports;
    let (a, b, c, d, e, f) = tokio::join!(
        stands_rude_clients("the responder", &responder, loopback(ports.validation)),
        stands_rude_clients("the public site", &sites, loopback(ports.public)),
        stands_rude_clients("the staff console", &sites, loopback(ports.staff)),
        stands_rude_clients("the portal", &portal, loopback(ports.portal)),
        stands_rude_clients("the agent", agent, loopback(ports.agent)),
        stands_rude_clients("the authority's operations", &ca, loopback(ports.ca_operations())),
    );
    let failed: Vec<String> =
        [a, b, c, d, e, f].into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
