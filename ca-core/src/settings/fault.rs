//! What is wrong with a file.

/// A fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what} [{name}]")]
pub struct Fault {
    /// In which file.
    pub file: String,
    /// The name of this sort of fault, which stays.
    pub name: &'static str,
    /// What is wrong, in words for the operator; begins with the key.
    pub what: String,
}

impl Fault {
    /// A fault.
    #[must_use]
    pub fn new(file: &str, name: &'static str, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), name, what: what.into() }
    }
}

/// All faults. The operator must mend them; nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} fault(s):{}", .0.len(), .0.iter().map(|fault| format!("\n  {fault}")).collect::<String>())]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Nothing, or an error with all of them.
    ///
    /// # Errors
    /// If there are any.
    pub fn none(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }
}

/// The known word that a word was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |other: &&&str| strsim::damerau_levenshtein(&word.to_ascii_lowercase(), other);
    known.iter().min_by_key(distance).copied()
}
