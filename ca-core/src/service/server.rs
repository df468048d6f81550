//! The answering side of a socket: the authority's, and the key-management centre's.
//!
//! For: answering one frame after the other, on many connections at once. The socket's file mode is the first
//! gate, an allow-list of users may be a second, the signatures in what is asked are the one that counts. Never lets a slow, silent or broken caller hold
//! up another: connections are counted, frames are bounded and have a time to arrive.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::client::{CallError, CertificateAuthority, read_frame, write_frame};
use super::protocol::{Refusal, RefusalCode, Request, Response};

/// How much callers get.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; one more is told to come back.
    pub connections: usize,
    /// How long a caller may take to send a whole frame, or to take an answer.
    pub frame: Duration,
    /// How long running requests may take to finish at the end.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 64, frame: Duration::from_secs(10), farewell: Duration::from_secs(10) }
    }
}

/// Answers the requests of a socket. A refusal is one for every service: `Response::Refused` of
/// [`super::protocol`].
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// What can be asked.
    type Request: DeserializeOwned + Send;
    /// What is answered.
    type Response: Serialize + Send;

    /// Answers one request.
    ///
    /// # Errors
    /// [`CallError`]; the caller is told a refusal.
    async fn answer(&self, request: Self::Request) -> Result<Self::Response, CallError>;
}

#[async_trait]
impl Service for dyn CertificateAuthority {
    type Request = Request;
    type Response = Response;

    async fn answer(&self, request: Request) -> Result<Response, CallError> {
        self.call(request).await
    }
}

/// A socket that nobody else serves.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
    users: Option<Vec<u32>>,
    _lock: File,
}

impl Bound {
    /// Takes the socket at `path` with this file mode. A socket file left behind by a dead process is replaced;
    /// a living one is not, for it holds the lock file beside.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] when another process serves there; else when the folder cannot be written.
    pub fn new(path: &Path, mode: u32) -> io::Result<Self> {
        let lock = File::options().create(true).truncate(false).write(true).open(beside(path, "lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{} is served", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Bound under a name that nobody calls, so that the mode is right before the first caller can come.
        let new = beside(path, "new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(mode))?;
        fs::rename(&new, path)?;
        Ok(Self { listener, path: path.to_owned(), users: None, _lock: lock })
    }

    /// Lets only processes of these users in, as the kernel names them (SO_PEERCRED).
    #[must_use]
    pub fn only(mut self, users: Vec<u32>) -> Self {
        self.users = Some(users);
        self
    }

    fn lets_in(&self, stream: &UnixStream) -> bool {
        let Some(users) = &self.users else { return true };
        stream.peer_cred().is_ok_and(|caller| users.contains(&caller.uid()))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // If it stays, the next process replaces it.
        drop(fs::remove_file(&self.path));
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}

/// Answers until `stop`, then finishes what was begun.
pub async fn serve<S: Service + ?Sized>(bound: Bound, service: Arc<S>, limits: Limits, stop: CancellationToken) {
    let seats = Arc::new(Semaphore::new(limits.connections));
    let callers = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = bound.listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be given back.
                    warn!(%error, "Cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        if !bound.lets_in(&stream) {
            warn!("Turned away a process of a user that may not ask");
            continue;
        }
        let Ok(seat) = seats.clone().try_acquire_owned() else {
            metrics::counter!("ca_connections_refused_total").increment(1);
            callers.spawn(turn_away(stream));
            continue;
        };
        let (service, stop) = (service.clone(), stop.clone());
        callers.spawn(async move {
            if let Err(error) = attend(stream, service, limits, stop).await {
                debug!(%error, "A caller went away");
            }
            drop(seat);
        });
    }
    callers.close();
    if timeout(limits.farewell, callers.wait()).await.is_err() {
        warn!("Requests were still running at the end; the reconciler will finish them at the next start");
    }
}

async fn turn_away(mut stream: UnixStream) {
    let answer = refused(RefusalCode::Unavailable, "too many connections");
    // Whether they hear it is their concern.
    drop(timeout(Duration::from_secs(1), write_frame(&mut stream, &answer)).await);
}

async fn attend<S: Service + ?Sized>(
    mut stream: UnixStream,
    service: Arc<S>,
    limits: Limits,
    stop: CancellationToken,
) -> io::Result<()> {
    loop {
        let read = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            read = timeout(limits.frame, read_frame(&mut stream)) => read?,
        };
        let frame = match read {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let answer = refused(RefusalCode::Malformed, &error.to_string());
                return timeout(limits.frame, write_frame(&mut stream, &answer)).await?;
            }
            Err(error) => return Err(error),
        };
        let answer = match serde_json::from_slice::<S::Request>(&frame) {
            Ok(request) => answer(&*service, request).await,
            Err(error) => refused(RefusalCode::Malformed, &format!("not a request: {error}")),
        };
        timeout(limits.frame, write_frame(&mut stream, &answer)).await??;
    }
}

async fn answer<S: Service + ?Sized>(service: &S, request: S::Request) -> Vec<u8> {
    match service.answer(request).await {
        Ok(response) => serde_json::to_vec(&response).expect("a response is plain data"),
        Err(CallError::Refused(refusal)) => refused(refusal.code, &refusal.detail),
        Err(CallError::Unreachable(error)) => refused(RefusalCode::Unavailable, &error.to_string()),
    }
}

fn refused(code: RefusalCode, detail: &str) -> Vec<u8> {
    let response = Response::Refused(Refusal { code, detail: detail.to_owned() });
    serde_json::to_vec(&response).expect("a response is plain data")
}
