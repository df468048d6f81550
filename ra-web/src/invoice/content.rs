//! What an invoice says, frozen when it is asked for: all its forms are written from it.

use serde::{Deserialize, Serialize};

use super::title::Title;
use crate::i18n::Locale;
use crate::payment::bill::Bill;
use crate::payment::fen::{Fen, Split, TaxRate};

/// Who sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seller {
    /// Name.
    pub name: String,
    /// Taxpayer number.
    pub tax_id: String,
    /// Address.
    pub address: String,
    /// Telephone.
    pub phone: String,
    /// Bank.
    pub bank: String,
    /// Account.
    pub account: String,
    /// Whose name stands as the drawer's.
    pub drawer: String,
    /// The tax bureau in whose area it is.
    pub bureau: String,
    /// The short name of the tax category, between asterisks before each item.
    pub category: String,
    /// The tax category's code of 19 digits.
    pub goods_code: String,
}

/// A line. All amounts are negative in a red-letter invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// `*category*name`.
    pub item: String,
    /// Of what there are so many.
    pub unit: String,
    /// How many.
    pub count: i64,
    /// Without tax.
    pub net: Fen,
    /// Tax.
    pub tax: Fen,
}

impl Line {
    /// The price of one without tax, as exact as eight decimals are.
    #[must_use]
    pub fn price(&self) -> String {
        let count = i128::from(self.count);
        if count == 0 {
            return String::new();
        }
        let scaled = (i128::from(self.net.fen()) * 1_000_000 * 2 + count) / (count * 2);
        let text = format!("{}.{:08}", scaled / 100_000_000, scaled % 100_000_000);
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let kept = part.trim_end_matches('0');
        format!("{whole}.{kept:0<2}")
    }
}

/// What is invoiced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// To whom.
    pub title: Title,
    /// By whom.
    pub seller: Seller,
    /// For what.
    pub lines: Vec<Line>,
    /// The rate in it.
    pub rate: TaxRate,
    /// With tax; below zero in a red-letter invoice.
    pub gross: Fen,
    /// What stands in the field for remarks.
    pub remark: String,
}

impl Content {
    /// An invoice over what we have of a bill.
    #[must_use]
    pub fn of(bill: &Bill, title: Title, seller: Seller) -> Self {
        let (rate, gross) = (bill.quote.tax, bill.kept());
        let t = |key: &str| Locale::ZhCn.t(key);
        let named = |word: &str| format!("*{}*{}", seller.category, t(&format!("einvoice-item-{word}")));
        // A bill that is not kept whole, or has something taken off, is one line: an invoice line is never below zero.
        let whole = gross == bill.gross() && bill.quote.lines.iter().all(|line| line.amount() > Fen::ZERO);
        let parts: Vec<(String, String, i64, Fen)> = if whole {
            bill.quote
                .lines
                .iter()
                .map(|line| {
                    let word = line.item.word();
                    (named(word), t(&format!("einvoice-unit-{word}")), line.count, line.amount())
                })
                .collect()
        } else {
            vec![(named("service"), t("einvoice-unit-once"), 1, gross)]
        };
        let lines = parted(rate, gross, parts);
        let remark = Locale::ZhCn.t_with("einvoice-remark-bill", &[("bill", &bill.number.as_str())]);
        Self { title, seller, lines, rate, gross, remark }
    }

    /// The red-letter invoice that takes all of this one back.
    #[must_use]
    pub fn reversed(&self, number: &str, why: &str) -> Self {
        let lines =
            self.lines.iter().map(|line| Line { count: -line.count, net: -line.net, tax: -line.tax, ..line.clone() });
        Self {
            lines: lines.collect(),
            gross: -self.gross,
            remark: Locale::ZhCn.t_with("einvoice-remark-red", &[("number", &number), ("why", &why)]),
            ..self.clone()
        }
    }

    /// Net and tax of all: what the books say of the same gross amount.
    #[must_use]
    pub fn split(&self) -> Split {
        Split { net: self.lines.iter().map(|line| line.net).sum(), tax: self.lines.iter().map(|line| line.tax).sum() }
    }
}

/// Parts a gross amount into lines: the last line takes what rounding leaves, so that lines add up to the sums.
fn parted(rate: TaxRate, gross: Fen, parts: Vec<(String, String, i64, Fen)>) -> Vec<Line> {
    let mut left = rate.split(gross);
    let last = parts.len().saturating_sub(1);
    parts
        .into_iter()
        .enumerate()
        .map(|(n, (item, unit, count, amount))| {
            let Split { net, tax } = if n == last { left } else { rate.split(amount) };
            left = Split { net: left.net - net, tax: left.tax - tax };
            Line { item, unit, count, net, tax }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoice::tests::seller;
    use crate::payment::bill::tests::{NOW, bill};
    use proptest::prelude::*;

    proptest! {
        /// Whatever the lines: they add up to the sums, and the sums to what was paid.
        #[test]
        fn lines_add_up_to_the_sums(amounts in prop::collection::vec(1_i64..1_000_000, 1..8), rate in 0_u16..2_000) {
            let gross: Fen = amounts.iter().map(|fen| Fen::new(*fen)).sum();
            let parts = amounts.iter().map(|fen| ("x".into(), "y".into(), 1, Fen::new(*fen))).collect();
            let lines = parted(TaxRate(rate), gross, parts);
            let (net, tax): (Fen, Fen) =
                (lines.iter().map(|line| line.net).sum(), lines.iter().map(|line| line.tax).sum());
            prop_assert_eq!(net + tax, gross);
            prop_assert_eq!(TaxRate(rate).split(gross), Split { net, tax });
            for (line, fen) in lines.iter().zip(&amounts) {
                // Rounding moves some fen between net and tax of the last line, never the line's own sum.
                prop_assert_eq!(line.net + line.tax, Fen::new(*fen));
            }
        }
    }

    #[test]
    fn an_invoice_is_over_what_was_kept_and_its_reversal_takes_all_of_it_back() {
        let paid = bill().pay(NOW).expect("paid");
        let whole = Content::of(&paid, Title::of(&paid), seller());
        assert_eq!((whole.lines.len(), whole.gross), (2, Fen::yuan(460)));
        let part = paid.refund(Fen::yuan(60)).expect("partly");
        let content = Content::of(&part, Title::of(&part), seller());
        assert_eq!((content.lines.len(), content.gross), (1, Fen::yuan(400)));
        let Split { net, tax } = content.split();
        assert_eq!((net.to_string(), tax.to_string()), ("377.36".into(), "22.64".into()));
        let red = content.reversed("99202609210000000001", "x");
        assert_eq!((red.gross, red.split()), (Fen::yuan(-400), Split { net: -net, tax: -tax }));
        assert_eq!((red.lines[0].count, red.lines[0].price()), (-1, content.lines[0].price()));
    }

    #[test]
    fn a_price_is_what_the_amount_is_divided_by() {
        let line =
            |count, net| Line { item: String::new(), unit: String::new(), count, net: Fen::new(net), tax: Fen::ZERO };
        for (count, net, text) in
            [(2, 37_736, "188.68"), (1, 18_868, "188.68"), (3, 10_000, "33.33333333"), (7, 5, "0.00714286")]
        {
            assert_eq!(line(count, net).price(), text);
        }
    }
}
