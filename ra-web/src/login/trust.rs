//! Reads the CA certificates that a site trusts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ca_core::chain::Anchors;
use ca_core::domain::IssuerId;
use ca_core::x509::Parts;

/// The roots and the issuing CAs of the configuration, DER files. Whoever can change them can log in as anyone.
///
/// # Errors
/// Names the file that cannot be read, the certificate that cannot serve, or the issuer whose root is not among the
/// roots.
pub fn read_anchors(roots: &[PathBuf], issuers: &BTreeMap<String, PathBuf>) -> anyhow::Result<Anchors> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let mut hierarchies = Vec::with_capacity(roots.len());
    for path in roots {
        let der = read(path)?;
        let name = Parts::read(&der).with_context(|| path.display().to_string())?.tbs.subject.to_vec();
        hierarchies.push((der, name, Vec::new()));
    }
    for (name, path) in issuers {
        let id = IssuerId::new(name).with_context(|| format!("{name:?} cannot name an issuer"))?;
        let der = read(path)?;
        let above = Parts::read(&der).with_context(|| path.display().to_string())?.tbs.issuer.to_vec();
        let its = hierarchies.iter_mut().find(|(_, root, _)| *root == above);
        its.with_context(|| format!("the root of {name} is not among the roots"))?.2.push((id, der));
    }
    let mut all: Option<Anchors> = None;
    for (root, _, issuers) in hierarchies {
        let one = Anchors::new(&root, &issuers)?;
        all = Some(match all {
            Some(others) => others.and(one)?,
            None => one,
        });
    }
    all.context("there is no root")
}
