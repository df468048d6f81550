//! Connections that cannot stall for ever: a client that does not read what it asked for is cut off, and one that asks
//! for nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// What a connection brings about: whole requests and written answers. Octets that drip in are none of these.
#[derive(Default)]
pub(super) struct Pulse {
    beats: AtomicU64,
    at_work: AtomicU64,
}

impl Pulse {
    /// A request has come; until this is dropped the connection owes us nothing.
    pub(super) fn work(&self) -> impl Drop {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        AtWork(self)
    }

    fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns when for `patience`, and at most half as long again, nothing came about.
    pub(super) async fn stops(&self, patience: Duration) {
        let (mut last, mut strikes) = (self.beats.load(Ordering::Relaxed), 0);
        while strikes < 2 {
            sleep(patience / 2).await;
            let beats = self.beats.load(Ordering::Relaxed);
            let idle = beats == last && self.at_work.load(Ordering::Relaxed) == 0;
            (last, strikes) = (beats, if idle { strikes + 1 } else { 0 });
        }
    }
}

struct AtWork<'a>(&'a Pulse);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
        self.0.beat();
    }
}

/// A TCP stream that fails when a write makes no progress for a while.
pub(super) struct StallGuard {
    stream: TcpStream,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    pulse: Arc<Pulse>,
}

impl StallGuard {
    pub(super) const fn new(stream: TcpStream, patience: Duration, pulse: Arc<Pulse>) -> Self {
        Self { stream, patience, stalled: None, pulse }
    }

    fn guard<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let patience = self.patience;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for StallGuard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for StallGuard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(1..)) = outcome {
            self.pulse.beat();
        }
        self.guard(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        if let Poll::Ready(Ok(1..)) = outcome {
            self.pulse.beat();
        }
        self.guard(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.guard(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.guard(cx, outcome)
    }
}
