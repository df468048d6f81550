//! Evidence at the counter, in Chromium over the real programs: a picture is taken with the camera by keyboard, taken
//! again and sent with a bar; the reviewer sees each scan beside the form; the supervisor takes the case out as an
//! archive that the office's own tool finds whole.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::hall::{Hall, PINS, journey};
use journeys::house::OFFICERS;
use journeys::judges::root;
use journeys::programs::{binary, must};
use thirtyfour::{By, Key};

/// Chromium's own camera, without a question to the person.
const CAMERA: [&str; 2] = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_taken_seen_and_taken_out_in_an_archive() -> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let hall = Hall::open_with(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?, &CAMERA).await?;
        let number = enter(&hall).await?;
        review(&hall, &number).await?;
        archive(&hall, &number).await
    })
    .await
}

/// Presses Enter on what the selector finds, as who works by keyboard.
async fn press(hall: &Hall, css: &str) -> anyhow::Result<()> {
    let element = hall.browser.find(css).await?;
    element.scroll_into_view().await?;
    Ok(element.send_keys("" + Key::Enter).await?)
}

async fn enter(hall: &Hall) -> anyhow::Result<String> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    browser.open(&hall.staff("/applications/new?lang=zh-CN")).await?;
    for (field, text) in [
        ("#unit_name", "示范市东湖建筑工程有限公司"),
        ("#uscc", "91130502MA0ABCDE61"),
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
    // Both sides of the card by camera, the first one taken twice.
    for again in [true, false] {
        press(hall, "scan-field:has(#id_card) button").await?;
        browser.find("dialog.camera video:not([hidden])").await?;
        browser.find("dialog.camera button:nth-child(1):not([hidden]):focus").await?;
        if again {
            browser.is_accessible().await.context("the camera's window")?;
            hall.picture("camera").await?;
        }
        press(hall, "dialog.camera button:nth-child(1)").await?;
        browser.find("dialog.camera canvas:not([hidden])").await?;
        if again {
            press(hall, "dialog.camera button:nth-child(3)").await?;
            browser.find("dialog.camera video:not([hidden])").await?;
            press(hall, "dialog.camera button:nth-child(1)").await?;
        }
        press(hall, "dialog.camera button:nth-child(2):not([hidden])").await?;
        browser.find("scan-field:has(#id_card) button:focus").await?;
    }
    browser.sees("已选 2 个文件").await?;
    for (field, file) in [("licence", "licence.png"), ("seal", "seal.png")] {
        let scan = root().join("scripts/demo/application").join(file);
        browser.fill(&format!("#{field}"), scan.to_str().context("a UTF-8 path")?).await?;
    }
    // What is wrong comes back without a new page, and what was sent is kept.
    browser.fill("#handler_mobile", "1").await?;
    browser.click("button[value=check]").await?;
    browser.find(".errors a[href='#handler_mobile']").await?;
    ensure!(browser.driver.find_all(By::Css(".kept img")).await?.len() == 4, "four scans are kept");
    drawn(hall, ".kept img").await?;
    hall.picture("form-kept").await?;
    browser.fill("#handler_mobile", "13800000001").await?;
    browser.click("button[value=check]").await?;
    browser.sees("110105********002X").await?;
    let address = browser.address().await;
    let number = address.split("/applications/").nth(1).and_then(|rest| rest.split('/').next());
    let number = number.with_context(|| format!("an application's number in {address}"))?.to_owned();
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[0], PINS[0]).await?;
    browser.sees("待复核").await?;
    Ok(number)
}

/// Every picture that the selector finds shows something.
async fn drawn(hall: &Hall, css: &str) -> anyhow::Result<()> {
    let script = "return (async (css) => {
        for (const img of document.querySelectorAll(css)) {
            img.loading = 'eager';
            await img.decode();
            if (!img.naturalWidth) return 'empty: ' + img.src;
        }
        return 'drawn';
    })(arguments[0])";
    let said = hall.browser.driver.execute(script, vec![css.into()]).await?;
    ensure!(said.json() == "drawn", "{:?}", said.json());
    Ok(())
}

async fn review(hall: &Hall, number: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(1).await?;
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    drawn(hall, ".docs img").await?;
    browser.click("a.doc[href*='id_card']").await?;
    drawn(hall, ".paper img").await?;
    browser.sees("周晓燕").await?;
    browser.click(".zooms a[href='?zoom=200']").await?;
    browser.find(".paper.z200 img").await?;
    browser.open(&hall.staff(&format!("/applications/{number}"))).await?;
    hall.sign("form[action$='/approve'] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    browser.sees("待制证").await
}

async fn archive(hall: &Hall, number: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.open(&hall.staff(&format!("/applications/{number}/archive"))).await?;
    hall.sign("form[data-download] button[type=submit]", OFFICERS[1], PINS[1]).await?;
    browser.sees("文件开始下载").await?;
    let file = browser.downloaded(&format!("{number}.zip")).await?;
    let said = must(Command::new(binary("ra-web")?).args(["archive", "verify"]).arg(&file))?;
    ensure!(said.contains("whole") && said.contains(number), "{said}");
    Ok(())
}
