//! Sends what the outbox holds, each mail once as far as the server's answers tell.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::{IssuerId, Serial};
use ca_core::sql::DatabaseError;

use super::letter::{Letter, Sender, compose};
use super::outbox::{KIND, Mail};
use super::{Attachment, MailFault, Mailer, Outgoing};
use crate::enrolment::desk::{Desk, OfficeError};
use crate::enrolment::process::CertificateName;
use crate::jobs::{Done, Fault, Handler, Job};
use crate::reminders::quiet;
use crate::retry::settled;

/// What stands at a reminder that was not sent in time.
const NEEDLESS: &str = "no longer needed";

/// The handler.
pub struct Sending {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// The mail server.
    pub mailer: Arc<dyn Mailer>,
    /// What stands on every mail.
    pub sender: Sender,
}

#[async_trait]
impl Handler for Sending {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        let now = self.desk.clock.now();
        let Some(mail) = self.desk.store.read().await?.mail(&job.about).await? else {
            return Err(Fault::Never("no such mail".into()));
        };
        if mail.sent.is_some() {
            return Ok(Done::Wholly);
        }
        if self.is_needless(&mail.letter).await? {
            settled(async || {
                let mut tx = self.desk.store.begin().await?;
                tx.mail_refused(&mail.id, NEEDLESS).await?;
                tx.commit().await
            })
            .await?;
            return Ok(Done::Wholly);
        }
        let outgoing = self.outgoing(&mail).await?;
        let outcome = self.mailer.send(&outgoing).await;
        settled(async || {
            let mut tx = self.desk.store.begin().await?;
            match &outcome {
                Ok(()) => drop(tx.mail_sent(&mail.id, now).await?),
                Err(fault) => tx.mail_refused(&mail.id, &fault.to_string()).await?,
            }
            tx.commit().await
        })
        .await?;
        if let (Ok(()), Letter::Invoice { number, .. }) = (&outcome, &mail.letter) {
            self.desk.invoice_delivered(number).await.map_err(|error| Fault::Later(error.to_string()))?;
        }
        metrics::counter!("ra_mails_total", "outcome" => if outcome.is_ok() { "sent" } else { "refused" }).increment(1);
        match outcome {
            Ok(()) => Ok(Done::Wholly),
            Err(MailFault::Later(why)) => Err(Fault::Later(why)),
            Err(MailFault::Never(why)) => Err(Fault::Never(why)),
        }
    }
}

impl Sending {
    /// A reminder that waited until the certificate was renewed, held or revoked.
    async fn is_needless(&self, letter: &Letter) -> Result<bool, DatabaseError> {
        let Letter::Expiring { issuer, serial, .. } = letter else { return Ok(false) };
        let (Some(issuer), Ok(serial)) = (IssuerId::new(issuer), serial.parse::<Serial>()) else { return Ok(true) };
        let mut tx = self.desk.store.read().await?;
        let good = tx.ending_one(&issuer, &serial).await?.is_some();
        Ok(!good || quiet(&tx.successors_of(&CertificateName { issuer, serial }).await?).is_some())
    }

    async fn outgoing(&self, mail: &Mail) -> Result<Outgoing, Fault> {
        let (subject, text, html) = compose(&mail.letter, &mail.unit, &self.sender)
            .map_err(|error| Fault::Never(format!("the mail's template: {error}")))?;
        let attachments = self.attachments(&mail.letter).await.map_err(|error| match error {
            OfficeError::NotFound => Fault::Never("the invoice's files are missing".into()),
            error => Fault::Later(error.to_string()),
        })?;
        Ok(Outgoing { id: mail.id.clone(), to: mail.to.clone(), subject, text, html, attachments, at: mail.created })
    }

    /// An invoice goes with its mail in every form it has.
    async fn attachments(&self, letter: &Letter) -> Result<Vec<Attachment>, OfficeError> {
        let Letter::Invoice { number, .. } = letter else { return Ok(Vec::new()) };
        let files = self.desk.invoice_files(number).await?;
        Ok(files
            .into_iter()
            .map(|(kind, bytes)| Attachment {
                name: format!("invoice-{number}.{}", kind.word()),
                media: kind.media(),
                bytes,
            })
            .collect())
    }
}
