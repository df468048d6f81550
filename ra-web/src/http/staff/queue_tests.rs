//! The work queue: what waits for whom, until when, in whose hands.

use axum::http::StatusCode;

use super::testing::Bench;
use crate::enrolment::waiting::{CLAIM_SECONDS, REVIEW_SECONDS};

/// The part of the queue's page that is for the officer.
fn mine(page: &str) -> &str {
    let at = page.find("For me").expect("the officer's own part");
    page[at..].split("Waiting for others").next().expect("it ends")
}

#[tokio::test]
async fn a_case_waits_for_whoever_may_go_on_with_it_and_not_for_who_took_it_in() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let number = path.rsplit('/').next().expect("a number");
    assert!(mine(&bench.get("sunli", "/").await.text).contains(number), "the reviewer's");
    for who in ["limin", "chenjie", "zhaojing"] {
        let page = bench.get(who, "/").await.text;
        assert!(!mine(&page).contains(number) && page.contains(number), "{who} sees that it waits for another");
    }
    assert!(!bench.get("zhoujun", "/").await.text.contains(number), "another office's queue");
}

#[tokio::test]
async fn a_claimed_case_is_in_one_pair_of_hands_until_the_shift_ends_or_a_supervisor_takes_it_back() {
    let mut bench = Bench::new().await;
    let path = bench.submitted().await;
    let got = bench.post("sunli", &format!("{path}/claim"), &[("back", "queue")]).await;
    assert_eq!(got.to, "/?done=claimed", "{}", got.text);
    let page = bench.get("wangqiang", &path).await;
    let signature = bench.signature(&page, "wangqiang");
    let refused = bench.post("wangqiang", &format!("{path}/approve"), &[("signature", &signature)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(refused.text.contains("A colleague has claimed this case"));
    let refused = bench.post("wangqiang", &format!("{path}/decline"), &[("reason", "no"), ("how", "reject")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(bench.post("wangqiang", &format!("{path}/claim"), &[]).await.status, StatusCode::CONFLICT);
    for who in ["limin", "zhoujun"] {
        let refused = bench.post(who, &format!("{path}/hand-back"), &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{who}");
    }
    // The supervisor at the change of shift.
    let got = bench.post("wangqiang", &format!("{path}/hand-back"), &[]).await;
    assert_eq!(got.to, format!("{path}?done=handed-back"), "{}", got.text);
    assert_eq!(bench.post("wangqiang", &format!("{path}/claim"), &[]).await.status, StatusCode::SEE_OTHER);
    // Who went home holds nobody up.
    bench.later(CLAIM_SECONDS).await;
    let got = bench.sign("sunli", &path, &format!("{path}/approve")).await;
    assert_eq!(got.to, format!("{path}?done=approved"), "{}", got.text);
    assert!(mine(&bench.get("limin", "/").await.text).contains("Claim"), "it is to be paid");
    bench.paid(&path).await;
    assert!(mine(&bench.get("chenjie", "/").await.text).contains("Claim"), "the next step is free");
}

#[tokio::test]
async fn what_is_overdue_says_so() {
    let mut bench = Bench::new().await;
    bench.submitted().await;
    assert!(!bench.get("sunli", "/").await.text.contains("Overdue"));
    bench.later(REVIEW_SECONDS + 1).await;
    assert!(bench.get("sunli", "/").await.text.contains("Overdue"));
}

#[tokio::test]
async fn a_hold_stands_in_the_queue_until_it_ends() {
    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    assert!(!bench.get("limin", "/").await.text.contains("Held certificates"));
    let order = bench.post("limin", &format!("{base}/hold"), &[]).await.to;
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    assert!(bench.get("limin", "/").await.text.contains("Held certificates"));
    assert!(!bench.get("zhoujun", "/").await.text.contains("Held certificates"), "another office's");
    let matter = bench.matter(&view, "release", &[]).await;
    let order = bench.order_of(&matter).await;
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    bench.sign("sunli", &order, &format!("{order}/sign")).await;
    assert!(!bench.get("limin", "/").await.text.contains("Held certificates"));
}

#[tokio::test]
async fn the_tour_is_offered_until_it_was_seen_and_can_be_taken_again() {
    let bench = Bench::new().await;
    assert!(bench.get("limin", "/").await.text.contains("href=\"/tour\">"));
    let page = bench.get("limin", "/tour").await.text;
    assert!(
        page.contains("/applications/new") && !page.contains("href=\"/applications?state=submitted\">Open"),
        "{page}"
    );
    for _ in 0..2 {
        assert_eq!(bench.post("limin", "/tour/done", &[]).await.to, "/");
    }
    assert!(!bench.get("limin", "/").await.text.contains("/tour/done"));
    assert!(bench.get("sunli", "/").await.text.contains("/tour/done"), "to each officer for themselves");
    assert!(bench.get("limin", "/tour").await.text.contains("Take in an application"));
}
