//! Why a login was refused, in the words of the field. Pages say each in plain language, with what to do next.

use ca_core::domain::{RevocationReason, Timestamp};

/// Why there is no session. [`Refusal::code`] names the message and stands in the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature, or bytes that are none: the assistant was not used.
    #[error("the answer cannot be read")]
    Malformed,
    /// The browser offered no certificate in the handshake.
    #[error("no certificate was offered")]
    NoCertificate,
    /// Answered after its 120 seconds.
    #[error("the challenge has expired")]
    ChallengeExpired,
    /// Answered before.
    #[error("the challenge was answered before")]
    ChallengeReplayed,
    /// Never minted here for this browser.
    #[error("the challenge belongs to another browser session")]
    OtherSession,
    /// Signed for another site, or for another door of ours.
    #[error("the challenge is for another site")]
    OtherOrigin,
    /// The signature does not fit the bytes that were shown.
    #[error("the signature does not verify")]
    BadSignature,
    /// Not issued by a CA that this site trusts.
    #[error("the certificate's issuer is not trusted here")]
    UnknownIssuer,
    /// Past its last second. Renewal is still possible.
    #[error("the certificate expired at {}", at.beijing_text())]
    CertificateExpired {
        /// Its notAfter.
        at: Timestamp,
    },
    /// Before its first second.
    #[error("the certificate is not valid before {}", from.beijing_text())]
    NotYetValid {
        /// Its notBefore.
        from: Timestamp,
    },
    /// Its key usage does not allow signing, or it is another kind of certificate.
    #[error("the certificate is not made for logging in")]
    NotForThis,
    /// Frozen; may be released.
    #[error("the certificate has been held since {}", since.beijing_text())]
    Held {
        /// Since when.
        since: Timestamp,
    },
    /// Revoked for good.
    #[error("the certificate was revoked at {} ({})", since.beijing_text(), reason.word())]
    Revoked {
        /// When.
        since: Timestamp,
        /// Why.
        reason: RevocationReason,
    },
    /// The responder of its issuer never heard of it.
    #[error("the certificate is not known to its issuer")]
    UnknownCertificate,
    /// Its status could not be learnt; nobody is let in on a guess.
    #[error("the certificate's status cannot be checked now")]
    StatusUnreachable,
    /// The registry of officers could not be asked (staff only).
    #[error("the authority cannot be reached now")]
    AuthorityUnreachable,
    /// A good certificate of somebody who has no account here.
    #[error("the holder is not registered here")]
    NotRegistered {
        /// The name in the certificate.
        name: String,
    },
}

impl Refusal {
    /// The word in records, logs and message keys (`login-refused-<code>`).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoCertificate => "no-certificate",
            Self::ChallengeExpired => "challenge-expired",
            Self::ChallengeReplayed => "challenge-replayed",
            Self::OtherSession => "other-session",
            Self::OtherOrigin => "other-origin",
            Self::BadSignature => "bad-signature",
            Self::UnknownIssuer => "unknown-issuer",
            Self::CertificateExpired { .. } => "certificate-expired",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::NotForThis => "not-for-this",
            Self::Held { .. } => "held",
            Self::Revoked { .. } => "revoked",
            Self::UnknownCertificate => "unknown-certificate",
            Self::StatusUnreachable => "status-unreachable",
            Self::AuthorityUnreachable => "authority-unreachable",
            Self::NotRegistered { .. } => "not-registered",
        }
    }

    /// One of each, for tests that every refusal has its text.
    #[must_use]
    pub fn examples() -> [Self; 17] {
        let moment = Timestamp::from_unix(1_800_000_000);
        [
            Self::Malformed,
            Self::NoCertificate,
            Self::ChallengeExpired,
            Self::ChallengeReplayed,
            Self::OtherSession,
            Self::OtherOrigin,
            Self::BadSignature,
            Self::UnknownIssuer,
            Self::CertificateExpired { at: moment },
            Self::NotYetValid { from: moment },
            Self::NotForThis,
            Self::Held { since: moment },
            Self::Revoked { since: moment, reason: RevocationReason::KeyCompromise },
            Self::UnknownCertificate,
            Self::StatusUnreachable,
            Self::AuthorityUnreachable,
            Self::NotRegistered { name: "示范市东湖建筑工程有限公司".into() },
        ]
    }
}
