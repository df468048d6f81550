//! The main job, as people do it, in Chromium over the real programs: an officer enters an application with
//! scans, a second one approves it, the certificate is made on a token through the assistant's window, the unit
//! logs in to the fund portal, loses the token and is given another, two officers revoke, the next login is refused and says why. Nothing is replaced
//! by a double. Once on SoftHSM2 tokens, where each page on the way is looked at by axe-core in both languages;
//! once on file tokens with SM2 keys throughout: root, issuing CA, responder, officers and unit.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::hall::{AUTHORITY, Hall, INITIAL_PIN, PINS, RESPONDER, SIGN_OUT, TOKENS, UNIT_PIN, journey};
use journeys::house::OFFICERS;
use journeys::judges::root;
use thirtyfour::By;

const UNIT: &str = "示范市东湖建筑工程有限公司";
const USCC: &str = "91130502MA0ABCDE61";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_gets_a_token_logs_in_is_revoked_and_refused() -> anyhow::Result<()> {
    journey(Duration::from_secs(900), async {
        let mut hall = Hall::open(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?).await?;
        from_application_to_refusal(&hall).await?;
        let seen = hall.agent.hsm()?.pkcs11_tool(&["--token-label", "unit-001", "--list-objects"])?;
        ensure!(seen.contains("Certificate Object"), "the certificate is on the token:\n{seen}");
        outages(&mut hall).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_and_its_officers_use_sm2_throughout() -> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let hall = Hall::open(Carrier::Files, KeyKind::Sm2, &Ceremony::of("SM2", "SM2", "", "")?).await?;
        from_application_to_refusal(&hall).await?;
        hall.browser.open(&format!("{}/?lang=zh-CN", hall.agent.origin())).await?;
        hall.browser.sees("SM2").await?;
        hall.picture("assistant-home").await
    })
    .await
}

/// From the application to the refused login.
async fn from_application_to_refusal(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    let number = enter(hall).await?;
    approve(hall, &number).await?;
    hall.take_cash(0, &number, "").await?;
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

/// The unit freezes its certificate on the public site, without its token and without a clerk.
async fn report_loss(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.open(&hall.public("/loss?lang=zh-CN")).await?;
    for (field, text) in [("#uscc", USCC), ("#handler_mobile", "13900139000"), ("#name", "刘芳")] {
        browser.fill(field, text).await?;
    }
    browser.click("#freeze").await?;
    browser.find(".errors a[href='#uscc']").await?;
    browser.sees("没有冻结任何证书").await?;
    browser.is_accessible().await?;
    browser.fill("#handler_mobile", "13800000001").await?;
    browser.click("#freeze").await?;
    browser.sees("证书已冻结").await?;
    browser.is_accessible().await?;
    hall.picture("loss-done").await
}

/// The certificate of the lost token is frozen by the unit itself; an officer takes in the re-issue, another approves, a new token is
/// made. Answers the number of the new case.
async fn reissue(hall: &Hall, number: &str) -> anyhow::Result<String> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    browser.click("a[href^='/certificates/']").await?;
    browser.sees("请先冻结原证书").await?;
    let certificate = browser.address().await;
    report_loss(hall).await?;

    browser.open(&certificate).await?;
    browser.sees("已冻结").await?;
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
    hall.officer(0).await?;
    browser.open(&hall.staff("/")).await?;
    hall.looks_well("staff-empty").await?;
    browser.open(&hall.staff("/applications/new")).await?;

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
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[0], PINS[0]).await?;
    browser.sees("待复核").await?;
    // Who entered it is told why they cannot approve it.
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    ensure!(browser.driver.find(By::Css("form[action$='/approve']")).await.is_err(), "no approval by the same officer");
    Ok(number)
}

/// The second officer approves it.
async fn approve(hall: &Hall, number: &str) -> anyhow::Result<()> {
    hall.officer(1).await?;
    hall.browser.open(&hall.staff("/")).await?;
    hall.browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    hall.looks_well("staff-review").await?;
    hall.sign("form[action$='/approve'] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    hall.browser.sees("待缴费").await
}

/// The operator makes the certificate on the unit's token, with the wrong PIN first.
async fn make(hall: &Hall, number: &str, token: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    browser.open(&hall.staff(&format!("/applications/{number}/counter"))).await?;
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
    browser.click("button[value=revocation]").await?;
    browser.choose("ground", "holder-compromise").await?;
    browser.choose("way", "counter").await?;
    // How a day is typed depends on the browser's language.
    browser.driver.execute("const day = document.querySelector('#invalid_since'); day.value = day.max", vec![]).await?;
    browser.fill("#applicant", "周晓燕").await?;
    browser.fill("#checked", "身份证原件与档案一致").await?;
    let scan = root().join("scripts/demo/application/licence.png");
    browser.fill("#request", scan.to_str().context("a UTF-8 path")?).await?;
    browser.click("button[value=check]").await?;
    browser.click("a[href^='/orders/']").await?;
    browser.find("form[data-agent=sign]").await?;
    let order = browser.address().await;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[0], PINS[0]).await?;
    browser.sees("等待第二位工作人员签名").await?;

    hall.officer(1).await?;
    browser.open(&order).await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    browser.sees("已吊销").await
}
