//! Orders: what officers sign and the CA obeys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::canonical::Statement;
use super::key::KeyKind;
use super::officer::{OfficeId, Officer, Role, short_name};
use super::status::RevocationReason;
use super::{Serial, Subject, Timestamp};

/// The ULID of an order. The CA acts on an id once: the same id again gives the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(ulid::Ulid);

impl OrderId {
    /// A new id from the moment and chance.
    pub fn draw<R: rand::RngCore + ?Sized>(now: Timestamp, rng: &mut R) -> Self {
        let milliseconds = u64::try_from(now.unix()).unwrap_or(0) * 1000;
        let chance = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        Self(ulid::Ulid::from_parts(milliseconds, chance))
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for OrderId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = ulid::Ulid::from_string(text).map_err(|e| format!("{text:?} is not an order id: {e}"))?;
        if id.to_string() == text { Ok(Self(id)) } else { Err(format!("{text:?} is not a canonical order id")) }
    }
}

impl Serialize for OrderId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

short_name! {
    /// Names an issuing CA, e.g. `unit-p256`; also the file name of its certificate and CRL.
    IssuerId
}

short_name! {
    /// Names a certificate profile, e.g. `unit`.
    ProfileName
}

/// SHA-256 of something, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|e| format!("not a SHA-256: {e}"))?;
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            Err("SHA-256 in lower case".into())
        } else {
            Ok(Self(digest))
        }
    }
}

impl Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An order to the CA. Its canonical bytes ([`super::encode`]) are what officers sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Acted on once.
    pub id: OrderId,
    /// The office that gives the order; its officers sign.
    pub office: OfficeId,
    /// When it was written; the CA refuses orders that are too old or from the future.
    pub created: Timestamp,
    /// SHA-256 of each document that was examined, in the order of the application.
    pub evidence: Vec<Sha256>,
    /// What is to be done.
    pub act: Act,
}

impl Statement for Order {
    const TAG: &'static str = "yinxin.order.v1";
}

impl Order {
    /// The certificate that is renewed, if the order is one that its holder may give alone: not an officer's.
    #[must_use]
    pub const fn holders_renewal(&self) -> Option<&Replaces> {
        match &self.act {
            Act::Issue { officer: None, replaces: Some(replaces), .. }
                if matches!(replaces.ground, Ground::Renewal) =>
            {
                Some(replaces)
            }
            _ => None,
        }
    }

    /// The certificate that is frozen or revoked, if the order is one that its holder may give alone: at once, and for a
    /// reason that is a holder's to say.
    #[must_use]
    pub const fn holders_end(&self) -> Option<(&IssuerId, &Serial)> {
        match &self.act {
            Act::Hold { issuer, serial } => Some((issuer, serial)),
            Act::Revoke { issuer, serial, reason, invalid_since: None } if reason.is_a_holders() => {
                Some((issuer, serial))
            }
            _ => None,
        }
    }
}

/// What an order asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Issue a certificate. The key is bound to the order by a [`super::KeyBinding`].
    Issue {
        /// By which issuing CA.
        issuer: IssuerId,
        /// After which profile.
        profile: ProfileName,
        /// Whom it names.
        subject: Subject,
        /// For how many years.
        years: u8,
        /// The key that the token makes.
        key: KeyKind,
        /// For profile `staff`: the officer to enter into the registry with this certificate.
        officer: Option<Officer>,
        /// The certificate whose place it takes, if it takes one's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<Replaces>,
    },
    /// Revoke for good.
    Revoke {
        /// Who issued it.
        issuer: IssuerId,
        /// Which.
        serial: Serial,
        /// Why.
        reason: RevocationReason,
        /// For a compromised key: since when it can no longer be believed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invalid_since: Option<Timestamp>,
    },
    /// Freeze at once. One officer is enough.
    Hold {
        /// Who issued it.
        issuer: IssuerId,
        /// Which.
        serial: Serial,
    },
    /// End a hold.
    Release {
        /// Who issued it.
        issuer: IssuerId,
        /// Which.
        serial: Serial,
    },
    /// Say of a revoked certificate that its key was compromised: the reason becomes `key_compromise`, the moment of
    /// the revocation stays.
    Amend {
        /// Who issued it.
        issuer: IssuerId,
        /// Which.
        serial: Serial,
    },
}

/// The certificate whose place a new one takes (`domain.md` §3.3 to §3.7): of the same holder and profile, and the
/// only one to take it. It goes when the new one is on its token; one that is revoked or over by then stays so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaces {
    /// Who issued the old one.
    pub issuer: IssuerId,
    /// Its serial number; of a pair, the signature certificate's.
    pub serial: Serial,
    /// Why; this decides who must sign, how long the new one lives, and what the old one is revoked for.
    pub ground: Ground,
}

/// Why a certificate takes another one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The order's years from the old one's end, or from today when that is past (§3.5, §3.6).
    Renewal,
    /// The token is lost: a new one for the rest of the term (§3.3).
    Loss,
    /// The token is faulty: a new one for the rest of the term (§3.4).
    Exchange,
    /// The unit's name or code changed: a new certificate for the rest of the term (§3.7). No other ground may change
    /// the subject.
    Change,
}

impl Ground {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Renewal, Self::Loss, Self::Exchange, Self::Change];

    /// The word in statements and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Renewal => "renewal",
            Self::Loss => "loss",
            Self::Exchange => "exchange",
            Self::Change => "change",
        }
    }

    /// Whether the new certificate ends when the old one would have; then the order has no years of its own.
    #[must_use]
    pub const fn keeps_the_term(self) -> bool {
        !matches!(self, Self::Renewal)
    }

    /// What the old certificate is revoked for.
    #[must_use]
    pub const fn reason(self) -> RevocationReason {
        match self {
            Self::Renewal | Self::Exchange => RevocationReason::Superseded,
            Self::Loss => RevocationReason::KeyCompromise,
            Self::Change => RevocationReason::AffiliationChanged,
        }
    }
}

/// The place of one signature on an order: the roles of which its signer must have one.
pub type Seat = &'static [Role];

impl Act {
    /// Who must sign, in this order, each a different officer (`domain.md` §3.10; design §1 truth 1). A renewal of the
    /// same subject needs none of them when the holder signs, with the key of the certificate that is renewed.
    ///
    /// `concerns_staff` says that the certificate is, or is to be, an officer's own.
    #[must_use]
    pub const fn seats(&self, concerns_staff: bool) -> &'static [Seat] {
        const ENTRY: Seat = &[Role::RaEntry];
        const REVIEW: Seat = &[Role::RaReviewer];
        const DESK: Seat = &[Role::RaEntry, Role::RaSupervisor];
        const ANYONE: Seat =
            &[Role::RaEntry, Role::RaReviewer, Role::RaSupervisor, Role::TokenOperator, Role::LossDesk];
        const ADMIN: Seat = &[Role::Administrator];
        const OPERATOR: Seat = &[Role::TokenOperator];
        const SUPERVISOR: Seat = &[Role::RaSupervisor];
        match (self, concerns_staff) {
            (Self::Hold { .. }, false) => &[ANYONE],
            (Self::Hold { .. }, true) => &[ADMIN],
            (_, true) => &[ADMIN, ADMIN],
            (Self::Issue { replaces: Some(Replaces { ground: Ground::Exchange, .. }), .. }, false) => {
                &[OPERATOR, SUPERVISOR]
            }
            (Self::Issue { .. }, false) => &[ENTRY, REVIEW],
            (Self::Revoke { .. } | Self::Release { .. } | Self::Amend { .. }, false) => &[DESK, REVIEW],
        }
    }

    /// The certificate whose status it is about; `None` for an issue.
    #[must_use]
    pub const fn certificate(&self) -> Option<(&IssuerId, &Serial)> {
        match self {
            Self::Issue { .. } => None,
            Self::Revoke { issuer, serial, .. }
            | Self::Hold { issuer, serial }
            | Self::Release { issuer, serial }
            | Self::Amend { issuer, serial } => Some((issuer, serial)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{decode, encode};

    fn hold() -> Order {
        Order {
            id: "01KAS6V8X3N5T9ZQ4W2R7YB1CD".parse().expect("an id"),
            office: OfficeId::new("demo-office").expect("a name"),
            created: Timestamp::from_unix(1_795_464_000),
            evidence: vec![Sha256([7; 32])],
            act: Act::Hold {
                issuer: IssuerId::new("unit-p256").expect("a name"),
                serial: "4a01".parse().expect("a serial"),
            },
        }
    }

    #[test]
    fn an_order_reads_back_from_the_bytes_that_officers_sign() {
        assert_eq!(decode::<Order>(&encode(&hold())), Ok(hold()));
    }

    #[test]
    fn an_order_with_a_field_that_nobody_was_shown_is_refused() {
        let bytes = encode(&hold());
        let text = String::from_utf8(bytes).expect("JSON is UTF-8");
        for (from, to) in [(r#""act":"hold","#, r#""act":"hold","aside":1,"#), (r#""id":"#, r#""hidden":1,"id":"#)] {
            assert!(decode::<Order>(text.replace(from, to).as_bytes()).is_err(), "{from}");
        }
    }

    #[test]
    fn every_act_but_a_hold_needs_two_officers() {
        let act = |json: &str| serde_json::from_str::<Act>(json).expect("an act");
        let acts = [
            act(r#"{"act":"revoke","issuer":"a","serial":"01","reason":"key_compromise"}"#),
            act(r#"{"act":"release","issuer":"a","serial":"01"}"#),
            act(r#"{"act":"amend","issuer":"a","serial":"01"}"#),
        ];
        for act in acts {
            for concerns_staff in [false, true] {
                assert_eq!(act.seats(concerns_staff).len(), 2, "{act:?}");
            }
        }
        assert_eq!(hold().act.seats(false).len(), 1);
        assert_eq!(hold().act.seats(true), [&[Role::Administrator]]);
    }

    #[test]
    fn no_seat_is_open_to_an_auditor() {
        let act = hold().act;
        for concerns_staff in [false, true] {
            assert!(act.seats(concerns_staff).iter().all(|seat| !seat.contains(&Role::Auditor)));
        }
    }

    #[test]
    fn an_id_in_another_spelling_is_refused() {
        assert!("01kas6v8x3n5t9zq4w2r7yb1cd".parse::<OrderId>().is_err());
        assert!("01KAS6V8X3N5T9ZQ4W2R7YB1C".parse::<OrderId>().is_err());
    }
}
