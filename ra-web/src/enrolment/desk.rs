//! The desk: what its services share, and the decisions on a case.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use ca_core::clock::Clock;
use ca_core::cms::{self, CmsError};
use ca_core::domain::{IssuerId, KeyKind, Officer, ProfileName, Sha256, Timestamp};
use ca_core::service::client::{CallError, CertificateAuthority};
use ca_core::sql::DatabaseError;
use rand_chacha::ChaCha20Rng;

use super::case::{Case, CaseNumber, Forbidden, State, Step, Who};
use super::holder::Holder;
use super::intake::hash_of;
use super::papers::Printer;
use super::process::{NotNow, RenewalWindow};
use super::retention::{Deletion, Kept, Terms, keep_all_until, matters_about};
use crate::Chance;
use crate::audit::Event;
use crate::evidence::preview::Size;
use crate::evidence::{Evidence, EvidenceError};
use crate::invoice::Invoices;
use crate::invoice::ofd::OfdError;
use crate::matters::Matter;
use crate::matters::publication::Publication;
use crate::matters::store::MatterFilter;
use crate::paper::PaperError;
use crate::payment::bill::MoneyFault;
use crate::payment::gateway::GatewayError;
use crate::store::{
    CaseFilter, CaseLine, CertificateFilter, Document, Issued, OrderState, OrderSubject, PastStep, PracticeStatement,
    Signature, Store, StoredOrder, Tx,
};
use crate::tokens::TokenRefusal;
use crate::vault::{FieldKey, VaultError};

/// What orders ask the authority for; from the configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Profile of unit certificates.
    pub profile: ProfileName,
    /// Profile of certificates of natural persons.
    pub person_profile: ProfileName,
    /// The kinds of keys that units may have, in the order in which the form offers them, and who issues for each.
    pub issuers: Vec<(KeyKind, IssuerId)>,
    /// Province of the subject.
    pub province: String,
    /// City of the subject.
    pub locality: String,
    /// When certificates may be renewed.
    pub renewal: RenewalWindow,
    /// Whether certificates are made only on tokens that are in the office's stock.
    pub stock_only: bool,
    /// What they cost.
    pub money: crate::payment::Terms,
    /// A hold is followed by a release, a re-issue or a revocation within so many days.
    pub hold_days: u16,
}

impl Rules {
    /// Who issues certificates for such a key; nobody for one that the desk does not offer.
    #[must_use]
    pub fn issuer_of(&self, key: KeyKind) -> Option<IssuerId> {
        self.issuers.iter().find(|(kind, _)| *kind == key).map(|(_, issuer)| issuer.clone())
    }

    /// After which profile the certificates of such a holder are made.
    #[must_use]
    pub const fn profile_of(&self, holder: &Holder) -> &ProfileName {
        match holder {
            Holder::Unit(_) => &self.profile,
            Holder::Person(_) => &self.person_profile,
        }
    }

    /// The kinds of keys that the form offers, in its order.
    #[must_use]
    pub fn kinds(&self) -> Vec<KeyKind> {
        self.issuers.iter().map(|(kind, _)| *kind).collect()
    }
}

/// The office's services over its ports.
pub struct Desk {
    /// Storage.
    pub store: Arc<dyn Store>,
    /// The authority.
    pub ca: Arc<dyn CertificateAuthority>,
    /// Scans.
    pub evidence: Evidence,
    /// Papers.
    pub printer: Printer,
    /// What everybody can know of a revocation.
    pub publication: Arc<dyn Publication>,
    /// Field key.
    pub vault: Arc<FieldKey>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Chance,
    /// What orders ask for.
    pub rules: Rules,
    /// For how long evidence is kept.
    pub terms: Terms,
    /// Whether units are told by mail.
    pub mails: bool,
    /// Invoices.
    pub invoices: Invoices,
}

/// Why the office did not do it.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The authority refused or did not answer.
    #[error(transparent)]
    Authority(#[from] CallError),
    /// Storage.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The evidence folder.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The case's state, or four eyes.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Evidence must be kept.
    #[error(transparent)]
    Kept(#[from] Kept),
    /// The officer has not the role of the seat.
    #[error("the officer has not the duty for this signature")]
    NoSeat,
    /// Money.
    #[error(transparent)]
    Money(#[from] MoneyFault),
    /// The provider of online payment.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// No such case, order, certificate or document.
    #[error("not found")]
    NotFound,
    /// The certificate cannot be replaced now.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// A paper cannot be printed.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// The configuration does not fit the authority.
    #[error("the configuration's rules: {0}")]
    Rules(String),
    /// A signature.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// The ticket's half hour is over.
    #[error("the ticket has expired")]
    TicketExpired,
    /// No such ticket.
    #[error("no such ticket")]
    TicketUnknown,
    /// Used, given up, or replaced by a later one.
    #[error("the ticket was used up or replaced")]
    TicketUsed,
    /// The certificate's or order's state.
    #[error("{0}")]
    WrongState(&'static str),
    /// A grant.
    #[error(transparent)]
    Grant(#[from] GrantFault),
    /// The token cannot be used so.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// Sealed data.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// An invoice cannot be written as OFD.
    #[error(transparent)]
    Ofd(#[from] OfdError),
}

/// Why a grant does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantFault {
    /// No such grant.
    #[error("no such grant")]
    Unknown,
    /// Its quarter of an hour is over.
    #[error("the grant has expired")]
    Expired,
    /// It was used, or another took its place.
    #[error("the grant was used up or replaced")]
    Used,
}

/// Why a signature is not taken. The authority looks again; this spares the officer its refusal.
#[derive(Debug, thiserror::Error)]
pub enum SignatureFault {
    /// It does not verify.
    #[error("the signature: {0}")]
    Message(#[from] CmsError),
    /// Something else was signed: the page was old.
    #[error("something else was signed than what lies ready")]
    Content,
    /// By another certificate than the session's.
    #[error("the signature is by another certificate than the one signed in with")]
    Signer,
}

/// Runs a use case, and again when the database rolled it back only because another came first.
pub(crate) async fn again<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, OfficeError>
where
    F: Future<Output = Result<T, OfficeError>>,
{
    for _ in 0..5 {
        match attempt().await {
            Err(OfficeError::Database(error)) if error.is_contention() => tokio::task::yield_now().await,
            done => return done,
        }
    }
    attempt().await
}

/// Who acts, and by which certificate they signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The officer as the authority's registry has them.
    pub officer: Officer,
    /// SHA-256 of their DER certificate.
    pub certificate: Sha256,
}

/// A case with all that its page shows.
pub struct CaseView {
    /// The case; the resident number masked.
    pub case: Case,
    /// Documents.
    pub documents: Vec<Document>,
    /// The order under way or carried out, or the one that lies ready to be signed.
    pub order: Option<StoredOrder>,
    /// What was issued for it, one certificate or a pair, once it was.
    pub issued: Option<Issued>,
    /// History, newest first.
    pub steps: Vec<PastStep>,
    /// The practice statement that goes with it.
    pub practice: Option<PracticeStatement>,
    /// Until when its evidence is kept, or that it is not over.
    pub until: Result<Timestamp, Kept>,
    /// A deletion of its evidence that was asked for or done.
    pub deletion: Option<Deletion>,
}

/// How much waits at an office: what the rail of every page shows.
pub struct Counts {
    /// How many cases stand in each state.
    pub cases: BTreeMap<String, i64>,
    /// How many orders on certificates wait for a second signature or for the authority.
    pub orders: i64,
}

impl Counts {
    /// How many cases stand in a state.
    #[must_use]
    pub fn count(&self, state: &str) -> i64 {
        self.cases.get(state).copied().unwrap_or(0)
    }
}

/// What waits at the office.
pub struct Queue {
    /// How much.
    pub counts: Counts,
    /// Matters about certificates that wait for a step, the most urgent first.
    pub matters: Vec<Matter>,
    /// Certificates that are held, the longest first.
    pub held: Vec<Issued>,
    /// Orders on certificates that wait for a signature or for the authority, each with the unit's name.
    pub orders: Vec<(StoredOrder, String)>,
    /// The cases of the list.
    pub cases: Vec<CaseLine>,
}

impl Desk {
    /// How much waits at an officer's office.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn counts(&self, officer: &Officer) -> Result<Counts, OfficeError> {
        counts(&mut self.store.read().await?, officer).await
    }

    /// The queue of an officer's office: counts, waiting orders, and, with a list of cases, the holds and that list.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn queue(&self, officer: &Officer, list: Option<&CaseFilter>) -> Result<Queue, OfficeError> {
        let mut tx = self.store.read().await?;
        let counts = counts(&mut tx, officer).await?;
        let mut orders = Vec::new();
        for order in tx.waiting_orders(&officer.office).await? {
            let OrderSubject::Certificate(issuer, serial) = &order.subject else { continue };
            if !order.signatures.is_empty() {
                let unit = tx.certificate(issuer, serial).await?.map(|issued| issued.unit_name).unwrap_or_default();
                orders.push((order, unit));
            }
        }
        let (mut held, mut cases, mut matters) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(list) = list {
            held = tx.certificates(&CertificateFilter::Held(officer.office.clone()), 100).await?;
            cases = tx.cases(list, 200).await?;
            matters = tx.matters(&MatterFilter::Waiting(officer.office.clone()), 200).await?;
        }
        Ok(Queue { counts, matters, held, orders, cases })
    }

    /// A case with all that its page shows.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or storage.
    pub async fn view(&self, officer: &Officer, number: &CaseNumber) -> Result<CaseView, OfficeError> {
        let mut tx = self.store.read().await?;
        let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
        case.readable_by(officer)?;
        let subject = OrderSubject::Case(number.clone());
        let order = match case.state.order() {
            Some(id) => tx.order(id).await?,
            None if case.is_open_for_typing() => {
                tx.orders_about(&subject).await?.into_iter().find(|order| order.state == OrderState::Open)
            }
            None => None,
        };
        let issued = match &case.state {
            State::Issued { issuer, serial, .. } | State::Delivered { issuer, serial, .. } => {
                tx.certificate(issuer, serial).await?
            }
            _ => None,
        };
        let led_to = tx.certificates_of_case(number).await?;
        let until = keep_all_until(&case, &led_to, &matters_about(&mut tx, &led_to).await?, self.terms);
        Ok(CaseView {
            documents: tx.documents(number).await?,
            order,
            issued,
            steps: tx.steps(&subject).await?,
            practice: tx.practice_statement(number).await?,
            until,
            deletion: tx.deletion(number).await?,
            case,
        })
    }

    /// The entry officer's signature: the case goes to review.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn submit(&self, signer: &Signer, number: &CaseNumber, message: &[u8]) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            case.typeable_by(&signer.officer)?;
            let subject = OrderSubject::Case(number.clone());
            let order = tx.orders_about(&subject).await?.into_iter().find(|order| order.state == OrderState::Open);
            let order = order.ok_or(OfficeError::WrongState("no order lies ready to be signed"))?;
            let (case, step) = case.submit(&signer.officer, order.order.id, now)?;
            check_signature(signer, &order.statement, message)?;
            self.seat(&mut tx, &order, signer, message).await?;
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// Another officer's signature: the certificate can be made.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn approve(&self, signer: &Signer, number: &CaseNumber, message: &[u8]) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            case.decidable_by(&signer.officer)?;
            let order = match case.state.order() {
                Some(id) => tx.order(id).await?.ok_or(OfficeError::NotFound)?,
                None => return Err(OfficeError::NotFound),
            };
            let quote = self.left_to_pay(&mut tx, &case, &order, now).await?;
            let (case, step) = case.approve(&signer.officer, quote.is_some(), now)?;
            if let Some(quote) = quote {
                self.make_bill(&mut tx, &case, quote, now).await?;
            }
            check_signature(signer, &order.statement, message)?;
            self.seat(&mut tx, &order, signer, message).await?;
            tx.settle_order(order.order.id, OrderState::Open, OrderState::Signed, None, now).await?;
            self.token_inspected(&mut tx, &case, true, &Who::from(&signer.officer), now).await?;
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// Another officer sends a case back, or ends it, with a reason.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn decline(
        &self,
        officer: &Officer,
        number: &CaseNumber,
        reason: &str,
        for_good: bool,
    ) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let (case, step) = if for_good {
                case.reject(officer, reason.to_owned(), now)?
            } else {
                case.send_back(officer, reason.to_owned(), now)?
            };
            if for_good {
                self.drop_bills(&mut tx, number).await?;
            }
            tx.drop_open_orders(&OrderSubject::Case(number.clone()), now).await?;
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// An officer takes the next step of a case in hand, or hands it back.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn claim(&self, officer: &Officer, number: &CaseNumber, take: bool) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let (case, step) = if take { case.take_in_hand(officer, now)? } else { case.hand_back(officer, now)? };
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// The desk gives a case up, with a reason.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn cancel(&self, officer: &Officer, number: &CaseNumber, reason: &str) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (case, sealed) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
            let approved = match &case.state {
                State::AwaitingPayment { order } | State::Approved { order } => Some(*order),
                _ => None,
            };
            let (case, step) = case.cancel(officer, reason.to_owned(), now)?;
            self.drop_bills(&mut tx, number).await?;
            tx.drop_open_orders(&OrderSubject::Case(number.clone()), now).await?;
            self.token_inspected(&mut tx, &case, false, &Who::from(officer), now).await?;
            self.token_given_up(&mut tx, number, now).await?;
            if let Some(order) = approved {
                tx.drop_tickets(order).await?;
                tx.settle_order(order, OrderState::Signed, OrderState::Dropped, None, now).await?;
            }
            self.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// A scan of a case: `sheet` is its number among those of its kind.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Forbidden`] for another office's, or the evidence.
    pub async fn document(
        &self,
        officer: &Officer,
        number: &CaseNumber,
        kind: &str,
        sheet: i64,
    ) -> Result<(Document, Vec<u8>), OfficeError> {
        let document = self.find_document(officer, number, kind, sheet).await?;
        let bytes = self.evidence.show(document.sha256).await?;
        Ok((document, bytes.to_vec()))
    }

    /// A page of a scan as a picture, PNG; pages count from 1.
    ///
    /// # Errors
    /// As [`Self::document`].
    pub async fn picture(
        &self,
        officer: &Officer,
        number: &CaseNumber,
        (kind, sheet, page): (&str, i64, i64),
        size: Size,
    ) -> Result<Vec<u8>, OfficeError> {
        let document = self.find_document(officer, number, kind, sheet).await?;
        let page = usize::try_from(page - 1).ok().filter(|_| page <= document.pages).ok_or(OfficeError::NotFound)?;
        Ok(self.evidence.draw(document.sha256, document.media, page, size).await?)
    }

    async fn find_document(
        &self,
        officer: &Officer,
        number: &CaseNumber,
        kind: &str,
        sheet: i64,
    ) -> Result<Document, OfficeError> {
        let mut tx = self.store.read().await?;
        let (case, _) = tx.case(number).await?.ok_or(OfficeError::NotFound)?;
        case.readable_by(officer)?;
        if tx.deletion(number).await?.is_some_and(|deletion| deletion.done.is_some()) {
            return Err(OfficeError::NotFound);
        }
        let mut documents = tx.documents(number).await?.into_iter();
        documents.find(|document| document.kind.word() == kind && document.sheet == sheet).ok_or(OfficeError::NotFound)
    }

    /// Puts a signature into the next seat of an order, if the officer may sit there and sits nowhere else.
    pub(super) async fn seat(
        &self,
        tx: &mut Box<dyn Tx>,
        order: &StoredOrder,
        signer: &Signer,
        message: &[u8],
    ) -> Result<usize, OfficeError> {
        let seat = next_seat(order, &signer.officer)?;
        let signature = Signature { by: Who::from(&signer.officer), message: message.to_vec(), at: self.clock.now() };
        tx.sign_order(order.order.id, seat, &signature).await?;
        Ok(seat)
    }

    /// Writes a moved case with its line of history and its audit entry, and commits.
    pub(crate) async fn put(
        &self,
        mut tx: Box<dyn Tx>,
        case: &Case,
        sealed: Option<&[u8]>,
        step: &Step,
    ) -> Result<(), OfficeError> {
        let subject = OrderSubject::Case(case.number.clone());
        tx.put_case(case, sealed).await?;
        tx.add_step(&subject, step).await?;
        tx.audit(&self.event(&subject, step)).await?;
        tx.commit().await?;
        tracing::info!(case = %case.number, act = step.act, from = step.from, to = step.to, "Case moved");
        Ok(())
    }

    /// The audit entry of a step. Reasons are personal words: the history has them, the audit names the line.
    pub(crate) fn event(&self, subject: &OrderSubject, step: &Step) -> Event {
        let actor = match &step.by {
            None => "system".to_owned(),
            Some(by) if by.is_unit() => "unit".to_owned(),
            Some(by) => format!("officer:{}", by.id),
        };
        let details = BTreeMap::from([
            ("act".to_owned(), step.act.to_owned()),
            ("from".to_owned(), step.from.to_owned()),
            ("to".to_owned(), step.to.to_owned()),
        ]);
        Event { at: step.at, actor, kind: "office.step", subject: subject.key(), details }
    }

    /// Writes down that an officer tried what is not theirs: who, what, and why not.
    ///
    /// # Errors
    /// Storage.
    pub async fn note_refused(&self, officer: &Officer, tried: &str, why: &str) -> Result<(), OfficeError> {
        let details = BTreeMap::from([("tried".to_owned(), tried.to_owned()), ("why".to_owned(), why.to_owned())]);
        let (at, actor) = (self.clock.now(), format!("officer:{}", officer.id));
        let event = Event { at, actor, kind: "office.refused", subject: officer.office.to_string(), details };
        again(|| async {
            let mut tx = self.store.begin().await?;
            tx.audit(&event).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    pub(crate) fn draw(&self) -> MutexGuard<'_, ChaCha20Rng> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn counts(tx: &mut Box<dyn Tx>, officer: &Officer) -> Result<Counts, OfficeError> {
    let cases = tx.count_cases(&officer.office).await?.into_iter().collect();
    Ok(Counts { cases, orders: tx.count_waiting_orders(&officer.office).await? })
}

/// The seat that an officer may take next on an order.
///
/// # Errors
/// [`Forbidden::SameOfficer`], [`Forbidden::OtherOffice`], [`OfficeError::NoSeat`], or all seats are taken.
pub fn next_seat(order: &StoredOrder, officer: &Officer) -> Result<usize, OfficeError> {
    let seat = order.signatures.len();
    let roles = order.order.act.seats(false).get(seat).ok_or(OfficeError::WrongState("all signatures are there"))?;
    if order.order.office != officer.office {
        return Err(Forbidden::OtherOffice.into());
    }
    if order.signatures.iter().any(|signature| signature.by.id == officer.id) {
        return Err(Forbidden::SameOfficer.into());
    }
    if officer.has_any(roles) { Ok(seat) } else { Err(OfficeError::NoSeat) }
}

/// Whether a message is the signature of this officer's certificate over exactly these bytes.
///
/// # Errors
/// [`SignatureFault`].
pub fn check_signature(signer: &Signer, statement: &[u8], message: &[u8]) -> Result<(), SignatureFault> {
    let signed = cms::verify(message)?;
    if signed.content != statement {
        return Err(SignatureFault::Content);
    }
    if hash_of(&signed.certificate) != signer.certificate {
        return Err(SignatureFault::Signer);
    }
    Ok(())
}
