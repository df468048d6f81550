//! The business API: what a unit's program does, what stops it, and that it is the same hall as the pages.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{CertificateStatus, Login, LoginPurpose, RevocationReason, encode};
use ra_web::fund::evidence;
use ra_web::i18n::Locale;
use scraper::Html;
use serde_json::{Value, json};

use crate::house::{House, UNIT, USCC};
use crate::machine::Machine;
use crate::pki::Made;
use crate::responder::Mood;

async fn begun(house: &House) -> (Machine, Made) {
    let token = house.unit();
    (house.logged_in_machine(&token).await, token)
}

/// A plan that is signed and booked.
async fn booked(house: &House, machine: &Machine, token: &Made, act: &str, body: &Value) -> String {
    let (serial, document) = machine.plan(act, body).await;
    let receipt = machine.sign(&serial, &token.sign(&document, house.now())).await;
    assert_eq!((receipt.status, &receipt.body["state"]), (200, &json!("posted")), "{act}: {}", receipt.body);
    serial
}

fn month() -> Value {
    json!({ "month": "2026-11", "pay": "suspense" })
}

#[tokio::test]
async fn a_program_remits_a_month_and_has_receipt_voucher_and_evidence() {
    let house = House::new().await;
    let (machine, token) = begun(&house).await;
    let before = machine.get("/unit").await.body;
    assert_eq!((&before["name"], &before["next_month"]), (&json!(UNIT), &json!("2026-11")), "{before}");
    let serial = booked(&house, &machine, &token, "remit", &month()).await;
    let after = machine.get("/unit").await.body;
    assert_eq!(after["paid_through"], "2026-11");
    let entry = machine.get("/ledger?limit=1").await.body["items"][0].clone();
    assert_eq!(
        (&entry["serial"], &entry["kind"], &entry["balance"]),
        (&json!(serial), &json!("01"), &after["balance"])
    );

    let receipt = machine.get(&format!("/operations/{serial}")).await.body;
    let states: Vec<&str> =
        receipt["steps"].as_array().expect("steps").iter().filter_map(|s| s["state"].as_str()).collect();
    assert_eq!(states, ["draft", "submitted", "funded", "allocated", "posted"]);
    let list = machine.get(&format!("/operations/{serial}/list?limit=200")).await.body;
    assert_eq!(list["count"], receipt["heads"]);
    assert!(list["items"][0]["id_number"].as_str().expect("text").contains("****"), "{list}");
    let paper = machine.send("POST", &format!("/operations/{serial}/voucher"), None).await;
    assert!(paper.status == 200 && paper.bytes.starts_with(b"%PDF") && paper.kind == "application/pdf");
    assert_eq!(machine.get(&format!("/operations/{serial}")).await.body["prints"], 1);
    let packed = machine.get(&format!("/operations/{serial}/evidence")).await.bytes;
    let proven = evidence::verify(&packed, &house.pki.anchors(), &house.pki.anchors()).expect("proven");
    assert_eq!(proven.transaction.id.to_string(), serial);
    // The same hall: the page has it too.
    let mut browser = house.browser();
    browser.log_in(&token, house.now()).await;
    assert!(browser.get(&format!("/operations/{serial}")).await.text.contains("已入账"));
    let newest = machine.get("/operations?act=remit&limit=1").await.body;
    assert_eq!(newest["items"][0]["serial"], serial.as_str());
}

#[tokio::test]
async fn every_operation_is_done_by_a_program() {
    let house = House::new().await;
    let (machine, token) = begun(&house).await;
    let people = machine.get("/people").await.body;
    let number = people["items"][0]["number"].as_str().expect("a number").to_owned();
    let newcomer = json!({ "name": "郑小满", "id_kind": "01", "id_number": "11010519491231002X", "mobile": "13800000009",
        "base": "6000.00", "starts": "2026-12" });
    let other = json!({ "name": "周一鸣", "id_kind": "03", "id_number": "E12345678", "mobile": "13800000008",
        "base": "5000.00", "starts": "2026-12" });
    let arrears = ["2026-10", "2026-09"].map(|month| {
        json!({ "number": number, "month": month, "unit_part": "10.00", "personal_part": "10.00", "difference": true,
            "words": "基数少报补差" })
    });
    for (act, body) in [
        ("open", json!({ "people": [newcomer, other] })),
        ("seal", json!({ "number": number, "reason": "leave" })),
        ("unseal", json!({ "number": number, "base": "6000.00" })),
        ("rebase", json!({ "bases": [{ "number": number, "base": "6200.50" }] })),
        ("change-person", json!({ "number": number, "mobile": "13911112222", "address": "建设大街1号" })),
        ("make-up", json!({ "pay": "suspense", "arrears": arrears })),
        (
            "change-unit",
            json!({ "address": "示范市东湖区建设大街20号", "handler": "周晓燕", "handler_mobile": "13800000001",
                "payday": 15, "bank": "示范银行东湖支行" }),
        ),
    ] {
        booked(&house, &machine, &token, act, &body).await;
    }
    let paid = booked(&house, &machine, &token, "remit", &month()).await;
    booked(&house, &machine, &token, "reverse", &json!({ "serial": paid, "words": "金额有误" })).await;
    let person = machine.get(&format!("/people/{number}")).await.body;
    assert_eq!((&person["base"], &person["mobile"]), (&json!("6200.50"), &json!("139****2222")));
    let found = machine.post("/people/search", &json!({ "id_number": "11010519491231002X" })).await;
    assert_eq!((found.status, &found.body["id_number"]), (200, &json!("110105********002X")), "{}", found.body);
    assert!(!String::from_utf8_lossy(&found.bytes).contains("11010519491231002X"));
    let transfer = machine.plan("remit", &json!({ "month": "2026-11", "pay": "transfer" })).await;
    let waits = machine.sign(&transfer.0, &token.sign(&transfer.1, house.now())).await;
    assert_eq!(waits.body["state"], "awaiting_funds");
    assert!(waits.body["transfer"]["code"].is_string(), "{}", waits.body);
    assert_eq!(waits.body["transfer"]["accounts"][0]["account"], "1305 0000 2222 3333");
    let given_up = machine.send("POST", &format!("/operations/{}/cancel", transfer.0), None).await;
    assert_eq!((given_up.status, &given_up.body["state"]), (200, &json!("cancelled")));
    assert_eq!(machine.get(&format!("/operations/{}/evidence", transfer.0)).await.status, 200);
}

#[tokio::test]
async fn every_query_is_read_page_by_page_and_nothing_is_left_out_or_read_twice() {
    let house = House::new().await;
    let (machine, _) = begun(&house).await;
    for (path, place) in [
        ("/ledger?from=1991-01-01&", "seq"),
        ("/people?", "number"),
        ("/interest?year=2025&", "number"),
        ("/people/030000000001/ledger?from=1991-01-01&", "seq"),
    ] {
        let whole = machine.get(&format!("{path}limit=200")).await.body;
        let mut seen = Vec::new();
        let mut at = String::new();
        loop {
            let page = machine.get(&format!("{path}limit=2{at}")).await.body;
            let items = page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
            assert!(items.len() <= 2, "{path}");
            seen.extend(items.iter().map(|one| one[place].to_string()));
            match page["next"].as_str() {
                Some(next) => at = format!("&cursor={next}"),
                None => break,
            }
        }
        let all: Vec<String> =
            whole["items"].as_array().expect("items").iter().map(|one| one[place].to_string()).collect();
        assert!(all.len() > 2, "{path}: {whole}");
        assert_eq!(seen, all, "{path}");
    }
    let months = machine.get("/contributions?from=2026-01&to=2026-11").await.body;
    let due = months["items"].as_array().expect("months");
    assert!(due.iter().any(|one| one["status"] == "whole") && due.last().expect("one")["status"] == "due", "{months}");
    assert_eq!(machine.get("/changes").await.body["count"], 0);
    for (path, place, code) in [
        ("/ledger?from=2026-13-01", "from", "day"),
        ("/ledger?from=2026-10-01&to=2026-09-01", "to", "order"),
        ("/ledger?kind=10", "kind", "choose"),
        ("/ledger?limit=0", "limit", "limit"),
        ("/people?cursor=x", "cursor", "cursor"),
        ("/people?name=%01%01", "name", "name"),
        ("/contributions?from=2001-01&to=2026-01", "to", "long"),
        ("/interest?year=0", "year", "year"),
        ("/operations?act=none", "act", "choose"),
    ] {
        let refused = machine.get(path).await;
        assert_eq!((refused.status, refused.problem()), (422, "invalid"), "{path}");
        assert_eq!(refused.faults(), [(place.to_owned(), code.to_owned())], "{path}");
    }
    assert_eq!(machine.get("/ledger?unit=0210000002").await.problem(), "malformed", "no such parameter");
}

#[tokio::test]
async fn each_faulty_row_and_field_is_named_and_nothing_is_done() {
    let house = House::new().await;
    let (machine, _) = begun(&house).await;
    let person = |name: &str, id: &str, base: &str| {
        let mobile = "13800000009";
        json!({ "name": name, "id_kind": "01", "id_number": id, "mobile": mobile, "base": base, "starts": "2026-11" })
    };
    let pairs = |answer: &crate::machine::Answer| answer.faults();
    let typed = machine
        .post(
            "/plans/open",
            &json!({ "people": [
                person("郑小满", "11010519491231002X", "6000.00"),
                person("1", "110105194912310021", "6000"),
            ] }),
        )
        .await;
    assert_eq!((typed.status, typed.problem()), (422, "invalid"));
    assert_eq!(
        pairs(&typed),
        [("/people/1/name", "name"), ("/people/1/id_number", "id"), ("/people/1/base", "amount")]
            .map(|(at, code)| (at.to_owned(), code.to_owned()))
    );
    let ruled = machine
        .post(
            "/plans/open",
            &json!({ "people": [
                person("郑小满", "11010519491231002X", "6000.00"),
                person("周一鸣", "130599197306120145", "6000.00"),
                person("郑小满", "11010519491231002X", "9999999.00"),
            ] }),
        )
        .await;
    assert_eq!(
        pairs(&ruled),
        [("/people/1/name", "other_name"), ("/people/2/id_number", "twice")]
            .map(|(at, code)| (at.to_owned(), code.to_owned())),
        "{}",
        ruled.body
    );
    for (act, body, at, code) in [
        ("remit", json!({ "month": "2026-12", "pay": "suspense" }), "/month", "month_order"),
        ("seal", json!({ "number": "039999999999", "reason": "left" }), "/number", "no_such_account"),
        ("rebase", json!({ "bases": [] }), "/bases", "lines"),
        ("rebase", json!({ "bases": [{ "number": "030000000001", "base": "1.00" }] }), "/bases/0/base", "base_low"),
        ("reverse", json!({ "serial": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "words": "金额有误" }), "/serial", "serial"),
    ] {
        let refused = machine.post(&format!("/plans/{act}"), &body).await;
        assert_eq!(refused.status, 422, "{act}: {}", refused.body);
        assert_eq!(refused.faults(), [(at.to_owned(), code.to_owned())], "{act}: {}", refused.body);
    }
    assert_eq!(machine.get("/operations").await.body["items"], json!([]));
    // What was sent is repeated in no message.
    let secret = "11010519491231002X";
    for body in [
        format!("{{\"{secret}\":1}}"),
        format!("{{\"id_number\":\"{secret}\",\"x\":"),
        format!("{{\"id_number\":[\"{secret}\"]}}"),
    ] {
        let refused = machine.send("POST", "/people/search", Some(("application/json", body.into_bytes()))).await;
        assert_eq!((refused.status, refused.problem()), (400, "malformed"));
        assert!(!refused.body.to_string().contains(secret), "{}", refused.body);
    }
}

#[tokio::test]
async fn every_failure_is_a_problem_in_the_programs_language() {
    let house = House::new().await;
    let (mut machine, _) = begun(&house).await;
    let large = vec![b' '; 300 * 1024];
    let json = "application/json";
    for (language, said) in [("zh-CN", "没有"), ("en", "no ")] {
        machine.language = language;
        let answer = machine.get("/nothing").await;
        assert_eq!((answer.status, answer.problem()), (404, "not_found"));
        let title = answer.body["title"].as_str().expect("a title").to_lowercase();
        assert!(title.contains(said), "{language}: {title}");
    }
    let put = machine.send("PUT", "/unit", None).await;
    assert_eq!((put.status, put.problem()), (405, "method_not_allowed"));
    assert_eq!(put.headers["allow"], "GET,HEAD");
    for (path, body, status, code) in [
        ("/plans/remit", Some((json, large.clone())), 413, "too_large"),
        ("/plans/remit", Some(("text/plain", b"{}".to_vec())), 415, "unsupported_media"),
        ("/plans/remit", None, 415, "unsupported_media"),
        ("/plans/remit", Some((json, b"{".to_vec())), 400, "malformed"),
        ("/plans/remit", Some((json, b"{}".to_vec())), 400, "malformed"),
        ("/plans/open", Some((json, large)), 400, "malformed"),
        ("/operations/%00/cancel", None, 404, "not_found"),
        ("/operations/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel", None, 404, "not_found"),
    ] {
        let answer = machine.send("POST", path, body).await;
        assert_eq!((answer.status, answer.problem()), (status, code), "{path}: {}", answer.body);
    }
    machine.token = Some("made up".into());
    let nobody = machine.get("/unit").await;
    assert_eq!((nobody.status, nobody.problem()), (401, "not_signed_in"));
    assert_eq!(nobody.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_session_is_opened_by_the_very_challenge_and_a_good_certificate_alone() {
    let house = House::new().await;
    let token = house.unit();
    let machine = house.machine();
    let reason =
        |answer: &crate::machine::Answer| answer.faults().first().map(|fault| fault.1.clone()).unwrap_or_default();
    // Played again; given to another program; answered in a browser's name; too late.
    let (statement, binding) = machine.challenge().await;
    let signature = token.sign(&statement, house.now());
    let (_, other) = machine.challenge().await;
    assert_eq!(reason(&machine.answer(&statement, &other, &signature).await), "other_session");
    assert_eq!(machine.answer(&statement, &binding, &signature).await.status, 201);
    let replayed = machine.answer(&statement, &binding, &signature).await;
    assert_eq!((replayed.status, replayed.problem()), (403, "certificate_refused"));
    assert_eq!(reason(&replayed), "challenge_replayed");
    let mut browser = house.browser();
    let page = browser.statement().await;
    assert_eq!(reason(&machine.answer(&page, &other, &token.sign(&page, house.now())).await), "other_session");
    let (statement, binding) = machine.challenge().await;
    let page = browser.answer(&statement, &token.sign(&statement, house.now())).await;
    assert!(page.status == 403 && !browser.is_in().await, "a program's challenge lets no browser in");
    house.clock.advance(121);
    let late = machine.answer(&statement, &binding, &token.sign(&statement, house.now())).await;
    assert_eq!(reason(&late), "challenge_expired");
    // For another door; over something else; revoked, held, unknown, not known now.
    let (statement, binding) = machine.challenge().await;
    for purpose in [LoginPurpose::Staff, LoginPurpose::Unit] {
        let login: Login = ca_core::domain::decode(&statement).expect("a login");
        let made = encode(&Login { purpose, ..login });
        assert_eq!(reason(&machine.answer(&made, &binding, &token.sign(&made, house.now())).await), "other_origin");
    }
    let (statement, binding) = machine.challenge().await;
    assert_eq!(reason(&machine.answer(&statement, &binding, &token.sign(b"x", house.now())).await), "bad_signature");
    let (since, reason_of) = (house.now(), RevocationReason::KeyCompromise);
    for (status, code) in [
        (CertificateStatus::Revoked { since, reason: reason_of }, "revoked"),
        (CertificateStatus::Held { since }, "held"),
    ] {
        house.responder.say(&token.serial, status);
        let refused = house.machine().log_in(&house, &token).await;
        assert_eq!((refused.status, reason(&refused).as_str()), (403, code));
    }
    house.responder.feel(Mood::TryLater);
    let unknown = house.machine().log_in(&house, &token).await;
    assert_eq!((unknown.status, unknown.problem()), (503, "status_unavailable"));
    house.responder.feel(Mood::Honest);
    let stranger = house.pki.unit_of("示范市无账户有限公司", "91130502MA0DEM013G", "HZ-000099");
    house.responder.say(&stranger.serial, CertificateStatus::Good);
    assert_eq!(reason(&house.machine().log_in(&house, &stranger).await), "not_registered");
    // It ends when it is closed, and after a quarter of an hour.
    house.responder.say(&token.serial, CertificateStatus::Good);
    let closed = house.logged_in_machine(&token).await;
    assert_eq!(closed.send("DELETE", "/session", None).await.status, 204);
    assert_eq!(closed.get("/unit").await.status, 401);
    let open = house.logged_in_machine(&token).await;
    house.clock.advance(15 * 60 - 1);
    assert_eq!(open.get("/unit").await.status, 200);
    house.clock.advance(1);
    assert_eq!(open.get("/unit").await.status, 401);
}

#[tokio::test]
async fn a_certificate_revoked_between_plan_and_signature_books_nothing_and_ends_every_session() {
    let house = House::new().await;
    let (machine, token) = begun(&house).await;
    let other = house.logged_in_machine(&token).await;
    let (serial, document) = machine.plan("remit", &month()).await;
    let (since, reason) = (house.now(), RevocationReason::KeyCompromise);
    house.responder.say(&token.serial, CertificateStatus::Revoked { since, reason });
    let refused = machine.sign(&serial, &token.sign(&document, house.now())).await;
    assert_eq!((refused.status, refused.problem()), (403, "certificate_refused"), "{}", refused.body);
    assert_eq!(refused.faults()[0].1, "revoked");
    assert_eq!((machine.get("/unit").await.status, other.get("/unit").await.status), (401, 401));
    house.responder.say(&token.serial, CertificateStatus::Good);
    let again = house.logged_in_machine(&token).await;
    assert_eq!(again.get("/unit").await.body["next_month"], "2026-11");
    let database = house.database().await;
    let mut tx = ra_web::fund::FundStore::begin_read(&database).await.expect("begun");
    let entries = tx.audit_entries(0, 500).await.expect("read");
    assert!(entries.iter().any(|entry| String::from_utf8_lossy(entry).contains("fund.refused")));
}

#[tokio::test]
async fn a_status_that_cannot_be_learnt_books_nothing_and_the_same_request_does_it_later() {
    let house = House::new().await;
    let (mut machine, token) = begun(&house).await;
    let (serial, document) = machine.plan("remit", &month()).await;
    let signature = token.sign(&document, house.now());
    house.responder.feel(Mood::TryLater);
    machine.key = Some("november".into());
    let later = machine.sign(&serial, &signature).await;
    assert_eq!((later.status, later.problem()), (503, "status_unavailable"));
    house.responder.feel(Mood::Honest);
    assert_eq!(machine.sign(&serial, &signature).await.status, 200);
}

#[tokio::test]
async fn a_replayed_signature_another_units_plan_a_changed_plan_and_a_wrong_purpose_are_refused() {
    let house = House::new().await;
    let (machine, token) = begun(&house).await;
    let (serial, document) = machine.plan("remit", &month()).await;
    let person = json!({ "number": "030000000001", "mobile": "13911112222", "address": "" });
    let (beside, _) = machine.plan("change-person", &person).await;
    let good = token.sign(&document, house.now());
    // Another unit's plan is not there for it, whoever signs.
    let second = house.pki.unit_of("示范市第三医院", "12130500401288885B", "HZ-000002");
    house.responder.say(&second.serial, CertificateStatus::Good);
    let stranger = house.logged_in_machine(&second).await;
    for signature in [&good, &second.sign(&document, house.now())] {
        assert_eq!(stranger.sign(&serial, signature).await.status, 404);
    }
    // By another certificate of the same unit than that of the session.
    let twin = house.pki.unit(UNIT, USCC);
    house.responder.say(&twin.serial, CertificateStatus::Good);
    let changed = String::from_utf8(document.clone()).expect("JSON").replace("2026-11", "2026-12").into_bytes();
    let (login, _) = machine.challenge().await;
    let mut broken = STANDARD.decode(&good).expect("base64");
    *broken.last_mut().expect("bytes") ^= 1;
    for (what, serial, signature) in [
        ("another certificate", &serial, twin.sign(&document, house.now())),
        ("another plan", &beside, good.clone()),
        ("a changed plan", &serial, token.sign(&changed, house.now())),
        ("a login", &serial, token.sign(&login, house.now())),
        ("a broken signature", &serial, STANDARD.encode(&broken)),
    ] {
        let refused = machine.sign(serial, &signature).await;
        assert_eq!((refused.status, refused.problem()), (422, "signature_refused"), "{what}: {}", refused.body);
    }
    assert_eq!(machine.get("/unit").await.body["next_month"], "2026-11");
    assert_eq!(machine.sign(&serial, &good).await.status, 200);
    let replayed = machine.sign(&serial, &good).await;
    assert_eq!((replayed.status, replayed.problem()), (409, "conflict"), "{}", replayed.body);
    // What was booked in between leaves a plan behind: the books are no longer what it says.
    let (late, document) = machine.plan("seal", &json!({ "number": "030000000001", "reason": "left" })).await;
    booked(&house, &machine, &token, "rebase", &json!({ "bases": [{ "number": "030000000001", "base": "6300.00" }] }))
        .await;
    let moved = machine.sign(&late, &token.sign(&document, house.now())).await;
    assert_eq!((moved.status, moved.problem()), (409, "wrong_state"), "{}", moved.body);
    assert_eq!(moved.faults()[0].1, "books_moved");
}

#[tokio::test]
async fn a_request_under_a_key_is_done_once_and_answered_the_same() {
    let house = House::new().await;
    let (mut machine, token) = begun(&house).await;
    machine.key = Some("run-1".into());
    let first = machine.post("/plans/remit", &month()).await;
    let again = machine.post("/plans/remit", &month()).await;
    assert_eq!((first.status, again.status), (201, 201), "{}", again.body);
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(first.headers["location"], again.headers["location"]);
    assert!(first.headers.get("idempotency-replayed").is_none());
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = machine.post("/plans/remit", &json!({ "month": "2026-11", "pay": "transfer" })).await;
    assert_eq!((other.status, other.problem()), (422, "key_reused"));
    let elsewhere = machine.post("/plans/seal", &json!({ "number": "030000000001", "reason": "left" })).await;
    assert_eq!(elsewhere.problem(), "key_reused");
    // The key is this unit's alone.
    let second = house.pki.unit_of("示范市第三医院", "12130500401288885B", "HZ-000002");
    house.responder.say(&second.serial, CertificateStatus::Good);
    let stranger = Machine { key: machine.key.clone(), ..house.logged_in_machine(&second).await };
    let theirs = stranger.get("/unit").await.body["next_month"].clone();
    let made = stranger.post("/plans/remit", &json!({ "month": theirs, "pay": "transfer" })).await;
    assert!(made.headers.get("idempotency-replayed").is_none(), "{}", made.body);
    // A signature under a key is booked once; a refusal gives its key free.
    let serial = first.body["serial"].as_str().expect("a serial");
    let document = STANDARD.decode(first.body["document"].as_str().expect("text")).expect("base64");
    machine.key = Some("run-2".into());
    assert_eq!(machine.sign(serial, &token.sign(b"x", house.now())).await.problem(), "signature_refused");
    let good = token.sign(&document, house.now());
    let (booked, replayed) = (machine.sign(serial, &good).await, machine.sign(serial, &good).await);
    assert_eq!((booked.status, replayed.status), (200, 200), "{}", replayed.body);
    assert_eq!(booked.bytes, replayed.bytes);
    assert_eq!(machine.get("/unit").await.body["paid_through"], "2026-11");
    for wrong in ["", "two words", &"x".repeat(65)] {
        let machine = Machine { key: Some(wrong.into()), ..machine.clone() };
        let refused = machine.post("/plans/remit", &month()).await;
        assert_eq!(refused.faults(), [("Idempotency-Key".to_owned(), "key".to_owned())], "{wrong}: {}", refused.body);
    }
    // After a day it is forgotten.
    house.clock.advance(24 * 3600 + 1);
    let token = house.unit();
    let mut machine = house.logged_in_machine(&token).await;
    machine.key = Some("run-1".into());
    assert_eq!(machine.post("/plans/remit", &month()).await.faults()[0].1, "month_order");
}

#[tokio::test]
async fn another_units_data_is_reached_by_no_route_of_the_api() {
    let house = House::new().await;
    let (machine, token) = begun(&house).await;
    let own = booked(&house, &machine, &token, "remit", &month()).await;
    let person = json!({ "number": "030000000001", "mobile": "13911112222", "address": "" });
    let (draft, document) = machine.plan("change-person", &person).await;
    let name = machine.get("/people/030000000001").await.body["name"].as_str().expect("a name").to_owned();
    let second = house.pki.unit_of("示范市第三医院", "12130500401288885B", "HZ-000002");
    house.responder.say(&second.serial, CertificateStatus::Good);
    let stranger = house.logged_in_machine(&second).await;
    let signature = json!({ "signature": second.sign(&document, house.now()) });
    let based = json!({ "number": "030000000001", "base": "6000.00" });
    let arrear = json!({ "number": "030000000001", "month": "2026-09", "unit_part": "10.00", "personal_part": "10.00",
        "difference": true, "words": "补差" });
    let none = json!({});
    let tried: Vec<(&str, String, &str, &Value, u16)> = vec![
        ("GET", "/unit".into(), "/unit", &none, 200),
        ("GET", "/ledger".into(), "/ledger", &none, 200),
        ("GET", "/contributions".into(), "/contributions", &none, 200),
        ("GET", "/interest".into(), "/interest", &none, 200),
        ("GET", "/people".into(), "/people", &none, 200),
        ("GET", format!("/people?name={name}"), "/people", &none, 200),
        ("GET", "/people/030000000001".into(), "/people/{number}", &none, 404),
        ("GET", "/people/030000000001/ledger".into(), "/people/{number}/ledger", &none, 404),
        ("GET", "/changes".into(), "/changes", &none, 200),
        ("GET", "/operations".into(), "/operations", &none, 200),
        ("GET", format!("/operations/{own}"), "/operations/{serial}", &none, 404),
        ("GET", format!("/operations/{own}/document"), "/operations/{serial}/document", &none, 404),
        ("GET", format!("/operations/{own}/list"), "/operations/{serial}/list", &none, 404),
        ("GET", format!("/operations/{own}/progress"), "/operations/{serial}/progress", &none, 404),
        ("GET", format!("/operations/{own}/evidence"), "/operations/{serial}/evidence", &none, 404),
        ("POST", format!("/operations/{own}/voucher"), "/operations/{serial}/voucher", &none, 404),
        ("POST", format!("/operations/{draft}/cancel"), "/operations/{serial}/cancel", &none, 404),
        ("POST", format!("/operations/{draft}/signature"), "/operations/{serial}/signature", &signature, 404),
    ];
    let found = json!({ "id_number": "130599197306120145" });
    let plans = [
        ("/people/search", found, 404),
        ("/plans/seal", json!({ "number": "030000000001", "reason": "left" }), 422),
        ("/plans/unseal", based.clone(), 422),
        ("/plans/rebase", json!({ "bases": [based] }), 422),
        ("/plans/make-up", json!({ "arrears": [arrear], "pay": "suspense" }), 422),
        ("/plans/change-person", person, 422),
        ("/plans/reverse", json!({ "serial": own, "words": "金额有误" }), 422),
    ];
    let mut routes: BTreeSet<String> = BTreeSet::new();
    for (method, path, route, body, status) in &tried {
        let body = (*method == "POST").then(|| ("application/json", body.to_string().into_bytes()));
        let answer = stranger.send(method, path, body).await;
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.body);
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!text.contains(&name) && !text.contains("东湖"), "{path}: {text}");
        routes.insert(format!("{method} /api/v1{route}"));
    }
    for (path, body, status) in &plans {
        let answer = stranger.post(path, body).await;
        assert_eq!(answer.status, *status, "{path}: {}", answer.body);
        assert!(!answer.body.to_string().contains(&name), "{path}");
        routes.insert(format!("POST /api/v1{path}"));
    }
    // Whatever names nobody but the caller needs no second unit; all else was tried, and asks for a session.
    let own_only = ["/session", "/session/challenge", "/plans/remit", "/plans/open", "/plans/change-unit"];
    let api = machine.get("/openapi.json").await.body;
    let nobody = house.machine();
    for (path, methods) in api["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let route = format!("{} {path}", method.to_uppercase());
            let named = own_only.iter().any(|own| *path == format!("/api/v1{own}"));
            assert!(named || routes.contains(&route), "{route} was not tried by another unit");
            let open = operation["security"] == json!([]);
            assert_eq!(open, path.contains("/session") && method == "post", "{route}");
            if !open {
                let path =
                    path.trim_start_matches("/api/v1").replace("{serial}", &own).replace("{number}", "030000000001");
                let refused = nobody.send(&method.to_uppercase(), &path, None).await;
                assert_eq!(refused.status, 401, "{route}");
            }
        }
    }
}

#[tokio::test]
async fn the_description_is_whole_and_its_page_says_each_operation_in_both_languages() {
    let house = House::new().await;
    let machine = house.machine();
    let api = machine.get("/openapi.json").await.body;
    assert_eq!(api["openapi"], "3.1.0");
    // Each link leads to an operation that takes that parameter.
    let all: Vec<&serde_json::Value> = api["paths"].as_object().expect("paths").values().collect();
    let operations = || all.iter().flat_map(|methods| methods.as_object().expect("methods").values());
    let mut links = 0;
    for link in operations().flat_map(|one| one["responses"].as_object().expect("responses").values()) {
        for (target, link) in link["links"].as_object().into_iter().flatten() {
            let to = operations().find(|one| one["operationId"] == link["operationId"]).expect(target);
            let named =
                |name: &str| to["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name));
            assert!(link["parameters"].as_object().expect("parameters").keys().all(|name| named(name)), "{target}");
            links += 1;
        }
    }
    assert!(links > 50, "{links}");
    let mut browser = house.browser();
    for locale in Locale::ALL {
        browser.language = locale.tag();
        let page = browser.get("/api/v1").await;
        assert!(page.status == 200 && page.text.contains("href=\"/api/v1/openapi.json\""), "{}", page.text);
        let text = Html::parse_document(&page.text).root_element().text().collect::<String>();
        for (path, methods) in api["paths"].as_object().expect("paths") {
            assert!(text.contains(path.as_str()), "{path}");
            for operation in methods.as_object().expect("methods").values() {
                let id = operation["operationId"].as_str().expect("an id");
                let said = locale.t(&format!("api-op-{}", id.replace('_', "-")));
                assert!(text.contains(&said) && !said.starts_with("api-"), "{id}");
                for status in operation["responses"].as_object().expect("responses").keys() {
                    let described = &operation["responses"][status]["content"];
                    let problem = !described["application/problem+json"].is_null();
                    assert_eq!(status.starts_with(['4', '5']), problem, "{id} {status}");
                }
            }
        }
    }
}
