//! Who may ask, and how often. A caller's key is 32 random octets; the file holds its SHA-256, which is enough to tell it
//! and too little to guess it from.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::{IssuerId, Sha256};
use ca_core::durable;
use ca_core::settings::{self, Fault, Faults};
use rand::RngCore as _;
use rand_chacha::ChaCha20Rng;
use serde::Deserialize;
use zeroize::Zeroizing;

/// By what a key is known when it is found where it should not be.
const PREFIX: &str = "yxv_";

/// One who may ask.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    /// Its name, which goes into its records.
    pub(super) name: String,
    /// SHA-256 of its key.
    pub(super) key_sha256: Sha256,
    /// How many questions it may ask a minute.
    pub(super) per_minute: u32,
    /// Whose certificates it takes; without this, those of all CAs.
    #[serde(default)]
    pub(super) issuers: Option<Vec<IssuerId>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallersFile {
    #[serde(default, rename = "caller")]
    callers: Vec<Caller>,
}

/// Why a caller cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The file as it is.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// There is one of this name.
    #[error("there is a caller {0} already")]
    Taken(String),
    /// The file.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

fn read(path: &Path, text: &str) -> Result<Vec<Caller>, Faults> {
    let file = path.display().to_string();
    let callers = settings::from_toml::<CallersFile>(&file, text).whole()?.callers;
    let mut faults = Vec::new();
    for (at, caller) in callers.iter().enumerate() {
        let name = &caller.name;
        if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
            faults.push(Fault::new(&file, "name", format!("{name:?}: a name has 1 to 64 octets, on one line")));
        }
        if !(1..=1_000_000).contains(&caller.per_minute) {
            faults.push(Fault::new(&file, "value", format!("{name}: per_minute must be 1 to 1000000")));
        }
        if callers[..at].iter().any(|other| other.name == *name || other.key_sha256 == caller.key_sha256) {
            faults.push(Fault::new(&file, "twice", format!("{name} stands there twice, or its key does")));
        }
    }
    Faults::none(faults).map(|()| callers)
}

/// Adds a caller to the file, which need not be there, and answers its new key: to be shown once.
///
/// # Errors
/// [`CallerError`]; then the file is as it was.
pub fn add(path: &Path, name: &str, per_minute: u32, rng: &mut ChaCha20Rng) -> Result<Zeroizing<String>, CallerError> {
    let mut text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    if read(path, &text)?.iter().any(|caller| caller.name == name) {
        return Err(CallerError::Taken(name.to_owned()));
    }
    let mut octets = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *octets);
    let key = Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*octets)));
    let sha256 = Sha256(openssl::sha::sha256(key.as_bytes()));
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    write!(text, "[[caller]]\nname = {name:?}\nkey_sha256 = \"{sha256}\"\nper_minute = {per_minute}\n")
        .map_err(std::io::Error::other)?;
    read(path, &text)?;
    durable::replace(path, text.as_bytes(), durable::PRIVATE)?;
    Ok(key)
}

/// Those who may ask, each with what it has left.
pub(super) struct Callers(Vec<(Caller, Meter)>);

impl Callers {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Faults`]; the operator must mend them.
    pub(super) fn load(path: &Path) -> Result<Self, Faults> {
        let unreadable = |error: std::io::Error| {
            Faults(vec![Fault::new(&path.display().to_string(), "unreadable", error.to_string())])
        };
        let callers = read(path, &std::fs::read_to_string(path).map_err(unreadable)?)?;
        Ok(Self(
            callers.into_iter().map(|caller| (Meter::new(caller.per_minute), caller)).map(|(m, c)| (c, m)).collect(),
        ))
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(caller, _)| caller.name.as_str())
    }

    /// Whose key this is.
    pub(super) fn find(&self, key: &str) -> Option<(&Caller, &Meter)> {
        let sha256 = openssl::sha::sha256(key.as_bytes());
        let own = |(caller, _): &&(Caller, Meter)| openssl::memcmp::eq(&caller.key_sha256.0, &sha256);
        self.0.iter().find(own).map(|(caller, meter)| (caller, meter))
    }
}

/// So many a minute, evenly; after a pause a sixth of a minute's at once.
pub(super) struct Meter {
    each: Duration,
    burst: Duration,
    /// When all that was used is paid for.
    paid: Mutex<Option<Instant>>,
}

impl Meter {
    pub(super) fn new(per_minute: u32) -> Self {
        let each = Duration::from_secs(60) / per_minute.max(1);
        Self { each, burst: Duration::from_secs(10).max(each), paid: Mutex::new(None) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait for the next.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let until = paid.map_or(now, |paid| paid.max(now)) + self.each;
        let ahead = until.saturating_duration_since(now);
        if ahead > self.burst {
            return Err(ahead - self.burst);
        }
        *paid = Some(until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ca_core::clock::system_rng;

    use super::*;

    #[test]
    fn a_key_opens_and_stands_in_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("callers.toml");
        let key = add(&file, "fund-portal", 60, &mut system_rng()).expect("added");
        let other = add(&file, "tax", 60, &mut system_rng()).expect("added");
        let text = std::fs::read_to_string(&file).expect("there");
        assert!(!text.contains(&key[PREFIX.len()..]) && !text.contains(&other[PREFIX.len()..]));
        let callers = Callers::load(&file).expect("good");
        assert_eq!(callers.find(&key).expect("known").0.name, "fund-portal");
        assert_eq!(callers.find(&other).expect("known").0.name, "tax");
        assert!(callers.find("yxv_").is_none() && callers.find("").is_none());
        assert!(matches!(add(&file, "tax", 60, &mut system_rng()), Err(CallerError::Taken(_))));
        assert_eq!(std::fs::read_to_string(&file).expect("there"), text, "nothing was changed");
    }

    #[test]
    fn a_name_that_would_break_the_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("callers.toml");
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(matches!(add(&file, name, 60, &mut system_rng()), Err(CallerError::Faults(_))), "{name:?}");
        }
        assert!(add(&file, "a\"]\\", 60, &mut system_rng()).is_ok());
        assert!(!file.exists() || Callers::load(&file).is_ok());
    }

    #[test]
    fn a_caller_gets_what_it_has_and_then_waits() {
        let (meter, start) = (Meter::new(60), Instant::now());
        for n in 0..10 {
            assert!(meter.take(start).is_ok(), "{n}");
        }
        assert_eq!(meter.take(start), Err(Duration::from_secs(1)));
        assert_eq!(meter.take(start + Duration::from_millis(1500)), Ok(()));
        assert!(meter.take(start + Duration::from_millis(1500)).is_err());
        let rare = Meter::new(1);
        assert!(rare.take(start).is_ok());
        assert_eq!(rare.take(start), Err(Duration::from_secs(60)));
    }
}
