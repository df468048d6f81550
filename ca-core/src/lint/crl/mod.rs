//! Rules about full CRLs.

mod dates;
mod entries;
mod extensions;
mod issuer;
mod number;
mod reasons;
mod signature;
mod strict_der;

use const_oid::ObjectIdentifier;

use super::Finding;
use crate::domain::Timestamp;
use crate::tlv::{self, Element, TlvError, tag};
use crate::x509::{Extension, Parts, Tbs, X509Error, extensions, whole_octets};

/// Against what a CRL is held.
#[derive(Clone, Copy, Debug)]
pub struct CrlContext<'a> {
    /// The certificate of the issuer, DER.
    pub issuer: &'a [u8],
    /// The number of the CRL that was published before.
    pub previous: Option<u64>,
    /// The moment.
    pub now: Timestamp,
}

/// The parts of a to-be-signed CRL.
struct List<'a> {
    whole: &'a [u8],
    algorithm: &'a [u8],
    issuer: &'a [u8],
    times: [Element<'a>; 2],
    revoked: Option<Element<'a>>,
    extensions: Vec<Extension<'a>>,
}

/// A CRL in front of the rules.
struct Case<'a> {
    list: List<'a>,
    outer_algorithm: &'a [u8],
    signature: &'a [u8],
    issuer: Tbs<'a>,
    previous: Option<u64>,
    now: Timestamp,
}

impl<'a> Case<'a> {
    fn extension(&self, oid: ObjectIdentifier) -> Result<Option<Extension<'a>>, String> {
        let mut found = self.list.extensions.iter().filter(|extension| extension.oid == oid);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(format!("{oid} stands there twice")),
            (extension, None) => Ok(extension.copied()),
        }
    }

    /// The entries one by one, for a CRL may have millions; ends after the first that is no DER.
    fn entries(&self) -> impl Iterator<Item = Result<Element<'a>, String>> {
        let mut reader = self.list.revoked.map(|list| list.reader());
        std::iter::from_fn(move || {
            let rest = reader.as_mut()?;
            rest.peek()?;
            let entry = rest.expect(tag::SEQUENCE).map_err(|error| error.to_string());
            if entry.is_err() {
                reader = None;
            }
            Some(entry)
        })
    }
}

/// A rule about CRLs.
struct Rule {
    name: &'static str,
    clause: &'static str,
    check: fn(&Case<'_>) -> Result<(), String>,
}

const RULES: [Rule; 8] = [
    issuer::RULE,
    signature::RULE,
    dates::RULE,
    number::RULE,
    extensions::RULE,
    entries::RULE,
    reasons::RULE,
    strict_der::RULE,
];

/// Holds a signed full CRL against all rules. Nothing may be published unless the answer is empty.
#[must_use]
pub fn crl(der: &[u8], context: &CrlContext<'_>) -> Vec<Finding> {
    match read(der, context) {
        Ok(case) => RULES.iter().filter_map(|rule| Finding::of(rule.name, rule.clause, (rule.check)(&case))).collect(),
        Err(error) => vec![Finding { rule: "structure", clause: "RFC 5280 §5.1", detail: error.to_string() }],
    }
}

fn read<'a>(der: &'a [u8], context: &CrlContext<'a>) -> Result<Case<'a>, X509Error> {
    let issuer = Parts::read(context.issuer)?.tbs;
    let mut outer = tlv::single(der, tag::SEQUENCE)?.reader();
    let list = list(outer.expect(tag::SEQUENCE)?)?;
    let outer_algorithm = outer.expect(tag::SEQUENCE)?.whole;
    let signature = whole_octets(outer.expect(tag::BIT_STRING)?.content)?;
    outer.end()?;
    Ok(Case { list, outer_algorithm, signature, issuer, previous: context.previous, now: context.now })
}

fn list(outer: Element<'_>) -> Result<List<'_>, X509Error> {
    let mut fields = outer.reader();
    if fields.expect(tag::INTEGER)?.content != [1] {
        return Err(X509Error::Part("the version must be 2"));
    }
    let algorithm = fields.expect(tag::SEQUENCE)?.whole;
    let issuer = fields.expect(tag::SEQUENCE)?.whole;
    let times = [time(fields.next()?)?, time(fields.next()?)?];
    let revoked = fields.optional(tag::SEQUENCE)?;
    let extensions = match fields.optional(tag::CONTEXT_0)? {
        Some(list) => extensions(tlv::single(list.content, tag::SEQUENCE)?.reader())?,
        None => Vec::new(),
    };
    fields.end()?;
    Ok(List { whole: outer.whole, algorithm, issuer, times, revoked, extensions })
}

fn time(element: Element<'_>) -> Result<Element<'_>, TlvError> {
    match element.tag {
        tag::UTC_TIME | tag::GENERALIZED_TIME => Ok(element),
        found => Err(TlvError::Tag { wanted: tag::UTC_TIME, found }),
    }
}

#[cfg(test)]
mod tests;
