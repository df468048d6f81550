//! The application form, its live check, the page to check and sign, and submitting.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Multipart, Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{Ground, KeyKind};
use serde::Deserialize;

use super::Staff;
use super::kept::Typed;
use super::parts::{
    CaseRow, CertificateLine, Sheet, Slot, ToSign, case_row, certificate_line, message_of, sheet, to_sign, with_camera,
};
use crate::enrolment::case::CaseNumber;
use crate::enrolment::desk::{CaseView, OfficeError, Signer};
use crate::enrolment::document::{DocumentError, DocumentKind, MAX_DOCUMENT_BYTES};
use crate::enrolment::form::{FieldFault, FieldFaults, Form, UnitKind};
use crate::enrolment::intake::{DocumentFaults, Duplicates, Prepared, Upload};
use crate::enrolment::process::{CertificateName, Process};
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::login::SignedForm;
use crate::page::{Page, View};

/// A text field may have so many bytes; the longest is an address of 128 characters.
const MAX_TEXT_BYTES: usize = 2048;

/// One fault, for the summary and for its field.
struct Fault {
    field: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "staff/form.html")]
struct FormPage {
    page: Page,
    action: String,
    number: Option<String>,
    returned: Option<String>,
    form: Form,
    masked: String,
    faults: Vec<Fault>,
    slots: Vec<Slot>,
    uscc: UsccCheck,
    kinds: [UnitKind; 5],
    keys: Vec<KeyKind>,
    years: Vec<String>,
    process: Process,
    person: bool,
}

impl FormPage {
    fn error(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == name).map(|fault| fault.text.as_str())
    }

    fn value(&self, name: &str) -> &str {
        self.form.field(name)
    }

    fn described(&self, name: &str) -> String {
        if self.error(name).is_some() { format!("{name}-hint {name}-error") } else { format!("{name}-hint") }
    }

    /// The label of a field; a person is nobody's handler.
    fn label(&self, name: &str) -> String {
        self.page.t(&label_key(name, self.person))
    }

    /// Whether a day of purchase is asked for.
    fn asks_for_purchase(&self) -> bool {
        self.process.ground() == Some(Ground::Exchange)
    }
}

/// What the live check says of a code.
struct UsccCheck {
    class: &'static str,
    text: String,
    unit: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/uscc.html")]
struct UsccFragment {
    uscc: UsccCheck,
}

#[derive(Deserialize)]
pub(super) struct UsccQuery {
    #[serde(default)]
    uscc: String,
}

/// `GET /uscc?uscc=`: the live check of the form, a fragment.
pub(super) async fn get_uscc(
    State(staff): State<Staff>,
    view: View,
    Query(query): Query<UsccQuery>,
) -> Result<impl IntoResponse, Failure> {
    let form = Form::from_pairs([("uscc", query.uscc.as_str())]);
    Ok(Shown(UsccFragment { uscc: check_uscc(&staff, &view, &form, None).await? }))
}

async fn check_uscc(staff: &Staff, view: &View, form: &Form, but: Option<&CaseNumber>) -> Result<UsccCheck, Failure> {
    let quiet = UsccCheck { class: "", text: String::new(), unit: None };
    if form.uscc.is_empty() || form.says_person() {
        return Ok(quiet);
    }
    let uscc = match form.uscc.parse::<ca_core::domain::Uscc>() {
        Ok(uscc) => uscc,
        Err(error) => {
            let text = fault_text(view, "uscc", FieldFault::Identifier(error), false);
            return Ok(UsccCheck { class: "bad", text, unit: None });
        }
    };
    let known = staff.desk.duplicates(uscc.as_str(), but).await?;
    Ok(if !known.is_empty() {
        UsccCheck { class: "warn", text: view.t("uscc-known"), unit: Some(format!("/units/{uscc}")) }
    } else if uscc.organisation_code_checks() {
        UsccCheck { class: "", text: view.t("uscc-good"), unit: None }
    } else {
        UsccCheck { class: "warn", text: view.t("uscc-inner"), unit: None }
    })
}

#[derive(Deserialize)]
pub(super) struct NewQuery {
    /// `person` for a natural person's.
    #[serde(default)]
    kind: String,
}

/// `GET /applications/new?kind=`.
pub(super) async fn get_new(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Query(query): Query<NewQuery>,
    typed: Typed,
) -> Result<impl IntoResponse, Failure> {
    let mut form = Form::default();
    if query.kind == UnitKind::Person.word() {
        form.unit_kind = query.kind;
    }
    form.years = "1".into();
    form.key = "P-256".into();
    let form = form.with_pairs(pairs_of(&typed));
    Ok(with_camera(Shown(form_page(&staff, &view, &signer, None, form, Vec::new(), Vec::new()).await?)))
}

/// `GET /applications/{number}/edit`.
pub(super) async fn get_edit(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    typed: Typed,
) -> Result<impl IntoResponse, Failure> {
    let shown = staff.desk.view(&signer.officer, &number_of(&number)?).await?;
    shown.case.typeable_by(&signer.officer).map_err(OfficeError::from)?;
    let form = shown.case.form.clone().with_pairs(pairs_of(&typed));
    Ok(with_camera(Shown(form_page(&staff, &view, &signer, Some(&shown), form, Vec::new(), Vec::new()).await?)))
}

fn pairs_of(typed: &Typed) -> impl Iterator<Item = (&str, &str)> {
    typed.fields().iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// `POST /applications/new`.
pub(super) async fn post_new(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    body: Multipart,
) -> Result<Response, Failure> {
    take(staff, view, signer, None, body).await
}

/// `POST /applications/{number}/edit`.
pub(super) async fn post_edit(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    body: Multipart,
) -> Result<Response, Failure> {
    take(staff, view, signer, Some(number_of(&number)?), body).await
}

/// Saves whatever came, then shows what is wrong with it, or goes on.
async fn take(
    staff: Staff,
    view: View,
    signer: Signer,
    number: Option<CaseNumber>,
    body: Multipart,
) -> Result<Response, Failure> {
    let posted = read(body).await?;
    let saved = staff.desk.save(&signer.officer, number.as_ref(), posted.form, posted.uploads).await?;
    let number = saved.case.number.clone();
    let (mut fields, mut documents) = (Vec::new(), saved.refused);
    if posted.check && documents.is_empty() {
        match staff.desk.prepare(&signer.officer, &number).await? {
            Prepared::Ready(_) => return Ok(see(&format!("/applications/{number}/check"))),
            Prepared::Faulty(faults) => (fields, documents) = (faults.fields, faults.documents),
        }
    } else if posted.check {
        let today = staff.desk.clock.now().beijing_day();
        let read = saved.case.form.particulars(
            &saved.case.process,
            &staff.desk.rules.kinds(),
            staff.desk.rules.money.max_years,
            today,
        );
        fields = read.err().unwrap_or_default();
    }
    if fields.is_empty() && documents.is_empty() {
        return Ok(see(&format!("/applications/{number}?done=saved")));
    }
    let shown = staff.desk.view(&signer.officer, &number).await?;
    let page = form_page(&staff, &view, &signer, Some(&shown), saved.case.form.clone(), fields, documents).await?;
    Ok(with_camera(Again(page)))
}

/// What a form with scans brings.
pub(super) struct Posted {
    form: Form,
    pub(super) uploads: Vec<Upload>,
    check: bool,
}

/// Reads the form. A file that is too long is read to its end and told, so that the rest is not lost; when the
/// connection breaks off in a file, what was typed before it is kept.
pub(super) async fn read(mut body: Multipart) -> Result<Posted, Failure> {
    let (mut pairs, mut uploads, mut check) = (Vec::new(), Vec::new(), false);
    loop {
        let mut field = match body.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(_) if !pairs.is_empty() => break,
            Err(_) => return Err(Kind::Malformed.into()),
        };
        let name = field.name().unwrap_or_default().to_owned();
        let Some(kind) = DocumentKind::from_word(&name) else {
            let mut text = Vec::new();
            while let Some(chunk) = field.chunk().await.map_err(|_| Kind::Malformed)? {
                if text.len() + chunk.len() > MAX_TEXT_BYTES {
                    return Err(Failure::with_detail(Kind::TooLarge, "a text field is too long"));
                }
                text.extend_from_slice(&chunk);
            }
            let text = String::from_utf8(text).map_err(|_| Kind::Malformed)?;
            if name == "action" {
                check = text == "check";
            } else {
                pairs.push((name, text));
            }
            continue;
        };
        let file_name = field.file_name().unwrap_or_default().to_owned();
        if file_name.is_empty() {
            continue;
        }
        let mut bytes = Ok(Vec::new());
        loop {
            match field.chunk().await {
                Ok(Some(chunk)) => match &mut bytes {
                    Ok(read) if read.len() + chunk.len() <= MAX_DOCUMENT_BYTES => read.extend_from_slice(&chunk),
                    _ => bytes = Err(DocumentError::TooLarge),
                },
                Ok(None) => break,
                Err(_) => {
                    bytes = bytes.and(Err(DocumentError::Truncated));
                    break;
                }
            }
        }
        uploads.push(Upload { kind, name: file_name, bytes });
    }
    let form = Form::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Ok(Posted { form, uploads, check })
}

async fn form_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    shown: Option<&CaseView>,
    form: Form,
    fields: FieldFaults,
    documents: DocumentFaults,
) -> Result<FormPage, Failure> {
    let number = shown.map(|shown| shown.case.number.clone());
    let process = shown.map_or_else(|| Process::first(form.says_person()), |shown| shown.case.process.clone());
    let person = form.is_of_a_person(&process);
    let mut faults: Vec<Fault> = fields
        .into_iter()
        .map(|(field, fault)| Fault { field, text: fault_text(view, field, fault, person) })
        .collect();
    faults.extend(
        documents.into_iter().map(|(kind, fault)| Fault { field: kind.word(), text: document_text(view, kind, fault) }),
    );
    let kept = shown.map(|shown| shown.documents.as_slice()).unwrap_or_default();
    let documents = process.documents().iter();
    let slots = documents.map(|kind| Slot {
        error: faults.iter().find(|fault| fault.field == kind.word()).map(|fault| fault.text.clone()),
        ..Slot::of(view, number.as_ref().map(CaseNumber::as_str), *kind, kept)
    });
    let slots = slots.collect();
    let (title, current) = match (process.ground(), number.is_some()) {
        (Some(ground), _) => (view.t(&format!("process-{}", ground.word())), "/applications"),
        (None, true) => (view.t("form-title-edit"), "/applications/new"),
        (None, false) if person => (view.t("form-title-person"), "/applications/new"),
        (None, false) => (view.t("form-title-new"), "/applications/new"),
    };
    let page = staff.page(view, signer, title, current).await?;
    let path = number.as_ref().map_or_else(|| "/applications/new".to_owned(), |n| format!("/applications/{n}/edit"));
    let returned = shown.and_then(|shown| match &shown.case.state {
        crate::enrolment::case::State::Returned { reason } => Some(reason.clone()),
        _ => None,
    });
    Ok(FormPage {
        page: super::parts::returning_to(
            page,
            if person && number.is_none() { format!("{path}?kind=person") } else { path.clone() },
        ),
        action: path,
        uscc: check_uscc(staff, view, &form, number.as_ref()).await?,
        masked: shown.map(|shown| shown.case.handler_id_masked.clone()).unwrap_or_default(),
        number: number.map(|number| number.to_string()),
        returned,
        form,
        faults,
        slots,
        kinds: UnitKind::ALL,
        keys: staff.desk.rules.kinds(),
        years: (1..=staff.desk.rules.money.max_years).map(|years| years.to_string()).collect(),
        process,
        person,
    })
}

fn label_key(field: &str, person: bool) -> String {
    let field = if person { field.replace("handler_", "person_") } else { field.to_owned() };
    format!("field-{}", field.replace('_', "-"))
}

fn fault_text(view: &View, field: &str, fault: FieldFault, person: bool) -> String {
    let label = view.t(&label_key(field, person));
    view.locale.t_with(fault.key(), &[("field", &label), ("n", &fault.number())])
}

pub(super) fn document_text(view: &View, kind: DocumentKind, fault: Option<DocumentError>) -> String {
    let label = view.t(&format!("document-{}", kind.word().replace('_', "-")));
    let key = format!("document-fault-{}", fault.map_or("missing", DocumentError::word));
    view.locale.t_with(&key, &[("document", &label)])
}

#[derive(Template)]
#[template(path = "staff/check.html")]
struct CheckPage {
    page: Page,
    process: &'static str,
    old: Option<CertificateName>,
    number: String,
    form: Form,
    masked: String,
    sheets: Vec<Sheet>,
    same_cases: Vec<CaseRow>,
    same_certificates: Vec<CertificateLine>,
    sign: ToSign,
}

impl CheckPage {
    fn submit_to(&self) -> String {
        format!("/applications/{}/submit", self.number)
    }
}

/// `GET /applications/{number}/check`: everything once more, then the signature.
pub(super) async fn get_check(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    let shown = staff.desk.view(&signer.officer, &number).await?;
    let Some(order) = shown.order.as_ref().filter(|_| shown.case.is_open_for_typing()) else {
        return Ok(see(&format!("/applications/{number}")));
    };
    let Duplicates { cases, mut certificates } = staff.desk.duplicates(&shown.case.form.uscc, Some(&number)).await?;
    if let Some(old) = shown.case.process.old() {
        certificates.retain(|issued| issued.serial != old.serial);
    }
    let now = staff.desk.clock.now();
    let page = staff.page(&view, &signer, view.t("check-title"), "/applications/new").await?;
    Ok(Shown(CheckPage {
        page,
        process: shown.case.process.word(),
        old: shown.case.process.old().cloned(),
        number: number.to_string(),
        masked: shown.case.handler_id_masked.clone(),
        sheets: shown.documents.iter().map(|document| sheet(&view, number.as_str(), document)).collect(),
        same_cases: cases.iter().map(|line| case_row(&view, line)).collect(),
        same_certificates: certificates.iter().map(|issued| certificate_line(&view, issued, now)).collect(),
        sign: to_sign(order),
        form: shown.case.form,
    })
    .into_response())
}

/// `POST /applications/{number}/submit`: the entry officer's signature.
pub(super) async fn post_submit(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let number = number_of(&number)?;
    staff.desk.submit(&signer, &number, &message_of(&form.signature)?).await?;
    Ok(see(&format!("/applications/{number}?done=submitted")))
}

/// A case number in an address.
pub(super) fn number_of(text: &str) -> Result<CaseNumber, Failure> {
    text.parse().map_err(|()| Kind::NotFound.into())
}
