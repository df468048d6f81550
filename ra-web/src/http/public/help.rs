//! Help: what to do when, and whom to call.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;

use super::Public;
use crate::http::answer::Shown;
use crate::page::{Page, View};

/// The topics, in the order of the page: messages `help-{word}` and `help-{word}-1` to `-n`.
const TOPICS: [(&str, usize); 6] =
    [("prepare", 4), ("login", 4), ("renew", 5), ("pin", 4), ("lost", 4), ("invoice", 4)];

#[derive(Template)]
#[template(path = "public/help.html")]
struct HelpPage {
    page: Page,
    contact: String,
    topics: Vec<Topic>,
}

struct Topic {
    word: &'static str,
    title: String,
    steps: Vec<String>,
}

/// `GET /help`.
pub(super) async fn get_help(State(public): State<Public>, view: View) -> impl IntoResponse {
    let topic = |(word, steps): (&'static str, usize)| Topic {
        word,
        title: view.t(&format!("help-{word}")),
        steps: (1..=steps).map(|n| view.t(&format!("help-{word}-{n}"))).collect(),
    };
    Shown(HelpPage {
        page: Page { wide: true, ..view.page(view.t("help-title")) },
        contact: public.contact.to_string(),
        topics: TOPICS.into_iter().map(topic).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::TOPICS;
    use crate::i18n::Locale;

    #[test]
    fn every_step_is_told_in_both_languages() {
        for locale in Locale::ALL {
            for (word, steps) in TOPICS {
                for key in (1..=steps).map(|n| format!("help-{word}-{n}")).chain([format!("help-{word}")]) {
                    assert_ne!(locale.t(&key), key, "{}", locale.tag());
                }
                let beyond = format!("help-{word}-{}", steps + 1);
                assert_eq!(locale.t(&beyond), beyond, "{}: a step that is not shown", locale.tag());
            }
        }
    }
}
