//! Generated units, cases, orders and certificates, written past the office's services.

use std::collections::BTreeMap;

use anyhow::Context as _;
use ca_core::domain::{
    Act, IssuerId, KeyKind, OfficeId, Order, OrderId, ProfileName, Serial, Subject, SubjectField, Timestamp, encode,
};
use ra_web::enrolment::form::{Form, folded};
use ra_web::reports::{Month, day_number};
use ra_web::units::names;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use crate::row;
use crate::sink::{Rows, Sink, Value};

/// The office whose they are.
pub(crate) const OFFICE: &str = "demo-office";
/// Orders of a unit.
pub(crate) const ORDERS: u64 = 5;
/// So many codes are different.
pub(crate) const CODES: u64 = 10_000_000;
/// Cases that wait for a review, in any office.
const WAITING: u64 = 300;
/// What a unit pays, in fen, and the tax in it.
const FEE: u64 = 20_000;
const TAX: u64 = 1_132;
/// Who takes money.
const CLERKS: [&str; 3] = ["limin", "chenjie", "zhaoyi"];
/// Units that are written together.
const PIECE: u64 = 4_000;
const DAY: i64 = 86_400;

/// What can be looked for.
pub(crate) struct Made {
    pub(crate) uscc: String,
    pub(crate) case: String,
    pub(crate) order: String,
    pub(crate) serial: String,
    /// Issuer and serial number.
    pub(crate) certificate: String,
    pub(crate) bill: String,
    pub(crate) token: String,
    pub(crate) matter: String,
    /// A number that stands in one name.
    pub(crate) rare: u64,
    /// The day on which its certificate ends.
    pub(crate) ends: String,
}

/// The n-th credit code, with its check character.
pub(crate) fn code(n: u64) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let head = format!("91130502{:09}", n % CODES);
    let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte).unwrap_or(0);
    let sum: usize = head.bytes().zip(WEIGHTS).map(|(byte, weight)| value(byte) * weight).sum();
    format!("{head}{}", char::from(ALPHABET[(31 - sum % 31) % 31]))
}

/// Tables in the order in which they refer to each other, with the columns that are written.
const TABLES: [(&str, &str); 19] = [
    (
        "enrolment_case",
        "number,office,state,form,handler_id_masked,uscc,unit_name,unit_folded,entry_id,entry_name,reviewer_id,reviewer_name,order_id,issuer,serial,created,updated,version,due",
    ),
    ("office_order", "id,act,office,subject,statement,state,opened_id,opened_name,created"),
    ("order_signature", "order_id,seat,officer_id,officer_name,message,at"),
    (
        "certificate",
        "issuer,serial,case_number,order_id,uscc,unit_name,not_before,not_after,certificate,issued,delivered,status,reason,since,office",
    ),
    ("history", "subject,n,act,from_state,to_state,by_id,by_name,at"),
    ("unit", "uscc,name,folded,office,handler_name,handler_mobile,handler_id_masked,case_number,created,updated"),
    ("unit_name", "suffix,uscc,place"),
    ("case_name", "office,suffix,case_number"),
    (
        "bill",
        "number,subject,office,uscc,unit_name,lines,tax,gross,state,refunded,created,due,paid,served,invoice_due,version",
    ),
    ("payment", "id,bill,method,amount,receipt,office,clerk_id,clerk_name,day,at,prints"),
    ("invoice_handed_out", "bill,at,kind,number,waybill,by_id,by_name"),
    ("ledger_entry", "office,n,id,fact,subject,by_id,by_name,at"),
    ("ledger_posting", "office,n,side,account,amount"),
    (
        "token",
        "serial,office,model,purchased,warranty_until,state,issuer,certificate,uscc,unit_name,created,updated,version",
    ),
    (
        "matter",
        "number,kind,office,state,issuer,serial,token,uscc,unit_name,facts,entry_id,entry_name,due,created,updated,version",
    ),
    ("takings", "office,day,method,payments,taken,refunds,refunded"),
    (
        "drawer",
        "office,clerk_id,day,clerk_name,state,moves,book,counted,note,filed_at,confirmed_id,confirmed_name,confirmed_at",
    ),
    ("day_count", "office,day,what,month,n"),
    ("span_count", "office,month,what,step,n"),
];

/// Fills an empty database.
pub(crate) async fn fill(url: &str, units: u64, now: Timestamp, certificate: &[u8]) -> anyhow::Result<Made> {
    let mut sink = Sink::open(url).await?;
    let mut rng = ChaCha20Rng::seed_from_u64(units);
    let mut made = None;
    let mut at = 0;
    while at < units {
        let mut rows = Rows::of(&TABLES);
        for n in at..units.min(at + PIECE) {
            let this = unit(&mut rows, n, units, now, certificate, &mut rng)?;
            if n == units / 2 {
                made = Some(this);
            }
        }
        if at == 0 {
            for n in 0..WAITING {
                waiting(&mut rows, n, now)?;
            }
            days(&mut rows, units, now);
        }
        sink.write(rows).await?;
        at += PIECE;
    }
    sink.run("DELETE FROM unit_backfill").await?;
    let paid = units * FEE;
    let [net, tax] = [units * (FEE - TAX), units * TAX];
    let counts = format!(
        "INSERT INTO case_count (office, state, n) VALUES ('{OFFICE}', 'delivered', {units}), \
         ('{OFFICE}', 'submitted', {WAITING}); \
         INSERT INTO token_count (office, state, n) VALUES ('{OFFICE}', 'in_use', {units}); \
         INSERT INTO ledger_balance (office, account, balance) VALUES ('{OFFICE}', 'cash', {paid}), \
         ('{OFFICE}', 'deferred', 0), ('{OFFICE}', 'revenue', -{net}), ('{OFFICE}', 'vat', -{tax}); \
         INSERT INTO number_series (series, last) VALUES ('ledger/{OFFICE}', {last})",
        last = 2 * units,
    );
    sink.run(&counts).await?;
    sink.end().await?;
    made.context("a unit in the middle")
}

fn form(n: u64, name: &str) -> anyhow::Result<String> {
    let (code, address) = (code(n), format!("示范市人民路 {n} 号"));
    let form = Form::from_pairs([
        ("unit_name", name),
        ("uscc", &code),
        ("unit_kind", "enterprise"),
        ("address", &address),
        ("legal_person", "张伟"),
        ("handler_name", "刘芳"),
        ("handler_mobile", "13800138000"),
        ("years", "1"),
        ("key", "P-256"),
    ]);
    Ok(serde_json::to_string(&form)?)
}

fn name(n: u64) -> String {
    const PLACES: [&str; 8] = ["东湖", "西山", "南江", "北桥", "长安", "新华", "和平", "桃源"];
    const TRADES: [&str; 6] = ["建筑工程", "食品贸易", "信息技术", "物业服务", "运输", "医药"];
    let place = PLACES[usize::try_from(n % 8).unwrap_or(0)];
    let trade = TRADES[usize::try_from(n / 8 % 6).unwrap_or(0)];
    format!("示范市{place}{n}号{trade}有限公司")
}

/// A unit with its delivered case, its certificate, and [`ORDERS`] orders.
fn unit(
    rows: &mut Rows,
    n: u64,
    units: u64,
    now: Timestamp,
    certificate: &[u8],
    rng: &mut ChaCha20Rng,
) -> anyhow::Result<Made> {
    let (uscc, name) = (code(n), name(n));
    let case = format!("RA-20260101-{n:06}");
    let issuer = IssuerId::new("unit-p256").context("an issuer")?;
    let serial = Serial::draw(now, rng);
    // Spread over most of a year.
    let created = now.unix() - i64::try_from(n * 300 * 86_400 / units)?;
    // One ends on a day of its own.
    let days = if n == units / 2 { 400 } else { i64::try_from(n % 360)? };
    let ends = Timestamp::from_unix(now.unix() + (days + 30) * DAY).beijing_day();
    let office = OfficeId::new(OFFICE).context("an office")?;
    let subject = Subject::new(BTreeMap::from([
        (SubjectField::Country, "CN".to_owned()),
        (SubjectField::CommonName, name.clone()),
        (SubjectField::Uscc, uscc.clone()),
    ]))?;
    let issue = Act::Issue {
        issuer: issuer.clone(),
        profile: ProfileName::new("unit-sign").context("a profile")?,
        subject,
        years: 1,
        key: KeyKind::P256,
        officer: None,
        replaces: None,
    };
    let mut first = String::new();
    for k in 0..ORDERS {
        let at = Timestamp::from_unix(created + i64::try_from(k)?);
        let id = OrderId::draw(at, rng);
        let (act, about, word) = match k {
            0 => (issue.clone(), case.clone(), "issue"),
            _ if k % 2 == 1 => {
                (Act::Hold { issuer: issuer.clone(), serial: serial.clone() }, format!("{issuer}/{serial}"), "hold")
            }
            _ => (
                Act::Release { issuer: issuer.clone(), serial: serial.clone() },
                format!("{issuer}/{serial}"),
                "release",
            ),
        };
        let order = Order { id, office: office.clone(), created: at, evidence: Vec::new(), act };
        if k == 0 {
            first = id.to_string();
        }
        rows.add(
            "office_order",
            row![id.to_string(), word, OFFICE, about.clone(), encode(&order), "done", "limin", "李敏", at.unix()],
        );
        rows.add("order_signature", row![id.to_string(), 0_i64, "limin", "李敏", vec![0x30; 64], at.unix()]);
        if k > 0 {
            let n = i64::try_from(k)?;
            rows.add("history", row![about, n, word, "good", "held", "limin", "李敏", at.unix()]);
        }
    }
    for (step, act) in (1_i64..).zip(["begin", "submit", "approve"]) {
        rows.add("history", row![case.clone(), step, act, "draft", "submitted", "limin", "李敏", created + step]);
    }
    rows.add(
        "enrolment_case",
        row![
            case.clone(),
            OFFICE,
            "delivered",
            form(n, &name)?,
            "110105********002X",
            uscc.clone(),
            name.clone(),
            folded(&name),
            "limin",
            "李敏",
            "sunli",
            "孙丽",
            first.clone(),
            issuer.to_string(),
            serial.to_string(),
            created,
            created + 9,
            5_i64,
            Value::Null,
        ],
    );
    rows.add(
        "certificate",
        row![
            issuer.to_string(),
            serial.to_string(),
            case.clone(),
            first.clone(),
            uscc.clone(),
            name.clone(),
            created,
            ends.last_second().unix(),
            certificate.to_vec(),
            created,
            created + 5,
            0_i64,
            0_i64,
            created,
            OFFICE,
        ],
    );
    rows.add(
        "unit",
        row![
            uscc.clone(),
            name.clone(),
            folded(&name),
            OFFICE,
            "刘芳",
            "13800138000",
            "110105********002X",
            case.clone(),
            created,
            created,
        ],
    );
    for (place, suffix) in names::suffixes(&folded(&name)).chain([(0, folded(&uscc).as_bytes())]) {
        rows.add("unit_name", row![suffix.to_vec(), uscc.clone(), i64::from(place)]);
    }
    let (bill, token) = (format!("BL-20260101-{n:06}"), format!("K{n:08}"));
    let matter = format!("UL-20260101-{n:06}");
    money(rows, n, [&bill, &case, &uscc, &name], created)?;
    rows.add(
        "token",
        row![
            token.clone(),
            OFFICE,
            "K5",
            "2026-01-01",
            "2029-01-01",
            "in_use",
            issuer.to_string(),
            serial.to_string(),
            uscc.clone(),
            name.clone(),
            created,
            created,
            1_i64,
        ],
    );
    // Of some a matter waits: as many however many units there are.
    let waits = n < WAITING;
    rows.add(
        "matter",
        row![
            matter.clone(),
            "unlock",
            OFFICE,
            if waits { "requested" } else { "done" },
            issuer.to_string(),
            serial.to_string(),
            token.clone(),
            uscc.clone(),
            name,
            r#"{"applicant":"刘芳","phone":"13800138000","way":"counter","checked":"身份证原件"}"#,
            "limin",
            "李敏",
            if waits { Value::Number(created + DAY) } else { Value::Null },
            created,
            created,
            1_i64,
        ],
    );
    let certificate = format!("{issuer}/{serial}");
    let serial = serial.to_string();
    Ok(Made { uscc, case, order: first, serial, certificate, bill, token, matter, rare: n, ends: ends.to_string() })
}

/// A bill that was paid, served and invoiced, and what was booked for it.
fn money(rows: &mut Rows, n: u64, [bill, case, uscc, name]: [&str; 4], at: i64) -> anyhow::Result<()> {
    let (n, fee, tax) = (i64::try_from(n)?, i64::try_from(FEE)?, i64::try_from(TAX)?);
    let payment = format!("PY-20260101-{n:06}");
    let lines = format!(r#"[{{"item":"service","count":1,"price":{fee}}}]"#);
    rows.add(
        "bill",
        row![
            bill,
            case,
            OFFICE,
            uscc,
            name,
            lines,
            600_i64,
            fee,
            "paid",
            0_i64,
            at,
            at + 15 * DAY,
            at + 60,
            at + 90,
            Value::Null,
            1_i64,
        ],
    );
    let day = Timestamp::from_unix(at).beijing_day().to_string();
    let receipt = format!("R{n:08}");
    let clerk = CLERKS[usize::try_from(n)? % CLERKS.len()];
    rows.add("payment", row![payment.clone(), bill, "cash", fee, receipt, OFFICE, clerk, clerk, day, at + 60, 1_i64]);
    let invoice = format!("{n:020}");
    rows.add("invoice_handed_out", row![bill, at + 100, "electronic", invoice, "", "liufang", "刘芳"]);
    let facts = [
        ("payment", &payment, vec![("cash", fee), ("deferred", -fee)]),
        ("service", &bill.to_owned(), vec![("deferred", fee), ("revenue", tax - fee), ("vat", -tax)]),
    ];
    for (entry, (fact, of, sides)) in (2 * n + 1..).zip(facts) {
        rows.add("ledger_entry", row![OFFICE, entry, format!("{fact}:{of}"), fact, bill, clerk, clerk, at + 60]);
        for (side, (account, amount)) in (0_i64..).zip(sides) {
            rows.add("ledger_posting", row![OFFICE, entry, side, account, amount]);
        }
    }
    Ok(())
}

/// What is kept by day and month, and does not grow with the number of units.
fn days(rows: &mut Rows, units: u64, now: Timestamp) {
    let each = i64::try_from(units / 300).unwrap_or(0);
    let fee = i64::try_from(FEE).unwrap_or(0);
    let mut months = std::collections::BTreeSet::new();
    for back in 0..300 {
        let day = now.beijing_day().plus_days(-back);
        let at = day.first_second().unix();
        rows.add("takings", row![OFFICE, day.to_string(), "cash", each, each * fee, 0_i64, 0_i64]);
        for clerk in CLERKS {
            let third = each * fee / 3;
            rows.add(
                "drawer",
                row![
                    OFFICE,
                    clerk,
                    day.to_string(),
                    clerk,
                    "confirmed",
                    each,
                    third,
                    third,
                    "",
                    at,
                    "liufang",
                    "刘芳",
                    at
                ],
            );
        }
        let month = Month::of(day).number();
        months.insert(month);
        for what in ["issued-enrolment", "delivered", "ending", "held", "released"] {
            rows.add("day_count", row![OFFICE, day_number(day), what, month, each]);
        }
    }
    for month in months {
        for what in ["review", "making", "hold"] {
            for step in 0..40_i64 {
                rows.add("span_count", row![OFFICE, month, what, step, each]);
            }
        }
    }
}

/// A case that waits for its review.
fn waiting(rows: &mut Rows, n: u64, now: Timestamp) -> anyhow::Result<()> {
    let (case, name) = (format!("RA-20260202-{n:06}"), format!("示范市等待{n}号服务中心"));
    let at = now.unix() - i64::try_from(n)?;
    let form = form(CODES / 3 + n, &name)?;
    for (_, suffix) in names::suffixes(&folded(&name)) {
        rows.add("case_name", row![OFFICE, suffix.to_vec(), case.clone()]);
    }
    rows.add(
        "enrolment_case",
        row![
            case,
            OFFICE,
            "submitted",
            form,
            "110105********002X",
            code(CODES / 3 + n),
            name.clone(),
            folded(&name),
            "zhaoyi",
            "赵一",
            Value::Null,
            Value::Null,
            "01K00000000000000000000000",
            Value::Null,
            Value::Null,
            at,
            at,
            1_i64,
            at + DAY,
        ],
    );
    Ok(())
}
