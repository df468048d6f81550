//! `ca doctor`: whether everything that `serve` needs is there.

use std::process::ExitCode;

use anyhow::Context as _;
use ca_core::app;
use ca_core::config::Config;
use ca_core::signer::Passphrase;
use ca_core::store::Store as _;

/// Looks at all of it, and says what is wrong.
pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
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
