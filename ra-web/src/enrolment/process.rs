//! What a case is about: a unit's or a person's first certificate, or one that takes another one's place, and on what ground
//! (`domain.md` §3.1, §3.3, §3.4, §3.6, §3.7). All go the same way, from the form to the token; the ground decides which
//! documents are examined, whose duty it is, and what may be typed.

use ca_core::domain::{BeijingDay, CertificateStatus, Ground, IssuerId, Role, Serial, Timestamp};

use super::document::DocumentKind;

/// A quality fault is covered for so many years from the day of purchase.
pub const WARRANTY_YEARS: u8 = 3;

/// A certificate by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateName {
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number; of a pair, the signature certificate's.
    pub serial: Serial,
}

/// What a case is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Process {
    /// A unit's first certificate, or a further one.
    Enrolment,
    /// A natural person's (个人证书).
    Person,
    /// A certificate that takes another one's place.
    Replacement {
        /// Why.
        ground: Ground,
        /// Which one's.
        old: CertificateName,
    },
}

impl Process {
    /// Words of all processes, in the order in which lists offer them.
    pub const WORDS: [&'static str; 6] = ["enrolment", "person", "renewal", "loss", "exchange", "change"];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::Person => "person",
            Self::Replacement { ground, .. } => ground.word(),
        }
    }

    /// The ground of a replacement.
    #[must_use]
    pub const fn ground(&self) -> Option<Ground> {
        match self {
            Self::Enrolment | Self::Person => None,
            Self::Replacement { ground, .. } => Some(*ground),
        }
    }

    /// The certificate whose place is taken.
    #[must_use]
    pub const fn old(&self) -> Option<&CertificateName> {
        match self {
            Self::Enrolment | Self::Person => None,
            Self::Replacement { old, .. } => Some(old),
        }
    }

    /// The documents that are examined (`domain.md` §3.10), in the order in which an order lists their hashes.
    #[must_use]
    pub const fn documents(&self) -> &'static [DocumentKind] {
        use DocumentKind as D;
        match self.ground() {
            None if matches!(self, Self::Person) => &[D::IdCard],
            None => &[D::Licence, D::IdCard, D::Seal],
            Some(Ground::Renewal) => &[D::IdCard],
            Some(Ground::Loss) => &[D::IdCard, D::LossStatement],
            Some(Ground::Exchange) => &[D::PurchaseProof, D::FaultReport],
            Some(Ground::Change) => &[D::Licence, D::IdCard, D::ChangeNotice],
        }
    }

    /// The first process of a kind of holder.
    #[must_use]
    pub const fn first(of_a_person: bool) -> Self {
        if of_a_person { Self::Person } else { Self::Enrolment }
    }

    /// Whether unit name and code may be typed: they name the holder, and only a change may rename one.
    #[must_use]
    pub const fn names_the_unit(&self) -> bool {
        matches!(self.ground(), None | Some(Ground::Change))
    }

    /// Whether a term is chosen; otherwise the rest of the old one is kept.
    #[must_use]
    pub const fn chooses_years(&self) -> bool {
        match self.ground() {
            None => true,
            Some(ground) => !ground.keeps_the_term(),
        }
    }

    /// Whose duty it is to take it in: the role of the order's first seat.
    #[must_use]
    pub const fn taken_in_by(&self) -> Role {
        match self.ground() {
            Some(Ground::Exchange) => Role::TokenOperator,
            _ => Role::RaEntry,
        }
    }

    /// Whose duty it is to decide: the role of the order's second seat.
    #[must_use]
    pub const fn decided_by(&self) -> Role {
        match self.ground() {
            Some(Ground::Exchange) => Role::RaSupervisor,
            _ => Role::RaReviewer,
        }
    }
}

/// When a certificate may be renewed, in days about its end (`domain.md` §3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewalWindow {
    /// So many days before.
    pub early_days: u16,
    /// So many days after; later the identity is checked anew, as for a first certificate.
    pub late_days: u16,
}

/// What an officer is told when a certificate cannot be replaced now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// It is not on its token yet.
    #[error("the certificate is not delivered yet")]
    Undelivered,
    /// It is revoked for good.
    #[error("the certificate is revoked")]
    Revoked,
    /// It is held.
    #[error("the certificate is held")]
    Held,
    /// A loss begins with a hold.
    #[error("a loss begins with a hold")]
    NotHeld,
    /// Its term is over: nothing of it is left.
    #[error("the certificate is over")]
    Over,
    /// Its renewal begins at this moment.
    #[error("its renewal begins on {}", .0.beijing_day())]
    TooEarly(Timestamp),
    /// It ended too long ago to be renewed.
    #[error("the certificate ended too long ago")]
    TooLate,
    /// Another case about it is not over.
    #[error("another case about the certificate is open")]
    CaseOpen,
    /// It belongs to another office.
    #[error("the certificate belongs to another office")]
    OtherOffice,
    /// A person's certificate says name and number alone: when one of them changes, it is another certificate.
    #[error("a person whose particulars change applies anew")]
    Person,
}

impl NotNow {
    /// The end of the message key `not-now-…`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Undelivered => "undelivered",
            Self::Revoked => "revoked",
            Self::Held => "held",
            Self::NotHeld => "not-held",
            Self::Over => "over",
            Self::TooEarly(_) => "too-early",
            Self::TooLate => "too-late",
            Self::CaseOpen => "case-open",
            Self::OtherOffice => "other-office",
            Self::Person => "person",
        }
    }
}

/// Whether a delivered certificate with this end and status may be replaced now on this ground.
///
/// # Errors
/// [`NotNow`].
pub fn may_replace(
    ground: Ground,
    status: CertificateStatus,
    not_after: Timestamp,
    window: RenewalWindow,
    now: Timestamp,
) -> Result<(), NotNow> {
    const DAY: i64 = 86_400;
    match (ground, status) {
        (_, CertificateStatus::Revoked { .. }) => return Err(NotNow::Revoked),
        (Ground::Loss, CertificateStatus::Good) => return Err(NotNow::NotHeld),
        (Ground::Loss, CertificateStatus::Held { .. }) => {}
        (_, CertificateStatus::Held { .. }) => return Err(NotNow::Held),
        (_, CertificateStatus::Good) => {}
    }
    if ground.keeps_the_term() {
        return if now < not_after { Ok(()) } else { Err(NotNow::Over) };
    }
    let begins = not_after.beijing_day().plus_days(-i64::from(window.early_days)).first_second();
    if now < begins {
        Err(NotNow::TooEarly(begins))
    } else if now > not_after.plus(i64::from(window.late_days) * DAY) {
        Err(NotNow::TooLate)
    } else {
        Ok(())
    }
}

/// Whether a quality fault is still covered for a token bought on this day.
#[must_use]
pub fn under_warranty(purchased: BeijingDay, today: BeijingDay) -> bool {
    purchased <= today && today <= purchased.plus_years(WARRANTY_YEARS)
}

#[cfg(test)]
mod tests {
    use ca_core::domain::RevocationReason;

    use super::*;

    const WINDOW: RenewalWindow = RenewalWindow { early_days: 90, late_days: 365 };

    fn end() -> Timestamp {
        BeijingDay::from_calendar(2027, 6, 30).expect("a day").last_second()
    }

    /// Every ground with every status, 30 days before the end.
    #[test]
    fn each_ground_wants_its_status() {
        let now = end().plus(-30 * 86_400);
        let held = CertificateStatus::Held { since: now };
        let revoked = CertificateStatus::Revoked { since: now, reason: RevocationReason::Superseded };
        let table = [
            (Ground::Renewal, [Ok(()), Err(NotNow::Held), Err(NotNow::Revoked)]),
            (Ground::Loss, [Err(NotNow::NotHeld), Ok(()), Err(NotNow::Revoked)]),
            (Ground::Exchange, [Ok(()), Err(NotNow::Held), Err(NotNow::Revoked)]),
            (Ground::Change, [Ok(()), Err(NotNow::Held), Err(NotNow::Revoked)]),
        ];
        for (ground, verdicts) in table {
            for (status, verdict) in [CertificateStatus::Good, held, revoked].into_iter().zip(verdicts) {
                assert_eq!(may_replace(ground, status, end(), WINDOW, now), verdict, "{ground:?} {status:?}");
            }
        }
    }

    #[test]
    fn a_renewal_has_its_window_and_the_rest_of_a_term_its_end() {
        let good = CertificateStatus::Good;
        let first = BeijingDay::from_calendar(2027, 4, 1).expect("a day").first_second();
        let renewal = |now| may_replace(Ground::Renewal, good, end(), WINDOW, now);
        assert_eq!(renewal(first.plus(-1)), Err(NotNow::TooEarly(first)));
        assert_eq!(renewal(first), Ok(()));
        assert_eq!(renewal(end().plus(365 * 86_400)), Ok(()));
        assert_eq!(renewal(end().plus(365 * 86_400 + 1)), Err(NotNow::TooLate));
        let change = |now| may_replace(Ground::Change, good, end(), WINDOW, now);
        assert_eq!(change(end().plus(-1)), Ok(()));
        assert_eq!(change(end()), Err(NotNow::Over));
    }

    #[test]
    fn a_warranty_ends_with_the_same_day_three_years_later() {
        let day = |y, m, d| BeijingDay::from_calendar(y, m, d).expect("a day");
        assert!(under_warranty(day(2024, 2, 29), day(2027, 2, 28)));
        assert!(!under_warranty(day(2024, 2, 29), day(2027, 3, 1)));
        assert!(!under_warranty(day(2027, 3, 2), day(2027, 3, 1)), "bought tomorrow");
    }
}
