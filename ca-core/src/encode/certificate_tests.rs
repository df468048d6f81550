use super::*;
use crate::chain::{Anchors, Purpose};
use crate::domain::{SubjectField, Timestamp};
use crate::encode::testing::{Hierarchy, ca_subject, make, now, profile, staff_subject, today, unit_subject, urls};
use crate::signer::Signer as _;
use crate::signer::soft::SoftKey;
use der::{Decode as _, Encode as _};
use openssl::x509::X509;
use std::process::Command;
use x509_cert::certificate::TbsCertificateInner;

fn issuer_id() -> IssuerId {
    IssuerId::new("unit").expect("name")
}

#[test]
fn our_own_chain_verifies() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        let house = Hierarchy::new(kind);
        let anchors = Anchors::new(&house.root.der, &[(issuer_id(), house.issuing.der.clone())]).expect("anchors");
        let unit = anchors.verify(&house.unit.der, now()).expect("unit");
        assert_eq!(unit.subject()[&SubjectField::Uscc], "91130502MA0ABCDE61");
        assert_eq!(unit.subject()[&SubjectField::UniqueId], "示范单位有限公司000001");
        assert_eq!(unit.subject()[&SubjectField::Organisation], "示范单位有限公司");
        let staff = anchors.verify(&house.staff.der, now()).expect("staff");
        assert_eq!(staff.subject()[&SubjectField::UniqueId], "limin");
        anchors.verify_for(&house.responder.der, now(), Purpose::OcspSigning).expect("responder");
        assert!(anchors.verify(&house.responder.der, now()).is_err());
    }
}

/// Root, issuing CA and each leaf, as the `openssl` command sees them.
#[test]
fn the_openssl_command_accepts_the_chain_strictly() {
    let folder = tempfile::tempdir().expect("folder");
    let pem = |name: &str, der: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, X509::from_der(der).and_then(|x| x.to_pem()).expect("PEM")).expect("write");
        path
    };
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        let house = Hierarchy::new(kind);
        let (root, issuing) = (pem("root.pem", &house.root.der), pem("issuing.pem", &house.issuing.der));
        for (leaf, purpose) in
            [(&house.unit, "sslclient"), (&house.staff, "smimesign"), (&house.responder, "ocsphelper")]
        {
            let output = Command::new("openssl")
                .args(["verify", "-x509_strict", "-check_ss_sig", "-policy_check", "-purpose", purpose])
                .args(["-attime", &now().unix().to_string(), "-CAfile"])
                .arg(&root)
                .arg("-untrusted")
                .arg(&issuing)
                .arg(pem("leaf.pem", &leaf.der))
                .output()
                .expect("openssl runs");
            assert!(output.status.success(), "{kind:?} {purpose}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// x509-cert parses what we write and writes the same bytes again: strict DER, judged by other code.
#[test]
fn another_encoder_writes_the_same_bytes() {
    let house = Hierarchy::new(KeyKind::P256);
    for made in [&house.root, &house.issuing, &house.unit, &house.staff, &house.responder] {
        let certificate = x509_cert::Certificate::from_der(&made.der).expect("parses");
        assert_eq!(certificate.to_der().expect("writes"), made.der);
    }
    let issuing = house.issuing.der.as_slice().into();
    rcgen::Issuer::from_ca_cert_der(&issuing, rcgen::KeyPair::generate().expect("key")).expect("rcgen reads it too");
}

#[test]
fn validity_is_whole_beijing_days() {
    let house = Hierarchy::new(KeyKind::P256);
    let parts = Parts::read(&house.unit.der).expect("parts");
    assert_eq!(parts.tbs.times[0].content, b"261123160000Z");
    assert_eq!(parts.tbs.times[1].content, b"271124155959Z");
    let root = Parts::read(&house.root.der).expect("parts");
    assert_eq!(root.tbs.times[1].content, b"20561124155959Z");
}

#[test]
fn the_public_key_and_the_issuers_name_are_copied() {
    let house = Hierarchy::new(KeyKind::Rsa2048);
    let (unit, issuing) =
        (Parts::read(&house.unit.der).expect("unit"), Parts::read(&house.issuing.der).expect("issuer"));
    assert_eq!(unit.tbs.spki, house.unit.key.spki_der());
    assert_eq!(unit.tbs.issuer, issuing.tbs.subject);
    assert_eq!(unit.tbs.authority_key_identifier(), issuing.tbs.subject_key_identifier());
    assert_eq!(unit.tbs.extension(oid::KEY_USAGE).expect("once").expect("there").value, [3, 2, 6, 0xc0]);
    assert_eq!(unit.tbs.extension(oid::BASIC_CONSTRAINTS).expect("once").expect("there").value, [0x30, 0]);
}

struct Attempt {
    house: Hierarchy,
    key: SoftKey,
}

impl Attempt {
    fn new() -> Self {
        Self { house: Hierarchy::new(KeyKind::P256), key: SoftKey::generate(KeyKind::P256).expect("key") }
    }

    fn encode(&self, change: impl FnOnce(&mut Draft)) -> Result<Vec<u8>, EncodeError> {
        let mut draft = Draft {
            profile: profile("unit-sign"),
            subject: unit_subject(),
            validity: Validity::years(today(), 1),
            issuer: Some(self.house.issuing.der.clone()),
            spki: self.key.spki_der().to_vec(),
            urls: urls("unit"),
        };
        change(&mut draft);
        to_be_signed(&TbsInput {
            serial: &Serial::draw(Timestamp::from_unix(0), &mut crate::clock::system_rng()),
            issuer: draft.issuer.as_deref().map_or(Issuer::Itself, Issuer::Certificate),
            signature_algorithm: SignatureAlgorithm::EcdsaSha256,
            profile: &draft.profile,
            subject: &draft.subject,
            validity: draft.validity,
            spki_der: &draft.spki,
            urls: &draft.urls,
        })
    }
}

struct Draft {
    profile: Profile,
    subject: Subject,
    validity: Validity,
    issuer: Option<Vec<u8>>,
    spki: Vec<u8>,
    urls: Urls,
}

#[test]
fn what_does_not_fit_is_not_encoded() {
    let attempt = Attempt::new();
    let tbs = attempt.encode(|_| {}).expect("encodes");
    TbsCertificateInner::<x509_cert::certificate::Rfc5280>::from_der(&tbs).expect("parses");
    let refused = |change: &dyn Fn(&mut Draft)| attempt.encode(|draft| change(draft)).expect_err("refused");
    assert!(matches!(refused(&|d| d.subject = staff_subject()), EncodeError::Violations(_)));
    assert!(matches!(refused(&|d| d.validity = Validity::seconds(now(), 60)), EncodeError::Violations(_)));
    assert!(matches!(refused(&|d| d.spki.truncate(40)), EncodeError::Key(_)));
    assert!(matches!(refused(&|d| d.issuer = None), EncodeError::WrongIssuer(_)));
    assert!(matches!(refused(&|d| d.issuer = Some(attempt.house.unit.der.clone())), EncodeError::WrongIssuer(_)));
    assert!(matches!(refused(&|d| d.issuer = Some(vec![0x30, 0])), EncodeError::Issuer(_)));
    assert!(matches!(refused(&|d| d.urls.crl = "https://x/ü".into()), EncodeError::Url(_)));
    let ca_below_issuing = |d: &mut Draft| {
        d.profile = profile("sub-ca");
        d.subject = ca_subject("below");
    };
    assert!(matches!(refused(&ca_below_issuing), EncodeError::WrongIssuer(_)));
}

#[test]
fn nothing_outlives_its_issuer() {
    let house = Hierarchy::new(KeyKind::P256);
    let late = Validity::years(today().plus_years(17), 3);
    make("staff", &staff_subject(), late, KeyKind::P256, Some(&house.issuing), "unit");
    let attempt = Attempt::new();
    let later = Validity::years(today().plus_years(18), 3);
    assert!(matches!(attempt.encode(|d| d.validity = later), Err(EncodeError::WrongIssuer(_))));
    let early = Validity::years(today().plus_days(-1), 1);
    assert!(matches!(attempt.encode(|d| d.validity = early), Err(EncodeError::WrongIssuer(_))));
}

#[test]
fn key_usage_bits_are_minimal() {
    assert_eq!(key_usage(1), [3, 2, 7, 0x80]);
    assert_eq!(key_usage(0b11), [3, 2, 6, 0xc0]);
    assert_eq!(key_usage(0b110_0000), [3, 2, 1, 0x06]);
    assert_eq!(key_usage(1 << 8), [3, 3, 7, 0, 0x80]);
}

#[test]
fn times_that_x509_cannot_write_are_refused() {
    let far = Timestamp::from_unix(i64::MAX / 2);
    assert!(Attempt::new().encode(|d| d.validity = Validity { not_before: far, not_after: far }).is_err());
}
