//! Requests and answers of the centre's socket, framed as the authority's ([`crate::service::protocol`]).

use serde::{Deserialize, Serialize};

use super::port::{KeyRequest, RecoverySubmission, WrappedKey};
use crate::service::protocol::Refusal;

/// What can be asked of the centre.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The encryption key of an order.
    Provide(KeyRequest),
    /// An escrowed key again.
    Recover(RecoverySubmission),
}

/// What the centre answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum Response {
    /// The key in its envelope.
    Key(WrappedKey),
    /// The centre will not do it.
    Refused(Refusal),
}
