//! Taking in: drafts, documents, and the order that the entry officer signs.

use std::collections::BTreeMap;

use ca_core::domain::{Act, Ground, Officer, Order, OrderId, Replaces, ResidentId, Subject, SubjectField, encode};
use openssl::sha::sha256;

use super::case::{Case, CaseNumber, Who};
use super::desk::{Desk, OfficeError, again};
use super::document::{DocumentError, DocumentKind, MAX_SHEETS};
use super::form::{FieldFault, FieldFaults, Form, Particulars};
use super::holder::Holder;
use super::process::Process;
use crate::store::{
    CaseFilter, CaseLine, CertificateFilter, Document, Issued, OrderState, OrderSubject, PracticeStatement,
    StoredOrder, Tx,
};
use crate::tokens::Token;

/// An uploaded file, not yet looked at.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What it is said to show.
    pub kind: DocumentKind,
    /// The file's name at the counter.
    pub name: String,
    /// Its bytes, or why they were not all read.
    pub bytes: Result<Vec<u8>, DocumentError>,
}

/// What is wrong with the documents: kind, fault; `None` is a missing one.
pub type DocumentFaults = Vec<(DocumentKind, Option<DocumentError>)>;

/// A scan that the store has.
pub(super) struct Kept {
    pub(super) document: Document,
    bytes: Vec<u8>,
}

/// A draft that was saved, and what was not taken of it.
pub struct Saved {
    /// The case as it is now, the typed resident number included.
    pub case: Case,
    /// Documents that were refused; the others are kept.
    pub refused: DocumentFaults,
}

/// What stands in the way of signing.
#[derive(Default)]
pub struct Faults {
    /// Of the fields.
    pub fields: FieldFaults,
    /// Of the documents.
    pub documents: DocumentFaults,
}

/// Whether it can be signed.
pub enum Prepared {
    /// The order lies ready.
    Ready(OrderId),
    /// Not yet.
    Faulty(Faults),
}

/// What the office has already about a unit.
pub struct Duplicates {
    /// Other cases that are not over.
    pub cases: Vec<CaseLine>,
    /// Certificates that are not revoked and not expired.
    pub certificates: Vec<Issued>,
}

impl Duplicates {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.certificates.is_empty()
    }
}

impl Desk {
    /// Saves what was typed: a new case, or other particulars of one that is open for typing. Good documents
    /// are kept, bad ones told; nothing typed is lost.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn save(
        &self,
        officer: &Officer,
        number: Option<&CaseNumber>,
        form: Form,
        uploads: Vec<Upload>,
    ) -> Result<Saved, OfficeError> {
        let now = self.clock.now();
        let (kept, refused) = self.take_documents(uploads).await?;
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut form = form.clone();
            let (case, step) = match number {
                None => {
                    let number = tx.next_case_number(now.beijing_day()).await?;
                    let process = Process::first(form.says_person());
                    form.hold_to(form.says_person());
                    let masked = masked(&form);
                    Case::begin(number, process, officer, form.clone(), masked, now)
                }
                Some(number) => {
                    let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
                    if form.handler_id.is_empty() {
                        form.handler_id = self.open_handler_id(number, sealed.as_deref())?;
                    }
                    if !case.process.names_the_unit() {
                        form.unit_name.clone_from(&case.form.unit_name);
                        form.uscc.clone_from(&case.form.uscc);
                    }
                    form.hold_to(case.form.is_of_a_person(&case.process));
                    if let Some(token) = exchanged(&mut tx, &case.process).await? {
                        form.purchased = token.purchased.to_string();
                    }
                    let masked = masked(&form);
                    case.revise(officer, form.clone(), masked, now)?
                }
            };
            let sealed = self.seal_handler_id(&case.number, &form.handler_id)?;
            if number.is_none() {
                tx.add_case(&case, sealed.as_deref()).await?;
            } else {
                tx.put_case(&case, sealed.as_deref()).await?;
            }
            let subject = OrderSubject::Case(case.number.clone());
            tx.drop_open_orders(&subject, now).await?;
            for kept in &kept {
                if kept.document.sheet == 1 {
                    tx.drop_documents(&case.number, kept.document.kind).await?;
                }
                self.put_kept(&mut tx, &case.number, kept, 0).await?;
            }
            tx.fix_practice_statement(&case.number, &self.practice_statement()).await?;
            tx.add_step(&subject, &step).await?;
            tx.audit(&self.event(&subject, &step)).await?;
            tx.commit().await?;
            Ok(Saved { case, refused: refused.clone() })
        })
        .await
    }

    /// Looks whether a case can be signed, and writes its order down if so.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn prepare(&self, officer: &Officer, number: &CaseNumber) -> Result<Prepared, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (mut case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            case.typeable_by(officer)?;
            case.form.handler_id = self.open_handler_id(number, sealed.as_deref())?;
            let documents = tx.documents(number).await?;
            let missing: DocumentFaults = case
                .process
                .documents()
                .iter()
                .filter(|kind| documents.iter().all(|document| document.kind != **kind))
                .map(|kind| (*kind, None))
                .collect();
            let mut read = case.form.particulars(
                &case.process,
                &self.rules.kinds(),
                self.rules.money.max_years,
                now.beijing_day(),
            );
            if let Some(token) = exchanged(&mut tx, &case.process).await? {
                // What the books say of the token counts, not the day of purchase: an exchanged one is covered as long
                // as the first one was.
                let over = now.beijing_day() > token.warranty_until;
                let fault = ("purchased", FieldFault::Warranty);
                read = match read {
                    Ok(_) if over => Err(vec![fault]),
                    Err(mut faults) => {
                        faults.retain(|(field, _)| *field != "purchased");
                        faults.extend(over.then_some(fault));
                        Err(faults)
                    }
                    read => read,
                };
            }
            let taken = match &read {
                Ok(particulars) => self.is_anothers(&mut tx, number, particulars).await?,
                Err(_) => false,
            };
            if taken {
                read = Err(vec![("person_number", FieldFault::Taken)]);
            }
            let particulars = match read {
                Ok(particulars) if missing.is_empty() => particulars,
                result => {
                    let fields = result.err().unwrap_or_default();
                    return Ok(Prepared::Faulty(Faults { fields, documents: missing }));
                }
            };
            let id = OrderId::draw(now, &mut *self.draw());
            let order = Order {
                id,
                office: officer.office.clone(),
                created: now,
                evidence: documents.iter().map(|document| document.sha256).collect(),
                act: self.act(&mut tx, &case.process, &particulars).await?,
            };
            let subject = OrderSubject::Case(number.clone());
            tx.fix_practice_statement(number, &self.practice_statement()).await?;
            tx.drop_open_orders(&subject, now).await?;
            tx.add_order(&StoredOrder {
                statement: encode(&order),
                order,
                subject,
                state: OrderState::Open,
                refusal: None,
                opened: Who::from(officer),
                signatures: Vec::new(),
            })
            .await?;
            tx.commit().await?;
            Ok(Prepared::Ready(id))
        })
        .await
    }

    /// What the office has already about the unit with this code, apart from one case.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn duplicates(&self, uscc: &str, but: Option<&CaseNumber>) -> Result<Duplicates, OfficeError> {
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let mut cases = tx.cases(&CaseFilter::Uscc(uscc.to_owned()), 20).await?;
        cases.retain(|line| Some(&line.number) != but && line.is_open());
        let mut certificates = tx.certificates(&CertificateFilter::Uscc(uscc.to_owned()), 20).await?;
        certificates.retain(|issued| {
            issued.validity.contains(now)
                && !matches!(issued.status, ca_core::domain::CertificateStatus::Revoked { .. })
        });
        Ok(Duplicates { cases, certificates })
    }

    /// The certificates that the unit with this code had or has, of any office, the last issued first: a reviewer
    /// compares what is asked for with what there is.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn certificates_of(&self, uscc: &str) -> Result<Vec<Issued>, OfficeError> {
        Ok(self.store.read().await?.certificates(&CertificateFilter::Uscc(uscc.to_owned()), 20).await?)
    }

    /// Looks at uploads and keeps what is good, a kind as a whole: its scans, numbered, are to take the place of those
    /// there are.
    pub(super) async fn take_documents(
        &self,
        uploads: Vec<Upload>,
    ) -> Result<(Vec<Kept>, DocumentFaults), OfficeError> {
        let mut kinds: BTreeMap<DocumentKind, Vec<Upload>> = BTreeMap::new();
        for upload in uploads {
            kinds.entry(upload.kind).or_default().push(upload);
        }
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for (kind, uploads) in kinds {
            match self.take_kind(uploads).await? {
                Ok(documents) => kept.extend(documents),
                Err(fault) => refused.push((kind, Some(fault))),
            }
        }
        Ok((kept, refused))
    }

    async fn take_kind(&self, uploads: Vec<Upload>) -> Result<Result<Vec<Kept>, DocumentError>, OfficeError> {
        if uploads.len() > MAX_SHEETS {
            return Ok(Err(DocumentError::TooManySheets));
        }
        let mut scans = Vec::new();
        for upload in uploads {
            let looked = match upload.bytes {
                Ok(bytes) => self.evidence.look(bytes).await?,
                Err(fault) => Err(fault),
            };
            match looked {
                Ok(scan) => scans.push((upload.kind, upload.name, scan)),
                Err(fault) => return Ok(Err(fault)),
            }
        }
        let mut kept = Vec::new();
        for (n, (kind, name, scan)) in (1..).zip(scans) {
            let document = Document {
                kind,
                sheet: n,
                sha256: self.evidence.keep(&scan.bytes).await?,
                media: scan.media,
                bytes: i64::try_from(scan.bytes.len()).unwrap_or(i64::MAX),
                pages: i64::try_from(scan.pages).unwrap_or(i64::MAX),
                name: name.chars().filter(|c| !c.is_control()).take(100).collect(),
                added: self.clock.now(),
            };
            kept.push(Kept { document, bytes: scan.bytes });
        }
        Ok(Ok(kept))
    }

    /// Writes a kept scan into its case, as the sheet so many after its own number. One that the store was about to
    /// forget for another case, or forgot a moment ago, is kept once more.
    pub(super) async fn put_kept(
        &self,
        tx: &mut Box<dyn Tx>,
        number: &CaseNumber,
        kept: &Kept,
        after: usize,
    ) -> Result<(), OfficeError> {
        let sheet = kept.document.sheet + i64::try_from(after).unwrap_or(i64::MAX);
        tx.put_document(number, &Document { sheet, ..kept.document.clone() }).await?;
        if tx.revive(kept.document.sha256).await? {
            self.evidence.keep(&kept.bytes).await?;
        }
        Ok(())
    }

    /// The practice statement that is in force now.
    pub(crate) fn practice_statement(&self) -> PracticeStatement {
        let letterhead = &self.printer.letterhead;
        PracticeStatement {
            version: letterhead.cps_version.clone(),
            sha256: letterhead.cps_sha256,
            since: self.clock.now(),
        }
    }

    async fn act(
        &self,
        tx: &mut Box<dyn Tx>,
        process: &Process,
        particulars: &Particulars,
    ) -> Result<Act, OfficeError> {
        let (subject, replaces) = match process {
            Process::Enrolment | Process::Person => (self.subject(particulars)?, None),
            Process::Replacement { ground, old } => {
                let subject = self.renamed(tx, *ground, old, particulars).await?;
                let old = old.clone();
                (subject, Some(Replaces { issuer: old.issuer, serial: old.serial, ground: *ground }))
            }
        };
        let key = particulars.key;
        let issuer =
            self.rules.issuer_of(key).ok_or_else(|| OfficeError::Rules(format!("nobody issues for {key} keys")))?;
        let profile = self.rules.profile_of(&particulars.holder).clone();
        Ok(Act::Issue { issuer, profile, subject, years: particulars.years, key, officer: None, replaces })
    }

    fn subject(&self, particulars: &Particulars) -> Result<Subject, OfficeError> {
        let rules = &self.rules;
        let mut fields = BTreeMap::from([
            (SubjectField::Country, "CN".to_owned()),
            (SubjectField::Province, rules.province.clone()),
            (SubjectField::Locality, rules.locality.clone()),
            (SubjectField::CommonName, particulars.unit_name.clone()),
        ]);
        match &particulars.holder {
            Holder::Unit(uscc) => fields.extend([
                (SubjectField::Organisation, particulars.unit_name.clone()),
                (SubjectField::Uscc, uscc.to_string()),
                (SubjectField::UniqueId, format!("1@YX01{uscc}")),
            ]),
            Holder::Person(number) => fields.extend([(SubjectField::UniqueId, number.to_string())]),
        }
        Subject::new(fields).map_err(|error| OfficeError::Rules(error.to_string()))
    }

    /// The handler's resident number as it was typed; empty when there is none.
    pub(crate) fn open_handler_id(&self, number: &CaseNumber, sealed: Option<&[u8]>) -> Result<String, OfficeError> {
        let Some(sealed) = sealed else { return Ok(String::new()) };
        let plain = self.vault.open(&handler_place(number), sealed)?;
        Ok(String::from_utf8_lossy(&plain).into_owned())
    }

    pub(crate) fn seal_handler_id(&self, number: &CaseNumber, typed: &str) -> Result<Option<Vec<u8>>, OfficeError> {
        if typed.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.vault.seal(&handler_place(number), typed.as_bytes(), &self.chance)?))
    }
}

/// The token that is to be exchanged, where it is in the books.
async fn exchanged(tx: &mut Box<dyn Tx>, process: &Process) -> Result<Option<Token>, OfficeError> {
    match (process.ground(), process.old()) {
        (Some(Ground::Exchange), Some(old)) => {
            let token = tx.token_with(&old.issuer, &old.serial).await?;
            // One that came to the counter by itself has no day of purchase of its own.
            Ok(token.filter(Token::is_from_stock))
        }
        _ => Ok(None),
    }
}

fn handler_place(number: &CaseNumber) -> String {
    format!("handler_id of {number}")
}

/// What screens show of a typed number: masked when it is one, nothing when it is none.
pub(crate) fn masked(form: &Form) -> String {
    form.handler_id.parse::<ResidentId>().map(|id| id.masked()).unwrap_or_default()
}

/// SHA-256 of bytes.
#[must_use]
pub fn hash_of(bytes: &[u8]) -> ca_core::domain::Sha256 {
    ca_core::domain::Sha256(sha256(bytes))
}
