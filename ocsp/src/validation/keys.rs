//! The service's own keys: made here, certified by the authority, opened at each start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use ca_core::chain::{Anchors, ChainValid, Purpose};
use ca_core::domain::{KeyKind, Timestamp};
use ca_core::durable;
use ca_core::keys::csr;
use ca_core::signer::soft::{Cost, SoftKey};
use ca_core::signer::{Passphrase, Signer, probe};
use ca_core::x509::Parts;
use rand_chacha::ChaCha20Rng;
use serde::Deserialize;

/// A sealed key with its certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// The sealed file.
    pub key_file: PathBuf,
    /// A file whose first line opens it.
    pub passphrase_file: PathBuf,
    /// The certificate, DER.
    pub certificate: PathBuf,
}

/// Makes a key, seals it into a new file and writes the request for its certificate: a `[[server]]` of the ceremony, or
/// the order of two officers.
///
/// # Errors
/// Names the file; nothing is overwritten.
pub fn found(
    key_file: &Path,
    passphrase_file: &Path,
    request: &Path,
    kind: KeyKind,
    common_name: &str,
    rng: &mut ChaCha20Rng,
) -> anyhow::Result<()> {
    let passphrase = Passphrase::from_file(passphrase_file)?;
    let key = SoftKey::generate(kind)?;
    key.save(key_file, &passphrase, Cost::STRONG, rng).with_context(|| key_file.display().to_string())?;
    let csr = csr::build(common_name, key.spki_der(), key.algorithm(), |message| key.sign(message))?;
    durable::create(request, &csr, durable::PUBLIC).with_context(|| request.display().to_string())
}

impl KeyConfig {
    /// Opens the key, tries it, and looks whether its certificate serves now.
    ///
    /// # Errors
    /// What of it does not.
    pub(super) fn open(
        &self,
        purpose: Purpose,
        anchors: &Anchors,
        now: Timestamp,
    ) -> anyhow::Result<(Arc<dyn Signer>, ChainValid)> {
        let of = |path: &Path| path.display().to_string();
        let passphrase = Passphrase::from_file(&self.passphrase_file)?;
        let key = SoftKey::open(&self.key_file, &passphrase).with_context(|| of(&self.key_file))?;
        probe(&key).with_context(|| of(&self.key_file))?;
        let certificate = std::fs::read(&self.certificate).with_context(|| of(&self.certificate))?;
        let parts = Parts::read(&certificate).with_context(|| of(&self.certificate))?;
        ensure!(parts.tbs.spki == key.spki_der(), "{} is not of the key {}", of(&self.certificate), of(&self.key_file));
        let chain = anchors.verify_for(&certificate, now, purpose).with_context(|| of(&self.certificate))?;
        Ok((Arc::new(key), chain))
    }
}
