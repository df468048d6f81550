use super::*;
use crate::keys::verify::verify_with;
use std::path::Path;
use std::process::Command;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const INSIDE: &str = "YINXIN_TEST_INSIDE_SOFTHSM";

fn location(key: &str, sessions: usize) -> Location {
    Location { module: MODULE.into(), token: "yinxin".into(), key: key.into(), sessions }
}

fn pin(text: &str) -> Passphrase {
    Passphrase::new(text.into())
}

#[test]
fn raw_signatures_become_der() {
    assert_eq!(ecdsa_der(&[0, 1, 0x80, 0]).expect("DER"), [0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0]);
    assert!(ecdsa_der(&[]).is_err());
    assert!(ecdsa_der(&[1, 2, 3]).is_err());
}

#[test]
fn a_module_that_is_none_is_unusable() {
    let nowhere = Location { module: "/nonexistent.so".into(), ..location("k", 1) };
    assert!(matches!(Pkcs11Key::open(nowhere, pin("1")), Err(SignError::Unusable(_))));
    assert!(matches!(Pkcs11Key::open(location("k", 0), pin("1")), Err(SignError::Unusable(_))));
}

/// SoftHSM2 finds its tokens by an environment variable that it reads when it is loaded, and a test may not
/// change its own environment: so this test starts itself again, with a token of its own.
#[test]
fn keys_in_softhsm() {
    assert!(Path::new(MODULE).exists(), "SoftHSM2 is missing: scripts/setup installs it");
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let folder = tempfile::tempdir().expect("folder");
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).expect("folder");
    let conf = folder.path().join("softhsm2.conf");
    std::fs::write(&conf, format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()))
        .expect("conf");
    let run = |command: &mut Command| {
        let output = command.env("SOFTHSM2_CONF", &conf).env(INSIDE, "1").output().expect("runs");
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    };
    run(Command::new("softhsm2-util").args([
        "--init-token",
        "--free",
        "--label",
        "yinxin",
        "--so-pin",
        "87654321",
        "--pin",
        "24681357",
    ]));
    let own = std::env::current_exe().expect("own path");
    run(Command::new(own).args(["--exact", "signer::pkcs11::tests::keys_in_softhsm", "--nocapture"]));
}

fn inside() {
    wrong_names_and_pins_are_told_apart();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Rsa3072, KeyKind::Rsa4096] {
        let key = Pkcs11Key::generate(location(kind.name(), 4), pin("24681357"), kind).expect("generates");
        assert_eq!(key.kind(), kind);
        crate::signer::probe(&key).expect("works");
        signs_digests(&key);
        assert!(matches!(
            Pkcs11Key::generate(location(kind.name(), 4), pin("24681357"), kind),
            Err(SignError::Unusable(_))
        ));
    }
    sm2_keys_are_refused_before_and_after_they_are_made();
    many_threads_share_two_sessions();
    a_lost_login_costs_a_silent_retry();
}

fn wrong_names_and_pins_are_told_apart() {
    let open = |token: &str, pin_text: &str| {
        let location = Location { token: token.into(), ..location("nothing", 1) };
        Pkcs11Key::open(location, pin(pin_text)).map(|_| ())
    };
    assert_eq!(open("other", "24681357"), Err(SignError::KeyMissing));
    assert_eq!(open("yinxin", "24681357"), Err(SignError::KeyMissing));
    assert!(matches!(open("yinxin", "00000000"), Err(SignError::Unusable(_))));
}

/// SoftHSM2 makes a key on the curve of SM2 and has no mechanism that signs with it.
fn sm2_keys_are_refused_before_and_after_they_are_made() {
    let refused = |made: Result<Pkcs11Key, SignError>| match made.map(drop) {
        Err(SignError::Unusable(why)) => assert!(why.contains("no SM2 mechanism"), "{why}"),
        other => panic!("{other:?}"),
    };
    refused(Pkcs11Key::generate(location("SM2", 1), pin("24681357"), KeyKind::Sm2));
    let module = load(&location("SM2", 1)).expect("loads");
    let session = module.open_rw_session(slot(&module, "yinxin").expect("slot")).expect("session");
    log_in(&session, &pin("24681357")).expect("logs in");
    let common = [Attribute::Token(true), Attribute::Label(b"SM2".to_vec())];
    let public = [&common[..], &curve(oid::SM2)].concat();
    let private = [&common[..], &[Attribute::Private(true), Attribute::Sign(true)]].concat();
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).expect("SoftHSM2 takes the curve");
    refused(Pkcs11Key::open(location("SM2", 1), pin("24681357")));
}

fn signs_digests(key: &Pkcs11Key) {
    let digest = hash(key.algorithm().digest(), b"in pieces").expect("hashes");
    let signature = key.sign_digest(&digest).expect("signs");
    verify_with(key.spki_der(), key.algorithm(), b"in pieces", &signature).expect("verifies");
}

fn many_threads_share_two_sessions() {
    let key = Pkcs11Key::open(location("P-256", 2), pin("24681357")).expect("opens");
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let key = &key;
            scope.spawn(move || {
                for turn in 0..20_u8 {
                    let message = [thread, turn];
                    let signature = key.sign(&message).expect("signs");
                    verify_with(key.spki_der(), key.algorithm(), &message, &signature).expect("verifies");
                }
            });
        }
    });
    let pool = key.pool();
    assert!(pool.open <= 2 && pool.open == pool.idle.len());
}

fn a_lost_login_costs_a_silent_retry() {
    let key = Pkcs11Key::open(location("P-256", 2), pin("24681357")).expect("opens");
    let other = load(&key.location).expect("shared");
    let session = other.open_ro_session(slot(&other, "yinxin").expect("slot")).expect("session");
    session.logout().expect("logs the whole program out");
    crate::signer::probe(&key).expect("logs in again");
}
