//! The subject has the attributes of the profile in their order, in the right strings, of a length that RFC 5280 allows.

use super::{Case, Rule};
use crate::lint::demand;
use crate::profile::Source;
use crate::tlv::{self, TlvError, tag};
use crate::x509::oid_of;

pub(super) const RULE: Rule = Rule { name: "subject_name", clause: "RFC 5280 §4.1.2.6, appendix A.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let structure = |error: TlvError| error.to_string();
    let rdns = tlv::single(case.tbs.subject, tag::SEQUENCE).and_then(|name| name.reader().rest()).map_err(structure)?;
    let mut rows = case.profile.names.iter();
    for rdn in rdns {
        let attribute = tlv::single(rdn.content, tag::SEQUENCE).map_err(|_| "an RDN has not exactly one attribute")?;
        let mut fields = attribute.reader();
        let oid = oid_of(fields.next().map_err(structure)?).map_err(|error| error.to_string())?;
        let value = fields.next().map_err(structure)?;
        fields.end().map_err(structure)?;
        // Rows in between were left out; that is right only for those that need not be there.
        let row = loop {
            let row = rows.next().ok_or_else(|| format!("{oid} is not of this profile, or out of order"))?;
            if row.attribute == oid {
                break row;
            }
            demand(!row.required, &format!("{} is missing, or out of order", row.attribute))?;
        };
        let text = std::str::from_utf8(value.content).map_err(|_| format!("{oid} is not UTF-8"))?;
        demand(
            value.tag == row.text.tag() && row.text.can_hold(text),
            &format!("{oid} is not the string that the profile says"),
        )?;
        let length = text.chars().count();
        demand((1..=row.max_chars).contains(&length), &format!("{oid} is empty or too long"))?;
        if let Source::Literal(literal) = &row.source {
            demand(text == literal, &format!("{oid} is not {literal:?}"))?;
        }
    }
    match rows.find(|row| row.required) {
        Some(row) => Err(format!("{} is missing", row.attribute)),
        None => Ok(()),
    }
}
