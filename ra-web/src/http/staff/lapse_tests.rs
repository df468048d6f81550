//! Cases with which nobody goes on.

use axum::http::StatusCode;

use super::testing::Bench;
use crate::enrolment::waiting::LAPSE_SECONDS;

#[tokio::test]
async fn what_nobody_goes_on_with_lapses_once_and_what_was_issued_does_not() {
    let mut bench = Bench::new().await;
    let (draft, paid) = (bench.submitted().await, bench.approved().await);
    let issued = bench.approved().await;
    let ticket = bench.ticket(&issued).await;
    bench.redeem(&ticket).await;
    assert_eq!(bench.desk.lapse_idle_cases().await.expect("looked"), 0);
    bench.later(LAPSE_SECONDS - 1).await;
    assert_eq!(bench.desk.lapse_idle_cases().await.expect("looked"), 0);
    bench.later(1).await;

    assert_eq!(bench.desk.lapse_idle_cases().await.expect("looked"), 1);
    assert_eq!(bench.desk.lapse_idle_cases().await.expect("looked"), 0, "each once");
    let page = bench.get("limin", &draft).await.text;
    assert!(page.contains("Lapsed: nobody went on with it") && !page.contains("/approve\""), "{page}");
    for path in [&issued, &paid] {
        assert!(!bench.get("chenjie", path).await.text.contains("Lapsed"), "money is never lost");
    }
    assert_eq!(
        bench.post("limin", &format!("{draft}/cancel"), &[("reason", "late")]).await.status,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn the_counts_of_the_rail_are_told_beside_the_page() {
    let bench = Bench::new().await;
    let counts = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(counts(&bench.get("sunli", "/counts").await.text)["/applications?state=submitted"], 0);
    bench.submitted().await;
    assert_eq!(counts(&bench.get("sunli", "/counts").await.text)["/applications?state=submitted"], 1);
    assert_eq!(counts(&bench.get("wumin", "/counts").await.text), serde_json::json!({}), "no counts of the desk");
    assert!(bench.get("sunli", "/").await.text.contains("data-count=\"/applications?state=submitted\""));
}
