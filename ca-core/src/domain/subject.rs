//! Whom a certificate names: the fields that a profile's template turns into a distinguished name and
//! identity extensions.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{ResidentId, Uscc};

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
    /// Resident identity number (居民身份证号). Personal.
    ResidentId,
    /// Passport number. Personal.
    Passport,
    /// Social-insurance number. Personal: it often is the resident identity number.
    InsuranceNumber,
    /// Business-registration number (工商注册号).
    RegistrationNumber,
    /// Organisation code (组织机构代码).
    OrganisationCode,
    /// Tax number.
    TaxNumber,
    /// Names of a server, one blank between them; the first label may be `*`.
    DnsNames,
    /// Addresses of a server, one blank between them.
    IpAddresses,
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
            Self::ResidentId | Self::OrganisationCode => 18,
            Self::Passport | Self::InsuranceNumber | Self::RegistrationNumber | Self::TaxNumber => 32,
            Self::DnsNames => 1024,
            Self::IpAddresses => 256,
        }
    }

    /// Whether it is sensitive personal information (PIPL article 28), which stands in a public certificate only
    /// where a profile for persons says so.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::ResidentId | Self::Passport | Self::InsuranceNumber)
    }
}

/// Fields of a subject, none empty, none over-long, none with control characters.
/// Debug leaves personal fields out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Not a country code, number, server name or address of its kind.
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
                SubjectField::ResidentId => value.parse::<ResidentId>().is_ok(),
                SubjectField::DnsNames => value.split(' ').all(is_dns_name),
                SubjectField::IpAddresses => value.split(' ').all(is_address),
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

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.fields().map(|(field, value)| (field, if field.is_personal() { "…" } else { value }));
        f.debug_map().entries(shown).finish()
    }
}

/// A name of RFC 1123 §2.1 with at least two labels, in small letters; the first label may be `*` (RFC 6125 §6.4.3).
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = name.strip_prefix("*.").unwrap_or(name);
    name.len() <= 253 && labels.contains('.') && labels.split('.').all(label) && !is_address(name)
}

/// An address in its one canonical spelling.
fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|address| address.to_string() == text)
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

    #[test]
    fn servers_have_names_and_addresses_in_one_spelling() {
        use SubjectField::{DnsNames, IpAddresses};
        assert!(with(DnsNames, "ra.example *.fund.example").is_ok());
        assert!(with(IpAddresses, "192.0.2.1 2001:db8::1").is_ok());
        for bad in ["Ra.example", "ra", "ra..example", "-a.example", "a.*.example", "a.example  b.example", "1.2.3.4"] {
            assert_eq!(with(DnsNames, bad), Err(SubjectError::Invalid(DnsNames)), "{bad}");
        }
        for bad in ["192.0.2.01", "2001:DB8::1", "192.0.2.1/24", "ra.example"] {
            assert_eq!(with(IpAddresses, bad), Err(SubjectError::Invalid(IpAddresses)), "{bad}");
        }
    }

    #[test]
    fn personal_numbers_are_checked_and_not_shown() {
        let person = with(SubjectField::ResidentId, "11010519491231002X").expect("the standard's own example");
        assert!(!format!("{person:?}").contains("19491231"));
        assert!(with(SubjectField::ResidentId, "110105194912310021").is_err());
    }
}
