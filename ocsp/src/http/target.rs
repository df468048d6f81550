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

/// Room for a short request: one certificate by any hash, and a nonce.
pub(super) const ROOM: usize = 384;

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
    unescape(path, |piece| plain.extend_from_slice(piece))?;
    BASE64.decode(plain).ok()
}

/// [`decode`] without an allocation, for a request that has room: most have. `None` says nothing about it.
pub(super) fn decode_short<'a>(path: &str, room: &'a mut [u8; ROOM]) -> Option<&'a [u8]> {
    let path = path.trim_start_matches('/');
    let mut plain = [0; ROOM / 3 * 4];
    if path.len() > plain.len() {
        return None;
    }
    let mut length = 0;
    // What is left of a path is no longer than it.
    unescape(path, |piece| {
        plain[length..length + piece.len()].copy_from_slice(piece);
        length += piece.len();
    })?;
    let decoded = BASE64.decode_slice(&plain[..length], room).ok()?;
    Some(&room[..decoded])
}

/// Gives the path without its escapes, piece by piece.
fn unescape(path: &str, mut put: impl FnMut(&[u8])) -> Option<()> {
    let mut rest = path.as_bytes();
    while let Some(at) = rest.iter().position(|octet| *octet == b'%') {
        put(&rest[..at]);
        let [high, low] = [rest.get(at + 1)?, rest.get(at + 2)?].map(|digit| hex_digit(*digit));
        put(&[high? << 4 | low?]);
        rest = &rest[at + 3..];
    }
    put(rest);
    Some(())
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
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
            assert_eq!(decode_short(path, &mut [0; ROOM]), Some(&der[..]), "{path}");
        }
    }

    #[test]
    fn a_slash_too_many_is_read_over() {
        assert_eq!(decode("/MAA="), Some(vec![0x30, 0]));
    }

    #[test]
    fn what_has_no_room_is_left_to_the_other_way() {
        for length in [0, 1, ROOM - 2, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM] {
            let der = vec![0x30; length];
            let path = base64::engine::general_purpose::STANDARD.encode(&der);
            assert_eq!(decode(&path).as_deref(), Some(&der[..]));
            let mut room = [0; ROOM];
            let short = decode_short(&path, &mut room);
            assert_eq!(short, (length <= ROOM).then_some(&der[..]), "{length}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for path in ["%", "%2", "%zz", "a b", "--__Pj8wAA", "A", "=", "MDAw?x", "一"] {
            assert_eq!(decode(path), None, "{path}");
            assert_eq!(decode_short(path, &mut [0; ROOM]), None, "{path}");
        }
        assert_eq!(decode(&"A".repeat(MAX_PATH + 4)), None);
    }
}
