//! Whom a certificate names: the fields that a profile's template turns into a distinguished name and
//! identity extensions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Uscc;

/// A field that a profile may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectField {
    /// ISO 3166 country code, two capitals.
    Country,
    /// Province (省).
    Province,
    /// City.
    Locality,
    /// Organisation.
    Organisation,
    /// Department, or the customer or project number.
    OrganisationalUnit,
    /// Name of the unit, the officer or the service.
    CommonName,
    /// Unified social credit code.
    Uscc,
    /// The name that relying parties bind accounts to; survives renewal (`domain.md` §1.2).
    UniqueId,
}

impl SubjectField {
    /// The most characters, after RFC 5280 appendix A.1 (ub-…).
    #[must_use]
    pub const fn max_chars(self) -> usize {
        match self {
            Self::Country => 2,
            Self::Province | Self::Locality => 128,
            Self::Organisation | Self::OrganisationalUnit | Self::CommonName => 64,
            Self::Uscc => 18,
            Self::UniqueId => 64,
        }
    }
}

/// Fields of a subject, none empty, none over-long, none with control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<SubjectField, String>", into = "BTreeMap<SubjectField, String>")]
pub struct Subject(BTreeMap<SubjectField, String>);

/// A field that cannot stand in a certificate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SubjectError {
    /// Empty, or blank at either end.
    #[error("{0:?} is empty or has blanks at its ends")]
    Blank(SubjectField),
    /// Over [`SubjectField::max_chars`].
    #[error("{0:?} is longer than {1} characters")]
    TooLong(SubjectField, usize),
    /// A control or direction character, which could make the name read as another.
    #[error("{0:?} has a control character")]
    Control(SubjectField),
    /// Not a country code or not a valid USCC.
    #[error("{0:?} is not valid")]
    Invalid(SubjectField),
}

impl Subject {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`SubjectError`] for the first field at fault.
    pub fn new(fields: BTreeMap<SubjectField, String>) -> Result<Self, SubjectError> {
        for (&field, value) in &fields {
            if value.is_empty() || value.trim() != value {
                return Err(SubjectError::Blank(field));
            }
            if value.chars().count() > field.max_chars() {
                return Err(SubjectError::TooLong(field, field.max_chars()));
            }
            if value.chars().any(unfit_for_names) {
                return Err(SubjectError::Control(field));
            }
            let valid = match field {
                SubjectField::Country => value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase()),
                SubjectField::Uscc => value.parse::<Uscc>().is_ok(),
                _ => true,
            };
            if !valid {
                return Err(SubjectError::Invalid(field));
            }
        }
        Ok(Self(fields))
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: SubjectField) -> Option<&str> {
        self.0.get(&field).map(String::as_str)
    }

    /// The fields that are present.
    pub fn fields(&self) -> impl Iterator<Item = (SubjectField, &str)> {
        self.0.iter().map(|(field, value)| (*field, value.as_str()))
    }
}

/// Control characters, and the invisible ones that reorder or join text.
fn unfit_for_names(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl TryFrom<BTreeMap<SubjectField, String>> for Subject {
    type Error = SubjectError;

    fn try_from(fields: BTreeMap<SubjectField, String>) -> Result<Self, SubjectError> {
        Self::new(fields)
    }
}

impl From<Subject> for BTreeMap<SubjectField, String> {
    fn from(subject: Subject) -> Self {
        subject.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(field: SubjectField, value: &str) -> Result<Subject, SubjectError> {
        Subject::new(BTreeMap::from([(field, value.to_owned())]))
    }

    #[test]
    fn names_that_could_read_as_another_are_refused() {
        use SubjectField::{CommonName, Country, Uscc};
        assert!(with(CommonName, "示范市东湖建筑工程有限公司").is_ok());
        assert_eq!(with(CommonName, " 示范"), Err(SubjectError::Blank(CommonName)));
        assert_eq!(with(CommonName, ""), Err(SubjectError::Blank(CommonName)));
        assert_eq!(with(CommonName, "示范\u{202e}司公"), Err(SubjectError::Control(CommonName)));
        assert_eq!(with(CommonName, "a\nb"), Err(SubjectError::Control(CommonName)));
        assert_eq!(with(CommonName, &"长".repeat(65)), Err(SubjectError::TooLong(CommonName, 64)));
        assert_eq!(with(Country, "cn"), Err(SubjectError::Invalid(Country)));
        assert_eq!(with(Uscc, "915300007194052521"), Err(SubjectError::Invalid(Uscc)));
    }
}
