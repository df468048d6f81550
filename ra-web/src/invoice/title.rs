//! The title of an invoice (抬头): to whom it is made out. By itself the unit of the certificate; another name or number only with
//! a reason.

use ca_core::domain::Uscc;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::enrolment::form::{FieldFault, FieldFaults};
use crate::enrolment::holder::is_a_persons;
use crate::payment::bill::Bill;

/// Names of the fields, as forms post them and error messages link them.
pub const FIELDS: [&str; 7] =
    ["title_name", "title_tax_id", "title_address", "title_phone", "title_bank", "title_account", "title_reason"];

/// To whom an invoice is made out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// The buyer's name.
    pub name: String,
    /// The buyer's taxpayer number, which is its credit code.
    pub tax_id: String,
    /// Address, if it is to stand there.
    pub address: String,
    /// Telephone.
    pub phone: String,
    /// Bank.
    pub bank: String,
    /// Account.
    pub account: String,
    /// Why it is another than the certificate's unit.
    pub reason: String,
}

impl Title {
    /// Who pays: a unit with its code, a natural person by name alone (`domain.md` §5).
    #[must_use]
    pub fn of(bill: &Bill) -> Self {
        let tax_id = if is_a_persons(&bill.uscc) { String::new() } else { bill.uscc.clone() };
        Self { name: bill.unit_name.clone(), tax_id, ..Self::default() }
    }

    /// What was typed; unknown fields are left where they are.
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut title = Self::default();
        for (name, value) in pairs {
            if let Some(field) = title.field_mut(name) {
                value.trim().clone_into(field);
            }
        }
        // Full-width digits and letters are a Chinese keyboard's accident.
        for field in [&mut title.tax_id, &mut title.account, &mut title.phone] {
            *field = field.nfkc().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
        }
        title
    }

    /// The text of a field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        match name {
            "title_name" => &self.name,
            "title_tax_id" => &self.tax_id,
            "title_address" => &self.address,
            "title_phone" => &self.phone,
            "title_bank" => &self.bank,
            "title_account" => &self.account,
            "title_reason" => &self.reason,
            _ => "",
        }
    }

    fn field_mut(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "title_name" => &mut self.name,
            "title_tax_id" => &mut self.tax_id,
            "title_address" => &mut self.address,
            "title_phone" => &mut self.phone,
            "title_bank" => &mut self.bank,
            "title_account" => &mut self.account,
            "title_reason" => &mut self.reason,
            _ => return None,
        })
    }

    /// Whether it is the unit that pays.
    #[must_use]
    pub fn is_of(&self, bill: &Bill) -> bool {
        let own = Self::of(bill);
        self.name == own.name && self.tax_id == own.tax_id
    }

    /// Looks whether an invoice of this bill can be made out so. A reason that is not needed is dropped.
    ///
    /// # Errors
    /// All faults at once, in the order of the form.
    pub fn checked(mut self, bill: &Bill) -> Result<Self, FieldFaults> {
        let mut faults = Vec::new();
        let own = self.is_of(bill);
        for (field, most, needed) in [
            ("title_name", 100, true),
            ("title_tax_id", 18, !(own && is_a_persons(&bill.uscc))),
            ("title_address", 120, false),
            ("title_phone", 20, false),
            ("title_bank", 80, false),
            ("title_account", 32, false),
            ("title_reason", 200, !own),
        ] {
            let typed = self.field(field);
            if typed.is_empty() {
                if needed {
                    faults.push((field, FieldFault::Missing));
                }
                continue;
            }
            let fault = match field {
                "title_tax_id" => typed.parse::<Uscc>().err().map(FieldFault::Identifier),
                "title_phone" if !all(typed, "+-()") => Some(FieldFault::Control),
                "title_account" if !all(typed, "-") => Some(FieldFault::Control),
                _ if typed.chars().count() > most => Some(FieldFault::TooLong(most)),
                _ => unprintable(typed),
            };
            faults.extend(fault.map(|fault| (field, fault)));
        }
        if own {
            self.reason.clear();
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }
}

fn all(text: &str, also: &str) -> bool {
    text.len() <= 32 && text.chars().all(|c| c.is_ascii_digit() || also.contains(c))
}

/// Marks that turn the direction of text or are not seen have no place on a paper.
pub(super) fn unprintable(text: &str) -> Option<FieldFault> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().any(hidden).then_some(FieldFault::Control)
}

#[cfg(test)]
mod tests {
    use ca_core::domain::IdentifierError;

    use super::*;
    use crate::payment::bill::tests::bill;

    fn faults(title: Title) -> Vec<(&'static str, FieldFault)> {
        title.checked(&bill()).err().unwrap_or_default()
    }

    #[test]
    fn the_units_own_title_needs_no_reason_and_another_does() {
        let own = Title { reason: "nothing".into(), ..Title::of(&bill()) };
        assert_eq!(own.checked(&bill()).expect("taken").reason, "");
        let other = Title { name: "东湖分公司".into(), ..Title::of(&bill()) };
        assert_eq!(faults(other.clone()), [("title_reason", FieldFault::Missing)]);
        let reasoned = Title { reason: "由分公司付款".into(), ..other };
        assert_eq!(reasoned.clone().checked(&bill()), Ok(reasoned));
    }

    #[test]
    fn a_person_is_named_without_a_tax_number_and_a_unit_in_their_place_has_one() {
        let bill = Bill { uscc: "HZ-P-000001".into(), unit_name: "李强".into(), ..bill() };
        let own = Title::of(&bill);
        assert_eq!((own.name.as_str(), own.tax_id.as_str()), ("李强", ""));
        assert_eq!(own.clone().checked(&bill), Ok(own));
        let other = Title { name: "东湖分公司".into(), reason: "由单位付款".into(), ..Title::of(&bill) };
        assert_eq!(other.checked(&bill).err(), Some(vec![("title_tax_id", FieldFault::Missing)]));
    }

    #[test]
    fn a_tax_number_has_its_check_digit_and_nothing_is_cut() {
        let wrong = Title { tax_id: "91350100M000100Y44".into(), reason: "x".into(), ..Title::of(&bill()) };
        assert_eq!(faults(wrong), [("title_tax_id", FieldFault::Identifier(IdentifierError::Check))]);
        let long = Title { address: "路".repeat(121), ..Title::of(&bill()) };
        assert_eq!(faults(long), [("title_address", FieldFault::TooLong(120))]);
        let odd = Title { phone: "0319-212 ext".into(), bank: "a\u{7}b".into(), ..Title::of(&bill()) };
        assert_eq!(faults(odd), [("title_phone", FieldFault::Control), ("title_bank", FieldFault::Control)]);
        let none = faults(Title::default());
        assert_eq!(
            none.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
            ["title_name", "title_tax_id", "title_reason"]
        );
    }

    #[test]
    fn full_width_digits_are_read() {
        let typed =
            [("title_tax_id", "９１３５０１００ m000100y43"), ("title_phone", "０３１９ 2121212"), ("other", "x")];
        let title = Title::from_pairs(typed);
        assert_eq!((title.tax_id.as_str(), title.phone.as_str()), ("91350100M000100Y43", "03192121212"));
    }
}
