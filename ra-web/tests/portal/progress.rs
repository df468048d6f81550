//! How far a booking is: told to the page and the program of its unit, to nobody else, and forgotten when it ends.

use std::pin::pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::{CertificateStatus, FundPay, Sha256};
use ra_web::fund::FundStore as _;
use ra_web::fund::account::AccountNumber;
use ra_web::fund::amounts::{Fen, Month};
use ra_web::fund::codes::IdKind;
use ra_web::fund::hall::{Hall, HallError};
use ra_web::fund::operation::{Operation, Plan, PlannedPerson, State};
use ra_web::fund::progress::{Far, Stage};
use serde_json::{Value, json};

use crate::business::{ACCOUNT, books, drafted, logged_in};
use crate::house::House;
use crate::my::Log;
use crate::pki::Made;

const NEWCOMERS: u32 = 30;
/// So many lists are booked until one is left in the middle.
const MOST_TRIES: usize = 33;

fn month(yyyymm: i64) -> Month {
    Month::new(yyyymm).expect("a month")
}

fn account() -> AccountNumber {
    ACCOUNT.parse().expect("an account")
}

/// Accounts for people whose passports begin at this number.
fn newcomers(first: u32) -> Plan {
    let newcomer = |n: u32| PlannedPerson {
        number: None,
        id: String::new(),
        name: format!("职工{n}"),
        id_kind: IdKind::Passport,
        id_number: format!("E{n:08}"),
        mobile: "13800000009".into(),
        base: Fen::new(600_000),
        starts: month(202_612),
    };
    Plan::Open { people: (first..first + NEWCOMERS).map(newcomer).collect() }
}

/// Signs an operation; goes away when a look between two polls finds it in the stage `until`.
async fn signed(
    house: &House,
    hall: &Hall,
    token: &Made,
    serial: &str,
    until: Option<Stage>,
) -> Option<Result<Operation, HallError>> {
    let unit = account();
    let mut tx = hall.store.begin_read().await.expect("begun");
    let document = tx.operation(&unit, serial).await.expect("read").expect("drafted").document;
    tx.commit().await.expect("read");
    let message = STANDARD.decode(token.sign(&document, house.now())).expect("base64");
    let certificate = Sha256(openssl::sha::sha256(&token.der));
    let mut signing = pin!(hall.sign(&unit, certificate, serial, &message, house.now()));
    loop {
        tokio::select! {
            biased;
            done = &mut signing => return Some(done),
            () = tokio::task::yield_now() => {}
        }
        let stage = hall.progress.of(&unit, serial).map(|far| far.stage);
        if stage.is_some() && stage == until {
            return None;
        }
    }
}

/// How far the log says that the booking of an operation was, one after another.
fn told(log: &Log, serial: &str) -> Vec<Far> {
    let text = log.text();
    let lines = text.lines().filter(|line| line.contains("A booking goes on") && line.contains(serial));
    let far = |line: &str| {
        let fields = serde_json::from_str::<Value>(line).expect("JSON")["fields"].clone();
        let stage = Stage::ALL.into_iter().find(|stage| fields["stage"] == stage.word()).expect("a stage");
        let number = |name: &str| usize::try_from(fields[name].as_u64().expect("a number")).expect("small");
        Far { stage, done: number("done"), total: number("total") }
    };
    lines.map(far).collect()
}

/// A stage of so many rows, as it is told.
fn rows(stage: Stage, total: usize) -> Vec<Far> {
    (0..=total).map(|done| Far { stage, done, total }).collect()
}

#[tokio::test]
async fn rows_are_told_as_they_are_checked_and_written_and_nothing_is_left_however_it_ends() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let _logged = tracing::subscriber::set_default(subscriber.finish());
    let house = House::new().await;
    let (hall, token, unit) = (house.hall().await, house.unit(), account());
    let closing = |total| Far { stage: Stage::Closing, done: total, total };
    let serial = hall.draft(&unit, &newcomers(1), house.now()).await.expect("drafted");
    assert!(hall.progress.is_empty() && told(&log, &serial).is_empty(), "a plan is not booked");
    let done = signed(&house, &hall, &token, &serial, None).await;
    assert_eq!(done.expect("ended").expect("booked").state, State::Posted);
    // Each newcomer is looked at, then has an account and a line among the changes.
    let all = [rows(Stage::Checking, 30), rows(Stage::Writing, 60), vec![closing(60)]].concat();
    assert_eq!(told(&log, &serial), all);
    assert!(hall.progress.is_empty());

    // Of two plans of a month the second is no longer what was signed.
    let remit = Plan::Remit { month: month(202_611), pay: FundPay::Suspense };
    let first = hall.draft(&unit, &remit, house.now()).await.expect("drafted");
    let second = hall.draft(&unit, &remit, house.now()).await.expect("drafted");
    let booked = signed(&house, &hall, &token, &first, None).await.expect("ended").expect("booked");
    assert_eq!(told(&log, &first).last(), Some(&closing(booked.heads as usize)));
    let done = signed(&house, &hall, &token, &second, None).await;
    assert!(matches!(done, Some(Err(HallError::Rule(_)))), "{:?}", done.map(|done| done.map(|one| one.state)));
    let seen = told(&log, &second);
    assert!(seen.iter().all(|far| far.stage == Stage::Checking) && !seen.is_empty(), "{seen:?}");
    assert!(hall.progress.is_empty());

    // Whoever goes away in the middle leaves neither rows nor a word, and can come again. The store may be quicker than a look:
    // then the next list is tried.
    let mut left = None;
    for first in (1_001..2_000).step_by(NEWCOMERS as usize).take(MOST_TRIES) {
        let (before, people) = books(&house).await;
        let serial = hall.draft(&unit, &newcomers(first), house.now()).await.expect("drafted");
        if signed(&house, &hall, &token, &serial, Some(Stage::Writing)).await.is_none() {
            left = Some((serial, before, people));
            break;
        }
    }
    let (serial, before, people) = left.expect("one was left in the middle");
    assert!(hall.progress.is_empty());
    assert_eq!(books(&house).await, (before.clone(), people));
    signed(&house, &hall, &token, &serial, None).await.expect("ended").expect("booked");
    assert_eq!(books(&house).await.0.active_heads, before.active_heads + NEWCOMERS);
    assert!(hall.progress.is_empty());
}

#[tokio::test]
async fn a_unit_is_told_while_it_waits_and_no_other_unit_is() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let machine = house.logged_in_machine(&token).await;
    let other = house.pki.unit_of("示范市第三医院", "12130500401288885B", "HZ-000002");
    house.responder.say(&other.serial, CertificateStatus::Good);
    let mut stranger = house.browser();
    assert_eq!(stranger.log_in(&other, house.now()).await.status, 303);
    let strange = house.logged_in_machine(&other).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    let progress = format!("{path}/progress");
    // What the page's script says, in both languages.
    for (language, said) in [("en", "{done} of {total} rows written"), ("zh-CN", "已写入 {done} / {total} 条")] {
        browser.language = language;
        let page = browser.get(&path).await;
        assert!(page.text.contains(&format!("data-progress=\"{progress}\"")), "{}", page.text);
        assert!(page.text.contains(said) && page.text.contains("progress-closing"), "{said}: {}", page.text);
    }
    let page = browser.get(&path).await;
    let statement = URL_SAFE_NO_PAD.decode(page.field("statement")).expect("base64url");
    let signature = token.sign(&statement, house.now());
    let nothing = |told: Value, state: &str| assert_eq!(told, json!({ "state": state, "booking": null }));
    assert_eq!(browser.get(&progress).await.text, "null");
    nothing(machine.get(&progress).await.body, "draft");

    // Somebody else writes: the booking waits, and who asks how far it is does not.
    let database = house.database().await;
    let busy = database.begin().await.expect("begun");
    let (mut signer, sign) = (browser.clone(), format!("{path}/sign"));
    let fields = [("statement", ""), ("signature", signature.as_str())];
    let watching = async {
        let far = loop {
            let told: Value = serde_json::from_str(&browser.get(&progress).await.text).expect("JSON");
            if !told.is_null() {
                break told;
            }
        };
        assert_eq!((&far["stage"], &far["done"]), (&json!("checking"), &json!(0)), "{far}");
        assert!(far["total"].as_u64().is_some_and(|total| total > 8), "{far}");
        let told = machine.get(&progress).await.body;
        assert_eq!(told, json!({ "state": "draft", "booking": far }));
        assert_eq!(stranger.get(&progress).await.status, 404);
        assert_eq!(strange.get(&progress).await.problem(), "not_found");
        busy.commit().await.expect("kept");
    };
    let watching = tokio::time::timeout(Duration::from_secs(20), watching);
    let (signed, watched) = tokio::join!(signer.post(&sign, &fields), watching);
    watched.expect("it was told");
    assert_eq!(signed.status, 303, "{}", signed.text);

    assert_eq!(browser.get(&progress).await.text, "null");
    nothing(machine.get(&progress).await.body, "posted");
    assert_eq!((stranger.get(&progress).await.status, strange.get(&progress).await.status), (404, 404));
    assert_eq!(house.browser().get(&progress).await.location.as_deref(), Some("/login"));
    assert_eq!(house.machine().get(&progress).await.status, 401);
    let nowhere = "/operations/01ARZ3NDEKTSV4RRFFQ69G5FAV/progress";
    assert_eq!((browser.get(nowhere).await.status, machine.get(nowhere).await.status), (404, 404));
}
