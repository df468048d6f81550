//! Holds the rules of ARCHITECTURE.md about who may import what, so that they stay true without a reviewer.
//!
//! Reads source text, manifests and `cargo metadata`; starts nothing. Code under `#[cfg(test)]` is free.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use journeys::programs::{must, run};

/// The crates that ship, and what of ours each may depend on.
const CRATES: [(&str, &[&str]); 4] =
    [("ca-core", &[]), ("ocsp", &["ca-core"]), ("ra-web", &["ca-core", "ocsp"]), ("token-provisioner", &["ca-core"])];

/// Folders at the top: the owner's five, and docs and scripts. Hidden ones are `.ci` alone.
const TOP: [&str; 8] = [".ci", "ca-core", "docs", "ocsp", "ra-web", "scripts", "tests", "token-provisioner"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// Every file under version control or new and not ignored, relative to the root.
fn files() -> anyhow::Result<Vec<String>> {
    let list =
        must(Command::new("git").current_dir(root()).args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let files: Vec<String> = list.lines().filter(|f| root().join(f).is_file()).map(str::to_owned).collect();
    anyhow::ensure!(files.len() > 20, "git lists {} files only", files.len());
    Ok(files)
}

/// The lines of code of a file: no comments, and nothing from its inline test module on.
fn code(file: &str) -> anyhow::Result<Vec<(usize, String)>> {
    let text = std::fs::read_to_string(root().join(file)).with_context(|| file.to_owned())?;
    let lines: Vec<&str> = text.lines().collect();
    let inline = |at: usize| lines[at].trim() == "#[cfg(test)]" && lines.get(at + 1).is_some_and(|l| l.ends_with('{'));
    let end = (0..lines.len()).find(|at| inline(*at)).unwrap_or(lines.len());
    let shipped = lines[..end].iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    Ok(shipped.map(|(number, line)| (number + 1, (*line).to_owned())).collect())
}

/// Where in `file` the code names the crate or module `name` (`name::…`, `use name;`).
fn mentions(file: &str, name: &str) -> anyhow::Result<Vec<String>> {
    let path = format!("{name}::");
    let found = code(file)?.into_iter().filter(|(_, line)| {
        line.match_indices(&path)
            .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
            || line.trim() == format!("use {name};")
    });
    Ok(found.map(|(number, line)| format!("{file}:{number}: {}", line.trim())).collect())
}

/// Rust files that ship in `folder`: not those that hold tests only.
fn sources(folder: &str) -> anyhow::Result<Vec<String>> {
    let prefix = format!("{folder}/src/");
    let ships = |file: &String| {
        let tests = file.ends_with("tests.rs") || file.ends_with("testing.rs") || file.contains("/tests/");
        file.starts_with(&prefix) && file.ends_with(".rs") && !tests
    };
    Ok(files()?.into_iter().filter(ships).collect())
}

fn nothing_found(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// Whether a part of the path, or the file's stem, satisfies `is`.
fn lies_in(file: &str, is: impl Fn(&str) -> bool) -> bool {
    file.trim_end_matches(".rs").split('/').skip(2).any(is)
}

#[test]
fn domain_knows_no_runtime_no_storage_and_no_clock() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in sources("ca-core")?.iter().filter(|f| f.starts_with("ca-core/src/domain/")) {
        let outside = ["tokio", "sqlx", "axum", "tracing", "openssl", "cryptoki", "std::fs", "std::time::SystemTime"];
        let ours = ["crate::clock", "crate::config", "crate::service", "crate::signer", "crate::sql", "crate::store"];
        for name in outside.iter().chain(&ours) {
            found.extend(mentions(file, name)?);
        }
    }
    nothing_found("domain/ is pure", &found);
    Ok(())
}

#[test]
fn sqlx_stays_in_sql_folders() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for (krate, _) in CRATES {
        for file in sources(krate)? {
            if !lies_in(&file, |part| part == "sql") {
                found.extend(mentions(&file, "sqlx")?);
                found.extend(mentions(&file, "rusqlite")?);
            }
        }
    }
    nothing_found("sqlx and rusqlite are named in sql/ only", &found);
    Ok(())
}

#[test]
fn axum_stays_at_the_edges() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for (krate, _) in CRATES {
        for file in sources(krate)? {
            let edge = |part: &str| part.starts_with("http") || matches!(part, "agent" | "app" | "operations" | "page");
            if !lies_in(&file, edge) {
                found.extend(mentions(&file, "axum")?);
            }
        }
    }
    nothing_found("axum is named in http*, app, page, operations and agent only", &found);
    Ok(())
}

#[test]
fn stripe_stays_in_one_file() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in sources("ra-web")?.iter().filter(|file| !file.ends_with("payment/stripe.rs")) {
        for name in ["stripe_checkout", "stripe_client_core", "stripe_shared", "stripe_types"] {
            found.extend(mentions(file, name)?);
        }
    }
    nothing_found("the provider of payment is a port; stripe.rs alone knows Stripe", &found);
    Ok(())
}

#[test]
fn lettre_stays_in_one_file() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in sources("ra-web")?.iter().filter(|file| !file.ends_with("mail/smtp.rs")) {
        found.extend(mentions(file, "lettre")?);
    }
    nothing_found("the mail server is a port; smtp.rs alone knows lettre", &found);
    Ok(())
}

#[test]
fn fund_module_knows_nothing_of_the_registration_office() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in sources("ra-web")?.iter().filter(|f| f.contains("/fund/")) {
        for module in [
            "crate::enrolment",
            "crate::renewal",
            "crate::payment",
            "crate::tokens",
            "crate::store",
            "crate::invoice",
            "crate::mail",
        ] {
            found.extend(mentions(file, module)?);
        }
        found.extend(mentions(file, "ca_core::service")?);
        // The office's tables; how a set of migrations is made is the crate's.
        found.extend(mentions(file, "crate::sql")?.into_iter().filter(|l| !l.contains("crate::sql::migrations(")));
    }
    nothing_found("fund/ has its own store and knows the CA over OCSP alone", &found);
    Ok(())
}

#[test]
fn bank_statements_are_read_by_code_that_knows_neither_office_nor_fund() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in sources("ra-web")?.iter().filter(|file| file.contains("/statement/")) {
        for module in ["crate::enrolment", "crate::payment", "crate::fund", "crate::store", "crate::sql", "crate::http"]
        {
            found.extend(mentions(file, module)?);
        }
    }
    nothing_found("statement/ serves both", &found);
    Ok(())
}

#[test]
fn crates_depend_only_downwards() -> anyhow::Result<()> {
    let names: BTreeSet<&str> = CRATES.iter().map(|(name, _)| *name).collect();
    for (krate, allowed) in CRATES {
        let manifest: toml::Table = std::fs::read_to_string(root().join(krate).join("Cargo.toml"))?.parse()?;
        let dependencies = manifest["dependencies"].as_table().context("dependencies")?;
        for name in dependencies.keys().filter(|name| names.contains(name.as_str())) {
            assert!(allowed.contains(&name.as_str()), "{krate} must not depend on {name}");
        }
    }
    Ok(())
}

#[test]
fn web_is_built_without_the_code_that_signs() -> anyhow::Result<()> {
    let tree = must(Command::new(env!("CARGO")).current_dir(root()).args([
        "tree",
        "--locked",
        "--offline",
        "-p",
        "ra-web",
        "-e",
        "normal,features",
        "-i",
        "ca-core",
        "--prefix",
        "none",
    ]))?;
    assert!(tree.contains("ra-web v"), "cargo tree shows who uses ca-core:\n{tree}");
    for feature in ["sign", "pkcs11", "default"] {
        let line = format!("ca-core feature \"{feature}\"");
        assert!(!tree.contains(&line), "`cargo build -p ra-web` enables {line}:\n{tree}");
    }
    Ok(())
}

/// Every function that sees a private key as octets, and what it does with them. The keys of `envelope` and `escrow`
/// are encryption keys, which are made to be escrowed; those of `signer` and the tokens are signature keys.
const SEE_PRIVATE_OCTETS: [(&str, &str, &str); 15] = [
    ("ca-core/src/envelope/key.rs", "generate", "makes an encryption key"),
    ("ca-core/src/envelope/key.rs", "from_sm2", "keeps an encryption key"),
    ("ca-core/src/envelope/key.rs", "pkcs8_der", "gives an encryption key to the functions here"),
    ("ca-core/src/envelope/mod.rs", "wrap", "seals an encryption key for one signature key"),
    ("ca-core/src/escrow/seal.rs", "seal", "seals an encryption key for the centre's database"),
    ("ca-core/src/signer/sm2.rs", "to_pkcs8", "for soft.rs, and no further"),
    ("ca-core/src/signer/sm2.rs", "is_last", "looks whether a key is one"),
    ("ca-core/src/signer/soft.rs", "pkcs8", "for the next two, and no further"),
    ("ca-core/src/signer/soft.rs", "seal", "seals under a passphrase"),
    ("ca-core/src/signer/soft.rs", "perform", "opens what was wrapped to the key"),
    ("ra-web/src/selfcare/loss.rs", "found", "seals the loss desk's key into its file"),
    ("token-provisioner/src/driver/pkcs11/encryption.rs", "objects", "imports an encryption key"),
    ("token-provisioner/src/driver/pkcs11/encryption.rs", "ec_parts", "imports an encryption key"),
    ("token-provisioner/src/driver/soft/mod.rs", "generate", "seals into the token's file"),
    ("token-provisioner/src/driver/soft/mod.rs", "import", "seals an encryption key into the token's file"),
];

/// How OpenSSL, RustCrypto and our own code turn a private key into octets.
const TO_OCTETS: [&str; 7] =
    ["private_key_to_", "to_pkcs8", "to_sec1_der", ".private_key()", ".pkcs8()", "pkcs8_der(", "_nonzero_scalar()"];

/// The functions of a file that turn a private key into octets, with the line that declares each.
fn see_private_octets(file: &str) -> anyhow::Result<BTreeSet<(String, String)>> {
    let (mut found, mut inside, mut declared) = (BTreeSet::new(), String::new(), String::new());
    for (_, line) in code(file)? {
        if let Some((_, rest)) = line.split_once("fn ") {
            inside = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            line.trim().clone_into(&mut declared);
        }
        // Reading a key is not giving it.
        let line = line.replace("from_pkcs8_der(", "");
        if TO_OCTETS.iter().any(|word| line.contains(word)) {
            found.insert((inside.clone(), declared.clone()));
        }
    }
    Ok(found)
}

#[test]
fn no_function_gives_a_private_key_away() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for (krate, _) in CRATES {
        for file in sources(krate)? {
            for (function, declared) in see_private_octets(&file)? {
                let known = SEE_PRIVATE_OCTETS.iter().any(|(f, name, _)| *f == file && *name == function);
                if !known {
                    found.push(format!("{file}: {function} turns a private key into octets"));
                }
                // What leaves these is sealed, or an answer that the key gave.
                let gives_no_key = ["seal", "perform"].contains(&function.as_str());
                if file.contains("/signer/") && !gives_no_key && declared.starts_with("pub") {
                    let inside = declared.starts_with("pub(super)");
                    if !inside {
                        found.push(format!("{file}: {function} can be called from outside"));
                    }
                }
            }
        }
    }
    nothing_found("private keys leave no function as octets", &found);
    Ok(())
}

#[test]
fn keys_in_tokens_cannot_be_taken_out() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in ["ca-core", "token-provisioner"].map(sources).into_iter().collect::<Result<Vec<_>, _>>()?.concat() {
        let lines = code(&file)?;
        for (number, line) in &lines {
            let near =
                |text: &str| lines.iter().any(|(other, line)| other.abs_diff(*number) < 12 && line.contains(text));
            // A secret of one agreement is told; nothing else is.
            if line.contains("Attribute::Extractable(true)") && !near("ObjectClass::SECRET_KEY") {
                found.push(format!("{file}:{number}: {}", line.trim()));
            }
            if line.contains("Attribute::Sensitive(false)") && !near("ObjectClass::SECRET_KEY") {
                found.push(format!("{file}:{number}: {}", line.trim()));
            }
            if line.contains(".generate_key_pair(") && !lines.iter().any(|(_, l)| l.contains("Extractable(false)")) {
                found.push(format!("{file}:{number}: a key without Extractable(false)"));
            }
        }
    }
    nothing_found("a token's private keys are sensitive and not extractable", &found);
    Ok(())
}

#[test]
fn secrets_are_never_printed() -> anyhow::Result<()> {
    let secret = ["SoftKey", "Sm2Key", "EncryptionKey", "SealingKey", "Passphrase", "Pin", "Material"];
    let mut found = Vec::new();
    for (krate, _) in CRATES {
        for file in sources(krate)? {
            let lines = code(&file)?;
            for (at, (number, line)) in lines.iter().enumerate() {
                let declares = |name: &&str| {
                    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
                    words.windows(2).any(|pair| matches!(pair[0], "struct" | "enum") && pair[1] == *name)
                        || line.contains(&format!("Debug for {name} "))
                        || line.contains(&format!("Display for {name} "))
                };
                if !secret.iter().any(declares) {
                    continue;
                }
                let derives = lines[at.saturating_sub(3)..at].iter().any(|(_, l)| {
                    l.trim_start().starts_with("#[derive(") && (l.contains("Debug") || l.contains("Serialize"))
                });
                // One that writes the name alone says nothing.
                let writes = line.contains(" for ") && !lines[at..].iter().take(3).any(|(_, l)| l.contains("(…)"));
                if derives || writes {
                    found.push(format!("{file}:{number}: {}", line.trim()));
                }
            }
        }
    }
    nothing_found("no secret has Debug, Display or Serialize", &found);
    Ok(())
}

#[test]
fn licences_and_sources_are_those_of_deny_toml() -> anyhow::Result<()> {
    let deny: toml::Table = std::fs::read_to_string(root().join("deny.toml"))?.parse()?;
    let words = |list: &toml::Value| -> anyhow::Result<BTreeSet<String>> {
        Ok(list.clone().try_into::<Vec<String>>()?.into_iter().collect())
    };
    let allowed = words(&deny["licenses"]["allow"])?;
    let exceptions = deny["licenses"]["exceptions"].as_array().context("exceptions")?;
    let banned = deny["bans"]["deny"].as_array().context("deny")?;
    let metadata = run(
        Command::new(env!("CARGO")).current_dir(root()).args([
            "metadata",
            "--locked",
            "--offline",
            "--format-version",
            "1",
        ]),
        Duration::from_secs(60),
    )?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout)?;
    let packages = metadata["packages"].as_array().context("packages")?;
    assert!(packages.len() > 100, "{} packages", packages.len());
    // Ours have no source; all others come from the one registry that cargo uses by itself.
    let sources: BTreeSet<&str> = packages.iter().filter_map(|package| package["source"].as_str()).collect();
    assert!(sources.len() == 1 && sources.iter().all(|source| source.starts_with("registry+")), "{sources:?}");
    for package in packages {
        let name = package["name"].as_str().context("name")?;
        assert!(!banned.iter().any(|b| b["name"].as_str() == Some(name)), "{name} is banned by deny.toml");
        let mut allowed = allowed.clone();
        for exception in exceptions.iter().filter(|e| e["crate"].as_str() == Some(name)) {
            allowed.extend(words(&exception["allow"])?);
        }
        let licence = package["license"].as_str().with_context(|| format!("{name} states no licence"))?;
        assert!(satisfied(licence, &allowed), "{name}: {licence} is not allowed by deny.toml");
    }
    Ok(())
}

/// Whether an SPDX expression can be met with the allowed licences. `/` is an old way to write OR; AND binds
/// stronger than OR; parentheses occur one deep.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let mut expression = expression.replace(" / ", " OR ").replace('/', " OR ");
    while let (Some(open), Some(close)) = (expression.find('('), expression.find(')')) {
        let inner = if satisfied(&expression[open + 1..close], allowed) { "yes" } else { "no" };
        expression.replace_range(open..=close, inner);
    }
    let met = |licence: &str| licence == "yes" || allowed.contains(licence);
    expression.split(" OR ").any(|choice| choice.split(" AND ").all(|licence| met(licence.trim())))
}

#[test]
fn architecture_names_only_what_exists() -> anyhow::Result<()> {
    let mut gone = Vec::new();
    for page in files()?.iter().filter(|f| f.ends_with(".md") && !f.contains("CHANGELOG")) {
        let text = std::fs::read_to_string(root().join(page))?;
        // Odd pieces between backticks are code; of those, the ones that begin with a top-level name are paths.
        for path in text.split('`').skip(1).step_by(2) {
            let top = path.split('/').next().unwrap_or_default();
            if path.contains('/')
                && TOP.contains(&top)
                && !path.contains([' ', '*', '{'])
                && !root().join(path).exists()
            {
                gone.push(format!("{page}: {path}"));
            }
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let folder = root().join(page).parent().map(Path::to_owned).unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                gone.push(format!("{page}: link to {target}"));
            }
        }
    }
    nothing_found("documents name what exists", &gone);
    Ok(())
}

#[test]
fn nothing_is_left_to_do() -> anyhow::Result<()> {
    let mut found = Vec::new();
    // Spelled in two pieces, so that this file does not find itself.
    let marks =
        [["to", "do!"].concat(), ["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["unimplemen", "ted!"].concat()];
    for file in files()?.iter().filter(|f| !f.ends_with("axe.min.js") && !f.ends_with("Cargo.lock")) {
        let Ok(text) = std::fs::read_to_string(root().join(file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    nothing_found("finished or not there", &found);
    Ok(())
}

#[test]
fn top_level_has_the_owners_folders_only() -> anyhow::Result<()> {
    for file in files()? {
        if let Some((folder, _)) = file.split_once('/') {
            assert!(TOP.contains(&folder), "{file}: no other folders at the top");
        }
    }
    Ok(())
}

#[test]
fn a_rule_that_is_broken_is_seen() -> anyhow::Result<()> {
    let allowed: BTreeSet<String> = ["MIT", "Apache-2.0"].map(str::to_owned).into();
    assert!(satisfied("MIT/Apache-2.0", &allowed));
    assert!(satisfied("(MIT OR GPL-3.0) AND Apache-2.0", &allowed));
    assert!(!satisfied("MIT AND GPL-3.0", &allowed));
    assert!(!satisfied("(GPL-3.0 OR MPL-2.0) AND MIT", &allowed));
    assert!(!mentions("ca-core/src/sql/backend.rs", "sqlx")?.is_empty(), "the search finds what is there");
    assert!(mentions("ca-core/src/sql/backend.rs", "qlx")?.is_empty(), "and whole names only");
    assert!(lies_in("ra-web/src/fund/sql/accounts.rs", |part| part == "sql"));
    assert!(!lies_in("ra-web/src/fund/accounts.rs", |part| part == "sql"));
    Ok(())
}
