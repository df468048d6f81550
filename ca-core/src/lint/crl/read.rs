//! Reads a CRL from its first byte to its last.

use std::io::Read;

use super::invalidity::date_of;
use super::reasons::reason_of;
use super::window::{Broken, Window};
use super::{CrlContext, ENTRY_RULES, Entry, List, Listed, Outside, Watch};
use crate::domain::{Sha256, Timestamp};
use crate::keys::stream::{Digested, MessageDigest};
use crate::keys::{PublicKey, SignatureAlgorithm};
use crate::lint::{Finding, demand};
use crate::tlv::{self, Element, TlvError, tag};
use crate::x509::{self, Tbs, whole_octets};

/// No entry of ours is half as long.
const MAX_ENTRY: usize = 256;
/// More than our head and extensions take.
pub(super) const MAX_PART: usize = 16 * 1024;

/// The algorithm with which the issuer's key signs, if `key` is that key.
pub(super) fn algorithm_of(issuer: &Tbs<'_>, key: &PublicKey) -> Result<SignatureAlgorithm, String> {
    demand(key.spki_der() == issuer.spki, "the signing key is not that of the issuer's certificate")?;
    Ok(key.signature_algorithm())
}

/// A signed CRL: everything but the entries, what the rules about entries found, and the hash of all of it.
pub(super) fn list(
    source: impl Read,
    issuer: &Tbs<'_>,
    context: &CrlContext<'_>,
    watch: Option<Watch<'_>>,
) -> Result<(List, Vec<Finding>, Sha256), Broken> {
    let mut window = Window::new(source);
    let (content, _) = window.header(tag::SEQUENCE)?;
    let end = window.position() + content;
    let (mut list, findings) = to_be_signed(&mut window, issuer, context, watch)?;
    let algorithm = part(&mut window, tag::SEQUENCE)?;
    let signature = part(&mut window, tag::BIT_STRING)?;
    let signature =
        whole_octets(element_of(&signature)?.content).map_err(|error| Broken::Structure(error.to_string()))?;
    if window.position() != end {
        return Err(TlvError::Trailing.into());
    }
    let (sha256, digested) = window.end()?;
    let verified = digested.is_some_and(|digested| digested.verify(signature).is_ok());
    list.outside = Some(Outside { algorithm, verified });
    Ok((list, findings, sha256))
}

/// What is to be signed of a CRL, with its length and digest.
pub(super) fn unsigned(
    source: impl Read,
    issuer: &Tbs<'_>,
    context: &CrlContext<'_>,
) -> Result<(List, Vec<Finding>, u64, Option<Digested>), Broken> {
    let mut window = Window::unhashed(source);
    let (list, findings) = to_be_signed(&mut window, issuer, context, None)?;
    let length = window.position();
    Ok((list, findings, length, window.end()?.1))
}

fn to_be_signed<R: Read>(
    window: &mut Window<R>,
    issuer: &Tbs<'_>,
    context: &CrlContext<'_>,
    watch: Option<Watch<'_>>,
) -> Result<(List, Vec<Finding>), Broken> {
    let signed_from = window.position();
    let (content, _) = window.header(tag::SEQUENCE)?;
    let signed_to = window.position() + content;
    let algorithm = algorithm_of(issuer, context.key).ok();
    if let Some(digest) = algorithm.and_then(|algorithm| MessageDigest::new(context.key, algorithm).ok()) {
        window.digest(signed_from..signed_to, digest);
    }
    if part(window, tag::INTEGER)? != [tag::INTEGER, 1, 1] {
        return Err(Broken::Structure("the version must be 2".into()));
    }
    let algorithm = part(window, tag::SEQUENCE)?;
    let issuer = part(window, tag::SEQUENCE)?;
    let times = [time(window)?, time(window)?];
    let revoked = window.position() < signed_to && window.peek()? == Some(tag::SEQUENCE);
    let mut looker = Looker { findings: Findings::default(), watch };
    let mut entries = 0;
    if revoked {
        let (content, _) = window.header(tag::SEQUENCE)?;
        let entries_end = window.position() + content;
        if entries_end > signed_to {
            return Err(TlvError::Truncated.into());
        }
        let this_update = x509::time(element_of(&times[0])?).map_err(|error| Broken::Structure(error.to_string()))?;
        entries = each_entry(window, entries_end, this_update, context, &mut looker)?;
    }
    let mut extensions = Vec::new();
    if window.position() < signed_to {
        let wrapped = part(window, tag::CONTEXT_0)?;
        let list = tlv::single(element_of(&wrapped)?.content, tag::SEQUENCE)?;
        extensions = list.content.to_vec();
    }
    if window.position() != signed_to {
        return Err(TlvError::Trailing.into());
    }
    let list = List { algorithm, issuer, times, revoked, entries, extensions, outside: None };
    Ok((list, looker.findings.0.into_iter().flatten().collect()))
}

/// The first finding of each rule about entries: one is enough, and a million would not fit.
#[derive(Default)]
struct Findings([Option<Finding>; ENTRY_RULES.len()]);

impl Findings {
    fn look(&mut self, entry: &Entry<'_>) {
        for (rule, finding) in ENTRY_RULES.iter().zip(&mut self.0) {
            if finding.is_none() {
                *finding = Finding::of(rule.name, rule.clause, (rule.check)(entry));
            }
        }
    }
}

/// Who looks at each entry: the rules, and whoever else asked.
struct Looker<'a> {
    findings: Findings,
    watch: Option<Watch<'a>>,
}

impl Looker<'_> {
    fn look(&mut self, entry: &Entry<'_>) {
        self.findings.look(entry);
        if let Some(watch) = &mut self.watch {
            let reason = match reason_of(entry) {
                Ok(None) => 0,
                Ok(Some([reason])) => *reason,
                _ => u8::MAX,
            };
            let invalid_since = date_of(entry).ok().flatten();
            watch(Listed { serial: entry.serial, since: entry.since, reason, invalid_since });
        }
    }
}

fn each_entry<R: Read>(
    window: &mut Window<R>,
    end: u64,
    this_update: Timestamp,
    context: &CrlContext<'_>,
    looker: &mut Looker<'_>,
) -> Result<u64, Broken> {
    let odd = |error: x509::X509Error| Broken::Structure(error.to_string());
    let (mut count, mut last) = (0, Vec::new());
    while window.position() < end {
        let element = window.element()?;
        if element.tag != tag::SEQUENCE || element.whole.len() > MAX_ENTRY {
            return Err(Broken::Structure("an entry is none, or too long".into()));
        }
        let mut fields = element.reader();
        let number = fields.expect(tag::INTEGER)?;
        let serial = if let [0, rest @ ..] = number.content { rest } else { number.content };
        let date = fields.next()?;
        let since = x509::time(date).map_err(odd)?;
        let extensions = fields.optional(tag::SEQUENCE)?;
        fields.end()?;
        looker.look(&Entry {
            whole: element.whole,
            number,
            serial,
            date,
            since,
            extensions,
            last: &last,
            this_update,
            scope: context.scope,
        });
        last.clear();
        last.extend_from_slice(serial);
        count += 1;
    }
    if window.position() == end { Ok(count) } else { Err(TlvError::Trailing.into()) }
}

fn part<R: Read>(window: &mut Window<R>, wanted: u8) -> Result<Vec<u8>, Broken> {
    let element = window.element()?;
    if element.tag != wanted {
        return Err(TlvError::Tag { wanted, found: element.tag }.into());
    }
    if element.whole.len() > MAX_PART {
        return Err(Broken::Structure("a part is too long".into()));
    }
    Ok(element.whole.to_vec())
}

fn time<R: Read>(window: &mut Window<R>) -> Result<Vec<u8>, Broken> {
    let element = window.element()?;
    match element.tag {
        tag::UTC_TIME | tag::GENERALIZED_TIME => Ok(element.whole.to_vec()),
        found => Err(TlvError::Tag { wanted: tag::UTC_TIME, found }.into()),
    }
}

/// An element that was read whole.
pub(super) fn element_of(whole: &[u8]) -> Result<Element<'_>, TlvError> {
    tlv::Reader::new(whole).next()
}
