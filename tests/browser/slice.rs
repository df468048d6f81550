//! The main job, as people do it, in Chromium over the real programs: an officer enters an application with
//! scans, a second one approves it, the certificate is made on a token through the assistant's window, the unit
//! logs in to the fund portal, loses the token and is given another, two officers revoke, the next login is refused and says why. Nothing is replaced
//! by a double. Once on SoftHSM2 tokens, where each page on the way is looked at by axe-core in both languages;
//! once on file tokens with SM2 keys throughout: root, issuing CA, responder, officers and unit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use journeys::agent::{Agent, Carrier, Site};
use journeys::browser::Browser;
use journeys::ceremony::Ceremony;
use journeys::house::{Engine, House, OFFICERS};
use journeys::judges::root;
use journeys::programs::Program;
use thirtyfour::By;

const UNIT: &str = "示范市东湖建筑工程有限公司";
const USCC: &str = "91130502MA0ABCDE61";
const NAMES: [&str; 3] = ["李敏", "王强", "赵静"];
const PINS: [&str; 3] = ["24681357", "13572468", "97531864"];
/// The unit's token, and the one that it is given when that one is lost.
const TOKENS: [&str; 2] = ["unit-001", "unit-002"];
const INITIAL_PIN: &str = "123456";
const UNIT_PIN: &str = "86420975";
/// The first form of the bar is the search.
const SIGN_OUT: &str = "form[action='/logout'] button";

/// Places in [`Hall::programs`].
const AUTHORITY: usize = 0;
const RESPONDER: usize = 1;

/// The running house with the assistant of the counter's computer and one browser.
struct Hall {
    house: House,
    agent: Agent,
    browser: Browser,
    folder: tempfile::TempDir,
    programs: Vec<Program>,
    /// What tokens are made of.
    carrier: Carrier,
    /// The kind of all keys in them.
    kind: KeyKind,
}

impl Hall {
    /// Tokens first, since officers' keys are born in them; then the ceremony; then everything is started.
    async fn open(carrier: Carrier, kind: KeyKind, ceremony: &Ceremony) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let tokens = Agent::start_over(carrier, folder.path(), journeys::programs::free_port()?, &[]).await?;
        let mut requests = Vec::new();
        for ((id, name), pin) in OFFICERS.iter().zip(NAMES).zip(PINS) {
            tokens.init(id, pin)?;
            let file = format!("{id}.csr");
            let request = ["--token", id, "--common-name", name, "--key", kind.name(), "--request-out", &file];
            tool(&tokens, folder.path(), pin, &request)?;
            requests.push(std::fs::read_to_string(folder.path().join(file))?);
        }
        for unit in TOKENS {
            tokens.init(unit, INITIAL_PIN)?;
        }
        let requests: [String; 3] = requests.try_into().map_err(|_| anyhow::anyhow!("three officers"))?;
        let house = House::found(Engine::Sqlite, ceremony, &requests)?;
        for (id, pin) in OFFICERS.iter().zip(PINS) {
            let certificate = house.certificate_file(id);
            let certificate = certificate.to_str().context("a UTF-8 path")?;
            tool(&tokens, folder.path(), pin, &["--token", id, "--install", certificate])?;
        }
        // SoftHSM2 shows a program the tokens that were there when it started.
        drop(tokens);

        let staff = format!("http://127.0.0.1:{}", house.ports.staff);
        let portal = format!("http://127.0.0.1:{}", house.ports.portal);
        let sites = [
            Site { origin: &staff, name: "示范办事处", may: &["login", "order", "provision"] },
            Site { origin: &portal, name: "示范公积金", may: &["login"] },
        ];
        let agent = Agent::start_over(carrier, folder.path(), house.ports.agent, &sites).await?;
        let programs = vec![
            house.start_ca().await?,
            house.start_responder().await?,
            house.start_office().await?,
            house.start_portal().await?,
        ];
        Ok(Self { house, agent, browser: Browser::start(&[]).await?, folder, programs, carrier, kind })
    }

    fn staff(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.house.ports.staff)
    }

    fn portal(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.house.ports.portal)
    }

    /// Clicks what opens the assistant, picks the certificate on `token`, types the PIN and comes back.
    async fn sign(&self, button: &str, token: &str, pin: &str) -> anyhow::Result<()> {
        self.browser.click(button).await?;
        let page = self.browser.enter_popup().await?;
        self.pick("certificate", token).await?;
        self.browser.fill("#pin", pin).await?;
        self.browser.is_accessible().await.context("the assistant's window")?;
        self.picture("assistant").await?;
        self.browser.click("button[value=sign]").await?;
        self.browser.leave_popup(page).await
    }

    /// Leaves a picture of the page where `YINXIN_PICTURES` says.
    async fn picture(&self, name: &str) -> anyhow::Result<()> {
        match std::env::var_os("YINXIN_PICTURES").map(PathBuf::from) {
            Some(folder) if self.carrier == Carrier::Files => {
                self.browser.picture(&folder.join(format!("sm2-{name}.png"))).await
            }
            Some(folder) => self.browser.picture(&folder.join(format!("{name}.png"))).await,
            None => Ok(()),
        }
    }

    /// Chooses the line that names `what` where the window offers several.
    async fn pick(&self, group: &str, what: &str) -> anyhow::Result<()> {
        self.browser.find(&format!("input[name={group}]")).await?;
        for line in self.browser.driver.find_all(By::Css("label.choice")).await? {
            let Ok(input) = line.find(By::Css(format!("input[name={group}]"))).await else { continue };
            if line.text().await?.contains(what) {
                return Ok(input.click().await?);
            }
        }
        anyhow::bail!("{what} is not offered:\n{}", self.browser.text().await)
    }

    /// Logs an officer in, whoever was there before.
    async fn officer(&self, who: usize) -> anyhow::Result<()> {
        self.browser.open(&self.staff("/")).await?;
        if let Ok(sign_out) = self.browser.driver.find(By::Css(SIGN_OUT)).await {
            sign_out.click().await?;
            // The page that comes is waited for: the next one must not overtake it.
            self.browser.find("form[data-agent]").await?;
        }
        self.browser.open(&self.staff("/login")).await?;
        self.sign("form[data-agent] button[type=submit]", OFFICERS[who], PINS[who]).await?;
        self.browser.sees(NAMES[who]).await
    }

    /// Sees that the page is accessible in both languages and at both sizes, leaves its picture where
    /// `YINXIN_PICTURES` says, and comes back to it in Chinese. Once is enough: not on file tokens.
    async fn looks_well(&self, name: &str) -> anyhow::Result<()> {
        if self.carrier == Carrier::Files {
            return Ok(());
        }
        let address = self.browser.address().await;
        let plain = address.split('?').next().unwrap_or_default().to_owned();
        for language in ["en", "zh-CN"] {
            self.browser.open(&format!("{plain}?lang={language}")).await?;
            for (width, height) in [(390, 844), (1366, 768)] {
                self.browser.resize(width, height).await?;
                self.browser.is_accessible().await.with_context(|| format!("{name} in {language}"))?;
                self.picture(&format!("{name}-{language}-{width}")).await?;
            }
        }
        Ok(())
    }
}

/// `token enrol …` with a PIN, in `folder`.
fn tool(agent: &Agent, folder: &Path, pin: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let pin_file = folder.join("pin");
    std::fs::write(&pin_file, pin)?;
    let pin_file = pin_file.to_str().context("a UTF-8 path")?;
    let mut all = vec!["enrol".to_owned(), "--pin-file".into(), pin_file.into()];
    for argument in arguments {
        let file = argument.ends_with(".csr");
        all.push(if file { folder.join(argument).display().to_string() } else { (*argument).to_owned() });
    }
    agent.tool(&all.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_gets_a_token_logs_in_is_revoked_and_refused() -> anyhow::Result<()> {
    let journey = async {
        let mut hall = Hall::open(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?).await?;
        journey(&hall).await?;
        let seen = hall.agent.hsm()?.pkcs11_tool(&["--token-label", "unit-001", "--list-objects"])?;
        ensure!(seen.contains("Certificate Object"), "the certificate is on the token:\n{seen}");
        outages(&mut hall).await
    };
    let all = tokio::time::timeout(Duration::from_secs(420), journey).await;
    all.context("the journey takes longer than seven minutes")?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_and_its_officers_use_sm2_throughout() -> anyhow::Result<()> {
    let journey = async {
        let hall = Hall::open(Carrier::Files, KeyKind::Sm2, &Ceremony::of("SM2", "SM2", "", "")?).await?;
        journey(&hall).await?;
        hall.browser.open(&format!("{}/?lang=zh-CN", hall.agent.origin())).await?;
        hall.browser.sees("SM2").await?;
        hall.picture("assistant-home").await
    };
    let all = tokio::time::timeout(Duration::from_secs(300), journey).await;
    all.context("the journey takes longer than five minutes")?
}

/// From the application to the refused login.
async fn journey(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    let number = enter(hall).await?;
    approve(hall, &number).await?;
    make(hall, &number, TOKENS[0]).await?;
    let seen = hall.agent.tool(&["list"])?;
    let pair = seen.lines().filter(|line| line.contains(UNIT)).count();
    ensure!(pair == 2, "both certificates of the pair are on the token:\n{seen}");
    first_login(hall, TOKENS[0]).await?;
    hall.picture("portal-unit").await?;
    browser.click("form[action='/logout'] button").await?;

    // The token is lost: the old one is frozen, a new one made for the rest of the term, the account is the same.
    let number = reissue(hall, &number).await?;
    browser.open(&hall.portal("/login?lang=zh-CN")).await?;
    hall.sign("form[data-agent] button[type=submit]", TOKENS[0], UNIT_PIN).await?;
    browser.sees("证书介质丢失、被盗或密钥泄露").await?;
    first_login(hall, TOKENS[1]).await?;
    browser.click("form[action='/logout'] button").await?;

    // Two officers revoke; the next login is refused and says why.
    revoke(hall, &number).await?;
    browser.open(&hall.portal("/login?lang=zh-CN")).await?;
    hall.sign("form[data-agent] button[type=submit]", TOKENS[1], UNIT_PIN).await?;
    browser.sees("证书已吊销").await?;
    browser.sees("证书介质丢失、被盗或密钥泄露").await?;
    hall.picture("portal-refused").await?;
    browser.open(&hall.portal("/")).await?;
    ensure!(!browser.text().await.contains("单位账户余额"), "no session was opened");

    // What is left behind: an unbroken audit, every certificate accounted for.
    hall.house.ca(&["audit", "verify"])?;
    hall.house.ca(&["check"])?;
    Ok(())
}

/// The unit logs in with the PIN that came with the token: it must be changed before anything is signed.
async fn first_login(hall: &Hall, token: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.open(&hall.portal("/login?lang=zh-CN")).await?;
    browser.click("form[data-agent] button[type=submit]").await?;
    let page = browser.enter_popup().await?;
    hall.pick("certificate", token).await?;
    browser.fill("#pin", INITIAL_PIN).await?;
    browser.click("button[value=sign]").await?;
    browser.fill("#new_pin", INITIAL_PIN).await?;
    browser.fill("#new_pin_again", INITIAL_PIN).await?;
    browser.click("button[value=new-pin]").await?;
    browser.find("#new_pin[aria-invalid=true]").await?;
    browser.fill("#new_pin", UNIT_PIN).await?;
    browser.fill("#new_pin_again", UNIT_PIN).await?;
    browser.click("button[value=new-pin]").await?;
    browser.leave_popup(page).await?;
    browser.sees("单位账户余额").await?;
    browser.sees(USCC).await
}

/// One officer freezes the certificate of the lost token and takes in the re-issue, another approves, a new token is
/// made. Answers the number of the new case.
async fn reissue(hall: &Hall, number: &str) -> anyhow::Result<String> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    browser.click("a[href^='/certificates/']").await?;
    browser.sees("请先冻结原证书").await?;
    let certificate = browser.address().await;
    browser.click("form[action$='/hold'] button").await?;
    browser.find("form[data-agent=sign]").await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[0], PINS[0]).await?;
    browser.sees("已冻结").await?;

    browser.open(&certificate).await?;
    hall.looks_well("staff-held").await?;
    browser.click("button[value=loss]").await?;
    browser.find("#loss_statement").await?;
    hall.looks_well("staff-loss-form").await?;
    browser.click("button[value=check]").await?;
    browser.find(".errors a[href='#loss_statement']").await?;
    for (field, file) in [("loss_statement", "licence.png"), ("id_card", "id-card.png")] {
        let scan = root().join("scripts/demo/application").join(file);
        browser.fill(&format!("#{field}"), scan.to_str().context("a UTF-8 path")?).await?;
    }
    browser.click("button[value=check]").await?;
    browser.sees("到原证书到期日").await?;
    let address = browser.address().await;
    let number = address.split("/applications/").nth(1).and_then(|rest| rest.split('/').next());
    let number = number.with_context(|| format!("a case's number in {address}"))?.to_owned();
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[0], PINS[0]).await?;
    browser.sees("待复核").await?;

    hall.officer(1).await?;
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    hall.looks_well("staff-loss-review").await?;
    hall.sign("form[action$='/approve'] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    browser.sees("待制证").await?;
    make(hall, &number, TOKENS[1]).await?;
    browser.open(&certificate).await?;
    browser.sees("已由新证书替换").await?;
    Ok(number)
}

/// While the authority or the responder is away nobody is let in, and the page says that it is not their fault.
async fn outages(hall: &mut Hall) -> anyhow::Result<()> {
    let button = "form[data-agent] button[type=submit]";
    hall.programs[AUTHORITY].terminate()?;
    hall.browser.open(&hall.staff("/")).await?;
    hall.browser.click(SIGN_OUT).await?;
    hall.browser.find("form[data-agent]").await?;
    hall.browser.open(&hall.staff("/login")).await?;
    hall.sign(button, OFFICERS[0], PINS[0]).await?;
    hall.browser.sees("暂时无法查询工作人员登记册").await?;

    hall.programs[AUTHORITY] = hall.house.start_ca().await?;
    hall.officer(0).await?;

    hall.programs[RESPONDER].terminate()?;
    hall.browser.open(&hall.portal("/login")).await?;
    hall.sign(button, TOKENS[1], UNIT_PIN).await?;
    hall.browser.sees("暂时无法查询证书状态").await
}

/// The entry officer takes in the application, with faults first, and signs it.
async fn enter(hall: &Hall) -> anyhow::Result<String> {
    let browser = &hall.browser;
    browser.open(&hall.staff("/login?lang=zh-CN")).await?;
    hall.looks_well("staff-login").await?;
    hall.officer(0).await?;
    browser.open(&hall.staff("/")).await?;
    hall.looks_well("staff-empty").await?;
    browser.open(&hall.staff("/officers")).await?;
    browser.sees(NAMES[2]).await?;
    hall.looks_well("staff-officers").await?;
    browser.open(&hall.staff("/applications/new")).await?;
    hall.looks_well("staff-form").await?;

    browser.fill("#unit_name", UNIT).await?;
    browser.fill("#uscc", "91130503MA0CK7Q").await?;
    let not_a_scan = hall.folder.path().join("licence.png");
    std::fs::write(&not_a_scan, "this is text")?;
    browser.fill("#licence", not_a_scan.to_str().context("a UTF-8 path")?).await?;
    browser.click("button[value=check]").await?;
    browser.find(".errors a[href='#uscc']").await?;
    browser.find(".errors a[href='#licence']").await?;
    browser.is_accessible().await?;
    hall.picture("staff-form-errors").await?;
    let kept = browser.find("#unit_name").await?.prop("value").await?;
    ensure!(kept.as_deref() == Some(UNIT), "what was typed is kept: {kept:?}");

    browser.fill("#uscc", USCC).await?;
    for (field, text) in [
        ("#address", "示范市东湖区建设大街18号"),
        ("#legal_person", "周建国"),
        ("#handler_name", "周晓燕"),
        ("#handler_mobile", "13800000001"),
        ("#handler_id", "11010519491231002X"),
    ] {
        browser.fill(field, text).await?;
    }
    for (group, value) in [("unit_kind", "enterprise"), ("years", "1"), ("key", hall.kind.name())] {
        browser.choose(group, value).await?;
    }
    for (field, file) in [("licence", "licence.png"), ("id_card", "id-card.png"), ("seal", "seal.png")] {
        let scan = root().join("scripts/demo/application").join(file);
        browser.fill(&format!("#{field}"), scan.to_str().context("a UTF-8 path")?).await?;
    }
    browser.click("button[value=check]").await?;
    browser.sees("110105********002X").await?;
    ensure!(!browser.text().await.contains("11010519491231002X"), "the number is masked");
    let address = browser.address().await;
    let number = address.split("/applications/").nth(1).and_then(|rest| rest.split('/').next());
    let number = number.with_context(|| format!("an application's number in {address}"))?.to_owned();
    hall.looks_well("staff-check").await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[0], PINS[0]).await?;
    browser.sees("待复核").await?;
    // Who entered it is told why they cannot approve it.
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    ensure!(browser.driver.find(By::Css("form[action$='/approve']")).await.is_err(), "no approval by the same officer");
    hall.looks_well("staff-case").await?;
    Ok(number)
}

/// The second officer approves it.
async fn approve(hall: &Hall, number: &str) -> anyhow::Result<()> {
    hall.officer(1).await?;
    hall.browser.open(&hall.staff("/")).await?;
    hall.looks_well("staff-queue").await?;
    hall.browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    hall.looks_well("staff-review").await?;
    hall.sign("form[action$='/approve'] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    hall.browser.sees("待制证").await
}

/// The operator makes the certificate on the unit's token, with the wrong PIN first.
async fn make(hall: &Hall, number: &str, token: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    browser.open(&hall.staff(&format!("/applications/{number}/counter"))).await?;
    hall.looks_well("staff-counter").await?;
    browser.click("form[action$='/ticket'] button").await?;
    browser.click("form[data-agent=provision] button[type=submit]").await?;
    let page = browser.enter_popup().await?;
    for (token_pin, done) in [("999999", false), (INITIAL_PIN, true)] {
        hall.pick("token", token).await?;
        browser.fill("#token_pin", token_pin).await?;
        hall.pick("operator", OFFICERS[0]).await?;
        browser.fill("#operator_pin", PINS[0]).await?;
        browser.click("button[value=provision]").await?;
        if !done {
            browser.find("[aria-invalid=true], .errors, [role=alert]").await?;
        }
    }
    browser.find(".message.ok").await?;
    browser.click("[data-close]").await?;
    browser.leave_popup(page).await?;
    browser.sees("制证完成").await?;
    hall.looks_well("staff-delivered").await
}

/// One officer asks for the revocation, the other confirms it.
async fn revoke(hall: &Hall, number: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    browser.click("a[href^='/certificates/']").await?;
    browser.sees("有效").await?;
    hall.looks_well("staff-certificate").await?;
    browser.click("#revoke summary").await?;
    browser.choose("reason", "key_compromise").await?;
    browser.click("#revoke form button[type=submit]").await?;
    browser.find("form[data-agent=sign]").await?;
    let order = browser.address().await;
    hall.looks_well("staff-order").await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[0], PINS[0]).await?;
    browser.sees("等待第二位工作人员签名").await?;

    hall.officer(1).await?;
    browser.open(&order).await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    browser.sees("已吊销").await?;
    browser.open(&hall.staff(&format!("/units/{USCC}"))).await?;
    hall.looks_well("staff-unit").await
}
