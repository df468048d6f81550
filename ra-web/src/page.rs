//! What every page knows: language, who is signed in, the rail at the left, the way back from the switch
//! of language. Templates extend `base.html` and have a field `page`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::assets;
use crate::http::error::Failure;
use crate::i18n::{Arg, Locale};

/// Which of the three sites a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The units' own site.
    Public,
    /// The staff console.
    Staff,
    /// The fund portal.
    Portal,
}

impl Site {
    /// The message with the site's name.
    #[must_use]
    pub const fn name_key(self) -> &'static str {
        match self {
            Self::Public => "site-public",
            Self::Staff => "site-staff",
            Self::Portal => "site-portal",
        }
    }
}

/// The request as pages need it; put into the request's extensions by the frame, extracted by handlers.
#[derive(Clone, Debug)]
pub struct View {
    /// The language.
    pub locale: Locale,
    /// The site.
    pub site: Site,
    /// Path and query of the request, without `lang`: where the switch of language leads back.
    pub path: String,
    /// For the log and for the person who asks for help.
    pub request_id: String,
    /// Origin of the token agent on the person's own machine.
    pub agent: String,
    /// htmx asks for a fragment, not for a page.
    pub fragment: bool,
    /// The client wants problem+json and no page: everything under `/api/`.
    pub api: bool,
    /// Whether a switch of language can return here: only pages that were got, not posted.
    pub returns: bool,
}

impl View {
    /// The frame of a page with this title, without rail and person.
    #[must_use]
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page { view: self.clone(), title: title.into(), person: None, rail: Vec::new(), notice: None, wide: false }
    }

    /// The message `id`.
    #[must_use]
    pub fn t(&self, id: &str) -> String {
        self.locale.t(id)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for View {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Failure::internal("the frame did not run"))
    }
}

/// Who is signed in, as the bar shows it.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// What they are, in the page's language.
    pub duty: String,
    /// Where the sign-out button posts to.
    pub sign_out: &'static str,
}

/// One line of the rail at the left.
#[derive(Clone, Debug)]
pub struct RailItem {
    /// Where it leads.
    pub href: &'static str,
    /// Its text, in the page's language.
    pub label: String,
    /// A symbol of the sprite, without `i-`.
    pub icon: &'static str,
    /// How much waits there.
    pub count: Option<i64>,
    /// Whether it is the present page.
    pub current: bool,
}

/// A banner at the head of a page: what was just done.
#[derive(Clone, Debug)]
pub struct Notice {
    /// In the page's language.
    pub text: String,
    /// Good news, or a warning.
    pub good: bool,
}

/// The frame of one page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The request.
    pub view: View,
    /// In the page's language.
    pub title: String,
    /// Who is signed in.
    pub person: Option<Person>,
    /// The rail; empty for pages without one.
    pub rail: Vec<RailItem>,
    /// Banner.
    pub notice: Option<Notice>,
    /// Whether the content may use the whole width (tables).
    pub wide: bool,
}

impl Page {
    /// Whether the person may look cases up: then the rail leads to them.
    #[must_use]
    pub fn searches(&self) -> bool {
        self.rail.iter().any(|item| item.href == "/applications")
    }

    /// The message `id`.
    #[must_use]
    pub fn t(&self, id: &str) -> String {
        self.view.locale.t(id)
    }

    /// Whether a text is Chinese on a page that is not: names, addresses, and whatever else people wrote.
    #[must_use]
    pub fn is_foreign(&self, text: &str) -> bool {
        let han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}');
        self.view.locale != Locale::ZhCn && text.chars().any(han)
    }

    /// The message `id` with one variable.
    #[must_use]
    pub fn t1(&self, id: &str, name: &str, value: impl Arg) -> String {
        self.view.locale.t_with(id, &[(name, &value)])
    }

    /// The message `id` with two variables.
    #[must_use]
    pub fn t2(&self, id: &str, name: &str, value: impl Arg, other_name: &str, other: impl Arg) -> String {
        self.view.locale.t_with(id, &[(name, &value), (other_name, &other)])
    }

    /// The message whose id is `prefix` and a word of the domain, e.g. `reason-` and `superseded`.
    #[must_use]
    pub fn word(&self, prefix: &str, word: &str) -> String {
        self.view.locale.t(&format!("{prefix}{}", word.replace('_', "-")))
    }

    /// `lang` of the page.
    #[must_use]
    pub const fn lang(&self) -> &'static str {
        self.view.locale.tag()
    }

    /// The language that the switch leads to.
    #[must_use]
    pub const fn other_lang(&self) -> &'static str {
        self.view.locale.other().tag()
    }

    /// This page in the other language.
    #[must_use]
    pub fn switch_href(&self) -> String {
        let path = if self.view.returns { self.view.path.as_str() } else { "/" };
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}lang={}", self.other_lang())
    }

    /// Name of the site.
    #[must_use]
    pub fn site_name(&self) -> String {
        self.t(self.view.site.name_key())
    }

    /// The hashed address of a static file.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::href(name)
    }
}
