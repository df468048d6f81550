use axum::body::Body;
use axum::http::Request;
use ca_core::clock::SystemClock;
use http_body_util::BodyExt as _;
use rand_chacha::rand_core::SeedableRng as _;
use tower::ServiceExt as _;

use super::*;

fn stand_in() -> Router {
    let settings = Settings {
        origin: "http://127.0.0.1:1".into(),
        webhook: "http://127.0.0.1:1/webhooks/stripe".into(),
        secret: "whsec_1".into(),
    };
    router(StandIn::new(settings, Arc::new(SystemClock), ChaCha20Rng::seed_from_u64(7)))
}

async fn ask(router: &Router, method: &str, path: &str, key: Option<&str>, body: &str) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer sk_test_1");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("an answer");
    let status = answer.status();
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

const FORM: &str = "mode=payment&line_items[0][price_data][currency]=cny&line_items[0][price_data][unit_amount]=20000&\
    line_items[0][quantity]=2&success_url=http%3A%2F%2F127.0.0.1%2Fback&cancel_url=http%3A%2F%2F127.0.0.1%2Fback&\
    client_reference_id=CO-1&metadata[bill]=BL-1&allowed_payment_method_types[0]=alipay";

#[tokio::test]
async fn a_session_has_every_field_of_the_official_one_and_the_facts_of_the_request() {
    let router = stand_in();
    let (status, session) = ask(&router, "POST", "/v1/checkout/sessions", None, FORM).await;
    assert_eq!(status, StatusCode::OK, "{session}");
    for name in sessions::fixture().as_object().expect("an object").keys() {
        assert!(session.get(name).is_some(), "{name} is missing");
    }
    assert_eq!(session["amount_total"], 40_000);
    assert_eq!(session["metadata"]["bill"], "BL-1");
    assert_eq!(session["success_url"], "http://127.0.0.1/back");
}

#[tokio::test]
async fn a_key_gives_the_same_session_and_refuses_another_request() {
    let router = stand_in();
    let (_, first) = ask(&router, "POST", "/v1/checkout/sessions", Some("k-1"), FORM).await;
    let (_, again) = ask(&router, "POST", "/v1/checkout/sessions", Some("k-1"), FORM).await;
    assert_eq!(first["id"], again["id"]);
    let other = FORM.replace("20000", "10000");
    let (status, error) = ask(&router, "POST", "/v1/checkout/sessions", Some("k-1"), &other).await;
    assert_eq!((status, &error["error"]["type"]), (StatusCode::BAD_REQUEST, &Value::from("idempotency_error")));
    let (_, without) = ask(&router, "POST", "/v1/checkout/sessions", None, FORM).await;
    assert_ne!(first["id"], without["id"]);
}

#[tokio::test]
async fn what_was_paid_or_has_ended_is_not_expired_again() {
    let router = stand_in();
    let (_, session) = ask(&router, "POST", "/v1/checkout/sessions", None, FORM).await;
    let id = session["id"].as_str().expect("an id");
    ask(&router, "POST", "/stand-in/delivery/never", None, "").await;
    ask(&router, "POST", &format!("/c/pay/{id}"), None, "act=pay").await;
    let (_, paid) = ask(&router, "GET", &format!("/v1/checkout/sessions/{id}"), None, "").await;
    assert_eq!((&paid["status"], &paid["payment_status"]), (&Value::from("complete"), &Value::from("paid")));
    let (status, _) = ask(&router, "POST", &format!("/v1/checkout/sessions/{id}/expire"), None, "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_session_without_what_stripe_demands_is_refused() {
    let router = stand_in();
    for (from, to) in [
        ("mode=payment", "mode=setup"),
        ("alipay", "wechat_pay"),
        ("alipay", "cash"),
        ("20000", "0"),
        ("success_url", "other"),
        ("mode=payment", "mode=payment&expires_at=1"),
    ] {
        let (status, answer) = ask(&router, "POST", "/v1/checkout/sessions", None, &FORM.replace(from, to)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{to}: {answer}");
    }
}
