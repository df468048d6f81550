//! A withdrawal, step by step: reason and amount, face, document and signature, receipt.

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::{Withdrawal, WithdrawalReason, decode};
use serde::Deserialize;
use tower_sessions::Session;
use zeroize::Zeroizing;

use super::super::Portal;
use super::page_of;
use super::pages::{OwnAccount, accounts, number_of};
use super::session::CurrentPerson;
use crate::fund::amounts::Fen;
use crate::fund::books::Person;
use crate::fund::face::{FaceFault, MAX_PICTURE, Picture};
use crate::fund::withdrawal::counter::{Counter, CounterError, MOST_TRIES};
use crate::fund::withdrawal::rules::Denied;
use crate::fund::withdrawal::{Stage, WithdrawalOrder, evidence};
use crate::http::answer::{Again, Shown, attached, file_of, see};
use crate::http::error::{Failure, Kind};
use crate::http::login::{SignedForm, refused_page};
use crate::page::{Page, View};

/// An order at a glance.
struct Line {
    serial: String,
    number: String,
    reason: String,
    amount: Fen,
    state: String,
    class: &'static str,
    when: String,
}

fn line(view: &View, order: &WithdrawalOrder) -> Line {
    Line {
        serial: order.serial.clone(),
        number: order.number.to_string(),
        reason: reason(view, order.reason),
        amount: order.amount,
        state: view.t(&format!("my-stage-{}", order.stage.word())),
        class: match order.stage {
            Stage::Paid => "ok",
            Stage::Ordered => "wait",
            Stage::Cancelled => "",
            _ => "info",
        },
        when: order.signature.as_ref().map_or(order.created, |signature| signature.at).beijing_text(),
    }
}

fn reason(view: &View, reason: WithdrawalReason) -> String {
    view.t(&format!("my-reason-{}", reason.word().replace('_', "-")))
}

/// A rule in words.
fn denied(view: &View, denied: &Denied) -> String {
    view.locale.t_with(&format!("my-denied-{}", denied.word()), &[("a", &denied.variable())])
}

fn counter(portal: &Portal) -> Result<&Counter, Failure> {
    portal.counter.as_deref().ok_or_else(|| Kind::NotFound.into())
}

#[derive(Template)]
#[template(path = "portal/my/withdrawals.html")]
struct AllPage {
    page: Page,
    rows: Vec<Line>,
    withdraws: bool,
}

/// `GET /my/withdrawals`.
pub(super) async fn get_all(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
) -> Result<impl IntoResponse, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let orders = tx.withdrawals_of(&person.id).await?;
    tx.commit().await?;
    Ok(Shown(AllPage {
        page: Page { wide: true, ..page_of(&view, &person, "my-withdrawals-title", "/my/withdrawals") },
        rows: orders.iter().map(|order| line(&view, order)).collect(),
        withdraws: portal.counter.is_some(),
    }))
}

/// What was typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    number: String,
    reason: String,
    amount: String,
}

/// A reason as it is offered, or why it is not.
struct Choice {
    code: &'static str,
    label: String,
    hint: String,
    offered: bool,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "portal/my/withdraw.html")]
struct FormPage {
    page: Page,
    accounts: Vec<OwnAccount>,
    typed: Typed,
    choices: Vec<Choice>,
    card: Option<String>,
    faults: Vec<(&'static str, String)>,
}

impl FormPage {
    fn fault(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|(name, _)| *name == field).map(|(_, text)| text.as_str())
    }

    fn offers(&self) -> bool {
        self.choices.iter().any(|choice| choice.offered)
    }
}

async fn form_page(
    portal: &Portal,
    view: &View,
    person: &Person,
    mut typed: Typed,
    faults: Vec<(&'static str, String)>,
) -> Result<FormPage, Failure> {
    let counter = counter(portal)?;
    let accounts: Vec<OwnAccount> =
        accounts(portal, view, person).await?.into_iter().filter(|one| one.account.status.is_open()).collect();
    let own = |number: &str| accounts.iter().find(|one| one.account.number.as_str() == number);
    let chosen = own(typed.number.trim()).or_else(|| accounts.first());
    let mut choices = Vec::new();
    if let Some(one) = chosen {
        typed.number = one.account.number.to_string();
        for offer in counter.offers(&person.id, &one.account.number).await? {
            let hint = match &offer.verdict {
                Ok(_) if offer.closes => view.t("my-offer-all"),
                Ok(most) => view.locale.t_with("my-offer-most", &[("a", &most.to_string())]),
                Err(why) => denied(view, why),
            };
            choices.push(Choice {
                code: offer.reason.code(),
                label: reason(view, offer.reason),
                hint,
                offered: offer.verdict.is_ok(),
                chosen: offer.reason.code() == typed.reason,
            });
        }
    }
    let mut tx = portal.store.begin_read().await?;
    let card = tx.card(&person.id).await?.map(|card| format!("{} {}", card.bank, card.masked));
    tx.commit().await?;
    Ok(FormPage {
        page: page_of(view, person, "my-withdraw-title", "/my/withdrawals"),
        accounts,
        typed,
        choices,
        card,
        faults,
    })
}

/// `GET /my/withdraw`.
pub(super) async fn get_form(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
    Query(typed): Query<Typed>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(form_page(&portal, &view, &person, typed, Vec::new()).await?))
}

/// `POST /my/withdraw`: puts an order together, or says why not.
pub(super) async fn post_form(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let counter = counter(&portal)?;
    let mut faults = Vec::new();
    let number = number_of(&typed.number);
    if number.is_none() {
        faults.push(("number", view.t("my-fault-number")));
    }
    let why = WithdrawalReason::from_code(&typed.reason);
    if why.is_none() {
        faults.push(("reason", view.t("my-fault-reason")));
    }
    // Of an account that is closed everything goes; the form says so, and nothing need be typed.
    let amount = if typed.amount.trim().is_empty() { Some(Fen::ZERO) } else { Fen::typed(&typed.amount) };
    if amount.is_none() {
        faults.push(("amount", view.t("fund-fault-amount")));
    }
    if let (Some(number), Some(why), Some(amount)) = (number, why, amount) {
        match counter.draft(&person.id, &number, why, amount).await {
            Ok(serial) => return Ok(see(&format!("/my/withdrawals/{serial}"))),
            Err(CounterError::Denied(why)) => {
                let field = match why {
                    Denied::NoAmount | Denied::TooMuch { .. } => "amount",
                    _ => "reason",
                };
                faults.push((field, denied(&view, &why)));
            }
            Err(CounterError::NotFound) => faults.push(("number", view.t("my-fault-number"))),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Again(form_page(&portal, &view, &person, typed, faults).await?).into_response())
}

#[derive(Template)]
#[template(path = "portal/my/withdrawal.html")]
struct OnePage {
    page: Page,
    order: Line,
    facts: Vec<(String, String)>,
    /// Which of the three steps it is at: 1 face, 2 signature, 3 done.
    step: u8,
    /// The bytes that are signed, base64url; while it can be signed.
    statement: Option<String>,
    expired: bool,
    tries: i64,
    until: String,
    fault: Option<String>,
    /// Certificate, when it was signed, by which means its status was asked, time of the stamp.
    signed: Option<[String; 4]>,
    paid: bool,
    /// The bank did not pay, and nothing is ordered in its place yet.
    refused: bool,
    most: usize,
}

async fn one_page(
    portal: &Portal,
    view: &View,
    person: &Person,
    serial: &str,
    fault: Option<String>,
) -> Result<OnePage, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let order = tx.withdrawal(&person.id, serial).await?.ok_or(Kind::NotFound)?;
    let card = tx.card(&person.id).await?;
    let refused = order.stage == Stage::Ordered && tx.has_refused(&order.serial).await?;
    let stamp = tx.stamp_of(&order.serial).await?;
    tx.commit().await?;
    let document: Option<Withdrawal> = decode(&order.document).ok();
    let payee = match (&document, card) {
        (Some(document), _) => format!("{} {}", document.bank, document.card),
        (None, Some(card)) => format!("{} {}", card.bank, card.masked),
        (None, None) => String::new(),
    };
    let mut facts = vec![
        (view.t("my-fact-person"), format!("{} {}", person.name, person.id_masked)),
        (view.t("my-fact-account"), order.number.to_string()),
        (view.t("my-fact-reason"), reason(view, order.reason)),
        (view.t("my-fact-amount"), order.amount.to_string()),
        (view.t("my-fact-capitals"), order.amount.capitals()),
        (view.t("my-fact-payee"), payee),
    ];
    if order.closes {
        facts.push((view.t("my-fact-interest"), order.interest.to_string()));
        facts.push((view.t("my-fact-closes"), view.t("my-fact-closes-yes")));
    }
    if let Some(document) = &document {
        facts.push((view.t("my-fact-face"), format!("{} {}", document.face.at.beijing_text(), document.face.provider)));
    }
    let now = portal.clock.now();
    let open = matches!(order.stage, Stage::Asked | Stage::Matched);
    let expired = open && now > order.expires;
    let signable = order.stage == Stage::Matched && !expired;
    let signed = order.signature.as_ref().map(|signature| {
        [
            ca_core::domain::Sha256(openssl::sha::sha256(&signature.certificate)).to_string(),
            signature.at.beijing_text(),
            view.t(&format!("fund-status-by-{}", signature.status_source)),
            stamp.as_ref().map_or_else(|| view.t("fund-stamp-waits"), |stamp| stamp.at.beijing_text()),
        ]
    });
    Ok(OnePage {
        page: page_of(view, person, "my-withdraw-title", "/my/withdrawals"),
        facts,
        step: match order.stage {
            Stage::Asked => 1,
            Stage::Matched => 2,
            _ => 3,
        },
        statement: signable.then(|| URL_SAFE_NO_PAD.encode(&order.document)),
        expired,
        tries: MOST_TRIES - order.tries,
        until: order.expires.beijing_text(),
        fault,
        signed,
        paid: order.stage == Stage::Paid,
        refused,
        most: MAX_PICTURE / 1024 / 1024,
        order: line(view, &order),
    })
}

/// `GET /my/withdrawals/{serial}`.
pub(super) async fn get_one(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
    Path(serial): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    Ok(Shown(one_page(&portal, &view, &person, &serial, None).await?))
}

/// `POST /my/withdrawals/{serial}/face`: the picture goes to whoever compares, and nowhere else.
pub(super) async fn post_face(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    view: View,
    Path(serial): Path<String>,
    body: Multipart,
) -> Result<Response, Failure> {
    let counter = counter(&portal)?;
    let picture = match file_of(body, MAX_PICTURE).await? {
        None => Err(FaceFault::Picture("none")),
        Some((_, None)) => Err(FaceFault::Picture("large")),
        Some((_, Some(bytes))) => Picture::new(Zeroizing::new(bytes)),
    };
    let checked = match picture {
        Ok(picture) => counter.check_face(&person, &serial, picture).await,
        Err(fault) => Err(fault.into()),
    };
    let fault = match checked {
        Ok(()) => return Ok(see(&format!("/my/withdrawals/{serial}"))),
        Err(CounterError::Face(fault)) => {
            if fault.is_ours() {
                tracing::error!(%fault, serial, "A face check failed, and not for the face");
            }
            view.t(&format!("my-face-{}", fault.word()))
        }
        Err(CounterError::Denied(why)) => denied(&view, &why),
        Err(error) => return Err(error.into()),
    };
    Ok(Again(one_page(&portal, &view, &person, &serial, Some(fault)).await?).into_response())
}

/// `POST /my/withdrawals/{serial}/sign`: the token's answer. The certificate's status is asked at this moment; one that is no
/// longer good ends the session too.
pub(super) async fn post_sign(
    State(portal): State<Portal>,
    session: Session,
    CurrentPerson { person, signed_in }: CurrentPerson,
    view: View,
    Path(serial): Path<String>,
    Form(form): Form<SignedForm>,
) -> Result<Response, Failure> {
    let message = STANDARD.decode(form.signature.as_bytes()).map_err(|_| Kind::Malformed)?;
    match counter(&portal)?.sign(&person, signed_in.certificate_sha256, &serial, &message).await {
        Ok(_) => Ok(see(&format!("/my/withdrawals/{serial}"))),
        Err(CounterError::Refused(refusal)) => {
            session.flush().await?;
            refused_page(&view, &refusal, Some(&portal.renewal_origin))
        }
        Err(CounterError::Denied(why)) => {
            let fault = denied(&view, &why);
            Ok(Again(one_page(&portal, &view, &person, &serial, Some(fault)).await?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /my/withdrawals/{serial}/cancel`.
pub(super) async fn post_cancel(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    counter(&portal)?.cancel(&person.id, &serial).await?;
    Ok(see("/my/withdrawals"))
}

/// `GET /my/withdrawals/{serial}/evidence`: what proves it, for whoever checks it without us.
pub(super) async fn get_evidence(
    State(portal): State<Portal>,
    CurrentPerson { person, .. }: CurrentPerson,
    Path(serial): Path<String>,
) -> Result<Response, Failure> {
    let mut tx = portal.store.begin_read().await?;
    let order = tx.withdrawal(&person.id, &serial).await?.ok_or(Kind::NotFound)?;
    let stamp = tx.stamp_of(&serial).await?;
    tx.commit().await?;
    let token = stamp.as_ref().map(|stamp| &stamp.token[..]);
    let packed = evidence::pack(&order, token).map_err(|error| Failure::internal(format!("evidence: {error}")))?;
    let packed = packed.ok_or(Kind::WrongState)?;
    Ok(attached("application/zip", packed, &format!("{serial}.zip")))
}
