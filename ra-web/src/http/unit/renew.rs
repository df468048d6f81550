//! The renewal, one address for all of it: whoever comes to `/renew` sees the step at which it stands.

use askama::Template;
use axum::Form as Posted;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::{CurrentUnit, Units, page_of};
use crate::enrolment::desk::OfficeError;
use crate::enrolment::form::{FieldFault, FieldFaults, Form};
use crate::enrolment::process::NotNow;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::frame;
use crate::http::invoice::quota::told;
use crate::http::login::SignedForm;
use crate::invoice::quota::handing::Told;
use crate::page::{Notice, Page, View};
use crate::payment::bill::{Bill, MoneyFault};
use crate::payment::checkout::Way;
use crate::payment::online::{Leads, Settled};
use crate::renewal::{Asked, Begun, Changed, Holding, Stage, Standing};

/// The way that leads to no provider's page.
const WIRE: &str = "wire";

/// The words of the line of steps; messages `renew-step-…`.
pub(super) const STEPS: [&str; 5] = ["check", "form", "pay", "install", "invoice"];

/// Word of a stage, for message keys.
pub(super) const fn word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Check(Ok(())) => "check",
        Stage::Check(Err(_)) => "not-now",
        Stage::Sign => "sign",
        Stage::SignAgain => "sign-again",
        Stage::Pay => "pay",
        Stage::Install => "install",
        Stage::Done => "done",
        Stage::Elsewhere => "elsewhere",
    }
}

/// A step in the line, before, at, or after the present one.
pub(super) struct StepMark {
    word: &'static str,
    pub(super) state: &'static str,
}

pub(super) fn line(at: usize, all_done: bool) -> Vec<StepMark> {
    let state = |n: usize| match n.cmp(&at) {
        std::cmp::Ordering::Less => "done",
        std::cmp::Ordering::Equal if all_done => "done",
        std::cmp::Ordering::Equal => "now",
        std::cmp::Ordering::Greater => "todo",
    };
    STEPS.into_iter().enumerate().map(|(n, word)| StepMark { word, state: state(n) }).collect()
}

#[derive(Template)]
#[template(path = "unit/renew.html")]
struct RenewPage {
    page: Page,
    steps: Vec<StepMark>,
    stage: &'static str,
    unit: Holding,
    until: String,
    over: bool,
    /// Why a renewal cannot be begun now: word and day.
    not_now: Option<(&'static str, String)>,
    /// What a year costs today.
    year: String,
    number: Option<String>,
    form: Option<Form>,
    mobile: String,
    total: Option<String>,
    bill: Option<BillView>,
    invoiced: bool,
    /// How far its quota invoices are.
    quota: Option<String>,
    ways: Vec<&'static str>,
    /// Whether one of them leads to a provider's page.
    online: bool,
    /// Whether the bank is one of them.
    may_wire: bool,
    /// Where to and with which code, once the unit pays by bank.
    wire: Option<WireView>,
    /// Canonical bytes of the order to be signed, base64url.
    statement: String,
    ticket: Option<String>,
    /// The authority issued, and no token has confirmed.
    issued: bool,
    successor: Option<Successor>,
    may_cancel: bool,
}

struct BillView {
    number: String,
    amount: String,
    due: String,
    lines: Vec<(&'static str, i64, String, String)>,
}

impl BillView {
    fn of(bill: &Bill) -> Self {
        Self {
            number: bill.number.to_string(),
            amount: bill.gross().to_string(),
            due: bill.due.beijing_text(),
            lines: bill
                .quote
                .lines
                .iter()
                .map(|line| (line.item.word(), line.count, line.price.to_string(), line.amount().to_string()))
                .collect(),
        }
    }
}

/// What is written on a transfer.
struct WireView {
    payee: String,
    account: String,
    bank: String,
    code: String,
}

struct Successor {
    serial: String,
    until: String,
}

/// `GET /renew`.
pub(super) async fn get_renew(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    show(&units, unit, &view, None, None).await
}

async fn show(
    units: &Units,
    unit: Holding,
    view: &View,
    ticket: Option<String>,
    notice: Option<Notice>,
) -> Result<Response, Failure> {
    let now = units.renewals.desk.clock.now();
    let standing = units.renewals.standing(&unit).await?;
    let statement = match standing.stage {
        Stage::Sign | Stage::SignAgain => URL_SAFE_NO_PAD.encode(units.renewals.order(&unit).await?.statement),
        _ => String::new(),
    };
    let Standing { issued, case, bill, invoiced, quota, wire, successor, stage, prices } = standing;
    let years: usize = case.as_ref().and_then(|case| case.form.years.parse().ok()).unwrap_or(1);
    let price = |years: usize| prices.get(years.wrapping_sub(1)).map(|quote| quote.total().to_string());
    let not_now = match &stage {
        Stage::Check(Err(why)) => Some((
            why.word(),
            match why {
                NotNow::TooEarly(at) => at.beijing_day().to_string(),
                _ => String::new(),
            },
        )),
        _ => None,
    };
    let gateway = units.renewals.online.as_ref().map(|online| &online.gateway);
    let mut ways: Vec<&'static str> =
        gateway.map(|gateway| gateway.ways().iter().map(|way| way.word()).collect()).unwrap_or_default();
    let terms = units.renewals.desk.rules.money.wire.as_ref();
    if terms.is_some() && wire.is_none() {
        ways.push(WIRE);
    }
    let shown = RenewPage {
        page: Page { notice, ..page_of(view, &unit, view.t(&format!("renew-title-{}", word(&stage))), "/renew") },
        steps: line(stage.step(), stage == Stage::Done && (invoiced || quota.as_ref().is_some_and(Told::is_there))),
        stage: word(&stage),
        until: issued.validity.not_after.beijing_day().to_string(),
        over: unit.is_over(now),
        not_now,
        year: price(1).unwrap_or_default(),
        number: case.as_ref().map(|case| case.number.to_string()),
        mobile: case.as_ref().map(|case| masked_mobile(&case.form.handler_mobile)).unwrap_or_default(),
        total: price(years),
        may_cancel: case.as_ref().is_some_and(|case| case.cancellable_by_unit().is_ok()),
        issued: case.as_ref().is_some_and(|case| case.state.word() == "issued"),
        form: case.map(|case| case.form),
        bill: bill.as_ref().map(BillView::of),
        invoiced,
        quota: quota.as_ref().map(|far| told(view, far)),
        online: gateway.is_some(),
        may_wire: ways.contains(&WIRE),
        ways,
        wire: terms.zip(wire).map(|(terms, remittance)| WireView {
            payee: terms.payee.clone(),
            account: terms.account.clone(),
            bank: terms.bank.clone(),
            code: remittance.code.grouped(),
        }),
        statement,
        ticket,
        successor: successor.map(|issued| Successor {
            serial: issued.serial.to_string(),
            until: issued.validity.not_after.beijing_day().to_string(),
        }),
        unit,
    };
    let mut response = Shown(shown).into_response();
    if let (Stage::Pay, Some(gateway)) = (&stage, gateway) {
        let policy = frame::policy_leading_to(gateway.pages());
        let policy = HeaderValue::from_str(&policy).map_err(|_| Failure::internal("payment.online.pages"))?;
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

fn masked_mobile(mobile: &str) -> String {
    match (mobile.get(..3), mobile.get(7..)) {
        (Some(head), Some(tail)) => format!("{head}****{tail}"),
        _ => String::new(),
    }
}

/// A fault of a field, as the error summary lists it.
struct FaultLine {
    field: &'static str,
    text: String,
}

fn fault_lines(view: &View, faults: &FieldFaults) -> Vec<FaultLine> {
    let line = |(field, fault): &(&'static str, FieldFault)| {
        let label = view.t(&format!("field-{}", field.replace('_', "-")));
        let n = i64::try_from(fault.number()).unwrap_or(i64::MAX);
        FaultLine { field, text: view.locale.t_with(fault.key(), &[("field", &label), ("n", &n)]) }
    };
    faults.iter().map(line).collect()
}

#[derive(Template)]
#[template(path = "unit/form.html")]
struct FormPage {
    page: Page,
    steps: Vec<StepMark>,
    faults: Vec<FaultLine>,
    form: Form,
    id_masked: String,
    /// Years and what they cost.
    prices: Vec<(i64, String)>,
}

impl FormPage {
    fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.text.as_str())
    }
}

async fn form_page(
    units: &Units,
    unit: &Holding,
    view: &View,
    asked: Option<&Asked>,
    faults: &FieldFaults,
) -> Result<FormPage, Failure> {
    let standing = units.renewals.standing(unit).await?;
    let mut form = units.renewals.form(unit).await?;
    if let Some(asked) = asked {
        asked.years.clone_into(&mut form.years);
        asked.handler_name.clone_into(&mut form.handler_name);
        asked.handler_mobile.clone_into(&mut form.handler_mobile);
        asked.handler_email.clone_into(&mut form.handler_email);
    }
    let id_masked = standing.case.as_ref().map(|case| case.handler_id_masked.clone()).unwrap_or_default();
    Ok(FormPage {
        page: page_of(view, unit, view.t("renew-title-form"), "/renew"),
        steps: line(1, false),
        faults: fault_lines(view, faults),
        form,
        id_masked,
        prices: (1_i64..).zip(&standing.prices).map(|(years, quote)| (years, quote.total().to_string())).collect(),
    })
}

/// `GET /renew/form`. Who is further than the form sees where they are.
pub(super) async fn get_form(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    match units.renewals.standing(&unit).await?.stage {
        Stage::Check(Ok(())) | Stage::Sign | Stage::SignAgain => {
            Ok(Shown(form_page(&units, &unit, &view, None, &Vec::new()).await?).into_response())
        }
        _ => Ok(see("/renew")),
    }
}

/// What the form posts.
#[derive(Deserialize)]
pub(super) struct RenewForm {
    #[serde(default)]
    years: String,
    #[serde(default)]
    handler_name: String,
    #[serde(default)]
    handler_mobile: String,
    #[serde(default)]
    handler_email: String,
}

/// `POST /renew/form`.
pub(super) async fn post_form(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Posted(typed): Posted<RenewForm>,
) -> Result<Response, Failure> {
    // The form of the counter reads what a Chinese keyboard does by accident.
    let read = Form::from_pairs([
        ("years", typed.years.as_str()),
        ("handler_name", typed.handler_name.as_str()),
        ("handler_mobile", typed.handler_mobile.as_str()),
        ("handler_email", typed.handler_email.as_str()),
    ]);
    let asked = Asked {
        years: read.years.clone(),
        handler_name: read.handler_name.clone(),
        handler_mobile: read.handler_mobile.clone(),
        handler_email: read.handler_email.clone(),
    };
    match units.renewals.begin(&unit, &asked).await {
        Ok(Begun::Ready(_)) => Ok(see("/renew")),
        Ok(Begun::Faulty(faults)) => {
            Ok(Again(form_page(&units, &unit, &view, Some(&asked), &faults).await?).into_response())
        }
        // Begun in another window, or no longer possible: the page says which.
        Err(OfficeError::NotNow(_) | OfficeError::Forbidden(_)) => Ok(see("/renew")),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "unit/changed.html")]
struct ChangedPage {
    page: Page,
    steps: Vec<StepMark>,
    faults: Vec<FaultLine>,
    form: Changed,
    contact: String,
}

impl ChangedPage {
    fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.text.as_str())
    }
}

fn changed_page(units: &Units, unit: &Holding, view: &View, form: Changed, faults: &FieldFaults) -> ChangedPage {
    ChangedPage {
        page: page_of(view, unit, view.t("renew-title-changed"), "/renew"),
        steps: line(0, false),
        faults: fault_lines(view, faults),
        form,
        contact: units.renewals.desk.printer.letterhead.contact.clone(),
    }
}

/// `GET /renew/changed`: what changed goes to the office, filled in.
pub(super) async fn get_changed(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    if !matches!(units.renewals.standing(&unit).await?.stage, Stage::Check(_)) {
        return Ok(see("/renew"));
    }
    let form = units.renewals.form(&unit).await?;
    let form = Changed {
        unit_name: form.unit_name.clone(),
        uscc: form.uscc.clone(),
        handler_name: form.handler_name.clone(),
        handler_mobile: form.handler_mobile.clone(),
    };
    Ok(Shown(changed_page(&units, &unit, &view, form, &Vec::new())).into_response())
}

/// `POST /renew/changed`.
pub(super) async fn post_changed(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Posted(typed): Posted<Changed>,
) -> Result<Response, Failure> {
    let read = Form::from_pairs([
        ("unit_name", typed.unit_name.as_str()),
        ("uscc", typed.uscc.as_str()),
        ("handler_name", typed.handler_name.as_str()),
        ("handler_mobile", typed.handler_mobile.as_str()),
    ]);
    let typed = Changed {
        unit_name: read.unit_name.clone(),
        uscc: read.uscc.clone(),
        handler_name: read.handler_name.clone(),
        handler_mobile: read.handler_mobile.clone(),
    };
    match units.renewals.send_to_office(&unit, &typed).await {
        Ok(Begun::Ready(_)) => Ok(see("/renew")),
        Ok(Begun::Faulty(faults)) => Ok(Again(changed_page(&units, &unit, &view, typed, &faults)).into_response()),
        Err(OfficeError::NotNow(_) | OfficeError::Forbidden(_)) => Ok(see("/renew")),
        Err(error) => Err(error.into()),
    }
}

/// `POST /renew/sign`.
pub(super) async fn post_sign(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    Posted(form): Posted<SignedForm>,
) -> Result<Response, Failure> {
    let message = STANDARD.decode(form.signature.trim()).map_err(|_| Kind::Malformed)?;
    units.renewals.sign(&unit, &message).await?;
    Ok(see("/renew"))
}

/// The way that was chosen.
#[derive(Deserialize)]
pub(super) struct WayForm {
    #[serde(default)]
    way: String,
}

/// `POST /renew/pay`: to the provider's page, or back here with what is written on a transfer.
pub(super) async fn post_pay(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
    Posted(form): Posted<WayForm>,
) -> Result<Response, Failure> {
    if form.way == WIRE {
        return match units.renewals.pay_by_bank(&unit).await {
            Ok(()) | Err(OfficeError::Money(MoneyFault::PaidAlready | MoneyFault::State { .. })) => Ok(see("/renew")),
            Err(error) => Err(error.into()),
        };
    }
    let Some(way) = Way::from_word(&form.way) else {
        let notice = Notice { text: view.t("renew-choose-way"), good: false };
        return show(&units, unit, &view, None, Some(notice)).await;
    };
    let back = format!("{}/renew/back", units.origin);
    match units.renewals.pay(&unit, way, view.t("renew-product"), back).await {
        Ok(Leads::To(url)) => {
            let pages = units.renewals.online.as_ref().map(|online| online.gateway.pages()).unwrap_or_default();
            // Wherever an answer of the provider's leads, it is to one of its own pages.
            match url.strip_prefix(pages) {
                Some(rest) if rest.starts_with('/') => Ok(Redirect::to(&url).into_response()),
                _ => Err(Failure::internal("the provider leads to a page of somebody else's")),
            }
        }
        Ok(Leads::Paid) | Err(OfficeError::Money(MoneyFault::PaidAlready)) => Ok(see("/renew")),
        Err(error) => Err(error.into()),
    }
}

/// `GET /renew/back`: from the provider's page. The address proves nothing; the provider is asked.
pub(super) async fn get_back(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    let word = match units.renewals.came_back(&unit).await {
        Ok(Settled::Paid) => "paid",
        Ok(Settled::Expired) => "expired",
        Ok(Settled::Faulty) => "faulty",
        Ok(Settled::Unchanged | Settled::Unknown) => {
            let paid = units.renewals.standing(&unit).await?.bill.is_some_and(|bill| bill.state.paid().is_some());
            if paid { "paid" } else { "unpaid" }
        }
        Err(OfficeError::Gateway(error)) => {
            tracing::warn!(%error, "the provider was not asked about a payment");
            "unknown"
        }
        Err(error) => return Err(error.into()),
    };
    let notice = Notice { text: view.t(&format!("renew-back-{word}")), good: word == "paid" };
    show(&units, unit, &view, None, Some(notice)).await
}

/// `POST /renew/cancel`.
pub(super) async fn post_cancel(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    units.renewals.cancel(&unit, &view.t("renew-cancel-reason")).await?;
    Ok(see("/renew"))
}

/// `POST /renew/install`: a ticket for the assistant, on the page alone.
pub(super) async fn post_install(
    State(units): State<Units>,
    CurrentUnit(unit): CurrentUnit,
    view: View,
) -> Result<Response, Failure> {
    let ticket = units.renewals.ticket(&unit).await?;
    show(&units, unit, &view, Some(ticket.to_string()), None).await
}

/// `POST /renew/installed`: the assistant says that it is done; what is so, the page tells.
pub(super) async fn post_installed(CurrentUnit(_): CurrentUnit) -> Response {
    see("/renew")
}
