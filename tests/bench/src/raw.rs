//! Raw signing by the library that the authority signs with, and what a measurement says.

use std::time::{Duration, Instant};

use ca_core::keys::KeyKind;
use ca_core::signer::Signer as _;
use ca_core::signer::soft::SoftKey;

/// Bytes of a to-be-signed unit certificate, about.
const TBS_BYTES: usize = 700;

/// What one measurement said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    /// How many in a second.
    pub(crate) rate: f64,
    /// Processor time of each, in seconds.
    pub(crate) cpu: f64,
}

/// Signatures by all cores in a second.
pub(crate) fn raw_signing(kind: KeyKind) -> anyhow::Result<Speed> {
    let key = SoftKey::generate(kind)?;
    let bytes = vec![0x30; TBS_BYTES];
    let threads = std::thread::available_parallelism()?.get();
    timed(|| {
        std::thread::scope(|scope| {
            let one = || {
                let (start, mut count) = (Instant::now(), 0);
                while start.elapsed() < Duration::from_secs(1) {
                    for _ in 0..50 {
                        key.sign(&bytes)?;
                    }
                    count += 50;
                }
                anyhow::Ok(count)
            };
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
            let mut sum = 0;
            for thread in started {
                sum += thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            }
            Ok(sum)
        })
    })
}

/// Times something that says how many it did.
pub(crate) fn timed(run: impl FnOnce() -> anyhow::Result<usize>) -> anyhow::Result<Speed> {
    let (start, before) = (Instant::now(), cpu_seconds()?);
    let count = run()?;
    speed(count, start, before)
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
pub(crate) fn speed(count: usize, start: Instant, cpu_before: f64) -> anyhow::Result<Speed> {
    let count = count as f64;
    Ok(Speed { rate: count / start.elapsed().as_secs_f64(), cpu: (cpu_seconds()? - cpu_before) / count })
}

/// Processor time of this process so far, in seconds.
pub(crate) fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}
