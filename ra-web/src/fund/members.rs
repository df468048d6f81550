//! Whose certificate it is, as the fund knows it.

use std::sync::Arc;

use async_trait::async_trait;
use ca_core::domain::SubjectField;

use super::account::Unit;
use super::store::FundStore;
use crate::login::{Holder, LoginError, Recognised, Refusal, Registry};

/// The units that have an account.
pub struct Members {
    store: Arc<dyn FundStore>,
}

impl Members {
    /// The units in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn FundStore>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Registry for Members {
    type Person = Unit;

    /// First by the certificate's unique id, which survives renewals and changes of name; a unit without a
    /// bound one is found by its credit code. A unit that has one bound is never found by the code alone, so
    /// a certificate with another unique id does not open its account.
    async fn recognise(&self, holder: &Holder) -> Result<Recognised<Unit>, LoginError> {
        let field = |field| holder.subject.get(&field).map(String::as_str);
        let mut tx = self.store.begin_read().await?;
        let bound = match field(SubjectField::UniqueId) {
            Some(unique_id) => tx.unit_of_unique_id(unique_id).await?,
            None => None,
        };
        let unit = match (bound, field(SubjectField::Uscc)) {
            (Some(unit), _) => Some(unit),
            (None, Some(uscc)) => tx.unit_of_uscc(uscc).await?.filter(|unit| unit.unique_id.is_none()),
            (None, None) => None,
        };
        tx.commit().await?;
        let unit = unit.ok_or_else(|| Refusal::NotRegistered { name: holder.name().to_owned() })?;
        Ok(Recognised { account: unit.account.to_string(), person: unit })
    }
}
