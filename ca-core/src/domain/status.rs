//! What a certificate is worth: good, held or revoked, and why.

use serde::{Deserialize, Serialize};

use super::{IssuerId, Serial, Timestamp};

/// Reason for a revocation, with the numbers of RFC 5280 §5.3.1; only those a person may give.
///
/// `certificateHold` and `removeFromCRL` are not reasons but states: see [`CertificateStatus::Held`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// No reason given.
    Unspecified,
    /// The token is lost or stolen.
    KeyCompromise,
    /// The unit's particulars changed.
    AffiliationChanged,
    /// Replaced by a later certificate.
    Superseded,
    /// The unit was wound up, or the certificate was never delivered.
    CessationOfOperation,
    /// Breach of contract, unpaid, or false information.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    /// All of them, in the order in which forms offer them.
    pub const ALL: [Self; 6] = [
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::Unspecified,
    ];

    /// Whether a holder may give this reason for the end of its own certificate.
    #[must_use]
    pub const fn is_a_holders(self) -> bool {
        matches!(self, Self::KeyCompromise | Self::AffiliationChanged | Self::CessationOfOperation)
    }

    /// The CRLReason number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::PrivilegeWithdrawn => 9,
        }
    }

    /// The reason with this CRLReason number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The word in statements, forms and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key_compromise",
            Self::AffiliationChanged => "affiliation_changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation_of_operation",
            Self::PrivilegeWithdrawn => "privilege_withdrawn",
        }
    }
}

/// What the authority says of a certificate that it issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CertificateStatus {
    /// Neither held nor revoked. Says nothing of expiry.
    Good,
    /// Frozen since a moment; may be released.
    Held {
        /// When the hold began.
        since: Timestamp,
    },
    /// Revoked for good.
    Revoked {
        /// When it was revoked.
        since: Timestamp,
        /// Why.
        reason: RevocationReason,
    },
}

impl CertificateStatus {
    /// Good 0, held 1, revoked 2: the number in stores.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Good => 0,
            Self::Held { .. } => 1,
            Self::Revoked { .. } => 2,
        }
    }

    /// CRLReason number in stores: certificateHold (6) while held, 0 while good.
    #[must_use]
    pub const fn reason_code(self) -> i16 {
        match self {
            Self::Good => 0,
            Self::Held { .. } => 6,
            Self::Revoked { reason, .. } => reason.code() as i16,
        }
    }

    /// Since when, unix seconds; 0 while good.
    #[must_use]
    pub const fn since_unix(self) -> i64 {
        match self {
            Self::Good => 0,
            Self::Held { since } | Self::Revoked { since, .. } => since.unix(),
        }
    }

    /// Puts a status together from the three numbers of a store, or `None` if they make no sense.
    #[must_use]
    pub fn from_codes(code: i16, reason: i16, since: i64) -> Option<Self> {
        let since = Timestamp::from_unix(since);
        match code {
            0 => Some(Self::Good),
            1 => Some(Self::Held { since }),
            2 => RevocationReason::from_code(u8::try_from(reason).ok()?).map(|reason| Self::Revoked { since, reason }),
            _ => None,
        }
    }
}

/// One line of the status log: the certificate has had this status since the moment the line was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Position in the log: 1, 2, 3, … without gaps.
    pub seq: i64,
    /// Who issued the certificate.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// What is true of it now.
    pub status: CertificateStatus,
    /// Its notAfter.
    pub not_after: Timestamp,
}
