//! The mail server behind [`Mailer`], spoken to by lettre; its types stay in this file.
//!
//! A password never leaves without TLS, and a server that does not offer what the configuration asks for gets nothing. Trusts the
//! public roots, or the one of the configuration instead.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as Part, Mailbox, MultiPart};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use zeroize::Zeroizing;

use super::address::Address;
use super::dkim::Dkim;
use super::{MailFault, Mailer, Outgoing, bounce};

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections of a worker.
const CONNECTIONS: u32 = 2;
/// Refusals that are about us and not about the mail: authentication wanted, too weak, wrong, or only with TLS.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None: for a catcher of mails in a closed network; never with a password.
    None,
}

impl Protection {
    /// The protection of a word of the configuration.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "starttls" => Some(Self::StartTls),
            "implicit" => Some(Self::Implicit),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// The usual port.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// What a mail server is reached by. No Debug: it holds a password.
pub struct Settings {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// A root certificate, PEM, in place of the public ones.
    pub root: Option<Vec<u8>>,
    /// User and password.
    pub login: Option<(String, Zeroizing<String>)>,
    /// From whom mails come: name and address.
    pub from: (String, Address),
    /// The key of the domain, if it signs.
    pub dkim: Option<Dkim>,
}

/// The mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
    dkim: Option<Dkim>,
}

impl Smtp {
    /// A server that is not spoken to yet.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        // The first to come installs it; which of our parts that is does not matter.
        drop(rustls::crypto::ring::default_provider().install_default());
        ensure!(
            settings.protection != Protection::None || settings.login.is_none(),
            "mail.tls: a password is not sent without TLS"
        );
        let parameters = || -> anyhow::Result<TlsParameters> {
            let mut builder = TlsParameters::builder(settings.host.clone());
            if let Some(pem) = &settings.root {
                let root = Certificate::from_pem(pem).context("mail.root_file holds no certificate in PEM")?;
                builder = builder.certificate_store(CertificateStore::None).add_root_certificate(root);
            }
            builder.build().context("mail.tls")
        };
        let tls = match settings.protection {
            Protection::StartTls => Tls::Required(parameters()?),
            Protection::Implicit => Tls::Wrapper(parameters()?),
            Protection::None => Tls::None,
        };
        let (name, address) = &settings.from;
        let from = lettre::Address::new(address.parts().0, address.parts().1).context("mail.from")?;
        let domain = address.parts().1.to_owned();
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.as_str())
            .port(settings.port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            .hello_name(ClientId::Domain(domain.clone()))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS));
        if let Some((user, password)) = &settings.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        let from = Mailbox::new(Some(name.clone()), from);
        Ok(Self { transport: builder.build(), from, domain, dkim: settings.dkim })
    }

    /// The mail as it goes over the line, with its envelope.
    fn written(&self, mail: &Outgoing) -> anyhow::Result<(Envelope, Vec<u8>)> {
        let to = lettre::Address::new(mail.to.parts().0, mail.to.parts().1)?;
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let name = HeaderName::new_from_ascii_str(bounce::HEADER);
        let at = u64::try_from(mail.at.unix()).unwrap_or(0);
        let body = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        let head = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(mail.subject.clone())
            .date(UNIX_EPOCH + Duration::from_secs(at))
            .message_id(Some(self.message_id(&mail.id)))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .raw_header(HeaderValue::new(name, bounce::name_of(&mail.id)));
        let message = if mail.attachments.is_empty() {
            head.multipart(body)?
        } else {
            let mut all = MultiPart::mixed().multipart(body);
            for file in &mail.attachments {
                let part = Part::new(file.name.clone()).body(file.bytes.clone(), ContentType::parse(file.media)?);
                all = all.singlepart(part);
            }
            head.multipart(all)?
        };
        let bytes = message.formatted();
        let bytes = match &self.dkim {
            Some(dkim) => dkim.sign(&bytes, mail.at.unix())?,
            None => bytes,
        };
        Ok((Envelope::new(Some(self.from.email.clone()), vec![to])?, bytes))
    }

    /// The same for each try of a mail.
    fn message_id(&self, id: &str) -> String {
        format!("<{}@{}>", hex::encode(&openssl::sha::sha256(id.as_bytes())[..16]), self.domain)
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Outgoing) -> Result<(), MailFault> {
        let (envelope, bytes) =
            self.written(mail).map_err(|error| MailFault::Never(format!("the mail cannot be written: {error}")))?;
        match self.transport.send_raw(&envelope, &bytes).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let words = error.to_string().replace(mail.to.as_str(), &mail.to.masked());
                let about_us = error.status().is_some_and(|code| ABOUT_US.contains(&u16::from(code)));
                if error.is_permanent() && !about_us {
                    Err(MailFault::Never(words))
                } else {
                    Err(MailFault::Later(words))
                }
            }
        }
    }
}
