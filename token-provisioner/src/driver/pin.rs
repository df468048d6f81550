//! PINs: secrets that a person types.

use std::fmt;

use rand::{CryptoRng, Rng as _};
use zeroize::Zeroizing;

/// The PIN that a token is handed out with (`domain.md` §1.7). It opens the token, but nothing of
/// consequence is signed before it was changed.
pub const INITIAL_PIN: &str = "123456";

/// Fewest characters of a PIN.
pub const MIN_CHARS: usize = 6;
/// Most characters of a PIN.
pub const MAX_CHARS: usize = 16;

/// How a temporary PIN begins. The PIN itself tells that it must be changed, on whatever computer it is typed: tokens
/// keep no mark that could say so (SoftHSM2 never sets CKF_USER_PIN_TO_BE_CHANGED).
const TEMPORARY_PREFIX: &str = "T-";
/// Digits of a temporary PIN behind the prefix.
const TEMPORARY_DIGITS: usize = 8;

/// A PIN as typed. No Debug, no Display; wiped when dropped.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

/// Why a new PIN is refused, so that a form can say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinRule {
    /// Fewer than [`MIN_CHARS`] or more than [`MAX_CHARS`] characters.
    #[error("a PIN has {MIN_CHARS} to {MAX_CHARS} characters")]
    Length,
    /// Something beside letters, digits and marks of ASCII: another keyboard could not type it.
    #[error("a PIN has only letters, digits and marks of ASCII")]
    Characters,
    /// The PIN of delivery.
    #[error("the new PIN is the initial PIN")]
    Initial,
    /// It has the form of a temporary PIN.
    #[error("the new PIN has the form of a temporary PIN")]
    Temporary,
    /// `111111`, `abcdef`, `987654`.
    #[error("the new PIN is one character repeated, or a run")]
    TooSimple,
    /// The same as before.
    #[error("the new PIN is the old PIN")]
    Unchanged,
    /// The repetition differs.
    #[error("the two new PINs differ")]
    Mismatch,
}

impl Pin {
    /// A PIN as typed, right or wrong; over-long input is cut by the caller's limits.
    #[must_use]
    pub fn typed(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A new PIN that fulfils the rules.
    ///
    /// # Errors
    /// The [`PinRule`] that it breaks; the person must choose another.
    pub fn chosen(new: Self, repeated: &Self, old: &Self) -> Result<Self, PinRule> {
        let new = Self::chosen_anew(new, repeated)?;
        if new.same(old) { Err(PinRule::Unchanged) } else { Ok(new) }
    }

    /// A new PIN that fulfils the rules, where nobody knows the old one.
    ///
    /// # Errors
    /// The [`PinRule`] that it breaks; the person must choose another.
    pub fn chosen_anew(new: Self, repeated: &Self) -> Result<Self, PinRule> {
        let chars: Vec<char> = new.0.chars().collect();
        if !(MIN_CHARS..=MAX_CHARS).contains(&chars.len()) {
            return Err(PinRule::Length);
        }
        if !chars.iter().all(char::is_ascii_graphic) {
            return Err(PinRule::Characters);
        }
        if new.is_initial() {
            return Err(PinRule::Initial);
        }
        if new.is_temporary() {
            return Err(PinRule::Temporary);
        }
        let step = |a: char, b: char| i64::from(u32::from(b)) - i64::from(u32::from(a));
        let first = step(chars[0], chars[1]);
        if first.abs() <= 1 && chars.windows(2).all(|pair| step(pair[0], pair[1]) == first) {
            return Err(PinRule::TooSimple);
        }
        if !new.same(repeated) {
            return Err(PinRule::Mismatch);
        }
        Ok(new)
    }

    /// Whether this is the PIN of delivery.
    #[must_use]
    pub fn is_initial(&self) -> bool {
        self.same(&Self::typed(INITIAL_PIN))
    }

    /// A temporary PIN, for a token that is unblocked while its holder is away.
    #[must_use]
    pub fn temporary(rng: &mut dyn CryptoRng) -> Self {
        let number = rng.random_range(0..10_u32.pow(8));
        Self(Zeroizing::new(format!("{TEMPORARY_PREFIX}{number:0TEMPORARY_DIGITS$}")))
    }

    /// Whether an office set this PIN, so that somebody else than the holder may know it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let digits = self.0.strip_prefix(TEMPORARY_PREFIX);
        digits.is_some_and(|d| d.len() == TEMPORARY_DIGITS && d.bytes().all(|b| b.is_ascii_digit()))
    }

    /// Whether it must be changed before anything of consequence is signed.
    #[must_use]
    pub fn must_change(&self) -> bool {
        self.is_initial() || self.is_temporary()
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Constant-time equality.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// The characters, for the driver alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl<'de> serde::Deserialize<'de> for Pin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(new: &str) -> Result<(), PinRule> {
        Pin::chosen(Pin::typed(new), &Pin::typed(new), &Pin::typed("old-pin-1")).map(|_| ())
    }

    #[test]
    fn each_rule_of_a_new_pin_is_named() {
        assert_eq!(choose("12345"), Err(PinRule::Length));
        assert_eq!(choose("12345678901234567"), Err(PinRule::Length));
        assert_eq!(choose("密码密码密码"), Err(PinRule::Characters));
        assert_eq!(choose("12 3456"), Err(PinRule::Characters));
        assert_eq!(choose("123456"), Err(PinRule::Initial));
        assert_eq!(choose("T-40719362"), Err(PinRule::Temporary));
        assert_eq!(choose("888888"), Err(PinRule::TooSimple));
        assert_eq!(choose("987654"), Err(PinRule::TooSimple));
        assert_eq!(choose("abcdefgh"), Err(PinRule::TooSimple));
        assert_eq!(choose("old-pin-1"), Err(PinRule::Unchanged));
        assert_eq!(choose("246813"), Ok(()));
    }

    #[test]
    fn a_repetition_that_differs_is_refused() {
        let outcome = Pin::chosen(Pin::typed("246813"), &Pin::typed("246814"), &Pin::typed("x"));
        assert_eq!(outcome.map(|_| ()), Err(PinRule::Mismatch));
    }

    #[test]
    fn a_pin_never_prints_itself() {
        assert_eq!(format!("{:?}", Pin::typed("246813")), "Pin(…)");
    }
}
