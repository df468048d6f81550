//! The authority under orders, good and bad, on both engines.

mod administrators;
mod audit;
mod delivery;
mod give_up;
mod holder;
mod interruptions;
mod pairs;
mod recovery;
mod refusals;
mod replacement;
mod staff;

use crate::domain::OrderId;
use crate::issuance::Authority;
use crate::service::client::CertificateAuthority as _;
use crate::service::protocol::{CertificateView, RefusalCode, Request, Response, Submission};
use crate::sql::authority_migrations;
use crate::sql::testing::databases;
use crate::store::Store as _;
use crate::testing::House;

/// Who takes in and who reviews.
const DESK: [&str; 2] = ["limin", "wangqiang"];

/// A house on each engine.
async fn houses() -> Vec<(&'static str, House)> {
    let mut houses = Vec::new();
    for fresh in databases(&authority_migrations()).await {
        let house = House::on(fresh).await;
        houses.push((house.engine(), house));
    }
    houses
}

impl House {
    /// How many certificates and intents there are beside the officers' own.
    async fn certificates(&self) -> usize {
        let mut tx = self.store().await.begin_read().await.unwrap();
        tx.certificates_after("", "", 1000).await.unwrap().len() - self.people.len()
    }
}

/// What a look at everything finds; nothing is open.
async fn faults(house: &House) -> Vec<String> {
    let report = house.check().await;
    assert_eq!(report.open, 0, "{}", house.engine());
    assert_eq!(report.findings, Vec::<String>::new(), "{}", house.engine());
    report.faults
}

/// How many certificates a unit's order makes.
const PAIR: usize = 2;

async fn submit(authority: &Authority, submission: Submission) -> Result<CertificateView, RefusalCode> {
    ask(authority, Request::Submit(submission)).await
}

async fn ask(authority: &Authority, request: Request) -> Result<CertificateView, RefusalCode> {
    match authority.call(request).await {
        Ok(Response::Certificate(view)) => Ok(view),
        Ok(other) => panic!("not a certificate: {other:?}"),
        Err(error) => Err(error.code().unwrap_or_else(|| panic!("no refusal: {error}"))),
    }
}

async fn order_came_to_nothing(authority: &Authority, order: OrderId) -> bool {
    matches!(authority.call(Request::Order { order }).await, Ok(Response::None))
}
