//! 业务查询: the unit's ledger, contributions, interest, employees, changes, and an employee's ledger.

use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::Portal;
use super::query::{
    Asked, Field, Found, MOST_ROWS, Picture, Value, answer, business, cut, days, entries, kinds, month_value, months,
    today,
};
use super::session::CurrentUnit;
use crate::fund::account::{Unit, masked_mobile};
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::PeopleFilter;
use crate::fund::books::{PersonAccount, PersonEntry, PersonNumber, UnitEntry};
use crate::fund::codes::{BusinessType, IdKind, PersonStatus};
use crate::fund::contributions::{Contribution, Paid, by_month};
use crate::fund::hall::HallError;
use crate::fund::id_hash;
use crate::fund::policy::{days_of, fund_year};
use crate::fund::sheet;
use crate::http::answer::see;
use crate::http::error::Failure;
use crate::page::View;

/// Years that can be chosen.
const YEARS: i64 = 6;

/// `GET /ledger`: 单位明细查询.
pub(super) async fn get_ledger(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Failure> {
    use BusinessType::{Interest, MakeUp, Other, Remittance};
    let (from, to, mut fields) = days(&view, &mut asked, today(&portal));
    let (kind, field) = kinds(&view, &asked, &[Remittance, MakeUp, Interest, Other]);
    fields.push(field);
    let filter = entries(from, to, kind);
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.unit_entries(&unit.account, &filter, asked.before(), asked.limit()).await?;
    let sums = tx.unit_sums(&unit.account, &filter).await?;
    tx.commit().await?;
    let next = cut(&asked, &mut found, |entry| entry.seq.to_string());
    let row = |entry: &UnitEntry| {
        let (credit, debit) = sides(entry.amount);
        vec![
            Value::Text(entry.day.to_string()),
            Value::Code(entry.serial.clone()),
            match entry.kind {
                BusinessType::Other if entry.suspense > Fen::ZERO => Value::Text(view.t("fund-kind-received")),
                BusinessType::Other => Value::Text(view.t("fund-kind-brought-in")),
                kind => kind_value(&view, kind, entry.reverses.is_some()),
            },
            month_value(entry.month),
            Value::Number(i64::from(entry.heads)),
            credit,
            debit,
            amount(entry.interest),
            amount(entry.suspense),
            Value::Money(entry.balance),
        ]
    };
    let totals = vec![
        Value::Text(view.t("fund-total")),
        Value::Text(view.locale.t_with("fund-count", &[("n", &sums.count)])),
        Value::Text(String::new()),
        Value::Text(String::new()),
        Value::Text(String::new()),
        Value::Money(sums.credit),
        Value::Money(sums.debit),
        Value::Money(sums.interest),
        Value::Text(String::new()),
        Value::Text(String::new()),
    ];
    let found = Found {
        path: "/ledger",
        title: "fund-ledger-title",
        fields,
        pictures: Vec::new(),
        columns: vec![
            "fund-col-day",
            "fund-col-serial",
            "fund-col-kind",
            "fund-col-month",
            "fund-col-heads",
            "fund-col-credit",
            "fund-col-debit",
            "fund-col-interest",
            "fund-col-suspense",
            "fund-col-balance",
        ],
        rows: found.iter().map(row).collect(),
        totals,
        about: Vec::new(),
        ways: Vec::new(),
        next,
        empty: "fund-ledger-none",
    };
    answer(&portal, &view, unit, &asked, found).await
}

/// `GET /contributions`: 单位缴存信息查询.
pub(super) async fn get_contributions(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Failure> {
    let this = Month::of(today(&portal));
    let (from, to, fields) = months(&view, &mut asked, this);
    let mut tx = portal.store.begin_read().await?;
    let entries = tx.unit_months(&unit.account, from, to).await?;
    let due = tx.due_accounts(&unit.account, this).await?;
    tx.commit().await?;
    let span: Vec<Month> = (0..=to.since(from)).map(|n| from.plus(n)).collect();
    let found = by_month(&unit, &span, &entries, &due, this);
    let labels: Vec<String> = found.iter().map(|one| one.month.to_string()).collect();
    let yuan = |fen: Fen| Some(fen.fen() / 100);
    let pictures = if found.is_empty() {
        Vec::new()
    } else {
        vec![
            Picture::bars(
                &view,
                "fund-picture-paid",
                &labels,
                &[
                    ("fund-series-due", found.iter().map(|one| yuan(one.due)).collect()),
                    ("fund-series-paid", found.iter().map(|one| yuan(one.paid)).collect()),
                ],
            ),
            Picture::lines(
                &view,
                "fund-picture-heads",
                &labels,
                &[("fund-series-heads", found.iter().map(|one| Some(one.due_heads)).collect())],
            ),
        ]
    };
    let row = |one: &Contribution| {
        let (word, class) = paid_tag(one.status);
        vec![
            Value::Text(one.month.to_string()),
            Value::Number(one.due_heads),
            Value::Money(one.due),
            Value::Money(one.paid),
            Value::Money(one.made_up),
            Value::Money(one.due - one.paid),
            one.day.map_or(Value::Nothing, |day| Value::Text(day.to_string())),
            Value::Tag(view.t(&format!("fund-paid-{word}")), class),
        ]
    };
    let sum = |of: fn(&Contribution) -> Fen| Value::Money(found.iter().map(of).sum());
    let totals = vec![
        Value::Text(view.t("fund-total")),
        Value::Text(String::new()),
        sum(|one| one.due),
        sum(|one| one.paid),
        sum(|one| one.made_up),
        sum(|one| one.due - one.paid),
        Value::Text(String::new()),
        Value::Text(String::new()),
    ];
    let found = Found {
        path: "/contributions",
        title: "fund-contributions-title",
        fields,
        pictures,
        columns: vec![
            "fund-col-month",
            "fund-col-due-heads",
            "fund-col-due",
            "fund-col-paid",
            "fund-col-made-up",
            "fund-col-short",
            "fund-col-paid-on",
            "fund-col-status",
        ],
        totals: if found.is_empty() { Vec::new() } else { totals },
        rows: found.iter().rev().map(row).collect(),
        about: Vec::new(),
        ways: Vec::new(),
        next: None,
        empty: "fund-contributions-none",
    };
    answer(&portal, &view, unit, &asked, found).await
}

/// `GET /interest`: 单位年度结息查询.
pub(super) async fn get_interest(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Failure> {
    let last = fund_year(today(&portal)) - 1;
    let years: Vec<i64> = (0..YEARS).map(|n| last - n).collect();
    let year = asked.year.parse().ok().filter(|year| years.contains(year)).unwrap_or(last);
    asked.year = year.to_string();
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.interest_lines(&unit.account, year, &asked.at, asked.limit()).await?;
    let (count, opening, interest, closing) = tx.interest_sums(&unit.account, year).await?;
    let mut by_year = Vec::new();
    for year in years.iter().rev() {
        let (count, _, interest, _) = tx.interest_sums(&unit.account, *year).await?;
        by_year.push((count > 0).then(|| interest.fen() / 100));
    }
    tx.commit().await?;
    let next = cut(&asked, &mut found, |line| line.number.to_string());
    let name = |year: i64| format!("{year}–{}", year + 1);
    let options = years.iter().map(|year| (year.to_string(), name(*year))).collect();
    let labels: Vec<String> = years.iter().rev().map(|year| name(*year)).collect();
    let pictures = if by_year.iter().flatten().next().is_some() {
        vec![Picture::bars(&view, "fund-picture-interest", &labels, &[("fund-series-interest", by_year)])]
    } else {
        Vec::new()
    };
    let rows = found.iter().map(|line| {
        vec![
            Value::Link(line.number.to_string(), format!("/person?number={}", line.number)),
            Value::Name(line.name.clone()),
            Value::Money(line.opening),
            Value::Text(product(line.product)),
            Value::Text(
                crate::fund::amounts::Rate::new(line.rate).map_or_else(|| "–".to_owned(), |rate| rate.to_string()),
            ),
            Value::Money(line.interest),
            Value::Money(line.closing),
            Value::Code(line.serial.clone()),
        ]
    });
    let totals = vec![
        Value::Text(view.t("fund-total")),
        Value::Text(view.locale.t_with("fund-count", &[("n", &count)])),
        Value::Money(opening),
        Value::Text(String::new()),
        Value::Text(String::new()),
        Value::Money(interest),
        Value::Money(closing),
        Value::Text(String::new()),
    ];
    let (first, end) = days_of(year).unwrap_or((today(&portal), today(&portal)));
    let found = Found {
        path: "/interest",
        title: "fund-interest-title",
        fields: vec![Field::of(&view, "year", "fund-filter-year", "select", &asked.year).among(options)],
        pictures,
        columns: vec![
            "fund-col-number",
            "fund-col-name",
            "fund-col-opening",
            "fund-col-product",
            "fund-col-rate",
            "fund-col-interest",
            "fund-col-closing",
            "fund-col-run",
        ],
        totals: if count > 0 { totals } else { Vec::new() },
        rows: rows.collect(),
        about: vec![(view.t("fund-interest-period"), format!("{first} – {end}"))],
        ways: Vec::new(),
        next,
        empty: "fund-interest-none",
    };
    answer(&portal, &view, unit, &asked, found).await
}

/// A sum of balances times days, in yuan times days.
fn product(product: i128) -> String {
    i64::try_from(product).map_or_else(|_| product.to_string(), |fen| Fen::new(fen).to_string())
}

/// `GET /people`: 单位职工信息查询.
pub(super) async fn get_people(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Failure> {
    let status = PersonStatus::from_code(&asked.status);
    asked.status = status.map_or_else(String::new, |status| status.code().to_owned());
    let filter = PeopleFilter { status, name: asked.name.trim().to_owned(), person: String::new() };
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.people(&unit.account, &filter, &asked.at, asked.limit()).await?;
    let sums = tx.people_sums(&unit.account, &filter).await?;
    tx.commit().await?;
    let next = cut(&asked, &mut found, |account| account.number.to_string());
    let mut options = vec![(String::new(), view.t("fund-filter-all"))];
    options.extend(
        [PersonStatus::Normal, PersonStatus::Sealed, PersonStatus::Frozen, PersonStatus::ClosedWithdrawn]
            .map(|status| (status.code().to_owned(), view.t(&format!("fund-status-{}", status.word())))),
    );
    let rows = found.iter().map(|account| {
        vec![
            Value::Link(account.number.to_string(), format!("/person?number={}", account.number)),
            Value::Name(account.person.name.clone()),
            Value::Code(account.person.id_masked.clone()),
            Value::Code(masked_mobile(&account.person.mobile)),
            Value::Money(account.base),
            Value::Money(account.unit_share),
            Value::Money(account.personal_share),
            status_value(&view, account.status),
            Value::Money(account.balance()),
            month_value(account.paid_through),
        ]
    });
    let totals = vec![
        Value::Text(view.t("fund-total")),
        Value::Text(view.locale.t_with("fund-count", &[("n", &sums.count)])),
        Value::Text(String::new()),
        Value::Text(String::new()),
        Value::Money(sums.base),
        Value::Money(sums.unit_share),
        Value::Money(sums.personal_share),
        Value::Text(String::new()),
        Value::Money(sums.balance),
        Value::Text(String::new()),
    ];
    let found = Found {
        path: "/people",
        title: "fund-people-title",
        fields: vec![
            Field::of(&view, "status", "fund-filter-status", "select", &asked.status).among(options),
            Field::of(&view, "name", "fund-filter-name", "text", &asked.name),
        ],
        pictures: Vec::new(),
        columns: vec![
            "fund-col-number",
            "fund-col-name",
            "fund-col-id",
            "fund-col-mobile",
            "fund-col-base",
            "fund-col-unit-share",
            "fund-col-personal-share",
            "fund-col-status",
            "fund-col-balance",
            "fund-col-paid-through",
        ],
        rows: rows.collect(),
        totals: if sums.count > 0 { totals } else { Vec::new() },
        about: Vec::new(),
        ways: Vec::new(),
        next,
        empty: "fund-people-none",
    };
    answer(&portal, &view, unit, &asked, found).await
}

/// The number by which an employee is looked for.
#[derive(Deserialize)]
pub(super) struct Sought {
    #[serde(default)]
    id: String,
}

/// `POST /people/find`: by the number that identifies them, which is never in an address.
pub(super) async fn post_find(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    Form(sought): Form<Sought>,
) -> Result<Response, Failure> {
    Ok(match found_by_number(&portal, &unit, &sought.id).await? {
        Some(account) => see(&format!("/person?number={}", account.number)),
        None => see("/people?id=unknown"),
    })
}

/// The unit's employee whom a number identifies, of whatever kind it is.
pub(super) async fn found_by_number(
    portal: &Portal,
    unit: &Unit,
    typed: &str,
) -> Result<Option<PersonAccount>, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let mut found = None;
    for kind in IdKind::ALL {
        let Some(number) = sheet::id_number(*kind, typed) else { continue };
        let hash = id_hash(&portal.hall.key, *kind, &number).map_err(HallError::Vault)?;
        if let Some(person) = tx.person_of(hash).await? {
            let filter = PeopleFilter { person: person.id, ..PeopleFilter::default() };
            found = tx.people(&unit.account, &filter, "", 1).await?.into_iter().next().or(found);
        }
    }
    tx.commit().await?;
    Ok(found)
}

/// `GET /changes`: 单位缴存变更信息查询.
pub(super) async fn get_changes(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Failure> {
    use BusinessType::{BaseChange, DataChange, Opening, RateChange, Sealing, Unsealing};
    let (from, to, mut fields) = days(&view, &mut asked, today(&portal));
    let (kind, field) = kinds(&view, &asked, &[Opening, Unsealing, Sealing, BaseChange, DataChange, RateChange]);
    fields.push(field);
    let filter = entries(from, to, kind);
    let mut tx = portal.store.begin_read().await?;
    let mut found = tx.changes(&unit.account, &filter, asked.before(), asked.limit()).await?;
    let count = tx.count_changes(&unit.account, &filter).await?;
    tx.commit().await?;
    let next = cut(&asked, &mut found, |kept| kept.seq.to_string());
    let rows = found.iter().map(|kept| {
        let change = &kept.change;
        let said = |value: &str| {
            let reason = ca_core::domain::FundReason::from_word(value).filter(|_| change.kind == Sealing);
            match reason {
                Some(reason) => Value::Text(view.t(&format!("fund-reason-{}", reason.word()))),
                None if value.is_empty() => Value::Nothing,
                // Figures and numbers are not broken over lines.
                None if value.is_ascii() => Value::Text(value.to_owned()),
                None => Value::Name(value.to_owned()),
            }
        };
        vec![
            Value::Text(kept.at.beijing_text()),
            kind_value(&view, change.kind, change.undoes.is_some()),
            Value::Name(change.name.clone()),
            Value::Text(view.t(&format!("fund-changed-{}", change.field))),
            said(&change.was),
            said(&change.will),
            month_value(change.month),
            serial(&change.serial),
        ]
    });
    let mut totals =
        vec![Value::Text(view.t("fund-total")), Value::Text(view.locale.t_with("fund-count", &[("n", &count)]))];
    totals.resize(8, Value::Text(String::new()));
    let found = Found {
        path: "/changes",
        title: "fund-changes-title",
        fields,
        pictures: Vec::new(),
        columns: vec![
            "fund-col-at",
            "fund-col-kind",
            "fund-col-who",
            "fund-col-what",
            "fund-col-was",
            "fund-col-will",
            "fund-col-from-month",
            "fund-col-serial",
        ],
        totals: if count > 0 { totals } else { Vec::new() },
        rows: rows.collect(),
        about: Vec::new(),
        ways: Vec::new(),
        next,
        empty: "fund-changes-none",
    };
    answer(&portal, &view, unit, &asked, found).await
}

/// `GET /person`: 个人明细账查询.
pub(super) async fn get_person(
    State(portal): State<Portal>,
    CurrentUnit { unit, .. }: CurrentUnit,
    view: View,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Failure> {
    let (from, to, mut fields) = days(&view, &mut asked, today(&portal));
    let number: Option<PersonNumber> = asked.number.trim().parse().ok();
    let mut tx = portal.store.begin_read().await?;
    let account = match &number {
        Some(number) => tx.person_account(&unit.account, number).await?,
        None => None,
    };
    let wrong = (!asked.number.is_empty() && account.is_none()).then(|| view.t("fund-fault-number"));
    fields.insert(0, Field::of(&view, "number", "fund-filter-number", "text", &asked.number).faulty(wrong));
    let filter = entries(from, to, None);
    let (mut found, mut about, mut totals) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(account) = &account {
        found = tx.person_ledger(&account.number, &filter, asked.before(), asked.limit().min(MOST_ROWS)).await?;
        let sums = tx.person_sums(&account.number, &filter).await?;
        let say = |key: &str, value: String| (view.t(key), value);
        about = vec![
            say("fund-col-name", account.person.name.clone()),
            say("fund-col-id", account.person.id_masked.clone()),
            say("fund-col-status", view.t(&format!("fund-status-{}", account.status.word()))),
            say("fund-col-base", account.base.to_string()),
            say("fund-col-carried", account.carried.to_string()),
            say("fund-col-current", account.current.to_string()),
            say("fund-col-balance", account.balance().to_string()),
        ];
        totals = vec![
            Value::Text(view.t("fund-total")),
            Value::Text(view.locale.t_with("fund-count", &[("n", &sums.count)])),
            Value::Text(String::new()),
            Value::Text(view.t("fund-col-credit")),
            Value::Money(sums.credit),
            Value::Money(sums.interest),
            Value::Text(if sums.debit > Fen::ZERO { format!("−{}", sums.debit) } else { String::new() }),
        ];
    }
    tx.commit().await?;
    let next = cut(&asked, &mut found, |entry| entry.seq.to_string());
    let row = |entry: &PersonEntry| {
        vec![
            Value::Text(entry.day.to_string()),
            match entry.kind {
                BusinessType::Other => Value::Text(view.t("fund-kind-brought-in")),
                kind => kind_value(&view, kind, entry.reverses.is_some()),
            },
            month_value(entry.month),
            amount(entry.unit_part),
            amount(entry.personal_part),
            amount(entry.interest),
            Value::Money(entry.balance),
        ]
    };
    let found = Found {
        path: "/person",
        title: "fund-person-title",
        fields,
        pictures: Vec::new(),
        columns: vec![
            "fund-col-day",
            "fund-col-kind",
            "fund-col-month",
            "fund-col-unit-part",
            "fund-col-personal-part",
            "fund-col-interest",
            "fund-col-balance",
        ],
        rows: found.iter().map(row).collect(),
        totals: if found.is_empty() { Vec::new() } else { totals },
        ways: account.as_ref().map(|account| ways(&view, account.status)).unwrap_or_default(),
        about,
        next,
        empty: if account.is_some() { "fund-ledger-none" } else { "fund-person-choose" },
    };
    answer(&portal, &view, unit, &asked, found).await
}

/// What can be done about an account of this status.
fn ways(view: &View, status: PersonStatus) -> Vec<(&'static str, String)> {
    let acts: &[&'static str] = match status {
        PersonStatus::Normal => &["seal", "rebase", "make-up", "change-person"],
        PersonStatus::Sealed => &["unseal", "make-up", "change-person"],
        _ => &[],
    };
    acts.iter().map(|act| (*act, view.t(&format!("fund-rail-{act}")))).collect()
}

/// How far a month is paid, as the end of a message key, and the class of its tag.
const fn paid_tag(paid: Paid) -> (&'static str, &'static str) {
    let class = match paid {
        Paid::Whole => "ok",
        Paid::Late | Paid::Partly => "wait",
        Paid::Due => "info",
        Paid::Overdue => "bad",
    };
    (paid.word(), class)
}

/// An amount as credit or debit.
fn sides(sum: Fen) -> (Value, Value) {
    match sum.fen() {
        0 => (Value::Nothing, Value::Nothing),
        fen if fen > 0 => (Value::Money(sum), Value::Nothing),
        _ => (Value::Nothing, Value::Money(-sum)),
    }
}

fn amount(sum: Fen) -> Value {
    if sum == Fen::ZERO { Value::Nothing } else { Value::Money(sum) }
}

fn serial(serial: &str) -> Value {
    Value::Link(serial.to_owned(), format!("/operations/{serial}"))
}

fn kind_value(view: &View, kind: BusinessType, reversed: bool) -> Value {
    let text = business(view, kind);
    if reversed {
        Value::Tag(view.locale.t_with("fund-reversal-of", &[("kind", &text)]), "wait")
    } else {
        Value::Text(text)
    }
}

fn status_value(view: &View, status: PersonStatus) -> Value {
    let class = match status {
        PersonStatus::Normal => "ok",
        PersonStatus::Sealed => "wait",
        PersonStatus::Frozen => "bad",
        _ => "",
    };
    Value::Tag(view.t(&format!("fund-status-{}", status.word())), class)
}
