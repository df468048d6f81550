//! Challenges: what the token signs to show that it is there, now, for this site and this browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_core::domain::{Login, LoginPurpose, Sha256, Timestamp, encode};
use rand::{CryptoRng, RngCore};

/// How long a challenge can be answered, in seconds.
pub const LIFETIME_SECONDS: i64 = 120;

/// Where people log in: one listener of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The origin as browsers write it, e.g. `https://portal.example`, without a slash at the end.
    pub origin: String,
    /// Where the login leads.
    pub purpose: LoginPurpose,
}

/// A browser's session before and during login, told apart by the hash of its secret id, so that the
/// database never holds the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrowserSession(Sha256);

impl BrowserSession {
    /// The session whose cookie or store key is `secret_id`.
    #[must_use]
    pub fn of(secret_id: &str) -> Self {
        Self(sha256(secret_id.as_bytes()))
    }

    /// The hash.
    #[must_use]
    pub const fn hash(&self) -> Sha256 {
        self.0
    }
}

/// A fresh challenge, to be stored before it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    statement: Vec<u8>,
    expires: Timestamp,
}

impl Challenge {
    /// Draws a challenge for a site.
    pub fn draw<R: RngCore + CryptoRng + ?Sized>(site: &Site, now: Timestamp, rng: &mut R) -> Self {
        let mut nonce = [0_u8; 32];
        rng.fill_bytes(&mut nonce);
        let expires = now.plus(LIFETIME_SECONDS);
        let login = Login {
            aud: site.origin.clone(),
            purpose: site.purpose,
            nonce: URL_SAFE_NO_PAD.encode(nonce),
            iat: now,
            exp: expires,
        };
        Self { statement: encode(&login), expires }
    }

    /// The canonical bytes that the token signs.
    #[must_use]
    pub fn statement(&self) -> &[u8] {
        &self.statement
    }

    /// The statement as forms and the assistant carry it: base64url without padding.
    #[must_use]
    pub fn statement_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.statement)
    }

    /// When it can no longer be answered.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The name under which it is stored.
    #[must_use]
    pub fn id(&self) -> Sha256 {
        sha256(&self.statement)
    }
}

/// SHA-256 of some bytes.
pub(super) fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(openssl::sha::sha256(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ca_core::clock::system_rng;
    use ca_core::domain::decode;

    #[test]
    fn a_challenge_names_its_site_and_its_end_and_is_never_the_same() {
        let site = Site { origin: "https://portal.example".into(), purpose: LoginPurpose::Portal };
        let now = Timestamp::from_unix(1_800_000_000);
        let mut rng = system_rng();
        let (one, two) = (Challenge::draw(&site, now, &mut rng), Challenge::draw(&site, now, &mut rng));
        assert_ne!(one.id(), two.id());
        let login: Login = decode(one.statement()).expect("canonical");
        assert_eq!((login.aud.as_str(), login.exp), ("https://portal.example", now.plus(120)));
    }
}
