//! One token and its life: a state machine whose transitions consume it.

use std::fmt;
use std::str::FromStr;

use ca_core::domain::{BeijingDay, IssuerId, OfficeId, Officer, Serial, Timestamp};

use crate::enrolment::case::{CaseNumber, Step, Who};
use crate::enrolment::process::WARRANTY_YEARS;

/// Serial number of a token, as its module tells it: 1 to 64 letters, digits and marks of ASCII, no slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenNumber(String);

impl TokenNumber {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let good = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'#' | b'+'));
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for TokenNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The model of a token that came to the counter without having been in stock.
pub(super) const MODEL_UNKNOWN: &str = "–";

/// Whose certificate is on a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who issued the certificate.
    pub issuer: IssuerId,
    /// Its serial number; of a pair, the signature certificate's.
    pub serial: Serial,
    /// The unit's code.
    pub uscc: String,
    /// The unit's name.
    pub unit_name: String,
}

/// Where a token stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As its maker delivers it: its admin PIN is the maker's.
    Blank,
    /// Its admin PIN is the one that the office derives.
    Formatted,
    /// A certificate is being made on it.
    Bound {
        /// For this case.
        case: CaseNumber,
    },
    /// With its unit.
    InUse(Holder),
    /// Its PIN is locked.
    Locked(Holder),
    /// Its unit lost it; the certificate is held.
    ReportedLost(Holder),
    /// It does not work; a case about its exchange is open.
    Faulty(Holder),
    /// Another one took its place.
    Replaced(Holder),
    /// Out of use for good.
    Retired(Option<Holder>),
}

impl State {
    /// Words of all states, in the order of the way.
    pub const WORDS: [&'static str; 9] =
        ["blank", "formatted", "bound", "in_use", "locked", "reported_lost", "faulty", "replaced", "retired"];

    /// Words of the states in which a token lies in the office's cupboard.
    pub const IN_STOCK: [&'static str; 2] = ["blank", "formatted"];

    /// The word in stores, addresses and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Formatted => "formatted",
            Self::Bound { .. } => "bound",
            Self::InUse(_) => "in_use",
            Self::Locked(_) => "locked",
            Self::ReportedLost(_) => "reported_lost",
            Self::Faulty(_) => "faulty",
            Self::Replaced(_) => "replaced",
            Self::Retired(_) => "retired",
        }
    }

    /// Whose certificate is on it.
    #[must_use]
    pub const fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Blank | Self::Formatted | Self::Bound { .. } => None,
            Self::InUse(holder)
            | Self::Locked(holder)
            | Self::ReportedLost(holder)
            | Self::Faulty(holder)
            | Self::Replaced(holder) => Some(holder),
            Self::Retired(holder) => holder.as_ref(),
        }
    }
}

/// A token. A moved one is what a transition made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its serial number.
    pub serial: TokenNumber,
    /// Whose stock it is in or came from.
    pub office: OfficeId,
    /// Maker and model.
    pub model: String,
    /// When it was bought from its maker.
    pub purchased: BeijingDay,
    /// Last day on which a quality fault is covered; an exchanged token keeps that of the first one.
    pub warranty_until: BeijingDay,
    /// Where it stands.
    pub state: State,
    /// While it is on its way to another office: the number of the transfer.
    pub transfer: Option<String>,
    /// When its holder last chose a PIN, by the token's own signed word.
    pub pin_changed: Option<Timestamp>,
    /// When it was last counted.
    pub counted: Option<Timestamp>,
    /// When it was destroyed.
    pub destroyed: Option<Timestamp>,
    /// When it came into the books.
    pub created: Timestamp,
    /// When it last moved.
    pub updated: Timestamp,
    /// Counts the writes.
    pub version: i64,
}

/// Why a token cannot be used so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It is in no stock.
    #[error("the token is not in the stock of this office: receive it into stock first")]
    Unknown,
    /// Another office's, or on its way to one.
    #[error("the token belongs to another office's stock, or is on its way there")]
    Elsewhere,
    /// Another case or unit has it.
    #[error("the token is in use for another case or unit")]
    Taken,
    /// Lost, faulty, replaced or retired.
    #[error("the token is out of use: lost, faulty, replaced or retired")]
    Spent,
    /// Not from this state.
    #[error("the state of the token does not allow it")]
    State,
}

/// A token that moved, and the line of history that says so.
pub(super) type Moved = Result<(Token, Step), TokenRefusal>;

impl Token {
    /// A token that comes into an office's stock.
    #[must_use]
    pub fn receive(
        serial: TokenNumber,
        office: OfficeId,
        model: String,
        purchased: BeijingDay,
        by: Option<Who>,
        now: Timestamp,
    ) -> (Self, Step) {
        let step = Step { act: "token_receive", from: "none", to: "blank", by, reason: None, at: now };
        let token = Self {
            serial,
            office,
            model,
            purchased,
            warranty_until: purchased.plus_years(WARRANTY_YEARS),
            state: State::Blank,
            transfer: None,
            pin_changed: None,
            counted: None,
            destroyed: None,
            created: now,
            updated: now,
            version: 0,
        };
        (token, step)
    }

    /// Whether it was received into stock, and did not come to the counter by itself.
    #[must_use]
    pub fn is_from_stock(&self) -> bool {
        self.model != MODEL_UNKNOWN
    }

    /// Its admin PIN is the derived one now.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn format(self, by: Option<Who>, now: Timestamp) -> Moved {
        match self.state {
            State::Blank => Ok(self.moved("token_format", State::Formatted, by, None, now)),
            _ => Err(TokenRefusal::State),
        }
    }

    /// Whether a certificate of this unit may be made on it for this case at this office.
    ///
    /// # Errors
    /// [`TokenRefusal`] says why not.
    pub fn takes(&self, case: &CaseNumber, office: &OfficeId, uscc: &str) -> Result<(), TokenRefusal> {
        match &self.state {
            State::Blank | State::Formatted if self.office != *office || self.transfer.is_some() => {
                Err(TokenRefusal::Elsewhere)
            }
            State::Blank | State::Formatted => Ok(()),
            State::Bound { case: other } if other == case => Ok(()),
            // A unit keeps its token when its certificate is renewed or changed.
            State::InUse(holder) if holder.uscc == uscc => Ok(()),
            State::Bound { .. } | State::InUse(_) | State::Locked(_) => Err(TokenRefusal::Taken),
            State::ReportedLost(_) | State::Faulty(_) | State::Replaced(_) | State::Retired(_) => {
                Err(TokenRefusal::Spent)
            }
        }
    }

    /// A certificate is being made on it. Told again, and for a token that its unit has already, it is no step.
    ///
    /// # Errors
    /// As [`Self::takes`].
    pub fn bind(
        self,
        case: &CaseNumber,
        office: &OfficeId,
        uscc: &str,
        now: Timestamp,
    ) -> Result<Option<(Self, Step)>, TokenRefusal> {
        self.takes(case, office, uscc)?;
        Ok(match &self.state {
            State::Blank | State::Formatted => {
                let number = Some(case.to_string());
                Some(self.moved("token_bind", State::Bound { case: case.clone() }, None, number, now))
            }
            _ => None,
        })
    }

    /// What was begun on it was given up: back to the cupboard.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn unbind(self, now: Timestamp) -> Moved {
        match &self.state {
            State::Bound { case } => {
                let number = Some(case.to_string());
                Ok(self.moved("token_unbind", State::Formatted, None, number, now))
            }
            _ => Err(TokenRefusal::State),
        }
    }

    /// Its certificate proved that it is on it: with its unit from now on. `warranty` is the end that it keeps when it
    /// was given in exchange for a faulty one.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn deliver(mut self, holder: Holder, warranty: Option<BeijingDay>, now: Timestamp) -> Moved {
        match &self.state {
            State::Bound { .. } | State::InUse(_) => {
                let name = Some(holder.unit_name.clone());
                if let Some(end) = warranty {
                    self.warranty_until = end;
                }
                Ok(self.moved("token_deliver", State::InUse(holder), None, name, now))
            }
            _ => Err(TokenRefusal::State),
        }
    }

    /// Its certificate is held, or its loss was told. Told again it is no step.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn report_lost(self, by: Option<Who>, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::InUse(holder) | State::Locked(holder) => {
                Ok(self.moved("token_lost", State::ReportedLost(holder), by, None, now))
            }
            _ => Err(TokenRefusal::State),
        }
    }

    /// It was found again.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn find(self, by: Option<Who>, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::ReportedLost(holder) => Ok(self.moved("token_found", State::InUse(holder), by, None, now)),
            _ => Err(TokenRefusal::State),
        }
    }

    /// Its PIN is locked.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn lock(self, by: Option<Who>, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::InUse(holder) => Ok(self.moved("token_lock", State::Locked(holder), by, None, now)),
            _ => Err(TokenRefusal::State),
        }
    }

    /// It has a new PIN.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn unlock(self, by: Option<Who>, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::Locked(holder) => Ok(self.moved("token_unlock", State::InUse(holder), by, None, now)),
            _ => Err(TokenRefusal::State),
        }
    }

    /// An inspection found it faulty, and covered or not.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn find_faulty(self, by: Option<Who>, reason: String, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::InUse(holder) | State::Locked(holder) => {
                Ok(self.moved("token_faulty", State::Faulty(holder), by, Some(reason), now))
            }
            _ => Err(TokenRefusal::State),
        }
    }

    /// It is not exchanged after all: still with its unit.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn keep(self, by: Option<Who>, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::Faulty(holder) => Ok(self.moved("token_keep", State::InUse(holder), by, None, now)),
            _ => Err(TokenRefusal::State),
        }
    }

    /// Another token took its place.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn replace(self, other: &TokenNumber, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::InUse(holder) | State::Locked(holder) | State::ReportedLost(holder) | State::Faulty(holder) => {
                Ok(self.moved("token_replace", State::Replaced(holder), None, Some(other.to_string()), now))
            }
            _ => Err(TokenRefusal::State),
        }
    }

    /// It goes out of use: its certificate was revoked, or it is worn out.
    ///
    /// # Errors
    /// [`TokenRefusal::State`].
    pub fn retire(self, by: Option<Who>, reason: String, now: Timestamp) -> Moved {
        match self.state.clone() {
            State::Bound { .. } | State::Retired(_) => Err(TokenRefusal::State),
            other => {
                let holder = other.holder().cloned();
                Ok(self.moved("token_retire", State::Retired(holder), by, Some(reason), now))
            }
        }
    }

    /// It was destroyed; where it stands does not change.
    ///
    /// # Errors
    /// [`TokenRefusal::State`] unless it is replaced or retired, or was destroyed already.
    pub fn destroy(mut self, by: &Officer, how: String, now: Timestamp) -> Moved {
        match self.state {
            State::Replaced(_) | State::Retired(_) if self.destroyed.is_none() => {
                self.destroyed = Some(now);
                let state = self.state.clone();
                Ok(self.moved("token_destroy", state, Some(by.into()), Some(how), now))
            }
            _ => Err(TokenRefusal::State),
        }
    }

    /// It leaves for another office.
    ///
    /// # Errors
    /// [`TokenRefusal::State`] unless it lies in the cupboard.
    pub fn send(mut self, transfer: &str, to: &OfficeId, by: &Officer, now: Timestamp) -> Moved {
        if self.transfer.is_some() || !matches!(self.state, State::Blank | State::Formatted) {
            return Err(TokenRefusal::State);
        }
        self.transfer = Some(transfer.to_owned());
        let state = self.state.clone();
        Ok(self.moved("token_send", state, Some(by.into()), Some(to.to_string()), now))
    }

    /// It arrived at another office.
    ///
    /// # Errors
    /// [`TokenRefusal::State`] unless it is on its way.
    pub fn arrive(mut self, office: &OfficeId, by: &Officer, now: Timestamp) -> Moved {
        if self.transfer.take().is_none() {
            return Err(TokenRefusal::State);
        }
        self.office = office.clone();
        let state = self.state.clone();
        Ok(self.moved("token_arrive", state, Some(by.into()), Some(office.to_string()), now))
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
        self.state = to;
        self.updated = now;
        (self, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

    fn office(name: &str) -> OfficeId {
        OfficeId::new(name).expect("an office")
    }

    fn case(n: i64) -> CaseNumber {
        CaseNumber::new(NOW.beijing_day(), n)
    }

    fn holder(uscc: &str) -> Holder {
        Holder {
            issuer: IssuerId::new("unit-p256").expect("an issuer"),
            serial: "0a".parse().expect("a serial"),
            uscc: uscc.into(),
            unit_name: "东湖".into(),
        }
    }

    fn in_state(state: State) -> Token {
        let serial = "YX01".parse().expect("a number");
        let day = BeijingDay::from_calendar(2024, 2, 29).expect("a day");
        let (token, _) = Token::receive(serial, office("demo-office"), "soft".into(), day, None, NOW);
        Token { state, ..token }
    }

    fn all() -> [State; 9] {
        let h = || holder("1");
        [
            State::Blank,
            State::Formatted,
            State::Bound { case: case(1) },
            State::InUse(h()),
            State::Locked(h()),
            State::ReportedLost(h()),
            State::Faulty(h()),
            State::Replaced(h()),
            State::Retired(None),
        ]
    }

    /// Each transition from each state: the word of the state it leads to, or nothing.
    #[test]
    fn every_transition_is_allowed_from_these_states_only() {
        type Step = fn(Token) -> Moved;
        let table: [(&str, Step, [&str; 9]); 10] = [
            ("format", |t| t.format(None, NOW), ["formatted", "", "", "", "", "", "", "", ""]),
            ("unbind", |t| t.unbind(NOW), ["", "", "formatted", "", "", "", "", "", ""]),
            ("deliver", |t| t.deliver(holder("1"), None, NOW), ["", "", "in_use", "in_use", "", "", "", "", ""]),
            ("lost", |t| t.report_lost(None, NOW), ["", "", "", "reported_lost", "reported_lost", "", "", "", ""]),
            ("find", |t| t.find(None, NOW), ["", "", "", "", "", "in_use", "", "", ""]),
            ("keep", |t| t.keep(None, NOW), ["", "", "", "", "", "", "in_use", "", ""]),
            ("lock", |t| t.lock(None, NOW), ["", "", "", "locked", "", "", "", "", ""]),
            ("unlock", |t| t.unlock(None, NOW), ["", "", "", "", "in_use", "", "", "", ""]),
            ("faulty", |t| t.find_faulty(None, "dead".into(), NOW), ["", "", "", "faulty", "faulty", "", "", "", ""]),
            (
                "retire",
                |t| t.retire(None, "old".into(), NOW),
                ["retired", "retired", "", "retired", "retired", "retired", "retired", "retired", ""],
            ),
        ];
        for (name, step, to) in table {
            for (state, word) in all().into_iter().zip(to) {
                let from = state.word();
                let moved =
                    step(in_state(state)).map_or_else(|_| String::new(), |(token, _)| token.state.word().into());
                assert_eq!(moved, word, "{name} from {from}");
            }
        }
    }

    #[test]
    fn a_certificate_is_made_only_on_a_token_of_this_stock_or_of_this_unit() {
        let here = office("demo-office");
        let takes = |token: &Token, uscc: &str| token.takes(&case(1), &here, uscc);
        assert_eq!(takes(&in_state(State::Blank), "1"), Ok(()));
        let sent = Token { transfer: Some("T".into()), ..in_state(State::Formatted) };
        assert_eq!(takes(&sent, "1"), Err(TokenRefusal::Elsewhere));
        let other = Token { office: office("other"), ..in_state(State::Formatted) };
        assert_eq!(takes(&other, "1"), Err(TokenRefusal::Elsewhere));
        assert_eq!(takes(&in_state(State::Bound { case: case(1) }), "1"), Ok(()));
        assert_eq!(takes(&in_state(State::Bound { case: case(2) }), "1"), Err(TokenRefusal::Taken));
        assert_eq!(takes(&in_state(State::InUse(holder("1"))), "1"), Ok(()));
        assert_eq!(takes(&in_state(State::InUse(holder("2"))), "1"), Err(TokenRefusal::Taken));
        assert_eq!(takes(&in_state(State::ReportedLost(holder("1"))), "1"), Err(TokenRefusal::Spent));
    }

    #[test]
    fn an_exchanged_token_keeps_the_first_warranty() {
        let bound = in_state(State::Bound { case: case(1) });
        assert_eq!(bound.warranty_until.to_string(), "2027-02-28");
        let first = BeijingDay::from_calendar(2026, 1, 2).expect("a day");
        let (token, _) = bound.deliver(holder("1"), Some(first), NOW).expect("delivered");
        assert_eq!(token.warranty_until, first);
    }

    #[test]
    fn only_what_is_out_of_use_is_destroyed_and_only_once() {
        let officer = Officer {
            id: ca_core::domain::OfficerId::new("chenjie").expect("an id"),
            name: "陈洁".into(),
            office: office("demo-office"),
            roles: Vec::new(),
        };
        let destroy = |token: Token| token.destroy(&officer, "shredded".into(), NOW);
        assert!(destroy(in_state(State::Faulty(holder("1")))).is_err());
        let (gone, _) = destroy(in_state(State::Replaced(holder("1")))).expect("destroyed");
        assert!(destroy(gone).is_err());
    }
}
