//! Unblocking through the window, and the PINs that sign nothing until they are changed.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::cms;
use ca_core::domain::{self, PinChange, Sha256};
use serde_json::{Value, json};
use token_provisioner::driver::{Pin, TokenError, TokenInfo};

use crate::common::house::{Desk, House, PORTAL, attribute, login, marked, now, sign, unplug};
use crate::common::{PIN, SO_PIN};

const GRANT: &str = "7K2M-9QXW-3TBD-8HVC-5RNJ-4FGA";
const NEW: &str = "975310";

/// An office that knows one grant, for one token. A double: the real one is ra-web.
#[derive(Default)]
struct Office {
    token: String,
    certificate: String,
    admin: String,
    released: usize,
    reports: Vec<Option<String>>,
    told: Vec<PinChange>,
}

type Shared = Arc<Mutex<Office>>;

async fn answer(State(office): State<Shared>, Path(act): Path<String>, Json(body): Json<Value>) -> Response {
    let mut office = office.lock().unwrap();
    let refused = |code: &str| (StatusCode::CONFLICT, Json(json!({ "code": code, "detail": "no" }))).into_response();
    if act != "pin-changed" && body["grant"] != GRANT.replace('-', "") {
        return refused("grant_unknown");
    }
    match act.as_str() {
        "open" => Json(json!({ "unlock": "UL-20261124-0001", "token": office.token, "holder": "东湖建筑",
            "certificate_sha256": office.certificate, "expires": now().plus(900) }))
        .into_response(),
        "release" if office.released > 0 => refused("grant_used"),
        "release" => {
            office.released += 1;
            Json(json!({ "admin_pin": office.admin })).into_response()
        }
        "report" => {
            office.reports.push(body["failed"].as_str().map(str::to_owned));
            Json(json!({ "noted": true })).into_response()
        }
        _ => {
            let message = STANDARD.decode(body["message"].as_str().unwrap()).unwrap();
            let signed = cms::verify(&message).expect("ca-core verifies it");
            let told: PinChange = domain::decode(&signed.content).unwrap();
            assert_eq!(told.certificate_sha256, Sha256(openssl::sha::sha256(&signed.certificate)));
            office.told.push(told);
            Json(json!({ "noted": true })).into_response()
        }
    }
}

/// A unit's token whose PIN is locked, an office that may unblock it, and an agent that knows that office.
struct Scene {
    desk: Desk,
    token: TokenInfo,
    office: Shared,
    origin: String,
    house: House,
}

impl Scene {
    async fn new() -> Self {
        let desk = Desk::new();
        let token = desk.unit(PIN);
        let der = desk.driver.certificates(&token.serial).unwrap()[0].der.clone();
        let office = Arc::new(Mutex::new(Office {
            token: token.serial.to_string(),
            certificate: Sha256(openssl::sha::sha256(&der)).to_string(),
            admin: SO_PIN.into(),
            ..Office::default()
        }));
        let routes = Router::new().route("/api/v1/unlock/{act}", post(answer)).with_state(Arc::clone(&office));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let site = format!(
            "[[site]]\norigin = \"{origin}\"\nname_zh = \"受理点\"\nname_en = \"Office\"\nmay = [\"login\", \"unlock\"]\n"
        );
        let house = desk.agent(&site).await;
        for _ in 0..token_provisioner::driver::soft::TRIES {
            assert!(desk.driver.open(&token.serial, &Pin::typed("000000")).is_err());
        }
        Self { desk, token, office, origin, house }
    }

    async fn ask(&self) -> Value {
        self.house.ask(&self.origin, "en", json!({ "type": "unlock", "grant": GRANT.to_lowercase() })).await
    }

    async fn unlock(&self, shown: &Value, new: &str, again: &str) -> Value {
        self.house.act(shown, json!({ "do": "unlock", "new_pin": new, "new_pin_again": again })).await
    }

    fn opens(&self, pin: &str) -> Result<(), TokenError> {
        self.desk.driver.open(&self.token.serial, &Pin::typed(pin)).map(drop)
    }
}

fn html(shown: &Value) -> &str {
    shown["html"].as_str().unwrap()
}

#[tokio::test]
async fn the_holder_sets_a_new_pin_and_the_token_tells_the_office_by_its_signature() {
    let scene = Scene::new().await;
    let shown = scene.ask().await;
    assert!(html(&shown).contains("东湖建筑") && html(&shown).contains(scene.token.serial.as_str()));
    assert!(!html(&shown).contains(SO_PIN));
    let shown = scene.unlock(&shown, NEW, "864202").await;
    assert!(html(&shown).contains("not the same"), "{}", html(&shown));
    assert_eq!(scene.office.lock().unwrap().released, 0, "a mistake in typing costs no grant");
    let done = scene.unlock(&shown, NEW, NEW).await;
    assert_eq!(done["reply"]["result"], json!({ "token": scene.token.serial.as_str(), "temporary": false }));
    scene.opens(NEW).unwrap();
    let office = scene.office.lock().unwrap();
    assert_eq!((office.released, office.reports.as_slice()), (1, &[None][..]));
    assert_eq!(office.told.len(), 1);
    assert_eq!(
        (office.told[0].token.as_str(), office.told[0].certificate_sha256.to_string()),
        (scene.token.serial.as_str(), office.certificate.clone())
    );
}

#[tokio::test]
async fn a_temporary_pin_is_shown_once_and_signs_nothing_until_it_is_changed() {
    let scene = Scene::new().await;
    let shown = scene.ask().await;
    let done = scene.house.act(&shown, json!({ "do": "unlock-temporary" })).await;
    assert_eq!(done["reply"]["result"]["temporary"], true);
    let pin = attribute(html(&done), "<dd class=\"code\">").split('<').next().unwrap().to_owned();
    assert!(pin.starts_with("T-") && !done["reply"].to_string().contains(&pin), "shown, and not told to the site");
    scene.opens(&pin).unwrap();

    let shown = scene.house.ask(PORTAL, "en", sign(&login(PORTAL), "unit")).await;
    let typed = json!({ "do": "sign", "certificate": marked(&shown, "certificate"), "pin": pin });
    let shown = scene.house.act(&shown, typed).await;
    assert!(html(&shown).contains("Change the temporary PIN first") && shown["reply"].is_null(), "{}", html(&shown));
    let new = |pin: &str| json!({ "do": "new-pin", "certificate": attribute(html(&shown), "name=\"certificate\" value=\""), "new_pin": pin, "new_pin_again": pin });
    let again = scene.house.act(&shown, new("T-12345678")).await;
    assert!(html(&again).contains("form of a temporary PIN") && again["reply"].is_null());
    let signed = scene.house.act(&again, new(NEW)).await;
    assert!(signed["reply"]["result"]["cms"].is_string(), "goes on by itself: {signed}");
    for _ in 0..100 {
        if !scene.office.lock().unwrap().told.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the office was not told of the new PIN");
}

#[tokio::test]
async fn the_admin_pin_is_not_asked_for_while_the_right_token_is_away() {
    let scene = Scene::new().await;
    unplug(&scene.desk.file(&scene.token));
    scene.desk.token("other", PIN, &crate::common::authority::Wanted::default());
    let shown = scene.ask().await;
    assert!(html(&shown).contains("pulled out") && !html(&shown).contains("new_pin"), "{}", html(&shown));
    scene.office.lock().unwrap().certificate = "00".repeat(32);
    crate::common::house::plug_in(&scene.desk.file(&scene.token));
    let shown = scene.ask().await;
    assert!(html(&shown).contains("has not the certificate"), "{}", html(&shown));
    assert_eq!(scene.office.lock().unwrap().released, 0);
}

#[tokio::test]
async fn a_grant_that_is_spent_or_unknown_is_said_and_a_wrong_admin_pin_is_reported() {
    let scene = Scene::new().await;
    let first = scene.ask().await;
    scene.office.lock().unwrap().admin = "11112222".into();
    let refused = scene.unlock(&first, NEW, NEW).await;
    assert!(html(&refused).contains("does not fit this token"), "{}", html(&refused));
    assert!(scene.opens(NEW).is_err());
    assert_eq!(scene.office.lock().unwrap().reports.len(), 1);
    assert!(scene.office.lock().unwrap().reports[0].is_some(), "the office counts failures");
    let second = scene.ask().await;
    let spent = scene.unlock(&second, NEW, NEW).await;
    assert!(html(&spent).contains("was used"), "{}", html(&spent));
    let request = json!({ "type": "unlock", "grant": "0".repeat(24) });
    let unknown = scene.house.ask(&scene.origin, "en", request).await;
    assert!(html(&unknown).contains("not known"), "{}", html(&unknown));
    let elsewhere = scene.house.ask(PORTAL, "en", json!({ "type": "unlock", "grant": GRANT })).await;
    assert_eq!(elsewhere["reply"]["error"]["code"], "refused_origin");
}
