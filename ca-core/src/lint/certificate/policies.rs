//! certificatePolicies has exactly the policies of the profile, each with its practice statement.

use const_oid::ObjectIdentifier;

use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, Element, tag};
use crate::x509::{X509Error, oid, oid_of};

pub(super) const RULE: Rule = Rule { name: "policies", clause: "RFC 5280 §4.2.1.4", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let mut said = Vec::new();
    if let Some(extension) = case.extension(oid::CERTIFICATE_POLICIES) {
        let list = tlv::single(extension.value, tag::SEQUENCE).and_then(|list| list.reader().rest());
        for policy in list.map_err(|error| error.to_string())? {
            said.push(read(policy).map_err(|error| error.to_string())?);
        }
    }
    let wanted = case.profile.policies.iter().map(|policy| (policy.oid, policy.cps.as_deref().map(str::as_bytes)));
    demand(said.into_iter().eq(wanted), "the policies and their practice statements are not those of the profile")
}

/// A policy and the URL of its practice statement, if it has that one qualifier.
fn read(policy: Element<'_>) -> Result<(ObjectIdentifier, Option<&[u8]>), X509Error> {
    let mut fields = tlv::single(policy.whole, tag::SEQUENCE)?.reader();
    let name = oid_of(fields.next()?)?;
    let Some(qualifiers) = fields.optional(tag::SEQUENCE)? else {
        fields.end()?;
        return Ok((name, None));
    };
    fields.end()?;
    let mut qualifier = tlv::single(qualifiers.content, tag::SEQUENCE)?.reader();
    if oid_of(qualifier.next()?)? != oid::QT_CPS {
        return Err(X509Error::Part("a policy qualifier that is no CPS pointer"));
    }
    let url = qualifier.expect(tag::IA5_STRING)?.content;
    qualifier.end()?;
    Ok((name, Some(url)))
}
