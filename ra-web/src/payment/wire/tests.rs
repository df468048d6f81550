//! Lines and their bills, and who may move a line.

use ca_core::domain::OfficerId;

use super::*;
use crate::enrolment::intake::hash_of;
use crate::payment::bill::tests::{NOW, bill};
use crate::payment::remittance::{Remittance, RemittanceCode, codes_in};

pub(crate) fn finance(id: &str, office: &str) -> Officer {
    Officer {
        id: OfficerId::new(id).expect("an id"),
        name: id.to_owned(),
        office: OfficeId::new(office).expect("an office"),
        roles: Vec::new(),
    }
}

pub(crate) fn line(amount: Fen, payer: &str, memo: &str) -> BankLine {
    let day = NOW.beijing_day();
    BankLine {
        number: LineNumber::new(day, 1),
        statement: StatementNumber::new(day, 1),
        n: 1,
        office: OfficeId::new("demo-office").expect("an office"),
        account: "1305000011112222".into(),
        serial: Some("A1".into()),
        fingerprint: hash_of(b"one"),
        day,
        amount,
        payer: payer.to_owned(),
        payer_account: "130502101234".into(),
        memo: memo.to_owned(),
        state: LineState::Received,
        created: NOW,
        version: 1,
    }
}

fn code() -> RemittanceCode {
    let text = (0..10).map(|check| format!("XT12345678{check}")).find_map(|text| text.parse().ok());
    text.expect("one of ten is right")
}

#[test]
fn code_and_amount_pay_and_everything_else_is_named() {
    let (open, memo) = (bill(), code().to_string());
    let judged = |line: &BankLine, bill: Bill, alike: &[Bill]| {
        let codes = codes_in(&line.memo);
        let known: Vec<(Remittance, Bill)> = codes
            .good
            .iter()
            .filter(|found| **found == code())
            .map(|_| (Remittance::of(&bill, code(), NOW), bill.clone()))
            .collect();
        judge(line, &codes, &known, alike)
    };
    let number = open.number.clone();
    let suspense = |reason, bill: bool| Verdict::Suspense(reason, bill.then(|| number.clone()));
    let paid = || open.clone().pay(NOW).expect("paid");
    let lapsed = || open.clone().lapse(open.due).expect("lapsed");
    let (all, unit) = (Fen::yuan(460), "东湖");
    let pays = Verdict::Pays(number.clone());
    assert_eq!(judged(&line(all, unit, &memo), open.clone(), &[]), pays);
    assert_eq!(judged(&line(all, " 东 湖 ", &memo.to_lowercase()), open.clone(), &[]), pays);
    assert_eq!(judged(&line(all, "", &memo), open.clone(), &[]), pays, "the bank does not say who");
    assert_eq!(judged(&line(all, unit, &memo), lapsed(), &[]), pays, "late money is taken");
    for (amount, payer, bill, reason) in [
        (Fen::yuan(459), unit, open.clone(), Reason::Short),
        (Fen::yuan(461), unit, open.clone(), Reason::Over),
        (all, unit, paid(), Reason::Double),
        (all, "西湖", open.clone(), Reason::ThirdParty),
    ] {
        assert_eq!(judged(&line(amount, payer, &memo), bill, &[]), suspense(reason, true));
    }
    let other = (0..10).map(|n| format!("XT00000000{n}")).find(|text| text.parse::<RemittanceCode>().is_ok());
    let other = other.expect("one of ten is right");
    let two = format!("{memo} {other}");
    assert_eq!(judged(&line(all, unit, &two), open.clone(), &[]), suspense(Reason::SeveralCodes, true));
    assert_eq!(judged(&line(all, unit, &other), open.clone(), &[]), suspense(Reason::UnknownCode, false));
    let alike = |bills: &[Bill]| judged(&line(all, unit, "证书费"), open.clone(), bills);
    assert_eq!(alike(&[]), suspense(Reason::NoCode, false));
    assert_eq!(alike(std::slice::from_ref(&open)), Verdict::Proposed(number.clone()));
    assert_eq!(alike(&[open.clone(), lapsed()]), Verdict::Proposed(number.clone()));
    assert_eq!(alike(&[open.clone(), open.clone()]), suspense(Reason::Ambiguous, false));
    assert_eq!(alike(&[lapsed()]), suspense(Reason::Lapsed, true));
    assert_eq!(alike(&[paid()]), suspense(Reason::NoCode, false));
}

#[test]
fn money_goes_back_by_two_people_to_the_account_it_came_from() {
    let (one, two, other) =
        (finance("liufang", "demo-office"), finance("wangqiang", "demo-office"), finance("zhoujun", "other-office"));
    let lost = || line(Fen::yuan(7), "西湖", "").suspend(Reason::NoCode, None).expect("suspended");
    assert_eq!(lost().ask_return(&other, "no".into(), NOW).err(), Some(Forbidden::OtherOffice.into()));
    let nowhere = BankLine { payer_account: String::new(), ..lost() };
    assert_eq!(nowhere.ask_return(&one, "no".into(), NOW).err(), Some(MoneyFault::NoAccount));
    let asked = lost().ask_return(&one, "nobody's".into(), NOW).expect("asked");
    assert_eq!(asked.clone().approve_return(&one, NOW).err(), Some(Forbidden::SameOfficer.into()));
    assert_eq!(asked.clone().decline_return(&one).err(), Some(Forbidden::SameOfficer.into()));
    assert!(asked.clone().returned(&one, "OUT-0001", NOW).is_err(), "nobody sends what one alone wants");
    assert_eq!(asked.clone().decline_return(&two).expect("declined").state.word(), "suspense");
    let approved = asked.approve_return(&two, NOW).expect("approved");
    assert_eq!(approved.clone().returned(&one, "1", NOW).err(), Some(MoneyFault::Reference));
    let back = approved.returned(&one, "OUT-0001", NOW).expect("sent");
    assert_eq!(back.clone().ask_return(&one, "again".into(), NOW).err().map(MoneyFault::word), Some("state"));
    assert_eq!(back.state.word(), "returned");
}

#[test]
fn a_bill_is_paid_in_full_by_whoever_may_say_so() {
    let (one, other, day) = (finance("liufang", "demo-office"), finance("zhoujun", "other-office"), NOW.beijing_day());
    let id = || PaymentId::new(day, 1);
    let all = || line(Fen::yuan(460), "西湖", "");
    assert!(all().matched(&bill(), id(), None, NOW).is_ok());
    let held = || all().suspend(Reason::ThirdParty, None).expect("suspended");
    assert!(held().matched(&bill(), id(), None, NOW).is_err(), "what was put aside needs a person");
    assert!(held().matched(&bill(), id(), Some(&one), NOW).is_ok());
    assert_eq!(held().matched(&bill(), id(), Some(&other), NOW).err(), Some(Forbidden::OtherOffice.into()));
    let short = line(Fen::yuan(459), "东湖", "").suspend(Reason::Short, None).expect("suspended");
    assert_eq!(short.matched(&bill(), id(), Some(&one), NOW).err(), Some(MoneyFault::TooLittle));
    assert!(held().clear(Account::Cash, &one, NOW).is_err());
    assert!(held().clear(Account::PosTransit, &one, NOW).is_ok());
}
