//! `cargo run --release -- [ocsp|issue]`: benchmarks that end in ratios, not in seconds of this machine.

mod issue;
mod ocsp;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        None => ocsp::run().and_then(|()| issue::run()),
        Some("ocsp") => ocsp::run(),
        Some("issue") => issue::run(),
        Some(other) => bail!("there is no benchmark {other}"),
    }
}
