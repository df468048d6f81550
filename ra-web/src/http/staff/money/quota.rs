//! Quota invoices in the console: the stock with its log, and on a bill's page the papers that are put aside, sent, released
//! and taken back.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use ca_core::domain::OfficeId;
use serde::Deserialize;

use super::super::Staff;
use super::super::case::reason_fault;
use super::super::parts::{Tag, may, returning_to};
use super::bill::{Fault, ReasonForm, again, because, done, number_of};
use super::{BillRow, at_the_form, bill_row};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::invoice::issuing::title_is_frozen;
use crate::invoice::quota::allotment::{Allotment, AllotmentState};
use crate::invoice::quota::paper::{DENOMINATIONS, Range, RangeFaults, Run, worth};
use crate::invoice::quota::store::{Kept, Logged};
use crate::invoice::quota::wish::{Delivery, HandOver};
use crate::page::{Page, View};
use crate::payment::bill::Bill;

/// Characters of a waybill.
const WAYBILL_CHARS: usize = 40;

/// Papers on a bill's page.
pub(super) struct AllotmentLine {
    pub(super) papers: String,
    pub(super) count: usize,
    pub(super) tag: Tag,
    pub(super) amount: String,
    pub(super) by: String,
    pub(super) at: String,
    /// Who sent, released or took them back.
    pub(super) then: Vec<String>,
}

/// What a bill's page shows of quota invoices.
pub(super) struct QuotaCard {
    /// How they are to come to the unit.
    pub(super) wish: Option<String>,
    pub(super) lines: Vec<AllotmentLine>,
    /// Whether papers stand with the bill.
    pub(super) stands: bool,
    pub(super) may_wish: bool,
    pub(super) may_allot: bool,
    pub(super) may_send: bool,
    pub(super) may_return: bool,
}

/// What the bill's page shows of quota invoices; nothing where there are none and never were.
pub(super) async fn card(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    bill: &Bill,
) -> Result<Option<QuotaCard>, Failure> {
    let used = staff.desk.invoices.quota;
    let mut tx = staff.desk.store.read().await?;
    let allotments = tx.allotments(&bill.number).await?;
    if !used && allotments.is_empty() {
        return Ok(None);
    }
    let wish = tx.wish(&bill.number).await?;
    let frozen = title_is_frozen(&mut tx, bill).await?.is_some();
    let waits = tx.refunds(&bill.number).await?.iter().any(|refund| refund.state.word() == "asked");
    drop(tx);
    let right = |right| bill.office == signer.officer.office && may(signer, right);
    let standing = allotments.iter().find(|one| one.stands()).map(|one| &one.state);
    let finance = right(Right::Finance);
    Ok(Some(QuotaCard {
        may_wish: used && right(Right::TakeMoney) && !frozen,
        may_allot: used && finance && wish.is_some() && !frozen && !waits && !bill.kept().is_zero(),
        may_send: finance && matches!(standing, Some(AllotmentState::Allotted)),
        may_return: finance && matches!(standing, Some(AllotmentState::Sent(_))),
        stands: standing.is_some(),
        wish: wish.map(|wish| goes_to(view, &wish.delivery)),
        lines: allotments.iter().map(|one| line(view, one)).collect(),
    }))
}

fn goes_to(view: &View, delivery: &Delivery) -> String {
    match delivery.way {
        HandOver::Counter => view.t("quota-way-counter"),
        HandOver::Post => view.locale.t_with(
            "quota-goes-to",
            &[("who", &delivery.recipient), ("phone", &delivery.phone), ("where", &delivery.address)],
        ),
    }
}

fn line(view: &View, one: &Allotment) -> AllotmentLine {
    let (class, icon) = match one.state {
        AllotmentState::Allotted => ("wait", "clock"),
        AllotmentState::Sent(_) => ("ok", "circle-check"),
        AllotmentState::Released(_) => ("", "rotate-ccw"),
        AllotmentState::Returned(..) => ("bad", "ban"),
    };
    let said = |key: &str, by: &Who, at: ca_core::domain::Timestamp, why: &str| {
        view.locale.t_with(key, &[("who", &by.name), ("when", &at.beijing_text()), ("why", &why)])
    };
    let sent = |sending: &crate::invoice::quota::allotment::Sending| {
        let key = if sending.waybill.is_empty() { "quota-then-fetched" } else { "quota-then-sent" };
        said(key, &sending.by, sending.at, &sending.waybill)
    };
    AllotmentLine {
        papers: one.shown(),
        count: one.papers.len(),
        tag: Tag { class, icon, text: view.t(&format!("quota-state-{}", one.state.word())) },
        amount: one.amount.to_string(),
        by: one.by.name.clone(),
        at: one.at.beijing_text(),
        then: match &one.state {
            AllotmentState::Allotted => Vec::new(),
            AllotmentState::Sent(sending) => vec![sent(sending)],
            AllotmentState::Released(ended) => vec![said("quota-then-released", &ended.by, ended.at, &ended.why)],
            AllotmentState::Returned(sending, ended) => {
                vec![sent(sending), said("quota-then-returned", &ended.by, ended.at, &ended.why)]
            }
        },
    }
}

/// `POST /money/bills/{number}/quota/allot`: finance puts papers aside.
pub(super) async fn post_allot(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let allotted = staff.desk.allot_quota(&signer.officer, &number).await;
    let fault = Fault { field: "quota", ..Fault::default() };
    done((&staff, &view, &signer), &number, allotted, "quota-allotted", fault).await
}

#[derive(Deserialize)]
pub(super) struct SendForm {
    #[serde(default)]
    waybill: String,
}

/// `POST /money/bills/{number}/quota/send`: finance posts them, or hands them over.
pub(super) async fn post_send(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SendForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let context = (&staff, &view, &signer);
    let waybill = form.waybill.trim();
    let fault = |text| Fault { field: "waybill", text, typed: form.waybill.clone(), ..Fault::default() };
    if waybill.len() > WAYBILL_CHARS || !waybill.chars().all(|c| c.is_ascii_alphanumeric()) {
        return again(context, &number, fault(view.t("quota-fault-waybill"))).await;
    }
    let sent = staff.desk.send_quota(&signer.officer, &number, waybill).await;
    done(context, &number, sent, "quota-sent", fault(String::new())).await
}

/// `POST /money/bills/{number}/quota/release`: they go back into stock.
pub(super) async fn post_release(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let act = async |why: &str| staff.desk.release_quota(&signer.officer, &number, why).await;
    because((&staff, &view, &signer), &number, &form, ("release-reason", "quota-released"), act).await
}

/// `POST /money/bills/{number}/quota/return`: the unit brought them back.
pub(super) async fn post_return(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let act = async |why: &str| staff.desk.return_quota(&signer.officer, &number, why).await;
    because((&staff, &view, &signer), &number, &form, ("return-reason", "quota-returned"), act).await
}

/// A run on the page of the stock.
struct RunRow {
    papers: String,
    worth: String,
    bought: String,
    by: String,
    /// In stock, put aside, sent, void.
    counts: [i64; 4],
    /// The lowest and the highest number in stock.
    ends: String,
}

fn run_row(kept: &Kept) -> RunRow {
    RunRow {
        papers: kept.run.range.to_string(),
        worth: kept.run.worth.to_string(),
        bought: kept.at.beijing_day().to_string(),
        by: kept.by.name.clone(),
        counts: kept.counts,
        ends: match kept.ends {
            Some((first, last)) if first < last => format!("{first:08}–{last:08}"),
            Some((only, _)) => format!("{only:08}"),
            None => "–".into(),
        },
    }
}

/// Papers that wait to be sent.
struct ParcelRow {
    href: String,
    bill: String,
    unit_name: String,
    papers: String,
    due: String,
    overdue: bool,
}

/// A line of the log.
struct LogRow {
    act: String,
    papers: String,
    count: u32,
    bill: Option<String>,
    by: String,
    at: String,
    note: String,
}

fn log_row(view: &View, line: &Logged) -> LogRow {
    LogRow {
        act: view.t(&format!("quota-act-{}", line.act)),
        papers: line.range.to_string(),
        count: line.range.count(),
        bill: line.bill.as_ref().map(ToString::to_string),
        by: line.by.name.clone(),
        at: line.at.beijing_text(),
        note: line.note.clone(),
    }
}

/// What was typed of a run, bought or void.
#[derive(Clone, Default, Deserialize)]
pub(super) struct RangeForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    first: String,
    #[serde(default)]
    last: String,
    #[serde(default)]
    worth: String,
    #[serde(default)]
    reason: String,
}

impl RangeForm {
    fn range(&self) -> Result<Range, RangeFaults> {
        Range::read(&self.code, &self.first, &self.last)
    }
}

#[derive(Template)]
#[template(path = "staff/money/quota.html")]
struct StockPage {
    page: Page,
    office: String,
    runs: Vec<RunRow>,
    wished: Vec<BillRow>,
    parcels: Vec<ParcelRow>,
    log: Vec<LogRow>,
    may_act: bool,
    worths: Vec<String>,
    /// `buy` or `void`: which form is faulty.
    which: &'static str,
    /// Field and text.
    faults: Vec<(&'static str, String)>,
    typed: RangeForm,
}

impl StockPage {
    fn error(&self, which: &str, field: &str) -> Option<&str> {
        let known = |(at, _): &&(&'static str, String)| *at == field;
        self.faults.iter().filter(|_| self.which == which).find(known).map(|(_, text)| text.as_str())
    }

    fn typed<'t>(&'t self, which: &str, text: &'t str) -> &'t str {
        if self.which == which { text } else { "" }
    }
}

async fn stock_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    office: &OfficeId,
    (which, faults, typed): (&'static str, Vec<(&'static str, String)>, RangeForm),
) -> Result<StockPage, Failure> {
    let now = staff.desk.clock.now();
    let stock = staff.desk.quota_stock(&signer.officer, office).await?;
    let page = staff.page(view, signer, view.t("quota-title"), "/money").await?;
    Ok(StockPage {
        page: Page { wide: true, ..returning_to(page, "/money/quota".to_owned()) },
        office: office.to_string(),
        runs: stock.runs.iter().map(run_row).collect(),
        wished: stock.wished.iter().map(|bill| bill_row(view, bill, bill.invoice_due, now)).collect(),
        parcels: stock
            .to_send
            .iter()
            .map(|(allotment, bill)| ParcelRow {
                href: format!("/money/bills/{}#quota", bill.number),
                bill: bill.number.to_string(),
                unit_name: bill.unit_name.clone(),
                papers: allotment.shown(),
                due: bill.invoice_due.map(|due| due.beijing_text()).unwrap_or_default(),
                overdue: bill.invoice_due.is_some_and(|due| due < now),
            })
            .collect(),
        log: stock.log.iter().map(|line| log_row(view, line)).collect(),
        may_act: may(signer, Right::Finance) && signer.officer.office == *office,
        worths: DENOMINATIONS.iter().rev().map(ToString::to_string).collect(),
        which,
        faults,
        typed,
    })
}

#[derive(Deserialize)]
pub(super) struct OfQuery {
    /// Of an auditor; otherwise the officer's own.
    office: Option<String>,
}

/// `GET /money/quota`.
pub(super) async fn get_stock(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<OfQuery>,
) -> Result<Response, Failure> {
    let office = match &query.office {
        None => signer.officer.office.clone(),
        Some(name) => OfficeId::new(name).ok_or(Kind::NotFound)?,
    };
    let nothing = ("", Vec::new(), RangeForm::default());
    Ok(Shown(stock_page(&staff, &view, &signer, &office, nothing).await?).into_response())
}

/// After an act on the stock: its page, or the page again with what is wrong.
async fn of_stock(
    (staff, view, signer): (&Staff, &View, &Signer),
    what: Result<(), OfficeError>,
    (which, word, form): (&'static str, &str, RangeForm),
) -> Result<Response, Failure> {
    match what {
        Ok(()) => Ok(see(&format!("/money/quota?done={word}"))),
        Err(error) => {
            let faults = vec![("last", at_the_form(view, error)?)];
            refused((staff, view, signer), which, faults, form).await
        }
    }
}

async fn refused(
    (staff, view, signer): (&Staff, &View, &Signer),
    which: &'static str,
    faults: Vec<(&'static str, String)>,
    form: RangeForm,
) -> Result<Response, Failure> {
    let page = stock_page(staff, view, signer, &signer.officer.office, (which, faults, form)).await?;
    Ok(Again(page).into_response())
}

fn texts(view: &View, faults: RangeFaults) -> Vec<(&'static str, String)> {
    faults.into_iter().map(|(field, word)| (field, view.t(&format!("quota-fault-{word}")))).collect()
}

/// `POST /money/quota/buy`: finance takes a run into stock.
pub(super) async fn post_buy(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    UrlForm(form): UrlForm<RangeForm>,
) -> Result<Response, Failure> {
    let context = (&staff, &view, &signer);
    let (range, worth) = (form.range(), worth(&form.worth));
    let mut faults = range.as_ref().err().map(|faults| texts(&view, faults.clone())).unwrap_or_default();
    if worth.is_none() {
        faults.push(("worth", view.t("quota-fault-worth")));
    }
    let (Ok(range), Some(worth)) = (range, worth) else { return refused(context, "buy", faults, form).await };
    let bought = staff.desk.buy_quota(&signer.officer, &Run { range, worth }).await;
    of_stock(context, bought, ("buy", "quota-bought", form)).await
}

/// `POST /money/quota/void`: finance makes papers of the stock void.
pub(super) async fn post_void(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    UrlForm(form): UrlForm<RangeForm>,
) -> Result<Response, Failure> {
    let context = (&staff, &view, &signer);
    let reason = form.reason.trim().to_owned();
    let range = form.range();
    let mut faults = range.as_ref().err().map(|faults| texts(&view, faults.clone())).unwrap_or_default();
    faults.extend(reason_fault(&view, &reason).map(|text| ("reason", text)));
    let (Ok(range), true) = (range, faults.is_empty()) else { return refused(context, "void", faults, form).await };
    let voided = staff.desk.void_quota(&signer.officer, &range, &reason).await;
    of_stock(context, voided, ("void", "quota-voided", form)).await
}
