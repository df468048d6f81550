//! The seven queries for programs, page by page.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::ask::{Asked, At, Body, Reader, number_of};
use super::session::Machine;
use super::shape::{
    Changes, ContributionShape, Contributions, Interest, People, PersonLedger, PersonShape, UnitLedger, UnitShape, cut,
};
use crate::fund::account::Unit;
use crate::fund::amounts::Month;
use crate::fund::book_store::{EntryFilter, PeopleFilter};
use crate::fund::books::PersonAccount;
use crate::fund::codes::{BusinessType, PersonStatus};
use crate::fund::contributions::{MOST_MONTHS, by_month};
use crate::fund::policy::fund_year;
use crate::fund::sheet;
use crate::http::error::{Failure, Kind};
use crate::http::fund::Portal;
use crate::http::fund::queries::found_by_number;
use crate::page::View;

/// The unit and its account
///
/// 单位信息查询.
#[utoipa::path(get, path = "/unit", tag = "queries", operation_id = "unit",
    responses((status = 200, description = "The account", body = UnitShape)))]
pub(super) async fn get_unit(machine: Machine) -> Json<UnitShape> {
    Json(machine.unit.into())
}

/// Which entries of a ledger.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LedgerAsked {
    /// From this day on; twelve months back without a word.
    #[param(value_type = Option<String>, nullable = false, format = Date, example = "2026-01-01")]
    from: Option<String>,
    /// Until this day; today without a word.
    #[param(value_type = Option<String>, nullable = false, format = Date, example = "2026-11-24")]
    to: Option<String>,
    /// Of one type only: 01 汇缴, 02 补缴, 09 年终结息, 99 其他.
    #[param(nullable = false, pattern = "^(01|02|09|99)$")]
    kind: Option<String>,
    /// Where the page begins: `next` of the page before.
    #[param(nullable = false, pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
    /// Rows on the page; 50 without a word.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// What is read of a ledger: entries, place, rows.
fn ledger(
    portal: &Portal,
    view: &View,
    asked: &LedgerAsked,
    among: &[BusinessType],
) -> Result<(EntryFilter, i64, i64), Failure> {
    let mut reader = Reader::new(view);
    let today = portal.clock.now().beijing_day();
    let from = reader.day("from", asked.from.as_deref(), Month::of(today).plus(-11).first_day());
    let to = reader.day("to", asked.to.as_deref(), today);
    if asked.from.is_some() && from > to {
        reader.fault(At::Parameter("to"), "order");
    }
    let kind = reader.maybe(asked.kind.as_deref(), |reader, text| {
        let kind = BusinessType::from_code(text).filter(|kind| among.contains(kind));
        reader.read(At::Parameter("kind"), "choose", kind)
    });
    let before = reader.place(asked.cursor.as_deref()).unwrap_or(i64::MAX);
    let limit = reader.limit(asked.limit.as_deref());
    reader.done(Some((EntryFilter { from, to, kind }, before, limit)))
}

const LEDGER: [BusinessType; 4] =
    [BusinessType::Remittance, BusinessType::MakeUp, BusinessType::Interest, BusinessType::Other];

/// The unit's ledger
///
/// 单位明细查询, newest first.
#[utoipa::path(get, path = "/ledger", tag = "queries", operation_id = "ledger", params(LedgerAsked),
    responses((status = 200, description = "A page of the ledger", body = UnitLedger)))]
pub(super) async fn get_ledger(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Asked(asked): Asked<LedgerAsked>,
) -> Result<Json<UnitLedger>, Failure> {
    let (filter, before, limit) = ledger(&portal, &view, &asked, &LEDGER)?;
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.unit_entries(&machine.unit.account, &filter, before, limit + 1).await?;
    let sums = tx.unit_sums(&machine.unit.account, &filter).await?;
    tx.commit().await?;
    let next = cut(&mut found, limit, |entry| entry.seq.to_string());
    Ok(Json(UnitLedger { items: found.into_iter().map(Into::into).collect(), sums: sums.into(), next }))
}

/// Which months.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MonthsAsked {
    /// From this month on; the last twelve without a word.
    #[param(nullable = false, pattern = r"^(199[1-9]|20[0-9]{2})-(0[1-9]|1[0-2])$", example = "2026-01")]
    from: Option<String>,
    /// Until this month; at most 60 in all.
    #[param(nullable = false, pattern = r"^(199[1-9]|20[0-9]{2})-(0[1-9]|1[0-2])$", example = "2026-11")]
    to: Option<String>,
}

/// Contributions by month
///
/// 单位缴存信息查询: what was due, what was paid, and when. Months of before the books began are left out.
#[utoipa::path(get, path = "/contributions", tag = "queries", operation_id = "contributions", params(MonthsAsked),
    responses((status = 200, description = "The months", body = Contributions)))]
pub(super) async fn get_contributions(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Asked(asked): Asked<MonthsAsked>,
) -> Result<Json<Contributions>, Failure> {
    let mut reader = Reader::new(&view);
    let this = Month::of(portal.clock.now().beijing_day());
    let read = |reader: &mut Reader<'_>, name: &'static str, text: &Option<String>| {
        reader.maybe(text.as_deref(), |reader, text| reader.month(At::Parameter(name), text))
    };
    let (from, to) = (read(&mut reader, "from", &asked.from), read(&mut reader, "to", &asked.to));
    let (from, to) = match (from, to) {
        (Some(from), to) => (from, to.unwrap_or_else(|| this.max(from))),
        (None, to) => (to.unwrap_or(this).plus(-11), to.unwrap_or(this)),
    };
    if from > to {
        reader.fault(At::Parameter("to"), "order");
    } else if to.since(from) >= MOST_MONTHS {
        reader.fault(At::Parameter("to"), "long");
    }
    let (from, to) = reader.done(Some((from, to)))?;
    let mut tx = portal.store.begin_read().await?;
    let entries = tx.unit_months(&machine.unit.account, from, to).await?;
    let due = tx.due_accounts(&machine.unit.account, this).await?;
    tx.commit().await?;
    let span: Vec<Month> = (0..=to.since(from)).map(|n| from.plus(n)).collect();
    let found = by_month(&machine.unit, &span, &entries, &due, this);
    Ok(Json(Contributions { items: found.into_iter().map(ContributionShape::from).collect() }))
}

/// Which year.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct YearAsked {
    /// The year in which the fund year begins; the last that is over without a word.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1991, maximum = 2099, example = 2025)]
    year: Option<String>,
    /// Where the page begins: `next` of the page before.
    #[param(nullable = false, pattern = "^[0-9]{12}$")]
    cursor: Option<String>,
    /// Rows on the page; 50 without a word.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// The yearly interest
///
/// 单位年度结息查询, account by account.
#[utoipa::path(get, path = "/interest", tag = "queries", operation_id = "interest", params(YearAsked),
    responses((status = 200, description = "A page of accounts", body = Interest)))]
pub(super) async fn get_interest(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Asked(asked): Asked<YearAsked>,
) -> Result<Json<Interest>, Failure> {
    let mut reader = Reader::new(&view);
    let last = fund_year(portal.clock.now().beijing_day()) - 1;
    let year = reader.maybe(asked.year.as_deref(), |reader, text| {
        let year = text.parse().ok().filter(|year| (1991..=2099).contains(year) && text.len() == 4);
        reader.read(At::Parameter("year"), "year", year)
    });
    let year = year.unwrap_or(last);
    let after = after(&mut reader, asked.cursor.as_deref());
    let limit = reader.limit(asked.limit.as_deref());
    let (after, limit) = reader.done(Some((after, limit)))?;
    let unit = &machine.unit.account;
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.interest_lines(unit, year, &after, limit + 1).await?;
    let (count, opening, interest, closing) = tx.interest_sums(unit, year).await?;
    tx.commit().await?;
    let next = cut(&mut found, limit, |line| line.number.to_string());
    Ok(Json(Interest {
        year,
        items: found.into_iter().map(Into::into).collect(),
        count,
        opening: opening.into(),
        interest: interest.into(),
        closing: closing.into(),
        next,
    }))
}

/// The account after which a page begins.
fn after(reader: &mut Reader<'_>, text: Option<&str>) -> String {
    let number = reader.maybe(text, |reader, text| {
        reader.read(At::Parameter("cursor"), "cursor", text.parse::<crate::fund::books::PersonNumber>().ok())
    });
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// Which employees.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PeopleAsked {
    /// Of one status only (GRZHZT).
    #[param(nullable = false, pattern = "^(01|02|03|04|05|06|99)$")]
    status: Option<String>,
    /// Of exactly this name.
    #[param(nullable = false, min_length = 2, max_length = 50)]
    name: Option<String>,
    /// Where the page begins: `next` of the page before.
    #[param(nullable = false, pattern = "^[0-9]{12}$")]
    cursor: Option<String>,
    /// Rows on the page; 50 without a word.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

/// Employees
///
/// 单位职工信息查询. Numbers that identify persons are masked.
#[utoipa::path(get, path = "/people", tag = "queries", operation_id = "people", params(PeopleAsked),
    responses((status = 200, description = "A page of employees", body = People)))]
pub(super) async fn get_people(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Asked(asked): Asked<PeopleAsked>,
) -> Result<Json<People>, Failure> {
    let mut reader = Reader::new(&view);
    let status = reader.maybe(asked.status.as_deref(), |reader, text| {
        reader.read(At::Parameter("status"), "choose", PersonStatus::from_code(text))
    });
    let name = reader.maybe(asked.name.as_deref(), |reader, text| {
        reader.read(At::Parameter("name"), "name", sheet::name(text).filter(|name| name == text))
    });
    let after = after(&mut reader, asked.cursor.as_deref());
    let limit = reader.limit(asked.limit.as_deref());
    let (after, limit) = reader.done(Some((after, limit)))?;
    let filter = PeopleFilter { status, name: name.unwrap_or_default(), person: String::new() };
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.people(&machine.unit.account, &filter, &after, limit + 1).await?;
    let sums = tx.people_sums(&machine.unit.account, &filter).await?;
    tx.commit().await?;
    let next = cut(&mut found, limit, |account| account.number.to_string());
    Ok(Json(People {
        items: found.into_iter().map(Into::into).collect(),
        count: sums.count,
        base: sums.base.into(),
        unit_share: sums.unit_share.into(),
        personal_share: sums.personal_share.into(),
        balance: sums.balance.into(),
        next,
    }))
}

/// By what an employee is looked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    /// The whole number that identifies them, of any kind.
    #[schema(min_length = 4, max_length = 18, pattern = "^[0-9A-Z]+$", example = "130599197306120145")]
    id_number: String,
}

/// Finds an employee by the number that identifies them
///
/// The number is in the body, since addresses are logged. Answers the unit's own employees only.
#[utoipa::path(post, path = "/people/search", tag = "queries", operation_id = "find_person", request_body = Sought,
    responses((status = 200, description = "The account", body = PersonShape),
        (status = 404, description = "No employee of the unit has this number",
            body = inline(crate::http::error::Problem), content_type = "application/problem+json")))]
pub(super) async fn post_search(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    body: Body<Sought>,
) -> Result<Json<PersonShape>, Failure> {
    let text = &body.value.id_number;
    let mut reader = Reader::new(&view);
    let good = (4..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let text = reader.read("/id_number", "id", good.then_some(text));
    let text = reader.done(text)?;
    let found = found_by_number(&portal, &machine.unit, text).await?;
    found.map(|account| Json(account.into())).ok_or_else(|| Kind::NotFound.into())
}

async fn person(portal: &Portal, unit: &Unit, number: &str) -> Result<PersonAccount, Failure> {
    let number = number_of(number)?;
    let mut tx = portal.store.begin_read().await?;
    let account = tx.person_account(&unit.account, &number).await?;
    tx.commit().await?;
    account.ok_or_else(|| Kind::NotFound.into())
}

/// An employee's account
#[utoipa::path(get, path = "/people/{number}", tag = "queries", operation_id = "person",
    params(("number" = String, Path, description = "GRZH", pattern = "^[0-9]{12}$", example = "030000000001")),
    responses((status = 200, description = "The account", body = PersonShape)))]
pub(super) async fn get_person(
    State(portal): State<Portal>,
    machine: Machine,
    Path(number): Path<String>,
) -> Result<Json<PersonShape>, Failure> {
    Ok(Json(person(&portal, &machine.unit, &number).await?.into()))
}

/// An employee's ledger
///
/// 个人明细账查询, newest first.
#[utoipa::path(get, path = "/people/{number}/ledger", tag = "queries", operation_id = "person_ledger",
    params(("number" = String, Path, description = "GRZH", pattern = "^[0-9]{12}$", example = "030000000001"),
        LedgerAsked),
    responses((status = 200, description = "A page of the ledger", body = PersonLedger)))]
pub(super) async fn get_person_ledger(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Path(number): Path<String>,
    Asked(asked): Asked<LedgerAsked>,
) -> Result<Json<PersonLedger>, Failure> {
    let (filter, before, limit) = ledger(&portal, &view, &asked, &LEDGER)?;
    let account = person(&portal, &machine.unit, &number).await?;
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.person_ledger(&account.number, &filter, before, limit + 1).await?;
    let sums = tx.person_sums(&account.number, &filter).await?;
    tx.commit().await?;
    let next = cut(&mut found, limit, |entry| entry.seq.to_string());
    Ok(Json(PersonLedger {
        person: account.into(),
        items: found.into_iter().map(Into::into).collect(),
        sums: sums.into(),
        next,
    }))
}

/// Which changes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesAsked {
    /// From this day on; twelve months back without a word.
    #[param(value_type = Option<String>, nullable = false, format = Date, example = "2026-01-01")]
    from: Option<String>,
    /// Until this day; today without a word.
    #[param(value_type = Option<String>, nullable = false, format = Date, example = "2026-11-24")]
    to: Option<String>,
    /// Of one type only: 03 开户, 04 启封, 05 封存, 10 基数调整, 70 变更, 75 比例调整.
    #[param(nullable = false, pattern = "^(03|04|05|10|70|75)$")]
    kind: Option<String>,
    /// Where the page begins: `next` of the page before.
    #[param(nullable = false, pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
    /// Rows on the page; 50 without a word.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

const CHANGES: [BusinessType; 6] = [
    BusinessType::Opening,
    BusinessType::Unsealing,
    BusinessType::Sealing,
    BusinessType::BaseChange,
    BusinessType::DataChange,
    BusinessType::RateChange,
];

/// Changes besides money
///
/// 单位缴存变更信息查询, newest first.
#[utoipa::path(get, path = "/changes", tag = "queries", operation_id = "changes", params(ChangesAsked),
    responses((status = 200, description = "A page of changes", body = Changes)))]
pub(super) async fn get_changes(
    State(portal): State<Portal>,
    machine: Machine,
    view: View,
    Asked(asked): Asked<ChangesAsked>,
) -> Result<Json<Changes>, Failure> {
    let ChangesAsked { from, to, kind, cursor, limit } = asked;
    let asked = LedgerAsked { from, to, kind, cursor, limit };
    let (filter, before, limit) = ledger(&portal, &view, &asked, &CHANGES)?;
    let unit = &machine.unit.account;
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.changes(unit, &filter, before, limit + 1).await?;
    let count = tx.count_changes(unit, &filter).await?;
    tx.commit().await?;
    let next = cut(&mut found, limit, |kept| kept.seq.to_string());
    Ok(Json(Changes { items: found.into_iter().map(Into::into).collect(), count, next }))
}
