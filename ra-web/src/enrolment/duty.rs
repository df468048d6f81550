//! Who may do what in the console: one table, looked at in one place (the guard of the staff router).
//!
//! The authority asks again who signed what; this table only keeps people from pages that would end in its
//! refusal, and auditors from changing anything.

use ca_core::domain::Role;

/// Something that the console lets a person do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Look at cases, certificates, units, documents and histories.
    Read,
    /// Take in a first application.
    TakeIn,
    /// Change, submit or give up a case; its process says whose duty that is.
    Prepare,
    /// Approve, return or reject what another took in; its process says whose duty that is.
    Decide,
    /// Take a case in hand, or hand it back.
    Claim,
    /// Make a certificate onto a token.
    Provision,
    /// Add a paper that came back signed.
    TakeBack,
    /// Take a case out as an archive.
    Export,
    /// See what evidence may be deleted.
    Retention,
    /// Ask for the deletion of evidence whose time is over.
    AskDeletion,
    /// Confirm such a deletion, or turn it down.
    ConfirmDeletion,
    /// Look at the register of officers.
    Registry,
    /// Order that officers are entered, given tokens, held, released or revoked: either seat.
    Officers,
    /// Come in: to one's own first page.
    Enter,
    /// Freeze a certificate at once.
    Hold,
    /// Ask for a revocation or a release: the first of two signatures.
    Request,
    /// Sign an order on a certificate: either seat.
    SignOrder,
    /// Look at recoveries of encryption keys.
    Recovery,
    /// Sign for such a recovery, or send it back: either seat.
    SignRecovery,
    /// Look at the jobs that were given up.
    Jobs,
    /// Let such a job be tried again.
    RetryJob,
    /// Receive, move, count and retire tokens.
    KeepStock,
    /// Look at bills, payments, receipts and drawers.
    ReadMoney,
    /// Take money, ask for a refund and pay it out, count one's drawer. Never for a case that one approved.
    TakeMoney,
    /// Undo a payment on its day.
    VoidMoney,
    /// Decide on refunds, take over drawers, hand out invoices.
    Finance,
    /// Look at the books.
    Ledger,
    /// Look at what came onto the bank account.
    ReadBank,
    /// Agree, as the second one, that money goes back to the account that it came from.
    AgreeReturn,
    /// Look at reports, and take them away as files.
    Report,
    /// Look at the list of units to phone.
    Phone,
    /// Write down what came of a call.
    Call,
    /// Look at the register of complaints and incidents.
    Register,
    /// Write into it.
    Record,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 34] = [
        Self::Read,
        Self::TakeIn,
        Self::Prepare,
        Self::Decide,
        Self::Claim,
        Self::Provision,
        Self::TakeBack,
        Self::Export,
        Self::Retention,
        Self::AskDeletion,
        Self::ConfirmDeletion,
        Self::Registry,
        Self::Officers,
        Self::Enter,
        Self::Hold,
        Self::Request,
        Self::SignOrder,
        Self::Recovery,
        Self::SignRecovery,
        Self::Jobs,
        Self::RetryJob,
        Self::KeepStock,
        Self::ReadMoney,
        Self::TakeMoney,
        Self::VoidMoney,
        Self::Finance,
        Self::Ledger,
        Self::ReadBank,
        Self::AgreeReturn,
        Self::Report,
        Self::Phone,
        Self::Call,
        Self::Register,
        Self::Record,
    ];

    /// The roles of which one is needed.
    #[must_use]
    pub const fn roles(self) -> &'static [Role] {
        use Role as R;
        match self {
            Self::Read => &[R::RaEntry, R::RaReviewer, R::TokenOperator, R::RaSupervisor, R::Auditor],
            Self::TakeIn => &[R::RaEntry],
            Self::Prepare => &[R::RaEntry, R::TokenOperator],
            Self::Decide => &[R::RaReviewer, R::RaSupervisor],
            Self::Claim => &[R::RaEntry, R::RaReviewer, R::TokenOperator, R::RaSupervisor],
            Self::Provision => &[R::TokenOperator],
            Self::TakeBack => &[R::RaEntry, R::TokenOperator],
            Self::Export => &[R::RaSupervisor, R::Auditor],
            Self::Retention => &[R::RaReviewer, R::RaSupervisor, R::Auditor],
            Self::AskDeletion => &[R::RaSupervisor],
            Self::ConfirmDeletion => &[R::RaReviewer, R::RaSupervisor],
            Self::Registry => &[R::RaSupervisor, R::Auditor, R::Administrator],
            Self::Officers => &[R::Administrator],
            Self::Enter => &R::ALL,
            Self::Hold => &[R::RaEntry, R::RaReviewer, R::RaSupervisor, R::TokenOperator],
            Self::Request => &[R::RaEntry, R::RaSupervisor],
            Self::SignOrder => &[R::RaEntry, R::RaReviewer, R::RaSupervisor, R::TokenOperator],
            Self::Recovery => {
                &[R::RaEntry, R::RaReviewer, R::TokenOperator, R::RaSupervisor, R::KmcOfficer, R::Auditor]
            }
            Self::SignRecovery => &[R::KmcOfficer],
            Self::Jobs => &[R::RaSupervisor, R::Finance, R::Auditor, R::Administrator],
            Self::RetryJob => &[R::RaSupervisor, R::Administrator],
            Self::KeepStock => &[R::TokenOperator, R::RaSupervisor],
            Self::ReadMoney => &[R::RaEntry, R::RaSupervisor, R::Finance, R::Auditor],
            Self::TakeMoney => &[R::RaEntry, R::RaSupervisor],
            Self::VoidMoney => &[R::RaSupervisor],
            Self::Finance => &[R::Finance],
            Self::Ledger => &[R::Finance, R::Auditor],
            Self::ReadBank => &[R::RaSupervisor, R::Finance, R::Auditor],
            Self::AgreeReturn => &[R::RaSupervisor, R::Finance],
            Self::Report => &[R::RaSupervisor, R::Finance, R::Auditor, R::Administrator],
            Self::Phone => &[R::RaEntry, R::RaSupervisor, R::Auditor],
            Self::Call | Self::Record => &[R::RaEntry, R::RaSupervisor],
            Self::Register => &[R::RaEntry, R::RaSupervisor, R::Auditor, R::Administrator],
        }
    }

    /// Whether someone with these roles has the right.
    #[must_use]
    pub fn of(self, roles: &[Role]) -> bool {
        self.roles().iter().any(|role| roles.contains(role))
    }
}

/// Whether someone with these roles sees the figures and registers of all offices, or only of their own.
#[must_use]
pub fn sees_all_offices(roles: &[Role]) -> bool {
    [Role::Finance, Role::Auditor, Role::Administrator].iter().any(|role| roles.contains(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row a role: which rights it has.
    const TABLE: [(Role, &[Right]); 8] = [
        (
            Role::RaEntry,
            &[
                Right::Enter,
                Right::Read,
                Right::TakeIn,
                Right::Prepare,
                Right::Claim,
                Right::TakeBack,
                Right::Hold,
                Right::Request,
                Right::SignOrder,
                Right::Recovery,
                Right::ReadMoney,
                Right::TakeMoney,
                Right::Phone,
                Right::Call,
                Right::Register,
                Right::Record,
            ],
        ),
        (
            Role::RaReviewer,
            &[
                Right::Enter,
                Right::Read,
                Right::Decide,
                Right::Claim,
                Right::Retention,
                Right::ConfirmDeletion,
                Right::Hold,
                Right::SignOrder,
                Right::Recovery,
            ],
        ),
        (
            Role::TokenOperator,
            &[
                Right::Enter,
                Right::Read,
                Right::Prepare,
                Right::Claim,
                Right::Provision,
                Right::TakeBack,
                Right::Hold,
                Right::SignOrder,
                Right::Recovery,
                Right::KeepStock,
            ],
        ),
        (
            Role::RaSupervisor,
            &[
                Right::Enter,
                Right::Read,
                Right::Decide,
                Right::Claim,
                Right::Export,
                Right::Retention,
                Right::AskDeletion,
                Right::ConfirmDeletion,
                Right::Registry,
                Right::Hold,
                Right::Request,
                Right::SignOrder,
                Right::Recovery,
                Right::Jobs,
                Right::RetryJob,
                Right::KeepStock,
                Right::ReadMoney,
                Right::TakeMoney,
                Right::VoidMoney,
                Right::ReadBank,
                Right::AgreeReturn,
                Right::Report,
                Right::Phone,
                Right::Call,
                Right::Register,
                Right::Record,
            ],
        ),
        (
            Role::Finance,
            &[
                Right::Enter,
                Right::Jobs,
                Right::ReadMoney,
                Right::Finance,
                Right::Ledger,
                Right::ReadBank,
                Right::AgreeReturn,
                Right::Report,
            ],
        ),
        (Role::KmcOfficer, &[Right::Enter, Right::Recovery, Right::SignRecovery]),
        (
            Role::Auditor,
            &[
                Right::Enter,
                Right::Read,
                Right::Export,
                Right::Retention,
                Right::Registry,
                Right::Recovery,
                Right::Jobs,
                Right::ReadMoney,
                Right::Ledger,
                Right::ReadBank,
                Right::Report,
                Right::Phone,
                Right::Register,
            ],
        ),
        (
            Role::Administrator,
            &[
                Right::Enter,
                Right::Registry,
                Right::Officers,
                Right::Jobs,
                Right::RetryJob,
                Right::Report,
                Right::Register,
            ],
        ),
    ];

    #[test]
    fn each_role_has_these_rights_and_no_others() {
        for (role, rights) in TABLE {
            for right in Right::ALL {
                assert_eq!(right.of(&[role]), rights.contains(&right), "{role}: {right:?}");
            }
        }
    }
}
