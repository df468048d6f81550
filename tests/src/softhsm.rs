//! SoftHSM2 tokens in a folder of their own: real PKCS#11, no hardware.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::judges::text;
use crate::programs::must;

/// The module as Debian installs it.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Where a set of SoftHSM2 tokens lives. Programs see it through `SOFTHSM2_CONF`.
#[derive(Debug)]
pub struct SoftHsm {
    configuration: PathBuf,
}

impl SoftHsm {
    /// An empty set in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let tokens = folder.join("tokens");
        std::fs::create_dir_all(&tokens)?;
        let configuration = folder.join("softhsm2.conf");
        let lines =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", text(&tokens)?);
        std::fs::write(&configuration, lines)?;
        Ok(Self { configuration })
    }

    /// The value of `SOFTHSM2_CONF`.
    #[must_use]
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// Makes a token as its maker delivers it: with a label and the user PIN `pin`.
    ///
    /// # Errors
    /// When SoftHSM2 refuses.
    pub fn init(&self, label: &str, pin: &str) -> anyhow::Result<()> {
        must(Command::new("softhsm2-util").env("SOFTHSM2_CONF", &self.configuration).args([
            "--init-token",
            "--free",
            "--label",
            label,
            "--so-pin",
            "12345678",
            "--pin",
            pin,
        ]))?;
        Ok(())
    }

    /// Asks OpenSC's `pkcs11-tool` about the tokens.
    ///
    /// # Errors
    /// When it fails.
    pub fn pkcs11_tool(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new("pkcs11-tool");
        must(command.env("SOFTHSM2_CONF", &self.configuration).args(["--module", MODULE]).args(arguments))
    }
}
