//! From TOML to a checked profile.

use std::fmt::Display;

use const_oid::ObjectIdentifier;
use serde::Deserialize;

use super::{IdentityRow, Kind, NameRow, Profile, Tagging, Term, TextType};
use crate::domain::{ProfileName, SubjectField};
use crate::keys::KeyKind;
use crate::x509::{KeyUsage, oid};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    name: String,
    kind: Kind,
    keys: Vec<KeyKind>,
    key_usage: Vec<String>,
    #[serde(default)]
    extended_key_usage: Vec<String>,
    path_length: Option<u8>,
    #[serde(default)]
    crl_distribution_point: bool,
    #[serde(default)]
    ca_issuers: bool,
    #[serde(default)]
    ocsp: bool,
    #[serde(default)]
    policies: Vec<String>,
    validity: RawValidity,
    subject: Vec<RawName>,
    #[serde(default)]
    identity: Vec<RawIdentity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValidity {
    max_years: Option<u8>,
    max_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawName {
    attribute: String,
    field: SubjectField,
    otherwise: Option<SubjectField>,
    #[serde(rename = "type")]
    text: TextType,
    #[serde(default = "yes")]
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIdentity {
    oid: String,
    field: SubjectField,
    #[serde(rename = "type")]
    text: TextType,
    explicit: Option<u8>,
    implicit: Option<u8>,
    #[serde(default = "yes")]
    required: bool,
}

const fn yes() -> bool {
    true
}

/// Attribute types by the names that people use (RFC 4519), with the ASN.1 strings that RFC 5280 lets them have.
const ATTRIBUTES: [(&str, &str, &[TextType]); 7] = [
    ("C", "2.5.4.6", &[TextType::Printable]),
    ("ST", "2.5.4.8", &[TextType::Printable, TextType::Utf8]),
    ("L", "2.5.4.7", &[TextType::Printable, TextType::Utf8]),
    ("O", "2.5.4.10", &[TextType::Printable, TextType::Utf8]),
    ("OU", "2.5.4.11", &[TextType::Printable, TextType::Utf8]),
    ("CN", "2.5.4.3", &[TextType::Printable, TextType::Utf8]),
    ("serialNumber", "2.5.4.5", &[TextType::Printable]),
];

const KEY_USAGES: [(&str, u16); 4] = [
    ("digital_signature", KeyUsage::DIGITAL_SIGNATURE),
    ("non_repudiation", KeyUsage::NON_REPUDIATION),
    ("key_cert_sign", KeyUsage::KEY_CERT_SIGN),
    ("crl_sign", KeyUsage::CRL_SIGN),
];

const PURPOSES: [(&str, ObjectIdentifier); 3] = [
    ("client_auth", oid::CLIENT_AUTH),
    ("email_protection", oid::EMAIL_PROTECTION),
    ("ocsp_signing", oid::OCSP_SIGNING),
];

/// Reads one profile, or tells all its faults.
pub(super) fn profile(text: &str) -> Result<Profile, Vec<String>> {
    let raw: RawProfile = toml::from_str(text).map_err(|error| vec![error.to_string().trim().to_owned()])?;
    let mut faults = Faults(Vec::new());
    let name = faults.keep(ProfileName::new(&raw.name).ok_or("name: must be 1 to 40 of a-z 0-9 -"));
    if raw.keys.is_empty() {
        faults.add("keys: there must be at least one");
    }
    let key_usage = key_usage(&raw, &mut faults);
    let extended_key_usage = purposes(&raw, &mut faults);
    path_length(&raw, &mut faults);
    let term = term(&raw, &mut faults);
    if raw.kind == Kind::Root && (raw.crl_distribution_point || raw.ca_issuers || raw.ocsp) {
        faults.add("a root points to no CRL, issuer or responder of its own");
    }
    let policies = raw.policies.iter().filter_map(|text| faults.oid("policies", text)).collect::<Vec<_>>();
    faults.duplicates("policies", &policies);
    let names: Vec<_> = raw.subject.iter().filter_map(|row| name_row(row, &mut faults)).collect();
    faults.duplicates("subject", &names.iter().map(|row| row.attribute).collect::<Vec<_>>());
    if !names.iter().any(|row| row.required) {
        faults.add("subject: at least one attribute must be required");
    }
    let identities: Vec<_> = raw.identity.iter().filter_map(|row| identity_row(row, &mut faults)).collect();
    faults.duplicates("identity", &identities.iter().map(|row| row.oid).collect::<Vec<_>>());

    match (name, term) {
        (Some(name), Some(term)) if faults.0.is_empty() => Ok(Profile {
            name,
            kind: raw.kind,
            keys: raw.keys,
            key_usage,
            extended_key_usage,
            path_length: raw.path_length,
            crl_distribution_point: raw.crl_distribution_point,
            ca_issuers: raw.ca_issuers,
            ocsp: raw.ocsp,
            policies,
            term,
            names,
            identities,
        }),
        _ => Err(faults.0),
    }
}

struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, what: impl Display) {
        self.0.push(what.to_string());
    }

    fn keep<T>(&mut self, result: Result<T, impl Display>) -> Option<T> {
        result.map_err(|what| self.add(what)).ok()
    }

    fn oid(&mut self, place: &str, text: &str) -> Option<ObjectIdentifier> {
        self.keep(ObjectIdentifier::new(text).map_err(|error| format!("{place}: {text:?} is no OID: {error}")))
    }

    fn duplicates(&mut self, place: &str, oids: &[ObjectIdentifier]) {
        for (at, oid) in oids.iter().enumerate() {
            if oids[..at].contains(oid) {
                self.add(format!("{place}: {oid} stands there twice"));
            }
        }
    }
}

fn key_usage(raw: &RawProfile, faults: &mut Faults) -> u16 {
    let mut bits = 0;
    for word in &raw.key_usage {
        match KEY_USAGES.iter().find(|(name, _)| name == word) {
            Some((_, bit)) => bits |= bit,
            None => faults.add(format!("key_usage: {word:?} is not known")),
        }
    }
    let ca_bits = KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
    if raw.kind.is_ca() && bits & ca_bits != ca_bits {
        faults.add("key_usage: a CA needs key_cert_sign and crl_sign");
    }
    if !raw.kind.is_ca() && bits & ca_bits != 0 {
        faults.add("key_usage: only a CA has key_cert_sign or crl_sign");
    }
    if !raw.kind.is_ca() && bits & KeyUsage::DIGITAL_SIGNATURE == 0 {
        faults.add("key_usage: digital_signature is needed");
    }
    bits
}

fn purposes(raw: &RawProfile, faults: &mut Faults) -> Vec<ObjectIdentifier> {
    let mut found = Vec::new();
    for word in &raw.extended_key_usage {
        match PURPOSES.iter().find(|(name, _)| name == word) {
            Some((_, purpose)) => found.push(*purpose),
            None => found.extend(faults.oid("extended_key_usage", word)),
        }
    }
    faults.duplicates("extended_key_usage", &found);
    let signs_answers = found.contains(&oid::OCSP_SIGNING);
    match raw.kind {
        Kind::Responder if found != [oid::OCSP_SIGNING] => {
            faults.add("extended_key_usage: a responder has ocsp_signing and nothing else");
        }
        Kind::EndEntity if signs_answers => faults.add("extended_key_usage: ocsp_signing is for responders"),
        Kind::EndEntity if found.is_empty() => faults.add("extended_key_usage: an end entity needs a purpose"),
        Kind::Root | Kind::Issuing if !found.is_empty() => faults.add("extended_key_usage: a CA has none"),
        _ => {}
    }
    found
}

fn path_length(raw: &RawProfile, faults: &mut Faults) {
    if raw.path_length.is_some() && !raw.kind.is_ca() {
        faults.add("path_length: only a CA has one");
    }
    if raw.kind == Kind::Issuing && raw.path_length != Some(0) {
        faults.add("path_length: an issuing CA has 0");
    }
    if raw.path_length.is_some_and(|length| length > 9) {
        faults.add("path_length: at most 9");
    }
}

fn term(raw: &RawProfile, faults: &mut Faults) -> Option<Term> {
    match (raw.validity.max_years, raw.validity.max_seconds, raw.kind) {
        (Some(years @ 1..=40), None, Kind::Root | Kind::Issuing | Kind::EndEntity) => Some(Term::Years(years)),
        // Its status is never asked for, so it may not live longer than a CRL would be believed.
        (None, Some(seconds @ 60..=2_592_000), Kind::Responder) => Some(Term::Seconds(seconds)),
        (_, _, Kind::Responder) => {
            faults.add("validity: a responder has max_seconds of 60 to 2592000 (30 days), and no max_years");
            None
        }
        _ => {
            faults.add("validity: there must be max_years of 1 to 40, and no max_seconds");
            None
        }
    }
}

fn name_row(raw: &RawName, faults: &mut Faults) -> Option<NameRow> {
    let Some((name, dotted, types)) = ATTRIBUTES.iter().find(|(name, ..)| *name == raw.attribute) else {
        faults.add(format!("subject: attribute {:?} is not known", raw.attribute));
        return None;
    };
    if !types.contains(&raw.text) {
        faults.add(format!("subject: {name} must be printable (RFC 5280 appendix A.1)"));
    }
    let attribute = faults.oid("subject", dotted)?;
    Some(NameRow { attribute, field: raw.field, otherwise: raw.otherwise, text: raw.text, required: raw.required })
}

fn identity_row(raw: &RawIdentity, faults: &mut Faults) -> Option<IdentityRow> {
    let oid = faults.oid("identity", &raw.oid)?;
    if raw.oid.starts_with("2.5.29.") || raw.oid.starts_with("1.3.6.1.5.5.7.") {
        faults.add(format!("identity: {oid} belongs to PKIX"));
    }
    let tagging = match (raw.explicit, raw.implicit) {
        (None, None) => Tagging::Bare,
        (Some(number @ 0..=30), None) => Tagging::Explicit(number),
        (None, Some(number @ 0..=30)) => Tagging::Implicit(number),
        _ => {
            faults.add(format!("identity: {oid} has at most one of explicit and implicit, of 0 to 30"));
            Tagging::Bare
        }
    };
    Some(IdentityRow { oid, field: raw.field, text: raw.text, tagging, required: raw.required })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = include_str!("../../profiles/unit_sign.toml");
    const ROOT: &str = include_str!("../../profiles/root.toml");
    const OCSP: &str = include_str!("../../profiles/ocsp_responder.toml");

    fn faults(text: &str, from: &str, to: &str) -> String {
        assert!(text.contains(from), "{from}");
        profile(&text.replacen(from, to, 1)).map(|_| ()).expect_err("a fault").join("; ")
    }

    #[test]
    fn each_rule_has_its_fault() {
        let cases = [
            (UNIT, "name = \"unit-sign\"", "name = \"Unit!\"", "name"),
            (UNIT, "\"non_repudiation\"", "\"key_cert_sign\"", "only a CA"),
            (UNIT, "\"digital_signature\"", "\"non_repudiation\"", "digital_signature is needed"),
            (UNIT, "\"non_repudiation\"", "\"signing\"", "not known"),
            (UNIT, "\"client_auth\"", "\"ocsp_signing\"", "for responders"),
            (UNIT, "\"client_auth\", \"email_protection\"", "", "needs a purpose"),
            (UNIT, "\"client_auth\"", "\"email_protection\"", "twice"),
            (UNIT, "\"client_auth\"", "\"any\"", "no OID"),
            (UNIT, "ocsp = true", "path_length = 0", "only a CA has one"),
            (UNIT, "max_years = 5", "max_years = 0", "max_years"),
            (UNIT, "max_years = 5", "max_seconds = 60", "max_years"),
            (UNIT, "attribute = \"ST\"", "attribute = \"state\"", "not known"),
            (UNIT, "attribute = \"ST\"", "attribute = \"C\"", "must be printable"),
            (UNIT, "attribute = \"ST\"", "attribute = \"CN\"", "twice"),
            (UNIT, "oid = \"1.2.156.10260.4.1.4\"", "oid = \"2.5.29.19\"", "belongs to PKIX"),
            (UNIT, "oid = \"1.2.156.10260.4.1.4\"", "oid = \"1.3.6.1.4.1.32473.1.4\"", "twice"),
            (UNIT, "field = \"uscc\"", "explicit = 1\nimplicit = 1\nfield = \"uscc\"", "at most one"),
            (UNIT, "field = \"uscc\"", "field = \"resident_id\"", "resident_id"),
            (UNIT, "kind = \"end_entity\"", "kind = \"issuing\"", "path_length"),
            (UNIT, "ocsp = true", "ocps = true", "ocps"),
            (ROOT, "path_length = 1", "crl_distribution_point = true", "points to no CRL"),
            (ROOT, "\"crl_sign\"", "\"digital_signature\"", "needs key_cert_sign and crl_sign"),
            (ROOT, "path_length = 1", "extended_key_usage = [\"client_auth\"]", "a CA has none"),
            (OCSP, "\"ocsp_signing\"", "\"ocsp_signing\", \"client_auth\"", "nothing else"),
            (OCSP, "max_seconds = 604800", "max_seconds = 604800000", "30 days"),
        ];
        for (text, from, to, wanted) in cases {
            let told = faults(text, from, to);
            assert!(told.contains(wanted), "{to}: {told}");
        }
    }
}
