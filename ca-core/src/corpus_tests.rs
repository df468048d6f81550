//! Malformed requests, statements, profiles, ceremony files and configurations of authority and key-management centre:
//! each has its own error, with all its faults at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::ceremony::Plan;
use crate::config::Config;
use crate::domain::{Order, Recovery, Sha256, decode};
use crate::escrow::config::KmcConfig;
use crate::keys::csr;
use crate::profile::Profiles;
use crate::settings::Faults;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn names(faults: &Faults) -> String {
    faults.0.iter().map(|fault| format!("  {} [{}]\n", fault.what, fault.name)).collect()
}

/// A centre with these officers.
fn officers(path: &Path) -> Result<BTreeSet<Sha256>, Faults> {
    let good = "database_url = \"sqlite:kmc.db\"\nofficers_file = \"officers.toml\"\n[socket]\npath = \"kmc.socket\"\n\
                [sealing]\ndir = \"keys\"\npassphrase_file = \"kmc\"\n[authority]\nsocket = \"ca.socket\"\n\
                [audit]\ndir = \"audit\"\n";
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), good).expect("writable");
    let centre = KmcConfig { officers_file: path.to_owned(), ..KmcConfig::load(file.path())? };
    centre.officers()
}

/// What a file is told, or `None` if it was taken.
fn told(kind: &str, path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).expect("readable");
    let text = String::from_utf8_lossy(&bytes);
    match kind {
        "csr" => csr::prove(&bytes).err().map(|error| format!("  {error}\n")),
        "order" => decode::<Order>(&bytes).err().map(|error| format!("  {error}\n")),
        "profile" => Profiles::parse([("file", &*text)]).err().map(|faults| names(&faults)),
        "ceremony" => Plan::parse("file", &text, Path::new("")).err().map(|faults| names(&faults)),
        "recovery" => decode::<Recovery>(&bytes).err().map(|error| format!("  {error}\n")),
        "kmc" => KmcConfig::load(path).err().map(|faults| names(&faults)),
        "officers" => officers(path).err().map(|faults| names(&faults)),
        _ => Config::load(path).err().map(|faults| names(&faults)),
    }
}

#[test]
fn every_malformed_file_is_refused_by_name_with_all_its_faults() {
    let mut answers = BTreeMap::new();
    for kind in ["ceremony", "configuration", "csr", "kmc", "officers", "order", "profile", "recovery"] {
        for entry in std::fs::read_dir(folder().join(kind)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = format!("{kind}/{}", path.file_name().expect("a name").to_string_lossy());
            answers.insert(name.clone(), told(kind, &path).unwrap_or_else(|| panic!("{name} was taken")));
        }
    }
    let mut different: Vec<&String> = answers.values().collect();
    different.sort_unstable();
    assert!(different.windows(2).all(|pair| pair[0] != pair[1]), "two files have the same error: {answers:#?}");
    let all: String = answers.iter().map(|(name, told)| format!("{name}\n{told}")).collect();
    let expected = folder().join("expected.txt");
    if std::env::var("CORPUS").is_ok_and(|wish| wish == "write") {
        std::fs::write(&expected, &all).expect("writable");
    }
    assert_eq!(all, std::fs::read_to_string(&expected).expect("readable"));
}
