//! The outbox: mails are rows, written in the transaction of their fact, with the job that sends them.

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::sql::DatabaseError;

use super::address::Address;
use super::letter::Letter;
use crate::enrolment::case::Case;
use crate::enrolment::desk::Desk;
use crate::jobs::NewJob;
use crate::store::Tx;

/// The kind of the job that sends a mail.
pub(super) const KIND: &str = "mail";

/// A mail that is to be sent or was. No Debug: it holds an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Kind and fact: a fact has one mail.
    pub id: String,
    /// Whose unit it goes to.
    pub office: OfficeId,
    /// The unit's name.
    pub unit: String,
    /// To whom.
    pub to: Address,
    /// What it tells.
    pub letter: Letter,
    /// When the fact was written down.
    pub created: Timestamp,
    /// When the mail server took it.
    pub sent: Option<Timestamp>,
    /// Why it did not, the last time; of one that it took, with which status it came back later.
    pub refused: Option<String>,
}

/// The outbox, inside a unit of work.
#[async_trait]
pub trait MailTx {
    /// Writes a mail down; `false` when the fact has one.
    async fn add_mail(&mut self, mail: &Mail) -> Result<bool, DatabaseError>;
    /// A mail.
    async fn mail(&mut self, id: &str) -> Result<Option<Mail>, DatabaseError>;
    /// The mail server took it; `false` when it had before.
    async fn mail_sent(&mut self, id: &str, now: Timestamp) -> Result<bool, DatabaseError>;
    /// The mail server did not take it.
    async fn mail_refused(&mut self, id: &str, why: &str) -> Result<(), DatabaseError>;
    /// A mail that was taken came back; `false` when there is none that was taken.
    async fn mail_came_back(&mut self, id: &str, status: &str) -> Result<bool, DatabaseError>;
    /// The last mails of an office, the last first.
    async fn mails(&mut self, office: &OfficeId, limit: i64) -> Result<Vec<Mail>, DatabaseError>;
}

/// Writes a mail to a unit down, where its address is known. The same fact told again changes nothing.
pub(crate) async fn queue(
    tx: &mut Box<dyn Tx>,
    office: &OfficeId,
    (unit, address): (&str, &str),
    fact: &str,
    letter: Letter,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let Ok(to) = address.parse::<Address>() else { return Ok(()) };
    let id = format!("{}/{fact}", letter.word());
    let mail = Mail {
        id: id.clone(),
        office: office.clone(),
        unit: unit.to_owned(),
        to,
        letter,
        created: now,
        sent: None,
        refused: None,
    };
    if tx.add_mail(&mail).await? {
        tx.add_job(&NewJob { kind: KIND, about: id, payload: String::new(), due: now }, now).await?;
    }
    Ok(())
}

impl Desk {
    /// Tells the unit of a case by mail, in the transaction of the fact. Nothing where no mail server is configured, or the
    /// case has no address.
    pub(crate) async fn tell(
        &self,
        tx: &mut Box<dyn Tx>,
        case: &Case,
        fact: &str,
        letter: Letter,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        if !self.mails {
            return Ok(());
        }
        queue(tx, &case.office, (&case.form.unit_name, &case.form.handler_email), fact, letter, now).await
    }
}
