//! The reports: which figures stand in which table, and what is drawn. The words are the page's.

use std::collections::BTreeMap;

use ca_core::domain::{BeijingDay, OfficeId};
use ca_core::sql::DatabaseError;

use super::steps::{ENDING, SPANS};
use super::{Count, Month, Span, chart, scale};
use crate::payment::fen::Fen;
use crate::store::Tx;

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Issued, renewed, held, revoked.
    Certificates,
    /// What ends in the coming year.
    Expiring,
    /// How long it took.
    Times,
    /// Money by method.
    Money,
    /// Tokens by state.
    Stock,
    /// What the law's inspection asks for.
    Statistics,
}

impl Kind {
    /// All, in the order in which pages offer them.
    pub const ALL: [Self; 6] =
        [Self::Certificates, Self::Expiring, Self::Times, Self::Money, Self::Stock, Self::Statistics];

    /// The word in addresses and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Expiring => "expiring",
            Self::Times => "times",
            Self::Money => "money",
            Self::Stock => "stock",
            Self::Statistics => "statistics",
        }
    }

    /// The report of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it is about a time that one chooses; else it is about what comes, or what is.
    #[must_use]
    pub const fn has_period(self) -> bool {
        !matches!(self, Self::Expiring | Self::Stock)
    }
}

/// Whose figures of which months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The offices.
    pub offices: Vec<OfficeId>,
    /// The first month.
    pub from: Month,
    /// The last month.
    pub to: Month,
    /// The day of the question.
    pub today: BeijingDay,
}

impl Filter {
    /// So many months at most.
    pub const MOST_MONTHS: i64 = 60;

    pub(super) fn months(&self) -> Vec<Month> {
        (self.from.number()..=self.to.number()).map(Month::from_number).collect()
    }
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// As it is: a month, an office.
    Name(String),
    /// A message.
    Message(String),
    /// How many.
    Number(i64),
    /// How much.
    Money(Fen),
    /// How long; `None` when there was nothing.
    Seconds(Option<i64>),
}

/// A table; headings and title are message keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its title.
    pub title: &'static str,
    /// Headings.
    pub columns: Vec<&'static str>,
    /// Rows.
    pub rows: Vec<Vec<Value>>,
}

/// A picture: kind, labels, and series with message keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Bars or lines.
    pub kind: chart::Kind,
    /// What stands below.
    pub labels: Vec<String>,
    /// Series.
    pub series: Vec<(&'static str, Vec<Option<i64>>)>,
    /// Whether the figures are times.
    pub seconds: bool,
}

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Tables to look at.
    pub tables: Vec<Table>,
    /// The picture.
    pub drawing: Option<Drawing>,
    /// What leaves as a file: every office and month by itself.
    pub detail: Table,
}

/// What is counted of certificates: heading, and the count's word.
const CERTIFICATE_COLUMNS: [(&str, &str); 10] = [
    ("report-col-enrolment", "issued-enrolment"),
    ("report-col-person", "issued-person"),
    ("report-col-renewal", "issued-renewal"),
    ("report-col-loss", "issued-loss"),
    ("report-col-exchange", "issued-exchange"),
    ("report-col-change", "issued-change"),
    ("report-col-delivered", "delivered"),
    ("report-col-held", "held"),
    ("report-col-revoked", "revoked"),
    ("report-col-replaced", "replaced"),
];

/// Makes a report.
///
/// # Errors
/// [`DatabaseError`].
pub async fn make(tx: &mut Box<dyn Tx>, kind: Kind, filter: &Filter) -> Result<Report, DatabaseError> {
    match kind {
        Kind::Certificates => certificates(tx, filter).await,
        Kind::Expiring => expiring(tx, filter).await,
        Kind::Times => times(tx, filter).await,
        Kind::Money => super::money::make(tx, filter).await,
        Kind::Stock => super::stock::make(tx, filter).await,
        Kind::Statistics => statistics(tx, filter).await,
    }
}

/// Counts by office, month and word.
type Figures = BTreeMap<(OfficeId, Month, String), i64>;

async fn figures(
    tx: &mut Box<dyn Tx>,
    offices: &[OfficeId],
    from: BeijingDay,
    before: BeijingDay,
) -> Result<Figures, DatabaseError> {
    let mut figures = Figures::new();
    for office in offices {
        for Count { month, what, n } in tx.counts_of(office, from, before).await? {
            *figures.entry((office.clone(), month, what)).or_default() += n;
        }
    }
    Ok(figures)
}

/// The sum of what fits.
fn sum(figures: &Figures, fits: impl Fn(&OfficeId, Month, &str) -> bool) -> i64 {
    figures.iter().filter(|((office, month, what), _)| fits(office, *month, what)).map(|(_, n)| n).sum()
}

async fn certificates(tx: &mut Box<dyn Tx>, filter: &Filter) -> Result<Report, DatabaseError> {
    let figures = figures(tx, &filter.offices, filter.from.first_day(), filter.to.plus(1).first_day()).await?;
    let months = filter.months();
    let row = |head: Vec<Value>, fits: &dyn Fn(&OfficeId, Month) -> bool| {
        let cells = CERTIFICATE_COLUMNS
            .iter()
            .map(|(_, word)| Value::Number(sum(&figures, |office, month, what| what == *word && fits(office, month))));
        head.into_iter().chain(cells).collect::<Vec<_>>()
    };
    let name = |text: String| Value::Name(text);
    let mut by_month: Vec<Vec<Value>> =
        months.iter().map(|month| row(vec![name(month.to_string())], &|_, m| m == *month)).collect();
    by_month.push(row(vec![Value::Message("report-total".into())], &|_, _| true));
    let by_office =
        filter.offices.iter().map(|office| row(vec![name(office.to_string())], &|o, _| o == office)).collect();
    let mut detail = Vec::new();
    for office in &filter.offices {
        for month in &months {
            let head = vec![name(office.to_string()), name(month.to_string())];
            detail.push(row(head, &|o, m| o == office && m == *month));
        }
    }
    let columns = |heads: &[&'static str]| {
        heads.iter().copied().chain(CERTIFICATE_COLUMNS.iter().map(|(heading, _)| *heading)).collect::<Vec<_>>()
    };
    let mut tables = vec![Table { title: "report-by-month", columns: columns(&["report-col-month"]), rows: by_month }];
    if filter.offices.len() > 1 {
        tables.push(Table { title: "report-by-office", columns: columns(&["report-col-office"]), rows: by_office });
    }
    let of_month = |fits: &dyn Fn(&str) -> bool| {
        months.iter().map(|month| Some(sum(&figures, |_, m, what| m == *month && fits(what)))).collect::<Vec<_>>()
    };
    let series = vec![
        ("report-col-enrolment", of_month(&|what| what == "issued-enrolment")),
        ("report-col-renewal", of_month(&|what| what == "issued-renewal")),
        ("report-col-revoked", of_month(&|what| what == "revoked")),
    ];
    Ok(Report {
        tables,
        drawing: Some(Drawing {
            kind: chart::Kind::Bars,
            labels: months.iter().map(Month::to_string).collect(),
            series,
            seconds: false,
        }),
        detail: Table {
            title: "report-certificates",
            columns: columns(&["report-col-office", "report-col-month"]),
            rows: detail,
        },
    })
}

async fn expiring(tx: &mut Box<dyn Tx>, filter: &Filter) -> Result<Report, DatabaseError> {
    let first = Month::of(filter.today);
    let months: Vec<Month> = (0..12).map(|n| first.plus(n)).collect();
    let figures = figures(tx, &filter.offices, filter.today, first.plus(12).first_day()).await?;
    let ending = |fits: &dyn Fn(&OfficeId, Month) -> bool| {
        sum(&figures, |office, month, what| what == ENDING && fits(office, month))
    };
    let mut by_month: Vec<Vec<Value>> = months
        .iter()
        .map(|month| vec![Value::Name(month.to_string()), Value::Number(ending(&|_, m| m == *month))])
        .collect();
    by_month.push(vec![Value::Message("report-total".into()), Value::Number(ending(&|_, _| true))]);
    let mut tables = vec![Table {
        title: "report-by-month",
        columns: vec!["report-col-month", "report-col-ending"],
        rows: by_month,
    }];
    if filter.offices.len() > 1 {
        let rows = filter.offices.iter();
        let rows = rows.map(|o| vec![Value::Name(o.to_string()), Value::Number(ending(&|office, _| office == o))]);
        tables.push(Table {
            title: "report-by-office",
            columns: vec!["report-col-office", "report-col-ending"],
            rows: rows.collect(),
        });
    }
    let mut detail = Vec::new();
    for office in &filter.offices {
        for month in &months {
            let n = ending(&|o, m| o == office && m == *month);
            detail.push(vec![Value::Name(office.to_string()), Value::Name(month.to_string()), Value::Number(n)]);
        }
    }
    let values = months.iter().map(|month| Some(ending(&|_, m| m == *month))).collect();
    Ok(Report {
        tables,
        drawing: Some(Drawing {
            kind: chart::Kind::Bars,
            labels: months.iter().map(Month::to_string).collect(),
            series: vec![("report-col-ending", values)],
            seconds: false,
        }),
        detail: Table {
            title: "report-expiring",
            columns: vec!["report-col-office", "report-col-month", "report-col-ending"],
            rows: detail,
        },
    })
}

/// How many, the median and the ninetieth percentile of what fits.
fn spread(spans: &[(OfficeId, Span)], fits: impl Fn(&OfficeId, &Span) -> bool) -> [Value; 3] {
    let steps: Vec<(i64, i64)> =
        spans.iter().filter(|(office, span)| fits(office, span)).map(|(_, span)| (span.step, span.n)).collect();
    let n = steps.iter().map(|(_, n)| n).sum();
    let at = |percent| Value::Seconds(scale::percentile(steps.iter().copied(), percent));
    [Value::Number(n), at(50), at(90)]
}

const SPAN_HEADS: [(&str, &str); 3] =
    [(SPANS[0], "report-span-review"), (SPANS[1], "report-span-making"), (SPANS[2], "report-span-hold")];

async fn times(tx: &mut Box<dyn Tx>, filter: &Filter) -> Result<Report, DatabaseError> {
    const FIGURES: [&str; 3] = ["report-col-n", "report-col-median", "report-col-ninetieth"];
    let mut spans = Vec::new();
    for office in &filter.offices {
        let own = tx.spans_of(office, filter.from, filter.to).await?;
        spans.extend(own.into_iter().map(|span| (office.clone(), span)));
    }
    let months = filter.months();
    let mut all = Vec::new();
    let (mut by_office, mut detail) = (Vec::new(), Vec::new());
    for (what, heading) in SPAN_HEADS {
        let head = Value::Message(heading.into());
        all.push([vec![head.clone()], spread(&spans, |_, span| span.what == what).into()].concat());
        for office in &filter.offices {
            let head = vec![Value::Name(office.to_string()), head.clone()];
            by_office.push([head.clone(), spread(&spans, |o, span| o == office && span.what == what).into()].concat());
            for month in &months {
                let figures = spread(&spans, |o, s| o == office && s.what == what && s.month == *month);
                detail.push([head.clone(), vec![Value::Name(month.to_string())], figures.into()].concat());
            }
        }
    }
    let mut tables = vec![Table {
        title: "report-all-offices",
        columns: [vec!["report-col-span"], FIGURES.into()].concat(),
        rows: all,
    }];
    if filter.offices.len() > 1 {
        let columns = [vec!["report-col-office", "report-col-span"], FIGURES.into()].concat();
        tables.push(Table { title: "report-by-office", columns, rows: by_office });
    } else if let [table] = tables.as_mut_slice() {
        table.title = "report-spans";
    }
    let median = |what: &str, month: Month| {
        let fits = spans.iter().filter(|(_, span)| span.what == what && span.month == month);
        scale::percentile(fits.map(|(_, span)| (span.step, span.n)), 50)
    };
    // A hold lasts days where the others last hours: together they could not be read.
    let series = SPAN_HEADS[..2]
        .iter()
        .map(|(what, heading)| (*heading, months.iter().map(|month| median(what, *month)).collect()));
    Ok(Report {
        tables,
        drawing: Some(Drawing {
            kind: chart::Kind::Lines,
            labels: months.iter().map(Month::to_string).collect(),
            series: series.collect(),
            seconds: true,
        }),
        detail: Table {
            title: "report-times",
            columns: [vec!["report-col-office", "report-col-span", "report-col-month"], FIGURES.into()].concat(),
            rows: detail,
        },
    })
}

async fn statistics(tx: &mut Box<dyn Tx>, filter: &Filter) -> Result<Report, DatabaseError> {
    const COLUMNS: [&str; 9] = [
        "report-col-office",
        "report-col-issued",
        "report-col-renewal",
        "report-col-held",
        "report-col-revoked",
        "report-col-replaced",
        "report-col-valid",
        "report-col-complaints",
        "report-col-incidents",
    ];
    let (from, before) = (filter.from.first_day(), filter.to.plus(1).first_day());
    let figures_of = figures(tx, &filter.offices, from, before).await?;
    // No certificate lasts longer.
    let last = filter.today.plus_years(6);
    let valid = figures(tx, &filter.offices, filter.today, last).await?;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut totals = [0_i64; 8];
    for office in &filter.offices {
        let entries = tx.count_entries(office, from, before).await?;
        let entered = |kind: &str| entries.iter().filter(|(known, _)| known == kind).map(|(_, n)| n).sum::<i64>();
        let counted = |fits: &dyn Fn(&str) -> bool| sum(&figures_of, |o, _, what| o == office && fits(what));
        let own = [
            counted(&|what| what.starts_with("issued-")),
            counted(&|what| what == "issued-renewal"),
            counted(&|what| what == "held"),
            counted(&|what| what == "revoked"),
            counted(&|what| what == "replaced"),
            sum(&valid, |o, _, what| o == office && what == ENDING),
            entered("complaint"),
            entered("incident"),
        ];
        for (total, n) in totals.iter_mut().zip(own) {
            *total += n;
        }
        rows.push(std::iter::once(Value::Name(office.to_string())).chain(own.map(Value::Number)).collect());
    }
    let detail = Table { title: "report-statistics", columns: COLUMNS.into(), rows: rows.clone() };
    let total = std::iter::once(Value::Message("report-total".into())).chain(totals.map(Value::Number));
    rows.push(total.collect());
    let tables = vec![Table { title: "report-statistics", columns: COLUMNS.into(), rows }];
    Ok(Report { tables, drawing: None, detail })
}
