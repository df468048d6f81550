//! The business API, `/api/v1`: what units' programs do, by the same hall as the pages.
//!
//! It stands on the portal's own listener, because what is signed names the portal's origin, and a transaction is the same
//! whoever typed it. A program opens a session with a signed challenge and gets a token for a quarter of an hour, which lets
//! it read and put plans together; whatever is booked is signed besides, over the very bytes that a plan came to. An edge and
//! nothing else: rules, books, evidence and refusals are the hall's. Trusts: no header but the token, no number of a unit in
//! a request: whose data it is says the session. Never shows the number of a person whole.

mod ask;
mod document;
mod links;
mod operations;
mod plans;
mod queries;
mod repeat;
mod session;
mod shape;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Portal;

/// Where it is.
const ROOT: &str = "/api/v1";
/// A list may have so many bytes.
const MAX_LIST_BYTES: usize = 1024 * 1024;

/// The routes of the API, its description and its page.
pub(super) fn router(portal: &Portal) -> Router<Portal> {
    let lists = OpenApiRouter::new()
        .routes(routes!(plans::post_open))
        .routes(routes!(plans::post_rebase))
        .routes(routes!(plans::post_make_up))
        .layer(DefaultBodyLimit::max(MAX_LIST_BYTES));
    let api = OpenApiRouter::new()
        .routes(routes!(session::post_challenge))
        .routes(routes!(session::post_session, session::delete_session))
        .routes(routes!(queries::get_unit))
        .routes(routes!(queries::get_ledger))
        .routes(routes!(queries::get_contributions))
        .routes(routes!(queries::get_interest))
        .routes(routes!(queries::get_people))
        .routes(routes!(queries::post_search))
        .routes(routes!(queries::get_person))
        .routes(routes!(queries::get_person_ledger))
        .routes(routes!(queries::get_changes))
        .routes(routes!(plans::post_remit))
        .routes(routes!(plans::post_seal))
        .routes(routes!(plans::post_unseal))
        .routes(routes!(plans::post_change_unit))
        .routes(routes!(plans::post_change_person))
        .routes(routes!(plans::post_reverse))
        .routes(routes!(operations::get_operations))
        .routes(routes!(operations::get_operation))
        .routes(routes!(operations::get_document))
        .routes(routes!(operations::get_list))
        .routes(routes!(operations::get_progress))
        .routes(routes!(operations::post_signature))
        .routes(routes!(operations::post_cancel))
        .routes(routes!(operations::post_voucher))
        .routes(routes!(operations::get_evidence))
        .merge(lists);
    let (routes, description) = OpenApiRouter::new().nest(ROOT, api).split_for_parts();
    let document = document::Document::of(description, &portal.origin);
    let page = document.clone();
    routes
        .route("/api/v1/openapi.json", get(async move || document.json()))
        .route(ROOT, get(async move |view| page.page(&view)))
}
