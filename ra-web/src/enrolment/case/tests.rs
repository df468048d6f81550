use ca_core::clock::system_rng;
use ca_core::domain::Role;

use super::*;
use crate::enrolment::form::tests::good;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

fn officer(id: &str, office: &str) -> Officer {
    Officer {
        id: OfficerId::new(id).expect("an id"),
        name: id.to_owned(),
        office: OfficeId::new(office).expect("an office"),
        roles: vec![Role::RaEntry, Role::RaReviewer],
    }
}

fn limin() -> Officer {
    officer("limin", "demo-office")
}

fn wangqiang() -> Officer {
    officer("wangqiang", "demo-office")
}

fn order() -> OrderId {
    OrderId::draw(NOW, &mut system_rng())
}

fn issuer() -> IssuerId {
    IssuerId::new("unit-p256").expect("an issuer")
}

fn serial() -> Serial {
    Serial::draw(NOW, &mut system_rng())
}

/// A case in each state, in the order of [`State::WORDS`].
fn in_each_state() -> Vec<Case> {
    let draft = || {
        Case::begin(CaseNumber::new(NOW.beijing_day(), 1), Process::Enrolment, &limin(), good(), String::new(), NOW).0
    };
    let submitted = || draft().submit(&limin(), order(), NOW).expect("submitted").0;
    let approved = || submitted().approve(&wangqiang(), false, NOW).expect("approved").0;
    let to_pay = || submitted().approve(&wangqiang(), true, NOW).expect("approved").0;
    let issued = || approved().issue(issuer(), serial(), NOW).expect("issued").0;
    vec![
        draft(),
        submitted(),
        submitted().send_back(&wangqiang(), "blurred".into(), NOW).expect("returned").0,
        submitted().reject(&wangqiang(), "forged".into(), NOW).expect("rejected").0,
        approved().cancel(&limin(), "not wanted".into(), NOW).expect("cancelled").0,
        approved().lapse(NOW.plus(LAPSE_SECONDS)).expect("lapsed").0,
        to_pay(),
        to_pay().pay(&limin(), "demo-office-2026-000001".into(), NOW).expect("paid").0,
        issued(),
        issued().deliver(NOW).expect("delivered").0,
    ]
}

type Act = fn(Case) -> Moved;

/// Each act, and the states from which it is allowed.
const ACTS: [(&str, Act, &[&str]); 13] = [
    ("revise", |case| case.revise(&limin(), good(), String::new(), NOW), &["draft", "returned"]),
    ("submit", |case| case.submit(&limin(), order(), NOW), &["draft", "returned"]),
    ("approve", |case| case.approve(&wangqiang(), false, NOW), &["submitted"]),
    ("return", |case| case.send_back(&wangqiang(), "why".into(), NOW), &["submitted"]),
    ("reject", |case| case.reject(&wangqiang(), "why".into(), NOW), &["submitted"]),
    (
        "cancel",
        |case| case.cancel(&limin(), "why".into(), NOW),
        &["draft", "submitted", "returned", "awaiting_payment", "approved"],
    ),
    ("pay", |case| case.pay(&limin(), "1".into(), NOW), &["awaiting_payment"]),
    ("unpay", |case| case.unpay(&wangqiang(), "why".into(), NOW), &["approved"]),
    (
        "lapse",
        |case| case.lapse(NOW.plus(LAPSE_SECONDS)),
        &["draft", "submitted", "returned", "awaiting_payment", "approved"],
    ),
    (
        "pay-back",
        |case| case.paid_back(&wangqiang(), "why".into(), NOW),
        &["submitted", "returned", "awaiting_payment", "approved"],
    ),
    ("issue", |case| case.issue(issuer(), serial(), NOW), &["approved"]),
    ("deliver", |case| case.deliver(NOW), &["issued"]),
    ("abandon", |case| case.abandon("token broke".into(), NOW), &["issued"]),
];

#[test]
fn each_act_happens_from_its_states_and_from_no_other() {
    for (name, act, allowed) in ACTS {
        for (case, word) in in_each_state().into_iter().zip(State::WORDS) {
            assert_eq!(case.state.word(), word);
            match act(case) {
                Ok((moved, step)) => {
                    assert!(allowed.contains(&word), "{name} happened from {word}");
                    assert_eq!((step.act, step.from, step.to), (name, word, moved.state.word()));
                }
                Err(error) => {
                    assert!(!allowed.contains(&word), "{name} is refused from {word}: {error}");
                    assert!(matches!(error, Forbidden::State { .. }));
                }
            }
        }
    }
}

#[test]
fn a_case_lapses_when_nobody_went_on_with_it_for_thirty_days_and_not_before() {
    let unpaid = in_each_state().into_iter().find(|case| case.state.word() == "awaiting_payment").expect("one");
    assert!(unpaid.lapse(NOW).is_ok(), "its bill knows when");
    for n in [0, 1, 2] {
        let case = || in_each_state().swap_remove(n);
        assert!(case().lapse(NOW.plus(LAPSE_SECONDS - 1)).is_err());
        let (lapsed, step) = case().lapse(NOW.plus(LAPSE_SECONDS)).expect("lapsed");
        assert_eq!((lapsed.due(), step.by), (None, None));
    }
}

#[test]
fn who_took_a_case_in_may_not_decide_on_it() {
    let submitted = || in_each_state().swap_remove(1);
    assert_eq!(submitted().approve(&limin(), false, NOW).err(), Some(Forbidden::SameOfficer));
    assert_eq!(submitted().send_back(&limin(), "x".into(), NOW).err(), Some(Forbidden::SameOfficer));
    assert_eq!(submitted().reject(&limin(), "x".into(), NOW).err(), Some(Forbidden::SameOfficer));
}

#[test]
fn another_offices_case_is_left_alone() {
    let stranger = officer("zhou", "other-office");
    assert_eq!(in_each_state().swap_remove(0).submit(&stranger, order(), NOW).err(), Some(Forbidden::OtherOffice));
    assert_eq!(in_each_state().swap_remove(1).approve(&stranger, false, NOW).err(), Some(Forbidden::OtherOffice));
}

#[test]
fn a_returned_case_keeps_its_reason_and_can_be_submitted_again_with_a_new_order() {
    let returned = in_each_state().swap_remove(2);
    assert_eq!(returned.state, State::Returned { reason: "blurred".into() });
    let (again, step) = returned.submit(&limin(), order(), NOW).expect("submitted again");
    assert!(again.state.order().is_some() && step.from == "returned");
}

#[test]
fn a_case_number_is_read_strictly() {
    let number = CaseNumber::new(NOW.beijing_day(), 7);
    assert_eq!(number.as_str().parse(), Ok(number.clone()));
    for bad in ["RA-20261123", "RB-20261123-0007", "RA-20261123-0007-1", "RA-2026112x-0007", "../etc/passwd"] {
        assert!(bad.parse::<CaseNumber>().is_err(), "{bad}");
    }
}
