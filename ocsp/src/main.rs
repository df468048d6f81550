//! `ocsp-responder --config FILE`: answers OCSP and serves CRLs until it is told to stop. `doctor` looks whether it could,
//! `probe` whether some responder does. `validate` is another process: the verification service with its time stamps, whose
//! keys `key` and callers `caller` makes, and whose records `prove` proves again.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ca_core::clock::{SystemClock, system_rng};
use ca_core::domain::{KeyKind, Serial};
use clap::{Parser, Subcommand};
use ocsp::config::Config;
use ocsp::probe::{self, Question, Standing};
use ocsp::validation::{self, record};
use ocsp::{app, doctor};
use tokio::signal::unix::{Signal, SignalKind, signal};
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
    /// Looks whether everything that a service needs is there.
    Doctor {
        /// The responder's configuration file (TOML).
        #[arg(long, required_unless_present = "validation")]
        config: Option<PathBuf>,
        /// The verification service's configuration file (TOML). Wrong too is a certificate of its own that ends within 30 days.
        #[arg(long)]
        validation: Option<PathBuf>,
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
    /// The verification service: verifies signatures for portals and gives time stamps.
    Validate {
        /// Its configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// Makes a key of the verification service, sealed, and the request for its certificate. Overwrites nothing.
    Key {
        /// Where the sealed key goes.
        #[arg(long)]
        key_file: PathBuf,
        /// A file whose first line seals it.
        #[arg(long)]
        passphrase_file: PathBuf,
        /// Where the request goes.
        #[arg(long)]
        request_out: PathBuf,
        /// Its kind: P-256, P-384, RSA-2048, RSA-3072, RSA-4096 or SM2.
        #[arg(long, default_value = "P-256", value_parser = kind)]
        kind: KeyKind,
        /// The name in the request; the authority writes its own into the certificate.
        #[arg(long)]
        common_name: String,
    },
    /// Lets another caller use the verification service and prints its key, once.
    Caller {
        /// The file of callers, made if it is not there.
        #[arg(long)]
        callers: PathBuf,
        /// The caller's name, which goes into its records.
        #[arg(long)]
        name: String,
        /// How many questions it may ask a minute.
        #[arg(long, default_value_t = 600)]
        per_minute: u32,
    },
    /// Proves a record of the verification service again, from the CA certificates of the configuration alone.
    Prove {
        /// The service's configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
        /// The record, as it was given: a CMS message in DER.
        #[arg(long)]
        evidence: PathBuf,
        /// The time-stamp token beside it.
        #[arg(long)]
        time_stamp: Option<PathBuf>,
    },
}

fn kind(name: &str) -> Result<KeyKind, String> {
    KeyKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("{name} is no kind of key"))
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
        (Some(Command::Doctor { config, validation }), _) => {
            let mut verdicts = Vec::new();
            if let Some(config) = config {
                verdicts.extend(doctor::look(&read(&config)?, Arc::new(SystemClock)).await);
            }
            if let Some(config) = validation {
                let config = validation_config(&config)?;
                verdicts.extend(validation::doctor::look(&config, Arc::new(SystemClock), system_rng()).await);
            }
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
        (Some(Command::Validate { config }), _) => {
            let config = validation_config(&config)?;
            let mut terminate = signal(SignalKind::terminate())?;
            let running = validation::app::start(config, Arc::new(SystemClock), system_rng()).await?;
            until_told(&mut terminate).await?;
            running.shutdown().await;
            Ok(ExitCode::SUCCESS)
        }
        (Some(Command::Key { key_file, passphrase_file, request_out, kind, common_name }), _) => {
            let rng = &mut system_rng();
            validation::keys::found(&key_file, &passphrase_file, &request_out, kind, &common_name, rng)?;
            println!("{} is to be certified", request_out.display());
            Ok(ExitCode::SUCCESS)
        }
        (Some(Command::Caller { callers, name, per_minute }), _) => {
            println!("{}", &*validation::add_caller(&callers, &name, per_minute, &mut system_rng())?);
            Ok(ExitCode::SUCCESS)
        }
        (Some(Command::Prove { config, evidence, time_stamp }), _) => {
            let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
            let stamp = time_stamp.as_ref().map(read).transpose()?;
            let anchors = validation_config(&config)?.trust.anchors()?;
            let proved = record::prove(&read(&evidence)?, stamp.as_deref(), &anchors)?;
            println!("{}", serde_json::to_string_pretty(&proved.record)?);
            match proved.stamped {
                Some(at) => println!("proved; stamped at {}", at.beijing_text()),
                None => println!("proved; without a time stamp its time is its signer's word"),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn validation_config(file: &std::path::Path) -> anyhow::Result<validation::config::Config> {
    validation::config::Config::load(file).with_context(|| format!("reading the configuration {}", file.display()))
}

fn read(file: &std::path::Path) -> anyhow::Result<Config> {
    Config::load(file).with_context(|| format!("reading the configuration {}", file.display()))
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let running = app::start(config, Arc::new(SystemClock)).await?;
    until_told(&mut terminate).await?;
    running.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

async fn until_told(terminate: &mut Signal) -> std::io::Result<()> {
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    tracing::info!("Stopping");
    Ok(())
}
