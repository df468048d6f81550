//! The papers that stand with a bill. Its state is an enum whose transitions consume it.

use ca_core::domain::{OfficeId, Officer, Timestamp};

use super::paper::{Paper, Range};
use crate::enrolment::case::{Forbidden, Who};
use crate::payment::bill::{Bill, BillNumber, MoneyFault};
use crate::payment::fen::Fen;

/// The end of an allotment: who, when, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// How papers left the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The parcel's number; empty when they were handed over at the counter.
    pub waybill: String,
    /// Who sent them.
    pub by: Who,
    /// When.
    pub at: Timestamp,
}

/// Where an allotment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllotmentState {
    /// Put aside.
    Allotted,
    /// On their way, or there.
    Sent(Sending),
    /// Back in stock before they were sent.
    Released(Ended),
    /// Come back from the unit, and void.
    Returned(Sending, Ended),
}

impl AllotmentState {
    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Allotted => "allotted",
            Self::Sent(_) => "sent",
            Self::Released(_) => "released",
            Self::Returned(..) => "returned",
        }
    }
}

/// The papers of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allotment {
    /// Of which bill.
    pub bill: BillNumber,
    /// The how-manieth of the bill.
    pub n: i64,
    /// Out of whose stock.
    pub office: OfficeId,
    /// What they are worth together.
    pub amount: Fen,
    /// Which ones.
    pub papers: Vec<Paper>,
    /// Who put them aside.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// Where they stand.
    pub state: AllotmentState,
    /// Counts the writes.
    pub version: i64,
}

impl Allotment {
    /// Papers are put aside for a bill: exactly what we have of it.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn of(
        bill: &Bill,
        n: i64,
        papers: Vec<(Paper, Fen)>,
        by: &Officer,
        now: Timestamp,
    ) -> Result<Self, MoneyFault> {
        if by.office != bill.office {
            return Err(Forbidden::OtherOffice.into());
        }
        let amount: Fen = papers.iter().map(|(_, worth)| *worth).sum();
        if bill.kept().is_zero() || amount != bill.kept() {
            return Err(MoneyFault::NoPapers);
        }
        Ok(Self {
            bill: bill.number.clone(),
            n,
            office: bill.office.clone(),
            amount,
            papers: papers.into_iter().map(|(paper, _)| paper).collect(),
            by: Who::from(by),
            at: now,
            state: AllotmentState::Allotted,
            version: 0,
        })
    }

    /// Whether the papers stand with the bill.
    #[must_use]
    pub const fn stands(&self) -> bool {
        matches!(self.state, AllotmentState::Allotted | AllotmentState::Sent(_))
    }

    /// Posted, or without a waybill handed over at the counter.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn send(mut self, by: &Officer, waybill: &str, now: Timestamp) -> Result<Self, MoneyFault> {
        self.mine(by)?;
        if self.state != AllotmentState::Allotted {
            return Err(self.forbidden("sent"));
        }
        let sending = Sending { waybill: waybill.to_owned(), by: Who::from(by), at: now };
        self.state = AllotmentState::Sent(sending);
        Ok(self)
    }

    /// Not sent after all: the papers go back into stock.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn release(mut self, by: &Officer, why: &str, now: Timestamp) -> Result<Self, MoneyFault> {
        self.mine(by)?;
        if self.state != AllotmentState::Allotted {
            return Err(self.forbidden("released"));
        }
        self.state = AllotmentState::Released(Ended { by: Who::from(by), at: now, why: why.to_owned() });
        Ok(self)
    }

    /// The unit brought them back: they are void.
    ///
    /// # Errors
    /// [`MoneyFault`].
    pub fn take_back(mut self, by: &Officer, why: &str, now: Timestamp) -> Result<Self, MoneyFault> {
        self.mine(by)?;
        match self.state {
            AllotmentState::Sent(sending) => {
                let ended = Ended { by: Who::from(by), at: now, why: why.to_owned() };
                self.state = AllotmentState::Returned(sending, ended);
                Ok(self)
            }
            _ => Err(self.forbidden("taken back")),
        }
    }

    /// Code and number of each paper, as notes of invoices have them.
    #[must_use]
    pub fn numbers(&self) -> String {
        self.papers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The ranges that the papers make, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        Range::of(&self.papers).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn mine(&self, by: &Officer) -> Result<(), MoneyFault> {
        if by.office == self.office { Ok(()) } else { Err(Forbidden::OtherOffice.into()) }
    }

    const fn forbidden(&self, act: &'static str) -> MoneyFault {
        MoneyFault::State { what: "allotment of quota invoices", state: self.state.word(), act }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoice::quota::paper::tests::paper;
    use crate::payment::bill::tests::{NOW, bill};
    use crate::payment::wire::tests::finance;

    fn of(worth: &[i64]) -> Result<Allotment, MoneyFault> {
        let paid = bill().pay(NOW).expect("paid");
        let papers = worth.iter().zip(1..).map(|(yuan, n)| (paper(n), Fen::yuan(*yuan))).collect();
        Allotment::of(&paid, 1, papers, &finance("liufang", "demo-office"), NOW)
    }

    fn allotted() -> Allotment {
        of(&[100, 100, 100, 100, 50, 10]).expect("460 yuan")
    }

    #[test]
    fn only_exactly_what_was_paid_is_allotted() {
        assert_eq!(allotted().amount, Fen::yuan(460));
        assert_eq!(allotted().shown(), "113001000001 00000001–00000006");
        for worth in [&[100, 100, 100, 100, 50][..], &[100, 100, 100, 100, 100], &[]] {
            assert_eq!(of(worth), Err(MoneyFault::NoPapers), "{worth:?}");
        }
        let papers = vec![(paper(1), Fen::yuan(460))];
        let open = Allotment::of(&bill(), 1, papers.clone(), &finance("liufang", "demo-office"), NOW);
        assert_eq!(open, Err(MoneyFault::NoPapers), "nothing was paid");
        let paid = bill().pay(NOW).expect("paid");
        let other = Allotment::of(&paid, 1, papers, &finance("zhoujun", "other-office"), NOW);
        assert_eq!(other, Err(Forbidden::OtherOffice.into()));
    }

    #[test]
    fn each_act_happens_from_its_state_and_at_its_office() {
        type Act = fn(Allotment, &Officer) -> Result<Allotment, MoneyFault>;
        let own = finance("liufang", "demo-office");
        let sent = || allotted().send(&own, "SF1", NOW).expect("sent");
        let states = || {
            [
                allotted(),
                sent(),
                allotted().release(&own, "x", NOW).expect("released"),
                sent().take_back(&own, "x", NOW).expect("back"),
            ]
        };
        let acts: [(&str, Act, &[&str]); 3] = [
            ("send", |one, by| one.send(by, "SF1", NOW), &["allotted"]),
            ("release", |one, by| one.release(by, "x", NOW), &["allotted"]),
            ("take back", |one, by| one.take_back(by, "x", NOW), &["sent"]),
        ];
        for (name, act, allowed) in acts {
            for one in states() {
                let word = one.state.word();
                assert_eq!(act(one.clone(), &own).is_ok(), allowed.contains(&word), "{name} from {word}");
                let other = act(one, &finance("zhoujun", "other-office"));
                assert_eq!(other, Err(Forbidden::OtherOffice.into()), "{name} from {word}");
            }
        }
        assert_eq!(states().map(|one| one.stands()), [true, true, false, false]);
    }
}
