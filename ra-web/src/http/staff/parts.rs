//! What several pages of the console show alike.

use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::{Act, CertificateStatus, Ground, Replaces, Timestamp};

use crate::enrolment::certificate_order::status_word;
use crate::enrolment::desk::Signer;
use crate::enrolment::document::{DocumentKind, MAX_DOCUMENT_BYTES};
use crate::http::error::{Failure, Kind};
use crate::page::{Page, View};
use crate::store::act_word;
use crate::store::{Document, Issued, OrderSubject, PastStep, StoredOrder};

/// A word with its colour class and its symbol: never colour alone.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) text: String,
}

/// The tag of a case's or order's state.
pub(super) fn state_tag(view: &View, word: &str) -> Tag {
    let (class, icon) = match word {
        "submitted" | "open" => ("wait", "clock"),
        "awaiting_payment" => ("wait", "wallet"),
        "approved" | "signed" => ("info", "stamp"),
        "issued" => ("info", "usb"),
        "delivered" | "done" | "good" => ("ok", "circle-check"),
        "returned" => ("wait", "rotate-ccw"),
        "rejected" | "refused" | "revoked" | "cancelled" | "lapsed" => ("bad", "ban"),
        "held" => ("wait", "snowflake"),
        _ => ("", "pen-line"),
    };
    Tag { class, icon, text: view.t(&format!("state-{}", word.replace('_', "-"))) }
}

/// The tag of a certificate: its status, or that it is over.
pub(super) fn certificate_tag(view: &View, issued: &Issued, now: Timestamp) -> Tag {
    if issued.status == CertificateStatus::Good && now > issued.validity.not_after {
        return Tag { class: "", icon: "clock", text: view.t("state-expired") };
    }
    if issued.status == CertificateStatus::Good && issued.delivered.is_none() {
        return Tag { class: "info", icon: "usb", text: view.t("state-undelivered") };
    }
    state_tag(view, status_word(issued.status))
}

/// A line of history in the page's language.
pub(super) struct Line {
    pub(super) what: String,
    pub(super) who: String,
    pub(super) when: String,
    pub(super) reason: Option<String>,
}

pub(super) fn line(view: &View, step: &PastStep) -> Line {
    let reason = step.reason.clone().map(|reason| match step.act.as_str() {
        "revoke" => view.t(&format!("login-reason-{}", reason.replace('_', "-"))),
        _ => super::matter::reason_words(view, &reason),
    });
    Line {
        what: view.t(&format!("step-{}", step.act.replace('_', "-"))),
        who: step.by.as_ref().map_or_else(|| view.t("staff-system"), |by| by.name.clone()),
        when: step.at.beijing_text(),
        reason,
    }
}

/// A place for a signature: four eyes made visible.
pub(super) struct Seat {
    pub(super) duty: String,
    pub(super) who: Option<String>,
    pub(super) when: String,
}

/// The seats of an order.
pub(super) fn seats(view: &View, order: &StoredOrder) -> Vec<Seat> {
    let act = match &order.order.act {
        Act::Issue { replaces: Some(Replaces { ground: Ground::Exchange, .. }), .. } => "exchange",
        act => act_word(act),
    };
    let count = order.order.act.seats(false).len();
    (0..count)
        .map(|n| {
            let signature = order.signatures.get(n);
            Seat {
                duty: view.t(&format!("seat-{act}-{}", n + 1)),
                who: signature.map(|signature| signature.by.name.clone()),
                when: signature.map(|signature| signature.at.beijing_text()).unwrap_or_default(),
            }
        })
        .collect()
}

/// A scan as pages show it.
pub(super) struct Sheet {
    pub(super) kind: &'static str,
    pub(super) title: String,
    /// The viewer, at this scan.
    pub(super) href: String,
    /// The first page, small.
    pub(super) preview: String,
    pub(super) name: String,
    pub(super) size: String,
    pub(super) pages: i64,
    pub(super) sha256: String,
}

pub(super) fn sheet(view: &View, number: &str, document: &Document) -> Sheet {
    let kib = (document.bytes + 1023) / 1024;
    let kind = document.kind.word();
    let base = format!("/applications/{number}/documents/{kind}");
    Sheet {
        kind,
        title: view.t(&format!("document-{}", kind.replace('_', "-"))),
        href: format!("{base}#sheet-{}", document.sheet),
        preview: format!("{base}/{}/1?size=small", document.sheet),
        name: document.name.clone(),
        size: if kib < 1024 { format!("{kib} KB") } else { format!("{:.1} MB", kib as f64 / 1024.0) },
        pages: document.pages,
        sha256: document.sha256.to_string(),
    }
}

/// A place for scans of one kind in a form.
pub(super) struct Slot {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) hint: String,
    pub(super) kept: Vec<Sheet>,
    pub(super) error: Option<String>,
}

impl Slot {
    /// The place, with what was kept already.
    pub(super) fn of(view: &View, number: Option<&str>, kind: DocumentKind, kept: &[Document]) -> Self {
        let key = kind.word().replace('_', "-");
        let kept = kept.iter().filter(|document| document.kind == kind);
        Self {
            name: kind.word(),
            title: view.t(&format!("document-{key}")),
            hint: view.t(&format!("document-{key}-hint")),
            kept: number.map(|number| kept.map(|document| sheet(view, number, document)).collect()).unwrap_or_default(),
            error: None,
        }
    }

    pub(super) fn described(&self) -> String {
        let error = self.error.as_ref().map(|_| format!(" {}-error", self.name)).unwrap_or_default();
        format!("{0}-hint{error}", self.name)
    }

    pub(super) const fn max(&self) -> usize {
        MAX_DOCUMENT_BYTES
    }
}

/// The words of the element that takes pictures and tells how far an upload is.
pub(crate) const SCAN_WORDS: [&str; 19] = [
    "open",
    "title",
    "starting",
    "ready",
    "take",
    "taken",
    "retake",
    "use",
    "close",
    "which",
    "picture",
    "chosen",
    "no_camera",
    "denied",
    "in_use",
    "sending",
    "looking",
    "cancel",
    "broken",
];

/// A page with places for scans: it, and no other, may ask for the camera.
pub(super) fn with_camera(page: impl IntoResponse) -> Response {
    let policy = "camera=(self), geolocation=(), microphone=(), payment=()";
    let mut response = page.into_response();
    response.headers_mut().insert("permissions-policy", HeaderValue::from_static(policy));
    response
}

/// What a token is asked to sign: the bytes for the form, and the same as text to look at.
pub(super) struct ToSign {
    pub(super) statement: String,
    pub(super) text: String,
}

pub(super) fn to_sign(order: &StoredOrder) -> ToSign {
    ToSign {
        statement: URL_SAFE_NO_PAD.encode(&order.statement),
        text: String::from_utf8_lossy(&order.statement).into_owned(),
    }
}

/// The signature of a form, base64.
pub(super) fn message_of(signature: &str) -> Result<Vec<u8>, Failure> {
    if signature.is_empty() {
        return Err(Failure::with_detail(Kind::SignatureRefused, "no signature came with the form"));
    }
    STANDARD.decode(signature).map_err(|_| Failure::with_detail(Kind::SignatureRefused, "the signature is no base64"))
}

/// An order on a certificate, in a list.
pub(super) struct OrderLine {
    pub(super) href: String,
    pub(super) act: String,
    pub(super) reason: String,
    pub(super) unit: String,
    pub(super) serial: String,
    pub(super) tag: Tag,
    pub(super) opened: String,
    pub(super) created: String,
}

pub(super) fn order_line(view: &View, order: &StoredOrder, unit: String) -> OrderLine {
    let serial = match &order.subject {
        OrderSubject::Case(number) => number.to_string(),
        OrderSubject::Certificate(_, serial) => serial.to_string(),
        OrderSubject::Token(number) => number.to_string(),
        OrderSubject::Matter(number) => number.to_string(),
    };
    OrderLine {
        href: format!("/orders/{}", order.order.id),
        act: view.t(&format!("act-{}", act_word(&order.order.act))),
        reason: reason_text(view, &order.order.act),
        unit,
        serial,
        tag: state_tag(view, order.state.word()),
        opened: order.opened.name.clone(),
        created: order.order.created.beijing_text(),
    }
}

/// The reason of a revocation in the page's language; empty for other acts.
pub(super) fn reason_text(view: &View, act: &Act) -> String {
    match act {
        Act::Revoke { reason, .. } => view.t(&format!("login-reason-{}", reason.word().replace('_', "-"))),
        _ => String::new(),
    }
}

/// The certificate as lists show it.
pub(super) struct CertificateLine {
    pub(super) href: String,
    pub(super) serial: String,
    pub(super) unit_name: String,
    pub(super) uscc: String,
    pub(super) until: String,
    pub(super) tag: Tag,
}

pub(super) fn certificate_line(view: &View, issued: &Issued, now: Timestamp) -> CertificateLine {
    CertificateLine {
        href: format!("/certificates/{}/{}", issued.issuer, issued.serial),
        serial: issued.serial.to_string(),
        unit_name: issued.unit_name.clone(),
        uscc: issued.uscc.clone(),
        until: issued.validity.not_after.beijing_day().to_string(),
        tag: certificate_tag(view, issued, now),
    }
}

/// A case as lists show it.
pub(super) struct CaseRow {
    pub(super) href: String,
    pub(super) number: String,
    pub(super) process: String,
    pub(super) unit_name: String,
    pub(super) uscc: String,
    pub(super) entry: String,
    pub(super) tag: Tag,
    pub(super) updated: String,
}

pub(super) fn case_row(view: &View, line: &crate::store::CaseLine) -> CaseRow {
    CaseRow {
        href: format!("/applications/{}", line.number),
        number: line.number.to_string(),
        process: view.t(&format!("process-{}", line.process)),
        unit_name: if line.unit_name.is_empty() { view.t("staff-unnamed") } else { line.unit_name.clone() },
        uscc: line.uscc.clone(),
        entry: line.entry.name.clone(),
        tag: state_tag(view, &line.state),
        updated: line.updated.beijing_text(),
    }
}

/// Whether the signed-in officer has a right, for the buttons of a page.
pub(super) fn may(signer: &Signer, right: crate::enrolment::duty::Right) -> bool {
    right.of(&signer.officer.roles)
}

/// The page goes back to another address when the language is switched (the answer to a form cannot).
pub(super) fn returning_to(mut page: Page, path: String) -> Page {
    page.view.path = path;
    page.view.returns = true;
    page
}
