//! The papers of a case: what the unit signs and seals, and what it is told. Printed from what the case says, in Chinese,
//! with the resident number masked; what comes back signed is a document of the case like any other scan.

use ca_core::domain::{CertificateStatus, Officer, Sha256, Timestamp};
use serde::Serialize;

use super::case::{CaseNumber, State};
use super::desk::{CaseView, Desk, OfficeError};
use super::document::DocumentKind;
use super::form::UnitKind;
use crate::i18n::Locale;
use crate::paper::{PaperError, Press};
use crate::store::Issued;

/// Papers are in this language.
const LANGUAGE: Locale = Locale::ZhCn;

/// What stands on every paper; from the configuration.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// The authority's name.
    pub authority: String,
    /// Version of the practice statement that a unit accepts (law L7).
    pub cps_version: String,
    /// SHA-256 of its text.
    pub cps_sha256: Option<Sha256>,
    /// Where that statement is published.
    pub cps_url: String,
    /// Whom to call, e.g. for a loss.
    pub contact: String,
}

/// A paper of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// What is applied for.
    Application,
    /// What the unit agrees to.
    Agreement,
    /// What the handler receives.
    Handover,
    /// That a certificate was revoked.
    Revocation,
}

impl Paper {
    /// All, in the order in which they are needed.
    pub const ALL: [Self; 4] = [Self::Application, Self::Agreement, Self::Handover, Self::Revocation];

    /// The word in addresses and message keys, and the name of the template.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Agreement => "agreement",
            Self::Handover => "handover",
            Self::Revocation => "revocation",
        }
    }

    /// The paper with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paper| paper.word() == word)
    }

    /// As which document it comes back.
    #[must_use]
    pub const fn scanned(self) -> DocumentKind {
        match self {
            Self::Application => DocumentKind::ApplicationForm,
            Self::Agreement => DocumentKind::Agreement,
            Self::Handover => DocumentKind::HandoverReceipt,
            Self::Revocation => DocumentKind::RevocationNotice,
        }
    }

    /// Whether the case has come so far that the paper says something true.
    #[must_use]
    pub fn is_due(self, shown: &CaseView) -> bool {
        let issued = shown.issued.as_ref();
        match self {
            Self::Application | Self::Agreement => {
                !matches!(shown.case.state, State::Rejected { .. } | State::Cancelled { .. } | State::Lapsed)
            }
            Self::Handover => issued.is_some_and(|issued| issued.delivered.is_some()),
            Self::Revocation => issued.is_some_and(|issued| matches!(issued.status, CertificateStatus::Revoked { .. })),
        }
    }
}

/// What templates read. Each takes of it what it needs.
#[derive(Serialize)]
struct Facts {
    title: String,
    number: String,
    authority: String,
    cps_version: String,
    cps_sha256: String,
    cps_url: String,
    contact: String,
    printed: String,
    office: String,
    process: String,
    old: Option<String>,
    unit_name: String,
    uscc: String,
    unit_kind: String,
    /// The holder is a natural person.
    person: bool,
    address: String,
    legal_person: String,
    handler_name: String,
    handler_id: String,
    handler_mobile: String,
    purchased: String,
    years: String,
    key: String,
    documents: Vec<String>,
    issuer: String,
    serial: String,
    encryption_serial: String,
    not_before: String,
    not_after: String,
    delivered: String,
    revoked: String,
    reason: String,
}

impl Facts {
    fn of(shown: &CaseView, letterhead: &Letterhead, now: Timestamp) -> Self {
        let (case, form) = (&shown.case, &shown.case.form);
        let t = |key: &str| LANGUAGE.t(key);
        let kind = UnitKind::from_word(&form.unit_kind);
        let process = t(&format!("process-{}", case.process.word()));
        // The one that the case took when it was begun: a later one is not what the unit accepts here.
        let (cps_version, cps_sha256) = match &shown.practice {
            Some(kept) => (kept.version.clone(), kept.sha256),
            None => (letterhead.cps_version.clone(), letterhead.cps_sha256),
        };
        let of_certificate = |say: fn(&Issued) -> String| shown.issued.as_ref().map(say).unwrap_or_default();
        let (revoked, reason) = match shown.issued.as_ref().map(|issued| issued.status) {
            Some(CertificateStatus::Revoked { since, reason }) => {
                (since.beijing_text(), t(&format!("login-reason-{}", reason.word().replace('_', "-"))))
            }
            _ => (String::new(), String::new()),
        };
        Self {
            title: LANGUAGE.t_with("paper-application-title", &[("process", &process)]),
            number: case.number.to_string(),
            authority: letterhead.authority.clone(),
            cps_version,
            cps_sha256: cps_sha256.map(|hash| hash.to_string()).unwrap_or_default(),
            cps_url: letterhead.cps_url.clone(),
            contact: letterhead.contact.clone(),
            printed: now.beijing_text(),
            office: case.office.to_string(),
            process,
            old: case.process.old().map(|old| format!("{} {}", old.issuer, old.serial)),
            unit_name: form.unit_name.clone(),
            uscc: form.uscc.clone(),
            unit_kind: kind.map(|kind| t(&format!("kind-{}", kind.word()))).unwrap_or_default(),
            person: form.is_of_a_person(&case.process),
            address: form.address.clone(),
            legal_person: form.legal_person.clone(),
            handler_name: form.handler_name.clone(),
            handler_id: case.handler_id_masked.clone(),
            handler_mobile: form.handler_mobile.clone(),
            purchased: form.purchased.clone(),
            years: if form.years.is_empty() {
                t("years-kept")
            } else {
                LANGUAGE.t_with("years-n", &[("n", &form.years)])
            },
            key: form.key.clone(),
            documents: documents(shown),
            issuer: of_certificate(|issued| issued.issuer.to_string()),
            serial: of_certificate(|issued| issued.serial.to_string()),
            encryption_serial: of_certificate(|issued| {
                issued.encryption.as_ref().map(|pair| pair.serial.to_string()).unwrap_or_default()
            }),
            not_before: of_certificate(|issued| issued.validity.not_before.beijing_day().to_string()),
            not_after: of_certificate(|issued| issued.validity.not_after.beijing_day().to_string()),
            delivered: of_certificate(|issued| issued.delivered.map(Timestamp::beijing_text).unwrap_or_default()),
            revoked,
            reason,
        }
    }
}

/// What lies in the case, each kind once with its number of sheets; not the papers that are being printed.
fn documents(shown: &CaseView) -> Vec<String> {
    DocumentKind::ALL
        .into_iter()
        .filter(|kind| Paper::ALL.iter().all(|paper| paper.scanned() != *kind))
        .filter_map(|kind| {
            let sheets = shown.documents.iter().filter(|document| document.kind == kind).count();
            let name = LANGUAGE.t(&format!("document-{}", kind.word().replace('_', "-")));
            (sheets > 0).then(|| LANGUAGE.t_with("paper-document", &[("document", &name), ("n", &sheets)]))
        })
        .collect()
}

/// Prints the papers of cases.
#[derive(Clone)]
pub struct Printer {
    /// Sets them.
    pub press: Press,
    /// What stands on each.
    pub letterhead: Letterhead,
}

impl Printer {
    /// Sets a paper as it is at a moment.
    pub(super) async fn print(&self, shown: &CaseView, paper: Paper, now: Timestamp) -> Result<Vec<u8>, PaperError> {
        self.press.print(paper.word(), &Facts::of(shown, &self.letterhead, now), now).await
    }
}

impl Desk {
    /// A paper of a case as PDF, for who may look at the case.
    ///
    /// # Errors
    /// [`OfficeError::WrongState`] when the case has not come so far; [`OfficeError::Paper`].
    pub async fn print(&self, officer: &Officer, number: &CaseNumber, paper: Paper) -> Result<Vec<u8>, OfficeError> {
        let shown = self.view(officer, number).await?;
        if !paper.is_due(&shown) {
            return Err(OfficeError::WrongState("the case has not come so far that this paper could be printed"));
        }
        Ok(self.printer.print(&shown, paper, self.clock.now()).await?)
    }
}
