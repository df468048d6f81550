//! A registration authority for tests: a real HTTP server with the provisioning API, which can be told to fail
//! before or after it acted. A double: the real one is ra-web, which also asks the real CA.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::cms;
use ca_core::domain::{self, Install, KeyBinding, Order, Sha256};
use ca_core::envelope::{self, EncryptionKey};
use ca_core::escrow::port::Envelope;
use ca_core::keys::good_key;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use token_provisioner::certificate::Facts;
use token_provisioner::driver::PublicKey;

use super::authority::{TestCa, UNIT, Wanted};

/// The ticket that it knows.
pub(crate) const TICKET: &str = "dGlja2V0LWZvci10ZXN0cy10aWNrZXQtZm9yLXRlc3Q";

/// Where it is to fail, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fail {
    /// With HTTP 503 before it did anything.
    Before(&'static str),
    /// With HTTP 503 after it did it: the answer is lost.
    After(&'static str),
}

#[derive(Default)]
pub(crate) struct Seen {
    /// The certificate, once issued.
    pub(crate) issued: Option<Vec<u8>>,
    /// How many certificates were made.
    pub(crate) made: usize,
    pub(crate) delivered: bool,
    pub(crate) abandoned: bool,
    pub(crate) fail: Option<Fail>,
    /// What to answer instead of the certificate.
    pub(crate) other_certificate: Option<Vec<u8>>,
    /// The encryption certificate and envelope, once issued.
    pub(crate) encryption: Option<(Vec<u8>, Envelope)>,
    /// The order makes one certificate and no pair.
    pub(crate) single: bool,
    /// How the encryption half is wrong.
    pub(crate) bent: Option<Bent>,
}

/// How the encryption half of an answer can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bent {
    /// The envelope is for another signature key.
    OtherRecipient,
    /// The envelope holds another key than the certificate's.
    OtherKey,
    /// The envelope is no envelope.
    Rubbish,
    /// The certificate may sign too.
    Signs,
    /// The certificate names someone else.
    OtherHolder,
    /// The certificate is for the signature key itself.
    SignatureKey,
    /// The certificate is another CA's.
    OtherIssuer,
}

impl Bent {
    pub(crate) const ALL: [Self; 7] = [
        Self::OtherRecipient,
        Self::OtherKey,
        Self::Rubbish,
        Self::Signs,
        Self::OtherHolder,
        Self::SignatureKey,
        Self::OtherIssuer,
    ];
}

pub(crate) struct Ra {
    pub(crate) origin: String,
    pub(crate) order: Order,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

struct Desk {
    ca: TestCa,
    order: Order,
    seen: Arc<Mutex<Seen>>,
}

impl Ra {
    /// Serves one order.
    pub(crate) async fn serve(ca: TestCa, order: Order) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let desk = Arc::new(Desk { ca, order: order.clone(), seen: Arc::clone(&seen) });
        let routes = ["open", "redeem", "confirm", "fail"].into_iter().fold(Router::new(), |router, act| {
            router.route(
                    &format!("/api/v1/provisioning/{act}"),
                    post(move |State(desk): State<Arc<Desk>>, Json(body): Json<Value>| async move {
                        answer(&desk, act, &body)
                    }),
                )
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes.with_state(desk)).await });
        Self { origin, order, seen }
    }

    pub(crate) fn fail(&self, fail: Fail) {
        self.seen.lock().unwrap().fail = Some(fail);
    }
}

fn problem(status: StatusCode, code: &str) -> Response {
    let body = json!({ "type": "about:blank", "title": "refused", "status": status.as_u16(), "detail": "in tests", "code": code });
    (status, [("content-type", "application/problem+json")], body.to_string()).into_response()
}

fn answer(desk: &Desk, act: &'static str, body: &Value) -> Response {
    let mut seen = desk.seen.lock().unwrap();
    if body["ticket"] != TICKET {
        return problem(StatusCode::NOT_FOUND, "ticket_unknown");
    }
    let fail = seen.fail.take_if(|fail| matches!(fail, Fail::Before(at) | Fail::After(at) if *at == act));
    if fail == Some(Fail::Before(act)) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let bytes = |field: &str| STANDARD.decode(body[field].as_str().unwrap()).unwrap();
    let told = match act {
        "open" => {
            let domain::Act::Issue { key, .. } = &desk.order.act else { unreachable!("tests issue") };
            Ok(
                json!({ "order": STANDARD.encode(domain::encode(&desk.order)), "key": key, "unit_name": "示范单位", "token_label": "unit" }),
            )
        }
        "redeem" => redeem(desk, &mut seen, &bytes("csr"), &bytes("binding")),
        "confirm" => {
            let message = cms::verify(&bytes("install")).unwrap();
            let install: Install = domain::decode(&message.content).unwrap();
            let issued = seen.issued.clone().unwrap();
            assert_eq!(message.certificate, issued, "signed by the new certificate itself");
            assert_eq!(install.order, desk.order.id);
            assert_eq!(install.certificate_sha256, Sha256(openssl::sha::sha256(&issued)));
            seen.delivered = true;
            Ok(json!({ "delivered": true }))
        }
        _ => {
            seen.abandoned = true;
            Ok(json!({ "abandoned": true }))
        }
    };
    match (told, fail) {
        (_, Some(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        (Ok(told), None) => Json(told).into_response(),
        (Err(code), None) => problem(StatusCode::CONFLICT, code),
    }
}

fn redeem(desk: &Desk, seen: &mut Seen, csr: &[u8], binding: &[u8]) -> Result<Value, &'static str> {
    let request = openssl::x509::X509Req::from_der(csr).unwrap();
    let spki = request.public_key().unwrap().public_key_to_der().unwrap();
    let message = cms::verify(binding).unwrap();
    let binding: KeyBinding = domain::decode(&message.content).unwrap();
    assert_eq!(binding.order, desk.order.id);
    assert_eq!(binding.order_sha256, Sha256(openssl::sha::sha256(&domain::encode(&desk.order))));
    assert_eq!(binding.spki_sha256, Sha256(openssl::sha::sha256(&spki)));
    assert_eq!(Facts::read(&message.certificate).unwrap().name, "李敏", "the operator signed");
    let certificate = match &seen.issued {
        Some(issued) if PublicKey::of_certificate(issued).unwrap().spki_der() == spki => issued.clone(),
        Some(_) => return Err("ca_refused"),
        None => {
            let wanted = Wanted { name: UNIT.0, uscc: Some(UNIT.1), ..Wanted::default() };
            seen.made += 1;
            seen.issued.insert(desk.ca.issue(csr, &wanted)).clone()
        }
    };
    if !seen.single && seen.encryption.is_none() {
        seen.encryption = Some(encryption(&desk.ca, &certificate, &spki, seen.bent));
    }
    let answered = seen.other_certificate.clone().unwrap_or_else(|| certificate.clone());
    let serial = Facts::read(&answered).unwrap().serial;
    Ok(json!({
        "issuer": "unit-p256",
        "serial": serial,
        "certificate": STANDARD.encode(&answered),
        "chain": [STANDARD.encode(desk.ca.der())],
        "encryption": seen.encryption.as_ref().map(|(certificate, envelope)| {
            json!({ "certificate": STANDARD.encode(certificate), "envelope": envelope })
        }),
    }))
}

/// The encryption half of a pair, wrapped to the signature key.
fn encryption(ca: &TestCa, signature: &[u8], recipient: &[u8], bent: Option<Bent>) -> (Vec<u8>, Envelope) {
    let mut rng = ChaCha20Rng::seed_from_u64(31);
    let kind = good_key::check(recipient).unwrap();
    let key = || EncryptionKey::generate(kind, &mut ChaCha20Rng::seed_from_u64(32)).unwrap();
    let (own, other) = (key(), key());
    let certified = if bent == Some(Bent::SignatureKey) { recipient } else { own.spki_der() };
    let wrapped = if bent == Some(Bent::OtherKey) { &other } else { &own };
    let to = if bent == Some(Bent::OtherRecipient) { other.spki_der() } else { recipient };
    let mut envelope = envelope::wrap(wrapped, to, &mut rng).unwrap();
    if bent == Some(Bent::Rubbish) {
        envelope.message.0.reverse();
    }
    let stranger = TestCa::new();
    let issuer = if bent == Some(Bent::OtherIssuer) { &stranger } else { ca };
    let holder = (bent == Some(Bent::OtherHolder)).then_some("别的单位");
    (issuer.issue_encryption(signature, certified, holder, bent == Some(Bent::Signs)), envelope)
}
