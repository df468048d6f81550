//! rcgen as an encoder of its own: it writes root, issuing CA, an officer's and a unit's certificate from the facts
//! of ceremony file, order and shipped profiles, which are spelled out here once more. What it cannot express
//! (policies, authority information access, identity extensions) x509-cert writes into it.

use std::collections::BTreeMap;
use std::path::Path;

use der::asn1::{Any, Ia5String, ObjectIdentifier, PrintableString, Utf8StringRef};
use der::{Decode as _, Encode as _};
use journeys::office::{UNIT, UNIT_USCC};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
    SigningKey, SubjectPublicKeyInfo,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax, CertificatePolicies};

use super::encoders::{BEIJING, validity};
use super::exhibits::Exhibits;

pub(super) const CA_NAME: &str = "印信示范 CA";
const CPS: &str = "http://cps.example/yinxin";

/// What a certificate says beside key, serial number and first day.
#[derive(Clone)]
pub(super) struct Facts {
    pub(super) subject: Vec<(DnType, DnValue)>,
    pub(super) years: i32,
    pub(super) is_ca: IsCa,
    pub(super) key_usages: Vec<KeyUsagePurpose>,
    pub(super) extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
    pub(super) names: Vec<SanType>,
    pub(super) list: Option<String>,
    pub(super) custom: Vec<CustomExtension>,
}

/// Every field of each certificate must be what rcgen writes; of extensions the order is free.
pub(super) fn rcgen_writes_the_same(exhibits: &Exhibits, base: &str) -> anyhow::Result<()> {
    let officer = exhibits.officers.first().expect("an officer");
    for (issuer, subject, facts) in [
        (&exhibits.root, &exhibits.root, root(exhibits)?),
        (&exhibits.root, &exhibits.issuing, issuing(exhibits, base)?),
        (&exhibits.issuing, officer, staff(base)?),
        (&exhibits.issuing, &exhibits.good.der(), unit(base)?),
    ] {
        same(issuer, subject, facts)?;
    }
    Ok(())
}

fn root(exhibits: &Exhibits) -> anyhow::Result<Facts> {
    Ok(Facts {
        subject: authority(&format!("Root {}", exhibits.kind))?,
        years: 20,
        is_ca: IsCa::Ca(BasicConstraints::Constrained(1)),
        key_usages: vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
        extended_key_usages: Vec::new(),
        names: Vec::new(),
        list: None,
        custom: Vec::new(),
    })
}

fn issuing(exhibits: &Exhibits, base: &str) -> anyhow::Result<Facts> {
    Ok(Facts {
        subject: authority(&format!("Issuing {}", exhibits.kind))?,
        years: 10,
        is_ca: IsCa::Ca(BasicConstraints::Constrained(0)),
        key_usages: vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
        extended_key_usages: Vec::new(),
        names: Vec::new(),
        list: Some(format!("{base}/crl/root.crl")),
        custom: vec![policy("2.5.29.32.0", None)?, access(base, "root", false)?],
    })
}

fn staff(base: &str) -> anyhow::Result<Facts> {
    let mut subject = vec![
        (DnType::CountryName, printable("CN")?),
        (DnType::OrganizationName, CA_NAME.into()),
        (DnType::OrganizationalUnitName, "示范办事处".into()),
        (DnType::CustomDnType(vec![2, 5, 4, 5]), printable("limin")?),
    ];
    subject.push((DnType::CommonName, "李敏".into()));
    end_entity(subject, 2, "1.3.6.1.4.1.32473.2.2", base, Vec::new())
}

pub(super) fn unit(base: &str) -> anyhow::Result<Facts> {
    unit_with("1.3.6.1.4.1.32473.2.1", base)
}

/// What both certificates of a pair say, under this policy.
pub(super) fn unit_with(policy_oid: &str, base: &str) -> anyhow::Result<Facts> {
    let subject = vec![
        (DnType::CountryName, printable("CN")?),
        (DnType::StateOrProvinceName, "河北省".into()),
        (DnType::LocalityName, "示范市".into()),
        (DnType::OrganizationName, UNIT.into()),
        (DnType::CommonName, UNIT.into()),
    ];
    let unique = format!("U{UNIT_USCC}");
    let identities = vec![
        custom("1.2.156.10260.4.1.4", PrintableString::new(UNIT_USCC)?.to_der()?)?,
        custom("1.3.6.1.4.1.32473.1.4", Utf8StringRef::new(&unique)?.to_der()?)?,
    ];
    end_entity(subject, 1, policy_oid, base, identities)
}

pub(super) fn end_entity(
    subject: Vec<(DnType, DnValue)>,
    years: i32,
    policy_oid: &str,
    base: &str,
    mut custom: Vec<CustomExtension>,
) -> anyhow::Result<Facts> {
    custom.push(policy(policy_oid, Some(CPS))?);
    custom.push(access(base, "issuing", true)?);
    Ok(Facts {
        subject,
        years,
        is_ca: IsCa::ExplicitNoCa,
        key_usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
        extended_key_usages: vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::EmailProtection],
        names: Vec::new(),
        list: Some(format!("{base}/crl/issuing.crl")),
        custom,
    })
}

fn authority(common_name: &str) -> anyhow::Result<Vec<(DnType, DnValue)>> {
    Ok(vec![
        (DnType::CountryName, printable("CN")?),
        (DnType::OrganizationName, CA_NAME.into()),
        (DnType::CommonName, common_name.into()),
    ])
}

pub(super) fn printable(text: &str) -> anyhow::Result<DnValue> {
    Ok(DnValue::PrintableString(text.try_into()?))
}

pub(super) fn custom(oid: &str, value: Vec<u8>) -> anyhow::Result<CustomExtension> {
    let arcs: Vec<u64> = ObjectIdentifier::new(oid)?.arcs().map(u64::from).collect();
    Ok(CustomExtension::from_oid_content(&arcs, value))
}

fn policy(oid: &str, cps: Option<&str>) -> anyhow::Result<CustomExtension> {
    let qualifier = |uri: &str| -> anyhow::Result<PolicyQualifierInfo> {
        let qualifier = Some(Any::from_der(&Ia5String::new(uri)?.to_der()?)?);
        Ok(PolicyQualifierInfo { policy_qualifier_id: ObjectIdentifier::new("1.3.6.1.5.5.7.2.1")?, qualifier })
    };
    let policy_qualifiers = cps.map(qualifier).transpose()?.map(|qualifier| vec![qualifier]);
    let policy = PolicyInformation { policy_identifier: ObjectIdentifier::new(oid)?, policy_qualifiers };
    custom("2.5.29.32", CertificatePolicies(vec![policy]).to_der()?)
}

fn access(base: &str, issuer: &str, ocsp: bool) -> anyhow::Result<CustomExtension> {
    let mut all = Vec::new();
    let responder = ocsp.then(|| ("1.3.6.1.5.5.7.48.1", format!("{base}/ocsp")));
    for (method, url) in responder.into_iter().chain([("1.3.6.1.5.5.7.48.2", format!("{base}/ca/{issuer}.cer"))]) {
        let access_location = GeneralName::UniformResourceIdentifier(Ia5String::new(&url)?);
        all.push(AccessDescription { access_method: ObjectIdentifier::new(method)?, access_location });
    }
    custom("1.3.6.1.5.5.7.1.1", AuthorityInfoAccessSyntax(all).to_der()?)
}

/// The issuer's key as far as rcgen asks for it: it need not sign to be compared.
struct Unsigned(SubjectPublicKeyInfo);

impl PublicKeyData for Unsigned {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for Unsigned {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(vec![0])
    }
}

/// RFC 7093 §2 method 1: the first 160 bits of SHA-256 over the key's bits.
fn key_identifier(spki: &SubjectPublicKeyInfo) -> KeyIdMethod {
    KeyIdMethod::PreSpecified(openssl::sha::sha256(spki.der_bytes())[..20].to_vec())
}

fn spki(certificate: &Certificate) -> anyhow::Result<SubjectPublicKeyInfo> {
    Ok(SubjectPublicKeyInfo::from_der(&certificate.tbs_certificate().subject_public_key_info().to_der()?)?)
}

pub(super) fn same(issuer: &Path, subject: &Path, facts: Facts) -> anyhow::Result<()> {
    let above = Certificate::from_der(&std::fs::read(issuer)?)?;
    let ours = Certificate::from_der(&std::fs::read(subject)?)?;
    let [start, _] = validity(&ours)?;
    let first_day = start.to_offset(BEIJING);
    let last_day = first_day.date().replace_year(first_day.year() + facts.years)?;
    let key = spki(&ours)?;
    let mut params = CertificateParams::default();
    params.not_before = start;
    params.not_after = last_day.with_hms(23, 59, 59)?.assume_offset(BEIJING).to_offset(time::UtcOffset::UTC);
    params.serial_number = Some(SerialNumber::from_slice(ours.tbs_certificate().serial_number().as_bytes()));
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in facts.subject {
        params.distinguished_name.push(kind, value);
    }
    params.is_ca = facts.is_ca;
    params.key_usages = facts.key_usages;
    params.extended_key_usages = facts.extended_key_usages;
    params.crl_distribution_points =
        facts.list.into_iter().map(|url| CrlDistributionPoint { uris: vec![url] }).collect();
    params.subject_alt_names = facts.names;
    params.custom_extensions = facts.custom;
    params.key_identifier_method = key_identifier(&key);
    let theirs = if issuer == subject {
        params.self_signed(&Unsigned(key))?
    } else {
        params.use_authority_key_identifier_extension = true;
        let signer = spki(&above)?;
        let mut issuer = CertificateParams::default();
        issuer.key_identifier_method = key_identifier(&signer);
        // Of the issuer rcgen takes name and key identifier.
        issuer.distinguished_name = name(&above)?;
        params.signed_by(&key, &Issuer::new(issuer, Unsigned(signer)))?
    };
    compare(&ours, &Certificate::from_der(theirs.der())?, subject)
}

/// The subject of one of our CAs: country, organisation and common name.
fn name(certificate: &Certificate) -> anyhow::Result<DistinguishedName> {
    let common_name = certificate.tbs_certificate().subject().iter().last().expect("a name").value.value().to_vec();
    let mut name = DistinguishedName::new();
    for (kind, value) in authority(&String::from_utf8(common_name)?)? {
        name.push(kind, value);
    }
    Ok(name)
}

fn compare(ours: &Certificate, theirs: &Certificate, file: &Path) -> anyhow::Result<()> {
    let (ours, theirs) = (ours.tbs_certificate(), theirs.tbs_certificate());
    let of = file.display();
    assert_eq!(ours.version(), theirs.version(), "{of}");
    assert_eq!(ours.serial_number(), theirs.serial_number(), "{of}");
    assert_eq!(ours.signature().to_der()?, theirs.signature().to_der()?, "{of}");
    assert_eq!(ours.issuer().to_der()?, theirs.issuer().to_der()?, "{of}");
    assert_eq!(ours.validity().to_der()?, theirs.validity().to_der()?, "{of}");
    assert_eq!(ours.subject().to_der()?, theirs.subject().to_der()?, "{of}");
    let key = ours.subject_public_key_info().to_der()?;
    assert_eq!(key, theirs.subject_public_key_info().to_der()?, "{of}");
    let extensions = |list: Option<&x509_cert::ext::Extensions>| -> BTreeMap<String, (bool, String)> {
        let list = list.into_iter().flatten();
        list.map(|one| (one.extn_id.to_string(), (one.critical, hex::encode(one.extn_value.as_bytes())))).collect()
    };
    assert_eq!(extensions(ours.extensions()), extensions(theirs.extensions()), "{of}");
    Ok(())
}
