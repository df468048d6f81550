//! What is not an officer's: refused, written down, nothing changed.

use axum::http::StatusCode;

use super::testing::Bench;
use crate::audit::Entry;
use crate::enrolment::case::CaseNumber;
use crate::store::Store as _;

const REASON: &[(&str, &str)] = &[("reason", "because"), ("how", "reject"), ("signature", "AAAA")];

impl Bench {
    /// State and version of a case.
    async fn standing(&self, number: &CaseNumber) -> (&'static str, i64) {
        let mut tx = self.store().read().await.expect("begun");
        let (case, _) = tx.case(number).await.expect("read").expect("there");
        (case.state.word(), case.version)
    }

    /// The last line of the audit.
    pub(super) async fn last_line(&self) -> Entry {
        let mut tx = self.store().read().await.expect("begun");
        let head = tx.audit_head().await.expect("read");
        let lines = tx.audit_entries(head.seq - 1, 1).await.expect("read");
        ca_core::domain::decode(&lines[0]).expect("an entry")
    }

    /// Whether this is refused, written down with who and what, and changes nothing.
    async fn is_refused(&self, who: &str, method: &str, path: &str, number: &CaseNumber) {
        let (before, line) = (self.standing(number).await, self.last_line().await);
        let got = if method == "GET" { self.get(who, path).await } else { self.post(who, path, REASON).await };
        let what = format!("{who}: {method} {path}");
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{what}: {}", got.text);
        assert_eq!(self.standing(number).await, before, "{what}");
        let written = self.last_line().await;
        assert_eq!(written.seq, line.seq + 1, "{what}: one line");
        assert_eq!((written.kind.as_str(), written.actor), ("office.refused", format!("officer:{who}")), "{what}");
        let tried = path.split('?').next().expect("a path");
        assert_eq!(written.details["tried"], format!("{method} {tried}"));
    }
}

/// What can be done with a case, beneath its address.
const CASE: [(&str, &str); 20] = [
    ("GET", ""),
    ("GET", "/edit"),
    ("GET", "/check"),
    ("GET", "/counter"),
    ("GET", "/documents/licence"),
    ("GET", "/documents/licence/1"),
    ("GET", "/documents/licence/1/1?size=small"),
    ("GET", "/papers/application/signed"),
    ("GET", "/archive"),
    ("GET", "/retention"),
    ("POST", "/retention/ask"),
    ("POST", "/retention/confirm"),
    ("POST", "/submit"),
    ("POST", "/approve"),
    ("POST", "/decline"),
    ("POST", "/cancel"),
    ("POST", "/claim"),
    ("POST", "/hand-back"),
    ("POST", "/ticket"),
    ("POST", "/abandon"),
];

#[tokio::test]
async fn a_case_is_closed_to_every_other_office_whatever_its_state() {
    let bench = Bench::new().await;
    // 周军 has every duty at the desk, in his own office.
    for path in [bench.submitted().await, bench.approved().await, bench.delivered().await.0] {
        let number: CaseNumber = path.rsplit('/').next().expect("a number").parse().expect("a number");
        for (method, act) in CASE {
            bench.is_refused("zhoujun", method, &format!("{path}{act}"), &number).await;
        }
    }
}

#[tokio::test]
async fn what_is_another_duty_is_refused_at_a_case_that_waits() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let number: CaseNumber = path.rsplit('/').next().expect("a number").parse().expect("a number");
    let cells = [
        ("limin", &["/approve", "/decline", "/claim"][..]),
        ("sunli", &["/submit", "/cancel", "/ticket", "/abandon"]),
        ("chenjie", &["/approve", "/decline", "/cancel", "/claim"]),
        ("zhaojing", &["/submit", "/approve", "/decline", "/cancel", "/claim", "/hand-back", "/ticket", "/abandon"]),
    ];
    for (who, acts) in cells {
        for act in acts {
            bench.is_refused(who, "POST", &format!("{path}{act}"), &number).await;
        }
    }
}

#[tokio::test]
async fn an_auditor_reads_every_office_and_a_counter_only_that_a_unit_has_a_certificate() {
    let bench = Bench::new().await;
    let (path, view) = bench.delivered().await;
    let number = path.rsplit('/').next().expect("a number");
    assert_eq!(bench.get("zhaojing", &path).await.status, StatusCode::OK);
    let unit = bench.get("zhoujun", "/units/91350100M000100Y43").await;
    assert_eq!(unit.status, StatusCode::OK);
    assert!(unit.text.contains(&view.serial.to_string()), "its certificate is seen everywhere");
    assert!(!unit.text.contains(number) && !unit.text.contains("/documents/"), "the papers are not");
    let found = bench.get("zhoujun", "/search?q=东湖").await.text;
    assert!(!found.contains(number));
    assert!(bench.get("zhaojing", "/search?q=东湖").await.text.contains(number));
}

#[tokio::test]
async fn the_register_is_for_supervisors_auditors_and_administrators() {
    let mut bench = Bench::new().await;
    let page = bench.get("zhaojing", "/officers").await.text;
    for expected in ["李敏", "周军", "Token operator", "Good"] {
        assert!(page.contains(expected), "an auditor sees all: {expected}");
    }
    assert!(!page.contains("Ends soon"));
    assert_eq!(bench.get("sunli", "/officers").await.status, StatusCode::FORBIDDEN);
    bench.away(true);
    assert_eq!(bench.get("zhaojing", "/officers").await.status, StatusCode::SERVICE_UNAVAILABLE);
    bench.away(false);
    bench.later(3 * 365 * 86_400 - 20 * 86_400).await;
    assert!(bench.get("zhaojing", "/officers").await.text.contains("Ends soon"));
}
