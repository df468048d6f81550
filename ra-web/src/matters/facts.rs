//! What is typed in a matter, and what came of it.

use ca_core::domain::{BeijingDay, RevocationReason, UnlockWay};
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::enrolment::form::day;

/// A text has at most so many characters.
const MAX_TEXT: usize = 200;

/// Why a certificate is revoked (`domain.md` L5), and who asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The holder asks, without saying more.
    HolderAsks,
    /// The holder's key or token is in other hands, or lost.
    HolderCompromise,
    /// The holder ceased to exist.
    HolderCeased,
    /// What was certified was false.
    FalseInformation,
    /// The agreement is not kept.
    Breach,
    /// The security of the certificate is no longer assured.
    Unsafe,
    /// A court or an authority ordered it.
    Ordered,
}

impl Ground {
    /// All of them, in the order in which the form offers them.
    pub const ALL: [Self; 7] = [
        Self::HolderAsks,
        Self::HolderCompromise,
        Self::HolderCeased,
        Self::FalseInformation,
        Self::Breach,
        Self::Unsafe,
        Self::Ordered,
    ];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HolderAsks => "holder-asks",
            Self::HolderCompromise => "holder-compromise",
            Self::HolderCeased => "holder-ceased",
            Self::FalseInformation => "false-information",
            Self::Breach => "breach",
            Self::Unsafe => "unsafe",
            Self::Ordered => "ordered",
        }
    }

    /// The ground with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.word() == word)
    }

    /// Whether the holder asks; otherwise it is the supervisor's to begin.
    #[must_use]
    pub const fn is_the_holders(self) -> bool {
        matches!(self, Self::HolderAsks | Self::HolderCompromise | Self::HolderCeased)
    }

    /// The reason code that lists and answers tell.
    #[must_use]
    pub const fn reason(self) -> RevocationReason {
        match self {
            Self::HolderAsks | Self::HolderCeased => RevocationReason::CessationOfOperation,
            Self::HolderCompromise | Self::Unsafe => RevocationReason::KeyCompromise,
            Self::FalseInformation | Self::Breach | Self::Ordered => RevocationReason::PrivilegeWithdrawn,
        }
    }

    /// Whether it matters since when the key can no longer be believed.
    #[must_use]
    pub const fn asks_since_when(self) -> bool {
        matches!(self, Self::HolderCompromise | Self::Unsafe)
    }
}

/// What is typed, and what came of it. Empty fields are not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Why a certificate is revoked: the word of a [`Ground`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ground: String,
    /// Since when the key can no longer be believed, a day.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub invalid_since: String,
    /// Who asked or called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub applicant: String,
    /// Where they can be called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// How it was asked for or told: `counter`, `phone` or `letter`; of an unblocking `counter` or `remote`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub way: String,
    /// How the officer knows that it is the holder who asks; of a call, its record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub checked: String,
    /// What happened, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub story: String,
    /// How often an unblocking failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures: u8,
    /// Whether the first signature was a supervisor's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub supervisor: bool,
    /// Number of the first list that has the revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_number: Option<String>,
    /// When that list was made, unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crl_at: Option<i64>,
    /// When the responder was first heard to say so, unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp_at: Option<i64>,
    /// How the unit was told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub told: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(n: &u8) -> bool {
    *n == 0
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactFault {
    /// Nothing typed or chosen.
    Missing,
    /// Over [`MAX_TEXT`] characters, or with invisible ones.
    Text,
    /// No day, or one after today.
    Day,
}

impl FactFault {
    /// The message key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Missing => "matter-fault-missing",
            Self::Text => "matter-fault-text",
            Self::Day => "matter-fault-day",
        }
    }
}

impl Facts {
    /// The fields of a form, by their names.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("ground", &self.ground),
            ("invalid_since", &self.invalid_since),
            ("applicant", &self.applicant),
            ("phone", &self.phone),
            ("way", &self.way),
            ("checked", &self.checked),
            ("story", &self.story),
        ]
    }

    /// Sets the field of a form.
    pub fn set(&mut self, name: &str, typed: &str) {
        let field = match name {
            "ground" => &mut self.ground,
            "invalid_since" => &mut self.invalid_since,
            "applicant" => &mut self.applicant,
            "phone" => &mut self.phone,
            "way" => &mut self.way,
            "checked" => &mut self.checked,
            "story" => &mut self.story,
            _ => return,
        };
        typed.trim().clone_into(field);
    }

    /// The ways that a kind of matter may be asked for.
    #[must_use]
    pub const fn ways(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Unlock => &["counter", "remote"],
            Kind::Loss => &["phone", "counter", "letter"],
            Kind::Release | Kind::Revocation => &["counter", "letter"],
        }
    }

    /// The ground of a revocation.
    #[must_use]
    pub fn ground(&self) -> Option<Ground> {
        Ground::from_word(&self.ground)
    }

    /// Where an unblocking happens.
    #[must_use]
    pub fn unlock_way(&self) -> Option<UnlockWay> {
        UnlockWay::ALL.into_iter().find(|way| way.word() == self.way)
    }

    /// What is wrong with what was typed for this kind of matter.
    #[must_use]
    pub fn faults(&self, kind: Kind, today: BeijingDay) -> Vec<(&'static str, FactFault)> {
        let mut faults = Vec::new();
        for (name, typed) in self.fields() {
            if typed.chars().count() > MAX_TEXT || typed.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
                faults.push((name, FactFault::Text));
            }
        }
        let mut needed = vec![("applicant", &self.applicant), ("checked", &self.checked)];
        if kind == Kind::Loss {
            needed.extend([("phone", &self.phone), ("story", &self.story)]);
        }
        if kind == Kind::Release {
            needed.push(("story", &self.story));
        }
        faults.extend(needed.into_iter().filter(|(_, typed)| typed.is_empty()).map(|(n, _)| (n, FactFault::Missing)));
        if !Self::ways(kind).contains(&self.way.as_str()) {
            faults.push(("way", FactFault::Missing));
        }
        if kind == Kind::Revocation {
            match self.ground() {
                None => faults.push(("ground", FactFault::Missing)),
                Some(ground) if ground.asks_since_when() => {
                    match (self.invalid_since.as_str(), day(&self.invalid_since)) {
                        ("", _) => faults.push(("invalid_since", FactFault::Missing)),
                        (_, Some(since)) if since <= today => {}
                        _ => faults.push(("invalid_since", FactFault::Day)),
                    }
                }
                Some(_) => {}
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Facts {
        Facts {
            applicant: "刘芳".into(),
            phone: "13800138000".into(),
            way: "counter".into(),
            checked: "身份证原件".into(),
            story: "遗失".into(),
            ..Facts::default()
        }
    }

    fn today() -> BeijingDay {
        BeijingDay::from_calendar(2026, 11, 30).expect("a day")
    }

    #[test]
    fn each_kind_wants_its_facts() {
        for kind in Kind::ALL {
            let names: Vec<_> = Facts::default().faults(kind, today()).into_iter().map(|(name, _)| name).collect();
            assert!(names.contains(&"applicant") && names.contains(&"checked") && names.contains(&"way"), "{kind:?}");
            assert_eq!(names.contains(&"ground"), kind == Kind::Revocation);
            assert_eq!(names.contains(&"phone"), kind == Kind::Loss);
        }
        assert_eq!(typed().faults(Kind::Unlock, today()), []);
    }

    #[test]
    fn a_compromise_says_since_when_and_not_from_tomorrow() {
        let of = |since: &str| {
            let facts = Facts { ground: "holder-compromise".into(), invalid_since: since.into(), ..typed() };
            facts.faults(Kind::Revocation, today())
        };
        assert_eq!(of(""), [("invalid_since", FactFault::Missing)]);
        assert_eq!(of("2026-12-01"), [("invalid_since", FactFault::Day)]);
        assert_eq!(of("2026-11-30"), []);
    }

    #[test]
    fn every_ground_of_the_law_has_its_reason_code() {
        use RevocationReason as R;
        let reasons = Ground::ALL.map(Ground::reason);
        let (ceased, compromised, withdrawn) = (R::CessationOfOperation, R::KeyCompromise, R::PrivilegeWithdrawn);
        assert_eq!(reasons, [ceased, compromised, ceased, withdrawn, withdrawn, compromised, withdrawn]);
    }
}
