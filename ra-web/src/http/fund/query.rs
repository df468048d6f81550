//! What the seven queries share: filters, a table with totals, pictures, pages, files.

use askama::Template;
use axum::response::{IntoResponse, Response};
use ca_core::domain::BeijingDay;
use serde::Serialize;

use super::{Portal, page_of};
use crate::fund::account::{Unit, day};
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::EntryFilter;
use crate::fund::codes::BusinessType;
use crate::fund::contributions::MOST_MONTHS;
use crate::fund::sheet;
use crate::http::answer::{Again, Shown, attached, sheet_file};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::reports::chart::{self, Chart, Kind as Drawing, Series};
use crate::reports::sheet::{Cell, Sheet};

/// Rows on a page.
pub(super) const PAGE: i64 = 50;
/// Rows in a file.
pub(super) const MOST_ROWS: i64 = 20_000;
/// Rows of a PDF; who needs more takes a spreadsheet.
const MOST_PRINTED: usize = 2_000;

/// What was asked for, as it came. Each query reads what concerns it.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) name: String,
    /// `unknown` when nobody was found by the number that identifies them.
    pub(super) id: String,
    pub(super) number: String,
    pub(super) year: String,
    /// The page's first place.
    pub(super) at: String,
    /// `csv`, `xlsx` or `pdf`.
    pub(super) file: String,
}

impl Asked {
    /// The place from which a ledger is read backwards.
    pub(super) fn before(&self) -> i64 {
        self.at.parse().ok().filter(|_| self.file.is_empty()).unwrap_or(i64::MAX)
    }

    /// How many rows are read: one more than is shown, which says whether there is more.
    pub(super) fn limit(&self) -> i64 {
        if self.file.is_empty() { PAGE + 1 } else { MOST_ROWS }
    }

    pub(super) fn href(&self, path: &str, more: &[(&str, &str)]) -> String {
        let own = [
            ("from", self.from.as_str()),
            ("to", &self.to),
            ("kind", &self.kind),
            ("status", &self.status),
            ("name", &self.name),
            ("number", &self.number),
            ("year", &self.year),
        ];
        let all = own.iter().chain(more).filter(|(_, value)| !value.is_empty());
        let query: Vec<String> = all.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        format!("{path}?{}", query.join("&"))
    }
}

/// A value as it stands in an address.
fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(byte).collect()
}

/// A field of the filter.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: String,
    /// `date`, `month`, `text` or `select`.
    pub(super) kind: &'static str,
    pub(super) value: String,
    /// Value and label.
    pub(super) options: Vec<(String, String)>,
    pub(super) error: Option<String>,
}

impl Field {
    pub(super) fn of(view: &View, name: &'static str, label: &str, kind: &'static str, value: &str) -> Self {
        Self { name, label: view.t(label), kind, value: value.to_owned(), options: Vec::new(), error: None }
    }

    pub(super) fn among(mut self, options: Vec<(String, String)>) -> Self {
        self.options = options;
        self
    }

    pub(super) fn faulty(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }
}

/// A cell of a table.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    /// Names and addresses, which are Chinese on every page.
    Name(String),
    Code(String),
    Link(String, String),
    Money(Fen),
    Number(i64),
    /// Text and class of a tag.
    Tag(String, &'static str),
    Nothing,
}

impl Value {
    pub(super) const fn is_figure(&self) -> bool {
        matches!(self, Self::Money(_) | Self::Number(_))
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Name(text) | Self::Code(text) | Self::Link(text, _) | Self::Tag(text, _) => {
                text.clone()
            }
            Self::Money(fen) => fen.to_string(),
            Self::Number(n) => n.to_string(),
            Self::Nothing => "–".to_owned(),
        }
    }

    fn cell(&self) -> Cell {
        match self {
            Self::Money(fen) => Cell::Money(fen.fen()),
            Self::Number(n) => Cell::Number(*n),
            Self::Nothing => Cell::Nothing,
            other => Cell::Text(other.text()),
        }
    }
}

/// A picture with its title.
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) chart: Chart,
}

impl Picture {
    pub(super) fn bars(view: &View, title: &str, labels: &[String], series: &[(&str, Vec<Option<i64>>)]) -> Self {
        Self::draw(view, title, Drawing::Bars, labels, series)
    }

    pub(super) fn lines(view: &View, title: &str, labels: &[String], series: &[(&str, Vec<Option<i64>>)]) -> Self {
        Self::draw(view, title, Drawing::Lines, labels, series)
    }

    fn draw(view: &View, title: &str, kind: Drawing, labels: &[String], series: &[(&str, Vec<Option<i64>>)]) -> Self {
        let series: Vec<Series> =
            series.iter().map(|(key, values)| Series { label: view.t(key), values: values.clone() }).collect();
        let say = |n: i64| Fen::new(n * 100).to_string().trim_end_matches(".00").to_owned();
        Self { title: view.t(title), chart: Chart::draw(kind, labels, &series, say) }
    }
}

/// All that a query shows.
pub(super) struct Found {
    /// Its path.
    pub(super) path: &'static str,
    /// The message of its title; `…-lead` says what it is for.
    pub(super) title: &'static str,
    pub(super) fields: Vec<Field>,
    pub(super) pictures: Vec<Picture>,
    /// Messages of the headings.
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Value>>,
    /// Under the columns; empty for none.
    pub(super) totals: Vec<Value>,
    /// Whom it is about, besides the unit.
    pub(super) about: Vec<(String, String)>,
    /// What can be done about them: act and label.
    pub(super) ways: Vec<(&'static str, String)>,
    /// The place at which the next page begins.
    pub(super) next: Option<String>,
    /// The message for when there is nothing.
    pub(super) empty: &'static str,
}

#[derive(Template)]
#[template(path = "portal/query.html")]
struct QueryPage {
    page: Page,
    unit: Unit,
    lead: String,
    found: Found,
    columns: Vec<(String, bool)>,
    csv: String,
    xlsx: String,
    pdf: String,
    next: Option<String>,
    first: Option<String>,
    action: &'static str,
    width: f64,
    height: f64,
    /// Nobody was found by the number that identifies them.
    unknown: bool,
}

impl QueryPage {
    fn has_errors(&self) -> bool {
        self.found.fields.iter().any(|field| field.error.is_some())
    }

    fn is_file(&self) -> bool {
        !self.found.rows.is_empty()
    }

    /// The account that the page is about.
    fn person(&self) -> Option<&str> {
        let number = self.found.fields.iter().find(|field| field.name == "number")?;
        (!self.found.about.is_empty()).then_some(number.value.as_str())
    }
}

/// The page of a query, or its file.
pub(super) async fn answer(
    portal: &Portal,
    view: &View,
    unit: Unit,
    asked: &Asked,
    found: Found,
) -> Result<Response, Failure> {
    let faulty = found.fields.iter().any(|field| field.error.is_some());
    if !asked.file.is_empty() {
        if faulty {
            return Err(Kind::Malformed.into());
        }
        if asked.file == "pdf" {
            return printed(portal, view, &unit, &found).await;
        }
        let sheet = Sheet {
            title: view.t(found.title),
            columns: found.columns.iter().map(|key| (view.t(key), 18)).collect(),
            rows: found
                .rows
                .iter()
                .chain(Some(&found.totals).filter(|totals| !totals.is_empty()))
                .map(|row| row.iter().map(Value::cell).collect())
                .collect(),
        };
        return sheet_file(&sheet, &asked.file, found.path.trim_start_matches('/'));
    }
    let figure = |n: usize| found.rows.iter().any(|row| row.get(n).is_some_and(Value::is_figure));
    let shown = QueryPage {
        page: Page { wide: true, ..page_of(view, &unit, found.title, found.path) },
        lead: view.t(&format!("{}-lead", found.title)),
        columns: found.columns.iter().enumerate().map(|(n, key)| (view.t(key), figure(n))).collect(),
        csv: asked.href(found.path, &[("file", "csv")]),
        xlsx: asked.href(found.path, &[("file", "xlsx")]),
        pdf: asked.href(found.path, &[("file", "pdf")]),
        next: found.next.as_ref().map(|at| asked.href(found.path, &[("at", at)])),
        first: (!asked.at.is_empty()).then(|| asked.href(found.path, &[])),
        action: found.path,
        width: chart::WIDTH,
        height: chart::HEIGHT,
        unknown: asked.id == "unknown",
        unit,
        found,
    };
    Ok(if faulty { Again(shown).into_response() } else { Shown(shown).into_response() })
}

/// What `paper/fund-query.typ` reads. Whatever is said is in the page's language.
#[derive(Serialize)]
pub(super) struct Table {
    pub(super) lang: &'static str,
    pub(super) title: String,
    pub(super) authority: String,
    /// Whom it is about: names and values.
    pub(super) about: Vec<(String, String)>,
    /// What was asked for.
    pub(super) filters: Vec<(String, String)>,
    pub(super) columns: Vec<String>,
    /// Whether figures stand in a column.
    pub(super) figures: Vec<bool>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) totals: Vec<String>,
    /// What is not in it; empty when it is whole.
    pub(super) cut: String,
    pub(super) printed: String,
    /// What stands around the number of the page and that of all pages.
    pub(super) pages: [String; 3],
}

impl Table {
    /// One without rows.
    pub(super) fn of(portal: &Portal, view: &View, title: &str) -> Self {
        let now = portal.clock.now().beijing_text();
        let pages = ["fund-print-page", "fund-print-of", "fund-print-end"].map(|key| match view.t(key) {
            none if none == "-" => String::new(),
            words => words,
        });
        Self {
            lang: view.locale.tag(),
            title: view.t(title),
            authority: portal.name(view.locale).to_owned(),
            about: Vec::new(),
            filters: Vec::new(),
            columns: Vec::new(),
            figures: Vec::new(),
            rows: Vec::new(),
            totals: Vec::new(),
            cut: String::new(),
            printed: view.locale.t_with("fund-print-at", &[("when", &now)]),
            pages,
        }
    }

    /// As a file to keep.
    pub(super) async fn file(&self, portal: &Portal, name: &str) -> Result<Response, Failure> {
        let paper = portal.press.print("fund-query", self, portal.clock.now()).await?;
        Ok(attached("application/pdf", paper, &format!("{name}.pdf")))
    }
}

async fn printed(portal: &Portal, view: &View, unit: &Unit, found: &Found) -> Result<Response, Failure> {
    let said = |row: &Vec<Value>| row.iter().map(Value::text).collect::<Vec<_>>();
    let mut about = vec![
        (view.t("portal-unit-name"), unit.name.clone()),
        (view.t("portal-account-number"), unit.account.to_string()),
    ];
    about.extend(found.about.iter().cloned());
    let filters = found.fields.iter().filter(|field| !field.value.is_empty()).map(|field| {
        let chosen = field.options.iter().find(|(value, _)| *value == field.value);
        (field.label.clone(), chosen.map_or_else(|| field.value.clone(), |(_, label)| label.clone()))
    });
    let cut = found.rows.len().saturating_sub(MOST_PRINTED);
    let table = Table {
        about,
        filters: filters.collect(),
        columns: found.columns.iter().map(|key| view.t(key)).collect(),
        figures: (0..found.columns.len())
            .map(|n| found.rows.iter().any(|row| row.get(n).is_some_and(Value::is_figure)))
            .collect(),
        rows: found.rows.iter().take(MOST_PRINTED).map(said).collect(),
        totals: said(&found.totals),
        cut: if cut > 0 { view.locale.t_with("fund-print-cut", &[("n", &(cut as u64))]) } else { String::new() },
        ..Table::of(portal, view, found.title)
    };
    table.file(portal, found.path.trim_start_matches('/')).await
}

/// Cuts the row that only says that there is more; answers the place of the last one that is shown.
pub(super) fn cut<T>(asked: &Asked, rows: &mut Vec<T>, place: impl Fn(&T) -> String) -> Option<String> {
    if !asked.file.is_empty() || rows.len() <= PAGE as usize {
        return None;
    }
    rows.truncate(PAGE as usize);
    rows.last().map(place)
}

/// Days from and to, twelve months back without a word.
pub(super) fn days(view: &View, asked: &mut Asked, today: BeijingDay) -> (BeijingDay, BeijingDay, Vec<Field>) {
    let usual = Month::of(today).plus(-11).first_day();
    let read = |text: &str, usual: BeijingDay| {
        if text.is_empty() {
            (usual, None)
        } else {
            day(text).map_or((usual, Some("fund-fault-day")), |day| (day, None))
        }
    };
    let ((from, wrong_from), (to, mut wrong_to)) = (read(&asked.from, usual), read(&asked.to, today));
    if wrong_from.is_none() && wrong_to.is_none() && from > to {
        wrong_to = Some("fund-fault-order");
    }
    if wrong_from.is_none() {
        asked.from = from.to_string();
    }
    if !matches!(wrong_to, Some("fund-fault-day")) {
        asked.to = to.to_string();
    }
    let fields = vec![
        Field::of(view, "from", "fund-filter-from", "date", &asked.from).faulty(wrong_from.map(|key| view.t(key))),
        Field::of(view, "to", "fund-filter-to", "date", &asked.to).faulty(wrong_to.map(|key| view.t(key))),
    ];
    (from, to, fields)
}

/// Months from and to, the last twelve without a word.
pub(super) fn months(view: &View, asked: &mut Asked, this: Month) -> (Month, Month, Vec<Field>) {
    let read = |text: &str, usual: Month| {
        if text.is_empty() {
            (usual, None)
        } else {
            sheet::month(text).map_or((usual, Some("fund-fault-month")), |month| (month, None))
        }
    };
    let ((mut from, wrong_from), (to, mut wrong_to)) = (read(&asked.from, this.plus(-11)), read(&asked.to, this));
    if wrong_from.is_none() && wrong_to.is_none() {
        if from > to {
            wrong_to = Some("fund-fault-order");
        } else if to.since(from) >= MOST_MONTHS {
            wrong_to = Some("fund-fault-long");
        }
    }
    if wrong_to.is_some() {
        from = to.plus(-11).max(from).min(to);
    }
    if wrong_from.is_none() && wrong_to.is_none() {
        (asked.from, asked.to) = (from.to_string(), to.to_string());
    }
    let fields = vec![
        Field::of(view, "from", "fund-filter-month-from", "month", &asked.from)
            .faulty(wrong_from.map(|key| view.t(key))),
        Field::of(view, "to", "fund-filter-month-to", "month", &asked.to).faulty(wrong_to.map(|key| view.t(key))),
    ];
    (from, to, fields)
}

/// The filter for types, among these.
pub(super) fn kinds(view: &View, asked: &Asked, among: &[BusinessType]) -> (Option<BusinessType>, Field) {
    let chosen = BusinessType::from_code(&asked.kind).filter(|kind| among.contains(kind));
    let mut options = vec![(String::new(), view.t("fund-filter-all"))];
    options.extend(among.iter().map(|kind| (kind.code().to_owned(), business(view, *kind))));
    let value = chosen.map_or("", BusinessType::code);
    (chosen, Field::of(view, "kind", "fund-filter-kind", "select", value).among(options))
}

/// A type in words.
pub(super) fn business(view: &View, kind: BusinessType) -> String {
    view.t(&format!("fund-kind-{}", kind.word()))
}

/// A month, or nothing.
pub(super) fn month_value(month: Option<Month>) -> Value {
    month.map_or(Value::Nothing, |month| Value::Text(month.to_string()))
}

/// The filter of a ledger.
pub(super) const fn entries(from: BeijingDay, to: BeijingDay, kind: Option<BusinessType>) -> EntryFilter {
    EntryFilter { from, to, kind }
}

/// Today in Beijing.
pub(super) fn today(portal: &Portal) -> BeijingDay {
    portal.clock.now().beijing_day()
}
