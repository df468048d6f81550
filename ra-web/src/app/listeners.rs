//! What runs until it is told to stop: sites, a worker, and what is asked about their health.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use ca_core::service::client::CertificateAuthority;
use ca_core::service::protocol::Request;
use ca_core::sql::Database;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::handlers;
use crate::enrolment::desk::Desk;
use crate::http::{listener, ops};
use crate::jobs::{self, Handler};
use crate::payment::online::Online;
use crate::selfcare::loss::LossDesk;
use crate::sql::office_migrations;

pub(super) struct DatabaseProbe(pub(super) Database);

#[async_trait]
impl ops::Probe for DatabaseProbe {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.check_schema(&office_migrations()).await.map_err(|error| error.to_string())
    }
}

pub(super) struct AuthorityProbe(pub(super) Arc<dyn CertificateAuthority>);

#[async_trait]
impl ops::Probe for AuthorityProbe {
    fn name(&self) -> &'static str {
        "authority"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.call(Request::Issuers).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Listeners, and a worker, that run until they are told to stop.
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

    /// Has work done beside that which is to end when it is told to stop.
    pub fn beside<F>(&mut self, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(work(self.stop.clone()));
    }

    /// Works off the office's jobs.
    pub fn work(
        &mut self,
        desk: &Arc<Desk>,
        online: Option<&Arc<Online>>,
        loss: Option<&Arc<LossDesk>>,
        mails: Option<Arc<dyn Handler>>,
    ) {
        let mut handlers = handlers(desk, online, loss);
        handlers.extend(mails);
        let worker = jobs::Worker::new(desk.store.clone(), handlers, desk.clock.clone(), desk.chance.clone());
        self.running.spawn(worker.run(self.stop.clone()));
    }

    /// Stops all, letting open requests and jobs finish for some seconds.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.running.join_next().await.is_some() {}
    }
}
