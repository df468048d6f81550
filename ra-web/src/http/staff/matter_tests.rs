//! Unblocking and revocation, from the request to the end; and each rule that keeps them from being misused.

use axum::http::StatusCode;
use ca_core::domain::{Install, PinChange, RevocationReason, Sha256, Timestamp};
use ca_core::service::protocol::{Blob, CertificateView};
use ca_core::testing::Person;
use serde_json::{Value, json};

use super::testing::{Bench, PNG};
use crate::enrolment::case::Forbidden;
use crate::enrolment::certificate_order::Wish;
use crate::enrolment::desk::OfficeError;
use crate::matters::GRANT_SECONDS;
use crate::store::Store as _;

/// A unit with its certificate on a token of the office's stock, formatted with its own admin PIN.
struct Unit {
    view: CertificateView,
    holder: Person,
}

impl Bench {
    async fn unit(&self) -> Unit {
        let form = [("serials", "YX01"), ("model", "Soft 1"), ("purchased", "2020-01-02")];
        self.post("chenjie", "/stock/receive", &form).await;
        self.desk.admin_pins(&["YX01".parse().expect("a number")]).await.expect("listed");
        let path = self.approved().await;
        let ticket = self.ticket(&path).await;
        let (key, answer) = self.redeem_on(&ticket, "YX01").await;
        let view = self.view(&answer["issuer"], &answer["serial"]).await;
        let holder = Person { key, certificate: view.certificate.0.clone() };
        let install = Install {
            order: view.order,
            issuer: view.issuer.clone(),
            serial: view.serial.clone(),
            certificate_sha256: Sha256(openssl::sha::sha256(&view.certificate.0)),
        };
        let install = holder.say(&install, self.house.now());
        let (status, _) = self.api("confirm", json!({ "ticket": ticket, "install": install })).await;
        assert_eq!(status, StatusCode::OK);
        Unit { view, holder }
    }

    /// An unblocking that both officers signed.
    async fn unlockable(&self, unit: &Unit) -> String {
        let matter = self.matter(&unit.view, "unlock", &[]).await;
        for who in ["limin", "sunli"] {
            let got = self.sign(who, &matter, &format!("{matter}/sign")).await;
            assert_eq!(got.to, format!("{matter}?done=matter-signed"), "{who}: {}", got.text);
        }
        matter
    }

    async fn grant(&self, matter: &str) -> String {
        self.post("limin", &format!("{matter}/grant"), &[]).await.field("grant")
    }

    async fn unlock(&self, act: &str, grant: &str) -> (StatusCode, Value) {
        self.json(&format!("/api/v1/unlock/{act}"), json!({ "grant": grant })).await
    }

    async fn report(&self, grant: &str, failed: Option<&str>) -> StatusCode {
        self.json("/api/v1/unlock/report", json!({ "grant": grant, "failed": failed })).await.0
    }

    async fn tell_pin(&self, unit: &Unit, token: &str, changed: Timestamp) -> StatusCode {
        let certificate_sha256 = Sha256(openssl::sha::sha256(&unit.view.certificate.0));
        let said = PinChange { token: token.into(), certificate_sha256, changed };
        let message: Blob = unit.holder.say(&said, self.house.now());
        self.json("/api/v1/unlock/pin-changed", json!({ "message": message })).await.0
    }

    async fn audited(&self, kind: &str) -> usize {
        let mut tx = self.store().read().await.expect("begun");
        let entries = tx.audit_entries(0, 1000).await.expect("read");
        let kind = format!("\"{kind}\"");
        entries.iter().filter(|entry| String::from_utf8_lossy(entry).contains(&kind)).count()
    }
}

#[tokio::test]
async fn a_locked_pin_is_unblocked_once_for_one_token_and_the_token_ends_the_matter() {
    let bench = Bench::new().await;
    let unit = bench.unit().await;
    let matter = bench.matter(&unit.view, "unlock", &[]).await;
    assert!(bench.get("limin", "/tokens/YX01").await.text.contains("PIN locked"));
    assert!(bench.get("limin", "/").await.text.contains(&matter), "it stands in the queue");
    bench.sign("limin", &matter, &format!("{matter}/sign")).await;
    let same = bench.get("limin", &matter).await.text;
    assert!(same.contains("You signed already") && !same.contains("name=\"statement\""));
    let early = bench.post("limin", &format!("{matter}/grant"), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "not before the second signature");
    bench.sign("sunli", &matter, &format!("{matter}/sign")).await;

    let grant = bench.grant(&matter).await;
    assert_eq!(grant.len(), 29, "24 characters in groups of four");
    let (status, opened) = bench.unlock("open", &grant).await;
    assert_eq!((status, opened["token"].as_str()), (StatusCode::OK, Some("YX01")), "{opened}");
    let (status, told) = bench.unlock("release", &grant.replace('-', "")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let pin = told["admin_pin"].as_str().expect("a PIN").to_owned();
    let listed = bench.desk.admin_pins(&["YX01".parse().expect("a number")]).await;
    assert!(listed.is_err(), "a token that is with its unit is on no list");
    assert_eq!(bench.audited("unlock.admin_pin_released").await, 1);
    let (status, again) = bench.unlock("release", &grant).await;
    assert_eq!((status, again["code"].as_str()), (StatusCode::CONFLICT, Some("grant_used")));
    for _ in 0..2 {
        assert_eq!(bench.report(&grant, None).await, StatusCode::OK);
    }
    let page = bench.get("limin", &matter).await.text;
    assert!(page.contains("PIN to be changed") && !page.contains(&pin), "no page shows an admin PIN");

    assert_eq!(bench.tell_pin(&unit, "YX02", bench.house.now()).await, StatusCode::NOT_FOUND, "of another token");
    let told = bench.house.now();
    assert_eq!(bench.tell_pin(&unit, "YX01", told).await, StatusCode::OK);
    assert!(bench.get("limin", &matter).await.text.contains("Over"));
    let token = bench.token_of(&unit.view).await;
    assert_eq!((token.state.word(), token.pin_changed), ("in_use", Some(told)));
    assert_eq!(bench.tell_pin(&unit, "YX01", told.plus(-9)).await, StatusCode::OK);
    assert_eq!(bench.token_of(&unit.view).await.pin_changed, Some(told), "an old word changes nothing");
}

#[tokio::test]
async fn a_grant_ends_with_its_quarter_of_an_hour_and_with_the_next_one() {
    let mut bench = Bench::new().await;
    let unit = bench.unit().await;
    let matter = bench.unlockable(&unit).await;
    let (first, second) = (bench.grant(&matter).await, bench.grant(&matter).await);
    assert_eq!(bench.unlock("release", &first).await.1["code"], "grant_used");
    bench.later(GRANT_SECONDS).await;
    assert_eq!(bench.unlock("release", &second).await.1["code"], "grant_expired");
    assert_eq!(bench.unlock("release", "0000-0000-0000-0000-0000-0000").await.1["code"], "grant_unknown");
    assert_eq!(bench.audited("unlock.admin_pin_released").await, 0);
}

#[tokio::test]
async fn three_failures_leave_only_the_counter() {
    let bench = Bench::new().await;
    let unit = bench.unit().await;
    let matter = bench.unlockable(&unit).await;
    for n in 1..=3 {
        let grant = bench.grant(&matter).await;
        bench.unlock("release", &grant).await;
        if n == 2 {
            // Whatever became of it was never told: it counts.
            continue;
        }
        assert_eq!(bench.report(&grant, Some("the admin PIN is refused")).await, StatusCode::OK);
    }
    assert!(bench.get("limin", &matter).await.text.contains("Given up"));
    let to = format!("/certificates/{}/{}/matters", unit.view.issuer, unit.view.serial);
    let edit = bench.post("limin", &to, &[("kind", "unlock")]).await.to;
    let typed = |way| [("way", way), ("applicant", "刘芳"), ("checked", "身份证"), ("action", "check")];
    let remote = bench.form("limin", &edit, &typed("remote"), &[("id_card", PNG)]).await;
    assert!(remote.text.contains("at the counter only"), "{}", remote.status);
    let counter = bench.form("limin", &edit, &typed("counter"), &[]).await;
    assert!(counter.to.ends_with("?done=matter-ready"), "{}", counter.text);
}

#[tokio::test]
async fn a_token_with_its_makers_admin_pin_cannot_be_unblocked() {
    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let to = format!("/certificates/{}/{}/matters", view.issuer, view.serial);
    assert_eq!(bench.post("limin", &to, &[("kind", "unlock")]).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.post("zhoujun", &to, &[("kind", "revocation")]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_revocation_goes_from_the_request_to_the_notice() {
    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let to = format!("/certificates/{}/{}/matters", view.issuer, view.serial);
    let edit = bench.post("limin", &to, &[("kind", "revocation")]).await.to;
    let empty = bench.form("limin", &edit, &[("action", "check")], &[]).await;
    for fault in ["#ground", "#applicant", "#checked", "#way", "#request"] {
        assert!(empty.text.contains(&format!("href=\"{fault}\"")), "{fault}");
    }
    let matter = bench.matter(&view, "revocation", &[("ground", "holder-asks")]).await;
    assert_eq!(edit, format!("{matter}/edit"), "one that is open is gone on with");
    let order = bench.order_of(&matter).await;
    let shown = bench.get("limin", &order).await.text;
    let scan = Sha256(openssl::sha::sha256(PNG)).to_string();
    assert!(shown.contains(&scan), "the officers sign the hashes of the papers");
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    assert!(bench.get("sunli", "/").await.text.contains("Waits for the second signature"));
    let got = bench.sign("sunli", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{matter}?done=matter-signed"), "{}", got.text);
    let page = bench.get("limin", &matter).await.text;
    assert!(page.contains("Published, unit to be told") && page.contains("papers/revocation"), "{page}");
    assert_eq!(bench.token_of(&view).await.state.word(), "retired");
    let silent = bench.post("limin", &format!("{matter}/told"), &[]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = bench.post("limin", &format!("{matter}/told"), &[("reason", "当面签收")]).await;
    assert_eq!(got.to, format!("{matter}?done=matter-closed"));
    let drop = bench.post("limin", &format!("{matter}/drop"), &[("reason", "x")]).await;
    assert_eq!(drop.status, StatusCode::CONFLICT, "what is revoked stays so");
}

#[tokio::test]
async fn unless_the_holder_asks_a_supervisor_is_one_of_the_two() {
    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let matter = bench.matter(&view, "revocation", &[("ground", "ordered")]).await;
    let order = bench.order_of(&matter).await;
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    let refused = bench.sign("sunli", &order, &format!("{order}/sign")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    let got = bench.sign("wangqiang", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{matter}?done=matter-signed"), "{}", got.text);
}

#[tokio::test]
async fn a_hold_is_followed_by_its_report_and_ends_with_the_release() {
    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    let order = bench.post("chenjie", &format!("{base}/hold"), &[]).await.to;
    bench.sign("chenjie", &order, &format!("{order}/sign")).await;
    assert_eq!(bench.token_of(&view).await.state.word(), "reported_lost");
    let queue = bench.get("limin", "/").await.text;
    assert!(queue.contains("Held, report missing"), "the report is owed");
    let loss = bench.matter(&view, "loss", &[("phone", "13800138000")]).await;
    assert!(bench.get("limin", &loss).await.text.contains("Reported lost"));
    let release = bench.matter(&view, "release", &[]).await;
    let order = bench.order_of(&release).await;
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    let got = bench.post("limin", &format!("{order}/drop"), &[]).await;
    assert!(got.to.contains("done=dropped"), "{}", got.to);
    assert!(bench.get("limin", &release).await.text.contains("Being written"), "it goes back to be signed anew");
    let release = bench.matter(&view, "release", &[]).await;
    let order = bench.order_of(&release).await;
    for who in ["limin", "sunli"] {
        bench.sign(who, &order, &format!("{order}/sign")).await;
    }
    assert_eq!(bench.token_of(&view).await.state.word(), "in_use");
    for path in [&loss, &release] {
        let page = bench.get("limin", path).await.text;
        assert!(page.contains("Over") || page.contains("Released"), "{path}");
    }
    assert!(!bench.get("limin", "/").await.text.contains(&loss));
}

#[tokio::test]
async fn another_office_neither_reads_a_matter_nor_opens_an_order_on_its_certificate() {
    let bench = Bench::new().await;
    let unit = bench.unit().await;
    let matter = bench.matter(&unit.view, "revocation", &[("ground", "holder-asks")]).await;
    for page in [matter.clone(), format!("{matter}/documents/request")] {
        assert_eq!(bench.get("zhoujun", &page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
    assert_eq!(bench.get("zhaojing", &matter).await.status, StatusCode::OK, "an auditor reads");
    let other = bench.officer("zhoujun").await;
    let wish = Wish::Revoke(RevocationReason::Superseded);
    let opened = bench.desk.open_order_with(&other, &unit.view.issuer, &unit.view.serial, wish, Vec::new()).await;
    assert!(matches!(opened, Err(OfficeError::Forbidden(Forbidden::OtherOffice))));
}
