//! Unblocking and revocation, from the request to the end; and each rule that keeps them from being misused.

use axum::http::StatusCode;
use ca_core::domain::{Install, PinChange, RevocationReason, Sha256, Timestamp};
use ca_core::service::protocol::{Blob, CertificateView};
use ca_core::testing::Person;
use serde_json::{Value, json};

use super::testing::{Bench, PNG};
use crate::enrolment::case::{CaseNumber, Forbidden};
use crate::enrolment::certificate_order::Wish;
use crate::enrolment::desk::OfficeError;
use crate::enrolment::retention::Kept;
use crate::matters::{GRANT_SECONDS, MatterNumber};
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
    let since = bench.house.now().beijing_day().to_string();
    let ground = [("ground", "holder-compromise"), ("invalid_since", since.as_str())];
    let mut early = ground;
    early[1].1 = "2020-01-01";
    let typed = [&early[..], &[("action", "check")]].concat();
    assert!(bench.form("limin", &edit, &typed, &[]).await.text.contains("before the certificate"));
    let matter = bench.matter(&view, "revocation", &ground).await;
    assert_eq!(edit, format!("{matter}/edit"), "one that is open is gone on with");
    let order = bench.order_of(&matter).await;
    let shown = bench.get("limin", &order).await.text;
    let scan = Sha256(openssl::sha::sha256(PNG)).to_string();
    assert!(shown.contains(&scan), "the officers sign the hashes of the papers");
    let first = view.validity.not_before.unix();
    assert!(
        shown.contains(&format!("&#34;invalid_since&#34;:{first}")),
        "and since when the key is not to be believed: {shown}"
    );
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
async fn another_handler_is_written_down_by_one_and_confirmed_by_another_and_nothing_is_ordered() {
    let bench = Bench::new().await;
    let (case, view) = bench.delivered().await;
    let to = format!("/certificates/{}/{}/matters", view.issuer, view.serial);
    let edit = bench.post("limin", &to, &[("kind", "handler")]).await.to;
    let matter = edit.strip_suffix("/edit").expect("a form").to_owned();
    let empty = bench.form("limin", &edit, &[("action", "check")], &[]).await;
    for fault in ["#handler_name", "#handler_mobile", "#handler_id", "#request", "#id_card"] {
        assert!(empty.text.contains(&format!("href=\"{fault}\"")), "{fault}");
    }
    let good = [
        ("handler_name", "赵强"),
        ("handler_mobile", "13900139000"),
        ("handler_id", "440524188001010014"),
        ("way", "counter"),
        ("applicant", "赵强"),
        ("checked", "公章与档案一致"),
        ("action", "check"),
    ];
    let mut bad = good;
    (bad[1].1, bad[2].1) = ("12345", "440524188001010015");
    let got = bench.form("limin", &edit, &bad, &[("request", PNG), ("id_card", PNG)]).await;
    assert!(
        got.text.contains("a mobile number has 11 digits") && got.text.contains("not a resident number"),
        "{}",
        got.text
    );
    let got = bench.form("limin", &edit, &good, &[]).await;
    assert_eq!(got.to, format!("{matter}?done=matter-ready"), "{}", got.text);

    let shown = bench.get("limin", &matter).await.text;
    assert!(shown.contains("another reviewing officer") && !shown.contains("/confirm"), "{shown}");
    assert!(
        shown.contains("440524********0014")
            && !shown.contains("440524188001010014")
            && shown.contains("刘芳 13800138000")
    );
    for (who, status) in
        [("limin", StatusCode::FORBIDDEN), ("zhoujun", StatusCode::FORBIDDEN), ("chenjie", StatusCode::FORBIDDEN)]
    {
        assert_eq!(bench.post(who, &format!("{matter}/confirm"), &[]).await.status, status, "{who}");
    }
    let silent = bench.post("sunli", &format!("{matter}/return"), &[]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = bench.post("sunli", &format!("{matter}/return"), &[("reason", "公章不清")]).await;
    assert_eq!(got.to, format!("{matter}?done=returned"));
    assert!(bench.get("limin", &matter).await.text.contains("公章不清"));
    let early = bench.post("sunli", &format!("{matter}/confirm"), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "it lies with the desk");
    // The number need not be typed again.
    let mut again = good;
    again[2].1 = "";
    bench.form("limin", &edit, &again, &[("request", PNG)]).await;
    let unit = async || bench.get("limin", "/units/91350100M000100Y43").await.text;
    assert!(unit().await.contains("刘芳"), "not before it is confirmed");
    let got = bench.post("sunli", &format!("{matter}/confirm"), &[]).await;
    assert_eq!(got.to, format!("{matter}?done=handler-changed"), "{}", got.text);
    let now = unit().await;
    assert!(now.contains("赵强") && now.contains("13900139000") && now.contains("440524********0014"), "{now}");
    assert_eq!(bench.post("sunli", &format!("{matter}/confirm"), &[]).await.status, StatusCode::CONFLICT, "once");
    let same = bench.view(&json!(view.issuer), &json!(view.serial)).await;
    assert_eq!((same.certificate, same.status), (view.certificate.clone(), view.status), "the certificate stays");
    assert!(bench.get("limin", &case).await.text.contains("刘芳"), "what was examined then stays as it was");

    // A case that follows begins with the new one.
    let base = format!("/certificates/{}/{}", view.issuer, view.serial);
    let next = bench.post("limin", &format!("{base}/replace"), &[("ground", "change")]).await.to;
    let form = bench.get("limin", &next).await.text;
    assert!(form.contains("赵强") && form.contains("13900139000") && !form.contains("刘芳"), "{form}");
}

#[tokio::test]
async fn the_scans_of_a_matter_leave_with_the_archive_and_are_kept_and_deleted_with_the_case() {
    let bench = Bench::new().await;
    let (case, view) = bench.delivered().await;
    let matter = bench.matter(&view, "revocation", &[("ground", "holder-asks")]).await;
    let order = bench.order_of(&matter).await;
    for who in ["limin", "sunli"] {
        bench.sign(who, &order, &format!("{order}/sign")).await;
    }
    let page = bench.get("wangqiang", &format!("{case}/archive")).await;
    let signature = bench.signature(&page, "wangqiang");
    let taken = bench.post("wangqiang", &format!("{case}/archive"), &[("signature", &signature)]).await;
    let verified = crate::archive::verify::verify(&taken.bytes).expect("whole");
    assert!(verified.archive.files > 10);
    let number = matter.rsplit('/').next().expect("a number").to_owned();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&taken.bytes)).expect("a ZIP");
    let mut scan = Vec::new();
    let mut file = zip.by_name(&format!("matters/{number}/request.png")).expect("the scan");
    std::io::Read::read_to_end(&mut file, &mut scan).expect("read");
    assert_eq!(scan, PNG);
    drop(file);

    // Long after: while the matter is not over, nothing goes; then all of it, the matter's own papers too.
    bench.get("limin", &matter).await;
    let number: MatterNumber = number.parse().expect("a number");
    let case: CaseNumber = case.rsplit('/').next().expect("a number").parse().expect("a number");
    let (limin, sunli) = (bench.officer("limin").await, bench.officer("sunli").await);
    let wangqiang = bench.officer("wangqiang").await;
    let desk = &bench.desk;
    bench.house.clock.advance(9 * 366 * 86_400);
    let early = desk.ask_deletion(&wangqiang, &case, "time is over").await;
    assert!(matches!(early, Err(OfficeError::Kept(Kept::Open))), "the unit was never told");
    desk.close_told(&limin, &number, "当面签收").await.expect("told");
    let early = desk.ask_deletion(&wangqiang, &case, "time is over").await;
    assert!(matches!(early, Err(OfficeError::Kept(Kept::Until(_)))), "five years from the matter's last step");
    bench.house.clock.advance(6 * 366 * 86_400);
    desk.ask_deletion(&wangqiang, &case, "time is over").await.expect("asked");
    desk.confirm_deletion(&sunli, &case).await.expect("deleted");
    let hash = Sha256(openssl::sha::sha256(PNG));
    assert!(desk.evidence.show(hash).await.is_err(), "the store forgets the matter's scan");
    assert!(matches!(desk.matter_paper(&limin, &number, "request").await, Err(OfficeError::NotFound)));
    let facts = desk.matter(&limin, &number).await.expect("read").matter.facts;
    assert_eq!((facts.applicant.as_str(), facts.checked.as_str(), facts.story.as_str()), ("", "", ""));
    assert_eq!(facts.ground, "holder-asks", "what was done stays");
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
    let wish = Wish::Revoke(RevocationReason::Superseded, None);
    let opened = bench.desk.open_order_with(&other, &unit.view.issuer, &unit.view.serial, wish, Vec::new()).await;
    assert!(matches!(opened, Err(OfficeError::Forbidden(Forbidden::OtherOffice))));
}
