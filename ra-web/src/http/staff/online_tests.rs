//! Payment online: what the provider says, forged, late, twice, out of order, of another amount, and not at all. In its place stands
//! one that lies on command.

use super::online_testing::{DAY, Unit};
use crate::enrolment::desk::OfficeError;
use crate::payment::bill::BillState;
use crate::payment::checkout::Way;
use crate::payment::fen::Fen;
use crate::payment::gateway::{GatewayError, NotHeard, Session as Paid, SessionState};
use crate::payment::ledger::Account;
use crate::payment::online::{Leads, MessageError, Settled};
use crate::renewal::Stage;
use crate::store::Store as _;

#[tokio::test]
async fn a_message_that_is_not_the_providers_changes_nothing() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Card).await;
    unit.provider.pay(&session);
    let forged = unit.online.hear(format!("evt_1 {session}").as_bytes(), "bad").await;
    assert!(matches!(forged, Err(MessageError::NotHeard(NotHeard::Forged))));
    assert_eq!(unit.bill_state().await, BillState::Open);
    let other = unit.hear("evt_2", "cs_of_another_shop").await;
    assert!(matches!(other, Err(MessageError::Later(OfficeError::Gateway(_)))), "no session of ours");
    assert_eq!(unit.hear("evt_3", &session).await.expect("heard"), Settled::Paid);
}

#[tokio::test]
async fn money_that_was_not_asked_for_pays_no_bill() {
    type Change = fn(&mut Paid);
    let wrong: [(&str, Change); 4] = [
        ("another amount", |session| session.amount = Some(Fen::yuan(1))),
        ("another currency", |session| session.currency = Some("usd".into())),
        ("another bill", |session| session.bill = Some("BL-20261130-0099".into())),
        ("another order", |session| session.checkout = Some("CO-20261130-0099".into())),
    ];
    let unit = Unit::new().await;
    unit.signed("1").await;
    for (n, (what, change)) in wrong.into_iter().enumerate() {
        let session = unit.session(Way::ALL[n % 3]).await;
        unit.provider.change(&session, change);
        unit.provider.pay(&session);
        assert_eq!(unit.hear(&format!("evt_{n}"), &session).await.expect("heard"), Settled::Faulty, "{what}");
        assert_eq!(unit.bill_state().await, BillState::Open, "{what}");
    }
    let faulty = unit.bench.store().read().await.expect("begun").faulty_checkouts(10).await.expect("read");
    assert_eq!(faulty.len(), 4, "finance is shown each");
    let board = unit.bench.get("liufang", "/money").await.text;
    for why in ["Another amount", "Another currency than yuan", "another bill", "another checkout"] {
        assert!(board.contains(why), "{why}");
    }
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::ZERO);
}

#[tokio::test]
async fn money_for_a_bill_that_was_paid_otherwise_stands_in_suspense() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    let number = unit.renewals.standing(&unit.holding).await.expect("standing").case.expect("a case").number;
    unit.bench.paid(&format!("/applications/{number}")).await;
    assert_eq!(unit.stage().await, Stage::Install, "paid at the counter, installed online");
    unit.provider.pay(&session);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Faulty);
    assert_eq!(unit.hear("evt_2", &session).await.expect("heard"), Settled::Unchanged);
    assert_eq!(unit.bench.balance(Account::Suspense).await, -Fen::yuan(200));
    assert_eq!(unit.bench.balance(Account::Deferred).await, -Fen::yuan(200), "the service is paid once");
    unit.install().await;
}

#[tokio::test]
async fn money_that_comes_after_the_bill_lapsed_is_taken_and_the_unit_signs_anew() {
    let mut unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::WechatPay).await;
    unit.bench.later(16 * DAY).await;
    assert_eq!(unit.bench.desk.lapse_bills().await.expect("lapsed"), 1);
    assert_eq!(unit.stage().await, Stage::Check(Ok(())), "it could be begun anew");
    unit.provider.pay(&session);
    assert_eq!(unit.hear("evt_1", &session).await.expect("heard"), Settled::Paid);
    assert_eq!(unit.stage().await, Stage::SignAgain);
    assert!(unit.renewals.ticket(&unit.holding).await.is_err(), "what was signed before is used up");
    unit.sign().await.expect("signed anew");
    assert_eq!(unit.stage().await, Stage::Install, "and not charged again");
    unit.install().await;
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::yuan(200));
}

#[tokio::test]
async fn messages_out_of_order_come_to_the_same() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let first = unit.session(Way::Alipay).await;
    let second = unit.session(Way::Card).await;
    assert_ne!(first, second);
    unit.provider.pay(&second);
    assert_eq!(unit.hear("evt_2", &second).await.expect("heard"), Settled::Paid);
    assert_eq!(unit.hear("evt_1", &first).await.expect("heard"), Settled::Unchanged, "the page before had ended");
    assert_eq!(unit.stage().await, Stage::Install);
}

#[tokio::test]
async fn who_has_paid_and_asks_for_the_page_again_is_not_led_back_to_it() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    let session = unit.session(Way::Alipay).await;
    *unit.provider.mute.lock().unwrap() = true;
    assert_eq!(unit.session(Way::Alipay).await, session, "its page is there while it does not answer");
    *unit.provider.mute.lock().unwrap() = false;
    unit.provider.change(&session, |session| session.state = SessionState::Expired);
    let next = unit.session(Way::Alipay).await;
    assert_ne!(next, session, "the page had ended there");
    unit.provider.pay(&next);
    // No message, and nobody came back.
    assert_eq!(unit.checkout(Way::Alipay).await.expect("asked"), Leads::Paid);
    assert_eq!((unit.stage().await, unit.provider.count()), (Stage::Install, 2));
    assert_eq!(unit.bench.balance(Account::OnlineTransit).await, Fen::yuan(200), "once");
}

#[tokio::test]
async fn an_answer_that_got_lost_is_asked_for_again_and_opens_no_second_page() {
    let unit = Unit::new().await;
    unit.signed("1").await;
    *unit.provider.mute.lock().unwrap() = true;
    let lost = unit.checkout(Way::Alipay).await;
    assert!(matches!(lost, Err(OfficeError::Gateway(GatewayError::Unreachable(_)))));
    *unit.provider.mute.lock().unwrap() = false;
    let session = unit.session(Way::Alipay).await;
    assert_eq!(unit.provider.count(), 1);
    unit.provider.pay(&session);
    // The message never comes: the one who comes back is enough.
    assert_eq!(unit.renewals.came_back(&unit.holding).await.expect("asked"), Settled::Paid);
}
