use axum::body::Body;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use ca_core::clock::TestClock;
use ca_core::domain::Timestamp;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::chance_from_seed;

fn site(burst: u32) -> Router {
    let routes = Router::new()
        .route(
            "/here",
            get(|view: View| async move { format!("{} {}", view.locale.tag(), view.path) })
                .post(|body: String| async move { body }),
        )
        .route("/api/v1/gone", get(|| async { Failure::from(Kind::TicketUnknown) }))
        .route("/things/{id}", get(|Path(id): Path<String>| async move { id }));
    let frame = Frame {
        site: Site::Staff,
        agent: "http://127.0.0.1:17080".into(),
        proxies: Vec::new(),
        burst,
        clock: Arc::new(TestClock::at(Timestamp::from_unix(1_790_000_000))),
        chance: chance_from_seed(1),
    };
    wrap(routes, frame)
}

async fn ask(site: Router, request: axum::http::request::Builder, body: impl Into<Body>) -> (Response, String) {
    let response = site.oneshot(request.body(body.into()).expect("a request")).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let text = body.collect().await.expect("a body").to_bytes();
    (Response::from_parts(parts, Body::empty()), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn the_switch_of_language_sets_a_cookie_and_keeps_the_rest_of_the_query() {
    let (response, text) = ask(site(100), Request::get("/here?q=1&lang=en&p=2"), "").await;
    assert_eq!(text, "en /here?q=1&p=2");
    assert!(response.headers()[header::SET_COOKIE].to_str().expect("ASCII").starts_with("yx-lang=en;"));
}

#[tokio::test]
async fn the_cookie_wins_over_the_browsers_languages_and_chinese_is_the_default() {
    let (_, text) =
        ask(site(100), Request::get("/here").header("cookie", "a=b; yx-lang=en").header("accept-language", "zh"), "")
            .await;
    assert!(text.starts_with("en "));
    let (_, text) = ask(site(100), Request::get("/here").header("accept-language", "fr, en;q=0.8"), "").await;
    assert!(text.starts_with("en "));
    let (_, text) = ask(site(100), Request::get("/here"), "").await;
    assert!(text.starts_with("zh-CN "));
}

#[tokio::test]
async fn an_unknown_page_is_a_page_with_the_request_id() {
    let (response, text) = ask(site(100), Request::get("/nowhere").header("accept-language", "en"), "").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let id = response.headers()["x-request-id"].to_str().expect("hex");
    assert!(text.contains("<html lang=\"en\"") && text.contains(id));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["cross-origin-opener-policy"], "same-origin-allow-popups");
}

#[tokio::test]
async fn programs_get_problem_json() {
    let (response, text) = ask(site(100), Request::get("/api/v1/gone"), "").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(problem["code"], "ticket_unknown");
    assert_eq!(problem["status"], 404);
}

#[tokio::test]
async fn a_long_body_another_method_and_another_site_are_refused_with_a_page() {
    let (response, text) = ask(site(100), Request::post("/here"), vec![b'x'; MAX_BODY_BYTES + 1]).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("<html"));
    let (response, _) = ask(site(100), Request::builder().method(Method::DELETE).uri("/here"), "").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let (response, text) = ask(site(100), Request::post("/here").header("sec-fetch-site", "cross-site"), "").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(text.contains("cross_site"));
}

#[tokio::test]
async fn a_flood_from_one_address_is_told_to_wait() {
    let site = site(3);
    for _ in 0..3 {
        assert_eq!(ask(site.clone(), Request::get("/here"), "").await.0.status(), StatusCode::OK);
    }
    let (response, text) = ask(site, Request::get("/here"), "").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(text.contains("too_many"));
}

#[tokio::test]
async fn static_files_are_kept_for_ever() {
    let (response, text) = ask(site(100), Request::get(assets::href("app.css")), "").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers()[header::CACHE_CONTROL].to_str().expect("ASCII").contains("immutable"));
    assert!(text.contains("@layer"));
}

#[tokio::test]
async fn an_address_that_can_name_nothing_is_not_found_before_anybody_looks() {
    for id in ["%00", "01%00", "%1F", "%0a", "%7f", "%C2%85", "%ff", "%c3%28"] {
        let (response, _) = ask(site(100), Request::get(format!("/things/{id}")), "").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{id}");
        let (response, _) = ask(site(100), Request::post(format!("/here/{id}")), "").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{id}");
    }
    for (id, read) in [("%E4%B8%AD", "中"), ("100%25", "100%"), ("a%20b", "a b")] {
        let (response, text) = ask(site(100), Request::get(format!("/things/{id}")), "").await;
        assert_eq!((response.status(), text.as_str()), (StatusCode::OK, read));
    }
    let (response, text) = ask(site(100), Request::get("/here?q=a%00b").header("accept", "application/json"), "").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{text}");
    assert_eq!(ask(site(100), Request::get("/here?q=%0A%ZZ%"), "").await.0.status(), StatusCode::OK);
}
