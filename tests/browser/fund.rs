//! All sixteen items of the fund portal's menus as a clerk uses them, in Chinese and in English, in Chromium: seven queries
//! and nine kinds of business, each signed in the real assistant's window with a PIN on a SoftHSM2 token. One by keyboard
//! alone. Then money that comes by bank, a reversal, and a certificate that is revoked between two clicks.
//!
//! With `YINXIN_PICTURES=folder` each page's picture is left there.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::{CertificateStatus, RevocationReason, Serial};
use journeys::agent::{Agent, Site};
use journeys::browser::Browser;
use journeys::hall::journey;
use ra_web::fund::FundStore as _;
use ra_web::fund::account::AccountNumber;
use ra_web::fund::book_store::PeopleFilter;
use ra_web::fund::codes::PersonStatus;
use thirtyfour::Key;

use crate::house::{House, UNIT};
use crate::portal::enrolled;

const ACCOUNT: &str = "0210000001";
const PIN: &str = "24681357";

/// The portal, the assistant beside the browser, and the clerk's language.
struct Desk {
    house: House,
    browser: Browser,
    _agent: Agent,
    serial: Serial,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn open() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = journeys::programs::free_port()?;
        let house = House::at(SystemClock.now(), None, &format!("http://127.0.0.1:{port}")).await;
        let origin = house.portal.origin.clone();
        let site = Site { origin: &origin, name: "示范公积金", may: &["login", "fund"] };
        let agent = Agent::start(folder.path(), port, &[site]).await?;
        let serial = enrolled(&agent, &house, folder.path(), PIN)?;
        // SoftHSM2 sees tokens of other processes only when it starts; a real key is seen when it is plugged in.
        drop(agent);
        let agent = Agent::start(folder.path(), port, &[site]).await?;
        house.responder.say(&serial, CertificateStatus::Good);
        let browser = Browser::start(&[]).await?;
        Ok(Self { house, browser, _agent: agent, serial, _folder: folder })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.house.portal.origin)
    }

    /// Opens a page, sees that it is accessible and fits, and leaves its picture.
    async fn look(&self, path: &str, name: &str) -> anyhow::Result<()> {
        self.browser.open(&self.at(path)).await?;
        self.seen(name).await
    }

    async fn seen(&self, name: &str) -> anyhow::Result<()> {
        self.browser.is_accessible().await?;
        self.browser.fits().await?;
        let chinese = self.browser.says_in_chinese().await?;
        ensure!(chinese.is_empty(), "{name} says in Chinese: {chinese:?}");
        let Some(folder) = std::env::var_os("YINXIN_PICTURES").map(PathBuf::from) else { return Ok(()) };
        for (width, height) in [(390, 844), (1366, 768)] {
            self.browser.resize(width, height).await?;
            self.browser.fits().await?;
            let tall = self.browser.driver.execute("return document.documentElement.scrollHeight", vec![]).await?;
            let tall: i64 = tall.convert()?;
            self.browser.resize(width, u32::try_from(tall)?.clamp(height, 4000) + 100).await?;
            self.browser.picture(&folder.join(format!("{name}-{width}.png"))).await?;
        }
        self.browser.resize(1366, 768).await
    }

    /// Presses the button that opens the assistant, and signs in its window.
    async fn sign(&self) -> anyhow::Result<()> {
        self.browser.click("form[data-agent] button[type=submit]").await?;
        let page = self.browser.enter_popup().await?;
        self.browser.fill("#pin", PIN).await?;
        self.browser.is_accessible().await.context("the assistant's window")?;
        self.browser.click("button[name=do][value=sign]").await?;
        self.browser.leave_popup(page).await
    }

    async fn log_in(&self, language: &str) -> anyhow::Result<()> {
        // The portal's clock stands still; the assistant's does not.
        let behind = SystemClock.now().since(self.house.now());
        self.house.clock.advance(behind.max(0));
        self.browser.open(&self.at(&format!("/login?lang={language}"))).await?;
        self.sign().await
    }

    /// A kind of business from the menu to its receipt: fields are filled in, or chosen where they are radio buttons or lists.
    async fn business(&self, act: &str, fields: &[(&str, &str)], booked: &str, name: &str) -> anyhow::Result<String> {
        self.browser.open(&self.at("/business")).await?;
        self.browser.click(&format!("a[data-act={act}]")).await?;
        self.fill_in(fields).await?;
        self.seen(&format!("{name}-form")).await?;
        self.browser.click("main form button").await?;
        self.browser.find("form[data-agent]").await?;
        self.seen(&format!("{name}-document")).await?;
        let address = self.browser.address().await;
        self.sign().await?;
        self.browser.sees(booked).await.with_context(|| act.to_owned())?;
        self.seen(&format!("{name}-receipt")).await?;
        Ok(address)
    }

    async fn fill_in(&self, fields: &[(&str, &str)]) -> anyhow::Result<()> {
        for (field, value) in fields {
            match *field {
                "id_kind" | "reason" | "pay" | "difference" => self.browser.choose(field, value).await?,
                // How a month is typed depends on the browser's language.
                "month" | "starts" => self.browser.set_day(&format!("#{field}"), value).await?,
                _ => self.browser.fill(&format!("#{field}"), value).await?,
            }
        }
        Ok(())
    }

    /// Presses Tab until what the selector finds has the focus.
    async fn tab_to(&self, css: &str) -> anyhow::Result<()> {
        let script = "return document.activeElement.matches(arguments[0])";
        for _ in 0..80 {
            self.browser.driver.active_element().await?.send_keys(Key::Tab).await?;
            if self.browser.driver.execute(script, vec![css.into()]).await?.json() == true {
                return Ok(());
            }
        }
        anyhow::bail!("no {css} by Tab on {}", self.browser.address().await)
    }

    async fn press(&self, keys: impl Into<thirtyfour::TypingData>) -> anyhow::Result<()> {
        Ok(self.browser.driver.active_element().await?.send_keys(keys).await?)
    }

    /// Seals an account without touching the mouse, from the menu to the receipt.
    async fn seal_by_keyboard(&self, number: &str, booked: &str) -> anyhow::Result<()> {
        self.browser.open(&self.at("/business")).await?;
        self.tab_to("a[data-act=seal]").await?;
        self.press(Key::Enter).await?;
        self.browser.find("#number").await?;
        self.tab_to("#number").await?;
        self.press(number).await?;
        self.tab_to("input[name=reason]").await?;
        self.press(Key::Space).await?;
        self.tab_to("main form button").await?;
        self.press(Key::Enter).await?;
        self.browser.find("form[data-agent]").await?;
        self.tab_to("form[data-agent] button[type=submit]").await?;
        self.press(Key::Enter).await?;
        let page = self.browser.enter_popup().await?;
        self.browser.find("#pin").await?;
        let focused = self.browser.driver.execute("return document.activeElement.id", vec![]).await?;
        if focused.json() != "pin" {
            self.tab_to("#pin").await?;
        }
        self.press(PIN).await?;
        self.press(Key::Enter).await?;
        self.browser.leave_popup(page).await?;
        self.browser.sees(booked).await
    }

    /// The seven queries, each with something that must stand on it.
    async fn queries(&self, language: &str, said: [&str; 7], number: &str) -> anyhow::Result<()> {
        let person = format!("/person?number={number}");
        let paths = ["/unit", "/ledger", "/contributions", "/interest", "/people", "/changes", &person];
        for (path, said) in paths.into_iter().zip(said) {
            let name = path.split('?').next().unwrap_or(path).replace('/', "");
            self.look(path, &format!("query-{name}-{language}")).await?;
            self.browser.sees(said).await?;
        }
        Ok(())
    }

    /// What a page says while a large list is booked. Here a booking takes no time, so the site's words are put into its mouth, and the
    /// form stays; nothing is signed for real.
    async fn told_how_far(&self, words: [&str; 3], name: &str) -> anyhow::Result<()> {
        self.browser.open(&self.at("/business/change-unit")).await?;
        self.fill_in(&[("address", "示范市东湖区建设大街22号")]).await?;
        self.browser.click("main form button").await?;
        self.browser.find("form[data-agent][data-progress$='/progress']").await?;
        let script = "HTMLFormElement.prototype.submit = () => {};
            window.far = null;
            window.fetch = async (url) => new Response(JSON.stringify(url.endsWith('/progress') ? window.far : null));";
        self.browser.driver.execute(script, vec![]).await?;
        self.sign().await?;
        for (said, far) in words.into_iter().zip([
            "{ stage: 'checking', done: 0, total: 10000 }",
            "{ stage: 'writing', done: 2600, total: 10000 }",
            "{ stage: 'closing', done: 10000, total: 10000 }",
        ]) {
            let script = format!("window.far = {far}");
            self.browser.driver.execute(script.as_str(), vec![]).await?;
            self.browser.sees(said).await?;
            let script =
                "const bar = document.querySelector('[role=status] progress'); return bar.value + ' ' + bar.max";
            let bar = self.browser.driver.execute(script, vec![]).await?;
            ensure!(far.contains(&format!("done: {},", bar.json().as_str().unwrap_or_default().replace(" 10000", ""))));
        }
        self.seen(name).await
    }

    /// The voucher comes in a window of its own, which a browser without a screen does not show.
    async fn voucher(&self) -> anyhow::Result<()> {
        let script = "return fetch(document.querySelector('form[action$=\"/voucher\"]').action, { method: 'POST' })\
            .then(async (answer) => answer.status + ' ' + (await answer.text()).slice(0, 5))";
        let made = self.browser.driver.execute(script, vec![]).await?;
        ensure!(made.json() == "200 %PDF-", "{}", made.json());
        Ok(())
    }
}

/// Numbers of employees who are paid for, and of those who are sealed.
async fn employees(house: &House) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let mut tx = house.database().await.begin_read().await?;
    let account: AccountNumber = ACCOUNT.parse().map_err(|what: String| anyhow::anyhow!(what))?;
    let people = tx.people(&account, &PeopleFilter::default(), "", 200).await?;
    tx.commit().await?;
    let of =
        |status| people.iter().filter(|one| one.status == status).map(|one| one.number.to_string()).collect::<Vec<_>>();
    Ok((of(PersonStatus::Normal), of(PersonStatus::Sealed)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_of_both_menus_is_used_in_both_languages_with_the_real_assistant() -> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let desk = Desk::open().await?;
        let (active, sealed) = employees(&desk.house).await?;
        ensure!(active.len() > 8 && sealed.len() > 1, "{} {}", active.len(), sealed.len());
        in_chinese(&desk, &active, &sealed).await?;
        in_english(&desk, &active, &sealed).await?;
        revoked_between_two_clicks(&desk, &active).await
    })
    .await
}

async fn in_chinese(desk: &Desk, active: &[String], sealed: &[String]) -> anyhow::Result<()> {
    let (browser, booked) = (&desk.browser, "已入账。");
    desk.log_in("zh-CN").await?;
    browser.sees("单位账户余额").await?;
    let said = [UNIT, "年终结息", "应缴人数", "积数", "130599********0145", "没有变更", "汇缴"];
    desk.queries("zh", said, &active[0]).await?;
    desk.look("/business", "business-zh").await?;
    desk.business("change-unit", &[("address", "示范市东湖区建设大街20号")], booked, "change-unit-zh").await?;
    let newcomer = [
        ("name", "郑小满"),
        ("id_kind", "01"),
        ("id_number", "11010519491231002X"),
        ("mobile", "13900000001"),
        ("base", "2500"),
    ];
    desk.business("open", &newcomer, booked, "open-zh").await?;
    desk.business("rebase", &[("number", &active[0]), ("base", "4400")], booked, "rebase-zh").await?;
    desk.seal_by_keyboard(&active[1], booked).await?;
    desk.business("unseal", &[("number", &sealed[0]), ("base", "2600")], booked, "unseal-zh").await?;
    let arrear = [
        ("number", active[2].as_str()),
        ("month", "2026-10"),
        ("unit_part", "10"),
        ("personal_part", "10"),
        ("difference", "yes"),
        ("words", "基数少报补差"),
    ];
    desk.business("make-up", &arrear, booked, "make-up-zh").await?;
    let person = [("number", active[3].as_str()), ("mobile", "13911112222"), ("address", "建设大街1号")];
    desk.business("change-person", &person, booked, "change-person-zh").await?;
    let words = ["正在按规则核对（共 10000 行）", "已写入 2600 / 10000 条", "正在生成回执"];
    desk.told_how_far(words, "progress-zh").await?;
    // A month from suspense, its voucher, and back again.
    let remitted = desk.business("remit", &[("pay", "suspense")], booked, "remit-zh").await?;
    desk.voucher().await?;
    desk.look("/vouchers", "vouchers-zh").await?;
    browser.sees("补打凭证（已打印 1 次）").await?;
    browser.open(&remitted).await?;
    browser.click("a[href^='/business/reverse']").await?;
    browser.fill("#words", "月份有误").await?;
    desk.seen("reverse-zh-form").await?;
    browser.click("main form button").await?;
    browser.find("form[data-agent]").await?;
    desk.seen("reverse-zh-document").await?;
    desk.sign().await?;
    browser.sees(booked).await?;
    desk.look("/changes", "query-changes-full-zh").await?;
    browser.sees("郑小满").await?;
    browser.click("form[action='/logout'] button").await?;
    browser.sees("您已安全退出").await
}

async fn in_english(desk: &Desk, active: &[String], sealed: &[String]) -> anyhow::Result<()> {
    let (browser, booked) = (&desk.browser, "Booked.");
    desk.log_in("en").await?;
    browser.sees("Account balance").await?;
    let said = [UNIT, "Yearly interest", "Heads due", "Day product", "130599********0145", "Before", "Remittance"];
    desk.queries("en", said, &active[0]).await?;
    desk.look("/business", "business-en").await?;
    desk.business("change-unit", &[("bank", "示范银行营业部")], booked, "change-unit-en").await?;
    let newcomer = [
        ("name", "Anna Schmidt"),
        ("id_kind", "03"),
        ("id_number", "C01X00T47"),
        ("mobile", "13900000002"),
        ("base", "9000"),
    ];
    desk.business("open", &newcomer, booked, "open-en").await?;
    desk.business("rebase", &[("number", &active[4]), ("base", "6300.50")], booked, "rebase-en").await?;
    desk.business("seal", &[("number", &active[5]), ("reason", "leave")], booked, "seal-en").await?;
    desk.business("unseal", &[("number", &sealed[1]), ("base", "6000")], booked, "unseal-en").await?;
    let person = [("number", active[6].as_str()), ("mobile", "13911113333"), ("address", "建设大街2号")];
    desk.business("change-person", &person, booked, "change-person-en").await?;
    let words = ["Checking by the rules, 10000 rows", "2600 of 10000 rows written", "Making the receipt"];
    desk.told_how_far(words, "progress-en").await?;
    let arrear = [
        ("number", active[7].as_str()),
        ("month", "2026-10"),
        ("unit_part", "10"),
        ("personal_part", "10"),
        ("difference", "yes"),
        ("pay", "transfer"),
        ("words", "paid short"),
    ];
    let made_up = desk.business("make-up", &arrear, "waiting for the money", "make-up-en").await?;
    paid_by_bank(desk, "20.00", "E1").await?;
    browser.open(&made_up).await?;
    browser.sees(booked).await?;
    // And a month by transfer, with more than enough.
    let remitted = desk.business("remit", &[("pay", "transfer")], "waiting for the money", "remit-en").await?;
    desk.look("/business", "business-waiting-en").await?;
    browser.open(&remitted).await?;
    paid_by_bank(desk, "60000.00", "E2").await?;
    browser.open(&remitted).await?;
    browser.sees(booked).await?;
    desk.seen("remit-en-booked").await?;
    desk.voucher().await?;
    desk.look("/vouchers", "vouchers-en").await?;
    browser.sees("Remit").await
}

/// The money of the document that the browser shows comes with the bank's next statement, under its code.
async fn paid_by_bank(desk: &Desk, amount: &str, serial: &str) -> anyhow::Result<()> {
    let code = desk.browser.find("#pay-code").await?.text().await?;
    let text = format!(
        "交易日期,流水号,贷方发生额,借方发生额,对方户名,对方账号,附言\n2026-11-30,{serial},{amount},,{UNIT},62220001,{code}\n"
    );
    let file = desk.house.file(&format!("{serial}.csv"), text.as_bytes());
    let said = desk.house.operator().await.statements(&[file]).await?;
    ensure!(said.contains("booked"), "{said}");
    Ok(())
}

/// The certificate is revoked after the document was made: it is not booked, and the session is over.
async fn revoked_between_two_clicks(desk: &Desk, active: &[String]) -> anyhow::Result<()> {
    let browser = &desk.browser;
    browser.open(&desk.at("/business/seal")).await?;
    desk.fill_in(&[("number", &active[3]), ("reason", "left")]).await?;
    browser.click("main form button").await?;
    browser.find("form[data-agent]").await?;
    let (since, reason) = (desk.house.now(), RevocationReason::KeyCompromise);
    desk.house.responder.say(&desk.serial, CertificateStatus::Revoked { since, reason });
    desk.sign().await?;
    browser.sees("The certificate is revoked").await?;
    desk.seen("revoked-en").await?;
    browser.open(&desk.at("/unit")).await?;
    browser.sees("Log in with your certificate").await?;
    let (now, _) = employees(&desk.house).await?;
    ensure!(now.contains(&active[3]), "nothing was sealed");
    Ok(())
}
