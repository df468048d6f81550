//! When lists are made.

use std::time::Duration;

use crate::config;
use crate::domain::Timestamp;

/// nextUpdate of a last list: no other comes (RFC 5280 §4.1.2.5 for certificates without an end; ETSI EN 319 411-1
/// CSS-6.3.9 for the last CRL of a CA).
pub const NO_OTHER: Timestamp = Timestamp::from_unix(253_402_300_799);

/// When lists are made.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// All lists at least so often, in seconds.
    pub every: i64,
    /// nextUpdate is so many seconds after thisUpdate.
    pub valid: i64,
    /// So long after a change others are waited for.
    pub debounce: Duration,
    /// How often is looked whether a list is due.
    pub poll: Duration,
}

impl From<config::Crl> for Schedule {
    fn from(crl: config::Crl) -> Self {
        Self {
            every: i64::from(crl.every_hours) * 3600,
            valid: i64::from(crl.valid_hours) * 3600,
            debounce: Duration::from_secs(u64::from(crl.debounce_seconds)),
            poll: Duration::from_secs(u64::from(crl.poll_seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_list_comes_before_the_end_of_time() {
        let bytes = crate::x509::write_time(NO_OTHER).unwrap();
        assert_eq!(&bytes[2..], b"99991231235959Z");
    }
}
