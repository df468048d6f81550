//! Clients that a listener on the open network meets every day: they connect and go away, stop in the middle
//! of a request, or send a byte now and then.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::programs::Program;

/// What is sent before a client falls silent.
const HALVES: [&[u8]; 4] = [
    b"",
    b"GET / HTT",
    b"POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: applic",
    b"POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/ocsp-request\r\nContent-Length: 100\r\n\r\nabc",
];

/// Connects and closes at once, `times` times, as port scanners and health checks do.
///
/// # Errors
/// When a connection is refused: then the listener is gone.
pub async fn connect_and_leave(address: SocketAddr, times: usize) -> anyhow::Result<()> {
    for _ in 0..times {
        drop(connect(address).await?);
    }
    Ok(())
}

/// Connections that stopped in the middle of a request, `each` for each way to stop; they stay open while the
/// result lives.
///
/// # Errors
/// When a connection is refused.
pub async fn stop_halfway(address: SocketAddr, each: usize) -> anyhow::Result<Vec<TcpStream>> {
    let mut held = Vec::new();
    for half in HALVES {
        for _ in 0..each {
            let mut stream = connect(address).await?;
            stream.write_all(half).await?;
            held.push(stream);
        }
    }
    Ok(held)
}

/// Sends a request one byte at a time, `pause` between bytes, until all is sent or the server hangs up.
pub async fn drip(address: SocketAddr, pause: Duration) {
    let Ok(mut stream) = connect(address).await else { return };
    for byte in b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Asks for `/` politely and waits at most two seconds for the head of any answer.
///
/// # Errors
/// When none comes.
pub async fn is_answered(address: SocketAddr) -> anyhow::Result<()> {
    let ask = async {
        let mut stream = connect(address).await?;
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        anyhow::ensure!(head.starts_with(b"HTTP/1."), "not HTTP");
        anyhow::Ok(())
    };
    timeout(Duration::from_secs(2), ask).await.with_context(|| format!("{address} does not answer others"))?
}

/// The share of one core that a program uses during `span`, in percent.
///
/// # Errors
/// When the program is gone.
pub async fn load(program: &Program, span: Duration) -> anyhow::Result<u64> {
    let before = program.cpu_ticks()?;
    tokio::time::sleep(span).await;
    let ticks = program.cpu_ticks()? - before;
    Ok(ticks * 1000 / u64::try_from(span.as_millis())?.max(1))
}

/// Waits until the server has hung up on all of `held`.
///
/// # Errors
/// When one is still open after `limit`.
pub async fn all_hung_up(held: Vec<TcpStream>, limit: Duration) -> anyhow::Result<()> {
    let wait = async {
        for mut stream in held {
            let mut rest = Vec::new();
            // An answer (408) and a reset are both fine; silence for ever is not.
            let _closed = stream.read_to_end(&mut rest).await;
        }
    };
    timeout(limit, wait).await.context("a half-sent request is still open")
}

async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let connecting = timeout(Duration::from_secs(5), TcpStream::connect(address));
    connecting.await?.with_context(|| format!("connecting to {address}"))
}
