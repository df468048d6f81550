//! Refuses requests that another site made the browser send.
//!
//! The rule of Go 1.25's CrossOriginProtection: an unsafe method passes when `Sec-Fetch-Site` says
//! `same-origin` or `none`, or, where a browser does not send that header, when `Origin` names this host.
//! A request with neither header does not come from a browser and carries no one's cookies by accident.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{Failure, Kind};

/// The middleware.
pub async fn refuse_cross_site(request: Request, next: Next) -> Response {
    if allowed(request.method(), request.headers()) {
        next.run(request).await
    } else {
        Failure::from(Kind::CrossSite).into_response()
    }
}

fn allowed(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin_host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    host.is_some() && origin_host == host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn a_form_of_our_own_page_passes() {
        assert!(allowed(&Method::POST, &headers(&[("sec-fetch-site", "same-origin")])));
        assert!(allowed(&Method::POST, &headers(&[("host", "ra.example"), ("origin", "https://ra.example")])));
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        assert!(!allowed(&Method::POST, &headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!allowed(&Method::POST, &headers(&[("sec-fetch-site", "same-site")])));
        assert!(!allowed(&Method::POST, &headers(&[("host", "ra.example"), ("origin", "https://evil.example")])));
        assert!(!allowed(&Method::POST, &headers(&[("host", "ra.example"), ("origin", "null")])));
    }

    #[test]
    fn reading_and_programs_pass() {
        assert!(allowed(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")])));
        assert!(allowed(&Method::POST, &headers(&[("host", "ra.example")])));
    }
}
