//! The whole system on free ports in a folder of its own: the real programs, started as an operator would.
//!
//! [`House::found`] holds the ceremony; the processes are started one by one, so that a test can do without
//! some, or kill one. Everything ends with the value.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use ca_core::keys::{KeyKind, csr};
use ca_core::service::client::Client;
use ca_core::signer::Signer as _;
use ca_core::signer::soft::SoftKey;
use tempfile::TempDir;

use crate::ceremony::Ceremony;
use crate::judges::{OcspVerdict, bundle, openssl_ocsp, pem};
use crate::programs::{Program, binary, eventually, free_port, must};
use crate::softhsm::{MODULE, SoftHsm};

/// The servers that the shipped ceremony file names; nobody starts them here.
const SERVERS: [&str; 2] = ["stamps", "evidence"];
/// The officers of the desk whom the shipped ceremony file names: entry and operator, reviewer, auditor, a second
/// entry and operator, finance, and the two administrators.
pub const OFFICERS: [&str; 7] = ["limin", "wangqiang", "zhaojing", "chenjie", "liufang", "wumin", "xuhao"];

/// The officers of the key-management centre in that file. Their keys are nobody's in tests.
const KMC_OFFICERS: [&str; 2] = ["qianwei", "sunli"];

/// Where the authority keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file in the house's folder.
    Sqlite,
    /// This empty database.
    Postgres(String),
}

/// Addresses of the listeners.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// The public site.
    pub public: u16,
    /// The staff console.
    pub staff: u16,
    /// The fund portal.
    pub portal: u16,
    /// OCSP, CRLs, CA certificates.
    pub validation: u16,
    /// The certificate assistant.
    pub agent: u16,
    /// What stands in for Stripe.
    pub stripe: u16,
    ca_ops: u16,
    web_ops: u16,
    portal_ops: u16,
    ocsp_ops: u16,
    kmc_ops: u16,
}

impl Ports {
    /// The authority's health and metrics.
    #[must_use]
    pub const fn ca_operations(&self) -> u16 {
        self.ca_ops
    }
}

/// A founded authority with its configuration.
pub struct House {
    folder: TempDir,
    /// Where everything listens once started.
    pub ports: Ports,
    database_url: String,
    roots: Vec<String>,
    issuers: Vec<(String, String)>,
    kmc: tokio::sync::Mutex<Option<Program>>,
    hsm: Option<SoftHsm>,
}

/// Label and PIN of the token in the module of a house that has one.
pub const TOKEN: (&str, &str) = ("ca", "24681357");

/// `127.0.0.1` with this port.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl House {
    /// Makes the folder, the configuration and the secrets, and holds this ceremony with the requests (PEM) of the
    /// first of [`OFFICERS`]; the keys of the others are nobody's.
    ///
    /// # Errors
    /// When a program refuses; the error says what it printed.
    pub fn found(engine: Engine, ceremony: &Ceremony, requests: &[String]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        let port = free_port;
        let ports = Ports {
            public: port()?,
            staff: port()?,
            portal: port()?,
            validation: port()?,
            agent: port()?,
            stripe: port()?,
            ca_ops: port()?,
            web_ops: port()?,
            portal_ops: port()?,
            ocsp_ops: port()?,
            kmc_ops: port()?,
        };
        for part in ["ca", "kmc", "run", "ocsp", "publish", "ra", "fund", "secrets", "ceremony"] {
            std::fs::create_dir(root.join(part))?;
        }
        for (file, text) in
            [("ca", "correct horse battery"), ("ocsp", "staple of the responder"), ("kmc", "what the centre keeps")]
        {
            std::fs::write(root.join("secrets").join(file), text)?;
        }
        std::fs::write(root.join("secrets/field.key"), "11".repeat(32))?;
        std::fs::write(root.join("secrets/stripe"), "sk_test_house")?;
        std::fs::write(root.join("secrets/stripe-webhook"), "whsec_house")?;
        let hsm = root.join("hsm");
        let database_url = match engine {
            Engine::Sqlite => format!("sqlite:{}", root.join("ca/ca.db").display()),
            Engine::Postgres(url) => url,
        };
        let house = Self {
            folder,
            ports,
            database_url,
            roots: ceremony.roots.clone(),
            issuers: ceremony.issuers.clone(),
            kmc: tokio::sync::Mutex::default(),
            hsm: ceremony.module.then(|| SoftHsm::new(&hsm)).transpose()?,
        };
        if let Some(hsm) = &house.hsm {
            hsm.init(TOKEN.0, TOKEN.1)?;
            std::fs::write(house.path("secrets/pin"), TOKEN.1)?;
        }
        house.configure()?;
        house.hold_ceremony(ceremony, requests)?;
        Ok(house)
    }

    /// The PKCS#11 module, of a ceremony that has a key in one.
    #[must_use]
    pub const fn hsm(&self) -> Option<&SoftHsm> {
        self.hsm.as_ref()
    }

    /// Ids of the roots and of the issuing CAs.
    pub fn authorities(&self) -> impl Iterator<Item = &str> {
        self.roots.iter().chain(self.issuers.iter().map(|(id, _)| id)).map(String::as_str)
    }

    /// A path in the house's folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// DER of the certificate that the ceremony made for this officer.
    ///
    /// # Errors
    /// When there is none.
    pub fn certificate(&self, officer: &str) -> anyhow::Result<Vec<u8>> {
        let file = self.certificate_file(officer);
        std::fs::read(&file).with_context(|| file.display().to_string())
    }

    /// Where that certificate is.
    #[must_use]
    pub fn certificate_file(&self, officer: &str) -> PathBuf {
        self.path(&format!("ceremony/{officer}.cer"))
    }

    /// A CA certificate (DER) as published: of one of [`Self::authorities`].
    #[must_use]
    pub fn ca_certificate(&self, name: &str) -> PathBuf {
        self.path(&format!("publish/ca/{name}.cer"))
    }

    /// A CRL (DER) as published.
    #[must_use]
    pub fn crl(&self, name: &str) -> PathBuf {
        self.path(&format!("publish/crl/{name}.crl"))
    }

    /// Under which lists, CA certificates and the responder are found.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.validation)
    }

    /// The responder's URL.
    #[must_use]
    pub fn ocsp_url(&self) -> String {
        format!("{}/ocsp", self.base_url())
    }

    /// A published CA certificate as PEM.
    ///
    /// # Errors
    /// When it is not published.
    pub fn issuer_pem(&self, issuer: &str) -> anyhow::Result<PathBuf> {
        pem("x509", &self.ca_certificate(issuer))
    }

    /// Root and issuing CAs in one PEM file.
    ///
    /// # Errors
    /// When they are not published.
    pub fn chain(&self) -> anyhow::Result<PathBuf> {
        let files = self.authorities().map(|name| self.issuer_pem(name)).collect::<anyhow::Result<Vec<_>>>()?;
        let chain = self.path("chain.pem");
        bundle(&files, &chain)?;
        Ok(chain)
    }

    /// What the responder says of a certificate, asked and judged by OpenSSL.
    ///
    /// # Errors
    /// When OpenSSL does not accept the answer.
    pub fn verdict(&self, issuer: &str, serial: &str) -> anyhow::Result<OcspVerdict> {
        let subject = ["-serial", &format!("0x{serial}")];
        openssl_ocsp(&self.ocsp_url(), &self.chain()?, &self.issuer_pem(issuer)?, &subject, true)
    }

    /// The database as the responder opens it: over PostgreSQL as the role `yinxin_ocsp`, which the test makes.
    #[must_use]
    pub fn responder_database_url(&self) -> String {
        self.database_url.replace("postgres://postgres@", "postgres://yinxin_ocsp@")
    }

    /// Calls the authority over its socket.
    #[must_use]
    pub fn authority(&self) -> Client {
        Client::new(self.path("run/ca.socket"))
    }

    /// Runs `ca ARGUMENTS…` with the house's configuration.
    ///
    /// # Errors
    /// When it fails; the error says what it printed.
    pub fn ca(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.ca_in(&[], arguments)
    }

    /// [`Self::ca`] with these variables in its environment.
    ///
    /// # Errors
    /// When it fails.
    pub fn ca_in(&self, environment: &[(&str, PathBuf)], arguments: &[&str]) -> anyhow::Result<String> {
        must(self.command("ca", "ca.toml")?.args(arguments).envs(environment.iter().cloned()))
    }

    /// Starts `ca serve`; it is ready when this returns. The first time the key-management centre is started with it,
    /// and runs as long as the house stands: without it no pairs are issued.
    ///
    /// # Errors
    /// When one does not become ready.
    pub async fn start_ca(&self) -> anyhow::Result<Program> {
        self.start_ca_in(&[]).await
    }

    /// Starts `ca serve` with these variables in its environment.
    ///
    /// # Errors
    /// When it, or the key-management centre, does not become ready.
    pub async fn start_ca_in(&self, environment: &[(&str, PathBuf)]) -> anyhow::Result<Program> {
        self.start_kmc().await?;
        let mut command = self.command("ca", "ca.toml")?;
        self.start("ca", command.arg("serve").envs(environment.iter().cloned()), self.ports.ca_ops).await
    }

    /// Starts the key-management centre, unless it runs.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_kmc(&self) -> anyhow::Result<()> {
        let mut kmc = self.kmc.lock().await;
        if kmc.is_none() {
            let mut command = self.command("ca", "kmc.toml")?;
            *kmc = Some(self.start("kmc", command.args(["kmc", "serve"]), self.ports.kmc_ops).await?);
        }
        Ok(())
    }

    /// The process id of the key-management centre; `None` when it does not run.
    pub async fn kmc_pid(&self) -> Option<u32> {
        let mut kmc = self.kmc.lock().await;
        let kmc = kmc.as_mut()?;
        kmc.runs().then(|| kmc.pid())
    }

    /// Runs a command of `ca kmc` and answers what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn kmc(&self, arguments: &[&str]) -> anyhow::Result<String> {
        must(self.command("ca", "kmc.toml")?.arg("kmc").args(arguments))
    }

    /// Kills the key-management centre, as a power cut would.
    pub async fn kill_kmc(&self) {
        drop(self.kmc.lock().await.take());
    }

    /// Starts `ocsp-responder`.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_responder(&self) -> anyhow::Result<Program> {
        self.start("ocsp-responder", &mut self.command("ocsp-responder", "ocsp.toml")?, self.ports.ocsp_ops).await
    }

    /// Starts `ra-web serve`: the public site and the staff console.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_office(&self) -> anyhow::Result<Program> {
        self.start("ra-web", self.command("ra-web", "ra.toml")?.arg("serve"), self.ports.web_ops).await
    }

    /// Runs `ra-web migrate`, which makes the keys that the configuration names and that are not there.
    ///
    /// # Errors
    /// When it fails.
    pub fn migrate_office(&self) -> anyhow::Result<()> {
        must(self.command("ra-web", "ra.toml")?.arg("migrate")).map(drop)
    }

    /// Starts `ra-web worker`, whose operations port the configuration names.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_worker(&self, operations: u16) -> anyhow::Result<Program> {
        self.start("ra-worker", self.command("ra-web", "ra.toml")?.arg("worker"), operations).await
    }

    /// Takes tokens into the stock of the demonstration's office: `ra-web stock`. Writes the list of their admin PINs.
    ///
    /// # Errors
    /// When the program refuses.
    pub fn stock(&self, serials: &[&str], list: &Path) -> anyhow::Result<()> {
        let mut command = self.command("ra-web", "ra.toml")?;
        command.args(["stock", "--office", "demo-office", "--model", "Soft", "--admin-pins"]).arg(list);
        must(command.args(serials)).map(drop)
    }

    /// Starts what stands in for Stripe.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_stripe(&self) -> anyhow::Result<Program> {
        let Ports { public, stripe, .. } = self.ports;
        let mut command = Command::new(binary("stripe-stand-in")?);
        command
            .args(["--listen", &format!("127.0.0.1:{stripe}")])
            .args(["--webhook", &format!("http://127.0.0.1:{public}/webhooks/stripe")])
            .arg("--webhook-secret-file")
            .arg(self.path("secrets/stripe-webhook"));
        self.start("stripe-stand-in", &mut command, stripe).await
    }

    /// Starts `ra-web portal`.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_portal(&self) -> anyhow::Result<Program> {
        self.start("portal", self.command("ra-web", "fund.toml")?.arg("portal"), self.ports.portal_ops).await
    }

    async fn start(&self, name: &str, command: &mut Command, ops: u16) -> anyhow::Result<Program> {
        let mut program = Program::start(name, command, &self.path(&format!("{name}.log")))?;
        let url = format!("http://127.0.0.1:{ops}/readyz");
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        let mut said = String::new();
        let what = format!("{name} is ready");
        let ready = eventually(&what, Duration::from_secs(20), async || match http.get(&url).send().await {
            Ok(answer) if answer.status().is_success() => true,
            Ok(answer) => {
                said = answer.text().await.unwrap_or_default();
                false
            }
            Err(_) => !program.runs(),
        });
        ready.await.with_context(|| format!("/readyz says {said:?}"))?;
        anyhow::ensure!(program.runs(), "{name} ended:\n{}", program.printed());
        Ok(program)
    }

    fn command(&self, name: &str, configuration: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(binary(name)?);
        command.current_dir(self.folder.path()).env("NO_COLOR", "1").arg("--config").arg(self.path(configuration));
        if let Some(hsm) = &self.hsm {
            command.env("SOFTHSM2_CONF", hsm.configuration());
        }
        Ok(command)
    }

    fn configure(&self) -> anyhow::Result<()> {
        let Ports { public, staff, portal, validation, agent, stripe, ca_ops, web_ops, portal_ops, ocsp_ops, kmc_ops } =
            self.ports;
        let ca_database = &self.database_url;
        let roots: Vec<String> = self.roots.iter().map(|root| format!("publish/ca/{root}.cer")).collect();
        let mut trust =
            format!("[trust]\nroots = {roots:?}\nocsp = \"http://127.0.0.1:{validation}/ocsp\"\n[trust.issuers]\n");
        for (issuer, _) in &self.issuers {
            writeln!(trust, "{issuer} = \"publish/ca/{issuer}.cer\"")?;
        }
        let ca = format!(
            "database_url = \"{ca_database}\"\nbase_url = \"http://127.0.0.1:{validation}\"\npublish_dir = \"publish\"\n\
             operations = \"127.0.0.1:{ca_ops}\"\n[socket]\npath = \"run/ca.socket\"\n[keys]\ndir = \"ca/keys\"\n\
             passphrase_file = \"secrets/ca\"\nresponder_passphrase_file = \"secrets/ocsp\"\n[audit]\ndir = \"ca/audit\"\n\
             [kmc]\nsocket = \"run/kmc.socket\"\n"
        );
        let module = match &self.hsm {
            None => String::new(),
            Some(_) => {
                format!("[keys.pkcs11]\nmodule = \"{MODULE}\"\ntoken = \"{}\"\npin_file = \"secrets/pin\"\n", TOKEN.0)
            }
        };
        let ca = format!("{ca}{module}");
        let kmc = format!(
            "database_url = \"sqlite:kmc/kmc.db\"\noperations = \"127.0.0.1:{kmc_ops}\"\n\
             officers_file = \"kmc/officers.toml\"\n[socket]\npath = \"run/kmc.socket\"\n[sealing]\ndir = \"kmc/keys\"\n\
             passphrase_file = \"secrets/kmc\"\n[authority]\nsocket = \"run/ca.socket\"\n[audit]\ndir = \"kmc/audit\"\n"
        );
        let mut ocsp = format!(
            "listen = \"127.0.0.1:{validation}\"\noperations_listen = \"127.0.0.1:{ocsp_ops}\"\n\
             database_url = \"{}\"\nauthority_socket = \"run/ca.socket\"\npublish_folder = \"publish\"\n",
            self.responder_database_url()
        );
        for (issuer, _) in &self.issuers {
            writeln!(
                ocsp,
                "[[responders]]\nissuer = \"{issuer}\"\nkey_file = \"ca/keys/ocsp-{issuer}.key\"\npassphrase_file = \"secrets/ocsp\""
            )?;
        }
        let online = format!(
            "[payment.online]\napi = \"http://127.0.0.1:{stripe}/\"\npages = \"http://127.0.0.1:{stripe}\"\n\
             secret_key_file = \"secrets/stripe\"\nwebhook_secret_file = \"secrets/stripe-webhook\"\n\
             [payment.wire]\npayee = \"示范市数字证书认证中心\"\naccount = \"1305 0000 1111 2222\"\n\
             bank = \"示范银行\"\noffice = \"demo-office\"\n[invoice]\nquota = true\n"
        );
        // Tokens of tests come to the counter as they are.
        let mut enrolment = "[worker]\nbeside_serve = true\n[enrolment]\nstock_only = false\n".to_owned();
        for (issuer, kind) in &self.issuers {
            writeln!(enrolment, "[[enrolment.keys]]\nkind = \"{kind}\"\nissuer = \"{issuer}\"")?;
        }
        let ra = format!(
            "ca_socket = \"run/ca.socket\"\n[storage]\ndatabase_url = \"sqlite:ra/ra.db\"\nevidence = \"ra/evidence\"\n\
             field_key_file = \"secrets/field.key\"\n\
             [loss_desk]\nkey_file = \"secrets/loss-desk.key\"\ncertificate_file = \"ceremony/lossdesk.cer\"\n\
             officer = \"lossdesk\"\noffice = \"demo-office\"\n[listen]\npublic = \"127.0.0.1:{public}\"\n\
             staff = \"127.0.0.1:{staff}\"\nops = \"127.0.0.1:{web_ops}\"\n[site]\n\
             agent_origin = \"http://127.0.0.1:{agent}\"\nvalidation_origin = \"http://127.0.0.1:{validation}\"\n{trust}{online}{enrolment}"
        );
        let opening = crate::judges::root().join("ra-web/demo/units.toml");
        let fund = format!(
            "[storage]\ndatabase_url = \"sqlite:fund/fund.db\"\nfield_key_file = \"fund/field.key\"\nopening = \"{}\"\n[listen]\nportal = \"127.0.0.1:{portal}\"\n\
             ops = \"127.0.0.1:{portal_ops}\"\n[site]\nagent_origin = \"http://127.0.0.1:{agent}\"\n\
             renewal_origin = \"http://127.0.0.1:{public}\"\n{trust}",
            opening.display()
        );
        for (file, text) in
            [("ca.toml", ca), ("ocsp.toml", ocsp), ("kmc.toml", kmc), ("ra.toml", ra), ("fund.toml", fund)]
        {
            std::fs::write(self.path(file), text)?;
        }
        Ok(())
    }

    fn hold_ceremony(&self, ceremony: &Ceremony, requests: &[String]) -> anyhow::Result<()> {
        let file = self.path("ceremony/ceremony.toml");
        for root in &self.roots {
            std::fs::write(
                self.path(&format!("ceremony/{root}.passphrase")),
                format!("kept in another building: {root}"),
            )?;
        }
        std::fs::write(&file, &ceremony.text)?;
        for (officer, request) in OFFICERS.iter().zip(requests) {
            std::fs::write(self.path(&format!("ceremony/{officer}.csr")), request)?;
        }
        let nobodys = OFFICERS.iter().skip(requests.len()).map(|officer| (*officer, KeyKind::P256));
        for (officer, kind) in nobodys.chain(KMC_OFFICERS.map(|officer| (officer, KeyKind::Sm2))) {
            let key = SoftKey::generate(kind)?;
            let request = csr::build(officer, key.spki_der(), key.algorithm(), |message| key.sign(message))?;
            std::fs::write(self.path(&format!("ceremony/{officer}.csr")), request)?;
        }
        for server in SERVERS {
            let key = SoftKey::generate(KeyKind::P256)?;
            let request = csr::build(server, key.spki_der(), key.algorithm(), |message| key.sign(message))?;
            std::fs::write(self.path(&format!("ceremony/{server}.csr")), request)?;
        }
        let request = self.path("ceremony/lossdesk.csr");
        must(self.command("ra-web", "ra.toml")?.arg("loss-desk").arg("--request-out").arg(request))?;
        let file = file.to_str().context("a UTF-8 path")?;
        self.ca(&["ceremony", file, "--dry-run"])?;
        anyhow::ensure!(!Path::new(&self.ca_certificate("root")).exists(), "a dry run makes nothing");
        self.ca(&["ceremony", file])?;
        let mut officers = String::new();
        for officer in KMC_OFFICERS {
            let sha256 = hex::encode(openssl::sha::sha256(&self.certificate(officer)?));
            writeln!(officers, "[[officer]]\nname = \"{officer}\"\ncertificate_sha256 = \"{sha256}\"")?;
        }
        std::fs::write(self.path("kmc/officers.toml"), officers)?;
        must(self.command("ca", "kmc.toml")?.args(["kmc", "init"]))?;
        Ok(())
    }
}
