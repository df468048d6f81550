//! The responder beside a bare hyper server that sends the same bytes, on loopback, in one process.
//!
//! Server and client each have one thread; the server's processor time is read from /proc. Runs alternate
//! between the two servers and the median counts, so that a busy machine slows both alike.

mod ground;
mod load;
mod mutation;
mod peers;
mod saturation;
pub(crate) mod scale;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ::ocsp::wire::{Nonce, Reply, encode_request, parse_reply};
use anyhow::Context as _;
use base64::Engine as _;
use bytes::Bytes;
use ca_core::sql::testing::Standby;
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::runtime::{Builder, Runtime};

use self::ground::Ground;
use self::load::{Load, Measured};

/// Certificates in the index, and questions that take turns.
const CERTIFICATES: u32 = 10_000;
const QUESTIONS: u32 = 1_000;
const CONNECTIONS: usize = 16;
/// Damaged requests for the parser.
const DAMAGED: u32 = 10_000_000;
const ROUNDS: usize = 5;
const REQUESTS: usize = 40_000;
const PATIENCE: Duration = Duration::from_secs(4);

/// Prints the table.
pub(crate) fn run() -> anyhow::Result<()> {
    let server = one_thread("server")?;
    let client = one_thread("client")?;
    let ground = server.block_on(Ground::new(CERTIFICATES))?;

    let ids: Vec<Vec<u8>> = (0..QUESTIONS).map(|n| ground.cert_id(n)).collect::<anyhow::Result<_>>()?;
    let posts: Vec<Vec<u8>> =
        ids.iter().map(|id| Ok(post(&encode_request(&[id], None)?))).collect::<anyhow::Result<_>>()?;
    let gets: Vec<Vec<u8>> =
        ids.iter().map(|id| Ok(get(&encode_request(&[id], None)?))).collect::<anyhow::Result<_>>()?;
    let nonces: Vec<Vec<u8>> = ids
        .iter()
        .zip(0_u64..)
        .map(|(id, n)| {
            let mut octets = [0x5a; 32];
            octets[..8].copy_from_slice(&n.to_be_bytes());
            Ok(post(&encode_request(&[id], Some(Nonce::new(&octets)?))?))
        })
        .collect::<anyhow::Result<_>>()?;

    let sample = |request: &[u8]| client.block_on(load::once(ground.address(), request));
    let (get_sample, post_sample, nonce_sample) = (sample(&gets[0])?, sample(&posts[0])?, sample(&nonces[0])?);
    anyhow::ensure!(matches!(parse_reply(&get_sample.body)?, Reply::Basic(_)), "the responder answers");

    println!("OCSP: {CERTIFICATES} certificates in the index, {QUESTIONS} asked in turn, {CONNECTIONS} connections,");
    println!(
        "server and client on one thread each; median of {ROUNDS} rounds beside bare hyper with the same bytes.\n"
    );
    println!(
        "{:<26} {:>10} {:>12} {:>10} {:>12} {:>8} {:>8}",
        "", "req/s", "CPU µs/req", "bare", "bare CPU", "speed", "CPU"
    );
    let (mut nonce_rate, mut nonce_cpu_us) = (0.0, 0.0);
    for (name, requests, sample, fresh) in [
        ("GET, cached", &gets, &get_sample, false),
        ("POST, cached", &posts, &post_sample, false),
        ("POST, nonce (signed)", &nonces, &nonce_sample, false),
        ("POST, new connections", &posts, &post_sample, true),
    ] {
        let bare = server.block_on(bare(sample.head_fields(), sample.body.clone()))?;
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for round in 0..=ROUNDS {
            let load = Load {
                requests,
                connections: CONNECTIONS,
                total: if fresh { REQUESTS / 8 } else { REQUESTS },
                patience: PATIENCE,
                fresh_connections: fresh,
            };
            let measured = client.block_on(load.run(ground.address()))?;
            let bare_measured = client.block_on(load.run(bare))?;
            // The first round fills caches and warms up.
            if round > 0 {
                ours.push(measured);
                theirs.push(bare_measured);
            }
        }
        let (our, their) = (Measured::median(&mut ours), Measured::median(&mut theirs));
        if name.contains("nonce") {
            (nonce_rate, nonce_cpu_us) = (our.rate, our.server_cpu_us);
        }
        println!(
            "{name:<26} {:>10.0} {:>12.2} {:>10.0} {:>12.2} {:>7.0} % {:>7.2}x",
            our.rate,
            our.server_cpu_us,
            their.rate,
            their.server_cpu_us,
            100.0 * our.rate / their.rate,
            our.server_cpu_us / their.server_cpu_us,
        );
    }
    let (alone, raw) = (raw_signing(1)?, raw_signing(2)?);
    println!(
        "\nraw P-256 signing: {:.1} µs each on one thread alone, {:.1} µs while another signs too, as another core is busy \
         with asking when answers are signed (each includes one)",
        1e6 / alone,
        1e6 / raw,
    );
    println!(
        "nonce answers beside raw signing, by processor time: {:.2} (wanted 0.7); beside one thread alone {:.2}",
        1e6 / raw / nonce_cpu_us,
        1e6 / alone / nonce_cpu_us,
    );
    client.block_on(peers::run(&ground, &ids, &post_sample.body))?;
    client.block_on(saturation::overload(ground.address(), &nonces, 2.0 * nonce_rate))?;
    let (here, all) = (ground.address(), 0..QUESTIONS);
    client.block_on(saturation::revocations("one host, SQLite", &ground, here, &posts, all))?;
    client.block_on(mutation::run(ground.address(), &ids, DAMAGED))?;
    server.block_on(ground.stop());
    replica(&server, &client, &posts)
}

/// How soon a revocation shows on PostgreSQL: where the authority's own is read, and from a streaming replica of it.
fn replica(server: &Runtime, client: &Runtime, posts: &[Vec<u8>]) -> anyhow::Result<()> {
    let ground = server.block_on(Ground::on_postgres(CERTIFICATES))?;
    let (here, first) = (ground.address(), 0..QUESTIONS);
    client.block_on(saturation::revocations("one host, PostgreSQL", &ground, here, posts, first))?;
    let standby = Standby::of(ground.database_url());
    let beside = server.block_on(ground.beside(standby.url(ground.database_url())))?;
    let (there, second) = (beside.validation, QUESTIONS..2 * QUESTIONS);
    client.block_on(saturation::revocations("a streaming replica", &ground, there, posts, second))?;
    server.block_on(async {
        beside.shutdown().await;
        ground.stop().await;
    });
    Ok(())
}

/// Memory of this process that is in use, in MiB.
fn resident_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}

fn one_thread(name: &str) -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build()?)
}

fn post(der: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/ocsp-request\r\nContent-Length: {}\r\n\r\n",
        der.len()
    );
    [head.as_bytes(), der].concat()
}

fn get(der: &[u8]) -> Vec<u8> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    let encoded = encoded.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("GET /ocsp/{encoded} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes()
}

/// A hyper server that reads the body and always answers the same.
async fn bare(fields: Vec<(String, String)>, body: Bytes) -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut template = Response::builder();
    for (name, value) in &fields {
        template = template.header(name, value);
    }
    let template = template.body(()).context("headers")?.into_parts().0;
    tokio::spawn(async move {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let (template, body) = (template.clone(), body.clone());
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                *response.headers_mut() = template.headers.clone();
                async move {
                    let _read = request.into_body().collect().await;
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}

/// How many messages of an answer's length OpenSSL signs in a second of a thread's processor time, with a key that is ready,
/// while so many threads do the same. Two cores of a machine may be one that takes turns.
fn raw_signing(threads: u32) -> anyhow::Result<f64> {
    use ca_core::keys::KeyKind;
    use ca_core::signer::Signer as _;
    let key = ca_core::signer::soft::SoftKey::generate(KeyKind::P256)?;
    let message = [0x30; 250];
    let one = || {
        let spent = || -> anyhow::Result<f64> {
            let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
            Ok(stat.split(' ').next().context("schedstat")?.parse::<f64>()? / 1e9)
        };
        let (before, start) = (spent()?, Instant::now());
        let mut count = 0_u32;
        while start.elapsed() < Duration::from_secs(2) {
            for _ in 0..100 {
                key.sign(&message)?;
            }
            count += 100;
        }
        anyhow::Ok(f64::from(count) / (spent()? - before))
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let mut sum = 0.0;
        for thread in started {
            sum += thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(sum / f64::from(threads))
    })
}
