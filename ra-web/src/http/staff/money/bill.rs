//! One bill on one page: what is paid for, the payment, receipt, refunds, invoice, and what was booked. What is done about it
//! comes back to this page, with what is wrong at its field.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::Timestamp;
use serde::Deserialize;

use super::super::Staff;
use super::super::case::reason_fault;
use super::super::parts::{Tag, may, returning_to};
use super::books::{EntryRow, entry_row};
use super::invoice::{EInvoices, einvoices};
use super::quota::{QuotaCard, card};
use super::{PaymentRow, at_the_form, bill_tag, payment_row};
use crate::enrolment::case::State as CaseState;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::enrolment::holder::is_a_persons;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::payment::bill::{BillNumber, BillState};
use crate::payment::invoice::HandedOut;
use crate::payment::refund::{Refund, RefundState};
use crate::payment::taking::Method;

/// A refund on the bill's page.
struct RefundLine {
    number: String,
    amount: String,
    method: String,
    reason: String,
    asked: String,
    asked_at: String,
    tag: Tag,
    then: String,
    may_decide: bool,
    may_pay_out: bool,
    needs_reference: bool,
}

/// An invoice on the bill's page.
struct InvoiceLine {
    kind: String,
    number: String,
    waybill: String,
    by: String,
    at: String,
    back: Option<String>,
}

/// What was typed and why it was not taken.
#[derive(Default)]
pub(super) struct Fault {
    pub(super) field: &'static str,
    pub(super) text: String,
    pub(super) typed: String,
    pub(super) reference: String,
    pub(super) method: String,
}

#[derive(Template)]
#[template(path = "staff/money/bill.html")]
pub(super) struct BillPage {
    page: Page,
    number: String,
    tag: Tag,
    unit_name: String,
    uscc: String,
    case: String,
    case_is_open: bool,
    lines: Vec<[String; 4]>,
    gross: String,
    capitals: String,
    net: String,
    tax: String,
    rate: String,
    kept: String,
    created: String,
    due: Option<(String, bool)>,
    invoice_due: Option<(String, bool)>,
    paid: Option<String>,
    served: Option<String>,
    payments: Vec<PaymentRow>,
    refunds: Vec<RefundLine>,
    invoices: Vec<InvoiceLine>,
    einvoices: EInvoices,
    quota: Option<QuotaCard>,
    booked: Vec<EntryRow>,
    methods: Vec<&'static str>,
    may_pay: bool,
    why_not_pay: Option<String>,
    may_void: bool,
    may_refund: bool,
    may_print: bool,
    may_hand_out: bool,
    may_take_back: bool,
    may_provision: bool,
    /// The remittance code, while it can be paid by bank, and since when the unit does.
    code: Option<(String, Option<String>)>,
    /// The lines of our account that paid it or come nearest.
    wires: Vec<(String, String)>,
    fault: Option<Fault>,
}

impl BillPage {
    fn is_persons(&self) -> bool {
        is_a_persons(&self.uscc)
    }

    fn about(&self, field: &str) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.field == field)
    }

    fn text(&self) -> &str {
        self.fault.as_ref().map_or("", |fault| &fault.text)
    }

    /// What was typed in a field that was not taken.
    fn typed(&self, field: &str) -> &str {
        self.fault.as_ref().filter(|fault| fault.field == field).map_or("", |fault| &fault.typed)
    }

    /// What was typed, whatever field is faulty.
    fn text_typed(&self) -> &str {
        self.fault.as_ref().map_or("", |fault| &fault.typed)
    }

    fn chosen_reason(&self, reason: &str) -> bool {
        self.fault.as_ref().is_some_and(|fault| fault.method == reason)
    }

    fn reference(&self) -> &str {
        self.fault.as_ref().map_or("", |fault| &fault.reference)
    }

    fn chosen(&self, method: &str) -> bool {
        match &self.fault {
            Some(fault) if !fault.method.is_empty() => fault.method == method,
            _ => self.methods.first() == Some(&method),
        }
    }
}

async fn bill_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &BillNumber,
    fault: Option<Fault>,
) -> Result<BillPage, Failure> {
    let shown = staff.desk.bill_view(&signer.officer, number).await?;
    let now = staff.desk.clock.now();
    let (bill, case) = (&shown.bill, &shown.case);
    let mine = bill.office == signer.officer.office;
    let right = |right| mine && may(signer, right);
    let open = bill.state == BillState::Open;
    let reviewer = case.reviewer.as_ref().is_some_and(|reviewer| reviewer.id == signer.officer.id);
    let why_not_pay = if !open {
        None
    } else if !right(Right::TakeMoney) {
        Some(view.t("money-why-duty"))
    } else if reviewer {
        Some(view.t("money-why-reviewer"))
    } else {
        None
    };
    let waits = shown.refunds.iter().any(|refund| refund.state == RefundState::Asked);
    let taken = shown.taken();
    let today = taken.is_some_and(|payment| payment.at.beijing_day() == now.beijing_day());
    let ready = matches!(case.state, CaseState::Approved { .. });
    let split = bill.split(bill.gross());
    let electronic = einvoices(staff, view, signer, number).await?;
    let quota = card(staff, view, signer, bill).await?;
    let allotted = quota.as_ref().is_some_and(|quota| quota.stands);
    let issued_here = allotted
        || shown.invoice().is_some_and(|handed| electronic.lines.iter().any(|line| line.number == handed.number));
    let deadline = |at: Timestamp| (at.beijing_text(), at < now);
    let path = format!("/money/bills/{number}");
    let page = staff.page(view, signer, view.locale.t_with("money-bill-of", &[("unit", &bill.unit_name)]), "/money");
    Ok(BillPage {
        page: Page { wide: true, ..returning_to(page.await?, path) },
        number: number.to_string(),
        tag: bill_tag(view, bill.state.word()),
        unit_name: bill.unit_name.clone(),
        uscc: bill.uscc.clone(),
        case: case.number.to_string(),
        case_is_open: right(Right::Read),
        lines: bill
            .quote
            .lines
            .iter()
            .map(|line| {
                let item = view.t(&format!("money-item-{}", line.item.word()));
                [item, line.count.to_string(), line.price.to_string(), line.amount().to_string()]
            })
            .collect(),
        gross: bill.gross().to_string(),
        capitals: bill.gross().capitals(),
        net: split.net.to_string(),
        tax: split.tax.to_string(),
        rate: bill.quote.tax.to_string(),
        kept: bill.kept().to_string(),
        created: bill.created.beijing_text(),
        due: open.then(|| deadline(bill.due)),
        invoice_due: bill.invoice_due.map(deadline),
        paid: bill.state.paid().map(Timestamp::beijing_text),
        served: bill.served.map(Timestamp::beijing_text),
        payments: shown.payments.iter().map(|payment| payment_row(view, payment)).collect(),
        refunds: shown.refunds.iter().map(|refund| refund_line(view, signer, refund, mine)).collect(),
        einvoices: electronic,
        quota,
        invoices: shown.invoices.iter().map(|invoice| invoice_line(view, invoice)).collect(),
        booked: shown.booked.iter().map(|entry| entry_row(view, entry)).collect(),
        methods: staff.desk.rules.money.methods.iter().map(|method| method.word()).collect(),
        may_pay: open && why_not_pay.is_none(),
        why_not_pay,
        may_void: right(Right::VoidMoney)
            && ready
            && today
            && !waits
            && matches!(bill.state, BillState::Paid { .. })
            && shown.invoice().is_none()
            && !allotted
            && taken.is_some_and(|payment| payment.clerk.id != signer.officer.id),
        may_refund: right(Right::TakeMoney) && !bill.kept().is_zero() && taken.is_some() && !waits,
        may_print: right(Right::TakeMoney),
        may_hand_out: right(Right::Finance)
            && !bill.kept().is_zero()
            && !waits
            && !allotted
            && shown.invoice().is_none(),
        may_take_back: right(Right::Finance) && shown.invoice().is_some() && !issued_here,
        may_provision: ready && right(Right::Provision),
        code: shown
            .remittance
            .as_ref()
            .filter(|_| open)
            .map(|remittance| (remittance.code.grouped(), remittance.chosen.map(Timestamp::beijing_text))),
        wires: shown.wires.iter().map(|line| (line.number.to_string(), line.payer_account.clone())).collect(),
        fault,
    })
}

fn refund_line(view: &View, signer: &Signer, refund: &Refund, mine: bool) -> RefundLine {
    let said = |key: &str, who: &str, at: Timestamp, why: &str| {
        view.locale.t_with(key, &[("who", &who), ("when", &at.beijing_text()), ("why", &why)])
    };
    RefundLine {
        number: refund.number.to_string(),
        amount: refund.amount.to_string(),
        method: view.t(&format!("money-method-{}", refund.method.word())),
        reason: refund.reason.clone(),
        asked: refund.asked.name.clone(),
        asked_at: refund.asked_at.beijing_text(),
        tag: bill_tag(view, refund.state.word()),
        then: match &refund.state {
            RefundState::Asked => String::new(),
            RefundState::Approved { by, at } => said("money-refund-approved", &by.name, *at, ""),
            RefundState::Declined { by, at, reason } => said("money-refund-declined", &by.name, *at, reason),
            RefundState::PaidOut { by, at, reference, .. } => {
                said("money-refund-paid-out", &by.name, *at, reference.as_deref().unwrap_or_default())
            }
        },
        may_decide: mine
            && may(signer, Right::Finance)
            && refund.state == RefundState::Asked
            && refund.asked.id != signer.officer.id,
        may_pay_out: mine && may(signer, Right::TakeMoney) && matches!(refund.state, RefundState::Approved { .. }),
        needs_reference: refund.method != Method::Cash,
    }
}

fn invoice_line(view: &View, invoice: &HandedOut) -> InvoiceLine {
    InvoiceLine {
        kind: view.t(&format!("money-invoice-{}", invoice.kind.word())),
        number: invoice.number.clone(),
        waybill: invoice.waybill.clone(),
        by: invoice.by.name.clone(),
        at: invoice.at.beijing_text(),
        back: invoice.taken_back.as_ref().map(|(by, at, why)| {
            view.locale.t_with(
                "money-invoice-was-taken-back",
                &[("who", &by.name), ("when", &at.beijing_text()), ("why", why)],
            )
        }),
    }
}

pub(super) fn number_of(text: &str) -> Result<BillNumber, Failure> {
    text.parse().map_err(|()| Kind::NotFound.into())
}

/// `GET /money/bills/{number}`.
pub(super) async fn get_bill(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(bill_page(&staff, &view, &signer, &number_of(&number)?, None).await?))
}

/// After an act on a bill: its page, or the page again with what is wrong at the field.
pub(super) async fn done(
    (staff, view, signer): (&Staff, &View, &Signer),
    number: &BillNumber,
    what: Result<(), OfficeError>,
    word: &str,
    fault: Fault,
) -> Result<Response, Failure> {
    match what {
        Ok(()) => Ok(see(&format!("/money/bills/{number}?done={word}"))),
        Err(error) => {
            let text = at_the_form(view, error)?;
            Ok(Again(bill_page(staff, view, signer, number, Some(Fault { text, ..fault })).await?).into_response())
        }
    }
}

/// The page again, with what is wrong.
pub(super) async fn again(
    (staff, view, signer): (&Staff, &View, &Signer),
    number: &BillNumber,
    fault: Fault,
) -> Result<Response, Failure> {
    Ok(Again(bill_page(staff, view, signer, number, Some(fault)).await?).into_response())
}

#[derive(Deserialize)]
pub(super) struct ReasonForm {
    #[serde(default)]
    pub(super) reason: String,
}

/// An act on a bill that wants to know why: done, or the page again with what is wrong at `field`.
pub(super) async fn because(
    context: (&Staff, &View, &Signer),
    number: &BillNumber,
    form: &ReasonForm,
    (field, word): (&'static str, &str),
    act: impl AsyncFnOnce(&str) -> Result<(), OfficeError>,
) -> Result<Response, Failure> {
    let reason = form.reason.trim();
    let fault = |text| Fault { field, text, typed: form.reason.clone(), ..Fault::default() };
    match reason_fault(context.1, reason) {
        Some(text) => again(context, number, fault(text)).await,
        None => done(context, number, act(reason).await, word, fault(String::new())).await,
    }
}
