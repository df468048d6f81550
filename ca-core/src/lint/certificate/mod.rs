//! Rules about certificates.

mod alternative_names;
mod authority_information;
mod authority_key_identifier;
mod basic_constraints;
mod country;
mod criticality;
mod distribution_point;
mod duplicates;
mod extended_key_usage;
mod identity;
mod inside_issuer;
mod issuer_name;
mod issuer_signs;
mod key_kind;
mod key_usage;
mod known_extensions;
mod no_check;
mod one_use;
mod personal_number;
mod policies;
mod public_key;
mod purposes_and_usage;
mod serial;
mod signature_algorithm;
mod signature_parameters;
mod sm2_public_key;
mod strict_der;
mod subject_key_identifier;
mod subject_name;
mod time_form;
mod unique_identifiers;
mod uri;
mod usage_of_key;
mod validity;

use const_oid::ObjectIdentifier;

use super::Finding;
use crate::domain::IssuerId;
use crate::keys::PublicKey;
use crate::profile::Profile;
use crate::x509::{Extension, Parts, Tbs};

/// Against what a certificate is held.
#[derive(Clone, Copy, Debug)]
pub struct CertificateContext<'a> {
    /// What it is to look like.
    pub profile: &'a Profile,
    /// The certificate of its issuer, DER; `None` for a root.
    pub issuer: Option<&'a [u8]>,
    /// The key that signs it, under the issuer's SM2 id: that of the issuer's certificate, or a root's own.
    pub key: &'a PublicKey,
    /// Who its issuer is here; `None` for a root, which names no list.
    pub home: Option<Home<'a>>,
}

/// By what the list is found that tells of a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The issuer's name, in the addresses of its certificate and lists.
    pub issuer: &'a IssuerId,
    /// Into how many shards its certificates are divided; 0 if they are not.
    pub shards: u16,
}

/// A certificate in front of the rules.
struct Case<'a> {
    tbs: Tbs<'a>,
    /// The issuer; for a root the certificate itself.
    issuer: Tbs<'a>,
    key: &'a PublicKey,
    profile: &'a Profile,
    home: Option<Home<'a>>,
}

impl<'a> Case<'a> {
    /// The first of this name; that there is a second is for `duplicates` to tell.
    fn extension(&self, oid: ObjectIdentifier) -> Option<Extension<'a>> {
        self.tbs.extensions.iter().find(|extension| extension.oid == oid).copied()
    }
}

/// A rule about certificates.
struct Rule {
    name: &'static str,
    clause: &'static str,
    check: fn(&Case<'_>) -> Result<(), String>,
}

const RULES: [Rule; 32] = [
    serial::RULE,
    signature_algorithm::RULE,
    signature_parameters::RULE,
    issuer_name::RULE,
    issuer_signs::RULE,
    time_form::RULE,
    validity::RULE,
    inside_issuer::RULE,
    subject_name::RULE,
    country::RULE,
    public_key::RULE,
    sm2_public_key::RULE,
    unique_identifiers::RULE,
    duplicates::RULE,
    known_extensions::RULE,
    criticality::RULE,
    basic_constraints::RULE,
    key_usage::RULE,
    usage_of_key::RULE,
    one_use::RULE,
    extended_key_usage::RULE,
    purposes_and_usage::RULE,
    subject_key_identifier::RULE,
    authority_key_identifier::RULE,
    alternative_names::RULE,
    policies::RULE,
    distribution_point::RULE,
    authority_information::RULE,
    no_check::RULE,
    identity::RULE,
    personal_number::RULE,
    strict_der::RULE,
];

/// Holds to-be-signed bytes against all rules. Nothing may be signed unless the answer is empty.
#[must_use]
pub fn certificate(tbs: &[u8], context: &CertificateContext<'_>) -> Vec<Finding> {
    let told = |detail: String| vec![Finding { rule: "structure", clause: "RFC 5280 §4.1", detail }];
    let tbs = match Tbs::read(tbs) {
        Ok(tbs) => tbs,
        Err(error) => return told(error.to_string()),
    };
    let issuer = match context.issuer.map(Parts::read).transpose() {
        Ok(issuer) => issuer.map_or_else(|| tbs.clone(), |parts| parts.tbs),
        Err(error) => return told(format!("the issuer: {error}")),
    };
    let case = Case { tbs, issuer, key: context.key, profile: context.profile, home: context.home };
    RULES.iter().filter_map(|rule| Finding::of(rule.name, rule.clause, (rule.check)(&case))).collect()
}

/// Holds a signed certificate against all rules, and checks its signature with the issuer's key.
#[must_use]
pub fn signed_certificate(der: &[u8], context: &CertificateContext<'_>) -> Vec<Finding> {
    let finding = |rule, detail: String| Finding { rule, clause: "RFC 5280 §4.1.1", detail };
    let parts = match Parts::read(der) {
        Ok(parts) => parts,
        Err(error) => return vec![finding("structure", error.to_string())],
    };
    let mut findings = certificate(parts.tbs.whole, context);
    let verified = parts.signature_algorithm().map_err(|error| error.to_string()).and_then(|algorithm| {
        context.key.verify(&algorithm, parts.tbs.whole, parts.signature).map_err(|error| error.to_string())
    });
    findings.extend(verified.err().map(|detail| finding("signature", detail)));
    findings
}

#[cfg(test)]
mod tests;
