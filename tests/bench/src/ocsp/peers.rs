//! Responders and servers that others wrote, in the same run: nginx that sends one answer from a file, `openssl ocsp` and
//! Debian's `cfssl ocspserve` of the same CA. What is not installed is said and left out.
//!
//! Each has one thread or process that serves, and its processor time is read from /proc as ours is.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ::ocsp::wire::encode_request;
use anyhow::Context as _;
use base64::Engine as _;
use tempfile::TempDir;

use super::ground::Ground;
use super::load::{Load, Measured, cpu_of};
use super::{CERTIFICATES, CONNECTIONS, PATIENCE, ROUNDS, get, post};

/// A server of another's, until it is dropped.
struct Peer {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    /// It closes each connection after its answer.
    closes: bool,
    /// It knows POST alone, or GET as well.
    gets: bool,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Peer {
    async fn start(name: &'static str, command: &mut Command, address: SocketAddr) -> anyhow::Result<Option<Self>> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = match child {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("{name:<26} is not installed here");
                return Ok(None);
            }
            other => other.with_context(|| name.to_owned())?,
        };
        let peer = Self { name, child, address, closes: false, gets: true };
        // No connection to try it: openssl spins for ever after one that asks nothing.
        let port = format!(":{:04X} ", address.port());
        for _ in 0..100 {
            let listens = std::fs::read_to_string("/proc/net/tcp")?;
            if listens.lines().any(|line| line.contains(&port) && line.contains(" 0A ")) {
                return Ok(Some(peer));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("{name} does not listen on {address}")
    }

    fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(&self.child.id().to_string(), |_| true)
    }

    async fn measure(&self, requests: &[Vec<u8>]) -> anyhow::Result<Measured> {
        let connections = if self.closes { CONNECTIONS / 2 } else { CONNECTIONS };
        let load = Load { requests, connections, total: 20_000, patience: PATIENCE, fresh_connections: self.closes };
        let before = self.cpu()?;
        let measured = load.run(self.address).await?;
        let spent = self.cpu()?.saturating_sub(before);
        Ok(Measured { server_cpu_us: spent.as_secs_f64() * 1e6 / measured.requests, ..measured })
    }
}

fn free() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Prints how many times cheaper an answer of ours is than one of each peer's.
pub(super) async fn run(ground: &Ground, ids: &[Vec<u8>], answer: &[u8]) -> anyhow::Result<()> {
    println!("\n{:<26} {:>10} {:>12} {:>14} {:>14}", "peers", "req/s", "CPU µs/req", "ours, CPU", "times cheaper");
    let folder = tempfile::tempdir()?;
    let requests = |ids: &[Vec<u8>], as_get: bool| -> anyhow::Result<Vec<Vec<u8>>> {
        let of = |id: &Vec<u8>| {
            let der = encode_request(&[id], None)?;
            anyhow::Ok(if as_get { get(&der) } else { post(&der) })
        };
        ids.iter().map(of).collect()
    };
    for peer in [nginx(&folder, answer).await?, openssl(&folder, ground).await?, cfssl(&folder, answer).await?] {
        let Some(peer) = peer else { continue };
        for as_get in [true, false] {
            if as_get && !peer.gets {
                continue;
            }
            // Who has one answer is asked for that one.
            let requests = requests(if peer.gets { ids } else { &ids[..1] }, as_get)?;
            let ours = Load {
                requests: &requests,
                connections: CONNECTIONS,
                total: 20_000,
                patience: PATIENCE,
                fresh_connections: peer.closes,
            };
            let (mut our, mut their) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                their.push(peer.measure(&requests).await?);
                our.push(ours.run(ground.address()).await?);
            }
            let (our, their) = (Measured::median(&mut our), Measured::median(&mut their));
            println!(
                "{:<26} {:>10.0} {:>12.2} {:>14.2} {:>13.1}x",
                format!("{}, {}", peer.name, if as_get { "GET" } else { "POST" }),
                their.rate,
                their.server_cpu_us,
                our.server_cpu_us,
                their.server_cpu_us / our.server_cpu_us,
            );
        }
    }
    Ok(())
}

/// nginx with one worker in its first process, sending one file to whatever is asked.
async fn nginx(folder: &TempDir, answer: &[u8]) -> anyhow::Result<Option<Peer>> {
    let (address, at) = (free()?, folder.path().display());
    std::fs::write(folder.path().join("answer.der"), answer)?;
    let text = format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nevents {{ }}\nhttp {{\naccess_log off;\nkeepalive_requests 1000000;\n\
         open_file_cache max=4;\nclient_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/fastcgi;\n\
         uwsgi_temp_path {at}/uwsgi;\nscgi_temp_path {at}/scgi;\nserver {{\nlisten {address};\nroot {at};\n\
         default_type application/ocsp-response;\nerror_page 405 =200 /answer.der;\n\
         location / {{ rewrite ^ /answer.der break; }}\n}}\n}}\n"
    );
    std::fs::write(folder.path().join("nginx.conf"), text)?;
    let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-p", &at.to_string(), "-c", &format!("{at}/nginx.conf")]);
    Peer::start("nginx, a file", &mut command, address).await
}

/// `openssl ocsp` with an index of the same certificates, which signs each answer.
async fn openssl(folder: &TempDir, ground: &Ground) -> anyhow::Result<Option<Peer>> {
    let (issuer, key, certificate) = ground.another()?;
    let file = |name: &str| folder.path().join(name);
    let mut index = String::new();
    for number in 0..CERTIFICATES {
        writeln!(index, "V\t491231235959Z\t\t{}\tunknown\t/CN=unit", Ground::serial(number))?;
    }
    for (name, text) in [("ca.pem", issuer), ("other.key", key), ("other.pem", certificate), ("index.txt", index)] {
        std::fs::write(file(name), text)?;
    }
    let address = free()?;
    let mut command = Command::new("openssl");
    command.arg("ocsp").arg("-index").arg(file("index.txt")).arg("-CA").arg(file("ca.pem"));
    command.arg("-rsigner").arg(file("other.pem")).arg("-rkey").arg(file("other.key"));
    command.args(["-port", &address.to_string(), "-nmin", "60"]);
    let mut peer = Peer::start("openssl ocsp", &mut command, address).await?;
    peer.iter_mut().for_each(|peer| peer.closes = true);
    Ok(peer)
}

/// cfssl's responder with an answer that was signed before. Its GET is broken: it keeps the slash in front.
async fn cfssl(folder: &TempDir, answer: &[u8]) -> anyhow::Result<Option<Peer>> {
    let responses = folder.path().join("responses");
    std::fs::write(&responses, base64::engine::general_purpose::STANDARD.encode(answer))?;
    let address = free()?;
    let mut command = Command::new("cfssl");
    command.args(["ocspserve", "-address", "127.0.0.1", "-port", &address.port().to_string(), "-loglevel", "5"]);
    command.arg("-responses").arg(responses).env("GOMAXPROCS", "1");
    let mut peer = Peer::start("cfssl ocspserve", &mut command, address).await?;
    peer.iter_mut().for_each(|peer| peer.gets = false);
    Ok(peer)
}
