//! To-be-signed certificates after a profile.

use const_oid::ObjectIdentifier;

use super::name::{alternative_names, distinguished_name, identity};
use crate::domain::{IssuerId, ListKind, Serial, Subject, Validity};
use crate::keys::{KeyKind, SignatureAlgorithm, good_key};
use crate::profile::{Kind, Policy, Profile, Violation};
use crate::tlv::{self, tag};
pub use crate::x509::key_identifier;
use crate::x509::{self, Parts, X509Error, oid};

/// Who issues a certificate.
#[derive(Clone, Copy, Debug)]
pub enum Issuer<'a> {
    /// The certificate signs itself: a root.
    Itself,
    /// The CA with this certificate, DER.
    Certificate(&'a [u8]),
}

/// Where relying parties find what belongs to an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// The CRL that tells of the certificate.
    pub crl: String,
    /// Its certificate.
    pub ca_issuers: String,
    /// The responder.
    pub ocsp: String,
}

impl Urls {
    /// `{base}/crl/{issuer}.crl`, or `{base}/crl/{issuer}-s{shard}.crl` for a certificate in a shard,
    /// `{base}/ca/{issuer}.cer` and `{base}/ocsp`, as the responder serves them.
    #[must_use]
    pub fn under(base: &str, issuer: &IssuerId, shard: Option<u16>) -> Self {
        let base = base.trim_end_matches('/');
        let list = shard.map_or(ListKind::Full, ListKind::Shard);
        Self {
            crl: list.url(base, issuer),
            ca_issuers: format!("{base}/ca/{issuer}.cer"),
            ocsp: format!("{base}/ocsp"),
        }
    }
}

/// All that goes into a certificate.
#[derive(Clone, Copy, Debug)]
pub struct TbsInput<'a> {
    /// Drawn by us.
    pub serial: &'a Serial,
    /// Who issues it.
    pub issuer: Issuer<'a>,
    /// With which algorithm the issuer will sign it.
    pub signature_algorithm: SignatureAlgorithm,
    /// What it is to look like.
    pub profile: &'a Profile,
    /// Whom it names.
    pub subject: &'a Subject,
    /// From when to when.
    pub validity: Validity,
    /// Its public key.
    pub spki_der: &'a [u8],
    /// Where what belongs to the issuer is found.
    pub urls: &'a Urls,
}

/// Why a certificate cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The order does not fit the profile.
    #[error("it does not fit the profile: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Violations(Vec<Violation>),
    /// The key is not accepted.
    #[error("the key is not accepted: {0}")]
    Key(#[from] good_key::KeyRefusal),
    /// The issuer's certificate cannot be read or has no key identifier.
    #[error("the issuer's certificate: {0}")]
    Issuer(String),
    /// Only a root signs itself, and a root does nothing else; or a CA would outlive its issuer.
    #[error("the issuer does not go with the profile: {0}")]
    WrongIssuer(&'static str),
    /// Not an http URL in ASCII.
    #[error("{0:?} is no URL that can stand in a certificate")]
    Url(String),
    /// A moment that X.509 cannot write.
    #[error("the validity is outside the years 1950 to 9999")]
    Time,
}

impl From<X509Error> for EncodeError {
    fn from(error: X509Error) -> Self {
        Self::Issuer(error.to_string())
    }
}

/// Makes the bytes that the issuer signs.
///
/// # Errors
/// [`EncodeError`]; whoever gave the order, or the operator, must act.
pub fn to_be_signed(input: &TbsInput<'_>) -> Result<Vec<u8>, EncodeError> {
    let key: KeyKind = good_key::check(input.spki_der)?;
    input.profile.conform(input.subject, key, input.validity).map_err(EncodeError::Violations)?;
    let subject = distinguished_name(input.profile, input.subject);
    let key_identifier = key_identifier(input.spki_der);
    let issuer = match (input.issuer, input.profile.kind) {
        (Issuer::Itself, Kind::Root) => (subject.clone(), None),
        (Issuer::Certificate(der), Kind::Issuing | Kind::Responder | Kind::EndEntity) => issuer_of(der, input)?,
        _ => return Err(EncodeError::WrongIssuer("a root signs itself, and nothing else does")),
    };
    let (issuer_name, issuer_key) = issuer;
    let not_before = x509::write_time(input.validity.not_before).ok_or(EncodeError::Time)?;
    let not_after = x509::write_time(input.validity.not_after).ok_or(EncodeError::Time)?;
    let extensions = extensions(input, key, &key_identifier, issuer_key.as_deref())?;
    Ok(tlv::write(
        tag::SEQUENCE,
        &[
            &tlv::write(tag::CONTEXT_0, &[[tag::INTEGER, 1, 2]])[..],
            &tlv::positive_integer(input.serial.octets()),
            &input.signature_algorithm.identifier_der(),
            &issuer_name,
            &tlv::write(tag::SEQUENCE, &[not_before, not_after]),
            &subject,
            input.spki_der,
            &tlv::write(tag::CONTEXT_3, &[tlv::write(tag::SEQUENCE, &extensions)]),
        ],
    ))
}

/// Puts a signature beside what was signed. `signature` is the content of the BIT STRING (DER for ECDSA).
#[must_use]
pub fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let signature = tlv::write(tag::BIT_STRING, &[&[0][..], signature]);
    tlv::write(tag::SEQUENCE, &[tbs, &algorithm.identifier_der(), &signature])
}

type IssuerParts = (Vec<u8>, Option<Vec<u8>>);

fn issuer_of(der: &[u8], input: &TbsInput<'_>) -> Result<IssuerParts, EncodeError> {
    let parts = Parts::read(der)?;
    if !parts.tbs.basic_constraints()?.ca {
        return Err(EncodeError::WrongIssuer("it is no CA"));
    }
    if input.profile.kind.is_ca() && parts.tbs.basic_constraints()?.path_length == Some(0) {
        return Err(EncodeError::WrongIssuer("it may not have CAs below it"));
    }
    // Whoever verifies needs both at once (RFC 5280 §6.1): a certificate must not outlive its issuer.
    let validity = parts.tbs.validity;
    if !validity.contains(input.validity.not_before) || !validity.contains(input.validity.not_after) {
        return Err(EncodeError::WrongIssuer("the validity is not inside that of the issuer"));
    }
    let key = parts.tbs.subject_key_identifier()?;
    let key = key.ok_or_else(|| EncodeError::Issuer("it has no subjectKeyIdentifier".into()))?;
    Ok((parts.tbs.subject.to_vec(), Some(key.to_vec())))
}

fn extensions(
    input: &TbsInput<'_>,
    kind: KeyKind,
    key: &[u8],
    issuer_key: Option<&[u8]>,
) -> Result<Vec<Vec<u8>>, EncodeError> {
    let profile = input.profile;
    let mut list = Vec::new();
    let mut add = |oid, critical, value: Vec<u8>| list.push(extension(oid, critical, &value));
    add(oid::BASIC_CONSTRAINTS, true, basic_constraints(profile));
    add(oid::KEY_USAGE, profile.key_usage.critical, key_usage(profile.key_usage(kind)));
    let purposes = &profile.purposes;
    if !purposes.list.is_empty() {
        add(oid::EXTENDED_KEY_USAGE, purposes.critical, tlv::write(tag::SEQUENCE, &oids(&purposes.list)));
    }
    if let Some(names) = alternative_names(profile, input.subject) {
        add(oid::SUBJECT_ALT_NAME, false, names);
    }
    add(oid::SUBJECT_KEY_IDENTIFIER, false, tlv::write(tag::OCTET_STRING, &[key]));
    if let Some(issuer_key) = issuer_key {
        add(oid::AUTHORITY_KEY_IDENTIFIER, false, authority_key_identifier(issuer_key));
    }
    if profile.kind == Kind::Responder {
        // RFC 6960 §4.2.2.2.1: NULL.
        add(oid::OCSP_NO_CHECK, false, vec![tag::NULL, 0]);
    }
    if !profile.policies.is_empty() {
        let policies: Vec<_> = profile.policies.iter().map(policy).collect();
        add(oid::CERTIFICATE_POLICIES, false, tlv::write(tag::SEQUENCE, &policies));
    }
    if profile.crl_distribution_point {
        let point = distribution_point(&input.urls.crl)?;
        add(oid::CRL_DISTRIBUTION_POINTS, false, tlv::write(tag::SEQUENCE, &[point]));
    }
    let mut access = Vec::new();
    for (wanted, method, url) in [
        (profile.ocsp, oid::AD_OCSP, &input.urls.ocsp),
        (profile.ca_issuers, oid::AD_CA_ISSUERS, &input.urls.ca_issuers),
    ] {
        if wanted {
            let method = tlv::write(tag::OID, &[method.as_bytes()]);
            access.push(tlv::write(tag::SEQUENCE, &[method, uri(url)?]));
        }
    }
    if !access.is_empty() {
        add(oid::AUTHORITY_INFO_ACCESS, false, tlv::write(tag::SEQUENCE, &access));
    }
    for row in &profile.identities {
        if let Some(value) = input.subject.get(row.field) {
            add(row.oid, false, identity(row, value));
        }
    }
    Ok(list)
}

/// One extension; DER leaves the default, not critical, out.
pub(super) fn extension(oid: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[tag::BOOLEAN, 1, 0xff] } else { &[] };
    let oid = tlv::write(tag::OID, &[oid.as_bytes()]);
    tlv::write(tag::SEQUENCE, &[&oid[..], critical, &tlv::write(tag::OCTET_STRING, &[value])])
}

/// The value of an authorityKeyIdentifier with the key identifier alone.
pub(crate) fn authority_key_identifier(key: &[u8]) -> Vec<u8> {
    tlv::write(tag::SEQUENCE, &[tlv::write(tag::PRIMITIVE_0, &[key])])
}

fn basic_constraints(profile: &Profile) -> Vec<u8> {
    let mut fields = Vec::new();
    if profile.kind.is_ca() {
        fields.push(vec![tag::BOOLEAN, 1, 0xff]);
        fields.extend(profile.path_length.map(|length| tlv::positive_integer(&[length])));
    }
    tlv::write(tag::SEQUENCE, &fields)
}

/// The named bits without trailing zeros (X.690 §11.2.2).
fn key_usage(bits: u16) -> Vec<u8> {
    let octets = bits.reverse_bits().to_be_bytes();
    let count = if octets[1] == 0 { 1 } else { 2 };
    let unused = u8::try_from(octets[count - 1].trailing_zeros() % 8).unwrap_or(0);
    tlv::write(tag::BIT_STRING, &[&[unused], &octets[..count]])
}

/// A policy, with where its practice statement is (RFC 5280 §4.2.1.4).
fn policy(policy: &Policy) -> Vec<u8> {
    let mut fields = oids(&[policy.oid]);
    fields.extend(policy.cps.as_ref().map(|cps| {
        let kind = tlv::write(tag::OID, &[oid::QT_CPS.as_bytes()]);
        let qualifier = tlv::write(tag::SEQUENCE, &[kind, tlv::write(tag::IA5_STRING, &[cps])]);
        tlv::write(tag::SEQUENCE, &[qualifier])
    }));
    tlv::write(tag::SEQUENCE, &fields)
}

fn oids(list: &[ObjectIdentifier]) -> Vec<Vec<u8>> {
    list.iter().map(|oid| tlv::write(tag::OID, &[oid.as_bytes()])).collect()
}

/// One distribution point with one full name (RFC 5280 §4.2.1.13); an issuingDistributionPoint with nothing else in
/// it has the same bytes (§5.2.5).
pub(super) fn distribution_point(url: &str) -> Result<Vec<u8>, EncodeError> {
    let full_name = tlv::write(tag::CONTEXT_0, &[uri(url)?]);
    Ok(tlv::write(tag::SEQUENCE, &[tlv::write(tag::CONTEXT_0, &[full_name])]))
}

fn uri(url: &str) -> Result<Vec<u8>, EncodeError> {
    let fits = url.starts_with("http://") && url.len() <= 512 && url.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(tlv::write(tag::PRIMITIVE_6, &[url])) } else { Err(EncodeError::Url(url.to_owned())) }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
