//! Generated units, employees and both ledgers.

use ca_core::domain::{Sha256, Timestamp};
use ra_web::fund::amounts::Month;
use ra_web::fund::books::PersonNumber;

use super::Sizes;
use crate::office::ledger::code;
use crate::row;
use crate::sink::{Rows, Sink, Value};

/// What a side pays a month: 8 % of 6,000 yuan.
const SHARE: i64 = 48_000;
const BASE: i64 = 600_000;
/// Units that are written together.
const PIECE: u64 = 200;

const TABLES: [(&str, &str); 7] = [
    (
        "policy",
        "valid_from,rate_min,rate_max,base_floor,base_cap,rounding,interest,day_count,daily_rate_digits,adjust_from,adjust_to",
    ),
    (
        "unit_account",
        "account,name,uscc,address,handler,handler_mobile,bank,opened,status,unit_rate,personal_rate,active_heads,sealed_heads,balance,suspense,paid_through,version",
    ),
    ("machine_session", "id,unit,certificate,record,expires"),
    ("person", "id,name,id_kind,id_masked,id_hash,id_number,mobile,address"),
    (
        "person_account",
        "number,person,unit,base,unit_share,personal_share,status,opened,starts,paid_through,carried,current_year,version",
    ),
    (
        "person_entry",
        "number,seq,day,kind,month,unit_part,personal_part,interest,carried,balance,serial",
    ),
    ("unit_entry", "unit,seq,day,kind,month,heads,amount,interest,suspense,balance,suspense_after,serial"),
];

/// What can be looked for.
pub(crate) struct Made {
    /// The unit with many employees.
    pub(crate) large: String,
    /// An employee of the unit whose session is open.
    pub(crate) person: String,
}

/// The account of a unit.
fn account(n: u64) -> String {
    format!("02{n:08}")
}

/// Fills an empty database: so many units, and the large one, each paid through October 2026. `session` is the hash of the token
/// of the unit in the middle.
pub(crate) async fn fill(url: &str, sizes: Sizes, session: Sha256, now: Timestamp) -> anyhow::Result<Made> {
    let mut sink = Sink::open(url).await?;
    let middle = sizes.units / 2;
    let mut first = 1_i64;
    let mut made = Made { large: account(sizes.units), person: String::new() };
    let mut at = 0;
    while at <= sizes.units {
        let mut rows = Rows::of(&TABLES);
        if at == 0 {
            let none = Value::Null;
            rows.add(
                "policy",
                row!["2020-07-01", 500_i64, 1_200_i64, 200_000_i64, 3_000_000_i64, "fen", 150_i64, 360_i64, none, 701_i64, 831_i64],
            );
        }
        for n in at..(sizes.units + 1).min(at + PIECE) {
            let heads = if n == sizes.units { sizes.large } else { sizes.heads };
            if n == middle {
                made.person = PersonNumber::nth(first).to_string();
            }
            unit(&mut rows, n, heads, sizes.months, first)?;
            first += i64::try_from(heads)?;
            if n == middle {
                let (id, certificate) = (session.to_string(), Sha256([0; 32]).to_string());
                rows.add("machine_session", row![id, account(n), certificate, "", now.plus(86_400).unix()]);
            }
        }
        sink.write(rows).await?;
        at += PIECE;
    }
    sink.run(&format!("UPDATE person_number SET last = {first}")).await?;
    sink.end().await?;
    Ok(made)
}

fn unit(rows: &mut Rows, n: u64, heads: u64, months: u64, first: i64) -> anyhow::Result<()> {
    let (own, many, months) = (account(n), i64::try_from(heads)?, i64::try_from(months)?);
    let last = Month::new(202_610).expect("a month");
    let monthly = 2 * SHARE;
    rows.add(
        "unit_account",
        row![
            own.clone(),
            format!("示范市第{n}单位"),
            code(n),
            "示范市人民路 1 号",
            "周晓燕",
            "13800000001",
            "示范银行",
            "2020-01-01",
            "01",
            800_i64,
            800_i64,
            many,
            0_i64,
            many * monthly * months,
            0_i64,
            last.yyyymm(),
            months,
        ],
    );
    for k in 0..many {
        let (number, id) = (PersonNumber::nth(first + k).to_string(), format!("P{:025}", first + k));
        let hash = Sha256(scattered(first + k)).to_string();
        let name = if k % 50 == 0 { "周一鸣" } else { "郑小满" };
        rows.add("person", row![id.clone(), name, "01", "110105********002X", hash, vec![0_u8; 46], "13800000009", ""]);
        let this_year = monthly * months.min(4);
        rows.add(
            "person_account",
            row![
                number.clone(),
                id,
                own.clone(),
                BASE,
                SHARE,
                SHARE,
                "01",
                "2020-01-01",
                202_001_i64,
                last.yyyymm(),
                monthly * months - this_year,
                this_year,
                months,
            ],
        );
        for m in 0..months {
            let month = last.plus(m + 1 - months);
            let (day, serial) = (month.first_day().plus_days(14).to_string(), format!("B{n:09}{m:016}"));
            rows.add(
                "person_entry",
                row![
                    number.clone(),
                    m + 1,
                    day,
                    "01",
                    month.yyyymm(),
                    SHARE,
                    SHARE,
                    0_i64,
                    0_i64,
                    monthly * (m + 1),
                    serial,
                ],
            );
        }
    }
    for m in 0..months {
        let month = last.plus(m + 1 - months);
        let (day, serial) = (month.first_day().plus_days(14).to_string(), format!("B{n:09}{m:016}"));
        let (sum, balance) = (monthly * many, monthly * many * (m + 1));
        rows.add(
            "unit_entry",
            row![own.clone(), m + 1, day, "01", month.yyyymm(), many, sum, 0_i64, 0_i64, balance, 0_i64, serial],
        );
    }
    Ok(())
}

/// Thirty-two bytes that no other number has.
fn scattered(n: i64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64).to_be_bytes());
    bytes[8..16].copy_from_slice(&n.to_be_bytes());
    bytes
}
