//! A payment that the bank refused: its order is closed, another one goes to another account of the person by two clerks, and nobody is
//! paid twice.

use crate::client::Browser;
use crate::house::House;
use crate::my::{FIRST, PICTURE, books, drafted, person, signed};
use ra_web::fund::operator::Operator;

pub(crate) const CARD: &[u8] = b"6228480000000000999\n";
pub(crate) const CODE: &str = "402121000032";

/// A withdrawal of 12,000.50 that the bank has been told to pay; its page and number.
pub(crate) async fn ordered(house: &House) -> (Browser, String, String) {
    let (mut browser, token) = person(house, FIRST).await;
    let path = drafted(&mut browser, FIRST.2, "06", "12,000.50").await;
    assert_eq!(browser.upload(&format!("{path}/face"), "face", PICTURE).await.status, 303);
    assert_eq!(signed(&mut browser, house, &token, &path).await.status, 303);
    let serial = path.trim_start_matches("/my/withdrawals/").to_owned();
    (browser, path, serial)
}

/// The bank's answer about one payment (pain.002).
pub(crate) fn answer(payment: &str, status: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt><OrgnlPmtInfAndSts>\
         <TxInfAndSts><OrgnlEndToEndId>{payment}</OrgnlEndToEndId><TxSts>{status}</TxSts></TxInfAndSts>\
         </OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )
}

/// It is taken in.
async fn bank(house: &House, operator: &Operator, payment: &str, status: &str) -> String {
    operator.bank_answers(&house.file("answer.xml", answer(payment, status).as_bytes())).await.expect("read")
}

#[tokio::test]
async fn a_refused_payment_is_ordered_again_by_two_clerks_and_never_paid_twice() {
    let house = House::new().await;
    let (mut browser, path, serial) = ordered(&house).await;
    let (unit, _) = books(&house).await;
    let (operator, other) = (house.operator().await, house.operator().await);
    let card = house.file("card", CARD);
    let again = |payment: &str, clerk: &'static str| {
        let (payment, card, operator) = (payment.to_owned(), card.clone(), &operator);
        async move { operator.pay_again(&payment, "示范农商银行", CODE, &card, clerk).await }
    };

    let early = again(&serial, "李会计").await.expect_err("the bank may still pay");
    assert!(early.to_string().contains("no refused order"), "{early}");
    assert!(bank(&house, &operator, &serial, "ACTC").await.contains("no withdrawal waits"), "it is only looked at");
    assert!(bank(&house, &operator, &serial, "RJCT").await.contains("NOT PAID"));
    assert!(bank(&house, &operator, &serial, "RJCT").await.contains("no order waits"), "noted once");
    assert!(operator.payment_refused(&serial, "退汇", "李会计").await.is_err(), "it is closed");
    assert!(browser.get(&path).await.text.contains("银行没有付成"));
    assert!(operator.payments().await.expect("listed").contains(&serial));
    let more = browser.post("/my/withdraw", &[("number", FIRST.2), ("reason", "07"), ("amount", "100")]).await;
    assert!(more.status == 422 && more.text.contains("银行还没有付款"), "{}", more.text);

    // One clerk gives the account: nothing goes out.
    let second = format!("{serial}-2");
    let odd = house.file("odd", b"6228-4800");
    assert!(operator.pay_again(&serial, "示范农商银行", CODE, &odd, "李会计").await.is_err());
    let said = again(&serial, "李会计").await.expect("proposed");
    assert!(said.contains(&second) && said.contains("6228 **** **** 0999") && !said.contains("6228480000000000999"));
    assert_eq!(house.payments().len(), 1);
    // The same clerk does not confirm it, nobody confirms another account or another number.
    let same = operator.confirm_payment(&second, "0999", "李 会计").await.expect_err("the same clerk");
    assert!(same.to_string().contains("another clerk"), "{same}");
    assert!(operator.confirm_payment(&second, "0012", "王出纳").await.is_err(), "other digits");
    assert!(operator.confirm_payment(&format!("{serial}-3"), "0999", "王出纳").await.is_err());
    assert!(operator.confirm_payment(&serial, "0999", "王出纳").await.is_err());
    assert_eq!(house.payments().len(), 1);

    // Two at the same moment: one of them orders.
    let (one, two) = tokio::join!(
        operator.confirm_payment(&second, "0999", "王出纳"),
        other.confirm_payment(&second, "0999", "赵主任")
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert!(operator.confirm_payment(&second, "0999", "王出纳").await.is_err(), "nor a second time");
    assert!(again(&serial, "李会计").await.is_err(), "its place is taken");
    let payments = house.payments();
    let new = payments.iter().find(|one| one.contains(&format!(">{second}<"))).expect("the second order");
    assert_eq!(payments.len(), 2);
    assert!(
        new.contains("6228480000000000999") && new.contains(CODE) && new.contains(">12000.50<") && new.contains("李强")
    );
    assert!(operator.payments().await.expect("listed").contains("no payment was refused"));
    assert!(browser.get(&path).await.text.contains("付款指令已发给银行"));
    assert!(browser.get("/my").await.text.contains("6228 **** **** 0999"), "it is the person's account from now on");
    assert_eq!(books(&house).await.0.balance, unit.balance, "the books had it all the time");

    // The bank says that it paid what it had refused: that is told, and nothing is noted as paid.
    assert!(bank(&house, &operator, &serial, "ACSC").await.contains("refused before"));
    assert!(!browser.get(&path).await.text.contains("银行已付款"));
    // Refused once more, and paid in the end.
    assert!(bank(&house, &operator, &second, "RJCT").await.contains("NOT PAID"));
    let third = format!("{serial}-3");
    assert!(again(&second, "王出纳").await.expect("proposed").contains(&third));
    operator.confirm_payment(&third, "0999", "李会计").await.expect("ordered");
    assert!(bank(&house, &operator, &third, "ACSC").await.contains("paid"));
    assert!(browser.get(&path).await.text.contains("银行已付款"));
    assert!(bank(&house, &operator, &third, "ACSC").await.contains("no withdrawal waits"), "noted once");

    // A statement shows later that it came back.
    assert!(operator.payment_refused(&third, "", "李会计").await.is_err(), "why is said");
    operator.payment_refused(&third, "2026-12-01 退汇：户名不符", "李会计").await.expect("noted");
    assert!(operator.payment_refused(&third, "退汇", "王出纳").await.is_err(), "once");
    assert!(browser.get(&path).await.text.contains("银行没有付成"));
}

#[tokio::test]
async fn a_proposal_that_was_changed_is_not_what_the_other_clerk_confirms() {
    let house = House::new().await;
    let (_, _, serial) = ordered(&house).await;
    let operator = house.operator().await;
    bank(&house, &operator, &serial, "RJCT").await;
    let second = format!("{serial}-2");
    let (card, wrong) = (house.file("card", CARD), house.file("wrong", b"6228480000000000777"));
    operator.pay_again(&serial, "示范农商银行", CODE, &wrong, "李会计").await.expect("proposed");
    operator.pay_again(&serial, "示范农商银行", CODE, &card, "王出纳").await.expect("put right");
    assert!(operator.confirm_payment(&second, "0777", "李会计").await.is_err(), "no longer that one");
    assert!(operator.confirm_payment(&second, "0999", "王出纳").await.is_err(), "who gave it last does not confirm it");
    operator.confirm_payment(&second, "0999", "李会计").await.expect("ordered");
    assert_eq!(house.payments().iter().filter(|one| one.contains("6228480000000000777")).count(), 0);
}
