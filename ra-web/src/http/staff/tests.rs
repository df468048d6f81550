use axum::http::StatusCode;
use ca_core::domain::{CertificateStatus, RevocationReason};
use ca_core::envelope;
use ca_core::service::protocol::Blob;
use ca_core::x509::Parts;
use serde_json::json;

use super::testing::{Bench, GOOD, PNG, SCANS};
use crate::enrolment::document::MAX_DOCUMENT_BYTES;
use crate::enrolment::provisioning::TICKET_SECONDS;

fn with<'a>(field: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<(&str, &str)> = GOOD.iter().map(|(n, v)| (*n, if *n == field { value } else { *v })).collect();
    pairs.push(("action", "check"));
    pairs
}

#[tokio::test]
async fn an_application_becomes_a_certificate_on_a_token_and_is_revoked_by_two() {
    let bench = Bench::new().await;
    let (path, view) = bench.delivered().await;
    let page = bench.get("limin", &path).await;
    for expected in ["Delivered", "110105********002X", "李敏", "孙丽"] {
        assert!(page.text.contains(expected), "{expected}");
    }
    assert!(!page.text.contains("11010519491231002X"), "the whole resident number is on a page");
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    assert!(bench.get("limin", &base).await.text.contains("Good"));

    let since = bench.house.now().beijing_day().to_string();
    let ground = [("ground", "holder-compromise"), ("invalid_since", since.as_str())];
    let matter = bench.matter(&view, "revocation", &ground).await;
    let order = bench.order_of(&matter).await;
    let got = bench.sign("limin", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{order}?done=requested"), "{}", got.text);
    let again = bench.get("limin", &order).await.text;
    assert!(again.contains("You signed already") && !again.contains("name=\"statement\""));
    assert_eq!(bench.view(&json!(view.issuer), &json!(view.serial)).await.status, CertificateStatus::Good);

    assert!(bench.get("sunli", "/orders").await.text.contains(&order));
    let got = bench.sign("sunli", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{matter}?done=matter-signed"), "{}", got.text);
    let status = bench.view(&json!(view.issuer), &json!(view.serial)).await.status;
    assert!(matches!(status, CertificateStatus::Revoked { reason: RevocationReason::KeyCompromise, .. }));
    let page = bench.get("limin", &base).await.text;
    assert!(page.contains("Revoked") && !page.contains("/hold\"") && !page.contains("value=\"revocation\""));
}

#[tokio::test]
async fn one_officer_holds_at_once_and_two_release() {
    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    let order = bench.post("chenjie", &format!("{base}/hold"), &[]).await.to;
    let got = bench.sign("chenjie", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{base}?done=held"), "{}", got.text);
    let matter = bench.matter(&view, "release", &[]).await;
    let order = bench.order_of(&matter).await;
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    let got = bench.sign("sunli", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{matter}?done=matter-signed"), "{}", got.text);
    assert_eq!(bench.view(&json!(view.issuer), &json!(view.serial)).await.status, CertificateStatus::Good);
    // A good certificate cannot be released.
    let got = bench.post("limin", &format!("{base}/matters"), &[("kind", "release")]).await;
    assert_eq!(got.status, StatusCode::CONFLICT);
    assert!(got.text.contains("wrong_state"));
}

#[tokio::test]
async fn nobody_without_a_session_sees_anything() {
    let bench = Bench::new().await;
    for path in ["/", "/applications", "/applications/new", "/certificates", "/orders", "/search?q=x", "/units/x"] {
        let got = bench.get("", path).await;
        assert_eq!((got.status, got.to.as_str()), (StatusCode::SEE_OTHER, "/login"), "{path}");
    }
    assert_eq!(bench.get("", "/login").await.status, StatusCode::OK);
}

/// Each page and each act, and who of 李敏 (entry, token operator), 孙丽 (reviewer), 陈杰 (token operator),
/// 赵静 (auditor) is let through to it.
const CELLS: [(&str, &str, [bool; 4]); 51] = [
    ("GET", "/", [true, true, true, true]),
    ("GET", "/applications", [true, true, true, true]),
    ("GET", "/applications/new", [true, false, false, false]),
    ("POST", "/applications/new", [true, false, false, false]),
    ("GET", "/uscc?uscc=1", [true, false, true, false]),
    ("GET", "/applications/RA-20200101-0001", [true, true, true, true]),
    ("GET", "/applications/RA-20200101-0001/edit", [true, false, true, false]),
    ("GET", "/applications/RA-20200101-0001/check", [true, false, true, false]),
    ("POST", "/applications/RA-20200101-0001/submit", [true, false, true, false]),
    ("POST", "/applications/RA-20200101-0001/cancel", [true, false, true, false]),
    ("POST", "/certificates/unit-p256/41/replace", [true, false, true, false]),
    ("POST", "/applications/RA-20200101-0001/claim", [true, true, true, false]),
    ("POST", "/applications/RA-20200101-0001/hand-back", [true, true, true, false]),
    ("POST", "/applications/RA-20200101-0001/approve", [false, true, false, false]),
    ("POST", "/applications/RA-20200101-0001/decline", [false, true, false, false]),
    ("GET", "/applications/RA-20200101-0001/documents/seal", [true, true, true, true]),
    ("GET", "/applications/RA-20200101-0001/documents/seal/1", [true, true, true, true]),
    ("GET", "/applications/RA-20200101-0001/papers/application", [true, true, true, true]),
    ("GET", "/applications/RA-20200101-0001/papers/application/signed", [true, false, true, false]),
    ("GET", "/applications/RA-20200101-0001/archive", [false, false, false, true]),
    ("GET", "/applications/RA-20200101-0001/retention", [false, true, false, true]),
    ("POST", "/applications/RA-20200101-0001/retention/ask", [false, false, false, false]),
    ("POST", "/applications/RA-20200101-0001/retention/confirm", [false, true, false, false]),
    ("GET", "/retention", [false, true, false, true]),
    ("GET", "/applications/RA-20200101-0001/counter", [true, false, true, false]),
    ("POST", "/applications/RA-20200101-0001/ticket", [true, false, true, false]),
    ("POST", "/applications/RA-20200101-0001/provisioned", [true, false, true, false]),
    ("POST", "/applications/RA-20200101-0001/abandon", [true, false, true, false]),
    ("GET", "/certificates", [true, true, true, true]),
    ("POST", "/certificates/unit-p256/41/hold", [true, true, true, false]),
    ("POST", "/certificates/unit-p256/41/matters", [true, false, false, false]),
    ("GET", "/matters", [true, true, true, true]),
    ("GET", "/matters/RV-20200101-0001", [true, true, true, true]),
    ("GET", "/matters/RV-20200101-0001/edit", [true, false, false, false]),
    ("POST", "/matters/RV-20200101-0001/sign", [true, true, true, false]),
    ("POST", "/matters/RV-20200101-0001/grant", [true, false, false, false]),
    ("POST", "/matters/RV-20200101-0001/unlocked", [true, false, false, false]),
    ("POST", "/matters/RV-20200101-0001/drop", [true, false, false, false]),
    ("POST", "/matters/RV-20200101-0001/told", [true, false, false, false]),
    ("GET", "/matters/RV-20200101-0001/documents/request", [true, true, true, true]),
    ("GET", "/stock", [true, true, true, true]),
    ("GET", "/stock/receive", [true, false, true, false]),
    ("POST", "/stock/count", [true, false, true, false]),
    ("POST", "/stock/transfers/TR-20200101-0001/receive", [true, false, true, false]),
    ("GET", "/tokens/YX1", [true, true, true, true]),
    ("POST", "/tokens/YX1/end", [true, false, true, false]),
    ("GET", "/orders", [true, true, true, true]),
    ("POST", "/orders/01KB000000000000000000000/sign", [true, true, true, false]),
    ("POST", "/orders/01KB000000000000000000000/drop", [true, true, true, false]),
    ("GET", "/officers", [false, false, false, true]),
    ("GET", "/search?q=x", [true, true, true, true]),
];

#[tokio::test]
async fn each_role_reaches_its_pages_and_no_others() {
    let bench = Bench::new().await;
    for (method, path, verdicts) in CELLS {
        for (who, allowed) in ["limin", "sunli", "chenjie", "zhaojing"].into_iter().zip(verdicts) {
            let got = if method == "GET" { bench.get(who, path).await } else { bench.post(who, path, &[]).await };
            let refused = got.status == StatusCode::FORBIDDEN;
            assert_eq!(!refused, allowed, "{who}: {method} {path}: {}", got.status);
            assert!(!got.status.is_server_error(), "{who}: {method} {path}: {}", got.status);
        }
    }
}

#[tokio::test]
async fn the_officer_who_took_a_case_in_is_told_why_another_must_decide() {
    let bench = Bench::new().await;
    // 周军 has both duties in his office.
    let pairs = with("", "");
    let path = bench.form("zhoujun", "/applications/new", &pairs, &SCANS).await.to;
    let path = path.strip_suffix("/check").expect("ready to sign").to_owned();
    bench.sign("zhoujun", &format!("{path}/check"), &format!("{path}/submit")).await;
    let page = bench.get("zhoujun", &path).await.text;
    assert!(page.contains("You took this application in") && !page.contains("name=\"statement\""));
    let got = bench.post("zhoujun", &format!("{path}/approve"), &[("signature", "AAAA")]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert!(got.text.contains("four_eyes"));
    let got = bench.post("zhoujun", &format!("{path}/decline"), &[("reason", "x"), ("how", "reject")]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    // Nor may another office's reviewer.
    let got = bench.post("sunli", &format!("{path}/approve"), &[("signature", "AAAA")]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_returned_case_is_put_right_and_signed_anew() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let got = bench.post("sunli", &format!("{path}/decline"), &[("reason", "  "), ("how", "return")]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(got.text.contains("Say why"));
    let reason = [("reason", "公章不清晰"), ("how", "return")];
    let got = bench.post("sunli", &format!("{path}/decline"), &reason).await;
    assert_eq!(got.to, format!("{path}?done=returned"));
    assert!(bench.get("limin", &format!("{path}/edit")).await.text.contains("公章不清晰"));
    // The resident number may be left empty: the kept one stays. The scans too.
    let got = bench.form("limin", &format!("{path}/edit"), &with("handler_id", ""), &[("seal", PNG)]).await;
    assert_eq!(got.to, format!("{path}/check"), "{}", got.text);
    let got = bench.sign("limin", &format!("{path}/check"), &format!("{path}/submit")).await;
    assert_eq!(got.to, format!("{path}?done=submitted"), "{}", got.text);
}

#[tokio::test]
async fn an_old_page_is_not_signed_for_new_particulars() {
    let bench = Bench::new().await;
    let path = bench.form("limin", "/applications/new", &with("", ""), &SCANS).await.to;
    let path = path.strip_suffix("/check").expect("ready to sign").to_owned();
    let old = bench.signature(&bench.get("limin", &format!("{path}/check")).await, "limin");
    bench.form("limin", &format!("{path}/edit"), &with("years", "5"), &[]).await;
    let got = bench.post("limin", &format!("{path}/submit"), &[("signature", &old)]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(got.text.contains("signature_refused"));
    // Nor does another officer's token do.
    let page = bench.get("limin", &format!("{path}/check")).await;
    let other = bench.signature(&page, "sunli");
    let got = bench.post("limin", &format!("{path}/submit"), &[("signature", &other)]).await;
    assert!(got.text.contains("signature_refused"));
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_said_at_the_field_and_what_was_typed_is_kept() {
    let bench = Bench::new().await;
    let cases = [
        ("uscc", "91130503MA0CK7Q", "must have 18 characters, not 15"),
        ("uscc", "915300007194052521", "the check character does not fit"),
        ("handler_id", "11010519491331002X", "the birthday in it does not exist"),
        ("handler_mobile", "12345", "must have 11 digits"),
        ("unit_name", "", "Fill in: Unit name"),
    ];
    for (field, typed, expected) in cases {
        let got = bench.form("limin", "/applications/new", &with(field, typed), &SCANS).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(got.text.contains(expected) && got.text.contains(&format!("href=\"#{field}\"")), "{field} {typed}");
        assert!(got.text.contains(&format!("value=\"{typed}\"")) && got.text.contains("Received"), "{field} {typed}");
    }
    let live = bench.get("limin", "/uscc?uscc=91350100M000100Y44").await.text;
    assert!(live.contains("the check character does not fit") && !live.contains("<html"));
}

#[tokio::test]
async fn bad_scans_are_named_and_the_rest_is_kept() {
    let bench = Bench::new().await;
    let long = vec![b'%'; MAX_DOCUMENT_BYTES + 1];
    let cases: [(&[u8], &str); 4] = [
        (&long, "over 10 MB"),
        (b"MZ\x90 a program", "not a JPEG, PNG or PDF file"),
        (&PNG[..12], "the file is cut off"),
        (b"", "the file is empty"),
    ];
    for (bytes, expected) in cases {
        let files = [("licence", bytes), SCANS[1], SCANS[2]];
        let got = bench.form("limin", "/applications/new", &with("", ""), &files).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{expected}");
        assert!(got.text.contains(expected) && got.text.contains("href=\"#licence\""), "{expected}");
        assert!(got.text.contains("示范市东湖建筑工程有限公司") && got.text.matches("Received").count() == 2);
    }
    let got = bench.form("limin", "/applications/new", &with("", ""), &[]).await;
    assert_eq!(got.text.matches("Upload: ").count(), 6, "each missing scan in the summary and at its field");
}

#[tokio::test]
async fn scans_are_shown_to_officers_as_what_they_are() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let got = bench.get("zhaojing", &format!("{path}/documents/licence")).await;
    assert_eq!((got.status, got.text.len() > 4), (StatusCode::OK, true));
    assert_eq!(bench.get("sunli", &format!("{path}/documents/other")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn while_the_authority_is_away_signatures_are_kept_and_sent_again_later() {
    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    let order = bench.post("limin", &format!("{base}/hold"), &[]).await.to;
    bench.away(true);
    let got = bench.sign("limin", &order, &format!("{order}/sign")).await;
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(got.text.contains("ca_unavailable") && got.text.contains("Nothing is lost"));
    assert!(bench.get("limin", &base).await.text.contains("last known status"));
    assert!(bench.get("limin", &order).await.text.contains("Send it again"));
    bench.away(false);
    let got = bench.post("limin", &format!("{order}/send"), &[]).await;
    assert_eq!(got.to, format!("{base}?done=held"), "{}", got.text);
    // Pressed twice: told, and nothing happens twice.
    let got = bench.post("limin", &format!("{order}/send"), &[]).await;
    assert_eq!(got.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_counter_survives_an_absent_authority_and_a_second_try() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let ticket = bench.ticket(&path).await;
    bench.away(true);
    let order = bench.api("open", json!({ "ticket": ticket })).await;
    assert_eq!(order.0, StatusCode::OK);
    let body = json!({ "ticket": ticket, "csr": "AAAA", "binding": "AAAA" });
    let (status, problem) = bench.api("redeem", body).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("ca_unavailable")));
    assert_eq!(bench.get("chenjie", &format!("{path}/counter")).await.status, StatusCode::OK);
    bench.away(false);
    bench.redeem(&ticket).await;
    assert!(bench.get("chenjie", &format!("{path}/counter")).await.text.contains("has not confirmed"));
}

#[tokio::test]
async fn while_the_key_management_centre_is_away_the_case_waits_and_the_same_ticket_gives_a_pair_later() {
    let bench = Bench::without_centre().await;
    let path = bench.approved().await;
    let ticket = bench.ticket(&path).await;
    let (_, opened) = bench.api("open", json!({ "ticket": ticket })).await;
    let order: Blob = serde_json::from_value(opened["order"].clone()).expect("base64");
    let order = ca_core::domain::decode(&order.0).expect("an order");
    let key = ca_core::testing::new_key();
    let binding = ca_core::testing::binding(&order, &key);
    let binding = bench.house.person("chenjie").say(&binding, bench.house.now());
    let body = json!({ "ticket": ticket, "csr": ca_core::testing::request(&key), "binding": binding });
    for _ in 0..2 {
        let (status, problem) = bench.api("redeem", body.clone()).await;
        assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("kmc_unavailable")));
        assert!(problem["title"].as_str().is_some_and(|title| title.contains("key-management centre")), "{problem}");
    }
    let counter = bench.get("chenjie", &format!("{path}/counter")).await;
    assert_eq!(counter.status, StatusCode::OK);
    assert!(!counter.text.contains("has not confirmed"), "nothing was issued");

    bench.house.serve_centre().await;
    let (status, answer) = bench.api("redeem", body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(answer["encryption"]["envelope"]["message"].is_string(), "a pair, with the key of the first try");
}

#[tokio::test]
async fn tickets_are_unknown_expired_replaced_or_used_and_say_so() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let code = async |ticket: &str| {
        let (status, problem) = bench.api("open", json!({ "ticket": ticket })).await;
        (status, problem["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(code("x").await, (StatusCode::NOT_FOUND, "ticket_unknown".to_owned()));
    let first = bench.ticket(&path).await;
    let second = bench.ticket(&path).await;
    assert_eq!(code(&first).await, (StatusCode::CONFLICT, "ticket_used".to_owned()));
    bench.house.clock.advance(TICKET_SECONDS / 2);
    bench.get("chenjie", "/").await;
    bench.house.clock.advance(TICKET_SECONDS / 2);
    assert_eq!(code(&second).await, (StatusCode::GONE, "ticket_expired".to_owned()));
    let (status, problem) = bench.api("redeem", json!({ "ticket": second })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("malformed")));
    assert!(!problem.to_string().contains(&second), "a ticket is repeated");
}

#[tokio::test]
async fn a_certificate_that_never_reached_its_token_is_revoked_and_the_case_goes_back() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let ticket = bench.ticket(&path).await;
    let (_, answer) = bench.redeem(&ticket).await;
    let body = json!({ "ticket": ticket, "why": "介质损坏" });
    let (status, gone) = bench.api("fail", body.clone()).await;
    assert_eq!((status, gone), (StatusCode::OK, json!({ "abandoned": true })));
    assert_eq!(bench.api("fail", body).await.0, StatusCode::OK, "told twice, done once");
    let view = bench.view(&answer["issuer"], &answer["serial"]).await;
    assert!(matches!(view.status, CertificateStatus::Revoked { .. }));
    let page = bench.get("limin", &path).await.text;
    assert!(page.contains("Sent back") && page.contains("介质损坏"));
    // It can be signed again, with a new order.
    let got = bench.form("limin", &format!("{path}/edit"), &with("", ""), &[]).await;
    assert_eq!(got.to, format!("{path}/check"), "{}", got.text);
}

#[tokio::test]
async fn an_approval_sent_twice_is_told_and_counts_once() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let signature = bench.signature(&bench.get("sunli", &path).await, "sunli");
    let first = bench.post("sunli", &format!("{path}/approve"), &[("signature", &signature)]).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let second = bench.post("sunli", &format!("{path}/approve"), &[("signature", &signature)]).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text.contains("wrong_state"));
}

#[tokio::test]
async fn search_leads_straight_to_a_number_and_looks_for_parts_of_names() {
    let bench = Bench::new().await;
    let (path, view) = bench.delivered().await;
    let number = path.rsplit('/').next().expect("a number");
    assert_eq!(bench.get("zhaojing", &format!("/search?q={number}")).await.to, path);
    assert_eq!(bench.get("zhaojing", "/search?q=91350100m000100y43").await.to, "/units/91350100M000100Y43");
    let to = bench.get("zhaojing", &format!("/search?q={}", view.serial)).await.to;
    assert_eq!(to, format!("/certificates/{}/{}", view.issuer, view.serial));
    let found = bench.get("zhaojing", "/search?q=%E4%B8%9C%E6%B9%96%20%E5%BB%BA%E7%AD%91").await;
    assert!(found.text.contains(number));
    let unit = bench.get("zhaojing", "/units/91350100M000100Y43").await.text;
    for expected in [number, &view.serial.to_string(), "Business licence", "Signed and approved"] {
        assert!(unit.contains(expected), "{expected}");
    }
}

#[tokio::test]
async fn a_unit_gets_a_pair_whose_wrapped_key_only_its_token_opens_and_the_console_shows_both() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let ticket = bench.ticket(&path).await;
    let (key, answer) = bench.redeem(&ticket).await;
    let view = bench.view(&answer["issuer"], &answer["serial"]).await;
    let pair = view.encryption.clone().expect("a pair");
    let blob = |value: &serde_json::Value| serde_json::from_value::<Blob>(value.clone()).expect("base64");
    let certificate = blob(&answer["encryption"]["certificate"]);
    assert_eq!(certificate, pair.certificate);
    let certified = Parts::read(&certificate.0).expect("a certificate").tbs.spki.to_vec();
    let message = blob(&answer["encryption"]["envelope"]["message"]);
    envelope::open(&message.0, &certified, |operation| key.perform(operation)).expect("its token opens it");

    let install = bench.house.installed(&view, key);
    let (status, _) = bench.api("confirm", json!({ "ticket": ticket, "install": install })).await;
    assert_eq!(status, StatusCode::OK);
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    for page in [&path, &base] {
        for (lang, words) in [("en", "Encryption certificate"), ("zh-CN", "加密证书序列号")] {
            let shown = bench.get("limin", &format!("{page}?lang={lang}")).await.text;
            for expected in [words, &view.serial.to_string(), &pair.serial.to_string()] {
                assert!(shown.contains(expected), "{page}: {expected}");
            }
        }
    }
    // Either serial number leads to the pair.
    assert_eq!(bench.get("zhaojing", &format!("/search?q={}", pair.serial)).await.to, base);
    let order = bench.post("limin", &format!("{base}/hold"), &[]).await.to;
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    let held = bench.view(&json!(view.issuer), &json!(pair.serial)).await;
    assert!(matches!(held.status, CertificateStatus::Held { .. }));
    assert!(bench.get("limin", &path).await.text.contains("Held"));
}

#[tokio::test]
async fn a_second_application_of_a_unit_is_warned_of() {
    let bench = Bench::new().await;
    bench.submitted().await;
    let path = bench.form("limin", "/applications/new", &with("", ""), &SCANS).await.to;
    assert!(bench.get("limin", &path).await.text.contains("This unit has applications under way"));
}

#[tokio::test]
async fn every_page_is_complete_in_both_languages() {
    let bench = Bench::new().await;
    let (path, view) = bench.delivered().await;
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    let matter = bench.matter(&view, "revocation", &[("ground", "holder-asks")]).await;
    let order = bench.order_of(&matter).await;
    let edit = format!("{matter}/edit");
    let token = format!("/tokens/{}", bench.token_of(&view).await.serial);
    let pages = [
        "/matters",
        &matter,
        &edit,
        &token,
        "/stock",
        "/stock/receive",
        "/stock/send",
        "/stock/count",
        "/",
        "/applications",
        "/applications/new",
        "/applications/new?kind=person",
        &path,
        &base,
        &order,
        "/orders",
        "/certificates",
    ];
    for page in pages.into_iter().chain(["/units/91350100M000100Y43", "/search?q=x", "/login"]) {
        for lang in ["zh-CN", "en"] {
            let joint = if page.contains('?') { '&' } else { '?' };
            let got = bench.get("limin", &format!("{page}{joint}lang={lang}")).await;
            assert_eq!(got.status, StatusCode::OK, "{page}");
            for part in got.text.split('>').filter_map(|part| part.split('<').next()) {
                let key = part.trim();
                let looks_like_a_key = key.contains('-')
                    && key.len() > 6
                    && key.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                    && !["unit-p256", "demo-office", "other-office"].contains(&key);
                assert!(!looks_like_a_key, "{page} {lang}: {key}");
            }
        }
    }
}
