//! Texts in two languages: Chinese is the source, English is complete.
//!
//! Each language is a folder of Fluent files under `locales/`, all of them one bundle. A test holds that
//! both have the same messages with the same variables, that every key used in templates and code exists,
//! and that no template carries Chinese text of its own.

use std::borrow::Cow;
use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use rust_embed::RustEmbed;
use unic_langid::LanguageIdentifier;

#[derive(RustEmbed)]
#[folder = "locales/"]
struct Files;

/// A language that pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// Simplified Chinese.
    #[default]
    ZhCn,
    /// English.
    En,
}

impl Locale {
    /// Both, Chinese first.
    pub const ALL: [Self; 2] = [Self::ZhCn, Self::En];

    /// The BCP 47 tag, for `lang` attributes, cookies and `?lang=`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }

    /// The language with this tag; any kind of Chinese is ours.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") {
            Some(Self::ZhCn)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// The other language: where the switch leads.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::ZhCn => Self::En,
            Self::En => Self::ZhCn,
        }
    }

    /// The message `id` without variables.
    #[must_use]
    pub fn t(self, id: &str) -> String {
        format(self, id, None)
    }

    /// The message `id` with variables.
    #[must_use]
    pub fn t_with(self, id: &str, variables: &[(&str, &dyn Arg)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in variables {
            args.set((*name).to_owned(), value.value());
        }
        format(self, id, Some(&args))
    }
}

/// A value that a message can take: text, or a number that chooses a plural.
pub trait Arg {
    /// The value as Fluent knows it.
    fn value(&self) -> FluentValue<'static>;
}

impl Arg for str {
    fn value(&self) -> FluentValue<'static> {
        FluentValue::String(Cow::Owned(self.to_owned()))
    }
}

impl Arg for String {
    fn value(&self) -> FluentValue<'static> {
        self.as_str().value()
    }
}

macro_rules! number_arg {
    ($($kind:ty),*) => {
        $(impl Arg for $kind {
            fn value(&self) -> FluentValue<'static> {
                FluentValue::from(*self)
            }
        })*
    };
}
number_arg!(i64, u64, u32, u16, u8, usize);

impl<T: Arg + ?Sized> Arg for &T {
    fn value(&self) -> FluentValue<'static> {
        (**self).value()
    }
}

fn format(locale: Locale, id: &str, args: Option<&FluentArgs<'_>>) -> String {
    let bundle = bundle(locale);
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        tracing::error!(id, locale = locale.tag(), "no such message");
        return id.to_owned();
    };
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, args, &mut errors).into_owned();
    if !errors.is_empty() {
        tracing::error!(id, locale = locale.tag(), ?errors, "message lacks a variable");
    }
    text
}

fn bundle(locale: Locale) -> &'static FluentBundle<FluentResource> {
    static BUNDLES: OnceLock<[FluentBundle<FluentResource>; 2]> = OnceLock::new();
    let [zh, en] = BUNDLES.get_or_init(|| Locale::ALL.map(load));
    match locale {
        Locale::ZhCn => zh,
        Locale::En => en,
    }
}

/// Reads the embedded files of one language. They are part of the program: a test parses each of them.
fn load(locale: Locale) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = locale.tag().parse().expect("both tags are language tags");
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    for (path, text) in sources(locale) {
        let resource = FluentResource::try_new(text).unwrap_or_else(|(resource, errors)| {
            tracing::error!(path, ?errors, "messages that cannot be read");
            resource
        });
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::error!(path, ?errors, "messages given twice");
        }
    }
    bundle
}

fn sources(locale: Locale) -> Vec<(String, String)> {
    let folder = format!("{}/", locale.tag());
    Files::iter()
        .filter(|path| path.starts_with(&folder))
        .filter_map(|path| {
            let file = Files::get(&path)?;
            Some((path.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
