//! `ca kmc`: the commands of the key-management centre, which has a configuration of its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use ca_core::clock::SystemClock;
use ca_core::escrow::config::KmcConfig;
use ca_core::escrow::{kmc_migrations, process};
use ca_core::signer::soft::Cost;
use ca_core::sql::Database;
use clap::Subcommand;

use super::audit::{read_checkpoints, say_whole};
use crate::until_told_to_stop;

/// What the centre can be told.
#[derive(Subcommand)]
pub(crate) enum KmcCommand {
    /// 建立密钥管理中心 Make database, sealing key and audit key. Once.
    Init,
    /// 运行 Serve until Ctrl-C or SIGTERM.
    Serve,
    /// 审计 The centre's own audit chain.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// 库存 How many keys there are: stand-by, in use, history.
    Status,
    /// 恢复备份之后 After an old copy of the database was put back: keys handed out since go back to their orders.
    Adopt,
    /// 升级数据库 Bring the schema up to date.
    Migrate,
}

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// 验证 Verify the chain of the centre's database.
    Verify {
        /// 审计公钥 The audit key to believe (DER SubjectPublicKeyInfo); else the database's own.
        #[arg(long)]
        key: Option<PathBuf>,
        /// 异地检查点 Checkpoints that were kept elsewhere.
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
    },
}

pub(crate) async fn run(path: &Path, command: KmcCommand) -> anyhow::Result<ExitCode> {
    let config = KmcConfig::load(path)?;
    match command {
        KmcCommand::Init => {
            let sealing = process::init(&config, &SystemClock, Cost::STRONG).await?;
            println!("密钥管理中心已建立 The centre is founded, sealing key {sealing}");
            println!(
                "请备份 Back up {} and its passphrase apart from the database: without them every key is lost",
                config.sealing_key().display()
            );
        }
        KmcCommand::Serve => {
            let running = process::start(config, Arc::new(SystemClock)).await?;
            until_told_to_stop().await?;
            running.stop().await?;
        }
        KmcCommand::Audit { command: AuditCommand::Verify { key, checkpoint } } => {
            let key = key.map(std::fs::read).transpose()?;
            let store = process::open_store(&config).await?;
            let whole = process::verify_audit(&store, key.as_deref(), &read_checkpoints(&checkpoint)?).await?;
            return say_whole(whole);
        }
        KmcCommand::Status => {
            for count in process::status(&process::open_store(&config).await?).await? {
                let state = match count.state {
                    "stand_by" => "备用 stand-by",
                    "in_use" => "在用 in use",
                    _ => "历史 history",
                };
                println!("{} {state}: {}", count.kind.name(), count.keys);
            }
        }
        KmcCommand::Adopt => {
            let adopted = process::adopt(&config, &SystemClock).await?;
            println!("已归还订单的密钥 Keys given back to their orders: {adopted}");
        }
        KmcCommand::Migrate => {
            let database = Database::open(&config.database_url, false).await.context("opening the database")?;
            database.migrate(&kmc_migrations()).await?;
            println!("数据库已是最新 The schema is up to date");
        }
    }
    Ok(ExitCode::SUCCESS)
}
