//! Scans: what is taken, how it is seen, what comes back signed.

use axum::http::StatusCode;

use super::testing::{Bench, GOOD, PNG, SCANS};
use crate::enrolment::papers::Paper;
use crate::evidence::tests::{JPEG, PDF, PHONE};
use crate::store::{Document, Store as _};

impl Bench {
    /// The scans of a case.
    pub(super) async fn scans(&self, path: &str) -> Vec<Document> {
        let number = path.rsplit('/').next().expect("a number").parse().expect("a number");
        self.store().read().await.expect("begun").documents(&number).await.expect("read")
    }
}

#[tokio::test]
async fn every_page_of_a_scan_is_seen_beside_the_particulars_without_a_download() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let viewer = bench.get("sunli", &format!("{path}/documents/seal?zoom=200")).await;
    assert_eq!(viewer.status, StatusCode::OK);
    for expected in ["seal/1/1?size=large", "seal/1/2?size=large", "z200", "110105********002X", "Page 2 of 2"] {
        assert!(viewer.text.contains(expected), "{expected}: {}", viewer.text);
    }
    for page in ["licence/1/1?size=small", "id_card/1/1?size=large", "seal/1/2?size=large"] {
        let got = bench.get("sunli", &format!("{path}/documents/{page}")).await;
        assert_eq!((got.status, got.headers["content-type"].as_bytes()), (StatusCode::OK, &b"image/png"[..]), "{page}");
        assert!(got.bytes.starts_with(b"\x89PNG"));
    }
    for nothing in ["licence/1/2", "seal/1/3", "seal/1/0", "seal/2/1", "seal/9", "loss_statement", "other"] {
        let got = bench.get("sunli", &format!("{path}/documents/{nothing}")).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{nothing}");
    }
    let original = bench.get("sunli", &format!("{path}/documents/licence/1")).await;
    assert_eq!(original.bytes, PNG);
    let case = bench.get("sunli", &path).await.text;
    assert!(case.contains("licence/1/1?size=small"), "the reviewer sees it on the case's page");
}

#[tokio::test]
async fn what_a_telephone_tells_is_not_kept_and_both_sides_of_a_card_are() {
    let bench = Bench::new().await;
    let files = [SCANS[0], ("id_card", PHONE), ("id_card", JPEG), SCANS[2]];
    let got = bench.form("limin", "/applications/new", &[&GOOD[..], &[("action", "check")]].concat(), &files).await;
    let path = got.to.strip_suffix("/check").expect("nothing is wrong").to_owned();
    let scans = bench.scans(&path).await;
    assert_eq!(scans.iter().filter(|scan| scan.kind.word() == "id_card").count(), 2);
    let kept = bench.get("limin", &format!("{path}/documents/id_card/1")).await.bytes;
    assert!(kept != PHONE && !kept.windows(10).any(|window| window == b"CounterCam"));
    let order = bench.get("limin", &format!("{path}/check")).await.text;
    assert!(scans.iter().all(|scan| order.contains(&scan.sha256.to_string())), "the order names each");

    // Others take the place of both.
    bench.form("limin", &format!("{path}/edit"), &GOOD, &[("id_card", PDF)]).await;
    let scans = bench.scans(&path).await;
    let cards: Vec<i64> = scans.iter().filter(|scan| scan.kind.word() == "id_card").map(|scan| scan.pages).collect();
    assert_eq!(cards, [2]);
    let many = [("id_card", PNG); 9];
    let got = bench.form("limin", &format!("{path}/edit"), &GOOD, &many).await;
    assert!(got.text.contains("at most 8 files"), "{}", got.text);
    assert_eq!(bench.scans(&path).await, scans);
}

#[tokio::test]
async fn only_pages_with_a_place_for_scans_may_ask_for_the_camera() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let policy = |got: &super::testing::Got| got.headers["permissions-policy"].to_str().expect("text").to_owned();
    for page in ["/applications/new".to_owned(), format!("{path}/papers/application/signed")] {
        assert!(policy(&bench.get("limin", &page).await).contains("camera=(self)"), "{page}");
    }
    let again = bench.form("limin", "/applications/new", &[("action", "check")], &[]).await;
    assert_eq!((again.status, policy(&again).contains("camera=(self)")), (StatusCode::UNPROCESSABLE_ENTITY, true));
    for page in ["/", &path, "/certificates"] {
        assert!(policy(&bench.get("limin", page).await).contains("camera=()"), "{page}");
    }
}

#[tokio::test]
async fn signed_papers_come_back_at_their_time_and_what_was_signed_stays() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let signed = format!("{path}/papers/application/signed");
    assert_eq!(bench.get("limin", &signed).await.status, StatusCode::OK);
    assert_eq!(bench.get("limin", &format!("{path}/papers/handover/signed")).await.status, StatusCode::CONFLICT);
    let got = bench.form("limin", &signed, &[], &[]).await;
    assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains("href=\"#application_form\""));
    let got = bench.form("limin", &signed, &[], &[("application_form", b"%PDF-1.4 %%EOF")]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    for n in 1..=2 {
        let got = bench.form("limin", &signed, &[], &[("application_form", PDF), ("seal", PNG)]).await;
        assert_eq!(got.to, format!("{path}?done=annexed"), "{}", got.text);
        let scans = bench.scans(&path).await;
        assert_eq!(scans.iter().filter(|scan| scan.kind.word() == "application_form").count(), n, "added");
        assert_eq!(scans.iter().filter(|scan| scan.kind.word() == "seal").count(), 1, "and nothing else");
    }
    assert!(bench.get("sunli", &path).await.text.contains("2 scans came back"));
    let got = bench.form("sunli", &signed, &[], &[("application_form", PDF)]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    bench.post("limin", &format!("{path}/cancel"), &[("reason", "given up")]).await;
    let got = bench.form("limin", &signed, &[], &[("application_form", PDF)]).await;
    assert_eq!(got.status, StatusCode::CONFLICT, "nothing is added to a case that was given up");
}

#[tokio::test]
async fn each_paper_is_offered_from_its_step_on() {
    let bench = Bench::new().await;
    let offered = async |path: &str| {
        let text = bench.get("limin", path).await.text;
        Paper::ALL.map(|paper| text.contains(&format!("{path}/papers/{}\"", paper.word())))
    };
    let got = bench.form("limin", "/applications/new", &GOOD, &[]).await;
    let draft = got.to.split('?').next().expect("a path").to_owned();
    assert_eq!(offered(&draft).await, [true, true, false, false], "a draft");
    assert_eq!(offered(&bench.submitted().await).await, [true, true, false, false], "submitted");
    assert_eq!(offered(&bench.approved().await).await, [true, true, false, false], "approved");
    let (path, _) = bench.delivered().await;
    assert_eq!(offered(&path).await, [true, true, true, false], "delivered");
    bench.post("limin", &format!("{draft}/cancel"), &[("reason", "given up")]).await;
    assert_eq!(offered(&draft).await, [false; 4], "given up");
}

#[tokio::test]
async fn a_case_keeps_the_practice_statement_that_it_began_with() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let number = path.rsplit('/').next().expect("a number").parse().expect("a number");
    let mut tx = bench.store().begin().await.expect("begun");
    let kept = tx.practice_statement(&number).await.expect("read").expect("there");
    assert_eq!((kept.version.as_str(), kept.sha256), ("1.0", bench.desk.printer.letterhead.cps_sha256));
    let later = crate::store::PracticeStatement { version: "2.0".into(), sha256: None, since: kept.since };
    tx.fix_practice_statement(&number, &later).await.expect("written");
    assert_eq!(tx.practice_statement(&number).await.expect("read"), Some(kept));
}
