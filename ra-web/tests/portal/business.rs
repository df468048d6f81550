//! What a payroll clerk does each month: fill in, look, sign, and have it in the books; and what stops it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::{CertificateStatus, RevocationReason};
use ra_web::fund::amounts::Fen;
use ra_web::fund::book_store::{EntryFilter, PeopleFilter};
use ra_web::fund::books::PersonAccount;
use ra_web::fund::{FundStore as _, evidence};

use crate::client::{Browser, Page};
use crate::house::House;
use crate::pki::Made;

pub(crate) const ACCOUNT: &str = "0210000001";

/// Fills a form in; answers the address of the document.
pub(crate) async fn drafted(browser: &mut Browser, act: &str, fields: &[(&str, &str)]) -> String {
    let page = browser.post(&format!("/business/{act}"), fields).await;
    assert_eq!(page.status, 303, "{}", page.text);
    page.location.expect("a document")
}

/// Signs the document at an address with a token; answers the page that comes then.
pub(crate) async fn signed(browser: &mut Browser, house: &House, token: &Made, path: &str) -> Page {
    let page = browser.get(path).await;
    let statement = URL_SAFE_NO_PAD.decode(page.field("statement")).expect("base64url");
    let signature = token.sign(&statement, house.now());
    browser.post(&format!("{path}/sign"), &[("statement", ""), ("signature", &signature)]).await
}

/// The unit as the books have it, after looking whether they add up.
pub(crate) async fn books(house: &House) -> (ra_web::fund::account::Unit, Vec<PersonAccount>) {
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let unit = tx.unit(&ACCOUNT.parse().expect("an account")).await.expect("read").expect("there");
    let people = tx.people(&unit.account, &PeopleFilter::default(), "", 500).await.expect("read");
    let day = |text| ra_web::fund::account::day(text).expect("a day");
    let ever = EntryFilter { from: day("1991-01-01"), to: day("2099-01-01"), kind: None };
    let entries = tx.unit_entries(&unit.account, &ever, i64::MAX, 500).await.expect("read");
    assert_eq!(unit.balance, people.iter().map(PersonAccount::balance).sum::<Fen>(), "unit = sum of persons");
    assert_eq!(unit.balance, entries.iter().map(|entry| entry.amount + entry.interest).sum::<Fen>());
    assert_eq!(unit.suspense, entries.iter().map(|entry| entry.suspense).sum::<Fen>());
    (unit, people)
}

pub(crate) async fn logged_in(house: &House) -> (Browser, Made) {
    let token = house.unit();
    let mut browser = house.browser();
    let page = browser.log_in(&token, house.now()).await;
    assert_eq!(page.status, 303, "{}", page.text);
    (browser, token)
}

#[tokio::test]
async fn a_month_is_remitted_signed_booked_printed_proved_offline_and_reversed() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (before, _) = books(&house).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    assert!(browser.get(&path).await.text.contains("合计大写"));
    let page = signed(&mut browser, &house, &token, &path).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some(path.as_str())), "{}", page.text);
    let receipt = browser.get(&path).await;
    for said in ["已入账", "校验码", "打印凭证", "款项已到", "已分配"] {
        assert!(receipt.text.contains(said), "{said}");
    }
    let (after, _) = books(&house).await;
    assert_eq!(after.paid_through.map(|month| month.to_string()).as_deref(), Some("2026-11"));
    assert_eq!(after.balance - before.balance, before.suspense - after.suspense);

    let serial = path.trim_start_matches("/operations/").to_owned();
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let operation = tx.operation(&after.account, &serial).await.expect("read").expect("there");
    drop(tx);

    // The evidence proves itself, and nothing when it was changed.
    let packed = evidence::pack(&operation, None).expect("packed").expect("signed");
    if let Some(folder) = std::env::var_os("YINXIN_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("evidence.zip"), &packed).expect("written");
        std::fs::copy(house.pki.root_file(), std::path::Path::new(&folder).join("root.cer")).expect("copied");
        std::fs::copy(house.pki.issuing_file(), std::path::Path::new(&folder).join("issuing.cer")).expect("copied");
    }
    let proven = evidence::verify(&packed, &house.pki.anchors(), &house.pki.anchors()).expect("proven");
    assert_eq!((proven.transaction.id.to_string(), proven.status_at.is_some()), (serial.clone(), true));
    let mut forged = operation.clone();
    forged.list = b"[]".to_vec();
    let forged = evidence::pack(&forged, None).expect("packed").expect("signed");
    assert!(matches!(
        evidence::verify(&forged, &house.pki.anchors(), &house.pki.anchors()),
        Err(evidence::Fault::List)
    ));
    let strangers = crate::pki::Pki::new();
    assert!(matches!(
        evidence::verify(&packed, &strangers.anchors(), &strangers.anchors()),
        Err(evidence::Fault::Chain(_))
    ));

    // Undone, by entries of its own.
    let undo = drafted(&mut browser, "reverse", &[("serial", &serial), ("words", "金额有误")]).await;
    assert_eq!(signed(&mut browser, &house, &token, &undo).await.status, 303);
    let (undone, _) = books(&house).await;
    assert_eq!(
        (undone.balance, undone.suspense, undone.paid_through),
        (before.balance, before.suspense, before.paid_through)
    );
    assert!(browser.get(&path).await.text.contains("已冲销"));
    let again = browser.post("/business/reverse", &[("serial", &serial), ("words", "再来一次")]).await;
    assert!(again.status == 422 && again.text.contains("已经冲销"));
}

#[tokio::test]
async fn a_certificate_revoked_between_two_clicks_stops_the_transaction() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (before, _) = books(&house).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    let (since, reason) = (house.now(), RevocationReason::KeyCompromise);
    house.responder.say(&token.serial, CertificateStatus::Revoked { since, reason });
    let page = signed(&mut browser, &house, &token, &path).await;
    assert!(page.status == 403 && page.text.contains("证书已吊销"), "{}: {}", page.status, page.text);
    assert_eq!(books(&house).await.0, before);
    assert!(!browser.is_in().await, "the session ends with its certificate");
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let entries = tx.audit_entries(0, 500).await.expect("read");
    let last = String::from_utf8(entries.last().expect("an entry").clone()).expect("JSON");
    assert!(last.contains("fund.refused"), "{last}");
}

#[tokio::test]
async fn only_the_very_document_signed_by_the_very_certificate_is_booked_and_only_once() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    let other = drafted(
        &mut browser,
        "change-unit",
        &[
            ("address", "示范市东湖区建设大街20号"),
            ("handler", "周晓燕"),
            ("handler_mobile", "13800000001"),
            ("payday", "15"),
            ("bank", "示范银行东湖支行"),
        ],
    )
    .await;
    let statement = URL_SAFE_NO_PAD.decode(browser.get(&path).await.field("statement")).expect("base64url");
    let (before, _) = books(&house).await;
    let good = token.sign(&statement, house.now());
    // Over another document, by another certificate, changed, too late.
    let misplaced = browser.post(&format!("{other}/sign"), &[("signature", &good)]).await;
    let second = house.unit();
    let by_another =
        browser.post(&format!("{path}/sign"), &[("signature", &second.sign(&statement, house.now()))]).await;
    let mut broken = STANDARD.decode(&good).expect("base64");
    *broken.last_mut().expect("bytes") ^= 1;
    let changed = browser.post(&format!("{path}/sign"), &[("signature", &STANDARD.encode(&broken))]).await;
    assert_eq!((misplaced.status, by_another.status, changed.status), (422, 422, 422));
    assert_eq!(books(&house).await.0, before);
    assert_eq!(browser.post(&format!("{path}/sign"), &[("signature", &good)]).await.status, 303);
    let (booked, _) = books(&house).await;
    assert_eq!(browser.post(&format!("{path}/sign"), &[("signature", &good)]).await.status, 409, "a replay");
    assert_eq!(books(&house).await.0, booked);
    house.clock.advance(16 * 60);
    let late = signed_late(&mut browser, &house, &token, &other).await;
    assert!(late.status == 422 && late.text.contains("签名时限已过"), "{}", late.text);
    assert_eq!(books(&house).await.0.address, booked.address);
}

/// Signs a document whose page no longer offers it.
async fn signed_late(browser: &mut Browser, house: &House, token: &Made, path: &str) -> Page {
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let serial = path.trim_start_matches("/operations/");
    let operation = tx.operation(&ACCOUNT.parse().expect("an account"), serial).await.expect("read").expect("there");
    drop(tx);
    let signature = token.sign(&operation.document, house.now());
    browser.post(&format!("{path}/sign"), &[("signature", &signature)]).await
}

#[tokio::test]
async fn a_clerk_opens_seals_unseals_rebases_makes_up_and_changes_particulars() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (before, people) = books(&house).await;
    let newcomer: &[(&str, &str)] = &[
        ("name", "郑小满"),
        ("id_kind", "01"),
        ("id_number", "11010519491231002X"),
        ("mobile", "13900000001"),
        ("base", "5678"),
        ("starts", "2026-11"),
    ];
    let path = drafted(&mut browser, "open", newcomer).await;
    let page = browser.get(&path).await;
    assert!(page.text.contains("110105********002X") && !page.text.contains("11010519491231002X"), "masked");
    assert_eq!(signed(&mut browser, &house, &token, &path).await.status, 303);
    let (opened, now) = books(&house).await;
    assert_eq!((opened.active_heads, now.len()), (before.active_heads + 1, people.len() + 1));
    let found = browser.post("/people/find", &[("id", "11010519491231002x")]).await;
    let ledger = found.location.expect("found");
    assert!(ledger.starts_with("/person?number=") && !ledger.contains("1949"), "{ledger}");
    let twice = browser.post("/business/open", newcomer).await;
    assert!(twice.status == 422 && twice.text.contains("不能重复开户"), "{}", twice.text);

    let number = people[0].number.to_string();
    for (act, fields) in [
        ("seal", vec![("number", number.as_str()), ("reason", "leave")]),
        ("unseal", vec![("number", number.as_str()), ("base", "6000")]),
        ("rebase", vec![("number", number.as_str()), ("base", "6200.50")]),
        ("change-person", vec![("number", number.as_str()), ("mobile", "13911112222"), ("address", "建设大街1号")]),
        (
            "make-up",
            vec![
                ("number", number.as_str()),
                ("month", "2026-09"),
                ("month_to", "2026-10"),
                ("unit_part", "10"),
                ("personal_part", "10"),
                ("difference", "yes"),
                ("pay", "suspense"),
                ("words", "基数少报补差"),
            ],
        ),
    ] {
        let path = drafted(&mut browser, act, &fields).await;
        let page = signed(&mut browser, &house, &token, &path).await;
        assert_eq!(page.status, 303, "{act}: {}", page.text);
        books(&house).await;
    }
    let (after, now) = books(&house).await;
    let first = now.iter().find(|account| account.number.as_str() == number).expect("there");
    assert_eq!((first.base.fen(), first.person.mobile.as_str()), (620_050, "13911112222"));
    assert_eq!(after.balance - opened.balance, Fen::new(4_000));
    let changes = browser.get("/changes").await;
    for said in ["停薪留职", "启封", "6,200.50", "郑小满", "139****2222"] {
        assert!(changes.text.contains(said), "{said}");
    }
    let unsealed = browser.post("/business/unseal", &[("number", &number), ("base", "6000")]).await;
    assert!(unsealed.status == 422 && unsealed.text.contains("没有封存"));
}

#[tokio::test]
async fn a_remittance_by_transfer_waits_for_its_money_and_is_booked_when_it_comes() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (before, people) = books(&house).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "transfer")]).await;
    assert_eq!(signed(&mut browser, &house, &token, &path).await.status, 303);
    assert!(browser.get(&path).await.text.contains("等待款项到账"));
    assert_eq!(books(&house).await.0, before, "nothing is booked yet");
    let number = people[0].number.to_string();
    let sealed = browser.post("/business/seal", &[("number", &number), ("reason", "left")]).await;
    assert!(sealed.status == 422 && sealed.text.contains("正在等待到账"), "{}", sealed.text);
    let hall = house.hall().await;
    let account = ACCOUNT.parse().expect("an account");
    let wanted = people.iter().filter(|one| one.is_due(before.next_month())).map(PersonAccount::monthly).sum::<Fen>();
    let rest = wanted - before.suspense;
    let part = if rest > Fen::ZERO { rest } else { Fen::new(1) };
    assert!(hall.receive(&account, part, "BANK-1", house.now()).await.expect("received"));
    assert!(!hall.receive(&account, part, "BANK-1", house.now()).await.expect("known"), "a reference counts once");
    let (after, _) = books(&house).await;
    assert_eq!(after.paid_through, Some(before.next_month()));
    assert_eq!(after.suspense, before.suspense + part - wanted);
    assert!(browser.get(&path).await.text.contains("已入账"));
}

#[tokio::test]
async fn another_units_data_is_reached_by_no_page_and_no_id() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    assert_eq!(signed(&mut browser, &house, &token, &path).await.status, 303);
    let draft = drafted(
        &mut browser,
        "change-person",
        &[("number", "030000000001"), ("mobile", "13911112222"), ("address", "")],
    )
    .await;
    let (_, people) = books(&house).await;
    let (own, name) = (people[0].number.to_string(), people[0].person.name.clone());
    assert!(browser.get(&format!("/person?number={own}")).await.text.contains(&name));

    let second = house.pki.unit_of("示范市第三医院", "12130500401288885B", "HZ-000002");
    house.responder.say(&second.serial, CertificateStatus::Good);
    let mut stranger = house.browser();
    assert_eq!(stranger.log_in(&second, house.now()).await.status, 303);
    let serial = path.trim_start_matches("/operations/").to_owned();
    let mut tried: Vec<String> = Vec::new();
    for (address, status) in [
        (path.clone(), 404),
        (format!("{path}/progress"), 404),
        (format!("{path}/list.xlsx"), 404),
        (format!("{path}/evidence"), 404),
        (draft.clone(), 404),
        (format!("/person?number={own}"), 422),
        (format!("/person?number={own}&file=csv"), 400),
        (format!("/business/seal?number={own}"), 200),
        ("/unit".into(), 200),
        ("/ledger".into(), 200),
        ("/contributions".into(), 200),
        ("/interest".into(), 200),
        ("/people".into(), 200),
        ("/people?file=csv".into(), 200),
        ("/changes".into(), 200),
        ("/business".into(), 200),
        ("/vouchers".into(), 200),
        ("/business/rebase/template.xlsx".into(), 200),
    ] {
        let page = stranger.get(&address).await;
        assert_eq!(page.status, status, "{address}");
        assert!(!page.text.contains(&name) && !page.text.contains("东湖"), "{address}");
        tried.push(address);
    }
    let statement = second.sign(b"x", house.now());
    for (address, fields, status) in [
        (format!("{path}/voucher"), vec![], 404),
        (format!("{draft}/cancel"), vec![], 404),
        (format!("{draft}/sign"), vec![("signature", statement.as_str())], 404),
        ("/business/seal".into(), vec![("number", own.as_str()), ("reason", "left")], 422),
        ("/business/unseal".into(), vec![("number", own.as_str()), ("base", "6000")], 422),
        ("/business/rebase".into(), vec![("number", own.as_str()), ("base", "6000")], 422),
        (
            "/business/change-person".into(),
            vec![("number", own.as_str()), ("mobile", "13911112222"), ("address", "")],
            422,
        ),
        ("/business/reverse".into(), vec![("serial", serial.as_str()), ("words", "冲账")], 404),
        ("/business/rebase/list".into(), vec![], 400),
    ] {
        let page = stranger.post(&address, &fields).await;
        assert_eq!(page.status, status, "{address}: {}", page.text);
        assert!(!page.text.contains(&name), "{address}");
        tried.push(address);
    }
    let found = stranger.post("/people/find", &[("id", "130599197306120145")]).await;
    assert_eq!(found.location.as_deref(), Some("/people?id=unknown"));
    // Whatever route there is was tried.
    let routes = include_str!("../../src/http/fund/mod.rs").split(".route(\"").skip(1);
    for route in routes.map(|rest| rest.split('"').next().unwrap_or_default()) {
        let pieces = |path: &str| -> Vec<String> {
            path.split('?').next().unwrap_or(path).split('/').map(str::to_owned).collect()
        };
        let fits = |tried: &String| {
            let (route, tried) = (pieces(route), pieces(tried));
            route.len() == tried.len() && route.iter().zip(&tried).all(|(a, b)| a.starts_with('{') || a == b)
        };
        let open =
            ["/", "/login", "/login/challenge", "/logout", "/check", "/certificate", "/people/find"].contains(&route);
        assert!(open || tried.iter().any(fits), "{route} was not tried by another unit");
    }
    // Nobody who is not logged in reaches anything but login and the check of vouchers.
    let mut nobody = house.browser();
    for address in [
        path.as_str(),
        "/ledger",
        "/contributions",
        "/interest",
        "/people",
        "/changes",
        "/person",
        "/business",
        "/business/remit",
        "/vouchers",
    ] {
        assert_eq!(nobody.get(address).await.location.as_deref(), Some("/login"), "{address}");
    }
}

#[tokio::test]
async fn every_query_shows_a_year_in_both_languages_and_goes_out_as_files() {
    let house = House::new().await;
    let (mut browser, _) = logged_in(&house).await;
    for (language, path, said) in [
        ("zh-CN", "/ledger", "年终结息"),
        ("zh-CN", "/contributions", "应缴人数"),
        ("zh-CN", "/interest", "积数"),
        ("zh-CN", "/people", "130599********0145"),
        ("zh-CN", "/changes", "没有变更"),
        ("zh-CN", "/person?number=030000000001", "汇缴"),
        ("en", "/ledger", "Yearly interest"),
        ("en", "/contributions", "Heads due"),
        ("en", "/person?number=030000000001", "Remittance"),
        ("en", "/business", "Remit contributions"),
    ] {
        browser.language = language;
        let page = browser.get(path).await;
        assert!(page.status == 200 && page.text.contains(said), "{path}: {said}: {}", page.text);
        assert!(!page.text.contains("fund-"), "{path}: a message is missing: {}", page.text);
    }
    for path in ["/ledger?", "/contributions?", "/interest?", "/people?", "/person?number=030000000001&"] {
        let file = browser.get(&format!("{path}file=csv")).await;
        assert!(file.status == 200 && file.text.lines().count() > 3, "{path}: {}", file.text);
    }
    for (path, said) in [
        ("/ledger?from=2026-13-01", "Not a day"),
        ("/ledger?from=2026-10-01&to=2026-09-01", "before the beginning"),
        ("/contributions?from=2001-01&to=2026-01", "At most 60 months"),
        ("/person?number=1", "12 digits"),
    ] {
        let page = browser.get(path).await;
        assert!(page.status == 422 && page.text.contains(said), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn interest_of_a_year_is_settled_once_however_often_it_is_started() {
    let house = House::new().await;
    let database = house.database().await;
    house.clock.advance(240 * 86_400);
    let settled = ra_web::fund::settle::settle_year(&database, 2026, house.now()).await.expect("settled");
    assert!(settled.accounts > 60 && settled.interest > Fen::ZERO, "{settled:?}");
    books(&house).await;
    let again = ra_web::fund::settle::settle_year(&database, 2026, house.now()).await.expect("settled");
    assert_eq!(again.accounts, 0);
    assert!(ra_web::fund::settle::settle_year(&database, 2027, house.now()).await.is_err(), "not over");
}

/// A voucher is sealed, says which print it is, and can be checked by anybody, who learns nothing else.
#[tokio::test]
async fn vouchers_are_sealed_counted_and_checked_by_code_and_a_reversed_one_is_void() {
    let house = House::new().await;
    let (mut browser, token) = logged_in(&house).await;
    let (_, people) = books(&house).await;
    let number = people[0].number.to_string();
    let newcomer: &[(&str, &str)] = &[
        ("name", "郑小满"),
        ("id_kind", "01"),
        ("id_number", "11010519491231002X"),
        ("mobile", "13900000001"),
        ("base", "2500"),
        ("starts", "2026-11"),
    ];
    let mut papers = Vec::new();
    for (act, fields) in [
        ("open", newcomer.to_vec()),
        ("rebase", vec![("number", number.as_str()), ("base", "6200.50")]),
        ("remit", vec![("month", "2026-11"), ("pay", "suspense")]),
        (
            "make-up",
            vec![
                ("number", number.as_str()),
                ("month", "2026-09"),
                ("month_to", "2026-10"),
                ("unit_part", "10"),
                ("personal_part", "10"),
                ("difference", "yes"),
                ("pay", "suspense"),
                ("words", "基数少报补差"),
            ],
        ),
    ] {
        let path = drafted(&mut browser, act, &fields).await;
        let unsigned = browser.post(&format!("{path}/voucher"), &[]).await;
        assert_eq!(unsigned.status, 409, "{act}: nothing is booked");
        assert_eq!(signed(&mut browser, &house, &token, &path).await.status, 303, "{act}");
        let paper = browser.post(&format!("{path}/voucher"), &[]).await;
        assert!(paper.status == 200 && paper.text.starts_with("%PDF"), "{act}: {}", paper.status);
        assert!(paper.text.contains("/ETSI.CAdES.detached") && paper.text.contains("/DocMDP"), "{act}: sealed");
        if let Some(folder) = std::env::var_os("YINXIN_PICTURES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("voucher-{act}.pdf")), &paper.bytes)
                .expect("written");
        }
        papers.push((act, path, paper));
    }
    let (_, path, first) = &papers[2];
    let second = browser.post(&format!("{path}/voucher"), &[]).await;
    assert!(second.status == 200 && second.bytes != first.bytes, "which print it is stands on it");
    if let Some(folder) = std::env::var_os("YINXIN_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("voucher-second.pdf"), &second.bytes).expect("written");
    }
    assert!(browser.get(path).await.text.contains("已打印 2 次"));

    let serial = path.trim_start_matches("/operations/").to_owned();
    let database = house.database().await;
    let code = async |serial: &str| {
        let mut tx = database.begin_read().await.expect("begun");
        let account = ACCOUNT.parse().expect("an account");
        tx.operation(&account, serial).await.expect("read").expect("there").check_code
    };
    let remitted = code(&serial).await;
    let mut anybody = house.browser();
    let checked = anybody.get(&format!("/check?code={remitted}")).await;
    for said in ["凭证属实", serial.as_str(), "2026-11", "元"] {
        assert!(checked.text.contains(said), "{said}: {}", checked.text);
    }
    assert!(!checked.text.contains("凭证作废"));
    for (act, path, _) in &papers {
        let code = code(path.trim_start_matches("/operations/")).await;
        let checked = anybody.get(&format!("/check?code={code}")).await;
        for untold in ["郑小满", "13900000001", "110105", people[0].person.name.as_str(), number.as_str(), "补差"]
        {
            assert!(!checked.text.contains(untold), "{act} tells {untold}");
        }
    }
    // Make-up came last: it is undone first.
    for path in [&papers[3].1, path] {
        let serial = path.trim_start_matches("/operations/");
        let undo = drafted(&mut browser, "reverse", &[("serial", serial), ("words", "金额有误")]).await;
        assert_eq!(signed(&mut browser, &house, &token, &undo).await.status, 303);
    }
    assert!(anybody.get(&format!("/check?code={remitted}")).await.text.contains("凭证作废"));
    assert!(anybody.get("/check?code=2222333344445555").await.text.contains("没有这个校验码"));
    let mut refused = 0;
    for _ in 0..25 {
        refused += usize::from(anybody.get("/check?code=2222333344445555").await.status == 429);
    }
    assert!(refused > 0, "whoever tries codes is slowed down");
    assert_eq!(anybody.get("/login").await.status, 200, "and may do the rest");
}

#[tokio::test]
async fn every_query_goes_out_as_a_pdf_in_both_languages() {
    let house = House::new().await;
    let (mut browser, _) = logged_in(&house).await;
    let queries = [
        "/unit?",
        "/ledger?",
        "/contributions?",
        "/interest?",
        "/people?",
        "/changes?",
        "/person?number=030000000001&",
    ];
    for language in ["zh-CN", "en"] {
        browser.language = language;
        for path in queries {
            let file = browser.get(&format!("{path}file=pdf")).await;
            assert!(file.status == 200 && file.text.starts_with("%PDF"), "{path}: {}", file.text);
            if let Some(folder) = std::env::var_os("YINXIN_PICTURES") {
                let name =
                    format!("query-{}-{language}.pdf", path.trim_matches(['/', '?']).split('?').next().unwrap_or("x"));
                std::fs::write(std::path::Path::new(&folder).join(name), &file.bytes).expect("written");
            }
        }
    }
    assert_eq!(browser.get("/unit?file=doc").await.status, 404);
    assert_eq!(browser.get("/person?number=1&file=pdf").await.status, 400);
}
