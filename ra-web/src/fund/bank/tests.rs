use super::*;
use crate::statement::code::{Kind, codes_in};

const NOW: Timestamp = Timestamp::from_unix(1_795_500_000);

fn line(payer: &str, memo: &str) -> BankLine {
    BankLine {
        number: "L1".into(),
        statement: "S1".into(),
        account: "130500".into(),
        serial: Some("A1".into()),
        fingerprint: Sha256([1; 32]),
        day: NOW.beijing_day(),
        amount: Fen::new(178_156),
        payer: payer.into(),
        payer_account: "62220001".into(),
        memo: memo.into(),
        state: LineState::Received,
        actor: "system".into(),
        moved: NOW,
        version: 1,
    }
}

fn unit(account: &str, name: &str) -> Payer {
    Payer { account: account.parse().expect("an account"), name: name.into() }
}

fn code(n: u8) -> String {
    let mut all = (0..10).map(|check| format!("GJ1234567{n}{check}"));
    all.find(|text| text.parse::<crate::statement::code::RemittanceCode>().is_ok()).expect("one of ten")
}

#[test]
fn a_code_says_whose_money_it_is_and_everything_else_is_asked() {
    let (lake, hill) = (unit("0210000001", "东湖建筑（示范）公司"), unit("0210000002", "南岭医院"));
    let judged = |payer: &str, memo: &str, coded: &[Payer], noted: &[Payer], named: &[Payer]| {
        judge(&line(payer, memo), &codes_in(Kind::Fund, memo), coded, noted, named)
    };
    let (one, two) = (code(1), code(2));
    let ask = |reason, unit: Option<&Payer>| Verdict::Ask(reason, unit.map(|unit| unit.account.clone()));
    let lakes = std::slice::from_ref(&lake);
    let pays = Verdict::Credit(lake.account.clone());
    assert_eq!(judged("东湖建筑(示范)公司", &one, lakes, &[], &[]), pays);
    assert_eq!(judged("", &one, lakes, &[], &[]), pays, "the bank does not say who");
    assert_eq!(judged("西湖公司", &one, lakes, &[], &[]), ask(Reason::ThirdParty, Some(&lake)));
    assert_eq!(judged("东湖", &format!("{one} {two}"), lakes, &[], &[]), ask(Reason::Several, Some(&lake)));
    assert_eq!(judged("西湖", &one, &[], &[], &[]), ask(Reason::UnknownCode, None), "a code of nobody's");
    assert_eq!(judged("西湖", "公积金", &[], &[], &[]), ask(Reason::NoCode, None));
    assert_eq!(judged("西湖", "0210000001 公积金", &[], lakes, &[]), ask(Reason::Account, Some(&lake)));
    assert_eq!(judged("东湖", "公积金", &[], &[], lakes), ask(Reason::Name, Some(&lake)));
    assert_eq!(judged("东湖", "0210000001", &[], lakes, lakes), ask(Reason::Name, Some(&lake)));
    assert_eq!(judged("东湖", "0210000002", &[], std::slice::from_ref(&hill), lakes), ask(Reason::Several, None));
    assert_eq!(judged("东湖", "公积金", &[], &[], &[lake.clone(), hill]), ask(Reason::Several, None));
}

#[test]
fn names_and_accounts_are_found_as_banks_write_them() {
    assert_eq!(spellings("东湖 建筑(示范)公司")[2], "东湖建筑（示范）公司");
    let found = accounts_in("公积金０２１０００００01，2026年11月 130500 x 123");
    let found: Vec<&str> = found.iter().map(AccountNumber::as_str).collect();
    assert_eq!(found, ["0210000001", "130500"]);
}

#[test]
fn a_line_is_dealt_with_once_and_goes_back_only_to_where_it_came_from() {
    let to = || "0210000001".parse::<AccountNumber>().expect("an account");
    let credited = line("东湖", "").credit(to(), None, "system", NOW).expect("credited");
    assert_eq!(credited.clone().credit(to(), None, "clerk", NOW), Err(LineFault::State));
    assert_eq!(credited.sent_back("OUT-0001", "clerk", NOW), Err(LineFault::State));
    assert_eq!(line("东湖", "").sent_back("OUT-0001", "clerk", NOW), Err(LineFault::State), "nobody looked yet");
    let asked = line("西湖", "").ask(Reason::NoCode, None, NOW).expect("asked");
    assert_eq!(asked.clone().ask(Reason::NoCode, None, NOW), Err(LineFault::State));
    assert_eq!(asked.clone().sent_back("x", "clerk", NOW), Err(LineFault::Reference));
    let nowhere = BankLine { payer_account: String::new(), ..asked.clone() };
    assert_eq!(nowhere.sent_back("OUT-0001", "clerk", NOW), Err(LineFault::NoAccount));
    let back = asked.clone().sent_back("OUT-0001", "clerk", NOW).expect("sent back");
    assert_eq!(back.credit(to(), None, "clerk", NOW), Err(LineFault::State));
    assert!(asked.credit(to(), None, "clerk", NOW).is_ok());
}
