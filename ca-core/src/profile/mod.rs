//! Profiles: what a certificate of a kind looks like, as data.
//!
//! For: the authority, which issues nothing that a profile does not describe, and the linter, which holds the
//! result against it. A profile is a TOML file in `profiles/` (built in) or in a folder of the operator's.
//! Trusts the operator's files to mean what they say, after checking that they make sense: an attacker who
//! can modify them can change what units' certificates say, but not make a unit a CA. Never guesses: unknown
//! keys are faults, and all faults of all files are told at once.
//!
//! To add a profile: copy the nearest file, change `name` and what differs, name it in the ceremony file for
//! the issuers that may use it. An OID arc or an identity extension is data too.

mod conform;
mod parse;

use std::collections::BTreeMap;
use std::path::Path;

use const_oid::ObjectIdentifier;

pub use conform::Violation;
pub(crate) use conform::has_personal_number;

use crate::domain::{ProfileName, SubjectField};
use crate::keys::KeyKind;

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
    /// Unit or officer.
    EndEntity,
}

impl Kind {
    /// Whether it is a CA.
    #[must_use]
    pub const fn is_ca(self) -> bool {
        matches!(self, Self::Root | Self::Issuing)
    }
}

/// How long a certificate may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Whole Beijing days, at most so many years (`domain.md` §1.2).
    Years(u8),
    /// At most so many seconds.
    Seconds(i64),
}

/// How a text is written in ASN.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextType {
    /// PrintableString.
    Printable,
    /// UTF8String.
    Utf8,
}

impl TextType {
    /// Whether a text can be written so. X.680 §41.4: letters, digits and `'()+,-./:=?` and blank.
    #[must_use]
    pub fn can_hold(self, text: &str) -> bool {
        match self {
            Self::Printable => text.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b)),
            Self::Utf8 => true,
        }
    }
}

/// Where one attribute of the distinguished name comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRow {
    /// Attribute type, e.g. 2.5.4.3.
    pub attribute: ObjectIdentifier,
    /// From which field.
    pub field: SubjectField,
    /// From which field if that one is absent.
    pub otherwise: Option<SubjectField>,
    /// How it is written.
    pub text: TextType,
    /// Whether the order must have it.
    pub required: bool,
}

/// How the value of an identity extension is tagged; standards and field differ (`domain.md` §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagging {
    /// The string itself.
    Bare,
    /// The string inside `[n]`.
    Explicit(u8),
    /// `[n]` instead of the string's own tag.
    Implicit(u8),
}

/// Where one identity extension comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRow {
    /// The extension.
    pub oid: ObjectIdentifier,
    /// From which field.
    pub field: SubjectField,
    /// How it is written.
    pub text: TextType,
    /// How it is tagged.
    pub tagging: Tagging,
    /// Whether the order must have it.
    pub required: bool,
}

/// One profile, checked. Only [`Profiles`] makes one.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(crate) name: ProfileName,
    pub(crate) kind: Kind,
    pub(crate) keys: Vec<KeyKind>,
    pub(crate) key_usage: u16,
    pub(crate) extended_key_usage: Vec<ObjectIdentifier>,
    pub(crate) path_length: Option<u8>,
    pub(crate) crl_distribution_point: bool,
    pub(crate) ca_issuers: bool,
    pub(crate) ocsp: bool,
    pub(crate) policies: Vec<ObjectIdentifier>,
    pub(crate) term: Term,
    pub(crate) names: Vec<NameRow>,
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

    /// The profile of the encryption certificate that an order for this one makes as well.
    #[must_use]
    pub const fn encryption(&self) -> Option<&ProfileName> {
        None
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

    /// The fields that an order must bring, and those that it may.
    pub fn fields(&self) -> impl Iterator<Item = (SubjectField, bool)> {
        let names = self.names.iter().map(|row| (row.field, row.required && row.otherwise.is_none()));
        names.chain(self.identities.iter().map(|row| (row.field, row.required)))
    }
}

/// A fault of a profile file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct Fault {
    /// In which file.
    pub file: String,
    /// What is wrong, in words for the operator.
    pub what: String,
}

/// All faults of all files. The operator must mend them; nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} fault(s) in the profiles:{}", .0.len(), .0.iter().map(|fault| format!("\n  {fault}")).collect::<String>())]
pub struct Faults(pub Vec<Fault>);

/// All profiles by name.
#[derive(Clone, Debug)]
pub struct Profiles(BTreeMap<ProfileName, Profile>);

const BUILT_IN: [(&str, &str); 5] = [
    ("root.toml", include_str!("../../profiles/root.toml")),
    ("sub_ca.toml", include_str!("../../profiles/sub_ca.toml")),
    ("ocsp_responder.toml", include_str!("../../profiles/ocsp_responder.toml")),
    ("staff.toml", include_str!("../../profiles/staff.toml")),
    ("unit_sign.toml", include_str!("../../profiles/unit_sign.toml")),
];

impl Profiles {
    /// The profiles that ship with the program: `root`, `sub-ca`, `ocsp-responder`, `staff`, `unit-sign`.
    ///
    /// # Errors
    /// [`Faults`], which a test of this crate rules out.
    pub fn built_in() -> Result<Self, Faults> {
        Self::parse(BUILT_IN)
    }

    /// All `*.toml` of a folder, instead of the built-in ones.
    ///
    /// # Errors
    /// [`Faults`], also for a folder that cannot be read or has no profile.
    pub fn load(folder: &Path) -> Result<Self, Faults> {
        const MAX_FILE_BYTES: u64 = 256 * 1024;
        let fault = |path: &Path, what: String| Fault { file: path.display().to_string(), what };
        let unreadable = |error: std::io::Error| Faults(vec![fault(folder, error.to_string())]);
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        let (mut files, mut faults) = (Vec::new(), Vec::new());
        for path in paths {
            match std::fs::metadata(&path).map(|metadata| metadata.len()) {
                Ok(length) if length > MAX_FILE_BYTES => faults.push(fault(&path, "the file is too long".into())),
                _ => match std::fs::read_to_string(&path) {
                    Ok(text) => files.push((path.display().to_string(), text)),
                    Err(error) => faults.push(fault(&path, error.to_string())),
                },
            }
        }
        if files.is_empty() && faults.is_empty() {
            faults.push(fault(folder, "there is no *.toml".into()));
        }
        match Self::parse(files.iter().map(|(file, text)| (file.as_str(), text.as_str()))) {
            Ok(profiles) if faults.is_empty() => Ok(profiles),
            Ok(_) => Err(Faults(faults)),
            Err(Faults(more)) => Err(Faults(faults.into_iter().chain(more).collect())),
        }
    }

    /// Profiles from (file name, text).
    ///
    /// # Errors
    /// [`Faults`].
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Faults> {
        let (mut profiles, mut faults) = (BTreeMap::new(), Vec::new());
        for (file, text) in files {
            match parse::profile(text) {
                Ok(profile) if profiles.contains_key(&profile.name) => {
                    faults.push(Fault { file: file.into(), what: format!("{} stands there twice", profile.name) });
                }
                Ok(profile) => drop(profiles.insert(profile.name.clone(), profile)),
                Err(found) => faults.extend(found.into_iter().map(|what| Fault { file: file.into(), what })),
            }
        }
        if faults.is_empty() { Ok(Self(profiles)) } else { Err(Faults(faults)) }
    }

    /// The profile of this name.
    #[must_use]
    pub fn find(&self, name: &ProfileName) -> Option<&Profile> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_are_sound() {
        let profiles = Profiles::built_in().expect("sound");
        let names: Vec<_> = profiles.iter().map(|profile| profile.name().as_str()).collect();
        assert_eq!(names, ["ocsp-responder", "root", "staff", "sub-ca", "unit-sign"]);
    }

    #[test]
    fn relying_parties_read_the_identity_extensions_that_profiles_write() {
        let profiles = Profiles::built_in().expect("sound");
        for row in profiles.iter().flat_map(|profile| &profile.identities) {
            let known = (row.oid.to_string(), row.field);
            assert!(crate::chain::IDENTITY_EXTENSIONS.iter().any(|(oid, field)| (*oid, *field) == (&known.0, known.1)));
        }
    }

    #[test]
    fn all_faults_of_all_files_are_told_at_once() {
        let folder = tempfile::tempdir().expect("folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("write");
        write(
            "unit_sign.toml",
            &BUILT_IN[4].1.replace("\"P-256\", \"RSA-2048\"", "").replace("\"non_repudiation\"", "\"crl_sign\""),
        );
        write("other.toml", "name = \"x\"\nunknown = 1\n");
        write("twice.toml", BUILT_IN[3].1);
        write("again.toml", BUILT_IN[3].1);
        let faults = Profiles::load(folder.path()).expect_err("faults").to_string();
        for part in ["keys", "crl_sign", "unknown", "stands there twice", "4 fault(s)"] {
            assert!(faults.contains(part), "{part} in {faults}");
        }
        assert!(Profiles::load(&folder.path().join("none")).is_err());
    }
}
