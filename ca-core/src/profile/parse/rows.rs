//! The tables of a profile: subject, alternative names, identity extensions.

use const_oid::ObjectIdentifier;
use serde::Deserialize;
use unicode_normalization::is_nfc;

use super::{Faults, RawProfile};
use crate::domain::SubjectField;
use crate::profile::{IdentityRow, NameRow, Purposes, Source, Tagging, TextType, has_personal_number};
use crate::x509::oid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawName {
    attribute: String,
    field: Option<SubjectField>,
    otherwise: Option<SubjectField>,
    value: Option<String>,
    #[serde(rename = "type")]
    text: TextType,
    #[serde(default = "yes")]
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIdentity {
    oid: String,
    field: SubjectField,
    #[serde(rename = "type")]
    text: TextType,
    explicit: Option<u8>,
    implicit: Option<u8>,
    #[serde(default = "yes")]
    required: bool,
    #[serde(default)]
    personal: bool,
}

const fn yes() -> bool {
    true
}

use TextType::{Ia5, Printable, Utf8};

/// Attribute types by the names that people use (RFC 4519), with the ASN.1 strings and the length that RFC 5280
/// appendix A.1 lets them have.
const ATTRIBUTES: [(&str, &str, &[TextType], usize); 10] = [
    ("C", "2.5.4.6", &[Printable], 2),
    ("ST", "2.5.4.8", &[Printable, Utf8], 128),
    ("L", "2.5.4.7", &[Printable, Utf8], 128),
    ("O", "2.5.4.10", &[Printable, Utf8], 64),
    ("OU", "2.5.4.11", &[Printable, Utf8], 64),
    ("CN", "2.5.4.3", &[Printable, Utf8], 64),
    ("GN", "2.5.4.42", &[Printable, Utf8], 64),
    ("SN", "2.5.4.4", &[Printable, Utf8], 64),
    ("title", "2.5.4.12", &[Printable, Utf8], 64),
    ("serialNumber", "2.5.4.5", &[Printable], 64),
];

/// Of an attribute with an OID of someone's own.
const OTHER_MAX_CHARS: usize = 128;

/// The name that people use for an attribute type, or its OID.
pub(in crate::profile) fn attribute_name(oid: ObjectIdentifier) -> String {
    let dotted = oid.to_string();
    ATTRIBUTES.iter().find(|(_, known, ..)| *known == dotted).map_or(dotted, |(name, ..)| (*name).to_owned())
}

pub(super) fn names(raw: &RawProfile, faults: &mut Faults<'_>) -> Vec<NameRow> {
    let rows: Vec<_> = raw.subject.iter().filter_map(|row| name_row(row, faults)).collect();
    for (at, row) in rows.iter().enumerate() {
        // Organisational units stand one below the other (domain.md §1.2); nothing else stands twice.
        let repeated = if attribute_name(row.attribute) == "OU" {
            rows[..at].iter().any(|other| other.attribute == row.attribute && other.source == row.source)
        } else {
            rows[..at].iter().any(|other| other.attribute == row.attribute)
        };
        let name = attribute_name(row.attribute);
        faults.unless(!repeated, "twice", format!("subject: {name} stands there twice"));
        // Else nobody could tell from a certificate which of them it has.
        let doubtful = rows[..at].iter().any(|other| other.attribute == row.attribute && !other.required);
        faults.unless(!doubtful, "optional-first", format!("subject: {name}: the one that may be absent comes last"));
    }
    let told = rows.iter().any(|row| row.required && matches!(row.source, Source::Field { .. }));
    faults.unless(told, "no-subject", "subject: at least one attribute from the order must be required");
    rows
}

fn name_row(raw: &RawName, faults: &mut Faults<'_>) -> Option<NameRow> {
    let known = ATTRIBUTES.iter().find(|(name, ..)| *name == raw.attribute);
    let (dotted, types, max_chars) = match known {
        Some((_, dotted, types, most)) => (*dotted, *types, *most),
        None => (raw.attribute.as_str(), &[Printable, Utf8, Ia5][..], OTHER_MAX_CHARS),
    };
    let Ok(attribute) = ObjectIdentifier::new(dotted) else {
        faults.add("attribute", format!("subject: attribute {:?} is neither known nor an OID", raw.attribute));
        return None;
    };
    let name = &raw.attribute;
    if known.is_none() && dotted.starts_with("2.5.4.") {
        faults
            .add("attribute", format!("subject: {name} is an attribute of X.520 that has no place in a subject here"));
    }
    if !types.contains(&raw.text) {
        faults.add("text-type", format!("subject: {name} cannot have this type (RFC 5280 appendix A.1)"));
    }
    for field in raw.field.iter().chain(&raw.otherwise).filter(|field| field.is_personal()) {
        faults.add("personal", format!("subject: {field:?} may not stand in a name"));
    }
    let source = match (raw.field, raw.otherwise, &raw.value) {
        (Some(field), otherwise, None) => Source::Field { field, otherwise },
        (None, None, Some(value)) => {
            let fits = raw.text.can_hold(value) && is_nfc(value) && (1..=max_chars).contains(&value.chars().count());
            let country = name != "C" || value.bytes().all(|b| b.is_ascii_uppercase()) && value.len() == 2;
            let bare = value.trim() == value && !value.chars().any(char::is_control);
            let fits = fits && country && bare && !has_personal_number(value);
            faults.unless(fits, "literal", format!("subject: {name} cannot be {value:?}"));
            faults.unless(raw.required, "literal", format!("subject: {name} has a value, so it is always there"));
            Source::Literal(value.clone())
        }
        _ => {
            faults.add("source", format!("subject: {name} has either a field (and otherwise) or a value"));
            return None;
        }
    };
    Some(NameRow { attribute, source, text: raw.text, max_chars, required: raw.required })
}

pub(super) fn alternative_names(raw: &RawProfile, purposes: &Purposes, faults: &mut Faults<'_>) -> Vec<SubjectField> {
    let fields = &raw.alternative_names;
    for (at, field) in fields.iter().enumerate() {
        let known = matches!(field, SubjectField::DnsNames | SubjectField::IpAddresses);
        faults.unless(known, "alternative", format!("alternative_names: {field:?} is no name of a server"));
        let first = !fields[..at].contains(field);
        faults.unless(first, "twice", format!("alternative_names: {field:?} stands there twice"));
    }
    let serves = purposes.list.contains(&oid::SERVER_AUTH);
    let both = serves != fields.is_empty();
    faults.unless(both, "server-names", "alternative_names and the purpose server_auth go together (RFC 9525 §2)");
    fields.clone()
}

pub(super) fn identities(raw: &RawProfile, faults: &mut Faults<'_>) -> Vec<IdentityRow> {
    let rows: Vec<_> = raw.identity.iter().filter_map(|row| identity_row(row, raw.person, faults)).collect();
    faults.twice("identity", &rows.iter().map(|row| row.oid).collect::<Vec<_>>());
    rows
}

fn identity_row(raw: &RawIdentity, person: bool, faults: &mut Faults<'_>) -> Option<IdentityRow> {
    let oid = faults.oid("identity", &raw.oid)?;
    let pkix = ["2.5.29.", "1.3.6.1.5.5.7."].iter().any(|arc| raw.oid.starts_with(arc));
    faults.unless(!pkix, "pkix-arc", format!("identity: {oid} belongs to PKIX"));
    let tagging = match (raw.explicit, raw.implicit) {
        (None, None) => Tagging::Bare,
        (Some(number @ 0..=30), None) => Tagging::Explicit(number),
        (None, Some(number @ 0..=30)) => Tagging::Implicit(number),
        _ => {
            faults.add("tagging", format!("identity: {oid} has at most one of explicit and implicit, of 0 to 30"));
            Tagging::Bare
        }
    };
    if raw.field.is_personal() != raw.personal || raw.personal && !person {
        let what = "stands only in a profile with person = true, in a row with personal = true; other fields never do";
        faults.add("personal", format!("identity: {oid}: a personal number {what}"));
    }
    if matches!(raw.field, SubjectField::DnsNames | SubjectField::IpAddresses) {
        faults.add("identity-field", format!("identity: {oid}: names of a server are alternative names"));
    }
    Some(IdentityRow { oid, field: raw.field, text: raw.text, tagging, required: raw.required, personal: raw.personal })
}
