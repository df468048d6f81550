//! One officer: what the registry says, their tokens, and the forms of what administrators may order about them.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{CertificateStatus, Ground, OfficeId, Officer, OfficerId, RevocationReason, Role, duties};
use serde::Deserialize;

use super::Staff;
use super::officers::{Waiting, certificate_tag, duties as duties_text, order_row, role_text};
use super::parts::{Tag, may, returning_to};
use crate::enrolment::case::Who;
use crate::enrolment::certificate_order::{Wish as StatusWish, allowed};
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::officers::{Particulars, Wish};
use crate::page::{Page, View};

/// The most years of an officer's certificate.
const MAX_YEARS: u8 = 3;
/// The longest name, of a person or an office, in characters.
const MAX_NAME: usize = 64;

/// A certificate of an officer.
struct Line {
    serial: String,
    issuer: String,
    tag: Tag,
    until: String,
    duties: String,
}

/// A reason or a duty to choose.
struct Choice {
    word: &'static str,
    text: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "staff/officer.html")]
struct OfficerPage {
    page: Page,
    base: String,
    officer: Officer,
    duties: String,
    current: Line,
    earlier: Vec<Line>,
    orders: Vec<Waiting>,
    grounds: Vec<&'static str>,
    may_order: bool,
    may_hold: bool,
    may_release: bool,
    may_revoke: bool,
    reasons: Vec<Choice>,
    fault: Option<String>,
}

/// `GET /officers/{officer}`.
pub(super) async fn get_officer(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(officer_page(&staff, &view, &signer, &id_of(&id)?, None).await?))
}

async fn officer_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    id: &OfficerId,
    fault: Option<String>,
) -> Result<OfficerPage, Failure> {
    let now = staff.desk.clock.now();
    let standing = staff.desk.standing(&signer.officer, id).await?;
    let line = |known: &ca_core::service::protocol::OfficerView| Line {
        serial: known.serial.to_string(),
        issuer: known.issuer.to_string(),
        tag: certificate_tag(view, known, now),
        until: known.not_after.beijing_day().to_string(),
        duties: duties_text(view, &known.officer.roles),
    };
    let known = &standing.view;
    let orders = staff.desk.officer_orders(Some(id)).await?;
    let waits = orders.iter().any(|order| order.state.waits() && !order.signatures.is_empty());
    let may_order = may(signer, Right::Officers);
    let free = |wish| may_order && allowed(wish, known.status);
    let over = known.not_after < now;
    let grounds = match known.status {
        _ if !may_order || waits => Vec::new(),
        CertificateStatus::Revoked { .. } => Vec::new(),
        _ if over => vec![Ground::Renewal.word()],
        CertificateStatus::Held { .. } => vec![Ground::Loss.word(), Ground::Exchange.word(), Ground::Change.word()],
        CertificateStatus::Good => Ground::ALL.map(Ground::word).to_vec(),
    };
    let reasons = RevocationReason::ALL.into_iter().map(|reason| Choice {
        word: reason.word(),
        text: view.t(&format!("login-reason-{}", reason.word().replace('_', "-"))),
        chosen: false,
    });
    let page = staff.page(view, signer, known.officer.name.clone(), "/officers").await?;
    let base = format!("/officers/{id}");
    Ok(OfficerPage {
        page: Page { wide: true, ..returning_to(page, base.clone()) },
        base,
        officer: known.officer.clone(),
        duties: duties_text(view, &known.officer.roles),
        current: line(known),
        earlier: standing.earlier.iter().map(line).collect(),
        orders: orders.iter().filter(|order| !order.signatures.is_empty()).map(|o| order_row(view, o)).collect(),
        grounds,
        may_order,
        may_hold: free(StatusWish::Hold) && !over,
        may_release: free(StatusWish::Release) && !waits,
        may_revoke: free(StatusWish::Revoke(RevocationReason::Unspecified, None)) && !waits,
        reasons: reasons.collect(),
        fault,
    })
}

/// What was typed about an officer.
#[derive(Clone, Debug, Default)]
struct Typed {
    id: String,
    name: String,
    office: String,
    organisation: String,
    office_name: String,
    years: String,
    roles: Vec<Role>,
}

impl Typed {
    fn of(pairs: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in pairs {
            let value = value.trim().to_owned();
            match name.as_str() {
                "id" => typed.id = value,
                "name" => typed.name = value,
                "office" => typed.office = value,
                "organisation" => typed.organisation = value,
                "office_name" => typed.office_name = value,
                "years" => typed.years = value,
                "role" => typed.roles.extend(Role::from_word(&value)),
                _ => {}
            }
        }
        typed.roles.sort_unstable();
        typed.roles.dedup();
        typed
    }

    fn from(particulars: Particulars) -> Self {
        let Particulars { officer, organisation, office_name } = particulars;
        Self {
            id: officer.id.to_string(),
            name: officer.name,
            office: officer.office.to_string(),
            organisation,
            office_name,
            years: "2".into(),
            roles: officer.roles,
        }
    }

    /// The particulars, or every field that is wrong.
    fn particulars(&self, view: &View) -> Result<Particulars, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |field: &'static str, text: String| faults.push(Fault { field, text });
        let id = OfficerId::new(&self.id).filter(|id| !matches!(id.as_str(), "new" | Who::UNIT));
        if id.is_none() {
            fault("id", view.t("officer-fault-id"));
        }
        let office = OfficeId::new(&self.office);
        if office.is_none() {
            fault("office", view.t("officer-fault-office"));
        }
        for (field, text) in
            [("name", &self.name), ("organisation", &self.organisation), ("office_name", &self.office_name)]
        {
            if text.is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
                fault(field, view.t("officer-fault-name"));
            }
        }
        if self.roles.is_empty() {
            fault("roles", view.t("officer-fault-roles"));
        } else if let Some((one, other)) = duties::conflict(&self.roles) {
            let (one, other) = (role_text(view, one), role_text(view, other));
            fault("roles", view.locale.t_with("officer-fault-conflict", &[("one", &one), ("other", &other)]));
        }
        match (id, office) {
            (Some(id), Some(office)) if faults.is_empty() => Ok(Particulars {
                officer: Officer { id, name: self.name.clone(), office, roles: self.roles.clone() },
                organisation: self.organisation.clone(),
                office_name: self.office_name.clone(),
            }),
            _ => Err(faults),
        }
    }

    fn years(&self, view: &View) -> Result<u8, Fault> {
        let years = self.years.parse().ok().filter(|years| (1..=MAX_YEARS).contains(years));
        years.ok_or_else(|| Fault { field: "years", text: view.t("officer-fault-years") })
    }
}

/// One fault, for the summary and for its field.
struct Fault {
    field: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "staff/officer_form.html")]
struct FormPage {
    page: Page,
    action: String,
    back: String,
    typed: Typed,
    faults: Vec<Fault>,
    roles: Vec<Choice>,
    /// `enter`, or the word of a ground.
    kind: &'static str,
}

impl FormPage {
    fn error(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == name).map(|fault| fault.text.as_str())
    }

    fn value(&self, name: &str) -> &str {
        match name {
            "id" => &self.typed.id,
            "name" => &self.typed.name,
            "office" => &self.typed.office,
            "organisation" => &self.typed.organisation,
            _ => &self.typed.office_name,
        }
    }

    fn described(&self, name: &str) -> String {
        if self.error(name).is_some() { format!("{name}-hint {name}-error") } else { format!("{name}-hint") }
    }

    /// The fields that can be typed: all for a new officer, all but the id for a change, none otherwise.
    fn fields(&self) -> &'static [&'static str] {
        match self.kind {
            "enter" => &["id", "name", "office", "office_name", "organisation"],
            "change" => &["name", "office", "office_name", "organisation"],
            _ => &[],
        }
    }

    fn asks_for_years(&self) -> bool {
        matches!(self.kind, "enter" | "renewal")
    }

    fn chosen_duties(&self) -> String {
        duties_text(&self.page.view, &self.typed.roles)
    }
}

async fn form_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    kind: &'static str,
    typed: Typed,
    faults: Vec<Fault>,
) -> Result<FormPage, Failure> {
    let roles = Role::PERSONS.iter().map(|role| Choice {
        word: role.word(),
        text: role_text(view, *role),
        chosen: typed.roles.contains(role),
    });
    let roles = roles.collect();
    let page = staff.page(view, signer, view.t(&format!("officer-act-{kind}")), "/officers").await?;
    let (action, back) = match kind {
        "enter" => ("/officers/new".to_owned(), "/officers".to_owned()),
        ground => (format!("/officers/{}/replace?ground={ground}", typed.id), format!("/officers/{}", typed.id)),
    };
    Ok(FormPage { page: returning_to(page, action.clone()), action, back, typed, faults, roles, kind })
}

/// `GET /officers/new`.
pub(super) async fn get_new(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    // A colleague most often comes to the same office.
    let own = staff.desk.particulars(&staff.desk.myself(&signer).await?).await?;
    let typed = Typed { id: String::new(), name: String::new(), roles: Vec::new(), ..Typed::from(own) };
    Ok(Shown(form_page(&staff, &view, &signer, "enter", typed, Vec::new()).await?))
}

/// `POST /officers/new`.
pub(super) async fn post_new(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    UrlForm(pairs): UrlForm<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let typed = Typed::of(pairs);
    let faults = match (typed.particulars(&view), typed.years(&view)) {
        (Ok(particulars), Ok(years)) => {
            let id = particulars.officer.id.clone();
            let known = staff.desk.register().await?.into_iter().any(|view| view.officer.id == id);
            if !known {
                let order = staff.desk.order_officer(&signer, &id, Wish::Enter(particulars, years)).await?;
                return Ok(see(&format!("/officer-orders/{order}")));
            }
            vec![Fault { field: "id", text: view.t("officer-fault-known") }]
        }
        (particulars, years) => {
            let mut faults = particulars.err().unwrap_or_default();
            faults.extend(years.err());
            faults
        }
    };
    Ok(Again(form_page(&staff, &view, &signer, "enter", typed, faults).await?).into_response())
}

#[derive(Deserialize)]
pub(super) struct Why {
    #[serde(default)]
    ground: String,
}

fn ground_of(word: &str) -> Result<Ground, Failure> {
    Ground::ALL.into_iter().find(|ground| ground.word() == word).ok_or_else(|| Kind::Malformed.into())
}

/// `GET /officers/{officer}/replace?ground=`.
pub(super) async fn get_replace(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
    Query(why): Query<Why>,
) -> Result<impl IntoResponse, Failure> {
    let ground = ground_of(&why.ground)?;
    let known = staff.desk.standing(&signer.officer, &id_of(&id)?).await?.view;
    let typed = Typed::from(staff.desk.particulars(&known).await?);
    Ok(Shown(form_page(&staff, &view, &signer, ground.word(), typed, Vec::new()).await?))
}

/// `POST /officers/{officer}/replace?ground=`. What cannot be changed on a ground is taken from the registry, whatever
/// was sent.
pub(super) async fn post_replace(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
    Query(why): Query<Why>,
    UrlForm(pairs): UrlForm<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let (ground, id) = (ground_of(&why.ground)?, id_of(&id)?);
    let known = staff.desk.standing(&signer.officer, &id).await?.view;
    let sent = Typed::of(pairs);
    let kept = Typed::from(staff.desk.particulars(&known).await?);
    let typed =
        if ground == Ground::Change { Typed { id: kept.id, ..sent } } else { Typed { years: sent.years, ..kept } };
    let years = if ground.keeps_the_term() { Ok(0) } else { typed.years(&view) };
    let faults = match (typed.particulars(&view), years) {
        (Ok(particulars), Ok(years)) => {
            let order = staff.desk.order_officer(&signer, &id, Wish::Replace(particulars, ground, years)).await?;
            return Ok(see(&format!("/officer-orders/{order}")));
        }
        (particulars, years) => {
            let mut faults = particulars.err().unwrap_or_default();
            faults.extend(years.err());
            faults
        }
    };
    Ok(Again(form_page(&staff, &view, &signer, ground.word(), typed, faults).await?).into_response())
}

/// `POST /officers/{officer}/hold`: an order that one administrator signs.
pub(super) async fn post_hold(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    order(&staff, &signer, &id, Wish::Hold).await
}

/// `POST /officers/{officer}/release`: an order that two administrators sign.
pub(super) async fn post_release(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    order(&staff, &signer, &id, Wish::Release).await
}

#[derive(Deserialize)]
pub(super) struct RevokeForm {
    #[serde(default)]
    reason: String,
}

/// `POST /officers/{officer}/revoke`: an order that two administrators sign.
pub(super) async fn post_revoke(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
    UrlForm(form): UrlForm<RevokeForm>,
) -> Result<Response, Failure> {
    match RevocationReason::ALL.into_iter().find(|reason| reason.word() == form.reason) {
        Some(reason) => order(&staff, &signer, &id, Wish::Revoke(reason)).await,
        None => {
            let fault = Some(view.t("revoke-reason-missing"));
            Ok(Again(officer_page(&staff, &view, &signer, &id_of(&id)?, fault).await?).into_response())
        }
    }
}

async fn order(staff: &Staff, signer: &Signer, id: &str, wish: Wish) -> Result<Response, Failure> {
    let order = staff.desk.order_officer(signer, &id_of(id)?, wish).await?;
    Ok(see(&format!("/officer-orders/{order}")))
}

fn id_of(text: &str) -> Result<OfficerId, Failure> {
    OfficerId::new(text).ok_or_else(|| Kind::NotFound.into())
}
