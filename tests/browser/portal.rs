//! The fund portal in Chromium: agent.js against an assistant that does what the test says,
//! the pages' accessibility in both languages and sizes, and what is seen when the window goes wrong.
//!
//! With `YINXIN_PICTURES=folder` each page's picture is left there.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ca_core::clock::{Clock as _, SystemClock, TestClock};
use ca_core::domain::{CertificateStatus, RevocationReason, Serial, Validity};
use journeys::agent::{Agent, Site};
use journeys::browser::Browser;
use serde_json::{Value, json};

use crate::house::{House, UNIT, USCC};
use crate::pki::{self, Made};

/// The window of an assistant that needs no PIN. `plan` says what it does with a request.
const WINDOW: &str = r#"<!doctype html><html lang="zh-CN"><title>assistant</title><p>assistant</p><script>
const plan = await_plan();
async function await_plan() { return (await fetch('/plan')).json(); }
addEventListener('message', async (event) => {
  if (event.source !== opener) return;
  const { id, lang, request } = event.data;
  const answer = (fields) => opener.postMessage({ yinxin: 1, id, ...fields }, event.origin);
  const { act } = await plan;
  if (act === 'sign') {
    const signed = await fetch('/sign', { method: 'POST', body: JSON.stringify({ ...request, lang, origin: event.origin }),
      headers: { 'content-type': 'application/json' } });
    answer({ result: await signed.json() });
    close();
  } else if (act === 'other id') {
    opener.postMessage({ yinxin: 1, id: 'made up', result: { cms: 'AAAA' } }, event.origin);
  } else if (act === 'wait') {
    // The person does nothing.
  } else {
    answer({ error: { code: act, message: 'said by the assistant', tries_left: 3 } });
    close();
  }
});
plan.then(({ act }) => act === 'silent' || opener.postMessage({ yinxin: 1, event: 'ready' }, '*'));
</script></html>"#;

#[derive(Clone)]
struct Assistant {
    origin: String,
    plan: Arc<Mutex<String>>,
    token: Arc<Mutex<Option<Made>>>,
    asked: Arc<Mutex<Vec<Value>>>,
    clock: Arc<Mutex<Option<Arc<TestClock>>>>,
}

impl Assistant {
    async fn start() -> anyhow::Result<Self> {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let assistant = Self {
            origin: format!("http://{}", socket.local_addr()?),
            plan: Arc::new(Mutex::new("sign".into())),
            token: Arc::default(),
            asked: Arc::default(),
            clock: Arc::default(),
        };
        let routes = Router::new()
            .route("/window", get(|| async { Html(WINDOW) }))
            .route(
                "/plan",
                get(
                    |State(this): State<Self>| async move { Json(json!({ "act": *this.plan.lock().expect("whole") })) },
                ),
            )
            .route(
                "/sign",
                post(|State(this): State<Self>, Json(asked): Json<Value>| async move { Json(this.sign(asked)) }),
            )
            .with_state(assistant.clone());
        tokio::spawn(async move { axum::serve(socket, routes).await });
        Ok(assistant)
    }

    fn sign(&self, asked: Value) -> Value {
        let statement = URL_SAFE_NO_PAD.decode(asked["statement"].as_str().expect("text")).expect("base64url");
        self.asked.lock().expect("whole").push(asked);
        let token = self.token.lock().expect("whole");
        let token = token.as_ref().expect("a token is plugged in");
        let now = self.clock.lock().expect("whole").as_ref().expect("a clock").now();
        json!({ "cms": token.sign(&statement, now), "certificate": STANDARD.encode(&token.der) })
    }

    fn will(&self, act: &str) {
        *self.plan.lock().expect("whole") = act.into();
    }
}

/// A token of SoftHSM2 with a unit's certificate, made with the token tool.
pub(crate) fn enrolled(agent: &Agent, house: &House, folder: &Path, pin: &str) -> anyhow::Result<Serial> {
    agent.init("unit-001", pin)?;
    let file = |name: &str| folder.join(name).display().to_string();
    std::fs::write(folder.join("pin"), pin)?;
    let token = ["enrol", "--token", "unit-001", "--pin-file", &file("pin")];
    agent.tool(&[&token[..], &["--common-name", UNIT, "--request-out", &file("unit.csr")]].concat())?;
    let request = openssl::x509::X509Req::from_pem(&std::fs::read(folder.join("unit.csr"))?)?;
    let spki = request.public_key()?.public_key_to_der()?;
    let validity = Validity::years(house.now().beijing_day(), 1);
    let issuing = &house.pki.issuing;
    let subject = pki::unit(UNIT, USCC);
    let (certificate, serial) = pki::certify("unit-sign", &subject, validity, &spki, Some(issuing), &issuing.key);
    std::fs::write(folder.join("unit.cer"), certificate)?;
    agent.tool(&[&token[..], &["--install", &file("unit.cer")]].concat())?;
    Ok(serial)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_assistant_signs_on_a_softhsm_token_and_a_wrong_pin_is_asked_for_again() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let port = journeys::programs::free_port()?;
    let house = House::at(SystemClock.now(), None, &format!("http://127.0.0.1:{port}")).await;
    let origin = house.portal.origin.clone();
    let site = Site { origin: &origin, name: "示范公积金", may: &["login"] };
    let agent = Agent::start(folder.path(), port, &[site]).await?;
    let serial = enrolled(&agent, &house, folder.path(), "24681357")?;
    // SoftHSM2 sees tokens of other processes only when it starts; a real key is seen when it is plugged in.
    drop(agent);
    let _agent = Agent::start(folder.path(), port, &[site]).await?;
    house.responder.say(&serial, CertificateStatus::Good);

    let browser = Browser::start(&[]).await?;
    log_in(&browser, &origin, "zh-CN").await?;
    let page = browser.enter_popup().await?;
    browser.sees(UNIT).await?;
    browser.fill("#pin", "11111111").await?;
    browser.click("button[name=do][value=sign]").await?;
    browser.find("#pin[aria-invalid=true]").await?;
    browser.fill("#pin", "24681357").await?;
    browser.click("button[name=do][value=sign]").await?;
    browser.leave_popup(page.clone()).await?;
    browser.sees("单位账户余额").await?;

    // The person gives up; then the certificate is revoked and the assistant signs, but the portal refuses.
    browser.click("form[action='/logout'] button").await?;
    browser.click("form[data-agent] button[type=submit]").await?;
    browser.enter_popup().await?;
    browser.click("[data-close]").await?;
    browser.driver.switch_to_window(page.clone()).await?;
    browser.leave_popup(page.clone()).await?;
    browser.find("[data-agent-status][data-state=error]").await?;
    let (since, reason) = (house.now(), RevocationReason::KeyCompromise);
    house.responder.say(&serial, CertificateStatus::Revoked { since, reason });
    browser.click("form[data-agent] button[type=submit]").await?;
    browser.enter_popup().await?;
    browser.fill("#pin", "24681357").await?;
    browser.click("button[name=do][value=sign]").await?;
    browser.leave_popup(page).await?;
    browser.sees("证书已吊销").await?;
    browser.sees("证书介质丢失、被盗或密钥泄露").await
}

/// Sees that a page is accessible at both sizes, and leaves its pictures where somebody wants them.
pub(crate) async fn looks_well(browser: &Browser, name: &str) -> anyhow::Result<()> {
    let pictures = std::env::var_os("YINXIN_PICTURES").map(PathBuf::from);
    for (width, height) in [(390, 844), (1366, 768)] {
        browser.resize(width, height).await?;
        browser.is_accessible().await?;
        let wide: i64 = browser
            .driver
            .execute("return document.documentElement.scrollWidth - document.documentElement.clientWidth", vec![])
            .await?
            .convert()?;
        anyhow::ensure!(wide <= 0, "{name} is {wide} px wider than a window of {width}");
        if let Some(folder) = &pictures {
            let tall: i64 =
                browser.driver.execute("return document.documentElement.scrollHeight", vec![]).await?.convert()?;
            browser.resize(width, u32::try_from(tall)?.clamp(height, 4000) + 140).await?;
            browser.picture(&folder.join(format!("{name}-{width}.png"))).await?;
        }
    }
    Ok(())
}

async fn log_in(browser: &Browser, origin: &str, language: &str) -> anyhow::Result<()> {
    browser.open(&format!("{origin}/login?lang={language}")).await?;
    browser.click("form[data-agent] button[type=submit]").await
}

/// The queries; then in Chinese a month from the form to its voucher, and in English a look at it.
async fn business(browser: &Browser, origin: &str, language: &str) -> anyhow::Result<()> {
    let chinese = language == "zh-CN";
    let pages: &[&str] = if chinese {
        &[
            "ledger",
            "contributions",
            "interest",
            "people",
            "changes",
            "person",
            "business",
            "business/open",
            "check",
            "api/v1",
        ]
    } else {
        &["contributions", "person?number=030000000001", "business/make-up", "vouchers", "api/v1"]
    };
    for path in pages {
        browser.open(&format!("{origin}/{path}")).await?;
        let name = path.split('?').next().unwrap_or(path).replace('/', "-");
        looks_well(browser, &format!("fund-{name}-{language}")).await?;
    }
    if chinese {
        browser.open(&format!("{origin}/business")).await?;
        browser.click("a[data-act=remit]").await?;
        looks_well(browser, "fund-remit-form-zh-CN").await?;
        browser.click("main form button").await?;
        browser.sees("合计大写").await?;
        looks_well(browser, "fund-remit-document-zh-CN").await?;
        let page = browser.driver.window().await?;
        browser.click("form[data-agent] button[type=submit]").await?;
        browser.leave_popup(page).await?;
        browser.sees("已入账").await?;
        looks_well(browser, "fund-remit-receipt-zh-CN").await?;
        // The voucher comes in a window of its own, which a browser without a screen does not show.
        let made = browser
            .driver
            .execute(
                "return fetch(document.querySelector('form[action$=\"/voucher\"]').action, { method: 'POST' })\
                 .then(async (answer) => answer.status + ' ' + (await answer.text()).slice(0, 5))",
                vec![],
            )
            .await?;
        anyhow::ensure!(made.json() == "200 %PDF-", "{}", made.json());
    } else {
        browser.open(&format!("{origin}/vouchers")).await?;
        browser.click("main td a.code").await?;
        browser.sees("Booked.").await?;
        looks_well(browser, "fund-remit-receipt-en").await?;
    }
    browser.open(&format!("{origin}/unit")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_logs_in_through_the_assistants_window_and_every_page_is_accessible() -> anyhow::Result<()> {
    let assistant = Assistant::start().await?;
    let house = House::with(None, &assistant.origin).await;
    *assistant.clock.lock().expect("whole") = Some(house.clock.clone());
    let unit = house.unit();
    let serial = unit.serial.clone();
    *assistant.token.lock().expect("whole") = Some(unit);
    let browser = Browser::start(&[]).await?;
    let origin = house.portal.origin.clone();

    for (language, title, balance) in
        [("zh-CN", "用数字证书登录", "单位账户余额"), ("en", "Log in with your certificate", "Account balance")]
    {
        house.responder.say(&serial, CertificateStatus::Good);
        browser.open(&format!("{origin}/login?lang={language}")).await?;
        browser.sees(title).await?;
        looks_well(&browser, &format!("login-{language}")).await?;
        let page = browser.driver.window().await?;
        browser.click("form[data-agent] button[type=submit]").await?;
        browser.leave_popup(page).await?;
        browser.sees(balance).await?;
        looks_well(&browser, &format!("unit-{language}")).await?;
        browser.open(&format!("{origin}/certificate")).await?;
        looks_well(&browser, &format!("certificate-{language}")).await?;
        business(&browser, &origin, language).await?;
        browser.click("form[action='/logout'] button").await?;
        browser.sees(if language == "en" { "You are logged out" } else { "您已安全退出" }).await?;
        looks_well(&browser, &format!("ended-{language}")).await?;

        let (since, reason) = (house.now(), RevocationReason::KeyCompromise);
        house.responder.say(&serial, CertificateStatus::Revoked { since, reason });
        let page = browser.driver.window().await?;
        browser.click("form[data-agent] button[type=submit]").await?;
        browser.leave_popup(page).await?;
        browser.sees(if language == "en" { "The certificate is revoked" } else { "证书已吊销" }).await?;
        looks_well(&browser, &format!("revoked-{language}")).await?;
    }

    let asked = assistant.asked.lock().expect("whole").clone();
    anyhow::ensure!(asked[0]["origin"] == origin.as_str() && asked[0]["want"] == "unit", "{asked:?}");
    anyhow::ensure!(asked[0]["lang"] == "zh-CN" && asked.last().expect("one")["lang"] == "en", "{asked:?}");
    let console = browser.driver.execute("return window.name", vec![]).await?;
    anyhow::ensure!(console.json() == "", "no secret is left in the window's name");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_the_window_fails_is_said_and_the_button_works_again() -> anyhow::Result<()> {
    let assistant = Assistant::start().await?;
    let house = House::with(None, &assistant.origin).await;
    *assistant.clock.lock().expect("whole") = Some(house.clock.clone());
    *assistant.token.lock().expect("whole") = Some(house.unit());
    let browser = Browser::start(&[]).await?;
    let origin = house.portal.origin.clone();

    for (language, code, said) in [
        ("zh-CN", "cancelled", "您在证书助手中取消了操作"),
        ("en", "cancelled", "You cancelled in the certificate assistant"),
        ("zh-CN", "pin_locked", "证书介质已锁定"),
        ("en", "wrong_pin", "Wrong PIN; 3 tries left"),
        ("zh-CN", "no_certificate", "没有找到可用的证书"),
        ("zh-CN", "something_new", "证书助手出了差错"),
    ] {
        assistant.will(code);
        let page = browser.driver.window().await?;
        log_in(&browser, &origin, language).await?;
        browser.leave_popup(page).await?;
        browser.sees(said).await?;
        let focused: bool = browser
            .driver
            .execute("return document.activeElement.matches('[data-agent-status][data-state=error]')", vec![])
            .await?
            .convert()?;
        anyhow::ensure!(focused, "{code}: the message has the focus");
    }
    looks_well(&browser, "login-failed-zh-CN").await?;

    // The window is closed by the person; before that it can be brought to the front.
    assistant.will("wait");
    log_in(&browser, &origin, "zh-CN").await?;
    browser.sees("证书助手的窗口已打开").await?;
    browser.sees("显示证书助手的窗口").await?;
    looks_well(&browser, "login-waiting-zh-CN").await?;
    let page = browser.enter_popup().await?;
    browser.driver.close_window().await?;
    browser.driver.switch_to_window(page.clone()).await?;
    browser.sees("证书助手的窗口已关闭").await?;

    // An answer to a question that was not asked is nothing.
    assistant.will("other id");
    browser.click("form[data-agent] button[type=submit]").await?;
    browser.sees("证书助手的窗口已打开").await?;
    browser.enter_popup().await?;
    browser.driver.close_window().await?;
    browser.driver.switch_to_window(page.clone()).await?;
    browser.sees("证书助手的窗口已关闭").await?;

    // A page of another origin that speaks as the assistant is not heard: the page itself tries here.
    assistant.will("silent");
    browser.click("form[data-agent] button[type=submit]").await?;
    browser.driver.execute("window.postMessage({ yinxin: 1, event: 'ready' }, '*')", vec![]).await?;
    browser.sees("没有找到证书助手").await?;
    anyhow::ensure!(assistant.asked.lock().expect("whole").is_empty(), "nothing was signed");

    // The browser blocks the window.
    browser.driver.execute("window.open = () => null", vec![]).await?;
    browser.click("form[data-agent] button[type=submit]").await?;
    browser.sees("浏览器拦截了证书助手的窗口").await?;

    // And after all this the same page logs in.
    assistant.will("sign");
    browser.open(&format!("{origin}/login")).await?;
    browser.click("form[data-agent] button[type=submit]").await?;
    browser.leave_popup(page).await?;
    browser.sees(UNIT).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_assistant_the_page_says_how_to_start_it() -> anyhow::Result<()> {
    let port = journeys::programs::free_port()?;
    let house = House::with(None, &format!("http://127.0.0.1:{port}")).await;
    let browser = Browser::start(&[]).await?;
    let page = browser.driver.window().await?;
    log_in(&browser, &house.portal.origin, "zh-CN").await?;
    browser.sees("没有找到证书助手").await?;
    browser.leave_popup(page).await
}
