//! Both drivers, on SoftHSM2 and on sealed files, judged by OpenSSL and OpenSC.

use std::fs;
use std::process::Command;

use crate::common::authority::{TestCa, Wanted};
use crate::common::{PIN, SO_PIN, initialised, run, soft, softhsm};
use ca_core::clock::system_rng;
use ca_core::cms;
use ca_core::domain::{KeyKind, Timestamp};
use ca_core::envelope::{self, EncryptionKey};
use token_provisioner::driver::{
    InitTarget, KeyId, KeyUse, Pin, PublicKey, Session, StoredCertificate, TokenDriver, TokenError, TokenInfo, Tries,
};

/// What our use of PKCS#11 makes.
const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Rsa2048];

/// The failure of opening a token.
fn refusal(driver: &dyn TokenDriver, token: &TokenInfo, pin: &str) -> TokenError {
    driver.open(&token.serial, &Pin::typed(pin)).err().expect("the PIN is refused")
}

fn signs_what_openssl_accepts(driver: &dyn TokenDriver, token: &TokenInfo, algorithm: KeyKind) {
    let ca = TestCa::new();
    let mut session = driver.open(&token.serial, &Pin::typed(PIN)).unwrap();
    let key = session.generate(algorithm, "yinxin test", KeyUse::Sign).unwrap();
    assert_eq!(key.id, key.public.id());
    assert!(session.keys().unwrap().contains(&key));

    let request =
        ca_core::keys::csr::build("李敏", key.public.spki_der(), algorithm.signature_algorithm(), |message| {
            session.sign(&key.id, message)
        });
    let der = ca.issue(&request.unwrap(), &Wanted::default());
    assert_eq!(PublicKey::of_certificate(&der).unwrap(), key.public);
    let certificate = StoredCertificate { id: key.id.clone(), label: "李敏".into(), der: der.clone() };
    session.store(&certificate).unwrap();
    session.store(&certificate).unwrap();
    let same = |stored: &&StoredCertificate| **stored == certificate;
    assert_eq!(session.certificates().unwrap().iter().filter(same).count(), 1, "written once");
    let message = cms::sign(b"statement", &der, Timestamp::from_unix(1_800_000_000), |attributes| {
        session.sign(&key.id, attributes)
    });
    drop(session);
    assert!(driver.certificates(&token.serial).unwrap().contains(&certificate), "seen without a PIN");

    let message = message.unwrap();
    let signed = cms::verify(&message).unwrap();
    assert_eq!((signed.content.as_slice(), signed.certificate), (&b"statement"[..], der));
    if algorithm == KeyKind::Sm2 {
        // OpenSSL makes and reads no CMS by SM2.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message.p7m");
    fs::write(&file, message).unwrap();
    let output = run(Command::new("openssl")
        .args(["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in"])
        .arg(&file));
    assert_eq!(output.stdout, b"statement");
}

/// What OpenSSL's command line says of an SM2 signature under the standard id.
#[test]
fn openssl_accepts_a_soft_tokens_sm2_signature() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 2);
    let token = initialised(&driver, "unit", PIN);
    let mut session = driver.open(&token.serial, &Pin::typed(PIN)).unwrap();
    let key = session.generate(KeyKind::Sm2, "yinxin test", KeyUse::Sign).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let public = file("public.der", key.public.spki_der());
    let message = file("message", b"statement");
    let signature = session.sign(&key.id, b"statement").unwrap();
    assert!(key.public.verifies(b"statement", &signature) && !key.public.verifies(b"statemend", &signature));
    let signature = file("signature", &signature);
    let judge = |id: &str| {
        let mut command = Command::new("openssl");
        command.args(["pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-keyform", "DER", "-inkey"]);
        command.arg(&public).arg("-in").arg(&message).arg("-sigfile").arg(&signature);
        command.args(["-pkeyopt", &format!("distid:{id}")]).output().unwrap().status.success()
    };
    assert!(judge("1234567812345678"));
    assert!(!judge("8765432187654321"), "the id counts");
}

fn keeps_keys_apart_by_pin(driver: &dyn TokenDriver, token: &TokenInfo) {
    assert!(matches!(refusal(driver, token, "wrong-pin"), TokenError::WrongPin { .. }));
    driver.change_pin(&token.serial, &Pin::typed(PIN), &Pin::typed("975310")).unwrap();
    assert!(matches!(refusal(driver, token, PIN), TokenError::WrongPin { .. }));
    assert!(driver.open(&token.serial, &Pin::typed("975310")).is_ok());
    let wrong = driver.change_pin(&token.serial, &Pin::typed(PIN), &Pin::typed("864202"));
    assert!(matches!(wrong, Err(TokenError::WrongPin { .. })));
}

/// The admin PIN sets a new user PIN, keys and certificates stay, and a wrong admin PIN is told apart from a user's.
fn is_unblocked_by_the_admin_pin_alone(driver: &dyn TokenDriver, token: &TokenInfo, pin: &str, new: &str) {
    let before = driver.open(&token.serial, &Pin::typed(pin)).unwrap().keys().unwrap();
    for _ in 0..2 {
        assert!(driver.open(&token.serial, &Pin::typed("000000")).is_err());
    }
    let wrong = driver.unblock(&token.serial, &Pin::typed("11112222"), &Pin::typed(new));
    assert!(matches!(wrong, Err(TokenError::AdminPin)), "{wrong:?}");
    assert!(driver.open(&token.serial, &Pin::typed(new)).is_err(), "nothing was set");
    driver.unblock(&token.serial, &Pin::typed(SO_PIN), &Pin::typed(new)).unwrap();
    assert!(matches!(refusal(driver, token, pin), TokenError::WrongPin { .. }));
    assert_eq!(driver.open(&token.serial, &Pin::typed(new)).unwrap().keys().unwrap(), before);
}

#[test]
fn a_soft_token_locks_and_is_unblocked_until_its_admin_pin_locks_too() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 9);
    let token = initialised(&driver, "unit", PIN);
    driver.open(&token.serial, &Pin::typed(PIN)).unwrap().generate(KeyKind::P256, "k", KeyUse::Sign).unwrap();
    is_unblocked_by_the_admin_pin_alone(&driver, &token, PIN, "531975");
    for _ in 0..token_provisioner::driver::soft::TRIES {
        assert!(driver.open(&token.serial, &Pin::typed("000000")).is_err());
    }
    assert!(matches!(refusal(&driver, &token, "531975"), TokenError::PinLocked));
    driver.unblock(&token.serial, &Pin::typed(SO_PIN), &Pin::typed("531975")).unwrap();
    is_unblocked_by_the_admin_pin_alone(&driver, &token, "531975", "864209");
    let unblock = |admin: &str| driver.unblock(&token.serial, &Pin::typed(admin), &Pin::typed("246813"));
    for _ in 1..token_provisioner::driver::soft::TRIES {
        assert!(matches!(unblock("11112222"), Err(TokenError::AdminPin)));
    }
    assert!(matches!(unblock("11112222"), Err(TokenError::AdminLocked)), "the last try");
    assert!(matches!(unblock(SO_PIN), Err(TokenError::AdminLocked)), "the right one comes too late");
}

#[test]
fn a_softhsm_token_is_unblocked_by_its_admin_pin() {
    softhsm::alone("drivers::a_softhsm_token_is_unblocked_by_its_admin_pin", |_| {
        let driver = softhsm::module();
        let token = initialised(&driver, "unit", PIN);
        driver.open(&token.serial, &Pin::typed(PIN)).unwrap().generate(KeyKind::P256, "k", KeyUse::Sign).unwrap();
        is_unblocked_by_the_admin_pin_alone(&driver, &token, PIN, "531975");
    });
}

/// An envelope for a signature key is opened in the token, its key comes beside, decrypts, and never signs or leaves.
fn takes_an_encryption_key(driver: &dyn TokenDriver, token: &TokenInfo, algorithm: KeyKind) {
    let mut session = driver.open(&token.serial, &Pin::typed(PIN)).unwrap();
    let signs = session.generate(algorithm, "yinxin signs", KeyUse::Sign).unwrap();
    let opens = session.generate(algorithm, "yinxin opens", KeyUse::SignAndOpen).unwrap();
    let mut rng = system_rng();
    let key = EncryptionKey::generate(algorithm, &mut rng).unwrap();
    let open = |session: &mut dyn Session, by: &KeyId, to: &[u8]| {
        let sealed = envelope::wrap(&key, to, &mut system_rng()).unwrap();
        envelope::open(&sealed.message.0, key.spki_der(), |operation| session.perform(by, operation))
    };
    let opened =
        open(&mut *session, &opens.id, opens.public.spki_der()).unwrap_or_else(|e| panic!("{algorithm:?}: {e}"));
    assert!(open(&mut *session, &opens.id, signs.public.spki_der()).is_err(), "for another key");
    assert!(open(&mut *session, &signs.id, signs.public.spki_der()).is_err(), "an officer's key only signs");

    let label = "yinxin opens encryption";
    let imported = session.import(&opened, label).unwrap();
    assert_eq!((imported.public.spki_der(), imported.label.as_str()), (key.spki_der(), label));
    assert_eq!(session.import(&opened, label).unwrap(), imported);
    let there = session.keys().unwrap();
    assert_eq!(there.iter().filter(|there| there.label == label).collect::<Vec<_>>(), [&imported], "written once");
    open(&mut *session, &imported.id, imported.public.spki_der()).expect("the imported key decrypts");
    assert!(session.sign(&imported.id, b"m").is_err(), "an encryption key does not sign");

    session.remove(&imported.id).unwrap();
    session.remove(&imported.id).unwrap();
    assert!(!session.keys().unwrap().contains(&imported));
    assert!(session.keys().unwrap().contains(&opens), "only the one");
}

#[test]
fn a_soft_token_takes_an_encryption_key() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 10);
    let token = initialised(&driver, "unit", PIN);
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        takes_an_encryption_key(&driver, &token, kind);
    }
}

#[test]
fn softhsm_takes_an_encryption_key() {
    softhsm::alone("drivers::softhsm_takes_an_encryption_key", |folder| {
        let driver = softhsm::module();
        let token = initialised(&driver, "unit", PIN);
        KINDS.into_iter().for_each(|kind| takes_an_encryption_key(&driver, &token, kind));
        // What was imported is as closed as what was born there, and open about where it comes from.
        let mut session = driver.open(&token.serial, &Pin::typed(PIN)).unwrap();
        let key = EncryptionKey::generate(KeyKind::P256, &mut system_rng()).unwrap();
        session.import(&key, "imported").unwrap();
        drop(session);
        let mut tool = Command::new("pkcs11-tool");
        tool.args(["--module", softhsm::MODULE, "--token-label", "unit", "--login", "--pin", PIN, "--list-objects"]);
        let seen = String::from_utf8(run(tool.env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))).stdout).unwrap();
        let mut private = seen.split("Private Key Object").filter_map(|from| from.split("Public Key Object").next());
        let imported = private.find(|object| object.contains("imported")).unwrap();
        assert!(imported.contains("Usage:      derive"), "{imported}");
        assert!(imported.contains("Access:     sensitive") && !imported.contains("always sensitive"), "{imported}");
    });
}

#[test]
fn a_soft_token_signs_what_openssl_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 1);
    let token = initialised(&driver, "limin", PIN);
    KeyKind::ALL.into_iter().for_each(|kind| signs_what_openssl_accepts(&driver, &token, kind));
}

#[test]
fn a_soft_tokens_pin_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 2);
    keeps_keys_apart_by_pin(&driver, &initialised(&driver, "limin", PIN));
}

#[test]
fn six_wrong_pins_lock_a_soft_token_even_for_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let token = initialised(&soft(folder.path(), 3), "limin", PIN);
    for left in (1..6).rev() {
        // A new driver each time: the count is on disk, not in the program.
        let error = refusal(&soft(folder.path(), 4), &token, "000001");
        assert!(matches!(error, TokenError::WrongPin { tries: Tries::Left(n) } if n == left), "{error:?}");
    }
    let driver = soft(folder.path(), 5);
    assert!(matches!(refusal(&driver, &token, "000001"), TokenError::PinLocked));
    assert!(matches!(refusal(&driver, &token, PIN), TokenError::PinLocked));
    assert_eq!(driver.tokens().unwrap()[0].tries, Tries::Locked);
}

#[test]
fn a_right_pin_gives_all_tries_back() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 6);
    let token = initialised(&driver, "limin", PIN);
    refusal(&driver, &token, "000001");
    assert_eq!(driver.tokens().unwrap()[0].tries, Tries::Left(5));
    drop(driver.open(&token.serial, &Pin::typed(PIN)).unwrap());
    assert_eq!(driver.tokens().unwrap()[0].tries, Tries::Left(6));
}

#[test]
fn a_soft_token_that_is_moved_away_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 7);
    let token = initialised(&driver, "limin", PIN);
    let mut session = driver.open(&token.serial, &Pin::typed(PIN)).unwrap();
    let key = session.generate(KeyKind::P256, "k", KeyUse::Sign).unwrap();
    let file = folder.path().join(format!("{}.token", token.serial));
    let away = folder.path().join("away");
    fs::rename(&file, &away).unwrap();
    assert!(matches!(session.sign(&key.id, b"m"), Err(TokenError::Removed(serial)) if serial == token.serial.as_str()));
    assert!(driver.tokens().unwrap().is_empty());
    fs::rename(&away, &file).unwrap();
    assert!(session.sign(&key.id, b"m").is_ok(), "plugged in again");
}

#[test]
fn a_key_that_was_changed_on_disk_does_not_sign() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 8);
    let token = initialised(&driver, "limin", PIN);
    let mut session = driver.open(&token.serial, &Pin::typed(PIN)).unwrap();
    let (one, two) = ["1", "2"].map(|label| session.generate(KeyKind::P256, label, KeyUse::Sign).unwrap()).into();
    let file = folder.path().join(format!("{}.token", token.serial));
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let other = json["keys"][1]["sealed"].clone();
    json["keys"][0]["sealed"] = other;
    fs::write(&file, json.to_string()).unwrap();
    assert!(matches!(session.sign(&one.id, b"m"), Err(TokenError::Broken(_))));
    assert!(session.sign(&two.id, b"m").is_ok());
}

#[test]
fn erasing_needs_the_so_pin_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let driver = soft(folder.path(), 9);
    let token = initialised(&driver, "limin", PIN);
    driver.open(&token.serial, &Pin::typed(PIN)).unwrap().generate(KeyKind::P256, "k", KeyUse::Sign).unwrap();
    let erase = |so_pin: &str| {
        let target = InitTarget::Erase(token.serial.clone());
        driver.init(&target, &"again".parse().unwrap(), &Pin::typed(so_pin), &Pin::typed(PIN))
    };
    assert!(matches!(erase("00000000"), Err(TokenError::WrongPin { .. })));
    assert_eq!(erase(SO_PIN).unwrap().serial, token.serial);
    assert!(driver.open(&token.serial, &Pin::typed(PIN)).unwrap().keys().unwrap().is_empty());
}

#[test]
fn softhsm_signs_what_openssl_accepts_and_opensc_sees_the_objects() {
    softhsm::alone("drivers::softhsm_signs_what_openssl_accepts_and_opensc_sees_the_objects", |folder| {
        let driver = softhsm::module();
        let token = initialised(&driver, "limin", PIN);
        KINDS.into_iter().for_each(|kind| signs_what_openssl_accepts(&driver, &token, kind));

        let mut tool = Command::new("pkcs11-tool");
        tool.args(["--module", softhsm::MODULE, "--token-label", "limin", "--login", "--pin", PIN, "--list-objects"]);
        let seen = String::from_utf8(run(tool.env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))).stdout).unwrap();
        for kind in KINDS {
            let key = driver.open(&token.serial, &Pin::typed(PIN)).unwrap().keys().unwrap();
            let key = key.into_iter().find(|key| key.public.algorithm() == kind).unwrap();
            let objects = seen.lines().filter(|line| line.trim() == format!("ID:         {}", key.id)).count();
            assert_eq!(objects, 3, "private key, public key and certificate of {kind:?} in:\n{seen}");
        }
        assert_eq!(seen.matches("sensitive, always sensitive, never extractable").count(), 2, "{seen}");
    });
}

#[test]
fn softhsm_changes_its_pin_and_tells_a_wrong_one() {
    softhsm::alone("drivers::softhsm_changes_its_pin_and_tells_a_wrong_one", |_| {
        let driver = softhsm::module();
        let token = initialised(&driver, "limin", PIN);
        assert!(matches!(refusal(&driver, &token, "1"), TokenError::WrongPin { .. }), "too short to be right");
        keeps_keys_apart_by_pin(&driver, &token);
        assert!(matches!(
            driver.open(&"no-such-token".parse().unwrap(), &Pin::typed(PIN)).err(),
            Some(TokenError::Removed(_))
        ));
    });
}

#[test]
fn softhsm_tokens_are_initialised_one_beside_the_other() {
    softhsm::alone("drivers::softhsm_tokens_are_initialised_one_beside_the_other", |_| {
        let driver = softhsm::module();
        let (one, two) = (initialised(&driver, "limin", PIN), initialised(&driver, "wangqiang", PIN));
        assert_ne!(one.serial, two.serial);
        let erased = driver.init(
            &InitTarget::Erase(one.serial),
            &"limin".parse().unwrap(),
            &Pin::typed(SO_PIN),
            &Pin::typed("135792"),
        );
        assert_eq!(erased.unwrap().label, "limin");
        assert_eq!(driver.tokens().unwrap().iter().filter(|token| token.ready).count(), 2);
    });
}

#[test]
fn softhsm_shows_a_token_of_another_process_when_looked_at_again() {
    softhsm::alone("drivers::softhsm_shows_a_token_of_another_process_when_looked_at_again", |folder| {
        let driver = softhsm::module();
        assert!(driver.tokens().unwrap().iter().all(|token| !token.ready));
        let mut other = Command::new("softhsm2-util");
        other.args(["--init-token", "--free", "--label", "limin", "--so-pin", SO_PIN, "--pin", PIN]);
        run(other.env("SOFTHSM2_CONF", folder.join("softhsm2.conf")));
        driver.look_again().unwrap();
        assert_eq!(driver.tokens().unwrap().iter().filter(|token| token.ready).count(), 1);
    });
}
