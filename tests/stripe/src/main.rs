//! `stripe-stand-in`: stands in for Stripe in tests and demonstrations, where the real one cannot be reached. No money
//! moves. It keeps everything in memory, and what it answers are the official fixtures with the facts filled in.

use std::net::SocketAddr;
use std::sync::Arc;

use ca_core::clock::{SystemClock, system_rng};
use clap::Parser;
use stripe_stand_in::{Settings, StandIn, router};

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Where it listens, on loopback.
    #[arg(long, default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// Where signed messages go.
    #[arg(long)]
    webhook: String,
    /// File with the secret that signs them.
    #[arg(long)]
    webhook_secret_file: std::path::PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    anyhow::ensure!(arguments.listen.ip().is_loopback(), "a stand-in listens on loopback only");
    let secret = std::fs::read_to_string(&arguments.webhook_secret_file)?.trim().to_owned();
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    let settings =
        Settings { origin: format!("http://{}", listener.local_addr()?), webhook: arguments.webhook, secret };
    let stand_in = StandIn::new(settings, Arc::new(SystemClock), system_rng());
    eprintln!("stripe-stand-in listens on {}", arguments.listen);
    axum::serve(listener, router(stand_in)).await?;
    Ok(())
}
