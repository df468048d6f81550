//! What happens to tokens and to certificates in use: stock, unlocking, loss, warranty exchange.

use anyhow::{Context as _, ensure};
use journeys::counter::{CLERK, REVIEWER};
use journeys::hall::{AUTHORITY, Hall, NAMES, PINS, TOKENS};
use journeys::house::OFFICERS;
use journeys::judges::OcspVerdict;

use super::OTHER;

const SIGN: &str = "form[data-agent] button[type=submit]";
/// What the holder chooses at the counter.
const NEXT_PIN: &str = "19283746";

/// The first token has an admin PIN of its own. The browser is closed in the moment in which the others are received; the
/// other clerk sends the same list: each is there once, and the count agrees.
pub(super) async fn stock(hall: &mut Hall) -> anyhow::Result<()> {
    hall.stock_with_admin_pins(&TOKENS[..1])?;
    let serials = [hall.token_serial(TOKENS[1])?, hall.token_serial(TOKENS[2])?];
    hall.officer(CLERK).await?;
    receive(hall, &serials).await?;
    let press = "setTimeout(() => document.querySelector(\"form[action='/stock/receive'] button\").click())";
    hall.browser.driver.execute(press, vec![]).await?;
    hall.close_and_reopen_browser().await?;

    hall.officer(OTHER).await?;
    receive(hall, &serials).await?;
    hall.browser.click("form[action='/stock/receive'] button").await?;
    if hall.offers(".errors").await {
        hall.browser.sees("什么都没有登记").await?;
    }
    hall.browser.open(&hall.staff("/stock/count")).await?;
    let all = [&serials[..], &[hall.token_serial(TOKENS[0])?]].concat().join("\n");
    hall.browser.fill("#serials", &all).await?;
    hall.browser.click("form[action='/stock/count'] button").await?;
    hall.browser.sees("3 / 3").await?;
    for serial in &serials {
        let page = hall.staff(&format!("/tokens/{serial}"));
        hall.browser.open(&page).await?;
        let text = hall.browser.text().await;
        ensure!(text.matches("入库").count() == 1, "received once:\n{text}");
    }
    Ok(())
}

async fn receive(hall: &Hall, serials: &[String]) -> anyhow::Result<()> {
    hall.browser.open(&hall.staff("/stock/receive")).await?;
    hall.browser.fill("#serials", &serials.join("\n")).await?;
    hall.browser.fill("#model", "Soft").await?;
    hall.browser.set_day("#purchased", "2026-01-02").await
}

/// A unit's first certificate, with nothing in the way. Answers its page.
pub(super) async fn plain(hall: &Hall) -> anyhow::Result<String> {
    let case = hall.apply().await?;
    hall.approve_case(&case).await?;
    hall.take_cash(CLERK, &case, "").await?;
    hall.make_on(CLERK, &case, TOKENS[0]).await?;
    hall.certificate_of(&case).await
}

/// The token is pulled under the one-time code; the other clerk gives another one.
pub(super) async fn unlock(hall: &Hall, certificate: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.lock(TOKENS[0])?;
    hall.officer(CLERK).await?;
    browser.open(certificate).await?;
    browser.click("button[value=unlock]").await?;
    browser.choose("way", "counter").await?;
    browser.fill("#applicant", "周晓燕").await?;
    browser.fill("#checked", "身份证原件与档案一致").await?;
    hall.scan("id_card", "id-card.png").await?;
    browser.click("button[value=check]").await?;
    browser.sees("双人签名").await?;
    let matter = browser.address().await.split('?').next().context("an address")?.to_owned();
    hall.sign(SIGN, OFFICERS[CLERK], PINS[CLERK]).await?;
    browser.sees("待第二人签名").await?;
    hall.officer(REVIEWER).await?;
    browser.open(&matter).await?;
    hall.sign(SIGN, OFFICERS[REVIEWER], PINS[REVIEWER]).await?;
    browser.sees("已批准，待解锁").await?;

    hall.officer(CLERK).await?;
    let window = code(hall, &matter).await?;
    hall.pull(TOKENS[0])?;
    browser.click("button[value=unlock]").await?;
    hall.gives_up(window).await?;
    hall.plug(TOKENS[0])?;
    hall.officer(OTHER).await?;
    let window = code(hall, &matter).await?;
    browser.click("button[value=unlock]").await?;
    browser.find(".message.ok").await?;
    browser.click("[data-close]").await?;
    browser.leave_popup(window).await?;
    browser.sees("已办结").await?;
    hall.tells(&matter, &[("发解锁码", NAMES[CLERK]), ("发解锁码", NAMES[OTHER]), ("第一人签名", NAMES[CLERK])])
        .await?;
    hall.responder_says(certificate, OcspVerdict::Good).await
}

/// Gives a one-time code and has the holder choose a PIN, which is not sent off yet.
async fn code(hall: &Hall, matter: &str) -> anyhow::Result<thirtyfour::WindowHandle> {
    let browser = &hall.browser;
    browser.open(matter).await?;
    browser.click("form[action$='/grant'] button").await?;
    browser.click("form[data-agent=unlock] button[type=submit]").await?;
    let window = browser.enter_popup().await?;
    browser.fill("#new_pin", NEXT_PIN).await?;
    browser.fill("#new_pin_again", NEXT_PIN).await?;
    Ok(window)
}

/// The authority is away when the hold is signed; the other clerk sends it and takes in the re-issue, the first one makes
/// it. Answers the new certificate's page.
pub(super) async fn loss(hall: &mut Hall, old: &str) -> anyhow::Result<String> {
    hall.officer(CLERK).await?;
    hall.browser.open(old).await?;
    hall.browser.click("form[action$='/hold'] button").await?;
    hall.browser.find("form[data-agent=sign]").await?;
    let order = hall.browser.address().await;
    hall.authority_goes()?;
    hall.sign(SIGN, OFFICERS[CLERK], PINS[CLERK]).await?;
    hall.browser.sees("证书签发系统暂时没有响应").await?;
    hall.authority_returns().await?;
    hall.officer(OTHER).await?;
    hall.browser.open(&order).await?;
    hall.browser.click("form[action$='/send'] button").await?;
    hall.browser.sees("已冻结").await?;
    hall.responder_says(old, OcspVerdict::Revoked).await?;

    let browser = &hall.browser;
    browser.open(old).await?;
    browser.click("button[value=loss]").await?;
    for (field, file) in [("loss_statement", "licence.png"), ("id_card", "id-card.png")] {
        hall.scan(field, file).await?;
    }
    let case = hall.submit_case(OTHER).await?;
    hall.approve_case(&case).await?;
    hall.officer(CLERK).await?;
    hall.make_on(CLERK, &case, TOKENS[1]).await?;
    let new = hall.certificate_of(&case).await?;
    hall.responder_says(&new, OcspVerdict::Good).await?;
    hall.responder_says(old, OcspVerdict::Revoked).await?;
    hall.tells(old, &[("签名齐全，交签发系统执行", NAMES[CLERK]), ("冻结", NAMES[OTHER]), ("已由新证书替换", "系统")])
        .await?;
    let case = hall.staff(&format!("/applications/{case}"));
    hall.tells(&case, &[("受理人签名，提交复核", NAMES[OTHER]), ("开始制证", NAMES[CLERK])]).await?;
    Ok(new)
}

/// The new token is pulled while its certificate is on the way; the other clerk goes on with the same one, and only then
/// the faulty token is out of use.
pub(super) async fn exchange(hall: &Hall, old: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(CLERK).await?;
    browser.open(old).await?;
    browser.click("button[value=exchange]").await?;
    browser.find("#fault_report").await?;
    browser.set_day("#purchased", "2026-01-02").await?;
    for (field, file) in [("purchase_proof", "licence.png"), ("fault_report", "licence.png")] {
        hall.scan(field, file).await?;
    }
    let case = hall.submit_case(CLERK).await?;
    hall.approve_case(&case).await?;
    let window = hall.make_until_asked(CLERK, &case, TOKENS[2]).await?;
    hall.pull(TOKENS[2])?;
    hall.programs[AUTHORITY].go_on()?;
    hall.gives_up(window).await?;
    hall.responder_says(old, OcspVerdict::Good).await.context("the old one works until the new one is on its token")?;
    let issued = hall.certificate_of(&case).await?;
    hall.plug(TOKENS[2])?;
    hall.officer(OTHER).await?;
    hall.make_on(OTHER, &case, TOKENS[2]).await?;
    let new = hall.certificate_of(&case).await?;
    ensure!(issued == new, "it is the certificate that was on the way: {issued}, {new}");
    hall.responder_says(&new, OcspVerdict::Good).await?;
    hall.responder_says(old, OcspVerdict::Revoked).await?;
    browser.open(&hall.staff(&format!("/tokens/{}", hall.token_serial(TOKENS[1])?))).await?;
    browser.sees("已更换").await?;
    let lines = [("开始制证", NAMES[CLERK]), ("开始制证", NAMES[OTHER]), ("证书已签发", "系统")];
    hall.tells(&hall.staff(&format!("/applications/{case}")), &lines).await
}
