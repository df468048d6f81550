use super::*;
use crate::clock::system_rng;
use crate::encode::testing::{Hierarchy, crl_key, now};
use crate::keys::KeyKind;
use crate::signer::Signer as _;
use der::{Decode as _, Encode as _};
use openssl::x509::{X509, X509Crl};
use std::process::Command;
use x509_cert::crl::CertificateList;

const HELD: CertificateStatus = CertificateStatus::Held { since: Timestamp::from_unix(1_700_000_000) };

const FULL: ListScope = ListScope::Full { delta_url: None };

fn revoked(reason: RevocationReason) -> CertificateStatus {
    CertificateStatus::Revoked { since: Timestamp::from_unix(1_700_000_000), reason }
}

fn head(issuer: &[u8]) -> Head<'_> {
    Head { issuer_certificate: issuer, scope: &FULL, number: 7, this_update: now(), next_update: now().plus(86_400) }
}

fn serial_of(der: &[u8]) -> Serial {
    Parts::read(der).and_then(|parts| parts.tbs.serial()).expect("serial")
}

#[test]
fn openssl_reads_numbers_reasons_and_signature() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        let house = Hierarchy::new(kind);
        let mut serials: Vec<_> = (0..100).map(|_| Serial::draw(Timestamp::from_unix(0), &mut system_rng())).collect();
        serials.sort();
        let statuses: Vec<_> =
            RevocationReason::ALL.into_iter().map(revoked).chain([HELD, CertificateStatus::Good]).collect();
        let entries = serials.iter().zip(statuses.iter().copied().cycle());
        let der = in_memory(&head(&house.issuing.der), &crl_key(&house.issuing.key), entries).expect("written");

        let crl = X509Crl::from_der(&der).expect("openssl reads");
        let issuer = X509::from_der(&house.issuing.der).expect("issuer");
        assert!(crl.verify(&issuer.public_key().expect("key")).expect("openssl verifies"));
        assert_eq!(crl.get_revoked().expect("entries").len(), 100 - 100 / 8);

        let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(&der).expect("x509-cert reads");
        assert_eq!(list.to_der().expect("writes"), der, "strict DER, judged by other code");
        let entries = list.tbs_cert_list.revoked_certificates.expect("entries");
        for (entry, status) in entries.iter().zip(statuses.iter().filter(|s| **s != CertificateStatus::Good).cycle()) {
            let reason = entry.crl_entry_extensions.as_ref().map(|list| list[0].extn_value.as_bytes()[2]);
            let wanted = u8::try_from(status.reason_code()).ok().filter(|code| *code != 0);
            assert_eq!(reason, wanted);
        }
    }
}

/// `openssl verify -crl_check` on the whole chain: good, held, revoked, and an empty list.
#[test]
fn the_openssl_command_obeys_the_crl() {
    let folder = tempfile::tempdir().expect("folder");
    let house = Hierarchy::new(KeyKind::P256);
    let write = |name: &str, parts: &[Vec<u8>]| {
        let path = folder.path().join(name);
        std::fs::write(&path, parts.concat()).expect("write");
        path
    };
    let certificate = |der: &[u8]| X509::from_der(der).and_then(|x| x.to_pem()).expect("PEM");
    let crl = |issuer: &crate::encode::testing::Made, entries: &[(Serial, CertificateStatus)]| {
        let entries = entries.iter().map(|(serial, status)| (serial, *status));
        let der = in_memory(&head(&issuer.der), &crl_key(&issuer.key), entries).expect("written");
        X509Crl::from_der(&der).and_then(|x| x.to_pem()).expect("PEM")
    };
    let verify = |entries: &[(Serial, CertificateStatus)]| {
        let cas =
            write("cas.pem", &[certificate(&house.root.der), crl(&house.root, &[]), crl(&house.issuing, entries)]);
        let output = Command::new("openssl")
            .args(["verify", "-x509_strict", "-crl_check_all", "-attime", &now().plus(60).unix().to_string()])
            .arg("-CAfile")
            .arg(cas)
            .arg("-untrusted")
            .arg(write("issuing.pem", &[certificate(&house.issuing.der)]))
            .arg(write("unit.pem", &[certificate(&house.unit.der)]))
            .output()
            .expect("openssl runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (unit, staff) = (serial_of(&house.unit.der), serial_of(&house.staff.der));
    let (good, told) = verify(&[]);
    assert!(good, "{told}");
    let (good, told) = verify(&[(staff, revoked(RevocationReason::KeyCompromise))]);
    assert!(good, "{told}");
    for status in [HELD, revoked(RevocationReason::KeyCompromise), revoked(RevocationReason::Unspecified)] {
        let (good, told) = verify(&[(unit.clone(), status)]);
        assert!(!good && told.contains("certificate revoked"), "{told}");
    }
}

#[test]
fn the_authority_key_identifier_is_the_issuers_own() {
    let house = Hierarchy::new(KeyKind::P256);
    let der = in_memory(&head(&house.issuing.der), &crl_key(&house.issuing.key), []).expect("written");
    let own = Parts::read(&house.issuing.der).expect("issuer").tbs.subject_key_identifier().expect("SKI").expect("SKI");
    let wanted = extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &authority_key_identifier(own));
    assert!(der.windows(wanted.len()).any(|window| window == wanted));
}

#[test]
fn entries_must_ascend() {
    let house = Hierarchy::new(KeyKind::P256);
    let mut serials: Vec<_> = (0..2).map(|_| Serial::draw(Timestamp::from_unix(0), &mut system_rng())).collect();
    serials.sort();
    for (first, second) in [(1, 0), (0, 0)] {
        let (mut out, key) = (io::Cursor::new(Vec::new()), crl_key(&house.issuing.key));
        let mut writer = CrlWriter::new(&mut out, &head(&house.issuing.der), &key).expect("begins");
        writer.add(&serials[first], HELD).expect("first");
        assert!(matches!(writer.add(&serials[second], HELD), Err(CrlError::Order(_))));
    }
}

#[test]
fn only_the_cas_own_key_signs_with_sound_dates() {
    let house = Hierarchy::new(KeyKind::P256);
    let key = crl_key(&house.issuing.key);
    let with = |head: Head<'_>| in_memory(&head, &key, []).map(|_| ());
    let sound = head(&house.issuing.der);
    with(sound).expect("written");
    assert!(matches!(with(Head { next_update: sound.this_update, ..sound }), Err(CrlError::Dates)));
    assert!(matches!(with(Head { issuer_certificate: &house.root.der, ..sound }), Err(CrlError::Issuer(_))));
    assert!(matches!(with(Head { issuer_certificate: &house.unit.der, ..sound }), Err(CrlError::Issuer(_))));
    assert!(matches!(with(Head { issuer_certificate: &[], ..sound }), Err(CrlError::Issuer(_))));
}

/// The last of them is written out before its end, and so moved.
#[test]
fn lengths_are_right_where_the_length_octets_change() {
    let house = Hierarchy::new(KeyKind::P256);
    let key = crl_key(&house.issuing.key);
    let mut serials: Vec<_> = (0..20_000).map(|_| Serial::draw(Timestamp::from_unix(0), &mut system_rng())).collect();
    serials.sort();
    for count in [0, 1, 2, 3, 5, 1260, 1270, 1280, 2000, 20_000] {
        let mut file = tempfile::tempfile().expect("a file");
        let mut writer = CrlWriter::new(&mut file, &head(&house.issuing.der), &key).expect("begins");
        for serial in &serials[..count] {
            writer.add(serial, HELD).expect("entry");
        }
        let written = writer.finish(|source| signed_whole(source, &key)).expect("written");
        let mut out = Vec::new();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut out)).expect("read");
        assert_eq!(written, Written { entries: count as u64, bytes: out.len() as u64 });
        let crl = X509Crl::from_der(&out).expect("openssl reads");
        let spki = openssl::pkey::PKey::public_key_from_der(house.issuing.key.spki_der()).expect("key");
        assert!(crl.verify(&spki).expect("openssl verifies"), "{count}");
        assert_eq!(crl.get_revoked().map_or(0, openssl::stack::StackRef::len), count);
    }
}

/// Over 16 MiB of entries the room for the head is filled, and they stay where they are; just below they move by an
/// octet for each length that is shorter.
#[test]
fn a_list_of_over_16_mib_stays_where_it_was_written() {
    let house = Hierarchy::new(KeyKind::P256);
    let key = crl_key(&house.issuing.key);
    let serial = |n: u64| Serial::from_der_content(&[[0x40; 8], n.to_be_bytes()].concat()).expect("positive");
    let since = Timestamp::from_unix(1_700_000_000);
    let mut entry = Vec::new();
    write_entry(&mut entry, &serial(1), since, CERTIFICATE_HOLD, None).expect("an entry");
    let over = (1_u64 << 24).div_ceil(entry.len() as u64);
    for count in [over - 2, over - 1, over] {
        let mut file = tempfile::tempfile().expect("a file");
        let mut writer = CrlWriter::new(&mut file, &head(&house.issuing.der), &key).expect("begins");
        for n in 0..count {
            writer.add(&serial(n), HELD).expect("entry");
        }
        let written = writer.finish(|source| signed_whole(source, &key)).expect("written");
        let mut out = Vec::new();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut out)).expect("read");
        assert_eq!(written, Written { entries: count, bytes: out.len() as u64 });
        let crl = X509Crl::from_der(&out).expect("openssl reads");
        let spki = openssl::pkey::PKey::public_key_from_der(house.issuing.key.spki_der()).expect("key");
        assert!(crl.verify(&spki).expect("openssl verifies"), "{count}");
    }
}
