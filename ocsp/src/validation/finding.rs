//! What came out: one word for machines, the code that the field's portals know (`domain.md` §1.8), and a sentence in both
//! languages.

use std::collections::BTreeMap;

use ca_core::chain::ChainError;
use ca_core::settings::{self, Faults};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::StatusError;

/// What came out of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The signature is over the message, by a certificate of ours that is good now.
    Valid,
    /// The responder cannot be asked, and nothing may stand in.
    StatusUnavailable,
    /// The responder's answer cannot be believed.
    StatusUntrusted,
    /// The certificate's validity has not begun.
    NotYetValid,
    /// The certificate's validity is over.
    Expired,
    /// None of our CAs issued it.
    UnknownIssuer,
    /// It names a CA of ours that did not sign it.
    ForgedCertificate,
    /// The CA's own certificate is not valid now.
    IssuerNotValid,
    /// Revoked for good.
    Revoked,
    /// Held, and may be released.
    Held,
    /// The CA knows nothing of it, although it bears its signature.
    NeverIssued,
    /// The certificate is not made for signing.
    NotForSigning,
    /// The caller takes no certificates of this CA.
    NotForCaller,
    /// The signature is by an algorithm that is not taken.
    AlgorithmRefused,
    /// No certificate.
    CertificateMalformed,
    /// No signature of the form that was said.
    SignatureMalformed,
    /// Not a signature of this certificate over this message.
    SignatureMismatch,
}

impl Finding {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Valid,
        Self::StatusUnavailable,
        Self::StatusUntrusted,
        Self::NotYetValid,
        Self::Expired,
        Self::UnknownIssuer,
        Self::ForgedCertificate,
        Self::IssuerNotValid,
        Self::Revoked,
        Self::Held,
        Self::NeverIssued,
        Self::NotForSigning,
        Self::NotForCaller,
        Self::AlgorithmRefused,
        Self::CertificateMalformed,
        Self::SignatureMalformed,
        Self::SignatureMismatch,
    ];

    /// The code that portals of the field know. Of the four for malformed input their samples do not say which is
    /// which; these are ours.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Valid => 0,
            Self::StatusUnavailable | Self::StatusUntrusted => -1,
            Self::NotYetValid => 1,
            Self::Expired => 2,
            Self::UnknownIssuer | Self::ForgedCertificate | Self::IssuerNotValid => 4,
            Self::Revoked | Self::Held | Self::NeverIssued => 7,
            Self::NotForSigning | Self::NotForCaller => 12,
            Self::AlgorithmRefused => -6805,
            Self::CertificateMalformed => -6406,
            Self::SignatureMalformed => -6504,
            Self::SignatureMismatch => -6505,
        }
    }

    /// The word of it, as JSON has it.
    #[must_use]
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }

    pub(super) const fn of_chain(error: &ChainError) -> Self {
        match error {
            ChainError::Malformed(_) => Self::CertificateMalformed,
            ChainError::UnknownIssuer => Self::UnknownIssuer,
            ChainError::BadSignature => Self::ForgedCertificate,
            ChainError::NotYetValid { .. } => Self::NotYetValid,
            ChainError::Expired { .. } => Self::Expired,
            ChainError::NotForThis(_) => Self::NotForSigning,
            ChainError::IssuerNotValid => Self::IssuerNotValid,
        }
    }

    pub(super) const fn of_status(error: &StatusError) -> Self {
        match error {
            StatusError::Revoked { .. } => Self::Revoked,
            StatusError::Held { .. } => Self::Held,
            StatusError::Unknown { .. } => Self::NeverIssued,
            StatusError::Unreachable(_) => Self::StatusUnavailable,
            StatusError::Untrusted(_) => Self::StatusUntrusted,
        }
    }
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// In Chinese.
    #[serde(rename = "zh-CN")]
    pub chinese: String,
    /// In English.
    pub en: String,
}

/// The sentence of each finding.
#[derive(Clone, Debug)]
pub struct Words(BTreeMap<Finding, Sentence>);

impl Words {
    /// Reads those that ship with the program.
    ///
    /// # Errors
    /// [`Faults`], which a test of this crate rules out.
    pub fn built_in() -> Result<Self, Faults> {
        settings::from_toml("findings.toml", include_str!("../../locales/findings.toml")).whole().map(Self)
    }

    /// The sentence.
    #[must_use]
    pub fn of(&self, finding: Finding) -> Sentence {
        let unsaid = || Sentence { chinese: finding.word(), en: finding.word() };
        self.0.get(&finding).cloned().unwrap_or_else(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_a_sentence_in_both_languages_and_a_word() {
        let words = Words::built_in().expect("sound");
        for finding in Finding::ALL {
            let said = words.0.get(&finding).unwrap_or_else(|| panic!("{finding:?} has no sentence"));
            assert!(said.chinese.contains('。') && said.en.ends_with('.'), "{said:?}");
            assert!(!finding.word().is_empty());
        }
        assert_eq!(words.0.len(), Finding::ALL.len());
    }

    #[test]
    fn only_a_valid_signature_has_code_zero() {
        assert!(Finding::ALL.into_iter().all(|finding| (finding.code() == 0) == (finding == Finding::Valid)));
    }
}
