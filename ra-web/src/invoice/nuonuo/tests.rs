//! Against a server of the test's own that behaves as the provider documents: asked, accepted, issued some queries later; it fails,
//! forgets answers and is asked twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use ca_core::clock::TestClock;

use super::*;
use crate::enrolment::case::Who;
use crate::invoice::record::RedReason;
use crate::invoice::tests::{asked, issue};
use crate::payment::bill::tests::NOW;

const SECRET: &str = "0123456789abcdef";
const NUMBER: &str = "26132000000000000017";

/// An order as the server has it.
struct Order {
    number: String,
    queries: u32,
    fails: bool,
    body: Value,
}

/// What the server has, and what goes wrong with it.
#[derive(Default)]
struct State_ {
    orders: BTreeMap<String, Order>,
    confirmations: BTreeMap<String, u32>,
    placed: u32,
    retried: u32,
    /// The next answers to orders are lost, after the order was taken.
    lost: u32,
    /// The next answers are HTTP 503.
    away: u32,
    /// The next orders fail at the tax platform.
    failing: bool,
    /// A file is something else.
    bad_file: bool,
    origin: String,
    rejects: bool,
}

type Server = Arc<Mutex<State_>>;

fn open(server: &Server) -> std::sync::MutexGuard<'_, State_> {
    server.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The signature as the platform's documentation writes it, computed apart from the code under test.
fn signed_well(query: &BTreeMap<String, String>, headers: &HeaderMap, body: &[u8]) -> bool {
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let text = format!(
        "a=services&l=v1&p=open&k={}&i={}&n={}&t={}&f={}",
        get("appkey"),
        get("senid"),
        get("nonce"),
        get("timestamp"),
        String::from_utf8_lossy(body)
    );
    let mut out = std::process::Command::new("openssl")
        .args(["dgst", "-sha1", "-mac", "HMAC", "-macopt", &format!("key:{SECRET}"), "-binary"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("openssl runs");
    std::io::Write::write_all(&mut out.stdin.take().expect("a pipe"), text.as_bytes()).expect("written");
    let mac = out.wait_with_output().expect("it ends").stdout;
    let has = |name: &str, value: &str| headers.get(name).is_some_and(|known| known == value);
    has("x-nuonuo-sign", &STANDARD.encode(mac)) && has("accesstoken", "token") && has("usertax", "91350100M000100Y43")
}

async fn services(
    State(server): State<Server>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !signed_well(&query, &headers, &body) {
        return axum::Json(json!({ "code": "E9101", "describe": "signature" })).into_response();
    }
    let mut state = open(&server);
    if state.away > 0 {
        state.away -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let asked: Value = serde_json::from_slice(&body).expect("JSON");
    let method = headers.get("method").and_then(|m| m.to_str().ok()).unwrap_or_default();
    let answer = match method {
        ISSUE => {
            let order = &asked["order"];
            let id = order["orderNo"].as_str().expect("a number").to_owned();
            if state.orders.contains_key(&id) {
                json!({ "code": "E9106", "describe": "orderNo exists" })
            } else {
                state.placed += 1;
                let number = format!("{}{}", &NUMBER[..19], state.placed);
                let fails = std::mem::take(&mut state.failing);
                state.orders.insert(id, Order { number, queries: 0, fails, body: order.clone() });
                json!({ "code": "E0000", "result": { "invoiceSerialNum": "s1" } })
            }
        }
        QUERY => {
            let id = asked["orderNos"][0].as_str().expect("a number").to_owned();
            let (origin, bad) = (state.origin.clone(), state.bad_file);
            match state.orders.get_mut(&id) {
                None => json!({ "code": "E9500", "describe": "no such order" }),
                Some(order) => {
                    order.queries += 1;
                    let file = |name: &str| format!("{origin}/{}{name}", if bad { "bad." } else { "file." });
                    let told = if order.fails {
                        json!({ "orderNo": id, "serialNo": "s1", "status": "22", "failCause": "buyerTaxNum" })
                    } else if order.queries < 3 {
                        json!({ "orderNo": id, "serialNo": "s1", "status": "20" })
                    } else {
                        json!({ "orderNo": id, "serialNo": "s1", "status": "2", "invoiceTime": NOW.unix() * 1000,
                            "allElectronicInvoiceNumber": order.number, "pdfUrl": file("pdf"), "ofdUrl": file("ofd") })
                    };
                    json!({ "code": "E0000", "result": [told] })
                }
            }
        }
        RETRY => {
            state.retried += 1;
            let id = asked["orderno"].as_str().expect("a number").to_owned();
            state.orders.get_mut(&id).expect("an order").fails = false;
            json!({ "code": "E0000" })
        }
        CONFIRM => {
            let id = asked["billId"].as_str().expect("a number").to_owned();
            assert_eq!((asked["redReason"].as_str(), asked["blueInvoiceNumber"].as_str()), (Some("3"), Some(NUMBER)));
            assert!(state.confirmations.insert(id, 0).is_none(), "confirmed once");
            json!({ "code": "E0000" })
        }
        CONFIRMATION => {
            let id = asked["billId"].as_str().expect("a number").to_owned();
            let rejects = state.rejects;
            match state.confirmations.get_mut(&id) {
                None => json!({ "code": "E0000", "result": { "list": [] } }),
                Some(asked) => {
                    *asked += 1;
                    let status = if rejects {
                        "05"
                    } else if *asked < 2 {
                        "02"
                    } else {
                        "04"
                    };
                    json!({ "code": "E0000", "result": { "list":
                        [{ "billNo": "13050000000001", "billUuid": "u-1", "billStatus": status }] } })
                }
            }
        }
        other => panic!("no method {other}"),
    };
    if method == ISSUE && state.lost > 0 {
        state.lost -= 1;
        return StatusCode::GATEWAY_TIMEOUT.into_response();
    }
    axum::Json(answer).into_response()
}

struct Bench {
    server: Server,
    provider: Nuonuo,
}

async fn bench() -> Bench {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let server: Server = Arc::new(Mutex::new(State_ { origin: origin.clone(), ..State_::default() }));
    let routes = Router::new()
        .route("/open/v1/services", post(services))
        .route("/file.pdf", get(|| async { "%PDF-1.7 invoice" }))
        .route("/file.ofd", get(|| async { "PK\u{3}\u{4} invoice" }))
        .route("/bad.pdf", get(|| async { "<html>sign in</html>" }))
        .with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("serves") });
    let settings = Settings {
        api: format!("{origin}/open/v1/services"),
        app_key: "key".into(),
        app_secret: Zeroizing::new(SECRET.into()),
        access_token: Zeroizing::new("token".into()),
        tax_id: "91350100M000100Y43".into(),
    };
    let clock = Arc::new(TestClock::at(NOW));
    Bench { server, provider: Nuonuo::new(settings, clock, crate::chance_from_seed(1)).expect("a provider") }
}

impl Bench {
    /// Asks until the provider is done, as the job does; says how often.
    async fn until_done(&self, mut one: EInvoice) -> (Result<Progress, InvoiceError>, u32) {
        for n in 1..20 {
            let red = one.red.is_some();
            let answer = if red { self.provider.reverse(&one).await } else { self.provider.issue(&one).await };
            match answer {
                Ok(Progress::Accepted) => one = one.accepted().expect("accepted"),
                Err(InvoiceError::Unreachable(_)) if n < 10 => {}
                done => return (done, n),
            }
        }
        panic!("never done")
    }
}

fn numbered(progress: Result<Progress, InvoiceError>) -> Numbered {
    match progress {
        Ok(Progress::Issued(numbered)) => numbered,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn accepted_is_not_issued_and_the_files_come_with_the_number() {
    let bench = bench().await;
    assert_eq!(bench.provider.issue(&asked()).await, Ok(Progress::Accepted));
    let (done, tries) = bench.until_done(asked()).await;
    let numbered = numbered(done);
    assert_eq!((numbered.number.len(), numbered.at, tries), (20, Some(NOW), 3));
    assert!(numbered.pdf.is_some_and(|pdf| pdf.starts_with(b"%PDF")) && numbered.ofd.is_some());
    let state = open(&bench.server);
    assert_eq!(state.placed, 1, "asked again, not placed again");
    let order = &state.orders[&asked().request].body;
    assert_eq!(
        (order["buyerTaxNum"].as_str(), order["invoiceLine"].as_str()),
        (Some("91350100M000100Y43"), Some("pc"))
    );
    assert_eq!(
        (order["invoiceDetail"][0]["price"].as_str(), order["invoiceDetail"][0]["num"].as_str()),
        (Some("200"), Some("2"))
    );
}

#[tokio::test]
async fn a_lost_answer_and_a_server_that_is_away_place_one_order() {
    let bench = bench().await;
    {
        let mut state = open(&bench.server);
        (state.lost, state.away) = (1, 1);
    }
    let (done, _) = bench.until_done(asked()).await;
    numbered(done);
    assert_eq!(open(&bench.server).placed, 1);
}

#[tokio::test]
async fn what_the_platform_refuses_is_told_and_asked_for_again_once_somebody_looked() {
    let bench = bench().await;
    open(&bench.server).failing = true;
    let (done, _) = bench.until_done(asked()).await;
    assert_eq!(done, Err(InvoiceError::Refused("buyerTaxNum".into())));
    let again =
        asked().accepted().expect("accepted").failed("buyerTaxNum".into()).expect("failed").retry().expect("again");
    let (done, _) = bench.until_done(again).await;
    numbered(done);
    let state = open(&bench.server);
    assert_eq!((state.placed, state.retried), (1, 1));
}

#[tokio::test]
async fn a_file_that_is_something_else_is_not_kept() {
    let bench = bench().await;
    open(&bench.server).bad_file = true;
    let (done, _) = bench.until_done(asked()).await;
    assert!(matches!(&done, Err(InvoiceError::Unreachable(why)) if why.contains("not what it should be")), "{done:?}");
}

#[tokio::test]
async fn a_red_letter_invoice_is_confirmed_once_and_issued_once() {
    let bench = bench().await;
    let blue = asked().issued(issue(NUMBER)).expect("issued");
    let (_, red) = blue.reverse(RedReason::Stopped, "服务中止", Who::unit("x"), NOW).expect("asked");
    let (done, _) = bench.until_done(red.clone()).await;
    numbered(done);
    {
        let state = open(&bench.server);
        let order = &state.orders[&red.request].body;
        assert_eq!(
            (order["billInfoNo"].as_str(), order["invoiceDetail"][0]["num"].as_str()),
            (Some("13050000000001"), Some("-2"))
        );
        assert_eq!((state.placed, state.confirmations.len()), (1, 1));
    }
    let bench = self::bench().await;
    open(&bench.server).rejects = true;
    let (done, _) = bench.until_done(red).await;
    assert!(matches!(done, Err(InvoiceError::Refused(_))));
    assert_eq!(open(&bench.server).placed, 0, "no confirmation, no invoice");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_plain_http_is_for_this_machine_only() {
    let mut bench = bench().await;
    bench.provider.settings.app_secret = Zeroizing::new("another".into());
    let answer = bench.provider.issue(&asked()).await;
    assert!(matches!(&answer, Err(InvoiceError::Refused(why)) if why.starts_with("E9101")), "{answer:?}");
    assert!(outside::is_private(&Url::parse("https://sdk.nuonuo.com/x").expect("an address")));
    for bad in ["http://sdk.nuonuo.com/x", "file:///etc/passwd", "http://127.0.0.1.example.com/"] {
        assert!(!outside::is_private(&Url::parse(bad).expect("an address")), "{bad}");
    }
}
