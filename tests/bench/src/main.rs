//! `cargo run --release -- [ocsp]`: benchmarks that end in ratios, not in seconds of this machine.

mod ocsp;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None | Some("ocsp") => ocsp::run(),
        Some(other) => bail!("there is no benchmark {other}"),
    }
}
