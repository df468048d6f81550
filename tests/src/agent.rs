//! The certificate assistant as a process, over SoftHSM2.

use std::path::Path;
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

/// `token agent` with SoftHSM2 tokens of its own.
pub struct Agent {
    origin: String,
    tokens: SoftHsm,
    configuration: std::path::PathBuf,
    program: Program,
}

impl Agent {
    /// Starts the assistant in `folder` on `port`; it listens when this returns.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(folder: &Path, port: u16, sites: &[Site<'_>]) -> anyhow::Result<Self> {
        let tokens = SoftHsm::new(folder)?;
        let mut toml =
            format!("[agent]\nlisten = \"127.0.0.1:{port}\"\n[[driver]]\nkind = \"pkcs11\"\nmodule = \"{MODULE}\"\n");
        for Site { origin, name, may } in sites {
            toml += &format!(
                "[[site]]\norigin = \"{origin}\"\nname_zh = \"{name}\"\nname_en = \"{name}\"\nmay = {may:?}\n"
            );
        }
        let configuration = folder.join("token.toml");
        std::fs::write(&configuration, toml)?;
        let program =
            Program::start("token agent", command(&tokens, &configuration)?.arg("agent"), &folder.join("agent.log"))?;
        eventually("the agent listens", Duration::from_secs(15), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await
        .with_context(|| program.printed())?;
        Ok(Self { origin: format!("http://127.0.0.1:{port}"), tokens, configuration, program })
    }

    /// Where it is, as browsers see it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its tokens.
    #[must_use]
    pub fn tokens(&self) -> &SoftHsm {
        &self.tokens
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
        must(command(&self.tokens, &self.configuration)?.args(arguments))
    }
}

fn command(tokens: &SoftHsm, configuration: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(binary("token")?);
    command.env("SOFTHSM2_CONF", tokens.configuration()).arg("--config").arg(configuration).args(["--lang", "en"]);
    Ok(command)
}
