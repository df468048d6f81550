//! The form with the title of a bill's e-invoice.

use super::fault_texts;
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::enrolment::form::FieldFaults;
use crate::http::error::Failure;
use crate::invoice::issuing::title_is_frozen;
use crate::invoice::title::{FIELDS, Title};
use crate::page::View;
use crate::payment::bill::Bill;

/// The form, as `parts/title.html` shows it.
pub(in crate::http) struct TitleForm {
    pub(in crate::http) action: String,
    pub(in crate::http) back: String,
    /// Where quota invoices are asked for instead, if the office has them.
    pub(in crate::http) quota: Option<String>,
    /// Whether they are asked for: then saving a title takes that back.
    pub(in crate::http) wished: bool,
    pub(in crate::http) fields: [&'static str; 7],
    pub(in crate::http) faults: Vec<(&'static str, String)>,
    /// Why the title can no longer be changed.
    pub(in crate::http) frozen: Option<String>,
    pub(in crate::http) title: Title,
}

impl TitleForm {
    /// The form of a bill at `path`, from which one goes back to `back`: with the title that was chosen, or with what was typed
    /// and is faulty.
    ///
    /// # Errors
    /// Storage.
    pub(in crate::http) async fn new(
        desk: &Desk,
        view: &View,
        bill: &Bill,
        (path, back): (&str, &str),
        typed: Option<(Title, FieldFaults)>,
    ) -> Result<Self, Failure> {
        let mut tx = desk.store.read().await?;
        let frozen = title_is_frozen(&mut tx, bill).await?.map(|_| view.t("title-frozen"));
        let wished = desk.invoices.quota && tx.wish(&bill.number).await?.is_some();
        let (title, faults) = match typed {
            Some((title, faults)) => (title, fault_texts(view, &faults)),
            None => (tx.invoice_title(&bill.number).await?.unwrap_or_else(|| Title::of(bill)), Vec::new()),
        };
        Ok(Self {
            action: format!("{path}/title"),
            back: back.to_owned(),
            quota: desk.invoices.quota.then(|| format!("{path}/quota")),
            wished,
            fields: FIELDS,
            faults,
            frozen,
            title,
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
/// [`OfficeError::Money`] once an invoice was asked for; storage.
pub(super) async fn chosen(
    desk: &Desk,
    by: &Who,
    bill: &Bill,
    pairs: &[(String, String)],
) -> Result<Option<(Title, FieldFaults)>, OfficeError> {
    let title = Title::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let done = desk.choose_title(by, &bill.number, &title).await?;
    Ok(done.err().map(|faults| (title, faults)))
}
