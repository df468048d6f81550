//! Round trips, foreign keys, bent envelopes, and the judgement of the openssl program.

use std::path::Path;
use std::process::Command;

use zeroize::Zeroizing;

use super::software::{OperationError, perform};
use super::*;
use crate::clock::system_rng;
use crate::keys::KeyKind;

const RECIPIENTS: [KeyKind; 3] = [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048];

fn key(kind: KeyKind) -> EncryptionKey {
    EncryptionKey::generate(kind, &mut system_rng()).expect("a key")
}

fn sm2() -> EncryptionKey {
    key(KeyKind::Sm2)
}

type Opened = Result<EncryptionKey, OpenError<OperationError>>;

fn open_with(message: &[u8], certified: &EncryptionKey, own: &EncryptionKey) -> Opened {
    open(message, certified.spki_der(), |operation| perform(own.pkcs8_der(), operation))
}

fn openssl(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let done = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl runs");
    if done.status.success() { Ok(done.stdout) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
}

#[test]
fn each_kind_is_opened_by_its_recipient_and_by_no_other() {
    for kind in RECIPIENTS {
        for carried in RECIPIENTS {
            let (own, wrapped) = (key(kind), key(carried));
            let envelope = wrap(&wrapped, own.spki_der(), &mut system_rng()).expect("wraps");
            assert_eq!(envelope.skf, None);
            let opened = open_with(&envelope.message.0, &wrapped, &own).expect("opens");
            assert_eq!(opened.pkcs8_der(), wrapped.pkcs8_der());
            let other = open_with(&envelope.message.0, &wrapped, &key(kind));
            assert!(matches!(other, Err(OpenError::Closed | OpenError::Private(OperationError::Closed))));
        }
    }
}

#[test]
fn both_sm2_carriers_are_opened_by_their_recipient_and_by_no_other() {
    let (own, wrapped) = (sm2(), sm2());
    let envelope = wrap(&wrapped, own.spki_der(), &mut system_rng()).expect("wraps");
    let skf = envelope.skf.expect("SM2 keys have an SKF blob").0;
    assert_eq!(skf.len(), BLOB_BYTES);
    assert_eq!(skf[..12], [1, 0, 0, 0, 1, 4, 0, 0, 0, 1, 0, 0]);
    let opened = open_with(&envelope.message.0, &wrapped, &own).expect("opens");
    assert_eq!(opened.pkcs8_der(), wrapped.pkcs8_der());
    let private = |operation: PrivateOperation<'_>| perform(own.pkcs8_der(), operation);
    let opened = open_skf(&skf, wrapped.spki_der(), private).expect("opens");
    assert_eq!(opened.pkcs8_der(), wrapped.pkcs8_der());
    assert!(matches!(
        open_with(&envelope.message.0, &wrapped, &sm2()),
        Err(OpenError::Private(OperationError::Closed))
    ));
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    for (own, wrapped, other) in [(sm2(), sm2(), sm2()), (key(KeyKind::P256), key(KeyKind::P256), key(KeyKind::P256))] {
        let envelope = wrap(&wrapped, own.spki_der(), &mut system_rng()).expect("wraps");
        assert!(matches!(open_with(&envelope.message.0, &other, &own), Err(OpenError::OtherKey)));
    }
}

#[test]
fn no_bit_of_an_envelope_can_be_changed_unnoticed() {
    let cases = [(sm2(), sm2()), (key(KeyKind::P256), key(KeyKind::P256)), (key(KeyKind::Rsa2048), key(KeyKind::P256))];
    for (own, wrapped) in cases {
        let envelope = wrap(&wrapped, own.spki_der(), &mut system_rng()).expect("wraps");
        let message = envelope.message.0;
        for at in (0..message.len()).step_by(3) {
            let mut bent = message.clone();
            bent[at] ^= 1 << (at % 8);
            if let Ok(opened) = open_with(&bent, &wrapped, &own) {
                // Who is named as recipient only shows the way.
                let named = crate::x509::key_identifier(own.spki_der());
                let named = message.windows(20).position(|octets| octets == named).expect("it is there");
                assert!((named..named + 20).contains(&at), "octet {at}");
                assert_eq!(opened.pkcs8_der(), wrapped.pkcs8_der());
            }
        }
        for end in 0..message.len() {
            assert!(open_with(&message[..end], &wrapped, &own).is_err(), "cut at {end}");
        }
        let Some(skf) = envelope.skf else { continue };
        for at in 0..skf.0.len() {
            let mut bent = skf.0.clone();
            bent[at] ^= 1 << (at % 8);
            let opened = open_skf(&bent, wrapped.spki_der(), |operation| perform(own.pkcs8_der(), operation));
            assert!(opened.is_err(), "octet {at}");
        }
    }
}

#[test]
fn sm2_goes_to_sm2_alone() {
    for (wrapped, own) in [(sm2(), key(KeyKind::P256)), (key(KeyKind::P256), sm2())] {
        let refused = wrap(&wrapped, own.spki_der(), &mut system_rng());
        assert!(matches!(refused, Err(WrapError::Recipient(_))));
    }
    let refused = wrap(&sm2(), &[0x30, 0], &mut system_rng());
    assert!(matches!(refused, Err(WrapError::Recipient(_))));
}

#[test]
fn a_private_key_whose_halves_do_not_go_together_is_refused() {
    let (one, two) = (key(KeyKind::P256), key(KeyKind::P256));
    let point = |key: &EncryptionKey| key.spki_der()[27..].to_vec();
    let mut mixed = one.pkcs8_der().to_vec();
    let at = mixed.windows(64).position(|octets| octets == point(&one)).expect("the public half stands in it");
    mixed[at..at + 64].copy_from_slice(&point(&two));
    assert!(matches!(EncryptionKey::from_pkcs8(Zeroizing::new(mixed)), Err(KeyError::Unreadable)));
}

#[test]
fn two_envelopes_of_one_key_have_nothing_in_common() {
    let (own, wrapped) = (sm2(), sm2());
    let mut rng = system_rng();
    let one = wrap(&wrapped, own.spki_der(), &mut rng).expect("wraps").skf.expect("SKF").0;
    let two = wrap(&wrapped, own.spki_der(), &mut rng).expect("wraps").skf.expect("SKF").0;
    assert_ne!(one[12..76], two[12..76]);
    assert_ne!(one[372..], two[372..]);
}

#[test]
fn openssl_opens_what_goes_to_rsa_and_to_nist_keys() {
    let folder = tempfile::tempdir().expect("folder");
    for kind in RECIPIENTS {
        let (own, wrapped) = (key(kind), key(KeyKind::P256));
        let envelope = wrap(&wrapped, own.spki_der(), &mut system_rng()).expect("wraps");
        std::fs::write(folder.path().join("envelope"), &envelope.message.0).expect("writes");
        std::fs::write(folder.path().join("own"), own.pkcs8_der()).expect("writes");
        let arguments = ["cms", "-decrypt", "-inform", "DER", "-in", "envelope", "-inkey", "own", "-keyform", "DER"];
        let opened = openssl(folder.path(), &[&arguments[..], &["-binary"]].concat());
        assert_eq!(opened.as_deref(), Ok(wrapped.pkcs8_der()), "{kind:?}");
    }
}

#[test]
fn openssl_opens_the_sm2_cipher_and_knows_the_key_inside() {
    let folder = tempfile::tempdir().expect("folder");
    let (own, wrapped) = (sm2(), sm2());
    let envelope = wrap(&wrapped, own.spki_der(), &mut system_rng()).expect("wraps");
    std::fs::write(folder.path().join("own"), own.pkcs8_der()).expect("writes");
    let opened = open::<String>(&envelope.message.0, wrapped.spki_der(), |operation| {
        let PrivateOperation::Sm2Decrypt(cipher) = operation else { return Err("another operation".into()) };
        std::fs::write(folder.path().join("cipher"), cipher).map_err(|error| error.to_string())?;
        let arguments = ["pkeyutl", "-decrypt", "-in", "cipher", "-inkey", "own", "-keyform", "DER"];
        openssl(folder.path(), &arguments).map(Zeroizing::new)
    })
    .expect("opens");
    std::fs::write(folder.path().join("opened"), opened.pkcs8_der()).expect("writes");
    let public = openssl(folder.path(), &["pkey", "-in", "opened", "-inform", "DER", "-pubout", "-outform", "DER"]);
    assert_eq!(public.expect("a key"), wrapped.spki_der());
}
