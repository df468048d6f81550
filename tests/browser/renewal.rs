//! A renewal online, as a unit does it, in Chromium over the real programs: sign in with the token, check, form, signature,
//! payment on the page of what stands in for Stripe, installation on the same token, and the next sign-in with the new
//! certificate. On the way the path is left and taken up again, a way of payment is given up for another, and the
//! provider's messages come twice, late, or not at all.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::counter::CLERK;
use journeys::hall::{Hall, INITIAL_PIN, SIGN_OUT, TOKENS, UNIT_PIN, journey};
use journeys::programs::eventually;

const SIGN_IN: &str = "form[data-agent] button[type=submit]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_renews_online_from_token_to_token() -> anyhow::Result<()> {
    journey(Duration::from_secs(900), async {
        let mut hall = Hall::open(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?).await?;
        hall.renewable_at_once().await?;
        let stripe = hall.house.start_stripe().await?;
        hall.programs.push(stripe);
        let first = hall.apply().await?;
        hall.approve_case(&first).await?;
        hall.take_cash(CLERK, &first, "").await?;
        hall.make_on(CLERK, &first, TOKENS[0]).await?;
        first_login(&hall).await?;
        form_and_signature(&hall).await?;
        payment(&hall).await?;
        installation(&hall).await?;
        without_a_clerk(&hall, &first).await?;
        hall.house.ca(&["audit", "verify"])?;
        hall.house.ca(&["check"])?;
        Ok(())
    })
    .await
}

/// The PIN that came with the token must be changed before anything is signed.
async fn first_login(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.open(&hall.public("/?lang=zh-CN")).await?;
    browser.click("a[href='/renew']").await?;
    browser.click(SIGN_IN).await?;
    let page = browser.enter_popup().await?;
    hall.pick("certificate", TOKENS[0]).await?;
    browser.fill("#pin", INITIAL_PIN).await?;
    browser.click("button[value=sign]").await?;
    browser.fill("#new_pin", UNIT_PIN).await?;
    browser.fill("#new_pin_again", UNIT_PIN).await?;
    browser.click("button[value=new-pin]").await?;
    browser.leave_popup(page).await?;
    browser.sees("正在使用的证书").await?;
    hall.looks_well("unit-home").await
}

async fn form_and_signature(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.click("main a[href='/renew']").await?;
    browser.sees("是否有变化").await?;
    hall.looks_well("renew-check").await?;
    browser.open(&hall.public("/renew/changed")).await?;
    browser.find("#unit_name").await?;
    hall.looks_well("renew-changed").await?;
    browser.open(&hall.public("/renew/form")).await?;
    browser.find("#handler_mobile").await?;
    hall.looks_well("renew-form").await?;
    browser.fill("#handler_mobile", "12345").await?;
    browser.click("form[action='/renew/form'] button").await?;
    browser.find(".errors a[href='#handler_mobile']").await?;
    browser.fill("#handler_mobile", "13800138000").await?;
    browser.choose("years", "2").await?;
    browser.click("form[action='/renew/form'] button").await?;
    browser.find("#sign").await?;
    hall.looks_well("renew-sign").await?;
    // Left here, and taken up again after another sign-in.
    browser.click(SIGN_OUT).await?;
    browser.find(SIGN_IN).await?;
    sign_in(hall).await?;
    browser.click("main a[href='/renew']").await?;
    browser.find("#sign").await?;
    hall.sign("#sign", TOKENS[0], UNIT_PIN).await?;
    browser.find("#pay").await?;
    browser.sees("400.00").await?;
    hall.looks_well("renew-pay").await
}

async fn sign_in(hall: &Hall) -> anyhow::Result<()> {
    hall.browser.open(&hall.public("/login?lang=zh-CN")).await?;
    hall.sign(SIGN_IN, TOKENS[0], UNIT_PIN).await?;
    hall.browser.sees("正在使用的证书").await
}

/// One way is given up for another; messages are lost, and the one who comes back is believed only after the provider was
/// asked.
async fn payment(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    deliver(hall, "never").await?;
    browser.choose("way", "wechat_pay").await?;
    browser.click("#pay").await?;
    browser.sees("微信支付付款").await?;
    browser.click("#back").await?;
    browser.sees("还没有收到付款结果").await?;
    browser.open(&hall.public("/renew")).await?;
    browser.choose("way", "alipay").await?;
    browser.click("#pay").await?;
    browser.sees("支付宝付款").await?;
    hall.picture("stripe-stand-in").await?;
    browser.click("#alipay").await?;
    browser.sees("已收到付款").await?;
    // What the provider held back comes now, and changes nothing.
    deliver(hall, "twice").await?;
    browser.open(&hall.public("/renew")).await?;
    browser.find("#install").await?;
    hall.looks_well("renew-install").await
}

async fn deliver(hall: &Hall, how: &str) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/stand-in/delivery/{how}", hall.house.ports.stripe);
    let status = reqwest::Client::new().post(url).send().await?.status();
    ensure!(status.is_success(), "the stand-in answers {status}");
    Ok(())
}

async fn installation(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.click("#install").await?;
    browser.click("#provision").await?;
    let page = browser.enter_popup().await?;
    browser.fill("#token_pin", UNIT_PIN).await?;
    browser.is_accessible().await.context("the assistant's window")?;
    hall.picture("assistant-renew").await?;
    browser.click("button[value=renew]").await?;
    browser.find(".message.ok").await?;
    browser.click("[data-close]").await?;
    browser.leave_popup(page).await?;
    browser.sees("新证书已装好").await?;
    eventually("the invoice is there", Duration::from_secs(30), async || {
        let here = browser.open(&hall.public("/renew")).await;
        here.is_ok() && hall.offers("#invoice").await
    })
    .await?;
    hall.looks_well("renew-done").await?;
    let href = browser.find("#invoice").await?.attr("href").await?.context("an address")?;
    let bill = href.split('/').nth(2).context("a bill")?.to_owned();
    browser.click("#invoice").await?;
    let invoice = browser.downloaded(&format!("invoice-{bill}.pdf")).await?;
    ensure!(std::fs::read(&invoice)?.starts_with(b"%PDF"), "the invoice is a PDF");

    let seen = hall.agent.tool(&["list"])?;
    let on_token = seen.lines().filter(|line| line.contains(journeys::office::UNIT)).count();
    ensure!(on_token == 4, "two pairs are on the token:\n{seen}");
    // The old one lets nobody in any more, the new one does.
    browser.click(SIGN_OUT).await?;
    browser.find(SIGN_IN).await?;
    browser.open(&hall.portal("/login?lang=zh-CN")).await?;
    browser.click(SIGN_IN).await?;
    with_the_latest(hall).await?;
    browser.sees("单位账户余额").await
}

/// How far an order is, help, and the end of the certificate by the unit's own signature.
async fn without_a_clerk(hall: &Hall, first: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    for (path, name) in [("/", "public-home"), ("/progress", "progress"), ("/help", "help"), ("/loss", "loss")] {
        browser.open(&hall.public(path)).await?;
        hall.looks_well(name).await?;
        if path == "/" {
            let list = format!("a[href='http://127.0.0.1:{}/crl/unit-p256.crl']", hall.house.ports.validation);
            browser.find(&list).await?;
        }
    }
    browser.open(&hall.public("/progress?lang=zh-CN")).await?;
    browser.fill("#number", first).await?;
    browser.fill("#handler_mobile", "13800000001").await?;
    browser.click("#ask").await?;
    browser.find("#found").await?;
    browser.sees("已交付").await?;
    browser.is_accessible().await?;

    browser.open(&hall.public("/login?lang=zh-CN")).await?;
    browser.click(SIGN_IN).await?;
    with_the_latest(hall).await?;
    browser.sees("正在使用的证书").await?;
    browser.open(&hall.public("/certificate/end")).await?;
    hall.looks_well("ending").await?;
    browser.choose("ground", "holder-ceased").await?;
    browser.click("#next").await?;
    browser.find("#end").await?;
    browser.is_accessible().await?;
    browser.click("#end").await?;
    with_the_latest(hall).await?;
    browser.sees("证书已吊销").await?;
    browser.is_accessible().await?;
    hall.picture("ended").await?;
    browser.open(&hall.public("/unit")).await?;
    browser.find(SIGN_IN).await?;
    browser.click(SIGN_IN).await?;
    with_the_latest(hall).await?;
    browser.sees("已吊销").await
}

/// In the assistant's window: the certificate that lasts longest stands first.
async fn with_the_latest(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    let page = browser.enter_popup().await?;
    browser.click("input[name=certificate]").await?;
    browser.fill("#pin", UNIT_PIN).await?;
    browser.click("button[value=sign]").await?;
    browser.leave_popup(page).await
}
