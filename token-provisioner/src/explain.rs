//! What went wrong, for people: what happened, and what to do next.

use crate::driver::{PinRule, TokenError, Tries};
use crate::provision::ProvisionError;
use crate::ra_client::RaError;
use crate::text::Language;

/// Tries left, as one phrase.
#[must_use]
pub fn tries(t: Language, tries: Tries) -> String {
    match tries {
        Tries::Left(n) => t.with("tries-left", "n", n),
        Tries::Low => t.say("tries-low"),
        Tries::Final => t.say("tries-final"),
        Tries::Locked => t.say("tries-locked"),
        Tries::Unknown => t.say("tries-unknown"),
    }
}

/// Why a new PIN is refused.
#[must_use]
pub fn rule(t: Language, rule: PinRule) -> String {
    t.say(match rule {
        PinRule::Length => "pin-rule-length",
        PinRule::Characters => "pin-rule-characters",
        PinRule::Initial => "pin-rule-initial",
        PinRule::Temporary => "pin-rule-temporary",
        PinRule::TooSimple => "pin-rule-simple",
        PinRule::Unchanged => "pin-rule-unchanged",
        PinRule::Mismatch => "pin-rule-mismatch",
    })
}

/// Why the token did not do it.
#[must_use]
pub fn token(t: Language, error: &TokenError) -> String {
    match error {
        TokenError::Removed(serial) => t.with("token-removed", "serial", serial.as_str()),
        TokenError::WrongPin { tries: left } => t.with("wrong-pin", "tries", tries(t, *left)),
        TokenError::PinLocked => t.say("pin-locked"),
        TokenError::AdminPin => t.say("admin-pin-refused"),
        TokenError::AdminLocked => t.say("admin-pin-locked"),
        TokenError::PinRefused => t.say("pin-refused"),
        TokenError::NotReady(_) => t.say("token-not-ready"),
        TokenError::NoKey(_) => t.say("token-no-key"),
        TokenError::Full => t.say("token-full"),
        TokenError::Kind(kind) => t.with("token-kind", "kind", kind.name()),
        TokenError::Broken(detail) => t.with("token-broken", "detail", detail.as_str()),
    }
}

/// Why a provisioning stopped.
#[must_use]
pub fn provision(t: Language, error: &ProvisionError) -> String {
    match error {
        ProvisionError::Token(error) => t.with("provision-token", "why", token(t, error)),
        ProvisionError::Operator(error) => t.with("provision-operator", "why", token(t, error)),
        ProvisionError::Ra(error) => ra(t, error),
        ProvisionError::DoesNotFit(detail) => t.with("provision-does-not-fit", "detail", *detail),
        ProvisionError::Certificate(error) => t.with("provision-certificate", "detail", error.to_string()),
        ProvisionError::Envelope(detail) => t.with("provision-envelope", "detail", detail.as_str()),
        ProvisionError::ForeignKey => t.say("provision-foreign-key"),
        ProvisionError::SelfTest(detail) => t.with("provision-self-test", "detail", *detail),
        ProvisionError::Message(detail) => t.with("provision-message", "detail", detail.as_str()),
    }
}

/// Why the registration authority did not do it.
#[must_use]
pub fn ra(t: Language, error: &RaError) -> String {
    match error {
        RaError::Unreachable(_) => t.say("ra-unreachable"),
        RaError::Refused { code, detail } => match code.as_str() {
            "ticket_unknown" => t.say("ra-ticket-unknown"),
            "ticket_expired" => t.say("ra-ticket-expired"),
            "ticket_used" => t.say("ra-ticket-used"),
            "grant_unknown" => t.say("ra-grant-unknown"),
            "grant_expired" => t.say("ra-grant-expired"),
            "grant_used" => t.say("ra-grant-used"),
            "ca_unavailable" => t.say("ra-ca-unavailable"),
            _ => t.with("ra-refused", "detail", format!("{detail} ({code})")),
        },
        RaError::NotUnderstood(detail) => t.with("ra-not-understood", "detail", detail.as_str()),
    }
}
