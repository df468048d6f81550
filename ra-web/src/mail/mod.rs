//! Mails to units: what was paid, installed, invoiced, held, revoked, given back, and what ends soon.
//!
//! For: nobody should have to look at the site to learn what happened. A mail is a row, written in the transaction of its fact
//! ([`outbox`]) and sent by a worker ([`sending`]) through the port [`Mailer`], behind which [`smtp`] stands. One fact has one
//! mail, with a Message-ID made of it: where a server took a mail and the answer was lost, the repetition can be told.
//! What the server refuses for good stands among the jobs that were given up, with its reason, and can be sent again; what comes
//! back later ([`bounce`]) is shown beside the mail.
//! Trusts the address that the unit gave. Never holds a secret or a resident number, and queues nothing where no mail
//! server is configured or no address is known.
//!
//! To add a mail: a variant of [`letter::Letter`] with its messages `mail-…` in both languages, and a call of
//! [`crate::enrolment::desk::Desk::tell`] where the fact is written.

pub mod address;
pub mod bounce;
pub mod dkim;
pub mod letter;
pub mod outbox;
pub mod sending;
pub mod smtp;

use async_trait::async_trait;
use ca_core::domain::Timestamp;

use address::Address;

/// A file that goes with a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A mail as it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What makes its Message-ID: the same for each try.
    pub id: String,
    /// To whom.
    pub to: Address,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// When the fact was written down: the date of each try.
    pub at: Timestamp,
}

/// Why a mail was not taken. The words name no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailFault {
    /// It may be taken another time.
    #[error("{0}")]
    Later(String),
    /// This mail will never be taken.
    #[error("{0}")]
    Never(String),
}

/// A mail server.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands a mail over. `Ok` is the server's word that it has it.
    ///
    /// # Errors
    /// [`MailFault`].
    async fn send(&self, mail: &Outgoing) -> Result<(), MailFault>;
}

#[cfg(test)]
pub(crate) mod tests;
