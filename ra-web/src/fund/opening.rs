//! Opening data: the city's rules, its units, and their employees' accounts as the books begin.
//!
//! The operator's TOML file names a table of employees (XLSX or CSV) beside it. The whole is checked first: one odd account and
//! nothing is opened, and every faulty row is named. Units that are there already stay as they are, so the file can be given
//! at every start; one that has no entry yet gets its employees.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use ca_core::domain::{BeijingDay, OrderId, Timestamp, Uscc};
use serde::Deserialize;

use super::account::{AccountNumber, AccountStatus, Unit, day};
use super::amounts::{Fen, Month, Rate};
use super::book_store::Sealed;
use super::books::{Clerk, Person, PersonAccount, PersonNumber};
use super::codes::{IdKind, PersonStatus};
use super::policy::{DayOfYear, Policy, Rounding, SingleBase, days_of, fund_year};
use super::prepare::{id_hash, masked, number_place};
use super::settle::settle_in;
use super::sheet::{self, Column, SheetFault};
use super::store::{FundStore, FundTx};
use crate::Chance;
use crate::audit::Event;
use crate::retry::settled;
use crate::vault::FieldKey;

/// So many accounts a table may have.
pub(super) const MOST_ACCOUNTS: usize = 10_000;
/// The day of a month on which months of before are taken to have been paid.
const PAID_ON: i64 = 14;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Vec<PolicyLine>,
    #[serde(default)]
    unit: Vec<Line>,
    /// A file beside this one.
    people: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyLine {
    valid_from: String,
    rate_min: Rate,
    rate_max: Rate,
    base_floor: Fen,
    base_cap: Fen,
    rounding: Rounding,
    interest: Rate,
    day_count: i64,
    daily_rate_digits: Option<u32>,
    adjust_from: String,
    adjust_to: String,
    #[serde(default)]
    single_base: SingleBase,
}

impl TryFrom<PolicyLine> for Policy {
    type Error = anyhow::Error;

    fn try_from(line: PolicyLine) -> anyhow::Result<Self> {
        let of_year = |text: &str| {
            day(&format!("2024-{text}")).map(DayOfYear::of).with_context(|| format!("{text:?} is not a day like 07-01"))
        };
        ensure!(line.rate_min <= line.rate_max, "policy {}: rate_min is above rate_max", line.valid_from);
        ensure!(line.base_floor <= line.base_cap, "policy {}: base_floor is above base_cap", line.valid_from);
        ensure!(matches!(line.day_count, 360 | 365), "policy {}: day_count is 360 or 365", line.valid_from);
        ensure!(line.daily_rate_digits.is_none_or(|n| n <= 12), "policy {}: too many digits", line.valid_from);
        Ok(Self {
            valid_from: day(&line.valid_from).with_context(|| format!("{:?} is not a day", line.valid_from))?,
            rate_min: line.rate_min,
            rate_max: line.rate_max,
            base_floor: line.base_floor,
            base_cap: line.base_cap,
            rounding: line.rounding,
            interest: line.interest,
            day_count: line.day_count,
            daily_rate_digits: line.daily_rate_digits,
            adjust_from: of_year(&line.adjust_from)?,
            adjust_to: of_year(&line.adjust_to)?,
            single_base: line.single_base,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    account: AccountNumber,
    name: String,
    uscc: Uscc,
    unique_id: Option<String>,
    address: String,
    handler: String,
    handler_mobile: String,
    bank: String,
    payday: Option<u8>,
    opened: String,
    status: AccountStatus,
    unit_rate: Rate,
    personal_rate: Rate,
    suspense: Fen,
    /// The day on which the balances of the table were so.
    brought_in: String,
    /// Through which month was paid then.
    paid_through: Option<Month>,
    /// Months that were paid since, for all who were due: each is booked.
    #[serde(default)]
    paid: Vec<Month>,
}

/// A unit as the books begin.
#[derive(Clone, Debug)]
pub struct OpeningUnit {
    /// The unit, without balance and heads: those come with its employees.
    pub unit: Unit,
    /// Received and not allocated.
    pub suspense: Fen,
    /// When the balances were so.
    pub brought_in: BeijingDay,
    /// Months that were paid since.
    pub paid: Vec<Month>,
}

/// An employee as the books begin. Has the number in full: no Debug.
#[derive(Clone)]
pub struct OpeningPerson {
    pub(super) unit: AccountNumber,
    pub(super) name: String,
    pub(super) id_kind: IdKind,
    pub(super) id_number: String,
    pub(super) mobile: String,
    pub(super) base: Fen,
    pub(super) status: PersonStatus,
    pub(super) opened: BeijingDay,
    pub(super) carried: Fen,
    pub(super) current: Fen,
}

/// All that the books begin with.
#[derive(Clone)]
pub struct Opening {
    /// The city's rules.
    pub policies: Vec<Policy>,
    /// Its units.
    pub units: Vec<OpeningUnit>,
    /// Their employees.
    pub people: Vec<OpeningPerson>,
}

impl TryFrom<Line> for OpeningUnit {
    type Error = anyhow::Error;

    fn try_from(line: Line) -> anyhow::Result<Self> {
        let read = |text: &str| {
            day(text).with_context(|| format!("account {}: {text:?} is not a day like 2020-03-01", line.account))
        };
        let (opened, brought_in) = (read(&line.opened)?, read(&line.brought_in)?);
        ensure!(line.payday.is_none_or(|day| (1..=31).contains(&day)), "account {}: no such payday", line.account);
        ensure!(line.suspense >= Fen::ZERO, "account {}: suspense below nothing", line.account);
        let mut next = line.paid_through.map(|month| month.plus(1));
        for month in &line.paid {
            ensure!(next.is_none_or(|next| next == *month), "account {}: {month} does not follow", line.account);
            next = Some(month.plus(1));
        }
        Ok(Self {
            suspense: line.suspense,
            brought_in,
            paid: line.paid,
            unit: Unit {
                account: line.account,
                name: line.name,
                uscc: line.uscc,
                unique_id: line.unique_id,
                address: line.address,
                handler: line.handler,
                handler_mobile: line.handler_mobile,
                bank: line.bank,
                opened,
                status: line.status,
                unit_rate: line.unit_rate,
                personal_rate: line.personal_rate,
                active_heads: 0,
                sealed_heads: 0,
                balance: Fen::ZERO,
                suspense: Fen::ZERO,
                paid_through: line.paid_through,
                payday: line.payday,
                version: 0,
            },
        })
    }
}

/// Reads the file, and the table that it names.
///
/// # Errors
/// When either cannot be read or something in it cannot be; names the place.
pub fn read(path: &Path) -> anyhow::Result<Opening> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let table = |name: &str| {
        let file = path.with_file_name(name);
        std::fs::read(&file).with_context(|| format!("reading {}", file.display()))
    };
    parse(&text, table).with_context(|| format!("opening data {}", path.display()))
}

/// Reads the file's text; `table` brings the bytes of the table that it names.
///
/// # Errors
/// When something in it cannot be; names the place.
pub fn parse(text: &str, table: impl FnOnce(&str) -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Opening> {
    let file: File = ca_core::settings::from_toml("opening data", text).whole()?;
    let units: Vec<OpeningUnit> = file.unit.into_iter().map(OpeningUnit::try_from).collect::<anyhow::Result<_>>()?;
    let people = match &file.people {
        Some(name) => people(&table(name)?).with_context(|| name.clone())?,
        None => Vec::new(),
    };
    if let Some(lost) = people.iter().find(|person| !units.iter().any(|one| one.unit.account == person.unit)) {
        bail!("an employee is of the unit {}, which is not there", lost.unit);
    }
    let policies: Vec<Policy> = file.policy.into_iter().map(Policy::try_from).collect::<anyhow::Result<_>>()?;
    for one in &units {
        let policy =
            policies.iter().filter(|policy| policy.valid_from <= one.brought_in).max_by_key(|one| one.valid_from);
        let policy = policy.with_context(|| format!("no policy holds on {}", one.brought_in))?;
        for rate in [one.unit.unit_rate, one.unit.personal_rate] {
            ensure!(
                (policy.rate_min..=policy.rate_max).contains(&rate),
                "account {}: the rate {rate} is outside {} to {}",
                one.unit.account,
                policy.rate_min,
                policy.rate_max
            );
        }
    }
    Ok(Opening { policies, units, people })
}

/// Employees out of a table; every faulty row is named.
fn people(bytes: &[u8]) -> anyhow::Result<Vec<OpeningPerson>> {
    let found = people_in(bytes).map_err(|fault| said(&fault))?;
    Ok(found.into_iter().map(|(_, person)| person).collect())
}

/// The same with the row of each.
pub(super) fn people_in(bytes: &[u8]) -> Result<Vec<(usize, OpeningPerson)>, SheetFault> {
    use Column::{Base, Carried, Current, IdNumber, Mobile, Name, Opened, Status, Unit};
    let needed = [Unit, Name, IdNumber, Mobile, Base, Status, Opened, Carried, Current];
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for line in sheet::lines(bytes, &needed, MOST_ACCOUNTS)? {
        let unit = line.read(Unit, "number", &mut faults, |text| text.parse::<AccountNumber>().ok());
        let person = sheet::person(&line, &mut faults);
        let base = line.read(Base, "amount", &mut faults, Fen::typed);
        let status = line.read(Status, "status", &mut faults, sheet::person_status);
        let opened = line.read(Opened, "day", &mut faults, day);
        let carried = line.read(Carried, "amount", &mut faults, Fen::typed);
        let current = line.read(Current, "amount", &mut faults, Fen::typed);
        let (Some(unit), Some((name, id_kind, id_number, mobile)), Some(base)) = (unit, person, base) else { continue };
        let (Some(status), Some(opened), Some(carried), Some(current)) = (status, opened, carried, current) else {
            continue;
        };
        let person = OpeningPerson { unit, name, id_kind, id_number, mobile, base, status, opened, carried, current };
        found.push((line.row, person));
    }
    if faults.is_empty() { Ok(found) } else { Err(SheetFault::Cells(faults)) }
}

pub(super) fn said(fault: &SheetFault) -> anyhow::Error {
    match fault {
        SheetFault::Table(error) => anyhow::anyhow!("{error}"),
        SheetFault::Missing(columns) => {
            anyhow::anyhow!("no column {}", columns.iter().map(|column| column.word()).collect::<Vec<_>>().join(", "))
        }
        SheetFault::NoLines => anyhow::anyhow!("no lines"),
        SheetFault::TooMany(most) => anyhow::anyhow!("over {most} lines"),
        SheetFault::Cells(faults) => {
            let named =
                faults.iter().map(|fault| format!("row {}: {} ({})", fault.line, fault.column.word(), fault.word));
            anyhow::anyhow!("{}", named.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Opens the accounts that are not there yet; answers how many units.
///
/// # Errors
/// When storage fails; then the unit at which it failed was not opened, those before it were.
pub async fn open_accounts(
    store: &Arc<dyn FundStore>,
    opening: &Opening,
    key: &FieldKey,
    chance: &Chance,
    now: Timestamp,
) -> anyhow::Result<usize> {
    settled(|| async {
        let mut tx = store.begin().await?;
        for policy in &opening.policies {
            tx.keep_policy(policy).await?;
        }
        tx.commit().await
    })
    .await?;
    // All units or none: a second one of the same code stops the whole.
    settled(|| async {
        let mut tx = store.begin().await?;
        for one in &opening.units {
            if tx.open_account(&one.unit).await? {
                tx.audit(&event("account.opened", &one.unit.account, now)).await?;
            }
        }
        tx.commit().await
    })
    .await?;
    let mut begun = 0;
    for one in &opening.units {
        let mut tx = store.begin_read().await?;
        let unit = tx.unit(&one.unit.account).await?.context("the unit was opened")?;
        tx.commit().await?;
        if unit.version == 0 {
            let own: Vec<&OpeningPerson> = opening.people.iter().filter(|person| person.unit == unit.account).collect();
            let mut tx = store.begin().await?;
            begin_books(tx.as_mut(), one, &own, key, chance, now).await?;
            tx.commit().await?;
            begun += 1;
        }
    }
    Ok(begun)
}

/// Brings the employees of a unit in, books the months that were paid since, and settles the years that ended, inside a unit
/// of work.
pub(super) async fn begin_books(
    tx: &mut dyn FundTx,
    one: &OpeningUnit,
    own: &[&OpeningPerson],
    key: &FieldKey,
    chance: &Chance,
    now: Timestamp,
) -> anyhow::Result<()> {
    let account = &one.unit.account;
    let draw =
        || OrderId::draw(now, &mut *chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner)).to_string();
    let unit = tx.unit(account).await?.context("the unit was opened")?;
    let policy = tx.policy_at(one.brought_in).await?.context("a policy")?;
    let (serial, first) = (draw(), unit.next_month());
    let clerk = Clerk { policy: &policy, today: one.brought_in, serial: &serial };
    let (mut accounts, mut sealed, mut ids) = (Vec::new(), Vec::new(), BTreeMap::new());
    let numbers = tx.draw_numbers(i64::try_from(own.len())?).await?;
    for (n, person) in (numbers..).zip(own) {
        let hash = id_hash(key, person.id_kind, &person.id_number)?;
        ensure!(ids.insert(hash, ()).is_none(), "{} stands twice in the table", person.name);
        let id = match tx.person_of(hash).await? {
            Some(known) => {
                ensure!(!tx.has_open_account(&known.id).await?, "{} has an account already", person.name);
                known.id
            }
            None => {
                let id = draw();
                let bytes = key.seal(&number_place(&id), person.id_number.as_bytes(), chance)?;
                sealed.push(Sealed { person: id.clone(), bytes });
                id
            }
        };
        let (unit_share, personal_share) = clerk.shares(&unit, person.base);
        accounts.push(PersonAccount {
            number: PersonNumber::nth(n),
            person: Person {
                id,
                name: person.name.clone(),
                id_kind: person.id_kind,
                id_masked: masked(person.id_kind, &person.id_number),
                id_hash: hash,
                mobile: person.mobile.clone(),
                address: String::new(),
            },
            unit: account.clone(),
            base: person.base,
            unit_share,
            personal_share,
            status: person.status,
            opened: person.opened,
            starts: Month::of(person.opened).min(first),
            paid_through: unit.paid_through,
            rebased: None,
            carried: person.carried,
            current: person.current,
            version: 0,
        });
    }
    let booking = clerk.bring_in(unit, accounts);
    tx.book(&booking, &sealed, now).await?;
    tx.audit(&event("fund.brought-in", account, now)).await?;
    let mut settled_until = fund_year(one.brought_in);
    for month in &one.paid {
        let paid_on = month.first_day().plus_days(PAID_ON);
        while settled_until < fund_year(paid_on) {
            settle(tx, account, settled_until, now).await?;
            settled_until += 1;
        }
        let unit = tx.unit(account).await?.context("the unit")?;
        let policy = tx.policy_at(paid_on).await?.context("a policy")?;
        let due = tx.due_accounts(account, *month).await?;
        let sum: Fen = due.iter().map(PersonAccount::monthly).sum();
        let (came, paid) = (draw(), draw());
        let received = Clerk { policy: &policy, today: paid_on, serial: &came }.receive(unit, sum);
        tx.book(&received, &[], now).await?;
        let remitted = Clerk { policy: &policy, today: paid_on, serial: &paid }
            .remit(received.unit, due, *month)
            .with_context(|| format!("account {account}: {month}"))?;
        tx.book(&remitted, &[], now).await?;
    }
    while days_of(settled_until).is_some_and(|(_, last)| last < now.beijing_day()) {
        settle(tx, account, settled_until, now).await?;
        settled_until += 1;
    }
    if one.suspense > Fen::ZERO {
        let unit = tx.unit(account).await?.context("the unit")?;
        let today = now.beijing_day();
        let policy = tx.policy_at(today).await?.context("a policy")?;
        let came = draw();
        let booking = Clerk { policy: &policy, today, serial: &came }.receive(unit, one.suspense);
        tx.book(&booking, &[], now).await?;
    }
    Ok(())
}

async fn settle(tx: &mut dyn FundTx, account: &AccountNumber, year: i64, now: Timestamp) -> anyhow::Result<()> {
    while settle_in(tx, account, year, now).await?.is_some() {}
    Ok(())
}

pub(super) fn event(kind: &'static str, account: &AccountNumber, at: Timestamp) -> Event {
    Event {
        at,
        actor: "system".into(),
        kind,
        subject: account.to_string(),
        details: BTreeMap::from([("from".into(), "opening data".into())]),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The demonstration's opening data.
    pub(crate) fn demo() -> Opening {
        let people = include_bytes!("../../demo/people.csv");
        parse(include_str!("../../demo/units.toml"), |_| Ok(people.to_vec())).expect("sound data")
    }

    #[test]
    fn the_demonstration_file_reads_and_a_wrong_one_names_the_place() {
        assert!(demo().units.len() >= 2 && demo().people.len() > 40);
        let text = include_str!("../../demo/units.toml");
        let people = String::from_utf8(include_bytes!("../../demo/people.csv").to_vec()).expect("UTF-8");
        let fault = |text: &str, people: &str| {
            let read = parse(text, |_| Ok(people.as_bytes().to_vec()));
            read.err().map(|error| format!("{error:#}")).unwrap_or_default()
        };
        assert!(fault(&text.replacen("0.08", "8", 1), &people).contains("rate"));
        assert!(fault(&text.replacen("unit_rate = \"0.08\"", "unit_rate = \"0.13\"", 1), &people).contains("13%"));
        let line = people.lines().nth(2).expect("a row");
        let wrong = people.replace(line, &line.replacen(",138", ",238", 1));
        assert!(fault(text, &wrong).contains("row 3: mobile"), "{}", fault(text, &wrong));
        assert!(fault(text, &people.replace("0210000001", "0210000009")).contains("0210000009"));
    }
}
