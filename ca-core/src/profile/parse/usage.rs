//! keyUsage and extKeyUsage: words to bits and OIDs, and what goes with what.

use const_oid::ObjectIdentifier;
use serde::Deserialize;

use super::{Faults, RawProfile};
use crate::profile::{ENCIPHERS, Kind, Purposes, Usage, possible_usage, usage_for};
use crate::x509::{KeyUsage, oid};

/// Profiles with this purpose may encipher and sign with one key, as RSA does in TLS 1.2.
const BOTH_WAYS: ObjectIdentifier = oid::SERVER_AUTH;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUsage {
    bits: Vec<String>,
    #[serde(default = "yes")]
    critical: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPurposes {
    purposes: Vec<String>,
    #[serde(default)]
    critical: bool,
}

pub(in crate::profile) const KEY_USAGES: [(&str, u16); 7] = [
    ("digital_signature", KeyUsage::DIGITAL_SIGNATURE),
    ("non_repudiation", KeyUsage::NON_REPUDIATION),
    ("key_encipherment", KeyUsage::KEY_ENCIPHERMENT),
    ("data_encipherment", KeyUsage::DATA_ENCIPHERMENT),
    ("key_agreement", KeyUsage::KEY_AGREEMENT),
    ("key_cert_sign", KeyUsage::KEY_CERT_SIGN),
    ("crl_sign", KeyUsage::CRL_SIGN),
];

pub(in crate::profile) const PURPOSES: [(&str, ObjectIdentifier); 6] = [
    ("server_auth", oid::SERVER_AUTH),
    ("client_auth", oid::CLIENT_AUTH),
    ("email_protection", oid::EMAIL_PROTECTION),
    ("document_signing", oid::DOCUMENT_SIGNING),
    ("time_stamping", oid::TIME_STAMPING),
    ("ocsp_signing", oid::OCSP_SIGNING),
];

pub(super) fn bits(raw: &RawProfile, faults: &mut Faults<'_>) -> Usage {
    let mut bits = 0;
    for word in &raw.key_usage.bits {
        match KEY_USAGES.iter().find(|(name, _)| name == word) {
            Some((_, bit)) => bits |= bit,
            None => faults.add("usage-word", format!("key_usage: {word:?} is not known")),
        }
    }
    faults.twice("key_usage", &raw.key_usage.bits);
    let ca_bits = KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
    let signs = bits & (KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION) != 0;
    let enciphers = bits & ENCIPHERS != 0;
    if raw.kind.is_ca() {
        faults.unless(bits & ca_bits == ca_bits, "ca-usage", "key_usage: a CA needs key_cert_sign and crl_sign");
        faults.unless(!enciphers, "ca-enciphers", "key_usage: the key of a CA enciphers nothing");
        faults.unless(raw.key_usage.critical, "usage-critical", "key_usage: of a CA it must be critical");
    } else {
        faults.unless(bits & ca_bits == 0, "only-ca", "key_usage: only a CA has key_cert_sign or crl_sign");
        if !enciphers {
            let signature = bits & KeyUsage::DIGITAL_SIGNATURE != 0;
            faults.unless(signature, "no-signature", "key_usage: digital_signature is needed, or encipherment alone");
        }
    }
    if raw.kind == Kind::Responder {
        faults.unless(!enciphers, "responder-enciphers", "key_usage: the key of a responder enciphers nothing");
    }
    let mixed = raw.kind == Kind::EndEntity && signs && enciphers;
    if mixed && !(raw.encryption.is_none() && serves(raw)) {
        faults.add("mixed-usage", "key_usage: one key signs or enciphers, never both (GM/T 0015; design.md §1)");
    }
    if raw.encryption.is_some() && enciphers {
        faults.add("pair-usage", "encryption: the first certificate of a pair is for signatures");
    }
    for kind in &raw.keys {
        let possible = bits == 0 || bits & possible_usage(*kind) != 0;
        faults.unless(possible, "usage-of-key", format!("key_usage: a {} key can do none of it", kind.name()));
    }
    Usage { critical: raw.key_usage.critical, bits }
}

fn serves(raw: &RawProfile) -> bool {
    let words = raw.extended_key_usage.iter().flat_map(|usage| &usage.purposes);
    words.filter_map(|word| purpose(word)).any(|purpose| purpose == BOTH_WAYS)
}

fn purpose(word: &str) -> Option<ObjectIdentifier> {
    let known = PURPOSES.iter().find(|(name, _)| *name == word).map(|(_, oid)| *oid);
    known.or_else(|| ObjectIdentifier::new(word).ok())
}

pub(super) fn purposes(raw: &RawProfile, bits: Usage, faults: &mut Faults<'_>) -> Purposes {
    let Some(given) = &raw.extended_key_usage else {
        match raw.kind {
            Kind::Responder => faults.add("responder-purpose", "extended_key_usage: a responder has ocsp_signing"),
            Kind::EndEntity => faults.add("no-purpose", "extended_key_usage: an end entity needs a purpose"),
            Kind::Root | Kind::Issuing => {}
        }
        return Purposes { critical: false, list: Vec::new() };
    };
    let mut list = Vec::new();
    for word in &given.purposes {
        match purpose(word) {
            Some(purpose) => list.push(purpose),
            None => faults.add("no-oid", format!("extended_key_usage: {word:?} is neither known nor an OID")),
        }
    }
    faults.twice("extended_key_usage", &list);
    let has = |purpose| list.contains(&purpose);
    match raw.kind {
        Kind::Responder if list != [oid::OCSP_SIGNING] => {
            faults.add("responder-purpose", "extended_key_usage: a responder has ocsp_signing and nothing else");
        }
        Kind::EndEntity if has(oid::OCSP_SIGNING) => {
            faults.add("only-responder", "extended_key_usage: ocsp_signing is for responders");
        }
        Kind::EndEntity if list.is_empty() => {
            faults.add("no-purpose", "extended_key_usage: an end entity needs a purpose");
        }
        Kind::Root | Kind::Issuing => faults.add("ca-purpose", "extended_key_usage: a CA has none"),
        _ => {}
    }
    for purpose in list.iter().filter(|purpose| bits.bits & usage_for(**purpose) == 0) {
        faults.add("purpose-usage", format!("extended_key_usage: no bit of key_usage goes with {purpose}"));
    }
    if has(oid::TIME_STAMPING) && !(given.critical && list.len() == 1) {
        faults.add("time-stamping", "extended_key_usage: time_stamping stands alone and is critical (RFC 3161 §2.3)");
    }
    Purposes { critical: given.critical, list }
}
