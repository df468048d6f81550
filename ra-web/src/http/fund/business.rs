//! 业务办理: what can be done, and the form of each. A form makes a document, which is signed on its own page.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::FundAct;
use serde::Deserialize;

use super::operations::{OperationLine, line};
use super::plans::{self, Faults, Reader, Typed};
use super::query::Field;
use super::session::CurrentUnit;
use super::{Portal, lists, page_of};
use crate::fund::account::Unit;
use crate::fund::amounts::{Fen, Month};
use crate::fund::books::{PersonAccount, working};
use crate::fund::hall::HallError;
use crate::fund::rules::Rule;
use crate::fund::sheet::MOST_LINES;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

/// Operations on the page of all business.
const RECENT: i64 = 10;
/// In the order in which clerks need them.
const OFFERED: [FundAct; 8] = [
    FundAct::Remit,
    FundAct::Open,
    FundAct::Seal,
    FundAct::Unseal,
    FundAct::Rebase,
    FundAct::MakeUp,
    FundAct::ChangeUnit,
    FundAct::ChangePerson,
];

/// One kind of business.
struct Offer {
    word: String,
    href: String,
    label: String,
    hint: String,
    /// Why it is not offered now.
    why: Option<String>,
}

#[derive(Template)]
#[template(path = "portal/business.html")]
struct BusinessPage {
    page: Page,
    offers: Vec<Offer>,
    recent: Vec<OperationLine>,
    /// Serial and month of the remittance that waits for its money.
    waiting: Option<(String, String)>,
}

/// `GET /business`.
pub(super) async fn get_business(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
) -> Result<impl IntoResponse, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let recent = tx.operations(&unit.account, None, LAST, RECENT).await?;
    let waiting = tx.waiting(&unit.account).await?;
    tx.commit().await?;
    let ahead = unit.next_month() > Month::of(portal.clock.now().beijing_day());
    let why = |act| match act {
        _ if working(&unit).is_err() => Some(rule_text(&view, &Rule::UnitNotWorking)),
        FundAct::ChangeUnit | FundAct::ChangePerson => None,
        _ if waiting.is_some() => Some(view.t("fund-business-waits-why")),
        FundAct::Remit if ahead => Some(view.t("fund-form-ahead")),
        FundAct::Unseal if unit.sealed_heads == 0 => Some(view.t("fund-business-none-sealed")),
        FundAct::Seal | FundAct::Rebase if unit.active_heads == 0 => Some(view.t("fund-business-none-active")),
        _ => None,
    };
    let offers = OFFERED.map(|act| Offer {
        why: why(act),
        word: slug(act),
        href: format!("/business/{}", slug(act)),
        label: view.t(&format!("fund-act-{}", slug(act))),
        hint: view.t(&format!("fund-act-{}-hint", slug(act))),
    });
    Ok(Shown(BusinessPage {
        page: Page { wide: true, ..page_of(&view, &unit, "fund-business-title", "/business") },
        offers: offers.into(),
        recent: recent.iter().map(|operation| line(&view, operation)).collect(),
        waiting: waiting.map(|one| (one.serial, one.month.map(|month| month.to_string()).unwrap_or_default())),
    }))
}

/// Behind every serial number.
pub(super) const LAST: &str = "~";

/// An act in an address.
pub(super) fn slug(act: FundAct) -> String {
    act.word().replace('_', "-")
}

pub(super) fn act_of(slug: &str) -> Result<FundAct, Failure> {
    FundAct::from_word(&slug.replace('-', "_")).ok_or_else(|| Kind::NotFound.into())
}

/// A row of a list that cannot be.
pub(super) struct FaultyRow {
    pub(super) line: usize,
    pub(super) column: String,
    pub(super) what: String,
}

/// What a remittance would come to.
struct Preview {
    heads: usize,
    total: Fen,
    suspense: Fen,
    short: bool,
    ahead: bool,
}

#[derive(Template)]
#[template(path = "portal/form.html")]
pub(super) struct FormPage {
    page: Page,
    lead: String,
    action: String,
    fields: Vec<Field>,
    /// Field and message, for the summary.
    faults: Faults,
    lists: bool,
    /// How a list is paid, where it is: value, label, whether it is chosen.
    list_pay: Vec<(String, String, bool)>,
    template: String,
    list_action: String,
    most: usize,
    rows: Vec<FaultyRow>,
    file_fault: Option<String>,
    about: Vec<(String, String)>,
    preview: Option<Preview>,
    button: String,
}

/// What is shown again.
#[derive(Default)]
pub(super) struct Shortcomings {
    pub(super) faults: Faults,
    pub(super) rows: Vec<FaultyRow>,
    pub(super) file: Option<String>,
}

/// Whom a form is about.
#[derive(Default, Deserialize)]
pub(super) struct About {
    #[serde(default)]
    number: String,
    #[serde(default)]
    serial: String,
}

/// `GET /business/{act}`.
pub(super) async fn get_form(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Path(act): Path<String>,
    Query(about): Query<About>,
) -> Result<Response, Failure> {
    let act = act_of(&act)?;
    let typed = (!about.serial.is_empty()).then(|| Typed::from([("serial".to_owned(), about.serial)]));
    let page = form_page(&portal, &view, &unit, act, &about.number, typed.as_ref(), Shortcomings::default()).await?;
    Ok(Shown(page).into_response())
}

pub(super) async fn form_page(
    portal: &Portal,
    view: &View,
    unit: &Unit,
    act: FundAct,
    number: &str,
    typed: Option<&Typed>,
    short: Shortcomings,
) -> Result<FormPage, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let account = match number.trim().parse() {
        Ok(number) => tx.person_account(&unit.account, &number).await?,
        Err(_) => None,
    };
    let preview = if act == FundAct::Remit {
        let month = unit.next_month();
        let due = tx.due_accounts(&unit.account, month).await?;
        let total: Fen = due.iter().map(PersonAccount::monthly).sum();
        Some(Preview {
            heads: due.len(),
            total,
            suspense: unit.suspense,
            short: total > unit.suspense,
            ahead: month > Month::of(portal.clock.now().beijing_day()),
        })
    } else {
        None
    };
    tx.commit().await?;
    let key = format!("fund-act-{}", slug(act));
    let about = account.as_ref().map(|account| {
        vec![
            (view.t("fund-col-name"), account.person.name.clone()),
            (view.t("fund-col-id"), account.person.id_masked.clone()),
            (view.t("fund-col-status"), view.t(&format!("fund-status-{}", account.status.word()))),
            (view.t("fund-col-base"), account.base.to_string()),
        ]
    });
    Ok(FormPage {
        page: Page { title: view.t(&key), ..page_of(view, unit, "fund-business-title", "/business") },
        lead: view.t(&format!("{key}-hint")),
        action: format!("/business/{}", slug(act)),
        fields: plans::fields(view, act, unit, account.as_ref(), typed, &short.faults),
        faults: short.faults,
        lists: lists::taken_for(act),
        list_pay: lists::pay_of(view, act, typed),
        template: format!("/business/{}/template.xlsx", slug(act)),
        list_action: format!("/business/{}/list", slug(act)),
        most: MOST_LINES,
        rows: short.rows,
        file_fault: short.file,
        about: about.unwrap_or_default(),
        preview,
        button: view.t("fund-form-next"),
    })
}

/// `POST /business/{act}`: makes the document, or says why not.
pub(super) async fn post_form(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Path(act): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let act = act_of(&act)?;
    let mut reader = Reader::new(&view, &typed);
    let plan = plans::plan(&mut reader, act);
    let mut faults = reader.faults;
    if let Some(plan) = plan.filter(|_| faults.is_empty()) {
        match portal.hall.draft(&unit.account, &plan, portal.clock.now()).await {
            Ok(serial) => return Ok(see(&format!("/operations/{serial}"))),
            Err(HallError::Rule(rule)) => faults.push((plans::place(act, &rule), rule_text(&view, &rule))),
            Err(HallError::Lines(lines)) => {
                faults.extend(lines.iter().map(|(_, rule)| (plans::place(act, rule), rule_text(&view, rule))));
                faults.dedup();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let number = typed.get("number").cloned().unwrap_or_default();
    let short = Shortcomings { faults, ..Shortcomings::default() };
    Ok(Again(form_page(&portal, &view, &unit, act, &number, Some(&typed), short).await?).into_response())
}

/// A rule in words.
pub(super) fn rule_text(view: &View, rule: &Rule) -> String {
    let [a, b] = rule.variables();
    view.locale.t_with(&format!("fund-rule-{}", rule.word()), &[("a", &a), ("b", &b)])
}
