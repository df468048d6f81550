//! Money in the console: what waits, bills, receipts, drawers, the books.

mod bill;
mod books;
mod choice;
mod differences;
mod drawer;
mod invoice;
mod quota;
mod refund;
mod taking;
mod wire;
mod wire_line;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use ca_core::domain::Timestamp;
use serde::Deserialize;

use super::parts::{Tag, may};
use super::{Guarded, Staff};
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::page::{Page, View};
use crate::payment::bill::{Bill, BillState, MoneyFault, SERVE_SECONDS};
use crate::payment::board::decide_by;
use crate::payment::checkout::{Checkout, CheckoutState};
use crate::payment::drawer::Drawer;
use crate::payment::refund::Refund;
use crate::payment::taking::Payment;

/// The routes of money, each with the right it needs.
pub(super) fn routes(guarded: Guarded) -> Guarded {
    guarded
        .route("/money", (Right::ReadMoney, get(get_board)))
        .route("/money/bills", (Right::ReadMoney, get(get_bills)))
        .route("/money/bills/{number}", (Right::ReadMoney, get(bill::get_bill)))
        .route("/money/bills/{number}/pay", (Right::TakeMoney, post(taking::post_pay)))
        .route("/money/bills/{number}/void", (Right::VoidMoney, post(taking::post_void)))
        .route("/money/bills/{number}/refund", (Right::TakeMoney, post(refund::post_refund)))
        .route("/money/bills/{number}/invoice", (Right::Finance, post(invoice::post_invoice)))
        .route("/money/bills/{number}/invoice-back", (Right::Finance, post(invoice::post_invoice_back)))
        .route("/money/bills/{number}/title", (Right::TakeMoney, get(choice::get_choice).post(choice::post_choice)))
        .route("/money/bills/{number}/einvoice", (Right::Finance, post(invoice::post_einvoice)))
        .route("/money/bills/{number}/reverse", (Right::Finance, post(invoice::post_reverse)))
        .route("/money/invoices/{number}/{kind}", (Right::ReadMoney, get(invoice::get_file)))
        .route("/money/refunds/{number}/approve", (Right::Finance, post(refund::post_approve)))
        .route("/money/refunds/{number}/decline", (Right::Finance, post(refund::post_decline)))
        .route("/money/refunds/{number}/pay-out", (Right::TakeMoney, post(refund::post_pay_out)))
        .route("/money/payments/{id}/receipt", (Right::TakeMoney, post(taking::post_receipt)))
        .route("/money/receipts", (Right::ReadMoney, get(get_receipts)))
        .route("/money/drawers", (Right::ReadMoney, get(drawer::get_drawers)))
        .route("/money/drawers/{office}/{day}/{clerk}", (Right::ReadMoney, get(drawer::get_drawer)))
        .route("/money/drawers/{office}/{day}/{clerk}/count", (Right::TakeMoney, post(drawer::post_count)))
        .route("/money/drawers/{office}/{day}/{clerk}/return", (Right::Finance, post(drawer::post_return)))
        .route("/money/drawers/{office}/{day}/{clerk}/confirm", (Right::Finance, post(drawer::post_confirm)))
        .route("/money/bills/{number}/quota", (Right::TakeMoney, get(choice::get_choice).post(choice::post_choice)))
        .route("/money/bills/{number}/quota/allot", (Right::Finance, post(quota::post_allot)))
        .route("/money/bills/{number}/quota/send", (Right::Finance, post(quota::post_send)))
        .route("/money/bills/{number}/quota/release", (Right::Finance, post(quota::post_release)))
        .route("/money/bills/{number}/quota/return", (Right::Finance, post(quota::post_return)))
        .route("/money/quota", (Right::ReadMoney, get(quota::get_stock)))
        .route("/money/quota/buy", (Right::Finance, post(quota::post_buy)))
        .route("/money/quota/void", (Right::Finance, post(quota::post_void)))
        .route("/money/books", (Right::Ledger, get(books::get_books)))
        .route("/money/bills/{number}/slip", (Right::ReadMoney, get(taking::get_slip)))
        .route("/money/differences", (Right::Ledger, get(differences::get_differences)))
        .route("/money/differences/explain", (Right::Finance, post(differences::post_explain)))
        .route("/money/wire", (Right::ReadBank, get(wire::get_board)))
        .route("/money/wire/upload", (Right::Finance, post(wire::post_statement).layer(wire::uploads())))
        .route("/money/wire/statements/{statement}", (Right::ReadBank, get(wire::get_statement)))
        .route("/money/wire/lines/{line}", (Right::ReadBank, get(wire_line::get_line)))
        .route("/money/wire/lines/{line}/confirm", (Right::Finance, post(wire_line::post_confirm)))
        .route("/money/wire/lines/{line}/decline", (Right::Finance, post(wire_line::post_decline)))
        .route("/money/wire/lines/{line}/assign", (Right::Finance, post(wire_line::post_assign)))
        .route("/money/wire/lines/{line}/clear", (Right::Finance, post(wire_line::post_clear)))
        .route("/money/wire/lines/{line}/return", (Right::Finance, post(wire_line::post_return)))
        .route("/money/wire/lines/{line}/agree", (Right::AgreeReturn, post(wire_line::post_agree)))
        .route("/money/wire/lines/{line}/refuse", (Right::AgreeReturn, post(wire_line::post_refuse)))
        .route("/money/wire/lines/{line}/sent", (Right::Finance, post(wire_line::post_sent)))
}

/// A bill as lists show it.
pub(super) struct BillRow {
    pub(super) href: String,
    pub(super) number: String,
    pub(super) unit_name: String,
    pub(super) case: String,
    pub(super) gross: String,
    pub(super) tag: Tag,
    pub(super) created: String,
    /// The deadline of the list.
    pub(super) due: String,
    pub(super) overdue: bool,
}

/// A bill with the deadline of its list.
pub(super) fn bill_row(view: &View, bill: &Bill, due: Option<Timestamp>, now: Timestamp) -> BillRow {
    BillRow {
        href: format!("/money/bills/{}", bill.number),
        number: bill.number.to_string(),
        unit_name: bill.unit_name.clone(),
        case: bill.subject.key(),
        gross: bill.gross().to_string(),
        tag: bill_tag(view, bill.state.word()),
        created: bill.created.beijing_text(),
        due: due.map(Timestamp::beijing_text).unwrap_or_default(),
        overdue: due.is_some_and(|due| due < now),
    }
}

/// A bill whose next deadline is that of its payment.
pub(super) fn bill_line(view: &View, bill: &Bill, now: Timestamp) -> BillRow {
    let due = if bill.state == BillState::Open { Some(bill.due) } else { bill.invoice_due };
    bill_row(view, bill, due, now)
}

/// The tag of the state of a bill, refund or drawer.
fn bill_tag(view: &View, word: &str) -> Tag {
    let (class, icon) = match word {
        "open" | "asked" | "filed" => ("wait", "clock"),
        "approved" => ("info", "rotate-ccw"),
        "paid" | "confirmed" | "paid_out" => ("ok", "circle-check"),
        "partly_refunded" | "refunded" => ("", "rotate-ccw"),
        _ => ("bad", "ban"),
    };
    Tag { class, icon, text: view.t(&format!("money-state-{}", word.replace('_', "-"))) }
}

/// A refund as lists show it.
struct RefundRow {
    href: String,
    number: String,
    amount: String,
    method: String,
    reason: String,
    asked: String,
    due: String,
    overdue: bool,
}

fn refund_row(view: &View, refund: &Refund, now: Timestamp) -> RefundRow {
    let due = decide_by(refund);
    RefundRow {
        href: format!("/money/bills/{}#refund-{}", refund.bill, refund.number),
        number: refund.number.to_string(),
        amount: refund.amount.to_string(),
        method: view.t(&format!("money-method-{}", refund.method.word())),
        reason: refund.reason.clone(),
        asked: refund.asked.name.clone(),
        due: due.beijing_text(),
        overdue: due < now,
    }
}

/// A drawer as lists show it.
struct DrawerRow {
    href: String,
    day: String,
    clerk: String,
    tag: Tag,
    book: String,
    counted: String,
    difference: String,
    differs: bool,
    overdue: bool,
}

fn drawer_row(view: &View, drawer: &Drawer, now: Timestamp) -> DrawerRow {
    let count = drawer.count();
    let figure = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    DrawerRow {
        href: format!("/money/drawers/{}/{}/{}", drawer.office, drawer.day, drawer.clerk.id),
        day: drawer.day.to_string(),
        clerk: drawer.clerk.name.clone(),
        tag: if drawer.word() == "open" {
            Tag { class: "wait", icon: "clock", text: view.t("money-state-drawer-open") }
        } else {
            bill_tag(view, drawer.word())
        },
        book: figure(count.map(|count| count.book.to_string())),
        counted: figure(count.map(|count| count.counted.to_string())),
        difference: figure(count.map(|count| count.difference().to_string())),
        differs: count.is_some_and(|count| !count.difference().is_zero()),
        overdue: drawer.word() != "confirmed" && drawer.day < now.beijing_day(),
    }
}

#[derive(Template)]
#[template(path = "staff/money/board.html")]
struct BoardPage {
    page: Page,
    awaiting: Vec<BillRow>,
    asked: Vec<RefundRow>,
    approved: Vec<RefundRow>,
    drawers: Vec<DrawerRow>,
    unserved: Vec<BillRow>,
    uninvoiced: Vec<BillRow>,
    faulty: Vec<FaultyRow>,
    stuck: Vec<StuckRow>,
    disputes: Vec<DisputeRow>,
    may_ledger: bool,
    /// Money by bank that waits, where one may look at it.
    wires: Option<usize>,
    /// Bills and papers that wait, where the office uses quota invoices.
    quota: Option<usize>,
}

/// A refund that the provider does not make.
struct StuckRow {
    href: String,
    number: String,
    amount: String,
    why: String,
}

/// A payment that its payer disputes.
struct DisputeRow {
    href: String,
    bill: String,
    id: String,
    amount: String,
    reason: String,
    status: String,
    at: String,
}

/// Money online that nobody asked for.
struct FaultyRow {
    href: String,
    bill: String,
    unit_name: String,
    checkout: String,
    session: String,
    why: String,
    at: String,
}

fn faulty_row(view: &View, (checkout, bill): &(Checkout, Bill)) -> FaultyRow {
    let why = match &checkout.state {
        CheckoutState::Strange { fault, .. } => fault,
        _ => "surplus",
    };
    FaultyRow {
        href: format!("/money/bills/{}", bill.number),
        bill: bill.number.to_string(),
        unit_name: bill.unit_name.clone(),
        checkout: checkout.id.to_string(),
        session: checkout.state.session().unwrap_or_default().to_owned(),
        why: view.t(&format!("checkout-fault-{why}")),
        at: checkout.settled.unwrap_or(checkout.created).beijing_text(),
    }
}

/// `GET /money`: what waits.
async fn get_board(State(staff): State<Staff>, view: View, signer: Signer) -> Result<impl IntoResponse, Failure> {
    let now = staff.desk.clock.now();
    let board = staff.desk.money_board(&signer.officer).await?;
    let wires = if may(&signer, Right::ReadBank) { staff.desk.wires_waiting(&signer.officer).await? } else { None };
    let quota = staff.desk.quota_waiting(&signer.officer).await?;
    let page = staff.page(&view, &signer, view.t("money-title"), "/money").await?;
    let rows = |bills: &[Bill], due: fn(&Bill) -> Option<Timestamp>| {
        bills.iter().map(|bill| bill_row(&view, bill, due(bill), now)).collect::<Vec<_>>()
    };
    Ok(Shown(BoardPage {
        page: Page { wide: true, ..page },
        awaiting: rows(&board.awaiting, |bill| Some(bill.due)),
        asked: board.asked.iter().map(|refund| refund_row(&view, refund, now)).collect(),
        approved: board.approved.iter().map(|refund| refund_row(&view, refund, now)).collect(),
        drawers: board.drawers.iter().map(|drawer| drawer_row(&view, drawer, now)).collect(),
        unserved: rows(&board.unserved, |bill| bill.state.paid().map(|at| at.plus(SERVE_SECONDS))),
        uninvoiced: rows(&board.uninvoiced, |bill| bill.invoice_due),
        faulty: board.faulty.iter().map(|faulty| faulty_row(&view, faulty)).collect(),
        stuck: board
            .stuck
            .iter()
            .map(|(refund, why)| StuckRow {
                href: format!("/money/bills/{}#refund-{}", refund.bill, refund.number),
                number: refund.number.to_string(),
                amount: refund.amount.to_string(),
                why: why.clone(),
            })
            .collect(),
        disputes: board
            .disputes
            .iter()
            .map(|dispute| DisputeRow {
                href: format!("/money/bills/{}", dispute.bill),
                bill: dispute.bill.to_string(),
                id: dispute.id.clone(),
                amount: dispute.amount.to_string(),
                reason: dispute.reason.clone(),
                status: dispute.status.clone(),
                at: dispute.opened.beijing_text(),
            })
            .collect(),
        may_ledger: may(&signer, Right::Ledger),
        wires,
        quota,
    }))
}

#[derive(Deserialize)]
struct BillsQuery {
    state: Option<String>,
}

struct Choice {
    href: String,
    tag: Tag,
    current: bool,
}

#[derive(Template)]
#[template(path = "staff/money/bills.html")]
struct BillsPage {
    page: Page,
    choices: Vec<Choice>,
    rows: Vec<BillRow>,
}

/// `GET /money/bills?state=`.
async fn get_bills(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<BillsQuery>,
) -> Result<impl IntoResponse, Failure> {
    let known = BillState::WORDS.into_iter().find(|word| Some(*word) == query.state.as_deref());
    let state = known.unwrap_or("paid");
    let now = staff.desk.clock.now();
    let bills = staff.desk.bills_in(&signer.officer, state).await?;
    let choices = BillState::WORDS.into_iter().map(|word| Choice {
        href: format!("/money/bills?state={word}"),
        tag: bill_tag(&view, word),
        current: word == state,
    });
    let page = staff.page(&view, &signer, view.t("money-bills"), "/money").await?;
    Ok(Shown(BillsPage {
        page: Page { wide: true, ..page },
        choices: choices.collect(),
        rows: bills.iter().map(|bill| bill_line(&view, bill, now)).collect(),
    }))
}

/// A payment as lists show it.
struct PaymentRow {
    href: String,
    id: String,
    receipt: String,
    method: String,
    amount: String,
    handed: Option<(String, String)>,
    reference: Option<String>,
    clerk: String,
    at: String,
    voided: Option<String>,
    prints: i64,
}

fn payment_row(view: &View, payment: &Payment) -> PaymentRow {
    use crate::payment::taking::PaymentState;
    PaymentRow {
        href: format!("/money/bills/{}", payment.bill),
        id: payment.id.to_string(),
        receipt: payment.receipt.clone(),
        method: view.t(&format!("money-method-{}", payment.method.word())),
        amount: payment.amount.to_string(),
        handed: payment.handed.map(|handed| (handed.to_string(), payment.change().to_string())),
        reference: payment.reference.clone(),
        clerk: payment.clerk.name.clone(),
        at: payment.at.beijing_text(),
        voided: match &payment.state {
            PaymentState::Taken => None,
            PaymentState::Voided { by, reason, .. } => {
                Some(view.locale.t_with("money-voided", &[("who", &by.name), ("why", reason)]))
            }
        },
        prints: payment.prints,
    }
}

#[derive(Template)]
#[template(path = "staff/money/receipts.html")]
struct ReceiptsPage {
    page: Page,
    rows: Vec<PaymentRow>,
}

/// `GET /money/receipts`: the last ones.
async fn get_receipts(State(staff): State<Staff>, view: View, signer: Signer) -> Result<impl IntoResponse, Failure> {
    let payments = staff.desk.receipts(&signer.officer).await?;
    let page = staff.page(&view, &signer, view.t("money-receipts"), "/money").await?;
    let rows = payments.iter().map(|payment| payment_row(&view, payment)).collect();
    Ok(Shown(ReceiptsPage { page: Page { wide: true, ..page }, rows }))
}

/// The message of what can be said at a form; the rest is a failure of its own.
fn at_the_form(view: &View, error: OfficeError) -> Result<String, Failure> {
    match error {
        OfficeError::Money(fault) if !matches!(fault, MoneyFault::Forbidden(_) | MoneyFault::State { .. }) => {
            Ok(view.t(&format!("money-fault-{}", fault.word())))
        }
        other => Err(other.into()),
    }
}
