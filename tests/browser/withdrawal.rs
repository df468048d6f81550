//! A person withdraws: the real assistant over a SoftHSM token, the portal, the sandbox of face checks; in Chinese and in English.

use std::path::Path;

use anyhow::ensure;
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::{CertificateStatus, Serial, Validity};
use journeys::agent::{Agent, Site};
use journeys::browser::Browser;
use ra_web::fund::withdrawal::counter::Counter;

use crate::house::House;
use crate::pki;
use crate::portal::looks_well;

const NAME: &str = "李强";
const TOKEN: &str = "unit-001";
const PIN: &str = "24681357";

/// A token of SoftHSM2 with a person's certificate, made with the token tool.
fn enrolled(agent: &Agent, house: &House, folder: &Path) -> anyhow::Result<Serial> {
    agent.init(TOKEN, PIN)?;
    let file = |name: &str| folder.join(name).display().to_string();
    std::fs::write(folder.join("pin"), PIN)?;
    let token = ["enrol", "--token", TOKEN, "--pin-file", &file("pin")];
    agent.tool(&[&token[..], &["--common-name", NAME, "--request-out", &file("person.csr")]].concat())?;
    let request = openssl::x509::X509Req::from_pem(&std::fs::read(folder.join("person.csr"))?)?;
    let spki = request.public_key()?.public_key_to_der()?;
    let validity = Validity::years(house.now().beijing_day(), 1);
    let (subject, issuing) = (pki::person(NAME, "HZ-P-000001"), &house.pki.issuing);
    let (certificate, serial) = pki::certify("person", &subject, validity, &spki, Some(issuing), &issuing.key);
    std::fs::write(folder.join("person.cer"), certificate)?;
    agent.tool(&[&token[..], &["--install", &file("person.cer")]].concat())?;
    house.responder.say(&serial, CertificateStatus::Good);
    Ok(serial)
}

/// Signs in the assistant's window, which must have said these words before.
async fn sign(browser: &Browser, said: &[&str]) -> anyhow::Result<()> {
    browser.click("form[data-agent] button[type=submit]").await?;
    let page = browser.enter_popup().await?;
    for words in said {
        browser.sees(words).await?;
    }
    browser.fill("#pin", PIN).await?;
    browser.is_accessible().await?;
    if let (Some(folder), false) = (std::env::var_os("YINXIN_PICTURES"), said.is_empty()) {
        browser.picture(&Path::new(&folder).join(format!("withdrawal-assistant-{}.png", said.len()))).await?;
    }
    browser.click("button[name=do][value=sign]").await?;
    browser.leave_popup(page).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_withdraws_with_certificate_and_face_in_chinese_and_in_english() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let port = journeys::programs::free_port()?;
    let house = House::at(SystemClock.now(), None, &format!("http://127.0.0.1:{port}")).await;
    let origin = house.portal.origin.clone();
    let site = Site { origin: &origin, name: "示范公积金", may: &["login", "fund"] };
    let agent = Agent::start(folder.path(), port, &[site]).await?;
    enrolled(&agent, &house, folder.path())?;
    // SoftHSM2 sees tokens of other processes only when it starts.
    drop(agent);
    let _agent = Agent::start(folder.path(), port, &[site]).await?;
    let (good, wrong) = (folder.path().join("face.jpg"), folder.path().join("another.jpg"));
    std::fs::write(&good, b"\xff\xd8\xff\xe0 a face")?;
    std::fs::write(&wrong, b"\xff\xd8\xff\xe0 sandbox:no-match")?;

    let browser = Browser::start(&[]).await?;
    let words = [
        ("zh-CN", "07", "600.00", "与登记的本人不一致", "人脸核验通过", "付款指令已发给银行"),
        (
            "en",
            "09",
            "1,234.50",
            "not the face that is registered",
            "The face check is passed",
            "The bank has the order to pay",
        ),
    ];
    for (language, reason, amount, mismatch, passed, ordered) in words {
        let chinese = language == "zh-CN";
        browser.open(&format!("{origin}/login?lang={language}")).await?;
        browser.click("a[href='/my/login']").await?;
        looks_well(&browser, &format!("my-login-{language}")).await?;
        // The challenge is good for two minutes; looking may have taken them.
        browser.open(&format!("{origin}/my/login")).await?;
        sign(&browser, &[]).await?;
        browser.sees(NAME).await?;
        looks_well(&browser, &format!("my-home-{language}")).await?;
        for page in ["ledger", "loans", "withdrawals"] {
            browser.open(&format!("{origin}/my/{page}")).await?;
            looks_well(&browser, &format!("my-{page}-{language}")).await?;
        }
        browser.click("a[href='/my/withdraw']").await?;
        looks_well(&browser, &format!("my-withdraw-{language}")).await?;
        browser.click(&format!("input[name=reason][value='{reason}']")).await?;
        browser.fill("#amount", "99999999").await?;
        browser.click("form[method=post][action='/my/withdraw'] button").await?;
        browser.find("#amount[aria-invalid=true]").await?;
        browser.fill("#amount", amount).await?;
        browser.click("form[method=post][action='/my/withdraw'] button").await?;
        browser.find("#face").await?;
        looks_well(&browser, &format!("my-face-{language}")).await?;
        for (picture, said) in [(&wrong, mismatch), (&good, passed)] {
            let path = picture.to_str().unwrap_or_default();
            browser.fill("#face", path).await?;
            browser.click("form[action$='/face'] button").await?;
            browser.sees(said).await?;
        }
        looks_well(&browser, &format!("my-sign-{language}")).await?;
        let mut shown = vec![amount, "6222 **** **** 0012", "sandbox"];
        shown.push(if chinese { "提取住房公积金" } else { "Withdraw from your provident fund" });
        if chinese {
            shown.push("陆佰元整");
        }
        sign(&browser, &shown).await?;
        browser.sees(ordered).await?;
        looks_well(&browser, &format!("my-ordered-{language}")).await?;
        let serial = browser.address().await.rsplit('/').next().unwrap_or_default().to_owned();
        ensure!(house.payments().iter().any(|order| order.contains(&serial)), "the bank has the order of {serial}");
        ensure!(Counter::paid(&house.hall().await, &serial, house.now()).await?, "{serial} waited for the bank");
        browser.click("form[action='/my/logout'] button").await?;
        browser.sees(if chinese { "您已安全退出" } else { "You are logged out" }).await?;
    }
    Ok(())
}
