//! Two administrators enter an officer and make the token, the officer logs in with it, and is signed out when it is pulled:
//! in Chromium over the real programs, on SoftHSM2 tokens.

use std::time::Duration;

use anyhow::ensure;
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::hall::{Hall, INITIAL_PIN, PINS, SIGN_OUT, TOKENS, UNIT_PIN, journey};
use journeys::house::OFFICERS;
use journeys::programs::eventually;

/// Places of the administrators in [`OFFICERS`].
const ADMINISTRATORS: [usize; 2] = [5, 6];
const SIGN: &str = "form[data-agent] button[type=submit]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_officer_gets_a_token_logs_in_and_is_signed_out_when_it_is_pulled() -> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let hall = Hall::open(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?).await?;
        enter_and_pull(&hall).await
    })
    .await
}

async fn enter_and_pull(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    let [first, second] = ADMINISTRATORS;
    browser.open(&hall.staff("/login?lang=zh-CN")).await?;
    hall.officer(first).await?;
    ensure!(browser.address().await.contains("/officers"), "an administrator begins at the register");
    browser.open(&hall.staff("/officers/new")).await?;
    browser.fill("#id", "zhouming").await?;
    browser.fill("#name", "周明").await?;
    browser.choose("role", "ra_entry").await?;
    browser.choose("role", "auditor").await?;
    browser.click("form[action='/officers/new'] button[type=submit]").await?;
    browser.find(".errors a[href='#roles']").await?;
    browser.is_accessible().await?;
    browser.choose("role", "auditor").await?;
    browser.click("form[action='/officers/new'] button[type=submit]").await?;
    browser.find("form[data-agent=sign]").await?;
    let order = browser.address().await;
    hall.sign(SIGN, OFFICERS[first], PINS[first]).await?;
    browser.sees("签名已保存").await?;

    hall.officer(second).await?;
    browser.open(&order).await?;
    hall.sign(SIGN, OFFICERS[second], PINS[second]).await?;
    browser.sees("最后签名的管理员不能制作介质").await?;

    hall.officer(first).await?;
    browser.open(&order).await?;
    hall.looks_well("staff-officer-token").await?;
    browser.click("form[action$='/ticket'] button").await?;
    browser.click("form[data-agent=provision] button[type=submit]").await?;
    let page = browser.enter_popup().await?;
    hall.pick("token", TOKENS[0]).await?;
    browser.fill("#token_pin", INITIAL_PIN).await?;
    hall.pick("operator", OFFICERS[first]).await?;
    browser.fill("#operator_pin", PINS[first]).await?;
    browser.click("button[value=provision]").await?;
    browser.find(".message.ok").await?;
    browser.click("[data-close]").await?;
    browser.leave_popup(page).await?;
    browser.sees("介质已制作并核验").await?;

    browser.click(SIGN_OUT).await?;
    browser.find("form[data-agent]").await?;
    browser.open(&hall.staff("/login")).await?;
    browser.click(SIGN).await?;
    let page = browser.enter_popup().await?;
    hall.pick("certificate", TOKENS[0]).await?;
    browser.fill("#pin", INITIAL_PIN).await?;
    browser.click("button[value=sign]").await?;
    browser.fill("#new_pin", UNIT_PIN).await?;
    browser.fill("#new_pin_again", UNIT_PIN).await?;
    browser.click("button[value=new-pin]").await?;
    browser.leave_popup(page).await?;
    browser.sees("周明").await?;
    // The assistant is heard for longer than a silent one would be waited for.
    tokio::time::sleep(Duration::from_secs(35)).await;
    browser.open(&hall.staff("/applications/new")).await?;
    browser.sees("周明").await?;

    hall.pull(TOKENS[0])?;
    let ended = eventually("the session ends", Duration::from_secs(20), async || {
        let opened = browser.open(&hall.staff("/applications/new")).await.is_ok();
        opened && browser.address().await.contains("/login?ended=pulled")
    });
    ended.await?;
    browser.sees("证书介质已拔出").await?;
    browser.is_accessible().await?;
    hall.picture("staff-pulled").await?;
    hall.house.ca(&["audit", "verify"])?;
    hall.house.ca(&["check"])?;
    Ok(())
}
