//! Login with a certificate: challenge, signature, chain, status, account. One way in, for the staff console
//! and the fund portal alike.
//!
//! For: turning an answer of the certificate assistant into an [`Admission`], or into a [`Refusal`] that says
//! in plain words what is wrong and what to do. Trusts the configured CA certificates, the responder that they
//! delegate to, the clock, and this listener's own database. Does not trust the browser: what it sends back is
//! looked up by hash, taken once, and compared byte for byte. Never opens a session while the status of the
//! certificate is not known (design §1, truth 6), and never without the record of it, with the evidence, in
//! the same transaction as the audit entry.

mod answer;
mod challenge;
mod door;
mod handshake;
mod officers;
mod record;
mod refusal;
mod sql;
mod trust;

pub use answer::{Answer, ChallengeAnswered, ChallengeTaken};
pub use challenge::{BrowserSession, Challenge, LIFETIME_SECONDS, Site};
pub use door::{Admission, Door, Holder, LoginError, Recognised, Registry};
pub use handshake::{Handshake, ProxySecret};
pub use officers::Officers;
pub use record::{LoginRecord, Outcome, PastLogin, StatusEvidence};
pub use refusal::Refusal;
pub use sql::{LoginStore, LoginTx, STATEMENTS};
pub use trust::read_anchors;
