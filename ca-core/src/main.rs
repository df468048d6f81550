//! `ca`: the certificate authority's one program.

mod commands;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use ca_core::app;
use ca_core::ceremony::{Ceremony, Plan};
use ca_core::clock::{SystemClock, system_rng};
use ca_core::config::Config;
use ca_core::domain::IssuerId;
use ca_core::signer::soft::Cost;
use ca_core::sql::{Database, authority_migrations};
use clap::{Parser, Subcommand};

use commands::issuer_id;
use commands::lists::{self, CrlCommand};

/// 印信证书颁发机构 The certificate authority of Yinxin.
#[derive(Parser)]
#[command(name = "ca", version)]
struct Cli {
    /// 配置文件 Configuration file (TOML).
    #[arg(long, global = true, default_value = "ca.toml", env = "CA_CONFIG")]
    config: PathBuf,
    #[command(subcommand)]
    command: Process,
}

#[derive(Subcommand)]
enum Process {
    #[command(flatten)]
    Authority(Command),
    /// 密钥管理中心 The key-management centre, a process of its own; --config names its own file.
    Kmc {
        #[command(subcommand)]
        command: commands::kmc::KmcCommand,
    },
}

#[derive(Subcommand)]
enum Command {
    /// 密钥仪式 Make root, issuing CAs and the first officers' certificates from one reviewed file. Once.
    Ceremony {
        /// 仪式文件 The ceremony file.
        file: PathBuf,
        /// 演练 Make everything with keys that are thrown away; write nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// 运行 Serve until Ctrl-C or SIGTERM.
    Serve,
    /// 签发吊销列表 Make and publish lists now.
    #[command(args_conflicts_with_subcommands = true)]
    Crl {
        #[command(subcommand)]
        command: Option<CrlCommand>,
        /// 指定颁发者 Of this issuer only; needed for the root.
        #[arg(long, value_parser = issuer_id)]
        issuer: Option<IssuerId>,
        /// 根密钥口令文件 Passphrase of the root's key, with the root.
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
        /// 有效天数 Days until nextUpdate, with the root.
        #[arg(long, default_value_t = 365)]
        days: u16,
    },
    /// 证书模板 The profiles.
    Profile {
        #[command(subcommand)]
        command: commands::profile::ProfileCommand,
    },
    /// 审计 The audit chain.
    Audit {
        #[command(subcommand)]
        command: commands::audit::AuditCommand,
    },
    /// 核对 Account for every serial number, order, status, published list and audit event.
    Check,
    /// 未完成的签发 What an interruption left open and the reconciler could not finish.
    Intents {
        #[command(subcommand)]
        command: commands::intents::IntentsCommand,
    },
    /// 升级数据库 Bring the schema up to date.
    Migrate,
    /// 体检 Look whether everything that `serve` needs is there.
    Doctor,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = match no_memory_in_dumps() {
        Ok(()) => run(Cli::parse()).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ca: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever is opened here would stand in a dump of this process after a crash: the kernel is told to write none of its
/// memory, to whatever place and program dumps go (core(5)).
fn no_memory_in_dumps() -> anyhow::Result<()> {
    const FILTER: &str = "/proc/self/coredump_filter";
    std::fs::write(FILTER, "0").with_context(|| format!("{FILTER}: a core dump would hold keys"))
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Process::Authority(command) => authority(&cli.config, command).await,
        Process::Kmc { command } => commands::kmc::run(&cli.config, command).await,
    }
}

async fn authority(path: &Path, command: Command) -> anyhow::Result<ExitCode> {
    let config = || Config::load(path);
    match command {
        Command::Ceremony { file, dry_run } => ceremony(config()?, &file, dry_run).await,
        Command::Serve => serve(config()?).await,
        Command::Crl { command: Some(CrlCommand::Retire { issuer }), .. } => lists::retire(&config()?, &issuer).await,
        Command::Crl { command: None, issuer, passphrase_file, days } => {
            lists::crl(&config()?, issuer, passphrase_file, days).await
        }
        Command::Profile { command } => commands::profile::run(&config()?, command).await,
        Command::Audit { command } => commands::audit::run(path, command).await,
        Command::Check => commands::check::run(&config()?).await,
        Command::Intents { command } => commands::intents::run(&config()?, command).await,
        Command::Migrate => migrate(&config()?).await,
        Command::Doctor => commands::doctor::run(&config()?).await,
    }
}

async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let database = Database::open(&config.database_url, true).await.context("opening the CA database")?;
    database.migrate(&authority_migrations()).await?;
    println!("数据库已是最新 The schema is up to date");
    Ok(ExitCode::SUCCESS)
}

async fn ceremony(config: Config, file: &Path, dry_run: bool) -> anyhow::Result<ExitCode> {
    let plan = Plan::load(file)?;
    let profiles = app::profiles(&config)?;
    let mut ceremony =
        Ceremony { plan, config, profiles, clock: Arc::new(SystemClock), rng: system_rng(), cost: Cost::STRONG };
    let transcript = if dry_run { ceremony.rehearse().await? } else { ceremony.hold().await? };
    print!("{transcript}");
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let running = app::start(config, Arc::new(SystemClock)).await?;
    until_told_to_stop().await?;
    running.stop().await?;
    Ok(ExitCode::SUCCESS)
}

async fn until_told_to_stop() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    tracing::info!("Stopping");
    Ok(())
}
