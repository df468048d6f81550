//! What the authority asks of storage: one small trait for each table group, one unit of work.
//!
//! Services name these traits and never an engine. Everything that a use case reads and writes happens in one
//! [`Tx`]; dropped without [`Tx::commit`] nothing of it remains. "Not there" is `Ok(None)`; a write that did not
//! touch the rows it must is an error. Heads and numbers move by compare-and-swap.

mod error;
mod ports;
mod records;

pub use error::StoreError;
pub use ports::{AuditLog, Certificates, Crls, Issuers, Orders, Registry, Statuses, Store, Tx};
pub use records::{
    AuditHead, AuditRow, CertificateRecord, ChangedStatus, CheckpointRow, Completion, CrlRecord, Feed, Intent,
    IssuerRecord, Made, OfficerRecord, OrderRecord, Origin, Part, Place, SignatureRecord, StatusRecord, Unusable,
};

/// How often a use case is run again when another transaction got in first.
pub const MAX_ATTEMPTS: u32 = 12;

/// For how long: a caller of the socket waits 15 seconds, also for those before it, and is to be told by then.
pub const RETRY_FOR: std::time::Duration = std::time::Duration::from_secs(2);

/// Runs a unit of work and commits it; runs it again from the beginning while others get in first.
///
/// `unit_of_work!(store, Error, |tx| { …; value })` is an expression of type `Result<_, Error>`, where `Error` is
/// `From<StoreError>` and [`Contends`]. The block may use `?` and `return Err(…)`, which roll everything back.
/// `unit_of_work!(begin store.begin(), Error, …)` is for the store of another database.
#[macro_export]
macro_rules! unit_of_work {
    (begin $begin:expr, $error:ty, |$tx:ident| $body:block) => {{
        let mut attempt = 0_u32;
        let since = ::tokio::time::Instant::now();
        loop {
            let outcome: ::std::result::Result<_, $error> = async {
                let mut unit = $begin.await?;
                let value = {
                    let $tx = &mut *unit;
                    $body
                };
                unit.commit().await?;
                Ok(value)
            }
            .await;
            match outcome {
                Err(error)
                    if attempt < $crate::store::MAX_ATTEMPTS
                        && since.elapsed() < $crate::store::RETRY_FOR
                        && $crate::store::Contends::contends(&error) =>
                {
                    attempt += 1;
                    ::tokio::time::sleep(::std::time::Duration::from_millis(u64::from(attempt * attempt))).await;
                }
                other => break other,
            }
        }
    }};
    ($store:expr, $error:ty, |$tx:ident| $body:block) => {
        $crate::unit_of_work!(begin $crate::store::Store::begin($store), $error, |$tx| $body)
    };
}
pub use unit_of_work;

/// Errors that may pass when the unit of work is run again.
pub trait Contends {
    /// Whether this is one.
    fn contends(&self) -> bool;
}

impl Contends for StoreError {
    fn contends(&self) -> bool {
        matches!(self, Self::Contended)
    }
}
