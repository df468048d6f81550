//! What comes back signed: the scan of a paper becomes a document of its case, at any time after the paper could be
//! printed.

use ca_core::domain::Officer;

use super::case::CaseNumber;
use super::desk::{Desk, OfficeError, again};
use super::document::{DocumentError, MAX_SHEETS};
use super::intake::Upload;
use super::papers::Paper;
use crate::store::OrderSubject;

/// Taken, or what is wrong with the scans; `None` when there is none.
pub type Annexed = Result<(), Option<DocumentError>>;

impl Desk {
    /// Takes the scans of a signed paper. While the case is typed they take the place of earlier ones, and an order that
    /// lies ready is dropped, for it lists what there was; later they are added, for officers have signed what there is.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn annex(
        &self,
        officer: &Officer,
        number: &CaseNumber,
        paper: Paper,
        uploads: Vec<Upload>,
    ) -> Result<Annexed, OfficeError> {
        let shown = self.view(officer, number).await?;
        shown.case.annexable_by(officer)?;
        if !paper.is_due(&shown) {
            return Err(OfficeError::WrongState("the case has not come so far that this paper could be signed"));
        }
        if uploads.is_empty() {
            return Ok(Err(None));
        }
        let (kept, refused) = self.take_documents(uploads).await?;
        if let Some((_, fault)) = refused.first() {
            return Ok(Err(*fault));
        }
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let typing = case.is_open_for_typing();
            let (case, step) = case.annex(officer, now)?;
            let there = tx.documents(number).await?;
            let there = there.iter().filter(|document| document.kind == paper.scanned()).count();
            let before = if typing { 0 } else { there };
            if before + kept.len() > MAX_SHEETS {
                return Ok(Err(Some(DocumentError::TooManySheets)));
            }
            if typing {
                tx.drop_open_orders(&OrderSubject::Case(number.clone()), now).await?;
                tx.drop_documents(number, paper.scanned()).await?;
            }
            for kept in &kept {
                self.put_kept(&mut tx, number, kept, before).await?;
            }
            self.put(tx, &case, sealed.as_deref(), &step).await?;
            Ok(Ok(()))
        })
        .await
    }
}
