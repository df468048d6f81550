//! Static files: embedded, each under an address with its hash, so that browsers keep it for ever.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use openssl::sha::sha256;
use rust_embed::RustEmbed;

use super::error::{Failure, Kind};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// Names with their hash in hex, 16 digits.
fn hashes() -> &'static BTreeMap<String, String> {
    static HASHES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    HASHES.get_or_init(|| {
        Files::iter()
            .filter_map(|name| {
                let file = Files::get(&name)?;
                Some((name.into_owned(), hex::encode(&sha256(&file.data)[..8])))
            })
            .collect()
    })
}

/// The address of a static file, `/static/{hash}/{name}`. A test holds that every name used exists.
#[must_use]
pub fn href(name: &str) -> String {
    hashes().get(name).map_or_else(|| format!("/static/missing/{name}"), |hash| format!("/static/{hash}/{name}"))
}

/// Whether a file of this name is embedded.
#[must_use]
pub fn exists(name: &str) -> bool {
    hashes().contains_key(name)
}

/// `GET /static/{hash}/{*name}`.
///
/// # Errors
/// Not found, when there is no such file or it has another hash now.
pub async fn get_asset(Path((hash, name)): Path<(String, String)>) -> Result<Response, Failure> {
    if hashes().get(&name) != Some(&hash) {
        return Err(Kind::NotFound.into());
    }
    let file = Files::get(&name).ok_or(Kind::NotFound)?;
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, file.data.into_owned()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_a_template_names_exists() {
        fn walk(folder: &std::path::Path) {
            for entry in std::fs::read_dir(folder).expect("templates").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("a template is text");
                for (at, call) in text.match_indices("asset(\"") {
                    let name = text[at + call.len()..].split('"').next().expect("a split has a first piece");
                    assert!(exists(name), "{}: no static file {name}", path.display());
                }
            }
        }
        walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"));
    }
}
