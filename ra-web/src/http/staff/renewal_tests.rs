//! A unit renews by itself, over a real authority: each step once, twice, and by somebody else.

use axum::http::StatusCode;
use ca_core::domain::{CertificateStatus, RevocationReason};
use serde_json::json;

use super::online_testing::{DAY, Unit};
use crate::enrolment::desk::OfficeError;
use crate::invoice::issuing::Invoiced;
use crate::invoice::record::FileKind;
use crate::payment::bill::MoneyFault;
use crate::payment::checkout::Way;
use crate::payment::fen::Fen;
use crate::payment::gateway::SessionState;
use crate::payment::ledger::Account;
use crate::payment::online::{Leads, Settled};
use crate::renewal::{Begun, Changed, Holding, Stage};
use crate::store::Store as _;

#[tokio::test]
async fn from_the_form_to_the_new_certificate_with_each_step_done_twice() {
    let unit = Unit::new().await;
    assert_eq!(unit.stage().await, Stage::Check(Ok(())));
    let number = unit.begin("1").await;
    assert_eq!(unit.begin("2").await, number, "the form again changes the draft");
    assert_eq!(unit.stage().await, Stage::Sign);
    let order = unit.renewals.order(&unit.holding).await.expect("an order");
    assert_eq!(unit.renewals.order(&unit.holding).await.expect("an order").order.id, order.order.id);
    unit.sign().await.expect("signed");
    assert!(matches!(unit.sign().await, Err(OfficeError::Forbidden(_))), "signed once");

    let session = unit.session(Way::Alipay).await;
    assert_eq!(unit.session(Way::Alipay).await, session, "the same page");
    assert_eq!(unit.provider.count(), 1);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Unchanged, "a message alone pays nothing");
    assert_eq!(unit.stage().await, Stage::Pay);
    unit.provider.pay(&session);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Unchanged, "heard before");
    assert_eq!(unit.hear("evt_2", &session).await.expect("heard"), Settled::Paid);
    for event in ["evt_2", "evt_3"] {
        assert_eq!(unit.hear(event, &session).await.expect("heard"), Settled::Unchanged);
    }
    assert_eq!(unit.renewals.came_back(&unit.holding).await.expect("asked"), Settled::Unchanged);
    assert!(matches!(unit.checkout(Way::Card).await, Ok(Leads::Paid)), "nothing is paid twice");
    assert_eq!(unit.stage().await, Stage::Install);
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::yuan(400));
    let deferred = unit.bench.balance(Account::Deferred).await;
    assert_eq!(deferred, -Fen::yuan(400));

    let end = unit.old.validity.not_after;
    let on = unit.bench.token_of(&unit.old).await.serial;
    let new = unit.install().await;
    assert_eq!(new.validity.not_after, end.beijing_day().plus_years(2).last_second());
    let old = unit.bench.view(&json!(unit.old.issuer), &json!(unit.old.serial)).await;
    let gone = CertificateStatus::Revoked { since: unit.bench.house.now(), reason: RevocationReason::Superseded };
    assert_eq!(old.status, gone);
    assert_eq!(unit.bench.balance(Account::Deferred).await, Fen::ZERO, "earned at delivery");
    assert!(unit.renewals.still_welcome(&unit.holding).await.expect("asked"), "until the unit leaves");
    assert_eq!(unit.bench.token_of(&new).await.serial, on, "on the same token");

    // The invoice, once however often it is asked for.
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").bill.expect("a bill").number;
    let desk = &unit.bench.desk;
    let uscc = unit.holding.uscc.as_str();
    assert!(desk.own_invoice_file(uscc, &number, FileKind::Pdf).await.is_err(), "not yet");
    let mut tx = unit.bench.store().read().await.expect("begun");
    assert!(tx.due_job("invoice", unit.bench.house.now()).await.expect("read").is_some(), "asked for at delivery");
    drop(tx);
    assert_eq!(desk.invoice(&number).await.expect("asked"), Ok(Invoiced::Issued));
    assert_eq!(desk.invoice(&number).await.expect("asked"), Ok(Invoiced::Nothing));
    let (name, pdf) = desk.own_invoice_file(uscc, &number, FileKind::Pdf).await.expect("a paper");
    assert!(name.starts_with("99") && pdf.starts_with(b"%PDF"));
    assert_eq!(desk.own_invoice_file(uscc, &number, FileKind::Pdf).await.expect("again").1, pdf, "the same paper");
    assert!(desk.own_invoice_file("91350100M000100Y44", &number, FileKind::Pdf).await.is_err(), "nobody else's");
    let bill = unit.renewals.standing(&unit.holding).await.expect("standing").bill.expect("a bill");
    assert_eq!(bill.invoice_due, None, "the deadline is met");
}

#[tokio::test]
async fn a_renewal_that_is_given_up_ends_its_page_and_one_that_was_paid_goes_on() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.renewals.cancel(&unit.holding, "given up").await.expect("cancelled");
    assert_eq!(unit.provider.answer(&session).expect("a session").state, SessionState::Expired);
    assert_eq!(unit.stage().await, Stage::Check(Ok(())));

    unit.signed("2").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    assert!(unit.renewals.cancel(&unit.holding, "given up").await.is_err(), "it was paid in this moment");
    assert_eq!(unit.stage().await, Stage::Install);
    assert!(unit.renewals.cancel(&unit.holding, "given up").await.is_err());
}

#[tokio::test]
async fn a_delivery_of_which_the_office_did_not_hear_is_asked_about_and_written_down_once() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let (ticket, new, install) = unit.install_unheard().await;
    assert_eq!(unit.stage().await, Stage::Install, "the office does not know");
    let delivered = async |unit: &Unit| {
        let mut tx = unit.bench.store().read().await.expect("begun");
        tx.certificate(&new.issuer, &new.serial).await.expect("read").expect("known").delivered.is_some()
    };
    assert!(!delivered(&unit).await, "neither certificate lets the unit in");
    assert_eq!(unit.bench.desk.hear_of_deliveries().await.expect("asked"), 0, "whoever confirms has some minutes");
    unit.bench.later(301).await;
    assert_eq!(unit.bench.desk.hear_of_deliveries().await.expect("asked"), 1);
    assert_eq!(unit.bench.desk.hear_of_deliveries().await.expect("asked"), 0, "once");
    assert!(delivered(&unit).await);
    assert_eq!(unit.stage().await, Stage::Done);
    assert_eq!(unit.bench.balance(Account::Deferred).await, Fen::ZERO, "earned");
    let body = json!({ "ticket": ticket, "install": install });
    let (status, answer) = unit.bench.api("confirm", body).await;
    assert_eq!(status, StatusCode::OK, "and the assistant that asks again is told: {answer}");
}

#[tokio::test]
async fn what_nobody_confirmed_to_the_authority_stays_issued() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let ticket = unit.renewals.ticket(&unit.holding).await.expect("a ticket");
    let (_, body) = unit.request(&ticket).await;
    let (status, answer) = unit.bench.api("redeem", body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    unit.bench.later(301).await;
    assert_eq!(unit.bench.desk.hear_of_deliveries().await.expect("asked"), 0);
    assert_eq!(unit.case_state().await.word(), "issued");
}

#[tokio::test]
async fn nobody_signs_pays_or_installs_for_another() {
    let unit = Unit::new().await;
    unit.begin("1").await;
    let order = unit.renewals.order(&unit.holding).await.expect("an order");
    let officer = unit.bench.house.person("limin").say_bytes(&order.statement, unit.bench.house.now()).0;
    assert!(matches!(unit.renewals.sign(&unit.holding, &officer).await, Err(OfficeError::Signature(_))));
    let other = unit.holder.say_bytes(b"something else", unit.bench.house.now()).0;
    assert!(matches!(unit.renewals.sign(&unit.holding, &other).await, Err(OfficeError::Signature(_))));
    let stranger = Holding { serial: "4a01".parse().expect("a serial"), ..unit.holding.clone() };
    assert!(matches!(unit.renewals.ticket(&stranger).await, Err(OfficeError::NotFound)));
    assert!(matches!(unit.renewals.cancel(&stranger, "x").await, Err(OfficeError::NotFound)));
    assert!(unit.renewals.ticket(&unit.holding).await.is_err(), "not before it is paid");

    unit.sign().await.expect("signed");
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").case.expect("a case").number;
    let refused = unit.bench.post("chenjie", &format!("/applications/{number}/ticket"), &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "the counter makes nothing that the unit alone signed");

    // A token operator binds the key in the unit's place: the authority refuses.
    let ticket = unit.renewals.ticket(&unit.holding).await.expect("a ticket");
    let (_, mut body) = unit.request(&ticket).await;
    let (_, by_officer) = unit.bench.request(&ticket, unit.bench.token_of(&unit.old).await.serial.as_str()).await;
    body["binding"] = by_officer["binding"].clone();
    body["csr"] = by_officer["csr"].clone();
    let (status, answer) = unit.bench.api("redeem", body).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    unit.install().await;
}

#[tokio::test]
async fn it_is_renewed_in_its_time_and_no_other() {
    let unit = Unit::new().await;
    let clock = &unit.bench.house.clock;
    clock.advance(-20 * DAY);
    assert!(matches!(unit.stage().await, Stage::Check(Err(_))), "100 days before its end");
    assert!(matches!(unit.renewals.begin(&unit.holding, &Unit::asked("1")).await, Err(OfficeError::NotNow(_))));
    clock.advance(100 * DAY + 366 * DAY);
    assert!(matches!(unit.stage().await, Stage::Check(Err(_))), "more than a year after it");
    clock.advance(-2 * DAY);
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    unit.provider.pay(&session);
    unit.hear("evt_1", &session).await.expect("heard");
    let new = unit.install().await;
    let today = unit.bench.house.now().beijing_day();
    assert_eq!(new.validity.not_after, today.plus_years(1).last_second(), "counted from today");
}

#[tokio::test]
async fn what_changed_goes_to_the_office_with_the_form_filled_in() {
    let unit = Unit::new().await;
    let changed = Changed {
        unit_name: "示范市西湖建筑工程有限公司".into(),
        uscc: "91350100M000100Y43".into(),
        handler_name: "赵云".into(),
        handler_mobile: "13900139000".into(),
    };
    let faulty = Changed { uscc: "123".into(), ..changed.clone() };
    assert!(matches!(unit.renewals.send_to_office(&unit.holding, &faulty).await, Ok(Begun::Faulty(_))));
    let sent = unit.renewals.send_to_office(&unit.holding, &changed).await.expect("sent");
    let Begun::Ready(number) = sent else { panic!("faulty") };
    assert_eq!(unit.stage().await, Stage::Elsewhere);
    assert!(unit.renewals.begin(&unit.holding, &Unit::asked("1")).await.is_err(), "one at a time");
    let form = unit.bench.get("limin", &format!("/applications/{number}/edit")).await.text;
    assert!(form.contains("示范市西湖建筑工程有限公司") && form.contains("赵云"), "{form}");
}

#[tokio::test]
async fn a_unit_that_chose_the_bank_goes_on_when_the_money_is_there() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let standing = async || unit.renewals.standing(&unit.holding).await.expect("standing");
    assert!(standing().await.wire.is_none(), "another way may be chosen");
    unit.renewals.pay_by_bank(&unit.holding).await.expect("chosen");
    let remittance = standing().await.wire.expect("a code");
    let officer = unit.bench.officer("liufang").await;
    let file = format!(
        "交易日期,流水号,金额,借贷标志,对方户名,附言\n20261130,1,200.00,贷,{},{}\n",
        unit.holding.unit_name, remittance.code
    );
    let taken = unit.bench.desk.take_statement(&officer, "1.csv", file.into_bytes()).await.expect("stored");
    assert!(taken.is_ok(), "{taken:?}");
    assert_eq!(unit.stage().await, Stage::Install);
    assert_eq!(unit.bench.balance(Account::Bank).await, Fen::yuan(200));
    assert!(matches!(unit.renewals.pay_by_bank(&unit.holding).await, Err(OfficeError::Money(MoneyFault::PaidAlready))));
    unit.install().await;
    assert_eq!(unit.bench.balance(Account::Deferred).await, Fen::ZERO);
    let mut tx = unit.bench.store().read().await.expect("begun");
    assert!(
        tx.due_job("invoice", unit.bench.house.now()).await.expect("read").is_some(),
        "and the invoice is asked for"
    );
}
