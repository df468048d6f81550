//! From TOML to a checked profile.

mod policy;
mod rows;
mod term;
mod usage;

pub(super) use rows::attribute_name;
pub(super) use usage::{KEY_USAGES, PURPOSES};

use std::fmt::Display;

use const_oid::ObjectIdentifier;
use serde::Deserialize;

use super::{Kind, Profile};
use crate::domain::{IssuerId, ProfileName, SubjectField};
use crate::keys::KeyKind;
use crate::settings::{self, Fault};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    name: String,
    kind: Kind,
    #[serde(default)]
    person: bool,
    issuers: Option<Vec<IssuerId>>,
    encryption: Option<ProfileName>,
    keys: Vec<KeyKind>,
    path_length: Option<u8>,
    #[serde(default)]
    crl_distribution_point: bool,
    #[serde(default)]
    ca_issuers: bool,
    #[serde(default)]
    ocsp: bool,
    #[serde(default)]
    alternative_names: Vec<SubjectField>,
    key_usage: usage::RawUsage,
    extended_key_usage: Option<usage::RawPurposes>,
    validity: term::RawTerm,
    #[serde(default)]
    policy: Vec<policy::RawPolicy>,
    subject: Vec<rows::RawName>,
    #[serde(default)]
    identity: Vec<rows::RawIdentity>,
}

/// Reads one profile, or tells all its faults.
pub(super) fn profile(file: &str, text: &str) -> Result<Profile, Vec<Fault>> {
    let reading = settings::from_toml::<RawProfile>(file, text);
    let mut faults = Faults { file, list: reading.faults };
    match reading.value.and_then(|raw| checked(raw, &mut faults)) {
        Some(profile) if faults.list.is_empty() => Ok(profile),
        _ => Err(faults.list),
    }
}

fn checked(raw: RawProfile, faults: &mut Faults<'_>) -> Option<Profile> {
    let name = ProfileName::new(&raw.name);
    faults.unless(name.is_some(), "name", "name: must be 1 to 40 of a-z 0-9 -");
    faults.unless(!raw.keys.is_empty(), "no-key", "keys: there must be at least one");
    let key_usage = usage::bits(&raw, faults);
    let purposes = usage::purposes(&raw, key_usage, faults);
    path_length(&raw, faults);
    scope(&raw, faults);
    let term = term::term(&raw, faults);
    let policies = policy::policies(&raw, faults);
    let names = rows::names(&raw, faults);
    let alternative_names = rows::alternative_names(&raw, &purposes, faults);
    let identities = rows::identities(&raw, faults);

    Some(Profile {
        name: name?,
        kind: raw.kind,
        person: raw.person,
        issuers: raw.issuers,
        encryption: raw.encryption,
        keys: raw.keys,
        key_usage,
        purposes,
        path_length: raw.path_length,
        crl_distribution_point: raw.crl_distribution_point,
        ca_issuers: raw.ca_issuers,
        ocsp: raw.ocsp,
        policies,
        term: term?,
        names,
        alternative_names,
        identities,
    })
}

struct Faults<'a> {
    file: &'a str,
    list: Vec<Fault>,
}

impl Faults<'_> {
    fn add(&mut self, name: &'static str, what: impl Display) {
        self.list.push(Fault::new(self.file, name, what.to_string()));
    }

    fn unless(&mut self, good: bool, name: &'static str, what: impl Display) {
        if !good {
            self.add(name, what);
        }
    }

    fn oid(&mut self, place: &str, text: &str) -> Option<ObjectIdentifier> {
        let oid = ObjectIdentifier::new(text);
        oid.map_err(|error| self.add("no-oid", format!("{place}: {text:?} is no OID: {error}"))).ok()
    }

    fn twice<T: PartialEq + Display>(&mut self, place: &str, all: &[T]) {
        for (at, one) in all.iter().enumerate() {
            self.unless(!all[..at].contains(one), "twice", format!("{place}: {one} stands there twice"));
        }
    }
}

fn path_length(raw: &RawProfile, faults: &mut Faults<'_>) {
    if raw.path_length.is_some() && !raw.kind.is_ca() {
        faults.add("path-length", "path_length: only a CA has one");
    }
    if raw.kind == Kind::Issuing && raw.path_length != Some(0) {
        faults.add("path-length", "path_length: an issuing CA has 0");
    }
    if raw.path_length.is_some_and(|length| length > 9) {
        faults.add("path-length", "path_length: at most 9");
    }
}

/// What only some kinds have.
fn scope(raw: &RawProfile, faults: &mut Faults<'_>) {
    if raw.kind == Kind::Root && (raw.crl_distribution_point || raw.ca_issuers || raw.ocsp) {
        faults.add("root-locations", "a root points to no CRL, issuer or responder of its own");
    }
    if raw.kind == Kind::Root && raw.issuers.is_some() {
        faults.add("root-issuers", "issuers: a root signs itself");
    }
    if raw.issuers.as_ref().is_some_and(Vec::is_empty) {
        faults.add("no-issuer", "issuers: without any, nobody could use the profile; leave the line out for all");
    }
    if raw.kind != Kind::EndEntity && raw.encryption.is_some() {
        faults.add("pair-kind", "encryption: only an end entity has a pair of certificates");
    }
    if raw.kind != Kind::EndEntity && raw.person {
        faults.add("person-kind", "person: only an end entity is a person");
    }
}

#[cfg(test)]
mod tests;
