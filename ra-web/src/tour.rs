//! The first-run tour: what a new officer is shown of the console, by their duties. The words are messages.

use async_trait::async_trait;
use ca_core::domain::{OfficerId, Role, Timestamp};
use ca_core::sql::DatabaseError;

/// Who has gone through the tour.
#[async_trait]
pub trait TourTx {
    /// Whether an officer has seen it, or put it away.
    async fn tour_seen(&mut self, officer: &OfficerId) -> Result<bool, DatabaseError>;
    /// Notes that they have; again is no change.
    async fn see_tour(&mut self, officer: &OfficerId, now: Timestamp) -> Result<(), DatabaseError>;
}

/// A stop of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The end of the message keys `tour-…` and `tour-…-text`.
    pub word: &'static str,
    /// The page that it is about, if there is one to try it on.
    pub href: Option<&'static str>,
}

impl Stop {
    /// The message that explains it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("tour-{}-text", self.word)
    }
}

const fn stop(word: &'static str, href: &'static str) -> Stop {
    Stop { word, href: Some(href) }
}

/// The stops for someone with these duties, in the order of a day at the desk; each once.
#[must_use]
pub fn stops(roles: &[Role]) -> Vec<Stop> {
    let mut stops = vec![Stop { word: "token", href: None }];
    let own = Role::PERSONS.iter().filter(|role| roles.contains(role)).flat_map(|role| of_role(*role));
    for next in own.chain([Stop { word: "help", href: None }]) {
        if !stops.contains(&next) {
            stops.push(next);
        }
    }
    stops
}

fn of_role(role: Role) -> Vec<Stop> {
    const QUEUE: Stop = stop("queue", "/");
    const SEARCH: Stop = stop("search", "/search");
    match role {
        Role::RaEntry => vec![
            QUEUE,
            stop("take-in", "/applications/new"),
            stop("batch", "/batches"),
            stop("pay", "/money"),
            stop("loss", "/certificates"),
            stop("phone", "/reminders/phone"),
            SEARCH,
        ],
        Role::RaReviewer => vec![QUEUE, stop("review", "/applications?state=submitted"), SEARCH],
        Role::TokenOperator => {
            vec![QUEUE, stop("make", "/applications?state=approved"), stop("stock", "/stock"), SEARCH]
        }
        Role::RaSupervisor => {
            vec![QUEUE, stop("shift", "/"), stop("reports", "/reports"), stop("officers", "/officers"), SEARCH]
        }
        Role::Finance => vec![stop("money", "/money")],
        Role::KmcOfficer => vec![stop("recovery", "/recoveries")],
        Role::Auditor => vec![QUEUE, stop("audit", "/reports"), SEARCH],
        Role::Administrator => vec![stop("registry", "/officers")],
        Role::LossDesk => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duty_has_a_stop_of_its_own_and_no_stop_comes_twice() {
        let all = stops(Role::PERSONS);
        for role in Role::PERSONS {
            let own = stops(&[*role]);
            assert!(own.len() > 2, "{role}");
            assert!(own.iter().all(|stop| all.contains(stop)), "{role}");
        }
        for (at, stop) in all.iter().enumerate() {
            assert!(!all[..at].contains(stop), "{stop:?}");
        }
    }
}
