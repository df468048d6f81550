//! Profiles: what a certificate of a kind looks like, as data.
//!
//! For: the authority, which issues nothing that a profile does not describe, and the linter, which holds the
//! result against it. A profile is a TOML file in `profiles/` (built in) or in a folder of the operator's.
//! Trusts the operator's files to mean what they say, after checking that they make sense: an attacker who
//! can modify them can change what units' certificates say, but not make a unit a CA. Never guesses: unknown
//! keys are faults, and all faults of all files are told at once.
//!
//! To add a profile: copy the nearest file, change `name` and what differs, name it in the ceremony file for
//! the issuers that may use it; look at it with `ca profile show`. An OID arc, a row of the subject or an identity
//! extension is data too.
//!
//! Two lists say who may use a profile, and both must agree: the issuer's own, fixed at the ceremony and kept in the
//! CA's database, and the profile's `issuers`, if it has one.

mod conform;
mod parse;
mod rows;
mod set;
mod show;
mod term;

use const_oid::ObjectIdentifier;

pub use conform::Violation;
pub(crate) use conform::has_personal_number;
pub use rows::{IdentityRow, NameRow, Source, Tagging, TextType};
pub use set::Profiles;
pub use term::{Begins, Ends, Term};

use crate::domain::{IssuerId, ProfileName, SubjectField};
use crate::keys::KeyKind;
use crate::x509::{KeyUsage, oid};

/// What sort of certificate a profile makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Self-signed CA.
    Root,
    /// CA under the root.
    Issuing,
    /// OCSP responder, short-lived, with no-check.
    Responder,
    /// Unit, person, officer or service.
    EndEntity,
}

impl Kind {
    /// Whether it is a CA.
    #[must_use]
    pub const fn is_ca(self) -> bool {
        matches!(self, Self::Root | Self::Issuing)
    }
}

/// keyUsage of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Whether the extension is critical.
    pub(crate) critical: bool,
    /// The bits, before those are left out that a kind of key cannot have.
    pub(crate) bits: u16,
}

/// extKeyUsage of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purposes {
    /// Whether the extension is critical.
    pub(crate) critical: bool,
    /// In the order in which they are written.
    pub(crate) list: Vec<ObjectIdentifier>,
}

/// A certificate policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Which.
    pub(crate) oid: ObjectIdentifier,
    /// Where its certification practice statement is.
    pub(crate) cps: Option<String>,
}

/// One profile, checked. Only [`Profiles`] makes one.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(crate) name: ProfileName,
    pub(crate) kind: Kind,
    pub(crate) person: bool,
    pub(crate) issuers: Option<Vec<IssuerId>>,
    pub(crate) encryption: Option<ProfileName>,
    pub(crate) keys: Vec<KeyKind>,
    pub(crate) key_usage: Usage,
    pub(crate) purposes: Purposes,
    pub(crate) path_length: Option<u8>,
    pub(crate) crl_distribution_point: bool,
    pub(crate) ca_issuers: bool,
    pub(crate) ocsp: bool,
    pub(crate) policies: Vec<Policy>,
    pub(crate) term: Term,
    pub(crate) names: Vec<NameRow>,
    pub(crate) alternative_names: Vec<SubjectField>,
    pub(crate) identities: Vec<IdentityRow>,
}

impl Profile {
    /// Its name in orders.
    #[must_use]
    pub const fn name(&self) -> &ProfileName {
        &self.name
    }

    /// What sort of certificate it makes.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Which keys it takes.
    #[must_use]
    pub fn keys(&self) -> &[KeyKind] {
        &self.keys
    }

    /// How long its certificates may live.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.term
    }

    /// The profile of the second certificate of a pair, if an order for this one makes a pair.
    #[must_use]
    pub const fn encryption(&self) -> Option<&ProfileName> {
        self.encryption.as_ref()
    }

    /// Whether its certificates are for encryption alone. Such a certificate comes only beside one for signatures,
    /// with a key of the key-management centre; an order for it by itself has no sense.
    #[must_use]
    pub const fn is_encryption(&self) -> bool {
        let signs = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION;
        self.key_usage.bits & ENCIPHERS != 0 && self.key_usage.bits & signs == 0
    }

    /// Whether it leaves this issuer in: the issuer must name the profile in its own list too.
    #[must_use]
    pub fn allows(&self, issuer: &IssuerId) -> bool {
        self.issuers.as_ref().is_none_or(|issuers| issuers.contains(issuer))
    }

    /// The bits of keyUsage in a certificate over a key of this kind.
    #[must_use]
    pub const fn key_usage(&self, kind: KeyKind) -> u16 {
        self.key_usage.bits & possible_usage(kind)
    }

    /// The fields that an order must bring, and those that it may.
    pub fn fields(&self) -> impl Iterator<Item = (SubjectField, bool)> {
        let names = self.names.iter().filter_map(|row| match row.source {
            Source::Field { field, otherwise } => Some((field, row.required && otherwise.is_none())),
            Source::Literal(_) => None,
        });
        let alternatives = self.alternative_names.iter().map(|field| (*field, false));
        names.chain(alternatives).chain(self.identities.iter().map(|row| (row.field, row.required)))
    }
}

/// The bits of which one must stand beside a purpose (RFC 5280 §4.2.1.12); all for a purpose of someone's own.
pub(crate) fn usage_for(purpose: ObjectIdentifier) -> u16 {
    const SIGNATURES: u16 = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION;
    match purpose {
        oid::SERVER_AUTH => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT,
        oid::CLIENT_AUTH => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT,
        oid::EMAIL_PROTECTION => SIGNATURES | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT,
        oid::TIME_STAMPING | oid::OCSP_SIGNING => SIGNATURES,
        _ => u16::MAX,
    }
}

/// The bits that make a certificate one for encryption.
pub(crate) const ENCIPHERS: u16 = KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT;

/// The bits that a certificate over a key of this kind may have. RSA agrees on no keys (RFC 3279 §2.3.1), NIST curves
/// encipher nothing (RFC 8813 §3); SM2 does all of it (GM/T 0003.4, GM/T 0015).
pub(crate) const fn possible_usage(kind: KeyKind) -> u16 {
    match kind {
        KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => !KeyUsage::KEY_AGREEMENT,
        KeyKind::P256 | KeyKind::P384 => !(KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT),
        KeyKind::Sm2 => !0,
    }
}
