//! DKIM (RFC 6376): the domain signs what leaves, so that other mail servers can tell it from what others send in its name.
//! RSA with SHA-256, relaxed canonicalisation of head and body. The key is a PKCS#8 or PKCS#1 PEM file; its public half stands in the
//! domain's DNS under the selector.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;

/// The fields of the head that are signed, each once.
const SIGNED: [&str; 7] = ["from", "to", "subject", "date", "message-id", "mime-version", "content-type"];

/// A domain's key. No Debug.
pub struct Dkim {
    domain: String,
    selector: String,
    key: PKey<Private>,
}

impl Dkim {
    /// Reads the key, PEM.
    ///
    /// # Errors
    /// When it is no RSA key of 1024 bits or more, or the names are not of DNS.
    pub fn new(domain: &str, selector: &str, pem: &[u8]) -> anyhow::Result<Self> {
        let key = PKey::private_key_from_pem(pem)?;
        anyhow::ensure!(
            key.rsa().is_ok_and(|rsa| rsa.size() >= 128),
            "the DKIM key is no RSA key of 1024 bits or more"
        );
        let good =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        anyhow::ensure!(good(domain) && good(selector), "domain and selector of DKIM are names of DNS");
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key })
    }

    /// The message with its signature before it. `at`: unix seconds.
    ///
    /// # Errors
    /// OpenSSL's.
    pub fn sign(&self, message: &[u8], at: i64) -> Result<Vec<u8>, ErrorStack> {
        let (head, body) = split(message);
        let fields = fields(head);
        let present: Vec<(String, String)> =
            SIGNED.iter().filter_map(|name| fields.iter().rev().find(|(known, _)| known == name).cloned()).collect();
        let names: Vec<&str> = present.iter().map(|(name, _)| name.as_str()).collect();
        let hash = STANDARD.encode(sha256(&body_relaxed(body)));
        let unsigned = format!(
            "v=1; a=rsa-sha256; c=relaxed/relaxed; d={}; s={}; t={at}; h={}; bh={hash}; b=",
            self.domain,
            self.selector,
            names.join(":")
        );
        let mut signed = String::new();
        for (name, value) in &present {
            signed.push_str(&format!("{name}:{value}\r\n"));
        }
        signed.push_str(&format!("dkim-signature:{unsigned}"));
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key)?;
        signer.update(signed.as_bytes())?;
        let signature = STANDARD.encode(signer.sign_to_vec()?);
        // White space may be folded in anywhere between tags, and inside b=.
        let folded = unsigned.replace("; ", ";\r\n ");
        let lines: Vec<&str> =
            signature.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        let mut out = format!("DKIM-Signature: {folded}{}\r\n", lines.join("\r\n ")).into_bytes();
        out.extend_from_slice(message);
        Ok(out)
    }
}

fn split(message: &[u8]) -> (&[u8], &[u8]) {
    match message.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => (&message[..at + 2], &message[at + 4..]),
        None => (message, &[]),
    }
}

/// Names in small letters, values unfolded with single blanks.
fn fields(head: &[u8]) -> Vec<(String, String)> {
    let head = String::from_utf8_lossy(head).replace("\r\n ", " ").replace("\r\n\t", " ");
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_lowercase(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
    };
    head.split("\r\n").filter_map(field).collect()
}

/// Blanks at the ends of lines and empty lines at the end do not count, runs of blanks are one.
fn body_relaxed(body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(body.len());
    let mut lines: Vec<&[u8]> = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    let mut empty = 0;
    for line in lines {
        let mut made = Vec::with_capacity(line.len());
        for byte in line {
            match byte {
                b' ' | b'\t' if made.last() == Some(&b' ') => {}
                b' ' | b'\t' => made.push(b' '),
                other => made.push(*other),
            }
        }
        if made.last() == Some(&b' ') {
            made.pop();
        }
        if made.is_empty() {
            empty += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty) {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(&made);
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_body_are_relaxed_as_the_rfc_shows() {
        // RFC 6376 §3.4.5.
        let message = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let (head, body) = split(message);
        assert_eq!(fields(head), [("a".into(), "X".into()), ("b".into(), "Y Z".into())]);
        assert_eq!(body_relaxed(body), b" C\r\nD E\r\n");
        assert_eq!(body_relaxed(b"\r\n\r\n"), b"");
    }
}
