//! The lists that an issuer publishes, and where each is found.

use serde::{Deserialize, Serialize};

use super::IssuerId;

/// One of the lists of an issuer. In JSON its [word](Self::word).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ListKind {
    /// All its certificates: `{issuer}.crl`.
    #[default]
    Full,
    /// What changed since a full list: `{issuer}-delta.crl`.
    Delta,
    /// The certificates of one shard, from 0: `{issuer}-s{n}.crl`.
    Shard(u16),
}

impl ListKind {
    /// All lists of an issuer: the full one, the delta unless it is a root, and so many shards.
    #[must_use]
    pub fn all(root: bool, shards: u16) -> Vec<Self> {
        let delta = (!root).then_some(Self::Delta);
        [Self::Full].into_iter().chain(delta).chain((0..shards).map(Self::Shard)).collect()
    }

    /// The word in stores: `full`, `delta`, or `s` and the number of the shard.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Full => "full".into(),
            Self::Delta => "delta".into(),
            Self::Shard(shard) => format!("s{shard}"),
        }
    }

    /// Reads a word in its one spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "full" => Some(Self::Full),
            "delta" => Some(Self::Delta),
            _ => {
                let shard = Self::Shard(word.strip_prefix('s')?.parse().ok()?);
                (shard.word() == word).then_some(shard)
            }
        }
    }

    /// The name of its file.
    #[must_use]
    pub fn file(self, issuer: &IssuerId) -> String {
        match self {
            Self::Full => format!("{issuer}.crl"),
            _ => format!("{issuer}-{}.crl", self.word()),
        }
    }

    /// Where relying parties find it: `{base}/crl/{file}`.
    #[must_use]
    pub fn url(self, base: &str, issuer: &IssuerId) -> String {
        format!("{}/crl/{}", base.trim_end_matches('/'), self.file(issuer))
    }

    /// What this list of an issuer says of its own scope. `base`: the number of the full list that a delta goes with.
    #[must_use]
    pub fn scope(self, base_url: &str, issuer: &IssuerId, root: bool, base: u64) -> ListScope {
        let url = |kind: Self| kind.url(base_url, issuer);
        match self {
            Self::Full => ListScope::Full { delta_url: (!root).then(|| url(Self::Delta)) },
            Self::Delta => ListScope::Delta { base },
            Self::Shard(_) => ListScope::Shard { url: url(self) },
        }
    }

    /// Reads the name of a file, in its one spelling. A ceremony makes no issuer whose own name reads like that of
    /// another's delta or shard.
    #[must_use]
    pub fn of_file(name: &str) -> Option<(IssuerId, Self)> {
        let name = name.strip_suffix(".crl")?;
        if let Some((issuer, word)) = name.rsplit_once('-')
            && let Some(kind @ (Self::Delta | Self::Shard(_))) = Self::from_word(word)
        {
            return Some((IssuerId::new(issuer)?, kind));
        }
        Some((IssuerId::new(name)?, Self::Full))
    }
}

impl TryFrom<String> for ListKind {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Self::from_word(&word).ok_or_else(|| format!("{word:?} is no list"))
    }
}

impl From<ListKind> for String {
    fn from(kind: ListKind) -> Self {
        kind.word()
    }
}

/// For which certificates a list speaks, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListScope {
    /// For all of the issuer's.
    Full {
        /// Where its delta is, if there is one.
        delta_url: Option<String>,
    },
    /// For those whose status changed since a full list.
    Delta {
        /// The number of that list.
        base: u64,
    },
    /// For those that name this list as theirs.
    Shard {
        /// The distribution point in these certificates.
        url: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_the_list_it_was_written_for() {
        let issuer = IssuerId::new("unit-sm2").expect("a name");
        for kind in [ListKind::Full, ListKind::Delta, ListKind::Shard(0), ListKind::Shard(255)] {
            assert_eq!(ListKind::of_file(&kind.file(&issuer)), Some((issuer.clone(), kind)));
            assert_eq!(ListKind::from_word(&kind.word()), Some(kind));
        }
        assert_eq!(
            ListKind::Shard(7).url("http://127.0.0.1:8083/", &issuer),
            "http://127.0.0.1:8083/crl/unit-sm2-s7.crl"
        );
    }

    #[test]
    fn no_path_and_no_second_spelling_is_a_name() {
        for name in
            ["../unit.crl", "unit/..crl", "unit.crl.crl", "unit", ".crl", "-delta.crl", "Unit.crl", "unit%2e.crl"]
        {
            assert_eq!(ListKind::of_file(name), None, "{name}");
        }
        let shard = |name| ListKind::of_file(name).is_some_and(|(_, kind)| kind != ListKind::Full);
        for name in ["unit-s07.crl", "unit-s+7.crl", "unit-s65536.crl"] {
            assert!(!shard(name), "{name}");
        }
    }
}
