//! Reports, the list to phone, the register and the background jobs, as officers see them.

use axum::http::StatusCode;
use ca_core::domain::{OfficeId, OfficerId};

use super::testing::Bench;
use super::*;
use crate::audit::Entry;
use crate::jobs::NewJob;
use crate::store::Store as _;

fn officer(id: &str, office: &str, role: Role) -> Officer {
    Officer {
        id: OfficerId::new(id).expect("an id"),
        name: id.to_uppercase(),
        office: OfficeId::new(office).expect("an office"),
        roles: vec![role],
    }
}

/// The kinds and subjects of the audit's last lines, the last first.
async fn lines(bench: &Bench, n: i64) -> Vec<(String, String)> {
    let mut tx = bench.store().read().await.expect("begun");
    let head = tx.audit_head().await.expect("read");
    let lines = tx.audit_entries(head.seq - n, n).await.expect("read");
    let entries = lines.iter().rev().map(|line| ca_core::domain::decode::<Entry>(line).expect("an entry"));
    entries.map(|entry| (entry.kind, entry.subject)).collect()
}

#[tokio::test]
async fn a_supervisor_sees_the_figures_of_the_own_office_and_an_auditor_those_of_all() {
    let mut bench = Bench::new().await;
    bench.delivered().await;
    bench.sign_in_known_as("own", officer("own", "demo-office", Role::RaSupervisor)).await;
    bench.sign_in_known_as("other", officer("other", "other-office", Role::RaSupervisor)).await;
    bench.sign_in_known_as("finance", officer("finance", "other-office", Role::Finance)).await;

    let own = bench.get("own", "/reports/certificates").await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.text);
    assert!(own.text.contains("<rect class=\"s1\"") && own.text.contains("First issued"), "a picture and its table");
    let csv = bench.get("own", "/reports/certificates/csv?from=2026-11&to=2026-11").await.text;
    assert!(csv.starts_with('\u{feff}') && csv.contains("demo-office,2026-11,1,0,0,0,0,0,1,0,0,0\r\n"), "{csv}");
    assert_eq!(bench.get("own", "/reports/times").await.status, StatusCode::OK);
    let statistics = bench.get("own", "/reports/statistics").await.text;
    assert!(statistics.contains("Valid now"));

    for path in ["/reports/certificates", "/reports/certificates/xlsx", "/reports/times"] {
        let got = bench.get("other", &format!("{path}?office=demo-office")).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(lines(&bench, 1).await[0].0, "office.refused");
    }
    let empty = bench.get("other", "/reports/certificates/csv?from=2026-11&to=2026-11").await.text;
    assert!(!empty.contains("demo-office") && empty.contains("other-office,2026-11,0,"), "{empty}");
    for who in ["zhaojing", "finance"] {
        let all = bench.get(who, "/reports/statistics/csv?office=demo-office").await;
        assert_eq!(all.status, StatusCode::OK);
        assert!(all.text.contains("demo-office,1,0,0,0,0,1,0,0"), "{}", all.text);
    }
    for who in ["sunli", "chenjie", "zhoujun", "qianwei"] {
        assert_eq!(bench.get(who, "/reports/times").await.status, StatusCode::FORBIDDEN, "{who}");
    }
}

#[tokio::test]
async fn money_by_method_and_the_stock_of_tokens_are_reports_for_those_who_may_see_them() {
    let mut bench = Bench::new().await;
    let form = [("serials", "YX11..YX12"), ("model", "Soft 1"), ("purchased", "2026-01-02")];
    bench.post("chenjie", "/stock/receive", &form).await;
    bench.delivered().await;
    let own = bench.to_pay().await;
    let bill = bench.bill_of(&own).await.expect("a bill");
    bench.post("limin", &format!("{bill}/pay"), &[("method", "qr"), ("reference", "42000017")]).await;
    bench.sign_in_known_as("own", officer("own", "demo-office", Role::RaSupervisor)).await;
    let page = bench.get("own", "/reports/money").await;
    assert!(page.text.contains("<rect class=\"s1\"") && page.text.contains("Cash"), "{}", page.text);
    let csv = bench.get("own", "/reports/money/csv?from=2026-11&to=2026-11").await.text;
    for line in ["demo-office,2026-11,Cash,1,460.00,0,0.00,460.00\r\n", "demo-office,2026-11,QR code,1,460.00,"] {
        assert!(csv.contains(line), "{line}: {csv}");
    }
    let longest = bench.get("own", "/reports/money/csv?from=2022-01&to=2026-12").await.text;
    assert!(longest.contains("demo-office,2026-11,Cash,1,460.00"), "five years are added up: {longest}");
    assert_eq!(bench.get("own", "/reports/money/xlsx").await.bytes[..2], *b"PK");
    let stock = bench.get("own", "/reports/stock/csv").await.text;
    assert!(stock.contains("demo-office,") && stock.contains(",2\r\n"), "{stock}");
    assert!(bench.get("own", "/reports/stock").await.text.contains("Tokens"));

    // An administrator reads reports, but not of money; another office's supervisor not of this office.
    let tabs = bench.get("wumin", "/reports/stock").await;
    assert!(tabs.status == StatusCode::OK && !tabs.text.contains("/reports/money"));
    for path in ["/reports/money", "/reports/money/csv"] {
        assert_eq!(bench.get("wumin", path).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(lines(&bench, 1).await[0].0, "office.refused");
    }
    bench.sign_in_known_as("other", officer("other", "other-office", Role::RaSupervisor)).await;
    for kind in ["money", "stock"] {
        let got = bench.get("other", &format!("/reports/{kind}?office=demo-office")).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{kind}");
        let empty = bench.get("other", &format!("/reports/{kind}/csv")).await.text;
        assert!(!empty.contains("demo-office"), "{empty}");
    }
}

#[tokio::test]
async fn a_period_that_cannot_be_is_named_and_the_usual_one_shown() {
    let mut bench = Bench::new().await;
    bench.delivered().await;
    bench.sign_in_known_as("own", officer("own", "demo-office", Role::RaSupervisor)).await;
    for (query, said) in [
        ("from=yesterday", "Write a month like 2026-01"),
        ("from=2026-11&to=2026-10", "must not be before the first"),
        ("from=2001-01&to=2026-10", "At most 60 months"),
    ] {
        let got = bench.get("own", &format!("/reports/certificates?{query}")).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(got.text.contains(said) && got.text.contains("<table>"), "{query}");
        let file = bench.get("own", &format!("/reports/certificates/csv?{query}")).await;
        assert_eq!(file.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for path in ["/reports/nothing", "/reports/times/pdf", "/reports/nothing/csv"] {
        assert_eq!(bench.get("own", path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_clerk_phones_and_notes_what_came_of_it() {
    let mut bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    assert!(bench.get("limin", "/reminders/phone").await.text.contains("nobody to phone"));
    bench.later(view.validity.not_after.since(bench.house.now()) - 3 * 86_400).await;
    let list = bench.get("limin", "/reminders/phone").await;
    assert!(list.text.contains("刘芳") && list.text.contains("13800138000") && list.text.contains("1 to phone"));

    let path = format!("/reminders/phone/{}/{}", view.issuer, view.serial);
    for (pairs, said) in [
        (&[("outcome", "")][..], "Choose what came of the call"),
        (&[("outcome", "shouted")], "Choose what came of the call"),
        (&[("outcome", "will_come"), ("comes", "soon")], "within the year"),
        (&[("outcome", "will_come"), ("comes", "2020-01-01")], "within the year"),
    ] {
        let got = bench.post("limin", &path, pairs).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{pairs:?}");
        assert!(got.text.contains(said), "{pairs:?}");
    }
    assert_eq!(bench.post("limin", &path, &[("outcome", "no_answer")]).await.to, "/reminders/phone?done=called");
    assert!(bench.get("limin", "/reminders/phone").await.text.contains("1 to phone"), "nobody was reached");
    let day = bench.house.now().beijing_day().plus_days(2).to_string();
    bench.post("limin", &path, &[("outcome", "will_come"), ("comes", &day)]).await;
    let list = bench.get("limin", "/reminders/phone").await.text;
    assert!(list.contains("0 to phone") && list.contains(&format!("They will come {day} · 李敏")), "{list}");
    let subject = format!("{}/{}", view.issuer, view.serial);
    assert_eq!(lines(&bench, 1).await[0], ("reminder.called".to_owned(), subject));
    let file = bench.get("limin", "/reminders/phone/csv").await.text;
    assert!(file.contains("91350100M000100Y43") && file.contains("They will come"), "{file}");

    // Another office sees neither, an auditor sees both and writes nothing.
    assert!(bench.get("zhoujun", "/reminders/phone").await.text.contains("nobody to phone"));
    for who in ["zhoujun", "zhaojing", "sunli"] {
        assert_eq!(bench.post(who, &path, &[("outcome", "reached")]).await.status, StatusCode::FORBIDDEN, "{who}");
        assert_eq!(lines(&bench, 1).await[0].0, "office.refused");
    }
    assert_eq!(bench.get("zhoujun", "/reminders/phone?office=demo-office").await.status, StatusCode::FORBIDDEN);
    let seen = bench.get("zhaojing", "/reminders/phone").await.text;
    assert!(seen.contains("13800138000") && !seen.contains("name=\"outcome\""));
}

#[tokio::test]
async fn complaints_are_entered_settled_once_and_counted() {
    let bench = Bench::new().await;
    let faulty = [("kind", ""), ("day", "2030-01-01"), ("what", " "), ("done", "")];
    let got = bench.post("zhoujun", "/register/entries", &faulty).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    for said in ["Choose a kind", "today at the latest", "Say what happened"] {
        assert!(got.text.contains(said), "{said}");
    }
    let day = bench.house.now().beijing_day().to_string();
    let good = [("kind", "complaint"), ("day", day.as_str()), ("what", "<b>等候过久</b>"), ("done", "")];
    assert_eq!(bench.post("zhoujun", "/register/entries", &good).await.to, "/register?done=entered");
    let page = bench.get("zhoujun", "/register").await.text;
    assert!(page.contains("&#60;b&#62;等候过久") && page.contains("/register/1/done"), "{page}");
    assert!(bench.get("zhaojing", "/register").await.text.contains("等候过久"), "an auditor reads all");
    for (who, path) in
        [("zhaojing", "/register/entries"), ("zhaojing", "/register/1/done"), ("sunli", "/register/entries")]
    {
        assert_eq!(bench.post(who, path, &good).await.status, StatusCode::FORBIDDEN, "{who} {path}");
    }
    // The entry of another office is not there for 李敏.
    assert_eq!(bench.post("limin", "/register/1/done", &[("done", "x")]).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.post("zhoujun", "/register/1/done", &[("done", "已致歉")]).await.to, "/register?done=settled");
    assert_eq!(bench.post("zhoujun", "/register/1/done", &[("done", "再改")]).await.status, StatusCode::CONFLICT);
    let counted = bench.get("zhaojing", "/reports/statistics/csv").await.text;
    assert!(counted.contains("other-office,0,0,0,0,0,0,1,0"), "{counted}");
}

#[tokio::test]
async fn a_job_that_was_given_up_is_shown_and_tried_again_by_those_who_may() {
    let mut bench = Bench::new().await;
    bench.sign_in_known_as("own", officer("own", "demo-office", Role::RaSupervisor)).await;
    let now = bench.house.now();
    let mut tx = bench.store().begin().await.expect("begun");
    let job = NewJob { kind: "remind", about: "7".into(), payload: String::new(), due: now };
    tx.add_job(&job, now).await.expect("added");
    let job = tx.due_job("remind", now).await.expect("read").expect("due");
    tx.take_job(&job, now, now.plus(60)).await.expect("taken");
    tx.fail_job(&job, "the <disk> is full", None, now).await.expect("given up");
    tx.commit().await.expect("durable");
    let which = [("kind", "remind"), ("about", "7")];
    let seen = bench.get("zhaojing", "/jobs").await.text;
    assert!(seen.contains("the &#60;disk&#62; is full") && !seen.contains("/jobs/retry"), "{seen}");
    for who in ["zhaojing", "sunli", "chenjie"] {
        assert_eq!(bench.post(who, "/jobs/retry", &which).await.status, StatusCode::FORBIDDEN, "{who}");
    }
    assert!(bench.get("own", "/jobs").await.text.contains("/jobs/retry"));
    assert_eq!(bench.post("own", "/jobs/retry", &which).await.to, "/jobs?done=retried");
    assert_eq!(lines(&bench, 1).await[0], ("job.retried".to_owned(), "remind/7".to_owned()));
    assert_eq!(bench.post("own", "/jobs/retry", &which).await.status, StatusCode::CONFLICT, "it waits already");
    assert!(bench.get("own", "/jobs").await.text.contains("No job has stopped"));
}
