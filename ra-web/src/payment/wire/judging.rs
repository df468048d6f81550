//! What money that came is for: a pure function of the line, its codes, and the bills that it could be for.

use super::{BankLine, Reason};
use crate::enrolment::form::folded;
use crate::payment::bill::{Bill, BillNumber, BillState};
use crate::payment::remittance::{Codes, Remittance};

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
