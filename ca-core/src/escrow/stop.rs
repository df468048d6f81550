//! Why a use case ends without its key.

use openssl::error::ErrorStack;

use super::port::KmcError;
use crate::envelope::{KeyError, WrapError};
use crate::service::protocol::{Refusal, RefusalCode};
use crate::store::{Contends, StoreError};

/// The caller is told a [`Refusal`]; the cause is logged once, here at the door.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// The centre says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be made.
    #[error(transparent)]
    Making(#[from] KeyError),
    /// A key could not be wrapped.
    #[error(transparent)]
    Wrapping(#[from] WrapError),
    /// OpenSSL refused.
    #[error(transparent)]
    Crypto(#[from] ErrorStack),
    /// A task of our own broke off.
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
}

impl Stop {
    pub(super) fn refuse(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self::Refused(Refusal { code, detail: detail.into() })
    }

    /// What the caller is told. Causes inside the centre become `Unavailable`, and are logged.
    pub(super) fn told(self) -> KmcError {
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            inside => {
                tracing::error!(error = %inside, "A request could not be carried out");
                let detail = "the key-management centre cannot do it now; nothing was told, ask again".into();
                Refusal { code: RefusalCode::Unavailable, detail }
            }
        };
        refusal.into()
    }
}

impl Contends for Stop {
    fn contends(&self) -> bool {
        matches!(self, Self::Store(error) if error.contends())
    }
}
