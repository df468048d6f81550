//! Good answers: a page, a form shown again, the way to the next page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::error::Failure;

/// A rendered template.
#[derive(Clone, Debug)]
pub struct Shown<T>(pub T);

impl<T: Template> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        render(StatusCode::OK, &self.0)
    }
}

/// A form that is shown again with its errors: what was typed is still there.
#[derive(Clone, Debug)]
pub struct Again<T>(pub T);

impl<T: Template> IntoResponse for Again<T> {
    fn into_response(self) -> Response {
        render(StatusCode::UNPROCESSABLE_ENTITY, &self.0)
    }
}

/// After a form was taken: look at this page (303), so that a reload repeats nothing.
#[must_use]
pub fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

fn render<T: Template>(status: StatusCode, template: &T) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => Failure::internal(format!("a template failed: {error}")).into_response(),
    }
}
