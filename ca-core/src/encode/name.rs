//! Distinguished names and identity extensions after a profile's tables.

use crate::domain::Subject;
use crate::profile::{IdentityRow, Profile, Tagging, TextType};
use crate::tlv::{self, tag};

/// The subject name: one attribute for each RDN, in the order of the profile; fields that are absent are
/// left out.
pub(super) fn distinguished_name(profile: &Profile, subject: &Subject) -> Vec<u8> {
    let rdns = profile.names.iter().filter_map(|row| {
        let value = subject.get(row.field).or_else(|| row.otherwise.and_then(|field| subject.get(field)))?;
        let attribute_type = tlv::write(tag::OID, &[row.attribute.as_bytes()]);
        let attribute = tlv::write(tag::SEQUENCE, &[attribute_type, text(row.text, value)]);
        Some(tlv::write(tag::SET, &[attribute]))
    });
    tlv::write(tag::SEQUENCE, &rdns.collect::<Vec<_>>())
}

/// The value of an identity extension.
pub(super) fn identity(row: &IdentityRow, value: &str) -> Vec<u8> {
    match row.tagging {
        Tagging::Bare => text(row.text, value),
        Tagging::Explicit(number) => tlv::write(0xa0 | number, &[text(row.text, value)]),
        Tagging::Implicit(number) => tlv::write(0x80 | number, &[value]),
    }
}

fn text(kind: TextType, value: &str) -> Vec<u8> {
    let tag = match kind {
        TextType::Printable => tag::PRINTABLE_STRING,
        TextType::Utf8 => tag::UTF8_STRING,
    };
    tlv::write(tag, &[value])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SubjectField;

    #[test]
    fn identity_values_are_tagged_as_the_profile_says() {
        let row = |tagging| IdentityRow {
            oid: const_oid::ObjectIdentifier::new_unwrap("1.2.156.10260.4.1.1"),
            field: SubjectField::UniqueId,
            text: TextType::Printable,
            tagging,
            required: true,
        };
        assert_eq!(identity(&row(Tagging::Bare), "AB"), [0x13, 2, b'A', b'B']);
        assert_eq!(identity(&row(Tagging::Explicit(0)), "AB"), [0xa0, 4, 0x13, 2, b'A', b'B']);
        assert_eq!(identity(&row(Tagging::Implicit(2)), "AB"), [0x82, 2, b'A', b'B']);
    }
}
