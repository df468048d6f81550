//! What goes over the desk as a case: enrolment, change of particulars, renewal with its money; and a revocation.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use journeys::counter::{CLERK, REVIEWER};
use journeys::hall::{AUTHORITY, Hall, NAMES, PINS, TOKENS};
use journeys::house::OFFICERS;
use journeys::judges::OcspVerdict;
use journeys::office::UNIT;
use journeys::programs::eventually;

use super::{OTHER, number};

const RENAMED: &str = "示范市东湖建筑工程集团有限公司";

/// The browser is closed over a half-typed form; what was saved is there for the other clerk. Later the token is pulled
/// while its certificate is on the way: the other clerk goes on with the same one. Answers the certificate's page.
pub(super) async fn enrolment(hall: &mut Hall) -> anyhow::Result<String> {
    hall.officer(CLERK).await?;
    hall.browser.open(&hall.staff("/applications/new")).await?;
    hall.browser.fill("#unit_name", UNIT).await?;
    hall.scan("licence", "licence.png").await?;
    hall.browser.click("button[value=save]").await?;
    hall.browser.sees("草稿已保存").await?;
    let case = number(hall).await?;
    hall.browser.open(&hall.staff(&format!("/applications/{case}/edit"))).await?;
    hall.browser.fill("#legal_person", "未保存").await?;
    hall.close_and_reopen_browser().await?;

    let browser = &hall.browser;
    hall.officer(OTHER).await?;
    browser.open(&hall.staff("/")).await?;
    browser.click(&format!("a[href='/applications/{case}']")).await?;
    browser.click("a[href$='/edit']").await?;
    let kept = browser.find("#unit_name").await?.prop("value").await?;
    let lost = browser.find("#legal_person").await?.prop("value").await?;
    ensure!(
        (kept.as_deref(), lost.as_deref()) == (Some(UNIT), Some("")),
        "saved is kept, typed is not: {kept:?} {lost:?}"
    );
    hall.type_particulars().await?;
    for (field, file) in [("id_card", "id-card.png"), ("seal", "seal.png")] {
        hall.scan(field, file).await?;
    }
    ensure!(hall.submit_case(OTHER).await? == case, "the same case goes on");
    hall.approve_case(&case).await?;
    hall.take_cash(OTHER, &case, "").await?;

    let window = hall.make_until_asked(CLERK, &case, TOKENS[0]).await?;
    hall.pull(TOKENS[0])?;
    hall.programs[AUTHORITY].go_on()?;
    hall.gives_up(window).await?;
    hall.officer(OTHER).await?;
    browser.open(&hall.staff(&format!("/applications/{case}/counter"))).await?;
    browser.sees("证书已签发，但介质还没有确认").await?;
    let issued = hall.certificate_of(&case).await?;
    hall.plug(TOKENS[0])?;
    hall.make_on(OTHER, &case, TOKENS[0]).await?;
    let delivered = hall.certificate_of(&case).await?;
    ensure!(issued == delivered, "it is the certificate that was on the way: {issued}, {delivered}");
    hall.responder_says(&delivered, OcspVerdict::Good).await?;
    let by = |who: usize| NAMES[who];
    let page = hall.staff(&format!("/applications/{case}"));
    hall.tells(
        &page,
        &[
            ("新建申请", by(CLERK)),
            ("受理人签名，提交复核", by(OTHER)),
            ("复核人签名批准", by(REVIEWER)),
            ("收款", by(OTHER)),
            ("开始制证", by(CLERK)),
            ("开始制证", by(OTHER)),
            ("证书已签发", "系统"),
            ("介质已验签，证书交付", "系统"),
        ],
    )
    .await?;
    Ok(delivered)
}

/// Who claimed it went home, the supervisor hands it back; then the browser is closed over the assistant's window, before
/// the PIN: nothing was signed, and another signs. Answers the new certificate's page.
pub(super) async fn change(hall: &mut Hall, old: &str) -> anyhow::Result<String> {
    hall.officer(CLERK).await?;
    hall.browser.open(old).await?;
    hall.browser.click("button[value=change]").await?;
    hall.browser.find("#change_notice").await?;
    let case = number(hall).await?;
    hall.browser.open(&hall.staff("/")).await?;
    hall.browser.click(&format!("form[action='/applications/{case}/claim'] button")).await?;
    hall.browser.sees("已认领").await?;
    hall.close_and_reopen_browser().await?;

    let edit = hall.staff(&format!("/applications/{case}/edit"));
    hall.officer(OTHER).await?;
    hall.browser.open(&edit).await?;
    hall.browser.fill("#unit_name", RENAMED).await?;
    hall.browser.click("button[value=save]").await?;
    hall.browser.sees("这件业务已由其他同事认领").await?;
    hall.officer(REVIEWER).await?;
    hall.browser.open(&hall.staff("/")).await?;
    hall.browser.click(&format!("form[action='/applications/{case}/hand-back'] button")).await?;
    hall.browser.sees("已交回").await?;

    hall.officer(OTHER).await?;
    hall.browser.open(&edit).await?;
    hall.browser.fill("#unit_name", RENAMED).await?;
    for (field, file) in [("licence", "licence.png"), ("id_card", "id-card.png"), ("change_notice", "licence.png")] {
        hall.scan(field, file).await?;
    }
    hall.browser.click("button[value=check]").await?;
    hall.browser.click("form[data-agent=sign] button[type=submit]").await?;
    hall.browser.enter_popup().await?;
    hall.browser.find("#pin").await?;
    hall.close_and_reopen_browser().await?;

    hall.officer(CLERK).await?;
    hall.browser.open(&hall.staff(&format!("/applications/{case}/check"))).await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[CLERK], PINS[CLERK]).await?;
    hall.browser.sees("待复核").await?;
    hall.approve_case(&case).await?;
    if hall.offers("a[href^='/money/bills/']").await {
        hall.take_cash(OTHER, &case, "").await?;
    }
    hall.officer(OTHER).await?;
    hall.make_on(OTHER, &case, TOKENS[1]).await?;
    let new = hall.certificate_of(&case).await?;
    hall.browser.sees(RENAMED).await?;
    hall.responder_says(&new, OcspVerdict::Good).await?;
    hall.responder_says(old, OcspVerdict::Revoked).await?;
    let (first, other) = (NAMES[CLERK], NAMES[OTHER]);
    let lines = [("认领", first), ("交回", NAMES[REVIEWER]), ("受理人签名，提交复核", first), ("开始制证", other)];
    hall.tells(&hall.staff(&format!("/applications/{case}")), &lines).await?;
    hall.tells(old, &[("已由新证书替换", "系统")]).await?;
    Ok(new)
}

/// The browser is closed in the moment in which the money is taken: it is taken once, whoever looks next. Then the
/// authority is killed while it is asked for the certificate. Answers the new certificate's page.
pub(super) async fn renewal(hall: &mut Hall, old: &str) -> anyhow::Result<String> {
    hall.officer(CLERK).await?;
    hall.browser.open(old).await?;
    hall.browser.click("button[value=renewal]").await?;
    hall.browser.find("#id_card").await?;
    hall.browser.choose("years", "3").await?;
    hall.scan("id_card", "id-card.png").await?;
    let case = hall.submit_case(CLERK).await?;
    hall.approve_case(&case).await?;
    hall.officer(CLERK).await?;
    hall.browser.open(&hall.staff(&format!("/applications/{case}"))).await?;
    hall.browser.click("a[href^='/money/bills/']").await?;
    hall.browser.find("form[action$='/pay']").await?;
    let bill = hall.browser.address().await;
    let press = "setTimeout(() => document.querySelector(\"form[action$='/pay'] button\").click())";
    hall.browser.driver.execute(press, vec![]).await?;
    hall.close_and_reopen_browser().await?;

    hall.officer(OTHER).await?;
    hall.browser.open(&bill).await?;
    if hall.offers("form[action$='/pay']").await {
        hall.browser.click("form[action$='/pay'] button").await?;
    }
    hall.browser.sees("已缴费").await?;
    ensure!(!hall.offers("form[action$='/pay']").await, "it is not taken twice");

    let window = hall.make_until_asked(CLERK, &case, TOKENS[2]).await?;
    hall.programs[AUTHORITY].kill();
    hall.gives_up(window).await?;
    hall.authority_returns().await?;
    hall.officer(OTHER).await?;
    hall.make_on(OTHER, &case, TOKENS[2]).await?;
    let new = hall.certificate_of(&case).await?;
    hall.responder_says(&new, OcspVerdict::Good).await?;
    hall.responder_says(old, OcspVerdict::Revoked).await?;
    let case = hall.staff(&format!("/applications/{case}"));
    hall.tells(&case, &[("开始制证", NAMES[CLERK]), ("开始制证", NAMES[OTHER]), ("证书已签发", "系统")]).await?;
    let script =
        "return [...document.querySelectorAll('.history strong')].filter((did) => did.textContent === '收款').length";
    let paid = hall.browser.driver.execute(script, vec![]).await?;
    ensure!(paid.json() == 1, "paid once: {:?}", paid.json());
    Ok(new)
}

/// The authority is away when the second officer signs: the signatures are kept, another clerk sends the order and tells
/// the unit.
pub(super) async fn revocation(hall: &mut Hall, certificate: &str) -> anyhow::Result<()> {
    hall.officer(CLERK).await?;
    hall.browser.open(certificate).await?;
    hall.browser.click("button[value=revocation]").await?;
    hall.browser.choose("way", "counter").await?;
    hall.browser.choose("ground", "holder-asks").await?;
    hall.browser.fill("#applicant", "周晓燕").await?;
    hall.browser.fill("#checked", "身份证原件与档案一致").await?;
    for paper in ["request", "id_card"] {
        hall.scan(paper, "id-card.png").await?;
    }
    hall.browser.click("button[value=check]").await?;
    hall.browser.sees("双人签名").await?;
    let matter = hall.browser.address().await.split('?').next().context("an address")?.to_owned();
    hall.browser.click("a[href^='/orders/']").await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[CLERK], PINS[CLERK]).await?;
    hall.browser.sees("等待第二位工作人员签名").await?;
    let order = hall.browser.address().await.split('?').next().context("an address")?.to_owned();

    hall.officer(REVIEWER).await?;
    hall.authority_goes()?;
    hall.browser.open(&order).await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[REVIEWER], PINS[REVIEWER]).await?;
    hall.browser.sees("证书签发系统暂时没有响应").await?;
    hall.authority_returns().await?;
    hall.responder_says(certificate, OcspVerdict::Good).await?;
    hall.officer(OTHER).await?;
    hall.browser.open(&order).await?;
    hall.browser.click("form[action$='/send'] button").await?;
    hall.browser.sees("已吊销").await?;
    hall.responder_says(certificate, OcspVerdict::Revoked).await?;
    eventually("the list has it", Duration::from_secs(60), async || {
        hall.browser.open(&matter).await.is_ok() && hall.browser.text().await.contains("已公布，待告知单位")
    })
    .await?;
    hall.browser.fill("#told", "通知书当面签收").await?;
    hall.browser.click("form[action$='/told'] button").await?;
    hall.browser.sees("本事项已办结").await?;
    let (first, other) = (NAMES[CLERK], NAMES[OTHER]);
    let lines = [("第一人签名", first), ("第二人签名批准", NAMES[REVIEWER]), ("办结", other)];
    hall.tells(&matter, &lines).await
}
