//! A whole hierarchy of our own making, for the tests of encoder, linter and CRL.

use std::collections::BTreeMap;

use super::certificate::{Issuer, TbsInput, Urls, assemble, to_be_signed};
use crate::clock::system_rng;
use crate::domain::{BeijingDay, IssuerId, ProfileName, Serial, Subject, SubjectField, Timestamp, Validity};
use crate::keys::{KeyKind, PublicKey, Sm2Id};
use crate::profile::{Profile, Profiles};
use crate::signer::Signer as _;
use crate::signer::soft::SoftKey;

pub(crate) struct Made {
    pub(crate) key: SoftKey,
    /// The key as whoever checks what it signs has it.
    pub(crate) public: PublicKey,
    pub(crate) der: Vec<u8>,
}

/// Root, an issuing CA, and what it issues.
pub(crate) struct Hierarchy {
    pub(crate) root: Made,
    pub(crate) issuing: Made,
    pub(crate) unit: Made,
    pub(crate) encryption: Made,
    pub(crate) person: Made,
    pub(crate) server: Made,
    pub(crate) timestamp: Made,
    pub(crate) staff: Made,
    pub(crate) responder: Made,
}

pub(crate) fn profile(name: &str) -> Profile {
    let name = ProfileName::new(name).expect("name");
    Profiles::built_in().expect("sound").find(&name).expect("there").clone()
}

pub(crate) fn subject(fields: &[(SubjectField, &str)]) -> Subject {
    let fields: BTreeMap<_, _> = fields.iter().map(|(field, value)| (*field, (*value).to_owned())).collect();
    Subject::new(fields).expect("a subject")
}

pub(crate) fn today() -> BeijingDay {
    BeijingDay::from_calendar(2026, 11, 24).expect("day")
}

/// A moment at which all of the hierarchy is valid.
pub(crate) fn now() -> Timestamp {
    today().first_second().plus(3600)
}

pub(crate) fn urls(issuer: &str) -> Urls {
    Urls::under("http://127.0.0.1:8083/", &IssuerId::new(issuer).expect("name"), None)
}

pub(crate) fn unit_subject() -> Subject {
    subject(&[
        (SubjectField::Country, "CN"),
        (SubjectField::Province, "河北省"),
        (SubjectField::Locality, "示范市"),
        (SubjectField::CommonName, "示范单位有限公司"),
        (SubjectField::Uscc, "91130502MA0ABCDE61"),
        (SubjectField::UniqueId, "示范单位有限公司000001"),
    ])
}

pub(crate) fn staff_subject() -> Subject {
    subject(&[
        (SubjectField::Country, "CN"),
        (SubjectField::Organisation, "印信示范 CA"),
        (SubjectField::OrganisationalUnit, "demo-office"),
        (SubjectField::CommonName, "李敏"),
        (SubjectField::UniqueId, "limin"),
    ])
}

pub(crate) fn person_subject() -> Subject {
    subject(&[
        (SubjectField::Country, "CN"),
        (SubjectField::CommonName, "李敏"),
        (SubjectField::UniqueId, "李敏000001"),
        (SubjectField::ResidentId, "11010519491231002X"),
    ])
}

pub(crate) fn server_subject() -> Subject {
    subject(&[
        (SubjectField::Country, "CN"),
        (SubjectField::Organisation, "印信示范 CA"),
        (SubjectField::CommonName, "ra.example"),
        (SubjectField::DnsNames, "ra.example *.fund.example"),
        (SubjectField::IpAddresses, "127.0.0.1 2001:db8::1"),
    ])
}

pub(crate) fn ca_subject(name: &str) -> Subject {
    subject(&[
        (SubjectField::Country, "CN"),
        (SubjectField::Organisation, "印信示范 CA"),
        (SubjectField::CommonName, name),
    ])
}

/// Makes and signs one certificate.
pub(crate) fn make(
    profile_name: &str,
    subject: &Subject,
    validity: Validity,
    kind: KeyKind,
    issuer: Option<&Made>,
    issuer_name: &str,
) -> Made {
    certify(SoftKey::generate(kind).expect("key"), profile_name, subject, validity, issuer, issuer_name)
}

fn certify(
    key: SoftKey,
    profile_name: &str,
    subject: &Subject,
    validity: Validity,
    issuer: Option<&Made>,
    issuer_name: &str,
) -> Made {
    let signer = issuer.map_or(&key, |made| &made.key);
    let tbs = to_be_signed(&TbsInput {
        serial: &Serial::draw(now(), &mut system_rng()),
        issuer: issuer.map_or(Issuer::Itself, |made| Issuer::Certificate(&made.der)),
        signature_algorithm: signer.algorithm(),
        profile: &profile(profile_name),
        subject,
        validity,
        spki_der: key.spki_der(),
        urls: &urls(issuer_name),
    })
    .expect("encodes");
    let der = assemble(&tbs, signer.algorithm(), &signer.sign(&tbs).expect("signs"));
    let public = PublicKey::under(key.spki_der(), key.sm2_id()).expect("key");
    Made { key, public, der }
}

impl Hierarchy {
    /// Issuing CA and end entities with keys of this kind, root with P-384; with SM2 all of it.
    pub(crate) fn new(kind: KeyKind) -> Self {
        Self::under(kind, &Sm2Id::STANDARD)
    }

    /// The same, the CAs signing under this id if they are of SM2.
    pub(crate) fn under(kind: KeyKind, id: &Sm2Id) -> Self {
        let years = |count| Validity::years(today(), count);
        let (above, beside) = if kind == KeyKind::Sm2 { (kind, kind) } else { (KeyKind::P384, KeyKind::P256) };
        let key = |kind| SoftKey::generate(kind).expect("key").with_sm2_id(id.clone());
        let root = certify(key(above), "root", &ca_subject("印信示范根"), years(30), None, "root");
        let issuing = certify(key(kind), "sub-ca", &ca_subject("印信示范 CA"), years(20), Some(&root), "root");
        let unit = make("unit-sign", &unit_subject(), years(1), kind, Some(&issuing), "unit");
        let encryption = make("unit-encrypt", &unit_subject(), years(1), kind, Some(&issuing), "unit");
        let person = make("person", &person_subject(), years(1), kind, Some(&issuing), "unit");
        let server = make("tls-server", &server_subject(), years(1), KeyKind::P256, Some(&issuing), "unit");
        let timestamp = make("timestamp", &ca_subject("时间戳"), years(10), kind, Some(&issuing), "unit");
        let staff = make("staff", &staff_subject(), years(3), kind, Some(&issuing), "unit");
        let week = Validity::seconds(now(), 604_800);
        let responder = make("ocsp-responder", &ca_subject("OCSP 1"), week, beside, Some(&issuing), "unit");
        Self { root, issuing, unit, encryption, person, server, timestamp, staff, responder }
    }
}

/// A full list of an issuer under this number, with so many held certificates.
pub(crate) fn list_of(issuer: &Made, number: u64, entries: usize) -> Vec<u8> {
    use crate::domain::{CertificateStatus, ListScope};
    let mut serials: Vec<_> = (0..entries).map(|_| Serial::draw(now(), &mut system_rng())).collect();
    serials.sort();
    let held = CertificateStatus::Held { since: now() };
    let head = super::crl::Head {
        issuer_certificate: &issuer.der,
        scope: &ListScope::Full { delta_url: None },
        number,
        this_update: now(),
        next_update: now().plus(86_400),
    };
    let entries = serials.iter().map(|serial| (serial, held));
    super::crl::in_memory(&head, &crl_key(&issuer.key), entries).expect("a list")
}

/// The hierarchy's own keys stay with it: a copy goes through a sealed file, as in real life.
pub(crate) fn crl_key(key: &SoftKey) -> crate::signer::CrlKey {
    let pass = crate::signer::Passphrase::new("p".into());
    let sealed = key.seal(&pass, crate::signer::soft::Cost::WEAK, &mut system_rng()).expect("seals");
    crate::signer::CrlKey::new(std::sync::Arc::new(SoftKey::unseal(&sealed, &pass).expect("opens")))
}
