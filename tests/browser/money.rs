//! Money at the counter, as people do it, in Chromium over the real programs: a unit enrols and pays, renews for two years
//! in cash with change and a receipt, the clerk counts the drawer, finance takes it over, and the books balance.

use std::time::Duration;

use anyhow::ensure;
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::counter::{CLERK, FINANCE};
use journeys::hall::{Hall, TOKENS, journey};
use journeys::house::OFFICERS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_renews_for_two_years_in_cash_and_finance_closes_the_day() -> anyhow::Result<()> {
    journey(Duration::from_secs(900), async {
        let mut hall = Hall::open(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?).await?;
        hall.renewable_at_once().await?;
        let first = hall.apply().await?;
        hall.approve_case(&first).await?;
        hall.browser.sees("待缴费").await?;
        ensure!(!hall.offers("a[href$='/counter']").await, "nothing is made before it is paid");
        hall.take_cash(CLERK, &first, "").await?;
        hall.make_on(CLERK, &first, TOKENS[0]).await?;
        renew(&hall, &first).await?;
        close_the_day(&hall).await
    })
    .await
}

/// Two years, paid with a 500-yuan handful: 100 yuan of change, a receipt, a new token.
async fn renew(hall: &Hall, first: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.open(&hall.staff(&format!("/applications/{first}"))).await?;
    browser.click("a[href^='/certificates/']").await?;
    browser.click("button[value=renewal]").await?;
    browser.find("#id_card").await?;
    browser.choose("years", "2").await?;
    hall.scan("id_card", "id-card.png").await?;
    let number = hall.submit_case(CLERK).await?;
    hall.approve_case(&number).await?;
    hall.officer(CLERK).await?;
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    browser.click("a[href^='/money/bills/']").await?;
    browser.sees("肆佰元整").await?;
    hall.looks_well("money-bill-open").await?;
    browser.fill("#handed", "399").await?;
    browser.click("form[action$='/pay'] button").await?;
    browser.find(".errors a[href='#handed']").await?;
    hall.take_cash(CLERK, &number, "500").await?;
    browser.sees("100.00").await?;

    let bill = browser.address().await;
    browser.click("form[action$='/receipt'] button").await?;
    // The receipt opens beside the page.
    let page = browser.enter_popup().await?;
    browser.driver.close_window().await?;
    browser.leave_popup(page).await?;
    browser.open(&bill).await?;
    browser.sees("已打印 1 次").await?;
    hall.make_on(CLERK, &number, TOKENS[1]).await
}

/// The clerk counts 600 yuan, finance confirms, the books balance.
async fn close_the_day(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.open(&hall.staff("/money")).await?;
    browser.click("a[href^='/money/drawers/']").await?;
    browser.find("#counted").await?;
    let drawer = browser.address().await;
    browser.fill("#counted", "600").await?;
    browser.click("form[action$='/count'] button").await?;
    browser.sees("待财务确认").await?;

    hall.officer(FINANCE).await?;
    browser.sees("收费").await?;
    browser.open(&drawer).await?;
    browser.click("form[action$='/confirm'] button").await?;
    browser.sees("已确认").await?;
    browser.open(&hall.staff("/money/books")).await?;
    browser.sees("借贷相等").await?;
    browser.sees("600.00").await?;
    ensure!(OFFICERS[FINANCE] == "liufang", "finance stands at its place");
    Ok(())
}
