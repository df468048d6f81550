//! How the office asks for statuses and looks at lists: as everybody does.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use ca_core::clock::Clock;
use ca_core::domain::IssuerId;
use ocsp::client::{Client as StatusClient, CrlFallback, CrlSource, Settings as StatusSettings};
use rand::RngCore as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::Chance;
use crate::config::{Config, Trust};
use crate::matters::publication::{Public, Publication};

/// Looks at lists and answers as everybody does.
pub(super) fn publication(
    config: &Config,
    clock: Arc<dyn Clock>,
    chance: &Chance,
) -> anyhow::Result<Arc<dyn Publication>> {
    let mut issuers = BTreeMap::new();
    for (name, file) in &config.trust.issuers {
        let id = IssuerId::new(name).with_context(|| format!("{name:?} cannot name an issuer"))?;
        issuers.insert(id, std::fs::read(file).with_context(|| format!("reading {}", file.display()))?);
    }
    // The answers of the responder itself are wanted: nothing stands in for it.
    let trust = Trust { crl: None, ..config.trust.clone() };
    let status = status_client(&trust, clock, chance)?;
    let base = config.trust.crl.clone().unwrap_or_else(|| format!("{}/crl", config.site.validation_origin));
    Ok(Arc::new(Public { status, lists: CrlSource::Url(base), issuers }))
}

/// The relying party's client of the responder, as both sites use it.
pub(crate) fn status_client(trust: &Trust, clock: Arc<dyn Clock>, chance: &Chance) -> anyhow::Result<StatusClient> {
    let mut settings = StatusSettings::new(&trust.ocsp);
    settings.crl = trust
        .crl
        .as_ref()
        .map(|base| CrlFallback { source: CrlSource::Url(base.clone()), max_age_seconds: trust.crl_max_age_seconds });
    let mut seed = [0_u8; 32];
    chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(&mut seed);
    Ok(StatusClient::new(settings, clock, ChaCha20Rng::from_seed(seed))?)
}
