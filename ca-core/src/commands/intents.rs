//! `ca intents`: what an interruption left open and the reconciler could not finish.

use std::process::ExitCode;

use ca_core::app;
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::config::Config;
use ca_core::domain::OrderId;
use ca_core::issuance;
use ca_core::store::Intent;
use clap::Subcommand;

use super::order_id;

#[derive(Subcommand)]
pub(crate) enum IntentsCommand {
    /// 列出 List them.
    List,
    /// 放弃 Never finish what this order left open: its serial numbers are revoked.
    Abandon {
        /// 指令号 The order.
        #[arg(value_parser = order_id)]
        order: OrderId,
        /// 原因 Why, for the audit.
        #[arg(long)]
        why: String,
    },
}

/// Runs one of these commands.
pub(crate) async fn run(config: &Config, command: IntentsCommand) -> anyhow::Result<ExitCode> {
    let store = app::open_store(config).await?;
    match command {
        IntentsCommand::List => {
            for intent in issuance::open_intents(&store).await? {
                let Intent { issuer, serial, order, profile, intended, .. } = intent;
                println!("{order} {issuer} {serial} {profile} {}", intended.beijing_text());
            }
        }
        IntentsCommand::Abandon { order, why } => {
            for intent in issuance::give_up(&store, SystemClock.now(), order, &why).await? {
                println!("已放弃并吊销 given up and revoked: {} {}", intent.issuer, intent.serial);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
