//! What an officer had typed when the session ended under the form: kept for a while, for that officer alone, so that
//! nothing is typed twice because a token was pulled.
//!
//! One form for each officer, sealed to the officer's place like other personal data, bounded, and gone when it was taken
//! up again or its time is over. Never files, signatures, PINs or codes: whoever reads the request leaves them out.

use async_trait::async_trait;
use ca_core::domain::{OfficerId, Timestamp};
use ca_core::sql::DatabaseError;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::enrolment::desk::{Desk, OfficeError, again};

/// For so long.
pub const KEEP_SECONDS: i64 = 2 * 3600;

/// A form as it was sent. No Debug: personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptForm {
    /// The page that it stands on.
    pub page: String,
    /// Fields, by their names.
    pub fields: Vec<(String, String)>,
}

impl Drop for KeptForm {
    fn drop(&mut self) {
        for (_, value) in &mut self.fields {
            zeroize::Zeroize::zeroize(value);
        }
    }
}

/// Kept forms, inside a unit of work.
#[async_trait]
pub trait KeptFormTx {
    /// Keeps a sealed form in place of the officer's last one.
    async fn keep_form(&mut self, officer: &OfficerId, sealed: &[u8], now: Timestamp) -> Result<(), DatabaseError>;
    /// The form of an officer that was kept after `dead`.
    async fn kept_form(&mut self, officer: &OfficerId, dead: Timestamp) -> Result<Option<Vec<u8>>, DatabaseError>;
    /// Forgets those from before `dead`.
    async fn sweep_forms(&mut self, dead: Timestamp) -> Result<(), DatabaseError>;
    /// Forgets it.
    async fn forget_form(&mut self, officer: &OfficerId) -> Result<(), DatabaseError>;
}

impl Desk {
    /// Keeps what an officer had typed.
    ///
    /// # Errors
    /// Storage, or the cipher.
    pub async fn keep_form(&self, officer: &OfficerId, form: &KeptForm) -> Result<(), OfficeError> {
        let now = self.clock.now();
        let plain = Zeroizing::new(serde_json::to_vec(form).unwrap_or_default());
        let sealed = self.vault.seal(&place(officer), &plain, &self.chance)?;
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.sweep_forms(now.plus(-KEEP_SECONDS)).await?;
            tx.keep_form(officer, &sealed, now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// What an officer had typed, if that is not too long ago.
    ///
    /// # Errors
    /// Storage. What does not open any more is nothing.
    pub async fn kept_form(&self, officer: &OfficerId) -> Result<Option<KeptForm>, OfficeError> {
        let dead = self.clock.now().plus(-KEEP_SECONDS);
        let Some(sealed) = self.store.read().await?.kept_form(officer, dead).await? else { return Ok(None) };
        let plain = self.vault.open(&place(officer), &sealed).ok();
        Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()))
    }

    /// It was taken up again, or put away.
    ///
    /// # Errors
    /// Storage.
    pub async fn forget_form(&self, officer: &OfficerId) -> Result<(), OfficeError> {
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.forget_form(officer).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

fn place(officer: &OfficerId) -> String {
    format!("kept form of {officer}")
}
