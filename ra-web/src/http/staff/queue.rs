//! The work queue, and lists of applications.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::Staff;
use super::parts::{CaseRow, OrderLine, Tag, case_row, may, order_line, state_tag};
use crate::enrolment::case::State as CaseState;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::page::{Page, View};

/// A figure of the queue that leads to its list.
struct Tile {
    href: String,
    label: String,
    hint: String,
    count: i64,
    due: bool,
}

#[derive(Template)]
#[template(path = "staff/queue.html")]
struct QueuePage {
    page: Page,
    tiles: Vec<Tile>,
    orders: Vec<OrderLine>,
    rows: Vec<CaseRow>,
    may_take_in: bool,
}

/// `GET /`.
pub(super) async fn get_home(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let queue = staff.desk.queue(&signer.officer, None).await?;
    let tile = |state: &str, count: i64, mine: bool| Tile {
        href: format!("/applications?state={state}"),
        label: view.t(&format!("queue-{state}")),
        hint: view.t(&format!("queue-{state}-hint")),
        count,
        due: mine && count > 0,
    };
    let (take_in, review, provision) =
        (may(&signer, Right::TakeIn), may(&signer, Right::Decide), may(&signer, Right::Provision));
    let tiles = vec![
        tile("submitted", queue.count("submitted"), review),
        tile("approved", queue.count("approved") + queue.count("issued"), provision),
        tile("returned", queue.count("returned"), take_in),
        tile("draft", queue.count("draft"), take_in),
    ];
    let orders = queue.orders.iter().map(|(order, unit)| order_line(&view, order, unit.clone())).collect();
    let rows = queue.cases.iter().filter(|line| line.state != "delivered").take(12);
    let rows = rows.map(|line| case_row(&view, line)).collect();
    let page = staff.page_with(&view, &signer, view.t("staff-rail-home"), "/", &queue);
    Ok(Shown(QueuePage { page: Page { wide: true, ..page }, tiles, orders, rows, may_take_in: take_in }))
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
    let mut queue = staff.desk.queue(&signer.officer, state).await?;
    if state == Some("approved") {
        queue.cases.extend(staff.desk.queue(&signer.officer, Some("issued")).await?.cases);
    }
    let filters = CaseState::WORDS
        .into_iter()
        .map(|word| Filter {
            href: format!("/applications?state={word}"),
            tag: state_tag(&view, word),
            count: queue.count(word),
            current: state == Some(word),
        })
        .collect();
    let current = match state {
        Some("submitted") => "/applications?state=submitted",
        Some("approved") => "/applications?state=approved",
        _ => "/applications",
    };
    let page = staff.page_with(&view, &signer, view.t("staff-rail-applications"), current, &queue);
    Ok(Shown(ListPage {
        page: Page { wide: true, ..page },
        filters,
        rows: queue.cases.iter().map(|line| case_row(&view, line)).collect(),
        may_take_in: may(&signer, Right::TakeIn),
    }))
}
