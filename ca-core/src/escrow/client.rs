//! The client of a `ca kmc serve` process.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::port::{KeyManagement, KeyRequest, KmcError, RecoverySubmission, WrappedKey};
use super::protocol::{Request, Response};
use crate::service::client::exchange;

/// How long a call may take. The authority's own callers wait 15 seconds for everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// Speaks to the centre that listens on a Unix socket, over a new connection for each call.
#[derive(Clone, Debug)]
pub struct KmcClient {
    socket: PathBuf,
}

impl KmcClient {
    /// A client of the centre that listens on `socket`; each call waits at most 10 seconds.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    async fn call(&self, request: Request) -> Result<WrappedKey, KmcError> {
        match tokio::time::timeout(PATIENCE, exchange(&self.socket, &request)).await {
            Ok(Ok(Response::Key(key))) => Ok(key),
            Ok(Ok(Response::Refused(refusal))) => Err(refusal.into()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time").into()),
        }
    }
}

#[async_trait]
impl KeyManagement for KmcClient {
    async fn provide(&self, ask: KeyRequest) -> Result<WrappedKey, KmcError> {
        self.call(Request::Provide(ask)).await
    }

    async fn recover(&self, submission: RecoverySubmission) -> Result<WrappedKey, KmcError> {
        self.call(Request::Recover(submission)).await
    }
}
