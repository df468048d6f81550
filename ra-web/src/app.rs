//! Joins ports and configuration once, and starts the listeners.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::listener;

/// Listeners that run until they are told to stop.
#[derive(Debug, Default)]
pub struct Listeners {
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Listeners {
    /// Serves a router on a bound socket.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn serve(&mut self, listener: TcpListener, router: Router) -> std::io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        self.running.spawn(listener::serve(listener, router, self.stop.clone()));
        Ok(address)
    }

    /// Stops all, letting open requests finish for some seconds.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
    }
}
