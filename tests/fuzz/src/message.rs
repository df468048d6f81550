//! CMS messages of other programs, as the verification service gets them, and certificates.
#![no_main]

use ca_core::cms::{self, Expected};
use ca_core::x509::Parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _certificate = Parts::read(bytes).map(|parts| parts.tbs.serial());
    let _statement = cms::verify(bytes);
    let inside = Expected { content_type: None, content: None, certificate: None, strict: false };
    let _attached = cms::verify_as(bytes, &inside);
    let _detached = cms::verify_as(bytes, &Expected { content: Some(b"message"), ..inside });
});
