//! What clerks do at the counter, in the browser: an application from the form to the token, and its money.

use anyhow::Context as _;
use thirtyfour::By;

use crate::hall::{Hall, INITIAL_PIN, PINS};
use crate::house::OFFICERS;
use crate::judges::root;
use crate::office::{UNIT, UNIT_USCC};

/// 李敏, who takes in, takes the money and makes tokens.
pub const CLERK: usize = 0;
/// 王强, who approves.
pub const REVIEWER: usize = 1;
/// 刘芳, who handles money.
pub const FINANCE: usize = 4;

impl Hall {
    /// A first application of [`UNIT`] for a year, without fault, signed by the clerk; its number.
    ///
    /// # Errors
    /// When a page does not show what it should.
    pub async fn apply(&self) -> anyhow::Result<String> {
        let browser = &self.browser;
        self.officer(CLERK).await?;
        browser.open(&self.staff("/applications/new")).await?;
        for (field, text) in [
            ("#unit_name", UNIT),
            ("#uscc", UNIT_USCC),
            ("#address", "示范市东湖区建设大街18号"),
            ("#legal_person", "周建国"),
            ("#handler_name", "周晓燕"),
            ("#handler_mobile", "13800000001"),
            ("#handler_id", "11010519491231002X"),
        ] {
            browser.fill(field, text).await?;
        }
        for (group, value) in [("unit_kind", "enterprise"), ("years", "1"), ("key", self.kind.name())] {
            browser.choose(group, value).await?;
        }
        for (field, file) in [("licence", "licence.png"), ("id_card", "id-card.png"), ("seal", "seal.png")] {
            self.scan(field, file).await?;
        }
        self.submit_case().await
    }

    /// Chooses a scan of the demonstration in a form.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn scan(&self, field: &str, file: &str) -> anyhow::Result<()> {
        let scan = root().join("scripts/demo/application").join(file);
        self.browser.fill(&format!("#{field}"), scan.to_str().context("a UTF-8 path")?).await
    }

    /// Saves a filled form, signs it as the clerk, and says the number of its case.
    ///
    /// # Errors
    /// When the form has a fault.
    pub async fn submit_case(&self) -> anyhow::Result<String> {
        let browser = &self.browser;
        browser.click("button[value=check]").await?;
        browser.find("form[data-agent=sign]").await?;
        let address = browser.address().await;
        let number = address.split("/applications/").nth(1).and_then(|rest| rest.split('/').next());
        let number = number.with_context(|| format!("a case's number in {address}"))?.to_owned();
        self.sign("form[data-agent] button[type=submit]", OFFICERS[CLERK], PINS[CLERK]).await?;
        browser.sees("待复核").await?;
        Ok(number)
    }

    /// The second officer approves it.
    ///
    /// # Errors
    /// When the page does not let them.
    pub async fn approve_case(&self, number: &str) -> anyhow::Result<()> {
        self.officer(REVIEWER).await?;
        self.browser.open(&self.staff(&format!("/applications/{number}"))).await?;
        self.sign("form[action$='/approve'] button[type=submit]", OFFICERS[REVIEWER], PINS[REVIEWER]).await
    }

    /// The clerk takes cash for it, exactly or with change; the bill's page is left open.
    ///
    /// # Errors
    /// When the page does not let them.
    pub async fn take_cash(&self, number: &str, handed: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        self.officer(CLERK).await?;
        browser.open(&self.staff(&format!("/applications/{number}"))).await?;
        browser.click("a[href^='/money/bills/']").await?;
        browser.find("form[action$='/pay']").await?;
        if !handed.is_empty() {
            browser.fill("#handed", handed).await?;
        }
        browser.click("form[action$='/pay'] button").await?;
        browser.sees("已缴费").await
    }

    /// The clerk makes its certificate on a unit's token.
    ///
    /// # Errors
    /// When the assistant does not make it.
    pub async fn make_on(&self, number: &str, token: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        browser.open(&self.staff(&format!("/applications/{number}/counter"))).await?;
        browser.click("form[action$='/ticket'] button").await?;
        browser.click("form[data-agent=provision] button[type=submit]").await?;
        let page = browser.enter_popup().await?;
        self.pick("token", token).await?;
        browser.fill("#token_pin", INITIAL_PIN).await?;
        self.pick("operator", OFFICERS[CLERK]).await?;
        browser.fill("#operator_pin", PINS[CLERK]).await?;
        browser.click("button[value=provision]").await?;
        browser.find(".message.ok").await?;
        browser.click("[data-close]").await?;
        browser.leave_popup(page).await?;
        browser.sees("制证完成").await
    }

    /// Whether the page offers something.
    pub async fn offers(&self, css: &str) -> bool {
        self.browser.driver.find(By::Css(css)).await.is_ok()
    }
}
