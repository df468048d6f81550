//! A whole authority for tests: founded by a real ceremony, with officers whose keys are in memory.
//!
//! For tests of this and other crates (feature `testing`, dev-dependencies only). Nothing in it is a double: the
//! store, the keys, the key-management centre, the checks and the order of writes are the ones that serve; only the
//! clock stands still and sealing is cheap.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_util::sync::DropGuard;

use crate::app;
use crate::ceremony::{Ceremony, Plan};
use crate::clock::{Clock as _, TestClock, system_rng};
use crate::cms;
use crate::config::{Audit, Config, Crl, Keys, Kmc, Socket};
use crate::domain::{
    Act, Install, IssuerId, KeyBinding, KeyKind, OfficeId, Order, OrderId, ProfileName, RevocationReason, Serial,
    Sha256, Statement, Subject, SubjectField, Timestamp, encode,
};
use crate::escrow::port::KeyManagement;
use crate::escrow::testing::Centre;
use crate::issuance::faults::{Faults, NoFaults};
use crate::issuance::{Authority, Issuing};
use crate::keys::csr;
use crate::profile::Profiles;
use crate::service::protocol::{Blob, CertificateView, Submission};
use crate::signer::soft::{Cost, SoftKey};
use crate::signer::{Passphrase, Signer};
use crate::sql::testing::Fresh;
use crate::sql::{Database, SqlStore};
use crate::store::Store as _;

/// When houses are founded: 2026-11-23 12:00 in Beijing.
pub const FOUNDED: Timestamp = Timestamp::from_unix(1_795_406_400);

/// Who gives orders: id, name, office, roles.
const PEOPLE: [(&str, &str, &str, &str); 12] = [
    ("limin", "李敏", "demo-office", r#""ra_entry", "token_operator""#),
    ("wangqiang", "王强", "demo-office", r#""ra_reviewer", "ra_supervisor""#),
    ("sunli", "孙丽", "demo-office", r#""ra_reviewer""#),
    ("chenjie", "陈杰", "demo-office", r#""token_operator""#),
    ("zhoujun", "周军", "other-office", r#""ra_entry", "ra_reviewer", "token_operator""#),
    ("zhaojing", "赵静", "demo-office", r#""auditor""#),
    ("liufang", "刘芳", "demo-office", r#""finance""#),
    ("qianwei", "钱伟", "demo-office", r#""kmc_officer""#),
    ("fengli", "冯丽", "demo-office", r#""kmc_officer""#),
    ("wumin", "吴敏", "demo-office", r#""administrator""#),
    ("xuhao", "徐浩", "demo-office", r#""administrator""#),
    ("lossdesk", "挂失专岗", "demo-office", r#""loss_desk""#),
];

/// The administrators: who keep the registry of officers.
pub const ADMINISTRATORS: [&str; 2] = ["wumin", "xuhao"];

/// The officers of the key-management centre.
pub const KMC_OFFICERS: [&str; 2] = ["qianwei", "fengli"];

/// Someone with a key and a certificate.
pub struct Person {
    /// The key.
    pub key: SoftKey,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

impl Person {
    /// A CMS message over a statement's canonical bytes.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn say<T: Statement>(&self, statement: &T, now: Timestamp) -> Blob {
        self.say_bytes(&encode(statement), now)
    }

    /// A CMS message over any bytes.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn say_bytes(&self, content: &[u8], now: Timestamp) -> Blob {
        Blob(cms::sign(content, &self.certificate, now, |message| self.key.sign(message)).expect("signs"))
    }
}

/// An authority in a folder of its own.
pub struct House {
    /// How it is configured.
    pub config: Config,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Its officers by id.
    pub people: BTreeMap<&'static str, Person>,
    /// What the ceremony said.
    pub transcript: String,
    folder: TempDir,
    fresh: Option<Fresh>,
    centre: OnceCell<Centre>,
    served: OnceCell<DropGuard>,
}

impl House {
    /// Holds a ceremony in a fresh database, which then lives as long as the house.
    ///
    /// # Panics
    /// When it fails.
    pub async fn on(fresh: Fresh) -> Self {
        let house = Self::found(&fresh.url).await;
        Self { fresh: Some(fresh), ..house }
    }

    /// `SQLite` or `PostgreSQL`, for messages.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        self.fresh.as_ref().map_or("", |fresh| fresh.engine)
    }

    /// Holds a ceremony in this database.
    ///
    /// # Panics
    /// When it fails.
    pub async fn found(database_url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut ceremony, keys, clock) = rehearsable(folder.path(), database_url);
        let config = ceremony.config.clone();
        let transcript = ceremony.hold().await.expect("the ceremony is held");
        Self::held(folder, config, keys, clock, transcript)
    }

    /// The house after a ceremony in this folder.
    pub(crate) fn held(
        folder: TempDir,
        config: Config,
        keys: BTreeMap<&'static str, SoftKey>,
        clock: Arc<TestClock>,
        transcript: String,
    ) -> Self {
        let people = keys
            .into_iter()
            .map(|(id, key)| {
                let certificate = std::fs::read(folder.path().join(format!("{id}.cer"))).expect("a certificate");
                (id, Person { key, certificate })
            })
            .collect();
        Self {
            config,
            clock,
            people,
            transcript,
            folder,
            fresh: None,
            centre: OnceCell::new(),
            served: OnceCell::new(),
        }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An officer.
    ///
    /// # Panics
    /// When there is none of that id.
    #[must_use]
    pub fn person(&self, id: &str) -> &Person {
        &self.people[id]
    }

    /// Opens the store as one more process.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn store(&self) -> SqlStore {
        SqlStore::new(Database::open(&self.config.database_url, false).await.expect("the database opens"))
    }

    /// The issuing CAs with their keys.
    ///
    /// # Panics
    /// When a key cannot be opened.
    pub async fn issuers(&self, store: &SqlStore) -> Vec<Issuing> {
        let records = store.begin_read().await.expect("reads").issuers().await.expect("reads");
        let passphrase = Passphrase::from_file(&self.config.keys.passphrase_file).expect("a passphrase");
        app::open_issuers(&self.config, &records, &passphrase).expect("keys open")
    }

    /// The key-management centre beside the authority, whose officers are `qianwei` and `fengli`.
    ///
    /// # Panics
    /// When it cannot be founded.
    pub async fn centre(&self) -> &Centre {
        let found = || async {
            // It asks an authority over the same database what certificates are worth.
            let witness = Arc::new(self.joined(Arc::new(NoFaults), None).await);
            let officers = KMC_OFFICERS.map(|id| &self.person(id).certificate[..]);
            Centre::of(witness, &officers, self.clock.clone()).await
        };
        self.centre.get_or_init(found).await
    }

    /// Has the centre answer on the socket of the configuration, for an authority in a process of its own.
    ///
    /// # Panics
    /// When it cannot be founded or the socket cannot be made.
    pub async fn serve_centre(&self) {
        let socket = &self.config.kmc.as_ref().expect("the house has a centre").socket;
        self.served.get_or_init(|| async { self.centre().await.serve(socket) }).await;
    }

    /// An authority as it stands after a start, before it serves: the reconciler has not run.
    ///
    /// # Panics
    /// When it cannot be joined.
    pub async fn authority(&self) -> Authority {
        self.authority_with(Arc::new(NoFaults)).await
    }

    /// [`Self::authority`], stopping where `faults` says.
    ///
    /// # Panics
    /// When it cannot be joined.
    pub async fn authority_with(&self, faults: Arc<dyn Faults>) -> Authority {
        let kmc: Arc<dyn KeyManagement> = self.centre().await.kmc.clone();
        self.joined(faults, Some(kmc)).await
    }

    /// [`Self::authority_with`], over this key-management centre or none.
    ///
    /// # Panics
    /// When it cannot be joined.
    pub async fn joined(&self, faults: Arc<dyn Faults>, kmc: Option<Arc<dyn KeyManagement>>) -> Authority {
        let store = self.store().await;
        let issuers = self.issuers(&store).await;
        let profiles = Profiles::built_in().expect("sound");
        let url = self.config.base_url.clone();
        let authority = Authority::new(Arc::new(store), self.clock.clone(), system_rng(), issuers, profiles, url);
        let authority = authority.with_faults(faults);
        match kmc {
            Some(kmc) => authority.with_kmc(kmc),
            None => authority,
        }
    }

    /// What `ca check` finds now.
    ///
    /// # Panics
    /// When the store cannot be read.
    pub async fn check(&self) -> app::Report {
        let profiles = Arc::new(Profiles::built_in().expect("sound"));
        let store = self.store().await;
        app::check(&store, &self.config, self.now(), profiles, &mut |_| {}).await.expect("reads")
    }

    /// An order of the demo office, written now.
    #[must_use]
    pub fn order(&self, act: Act) -> Order {
        Order {
            id: OrderId::draw(self.now(), &mut system_rng()),
            office: OfficeId::new("demo-office").expect("a good name"),
            created: self.now(),
            evidence: vec![Sha256([7; 32])],
            act,
        }
    }

    /// An order to issue a unit's certificate for a P-256 key.
    #[must_use]
    pub fn unit_order(&self) -> Order {
        self.order(unit_act("示范科技有限公司"))
    }

    /// A submission of an issue: approved by these, its key bound by `operator`.
    #[must_use]
    pub fn issue(&self, order: &Order, approvers: &[&str], operator: &str, key: &SoftKey) -> Submission {
        let now = self.now();
        Submission {
            order: Blob(encode(order)),
            approvals: approvers.iter().map(|id| self.person(id).say(order, now)).collect(),
            binding: Some(self.person(operator).say(&binding(order, key), now)),
            csr: Some(request(key)),
        }
    }

    /// A submission of an order about a status, signed by these.
    #[must_use]
    pub fn about_status(&self, order: &Order, signers: &[&str]) -> Submission {
        Submission {
            order: Blob(encode(order)),
            approvals: signers.iter().map(|id| self.person(id).say(order, self.now())).collect(),
            binding: None,
            csr: None,
        }
    }

    /// The new key's word that this certificate is on its token.
    #[must_use]
    pub fn installed(&self, view: &CertificateView, key: SoftKey) -> Blob {
        let install = Install {
            order: view.order,
            issuer: view.issuer.clone(),
            serial: view.serial.clone(),
            certificate_sha256: Sha256(openssl::sha::sha256(&view.certificate.0)),
        };
        Person { key, certificate: view.certificate.0.clone() }.say(&install, self.now())
    }
}

/// A ceremony in a folder that has its requests and passphrases, with the officers' keys.
///
/// # Panics
/// When the folder cannot be written.
#[must_use]
pub fn rehearsable(folder: &Path, database_url: &str) -> (Ceremony, BTreeMap<&'static str, SoftKey>, Arc<TestClock>) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("writes");
    for name in ["root.pass", "ca.pass", "ocsp.pass"] {
        write(name, name.as_bytes());
    }
    let mut text = CEREMONY.to_owned();
    let mut keys = BTreeMap::new();
    for (id, name, office, roles) in PEOPLE {
        let key = new_key();
        write(&format!("{id}.csr"), &request(&key).0);
        keys.insert(id, key);
        text.push_str(&format!(
            "\n[[officer]]\nid = \"{id}\"\nname = \"{name}\"\noffice = \"{office}\"\noffice_name = \"示范办事处\"\n\
             roles = [{roles}]\ncsr = \"{id}.csr\"\ncertificate = \"{id}.cer\"\nissuer = \"unit-p256\"\nyears = 3\n"
        ));
    }
    let config = Config {
        database_url: database_url.to_owned(),
        base_url: "http://127.0.0.1:8083".into(),
        publish_dir: folder.join("publish"),
        profiles_dir: None,
        operations: ([127, 0, 0, 1], 0).into(),
        socket: Socket { path: folder.join("socket"), group: false, connections: 8 },
        keys: Keys {
            dir: folder.join("keys"),
            passphrase_file: folder.join("ca.pass"),
            responder_passphrase_file: folder.join("ocsp.pass"),
            pkcs11: None,
        },
        crl: Crl { debounce_seconds: 0, poll_seconds: 1, ..Crl::default() },
        publish: Vec::new(),
        audit: Audit { dir: folder.join("audit"), checkpoint_minutes: 60 },
        kmc: Some(Kmc { socket: folder.join("kmc") }),
    };
    let clock = Arc::new(TestClock::at(FOUNDED));
    let ceremony = Ceremony {
        plan: Plan::parse("ceremony.toml", &text, folder).expect("a good plan"),
        config,
        profiles: Profiles::built_in().expect("sound"),
        clock: clock.clone(),
        rng: system_rng(),
        cost: Cost::WEAK,
    };
    (ceremony, keys, clock)
}

const CEREMONY: &str = r#"
name = "印信测试 CA"
country = "CN"
organisation = "印信测试 CA"

[root]
id = "root"
common_name = "印信测试根 CA"
key = "P-384"
years = 20
crl_days = 365
passphrase_file = "root.pass"

[[issuer]]
id = "unit-p256"
common_name = "印信测试单位 CA"
key = "P-256"
years = 10
profiles = ["unit-sign", "unit-encrypt", "person", "staff"]

[[issuer]]
id = "unit-rsa"
common_name = "印信测试单位 CA RSA"
key = "RSA-2048"
years = 10
profiles = ["unit-sign", "unit-encrypt", "person"]
"#;

/// Issue one year of profile `unit` from `unit-p256` for a P-256 key.
///
/// # Panics
/// Never: the subject is good.
#[must_use]
pub fn unit_act(name: &str) -> Act {
    let fields = [
        (SubjectField::Country, "CN"),
        (SubjectField::Province, "示范省"),
        (SubjectField::CommonName, name),
        (SubjectField::Uscc, "91350100M000100Y43"),
        (SubjectField::UniqueId, "U00000001"),
    ];
    Act::Issue {
        issuer: unit_issuer(),
        profile: ProfileName::new("unit-sign").expect("a good name"),
        subject: Subject::new(fields.into_iter().map(|(field, value)| (field, value.to_owned())).collect())
            .expect("a good subject"),
        years: 1,
        key: KeyKind::P256,
        officer: None,
        replaces: None,
    }
}

/// The issuer `unit-p256`.
///
/// # Panics
/// Never.
#[must_use]
pub fn unit_issuer() -> IssuerId {
    IssuerId::new("unit-p256").expect("a good name")
}

/// Revoke for key compromise.
#[must_use]
pub fn revoke(issuer: &IssuerId, serial: &Serial) -> Act {
    Act::Revoke {
        issuer: issuer.clone(),
        serial: serial.clone(),
        reason: RevocationReason::KeyCompromise,
        invalid_since: None,
    }
}

/// A new P-256 key.
///
/// # Panics
/// When OpenSSL cannot make one.
#[must_use]
pub fn new_key() -> SoftKey {
    SoftKey::generate(crate::keys::KeyKind::P256).expect("a key")
}

/// A PKCS#10 request by this key.
///
/// # Panics
/// When it cannot be signed.
#[must_use]
pub fn request(key: &SoftKey) -> Blob {
    Blob(csr::build("token", key.spki_der(), key.algorithm(), |message| key.sign(message)).expect("signs"))
}

/// The binding of a key to an order.
#[must_use]
pub fn binding(order: &Order, key: &SoftKey) -> KeyBinding {
    KeyBinding {
        order: order.id,
        order_sha256: Sha256(openssl::sha::sha256(&encode(order))),
        spki_sha256: Sha256(openssl::sha::sha256(key.spki_der())),
        token: "0001".into(),
    }
}
