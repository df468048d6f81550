//! `ca crl`: lists made by hand, and the retirement of an issuer.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ca_core::app;
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::config::Config;
use ca_core::domain::IssuerId;
use ca_core::issuance::Issuing;
use ca_core::revocation::publish::Mirrors;
use ca_core::revocation::{self, Due, NO_OTHER, Publisher};
use ca_core::signer::Passphrase;
use ca_core::store::{CrlRecord, Store as _, StoreError};
use ca_core::unit_of_work;
use clap::Subcommand;

use super::issuer_id;

#[derive(Subcommand)]
pub(crate) enum CrlCommand {
    /// 停用签发者 An issuer issues no more. Its lists go on until nothing on them can change; then comes the last.
    Retire {
        /// 签发者 Which.
        #[arg(value_parser = issuer_id)]
        issuer: IssuerId,
    },
}

/// Makes and publishes lists now: of this issuer, or of all issuing CAs.
pub(crate) async fn crl(
    config: &Config,
    issuer: Option<IssuerId>,
    root_passphrase: Option<PathBuf>,
    days: u16,
) -> anyhow::Result<ExitCode> {
    let store = app::open_store(config).await?;
    let mut records = store.begin_read().await?.issuers().await?;
    if let Some(issuer) = &issuer {
        records.retain(|record| record.id == *issuer);
        if records.is_empty() {
            bail!("there is no issuer {issuer}");
        }
    }
    let clock = Arc::new(SystemClock);
    let publisher = Publisher::new(Arc::new(store), clock.clone(), config);
    for record in records.iter().filter(|record| !record.root || issuer.is_some()) {
        let made = if record.root {
            let path = root_passphrase.as_ref().context("the root's list needs --passphrase-file")?;
            let key = config.keys.open(&record.key, &Passphrase::from_file(path)?, &record.sm2_id)?;
            let until = clock.now().plus(i64::from(days) * 86_400);
            publisher.publish_until(&Issuing::new(record, key)?, Due::Time, until).await?
        } else {
            let passphrase = Passphrase::from_file(&config.keys.passphrase_file)?;
            let key = config.keys.open(&record.key, &passphrase, &record.sm2_id)?;
            publisher.publish(&Issuing::new(record, key)?, Due::Time).await?
        };
        say_list(&made);
    }
    mirror(config).await
}

/// Retires an issuer and makes its lists: the last ones, if nothing on them can change any more.
pub(crate) async fn retire(config: &Config, issuer: &IssuerId) -> anyhow::Result<ExitCode> {
    let store = app::open_store(config).await?;
    let records = store.begin_read().await?.issuers().await?;
    let record = records.iter().find(|record| record.id == *issuer && !record.root);
    let record = record.with_context(|| format!("there is no issuing CA {issuer}"))?;
    let clock = Arc::new(SystemClock);
    let passphrase = Passphrase::from_file(&config.keys.passphrase_file)?;
    let key = config.keys.open(&record.key, &passphrase, &record.sm2_id)?;
    let issuing = Issuing::new(record, key)?;
    let now = clock.now();
    let first = unit_of_work!(&store, StoreError, |tx| { revocation::retire(tx, issuer, now).await? })?;
    println!("{}", if first { "已停用 retired" } else { "此前已停用 was retired before" });
    let made = Publisher::new(Arc::new(store), clock, config).publish(&issuing, Due::Time).await?;
    say_list(&made);
    if made.next_update == NO_OTHER {
        println!("这是最后一份列表 This is the last list.");
    } else {
        println!(
            "仍有证书可能吊销，列表继续更新 Certificates can still be revoked: lists go on, the last comes by itself."
        );
    }
    mirror(config).await
}

fn say_list(made: &CrlRecord) {
    println!(
        "{}: 列表 list {}, {} 项 entries, 下次更新 next update {}",
        made.issuer,
        made.number,
        made.entries,
        made.next_update.beijing_text()
    );
}

/// Copies lists to the mirrors. What fails here, `ca serve` makes up for.
async fn mirror(config: &Config) -> anyhow::Result<ExitCode> {
    Mirrors::of(config)?.catch_up().await.context("the lists are published, but a mirror is behind")?;
    Ok(ExitCode::SUCCESS)
}
