//! The running house with the assistant of the counter's computer and one browser: what a journey through the pages
//! needs. Officers' keys are born in tokens, each program is the real one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::domain::KeyKind;
use thirtyfour::By;
use tokio::sync::Semaphore;

use crate::agent::{Agent, Carrier, Site};
use crate::browser::Browser;
use crate::ceremony::Ceremony;
use crate::house::{Engine, House, OFFICERS};
use crate::office::UNIT;
use crate::programs::{Program, free_port};

/// Names of [`OFFICERS`], in their order.
pub const NAMES: [&str; 7] = ["李敏", "王强", "赵静", "陈洁", "刘芳", "吴敏", "徐浩"];
/// What English pages call by its Chinese name.
const PROPER: [&str; 15] = [
    "李敏",
    "王强",
    "赵静",
    "陈洁",
    "刘芳",
    "吴敏",
    "徐浩",
    "周明",
    "周晓燕",
    "周建国",
    "周敏",
    "示范办事处",
    "示范市南山物流有限公司",
    UNIT,
    "中文",
];
/// Their PINs.
pub const PINS: [&str; 7] = ["24681357", "13572468", "97531864", "64208642", "80246802", "18273645", "54637281"];
/// Units' tokens, blank.
pub const TOKENS: [&str; 3] = ["unit-001", "unit-002", "unit-003"];
/// Their PIN as they come from their maker.
pub const INITIAL_PIN: &str = "123456";
/// The PIN that units choose.
pub const UNIT_PIN: &str = "86420975";
/// The first form of the bar is the search.
pub const SIGN_OUT: &str = "form[action='/logout'] button";

/// Place in [`Hall::programs`].
pub const AUTHORITY: usize = 0;
/// As [`AUTHORITY`].
pub const RESPONDER: usize = 1;
/// As [`AUTHORITY`].
pub const OFFICE: usize = 2;

/// Journeys that go on at the same time: each has a browser and half a dozen programs.
static TURNS: Semaphore = Semaphore::const_new(3);

/// Waits for its turn and goes the journey, for which `limit` is enough.
///
/// # Errors
/// Those of the journey, or that it takes too long.
pub async fn journey<T>(limit: Duration, steps: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let _turn = TURNS.acquire().await?;
    tokio::time::timeout(limit, steps).await.with_context(|| format!("the journey takes longer than {limit:?}"))?
}

/// The running house with the assistant of the counter's computer and one browser.
pub struct Hall {
    /// The authority and the office.
    pub house: House,
    /// The assistant of the counter's computer.
    pub agent: Agent,
    /// The counter's browser.
    pub browser: Browser,
    /// For what a journey wants to write.
    pub folder: tempfile::TempDir,
    /// Authority, responder, office, portal.
    pub programs: Vec<Program>,
    /// What tokens are made of.
    carrier: Carrier,
    /// The kind of all keys in them.
    pub kind: KeyKind,
}

impl Hall {
    /// Tokens first, since officers' keys are born in them; then the ceremony; then everything is started.
    ///
    /// # Errors
    /// When a program does not become ready.
    pub async fn open(carrier: Carrier, kind: KeyKind, ceremony: &Ceremony) -> anyhow::Result<Self> {
        Self::open_with(carrier, kind, ceremony, &[]).await
    }

    /// As [`Self::open`], with `flags` for Chromium.
    ///
    /// # Errors
    /// When a program does not become ready.
    pub async fn open_with(
        carrier: Carrier,
        kind: KeyKind,
        ceremony: &Ceremony,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let tokens = Agent::start_over(carrier, folder.path(), free_port()?, &[]).await?;
        let mut requests = Vec::new();
        for ((id, name), pin) in OFFICERS.iter().zip(NAMES).zip(PINS) {
            tokens.init(id, pin)?;
            let file = format!("{id}.csr");
            let request = ["--token", id, "--common-name", name, "--key", kind.name(), "--request-out", &file];
            tool(&tokens, folder.path(), pin, &request)?;
            requests.push(std::fs::read_to_string(folder.path().join(file))?);
        }
        for unit in TOKENS {
            tokens.init(unit, INITIAL_PIN)?;
        }
        let house = House::found(Engine::Sqlite, ceremony, &requests)?;
        for (id, pin) in OFFICERS.iter().zip(PINS) {
            let certificate = house.certificate_file(id);
            let certificate = certificate.to_str().context("a UTF-8 path")?;
            tool(&tokens, folder.path(), pin, &["--token", id, "--install", certificate])?;
        }
        // SoftHSM2 shows a program the tokens that were there when it started.
        drop(tokens);

        let staff = format!("http://127.0.0.1:{}", house.ports.staff);
        let portal = format!("http://127.0.0.1:{}", house.ports.portal);
        let public = format!("http://127.0.0.1:{}", house.ports.public);
        let sites = [
            Site { origin: &staff, name: "示范办事处", may: &["login", "order", "provision", "unlock"] },
            Site { origin: &portal, name: "示范公积金", may: &["login", "fund"] },
            Site { origin: &public, name: "示范证书服务", may: &["login", "renew"] },
        ];
        let agent = Agent::start_over(carrier, folder.path(), house.ports.agent, &sites).await?;
        let programs = vec![
            house.start_ca().await?,
            house.start_responder().await?,
            house.start_office().await?,
            house.start_portal().await?,
        ];
        Ok(Self { house, agent, browser: Browser::start(flags).await?, folder, programs, carrier, kind })
    }

    /// An address of the staff console.
    #[must_use]
    pub fn staff(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.house.ports.staff)
    }

    /// An address of the fund portal.
    #[must_use]
    pub fn portal(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.house.ports.portal)
    }

    /// An address of the units' own site.
    #[must_use]
    pub fn public(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.house.ports.public)
    }

    /// Clicks what opens the assistant, picks the certificate on `token`, types the PIN and comes back.
    ///
    /// # Errors
    /// When the window does not show what it should.
    pub async fn sign(&self, button: &str, token: &str, pin: &str) -> anyhow::Result<()> {
        self.browser.click(button).await?;
        let page = self.browser.enter_popup().await?;
        self.pick("certificate", token).await?;
        self.browser.fill("#pin", pin).await?;
        self.browser.is_accessible().await.context("the assistant's window")?;
        self.picture("assistant").await?;
        self.browser.click("button[value=sign]").await?;
        self.browser.leave_popup(page).await
    }

    /// Leaves a picture of the page where `YINXIN_PICTURES` says.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        match std::env::var_os("YINXIN_PICTURES").map(PathBuf::from) {
            Some(folder) if self.kind == KeyKind::Sm2 => {
                self.browser.picture(&folder.join(format!("sm2-{name}.png"))).await
            }
            Some(folder) => self.browser.picture(&folder.join(format!("{name}.png"))).await,
            None => Ok(()),
        }
    }

    /// Chooses the line that names `what` where the window offers several.
    ///
    /// # Errors
    /// When nothing of the kind is offered.
    pub async fn pick(&self, group: &str, what: &str) -> anyhow::Result<()> {
        self.browser.find(&format!("input[name={group}]")).await?;
        for line in self.browser.driver.find_all(By::Css("label.choice")).await? {
            let Ok(input) = line.find(By::Css(format!("input[name={group}]"))).await else { continue };
            if line.text().await?.contains(what) {
                return Ok(input.click().await?);
            }
        }
        anyhow::bail!("{what} is not offered:\n{}", self.browser.text().await)
    }

    /// Pulls a token out: its folder, or its file, goes away.
    ///
    /// # Errors
    /// When no token has this label.
    pub fn pull(&self, label: &str) -> anyhow::Result<()> {
        let (folder, file) = match self.carrier {
            Carrier::SoftHsm => ("tokens", "token.object"),
            Carrier::Files => ("files", ""),
        };
        for token in std::fs::read_dir(self.folder.path().join(folder))? {
            let token = token?.path();
            let object = std::fs::read(if file.is_empty() { token.clone() } else { token.join(file) })?;
            if object.windows(label.len()).any(|part| part == label.as_bytes()) {
                std::fs::create_dir_all(self.pulled(label))?;
                return Ok(std::fs::rename(&token, self.pulled(label).join(token.file_name().context("a name")?))?);
            }
        }
        anyhow::bail!("no token {label} is plugged in")
    }

    /// Plugs a file token that was pulled in again.
    ///
    /// # Errors
    /// When it was not pulled.
    pub fn plug(&self, label: &str) -> anyhow::Result<()> {
        for token in std::fs::read_dir(self.pulled(label))? {
            let token = token?;
            std::fs::rename(token.path(), self.folder.path().join("files").join(token.file_name()))?;
        }
        Ok(())
    }

    fn pulled(&self, label: &str) -> PathBuf {
        self.folder.path().join(format!("pulled-{label}"))
    }

    /// Logs an officer in, whoever was there before.
    ///
    /// # Errors
    /// When the console does not let them in.
    pub async fn officer(&self, who: usize) -> anyhow::Result<()> {
        self.browser.open(&self.staff("/")).await?;
        if let Ok(sign_out) = self.browser.driver.find(By::Css(SIGN_OUT)).await {
            sign_out.click().await?;
            // The page that comes is waited for: the next one must not overtake it.
            self.browser.find("form[data-agent]").await?;
        }
        self.browser.open(&self.staff("/login?lang=zh-CN")).await?;
        self.sign("form[data-agent] button[type=submit]", OFFICERS[who], PINS[who]).await?;
        self.browser.sees(NAMES[who]).await
    }

    /// Sees that the page is accessible in both languages and at both sizes, leaves its picture where
    /// `YINXIN_PICTURES` says, and comes back to it in Chinese. Once is enough: not where keys are SM2.
    ///
    /// # Errors
    /// What axe-core found, and where.
    pub async fn looks_well(&self, name: &str) -> anyhow::Result<()> {
        if self.kind == KeyKind::Sm2 {
            return Ok(());
        }
        let address = self.browser.address().await;
        self.looks_well_in_both(address.split('?').next().unwrap_or_default(), name).await
    }

    /// [`Self::looks_well`] of the page at this path of the console, whose pictures are named after it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn looks_well_at(&self, path: &str) -> anyhow::Result<()> {
        let name = path.trim_matches('/').replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        self.looks_well_in_both(&self.staff(path), &format!("page-{name}")).await
    }

    async fn looks_well_in_both(&self, address: &str, name: &str) -> anyhow::Result<()> {
        let and = if address.contains('?') { '&' } else { '?' };
        for language in ["en", "zh-CN"] {
            self.browser.open(&format!("{address}{and}lang={language}")).await?;
            let spoken = self.browser.says_in_chinese().await?;
            let words = |text: &&String| PROPER.iter().fold((*text).clone(), |text, name| text.replace(name, ""));
            let untold =
                spoken.iter().filter(|text| words(text).chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c)));
            let untold: Vec<_> = untold.collect();
            ensure!(untold.is_empty(), "{name} in {language} says in the other language: {untold:?}");
            for (width, height) in [(390, 844), (1366, 768)] {
                self.browser.resize(width, height).await?;
                self.browser.is_accessible().await.with_context(|| format!("{name} in {language}"))?;
                self.browser.fits().await.with_context(|| format!("{name} in {language}"))?;
                self.picture(&format!("{name}-{language}-{width}")).await?;
            }
        }
        Ok(())
    }
}

/// `token enrol …` with a PIN, in `folder`.
fn tool(agent: &Agent, folder: &Path, pin: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let pin_file = folder.join("pin");
    std::fs::write(&pin_file, pin)?;
    let pin_file = pin_file.to_str().context("a UTF-8 path")?;
    let mut all = vec!["enrol".to_owned(), "--pin-file".into(), pin_file.into()];
    for argument in arguments {
        let file = argument.ends_with(".csr");
        all.push(if file { folder.join(argument).display().to_string() } else { (*argument).to_owned() });
    }
    agent.tool(&all.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(())
}
