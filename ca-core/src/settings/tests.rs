use super::*;
use crate::domain::IssuerId;
use serde::Deserialize;
use std::net::SocketAddr;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: SocketAddr,
    folder: String,
    section: Section,
    #[serde(default)]
    row: Vec<Row>,
    kind: Kind,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    connections: u8,
    #[serde(default)]
    group: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    issuer: IssuerId,
    #[serde(default)]
    kinds: Vec<Kind>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Slow,
    Fast,
}

const GOOD: &str = r#"
listen = "127.0.0.1:80"
folder = "var"
kind = "slow"
[section]
connections = 3
[[row]]
issuer = "a"
[[row]]
issuer = "b"
kinds = ["fast", "slow"]
"#;

fn told(text: &str) -> Vec<(&'static str, String)> {
    let reading = from_toml::<File>("file.toml", text);
    reading.faults.into_iter().map(|fault| (fault.name, fault.what)).collect()
}

#[test]
fn a_good_file_is_read() {
    let file = from_toml::<File>("file.toml", GOOD).whole().expect("a good file");
    assert_eq!((file.listen.port(), file.folder.as_str(), file.kind), (80, "var", Kind::Slow));
    assert_eq!((file.section.connections, file.section.group), (3, false));
    assert_eq!(file.row[1].kinds, [Kind::Fast, Kind::Slow]);
    assert_eq!(file.row[1].issuer.as_str(), "b");
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_known_one_and_the_rest_is_read() {
    let reading = from_toml::<File>("file.toml", &GOOD.replace("[section]", "[section]\nconections = 3"));
    assert!(reading.value.is_some());
    assert_eq!(
        reading.faults[0].to_string(),
        "file.toml: section.conections: there is no such key; the nearest is connections [unknown-key]"
    );
    assert!(reading.whole().is_err());
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    let bad = GOOD
        .replace("listen = \"127.0.0.1:80\"", "listen = 80")
        .replace("folder", "foulder")
        .replace("connections = 3", "connections = 300\ngroop = 1")
        .replace("issuer = \"a\"", "isuer = \"a\"")
        .replace("issuer = \"b\"", "issuer = \"B!\"")
        .replace("[\"fast\", \"slow\"]", "[\"quick\", \"slw\"]")
        .replace("kind = \"slow\"\n", "");
    let told = told(&bad);
    let has = |name: &str, part: &str| told.iter().any(|(n, what)| *n == name && what.contains(part));
    for (name, part) in [
        ("type", "listen: "),
        ("unknown-key", "foulder: there is no such key; the nearest is folder"),
        ("missing-key", "folder: "),
        ("type", "section.connections: "),
        ("unknown-key", "section.groop: there is no such key; the nearest is group"),
        ("unknown-key", "row[1].isuer"),
        ("missing-key", "row[1].issuer"),
        ("value", "row[2].issuer: "),
        ("unknown-word", "row[2].kinds: \"quick\""),
        ("unknown-word", "row[2].kinds: \"slw\" is not known; the nearest is \"slow\""),
        ("missing-key", "kind: "),
    ] {
        assert!(has(name, part), "{name} {part}: {told:#?}");
    }
    assert_eq!(told.len(), 11, "{told:#?}");
}

#[test]
fn what_was_taken_out_of_a_list_does_not_change_how_the_rest_is_numbered() {
    let rows =
        r#"row = [7, { issuer = "a", kinds = ["slw", "fast", "quick"] }, "x", { issuer = "B!" }, { isuer = "c" }]"#;
    let start = GOOD.split("[[row]]").next().unwrap().replace("[section]", &format!("{rows}\n[section]"));
    let told = told(&start);
    let has = |name: &str, part: &str| told.iter().any(|(n, what)| *n == name && what.starts_with(part));
    for (name, part) in [
        ("type", "row: "),
        ("unknown-word", "row[2].kinds: \"slw\""),
        ("unknown-word", "row[2].kinds: \"quick\""),
        ("value", "row[4].issuer: "),
        ("unknown-key", "row[5].isuer: "),
        ("missing-key", "row[5].issuer: "),
    ] {
        assert!(has(name, part), "{name} {part}: {told:#?}");
    }
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[test]
fn a_missing_section_is_one_fault() {
    let told = told("listen = \"127.0.0.1:80\"\nkind = \"fast\"\n");
    let names: Vec<_> = told.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(names, ["folder: it is missing", "section: it is missing"]);
}

#[test]
fn text_that_is_no_toml_is_one_fault() {
    let told = told("listen = \n[section");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, "syntax");
}
