//! The form of a matter: begun at a certificate, kept while it is typed, told what is wrong with it.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{IssuerId, Serial};
use serde::Deserialize;

use super::Staff;
use super::kept::Typed;
use super::matter::{number_of, paper_sheet};
use super::matter_list::page_of;
use super::parts::{Sheet, returning_to};
use crate::enrolment::desk::{OfficeError, Signer};
use crate::enrolment::document::{DocumentError, MAX_DOCUMENT_BYTES};
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind as Fault};
use crate::matters::{Facts, Ground, Kind, MatterDocument, MatterFaults, MatterNumber, MatterUpload, State as Stand};
use crate::page::{Page, View};

/// A text field may have so many bytes.
const MAX_TEXT_BYTES: usize = 2048;

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
