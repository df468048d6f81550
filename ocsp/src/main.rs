//! `ocsp-responder --config FILE`: answers OCSP and serves CRLs until it is told to stop. `doctor` looks whether it could,
//! `probe` whether some responder does.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ca_core::clock::{SystemClock, system_rng};
use ca_core::domain::Serial;
use clap::{Parser, Subcommand};
use ocsp::config::Config;
use ocsp::probe::{self, Question, Standing};
use ocsp::{app, doctor};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The OCSP and CRL service of a Yinxin authority.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    /// The configuration file (TOML).
    #[arg(long, required = true)]
    config: Option<PathBuf>,
    /// Only say whether the configuration is valid.
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Looks whether everything that the service needs is there.
    Doctor {
        /// The configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// Asks a responder about a certificate as a stranger would; fails when the answer is not as expected.
    Probe {
        /// The responder's URL, e.g. http://127.0.0.1:8083/ocsp.
        #[arg(long)]
        url: String,
        /// The certificate of the issuer, PEM or DER.
        #[arg(long)]
        issuer: PathBuf,
        /// The certificate's serial number, in lower-case hex.
        #[arg(long)]
        serial: Serial,
        /// What the answer should be.
        #[arg(long, value_enum, default_value = "good")]
        expect: Standing,
        /// How long to wait, in milliseconds.
        #[arg(long, default_value_t = 5000)]
        patience_ms: u64,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match (arguments.command, arguments.config) {
        (None, None) => anyhow::bail!("--config is missing"),
        (None, Some(file)) if arguments.check => {
            read(&file)?;
            println!("{} is valid", file.display());
            Ok(ExitCode::SUCCESS)
        }
        (None, Some(file)) => serve(read(&file)?).await,
        (Some(Command::Doctor { config }), _) => {
            let verdicts = doctor::look(&read(&config)?, Arc::new(SystemClock)).await;
            for (what, verdict) in &verdicts {
                match verdict {
                    Ok(detail) => println!("ok    {what}: {detail}"),
                    Err(why) => println!("wrong {what}: {why}"),
                }
            }
            let well = verdicts.iter().all(|(_, verdict)| verdict.is_ok());
            Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        (Some(Command::Probe { url, issuer, serial, expect, patience_ms }), _) => {
            let issuer = std::fs::read(&issuer).with_context(|| issuer.display().to_string())?;
            let question = Question { url, issuer, serial, patience: Duration::from_millis(patience_ms) };
            let start = Instant::now();
            let (standing, age) = probe::ask(&question, Arc::new(SystemClock), system_rng()).await?;
            let age = age.map_or_else(String::new, |age| format!(", known {age} s ago"));
            println!("{standing:?}{age}, answered in {} ms", start.elapsed().as_millis());
            Ok(if standing == expect { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn read(file: &std::path::Path) -> anyhow::Result<Config> {
    Config::load(file).with_context(|| format!("reading the configuration {}", file.display()))
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let running = app::start(config, Arc::new(SystemClock)).await?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    tracing::info!("Stopping");
    running.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
