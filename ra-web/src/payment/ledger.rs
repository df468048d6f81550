//! The ledger: double entry in fen, append-only. Every fact about money books in its own transaction.
//!
//! An entry is made only here, from a fact, and only whole: its sides cancel out. Its id is the fact's, so that no fact is
//! booked twice; nothing is ever changed, a mistake is booked the other way round. Balances are kept beside the postings
//! and proved from them. Debit is above zero, credit below.
//!
//! To add a fact (a payment from a provider, a fee, a bank line): add its accounts to [`Account`] and a function that makes
//! its [`Entry`], and book it where the fact is written.

use ca_core::domain::{OfficeId, Timestamp};

use super::bill::Bill;
use super::checkout::Checkout;
use super::drawer::{Count, Drawer};
use super::fen::{Fen, Split};
use super::gateway::Settlement;
use super::refund::Refund;
use super::taking::{Method, Payment};
use super::wire::BankLine;
use crate::enrolment::case::Who;

/// An account, of each office.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Cash in the clerks' drawers.
    Cash,
    /// Cash that finance has taken over.
    Vault,
    /// Taken at the terminal, not yet on our bank account.
    PosTransit,
    /// Taken by a code, not yet on our bank account.
    QrTransit,
    /// With the provider of online payment, not yet on our bank account.
    OnlineTransit,
    /// On our bank account.
    Bank,
    /// Paid, not yet served.
    Deferred,
    /// Owed to units: refunds that were approved.
    RefundsPayable,
    /// Owed to the tax office.
    Vat,
    /// Earned.
    Revenue,
    /// Cash over or missing at a count.
    CashDifference,
    /// Came for a bill that was paid otherwise: to go back.
    Suspense,
    /// Came onto our bank account, and nobody knows what for.
    WireSuspense,
    /// Kept by the provider of online payment for its service.
    Fees,
}

impl Account {
    /// All, in the order in which pages show them.
    pub const ALL: [Self; 14] = [
        Self::Cash,
        Self::Vault,
        Self::PosTransit,
        Self::QrTransit,
        Self::OnlineTransit,
        Self::Bank,
        Self::Deferred,
        Self::RefundsPayable,
        Self::Vat,
        Self::Revenue,
        Self::CashDifference,
        Self::Suspense,
        Self::WireSuspense,
        Self::Fees,
    ];

    /// The word in stores, addresses and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Vault => "vault",
            Self::PosTransit => "pos_transit",
            Self::QrTransit => "qr_transit",
            Self::OnlineTransit => "online_transit",
            Self::Bank => "bank",
            Self::Deferred => "deferred",
            Self::RefundsPayable => "refunds_payable",
            Self::Vat => "vat",
            Self::Revenue => "revenue",
            Self::CashDifference => "cash_difference",
            Self::Suspense => "suspense",
            Self::WireSuspense => "wire_suspense",
            Self::Fees => "fees",
        }
    }

    /// The account with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.word() == word)
    }

    /// Where money of this way lies.
    #[must_use]
    pub const fn of(method: Method) -> Self {
        match method {
            Method::Cash => Self::Cash,
            Method::Pos => Self::PosTransit,
            Method::Qr => Self::QrTransit,
            Method::Online => Self::OnlineTransit,
            Method::Wire => Self::Bank,
        }
    }
}

/// What is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A payment was taken.
    Payment,
    /// A payment was undone.
    Void,
    /// What was paid for is in the unit's hands.
    Service,
    /// A refund was approved.
    Refund,
    /// A refund was paid out.
    PayOut,
    /// Finance took over a drawer's cash.
    Closing,
    /// Money came for a bill that was paid otherwise.
    Surplus,
    /// Money came onto our bank account.
    Wire,
    /// It is known what that money is for.
    Assign,
    /// Such money is to go back.
    Return,
    /// It was sent back.
    SentBack,
    /// The provider of online payment kept its fee.
    Fee,
}

impl Fact {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Void => "void",
            Self::Service => "service",
            Self::Refund => "refund",
            Self::PayOut => "pay_out",
            Self::Closing => "closing",
            Self::Surplus => "surplus",
            Self::Wire => "wire",
            Self::Assign => "assign",
            Self::Return => "return",
            Self::SentBack => "sent_back",
            Self::Fee => "fee",
        }
    }
}

/// One side of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// On which account.
    pub account: Account,
    /// Debit above zero, credit below.
    pub amount: Fen,
}

/// An entry whose sides cancel out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: String,
    fact: Fact,
    office: OfficeId,
    subject: String,
    by: Option<Who>,
    at: Timestamp,
    postings: Vec<Posting>,
}

impl Entry {
    /// The only maker. `None` when there is nothing to book.
    fn new(
        fact: Fact,
        of: &str,
        office: &OfficeId,
        subject: &str,
        by: Option<&Who>,
        at: Timestamp,
        sides: &[(Account, Fen)],
    ) -> Option<Self> {
        let postings: Vec<Posting> = sides
            .iter()
            .filter(|(_, amount)| !amount.is_zero())
            .map(|(account, amount)| Posting { account: *account, amount: *amount })
            .collect();
        let sum: Fen = postings.iter().map(|posting| posting.amount).sum();
        assert!(sum.is_zero(), "the sides of a booking cancel out, whatever the fact");
        (!postings.is_empty()).then(|| Self {
            id: format!("{}:{of}", fact.word()),
            fact,
            office: office.clone(),
            subject: subject.to_owned(),
            by: by.cloned(),
            at,
            postings,
        })
    }

    /// Its id: the fact and what it is about. Booked once.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is booked.
    #[must_use]
    pub const fn fact(&self) -> Fact {
        self.fact
    }

    /// Whose books.
    #[must_use]
    pub const fn office(&self) -> &OfficeId {
        &self.office
    }

    /// The bill, the line of our bank account, or the day of a closing.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// By whom; `None` is the system.
    #[must_use]
    pub const fn by(&self) -> Option<&Who> {
        self.by.as_ref()
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Its sides.
    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// A payment was taken: we have the money, and owe the service.
#[must_use]
pub fn payment(payment: &Payment) -> Option<Entry> {
    let sides = [(Account::of(payment.method), payment.amount), (Account::Deferred, -payment.amount)];
    let (of, bill) = (payment.id.as_str(), payment.bill.as_str());
    Entry::new(Fact::Payment, of, &payment.office, bill, Some(&payment.clerk), payment.at, &sides)
}

/// Money came for a bill that was paid otherwise: we have it, and it is not ours.
#[must_use]
pub fn surplus(bill: &Bill, checkout: &Checkout, at: Timestamp) -> Option<Entry> {
    let sides = [(Account::OnlineTransit, checkout.amount), (Account::Suspense, -checkout.amount)];
    Entry::new(Fact::Surplus, checkout.id.as_str(), &bill.office, bill.number.as_str(), None, at, &sides)
}

/// The provider of online payment kept its fee of what it owes us.
#[must_use]
pub fn fee(payment: &Payment, settled: &Settlement) -> Option<Entry> {
    let sides = [(Account::Fees, settled.fee), (Account::OnlineTransit, -settled.fee)];
    Entry::new(Fact::Fee, &settled.id, &payment.office, payment.bill.as_str(), None, settled.at, &sides)
}

/// Money came onto our bank account: we have it, and do not know yet what for.
#[must_use]
pub fn wire(line: &BankLine) -> Option<Entry> {
    of_line(Fact::Wire, line, None, line.created, Account::Bank, Account::WireSuspense)
}

/// It is known which bill such money pays: it leaves suspense and the account's office, and the payment of the bill's
/// office books it in.
#[must_use]
pub fn assign(line: &BankLine, by: Option<&Who>, at: Timestamp) -> Option<Entry> {
    of_line(Fact::Assign, line, by, at, Account::WireSuspense, Account::Bank)
}

/// It is money that was on its way to us.
#[must_use]
pub fn cleared(line: &BankLine, from: Account, by: &Who, at: Timestamp) -> Option<Entry> {
    of_line(Fact::Assign, line, Some(by), at, Account::WireSuspense, from)
}

/// Such money is to go back: we owe it.
#[must_use]
pub fn to_return(line: &BankLine, by: &Who, at: Timestamp) -> Option<Entry> {
    of_line(Fact::Return, line, Some(by), at, Account::WireSuspense, Account::RefundsPayable)
}

/// It was sent back.
#[must_use]
pub fn sent_back(line: &BankLine, by: &Who, at: Timestamp) -> Option<Entry> {
    of_line(Fact::SentBack, line, Some(by), at, Account::RefundsPayable, Account::Bank)
}

fn of_line(
    fact: Fact,
    line: &BankLine,
    by: Option<&Who>,
    at: Timestamp,
    debit: Account,
    credit: Account,
) -> Option<Entry> {
    let number = line.number.as_str();
    Entry::new(fact, number, &line.office, number, by, at, &[(debit, line.amount), (credit, -line.amount)])
}

/// A payment was undone: the other way round.
#[must_use]
pub fn void(payment: &Payment, by: &Who, at: Timestamp) -> Option<Entry> {
    let sides = [(Account::of(payment.method), -payment.amount), (Account::Deferred, payment.amount)];
    Entry::new(Fact::Void, payment.id.as_str(), &payment.office, payment.bill.as_str(), Some(by), at, &sides)
}

/// The service was rendered: what was deferred is revenue and tax.
#[must_use]
pub fn service(bill: &Bill, at: Timestamp) -> Option<Entry> {
    let Split { net, tax } = bill.split(bill.kept());
    let sides = [(Account::Deferred, bill.kept()), (Account::Revenue, -net), (Account::Vat, -tax)];
    let number = bill.number.as_str();
    Entry::new(Fact::Service, number, &bill.office, number, None, at, &sides)
}

/// A refund was approved; `bill` is the bill before it. After the service it takes back of revenue and tax what is then
/// too much, so that what stays is always the split of what was kept.
#[must_use]
pub fn refund(bill: &Bill, refund: &Refund, by: &Who, at: Timestamp) -> Option<Entry> {
    let owed = (Account::RefundsPayable, -refund.amount);
    let sides = if bill.served.is_some() {
        let (before, after) = (bill.split(bill.kept()), bill.split(bill.kept() - refund.amount));
        vec![(Account::Revenue, before.net - after.net), (Account::Vat, before.tax - after.tax), owed]
    } else {
        vec![(Account::Deferred, refund.amount), owed]
    };
    Entry::new(Fact::Refund, refund.number.as_str(), &bill.office, bill.number.as_str(), Some(by), at, &sides)
}

/// A refund was paid out.
#[must_use]
pub fn pay_out(refund: &Refund, by: &Who, at: Timestamp) -> Option<Entry> {
    let sides = [(Account::RefundsPayable, refund.amount), (Account::of(refund.method), -refund.amount)];
    Entry::new(Fact::PayOut, refund.number.as_str(), &refund.office, refund.bill.as_str(), Some(by), at, &sides)
}

/// Finance took over the cash that was counted; what is over or missing has its own account.
#[must_use]
pub fn closing(drawer: &Drawer, count: &Count, by: &Who, at: Timestamp) -> Option<Entry> {
    let of = format!("{}/{}/{}", drawer.office, drawer.day, drawer.clerk.id);
    let sides =
        [(Account::Vault, count.counted), (Account::Cash, -count.book), (Account::CashDifference, -count.difference())];
    Entry::new(Fact::Closing, &of, &drawer.office, &drawer.day.to_string(), Some(by), at, &sides)
}
