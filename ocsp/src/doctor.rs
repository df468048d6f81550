//! `ocsp-responder doctor`: whether everything that the service needs is there, without starting it.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use ca_core::clock::Clock;
use ca_core::domain::ListKind;
use der::Decode as _;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;

use crate::config::{Config, ResponderConfig};
use crate::feed::StatusSource as _;
use crate::metrics::Meters;
use crate::responder::{Core, Issuer, KeyFile, image};
use crate::sql::StatusDatabase;

/// What was looked at, and what is wrong with it or worth knowing.
pub type Verdict = (String, Result<String, String>);

/// Looks at all of it.
pub async fn look(config: &Config, clock: Arc<dyn Clock>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut say = |what: String, outcome: anyhow::Result<String>| {
        verdicts.push((what, outcome.map_err(|error| format!("{error:#}"))));
    };
    let database = StatusDatabase::open(&config.database_url).await;
    let mut issuers = Vec::new();
    match database {
        Err(error) => say("database".to_owned(), Err(error.into())),
        Ok(mut database) => {
            say("feed".to_owned(), feed(config, &mut database, &*clock).await);
            let known = database.issuers().await.unwrap_or_default();
            for ResponderConfig { issuer, .. } in &config.responders {
                let found = known.iter().find(|(id, ..)| id == issuer).context("the authority has no such issuer");
                let made = found.and_then(|(_, der, sm2_id)| {
                    Ok(Issuer::new(issuer.clone(), Certificate::from_der(der).context("its certificate")?, sm2_id)?)
                });
                match made {
                    Ok(made) => issuers.push(made),
                    Err(error) => say(format!("issuer {issuer}"), Err(error)),
                }
            }
            database.close().await;
        }
    }
    for responder in &config.responders {
        let mut file = KeyFile::new(&responder.key_file, &responder.passphrase_file);
        let key = file.open().await.map_err(anyhow::Error::from);
        let issuer = issuers.iter().find(|issuer| issuer.id == responder.issuer);
        let detail = key.map(|key| {
            let Some(issuer) = issuer else { return "signs".to_owned() };
            let now = clock.now();
            match file.kept(key, issuer, now) {
                Ok(until) => format!("signs; certified for {} hours more", until.since(now) / 3600),
                Err(why) => format!("signs; to be certified by the authority at the start ({why})"),
            }
        });
        say(format!("key of {}", responder.issuer), detail);
        let crl = config.publish_folder.join("crl").join(ListKind::Full.file(&responder.issuer));
        say(format!("list of {}", responder.issuer), list(&crl, &*clock));
        let certificate = config.publish_folder.join("ca").join(format!("{}.cer", responder.issuer));
        let read = std::fs::read(&certificate).with_context(|| certificate.display().to_string());
        let read = read.and_then(|der| Ok(Certificate::from_der(&der)?));
        say(format!("certificate of {}", responder.issuer), read.map(|_| certificate.display().to_string()));
    }
    if let Some(path) = &config.index_file
        && issuers.len() == config.responders.len()
    {
        let ids: Vec<_> = issuers.iter().map(|issuer| issuer.id.clone()).collect();
        let core = Arc::new(Core::new(issuers, config.answers, clock, Meters::new(&ids)));
        let file = path.clone();
        let read = tokio::task::spawn_blocking(move || image::read(&core, &file)).await;
        say(
            "index_file".to_owned(),
            match read {
                Ok(Ok(Some((seq, _)))) => Ok(format!("up to line {seq} of the log")),
                Ok(Ok(None)) => Ok("not there yet; the start reads the database".to_owned()),
                // It is rebuilt, so nothing is wrong with the service.
                Ok(Err(error)) => Ok(format!("does not serve, the start reads the database: {error}")),
                Err(error) => Err(error.into()),
            },
        );
    }
    verdicts
}

async fn feed(config: &Config, database: &mut StatusDatabase, clock: &dyn Clock) -> anyhow::Result<String> {
    let round = database.lines(i64::MAX).await?;
    let (age, bound) = (clock.now().since(round.beat), config.answers.max_feed_age_seconds);
    ensure!(age.abs() <= bound, "the authority's last heartbeat is {age} s old, {bound} are allowed: does `ca` run?");
    Ok(format!("line {}, heartbeat {age} s old", round.head))
}

fn list(path: &std::path::Path, clock: &dyn Clock) -> anyhow::Result<String> {
    let der = std::fs::read(path).with_context(|| path.display().to_string())?;
    let list: CertificateList = CertificateList::from_der(&der)?;
    let next = list.tbs_cert_list.next_update.context("it says no next one")?;
    let left = i64::try_from(next.to_unix_duration().as_secs())? - clock.now().unix();
    ensure!(left > 0, "its successor is {} s overdue", -left);
    Ok(format!("good for {} hours more", left / 3600))
}
