//! Which duties one person may not have together (`domain.md` L13): one table, asked by whoever enters an officer and by the
//! authority, which refuses the entry.
//!
//! Entry, review and making may be one person's, in a small office: every order still wants two different persons,
//! and who reviewed one does not make its key. What no order separates is separated here.

use super::officer::Role;

/// A duty, and those that exclude it.
const EXCLUDED: [(Role, &[Role]); 5] = [
    // What a server's key can do it does without a person: nothing else may come with it.
    (Role::LossDesk, Role::PERSONS),
    // Who reads everything does nothing that is read.
    (
        Role::Auditor,
        &[
            Role::RaEntry,
            Role::RaReviewer,
            Role::TokenOperator,
            Role::RaSupervisor,
            Role::Finance,
            Role::KmcOfficer,
            Role::Administrator,
        ],
    ),
    // Who says who is an officer gives no other orders: two administrators with desk duties could do everything alone.
    (
        Role::Administrator,
        &[Role::RaEntry, Role::RaReviewer, Role::TokenOperator, Role::RaSupervisor, Role::Finance, Role::KmcOfficer],
    ),
    // Who opens old encryption keys does not decide for whom new certificates are made.
    (Role::KmcOfficer, &[Role::RaEntry, Role::RaReviewer, Role::TokenOperator, Role::RaSupervisor, Role::Finance]),
    // Who counts the money neither takes in nor approves nor makes what is paid for.
    (Role::Finance, &[Role::RaEntry, Role::RaReviewer, Role::TokenOperator]),
];

/// Two of these duties that exclude each other, if there are such.
#[must_use]
pub fn conflict(roles: &[Role]) -> Option<(Role, Role)> {
    EXCLUDED
        .iter()
        .filter(|(duty, _)| roles.contains(duty))
        .find_map(|(duty, others)| others.iter().find(|other| roles.contains(other)).map(|other| (*duty, *other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Act;

    #[test]
    fn who_reads_or_rules_does_nothing_else() {
        for alone in [Role::Auditor, Role::Administrator, Role::KmcOfficer, Role::LossDesk] {
            assert_eq!(conflict(&[alone]), None);
            for other in Role::ALL.into_iter().filter(|other| *other != alone) {
                assert!(conflict(&[other, alone]).is_some(), "{alone} and {other}");
            }
        }
    }

    #[test]
    fn a_small_office_may_join_what_every_order_separates() {
        let desk = [Role::RaEntry, Role::RaReviewer, Role::TokenOperator, Role::RaSupervisor];
        assert_eq!(conflict(&desk), None);
        assert_eq!(conflict(&[Role::Finance, Role::RaSupervisor]), None);
        for role in &desk[..3] {
            assert_eq!(conflict(&[*role, Role::Finance]), Some((Role::Finance, *role)));
        }
    }

    #[test]
    fn nobody_can_sit_in_seats_of_the_desk_and_of_the_registry() {
        let order = |json: &str| serde_json::from_str::<Act>(json).expect("an act");
        let act = order(r#"{"act":"revoke","issuer":"a","serial":"01","reason":"key_compromise"}"#);
        for desk in act.seats(false).iter().flat_map(|seat| seat.iter()) {
            for ruler in act.seats(true).iter().flat_map(|seat| seat.iter()) {
                assert!(conflict(&[*desk, *ruler]).is_some(), "{desk} {ruler}");
            }
        }
    }
}
