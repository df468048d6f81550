//! The API's description (OpenAPI 3.1), made from the handlers, and the page that people read of it.

use std::sync::Arc;

use askama::Template;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, Content, HeaderBuilder, Info, License, ObjectBuilder, OpenApi, RefOr, Required, Response as Described,
    ResponseBuilder, Schema, Server, Type,
};
use utoipa::{PartialSchema, ToSchema as _};

use super::links;
use crate::http::answer::Shown;
use crate::http::error::Problem;
use crate::page::{Page, View};

/// What can be asked for without a session.
const OPEN: [&str; 2] = ["begin_session", "open_session"];
/// What can be sent again under a key.
const REPEATED: [&str; 2] = ["sign_operation", "cancel_operation"];
/// The parts, in their order.
const PARTS: [(&str, &str); 4] = [
    ("session", "A challenge, signed, gives a token."),
    ("queries", "What stands in the books."),
    ("plans", "What is to be done becomes a document."),
    ("operations", "Documents are signed and booked; receipts, vouchers and evidence."),
];
const BEARER: &str = "session";
const PROBLEM: &str = "application/problem+json";

/// One operation, as the page lists it.
struct Line {
    tag: String,
    method: &'static str,
    path: String,
    /// The end of the message key `api-op-…`.
    id: String,
}

/// The description.
#[derive(Clone)]
pub(super) struct Document {
    json: Arc<str>,
    lines: Arc<[Line]>,
}

/// A part of the page.
struct Part {
    title: String,
    lines: Vec<Said>,
}

/// An operation in the page's language.
struct Said {
    method: &'static str,
    path: String,
    what: String,
}

#[derive(Template)]
#[template(path = "portal/api.html")]
struct ApiPage {
    page: Page,
    parts: Vec<Part>,
}

impl Document {
    /// What the handlers say of themselves, with what is true of all: the portal's address, the token, the problems.
    pub(super) fn of(mut api: OpenApi, origin: &str) -> Self {
        api.info = Info::new("Yinxin fund portal: business API", env!("CARGO_PKG_VERSION"));
        api.info.description = Some(
            "What a unit does at the housing fund, for its programs. See docs/fund-api.md. Amounts are text in yuan with two \
             decimals; moments are in Beijing time; codes are those of JGJ/T 320-2014."
                .to_owned(),
        );
        let mut license = License::new("Apache-2.0 or MIT");
        license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
        api.info.license = Some(license);
        let tag = |(name, what): (&str, &str)| TagBuilder::new().name(name).description(Some(what)).build();
        api.tags = Some(PARTS.map(tag).into());
        api.servers = Some(vec![Server::new(origin)]);
        let components = api.components.get_or_insert_with(Components::new);
        let mut parts = vec![(Problem::name().into_owned(), Problem::schema())];
        Problem::schemas(&mut parts);
        components.schemas.extend(parts);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The token of a session"));
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
        let mut lines = Vec::new();
        for (path, item) in &mut api.paths.paths {
            for (method, operation) in [("GET", &mut item.get), ("POST", &mut item.post), ("DELETE", &mut item.delete)]
            {
                let Some(operation) = operation else { continue };
                complete(operation, method == "GET");
                links::add(operation);
                let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
                let id = operation.operation_id.clone().unwrap_or_default().replace('_', "-");
                lines.push(Line { tag, method, path: path.clone(), id });
            }
        }
        let json = serde_json::to_string_pretty(&api).unwrap_or_default();
        Self { json: json.into(), lines: lines.into() }
    }

    /// `GET /api/v1/openapi.json`.
    pub(super) fn json(&self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.json.to_string()).into_response()
    }

    /// `GET /api/v1`.
    pub(super) fn page(&self, view: &View) -> Response {
        let part = |(tag, _): &(&str, &str)| {
            let of = self.lines.iter().filter(|line| line.tag == *tag);
            let said = |line: &Line| Said {
                method: line.method,
                path: line.path.clone(),
                what: view.t(&format!("api-op-{}", line.id)),
            };
            Part { title: view.t(&format!("api-tag-{tag}")), lines: of.map(said).collect() }
        };
        let parts = PARTS.iter().map(part).collect();
        Shown(ApiPage { page: Page { wide: true, ..view.page(view.t("api-title")) }, parts }).into_response()
    }
}

/// Adds what is true of every operation of its kind: who may ask, and what can go wrong.
fn complete(operation: &mut Operation, reads: bool) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let open = OPEN.contains(&id.as_str());
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let place =
        |wanted: ParameterIn| parameters.iter().any(|one| matches!(one, RefOr::T(one) if one.parameter_in == wanted));
    let (in_path, in_query) = (place(ParameterIn::Path), place(ParameterIn::Query));
    let has_body = operation.request_body.is_some();
    let is_plan = id.starts_with("plan_");
    if is_plan {
        let what =
            "What stands in the way is named row by row; otherwise the answer has the bytes that are to be signed.";
        operation.description.get_or_insert_with(|| what.to_owned());
    }
    operation.security =
        Some(if open { Vec::new() } else { vec![SecurityRequirement::new(BEARER, Vec::<String>::new())] });
    if is_plan || REPEATED.contains(&id.as_str()) {
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "A name of your choice for this request: sent again with the same body within 24 hours it is answered as it \
                 was and not done again.",
            ))
            .schema(Some(text(Some("^[!-~]{1,64}$"))));
        operation.parameters.get_or_insert_default().push(RefOr::T(key.build()));
    }
    let mut add = |status: &str, what: &str, described: Option<Described>| {
        let problem = described.unwrap_or_else(|| problem(what));
        operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(problem));
    };
    if has_body || in_query || in_path {
        add(
            "400",
            "It cannot be read: no JSON, a field or parameter that is unknown or missing, a value of another type",
            None,
        );
    }
    if !open {
        let challenge = HeaderBuilder::new().schema(Some(text(None))).build();
        let mut refused = problem("No session, or it is over");
        refused.headers.insert("WWW-Authenticate".into(), RefOr::T(challenge));
        add("401", "", Some(refused));
    }
    if !reads {
        add("403", "The certificate is not good now, or the page of another site sent it", None);
    }
    if in_path {
        add("404", "Nothing of this unit has this number", None);
    }
    add("408", "It took too long", None);
    if !reads && !open && (in_path || is_plan) {
        add("409", "The state does not allow it, or another request with this key is being worked at", None);
    }
    if id == "operation_evidence" {
        add("409", "It was not signed", None);
    }
    if has_body {
        add("413", "More bytes than are taken", None);
        add("415", "Not application/json", None);
    }
    if has_body || in_query || is_plan || REPEATED.contains(&id.as_str()) {
        add("422", "Values or rules stand in the way: `errors` names each", None);
    }
    let whole = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    let wait = HeaderBuilder::new().schema(Some(whole)).build();
    let mut often = problem("Too often: wait for as many seconds as Retry-After says");
    often.headers.insert("Retry-After".into(), RefOr::T(wait));
    add("429", "", Some(often));
    add("500", "A fault of ours", None);
    add("503", "The database, or the responder that knows the certificate's status, does not answer", None);
}

fn problem(what: &str) -> Described {
    let schema = utoipa::openapi::Ref::from_schema_name(Problem::name());
    ResponseBuilder::new().description(what).content(PROBLEM, Content::new(Some(schema))).build()
}

fn text(pattern: Option<&str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).pattern(pattern).into()
}
