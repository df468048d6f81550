//! Chromium, driven headless: pages, windows, accessibility.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use thirtyfour::prelude::*;

use crate::programs::{Program, eventually, free_port};

const AXE: &str = include_str!("../browser/axe.min.js");

/// One Chromium with its driver and an empty profile of its own.
pub struct Browser {
    /// The driver's session.
    pub driver: WebDriver,
    _chromedriver: Program,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port and Chromium with `flags` beside the usual ones.
    ///
    /// # Errors
    /// When either does not come up within half a minute.
    pub async fn start(flags: &[&str]) -> anyhow::Result<Self> {
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let profile = tempfile::tempdir()?;
        let port = free_port()?;
        let chromedriver = Program::start(
            "chromedriver",
            Command::new("chromedriver").arg(format!("--port={port}")),
            &profile.path().join("chromedriver.log"),
        )?;
        eventually("chromedriver listens", Duration::from_secs(15), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await?;
        let mut capabilities = DesiredCapabilities::chrome();
        let usual = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=zh-CN",
            "--window-size=1366,768",
        ];
        for flag in usual.iter().chain(flags) {
            capabilities.add_arg(flag)?;
        }
        let downloads = profile.path().join("downloads");
        let settings =
            serde_json::json!({ "download.default_directory": downloads, "download.prompt_for_download": false });
        capabilities.add_experimental_option("prefs", settings)?;
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().join("profile").display()))?;
        let start = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities);
        let driver = tokio::time::timeout(Duration::from_secs(30), start).await.context("Chromium did not start")??;
        driver.set_page_load_timeout(Duration::from_secs(20)).await?;
        driver.set_script_timeout(Duration::from_secs(60)).await?;
        Ok(Self { driver, _chromedriver: chromedriver, profile })
    }

    /// Opens a page.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn open(&self, url: &str) -> anyhow::Result<()> {
        self.driver.goto(url).await.with_context(|| format!("opening {url}"))
    }

    /// The element that the CSS selector finds, waited for twenty seconds.
    ///
    /// # Errors
    /// When it does not appear; the error shows the page's text.
    pub async fn find(&self, css: &str) -> anyhow::Result<WebElement> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(found) = self.driver.find(By::Css(css)).await {
                return Ok(found);
            }
            if Instant::now() > end {
                bail!("no {css:?} on {}:\n{}", self.address().await, self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks what the CSS selector finds.
    ///
    /// # Errors
    /// When there is none or it cannot be clicked.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        let element = self.find(css).await?;
        element.scroll_into_view().await?;
        element.click().await.with_context(|| format!("clicking {css}"))
    }

    /// Types into a field, after emptying it.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let field = self.find(css).await?;
        if field.attr("type").await?.as_deref() != Some("file") {
            field.clear().await?;
        }
        field.send_keys(text).await.with_context(|| format!("typing into {css}"))
    }

    /// Chooses the option of a `<select>`, or the radio button, that has this value.
    ///
    /// # Errors
    /// When there is none.
    pub async fn choose(&self, name: &str, value: &str) -> anyhow::Result<()> {
        self.find(&format!("select[name={name}] option[value='{value}'], input[name={name}][value='{value}']"))
            .await?
            .click()
            .await
            .with_context(|| format!("choosing {name}={value}"))
    }

    /// Waits until the page shows `text`.
    ///
    /// # Errors
    /// When it has not after 15 seconds; the error shows what the page says instead.
    pub async fn sees(&self, text: &str) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            let shown = self.text().await;
            if shown.contains(text) {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("{text:?} is not on {}, which says:\n{shown}", self.address().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the page says.
    pub async fn text(&self) -> String {
        match self.driver.find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// The page's address.
    pub async fn address(&self) -> String {
        self.driver.current_url().await.map(|url| url.to_string()).unwrap_or_default()
    }

    /// Goes into the window that the page opened, and gives back the window it came from.
    ///
    /// # Errors
    /// When no second window opens within ten seconds.
    pub async fn enter_popup(&self) -> anyhow::Result<WindowHandle> {
        let from = self.driver.window().await?;
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(other) = self.driver.windows().await?.into_iter().find(|w| *w != from) {
                self.driver.switch_to_window(other).await?;
                return Ok(from);
            }
            if Instant::now() > end {
                bail!("no window opened from {}:\n{}", self.address().await, self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the popup is gone and goes back to the window it was opened from.
    ///
    /// # Errors
    /// When it is still there after 20 seconds; the error shows what it says.
    pub async fn leave_popup(&self, to: WindowHandle) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(20);
        while self.driver.windows().await?.len() > 1 {
            if Instant::now() > end {
                bail!("the window stays open and says:\n{}", self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(self.driver.switch_to_window(to).await?)
    }

    /// Runs axe-core (WCAG 2.2 A and AA) on the page.
    ///
    /// # Errors
    /// When it finds anything; the error names each rule and element.
    pub async fn is_accessible(&self) -> anyhow::Result<()> {
        let there = self.driver.execute("return typeof axe !== 'undefined'", vec![]).await?;
        if there.json() != true {
            self.driver.execute(AXE, vec![]).await?;
        }
        let findings = self
            .driver
            .execute_async(
                "const done = arguments[arguments.length - 1];
                 axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations']})
                   .then(r => done(r.passes.length === 0 ? ['axe ran no rule'] : r.violations.map(v =>
                      v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | '))))
                   .catch(e => done([String(e)]));",
                vec![],
            )
            .await?;
        let findings: Vec<String> = findings.convert()?;
        if findings.is_empty() {
            return Ok(());
        }
        bail!("axe-core on {}:\n{}", self.address().await, findings.join("\n"))
    }

    /// Sees that the page is not wider than its window.
    ///
    /// # Errors
    /// How much wider it is.
    pub async fn fits(&self) -> anyhow::Result<()> {
        let script = "const { scrollWidth, clientWidth } = document.documentElement; return [scrollWidth, clientWidth]";
        let (page, window): (i64, i64) = self.driver.execute(script, vec![]).await?.convert()?;
        anyhow::ensure!(page <= window, "{} is {page} px wide in a window of {window}", self.address().await);
        Ok(())
    }

    /// What an English page says in Chinese without saying that it does.
    ///
    /// # Errors
    /// When the page cannot be asked.
    pub async fn says_in_chinese(&self) -> anyhow::Result<Vec<String>> {
        let script = "if (!document.documentElement.lang.startsWith('en')) return [];
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const found = [];
            while (texts.nextNode()) {
              const { data, parentElement } = texts.currentNode;
              if (/\\p{Script=Han}/u.test(data) && !parentElement.closest('[lang^=zh], script, style, template')) found.push(data.trim());
            }
            return found;";
        Ok(self.driver.execute(script, vec![]).await?.convert()?)
    }

    /// Types a day into a field for one. How people type it depends on the browser's language.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn set_day(&self, css: &str, day: &str) -> anyhow::Result<()> {
        self.find(css).await?;
        let script = "document.querySelector(arguments[0]).value = arguments[1]";
        self.driver.execute(script, vec![css.into(), day.into()]).await?;
        Ok(())
    }

    /// The person closes it, whatever it is doing.
    ///
    /// # Errors
    /// When the driver refuses.
    pub async fn close(&self) -> anyhow::Result<()> {
        Ok(self.driver.clone().quit().await?)
    }

    /// The file that a click brought, waited for ten seconds.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn downloaded(&self, name: &str) -> anyhow::Result<PathBuf> {
        let file = self.profile.path().join("downloads").join(name);
        eventually("the file is downloaded", Duration::from_secs(10), async || file.exists()).await?;
        Ok(file)
    }

    /// Sets the size of the page's area.
    ///
    /// # Errors
    /// When the driver refuses.
    pub async fn resize(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let emulation = self.driver.cdp();
        emulation.send_raw("Emulation.setScrollbarsHidden", serde_json::json!({ "hidden": width < 1000 })).await?;
        Ok(emulation.emulation().set_device_metrics_override(width, height, 1.0, false).await?)
    }

    /// Saves what the page looks like as a PNG file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn picture(&self, file: &Path) -> anyhow::Result<()> {
        std::fs::write(file, self.driver.screenshot_as_png().await?)?;
        Ok(())
    }
}
