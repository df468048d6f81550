//! Recoveries of encryption keys: what the officers of the key-management centre sign, and the key in its envelope for
//! whoever puts it on the unit's token.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Staff;
use super::case::reason_fault;
use super::document::PictureQuery;
use super::matter::{self, Fact, facts_rows, number_of, paper_sheet, reason_words};
use super::matter_act::ReasonForm;
use super::matter_list::{MatterRow, matter_row, matter_tag};
use super::parts::{Line, Seat, Sheet, Tag, ToSign, line, may, message_of, returning_to};
use crate::enrolment::case::may_read;
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind as Fault};
use crate::http::login::SignedForm;
use crate::matters::store::MatterFilter;
use crate::matters::{Kind, MatterNumber, State as Stand, is_sm2};
use crate::page::{Page, View};

#[derive(Template)]
#[template(path = "staff/recoveries.html")]
struct ListPage {
    page: Page,
    rows: Vec<MatterRow>,
}

/// `GET /recoveries`: those of the office, the last moved first.
pub(super) async fn get_recoveries(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let now = staff.desk.clock.now();
    let filter = MatterFilter::Kind(signer.officer.office.clone(), Kind::Recovery);
    let found = staff.desk.store.read().await?.matters(&filter, 200).await?;
    let days = staff.desk.rules.hold_days;
    let rows = found.iter().map(|matter| matter_row(&view, &signer, matter, days, now)).collect();
    let page = staff.page(&view, &signer, view.t("recovery-rail"), "/recoveries").await?;
    Ok(Shown(ListPage { page: Page { wide: true, ..page }, rows }))
}

#[derive(Template)]
#[template(path = "staff/recovery.html")]
struct RecoveryPage {
    page: Page,
    number: String,
    state: &'static str,
    tag: Tag,
    unit_name: String,
    uscc: String,
    /// Serial number of the encryption certificate whose key is wanted.
    wanted: String,
    /// Of the signature certificate to whose key it is wrapped.
    recipient: Option<String>,
    /// The page of the old certificate, for those who may read it.
    certificate: Option<String>,
    rows: Vec<Fact>,
    reason: Option<String>,
    due: String,
    overdue: bool,
    sheets: Vec<Sheet>,
    seats: Vec<Seat>,
    lines: Vec<Line>,
    sign: Option<ToSign>,
    why_not: Option<String>,
    claim: MatterRow,
    may_edit: bool,
    may_drop: bool,
    may_send: bool,
    may_decline: bool,
    may_take: bool,
    /// Whether the key is one of SM2, which has a form of its own.
    sm2: bool,
    fault: Option<(String, &'static str)>,
    typed: String,
}

impl RecoveryPage {
    fn sign_to(&self) -> String {
        format!("/recoveries/{}/sign", self.number)
    }

    fn about(&self, field: &str) -> bool {
        self.fault.as_ref().is_some_and(|(_, at)| *at == field)
    }

    fn fault_text(&self) -> &str {
        self.fault.as_ref().map_or("", |(text, _)| text)
    }
}

async fn recovery_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &MatterNumber,
    fault: Option<(String, &'static str)>,
    typed: String,
) -> Result<RecoveryPage, Failure> {
    let shown = staff.desk.matter(&signer.officer, number).await?;
    let matter = shown.matter;
    if matter.kind != Kind::Recovery {
        return Err(Fault::NotFound.into());
    }
    let officer = &signer.officer;
    let mine = matter.mine(officer).is_ok();
    let desk = mine && may(signer, Right::Request);
    let signs = mine && may(signer, Right::SignRecovery);
    let asked = matter.statement.as_ref().filter(|_| matches!(matter.state, Stand::Draft | Stand::Requested));
    let signed = shown.signatures.iter().any(|signature| signature.by.id == officer.id);
    let sign = asked.filter(|_| signs && !signed).map(|statement| ToSign {
        statement: URL_SAFE_NO_PAD.encode(statement),
        text: String::from_utf8_lossy(statement).into_owned(),
    });
    let why_not = match (asked, signed) {
        (Some(_), true) => Some(view.t("order-why-same")),
        (Some(_), false) if !signs => Some(view.t("recovery-why-duty")),
        _ => None,
    };
    let seats = (0..2)
        .map(|n| {
            let signature = shown.signatures.get(n);
            Seat {
                duty: view.t("role-kmc-officer"),
                who: signature.map(|signature| signature.by.name.clone()),
                when: signature.map(|signature| signature.at.beijing_text()).unwrap_or_default(),
            }
        })
        .collect();
    let row = matter_row(view, signer, &matter, staff.desk.rules.hold_days, staff.desk.clock.now());
    let rows =
        facts_rows(view, &matter).into_iter().filter(|fact| fact.label != view.t("matter-field-recipient")).collect();
    let current = if may(signer, Right::SignRecovery) { "/recoveries" } else { "/matters" };
    let page = staff.page(view, signer, view.t("matter-recovery"), current).await?;
    let issued = &shown.issued;
    let wanted = issued.encryption.as_ref();
    Ok(RecoveryPage {
        page: Page { wide: true, ..returning_to(page, format!("/recoveries/{number}")) },
        number: number.to_string(),
        state: matter.state.word(),
        tag: matter_tag(view, &matter),
        unit_name: matter.about.unit_name.clone(),
        uscc: matter.about.uscc.clone(),
        wanted: wanted.map(|pair| pair.serial.to_string()).unwrap_or_default(),
        sm2: wanted.is_some_and(|pair| is_sm2(&pair.certificate)),
        recipient: matter.facts.recipient().map(|name| name.serial.to_string()),
        certificate: may(signer, Right::Read).then(|| format!("/certificates/{}/{}", issued.issuer, issued.serial)),
        rows,
        reason: matter.reason.as_deref().map(|why| reason_words(view, why)),
        due: row.due.clone(),
        overdue: row.overdue,
        sheets: shown.papers.iter().map(|paper| paper_sheet(view, number, paper)).collect(),
        seats,
        lines: shown.steps.iter().map(|step| line(view, step)).collect(),
        sign,
        why_not,
        claim: row,
        may_edit: desk && matter.state == Stand::Draft,
        may_drop: desk && matches!(matter.state, Stand::Draft | Stand::Requested | Stand::Approved),
        may_send: signs && matter.state == Stand::Approved,
        may_decline: signs && (asked.is_some() || matter.state == Stand::Approved),
        may_take: mine && may(signer, Right::Provision) && matter.state == Stand::Done,
        fault,
        typed,
    })
}

/// `GET /recoveries/{number}`.
pub(super) async fn get_recovery(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(recovery_page(&staff, &view, &signer, &number_of(&number)?, None, String::new()).await?))
}

/// `POST /recoveries/{number}/sign`: either signature; after the second the authority is asked at once.
pub(super) async fn post_sign(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.sign_matter(&signer, &number, &message_of(&form.signature)?).await?;
    if staff.desk.matter(&signer.officer, &number).await?.matter.state != Stand::Approved {
        return Ok(see(&format!("/recoveries/{number}?done=matter-signed")));
    }
    send(&staff, &signer, &number).await
}

/// `POST /recoveries/{number}/send`: a recovery that both signed to the authority, again.
pub(super) async fn post_send(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    send(&staff, &signer, &number_of(&number)?).await
}

async fn send(staff: &Staff, signer: &Signer, number: &MatterNumber) -> Result<Response, Failure> {
    staff.desk.carry_out_recovery(&signer.officer, number).await?;
    Ok(see(&format!("/recoveries/{number}?done=recovery-approved")))
}

/// `POST /recoveries/{number}/decline`: back to the desk, with a reason.
pub(super) async fn post_decline(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(fault) = reason_fault(&view, form.reason.trim()) {
        let page = recovery_page(&staff, &view, &signer, &number, Some((fault, "reason")), form.reason.clone()).await?;
        return Ok(Again(page).into_response());
    }
    staff.desk.decline_recovery(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/recoveries/{number}?done=recovery-declined")))
}

#[derive(Deserialize)]
pub(super) struct KeyForm {
    #[serde(default)]
    form: String,
}

/// `POST /recoveries/{number}/key`: the envelope as a file: `message`, or of an SM2 key `skf`.
pub(super) async fn post_key(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<KeyForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let envelope = staff.desk.recovered_key(&signer.officer, &number).await?;
    tracing::info!(officer = %signer.officer.id, matter = %number, "Recovered key handed out in its envelope");
    let (bytes, ending) = match (form.form.as_str(), envelope.skf) {
        ("skf", Some(blob)) => (blob.0, "skf"),
        ("skf", None) => return Err(Fault::NotFound.into()),
        _ => (envelope.message.0, "p7m"),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{number}.{ending}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// `POST /recoveries/{number}/close`: the key is on the token, or not wanted any more.
pub(super) async fn post_close(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(fault) = reason_fault(&view, form.reason.trim()) {
        let page = recovery_page(&staff, &view, &signer, &number, Some((fault, "told")), form.reason.clone()).await?;
        return Ok(Again(page).into_response());
    }
    staff.desk.close_recovery(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/recoveries/{number}?done=matter-closed")))
}

/// `GET /recoveries/{number}/documents/{kind}`: a paper of a recovery, for the officers of the centre too.
pub(super) async fn get_document(
    staff: State<Staff>,
    signer: Signer,
    path: Path<(String, String)>,
    query: Query<PictureQuery>,
) -> Result<Response, Failure> {
    let number = number_of(&path.0.0)?;
    if number.kind() != Kind::Recovery {
        return Err(Fault::NotFound.into());
    }
    let shown = staff.desk.matter(&signer.officer, &number).await?;
    may_read(&signer.officer, &shown.matter.office).map_err(OfficeError::from)?;
    matter::get_document(staff, signer, path, query).await
}
