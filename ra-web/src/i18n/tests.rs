use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;

/// Message ids of a language, each with its variables.
fn messages(locale: Locale) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (path, text) in sources(locale) {
        FluentResource::try_new(text.clone()).unwrap_or_else(|(_, errors)| panic!("{path}: {errors:?}"));
        let mut id = String::new();
        for line in text.lines() {
            if !line.starts_with([' ', '#', '[', '}', '*']) && line.contains('=') {
                id = line.split('=').next().unwrap_or_default().trim().to_owned();
                assert!(found.insert(id.clone(), BTreeSet::new()).is_none(), "{path}: {id} is given twice");
            }
            for piece in line.split('$').skip(1) {
                let name: String = piece.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.get_mut(&id).expect("a variable stands in a message").insert(name);
            }
        }
    }
    found
}

fn files(folder: &str, extensions: &[&str]) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, extensions: &[&str], found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).expect("folder of the crate").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, extensions, found);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
                let text = std::fs::read_to_string(&path).expect("text file of the crate");
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), extensions, &mut found);
    found
}

/// Keys used as literals: `.t("…")`, `.t1("…",`, `.t2("…",`, `.t_with("…",`.
fn used_keys(text: &str) -> Vec<String> {
    ["t(\"", "t1(\"", "t2(\"", "t_with(\""]
        .iter()
        .flat_map(|call| {
            text.match_indices(call).filter_map(move |(at, _)| {
                let before = text[..at].chars().next_back()?;
                (before == '.').then(|| text[at + call.len()..].split('"').next().unwrap_or_default().to_owned())
            })
        })
        .collect()
}

#[test]
fn both_languages_have_the_same_messages_with_the_same_variables() {
    let (zh, en) = (messages(Locale::ZhCn), messages(Locale::En));
    for (id, variables) in &zh {
        assert_eq!(en.get(id), Some(variables), "en lacks {id} or its variables differ");
    }
    for id in en.keys() {
        assert!(zh.contains_key(id), "zh-CN lacks {id}");
    }
}

#[test]
fn every_key_used_exists() {
    let zh = messages(Locale::ZhCn);
    for (path, text) in files("templates", &["html"]).into_iter().chain(files("src", &["rs"])) {
        if path.ends_with("i18n/tests.rs") {
            continue;
        }
        for key in used_keys(&text) {
            assert!(zh.contains_key(&key), "{}: no message {key}", path.display());
        }
    }
}

#[test]
fn no_template_has_chinese_text_of_its_own() {
    for (path, text) in files("templates", &["html"]) {
        let found =
            text.chars().find(|c| ('\u{3000}'..='\u{9fff}').contains(c) || ('\u{ff00}'..='\u{ffef}').contains(c));
        assert_eq!(found, None, "{}", path.display());
    }
}

#[test]
fn english_texts_have_no_chinese_letters_but_the_name_of_the_language() {
    for (path, text) in sources(Locale::En) {
        for line in text.lines().filter(|line| !line.starts_with("lang-")) {
            let found = line.chars().find(|c| ('\u{4e00}'..='\u{9fff}').contains(c));
            assert_eq!(found, None, "{path}: {line}");
        }
    }
}

#[test]
fn a_plural_is_chosen_by_the_number() {
    assert_eq!(Locale::En.t_with("count-days", &[("n", &1_i64)]), "1 day");
    assert_eq!(Locale::En.t_with("count-days", &[("n", &2_i64)]), "2 days");
}
