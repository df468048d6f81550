//! Reads the CA certificates that a site trusts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ca_core::chain::Anchors;
use ca_core::domain::IssuerId;

/// The root and the issuing CAs of the configuration, DER files. Whoever can change them can log in as anyone.
///
/// # Errors
/// Names the file that cannot be read or the certificate that cannot serve.
pub fn read_anchors(root: &Path, issuers: &BTreeMap<String, PathBuf>) -> anyhow::Result<Anchors> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let mut certificates = Vec::new();
    for (name, path) in issuers {
        let id = IssuerId::new(name).with_context(|| format!("{name:?} cannot name an issuer"))?;
        certificates.push((id, read(path)?));
    }
    Ok(Anchors::new(&read(root)?, &certificates)?)
}
