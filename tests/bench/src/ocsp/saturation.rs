//! What happens at twice the rate that can be signed, and how soon a revocation shows under load.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::ocsp::wire::{Failure, Reply, Standing, encode_request, parse_reply};
use tokio::net::TcpStream;

use super::ground::Ground;
use super::load;

/// What became of the questions.
#[derive(Default)]
struct Outcome {
    answered: Vec<Duration>,
    turned_away: Vec<Duration>,
    odd: usize,
}

/// Offers `rate` questions a second over many connections for a while, and prints what came of them.
pub(super) async fn overload(address: SocketAddr, requests: &[Vec<u8>], rate: f64) -> anyhow::Result<()> {
    const CONNECTIONS: u32 = 512;
    const SECONDS: f64 = 6.0;
    let requests = Arc::new(requests.to_vec());
    let pause = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
    let start = Instant::now() + Duration::from_millis(200);
    let before = super::resident_mib()?;
    let mut workers = Vec::new();
    for number in 0..CONNECTIONS {
        let requests = requests.clone();
        workers.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut buffer = vec![0; 16 * 1024];
            let mut outcome = Outcome::default();
            let mut due = start + pause.mul_f64(f64::from(number) / f64::from(CONNECTIONS));
            let mut turn = usize::try_from(number)?;
            while start.elapsed().as_secs_f64() < SECONDS {
                tokio::time::sleep_until(due.into()).await;
                due += pause;
                turn += 1;
                let asked = Instant::now();
                let body = load::ask(&mut stream, &requests[turn % requests.len()], &mut buffer).await?;
                // Most are told by their bytes: reading each would make us, who share the machine, the bottleneck.
                let answered = body.len() > 400 && turn % 64 != 0 || matches!(parse_reply(body), Ok(Reply::Basic(_)));
                if body == Failure::TryLater.der() {
                    outcome.turned_away.push(asked.elapsed());
                } else if answered {
                    outcome.answered.push(asked.elapsed());
                } else {
                    outcome.odd += 1;
                }
            }
            anyhow::Ok(outcome)
        }));
    }
    let mut all = Outcome::default();
    for worker in workers {
        let outcome = worker.await??;
        all.answered.extend(outcome.answered);
        all.turned_away.extend(outcome.turned_away);
        all.odd += outcome.odd;
    }
    let offered = all.answered.len() + all.turned_away.len() + all.odd;
    println!(
        "\n{rate:.0} nonce questions/s wanted on {CONNECTIONS} connections, {:.0}/s came about: {} answered (p50 {:.1} ms, p99 {:.1} ms, \
         wanted 50), {} tryLater (p99 {:.1} ms), {} odd; resident memory {before} MiB before, {} MiB after",
        f64::from(u32::try_from(offered)?) / SECONDS,
        all.answered.len(),
        quantile(&mut all.answered, 50),
        quantile(&mut all.answered, 99),
        all.turned_away.len(),
        quantile(&mut all.turned_away, 99),
        all.odd,
        super::resident_mib()?,
    );
    anyhow::ensure!(all.odd == 0, "answers that are neither");
    Ok(())
}

/// Revokes these certificates one after the other while others ask the responder at `address`, and prints how soon each
/// showed there: `place` says where that is.
pub(super) async fn revocations(
    place: &str,
    ground: &Ground,
    address: SocketAddr,
    background: &[Vec<u8>],
    numbers: Range<u32>,
) -> anyhow::Result<()> {
    let count = numbers.len();
    let busy: Vec<_> = (0..4_usize)
        .map(|number| {
            let requests = background.to_vec();
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await?;
                let mut buffer = vec![0; 16 * 1024];
                let mut turn = number * 97;
                loop {
                    turn += 1;
                    load::ask(&mut stream, &requests[turn % requests.len()], &mut buffer).await?;
                    tokio::time::sleep(Duration::from_micros(500)).await;
                }
                #[expect(unreachable_code, reason = "says the type")]
                anyhow::Ok(())
            })
        })
        .collect();
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    let mut seen = Vec::new();
    for number in numbers {
        let question = super::post(&encode_request(&[&ground.cert_id(number)?], None)?);
        let body = load::ask(&mut stream, &question, &mut buffer).await?;
        let good = matches!(parse_reply(body), Ok(Reply::Basic(basic)) if basic.singles[0].standing == Standing::Good);
        anyhow::ensure!(good, "{place}: certificate {number} is not good before it is revoked");
        ground.revoke(number).await?;
        let committed = Instant::now();
        loop {
            let body = load::ask(&mut stream, &question, &mut buffer).await?;
            let Ok(Reply::Basic(basic)) = parse_reply(body) else { continue };
            if matches!(basic.singles[0].standing, Standing::Revoked { .. }) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        seen.push(committed.elapsed());
    }
    busy.iter().for_each(tokio::task::JoinHandle::abort);
    println!(
        "\n{place}: {count} revocations under load, from commit to the answer that says so: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        quantile(&mut seen, 50),
        quantile(&mut seen, 99),
        quantile(&mut seen, 100),
    );
    Ok(())
}

/// In milliseconds; 0 of nothing.
fn quantile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
