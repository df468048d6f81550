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

/// The lines of code of a file: no comments, and nothing from its test module on.
fn code(file: &str) -> anyhow::Result<Vec<(usize, String)>> {
    let text = std::fs::read_to_string(root().join(file)).with_context(|| file.to_owned())?;
    let shipped = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    Ok(shipped
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line.to_owned()))
        .collect())
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
            }
        }
    }
    nothing_found("sqlx is named in sql/ only", &found);
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
fn fund_module_knows_nothing_of_the_registration_office() -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in sources("ra-web")?.iter().filter(|f| f.contains("/fund/")) {
        for module in ["crate::enrolment", "crate::renewal", "crate::payment", "crate::tokens", "crate::store"] {
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
