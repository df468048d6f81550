//! The form by which quota invoices are asked for, and what a unit is told of them.

use super::fault_texts;
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::enrolment::form::FieldFaults;
use crate::http::error::Failure;
use crate::invoice::issuing::title_is_frozen;
use crate::invoice::quota::handing::Told;
use crate::invoice::quota::wish::{Delivery, FIELDS, HandOver};
use crate::page::View;
use crate::payment::bill::Bill;

/// The form, as `parts/quota.html` shows it.
pub(in crate::http) struct WishForm {
    pub(in crate::http) action: String,
    pub(in crate::http) back: String,
    /// Where an e-invoice is chosen instead.
    pub(in crate::http) title: String,
    pub(in crate::http) ways: [&'static str; 2],
    pub(in crate::http) fields: [&'static str; 3],
    pub(in crate::http) faults: Vec<(&'static str, String)>,
    /// Why it is too late.
    pub(in crate::http) frozen: Option<String>,
    pub(in crate::http) delivery: Delivery,
}

impl WishForm {
    /// The form of a bill at `path`, from which one goes back to `back`.
    ///
    /// # Errors
    /// That the office has none, or storage.
    pub(in crate::http) async fn new(
        desk: &Desk,
        view: &View,
        bill: &Bill,
        (path, back): (&str, &str),
        typed: Option<(Delivery, FieldFaults)>,
    ) -> Result<Self, Failure> {
        desk.uses_quota().map_err(OfficeError::from)?;
        let mut tx = desk.store.read().await?;
        let frozen = title_is_frozen(&mut tx, bill).await?.map(|_| view.t("quota-frozen"));
        let (delivery, faults) = match typed {
            Some((delivery, faults)) => (delivery, fault_texts(view, &faults)),
            None => (tx.wish(&bill.number).await?.map(|wish| wish.delivery).unwrap_or_default(), Vec::new()),
        };
        Ok(Self {
            action: format!("{path}/quota"),
            back: back.to_owned(),
            title: format!("{path}/title"),
            ways: HandOver::ALL.map(HandOver::word),
            fields: FIELDS,
            faults,
            frozen,
            delivery,
        })
    }

    /// What is wrong with a field.
    pub(in crate::http) fn error(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|(known, _)| *known == field).map(|(_, text)| text.as_str())
    }
}

/// Takes what was posted: what is faulty comes back with its faults.
///
/// # Errors
/// [`OfficeError::Money`] when it is too late or the office has none; storage.
pub(super) async fn wished(
    desk: &Desk,
    by: &Who,
    bill: &Bill,
    pairs: &[(String, String)],
) -> Result<Option<(Delivery, FieldFaults)>, OfficeError> {
    let delivery = Delivery::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let done = desk.wish_quota(by, &bill.number, &delivery).await?;
    Ok(done.err().map(|faults| (delivery, faults)))
}

/// How far the quota invoices of a bill are, in the unit's words.
pub(in crate::http) fn told(view: &View, told: &Told) -> String {
    let n = i64::try_from(told.papers).unwrap_or(i64::MAX);
    view.locale.t_with(&format!("quota-told-{}", told.word), &[("n", &n), ("waybill", &told.waybill)])
}
