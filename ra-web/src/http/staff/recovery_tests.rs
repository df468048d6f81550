//! The recovery of an old encryption key, from the request to the open envelope; each rule that keeps it from being
//! misused; and claims of matters.

use axum::http::StatusCode;
use ca_core::domain::{Install, Sha256};
use ca_core::envelope;
use ca_core::service::protocol::CertificateView;
use ca_core::signer::soft::SoftKey;
use ca_core::testing::Person;
use ca_core::x509::Parts;

use super::testing::{Bench, PNG};

impl Bench {
    /// One more certificate of the unit on a token, with its key.
    async fn holder(&self) -> (CertificateView, SoftKey) {
        let path = self.approved().await;
        let ticket = self.ticket(&path).await;
        let (key, answer) = self.redeem(&ticket).await;
        let view = self.view(&answer["issuer"], &answer["serial"]).await;
        let holder = Person { key, certificate: view.certificate.0.clone() };
        let install = Install {
            order: view.order,
            issuer: view.issuer.clone(),
            serial: view.serial.clone(),
            certificate_sha256: Sha256(openssl::sha::sha256(&view.certificate.0)),
        };
        let install = holder.say(&install, self.house.now());
        self.api("confirm", serde_json::json!({ "ticket": ticket, "install": install })).await;
        (view, holder.key)
    }

    /// A recovery of the key of `old` for `new`, ready to be signed: the way to its page.
    async fn recovery(&self, old: &CertificateView, new: &CertificateView) -> String {
        let to = format!("/certificates/{}/{}/matters", old.issuer, old.serial);
        let got = self.post("limin", &to, &[("kind", "recovery")]).await;
        let edit = got.to;
        let recipient = format!("{}/{}", new.issuer, new.serial);
        let typed = [
            ("recipient", recipient.as_str()),
            ("way", "counter"),
            ("applicant", "刘芳"),
            ("checked", "公章与档案一致"),
            ("story", "旧介质遗失"),
            ("action", "check"),
        ];
        let got = self.form("limin", &edit, &typed, &[("request", PNG)]).await;
        let path = edit.strip_suffix("/edit").expect("a form").replace("/matters/", "/recoveries/");
        assert_eq!(got.to, format!("{path}?done=matter-ready"), "{}", got.text);
        path
    }

    async fn sign_recovery(&self, who: &str, path: &str) -> super::testing::Got {
        self.sign(who, path, &format!("{path}/sign")).await
    }
}

#[tokio::test]
async fn an_old_key_opens_on_the_new_token_after_two_officers_of_the_centre_signed() {
    let bench = Bench::new().await;
    let (old, _) = bench.holder().await;
    let base = format!("/certificates/{}/{}", old.issuer, old.serial);
    assert!(bench.get("limin", &base).await.text.contains("no other good certificate"), "why it is not offered");
    let none = bench.post("limin", &format!("{base}/matters"), &[("kind", "recovery")]).await;
    assert_eq!(none.status, StatusCode::CONFLICT, "nobody could open it");
    let (new, key) = bench.holder().await;
    let path = bench.recovery(&old, &new).await;
    let desk = bench.get("limin", &path).await.text;
    assert!(
        desk.contains("Two officers of the key-management centre, of this office")
            && !desk.contains("name=\"statement\"")
    );
    assert!(bench.get("qianwei", "/").await.to.ends_with("/recoveries"));
    assert!(bench.get("qianwei", "/recoveries").await.text.contains(&path));
    let shown = bench.get("qianwei", &path).await.text;
    assert!(shown.contains("旧介质遗失") && shown.contains("/documents/request"), "{shown}");
    let scan = bench.get("fengli", &format!("{path}/documents/request")).await;
    assert_eq!(Sha256(openssl::sha::sha256(&scan.bytes)), Sha256(openssl::sha::sha256(PNG)));

    assert_eq!(bench.sign_recovery("qianwei", &path).await.to, format!("{path}?done=matter-signed"));
    let same = bench.get("qianwei", &path).await.text;
    assert!(same.contains("You signed already") && !same.contains("name=\"statement\""));
    let early = bench.post("chenjie", &format!("{path}/key"), &[("form", "message")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "not before the second signature");
    bench.away(true);
    let away = bench.sign_recovery("fengli", &path).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE, "{}", away.text);
    bench.away(false);
    let sent = bench.post("fengli", &format!("{path}/send"), &[]).await;
    assert_eq!(sent.to, format!("{path}?done=recovery-approved"), "{}", sent.text);

    for _ in 0..2 {
        let got = bench.post("chenjie", &format!("{path}/key"), &[("form", "message")]).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
        let pair = old.encryption.as_ref().expect("a pair");
        let spki = Parts::read(&pair.certificate.0).expect("a certificate").tbs.spki.to_vec();
        assert!(
            envelope::open(&got.bytes, &spki, |operation| key.perform(operation)).is_ok(),
            "the new token opens it"
        );
        assert!(
            envelope::open(&got.bytes, &spki, |operation| ca_core::testing::new_key().perform(operation)).is_err(),
            "no other does"
        );
    }
    for (who, status) in
        [("limin", StatusCode::OK), ("qianwei", StatusCode::FORBIDDEN), ("sunli", StatusCode::FORBIDDEN)]
    {
        let got = bench.post(who, &format!("{path}/key"), &[("form", "message")]).await;
        assert_eq!(got.status, status, "{who}: limin is an operator too");
    }
    let got = bench.post("chenjie", &format!("{path}/close"), &[("reason", "已写入介质")]).await;
    assert_eq!(got.to, format!("{path}?done=matter-closed"));
    assert_eq!(bench.post("chenjie", &format!("{path}/key"), &[]).await.status, StatusCode::CONFLICT);
    let history = bench.get("zhaojing", &path).await.text;
    assert_eq!(history.matches("Envelope of the key taken").count(), 3, "an auditor reads who took it");
}

#[tokio::test]
async fn only_two_different_officers_of_the_centre_decide_and_a_stale_statement_is_not_signed() {
    let bench = Bench::new().await;
    let (old, _) = bench.holder().await;
    let (new, _) = bench.holder().await;
    let path = bench.recovery(&old, &new).await;
    let page = bench.get("qianwei", &path).await;
    for who in ["limin", "sunli", "wangqiang", "zhaojing", "wumin"] {
        let signature = bench.signature(&page, who);
        let got = bench.post(who, &format!("{path}/sign"), &[("signature", &signature)]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{who}");
    }
    let stale = bench.signature(&page, "qianwei");
    // A statement of an unblocking has other seats: the desk cannot sign this one by that way.
    let matters = path.replace("/recoveries/", "/matters/");
    let desk = bench.signature(&page, "limin");
    let got = bench.post("limin", &format!("{matters}/sign"), &[("signature", &desk)]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.text);
    // Sent back, written anew: what was signed before is over.
    let silent = bench.post("fengli", &format!("{path}/decline"), &[]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = bench.post("fengli", &format!("{path}/decline"), &[("reason", "缺少裁定书")]).await;
    assert_eq!(got.to, format!("{path}?done=recovery-declined"));
    assert!(bench.get("limin", &path).await.text.contains("缺少裁定书"));
    let got = bench.post("qianwei", &format!("{path}/sign"), &[("signature", &stale)]).await;
    assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.text);
    assert_eq!(bench.recovery(&old, &new).await, path, "the open one is gone on with");
    let got = bench.post("qianwei", &format!("{path}/sign"), &[("signature", &stale)]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "another statement lies there now");
    bench.sign_recovery("qianwei", &path).await;
    let twice = bench.post("qianwei", &format!("{path}/sign"), &[("signature", &stale)]).await;
    assert_eq!(twice.status, StatusCode::FORBIDDEN, "four eyes");
}

#[tokio::test]
async fn what_the_authority_refuses_goes_back_to_the_desk_with_the_reason() {
    let bench = Bench::new().await;
    let (old, _) = bench.holder().await;
    let (new, _) = bench.holder().await;
    let path = bench.recovery(&old, &new).await;
    bench.sign_recovery("qianwei", &path).await;
    // Meanwhile the new certificate is held.
    let order = bench.post("chenjie", &format!("/certificates/{}/{}/hold", new.issuer, new.serial), &[]).await.to;
    bench.sign("chenjie", &order, &format!("{order}/sign")).await;
    let got = bench.sign_recovery("fengli", &path).await;
    assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.text);
    let page = bench.get("limin", &path).await.text;
    assert!(page.contains("Being written, or waits") && !page.contains("ca-key"), "the code is put into words: {page}");
    assert_eq!(bench.post("chenjie", &format!("{path}/key"), &[]).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_matter_is_in_one_clerks_hands_and_a_supervisor_may_take_it_over() {
    let mut bench = Bench::new().await;
    let (view, _) = bench.holder().await;
    bench.sign_in_as("luoyan", ca_core::domain::Role::RaEntry, "demo-office").await;
    let matter = bench.matter(&view, "revocation", &[("ground", "holder-asks")]).await;
    let to = |act: &str| format!("{matter}/{act}");
    let got = bench.post("limin", &to("claim"), &[("back", "queue")]).await;
    assert_eq!(got.to, "/?done=claimed");
    for page in ["/", "/matters", matter.as_str()] {
        let text = bench.get("luoyan", page).await.text;
        assert!(text.contains("李敏"), "{page}: a colleague is told who has it");
        assert!(!text.contains(&format!("action=\"{matter}/hand-back\"")), "{page}");
    }
    assert_eq!(bench.post("luoyan", &to("claim"), &[]).await.status, StatusCode::CONFLICT);
    let typed = bench.form("luoyan", &to("edit"), &[("story", "x")], &[]).await;
    assert_eq!(typed.status, StatusCode::CONFLICT, "nobody else goes on with it");
    assert_eq!(bench.post("luoyan", &to("drop"), &[("reason", "x")]).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.post("luoyan", &to("hand-back"), &[]).await.status, StatusCode::FORBIDDEN);
    assert!(bench.get("wangqiang", &matter).await.text.contains("Take over"));
    assert_eq!(bench.post("wangqiang", &to("claim"), &[]).await.to, format!("{matter}?done=claimed"));
    let order = bench.order_of(&matter).await;
    let got = bench.sign("limin", &order, &format!("{order}/sign")).await;
    assert_eq!(got.status, StatusCode::CONFLICT, "it was taken over: {}", got.text);
    assert_eq!(bench.post("wangqiang", &to("hand-back"), &[]).await.to, format!("{matter}?done=handed-back"));
    let got = bench.sign("limin", &order, &format!("{order}/sign")).await;
    assert!(got.to.ends_with("?done=requested"), "{}", got.text);
    assert_eq!(bench.post("limin", &to("claim"), &[]).await.status, StatusCode::FORBIDDEN, "four eyes");
    assert_eq!(bench.post("zhoujun", &to("claim"), &[]).await.status, StatusCode::FORBIDDEN, "another office's");
    assert_eq!(bench.post("sunli", &to("claim"), &[]).await.to, format!("{matter}?done=claimed"));
    // The shift is over.
    bench.later(crate::enrolment::waiting::CLAIM_SECONDS).await;
    assert!(bench.get("wangqiang", &matter).await.text.contains("action=\"/matters/"), "it can be claimed again");
    let got = bench.sign("wangqiang", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{matter}?done=matter-signed"), "{}", got.text);
}
