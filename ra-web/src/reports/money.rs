//! Money by method: what came and what was paid back, by month and office, out of the kept lines of each day.

use std::collections::BTreeMap;

use ca_core::domain::OfficeId;
use ca_core::sql::DatabaseError;

use super::report::{Drawing, Filter, Report, Table, Value};
use super::{Month, chart};
use crate::payment::fen::Fen;
use crate::store::Tx;

/// So many months are asked for at once: a year of every method stays far below what the store answers.
const AT_ONCE: i64 = 12;

const FIGURES: [&str; 5] =
    ["report-col-payments", "report-col-taken", "report-col-refunds", "report-col-refunded", "report-col-net"];

/// Payments and refunds, each with its sum.
#[derive(Clone, Copy, Default)]
struct Sum {
    payments: i64,
    taken: i64,
    refunds: i64,
    refunded: i64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.payments += other.payments;
        self.taken += other.taken;
        self.refunds += other.refunds;
        self.refunded += other.refunded;
    }

    fn values(self) -> [Value; 5] {
        let money = |fen| Value::Money(Fen::new(fen));
        let (taken, refunded) = (money(self.taken), money(self.refunded));
        [Value::Number(self.payments), taken, Value::Number(self.refunds), refunded, money(self.taken - self.refunded)]
    }
}

/// By office, month and the method's word.
type Sums = BTreeMap<(OfficeId, Month, &'static str), Sum>;

async fn sums(tx: &mut Box<dyn Tx>, filter: &Filter) -> Result<Sums, DatabaseError> {
    let mut sums = Sums::new();
    for office in &filter.offices {
        let mut from = filter.from;
        while from <= filter.to {
            let next = from.plus(AT_ONCE).min(filter.to.plus(1));
            for line in tx.takings(Some(office), from.first_day(), next.first_day().plus_days(-1)).await? {
                let sum = Sum {
                    payments: line.payments,
                    taken: line.taken.fen(),
                    refunds: line.refunds,
                    refunded: line.refunded.fen(),
                };
                sums.entry((office.clone(), Month::of(line.day), line.method.word())).or_default().add(sum);
            }
            from = next;
        }
    }
    Ok(sums)
}

/// Makes the report.
pub(super) async fn make(tx: &mut Box<dyn Tx>, filter: &Filter) -> Result<Report, DatabaseError> {
    let sums = sums(tx, filter).await?;
    let of = |fits: &dyn Fn(&OfficeId, Month, &str) -> bool| {
        let mut all = Sum::default();
        sums.iter().filter(|((office, month, method), _)| fits(office, *month, method)).for_each(|(_, s)| all.add(*s));
        all
    };
    let name = |text: String| Value::Name(text);
    let method = |word: &str| Value::Message(format!("money-method-{word}"));
    let columns = |heads: &[&'static str]| [heads, &FIGURES[..]].concat();
    let row = |heads: Vec<Value>, sum: Sum| [heads, sum.values().into()].concat();

    let mut methods: Vec<&str> = sums.keys().map(|(_, _, method)| *method).collect();
    methods.sort_unstable();
    methods.dedup();
    let mut by_method: Vec<_> = methods.iter().map(|m| row(vec![method(m)], of(&|_, _, o| o == *m))).collect();
    by_method.push(row(vec![Value::Message("report-total".into())], of(&|_, _, _| true)));
    let months = filter.months();
    let by_month = months.iter().map(|m| row(vec![name(m.to_string())], of(&|_, month, _| month == *m))).collect();
    let mut tables = vec![
        Table { title: "report-by-method", columns: columns(&["report-col-method"]), rows: by_method },
        Table { title: "report-by-month", columns: columns(&["report-col-month"]), rows: by_month },
    ];
    if filter.offices.len() > 1 {
        let rows = filter.offices.iter().map(|o| row(vec![name(o.to_string())], of(&|office, _, _| office == o)));
        let columns = columns(&["report-col-office"]);
        tables.push(Table { title: "report-by-office", columns, rows: rows.collect() });
    }
    let detail = sums.iter().map(|((office, month, word), sum)| {
        row(vec![name(office.to_string()), name(month.to_string()), method(word)], *sum)
    });
    let yuan = |pick: &dyn Fn(Sum) -> i64| {
        months.iter().map(|m| Some(pick(of(&|_, month, _| month == *m)) / 100)).collect::<Vec<_>>()
    };
    Ok(Report {
        tables,
        drawing: Some(Drawing {
            kind: chart::Kind::Bars,
            labels: months.iter().map(Month::to_string).collect(),
            series: vec![
                ("report-series-taken", yuan(&|sum| sum.taken)),
                ("report-series-refunded", yuan(&|sum| sum.refunded)),
            ],
            seconds: false,
        }),
        detail: Table {
            title: "report-money",
            columns: columns(&["report-col-office", "report-col-month", "report-col-method"]),
            rows: detail.collect(),
        },
    })
}
