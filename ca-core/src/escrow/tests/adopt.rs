//! An old copy of the centre's database was put back: what was handed out since is stand-by again.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::adopt::adopt;
use super::super::authority::Witness;
use crate::domain::{Act, Sha256};
use crate::escrow::{EscrowStore as _, SqlEscrow, State};
use crate::issuance::Authority;
use crate::issuance::faults::NoFaults;
use crate::service::client::{CallError, CertificateAuthority, Client};
use crate::service::protocol::{CertificateView, RefusalCode, Request, Response};
use crate::sql::testing::sqlite;
use crate::sql::{Database, authority_migrations};
use crate::testing::{ADMINISTRATORS, House, new_key, unit_act};
use crate::x509::Parts;

/// What an old copy says of keys that were taken since.
const OLD_COPY: &str =
    "UPDATE escrow_key SET state = 'stand_by', order_id = NULL, recipient_sha256 = NULL, taken = NULL";

async fn put_old_copy_back(store: &SqlEscrow) {
    match store.database() {
        Database::Sqlite { writer, .. } => sqlx::query(OLD_COPY).execute(writer).await.map(drop),
        Database::Postgres(pool) => sqlx::query(OLD_COPY).execute(pool).await.map(drop),
    }
    .expect("the old copy");
}

async fn issue(house: &House, authority: &Authority, act: Act) -> Result<CertificateView, RefusalCode> {
    let staff = matches!(&act, Act::Issue { officer: Some(_), .. });
    let (both, maker) = if staff { (ADMINISTRATORS, "wumin") } else { (["limin", "wangqiang"], "limin") };
    let submission = house.issue(&house.order(act), &both, maker, &new_key());
    match authority.call(Request::Submit(submission)).await {
        Ok(Response::Certificate(view)) => Ok(view),
        Ok(other) => panic!("not a certificate: {other:?}"),
        Err(error) => Err(error.code().expect("a refusal")),
    }
}

/// An authority that names one pair whatever key it is asked about.
struct Mistaken(CertificateView);

#[async_trait]
impl CertificateAuthority for Mistaken {
    async fn call(&self, _: Request) -> Result<Response, CallError> {
        Ok(Response::Certificate(self.0.clone()))
    }
}

#[tokio::test]
async fn a_key_that_has_a_certificate_goes_back_to_its_order_and_to_no_other() {
    let house = House::on(sqlite(&authority_migrations()).await).await;
    let authority = house.authority().await;
    let store = house.centre().await.store.clone();
    let witness = Witness(Arc::new(house.joined(Arc::new(NoFaults), None).await));
    let view = issue(&house, &authority, unit_act("示范科技有限公司")).await.unwrap();
    let spki = Parts::read(&view.encryption.unwrap().certificate.0).unwrap().tbs.spki.to_vec();
    let name = Sha256(openssl::sha::sha256(&spki));
    let row = async || store.begin_read().await.unwrap().key(name).await.unwrap().unwrap();
    let before = row().await;
    assert!(matches!(before.state, State::InUse(_)));

    // Handed out once more it would do no harm: the authority certifies no key twice.
    put_old_copy_back(&store).await;
    assert_eq!(row().await.state, State::StandBy);
    let twice = issue(&house, &authority, unit_act("另一家公司")).await.map(|_| ());
    assert_eq!(twice, Err(RefusalCode::KeyNotAccepted));

    put_old_copy_back(&store).await;
    assert_eq!(adopt(&store, &witness, house.now()).await.unwrap(), 1);
    assert_eq!(row().await, before, "its order's again, and its recipient's");
    assert_eq!(adopt(&store, &witness, house.now()).await.unwrap(), 0, "once");
    let other = issue(&house, &authority, unit_act("另一家公司")).await.unwrap();
    assert_ne!(Parts::read(&other.encryption.as_ref().unwrap().certificate.0).unwrap().tbs.spki, spki);

    // An authority that names a pair with another key is not believed.
    put_old_copy_back(&store).await;
    let mistaken = Witness(Arc::new(Mistaken(other)));
    assert_eq!(adopt(&store, &mistaken, house.now()).await.unwrap(), 1, "the other pair's own key alone");
    assert_eq!(row().await.state, State::StandBy);

    // While the authority is silent nothing is given to anyone.
    put_old_copy_back(&store).await;
    let silent = Witness(Arc::new(Client::new(house.folder().join("nobody"))));
    assert!(adopt(&store, &silent, house.now()).await.is_err());
    assert_eq!(row().await.state, State::StandBy);
}
