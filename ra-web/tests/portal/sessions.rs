//! Being let in, what is kept of it, and how it ends.

use ca_core::domain::{CertificateStatus, RevocationReason, Validity};
use ca_core::sql::testing::{Fresh, postgres, sqlite};
use ocsp::wire::{Reply, Standing, parse_reply};
use ra_web::audit;
use ra_web::fund::fund_migrations;
use ra_web::login::{LoginStore as _, Outcome, StatusEvidence};

use crate::house::{House, UNIT, USCC};
use crate::pki::today;

#[tokio::test]
async fn a_unit_with_a_good_certificate_sees_its_account_in_both_languages() {
    let house = House::new().await;
    let unit = house.unit();
    for (language, balance, status) in [("zh-CN", "单位账户余额", "正常"), ("en", "Account balance", "Normal")]
    {
        let mut browser = house.browser();
        browser.language = language;
        let page = browser.log_in(&unit, house.now()).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/unit")), "{}", page.text);
        let page = browser.get("/unit").await;
        for expected in [UNIT, "0210000001", USCC, "2026-10", "38,600.00", "8%", balance, status] {
            assert!(page.text.contains(expected), "{language}: no {expected}");
        }
        assert!(!page.text.contains("13800000001"), "the handler's number is masked");
        let page = browser.get("/certificate").await;
        assert!(page.text.contains(&unit.serial.to_string()) && page.text.contains("2027-11-24"), "{}", page.text);
    }
}

#[tokio::test]
async fn the_evidence_of_a_login_is_kept_on_both_engines() {
    let engines: [Fresh; 2] = [sqlite(&fund_migrations()).await, postgres(&fund_migrations()).await];
    for fresh in engines {
        let house = House::with(Some(fresh.url.clone()), "http://127.0.0.1:17080").await;
        let unit = house.unit();
        let mut browser = house.browser();
        let statement = browser.statement().await;
        let page = browser.answer(&statement, &unit.sign(&statement, house.now())).await;
        assert_eq!(page.status, 303, "{}: {}", fresh.engine, page.text);

        let database = house.database().await;
        let mut tx = database.begin_login().await.expect("a transaction");
        let past = tx.latest_logins("0210000001", 5).await.expect("reads");
        let record = tx.login_record(&past[0].id).await.expect("reads").expect("there");
        assert_eq!(record.outcome, Outcome::Opened { account: "0210000001".into() });
        assert_eq!(record.statement, statement);
        assert_eq!(record.certificate.as_deref(), Some(unit.der.as_slice()));
        let signed = ca_core::cms::verify(&record.signature).expect("the kept signature still verifies");
        assert_eq!(signed.content, statement);
        let Some(StatusEvidence::Ocsp(response)) = record.status_evidence else { panic!("no OCSP response") };
        let Ok(Reply::Basic(reply)) = parse_reply(&response) else { panic!("not a response") };
        assert_eq!(reply.singles[0].standing, Standing::Good);

        let (head, entries) = (tx.audit_head().await.expect("reads"), tx.audit_entries(0, 100).await.expect("reads"));
        assert_eq!(audit::verify(entries.iter().map(Vec::as_slice), head), Ok(()));
        let last = String::from_utf8(entries.last().expect("an entry").clone()).expect("JSON");
        assert!(last.contains("login.opened") && last.contains(&record.id), "{last}");
        drop(tx);
        database.close().await;
        house.portal.shutdown().await;
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_and_says_so() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.log_in(&house.unit(), house.now()).await;
    let before = browser.clone();
    let page = browser.post("/logout", &[]).await;
    assert_eq!(page.location.as_deref(), Some("/login?ended=signed-out"));
    assert!(browser.get("/login?ended=signed-out").await.text.contains("您已安全退出"));
    assert!(!browser.is_in().await);
    assert!(!before.clone().is_in().await, "the old cookie is worth nothing");
}

#[tokio::test]
async fn the_session_has_another_cookie_after_login() {
    let house = House::new().await;
    let mut browser = house.browser();
    let statement = browser.statement().await;
    let mut thief = browser.clone();
    let before = browser.cookies.clone();
    browser.answer(&statement, &house.unit().sign(&statement, house.now())).await;
    assert_ne!(browser.cookies, before);
    assert!(browser.is_in().await);
    assert!(!thief.is_in().await, "who knew the cookie before login is not let in with it");
}

#[tokio::test]
async fn a_session_ends_when_idle_and_with_its_certificate() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.log_in(&house.unit(), house.now()).await;
    house.clock.advance(19 * 60);
    assert!(browser.is_in().await);
    house.clock.advance(20 * 60);
    assert!(!browser.is_in().await);

    let ending = house.pki.unit_for(UNIT, USCC, Validity::years(today().plus_days(-365), 1));
    house.responder.say(&ending.serial, CertificateStatus::Good);
    house.clock.advance(today().last_second().since(house.now()) - 300);
    browser.log_in(&ending, house.now()).await;
    assert!(browser.get("/unit").await.text.contains("证书还有 0 天到期"));
    house.clock.advance(301);
    assert!(!browser.is_in().await, "a session does not outlive its certificate");
}

#[tokio::test]
async fn a_fresh_challenge_at_the_click_works_and_needs_no_reload() {
    use base64::Engine as _;
    let house = House::new().await;
    let unit = house.unit();
    let mut browser = house.browser();
    browser.get("/login").await;
    house.clock.advance(600);
    let answer = browser.post("/login/challenge", &[]).await;
    let fresh: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
    let statement = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(fresh["statement"].as_str().expect("text"))
        .expect("base64url");
    let page = browser.answer(&statement, &unit.sign(&statement, house.now())).await;
    assert_eq!(page.status, 303, "{}", page.text);
}

#[tokio::test]
async fn the_status_can_be_asked_again_where_a_transaction_starts() {
    use std::sync::Arc;

    use ca_core::clock::system_rng;
    use ca_core::domain::LoginPurpose;
    use ocsp::client::{Client, Settings};
    use ra_web::login::{Door, Refusal, Site};

    let house = House::new().await;
    let unit = house.unit();
    let status = Client::new(
        Settings::new(format!("http://{}/ocsp", house.responder.address)),
        house.clock.clone(),
        system_rng(),
    );
    let door = Door::new(
        Site { origin: house.portal.origin.clone(), purpose: LoginPurpose::Portal },
        Arc::new(house.pki.anchors()),
        Arc::new(status.expect("a URL")),
        Arc::new(house.database().await),
        house.clock.clone(),
        ra_web::chance_from_seed(1),
    );
    assert!(door.still_good(&unit.der).await.is_ok());
    let (since, reason) = (house.now(), RevocationReason::KeyCompromise);
    house.responder.say(&unit.serial, CertificateStatus::Revoked { since, reason });
    assert_eq!(door.still_good(&unit.der).await.err(), Some(Refusal::Revoked { since, reason }));
    house.responder.vanish();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(door.still_good(&unit.der).await.err(), Some(Refusal::StatusUnreachable));
}

#[tokio::test]
async fn a_session_ends_with_the_token_that_is_pulled_and_one_comes_back_to_its_page() {
    use ca_core::domain::{Login, Presence, Sha256, decode, encode};
    use serde_json::json;
    let house = House::watching(30).await;
    let unit = house.unit();
    let mut browser = house.browser();
    let statement = browser.statement().await;
    let login: Login = decode(&statement).expect("a login");
    let sha256 = |bytes: &[u8]| Sha256(openssl::sha::sha256(bytes));
    let presence =
        Presence { aud: login.aud, login: sha256(&statement), exp: login.exp, watch: sha256(b"the assistant's") };
    let message = unit.sign(&encode(&presence), house.now());
    let (status, begun) = browser.api("presence/begin", &json!({ "message": message })).await;
    assert_eq!(status, 200, "{begun}");
    browser.answer(&statement, &unit.sign(&statement, house.now())).await;
    assert!(browser.is_in().await);
    let tell = |secret: &str, gone: bool| json!({ "presence": begun["presence"], "secret": secret, "gone": gone });
    for _ in 0..5 {
        house.clock.advance(20);
        let (_, answer) = browser.api("presence/tell", &tell("the assistant's", false)).await;
        assert_eq!(answer, json!({ "goes_on": true }));
        assert!(browser.is_in().await);
    }
    assert_eq!(browser.api("presence/tell", &tell("a guess", true)).await.0, 422);
    assert!(browser.is_in().await, "a stranger ends nothing");
    browser.api("presence/tell", &tell("the assistant's", true)).await;
    let gone = browser.get("/certificate").await;
    assert_eq!((gone.status, gone.location.as_deref()), (303, Some("/login?ended=pulled")));
    assert!(browser.get("/login?ended=pulled").await.text.contains("证书介质已拔出"));

    let back = browser.log_in(&unit, house.now()).await;
    assert_eq!(back.location.as_deref(), Some("/certificate"), "{}", back.text);
    house.clock.advance(30);
    assert_eq!(browser.get("/unit").await.location.as_deref(), Some("/login?ended=unheard"), "its assistant is silent");
}
