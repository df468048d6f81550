//! The command line: `token list | init | admin-pins | enrol | change-pin | unblock | agent | doctor`.
//!
//! PINs and tickets come from a prompt, from standard input or from a file, never from an argument: other
//! people on the computer can read arguments.

mod admin_pins;
mod commands;
mod doctor;
mod enrol;
mod secret;
mod unblock;

use std::path::PathBuf;
use std::process::ExitCode;

use ca_core::domain::KeyKind;
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, DriverConfig};
use crate::driver::{Drivers, TokenError, TokenSerial};
use crate::origin::Origin;
use crate::provision::ProvisionError;
use crate::text::Language;

/// USB tokens of Yinxin, and the certificate assistant.
#[derive(Parser)]
#[command(name = "token", version)]
pub struct Cli {
    /// Configuration file (TOML).
    #[arg(long, global = true, env = "TOKEN_CONFIG_FILE")]
    config: Option<PathBuf>,
    /// Language of what is printed; otherwise LANG decides.
    #[arg(long, global = true, value_enum)]
    lang: Option<Language>,
    /// Look for soft tokens in this folder too.
    #[arg(long, global = true, value_name = "FOLDER")]
    soft: Vec<PathBuf>,
    /// Look for tokens behind this PKCS#11 module too.
    #[arg(long, global = true, value_name = "FILE")]
    module: Vec<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show tokens and the certificates on them.
    List,
    /// Format a blank token (or erase one) and set its label, SO PIN and initial user PIN.
    Init(Init),
    /// Give tokens the admin PINs of an office's list in place of their maker's.
    AdminPins(AdminPins),
    /// Put a certificate on a token: online with a ticket, or by files.
    Enrol(Enrol),
    /// Change the user PIN of a token.
    ChangePin(ChangePin),
    /// Unblock a locked PIN with an office's unlock code.
    Unblock(Unblock),
    /// Run the certificate assistant.
    Agent,
    /// Check configuration, modules, tokens, certificates and network.
    Doctor,
}

#[derive(Args)]
struct Init {
    /// Label of the token, at most 32 bytes.
    #[arg(long)]
    label: String,
    /// Erase this token, with all its keys, instead of taking a blank one.
    #[arg(long, value_name = "SERIAL")]
    erase: Option<String>,
    /// File with the SO PIN; without it the SO PIN is asked for.
    #[arg(long, value_name = "FILE")]
    so_pin_file: Option<PathBuf>,
    /// File with the user PIN; without it the initial PIN 123456 is set.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

#[derive(Args)]
struct AdminPins {
    /// The office's list: a serial number and an admin PIN a line.
    #[arg(long, value_name = "FILE")]
    list: PathBuf,
    /// File with the SO PIN that the tokens have now; without it the SO PIN is asked for.
    #[arg(long, value_name = "FILE")]
    so_pin_file: Option<PathBuf>,
}

#[derive(Args)]
struct Enrol {
    /// Serial number or label of the token.
    #[arg(long)]
    token: String,
    /// File with the token's user PIN; without it the PIN is asked for.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// Write a certificate request to this file.
    #[arg(long, value_name = "FILE.csr", requires = "common_name", conflicts_with_all = ["install", "ra"])]
    request_out: Option<PathBuf>,
    /// The name in the request.
    #[arg(long)]
    common_name: Option<String>,
    /// The kind of key in the request.
    #[arg(long, default_value = "P-256")]
    key: KeyKind,
    /// Write the certificate in this file to the token.
    #[arg(long, value_name = "FILE.cer", conflicts_with = "ra")]
    install: Option<PathBuf>,
    /// Origin of the registration authority; the ticket is read from standard input.
    #[arg(long, value_name = "ORIGIN", requires = "operator_token")]
    ra: Option<String>,
    /// Serial number or label of the token operator's own token.
    #[arg(long)]
    operator_token: Option<String>,
    /// File with the operator's PIN; without it the PIN is asked for.
    #[arg(long, value_name = "FILE")]
    operator_pin_file: Option<PathBuf>,
}

#[derive(Args)]
struct ChangePin {
    /// Serial number or label of the token.
    #[arg(long)]
    token: String,
    /// File with the present PIN; without it the PIN is asked for.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// File with the new PIN; without it the PIN is asked for, twice.
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
}

#[derive(Args)]
struct Unblock {
    /// Origin of the registration authority; the unlock code is read from standard input.
    #[arg(long, value_name = "ORIGIN")]
    ra: String,
    /// File with the new PIN; without it the PIN is asked for, twice.
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
}

/// Why a command failed; printed in the person's language.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Agent(#[from] crate::agent::AgentError),
    #[error("{path}: {error}")]
    File { path: PathBuf, error: std::io::Error },
    /// Already in the person's language.
    #[error("{0}")]
    Said(String),
}

/// What every command has at hand.
struct Context {
    config: Config,
    language: Language,
}

impl Context {
    /// The drivers; a module that does not load is an error here, where a person waits for it.
    fn drivers(&self) -> Result<Drivers, CliError> {
        let (drivers, mut failed) = self.config.load_drivers();
        match failed.pop() {
            Some(error) => Err(error.into()),
            None => Ok(drivers),
        }
    }

    /// The one token with this serial number or label.
    fn token(&self, drivers: &Drivers, named: &str) -> Result<TokenSerial, CliError> {
        let tokens = drivers.tokens();
        if let Some(token) = tokens.iter().find(|token| token.serial.as_str() == named) {
            return Ok(token.serial.clone());
        }
        let mut labelled = tokens.into_iter().filter(|token| token.label == named);
        match (labelled.next(), labelled.next()) {
            (Some(token), None) => Ok(token.serial),
            (Some(_), Some(_)) => Err(CliError::Said(self.language.with("cli-two-tokens", "label", named))),
            (None, _) => Err(CliError::Said(self.language.with("cli-no-token", "label", named))),
        }
    }

    fn origin(&self, text: &str) -> Result<Origin, CliError> {
        text.parse().map_err(|e: crate::origin::OriginError| CliError::Config(e.into()))
    }
}

/// Runs a command line.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let language = cli.lang.unwrap_or_else(|| {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Language::preferred(&set("LC_ALL").or_else(|| set("LANG")).unwrap_or_default())
    });
    match act(cli, language) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", commands::explain(&error, language));
            ExitCode::FAILURE
        }
    }
}

fn act(cli: Cli, language: Language) -> Result<ExitCode, CliError> {
    let mut config = Config::read(cli.config.as_deref())?;
    config.drivers.extend(cli.soft.into_iter().map(|folder| DriverConfig::Soft { folder }));
    config.drivers.extend(cli.module.into_iter().map(|module| DriverConfig::Pkcs11 { module }));
    let context = Context { config, language };
    match cli.command {
        Command::List => commands::list(&context)?,
        Command::Init(init) => commands::init(&context, &init)?,
        Command::AdminPins(list) => admin_pins::admin_pins(&context, &list)?,
        Command::Enrol(enrol) => enrol::enrol(&context, &enrol)?,
        Command::ChangePin(change) => commands::change_pin(&context, &change)?,
        Command::Unblock(unblock) => unblock::unblock(&context, &unblock)?,
        Command::Agent => commands::agent(context)?,
        Command::Doctor => return Ok(doctor::doctor(&context)),
    }
    Ok(ExitCode::SUCCESS)
}
