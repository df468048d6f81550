//! A responder in this process, with a database of its own and certificates that exist as statuses only.

use std::net::SocketAddr;
use std::sync::Arc;

use ::ocsp::app::{self, Running};
use ::ocsp::config::Config;
use ::ocsp::wire::{HashAlgorithm, ID_NO_CHECK, IssuerHashes};
use anyhow::Context as _;
use async_trait::async_trait;
use ca_core::clock::{Clock as _, SystemClock, system_rng};
use ca_core::domain::{
    CertificateStatus, IssuerId, OrderId, ProfileName, RevocationReason, Serial, StatusChange, Validity,
};
use ca_core::keys::KeyKind;
use ca_core::service::client::{CallError, CertificateAuthority};
use ca_core::service::protocol::{Blob, CertificateView, Request, Response};
use ca_core::signer::Passphrase;
use ca_core::signer::soft::{Cost, SoftKey};
use ca_core::sql::{Database, SqlStore, authority_migrations, testing};
use ca_core::store::{IssuerRecord, Store as _};
use der::Decode as _;
use tempfile::TempDir;
use tokio::task::JoinHandle;

type Issuer = rcgen::CertifiedIssuer<'static, rcgen::KeyPair>;

/// A responder that runs.
pub(super) struct Ground {
    running: Running,
    prepared: Prepared,
}

/// What there is before it starts.
pub(super) struct Prepared {
    hashes: IssuerHashes,
    store: SqlStore,
    config: Config,
    authority: Arc<Authority>,
    beater: JoinHandle<()>,
    _folder: TempDir,
}

/// Gives the responder its certificate.
struct Authority(Issuer);

#[async_trait]
impl CertificateAuthority for Authority {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        let broken = |error: rcgen::Error| CallError::Unreachable(std::io::Error::other(error));
        let Request::Responder { issuer, csr } = request else {
            return Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into());
        };
        let mut wanted = rcgen::CertificateSigningRequestParams::from_der(&csr.0.into()).map_err(broken)?;
        wanted.params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        wanted.params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::OcspSigning];
        let oid: Vec<u64> = ID_NO_CHECK.arcs().map(u64::from).collect();
        wanted.params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&oid, vec![5, 0])];
        let certificate = wanted.signed_by(&self.0).map_err(broken)?;
        let now = SystemClock.now();
        Ok(Response::Certificate(CertificateView {
            issuer,
            serial: serial(u32::MAX),
            profile: ProfileName::new("ocsp-responder").ok_or_else(|| std::io::Error::other("a name"))?,
            order: OrderId::draw(now, &mut system_rng()),
            validity: Validity::seconds(now, 86_400),
            certificate: Blob(certificate.der().to_vec()),
            status: CertificateStatus::Good,
            encryption: None,
            delivered: None,
        }))
    }
}

impl Ground {
    pub(super) async fn new(certificates: u32) -> anyhow::Result<Self> {
        Self::prepare(certificates).await?.start().await
    }

    /// The same on a PostgreSQL of this process's own.
    pub(super) async fn on_postgres(certificates: u32) -> anyhow::Result<Self> {
        let fresh = testing::postgres(&authority_migrations()).await;
        let Database::Postgres(pool) = &fresh.database else { anyhow::bail!("not PostgreSQL") };
        for statement in [POSTGRES_STATUSES, LINE, HEAD] {
            sqlx::query(statement).bind(i64::from(certificates)).execute(pool).await?;
        }
        Self::prepare_in(tempfile::tempdir()?, &fresh.url, fresh.database.clone()).await?.start().await
    }

    pub(super) async fn prepare(certificates: u32) -> anyhow::Result<Prepared> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite:{}/ca.db", folder.path().display());
        let database = Database::open(&url, true).await?;
        database.migrate(&authority_migrations()).await?;
        fill(&url, certificates).await?;
        Self::prepare_in(folder, &url, database).await
    }

    async fn prepare_in(folder: TempDir, url: &str, database: Database) -> anyhow::Result<Prepared> {
        let path = folder.path().display().to_string();
        let id = IssuerId::new("unit-p256").context("a name")?;
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        let issuer = Issuer::self_signed(parameters, rcgen::KeyPair::generate()?)?;
        let der = issuer.der().to_vec();

        let store = SqlStore::new(database);
        let now = SystemClock.now();
        let mut tx = store.begin().await?;
        let key = "file:unit-p256".to_owned();
        let record = IssuerRecord {
            id: id.clone(),
            root: false,
            certificate: der.clone(),
            key,
            profiles: vec![],
            crl_shards: 0,
            sm2_id: ca_core::domain::Sm2Id::STANDARD,
            retired: None,
        };
        tx.add_issuer(&record).await?;
        tx.beat(now).await?;
        tx.commit().await?;
        let beating = store.clone();
        let beater = tokio::spawn(async move {
            loop {
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
                let Ok(mut tx) = beating.begin().await else { continue };
                if tx.beat(SystemClock.now()).await.is_ok() {
                    let _next_time = tx.commit().await;
                }
            }
        });

        std::fs::write(folder.path().join("pass"), "bench\n")?;
        let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let passphrase = Passphrase::new("bench".to_owned());
        SoftKey::generate(KeyKind::P256)?.save(
            &folder.path().join("ocsp.key"),
            &passphrase,
            cheap,
            &mut system_rng(),
        )?;
        let config = Config::parse(&format!(
            "listen = \"127.0.0.1:0\"\noperations_listen = \"127.0.0.1:0\"\ndatabase_url = {url:?}\n\
             authority_socket = \"{path}/none\"\npublish_folder = \"{path}\"\nvalidity_seconds = 3600\n\
             index_file = \"{path}/index\"\n\
             [limits]\nsigners = 1\n[[responders]]\nissuer = \"unit-p256\"\nkey_file = \"{path}/ocsp.key\"\n\
             passphrase_file = \"{path}/pass\"\n"
        ))?;
        let certificate = x509_cert::Certificate::from_der(&der)?;
        let hashes = IssuerHashes::of(&certificate, HashAlgorithm::Sha1)?;
        Ok(Prepared { hashes, store, config, authority: Arc::new(Authority(issuer)), beater, _folder: folder })
    }

    /// Another responder of the same CA, on the database at this URL.
    pub(super) async fn beside(&self, url: String) -> anyhow::Result<Running> {
        let config = Config { database_url: url, index_file: None, ..self.prepared.config.clone() };
        let running = app::start_with(config, Arc::new(SystemClock), self.prepared.authority.clone()).await?;
        until_ready(&running).await?;
        Ok(running)
    }

    /// Where the database is.
    pub(super) fn database_url(&self) -> &str {
        &self.prepared.config.database_url
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.running.validation
    }

    pub(super) fn cert_id(&self, number: u32) -> anyhow::Result<Vec<u8>> {
        Ok(self.prepared.hashes.cert_id(serial(number).octets())?)
    }

    pub(super) async fn revoke(&self, number: u32) -> anyhow::Result<()> {
        let mut tx = self.prepared.store.begin().await?;
        let (seq, now) = (tx.feed().await?.head + 1, SystemClock.now());
        let status = CertificateStatus::Revoked { since: now, reason: RevocationReason::KeyCompromise };
        let (issuer, serial) = (IssuerId::new("unit-p256").context("a name")?, serial(number));
        tx.set_status(&StatusChange { seq, issuer, serial, status, not_after: now.plus(86_400) }, now).await?;
        Ok(tx.commit().await?)
    }

    /// What another responder of the same CA needs, PEM: the CA's certificate, and a responder's key with its certificate.
    pub(super) fn another(&self) -> anyhow::Result<(String, String, String)> {
        let Authority(issuer) = &*self.prepared.authority;
        let key = rcgen::KeyPair::generate()?;
        let mut wanted = rcgen::CertificateParams::default();
        wanted.distinguished_name.push(rcgen::DnType::CommonName, "another");
        wanted.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        wanted.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::OcspSigning];
        let certificate = wanted.signed_by(&key, issuer)?;
        Ok((issuer.pem(), key.serialize_pem(), certificate.pem()))
    }

    /// The serial number of a certificate, as an index of OpenSSL writes it.
    pub(super) fn serial(number: u32) -> String {
        serial(number).to_string().to_uppercase()
    }

    pub(super) async fn stop(self) {
        self.prepared.beater.abort();
        self.running.shutdown().await;
    }

    pub(super) async fn stop_to_start_again(self) -> Prepared {
        self.running.shutdown().await;
        self.prepared
    }
}

async fn until_ready(running: &Running) -> anyhow::Result<()> {
    let ask = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    for _ in 0..6000 {
        if super::load::once(running.operations, ask).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("the responder did not get ready")
}

impl Prepared {
    pub(super) async fn start(self) -> anyhow::Result<Ground> {
        let running = app::start_with(self.config.clone(), Arc::new(SystemClock), self.authority.clone()).await?;
        until_ready(&running).await?;
        Ok(Ground { running, prepared: self })
    }
}

// The statuses of certificates that were never made, in the order of their numbers. The log has the last one only: the
// responder begins with the statuses.
const STATUSES: &str = "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < $1) \
     INSERT INTO certificate_status (issuer, serial, status, reason, since, not_after) \
     SELECT 'unit-p256', printf('4%015x%016x', n * 100000000, n * 2654435761), 0, 0, 0, 4000000000 FROM n";
const POSTGRES_STATUSES: &str = "INSERT INTO certificate_status (issuer, serial, status, reason, since, not_after) \
     SELECT 'unit-p256', '4' || lpad(to_hex(n * 100000000), 15, '0') || lpad(to_hex(n * 2654435761), 16, '0'), \
     0, 0, 0, 4000000000 FROM generate_series(0::bigint, $1 - 1) AS n";
const LINE: &str = "INSERT INTO status_log (seq, issuer, serial, status, reason, since, not_after, at) \
     SELECT $1, issuer, serial, status, reason, since, not_after, 0 FROM certificate_status \
     ORDER BY serial DESC LIMIT 1";
const HEAD: &str = "UPDATE feed SET head = $1 WHERE id = 1";

async fn fill(url: &str, certificates: u32) -> anyhow::Result<()> {
    let pool = sqlx::SqlitePool::connect(url).await?;
    for statement in [STATUSES, LINE, HEAD] {
        sqlx::query(statement).bind(i64::from(certificates)).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

/// Serial numbers as these statements write them.
fn serial(number: u32) -> Serial {
    let n = u64::from(number);
    format!("4{:015x}{:016x}", n * 100_000_000, n * 2_654_435_761).parse().unwrap_or_else(|_| unreachable!("hex"))
}
