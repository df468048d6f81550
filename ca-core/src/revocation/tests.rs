//! Lists, on both engines, read by software that we did not write.

use std::sync::Arc;

use openssl::x509::{X509, X509Crl};

use super::{CrlError, Publisher, Schedule};
use crate::domain::{Act, Serial};
use crate::issuance::{Authority, Issuing};
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{CertificateView, Request, Response, Submission};
use crate::sql::authority_migrations;
use crate::sql::testing::databases;
use crate::testing::{House, new_key, revoke, unit_issuer};

const DESK: [&str; 2] = ["limin", "wangqiang"];
const DAY: i64 = 86_400;

struct Desk {
    house: House,
    authority: Authority,
    publisher: Publisher,
    issuing: Arc<Issuing>,
}

impl Desk {
    async fn all() -> Vec<Self> {
        let mut desks = Vec::new();
        for fresh in databases(&authority_migrations()).await {
            let house = House::on(fresh).await;
            let authority = house.authority().await;
            let issuing = authority.issuers().find(|issuing| *issuing.id() == unit_issuer()).unwrap().clone();
            let publisher = Publisher::new(
                Arc::new(house.store().await),
                house.clock.clone(),
                house.config.publish_dir.clone(),
                Schedule::from(house.config.crl),
            );
            desks.push(Self { house, authority, publisher, issuing });
        }
        desks
    }

    async fn submit(&self, submission: Submission) -> CertificateView {
        match self.authority.call(Request::Submit(submission)).await {
            Ok(Response::Certificate(view)) => view,
            other => panic!("{}: {other:?}", self.house.engine()),
        }
    }

    async fn issue(&self) -> CertificateView {
        self.submit(self.house.issue(&self.house.unit_order(), &DESK, "limin", &new_key())).await
    }

    async fn order(&self, act: Act) -> CertificateView {
        let order = self.house.order(act);
        self.submit(self.house.about_status(&order, &DESK[..order.act.seats(false).len()])).await
    }

    /// What the published list says, by OpenSSL: its number, and the reason of this certificate if it is listed.
    fn listed(&self, serial: &Serial) -> Option<Option<i64>> {
        let der = std::fs::read(self.publisher.path(self.issuing.id())).unwrap();
        let crl = X509Crl::from_der(&der).unwrap();
        let issuer = X509::from_der(self.issuing.certificate()).unwrap();
        assert!(crl.verify(&issuer.public_key().unwrap()).unwrap());
        let number = openssl::bn::BigNum::from_slice(serial.octets()).unwrap().to_asn1_integer().unwrap();
        let openssl::x509::CrlStatus::Revoked(entry) = crl.get_by_serial(&number) else { return None };
        let reason = entry.extension::<openssl::x509::ReasonCode>().unwrap();
        Some(reason.map(|(_, reason)| reason.get_i64().unwrap()))
    }

    async fn due(&self) -> Option<bool> {
        self.publisher.due(self.issuing.id()).await.unwrap()
    }
}

#[tokio::test]
async fn a_list_follows_each_hold_release_and_revocation() {
    for desk in Desk::all().await {
        let engine = desk.house.engine();
        assert_eq!(desk.due().await, None, "{engine}: the ceremony made the first");

        let view = desk.issue().await;
        assert_eq!(desk.due().await, None, "{engine}: an issue is no news");
        let (issuer, serial) = (view.issuer, view.serial);
        desk.order(Act::Hold { issuer: issuer.clone(), serial: serial.clone() }).await;
        assert_eq!(desk.due().await, Some(false));
        assert_eq!(desk.publisher.publish(&desk.issuing, false).await.unwrap().number, 2);
        assert_eq!(desk.listed(&serial), Some(Some(6)), "{engine}: certificateHold");

        desk.order(Act::Release { issuer: issuer.clone(), serial: serial.clone() }).await;
        assert_eq!(desk.due().await, Some(false));
        desk.publisher.publish(&desk.issuing, false).await.unwrap();
        assert_eq!(desk.listed(&serial), None, "{engine}: released");

        desk.order(revoke(&issuer, &serial)).await;
        assert_eq!(desk.publisher.publish(&desk.issuing, false).await.unwrap().number, 4);
        assert_eq!(desk.listed(&serial), Some(Some(1)), "{engine}: keyCompromise");
        desk.house.clock.advance(DAY);
        assert_eq!(desk.due().await, Some(true), "{engine}: a day has passed");
    }
}

#[tokio::test]
async fn an_expired_entry_leaves_after_one_more_planned_list() {
    for desk in Desk::all().await {
        let view = desk.issue().await;
        desk.order(revoke(&view.issuer, &view.serial)).await;
        desk.publisher.publish(&desk.issuing, true).await.unwrap();
        desk.house.clock.advance(view.validity.not_after.since(desk.house.now()) + DAY);
        let engine = desk.house.engine();
        desk.publisher.publish(&desk.issuing, false).await.unwrap();
        assert_eq!(desk.listed(&view.serial), Some(Some(1)), "{engine}: an unplanned list does not count");
        desk.publisher.publish(&desk.issuing, true).await.unwrap();
        assert_eq!(desk.listed(&view.serial), Some(Some(1)), "{engine}: once after its end");
        desk.house.clock.advance(DAY);
        desk.publisher.publish(&desk.issuing, true).await.unwrap();
        assert_eq!(desk.listed(&view.serial), None, "{engine}");
    }
}

#[tokio::test]
async fn a_list_with_a_stale_number_is_not_published() {
    for desk in Desk::all().await {
        let path = desk.publisher.path(desk.issuing.id());
        desk.publisher.publish(&desk.issuing, true).await.unwrap();
        let first = std::fs::read(&path).unwrap();
        desk.publisher.publish(&desk.issuing, true).await.unwrap();
        // The folder stands at list 9 (a restored database, say): nothing lower may replace it.
        let record = crate::store::CrlRecord {
            issuer: unit_issuer(),
            list: crate::domain::ListKind::Full,
            number: 9,
            base: None,
            this_update: desk.house.now(),
            next_update: desk.house.now().plus(DAY),
            entries: 0,
            covers: 0,
            planned: true,
            sha256: crate::domain::Sha256([0; 32]),
        };
        let material =
            super::CrlMaterial { certificate: desk.issuing.certificate(), key: &desk.issuing.crl_key, record: &record };
        let ninth = super::build_crl(&material, &[]).unwrap();
        std::fs::write(&path, &ninth).unwrap();
        let refused = desk.publisher.publish(&desk.issuing, true).await;
        assert!(matches!(refused, Err(CrlError::StaleNumber { number: 4, published: 9 })), "{refused:?}");
        assert_eq!(std::fs::read(&path).unwrap(), ninth);
        // A list that was lost is made anew.
        std::fs::write(&path, &first).unwrap();
        assert_eq!(desk.due().await, Some(false), "{}", desk.house.engine());
        assert_eq!(desk.publisher.publish(&desk.issuing, false).await.unwrap().number, 5);
    }
}
