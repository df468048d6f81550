//! Each way of not being let in: the page says why in both languages, nothing is created, and where a
//! challenge was answered, the refusal is on record.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::clock::system_rng;
use ca_core::domain::{CertificateStatus, Login, LoginPurpose, RevocationReason, Validity, decode, encode};
use ocsp::wire::{Reply, Standing, parse_reply};
use ra_web::audit::Entry;
use ra_web::login::{Challenge, LoginRecord, LoginStore as _, Site, StatusEvidence};

use crate::client::{Browser, Page};
use crate::house::{House, UNIT, USCC};
use crate::pki::{Made, Pki, today};
use crate::responder::Mood;

/// The page refuses with this code and status, says `zh`, and nobody is in. The same again in English.
async fn refused(house: &House, browser: &mut Browser, page: &Page, code: &str, status: u16, heading: &str) {
    assert_eq!(page.status, status, "{code}: {}", page.text);
    assert!(page.text.contains(&format!("<code>{code}</code>")), "{code}: {}", page.text);
    assert_eq!(page.heading(), heading, "{code}");
    assert!(!browser.is_in().await, "{code}");
    let database = house.database().await;
    let mut tx = database.begin_login().await.expect("a transaction");
    assert_eq!(tx.latest_logins("0210000001", 1).await.expect("reads"), [], "{code}: nobody was let in");
    drop(tx);
    database.close().await;
}

/// Logs in with a token in both languages and expects the same refusal.
async fn refused_in_both(house: &House, token: &Made, code: &str, status: u16, zh: &str, en: &str) -> [Page; 2] {
    let mut pages = Vec::new();
    for (language, heading) in [("zh-CN", zh), ("en", en)] {
        let mut browser = house.browser();
        browser.language = language;
        let page = browser.log_in(token, house.now()).await;
        refused(house, &mut browser, &page, code, status, heading).await;
        pages.push(page);
    }
    pages.try_into().map_err(|_| ()).expect("two pages")
}

#[tokio::test]
async fn an_expired_challenge_is_refused_and_a_clock_that_went_back_too() {
    let house = House::new().await;
    let unit = house.unit();
    for seconds in [121, -60] {
        let mut browser = house.browser();
        let statement = browser.statement().await;
        house.clock.advance(seconds);
        let page = browser.answer(&statement, &unit.sign(&statement, house.now())).await;
        refused(&house, &mut browser, &page, "challenge-expired", 403, "登录页面已过期").await;
    }
    let mut browser = house.browser();
    let statement = browser.statement().await;
    house.clock.advance(120);
    let page = browser.answer(&statement, &unit.sign(&statement, house.now())).await;
    assert_eq!(page.status, 303, "the last second still counts");
}

#[tokio::test]
async fn a_challenge_answered_before_is_refused() {
    let house = House::new().await;
    let unit = house.unit();
    let mut browser = house.browser();
    let statement = browser.statement().await;
    let signature = unit.sign(&statement, house.now());
    let before = browser.clone();
    assert_eq!(browser.answer(&statement, &signature).await.status, 303);
    // The same bytes again: from the browser as it was, from the one that is in, and from another one.
    for mut replayer in [before, browser.clone(), house.browser()] {
        replayer.get("/login").await;
        let page = replayer.answer(&statement, &signature).await;
        assert_eq!(page.status, 403, "{}", page.text);
        assert!(page.text.contains("challenge-replayed") || page.text.contains("other-session"), "{}", page.text);
    }
    browser.post("/logout", &[]).await;
    browser.get("/login").await;
    let page = browser.answer(&statement, &signature).await;
    assert!(page.text.contains("<code>challenge-replayed</code>"), "{}", page.text);
    assert_eq!(page.heading(), "这次登录已经提交过");
}

#[tokio::test]
async fn of_two_answers_sent_at_once_one_is_let_in() {
    let house = House::new().await;
    let unit = house.unit();
    let mut browser = house.browser();
    let statement = browser.statement().await;
    let signature = unit.sign(&statement, house.now());
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (first, second) = tokio::join!(one.answer(&statement, &signature), two.answer(&statement, &signature));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
}

#[tokio::test]
async fn a_challenge_of_another_browser_or_of_nobody_is_refused() {
    let house = House::new().await;
    let unit = house.unit();
    let mut owner = house.browser();
    let statement = owner.statement().await;
    let signature = unit.sign(&statement, house.now());
    for with_session in [true, false] {
        let mut other = house.browser();
        if with_session {
            other.get("/login").await;
        }
        let page = other.answer(&statement, &signature).await;
        refused(&house, &mut other, &page, "other-session", 403, "登录页面与当前浏览器不符").await;
    }
    // A statement that was never minted here, however well it is made.
    let site = Site { origin: house.portal.origin.clone(), purpose: LoginPurpose::Portal };
    let forged = Challenge::draw(&site, house.now(), &mut system_rng());
    let page = owner.answer(forged.statement(), &unit.sign(forged.statement(), house.now())).await;
    refused(&house, &mut owner, &page, "other-session", 403, "登录页面与当前浏览器不符").await;
    // None of this used up the owner's challenge.
    assert_eq!(owner.answer(&statement, &signature).await.status, 303);
}

#[tokio::test]
async fn a_statement_for_another_site_or_another_door_is_refused() {
    let house = House::new().await;
    let unit = house.unit();
    let mut browser = house.browser();
    let own: Login = decode(&browser.statement().await).expect("canonical");
    let elsewhere = Login { aud: "http://127.0.0.1:9".into(), ..own.clone() };
    let staff = Login { purpose: LoginPurpose::Staff, ..own };
    for login in [elsewhere, staff] {
        let statement = encode(&login);
        let page = browser.answer(&statement, &unit.sign(&statement, house.now())).await;
        refused(&house, &mut browser, &page, "other-origin", 403, "这个签名是为另一个网站做的").await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_answer_are_refused() {
    let house = House::new().await;
    let mut browser = house.browser();
    let statement = browser.statement().await;
    let long = "A".repeat(40_000);
    for signature in ["", "not base64!", long.as_str()] {
        let page = browser.answer(&statement, signature).await;
        refused(&house, &mut browser, &page, "malformed", 400, "没有收到证书的签名").await;
    }
    let page = browser.post("/login", &[]).await;
    refused(&house, &mut browser, &page, "malformed", 400, "没有收到证书的签名").await;
}

#[tokio::test]
async fn a_signature_that_does_not_verify_is_refused_and_uses_up_the_challenge() {
    let house = House::new().await;
    let unit = house.unit();
    let mut browser = house.browser();

    let statement = browser.statement().await;
    let other = browser.statement().await;
    let page = browser.answer(&statement, &unit.sign(&other, house.now())).await;
    refused(&house, &mut browser, &page, "bad-signature", 403, "签名没有通过核对").await;
    let page = browser.answer(&statement, &unit.sign(&statement, house.now())).await;
    refused(&house, &mut browser, &page, "challenge-replayed", 403, "这次登录已经提交过").await;

    let statement = browser.statement().await;
    let mut message = STANDARD.decode(unit.sign(&statement, house.now())).expect("base64");
    let last = message.len() - 1;
    message[last] ^= 1;
    let page = browser.answer(&statement, &STANDARD.encode(&message)).await;
    refused(&house, &mut browser, &page, "bad-signature", 403, "签名没有通过核对").await;

    // The certificate of one unit, the signature of another.
    let (statement, thief) = (browser.statement().await, house.pki.unit("别的单位", "12130500401288885B"));
    let disguised = Made { key: thief.key, der: unit.der.clone(), serial: unit.serial.clone() };
    let page = browser.answer(&statement, &disguised.sign(&statement, house.now())).await;
    refused(&house, &mut browser, &page, "bad-signature", 403, "签名没有通过核对").await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let house = House::new().await;
    let foreign = Pki::new().unit(UNIT, USCC);
    house.responder.say(&foreign.serial, CertificateStatus::Good);
    let (zh, en) = ("不是本系统认可的证书", "This certificate is not accepted here");
    refused_in_both(&house, &foreign, "unknown-issuer", 403, zh, en).await;
}

#[tokio::test]
async fn a_certificate_outside_its_validity_is_refused_with_the_moment_and_the_way_to_renewal() {
    let house = House::new().await;
    let old = house.pki.unit_for(UNIT, USCC, Validity::years(today().plus_days(-400), 1));
    house.responder.say(&old.serial, CertificateStatus::Good);
    let pages =
        refused_in_both(&house, &old, "certificate-expired", 403, "证书已过期", "The certificate has expired").await;
    for page in pages {
        assert!(page.text.contains("2026-10-20 23:59:59"), "{}", page.text);
        assert!(page.text.contains("http://127.0.0.1:8080/#renew"), "{}", page.text);
    }

    let early = house.pki.unit_for(UNIT, USCC, Validity::years(today().plus_days(1), 1));
    house.responder.say(&early.serial, CertificateStatus::Good);
    let pages =
        refused_in_both(&house, &early, "not-yet-valid", 403, "证书尚未生效", "The certificate is not valid yet").await;
    assert!(pages[0].text.contains("2026-11-25 00:00:00"), "{}", pages[0].text);
}

#[tokio::test]
async fn a_certificate_for_another_use_is_refused() {
    let house = House::new().await;
    let responder = house.pki.responder_like();
    house.responder.say(&responder.serial, CertificateStatus::Good);
    let (zh, en) = ("这张证书不能用来登录", "This certificate cannot be used to log in");
    refused_in_both(&house, &responder, "not-for-this", 403, zh, en).await;
    // The escrowed half of a pair: whoever has its key in the centre is not the unit.
    let encryption = house.pki.encryption(UNIT, USCC);
    house.responder.say(&encryption.serial, CertificateStatus::Good);
    refused_in_both(&house, &encryption, "not-for-this", 403, zh, en).await;
}

#[tokio::test]
async fn a_held_certificate_is_refused_and_let_in_again_when_released() {
    let house = House::new().await;
    let unit = house.unit();
    house.responder.say(&unit.serial, CertificateStatus::Held { since: house.now().plus(-3600) });
    let pages = refused_in_both(&house, &unit, "held", 403, "证书已冻结", "The certificate is on hold").await;
    assert!(pages[0].text.contains("2026-11-24 08:00:00"), "{}", pages[0].text);
    house.responder.say(&unit.serial, CertificateStatus::Good);
    assert_eq!(house.browser().log_in(&unit, house.now()).await.status, 303);
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_with_reason_and_time() {
    let house = House::new().await;
    let unit = house.unit();
    let since = house.now().plus(-60);
    for (reason, zh, en) in [
        (RevocationReason::KeyCompromise, "证书介质丢失、被盗或密钥泄露", "token lost or stolen, or key disclosed"),
        (
            RevocationReason::CessationOfOperation,
            "单位注销或证书未交付",
            "unit wound up, or certificate never delivered",
        ),
        (RevocationReason::Unspecified, "未说明", "not stated"),
    ] {
        house.responder.say(&unit.serial, CertificateStatus::Revoked { since, reason });
        let pages = refused_in_both(&house, &unit, "revoked", 403, "证书已吊销", "The certificate is revoked").await;
        for (page, reason) in pages.iter().zip([zh, en]) {
            assert!(page.text.contains("2026-11-24 08:59:00") && page.text.contains(reason), "{}", page.text);
        }
    }
}

#[tokio::test]
async fn a_certificate_that_its_issuer_does_not_know_is_refused() {
    let house = House::new().await;
    let unissued = house.pki.unit(UNIT, USCC);
    let (zh, en) = ("证书机构没有这张证书的记录", "The authority has no record of this certificate");
    refused_in_both(&house, &unissued, "unknown-certificate", 403, zh, en).await;
}

#[tokio::test]
async fn without_a_trustworthy_answer_of_the_responder_nobody_is_let_in() {
    let house = House::new().await;
    let unit = house.unit();
    let (zh, en) = ("暂时无法查询证书状态", "The certificate’s status cannot be checked now");
    for mood in [Mood::TryLater, Mood::BadGateway, Mood::Forged, Mood::Stale, Mood::Replayed] {
        house.responder.feel(mood);
        refused_in_both(&house, &unit, "status-unreachable", 503, zh, en).await;
    }
    house.responder.vanish();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    refused_in_both(&house, &unit, "status-unreachable", 503, zh, en).await;
}

#[tokio::test]
async fn a_good_certificate_without_an_account_is_told_that_it_is_not_registered() {
    let house = House::new().await;
    let stranger = house.pki.unit("示范市无账户有限公司", "91130502MA0DEM013G");
    house.responder.say(&stranger.serial, CertificateStatus::Good);
    let (zh, en) = ("证书有效，但还没有在这里登记", "A good certificate, but not registered here");
    let pages = refused_in_both(&house, &stranger, "not-registered", 403, zh, en).await;
    assert!(pages[1].text.contains("示范市无账户有限公司"), "{}", pages[1].text);
}

#[tokio::test]
async fn refusals_after_a_taken_challenge_are_on_record_with_the_certificate_and_the_answer_that_said_no() {
    let house = House::new().await;
    let unit = house.unit();
    let since = house.now();
    let reason = RevocationReason::KeyCompromise;
    let standings = [
        ("held", Some(CertificateStatus::Held { since })),
        ("revoked", Some(CertificateStatus::Revoked { since, reason })),
        ("unknown-certificate", None),
    ];
    let unissued = house.pki.unit(UNIT, USCC);
    for (code, status) in standings {
        let token = if status.is_some() { &unit } else { &unissued };
        if let Some(status) = status {
            house.responder.say(&unit.serial, status);
        }
        house.browser().log_in(token, house.now()).await;
        let record = last_record(&house, code).await;
        assert_eq!(record.certificate.as_ref(), Some(&token.der), "{code}");
        let Some(StatusEvidence::Ocsp(answer)) = record.status_evidence else { panic!("{code}: an answer is kept") };
        let Ok(Reply::Basic(basic)) = parse_reply(&answer) else { panic!("{code}: a signed answer") };
        assert_eq!(basic.singles[0].asked.id.serial(), Some(token.serial.octets()), "{code}");
        assert_eq!(basic.singles[0].standing, Standing::of(status), "{code}");
    }
    // What was not to be believed is no evidence.
    house.responder.feel(Mood::Forged);
    house.browser().log_in(&unit, house.now()).await;
    assert_eq!(last_record(&house, "status-unreachable").await.status_evidence, None);
}

/// The record of the last login, which was refused with this code; its audit entry names certificate and evidence.
async fn last_record(house: &House, code: &str) -> LoginRecord {
    let database = house.database().await;
    let mut tx = database.begin_login().await.expect("a transaction");
    let entries = tx.audit_entries(0, 100).await.expect("reads");
    let entry: Entry = decode(entries.last().expect("an entry")).expect("canonical");
    assert_eq!((entry.kind.as_str(), entry.details["outcome"].as_str()), ("login.refused", code));
    let record = tx.login_record(&entry.subject).await.expect("reads").expect("a record");
    drop(tx);
    database.close().await;
    let hash = record.status_evidence.as_ref().map(|evidence| evidence.sha256().to_string());
    assert_eq!(entry.details.get("status_evidence_sha256"), hash.as_ref(), "{code}");
    assert!(entry.details.contains_key("certificate_sha256"), "{code}");
    record
}
