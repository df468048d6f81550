//! The application form: what was typed, and the particulars that it becomes when nothing is wrong with it.

use std::collections::BTreeMap;

use ca_core::domain::{BeijingDay, Ground, IdentifierError, KeyKind, ResidentId, Subject, SubjectField, Uscc};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::process::{Process, under_warranty};
use crate::mail::address::Address;

/// What was typed, trimmed and not yet believed. A draft keeps it as it is, errors and all.
///
/// No Debug: it holds a resident number.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Unit name.
    pub unit_name: String,
    /// Unified social credit code.
    pub uscc: String,
    /// Word of a [`UnitKind`].
    pub unit_kind: String,
    /// Registered address.
    pub address: String,
    /// Legal representative.
    pub legal_person: String,
    /// Handler's name.
    pub handler_name: String,
    /// Handler's resident number; never stored with the rest, see [`crate::vault`].
    #[serde(skip)]
    pub handler_id: String,
    /// Handler's mobile number.
    pub handler_mobile: String,
    /// Where mails go; none are sent without one.
    #[serde(default)]
    pub handler_email: String,
    /// Term in years.
    pub years: String,
    /// Name of a [`KeyKind`].
    pub key: String,
    /// For an exchange: when the token was bought, `2026-11-24`.
    #[serde(default)]
    pub purchased: String,
}

/// The names of the fields, as forms post them and error messages link them.
pub const FIELDS: [&str; 12] = [
    "unit_name",
    "uscc",
    "unit_kind",
    "address",
    "legal_person",
    "handler_name",
    "handler_id",
    "handler_mobile",
    "years",
    "key",
    "purchased",
    "handler_email",
];

/// What kind of body a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKind {
    /// Company.
    Enterprise,
    /// Public institution.
    Institution,
    /// State organ.
    Organ,
    /// Social organisation.
    Social,
    /// Self-employed household, or anything else.
    Other,
}

impl UnitKind {
    /// All, in the order in which the form offers them.
    pub const ALL: [Self; 5] = [Self::Enterprise, Self::Institution, Self::Organ, Self::Social, Self::Other];

    /// The word in forms, stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Institution => "institution",
            Self::Organ => "organ",
            Self::Social => "social",
            Self::Other => "other",
        }
    }
}

/// An application without fault.
///
/// No Debug: it holds a resident number.
#[derive(Clone, PartialEq, Eq)]
pub struct Particulars {
    /// Unit name, in its compatibility-free form.
    pub unit_name: String,
    /// Code.
    pub uscc: Uscc,
    /// Kind.
    pub unit_kind: UnitKind,
    /// Address.
    pub address: String,
    /// Legal representative.
    pub legal_person: String,
    /// Handler.
    pub handler_name: String,
    /// Handler's resident number.
    pub handler_id: ResidentId,
    /// Handler's mobile number.
    pub handler_mobile: String,
    /// From 1 on; 0 for the rest of an old certificate's term.
    pub years: u8,
    /// The key to make.
    pub key: KeyKind,
}

/// What is wrong with one field; [`FieldFault::key`] names the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// Nothing typed, or nothing chosen.
    Missing,
    /// More characters than fit.
    TooLong(usize),
    /// Control or invisible characters.
    Control,
    /// The code or the number is wrong.
    Identifier(IdentifierError),
    /// Not `^1[3-9]\d{9}$`.
    Mobile,
    /// No e-mail address.
    Email,
    /// Not one of the choices.
    Choice,
    /// No day of the calendar.
    Day,
    /// Bought too long ago, or in the future.
    Warranty,
}

impl FieldFault {
    /// The message key; variables are `n` where the fault has a number.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Missing => "fault-missing",
            Self::TooLong(_) => "fault-too-long",
            Self::Control => "fault-control",
            Self::Identifier(IdentifierError::Length(_)) => "fault-length",
            Self::Identifier(IdentifierError::Character(_)) => "fault-character",
            Self::Identifier(IdentifierError::Birthday) => "fault-birthday",
            Self::Identifier(IdentifierError::Check) => "fault-check",
            Self::Mobile => "fault-mobile",
            Self::Email => "fault-email",
            Self::Choice => "fault-choice",
            Self::Day => "fault-day",
            Self::Warranty => "fault-warranty",
        }
    }

    /// The number in the message, 0 where there is none.
    #[must_use]
    pub const fn number(self) -> usize {
        match self {
            Self::TooLong(n) | Self::Identifier(IdentifierError::Length(n) | IdentifierError::Character(n)) => n,
            _ => 0,
        }
    }
}

/// All that is wrong with a form: field name, fault; in the order of the form.
pub type FieldFaults = Vec<(&'static str, FieldFault)>;

impl Form {
    /// Takes the fields out of what a browser posted; unknown fields are left where they are.
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::default().with_pairs(pairs)
    }

    /// The same with these fields in place of its own.
    #[must_use]
    pub fn with_pairs<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut form = self;
        for (name, value) in pairs {
            if let Some(field) = form.field_mut(name) {
                value.trim().clone_into(field);
            }
        }
        // Full-width digits and letters are a Chinese keyboard's accident.
        for field in [&mut form.uscc, &mut form.handler_id, &mut form.handler_mobile] {
            *field = field.nfkc().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_uppercase();
        }
        form.handler_email = form.handler_email.nfkc().filter(|c| !c.is_whitespace()).collect();
        form
    }

    /// The text of a field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        match name {
            "unit_name" => &self.unit_name,
            "uscc" => &self.uscc,
            "unit_kind" => &self.unit_kind,
            "address" => &self.address,
            "legal_person" => &self.legal_person,
            "handler_name" => &self.handler_name,
            "handler_id" => &self.handler_id,
            "handler_mobile" => &self.handler_mobile,
            "years" => &self.years,
            "key" => &self.key,
            "purchased" => &self.purchased,
            "handler_email" => &self.handler_email,
            _ => "",
        }
    }

    fn field_mut(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "unit_name" => &mut self.unit_name,
            "uscc" => &mut self.uscc,
            "unit_kind" => &mut self.unit_kind,
            "address" => &mut self.address,
            "legal_person" => &mut self.legal_person,
            "handler_name" => &mut self.handler_name,
            "handler_id" => &mut self.handler_id,
            "handler_mobile" => &mut self.handler_mobile,
            "years" => &mut self.years,
            "key" => &mut self.key,
            "purchased" => &mut self.purchased,
            "handler_email" => &mut self.handler_email,
            _ => return None,
        })
    }

    /// Reads the particulars of a case about this; `kinds` are the kinds of keys and `max_years` the longest term that the
    /// form offers.
    ///
    /// # Errors
    /// All faults at once.
    pub fn particulars(
        &self,
        process: &Process,
        kinds: &[KeyKind],
        max_years: u8,
        today: BeijingDay,
    ) -> Result<Particulars, FieldFaults> {
        let mut faults = Vec::new();
        let unit_name = text(&mut faults, "unit_name", &self.unit_name, SubjectField::CommonName.max_chars());
        let uscc = identifier::<Uscc>(&mut faults, "uscc", &self.uscc);
        let unit_kind =
            choice(&mut faults, "unit_kind", UnitKind::ALL.into_iter().find(|k| k.word() == self.unit_kind));
        let address = text(&mut faults, "address", &self.address, 128);
        let legal_person = text(&mut faults, "legal_person", &self.legal_person, 64);
        let handler_name = text(&mut faults, "handler_name", &self.handler_name, 64);
        let handler_id = identifier::<ResidentId>(&mut faults, "handler_id", &self.handler_id);
        if self.handler_mobile.is_empty() {
            faults.push(("handler_mobile", FieldFault::Missing));
        } else if !is_mobile(&self.handler_mobile) {
            faults.push(("handler_mobile", FieldFault::Mobile));
        }
        if !self.handler_email.is_empty() && self.handler_email.parse::<Address>().is_err() {
            faults.push(("handler_email", FieldFault::Email));
        }
        let years = if process.chooses_years() {
            choice(&mut faults, "years", self.years.parse().ok().filter(|years| (1..=max_years).contains(years)))
        } else {
            Some(0)
        };
        let key = choice(&mut faults, "key", self.key.parse().ok().filter(|kind| kinds.contains(kind)));
        if process.ground() == Some(Ground::Exchange) {
            match (self.purchased.as_str(), day(&self.purchased)) {
                ("", _) => faults.push(("purchased", FieldFault::Missing)),
                (_, None) => faults.push(("purchased", FieldFault::Day)),
                (_, Some(purchased)) if !under_warranty(purchased, today) => {
                    faults.push(("purchased", FieldFault::Warranty));
                }
                _ => {}
            }
        }
        match (uscc, unit_kind, handler_id, years, key) {
            (Some(uscc), Some(unit_kind), Some(handler_id), Some(years), Some(key)) if faults.is_empty() => {
                Ok(Particulars {
                    unit_name,
                    uscc,
                    unit_kind,
                    address,
                    legal_person,
                    handler_name,
                    handler_id,
                    handler_mobile: self.handler_mobile.clone(),
                    years,
                    key,
                })
            }
            _ => Err(faults),
        }
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.handler_id);
    }
}

/// A name as search compares it: compatibility forms and case folded, blanks and brackets left out.
#[must_use]
pub fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

fn text(faults: &mut FieldFaults, field: &'static str, typed: &str, most: usize) -> String {
    if typed.is_empty() {
        faults.push((field, FieldFault::Missing));
    } else if typed.chars().count() > most {
        faults.push((field, FieldFault::TooLong(most)));
    } else if Subject::new(BTreeMap::from([(SubjectField::Province, typed.to_owned())])).is_err() {
        // The subject's own rule for names; the province's is the longest.
        faults.push((field, FieldFault::Control));
    }
    typed.to_owned()
}

fn identifier<T: std::str::FromStr<Err = IdentifierError>>(
    faults: &mut FieldFaults,
    field: &'static str,
    typed: &str,
) -> Option<T> {
    if typed.is_empty() {
        faults.push((field, FieldFault::Missing));
        return None;
    }
    typed.parse().map_err(|error| faults.push((field, FieldFault::Identifier(error)))).ok()
}

fn choice<T>(faults: &mut FieldFaults, field: &'static str, chosen: Option<T>) -> Option<T> {
    if chosen.is_none() {
        faults.push((field, FieldFault::Choice));
    }
    chosen
}

/// A day as forms write it, `2026-11-30`.
#[must_use]
pub fn day(text: &str) -> Option<BeijingDay> {
    let [year, month, day] = <[&str; 3]>::try_from(text.splitn(3, '-').collect::<Vec<_>>()).ok()?;
    BeijingDay::from_calendar(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

pub(crate) fn is_mobile(text: &str) -> bool {
    let digits = text.as_bytes();
    digits.len() == 11
        && digits[0] == b'1'
        && (b'3'..=b'9').contains(&digits[1])
        && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Rsa2048];

    /// A form without fault.
    pub(crate) fn good() -> Form {
        Form::from_pairs([
            ("unit_name", "示范市东湖建筑工程有限公司"),
            ("uscc", "91350100M000100Y43"),
            ("unit_kind", "enterprise"),
            ("address", "示范市东湖区人民路 8 号"),
            ("legal_person", "张伟"),
            ("handler_name", "刘芳"),
            ("handler_id", "11010519491231002X"),
            ("handler_mobile", "13800138000"),
            ("years", "2"),
            ("key", "P-256"),
        ])
    }

    fn today() -> BeijingDay {
        BeijingDay::from_calendar(2026, 11, 24).expect("a day")
    }

    fn fault(field: &'static str, typed: &str) -> FieldFaults {
        let mut form = good();
        typed.clone_into(form.field_mut(field).expect("a field"));
        form.particulars(&Process::Enrolment, &KINDS, 5, today()).err().unwrap_or_default()
    }

    #[test]
    fn a_good_form_becomes_particulars() {
        let particulars = good().particulars(&Process::Enrolment, &KINDS, 5, today());
        assert!(particulars.is_ok_and(|p| p.years == 2 && p.uscc.as_str() == "91350100M000100Y43"));
    }

    #[test]
    fn what_is_wrong_with_a_code_is_named() {
        let identifier = |error| vec![("uscc", FieldFault::Identifier(error))];
        assert_eq!(fault("uscc", "91130503MA0CK7Q"), identifier(IdentifierError::Length(15)));
        assert_eq!(fault("uscc", "91350100I000100Y43"), identifier(IdentifierError::Character(9)));
        assert_eq!(fault("uscc", "915300007194052521"), identifier(IdentifierError::Check));
        assert_eq!(fault("uscc", ""), vec![("uscc", FieldFault::Missing)]);
    }

    #[test]
    fn what_is_wrong_with_a_resident_number_is_named() {
        let identifier = |error| vec![("handler_id", FieldFault::Identifier(error))];
        assert_eq!(fault("handler_id", "11010519491231002"), identifier(IdentifierError::Length(17)));
        assert_eq!(fault("handler_id", "11010519491331002X"), identifier(IdentifierError::Birthday));
        assert_eq!(fault("handler_id", "110105194912310021"), identifier(IdentifierError::Check));
    }

    #[test]
    fn the_other_fields_have_their_faults_too() {
        assert_eq!(fault("handler_mobile", "12800138000"), vec![("handler_mobile", FieldFault::Mobile)]);
        assert_eq!(fault("years", "6"), vec![("years", FieldFault::Choice)]);
        assert_eq!(fault("key", "RSA-1024"), vec![("key", FieldFault::Choice)]);
        assert_eq!(fault("key", "SM2"), vec![("key", FieldFault::Choice)], "not offered here");
        assert_eq!(fault("unit_name", &"长".repeat(65)), vec![("unit_name", FieldFault::TooLong(64))]);
        assert_eq!(fault("legal_person", "张\u{202e}伟"), vec![("legal_person", FieldFault::Control)]);
    }

    #[test]
    fn an_empty_form_names_every_field_once() {
        let faults = Form::default().particulars(&Process::Enrolment, &KINDS, 5, today()).err().expect("faults");
        assert_eq!(faults.iter().map(|(field, _)| *field).collect::<Vec<_>>(), FIELDS[..10]);
    }

    #[test]
    fn full_width_and_spaced_codes_are_read() {
        let form = Form::from_pairs([("uscc", "９１３５０１００ m000100y43")]);
        assert_eq!(form.uscc, "91350100M000100Y43");
    }

    #[test]
    fn names_are_folded_for_search() {
        assert_eq!(folded("示范市（东湖） ＡＢＣ 公司"), "示范市东湖abc公司");
    }

    #[test]
    fn an_exchange_asks_for_the_day_of_purchase_and_no_term() {
        let old = super::super::process::CertificateName {
            issuer: ca_core::domain::IssuerId::new("unit-p256").expect("a name"),
            serial: "4a01".parse().expect("a serial"),
        };
        let exchange = Process::Replacement { ground: Ground::Exchange, old };
        for (typed, fault) in [
            ("", Some(FieldFault::Missing)),
            ("2026-02-30", Some(FieldFault::Day)),
            ("last year", Some(FieldFault::Day)),
            ("2023-11-23", Some(FieldFault::Warranty)),
            ("2026-11-25", Some(FieldFault::Warranty)),
            ("2023-11-24", None),
        ] {
            let mut form = good();
            form.years.clear();
            typed.clone_into(&mut form.purchased);
            let faults = form.particulars(&exchange, &KINDS, 5, today()).err().unwrap_or_default();
            assert_eq!(faults, fault.map(|fault| ("purchased", fault)).into_iter().collect::<Vec<_>>(), "{typed}");
        }
    }
}
