//! The record of an e-invoice: what was asked of the provider, and how far it is. Its state is an enum whose transitions consume
//! it.

use ca_core::domain::{Sha256, Timestamp};

use super::content::Content;
use crate::enrolment::case::Who;
use crate::payment::bill::{BillNumber, MoneyFault};

/// Why an invoice is reversed; the numbers are the tax platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedReason {
    /// 销货退回.
    Returned,
    /// 开票有误.
    Mistake,
    /// 服务中止.
    Stopped,
    /// 销售折让.
    Allowance,
}

impl RedReason {
    /// All, by their numbers.
    pub const ALL: [Self; 4] = [Self::Returned, Self::Mistake, Self::Stopped, Self::Allowance];

    /// The tax platform's number.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Returned => 1,
            Self::Mistake => 2,
            Self::Stopped => 3,
            Self::Allowance => 4,
        }
    }

    /// The word in forms and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Mistake => "mistake",
            Self::Stopped => "stopped",
            Self::Allowance => "allowance",
        }
    }

    /// The reason of a number.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }

    /// The reason of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// A form of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// To be looked at and printed.
    Pdf,
    /// The same as a sealed document of GB/T 33190.
    Ofd,
    /// The record.
    Xml,
}

impl FileKind {
    /// All.
    pub const ALL: [Self; 3] = [Self::Pdf, Self::Ofd, Self::Xml];

    /// The end of its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Ofd => "ofd",
            Self::Xml => "xml",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Its media type.
    #[must_use]
    pub const fn media(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Ofd => "application/ofd",
            Self::Xml => "application/xml",
        }
    }
}

/// An invoice that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its number, 20 digits.
    pub number: String,
    /// When.
    pub at: Timestamp,
    /// The code with which it is checked beside its number.
    pub check: String,
    /// Its archived files.
    pub files: Vec<(FileKind, Sha256)>,
}

impl Issue {
    /// The hash of a file.
    #[must_use]
    pub fn file(&self, kind: FileKind) -> Option<Sha256> {
        self.files.iter().find(|(known, _)| *known == kind).map(|(_, hash)| *hash)
    }
}

/// How far an invoice is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EState {
    /// Written down; the provider was not asked, or its answer is not known.
    Requested,
    /// The provider has accepted it.
    Issuing,
    /// The provider refused it.
    Failed {
        /// Its words.
        why: String,
    },
    /// Issued.
    Issued(Issue),
    /// The unit has it.
    Delivered(Issue),
    /// A red-letter invoice is on its way.
    RedPending(Issue),
    /// Reversed.
    RedIssued {
        /// What was issued.
        issue: Issue,
        /// The red-letter invoice's number.
        red: String,
    },
}

impl EState {
    /// Words of all states.
    pub const WORDS: [&'static str; 7] =
        ["requested", "issuing", "failed", "issued", "delivered", "red_pending", "red_issued"];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Issuing => "issuing",
            Self::Failed { .. } => "failed",
            Self::Issued(_) => "issued",
            Self::Delivered(_) => "delivered",
            Self::RedPending(_) => "red_pending",
            Self::RedIssued { .. } => "red_issued",
        }
    }

    /// What was issued, once it was.
    #[must_use]
    pub const fn issue(&self) -> Option<&Issue> {
        match self {
            Self::Issued(issue) | Self::Delivered(issue) | Self::RedPending(issue) | Self::RedIssued { issue, .. } => {
                Some(issue)
            }
            Self::Requested | Self::Issuing | Self::Failed { .. } => None,
        }
    }

    /// Whether the provider may issue it in this moment.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self, Self::Requested | Self::Issuing)
    }
}

/// The record of an e-invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EInvoice {
    /// The key under which the provider knows a repetition: `BL-20261130-0007-1`, a red-letter one ends in `R`.
    pub request: String,
    /// Of which bill.
    pub bill: BillNumber,
    /// What it says.
    pub content: Content,
    /// Of a red-letter invoice: the number that it reverses, and why.
    pub red: Option<(String, RedReason)>,
    /// Who asked for it.
    pub by: Who,
    /// When.
    pub asked: Timestamp,
    /// How far it is.
    pub state: EState,
    /// Counts the writes.
    pub version: i64,
}

impl EInvoice {
    /// Asked for. `n`: the how-manieth invoice of the bill.
    #[must_use]
    pub fn ask(bill: BillNumber, n: usize, content: Content, by: Who, now: Timestamp) -> Self {
        let request = format!("{bill}-{n}");
        Self { request, bill, content, red: None, by, asked: now, state: EState::Requested, version: 0 }
    }

    /// The red-letter invoice that reverses this one is asked for: this one waits for it.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it was issued and nothing reverses it.
    pub fn reverse(
        mut self,
        reason: RedReason,
        why: &str,
        by: Who,
        now: Timestamp,
    ) -> Result<(Self, Self), MoneyFault> {
        let issue = match self.state {
            EState::Issued(issue) | EState::Delivered(issue) if self.red.is_none() => issue,
            state => return Err(fault(&state, "reversed")),
        };
        let red = Self {
            request: format!("{}R", self.request),
            bill: self.bill.clone(),
            content: self.content.reversed(&issue.number, why),
            red: Some((issue.number.clone(), reason)),
            by,
            asked: now,
            state: EState::Requested,
            version: 0,
        };
        self.state = EState::RedPending(issue);
        Ok((self, red))
    }

    /// The red-letter invoice is there.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it waits for one.
    pub fn reversed(mut self, red: &str) -> Result<Self, MoneyFault> {
        match self.state {
            EState::RedPending(issue) => self.state = EState::RedIssued { issue, red: red.to_owned() },
            state => return Err(fault(&state, "reversed")),
        }
        Ok(self)
    }

    /// The provider has it.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it is under way.
    pub fn accepted(mut self) -> Result<Self, MoneyFault> {
        if !self.state.is_under_way() {
            return Err(fault(&self.state, "accepted"));
        }
        self.state = EState::Issuing;
        Ok(self)
    }

    /// The provider refused it.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it is under way.
    pub fn failed(mut self, why: String) -> Result<Self, MoneyFault> {
        if !self.state.is_under_way() {
            return Err(fault(&self.state, "refused"));
        }
        self.state = EState::Failed { why };
        Ok(self)
    }

    /// Asked for again after it was refused.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it was refused.
    pub fn retry(mut self) -> Result<Self, MoneyFault> {
        match self.state {
            EState::Failed { .. } => self.state = EState::Requested,
            state => return Err(fault(&state, "asked for again")),
        }
        Ok(self)
    }

    /// Issued.
    ///
    /// # Errors
    /// [`MoneyFault::State`] unless it is under way.
    pub fn issued(mut self, issue: Issue) -> Result<Self, MoneyFault> {
        if !self.state.is_under_way() {
            return Err(fault(&self.state, "issued"));
        }
        self.state = EState::Issued(issue);
        Ok(self)
    }

    /// The unit has it: it was taken by its mail server, or fetched. Later states stay as they are.
    #[must_use]
    pub fn delivered(mut self) -> Option<Self> {
        match self.state {
            EState::Issued(issue) => {
                self.state = EState::Delivered(issue);
                Some(self)
            }
            _ => None,
        }
    }
}

const fn fault(state: &EState, act: &'static str) -> MoneyFault {
    MoneyFault::State { what: "invoice", state: state.word(), act }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoice::tests::{asked, issue};

    fn all() -> [EInvoice; 7] {
        let who = || Who::unit("x");
        let issued = || asked().issued(issue("99202609210000000001")).expect("issued");
        let pending = || issued().reverse(RedReason::Stopped, "x", who(), asked().asked).expect("pending").0;
        [
            asked(),
            asked().accepted().expect("accepted"),
            asked().failed("no".into()).expect("failed"),
            issued(),
            issued().delivered().expect("delivered"),
            pending(),
            pending().reversed("99202609210000000002").expect("reversed"),
        ]
    }

    #[test]
    fn each_act_happens_from_its_states_and_from_no_other() {
        type Act = fn(EInvoice) -> bool;
        let acts: [(&str, Act, &[&str]); 7] = [
            ("accepted", |one| one.accepted().is_ok(), &["requested", "issuing"]),
            ("failed", |one| one.failed("no".into()).is_ok(), &["requested", "issuing"]),
            ("issued", |one| one.issued(issue("99202609210000000003")).is_ok(), &["requested", "issuing"]),
            ("retry", |one| one.retry().is_ok(), &["failed"]),
            ("delivered", |one| one.delivered().is_some(), &["issued"]),
            (
                "reverse",
                |one| one.reverse(RedReason::Returned, "x", Who::unit("x"), asked().asked).is_ok(),
                &["issued", "delivered"],
            ),
            ("reversed", |one| one.reversed("99202609210000000004").is_ok(), &["red_pending"]),
        ];
        for (name, act, allowed) in acts {
            for (one, word) in all().into_iter().zip(EState::WORDS) {
                assert_eq!(one.state.word(), word);
                assert_eq!(act(one), allowed.contains(&word), "{name} from {word}");
            }
        }
    }

    #[test]
    fn a_red_letter_invoice_is_not_reversed_itself() {
        let issued = asked().issued(issue("99202609210000000001")).expect("issued");
        let (_, red) = issued.reverse(RedReason::Mistake, "x", Who::unit("x"), asked().asked).expect("asked");
        assert_eq!((red.request.ends_with("-1R"), &red.red.as_ref().expect("red").0[..4]), (true, "9920"));
        let red = red.issued(issue("99202609210000000002")).expect("issued");
        assert!(red.reverse(RedReason::Mistake, "x", Who::unit("x"), asked().asked).is_err());
    }
}
