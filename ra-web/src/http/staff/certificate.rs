//! Certificates, and the orders on them: hold at once, release and revoke by two.

use askama::Template;
use axum::Form as UrlForm;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ca_core::domain::{Act, Ground, IssuerId, OrderId, RevocationReason, Serial};
use serde::Deserialize;

use super::Staff;
use super::matter_list::{MatterRow, matter_row};
use super::parts::{
    CertificateLine, Line, OrderLine, Seat, Tag, ToSign, certificate_line, certificate_tag, line, may, message_of,
    order_line, reason_text, returning_to, seats, state_tag, to_sign,
};
use super::tokens::{TokenLine, token_line};
use crate::enrolment::case::{Forbidden, may_read};
use crate::enrolment::certificate_order::{CertificatePage as Found, Signed, Wish, allowed, status_word};
use crate::enrolment::desk::{OfficeError, Signer, next_seat};
use crate::enrolment::duty::Right;
use crate::enrolment::holder::is_a_persons;
use crate::enrolment::intake::hash_of;
use crate::enrolment::process::{CertificateName, NotNow, Process};
use crate::http::answer::{Shown, see};
use crate::http::error::{Failure, Kind};
use crate::http::login::SignedForm;
use crate::matters::store::MatterFilter;
use crate::page::{Page, View};
use crate::store::act_word;
use crate::store::{CertificateFilter, Issued, OrderState, OrderSubject};

#[derive(Template)]
#[template(path = "staff/certificates.html")]
struct ListPage {
    page: Page,
    rows: Vec<CertificateLine>,
}

/// `GET /certificates`: the last issued.
pub(super) async fn get_certificates(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let now = staff.desk.clock.now();
    let found = staff.desk.store.read().await?.certificates(&CertificateFilter::Latest, 100).await?;
    let page = staff.page(&view, &signer, view.t("staff-rail-certificates"), "/certificates").await?;
    let rows = found.iter().map(|issued| certificate_line(&view, issued, now)).collect();
    Ok(Shown(ListPage { page: Page { wide: true, ..page }, rows }))
}

#[derive(Template)]
#[template(path = "staff/certificate.html")]
struct CertificatePage {
    page: Page,
    base: String,
    issued: Issued,
    tag: Tag,
    live: bool,
    since: Option<String>,
    reason: Option<String>,
    from: String,
    until: String,
    sha256: String,
    delivered: Option<String>,
    token: Option<TokenLine>,
    waiting: Vec<OrderLine>,
    past: Vec<OrderLine>,
    lines: Vec<Line>,
    may_hold: bool,
    /// Matters that can be begun.
    offers: Vec<Offer>,
    matters: Vec<MatterRow>,
    replaceable: Vec<Offer>,
}

/// What can be begun about a certificate, or why not.
struct Offer {
    word: &'static str,
    title: String,
    hint: String,
    why_not: Option<String>,
}

async fn certificate_page(
    staff: &Staff,
    view: &View,
    signer: &Signer,
    name: &Name,
) -> Result<CertificatePage, Failure> {
    use ca_core::domain::CertificateStatus as Status;
    let now = staff.desk.clock.now();
    let found = staff.desk.certificate(&name.issuer, &name.serial).await?;
    let mut replaceable = Vec::new();
    for (ground, verdict) in staff.desk.replaceable(&signer.officer, &found).await? {
        replaceable.push(offer(view, signer, name, ground, verdict));
    }
    let token = staff.desk.store.read().await?.token_with(&name.issuer, &name.serial).await?;
    let Found { issued, live, orders, steps } = found;
    let is_open = |state| matches!(state, OrderState::Open | OrderState::Signed);
    let order_line = |order| order_line(view, order, String::new());
    let waiting: Vec<_> =
        orders.iter().filter(|o| is_open(o.state) && !o.signatures.is_empty()).map(order_line).collect();
    let free = |wish, word: &str| {
        allowed(wish, issued.status)
            && !orders.iter().any(|o| is_open(o.state) && !o.signatures.is_empty() && act_word(&o.order.act) == word)
    };
    let (since, reason) = match issued.status {
        Status::Good => (None, None),
        Status::Held { since } => (Some(since.beijing_text()), None),
        Status::Revoked { since, reason } => {
            let key = format!("login-reason-{}", reason.word().replace('_', "-"));
            (Some(since.beijing_text()), Some(view.t(&key)))
        }
    };
    let own = CertificateName { issuer: name.issuer.clone(), serial: name.serial.clone() };
    let found = staff.desk.store.read().await?.matters(&MatterFilter::About(own), 20).await?;
    let mut offers = Vec::new();
    if may(signer, Right::Request) {
        let offer = |word, title, hint, why_not| Offer { word, title: view.t(title), hint: view.t(hint), why_not };
        if let Some(token) = token.as_ref().filter(|_| issued.status == Status::Good && issued.delivered.is_some()) {
            let why_not = (!staff.desk.may_unlock(token).await?).then(|| view.t("certificate-unlock-not"));
            offers.push(offer("unlock", "certificate-unlock", "certificate-unlock-hint", why_not));
        }
        let stands = issued.delivered.is_some() && !matches!(issued.status, Status::Revoked { .. });
        if stands && !is_a_persons(&issued.uscc) {
            offers.push(offer("handler", "matter-handler", "certificate-handler-hint", None));
        }
        if free(Wish::Release, "release") {
            offers.push(offer("release", "certificate-release", "certificate-release-hint", None));
        }
        if free(Wish::Revoke(RevocationReason::Unspecified, None), "revoke") {
            offers.push(offer("revocation", "certificate-revoke", "revoke-hint", None));
        }
        if issued.encryption.is_some() {
            let nobody = staff.desk.recipients(&issued).await?.is_empty();
            let why_not = nobody.then(|| view.t("recovery-no-recipient"));
            offers.push(offer("recovery", "matter-recovery", "certificate-recovery-hint", why_not));
        }
    }
    let matters = found.iter().filter(|matter| may_read(&signer.officer, &matter.office).is_ok());
    let matters = matters.map(|matter| matter_row(view, signer, matter, staff.desk.rules.hold_days, now)).collect();
    let page = staff.page(view, signer, issued.unit_name.clone(), "/certificates").await?;
    let base = format!("/certificates/{}/{}", name.issuer, name.serial);
    Ok(CertificatePage {
        page: Page { wide: true, ..returning_to(page, base.clone()) },
        base,
        tag: certificate_tag(view, &issued, now),
        live,
        since,
        reason,
        from: issued.validity.not_before.beijing_text(),
        until: issued.validity.not_after.beijing_text(),
        sha256: hash_of(&issued.certificate).to_string(),
        delivered: issued.delivered.map(|at| at.beijing_text()),
        token: token.map(|token| token_line(view, &token)),
        waiting,
        past: orders
            .iter()
            .filter(|o| matches!(o.state, OrderState::Done | OrderState::Refused))
            .map(order_line)
            .collect(),
        lines: steps.iter().map(|step| line(view, step)).collect(),
        may_hold: may(signer, Right::Hold) && free(Wish::Hold, "hold"),
        offers,
        matters,
        replaceable,
        issued,
    })
}

fn offer(view: &View, signer: &Signer, name: &Name, ground: Ground, verdict: Result<(), NotNow>) -> Offer {
    let word = ground.word();
    let old = CertificateName { issuer: name.issuer.clone(), serial: name.serial.clone() };
    let role = Process::Replacement { ground, old }.taken_in_by();
    let why_not = match verdict {
        Err(NotNow::TooEarly(begins)) => {
            Some(view.locale.t_with("not-now-too-early", &[("day", &begins.beijing_day().to_string())]))
        }
        Err(why) => Some(view.t(&format!("not-now-{}", why.word()))),
        Ok(()) if !signer.officer.has_any(&[role]) => {
            let duty = view.t(&format!("role-{}", role.word().replace('_', "-")));
            Some(view.locale.t_with("not-now-duty", &[("duty", &duty)]))
        }
        Ok(()) => None,
    };
    Offer { word, title: view.t(&format!("process-{word}")), hint: view.t(&format!("process-{word}-hint")), why_not }
}

#[derive(Deserialize)]
pub(super) struct ReplaceForm {
    #[serde(default)]
    ground: String,
}

/// `POST …/replace`: begins a case about this certificate.
pub(super) async fn post_replace(
    State(staff): State<Staff>,
    signer: Signer,
    Path(name): Path<Name>,
    UrlForm(form): UrlForm<ReplaceForm>,
) -> Result<Response, Failure> {
    let ground = Ground::ALL.into_iter().find(|ground| ground.word() == form.ground).ok_or(Kind::Malformed)?;
    let old = CertificateName { issuer: name.issuer, serial: name.serial };
    let number = staff.desk.begin_replacement(&signer.officer, ground, &old).await?;
    Ok(see(&format!("/applications/{number}/edit")))
}

/// A certificate's name in an address.
#[derive(Deserialize)]
pub(super) struct Name {
    issuer: IssuerId,
    serial: Serial,
}

/// `GET /certificates/{issuer}/{serial}`.
pub(super) async fn get_certificate(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    name: Option<Path<Name>>,
) -> Result<impl IntoResponse, Failure> {
    let Path(name) = name.ok_or(Kind::NotFound)?;
    Ok(Shown(certificate_page(&staff, &view, &signer, &name).await?))
}

/// `POST …/hold`: an order that one officer signs.
pub(super) async fn post_hold(
    State(staff): State<Staff>,
    signer: Signer,
    Path(name): Path<Name>,
) -> Result<Response, Failure> {
    open(&staff, &signer, &name, Wish::Hold).await
}

async fn open(staff: &Staff, signer: &Signer, name: &Name, wish: Wish) -> Result<Response, Failure> {
    let id = staff.desk.open_order(&signer.officer, &name.issuer, &name.serial, wish).await?;
    Ok(see(&format!("/orders/{id}")))
}

#[derive(Template)]
#[template(path = "staff/orders.html")]
struct OrdersPage {
    page: Page,
    rows: Vec<OrderLine>,
}

/// `GET /orders`: what waits for a second signature or for the authority.
pub(super) async fn get_orders(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
) -> Result<impl IntoResponse, Failure> {
    let queue = staff.desk.queue(&signer.officer, None).await?;
    let rows = queue.orders.iter().map(|(order, unit)| order_line(&view, order, unit.clone())).collect();
    let page = staff.page_with(&view, &signer, view.t("staff-rail-orders"), "/orders", &queue.counts);
    Ok(Shown(OrdersPage { page: Page { wide: true, ..page }, rows }))
}

#[derive(Template)]
#[template(path = "staff/order.html")]
struct OrderPage {
    page: Page,
    id: String,
    act: &'static str,
    tag: Tag,
    reason: String,
    /// Since when the key can no longer be believed, as the order says.
    invalid_since: Option<String>,
    certificate: String,
    issued: Option<Issued>,
    certificate_tag: Option<Tag>,
    seats: Vec<Seat>,
    sign: Option<ToSign>,
    why_not: Option<String>,
    may_send: bool,
    may_drop: bool,
    refusal: Option<String>,
    opened: String,
    created: String,
}

impl OrderPage {
    fn sign_to(&self) -> String {
        format!("/orders/{}/sign", self.id)
    }
}

/// `GET /orders/{id}`.
pub(super) async fn get_order(
    State(staff): State<Staff>,
    view: View,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let order = staff.desk.order(&signer.officer, id_of(&id)?).await?;
    let (issuer, serial) = match &order.subject {
        OrderSubject::Case(number) => return Ok(see(&format!("/applications/{number}"))),
        OrderSubject::Certificate(issuer, serial) => (issuer, serial),
        OrderSubject::Token(_) | OrderSubject::Matter(_) => return Err(Kind::NotFound.into()),
    };
    let issued = staff.desk.store.read().await?.certificate(issuer, serial).await?;
    let open = order.state == OrderState::Open;
    let seat = next_seat(&order, &signer.officer);
    let why_not = match &seat {
        Err(OfficeError::Forbidden(Forbidden::SameOfficer)) if open => Some(view.t("order-why-same")),
        Err(OfficeError::Forbidden(Forbidden::OtherOffice)) if open => Some(view.t("case-why-office")),
        Err(OfficeError::NoSeat) if open => Some(view.t("order-why-role")),
        _ => None,
    };
    let signing = may(&signer, Right::SignOrder);
    let act = act_word(&order.order.act);
    let now = staff.desk.clock.now();
    let page = staff.page(&view, &signer, view.t(&format!("order-title-{act}")), "/orders").await?;
    Ok(Shown(OrderPage {
        page,
        id: order.order.id.to_string(),
        act,
        tag: state_tag(&view, order.state.word()),
        reason: reason_text(&view, &order.order.act),
        invalid_since: match &order.order.act {
            Act::Revoke { invalid_since, .. } => invalid_since.map(|date| date.beijing_text()),
            _ => None,
        },
        certificate: format!("/certificates/{issuer}/{serial}"),
        certificate_tag: issued.as_ref().map(|issued| certificate_tag(&view, issued, now)),
        issued,
        seats: seats(&view, &order),
        sign: (open && signing && seat.is_ok()).then(|| to_sign(&order)),
        why_not,
        may_send: signing && order.state == OrderState::Signed,
        may_drop: signing && open && order.order.office == signer.officer.office,
        refusal: order.refusal.as_deref().map(|key| view.t(key)),
        opened: order.opened.name.clone(),
        created: order.order.created.beijing_text(),
    })
    .into_response())
}

/// `POST /orders/{id}/sign`.
pub(super) async fn post_sign(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
    UrlForm(form): UrlForm<SignedForm>,
) -> Result<Response, Failure> {
    let id = id_of(&id)?;
    match staff.desk.sign(&signer, id, &message_of(&form.signature)?).await? {
        Signed::Waiting => Ok(see(&format!("/orders/{id}?done=requested"))),
        Signed::Done => done(&staff, &signer, id).await,
    }
}

/// `POST /orders/{id}/send`: a fully signed order to the authority, again.
pub(super) async fn post_send(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = id_of(&id)?;
    staff.desk.carry_out(&signer.officer, id).await?;
    done(&staff, &signer, id).await
}

async fn done(staff: &Staff, signer: &Signer, id: OrderId) -> Result<Response, Failure> {
    let order = staff.desk.order(&signer.officer, id).await?;
    if let Some(matter) = staff.desk.store.read().await?.matter_of_order(id).await? {
        return Ok(see(&format!("/matters/{}?done=matter-signed", matter.number)));
    }
    let word = match act_word(&order.order.act) {
        "hold" => "held",
        "release" => "released",
        _ => "revoked",
    };
    Ok(see(&format!("/certificates/{}?done={word}", order.subject.key())))
}

/// `POST /orders/{id}/drop`.
pub(super) async fn post_drop(
    State(staff): State<Staff>,
    signer: Signer,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = id_of(&id)?;
    staff.desk.drop_order(&signer.officer, id).await?;
    let order = staff.desk.order(&signer.officer, id).await?;
    Ok(see(&format!("/certificates/{}?done=dropped", order.subject.key())))
}

fn id_of(text: &str) -> Result<OrderId, Failure> {
    text.parse().map_err(|_| Kind::NotFound.into())
}

impl CertificatePage {
    fn status(&self) -> &'static str {
        status_word(self.issued.status)
    }
}
