//! All profiles together: reading them, and what must hold between them.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Kind, Profile, parse};
use crate::domain::{IssuerId, ProfileName};
use crate::settings::{Fault, Faults};

const MAX_FILE_BYTES: u64 = 256 * 1024;

/// All profiles by name.
#[derive(Clone, Debug)]
pub struct Profiles(BTreeMap<ProfileName, Profile>);

pub(super) const BUILT_IN: [(&str, &str); 10] = [
    ("evidence.toml", include_str!("../../profiles/evidence.toml")),
    ("ocsp_responder.toml", include_str!("../../profiles/ocsp_responder.toml")),
    ("person.toml", include_str!("../../profiles/person.toml")),
    ("root.toml", include_str!("../../profiles/root.toml")),
    ("staff.toml", include_str!("../../profiles/staff.toml")),
    ("sub_ca.toml", include_str!("../../profiles/sub_ca.toml")),
    ("timestamp.toml", include_str!("../../profiles/timestamp.toml")),
    ("tls_server.toml", include_str!("../../profiles/tls_server.toml")),
    ("unit_encrypt.toml", include_str!("../../profiles/unit_encrypt.toml")),
    ("unit_sign.toml", include_str!("../../profiles/unit_sign.toml")),
];

impl Profiles {
    /// The profiles that ship with the program.
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
        let fault = |path: &Path, what: String| Fault { file: path.display().to_string(), name: "unreadable", what };
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
        let (mut profiles, mut faults) = (BTreeMap::<ProfileName, (&str, Profile)>::new(), Vec::new());
        for (file, text) in files {
            match parse::profile(file, text) {
                Ok(profile) => match profiles.get(&profile.name) {
                    Some((other, _)) => {
                        let what = format!("{} stands in {other} too", profile.name);
                        faults.push(Fault { file: file.into(), name: "same-name", what });
                    }
                    None => drop(profiles.insert(profile.name.clone(), (file, profile))),
                },
                Err(found) => faults.extend(found),
            }
        }
        // With a file missing, faults between files would mislead.
        if faults.is_empty() {
            faults.extend(profiles.values().flat_map(|(file, profile)| pair_faults(file, profile, &profiles)));
        }
        let profiles = profiles.into_iter().map(|(name, (_, profile))| (name, profile)).collect();
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

    /// Holds the issuers' own lists against the profiles.
    ///
    /// # Errors
    /// [`Faults`], under the name of the issuer: a list names a profile that is not there, is not for it to sign, or
    /// has a second profile that the list does not name.
    pub fn agree<'a>(
        &self,
        issuers: impl IntoIterator<Item = (&'a IssuerId, &'a [ProfileName])>,
    ) -> Result<(), Faults> {
        let mut faults = Vec::new();
        for (issuer, names) in issuers {
            let mut fault = |name, what: String| faults.push(Fault { file: format!("issuer {issuer}"), name, what });
            for name in names {
                let Some(profile) = self.find(name) else {
                    fault("no-profile", format!("there is no profile {name}"));
                    continue;
                };
                if profile.kind.is_ca() {
                    fault("ca-profile", format!("{name} makes CAs: only a ceremony does that"));
                }
                if !profile.allows(issuer) {
                    fault("not-allowed", format!("{name} does not name it among its issuers"));
                }
                if let Some(second) = profile.encryption()
                    && !names.contains(second)
                {
                    fault("half-pair", format!("{name} makes pairs with {second}, which is not in its list"));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

/// What must hold between the two profiles of a pair (GM/T 0015; `domain.md` §1.4): same subject, same validity, same
/// kinds of key, the second for encryption alone.
fn pair_faults(file: &str, first: &Profile, profiles: &BTreeMap<ProfileName, (&str, Profile)>) -> Vec<Fault> {
    let Some(name) = first.encryption() else { return Vec::new() };
    let fault = |what: &str| Fault { file: file.into(), name: "pair", what: format!("encryption: {name} {what}") };
    let Some((_, second)) = profiles.get(name) else { return vec![fault("is not there")] };
    let demands = [
        (second.kind == Kind::EndEntity && second.is_encryption(), "is not for encryption alone"),
        (second.encryption.is_none(), "has a pair of its own"),
        (second.names == first.names, "has another subject"),
        (second.identities == first.identities, "has other identity extensions"),
        (second.alternative_names == first.alternative_names, "has other alternative names"),
        (second.term == first.term, "has another validity"),
        (first.keys.iter().all(|kind| second.keys.contains(kind)), "does not take all kinds of key"),
        (second.issuers == first.issuers, "has other issuers"),
    ];
    demands.into_iter().filter(|(good, _)| !good).map(|(_, what)| fault(what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(file: &str) -> &'static str {
        BUILT_IN.iter().find(|(name, _)| *name == file).expect("there").1
    }

    #[test]
    fn the_built_in_profiles_are_sound() {
        let profiles = Profiles::built_in().expect("sound");
        let names: Vec<_> = profiles.iter().map(|profile| profile.name().as_str()).collect();
        assert_eq!(
            names,
            [
                "evidence",
                "ocsp-responder",
                "person",
                "root",
                "staff",
                "sub-ca",
                "timestamp",
                "tls-server",
                "unit-encrypt",
                "unit-sign"
            ]
        );
    }

    #[test]
    fn no_profile_of_ours_but_that_of_persons_has_a_place_for_personal_numbers() {
        for profile in Profiles::built_in().expect("sound").iter().filter(|profile| profile.name.as_str() != "person") {
            assert!(profile.fields().all(|(field, _)| !field.is_personal()), "{}", profile.name);
        }
    }

    #[test]
    fn relying_parties_read_the_identity_extensions_that_profiles_write() {
        let profiles = Profiles::built_in().expect("sound");
        for row in profiles.iter().flat_map(|profile| &profile.identities).filter(|row| !row.personal) {
            let known = (row.oid.to_string(), row.field);
            assert!(crate::chain::IDENTITY_EXTENSIONS.iter().any(|(oid, field)| (*oid, *field) == (&known.0, known.1)));
        }
    }

    #[test]
    fn all_faults_of_all_files_are_told_at_once() {
        let folder = tempfile::tempdir().expect("folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("write");
        let staff = built_in("staff.toml");
        write("staff.toml", &staff.replacen("keys = [", "keys = [] # [", 1).replace("non_repudiation", "crl_sign"));
        write("other.toml", "name = \"x\"\nunknown = 1\n");
        write("twice.toml", built_in("root.toml"));
        write("again.toml", built_in("root.toml"));
        let faults = Profiles::load(folder.path()).expect_err("faults");
        let names: Vec<_> = faults.0.iter().map(|fault| fault.name).collect();
        for name in ["no-key", "only-ca", "unknown-key", "missing-key", "same-name"] {
            assert!(names.contains(&name), "{name} in {faults}");
        }
        assert!(Profiles::load(&folder.path().join("none")).is_err());
    }

    const SIGN: &str = include_str!("../../profiles/unit_sign.toml");
    const ENCRYPT: &str = include_str!("../../profiles/unit_encrypt.toml");

    /// The profile with a second one, whether it ships so or not.
    fn paired(first: &str) -> String {
        let alone = first.replacen("encryption = \"unit-encrypt\"\n", "", 1);
        alone.replacen("keys = ", "encryption = \"unit-encrypt\"\nkeys = ", 1)
    }

    fn pair(first: &str, second: &str) -> Vec<String> {
        let first = paired(first);
        let parsed = Profiles::parse([("first", first.as_str()), ("second", second)]);
        parsed.err().map(|faults| faults.0.into_iter().map(|fault| fault.to_string()).collect()).unwrap_or_default()
    }

    #[test]
    fn the_two_profiles_of_a_pair_differ_in_the_use_of_the_key_alone() {
        assert_eq!(pair(SIGN, ENCRYPT), Vec::<String>::new());
        for (from, to, told) in [
            ("name = \"unit-encrypt\"", "name = \"other\"", "is not there"),
            (
                "[\"key_encipherment\", \"data_encipherment\", \"key_agreement\"]",
                "[\"digital_signature\"]",
                "not for encryption alone",
            ),
            ("attribute = \"ST\"", "attribute = \"title\"", "another subject"),
            ("max_years = 5", "max_years = 4", "another validity"),
            ("\"P-256\", ", "", "all kinds of key"),
            ("keys = ", "issuers = [\"elsewhere\"]\nkeys = ", "other issuers"),
            ("oid = \"1.2.156.10260.4.1.4\"", "oid = \"1.2.156.10260.4.4\"", "other identity extensions"),
        ] {
            assert!(ENCRYPT.contains(from), "{from}");
            let faults = pair(SIGN, &ENCRYPT.replacen(from, to, 1));
            assert!(faults.iter().any(|fault| fault.contains(told)), "{told}: {faults:?}");
        }
    }

    #[test]
    fn issuers_and_profiles_must_agree() {
        let alone = SIGN.replacen("encryption = \"unit-encrypt\"\n", "", 1);
        let bound = alone.replacen("keys = ", "issuers = [\"unit-sm2\"]\nkeys = ", 1);
        let paired = paired(SIGN).replacen("name = \"unit-sign\"", "name = \"paired\"", 1);
        let profiles = Profiles::parse([
            ("a", bound.as_str()),
            ("b", ENCRYPT),
            ("c", paired.as_str()),
            ("d", built_in("sub_ca.toml")),
        ]);
        let profiles = profiles.expect("sound");
        let names = |list: &[&str]| list.iter().map(|name| ProfileName::new(name).expect("name")).collect::<Vec<_>>();
        let issuer = |name| IssuerId::new(name).expect("name");
        let (sm2, p256) = (issuer("unit-sm2"), issuer("unit-p256"));
        let good = names(&["unit-sign", "unit-encrypt", "paired"]);
        assert_eq!(profiles.agree([(&sm2, &good[..])]), Ok(()));
        let bad = names(&["unit-sign", "paired", "gone", "sub-ca"]);
        let faults = profiles.agree([(&p256, &bad[..])]).expect_err("faults");
        let mut told: Vec<_> = faults.0.iter().map(|fault| fault.name).collect();
        told.sort_unstable();
        assert_eq!(told, ["ca-profile", "half-pair", "no-profile", "not-allowed"]);
    }
}
