//! Places between two writes where tests stop the authority, to see what the reconciler makes of it.
//!
//! In the running authority [`NoFaults`] stands here and does nothing.

use async_trait::async_trait;

/// A place in the order of writes of an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// Everything was checked; nothing is written.
    BeforeIntent,
    /// The intent is durable; the key was not used.
    IntentDurable,
    /// The key signed; the certificate is not stored.
    Signed,
    /// The certificate is durable; nobody was told.
    CertificateDurable,
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::BeforeIntent, Self::IntentDurable, Self::Signed, Self::CertificateDurable];
}

/// Stopped here by a test.
#[derive(Debug, thiserror::Error)]
#[error("stopped at {0:?}")]
pub struct Interrupted(pub Point);

/// Decides at each point whether to go on.
#[async_trait]
pub trait Faults: Send + Sync + 'static {
    /// Passes a point.
    ///
    /// # Errors
    /// [`Interrupted`]: stop here as if the process had ended.
    async fn at(&self, point: Point) -> Result<(), Interrupted>;
}

/// Goes on everywhere.
#[derive(Clone, Copy, Debug)]
pub struct NoFaults;

#[async_trait]
impl Faults for NoFaults {
    async fn at(&self, _: Point) -> Result<(), Interrupted> {
        Ok(())
    }
}

/// Stops every time at one point.
#[cfg(any(test, feature = "testing"))]
#[derive(Clone, Copy, Debug)]
pub struct StopAt(pub Point);

#[cfg(any(test, feature = "testing"))]
#[async_trait]
impl Faults for StopAt {
    async fn at(&self, point: Point) -> Result<(), Interrupted> {
        if point == self.0 { Err(Interrupted(point)) } else { Ok(()) }
    }
}
