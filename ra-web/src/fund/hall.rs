//! The business hall: takes a plan, shows it as a document, books it when it was signed.
//!
//! Trusts the store and the door's word on certificates. Never books what was not signed by the certificate that is logged
//! in, whose status was asked at that moment; never books twice; and never books anything else than what was shown: it is
//! made anew from the plan, and must come out as the signed list and particulars say.

use std::sync::{Arc, PoisonError};

use ca_core::cms;
use ca_core::domain::{BeijingDay, FundList, FundTransaction, OrderId, Sha256, Timestamp, decode, encode};
use ca_core::sql::DatabaseError;
use openssl::sha::sha256;

use super::account::{AccountNumber, Unit};
use super::amounts::Fen;
use super::book_store::Step;
use super::books::Clerk;
use super::corrections;
use super::evidence;
use super::operation::{KEEP_DRAFTS_SECONDS, Operation, Plan, SIGN_WITHIN_SECONDS, Signature, State};
use super::prepare::{self, Aim, Prepared};
use super::progress::{Register, Run, Stage};
use super::rules::Rule;
use super::store::{FundStore, FundTx};
use crate::Chance;
use crate::audit::Event;
use crate::login::{Door, Refusal, StatusEvidence};
use crate::retry::settled_by;
use crate::vault::{FieldKey, VaultError};

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum HallError {
    /// A rule stands in the way.
    #[error("a rule stands in the way: {0}")]
    Rule(#[from] Rule),
    /// Rules stand in the way of these lines of a list, counted from 0.
    #[error("{} lines of the list cannot be", .0.len())]
    Lines(Vec<(usize, Rule)>),
    /// No such thing of this unit.
    #[error("no such thing")]
    NotFound,
    /// It is in a state that does not allow it: signed already, or cancelled.
    #[error("it is no longer waiting for this")]
    State,
    /// The signature does not fit.
    #[error("the signature is refused: {0}")]
    Signature(&'static str),
    /// The certificate is no longer good.
    #[error("the certificate is refused: {0}")]
    Refused(Refusal),
    /// No rules are laid down for the day.
    #[error("no policy holds on {0}")]
    NoPolicy(String),
    /// Storage failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Sealing or opening failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl HallError {
    /// Whether another transaction came first, so that it may succeed when what it read is read again.
    pub(super) fn lost_race(&self) -> bool {
        match self {
            Self::Database(error) => error.is_contention() || matches!(error, DatabaseError::RowCount { .. }),
            _ => false,
        }
    }
}

/// The hall.
pub struct Hall {
    /// The books.
    pub store: Arc<dyn FundStore>,
    /// Tells whether certificates are good.
    pub door: Arc<Door>,
    /// Seals numbers of persons and plans.
    pub key: Arc<FieldKey>,
    /// Draws serial numbers.
    pub chance: Chance,
    /// How far its bookings are.
    pub progress: Register,
}

impl Hall {
    /// Puts a plan together as a document that can be signed.
    ///
    /// # Errors
    /// [`HallError::Rule`] or [`HallError::Lines`] say why it cannot be.
    pub async fn draft(&self, account: &AccountNumber, plan: &Plan, now: Timestamp) -> Result<String, HallError> {
        let id = self.draw(now);
        let check_code = self.code();
        self.again(|| async {
            let mut tx = self.store.begin().await?;
            let unit = tx.unit(account).await?.ok_or(HallError::NotFound)?;
            if let Some(waiting) = tx.waiting(account).await?
                && !plan.beside_a_wait()
            {
                return Err(Rule::WaitsForMoney { month: waiting.month.unwrap_or_else(|| unit.next_month()) }.into());
            }
            let mut plan = plan.clone();
            prepare::name_newcomers(tx.as_mut(), &self.key, &mut plan, || self.draw(now).to_string()).await?;
            let aim = Aim { funded: false, run: &Run::untold() };
            let prepared = self.prepare(&mut tx, unit.clone(), &plan, &id.to_string(), now.beijing_day(), aim).await?;
            let list = prepared.list();
            let document = FundTransaction {
                id,
                aud: self.door.site().origin.clone(),
                account: account.to_string(),
                unit: unit.name,
                created: now,
                exp: now.plus(SIGN_WITHIN_SECONDS),
                act: plan.act(),
                facts: prepared.facts.clone(),
                list: FundList {
                    lines: u32::try_from(prepared.lines.len()).unwrap_or(u32::MAX),
                    sha256: Sha256(sha256(&list)),
                },
            };
            let plain = zeroize::Zeroizing::new(serde_json::to_vec(&plan).unwrap_or_default());
            let operation = Operation {
                serial: id.to_string(),
                unit: account.clone(),
                act: plan.act(),
                state: State::Draft,
                month: prepared.month,
                heads: u32::try_from(prepared.lines.len()).unwrap_or(u32::MAX),
                amount: prepared.amount,
                created: now,
                expires: document.exp,
                plan: self.key.seal(&place(&id.to_string()), &plain, &self.chance)?,
                document: encode(&document),
                list,
                check_code: check_code.clone(),
                signature: None,
                booked: None,
                prints: 0,
                reversed_by: None,
                version: 1,
            };
            tx.forget_drafts(now.plus(-KEEP_DRAFTS_SECONDS)).await?;
            tx.keep_operation(&operation, &actor(account)).await?;
            tx.commit().await?;
            Ok(operation.serial)
        })
        .await
    }

    /// Takes the signature on a document, and books it at once, or when its money comes.
    ///
    /// # Errors
    /// [`HallError`]; then nothing was booked, and the refusal stands in the audit.
    pub async fn sign(
        &self,
        account: &AccountNumber,
        logged_in: Sha256,
        serial: &str,
        message: &[u8],
        now: Timestamp,
    ) -> Result<Operation, HallError> {
        let done = self.try_to_sign(account, logged_in, serial, message, now).await;
        if let Err(error) = &done
            && !matches!(error, HallError::NotFound | HallError::Database(_))
        {
            let why = error.to_string();
            let told = self.tell("fund.refused", account, serial, now, &[("why", &why)]).await;
            told?;
        }
        done
    }

    async fn try_to_sign(
        &self,
        account: &AccountNumber,
        logged_in: Sha256,
        serial: &str,
        message: &[u8],
        now: Timestamp,
    ) -> Result<Operation, HallError> {
        let mut tx = self.store.begin_read().await?;
        let drafted = tx.operation(account, serial).await?.ok_or(HallError::NotFound)?;
        tx.commit().await?;
        if drafted.state != State::Draft {
            return Err(HallError::State);
        }
        let signed = cms::verify(message).map_err(|fault| {
            tracing::info!(%fault, serial, "A transaction's signature was refused");
            HallError::Signature("it does not verify")
        })?;
        if signed.content != drafted.document {
            return Err(HallError::Signature("it is over something else"));
        }
        if Sha256(sha256(&signed.certificate)) != logged_in {
            return Err(HallError::Signature("another certificate is logged in"));
        }
        if now > drafted.expires {
            return Err(Rule::Expired.into());
        }
        let good = self.door.still_good(&signed.certificate).await.map_err(HallError::Refused)?;
        let (status_source, status_evidence) = match StatusEvidence::from(good.evidence()) {
            StatusEvidence::Ocsp(response) => ("ocsp", response),
            StatusEvidence::Crl(hash) => ("crl", hash.0.to_vec()),
        };
        let signature = Signature {
            certificate: signed.certificate,
            message: message.to_vec(),
            status_source,
            status_evidence,
            at: now,
        };
        let run = self.progress.begin(account, serial, drafted.heads as usize);
        self.again(|| async {
            let mut tx = self.store.begin().await?;
            let mut operation = tx.operation(account, serial).await?.ok_or(HallError::NotFound)?;
            if operation.state != State::Draft {
                return Err(HallError::State);
            }
            let plan = self.plan(&operation)?;
            if tx.waiting(account).await?.is_some() && !plan.beside_a_wait() {
                return Err(Rule::BooksMoved.into());
            }
            operation.signature = Some(signature.clone());
            let mut steps = vec![step(State::Submitted, now, actor(account))];
            if plan.waits_for_money() {
                // Made all the same: what cannot be booked now cannot be when the money comes.
                self.same(&mut tx, &operation, &plan, now.beijing_day(), Aim { funded: false, run: &run }).await?;
                run.close();
                steps.push(step(State::AwaitingFunds, now, "system".into()));
                operation.state = State::AwaitingFunds;
                self.draw_code(&mut tx, &operation, now).await?;
            } else {
                let aim = Aim { funded: true, run: &run };
                let prepared = self.same(&mut tx, &operation, &plan, now.beijing_day(), aim).await?;
                self.post(&mut tx, &mut operation, &plan, &prepared, now, &run).await?;
                if operation.moves_money() {
                    steps.extend([State::Funded, State::Allocated].map(|state| step(state, now, "system".into())));
                }
                steps.push(step(State::Posted, now, "system".into()));
            }
            tx.move_operation(&operation, &steps).await?;
            if let Some(evidence) = evidence::digest(&operation) {
                tx.ask_stamp(serial, evidence, now).await?;
            }
            tx.audit(&event("fund.signed", account, &operation, now)).await?;
            tx.commit().await?;
            Ok(operation)
        })
        .await
    }

    /// Gives up what is not in the books yet.
    ///
    /// # Errors
    /// [`HallError::State`] for what is booked.
    pub async fn cancel(&self, account: &AccountNumber, serial: &str, now: Timestamp) -> Result<(), HallError> {
        self.again(|| async {
            let mut tx = self.store.begin().await?;
            let mut operation = tx.operation(account, serial).await?.ok_or(HallError::NotFound)?;
            if !operation.state.leads_to(State::Cancelled) {
                return Err(HallError::State);
            }
            operation.state = State::Cancelled;
            tx.move_operation(&operation, &[step(State::Cancelled, now, actor(account))]).await?;
            tx.audit(&event("fund.cancelled", account, &operation, now)).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// Money that arrived for a unit: onto its suspense account, and at once into what waits for it there, when there is
    /// enough. `false` when the bank's reference was taken already.
    ///
    /// # Errors
    /// [`HallError`].
    pub async fn receive(
        &self,
        account: &AccountNumber,
        amount: Fen,
        reference: &str,
        now: Timestamp,
    ) -> Result<bool, HallError> {
        self.again(|| async {
            let mut tx = self.store.begin().await?;
            let taken = self.receive_in(&mut tx, account, amount, reference, now).await?;
            tx.commit().await?;
            Ok(taken.is_some())
        })
        .await
    }

    /// The same inside a unit of work. Answers the operation that was booked by it, if one was; nothing when the reference was
    /// taken already.
    pub(super) async fn receive_in(
        &self,
        tx: &mut Box<dyn FundTx>,
        account: &AccountNumber,
        amount: Fen,
        reference: &str,
        now: Timestamp,
    ) -> Result<Option<Option<String>>, HallError> {
        let unit = tx.unit(account).await?.ok_or(HallError::NotFound)?;
        if amount <= Fen::ZERO {
            return Err(Rule::NoAmount.into());
        }
        if !tx.keep_receipt(reference, account, amount, now).await? {
            return Ok(None);
        }
        let (serial, today) = (self.draw(now).to_string(), now.beijing_day());
        let policy = tx.policy_at(today).await?.ok_or_else(|| HallError::NoPolicy(today.to_string()))?;
        let booking = Clerk { policy: &policy, today, serial: &serial }.receive(unit, amount);
        tx.book(&booking, &[], now).await?;
        let sum = amount.plain();
        let facts = [("amount", sum.as_str()), ("reference", reference)];
        tx.audit(&told("fund.received", account, &serial, now, "system", &facts)).await?;
        let Some(mut waiting) = tx.waiting(account).await? else { return Ok(Some(None)) };
        if booking.unit.suspense < waiting.amount {
            return Ok(Some(None));
        }
        let plan = self.plan(&waiting)?;
        let run = self.progress.begin(account, &waiting.serial, waiting.heads as usize);
        match self.same(tx, &waiting, &plan, today, Aim { funded: true, run: &run }).await {
            Ok(prepared) => {
                self.post(tx, &mut waiting, &plan, &prepared, now, &run).await?;
                let steps = [State::Funded, State::Allocated, State::Posted].map(|one| step(one, now, "system".into()));
                tx.move_operation(&waiting, &steps).await?;
                tx.audit(&event("fund.posted", account, &waiting, now)).await?;
                Ok(Some(Some(waiting.serial)))
            }
            // The money is there all the same; the unit gives up what can no longer be booked.
            Err(error @ (HallError::Rule(_) | HallError::Lines(_))) => {
                let why = error.to_string();
                tx.audit(&told("fund.not-posted", account, &waiting.serial, now, "system", &[("why", &why)])).await?;
                Ok(Some(None))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the books moved so that what waits for its money can no longer be booked as it was signed.
    ///
    /// # Errors
    /// [`HallError`].
    pub async fn is_stuck(&self, operation: &Operation, now: Timestamp) -> Result<bool, HallError> {
        let mut tx = self.store.begin_read().await?;
        let plan = self.plan(operation)?;
        let aim = Aim { funded: false, run: &Run::untold() };
        let made = self.same(&mut tx, operation, &plan, now.beijing_day(), aim).await;
        tx.commit().await?;
        match made {
            Ok(_) => Ok(false),
            Err(HallError::Rule(_) | HallError::Lines(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Why an operation is not undone; nothing when it can be.
    ///
    /// # Errors
    /// [`HallError`].
    pub async fn why_not_reversed(
        &self,
        account: &AccountNumber,
        serial: &str,
        now: Timestamp,
    ) -> Result<Option<Rule>, HallError> {
        let mut tx = self.store.begin_read().await?;
        let unit = tx.unit(account).await?.ok_or(HallError::NotFound)?;
        let today = now.beijing_day();
        let policy = tx.policy_at(today).await?.ok_or_else(|| HallError::NoPolicy(today.to_string()))?;
        let clerk = Clerk { policy: &policy, today, serial };
        let hindrance = corrections::hindrance(tx.as_mut(), &clerk, unit, serial).await?;
        tx.commit().await?;
        Ok(hindrance)
    }

    /// Counts a print of a voucher; answers how many there were.
    ///
    /// # Errors
    /// [`HallError`].
    pub async fn count_print(&self, account: &AccountNumber, serial: &str, now: Timestamp) -> Result<i64, HallError> {
        self.again(|| async {
            let mut tx = self.store.begin().await?;
            tx.operation(account, serial).await?.ok_or(HallError::NotFound)?;
            let prints = tx.count_print(serial).await?;
            let n = prints.to_string();
            tx.audit(&told("fund.voucher", account, serial, now, &actor(account), &[("print", &n)])).await?;
            tx.commit().await?;
            Ok(prints)
        })
        .await
    }

    /// Writes a prepared business into the books.
    async fn post(
        &self,
        tx: &mut Box<dyn FundTx>,
        operation: &mut Operation,
        plan: &Plan,
        prepared: &Prepared,
        now: Timestamp,
        run: &Run<'_>,
    ) -> Result<(), HallError> {
        tx.book_telling(&prepared.booking, &prepared.sealed, now, run).await?;
        run.close();
        if let Plan::Reverse { serial, .. } = plan {
            let mut undone = tx.operation(&operation.unit, serial).await?.ok_or(HallError::NotFound)?;
            undone.reversed_by = Some(operation.serial.clone());
            tx.move_operation(&undone, &[]).await?;
        }
        operation.state = State::Posted;
        operation.booked = Some(now);
        Ok(())
    }

    /// Makes the business anew, which must come out as it was signed.
    async fn same(
        &self,
        tx: &mut Box<dyn FundTx>,
        operation: &Operation,
        plan: &Plan,
        today: BeijingDay,
        aim: Aim<'_>,
    ) -> Result<Prepared, HallError> {
        aim.run.enter(Stage::Checking, operation.heads as usize);
        let unit = tx.unit(&operation.unit).await?.ok_or(HallError::NotFound)?;
        let prepared = self.prepare(tx, unit, plan, &operation.serial, today, aim).await?;
        let document: FundTransaction =
            decode(&operation.document).map_err(|_| HallError::Signature("the document cannot be read"))?;
        if prepared.list() != operation.list || prepared.facts != document.facts {
            return Err(Rule::BooksMoved.into());
        }
        Ok(prepared)
    }

    async fn prepare(
        &self,
        tx: &mut Box<dyn FundTx>,
        unit: Unit,
        plan: &Plan,
        serial: &str,
        today: BeijingDay,
        aim: Aim<'_>,
    ) -> Result<Prepared, HallError> {
        let policy = tx.policy_at(today).await?.ok_or_else(|| HallError::NoPolicy(today.to_string()))?;
        let clerk = Clerk { policy: &policy, today, serial };
        prepare::prepare(tx.as_mut(), &self.key, &self.chance, &clerk, unit, plan, aim).await
    }

    /// The plan of an operation.
    fn plan(&self, operation: &Operation) -> Result<Plan, HallError> {
        let plain = self.key.open(&place(&operation.serial), &operation.plan)?;
        serde_json::from_slice(&plain).map_err(|_| HallError::Vault(VaultError::Opened))
    }

    /// An entry of the audit, in a unit of work of its own.
    ///
    /// # Errors
    /// [`HallError::Database`].
    pub async fn tell(
        &self,
        kind: &'static str,
        account: &AccountNumber,
        serial: &str,
        now: Timestamp,
        details: &[(&str, &str)],
    ) -> Result<(), HallError> {
        let event = told(kind, account, serial, now, &actor(account), details);
        self.again(|| async {
            let mut tx = self.store.begin().await?;
            tx.audit(&event).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    pub(super) async fn again<T, F>(&self, attempt: impl FnMut() -> F) -> Result<T, HallError>
    where
        F: Future<Output = Result<T, HallError>>,
    {
        settled_by(HallError::lost_race, attempt).await
    }

    pub(super) fn draw(&self, now: Timestamp) -> OrderId {
        OrderId::draw(now, &mut *self.chance.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sixteen letters and digits that nobody guesses, without those that look alike.
    fn code(&self) -> String {
        const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
        let mut drawn = [0_u8; 16];
        rand::RngCore::fill_bytes(&mut *self.chance.lock().unwrap_or_else(PoisonError::into_inner), &mut drawn);
        drawn.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
    }
}

fn place(serial: &str) -> String {
    format!("fund plan {serial}")
}

fn actor(account: &AccountNumber) -> String {
    format!("unit:{account}")
}

fn step(state: State, at: Timestamp, actor: String) -> Step {
    Step { state, at, actor }
}

fn told(
    kind: &'static str,
    account: &AccountNumber,
    serial: &str,
    at: Timestamp,
    actor: &str,
    details: &[(&str, &str)],
) -> Event {
    let mut details: std::collections::BTreeMap<String, String> =
        details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    details.insert("account".into(), account.to_string());
    Event { at, actor: actor.to_owned(), kind, subject: serial.to_owned(), details }
}

fn event(kind: &'static str, account: &AccountNumber, operation: &Operation, at: Timestamp) -> Event {
    let hash = |bytes: &[u8]| Sha256(sha256(bytes)).to_string();
    let document = hash(&operation.document);
    let mut details = vec![
        ("act", operation.act.word().to_owned()),
        ("state", operation.state.word().to_owned()),
        ("amount", operation.amount.plain()),
        ("document_sha256", document),
    ];
    if let Some(signature) = &operation.signature {
        details.push(("certificate_sha256", hash(&signature.certificate)));
        details.push(("signature_sha256", hash(&signature.message)));
        details.push(("status_evidence_sha256", hash(&signature.status_evidence)));
    }
    let details: Vec<(&str, &str)> = details.iter().map(|(name, value)| (*name, value.as_str())).collect();
    told(kind, account, &operation.serial, at, &actor(account), &details)
}
