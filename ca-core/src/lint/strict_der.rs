//! Whether bytes are DER all the way down (X.690 §8, §10, §11).

use crate::tlv::{Element, Reader, tag};
use crate::x509;

/// Deeper than any structure of X.509.
const MAX_DEPTH: usize = 24;

/// Walks through all elements. OCTET STRINGs are opened only where the caller does it.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    walk(Reader::new(bytes), 0)
}

fn walk(mut reader: Reader<'_>, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("nested too deep".into());
    }
    while reader.peek().is_some() {
        let element = reader.next().map_err(|error| error.to_string())?;
        if element.tag & 0x20 != 0 {
            if element.tag == tag::SET {
                ascending(element)?;
            }
            walk(element.reader(), depth + 1)?;
        } else {
            primitive(element)?;
        }
    }
    Ok(())
}

/// X.690 §11.6.
fn ascending(set: Element<'_>) -> Result<(), String> {
    let mut members = set.reader();
    let mut last: &[u8] = &[];
    while members.peek().is_some() {
        let member = members.next().map_err(|error| error.to_string())?.whole;
        if member < last {
            return Err("a SET OF is not in order".into());
        }
        last = member;
    }
    Ok(())
}

fn primitive(element: Element<'_>) -> Result<(), String> {
    let good = match (element.tag, element.content) {
        // §11.1
        (tag::BOOLEAN, content) => matches!(content, [0 | 0xff]),
        // §8.3.2
        (tag::INTEGER | tag::ENUMERATED, content) => {
            !matches!(content, [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..])
        }
        // §8.6.2, §11.2.1: unused bits are zero.
        (tag::BIT_STRING, content) => match content {
            [0] => true,
            [unused @ 0..=7, .., last] => last & !(0xff_u8 << unused) == 0,
            _ => false,
        },
        (tag::NULL, content) => content.is_empty(),
        (tag::OID, content) => const_oid::ObjectIdentifier::from_bytes(content).is_ok(),
        (tag::UTF8_STRING, content) => std::str::from_utf8(content).is_ok(),
        (tag::IA5_STRING, content) => content.is_ascii(),
        (tag::UTC_TIME | tag::GENERALIZED_TIME, _) => x509::time(element).is_ok(),
        _ => true,
    };
    if good { Ok(()) } else { Err(format!("an element with tag {:#04x} is not DER", element.tag)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_encoding_is_seen() {
        for bad in [
            &[1, 1, 1][..],
            &[2, 0],
            &[2, 2, 0, 1],
            &[2, 2, 0xff, 0x80],
            &[3, 0],
            &[3, 2, 1, 0xff],
            &[3, 1, 1],
            &[5, 1, 0],
            &[6, 1, 0x80],
            &[0x0c, 1, 0xff],
            &[0x16, 1, 0xff],
            &[0x17, 1, b'Z'],
            &[0x31, 4, 5, 0, 1, 0],
            &[0x30, 2, 5],
            &[0x30, 3, 5, 0x81, 0],
        ] {
            assert!(check(bad).is_err(), "{bad:x?}");
        }
        for good in [&[1, 1, 0xff][..], &[2, 1, 0], &[2, 2, 0, 0x80], &[3, 1, 0], &[3, 2, 7, 0x80], &[0x31, 0]] {
            assert_eq!(check(good), Ok(()), "{good:x?}");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            bytes = crate::tlv::write(tag::SEQUENCE, &[bytes]);
        }
        assert!(check(&bytes).is_err());
    }
}
