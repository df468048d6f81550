//! A batch: a sheet with a fault, mended and taken in, its scans in one archive, every order signed by two officers in one
//! window of the assistant each, and the letters to the units whose certificates end.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use ca_core::sql::Database;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::counter::{CLERK, REVIEWER};
use journeys::hall::{Hall, PINS, journey};
use journeys::house::OFFICERS;
use journeys::judges::root;
use ra_web::sql::OfficeStore;
use zip::write::SimpleFileOptions;

use super::reports;

const UNITS: [(&str, &str); 2] =
    [("示范市东湖建筑工程有限公司", "91130502MA0ABCDE61"), ("示范市西山食品有限公司", "91350100M000100Y43")];
const SIGN: &str = "form[data-agent] button[type=submit]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_units_are_taken_in_from_a_sheet_and_signed_in_one_window_by_each_of_two_officers() -> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let hall = Hall::open(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?).await?;
        let database = Database::open(&format!("sqlite:{}", hall.house.path("ra/ra.db").display()), false).await?;
        reports::delivered(&OfficeStore(database.clone()), 1, UNITS[0].0, UNITS[0].1).await?;
        database.close().await;
        hall.officer(CLERK).await?;
        hall.browser.open(&hall.staff("/batches")).await?;
        upload(&hall, "faulty.csv", "1380013").await?;
        hall.browser.sees("有 1 行填错").await?;
        hall.browser.sees("经办人本人的手机号码").await?;
        ensure!(!hall.offers("form[action$='/take-in']").await, "nothing can be taken in");
        hall.looks_well("staff-batch-faults").await?;
        let batch = take_in(&hall).await?;
        sign_both(&hall, &batch).await?;
        letters(&hall).await?;
        hall.house.ca(&["audit", "verify"])?;
        Ok(())
    })
    .await
}

/// From a sheet without fault to complete drafts with their scans. Answers the batch's address.
pub(super) async fn take_in(hall: &Hall) -> anyhow::Result<String> {
    let browser = &hall.browser;
    browser.open(&hall.staff("/batches")).await?;
    upload(hall, "mended.csv", "13800138000").await?;
    browser.sees("没有错误，可以受理").await?;
    let batch = browser.address().await.split('?').next().unwrap_or_default().to_owned();
    browser.click("form[action$='/take-in'] button").await?;
    browser.sees("上传材料").await?;

    let archive = hall.folder.path().join("scans.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&archive)?);
    for (_, code) in UNITS {
        for (name, file) in [("营业执照", "licence.png"), ("身份证", "id-card.png"), ("公章", "seal.png")] {
            zip.start_file(format!("{code} {name}.png"), SimpleFileOptions::default())?;
            zip.write_all(&std::fs::read(root().join("scripts/demo/application").join(file))?)?;
        }
    }
    zip.finish()?;
    browser.fill("#archive", archive.to_str().context("a UTF-8 path")?).await?;
    browser.click("form[action$='/documents'] button").await?;
    browser.sees("收下 6 个文件，0 个没有收下").await?;
    browser.open(&batch).await?;
    Ok(batch)
}

pub(super) async fn upload(hall: &Hall, file: &str, mobile: &str) -> anyhow::Result<()> {
    let mut sheet = String::from(
        "单位名称,统一社会信用代码,单位类型,住所,法定代表人,经办人姓名,经办人身份证号码,经办人手机号码,服务年限\n",
    );
    for ((name, code), mobile) in UNITS.into_iter().zip(["13900139000", mobile]) {
        sheet += &format!("{name},{code},企业,示范市人民路 8 号,张伟,刘芳,11010519491231002X,{mobile},2 年\n");
    }
    let path = hall.folder.path().join(file);
    std::fs::write(&path, sheet)?;
    hall.browser.fill("#file", path.to_str().context("a UTF-8 path")?).await?;
    hall.browser.click("form[action='/batches/upload'] button").await
}

/// The clerk's seat: every order is shown in the window.
pub(super) async fn sign_first(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.click(SIGN).await?;
    let page = browser.enter_popup().await?;
    browser.sees("签署 2 件指令").await?;
    for (name, code) in UNITS {
        browser.sees(name).await?;
        browser.sees(code).await?;
    }
    hall.pick("certificate", OFFICERS[CLERK]).await?;
    browser.fill("#pin", PINS[CLERK]).await?;
    browser.is_accessible().await.context("the assistant's window")?;
    hall.picture("assistant-batch").await?;
    browser.click("button[value=sign]").await?;
    browser.leave_popup(page).await?;
    browser.sees("已全部签署，等待另一位工作人员复核").await
}

/// Both seats, each in one window; then the cases wait for their money.
async fn sign_both(hall: &Hall, batch: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.click("form[action$='/prepare'] button").await?;
    browser.sees("以下 2 件一并签署").await?;
    hall.looks_well("staff-batch-sign").await?;
    sign_first(hall).await?;
    hall.officer(REVIEWER).await?;
    browser.open(batch).await?;
    browser.click("a[href$='seat=second']").await?;
    browser.find("#decline").await?;
    browser.is_accessible().await?;
    hall.picture("staff-batch-review").await?;
    hall.sign(SIGN, OFFICERS[REVIEWER], PINS[REVIEWER]).await?;
    browser.sees("已全部复核").await?;
    browser.open(batch).await?;
    browser.sees("待缴费").await
}

/// The certificate of a unit of the batch ends within days: its letter is printed once, unless it is wanted anew.
async fn letters(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(CLERK).await?;
    browser.open(&hall.staff("/letters")).await?;
    browser.sees(UNITS[0].0).await?;
    let print = "const [form, done] = [document.querySelector(\"form[action='/letters/print']\"), arguments[0]];
        fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) })
          .then((answer) => answer.text()).then((file) => done(file.slice(0, 5)), (error) => done(String(error)));";
    let file = browser.driver.execute_async(print, vec![]).await?;
    ensure!(file.json() == "%PDF-", "a letter is printed: {:?}", file.json());
    browser.open(&hall.staff("/letters")).await?;
    browser.find("button[name=anew]").await?;
    ensure!(!hall.offers("form[action='/letters/print'] button:not([name])").await, "nobody is left to write to");
    hall.looks_well("staff-letters").await
}
