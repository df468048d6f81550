//! Failures: the only place where a failure becomes an HTTP status.
//!
//! A handler returns a [`Failure`]; [`render`] makes of it a page in the person's language or problem+json
//! for programs. Each says what happened, what was kept, what to do next, and the request id. The cause is
//! logged once, here, and never shown.

use std::fmt;
use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use ca_core::service::client::CallError;
use ca_core::service::protocol::RefusalCode;
use ca_core::sql::DatabaseError;
use serde::Serialize;

use crate::enrolment::case::Forbidden;
use crate::enrolment::certificate_order::refusal_key;
use crate::enrolment::desk::{GrantFault, OfficeError};
use crate::evidence::EvidenceError;
use crate::fund::hall::HallError;
use crate::fund::withdrawal::counter::CounterError;
use crate::login::Refusal;
use crate::page::{Page, View};
use crate::paper::PaperError;
use crate::payment::bill::MoneyFault;
use crate::payment::gateway::GatewayError;
use crate::tokens::TokenRefusal;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $word:literal, $status:ident;)*) => {
        /// What went wrong, as a person can act on it. Each has three messages: `error-{word}-what`,
        /// `-kept` and `-next`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code that programs see and the middle of the message keys.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// The authority does not answer.
    CaUnavailable => "ca_unavailable", SERVICE_UNAVAILABLE;
    /// The authority's key-management centre does not answer: no pairs.
    KmcUnavailable => "kmc_unavailable", SERVICE_UNAVAILABLE;
    /// The certificate is not good now.
    CertificateRefused => "certificate_refused", FORBIDDEN;
    /// The authority said no.
    CaRefused => "ca_refused", CONFLICT;
    /// Someone else changed it meanwhile, or the button was pressed twice.
    Conflict => "conflict", CONFLICT;
    /// Another officer has it in hand.
    Claimed => "claimed", CONFLICT;
    /// Evidence must be kept still.
    Kept => "kept", CONFLICT;
    /// Sent by another site.
    CrossSite => "cross_site", FORBIDDEN;
    /// Another officer must do it: four eyes.
    FourEyes => "four_eyes", FORBIDDEN;
    /// It belongs to another office.
    OtherOffice => "other_office", FORBIDDEN;
    /// The provider of online payment says no.
    GatewayRefused => "gateway_refused", BAD_GATEWAY;
    /// The provider of online payment does not answer.
    GatewayUnavailable => "gateway_unavailable", SERVICE_UNAVAILABLE;
    /// What the request says cannot be: each fault is named.
    Invalid => "invalid", UNPROCESSABLE_ENTITY;
    /// Another request with this key is being worked at.
    KeyBusy => "key_busy", CONFLICT;
    /// The key was given to another request.
    KeyReused => "key_reused", UNPROCESSABLE_ENTITY;
    /// A fault of ours.
    Internal => "internal", INTERNAL_SERVER_ERROR;
    /// Bill, payment, refund or drawer do not allow it.
    MoneyRefused => "money_refused", CONFLICT;
    /// The request cannot be read.
    Malformed => "malformed", BAD_REQUEST;
    /// The address does not take this method.
    MethodNotAllowed => "method_not_allowed", METHOD_NOT_ALLOWED;
    /// The officer has not the role.
    NoRight => "no_right", FORBIDDEN;
    /// No such page or thing.
    NotFound => "not_found", NOT_FOUND;
    /// No one is signed in.
    NotSignedIn => "not_signed_in", UNAUTHORIZED;
    /// The certificate's status cannot be learnt now.
    StatusUnavailable => "status_unavailable", SERVICE_UNAVAILABLE;
    /// The signature does not fit what was to be signed, or who is signed in.
    SignatureRefused => "signature_refused", UNPROCESSABLE_ENTITY;
    /// Storage cannot be used now.
    StoreUnavailable => "store_unavailable", SERVICE_UNAVAILABLE;
    /// The ticket's time is over.
    TicketExpired => "ticket_expired", GONE;
    /// No such ticket.
    TicketUnknown => "ticket_unknown", NOT_FOUND;
    /// The ticket was used up.
    TicketUsed => "ticket_used", CONFLICT;
    /// The grant's time is over.
    GrantExpired => "grant_expired", GONE;
    /// No such grant.
    GrantUnknown => "grant_unknown", NOT_FOUND;
    /// The grant was used up.
    GrantUsed => "grant_used", CONFLICT;
    /// The token is another office's.
    TokenElsewhere => "token_elsewhere", CONFLICT;
    /// The token is out of use.
    TokenSpent => "token_spent", CONFLICT;
    /// The token is used for another case or unit.
    TokenTaken => "token_taken", CONFLICT;
    /// The token is in no stock.
    TokenUnknown => "token_unknown", CONFLICT;
    /// It took too long.
    TimedOut => "timed_out", REQUEST_TIMEOUT;
    /// More bytes than are taken.
    TooLarge => "too_large", PAYLOAD_TOO_LARGE;
    /// Too often.
    TooMany => "too_many", TOO_MANY_REQUESTS;
    /// A body of another kind than the address takes.
    UnsupportedMedia => "unsupported_media", UNSUPPORTED_MEDIA_TYPE;
    /// A paper has a character that no font of ours has.
    Unprintable => "unprintable", UNPROCESSABLE_ENTITY;
    /// The matter is in a state that does not allow it.
    WrongState => "wrong_state", CONFLICT;
}

/// One thing that is wrong in what a program sent.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// Where in the body: a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/people/0/base", nullable = false)]
    pointer: Option<String>,
    /// Which parameter of the address or of the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<&'static str>,
    /// What, for programs.
    #[schema(example = "base_high")]
    code: String,
    /// What, for people.
    detail: String,
}

impl Fault {
    /// At a place of the body. `code` is the end of a message key.
    #[must_use]
    pub fn at(pointer: String, code: &str, detail: String) -> Self {
        Self { pointer: Some(pointer), parameter: None, code: code.replace('-', "_"), detail }
    }

    /// In a parameter.
    #[must_use]
    pub fn parameter(name: &'static str, code: &str, detail: String) -> Self {
        Self { pointer: None, parameter: Some(name), code: code.replace('-', "_"), detail }
    }
}

/// A failed request.
#[derive(Clone)]
pub struct Failure {
    kind: Kind,
    /// For programs and the log: English, never secret.
    detail: Option<Box<str>>,
    /// What the authority called it.
    refusal: Option<RefusalCode>,
    /// Why money is not moved.
    money: Option<MoneyFault>,
    /// For programs: each thing that is wrong.
    faults: Option<Arc<Vec<Fault>>>,
    /// For the log only.
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// Where a person without a session is sent.
    login: Option<&'static str>,
}

impl Failure {
    /// A fault of ours: `what` goes to the log.
    #[must_use]
    pub fn internal(what: impl Into<String>) -> Self {
        Self { detail: Some(what.into().into()), ..Kind::Internal.into() }
    }

    /// A failure with a detail for programs, in English, without secrets or personal data.
    #[must_use]
    pub fn with_detail(kind: Kind, detail: impl fmt::Display) -> Self {
        Self { detail: Some(detail.to_string().into()), ..kind.into() }
    }

    /// A failure with each thing that is wrong, in the language of the request.
    #[must_use]
    pub fn faulty(kind: Kind, faults: Vec<Fault>) -> Self {
        Self { faults: Some(Arc::new(faults)), ..kind.into() }
    }

    /// No one is signed in; people are sent to `login`, programs are told.
    #[must_use]
    pub fn sign_in(login: &'static str) -> Self {
        Self { login: Some(login), ..Kind::NotSignedIn.into() }
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    fn status(&self) -> StatusCode {
        self.kind.status()
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("kind", &self.kind).field("detail", &self.detail).finish_non_exhaustive()
    }
}

impl From<Kind> for Failure {
    fn from(kind: Kind) -> Self {
        Self { kind, detail: None, refusal: None, money: None, faults: None, cause: None, login: None }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        let kind = match &error {
            DatabaseError::RowCount { .. } => Kind::Conflict,
            DatabaseError::OddRow { .. } => Kind::Internal,
            _ if error.is_conflict() => Kind::Conflict,
            _ if error.is_impossible_text() => Kind::Malformed,
            _ => Kind::StoreUnavailable,
        };
        Self { cause: Some(Arc::new(error)), ..kind.into() }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let refusal = error.code();
        let kind = match refusal {
            None | Some(RefusalCode::Unavailable) => Kind::CaUnavailable,
            Some(RefusalCode::KmcUnavailable) => Kind::KmcUnavailable,
            Some(RefusalCode::WrongState) => Kind::WrongState,
            Some(_) => Kind::CaRefused,
        };
        let detail = match &error {
            CallError::Refused(refusal) => Some(refusal.detail.as_str().into()),
            CallError::Unreachable(_) => None,
        };
        Self { detail, refusal, cause: Some(Arc::new(error)), ..kind.into() }
    }
}

impl From<OfficeError> for Failure {
    fn from(error: OfficeError) -> Self {
        let mut money = None;
        let kind = match error {
            OfficeError::Money(MoneyFault::Forbidden(forbidden)) => return OfficeError::Forbidden(forbidden).into(),
            OfficeError::Money(fault) => {
                money = Some(fault);
                Kind::MoneyRefused
            }
            OfficeError::Authority(error) => return error.into(),
            OfficeError::Database(error) => return error.into(),
            OfficeError::Forbidden(Forbidden::SameOfficer) => Kind::FourEyes,
            OfficeError::Forbidden(Forbidden::Claimed) => Kind::Claimed,
            OfficeError::Forbidden(Forbidden::OtherOffice) => Kind::OtherOffice,
            OfficeError::Forbidden(Forbidden::OtherDuty(_)) | OfficeError::NoSeat => Kind::NoRight,
            OfficeError::Forbidden(Forbidden::State { .. }) | OfficeError::NotNow(_) | OfficeError::WrongState(_) => {
                Kind::WrongState
            }
            OfficeError::Kept(kept) => return Self { detail: Some(kept.to_string().into()), ..Kind::Kept.into() },
            OfficeError::Gateway(GatewayError::Unreachable(_)) => Kind::GatewayUnavailable,
            OfficeError::Gateway(GatewayError::Refused(_) | GatewayError::Odd(_)) => Kind::GatewayRefused,
            OfficeError::NotFound => Kind::NotFound,
            OfficeError::Signature(_) => Kind::SignatureRefused,
            OfficeError::TicketExpired => Kind::TicketExpired,
            OfficeError::TicketUnknown => Kind::TicketUnknown,
            OfficeError::TicketUsed => Kind::TicketUsed,
            OfficeError::Grant(GrantFault::Unknown) => Kind::GrantUnknown,
            OfficeError::Grant(GrantFault::Expired) => Kind::GrantExpired,
            OfficeError::Grant(GrantFault::Used) => Kind::GrantUsed,
            OfficeError::Token(TokenRefusal::Elsewhere) => Kind::TokenElsewhere,
            OfficeError::Token(TokenRefusal::Spent) => Kind::TokenSpent,
            OfficeError::Token(TokenRefusal::Taken) => Kind::TokenTaken,
            OfficeError::Token(TokenRefusal::Unknown) => Kind::TokenUnknown,
            OfficeError::Token(TokenRefusal::State) => Kind::WrongState,
            OfficeError::Evidence(EvidenceError::Busy) => Kind::TimedOut,
            OfficeError::Evidence(EvidenceError::NoPicture(_)) => Kind::NotFound,
            OfficeError::Evidence(_) => Kind::StoreUnavailable,
            OfficeError::Paper(PaperError::Glyph(_)) => Kind::Unprintable,
            OfficeError::Paper(_) | OfficeError::Rules(_) | OfficeError::Vault(_) | OfficeError::Ofd(_) => {
                Kind::Internal
            }
        };
        Self { money, cause: Some(Arc::new(error)), ..kind.into() }
    }
}

impl From<HallError> for Failure {
    fn from(error: HallError) -> Self {
        let kind = match error {
            HallError::Database(error) => return error.into(),
            HallError::NotFound => Kind::NotFound,
            HallError::State => Kind::Conflict,
            HallError::Rule(_) | HallError::Lines(_) => Kind::WrongState,
            HallError::Signature(_) | HallError::Refused(_) => Kind::SignatureRefused,
            HallError::NoPolicy(_) | HallError::Vault(_) => Kind::Internal,
        };
        Self { cause: Some(Arc::new(error)), ..kind.into() }
    }
}

impl From<CounterError> for Failure {
    fn from(error: CounterError) -> Self {
        let kind = match error {
            CounterError::Hall(error) => return error.into(),
            CounterError::NotFound => Kind::NotFound,
            CounterError::State => Kind::Conflict,
            CounterError::Denied(_) | CounterError::Face(_) => Kind::WrongState,
            CounterError::Signature(_) | CounterError::Refused(_) => Kind::SignatureRefused,
        };
        Self { cause: Some(Arc::new(error)), ..kind.into() }
    }
}

impl From<PaperError> for Failure {
    fn from(error: PaperError) -> Self {
        let kind = if matches!(error, PaperError::Glyph(_)) { Kind::Unprintable } else { Kind::Internal };
        Self { cause: Some(Arc::new(error)), ..kind.into() }
    }
}

impl From<tower_sessions::session::Error> for Failure {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self { cause: Some(Arc::new(error)), ..Kind::StoreUnavailable.into() }
    }
}

impl IntoResponse for Failure {
    /// Only the status and the failure itself: [`render`] writes the body, since it knows the request.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The status of a page that says why a login was refused.
#[must_use]
pub const fn status_of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Malformed => StatusCode::BAD_REQUEST,
        Refusal::StatusUnreachable | Refusal::AuthorityUnreachable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    what: String,
    kept: String,
    next: String,
    code: &'static str,
    refusal: Option<String>,
}

/// What programs read of a failure: RFC 9457.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Problem {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:yinxin:problem:invalid")]
    kind: String,
    /// What happened.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What to do next.
    detail: String,
    /// The end of the type.
    #[schema(example = "invalid")]
    code: &'static str,
    /// What the authority called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    ca_code: Option<RefusalCode>,
    /// Each thing that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Fault>,
    /// For whoever asks us about it.
    request_id: String,
}

/// Middleware that writes the body of every failure, also of those that a library answered bare.
pub async fn render(view: View, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let failure = match response.extensions_mut().remove::<Failure>() {
        Some(failure) => failure,
        None if !is_ours(&response) && response.status().as_u16() >= 400 => bare(response.status()),
        None => return response,
    };
    log(&failure, &view);
    let mut rendered = match failure.login.filter(|_| !view.api) {
        Some(login) => Redirect::to(login).into_response(),
        None if view.api => problem(&failure, &view),
        None => page(&failure, &view),
    };
    // A session that ended goes on under another name, and remembers where to go back to.
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        rendered.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    if view.api && rendered.status() == StatusCode::UNAUTHORIZED {
        rendered.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    rendered.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    rendered
}

/// Whether the body was written by us: a page or problem+json.
fn is_ours(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html") || kind.starts_with("application/problem+json"))
}

/// The failure that a library meant with a bare status.
fn bare(status: StatusCode) -> Failure {
    Kind::ALL
        .iter()
        .copied()
        .find(|kind| match status {
            StatusCode::CONFLICT => *kind == Kind::Conflict,
            StatusCode::FORBIDDEN => *kind == Kind::NoRight,
            StatusCode::SERVICE_UNAVAILABLE => *kind == Kind::StoreUnavailable,
            StatusCode::UNPROCESSABLE_ENTITY => *kind == Kind::Malformed,
            other => kind.status() == other,
        })
        .unwrap_or(if status.is_client_error() { Kind::Malformed } else { Kind::Internal })
        .into()
}

fn log(failure: &Failure, view: &View) {
    let (code, id, path) =
        (failure.kind.word(), view.request_id.as_str(), view.path.split('?').next().unwrap_or_default());
    let cause = failure.cause.as_ref().map(ToString::to_string);
    if failure.status().is_server_error() {
        tracing::error!(code, request_id = id, path, cause, detail = failure.detail.as_deref(), "request failed");
    } else {
        tracing::info!(code, request_id = id, path, cause, detail = failure.detail.as_deref(), "request refused");
    }
}

fn message(failure: &Failure, view: &View, part: &str) -> String {
    view.t(&format!("error-{}-{part}", failure.kind.word().replace('_', "-")))
}

fn page(failure: &Failure, view: &View) -> Response {
    let what = message(failure, view, "what");
    let shown = ErrorPage {
        page: view.page(what.clone()),
        what,
        kept: message(failure, view, "kept"),
        next: message(failure, view, "next"),
        code: failure.kind.word(),
        refusal: failure
            .refusal
            .map(refusal_key)
            .or_else(|| failure.money.map(|fault| format!("money-fault-{}", fault.word())))
            .map(|key| view.t(&key)),
    };
    match shown.render() {
        Ok(text) => (failure.status(), Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the error page failed");
            failure.status().into_response()
        }
    }
}

fn problem(failure: &Failure, view: &View) -> Response {
    let body = Problem {
        kind: format!("urn:yinxin:problem:{}", failure.kind.word()),
        title: message(failure, view, "what"),
        status: failure.status().as_u16(),
        detail: failure
            .detail
            .clone()
            .filter(|_| !failure.status().is_server_error())
            .map(Into::into)
            .unwrap_or_else(|| message(failure, view, "next")),
        code: failure.kind.word(),
        ca_code: failure.refusal,
        errors: failure.faults.as_deref().cloned().unwrap_or_default(),
        request_id: view.request_id.clone(),
    };
    let text = serde_json::to_string(&body).unwrap_or_default();
    (failure.status(), [(header::CONTENT_TYPE, "application/problem+json")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;

    #[test]
    fn every_kind_has_its_three_messages_in_both_languages() {
        for kind in Kind::ALL {
            for part in ["what", "kept", "next"] {
                for locale in Locale::ALL {
                    let key = format!("error-{}-{part}", kind.word().replace('_', "-"));
                    assert_ne!(locale.t(&key), key, "{}", locale.tag());
                }
            }
        }
    }

    #[test]
    fn every_refusal_of_the_authority_has_a_message() {
        use RefusalCode as C;
        for code in [
            C::Malformed,
            C::BadSignature,
            C::UnknownOfficer,
            C::OfficerNotGood,
            C::WrongRole,
            C::TwoOfficersNeeded,
            C::OrderChanged,
            C::OrderReplayed,
            C::OrderNotCurrent,
            C::KeyNotBound,
            C::NoProofOfPossession,
            C::KeyNotAccepted,
            C::ProfileViolated,
            C::LastAdministrators,
            C::IssuerRetired,
            C::NotFound,
            C::WrongState,
            C::Unavailable,
            C::KmcUnavailable,
        ] {
            assert_ne!(Locale::En.t(&refusal_key(code)), refusal_key(code));
        }
    }

    #[test]
    fn bare_statuses_of_libraries_find_their_kind() {
        assert_eq!(bare(StatusCode::NOT_FOUND).kind, Kind::NotFound);
        assert_eq!(bare(StatusCode::PAYLOAD_TOO_LARGE).kind, Kind::TooLarge);
        assert_eq!(bare(StatusCode::TOO_MANY_REQUESTS).kind, Kind::TooMany);
        assert_eq!(bare(StatusCode::METHOD_NOT_ALLOWED).kind, Kind::MethodNotAllowed);
        assert_eq!(bare(StatusCode::IM_A_TEAPOT).kind, Kind::Malformed);
    }
}
