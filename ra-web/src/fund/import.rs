//! A city's data brought in while the fund runs: units, and their employees with balances, out of CSV or XLSX files.
//!
//! All files of an import are looked at before anything is written: every faulty row of each is named at once, and then nothing
//! is done. What is sound comes in one transaction. What is there already stays as it is, so that an import can be run
//! again; a row that contradicts it is faulty. The rules of the city come in a TOML file beside them or were there before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ca_core::domain::{Timestamp, Uscc};

use super::account::{AccountNumber, AccountStatus, Unit, day};
use super::amounts::{Fen, Rate};
use super::opening::{self, MOST_ACCOUNTS, Opening, OpeningPerson, OpeningUnit, begin_books, event, people_in};
use super::policy::Policy;
use super::prepare::id_hash;
use super::sheet::{self, CellFault, Column, SheetFault};
use super::store::{FundStore, FundTx};
use crate::Chance;
use crate::i18n::Locale;
use crate::vault::FieldKey;

/// A file of an import.
pub struct Source {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Something that cannot be: which file, which row, what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The row as a spreadsheet program counts; 0 for the whole file.
    pub row: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            0 => write!(f, "{}: {}", self.file, self.what),
            row => write!(f, "{}, row {row}: {}", self.file, self.what),
        }
    }
}

/// Sums over units and their employees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Units.
    pub units: usize,
    /// Employees.
    pub people: usize,
    /// What was carried over.
    pub carried: Fen,
    /// What came this year.
    pub current: Fen,
    /// What is not allocated.
    pub suspense: Fen,
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} units, {} employees, carried over {}, this year {}, suspense {}",
            self.units, self.people, self.carried, self.current, self.suspense
        )
    }
}

/// What an import comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is new.
    pub new: Sums,
    /// What was there before.
    pub known: Sums,
}

/// Why nothing was brought in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// These.
    #[error("{} faults", .0.len())]
    Faults(Vec<Fault>),
    /// Storage or sealing failed; nothing of it was written.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Rows of all files, each with its place.
#[derive(Default)]
struct Rows {
    policies: Vec<Policy>,
    units: Vec<(Place, OpeningUnit)>,
    people: Vec<(Place, OpeningPerson)>,
}

/// File and row.
#[derive(Clone)]
struct Place(String, usize);

impl Place {
    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { file: self.0.clone(), row: self.1, what: what.into() }
    }
}

/// Brings files in, or only looks at them.
///
/// # Errors
/// [`ImportError`]; then nothing was written.
pub async fn import(
    store: &Arc<dyn FundStore>,
    sources: &[Source],
    look_only: bool,
    key: &FieldKey,
    chance: &Chance,
    now: Timestamp,
) -> Result<Report, ImportError> {
    let mut faults = Vec::new();
    let rows = read(sources, &mut faults);
    let mut tx = store.begin().await.map_err(anyhow::Error::from)?;
    for policy in &rows.policies {
        tx.keep_policy(policy).await.map_err(anyhow::Error::from)?;
    }
    let (report, fresh) = judge(tx.as_mut(), &rows, key, &mut faults).await?;
    if !faults.is_empty() {
        faults.sort();
        return Err(ImportError::Faults(faults));
    }
    if look_only {
        return Ok(report);
    }
    let mut of_unit: BTreeMap<&AccountNumber, Vec<&OpeningPerson>> = BTreeMap::new();
    for (_, person) in &rows.people {
        of_unit.entry(&person.unit).or_default().push(person);
    }
    for one in fresh {
        if tx.open_account(&one.unit).await.map_err(anyhow::Error::from)? {
            tx.audit(&event("account.opened", &one.unit.account, now)).await.map_err(anyhow::Error::from)?;
        }
        let own = of_unit.remove(&one.unit.account).unwrap_or_default();
        begin_books(tx.as_mut(), one, &own, key, chance, now).await?;
    }
    tx.commit().await.map_err(anyhow::Error::from)?;
    Ok(report)
}

fn read(sources: &[Source], faults: &mut Vec<Fault>) -> Rows {
    let mut rows = Rows::default();
    for source in sources {
        let whole = Place(source.name.clone(), 0);
        if source.name.to_lowercase().ends_with(".toml") {
            let text = String::from_utf8_lossy(&source.bytes);
            match opening::parse(&text, |_| anyhow::bail!("an import takes its tables as files of their own")) {
                Ok(Opening { policies, units, .. }) => {
                    rows.policies.extend(policies);
                    rows.units.extend(units.into_iter().map(|unit| (whole.clone(), unit)));
                }
                Err(error) => faults.push(whole.fault(format!("{error:#}"))),
            }
            continue;
        }
        // The headings say what a table has: units have a credit code.
        match units_in(&source.bytes) {
            Ok(found) => rows.units.extend(found.into_iter().map(|(row, unit)| (Place(whole.0.clone(), row), unit))),
            Err(SheetFault::Missing(missing)) if missing.contains(&Column::Uscc) => match people_in(&source.bytes) {
                Ok(found) => {
                    rows.people.extend(found.into_iter().map(|(row, person)| (Place(whole.0.clone(), row), person)));
                }
                Err(fault) => said(&whole, &fault, faults),
            },
            Err(fault) => said(&whole, &fault, faults),
        }
    }
    rows
}

fn said(whole: &Place, fault: &SheetFault, faults: &mut Vec<Fault>) {
    match fault {
        SheetFault::Cells(cells) => faults.extend(cells.iter().map(|CellFault { line, column, word }| {
            let heading = Locale::ZhCn.t(&format!("fund-column-{}", column.word()));
            Place(whole.0.clone(), *line).fault(format!("{heading}: {word}"))
        })),
        SheetFault::Missing(columns) => {
            let headings = columns.iter().map(|column| Locale::ZhCn.t(&format!("fund-column-{}", column.word())));
            faults.push(whole.fault(format!("no column {}", headings.collect::<Vec<_>>().join(", "))));
        }
        other => faults.push(whole.fault(opening::said(other).to_string())),
    }
}

/// Units out of a table, each with its row.
fn units_in(bytes: &[u8]) -> Result<Vec<(usize, OpeningUnit)>, SheetFault> {
    use Column::{
        Address, Bank, BroughtIn, Handler, Mobile, Opened, PaidThrough, Payday, PersonalRate, Status, Suspense,
        UniqueId, UnitName, UnitRate,
    };
    let needed = [
        Column::Unit,
        UnitName,
        Column::Uscc,
        Address,
        Handler,
        Mobile,
        Bank,
        Opened,
        Status,
        UnitRate,
        PersonalRate,
        Suspense,
        BroughtIn,
        PaidThrough,
    ];
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for line in sheet::lines(bytes, &needed, MOST_ACCOUNTS)? {
        let account = line.read(Column::Unit, "number", &mut faults, |text| text.trim().parse::<AccountNumber>().ok());
        let name = line.read(UnitName, "words", &mut faults, sheet::words);
        let uscc = line.read(Column::Uscc, "uscc", &mut faults, |text| text.trim().parse::<Uscc>().ok());
        let unique_id = line.read(UniqueId, "words", &mut faults, |text| match text.trim() {
            "" => Some(None),
            text => sheet::words(text).map(Some),
        });
        let address = line.read(Address, "words", &mut faults, sheet::words);
        let handler = line.read(Handler, "name", &mut faults, sheet::name);
        let handler_mobile = line.read(Mobile, "mobile", &mut faults, sheet::mobile);
        let bank = line.read(Bank, "words", &mut faults, sheet::words);
        let payday = line.read(Payday, "number", &mut faults, |text| match text.trim() {
            "" => Some(None),
            text => text.parse().ok().filter(|day| (1..=31).contains(day)).map(Some),
        });
        let opened = line.read(Opened, "day", &mut faults, |text| day(text.trim()));
        let status = line.read(Status, "status", &mut faults, unit_status);
        let unit_rate = line.read(UnitRate, "rate", &mut faults, Rate::typed);
        let personal_rate = line.read(PersonalRate, "rate", &mut faults, Rate::typed);
        let suspense = line.read(Suspense, "amount", &mut faults, Fen::typed);
        let brought_in = line.read(BroughtIn, "day", &mut faults, |text| day(text.trim()));
        let paid_through = line.read(PaidThrough, "month", &mut faults, |text| match text.trim() {
            "" => Some(None),
            text => sheet::month(text).map(Some),
        });
        let unit = || {
            Some(Unit {
                account: account?,
                name: name?,
                uscc: uscc?,
                unique_id: unique_id?,
                address: address?,
                handler: handler?,
                handler_mobile: handler_mobile?,
                bank: bank?,
                opened: opened?,
                status: status?,
                unit_rate: unit_rate?,
                personal_rate: personal_rate?,
                active_heads: 0,
                sealed_heads: 0,
                balance: Fen::ZERO,
                suspense: Fen::ZERO,
                paid_through: paid_through?,
                payday: payday?,
                version: 0,
            })
        };
        if let (Some(unit), Some(suspense), Some(brought_in)) = (unit(), suspense, brought_in) {
            found.push((line.row, OpeningUnit { unit, suspense, brought_in, paid: Vec::new() }));
        }
    }
    if faults.is_empty() { Ok(found) } else { Err(SheetFault::Cells(faults)) }
}

/// A status of a unit's account, by its name in either language or its code.
fn unit_status(text: &str) -> Option<AccountStatus> {
    let text = text.trim();
    AccountStatus::ALL.into_iter().find(|status| {
        let key = format!("portal-status-{}", status.word());
        text == status.code()
            || text == status.code().trim_start_matches('0')
            || Locale::ALL.iter().any(|locale| locale.t(&key) == text)
    })
}

/// Holds the rows against each other and against what is there; answers the units that are to be begun.
async fn judge<'r>(
    tx: &mut dyn FundTx,
    rows: &'r Rows,
    key: &FieldKey,
    faults: &mut Vec<Fault>,
) -> anyhow::Result<(Report, Vec<&'r OpeningUnit>)> {
    let (mut report, mut fresh) = (Report::default(), Vec::new());
    let (mut begun, mut seen_codes) = (BTreeMap::new(), BTreeSet::new());
    for (place, one) in &rows.units {
        let unit = &one.unit;
        if begun.contains_key(&unit.account) || !seen_codes.insert(unit.uscc.as_str().to_owned()) {
            faults.push(place.fault(format!("the unit {} stands twice", unit.account)));
            continue;
        }
        let there = tx.unit(&unit.account).await?;
        let same_code = tx.unit_of_uscc(unit.uscc.as_str()).await?;
        let contradicts = there.as_ref().is_some_and(|there| there.uscc.as_str() != unit.uscc.as_str())
            || same_code.is_some_and(|other| other.account != unit.account);
        if contradicts {
            faults.push(place.fault(format!("account {} and code {} are not one unit's", unit.account, unit.uscc)));
        }
        if let Some(unique_id) = &unit.unique_id
            && tx.unit_of_unique_id(unique_id).await?.is_some_and(|other| other.account != unit.account)
        {
            faults.push(place.fault(format!("the unique id {unique_id} is another unit's")));
        }
        let known = there.is_some_and(|there| there.version > 0);
        begun.insert(unit.account.clone(), known);
        let sums = if known { &mut report.known } else { &mut report.new };
        sums.units += 1;
        if known {
            continue;
        }
        sums.suspense += one.suspense;
        fresh.push(one);
        match tx.policy_at(one.brought_in).await? {
            None => faults.push(place.fault(format!("no policy holds on {}", one.brought_in))),
            Some(policy) => {
                for rate in [unit.unit_rate, unit.personal_rate] {
                    if !(policy.rate_min..=policy.rate_max).contains(&rate) {
                        let bounds = format!("{} to {}", policy.rate_min, policy.rate_max);
                        faults.push(place.fault(format!("the rate {rate} is outside {bounds}")));
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (place, person) in &rows.people {
        let unit_begun = match begun.get(&person.unit) {
            Some(known) => *known,
            None => tx.unit(&person.unit).await?.is_some_and(|unit| unit.version > 0),
        };
        if !unit_begun && !begun.contains_key(&person.unit) {
            faults.push(place.fault(format!("the unit {} is not there", person.unit)));
            continue;
        }
        let hash = id_hash(key, person.id_kind, &person.id_number)?;
        if !seen.insert(hash) {
            faults.push(place.fault(format!("{} stands twice", person.name)));
            continue;
        }
        let holder = tx.person_of(hash).await?;
        if holder.as_ref().is_some_and(|holder| holder.name != person.name) {
            faults.push(place.fault(format!("the number of {} is known under another name", person.name)));
            continue;
        }
        let open = match &holder {
            Some(holder) => tx.has_open_account(&holder.id).await?,
            None => false,
        };
        let own = match (&holder, unit_begun) {
            (Some(holder), true) => {
                let filter = super::book_store::PeopleFilter { person: holder.id.clone(), ..Default::default() };
                !tx.people(&person.unit, &filter, "", 1).await?.is_empty()
            }
            _ => false,
        };
        match (unit_begun, own, open) {
            (true, true, _) => report.known.people += 1,
            (true, false, _) => faults.push(place.fault(format!(
                "the books of {} have begun without {}: open an account there",
                person.unit, person.name
            ))),
            (false, _, true) => faults.push(place.fault(format!("{} has an open account already", person.name))),
            (false, _, false) => {
                report.new.people += 1;
                report.new.carried += person.carried;
                report.new.current += person.current;
            }
        }
    }
    Ok((report, fresh))
}

#[cfg(test)]
mod tests;
