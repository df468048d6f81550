//! What travels between a site's page, the agent's window and the agent, as types.

use serde::{Deserialize, Serialize};

use crate::certificate::Holder;
use crate::driver::Pin;
use crate::ra_client::{Grant, Ticket};
use crate::text::Language;

/// From the window to its server: the first message of the page that opened it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Minted into the window; used once.
    pub(super) window_token: String,
    /// Who asks, as the browser told the window.
    pub(super) origin: String,
    /// In which language.
    pub(super) lang: Option<String>,
    /// For what. Read apart, so that a request that we do not know is answered and not dropped.
    pub(super) request: serde_json::Value,
}

impl Asked {
    pub(super) fn language(&self) -> Language {
        self.lang.as_deref().and_then(Language::from_tag).unwrap_or_default()
    }
}

/// What a site may ask for.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    /// A signature.
    Sign {
        /// Canonical bytes of a statement, base64url without padding.
        statement: String,
        /// Whose certificate it should be.
        want: Option<Holder>,
    },
    /// A signature on each of several orders, all of them or none.
    SignBatch {
        /// Canonical bytes of each order, base64url without padding; [`super::window::MAX_TOGETHER`] at most.
        statements: Vec<String>,
        /// Whose certificate it should be.
        want: Option<Holder>,
    },
    /// Putting a certificate on a token.
    Provision {
        /// What entitles to it.
        ticket: TicketText,
    },
    /// Unblocking a locked PIN.
    Unlock {
        /// What entitles to it.
        grant: GrantText,
    },
}

/// A grant that was checked for its form.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct GrantText(pub(super) Grant);

impl TryFrom<String> for GrantText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse().map(Self)
    }
}

/// A ticket that was checked for its form.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct TicketText(pub(super) Ticket);

impl TryFrom<String> for TicketText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse().map(Self)
    }
}

/// From the window to its server: what the person did.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Act {
    /// Sign with this certificate.
    Sign { act_token: String, certificate: String, pin: Pin },
    /// Change the initial or temporary PIN to this one, then sign.
    NewPin { act_token: String, certificate: String, new_pin: Pin, new_pin_again: Pin },
    /// Look at the tokens, or ask the registration authority, once more.
    Again { act_token: String },
    /// Put the certificate on this token.
    Provision { act_token: String, token: String, pin: Pin, operator: String, operator_pin: Pin },
    /// Put the certificate on the token that has the old one, whose key says so.
    Renew { act_token: String, pin: Pin },
    /// Unblock with this PIN, which the holder chose.
    Unlock { act_token: String, new_pin: Pin, new_pin_again: Pin },
    /// Unblock with a temporary PIN, the holder being away.
    UnlockTemporary { act_token: String },
    /// Give the provisioning up for good.
    GiveUp { act_token: String },
}

impl Act {
    pub(super) fn token(&self) -> &str {
        match self {
            Self::Sign { act_token, .. }
            | Self::NewPin { act_token, .. }
            | Self::Again { act_token }
            | Self::Provision { act_token, .. }
            | Self::Renew { act_token, .. }
            | Self::Unlock { act_token, .. }
            | Self::UnlockTemporary { act_token }
            | Self::GiveUp { act_token } => act_token,
        }
    }
}

/// From the server to the window.
#[derive(Serialize)]
pub(super) struct Shown {
    /// What the window shows now.
    pub(super) html: String,
    /// Language of it.
    pub(super) lang: &'static str,
    /// Title of the window.
    pub(super) title: String,
    /// Posted to the caller at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Reply>,
    /// Posted to the caller if the person closes the window now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_close: Option<Reply>,
    /// The window closes itself after so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) close_after_ms: Option<u32>,
    /// Ask here for what to show next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) poll: Option<String>,
}

/// What the caller gets.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// What it asked for.
    Result(serde_json::Value),
    /// Why not.
    Error(Failure),
}

/// Why the caller does not get it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    /// What a program may branch on.
    pub(super) code: Code,
    /// For the person, in the caller's language.
    pub(super) message: String,
    /// With `wrong_pin`, where the token tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tries_left: Option<u8>,
    /// With `ra_refused`: the registration authority's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ra_code: Option<String>,
    /// With `ra_refused`: its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}

impl Reply {
    pub(super) fn error(code: Code, message: impl Into<String>) -> Self {
        Self::Error(Failure { code, message: message.into(), tries_left: None, ra_code: None, detail: None })
    }
}

/// Kinds of failure that callers see. (`closed` and `absent` are the caller's own findings.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Code {
    /// The origin is not on the list, may not ask for this, or asks with another site's challenge.
    RefusedOrigin,
    /// The request is none of the protocol's, or its statement is of no known type.
    NotUnderstood,
    /// No certificate fits.
    NoCertificate,
    /// The window was closed after a wrong PIN.
    WrongPin,
    /// The PIN is locked.
    PinLocked,
    /// The token was pulled out.
    TokenRemoved,
    /// The window was closed before the initial PIN was changed.
    PinMustChange,
    /// The person said no.
    Cancelled,
    /// No answer from the registration authority.
    RaUnreachable,
    /// The registration authority said no.
    RaRefused,
    /// Something else is broken.
    Internal,
}
