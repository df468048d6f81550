//! Calls the authority over its Unix socket.
//!
//! A new connection for each call: the authority may have been restarted since the last one, and a
//! half-read answer must never be taken for the next.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::protocol::{MAX_FRAME_BYTES, Refusal, RefusalCode, Request, Response};

/// Answers requests: the process behind the socket, or the authority itself in tests.
#[async_trait]
pub trait CertificateAuthority: Send + Sync + 'static {
    /// Asks one thing.
    ///
    /// # Errors
    /// [`CallError`] when the authority refused or could not be reached; a refused request did nothing.
    async fn call(&self, request: Request) -> Result<Response, CallError>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The authority said no.
    #[error("the authority refuses: {0}")]
    Refused(#[from] Refusal),
    /// No connection, or it broke; the request may or may not have been carried out: ask again, orders
    /// are idempotent.
    #[error("the authority cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
}

impl CallError {
    /// The refusal's code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<RefusalCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Unreachable(_) => None,
        }
    }
}

/// The client of a `ca serve` process.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    patience: Duration,
}

impl Client {
    /// A client of the authority that listens on `socket`; each call waits at most 15 seconds.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), patience: Duration::from_secs(15) }
    }
}

/// Asks one thing over a new connection to a socket that speaks in frames, and waits for the answer.
///
/// # Errors
/// When the socket cannot be reached, breaks, or answers something else.
pub async fn exchange<Q, A>(socket: &Path, request: &Q) -> std::io::Result<A>
where
    Q: Serialize + Sync,
    A: DeserializeOwned,
{
    let mut stream = UnixStream::connect(socket).await?;
    write_frame(&mut stream, &serde_json::to_vec(request)?).await?;
    let answer = read_frame(&mut stream)
        .await?
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "closed without an answer"))?;
    Ok(serde_json::from_slice(&answer)?)
}

#[async_trait]
impl CertificateAuthority for Client {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        match tokio::time::timeout(self.patience, exchange(&self.socket, &request)).await {
            Ok(Ok(Response::Refused(refusal))) => Err(refusal.into()),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time").into()),
        }
    }
}

/// Writes one frame.
///
/// # Errors
/// When the frame is too long or the stream breaks.
pub async fn write_frame<W: AsyncWriteExt + Unpin>(stream: &mut W, frame: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(frame.len()).ok().filter(|_| frame.len() <= MAX_FRAME_BYTES);
    let length = length.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidInput, "frame too long"))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(frame).await?;
    stream.flush().await
}

/// Reads one frame; `None` when the other side closed between frames.
///
/// # Errors
/// When the frame is too long or the stream breaks inside one.
pub async fn read_frame<R: AsyncReadExt + Unpin>(stream: &mut R) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "frame too long"));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(Some(frame))
}
