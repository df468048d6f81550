//! A responder under the test's thumb: says of each certificate what the test wants, also things that no real
//! responder may say. Its bytes are made by the real wire code and the real delegated key.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use ca_core::clock::{Clock as _, TestClock};
use ca_core::domain::{CertificateStatus, Serial};
use ca_core::signer::Signer as _;
use der::{Decode as _, Encode as _};
use ocsp::wire::{Failure, OcspRequest, Single, Standing, assemble, encode_response_data, responder_key_hash};
use spki::AlgorithmIdentifierRef;
use x509_cert::Certificate;

use crate::pki::{Made, Pki};

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Honest,
    /// It says that it cannot know.
    TryLater,
    /// It is behind a proxy that fails.
    BadGateway,
    /// Another key signs.
    Forged,
    /// Its news is a day old.
    Stale,
    /// It sends back another nonce: an old answer played again.
    Replayed,
}

pub(crate) struct Desk {
    pki: Arc<Pki>,
    clock: Arc<TestClock>,
    forger: Made,
    pub(crate) mood: Mutex<Mood>,
    /// What was issued, and what it is worth; others are unknown.
    pub(crate) statuses: Mutex<BTreeMap<Serial, CertificateStatus>>,
}

pub(crate) struct Responder {
    pub(crate) address: SocketAddr,
    pub(crate) desk: Arc<Desk>,
    task: tokio::task::JoinHandle<()>,
}

impl Responder {
    pub(crate) async fn start(pki: Arc<Pki>, clock: Arc<TestClock>) -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        let forger = Pki::new().responder;
        let desk = Arc::new(Desk {
            pki,
            clock,
            forger,
            mood: Mutex::new(Mood::Honest),
            statuses: Mutex::new(BTreeMap::new()),
        });
        let routes = Router::new().route("/ocsp", post(answer)).with_state(desk.clone());
        let task = tokio::spawn(async move { axum::serve(socket, routes).await.expect("serves") });
        Self { address, desk, task }
    }

    /// Nothing listens any more.
    pub(crate) fn vanish(&self) {
        self.task.abort();
    }

    pub(crate) fn say(&self, serial: &Serial, status: CertificateStatus) {
        self.desk.statuses.lock().expect("not poisoned").insert(serial.clone(), status);
    }

    pub(crate) fn feel(&self, mood: Mood) {
        *self.desk.mood.lock().expect("not poisoned") = mood;
    }
}

async fn answer(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    let mood = *desk.mood.lock().expect("not poisoned");
    let kind = [("content-type", "application/ocsp-response")];
    match mood {
        Mood::TryLater => return (kind, Failure::TryLater.der()).into_response(),
        Mood::BadGateway => return StatusCode::BAD_GATEWAY.into_response(),
        _ => {}
    }
    let request = OcspRequest::parse(&body).expect("the client sends a request");
    let asked = request.asked[0];
    let serial = Serial::from_der_content(asked.id.serial().expect("a serial")).expect("a serial");
    let status = desk.statuses.lock().expect("not poisoned").get(&serial).copied();
    let now = desk.clock.now();
    let this_update = if mood == Mood::Stale { now.plus(-86_400) } else { now };
    let single = Single {
        asked,
        standing: Standing::of(status),
        this_update,
        next_update: Some(this_update.plus(3600)),
        archive_cutoff: None,
    };
    let other_nonce = ocsp::wire::Nonce::new(&[7; 32]).expect("a nonce");
    let nonce = if mood == Mood::Replayed { Some(other_nonce) } else { request.nonce };
    let signer = if mood == Mood::Forged { &desk.forger } else { &desk.pki.responder };
    let certificate = Certificate::from_der(&desk.pki.responder.der).expect("ours");
    let hash = responder_key_hash(&certificate).expect("hashes");
    let data = encode_response_data(&hash, this_update, &[single], nonce).expect("encodes");
    let algorithm = signer.key.algorithm().identifier().to_der().expect("encodes");
    let algorithm = AlgorithmIdentifierRef::from_der(&algorithm).expect("ours");
    let signature = signer.key.sign(&data).expect("signs");
    let response = assemble(&data, algorithm, &signature, &[&desk.pki.responder.der]).expect("encodes");
    (kind, response).into_response()
}
