//! Makes of a plan what it would do to the books, what the person reads of it, and the list that is signed.

use ca_core::domain::{FundFact, FundField, FundPay, FundReason, ResidentId, Sha256};

use super::account::{Unit, masked_mobile};
use super::amounts::{Fen, Month};
use super::book_store::Sealed;
use super::books::{Booking, Change, Clerk, Newcomer, Person, PersonAccount, PersonNumber, Posted, working};
use super::codes::{BusinessType, IdKind};
use super::corrections;
use super::hall::HallError;
use super::operation::{Plan, PlannedPerson};
use super::progress::Run;
use super::rules::Rule;
use super::store::FundTx;
use crate::Chance;
use crate::vault::{FieldKey, VaultError};

/// What a plan is made for.
#[derive(Clone, Copy)]
pub(super) struct Aim<'a> {
    /// Money must be there; without, what is to be transferred counts as there.
    pub(super) funded: bool,
    /// Is told of each line that is looked at by itself.
    pub(super) run: &'a Run<'a>,
}

/// What a plan comes to.
pub(super) struct Prepared {
    pub(super) booking: Booking,
    /// Numbers of persons that are new to the fund.
    pub(super) sealed: Vec<Sealed>,
    pub(super) facts: Vec<FundFact>,
    /// Account, name, masked number, before, after, the unit's part, the employee's.
    pub(super) lines: Vec<Vec<String>>,
    pub(super) month: Option<Month>,
    pub(super) amount: Fen,
}

impl Prepared {
    /// The bytes whose hash is signed.
    pub(super) fn list(&self) -> Vec<u8> {
        serde_json::to_vec(&self.lines).unwrap_or_default()
    }
}

/// The keyed hash by which a person is found.
///
/// # Errors
/// [`VaultError::Cipher`].
pub fn id_hash(key: &FieldKey, kind: IdKind, number: &str) -> Result<Sha256, VaultError> {
    Ok(Sha256(key.fingerprint(kind.code(), number.trim().to_uppercase().as_bytes())?))
}

/// What pages show of a number.
#[must_use]
pub(super) fn masked(kind: IdKind, number: &str) -> String {
    if kind == IdKind::Resident
        && let Ok(id) = number.parse::<ResidentId>()
    {
        return id.masked();
    }
    let shown: String = number.chars().take(2).collect();
    format!("{shown}{}", "*".repeat(number.chars().count().saturating_sub(2)))
}

/// Under which place the number of a person is sealed.
#[must_use]
pub(super) fn number_place(person: &str) -> String {
    format!("fund person {person}")
}

/// Gives newcomers their account numbers, and an id to those whom the fund does not know yet.
pub(super) async fn name_newcomers(
    tx: &mut dyn FundTx,
    key: &FieldKey,
    plan: &mut Plan,
    draw: impl Fn() -> String,
) -> Result<(), HallError> {
    let Plan::Open { people } = plan else { return Ok(()) };
    let first = tx.draw_numbers(i64::try_from(people.len()).unwrap_or(i64::MAX)).await?;
    for (n, person) in (first..).zip(people) {
        person.number = Some(PersonNumber::nth(n));
        let known = tx.person_of(id_hash(key, person.id_kind, &person.id_number)?).await?;
        person.id = known.map_or_else(&draw, |known| known.id);
    }
    Ok(())
}

/// What the plan comes to on this day.
pub(super) async fn prepare(
    tx: &mut dyn FundTx,
    key: &FieldKey,
    chance: &Chance,
    clerk: &Clerk<'_>,
    unit: Unit,
    plan: &Plan,
    aim: Aim<'_>,
) -> Result<Prepared, HallError> {
    match plan {
        Plan::Remit { month, pay } => remit(tx, clerk, unit, *month, *pay, aim.funded).await,
        Plan::Open { people } => open(tx, key, chance, clerk, unit, people, aim.run).await,
        Plan::Seal { number, reason } => seal(tx, clerk, unit, number, *reason).await,
        Plan::Unseal { number, base } => {
            let account = account(tx, &unit, number).await?;
            let why = tx.sealed_for(number).await?;
            let (month, was) = (unit.next_month(), account.base);
            let booking = clerk.unseal(unit, account, *base, &why)?;
            let facts = vec![whom(&booking.people[0].account), month_fact(month), changed(FundField::Base, was, *base)];
            Ok(finished(booking, facts, Some(month), |posted| [was.to_string(), posted.account.base.to_string()]))
        }
        Plan::Rebase { bases } => rebase(tx, clerk, unit, bases, aim.run).await,
        Plan::MakeUp { arrears, pay } => corrections::make_up(tx, clerk, unit, arrears, *pay, aim).await,
        Plan::ChangeUnit { address, handler, handler_mobile, payday, bank } => {
            change_unit(clerk, unit, address, handler, handler_mobile, *payday, bank)
        }
        Plan::ChangePerson { number, mobile, address } => change_person(tx, clerk, unit, number, mobile, address).await,
        Plan::Reverse { serial, words } => corrections::reverse(tx, clerk, unit, serial, words, aim.run).await,
    }
}

async fn remit(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    mut unit: Unit,
    month: Month,
    pay: FundPay,
    funded: bool,
) -> Result<Prepared, HallError> {
    let due = tx.due_accounts(&unit.account, month).await?;
    if pay == FundPay::Transfer && !funded {
        unit.suspense += due.iter().map(PersonAccount::monthly).sum::<Fen>();
    }
    let booking = clerk.remit(unit, due, month)?;
    let mut facts = vec![month_fact(month), fact(FundField::Heads, booking.heads().to_string())];
    facts.extend(money(&booking));
    facts.push(fact(FundField::Pay, pay.word()));
    Ok(finished(booking, facts, Some(month), |posted| [String::new(), posted.account.base.to_string()]))
}

async fn open(
    tx: &mut dyn FundTx,
    key: &FieldKey,
    chance: &Chance,
    clerk: &Clerk<'_>,
    unit: Unit,
    people: &[PlannedPerson],
    run: &Run<'_>,
) -> Result<Prepared, HallError> {
    let (mut newcomers, mut sealed, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    for (n, planned) in people.iter().enumerate() {
        let hash = id_hash(key, planned.id_kind, &planned.id_number)?;
        let known = tx.person_of(hash).await?;
        run.step();
        if !seen.insert(hash) {
            faults.push((n, Rule::Twice));
            continue;
        }
        let person = match known {
            Some(known) if known.name != planned.name => {
                faults.push((n, Rule::OtherName));
                continue;
            }
            Some(known) if tx.has_open_account(&known.id).await? => {
                faults.push((n, Rule::HasAccount));
                continue;
            }
            Some(known) => known,
            None => {
                let bytes = key.seal(&number_place(&planned.id), planned.id_number.as_bytes(), chance)?;
                sealed.push(Sealed { person: planned.id.clone(), bytes });
                Person {
                    id: planned.id.clone(),
                    name: planned.name.clone(),
                    id_kind: planned.id_kind,
                    id_masked: masked(planned.id_kind, &planned.id_number),
                    id_hash: hash,
                    mobile: planned.mobile.clone(),
                    address: String::new(),
                }
            }
        };
        let number = planned.number.clone().ok_or(HallError::NotFound)?;
        let newcomer = Newcomer { number, person, base: planned.base, starts: planned.starts };
        match clerk.open(unit.clone(), vec![newcomer.clone()]) {
            Ok(_) => newcomers.push(newcomer),
            Err(rule) => faults.push((n, rule)),
        }
    }
    if !faults.is_empty() {
        return Err(HallError::Lines(faults));
    }
    let booking = clerk.open(unit, newcomers)?;
    let facts = match &booking.people[..] {
        [one] => vec![
            whom(&one.account),
            fact(FundField::IdNumber, one.account.person.id_masked.as_str()),
            fact(FundField::Mobile, one.account.person.mobile.as_str()),
            fact(FundField::Base, one.account.base.to_string()),
            month_fact(one.account.starts),
        ],
        all => vec![fact(FundField::Heads, all.len().to_string())],
    };
    let month = booking.people.iter().map(|posted| posted.account.starts).min();
    let prepared =
        finished(booking, facts, month, |posted| [posted.account.starts.to_string(), posted.account.base.to_string()]);
    Ok(Prepared { sealed, ..prepared })
}

async fn seal(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    unit: Unit,
    number: &PersonNumber,
    reason: FundReason,
) -> Result<Prepared, HallError> {
    let account = account(tx, &unit, number).await?;
    let month = unit.next_month();
    let booking = clerk.seal(unit, account, reason.word())?;
    let facts = vec![whom(&booking.people[0].account), month_fact(month), fact(FundField::Reason, reason.word())];
    Ok(finished(booking, facts, Some(month), |posted| [String::new(), posted.account.base.to_string()]))
}

async fn rebase(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    unit: Unit,
    bases: &[(PersonNumber, Fen)],
    run: &Run<'_>,
) -> Result<Prepared, HallError> {
    if bases.len() > 1 && !clerk.policy.adjusts_on(clerk.today) {
        return Err(Rule::OutsideWindow { from: clerk.policy.adjust_from, to: clerk.policy.adjust_to }.into());
    }
    let (mut accounts, mut faults) = (Vec::new(), Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    for (n, (number, base)) in bases.iter().enumerate() {
        run.step();
        if !seen.insert(number) {
            faults.push((n, Rule::Twice));
            continue;
        }
        match tx.person_account(&unit.account, number).await? {
            None => faults.push((n, Rule::NoSuchAccount)),
            Some(account) => match clerk.base_may_change(&account, *base, bases.len() > 1) {
                Ok(()) => accounts.push((account, *base)),
                Err(rule) => faults.push((n, rule)),
            },
        }
    }
    if !faults.is_empty() {
        return Err(HallError::Lines(faults));
    }
    let month = unit.next_month();
    let before: std::collections::BTreeMap<PersonNumber, Fen> =
        accounts.iter().map(|(account, _)| (account.number.clone(), account.base)).collect();
    let booking = clerk.rebase(unit, accounts)?;
    let was = |posted: &Posted| before.get(&posted.account.number).copied().unwrap_or_default();
    let mut facts = vec![month_fact(month)];
    match &booking.people[..] {
        [one] => {
            facts.insert(0, whom(&one.account));
            facts.push(changed(FundField::Base, was(one), one.account.base));
        }
        all => facts.push(fact(FundField::Heads, all.len().to_string())),
    }
    Ok(finished(booking, facts, Some(month), |posted| [was(posted).to_string(), posted.account.base.to_string()]))
}

fn change_unit(
    clerk: &Clerk<'_>,
    mut unit: Unit,
    address: &str,
    handler: &str,
    handler_mobile: &str,
    payday: Option<u8>,
    bank: &str,
) -> Result<Prepared, HallError> {
    working(&unit)?;
    let day = |day: Option<u8>| day.map(|day| day.to_string()).unwrap_or_default();
    let (mut facts, mut changes) = (Vec::new(), Vec::new());
    for (field, word, was, will) in [
        (FundField::Address, "address", unit.address.clone(), address.to_owned()),
        (FundField::Handler, "handler", unit.handler.clone(), handler.to_owned()),
        (FundField::Mobile, "mobile", unit.handler_mobile.clone(), handler_mobile.to_owned()),
        (FundField::Payday, "payday", day(unit.payday), day(payday)),
        (FundField::Bank, "bank", unit.bank.clone(), bank.to_owned()),
    ] {
        if was == will {
            continue;
        }
        facts.push(FundFact { field, was: Some(was.clone()), value: will.clone() });
        let shown = |text: &str| if field == FundField::Mobile { masked_mobile(text) } else { text.to_owned() };
        changes.push(Change {
            serial: clerk.serial.to_owned(),
            person: None,
            kind: BusinessType::DataChange,
            month: None,
            field: word,
            was: shown(&was),
            will: shown(&will),
            undoes: None,
        });
    }
    if changes.is_empty() {
        return Err(Rule::NothingChanges.into());
    }
    unit.address = address.to_owned();
    unit.handler = handler.to_owned();
    unit.handler_mobile = handler_mobile.to_owned();
    unit.payday = payday;
    unit.bank = bank.to_owned();
    unit.version += 1;
    let booking = Booking { unit, entry: None, people: Vec::new(), changes };
    Ok(finished(booking, facts, None, |_| [String::new(), String::new()]))
}

async fn change_person(
    tx: &mut dyn FundTx,
    clerk: &Clerk<'_>,
    mut unit: Unit,
    number: &PersonNumber,
    mobile: &str,
    address: &str,
) -> Result<Prepared, HallError> {
    working(&unit)?;
    let mut account = account(tx, &unit, number).await?;
    if !account.status.is_open() {
        return Err(Rule::NotOpen.into());
    }
    let mut facts = vec![whom(&account)];
    let mut changes = Vec::new();
    for (field, word, was, will) in [
        (FundField::Mobile, "mobile", account.person.mobile.clone(), mobile),
        (FundField::Address, "address", account.person.address.clone(), address),
    ] {
        if was == will {
            continue;
        }
        facts.push(FundFact { field, was: Some(was.clone()), value: will.to_owned() });
        let shown = |text: &str| if field == FundField::Mobile { masked_mobile(text) } else { text.to_owned() };
        changes.push(clerk.change(&account, BusinessType::DataChange, None, word, shown(&was), shown(will)));
    }
    if changes.is_empty() {
        return Err(Rule::NothingChanges.into());
    }
    account.person.mobile = mobile.to_owned();
    account.person.address = address.to_owned();
    account.version += 1;
    unit.version += 1;
    let booking = Booking { unit, entry: None, people: vec![Posted { account, fresh: false, entry: None }], changes };
    Ok(finished(booking, facts, None, |_| [String::new(), String::new()]))
}

pub(super) async fn account(
    tx: &mut dyn FundTx,
    unit: &Unit,
    number: &PersonNumber,
) -> Result<PersonAccount, HallError> {
    Ok(tx.person_account(&unit.account, number).await?.ok_or(Rule::NoSuchAccount)?)
}

pub(super) fn finished(
    booking: Booking,
    facts: Vec<FundFact>,
    month: Option<Month>,
    change: impl Fn(&Posted) -> [String; 2],
) -> Prepared {
    let lines = booking.people.iter().map(|posted| {
        let (unit_part, personal_part) = posted.entry.as_ref().map_or_else(
            || (posted.account.unit_share, posted.account.personal_share),
            |entry| (entry.unit_part, entry.personal_part),
        );
        let account = &posted.account;
        let [was, will] = change(posted);
        vec![
            account.number.to_string(),
            account.person.name.clone(),
            account.person.id_masked.clone(),
            was,
            will,
            unit_part.to_string(),
            personal_part.to_string(),
        ]
    });
    let amount = booking.entry.as_ref().map(|entry| entry.amount).unwrap_or_default();
    Prepared { lines: lines.collect(), sealed: Vec::new(), facts, month, amount, booking }
}

pub(super) fn fact(field: FundField, value: impl Into<String>) -> FundFact {
    FundFact { field, value: value.into(), was: None }
}

fn changed(field: FundField, was: Fen, will: Fen) -> FundFact {
    FundFact { field, value: will.to_string(), was: Some(was.to_string()) }
}

pub(super) fn month_fact(month: Month) -> FundFact {
    fact(FundField::Month, month.to_string())
}

pub(super) fn whom(account: &PersonAccount) -> FundFact {
    fact(FundField::Person, format!("{} {}", account.person.name, account.number))
}

/// What is paid, in figures and capitals.
pub(super) fn money(booking: &Booking) -> Vec<FundFact> {
    let (unit_share, personal_share) = booking.shares();
    let total = unit_share + personal_share;
    vec![
        fact(FundField::UnitShare, unit_share.to_string()),
        fact(FundField::PersonalShare, personal_share.to_string()),
        fact(FundField::Total, total.to_string()),
        fact(FundField::Capitals, total.capitals()),
    ]
}
