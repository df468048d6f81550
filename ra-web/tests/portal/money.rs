//! Money by bank, months that are made up, and what is undone, as unit and operator see it.

use ra_web::fund::FundStore as _;
use ra_web::fund::account::AccountNumber;
use ra_web::fund::amounts::Fen;
use ra_web::fund::books::PersonAccount;

use crate::business::{ACCOUNT, books, drafted, logged_in, signed};
use crate::client::Browser;
use crate::house::{House, UNIT};

const HEAD: &str = "本方账号,1305000022223333\n交易日期,流水号,贷方发生额,借方发生额,对方户名,对方账号,附言\n";

pub(crate) fn statement(rows: &[String]) -> Vec<u8> {
    encoding_rs::GBK.encode(&format!("{HEAD}{}\n", rows.join("\n"))).0.into_owned()
}

pub(crate) fn row(serial: &str, amount: Fen, payer: &str, memo: &str) -> String {
    format!("2026-11-24,{serial},{},,{payer},62220001,{memo}", amount.plain())
}

/// The code on an operation's page, as a payer copies it.
async fn code(browser: &mut Browser, path: &str) -> String {
    let page = browser.get(path).await;
    let rest = page.text.split("id=\"pay-code\">").nth(1).expect("a code");
    rest.split('<').next().unwrap_or_default().to_owned()
}

/// The demonstration's unit after a month that took most of its suspense account, logged in when the next one is due.
async fn poor(house: &House) -> (Browser, crate::pki::Made) {
    let (mut browser, token) = logged_in(house).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    assert_eq!(signed(&mut browser, house, &token, &path).await.status, 303);
    house.clock.advance(3_600);
    logged_in(house).await
}

/// A house shortly before the end of November: the next month is an hour away.
async fn late_in_november() -> House {
    let last = ra_web::fund::account::day("2026-11-30").expect("a day").last_second();
    House::at(last.plus(-600), None, "http://127.0.0.1:17080").await
}

/// A month by transfer that was signed: its address, and how much is due.
async fn waiting(browser: &mut Browser, house: &House, token: &crate::pki::Made) -> (String, Fen) {
    let (unit, people) = books(house).await;
    let due = people.iter().filter(|one| one.is_due(unit.next_month())).map(PersonAccount::monthly).sum::<Fen>();
    let month = unit.next_month().to_string();
    let path = drafted(browser, "remit", &[("month", &month), ("pay", "transfer")]).await;
    assert_eq!(signed(browser, house, token, &path).await.status, 303);
    (path, due)
}

#[tokio::test]
async fn a_transfer_with_its_code_is_booked_at_once_and_a_file_or_line_counts_once() {
    let house = late_in_november().await;
    let (mut browser, token) = poor(&house).await;
    let (before, _) = books(&house).await;
    // Some money is in suspense; what is missing is paid in two parts, and a fen more.
    let (path, due) = waiting(&mut browser, &house, &token).await;
    let page = browser.get(&path).await;
    for said in ["1305 0000 2222 3333", "示范银行营业部", "缴款识别码"] {
        assert!(page.text.contains(said), "{said}");
    }
    let code = code(&mut browser, &path).await;
    let operator = house.operator().await;
    let (short, rest) = (Fen::new(100), due - before.suspense - Fen::new(99));
    let first = house.file("1.csv", &statement(&[row("B1", short, UNIT, &code)]));
    let said = operator.statements(std::slice::from_ref(&first)).await.expect("taken");
    assert!(said.contains("in suspense"), "{said}");
    assert_eq!(books(&house).await.0.suspense, before.suspense + short, "short: it waits");
    assert!(browser.get(&path).await.text.contains("等待款项到账"));
    // The next export overlaps the one before.
    let lines = [row("B1", short, UNIT, &code), row("B2", rest, UNIT, &format!("11月公积金 {}", code.to_lowercase()))];
    let second = house.file("2.csv", &statement(&lines));
    let said = operator.statements(std::slice::from_ref(&second)).await.expect("taken");
    assert!(said.contains("1 new lines, 1 known before") && said.contains("booked"), "{said}");
    let (after, _) = books(&house).await;
    assert_eq!((after.paid_through, after.suspense), (Some(before.next_month()), Fen::new(1)), "what is over stays");
    let receipt = browser.get(&path).await;
    for said in ["款项已到", "已分配", "已入账"] {
        assert!(receipt.text.contains(said), "{said}");
    }
    for file in [&first, &second] {
        let said = operator.statements(std::slice::from_ref(file)).await.expect("known");
        assert!(said.contains("nothing was done"), "{said}");
    }
    assert_eq!(books(&house).await.0, after);
    // Money under the code of what is booked is the unit's all the same.
    let late = house.file("3.csv", &statement(&[row("B3", Fen::new(500), "", &code)]));
    operator.statements(&[late]).await.expect("taken");
    assert_eq!(books(&house).await.0.suspense, Fen::new(501));
    // A faulty file is refused whole, each row named; another bank's account too.
    let faulty = statement(&[row("B4", Fen::new(1), UNIT, &code), "2026-13-24,B5,1.00,,x,1,y".into()]);
    let error = operator.statements(&[house.file("4.csv", &faulty)]).await.expect_err("refused").to_string();
    assert!(error.contains("nothing of it was taken") && error.contains("row 4: day"), "{error}");
    let other = HEAD.replace("22223333", "44445555") + "2026-11-24,B6,1.00,,x,1,y\n";
    let error = operator.statements(&[house.file("5.csv", other.as_bytes())]).await.expect_err("refused").to_string();
    assert!(error.contains("another account"), "{error}");
    assert_eq!(books(&house).await.0.suspense, Fen::new(501));
}

#[tokio::test]
async fn what_has_no_code_waits_for_a_clerk_and_goes_to_a_unit_or_back_where_it_came_from() {
    let house = late_in_november().await;
    let (mut browser, token) = poor(&house).await;
    let (path, due) = waiting(&mut browser, &house, &token).await;
    let code = code(&mut browser, &path).await;
    let (before, _) = books(&house).await;
    let operator = house.operator().await;
    // By hand first: the statement does not count it again.
    operator.receive(ACCOUNT, "1.00", "BH-1").await.expect("received");
    let lines = [
        row("BH1", Fen::new(100), UNIT, &code),
        row("BH2", Fen::new(200), UNIT, "公积金"),
        row("BH3", due, "西湖劳务派遣公司", &code),
        row("BH4", Fen::new(300), "西湖公司", "货款"),
        row("BH5", Fen::new(400), "西湖公司", &format!("代缴 {ACCOUNT}")),
        row("BH6", Fen::new(600), "西湖公司", "GJ000000000"),
        "2026-11-24,BH7,,50.00,手续费,,账户管理费".into(),
    ];
    let said = operator.statements(&[house.file("1.csv", &statement(&lines))]).await.expect("taken");
    for (serial, wanted) in
        ["0210000001, in suspense", "(name)", "(third-party)", "(no-code)", "(account)", "(unknown-code)", "went"]
            .iter()
            .enumerate()
    {
        let line = said.lines().nth(serial + 1).unwrap_or_default();
        assert!(line.ends_with(wanted), "{wanted}: {said}");
    }
    assert_eq!(books(&house).await.0.suspense, before.suspense + Fen::new(100), "only what is certain");
    let waiting = operator.lines().await.expect("listed");
    assert_eq!(waiting.lines().count(), 5, "{waiting}");
    let number = |word: &str| {
        let line = waiting.lines().find(|line| line.contains(word)).expect("the line");
        line.split_whitespace().next().unwrap_or_default().to_owned()
    };
    let (third, lost, named) = (number("third-party"), number("no-code"), number("(name)"));
    assert!(operator.assign(&third, ACCOUNT, "").await.is_err(), "somebody answers for it");
    assert!(operator.assign(&third, "0210009999", "李会计").await.is_err());
    let done = operator.assign(&third, ACCOUNT, "李会计").await.expect("assigned");
    assert!(done.contains("booked"), "{done}");
    assert!(operator.assign(&third, ACCOUNT, "李会计").await.is_err(), "once");
    assert!(browser.get(&path).await.text.contains("已入账"));
    operator.assign(&named, ACCOUNT, "李会计").await.expect("assigned");
    // Money leaves by two.
    let alone = operator.sent_back(&lost, "OUT-20261124-1", "李会计").await.expect_err("nobody asked");
    assert!(alone.to_string().contains("no clerk has asked"), "{alone}");
    operator.send_back(&lost, false, "李会计").await.expect("asked");
    let same = operator.sent_back(&lost, "OUT-20261124-1", "李 会计").await.expect_err("the same clerk");
    assert!(same.to_string().contains("another clerk"), "{same}");
    let meanwhile = operator.assign(&lost, ACCOUNT, "王出纳").await.expect_err("about to go");
    assert!(meanwhile.to_string().contains("asked that it be sent back"), "{meanwhile}");
    assert!(operator.lines().await.expect("listed").contains("clerk:李会计 asks that it be sent back"));
    operator.send_back(&lost, true, "王出纳").await.expect("not after all");
    assert!(operator.sent_back(&lost, "OUT-20261124-1", "王出纳").await.is_err(), "nobody asks any more");
    operator.send_back(&lost, false, "李会计").await.expect("asked again");
    let back = operator.sent_back(&lost, "OUT-20261124-1", "王出纳").await.expect("sent back");
    assert!(operator.sent_back(&lost, "OUT-20261124-2", "王出纳").await.is_err(), "once");
    assert!(operator.send_back(&lost, false, "李会计").await.is_err(), "it is gone");
    assert!(back.contains("sent back, OUT-20261124-1"), "{back}");
    assert!(operator.assign(&lost, ACCOUNT, "李会计").await.is_err(), "it is gone");
    let (after, _) = books(&house).await;
    assert_eq!(after.suspense, before.suspense + Fen::new(300));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../ra-web/demo/import/statement-gbk.csv");
    let said = operator.statements(&[sample.into()]).await.expect("the demonstration's");
    assert!(said.contains("whose? 0210000002 perhaps (name)") && said.contains("(no-code)"), "{said}");
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let entries = tx.audit_entries(0, 500).await.expect("read");
    let told: Vec<String> = entries.iter().map(|entry| String::from_utf8_lossy(entry).into_owned()).collect();
    assert!(
        told.iter().any(|entry| entry.contains("clerk:王出纳")
            && entry.contains("OUT-20261124-1")
            && entry.contains("asked_by")),
        "{told:?}"
    );
}

#[tokio::test]
async fn money_is_kept_when_the_books_moved_so_that_it_cannot_be_booked_as_signed() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (path, due) = waiting(&mut browser, &house, &token).await;
    // At the counter one employee is sealed meanwhile.
    let (unit, people) = books(&house).await;
    let account: AccountNumber = ACCOUNT.parse().expect("an account");
    let database = house.database().await;
    let mut tx = database.begin().await.expect("begun");
    let today = house.now().beijing_day();
    let policy = tx.policy_at(today).await.expect("read").expect("a policy");
    let clerk = ra_web::fund::books::Clerk { policy: &policy, today, serial: "COUNTER-1" };
    let booking = clerk.seal(unit.clone(), people[0].clone(), "left").expect("sealed");
    tx.book(&booking, &[], house.now()).await.expect("booked");
    tx.commit().await.expect("kept");
    let hall = house.hall().await;
    assert!(hall.receive(&account, due, "B1", house.now()).await.expect("received"));
    let (after, _) = books(&house).await;
    assert_eq!((after.suspense, after.paid_through), (unit.suspense + due, unit.paid_through));
    let page = browser.get(&path).await;
    assert!(page.text.contains("账簿在签名后有变动") && page.text.contains("取消这笔业务"), "{}", page.text);
    assert_eq!(browser.post(&format!("{path}/cancel"), &[]).await.status, 303);
    let month = unit.next_month().to_string();
    let again = drafted(&mut browser, "remit", &[("month", &month), ("pay", "suspense")]).await;
    assert_eq!(signed(&mut browser, &house, &token, &again).await.status, 303);
    assert_eq!(books(&house).await.0.paid_through, Some(unit.next_month()));
}

#[tokio::test]
async fn months_are_made_up_by_a_list_and_by_transfer_and_a_faulty_line_stops_the_list() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (before, people) = books(&house).await;
    let [first, second] = [&people[0], &people[1]];
    let list =
        |lines: &[String]| format!("个人账号,姓名,所属年月,单位部分,个人部分,补缴类型,说明\n{}\n", lines.join("\n"));
    let line = |who: &PersonAccount, month: &str, kind: &str| {
        format!("{},{},{month},10.50,10.50,{kind},基数少报", who.number, who.person.name)
    };
    let pay = [("pay", "transfer")];
    for (lines, said) in [
        (vec![line(first, "2026-10", "差额"), line(second, "2026-12", "差额")], "补缴年月不能晚于"),
        (vec![line(first, "2026-10", "整月")], "已经缴存"),
        (vec![line(first, "2026-10", "差额"), line(first, "2026-10", "差额")], "已经缴存"),
        (vec![format!("{},{},2026-10,10,10,差额,少报", first.number, second.person.name)], "不符"),
        (vec!["030000009999,,2026-10,10,10,差额,少报".to_owned()], "没有这个个人账号"),
        (vec![format!("{},,2026-10,9999,10,差额,少报", first.number)], "不能超过"),
        (vec![format!("{},,2026-10,0,0,差额,少报", first.number)], "大于零"),
        (vec![format!("{},,2026-10,10,10,差额,", first.number)], "2 个字以上"),
    ] {
        let page = browser.send_list("/business/make-up/list", &pay, "b.csv", list(&lines).as_bytes()).await;
        assert!(page.status == 422 && page.text.contains(said), "{said}: {} {}", page.status, page.text);
    }
    assert_eq!(books(&house).await.0, before);
    let lines = [line(second, "2026-10", "差额"), line(first, "2026-09", "差额"), line(second, "2026-09", "差额")];
    let gbk = encoding_rs::GBK.encode(&list(&lines)).0.into_owned();
    let page = browser.send_list("/business/make-up/list", &pay, "b.csv", &gbk).await;
    let path = page.location.unwrap_or_else(|| panic!("a document: {}", page.text));
    let page = browser.get(&path).await;
    for said in ["63.00", "陆拾叁元整", "银行转账", "基数少报", "2026-09"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert_eq!(signed(&mut browser, &house, &token, &path).await.status, 303);
    assert_eq!(books(&house).await.0, before, "nothing is booked before its money is there");
    let code = code(&mut browser, &path).await;
    let file = house.file("1.csv", &statement(&[row("M1", Fen::new(6_300), UNIT, &code)]));
    house.operator().await.statements(&[file]).await.expect("taken");
    let (after, now) = books(&house).await;
    assert_eq!((after.balance - before.balance, after.suspense), (Fen::new(6_300), before.suspense));
    assert_eq!(now[1].balance() - second.balance(), Fen::new(4_200));
    assert!(browser.get(&path).await.text.contains("已入账"));
    // The template has the employees in it.
    let template = browser.get("/business/make-up/template.xlsx").await;
    assert!(template.status == 200 && template.bytes.starts_with(b"PK"));
}

#[tokio::test]
async fn whatever_was_signed_is_undone_by_a_reversal_or_says_why_not() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (before, people) = books(&house).await;
    let number = people[0].number.to_string();
    let signed_act = async |browser: &mut Browser, act: &str, fields: &[(&str, &str)]| {
        let path = drafted(browser, act, fields).await;
        let page = signed(browser, &house, &token, &path).await;
        assert_eq!(page.status, 303, "{act}: {}", page.text);
        path
    };
    let unit_fields = [
        ("address", "示范市东湖区建设大街20号"),
        ("handler", "周晓燕"),
        ("handler_mobile", "13800000001"),
        ("payday", "15"),
        ("bank", "示范银行东湖支行"),
    ];
    let person_fields = [("number", number.as_str()), ("mobile", "13911112222"), ("address", "建设大街1号")];
    let newcomer = [
        ("name", "郑小满"),
        ("id_kind", "01"),
        ("id_number", "11010519491231002X"),
        ("mobile", "13900000001"),
        ("base", "2500"),
        ("starts", "2026-11"),
    ];
    let acts: [(&str, &[(&str, &str)]); 6] = [
        ("change-unit", &unit_fields),
        ("change-person", &person_fields),
        ("open", &newcomer),
        ("rebase", &[("number", number.as_str()), ("base", "6100")]),
        ("seal", &[("number", number.as_str()), ("reason", "leave")]),
        ("unseal", &[("number", number.as_str()), ("base", "6200")]),
    ];
    let mut done = Vec::new();
    for (act, fields) in acts {
        done.push((act, signed_act(&mut browser, act, fields).await));
        books(&house).await;
    }
    // What something later stands on says so, and offers nothing.
    let seal = &done[4].1;
    let page = browser.get(seal).await;
    assert!(page.text.contains("后来又有变更") && !page.text.contains("/business/reverse"), "{}", page.text);
    let serial = seal.trim_start_matches("/operations/");
    let refused = browser.post("/business/reverse", &[("serial", serial), ("words", "录错了")]).await;
    assert!(refused.status == 422 && refused.text.contains("后来又有变更"));
    for (act, path) in done.iter().rev() {
        let page = browser.get(path).await;
        assert!(page.text.contains("/business/reverse?serial="), "{act}: {}", page.text);
        let serial = path.trim_start_matches("/operations/");
        let undo = signed_act(&mut browser, "reverse", &[("serial", serial), ("words", "录入有误")]).await;
        books(&house).await;
        assert!(browser.get(path).await.text.contains("已冲销"), "{act}");
        let page = browser.get(&undo).await;
        assert!(page.text.contains("已入账") && !page.text.contains("/business/reverse?serial="), "{act}");
        let voucher = browser.post(&format!("{undo}/voucher"), &[]).await;
        assert!(voucher.text.starts_with("%PDF"), "{act}");
    }
    let (after, now) = books(&house).await;
    assert_eq!(
        (after.active_heads, after.sealed_heads, after.address),
        (before.active_heads, before.sealed_heads, before.address)
    );
    let (was, is) = (&people[0], now.iter().find(|one| one.number == people[0].number).expect("there"));
    assert_eq!((is.status, is.base, is.unit_share, is.rebased), (was.status, was.base, was.unit_share, was.rebased));
    assert_eq!((&is.person.mobile, &is.person.address), (&was.person.mobile, &was.person.address));
    let changes = browser.get("/changes").await;
    assert!(changes.text.contains("冲账：") && changes.text.contains("开户（基数）"), "{}", changes.text);
    // Who was opened by mistake can be opened again; and once paid for, the opening stands.
    let again = signed_act(&mut browser, "open", &newcomer).await;
    signed_act(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    assert!(browser.get(&again).await.text.contains("账户已有缴款"), "paid into");
}
