//! `ra-web`: the registration office's sites (`serve`), its jobs (`worker`) and the fund portal (`portal`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use ca_core::clock::{Clock as _, SystemClock, system_rng};
use ca_core::domain::OfficeId;
use ca_core::durable;
use clap::{Parser, Subcommand};
use ra_web::config::{self, Config};
use ra_web::enrolment::form;
use ra_web::fund::operator::Operator;
use ra_web::selfcare::loss::LossDesk;
use ra_web::vault::FieldKey;
use ra_web::{app, archive, fund, login, mail};

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
    /// Runs the units' own site and the staff console, until it is told to stop.
    Serve,
    /// Works off the office's jobs, on as many machines as there are, until it is told to stop.
    Worker,
    /// Brings the office's database up to date, makes a field key and the seal's key where there are none, and ends.
    Migrate,
    /// Makes the loss desk's key, where there is none, and writes the request for its certificate, DER: the ceremony
    /// enters it as an officer of the duty `loss_desk`.
    LossDesk {
        /// Where to write the request; there must be no such file yet.
        #[arg(long, value_name = "FILE")]
        request_out: PathBuf,
    },
    /// Takes tokens into an office's stock. Writes the list of their admin PINs, with
    /// which `token admin-pins` formats them.
    Stock(Stock),
    /// Reads a mail that came back to the sender's address from standard input, and notes it beside the mail. For the alias of
    /// that address; whatever is no such report is passed over.
    Bounce,
    /// Looks at everything that `serve` needs and says what is wrong.
    Doctor,
    /// Looks at an archive of a case.
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// Runs the fund portal, with its own configuration and database, until it is told to stop; or does what a subcommand says.
    Portal {
        #[command(subcommand)]
        command: Option<PortalCommand>,
    },
    /// What the housing fund does besides its portal, with the portal's configuration.
    #[command(subcommand)]
    Fund(FundCommand),
}

#[derive(Subcommand)]
enum PortalCommand {
    /// The evidence of transactions and withdrawals.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
}

#[derive(Subcommand)]
enum EvidenceCommand {
    /// Proves the evidence of one transaction or withdrawal, offline, by the CA certificates and the key of face checks of the
    /// configuration, however long ago it was; says what is missing.
    Verify {
        /// The ZIP file.
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum FundCommand {
    /// Settles the interest of a fund year, each account once; started again, it goes on where it was.
    SettleInterest {
        /// The year in which the fund year began: 2025 ended on 30 June 2026.
        #[arg(long)]
        year: i64,
    },
    /// Takes in statements of the fund's bank accounts: CSV, MT940 or CAMT.053. Money with a code finds its unit, and what waits
    /// for it is booked; the rest waits for a clerk. A file or a line counts once.
    Statement {
        /// The files, in the order of their days.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Lists the lines of statements that wait for a clerk.
    Lines,
    /// A clerk says of which unit a line is.
    Assign {
        /// The line's number.
        #[arg(long)]
        line: String,
        /// The unit's account.
        #[arg(long)]
        account: String,
        /// The clerk's name, for the audit.
        #[arg(long)]
        by: String,
    },
    /// A clerk asks that a line be sent back to the account that it came from.
    SendBack {
        /// The line's number.
        #[arg(long)]
        line: String,
        /// Not after all.
        #[arg(long)]
        drop: bool,
        /// The clerk's name, for the audit.
        #[arg(long)]
        by: String,
    },
    /// Another clerk says that a line was sent back to the account that it came from.
    SentBack {
        /// The line's number.
        #[arg(long)]
        line: String,
        /// The bank's number of the transfer back.
        #[arg(long)]
        reference: String,
        /// The clerk's name, for the audit.
        #[arg(long)]
        by: String,
    },
    /// Brings a city's units and employees in, out of CSV (UTF-8 or GBK), XLSX and TOML files. All or nothing, every faulty row
    /// named; what is there already stays, so it can be run again, also while the portal runs.
    Import {
        /// The files: units, employees, rules.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Only looks whether they could be brought in.
        #[arg(long)]
        look_only: bool,
    },
    /// Takes in money that arrived for a unit by hand; what waits for it is booked.
    Receive {
        /// The unit's account.
        #[arg(long)]
        account: String,
        /// In yuan, e.g. `38600.00`.
        #[arg(long)]
        amount: String,
        /// The bank's reference, taken once.
        #[arg(long)]
        reference: String,
    },
    /// Lists the evidence that has no time stamp: what waits for one, and what was given up after a week.
    Stamps {
        /// Lets what was given up be tried for another week.
        #[arg(long)]
        again: bool,
    },
    /// The same as `portal evidence verify`.
    Verify {
        /// The ZIP file.
        file: PathBuf,
    },
    /// Reads what the bank says of payment orders (pain.002): withdrawals that it paid are noted, orders that it refused are closed.
    BankAnswer {
        /// The XML file.
        file: PathBuf,
    },
    /// Lists payments of withdrawals that the bank did not make, and what is to be ordered in their place.
    Payments,
    /// A clerk says that a payment was not made, or that a statement shows that it came back.
    PaymentRefused {
        /// The number under which the bank was told.
        #[arg(long)]
        payment: String,
        /// What the bank said.
        #[arg(long)]
        said: String,
        /// The clerk's name, for the audit.
        #[arg(long)]
        by: String,
    },
    /// A clerk gives the person's account to which a refused payment is to be ordered again. Nothing is ordered by this.
    PayAgain {
        /// The number of the refused order.
        #[arg(long)]
        payment: String,
        /// The bank of the account.
        #[arg(long)]
        bank: String,
        /// Its number in the payment system (CNAPS), 12 digits.
        #[arg(long)]
        bank_code: String,
        /// A file with the account's number: it has no place on a command line.
        #[arg(long)]
        card_file: PathBuf,
        /// The clerk's name, for the audit.
        #[arg(long)]
        by: String,
    },
    /// Another clerk confirms the account, and the bank is told to pay.
    ConfirmPayment {
        /// The number of the new order.
        #[arg(long)]
        payment: String,
        /// The last four digits of the account, as the person's own paper has them.
        #[arg(long)]
        card_ends: String,
        /// The clerk's name, for the audit.
        #[arg(long)]
        by: String,
    },
}

#[derive(clap::Args)]
struct Stock {
    /// The office, e.g. `demo-office`.
    #[arg(long)]
    office: String,
    /// Maker and model.
    #[arg(long)]
    model: String,
    /// When they were bought, as `2026-11-30`; today if it is not said.
    #[arg(long)]
    purchased: Option<String>,
    /// Where to write the list; there must be no such file yet. Remove it when the tokens are formatted.
    #[arg(long, value_name = "FILE")]
    admin_pins: PathBuf,
    /// Serial numbers, or ranges as `YX0001..YX0100`; without any they are read from standard input.
    serials: Vec<String>,
}

#[derive(Subcommand)]
enum ArchiveCommand {
    /// Checks every hash and signature in an archive and says who vouches for it. Needs no configuration.
    Verify {
        /// The ZIP file.
        file: PathBuf,
    },
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
        Command::Serve => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            let running = app::serve(config, Arc::new(SystemClock), Arc::new(Mutex::new(system_rng()))).await?;
            told_to_stop().await?;
            running.shutdown().await;
            Ok(())
        }
        Command::Worker => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            let working = app::work(&config, Arc::new(SystemClock), Arc::new(Mutex::new(system_rng()))).await?;
            told_to_stop().await?;
            working.shutdown().await;
            Ok(())
        }
        Command::Migrate => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            app::migrate(&config).await?.close().await;
            let key = &config.storage.field_key_file;
            if !key.exists() {
                FieldKey::found(key, &Arc::new(Mutex::new(system_rng())))
                    .with_context(|| format!("making {}", key.display()))?;
                println!("made a new field key: {}", key.display());
            }
            let chance = Arc::new(Mutex::new(system_rng()));
            if let Some(made) = app::found_seal(&config, &SystemClock, &chance)? {
                println!("made a new key of the seal: {}", made.display());
            }
            Ok(())
        }
        Command::LossDesk { request_out } => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            let loss = config.loss_desk.context("there is no loss_desk in the configuration")?;
            let vault = FieldKey::read(&config.storage.field_key_file)?;
            let request = LossDesk::found(&loss.key_file, &vault, &Arc::new(Mutex::new(system_rng())))?;
            durable::create(&request_out, &request, durable::PUBLIC)?;
            println!("made a key: {}; its request: {}", loss.key_file.display(), request_out.display());
            Ok(())
        }
        Command::Stock(asked) => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            let office = OfficeId::new(&asked.office).context("--office names no office")?;
            let purchased = match &asked.purchased {
                Some(text) => form::day(text).context("--purchased is no day")?,
                None => SystemClock.now().beijing_day(),
            };
            let typed = if asked.serials.is_empty() {
                std::io::read_to_string(std::io::stdin())?
            } else {
                asked.serials.join(" ")
            };
            let chance = Arc::new(Mutex::new(system_rng()));
            let clock = Arc::new(SystemClock);
            let (n, list) = app::stock(&config, &office, &asked.model, purchased, &typed, clock, chance).await?;
            durable::create(&asked.admin_pins, list.as_bytes(), durable::PRIVATE)?;
            println!("{n} received; admin PINs: {}", asked.admin_pins.display());
            Ok(())
        }
        Command::Bounce => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            let mut report = Vec::new();
            let most = u64::try_from(mail::bounce::MAX_BYTES)?;
            std::io::Read::read_to_end(&mut std::io::Read::take(std::io::stdin(), most), &mut report)?;
            match app::bounced(&config, &report).await? {
                Some(mail) => println!("came back: {mail}"),
                None => println!("no mail of ours came back"),
            }
            Ok(())
        }
        Command::Doctor => {
            let config: Config = config::read(&arguments.config, "RA_")?;
            let verdicts = app::doctor(&config).await;
            for (name, verdict) in &verdicts {
                match verdict {
                    Ok(()) => println!("ok    {name}"),
                    Err(what) => println!("wrong {name}: {what}"),
                }
            }
            anyhow::ensure!(verdicts.iter().all(|(_, verdict)| verdict.is_ok()), "something is wrong");
            Ok(())
        }
        Command::Archive(ArchiveCommand::Verify { file }) => {
            let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            print!("{}", archive::verify::verify(&bytes)?.report()?);
            Ok(())
        }
        Command::Portal { command: Some(PortalCommand::Evidence(EvidenceCommand::Verify { file })) } => {
            verify_evidence(&config::read(&arguments.config, "FUND_")?, &file)
        }
        Command::Portal { command: None } => {
            let config: fund::config::Config = config::read(&arguments.config, "FUND_")?;
            let chance = Arc::new(Mutex::new(system_rng()));
            let running = fund::app::start(config, Arc::new(SystemClock), chance).await?;
            told_to_stop().await?;
            running.shutdown().await;
            Ok(())
        }
        Command::Fund(command) => {
            let config: fund::config::Config = config::read(&arguments.config, "FUND_")?;
            run_fund(&config, command).await
        }
    }
}

async fn run_fund(config: &fund::config::Config, command: FundCommand) -> anyhow::Result<()> {
    let now = SystemClock.now();
    match command {
        FundCommand::SettleInterest { year } => {
            let database = fund::app::migrate(config).await?;
            let settled = fund::settle::settle_year(&database, year, now).await;
            database.close().await;
            let settled = settled?;
            println!("{} accounts settled, interest {}", settled.accounts, settled.interest);
        }
        FundCommand::Receive { account, amount, reference } => {
            print!("{}", operator(config).await?.receive(&account, &amount, &reference).await?);
        }
        FundCommand::Statement { files } => print!("{}", operator(config).await?.statements(&files).await?),
        FundCommand::Lines => print!("{}", operator(config).await?.lines().await?),
        FundCommand::Assign { line, account, by } => {
            print!("{}", operator(config).await?.assign(&line, &account, &by).await?);
        }
        FundCommand::SendBack { line, drop, by } => {
            print!("{}", operator(config).await?.send_back(&line, drop, &by).await?);
        }
        FundCommand::SentBack { line, reference, by } => {
            print!("{}", operator(config).await?.sent_back(&line, &reference, &by).await?);
        }
        FundCommand::Import { files, look_only } => {
            print!("{}", operator(config).await?.import(&files, look_only).await?);
        }
        FundCommand::Stamps { again } => print!("{}", operator(config).await?.stamps(again).await?),
        FundCommand::Verify { file } => verify_evidence(config, &file)?,
        FundCommand::BankAnswer { file } => print!("{}", operator(config).await?.bank_answers(&file).await?),
        FundCommand::Payments => print!("{}", operator(config).await?.payments().await?),
        FundCommand::PaymentRefused { payment, said, by } => {
            print!("{}", operator(config).await?.payment_refused(&payment, &said, &by).await?);
        }
        FundCommand::PayAgain { payment, bank, bank_code, card_file, by } => {
            let operator = operator(config).await?;
            print!("{}", operator.pay_again(&payment, &bank, &bank_code, &card_file, &by).await?);
        }
        FundCommand::ConfirmPayment { payment, card_ends, by } => {
            print!("{}", operator(config).await?.confirm_payment(&payment, &card_ends, &by).await?);
        }
    }
    Ok(())
}

/// Proves a file of evidence by what the configuration trusts, and prints what it proves.
fn verify_evidence(config: &fund::config::Config, file: &std::path::Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let (anchors, stampers) = (login::read_anchors(&config.trust)?, fund::app::stamp_anchors(config)?);
    if fund::withdrawal::evidence::is_one(&bytes) {
        let face = config.face.as_ref().context("a withdrawal is proved with the key of [face]")?;
        let trust = fund::app::face_trust(face)?;
        println!("{}", fund::withdrawal::evidence::verify(&bytes, &anchors, &stampers, &trust)?);
    } else {
        println!("{}", fund::evidence::verify(&bytes, &anchors, &stampers)?);
    }
    Ok(())
}

async fn operator(config: &fund::config::Config) -> anyhow::Result<Operator> {
    Operator::of(config.clone(), Arc::new(SystemClock), Arc::new(Mutex::new(system_rng()))).await
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
