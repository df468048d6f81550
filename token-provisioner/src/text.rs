//! All text that people see, in Chinese and English, from `locales/`.

use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

const CHINESE: &str = include_str!("../locales/zh-CN.ftl");
const ENGLISH: &str = include_str!("../locales/en.ftl");

/// A language that this program speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Chinese, simplified.
    #[default]
    #[value(name = "zh-CN")]
    Chinese,
    /// English.
    #[value(name = "en")]
    English,
}

impl Language {
    /// The language tag in pages, messages and settings.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The language of exactly this tag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        [Self::Chinese, Self::English].into_iter().find(|language| language.tag() == tag)
    }

    /// The first of ours in an `Accept-Language` header or a `LANG` variable; Chinese if there is none.
    #[must_use]
    pub fn preferred(list: &str) -> Self {
        let ours = list.split([',', ':']).find_map(|one| match one.trim().get(..2)? {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        });
        ours.unwrap_or_default()
    }

    /// The other one, for the switch on each page.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Chinese => Self::English,
            Self::English => Self::Chinese,
        }
    }

    /// A message without variables.
    #[must_use]
    pub fn say(self, id: &str) -> String {
        self.fill(id, &FluentArgs::new())
    }

    /// A message with one variable.
    #[must_use]
    pub fn with<'a>(self, id: &str, name: &'a str, value: impl Into<FluentValue<'a>>) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value);
        self.fill(id, &args)
    }

    /// A message with several variables.
    #[must_use]
    pub fn fill(self, id: &str, args: &FluentArgs<'_>) -> String {
        let bundle = bundle(self);
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            tracing::error!(id, language = self.tag(), "No such message");
            return id.to_owned();
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(id, language = self.tag(), ?errors, "Message with faults");
        }
        text
    }
}

fn bundle(language: Language) -> &'static FluentBundle<FluentResource> {
    static CHINESE_BUNDLE: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    static ENGLISH_BUNDLE: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    let (cell, source) = match language {
        Language::Chinese => (&CHINESE_BUNDLE, CHINESE),
        Language::English => (&ENGLISH_BUNDLE, ENGLISH),
    };
    cell.get_or_init(|| {
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, errors)| {
            tracing::error!(?errors, language = language.tag(), "Messages with faults");
            resource
        });
        let tag = language.tag().parse().expect("our tags are language tags");
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Isolation marks (U+2068) would show up in copied serial numbers.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        bundle
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    use ca_core::domain::{FundAct, FundField, FundPay, FundReason, Ground, RevocationReason, Role, WithdrawalReason};

    use super::*;
    use crate::provision::online::Step;

    /// Message ids and the variables in each.
    fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            if let Some((id, _)) = line.split_once(" =")
                && !line.starts_with(' ')
            {
                current = id.to_owned();
                assert!(messages.insert(current.clone(), BTreeSet::new()).is_none(), "{current} stands twice");
            }
            for part in line.split('$').skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                messages.get_mut(&current).expect("a variable inside a message").insert(name);
            }
        }
        messages
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder of this crate") {
            let path = entry.expect("readable").path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }

    /// The string that follows each of these calls in sources and templates.
    fn used() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        files(&root.join("src"), &mut paths);
        files(&root.join("templates"), &mut paths);
        let mut used = BTreeSet::new();
        for path in paths {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            for call in [".say(\"", ".with(\"", ".fill(\"", "row(\"", "deny(\"", "Err(\"", "ok_or(\""] {
                for after in text.split(call).skip(1) {
                    let id = after.split('"').next().expect("a string ends");
                    if !id.contains(['{', '\\', ' ']) && !id.is_empty() {
                        used.insert(id.to_owned());
                    }
                }
            }
        }
        used
    }

    #[test]
    fn both_languages_say_the_same_messages_with_the_same_variables() {
        let (chinese, english) = (messages(CHINESE), messages(ENGLISH));
        let missing = |a: &BTreeMap<String, BTreeSet<String>>, b: &BTreeMap<String, BTreeSet<String>>| {
            a.iter().filter(|(id, vars)| b.get(*id) != Some(vars)).map(|(id, _)| id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(missing(&chinese, &english), Vec::<String>::new(), "in Chinese, and not so in English");
        assert_eq!(missing(&english, &chinese), Vec::<String>::new(), "in English, and not so in Chinese");
    }

    #[test]
    fn every_message_that_is_used_exists() {
        let there = messages(CHINESE);
        let words = Role::ALL.iter().map(|role| format!("role-{role}"));
        let words = words.chain(RevocationReason::ALL.iter().map(|reason| format!("reason-{}", reason.word())));
        let words = words.chain(Ground::ALL.iter().map(|ground| format!("ground-{}", ground.word())));
        let words = words.chain(Step::ALL.iter().map(|step| format!("step-{}", step.word())));
        let fund = FundAct::ALL.iter().map(|act| format!("fund-act-{}", act.word()));
        let fund = fund.chain(FundField::ALL.iter().map(|field| format!("fund-field-{}", field.word())));
        let fund = fund.chain(FundPay::ALL.iter().map(|pay| format!("fund-pay-{}", pay.word())));
        let fund = fund.chain(FundReason::ALL.iter().map(|why| format!("fund-reason-{}", why.word())));
        let fund = fund.chain(WithdrawalReason::ALL.iter().map(|why| format!("withdrawal-reason-{}", why.word())));
        let words = words.chain(fund.map(|id| id.replace('_', "-")).collect::<Vec<_>>());
        let missing: Vec<String> = used().into_iter().chain(words).filter(|id| !there.contains_key(id)).collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn every_message_that_exists_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        files(&root.join("src"), &mut paths);
        files(&root.join("templates"), &mut paths);
        let all: String = paths.iter().map(|path| std::fs::read_to_string(path).expect("UTF-8")).collect();
        let built = [
            "ground-",
            "role-",
            "reason-",
            "step-",
            "fund-act-",
            "fund-field-",
            "fund-pay-",
            "fund-reason-",
            "withdrawal-reason-",
        ];
        let idle: Vec<String> = messages(CHINESE)
            .into_keys()
            .filter(|id| !built.iter().any(|start| id.starts_with(start)) && !all.contains(&format!("\"{id}\"")))
            .collect();
        assert_eq!(idle, Vec::<String>::new());
    }

    #[test]
    fn fluent_reads_both_files_without_complaint() {
        for source in [CHINESE, ENGLISH] {
            assert!(FluentResource::try_new(source.to_owned()).is_ok());
        }
    }

    #[test]
    fn templates_hold_no_chinese_of_their_own() {
        let mut paths = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut paths);
        for path in paths {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            assert!(!text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{}", path.display());
        }
    }

    #[test]
    fn the_language_follows_the_browser() {
        assert_eq!(Language::preferred("de-DE,en;q=0.8,zh;q=0.5"), Language::English);
        assert_eq!(Language::preferred("zh_CN.UTF-8"), Language::Chinese);
        assert_eq!(Language::preferred(""), Language::Chinese);
    }
}
