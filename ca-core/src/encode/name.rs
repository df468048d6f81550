//! Distinguished names, alternative names and identity extensions after a profile's tables.

use std::net::IpAddr;

use crate::domain::Subject;
use crate::profile::{IdentityRow, Profile, Tagging, TextType};
use crate::tlv::{self, tag};

/// The subject name: one attribute for each RDN, in the order of the profile; fields that are absent are
/// left out.
pub(super) fn distinguished_name(profile: &Profile, subject: &Subject) -> Vec<u8> {
    let rdns = profile.names.iter().filter_map(|row| {
        let value = row.value(subject)?;
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

/// subjectAltName with the names and addresses of the subject, in the order of the profile; `None` if there are none.
pub(super) fn alternative_names(profile: &Profile, subject: &Subject) -> Option<Vec<u8>> {
    let mut names = Vec::new();
    for field in &profile.alternative_names {
        for value in subject.get(*field).into_iter().flat_map(|value| value.split(' ')) {
            names.push(match value.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => tlv::write(tag::PRIMITIVE_7, &[address.octets()]),
                Ok(IpAddr::V6(address)) => tlv::write(tag::PRIMITIVE_7, &[address.octets()]),
                Err(_) => tlv::write(tag::PRIMITIVE_2, &[value]),
            });
        }
    }
    (!names.is_empty()).then(|| tlv::write(tag::SEQUENCE, &names))
}

fn text(kind: TextType, value: &str) -> Vec<u8> {
    tlv::write(kind.tag(), &[value])
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
            personal: false,
        };
        assert_eq!(identity(&row(Tagging::Bare), "AB"), [0x13, 2, b'A', b'B']);
        assert_eq!(identity(&row(Tagging::Explicit(0)), "AB"), [0xa0, 4, 0x13, 2, b'A', b'B']);
        assert_eq!(identity(&row(Tagging::Implicit(2)), "AB"), [0x82, 2, b'A', b'B']);
    }
}
