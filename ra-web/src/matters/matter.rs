//! One matter and where it stands: a state machine whose transitions consume it.

use std::fmt;
use std::str::FromStr;

use ca_core::domain::{IssuerId, OfficeId, Officer, OrderId, Role, Serial, Timestamp};

use super::Facts;
use crate::enrolment::case::{Forbidden, Step, Who};
use crate::enrolment::waiting::Claim;
use crate::tokens::TokenNumber;

const DAY: i64 = 86_400;

/// What a matter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A locked PIN is to be unblocked.
    Unlock,
    /// A certificate was held, since its token is lost.
    Loss,
    /// A held certificate is to be good again.
    Release,
    /// A certificate is to be revoked for good.
    Revocation,
    /// An escrowed encryption key is to be wrapped to another certificate of the unit.
    Recovery,
    /// Somebody else speaks for the unit, and its certificate stays.
    Handler,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Unlock, Self::Loss, Self::Release, Self::Revocation, Self::Recovery, Self::Handler];

    /// The word in stores, addresses and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::Loss => "loss",
            Self::Release => "release",
            Self::Revocation => "revocation",
            Self::Recovery => "recovery",
            Self::Handler => "handler",
        }
    }

    /// How its numbers begin.
    #[must_use]
    pub const fn series(self) -> &'static str {
        match self {
            Self::Unlock => "UL",
            Self::Loss => "LS",
            Self::Release => "RL",
            Self::Revocation => "RV",
            Self::Recovery => "KR",
            Self::Handler => "HC",
        }
    }

    /// The papers that it must have before it is signed.
    #[must_use]
    pub const fn documents(self) -> &'static [MatterDocument] {
        match self {
            Self::Loss => &[],
            Self::Unlock | Self::Release => &[MatterDocument::IdCard],
            Self::Revocation | Self::Recovery => &[MatterDocument::Request],
            Self::Handler => &[MatterDocument::Request, MatterDocument::IdCard],
        }
    }
}

/// A paper of a matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatterDocument {
    /// The sealed request, or the decision of an authority or a court.
    Request,
    /// The handler's identity card.
    IdCard,
    /// Whatever else shows it.
    Proof,
    /// The notice with the unit's receipt.
    Notice,
}

impl MatterDocument {
    /// All, in the order in which an order lists their hashes.
    pub const ALL: [Self; 4] = [Self::Request, Self::IdCard, Self::Proof, Self::Notice];

    /// The word in forms, addresses and stores.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::IdCard => "id_card",
            Self::Proof => "proof",
            Self::Notice => "notice",
        }
    }

    /// The paper with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// `RV-20261130-0001`: what the counter and the unit call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatterNumber(String);

impl MatterNumber {
    /// What the matter is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let series = self.0.split_once('-').map_or("", |(series, _)| series);
        Kind::ALL.into_iter().find(|kind| kind.series() == series).unwrap_or(Kind::Unlock)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MatterNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let good = text.split_once('-').is_some_and(|(series, rest)| {
            Kind::ALL.iter().any(|kind| kind.series() == series)
                && (13..=18).contains(&rest.len())
                && rest.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        });
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for MatterNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which certificate it is about, and where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// The token that it is on, as far as the office knows.
    pub token: Option<TokenNumber>,
    /// The unit's code.
    pub uscc: String,
    /// The unit's name.
    pub unit_name: String,
}

/// Where a matter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Being typed; of a loss: held, the call not yet written down.
    Draft,
    /// Signed by one, waits for another.
    Requested,
    /// An unblocking that both signed: a grant can be given.
    Approved,
    /// Carried out: unblocked, revoked; of a loss: written down, the hold runs.
    Done,
    /// A revocation that the list has; the unit is to be told.
    Published,
    /// Over.
    Closed,
    /// Given up.
    Dropped,
}

impl State {
    /// All, in the order of the way.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Requested, Self::Approved, Self::Done, Self::Published, Self::Closed, Self::Dropped];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Done => "done",
            Self::Published => "published",
            Self::Closed => "closed",
            Self::Dropped => "dropped",
        }
    }
}

/// A matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matter {
    /// Its number.
    pub number: MatterNumber,
    /// What it is about.
    pub kind: Kind,
    /// The office that has it.
    pub office: OfficeId,
    /// Where it stands.
    pub state: State,
    /// About which certificate.
    pub about: About,
    /// What was typed, and what came of it.
    pub facts: Facts,
    /// Why it went back or was given up.
    pub reason: Option<String>,
    /// The order that officers sign.
    pub order: Option<OrderId>,
    /// Of an unblocking and of a recovery: the bytes that they sign.
    pub statement: Option<Vec<u8>>,
    /// Who wrote it last.
    pub entry: Who,
    /// Who signed it second.
    pub reviewer: Option<Who>,
    /// Who has taken its next step in hand.
    pub claim: Option<Claim>,
    /// A new handler's resident number, sealed to this matter's place.
    pub handler_id: Option<Vec<u8>>,
    /// Since when its scans and what it says of persons are deleted.
    pub evidence_gone: Option<Timestamp>,
    /// When it was begun.
    pub created: Timestamp,
    /// When it last moved.
    pub updated: Timestamp,
    /// Counts the writes.
    pub version: i64,
}

/// A matter that moved, and the line of history that says so.
pub(super) type Moved = Result<(Matter, Step), Forbidden>;

impl Matter {
    /// Until when the next step is to be done; a hold runs `hold_days`. `None` when it is over.
    #[must_use]
    pub fn due(&self, hold_days: u16) -> Option<Timestamp> {
        let seconds = match (self.state, self.kind) {
            (State::Draft, Kind::Loss) => DAY,
            (State::Draft, _) => 30 * DAY,
            // Law L12: a revocation is carried out within a day.
            (State::Requested | State::Approved, _) => DAY,
            (State::Done, Kind::Loss) => return Some(self.created.plus(i64::from(hold_days) * DAY)),
            (State::Done, Kind::Revocation) => 3600,
            (State::Done, _) => 7 * DAY,
            (State::Published, _) => 3 * DAY,
            (State::Closed | State::Dropped, _) => return None,
        };
        Some(self.updated.plus(seconds))
    }

    /// Whose duty the next step is; `None` when it is over.
    #[must_use]
    pub const fn awaits(&self) -> Option<Role> {
        match (self.kind, self.state) {
            (_, State::Closed | State::Dropped) => None,
            (Kind::Recovery, State::Draft) if self.statement.is_none() => Some(Role::RaEntry),
            (Kind::Recovery, State::Draft | State::Requested | State::Approved) => Some(Role::KmcOfficer),
            (Kind::Recovery, _) => Some(Role::TokenOperator),
            (_, State::Requested) => Some(Role::RaReviewer),
            _ => Some(Role::RaEntry),
        }
    }

    /// Whether this officer's office has it.
    ///
    /// # Errors
    /// [`Forbidden::OtherOffice`].
    pub fn mine(&self, officer: &Officer) -> Result<(), Forbidden> {
        if officer.office == self.office { Ok(()) } else { Err(Forbidden::OtherOffice) }
    }

    /// Other facts, while it is a draft.
    pub(super) fn revise(mut self, officer: &Officer, facts: Facts, now: Timestamp) -> Moved {
        self.mine(officer)?;
        self.must_be(&[State::Draft], "revised")?;
        self.free_for(officer, now)?;
        self.facts = facts;
        // Nobody signs what was written before.
        self.statement = None;
        self.entry = officer.into();
        Ok(self.moved("matter_revise", State::Draft, Some(officer.into()), None, now))
    }

    /// A loss is written down: the hold runs.
    pub(super) fn record(self, officer: &Officer, now: Timestamp) -> Moved {
        self.mine(officer)?;
        self.must_be(&[State::Draft], "recorded")?;
        self.free_for(officer, now)?;
        Ok(self.moved("matter_record", State::Done, Some(officer.into()), None, now))
    }

    /// The first officer signed.
    pub(super) fn request(mut self, officer: &Officer, now: Timestamp) -> Moved {
        self.mine(officer)?;
        self.must_be(&[State::Draft], "requested")?;
        self.free_for(officer, now)?;
        self.entry = officer.into();
        Ok(self.moved("matter_request", State::Requested, Some(officer.into()), None, now))
    }

    /// Another officer signed an unblocking.
    pub(super) fn approve(mut self, officer: &Officer, now: Timestamp) -> Moved {
        self.mine(officer)?;
        self.must_be(&[State::Requested], "approved")?;
        if officer.id == self.entry.id {
            return Err(Forbidden::SameOfficer);
        }
        self.free_for(officer, now)?;
        self.reviewer = Some(officer.into());
        Ok(self.moved("matter_approve", State::Approved, Some(officer.into()), None, now))
    }

    /// Another officer finds a change of the handler good: it is carried out.
    pub(super) fn confirm(mut self, officer: &Officer, now: Timestamp) -> Moved {
        self.mine(officer)?;
        self.must_be(&[State::Requested], "confirmed")?;
        if officer.id == self.entry.id {
            return Err(Forbidden::SameOfficer);
        }
        self.free_for(officer, now)?;
        self.reviewer = Some(officer.into());
        Ok(self.moved("matter_confirm", State::Closed, Some(officer.into()), None, now))
    }

    /// It was carried out.
    pub(super) fn carry_out(mut self, by: Option<Who>, now: Timestamp) -> Moved {
        self.must_be(&[State::Draft, State::Requested, State::Approved], "carried out")?;
        if !matches!(self.kind, Kind::Unlock | Kind::Recovery) {
            self.reviewer.clone_from(&by);
        }
        let to = if self.kind == Kind::Release { State::Closed } else { State::Done };
        Ok(self.moved("matter_done", to, by, None, now))
    }

    /// A list has the revocation.
    pub(super) fn publish(self, number: &str, now: Timestamp) -> Moved {
        self.must_be(&[State::Done], "published")?;
        Ok(self.moved("matter_publish", State::Published, None, Some(number.to_owned()), now))
    }

    /// Nothing is left to do.
    pub(super) fn close(self, by: Option<Who>, why: Option<String>, now: Timestamp) -> Moved {
        self.must_be(&[State::Draft, State::Approved, State::Done, State::Published], "closed")?;
        Ok(self.moved("matter_close", State::Closed, by, why, now))
    }

    /// Back to be put right: its order was refused or given up.
    pub(super) fn return_to_draft(mut self, by: Option<Who>, why: String, now: Timestamp) -> Moved {
        let both = if self.kind == Kind::Recovery { State::Approved } else { State::Requested };
        self.must_be(&[State::Draft, State::Requested, both], "returned")?;
        self.reason = Some(why.clone());
        self.order = None;
        self.statement = None;
        Ok(self.moved("matter_return", State::Draft, by, Some(why), now))
    }

    /// Given up for good, while nothing was carried out.
    pub(super) fn drop_it(mut self, by: Option<Who>, why: String, now: Timestamp) -> Moved {
        self.must_be(&[State::Draft, State::Requested, State::Approved], "given up")?;
        self.reason = Some(why.clone());
        Ok(self.moved("matter_drop", State::Dropped, by, Some(why), now))
    }

    fn must_be(&self, states: &[State], act: &'static str) -> Result<(), Forbidden> {
        if states.contains(&self.state) { Ok(()) } else { Err(Forbidden::State { state: self.state.word(), act }) }
    }

    fn moved(
        mut self,
        act: &'static str,
        to: State,
        by: Option<Who>,
        reason: Option<String>,
        now: Timestamp,
    ) -> (Self, Step) {
        let step = Step { act, from: self.state.word(), to: to.word(), by, reason, at: now };
        // What was claimed is done, unless it stands where it stood.
        if step.from != step.to {
            self.claim = None;
        }
        self.state = to;
        self.updated = now;
        (self, step)
    }
}

#[cfg(test)]
mod tests {
    use ca_core::domain::OfficerId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

    fn officer(id: &str, office: &str) -> Officer {
        Officer {
            id: OfficerId::new(id).expect("an id"),
            name: id.into(),
            office: OfficeId::new(office).expect("an office"),
            roles: Vec::new(),
        }
    }

    fn matter(kind: Kind, state: State) -> Matter {
        let entry = officer("limin", "demo-office");
        Matter {
            number: format!("{}-20261130-0001", kind.series()).parse().expect("a number"),
            kind,
            office: entry.office.clone(),
            state,
            about: About {
                issuer: IssuerId::new("unit-p256").expect("an issuer"),
                serial: "0a".parse().expect("a serial"),
                token: None,
                uscc: "1".into(),
                unit_name: "东湖".into(),
            },
            facts: Facts::default(),
            reason: None,
            order: None,
            statement: None,
            entry: Who::from(&entry),
            reviewer: None,
            claim: None,
            handler_id: None,
            evidence_gone: None,
            created: NOW,
            updated: NOW,
            version: 1,
        }
    }

    /// From each state, in their order: where each step leads.
    #[test]
    fn every_step_is_allowed_from_these_states_only() {
        type Move = fn(Matter) -> Moved;
        let table: [(&str, Move, [&str; 7]); 8] = [
            ("record", |m| m.record(&officer("b", "demo-office"), NOW), ["done", "", "", "", "", "", ""]),
            ("request", |m| m.request(&officer("b", "demo-office"), NOW), ["requested", "", "", "", "", "", ""]),
            ("approve", |m| m.approve(&officer("b", "demo-office"), NOW), ["", "approved", "", "", "", "", ""]),
            ("carry_out", |m| m.carry_out(None, NOW), ["done", "done", "done", "", "", "", ""]),
            ("publish", |m| m.publish("7", NOW), ["", "", "", "published", "", "", ""]),
            ("close", |m| m.close(None, None, NOW), ["closed", "", "closed", "closed", "closed", "", ""]),
            ("return", |m| m.return_to_draft(None, "x".into(), NOW), ["draft", "draft", "", "", "", "", ""]),
            ("drop", |m| m.drop_it(None, "x".into(), NOW), ["dropped", "dropped", "dropped", "", "", "", ""]),
        ];
        for (name, step, to) in table {
            for (state, word) in State::ALL.into_iter().zip(to) {
                let moved = step(matter(Kind::Revocation, state));
                let moved = moved.map_or_else(|_| String::new(), |(matter, _)| matter.state.word().into());
                assert_eq!(moved, word, "{name} from {}", state.word());
            }
        }
    }

    #[test]
    fn one_officer_is_not_two_and_another_office_is_none() {
        let requested = || matter(Kind::Unlock, State::Requested);
        assert_eq!(requested().approve(&officer("limin", "demo-office"), NOW), Err(Forbidden::SameOfficer));
        assert_eq!(requested().approve(&officer("sunli", "other"), NOW), Err(Forbidden::OtherOffice));
        assert!(requested().approve(&officer("sunli", "demo-office"), NOW).is_ok());
    }

    #[test]
    fn a_hold_runs_from_its_beginning_and_what_is_over_waits_for_nothing() {
        let moved = Matter { updated: NOW.plus(5 * DAY), ..matter(Kind::Loss, State::Done) };
        assert_eq!(moved.due(15), Some(NOW.plus(15 * DAY)));
        for kind in Kind::ALL {
            assert_eq!((matter(kind, State::Closed).due(15), matter(kind, State::Dropped).due(15)), (None, None));
        }
    }

    #[test]
    fn a_number_says_what_it_is() {
        assert!("RV-20261130-0001".parse::<MatterNumber>().is_ok());
        assert!("RA-20261130-0001".parse::<MatterNumber>().is_err());
        assert!("RV-2026".parse::<MatterNumber>().is_err());
    }
}
