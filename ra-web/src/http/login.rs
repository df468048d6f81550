//! The pages of login, the same for the staff console and the portal: the page with the challenge, and the
//! page that says why somebody was not let in.

use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tower_sessions::Session;

use super::error::{Failure, status_of_refusal};
use crate::Chance;
use crate::login::{Admission, Answer, BrowserSession, Challenge, Door, LoginError, Refusal, Registry};
use crate::page::{Notice, Page, View};

/// What agent.js can say, by the codes of the window protocol; each has a message `agent-…`.
pub const AGENT_WORDS: [&str; 20] = [
    "downloading",
    "opening",
    "waiting",
    "sending",
    "show_window",
    "popup_blocked",
    "absent",
    "closed",
    "cancelled",
    "refused_origin",
    "not_understood",
    "no_certificate",
    "wrong_pin",
    "pin_locked",
    "pin_must_change",
    "token_removed",
    "ra_unreachable",
    "ra_refused",
    "site_unreachable",
    "internal",
];

/// The key in a session under which the secret of the browser stands, to which challenges are bound.
const BROWSER: &str = "login-browser";

/// What a form signed by the token brings.
#[derive(Clone, Debug, Deserialize)]
pub struct SignedForm {
    /// The canonical bytes that were to be signed, base64url.
    #[serde(default)]
    pub statement: String,
    /// The CMS message, base64.
    #[serde(default)]
    pub signature: String,
}

/// The browser, remembered in its session from the first login page on.
///
/// # Errors
/// When sessions cannot be stored.
pub async fn remember_browser(session: &Session, chance: &Chance) -> Result<BrowserSession, Failure> {
    if let Some(browser) = known_browser(session).await? {
        return Ok(browser);
    }
    let mut secret = [0_u8; 32];
    rand::RngCore::fill_bytes(&mut *chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner), &mut secret);
    let secret = hex::encode(secret);
    session.insert(BROWSER, &secret).await?;
    Ok(BrowserSession::of(&secret))
}

/// The browser that was given a challenge; `None` when its session is gone or it takes no cookies.
///
/// # Errors
/// When sessions cannot be read.
async fn known_browser(session: &Session) -> Result<Option<BrowserSession>, Failure> {
    let secret: Option<String> = session.get(BROWSER).await?;
    Ok(secret.as_deref().map(BrowserSession::of))
}

/// Lets in whom the token's answer speaks for, in the browser that was given the challenge and in no other. With the
/// admission comes the statement that was signed.
///
/// # Errors
/// When sessions or logins cannot be stored; the refusal is the inner one.
pub async fn admitted<P: Send>(
    session: &Session,
    door: &Door,
    registry: &dyn Registry<Person = P>,
    form: &SignedForm,
) -> Result<Result<(Admission<P>, Vec<u8>), Refusal>, Failure> {
    let Some(browser) = known_browser(session).await? else { return Ok(Err(Refusal::OtherSession)) };
    let answer = match Answer::parse(&form.statement, &form.signature) {
        Ok(answer) => answer,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match door.admit(browser, &answer, registry).await {
        Ok(admission) => Ok(Ok((admission, answer.statement().to_vec()))),
        Err(LoginError::Refused(refusal)) => Ok(Err(refusal)),
        Err(LoginError::Storage(error)) => Err(error.into()),
    }
}

/// Why somebody comes to the login page.
#[derive(Debug, Default, Deserialize)]
pub struct Arrival {
    /// Why the session before ended: one of [`Arrival::WORDS`].
    #[serde(default)]
    pub ended: String,
}

impl Arrival {
    /// Why a session ends; messages `login-ended-…`.
    pub const WORDS: [&'static str; 4] = ["signed-out", "pulled", "unheard", "certificate"];

    /// The banner that says it; none for a word that is not ours.
    #[must_use]
    pub fn notice(&self, view: &View) -> Option<Notice> {
        let word = Self::WORDS.into_iter().find(|word| *word == self.ended)?;
        Some(Notice { text: view.t(&format!("login-ended-{word}")), good: word == "signed-out" })
    }
}

#[derive(Template)]
#[template(path = "login/login.html")]
struct LoginPage {
    page: Page,
    house: String,
    want: &'static str,
    statement: String,
    handshake: Option<String>,
}

/// The login page with a fresh challenge. `house` is the name of whoever runs the site, in the page's language;
/// `want` says which certificates the assistant offers.
///
/// # Errors
/// When the template fails.
pub fn login_page(page: Page, house: &str, want: &'static str, challenge: &Challenge) -> Result<Response, Failure> {
    login_page_beside(page, house, want, challenge, None)
}

/// [`login_page`] of a site where one can log in by the TLS handshake too, at `handshake`.
///
/// # Errors
/// When the template fails.
pub fn login_page_beside(
    page: Page,
    house: &str,
    want: &'static str,
    challenge: &Challenge,
    handshake: Option<String>,
) -> Result<Response, Failure> {
    let shown = LoginPage { page, house: house.to_owned(), want, statement: challenge.statement_text(), handshake };
    let text = shown.render().map_err(|error| Failure::internal(format!("the login page failed: {error}")))?;
    Ok(Html(text).into_response())
}

/// A fresh challenge for agent.js, which asks for one at the click, so that its two minutes begin there.
#[must_use]
pub fn challenge_answer(challenge: &Challenge) -> Response {
    Json(json!({ "statement": challenge.statement_text() })).into_response()
}

#[derive(Template)]
#[template(path = "login/refused.html")]
struct RefusedPage {
    page: Page,
    what: String,
    why: String,
    next: String,
    code: &'static str,
    renewal: Option<String>,
}

/// The page that says why somebody was not let in, what was kept, and what to do. `renewal` is where an expired
/// certificate can be renewed.
///
/// # Errors
/// When the template fails.
pub fn refused_page(view: &View, refusal: &Refusal, renewal: Option<&str>) -> Result<Response, Failure> {
    let shown = RefusedPage {
        page: view.page(view.t("login-refused-title")),
        what: words(view, refusal, ""),
        why: words(view, refusal, "-why"),
        next: words(view, refusal, "-next"),
        code: refusal.code(),
        renewal: renewal.filter(|_| matches!(refusal, Refusal::CertificateExpired { .. })).map(str::to_owned),
    };
    let text = shown.render().map_err(|error| Failure::internal(format!("the refusal page failed: {error}")))?;
    Ok((status_of_refusal(refusal), Html(text)).into_response())
}

pub(super) fn words(view: &View, refusal: &Refusal, part: &str) -> String {
    let key = format!("login-refused-{}{part}", refusal.code());
    let moment = match refusal {
        Refusal::CertificateExpired { at } => Some(at),
        Refusal::NotYetValid { from } => Some(from),
        Refusal::Held { since } | Refusal::Revoked { since, .. } => Some(since),
        _ => None,
    };
    let when = moment.map(|moment| moment.beijing_text()).unwrap_or_default();
    let reason = match refusal {
        Refusal::Revoked { reason, .. } => view.t(&format!("login-reason-{}", reason.word().replace('_', "-"))),
        _ => String::new(),
    };
    let name = match refusal {
        Refusal::NotRegistered { name } => name.as_str(),
        _ => "",
    };
    view.locale.t_with(&key, &[("when", &when), ("reason", &reason), ("name", &name)])
}

#[cfg(test)]
mod tests {
    use ca_core::domain::RevocationReason;

    use super::*;
    use crate::i18n::Locale;
    use crate::page::Site;

    fn view(locale: Locale) -> View {
        View {
            locale,
            site: Site::Portal,
            path: "/login".into(),
            request_id: "r".into(),
            agent: "http://127.0.0.1:17080".into(),
            fragment: false,
            api: false,
            returns: false,
        }
    }

    #[test]
    fn every_refusal_is_said_in_both_languages_with_its_facts() {
        for locale in Locale::ALL {
            let view = view(locale);
            for refusal in Refusal::examples() {
                for part in ["", "-why", "-next"] {
                    let text = words(&view, &refusal, part);
                    assert!(!text.starts_with("login-refused-") && !text.contains('{'), "{}: {text}", locale.tag());
                }
                let why = words(&view, &refusal, "-why");
                match &refusal {
                    Refusal::CertificateExpired { .. }
                    | Refusal::NotYetValid { .. }
                    | Refusal::Held { .. }
                    | Refusal::Revoked { .. } => assert!(why.contains("2027-01-15 16:00:00"), "{why}"),
                    Refusal::NotRegistered { name } => assert!(why.contains(name.as_str()), "{why}"),
                    _ => {}
                }
            }
            for reason in RevocationReason::ALL {
                let key = format!("login-reason-{}", reason.word().replace('_', "-"));
                assert_ne!(view.t(&key), key);
            }
        }
    }

    #[test]
    fn why_a_session_ended_is_said_in_both_languages_and_nothing_else_is() {
        for locale in Locale::ALL {
            let view = view(locale);
            for word in Arrival::WORDS {
                let notice = Arrival { ended: word.into() }.notice(&view).expect("a notice");
                assert!(!notice.text.starts_with("login-ended-"), "{}", notice.text);
            }
            assert!(Arrival { ended: "<b>".into() }.notice(&view).is_none());
        }
    }

    #[test]
    fn every_word_of_the_assistant_is_there_in_both_languages() {
        for locale in Locale::ALL {
            for word in AGENT_WORDS {
                let key = format!("agent-{}", word.replace('_', "-"));
                assert_ne!(locale.t(&key), key);
            }
        }
    }
}
