//! What a bill is invoiced with, as a unit and the desk choose it on the same forms: to whom an e-invoice is made out, or that
//! quota invoices are wanted and where they go. Whose bill it is, each site looks for itself before it shows or takes anything.

pub(in crate::http) mod quota;
pub(in crate::http) mod title;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use self::quota::{WishForm, wished};
use self::title::{TitleForm, chosen};
use super::error::{Failure, Kind};
use crate::enrolment::case::Who;
use crate::enrolment::desk::{Desk, OfficeError};
use crate::enrolment::form::{FieldFault, FieldFaults};
use crate::invoice::quota::wish::Delivery;
use crate::invoice::title::Title;
use crate::page::View;
use crate::payment::bill::Bill;

/// Which of the two is chosen: the last part of the address says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Choice {
    /// To whom an e-invoice is made out.
    Title,
    /// Quota invoices, and where they go.
    Quota,
}

/// What was typed and is faulty, with its faults.
pub(in crate::http) enum Faulty {
    /// A title.
    Title(Title, FieldFaults),
    /// Where papers go.
    Quota(Delivery, FieldFaults),
}

/// The form of a choice.
pub(in crate::http) enum ChoiceForm {
    /// `parts/title.html`.
    Title(TitleForm),
    /// `parts/quota.html`.
    Quota(WishForm),
}

impl<S: Send + Sync> FromRequestParts<S> for Choice {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let last = parts.uri.path().rsplit('/').next();
        let choice = [Self::Title, Self::Quota].into_iter().find(|choice| last == Some(choice.place()));
        choice.ok_or_else(|| Kind::NotFound.into())
    }
}

impl Choice {
    /// The last part of its address.
    pub(in crate::http) const fn place(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Quota => "quota",
        }
    }

    /// What its page is called.
    pub(in crate::http) fn heading(self, view: &View) -> String {
        view.t(match self {
            Self::Title => "title-heading",
            Self::Quota => "quota-wish-title",
        })
    }

    /// The form of a bill at `path`, from which one goes back to `back`: with what was chosen before, or with what was typed
    /// and is faulty.
    ///
    /// # Errors
    /// That the office has no quota invoices, or storage.
    pub(in crate::http) async fn form(
        self,
        desk: &Desk,
        view: &View,
        bill: &Bill,
        paths: (&str, &str),
        faulty: Option<Faulty>,
    ) -> Result<ChoiceForm, Failure> {
        Ok(match (self, faulty) {
            (_, Some(Faulty::Title(title, faults))) => {
                ChoiceForm::Title(TitleForm::new(desk, view, bill, paths, Some((title, faults))).await?)
            }
            (_, Some(Faulty::Quota(delivery, faults))) => {
                ChoiceForm::Quota(WishForm::new(desk, view, bill, paths, Some((delivery, faults))).await?)
            }
            (Self::Title, None) => ChoiceForm::Title(TitleForm::new(desk, view, bill, paths, None).await?),
            (Self::Quota, None) => ChoiceForm::Quota(WishForm::new(desk, view, bill, paths, None).await?),
        })
    }

    /// Takes what was posted: what is faulty comes back.
    ///
    /// # Errors
    /// [`OfficeError::Money`] when it is too late or the office has none; storage.
    pub(in crate::http) async fn take(
        self,
        desk: &Desk,
        by: &Who,
        bill: &Bill,
        pairs: &[(String, String)],
    ) -> Result<Option<Faulty>, OfficeError> {
        Ok(match self {
            Self::Title => chosen(desk, by, bill, pairs).await?.map(|(title, faults)| Faulty::Title(title, faults)),
            Self::Quota => wished(desk, by, bill, pairs).await?.map(|(wish, faults)| Faulty::Quota(wish, faults)),
        })
    }
}

impl ChoiceForm {
    /// Where one goes back to.
    pub(in crate::http) fn back(&self) -> &str {
        match self {
            Self::Title(form) => &form.back,
            Self::Quota(form) => &form.back,
        }
    }
}

/// What is wrong with fields of a form, in words.
fn fault_texts(view: &View, faults: &FieldFaults) -> Vec<(&'static str, String)> {
    let text = |(field, fault): &(&'static str, FieldFault)| {
        let label = view.t(&format!("field-{}", field.replace('_', "-")));
        let n = i64::try_from(fault.number()).unwrap_or(i64::MAX);
        (*field, view.locale.t_with(fault.key(), &[("field", &label), ("n", &n)]))
    };
    faults.iter().map(text).collect()
}
