//! `cargo run --release -- [office [UNITS]|socket]`: benchmarks of the whole system that end in ratios, not in seconds of
//! this machine. Without a name both run, the office with two hundred thousand units.

mod office;
#[path = "../../src/raw.rs"]
mod raw;
mod socket;

use anyhow::bail;

const UNITS: u64 = 200_000;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => {
            socket::run()?;
            office::run(UNITS)
        }
        Some("office") => office::run(arguments.next().map_or(Ok(UNITS), |count| count.parse())?),
        Some("socket") => socket::run(),
        Some(other) => bail!("there is no benchmark {other}"),
    }
}
