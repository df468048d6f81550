//! What was typed when the session ended is back for the same officer, and for nobody else.

use axum::http::StatusCode;
use ca_core::domain::OfficerId;

use super::testing::{Bench, GOOD, PNG, SCANS};
use crate::http::session::IDLE_SECONDS;
use crate::kept::{KEEP_SECONDS, KeptForm};

fn id(name: &str) -> OfficerId {
    OfficerId::new(name).expect("an id")
}

#[tokio::test]
async fn a_form_sent_after_the_time_out_is_back_as_typed_once_and_for_its_officer_only() {
    let mut bench = Bench::new().await;
    bench.sign_in_as("luoyan", ca_core::domain::Role::RaEntry, "demo-office").await;
    bench.house.clock.advance(IDLE_SECONDS);
    let mut pairs = [&GOOD[..], &[("action", "check"), ("signature", "AAAA"), ("pin", "123456")]].concat();
    pairs[0].1 = "<b>东湖</b>建筑";
    let late = bench.form("limin", "/applications/new", &pairs, &SCANS).await;
    assert_eq!((late.status, late.to.as_str()), (StatusCode::SEE_OTHER, "/login"), "{}", late.text);

    let kept = bench.desk.kept_form(&id("limin")).await.expect("read").expect("kept");
    assert_eq!(kept.page, "/applications/new");
    let names: Vec<&str> = kept.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, GOOD.map(|(name, _)| name), "neither files nor what is no text of an officer's");
    let mut tx = crate::store::Store::read(&bench.store()).await.expect("begun");
    let sealed = tx.kept_form(&id("limin"), bench.house.now().plus(-1)).await.expect("read").expect("there");
    for secret in ["11010519491231002X", "13800138000", "东湖"] {
        assert!(!sealed.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} is sealed at rest");
    }
    drop(tx);

    bench.later(0).await;
    let other = bench.get("luoyan", "/applications/new").await.text;
    assert!(!other.contains("人民路"), "nobody else's form");
    let page = bench.get("limin", "/applications/new").await.text;
    for typed in ["&#60;b&#62;东湖&#60;/b&#62;建筑", "11010519491231002X", "示范市东湖区人民路 8 号"] {
        assert!(page.contains(typed), "{typed}: {page}");
    }
    assert!(bench.desk.kept_form(&id("limin")).await.expect("read").is_none(), "it is given back once");
    assert!(!bench.get("limin", "/applications/new").await.text.contains("人民路"));
}

#[tokio::test]
async fn a_pulled_token_costs_nothing_that_was_typed_into_a_matter() {
    let mut bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let to = format!("/certificates/{}/{}/matters", view.issuer, view.serial);
    let edit = bench.post("limin", &to, &[("kind", "revocation")]).await.to;
    let login = bench.login();
    bench.sign_in_by("limin", &login).await;
    // The assistant is silent: the token is away.
    bench.house.clock.advance(60);
    let typed = [("ground", "holder-asks"), ("story", "单位搬迁"), ("applicant", "刘芳"), ("action", "check")];
    let late = bench.form("limin", &edit, &typed, &[("request", PNG)]).await;
    assert_eq!(late.to, "/login?ended=unheard", "{}", late.text);
    bench.later(0).await;
    let page = bench.get("limin", &edit).await.text;
    assert!(page.contains("单位搬迁") && page.contains("value=\"holder-asks\" checked"), "{page}");
    let shown = bench.get("limin", edit.strip_suffix("/edit").expect("a form")).await.text;
    assert!(!shown.contains("单位搬迁"), "typed is not saved");
}

#[tokio::test]
async fn what_is_kept_ends_with_its_time_and_what_no_page_takes_up_can_be_copied() {
    let mut bench = Bench::new().await;
    let form = || KeptForm { page: "/register".into(), fields: vec![("what".into(), "等候过久".into())] };
    bench.desk.keep_form(&id("limin"), &form()).await.expect("kept");
    bench.later(0).await;
    let page = bench.get("limin", "/kept").await.text;
    assert!(
        page.contains("等候过久") && page.contains("What happened") && page.contains("href=\"/register\""),
        "{page}"
    );
    assert_eq!(bench.get("sunli", "/kept").await.to, "/", "nobody else's");
    assert_eq!(bench.post("limin", "/kept/forget", &[]).await.to, "/register");
    assert_eq!(bench.get("limin", "/kept").await.to, "/");
    bench.desk.keep_form(&id("limin"), &form()).await.expect("kept");
    bench.later(KEEP_SECONDS).await;
    assert!(bench.desk.kept_form(&id("limin")).await.expect("read").is_none());
    // What is no form of somebody's session is kept for nobody.
    let stranger = bench.form("nobody", "/applications/new", &GOOD, &[]).await;
    assert_eq!(stranger.status, StatusCode::SEE_OTHER);
}
