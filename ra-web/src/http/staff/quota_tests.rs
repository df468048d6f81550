//! Quota invoices from the console: bought, wished, allotted, sent, brought back; and never beside an e-invoice.

use axum::http::StatusCode;

use super::testing::{Bench, Got};
use crate::enrolment::case::Who;
use crate::enrolment::desk::OfficeError;
use crate::invoice::quota::allotment::Allotment;
use crate::invoice::quota::wish::{Delivery, HandOver};
use crate::payment::bill::{BillNumber, MoneyFault};
use crate::payment::difference::Kind;
use crate::selfcare::progress::{Found, Progress};
use crate::store::Store as _;

const RUN: [(&str, &str); 4] =
    [("code", "113001000001"), ("first", "00000001"), ("last", "00000020"), ("worth", "100")];
const TENS: [(&str, &str); 4] =
    [("code", "113001000002"), ("first", "00000001"), ("last", "00000020"), ("worth", "20")];
const WISH: [(&str, &str); 4] = [
    ("quota_way", "post"),
    ("quota_recipient", "刘芳"),
    ("quota_phone", "13800138000"),
    ("quota_address", "示范市东湖区人民路 8 号"),
];
const WHY: &[(&str, &str)] = &[("reason", "the unit changed its mind")];
/// What a bill of 460 yuan gets of that stock.
const PAPERS: &str = "113001000001 00000001–00000004, 113001000002 00000001–00000003";

impl Bench {
    async fn buy(&self, run: &[(&str, &str)]) -> Got {
        self.post("liufang", "/money/quota/buy", run).await
    }

    /// A paid bill that is to have quota invoices, and an office that has some.
    async fn wished(&self) -> String {
        assert_eq!(self.buy(&RUN).await.to, "/money/quota?done=quota-bought");
        assert_eq!(self.buy(&TENS).await.to, "/money/quota?done=quota-bought");
        let path = self.approved().await;
        let bill = self.bill_of(&path).await.expect("a bill");
        let got = self.post("limin", &format!("{bill}/quota"), &WISH).await;
        assert_eq!(got.to, format!("{bill}?done=quota-wished"), "{}", got.text);
        bill
    }

    async fn quota(&self, bill: &str, act: &str, pairs: &[(&str, &str)]) -> Got {
        self.post("liufang", &format!("{bill}/quota/{act}"), pairs).await
    }

    async fn allotments(&self, bill: &str) -> Vec<Allotment> {
        let number = self.bill(bill).await.number;
        self.store().read().await.expect("begun").allotments(&number).await.expect("read")
    }

    /// How many papers of the first run bought are in each place.
    async fn hundreds(&self) -> [i64; 4] {
        let mut tx = self.store().read().await.expect("begun");
        let runs = tx.runs(&self.officer("liufang").await.office, 9).await.expect("read");
        runs.iter().find(|kept| kept.run.range.code.as_str() == RUN[0].1).expect("bought").counts
    }
}

#[tokio::test]
async fn a_bill_that_asked_for_them_gets_exactly_its_amount_and_the_waybill_is_seen() {
    let bench = Bench::new().await;
    let bill = bench.wished().await;
    let waiting = bench.get("liufang", "/money/quota").await.text;
    let number = bench.bill(&bill).await.number;
    assert!(waiting.contains(number.as_str()) && waiting.contains("00000001–00000020"), "{waiting}");
    bench.worker().work_off().await.expect("worked");
    let got = bench.quota(&bill, "allot", &[]).await;
    assert_eq!(got.to, format!("{bill}?done=quota-allotted"), "{}", got.text);
    assert!(bench.bill(&bill).await.invoice_due.is_some(), "nothing was sent yet");
    assert_eq!(bench.allotments(&bill).await[0].shown(), PAPERS);
    assert_eq!(bench.hundreds().await, [16, 4, 0, 0]);
    let again = bench.quota(&bill, "allot", &[]).await;
    assert!(again.text.contains("reverse it first"), "once: {}", again.text);
    let odd = bench.quota(&bill, "send", &[("waybill", "SF 1<2")]).await;
    assert!(odd.status == StatusCode::UNPROCESSABLE_ENTITY && odd.text.contains("#waybill"), "{}", odd.status);
    let got = bench.quota(&bill, "send", &[("waybill", "SF1234567890")]).await;
    assert_eq!(got.to, format!("{bill}?done=quota-sent"), "{}", got.text);
    assert_eq!(bench.bill(&bill).await.invoice_due, None, "the deadline is met");
    assert_eq!(bench.hundreds().await, [16, 0, 4, 0]);
    for who in ["liufang", "limin", "zhaojing"] {
        let page = bench.get(who, &bill).await.text;
        assert!(page.contains("SF1234567890") && page.contains(PAPERS), "{who}: {page}");
    }
    let log = bench.get("zhaojing", "/money/quota?office=demo-office").await.text;
    for act in ["Bought", "Allotted", "Sent or handed over"] {
        assert!(log.contains(act), "{act}");
    }
    let Progress::Found(Found::Case(_, _, Some(told))) =
        bench.desk.progress(number.as_str(), "13800138000").await.expect("asked")
    else {
        panic!("the unit is told")
    };
    assert_eq!((told.word, told.papers, told.waybill.as_str()), ("sent", 7, "SF1234567890"));
}

#[tokio::test]
async fn an_order_has_an_einvoice_or_quota_invoices_and_never_both() {
    let bench = Bench::new().await;
    let bill = bench.wished().await;
    let number = bench.bill(&bill).await.number;
    // The job that invoices what came by itself leaves it alone.
    let asked = bench.desk.invoice(&number).await.expect("looked");
    assert_eq!(asked, Ok(crate::invoice::issuing::Invoiced::Nothing));
    assert!(bench.quota(&bill, "allot", &[]).await.to.ends_with("quota-allotted"));
    let refused = bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    assert!(refused.text.contains("reverse it first"), "{}", refused.text);
    let noted = bench.post("liufang", &format!("{bill}/invoice"), &[("number", "26132000000000000017")]).await;
    assert!(noted.text.contains("reverse it first"), "{}", noted.text);
    let title = bench
        .post("limin", &format!("{bill}/title"), &[("title_name", "x"), ("title_tax_id", "91350100M000100Y43")])
        .await;
    assert_eq!(title.status, StatusCode::CONFLICT, "frozen");
    assert!(bench.quota(&bill, "send", &[]).await.to.ends_with("quota-sent"));
    assert_eq!(bench.desk.invoice(&number).await.expect("looked"), Ok(crate::invoice::issuing::Invoiced::Nothing));
    let by_hand = bench.post("liufang", &format!("{bill}/invoice-back"), WHY).await;
    assert!(by_hand.text.contains("take them back under"), "{}", by_hand.text);
    // Brought back they are void, and then an e-invoice can be asked for; the other way round likewise.
    assert!(bench.quota(&bill, "return", WHY).await.to.ends_with("quota-returned"));
    assert!(bench.bill(&bill).await.invoice_due.is_some(), "another one is due");
    assert_eq!(bench.hundreds().await, [16, 0, 0, 4]);
    let got = bench.post("liufang", &format!("{bill}/einvoice"), &[]).await;
    assert_eq!(got.to, format!("{bill}?done=einvoice"), "{}", got.text);
    let both = bench.post("limin", &format!("{bill}/quota"), &WISH).await;
    assert_eq!(both.status, StatusCode::CONFLICT, "while an e-invoice is being issued");
    bench.worker().work_off().await.expect("worked");
    let both = bench.post("limin", &format!("{bill}/quota"), &WISH).await;
    assert_eq!(both.status, StatusCode::CONFLICT, "an e-invoice stands");
    assert!(bench.quota(&bill, "allot", &[]).await.text.contains("did not ask"));
}

#[tokio::test]
async fn a_title_takes_the_wish_back_and_without_a_wish_nothing_is_allotted() {
    let bench = Bench::new().await;
    let bill = bench.wished().await;
    let title = format!("{bill}/title");
    assert!(bench.get("limin", &title).await.text.contains("Quota invoices are asked for now"));
    let own = [("title_name", "示范市东湖建筑工程有限公司"), ("title_tax_id", "91350100M000100Y43")];
    assert_eq!(bench.post("limin", &title, &own).await.to, format!("{bill}?done=title"));
    let got = bench.quota(&bill, "allot", &[]).await;
    assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains("did not ask"), "{}", got.text);
    assert_eq!(bench.hundreds().await, [20, 0, 0, 0]);
}

#[tokio::test]
async fn money_goes_back_only_after_its_quota_invoices_did() {
    let bench = Bench::new().await;
    let bill = bench.wished().await;
    bench.quota(&bill, "allot", &[]).await;
    bench.post("limin", &format!("{bill}/refund"), &[("amount", "460"), WHY[0]]).await;
    let refund = bench.refund_of(&bill).await;
    let approve = format!("{refund}/approve");
    assert_eq!(bench.post("liufang", &approve, &[]).await.status, StatusCode::CONFLICT, "put aside");
    assert!(bench.quota(&bill, "release", &[]).await.text.contains("#release-reason"), "with a reason");
    assert!(bench.quota(&bill, "release", WHY).await.to.ends_with("quota-released"));
    assert_eq!(bench.hundreds().await, [20, 0, 0, 0], "they never left the house");
    let waits = bench.quota(&bill, "allot", &[]).await;
    assert!(waits.text.contains("refund"), "{}", waits.text);
    assert_eq!(
        bench.post("liufang", &format!("{refund}/decline"), WHY).await.to,
        format!("{bill}?done=refund-declined")
    );
    bench.quota(&bill, "allot", &[]).await;
    assert_eq!(bench.allotments(&bill).await[0].shown(), PAPERS, "the lowest numbers first, again");
    bench.quota(&bill, "send", &[("waybill", "SF1")]).await;
    for late in ["release", "send"] {
        assert!(!bench.quota(&bill, late, WHY).await.to.contains("done="), "{late}");
    }
    bench.post("limin", &format!("{bill}/refund"), &[("amount", "460"), WHY[0]]).await;
    let page = bench.get("liufang", &bill).await.text;
    let last = page.rfind("/money/refunds/").map(|at| &page[at..]).expect("a refund");
    let approve = last.split('"').next().expect("an address").replace("decline", "approve");
    let early = bench.post("liufang", &approve, &[]).await;
    assert!(early.status == StatusCode::CONFLICT && early.text.contains("reverse it first"), "{}", early.text);
    assert!(bench.quota(&bill, "return", WHY).await.to.ends_with("quota-returned"));
    assert_eq!(bench.hundreds().await, [16, 0, 0, 4], "what was in other hands is void for good");
    let got = bench.post("liufang", &approve, &[]).await;
    assert_eq!(got.to, format!("{bill}?done=refund-approved"), "{}", got.text);
    assert_eq!(bench.bill(&bill).await.state.word(), "refunded");
}

#[tokio::test]
async fn two_bills_at_once_never_get_the_same_paper() {
    for bench in [Bench::new().await, Bench::on_postgres().await] {
        let first = bench.wished().await;
        let path = bench.approved_of("91350211M000100Y46").await;
        let second = bench.bill_of(&path).await.expect("a bill");
        bench.post("limin", &format!("{second}/quota"), &WISH).await;
        let liufang = bench.officer("liufang").await;
        let numbers: Vec<BillNumber> = vec![bench.bill(&first).await.number, bench.bill(&second).await.number];
        let (a, b) =
            tokio::join!(bench.desk.allot_quota(&liufang, &numbers[0]), bench.desk.allot_quota(&liufang, &numbers[1]));
        a.expect("allotted");
        b.expect("allotted");
        let mut papers = Vec::new();
        for bill in [&first, &second] {
            papers.extend(bench.allotments(bill).await.remove(0).papers);
        }
        papers.sort();
        papers.dedup();
        assert_eq!((papers.len(), bench.hundreds().await), (14, [12, 8, 0, 0]));
    }
}

#[tokio::test]
async fn stock_that_does_not_make_the_amount_up_is_left_alone() {
    let bench = Bench::new().await;
    bench.buy(&RUN).await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    bench.post("limin", &format!("{bill}/quota"), &WISH).await;
    let got = bench.quota(&bill, "allot", &[]).await;
    assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains("add up to exactly"), "{}", got.text);
    assert_eq!(bench.hundreds().await, [20, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_bought_or_void_is_looked_at_paper_by_paper() {
    let bench = Bench::new().await;
    for (run, fault) in [
        ([("code", "1130"), RUN[1], RUN[2], RUN[3]], "#buy-code"),
        ([RUN[0], ("first", "1"), RUN[2], RUN[3]], "#buy-first"),
        ([RUN[0], ("first", "00000021"), RUN[2], RUN[3]], "#buy-last"),
        ([RUN[0], RUN[1], ("last", "00002001"), RUN[3]], "#buy-last"),
        ([RUN[0], RUN[1], RUN[2], ("worth", "30")], "#buy-worth"),
    ] {
        let got = bench.buy(&run).await;
        assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains(fault), "{fault}: {}", got.text);
    }
    assert!(bench.buy(&RUN).await.to.ends_with("quota-bought"));
    let overlapping = bench.buy(&[RUN[0], ("first", "00000020"), ("last", "00000030"), RUN[3]]).await;
    assert!(overlapping.text.contains("taken in before"), "{}", overlapping.status);
    let void = |first, last| [RUN[0], ("first", first), ("last", last), ("reason", "torn")];
    let silent = bench.post("liufang", "/money/quota/void", &RUN[..3]).await;
    assert!(silent.text.contains("#void-reason"), "{}", silent.text);
    let beyond = bench.post("liufang", "/money/quota/void", &void("00000020", "00000021")).await;
    assert!(beyond.text.contains("are not in this office"), "{}", beyond.text);
    let got = bench.post("liufang", "/money/quota/void", &void("00000001", "00000002")).await;
    assert_eq!(got.to, "/money/quota?done=quota-voided", "{}", got.text);
    assert_eq!(bench.hundreds().await, [18, 0, 0, 2]);
    let twice = bench.post("liufang", "/money/quota/void", &void("00000002", "00000002")).await;
    assert!(twice.text.contains("are not in this office"), "{}", twice.text);
}

#[tokio::test]
async fn papers_are_finances_of_their_own_office_and_wishes_the_desks() {
    let bench = Bench::new().await;
    let bill = bench.wished().await;
    for who in ["limin", "wangqiang", "sunli", "zhaojing", "zhoujun"] {
        for (to, pairs) in [
            ("/money/quota/buy".to_owned(), &TENS[..]),
            ("/money/quota/void".to_owned(), &TENS[..]),
            (format!("{bill}/quota/allot"), &[]),
            (format!("{bill}/quota/send"), &[]),
            (format!("{bill}/quota/release"), WHY),
            (format!("{bill}/quota/return"), WHY),
        ] {
            let got = bench.post(who, &to, pairs).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{who}: {to}");
        }
    }
    for who in ["liufang", "zhaojing", "zhoujun"] {
        assert_eq!(bench.post(who, &format!("{bill}/quota"), &WISH).await.status, StatusCode::FORBIDDEN, "{who}");
    }
    let mut bench = bench;
    bench.sign_in_as("waiwang", ca_core::domain::Role::Finance, "other-office").await;
    for act in ["allot", "send", "release", "return"] {
        let got = bench.post("waiwang", &format!("{bill}/quota/{act}"), WHY).await;
        assert!(got.status == StatusCode::FORBIDDEN || got.status == StatusCode::NOT_FOUND, "{act}: {}", got.status);
    }
    assert_eq!(bench.get("waiwang", "/money/quota?office=demo-office").await.status, StatusCode::FORBIDDEN);
    assert_eq!(bench.hundreds().await, [20, 0, 0, 0], "nothing moved");
}

#[tokio::test]
async fn paid_and_not_sent_in_three_days_and_sent_without_money_are_differences() {
    let mut bench = Bench::new().await;
    let bill = bench.wished().await;
    bench.quota(&bill, "allot", &[]).await;
    bench.later(3 * 86_400 + 1).await;
    let late = bench.get("liufang", "/money/quota").await.text;
    assert!(late.contains("Overdue") || late.contains("overdue"), "{late}");
    let found = async |bench: &Bench| {
        bench.desk.reconcile(None).await.expect("looked");
        let officer = bench.officer("liufang").await;
        let open = bench.desk.differences(&officer, &officer.office).await.expect("read").open;
        open.iter().map(|one| one.kind).filter(|kind| *kind == Kind::MoneyWithoutInvoice).count()
    };
    assert_eq!(found(&bench).await, 1);
    bench.quota(&bill, "send", &[]).await;
    bench.later(60).await;
    assert_eq!(found(&bench).await, 0, "what was sent is invoiced");
}

#[tokio::test]
async fn an_office_that_uses_none_offers_none() {
    let bench = Bench::without_quota().await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let page = bench.get("liufang", &bill).await.text;
    assert!(!page.contains("Quota invoices"), "{page}");
    assert!(!bench.get("liufang", "/money").await.text.contains("/money/quota"));
    assert_eq!(bench.get("liufang", "/money/quota").await.status, StatusCode::CONFLICT);
    assert!(bench.buy(&RUN).await.status == StatusCode::CONFLICT);
    let delivery = Delivery { way: HandOver::Counter, ..Delivery::default() };
    let number = bench.bill(&bill).await.number;
    let asked = bench.desk.wish_quota(&Who::unit("x"), &number, &delivery).await;
    assert!(matches!(asked, Err(OfficeError::Money(MoneyFault::QuotaOff))));
    let liufang = bench.officer("liufang").await;
    let allotted = bench.desk.allot_quota(&liufang, &number).await;
    assert!(matches!(allotted, Err(OfficeError::Money(MoneyFault::QuotaOff))));
}
