//! Certificates of natural persons, from the form to the token; and where a person's resident number stands not.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use ca_core::chain::subject_of_der;
use ca_core::domain::{CertificateStatus, SubjectField};
use ca_core::service::protocol::CertificateView;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::testing::{Bench, Got, PNG};

const NUMBER: &str = "HZ-P-000001";
const ID: &str = "130599197306120145";
const OTHER_ID: &str = "11010519491231002X";

/// A person's form without fault.
const PERSON: [(&str, &str); 9] = [
    ("unit_kind", "person"),
    ("person_name", "李强"),
    ("person_number", NUMBER),
    ("address", "示范市东湖区人民路 8 号"),
    ("handler_id", ID),
    ("handler_mobile", "13800138000"),
    ("years", "1"),
    ("key", "P-256"),
    ("action", "check"),
];
const CARD: [(&str, &[u8]); 1] = [("id_card", PNG)];

/// The form with other text in one field.
fn with<'a>(field: &str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    PERSON.iter().map(|(name, value)| if *name == field { (*name, text) } else { (*name, *value) }).collect()
}

fn page_of(view: &CertificateView) -> String {
    format!("/certificates/{}/{}", view.issuer, view.serial)
}

impl Bench {
    async fn apply(&self, who: &str, pairs: &[(&str, &str)]) -> Got {
        self.form(who, "/applications/new", pairs, &CARD).await
    }

    /// Takes a person's case in and signs it; the way to the case.
    async fn person_submitted(&self, who: &str) -> String {
        let got = self.apply(who, &PERSON).await;
        let path = got.to.strip_suffix("/check").unwrap_or_else(|| panic!("{}: {}", got.status, got.text)).to_owned();
        let got = self.sign(who, &format!("{path}/check"), &format!("{path}/submit")).await;
        assert_eq!(got.to, format!("{path}?done=submitted"), "{}", got.text);
        path
    }

    /// Approves, pays and makes the certificate of a submitted case.
    async fn finished(&self, path: &str) -> CertificateView {
        let got = self.sign("sunli", path, &format!("{path}/approve")).await;
        assert_eq!(got.to, format!("{path}?done=approved"), "{}", got.text);
        self.paid(path).await;
        let ticket = self.ticket(path).await;
        let (key, answer) = self.redeem(&ticket).await;
        assert!(answer["encryption"].is_null(), "a person has no key that anybody keeps");
        let view = self.view(&answer["issuer"], &answer["serial"]).await;
        let install = self.house.installed(&view, key);
        let (status, answer) = self.api("confirm", json!({ "ticket": ticket, "install": install })).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({ "delivered": true })));
        view
    }
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn a_person_applies_two_officers_decide_and_the_token_has_what_the_fund_asks_for() {
    let bench = Bench::new().await;
    let form = bench.get("limin", "/applications/new?kind=person").await.text;
    assert!(form.contains("name=\"person_number\"") && !form.contains("name=\"uscc\""), "a person's form");
    let path = bench.person_submitted("limin").await;
    let review = bench.get("sunli", &path).await.text;
    assert!(review.contains(NUMBER) && review.contains("130599********0145") && !review.contains(ID));
    let view = bench.finished(&path).await;
    let subject = subject_of_der(&view.certificate.0).expect("a certificate");
    let field = |field| subject.get(&field).map(String::as_str);
    assert_eq!(field(SubjectField::UniqueId), Some(NUMBER), "by this the fund knows the person");
    assert_eq!(field(SubjectField::CommonName), Some("李强"));
    assert_eq!([field(SubjectField::Uscc), field(SubjectField::Organisation)], [None, None], "no unit's certificate");
    assert_eq!(bench.get("limin", &format!("/units/{NUMBER}")).await.status, StatusCode::OK);
    let found = bench.get("limin", "/search?q=hz-p-000001").await;
    assert!(found.text.contains("李强") || found.to.contains(NUMBER), "{}: {}", found.status, found.text);
}

#[tokio::test]
async fn the_resident_number_stands_in_no_certificate_log_page_or_database() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_env_filter("trace").with_ansi(false).with_writer(log.clone());
    let _logged = tracing::subscriber::set_default(subscriber.finish());
    let bench = Bench::new().await;
    // Some that go wrong too, since faults are told.
    bench.apply("limin", &with("person_number", "P-19730612")).await;
    bench.apply("limin", &with("handler_mobile", "1")).await;
    let path = bench.person_submitted("limin").await;
    let view = bench.finished(&path).await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let unit = format!("/units/{NUMBER}");
    let base = page_of(&view);
    let (check, edit) = (format!("{path}/check"), format!("{path}/edit"));
    for page in ["/", "/applications", &path, &check, &edit, &bill, &unit, &base, "/certificates", "/search?q=李强"] {
        for who in ["limin", "sunli", "chenjie", "zhaojing"] {
            assert!(!bench.get(who, page).await.text.contains(ID), "{who}: {page}");
        }
    }
    let dump = [view.certificate.0.clone(), bench.database_bytes()].concat();
    assert!(holds(&dump, NUMBER) && holds(&dump, "130599********0145"), "certificate and database were read");
    let log = log.0.lock().expect("unbroken").clone();
    assert!(!log.is_empty(), "the log was collected");
    // Digits between which nothing stands: the birthday alone would say who it is.
    for part in [ID, "19730612"] {
        assert!(!holds(&view.certificate.0, part) && !holds(&log, part), "{part}");
    }
    assert!(!holds(&dump, ID), "sealed where it is kept");
}

#[tokio::test]
async fn who_has_not_the_duty_takes_no_person_in_and_one_officer_does_not_sign_twice() {
    let bench = Bench::new().await;
    for who in ["sunli", "chenjie", "zhaojing"] {
        assert_eq!(bench.get(who, "/applications/new?kind=person").await.status, StatusCode::FORBIDDEN, "{who}");
        assert_eq!(bench.apply(who, &PERSON).await.status, StatusCode::FORBIDDEN, "{who}");
    }
    // 周军 has both duties in his office.
    let path = bench.person_submitted("zhoujun").await;
    let got = bench.post("zhoujun", &format!("{path}/approve"), &[("signature", "AAAA")]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert!(got.text.contains("four_eyes"));
    let elsewhere = bench.post("sunli", &format!("{path}/approve"), &[("signature", "AAAA")]).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    // Whoever took it in has not the other duty either.
    let path = bench.person_submitted("limin").await;
    let got = bench.post("limin", &format!("{path}/approve"), &[("signature", "AAAA")]).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert_eq!(
        bench.post("chenjie", &format!("{path}/ticket"), &[]).await.status,
        StatusCode::CONFLICT,
        "not approved"
    );
}

#[tokio::test]
async fn a_number_is_one_persons_and_tells_nothing_of_the_resident_number() {
    let bench = Bench::new().await;
    let got = bench.apply("limin", &with("person_number", ID)).await;
    assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains("Fill in: Number at the service"));
    assert!(!holds(&bench.database_bytes(), ID), "what was typed into the wrong field is not kept");
    for wrong in ["P-19730612", "91350100M000100Y43"] {
        let got = bench.apply("limin", &with("person_number", wrong)).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(got.text.contains("repeats no piece of the resident number"), "{wrong}");
    }
    let path = bench.person_submitted("limin").await;
    // Another one's, while the case is under way and when it came to a certificate.
    for _ in 0..2 {
        let got = bench.apply("limin", &with("handler_id", OTHER_ID)).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(got.text.contains("belongs to another resident number"), "{}", got.text);
        let mut links = got.text.split("/applications/").filter_map(|rest| rest.split(['"', '/']).next());
        let draft = links.find(|link| link.starts_with("RA-")).expect("kept as a draft").to_owned();
        bench.post("limin", &format!("/applications/{draft}/cancel"), &[("reason", "号码有误")]).await;
        if bench.get("sunli", &path).await.text.contains("name=\"statement\"") {
            bench.finished(&path).await;
        }
    }
    // The same person may have a second one; the reviewer is shown the first.
    let again = bench.person_submitted("limin").await;
    assert!(bench.get("sunli", &again).await.text.contains("Certificates of the same holder"));
}

#[tokio::test]
async fn a_lost_token_of_a_person_is_replaced_and_nobody_else_comes_to_speak_for_them() {
    let bench = Bench::new().await;
    let path = bench.person_submitted("limin").await;
    let old = bench.finished(&path).await;
    let page = bench.get("limin", &page_of(&old)).await.text;
    assert!(page.contains("applies anew") && !page.contains("value=\"handler\""), "no change, no other handler");
    let refused = bench.post("limin", &format!("{}/replace", page_of(&old)), &[("ground", "change")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let refused = bench.post("limin", &format!("{}/matters", page_of(&old)), &[("kind", "handler")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);

    let order = bench.post("limin", &format!("{}/hold", page_of(&old)), &[]).await.to;
    bench.sign("limin", &order, &format!("{order}/sign")).await;
    let got = bench.post("limin", &format!("{}/replace", page_of(&old)), &[("ground", "loss")]).await;
    let path = got.to.strip_suffix("/edit").unwrap_or_else(|| panic!("{}: {}", got.status, got.text)).to_owned();
    let form = bench.get("limin", &format!("{path}/edit")).await.text;
    assert!(form.contains(NUMBER) && !form.contains("name=\"person_number\"") && !form.contains("name=\"uscc\""));
    // Whatever is posted, the holder stays, and stays a person.
    let posted =
        [&with("person_number", "HZ-P-000002")[..], &[("unit_kind", "enterprise"), ("handler_id", "")]].concat();
    let files = [("id_card", PNG), ("loss_statement", PNG)];
    let got = bench.form("limin", &format!("{path}/edit"), &posted, &files).await;
    assert_eq!(got.to, format!("{path}/check"), "{}: {}", got.status, got.text);
    let got = bench.sign("limin", &format!("{path}/check"), &format!("{path}/submit")).await;
    assert_eq!(got.to, format!("{path}?done=submitted"), "{}", got.text);
    let new = bench.finished(&path).await;
    let subject = |view: &CertificateView| subject_of_der(&view.certificate.0).expect("a certificate");
    assert_eq!(subject(&new), subject(&old));
    let now = bench.view(&json!(old.issuer), &json!(old.serial)).await.status;
    assert!(matches!(now, CertificateStatus::Revoked { .. }), "{now:?}");
}
