//! A line of our bank account, and what became of it. Its state is an enum whose transitions consume it.
//!
//! Money that came: `RECEIVED → MATCHED`, `RECEIVED → PROPOSED → MATCHED | SUSPENSE`, `RECEIVED → SUSPENSE → MATCHED |
//! CLEARED`, and back to where it came from by two people: `SUSPENSE → RETURN_ASKED → RETURNING → RETURNED`. What went
//! is `WENT`. What is received and not matched lies in suspense in the books from the moment it is known.

use ca_core::domain::{BeijingDay, OfficeId, Officer, Sha256, Timestamp};

use super::bill::{Bill, BillNumber, BillState, MoneyFault, day_number};
use super::fen::Fen;
use super::ledger::Account;
use super::remittance::{Codes, Remittance};
use super::taking::{MAX_REFERENCE, PaymentId};
use crate::enrolment::case::{Forbidden, Who};
use crate::enrolment::form::folded;

day_number!(
    /// `BS-20261130-0001`.
    StatementNumber,
    "BS"
);
day_number!(
    /// `BK-20261130-0001`.
    LineNumber,
    "BK"
);

/// Our account at the bank, and the terms of paying onto it; from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireTerms {
    /// Whose account it is, as payers write it.
    pub payee: String,
    /// Its number.
    pub account: String,
    /// The bank.
    pub bank: String,
    /// Whose finance keeps it: what cannot be matched stands in this office's books.
    pub office: OfficeId,
    /// For so many days a bill is open from when the unit chose to pay by bank.
    pub lapse_days: u16,
}

/// Why money lies in suspense; the end of the message key `wire-reason-…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No code, and no bill that it could be for.
    NoCode,
    /// A code that is none of ours, or mistyped.
    UnknownCode,
    /// Several codes: one transfer for several bills.
    SeveralCodes,
    /// Less than the bill.
    Short,
    /// More than the bill.
    Over,
    /// The bill is paid already.
    Double,
    /// No code, and the only bill that it could be for is over.
    Lapsed,
    /// No code, and several bills that it could be for.
    Ambiguous,
    /// Code and amount are right, and somebody else paid.
    ThirdParty,
    /// Finance said that a proposal is wrong.
    Declined,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NoCode,
        Self::UnknownCode,
        Self::SeveralCodes,
        Self::Short,
        Self::Over,
        Self::Double,
        Self::Lapsed,
        Self::Ambiguous,
        Self::ThirdParty,
        Self::Declined,
    ];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoCode => "no-code",
            Self::UnknownCode => "unknown-code",
            Self::SeveralCodes => "several-codes",
            Self::Short => "short",
            Self::Over => "over",
            Self::Double => "double",
            Self::Lapsed => "lapsed",
            Self::Ambiguous => "ambiguous",
            Self::ThirdParty => "third-party",
            Self::Declined => "declined",
        }
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// A return to the paying account that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// By whom.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Money that went: shown, and held against the books.
    Went,
    /// Came, and was not looked at yet.
    Received,
    /// Thought to be for a bill: finance says whether it is.
    Proposed(BillNumber),
    /// Nobody knows what it is for, or it does not fit; with the bill that it comes nearest.
    Suspense {
        /// Why.
        reason: Reason,
        /// The bill that it comes nearest.
        bill: Option<BillNumber>,
    },
    /// It paid a bill.
    Matched {
        /// The bill.
        bill: BillNumber,
        /// The payment.
        payment: PaymentId,
        /// Who said so; `None`: code and amount.
        by: Option<Who>,
        /// When.
        at: Timestamp,
    },
    /// It is money of ours that was on its way: from the terminal, the codes, or the provider of online payment.
    Cleared {
        /// From where.
        from: Account,
        /// Who said so.
        by: Who,
        /// When.
        at: Timestamp,
    },
    /// To go back, says one of finance.
    ReturnAsked {
        /// Why it lay in suspense.
        reason: Reason,
        /// By whom.
        asked: Asked,
    },
    /// To go back, says a second one.
    Returning {
        /// Why it lay in suspense.
        reason: Reason,
        /// By whom.
        asked: Asked,
        /// Who said yes.
        approved: (Who, Timestamp),
    },
    /// Sent back to where it came from.
    Returned {
        /// Why it lay in suspense.
        reason: Reason,
        /// By whom.
        asked: Asked,
        /// Who said yes.
        approved: (Who, Timestamp),
        /// Who sent it.
        sent: (Who, Timestamp),
        /// The bank's number of that.
        reference: String,
    },
}

impl LineState {
    /// Words of all states, in the order of the way.
    pub const WORDS: [&'static str; 9] =
        ["went", "received", "proposed", "suspense", "matched", "cleared", "return_asked", "returning", "returned"];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Went => "went",
            Self::Received => "received",
            Self::Proposed(_) => "proposed",
            Self::Suspense { .. } => "suspense",
            Self::Matched { .. } => "matched",
            Self::Cleared { .. } => "cleared",
            Self::ReturnAsked { .. } => "return_asked",
            Self::Returning { .. } => "returning",
            Self::Returned { .. } => "returned",
        }
    }

    /// The bill that it paid, or comes nearest.
    #[must_use]
    pub const fn bill(&self) -> Option<&BillNumber> {
        match self {
            Self::Proposed(bill) | Self::Matched { bill, .. } => Some(bill),
            Self::Suspense { bill, .. } => bill.as_ref(),
            _ => None,
        }
    }
}

/// A line of our account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankLine {
    /// Its number.
    pub number: LineNumber,
    /// In which statement.
    pub statement: StatementNumber,
    /// Its place there.
    pub n: i64,
    /// Whose books.
    pub office: OfficeId,
    /// Our account.
    pub account: String,
    /// The bank's number of it.
    pub serial: Option<String>,
    /// Over what it says.
    pub fingerprint: Sha256,
    /// On which day it was booked.
    pub day: BeijingDay,
    /// What came, or went below zero.
    pub amount: Fen,
    /// Who paid.
    pub payer: String,
    /// From which account.
    pub payer_account: String,
    /// What stood beside it.
    pub memo: String,
    /// Where it stands.
    pub state: LineState,
    /// When we learnt of it.
    pub created: Timestamp,
    /// Counts the writes.
    pub version: i64,
}

/// A line that moved, or why it does not.
pub type Moved = Result<BankLine, MoneyFault>;

/// A statement that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// Its number.
    pub number: StatementNumber,
    /// Whose books.
    pub office: OfficeId,
    /// Our account.
    pub account: String,
    /// How it was written.
    pub format: crate::statement::Format,
    /// What the file was called.
    pub file_name: String,
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Lines that were new.
    pub lines: i64,
    /// Lines that were there before.
    pub known: i64,
    /// What was on the account before, where the file says it.
    pub opening: Option<Fen>,
    /// And after.
    pub closing: Option<Fen>,
    /// By whom.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

/// What a line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its code says so, and the amount.
    Pays(BillNumber),
    /// Name and amount say so, and no other bill.
    Proposed(BillNumber),
    /// Somebody must look.
    Suspense(Reason, Option<BillNumber>),
}

/// Judges money that came. `named` are the bills of its codes, `alike` those of a unit of the payer's name and the same
/// amount.
#[must_use]
pub fn judge(line: &BankLine, codes: &Codes, named: &[(Remittance, Bill)], alike: &[Bill]) -> Verdict {
    let nearest = named.first().map(|(_, bill)| bill.number.clone());
    if codes.good.len() > 1 {
        return Verdict::Suspense(Reason::SeveralCodes, nearest);
    }
    if let [(remittance, bill)] = named {
        let payer = folded(&line.payer);
        let reason = if bill.state.paid().is_some() {
            Reason::Double
        } else if line.amount < bill.gross() {
            Reason::Short
        } else if line.amount > bill.gross() {
            Reason::Over
        } else if !payer.is_empty() && payer != remittance.payer {
            Reason::ThirdParty
        } else {
            return Verdict::Pays(bill.number.clone());
        };
        return Verdict::Suspense(reason, nearest);
    }
    let in_state = |open: bool| -> Vec<&Bill> {
        let fits = |bill: &&Bill| match bill.state {
            BillState::Open => open,
            BillState::Lapsed | BillState::Cancelled => !open,
            _ => false,
        };
        alike.iter().filter(fits).collect()
    };
    let no_code = if codes.broken || !codes.good.is_empty() { Reason::UnknownCode } else { Reason::NoCode };
    match (in_state(true).as_slice(), in_state(false).as_slice()) {
        ([bill], _) => Verdict::Proposed(bill.number.clone()),
        ([], [bill]) => Verdict::Suspense(Reason::Lapsed, Some(bill.number.clone())),
        ([], _) => Verdict::Suspense(no_code, None),
        _ => Verdict::Suspense(Reason::Ambiguous, None),
    }
}

impl BankLine {
    /// The bill that it pays, in full and once: by its code, or by the word of an officer of the account's office.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn matched(mut self, bill: &Bill, payment: PaymentId, by: Option<&Officer>, now: Timestamp) -> Moved {
        if let Some(by) = by {
            self.mine(by)?;
        }
        match (&self.state, by) {
            (LineState::Received, None) | (LineState::Proposed(_) | LineState::Suspense { .. }, Some(_)) => {}
            _ => return Err(self.forbidden("matched")),
        }
        if self.amount != bill.gross() {
            return Err(if self.amount < bill.gross() { MoneyFault::TooLittle } else { MoneyFault::TooMuch });
        }
        self.state = LineState::Matched { bill: bill.number.clone(), payment, by: by.map(Who::from), at: now };
        Ok(self)
    }

    /// Finance is asked whether it is for a bill.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn propose(mut self, bill: BillNumber) -> Moved {
        if self.state != LineState::Received {
            return Err(self.forbidden("proposed"));
        }
        self.state = LineState::Proposed(bill);
        Ok(self)
    }

    /// Somebody must look.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn suspend(mut self, reason: Reason, bill: Option<BillNumber>) -> Moved {
        if self.state != LineState::Received {
            return Err(self.forbidden("put in suspense"));
        }
        self.state = LineState::Suspense { reason, bill };
        Ok(self)
    }

    /// The proposal is wrong.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn decline(mut self, by: &Officer) -> Moved {
        self.mine(by)?;
        let LineState::Proposed(bill) = &self.state else { return Err(self.forbidden("declined")) };
        self.state = LineState::Suspense { reason: Reason::Declined, bill: Some(bill.clone()) };
        Ok(self)
    }

    /// It is money of ours that was on its way.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn clear(mut self, from: Account, by: &Officer, now: Timestamp) -> Moved {
        self.mine(by)?;
        let transit = [Account::PosTransit, Account::QrTransit, Account::OnlineTransit].contains(&from);
        if !transit || !matches!(self.state, LineState::Suspense { .. }) {
            return Err(self.forbidden("cleared"));
        }
        self.state = LineState::Cleared { from, by: Who::from(by), at: now };
        Ok(self)
    }

    /// One of finance wants it to go back; only to the account that it came from.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn ask_return(mut self, by: &Officer, why: String, now: Timestamp) -> Moved {
        self.mine(by)?;
        let LineState::Suspense { reason, .. } = self.state else { return Err(self.forbidden("returned")) };
        if self.payer_account.is_empty() {
            return Err(MoneyFault::NoAccount);
        }
        self.state = LineState::ReturnAsked { reason, asked: Asked { by: Who::from(by), at: now, why } };
        Ok(self)
    }

    /// A second one says yes.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn approve_return(mut self, by: &Officer, now: Timestamp) -> Moved {
        let (reason, asked) = self.asked_of_another(by, "approved")?;
        self.state = LineState::Returning { reason, asked, approved: (Who::from(by), now) };
        Ok(self)
    }

    /// A second one says no: it lies in suspense as before.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn decline_return(mut self, by: &Officer) -> Moved {
        let (reason, _) = self.asked_of_another(by, "declined")?;
        self.state = LineState::Suspense { reason, bill: None };
        Ok(self)
    }

    /// It was sent, under this number of the bank's.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn returned(mut self, by: &Officer, reference: &str, now: Timestamp) -> Moved {
        self.mine(by)?;
        let LineState::Returning { reason, asked, approved } = self.state else {
            return Err(self.forbidden("sent back"));
        };
        let reference = reference.trim();
        let good = (4..=MAX_REFERENCE).contains(&reference.len())
            && reference.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !good {
            return Err(MoneyFault::Reference);
        }
        let sent = (Who::from(by), now);
        self.state = LineState::Returned { reason, asked, approved, sent, reference: reference.to_owned() };
        Ok(self)
    }

    fn asked_of_another(&self, by: &Officer, act: &'static str) -> Result<(Reason, Asked), MoneyFault> {
        self.mine(by)?;
        let LineState::ReturnAsked { reason, asked } = &self.state else { return Err(self.forbidden(act)) };
        if asked.by.id == by.id {
            return Err(Forbidden::SameOfficer.into());
        }
        Ok((*reason, asked.clone()))
    }

    fn mine(&self, by: &Officer) -> Result<(), MoneyFault> {
        if by.office == self.office { Ok(()) } else { Err(Forbidden::OtherOffice.into()) }
    }

    const fn forbidden(&self, act: &'static str) -> MoneyFault {
        MoneyFault::State { what: "line", state: self.state.word(), act }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ca_core::domain::OfficerId;

    use super::*;
    use crate::enrolment::intake::hash_of;
    use crate::payment::bill::tests::{NOW, bill};
    use crate::payment::remittance::{RemittanceCode, codes_in};

    pub(crate) fn finance(id: &str, office: &str) -> Officer {
        Officer {
            id: OfficerId::new(id).expect("an id"),
            name: id.to_owned(),
            office: OfficeId::new(office).expect("an office"),
            roles: Vec::new(),
        }
    }

    pub(crate) fn line(amount: Fen, payer: &str, memo: &str) -> BankLine {
        let day = NOW.beijing_day();
        BankLine {
            number: LineNumber::new(day, 1),
            statement: StatementNumber::new(day, 1),
            n: 1,
            office: OfficeId::new("demo-office").expect("an office"),
            account: "1305000011112222".into(),
            serial: Some("A1".into()),
            fingerprint: hash_of(b"one"),
            day,
            amount,
            payer: payer.to_owned(),
            payer_account: "130502101234".into(),
            memo: memo.to_owned(),
            state: LineState::Received,
            created: NOW,
            version: 1,
        }
    }

    fn code() -> RemittanceCode {
        let text = (0..10).map(|check| format!("XT12345678{check}")).find_map(|text| text.parse().ok());
        text.expect("one of ten is right")
    }

    #[test]
    fn code_and_amount_pay_and_everything_else_is_named() {
        let (open, memo) = (bill(), code().to_string());
        let judged = |line: &BankLine, bill: Bill, alike: &[Bill]| {
            let codes = codes_in(&line.memo);
            let known: Vec<(Remittance, Bill)> = codes
                .good
                .iter()
                .filter(|found| **found == code())
                .map(|_| (Remittance::of(&bill, code(), NOW), bill.clone()))
                .collect();
            judge(line, &codes, &known, alike)
        };
        let number = open.number.clone();
        let suspense = |reason, bill: bool| Verdict::Suspense(reason, bill.then(|| number.clone()));
        let paid = || open.clone().pay(NOW).expect("paid");
        let lapsed = || open.clone().lapse(open.due).expect("lapsed");
        let (all, unit) = (Fen::yuan(460), "东湖");
        let pays = Verdict::Pays(number.clone());
        assert_eq!(judged(&line(all, unit, &memo), open.clone(), &[]), pays);
        assert_eq!(judged(&line(all, " 东 湖 ", &memo.to_lowercase()), open.clone(), &[]), pays);
        assert_eq!(judged(&line(all, "", &memo), open.clone(), &[]), pays, "the bank does not say who");
        assert_eq!(judged(&line(all, unit, &memo), lapsed(), &[]), pays, "late money is taken");
        for (amount, payer, bill, reason) in [
            (Fen::yuan(459), unit, open.clone(), Reason::Short),
            (Fen::yuan(461), unit, open.clone(), Reason::Over),
            (all, unit, paid(), Reason::Double),
            (all, "西湖", open.clone(), Reason::ThirdParty),
        ] {
            assert_eq!(judged(&line(amount, payer, &memo), bill, &[]), suspense(reason, true));
        }
        let other = (0..10).map(|n| format!("XT00000000{n}")).find(|text| text.parse::<RemittanceCode>().is_ok());
        let other = other.expect("one of ten is right");
        let two = format!("{memo} {other}");
        assert_eq!(judged(&line(all, unit, &two), open.clone(), &[]), suspense(Reason::SeveralCodes, true));
        assert_eq!(judged(&line(all, unit, &other), open.clone(), &[]), suspense(Reason::UnknownCode, false));
        let alike = |bills: &[Bill]| judged(&line(all, unit, "证书费"), open.clone(), bills);
        assert_eq!(alike(&[]), suspense(Reason::NoCode, false));
        assert_eq!(alike(std::slice::from_ref(&open)), Verdict::Proposed(number.clone()));
        assert_eq!(alike(&[open.clone(), lapsed()]), Verdict::Proposed(number.clone()));
        assert_eq!(alike(&[open.clone(), open.clone()]), suspense(Reason::Ambiguous, false));
        assert_eq!(alike(&[lapsed()]), suspense(Reason::Lapsed, true));
        assert_eq!(alike(&[paid()]), suspense(Reason::NoCode, false));
    }

    #[test]
    fn money_goes_back_by_two_people_to_the_account_it_came_from() {
        let (one, two, other) = (
            finance("liufang", "demo-office"),
            finance("wangqiang", "demo-office"),
            finance("zhoujun", "other-office"),
        );
        let lost = || line(Fen::yuan(7), "西湖", "").suspend(Reason::NoCode, None).expect("suspended");
        assert_eq!(lost().ask_return(&other, "no".into(), NOW).err(), Some(Forbidden::OtherOffice.into()));
        let nowhere = BankLine { payer_account: String::new(), ..lost() };
        assert_eq!(nowhere.ask_return(&one, "no".into(), NOW).err(), Some(MoneyFault::NoAccount));
        let asked = lost().ask_return(&one, "nobody's".into(), NOW).expect("asked");
        assert_eq!(asked.clone().approve_return(&one, NOW).err(), Some(Forbidden::SameOfficer.into()));
        assert_eq!(asked.clone().decline_return(&one).err(), Some(Forbidden::SameOfficer.into()));
        assert!(asked.clone().returned(&one, "OUT-0001", NOW).is_err(), "nobody sends what one alone wants");
        assert_eq!(asked.clone().decline_return(&two).expect("declined").state.word(), "suspense");
        let approved = asked.approve_return(&two, NOW).expect("approved");
        assert_eq!(approved.clone().returned(&one, "1", NOW).err(), Some(MoneyFault::Reference));
        let back = approved.returned(&one, "OUT-0001", NOW).expect("sent");
        assert_eq!(back.clone().ask_return(&one, "again".into(), NOW).err().map(MoneyFault::word), Some("state"));
        assert_eq!(back.state.word(), "returned");
    }

    #[test]
    fn a_bill_is_paid_in_full_by_whoever_may_say_so() {
        let (one, other, day) =
            (finance("liufang", "demo-office"), finance("zhoujun", "other-office"), NOW.beijing_day());
        let id = || PaymentId::new(day, 1);
        let all = || line(Fen::yuan(460), "西湖", "");
        assert!(all().matched(&bill(), id(), None, NOW).is_ok());
        let held = || all().suspend(Reason::ThirdParty, None).expect("suspended");
        assert!(held().matched(&bill(), id(), None, NOW).is_err(), "what was put aside needs a person");
        assert!(held().matched(&bill(), id(), Some(&one), NOW).is_ok());
        assert_eq!(held().matched(&bill(), id(), Some(&other), NOW).err(), Some(Forbidden::OtherOffice.into()));
        let short = line(Fen::yuan(459), "东湖", "").suspend(Reason::Short, None).expect("suspended");
        assert_eq!(short.matched(&bill(), id(), Some(&one), NOW).err(), Some(MoneyFault::TooLittle));
        assert!(held().clear(Account::Cash, &one, NOW).is_err());
        assert!(held().clear(Account::PosTransit, &one, NOW).is_ok());
    }
}
