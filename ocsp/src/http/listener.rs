//! Accepts connections, HTTP/1.1 and HTTP/2 with prior knowledge, and keeps them within bounds.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::quiet::Quiet;
use super::stall::{Pulse, StallGuard};
use crate::responder::Core;

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many may be open; more wait in the kernel's queue.
    pub connections: usize,
    /// How long a request's header may take at least, the wait for it on an open connection included. Between once and
    /// one and a half times this, the connection is cut off.
    pub header_timeout: Duration,
    /// How long a write may make no progress.
    pub write_timeout: Duration,
}

/// Request line and headers, in bytes; a GET carries its question in the request line.
const MAX_HEADER: usize = 16 * 1024;
/// Requests at the same time on one connection of HTTP/2.
const MAX_STREAMS: u32 = 128;
/// How long open requests may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `stop`, then lets open requests end. `meters` counts connections, if given.
pub(crate) async fn serve<H, F, B>(
    listener: TcpListener,
    limits: ConnectionLimits,
    meters: Option<Arc<Core>>,
    stop: CancellationToken,
    handler: H,
) where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut http = auto::Builder::new(TokioExecutor::new());
    // Time-outs are the pulse's: one timer for a connection instead of one for each request.
    http.http1().header_read_timeout(None::<Duration>).max_buf_size(MAX_HEADER).pipeline_flush(true);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(16 * 1024)
        .max_send_buf_size(256 * 1024);
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, or a client that is already gone: don't spin on it.
                tracing::warn!(%error, "Cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Some(core) = &meters {
            core.meters.connected();
        }
        let _not_essential = stream.set_nodelay(true);
        let pulse = Arc::new(Pulse::default());
        let io = TokioIo::new(StallGuard::new(stream, limits.write_timeout, pulse.clone()));
        let handler = handler.clone();
        let beating = pulse.clone();
        let service = service_fn(move |request| {
            let (reply, pulse) = (handler(request), beating.clone());
            async move {
                let _at_work = pulse.work();
                Ok::<_, Infallible>(reply.await)
            }
        });
        let connection = http.serve_connection(io, service).into_owned();
        let (meters, stop) = (meters.clone(), stop.clone());
        tokio::spawn(async move {
            let idle = Quiet::new(pulse.stops(limits.header_timeout));
            let broken = until_its_end(connection, idle, Quiet::new(stop.cancelled())).await;
            if let Some(error) = broken {
                tracing::debug!(error, "A connection broke");
                if let Some(core) = meters {
                    core.meters.broke();
                }
            }
            drop(place);
        });
    }
    drop(listener);
    // All places are free when all connections have ended.
    let all = places.acquire_many(u32::try_from(limits.connections).unwrap_or(u32::MAX));
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!("Left connections behind whose requests did not end");
    }
}

/// Serves a connection, after the stop what it has begun; why it broke, if it did.
async fn until_its_end<C, E>(
    connection: C,
    mut idle: Quiet<impl Future<Output = ()>>,
    mut stopped: Quiet<impl Future<Output = ()>>,
) -> Option<String>
where
    C: GracefulConnection<Error = E>,
    E: std::fmt::Display,
{
    let mut connection = pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended.err().map(|error| error.to_string()),
            () = &mut idle => return Some("nothing came or went in time".to_owned()),
            () = &mut stopped, if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
