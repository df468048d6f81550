//! A unit locks its PIN, the desk unblocks the token with two signatures and a one-time code, and the unit goes on; then
//! its certificate is revoked as a case, from the sealed request to the notice. The real programs, the real lists; the
//! tokens are sealed files, since those lock.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::hall::{Hall, INITIAL_PIN, PINS, TOKENS, UNIT_PIN};
use journeys::house::OFFICERS;
use journeys::judges::root;
use journeys::programs::eventually;

const UNIT: &str = "示范市东湖建筑工程有限公司";
const USCC: &str = "91130502MA0ABCDE61";
/// What the holder chooses at the counter.
const NEXT_PIN: &str = "19283746";
const SIGN: &str = "form[data-agent] button[type=submit]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_token_is_unblocked_and_a_revocation_ends_with_its_notice() -> anyhow::Result<()> {
    let journey = async {
        let hall = Hall::open(Carrier::Files, KeyKind::P256, &Ceremony::shipped()?).await?;
        let serial = stock(&hall).await?;
        let certificate = deliver(&hall).await?;
        hall.browser.open(&hall.staff(&format!("/tokens/{serial}"))).await?;
        hall.browser.sees("使用中").await?;
        looks(&hall, "staff-token").await?;
        lock(&hall)?;
        unblock(&hall, &certificate).await?;
        log_in(&hall, NEXT_PIN).await?;
        hall.browser.sees("单位账户余额").await?;
        revoke(&hall, &certificate).await?;
        log_in(&hall, NEXT_PIN).await?;
        hall.browser.sees("证书已吊销").await?;
        hall.house.ca(&["audit", "verify"]).map(drop)
    };
    let all = tokio::time::timeout(Duration::from_secs(300), journey).await;
    all.context("the journey takes longer than five minutes")?
}

/// The units' tokens are received into stock and get admin PINs of their own. Answers the serial number of the first.
async fn stock(hall: &Hall) -> anyhow::Result<String> {
    let listed = hall.agent.tool(&["list"])?;
    let serial = |label: &str| {
        let line = listed.lines().find(|line| line.split_whitespace().nth(1) == Some(label));
        line.and_then(|line| line.split_whitespace().next()).map(str::to_owned).with_context(|| listed.clone())
    };
    let (list, so_pin) = (hall.folder.path().join("admin-pins"), hall.folder.path().join("so.pin"));
    hall.house.stock(&[&serial(TOKENS[0])?, &serial(TOKENS[1])?], &list)?;
    std::fs::write(&so_pin, "87654321")?;
    let [list, so_pin] = [&list, &so_pin].map(|path| path.to_str().unwrap_or_default().to_owned());
    hall.agent.tool(&["admin-pins", "--list", &list, "--so-pin-file", &so_pin])?;
    hall.officer(0).await?;
    hall.browser.open(&hall.staff("/stock?lang=zh-CN")).await?;
    hall.browser.sees(&serial(TOKENS[0])?).await?;
    looks(hall, "staff-stock").await?;
    hall.browser.open(&hall.staff("/stock/receive")).await?;
    looks(hall, "staff-stock-receive").await?;
    serial(TOKENS[0])
}

/// An application becomes a certificate on the first token, and the unit chooses its PIN. Answers the way to the
/// certificate's page.
async fn deliver(hall: &Hall) -> anyhow::Result<String> {
    let browser = &hall.browser;
    browser.open(&hall.staff("/applications/new?lang=zh-CN")).await?;
    for (field, text) in [
        ("#unit_name", UNIT),
        ("#uscc", USCC),
        ("#address", "示范市东湖区建设大街18号"),
        ("#legal_person", "周建国"),
        ("#handler_name", "周晓燕"),
        ("#handler_mobile", "13800000001"),
        ("#handler_id", "11010519491231002X"),
    ] {
        browser.fill(field, text).await?;
    }
    for (group, value) in [("unit_kind", "enterprise"), ("years", "1"), ("key", "P-256")] {
        browser.choose(group, value).await?;
    }
    for (field, file) in [("#licence", "licence.png"), ("#id_card", "id-card.png"), ("#seal", "seal.png")] {
        browser.fill(field, &scan(file)?).await?;
    }
    browser.click("button[value=check]").await?;
    browser.sees("110105********002X").await?;
    let address = browser.address().await;
    let case = address.strip_suffix("/check").with_context(|| address.clone())?.to_owned();
    hall.sign(SIGN, OFFICERS[0], PINS[0]).await?;
    browser.sees("待复核").await?;
    hall.officer(1).await?;
    browser.open(&case).await?;
    hall.sign("form[action$='/approve'] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    hall.take_cash(case.rsplit('/').next().context("a number")?, "200").await?;
    browser.open(&format!("{case}/counter")).await?;
    browser.click("form[action$='/ticket'] button").await?;
    browser.click(SIGN).await?;
    let page = browser.enter_popup().await?;
    hall.pick("token", TOKENS[0]).await?;
    browser.fill("#token_pin", INITIAL_PIN).await?;
    hall.pick("operator", OFFICERS[0]).await?;
    browser.fill("#operator_pin", PINS[0]).await?;
    browser.click("button[value=provision]").await?;
    browser.find(".message.ok").await?;
    browser.click("[data-close]").await?;
    browser.leave_popup(page).await?;
    browser.sees("制证完成").await?;
    browser.click("a[href^='/certificates/']").await?;
    browser.sees("有效").await?;
    let certificate = browser.address().await;

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

/// Wrong PINs until none is left.
fn lock(hall: &Hall) -> anyhow::Result<()> {
    let file = hall.folder.path().join("wrong.pin");
    std::fs::write(&file, "99999999")?;
    let file = file.to_str().context("a UTF-8 path")?;
    for _ in 0..6 {
        let tried = hall.agent.tool(&["change-pin", "--token", TOKENS[0], "--pin-file", file, "--new-pin-file", file]);
        ensure!(tried.is_err(), "a wrong PIN opens nothing");
    }
    std::fs::write(hall.folder.path().join("unit.pin"), UNIT_PIN)?;
    let unit = hall.folder.path().join("unit.pin");
    let unit = unit.to_str().context("a UTF-8 path")?;
    let tried = hall.agent.tool(&["change-pin", "--token", TOKENS[0], "--pin-file", unit, "--new-pin-file", file]);
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
    looks(hall, "staff-unlock").await
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
    looks(hall, "staff-revocation").await?;
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
    looks(hall, &format!("staff-{kind}-form")).await?;
    browser.choose("way", "counter").await?;
    if kind == "revocation" {
        browser.choose("ground", "holder-asks").await?;
    }
    browser.fill("#applicant", "周晓燕").await?;
    browser.fill("#checked", "身份证原件与档案一致").await?;
    for paper in papers {
        browser.fill(&format!("#{paper}"), &scan("id-card.png")?).await?;
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

fn scan(file: &str) -> anyhow::Result<String> {
    let path = root().join("scripts/demo/application").join(file);
    Ok(path.to_str().context("a UTF-8 path")?.to_owned())
}

/// Sees that a page is accessible in both languages at both sizes, with pictures where they are asked for.
async fn looks(hall: &Hall, name: &str) -> anyhow::Result<()> {
    let address = hall.browser.address().await;
    let plain = address.split('?').next().unwrap_or_default().to_owned();
    for language in ["en", "zh-CN"] {
        hall.browser.open(&format!("{plain}?lang={language}")).await?;
        for (width, height) in [(390, 844), (1366, 768)] {
            hall.browser.resize(width, height).await?;
            hall.browser.is_accessible().await.with_context(|| format!("{name} in {language}"))?;
            hall.picture(&format!("{name}-{language}-{width}")).await?;
        }
    }
    Ok(())
}
