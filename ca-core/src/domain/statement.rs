//! The other structures that tokens sign, beside orders.

use serde::{Deserialize, Serialize};

use super::canonical::Statement;
use super::{IssuerId, OfficeId, OrderId, Serial, Sha256, Timestamp};

/// Where a login leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginPurpose {
    /// The staff console.
    Staff,
    /// The fund portal.
    Portal,
    /// The units' own site.
    Unit,
}

/// A login challenge: single use, bound to the browser session and the origin, valid for 120 seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The origin that asks, e.g. `https://portal.example`; the agent refuses another.
    pub aud: String,
    /// Where the login leads.
    pub purpose: LoginPurpose,
    /// 32 random bytes, base64url without padding.
    pub nonce: String,
    /// Minted at.
    pub iat: Timestamp,
    /// Refused after.
    pub exp: Timestamp,
}

impl Statement for Login {
    const TAG: &'static str = "yinxin.login.v1";
}

/// Signed by the token beside a login: the certificate assistant will tell the site for as long as the token is plugged in,
/// and prove that it is the same assistant by a secret of its own. No page sees either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// The origin that the login was for.
    pub aud: String,
    /// SHA-256 of the login's canonical bytes.
    pub login: Sha256,
    /// Until when a site may take it: until when the login is good.
    pub exp: Timestamp,
    /// SHA-256 of the assistant's secret.
    pub watch: Sha256,
}

impl Statement for Presence {
    const TAG: &'static str = "yinxin.presence.v1";
}

/// The token operator's word that this key was made on this token for this order. Without it a stolen web
/// server could put its own CSR under an approved order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBinding {
    /// For which order.
    pub order: OrderId,
    /// SHA-256 of the order's canonical bytes.
    pub order_sha256: Sha256,
    /// SHA-256 of the DER SubjectPublicKeyInfo of the new key.
    pub spki_sha256: Sha256,
    /// Serial number of the token, as the module tells it.
    pub token: String,
}

impl Statement for KeyBinding {
    const TAG: &'static str = "yinxin.key-binding.v1";
}

/// Signed by the new key itself after the certificate was written to the token and read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// The order that made the certificate.
    pub order: OrderId,
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// SHA-256 of the DER certificate that was read back.
    pub certificate_sha256: Sha256,
}

impl Statement for Install {
    const TAG: &'static str = "yinxin.install.v1";
}

/// The word of two KMC officers that an escrowed encryption key may be wrapped once more, to a new signature key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// Acted on once: the same statement again gives the same key to the same recipient.
    pub id: OrderId,
    /// The office that asks.
    pub office: OfficeId,
    /// When it was written; the centre refuses what is too old or from the future.
    pub created: Timestamp,
    /// Who issued the encryption certificate whose key is wanted.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// SHA-256 of the new signature certificate.
    pub recipient_sha256: Sha256,
    /// Why, as the officers read it: a lost token, an order of a court.
    pub why: String,
}

impl Statement for Recovery {
    const TAG: &'static str = "yinxin.recovery.v1";
}

/// Where a locked token is unblocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlockWay {
    /// At the office's counter, the handler being there.
    Counter,
    /// On the unit's own computer, the handler having proved who they are by letter or telephone.
    Remote,
}

impl UnlockWay {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Counter, Self::Remote];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Remote => "remote",
        }
    }
}

/// The word of two officers that a locked PIN may be unblocked (`domain.md` §3.8): of this token, which has this
/// certificate, and of no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// Acted on once.
    pub id: OrderId,
    /// The office that unblocks.
    pub office: OfficeId,
    /// When it was written.
    pub created: Timestamp,
    /// Serial number of the token, as its module tells it.
    pub token: String,
    /// SHA-256 of the signature certificate on it.
    pub certificate_sha256: Sha256,
    /// Whom that certificate names.
    pub holder: String,
    /// Where it happens.
    pub way: UnlockWay,
    /// How the officers know that it is the holder who asks.
    pub checked: String,
}

impl Statement for Unlock {
    const TAG: &'static str = "yinxin.unlock.v1";
}

/// A token's own word that its PIN was changed, signed by a key that the new PIN opens. No page could prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinChange {
    /// Serial number of the token, as its module tells it.
    pub token: String,
    /// SHA-256 of the certificate whose key signs.
    pub certificate_sha256: Sha256,
    /// When, by the clock of that computer.
    pub changed: Timestamp,
}

impl Statement for PinChange {
    const TAG: &'static str = "yinxin.pin-change.v1";
}

/// The word of the officer who takes a case out of the house: what its archive holds, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Number of the case.
    pub case: String,
    /// The office that took it in.
    pub office: OfficeId,
    /// The unit's name.
    pub unit: String,
    /// The unit's code.
    pub uscc: String,
    /// When the files were put together.
    pub created: Timestamp,
    /// How many files there are.
    pub files: u32,
    /// SHA-256 of the list of their paths and hashes.
    pub manifest_sha256: Sha256,
    /// Whether the handler's resident number stands in it in full.
    pub resident_number: bool,
}

impl Statement for Archive {
    const TAG: &'static str = "yinxin.archive.v1";
}
