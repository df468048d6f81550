//! Batches: the sheet sent in, its faults, its progress, its cases as a whole, their documents.

use askama::Template;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Staff;
use super::parts::{Tag, may, state_tag};
use crate::batches::archive::{self, MAX_ARCHIVE_BYTES, Placed};
use crate::batches::book;
use crate::batches::check::FileFault;
use crate::batches::columns::HeadFault;
use crate::batches::signing::Item;
use crate::batches::store::LineFilter;
use crate::batches::table::MAX_FILE_BYTES;
use crate::batches::{Batch, BatchNumber, BatchState};
use crate::enrolment::case::State as CaseState;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::Right;
use crate::http::answer::{Again, Shown, file_of, see};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};

/// Lines of a page.
const PAGE: i64 = 100;
/// Cases of a page: each has more to look up.
const CASES: i64 = 50;
/// Batches of the list.
const LATEST: i64 = 50;
/// Faults of files and of archives are told on the page, so that a little more than is taken must arrive.
pub(super) const MAX_UPLOAD_BYTES: usize = MAX_ARCHIVE_BYTES + 1024 * 1024;
/// A batch that did not move for so long stands still: longer than a worker's that died is waited for.
const STILL_SECONDS: i64 = 90;

/// The tag of a batch's state.
fn batch_tag(view: &View, state: BatchState) -> Tag {
    let (class, icon) = match state {
        BatchState::Faulty => ("bad", "triangle-alert"),
        BatchState::Checked => ("wait", "circle-check"),
        BatchState::Filling | BatchState::Cancelling => ("info", "clock"),
        BatchState::Filled => ("ok", "circle-check"),
        BatchState::Cancelled => ("", "ban"),
    };
    Tag { class, icon, text: view.t(&format!("batch-state-{}", state.word())) }
}

struct BatchLine {
    href: String,
    number: String,
    file: String,
    lines: i64,
    tag: Tag,
    by: String,
    when: String,
}

#[derive(Template)]
#[template(path = "staff/batches.html")]
struct BatchesPage {
    page: Page,
    rows: Vec<BatchLine>,
    may_take_in: bool,
    fault: Option<String>,
}

/// `GET /batches`.
pub(super) async fn get_batches(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(batches_page(&staff, &view, &signer, None).await?))
}

async fn batches_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    fault: Option<String>,
) -> Result<BatchesPage, Failure> {
    let batches = staff.desk.store.read().await?.batches(&signer.officer.office, LATEST).await?;
    let row = |batch: &Batch| BatchLine {
        href: format!("/batches/{}", batch.number),
        number: batch.number.to_string(),
        file: batch.file_name.clone(),
        lines: batch.lines,
        tag: batch_tag(view, batch.state),
        by: batch.entry.name.clone(),
        when: batch.created.beijing_text(),
    };
    let page = staff.page(view, signer, view.t("batch-title"), "/batches").await?;
    let page = super::parts::returning_to(page, "/batches".to_owned());
    Ok(BatchesPage {
        page: Page { wide: true, ..page },
        rows: batches.iter().map(row).collect(),
        may_take_in: may(signer, Right::TakeIn),
        fault,
    })
}

/// `POST /batches`: a sheet.
pub(super) async fn post_batches(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    body: Multipart,
) -> Result<Response, Failure> {
    let fault = match file_of(body, MAX_FILE_BYTES).await? {
        None => view.t("batch-file-none"),
        Some((_, None)) => view.t("batch-file-too-large"),
        Some((name, Some(bytes))) => match staff.desk.receive_batch(&signer.officer, &name, bytes).await? {
            Ok(number) => return Ok(see(&format!("/batches/{number}"))),
            Err(fault) => file_fault(&view, &fault),
        },
    };
    Ok(Again(batches_page(&staff, &view, &signer, Some(fault)).await?).into_response())
}

fn file_fault(view: &View, fault: &FileFault) -> String {
    let columns = |fields: &[&'static str]| {
        let labels = fields.iter().map(|field| view.t(&format!("field-{}", field.replace('_', "-"))));
        labels.collect::<Vec<_>>().join(&view.t("staff-duty-joint"))
    };
    match fault {
        FileFault::Table(error) => {
            view.locale.t_with(&format!("batch-file-{}", error.word()), &[("n", &error.number())])
        }
        FileFault::Head(HeadFault::NoHead) => view.t("batch-file-no-head"),
        FileFault::Head(HeadFault::Missing(fields)) => {
            view.locale.t_with("batch-file-missing", &[("columns", &columns(fields))])
        }
        FileFault::Head(HeadFault::Twice(field)) => {
            view.locale.t_with("batch-file-twice", &[("columns", &columns(&[field]))])
        }
        FileFault::NoLines => view.t("batch-file-no-lines"),
    }
}

/// `GET /batches/template.xlsx`.
pub(super) async fn get_template(State(staff): State<Staff>, view: View) -> Result<Response, Failure> {
    let keys = keys(&staff);
    workbook("template.xlsx", move || book::template(view.locale, &keys)).await
}

fn keys(staff: &Staff) -> Vec<String> {
    staff.desk.rules.kinds().into_iter().map(|kind| kind.name().to_owned()).collect()
}

/// Makes a workbook where it may take its time.
pub(super) async fn workbook(
    name: &str,
    make: impl FnOnce() -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> + Send + 'static,
) -> Result<Response, Failure> {
    let made = tokio::task::spawn_blocking(make).await.map_err(|error| Failure::internal(error.to_string()))?;
    let bytes = made.map_err(|error| Failure::internal(format!("a workbook: {error}")))?;
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition.as_str())], bytes).into_response())
}

/// A faulty cell.
struct FaultRow {
    line: i64,
    column: String,
    typed: String,
    said: String,
}

/// A line to preview, or to look at.
struct PreviewRow {
    line: i64,
    unit_name: String,
    uscc: String,
    kind: String,
    handler: String,
    years: String,
    key: String,
    look: Vec<String>,
}

/// A case of the batch at a glance.
pub(super) struct ItemRow {
    pub(super) number: String,
    pub(super) line: i64,
    pub(super) unit_name: String,
    pub(super) uscc: String,
    pub(super) handler: String,
    pub(super) masked: String,
    pub(super) years: String,
    pub(super) key: String,
    pub(super) tag: Tag,
    pub(super) documents: Vec<(String, String)>,
    pub(super) lacks: Option<String>,
    pub(super) look: Vec<String>,
}

pub(super) fn item_row(view: &View, item: &Item) -> ItemRow {
    let title = |word: &str| view.t(&format!("document-{}", word.replace('_', "-")));
    let form = &item.case.form;
    let mut look = book::doubts(view.locale, item.line.twice, item.line.open_cases, item.line.certificates);
    if let Some(unit) = &item.differs {
        if unit.name != form.unit_name {
            look.push(view.locale.t_with("batch-known-name", &[("was", &unit.name)]));
        }
        if unit.handler.name != form.handler_name || unit.handler.mobile != form.handler_mobile {
            let was = format!("{} {}", unit.handler.name, unit.handler.mobile);
            look.push(view.locale.t_with("batch-known-handler", &[("was", &was)]));
        }
    }
    let lacks: Vec<String> = item.missing.iter().map(|kind| title(kind.word())).collect();
    ItemRow {
        number: item.case.number.to_string(),
        line: item.line.line,
        unit_name: form.unit_name.clone(),
        uscc: form.uscc.clone(),
        handler: format!("{} {}", form.handler_name, form.handler_mobile),
        masked: item.case.handler_id_masked.clone(),
        years: form.years.clone(),
        key: form.key.clone(),
        tag: state_tag(view, item.case.state.word()),
        documents: item
            .documents
            .iter()
            .map(|document| {
                let word = document.kind.word();
                (format!("/applications/{}/documents/{word}", item.case.number), title(word))
            })
            .collect(),
        lacks: (!lacks.is_empty())
            .then(|| view.locale.t_with("batch-lacks", &[("documents", &lacks.join(&view.t("staff-duty-joint")))])),
        look,
    }
}

/// A filter above the cases.
struct Filter {
    href: String,
    tag: Tag,
    count: i64,
    current: bool,
}

#[derive(Template)]
#[template(path = "staff/batch.html")]
struct BatchPage {
    page: Page,
    number: String,
    batch: Batch,
    tag: Tag,
    by: String,
    doubtful: i64,
    faults: Vec<FaultRow>,
    preview: Vec<PreviewRow>,
    items: Vec<ItemRow>,
    filters: Vec<Filter>,
    /// Address of the next page.
    after: Option<String>,
    /// This is not the first page.
    later: bool,
    stands_still: bool,
    mine: bool,
    may_prepare: bool,
    may_review: bool,
    zip_fault: Option<String>,
    /// What became of an archive: how many were kept, and those that were not, with the reason.
    placed: Option<(usize, Vec<(String, String)>)>,
}

impl BatchPage {
    fn is(&self, word: &str) -> bool {
        self.batch.state.word() == word
    }

    fn moving(&self) -> bool {
        self.batch.state.is_moving()
    }

    fn may_cancel(&self) -> bool {
        self.mine && !self.moving() && !self.is("cancelled")
    }

    fn placed_text(&self) -> String {
        let (kept, not) = self.placed.as_ref().map_or((0, 0), |(kept, not)| (*kept, not.len()));
        self.page.t2("batch-zip-done", "kept", kept, "not", not)
    }
}

#[derive(Default, Deserialize)]
pub(super) struct BatchQuery {
    #[serde(default)]
    after: i64,
    state: Option<String>,
}

/// `GET /batches/{number}`.
pub(super) async fn get_batch(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    Query(query): Query<BatchQuery>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(batch_page(&staff, &view, &signer, &batch_of(&number)?, &query).await?))
}

async fn batch_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    number: &BatchNumber,
    query: &BatchQuery,
) -> Result<BatchPage, Failure> {
    let shown = staff.desk.batch_view(&signer.officer, number).await?;
    let batch = shown.batch;
    let mine = batch.mine(&signer.officer).is_ok() && may(signer, Right::TakeIn);
    let after = query.after.max(0);
    let state = query.state.as_deref().and_then(|word| CaseState::WORDS.into_iter().find(|known| *known == word));
    let (mut faults, mut preview, mut items) = (Vec::new(), Vec::new(), Vec::new());
    let last;
    match batch.state {
        // What was typed is for the desk that sent it in.
        BatchState::Faulty if mine => {
            let lines = staff.desk.batch_page(number, LineFilter::Faulty, after, PAGE).await?;
            last = lines.last().filter(|_| full(lines.len(), PAGE)).map(|line| line.line);
            for line in &lines {
                faults.extend(line.faults.iter().map(|fault| FaultRow {
                    line: line.line,
                    column: view.t(&format!("field-{}", fault.field.replace('_', "-"))),
                    typed: line.form.field(&fault.field).to_owned(),
                    said: book::fault_text(view.locale, fault),
                }));
            }
        }
        BatchState::Checked if mine => {
            let lines = staff.desk.batch_page(number, LineFilter::All, after, PAGE).await?;
            last = lines.last().filter(|_| full(lines.len(), PAGE)).map(|line| line.line);
            preview = lines
                .iter()
                .map(|line| PreviewRow {
                    line: line.line,
                    unit_name: line.form.unit_name.clone(),
                    uscc: line.form.uscc.clone(),
                    kind: view.t(&format!("kind-{}", line.form.unit_kind)),
                    handler: format!("{} {}", line.form.handler_name, line.form.handler_mobile),
                    years: line.form.years.clone(),
                    key: line.form.key.clone(),
                    look: book::doubts(view.locale, line.twice, line.open_cases, line.certificates),
                })
                .collect();
        }
        _ => {
            let filter = state.map_or(LineFilter::All, LineFilter::State);
            let found = staff.desk.batch_items(&signer.officer, number, filter, after, CASES).await?;
            last = found.last().filter(|_| full(found.len(), CASES)).map(|item| item.line.line);
            items = found.iter().map(|item| item_row(view, item)).collect();
        }
    }
    let filter_part = state.map(|word| format!("&state={word}")).unwrap_or_default();
    let filters = CaseState::WORDS
        .into_iter()
        .filter(|word| shown.states.contains_key(*word))
        .map(|word| Filter {
            href: format!("/batches/{number}?state={word}"),
            tag: state_tag(view, word),
            count: shown.states.get(word).copied().unwrap_or(0),
            current: state == Some(word),
        })
        .collect();
    let count = |word: &str| shown.states.get(word).copied().unwrap_or(0);
    let title = view.locale.t_with("batch-page", &[("number", &number.to_string())]);
    let page = staff.page(view, signer, title, "/batches").await?;
    let page = super::parts::returning_to(page, format!("/batches/{number}"));
    let when = batch.created.beijing_text();
    Ok(BatchPage {
        page: Page { wide: true, ..page },
        number: number.to_string(),
        tag: batch_tag(view, batch.state),
        by: view.locale.t_with("batch-by", &[("name", &batch.entry.name), ("when", &when)]),
        doubtful: shown.doubtful,
        faults,
        preview,
        items,
        filters,
        after: last.map(|line| format!("/batches/{number}?after={line}{filter_part}")),
        later: after > 0,
        stands_still: batch.state.is_moving() && staff.desk.clock.now().since(batch.updated) >= STILL_SECONDS,
        may_prepare: mine && batch.state == BatchState::Filled && count("draft") + count("returned") > 0,
        may_review: batch.mine(&signer.officer).is_ok() && may(signer, Right::Decide) && count("submitted") > 0,
        mine,
        batch,
        zip_fault: None,
        placed: None,
    })
}

fn full(found: usize, page: i64) -> bool {
    i64::try_from(found).is_ok_and(|found| found >= page)
}

/// A batch's number in an address.
pub(super) fn batch_of(text: &str) -> Result<BatchNumber, Failure> {
    text.parse().map_err(|()| Kind::NotFound.into())
}

/// `POST /batches/{number}/take-in`: a worker makes its lines cases; asked again, it goes on on the word of whoever asks.
pub(super) async fn post_take_in(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = batch_of(&number)?;
    staff.desk.take_batch_in(&signer.officer, &number).await?;
    Ok(see(&format!("/batches/{number}?done=batch-taken")))
}

/// `POST /batches/{number}/cancel`: all of it is taken back.
pub(super) async fn post_cancel(
    State(staff): State<Staff>,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = batch_of(&number)?;
    staff.desk.give_batch_up(&signer.officer, &number).await?;
    Ok(see(&format!("/batches/{number}?done=batch-cancelled")))
}

/// `GET /batches/{number}/report.xlsx`: the sheet with its faults marked, to be mended.
pub(super) async fn get_report(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
) -> Result<Response, Failure> {
    let number = batch_of(&number)?;
    let lines = staff.desk.batch_report(&signer.officer, &number).await?;
    let keys = keys(&staff);
    workbook(&format!("{number}.xlsx"), move || book::report(view.locale, &keys, &lines)).await
}

/// `POST /batches/{number}/documents`: a ZIP of scans.
pub(super) async fn post_documents(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(number): Path<String>,
    body: Multipart,
) -> Result<Response, Failure> {
    let number = batch_of(&number)?;
    let scans = match file_of(body, MAX_ARCHIVE_BYTES).await? {
        None => Err(view.t("batch-file-none")),
        Some((_, None)) => Err(view.t("batch-zip-too-large")),
        Some((_, Some(bytes))) => tokio::task::spawn_blocking(move || archive::scans(&bytes))
            .await
            .map_err(|error| Failure::internal(error.to_string()))?
            .map_err(|error| view.t(&format!("batch-zip-{}", error.word()))),
    };
    let outcome = match scans {
        Ok(scans) => Ok(staff.desk.place_scans(&signer.officer, &number, scans).await?),
        Err(fault) => Err(fault),
    };
    let mut page = batch_page(&staff, &view, &signer, &number, &BatchQuery::default()).await?;
    match outcome {
        Ok(placed) => {
            let kept = placed.iter().filter(|(_, placed)| matches!(placed, Placed::Kept(..))).count();
            let not = placed.iter().filter_map(|(name, placed)| Some((name.clone(), not_placed(&view, placed)?)));
            page.placed = Some((kept, not.collect()));
            Ok(Shown(page).into_response())
        }
        Err(fault) => {
            page.zip_fault = Some(fault);
            Ok(Again(page).into_response())
        }
    }
}

/// Why a file was not kept; `None` when it was.
fn not_placed(view: &View, placed: &Placed) -> Option<String> {
    Some(match placed {
        Placed::Kept(..) => return None,
        Placed::NoUnit => view.t("batch-zip-no-unit"),
        Placed::NoKind => view.t("batch-zip-no-kind"),
        Placed::Closed(case) => format!("{} {case}", view.t("batch-zip-closed")),
        Placed::Bad(error) => {
            let label = view.t("batch-col-documents");
            view.locale.t_with(&format!("document-fault-{}", error.word()), &[("document", &label)])
        }
    })
}
