//! Numbers that the state gives: the unified social credit code and the resident identity number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// What is wrong with a number, so that a form can say it.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentifierError {
    /// Not 18 characters; carries how many.
    #[error("must be 18 characters, is {0}")]
    Length(usize),
    /// A character that does not occur in this number, at this place (from 1).
    #[error("character {0} does not occur in this number")]
    Character(usize),
    /// No such birthday.
    #[error("the birthday in it does not exist")]
    Birthday,
    /// The last character does not fit the others: some character is wrong.
    #[error("the check character does not fit")]
    Check,
}

/// Unified social credit code (统一社会信用代码, GB 32100-2015): 18 characters with a check character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uscc(String);

const USCC_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

impl Uscc {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the organisation code inside (characters 9 to 17) checks by GB 11714. Legacy exceptions
    /// exist, so this is a warning and no error.
    #[must_use]
    pub fn organisation_code_checks(&self) -> bool {
        const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
        let code = &self.0.as_bytes()[8..17];
        let sum: u32 = code.iter().zip(WEIGHTS).map(|(&c, w)| w * char::from(c).to_digit(36).unwrap_or(0)).sum();
        let expected = match 11 - sum % 11 {
            10 => b'X',
            11 => b'0',
            n => b'0' + u8::try_from(n).unwrap_or(0),
        };
        code[8] == expected
    }
}

impl FromStr for Uscc {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
        let count = text.chars().count();
        if count != 18 {
            return Err(IdentifierError::Length(count));
        }
        let mut values = [0; 18];
        for (place, c) in text.chars().enumerate() {
            values[place] =
                USCC_ALPHABET.iter().position(|&a| char::from(a) == c).ok_or(IdentifierError::Character(place + 1))?;
        }
        let sum: usize = values.iter().zip(WEIGHTS).map(|(v, w)| v * w).sum();
        if values[17] != (31 - sum % 31) % 31 {
            return Err(IdentifierError::Check);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Uscc {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<Uscc> for String {
    fn from(uscc: Uscc) -> Self {
        uscc.0
    }
}

/// Resident identity number (GB 11643): personal data. No Debug or Display of the whole; zeroised.
#[derive(Clone, PartialEq, Eq)]
pub struct ResidentId(String);

impl ResidentId {
    /// `110105********002X`: what screens show.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{}********{}", &self.0[..6], &self.0[14..])
    }

    /// The whole number, for the encrypted record only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResidentId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let count = text.chars().count();
        if count != 18 {
            return Err(IdentifierError::Length(count));
        }
        let mut sum = 0;
        for (place, c) in text.chars().enumerate() {
            match c {
                '0'..='9' if place < 17 => sum += WEIGHTS[place] * (u32::from(c) - u32::from('0')),
                '0'..='9' | 'X' if place == 17 => {}
                _ => return Err(IdentifierError::Character(place + 1)),
            }
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<u16>().unwrap_or(0);
        let (year, month, day) = (number(6..10), number(10..12), number(12..14));
        let birthday = super::BeijingDay::from_calendar(i32::from(year), month as u8, day as u8);
        if year < 1850 || birthday.is_none() {
            return Err(IdentifierError::Birthday);
        }
        if text.as_bytes()[17] != b"10X98765432"[(sum % 11) as usize] {
            return Err(IdentifierError::Check);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResidentId(…)")
    }
}

impl Drop for ResidentId {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes_check() {
        for good in [
            "91350100M000100Y43",
            "91120118MA06R1D13A",
            "9153000077859986X2",
            "91130502MA0ABCDE61",
            "12130500401288885B",
        ] {
            assert!(good.parse::<Uscc>().is_ok(), "{good}");
        }
    }

    #[test]
    fn each_fault_of_a_code_is_named() {
        assert_eq!("915300007194052521".parse::<Uscc>(), Err(IdentifierError::Check));
        assert_eq!("91120116103067825E".parse::<Uscc>(), Err(IdentifierError::Check));
        assert_eq!("91130503MA0CK7Q".parse::<Uscc>(), Err(IdentifierError::Length(15)));
        assert_eq!("9I350100M000100Y43".parse::<Uscc>(), Err(IdentifierError::Character(2)));
        assert_eq!("统一350100M000100Y43".parse::<Uscc>(), Err(IdentifierError::Character(1)));
    }

    #[test]
    fn the_inner_organisation_code_is_a_warning_only() {
        assert!("91130502MA0ABCDE61".parse::<Uscc>().expect("valid").organisation_code_checks());
    }

    #[test]
    fn the_standards_own_resident_number_checks_and_is_masked() {
        let id: ResidentId = "11010519491231002X".parse().expect("valid");
        assert_eq!(id.masked(), "110105********002X");
        assert_eq!(format!("{id:?}"), "ResidentId(…)");
    }

    #[test]
    fn each_fault_of_a_resident_number_is_named() {
        assert_eq!("110105194912310021".parse::<ResidentId>(), Err(IdentifierError::Check));
        assert_eq!("11010519490231002X".parse::<ResidentId>(), Err(IdentifierError::Birthday));
        assert_eq!("1101051949123100 X".parse::<ResidentId>(), Err(IdentifierError::Character(17)));
        assert_eq!("110105491231002".parse::<ResidentId>(), Err(IdentifierError::Length(15)));
    }
}
