//! Certificates that take another one's place, from the old one's page to the new token.

use axum::http::StatusCode;
use ca_core::domain::{CertificateStatus, RevocationReason};
use ca_core::service::protocol::CertificateView;
use serde_json::json;

use super::testing::{Bench, PNG};

const DAY: i64 = 86_400;
const PDF: &[u8] = crate::evidence::tests::PDF;

/// What a form of a replacement posts: what is typed again, and the rest as it was found.
const TYPED: [(&str, &str); 8] = [
    ("unit_kind", "enterprise"),
    ("address", "示范市东湖区人民路 8 号"),
    ("legal_person", "张伟"),
    ("handler_name", "刘芳"),
    ("handler_id", ""),
    ("handler_mobile", "13800138000"),
    ("key", "P-256"),
    ("action", "check"),
];

fn page_of(view: &CertificateView) -> String {
    format!("/certificates/{}/{}", view.issuer, view.serial)
}

async fn status(bench: &Bench, view: &CertificateView) -> CertificateStatus {
    bench.view(&json!(view.issuer), &json!(view.serial)).await.status
}

impl Bench {
    /// Begins a case about a certificate; the way to the case.
    async fn begin(&self, who: &str, view: &CertificateView, ground: &str) -> String {
        let got = self.post(who, &format!("{}/replace", page_of(view)), &[("ground", ground)]).await;
        got.to.strip_suffix("/edit").unwrap_or_else(|| panic!("{}: {}", got.status, got.text)).to_owned()
    }

    /// Types what is asked for and signs.
    async fn submit(&self, who: &str, path: &str, more: &[(&str, &str)], files: &[(&str, &[u8])]) {
        let got = self.form(who, &format!("{path}/edit"), &[&TYPED[..], more].concat(), files).await;
        assert_eq!(got.to, format!("{path}/check"), "{}: {}", got.status, got.text);
        let got = self.sign(who, &format!("{path}/check"), &format!("{path}/submit")).await;
        assert_eq!(got.to, format!("{path}?done=submitted"), "{}", got.text);
    }

    async fn approve(&self, who: &str, path: &str) {
        let got = self.sign(who, path, &format!("{path}/approve")).await;
        assert_eq!(got.to, format!("{path}?done=approved"), "{}", got.text);
        self.paid(path).await;
    }

    /// Makes the certificate of an approved case onto a new token.
    async fn make(&self, path: &str) -> CertificateView {
        let ticket = self.ticket(path).await;
        let (key, answer) = self.redeem(&ticket).await;
        let view = self.view(&answer["issuer"], &answer["serial"]).await;
        let install = self.house.installed(&view, key);
        let (status, answer) = self.api("confirm", json!({ "ticket": ticket, "install": install })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        view
    }

    pub(super) async fn hold(&self, view: &CertificateView) {
        let order = self.post("limin", &format!("{}/hold", page_of(view)), &[]).await.to;
        let got = self.sign("limin", &order, &format!("{order}/sign")).await;
        assert!(got.to.contains("done=held"), "{}: {}", got.to, got.text);
    }
}

#[tokio::test]
async fn an_office_renewal_adds_years_to_the_old_end() {
    let mut bench = Bench::new().await;
    let (_, old) = bench.delivered().await;
    let early = bench.get("limin", &page_of(&old)).await.text;
    assert!(early.contains("Possible from"), "the page says from when");
    let refused = bench.post("limin", &format!("{}/replace", page_of(&old)), &[("ground", "renewal")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);

    let end = old.validity.not_after;
    bench.later(end.since(bench.house.now()) - 80 * DAY).await;
    let path = bench.begin("limin", &old, "renewal").await;
    let form = bench.get("limin", &format!("{path}/edit")).await.text;
    assert!(form.contains("示范市东湖建筑工程有限公司") && !form.contains("name=\"uscc\""), "the holder stays");
    bench.submit("limin", &path, &[("years", "3"), ("unit_name", "别的公司")], &[("id_card", PNG)]).await;
    let review = bench.get("sunli", &path).await.text;
    assert!(review.contains("Certificates of the same holder") && review.contains(&old.serial.to_string()));
    bench.approve("sunli", &path).await;
    assert_eq!(status(&bench, &old).await, CertificateStatus::Good, "not before the new one is installed");
    let new = bench.make(&path).await;
    assert_eq!(new.validity.not_after, end.beijing_day().plus_years(3).last_second());
    let since = bench.house.now();
    let reason = RevocationReason::Superseded;
    assert_eq!(status(&bench, &old).await, CertificateStatus::Revoked { since, reason });
    let page = bench.get("limin", &page_of(&old)).await.text;
    assert!(page.contains("Replaced by a new certificate") && page.contains("Revoked"));
}

#[tokio::test]
async fn a_loss_begins_with_a_hold_and_ends_with_the_rest_of_the_term() {
    let bench = Bench::new().await;
    let (_, old) = bench.delivered().await;
    let page = bench.get("limin", &page_of(&old)).await.text;
    assert!(page.contains("Hold the certificate first"));
    bench.hold(&old).await;
    let path = bench.begin("limin", &old, "loss").await;
    let missing = bench.form("limin", &format!("{path}/edit"), &TYPED, &[("id_card", PNG)]).await;
    assert!(missing.text.contains("Upload: Statement of loss"), "{}", missing.status);
    bench.submit("limin", &path, &[], &[("loss_statement", PDF)]).await;
    bench.approve("sunli", &path).await;
    let new = bench.make(&path).await;
    assert_eq!(new.validity.not_after, old.validity.not_after);
    let revoked = CertificateStatus::Revoked { since: bench.house.now(), reason: RevocationReason::KeyCompromise };
    assert_eq!(status(&bench, &old).await, revoked);
}

#[tokio::test]
async fn an_exchange_is_tested_by_the_operator_and_approved_by_the_supervisor() {
    let bench = Bench::new().await;
    let (_, old) = bench.delivered().await;
    let entry = bench.get("sunli", &page_of(&old)).await.text;
    assert!(entry.contains("The duty of: Token operator"), "who has it not is told whose duty it is");
    let refused = bench.post("sunli", &format!("{}/replace", page_of(&old)), &[("ground", "exchange")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let path = bench.begin("chenjie", &old, "exchange").await;
    let files: [(&str, &[u8]); 2] = [("purchase_proof", PDF), ("fault_report", PNG)];
    let today = bench.house.now().beijing_day();
    let late = [&TYPED[..], &[("purchased", "2020-01-01")]].concat();
    let refused = bench.form("chenjie", &format!("{path}/edit"), &late, &files).await;
    assert!(refused.text.contains("outside the three-year warranty"), "{}", refused.status);
    bench.submit("chenjie", &path, &[("purchased", &today.to_string())], &[]).await;
    let reviewer = bench.get("sunli", &path).await.text;
    assert!(reviewer.contains("To be decided by: Supervisor") && !reviewer.contains("name=\"statement\""));
    let refused = bench.post("sunli", &format!("{path}/approve"), &[("signature", "")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(reviewer.contains("Tested"), "the seats are named for what is done in them");
    bench.approve("wangqiang", &path).await;
    bench.make(&path).await;
    assert!(matches!(status(&bench, &old).await, CertificateStatus::Revoked { .. }));
}

#[tokio::test]
async fn a_change_names_the_unit_anew_and_keeps_its_number() {
    let bench = Bench::new().await;
    let (_, old) = bench.delivered().await;
    let path = bench.begin("limin", &old, "change").await;
    let files: [(&str, &[u8]); 3] = [("licence", PNG), ("id_card", PNG), ("change_notice", PDF)];
    let same = [("unit_name", "示范市东湖建筑工程有限公司"), ("uscc", "91350100M000100Y43")];
    let refused = bench.form("limin", &format!("{path}/edit"), &[&TYPED[..], &same].concat(), &files).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "nothing changes: {}", refused.text);
    let named = [("unit_name", "示范市西湖建筑工程有限公司"), ("uscc", "91350100M000100Y43")];
    bench.submit("limin", &path, &named, &[]).await;
    bench.approve("sunli", &path).await;
    let new = bench.make(&path).await;
    let text = |view: &CertificateView| String::from_utf8_lossy(&view.certificate.0).into_owned();
    assert!(text(&new).contains("示范市西湖建筑工程有限公司") && !text(&new).contains("东湖"));
    for view in [&old, &new] {
        assert!(text(view).contains("1@YX0191350100M000100Y43"), "relying parties know the unit again");
    }
    let reason = RevocationReason::AffiliationChanged;
    assert_eq!(status(&bench, &old).await, CertificateStatus::Revoked { since: bench.house.now(), reason });
}

#[tokio::test]
async fn one_case_at_a_time_about_a_certificate_and_only_at_its_own_office() {
    let bench = Bench::new().await;
    let (_, old) = bench.delivered().await;
    let replace = format!("{}/replace", page_of(&old));
    let foreign = bench.post("zhoujun", &replace, &[("ground", "change")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    for kind in ["revocation", "release", "unlock"] {
        let got = bench.post("zhoujun", &format!("{}/matters", page_of(&old)), &[("kind", kind)]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{kind} by another office");
    }
    let path = bench.begin("limin", &old, "change").await;
    assert_eq!(bench.post("limin", &replace, &[("ground", "change")]).await.status, StatusCode::CONFLICT);
    assert!(bench.get("limin", &page_of(&old)).await.text.contains("A case about this certificate is under way"));
    assert_eq!(bench.post("limin", &replace, &[("ground", "gift")]).await.status, StatusCode::BAD_REQUEST);

    let silent = bench.post("limin", &format!("{path}/cancel"), &[("reason", " ")]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = bench.post("limin", &format!("{path}/cancel"), &[("reason", "found the notice was wrong")]).await;
    assert_eq!(got.to, format!("{path}?done=cancelled"), "{}", got.text);
    assert_eq!(bench.get("limin", &format!("{path}/edit")).await.status, StatusCode::CONFLICT);
    bench.begin("limin", &old, "change").await;
}

#[tokio::test]
async fn a_case_that_is_given_up_makes_no_certificate_though_two_officers_signed() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let ticket = bench.ticket(&path).await;
    let foreign = bench.post("zhoujun", &format!("{path}/cancel"), &[("reason", "mine now")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let paid = bench.post("limin", &format!("{path}/cancel"), &[("reason", "the unit went away")]).await;
    assert_eq!(paid.status, StatusCode::CONFLICT);
    assert!(paid.text.contains("ask for a refund first"), "{}", paid.text);
    bench.refunded(&path, "460").await;
    assert!(bench.get("limin", &path).await.text.contains("Given up"));
    let got = bench.post("limin", &format!("{path}/cancel"), &[("reason", "again")]).await;
    assert_eq!(got.status, StatusCode::CONFLICT);
    let (status, answer) = bench.api("open", json!({ "ticket": ticket })).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("ticket_used")), "{answer}");
    assert_eq!(bench.post("chenjie", &format!("{path}/ticket"), &[]).await.status, StatusCode::CONFLICT);
}
