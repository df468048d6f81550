//! The OCSP request: what can be read means one thing, and is read again when it is written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocsp::wire::{OcspRequest, encode_request, parse_reply, plain_cert_id};

fuzz_target!(|bytes: &[u8]| {
    let _reply = parse_reply(bytes);
    let Ok(request) = OcspRequest::parse(bytes) else { return };
    assert!(!request.asked.is_empty());
    // What the quick way takes for a CertID is the one that the parser found.
    if let Some(id) = plain_cert_id(bytes) {
        assert_eq!((request.asked.len(), request.asked[0].der), (1, id));
    }
    let ids: Vec<&[u8]> = request.asked.iter().map(|asked| asked.der).collect();
    let again = encode_request(&ids, request.nonce).expect("as many as were read");
    let read = OcspRequest::parse(&again).expect("own output");
    assert_eq!((read.nonce, read.asked.len()), (request.nonce, ids.len()));
    assert!(read.asked.iter().zip(&ids).all(|(asked, id)| asked.der == *id));
});
