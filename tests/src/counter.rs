//! What clerks do at the counter, in the browser: an application from the form to the token, and its money.

use anyhow::Context as _;
use thirtyfour::By;

use crate::hall::{Hall, INITIAL_PIN, OFFICE, PINS};
use crate::house::OFFICERS;
use crate::judges::{root, text};
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
        self.type_particulars().await?;
        for (field, file) in [("licence", "licence.png"), ("id_card", "id-card.png"), ("seal", "seal.png")] {
            self.scan(field, file).await?;
        }
        self.submit_case(CLERK).await
    }

    /// Types the particulars of [`UNIT`] for a year into the open form, without fault.
    ///
    /// # Errors
    /// When a field is not there.
    pub async fn type_particulars(&self) -> anyhow::Result<()> {
        let browser = &self.browser;
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
        Ok(())
    }

    /// Chooses a scan of the demonstration in a form.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn scan(&self, field: &str, file: &str) -> anyhow::Result<()> {
        let scan = root().join("scripts/demo/application").join(file);
        self.browser.fill(&format!("#{field}"), scan.to_str().context("a UTF-8 path")?).await
    }

    /// Saves a filled form, signs it as the clerk who is logged in, and says the number of its case.
    ///
    /// # Errors
    /// When the form has a fault.
    pub async fn submit_case(&self, clerk: usize) -> anyhow::Result<String> {
        let browser = &self.browser;
        browser.click("button[value=check]").await?;
        browser.find("form[data-agent=sign]").await?;
        let address = browser.address().await;
        let number = address.split("/applications/").nth(1).and_then(|rest| rest.split('/').next());
        let number = number.with_context(|| format!("a case's number in {address}"))?.to_owned();
        self.sign("form[data-agent] button[type=submit]", OFFICERS[clerk], PINS[clerk]).await?;
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
        self.sign("form[action$='/approve'] button[type=submit]", OFFICERS[REVIEWER], PINS[REVIEWER]).await?;
        // What comes is waited for: the next page must not overtake it.
        self.browser.sees("已批准").await
    }

    /// A clerk takes cash for it, exactly or with change; the bill's page is left open.
    ///
    /// # Errors
    /// When the page does not let them.
    pub async fn take_cash(&self, clerk: usize, number: &str, handed: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        self.officer(clerk).await?;
        browser.open(&self.staff(&format!("/applications/{number}"))).await?;
        browser.click("a[href^='/money/bills/']").await?;
        browser.find("form[action$='/pay']").await?;
        if !handed.is_empty() {
            browser.fill("#handed", handed).await?;
        }
        browser.click("form[action$='/pay'] button").await?;
        browser.sees("已缴费").await
    }

    /// The clerk who is logged in makes its certificate on a unit's token.
    ///
    /// # Errors
    /// When the assistant does not make it.
    pub async fn make_on(&self, clerk: usize, number: &str, token: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        browser.open(&self.staff(&format!("/applications/{number}/counter"))).await?;
        browser.click("form[action$='/ticket'] button").await?;
        browser.click("form[data-agent=provision] button[type=submit]").await?;
        let page = browser.enter_popup().await?;
        self.pick("token", token).await?;
        browser.fill("#token_pin", INITIAL_PIN).await?;
        self.pick("operator", OFFICERS[clerk]).await?;
        browser.fill("#operator_pin", PINS[clerk]).await?;
        browser.click("button[value=provision]").await?;
        browser.find(".message.ok").await?;
        browser.click("[data-close]").await?;
        browser.leave_popup(page).await?;
        browser.sees("制证完成").await
    }

    /// A certificate of a year can be renewed on its first day.
    ///
    /// # Errors
    /// When the office does not come up again.
    pub async fn renewable_at_once(&mut self) -> anyhow::Result<()> {
        self.programs[OFFICE].terminate()?;
        let file = self.house.path("ra.toml");
        let before = std::fs::read_to_string(&file)?;
        std::fs::write(&file, before.replace("[enrolment]\n", "[enrolment]\nrenewal_early_days = 366\n"))?;
        self.programs[OFFICE] = self.house.start_office().await?;
        Ok(())
    }

    /// The serial number of a plugged token.
    ///
    /// # Errors
    /// When there is none with this label.
    pub fn token_serial(&self, label: &str) -> anyhow::Result<String> {
        let listed = self.agent.tool(&["list"])?;
        let line = listed.lines().find(|line| line.split_whitespace().nth(1) == Some(label));
        line.and_then(|line| line.split_whitespace().next()).map(str::to_owned).with_context(|| listed.clone())
    }

    /// File tokens are received into stock by the operator of the office's server, and get admin PINs of their own.
    ///
    /// # Errors
    /// When either program refuses.
    pub fn stock_with_admin_pins(&self, labels: &[&str]) -> anyhow::Result<()> {
        let serials = labels.iter().map(|label| self.token_serial(label)).collect::<anyhow::Result<Vec<_>>>()?;
        let (list, so_pin) = (self.folder.path().join("admin-pins"), self.folder.path().join("so.pin"));
        self.house.stock(&serials.iter().map(String::as_str).collect::<Vec<_>>(), &list)?;
        std::fs::write(&so_pin, "87654321")?;
        self.agent.tool(&["admin-pins", "--list", text(&list)?, "--so-pin-file", text(&so_pin)?]).map(drop)
    }

    /// Wrong PINs until none is left on a file token.
    ///
    /// # Errors
    /// When one of them opens it.
    pub fn lock(&self, label: &str) -> anyhow::Result<()> {
        let file = self.folder.path().join("wrong.pin");
        std::fs::write(&file, "99999999")?;
        let file = text(&file)?;
        for _ in 0..6 {
            let tried = self.agent.tool(&["change-pin", "--token", label, "--pin-file", file, "--new-pin-file", file]);
            anyhow::ensure!(tried.is_err(), "a wrong PIN opens nothing");
        }
        Ok(())
    }

    /// Whether the page offers something.
    pub async fn offers(&self, css: &str) -> bool {
        self.browser.driver.find(By::Css(css)).await.is_ok()
    }
}
