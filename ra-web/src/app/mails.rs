//! The mail server, as it is configured.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::site;
use crate::config::Config;
use crate::enrolment::desk::Desk;
use crate::jobs::Handler;
use crate::mail::letter::Sender;
use crate::mail::sending::Sending;
use crate::mail::{dkim, smtp};

/// Mails to units, if a server is configured.
pub(super) fn mails(config: &Config, desk: &Arc<Desk>) -> anyhow::Result<Option<Arc<dyn Handler>>> {
    let Some(mail) = &config.mail else { return Ok(None) };
    let read = |name: &str, file: &PathBuf| {
        std::fs::read(file).map(Zeroizing::new).with_context(|| format!("mail.{name}: {}", file.display()))
    };
    let protection = smtp::Protection::from_word(&mail.tls)
        .with_context(|| format!("mail.tls: {:?} is none of starttls, implicit, none", mail.tls))?;
    let login = match (&mail.user, &mail.password_file) {
        (Some(user), Some(file)) => {
            let text = String::from_utf8(read("password_file", file)?.to_vec()).map(Zeroizing::new);
            let text = text.context("mail.password_file is no text")?;
            Some((user.clone(), Zeroizing::new(text.trim().to_owned())))
        }
        (None, None) => None,
        _ => anyhow::bail!("mail: user and password_file go together"),
    };
    let from: crate::mail::address::Address = mail.from.parse().context("mail.from")?;
    let dkim = match &mail.dkim {
        Some(key) => {
            let domain = key.domain.clone().unwrap_or_else(|| from.parts().1.to_owned());
            let pem = read("dkim.key_file", &key.key_file)?;
            Some(dkim::Dkim::new(&domain, &key.selector, &pem).context("mail.dkim")?)
        }
        None => None,
    };
    let server = smtp::Smtp::new(smtp::Settings {
        host: mail.host.clone(),
        port: mail.port.unwrap_or_else(|| protection.port()),
        protection,
        root: mail.root_file.as_ref().map(|file| read("root_file", file).map(|pem| pem.to_vec())).transpose()?,
        login,
        from: (mail.from_name.clone().unwrap_or_else(|| config.paper.authority.clone()), from),
        dkim,
    })?;
    let sender =
        Sender { authority: config.paper.authority.clone(), contact: config.paper.contact.clone(), site: site(config) };
    Ok(Some(Arc::new(Sending { desk: desk.clone(), mailer: Arc::new(server), sender })))
}
