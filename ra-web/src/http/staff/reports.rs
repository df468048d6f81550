//! Reports: a page with a picture and its tables, and the same figures as files.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::OfficeId;
use serde::Deserialize;

use super::Staff;
use super::parts::may;
use crate::enrolment::desk::Signer;
use crate::enrolment::duty::{Right, sees_all_offices};
use crate::http::answer::{Again, Shown, see};
use crate::http::error::{Failure, Kind as Refused};
use crate::page::{Page, View};
use crate::reports::Month;
use crate::reports::chart::{self, Chart, Series};
use crate::reports::report::{self, Drawing, Filter, Kind, Report, Table, Value};
use crate::reports::sheet::{Cell, Sheet};

/// What a person chose.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    office: String,
    from: String,
    to: String,
}

impl Chosen {
    fn query(&self) -> String {
        format!("office={}&from={}&to={}", self.office, self.from, self.to)
    }
}

struct Tab {
    href: String,
    label: String,
    current: bool,
}

/// A table with its words.
struct Shape {
    title: String,
    columns: Vec<String>,
    /// Cells, each with whether it is a figure.
    rows: Vec<Vec<(String, bool)>>,
}

#[derive(Template)]
#[template(path = "staff/report.html")]
struct ReportPage {
    page: Page,
    tabs: Vec<Tab>,
    hint: String,
    has_period: bool,
    offices: Vec<OfficeId>,
    chosen: Chosen,
    /// Field and message of what cannot be.
    faults: Vec<(&'static str, String)>,
    picture: Option<Chart>,
    picture_title: String,
    tables: Vec<Shape>,
    csv: String,
    xlsx: String,
}

/// `GET /reports`.
pub(super) async fn get_reports() -> Response {
    see("/reports/certificates")
}

/// `GET /reports/{kind}`.
pub(super) async fn get_report(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(kind): Path<String>,
    Query(chosen): Query<Chosen>,
) -> Result<Response, Failure> {
    let kind = readable(&signer, &kind)?;
    let asked = ask(&staff, &view, &signer, kind, chosen).await?;
    let mut tx = staff.desk.store.read().await?;
    let report = report::make(&mut tx, kind, &asked.filter).await?;
    drop(tx);
    let title = view.t(&format!("report-{}", kind.word()));
    let tabs = Kind::ALL.into_iter().filter(|other| may_read(&signer, *other)).map(|other| Tab {
        href: format!("/reports/{}?{}", other.word(), asked.chosen.query()),
        label: view.t(&format!("report-{}", other.word())),
        current: other == kind,
    });
    let file = |form: &str| format!("/reports/{}/{form}?{}", kind.word(), asked.chosen.query());
    let page = staff.page(&view, &signer, title.clone(), "/reports").await?;
    let faulty = !asked.faults.is_empty();
    let shown = ReportPage {
        page: Page { wide: true, ..page },
        tabs: tabs.collect(),
        hint: view.t(&format!("report-{}-hint", kind.word())),
        has_period: kind.has_period(),
        csv: file("csv"),
        xlsx: file("xlsx"),
        offices: asked.offices,
        chosen: asked.chosen,
        faults: asked.faults,
        picture: report.drawing.as_ref().map(|drawing| draw(&view, drawing)),
        picture_title: title,
        tables: report.tables.iter().map(|table| shape(&view, table)).collect(),
    };
    Ok(if faulty { Again(shown).into_response() } else { Shown(shown).into_response() })
}

/// Whether an officer may read a report: money only who may look at money.
fn may_read(signer: &Signer, kind: Kind) -> bool {
    kind != Kind::Money || may(signer, Right::ReadMoney)
}

fn readable(signer: &Signer, word: &str) -> Result<Kind, Failure> {
    let kind = Kind::from_word(word).ok_or(Refused::NotFound)?;
    if may_read(signer, kind) { Ok(kind) } else { Err(Refused::NoRight.into()) }
}

/// `GET /reports/{kind}/{form}`: the figures as a file, `csv` or `xlsx`.
pub(super) async fn get_file(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path((kind, form)): Path<(String, String)>,
    Query(chosen): Query<Chosen>,
) -> Result<Response, Failure> {
    let kind = readable(&signer, &kind)?;
    let asked = ask(&staff, &view, &signer, kind, chosen).await?;
    if let Some((field, _)) = asked.faults.first() {
        return Err(Failure::with_detail(Refused::Malformed, field));
    }
    let mut tx = staff.desk.store.read().await?;
    let report: Report = report::make(&mut tx, kind, &asked.filter).await?;
    drop(tx);
    let name = format!("{}-{}-{}", kind.word(), asked.filter.from, asked.filter.to);
    file(&sheet(&view, &report.detail), &form, &name)
}

/// A table as a file to keep.
pub(super) use crate::http::answer::sheet_file as file;

/// What is asked for, as far as it can be.
struct Asked {
    filter: Filter,
    /// The offices that may be chosen.
    offices: Vec<OfficeId>,
    chosen: Chosen,
    faults: Vec<(&'static str, String)>,
}

async fn ask(staff: &Staff, view: &View, signer: &Signer, kind: Kind, chosen: Chosen) -> Result<Asked, Failure> {
    let (offices, shown) = offices(staff, signer, &chosen.office).await?;
    let today = staff.desk.clock.now().beijing_day();
    let this = Month::of(today);
    let mut faults = Vec::new();
    let mut month = |field: &'static str, typed: &str, else_: Month| {
        if typed.is_empty() {
            return else_;
        }
        Month::parse(typed).unwrap_or_else(|| {
            faults.push((field, view.t("report-fault-month")));
            else_
        })
    };
    let (mut from, mut to) = (month("from", &chosen.from, this.plus(-11)), month("to", &chosen.to, this));
    if from > to {
        faults.push(("to", view.t("report-fault-order")));
        (from, to) = (this.plus(-11), this);
    } else if to.number() - from.number() >= Filter::MOST_MONTHS {
        faults.push(("from", view.locale.t_with("report-fault-long", &[("n", &Filter::MOST_MONTHS)])));
        from = to.plus(1 - Filter::MOST_MONTHS);
    }
    if !kind.has_period() {
        faults.clear();
    }
    let chosen =
        if faults.is_empty() { Chosen { from: from.to_string(), to: to.to_string(), ..chosen } } else { chosen };
    Ok(Asked { filter: Filter { offices: shown, from, to, today }, offices, chosen, faults })
}

/// The offices that an officer may choose from, and those that are chosen: all of them for the empty word.
pub(super) async fn offices(
    staff: &Staff,
    signer: &Signer,
    chosen: &str,
) -> Result<(Vec<OfficeId>, Vec<OfficeId>), Failure> {
    let own = signer.officer.office.clone();
    if !sees_all_offices(&signer.officer.roles) {
        if !chosen.is_empty() && chosen != own.as_str() {
            return Err(Refused::OtherOffice.into());
        }
        return Ok((vec![own.clone()], vec![own]));
    }
    let all = staff.desk.store.read().await?.counted_offices().await?;
    if chosen.is_empty() {
        return Ok((all.clone(), all));
    }
    let one = all.iter().find(|office| office.as_str() == chosen).cloned().ok_or(Refused::NotFound)?;
    Ok((all, vec![one]))
}

fn text(view: &View, value: &Value) -> (String, bool) {
    match value {
        Value::Name(name) => (name.clone(), false),
        Value::Message(key) => (view.t(key), false),
        Value::Number(n) => (n.to_string(), true),
        Value::Money(fen) => (fen.to_string(), true),
        Value::Seconds(None) => ("–".into(), true),
        Value::Seconds(Some(seconds)) => (duration(view, *seconds), true),
    }
}

/// About how long.
fn duration(view: &View, seconds: i64) -> String {
    let (key, unit) = match seconds {
        ..5_400 => ("duration-minutes", 60),
        5_400..172_800 => ("duration-hours", 3_600),
        _ => ("duration-days", 86_400),
    };
    let tenths = (seconds * 10 + unit / 2) / unit;
    let n = if tenths % 10 == 0 || tenths >= 100 {
        ((tenths + 5) / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    view.locale.t_with(key, &[("n", &n)])
}

fn shape(view: &View, table: &Table) -> Shape {
    Shape {
        title: view.t(table.title),
        columns: table.columns.iter().map(|key| view.t(key)).collect(),
        rows: table.rows.iter().map(|row| row.iter().map(|value| text(view, value)).collect()).collect(),
    }
}

fn draw(view: &View, drawing: &Drawing) -> Chart {
    let series: Vec<Series> =
        drawing.series.iter().map(|(key, values)| Series { label: view.t(key), values: values.clone() }).collect();
    let say = |n: i64| if drawing.seconds { duration(view, n) } else { n.to_string() };
    match drawing.seconds {
        // A scale of times is round in hours.
        true => {
            let hours = |value: &Option<i64>| value.map(|seconds| (seconds + 1_800) / 3_600);
            let rounded: Vec<Series> = series
                .iter()
                .map(|one| Series { label: one.label.clone(), values: one.values.iter().map(hours).collect() })
                .collect();
            Chart::draw(drawing.kind, &drawing.labels, &rounded, |n| say(n * 3_600))
        }
        false => Chart::draw(drawing.kind, &drawing.labels, &series, say),
    }
}

fn sheet(view: &View, table: &Table) -> Sheet {
    let heading = |key: &str| match key {
        "report-col-median" => view.t("report-col-median-minutes"),
        "report-col-ninetieth" => view.t("report-col-ninetieth-minutes"),
        other => view.t(other),
    };
    let cell = |value: &Value| match value {
        Value::Name(name) => Cell::Text(name.clone()),
        Value::Message(key) => Cell::Text(view.t(key)),
        Value::Number(n) => Cell::Number(*n),
        Value::Money(fen) => Cell::Money(fen.fen()),
        Value::Seconds(None) => Cell::Nothing,
        Value::Seconds(Some(seconds)) => Cell::Number((seconds + 30) / 60),
    };
    Sheet {
        title: view.t(table.title),
        columns: table.columns.iter().map(|key| (heading(key), 18)).collect(),
        rows: table.rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
    }
}

/// Where the picture's frame ends; for the template.
impl ReportPage {
    const fn width(&self) -> f64 {
        chart::WIDTH
    }

    const fn height(&self) -> f64 {
        chart::HEIGHT
    }

    fn error(&self, name: &str) -> Option<&str> {
        self.faults.iter().find(|(field, _)| *field == name).map(|(_, text)| text.as_str())
    }
}
