//! Kinds of keys, and the id that goes into every SM2 signature.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of key that may stand in our certificates or sign them; orders, profiles, configuration and sealed
/// files name it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    #[serde(rename = "P-256")]
    P256,
    /// ECDSA on NIST P-384.
    #[serde(rename = "P-384")]
    P384,
    /// RSA of 2048 bits.
    #[serde(rename = "RSA-2048")]
    Rsa2048,
    /// RSA of 3072 bits.
    #[serde(rename = "RSA-3072")]
    Rsa3072,
    /// RSA of 4096 bits.
    #[serde(rename = "RSA-4096")]
    Rsa4096,
    /// SM2 (GM/T 0003), which signs with SM3.
    #[serde(rename = "SM2")]
    Sm2,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::P256, Self::P384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::Sm2];

    /// The name, e.g. `P-256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::Sm2 => "SM2",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("{text:?} is no kind of key: one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// The signer's id that SM2 hashes before the message (GM/T 0009 §10). Requests, statements and tokens use
/// [`Self::STANDARD`]; what a CA's key signs uses the id that its ceremony set. An id of the wrong CA makes
/// a signature that does not verify, no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sm2Id(Cow<'static, str>);

impl Sm2Id {
    /// `1234567812345678`, which GM/T 0009 §10 gives where nothing else is agreed.
    pub const STANDARD: Self = Self(Cow::Borrowed("1234567812345678"));
    /// No id at all: what OpenSSL hashes unless it is told otherwise.
    pub const EMPTY: Self = Self(Cow::Borrowed(""));
    /// The longest id we take, in octets. The standard's own limit is 8,191.
    pub const MAX_BYTES: usize = 128;

    /// The id's octets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Sm2Id {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl fmt::Display for Sm2Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sm2Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= Self::MAX_BYTES && text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(format!("an SM2 id has at most {} printable ASCII characters", Self::MAX_BYTES))
        }
    }
}

impl TryFrom<String> for Sm2Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Sm2Id> for String {
    fn from(id: Sm2Id) -> Self {
        id.0.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_one_name_everywhere() {
        for kind in KeyKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("{:?}", kind.name()));
        }
        assert!("sm2".parse::<KeyKind>().is_err());
    }

    #[test]
    fn an_sm2_id_is_short_and_printable() {
        assert_eq!("1234567812345678".parse(), Ok(Sm2Id::STANDARD));
        assert_eq!("".parse(), Ok(Sm2Id::EMPTY));
        for wrong in ["印信", "a\n", &"x".repeat(129)] {
            assert!(wrong.parse::<Sm2Id>().is_err(), "{wrong:?}");
        }
    }
}
