//! Rules about CRLs: full ones, deltas, and those of a shard.
//!
//! A CRL is read once, entry by entry, and never held as a whole: it may have millions. Rules about entries look at
//! each as it passes; the others look at what stands around the entries. [`crl_to_be_signed`] looks before the key is
//! used, and takes the digest that is signed on the same way through; [`crl`] looks at what is signed.

mod dates;
mod delta;
mod distribution_point;
mod empty_list;
mod entries;
mod entry_der;
mod extensions;
mod freshest;
mod invalidity;
mod issuer;
mod number;
mod read;
mod reasons;
mod signature;
mod strict_der;
mod window;

use std::io::{self, Read, Seek};

use const_oid::ObjectIdentifier;

use self::window::Broken;
use super::Finding;
use crate::domain::{ListScope, Sha256, Timestamp};
use crate::keys::stream::Digested;
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
    /// Since when its key can no longer be believed, if it says so in a way that can be read.
    pub invalid_since: Option<Timestamp>,
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
    /// `None` before it is signed.
    outside: Option<Outside>,
}

/// What stands behind what is signed.
struct Outside {
    algorithm: Vec<u8>,
    verified: bool,
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
    /// The serial number as it is written.
    number: Element<'a>,
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

const ENTRY_RULES: [EntryRule; 4] = [entries::EACH, reasons::EACH, invalidity::EACH, entry_der::EACH];

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
    let unread = |finding| Seen { findings: vec![finding], entries: 0, sha256: Sha256([0; 32]) };
    let issuer = match issuer_of(context) {
        Ok(issuer) => issuer,
        Err(finding) => return Ok(unread(finding)),
    };
    let (list, mut findings, sha256) = match read::list(source, &issuer, context, watch) {
        Ok(read) => read,
        Err(Broken::Io(error)) => return Err(error),
        Err(Broken::Structure(detail)) => return Ok(unread(structure(detail))),
    };
    match around(&list, &issuer, context) {
        Ok(found) => findings.extend(found),
        Err(finding) => return Ok(unread(finding)),
    }
    Ok(Seen { findings, entries: list.entries, sha256 })
}

/// What is to be signed of a CRL, after no rule found anything.
#[derive(Clone, Debug)]
pub struct Unsigned {
    entries: u64,
    length: u64,
    algorithm: SignatureAlgorithm,
    digested: Digested,
}

/// Reads what is to be signed of a CRL, holds it against all rules and digests it, in one. Nothing may be signed unless
/// there are no findings.
///
/// # Errors
/// When the source cannot be read; then nothing is known.
pub fn crl_to_be_signed(source: impl Read, context: &CrlContext<'_>) -> io::Result<Result<Unsigned, Vec<Finding>>> {
    let issuer = match issuer_of(context) {
        Ok(issuer) => issuer,
        Err(finding) => return Ok(Err(vec![finding])),
    };
    let (list, mut findings, length, digested) = match read::unsigned(source, &issuer, context) {
        Ok(read) => read,
        Err(Broken::Io(error)) => return Err(error),
        Err(Broken::Structure(detail)) => return Ok(Err(vec![structure(detail)])),
    };
    match around(&list, &issuer, context) {
        Ok(found) => findings.extend(found),
        Err(finding) => return Ok(Err(vec![finding])),
    }
    Ok(match digested {
        Some(digested) if findings.is_empty() => {
            Ok(Unsigned { entries: list.entries, length, algorithm: context.key.signature_algorithm(), digested })
        }
        _ => {
            let undigested = findings.is_empty().then(|| structure("it could not be hashed".into()));
            Err(findings.into_iter().chain(undigested).collect())
        }
    })
}

impl Unsigned {
    /// How many entries were read.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// What is signed.
    #[must_use]
    pub const fn digested(&self) -> &Digested {
        &self.digested
    }

    /// Looks at the file that is to hold these bytes, signed, without reading them again: what stands before and
    /// behind them, and whether the signature verifies.
    ///
    /// # Errors
    /// When the file cannot be read; then nothing is known.
    pub fn signed(&self, file: &mut (impl Read + Seek)) -> io::Result<Vec<Finding>> {
        let mut beginning = [0; 6];
        file.rewind()?;
        file.read_exact(&mut beginning)?;
        let Ok((tag::SEQUENCE, content, header)) = tlv::announced(&beginning) else {
            return Ok(vec![structure("it does not begin as a CRL".into())]);
        };
        let mut rest = Vec::new();
        file.seek(io::SeekFrom::Start(header as u64 + self.length))?;
        file.take(read::MAX_PART as u64).read_to_end(&mut rest)?;
        if content != self.length + rest.len() as u64 {
            return Ok(vec![structure("its length is wrong".into())]);
        }
        Ok(Finding::of(signature::RULE.name, signature::RULE.clause, self.outside(&rest)).into_iter().collect())
    }

    fn outside(&self, rest: &[u8]) -> Result<(), String> {
        let mut rest = tlv::Reader::new(rest);
        let odd = |error: tlv::TlvError| error.to_string();
        let algorithm = rest.expect(tag::SEQUENCE).map_err(odd)?.whole;
        let signature = rest.expect(tag::BIT_STRING).map_err(odd)?.content;
        rest.end().map_err(odd)?;
        super::demand(algorithm == self.algorithm.identifier_der(), "it is not the algorithm of the issuer's key")?;
        let signature = x509::whole_octets(signature).map_err(|error| error.to_string())?;
        super::demand(self.digested.verify(signature).is_ok(), "the signature does not verify")
    }
}

fn structure(detail: String) -> Finding {
    Finding { rule: "structure", clause: "RFC 5280 §5.1", detail }
}

fn issuer_of<'a>(context: &CrlContext<'a>) -> Result<Tbs<'a>, Finding> {
    let parts = Parts::read(context.issuer);
    parts.map(|parts| parts.tbs).map_err(|error| structure(format!("the issuer's certificate: {error}")))
}

/// What the rules about what stands around the entries find.
fn around(list: &List, issuer: &Tbs<'_>, context: &CrlContext<'_>) -> Result<Vec<Finding>, Finding> {
    let extensions = x509::extensions(tlv::Reader::new(&list.extensions));
    let case = Case {
        list,
        extensions: extensions.map_err(|error| structure(error.to_string()))?,
        issuer,
        expected: read::algorithm_of(issuer, context.key),
        scope: context.scope,
        previous: context.previous,
        now: context.now,
    };
    let found = RULES.iter().filter_map(|rule| Finding::of(rule.name, rule.clause, (rule.check)(&case)));
    Ok(found.collect())
}

#[cfg(test)]
mod tests;
