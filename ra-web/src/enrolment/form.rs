//! The application form: what was typed, and the particulars that it becomes when nothing is wrong with it.

use std::collections::BTreeMap;

use ca_core::domain::{BeijingDay, Ground, IdentifierError, KeyKind, ResidentId, Subject, SubjectField, Uscc};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::holder::{Holder, PersonNumber};
use super::process::{Process, under_warranty};
use crate::mail::address::Address;

/// What was typed, trimmed and not yet believed. A draft keeps it as it is, errors and all.
///
/// No Debug: it holds a resident number.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Name of the unit, or of the person.
    pub unit_name: String,
    /// Unified social credit code, or the number under which a relying party knows the person.
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

/// The names of the fields, as forms post them and error messages link them. A person's form has its own for name and number.
pub const FIELDS: [&str; 14] = [
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
    "person_name",
    "person_number",
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
    /// No unit but a natural person, on a certificate of their own.
    Person,
}

impl UnitKind {
    /// All of units, in the order in which the form offers them.
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
            Self::Person => "person",
        }
    }

    /// The kind with this word, a person's too.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Person]).find(|kind| kind.word() == word)
    }
}

/// An application without fault.
///
/// No Debug: it holds a resident number.
#[derive(Clone, PartialEq, Eq)]
pub struct Particulars {
    /// Name of the unit or the person, in its compatibility-free form.
    pub unit_name: String,
    /// By which code it is known.
    pub holder: Holder,
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
    /// No number of a person, or one that tells something of the resident number.
    PersonNumber,
    /// The number belongs to somebody else.
    Taken,
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
            Self::PersonNumber => "fault-person-number",
            Self::Taken => "fault-taken",
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
                *field = tidy(name, value);
            }
        }
        form
    }

    /// Whether it is about a natural person, in a case of this process.
    #[must_use]
    pub fn is_of_a_person(&self, process: &Process) -> bool {
        match process {
            Process::Enrolment => false,
            Process::Person => true,
            Process::Replacement { .. } => self.says_person(),
        }
    }

    /// Whether it says of itself that it is about a natural person.
    #[must_use]
    pub fn says_person(&self) -> bool {
        self.unit_kind == UnitKind::Person.word()
    }

    /// Leaves to a kind of holder what its form asks for: a person is their own handler and has no legal representative, and a
    /// unit is no person whatever was posted.
    pub(super) fn hold_to(&mut self, a_person: bool) {
        if a_person {
            UnitKind::Person.word().clone_into(&mut self.unit_kind);
            self.legal_person.clear();
            self.handler_name.clone_from(&self.unit_name);
            // Typed into the wrong field it would be kept and shown as it is.
            if self.uscc.parse::<ResidentId>().is_ok() {
                self.uscc.clear();
            }
        } else if self.says_person() {
            self.unit_kind.clear();
        }
    }

    /// The text of a field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        match name {
            "unit_name" | "person_name" => &self.unit_name,
            "uscc" | "person_number" => &self.uscc,
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
            "unit_name" | "person_name" => &mut self.unit_name,
            "uscc" | "person_number" => &mut self.uscc,
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
        let person = self.is_of_a_person(process);
        let name = if person { "person_name" } else { "unit_name" };
        let unit_name = text(&mut faults, name, &self.unit_name, SubjectField::CommonName.max_chars());
        let holder = if person {
            self.uscc.parse::<PersonNumber>().map(Holder::Person).ok()
        } else {
            identifier::<Uscc>(&mut faults, "uscc", &self.uscc).map(Holder::Unit)
        };
        let unit_kind = UnitKind::from_word(&self.unit_kind).filter(|kind| (*kind == UnitKind::Person) == person);
        let unit_kind = choice(&mut faults, "unit_kind", unit_kind);
        let address = text(&mut faults, "address", &self.address, 128);
        let of_a_unit = |faults: &mut FieldFaults, field, typed: &str| {
            if person { String::new() } else { text(faults, field, typed, 64) }
        };
        let legal_person = of_a_unit(&mut faults, "legal_person", &self.legal_person);
        let handler_name =
            if person { unit_name.clone() } else { of_a_unit(&mut faults, "handler_name", &self.handler_name) };
        let handler_id = identifier::<ResidentId>(&mut faults, "handler_id", &self.handler_id);
        if person {
            faults.extend(person_number_fault(&self.uscc, holder.as_ref(), handler_id.as_ref()));
        }
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
        match (holder, unit_kind, handler_id, years, key) {
            (Some(holder), Some(unit_kind), Some(handler_id), Some(years), Some(key)) if faults.is_empty() => {
                Ok(Particulars {
                    unit_name,
                    holder,
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

/// A value as it is kept. Full-width digits and letters are a Chinese keyboard's accident.
fn tidy(field: &str, typed: &str) -> String {
    let close = |also: &str| typed.nfkc().filter(|c| !c.is_whitespace() && !also.contains(*c)).collect::<String>();
    match field {
        "uscc" | "handler_id" | "handler_mobile" => close("-").to_uppercase(),
        "person_number" => close("").to_uppercase(),
        "handler_email" => close(""),
        _ => typed.trim().to_owned(),
    }
}

fn person_number_fault(
    typed: &str,
    holder: Option<&Holder>,
    id: Option<&ResidentId>,
) -> Option<(&'static str, FieldFault)> {
    let fault = match (holder, id) {
        _ if typed.is_empty() => FieldFault::Missing,
        (Some(Holder::Person(number)), Some(id)) if number.tells_of(id) => FieldFault::PersonNumber,
        (Some(_), _) => return None,
        (None, _) => FieldFault::PersonNumber,
    };
    Some(("person_number", fault))
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
pub(crate) mod tests;
