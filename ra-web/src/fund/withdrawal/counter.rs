//! The counter at which a person withdraws: shown as a document, the face checked, signed on the token, booked, and the bank told.
//!
//! Trusts the store, the door's word on certificates, and a [`FaceMatch`]. Never books what was not signed by the certificate
//! that is logged in, whose status was asked at that moment; never without the face check of this very order; never twice; and
//! never anything else than what was signed: it is made anew from the books, and must come out the same.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use ca_core::clock::Clock;
use ca_core::cms;
use ca_core::domain::{BeijingDay, FaceWord, OrderId, Sha256, Timestamp, Withdrawal, WithdrawalReason, decode, encode};
use ca_core::sql::DatabaseError;
use openssl::sha::sha256;
use rand::RngCore as _;
use zeroize::Zeroizing;

use super::again::{AgainError, Heard};
use super::bank::{Bank, BankAnswer};
use super::book::interest_until;
use super::evidence;
use super::pain::{Party, Payment, message};
use super::rules::{Denied, Standing, WithdrawalRule};
use super::{Card, PaymentOrder, Stage, WithdrawalOrder};
use crate::audit::Event;
use crate::fund::amounts::Fen;
use crate::fund::books::{Booking, Clerk, Person, PersonAccount, PersonNumber};
use crate::fund::face::{FaceFault, FaceMatch, FaceVerifier, Identity, Picture, Question, Trust};
use crate::fund::hall::{Hall, HallError};
use crate::fund::operation::{KEEP_DRAFTS_SECONDS, SIGN_WITHIN_SECONDS, Signature};
use crate::fund::policy::{days_of, fund_year};
use crate::fund::prepare::number_place;
use crate::fund::store::FundTx;
use crate::i18n::Locale;
use crate::login::{Refusal, StatusEvidence};
use crate::retry::settled_by;

/// So many pictures may be sent for one order.
pub const MOST_TRIES: i64 = 5;

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum CounterError {
    /// A rule stands in the way.
    #[error("denied: {0}")]
    Denied(#[from] Denied),
    /// The face check gave no proof.
    #[error("the face check: {0}")]
    Face(#[from] FaceFault),
    /// No such thing of this person.
    #[error("no such thing")]
    NotFound,
    /// It is in a state that does not allow it.
    #[error("it is no longer waiting for this")]
    State,
    /// The signature does not fit.
    #[error("the signature is refused: {0}")]
    Signature(&'static str),
    /// The certificate is no longer good.
    #[error("the certificate is refused: {0}")]
    Refused(Refusal),
    /// Storage, sealing, policy.
    #[error(transparent)]
    Hall(#[from] HallError),
}

impl From<DatabaseError> for CounterError {
    fn from(error: DatabaseError) -> Self {
        Self::Hall(error.into())
    }
}

impl CounterError {
    pub(super) fn lost_race(&self) -> bool {
        matches!(self, Self::Hall(error) if error.lost_race())
    }
}

/// The counter.
pub struct Counter {
    /// The books.
    pub hall: Arc<Hall>,
    /// Compares faces.
    pub face: Arc<dyn FaceVerifier>,
    /// Whose word on faces is believed.
    pub trust: Trust,
    /// Pays.
    pub bank: Bank,
    /// Tells the time: the provider may take its own.
    pub clock: Arc<dyn Clock>,
}

/// What a person may do for a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The reason.
    pub reason: WithdrawalReason,
    /// Whether everything goes and the account is closed.
    pub closes: bool,
    /// How much at most, or why nothing.
    pub verdict: Result<Fen, Denied>,
}

/// What an order comes to.
struct Prepared {
    booking: Booking,
    account: PersonAccount,
    unit_name: String,
    card: Card,
    closes: bool,
    amount: Fen,
    interest: Fen,
}

impl Counter {
    /// What can be withdrawn from an account of this person.
    ///
    /// # Errors
    /// [`CounterError::NotFound`] for an account of another.
    pub async fn offers(&self, person: &str, number: &PersonNumber) -> Result<Vec<Offer>, CounterError> {
        let today = self.clock.now().beijing_day();
        let mut tx = self.hall.store.begin_read().await?;
        let account = tx.own_account(person, number).await?.ok_or(CounterError::NotFound)?;
        let mut offers = Vec::new();
        for reason in WithdrawalReason::ALL {
            let Some(rule) = tx.rule_at(*reason, today).await? else { continue };
            let standing = standing(tx.as_mut(), &account, *reason, today).await?;
            let verdict = rule.allows(&account, standing, today);
            offers.push(Offer { reason: *reason, closes: rule.closes, verdict });
        }
        tx.commit().await?;
        Ok(offers)
    }

    /// Puts an order together. One of the account that nobody signed gives way to it.
    ///
    /// # Errors
    /// [`CounterError::Denied`] says why it cannot be.
    pub async fn draft(
        &self,
        person: &str,
        number: &PersonNumber,
        reason: WithdrawalReason,
        amount: Fen,
    ) -> Result<String, CounterError> {
        let now = self.clock.now();
        let id = self.hall.draw(now).to_string();
        let mut nonce = [0_u8; 16];
        self.hall.chance.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut nonce);
        let nonce = hex::encode(nonce);
        self.again(|| async {
            let mut tx = self.hall.store.begin().await?;
            let prepared = prepare(tx.as_mut(), person, number, reason, amount, &id, now.beijing_day()).await?;
            let order = WithdrawalOrder {
                serial: id.clone(),
                person: person.to_owned(),
                number: number.clone(),
                unit: prepared.account.unit.clone(),
                reason,
                closes: prepared.closes,
                amount: prepared.amount,
                interest: prepared.interest,
                stage: Stage::Asked,
                created: now,
                expires: now.plus(SIGN_WITHIN_SECONDS),
                nonce: nonce.clone(),
                tries: 0,
                document: Vec::new(),
                face: None,
                signature: None,
                booked: None,
                version: 1,
            };
            tx.forget_withdrawals(now.plus(-KEEP_DRAFTS_SECONDS)).await?;
            tx.keep_withdrawal(&order).await?;
            tx.audit(&event("withdrawal.asked", &order, now, &[])).await?;
            tx.commit().await?;
            Ok(id.clone())
        })
        .await
    }

    /// Has the face compared for an order. The try is counted before anybody is asked; the picture is gone after.
    ///
    /// # Errors
    /// [`CounterError::Face`] says why there is no proof.
    pub async fn check_face(&self, person: &Person, serial: &str, picture: Picture) -> Result<(), CounterError> {
        let now = self.clock.now();
        let (order, id_number) = self
            .again(|| async {
                let mut tx = self.hall.store.begin().await?;
                let mut order = tx.withdrawal(&person.id, serial).await?.ok_or(CounterError::NotFound)?;
                if order.stage != Stage::Asked {
                    return Err(CounterError::State);
                }
                if now > order.expires {
                    return Err(Denied::Expired.into());
                }
                if order.tries >= MOST_TRIES {
                    return Err(Denied::TooManyTries.into());
                }
                let sealed = tx.sealed_number(&person.id).await?.ok_or(CounterError::NotFound)?;
                order.tries += 1;
                tx.move_withdrawal(&order).await?;
                tx.commit().await?;
                order.version += 1;
                let plain = self.hall.key.open(&number_place(&person.id), &sealed).map_err(HallError::Vault)?;
                let number = String::from_utf8(plain.to_vec()).map_err(|_| CounterError::NotFound)?;
                Ok((order, Zeroizing::new(number)))
            })
            .await?;
        let id: OrderId = order.serial.parse().map_err(|_| CounterError::NotFound)?;
        let question = Question { order: id, nonce: order.nonce.clone(), subject: person.id.clone() };
        let identity = Identity { name: person.name.clone(), id_number };
        let compared = self.face.compare(&question, &identity, picture).await;
        let now = self.clock.now();
        let proof = compared.and_then(|answer| FaceMatch::check(answer, &question, &self.trust, now));
        match proof {
            Ok(proof) => self.matched(person, &order, id, &proof, now).await,
            Err(fault) => {
                let (why, n) = (fault.to_string(), order.tries.to_string());
                self.tell(&event("withdrawal.face-refused", &order, now, &[("why", &why), ("try", &n)])).await?;
                Err(fault.into())
            }
        }
    }

    /// Makes the document, now that there is a proof of the face.
    async fn matched(
        &self,
        person: &Person,
        order: &WithdrawalOrder,
        id: OrderId,
        proof: &FaceMatch,
        now: Timestamp,
    ) -> Result<(), CounterError> {
        self.again(|| async {
            let mut tx = self.hall.store.begin().await?;
            let mut order = tx.withdrawal(&person.id, &order.serial).await?.ok_or(CounterError::NotFound)?;
            if order.stage != Stage::Asked {
                return Err(CounterError::State);
            }
            let prepared = same(tx.as_mut(), &order, now.beijing_day()).await?;
            order.document = encode(&Withdrawal {
                id,
                aud: self.hall.door.site().origin.clone(),
                account: order.number.to_string(),
                person: person.name.clone(),
                id_number: person.id_masked.clone(),
                unit: prepared.unit_name.clone(),
                created: order.created,
                exp: order.expires,
                reason: order.reason,
                closes: order.closes,
                amount: order.amount.to_string(),
                capitals: order.amount.capitals(),
                interest: order.interest.to_string(),
                bank: prepared.card.bank.clone(),
                card: prepared.card.masked.clone(),
                face: FaceWord { provider: proof.provider().to_owned(), at: proof.at(), answer_sha256: proof.sha256() },
            });
            order.face = Some(proof.answer().clone());
            order.stage = Stage::Matched;
            tx.move_withdrawal(&order).await?;
            let hash = proof.sha256().to_string();
            tx.audit(&event("withdrawal.face-matched", &order, now, &[("answer_sha256", &hash)])).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Takes the signature: books, closes the account where everything goes, and tells the bank, in one transaction. The
    /// payment order lies in the bank's folder when this returns, or as soon as it can be written.
    ///
    /// # Errors
    /// [`CounterError`]; then nothing was booked, and the refusal stands in the audit.
    pub async fn sign(
        &self,
        person: &Person,
        logged_in: Sha256,
        serial: &str,
        signature: &[u8],
    ) -> Result<WithdrawalOrder, CounterError> {
        match self.try_to_sign(person, logged_in, serial, signature).await {
            Ok(order) => {
                self.deliver().await;
                Ok(order)
            }
            Err(error) => {
                if !matches!(error, CounterError::NotFound | CounterError::Hall(_)) {
                    let why = error.to_string();
                    let told = Event {
                        at: self.clock.now(),
                        actor: actor(&person.id),
                        kind: "withdrawal.refused",
                        subject: serial.to_owned(),
                        details: BTreeMap::from([("why".to_owned(), why)]),
                    };
                    self.tell(&told).await?;
                }
                Err(error)
            }
        }
    }

    async fn try_to_sign(
        &self,
        person: &Person,
        logged_in: Sha256,
        serial: &str,
        message: &[u8],
    ) -> Result<WithdrawalOrder, CounterError> {
        let now = self.clock.now();
        let mut tx = self.hall.store.begin_read().await?;
        let drafted = tx.withdrawal(&person.id, serial).await?.ok_or(CounterError::NotFound)?;
        tx.commit().await?;
        match drafted.stage {
            Stage::Matched => {}
            Stage::Asked => return Err(Denied::NoFace.into()),
            _ => return Err(CounterError::State),
        }
        let signed = cms::verify(message).map_err(|fault| {
            tracing::info!(%fault, serial, "A withdrawal's signature was refused");
            CounterError::Signature("it does not verify")
        })?;
        if signed.content != drafted.document {
            return Err(CounterError::Signature("it is over something else"));
        }
        if Sha256(sha256(&signed.certificate)) != logged_in {
            return Err(CounterError::Signature("another certificate is logged in"));
        }
        if now > drafted.expires {
            return Err(Denied::Expired.into());
        }
        // The books keep the answer; what they give back is believed no more than what the network gave.
        let answer = drafted.face.as_ref().ok_or(Denied::NoFace)?;
        self.trust.read(answer, serial)?;
        let document: Withdrawal =
            decode(&drafted.document).map_err(|_| CounterError::Signature("the document cannot be read"))?;
        if document.face.answer_sha256 != Sha256(sha256(&answer.bytes)) {
            return Err(CounterError::Signature("the document is of another face check"));
        }
        let good = self.hall.door.still_good(&signed.certificate).await.map_err(CounterError::Refused)?;
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
        let today = now.beijing_day();
        self.again(|| async {
            let mut tx = self.hall.store.begin().await?;
            let mut order = tx.withdrawal(&person.id, serial).await?.ok_or(CounterError::NotFound)?;
            if order.stage != Stage::Matched {
                return Err(CounterError::State);
            }
            let prepared = same(tx.as_mut(), &order, today).await?;
            if prepared.card.masked != document.card || prepared.card.bank != document.bank {
                return Err(Denied::Moved.into());
            }
            order.signature = Some(signature.clone());
            order.booked = Some(today);
            order.stage = Stage::Ordered;
            tx.book(&prepared.booking, &[], now).await?;
            tx.move_withdrawal(&order).await?;
            let payee = (person, &prepared.card);
            let payment = payment_order(&self.hall, &self.bank, &order.serial, order.amount, payee, now)?;
            tx.keep_payment(&payment).await?;
            if let Some(evidence) = evidence::digest(&order) {
                tx.ask_stamp(serial, evidence, now).await?;
            }
            let hash = |bytes: &[u8]| Sha256(sha256(bytes)).to_string();
            let details = [
                ("amount", order.amount.plain()),
                ("number", order.number.to_string()),
                ("document_sha256", hash(&order.document)),
                ("certificate_sha256", hash(&signature.certificate)),
                ("signature_sha256", hash(&signature.message)),
                ("status_evidence_sha256", hash(&signature.status_evidence)),
            ];
            let details: Vec<(&str, &str)> = details.iter().map(|(name, value)| (*name, value.as_str())).collect();
            tx.audit(&event("withdrawal.ordered", &order, now, &details)).await?;
            tx.commit().await?;
            Ok(order)
        })
        .await
    }

    /// Gives up an order that is not signed.
    ///
    /// # Errors
    /// [`CounterError::State`] for one that is.
    pub async fn cancel(&self, person: &str, serial: &str) -> Result<(), CounterError> {
        let now = self.clock.now();
        self.again(|| async {
            let mut tx = self.hall.store.begin().await?;
            let mut order = tx.withdrawal(person, serial).await?.ok_or(CounterError::NotFound)?;
            if !matches!(order.stage, Stage::Asked | Stage::Matched) {
                return Err(CounterError::State);
            }
            order.stage = Stage::Cancelled;
            tx.move_withdrawal(&order).await?;
            tx.audit(&event("withdrawal.cancelled", &order, now, &[])).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Lays payment orders into the bank's folder that are not there yet. What fails is logged and tried again with the next
    /// one, and at the next start; it costs nobody their booking.
    pub async fn deliver(&self) {
        if let Err(error) = lay_payments(&self.hall, &self.bank, self.clock.now()).await {
            tracing::error!(%error, "A payment order does not lie in the bank's folder yet");
        }
    }

    /// The bank says that it paid, by the number under which it was told; `false` when nothing waited for that.
    ///
    /// # Errors
    /// [`AgainError`].
    pub async fn paid(hall: &Hall, serial: &str, now: Timestamp) -> Result<bool, AgainError> {
        let answer = BankAnswer { serial: serial.to_owned(), status: "ACSC".into() };
        Ok(hall.bank_says(&answer, now).await? == Heard::Paid)
    }

    async fn tell(&self, event: &Event) -> Result<(), CounterError> {
        self.again(|| async {
            let mut tx = self.hall.store.begin().await?;
            tx.audit(event).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn again<T, F>(&self, attempt: impl FnMut() -> F) -> Result<T, CounterError>
    where
        F: Future<Output = Result<T, CounterError>>,
    {
        settled_by(CounterError::lost_race, attempt).await
    }
}

/// Under which place a person's bank account is sealed.
#[must_use]
pub fn card_place(person: &str) -> String {
    format!("fund card {person}")
}

/// What the bank is told under a number, sealed. `payee`: the person and the account that is theirs.
pub(super) fn payment_order(
    hall: &Hall,
    bank: &Bank,
    serial: &str,
    amount: Fen,
    payee: (&Person, &Card),
    now: Timestamp,
) -> Result<PaymentOrder, HallError> {
    let (person, card) = payee;
    let number = hall.key.open(&card_place(&person.id), &card.sealed)?;
    let number = std::str::from_utf8(&number).unwrap_or_default();
    let payee = Party { name: &person.name, account: number, bank_code: &card.bank_code };
    let what = Locale::ZhCn.t("my-payment-what");
    let payment = Payment { serial, payer: bank.payer(), payee, amount, what: &what, at: now };
    let plain = Zeroizing::new(message(&payment));
    Ok(PaymentOrder {
        serial: serial.to_owned(),
        message: hall.key.seal(&payment_place(serial), plain.as_bytes(), &hall.chance)?,
        made: now,
        written: None,
    })
}

/// Lays payment orders into the bank's folder that are not there yet.
pub(in crate::fund) async fn lay_payments(hall: &Hall, bank: &Bank, now: Timestamp) -> anyhow::Result<()> {
    let mut tx = hall.store.begin_read().await?;
    let waiting = tx.unwritten_payments().await?;
    tx.commit().await?;
    for payment in waiting {
        let plain = hall.key.open(&payment_place(&payment.serial), &payment.message)?;
        bank.put(&payment.serial, &plain)?;
        settled_by(CounterError::lost_race, || async {
            let mut tx = hall.store.begin().await?;
            tx.payment_written(&payment.serial, now).await?;
            Ok(tx.commit().await?)
        })
        .await?;
    }
    Ok(())
}

fn payment_place(serial: &str) -> String {
    format!("fund payment {serial}")
}

fn actor(person: &str) -> String {
    format!("person:{person}")
}

fn event(kind: &'static str, order: &WithdrawalOrder, at: Timestamp, details: &[(&str, &str)]) -> Event {
    let mut details: BTreeMap<String, String> =
        details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    details.insert("reason".into(), order.reason.word().into());
    Event { at, actor: actor(&order.person), kind, subject: order.serial.clone(), details }
}

/// What stands in the way besides the account itself.
async fn standing(
    tx: &mut dyn FundTx,
    account: &PersonAccount,
    reason: WithdrawalReason,
    today: BeijingDay,
) -> Result<Standing, CounterError> {
    let year = fund_year(today) - 1;
    let (_, ended) = days_of(year).ok_or(Denied::NotOffered)?;
    let had = tx.first_entry(&account.number).await?.is_some_and(|first| first <= ended);
    Ok(Standing {
        last: tx.last_withdrawal(&account.number, reason).await?,
        pending: tx.has_unpaid(&account.number).await?,
        unsettled: had && !tx.is_settled(&account.unit, year, &account.number).await?,
        unit_waits: tx.waiting(&account.unit).await?.is_some(),
        card: tx.card(&account.person.id).await?.is_some(),
    })
}

async fn rule_of(
    tx: &mut dyn FundTx,
    reason: WithdrawalReason,
    today: BeijingDay,
) -> Result<WithdrawalRule, CounterError> {
    Ok(tx.rule_at(reason, today).await?.ok_or(Denied::NotOffered)?)
}

/// What an order would do to the books on this day.
async fn prepare(
    tx: &mut dyn FundTx,
    person: &str,
    number: &PersonNumber,
    reason: WithdrawalReason,
    amount: Fen,
    serial: &str,
    today: BeijingDay,
) -> Result<Prepared, CounterError> {
    let account = tx.own_account(person, number).await?.ok_or(CounterError::NotFound)?;
    let rule = rule_of(tx, reason, today).await?;
    let standing = standing(tx, &account, reason, today).await?;
    rule.allows_amount(&account, standing, today, amount)?;
    let card = tx.card(person).await?.ok_or(Denied::NoCard)?;
    let unit = tx.unit(&account.unit).await?.ok_or(CounterError::NotFound)?;
    let unit_name = unit.name.clone();
    let policy = tx.policy_at(today).await?.ok_or_else(|| HallError::NoPolicy(today.to_string()))?;
    let clerk = Clerk { policy: &policy, today, serial };
    let (booking, amount, interest) = if rule.closes {
        let (first, _) = days_of(fund_year(today)).ok_or(Denied::NotOffered)?;
        let moves = tx.moves_since(number, first).await?;
        let accrual = interest_until(&policy, account.balance(), &moves, today).ok_or(Denied::NotOffered)?;
        let all = account.balance() + accrual.interest;
        (clerk.close_out(unit, account.clone(), &accrual), all, accrual.interest)
    } else {
        (clerk.withdraw(unit, account.clone(), amount), amount, Fen::ZERO)
    };
    Ok(Prepared { booking, account, unit_name, card, closes: rule.closes, amount, interest })
}

/// Makes an order anew, which must come out as it was put together.
async fn same(tx: &mut dyn FundTx, order: &WithdrawalOrder, today: BeijingDay) -> Result<Prepared, CounterError> {
    let prepared = prepare(tx, &order.person, &order.number, order.reason, order.amount, &order.serial, today).await?;
    let kept = (order.closes, order.amount, order.interest, &order.unit);
    if (prepared.closes, prepared.amount, prepared.interest, &prepared.account.unit) != kept {
        return Err(Denied::Moved.into());
    }
    Ok(prepared)
}
