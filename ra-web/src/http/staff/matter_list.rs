//! Matters as lists show them.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;
use ca_core::domain::{Role, Timestamp};

use super::Staff;
use super::parts::{Tag, may};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::Shown;
use crate::http::error::Failure;
use crate::matters::store::MatterFilter;
use crate::matters::{Kind, Matter, State as Stand};
use crate::page::{Page, View};

/// A matter as lists show it.
pub(super) struct MatterRow {
    pub(super) href: String,
    pub(super) number: String,
    pub(super) kind: String,
    pub(super) unit_name: String,
    pub(super) tag: Tag,
    pub(super) duty: String,
    pub(super) due: String,
    pub(super) overdue: bool,
    /// Who has it in hand.
    pub(super) claimed: Option<String>,
    pub(super) may_claim: bool,
    /// Takes it from a colleague.
    pub(super) may_take_over: bool,
    pub(super) may_hand_back: bool,
}

/// The tag of a matter's state.
pub(super) fn matter_tag(view: &View, matter: &Matter) -> Tag {
    let (class, icon) = match matter.state {
        Stand::Draft => ("", "pen-line"),
        Stand::Requested => ("wait", "clock"),
        Stand::Approved => ("info", "stamp"),
        Stand::Done | Stand::Published => ("info", "circle-check"),
        Stand::Closed => ("ok", "circle-check"),
        Stand::Dropped => ("bad", "ban"),
    };
    let key = format!("matter-{}-{}", matter.kind.word(), matter.state.word());
    Tag { class, icon, text: view.t(&key) }
}

/// Where a matter has its page.
pub(super) fn page_of(matter: &Matter) -> String {
    let list = if matter.kind == Kind::Recovery { "recoveries" } else { "matters" };
    format!("/{list}/{}", matter.number)
}

pub(super) fn matter_row(view: &View, signer: &Signer, matter: &Matter, hold_days: u16, now: Timestamp) -> MatterRow {
    let (due, officer) = (matter.due(hold_days), &signer.officer);
    let claim = matter.claimed(now);
    let own = claim.is_some_and(|claim| claim.by.id == officer.id);
    let takeable = !own && may(signer, Right::Claim) && matter.takeable_by(officer, now).is_ok();
    let supervisor = matter.mine(officer).is_ok() && officer.has_any(&[Role::RaSupervisor]);
    MatterRow {
        claimed: claim.map(|claim| claim.by.name.clone()),
        may_claim: takeable && claim.is_none(),
        may_take_over: takeable && claim.is_some(),
        may_hand_back: own || claim.is_some() && supervisor,
        href: page_of(matter),
        number: matter.number.to_string(),
        kind: view.t(&format!("matter-{}", matter.kind.word())),
        unit_name: matter.about.unit_name.clone(),
        tag: matter_tag(view, matter),
        duty: matter.awaits().map(|r| view.t(&format!("role-{}", r.word().replace('_', "-")))).unwrap_or_default(),
        due: due.map(|due| due.beijing_text()).unwrap_or_default(),
        overdue: due.is_some_and(|due| due < now),
    }
}

#[derive(Template)]
#[template(path = "staff/matters.html")]
struct ListPage {
    page: Page,
    rows: Vec<MatterRow>,
}

/// `GET /matters`: those of the office, the last moved first.
pub(super) async fn get_matters(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let now = staff.desk.clock.now();
    let mut tx = staff.desk.store.read().await?;
    let found = tx.matters(&MatterFilter::Office(signer.officer.office.clone()), 200).await?;
    drop(tx);
    let days = staff.desk.rules.hold_days;
    let page = staff.page(&view, &signer, view.t("staff-rail-matters"), "/matters").await?;
    let rows = found.iter().map(|matter| matter_row(&view, &signer, matter, days, now)).collect();
    Ok(Shown(ListPage { page: Page { wide: true, ..page }, rows }))
}
