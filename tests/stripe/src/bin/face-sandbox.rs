//! `face-sandbox`: a sandbox provider of face checks for demonstrations, where no real one can be reached. It knows no faces: whatever
//! picture comes is the person's, unless its bytes say otherwise (`stripe_stand_in::face`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ca_core::clock::SystemClock;
use clap::Parser;
use openssl::pkey::PKey;
use stripe_stand_in::face::{Sandbox, router};

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Where it listens, on loopback.
    #[arg(long, default_value = "127.0.0.1:12112")]
    listen: SocketAddr,
    /// File with the secret that signs questions.
    #[arg(long)]
    secret_file: PathBuf,
    /// File with the key that signs answers, PEM.
    #[arg(long)]
    key_file: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    anyhow::ensure!(arguments.listen.ip().is_loopback(), "a sandbox listens on loopback only");
    let secret = std::fs::read_to_string(&arguments.secret_file)?;
    let key = PKey::private_key_from_pem(&std::fs::read(&arguments.key_file)?)?;
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    eprintln!("face-sandbox listens on {}", arguments.listen);
    axum::serve(listener, router(Sandbox::new(secret.trim(), key, Arc::new(SystemClock)))).await?;
    Ok(())
}
