//! `ca profile`: the profiles.

use std::process::ExitCode;

use anyhow::Context as _;
use ca_core::app;
use ca_core::config::Config;
use ca_core::domain::ProfileName;
use ca_core::store::Store as _;
use clap::Subcommand;

use super::profile_name;

#[derive(Subcommand)]
pub(crate) enum ProfileCommand {
    /// 检查 Tell every fault of every profile, and hold the issuers' lists against them.
    Check,
    /// 显示 Say everything that a profile makes a certificate say.
    Show {
        /// 名称 Its name.
        #[arg(value_parser = profile_name)]
        name: ProfileName,
    },
}

/// Runs one of these commands.
pub(crate) async fn run(config: &Config, command: ProfileCommand) -> anyhow::Result<ExitCode> {
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
