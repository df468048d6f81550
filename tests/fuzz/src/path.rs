//! The path of a GET: never a panic, and every way of writing a request is read as that request.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use ocsp::wire::OcspRequest;

#[path = "../../../ocsp/src/http/target.rs"]
mod target;

fuzz_target!(|bytes: &[u8]| {
    // As a stranger writes it: the short way reads what the other does.
    if let Ok(path) = std::str::from_utf8(bytes) {
        let mut room = [0; target::ROOM];
        let der = target::decode(path);
        if let Some(short) = target::decode_short(path, &mut room) {
            assert_eq!(Some(short), der.as_deref());
        }
        if let Some(der) = der {
            let _request = OcspRequest::parse(&der);
        }
    }
    // As clients write a request: escaped as it pleases the first octet. Four thirds of it, and thrice that where every
    // character is escaped, is within the longest path.
    let Some((how, der)) = bytes.split_first().filter(|(_, der)| der.len() < 2000) else { return };
    let escape = |octet: u8| match octet {
        b'+' | b'/' | b'=' if how & 1 == 1 => format!("%{octet:02X}"),
        b'+' | b'/' | b'=' if how & 2 == 2 => format!("%{octet:02x}"),
        other => char::from(other).to_string(),
    };
    let written: String = STANDARD.encode(der).bytes().map(escape).collect();
    // A slash in front is read over, so what begins with one reads otherwise; no request does (it begins with `M`).
    if !written.starts_with('/') {
        assert_eq!(target::decode(&written).as_deref(), Some(der));
    }
});
