//! `cargo run --release -- [fund|office [UNITS]|socket|renewals]`: benchmarks of the whole system that end in ratios, not in seconds
//! of this machine. Without a name all run, the office with two hundred thousand units.

mod fund;
mod office;
#[path = "../../src/raw.rs"]
mod raw;
mod renewals;
mod sink;
mod socket;

use anyhow::bail;

const UNITS: u64 = 200_000;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => {
            socket::run()?;
            renewals::run()?;
            office::run(UNITS)?;
            fund::run()
        }
        Some("fund") => fund::run(),
        Some("office") => office::run(arguments.next().map_or(Ok(UNITS), |count| count.parse())?),
        Some("socket") => socket::run(),
        Some("renewals") => renewals::run(),
        Some(other) => bail!("there is no benchmark {other}"),
    }
}
