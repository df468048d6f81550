//! The portal under test, its authority, its responder, its clock, and a browser without JavaScript.

use std::sync::Arc;

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

pub(crate) struct House {
    pub(crate) pki: Arc<Pki>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) responder: Responder,
    pub(crate) portal: Running,
    pub(crate) database_url: String,
    config: Config,
    _folder: tempfile::TempDir,
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
        let text = format!(
            r#"
[storage]
database_url = "{database_url}"
field_key_file = "{}"
opening = "{OPENING}"
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
[limits]
burst = 10000
presence_seconds = {presence_seconds}
{more}"#,
            folder.path().join("field.key").display(),
            pki.root_file().display(),
            responder.address,
            pki.issuing_file().display(),
        );
        let file = folder.path().join("fund.toml");
        std::fs::write(&file, text).expect("written");
        let config: Config = ra_web::config::read(&file, "YINXIN_NO_SUCH_PREFIX_").expect("a good configuration");
        let portal = start(config.clone(), clock.clone(), chance_from_seed(7)).await.expect("the portal starts");
        Self { pki, clock, responder, portal, database_url, config, _folder: folder }
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

    /// The hall, as the operator's commands have it.
    pub(crate) async fn hall(&self) -> ra_web::fund::hall::Hall {
        ra_web::fund::app::hall(&self.config, self.clock.clone(), chance_from_seed(8)).await.expect("a hall")
    }

    /// The portal's database, beside the portal.
    pub(crate) async fn database(&self) -> Database {
        Database::open(&self.database_url, false).await.expect("the database is there")
    }
}
