//! Persons who look after their own account: by which certificate the fund knows them, where they are paid to, what the city
//! allows, which loans they have.
//!
//! The operator's TOML file brings rules, certificates, bank accounts and loans; it can be given at every start, and what is there
//! already stays, but for certificate and bank account of a person, which it sets. A person is known by the unique id of their
//! certificate, which the fund registered when they came with their identity card; the number that identifies them stands in
//! no certificate, and nobody is found by it at the login.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use ca_core::domain::{ResidentId, SubjectField, Timestamp, WithdrawalReason};
use serde::Deserialize;

use super::account::day;
use super::amounts::{Fen, Month, Rate};
use super::books::Person;
use super::codes::IdKind;
use super::id_hash;
use super::loan::{Loan, Method, Repayment};
use super::store::FundStore;
use super::withdrawal::counter::card_place;
use super::withdrawal::rules::WithdrawalRule;
use super::withdrawal::{Card, masked_card};
use crate::Chance;
use crate::audit::Event;
use crate::login::{Holder, LoginError, Recognised, Refusal, Registry};
use crate::vault::FieldKey;

/// The day of the month on which instalments of before are taken to have been paid.
const PAID_ON: i64 = 19;
/// What nobody lends.
const MOST_LENT: Fen = Fen::new(1_000_000_000_000);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<RuleLine>,
    #[serde(default)]
    person: Vec<PersonLine>,
    #[serde(default)]
    loan: Vec<LoanLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleLine {
    valid_from: String,
    /// Two digits of A.7.
    reason: String,
    /// Of the balance; unset: all of it.
    share: Option<Rate>,
    most: Option<Fen>,
    #[serde(default)]
    keep: Option<Fen>,
    #[serde(default)]
    interval_days: i64,
    #[serde(default)]
    closes: bool,
    #[serde(default)]
    sealed_only: bool,
}

impl TryFrom<RuleLine> for WithdrawalRule {
    type Error = anyhow::Error;

    fn try_from(line: RuleLine) -> anyhow::Result<Self> {
        let name = format!("rule {} {}", line.reason, line.valid_from);
        let keep = line.keep.unwrap_or_default();
        ensure!(keep >= Fen::ZERO && line.most.is_none_or(|most| most > Fen::ZERO), "{name}: an amount below nothing");
        ensure!((0..=36_500).contains(&line.interval_days), "{name}: interval_days");
        Ok(Self {
            valid_from: day(&line.valid_from).with_context(|| format!("{name}: valid_from is no day"))?,
            reason: WithdrawalReason::from_code(&line.reason).with_context(|| format!("{name}: no such reason"))?,
            share: line.share.map_or(10_000, Rate::ten_thousandths),
            most: line.most,
            keep,
            interval_days: line.interval_days,
            closes: line.closes,
            sealed_only: line.sealed_only,
        })
    }
}

/// Has numbers in full: no Debug.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonLine {
    id_number: String,
    unique_id: String,
    bank: Option<String>,
    bank_code: Option<String>,
    card: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoanLine {
    number: String,
    id_number: String,
    principal: Fen,
    /// A year, as a fraction: 0.0285.
    rate: String,
    months: u32,
    method: Method,
    granted: String,
    first: Month,
    /// So many instalments of the plan were paid.
    #[serde(default)]
    paid: u32,
}

/// All that the file says.
pub struct Citizens {
    rules: Vec<WithdrawalRule>,
    people: Vec<PersonLine>,
    loans: Vec<(String, Loan, Vec<Repayment>)>,
}

/// Reads the file.
///
/// # Errors
/// When it cannot be read or something in it cannot be; names the place, and no number of a person.
pub fn read(path: &Path) -> anyhow::Result<Citizens> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("data of persons {}", path.display()))
}

/// Reads the file's text.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str) -> anyhow::Result<Citizens> {
    let file: File = ca_core::settings::from_toml("data of persons", text).whole()?;
    let rules = file.rule.into_iter().map(WithdrawalRule::try_from).collect::<anyhow::Result<_>>()?;
    for line in &file.person {
        let name = &line.unique_id;
        ensure!(!name.is_empty() && name.len() <= 64, "{name:?} is no unique id");
        ensure!(line.id_number.parse::<ResidentId>().is_ok(), "{name}: id_number is none");
        let digits = |text: &str, least: usize, most: usize| {
            (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        match (&line.bank, &line.bank_code, &line.card) {
            (None, None, None) => {}
            (Some(bank), Some(code), Some(card)) => {
                ensure!(!bank.is_empty(), "{name}: bank");
                ensure!(digits(code, 12, 12), "{name}: bank_code has 12 digits");
                ensure!(digits(card, 12, 19), "{name}: card has 12 to 19 digits");
            }
            _ => anyhow::bail!("{name}: bank, bank_code and card go together"),
        }
    }
    let loans = file.loan.into_iter().map(loan).collect::<anyhow::Result<_>>()?;
    Ok(Citizens { rules, people: file.person, loans })
}

fn loan(line: LoanLine) -> anyhow::Result<(String, Loan, Vec<Repayment>)> {
    let name = &line.number;
    ensure!((1..=480).contains(&line.months) && line.paid <= line.months, "loan {name}: months");
    ensure!(line.principal > Fen::ZERO && line.principal <= MOST_LENT, "loan {name}: principal");
    let decimals = line.rate.strip_prefix("0.").filter(|text| (2..=5).contains(&text.len()));
    let rate = decimals.and_then(|text| format!("{text:0<5}").parse().ok());
    let loan = Loan {
        rate: rate.with_context(|| format!("loan {name}: rate is a fraction like 0.0285"))?,
        granted: day(&line.granted).with_context(|| format!("loan {name}: granted is no day"))?,
        number: line.number.clone(),
        person: String::new(),
        principal: line.principal,
        months: line.months,
        method: line.method,
        first: line.first,
    };
    let paid = loan.plan().into_iter().take(line.paid as usize).map(|one| Repayment {
        n: one.n,
        day: one.month.first_day().plus_days(PAID_ON),
        principal: one.principal,
        interest: one.interest,
    });
    let paid = paid.collect();
    Ok((line.id_number, loan, paid))
}

/// Brings in what the file says; answers how many persons are bound.
///
/// # Errors
/// When storage fails, or it names a person whom the fund does not know; then nothing of it is brought in.
pub async fn bring_in(
    store: &Arc<dyn FundStore>,
    citizens: &Citizens,
    key: &FieldKey,
    chance: &Chance,
    now: Timestamp,
) -> anyhow::Result<usize> {
    let mut tx = store.begin().await?;
    for rule in &citizens.rules {
        tx.keep_rule(rule).await?;
    }
    for line in &citizens.people {
        let person = tx.person_of(id_hash(key, IdKind::Resident, &line.id_number)?).await?;
        let person = person.with_context(|| format!("{}: the fund knows no such person", line.unique_id))?;
        let bound = tx.person_of_unique_id(&line.unique_id).await?;
        if bound.as_ref().map(|bound| &bound.id) != Some(&person.id) {
            ensure!(bound.is_none(), "{} is bound to another person", line.unique_id);
            tx.bind_person(&person.id, &line.unique_id).await?;
            tx.audit(&event("person.bound", &person.id, now)).await?;
        }
        if let (Some(bank), Some(bank_code), Some(card)) = (&line.bank, &line.bank_code, &line.card) {
            let masked = masked_card(card);
            let known = tx.card(&person.id).await?;
            if known.is_none_or(|known| known.masked != masked || known.bank_code != *bank_code) {
                let sealed = key.seal(&card_place(&person.id), card.as_bytes(), chance)?;
                let card = Card { bank: bank.clone(), bank_code: bank_code.clone(), masked, sealed };
                tx.keep_card(&person.id, &card).await?;
                tx.audit(&event("person.card", &person.id, now)).await?;
            }
        }
    }
    for (id_number, loan, repaid) in &citizens.loans {
        let person = tx.person_of(id_hash(key, IdKind::Resident, id_number)?).await?;
        let person = person.with_context(|| format!("loan {}: the fund knows no such person", loan.number))?;
        tx.keep_loan(&Loan { person: person.id, ..loan.clone() }, repaid).await?;
    }
    tx.commit().await?;
    Ok(citizens.people.len())
}

fn event(kind: &'static str, person: &str, at: Timestamp) -> Event {
    Event {
        at,
        actor: "system".into(),
        kind,
        subject: person.to_owned(),
        details: std::collections::BTreeMap::from([("from".into(), "data of persons".into())]),
    }
}

/// The persons whose certificates the fund has registered.
pub struct CitizenRegistry {
    store: Arc<dyn FundStore>,
}

impl CitizenRegistry {
    /// Those in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn FundStore>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Registry for CitizenRegistry {
    type Person = Person;

    /// By the certificate's unique id alone. A certificate with a credit code is a unit's and opens no person's account.
    async fn recognise(&self, holder: &Holder) -> Result<Recognised<Person>, LoginError> {
        let field = |field| holder.subject.get(&field).map(String::as_str);
        let mut tx = self.store.begin_read().await?;
        let person = match (field(SubjectField::Uscc), field(SubjectField::UniqueId)) {
            (None, Some(unique_id)) => tx.person_of_unique_id(unique_id).await?,
            _ => None,
        };
        tx.commit().await?;
        let person = person.ok_or_else(|| Refusal::NotRegistered { name: holder.name().to_owned() })?;
        Ok(Recognised { account: format!("person:{}", person.id), person })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMO: &str = include_str!("../../demo/citizens.toml");

    #[test]
    fn the_demonstration_file_reads_and_a_wrong_one_names_the_place_and_no_number_of_a_person() {
        let demo = parse(DEMO).expect("sound data");
        assert!(demo.rules.len() >= 5 && demo.people.len() >= 2 && !demo.loans.is_empty());
        for (from, to, said) in [
            ("reason = \"06\"", "reason = \"66\"", "no such reason"),
            ("bank_code = \"102121000024\"", "bank_code = \"1021\"", "12 digits"),
            ("rate = \"0.0285\"", "rate = \"2.85\"", "0.0285"),
            ("months = 240", "months = 0", "months"),
            ("id_number = \"130599197306120145\"", "id_number = \"130599197306120146\"", "HZ-P-000001"),
        ] {
            assert!(DEMO.contains(from), "{from}");
            let wrong = parse(&DEMO.replacen(from, to, 1)).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(wrong.contains(said), "{said}: {wrong}");
            assert!(!wrong.contains("13059919"), "{wrong}");
        }
    }
}
