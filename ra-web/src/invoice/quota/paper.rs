//! A paper by code and number, a run of them as it was bought, and which papers make up an amount.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

use crate::payment::fen::Fen;

/// Digits of a code.
const CODE_DIGITS: usize = 12;
/// Digits of a number.
const NUMBER_DIGITS: usize = 8;
/// So many papers are bought, or voided, at once at most.
pub const MOST_AT_ONCE: u32 = 2_000;
/// A bill is made up of so many papers at most.
pub const MOST_FOR_A_BILL: i64 = 20;
/// The amounts that are printed, in yuan.
pub const DENOMINATIONS: [i64; 7] = [1, 2, 5, 10, 20, 50, 100];

/// The code of an issue: 12 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

impl Code {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() == CODE_DIGITS && digits(text) { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One paper.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Paper {
    /// Of which issue.
    pub code: Code,
    /// Its number in it.
    pub number: u32,
}

impl FromStr for Paper {
    type Err = ();

    /// Code and number as [`fmt::Display`] writes them: 20 digits.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (code, number) = text.split_at_checked(CODE_DIGITS).ok_or(())?;
        if number.len() != NUMBER_DIGITS || !digits(number) {
            return Err(());
        }
        Ok(Self { code: code.parse()?, number: number.parse().map_err(|_| ())? })
    }
}

impl fmt::Display for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:0NUMBER_DIGITS$}", self.code, self.number)
    }
}

/// Where a paper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To be allotted.
    Stock,
    /// Put aside for a bill.
    Allotted,
    /// On its way to the unit, or there.
    Sent,
    /// Of no more use.
    Void,
}

impl Place {
    /// All, in the order of the way.
    pub const ALL: [Self; 4] = [Self::Stock, Self::Allotted, Self::Sent, Self::Void];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Allotted => "allotted",
            Self::Sent => "sent",
            Self::Void => "void",
        }
    }
}

/// A field that is faulty, and the word of the fault: the end of the message key `quota-fault-…`.
pub type RangeFaults = Vec<(&'static str, &'static str)>;

/// Papers of one issue with numbers that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Of which issue.
    pub code: Code,
    /// The lowest number.
    pub first: u32,
    /// The highest.
    pub last: u32,
}

impl Range {
    /// What was typed: code, first and last number.
    ///
    /// # Errors
    /// All faults at once, in the order of the form.
    pub fn read(code: &str, first: &str, last: &str) -> Result<Self, RangeFaults> {
        // Full-width digits and blanks are a keyboard's accident.
        let plain = |typed: &str| typed.nfkc().filter(|c| !c.is_whitespace()).collect::<String>();
        let number = |typed: &str| {
            let text = plain(typed);
            let good = text.len() == NUMBER_DIGITS && digits(&text);
            good.then(|| text.parse::<u32>().ok()).flatten()
        };
        let (code, first, last) = (plain(code).parse::<Code>().ok(), number(first), number(last));
        let missing = [("code", code.is_none()), ("first", first.is_none()), ("last", last.is_none())];
        let (Some(code), Some(first), Some(last)) = (code, first, last) else {
            let word = |field: &str| if field == "code" { "code" } else { "number" };
            return Err(missing.into_iter().filter(|(_, bad)| *bad).map(|(field, _)| (field, word(field))).collect());
        };
        let range = Self { code, first, last };
        if first <= last && range.count() <= MOST_AT_ONCE { Ok(range) } else { Err(vec![("last", "range")]) }
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.last - self.first + 1
    }

    /// Its papers, the lowest first.
    pub fn papers(&self) -> impl Iterator<Item = Paper> + '_ {
        (self.first..=self.last).map(|number| Paper { code: self.code.clone(), number })
    }

    /// Papers as the ranges that they make, lowest first.
    #[must_use]
    pub fn of(papers: &[Paper]) -> Vec<Self> {
        let mut sorted = papers.to_vec();
        sorted.sort();
        let mut ranges: Vec<Self> = Vec::new();
        for Paper { code, number } in sorted {
            match ranges.last_mut() {
                Some(range) if range.code == code && range.last + 1 == number => range.last = number,
                _ => ranges.push(Self { code, first: number, last: number }),
            }
        }
        ranges
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:0NUMBER_DIGITS$}", self.code, self.first)?;
        if self.last > self.first { write!(f, "–{:0NUMBER_DIGITS$}", self.last) } else { Ok(()) }
    }
}

/// A run as it was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its papers.
    pub range: Range,
    /// What each is worth.
    pub worth: Fen,
}

/// The amount of a paper as typed: one of those that are printed.
#[must_use]
pub fn worth(typed: &str) -> Option<Fen> {
    let worth: Fen = typed.parse().ok()?;
    DENOMINATIONS.into_iter().map(Fen::yuan).find(|known| *known == worth)
}

/// Which papers make up exactly this amount, of what is in stock (amount of a paper, how many of it): large ones first.
/// `None`: none do.
#[must_use]
pub fn make_up(amount: Fen, stock: &[(Fen, i64)]) -> Option<Vec<(Fen, i64)>> {
    let mut stock: Vec<(i64, i64)> =
        stock.iter().filter(|(worth, left)| *worth > Fen::ZERO && *left > 0).map(|(w, n)| (w.fen(), *n)).collect();
    stock.sort_by(|a, b| b.cmp(a));
    let mut taken = Vec::new();
    let found = amount > Fen::ZERO && fill(amount.fen(), MOST_FOR_A_BILL, &stock, &mut taken);
    found.then(|| taken.into_iter().map(|(worth, n)| (Fen::new(worth), n)).collect())
}

fn fill(left: i64, papers: i64, stock: &[(i64, i64)], taken: &mut Vec<(i64, i64)>) -> bool {
    if left == 0 {
        return true;
    }
    let Some(((worth, have), rest)) = stock.split_first() else { return false };
    // Not even the largest ones reach so far.
    if worth.saturating_mul(papers) < left {
        return false;
    }
    for n in (0..=(left / worth).min(*have).min(papers)).rev() {
        if n > 0 {
            taken.push((*worth, n));
        }
        if fill(left - worth * n, papers - n, rest, taken) {
            return true;
        }
        if n > 0 {
            taken.pop();
        }
    }
    false
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn paper(number: u32) -> Paper {
        Paper { code: "113001000001".parse().expect("a code"), number }
    }

    #[test]
    fn a_paper_is_written_with_all_its_digits_and_read_strictly() {
        assert_eq!(paper(12).to_string(), "11300100000100000012");
        assert_eq!("11300100000100000012".parse(), Ok(paper(12)));
        for bad in ["", "1130010000010000001", "113001000001000000123", "11300100000x00000012", "１1300100000100000012"]
        {
            assert_eq!(bad.parse::<Paper>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn a_range_is_read_with_its_faults_and_written_shortly() {
        let range = Range::read(" １１3001000001", "00000012", "00000013").expect("a range");
        assert_eq!((range.to_string().as_str(), range.count()), ("113001000001 00000012–00000013", 2));
        assert_eq!(
            Range::read("", "12", "x0000013"),
            Err(vec![("code", "code"), ("first", "number"), ("last", "number")])
        );
        for (first, last) in [("00000013", "00000012"), ("00000001", "00002001")] {
            let fault = Range::read("113001000001", first, last);
            assert_eq!(fault, Err(vec![("last", "range")]), "{first}–{last}");
        }
        assert!(Range::read("113001000001", "00000001", "00002000").is_ok());
        let ranges = Range::of(&[paper(7), paper(5), paper(6), paper(9)]);
        let shown: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["113001000001 00000005–00000007", "113001000001 00000009"]);
    }

    #[test]
    fn two_hundred_yuan_are_two_papers_of_a_hundred() {
        let stock = [(Fen::yuan(50), 9), (Fen::yuan(100), 5)];
        assert_eq!(make_up(Fen::yuan(200), &stock), Some(vec![(Fen::yuan(100), 2)]));
        assert_eq!(make_up(Fen::yuan(250), &stock), Some(vec![(Fen::yuan(100), 2), (Fen::yuan(50), 1)]));
        // The largest one is not always in it.
        let odd = [(Fen::yuan(50), 1), (Fen::yuan(20), 3)];
        assert_eq!(make_up(Fen::yuan(60), &odd), Some(vec![(Fen::yuan(20), 3)]));
        for (amount, stock) in [
            (Fen::yuan(200), &[(Fen::yuan(100), 1)][..]),
            (Fen::yuan(255), &stock[..]),
            (Fen::new(20_050), &stock[..]),
            (Fen::ZERO, &stock[..]),
            (Fen::yuan(300), &[(Fen::yuan(10), 99)][..]),
        ] {
            assert_eq!(make_up(amount, stock), None, "{amount}");
        }
        assert_eq!(worth("100"), Some(Fen::yuan(100)));
        assert_eq!((worth("30"), worth("x"), worth("100.01")), (None, None, None));
    }

    proptest! {
        /// Whatever the stock: what is found is the amount, of no more than there is; and what is there is found.
        #[test]
        fn what_makes_an_amount_up_is_exact_and_in_stock(
            left in prop::collection::vec(0_i64..4, DENOMINATIONS.len()),
            take in prop::collection::vec(0_i64..4, DENOMINATIONS.len()),
        ) {
            let worths = DENOMINATIONS.into_iter().map(Fen::yuan);
            let stock: Vec<(Fen, i64)> = worths.clone().zip(left.iter().copied()).collect();
            let amount: Fen = worths.zip(left.iter().zip(&take)).map(|(w, (l, t))| w.times(*l.min(t))).sum();
            let papers: i64 = left.iter().zip(&take).map(|(l, t)| l.min(t)).sum();
            match make_up(amount, &stock) {
                Some(found) => {
                    prop_assert_eq!(found.iter().map(|(worth, n)| worth.times(*n)).sum::<Fen>(), amount);
                    for (worth, n) in &found {
                        prop_assert!(stock.iter().any(|(known, left)| known == worth && n <= left));
                    }
                }
                None => prop_assert!(amount.is_zero() || papers > MOST_FOR_A_BILL),
            }
        }
    }
}
