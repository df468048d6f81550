//! Tokens in the console: received, moved, counted, bound, delivered; and what is refused.

use axum::http::StatusCode;
use serde_json::json;

use super::testing::Bench;

impl Bench {
    async fn receive(&self, who: &str, serials: &str) -> super::testing::Got {
        let form = [("serials", serials), ("model", "Soft 1"), ("purchased", "2020-01-02")];
        self.post(who, "/stock/receive", &form).await
    }
}

#[tokio::test]
async fn a_certificate_is_made_only_on_a_token_of_this_office() {
    let bench = Bench::with_stock().await;
    let path = bench.approved().await;
    let ticket = bench.ticket(&path).await;
    bench.receive("zhoujun", "EL01").await;
    for (token, code) in [("YX01", "token_unknown"), ("EL01", "token_elsewhere")] {
        let (_, body) = bench.request(&ticket, token).await;
        let (status, answer) = bench.api("redeem", body).await;
        assert_eq!((status, answer["code"].as_str()), (StatusCode::CONFLICT, Some(code)), "{answer}");
    }
    assert!(bench.get("limin", &path).await.text.contains("Approved"), "nothing was issued");

    assert_eq!(bench.receive("chenjie", "YX01 YX02").await.to, "/stock?state=blank&done=stock-received");
    let (key, answer) = bench.redeem_on(&ticket, "YX01").await;
    assert!(bench.get("limin", "/tokens/YX01").await.text.contains("Being written"));
    let view = bench.view(&answer["issuer"], &answer["serial"]).await;
    let install = bench.house.installed(&view, key);
    let (status, _) = bench.api("confirm", json!({ "ticket": ticket, "install": install })).await;
    assert_eq!(status, StatusCode::OK);
    let page = bench.get("limin", "/tokens/YX01").await.text;
    assert!(page.contains("In use") && page.contains(&view.serial.to_string()) && page.contains("2023-01-02"));
    for page in ["/units/91350100M000100Y43".to_owned(), format!("/certificates/{}/{}", view.issuer, view.serial)] {
        assert!(bench.get("limin", &page).await.text.contains("/tokens/YX01"), "{page}");
    }
    assert_eq!(bench.get("limin", "/search?q=YX01").await.to, "/tokens/YX01");
    assert_eq!(bench.get("limin", "/search?q=yx01").await.to, "/tokens/YX01", "typed small");
    assert_eq!(bench.get("zhoujun", "/search?q=YX01").await.to, "", "another office's leads nowhere");
    assert_eq!(bench.get("zhoujun", "/tokens/YX01").await.status, StatusCode::FORBIDDEN);

    // The token of one unit is not taken for another's case.
    let other = bench.approved_of("91130502MA0ABCDE61").await;
    let (_, body) = bench.request(&bench.ticket(&other).await, "YX01").await;
    assert_eq!(bench.api("redeem", body).await.1["code"], "token_taken");
}

#[tokio::test]
async fn a_list_is_taken_whole_or_not_at_all_and_each_faulty_line_is_named() {
    let bench = Bench::new().await;
    bench.receive("chenjie", "YX02").await;
    let got = bench.receive("chenjie", "YX01 YX02").await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(got.text.contains("YX02: in the books already") && got.text.contains("Nothing was recorded"));
    assert_eq!(bench.get("chenjie", "/tokens/YX01").await.status, StatusCode::NOT_FOUND);
    let got = bench.receive("chenjie", "YX03..YX01 YX04 YX04").await;
    for fault in ["YX03..YX01: not a serial number", "YX04: twice"] {
        assert!(got.text.contains(fault), "{fault}");
    }
}

#[tokio::test]
async fn tokens_go_to_another_office_which_signs_for_what_arrived() {
    let bench = Bench::new().await;
    bench.receive("chenjie", "YX01..YX03").await;
    let form = [("serials", "YX01 YX02"), ("to", "other-office")];
    let sent = bench.post("chenjie", "/stock/send", &form).await.to;
    let path = sent.strip_suffix("?done=stock-sent").unwrap_or_else(|| panic!("{sent}")).to_owned();
    let again = bench.post("chenjie", "/stock/send", &form).await;
    assert!(again.text.contains("YX01: not in this office"), "{}", again.status);
    let to = format!("{path}/receive");
    let own = bench.post("chenjie", &to, &[("serial", "YX01")]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "the sender does not sign for the receiver");
    assert_eq!(bench.post("zhoujun", &to, &[("serial", "YX03")]).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.post("zhoujun", &to, &[("serial", "YX01")]).await.to, format!("{path}?done=stock-arrived"));
    let page = bench.get("zhoujun", &path).await.text;
    assert!(page.contains("1 / 2") && page.contains("value=\"YX02\""), "what did not arrive stays on its way");
    assert!(bench.get("zhoujun", "/tokens/YX01").await.text.contains("other-office"));
}

#[tokio::test]
async fn a_count_tells_what_is_missing_and_what_is_strange() {
    let bench = Bench::new().await;
    bench.receive("chenjie", "YX01..YX03").await;
    bench.post("chenjie", "/stock/count", &[("serials", "YX01 YX03 ZZ09")]).await;
    let page = bench.get("chenjie", "/stock").await.text;
    assert!(page.contains("2 / 3") && page.contains("YX02") && page.contains("ZZ09"));
    let got = bench.post("chenjie", "/tokens/YX02/end", &[("reason", "lost in the count")]).await;
    assert_eq!(got.to, "/tokens/YX02?done=token-retired", "{}", got.text);
    let got = bench.post("chenjie", "/tokens/YX02/end", &[("reason", "shredded"), ("how", "destroy")]).await;
    assert_eq!(got.to, "/tokens/YX02?done=token-destroyed", "{}", got.text);
}

#[tokio::test]
async fn another_offices_token_is_not_taken_out_of_use() {
    let bench = Bench::new().await;
    bench.receive("chenjie", "YX01").await;
    let got = bench.post("zhoujun", "/tokens/YX01/end", &[("reason", "broken")]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.text);
    assert!(bench.get("chenjie", "/tokens/YX01").await.text.contains("Blank"), "it is where it was");
}
