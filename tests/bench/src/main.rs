//! `cargo run --release -- [ocsp|ocsp-scale [CERTIFICATES]|issue|ledger [CERTIFICATES]|crl]`: benchmarks that end in ratios,
//! not in seconds of this machine. Without a name all of them run, the ledger with a million certificates. Those of the
//! whole system are in `system`.

mod crl;
mod issue;
mod ocsp;
mod raw;

use anyhow::bail;

const LEDGER: u64 = 1_000_000;
const SCALE: u32 = 10_000_000;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => {
            ocsp::run()?;
            ocsp::scale::run(SCALE)?;
            issue::run()?;
            issue::ledger(LEDGER)?;
            crl::run()
        }
        Some("ocsp") => ocsp::run(),
        Some("ocsp-scale") => ocsp::scale::run(arguments.next().map_or(Ok(SCALE), |count| count.parse())?),
        Some("issue") => issue::run(),
        Some("ledger") => issue::ledger(arguments.next().map_or(Ok(LEDGER), |count| count.parse())?),
        Some("crl") => crl::run(),
        Some(other) => bail!("there is no benchmark {other}"),
    }
}
