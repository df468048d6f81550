//! The words of the field as types that cannot be wrong.
//!
//! Pure: no tokio, sqlx, axum, tracing or clock. Bytes become one of these at the door; past the door
//! nothing is checked again.

mod canonical;
pub mod duties;
mod fund;
mod identifiers;
mod key;
mod list;
mod officer;
mod order;
mod serial;
mod statement;
mod status;
mod subject;
mod time;
mod withdrawal;

pub use canonical::{CanonicalError, Statement, decode, encode, tag_of};
pub use fund::{FundAct, FundFact, FundField, FundList, FundPay, FundReason, FundTransaction};
pub use identifiers::{IdentifierError, ResidentId, Uscc};
pub use key::{KeyKind, Sm2Id};
pub use list::{ListKind, ListScope};
pub use officer::{OfficeId, Officer, OfficerId, Role};
pub use order::{Act, Ground, IssuerId, Order, OrderId, ProfileName, Replaces, Seat, Sha256};
pub use serial::{Serial, SerialError};
pub use statement::{
    Archive, Install, KeyBinding, Login, LoginPurpose, PinChange, Presence, Recovery, Unlock, UnlockWay,
};
pub use status::{CertificateStatus, RevocationReason, StatusChange};
pub use subject::{Subject, SubjectError, SubjectField};
pub use time::{BeijingDay, Timestamp, Validity};
pub use withdrawal::{FaceWord, Withdrawal, WithdrawalReason};
