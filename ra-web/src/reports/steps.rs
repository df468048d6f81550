//! Which steps are counted, and how.

use ca_core::domain::{BeijingDay, Timestamp};

/// Delivered certificates that are not revoked, on the day of their end.
pub const ENDING: &str = "ending";
/// From the entry officer's signature to the decision.
pub const REVIEW: &str = "review";
/// From the decision to the certificate on its token.
pub const MAKING: &str = "making";
/// From a hold to its end.
pub const HOLD: &str = "hold";
/// What takes time.
pub const SPANS: [&str; 3] = [REVIEW, MAKING, HOLD];

/// The count of certificates issued in a process, e.g. `issued-renewal`.
#[must_use]
pub fn issued(process: &str) -> String {
    format!("issued-{process}")
}

/// What a step about a certificate counts as; the case's process and the certificate's end go with it.
#[must_use]
pub fn counted(
    act: &str,
    from: &str,
    to: &str,
    process: &str,
    at: Timestamp,
    not_after: Timestamp,
) -> Vec<(String, BeijingDay, i64)> {
    if from == to {
        return Vec::new();
    }
    let (today, end) = (at.beijing_day(), not_after.beijing_day());
    let ended = |word: &str| vec![(word.to_owned(), today, 1), (ENDING.to_owned(), end, -1)];
    match (act, to) {
        ("issue", _) => vec![(issued(process), today, 1)],
        ("deliver", _) => vec![("delivered".to_owned(), today, 1), (ENDING.to_owned(), end, 1)],
        ("abandon", _) => vec![("abandoned".to_owned(), today, 1)],
        ("hold", "held") => vec![("held".to_owned(), today, 1)],
        ("release", "good") => vec![("released".to_owned(), today, 1)],
        ("revoke", "revoked") => ended("revoked"),
        ("replace", "revoked") => ended("replaced"),
        _ => Vec::new(),
    }
}

/// Which time ends with a step, and the act with which it began.
#[must_use]
pub fn ends(act: &str, from: &str, to: &str) -> Option<(&'static str, &'static str)> {
    match (from, to) {
        _ if from == to => None,
        ("submitted", "approved" | "returned" | "rejected") => Some((REVIEW, "submit")),
        (_, "delivered") if act == "deliver" => Some((MAKING, "approve")),
        ("held", _) => Some((HOLD, "hold")),
        _ => None,
    }
}
