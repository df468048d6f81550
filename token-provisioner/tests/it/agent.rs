//! The agent's window and pages, over HTTP as a browser uses them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::cms;
use ca_core::domain::{Act, IssuerId, KeyBinding, OfficeId, Order, OrderId, RevocationReason, Serial, Sha256};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::common::PIN;
use crate::common::authority::Wanted;
use crate::common::house::{
    Desk, House, PORTAL, STAFF, act_token, attribute, login, marked, now, plug_in, sign, unplug,
};

fn html(shown: &Value) -> &str {
    shown["html"].as_str().unwrap()
}

async fn type_pin(house: &House, shown: &Value, pin: &str) -> Value {
    house.act(shown, json!({ "do": "sign", "certificate": marked(shown, "certificate"), "pin": pin })).await
}

fn revocation() -> Order {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    Order {
        id: OrderId::draw(now(), &mut rng),
        office: OfficeId::new("demo-office").unwrap(),
        created: now(),
        evidence: Vec::new(),
        act: Act::Revoke {
            issuer: IssuerId::new("unit-p256").unwrap(),
            serial: Serial::draw(ca_core::domain::Timestamp::from_unix(0), &mut rng),
            reason: RevocationReason::KeyCompromise,
            invalid_since: Some(now().plus(-86_400)),
        },
    }
}

#[tokio::test]
async fn a_login_is_shown_in_words_and_signed_for_the_site_that_asks() {
    let desk = Desk::new();
    desk.unit(PIN);
    desk.staff(PIN);
    let house = desk.agent("").await;
    let challenge = login(PORTAL);
    let shown = house.ask(PORTAL, "zh-CN", sign(&challenge, "unit")).await;
    assert!(html(&shown).contains("登录公积金网上业务"), "{}", html(&shown));
    assert!(html(&shown).contains(PORTAL) && html(&shown).contains("东湖建筑") && !html(&shown).contains("李敏"));
    assert_eq!(shown["on_close"]["error"]["code"], "cancelled");

    let signed = type_pin(&house, &shown, PIN).await;
    let message = STANDARD.decode(signed["reply"]["result"]["cms"].as_str().expect("a result")).unwrap();
    let told = cms::verify(&message).expect("ca-core verifies it");
    assert_eq!(told.content, ca_core::domain::encode(&challenge));
    assert_eq!(STANDARD.encode(told.certificate), signed["reply"]["result"]["certificate"]);
    house.running.stop().await;
}

#[tokio::test]
async fn an_order_is_shown_in_words_in_english_too() {
    let desk = Desk::new();
    desk.staff(PIN);
    let house = desk.agent("").await;
    let order = revocation();
    let shown = house.ask(STAFF, "en", sign(&order, "staff")).await;
    for words in [
        "Revoke a certificate",
        "cannot be undone",
        "token lost or stolen",
        "Key no longer trusted since",
        &order.id.to_string(),
    ] {
        assert!(html(&shown).contains(words), "{words} in {}", html(&shown));
    }
    assert!(type_pin(&house, &shown, PIN).await["reply"]["result"]["cms"].is_string());
}

#[tokio::test]
async fn what_a_site_may_not_ask_for_is_refused_and_said() {
    let desk = Desk::new();
    desk.unit(PIN);
    let house = desk.agent("").await;
    let binding = KeyBinding {
        order: revocation().id,
        order_sha256: Sha256([0; 32]),
        spki_sha256: Sha256([0; 32]),
        token: "YX".into(),
    };
    let mut old = login(PORTAL);
    (old.iat, old.exp) = (old.iat.plus(-500), old.exp.plus(-500));
    let ticket = json!({ "type": "provision", "ticket": "A".repeat(43) });
    for (case, origin, request, code) in [
        ("unlisted site", "https://evil.example", sign(&login("https://evil.example"), "unit"), "refused_origin"),
        ("nearly listed", "https://portal.example.evil.example", sign(&login(PORTAL), "unit"), "refused_origin"),
        ("null origin", "null", sign(&login("null"), "unit"), "refused_origin"),
        ("challenge of another site", PORTAL, sign(&login(STAFF), "unit"), "refused_origin"),
        ("order from the portal", PORTAL, sign(&revocation(), "unit"), "refused_origin"),
        ("provisioning from the portal", PORTAL, ticket, "refused_origin"),
        ("old challenge", PORTAL, sign(&old, "unit"), "not_understood"),
        ("key binding", STAFF, sign(&binding, "unit"), "not_understood"),
        ("unknown type", STAFF, json!({ "type": "export", "key": 1 }), "not_understood"),
        ("no statement", STAFF, json!({ "type": "sign", "statement": "!!!", "want": null }), "not_understood"),
        ("a ticket that is none", STAFF, json!({ "type": "provision", "ticket": "short" }), "not_understood"),
    ] {
        let shown = house.ask(origin, "zh-CN", request).await;
        assert_eq!(shown["reply"]["error"]["code"], code, "{case}");
        assert!(html(&shown).contains("没有") && !html(&shown).contains("pin"), "{case}: {}", html(&shown));
    }
}

fn sign_batch(orders: &[Order]) -> Value {
    let encode = |order: &Order| URL_SAFE_NO_PAD.encode(ca_core::domain::encode(order));
    json!({ "type": "sign_batch", "statements": orders.iter().map(encode).collect::<Vec<_>>(), "want": "staff" })
}

/// So many different orders.
fn orders(count: u64) -> Vec<Order> {
    let draw = |n| Order { id: OrderId::draw(now(), &mut ChaCha20Rng::seed_from_u64(n)), ..revocation() };
    (0..count).map(draw).collect()
}

#[tokio::test]
async fn many_orders_are_shown_and_each_signed_for_itself_with_one_pin() {
    let desk = Desk::new();
    desk.staff(PIN);
    let house = desk.agent("").await;
    let orders = orders(200);
    let shown = house.ask(STAFF, "zh-CN", sign_batch(&orders)).await;
    assert!(html(&shown).contains("签署 200 件指令") && html(&shown).contains("200 / 200"));
    for order in &orders {
        assert!(html(&shown).contains(&order.id.to_string()), "{} is shown", order.id);
    }
    let wrong = type_pin(&house, &shown, "000000").await;
    assert!(wrong["reply"].is_null() && html(&wrong).contains("200 / 200"), "all are still there");
    let signed = type_pin(&house, &wrong, PIN).await;
    let messages = signed["reply"]["result"]["cms"].as_array().expect("a list");
    assert_eq!(messages.len(), 200);
    for (order, message) in orders.iter().zip(messages) {
        let message = STANDARD.decode(message.as_str().expect("text")).unwrap();
        assert_eq!(cms::verify(&message).expect("verifies").content, ca_core::domain::encode(order));
    }
}

#[tokio::test]
async fn a_list_with_anything_that_cannot_be_shown_is_not_signed_at_all() {
    let desk = Desk::new();
    desk.staff(PIN);
    let house = desk.agent("").await;
    let three = orders(3);
    let with = |more: String| {
        let mut request = sign_batch(&three);
        request["statements"].as_array_mut().expect("a list").push(more.into());
        request
    };
    let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
    let unknown = r#"{"tag":"yinxin.unknown.v1"}"#.as_bytes().to_vec();
    for (case, request, said) in [
        ("an unknown type", with(encode(unknown)), "not_understood"),
        ("no base64", with("!!!".into()), "not_understood"),
        ("a login", with(encode(ca_core::domain::encode(&login(STAFF)))), "not_understood"),
        ("one of them twice", with(encode(ca_core::domain::encode(&three[0]))), "not_understood"),
        ("too many", sign_batch(&orders(201)), "not_understood"),
        ("none", sign_batch(&[]), "not_understood"),
    ] {
        let shown = house.ask(STAFF, "en", request).await;
        assert_eq!(shown["reply"]["error"]["code"], said, "{case}");
        assert!(!html(&shown).contains("id=\"pin\""), "{case}: no PIN is asked for");
    }
    let shown = house.ask(PORTAL, "en", sign_batch(&orders(2))).await;
    assert_eq!(shown["reply"]["error"]["code"], "refused_origin", "the portal may not ask for orders");
}

#[tokio::test]
async fn another_spelling_of_a_statement_is_not_signed() {
    let desk = Desk::new();
    desk.unit(PIN);
    let house = desk.agent("").await;
    let spaced = String::from_utf8(ca_core::domain::encode(&login(PORTAL))).unwrap().replace("\":", "\": ");
    let statement = URL_SAFE_NO_PAD.encode(spaced);
    let shown = house.ask(PORTAL, "en", json!({ "type": "sign", "statement": statement, "want": "unit" })).await;
    assert_eq!(shown["reply"]["error"]["code"], "not_understood");
}

#[tokio::test]
async fn wrong_pins_show_the_tries_left_until_the_token_locks() {
    let desk = Desk::new();
    desk.unit(PIN);
    let house = desk.agent("").await;
    let mut shown = house.ask(PORTAL, "zh-CN", sign(&login(PORTAL), "unit")).await;
    for left in (1..6).rev() {
        shown = type_pin(&house, &shown, "000000").await;
        assert!(html(&shown).contains(&format!("还可以尝试 {left} 次")), "{}", html(&shown));
        assert_eq!(shown["on_close"]["error"]["code"], "wrong_pin");
        assert_eq!(shown["on_close"]["error"]["tries_left"], left);
        assert!(shown["reply"].is_null(), "a wrong PIN does not end the window");
    }
    shown = type_pin(&house, &shown, "000000").await;
    assert_eq!(shown["reply"]["error"]["code"], "pin_locked");
    assert!(html(&shown).contains("解锁"), "says what to do: {}", html(&shown));
    let again = house.ask(PORTAL, "en", sign(&login(PORTAL), "unit")).await;
    assert_eq!(type_pin(&house, &again, PIN).await["reply"]["error"]["code"], "pin_locked");
}

#[tokio::test]
async fn the_initial_pin_must_be_changed_before_anything_is_signed() {
    let desk = Desk::new();
    let token = desk.unit("123456");
    let house = desk.agent("").await;
    let shown = house.ask(PORTAL, "zh-CN", sign(&login(PORTAL), "unit")).await;
    let mut shown = type_pin(&house, &shown, "123456").await;
    assert!(html(&shown).contains("请先修改初始 PIN") && shown["reply"].is_null());
    assert_eq!(shown["on_close"]["error"]["code"], "pin_must_change");
    let certificate = attribute(html(&shown), "name=\"certificate\" value=\"");
    let new = |pin: &str, again: &str| json!({ "do": "new-pin", "certificate": certificate, "new_pin": pin, "new_pin_again": again });
    for (pin, again, said) in [
        ("123456", "123456", "不能是初始 PIN"),
        ("12345", "12345", "6 到 16"),
        ("888888", "888888", "太简单"),
        ("246813", "246814", "不一致"),
    ] {
        shown = house.act(&shown, new(pin, again)).await;
        assert!(html(&shown).contains(said) && shown["reply"].is_null(), "{}", html(&shown));
    }
    let signed = house.act(&shown, new("246813", "246813")).await;
    assert!(signed["reply"]["result"]["cms"].is_string(), "goes on by itself: {signed}");
    assert!(desk.driver.open(&token.serial, &token_provisioner::driver::Pin::typed("246813")).is_ok());
}

#[tokio::test]
async fn an_unplugged_token_is_said_and_the_window_goes_on_when_it_is_back() {
    let desk = Desk::new();
    let token = desk.unit(PIN);
    let house = desk.agent("").await;
    let shown = house.ask(PORTAL, "zh-CN", sign(&login(PORTAL), "unit")).await;
    unplug(&desk.file(&token));
    let gone = type_pin(&house, &shown, PIN).await;
    assert!(html(&gone).contains("已拔出"), "{}", html(&gone));
    assert_eq!(gone["on_close"]["error"]["code"], "token_removed");
    plug_in(&desk.file(&token));
    let back = house.act(&gone, json!({ "do": "again" })).await;
    assert!(type_pin(&house, &back, PIN).await["reply"]["result"]["cms"].is_string());
}

#[tokio::test]
async fn no_certificate_of_the_kind_is_said_with_what_to_do() {
    let desk = Desk::new();
    desk.unit(PIN);
    desk.token("old", PIN, &Wanted { name: "王强", uscc: None, days: (-400, -30) });
    let house = desk.agent("").await;
    let shown = house.ask(STAFF, "zh-CN", sign(&login(STAFF), "staff")).await;
    assert!(html(&shown).contains("工作人员 USB Key"), "{}", html(&shown));
    assert_eq!(shown["on_close"]["error"]["code"], "no_certificate");
}

#[tokio::test]
async fn tokens_of_forms_are_good_once_and_not_for_others() {
    let desk = Desk::new();
    desk.unit(PIN);
    let house = desk.agent("").await;
    let window_token = house.window_token().await;
    let body = json!({ "window_token": window_token, "origin": PORTAL, "lang": "en", "request": sign(&login(PORTAL), "unit") });
    let shown: Value = house.post("/window/request").json(&body).send().await.unwrap().json().await.unwrap();
    let reused = house.post("/window/request").json(&body).send().await.unwrap();
    assert_eq!(reused.status(), StatusCode::FORBIDDEN);

    let act = json!({ "do": "sign", "act_token": act_token(&shown), "certificate": marked(&shown, "certificate"), "pin": "000000" });
    assert_eq!(house.act_status(&act).await, StatusCode::OK);
    assert_eq!(house.act_status(&act).await, StatusCode::FORBIDDEN, "no second try of a PIN with one form");
    let mut forged = act.clone();
    forged["act_token"] = "A".repeat(43).into();
    assert_eq!(house.act_status(&forged).await, StatusCode::FORBIDDEN);
    forged.as_object_mut().unwrap().remove("act_token");
    assert_eq!(house.act_status(&forged).await, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn foreign_hosts_origins_and_big_bodies_are_refused() {
    let desk = Desk::new();
    let house = desk.agent("").await;
    let rebound = house.http.get(&house.at).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST);

    let token = house.window_token().await;
    let body = json!({ "window_token": token, "origin": PORTAL, "lang": "en", "request": {} });
    for origin in [None, Some("https://evil.example"), Some(PORTAL)] {
        let mut request = house.http.post(format!("{}/window/request", house.at)).json(&body);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{origin:?}");
        assert!(!refused.headers().keys().any(|name| name.as_str().starts_with("access-control-")));
    }
    let preflight = house.http.request(reqwest::Method::OPTIONS, format!("{}/window/request", house.at));
    let preflight = preflight.header("origin", PORTAL).header("access-control-request-method", "POST");
    assert_eq!(preflight.send().await.unwrap().status(), StatusCode::FORBIDDEN);

    let big = json!({ "window_token": token, "origin": PORTAL, "lang": "en", "request": "x".repeat(1_200_000) });
    let refused = house.post("/window/request").json(&big).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let small = house.post("/window/request").json(&body).send().await.unwrap();
    assert_eq!(small.status(), StatusCode::OK, "the window token was not used up by what was refused");
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_others_out() {
    let desk = Desk::new();
    let house = desk.agent("").await;
    for path in ["/", "/window", "/pin", "/check", "/static/window.js", "/nowhere"] {
        let answer = house.http.get(format!("{}{path}", house.at)).send().await.unwrap();
        let header =
            |name: &str| answer.headers().get(name).unwrap_or_else(|| panic!("{name} on {path}")).to_str().unwrap();
        let policy = header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!((header("x-frame-options"), header("referrer-policy")), ("DENY", "no-referrer"));
        let opener = if path == "/window" { "unsafe-none" } else { "same-origin" };
        assert_eq!(header("cross-origin-opener-policy"), opener);
    }
    for path in ["/", "/window", "/pin", "/check"] {
        let page = house.page(path).await;
        assert!(!page.contains("<script>") && !page.contains("style=") && !page.contains(" onclick"), "{path}");
    }
}

#[tokio::test]
async fn a_pin_is_changed_on_the_assistants_page() {
    let desk = Desk::new();
    let token = desk.unit(PIN);
    let house = desk.agent("").await;
    let change = |page: &str, old: &str, new: &str| {
        let form = [
            ("form_token", attribute(page, "name=\"form_token\" value=\"")),
            ("token", token.serial.to_string()),
            ("old", old.to_owned()),
            ("new", new.to_owned()),
            ("again", new.to_owned()),
        ];
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = house.post("/pin?lang=zh-CN").header("content-type", "application/x-www-form-urlencoded");
        async move { request.body(body.join("&")).send().await.unwrap() }
    };
    let page = house.page("/pin?lang=zh-CN").await;
    let wrong = change(&page, "000000", "975310").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = wrong.text().await.unwrap();
    assert!(wrong.contains("还可以尝试 5 次") && wrong.contains("href=\"#old\""), "{wrong}");
    let weak = change(&wrong, PIN, "123456").await.text().await.unwrap();
    assert!(weak.contains("不能是初始 PIN") && weak.contains("href=\"#new\""));
    let changed = change(&weak, PIN, "975310").await;
    assert!(changed.text().await.unwrap().contains("修改成功"));
    assert_eq!(change(&weak, "975310", PIN).await.status(), StatusCode::FORBIDDEN, "a form is sent once");
}

#[tokio::test]
async fn the_home_page_tells_certificates_days_and_sites_in_both_languages() {
    let desk = Desk::new();
    desk.unit(PIN);
    desk.token("soon", PIN, &Wanted { name: "王强", uscc: None, days: (-300, 20) });
    let house = desk.agent("").await;
    let chinese = house.page("/?lang=zh-CN").await;
    for words in ["我的证书", "91130502MA0ABCDE61", "可以办理延期了", PORTAL, "lang=\"zh-CN\""] {
        assert!(chinese.contains(words), "{words}");
    }
    let english = house.page("/?lang=en").await;
    assert!(english.contains("My certificates") && english.contains("It can be renewed now"));
    assert!(house.page("/check?lang=en").await.contains("cannot be reached"), "the example sites are not there");
}

#[tokio::test]
async fn half_sent_requests_and_bare_connects_do_not_hinder_others() {
    use tokio::io::AsyncWriteExt as _;
    let desk = Desk::new();
    let house = desk.agent("").await;
    let mut half = Vec::new();
    for _ in 0..20 {
        let mut stream = tokio::net::TcpStream::connect(house.running.address).await.unwrap();
        stream.write_all(b"POST /window/act HTTP/1.1\r\nHost:").await.unwrap();
        half.push(stream);
        drop(tokio::net::TcpStream::connect(house.running.address).await.unwrap());
    }
    assert_eq!(house.page("/healthz").await, "ok\n");
}
