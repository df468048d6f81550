//! What a site hears of a token after a login.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::cms;
use ca_core::domain::{self, Presence, Sha256};
use serde_json::{Value, json};

use crate::common::PIN;
use crate::common::house::{Desk, House, login, marked, sign, unplug};

/// A site that hears. A double: the real one is ra-web.
#[derive(Default)]
struct Heard {
    begun: Option<Presence>,
    gone: usize,
    present: usize,
    /// It wants to know nothing of it.
    deaf: bool,
}

type Shared = Arc<Mutex<Heard>>;

async fn begin(State(heard): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut heard = heard.lock().unwrap();
    if heard.deaf {
        return StatusCode::NOT_FOUND.into_response();
    }
    let message = STANDARD.decode(body["message"].as_str().unwrap()).unwrap();
    let signed = cms::verify(&message).expect("ca-core verifies it");
    heard.begun = Some(domain::decode(&signed.content).unwrap());
    Json(json!({ "presence": Sha256([3; 32]) })).into_response()
}

async fn tell(State(heard): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let mut heard = heard.lock().unwrap();
    assert_eq!(body["presence"], json!(Sha256([3; 32])));
    let secret = body["secret"].as_str().unwrap();
    assert_eq!(heard.begun.as_ref().unwrap().watch, Sha256(openssl::sha::sha256(secret.as_bytes())));
    if body["gone"] == true {
        heard.gone += 1;
    } else {
        heard.present += 1;
    }
    Json(json!({ "goes_on": body["gone"] == false }))
}

struct Scene {
    desk: Desk,
    house: House,
    heard: Shared,
    origin: String,
}

impl Scene {
    async fn new(heard: Heard) -> Self {
        let heard = Arc::new(Mutex::new(heard));
        let routes = Router::new()
            .route("/api/v1/presence/begin", post(begin))
            .route("/api/v1/presence/tell", post(tell))
            .with_state(Arc::clone(&heard));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let desk = Desk::new();
        let site = format!("[[site]]\norigin = \"{origin}\"\nname_zh = \"甲\"\nname_en = \"A\"\nmay = [\"login\"]\n");
        let house = desk.agent(&site).await;
        Self { desk, house, heard, origin }
    }

    async fn log_in(&self) -> Sha256 {
        let challenge = login(&self.origin);
        let shown = self.house.ask(&self.origin, "en", sign(&challenge, "unit")).await;
        assert!(shown["html"].as_str().unwrap().contains("pulling the token signs you out"));
        let act = json!({ "do": "sign", "certificate": marked(&shown, "certificate"), "pin": PIN });
        assert!(self.house.act(&shown, act).await["reply"]["result"]["cms"].is_string());
        Sha256(openssl::sha::sha256(&domain::encode(&challenge)))
    }

    async fn until(&self, what: impl Fn(&Heard) -> bool) {
        let all = async {
            while !what(&self.heard.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), all).await.expect("it is heard");
    }
}

#[tokio::test]
async fn the_site_of_a_login_hears_when_the_token_is_pulled() {
    let scene = Scene::new(Heard::default()).await;
    let token = scene.desk.unit(PIN);
    let login = scene.log_in().await;
    scene.until(|heard| heard.begun.is_some()).await;
    {
        let heard = scene.heard.lock().unwrap();
        let begun = heard.begun.as_ref().unwrap();
        assert_eq!((&begun.aud, begun.login, heard.gone), (&scene.origin, login, 0));
    }
    scene.until(|heard| heard.present > 0).await;
    unplug(&scene.desk.file(&token));
    scene.until(|heard| heard.gone == 1).await;
}

#[tokio::test]
async fn the_site_hears_when_the_assistant_ends() {
    let scene = Scene::new(Heard::default()).await;
    scene.desk.unit(PIN);
    scene.log_in().await;
    scene.until(|heard| heard.begun.is_some()).await;
    let Scene { house, heard, desk: _desk, .. } = scene;
    house.running.stop().await;
    assert_eq!(heard.lock().unwrap().gone, 1);
}

#[tokio::test]
async fn a_site_that_does_not_want_to_know_is_left_alone() {
    let scene = Scene::new(Heard { deaf: true, ..Heard::default() }).await;
    let token = scene.desk.unit(PIN);
    scene.log_in().await;
    unplug(&scene.desk.file(&token));
    scene.house.running.stop().await;
    let heard = scene.heard.lock().unwrap();
    assert_eq!((heard.begun.is_none(), heard.gone, heard.present), (true, 0, 0));
}
