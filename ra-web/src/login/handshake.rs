//! A certificate whose key was used in a TLS handshake, by the word of a proxy that knows our secret.
//!
//! The proxy ends TLS: what it says of the handshake is believed as the configuration is. Whether the certificate is of an
//! authority of ours, good at this moment and somebody's, the door asks itself.

use std::path::Path;

use anyhow::Context as _;
use openssl::sha::sha256;
use openssl::x509::X509;

use super::Refusal;

/// A secret has so many characters at least.
const LEAST: usize = 32;
/// The longest escaped certificate.
const MAX_TEXT: usize = 16 * 1024;

/// What a proxy proves itself by: the hash of its secret. No Debug.
pub struct ProxySecret([u8; 32]);

impl ProxySecret {
    /// Reads the secret's file.
    ///
    /// # Errors
    /// When it cannot be read or is too short.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).context("the proxy's secret")?);
        let text = text.trim();
        anyhow::ensure!(text.len() >= LEAST, "the proxy's secret has at least {LEAST} characters");
        Ok(Self(sha256(text.as_bytes())))
    }

    /// Whether this is it; takes the same time whatever it is.
    #[must_use]
    pub fn is(&self, said: &[u8]) -> bool {
        openssl::memcmp::eq(&self.0, &sha256(said))
    }
}

/// Proof: our proxy says that the key of this certificate was used in a handshake for this very request.
#[derive(Debug)]
pub struct Handshake {
    certificate: Vec<u8>,
}

impl Handshake {
    /// What the proxy says: the certificate as PEM, escaped as in addresses (`$ssl_client_escaped_cert` of nginx); empty when
    /// the browser offered none. Not found (`None`) when it is not the proxy that says it.
    ///
    /// # Errors
    /// [`Refusal::NoCertificate`] or [`Refusal::Malformed`].
    pub fn told(secret: &ProxySecret, said: &[u8], escaped: &str) -> Option<Result<Self, Refusal>> {
        if !secret.is(said) {
            return None;
        }
        if escaped.is_empty() {
            return Some(Err(Refusal::NoCertificate));
        }
        let pem = unescaped(escaped).filter(|_| escaped.len() <= MAX_TEXT);
        let certificate = pem.and_then(|pem| X509::from_pem(&pem).ok()?.to_der().ok());
        Some(certificate.map(|certificate| Self { certificate }).ok_or(Refusal::Malformed))
    }

    /// DER.
    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut found) = (text.bytes(), Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        found.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?
            }
            other => other,
        });
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_secret_is_heard_and_nothing_that_is_no_certificate_is_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        let secret = "0123456789abcdef0123456789abcdef";
        std::fs::write(&file, "short\n").expect("written");
        assert!(ProxySecret::read(&file).is_err());
        std::fs::write(&file, format!("{secret}\n")).expect("written");
        let known = ProxySecret::read(&file).expect("a secret");
        for said in ["", "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef\n"] {
            assert!(Handshake::told(&known, said.as_bytes(), "").is_none(), "{said}");
        }
        let told = |text: &str| Handshake::told(&known, secret.as_bytes(), text).expect("heard").err();
        assert_eq!(told(""), Some(Refusal::NoCertificate));
        for wrong in ["%", "%4", "%zz", "-----BEGIN%20CERTIFICATE-----%0A", "abc", &"a".repeat(20_000)] {
            assert_eq!(told(wrong), Some(Refusal::Malformed), "{wrong}");
        }
        assert_eq!(unescaped("a%20b%2B").as_deref(), Some(&b"a b+"[..]));
    }
}
