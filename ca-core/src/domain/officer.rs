//! Officers: the people whose tokens give orders.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A duty of the registration office (`domain.md` §3); duties that exclude each other are checked per order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes in applications (录入).
    RaEntry,
    /// Reviews and approves what another took in (审核).
    RaReviewer,
    /// Makes certificates onto tokens (制证).
    TokenOperator,
    /// Answers for an office (主管).
    RaSupervisor,
    /// Handles money (财务).
    Finance,
    /// Recovers encryption keys, with a second one (密管员).
    KmcOfficer,
    /// Reads everything, changes nothing (审计员).
    Auditor,
    /// Keeps the registry of officers, with a second one (管理员).
    Administrator,
    /// Freezes certificates that are reported lost, at any hour (挂失专岗): no person but the office's server, whose key can
    /// give this one order.
    LossDesk,
}

impl Role {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 9] = [
        Self::RaEntry,
        Self::RaReviewer,
        Self::TokenOperator,
        Self::RaSupervisor,
        Self::Finance,
        Self::KmcOfficer,
        Self::Auditor,
        Self::Administrator,
        Self::LossDesk,
    ];

    /// Those that a person may have.
    pub const PERSONS: &'static [Self] = Self::ALL.split_at(8).0;

    /// The word in files, statements and message keys, e.g. `ra_entry`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RaEntry => "ra_entry",
            Self::RaReviewer => "ra_reviewer",
            Self::TokenOperator => "token_operator",
            Self::RaSupervisor => "ra_supervisor",
            Self::Finance => "finance",
            Self::KmcOfficer => "kmc_officer",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
            Self::LossDesk => "loss_desk",
        }
    }

    /// The role with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

macro_rules! short_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name, if it is 1 to 40 of `a-z 0-9 -`.
            #[must_use]
            pub fn new(text: &str) -> Option<Self> {
                let good = (1..=40).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                good.then(|| Self(text.to_owned()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                Self::new(&text).ok_or_else(|| format!("{text:?} is not 1 to 40 of a-z, 0-9 and -"))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
pub(crate) use short_name;

short_name! {
    /// Names an officer for ever, whatever tokens they hold.
    OfficerId
}

short_name! {
    /// Names an office (受理点), a tenant of the registration authority.
    OfficeId
}

/// An officer as the CA's own registry knows them. The registry stands in the CA's database; nothing that
/// the web says can change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// Who.
    pub id: OfficerId,
    /// Their name, for people.
    pub name: String,
    /// Where they work.
    pub office: OfficeId,
    /// What they may do.
    pub roles: Vec<Role>,
}

impl Officer {
    /// Whether the officer has one of these roles.
    #[must_use]
    pub fn has_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
