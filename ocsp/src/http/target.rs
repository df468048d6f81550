//! The request in a GET's path: base64 of the DER (RFC 6960 appendix A.1), percent-encoded well, badly or not.
//!
//! Clients differ: some escape `/`, `+` and `=`, some do not, some leave the padding out. `+` in a path is a
//! plus sign. The URL-safe alphabet is not base64 as the standard means it and is refused.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The longest path that is looked at, in characters: room for some 30 certificates.
const MAX_PATH: usize = 8 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The DER in the rest of the path after `/ocsp/`. A client that was given the URL with a slash at its end has put
/// another before the base64, which cannot begin with one: a request is a SEQUENCE, and that an `M`.
pub(super) fn decode(path: &str) -> Option<Vec<u8>> {
    let path = path.trim_start_matches('/');
    if path.len() > MAX_PATH {
        return None;
    }
    if !path.contains('%') {
        return BASE64.decode(path).ok();
    }
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        plain.push(match byte {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    BASE64.decode(plain).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_is_read() {
        let der = [0xfb, 0xef, 0xff, 0x3e, 0x3f, 0x30, 0x00];
        // ++//Pj8wAA==
        for path in ["++//Pj8wAA==", "++//Pj8wAA", "%2B%2b%2F%2fPj8wAA%3D%3D", "+%2B/%2FPj8wAA%3d", "%2B+%2F/Pj8wAA="] {
            assert_eq!(decode(path).as_deref(), Some(&der[..]), "{path}");
        }
    }

    #[test]
    fn a_slash_too_many_is_read_over() {
        assert_eq!(decode("/MAA="), Some(vec![0x30, 0]));
    }

    #[test]
    fn nonsense_is_refused() {
        for path in ["%", "%2", "%zz", "a b", "--__Pj8wAA", "A", "=", "MDAw?x", "一"] {
            assert_eq!(decode(path), None, "{path}");
        }
        assert_eq!(decode(&"A".repeat(MAX_PATH + 4)), None);
    }
}
