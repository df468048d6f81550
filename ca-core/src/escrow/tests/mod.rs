//! The centre against everyone who should not get a key, on both engines; its officers and certificates are those of a
//! real authority.

mod adopt;
mod crashes;
mod process;
mod provide;
mod recover;
mod retire;
mod secrets;
mod upgrade;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use openssl::pkey::PKey;

use super::port::{KeyManagement as _, KeyRequest, KmcError, RecoverySubmission, WrappedKey};
use super::store::{EscrowStore as _, KeyRow};
use super::testing::Centre;
use super::{kmc_migrations, statements};
use crate::domain::{OfficeId, OrderId, ProfileName, Recovery, Serial, Sha256, encode};
use crate::envelope::{EncryptionKey, open};
use crate::keys::KeyKind;
use crate::keys::testing::{TestCert, TestKey};
use crate::service::client::{CallError, CertificateAuthority};
use crate::service::protocol::{Blob, CertificateView, EncryptionView, RefusalCode, Request, Response};
use crate::signer::Signer as _;
use crate::signer::soft::SoftKey;
use crate::sql::testing::{Fresh, databases, sqlite};
use crate::sql::{Database, authority_migrations};
use crate::testing::{House, new_key, unit_issuer};

/// Two officers of the centre.
const OFFICERS: [&str; 2] = ["qianwei", "fengli"];
/// Serial number of every encryption certificate here.
const ENCRYPTION: &str = "4d";

/// A real authority that can fall silent, and that says of some orders that they made a pair.
struct Said {
    authority: crate::issuance::Authority,
    silent: AtomicBool,
    pairs: Mutex<BTreeMap<OrderId, EncryptionView>>,
}

#[async_trait]
impl CertificateAuthority for Said {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        if self.silent.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
        }
        let pairs = self.pairs.lock().unwrap().clone();
        let named = |serial: &Serial| pairs.iter().find(|(_, pair)| pair.serial == *serial).map(|(order, _)| *order);
        let request = match request {
            Request::Certificate { serial, .. } if named(&serial).is_some() => {
                Request::Order { order: named(&serial).unwrap() }
            }
            other => other,
        };
        Ok(match self.authority.call(request).await? {
            Response::Certificate(view) => {
                Response::Certificate(CertificateView { encryption: pairs.get(&view.order).cloned(), ..view })
            }
            other => other,
        })
    }
}

/// A centre beside an authority.
struct Ground {
    house: House,
    said: Arc<Said>,
    centre: Centre,
}

impl Ground {
    /// One on each engine of the centre's; the authority's own is SQLite.
    async fn each() -> Vec<Self> {
        let mut all = Vec::new();
        for fresh in databases(&kmc_migrations()).await {
            all.push(Self::on(fresh, &[OFFICERS[0], OFFICERS[1], "limin"]).await);
        }
        all
    }

    async fn one() -> Self {
        Self::on(sqlite(&kmc_migrations()).await, &OFFICERS).await
    }

    async fn on(fresh: Fresh, officers: &[&str]) -> Self {
        let house = House::on(sqlite(&authority_migrations()).await).await;
        let authority = house.authority().await;
        let said = Arc::new(Said { authority, silent: AtomicBool::new(false), pairs: Mutex::default() });
        let officers: Vec<&[u8]> = officers.iter().map(|id| &house.person(id).certificate[..]).collect();
        let centre = Centre::on(fresh, said.clone(), &officers, house.clock.clone());
        Self { house, said, centre }
    }

    fn engine(&self) -> &'static str {
        self.centre.fresh.engine
    }

    /// Asks for the key of an order, for the holder of `key`.
    async fn provide(&self, order: OrderId, key: &SoftKey) -> Result<WrappedKey, KmcError> {
        self.centre.kmc.provide(ask(order, key)).await
    }

    async fn recover(&self, submission: RecoverySubmission) -> Result<WrappedKey, KmcError> {
        self.centre.kmc.recover(submission).await
    }

    /// A signature certificate by a real order.
    async fn certificate(&self) -> (CertificateView, SoftKey) {
        let key = new_key();
        let submission = self.house.issue(&self.house.unit_order(), &["limin", "wangqiang"], "limin", &key);
        match self.said.authority.call(Request::Submit(submission)).await {
            Ok(Response::Certificate(view)) => (view, key),
            other => panic!("no certificate: {other:?}"),
        }
    }

    /// A unit with a pair: its order, and its encryption key as the token has it.
    async fn unit(&self) -> (OrderId, EncryptionKey) {
        let (view, key) = self.certificate().await;
        let order = view.order;
        (order, self.pair(view, &key).await)
    }

    /// Has the authority say that this order made a pair with the key that it takes here.
    async fn pair(&self, view: CertificateView, key: &SoftKey) -> EncryptionKey {
        let wrapped = self.provide(view.order, key).await.unwrap();
        let own = opened(&wrapped, key);
        let private = PKey::private_key_from_pkcs8(own.pkcs8_der()).unwrap();
        let certified = TestKey { kind: KeyKind::P256, private, spki: own.spki_der().to_vec() };
        let pair = EncryptionView {
            serial: ENCRYPTION.parse().unwrap(),
            profile: ProfileName::new("unit-encrypt").unwrap(),
            certificate: Blob(TestCert::leaf("unit", &certified, None).build()),
            envelope: wrapped.envelope,
        };
        self.said.pairs.lock().unwrap().insert(view.order, pair);
        own
    }

    /// What officers sign to have the key of [`ENCRYPTION`] wrapped to this certificate.
    fn recovery(&self, recipient: &CertificateView) -> Recovery {
        Recovery {
            id: OrderId::draw(self.house.now(), &mut crate::clock::system_rng()),
            office: OfficeId::new("demo-office").unwrap(),
            created: self.house.now(),
            issuer: unit_issuer(),
            serial: ENCRYPTION.parse().unwrap(),
            recipient_sha256: Sha256(openssl::sha::sha256(&recipient.certificate.0)),
            why: "令牌遗失".into(),
        }
    }

    fn signed(&self, recovery: &Recovery, officers: &[&str], recipient: &CertificateView) -> RecoverySubmission {
        RecoverySubmission {
            statement: Blob(encode(recovery)),
            approvals: officers.iter().map(|id| self.house.person(id).say(recovery, self.house.now())).collect(),
            recipient_certificate: recipient.certificate.clone(),
        }
    }

    /// The texts of all audit events.
    async fn events(&self) -> Vec<String> {
        let mut tx = self.centre.store.begin_read().await.unwrap();
        tx.audit_after(0, 10_000).await.unwrap().into_iter().map(|row| row.event).collect()
    }

    /// The refusal is by this code, and the last event tells of it.
    async fn refused(&self, outcome: Result<WrappedKey, KmcError>, code: RefusalCode) {
        let refusal = match outcome {
            Err(KmcError::Refused(refusal)) => refusal,
            other => panic!("{}: {code:?} expected, got {:?}", self.engine(), other.map(|_| "a key")),
        };
        assert_eq!(refusal.code, code, "{}: {}", self.engine(), refusal.detail);
        let last = self.events().await.pop().unwrap();
        assert!(last.contains("_refused") && last.contains(&serde_json::to_string(&code).unwrap()), "{last}");
    }

    /// The row of an encryption key.
    async fn row_of(&self, spki: &[u8]) -> KeyRow {
        let name = Sha256(openssl::sha::sha256(spki));
        self.centre.store.begin_read().await.unwrap().key(name).await.unwrap().unwrap()
    }
}

fn ask(order: OrderId, key: &SoftKey) -> KeyRequest {
    KeyRequest { order, kind: key.kind(), recipient_spki: Blob(key.spki_der().to_vec()) }
}

fn try_open(wrapped: &WrappedKey, key: &SoftKey) -> Option<EncryptionKey> {
    open(&wrapped.envelope.message.0, &wrapped.spki.0, |operation| key.perform(operation)).ok()
}

fn opened(wrapped: &WrappedKey, key: &SoftKey) -> EncryptionKey {
    try_open(wrapped, key).expect("opens")
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_both_engines() {
    use sqlx::{Executor as _, SqlSafeStr as _};

    for fresh in databases(&kmc_migrations()).await {
        for statement in statements() {
            let prepared = match &fresh.database {
                Database::Sqlite { writer, .. } => {
                    writer.acquire().await.expect("free").prepare(statement.into_sql_str()).await.map(drop)
                }
                Database::Postgres(pool) => {
                    pool.acquire().await.expect("free").prepare(statement.into_sql_str()).await.map(drop)
                }
            };
            prepared.unwrap_or_else(|error| panic!("{}: {statement}: {error}", fresh.engine));
        }
    }
}
