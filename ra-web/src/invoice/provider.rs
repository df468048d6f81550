//! The port to a provider of e-invoices: asked under a key, accepted first, issued later. [`Local`] stands where there is no
//! provider: its numbers begin with 99, which no year does, and its papers say on their face that they are samples.

use async_trait::async_trait;
use ca_core::domain::Timestamp;

use super::record::EInvoice;

/// What a provider says was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The invoice's number, 20 digits.
    pub number: String,
    /// When, if it says so.
    pub at: Option<Timestamp>,
    /// Its PDF; of a provider that has none, we make one.
    pub pdf: Option<Vec<u8>>,
    /// Its OFD.
    pub ofd: Option<Vec<u8>>,
}

/// How far the provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has it, and is not done.
    Accepted,
    /// It is issued.
    Issued(Numbered),
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
    /// Whether what it issues is a sample.
    fn is_sample(&self) -> bool;

    /// Asks for an invoice, or how far it is. The same request is one invoice.
    ///
    /// # Errors
    /// [`InvoiceError`].
    async fn issue(&self, wanted: &EInvoice) -> Result<Progress, InvoiceError>;

    /// Asks for a red-letter invoice, or how far it is: confirmed first, then issued. The same request is one invoice.
    ///
    /// # Errors
    /// [`InvoiceError`].
    async fn reverse(&self, red: &EInvoice) -> Result<Progress, InvoiceError>;
}

/// Samples, made here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

/// What the numbers of samples begin with.
pub const SAMPLE_PREFIX: &str = "99";

impl Local {
    /// 99, the bill's day, a digit for the attempt (5 more for a red one), and the bill's place in its day.
    fn number(wanted: &EInvoice) -> Result<Progress, InvoiceError> {
        let refused = || InvoiceError::Refused("too many invoices of a bill".into());
        let digits: String = wanted.bill.as_str().chars().filter(char::is_ascii_digit).collect();
        let (day, n) = digits.split_at(8.min(digits.len()));
        let attempt = wanted.request.trim_start_matches(wanted.bill.as_str()).trim_matches(['-', 'R']);
        let attempt: u8 = attempt.parse().map_err(|_| refused())?;
        if !(1..=4).contains(&attempt) || n.len() > 9 {
            return Err(refused());
        }
        let digit = attempt + if wanted.red.is_some() { 5 } else { 0 };
        let number = format!("{SAMPLE_PREFIX}{day}{digit}{n:0>9}");
        Ok(Progress::Issued(Numbered { number, at: None, pdf: None, ofd: None }))
    }
}

#[async_trait]
impl InvoiceProvider for Local {
    fn is_sample(&self) -> bool {
        true
    }

    async fn issue(&self, wanted: &EInvoice) -> Result<Progress, InvoiceError> {
        Self::number(wanted)
    }

    async fn reverse(&self, red: &EInvoice) -> Result<Progress, InvoiceError> {
        Self::number(red)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrolment::case::Who;
    use crate::invoice::record::RedReason;
    use crate::invoice::tests::{asked, asked_again, issue};
    use crate::payment::invoice::is_einvoice_number;

    #[tokio::test]
    async fn a_samples_number_has_twenty_digits_that_no_tax_number_has_and_is_one_for_a_request() {
        let mut seen = std::collections::BTreeSet::new();
        for attempt in 1..=4 {
            let blue = asked_again(attempt);
            let Ok(Progress::Issued(numbered)) = Local.issue(&blue).await else { panic!("at once") };
            assert_eq!(Local.issue(&blue).await, Ok(Progress::Issued(numbered.clone())));
            let issued = blue.issued(issue(&numbered.number)).expect("issued");
            let (_, red) = issued.reverse(RedReason::Stopped, "x", Who::unit("x"), asked().asked).expect("asked");
            let Ok(Progress::Issued(reversed)) = Local.reverse(&red).await else { panic!("at once") };
            for number in [numbered.number, reversed.number] {
                assert!(is_einvoice_number(&number) && number.starts_with("99"), "{number}");
                assert!(seen.insert(number));
            }
        }
        assert!(Local.issue(&asked_again(5)).await.is_err());
    }
}
