//! Matters about a certificate: unblocking, loss, release, revocation; each on one page, from the request to its end.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::{IssuerId, Role, Serial, Timestamp};
use serde::Deserialize;

use super::Staff;
use super::case::reason_fault;
use super::document::PictureQuery;
use super::evidence::ALONE;
use super::kept::Typed;
use super::parts::{Line, Seat, Sheet, Tag, ToSign, line, may, message_of, returning_to, seats};
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::document::{DocumentError, MAX_DOCUMENT_BYTES};
use crate::enrolment::duty::Right;
use crate::evidence::preview::Size;
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind as Fault};
use crate::http::login::SignedForm;
use crate::matters::store::{MatterFilter, MatterPaper};
use crate::matters::{
    Facts, Ground, Kind, Matter, MatterDocument, MatterFaults, MatterNumber, MatterUpload, State as Stand,
};
use crate::page::{Page, View};
use crate::store::OrderState;

/// A text field may have so many bytes.
const MAX_TEXT_BYTES: usize = 2048;

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

#[derive(Deserialize)]
pub(super) struct BeginForm {
    #[serde(default)]
    kind: String,
}

/// `POST /certificates/{issuer}/{serial}/matters`: begins one, or goes on with the one that is open.
pub(super) async fn post_begin(
    State(staff): State<Staff>,
    signer: Signer,
    Path((issuer, serial)): Path<(IssuerId, Serial)>,
    UrlForm(form): UrlForm<BeginForm>,
) -> Result<Response, Failure> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == form.kind).ok_or(Fault::Malformed)?;
    let number = staff.desk.begin_matter(&signer.officer, kind, &issuer, &serial).await?;
    let matter = staff.desk.matter(&signer.officer, &number).await?.matter;
    Ok(see(&if matter.state == Stand::Draft { format!("/matters/{number}/edit") } else { page_of(&matter) }))
}

/// A choice of a form.
struct Choice {
    word: &'static str,
    text: String,
    chosen: bool,
}

/// A place for a paper.
struct Slot {
    name: &'static str,
    title: String,
    kept: Option<Sheet>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/matter_form.html")]
struct FormPage {
    page: Page,
    number: String,
    kind: &'static str,
    unit_name: String,
    certificate: String,
    serial: String,
    token: Option<String>,
    facts: Facts,
    grounds: Vec<Choice>,
    /// To which certificate's key a recovered one may be wrapped: value, text, chosen.
    recipients: Vec<(String, String, bool)>,
    ways: Vec<Choice>,
    slots: Vec<Slot>,
    /// A resident number that was typed and is not kept yet.
    number_typed: String,
    /// Field and text.
    faults: Vec<(&'static str, String)>,
    today: String,
}

impl FormPage {
    fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|(at, _)| *at == field).map(|(_, text)| text.as_str())
    }

    fn value(&self, field: &str) -> &str {
        if field == "handler_id" {
            return &self.number_typed;
        }
        self.facts.fields().into_iter().find(|(name, _)| *name == field).map_or("", |(_, value)| value)
    }

    fn max(&self) -> usize {
        MAX_DOCUMENT_BYTES
    }
}

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

async fn form_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &MatterNumber,
    found: MatterFaults,
    typed: &[(String, String)],
) -> Result<FormPage, Failure> {
    let shown = staff.desk.matter(&signer.officer, number).await?;
    let matter = shown.matter;
    matter.mine(&signer.officer).map_err(OfficeError::from)?;
    if matter.state != Stand::Draft {
        return Err(Fault::WrongState.into());
    }
    let mut faults: Vec<(&'static str, String)> = found
        .fields
        .into_iter()
        .map(|(field, fault)| {
            let label = view.t(&format!("matter-field-{}", field.replace('_', "-")));
            (field, view.locale.t_with(fault.key(), &[("field", &label)]))
        })
        .collect();
    if found.counter_only {
        faults.push(("way", view.t("matter-fault-counter-only")));
    }
    faults.extend(found.papers.into_iter().map(|(kind, fault)| {
        let label = view.t(&format!("matter-paper-{}", kind.word().replace('_', "-")));
        let key = format!("document-fault-{}", fault.map_or("missing", DocumentError::word));
        (kind.word(), view.locale.t_with(&key, &[("document", &label)]))
    }));
    let slots = MatterDocument::ALL
        .into_iter()
        .filter(|kind| *kind != MatterDocument::Notice)
        .map(|kind| Slot {
            name: kind.word(),
            title: view.t(&format!("matter-paper-{}", kind.word().replace('_', "-"))),
            kept: shown.papers.iter().find(|paper| paper.kind == kind).map(|paper| paper_sheet(view, number, paper)),
            error: faults.iter().find(|(at, _)| *at == kind.word()).map(|(_, text)| text.clone()),
        })
        .collect();
    let mut facts = matter.facts.clone();
    for (name, value) in typed {
        facts.set(name, value);
    }
    let number_typed = typed.iter().find(|(name, _)| name == "handler_id").map(|(_, text)| text.clone());
    let mut recipients = Vec::new();
    if matter.kind == Kind::Recovery {
        for new in staff.desk.recipients(&shown.issued).await? {
            let value = format!("{}/{}", new.issuer, new.serial);
            let until = new.validity.not_after.beijing_day().to_string();
            let text =
                view.locale.t_with("recovery-recipient", &[("serial", &new.serial.to_string()), ("day", &until)]);
            let chosen = facts.recipient == value;
            recipients.push((value, text, chosen));
        }
    }
    let choice = |prefix: &str, word: &'static str, chosen: &str| Choice {
        word,
        text: view.t(&format!("{prefix}{word}")),
        chosen: word == chosen,
    };
    let page = staff.page(view, signer, view.t(&format!("matter-{}", matter.kind.word())), "/matters").await?;
    Ok(FormPage {
        page: returning_to(page, format!("/matters/{number}/edit")),
        number: number.to_string(),
        kind: matter.kind.word(),
        certificate: format!("/certificates/{}/{}", matter.about.issuer, matter.about.serial),
        serial: matter.about.serial.to_string(),
        token: matter.about.token.map(|token| token.to_string()),
        unit_name: matter.about.unit_name,
        grounds: Ground::ALL.into_iter().map(|g| choice("ground-", g.word(), &facts.ground)).collect(),
        recipients,
        number_typed: number_typed.unwrap_or_default(),
        ways: Facts::ways(matter.kind).iter().map(|word| choice("way-", word, &facts.way)).collect(),
        slots,
        faults,
        today: staff.desk.clock.now().beijing_day().to_string(),
        facts,
    })
}

/// `GET /matters/{number}/edit`.
pub(super) async fn get_edit(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    typed: Typed,
) -> Result<impl IntoResponse, Failure> {
    let number = number_of(&number)?;
    Ok(Shown(form_page(&staff, &view, &signer, &number, MatterFaults::default(), typed.fields()).await?))
}

/// `POST /matters/{number}/edit`: whatever came is kept; what is wrong is told.
pub(super) async fn post_edit(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    body: Multipart,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let (typed, uploads, ready) = read(body).await?;
    let faults = staff.desk.save_matter(&signer.officer, &number, &typed, uploads, ready).await?;
    if faults.is_empty() {
        let list = if number.kind() == Kind::Recovery { "recoveries" } else { "matters" };
        return Ok(see(&format!("/{list}/{number}?done={}", if ready { "matter-ready" } else { "saved" })));
    }
    Ok(Again(form_page(&staff, &view, &signer, &number, faults, &typed).await?).into_response())
}

type Posted = (Vec<(String, String)>, Vec<MatterUpload>, bool);

/// Reads the form. A file that is too long is read to its end and told, so that the rest is not lost.
async fn read(mut body: Multipart) -> Result<Posted, Failure> {
    let (mut pairs, mut uploads, mut ready) = (Vec::new(), Vec::new(), false);
    while let Some(mut field) = body.next_field().await.map_err(|_| Fault::Malformed)? {
        let name = field.name().unwrap_or_default().to_owned();
        let kind = MatterDocument::from_word(&name);
        let file = field.file_name().unwrap_or_default().to_owned();
        let most = if kind.is_some() { MAX_DOCUMENT_BYTES } else { MAX_TEXT_BYTES };
        let mut bytes = Ok(Vec::new());
        while let Some(chunk) = field.chunk().await.map_err(|_| Fault::Malformed)? {
            match &mut bytes {
                Ok(read) if read.len() + chunk.len() <= most => read.extend_from_slice(&chunk),
                _ => bytes = Err(DocumentError::TooLarge),
            }
        }
        match kind {
            Some(_) if file.is_empty() => {}
            Some(kind) => uploads.push(MatterUpload { kind, name: file, bytes }),
            None => {
                let text = bytes.map_err(|_| Failure::with_detail(Fault::TooLarge, "a text field is too long"))?;
                let text = String::from_utf8(text).map_err(|_| Fault::Malformed)?;
                if name == "action" {
                    ready = text == "check";
                } else if pairs.len() < 50 {
                    pairs.push((name, text));
                }
            }
        }
    }
    Ok((pairs, uploads, ready))
}

#[derive(Template)]
#[template(path = "staff/matter.html")]
struct MatterPage {
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

async fn matter_page(
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

#[derive(Deserialize)]
pub(super) struct ClaimForm {
    #[serde(default)]
    back: String,
}

/// `POST /matters/{number}/claim`: takes the next step in hand.
pub(super) async fn post_claim(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ClaimForm>,
) -> Result<Response, Failure> {
    claim(&staff, &signer, &number, &form, true).await
}

/// `POST /matters/{number}/hand-back`: lets go of it.
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
    staff.desk.claim_matter(&signer.officer, &number, take).await?;
    let done = if take { "claimed" } else { "handed-back" };
    let back = match form.back.as_str() {
        "queue" => "/".to_owned(),
        "matters" => "/matters".to_owned(),
        _ => format!("/matters/{number}"),
    };
    Ok(see(&format!("{back}?done={done}")))
}

/// `POST /matters/{number}/sign`: either signature on an unblocking.
pub(super) async fn post_sign(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.sign_matter(&signer, &number, &message_of(&form.signature)?).await?;
    Ok(see(&format!("/matters/{number}?done=matter-signed")))
}

/// `POST /matters/{number}/grant`: the page with a fresh unlock code in it. The code is never in an address, and a
/// reload makes another.
pub(super) async fn post_grant(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let number = number_of(&number)?;
    let grant = staff.desk.mint_grant(&signer.officer, &number).await?;
    Ok(Shown(matter_page(&staff, &view, &signer, &number, Some(grant.to_string()), None, String::new()).await?))
}

/// `POST /matters/{number}/unlocked`: the assistant is done. What it says is not believed: the page shows what the token
/// and the grant told us.
pub(super) async fn post_unlocked(Path(number): Path<String>) -> Result<Response, Failure> {
    Ok(see(&format!("/matters/{}", number_of(&number)?)))
}

#[derive(Deserialize)]
pub(super) struct ReasonForm {
    #[serde(default)]
    pub(super) reason: String,
}

/// The page once more, with what is wrong with the reason in this field.
async fn without_reason(
    (staff, view, signer): (&Staff, &View, &Signer),
    number: &MatterNumber,
    form: &ReasonForm,
    field: &'static str,
) -> Result<Option<Response>, Failure> {
    let Some(fault) = reason_fault(view, form.reason.trim()) else { return Ok(None) };
    let page = matter_page(staff, view, signer, number, None, Some((fault, field)), form.reason.clone()).await?;
    Ok(Some(Again(page).into_response()))
}

/// `POST /matters/{number}/drop`: given up.
pub(super) async fn post_drop(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(again) = without_reason((&staff, &view, &signer), &number, &form, "reason").await? {
        return Ok(again);
    }
    staff.desk.drop_matter(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/matters/{number}?done=matter-dropped")))
}

/// `POST /matters/{number}/confirm`: the unit has this handler from now on.
pub(super) async fn post_confirm(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.confirm_handler(&signer.officer, &number).await?;
    Ok(see(&format!("/matters/{number}?done=handler-changed")))
}

/// `POST /matters/{number}/return`: back to be put right, with a reason.
pub(super) async fn post_return(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(again) = without_reason((&staff, &view, &signer), &number, &form, "return").await? {
        return Ok(again);
    }
    staff.desk.return_handler(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/matters/{number}?done=returned")))
}

/// `POST /matters/{number}/told`: how the unit was told of its revocation.
pub(super) async fn post_told(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<ReasonForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    if let Some(again) = without_reason((&staff, &view, &signer), &number, &form, "told").await? {
        return Ok(again);
    }
    staff.desk.close_told(&signer.officer, &number, form.reason.trim()).await?;
    Ok(see(&format!("/matters/{number}?done=matter-closed")))
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
