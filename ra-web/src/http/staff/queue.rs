//! The work queue, and lists of applications.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form as UrlForm;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ca_core::domain::{CertificateStatus, Role, Timestamp};
use serde::Deserialize;

use super::Staff;
use super::application::number_of;
use super::matter_list::{MatterRow, matter_row};
use super::parts::{CaseRow, CertificateLine, OrderLine, Tag, case_row, certificate_line, may, order_line, state_tag};
use crate::enrolment::case::State as CaseState;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::enrolment::waiting::{CLAIM_SECONDS, duty};
use crate::http::answer::{Shown, see};
use crate::http::error::Failure;
use crate::page::{Page, View};
use crate::store::{CaseFilter, CaseLine, Issued};

/// A figure of the queue that leads to its list.
struct Tile {
    href: String,
    label: String,
    hint: String,
    count: i64,
    due: bool,
}

/// A case that waits, as the queue shows it.
struct Waiting {
    row: CaseRow,
    duty: String,
    due: String,
    overdue: bool,
    claimed: Option<String>,
    may_claim: bool,
    may_hand_back: bool,
}

/// A hold that runs out.
struct Held {
    line: CertificateLine,
    since: String,
    due: String,
    overdue: bool,
}

#[derive(Template)]
#[template(path = "staff/queue.html")]
struct QueuePage {
    page: Page,
    tiles: Vec<Tile>,
    orders: Vec<OrderLine>,
    /// What this officer may go on with.
    mine: Vec<Waiting>,
    /// What waits for others.
    others: Vec<Waiting>,
    held: Vec<Held>,
    matters: Vec<MatterRow>,
    may_take_in: bool,
    /// Has not seen the tour.
    new_here: bool,
}

/// `GET /`.
pub(super) async fn get_home(State(staff): State<Staff>, view: View, signer: Signer) -> Result<Response, Failure> {
    if let Some(page) = first_page(&signer) {
        return Ok(see(page));
    }
    let now = staff.desk.clock.now();
    let list = CaseFilter::Waiting(signer.officer.office.clone());
    let queue = staff.desk.queue(&signer.officer, Some(&list)).await?;
    let tile = |state: &str, count: i64, mine: bool| Tile {
        href: format!("/applications?state={state}"),
        label: view.t(&format!("queue-{}", state.replace('_', "-"))),
        hint: view.t(&format!("queue-{}-hint", state.replace('_', "-"))),
        count,
        due: mine && count > 0,
    };
    let (take_in, review, provision) =
        (may(&signer, Right::TakeIn), may(&signer, Right::Decide), may(&signer, Right::Provision));
    let tiles = vec![
        tile("submitted", queue.counts.count("submitted"), review),
        tile("awaiting_payment", queue.counts.count("awaiting_payment"), may(&signer, Right::TakeMoney)),
        tile("approved", queue.counts.count("approved") + queue.counts.count("issued"), provision),
        tile("returned", queue.counts.count("returned"), take_in),
        tile("draft", queue.counts.count("draft"), take_in),
    ];
    let orders = queue.orders.iter().map(|(order, unit)| order_line(&view, order, unit.clone())).collect();
    let (mut mine, mut others) = (Vec::new(), Vec::new());
    for line in &queue.cases {
        let waiting = waiting(&view, &signer, line, now);
        if waiting.may_claim || waiting.may_hand_back { mine.push(waiting) } else { others.push(waiting) }
    }
    let days = staff.desk.rules.hold_days;
    let held = queue.held.iter().map(|issued| held(&view, issued, days, now)).collect();
    let matters = queue.matters.iter().map(|matter| matter_row(&view, &signer, matter, days, now)).collect();
    let page = staff.page_with(&view, &signer, view.t("staff-rail-home"), "/", &queue.counts);
    let page = Page { wide: true, ..page };
    let new_here = super::tour::is_new(&staff, &signer).await?;
    Ok(Shown(QueuePage { page, tiles, orders, mine, others, held, matters, may_take_in: take_in, new_here })
        .into_response())
}

/// The first page of somebody without duties at the desk.
fn first_page(signer: &Signer) -> Option<&'static str> {
    if may(signer, Right::Read) {
        None
    } else if may(signer, Right::ReadMoney) {
        Some("/money")
    } else if may(signer, Right::SignRecovery) {
        Some("/recoveries")
    } else if may(signer, Right::Registry) {
        Some("/officers")
    } else {
        Some("/welcome")
    }
}

/// `GET /counts`: what waits, by the address of each line of the rail, for pages that stay open.
pub(super) async fn get_counts(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let page = staff.page(&view, &signer, String::new(), "").await?;
    let counts: BTreeMap<&str, i64> =
        page.rail.iter().filter_map(|item| item.count.map(|count| (item.href, count))).collect();
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(counts)))
}

#[derive(Template)]
#[template(path = "staff/welcome.html")]
struct WelcomePage {
    page: Page,
    new_here: bool,
}

/// `GET /welcome`: for those who have no page of their own at this console.
pub(super) async fn get_welcome(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let page = staff.page(&view, &signer, view.t("welcome-title"), "/welcome").await?;
    let new_here = super::tour::is_new(&staff, &signer).await?;
    Ok(Shown(WelcomePage { page, new_here }))
}

fn waiting(view: &View, signer: &Signer, line: &CaseLine, now: Timestamp) -> Waiting {
    let role = duty(&line.process, &line.state);
    let claimed = line.claimed.as_ref().filter(|(_, at)| now.since(*at) < CLAIM_SECONDS);
    let own = claimed.is_some_and(|(name, _)| *name == signer.officer.name);
    // Who took it in may not decide on it.
    let four_eyes = line.state == "submitted" && line.entry.id == signer.officer.id;
    Waiting {
        row: case_row(view, line),
        duty: role.map(|role| view.t(&format!("role-{}", role.word().replace('_', "-")))).unwrap_or_default(),
        due: line.due.map(|due| due.beijing_text()).unwrap_or_default(),
        overdue: line.due.is_some_and(|due| due < now),
        may_claim: claimed.is_none() && !four_eyes && role.is_some_and(|role| signer.officer.has_any(&[role])),
        may_hand_back: own || claimed.is_some() && signer.officer.has_any(&[Role::RaSupervisor]),
        claimed: claimed.map(|(name, _)| name.clone()),
    }
}

fn held(view: &View, issued: &Issued, days: u16, now: Timestamp) -> Held {
    let since = match issued.status {
        CertificateStatus::Held { since } => since,
        CertificateStatus::Good | CertificateStatus::Revoked { .. } => now,
    };
    let due = since.plus(i64::from(days) * 86_400);
    Held {
        line: certificate_line(view, issued, now),
        since: since.beijing_text(),
        due: due.beijing_text(),
        overdue: due < now,
    }
}

#[derive(Deserialize)]
pub(super) struct ClaimForm {
    #[serde(default)]
    back: String,
}

/// `POST /applications/{number}/claim`: takes the next step in hand.
pub(super) async fn post_claim(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ClaimForm>,
) -> Result<Response, Failure> {
    claim(&staff, &signer, &number, &form, true).await
}

/// `POST /applications/{number}/hand-back`: lets go of it.
pub(super) async fn post_hand_back(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ClaimForm>,
) -> Result<Response, Failure> {
    claim(&staff, &signer, &number, &form, false).await
}

async fn claim(
    staff: &Staff,
    signer: &Signer,
    number: &str,
    form: &ClaimForm,
    take: bool,
) -> Result<Response, Failure> {
    let number = number_of(number)?;
    staff.desk.claim(&signer.officer, &number, take).await?;
    let done = if take { "claimed" } else { "handed-back" };
    let back = if form.back == "queue" { "/".to_owned() } else { format!("/applications/{number}") };
    Ok(see(&format!("{back}?done={done}")))
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
}

/// A filter above the list.
struct Filter {
    href: String,
    tag: Tag,
    count: i64,
    current: bool,
}

#[derive(Template)]
#[template(path = "staff/applications.html")]
struct ListPage {
    page: Page,
    filters: Vec<Filter>,
    rows: Vec<CaseRow>,
    may_take_in: bool,
}

/// `GET /applications`, with `state` one of the states; `approved` shows those at the counter, issued ones too.
pub(super) async fn get_list(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<ListQuery>,
) -> Result<impl IntoResponse, Failure> {
    let state = query.state.and_then(|word| CaseState::WORDS.into_iter().find(|known| *known == word));
    let office = &signer.officer.office;
    let list = |state| Some(CaseFilter::Office(office.clone(), state));
    let mut queue = staff.desk.queue(&signer.officer, list(state).as_ref()).await?;
    if state == Some("approved") {
        queue.cases.extend(staff.desk.queue(&signer.officer, list(Some("issued")).as_ref()).await?.cases);
    }
    let filters = CaseState::WORDS
        .into_iter()
        .map(|word| Filter {
            href: format!("/applications?state={word}"),
            tag: state_tag(&view, word),
            count: queue.counts.count(word),
            current: state == Some(word),
        })
        .collect();
    let current = match state {
        Some("submitted") => "/applications?state=submitted",
        Some("approved") => "/applications?state=approved",
        _ => "/applications",
    };
    let page = staff.page_with(&view, &signer, view.t("staff-rail-applications"), current, &queue.counts);
    Ok(Shown(ListPage {
        page: Page { wide: true, ..page },
        filters,
        rows: queue.cases.iter().map(|line| case_row(&view, line)).collect(),
        may_take_in: may(&signer, Right::TakeIn),
    }))
}
