//! What a person does at the fund: looks at their own, withdraws with certificate and face, and reaches nobody else's.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::domain::{CertificateStatus, RevocationReason};
use ra_web::fund::FundStore as _;
use ra_web::fund::account::Unit;
use ra_web::fund::amounts::Fen;
use ra_web::fund::book_store::{EntryFilter, PeopleFilter};
use ra_web::fund::books::PersonAccount;
use ra_web::fund::codes::PersonStatus;
use ra_web::fund::withdrawal::evidence;
use tracing_subscriber::fmt::MakeWriter;

use crate::client::{Browser, Page};
use crate::house::House;
use crate::pki::Made;

/// The two persons of the demonstration's data.
pub(crate) const FIRST: (&str, &str, &str) = ("李强", "HZ-P-000001", "030000000001");
const SECOND: (&str, &str, &str) = ("张娟", "HZ-P-000002", "030000000002");
const UNIT: &str = "0210000001";
/// A picture whose bytes are told apart from everything else.
pub(crate) const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 a face that nobody keeps 7f3a";

pub(crate) async fn person(house: &House, who: (&str, &str, &str)) -> (Browser, Made) {
    let token = house.person(who.0, who.1);
    let mut browser = house.browser();
    let page = browser.log_in_person(&token, house.now()).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/my")), "{}", page.text);
    (browser, token)
}

/// The unit and its employees, after looking whether the books add up.
pub(crate) async fn books(house: &House) -> (Unit, Vec<PersonAccount>) {
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let unit = tx.unit(&UNIT.parse().expect("an account")).await.expect("read").expect("there");
    let people = tx.people(&unit.account, &PeopleFilter::default(), "", 500).await.expect("read");
    let day = |text| ra_web::fund::account::day(text).expect("a day");
    let ever = EntryFilter { from: day("1991-01-01"), to: day("2099-01-01"), kind: None };
    let entries = tx.unit_entries(&unit.account, &ever, i64::MAX, 500).await.expect("read");
    assert_eq!(unit.balance, people.iter().map(PersonAccount::balance).sum::<Fen>(), "unit = sum of persons");
    assert_eq!(unit.balance, entries.iter().map(|entry| entry.amount + entry.interest).sum::<Fen>());
    for account in &people {
        let own = tx.person_ledger(&account.number, &ever, i64::MAX, 500).await.expect("read");
        assert_eq!(account.balance(), own.iter().map(|entry| entry.sum()).sum::<Fen>(), "{}", account.number);
    }
    let heads = |status| people.iter().filter(|one| one.status == status).count();
    assert_eq!(unit.active_heads as usize, heads(PersonStatus::Normal));
    assert_eq!(unit.sealed_heads as usize, heads(PersonStatus::Sealed));
    (unit, people)
}

fn account(people: &[PersonAccount], number: &str) -> PersonAccount {
    people.iter().find(|one| one.number.as_str() == number).expect("there").clone()
}

pub(crate) async fn drafted(browser: &mut Browser, number: &str, reason: &str, amount: &str) -> String {
    let page = browser.post("/my/withdraw", &[("number", number), ("reason", reason), ("amount", amount)]).await;
    assert_eq!(page.status, 303, "{}", page.text);
    page.location.expect("an order")
}

pub(crate) async fn signed(browser: &mut Browser, house: &House, token: &Made, path: &str) -> Page {
    let page = browser.get(path).await;
    let statement = URL_SAFE_NO_PAD.decode(page.field("statement")).expect("base64url");
    let signature = token.sign(&statement, house.now());
    browser.post(&format!("{path}/sign"), &[("signature", &signature)]).await
}

/// Keeps what is logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("whole")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_person_withdraws_with_certificate_and_face_and_the_bank_is_told_in_the_same_step() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let house = House::new().await;
    let (mut browser, token) = person(&house, FIRST).await;
    let (unit, people) = books(&house).await;
    let before = account(&people, FIRST.2);
    let home = browser.get("/my").await;
    assert!(
        home.text.contains(&before.balance().to_string()) && home.text.contains("6222 **** **** 0012"),
        "{}",
        home.text
    );

    let path = drafted(&mut browser, FIRST.2, "06", "12,000.50").await;
    let page = browser.get(&path).await;
    assert!(
        page.text.contains("人脸核验")
            && page.text.contains("壹万贰仟元伍角整")
            && !page.text.contains("name=\"statement\"")
    );
    // Nothing is signed before the face was checked.
    let early = browser.post(&format!("{path}/sign"), &[("signature", &token.sign(b"x", house.now()))]).await;
    assert!(early.status == 422 && early.text.contains("请先完成人脸核验"), "{}", early.text);
    for (wish, said) in [
        ("sandbox:no-match", "与登记的本人不一致"),
        ("sandbox:not-alive", "没有检测到活体"),
        ("sandbox:other-order", "结果不可信"),
        ("sandbox:forged", "结果不可信"),
    ] {
        let refused = browser.upload(&format!("{path}/face"), "face", &[PICTURE, wish.as_bytes()].concat()).await;
        assert!(refused.status == 422 && refused.text.contains(said), "{wish}: {}", refused.text);
    }
    assert!(browser.upload(&format!("{path}/face"), "face", b"GIF89a").await.text.contains("JPEG 或 PNG"));
    let matched = browser.upload(&format!("{path}/face"), "face", PICTURE).await;
    assert_eq!(matched.location.as_deref(), Some(path.as_str()), "{}", matched.text);
    let done = signed(&mut browser, &house, &token, &path).await;
    assert_eq!((done.status, done.location.as_deref()), (303, Some(path.as_str())), "{}", done.text);
    let receipt = browser.get(&path).await;
    assert!(receipt.text.contains("付款指令已发给银行"), "{}", receipt.text);

    let (after_unit, after) = books(&house).await;
    let after = account(&after, FIRST.2);
    assert_eq!((before.balance() - after.balance()).fen(), 1_200_050);
    assert_eq!((unit.balance - after_unit.balance).fen(), 1_200_050);
    let payments = house.payments();
    let serial = path.trim_start_matches("/my/withdrawals/");
    assert!(
        matches!(&payments[..], [one] if one.contains(serial) && one.contains("6222020000000000012") && one.contains(">12000.50<"))
    );
    if let Some(folder) = std::env::var_os("YINXIN_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("pain.001.xml"), &payments[0]).expect("written");
    }

    // Not twice; and no second order while the bank has not paid the first.
    let replay = browser.post(&format!("{path}/sign"), &[("signature", &token.sign(b"x", house.now()))]).await;
    assert_eq!(replay.status, 409);
    let again = browser.post("/my/withdraw", &[("number", FIRST.2), ("reason", "07"), ("amount", "100")]).await;
    assert!(again.status == 422 && again.text.contains("银行还没有付款"), "{}", again.text);
    let hall = house.hall().await;
    let paid = ra_web::fund::withdrawal::counter::Counter::paid(&hall, serial, house.now()).await;
    assert!(paid.expect("noted"));
    assert!(browser.get(&path).await.text.contains("银行已付款"));
    let again = browser.post("/my/withdraw", &[("number", FIRST.2), ("reason", "06"), ("amount", "100")]).await;
    assert!(again.status == 422 && again.text.contains("2027-11-24"), "the same reason once a year: {}", again.text);
    assert!(browser.get("/my/withdraw").await.text.contains("本次最多可提"), "another reason is another matter");

    // The evidence proves itself without the fund, the face check with it.
    let packed = browser.get(&format!("{path}/evidence")).await.bytes;
    let proven =
        evidence::verify(&packed, &house.pki.anchors(), &house.pki.anchors(), &house.face_trust()).expect("proven");
    assert_eq!((proven.withdrawal.id.to_string().as_str(), proven.face.score), (serial, 9_620));
    assert!(proven.stamp.is_none() && house.operator().await.stamps(false).await.expect("told").contains(serial));
    assert!(proven.to_string().contains("12,000.50") && evidence::is_one(&packed));
    let other = House::new().await;
    assert!(
        evidence::verify(&packed, &house.pki.anchors(), &house.pki.anchors(), &other.face_trust()).is_err(),
        "another provider's key"
    );
    assert!(
        evidence::verify(&packed, &other.pki.anchors(), &other.pki.anchors(), &house.face_trust()).is_err(),
        "another authority"
    );

    // Neither the picture nor the numbers of the person are kept or logged.
    let kept = std::fs::read(house.folder.path().join("fund.db")).expect("read");
    let wal = std::fs::read(house.folder.path().join("fund.db-wal")).unwrap_or_default();
    let log = log.0.lock().expect("whole").clone();
    assert!(log.len() > 100, "something was logged");
    let encoded = STANDARD.encode(PICTURE);
    for (place, bytes) in [("database", &kept), ("journal", &wal), ("log", &log)] {
        for secret in [
            b"a face that nobody keeps".as_slice(),
            &encoded.as_bytes()[8..40],
            b"130599197306120145",
            b"6222020000000000012",
        ] {
            let found = bytes.windows(secret.len()).any(|part| part == secret);
            assert!(!found, "{place} has {}", String::from_utf8_lossy(secret));
        }
    }
}

#[tokio::test]
async fn a_sealed_account_is_emptied_with_its_interest_and_closed() {
    let house = House::new().await;
    let token = house.unit();
    let mut clerk = house.browser();
    assert_eq!(clerk.log_in(&token, house.now()).await.status, 303);
    let (mut browser, own) = person(&house, SECOND).await;
    let early = browser.post("/my/withdraw", &[("number", SECOND.2), ("reason", "03"), ("amount", "")]).await;
    assert!(early.status == 422 && early.text.contains("须先由单位封存"), "{}", early.text);
    let draft = clerk.post("/business/seal", &[("number", SECOND.2), ("reason", "retired")]).await;
    let path = draft.location.expect("a document");
    let statement = URL_SAFE_NO_PAD.decode(clerk.get(&path).await.field("statement")).expect("base64url");
    let sealed = clerk.post(&format!("{path}/sign"), &[("signature", &token.sign(&statement, house.now()))]).await;
    assert_eq!(sealed.status, 303, "{}", sealed.text);

    let (before, people) = books(&house).await;
    let balance = account(&people, SECOND.2).balance();
    let path = drafted(&mut browser, SECOND.2, "03", "").await;
    assert_eq!(browser.upload(&format!("{path}/face"), "face", PICTURE).await.status, 303);
    assert!(browser.get(&path).await.text.contains("全部提取并销户"));
    assert_eq!(signed(&mut browser, &house, &own, &path).await.status, 303);
    let (after, people) = books(&house).await;
    let closed = account(&people, SECOND.2);
    assert_eq!((closed.balance(), closed.status), (Fen::ZERO, PersonStatus::ClosedWithdrawn));
    assert_eq!((before.balance - after.balance, before.sealed_heads - after.sealed_heads), (balance, 1));
    let ledger = browser.get("/my/ledger").await;
    assert!(ledger.text.contains("销户提取"), "{}", ledger.text);
    let nothing = browser.get("/my/withdraw").await;
    assert!(nothing.status == 200 && nothing.text.contains("没有可以提取的账户"), "{}", nothing.text);
    // Of what was paid, the interest of 1 July until the day before is a part.
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let entries = tx.person_entries(path.trim_start_matches("/my/withdrawals/")).await.expect("read");
    assert!(
        matches!(&entries[..], [one] if one.interest > Fen::ZERO && one.sum() == -balance && one.kind.code() == "12")
    );
}

#[tokio::test]
async fn a_revoked_certificate_another_one_or_a_late_signature_books_nothing() {
    let house = House::new().await;
    let (mut browser, token) = person(&house, FIRST).await;
    let (before, _) = books(&house).await;
    let path = drafted(&mut browser, FIRST.2, "07", "500").await;
    assert_eq!(browser.upload(&format!("{path}/face"), "face", PICTURE).await.status, 303);
    let statement = URL_SAFE_NO_PAD.decode(browser.get(&path).await.field("statement")).expect("base64url");
    let second = house.person(FIRST.0, FIRST.1);
    let by_another =
        browser.post(&format!("{path}/sign"), &[("signature", &second.sign(&statement, house.now()))]).await;
    let misplaced = browser.post(&format!("{path}/sign"), &[("signature", &token.sign(b"another", house.now()))]).await;
    assert_eq!((by_another.status, misplaced.status), (422, 422));
    // The account moves to the bank's side: a new order gives way to nothing that is signed, and an old one is gone.
    let newer = drafted(&mut browser, FIRST.2, "07", "600").await;
    let gone = browser.post(&format!("{path}/sign"), &[("signature", &token.sign(&statement, house.now()))]).await;
    assert_eq!(gone.status, 404);
    assert_eq!(browser.upload(&format!("{newer}/face"), "face", PICTURE).await.status, 303);
    let statement = URL_SAFE_NO_PAD.decode(browser.get(&newer).await.field("statement")).expect("base64url");
    house.clock.advance(16 * 60);
    let late = browser.post(&format!("{newer}/sign"), &[("signature", &token.sign(&statement, house.now()))]).await;
    assert!(late.status == 422 && late.text.contains("签名时限已过"), "{}", late.text);

    let path = drafted(&mut browser, FIRST.2, "07", "700").await;
    assert_eq!(browser.upload(&format!("{path}/face"), "face", &[PICTURE, b"sandbox:old"].concat()).await.status, 422);
    let away = browser.upload(&format!("{path}/face"), "face", &[PICTURE, b"sandbox:away"].concat()).await;
    assert!(away.status == 422 && away.text.contains("没有应答"), "{}", away.text);
    assert_eq!(browser.upload(&format!("{path}/face"), "face", PICTURE).await.status, 303);
    let (since, reason) = (house.now(), RevocationReason::KeyCompromise);
    house.responder.say(&token.serial, CertificateStatus::Revoked { since, reason });
    let page = signed(&mut browser, &house, &token, &path).await;
    assert!(page.status == 403 && page.text.contains("证书已吊销"), "{}: {}", page.status, page.text);
    assert_eq!(
        browser.get("/my").await.location.as_deref(),
        Some("/my/login"),
        "the session ends with its certificate"
    );
    assert_eq!(books(&house).await.0, before);
    assert!(house.payments().is_empty(), "and the bank was told nothing");
}

#[tokio::test]
async fn nobody_reaches_another_persons_anything() {
    let house = House::new().await;
    let (mut browser, _) = person(&house, FIRST).await;
    let path = drafted(&mut browser, FIRST.2, "07", "500").await;
    let (mut stranger, other) = person(&house, SECOND).await;
    let statement = other.sign(b"x", house.now());
    let mut tried = Vec::new();
    for (address, status) in [
        ("/my".to_owned(), 200),
        ("/my/ledger".into(), 200),
        (format!("/my/ledger?number={}", FIRST.2), 422),
        (format!("/my/ledger?number={}&file=csv", FIRST.2), 400),
        ("/my/loans".into(), 200),
        ("/my/withdrawals".into(), 200),
        ("/my/withdraw".into(), 200),
        (format!("/my/withdraw?number={}", FIRST.2), 200),
        (path.clone(), 404),
        (format!("{path}/evidence"), 404),
    ] {
        let page = stranger.get(&address).await;
        assert_eq!(page.status, status, "{address}");
        for own in [FIRST.0, FIRST.2, "130599********0145", "DK202305200001", "**** 0012"] {
            let typed = address.contains(own);
            assert!(typed || !page.text.contains(own), "{address} tells {own}");
        }
        tried.push(address);
    }
    for (address, fields, status) in [
        ("/my/withdraw".to_owned(), vec![("number", FIRST.2), ("reason", "07"), ("amount", "1")], 422),
        (format!("{path}/sign"), vec![("signature", statement.as_str())], 404),
        (format!("{path}/cancel"), vec![], 404),
    ] {
        let page = stranger.post(&address, &fields).await;
        assert_eq!(page.status, status, "{address}: {}", page.text);
        assert!(!page.text.contains(FIRST.0), "{address}");
        tried.push(address);
    }
    let face = format!("{path}/face");
    assert_eq!(stranger.upload(&face, "face", PICTURE).await.status, 404);
    tried.push(face);
    // Whatever route there is was tried.
    let routes = include_str!("../../src/http/fund/my/mod.rs").split("\"/my").skip(1);
    for route in routes.map(|rest| format!("/my{}", rest.split('"').next().unwrap_or_default())) {
        let pieces = |path: &str| -> Vec<String> {
            path.split('?').next().unwrap_or(path).split('/').map(str::to_owned).collect()
        };
        let fits = |tried: &String| {
            let (route, tried) = (pieces(&route), pieces(tried));
            route.len() == tried.len() && route.iter().zip(&tried).all(|(a, b)| a.starts_with('{') || a == b)
        };
        let open = ["/my/login", "/my/login/challenge", "/my/logout"].contains(&route.as_str());
        assert!(open || tried.iter().any(fits), "{route} was not tried by another person");
    }
    // A unit is no person, a person no unit, and nobody is let in who is not registered.
    let token = house.unit();
    let refused = house.browser().log_in_person(&token, house.now()).await;
    assert!(refused.status == 403 && refused.location.is_none(), "{}", refused.text);
    let mut clerk = house.browser();
    assert_eq!(clerk.log_in(&token, house.now()).await.status, 303);
    assert_eq!(clerk.get("/my").await.location.as_deref(), Some("/my/login"));
    assert_eq!(stranger.get("/unit").await.location.as_deref(), Some("/login"));
    assert_eq!(stranger.get("/people").await.location.as_deref(), Some("/login"));
    let unknown = house.person("王小明", "HZ-P-000099");
    assert_eq!(house.browser().log_in_person(&unknown, house.now()).await.status, 403);
    let mut nobody = house.browser();
    for address in ["/my", "/my/ledger", "/my/loans", "/my/withdrawals", "/my/withdraw", path.as_str()] {
        assert_eq!(nobody.get(address).await.location.as_deref(), Some("/my/login"), "{address}");
    }
}

#[tokio::test]
async fn a_person_sees_ledger_loan_and_plan_in_both_languages_and_takes_files_home() {
    let house = House::new().await;
    let (mut browser, _) = person(&house, FIRST).await;
    for (language, path, said) in [
        ("zh-CN", "/my", "示范银行东湖支行"),
        ("zh-CN", "/my/ledger", "汇缴"),
        ("zh-CN", "/my/loans", "等额本息"),
        ("zh-CN", "/my/withdrawals", "还没有提取过"),
        ("zh-CN", "/my/withdraw", "须先由单位封存账户"),
        ("en", "/my", "Withdraw"),
        ("en", "/my/ledger", "Remittance"),
        ("en", "/my/loans", "equal instalments"),
        ("en", "/my/withdraw", "Your unit must seal the account first"),
    ] {
        browser.language = language;
        let page = browser.get(path).await;
        assert!(page.status == 200 && page.text.contains(said), "{path}: {said}: {}", page.text);
        assert!(!page.text.contains(">my-") && !page.text.contains(">fund-"), "{path}: a message is missing");
    }
    // 350,000.00 at 2.85 % over 240 months: 1,914.92 each, reckoned apart.
    assert!(browser.get("/my/loans").await.text.contains("1,914.92"));
    for (file, begins) in [("csv", "\u{feff}"), ("xlsx", "PK"), ("pdf", "%PDF")] {
        let got = browser.get(&format!("/my/ledger?file={file}")).await;
        assert!(got.status == 200 && got.text.starts_with(begins), "{file}: {}", got.status);
    }
}
