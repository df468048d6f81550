use super::*;
use crate::clock::system_rng;
use crate::keys::PublicKey;
use crate::keys::stream::MessageDigest;
use crate::keys::verify::verify_with;
use std::os::unix::fs::PermissionsExt as _;

fn pass(text: &str) -> Passphrase {
    Passphrase::new(text.into())
}

#[test]
fn a_sealed_key_opens_with_its_passphrase_only() {
    let folder = tempfile::tempdir().expect("folder");
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Sm2] {
        let path = folder.path().join(kind.name());
        let key = SoftKey::generate(kind).expect("key");
        key.save(&path, &pass("right"), Cost::WEAK, &mut system_rng()).expect("saves");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let opened = SoftKey::open(&path, &pass("right")).expect("opens");
        let signature = opened.sign(b"m").expect("signs");
        verify_with(key.spki_der(), kind.signature_algorithm(), b"m", &signature).expect("the same key");
        assert!(matches!(SoftKey::open(&path, &pass("wrong")), Err(SealError::WrongPassphrase)));
        assert_eq!(peek(&path).expect("peeks"), (kind, key.spki_der().to_vec()));
    }
}

#[test]
fn a_file_is_never_written_over() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("root.key");
    let key = SoftKey::generate(KeyKind::P256).expect("key");
    key.save(&path, &pass("a"), Cost::WEAK, &mut system_rng()).expect("saves");
    let before = std::fs::read(&path).expect("reads");
    assert!(matches!(key.save(&path, &pass("a"), Cost::WEAK, &mut system_rng()), Err(SealError::Io(_))));
    assert_eq!(std::fs::read(&path).expect("reads"), before);
}

#[test]
fn every_change_of_the_file_is_noticed() {
    let key = SoftKey::generate(KeyKind::P256).expect("key");
    let other = SoftKey::generate(KeyKind::P256).expect("key");
    let sealed = key.seal(&pass("p"), Cost::WEAK, &mut system_rng()).expect("seals");
    let text = String::from_utf8(sealed.clone()).expect("JSON");
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        SoftKey::unseal(text.replace(from, to).as_bytes(), &pass("p")).err().expect("noticed")
    };
    let public = |key: &SoftKey| BASE64.encode(&key.spki);
    assert!(matches!(change(&public(&key), &public(&other)), SealError::WrongPassphrase));
    assert!(matches!(change("\"passes\": 1", "\"passes\": 2"), SealError::WrongPassphrase));
    assert!(matches!(change("\"P-256\"", "\"P-384\""), SealError::WrongPassphrase));
    assert!(matches!(change("\"version\": 1", "\"version\": 2"), SealError::Malformed(_)));
    assert!(matches!(change("\"memory_kib\": 64", "\"memory_kib\": 4294967295"), SealError::Malformed(_)));
    assert!(matches!(change("\"version\"", "\"extra\": 1, \"version\""), SealError::Malformed(_)));
    for at in (0..sealed.len()).step_by(7) {
        let mut bent = sealed.clone();
        bent[at] ^= 0x04;
        // White space between fields is all that may change unnoticed.
        if let Ok(opened) = SoftKey::unseal(&bent, &pass("p")) {
            assert!(sealed[at].is_ascii_whitespace(), "byte {at}");
            assert_eq!(opened.spki, key.spki);
        }
    }
}

#[test]
fn the_private_key_does_not_stand_in_the_file() {
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let key = SoftKey::generate(kind).expect("key");
        let sealed = key.seal(&pass("p"), Cost::WEAK, &mut system_rng()).expect("seals");
        let secret = BASE64.encode(key.pkcs8().expect("DER"));
        let text = String::from_utf8(sealed).expect("JSON");
        assert!(!text.contains(&secret[40..80]));
    }
}

#[test]
fn openssl_reads_our_sm2_keys_and_we_read_its() {
    let ours = SoftKey::generate(KeyKind::Sm2).expect("key");
    let theirs = PKey::private_key_from_pkcs8(&ours.pkcs8().expect("DER")).expect("openssl reads");
    assert_eq!(theirs.public_key_to_der().expect("DER"), ours.spki);
    let group = EcGroup::from_curve_name(Nid::SM2).expect("curve");
    let theirs = EcKey::generate(&group).and_then(PKey::from_ec_key).expect("key");
    let ours = SoftKey::from_pkcs8(KeyKind::Sm2, &theirs.private_key_to_pkcs8().expect("DER")).expect("we read its");
    assert_eq!(ours.spki, theirs.public_key_to_der().expect("DER"));
    crate::signer::probe(&ours).expect("it signs");
}

#[test]
fn an_sm2_key_signs_under_the_id_it_was_given() {
    let id: Sm2Id = "a CA of its own".parse().expect("id");
    let key = SoftKey::generate(KeyKind::Sm2).expect("key").with_sm2_id(id.clone());
    let verify = |id| {
        PublicKey::under(&key.spki, id).expect("key").verify_with(
            key.algorithm(),
            b"m",
            &key.sign(b"m").expect("signs"),
        )
    };
    verify(&id).expect("its own id");
    assert!(verify(&Sm2Id::STANDARD).is_err());
    crate::signer::probe(&key).expect("the probe asks under its id");
}

#[test]
fn a_signature_over_a_digest_is_that_of_the_whole_message() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Sm2] {
        let key = SoftKey::generate(kind).expect("key");
        let public = PublicKey::read(&key.spki).expect("a good key");
        let mut stream = MessageDigest::new(&public, key.algorithm()).expect("begins");
        for piece in b"a message in pieces".chunks(4) {
            stream.update(piece).expect("piece");
        }
        let digested = stream.finish().expect("a digest");
        let signature = key.sign_digest(digested.octets()).expect("signs");
        verify_with(&key.spki, key.algorithm(), b"a message in pieces", &signature).expect("verifies");
        assert!(key.sign_digest(&digested.octets()[1..]).is_err(), "{kind:?}: what is no digest is not signed");
    }
}
