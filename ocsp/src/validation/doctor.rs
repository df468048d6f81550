//! `ocsp-responder doctor --validation FILE`: whether everything that the verification service needs is there, without
//! starting it. A certificate of its own that ends within 30 days is wrong already: it belongs to no unit, so that no list of
//! the office shows it.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use ca_core::chain::{Anchors, ChainValid, Purpose};
use ca_core::clock::Clock;
use ca_core::domain::Timestamp;
use rand_chacha::ChaCha20Rng;

use super::callers::Callers;
use super::config::{Config, KeyConfig};
use super::own::notice;
use crate::client::Client;
use crate::doctor::Verdict;

/// Looks at all of it.
pub async fn look(config: &Config, clock: Arc<dyn Clock>, rng: ChaCha20Rng) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::new();
    let mut say = |what: &str, outcome: anyhow::Result<String>| {
        verdicts.push((what.to_owned(), outcome.map_err(|error| format!("{error:#}"))));
    };
    let callers = Callers::load(&config.callers_file).map_err(anyhow::Error::from);
    say("callers", callers.map(|callers| format!("{} may ask", callers.names().count())));
    let anchors = match config.trust.anchors() {
        Ok(anchors) => anchors,
        Err(error) => {
            say("trust", Err(error));
            return verdicts;
        }
    };
    say("trust", Ok(format!("{} CAs", config.trust.issuers.len())));
    let now = clock.now();
    let mut own = vec![("evidence", Purpose::Records, config.evidence.clone())];
    if let Some(stamps) = &config.stamps {
        own.push(("stamps", Purpose::TimeStamping, stamps.key()));
    }
    let client = Client::new(config.client(), clock, rng).map_err(anyhow::Error::from);
    let mut chains = Vec::new();
    for (name, purpose, key) in own {
        let opened = open(key, purpose, &anchors, now).await;
        if let Ok(chain) = &opened {
            chains.push((name, chain.clone()));
        }
        say(&format!("key and certificate of {name}"), opened.and_then(|chain| until(&chain, now)));
    }
    match client {
        Err(error) => say("responder", Err(error)),
        Ok(client) => {
            for (name, chain) in chains {
                let asked = client.check(&chain).await.map_err(anyhow::Error::from);
                let told = asked.map(|proof| format!("good, known {} s ago", now.since(proof.as_of()).max(0)));
                say(&format!("what the responder says of {name}"), told);
            }
        }
    }
    verdicts
}

/// Opening a key is slow by design.
async fn open(key: KeyConfig, purpose: Purpose, anchors: &Anchors, now: Timestamp) -> anyhow::Result<ChainValid> {
    let anchors = anchors.clone();
    let opened = tokio::task::spawn_blocking(move || key.open(purpose, &anchors, now));
    let (_, chain) = opened.await.context("the opening was cut off")??;
    Ok(chain)
}

fn until(chain: &ChainValid, now: Timestamp) -> anyhow::Result<String> {
    let until = chain.validity().not_after;
    if let Some(notice) = notice(until, now) {
        bail!("its certificate {notice}");
    }
    Ok(format!("signs; certified for {} days more", until.since(now) / 86_400))
}
