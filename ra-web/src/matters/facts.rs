//! What is typed in a matter, and what came of it.

use ca_core::domain::{BeijingDay, IssuerId, RevocationReason, UnlockWay};
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::enrolment::form::{day, is_mobile};
use crate::enrolment::process::CertificateName;

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
    /// The certificate to whose key a recovered one is to be wrapped: issuer and serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recipient: String,
    /// A new handler's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub handler_name: String,
    /// A new handler's mobile number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub handler_mobile: String,
    /// A new handler's resident number, `110105********002X`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub handler_id_masked: String,
    /// Who spoke for the unit before: name, mobile number, masked resident number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub handler_before: String,
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
    /// No mobile number.
    Mobile,
    /// No resident number.
    Resident,
    /// No day, one after today, or one before the certificate.
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
            Self::Mobile => "matter-fault-mobile",
            Self::Resident => "matter-fault-resident",
        }
    }
}

impl Facts {
    /// The fields of a form, by their names.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 10] {
        [
            ("ground", &self.ground),
            ("recipient", &self.recipient),
            ("handler_name", &self.handler_name),
            ("handler_mobile", &self.handler_mobile),
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
            "recipient" => &mut self.recipient,
            "handler_name" => &mut self.handler_name,
            "handler_mobile" => &mut self.handler_mobile,
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

    /// Forgets what it says of persons.
    pub fn forget_persons(&mut self) {
        for field in [
            &mut self.applicant,
            &mut self.phone,
            &mut self.checked,
            &mut self.story,
            &mut self.handler_name,
            &mut self.handler_mobile,
            &mut self.handler_id_masked,
            &mut self.handler_before,
            &mut self.told,
        ] {
            field.clear();
        }
    }

    /// The ways that a kind of matter may be asked for.
    #[must_use]
    pub const fn ways(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Unlock => &["counter", "remote"],
            Kind::Loss => &["phone", "counter", "letter", "web"],
            Kind::Release | Kind::Revocation | Kind::Recovery | Kind::Handler => &["counter", "letter"],
        }
    }

    /// The ground of a revocation.
    #[must_use]
    pub fn ground(&self) -> Option<Ground> {
        Ground::from_word(&self.ground)
    }

    /// The certificate to whose key a recovered one is to be wrapped.
    #[must_use]
    pub fn recipient(&self) -> Option<CertificateName> {
        let (issuer, serial) = self.recipient.split_once('/')?;
        Some(CertificateName { issuer: IssuerId::new(issuer)?, serial: serial.parse().ok()? })
    }

    /// Where an unblocking happens.
    #[must_use]
    pub fn unlock_way(&self) -> Option<UnlockWay> {
        UnlockWay::ALL.into_iter().find(|way| way.word() == self.way)
    }

    /// What is wrong with what was typed for this kind of matter about a certificate that is valid from `first` on.
    #[must_use]
    pub fn faults(&self, kind: Kind, today: BeijingDay, first: BeijingDay) -> Vec<(&'static str, FactFault)> {
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
        if matches!(kind, Kind::Release | Kind::Recovery) {
            needed.push(("story", &self.story));
        }
        if kind == Kind::Recovery {
            needed.push(("recipient", &self.recipient));
        }
        if kind == Kind::Handler {
            needed.extend([("handler_name", &self.handler_name), ("handler_mobile", &self.handler_mobile)]);
            if !self.handler_mobile.is_empty() && !is_mobile(&self.handler_mobile) {
                faults.push(("handler_mobile", FactFault::Mobile));
            }
            if self.handler_id_masked.is_empty() {
                faults.push(("handler_id", FactFault::Missing));
            }
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
                        (_, Some(since)) if first <= since && since <= today => {}
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

    fn first() -> BeijingDay {
        BeijingDay::from_calendar(2026, 11, 1).expect("a day")
    }

    #[test]
    fn each_kind_wants_its_facts() {
        for kind in Kind::ALL {
            let names: Vec<_> =
                Facts::default().faults(kind, today(), first()).into_iter().map(|(name, _)| name).collect();
            assert!(names.contains(&"applicant") && names.contains(&"checked") && names.contains(&"way"), "{kind:?}");
            assert_eq!(names.contains(&"ground"), kind == Kind::Revocation);
            assert_eq!(names.contains(&"phone"), kind == Kind::Loss);
        }
        assert_eq!(typed().faults(Kind::Unlock, today(), first()), []);
    }

    #[test]
    fn a_compromise_says_since_when_and_not_from_tomorrow() {
        let of = |since: &str| {
            let facts = Facts { ground: "holder-compromise".into(), invalid_since: since.into(), ..typed() };
            facts.faults(Kind::Revocation, today(), first())
        };
        assert_eq!(of(""), [("invalid_since", FactFault::Missing)]);
        assert_eq!(of("2026-12-01"), [("invalid_since", FactFault::Day)]);
        assert_eq!(of("2026-10-31"), [("invalid_since", FactFault::Day)], "before the certificate");
        for edge in ["2026-11-01", "2026-11-30"] {
            assert_eq!(of(edge), []);
        }
    }

    #[test]
    fn every_ground_of_the_law_has_its_reason_code() {
        use RevocationReason as R;
        let reasons = Ground::ALL.map(Ground::reason);
        let (ceased, compromised, withdrawn) = (R::CessationOfOperation, R::KeyCompromise, R::PrivilegeWithdrawn);
        assert_eq!(reasons, [ceased, compromised, ceased, withdrawn, withdrawn, compromised, withdrawn]);
    }
}
