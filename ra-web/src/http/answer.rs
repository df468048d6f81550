//! Good answers: a page, a form shown again, the way to the next page.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Multipart;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::error::{Failure, Kind};
use crate::reports::sheet::Sheet;

/// Short fields of a form with a file: so many, each of so many bytes.
const MOST_FIELDS: usize = 20;
const MOST_FIELD_BYTES: usize = 2_000;

/// The short fields of a form, and its first file as [`file_of`] gives it.
pub type Parts = (BTreeMap<String, String>, Option<(String, Option<Vec<u8>>)>);

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

/// A table as a file to keep, `csv` or `xlsx`.
///
/// # Errors
/// Not found, for another form.
pub fn sheet_file(sheet: &Sheet, form: &str, name: &str) -> Result<Response, Failure> {
    let (media, bytes) = match form {
        "csv" => ("text/csv; charset=utf-8", sheet.csv()),
        "xlsx" => {
            let book = sheet.xlsx().map_err(|error| Failure::internal(format!("a workbook: {error}")))?;
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", book)
        }
        _ => return Err(Kind::NotFound.into()),
    };
    Ok(attached(media, bytes, &format!("{name}.{form}")))
}

/// Bytes as a file to keep.
#[must_use]
pub fn attached(media: &'static str, bytes: Vec<u8>, name: &str) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, media), (header::CONTENT_DISPOSITION, disposition.as_str())], bytes).into_response()
}

/// The first file of a form: its name and its bytes, `None` for the bytes when there are more than `most`.
///
/// # Errors
/// When the form cannot be read.
pub async fn file_of(body: Multipart, most: usize) -> Result<Option<(String, Option<Vec<u8>>)>, Failure> {
    Ok(parts_of(body, most).await?.1)
}

/// The same with the short fields that stand before the file.
///
/// # Errors
/// As [`file_of`].
pub async fn parts_of(mut body: Multipart, most: usize) -> Result<Parts, Failure> {
    let mut typed = BTreeMap::new();
    while let Some(mut field) = body.next_field().await.map_err(|_| Kind::Malformed)? {
        let name = field.file_name().unwrap_or_default().to_owned();
        if name.is_empty() {
            let (of, text) = (field.name().unwrap_or_default().to_owned(), field.text().await);
            let text = text.map_err(|_| Kind::Malformed)?;
            if typed.len() < MOST_FIELDS && text.len() <= MOST_FIELD_BYTES {
                typed.insert(of, text);
            }
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|_| Kind::TooLarge)? {
            if bytes.len() + chunk.len() > most {
                return Ok((typed, Some((name, None))));
            }
            bytes.extend_from_slice(&chunk);
        }
        return Ok((typed, Some((name, Some(bytes)))));
    }
    Ok((typed, None))
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
