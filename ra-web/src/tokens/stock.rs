//! The stock of an office: receiving, moving to another office, counting, and the end of a token.
//!
//! Lists of serial numbers are taken whole or not at all: each faulty line is named, and nothing is half done.

use std::collections::{BTreeMap, BTreeSet};

use ca_core::domain::{BeijingDay, OfficeId, Officer, Timestamp};
use ca_core::service::client::CallError;
use ca_core::service::protocol::{Request, Response};

use super::{Count, State, Token, TokenNumber, TokenRefusal, Transfer};
use crate::audit::Event;
use crate::enrolment::case::{Forbidden, Who, may_read};
use crate::enrolment::desk::{Desk, OfficeError, again};
use crate::store::{OrderSubject, PastStep, Tx};
use crate::tokens::admin_pin::AdminPin;
use crate::tokens::store::TokenFilter;

/// The most serial numbers that are taken at once.
pub const MAX_SERIALS: usize = 2000;
/// The most tokens in a cupboard that are counted.
const MAX_COUNTED: i64 = 20_000;

/// What is wrong with a line of a list of serial numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// No serial number, or a range that cannot be read.
    Unreadable,
    /// It stands in the list before.
    Twice,
    /// It is in the books already.
    Known,
    /// It is not in this stock.
    NotHere,
    /// More than [`MAX_SERIALS`] up to here.
    TooMany,
}

impl LineFault {
    /// The end of the message key `stock-fault-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Twice => "twice",
            Self::Known => "known",
            Self::NotHere => "not-here",
            Self::TooMany => "too-many",
        }
    }
}

/// Faulty lines: what was typed, and what is wrong with it.
pub type LineFaults = Vec<(String, LineFault)>;

/// Reads serial numbers as they are typed, scanned or pasted: one a line, or with blanks or commas between, and ranges
/// as `YX0001..YX0100`.
///
/// # Errors
/// All faulty lines.
pub fn serials(text: &str) -> Result<Vec<TokenNumber>, LineFaults> {
    let (mut read, mut seen, mut faults) = (Vec::new(), BTreeSet::new(), Vec::new());
    for typed in text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|typed| !typed.is_empty()) {
        let Some(numbers) = range(typed, MAX_SERIALS + 1) else {
            faults.push((typed.chars().take(80).collect(), LineFault::Unreadable));
            continue;
        };
        for number in numbers {
            if read.len() == MAX_SERIALS {
                faults.push((number.to_string(), LineFault::TooMany));
                return Err(faults);
            }
            if seen.insert(number.clone()) {
                read.push(number);
            } else {
                faults.push((number.to_string(), LineFault::Twice));
            }
        }
        if faults.len() > 100 {
            break;
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

/// The numbers of one entry: one, or all of a range whose ends differ in their last digits only.
fn range(typed: &str, most: usize) -> Option<Vec<TokenNumber>> {
    let Some((first, last)) = typed.split_once("..") else { return Some(vec![typed.parse().ok()?]) };
    let digits = |text: &str| text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let n = digits(first).min(18);
    if n == 0 || digits(last) < n || first.len() != last.len() || !first.is_ascii() || !last.is_ascii() {
        return None;
    }
    let (prefix, from) = first.split_at(first.len() - n);
    let (other, to) = last.split_at(last.len() - n);
    let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
    if prefix != other || from > to {
        return None;
    }
    (from..=to).take(most).map(|at| format!("{prefix}{at:0n$}").parse().ok()).collect()
}

/// A stock, as its page shows it.
pub struct Stock {
    /// How many tokens are in each state.
    pub counts: BTreeMap<String, i64>,
    /// The tokens of the list.
    pub tokens: Vec<Token>,
    /// Transfers from and to the office, newest first.
    pub transfers: Vec<Transfer>,
    /// Counts, newest first.
    pub counted: Vec<Count>,
}

impl Desk {
    /// The stock of an officer's office; with a state, the tokens that are in it.
    ///
    /// # Errors
    /// Storage.
    pub async fn stock(&self, officer: &Officer, state: Option<&'static str>) -> Result<Stock, OfficeError> {
        let mut tx = self.store.read().await?;
        let office = &officer.office;
        Ok(Stock {
            counts: tx.count_tokens(office).await?.into_iter().collect(),
            tokens: tx.tokens(&TokenFilter::Office(office.clone(), state), 200).await?,
            transfers: tx.transfers(office, 20).await?,
            counted: tx.counts(office, 10).await?,
        })
    }

    /// A token with its history, newest first.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or storage.
    pub async fn token(&self, officer: &Officer, serial: &TokenNumber) -> Result<(Token, Vec<PastStep>), OfficeError> {
        let mut tx = self.store.read().await?;
        let token = tx.token(serial).await?.ok_or(OfficeError::NotFound)?;
        may_read(officer, &token.office)?;
        let steps = tx.steps(&OrderSubject::Token(serial.clone())).await?;
        Ok((token, steps))
    }

    /// Takes tokens into an office's stock: all of the list, or none.
    ///
    /// # Errors
    /// Storage; the inner error names the lines that are in the books already.
    pub async fn receive_stock(
        &self,
        office: &OfficeId,
        by: Option<&Who>,
        list: &[TokenNumber],
        model: &str,
        purchased: BeijingDay,
    ) -> Result<Result<usize, LineFaults>, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut faults = Vec::new();
            for serial in list {
                let (token, step) =
                    Token::receive(serial.clone(), office.clone(), model.to_owned(), purchased, by.cloned(), now);
                if tx.add_token(&token).await? {
                    tx.add_step(&OrderSubject::Token(serial.clone()), &step).await?;
                } else {
                    faults.push((serial.to_string(), LineFault::Known));
                }
            }
            if !faults.is_empty() {
                return Ok(Err(faults));
            }
            self.note_stock(&mut tx, by, "stock.received", office.as_str(), list.len(), now).await?;
            tx.commit().await?;
            Ok(Ok(list.len()))
        })
        .await
    }

    /// The admin PINs of blank tokens, for the list with which they are formatted; they count as formatted from now on.
    ///
    /// # Errors
    /// [`TokenRefusal::State`] for one that is not blank or formatted; storage.
    pub async fn admin_pins(&self, list: &[TokenNumber]) -> Result<Vec<(TokenNumber, AdminPin)>, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let master = self.token_master(&mut tx, now).await?;
            let mut pins = Vec::with_capacity(list.len());
            for serial in list {
                let token = tx.token(serial).await?.ok_or(TokenRefusal::Unknown)?;
                match token.state {
                    State::Blank => self.move_token(&mut tx, token.format(None, now)?).await?,
                    // Told again: the list was lost.
                    State::Formatted => {}
                    _ => return Err(TokenRefusal::State.into()),
                }
                pins.push((serial.clone(), master.pin_of(serial)?));
            }
            self.note_stock(&mut tx, None, "stock.admin_pins_listed", "", list.len(), now).await?;
            tx.commit().await?;
            Ok(pins)
        })
        .await
    }

    /// Sends tokens to another office; they can be used nowhere until it says that they arrived.
    ///
    /// # Errors
    /// [`OfficeError::WrongState`] for an office that nobody works in, storage; the inner error names faulty lines.
    pub async fn send_stock(
        &self,
        officer: &Officer,
        list: &[TokenNumber],
        to: &OfficeId,
    ) -> Result<Result<String, LineFaults>, OfficeError> {
        let now = self.clock.now();
        if *to == officer.office || !self.offices().await?.contains(to) {
            return Err(OfficeError::WrongState("nobody works in that office, or it is one's own"));
        }
        again(|| async {
            let mut tx = self.store.begin().await?;
            let id = format!("TR-{}", tx.next_number("TR", now.beijing_day()).await?);
            let mut faults = Vec::new();
            for serial in list {
                let token = tx.token(serial).await?.filter(|token| token.office == officer.office);
                match token.map(|token| token.send(&id, to, officer, now)) {
                    Some(Ok(moved)) => self.move_token(&mut tx, moved).await?,
                    _ => faults.push((serial.to_string(), LineFault::NotHere)),
                }
            }
            if !faults.is_empty() {
                return Ok(Err(faults));
            }
            tx.add_transfer(&Transfer {
                id: id.clone(),
                from: officer.office.clone(),
                to: to.clone(),
                n: i64::try_from(list.len()).unwrap_or(i64::MAX),
                arrived: 0,
                sent: (officer.into(), now),
                received: None,
            })
            .await?;
            self.note_stock(&mut tx, Some(&officer.into()), "stock.sent", &id, list.len(), now).await?;
            tx.commit().await?;
            Ok(Ok(id))
        })
        .await
    }

    /// A transfer, and what of it is still on its way.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`], storage.
    pub async fn transfer(&self, officer: &Officer, id: &str) -> Result<(Transfer, Vec<Token>), OfficeError> {
        let mut tx = self.store.read().await?;
        let transfer = tx.transfer(id).await?.ok_or(OfficeError::NotFound)?;
        if transfer.from != officer.office {
            may_read(officer, &transfer.to)?;
        }
        let most = i64::try_from(MAX_SERIALS).unwrap_or(i64::MAX);
        let waiting = tx.tokens(&TokenFilter::Transfer(id.to_owned()), most).await?;
        Ok((transfer, waiting))
    }

    /// The receiving office signs for those tokens of a transfer that arrived.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] for another office; [`TokenRefusal::State`] for a token that is not on its way.
    pub async fn receive_transfer(&self, officer: &Officer, id: &str, list: &[TokenNumber]) -> Result<(), OfficeError> {
        let now = self.clock.now();
        if list.is_empty() {
            return Err(OfficeError::WrongState("no token was ticked"));
        }
        again(|| async {
            let mut tx = self.store.begin().await?;
            let transfer = tx.transfer(id).await?.ok_or(OfficeError::NotFound)?;
            if transfer.to != officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
            for serial in list {
                let token = tx.token(serial).await?.filter(|token| token.transfer.as_deref() == Some(id));
                let token = token.ok_or(TokenRefusal::State)?;
                self.move_token(&mut tx, token.arrive(&officer.office, officer, now)?).await?;
            }
            let arrived = transfer.arrived + i64::try_from(list.len()).unwrap_or(i64::MAX);
            let by = Who::from(officer);
            tx.put_arrival(id, transfer.arrived, arrived, &by, now).await?;
            self.note_stock(&mut tx, Some(&by), "stock.arrived", id, list.len(), now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Compares the tokens that were found in the cupboard with the books, and writes down what was found.
    ///
    /// # Errors
    /// Storage.
    pub async fn count_stock(&self, officer: &Officer, found: &[TokenNumber]) -> Result<Count, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut books = BTreeMap::new();
            for state in State::IN_STOCK {
                let filter = TokenFilter::Office(officer.office.clone(), Some(state));
                for token in tx.tokens(&filter, MAX_COUNTED).await? {
                    if token.transfer.is_none() {
                        books.insert(token.serial.clone(), token);
                    }
                }
            }
            let expected = books.len();
            let mut strange = Vec::new();
            for serial in found {
                match books.remove(serial) {
                    Some(token) => tx.put_token(&Token { counted: Some(now), ..token }).await?,
                    None => strange.push(serial.to_string()),
                }
            }
            let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            let count = Count {
                id: format!("ST-{}", tx.next_number("ST", now.beijing_day()).await?),
                office: officer.office.clone(),
                by: officer.into(),
                at: now,
                expected: number(expected),
                found: number(expected - books.len()),
                missing: books.into_keys().map(|serial| serial.to_string()).collect(),
                strange,
            };
            tx.add_count(&count).await?;
            self.note_stock(&mut tx, Some(&count.by), "stock.counted", &count.id, found.len(), now).await?;
            tx.commit().await?;
            Ok(count)
        })
        .await
    }

    /// Takes a token out of use, or writes down that one that is out of use was destroyed.
    ///
    /// # Errors
    /// [`OfficeError::Token`], [`OfficeError::Forbidden`] for another office's, storage.
    pub async fn end_token(
        &self,
        officer: &Officer,
        serial: &TokenNumber,
        reason: &str,
        destroyed: bool,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let token = tx.token(serial).await?.ok_or(OfficeError::NotFound)?;
            if token.office != officer.office {
                return Err(Forbidden::OtherOffice.into());
            }
            let moved = if destroyed {
                token.destroy(officer, reason.to_owned(), now)?
            } else if State::IN_STOCK.contains(&token.state.word()) && token.transfer.is_none() {
                token.retire(Some(officer.into()), reason.to_owned(), now)?
            } else {
                return Err(TokenRefusal::State.into());
            };
            self.move_token(&mut tx, moved).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The offices in which somebody works, by the authority's registry.
    ///
    /// # Errors
    /// The authority's.
    pub async fn offices(&self) -> Result<BTreeSet<OfficeId>, OfficeError> {
        match self.ca.call(Request::Officers).await? {
            Response::Officers { officers } => Ok(officers.into_iter().map(|known| known.officer.office).collect()),
            _ => Err(CallError::from(std::io::Error::other("an answer to another question")).into()),
        }
    }

    async fn note_stock(
        &self,
        tx: &mut Box<dyn Tx>,
        by: Option<&Who>,
        kind: &'static str,
        subject: &str,
        n: usize,
        at: Timestamp,
    ) -> Result<(), OfficeError> {
        let actor = by.map_or_else(|| "system".to_owned(), |by| format!("officer:{}", by.id));
        let details = BTreeMap::from([("n".to_owned(), n.to_string())]);
        Ok(tx.audit(&Event { at, actor, kind, subject: subject.to_owned(), details }).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, LineFaults> {
        serials(text).map(|read| read.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_list_and_a_range_are_read() {
        assert_eq!(read("YX1, YX2\nYX3").expect("read"), ["YX1", "YX2", "YX3"]);
        assert_eq!(read("A098..A101").expect("read"), ["A098", "A099", "A100", "A101"]);
        assert_eq!(read("7..7").expect("read"), ["7"]);
    }

    #[test]
    fn each_faulty_line_is_named() {
        let faults = read("YX1 YX1 令牌 A2..A1 A1..B2 A1..A10").expect_err("faulty");
        let named: Vec<_> = faults.iter().map(|(typed, fault)| (typed.as_str(), fault.word())).collect();
        let unreadable = |typed| (typed, "unreadable");
        let expected =
            [("YX1", "twice"), unreadable("令牌"), unreadable("A2..A1"), unreadable("A1..B2"), unreadable("A1..A10")];
        assert_eq!(named, expected);
    }

    #[test]
    fn a_list_that_is_too_long_is_cut_off_at_its_end() {
        let faults = read("A00001..A99999").expect_err("too long");
        assert_eq!(faults, [("A02001".to_owned(), LineFault::TooMany)]);
    }
}
