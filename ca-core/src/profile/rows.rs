//! Rows of a profile's tables: where each part of a name, and each identity extension, comes from.

use const_oid::ObjectIdentifier;

use crate::domain::{Subject, SubjectField};
use crate::tlv::tag;

/// How a text is written in ASN.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextType {
    /// PrintableString.
    Printable,
    /// UTF8String.
    Utf8,
    /// IA5String.
    Ia5,
}

impl TextType {
    /// Whether a text can be written so. X.680 §41.4: letters, digits and `'()+,-./:=?` and blank.
    #[must_use]
    pub fn can_hold(self, text: &str) -> bool {
        match self {
            Self::Printable => text.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b)),
            Self::Utf8 => true,
            Self::Ia5 => text.is_ascii(),
        }
    }

    /// Its tag.
    #[must_use]
    pub const fn tag(self) -> u8 {
        match self {
            Self::Printable => tag::PRINTABLE_STRING,
            Self::Utf8 => tag::UTF8_STRING,
            Self::Ia5 => tag::IA5_STRING,
        }
    }
}

/// Where the value of an attribute comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the order.
    Field {
        /// From which field.
        field: SubjectField,
        /// From which field if that one is absent.
        otherwise: Option<SubjectField>,
    },
    /// The same in each certificate.
    Literal(String),
}

/// Where one attribute of the distinguished name comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRow {
    /// Attribute type, e.g. 2.5.4.3.
    pub attribute: ObjectIdentifier,
    /// Where its value comes from.
    pub source: Source,
    /// How it is written.
    pub text: TextType,
    /// The most characters (RFC 5280 appendix A.1, ub-…).
    pub max_chars: usize,
    /// Whether the certificate must have it.
    pub required: bool,
}

impl NameRow {
    /// What a certificate that names this subject says there.
    #[must_use]
    pub fn value<'a>(&'a self, subject: &'a Subject) -> Option<&'a str> {
        match &self.source {
            Source::Field { field, otherwise } => {
                subject.get(*field).or_else(|| otherwise.and_then(|field| subject.get(field)))
            }
            Source::Literal(value) => Some(value),
        }
    }
}

/// How the value of an identity extension is tagged; standards and field differ (`domain.md` §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagging {
    /// The string itself.
    Bare,
    /// The string inside `[n]`.
    Explicit(u8),
    /// `[n]` instead of the string's own tag.
    Implicit(u8),
}

/// Where one identity extension comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRow {
    /// The extension.
    pub oid: ObjectIdentifier,
    /// From which field.
    pub field: SubjectField,
    /// How it is written.
    pub text: TextType,
    /// How it is tagged.
    pub tagging: Tagging,
    /// Whether the order must have it.
    pub required: bool,
    /// The mark that personal information may stand there, for all to read.
    pub personal: bool,
}
