//! The steps of a renewal.

use std::sync::Arc;

use ca_core::cms;
use ca_core::domain::{Act, CertificateStatus, Ground, Order, OrderId, Replaces, Timestamp, encode};
use zeroize::Zeroizing;

use super::Holding;
use crate::enrolment::case::{Case, CaseNumber, Forbidden, State, Step, Who};
use crate::enrolment::desk::{Desk, OfficeError, SignatureFault, again};
use crate::enrolment::form::{FieldFault, FieldFaults, Form};
use crate::enrolment::intake::{hash_of, masked};
use crate::enrolment::process::{NotNow, Process, may_replace};
use crate::enrolment::provisioning::TICKET_SECONDS;
use crate::invoice::issuing;
use crate::invoice::quota::handing::Told;
use crate::payment::bill::{Bill, BillState, MoneyFault};
use crate::payment::checkout::Way;
use crate::payment::counter::bills_of;
use crate::payment::online::{Leads, Online, Settled};
use crate::payment::remittance::Remittance;
use crate::payment::tariff::Quote;
use crate::store::{
    CaseFilter, Issued, OrderState, OrderSubject, Signature, StoredOrder, StoredTicket, TicketState, Tx,
};

/// Where a renewal stands, as the unit sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is begun; whether it may be.
    Check(Result<(), NotNow>),
    /// The form is filled in; the unit is to sign it.
    Sign,
    /// To be paid.
    Pay,
    /// Paid, and to be signed anew: the order before is used up or was given up.
    SignAgain,
    /// To be put on the token.
    Install,
    /// The new certificate is on the token.
    Done,
    /// The office has it in hand.
    Elsewhere,
}

impl Stage {
    /// Its number in the line of steps: check, form, pay, install, invoice.
    #[must_use]
    pub const fn step(&self) -> usize {
        match self {
            Self::Check(_) | Self::Elsewhere => 0,
            Self::Sign | Self::SignAgain => 1,
            Self::Pay => 2,
            Self::Install => 3,
            Self::Done => 4,
        }
    }
}

/// All that the unit's pages show of a renewal.
pub struct Standing {
    /// The certificate by which the unit signed in.
    pub issued: Issued,
    /// The renewal under way or done.
    pub case: Option<Case>,
    /// Its last bill.
    pub bill: Option<Bill>,
    /// Whether the unit can fetch its invoice.
    pub invoiced: bool,
    /// How far its quota invoices are, if it is to have such.
    pub quota: Option<Told>,
    /// The code of its bill, once it pays by bank.
    pub wire: Option<Remittance>,
    /// The certificate that took the other's place.
    pub successor: Option<Issued>,
    /// Where it stands.
    pub stage: Stage,
    /// The prices of the years that can be chosen, from one on.
    pub prices: Vec<Quote>,
}

/// What a unit typed.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// How many years.
    pub years: String,
    /// Who deals with it.
    pub handler_name: String,
    /// Whom to call.
    pub handler_mobile: String,
    /// Where mails go, if anywhere.
    pub handler_email: String,
}

/// What changed, as a unit typed it: the office goes on with it.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Changed {
    /// The unit's name now.
    #[serde(default)]
    pub unit_name: String,
    /// Its code now.
    #[serde(default)]
    pub uscc: String,
    /// Who deals with it.
    #[serde(default)]
    pub handler_name: String,
    /// Whom to call.
    #[serde(default)]
    pub handler_mobile: String,
}

impl Changed {
    /// The text of a field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        match name {
            "unit_name" => &self.unit_name,
            "uscc" => &self.uscc,
            "handler_name" => &self.handler_name,
            "handler_mobile" => &self.handler_mobile,
            _ => "",
        }
    }
}

/// What came of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The case is there.
    Ready(CaseNumber),
    /// The form is faulty.
    Faulty(FieldFaults),
}

/// The services of the unit's renewal.
pub struct Renewals {
    /// The office's services.
    pub desk: Arc<Desk>,
    /// Payment on the provider's page, if there is one.
    pub online: Option<Arc<Online>>,
}

impl Renewals {
    /// Where the renewal of this certificate stands.
    ///
    /// # Errors
    /// Storage.
    pub async fn standing(&self, unit: &Holding) -> Result<Standing, OfficeError> {
        let now = self.desk.clock.now();
        let mut tx = self.desk.store.read().await?;
        let issued = tx.certificate(&unit.issuer, &unit.serial).await?.ok_or(OfficeError::NotFound)?;
        let case = about(&mut tx, unit).await?;
        let bill = match &case {
            Some(case) => bills_of(&mut tx, &case.number).await?.into_iter().next(),
            None => None,
        };
        let invoiced = match &bill {
            Some(bill) => issuing::standing(&mut tx, &bill.number).await?.is_some(),
            None => false,
        };
        let quota = match &bill {
            Some(bill) => self.desk.quota_told(&mut tx, &bill.number).await?,
            None => None,
        };
        let wire = match &bill {
            Some(bill) => tx.remittance_of(&bill.number).await?.filter(|remittance| remittance.chosen.is_some()),
            None => None,
        };
        let successor = match case.as_ref().map(|case| &case.state) {
            Some(State::Issued { issuer, serial, .. } | State::Delivered { issuer, serial, .. }) => {
                tx.certificate(issuer, serial).await?
            }
            _ => None,
        };
        let stage = match &case {
            None => Stage::Check(self.may_renew(&issued, now)),
            Some(case) if !matches!(case.state, State::Delivered { .. }) && !is_ours(case) => Stage::Elsewhere,
            Some(case) => match &case.state {
                State::Delivered { .. } => Stage::Done,
                State::Draft => Stage::Sign,
                State::AwaitingPayment { .. } => Stage::Pay,
                State::Returned { .. } => Stage::SignAgain,
                State::Approved { .. } | State::Issued { .. } => Stage::Install,
                _ => Stage::Elsewhere,
            },
        };
        let rules = &self.desk.rules.money;
        let process = process_of(unit);
        let years = 1..=rules.max_years;
        let prices = years.map(|years| rules.tariff.quote(&process, years, now.beijing_day())).collect();
        Ok(Standing { issued, case, bill, invoiced, quota, wire, successor, stage, prices })
    }

    fn may_renew(&self, issued: &Issued, now: Timestamp) -> Result<(), NotNow> {
        let window = self.desk.rules.renewal;
        may_replace(Ground::Renewal, issued.status, issued.validity.not_after, window, now)
    }

    /// The particulars that the form begins with: those of the draft, or of the case that the certificate came from.
    ///
    /// # Errors
    /// Storage.
    pub async fn form(&self, unit: &Holding) -> Result<Form, OfficeError> {
        let mut tx = self.desk.store.read().await?;
        if let Some(case) = about(&mut tx, unit).await?.filter(Case::is_open_for_typing).filter(is_ours) {
            return Ok(case.form);
        }
        let issued = tx.certificate(&unit.issuer, &unit.serial).await?.ok_or(OfficeError::NotFound)?;
        let (before, _) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
        let mut form = before.form;
        form.years = "1".into();
        Ok(form)
    }

    /// Takes the form in: a draft is begun, or the one that is there is changed.
    ///
    /// # Errors
    /// [`OfficeError::NotNow`], [`OfficeError::Forbidden`] when the renewal is further, or storage.
    pub async fn begin(&self, unit: &Holding, asked: &Asked) -> Result<Begun, OfficeError> {
        let now = self.desk.clock.now();
        let process = process_of(unit);
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let issued = tx.certificate(&unit.issuer, &unit.serial).await?.ok_or(OfficeError::NotFound)?;
            let known = about(&mut tx, unit).await?;
            if let Some(other) = known.as_ref().filter(|case| !is_ours(case)) {
                return Err(Forbidden::State { state: other.state.word(), act: "revised" }.into());
            }
            let from = known.as_ref().map_or(&issued.case, |case| &case.number).clone();
            let (before, sealed) = tx.case(&from).await?.ok_or(OfficeError::NotFound)?;
            let mut form = before.form.clone();
            form.handler_id = self.desk.open_handler_id(&before.number, sealed.as_deref())?;
            asked.years.clone_into(&mut form.years);
            asked.handler_name.clone_into(&mut form.handler_name);
            asked.handler_mobile.clone_into(&mut form.handler_mobile);
            asked.handler_email.clone_into(&mut form.handler_email);
            if let Err(faults) = self.particulars(&process, &form, now) {
                return Ok(Begun::Faulty(faults));
            }
            let (case, step, new) = match known {
                Some(case) => {
                    let (case, step) = case.revise_by_unit(form, now)?;
                    (case, step, false)
                }
                None => {
                    self.may_renew(&issued, now)?;
                    let number = tx.next_case_number(now.beijing_day()).await?;
                    let masked = masked(&form);
                    let office = before.office.clone();
                    let (case, step) = Case::begin_by_unit(number, process.clone(), office, form, masked, now);
                    (case, step, true)
                }
            };
            let number = case.number.clone();
            let sealed = self.desk.seal_handler_id(&number, &case.form.handler_id)?;
            tx.drop_open_orders(&OrderSubject::Case(number.clone()), now).await?;
            if new {
                tx.add_case(&case, sealed.as_deref()).await?;
                let subject = OrderSubject::Case(number.clone());
                tx.add_step(&subject, &step).await?;
                tx.audit(&self.desk.event(&subject, &step)).await?;
                tx.commit().await?;
            } else {
                self.desk.put(tx, &case, sealed.as_deref(), &step).await?;
            }
            Ok(Begun::Ready(number))
        })
        .await
    }

    /// What changed goes to the office, as a draft with the form filled in: it examines the papers and goes on.
    ///
    /// # Errors
    /// [`OfficeError::NotNow`], [`OfficeError::Forbidden`] when a case is open already, or storage.
    pub async fn send_to_office(&self, unit: &Holding, changed: &Changed) -> Result<Begun, OfficeError> {
        let now = self.desk.clock.now();
        let process = Process::Replacement { ground: Ground::Change, old: unit.name() };
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let issued = tx.certificate(&unit.issuer, &unit.serial).await?.ok_or(OfficeError::NotFound)?;
            if let Some(case) = about(&mut tx, unit).await? {
                return Err(Forbidden::State { state: case.state.word(), act: "begun" }.into());
            }
            let window = self.desk.rules.renewal;
            may_replace(Ground::Change, issued.status, issued.validity.not_after, window, now)?;
            let (before, sealed) = tx.case(&issued.case).await?.ok_or(OfficeError::NotFound)?;
            if before.form.says_person() {
                return Err(NotNow::Person.into());
            }
            let mut form = before.form.clone();
            form.handler_id = self.desk.open_handler_id(&before.number, sealed.as_deref())?;
            form.years.clear();
            changed.unit_name.clone_into(&mut form.unit_name);
            changed.uscc.clone_into(&mut form.uscc);
            changed.handler_name.clone_into(&mut form.handler_name);
            changed.handler_mobile.clone_into(&mut form.handler_mobile);
            if let Err(faults) = self.particulars(&process, &form, now) {
                return Ok(Begun::Faulty(faults));
            }
            let number = tx.next_case_number(now.beijing_day()).await?;
            let masked = masked(&form);
            let office = before.office.clone();
            let (case, step) = Case::begin_by_unit(number.clone(), process.clone(), office, form, masked, now);
            let sealed = self.desk.seal_handler_id(&number, &case.form.handler_id)?;
            tx.add_case(&case, sealed.as_deref()).await?;
            let subject = OrderSubject::Case(number.clone());
            tx.add_step(&subject, &step).await?;
            tx.audit(&self.desk.event(&subject, &step)).await?;
            tx.commit().await?;
            Ok(Begun::Ready(number))
        })
        .await
    }

    fn particulars(&self, process: &Process, form: &Form, now: Timestamp) -> Result<(), FieldFaults> {
        let rules = &self.desk.rules;
        form.particulars(process, &rules.kinds(), rules.money.max_years, now.beijing_day()).map(drop)
    }

    /// The order that lies ready for the unit's signature; written down the first time it is looked at.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] when there is nothing to sign, or storage.
    pub async fn order(&self, unit: &Holding) -> Result<StoredOrder, OfficeError> {
        let now = self.desk.clock.now();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let (case, sealed) = self.own(&mut tx, unit).await?;
            if !case.is_open_for_typing() {
                return Err(Forbidden::State { state: case.state.word(), act: "signed" }.into());
            }
            let subject = OrderSubject::Case(case.number.clone());
            let ready = tx.orders_about(&subject).await?.into_iter().find(|order| order.state == OrderState::Open);
            if let Some(order) = ready {
                return Ok(order);
            }
            let mut form = case.form.clone();
            form.handler_id = self.desk.open_handler_id(&case.number, sealed.as_deref())?;
            let rules = &self.desk.rules;
            let read = form.particulars(&case.process, &rules.kinds(), rules.money.max_years, now.beijing_day());
            let particulars = read.map_err(|faults| faulty(&faults))?;
            let Process::Replacement { ground, old } = &case.process else { return Err(OfficeError::NotFound) };
            let subject_of_certificate = self.desk.renamed(&mut tx, *ground, old, &particulars).await?;
            let issuer = rules
                .issuer_of(particulars.key)
                .ok_or_else(|| OfficeError::Rules(format!("nobody issues for {} keys", particulars.key)))?;
            let order = Order {
                id: OrderId::draw(now, &mut *self.desk.draw()),
                office: case.office.clone(),
                created: now,
                evidence: Vec::new(),
                act: Act::Issue {
                    issuer,
                    profile: rules.profile_of(&particulars.holder).clone(),
                    subject: subject_of_certificate,
                    years: particulars.years,
                    key: particulars.key,
                    officer: None,
                    replaces: Some(Replaces {
                        issuer: old.issuer.clone(),
                        serial: old.serial.clone(),
                        ground: *ground,
                    }),
                },
            };
            let stored = StoredOrder {
                statement: encode(&order),
                order,
                subject,
                state: OrderState::Open,
                refusal: None,
                opened: Who::unit(&unit.unit_name),
                signatures: Vec::new(),
            };
            tx.fix_practice_statement(&case.number, &self.desk.practice_statement()).await?;
            tx.add_order(&stored).await?;
            tx.commit().await?;
            Ok(stored)
        })
        .await
    }

    /// The unit signed the order: its bill is made at today's price, unless it was paid before.
    ///
    /// # Errors
    /// [`OfficeError::Signature`], [`OfficeError::NotNow`], [`OfficeError::Forbidden`] or storage.
    pub async fn sign(&self, unit: &Holding, message: &[u8]) -> Result<(), OfficeError> {
        let now = self.desk.clock.now();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let (case, sealed) = self.own(&mut tx, unit).await?;
            let issued = tx.certificate(&unit.issuer, &unit.serial).await?.ok_or(OfficeError::NotFound)?;
            let subject = OrderSubject::Case(case.number.clone());
            let order = tx.orders_about(&subject).await?.into_iter().find(|order| order.state == OrderState::Open);
            let order = order.ok_or(OfficeError::WrongState("no order lies ready to be signed"))?;
            signed_by(unit, &order.statement, message)?;
            let quote = self.desk.left_to_pay(&mut tx, &case, &order, now).await?;
            if quote.is_some() {
                self.may_renew(&issued, now)?;
            }
            let (case, step) = case.sign_by_unit(order.order.id, quote.is_some(), now)?;
            if let Some(quote) = quote {
                self.desk.make_bill(&mut tx, &case, quote, now).await?;
            }
            let signature = Signature { by: Who::unit(&unit.unit_name), message: message.to_vec(), at: now };
            tx.sign_order(order.order.id, 0, &signature).await?;
            tx.settle_order(order.order.id, OrderState::Open, OrderState::Signed, None, now).await?;
            self.desk.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// Leads to the provider's page.
    ///
    /// # Errors
    /// [`OfficeError::Money`], [`OfficeError::Gateway`], [`OfficeError::Forbidden`] or storage.
    pub async fn pay(&self, unit: &Holding, way: Way, title: String, back: String) -> Result<Leads, OfficeError> {
        let bill = self.standing(unit).await?.bill.ok_or(OfficeError::NotFound)?;
        let online = self.online.as_ref().ok_or(OfficeError::NotFound)?;
        if bill.state.paid().is_some() {
            return Ok(Leads::Paid);
        }
        online.checkout(&bill.number, way, title, back).await
    }

    /// The unit pays by bank: its bill has a code, and stays open longer.
    ///
    /// # Errors
    /// [`OfficeError::Money`], [`OfficeError::NotFound`] where nobody pays by bank, or storage.
    pub async fn pay_by_bank(&self, unit: &Holding) -> Result<(), OfficeError> {
        let bill = self.standing(unit).await?.bill.ok_or(OfficeError::NotFound)?;
        if bill.state.paid().is_some() {
            return Err(MoneyFault::PaidAlready.into());
        }
        self.desk.choose_wire(&unit.uscc, &bill.number).await.map(drop)
    }

    /// The unit came back from the provider's page: that says nothing, the provider is asked.
    ///
    /// # Errors
    /// [`OfficeError::Gateway`] or storage.
    pub async fn came_back(&self, unit: &Holding) -> Result<Settled, OfficeError> {
        let bill = self.standing(unit).await?.bill;
        match (bill, &self.online) {
            (Some(bill), Some(online)) => online.look(&bill.number).await,
            _ => Ok(Settled::Unchanged),
        }
    }

    /// The unit gives the renewal up before it has paid. One that was paid in this moment goes on.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`], [`OfficeError::Gateway`] or storage.
    pub async fn cancel(&self, unit: &Holding, reason: &str) -> Result<(), OfficeError> {
        let now = self.desk.clock.now();
        let standing = self.standing(unit).await?;
        let case = standing.case.filter(is_ours).ok_or(OfficeError::NotFound)?;
        case.cancellable_by_unit()?;
        if let (Some(bill), Some(online)) = (&standing.bill, &self.online)
            && bill.state == BillState::Open
            && online.stop(&bill.number).await?
        {
            return Err(Forbidden::State { state: "approved", act: "cancelled" }.into());
        }
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let (case, sealed) = self.own(&mut tx, unit).await?;
            let order = case.state.order();
            let (case, step) = case.cancel_by_unit(reason.to_owned(), now)?;
            self.desk.drop_bills(&mut tx, &case.number).await?;
            tx.drop_open_orders(&OrderSubject::Case(case.number.clone()), now).await?;
            if let Some(order) = order {
                tx.settle_order(order, OrderState::Signed, OrderState::Dropped, None, now).await?;
            }
            self.desk.put(tx, &case, sealed.as_deref(), &step).await
        })
        .await
    }

    /// Mints a ticket with which the assistant puts the certificate on the token. Earlier ones end.
    ///
    /// # Errors
    /// [`OfficeError::Forbidden`] unless it is paid for, or storage.
    pub async fn ticket(&self, unit: &Holding) -> Result<Zeroizing<String>, OfficeError> {
        let now = self.desk.clock.now();
        let (text, hash) = self.desk.draw_ticket();
        again(|| async {
            let mut tx = self.desk.store.begin().await?;
            let (case, _) = self.own(&mut tx, unit).await?;
            let (State::Approved { order } | State::Issued { order, .. }) = &case.state else {
                return Err(Forbidden::State { state: case.state.word(), act: "installed" }.into());
            };
            let minted = Who::unit(&unit.unit_name);
            tx.add_ticket(&StoredTicket {
                hash,
                case: case.number.clone(),
                order: *order,
                state: TicketState::Open,
                minted: minted.clone(),
                created: now,
                expires: now.plus(TICKET_SECONDS),
            })
            .await?;
            let word = case.state.word();
            let step = Step { act: "ticket", from: word, to: word, by: Some(minted), reason: None, at: now };
            let subject = OrderSubject::Case(case.number.clone());
            tx.add_step(&subject, &step).await?;
            tx.audit(&self.desk.event(&subject, &step)).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        Ok(text)
    }

    /// The certificate was revoked for good, or is held: then the session is over. One that was renewed goes on until the
    /// unit leaves.
    ///
    /// # Errors
    /// Storage.
    pub async fn still_welcome(&self, unit: &Holding) -> Result<bool, OfficeError> {
        let mut tx = self.desk.store.read().await?;
        let issued = tx.certificate(&unit.issuer, &unit.serial).await?;
        let superseded = ca_core::domain::RevocationReason::Superseded;
        Ok(match issued.map(|issued| issued.status) {
            Some(CertificateStatus::Good) => true,
            Some(CertificateStatus::Revoked { reason, .. }) if reason == superseded => {
                let case = about(&mut tx, unit).await?;
                case.is_some_and(|case| matches!(case.state, State::Delivered { .. }))
            }
            _ => false,
        })
    }

    /// The unit's own renewal of its certificate.
    async fn own(&self, tx: &mut Box<dyn Tx>, unit: &Holding) -> Result<(Case, Option<Vec<u8>>), OfficeError> {
        let case = about(tx, unit).await?.filter(is_ours).ok_or(OfficeError::NotFound)?;
        tx.case(&case.number).await?.ok_or(OfficeError::NotFound)
    }
}

fn process_of(unit: &Holding) -> Process {
    Process::Replacement { ground: Ground::Renewal, old: unit.name() }
}

/// Whether the unit itself goes on with a case.
fn is_ours(case: &Case) -> bool {
    case.is_the_units() && case.process.ground() == Some(Ground::Renewal)
}

/// The case about a certificate that is not over, or the one that led to its successor.
async fn about(tx: &mut Box<dyn Tx>, unit: &Holding) -> Result<Option<Case>, OfficeError> {
    let lines = tx.cases(&CaseFilter::About(unit.name()), 20).await?;
    let line = lines.iter().find(|line| line.is_open()).or_else(|| lines.iter().find(|line| line.state == "delivered"));
    match line {
        Some(line) => Ok(tx.case(&line.number).await?.map(|(case, _)| case)),
        None => Ok(None),
    }
}

fn signed_by(unit: &Holding, statement: &[u8], message: &[u8]) -> Result<(), SignatureFault> {
    let signed = cms::verify(message)?;
    if signed.content != statement {
        return Err(SignatureFault::Content);
    }
    if hash_of(&signed.certificate) != unit.certificate {
        return Err(SignatureFault::Signer);
    }
    Ok(())
}

fn faulty(faults: &[(&'static str, FieldFault)]) -> OfficeError {
    let names: Vec<&str> = faults.iter().map(|(field, _)| *field).collect();
    tracing::warn!(fields = names.join(" "), "the particulars of a renewal cannot be read any more");
    OfficeError::WrongState("the form is to be filled in again")
}
