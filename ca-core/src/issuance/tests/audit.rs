//! What cannot be audited does not happen.

use std::sync::Arc;

use async_trait::async_trait;

use super::{DESK, ask, faults, houses, submit};
use crate::domain::CertificateStatus;
use crate::issuance::faults::{Faults, Interrupted, Point};
use crate::revocation::{Due, Publisher};
use crate::service::protocol::{RefusalCode, Request};
use crate::sql::Database;
use crate::store::Store as _;
use crate::testing::{House, new_key, revoke, unit_issuer};

async fn run(database: &Database, statement: &'static str) {
    match database {
        Database::Sqlite { writer, .. } => drop(sqlx::query(statement).execute(writer).await.unwrap()),
        Database::Postgres(pool) => drop(sqlx::query(statement).execute(pool).await.unwrap()),
    }
}

/// From now on no event can be written.
async fn lose_the_audit(house: &House) {
    run(house.store().await.database(), "ALTER TABLE audit_event RENAME TO audit_away").await;
}

async fn find_the_audit(house: &House) {
    run(house.store().await.database(), "ALTER TABLE audit_away RENAME TO audit_event").await;
}

#[tokio::test]
async fn without_audit_no_intent_is_written() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let order = house.unit_order();
        lose_the_audit(&house).await;
        let told = submit(&authority, house.issue(&order, &DESK, "limin", &new_key())).await;
        assert_eq!(told.map(|_| ()), Err(RefusalCode::Unavailable), "{engine}");
        find_the_audit(&house).await;
        assert_eq!(house.certificates().await, 0, "{engine}: an intent");
        let mut tx = house.store().await.begin_read().await.unwrap();
        assert_eq!(tx.order(order.id).await.unwrap(), None, "{engine}: an order");
        drop(tx);
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}

/// Loses the audit when the key has signed.
struct LostWhenSigned(crate::sql::SqlStore);

#[async_trait]
impl Faults for LostWhenSigned {
    async fn at(&self, point: Point) -> Result<(), Interrupted> {
        if point == Point::Signed {
            run(self.0.database(), "ALTER TABLE audit_event RENAME TO audit_away").await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn without_audit_no_certificate_becomes_durable_and_the_reconciler_finishes_it_later() {
    for (engine, house) in houses().await {
        let lost = LostWhenSigned(house.store().await);
        let authority = house.authority_with(Arc::new(lost)).await;
        let order = house.unit_order();
        let told = submit(&authority, house.issue(&order, &DESK, "limin", &new_key())).await;
        assert_eq!(told.map(|_| ()), Err(RefusalCode::Unavailable), "{engine}");
        find_the_audit(&house).await;
        let mut tx = house.store().await.begin_read().await.unwrap();
        let record = tx.certificates_of_order(order.id).await.unwrap().remove(0);
        assert_eq!(record.made, None, "{engine}: a certificate without its event");
        assert_eq!(tx.status(&record.intent.issuer, &record.intent.serial).await.unwrap(), None, "{engine}");
        drop(tx);
        assert_eq!(house.authority().await.reconcile().await.unwrap(), 1, "{engine}");
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn without_audit_no_status_changes() {
    for (engine, house) in houses().await {
        let authority = house.authority().await;
        let view = submit(&authority, house.issue(&house.unit_order(), &DESK, "limin", &new_key())).await.unwrap();
        let mut tx = house.store().await.begin_read().await.unwrap();
        let before = tx.feed().await.unwrap();
        drop(tx);
        lose_the_audit(&house).await;
        let order = house.order(revoke(&view.issuer, &view.serial));
        let told = submit(&authority, house.about_status(&order, &DESK)).await;
        assert_eq!(told.map(|_| ()), Err(RefusalCode::Unavailable), "{engine}");
        let told = ask(&authority, Request::Abandon { order: view.order, why: "lost".into() }).await;
        assert_eq!(told.map(|_| ()), Err(RefusalCode::Unavailable), "{engine}");
        find_the_audit(&house).await;
        let mut tx = house.store().await.begin_read().await.unwrap();
        let status = tx.status(&view.issuer, &view.serial).await.unwrap().map(|record| record.status);
        assert_eq!(status, Some(CertificateStatus::Good), "{engine}");
        assert_eq!(tx.feed().await.unwrap(), before, "{engine}: nobody is told");
        drop(tx);
        assert_eq!(faults(&house).await, Vec::<String>::new(), "{engine}");
    }
}

#[tokio::test]
async fn without_audit_no_list_is_signed() {
    for (engine, house) in houses().await {
        let store = house.store().await;
        let issuing = house.issuers(&store).await.into_iter().find(|one| *one.id() == unit_issuer()).unwrap();
        let folder = house.config.publish_dir.clone();
        let publisher = Publisher::new(Arc::new(store.clone()), house.clock.clone(), &house.config);
        let number = store.begin_read().await.unwrap().crl_number(&unit_issuer()).await.unwrap();
        let published = std::fs::read(folder.join("crl/unit-p256.crl")).ok();
        lose_the_audit(&house).await;
        assert!(publisher.publish(&issuing, Due::Time).await.is_err(), "{engine}");
        find_the_audit(&house).await;
        assert_eq!(store.begin_read().await.unwrap().crl_number(&unit_issuer()).await.unwrap(), number, "{engine}");
        assert_eq!(std::fs::read(folder.join("crl/unit-p256.crl")).ok(), published, "{engine}");
        assert!(publisher.publish(&issuing, Due::Time).await.is_ok(), "{engine}");
    }
}
