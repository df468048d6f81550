//! A client that costs little: keeps some connections busy with prepared bytes, bounded in count and time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(super) struct Load<'a> {
    pub(super) requests: &'a [Vec<u8>],
    pub(super) connections: usize,
    pub(super) total: usize,
    pub(super) patience: Duration,
    /// A new connection for each request, as most relying parties do.
    pub(super) fresh_connections: bool,
}

/// What a run showed.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    /// Requests a second.
    pub(super) rate: f64,
    /// Processor time of the server's threads for a request, in microseconds.
    pub(super) server_cpu_us: f64,
    /// How many requests were answered.
    pub(super) requests: f64,
}

impl Measured {
    /// The run with the median of processor time.
    pub(super) fn median(runs: &mut [Self]) -> Self {
        runs.sort_by(|a, b| a.server_cpu_us.total_cmp(&b.server_cpu_us));
        runs[runs.len() / 2]
    }
}

pub(super) struct Answer {
    head: String,
    pub(super) body: Bytes,
}

impl Answer {
    /// The header fields that a server writes itself; length and date are the library's.
    pub(super) fn head_fields(&self) -> Vec<(String, String)> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields
            .filter(|(name, _)| !["content-length", "date"].contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// One request and its answer.
pub(super) async fn once(address: SocketAddr, request: &[u8]) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut buffer = vec![0; 16 * 1024];
    let length = read_answer(&mut stream, &mut buffer).await?;
    let end = head_end(&buffer[..length]).context("a header")?;
    let head = String::from_utf8(buffer[..end].to_vec())?;
    anyhow::ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    Ok(Answer { head, body: Bytes::copy_from_slice(&buffer[end + 4..length]) })
}

impl Load<'_> {
    pub(super) async fn run(&self, address: SocketAddr) -> anyhow::Result<Measured> {
        let taken = Arc::new(AtomicUsize::new(0));
        let requests: Arc<Vec<Vec<u8>>> = Arc::new(self.requests.to_vec());
        let (total, fresh, deadline) = (self.total, self.fresh_connections, Instant::now() + self.patience);
        let before = server_cpu()?;
        let start = Instant::now();
        let mut workers = Vec::new();
        for _ in 0..self.connections {
            let (taken, requests) = (taken.clone(), requests.clone());
            workers.push(tokio::spawn(async move {
                let mut buffer = vec![0; 16 * 1024];
                let mut done = 0_usize;
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                while Instant::now() < deadline {
                    let turn = taken.fetch_add(1, Ordering::Relaxed);
                    if turn >= total {
                        break;
                    }
                    if fresh && done > 0 {
                        stream = TcpStream::connect(address).await?;
                    }
                    stream.write_all(&requests[turn % requests.len()]).await?;
                    read_answer(&mut stream, &mut buffer).await?;
                    done += 1;
                }
                anyhow::Ok(done)
            }));
        }
        let mut done = 0;
        for worker in workers {
            done += worker.await??;
        }
        let seconds = start.elapsed().as_secs_f64();
        let cpu = server_cpu()?.saturating_sub(before);
        let requests = f64::from(u32::try_from(done)?.max(1));
        Ok(Measured { rate: requests / seconds, server_cpu_us: cpu.as_secs_f64() * 1e6 / requests, requests })
    }
}

/// Sends a request and reads the answer; its body.
pub(super) async fn ask<'a>(stream: &mut TcpStream, request: &[u8], buffer: &'a mut [u8]) -> anyhow::Result<&'a [u8]> {
    stream.write_all(request).await?;
    let length = read_answer(stream, buffer).await?;
    let end = head_end(&buffer[..length]).context("a header")?;
    Ok(&buffer[end + 4..length])
}

/// Reads one answer with a Content-Length; how long it is in all.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<usize> {
    let mut length = 0;
    let mut whole = usize::MAX;
    while length < whole {
        let read = stream.read(&mut buffer[length..]).await?;
        anyhow::ensure!(read > 0, "the server hung up");
        length += read;
        if whole == usize::MAX
            && let Some(end) = head_end(&buffer[..length])
        {
            whole = end + 4 + content_length(&buffer[..end]).context("a content-length")?;
        }
    }
    Ok(length)
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n")
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let at = head.windows(NAME.len()).position(|name| name.eq_ignore_ascii_case(NAME))? + NAME.len();
    let digits = head[at..].split(|byte| *byte == b'\r').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Processor time so far of the server's threads: its runtime and its signers.
fn server_cpu() -> anyhow::Result<Duration> {
    cpu_of("self", |name| name.starts_with("server") || name.starts_with("ocsp-sign"))
}

/// Processor time so far of those threads of a process whose names are of these.
pub(super) fn cpu_of(process: &str, counts: impl Fn(&str) -> bool) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let task = task?.path();
        let Ok(name) = std::fs::read_to_string(task.join("comm")) else { continue };
        if counts(&name) {
            // schedstat: time on the processor in ns, time waiting, slices.
            let stat = std::fs::read_to_string(task.join("schedstat"))?;
            nanoseconds += stat.split(' ').next().context("schedstat")?.parse::<u64>()?;
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}
