//! `ca`: the certificate authority's one program.

mod kmc_commands;

use std::io::{BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ca_core::app;
use ca_core::audit::{self, SignedCheckpoint};
use ca_core::ceremony::{Ceremony, Plan};
use ca_core::clock::{Clock as _, SystemClock, system_rng};
use ca_core::config::Config;
use ca_core::domain::{IssuerId, OrderId, ProfileName};
use ca_core::issuance::{self, Issuing};
use ca_core::revocation::publish::Mirrors;
use ca_core::revocation::{self, Due, NO_OTHER, Publisher};
use ca_core::signer::Passphrase;
use ca_core::signer::soft::Cost;
use ca_core::sql::{Database, authority_migrations};
use ca_core::store::{CrlRecord, Intent, Store as _, StoreError};
use ca_core::unit_of_work;
use clap::{Parser, Subcommand};

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
        command: kmc_commands::KmcCommand,
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
        command: ProfileCommand,
    },
    /// 审计 The audit chain.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// 核对 Account for every serial number, order, status and audit event.
    Check,
    /// 未完成的签发 What an interruption left open and the reconciler could not finish.
    Intents {
        #[command(subcommand)]
        command: IntentsCommand,
    },
    /// 升级数据库 Bring the schema up to date.
    Migrate,
    /// 体检 Look whether everything that `serve` needs is there.
    Doctor,
}

#[derive(Subcommand)]
enum CrlCommand {
    /// 停用签发者 An issuer issues no more. Its lists go on until nothing on them can change; then comes the last.
    Retire {
        /// 签发者 Which.
        #[arg(value_parser = issuer_id)]
        issuer: IssuerId,
    },
}

#[derive(Subcommand)]
enum IntentsCommand {
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

#[derive(Subcommand)]
enum ProfileCommand {
    /// 检查 Tell every fault of every profile, and hold the issuers' lists against them.
    Check,
    /// 显示 Say everything that a profile makes a certificate say.
    Show {
        /// 名称 Its name.
        #[arg(value_parser = profile_name)]
        name: ProfileName,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// 验证 Verify the chain of the database, or of an export without the database.
    Verify {
        /// 导出文件 An export; then the database is not used.
        #[arg(long, requires = "key")]
        export: Option<PathBuf>,
        /// 审计公钥 The audit key to believe (DER SubjectPublicKeyInfo); else the database's own.
        #[arg(long)]
        key: Option<PathBuf>,
        /// 异地检查点 Checkpoints that were kept elsewhere.
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
    },
    /// 导出 Write the whole chain and the audit key (FILE.key).
    Export {
        /// 文件 Where to.
        file: PathBuf,
    },
}

fn issuer_id(text: &str) -> Result<IssuerId, String> {
    IssuerId::try_from(text.to_owned())
}

fn order_id(text: &str) -> Result<OrderId, String> {
    text.parse().map_err(|_| format!("{text} is no order"))
}

fn profile_name(text: &str) -> Result<ProfileName, String> {
    ProfileName::try_from(text.to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ca: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Process::Authority(command) => authority(Config::load(&cli.config)?, command).await,
        Process::Kmc { command } => kmc_commands::run(&cli.config, command).await,
    }
}

async fn authority(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Ceremony { file, dry_run } => ceremony(config, &file, dry_run).await,
        Command::Serve => serve(config).await,
        Command::Crl { command: Some(CrlCommand::Retire { issuer }), .. } => retire(&config, &issuer).await,
        Command::Crl { command: None, issuer, passphrase_file, days } => {
            crl(&config, issuer, passphrase_file, days).await
        }
        Command::Audit { command: AuditCommand::Verify { export: Some(export), key: Some(key), checkpoint } } => {
            let key = std::fs::read(&key).with_context(|| key.display().to_string())?;
            let file = std::fs::File::open(&export).with_context(|| export.display().to_string())?;
            let whole = audit::verify_export(&mut BufReader::new(file), &key, &read_checkpoints(&checkpoint)?)?;
            say_whole(whole)
        }
        Command::Audit { command: AuditCommand::Verify { key, checkpoint, .. } } => {
            let key = key.map(std::fs::read).transpose()?;
            let store = app::open_store(&config).await?;
            let mut tx = store.begin_read().await?;
            let checkpoints = read_checkpoints(&checkpoint)?;
            say_whole(audit::verify_store(&mut *tx, key.as_deref(), &checkpoints).await??)
        }
        Command::Audit { command: AuditCommand::Export { file } } => export(&config, &file).await,
        Command::Profile { command } => profile(&config, command).await,
        Command::Check => check(&config).await,
        Command::Intents { command } => intents(&config, command).await,
        Command::Migrate => {
            let database = Database::open(&config.database_url, true).await.context("opening the CA database")?;
            database.migrate(&authority_migrations()).await?;
            println!("数据库已是最新 The schema is up to date");
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor => doctor(&config).await,
    }
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

async fn crl(
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
async fn retire(config: &Config, issuer: &IssuerId) -> anyhow::Result<ExitCode> {
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

fn read_checkpoints(paths: &[PathBuf]) -> anyhow::Result<Vec<SignedCheckpoint>> {
    let read =
        |path: &PathBuf| -> anyhow::Result<SignedCheckpoint> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
    paths.iter().map(|path| read(path).with_context(|| path.display().to_string())).collect()
}

fn say_whole(whole: audit::Whole) -> anyhow::Result<ExitCode> {
    println!(
        "审计链完整 The audit chain is whole: {} 事件 events, {} 检查点 checkpoints, head {}",
        whole.head.seq, whole.checkpoints, whole.head.hash
    );
    Ok(ExitCode::SUCCESS)
}

async fn export(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let store = app::open_store(config).await?;
    let mut tx = store.begin_read().await?;
    let key = tx.audit_key().await?.context("no ceremony was held")?;
    let mut out = std::io::BufWriter::new(std::fs::File::create_new(file).with_context(|| file.display().to_string())?);
    let head = audit::export(&mut *tx, &mut out).await?;
    out.into_inner()?.sync_all()?;
    let key_file = file.with_extension("key");
    std::fs::File::create_new(&key_file)
        .and_then(|mut out| out.write_all(&key))
        .with_context(|| key_file.display().to_string())?;
    println!("{} 事件 events → {}, 公钥 key → {}", head.seq, file.display(), key_file.display());
    Ok(ExitCode::SUCCESS)
}

async fn profile(config: &Config, command: ProfileCommand) -> anyhow::Result<ExitCode> {
    let profiles = app::profiles(config)?;
    match command {
        ProfileCommand::Show { name } => {
            let names = || profiles.iter().map(|profile| profile.name().as_str()).collect::<Vec<_>>().join(", ");
            let profile = profiles.find(&name).with_context(|| format!("there is no profile {name}; {}", names()))?;
            print!("{profile}");
        }
        ProfileCommand::Check => {
            for profile in profiles.iter() {
                println!("✓ {}", profile.name());
            }
            match app::open_store(config).await {
                Ok(store) => {
                    app::agree(&profiles, &store.begin_read().await?.issuers().await?)?;
                    println!("✓ 颁发者清单一致 The issuers' lists agree");
                }
                Err(error) => println!("– 未比对颁发者清单 The issuers' lists were not compared: {error:#}"),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(config: &Config) -> anyhow::Result<ExitCode> {
    let store = app::open_store(config).await?;
    let mut tx = store.begin_read().await?;
    let profiles = Arc::new(app::profiles(config)?);
    let terminal = std::io::stderr().is_terminal();
    let mut progress = |so_far: &app::Report| {
        if terminal && so_far.certificates.is_multiple_of(51_200) {
            eprint!("\r已核对 checked {}", so_far.certificates);
        }
    };
    let report = app::check(&mut *tx, SystemClock.now(), profiles, &mut progress).await?;
    if terminal {
        eprint!("\r");
    }
    println!(
        "证书 certificates {}, 未完成 open {}, 已放弃 given up {}, 审计事件 audit events {}",
        report.certificates, report.open, report.given_up, report.events
    );
    for finding in &report.findings {
        println!("与现行规则不符 differs from today's rules: {finding}");
    }
    for fault in &report.faults {
        println!("问题 fault: {fault}");
    }
    if report.unlisted > 0 {
        println!("另有 and more, not listed: {}", report.unlisted);
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn intents(config: &Config, command: IntentsCommand) -> anyhow::Result<ExitCode> {
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

async fn doctor(config: &Config) -> anyhow::Result<ExitCode> {
    let mut well = true;
    let mut say = |what: &str, outcome: anyhow::Result<String>| match outcome {
        Ok(detail) => println!("✓ {what}: {detail}"),
        Err(error) => {
            well = false;
            println!("✗ {what}: {error:#}");
        }
    };
    say("配置文件 profiles", app::profiles(config).map(|profiles| format!("{}", profiles.iter().count())));
    let store = app::open_store(config).await;
    let records = match &store {
        Ok(store) => store.begin_read().await?.issuers().await?,
        Err(_) => Vec::new(),
    };
    say("数据库 database", store.map(|_| format!("{} 颁发者 issuers", records.len())));
    for (name, path) in [
        ("keys.passphrase_file", &config.keys.passphrase_file),
        ("keys.responder_passphrase_file", &config.keys.responder_passphrase_file),
    ] {
        say(name, Passphrase::from_file(path).map(|_| path.display().to_string()).map_err(Into::into));
    }
    if let Ok(passphrase) = Passphrase::from_file(&config.keys.passphrase_file) {
        for record in records.iter().filter(|record| !record.root) {
            let opened = app::open_issuers(config, std::slice::from_ref(record), &passphrase);
            say(&format!("密钥 key {}", record.id), opened.map(|_| "可签名 signs".to_owned()));
        }
    }
    for folder in [config.publish_dir.join("crl"), config.publish_dir.join("ca"), config.audit.dir.clone()] {
        let probe = folder.join(".doctor");
        let wrote = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
        say("目录 folder", wrote.map(|()| folder.display().to_string()).with_context(|| folder.display().to_string()));
    }
    let socket = &config.socket.path;
    let served = std::os::unix::net::UnixStream::connect(socket).is_ok();
    let state = if served { "正在服务 served" } else { "空闲 not served" };
    say("套接字 socket", Ok(format!("{} {state}", socket.display())));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
