//! `token`: USB tokens and the certificate assistant. See [`token_provisioner`].

use std::process::ExitCode;

use clap::Parser as _;
use token_provisioner::cli;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("TOKEN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    cli::run(cli::Cli::parse())
}
