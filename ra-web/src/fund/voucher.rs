//! Vouchers (凭证): what a booked operation is proved by on paper, with a code by which anybody can check it, and the fund's
//! electronic seal.

use ca_core::domain::{FundAct, FundField, FundPay, FundReason, FundTransaction, Timestamp, decode};
use serde::Serialize;

use super::amounts::Fen;
use super::operation::{Operation, State};
use crate::i18n::Locale;
use crate::paper::qr::Modules;
use crate::paper::sealed::{About, Place, SealFault, Sealer};
use crate::paper::{PaperError, Press, Standard};

/// Where the seal's picture goes: `paper/fund.typ` leaves the room.
const SEAL: Place = Place { x: 430.9, y: 683.2, side: 102.05 };

/// What the template reads.
#[derive(Debug, Serialize)]
pub struct Voucher {
    title: String,
    number: String,
    authority: String,
    printed: String,
    /// Original, or which print it is.
    print: String,
    unit: String,
    account: String,
    /// Name, value, and whether it takes a row by itself.
    facts: Vec<(String, String, bool)>,
    columns: Vec<String>,
    lines: Vec<Vec<String>>,
    signed: String,
    certificate: String,
    booked: String,
    check_code: String,
    check_at: String,
    /// SVG; leads to the page that checks this voucher.
    qr: String,
    reversed: String,
    sealed: bool,
}

/// The fund's electronic seal: its key, and its picture.
pub struct Seal {
    sealer: Sealer,
    picture: Vec<u8>,
}

impl Seal {
    /// Draws the picture of a seal.
    ///
    /// # Errors
    /// [`PaperError`].
    pub async fn draw(sealer: Sealer, press: &Press, purpose: &str, now: Timestamp) -> Result<Self, PaperError> {
        let data = serde_json::json!({ "name": sealer.name(), "purpose": purpose });
        let picture = press.print_as("fund-seal", &data, now, Standard::Drawing).await?;
        Ok(Self { sealer, picture })
    }
}

/// The kind of paper that an act gives: a message `fund-voucher-…`.
#[must_use]
pub const fn kind(act: FundAct) -> &'static str {
    match act {
        FundAct::Remit => "remittance",
        FundAct::MakeUp => "make-up",
        FundAct::Open => "opening",
        FundAct::Seal | FundAct::Unseal | FundAct::Rebase => "changes",
        FundAct::ChangeUnit | FundAct::ChangePerson => "particulars",
        FundAct::Reverse => "reversal",
    }
}

/// A code in groups of four.
#[must_use]
pub fn grouped(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// A code as people type it.
#[must_use]
pub fn typed_code(text: &str) -> Option<String> {
    let code: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    (code.len() == 16).then_some(code)
}

/// A particular's value as people read it.
#[must_use]
pub fn said(locale: Locale, field: FundField, value: &str) -> String {
    let key = match field {
        FundField::Pay => FundPay::from_word(value).map(|pay| format!("fund-pay-{}", pay.word())),
        FundField::Reason => FundReason::from_word(value).map(|why| format!("fund-reason-{}", why.word())),
        _ => None,
    };
    key.map_or_else(|| value.to_owned(), |key| locale.t(&key))
}

/// The particulars of a document, as people read them.
#[must_use]
pub fn particulars(locale: Locale, document: &FundTransaction) -> Vec<(String, String)> {
    let fact = |fact: &ca_core::domain::FundFact| {
        let label = locale.t(&format!("fund-field-{}", fact.field.word().replace('_', "-")));
        let will = said(locale, fact.field, &fact.value);
        let value = match &fact.was {
            Some(was) if was.is_empty() => format!("– → {will}"),
            Some(was) => format!("{} → {will}", said(locale, fact.field, was)),
            None => will,
        };
        (label, value)
    };
    document.facts.iter().map(fact).collect()
}

/// The headings of an operation's list.
#[must_use]
pub fn columns(locale: Locale, act: FundAct, moves_money: bool) -> Vec<String> {
    let (was, will) = match act {
        FundAct::Open => ("fund-line-starts", "fund-line-base"),
        FundAct::Rebase | FundAct::Unseal => ("fund-line-was", "fund-line-will"),
        FundAct::MakeUp => ("fund-line-why", "fund-line-month"),
        FundAct::Reverse if moves_money => ("", "fund-line-month"),
        FundAct::Reverse => ("fund-line-was", "fund-line-will"),
        _ => ("", "fund-line-base"),
    };
    let word = |key: &str| if key.is_empty() { String::new() } else { locale.t(key) };
    vec![
        locale.t("fund-line-number"),
        locale.t("fund-line-name"),
        locale.t("fund-line-id"),
        word(was),
        word(will),
        locale.t("fund-line-unit-part"),
        locale.t("fund-line-personal-part"),
    ]
}

/// Leaves out a column that nothing stands in.
#[must_use]
pub fn shown(columns: Vec<String>, lines: Vec<Vec<String>>) -> (Vec<String>, Vec<Vec<String>>) {
    let keep: Vec<bool> = columns.iter().map(|heading| !heading.is_empty()).collect();
    let kept =
        |cells: Vec<String>| cells.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(cell, _)| cell).collect();
    (kept(columns), lines.into_iter().map(kept).collect())
}

/// Where a code is checked.
#[must_use]
pub fn check_address(origin: &str, code: &str) -> String {
    format!("{origin}/check?code={code}")
}

/// Particulars that share a row with another.
const NARROW: [FundField; 4] = [FundField::Month, FundField::Heads, FundField::UnitShare, FundField::PersonalShare];
/// Places of both parts in a line of the list.
const PARTS: std::ops::RangeInclusive<usize> = 5..=6;

impl Voucher {
    /// The voucher of an operation that stands in the books; none for another. `prints` counts this one.
    #[must_use]
    pub fn of(
        operation: &Operation,
        prints: i64,
        authority: &str,
        origin: &str,
        sealed: bool,
        printed: Timestamp,
    ) -> Option<Self> {
        let (signature, booked) = (operation.signature.as_ref()?, operation.booked?);
        if operation.state != State::Posted {
            return None;
        }
        let locale = Locale::ZhCn;
        let document: FundTransaction = decode(&operation.document).ok()?;
        let certificate = openssl::x509::X509::from_der(&signature.certificate).ok()?;
        let serial = certificate.serial_number().to_bn().ok()?.to_hex_str().ok()?.to_lowercase();
        let mut facts: Vec<(String, String, bool)> = particulars(locale, &document)
            .into_iter()
            .zip(&document.facts)
            .map(|((label, value), fact)| (label, value, !NARROW.contains(&fact.field)))
            .collect();
        if !operation.moves_money() {
            facts.extend(monthly(locale, &operation.lines()));
        }
        let (columns, lines) = shown(columns(locale, operation.act, operation.moves_money()), operation.lines());
        Some(Self {
            title: locale.t(&format!("fund-voucher-{}", kind(operation.act))),
            number: operation.serial.clone(),
            authority: authority.to_owned(),
            printed: printed.beijing_text(),
            print: match prints {
                ..=1 => locale.t("fund-voucher-original"),
                n => locale.t_with("fund-voucher-nth", &[("n", &n)]),
            },
            facts: in_pairs(facts),
            unit: document.unit,
            account: document.account,
            columns,
            lines,
            signed: signature.at.beijing_text(),
            certificate: serial,
            booked: booked.beijing_text(),
            check_code: grouped(&operation.check_code),
            check_at: format!("{origin}/check"),
            qr: Modules::of(&check_address(origin, &operation.check_code)).map(|code| code.svg()).unwrap_or_default(),
            reversed: operation.reversed_by.clone().unwrap_or_default(),
            sealed,
        })
    }

    /// The paper, sealed where the fund has a seal.
    ///
    /// # Errors
    /// [`PaperError`], also when it cannot be sealed.
    pub async fn print(&self, press: &Press, seal: Option<&Seal>, at: Timestamp) -> Result<Vec<u8>, PaperError> {
        let paper = press.print("fund", self, at).await?;
        let Some(seal) = seal else { return Ok(paper) };
        let about = About { reason: &format!("{} {} {}", self.title, self.number, self.print), at };
        seal.sealer
            .seal(&paper, &seal.picture, SEAL, about)
            .map_err(|fault: SealFault| PaperError::Template { template: "fund", what: format!("sealing: {fault}") })
    }
}

/// Lets a particular that has no neighbour to share its row with have the row by itself.
fn in_pairs(mut facts: Vec<(String, String, bool)>) -> Vec<(String, String, bool)> {
    let mut at = 0;
    while at < facts.len() {
        let pair = !facts[at].2 && facts.get(at + 1).is_some_and(|next| !next.2);
        if !pair {
            facts[at].2 = true;
        }
        at += if pair { 2 } else { 1 };
    }
    facts
}

/// What both sides pay a month for those in a list, in figures and capitals.
fn monthly(locale: Locale, lines: &[Vec<String>]) -> Vec<(String, String, bool)> {
    let parts = lines.iter().flat_map(|line| line.get(PARTS).unwrap_or_default());
    let sum: Fen = parts.filter_map(|text| Fen::typed(text)).sum();
    if sum == Fen::ZERO {
        return Vec::new();
    }
    vec![
        (locale.t("fund-voucher-monthly"), sum.to_string(), true),
        (locale.t("fund-voucher-monthly-capitals"), sum.capitals(), true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particulars_share_a_row_two_and_two() {
        let facts = |wide: &[bool]| wide.iter().map(|wide| (String::new(), String::new(), *wide)).collect();
        for (given, paired) in [
            (&[true, false, true][..], &[true, true, true][..]),
            (&[false, false, true], &[false, false, true]),
            (&[false, false, false], &[false, false, true]),
            (&[], &[]),
        ] {
            let found: Vec<bool> = in_pairs(facts(given)).into_iter().map(|(.., wide)| wide).collect();
            assert_eq!(found, paired, "{given:?}");
        }
    }

    #[test]
    fn codes_are_read_as_they_are_printed_and_columns_that_are_empty_are_left_out() {
        assert_eq!(grouped("23456789ABCDEFGH"), "2345-6789-ABCD-EFGH");
        assert_eq!(typed_code(" 2345-6789-abcd-EFGH").as_deref(), Some("23456789ABCDEFGH"));
        assert_eq!(typed_code("2345"), None);
        let (columns, lines) = shown(
            columns(Locale::En, FundAct::Seal, false),
            vec![["1", "2", "3", "", "5", "6", "7"].map(str::to_owned).to_vec()],
        );
        assert_eq!((columns.len(), lines[0].len()), (6, 6));
    }
}
