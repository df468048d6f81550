//! The office's rules, terms and letterhead, and the key of its sealed fields, as they are configured.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use ca_core::domain::{IssuerId, KeyKind, ProfileName};

use super::money::money;
use crate::config::{self, Config, Enrolment, KeyIssuer, Paper, Retention};
use crate::enrolment::desk::Rules;
use crate::enrolment::intake::hash_of;
use crate::enrolment::papers::{Letterhead, Printer};
use crate::enrolment::process::RenewalWindow;
use crate::enrolment::retention::Terms;
use crate::paper::Press;
use crate::vault::FieldKey;

pub(super) fn field_key(config: &Config) -> anyhow::Result<FieldKey> {
    let path = &config.storage.field_key_file;
    FieldKey::read(path).with_context(|| format!("reading {} (`ra-web migrate` makes a new one)", path.display()))
}

pub(super) fn terms(retention: &Retention) -> anyhow::Result<Terms> {
    ensure!((5..=100).contains(&retention.years), "retention.years must be 5 to 100: the law asks for five at least");
    ensure!(retention.unissued_days >= 30, "retention.unissued_days must be 30 at least");
    Ok(Terms { years: retention.years, unissued_days: retention.unissued_days })
}

pub(super) fn printer(paper: &Paper) -> anyhow::Result<Printer> {
    let cps = |path: &PathBuf| std::fs::read(path).with_context(|| format!("paper.cps_file: {}", path.display()));
    let cps_sha256 = paper.cps_file.as_ref().map(cps).transpose()?.map(|text| hash_of(&text));
    let letterhead = Letterhead {
        authority: paper.authority.clone(),
        cps_version: paper.cps_version.clone(),
        cps_sha256,
        cps_url: paper.cps_url.clone(),
        contact: paper.contact.clone(),
    };
    Ok(Printer { press: Press::open(&paper.fonts).context("the fonts of papers")?, letterhead })
}

pub(super) fn rules(enrolment: &Enrolment, payment: &config::Payment) -> anyhow::Result<Rules> {
    let issuer = |name: &str| IssuerId::new(name).with_context(|| format!("{name:?} cannot name an issuer"));
    let mut issuers: Vec<(KeyKind, IssuerId)> = Vec::with_capacity(enrolment.keys.len());
    for KeyIssuer { kind, issuer: name } in &enrolment.keys {
        ensure!(issuers.iter().all(|(known, _)| known != kind), "enrolment.keys has {kind} twice");
        issuers.push((*kind, issuer(name)?));
    }
    ensure!(!issuers.is_empty(), "enrolment.keys is empty");
    Ok(Rules {
        profile: ProfileName::new(&enrolment.profile).context("enrolment.profile is no profile name")?,
        person_profile: ProfileName::new(&enrolment.person_profile)
            .context("enrolment.person_profile is no profile name")?,
        issuers,
        province: enrolment.province.clone(),
        locality: enrolment.locality.clone(),
        renewal: RenewalWindow { early_days: enrolment.renewal_early_days, late_days: enrolment.renewal_late_days },
        stock_only: enrolment.stock_only,
        hold_days: enrolment.hold_days,
        money: money(payment)?,
    })
}
