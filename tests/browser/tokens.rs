//! A unit locks its PIN, the desk unblocks the token with two signatures and a one-time code, and the unit goes on; then
//! its certificate is revoked as a case, from the sealed request to the notice. The real programs, the real lists; the
//! tokens are sealed files, since those lock.

use std::time::Duration;

use anyhow::ensure;
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::counter::CLERK;
use journeys::hall::{Hall, INITIAL_PIN, PINS, TOKENS, UNIT_PIN, journey};
use journeys::house::OFFICERS;
use journeys::judges::text;
use journeys::programs::eventually;

/// What the holder chooses at the counter.
const NEXT_PIN: &str = "19283746";
const SIGN: &str = "form[data-agent] button[type=submit]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_token_is_unblocked_and_a_revocation_ends_with_its_notice() -> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let hall = Hall::open(Carrier::Files, KeyKind::P256, &Ceremony::shipped()?).await?;
        hall.stock_with_admin_pins(&TOKENS[..2])?;
        let certificate = deliver(&hall).await?;
        hall.browser.open(&hall.staff(&format!("/tokens/{}", hall.token_serial(TOKENS[0])?))).await?;
        hall.browser.sees("使用中").await?;
        lock(&hall)?;
        unblock(&hall, &certificate).await?;
        log_in(&hall, NEXT_PIN).await?;
        hall.browser.sees("单位账户余额").await?;
        revoke(&hall, &certificate).await?;
        log_in(&hall, NEXT_PIN).await?;
        hall.browser.sees("证书已吊销").await?;
        hall.house.ca(&["audit", "verify"]).map(drop)
    })
    .await
}

/// A certificate on the first token, whose PIN the unit chooses. Answers the certificate's page.
async fn deliver(hall: &Hall) -> anyhow::Result<String> {
    let browser = &hall.browser;
    let case = hall.apply().await?;
    hall.approve_case(&case).await?;
    hall.take_cash(CLERK, &case, "200").await?;
    hall.make_on(CLERK, &case, TOKENS[0]).await?;
    let certificate = hall.certificate_of(&case).await?;

    browser.open(&hall.portal("/login?lang=zh-CN")).await?;
    browser.click(SIGN).await?;
    let page = browser.enter_popup().await?;
    hall.pick("certificate", TOKENS[0]).await?;
    browser.fill("#pin", INITIAL_PIN).await?;
    browser.click("button[value=sign]").await?;
    browser.fill("#new_pin", UNIT_PIN).await?;
    browser.fill("#new_pin_again", UNIT_PIN).await?;
    browser.click("button[value=new-pin]").await?;
    browser.leave_popup(page).await?;
    browser.sees("单位账户余额").await?;
    Ok(certificate)
}

/// Wrong PINs until none is left; then the right one opens nothing any more.
fn lock(hall: &Hall) -> anyhow::Result<()> {
    hall.lock(TOKENS[0])?;
    let file = hall.folder.path().join("unit.pin");
    std::fs::write(&file, UNIT_PIN)?;
    let file = text(&file)?;
    let tried = hall.agent.tool(&["change-pin", "--token", TOKENS[0], "--pin-file", file, "--new-pin-file", file]);
    ensure!(tried.is_err(), "the PIN is locked: the right one opens nothing any more");
    Ok(())
}

/// One officer writes it down and signs, another signs, and the token is unblocked at the counter.
async fn unblock(hall: &Hall, certificate: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    let matter = fill(hall, certificate, "unlock", &["id_card"]).await?;
    hall.sign(SIGN, OFFICERS[0], PINS[0]).await?;
    browser.sees("待第二人签名").await?;
    hall.officer(1).await?;
    browser.open(&matter).await?;
    hall.sign(SIGN, OFFICERS[1], PINS[1]).await?;
    browser.sees("已批准，待解锁").await?;
    hall.officer(0).await?;
    browser.open(&matter).await?;
    browser.click("form[action$='/grant'] button").await?;
    browser.find(".reference").await?;
    browser.is_accessible().await?;
    hall.picture("staff-unlock-code").await?;
    browser.click("form[data-agent=unlock] button[type=submit]").await?;
    let page = browser.enter_popup().await?;
    browser.fill("#new_pin", NEXT_PIN).await?;
    browser.fill("#new_pin_again", NEXT_PIN).await?;
    browser.click("button[value=unlock]").await?;
    browser.find(".message.ok").await?;
    browser.click("[data-close]").await?;
    browser.leave_popup(page).await?;
    browser.sees("已办结").await?;
    hall.looks_well("staff-unlock").await
}

/// The holder asks in writing, two officers sign, the list has it, the unit is told.
async fn revoke(hall: &Hall, certificate: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    let matter = fill(hall, certificate, "revocation", &["request", "id_card"]).await?;
    browser.click("a[href^='/orders/']").await?;
    hall.sign(SIGN, OFFICERS[0], PINS[0]).await?;
    browser.sees("等待第二位工作人员签名").await?;
    let order = browser.address().await;
    hall.officer(1).await?;
    browser.open(&order).await?;
    hall.sign(SIGN, OFFICERS[1], PINS[1]).await?;
    hall.officer(0).await?;
    eventually("the list has the revocation", Duration::from_secs(60), async || {
        browser.open(&matter).await.is_ok() && browser.text().await.contains("已公布，待告知单位")
    })
    .await?;
    hall.looks_well("staff-revocation").await?;
    browser.fill("#told", "通知书当面签收").await?;
    browser.click("form[action$='/told'] button").await?;
    browser.sees("本事项已办结").await
}

/// Begins a matter on the certificate's page and fills it in, with a fault first. Answers the way to its page.
async fn fill(hall: &Hall, certificate: &str, kind: &str, papers: &[&str]) -> anyhow::Result<String> {
    let browser = &hall.browser;
    browser.open(certificate).await?;
    browser.click(&format!("button[value={kind}]")).await?;
    browser.click("button[value=check]").await?;
    browser.find(".errors a[href='#applicant']").await?;
    hall.looks_well(&format!("staff-{kind}-form")).await?;
    browser.choose("way", "counter").await?;
    if kind == "revocation" {
        browser.choose("ground", "holder-asks").await?;
    }
    browser.fill("#applicant", "周晓燕").await?;
    browser.fill("#checked", "身份证原件与档案一致").await?;
    for paper in papers {
        hall.scan(paper, "id-card.png").await?;
    }
    browser.click("button[value=check]").await?;
    browser.sees("双人签名").await?;
    let address = browser.address().await;
    Ok(address.split('?').next().unwrap_or_default().to_owned())
}

/// The unit signs in to the portal.
async fn log_in(hall: &Hall, pin: &str) -> anyhow::Result<()> {
    hall.browser.open(&hall.portal("/login?lang=zh-CN")).await?;
    hall.sign(SIGN, TOKENS[0], pin).await
}
