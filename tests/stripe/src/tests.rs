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

/// A paid session: its id and its payment.
async fn paid(router: &Router) -> (String, String) {
    let (_, session) = ask(router, "POST", "/v1/checkout/sessions", None, FORM).await;
    let id = session["id"].as_str().expect("an id").to_owned();
    ask(router, "POST", "/stand-in/delivery/never", None, "").await;
    ask(router, "POST", &format!("/c/pay/{id}"), None, "act=pay").await;
    (id, session["payment_intent"].as_str().expect("a payment").to_owned())
}

#[tokio::test]
async fn no_more_goes_back_than_was_paid_and_a_key_gives_it_once() {
    let router = stand_in();
    let (_, intent) = paid(&router).await;
    let half = format!("payment_intent={intent}&amount=30000&metadata[refund]=RF-1");
    let (status, first) = ask(&router, "POST", "/v1/refunds", Some("RF-1"), &half).await;
    assert_eq!((status, &first["status"]), (StatusCode::OK, &Value::from("succeeded")), "{first}");
    let (_, again) = ask(&router, "POST", "/v1/refunds", Some("RF-1"), &half).await;
    assert_eq!(first["id"], again["id"]);
    let (status, _) = ask(&router, "POST", "/v1/refunds", Some("RF-2"), &half).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "more than is left");
    let (_, list) = ask(&router, "GET", &format!("/v1/refunds?payment_intent={intent}"), None, "").await;
    assert_eq!(
        (list["data"].as_array().map(Vec::len), &list["data"][0]["metadata"]["refund"]),
        (Some(1), &Value::from("RF-1"))
    );
    let (status, _) = ask(&router, "POST", "/v1/refunds", None, "payment_intent=pi_of_nobody&amount=1").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn refunds_wait_fail_or_are_refused_on_demand_and_a_paid_session_can_be_disputed() {
    let router = stand_in();
    let (session, intent) = paid(&router).await;
    let some = format!("payment_intent={intent}&amount=100");
    ask(&router, "POST", "/stand-in/refunds/fail", None, "").await;
    let (_, failed) = ask(&router, "POST", "/v1/refunds", None, &some).await;
    assert_eq!(failed["status"], "failed");
    ask(&router, "POST", "/stand-in/refunds/refuse", None, "").await;
    assert_eq!(ask(&router, "POST", "/v1/refunds", None, &some).await.0, StatusCode::BAD_REQUEST);
    ask(&router, "POST", "/stand-in/refunds/pend", None, "").await;
    let (_, pending) = ask(&router, "POST", "/v1/refunds", None, &some).await;
    assert_eq!(pending["status"], "pending");
    ask(&router, "POST", "/stand-in/refunds/succeed", None, "").await;
    let id = pending["id"].as_str().expect("an id");
    let (_, settled) = ask(&router, "GET", &format!("/v1/refunds/{id}"), None, "").await;
    assert_eq!(settled["status"], "succeeded");
    let (_, dispute) = ask(&router, "POST", &format!("/stand-in/disputes/{session}"), None, "").await;
    let id = dispute["id"].as_str().expect("an id");
    let (_, told) = ask(&router, "GET", &format!("/v1/disputes/{id}"), None, "").await;
    assert_eq!((&told["payment_intent"], &told["amount"]), (&Value::from(intent), &Value::from(40_000)));
}

/// The client that the office uses reads every answer, with the strict types of its library.
#[tokio::test]
async fn our_client_reads_sessions_refunds_settlements_and_disputes() {
    use ra_web::payment::bill::BillNumber;
    use ra_web::payment::checkout::{Checkout, CheckoutId, CheckoutState, Way};
    use ra_web::payment::fen::Fen;
    use ra_web::payment::gateway::{BackState, BackWanted, PaymentGateway as _, SessionState, SettlementKind, Wanted};
    use ra_web::payment::stripe::{Settings as Account, Stripe};
    use zeroize::Zeroizing;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let webhook = "http://127.0.0.1:1/webhooks/stripe".into();
    let settings = Settings { origin: origin.clone(), webhook, secret: "whsec_1".into() };
    let router = router(StandIn::new(settings, Arc::new(SystemClock), ChaCha20Rng::seed_from_u64(7)));
    tokio::spawn(axum::serve(listener, router.clone()).into_future());
    let stripe = Stripe::new(Account {
        api: format!("{origin}/"),
        pages: origin,
        secret_key: Zeroizing::new("sk_test_1".into()),
        webhook_secret: Zeroizing::new("whsec_1".into()),
        ways: Way::ALL.into(),
    })
    .expect("a client");
    ask(&router, "POST", "/stand-in/delivery/never", None, "").await;
    let now = SystemClock.now();
    let checkout = Checkout {
        id: CheckoutId::new(now.beijing_day(), 1),
        bill: BillNumber::new(now.beijing_day(), 1),
        way: Way::WechatPay,
        amount: Fen::yuan(400),
        state: CheckoutState::Opening,
        created: now,
        expires: now.plus(3600),
        settled: None,
        version: 1,
    };
    let wanted = Wanted { checkout: &checkout, title: "服务费".into(), back: "http://127.0.0.1/back".into() };
    let session = stripe.open(&wanted).await.expect("a session");
    ask(&router, "POST", &format!("/c/pay/{}", session.id), None, "act=pay").await;
    let session = stripe.fetch(&session.id).await.expect("told");
    assert_eq!(session.state, SessionState::Paid);
    let reference = session.reference.expect("a payment");

    let wanted = BackWanted { refund: "RF-20261130-0001", reference: &reference, amount: Fen::yuan(100) };
    assert_eq!(stripe.find_back(&wanted).await.expect("told"), None, "not asked for yet");
    let back = stripe.give_back(&wanted).await.expect("given back");
    assert_eq!(stripe.give_back(&wanted).await.expect("the same").id, back.id);
    assert_eq!((back.state.clone(), back.amount, back.currency.as_str()), (BackState::Done, Fen::yuan(100), "cny"));
    assert_eq!(stripe.look_back(&back.id).await.expect("told"), back);
    assert_eq!(stripe.find_back(&wanted).await.expect("told"), Some(back));
    let more = BackWanted { refund: "RF-20261130-0002", amount: Fen::yuan(301), ..wanted };
    assert!(stripe.give_back(&more).await.is_err(), "more than is left");
    ask(&router, "POST", "/stand-in/refunds/fail", None, "").await;
    let fails = BackWanted { refund: "RF-20261130-0003", amount: Fen::yuan(1), ..wanted };
    let failed = stripe.give_back(&fails).await.expect("taken").state;
    assert_eq!(failed, BackState::Failed("declined".into()));

    let settled = stripe.settled(now.plus(-60)).await.expect("told");
    let seen: Vec<_> = settled.iter().map(|line| (line.kind, line.gross, line.reference.as_deref())).collect();
    assert_eq!(
        seen,
        [
            (SettlementKind::Payment, Fen::yuan(400), Some(reference.as_str())),
            (SettlementKind::Refund, -Fen::yuan(100), Some(reference.as_str())),
        ]
    );
    assert_eq!((settled[0].fee, settled[0].net), (Fen::yuan(8), Fen::yuan(392)));
    let (_, dispute) = ask(&router, "POST", &format!("/stand-in/disputes/{}", session.id), None, "").await;
    let told = stripe.dispute(dispute["id"].as_str().expect("an id")).await.expect("told");
    assert_eq!((told.reference, told.status.as_str()), (Some(reference), "needs_response"));
}

/// What `stripe trigger checkout.session.completed` of the official client (1.52.0) asks for, in its order, as it was recorded; names
/// that it takes from answers stand in brackets.
const TRIGGERED: [(&str, &str, &str); 6] = [
    ("POST", "/v1/products", "name=myproduct&description=%28created+by+Stripe+CLI%29"),
    ("POST", "/v1/prices", "product=<0>&unit_amount=1500&currency=usd"),
    (
        "POST",
        "/v1/checkout/sessions",
        "cancel_url=https%3A%2F%2Fhttpbin.org%2Fpost&mode=payment&line_items[0][price]=<1>&line_items[0][quantity]=2&\
         payment_intent_data[shipping][address][line1]=510+Townsend+St&payment_intent_data[shipping][name]=Jenny+Rosen&\
         success_url=https%3A%2F%2Fhttpbin.org%2Fpost",
    ),
    ("GET", "/v1/payment_pages/<2>", ""),
    ("POST", "/v1/payment_methods", "card[token]=tok_visa&billing_details[email]=stripe%40example.com&type=card"),
    ("POST", "/v1/payment_pages/<2>/confirm", "payment_method=<4>&expected_amount=3000"),
];

#[tokio::test]
async fn what_the_official_client_triggers_is_a_paid_session() {
    let router = stand_in();
    ask(&router, "POST", "/stand-in/delivery/never", None, "").await;
    let mut answers: Vec<Value> = Vec::new();
    for (method, path, body) in TRIGGERED {
        let filled = |text: &str| {
            answers.iter().enumerate().fold(text.to_owned(), |text, (n, answer)| {
                text.replace(&format!("<{n}>"), answer["id"].as_str().unwrap_or_default())
            })
        };
        let (status, answer) = ask(&router, method, &filled(path), None, &filled(body)).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answers.push(answer);
    }
    let session = answers.last().expect("an answer");
    assert_eq!((&session["status"], &session["payment_status"]), (&Value::from("complete"), &Value::from("paid")));
    assert_eq!((&session["amount_total"], &session["currency"]), (&Value::from(3000), &Value::from("usd")));
    let id = session["id"].as_str().expect("an id");
    let again = format!("payment_method={}&expected_amount=3000", answers[4]["id"].as_str().expect("an id"));
    let (status, _) = ask(&router, "POST", &format!("/v1/payment_pages/{id}/confirm"), None, &again).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "once");
}
