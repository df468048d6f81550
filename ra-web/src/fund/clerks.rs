//! Clerks of the fund, who speak through the operator's commands. Where money leaves the fund there are two of them.
//!
//! Trusts the operating system to let only clerks run the commands, and them to give their own names: what is said here goes into
//! the audit under the name, and a name with other blanks or letters of another width is the same name.

use unicode_normalization::UnicodeNormalization as _;

/// Why a clerk's word does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClerkFault {
    /// Nobody to account for it.
    #[error("a clerk's name has 2 to 40 letters")]
    Name,
    /// Whoever asked for something does not confirm it.
    #[error("another clerk must do this than the one who asked for it")]
    SameClerk,
}

/// A clerk as the audit names them.
///
/// # Errors
/// [`ClerkFault::Name`].
pub(super) fn named(clerk: &str) -> Result<String, ClerkFault> {
    let clerk = clerk.trim();
    let good = (2..=40).contains(&clerk.chars().count()) && !clerk.chars().any(char::is_control);
    if good { Ok(format!("clerk:{clerk}")) } else { Err(ClerkFault::Name) }
}

/// Looks whether two are two.
///
/// # Errors
/// [`ClerkFault::SameClerk`].
pub(super) fn another(asked_by: &str, confirms: &str) -> Result<(), ClerkFault> {
    let folded =
        |name: &str| name.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    if folded(asked_by) == folded(confirms) { Err(ClerkFault::SameClerk) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_clerk_under_another_spelling_is_one_clerk() {
        assert_eq!(named("李"), Err(ClerkFault::Name));
        assert_eq!(named("李\u{7}会计"), Err(ClerkFault::Name));
        let one = named(" 李会计 ").expect("a name");
        assert_eq!(one, "clerk:李会计");
        for same in ["李会计", "李 会计", "李·会计"] {
            assert_eq!(another(&one, &named(same).expect("a name")), Err(ClerkFault::SameClerk), "{same}");
        }
        assert_eq!(another("clerk:ｌｉ", "clerk:LI"), Err(ClerkFault::SameClerk));
        assert_eq!(another(&one, "clerk:王出纳"), Ok(()));
    }
}
