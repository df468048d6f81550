//! Pages of the registration office over many units, beside the same pages over few: the server's time in one run, on both
//! engines, and a batch of ten thousand units from the sheet to its drafts.

mod ground;
pub(crate) mod ledger;

use std::time::Instant;

use anyhow::{Context as _, ensure};

use self::ground::Ground;
use self::ledger::{CODES, Made};

/// Units of the small office.
const FEW: u64 = 1_000;
/// Each page is got so often; the middle one counts.
const ROUNDS: usize = 41;
/// So many times as long a page may take.
const WANTED: f64 = 2.0;
/// What shows as much as there is to write to: many times as many letters in the great office.
const GROWS: &str = "letters of one day";
/// Rows of the sheet.
const ROWS: u64 = 10_000;

/// Runs it with so many units in the great office; five orders each.
pub(crate) fn run(units: u64) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let mut slow = Vec::new();
        for engine in ["SQLite", "PostgreSQL"] {
            let small = Ground::new(engine, FEW).await?;
            let great = Ground::new(engine, units).await?;
            println!("{engine}: {FEW} units beside {units} units and {} orders", units * ledger::ORDERS);
            slow.extend(compare(engine, &small, &great).await?);
            import(engine, &great).await?;
        }
        ensure!(slow.is_empty(), "these take over {WANTED} times as long: {slow:?}");
        Ok(())
    })
}

/// The pages, with what is looked for in each office.
fn pages(made: &Made) -> Vec<(&'static str, String)> {
    vec![
        ("queue", "/".into()),
        ("all applications", "/applications".into()),
        ("applications to review", "/applications?state=submitted".into()),
        ("delivered applications", "/applications?state=delivered".into()),
        ("certificates", "/certificates".into()),
        ("orders", "/orders".into()),
        ("batches", "/batches".into()),
        (GROWS, format!("/letters?from={0}&to={0}", made.ends)),
        ("a unit", format!("/units/{}", made.uscc)),
        ("a certificate", format!("/certificates/{}", made.certificate)),
        ("an application", format!("/applications/{}", made.case)),
        ("an order", format!("/orders/{}", made.order)),
        ("matters", "/matters".into()),
        ("a matter", format!("/matters/{}", made.matter)),
        ("stock", "/stock".into()),
        ("stock in use", "/stock?state=in_use".into()),
        ("a token", format!("/tokens/{}", made.token)),
        ("money", "/money".into()),
        ("paid bills", "/money/bills?state=paid".into()),
        ("receipts", "/money/receipts".into()),
        ("a bill", format!("/money/bills/{}", made.bill)),
        ("drawers", "/money/drawers".into()),
        ("books", "/money/books".into()),
        ("reports", "/reports".into()),
        ("report of certificates", "/reports/certificates".into()),
        ("list to phone", "/reminders/phone".into()),
        ("search: a common part of a name", "/search?q=%E4%B8%9C%E6%B9%96".into()),
        ("search: a part that few have", format!("/search?q={}%E5%8F%B7", made.rare)),
        ("search: nobody", "/search?q=%E6%B2%A1%E6%9C%89%E8%BF%99%E5%AE%B6".into()),
        ("search: a code", format!("/search?q={}", made.uscc)),
        ("search: the beginning of a code", format!("/search?q={}", &made.uscc[..10])),
        ("search: a serial number", format!("/search?q={}", made.serial)),
        ("search: an application", format!("/search?q={}", made.case)),
        ("search: an order", format!("/search?q={}", made.order)),
        ("search: a token", format!("/search?q={}", made.token)),
        ("search: an officer", "/search?q=%E6%9D%8E%E6%95%8F".into()),
        ("search: a page further on", "/search?q=%E4%B8%9C%E6%B9%96&page=3".into()),
    ]
}

async fn compare(engine: &str, small: &Ground, great: &Ground) -> anyhow::Result<Vec<String>> {
    let mut slow = Vec::new();
    for ((name, few), (_, many)) in pages(&small.made).into_iter().zip(pages(&great.made)) {
        let (mut at_few, mut at_many) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
        for round in 0..=ROUNDS {
            for (ground, path, times) in [(small, &few, &mut at_few), (great, &many, &mut at_many)] {
                let start = Instant::now();
                ground.get(path).await.with_context(|| format!("{name} on {engine}"))?;
                // The first one fills caches.
                if round > 0 {
                    times.push(start.elapsed());
                }
            }
        }
        at_few.sort();
        at_many.sort();
        let (few, many) = (at_few[ROUNDS / 2], at_many[ROUNDS / 2]);
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        println!("  {name:36} {few:>10.2?} {many:>10.2?}  {ratio:.2}");
        if ratio > WANTED && name != GROWS {
            slow.push(format!("{engine}: {name} ({ratio:.2})"));
        }
    }
    Ok(slow)
}

/// A sheet from its upload to the last draft.
async fn import(engine: &str, ground: &Ground) -> anyhow::Result<()> {
    let mut sheet = String::from(
        "单位名称,统一社会信用代码,单位类型,住所,法定代表人,经办人姓名,经办人身份证号码,经办人手机号码,服务年限\n",
    );
    for n in 0..ROWS {
        let code = ledger::code(CODES / 2 + n);
        sheet += &format!(
            "示范市第{n}新建单位,{code},企业,示范市人民路 {n} 号,张伟,刘芳,11010519491231002X,13800138000,1\n"
        );
    }
    let start = Instant::now();
    let batch = ground.upload(&sheet).await?;
    println!("  import of {ROWS} rows: checked after {:.1?}", start.elapsed());
    ground.post(&format!("{batch}/take-in")).await?;
    let mut told = 0;
    loop {
        let page = ground.get(&batch).await?;
        let made = page.split("aria-label=\"Progress\"").next().and_then(|page| page.rsplit("value=\"").next());
        let made: u64 = made.and_then(|rest| rest.split('"').next()).and_then(|n| n.parse().ok()).unwrap_or(0);
        if !page.contains("every 2s") {
            ensure!(page.contains("Taken in"), "the batch ends otherwise");
            break;
        }
        if made >= told + ROWS / 5 {
            told = made;
            println!("  import of {ROWS} rows: {made} are drafts after {:.1?}", start.elapsed());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    println!("  import of {ROWS} rows on {engine}: done after {:.1?}", start.elapsed());
    Ok(())
}
