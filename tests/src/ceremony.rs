//! Ceremony files: the one of the demonstration, and one of a single kind of key.

use anyhow::Context as _;

use crate::judges::root;

/// A ceremony file and the CAs in it.
#[derive(Clone, Debug)]
pub struct Ceremony {
    /// The file.
    pub(crate) text: String,
    /// Ids of the roots, in the order of the file.
    pub(crate) roots: Vec<String>,
    /// Ids and kinds of key of the issuing CAs, in the order of the file.
    pub(crate) issuers: Vec<(String, String)>,
    /// Whether a key of it is born in a PKCS#11 module.
    pub(crate) module: bool,
}

impl Ceremony {
    /// The file that ships with the demonstration.
    ///
    /// # Errors
    /// When it is gone or lost its shape.
    pub fn shipped() -> anyhow::Result<Self> {
        let file = root().join("scripts/demo/ceremony.toml");
        Self::new(std::fs::read_to_string(&file).with_context(|| file.display().to_string())?)
    }

    /// The shipped file with its root and issuing CAs replaced by these: a root, and one issuing CA `issuing`,
    /// which may sign every shipped profile for end entities. `settings` are further lines of the issuing CA's table; those of
    /// `root_settings` go into the root's.
    ///
    /// # Errors
    /// As [`Self::shipped`].
    pub fn of(root: &str, issuing: &str, root_settings: &str, settings: &str) -> anyhow::Result<Self> {
        let shipped = Self::shipped()?;
        let officers = shipped.text.find("[[officer]]").context("officers")?;
        let officers = shipped.text[officers..].lines().map(|line| {
            let issuer = line.starts_with("issuer = ");
            if issuer { "issuer = \"issuing\"\n".to_owned() } else { format!("{line}\n") }
        });
        let text = format!(
            "name = \"{issuing} hierarchy\"\ncountry = \"CN\"\norganisation = \"印信示范 CA\"\n\
             [root]\nid = \"root\"\ncommon_name = \"Root {issuing}\"\nkey = \"{root}\"\nyears = 20\ncrl_days = 365\n\
             passphrase_file = \"root.passphrase\"\n{root_settings}\n\
             [[issuer]]\nid = \"issuing\"\ncommon_name = \"Issuing {issuing}\"\nkey = \"{issuing}\"\nyears = 10\n\
             profiles = [\"unit-sign\", \"unit-encrypt\", \"staff\", \"person\", \"tls-server\", \"timestamp\",
             \"evidence\"]\n\
             {settings}\n{}",
            officers.collect::<String>()
        );
        Self::new(text)
    }

    /// [`Self::of`] with the key of the issuing CA in the house's PKCS#11 module, under this label.
    ///
    /// # Errors
    /// As [`Self::shipped`].
    pub fn in_module(root: &str, issuing: &str, label: &str) -> anyhow::Result<Self> {
        Ok(Self { module: true, ..Self::of(root, issuing, "", &format!("pkcs11 = \"{label}\""))? })
    }

    fn new(text: String) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse()?;
        let word = |from: &toml::Value, key: &str| from[key].as_str().map(str::to_owned).context("a word");
        let roots = match &table["root"] {
            toml::Value::Array(several) => {
                several.iter().map(|root| word(root, "id")).collect::<anyhow::Result<_>>()?
            }
            one => vec![word(one, "id")?],
        };
        let issuers = table["issuer"].as_array().context("issuing CAs")?.iter();
        let issuers = issuers.map(|issuer| Ok((word(issuer, "id")?, word(issuer, "key")?)));
        Ok(Self { roots, issuers: issuers.collect::<anyhow::Result<_>>()?, module: false, text })
    }
}
