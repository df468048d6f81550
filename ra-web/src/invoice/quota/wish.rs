//! That a bill is to have quota invoices, and how they come to the unit.

use ca_core::domain::Timestamp;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::enrolment::case::Who;
use crate::enrolment::form::{FieldFault, FieldFaults};
use crate::invoice::title::unprintable;

/// Names of the fields, as forms post them and error messages link them.
pub const FIELDS: [&str; 3] = ["quota_recipient", "quota_phone", "quota_address"];

/// The name of the field with the way.
pub const WAY: &str = "quota_way";

/// How the papers come to the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandOver {
    /// By a parcel.
    #[default]
    Post,
    /// Somebody fetches them.
    Counter,
}

impl HandOver {
    /// Both, as forms offer them.
    pub const ALL: [Self; 2] = [Self::Post, Self::Counter];

    /// The word in forms and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Counter => "counter",
        }
    }
}

/// What was typed: where papers go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// How.
    pub way: HandOver,
    /// To whom.
    pub recipient: String,
    /// Whom the carrier calls.
    pub phone: String,
    /// Where to.
    pub address: String,
}

impl Delivery {
    /// What was typed; unknown fields are left where they are.
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            match name {
                WAY if value == HandOver::Counter.word() => typed.way = HandOver::Counter,
                "quota_recipient" => value.clone_into(&mut typed.recipient),
                // Full-width digits are a Chinese keyboard's accident.
                "quota_phone" => typed.phone = value.nfkc().filter(|c| !c.is_whitespace()).collect(),
                "quota_address" => value.clone_into(&mut typed.address),
                _ => {}
            }
        }
        typed
    }

    /// The text of a field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        match name {
            "quota_recipient" => &self.recipient,
            "quota_phone" => &self.phone,
            "quota_address" => &self.address,
            _ => "",
        }
    }

    /// Looks whether a parcel can go there. Who fetches them needs no address, and what was typed of one is dropped.
    ///
    /// # Errors
    /// All faults at once, in the order of the form.
    pub fn checked(self) -> Result<Self, FieldFaults> {
        if self.way == HandOver::Counter {
            return Ok(Self { way: HandOver::Counter, ..Self::default() });
        }
        let mut faults = Vec::new();
        for (field, most) in FIELDS.into_iter().zip([40, 20, 120]) {
            let typed = self.field(field);
            let called = field != "quota_phone" || typed.bytes().all(|b| b.is_ascii_digit() || b"+-()".contains(&b));
            let fault = if typed.is_empty() {
                Some(FieldFault::Missing)
            } else if !called {
                Some(FieldFault::Control)
            } else if typed.chars().count() > most {
                Some(FieldFault::TooLong(most))
            } else {
                unprintable(typed)
            };
            faults.extend(fault.map(|fault| (field, fault)));
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }
}

/// A bill is to have quota invoices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Where they go.
    pub delivery: Delivery,
    /// Who said so: the unit, or the desk for it.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        (WAY, "post"),
        ("quota_recipient", "刘芳"),
        ("quota_phone", "１３８ 0013 8000"),
        ("quota_address", "示范市东湖区人民路 8 号"),
    ];

    #[test]
    fn a_parcel_needs_somebody_a_number_and_a_place() {
        let read = Delivery::from_pairs(GOOD).checked().expect("good");
        assert_eq!((read.phone.as_str(), read.way), ("13800138000", HandOver::Post));
        let none = Delivery::from_pairs([(WAY, "post")]).checked().expect_err("faults");
        assert_eq!(none, FIELDS.map(|field| (field, FieldFault::Missing)));
        let odd = Delivery {
            phone: "138 ext".into(),
            address: "路".repeat(121),
            recipient: "a\u{202e}b".into(),
            ..Delivery::default()
        };
        let expected = [FieldFault::Control, FieldFault::Control, FieldFault::TooLong(120)];
        assert_eq!(odd.checked().expect_err("faults"), FIELDS.into_iter().zip(expected).collect::<Vec<_>>());
    }

    #[test]
    fn who_fetches_them_leaves_no_address() {
        let mut typed = GOOD;
        typed[0].1 = "counter";
        let read = Delivery::from_pairs(typed).checked().expect("good");
        assert_eq!(read, Delivery { way: HandOver::Counter, ..Delivery::default() });
    }
}
