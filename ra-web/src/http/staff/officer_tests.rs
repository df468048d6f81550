//! Officers: entered by two administrators, made onto a token, held by one, replaced, refused.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{CertificateStatus, Officer, Role};
use ca_core::service::protocol::OfficerView;
use serde_json::json;

use super::testing::Bench;

const NEW: [(&str, &str); 6] = [
    ("id", "zhangwei"),
    ("name", "张伟"),
    ("office", "demo-office"),
    ("office_name", "示范办事处"),
    ("organisation", "印信测试 CA"),
    ("years", "2"),
];

fn with<'a>(roles: &[&'a str]) -> Vec<(&'static str, &'a str)> {
    let mut pairs: Vec<(&'static str, &'a str)> = NEW.to_vec();
    pairs.extend(roles.iter().map(|role| ("role", *role)));
    pairs
}

impl Bench {
    async fn known(&self, id: &str) -> Vec<OfficerView> {
        let all = self.desk.register().await.expect("the registry");
        all.into_iter().filter(|view| view.officer.id.as_str() == id).collect()
    }

    /// Both administrators sign; says where the order is.
    async fn both(&self, order: &str) {
        for who in ["wumin", "xuhao"] {
            let got = self.sign(who, order, &format!("{order}/sign")).await;
            assert!(got.to.starts_with(&format!("{order}?done=officer-")), "{who}: {}", got.text);
        }
    }

    /// The assistant makes the token for a signed order.
    async fn made(&self, order: &str) -> String {
        let ticket = self.post("wumin", &format!("{order}/ticket"), &[]).await.field("ticket");
        let (status, opened) = self.api("open", json!({ "ticket": ticket })).await;
        assert_eq!(status, StatusCode::OK, "{opened}");
        let bytes = STANDARD.decode(opened["order"].as_str().expect("text")).expect("base64");
        let signed = ca_core::domain::decode(&bytes).expect("an order");
        let key = ca_core::testing::new_key();
        let binding = self.house.person("wumin").say(&ca_core::testing::binding(&signed, &key), self.house.now());
        let body = json!({ "ticket": ticket, "csr": ca_core::testing::request(&key), "binding": binding });
        let (status, answer) = self.api("redeem", body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(self.api("redeem", body).await.1["serial"], answer["serial"], "the same key again, the same answer");
        assert!(answer["encryption"].is_null());
        let page = self.get("wumin", order).await.text;
        assert!(page.contains("/abandon\""), "issued and not yet proved: it can be given up");
        let view = self.view(&answer["issuer"], &answer["serial"]).await;
        let install = self.house.installed(&view, key);
        for _ in 0..2 {
            let (status, _) = self.api("confirm", json!({ "ticket": ticket, "install": install })).await;
            assert_eq!(status, StatusCode::OK, "told twice, done once");
        }
        view.serial.to_string()
    }

    async fn entered(&self, roles: &[&str]) -> String {
        let got = self.post("wumin", "/officers/new", &with(roles)).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        self.both(&got.to).await;
        got.to
    }
}

#[tokio::test]
async fn two_administrators_enter_an_officer_and_make_the_token() {
    let bench = Bench::new().await;
    let order = bench.entered(&["ra_reviewer", "ra_supervisor"]).await;
    assert!(bench.known("zhangwei").await.is_empty(), "not before the token is made");
    let serial = bench.made(&order).await;
    let known = bench.known("zhangwei").await;
    let Officer { roles, office, .. } = &known[0].officer;
    assert_eq!((&roles[..], office.as_str()), (&[Role::RaReviewer, Role::RaSupervisor][..], "demo-office"));
    let page = bench.get("xuhao", &order).await.text;
    assert!(page.contains("The token is made") && !page.contains("name=\"ticket\""));
    assert!(bench.get("wumin", "/officers").await.text.contains(&serial));
    assert!(bench.get("zhaojing", "/officers/zhangwei").await.text.contains(&serial), "an auditor reads it");
}

#[tokio::test]
async fn neither_one_administrator_twice_nor_the_desk_nor_a_changed_order_enters_anybody() {
    let bench = Bench::new().await;
    let order = bench.post("wumin", "/officers/new", &with(&["ra_entry"])).await.to;
    let page = bench.get("wumin", &order).await;
    let signature = bench.signature(&page, "wumin");
    assert_eq!(bench.sign("wumin", &order, &format!("{order}/sign")).await.status, StatusCode::SEE_OTHER);
    let again = bench.post("wumin", &format!("{order}/sign"), &[("signature", &signature)]).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "four eyes");
    let others = bench.post("xuhao", &format!("{order}/sign"), &[("signature", &signature)]).await;
    assert_eq!(others.status, StatusCode::UNPROCESSABLE_ENTITY, "another's signature");
    for who in ["limin", "wangqiang", "zhaojing", "liufang-nobody"] {
        let got = bench.post(who, &format!("{order}/sign"), &[("signature", &signature)]).await;
        assert!(matches!(got.status, StatusCode::FORBIDDEN | StatusCode::SEE_OTHER), "{who}: {}", got.status);
    }
    assert_eq!(bench.post("wumin", &format!("{order}/ticket"), &[]).await.status, StatusCode::CONFLICT, "not signed");
    bench.sign("xuhao", &order, &format!("{order}/sign")).await;
    // Who signed last does not make the key.
    assert_eq!(bench.post("xuhao", &format!("{order}/ticket"), &[]).await.status, StatusCode::FORBIDDEN);
    assert!(bench.get("xuhao", &order).await.text.contains("signs in and makes it"));
    assert!(bench.known("zhangwei").await.is_empty());
}

#[tokio::test]
async fn what_is_typed_wrong_is_said_at_its_field_and_kept() {
    let bench = Bench::new().await;
    for (roles, said) in [
        (&["auditor", "ra_entry"][..], "Nobody can be Auditor and"),
        (&["administrator", "ra_reviewer"], "Nobody can be Administrator and"),
        (&[], "at least one duty"),
    ] {
        let got = bench.post("wumin", "/officers/new", &with(roles)).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(got.text.contains(said) && got.text.contains("value=\"zhangwei\""), "{said}: {}", got.text);
    }
    let bad = [("id", "Zhang Wei"), ("office", "?"), ("years", "9"), ("role", "ra_entry")];
    let got = bench.post("wumin", "/officers/new", &bad).await.text;
    for field in ["#id", "#office", "#name", "#office_name", "#organisation", "#years"] {
        assert!(got.contains(&format!("href=\"{field}\"")), "{field}");
    }
    let known = [("id", "sunli"), ("name", "孙丽"), ("office", "demo-office"), ("office_name", "x")];
    let known = [&known[..], &[("organisation", "x"), ("years", "1"), ("role", "ra_entry")]].concat();
    assert!(bench.post("wumin", "/officers/new", &known).await.text.contains("is in the registry"));
}

#[tokio::test]
async fn one_administrator_holds_at_once_and_the_session_ends_two_release_or_revoke() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("sunli", "/orders").await.status, StatusCode::OK);
    let order = bench.post("xuhao", "/officers/sunli/hold", &[]).await.to;
    let got = bench.sign("xuhao", &order, &format!("{order}/sign")).await;
    assert_eq!(got.to, format!("{order}?done=officer-done"), "{}", got.text);
    assert!(matches!(bench.known("sunli").await[0].status, CertificateStatus::Held { .. }));
    bench.house.clock.advance(60);
    assert_eq!(bench.get("sunli", "/orders").await.to, "/login?ended=certificate");

    let order = bench.post("xuhao", "/officers/sunli/release", &[]).await.to;
    bench.sign("xuhao", &order, &format!("{order}/sign")).await;
    assert!(matches!(bench.known("sunli").await[0].status, CertificateStatus::Held { .. }), "one is not enough");
    bench.sign("wumin", &order, &format!("{order}/sign")).await;
    assert_eq!(bench.known("sunli").await[0].status, CertificateStatus::Good);

    let got = bench.post("wumin", "/officers/sunli/revoke", &[]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "a reason is needed");
    let order = bench.post("wumin", "/officers/sunli/revoke", &[("reason", "cessation_of_operation")]).await.to;
    bench.both(&order).await;
    assert!(matches!(bench.known("sunli").await[0].status, CertificateStatus::Revoked { .. }));
}

#[tokio::test]
async fn a_lost_token_is_replaced_without_other_duties_and_a_change_gives_them() {
    let bench = Bench::new().await;
    let sneaky = [("role", "administrator"), ("name", "别人"), ("years", "3")];
    let order = bench.post("wumin", "/officers/sunli/replace?ground=loss", &sneaky).await.to;
    bench.both(&order).await;
    bench.made(&order).await;
    let known = bench.known("sunli").await;
    let good: Vec<_> = known.iter().filter(|view| view.status == CertificateStatus::Good).collect();
    assert_eq!((known.len(), good.len()), (2, 1), "the old one is revoked");
    assert_eq!((&good[0].officer.roles[..], good[0].officer.name.as_str()), (&[Role::RaReviewer][..], "孙丽"));

    let page = bench.get("wumin", "/officers/sunli/replace?ground=change").await;
    assert!(page.text.contains("value=\"示范办事处\""), "begins with what the certificate says: {}", page.text);
    let change = [
        ("name", "孙丽"),
        ("office", "demo-office"),
        ("office_name", "示范办事处"),
        ("organisation", "印信测试 CA"),
        ("role", "ra_entry"),
    ];
    let order = bench.post("wumin", "/officers/sunli/replace?ground=change", &change).await.to;
    bench.both(&order).await;
    bench.made(&order).await;
    let known = bench.known("sunli").await;
    let now: Vec<_> = known.iter().filter(|view| view.status == CertificateStatus::Good).collect();
    assert_eq!((now.len(), &now[0].officer.roles[..]), (1, &[Role::RaEntry][..]));
}

#[tokio::test]
async fn a_token_that_cannot_be_made_is_given_up_and_the_authority_away_loses_nothing() {
    let bench = Bench::new().await;
    let order = bench.post("xuhao", "/officers/sunli/hold", &[]).await.to;
    let page = bench.get("xuhao", &order).await;
    let signature = bench.signature(&page, "xuhao");
    bench.away(true);
    let got = bench.post("xuhao", &format!("{order}/sign"), &[("signature", &signature)]).await;
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    bench.away(false);
    assert!(bench.get("xuhao", &order).await.text.contains(&format!("{order}/send")), "it is kept, and sent again");
    assert_eq!(bench.post("xuhao", &format!("{order}/send"), &[]).await.to, format!("{order}?done=officer-done"));

    let order = bench.entered(&["ra_reviewer"]).await;
    let ticket = bench.post("wumin", &format!("{order}/ticket"), &[]).await.field("ticket");
    let (status, answer) = bench.api("fail", json!({ "ticket": ticket, "why": "no blank token" })).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({ "abandoned": true })));
    assert_eq!(bench.api("open", json!({ "ticket": ticket })).await.0, StatusCode::NOT_FOUND, "the ticket has ended");
    bench.made(&order).await;
    let got = bench.post("wumin", &format!("{order}/drop"), &[]).await;
    assert_eq!(got.status, StatusCode::CONFLICT, "what is done is not given up");
}
