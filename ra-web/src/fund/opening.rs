//! Opening data: accounts that the portal starts with, from a TOML file of the operator.
//!
//! Each account of the file that is not there yet is opened, with an audit entry; those that are there stay as
//! they are, so the file can be given at every start. The whole file is checked first: one odd account and none
//! is opened.

use std::path::Path;

use anyhow::Context as _;
use ca_core::domain::{Timestamp, Uscc};
use serde::Deserialize;

use super::account::{AccountNumber, AccountStatus, Unit, day};
use super::amounts::{Fen, Month, Rate};
use super::store::FundStore;
use crate::audit::Event;
use crate::retry::settled;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    unit: Vec<Line>,
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
    opened: String,
    status: AccountStatus,
    unit_rate: Rate,
    personal_rate: Rate,
    active_heads: u32,
    sealed_heads: u32,
    balance: Fen,
    suspense: Fen,
    paid_through: Option<Month>,
}

impl TryFrom<Line> for Unit {
    type Error = anyhow::Error;

    fn try_from(line: Line) -> anyhow::Result<Self> {
        let opened = day(&line.opened)
            .with_context(|| format!("account {}: {:?} is not a day like 2020-03-01", line.account, line.opened))?;
        Ok(Self {
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
            active_heads: line.active_heads,
            sealed_heads: line.sealed_heads,
            balance: line.balance,
            suspense: line.suspense,
            paid_through: line.paid_through,
        })
    }
}

/// Reads the file.
///
/// # Errors
/// When it cannot be read or an account in it cannot be; names the place.
pub fn read(path: &Path) -> anyhow::Result<Vec<Unit>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("opening data {}", path.display()))
}

/// Reads the file's text.
///
/// # Errors
/// When an account in it cannot be; names the place.
pub fn parse(text: &str) -> anyhow::Result<Vec<Unit>> {
    let file: File = ca_core::settings::from_toml("opening data", text).whole()?;
    file.unit.into_iter().map(Unit::try_from).collect()
}

/// Opens the accounts that are not there yet; answers how many.
///
/// # Errors
/// When storage fails; then none was opened.
pub async fn open_accounts(store: &dyn FundStore, units: &[Unit], now: Timestamp) -> anyhow::Result<usize> {
    let opened = settled(|| async {
        let mut tx = store.begin().await?;
        let mut opened = 0;
        for unit in units {
            if tx.open_account(unit).await? {
                opened += 1;
                tx.audit(&Event {
                    at: now,
                    actor: "system".into(),
                    kind: "account.opened",
                    subject: unit.account.to_string(),
                    details: std::collections::BTreeMap::from([("from".into(), "opening data".into())]),
                })
                .await?;
            }
        }
        tx.commit().await?;
        Ok(opened)
    })
    .await?;
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_file_reads_and_a_wrong_one_names_the_place() {
        let demo = include_str!("../../demo/units.toml");
        assert!(parse(demo).expect("the demonstration data is sound").len() >= 2);
        let wrong = demo.replacen("0.08", "8", 1);
        assert!(format!("{:#}", parse(&wrong).expect_err("a rate of 8")).contains("rate"));
    }
}
