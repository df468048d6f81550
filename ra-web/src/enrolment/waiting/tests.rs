use ca_core::domain::{IssuerId, OfficeId, OfficerId};

use super::super::case::CaseNumber;
use super::super::form::tests::good;
use super::super::process::{CertificateName, Process};
use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

fn officer(id: &str, roles: &[Role]) -> Officer {
    Officer {
        id: OfficerId::new(id).expect("an id"),
        name: id.to_owned(),
        office: OfficeId::new("demo-office").expect("an office"),
        roles: roles.to_vec(),
    }
}

fn case() -> Case {
    let entry = officer("limin", &[Role::RaEntry]);
    Case::begin(CaseNumber::new(NOW.beijing_day(), 1), Process::Enrolment, &entry, good(), String::new(), NOW).0
}

fn processes() -> Vec<Process> {
    let old = CertificateName {
        issuer: IssuerId::new("unit-p256").expect("a name"),
        serial: "4a01".parse().expect("a serial"),
    };
    let grounds = Ground::ALL.map(|ground| Process::Replacement { ground, old: old.clone() });
    [vec![Process::Enrolment, Process::Person], grounds.to_vec()].concat()
}

#[test]
fn the_queue_and_the_process_name_the_same_duty() {
    for process in processes() {
        assert_eq!(duty(process.word(), "draft"), Some(process.taken_in_by()), "{process:?}");
        assert_eq!(duty(process.word(), "returned"), Some(process.taken_in_by()), "{process:?}");
        assert_eq!(duty(process.word(), "submitted"), Some(process.decided_by()), "{process:?}");
    }
    for word in State::WORDS {
        assert_eq!(duty("enrolment", word).is_some(), State::OPEN.contains(&word), "{word}");
    }
}

#[test]
fn what_waits_has_a_day_until_when_and_what_is_over_has_none() {
    let case = case();
    assert_eq!(case.due(), Some(NOW.plus(LAPSE_SECONDS)));
    let over = State::Rejected { reason: "forged".into() };
    assert_eq!(over.due(NOW), None);
}

#[test]
fn one_officer_has_a_case_in_hand_until_the_step_the_shift_or_a_supervisor() {
    let (one, two) = (officer("limin", &[Role::RaEntry]), officer("gaofei", &[Role::RaEntry]));
    let (claimed, step) = case().take_in_hand(&one, NOW).expect("free");
    assert_eq!((step.act, step.from, step.to), ("claim", "draft", "draft"));
    assert_eq!(claimed.clone().take_in_hand(&two, NOW).err(), Some(Forbidden::Claimed));
    assert_eq!(claimed.clone().revise(&two, good(), String::new(), NOW).err(), Some(Forbidden::Claimed));
    assert!(claimed.clone().revise(&one, good(), String::new(), NOW).is_ok());
    assert_eq!(claimed.clone().hand_back(&two, NOW).err(), Some(Forbidden::OtherDuty(Role::RaSupervisor)));
    for who in [&one, &officer("wangqiang", &[Role::RaSupervisor])] {
        let (free, _) = claimed.clone().hand_back(who, NOW).expect("handed back");
        assert!(free.take_in_hand(&two, NOW).is_ok());
    }
    let after = NOW.plus(CLAIM_SECONDS);
    assert!(claimed.take_in_hand(&two, after).is_ok(), "the shift is over");
}

#[test]
fn whose_duty_it_is_not_cannot_claim() {
    let reviewer = officer("sunli", &[Role::RaReviewer]);
    assert_eq!(case().take_in_hand(&reviewer, NOW).err(), Some(Forbidden::OtherDuty(Role::RaEntry)));
    let both = officer("limin", &[Role::RaEntry, Role::RaReviewer]);
    let order = ca_core::domain::OrderId::draw(NOW, &mut ca_core::clock::system_rng());
    let (submitted, _) = case().submit(&both, order, NOW).expect("submitted");
    assert_eq!(submitted.take_in_hand(&both, NOW).err(), Some(Forbidden::SameOfficer));
}
