//! Whom a certificate names: a unit by its credit code, a natural person by the number under which a relying party knows them.
//!
//! A person's resident number stands in no certificate (PIPL articles 28, 29; `domain.md` §1.3). What stands there is a number
//! that the relying party gave, such as the fund's when it registered the person, and it must tell nothing of the other. One
//! number belongs to one resident number for as long as the office keeps a case about it.

use std::fmt;
use std::str::FromStr;

use ca_core::domain::{ResidentId, Uscc};
use zeroize::Zeroizing;

use super::case::CaseNumber;
use super::desk::{Desk, OfficeError};
use super::form::Particulars;
use crate::store::{CaseFilter, Tx};

/// So many cases about one number are looked at.
const MOST: i64 = 50;
/// So many digits in a row of a resident number tell something of the person: a birthday has eight.
const TELLING: usize = 8;

/// The number under which a relying party knows a person, e.g. `HZ-P-000001`; no resident number and no credit code fits in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonNumber(String);

impl PersonNumber {
    /// The fewest characters.
    pub const LEAST: usize = 4;
    /// The most characters: fewer than a resident number or a credit code has.
    pub const MOST: usize = 16;
    /// The most digits in all, whatever stands between them.
    pub const MOST_DIGITS: usize = 12;

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it repeats a piece of a resident number.
    #[must_use]
    pub fn tells_of(&self, id: &ResidentId) -> bool {
        let digits: String = self.0.chars().filter(|c| *c != '-').collect();
        (TELLING..=digits.len()).any(|end| id.expose().contains(&digits[end - TELLING..end]))
    }
}

impl FromStr for PersonNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = text.as_bytes();
        let known = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'-';
        let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
        let good = (Self::LEAST..=Self::MOST).contains(&bytes.len())
            && bytes.iter().all(known)
            && bytes[0].is_ascii_uppercase()
            && (1..=Self::MOST_DIGITS).contains(&digits);
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for PersonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A unit.
    Unit(Uscc),
    /// A natural person.
    Person(PersonNumber),
}

/// Whether a code by which the office knows a holder is a person's.
#[must_use]
pub fn is_a_persons(code: &str) -> bool {
    code.parse::<PersonNumber>().is_ok()
}

impl Desk {
    /// Whether the number of a person stands in another case under another resident number: that case is under way or came to a
    /// certificate. Both of two cases that were begun at the same time see each other here, for drafts are written first.
    pub(super) async fn is_anothers(
        &self,
        tx: &mut Box<dyn Tx>,
        own: &CaseNumber,
        particulars: &Particulars,
    ) -> Result<bool, OfficeError> {
        let Holder::Person(number) = &particulars.holder else { return Ok(false) };
        for line in tx.cases(&CaseFilter::Uscc(number.to_string()), MOST).await? {
            if line.number == *own || matches!(line.state.as_str(), "rejected" | "cancelled" | "lapsed") {
                continue;
            }
            let (case, sealed) = tx.case(&line.number).await?.ok_or(OfficeError::NotFound)?;
            let id = Zeroizing::new(self.open_handler_id(&line.number, sealed.as_deref())?);
            // Nothing is left of the number where the evidence was deleted; the name has to do.
            let same = if id.is_empty() {
                case.form.unit_name == particulars.unit_name
            } else {
                id.as_str() == particulars.handler_id.expose()
            };
            if !same {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_resident_number_and_no_credit_code_is_a_persons_number() {
        for good in ["HZ-P-000001", "P001", "X123456789012"] {
            assert!(good.parse::<PersonNumber>().is_ok() && is_a_persons(good), "{good}");
        }
        for wrong in [
            "",
            "HZP",
            "hz-p-000001",
            "000001HZ",
            "ABCD",
            "11010519491231002X",
            "91350100M000100Y43",
            "P-11010519491231",
            "P1101-0519-4912-3",
            "HZ-P-000001-XXXXXX",
            "1@YX01AB",
            "HZ P 1",
        ] {
            assert!(wrong.parse::<PersonNumber>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_that_repeats_eight_digits_of_the_resident_number_tells_of_it() {
        let id: ResidentId = "11010519491231002X".parse().expect("sound");
        for telling in ["P-19491231", "P19-49-12-31", "AB1949123100"] {
            assert!(telling.parse::<PersonNumber>().expect("a number").tells_of(&id), "{telling}");
        }
        for silent in ["HZ-P-000001", "P1949123", "P001"] {
            assert!(!silent.parse::<PersonNumber>().expect("a number").tells_of(&id), "{silent}");
        }
    }
}
