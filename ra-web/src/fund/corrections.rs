//! Make-ups (补缴) and reversals (冲账) as plans: what each would do to the books, and what the person reads of it.

use std::collections::{BTreeMap, BTreeSet};

use ca_core::domain::{FundAct, FundField, FundPay, FundTransaction, decode};

use super::account::Unit;
use super::amounts::{Fen, Month};
use super::book_store::KeptChange;
use super::books::{Clerk, PersonNumber, Posted};
use super::codes::BusinessType;
use super::hall::HallError;
use super::make_up::{Arrear, Owed};
use super::operation::{Operation, PlannedArrear, State};
use super::policy::fund_year;
use super::prepare::{Aim, Prepared, account, fact, finished, money, month_fact, whom};
use super::progress::Run;
use super::rules::Rule;
use super::store::FundTx;
use super::undo::{PaidEntry, Touched};

/// Employees whom a page looks at to say whether something can be undone.
const MOST_LOOKED_AT: u32 = 50;

/// Months that were left out, of one employee or of a list.
pub(super) async fn make_up(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    mut unit: Unit,
    planned: &[PlannedArrear],
    pay: FundPay,
    aim: Aim<'_>,
) -> Result<Prepared, HallError> {
    let mut people: BTreeMap<PersonNumber, Owed> = BTreeMap::new();
    let mut before: BTreeMap<PersonNumber, Vec<Month>> = BTreeMap::new();
    let (mut arrears, mut faults) = (Vec::new(), Vec::new());
    for (n, line) in planned.iter().enumerate() {
        aim.run.step();
        if !people.contains_key(&line.number) {
            let Some(account) = tx.person_account(&unit.account, &line.number).await? else {
                faults.push((n, Rule::NoSuchAccount));
                continue;
            };
            let paid = tx.paid_months(&line.number).await?;
            people.insert(line.number.clone(), Owed { account, paid });
        }
        let Some(owed) = people.get(&line.number) else { continue };
        if !line.name.is_empty() && line.name != owed.account.person.name {
            faults.push((n, Rule::NameDiffers));
            continue;
        }
        let arrear = Arrear {
            month: line.month,
            unit_part: line.unit_part,
            personal_part: line.personal_part,
            difference: line.difference,
        };
        let seen = before.entry(line.number.clone()).or_default();
        match clerk.arrear_fits(&unit, owed, &arrear, seen) {
            Ok(()) => arrears.push((line.number.clone(), arrear)),
            Err(rule) => faults.push((n, rule)),
        }
        seen.push(line.month);
    }
    if !faults.is_empty() {
        return Err(HallError::Lines(faults));
    }
    if pay == FundPay::Transfer && !aim.funded {
        unit.suspense += arrears.iter().map(|(_, arrear)| arrear.sum()).sum::<Fen>();
    }
    let people: Vec<Owed> = people.into_values().collect();
    let booking = clerk.make_up(unit, &people, &arrears)?;
    let reasons: BTreeSet<&str> = planned.iter().map(|line| line.words.as_str()).collect();
    let mut facts = match &people[..] {
        [one] => vec![whom(&one.account)],
        all => vec![fact(FundField::Heads, all.len().to_string())],
    };
    facts.extend(money(&booking));
    facts.push(fact(FundField::Pay, pay.word()));
    if let [only] = reasons.iter().copied().collect::<Vec<_>>()[..] {
        facts.push(fact(FundField::Words, only));
    }
    let words: BTreeMap<(&PersonNumber, Month), &str> =
        planned.iter().map(|line| ((&line.number, line.month), line.words.as_str())).collect();
    let month = booking.entry.as_ref().and_then(|entry| entry.month);
    Ok(finished(booking, facts, month, |posted| {
        let month = posted.entry.as_ref().and_then(|entry| entry.month);
        let why = month.and_then(|month| words.get(&(&posted.account.number, month)).copied());
        [why.unwrap_or_default().to_owned(), month.map(|month| month.to_string()).unwrap_or_default()]
    }))
}

/// An operation is undone by one of its own.
pub(super) async fn reverse(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    unit: Unit,
    serial: &str,
    words: &str,
    run: &Run<'_>,
) -> Result<Prepared, HallError> {
    let original = tx.operation(&unit.account, serial).await?.ok_or(HallError::NotFound)?;
    if original.reversed_by.is_some() {
        return Err(Rule::ReversedAlready.into());
    }
    if original.state != State::Posted {
        return Err(Rule::NotReversible.into());
    }
    let mut prepared = match original.act {
        FundAct::Remit | FundAct::MakeUp => payment(tx, clerk, unit, serial, run).await?,
        FundAct::Open | FundAct::Seal | FundAct::Unseal | FundAct::Rebase => {
            change(tx, clerk, unit, serial, run).await?
        }
        FundAct::ChangeUnit | FundAct::ChangePerson => particulars(tx, clerk, unit, &original).await?,
        _ => return Err(Rule::NotReversible.into()),
    };
    prepared.facts.insert(0, fact(FundField::Serial, serial));
    prepared.facts.push(fact(FundField::Words, words));
    Ok(prepared)
}

/// Why an operation cannot be undone, as far as that is seen without looking at every employee of a long list; the document
/// of the reversal looks at all.
pub(super) async fn hindrance(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    unit: Unit,
    serial: &str,
) -> Result<Option<Rule>, HallError> {
    let original = tx.operation(&unit.account, serial).await?.ok_or(HallError::NotFound)?;
    if let Some(waiting) = tx.waiting(&unit.account).await? {
        return Ok(Some(Rule::WaitsForMoney { month: waiting.month.unwrap_or_else(|| unit.next_month()) }));
    }
    if matches!(original.act, FundAct::Remit | FundAct::MakeUp) {
        let entry = tx.unit_entry(&unit.account, serial).await?.ok_or(Rule::NotReversible)?;
        return Ok(if original.act == FundAct::Remit && unit.paid_through != entry.month {
            Some(Rule::LaterMonths)
        } else if fund_year(entry.day) != fund_year(clerk.today) {
            Some(Rule::Settled)
        } else {
            None
        });
    }
    if original.heads > MOST_LOOKED_AT {
        return Ok(None);
    }
    match reverse(tx, clerk, unit, serial, "", &Run::untold()).await {
        Ok(_) => Ok(None),
        Err(HallError::Rule(rule)) => Ok(Some(rule)),
        Err(error) => Err(error),
    }
}

async fn payment(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    unit: Unit,
    serial: &str,
    run: &Run<'_>,
) -> Result<Prepared, HallError> {
    let entry = tx.unit_entry(&unit.account, serial).await?.ok_or(Rule::NotReversible)?;
    let mut entries = Vec::new();
    for one in tx.person_entries(serial).await? {
        let account = tx.person_account(&unit.account, &one.number).await?.ok_or(Rule::NotReversible)?;
        // A month that is remitted is whole; one that was made up may have been paid in parts.
        let month_paid = if entry.kind == BusinessType::MakeUp {
            let paid = tx.paid_months(&one.number).await?;
            paid.iter().filter(|(month, _)| Some(*month) == one.month).map(|(_, sum)| *sum).sum()
        } else {
            one.sum()
        };
        entries.push(PaidEntry { account, entry: one, month_paid });
        run.step();
    }
    let booking = clerk.reverse(unit, &entry, entries)?;
    let mut facts: Vec<_> = entry.month.map(month_fact).into_iter().collect();
    facts.extend(money(&booking));
    Ok(finished(booking, facts, entry.month, |posted| {
        let month = posted.entry.as_ref().and_then(|entry| entry.month);
        [String::new(), month.map(|month| month.to_string()).unwrap_or_default()]
    }))
}

async fn change(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    unit: Unit,
    serial: &str,
    run: &Run<'_>,
) -> Result<Prepared, HallError> {
    let kept = tx.changes_of(&unit.account, serial).await?;
    let mut touched = Vec::with_capacity(kept.len());
    for change in kept {
        let number = number_of(&change)?;
        let account = account(tx, &unit, &number).await?;
        let standing = tx.standing_changes(&number).await?;
        let paid_into = tx.paid_months(&number).await?.iter().any(|(_, sum)| *sum != Fen::ZERO);
        touched.push(Touched { account, change, standing, paid_into });
        run.step();
    }
    let back = |change: &KeptChange| match change.change.kind {
        BusinessType::Sealing => Default::default(),
        _ => [change.change.will.clone(), change.change.was.clone()],
    };
    let changed: BTreeMap<PersonNumber, [String; 2]> =
        touched.iter().map(|one| (one.account.number.clone(), back(&one.change))).collect();
    let month = touched.iter().filter_map(|one| one.change.change.month).max();
    let booking = clerk.undo(unit, touched)?;
    let mut facts = match &booking.people[..] {
        [one] => vec![whom(&one.account)],
        all => vec![fact(FundField::Heads, all.len().to_string())],
    };
    facts.extend(month.map(month_fact));
    Ok(finished(booking, facts, month, |posted: &Posted| {
        changed.get(&posted.account.number).cloned().unwrap_or_default()
    }))
}

async fn particulars(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    unit: Unit,
    original: &Operation,
) -> Result<Prepared, HallError> {
    let document: FundTransaction =
        decode(&original.document).map_err(|_| HallError::Signature("the document cannot be read"))?;
    let kept = tx.changes_of(&unit.account, &original.serial).await?;
    let (booking, mut facts) = if original.act == FundAct::ChangeUnit {
        (clerk.undo_unit(unit, &document.facts, &kept)?, Vec::new())
    } else {
        let number = number_of(kept.first().ok_or(Rule::NotReversible)?)?;
        let account = account(tx, &unit, &number).await?;
        let facts = vec![whom(&account)];
        (clerk.undo_person(unit, account, &document.facts, &kept)?, facts)
    };
    let back = document.facts.iter().filter_map(|one| {
        let was = one.was.clone()?;
        Some(ca_core::domain::FundFact { field: one.field, value: was, was: Some(one.value.clone()) })
    });
    facts.extend(back);
    Ok(finished(booking, facts, None, |_| [String::new(), String::new()]))
}

/// Whose account a change is of.
fn number_of(change: &KeptChange) -> Result<PersonNumber, HallError> {
    change.change.number.parse().map_err(|_| Rule::NotReversible.into())
}
