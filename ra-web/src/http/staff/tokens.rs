//! Tokens: the stock of an office, its lists, and one page for each token.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::OfficeId;
use serde::Deserialize;

use super::Staff;
use super::case::reason_fault;
use super::parts::{Line, Tag, line, may, returning_to};
use crate::enrolment::case::Who;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::enrolment::form::day;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::tokens::stock::{LineFaults, Stock, serials};
use crate::tokens::{Count, Holder, State as TokenState, Token, TokenNumber, Transfer};

/// A model's name has at most so many characters.
const MAX_MODEL: usize = 60;

/// A token as lists show it.
pub(super) struct TokenLine {
    pub(super) href: String,
    pub(super) serial: String,
    pub(super) model: String,
    pub(super) tag: Tag,
    pub(super) unit_name: String,
    pub(super) warranty: String,
    pub(super) updated: String,
}

/// The tag of a token's state.
pub(super) fn token_tag(view: &View, token: &Token) -> Tag {
    let (class, icon) = match token.state {
        TokenState::Blank => ("", "circle"),
        TokenState::Formatted => ("info", "circle-check"),
        TokenState::Bound { .. } => ("wait", "usb"),
        TokenState::InUse(_) => ("ok", "circle-check"),
        TokenState::Locked(_) => ("bad", "lock"),
        TokenState::ReportedLost(_) => ("bad", "triangle-alert"),
        TokenState::Faulty(_) => ("bad", "circle-x"),
        TokenState::Replaced(_) | TokenState::Retired(_) => ("", "ban"),
    };
    Tag { class, icon, text: view.t(&format!("token-{}", token.state.word().replace('_', "-"))) }
}

pub(super) fn token_line(view: &View, token: &Token) -> TokenLine {
    TokenLine {
        href: format!("/tokens/{}", token.serial),
        serial: token.serial.to_string(),
        model: token.model.clone(),
        tag: token_tag(view, token),
        unit_name: token.state.holder().map(|holder| holder.unit_name.clone()).unwrap_or_default(),
        warranty: token.warranty_until.to_string(),
        updated: token.updated.beijing_text(),
    }
}

/// A state with its count, above the list.
struct Filter {
    href: String,
    text: String,
    count: i64,
    current: bool,
}

/// A transfer as the stock's page shows it.
struct Move {
    href: String,
    id: String,
    from: String,
    to: String,
    arrived: String,
    open: bool,
    here: bool,
    sent: String,
    by: String,
}

fn transfer_line(transfer: &Transfer, own: &OfficeId) -> Move {
    Move {
        href: format!("/stock/transfers/{}", transfer.id),
        id: transfer.id.clone(),
        from: transfer.from.to_string(),
        to: transfer.to.to_string(),
        arrived: format!("{} / {}", transfer.arrived, transfer.n),
        open: transfer.is_open(),
        here: transfer.to == *own,
        sent: transfer.sent.1.beijing_text(),
        by: transfer.sent.0.name.clone(),
    }
}

#[derive(Template)]
#[template(path = "staff/stock.html")]
struct StockPage {
    page: Page,
    filters: Vec<Filter>,
    rows: Vec<TokenLine>,
    transfers: Vec<Move>,
    counted: Vec<(String, Count)>,
    may_keep: bool,
}

#[derive(Deserialize)]
pub(super) struct StockQuery {
    state: Option<String>,
}

/// `GET /stock`, with `state` one of the states.
pub(super) async fn get_stock(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<StockQuery>,
) -> Result<impl IntoResponse, Failure> {
    let state = query.state.and_then(|word| TokenState::WORDS.into_iter().find(|known| *known == word));
    let Stock { counts, tokens, transfers, counted } = staff.desk.stock(&signer.officer, state).await?;
    let filters = TokenState::WORDS
        .into_iter()
        .map(|word| Filter {
            href: format!("/stock?state={word}"),
            text: view.t(&format!("token-{}", word.replace('_', "-"))),
            count: counts.get(word).copied().unwrap_or(0),
            current: state == Some(word),
        })
        .collect();
    let page = staff.page(&view, &signer, view.t("staff-rail-stock"), "/stock").await?;
    Ok(Shown(StockPage {
        page: Page { wide: true, ..page },
        filters,
        rows: tokens.iter().map(|token| token_line(&view, token)).collect(),
        transfers: transfers.iter().map(|transfer| transfer_line(transfer, &signer.officer.office)).collect(),
        counted: counted.into_iter().map(|count| (count.at.beijing_text(), count)).collect(),
        may_keep: may(&signer, Right::KeepStock),
    }))
}

/// What is done with a list of serial numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Receive,
    Send,
    Count,
}

impl Doing {
    fn of(word: &str) -> Result<Self, Failure> {
        match word {
            "receive" => Ok(Self::Receive),
            "send" => Ok(Self::Send),
            "count" => Ok(Self::Count),
            _ => Err(Kind::NotFound.into()),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Send => "send",
            Self::Count => "count",
        }
    }
}

#[derive(Template)]
#[template(path = "staff/stock_list.html")]
struct ListPage {
    page: Page,
    doing: &'static str,
    typed: ListForm,
    /// Field and text.
    faults: Vec<(&'static str, String)>,
    offices: Vec<String>,
    today: String,
}

impl ListPage {
    fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|(at, _)| *at == field).map(|(_, text)| text.as_str())
    }
}

#[derive(Default, Deserialize)]
pub(super) struct ListForm {
    #[serde(default)]
    serials: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    purchased: String,
    #[serde(default)]
    to: String,
}

async fn list_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    doing: Doing,
    typed: ListForm,
    faults: Vec<(&'static str, String)>,
) -> Result<ListPage, Failure> {
    let mut offices = Vec::new();
    if doing == Doing::Send {
        let known = staff.desk.offices().await?;
        offices = known.iter().filter(|office| **office != signer.officer.office).map(ToString::to_string).collect();
    }
    let word = doing.word();
    let page = staff.page(view, signer, view.t(&format!("stock-{word}")), "/stock").await?;
    let page = returning_to(page, format!("/stock/{word}"));
    let today = staff.desk.clock.now().beijing_day().to_string();
    Ok(ListPage { page, doing: word, typed, faults, offices, today })
}

/// `GET /stock/{receive|send|count}`.
pub(super) async fn get_list(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(doing): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let doing = Doing::of(&doing)?;
    Ok(Shown(list_page(&staff, &view, &signer, doing, ListForm::default(), Vec::new()).await?))
}

fn line_faults(view: &View, faults: LineFaults) -> Vec<(&'static str, String)> {
    faults
        .into_iter()
        .take(50)
        .map(|(typed, fault)| {
            ("serials", view.locale.t_with(&format!("stock-fault-{}", fault.word()), &[("serial", &typed)]))
        })
        .collect()
}

/// `POST /stock/{receive|send|count}`: all of the list, or nothing and each faulty line by name.
pub(super) async fn post_list(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(doing): Path<String>,
    UrlForm(form): UrlForm<ListForm>,
) -> Result<Response, Failure> {
    let doing = Doing::of(&doing)?;
    let mut faults = Vec::new();
    let list = match serials(&form.serials) {
        Ok(list) if list.is_empty() && doing != Doing::Count => {
            faults.push(("serials", view.t("stock-fault-none")));
            list
        }
        Ok(list) => list,
        Err(found) => {
            faults.extend(line_faults(&view, found));
            Vec::new()
        }
    };
    let model = form.model.trim();
    let (bought, today) = (day(form.purchased.trim()), staff.desk.clock.now().beijing_day());
    let to = OfficeId::new(form.to.trim());
    if doing == Doing::Receive {
        if model.is_empty() || model.chars().count() > MAX_MODEL || model.chars().any(char::is_control) {
            faults.push(("model", view.locale.t_with("stock-fault-model", &[("n", &MAX_MODEL)])));
        }
        if bought.is_none_or(|day| day > today) {
            faults.push(("purchased", view.t("stock-fault-purchased")));
        }
    }
    if doing == Doing::Send && to.is_none() {
        faults.push(("to", view.t("stock-fault-office")));
    }
    if faults.is_empty() {
        let outcome = match (doing, bought, to) {
            (Doing::Receive, Some(bought), _) => {
                let by = Who::from(&signer.officer);
                let office = &signer.officer.office;
                let received = staff.desk.receive_stock(office, Some(&by), &list, model, bought).await?;
                received.map(|_| "/stock?state=blank&done=stock-received".to_owned())
            }
            (Doing::Send, _, Some(to)) => {
                let sent = staff.desk.send_stock(&signer.officer, &list, &to).await?;
                sent.map(|id| format!("/stock/transfers/{id}?done=stock-sent"))
            }
            (Doing::Count, ..) => {
                staff.desk.count_stock(&signer.officer, &list).await?;
                Ok("/stock?done=stock-counted".to_owned())
            }
            _ => return Err(Kind::Malformed.into()),
        };
        match outcome {
            Ok(to) => return Ok(see(&to)),
            Err(found) => faults.extend(line_faults(&view, found)),
        }
    }
    Ok(Again(list_page(&staff, &view, &signer, doing, form, faults).await?).into_response())
}

#[derive(Template)]
#[template(path = "staff/stock_transfer.html")]
struct TransferPage {
    page: Page,
    transfer: Move,
    received: Option<(String, String)>,
    waiting: Vec<TokenLine>,
    may_receive: bool,
}

/// `GET /stock/transfers/{id}`.
pub(super) async fn get_transfer(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let (transfer, waiting) = staff.desk.transfer(&signer.officer, &id).await?;
    let page = staff.page(&view, &signer, view.t("stock-transfer"), "/stock").await?;
    let here = transfer.to == signer.officer.office;
    Ok(Shown(TransferPage {
        page: Page { wide: true, ..page },
        received: transfer.received.as_ref().map(|(by, at)| (by.name.clone(), at.beijing_text())),
        transfer: transfer_line(&transfer, &signer.officer.office),
        waiting: waiting.iter().map(|token| token_line(&view, token)).collect(),
        may_receive: here && transfer.is_open() && may(&signer, Right::KeepStock),
    }))
}

/// `POST /stock/transfers/{id}`: the receiving office signs for the ticked ones.
pub(super) async fn post_transfer(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
    UrlForm(pairs): UrlForm<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let ticked = pairs.iter().filter(|(name, _)| name == "serial").map(|(_, value)| number_of(value));
    let ticked = ticked.collect::<Result<Vec<_>, _>>()?;
    staff.desk.receive_transfer(&signer.officer, &id, &ticked).await?;
    Ok(see(&format!("/stock/transfers/{id}?done=stock-arrived")))
}

#[derive(Template)]
#[template(path = "staff/token.html")]
struct TokenPage {
    page: Page,
    base: String,
    tag: Tag,
    token: Token,
    holder: Option<Holder>,
    case: Option<String>,
    covered: bool,
    pin_changed: Option<String>,
    counted: Option<String>,
    destroyed: Option<String>,
    lines: Vec<Line>,
    may_retire: bool,
    may_destroy: bool,
    fault: Option<String>,
    typed: String,
}

async fn token_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    serial: &str,
    fault: Option<String>,
    typed: String,
) -> Result<TokenPage, Failure> {
    let serial = number_of(serial)?;
    let (token, steps) = staff.desk.token(&signer.officer, &serial).await?;
    let keeps = may(signer, Right::KeepStock) && token.office == signer.officer.office;
    let page =
        staff.page(view, signer, view.locale.t_with("token-title", &[("serial", &serial.to_string())]), "/stock");
    let base = format!("/tokens/{serial}");
    let page = returning_to(page.await?, base.clone());
    Ok(TokenPage {
        page: Page { wide: true, ..page },
        base,
        tag: token_tag(view, &token),
        holder: token.state.holder().cloned(),
        case: match &token.state {
            TokenState::Bound { case } => Some(case.to_string()),
            _ => None,
        },
        covered: staff.desk.clock.now().beijing_day() <= token.warranty_until,
        pin_changed: token.pin_changed.map(|at| at.beijing_text()),
        counted: token.counted.map(|at| at.beijing_text()),
        destroyed: token.destroyed.map(|at| at.beijing_text()),
        lines: steps.iter().map(|step| line(view, step)).collect(),
        may_retire: keeps && TokenState::IN_STOCK.contains(&token.state.word()) && token.transfer.is_none(),
        may_destroy: keeps
            && token.destroyed.is_none()
            && matches!(token.state, TokenState::Replaced(_) | TokenState::Retired(_)),
        token,
        fault,
        typed,
    })
}

/// `GET /tokens/{serial}`.
pub(super) async fn get_token(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(serial): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(token_page(&staff, &view, &signer, &serial, None, String::new()).await?))
}

#[derive(Deserialize)]
pub(super) struct EndForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    how: String,
}

/// `POST /tokens/{serial}/end`: out of use (`how=retire`), or destroyed (`how=destroy`).
pub(super) async fn post_end(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(serial): Path<String>,
    UrlForm(form): UrlForm<EndForm>,
) -> Result<Response, Failure> {
    let reason = form.reason.trim();
    if let Some(fault) = reason_fault(&view, reason) {
        let page = token_page(&staff, &view, &signer, &serial, Some(fault), form.reason.clone()).await?;
        return Ok(Again(page).into_response());
    }
    let (number, destroyed) = (number_of(&serial)?, form.how == "destroy");
    staff.desk.end_token(&signer.officer, &number, reason, destroyed).await?;
    Ok(see(&format!("/tokens/{number}?done={}", if destroyed { "token-destroyed" } else { "token-retired" })))
}

/// A serial number in an address.
fn number_of(text: &str) -> Result<TokenNumber, Failure> {
    text.parse().map_err(|()| Kind::NotFound.into())
}
