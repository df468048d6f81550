//! What a program sends: body and parameters, read strictly, each fault named. What was sent is repeated in no message, since
//! it may hold numbers of persons.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use ca_core::domain::{BeijingDay, OrderId, Sha256};
use serde::de::DeserializeOwned;

use crate::fund::account::day;
use crate::fund::amounts::{Fen, Month};
use crate::fund::books::PersonNumber;
use crate::http::error::{Failure, Fault, Kind};
use crate::page::View;

/// Rows on a page, unless the program says otherwise.
pub(super) const PAGE: i64 = 50;
/// Rows on a page at most.
pub(super) const MOST: i64 = 200;

/// A JSON body, and the hash of its bytes.
pub(super) struct Body<T> {
    pub(super) value: T,
    pub(super) sha256: Sha256,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(Kind::UnsupportedMedia.into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            _ => Kind::Malformed,
        })?;
        let value = serde_json::from_slice(&bytes).map_err(|error| unread(&error))?;
        Ok(Self { value, sha256: Sha256(openssl::sha::sha256(&bytes)) })
    }
}

/// Where a body is not what it should be. Of the parser's words only those that name a field of ours.
fn unread(error: &serde_json::Error) -> Failure {
    let said = error.to_string();
    let what = match said.strip_prefix("missing field ") {
        Some(rest) => format!("missing field {}", rest.split(" at line").next().unwrap_or_default()),
        None if said.starts_with("unknown field") => "a field that this request does not have".to_owned(),
        None if said.starts_with("duplicate field") => "a field that stands there twice".to_owned(),
        None if error.is_data() => "a value of another type".to_owned(),
        None => "not JSON".to_owned(),
    };
    Failure::with_detail(Kind::Malformed, format!("line {}, column {}: {what}", error.line(), error.column()))
}

/// Parameters of the address.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let read = axum::extract::Query::try_from_uri(&parts.uri);
        let axum::extract::Query(value) =
            read.map_err(|_| Failure::with_detail(Kind::Malformed, "a parameter that is unknown, or given twice"))?;
        Ok(Self(value))
    }
}

/// Reads the texts of a request, and notes each that cannot be.
pub(super) struct Reader<'a> {
    view: &'a View,
    faults: Vec<Fault>,
}

/// Where a text stands.
#[derive(Clone)]
pub(super) enum At {
    /// In the body.
    Body(String),
    /// In the address or the header.
    Parameter(&'static str),
}

impl From<&str> for At {
    fn from(pointer: &str) -> Self {
        Self::Body(pointer.to_owned())
    }
}

impl From<String> for At {
    fn from(pointer: String) -> Self {
        Self::Body(pointer)
    }
}

impl<'a> Reader<'a> {
    pub(super) const fn new(view: &'a View) -> Self {
        Self { view, faults: Vec::new() }
    }

    /// Notes a fault with this message `fund-fault-…`.
    pub(super) fn fault(&mut self, at: impl Into<At>, word: &str) {
        self.said(at, word, self.view.t(&format!("fund-fault-{word}")));
    }

    /// Notes a fault.
    pub(super) fn said(&mut self, at: impl Into<At>, code: &str, detail: String) {
        self.faults.push(match at.into() {
            At::Body(pointer) => Fault::at(pointer, code, detail),
            At::Parameter(name) => Fault::parameter(name, code, detail),
        });
    }

    pub(super) fn read<T>(&mut self, at: impl Into<At>, word: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.fault(at, word);
        }
        value
    }

    pub(super) fn number(&mut self, at: impl Into<At>, text: &str) -> Option<PersonNumber> {
        self.read(at, "number", text.parse().ok())
    }

    pub(super) fn month(&mut self, at: impl Into<At>, text: &str) -> Option<Month> {
        let month = Month::try_from(text.to_owned()).ok().filter(|month| month.yyyymm() < 210_000);
        self.read(at, "month", month)
    }

    pub(super) fn amount(&mut self, at: impl Into<At>, text: &str) -> Option<Fen> {
        let amount = text.parse().ok().filter(|amount: &Fen| *amount >= Fen::ZERO && text.len() <= 12);
        self.read(at, "amount", amount)
    }

    pub(super) fn serial(&mut self, at: impl Into<At>, text: &str) -> Option<String> {
        self.read(at, "serial", is_serial(text).then(|| text.to_owned()))
    }

    /// What may be left out.
    pub(super) fn maybe<T>(
        &mut self,
        text: Option<&str>,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        text.and_then(|text| read(self, text))
    }

    pub(super) fn day(&mut self, at: &'static str, text: Option<&str>, usual: BeijingDay) -> BeijingDay {
        self.maybe(text, |this, text| this.read(At::Parameter(at), "day", day(text))).unwrap_or(usual)
    }

    /// Rows on the page.
    pub(super) fn limit(&mut self, text: Option<&str>) -> i64 {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 3;
        let limit = |text: &str| text.parse().ok().filter(|n| (1..=MOST).contains(n) && digits(text));
        self.maybe(text, |this, text| this.read(At::Parameter("limit"), "limit", limit(text))).unwrap_or(PAGE)
    }

    /// A place in a ledger.
    pub(super) fn place(&mut self, text: Option<&str>) -> Option<i64> {
        let digits = |text: &str| (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        self.maybe(text, |this, text| {
            this.read(At::Parameter("cursor"), "cursor", text.parse().ok().filter(|_| digits(text)))
        })
    }

    /// All that was read, if nothing was wrong.
    pub(super) fn done<T>(self, value: Option<T>) -> Result<T, Failure> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(Failure::faulty(Kind::Invalid, self.faults)),
        }
    }
}

/// Whether it can be the serial number of an operation.
pub(super) fn is_serial(text: &str) -> bool {
    text.parse::<OrderId>().is_ok()
}

/// An employee's account in an address: one that cannot be is nobody's.
pub(super) fn number_of(text: &str) -> Result<PersonNumber, Failure> {
    text.parse().map_err(|_| Kind::NotFound.into())
}

/// A serial number in an address: one that cannot be is nothing's.
pub(super) fn serial_of(text: &str) -> Result<&str, Failure> {
    is_serial(text).then_some(text).ok_or_else(|| Kind::NotFound.into())
}
