//! subjectAltName holds names and addresses of servers, as the profile says, and nothing else.

use super::{Case, Rule};
use crate::domain::SubjectField;
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "alternative_names", clause: "RFC 5280 §4.2.1.6; RFC 9525 §6.3", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let fields = &case.profile.alternative_names;
    let Some(extension) = case.extension(oid::SUBJECT_ALT_NAME) else {
        return demand(fields.is_empty(), "it is missing");
    };
    let names = tlv::single(extension.value, tag::SEQUENCE).and_then(|list| list.reader().rest());
    let names = names.map_err(|error| error.to_string())?;
    demand(!names.is_empty(), "it is empty")?;
    for name in names {
        let (field, good) = match name.tag {
            tag::PRIMITIVE_2 => (SubjectField::DnsNames, is_dns_name(name.content)),
            tag::PRIMITIVE_7 => (SubjectField::IpAddresses, matches!(name.content.len(), 4 | 16)),
            _ => return Err("there is a name of another sort".into()),
        };
        demand(fields.contains(&field), "there is a name of a sort that the profile does not have")?;
        demand(good, "there is a name that cannot be")?;
    }
    Ok(())
}

/// Labels of letters, digits and hyphens; the first may be `*`.
fn is_dns_name(name: &[u8]) -> bool {
    let mut labels: Vec<_> = name.split(|octet| *octet == b'.').collect();
    if labels.first() == Some(&&b"*"[..]) {
        labels.remove(0);
    }
    let label = |label: &&[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || *octet == b'-')
            && label[0] != b'-'
            && label[label.len() - 1] != b'-'
    };
    name.len() <= 253 && labels.len() >= 2 && labels.iter().all(label)
}
