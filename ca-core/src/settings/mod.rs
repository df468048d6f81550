//! Files that people write: read whole, with every fault told at once.
//!
//! For: the configuration of each program, profiles, ceremony files, opening data. Trusts nothing of a file but that
//! it is the operator's. Never guesses: a key that is not known refuses the file, and the nearest known one is named,
//! so that a typing error cannot silently leave a default in force. Never prints a value that it did not have to.
//!
//! serde stops at the first fault. So the file is read again and again, each time with the last fault taken out of
//! the copy in memory, until nothing more is found; what was read so is thrown away.

mod fault;
mod mend;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use figment::value::Value;
use serde::de::DeserializeOwned;

pub use fault::{Fault, Faults, nearest};

/// What was read of a file.
#[derive(Debug)]
pub struct Reading<T> {
    /// What it says, if all that is wrong with it are keys that nobody knows: then its other values can be checked too.
    pub value: Option<T>,
    /// Everything that is wrong with its form.
    pub faults: Vec<Fault>,
}

impl<T> Reading<T> {
    /// The value of a file without any fault.
    ///
    /// # Errors
    /// [`Faults`]: whoever wrote the file must mend it.
    pub fn whole(self) -> Result<T, Faults> {
        match self.value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(Faults(self.faults)),
        }
    }
}

/// Reads TOML. `file` is how faults call it.
#[must_use]
pub fn from_toml<T: DeserializeOwned>(file: &str, text: &str) -> Reading<T> {
    read(file, &Figment::from(Toml::string(text)))
}

/// Reads what a figment has collected. `file` is how faults call it.
#[must_use]
pub fn read<T: DeserializeOwned>(file: &str, figment: &Figment) -> Reading<T> {
    match figment.extract::<Value>() {
        Ok(value) => mend::read(file, value, figment),
        Err(errors) => {
            let fault = |error: figment::Error| Fault::new(file, "syntax", error.kind.to_string().trim());
            Reading { value: None, faults: errors.into_iter().map(fault).collect() }
        }
    }
}

#[cfg(test)]
mod tests;
