//! `ocsp-responder --config FILE`: answers OCSP and serves CRLs until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use ca_core::clock::SystemClock;
use clap::Parser;
use ocsp::app;
use ocsp::config::Config;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The OCSP and CRL service of a Yinxin authority.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file (TOML).
    #[arg(long)]
    config: PathBuf,
    /// Only say whether the configuration is valid.
    #[arg(long)]
    check: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let config = Config::load(&arguments.config)
        .with_context(|| format!("reading the configuration {}", arguments.config.display()))?;
    if arguments.check {
        println!("{} is valid", arguments.config.display());
        return Ok(());
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let running = app::start(config, Arc::new(SystemClock)).await?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    tracing::info!("Stopping");
    running.shutdown().await;
    Ok(())
}
