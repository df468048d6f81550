//! Reports and the list to phone in Chromium over the real programs: a clerk phones a unit and notes what came of it, a
//! supervisor looks at the figures in both languages and takes them away as a workbook that another program reads.

use std::io::Cursor;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::{
    CertificateStatus, IssuerId, KeyKind, OfficeId, Officer, OfficerId, OrderId, Role, Serial, Timestamp, Validity,
};
use ca_core::sql::Database;
use calamine::{Data, Reader as _, Xlsx};
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::hall::{Hall, journey};
use journeys::office::{UNIT, UNIT_USCC};
use ra_web::enrolment::case::{Case, State, Step};
use ra_web::enrolment::form::Form;
use ra_web::enrolment::process::Process;
use ra_web::sql::OfficeStore;
use ra_web::store::{Issued, OrderSubject, Store as _};
use ra_web::units::UnitRecord;

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clerk_phones_and_a_supervisor_takes_the_figures_away() -> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let hall = Hall::open(Carrier::SoftHsm, KeyKind::P256, &Ceremony::shipped()?).await?;
        let url = format!("sqlite:{}", hall.house.path("ra/ra.db").display());
        let database = Database::open(&url, false).await?;
        delivered(&OfficeStore(database.clone()), 1, UNIT, UNIT_USCC).await?;
        database.close().await;
        phone(&hall).await?;
        figures(&hall).await
    })
    .await
}

/// A unit whose certificate was delivered a year ago and ends in five days. What matters here is what the pages make of it.
pub(super) async fn delivered(store: &OfficeStore, n: u8, unit: &str, uscc: &str) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let begun = now.plus(-30 * DAY);
    let officer = Officer {
        id: OfficerId::new("limin").context("an id")?,
        name: "李敏".into(),
        office: OfficeId::new("demo-office").context("an office")?,
        roles: vec![Role::RaEntry],
    };
    let form = Form::from_pairs([
        ("unit_name", unit),
        ("uscc", uscc),
        ("handler_name", "周敏"),
        ("handler_mobile", "13800138000"),
    ]);
    let step = |act, from, to, at: Timestamp| Step { act, from, to, by: None, reason: None, at };
    let mut tx = store.begin().await?;
    let number = tx.next_case_number(begun.beijing_day()).await?;
    let (mut case, first) = Case::begin(number, Process::Enrolment, &officer, form, String::new(), begun);
    tx.add_case(&case, None).await?;
    let of_case = OrderSubject::Case(case.number.clone());
    tx.add_step(&of_case, &first).await?;
    tx.add_step(&of_case, &step("submit", "draft", "submitted", begun)).await?;
    tx.add_step(&of_case, &step("approve", "submitted", "approved", begun.plus(3 * 3600))).await?;
    let (issuer, serial) =
        (IssuerId::new("unit-p256").context("an issuer")?, format!("4a0000000000000{n}").parse::<Serial>()?);
    let order: OrderId = format!("01KB000000000000000000000{n}").parse().map_err(anyhow::Error::msg)?;
    let not_after = now.beijing_day().plus_days(5).last_second();
    tx.add_certificate(&Issued {
        issuer: issuer.clone(),
        serial: serial.clone(),
        case: case.number.clone(),
        order,
        uscc: case.form.uscc.clone(),
        unit_name: case.form.unit_name.clone(),
        validity: Validity { not_before: begun, not_after },
        certificate: vec![0],
        encryption: None,
        issued: begun.plus(4 * 3600),
        delivered: None,
        status: CertificateStatus::Good,
    })
    .await?;
    let subject = OrderSubject::Certificate(issuer.clone(), serial.clone());
    tx.add_step(&subject, &step("issue", "approved", "issued", begun.plus(4 * 3600))).await?;
    tx.put_status(&issuer, &serial, CertificateStatus::Good, Some(begun.plus(5 * 3600))).await?;
    for to in [&of_case, &subject] {
        tx.add_step(to, &step("deliver", "issued", "delivered", begun.plus(5 * 3600))).await?;
    }
    case.version = 1;
    case.state = State::Delivered { order, issuer, serial };
    tx.put_case(&case, None).await?;
    tx.put_unit(&UnitRecord::of(&case, None, begun.plus(5 * 3600))).await?;
    Ok(tx.commit().await?)
}

async fn phone(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(0).await?;
    browser.open(&hall.staff("/reminders/phone?lang=zh-CN")).await?;
    browser.sees("13800138000").await?;
    hall.looks_well("staff-phone").await?;
    browser.click("form.note button").await?;
    browser.sees("请选择通话结果").await?;
    browser.choose("outcome", "will_come").await?;
    browser.click("form.note button").await?;
    browser.sees("通话结果已登记").await?;
    browser.sees("答应来办").await
}

async fn figures(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(1).await?;
    for kind in ["certificates", "times"] {
        browser.open(&hall.staff(&format!("/reports/{kind}?lang=zh-CN"))).await?;
        browser.find("figure.chart svg").await?;
        hall.looks_well(&format!("staff-report-{kind}")).await?;
    }
    let fetched = browser
        .driver
        .execute_async(
            "const done = arguments[arguments.length - 1];
             fetch('/reports/certificates/xlsx').then(r => r.blob()).then(blob => {
               const reader = new FileReader();
               reader.onload = () => done(reader.result.split(',')[1]);
               reader.readAsDataURL(blob);
             });",
            vec![],
        )
        .await?;
    let bytes = STANDARD.decode(fetched.json().as_str().context("base64")?)?;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes))?;
    let leaf = book.worksheet_range("证书业务")?;
    let issued: f64 = leaf
        .rows()
        .skip(1)
        .filter(|row| row[0] == Data::String("demo-office".into()))
        .filter_map(|row| match row[2] {
            Data::Float(n) => Some(n),
            _ => None,
        })
        .sum();
    ensure!((issued - 1.0).abs() < f64::EPSILON, "one certificate was issued, the workbook says {issued}");
    Ok(())
}
