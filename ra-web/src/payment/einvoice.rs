//! E-invoices behind a port, modelled on a tax-control provider (`domain.md` §5): asked for under a key, accepted first,
//! issued later. [`Local`] stands where there is no such provider: its numbers begin with 99, which no year does, and its
//! papers say on their face that they are samples.

use async_trait::async_trait;

use super::bill::{Bill, BillNumber};
use super::fen::{Fen, Split, TaxRate};
use super::tariff::QuoteLine;

/// What is invoiced: the buyer is the unit of the certificate, by name and taxpayer number, which is its credit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of which bill.
    pub bill: BillNumber,
    /// The how-manieth invoice of the bill: with it the key under which the provider knows a repetition.
    pub attempt: usize,
    /// The buyer's name.
    pub title: String,
    /// The buyer's taxpayer number.
    pub tax_id: String,
    /// What was paid for.
    pub lines: Vec<QuoteLine>,
    /// With tax.
    pub gross: Fen,
    /// The rate in it.
    pub rate: TaxRate,
}

impl Wanted {
    /// An invoice over what we have of a bill.
    #[must_use]
    pub fn of(bill: &Bill, attempt: usize) -> Self {
        Self {
            bill: bill.number.clone(),
            attempt,
            title: bill.unit_name.clone(),
            tax_id: bill.uscc.clone(),
            lines: bill.quote.lines.clone(),
            gross: bill.kept(),
            rate: bill.quote.tax,
        }
    }

    /// Net and tax.
    #[must_use]
    pub fn split(&self) -> Split {
        self.rate.split(self.gross)
    }
}

/// How far the provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has it, and is not done.
    Accepted,
    /// It is issued under this number.
    Issued(String),
}

/// Why there is no invoice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceError {
    /// No answer: asked again, it may go well.
    #[error("the invoice provider does not answer: {0}")]
    Unreachable(String),
    /// It says no: somebody must look.
    #[error("the invoice provider refuses: {0}")]
    Refused(String),
}

/// A provider of e-invoices.
#[async_trait]
pub trait InvoiceProvider: Send + Sync + 'static {
    /// Asks for an invoice, or how far it is. The same bill and attempt are one invoice.
    ///
    /// # Errors
    /// [`InvoiceError`].
    async fn issue(&self, wanted: &Wanted) -> Result<Progress, InvoiceError>;
}

/// Samples, made here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

/// What the numbers of samples begin with.
pub const SAMPLE_PREFIX: &str = "99";

#[async_trait]
impl InvoiceProvider for Local {
    async fn issue(&self, wanted: &Wanted) -> Result<Progress, InvoiceError> {
        let digits: String = wanted.bill.as_str().chars().filter(char::is_ascii_digit).collect();
        let (day, n) = digits.split_at(8.min(digits.len()));
        if wanted.attempt > 9 || n.len() > 9 {
            return Err(InvoiceError::Refused("too many invoices of a bill".into()));
        }
        Ok(Progress::Issued(format!("{SAMPLE_PREFIX}{day}{}{n:0>9}", wanted.attempt)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::bill::tests::{NOW, bill};
    use crate::payment::invoice::InvoiceKind;

    #[tokio::test]
    async fn a_samples_number_has_twenty_digits_that_no_tax_number_has_and_is_one_for_a_request() {
        let bill = bill().pay(NOW).expect("paid");
        let mut seen = std::collections::BTreeSet::new();
        for attempt in 1..=9 {
            let Progress::Issued(number) = Local.issue(&Wanted::of(&bill, attempt)).await.expect("issued") else {
                panic!("at once")
            };
            assert!(InvoiceKind::Electronic.takes(&number) && number.starts_with("99"), "{number}");
            assert_eq!(Local.issue(&Wanted::of(&bill, attempt)).await, Ok(Progress::Issued(number.clone())));
            assert!(seen.insert(number));
        }
        assert!(Local.issue(&Wanted::of(&bill, 10)).await.is_err());
    }

    #[test]
    fn an_invoice_is_over_what_was_kept() {
        let bill = bill().pay(NOW).expect("paid").refund(Fen::yuan(60)).expect("partly");
        let wanted = Wanted::of(&bill, 1);
        assert_eq!(wanted.gross, Fen::yuan(400));
        assert_eq!((wanted.split().net.to_string(), wanted.split().tax.to_string()), ("377.36".into(), "22.64".into()));
    }
}
