//! Configuration: a TOML file, then environment variables `TOKEN_…` (`__` between levels), checked whole.
//!
//! ```toml
//! [agent]
//! listen = "127.0.0.1:17080"
//!
//! [[driver]]
//! kind = "pkcs11"
//! module = "/usr/lib/softhsm/libsofthsm2.so"
//!
//! [[driver]]
//! kind = "soft"
//! folder = "var/tokens"
//!
//! [[site]]
//! origin = "http://127.0.0.1:8081"
//! name_zh = "注册审核系统"
//! name_en = "Registration console"
//! may = ["login", "order", "provision", "unlock"]
//! ```
//!
//! Trust: whoever can change `[[site]]` can have statements put before the user by a site of theirs; whoever
//! can change `[[driver]]` gets the PIN. Relative paths start at the working directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ca_core::settings::{self, Faults};
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::Deserialize;

use crate::driver::pkcs11::Pkcs11;
use crate::driver::soft::Soft;
use crate::driver::{Drivers, TokenDriver, TokenError};
use crate::origin::{Origin, OriginError};
use crate::text::Language;

/// Where the agent listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 17080);

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file does not exist.
    #[error("there is no configuration file {0}")]
    Missing(PathBuf),
    /// The file or a variable cannot be read, or has keys that we do not know.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(#[from] Faults),
    /// The agent would be reachable from other machines.
    #[error("agent.listen = {0}: the agent may only listen on a loopback address")]
    NotLoopback(SocketAddr),
    /// A site's origin.
    #[error("a site: {0}")]
    Origin(#[from] OriginError),
    /// The same origin twice.
    #[error("the site {0} stands twice")]
    Twice(Origin),
}

/// Something that a site may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// A signature on a login challenge.
    Login,
    /// A signature on an order to the CA.
    Order,
    /// Putting a certificate on a token.
    Provision,
    /// A unit's renewal of its own certificate: its order, and what takes the certificate's place on the same token.
    Renew,
    /// A signature on a transaction at the housing fund.
    Fund,
    /// Unblocking a PIN. Such a site is also told, signed by the token, when a PIN was changed.
    Unlock,
}

/// A site that may open the agent's window.
#[derive(Clone, Debug)]
pub struct Site {
    /// As the browser says it.
    pub origin: Origin,
    name_zh: String,
    name_en: String,
    may: Vec<Permission>,
}

impl Site {
    /// Its name for people.
    #[must_use]
    pub fn name(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.name_zh,
            Language::English => &self.name_en,
        }
    }

    /// Whether it may ask for this.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.may.contains(&permission)
    }
}

/// Where tokens are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DriverConfig {
    /// A vendor's PKCS#11 module.
    Pkcs11 {
        /// The shared library.
        module: PathBuf,
    },
    /// A folder of file tokens, for demonstrations.
    Soft {
        /// The folder.
        folder: PathBuf,
    },
}

impl DriverConfig {
    /// Loads the driver.
    ///
    /// # Errors
    /// [`TokenError::Broken`] for a module that cannot be loaded.
    pub fn load(&self) -> Result<Arc<dyn TokenDriver>, TokenError> {
        Ok(match self {
            Self::Pkcs11 { module } => Arc::new(Pkcs11::load(module)?),
            Self::Soft { folder } => Arc::new(Soft::new(folder, Box::new(ca_core::clock::system_rng()))),
        })
    }
}

/// The configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Loopback address of the agent.
    pub listen: SocketAddr,
    /// Where tokens are looked for.
    pub drivers: Vec<DriverConfig>,
    /// Who may ask, and the jump list.
    pub sites: Vec<Site>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    agent: RawAgent,
    #[serde(default)]
    driver: Vec<DriverConfig>,
    #[serde(default)]
    site: Vec<RawSite>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgent {
    listen: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSite {
    origin: String,
    name_zh: String,
    name_en: String,
    may: Vec<Permission>,
}

impl Config {
    /// Reads a file (or none) and the environment.
    ///
    /// # Errors
    /// [`ConfigError`]; the operator must mend the configuration.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        let name = file.map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::Missing(file.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        Self::check(&name, &figment.merge(Env::prefixed("TOKEN_").split("__")))
    }

    /// Reads TOML text alone.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::check("text", &Figment::from(Toml::string(text)))
    }

    fn check(name: &str, figment: &Figment) -> Result<Self, ConfigError> {
        let raw: Raw = settings::read(name, figment).whole()?;
        let listen = raw.agent.listen.unwrap_or(DEFAULT_LISTEN);
        if !listen.ip().is_loopback() {
            return Err(ConfigError::NotLoopback(listen));
        }
        let mut sites: Vec<Site> = Vec::new();
        for site in raw.site {
            let origin: Origin = site.origin.parse()?;
            if sites.iter().any(|known| known.origin == origin) {
                return Err(ConfigError::Twice(origin));
            }
            sites.push(Site { origin, name_zh: site.name_zh, name_en: site.name_en, may: site.may });
        }
        Ok(Self { listen, drivers: raw.driver, sites })
    }

    /// Loads all drivers; those that fail are told beside those that work.
    #[must_use]
    pub fn load_drivers(&self) -> (Drivers, Vec<TokenError>) {
        let (mut loaded, mut failed) = (Vec::new(), Vec::new());
        for driver in &self.drivers {
            match driver.load() {
                Ok(driver) => loaded.push(driver),
                Err(error) => failed.push(error),
            }
        }
        (Drivers::new(loaded), failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused() {
        let error = Config::from_toml("[agent]\nlisen = \"127.0.0.1:1\"").map(|_| ()).expect_err("an unknown key");
        assert!(error.to_string().contains("agent.lisen: there is no such key; the nearest is listen"), "{error}");
    }

    #[test]
    fn the_agent_listens_on_loopback_only() {
        let outcome = Config::from_toml("[agent]\nlisten = \"0.0.0.0:17080\"");
        assert!(matches!(outcome, Err(ConfigError::NotLoopback(_))));
    }

    #[test]
    fn a_site_on_plain_http_elsewhere_is_refused() {
        let site =
            "[[site]]\norigin = \"http://portal.example\"\nname_zh = \"甲\"\nname_en = \"A\"\nmay = [\"login\"]\n";
        assert!(matches!(Config::from_toml(site), Err(ConfigError::Origin(OriginError::NotSecure(_)))));
    }
}
