//! The stock of tokens as it is now: how many are in each state, by office.

use std::collections::BTreeMap;

use ca_core::sql::DatabaseError;

use super::report::{Filter, Report, Table, Value};
use crate::store::Tx;

/// Makes the report.
pub(super) async fn make(tx: &mut Box<dyn Tx>, filter: &Filter) -> Result<Report, DatabaseError> {
    let state = |word: &str| Value::Message(format!("token-{}", word.replace('_', "-")));
    let mut all: BTreeMap<String, i64> = BTreeMap::new();
    let (mut detail, mut by_office) = (Vec::new(), Vec::new());
    for office in &filter.offices {
        let name = || Value::Name(office.to_string());
        let mut own = 0;
        for (word, n) in tx.count_tokens(office).await? {
            detail.push(vec![name(), state(&word), Value::Number(n)]);
            own += n;
            *all.entry(word).or_default() += n;
        }
        by_office.push(vec![name(), Value::Number(own)]);
    }
    let mut by_state: Vec<_> = all.iter().map(|(word, n)| vec![state(word), Value::Number(*n)]).collect();
    by_state.push(vec![Value::Message("report-total".into()), Value::Number(all.values().sum())]);
    let columns = vec!["report-col-token-state", "report-col-tokens"];
    let mut tables = vec![Table { title: "report-by-state", columns, rows: by_state }];
    if filter.offices.len() > 1 {
        let columns = vec!["report-col-office", "report-col-tokens"];
        tables.push(Table { title: "report-by-office", columns, rows: by_office });
    }
    let columns = vec!["report-col-office", "report-col-token-state", "report-col-tokens"];
    Ok(Report { tables, drawing: None, detail: Table { title: "report-stock", columns, rows: detail } })
}
