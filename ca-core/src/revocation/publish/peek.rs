//! The number of a list that is published somewhere, without reading its entries.

use crate::tlv::{self, Reader, TlvError, tag};
use crate::x509::{self, oid};

/// So much of a list is asked for at its beginning and behind its entries; more than our heads and extensions take.
pub(super) const PIECE: u64 = 8 * 1024;

/// What the beginning of a list says of where its number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Its extensions begin here.
    ExtensionsAt(u64),
    /// It has none, or is no list.
    NoNumber,
}

/// Where the extensions of a list begin that begins with these bytes.
pub(super) fn beginning(bytes: &[u8]) -> Beginning {
    behind_the_entries(bytes).map_or(Beginning::NoNumber, Beginning::ExtensionsAt)
}

fn behind_the_entries(bytes: &[u8]) -> Result<u64, TlvError> {
    let mut at = 0;
    for _ in 0..2 {
        at += header_of(bytes, at, &[tag::SEQUENCE])?.0;
    }
    // Version, algorithm, issuer, two times; then, unless the list is empty, the entries.
    for wanted in [&[tag::INTEGER][..], &[tag::SEQUENCE], &[tag::SEQUENCE], &TIMES, &TIMES] {
        let (header, length) = header_of(bytes, at, wanted)?;
        at += header + length;
    }
    match header_of(bytes, at, &[tag::SEQUENCE]) {
        Ok((header, length)) => Ok(at + header + length),
        Err(_) => header_of(bytes, at, &[tag::CONTEXT_0]).map(|_| at),
    }
}

const TIMES: [u8; 2] = [tag::UTC_TIME, tag::GENERALIZED_TIME];

/// Lengths of header and content of the element at this place.
fn header_of(bytes: &[u8], at: u64, wanted: &[u8]) -> Result<(u64, u64), TlvError> {
    let at = usize::try_from(at).map_err(|_| TlvError::Truncated)?;
    let (found, length, header) = tlv::announced(bytes.get(at..).ok_or(TlvError::Truncated)?)?;
    if wanted.contains(&found) { Ok((header as u64, length)) } else { Err(TlvError::Tag { wanted: wanted[0], found }) }
}

/// The number in the extensions that these bytes begin with.
pub(super) fn number(bytes: &[u8]) -> Option<i64> {
    let wrapped = Reader::new(bytes).expect(tag::CONTEXT_0).ok()?;
    let list = tlv::single(wrapped.content, tag::SEQUENCE).ok()?;
    let extensions = x509::extensions(list.reader()).ok()?;
    let extension = extensions.iter().find(|extension| extension.oid == oid::CRL_NUMBER)?;
    let octets = tlv::single(extension.value, tag::INTEGER).ok()?.content;
    octets.iter().try_fold(0_i64, |value, octet| value.checked_mul(256)?.checked_add(i64::from(*octet)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::testing::{Hierarchy, list_of};
    use crate::keys::KeyKind;

    #[test]
    fn a_number_is_found_behind_any_number_of_entries() {
        let house = Hierarchy::new(KeyKind::P256);
        for (entries, wanted) in [(0, 1), (1, 0x80), (3, 0x1234_5678), (500, i64::MAX)] {
            let list = list_of(&house.issuing, u64::try_from(wanted).unwrap(), entries);
            let head = &list[..list.len().min(usize::try_from(PIECE).unwrap())];
            let Beginning::ExtensionsAt(at) = beginning(head) else { panic!("{entries} entries") };
            assert_eq!(number(&list[usize::try_from(at).unwrap()..]), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_list_has_no_number() {
        for bytes in [&b""[..], b"<html>", &[0x30, 0x80], &[0x30, 2, 0x30, 0]] {
            assert_eq!(beginning(bytes), Beginning::NoNumber);
            assert_eq!(number(bytes), None);
        }
    }
}
