//! The ceremony file: raw text, then a [`Plan`] that makes sense.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::domain::{IssuerId, ListKind, OfficeId, Officer, OfficerId, ProfileName, Role, Sha256, Sm2Id, duties};
use crate::keys::KeyKind;
use crate::settings::{self, Fault, Faults};

const MAX_FILE_BYTES: u64 = 256 * 1024;
/// As many as the two octets that choose a shard allow with an even spread.
const MAX_SHARDS: u16 = 256;

/// What a ceremony makes. Paths in it are relative to the folder of its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Name of the CA, for the transcript.
    pub name: String,
    /// Country of all CAs and officers, two capitals.
    pub country: String,
    /// Organisation of all CAs and officers.
    pub organisation: String,
    /// The roots: one as `[root]`, several as `[[root]]`, each of which is made with a hierarchy of its own, e.g. one
    /// of SM2 keys beside one of P-256.
    #[serde(rename = "root", deserialize_with = "one_or_several")]
    pub roots: Vec<RootPlan>,
    /// The issuing CAs; each gets a responder key.
    #[serde(rename = "issuer")]
    pub issuers: Vec<IssuerPlan>,
    /// The first officers.
    #[serde(rename = "officer")]
    pub officers: Vec<OfficerPlan>,
    /// Servers whose keys sign for years and are nobody's: of time stamps, of records.
    #[serde(rename = "server", default)]
    pub servers: Vec<ServerPlan>,
    /// SHA-256 of the file.
    #[serde(skip)]
    pub sha256: Option<Sha256>,
    /// Folder of the file.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// A root.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootPlan {
    /// Its name.
    pub id: IssuerId,
    /// Its common name.
    pub common_name: String,
    /// Its key.
    pub key: KeyKind,
    /// Under which id an SM2 key signs; without it the standard one. Who verifies must know it.
    #[serde(default)]
    pub sm2_id: Option<Sm2Id>,
    /// For how many years.
    pub years: u8,
    /// Its list is valid for so many days: the next ceremony must come before.
    pub crl_days: u16,
    /// File with the passphrase of its key, which is then taken away from the machine.
    pub passphrase_file: PathBuf,
}

/// An issuing CA.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerPlan {
    /// Its name.
    pub id: IssuerId,
    /// Which root signs its certificate; not needed where there is one.
    #[serde(default)]
    pub root: Option<IssuerId>,
    /// Its common name.
    pub common_name: String,
    /// Its key.
    pub key: KeyKind,
    /// Under which id an SM2 key signs certificates and lists; without it the standard one. Who verifies them must
    /// know it.
    #[serde(default)]
    pub sm2_id: Option<Sm2Id>,
    /// Label of the key that is made in the configured PKCS#11 module; without it a sealed file is made. A ceremony
    /// that fails after this leaves the key in the module: the next one needs another label.
    #[serde(default)]
    pub pkcs11: Option<String>,
    /// Kind of its responder's key: unless it says otherwise SM2 for an SM2 CA, and P-256, which signs fastest, for
    /// any other.
    #[serde(default)]
    pub responder_key: Option<KeyKind>,
    /// For how many years.
    pub years: u8,
    /// What it may sign on orders.
    pub profiles: Vec<ProfileName>,
    /// Into how many lists its certificates are divided besides the full one, 2 to 256; 0, the default: not at all.
    /// Fixed for good, for each certificate names its list. For CAs whose full list would be too big to fetch.
    #[serde(default)]
    pub crl_shards: u16,
}

impl RootPlan {
    /// Under which id its key signs, if it is an SM2 key.
    #[must_use]
    pub fn sm2_id(&self) -> Sm2Id {
        self.sm2_id.clone().unwrap_or_default()
    }
}

/// An officer, whose key was born in their token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerPlan {
    /// Who.
    pub id: OfficerId,
    /// Their name.
    pub name: String,
    /// Their office.
    pub office: OfficeId,
    /// Name of the office, for the certificate.
    pub office_name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Request of their token, DER or PEM.
    pub csr: PathBuf,
    /// Where their certificate goes, DER.
    pub certificate: PathBuf,
    /// Which CA issues it.
    pub issuer: IssuerId,
    /// For how many years.
    pub years: u8,
}

/// A server that made its own key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerPlan {
    /// Its common name.
    pub common_name: String,
    /// What its certificate looks like: `timestamp` or `evidence`.
    pub profile: ProfileName,
    /// Its request, DER or PEM.
    pub csr: PathBuf,
    /// Where its certificate goes, DER.
    pub certificate: PathBuf,
    /// Which CA issues it.
    pub issuer: IssuerId,
    /// For how many years.
    pub years: u8,
}

/// What a server of the ceremony's may be. Anything else is issued on the order of two officers.
const SERVER_PROFILES: [&str; 2] = ["timestamp", "evidence"];

impl IssuerPlan {
    /// Under which id its key signs, if it is an SM2 key.
    #[must_use]
    pub fn sm2_id(&self) -> Sm2Id {
        self.sm2_id.clone().unwrap_or_default()
    }

    /// What kind of key its responder gets.
    #[must_use]
    pub fn responder_key(&self) -> KeyKind {
        let fastest = if self.key == KeyKind::Sm2 { KeyKind::Sm2 } else { KeyKind::P256 };
        self.responder_key.unwrap_or(fastest)
    }
}

impl OfficerPlan {
    /// The officer for the registry.
    #[must_use]
    pub fn officer(&self) -> Officer {
        Officer { id: self.id.clone(), name: self.name.clone(), office: self.office.clone(), roles: self.roles.clone() }
    }
}

impl Plan {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// All [`Faults`]; whoever wrote it must mend them.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let file = path.display().to_string();
        let unreadable = |what: String| Faults(vec![Fault::new(&file, "unreadable", what)]);
        let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if length > MAX_FILE_BYTES {
            return Err(unreadable(format!("longer than {MAX_FILE_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&file, &text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads and checks a text whose paths are relative to `folder`. `file` is how faults call it.
    ///
    /// # Errors
    /// All [`Faults`] of it.
    pub fn parse(file: &str, text: &str, folder: &Path) -> Result<Self, Faults> {
        let reading = settings::from_toml::<Self>(file, text);
        let mut faults = reading.faults;
        let Some(mut plan) = reading.value else { return Err(Faults(faults)) };
        plan.sha256 = Some(Sha256(openssl::sha::sha256(text.as_bytes())));
        plan.folder = folder.to_owned();
        for root in &mut plan.roots {
            root.passphrase_file = folder.join(&root.passphrase_file);
        }
        for officer in &mut plan.officers {
            officer.csr = folder.join(&officer.csr);
            officer.certificate = folder.join(&officer.certificate);
        }
        for server in &mut plan.servers {
            server.csr = folder.join(&server.csr);
            server.certificate = folder.join(&server.certificate);
        }
        plan.check(|name, what| faults.push(Fault::new(file, name, what)));
        Faults::none(faults).map(|()| plan)
    }

    /// The root that signs an issuing CA's certificate: the one that it names, or the only one.
    #[must_use]
    pub fn root_of(&self, issuer: &IssuerPlan) -> Option<&RootPlan> {
        match (&issuer.root, &self.roots[..]) {
            (Some(id), roots) => roots.iter().find(|root| root.id == *id),
            (None, [root]) => Some(root),
            (None, _) => None,
        }
    }

    /// Tells everything that makes no sense.
    fn check(&self, mut fault: impl FnMut(&'static str, String)) {
        if self.roots.is_empty() {
            fault("no-root", "there is no root".into());
        }
        if self.issuers.is_empty() {
            fault("no-issuer", "there is no issuer".into());
        }
        let mut names = BTreeSet::new();
        for root in &self.roots {
            if !(1..=3 * 365).contains(&root.crl_days) {
                fault("crl-days", format!("{}: crl_days must be 1 to 1095", root.id));
            }
            if root.sm2_id.is_some() && root.key != KeyKind::Sm2 {
                fault("sm2-id", format!("{}: sm2_id is for SM2 keys", root.id));
            }
            if !names.insert(&root.id) {
                fault("twice", format!("root {} stands there twice", root.id));
            }
            if !self.issuers.iter().any(|issuer| self.root_of(issuer).is_some_and(|its| its.id == root.id)) {
                fault("idle-root", format!("{} signs no issuer", root.id));
            }
        }
        for issuer in &self.issuers {
            if !names.insert(&issuer.id) {
                fault("twice", format!("issuer {} stands there twice", issuer.id));
            }
            if !matches!(issuer.crl_shards, 0 | 2..=MAX_SHARDS) {
                fault("crl-shards", format!("{}: crl_shards must be 0 or 2 to {MAX_SHARDS}", issuer.id));
            }
            if issuer.sm2_id.is_some() && issuer.key != KeyKind::Sm2 {
                fault("sm2-id", format!("{}: sm2_id is for SM2 keys", issuer.id));
            }
            if issuer.pkcs11.is_some() && issuer.key == KeyKind::Sm2 {
                let what = format!("{}: PKCS#11 has no SM2 mechanism; an SM2 key must be a sealed file", issuer.id);
                fault("module-key", what);
            }
            match self.root_of(issuer) {
                None => fault("root", format!("{}: root must name one of the roots", issuer.id)),
                Some(root) if issuer.years > root.years => {
                    fault("outlives", format!("{} would outlive {}", issuer.id, root.id));
                }
                Some(_) => {}
            }
        }
        // Else one CA's list would stand where another's belongs.
        for name in names {
            if ListKind::of_file(&format!("{name}.crl")).is_none_or(|(_, kind)| kind != ListKind::Full) {
                fault(
                    "list-name",
                    format!("{name} reads like the name of a list: it must not end in -delta or -s and digits"),
                );
            }
        }
        let mut people = BTreeSet::new();
        let mut paths = BTreeSet::new();
        for officer in &self.officers {
            if !people.insert(&officer.id) {
                fault("twice", format!("officer {} stands there twice", officer.id));
            }
            if !paths.insert(&officer.certificate) {
                fault("same-file", format!("{} is the certificate of two officers", officer.certificate.display()));
            }
            if officer.roles.is_empty() {
                fault("no-role", format!("{} has no role", officer.id));
            }
            if let Some((one, other)) = duties::conflict(&officer.roles) {
                fault("duties", format!("{} cannot be {one} and {other}", officer.id));
            }
            match self.issuers.iter().find(|issuer| issuer.id == officer.issuer) {
                None => fault("unknown-issuer", format!("{}: there is no issuer {}", officer.id, officer.issuer)),
                Some(issuer) if !issuer.profiles.iter().any(|profile| profile.as_str() == "staff") => {
                    fault(
                        "no-staff-issuer",
                        format!("{}: {} does not sign staff certificates", officer.id, officer.issuer),
                    );
                }
                Some(_) => {}
            }
        }
        for server in &self.servers {
            let (name, profile) = (&server.common_name, &server.profile);
            if !paths.insert(&server.certificate) {
                fault("same-file", format!("{} is the certificate of two holders", server.certificate.display()));
            }
            if !SERVER_PROFILES.contains(&profile.as_str()) {
                fault("server-profile", format!("{name}: the profile must be {}", SERVER_PROFILES.join(" or ")));
            }
            match self.issuers.iter().find(|issuer| issuer.id == server.issuer) {
                None => fault("unknown-issuer", format!("{name}: there is no issuer {}", server.issuer)),
                Some(issuer) if !issuer.profiles.contains(profile) => {
                    fault("no-server-issuer", format!("{name}: {} does not sign {profile}", server.issuer));
                }
                Some(_) => {}
            }
        }
        let administrators = self.officers.iter().filter(|officer| officer.roles.contains(&Role::Administrator));
        if administrators.count() < 2 {
            fault(
                "administrators",
                "two administrators are needed: without them the registry could never be changed".into(),
            );
        }
    }
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RootPlan>, D::Error> {
    struct Roots;

    impl<'de> Visitor<'de> for Roots {
        type Value = Vec<RootPlan>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("[root], or [[root]] for each of several")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            RootPlan::deserialize(MapAccessDeserializer::new(map)).map(|root| vec![root])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }

    deserializer.deserialize_any(Roots)
}
