//! Prices, ways of payment and invoices, as they are configured.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use ca_core::clock::Clock;
use ca_core::domain::OfficeId;
use zeroize::Zeroizing;

use super::rules::field_key;
use super::site;
use crate::Chance;
use crate::config::{self, Config};
use crate::enrolment::desk::Desk;
use crate::enrolment::form;
use crate::enrolment::papers::Printer;
use crate::invoice::Invoices;
use crate::invoice::content::Seller;
use crate::invoice::nuonuo::{self, Nuonuo};
use crate::invoice::ofd::seal::{Seal, picture};
use crate::invoice::provider::{InvoiceProvider, Local};
use crate::payment::checkout::Way;
use crate::payment::fen::{Fen, TaxRate};
use crate::payment::online::Online;
use crate::payment::stripe::{Settings, Stripe};
use crate::payment::taking::Method;
use crate::payment::tariff::{Rates, Tariff};
use crate::payment::wire::WireTerms;
use crate::vault::FieldKey;

/// Payment on the provider's page, if it is configured.
pub(super) fn online(payment: &config::Payment, desk: &Arc<Desk>) -> anyhow::Result<Option<Arc<Online>>> {
    let Some(online) = &payment.online else { return Ok(None) };
    let secret = |name: &str, file: &PathBuf| -> anyhow::Result<Zeroizing<String>> {
        let text = std::fs::read_to_string(file)
            .map(Zeroizing::new)
            .with_context(|| format!("payment.online.{name}: {}", file.display()))?;
        Ok(Zeroizing::new(text.trim().to_owned()))
    };
    let ways = online.ways.iter().map(|word| {
        Way::from_word(word)
            .with_context(|| format!("payment.online.ways: {word:?} is none of alipay, wechat_pay, card"))
    });
    let ways = ways.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!ways.is_empty(), "payment.online.ways is empty");
    ensure!(online.api.ends_with('/'), "payment.online.api ends with a slash");
    let gateway = Stripe::new(Settings {
        api: online.api.clone(),
        pages: online.pages.clone(),
        secret_key: secret("secret_key_file", &online.secret_key_file)?,
        webhook_secret: secret("webhook_secret_file", &online.webhook_secret_file)?,
        ways,
    })?;
    Ok(Some(Arc::new(Online { desk: desk.clone(), gateway: Arc::new(gateway) })))
}

/// Who invoices, and how.
pub(super) async fn invoices(
    config: &Config,
    vault: &FieldKey,
    printer: &Printer,
    clock: &Arc<dyn Clock>,
    chance: &Chance,
) -> anyhow::Result<Invoices> {
    let of = &config.invoice;
    let seller = Seller {
        name: of.seller.clone().unwrap_or_else(|| config.paper.authority.clone()),
        tax_id: of.tax_id.clone(),
        address: of.address.clone(),
        phone: of.phone.clone(),
        bank: of.bank.clone(),
        account: of.account.clone(),
        drawer: of.drawer.clone(),
        bureau: of.bureau.clone(),
        category: of.category.clone(),
        goods_code: of.goods_code.clone(),
    };
    let seal = match &of.seal_key_file {
        Some(file) => {
            let picture = picture(&printer.press, &seller.name, clock.now()).await.context("invoice.seal_key_file")?;
            let seal = Seal::read(file, vault, &seller.name, &picture);
            let hint = || format!("invoice.seal_key_file: {}; `ra-web migrate` makes one", file.display());
            Some(Arc::new(seal.with_context(hint)?))
        }
        None => None,
    };
    let provider: Arc<dyn InvoiceProvider> = match &of.provider {
        Some(provider) => {
            ensure!(!of.tax_id.is_empty(), "invoice.tax_id: a provider of invoices needs the seller's taxpayer number");
            let secret = |name: &str, file: &PathBuf| {
                let text = std::fs::read_to_string(file).map(Zeroizing::new);
                let text = text.with_context(|| format!("invoice.provider.{name}: {}", file.display()))?;
                anyhow::Ok(Zeroizing::new(text.trim().to_owned()))
            };
            let settings = nuonuo::Settings {
                api: provider.api.clone(),
                app_key: provider.app_key.clone(),
                app_secret: secret("app_secret_file", &provider.app_secret_file)?,
                access_token: secret("access_token_file", &provider.access_token_file)?,
                tax_id: of.tax_id.clone(),
            };
            Arc::new(Nuonuo::new(settings, clock.clone(), chance.clone())?)
        }
        None => Arc::new(Local),
    };
    Ok(Invoices { provider, seller, seal, quota: of.quota, site: site(config) })
}

/// Makes the key of the seal where the configuration names one and there is none; says where.
///
/// # Errors
/// When it cannot be written.
pub fn found_seal(config: &Config, clock: &dyn Clock, chance: &Chance) -> anyhow::Result<Option<PathBuf>> {
    let Some(file) = config.invoice.seal_key_file.as_ref().filter(|file| !file.exists()) else { return Ok(None) };
    let name = config.invoice.seller.as_ref().unwrap_or(&config.paper.authority);
    Seal::found(file, &field_key(config)?, name, clock.now(), chance)
        .with_context(|| format!("making {}", file.display()))?;
    Ok(Some(file.clone()))
}

pub(super) fn money(payment: &config::Payment) -> anyhow::Result<crate::payment::Terms> {
    let price = |name: &str, text: &str| -> anyhow::Result<Fen> {
        text.parse().with_context(|| format!("payment.tariff: {name} = {text:?}"))
    };
    let rates = payment.tariff.iter().map(|rates| {
        Ok(Rates {
            from: form::day(&rates.from).with_context(|| format!("payment.tariff: {:?} is no day", rates.from))?,
            service_year: price("service_year", &rates.service_year)?,
            token: price("token", &rates.token)?,
            reissue_token: price("reissue_token", &rates.reissue_token)?,
            change: price("change", &rates.change)?,
            tax: TaxRate(rates.vat_basis_points),
        })
    });
    let methods = payment.methods.iter().map(|word| {
        let method = Method::from_word(word).filter(|method| Method::COUNTER.contains(method));
        method.with_context(|| format!("payment.methods: {word:?} is none of cash, pos, qr"))
    });
    let methods = methods.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!methods.is_empty(), "payment.methods is empty");
    ensure!((1..=366).contains(&payment.lapse_days), "payment.lapse_days is from 1 to 366");
    ensure!((1..=10).contains(&payment.max_years), "payment.max_years is from 1 to 10");
    Ok(crate::payment::Terms {
        tariff: Tariff::new(rates.collect::<anyhow::Result<Vec<_>>>()?)?,
        methods,
        gives_back: payment.online.is_some(),
        wire: payment.wire.as_ref().map(wire).transpose()?,
        lapse_days: payment.lapse_days,
        max_years: payment.max_years,
    })
}

/// The account at the bank.
fn wire(wire: &config::Wire) -> anyhow::Result<WireTerms> {
    for (name, text) in [("payee", &wire.payee), ("bank", &wire.bank)] {
        ensure!((1..=100).contains(&text.trim().chars().count()), "payment.wire.{name} has 1 to 100 characters");
    }
    let digits = wire.account.chars().filter(char::is_ascii_digit).count();
    let plain = wire.account.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
    ensure!(plain && (8..=32).contains(&digits), "payment.wire.account has 8 to 32 digits");
    ensure!((1..=60).contains(&wire.lapse_days), "payment.wire.lapse_days is from 1 to 60");
    Ok(WireTerms {
        payee: wire.payee.trim().to_owned(),
        account: wire.account.trim().to_owned(),
        bank: wire.bank.trim().to_owned(),
        office: OfficeId::new(&wire.office).with_context(|| format!("payment.wire.office: {:?}", wire.office))?,
        lapse_days: wire.lapse_days,
    })
}
