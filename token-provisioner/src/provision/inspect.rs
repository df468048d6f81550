//! What is on the tokens of this computer, seen without a PIN.

use ca_core::domain::Timestamp;

use crate::certificate::{Facts, Holder};
use crate::driver::{Drivers, KeyId, TokenInfo};

/// A certificate on a token.
#[derive(Clone, Debug)]
pub struct OnToken {
    /// The token.
    pub token: TokenInfo,
    /// CKA_ID of the certificate: its key's.
    pub key: KeyId,
    /// What the certificate says.
    pub facts: Facts,
}

/// A token and the certificates on it that can be used here.
#[derive(Clone, Debug)]
pub struct TokenView {
    /// The token.
    pub token: TokenInfo,
    /// Its certificates, the one that lasts longest first.
    pub certificates: Vec<OnToken>,
}

/// All tokens that are ready.
#[must_use]
pub fn tokens(drivers: &Drivers) -> Vec<TokenView> {
    let views = drivers.held().into_iter().map(|held| {
        let readable = held.certificates.iter().filter_map(|stored| {
            let facts = Facts::read(&stored.der).ok()?;
            Some(OnToken { token: held.token.clone(), key: stored.id.clone(), facts })
        });
        let mut certificates: Vec<OnToken> = readable.collect();
        certificates.sort_by_key(|on| std::cmp::Reverse(on.facts.validity.not_after));
        TokenView { token: held.token, certificates }
    });
    views.collect()
}

/// The certificates that can sign now for such a holder, the one that lasts longest first. Encryption certificates
/// are not among them.
#[must_use]
pub fn fitting(drivers: &Drivers, want: Option<Holder>, now: Timestamp) -> Vec<OnToken> {
    signing(drivers, want, |facts| facts.validity.contains(now))
}

/// The certificates of such a holder that sign and that `may`, the one that lasts longest first.
#[must_use]
pub fn signing(drivers: &Drivers, want: Option<Holder>, may: impl Fn(&Facts) -> bool) -> Vec<OnToken> {
    let mut certificates: Vec<OnToken> = tokens(drivers).into_iter().flat_map(|view| view.certificates).collect();
    certificates.retain(|on| on.facts.signs && want.is_none_or(|want| on.facts.fits(want)) && may(&on.facts));
    certificates.sort_by_key(|on| std::cmp::Reverse(on.facts.validity.not_after));
    certificates
}
