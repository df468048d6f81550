//! What a person sees: accounts, their ledgers, loans with their plan.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};

use super::super::Portal;
use super::super::query::{Asked, Field, MOST_ROWS, Table, business, cut, days, entries, kinds, today};
use super::page_of;
use super::session::CurrentPerson;
use crate::fund::amounts::Fen;
use crate::fund::books::{Person, PersonAccount, PersonEntry, PersonNumber};
use crate::fund::codes::BusinessType;
use crate::fund::loan::{Instalment, Loan, Repayment};
use crate::http::answer::{Again, Shown, sheet_file};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::reports::sheet::{Cell, Sheet};

/// An account, with its unit's name.
pub(super) struct OwnAccount {
    pub(super) account: PersonAccount,
    pub(super) unit: String,
    pub(super) status: String,
    /// Class of the tag.
    pub(super) class: &'static str,
}

/// The accounts of a person with their units' names.
///
/// # Errors
/// Storage.
pub(super) async fn accounts(portal: &Portal, view: &View, person: &Person) -> Result<Vec<OwnAccount>, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let mut found = Vec::new();
    for account in tx.own_accounts(&person.id).await? {
        let unit = tx.unit(&account.unit).await?.map(|unit| unit.name).unwrap_or_default();
        let class = if account.status.is_open() { "ok" } else { "" };
        let status = view.t(&format!("fund-status-{}", account.status.word()));
        found.push(OwnAccount { account, unit, status, class });
    }
    tx.commit().await?;
    Ok(found)
}

#[derive(Template)]
#[template(path = "portal/my/home.html")]
struct HomePage {
    page: Page,
    accounts: Vec<OwnAccount>,
    total: Fen,
    card: Option<String>,
    loans: Vec<(String, Fen)>,
    as_of: String,
    withdraws: bool,
}

/// `GET /my`.
pub(super) async fn get_home(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
) -> Result<impl IntoResponse, Failure> {
    let accounts = accounts(&portal, &view, &person).await?;
    let mut tx = portal.store.begin_read().await?;
    let card = tx.card(&person.id).await?.map(|card| format!("{} {}", card.bank, card.masked));
    let mut loans = Vec::new();
    for loan in tx.loans_of(&person.id).await? {
        let repaid = tx.repayments(&loan.number).await?;
        loans.push((loan.number.clone(), loan.remaining(&repaid)));
    }
    tx.commit().await?;
    Ok(Shown(HomePage {
        page: Page { wide: true, ..page_of(&view, &person, "my-home-title", "/my") },
        total: accounts.iter().map(|one| one.account.balance()).sum(),
        accounts,
        card,
        loans,
        as_of: portal.clock.now().beijing_text(),
        withdraws: portal.counter.is_some(),
    }))
}

/// An entry as it is shown.
struct Row {
    day: String,
    kind: String,
    month: String,
    unit_part: Fen,
    personal_part: Fen,
    interest: Fen,
    balance: Fen,
}

#[derive(Template)]
#[template(path = "portal/my/ledger.html")]
struct LedgerPage {
    page: Page,
    fields: Vec<Field>,
    account: Option<OwnAccount>,
    rows: Vec<Row>,
    credit: Fen,
    debit: Fen,
    interest: Fen,
    count: i64,
    csv: String,
    xlsx: String,
    pdf: String,
    next: Option<String>,
}

impl LedgerPage {
    fn has_errors(&self) -> bool {
        self.fields.iter().any(|field| field.error.is_some())
    }
}

fn row(view: &View, entry: &PersonEntry) -> Row {
    let kind = business(view, entry.kind);
    Row {
        day: entry.day.to_string(),
        kind: match entry.reverses {
            Some(_) => view.locale.t_with("fund-reversal-of", &[("kind", &kind)]),
            None if entry.kind == BusinessType::Other => view.t("fund-kind-brought-in"),
            None => kind,
        },
        month: entry.month.map(|month| month.to_string()).unwrap_or_default(),
        unit_part: entry.unit_part,
        personal_part: entry.personal_part,
        interest: entry.interest,
        balance: entry.balance,
    }
}

/// `GET /my/ledger`: the first of their accounts, or the one that is asked for.
pub(super) async fn get_ledger(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Failure> {
    use BusinessType::{ClosingWithdrawal, Interest, MakeUp, Other, PartWithdrawal, Remittance};
    let mut own = accounts(&portal, &view, &person).await?;
    let options =
        own.iter().map(|one| (one.account.number.to_string(), format!("{} {}", one.account.number, one.unit)));
    let options: Vec<(String, String)> = options.collect();
    let at = if asked.number.is_empty() {
        (!own.is_empty()).then_some(0)
    } else {
        own.iter().position(|one| one.account.number.as_str() == asked.number)
    };
    let wrong = (!asked.number.is_empty() && at.is_none()).then(|| view.t("fund-fault-number"));
    let account = at.map(|at| own.swap_remove(at));
    asked.number = account.as_ref().map(|one| one.account.number.to_string()).unwrap_or_default();
    let (from, to, mut fields) = days(&view, &mut asked, today(&portal));
    let all = [Remittance, MakeUp, Interest, PartWithdrawal, ClosingWithdrawal, Other];
    let (kind, field) = kinds(&view, &asked, &all);
    fields.push(field);
    fields.insert(
        0,
        Field::of(&view, "number", "fund-filter-number", "select", &asked.number).among(options).faulty(wrong),
    );
    let filter = entries(from, to, kind);
    let (mut found, mut sums) = (Vec::new(), crate::fund::book_store::LedgerSums::default());
    if let Some(one) = &account {
        let mut tx = portal.store.begin_read().await?;
        found = tx.person_ledger(&one.account.number, &filter, asked.before(), asked.limit().min(MOST_ROWS)).await?;
        sums = tx.person_sums(&one.account.number, &filter).await?;
        tx.commit().await?;
    }
    let next = cut(&asked, &mut found, |entry| entry.seq.to_string());
    let rows: Vec<Row> = found.iter().map(|entry| row(&view, entry)).collect();
    let faulty = fields.iter().any(|field| field.error.is_some());
    if !asked.file.is_empty() {
        let one = account.filter(|_| !faulty).ok_or(Kind::Malformed)?;
        return ledger_file(&portal, &view, &person, &asked, &one, &rows).await;
    }
    let shown = LedgerPage {
        page: Page { wide: true, ..page_of(&view, &person, "my-ledger-title", "/my/ledger") },
        csv: asked.href("/my/ledger", &[("file", "csv")]),
        xlsx: asked.href("/my/ledger", &[("file", "xlsx")]),
        pdf: asked.href("/my/ledger", &[("file", "pdf")]),
        next: next.map(|at| asked.href("/my/ledger", &[("at", &at)])),
        fields,
        account,
        rows,
        credit: sums.credit,
        debit: sums.debit,
        interest: sums.interest,
        count: sums.count,
    };
    Ok(if faulty { Again(shown).into_response() } else { Shown(shown).into_response() })
}

async fn ledger_file(
    portal: &Portal,
    view: &View,
    person: &Person,
    asked: &Asked,
    one: &OwnAccount,
    rows: &[Row],
) -> Result<Response, Failure> {
    let keys = [
        "fund-col-day",
        "fund-col-kind",
        "fund-col-month",
        "fund-col-unit-part",
        "fund-col-personal-part",
        "fund-col-interest",
        "fund-col-balance",
    ];
    if asked.file == "pdf" {
        let amounts =
            |row: &Row| [row.unit_part, row.personal_part, row.interest, row.balance].map(|fen| fen.to_string());
        let table = Table {
            about: vec![
                (view.t("fund-col-name"), person.name.clone()),
                (view.t("fund-col-id"), person.id_masked.clone()),
                (view.t("fund-col-number"), one.account.number.to_string()),
                (view.t("portal-unit-name"), one.unit.clone()),
                (view.t("fund-col-balance"), one.account.balance().to_string()),
            ],
            filters: vec![
                (view.t("fund-filter-from"), asked.from.clone()),
                (view.t("fund-filter-to"), asked.to.clone()),
            ],
            columns: keys.map(|key| view.t(key)).to_vec(),
            figures: vec![false, false, false, true, true, true, true],
            rows: rows
                .iter()
                .map(|row| {
                    [[row.day.clone(), row.kind.clone(), row.month.clone()].to_vec(), amounts(row).to_vec()].concat()
                })
                .collect(),
            ..Table::of(portal, view, "my-ledger-title")
        };
        return table.file(portal, "ledger").await;
    }
    let cells = |row: &Row| {
        let money = [row.unit_part, row.personal_part, row.interest, row.balance].map(|fen| Cell::Money(fen.fen()));
        let text = [&row.day, &row.kind, &row.month].map(|text| Cell::Text(text.clone()));
        text.into_iter().chain(money).collect()
    };
    let sheet = Sheet {
        title: view.t("my-ledger-title"),
        columns: keys.iter().map(|key| (view.t(key), 18)).collect(),
        rows: rows.iter().map(cells).collect(),
    };
    sheet_file(&sheet, &asked.file, "ledger")
}

/// A loan with its plan.
struct OwnLoan {
    loan: Loan,
    method: String,
    rate: String,
    remaining: Fen,
    repaid: usize,
    last: Option<Repayment>,
    next: Option<Instalment>,
    /// Instalment, and when it was paid.
    plan: Vec<(Instalment, Option<String>)>,
    interest: Fen,
}

#[derive(Template)]
#[template(path = "portal/my/loans.html")]
struct LoansPage {
    page: Page,
    loans: Vec<OwnLoan>,
    sums: usize,
}

/// `2.85%`.
fn percent(rate: i64) -> String {
    let text = format!("{}.{:03}", rate / 1_000, rate % 1_000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `GET /my/loans`.
pub(super) async fn get_loans(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
) -> Result<impl IntoResponse, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let mut loans = Vec::new();
    for loan in tx.loans_of(&person.id).await? {
        let repaid = tx.repayments(&loan.number).await?;
        let paid = |n: u32| repaid.iter().find(|one| one.n == n).map(|one| one.day.to_string());
        let plan: Vec<_> = loan.plan().into_iter().map(|one| (one, paid(one.n))).collect();
        loans.push(OwnLoan {
            method: view.t(&format!("my-method-{}", loan.method.word().replace('_', "-"))),
            rate: percent(loan.rate),
            remaining: loan.remaining(&repaid),
            next: plan.iter().find(|(_, paid)| paid.is_none()).map(|(one, _)| *one),
            interest: plan.iter().map(|(one, _)| one.interest).sum(),
            plan,
            repaid: repaid.len(),
            last: repaid.last().copied(),
            loan,
        });
    }
    tx.commit().await?;
    Ok(Shown(LoansPage {
        page: Page { wide: true, ..page_of(&view, &person, "my-loans-title", "/my/loans") },
        sums: loans.len(),
        loans,
    }))
}

/// The account that a form names, of this person.
pub(super) fn number_of(text: &str) -> Option<PersonNumber> {
    text.trim().parse().ok()
}
