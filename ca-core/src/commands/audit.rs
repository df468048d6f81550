//! `ca audit`: the chain of the database, and exports of it.

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use ca_core::app;
use ca_core::audit::{self, SignedCheckpoint};
use ca_core::config::Config;
use ca_core::store::Store as _;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
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

/// Runs one of these commands. An export is verified without configuration and database.
pub(crate) async fn run(config: &Path, command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify { export: Some(export), key: Some(key), checkpoint } => {
            let key = std::fs::read(&key).with_context(|| key.display().to_string())?;
            let file = std::fs::File::open(&export).with_context(|| export.display().to_string())?;
            let whole = audit::verify_export(&mut BufReader::new(file), &key, &read_checkpoints(&checkpoint)?)?;
            say_whole(whole)
        }
        AuditCommand::Verify { key, checkpoint, .. } => {
            let key = key.map(std::fs::read).transpose()?;
            let store = app::open_store(&Config::load(config)?).await?;
            let mut tx = store.begin_read().await?;
            let checkpoints = read_checkpoints(&checkpoint)?;
            say_whole(audit::verify_store(&mut *tx, key.as_deref(), &checkpoints).await??)
        }
        AuditCommand::Export { file } => export(&Config::load(config)?, &file).await,
    }
}

pub(crate) fn read_checkpoints(paths: &[PathBuf]) -> anyhow::Result<Vec<SignedCheckpoint>> {
    let read =
        |path: &PathBuf| -> anyhow::Result<SignedCheckpoint> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
    paths.iter().map(|path| read(path).with_context(|| path.display().to_string())).collect()
}

pub(crate) fn say_whole(whole: audit::Whole) -> anyhow::Result<ExitCode> {
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
