//! `ra-web`: the registration office's sites (`serve`) and the fund portal (`portal`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use ca_core::clock::{SystemClock, system_rng};
use ca_core::sql::Database;
use clap::{Parser, Subcommand};
use ra_web::config::{self, Config};
use ra_web::fund;

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The configuration file, TOML.
    #[arg(long, global = true, default_value = "ra.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings the office's database up to date and ends.
    Migrate,
    /// Runs the fund portal, with its own configuration and database, until it is told to stop.
    Portal,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ra-web: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Migrate => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            let database = Database::open(&config.storage.database_url, true)
                .await
                .with_context(|| format!("opening {}", config.storage.database_url))?;
            database.migrate(&ra_web::sql::office_migrations()).await?;
            database.close().await;
            Ok(())
        }
        Command::Portal => {
            let config: fund::config::Config = config::read(&arguments.config, "FUND_")?;
            let chance = Arc::new(Mutex::new(system_rng()));
            let running = fund::app::start(config, Arc::new(SystemClock), chance).await?;
            told_to_stop().await?;
            running.shutdown().await;
            Ok(())
        }
    }
}

/// Waits for Ctrl-C or the supervisor's SIGTERM.
async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
