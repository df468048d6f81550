//! Rules about CRLs: full ones, deltas, and those of a shard.
//!
//! A CRL is read once, entry by entry, and never held as a whole: it may have millions. Rules about entries look at
//! each as it passes; the others look at what stands around the entries.

mod dates;
mod delta;
mod distribution_point;
mod empty_list;
mod entries;
mod entry_der;
mod extensions;
mod freshest;
mod issuer;
mod number;
mod read;
mod reasons;
mod signature;
mod strict_der;
mod window;

use std::io::{self, Read};

use const_oid::ObjectIdentifier;

use self::window::Broken;
use super::Finding;
use crate::domain::{ListScope, Sha256, Timestamp};
use crate::keys::{PublicKey, SignatureAlgorithm};
use crate::tlv::{self, Element, tag};
use crate::x509::{self, Extension, Parts, Tbs};

/// Against what a CRL is held.
#[derive(Clone, Copy, Debug)]
pub struct CrlContext<'a> {
    /// The certificate of the issuer, DER.
    pub issuer: &'a [u8],
    /// The key of that certificate, under the issuer's SM2 id.
    pub key: &'a PublicKey,
    /// For which certificates it is to speak.
    pub scope: &'a ListScope,
    /// The number of the last CRL before it with the same scope.
    pub previous: Option<u64>,
    /// The moment.
    pub now: Timestamp,
}

/// A CRL that was read to its end, or as far as it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// How many entries were read.
    pub entries: u64,
    /// SHA-256 of all its bytes; zeros if it was not read to its end.
    pub sha256: Sha256,
}

/// An entry, shown to whoever compares it with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Magnitude of the serial number.
    pub serial: &'a [u8],
    /// Its date.
    pub since: Timestamp,
    /// Its CRLReason, 0 if it has none. What is no reason is a finding, and 255 here.
    pub reason: u8,
}

/// Is shown each entry as it passes.
pub type Watch<'a> = &'a mut dyn FnMut(Listed<'_>);

/// What stands around the entries.
struct List {
    algorithm: Vec<u8>,
    issuer: Vec<u8>,
    times: [Vec<u8>; 2],
    revoked: bool,
    entries: u64,
    extensions: Vec<u8>,
    outer_algorithm: Vec<u8>,
    verified: bool,
    sha256: Sha256,
}

/// A CRL in front of the rules about what stands around the entries.
struct Case<'a> {
    list: &'a List,
    extensions: Vec<Extension<'a>>,
    issuer: &'a Tbs<'a>,
    /// The algorithm of the issuer's key, or why there is none.
    expected: Result<SignatureAlgorithm, String>,
    scope: &'a ListScope,
    previous: Option<u64>,
    now: Timestamp,
}

impl<'a> Case<'a> {
    fn extension(&self, oid: ObjectIdentifier) -> Result<Option<Extension<'a>>, String> {
        let mut found = self.extensions.iter().filter(|extension| extension.oid == oid);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(format!("{oid} stands there twice")),
            (extension, None) => Ok(extension.copied()),
        }
    }

    /// A number that an extension carries.
    fn number(&self, oid: ObjectIdentifier) -> Result<Option<u64>, String> {
        let Some(extension) = self.extension(oid)? else { return Ok(None) };
        let content = tlv::single(extension.value, tag::INTEGER).map_err(|error| error.to_string())?.content;
        let octets = if let [0, rest @ ..] = content { rest } else { content };
        super::demand(
            content.first().is_some_and(|first| *first < 0x80) && octets.len() <= 8,
            "it is negative or too long",
        )?;
        Ok(Some(octets.iter().fold(0, |sum, octet| (sum << 8) | u64::from(*octet))))
    }
}

/// The one distribution point with one URL in this element: `None` for anything else.
fn url_of<'a>(point: &Element<'a>) -> Option<&'a [u8]> {
    let mut point = point.reader();
    let mut name = point.expect(tag::CONTEXT_0).ok()?.reader();
    let mut full_name = name.expect(tag::CONTEXT_0).ok()?.reader();
    let url = full_name.expect(tag::PRIMITIVE_6).ok()?.content;
    (point.end().is_ok() && name.end().is_ok() && full_name.end().is_ok()).then_some(url)
}

/// An entry as it passes.
struct Entry<'a> {
    whole: &'a [u8],
    /// Magnitude of the serial number.
    serial: &'a [u8],
    /// Its date as it is written and as it is meant.
    date: Element<'a>,
    since: Timestamp,
    extensions: Option<Element<'a>>,
    /// Magnitude of the serial number before it; empty for the first.
    last: &'a [u8],
    /// What is known when entries are read.
    this_update: Timestamp,
    scope: &'a ListScope,
}

/// A rule about what stands around the entries.
struct Rule {
    name: &'static str,
    clause: &'static str,
    check: fn(&Case<'_>) -> Result<(), String>,
}

/// A rule about each entry.
struct EntryRule {
    name: &'static str,
    clause: &'static str,
    check: fn(&Entry<'_>) -> Result<(), String>,
}

const RULES: [Rule; 10] = [
    issuer::RULE,
    signature::RULE,
    dates::RULE,
    number::RULE,
    extensions::RULE,
    delta::RULE,
    freshest::RULE,
    distribution_point::RULE,
    empty_list::RULE,
    strict_der::RULE,
];

const ENTRY_RULES: [EntryRule; 3] = [entries::EACH, reasons::EACH, entry_der::EACH];

/// Reads a signed CRL and holds it against all rules. Nothing may be published unless there are no findings.
///
/// # Errors
/// When the source cannot be read; then nothing is known.
pub fn crl(source: impl Read, context: &CrlContext<'_>) -> io::Result<Seen> {
    crl_watched(source, context, None)
}

/// [`crl`], showing each entry.
///
/// # Errors
/// See [`crl`].
pub fn crl_watched(source: impl Read, context: &CrlContext<'_>, watch: Option<Watch<'_>>) -> io::Result<Seen> {
    let unread = |detail: String| Seen {
        findings: vec![Finding { rule: "structure", clause: "RFC 5280 §5.1", detail }],
        entries: 0,
        sha256: Sha256([0; 32]),
    };
    let issuer = match Parts::read(context.issuer) {
        Ok(parts) => parts.tbs,
        Err(error) => return Ok(unread(format!("the issuer's certificate: {error}"))),
    };
    let (list, mut findings) = match read::list(source, &issuer, context, watch) {
        Ok(read) => read,
        Err(Broken::Io(error)) => return Err(error),
        Err(Broken::Structure(detail)) => return Ok(unread(detail)),
    };
    let extensions = match x509::extensions(tlv::Reader::new(&list.extensions)) {
        Ok(extensions) => extensions,
        Err(error) => return Ok(unread(error.to_string())),
    };
    let case = Case {
        list: &list,
        extensions,
        issuer: &issuer,
        expected: read::algorithm_of(&issuer, context.key),
        scope: context.scope,
        previous: context.previous,
        now: context.now,
    };
    let around = RULES.iter().filter_map(|rule| Finding::of(rule.name, rule.clause, (rule.check)(&case)));
    findings.extend(around);
    Ok(Seen { findings, entries: list.entries, sha256: list.sha256 })
}

#[cfg(test)]
mod tests;
