//! What breaks at a counter, and what is left of it: the browser is closed, the authority is away, a token is pulled; then
//! a page's history, and what the responder says.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use thirtyfour::WindowHandle;

use crate::browser::Browser;
use crate::hall::{AUTHORITY, Hall, INITIAL_PIN, PINS};
use crate::house::OFFICERS;
use crate::judges::OcspVerdict;
use crate::programs::eventually;

impl Hall {
    /// The browser is closed in the middle of what it did, and opened again without what it knew.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn close_and_reopen_browser(&mut self) -> anyhow::Result<()> {
        self.browser.close().await?;
        self.browser = Browser::start(&[]).await?;
        Ok(())
    }

    /// The authority ends as it should, and is away.
    ///
    /// # Errors
    /// When it does not end.
    pub fn authority_goes(&mut self) -> anyhow::Result<()> {
        self.programs[AUTHORITY].terminate()
    }

    /// The authority is started again.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn authority_returns(&mut self) -> anyhow::Result<()> {
        self.programs[AUTHORITY] = self.house.start_ca().await?;
        Ok(())
    }

    /// `who` makes a certificate as far as the question to the authority, which does not get round to answering it. The
    /// assistant's window is left in front; the page behind it is answered.
    ///
    /// # Errors
    /// When the assistant does not come so far.
    pub async fn make_until_asked(&self, who: usize, number: &str, token: &str) -> anyhow::Result<WindowHandle> {
        let browser = &self.browser;
        self.officer(who).await?;
        browser.open(&self.staff(&format!("/applications/{number}/counter"))).await?;
        browser.click("form[action$='/ticket'] button").await?;
        browser.click("form[data-agent=provision] button[type=submit]").await?;
        let page = browser.enter_popup().await?;
        self.pick("token", token).await?;
        browser.fill("#token_pin", INITIAL_PIN).await?;
        self.pick("operator", OFFICERS[who]).await?;
        browser.fill("#operator_pin", PINS[who]).await?;
        self.programs[AUTHORITY].pause()?;
        browser.click("button[value=provision]").await?;
        browser.find("ol.steps li.now:nth-child(5)").await.context("the authority is asked")?;
        Ok(page)
    }

    /// The assistant's window says that something went wrong, and is closed; so does the page.
    ///
    /// # Errors
    /// When either says nothing.
    pub async fn gives_up(&self, page: WindowHandle) -> anyhow::Result<()> {
        self.browser.find("[aria-invalid=true], .errors, [role=alert]").await?;
        self.browser.click("[data-close]").await?;
        self.browser.leave_popup(page).await?;
        self.browser.find("[data-agent-status][data-state=error]").await?;
        Ok(())
    }

    /// The page of the certificate of a case, which is left open.
    ///
    /// # Errors
    /// When there is none.
    pub async fn certificate_of(&self, number: &str) -> anyhow::Result<String> {
        self.browser.open(&self.staff(&format!("/applications/{number}"))).await?;
        self.browser.click(".head a[href^='/certificates/']").await?;
        self.browser.find(".offers").await?;
        Ok(self.browser.address().await)
    }

    /// Waits until the responder says this of the certificate whose page this is.
    ///
    /// # Errors
    /// When it goes on saying something else.
    pub async fn responder_says(&self, certificate: &str, verdict: OcspVerdict) -> anyhow::Result<()> {
        let name = certificate.split("/certificates/").nth(1).and_then(|name| name.split_once('/'));
        let (issuer, serial) = name.with_context(|| format!("a certificate's name in {certificate}"))?;
        let mut said = None;
        let waited = eventually("the responder says it", Duration::from_secs(5), async || {
            said = self.house.verdict(issuer, serial).ok();
            said == Some(verdict)
        });
        waited.await.with_context(|| format!("{serial}: {said:?} instead of {verdict:?}"))
    }

    /// Sees that the history of a page tells each of these exactly once: what was done, and by whom.
    ///
    /// # Errors
    /// What it tells instead.
    pub async fn tells(&self, page: &str, lines: &[(&str, &str)]) -> anyhow::Result<()> {
        self.browser.open(page).await?;
        let script = "return [...document.querySelectorAll('.history li')].map((line) =>
            [line.querySelector('strong').textContent, line.querySelector('.when [lang]').textContent])";
        let told: Vec<(String, String)> = self.browser.driver.execute(script, vec![]).await?.convert()?;
        for (what, who) in lines {
            let times = told.iter().filter(|(did, by)| did == what && by == who).count();
            ensure!(times == 1, "{what} by {who} is told {times} times: {told:?}");
        }
        Ok(())
    }
}
