//! A certificate authority in miniature, made with the authority's own encoder: root, issuing CA, responder,
//! and whatever certificates a test needs, also those that the real one would never issue.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::chain::Anchors;
use ca_core::clock::system_rng;
use ca_core::domain::{BeijingDay, IssuerId, ProfileName, Serial, Subject, SubjectField, Timestamp, Validity};
use ca_core::encode::certificate::{Issuer, TbsInput, Urls, assemble, to_be_signed};
use ca_core::keys::KeyKind;
use ca_core::profile::Profiles;
use ca_core::signer::Signer as _;
use ca_core::signer::soft::SoftKey;

/// The day on which the tests' clock starts.
pub(crate) fn today() -> BeijingDay {
    BeijingDay::from_calendar(2026, 11, 24).expect("a day")
}

/// A key and its certificate.
pub(crate) struct Made {
    pub(crate) key: SoftKey,
    pub(crate) der: Vec<u8>,
    pub(crate) serial: Serial,
}

impl Made {
    /// What the token answers: a CMS message over the statement, base64.
    pub(crate) fn sign(&self, statement: &[u8], now: Timestamp) -> String {
        let message = ca_core::cms::sign(statement, &self.der, now, |attributes| self.key.sign(attributes));
        STANDARD.encode(message.expect("a soft key signs"))
    }
}

/// The authority.
pub(crate) struct Pki {
    folder: tempfile::TempDir,
    root: Made,
    pub(crate) issuing: Made,
    pub(crate) responder: Made,
}

pub(crate) const ISSUER: &str = "unit-p256";

impl Pki {
    pub(crate) fn new() -> Self {
        Self::on(today())
    }

    /// An authority whose responder was certified on this day.
    pub(crate) fn on(day: BeijingDay) -> Self {
        let years = |count| Validity::years(day.plus_days(-800), count);
        let root = make("root", &ca("印信示范根"), years(30), KeyKind::P384, None);
        let issuing = make("sub-ca", &ca("印信示范 CA"), years(20), KeyKind::P256, Some(&root));
        let week = Validity::seconds(day.first_second(), 604_800);
        let responder = make("ocsp-responder", &ca("OCSP 1"), week, KeyKind::P256, Some(&issuing));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("root.cer"), &root.der).expect("written");
        std::fs::write(folder.path().join("issuing.cer"), &issuing.der).expect("written");
        Self { folder, root, issuing, responder }
    }

    pub(crate) fn root_file(&self) -> PathBuf {
        self.folder.path().join("root.cer")
    }

    pub(crate) fn issuing_file(&self) -> PathBuf {
        self.folder.path().join("issuing.cer")
    }

    pub(crate) fn anchors(&self) -> Anchors {
        let issuer = IssuerId::new(ISSUER).expect("a name");
        Anchors::new(&self.root.der, &[(issuer, self.issuing.der.clone())]).expect("a sound hierarchy")
    }

    /// A unit's certificate, valid for a year from today.
    pub(crate) fn unit(&self, name: &str, uscc: &str) -> Made {
        self.unit_for(name, uscc, Validity::years(today(), 1))
    }

    /// A unit's certificate with a unique id of its own.
    pub(crate) fn unit_of(&self, name: &str, uscc: &str, unique_id: &str) -> Made {
        let subject = subject(&[
            (SubjectField::Country, "CN"),
            (SubjectField::Province, "河北省"),
            (SubjectField::CommonName, name),
            (SubjectField::Uscc, uscc),
            (SubjectField::UniqueId, unique_id),
        ]);
        make("unit-sign", &subject, Validity::years(today(), 1), KeyKind::P256, Some(&self.issuing))
    }

    /// A unit's certificate of any validity.
    pub(crate) fn unit_for(&self, name: &str, uscc: &str, validity: Validity) -> Made {
        make("unit-sign", &unit(name, uscc), validity, KeyKind::P256, Some(&self.issuing))
    }

    /// A person's certificate: a name and a unique id, and no number.
    pub(crate) fn person(&self, name: &str, unique_id: &str) -> Made {
        let subject = person(name, unique_id);
        make("person", &subject, Validity::years(today(), 1), KeyKind::P256, Some(&self.issuing))
    }

    /// The certificate of a server of the authority's house, by its profile.
    pub(crate) fn server(&self, profile: &str, name: &str) -> Made {
        make(profile, &ca(name), Validity::years(today(), 5), KeyKind::P256, Some(&self.issuing))
    }

    /// The encryption certificate of a unit's pair, with its key: what the key-management centre could sign with.
    pub(crate) fn encryption(&self, name: &str, uscc: &str) -> Made {
        let validity = Validity::years(today(), 1);
        make("unit-encrypt", &unit(name, uscc), validity, KeyKind::P256, Some(&self.issuing))
    }

    /// A responder's own certificate: right chain, wrong use.
    pub(crate) fn responder_like(&self) -> Made {
        let week = Validity::seconds(today().first_second(), 604_800);
        make("ocsp-responder", &ca("OCSP 2"), week, KeyKind::P256, Some(&self.issuing))
    }
}

fn ca(name: &str) -> Subject {
    subject(&[
        (SubjectField::Country, "CN"),
        (SubjectField::Organisation, "印信示范 CA"),
        (SubjectField::CommonName, name),
    ])
}

fn subject(fields: &[(SubjectField, &str)]) -> Subject {
    let fields: BTreeMap<_, _> = fields.iter().map(|(field, value)| (*field, (*value).to_owned())).collect();
    Subject::new(fields).expect("a subject")
}

/// A person's subject.
pub(crate) fn person(name: &str, unique_id: &str) -> Subject {
    subject(&[(SubjectField::Country, "CN"), (SubjectField::CommonName, name), (SubjectField::UniqueId, unique_id)])
}

/// A unit's subject.
pub(crate) fn unit(name: &str, uscc: &str) -> Subject {
    subject(&[
        (SubjectField::Country, "CN"),
        (SubjectField::Province, "河北省"),
        (SubjectField::CommonName, name),
        (SubjectField::Uscc, uscc),
        (SubjectField::UniqueId, "HZ-000001"),
    ])
}

fn make(profile: &str, subject: &Subject, validity: Validity, kind: KeyKind, issuer: Option<&Made>) -> Made {
    let key = SoftKey::generate(kind).expect("a key");
    let signer = issuer.map_or(&key, |made| &made.key);
    let (der, serial) = certify(profile, subject, validity, key.spki_der(), issuer, signer);
    Made { key, der, serial }
}

/// A certificate over a key that may be elsewhere, on a token.
pub(crate) fn certify(
    profile: &str,
    subject: &Subject,
    validity: Validity,
    spki_der: &[u8],
    issuer: Option<&Made>,
    signer: &SoftKey,
) -> (Vec<u8>, Serial) {
    let serial = Serial::draw(Timestamp::from_unix(0), &mut system_rng());
    let profiles = Profiles::built_in().expect("sound profiles");
    let tbs = to_be_signed(&TbsInput {
        serial: &serial,
        issuer: issuer.map_or(Issuer::Itself, |made| Issuer::Certificate(&made.der)),
        signature_algorithm: signer.algorithm(),
        profile: profiles.find(&ProfileName::new(profile).expect("a name")).expect("a built-in profile"),
        subject,
        validity,
        spki_der,
        urls: &Urls::under("http://127.0.0.1:8083", &IssuerId::new(ISSUER).expect("a name"), None),
    })
    .expect("encodes");
    (assemble(&tbs, signer.algorithm(), &signer.sign(&tbs).expect("signs")), serial)
}

/// A key of a seal and the certificate that it made for itself, valid for a year before and after; their files.
pub(crate) fn seal(folder: &std::path::Path, now: Timestamp) -> (String, String) {
    use openssl::asn1::{Asn1Integer, Asn1Time};
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::extension::{BasicConstraints, KeyUsage};
    use openssl::x509::{X509, X509Name};

    let make = || -> Result<(Vec<u8>, Vec<u8>), openssl::error::ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut name = X509Name::builder()?;
        name.append_entry_by_nid(Nid::COUNTRYNAME, "CN")?;
        name.append_entry_by_nid(Nid::COMMONNAME, "示范市住房公积金管理中心")?;
        let name = name.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        let number = BigNum::from_u32(0x5ea1)?;
        builder.set_serial_number(Asn1Integer::from_bn(&number)?.as_ref())?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_not_before(Asn1Time::from_unix(now.unix() - 366 * 86_400)?.as_ref())?;
        builder.set_not_after(Asn1Time::from_unix(now.unix() + 366 * 86_400)?.as_ref())?;
        builder.set_pubkey(&key)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().non_repudiation().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok((key.private_key_to_pem_pkcs8()?, builder.build().to_pem()?))
    };
    let (key, certificate) = make().expect("a key and its certificate");
    let files = ["seal.key", "seal.cer"].map(|name| folder.join(name));
    std::fs::write(&files[0], key).expect("written");
    std::fs::write(&files[1], certificate).expect("written");
    let [key, certificate] = files.map(|file| file.display().to_string());
    (key, certificate)
}
