//! Matters about a certificate: unblocking, loss, release, revocation; each on one page, from the request to its end.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::Timestamp;

use super::Staff;
use super::document::PictureQuery;
use super::evidence::ALONE;
use super::matter_list::{MatterRow, matter_row, matter_tag};
use super::parts::{Line, Seat, Sheet, Tag, ToSign, line, may, returning_to, seats};
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::evidence::preview::Size;
use crate::http::answer::{Shown, see};
use crate::http::error::{Failure, Kind as Fault};
use crate::matters::store::MatterPaper;
use crate::matters::{Kind, Matter, MatterNumber, State as Stand};
use crate::page::{Page, View};
use crate::store::OrderState;

pub(super) fn paper_sheet(view: &View, number: &MatterNumber, paper: &MatterPaper) -> Sheet {
    let kib = (paper.bytes + 1023) / 1024;
    let list = if number.kind() == Kind::Recovery { "recoveries" } else { "matters" };
    let href = format!("/{list}/{number}/documents/{}", paper.kind.word());
    Sheet {
        kind: paper.kind.word(),
        title: view.t(&format!("matter-paper-{}", paper.kind.word().replace('_', "-"))),
        preview: format!("{href}?size=small"),
        href,
        name: paper.name.clone(),
        size: if kib < 1024 { format!("{kib} KB") } else { format!("{:.1} MB", kib as f64 / 1024.0) },
        pages: 0,
        sha256: paper.sha256.to_string(),
    }
}

#[derive(Template)]
#[template(path = "staff/matter.html")]
pub(super) struct MatterPage {
    page: Page,
    number: String,
    kind: &'static str,
    state: &'static str,
    tag: Tag,
    unit_name: String,
    uscc: String,
    certificate: String,
    serial: String,
    token: Option<String>,
    rows: Vec<Fact>,
    reason: Option<String>,
    due: String,
    overdue: bool,
    sheets: Vec<Sheet>,
    seats: Vec<Seat>,
    lines: Vec<Line>,
    sign: Option<ToSign>,
    /// Where an order on the certificate is signed.
    order: Option<String>,
    why_not: Option<String>,
    may_edit: bool,
    may_drop: bool,
    may_grant: bool,
    grant: Option<String>,
    /// Paper of the case that tells the unit.
    notice: Option<String>,
    may_tell: bool,
    /// Whether this officer may find a change of the handler good, or send it back.
    may_confirm: bool,
    claim: MatterRow,
    fault: Option<(String, &'static str)>,
    typed: String,
}

impl MatterPage {
    fn sign_to(&self) -> String {
        format!("/matters/{}/sign", self.number)
    }

    fn about(&self, field: &str) -> bool {
        self.fault.as_ref().is_some_and(|(_, at)| *at == field)
    }

    fn fault_text(&self) -> &str {
        self.fault.as_ref().map_or("", |(text, _)| text)
    }
}

/// What is known of a matter, as a line of its page.
pub(super) struct Fact {
    pub(super) label: String,
    pub(super) value: String,
    /// By a person, in Chinese.
    pub(super) typed: bool,
}

pub(super) fn facts_rows(view: &View, matter: &Matter) -> Vec<Fact> {
    let mut rows = Vec::new();
    for (name, value) in matter.facts.fields() {
        if value.is_empty() {
            continue;
        }
        let label = view.t(&format!("matter-field-{}", name.replace('_', "-")));
        let (value, typed) = match name {
            "ground" => (view.t(&format!("ground-{value}")), false),
            "way" => (view.t(&format!("way-{value}")), false),
            _ => (value.to_owned(), true),
        };
        rows.push(Fact { label, value, typed });
    }
    let facts = &matter.facts;
    for (label, value) in
        [("matter-field-handler-id", &facts.handler_id_masked), ("handler-before", &facts.handler_before)]
    {
        if !value.is_empty() {
            rows.push(Fact { label: view.t(label), value: value.clone(), typed: true });
        }
    }
    let mut tell = |label: &str, value: String| rows.push(Fact { label: view.t(label), value, typed: false });
    let at = |seconds: i64| Timestamp::from_unix(seconds).beijing_text();
    if let Some(ground) = facts.ground().filter(|_| matter.kind == Kind::Revocation) {
        let key = format!("login-reason-{}", ground.reason().word().replace('_', "-"));
        tell("revoke-reason", view.t(&key));
    }
    if facts.failures > 0 {
        tell("matter-failures", facts.failures.to_string());
    }
    if let (Some(number), Some(made)) = (&facts.crl_number, facts.crl_at) {
        tell("matter-crl", format!("{number} · {}", at(made)));
    }
    if let Some(seen) = facts.ocsp_at {
        tell("matter-ocsp", at(seen));
    }
    rows
}

pub(super) async fn matter_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &MatterNumber,
    grant: Option<String>,
    fault: Option<(String, &'static str)>,
    typed: String,
) -> Result<MatterPage, Failure> {
    let mut shown = staff.desk.matter(&signer.officer, number).await?;
    if staff.desk.learn_publication(&shown.matter).await? {
        shown = staff.desk.matter(&signer.officer, number).await?;
    }
    let matter = shown.matter;
    let (officer, now) = (&signer.officer, staff.desk.clock.now());
    let mine = matter.mine(officer).is_ok();
    let row = matter_row(view, signer, &matter, staff.desk.rules.hold_days, now);
    let desk = mine && may(signer, Right::Request);
    let (mut sign, mut why_not, mut order) = (None, None, None);
    if let (Some(statement), Kind::Unlock) = (&matter.statement, matter.kind) {
        let seat = match matter.state {
            Stand::Draft => desk,
            Stand::Requested => mine && may(signer, Right::Decide) && matter.entry.id != officer.id,
            _ => false,
        };
        if seat {
            sign = Some(ToSign {
                statement: URL_SAFE_NO_PAD.encode(statement),
                text: String::from_utf8_lossy(statement).into_owned(),
            });
        } else if matter.state == Stand::Requested && matter.entry.id == officer.id {
            why_not = Some(view.t("order-why-same"));
        }
    }
    if let Some(found) =
        shown.order.as_ref().filter(|order| matches!(order.state, OrderState::Open | OrderState::Signed))
    {
        order = Some(format!("/orders/{}", found.order.id));
    }
    if matter.kind == Kind::Handler && matter.state == Stand::Requested && matter.entry.id == officer.id {
        why_not = Some(view.t("handler-why-same"));
    }
    let seats = match &shown.order {
        Some(order) => seats(view, order),
        None if matter.kind == Kind::Unlock => (0..2)
            .map(|n| {
                let signature = shown.signatures.get(n);
                Seat {
                    duty: view.t(&format!("seat-revoke-{}", n + 1)),
                    who: signature.map(|signature| signature.by.name.clone()),
                    when: signature.map(|signature| signature.at.beijing_text()).unwrap_or_default(),
                }
            })
            .collect(),
        None => Vec::new(),
    };
    let open = matches!(matter.state, Stand::Draft | Stand::Requested | Stand::Approved);
    let page = staff.page(view, signer, view.t(&format!("matter-{}", matter.kind.word())), "/matters").await?;
    let notice = matches!(matter.state, Stand::Published | Stand::Closed) && matter.kind == Kind::Revocation;
    Ok(MatterPage {
        page: Page { wide: true, ..returning_to(page, format!("/matters/{number}")) },
        number: number.to_string(),
        kind: matter.kind.word(),
        state: matter.state.word(),
        tag: matter_tag(view, &matter),
        unit_name: matter.about.unit_name.clone(),
        uscc: matter.about.uscc.clone(),
        certificate: format!("/certificates/{}/{}", matter.about.issuer, matter.about.serial),
        serial: matter.about.serial.to_string(),
        token: matter.about.token.as_ref().map(ToString::to_string),
        rows: facts_rows(view, &matter),
        reason: matter.reason.as_deref().map(|why| reason_words(view, why)),
        due: row.due.clone(),
        overdue: row.overdue,
        claim: row,
        sheets: shown.papers.iter().map(|paper| paper_sheet(view, number, paper)).collect(),
        seats,
        lines: shown.steps.iter().map(|step| line(view, step)).collect(),
        sign,
        order,
        why_not,
        may_edit: desk && matter.state == Stand::Draft,
        may_drop: desk && open && matter.kind != Kind::Loss,
        may_grant: desk && matter.kind == Kind::Unlock && matter.state == Stand::Approved,
        grant,
        notice: notice.then(|| format!("/applications/{}/papers/revocation", shown.issued.case)),
        may_confirm: mine
            && may(signer, Right::Decide)
            && matter.kind == Kind::Handler
            && matter.state == Stand::Requested
            && matter.entry.id != officer.id,
        may_tell: desk && matter.state == Stand::Published,
        fault,
        typed,
    })
}

/// Why a matter came back: in an officer's words, or the authority's code as a message.
pub(super) fn reason_words(view: &View, why: &str) -> String {
    let code = why.starts_with("ca-") && why.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if code { view.t(why) } else { why.to_owned() }
}

/// `GET /matters/{number}`.
pub(super) async fn get_matter(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if number.kind() == Kind::Recovery {
        return Ok(see(&format!("/recoveries/{number}")));
    }
    Ok(Shown(matter_page(&staff, &view, &signer, &number, None, None, String::new()).await?).into_response())
}

/// `GET /matters/{number}/documents/{kind}?size=small`: the paper itself, alone in its own origin-less sandbox, or its first
/// page, small.
pub(super) async fn get_document(
    State(staff): State<Staff>,
    signer: Signer,
    Path((number, kind)): Path<(String, String)>,
    Query(query): Query<PictureQuery>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let (paper, bytes) = staff.desk.matter_paper(&signer.officer, &number, &kind).await?;
    if query.size == "small" {
        let png =
            staff.desk.evidence.draw(paper.sha256, paper.media, 0, Size::Small).await.map_err(OfficeError::from)?;
        return Ok(
            ([(header::CONTENT_TYPE, "image/png"), (header::CONTENT_SECURITY_POLICY, ALONE)], png).into_response()
        );
    }
    tracing::info!(officer = %signer.officer.id, matter = %number, kind, "Document shown");
    let headers = [
        (header::CONTENT_TYPE, paper.media.name()),
        (header::CONTENT_DISPOSITION, "inline"),
        (header::CONTENT_SECURITY_POLICY, ALONE),
    ];
    Ok((headers, bytes).into_response())
}

/// A matter's number in an address.
pub(super) fn number_of(text: &str) -> Result<MatterNumber, Failure> {
    text.parse().map_err(|()| Fault::NotFound.into())
}
