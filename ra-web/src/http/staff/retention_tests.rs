//! Evidence is kept for its time, whoever asks; then two officers delete it.

use axum::http::StatusCode;

use super::testing::Bench;
use crate::enrolment::case::CaseNumber;
use crate::enrolment::desk::OfficeError;
use crate::enrolment::retention::Kept;
use crate::store::Store as _;

const DAY: i64 = 86_400;

fn number(path: &str) -> CaseNumber {
    path.rsplit('/').next().expect("a number").parse().expect("a number")
}

impl Bench {
    /// A case that 孙丽 ended.
    async fn rejected(&self) -> String {
        let path = self.submitted().await;
        let got =
            self.post("sunli", &format!("{path}/decline"), &[("reason", "false papers"), ("how", "reject")]).await;
        assert_eq!(got.to, format!("{path}?done=rejected"));
        path
    }

    async fn post_ask(&self, who: &str, path: &str) -> super::testing::Got {
        self.post(who, &format!("{path}/retention/ask"), &[("reason", "time is over")]).await
    }

    async fn post_confirm(&self, who: &str, path: &str) -> super::testing::Got {
        self.post(who, &format!("{path}/retention/confirm"), &[("how", "delete")]).await
    }
}

#[tokio::test]
async fn nobody_deletes_before_five_years_after_the_end_by_page_or_by_call() {
    let bench = Bench::new().await;
    let (path, view) = bench.delivered().await;
    let (wangqiang, sunli) = (bench.officer("wangqiang").await, bench.officer("sunli").await);
    let until = view.validity.not_after.beijing_day().plus_years(5).last_second();
    let page = bench.get("wangqiang", &format!("{path}/retention")).await.text;
    assert!(page.contains(&until.beijing_day().to_string()) && !page.contains("/retention/ask"), "{page}");
    let got = bench.post_ask("wangqiang", &path).await;
    assert!(got.status == StatusCode::CONFLICT && got.text.contains("cannot be deleted yet"), "{}", got.text);

    let number = number(&path);
    // One second before the end of the time, and one after.
    bench.house.clock.advance(until.since(bench.house.now()));
    let refused = bench.desk.ask_deletion(&wangqiang, &number, "early").await;
    assert!(matches!(refused, Err(OfficeError::Kept(Kept::Until(at))) if at == until));
    let refused = bench.desk.confirm_deletion(&sunli, &number).await;
    assert!(matches!(refused, Err(OfficeError::WrongState(_))), "nobody asked");
    assert!(bench.desk.deletable(&wangqiang.office).await.expect("read").is_empty());
    bench.house.clock.advance(1);
    assert_eq!(bench.desk.deletable(&wangqiang.office).await.expect("read").len(), 1);
    bench.desk.ask_deletion(&wangqiang, &number, "its time is over").await.expect("asked");
    bench.desk.confirm_deletion(&sunli, &number).await.expect("deleted");
    assert!(bench.desk.deletable(&wangqiang.office).await.expect("read").is_empty());
}

#[tokio::test]
async fn an_open_case_is_never_deleted_however_old() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let wangqiang = bench.officer("wangqiang").await;
    bench.house.clock.advance(40 * 366 * DAY);
    let refused = bench.desk.ask_deletion(&wangqiang, &number(&path), "old").await;
    assert!(matches!(refused, Err(OfficeError::Kept(Kept::Open))));
}

#[tokio::test]
async fn a_supervisor_asks_another_officer_confirms_and_the_audit_keeps_the_hashes() {
    let mut bench = Bench::new().await;
    let (path, twin) = (bench.rejected().await, bench.rejected().await);
    bench.later(365 * DAY).await;
    assert_eq!(bench.post_ask("wangqiang", &path).await.status, StatusCode::CONFLICT);
    assert!(!bench.get("wangqiang", "/retention").await.text.contains(&path));
    bench.later(DAY).await;
    assert!(bench.get("sunli", "/retention").await.text.contains(&path));
    let scans = bench.scans(&path).await;

    assert_eq!(bench.post_ask("sunli", &path).await.status, StatusCode::FORBIDDEN, "a reviewer does not ask");
    assert_eq!(bench.post_confirm("sunli", &path).await.status, StatusCode::CONFLICT, "nobody asked");
    assert_eq!(bench.post_ask("wangqiang", &path).await.to, format!("{path}/retention?done=deletion-asked"));
    let got = bench.post_confirm("wangqiang", &path).await;
    assert!(got.status == StatusCode::FORBIDDEN && got.text.contains("four_eyes"), "not the same officer");
    assert!(
        bench.get("wangqiang", &format!("{path}/retention")).await.text.contains("another supervisor or a reviewer")
    );
    let kept = bench.post("sunli", &format!("{path}/retention/confirm"), &[("how", "keep")]).await;
    assert_eq!(kept.to, format!("{path}/retention?done=deletion-declined"));
    assert_eq!(bench.get("sunli", &format!("{path}/documents/seal/1")).await.status, StatusCode::OK);

    bench.post_ask("wangqiang", &path).await;
    let got = bench.post_confirm("sunli", &path).await;
    assert_eq!(got.to, format!("{path}/retention?done=evidence-deleted"), "{}", got.text);
    let line = bench.last_line().await;
    assert_eq!(line.kind, "office.evidence_deleted");
    assert!(scans.iter().all(|scan| line.details["sha256"].contains(&scan.sha256.to_string())));
    assert_eq!(bench.get("sunli", &format!("{path}/documents/seal/1")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.get("wangqiang", &format!("{path}/archive")).await.status, StatusCode::CONFLICT);
    let page = bench.get("sunli", &path).await.text;
    assert!(page.contains(&scans[0].sha256.to_string()) && !page.contains("13800138000") && !page.contains("110105"));
    assert_eq!(bench.post_confirm("sunli", &path).await.status, StatusCode::CONFLICT, "once");

    // The same scans lie in another case, which has them still; when it goes too, the store forgets them.
    assert_eq!(bench.get("sunli", &format!("{twin}/documents/seal/1")).await.status, StatusCode::OK);
    bench.post_ask("wangqiang", &twin).await;
    bench.post_confirm("sunli", &twin).await;
    for scan in &scans {
        assert!(bench.desk.evidence.show(scan.sha256).await.is_err(), "{:?}", scan.kind);
    }
    let mut tx = bench.store().read().await.expect("begun");
    let (_, sealed) = tx.case(&number(&twin)).await.expect("read").expect("there");
    assert!(sealed.is_none(), "the resident number is gone");
    drop(tx);
    bench.desk.forget_removed().await.expect("nothing is left to do");
    // And the same scan taken in once more is there again.
    let again = bench.submitted().await;
    assert_eq!(bench.get("sunli", &format!("{again}/documents/seal/1")).await.status, StatusCode::OK);
    assert_eq!(bench.scans(&again).await[0].sha256, scans[0].sha256);
}
