//! The agent's pages: what each template needs, nothing more. Text comes from `locales/`.

use askama::Template;

use super::protocol::Shown;
use super::statement::Words;
use crate::text::Language;

/// A whole document around a body.
#[derive(Template)]
#[template(path = "shell.html")]
pub(super) struct Shell<'a> {
    t: Language,
    title: String,
    body: String,
    /// Given only to the window, which runs a script.
    window_token: Option<&'a str>,
}

impl Shell<'_> {
    /// A page that a person reads.
    pub(super) fn page(t: Language, title: String, body: &impl Template) -> Result<String, askama::Error> {
        Shell { t, title, body: body.render()?, window_token: None }.render()
    }

    /// The window.
    pub(super) fn window(t: Language, body: &impl Template, token: &str) -> Result<String, askama::Error> {
        Shell { t, title: t.say("agent-name"), body: body.render()?, window_token: Some(token) }.render()
    }
}

/// A body for the window.
pub(super) fn shown(t: Language, title: String, body: &impl Template) -> Shown {
    let html = body.render().unwrap_or_else(|error| {
        tracing::error!(%error, "A page cannot be rendered");
        t.say("internal-text")
    });
    Shown { html, lang: t.tag(), title, reply: None, on_close: None, close_after_ms: None, poll: None }
}

/// A certificate (or a token) in a list of radio buttons.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) about: String,
    pub(super) token: String,
    pub(super) checked: bool,
}

/// Where a page stands in the navigation; windows have none.
pub(super) struct Navigation {
    /// Path of the page.
    pub(super) here: &'static str,
}

/// The window before it hears anything.
#[derive(Template)]
#[template(path = "waiting.html")]
pub(super) struct WaitingPage {
    pub(super) t: Language,
}

/// Something to read, with a way on at most.
#[derive(Template)]
#[template(path = "notice.html")]
pub(super) struct NoticePage {
    pub(super) t: Language,
    pub(super) heading: String,
    pub(super) text: String,
    /// An origin or a number, shown as it is; may be empty.
    pub(super) detail: String,
    pub(super) bad: bool,
    /// Act token of the button "try again".
    pub(super) again: Option<String>,
}

/// Consent and PIN.
#[derive(Template)]
#[template(path = "sign.html")]
pub(super) struct SignPage {
    pub(super) t: Language,
    pub(super) site: String,
    pub(super) origin: String,
    pub(super) words: Words,
    pub(super) choices: Vec<Choice>,
    pub(super) error: Option<String>,
    pub(super) act_token: String,
}

/// Consent and PIN for several orders, each of them shown.
#[derive(Template)]
#[template(path = "sign_batch.html")]
pub(super) struct SignBatchPage {
    pub(super) t: Language,
    pub(super) site: String,
    pub(super) origin: String,
    pub(super) heading: String,
    pub(super) orders: Vec<Words>,
    pub(super) choices: Vec<Choice>,
    pub(super) error: Option<String>,
    pub(super) act_token: String,
}

impl SignBatchPage {
    /// Whether one of the acts cannot be undone.
    fn grave(&self) -> bool {
        self.orders.iter().any(|words| words.grave)
    }
}

/// The initial or temporary PIN must go.
#[derive(Template)]
#[template(path = "new_pin.html")]
pub(super) struct NewPinPage {
    pub(super) t: Language,
    pub(super) certificate: String,
    /// Whether an office set the PIN that must go.
    pub(super) temporary: bool,
    pub(super) error: Option<String>,
    pub(super) act_token: String,
}

/// Unblocking: whose token, and the new PIN.
#[derive(Template)]
#[template(path = "unlock.html")]
pub(super) struct UnlockPage {
    pub(super) t: Language,
    pub(super) site: String,
    pub(super) origin: String,
    pub(super) words: Words,
    /// Why the token cannot be unblocked at this moment; then there is no form.
    pub(super) missing: Option<String>,
    pub(super) error: Option<String>,
    pub(super) act_token: String,
}

/// Unblocked with a temporary PIN, shown here once.
#[derive(Template)]
#[template(path = "temporary_pin.html")]
pub(super) struct TemporaryPinPage {
    pub(super) t: Language,
    pub(super) pin: String,
}

/// It is done.
#[derive(Template)]
#[template(path = "done.html")]
pub(super) struct DonePage {
    pub(super) t: Language,
    pub(super) heading: String,
    pub(super) text: String,
    pub(super) rows: Vec<(String, String)>,
}

/// A step of a provisioning: `done`, `now`, `failed` or `todo`.
pub(super) struct StepLine {
    pub(super) state: &'static str,
    pub(super) word: String,
    pub(super) text: String,
}

/// What is to be provisioned, with which tokens; after a failure also how far it came.
#[derive(Template)]
#[template(path = "provision.html")]
pub(super) struct ProvisionPage {
    pub(super) t: Language,
    pub(super) site: String,
    pub(super) origin: String,
    pub(super) words: Words,
    pub(super) tokens: Vec<Choice>,
    pub(super) operators: Vec<Choice>,
    pub(super) error: Option<String>,
    pub(super) steps: Vec<StepLine>,
    pub(super) act_token: String,
}

/// What is to be put on the token of the certificate that is renewed; after a failure also how far it came.
#[derive(Template)]
#[template(path = "renew.html")]
pub(super) struct RenewPage {
    pub(super) t: Language,
    pub(super) site: String,
    pub(super) origin: String,
    pub(super) words: Words,
    /// The token that has the old certificate, while it is plugged in.
    pub(super) token: Option<Choice>,
    pub(super) error: Option<String>,
    pub(super) steps: Vec<StepLine>,
    pub(super) act_token: String,
}

/// A provisioning at work.
#[derive(Template)]
#[template(path = "progress.html")]
pub(super) struct ProgressPage {
    pub(super) t: Language,
    pub(super) unit: String,
    pub(super) steps: Vec<StepLine>,
}

/// A certificate on the home page.
pub(super) struct Mine {
    pub(super) name: String,
    pub(super) rows: Vec<(String, String)>,
    /// `ok`, `wait` or `bad`.
    pub(super) tag: &'static str,
    pub(super) days: String,
    /// What to do; may be empty.
    pub(super) advice: String,
}

/// A token on the home page.
pub(super) struct MyToken {
    pub(super) title: String,
    pub(super) model: String,
    pub(super) tries: String,
    pub(super) bad: bool,
    pub(super) certificates: Vec<Mine>,
}

/// A site of the jump list.
pub(super) struct Jump {
    pub(super) name: String,
    pub(super) origin: String,
}

/// My certificates.
#[derive(Template)]
#[template(path = "home.html")]
pub(super) struct HomePage {
    pub(super) t: Language,
    pub(super) nav: Navigation,
    pub(super) tokens: Vec<MyToken>,
    pub(super) jumps: Vec<Jump>,
}

/// Change PIN.
#[derive(Template)]
#[template(path = "pin.html")]
pub(super) struct PinPage {
    pub(super) t: Language,
    pub(super) nav: Navigation,
    pub(super) tokens: Vec<Choice>,
    pub(super) error: Option<String>,
    /// Id of the field at fault.
    pub(super) field: &'static str,
    pub(super) form_token: String,
}

/// Something to read, with navigation.
#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct MessagePage {
    pub(super) t: Language,
    pub(super) nav: Navigation,
    pub(super) heading: String,
    pub(super) text: String,
    /// `ok` or `bad`.
    pub(super) tone: &'static str,
}

/// A line of the environment check.
pub(super) struct CheckLine {
    pub(super) what: String,
    /// `ok`, `wait` or `bad`.
    pub(super) tag: &'static str,
    pub(super) verdict: String,
    pub(super) text: String,
}

/// Environment check.
#[derive(Template)]
#[template(path = "check.html")]
pub(super) struct CheckPage {
    pub(super) t: Language,
    pub(super) nav: Navigation,
    pub(super) lines: Vec<CheckLine>,
}
