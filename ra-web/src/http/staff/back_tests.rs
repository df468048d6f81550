//! What goes back of what was paid online, disputes, and what does not fit in the morning.

use axum::http::StatusCode;

use super::online_testing::{DAY, Unit};
use crate::enrolment::desk::OfficeError;
use crate::payment::back::BackStep;
use crate::payment::bill::MoneyFault;
use crate::payment::checkout::Way;
use crate::payment::fen::Fen;
use crate::payment::gateway::{Back, BackState, Dispute, Settlement, SettlementKind};
use crate::payment::ledger::Account;
use crate::payment::online::Settled;
use crate::renewal::Stage;
use crate::store::Store as _;

#[tokio::test]
async fn a_refund_of_what_was_paid_online_ends_the_renewal_before_it_is_installed() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").case.expect("a case").number;
    let bill = unit.bench.bill_of(&format!("/applications/{number}")).await.expect("a bill");
    let asked = [("amount", "200"), ("reason", "not issuable")];
    let got = unit.bench.post("limin", &format!("{bill}/refund"), &asked).await;
    assert_eq!(got.to, format!("{bill}?done=refund-asked"), "{}", got.text);
    let refund = unit.bench.refund_of(&bill).await;
    unit.bench.post("liufang", &format!("{refund}/approve"), &[]).await;
    let number = refund.rsplit('/').next().expect("a number").parse().expect("a number");
    let asked =
        unit.bench.store().read().await.expect("begun").due_job("give-back-online", unit.bench.house.now()).await;
    assert!(asked.expect("read").is_some(), "asked for with the approval");
    let by_hand = unit.bench.post("limin", &format!("{refund}/pay-out"), &[("reference", "re_1a2b3c")]).await;
    assert!(by_hand.text.contains("The payment provider is giving it back"), "{}", by_hand.text);

    // The answer gets lost, and the provider forgets keys: it is looked for before it is asked for again.
    *unit.provider.mute.lock().unwrap() = true;
    assert!(matches!(unit.online.give_back(&number).await, Err(OfficeError::Gateway(_))));
    *unit.provider.mute.lock().unwrap() = false;
    let pending = BackStep::Pending { id: "re_1".into() };
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), pending);
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), pending);
    assert_eq!(unit.provider.backs.lock().unwrap().len(), 1, "never two");
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200), "on its way is not there");
    // A message only makes us ask.
    assert_eq!(unit.hear("evt_5", "re_1").await.expect("heard"), Settled::Unchanged);
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200));
    unit.provider.backs.lock().unwrap().get_mut("re_1").expect("there").state = BackState::Done;
    let payment = unit.bench.get("liufang", &bill).await.text;
    let intent = payment.split("pi_").nth(1).map(|rest| format!("pi_{}", rest.split('<').next().expect("a name")));
    for event in ["evt_6", "evt_7"] {
        unit.hear(event, intent.as_deref().expect("the page names it")).await.expect("heard");
    }
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), BackStep::Done { id: "re_1".into() });
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, Fen::ZERO);
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::ZERO);
    assert!(matches!(unit.renewals.ticket(&unit.holding).await, Err(OfficeError::NotFound)));
    assert_eq!(unit.stage().await, Stage::Check(Ok(())));
    let paid = unit.checkout(Way::Alipay).await;
    assert!(matches!(paid, Err(OfficeError::NotFound | OfficeError::Money(MoneyFault::State { .. }))), "{paid:?}");
}

#[tokio::test]
async fn what_the_provider_does_not_give_back_is_shown_and_paid_out_another_way() {
    let unit = Unit::new().await;
    let (bill, refund) = unit.to_go_back().await;
    let number = refund.rsplit('/').next().expect("a number").parse().expect("a number");
    *unit.provider.refuses.lock().unwrap() = true;
    let failed = unit.online.give_back(&number).await.expect("asked");
    assert_eq!(failed, BackStep::Failed { id: None, fault: "charge_disputed".into() });
    let board = unit.bench.get("liufang", "/money").await.text;
    assert!(board.contains("did not make") && board.contains("charge_disputed"), "{board}");
    assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200), "nothing went back");
    *unit.provider.refuses.lock().unwrap() = false;
    assert_eq!(unit.online.give_back(&number).await.expect("asked"), failed, "given up is given up");
    let got = unit.bench.post("limin", &format!("{refund}/pay-out"), &[("reference", "BANK-0017")]).await;
    assert_eq!(got.to, format!("{bill}?done=refund-paid-out"), "{}", got.text);
    assert!(!unit.bench.get("liufang", "/money").await.text.contains("charge_disputed"), "it is settled");
}

#[tokio::test]
async fn money_that_goes_back_otherwise_than_asked_closes_no_refund() {
    type Change = fn(&mut Back);
    let wrong: [(&str, Change); 3] = [
        ("another refund", |back| back.refund = Some("RF-20200101-0001".into())),
        ("another amount", |back| back.amount = Fen::yuan(1)),
        ("another currency", |back| back.currency = "usd".into()),
    ];
    for (what, change) in wrong {
        let unit = Unit::new().await;
        let (_, refund) = unit.to_go_back().await;
        let number = refund.rsplit('/').next().expect("a number").parse().expect("a number");
        unit.online.give_back(&number).await.expect("asked");
        let mut told = unit.provider.backs.lock().unwrap()["re_1"].clone();
        told.state = BackState::Done;
        change(&mut told);
        unit.provider.backs.lock().unwrap().insert("re_1".into(), told);
        let step = unit.online.give_back(&number).await.expect("asked");
        assert!(matches!(step, BackStep::Failed { .. }), "{what}: {step:?}");
        assert_eq!(unit.bench.balance(Account::RefundsPayable).await, -Fen::yuan(200), "{what}");
    }
}

#[tokio::test]
async fn a_dispute_is_shown_and_audited_once_and_only_as_the_provider_tells_it() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    assert!(unit.hear("evt_2", "dp_1").await.is_err(), "the provider knows of none");
    let reference = unit.provider.sessions.lock().unwrap()[&session].reference.clone();
    let told = |status: &str| Dispute {
        id: "dp_1".into(),
        reference: reference.clone(),
        amount: Fen::yuan(200),
        currency: "cny".into(),
        reason: "fraudulent".into(),
        status: status.to_owned(),
    };
    unit.provider.disputes.lock().unwrap().insert("dp_1".into(), told("needs_response"));
    assert_eq!(unit.hear("evt_3", "dp_1").await.expect("heard"), Settled::Faulty);
    assert_eq!(unit.hear("evt_4", "dp_1").await.expect("heard"), Settled::Unchanged, "told before");
    let board = unit.bench.get("liufang", "/money").await.text;
    assert!(board.contains("dp_1") && board.contains("fraudulent"), "{board}");
    unit.provider.disputes.lock().unwrap().insert("dp_1".into(), told("won"));
    unit.hear("evt_5", "dp_1").await.expect("heard");
    assert!(!unit.bench.get("liufang", "/money").await.text.contains("dp_1"), "it is over");
}

#[tokio::test]
async fn each_morning_what_does_not_fit_is_named_and_what_fits_books_its_fee() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let reference = unit.provider.sessions.lock().unwrap()[&session].reference.clone().expect("a name");
    let at = unit.bench.house.now();
    let settled = |id: &str, reference: &str, fen: i64| Settlement {
        id: id.into(),
        kind: SettlementKind::Payment,
        reference: Some(reference.to_owned()),
        presented: Some((Fen::new(fen), "cny".into())),
        gross: Fen::new(fen),
        fee: Fen::new(600),
        net: Fen::new(fen - 600),
        currency: "cny".into(),
        at,
    };
    let reconcile = async || unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let page = async || unit.bench.get("liufang", "/money/differences").await.text;
    unit.provider.settled.lock().unwrap().push(settled("txn_1", &reference, 20_000));
    for _ in 0..2 {
        reconcile().await;
        let shown = page().await;
        assert!(!shown.contains("Paid twice") && !shown.contains("Missing with"), "{shown}");
        assert_eq!(unit.bench.balance(Account::Fees).await, Fen::yuan(6), "booked once");
        assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::yuan(194), "what the provider owes us");
    }
    unit.provider
        .settled
        .lock()
        .unwrap()
        .extend([settled("txn_2", &reference, 20_000), settled("txn_3", "pi_of_nobody", 500)]);
    reconcile().await;
    let shown = page().await;
    for text in ["Paid twice", "txn_2", "Missing with us", "txn_3", "pi_of_nobody"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    // Finance of the office explains, with a reason; an auditor reads; nobody else does either.
    let (explain, extra) = ("/money/differences/explain", ("id", "extra/txn_3"));
    assert_eq!(unit.bench.get("zhaojing", "/money/differences").await.status, StatusCode::OK);
    for who in ["zhaojing", "limin", "wangqiang", "zhoujun"] {
        let got = unit.bench.post(who, explain, &[extra, ("reason", "why")]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{who}");
    }
    let blank = unit.bench.post("liufang", explain, &[extra, ("reason", " ")]).await;
    assert_eq!(blank.status, StatusCode::UNPROCESSABLE_ENTITY);
    let got = unit.bench.post("liufang", explain, &[extra, ("reason", "a test of the provider's")]).await;
    assert_eq!(got.to, "/money/differences?done=difference-explained", "{}", got.text);
    let twice = unit.bench.post("liufang", explain, &[extra, ("reason", "again")]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    reconcile().await;
    assert!(page().await.contains("a test of the provider"), "found again, it stays explained");

    // Three days later there is still no certificate and no invoice.
    unit.bench.later(4 * DAY).await;
    let reconcile = async || unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    reconcile().await;
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(shown.contains("Money without certificate") && shown.contains("Money without invoice"), "{shown}");
    unit.install().await;
    unit.bench.house.clock.advance(60);
    unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(!shown.contains("Money without certificate"), "it is gone by itself");
}

#[tokio::test]
async fn a_payment_that_the_provider_never_settles_is_missing() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(!shown.contains("Missing with"), "it takes its time: {shown}");
    unit.bench.later(3 * DAY - 60).await;
    unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(shown.contains("Missing with them") && shown.contains("200.00"), "{shown}");
    unit.bench.later(30 * DAY).await;
    unit.bench.desk.reconcile(Some(&*unit.online)).await.expect("held against each other");
    let shown = unit.bench.get("liufang", "/money/differences").await.text;
    assert!(shown.contains("Missing with them"), "it does not grow old: {shown}");
}
