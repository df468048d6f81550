//! The desk refuses by itself, whoever calls it: what the pages look at before they offer a step, it looks at again.

use ca_core::domain::{Ground, OfficeId, Officer, Role};

use super::testing::Bench;
use crate::enrolment::case::{CaseNumber, Forbidden, State};
use crate::enrolment::desk::{OfficeError, next_seat};
use crate::enrolment::process::{CertificateName, NotNow};
use crate::store::Store as _;

fn number(path: &str) -> CaseNumber {
    path.rsplit('/').next().expect("a number").parse().expect("a number")
}

/// The same person with other duties.
fn with(officer: &Officer, roles: &[Role]) -> Officer {
    Officer { roles: roles.to_vec(), ..officer.clone() }
}

/// The same person at another office.
fn elsewhere(officer: &Officer) -> Officer {
    Officer { office: OfficeId::new("other-office").expect("an office"), ..officer.clone() }
}

#[tokio::test]
async fn a_ticket_is_minted_by_the_own_office_and_never_by_who_approved() {
    let bench = Bench::new().await;
    let number = number(&bench.approved().await);
    let operator = bench.officer("chenjie").await;
    let reviewer = with(&bench.officer("sunli").await, &[Role::TokenOperator]);
    let refused = bench.desk.mint_ticket(&elsewhere(&operator), &number).await.map(drop);
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::OtherOffice))));
    let refused = bench.desk.mint_ticket(&reviewer, &number).await.map(drop);
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::SameOfficer))));
    assert!(bench.desk.mint_ticket(&operator, &number).await.is_ok());
}

#[tokio::test]
async fn only_an_issued_certificate_is_given_up_and_only_by_the_own_office() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let (number, operator) = (number(&path), bench.officer("chenjie").await);
    let refused = bench.desk.abandon(&operator, &number, "no key").await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::State { .. }))));
    bench.redeem(&bench.ticket(&path).await).await;
    let refused = bench.desk.abandon(&elsewhere(&operator), &number, "no key").await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::OtherOffice))));
    bench.desk.abandon(&operator, &number, "no key").await.expect("given up");
}

#[tokio::test]
async fn a_replacement_is_begun_by_entry_officers_for_a_delivered_certificate_of_their_office() {
    let bench = Bench::new().await;
    let path = bench.approved().await;
    let (_, answer) = bench.redeem(&bench.ticket(&path).await).await;
    let view = bench.view(&answer["issuer"], &answer["serial"]).await;
    let name = CertificateName { issuer: view.issuer.clone(), serial: view.serial.clone() };
    let entry = bench.officer("limin").await;
    let refused = bench.desk.begin_replacement(&entry, Ground::Renewal, &name).await;
    assert!(matches!(refused, Err(OfficeError::NotNow(NotNow::Undelivered))));
    let reviewer = with(&entry, &[Role::RaReviewer]);
    let refused = bench.desk.begin_replacement(&reviewer, Ground::Renewal, &name).await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::OtherDuty(_)))));

    let bench = Bench::new().await;
    let (_, view) = bench.delivered().await;
    let page = bench.desk.certificate(&view.issuer, &view.serial).await.expect("there");
    let verdicts = bench.desk.replaceable(&elsewhere(&entry), &page).await.expect("read");
    assert!(verdicts.iter().all(|(_, verdict)| *verdict == Err(NotNow::OtherOffice)));
}

#[tokio::test]
async fn evidence_is_deleted_by_supervisors_of_the_own_office() {
    let bench = Bench::new().await;
    let path = bench.submitted().await;
    bench.post("sunli", &format!("{path}/decline"), &[("reason", "false papers"), ("how", "reject")]).await;
    let (number, supervisor) = (number(&path), bench.officer("wangqiang").await);
    bench.house.clock.advance(3 * 366 * 86_400);
    let refused = bench.desk.ask_deletion(&elsewhere(&supervisor), &number, "over").await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::OtherOffice))));
    let refused = bench.desk.ask_deletion(&with(&supervisor, &[Role::RaEntry]), &number, "over").await;
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::OtherDuty(_)))));
    bench.desk.ask_deletion(&supervisor, &number, "over").await.expect("asked");
}

#[tokio::test]
async fn an_orders_next_seat_is_for_another_one_of_its_office() {
    let bench = Bench::new().await;
    let number = number(&bench.submitted().await);
    let mut tx = bench.store().read().await.expect("begun");
    let (case, _) = tx.case(&number).await.expect("read").expect("there");
    let State::Submitted { order } = case.state else { panic!("submitted") };
    let order = tx.order(order).await.expect("read").expect("there");
    drop(tx);
    let reviewer = bench.officer("sunli").await;
    assert!(matches!(next_seat(&order, &reviewer), Ok(1)));
    let refused = next_seat(&order, &elsewhere(&reviewer));
    assert!(matches!(refused, Err(OfficeError::Forbidden(Forbidden::OtherOffice))));
    let entry = with(&bench.officer("limin").await, &[Role::RaReviewer]);
    assert!(matches!(next_seat(&order, &entry), Err(OfficeError::Forbidden(Forbidden::SameOfficer))));
}
