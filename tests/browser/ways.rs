//! A renewal by each way of payment that `renewal` does not go: by bank in Chinese, by card in English, each from the token to the
//! invoice. The codes on pay slip and invoice are read by a reader that we did not write, and the invoice's is followed to the
//! page where anybody checks it.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::KeyKind;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::counter::{CLERK, FINANCE};
use journeys::hall::{Hall, INITIAL_PIN, TOKENS, UNIT_PIN, journey};
use journeys::judges::codes;
use journeys::office::UNIT;
use journeys::programs::eventually;

/// What one way is paid and spoken like.
struct Way {
    word: &'static str,
    language: &'static str,
    /// What the page where invoices are checked says of one that holds.
    valid: &'static str,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_pays_by_bank_in_chinese_and_has_its_invoice() -> anyhow::Result<()> {
    from_token_to_invoice(&Way { word: "wire", language: "zh-CN", valid: "这张发票由我们开具" }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_pays_by_card_in_english_and_has_its_invoice() -> anyhow::Result<()> {
    from_token_to_invoice(&Way { word: "card", language: "en", valid: "This invoice is ours" }).await
}

async fn from_token_to_invoice(way: &Way) -> anyhow::Result<()> {
    journey(Duration::from_secs(900), async {
        let mut hall = Hall::open(Carrier::Files, KeyKind::P256, &Ceremony::shipped()?).await?;
        std::fs::write(
            hall.house.path("ra.toml"),
            std::fs::read_to_string(hall.house.path("ra.toml"))?
                .replace("[invoice]\n", "[invoice]\nseal_key_file = \"secrets/seal.key\"\n"),
        )?;
        hall.house.migrate_office()?;
        hall.renewable_at_once().await?;
        let stripe = hall.house.start_stripe().await?;
        hall.programs.push(stripe);
        let first = hall.apply().await?;
        hall.approve_case(&first).await?;
        hall.take_cash(CLERK, &first, "").await?;
        hall.make_on(CLERK, &first, TOKENS[0]).await?;
        sign_in_and_sign(&hall, way).await?;
        let bill = paid(&hall, way).await?;
        install(&hall, way).await?;
        invoice(&hall, way, &bill).await
    })
    .await
}

async fn open(hall: &Hall, way: &Way, path: &str) -> anyhow::Result<()> {
    hall.browser.open(&hall.public(&format!("{path}?lang={}", way.language))).await
}

/// The token's first PIN is changed on the way.
async fn sign_in_and_sign(hall: &Hall, way: &Way) -> anyhow::Result<()> {
    let browser = &hall.browser;
    open(hall, way, "/login").await?;
    browser.click("form[data-agent] button[type=submit]").await?;
    let page = browser.enter_popup().await?;
    hall.pick("certificate", TOKENS[0]).await?;
    browser.fill("#pin", INITIAL_PIN).await?;
    browser.click("button[value=sign]").await?;
    browser.fill("#new_pin", UNIT_PIN).await?;
    browser.fill("#new_pin_again", UNIT_PIN).await?;
    browser.click("button[value=new-pin]").await?;
    browser.leave_popup(page).await?;
    browser.find("#bills").await?;
    open(hall, way, "/renew/form").await?;
    browser.choose("years", "1").await?;
    browser.click("form[action='/renew/form'] button").await?;
    hall.sign("#sign", TOKENS[0], UNIT_PIN).await?;
    browser.find("#pay").await?;
    Ok(())
}

/// The number of the bill that was paid.
async fn paid(hall: &Hall, way: &Way) -> anyhow::Result<String> {
    let browser = &hall.browser;
    let title = browser.find("#title").await?.attr("href").await?.context("an address")?;
    let bill = title.split('/').nth(2).context("a bill")?.to_owned();
    browser.choose("way", way.word).await?;
    browser.click("#pay").await?;
    if way.word == "card" {
        browser.click("#card").await?;
    } else {
        let code = browser.find("#wire-code").await?.text().await?.replace(' ', "");
        hall.looks_well("renew-wire").await?;
        browser.click("#slip").await?;
        let slip = browser.downloaded(&format!("payment-{bill}.pdf")).await?;
        let said = codes(&slip)?;
        ensure!(said.len() == 1 && said[0].contains(&code) && said[0].contains("200.00"), "the pay slip says {said:?}");
        transferred(hall, &code).await?;
    }
    open(hall, way, "/renew").await?;
    browser.find("#install").await?;
    Ok(bill)
}

/// Finance takes in the statement in which the money stands.
async fn transferred(hall: &Hall, code: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    let day = SystemClock.now().beijing_day();
    let file = hall.folder.path().join("statement.csv");
    std::fs::write(
        &file,
        format!(
            "账号,交易日期,流水号,贷方发生额,借方发生额,对方户名,对方账号,附言\n\
             1305000011112222,{day},A1,200.00,,{UNIT},6222 0000 1111,{code}\n"
        ),
    )?;
    hall.officer(FINANCE).await?;
    browser.open(&hall.staff("/money/wire")).await?;
    browser.fill("#file", file.to_str().context("a UTF-8 path")?).await?;
    browser.click("form[action='/money/wire/upload'] button").await?;
    browser.sees(code).await?;
    let statement = browser.address().await;
    eventually("the money finds its bill", Duration::from_secs(30), async || {
        browser.open(&statement).await.is_ok() && browser.sees("已入账").await.is_ok()
    })
    .await
}

async fn install(hall: &Hall, way: &Way) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.click("#install").await?;
    browser.click("#provision").await?;
    let page = browser.enter_popup().await?;
    browser.fill("#token_pin", UNIT_PIN).await?;
    browser.click("button[value=renew]").await?;
    browser.find(".message.ok").await?;
    browser.click("[data-close]").await?;
    browser.leave_popup(page).await?;
    eventually("the invoice is there", Duration::from_secs(30), async || {
        open(hall, way, "/renew").await.is_ok() && hall.offers("#invoice").await
    })
    .await
}

/// Downloaded as PDF and as XML, its code read and followed.
async fn invoice(hall: &Hall, way: &Way, bill: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.click("#invoice").await?;
    let pdf = browser.downloaded(&format!("invoice-{bill}.pdf")).await?;
    browser.click(&format!("a[href='/bills/{bill}/invoice.ofd']")).await?;
    let ofd = browser.downloaded(&format!("invoice-{bill}.ofd")).await?;
    let mut record = String::new();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(ofd)?)?;
    archive.by_name("Doc_0/Attachs/original_invoice.xml")?.read_to_string(&mut record)?;
    let said = codes(&pdf)?;
    let address = said.first().context("a code on the invoice")?;
    let number = address.split("number=").nth(1).and_then(|rest| rest.split('&').next()).context("a number")?;
    ensure!(record.contains(number), "the OFD is of the same invoice {number}");
    ensure!(address.starts_with(&hall.public("/invoice/verify?")), "{address}");
    browser.open(&format!("{address}&lang={}", way.language)).await?;
    browser.sees(way.valid).await?;
    browser.sees(number).await?;
    browser.sees("200.00").await?;
    // A number that was tampered with leads nowhere.
    let wrong = address.replace(number, &format!("{:0>20}", "1"));
    browser.open(&wrong).await?;
    ensure!(!browser.text().await.contains("200.00"), "another number says nothing");
    Ok(())
}
