//! The portal under test, its authority, its responder, its clock, and a browser without JavaScript.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ca_core::clock::{Clock as _, TestClock};
use ca_core::domain::{CertificateStatus, Timestamp};
use ca_core::sql::Database;
use ra_web::chance_from_seed;
use ra_web::fund::app::{Running, start};
use ra_web::fund::config::Config;

use crate::pki::{ISSUER, Made, Pki, today};
use crate::responder::Responder;

/// The unit of the opening data that the tests use.
pub(crate) const UNIT: &str = "示范市东湖建筑工程有限公司";
pub(crate) const USCC: &str = "91130502MA0ABCDE61";

/// The demonstration's opening data, wherever the tests run.
const OPENING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ra-web/demo/units.toml");

/// And that of persons.
const CITIZENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ra-web/demo/citizens.toml");

pub(crate) struct House {
    pub(crate) pki: Arc<Pki>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) responder: Responder,
    pub(crate) portal: Running,
    pub(crate) database_url: String,
    config: Config,
    pub(crate) folder: tempfile::TempDir,
}

impl House {
    /// A portal on a fresh SQLite file.
    pub(crate) async fn new() -> Self {
        Self::with(None, "http://127.0.0.1:17080").await
    }

    /// A portal on a database that may be there already, for people whose assistant has this origin.
    pub(crate) async fn with(database_url: Option<String>, agent: &str) -> Self {
        Self::at(today().first_second().plus(9 * 3600), database_url, agent).await
    }

    /// The same, with a clock that shows `now`.
    pub(crate) async fn at(now: Timestamp, database_url: Option<String>, agent: &str) -> Self {
        Self::bound(now, database_url, agent, 0).await
    }

    /// A portal whose sessions end when their assistant was not heard for so many seconds.
    pub(crate) async fn watching(seconds: u32) -> Self {
        Self::bound(today().first_second().plus(9 * 3600), None, "http://127.0.0.1:17080", seconds).await
    }

    async fn bound(now: Timestamp, database_url: Option<String>, agent: &str, presence_seconds: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::built(now, database_url, agent, presence_seconds, folder, "").await
    }

    /// A portal with a listener for a proxy that knows this secret, linked on the login page as this origin.
    pub(crate) async fn behind_proxy(secret: &str, origin: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("proxy-secret");
        std::fs::write(&file, secret).expect("written");
        let more = format!(
            "[mutual_tls]\nlisten = \"127.0.0.1:0\"\norigin = \"{origin}\"\nsecret_file = \"{}\"\n",
            file.display()
        );
        let now = today().first_second().plus(9 * 3600);
        Self::built(now, None, "http://127.0.0.1:17080", 0, folder, &more).await
    }

    /// A portal whose evidence is stamped by the authority at `url`, which wants the caller's key in a file.
    pub(crate) async fn stamping(url: &str, key_file: &std::path::Path) -> Self {
        let more = format!("[timestamp]\nurl = \"{url}\"\nkey_file = \"{}\"\n", key_file.display());
        let folder = tempfile::tempdir().expect("a folder");
        let now = today().first_second().plus(9 * 3600);
        Self::built(now, None, "http://127.0.0.1:17080", 0, folder, &more).await
    }

    async fn built(
        now: Timestamp,
        database_url: Option<String>,
        agent: &str,
        presence_seconds: u32,
        folder: tempfile::TempDir,
        more: &str,
    ) -> Self {
        let database_url =
            database_url.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("fund.db").display()));
        let clock = Arc::new(TestClock::at(now));
        let pki = Arc::new(Pki::on(now.beijing_day()));
        let responder = Responder::start(pki.clone(), clock.clone()).await;
        let secret = "a secret of the tests";
        let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("a curve");
        let face =
            openssl::pkey::PKey::from_ec_key(openssl::ec::EcKey::generate(&group).expect("a key")).expect("a key");
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("face.secret"), secret).expect("written");
        std::fs::write(file("face.pub"), face.public_key_to_pem().expect("PEM")).expect("written");
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let face_api = format!("http://{}", socket.local_addr().expect("an address"));
        let sandbox = crate::sandbox::router(crate::sandbox::Sandbox::new(secret, face, clock.clone()));
        tokio::spawn(async move { axum::serve(socket, sandbox).await });
        let (seal_key, seal_certificate) = crate::pki::seal(folder.path(), now);
        let text = format!(
            r#"
[storage]
database_url = "{database_url}"
field_key_file = "{}"
opening = "{OPENING}"
citizens = "{CITIZENS}"
[listen]
portal = "127.0.0.1:0"
ops = "127.0.0.1:0"
[site]
agent_origin = "{agent}"
[trust]
roots = ["{}"]
ocsp = "http://{}/ocsp"
[trust.issuers]
{ISSUER} = "{}"
[seal]
key_file = "{seal_key}"
certificate_file = "{seal_certificate}"
[face]
api = "{face_api}"
app = "fund"
secret_file = "{}"
answer_key_file = "{}"
[bank]
folder = "{}"
name = "示范市住房公积金管理中心"
account = "13050161000000000001"
bank_code = "105121000017"
[[trustee]]
payee = "示范市住房公积金管理中心"
account = "1305 0000 2222 3333"
bank = "示范银行营业部"
[limits]
burst = 10000
presence_seconds = {presence_seconds}
{more}"#,
            folder.path().join("field.key").display(),
            pki.root_file().display(),
            responder.address,
            pki.issuing_file().display(),
            file("face.secret").display(),
            file("face.pub").display(),
            file("bank").display(),
        );
        let file = folder.path().join("fund.toml");
        std::fs::write(&file, text).expect("written");
        let config: Config = ra_web::config::read(&file, "YINXIN_NO_SUCH_PREFIX_").expect("a good configuration");
        let portal = start(config.clone(), clock.clone(), chance_from_seed(7)).await.expect("the portal starts");
        Self { pki, clock, responder, portal, database_url, config, folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The demonstration unit's token, with a good certificate.
    pub(crate) fn unit(&self) -> Made {
        let made = self.pki.unit(UNIT, USCC);
        self.responder.say(&made.serial, CertificateStatus::Good);
        made
    }

    /// A person's token, with a good certificate.
    pub(crate) fn person(&self, name: &str, unique_id: &str) -> Made {
        let made = self.pki.person(name, unique_id);
        self.responder.say(&made.serial, CertificateStatus::Good);
        made
    }

    /// What lies in the bank's folder.
    pub(crate) fn payments(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.folder.path().join("bank")) else { return Vec::new() };
        folder.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("XML")).collect()
    }

    /// The key that answers of face checks are believed by.
    pub(crate) fn face_trust(&self) -> ra_web::fund::face::Trust {
        ra_web::fund::app::face_trust(self.config.face.as_ref().expect("configured")).expect("a key")
    }

    /// The hall, as the operator's commands have it.
    pub(crate) async fn hall(&self) -> ra_web::fund::hall::Hall {
        ra_web::fund::app::hall(&self.config, self.clock.clone(), chance_from_seed(8)).await.expect("a hall")
    }

    /// The operator, at the portal's database.
    pub(crate) async fn operator(&self) -> ra_web::fund::operator::Operator {
        // Each call draws other numbers, as each run of the program does.
        static SEED: AtomicU64 = AtomicU64::new(9);
        let (clock, chance) = (self.clock.clone(), chance_from_seed(SEED.fetch_add(1, Ordering::Relaxed)));
        ra_web::fund::operator::Operator::of(self.config.clone(), clock, chance).await.expect("an operator")
    }

    /// Fetches time stamps from `url` when it is told to.
    pub(crate) async fn stamper(
        &self,
        url: &str,
        key_file: Option<std::path::PathBuf>,
    ) -> Arc<ra_web::fund::stamps::Stamper> {
        let (url, patience_seconds) = (url.to_owned(), 5);
        let (roots, issuers) = (Vec::new(), std::collections::BTreeMap::new());
        let timestamp = ra_web::fund::config::Timestamp { url, key_file, roots, issuers, patience_seconds };
        let config = Config { timestamp: Some(timestamp), ..self.config.clone() };
        let store = Arc::new(self.database().await);
        let stamper = ra_web::fund::app::stamper(&config, store, self.clock.clone(), &chance_from_seed(21));
        stamper.expect("a good configuration").expect("configured")
    }

    /// A file in the house's folder.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, bytes).expect("written");
        file
    }

    /// The portal's database, beside the portal.
    pub(crate) async fn database(&self) -> Database {
        Database::open(&self.database_url, false).await.expect("the database is there")
    }
}
