//! The certificate assistant as a process, over SoftHSM2 or over sealed file tokens.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::programs::{Program, binary, eventually, must};
use crate::softhsm::{MODULE, SoftHsm};

/// A site that may open the assistant's window.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// As the browser says it.
    pub origin: &'a str,
    /// What the window calls it, in Chinese.
    pub name: &'a str,
    /// `login`, `order`, `provision`.
    pub may: &'a [&'a str],
}

/// What tokens are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// SoftHSM2, over PKCS#11.
    SoftHsm,
    /// Sealed files of the token program's own, which know SM2.
    Files,
}

/// `token agent` with tokens of its own.
pub struct Agent {
    origin: String,
    folder: PathBuf,
    hsm: Option<SoftHsm>,
    configuration: PathBuf,
    program: Program,
}

impl Agent {
    /// Starts the assistant over SoftHSM2 tokens in `folder` on `port`; it listens when this returns.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(folder: &Path, port: u16, sites: &[Site<'_>]) -> anyhow::Result<Self> {
        Self::start_over(Carrier::SoftHsm, folder, port, sites).await
    }

    /// [`Self::start`] over other tokens.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_over(carrier: Carrier, folder: &Path, port: u16, sites: &[Site<'_>]) -> anyhow::Result<Self> {
        let (hsm, driver) = match carrier {
            Carrier::SoftHsm => (Some(SoftHsm::new(folder)?), format!("kind = \"pkcs11\"\nmodule = \"{MODULE}\"")),
            Carrier::Files => (None, format!("kind = \"soft\"\nfolder = {:?}", folder.join("files"))),
        };
        let mut toml = format!("[agent]\nlisten = \"127.0.0.1:{port}\"\n[[driver]]\n{driver}\n");
        for Site { origin, name, may } in sites {
            toml += &format!(
                "[[site]]\norigin = \"{origin}\"\nname_zh = \"{name}\"\nname_en = \"{name}\"\nmay = {may:?}\n"
            );
        }
        let configuration = folder.join("token.toml");
        std::fs::write(&configuration, toml)?;
        let program = Program::start(
            "token agent",
            command(hsm.as_ref(), &configuration)?.arg("agent"),
            &folder.join("agent.log"),
        )?;
        eventually("the agent listens", Duration::from_secs(15), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await
        .with_context(|| program.printed())?;
        let origin = format!("http://127.0.0.1:{port}");
        Ok(Self { origin, folder: folder.to_owned(), hsm, configuration, program })
    }

    /// Where it is, as browsers see it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its SoftHSM2 tokens.
    ///
    /// # Errors
    /// When it has other ones.
    pub fn hsm(&self) -> anyhow::Result<&SoftHsm> {
        self.hsm.as_ref().context("these tokens are files")
    }

    /// Makes a token as its maker delivers it: with a label and the user PIN `pin`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn init(&self, label: &str, pin: &str) -> anyhow::Result<()> {
        if let Some(hsm) = &self.hsm {
            return hsm.init(label, pin);
        }
        let mut arguments = vec!["init".to_owned(), "--label".into(), label.into()];
        for (option, secret) in [("--so-pin-file", "87654321"), ("--pin-file", pin)] {
            let file = self.folder.join(option.trim_start_matches('-'));
            std::fs::write(&file, secret)?;
            // Without a PIN of its own a token comes with the initial one, which the program knows.
            if secret != "123456" {
                arguments.extend([option.to_owned(), file.display().to_string()]);
            }
        }
        self.tool(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).map(drop)
    }

    /// The process.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Runs the token tool on the same tokens: `token ARGUMENTS…`.
    ///
    /// # Errors
    /// When it fails; the error says what it printed.
    pub fn tool(&self, arguments: &[&str]) -> anyhow::Result<String> {
        must(command(self.hsm.as_ref(), &self.configuration)?.args(arguments))
    }
}

fn command(hsm: Option<&SoftHsm>, configuration: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(binary("token")?);
    if let Some(hsm) = hsm {
        command.env("SOFTHSM2_CONF", hsm.configuration());
    }
    command.arg("--config").arg(configuration).args(["--lang", "en"]);
    Ok(command)
}
