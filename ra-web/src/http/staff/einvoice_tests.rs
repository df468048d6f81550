//! E-invoices from the console: title, issue, files, reversal before a refund; and the mails of a case.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use ca_core::domain::OfficeId;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::testing::Bench;
use crate::http::frame::{Frame, wrap};
use crate::invoice::ofd;
use crate::invoice::record::{EInvoice, FileKind};
use crate::jobs::{Job, Worker};
use crate::mail::letter::Letter;
use crate::mail::{self, MailFault};
use crate::payment::bill::BillNumber;
use crate::payment::fen::Fen;
use crate::payment::ledger::Account;
use crate::store::Store as _;

const TITLE: &[(&str, &str)] = &[("title_name", "东湖建筑集团有限公司"), ("title_tax_id", "91350100M000100Y43")];
const REVERSE: &[(&str, &str)] = &[("reason", "stopped"), ("why", "单位不再办理")];

impl Bench {
    async fn einvoices(&self, bill: &str) -> Vec<EInvoice> {
        let number: BillNumber = bill.rsplit('/').next().expect("a number").parse().expect("a number");
        self.store().read().await.expect("begun").einvoices(&number).await.expect("read")
    }

    async fn work_off(&self) {
        self.worker().work_off().await.expect("worked");
    }

    /// The public page for an invoice, in English.
    async fn verified(&self, query: &str) -> String {
        let frame = Frame {
            site: crate::page::Site::Public,
            agent: "http://127.0.0.1:17080".into(),
            proxies: Vec::new(),
            burst: 1000,
            clock: self.desk.clock.clone(),
            chance: self.desk.chance.clone(),
        };
        let routes = wrap(crate::http::verify::router(self.desk.store.clone()), frame);
        let ask = Request::get(format!("/invoice/verify{query}")).header("accept-language", "en");
        let answer = routes.oneshot(ask.body(Body::empty()).expect("a request")).await.expect("infallible");
        assert_eq!(answer.status(), StatusCode::OK);
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A worker that sends mails through this server.
    fn postman(&self, server: &Arc<mail::tests::Desk>) -> Arc<Worker> {
        let desk = &self.desk;
        let sending = Arc::new(server.handler(desk));
        Worker::new(desk.store.clone(), vec![sending], desk.clock.clone(), desk.chance.clone())
    }
}

#[tokio::test]
async fn finance_has_a_bill_invoiced_once_in_three_forms_that_say_the_same() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let refused = bench.post("limin", &format!("{bill}/einvoice"), &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "not the desk");
    let got = bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    assert_eq!(got.to, format!("{bill}?done=einvoice"), "{}", got.text);
    let twice = bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    assert!(twice.text.contains("being issued"), "{}", twice.status);
    bench.work_off().await;
    bench.work_off().await;
    let records = bench.einvoices(&bill).await;
    assert_eq!(records.len(), 1);
    let issue = records[0].state.issue().expect("issued").clone();
    assert_eq!(bench.bill(&bill).await.invoice_due, None, "the deadline is met");
    for kind in FileKind::ALL {
        let address = format!("/money/invoices/{}/{}", issue.number, kind.word());
        let got = bench.get("liufang", &address).await;
        assert_eq!(openssl::sha::sha256(&got.bytes), issue.file(kind).expect("archived").0, "{}", kind.word());
        assert_eq!(bench.get("zhaojing", &address).await.status, StatusCode::OK, "an auditor reads");
        let seen = got.text.clone();
        match kind {
            FileKind::Xml => {
                assert!(seen.contains("<TotalTax-includedAmount>460.00<") && seen.contains("肆佰陆拾圆整"));
            }
            FileKind::Pdf => assert!(got.bytes.starts_with(b"%PDF-1.7") && seen.contains("<pdfaid:part>3<")),
            FileKind::Ofd => {
                let seen = ofd::verify::verify(&got.bytes).expect("a good seal");
                for text in ["¥433.96", "¥26.04", "¥460.00", "肆佰陆拾圆整", issue.number.as_str()] {
                    assert!(seen.texts.iter().any(|known| known.contains(text)), "{text}: {:?}", seen.texts);
                }
                assert!(seen.record.contains(&issue.number) && seen.signed.len() == 8);
            }
        }
    }
    let page = bench.get("liufang", &bill).await.text;
    assert!(page.contains(&issue.number) && page.contains("Reverse this invoice") && !page.contains("invoice-back"));
}

#[tokio::test]
async fn an_einvoice_is_reversed_in_red_before_its_money_goes_back() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    bench.post("limin", &format!("{bill}/refund"), &[("amount", "460"), ("reason", "the unit moved away")]).await;
    let refund = bench.refund_of(&bill).await;
    let early = bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "while it is being issued");
    bench.work_off().await;
    let refused = bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert!(refused.text.contains("reverse it first"), "{}", refused.text);
    let by_hand = bench.post("liufang", &format!("{bill}/invoice-back"), &[("reason", "it came back")]).await;
    assert!(by_hand.text.contains("reverse it in red"), "{}", by_hand.text);
    for (typed, fault) in
        [(&[("reason", "x")][..], "Choose why"), (&[("reason", "stopped"), ("why", "a\u{7}b")], "at most 100")]
    {
        let got = bench.post("liufang", &format!("{bill}/reverse"), typed).await;
        assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains(fault), "{fault}: {}", got.text);
    }
    let got = bench.post("liufang", &format!("{bill}/reverse"), REVERSE).await;
    assert_eq!(got.to, format!("{bill}?done=reversing"), "{}", got.text);
    let pending = bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert_eq!(pending.status, StatusCode::CONFLICT, "not before the red-letter invoice is there");
    let again = bench.post("liufang", &format!("{bill}/reverse"), REVERSE).await;
    assert!(!again.to.contains("done="), "once");
    bench.work_off().await;
    let records = bench.einvoices(&bill).await;
    let words: Vec<&str> = records.iter().map(|one| one.state.word()).collect();
    assert_eq!(words, ["issued", "red_issued"]);
    assert_eq!(records[0].content.gross, -records[1].content.gross);
    let got = bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert_eq!(got.to, format!("{bill}?done=refund-approved"), "{}", got.text);
    assert_eq!(bench.bill(&bill).await.state.word(), "refunded");
    bench.balance(Account::Deferred).await;
}

#[tokio::test]
async fn a_title_is_chosen_until_the_invoice_is_asked_for_and_another_needs_a_reason() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let title = format!("{bill}/title");
    assert!(bench.get("limin", &title).await.text.contains("示范市东湖建筑工程有限公司"));
    let got = bench.post("limin", &title, TITLE).await;
    assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains("#title_reason"), "{}", got.text);
    let reasoned = [TITLE, &[("title_reason", "由集团付款"), ("title_bank", "示范银行")]].concat();
    let got = bench.post("limin", &title, &reasoned).await;
    assert_eq!(got.to, format!("{bill}?done=title"), "{}", got.text);
    bench.paid(&path).await;
    bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    let late = bench
        .post("limin", &title, &[("title_name", "x"), ("title_tax_id", "91350100M000100Y43"), ("title_reason", "y")])
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT, "frozen");
    assert!(bench.get("limin", &title).await.text.contains("can no longer be changed"));
    bench.work_off().await;
    let content = &bench.einvoices(&bill).await[0].content;
    assert_eq!((content.title.name.as_str(), content.title.reason.as_str()), ("东湖建筑集团有限公司", "由集团付款"));
    for who in ["liufang", "zhaojing"] {
        assert_eq!(bench.post(who, &title, &reasoned).await.status, StatusCode::FORBIDDEN, "{who}");
    }
}

#[tokio::test]
async fn a_mail_leaves_once_waits_when_the_server_is_busy_and_is_shown_when_it_is_refused() {
    let mut bench = Bench::new().await;
    bench.approved().await;
    let server = Arc::new(mail::tests::Desk::default());
    *server.next.lock().expect("free") =
        vec![MailFault::Never("550 no such mailbox l***@example.com".into()), MailFault::Later("451 try later".into())];
    let postman = bench.postman(&server);
    postman.work_off().await.expect("worked");
    assert!(server.taken.lock().expect("free").is_empty());
    bench.later(60).await;
    postman.work_off().await.expect("worked");
    let page = bench.get("wumin", "/jobs").await.text;
    assert!(page.contains("550 no such mailbox") && !page.contains("liufang@"), "{page}");
    let mails = bench.get("wumin", "/jobs/mails").await.text;
    assert!(mails.contains("l***@example.com") && mails.contains("Payment received") && !mails.contains("liufang@"));
    let about = page[page.find("name=\"about\" value=\"paid/").expect("its id") + 20..]
        .split('"')
        .next()
        .expect("an id")
        .to_owned();
    let got = bench.post("wumin", "/jobs/retry", &[("kind", "mail"), ("about", &about)]).await;
    assert_eq!(got.to, "/jobs?done=retried", "{}", got.text);
    postman.work_off().await.expect("worked");
    // A worker that died after the server's word runs it again: it is not sent again.
    let job = Job { kind: "mail".into(), about: about.clone(), payload: String::new(), turn: 9, failures: 0 };
    crate::jobs::Handler::run(&server.handler(&bench.desk), &job).await.expect("done");
    let taken = server.taken.lock().expect("free").clone();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].text.contains("460.00") && taken[0].id == about && taken[0].to.as_str() == "liufang@example.com");
    assert!(!taken[0].text.contains("110105") && !taken[0].html.contains("110105"), "no resident number");
}

#[tokio::test]
async fn a_mail_that_comes_back_after_it_was_taken_is_shown_and_one_that_waits_cannot_come_back() {
    let bench = Bench::new().await;
    let officer = bench.officer("wumin").await;
    let mail = crate::mail::outbox::Mail {
        id: "paid/PM-1".into(),
        office: officer.office,
        unit: "示范市东湖建筑工程有限公司".into(),
        to: "nobody@unit.example".parse().expect("an address"),
        letter: Letter::Paid { bill: "BL-1".into(), amount: Fen::yuan(200), receipt: "R-1".into() },
        created: bench.house.now(),
        sent: None,
        refused: None,
    };
    let mut tx = bench.store().begin().await.expect("begun");
    assert!(tx.add_mail(&mail).await.expect("added"));
    assert!(!tx.mail_came_back("paid/PM-1", "5.1.1").await.expect("asked"), "it was not taken yet");
    assert!(tx.mail_sent("paid/PM-1", bench.house.now()).await.expect("sent"));
    assert!(tx.mail_came_back("paid/PM-1", "5.1.1").await.expect("asked"));
    assert!(!tx.mail_came_back("paid/of-nobody", "5.1.1").await.expect("asked"));
    tx.commit().await.expect("durable");
    let page = bench.get("wumin", "/jobs/mails").await.text;
    assert!(page.contains("Came back: 5.1.1") && !page.contains("nobody@"), "{page}");
}

#[tokio::test]
async fn each_fact_about_a_certificate_is_told_and_an_invoice_comes_with_its_files() {
    let bench = Bench::new().await;
    let (path, view) = bench.delivered().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    bench.work_off().await;
    bench.hold(&view).await;
    let server = Arc::new(mail::tests::Desk::default());
    bench.postman(&server).work_off().await.expect("worked");
    let taken = server.taken.lock().expect("free").clone();
    let kinds: Vec<&str> = taken.iter().map(|one| one.id.split('/').next().unwrap_or_default()).collect();
    for kind in ["paid", "installed", "invoice", "held"] {
        assert_eq!(kinds.iter().filter(|known| **known == kind).count(), 1, "{kind}: {kinds:?}");
    }
    let invoice = taken.iter().find(|one| one.id.starts_with("invoice/")).expect("sent");
    let media: Vec<&str> = invoice.attachments.iter().map(|file| file.media).collect();
    assert_eq!(media, ["application/pdf", "application/ofd", "application/xml"]);
    assert_eq!(bench.einvoices(&bill).await[0].state.word(), "delivered");
    let office = OfficeId::new("demo-office").expect("an office");
    let mut tx = bench.store().read().await.expect("begun");
    assert!(tx.mails(&office, 100).await.expect("read").iter().all(|mail| mail.sent.is_some()));
}

#[tokio::test]
async fn anybody_checks_an_invoice_by_its_number_and_code_and_learns_nothing_of_persons() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    bench.work_off().await;
    let issue = bench.einvoices(&bill).await[0].state.issue().expect("issued").clone();
    let ask = |check: &str| format!("?number={}&check={check}", issue.number);
    assert!(!bench.verified("").await.contains("No such invoice"), "nothing was asked");
    for wrong in [ask("0000000000"), ask(""), "?number=99202609210000000009&check=".to_owned() + &issue.check] {
        let said = bench.verified(&wrong).await;
        assert!(said.contains("No such invoice") && !said.contains("460.00"), "{wrong}");
    }
    let said = bench.verified(&ask(&issue.check.to_uppercase())).await;
    assert!(said.contains("Valid") && said.contains("460.00") && said.contains("Sample"), "{said}");
    assert!(!said.contains("东湖") && !said.contains("91350100") && !said.contains("刘芳"), "no names");
    bench.post("liufang", &format!("{bill}/reverse"), REVERSE).await;
    bench.work_off().await;
    assert!(bench.verified(&ask(&issue.check)).await.contains("Reversed"));
}
