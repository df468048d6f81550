//! The index with many certificates: memory, readiness from its image, and rate beside a small one.

use std::time::{Duration, Instant};

use ::ocsp::wire::encode_request;

use super::ground::Ground;
use super::load::{Load, Measured};

const QUESTIONS: u32 = 20_000;

/// Prints the comparison of 10,000 and `many` certificates.
pub(crate) fn run(many: u32) -> anyhow::Result<()> {
    println!("\nOCSP index: {QUESTIONS} certificates asked in turn; memory is what the process grew by.");
    let (small, _) = of(10_000)?;
    let (large, _) = of(many)?;
    println!("lookups at {many} beside 10000: {:.2} of the processor time", large.server_cpu_us / small.server_cpu_us);
    Ok(())
}

fn of(certificates: u32) -> anyhow::Result<(Measured, Duration)> {
    let server = super::one_thread("server")?;
    let client = super::one_thread("client")?;
    let start = Instant::now();
    let ground = server.block_on(Ground::prepare(certificates))?;
    println!("{certificates}: {:.1} s to fill the database", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let running = server.block_on(ground.start())?;
    println!("{certificates}: ready from the database in {:.1} s", start.elapsed().as_secs_f64());
    let ground = server.block_on(running.stop_to_start_again());
    let before = super::resident_mib()?;
    let start = Instant::now();
    let running = server.block_on(ground.start())?;
    let ready = start.elapsed();
    let grown = super::resident_mib()?.saturating_sub(before);
    println!("{certificates}: ready from the image in {:.2} s, {grown} MiB more than before", ready.as_secs_f64());

    let step = certificates / QUESTIONS.min(certificates);
    let questions: Vec<Vec<u8>> = (0..QUESTIONS.min(certificates))
        .map(|n| Ok(super::post(&encode_request(&[&running.cert_id(n * step)?], None)?)))
        .collect::<anyhow::Result<_>>()?;
    let load = Load {
        requests: &questions,
        connections: 16,
        total: 60_000,
        patience: Duration::from_secs(8),
        fresh_connections: false,
    };
    let mut measured = Vec::new();
    for round in 0..4 {
        let run = client.block_on(load.run(running.address()))?;
        if round > 0 {
            measured.push(run);
        }
    }
    let measured = Measured::median(&mut measured);
    println!("{certificates}: {:.0} cached POST/s, {:.2} µs of processor each", measured.rate, measured.server_cpu_us);
    println!("{certificates}: {} MiB grown in all", super::resident_mib()?.saturating_sub(before));
    server.block_on(running.stop());
    Ok((measured, ready))
}
