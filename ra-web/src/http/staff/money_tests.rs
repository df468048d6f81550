//! Money at the counter, page by page: who may take it, what is refused, what the books say afterwards.

use axum::http::StatusCode;
use ca_core::domain::OfficeId;

use super::testing::Bench;
use crate::payment::bill::{Bill, BillState};
use crate::payment::fen::Fen;
use crate::payment::ledger::Account;
use crate::store::Store as _;

const DAY: i64 = 86_400;
const WHY: &[(&str, &str)] = &[("reason", "the unit changed its mind")];

impl Bench {
    /// The balance of an account; on the way the books are proved.
    pub(super) async fn balance(&self, account: Account) -> Fen {
        let office = OfficeId::new("demo-office").expect("an office");
        let mut tx = self.store().read().await.expect("begun");
        let balances = tx.balances(&office).await.expect("read");
        assert_eq!(
            tx.proved_balances(&office).await.expect("read"),
            balances,
            "kept balances are what entries add up to"
        );
        let sum: Fen = balances.iter().map(|(_, balance)| *balance).sum();
        assert_eq!(sum, Fen::ZERO, "the trial balance is zero");
        balances.iter().find(|(known, _)| *known == account).map_or(Fen::ZERO, |(_, balance)| *balance)
    }

    pub(super) async fn bill(&self, href: &str) -> Bill {
        let number = href.rsplit('/').next().expect("a number").parse().expect("a number");
        self.store().read().await.expect("begun").bill(&number).await.expect("read").expect("there")
    }

    /// The way to the only refund on a bill's page.
    pub(super) async fn refund_of(&self, bill: &str) -> String {
        let page = self.get("liufang", bill).await.text;
        let at = page.find("id=\"refund-").expect("a refund");
        format!("/money/refunds/{}", page[at + 11..].split('"').next().expect("a number"))
    }

    /// 李敏 asks for so much back, 刘芳 approves, 李敏 pays it out.
    pub(super) async fn refunded(&self, path: &str, amount: &str) {
        let bill = self.bill_of(path).await.expect("a bill");
        let got = self.post("limin", &format!("{bill}/refund"), &[("amount", amount), WHY[0]]).await;
        assert_eq!(got.to, format!("{bill}?done=refund-asked"), "{}", got.text);
        let refund = self.refund_of(&bill).await;
        let got = self.post("liufang", &format!("{refund}/approve"), &[]).await;
        assert_eq!(got.to, format!("{bill}?done=refund-approved"), "{}", got.text);
        let got = self.post("limin", &format!("{refund}/pay-out"), &[]).await;
        assert_eq!(got.to, format!("{bill}?done=refund-paid-out"), "{}", got.text);
    }
}

#[tokio::test]
async fn a_case_waits_for_its_money_and_is_made_once_it_is_paid() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    assert!(bench.get("limin", &path).await.text.contains("Awaiting payment"));
    let refused = bench.post("chenjie", &format!("{path}/ticket"), &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "no certificate for a bill that is not paid");
    let bill = bench.bill_of(&path).await.expect("a bill");
    let page = bench.get("limin", &bill).await.text;
    for expected in ["460.00", "肆佰陆拾元整", "433.96 + 26.04", "Certificate service (year)", "400.00", "60.00"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    let little = bench.post("limin", &format!("{bill}/pay"), &[("method", "cash"), ("handed", "459.99")]).await;
    assert_eq!(little.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(little.text.contains("Less cash than is to be paid") && little.text.contains("value=\"459.99\""));
    let slip = bench.post("limin", &format!("{bill}/pay"), &[("method", "pos"), ("reference", "")]).await;
    assert!(slip.text.contains("Fill in the reference on the slip"), "{}", slip.status);
    let got = bench.post("limin", &format!("{bill}/pay"), &[("method", "cash"), ("handed", "500")]).await;
    assert_eq!(got.to, format!("{bill}?done=paid"), "{}", got.text);
    let page = bench.get("limin", &bill).await.text;
    for expected in ["demo-office-", "-000001", "500.00", "40.00", "Print the receipt"] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(bench.get("limin", &path).await.text.contains("Paid"));
    assert_eq!(bench.balance(Account::Cash).await, Fen::yuan(460));
    assert_eq!(bench.balance(Account::Deferred).await, -Fen::yuan(460));
    assert!(!bench.ticket(&path).await.is_empty());
}

#[tokio::test]
async fn pressing_twice_and_two_clerks_at_once_take_the_money_once() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let (cash, card) = ([("method", "cash")], [("method", "pos"), ("reference", "004217")]);
    let pay = format!("{bill}/pay");
    let answers = tokio::join!(
        bench.post("limin", &pay, &cash),
        bench.post("limin", &pay, &cash),
        bench.post("wangqiang", &pay, &card),
        bench.post("wangqiang", &pay, &card),
    );
    let answers = [answers.0, answers.1, answers.2, answers.3];
    assert_eq!(answers.iter().filter(|got| got.status == StatusCode::SEE_OTHER).count(), 1);
    for got in answers.iter().filter(|got| got.status != StatusCode::SEE_OTHER) {
        assert!(got.text.contains("paid already"), "{}: {}", got.status, got.text);
    }
    let (cash, card) = (bench.balance(Account::Cash).await, bench.balance(Account::PosTransit).await);
    assert_eq!(cash + card, Fen::yuan(460));
    assert_eq!(bench.balance(Account::Deferred).await, -Fen::yuan(460));
}

#[tokio::test]
async fn delivery_makes_revenue_and_tax_of_what_was_deferred() {
    let bench = Bench::new().await;
    let (path, _) = bench.delivered().await;
    assert_eq!(bench.balance(Account::Deferred).await, Fen::ZERO);
    assert_eq!(bench.balance(Account::Revenue).await, -"433.96".parse::<Fen>().expect("an amount"));
    assert_eq!(bench.balance(Account::Vat).await, -"26.04".parse::<Fen>().expect("an amount"));
    // After that a part can go back, never all.
    let bill = bench.bill_of(&path).await.expect("a bill");
    let all = bench.post("limin", &format!("{bill}/refund"), &[("amount", "460"), WHY[0]]).await;
    assert!(all.text.contains("no full refund"), "{}: {}", all.status, all.text);
    bench.refunded(&path, "60").await;
    assert_eq!(bench.balance(Account::Revenue).await, -"377.36".parse::<Fen>().expect("an amount"));
    assert_eq!(bench.balance(Account::Vat).await, -"22.64".parse::<Fen>().expect("an amount"));
    assert_eq!(bench.balance(Account::Cash).await, Fen::yuan(400));
}

#[tokio::test]
async fn who_approved_a_case_takes_no_money_for_it_and_an_auditor_takes_none_at_all() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    let got = bench.sign("wangqiang", &path, &format!("{path}/approve")).await;
    assert_eq!(got.to, format!("{path}?done=approved"), "{}", got.text);
    let bill = bench.bill_of(&path).await.expect("a bill");
    let page = bench.get("wangqiang", &bill).await.text;
    assert!(page.contains("Whoever approves does not take the money") && !page.contains("name=\"method\""));
    for who in ["wangqiang", "sunli", "chenjie", "zhaojing", "liufang", "zhoujun"] {
        let got = bench.post(who, &format!("{bill}/pay"), &[("method", "cash")]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{who}");
    }
    assert_eq!(bench.bill(&bill).await.state, BillState::Open);
    assert_eq!(bench.balance(Account::Cash).await, Fen::ZERO);
    assert_eq!(bench.get("zhoujun", &bill).await.status, StatusCode::FORBIDDEN, "another office's");
    assert_eq!(bench.get("zhaojing", &bill).await.status, StatusCode::OK, "an auditor reads");
}

/// Each page and act of money, and who of 李敏 (entry), 孙丽 (reviewer), 陈杰 (operator), 王强 (supervisor), 刘芳
/// (finance), 赵静 (auditor) is let through to it.
const CELLS: [(&str, &str, [bool; 6]); 19] = [
    ("GET", "/", [true, true, true, true, true, true]),
    ("GET", "/applications", [true, true, true, true, false, true]),
    ("GET", "/money", [true, false, false, true, true, true]),
    ("GET", "/money/bills?state=open", [true, false, false, true, true, true]),
    ("GET", "/money/bills/BL-20200101-0001", [true, false, false, true, true, true]),
    ("POST", "/money/bills/BL-20200101-0001/pay", [true, false, false, true, false, false]),
    ("POST", "/money/bills/BL-20200101-0001/void", [false, false, false, true, false, false]),
    ("POST", "/money/bills/BL-20200101-0001/refund", [true, false, false, true, false, false]),
    ("POST", "/money/bills/BL-20200101-0001/invoice", [false, false, false, false, true, false]),
    ("POST", "/money/bills/BL-20200101-0001/invoice-back", [false, false, false, false, true, false]),
    ("POST", "/money/refunds/RF-20200101-0001/approve", [false, false, false, false, true, false]),
    ("POST", "/money/refunds/RF-20200101-0001/decline", [false, false, false, false, true, false]),
    ("POST", "/money/refunds/RF-20200101-0001/pay-out", [true, false, false, true, false, false]),
    ("POST", "/money/payments/PY-20200101-0001/receipt", [true, false, false, true, false, false]),
    ("GET", "/money/receipts", [true, false, false, true, true, true]),
    ("GET", "/money/drawers", [true, false, false, true, true, true]),
    ("GET", "/money/drawers/demo-office/2020-01-01/limin", [true, false, false, true, true, true]),
    ("POST", "/money/drawers/demo-office/2020-01-01/limin/confirm", [false, false, false, false, true, false]),
    ("GET", "/money/books", [false, false, false, false, true, true]),
];

#[tokio::test]
async fn each_role_reaches_its_pages_of_money_and_no_others() {
    let bench = Bench::new().await;
    for (method, path, verdicts) in CELLS {
        let people = ["limin", "sunli", "chenjie", "wangqiang", "liufang", "zhaojing"];
        for (who, allowed) in people.into_iter().zip(verdicts) {
            let got = if method == "GET" { bench.get(who, path).await } else { bench.post(who, path, &[]).await };
            assert_eq!(got.status != StatusCode::FORBIDDEN, allowed, "{who}: {method} {path}: {}", got.status);
            assert!(!got.status.is_server_error(), "{who}: {method} {path}: {}", got.status);
        }
    }
    assert_eq!(bench.get("liufang", "/").await.to, "/money");
}

#[tokio::test]
async fn a_payment_is_undone_on_its_day_by_a_supervisor_who_did_not_take_it() {
    let mut bench = Bench::new().await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let ticket = bench.ticket(&path).await;
    let got = bench.post("wangqiang", &format!("{bill}/void"), &[("reason", " ")]).await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = bench.post("wangqiang", &format!("{bill}/void"), WHY).await;
    assert_eq!(got.to, format!("{bill}?done=voided"), "{}", got.text);
    assert_eq!(bench.balance(Account::Cash).await, Fen::ZERO);
    assert!(bench.get("limin", &path).await.text.contains("Awaiting payment"));
    let (status, _) = bench.api("open", serde_json::json!({ "ticket": ticket })).await;
    assert_eq!(status, StatusCode::CONFLICT, "the ticket is gone with the money");
    // Paid again, with the next receipt; the day after it is too late.
    let got = bench.post("limin", &format!("{bill}/pay"), &[("method", "qr"), ("reference", "42000017")]).await;
    assert_eq!(got.to, format!("{bill}?done=paid"), "{}", got.text);
    let page = bench.get("limin", &bill).await.text;
    assert!(page.contains("-000001") && page.contains("-000002") && page.contains("Voided"), "no gap in the series");
    bench.later(DAY).await;
    let late = bench.post("wangqiang", &format!("{bill}/void"), WHY).await;
    assert!(late.text.contains("voided on its day"), "{}: {}", late.status, late.text);
    assert_eq!(bench.balance(Account::QrTransit).await, Fen::yuan(460));
}

#[tokio::test]
async fn who_took_a_payment_does_not_undo_it() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let got = bench.post("wangqiang", &format!("{bill}/pay"), &[("method", "cash")]).await;
    assert_eq!(got.to, format!("{bill}?done=paid"), "{}", got.text);
    let got = bench.post("wangqiang", &format!("{bill}/void"), WHY).await;
    assert!(got.status == StatusCode::FORBIDDEN && got.text.contains("four_eyes"), "{}: {}", got.status, got.text);
    assert_eq!(bench.balance(Account::Cash).await, Fen::yuan(460));
}

#[tokio::test]
async fn a_refund_takes_two_and_goes_back_the_way_it_came() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    bench.post("limin", &format!("{bill}/pay"), &[("method", "pos"), ("reference", "004217")]).await;
    for (amount, said) in [("461", "More than can go back"), ("0", "above zero"), ("x", "written in yuan")] {
        let got = bench.post("limin", &format!("{bill}/refund"), &[("amount", amount), WHY[0]]).await;
        assert!(got.status == StatusCode::UNPROCESSABLE_ENTITY && got.text.contains(said), "{amount}: {}", got.text);
    }
    bench.post("limin", &format!("{bill}/refund"), &[("amount", "60"), WHY[0]]).await;
    let twice = bench.post("limin", &format!("{bill}/refund"), &[("amount", "60"), WHY[0]]).await;
    assert!(twice.text.contains("under way"), "{}", twice.status);
    let refund = bench.refund_of(&bill).await;
    let early = bench.post("limin", &format!("{refund}/pay-out"), &[("reference", "004218")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "not before finance approved");
    let declined = bench.post("liufang", &format!("{refund}/decline"), &[("reason", "")]).await;
    assert_eq!(declined.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bench.get("liufang", "/money").await.text.contains(refund.rsplit('/').next().expect("a number")));
    bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert_eq!(bench.balance(Account::RefundsPayable).await, -Fen::yuan(60));
    let again = bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "approved once");
    let slip = bench.post("limin", &format!("{refund}/pay-out"), &[]).await;
    assert!(slip.text.contains("Fill in the reference"), "{}", slip.status);
    let out = bench.post("limin", &format!("{refund}/pay-out"), &[("reference", "004218")]).await;
    assert_eq!(out.to, format!("{bill}?done=refund-paid-out"), "{}", out.text);
    let again = bench.post("limin", &format!("{refund}/pay-out"), &[("reference", "004218")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "paid out once");
    assert_eq!(bench.balance(Account::RefundsPayable).await, Fen::ZERO);
    assert_eq!(bench.balance(Account::PosTransit).await, Fen::yuan(400));
    assert_eq!(bench.bill(&bill).await.kept(), Fen::yuan(400));
    assert!(!bench.ticket(&path).await.is_empty(), "what is left was paid");
}

#[tokio::test]
async fn an_invoice_in_the_units_hands_is_reversed_before_its_money_goes_back() {
    let mut bench = Bench::new().await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let number = bill.rsplit('/').next().expect("a number").to_owned();
    assert!(bench.get("liufang", "/money").await.text.contains(&number), "its invoice is due");
    let wrong = bench.post("liufang", &format!("{bill}/invoice"), &[("number", "12")]).await;
    assert!(wrong.text.contains("has 20 digits"), "{}", wrong.status);
    let note = [("number", "26132000000000000017")];
    let got = bench.post("liufang", &format!("{bill}/invoice"), &note).await;
    assert_eq!(got.to, format!("{bill}?done=invoiced"), "{}", got.text);
    let twice = bench.post("liufang", &format!("{bill}/invoice"), &note).await;
    assert!(twice.text.contains("take it back or reverse it first"), "{}", twice.status);
    assert_eq!(bench.bill(&bill).await.invoice_due, None);
    bench.post("limin", &format!("{bill}/refund"), &[("amount", "460"), WHY[0]]).await;
    let refund = bench.refund_of(&bill).await;
    let refused = bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert!(refused.status == StatusCode::CONFLICT && refused.text.contains("reverse it first"), "{}", refused.text);
    let back = [("reason", "red letter 26132000000000000018")];
    let got = bench.post("liufang", &format!("{bill}/invoice-back"), &back).await;
    assert_eq!(got.to, format!("{bill}?done=invoice-back"), "{}", got.text);
    let got = bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    assert_eq!(got.to, format!("{bill}?done=refund-approved"), "{}", got.text);
    assert_eq!(bench.bill(&bill).await.state.word(), "refunded");
    assert_eq!(bench.post("chenjie", &format!("{path}/ticket"), &[]).await.status, StatusCode::CONFLICT);
    bench.later(4 * DAY).await;
    assert!(!bench.get("liufang", "/money").await.text.contains("no certificate delivered"));
}

#[tokio::test]
async fn a_drawer_is_counted_once_by_its_clerk_and_what_comes_later_belongs_to_the_next_day() {
    let mut bench = Bench::new().await;
    bench.approved().await;
    let today = bench.house.now().beijing_day();
    let drawer = format!("/money/drawers/demo-office/{today}/limin");
    for who in ["wangqiang", "liufang"] {
        let got = bench.post(who, &format!("{drawer}/count"), &[("counted", "460")]).await;
        assert!(got.status == StatusCode::CONFLICT || got.status == StatusCode::FORBIDDEN, "{who}: {}", got.status);
    }
    let early = bench.post("liufang", &format!("{drawer}/confirm"), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "not before it was counted");
    let silent = bench.post("limin", &format!("{drawer}/count"), &[("counted", "459.50")]).await;
    assert!(silent.text.contains("say why") && silent.text.contains("value=\"459.50\""), "{}", silent.text);
    let count = [("counted", "459.50"), ("note", "a coin was lost")];
    let got = bench.post("limin", &format!("{drawer}/count"), &count).await;
    assert_eq!(got.to, format!("{drawer}?done=counted"), "{}", got.text);
    assert_eq!(bench.post("limin", &format!("{drawer}/count"), &count).await.status, StatusCode::CONFLICT);

    let path = bench.approved().await;
    let tomorrow = format!("/money/drawers/demo-office/{}/limin", today.plus_days(1));
    let bill = bench.bill_of(&path).await.expect("a bill");
    assert!(bench.get("limin", &tomorrow).await.text.contains("460.00"), "a late entry");
    let void = bench.post("wangqiang", &format!("{bill}/void"), WHY).await;
    assert_eq!(void.to, format!("{bill}?done=voided"), "its own drawer is not counted yet: {}", void.text);
    let not_yet = bench.post("limin", &format!("{tomorrow}/count"), &[("counted", "0")]).await;
    assert_eq!(not_yet.status, StatusCode::CONFLICT, "the day has not come");

    let page = bench.get("liufang", &drawer).await.text;
    assert!(page.contains("-0.50") && page.contains("a coin was lost"));
    let silent = bench.post("liufang", &format!("{drawer}/return"), &[]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", silent.text);
    let why = [("reason", "the slip of the terminal is missing")];
    for who in ["limin", "wangqiang", "zhaojing"] {
        let got = bench.post(who, &format!("{drawer}/return"), &why).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{who}");
    }
    let got = bench.post("liufang", &format!("{drawer}/return"), &why).await;
    assert_eq!(got.to, format!("{drawer}?done=count-returned"), "{}", got.text);
    assert_eq!(bench.post("liufang", &format!("{drawer}/return"), &why).await.status, StatusCode::CONFLICT, "once");
    assert_eq!(bench.balance(Account::Vault).await, Fen::ZERO, "nothing is booked");
    let back = bench.get("limin", &drawer).await.text;
    assert!(back.contains("the slip of the terminal is missing") && back.contains("/count"), "{back}");
    let early = bench.post("liufang", &format!("{drawer}/confirm"), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "not before it is counted anew");
    assert_eq!(bench.post("limin", &format!("{drawer}/count"), &count).await.to, format!("{drawer}?done=counted"));
    let got = bench.post("liufang", &format!("{drawer}/confirm"), &[]).await;
    assert_eq!(got.to, format!("{drawer}?done=closed"), "{}", got.text);
    assert_eq!(bench.post("liufang", &format!("{drawer}/confirm"), &[]).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.balance(Account::Vault).await, "459.50".parse().expect("an amount"));
    assert_eq!(bench.balance(Account::CashDifference).await, "0.50".parse().expect("an amount"));
    assert_eq!(bench.balance(Account::Cash).await, Fen::ZERO);
    bench.later(2 * DAY).await;
    assert!(bench.get("liufang", "/money").await.text.contains("Overdue"), "tomorrow's drawer waits");
}

#[tokio::test]
async fn a_bill_that_nobody_pays_lapses_with_its_case() {
    let mut bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    assert_eq!(bench.desk.lapse_bills().await.expect("run"), 0);
    bench.later(15 * DAY + 1).await;
    assert!(bench.get("limin", "/money").await.text.contains("Overdue"));
    assert_eq!(bench.desk.lapse_bills().await.expect("run"), 1);
    assert_eq!(bench.desk.lapse_bills().await.expect("run again"), 0);
    assert!(bench.get("limin", &path).await.text.contains("Lapsed"));
    let late = bench.post("limin", &format!("{bill}/pay"), &[("method", "cash")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_eq!(bench.balance(Account::Cash).await, Fen::ZERO);
}

#[tokio::test]
async fn giving_up_an_unpaid_case_cancels_its_bill() {
    let bench = Bench::new().await;
    let path = bench.to_pay().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let got = bench.post("limin", &format!("{path}/cancel"), WHY).await;
    assert_eq!(got.to, format!("{path}?done=cancelled"), "{}", got.text);
    assert_eq!(bench.bill(&bill).await.state, BillState::Cancelled);
}

#[tokio::test]
async fn a_case_that_was_paid_and_is_signed_anew_pays_the_difference_only() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let ticket = bench.ticket(&path).await;
    bench.redeem(&ticket).await;
    bench.api("fail", serde_json::json!({ "ticket": ticket, "why": "the token broke" })).await;
    let mut pairs = super::testing::GOOD.to_vec();
    pairs.retain(|(name, _)| *name != "years");
    pairs.extend([("years", "3"), ("action", "check")]);
    let got = bench.form("limin", &format!("{path}/edit"), &pairs, &[]).await;
    assert_eq!(got.to, format!("{path}/check"), "{}", got.text);
    bench.sign("limin", &format!("{path}/check"), &format!("{path}/submit")).await;
    bench.sign("sunli", &path, &format!("{path}/approve")).await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let page = bench.get("limin", &bill).await.text;
    assert!(page.contains("Paid before") && page.contains("-460.00") && page.contains("200.00"), "{page}");
    bench.paid(&path).await;
    assert_eq!(bench.balance(Account::Deferred).await, -Fen::yuan(660));
}

#[tokio::test]
async fn a_receipt_is_a_pdf_and_every_print_is_counted() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    let page = bench.get("limin", &bill).await.text;
    let at = page.find("/money/payments/").expect("a form");
    let print = page[at..].split('"').next().expect("an address").to_owned();
    for n in 0..2 {
        let got = bench.post("limin", &print, &[]).await;
        assert!(got.status == StatusCode::OK && got.text.starts_with("%PDF"), "{n}: {}", got.status);
    }
    assert!(bench.get("limin", &bill).await.text.contains("printed 2 times"));
    assert_eq!(bench.post("zhoujun", &print, &[]).await.status, StatusCode::FORBIDDEN, "another office's");
    bench.post("wangqiang", &format!("{bill}/void"), WHY).await;
    assert_eq!(bench.post("limin", &print, &[]).await.status, StatusCode::CONFLICT, "no receipt of a void");
}

#[tokio::test]
async fn money_pages_are_complete_in_both_languages() {
    let bench = Bench::new().await;
    let (path, _) = bench.delivered().await;
    let bill = bench.bill_of(&path).await.expect("a bill");
    bench.refunded(&path, "60").await;
    let today = bench.house.now().beijing_day();
    let drawer = format!("/money/drawers/demo-office/{today}/limin");
    let pages = ["/money", "/money/bills", "/money/receipts", "/money/drawers", "/money/books", &bill, &drawer];
    for page in pages {
        for lang in ["zh-CN", "en"] {
            let got = bench.get("liufang", &format!("{page}?lang={lang}")).await;
            assert_eq!(got.status, StatusCode::OK, "{page}: {}", got.text);
            for part in got.text.split('>').filter_map(|part| part.split('<').next()) {
                let key = part.trim();
                let looks_like_a_key =
                    key.starts_with("money-") || key.starts_with("step-") || key.starts_with("state-");
                assert!(!looks_like_a_key, "{page} {lang}: {key}");
            }
        }
    }
    assert!(bench.get("liufang", "/money/books").await.text.contains("Debit equals credit"));
}
