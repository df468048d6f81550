//! Why a use case ends without its result.

use crate::escrow::port::KmcError;
use crate::issuance::faults::Interrupted;
use crate::lint::Finding;
use crate::service::protocol::{Refusal, RefusalCode};
use crate::signer::SignError;
use crate::store::{Contends, StoreError};

/// The caller is told a [`Refusal`]; the cause is logged once, here at the door.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The authority says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Storage failed: nothing was told, ask again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key failed: an operator must look unless it passes.
    #[error(transparent)]
    Key(#[from] SignError),
    /// What the key made is not what was to be signed; it is thrown away.
    #[error("the signed bytes are not right: {0}")]
    BadWork(String),
    /// The key-management centre did not answer: nothing was issued, ask again.
    #[error("the key-management centre cannot be reached: {0}")]
    Kmc(std::io::Error),
    /// Another process carried out the same order meanwhile.
    #[error("another process carried out the same order")]
    Overtaken,
    /// Stopped by a test at a fault point.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Stop {
    /// Says no.
    pub fn refuse(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self::Refused(Refusal { code, detail: detail.into() })
    }

    /// Whether the same may succeed when it is run again.
    pub(super) const fn is_contention(&self) -> bool {
        matches!(self, Self::Store(StoreError::Contended))
    }

    /// The same for another order that shared the transaction which this ended.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.clone()),
            Self::Store(StoreError::Contended) => Self::Store(StoreError::Contended),
            Self::Store(error) => Self::Store(StoreError::Unavailable(error.to_string().into())),
            other => Self::BadWork(other.to_string()),
        }
    }

    /// What the caller is told. Causes inside the authority become `Unavailable`, and are logged.
    #[must_use]
    pub fn told(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Kmc(error) => {
                tracing::error!(%error, "The key-management centre cannot be asked");
                Refusal {
                    code: RefusalCode::KmcUnavailable,
                    detail: "the key-management centre cannot be asked; nothing was issued, ask again".into(),
                }
            }
            inside => {
                tracing::error!(error = %inside, "A request could not be carried out");
                Refusal {
                    code: RefusalCode::Unavailable,
                    detail: "the authority cannot do it now; nothing was told, ask again".into(),
                }
            }
        }
    }
}

impl From<KmcError> for Stop {
    fn from(error: KmcError) -> Self {
        match error {
            // Its own storage is away, or it cannot ask us: no verdict on this order.
            KmcError::Refused(refusal) if refusal.code == RefusalCode::Unavailable => {
                Self::Kmc(std::io::Error::other(refusal.detail))
            }
            KmcError::Refused(refusal) => Self::Refused(refusal),
            KmcError::Unreachable(error) => Self::Kmc(error),
        }
    }
}

impl Contends for Stop {
    fn contends(&self) -> bool {
        matches!(self, Self::Store(error) if error.contends())
    }
}

/// Findings of the linter in one line.
pub(crate) fn listed(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
