//! Every page of the console, in both languages and at both sizes: nothing that axe-core finds, nothing wider than the
//! window, no message key in place of words, no link that leads nowhere.
//!
//! The routes are read from the console's own list in its source; the addresses are found as people find them, by following
//! every link that the pages of each officer offer. A new page is looked at once something links to it; a route that
//! nothing leads to fails the test.
//!
//! With `YINXIN_PICTURES=folder` each page's picture is left there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::domain::{KeyKind, OfficeId, OfficerId};
use ca_core::sql::Database;
use journeys::agent::Carrier;
use journeys::ceremony::Ceremony;
use journeys::counter::{CLERK, FINANCE, REVIEWER};
use journeys::hall::{Hall, PINS, TOKENS, journey};
use journeys::house::OFFICERS;
use journeys::judges::root;
use journeys::office::{UNIT, UNIT_USCC};
use journeys::programs::eventually;
use ra_web::enrolment::case::Who;
use ra_web::sql::OfficeStore;
use ra_web::store::Store as _;
use ra_web::tokens::Transfer;

use super::{batches, reports};

/// 赵静, who reads everything, and 吴敏, who keeps the register of officers.
const AUDITOR: usize = 2;
const ADMINISTRATOR: usize = 5;
/// Who looks, in this order: a page is looked at as the first of them sees it.
const LOOK: [usize; 5] = [CLERK, REVIEWER, FINANCE, ADMINISTRATOR, AUDITOR];
/// So many addresses of a route are looked up for further links.
const OF_A_ROUTE: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_console_is_accessible_in_both_languages_and_sizes_and_every_link_leads_somewhere()
-> anyhow::Result<()> {
    journey(Duration::from_secs(600), async {
        let hall = Hall::open(Carrier::Files, KeyKind::P256, &Ceremony::shipped()?).await?;
        hall.looks_well_at("/login").await?;
        work(&hall).await?;
        let routes = routes()?;
        let mut seen = BTreeMap::new();
        let mut wrong = Vec::new();
        for who in LOOK {
            hall.officer(who).await?;
            for (route, address) in follow(&hall, &routes, &mut wrong).await? {
                if seen.contains_key(&route) {
                    continue;
                }
                if matches!(address.kind, Kind::Page)
                    && let Err(error) = hall.looks_well_at(&address.path).await
                {
                    wrong.push(format!("{error:#}"));
                }
                seen.insert(route, address.path);
            }
        }
        wrong.extend(
            routes.iter().filter(|route| !seen.contains_key(*route)).map(|route| format!("nothing leads to {route}")),
        );
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
    .await
}

/// Addresses of all routes that answer to GET, as the console's source lists them.
fn routes() -> anyhow::Result<BTreeSet<String>> {
    let mut routes = BTreeSet::new();
    let mut folders = VecDeque::from([root().join("ra-web/src/http/staff")]);
    while let Some(folder) = folders.pop_front() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push_back(path);
            } else if !path.to_string_lossy().ends_with("tests.rs") {
                routes.extend(routes_in(&path)?);
            }
        }
    }
    // The way in is looked at before anybody is in.
    routes.remove("/login");
    ensure!(routes.len() > 40, "the list of routes is read wrongly: {routes:?}");
    Ok(routes)
}

fn routes_in(file: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(file)?;
    let got = text.split(".route(").skip(1).filter(|route| {
        let (_, handlers) = route.split_once('"').unwrap_or_default();
        handlers.split([' ', '(', ')']).any(|word| word == "get")
    });
    Ok(got.filter_map(|route| route.split('"').nth(1)).map(str::to_owned).collect())
}

/// What an address answers.
enum Kind {
    /// A page of the console.
    Page,
    /// A file, a picture, a fragment.
    Other,
}

struct Address {
    path: String,
    kind: Kind,
}

/// The route of an address: the one with the fewest placeholders that fits.
fn route_of<'a>(routes: &'a BTreeSet<String>, path: &str) -> Option<&'a String> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |route: &&String| {
        let of: Vec<&str> = route.split('/').collect();
        of.len() == parts.len() && of.iter().zip(&parts).all(|(of, part)| of.starts_with('{') || of == part)
    };
    routes.iter().filter(fits).min_by_key(|route| route.matches('{').count())
}

/// Everything that the officer who is signed in comes to by links from the first page; what leads nowhere is `wrong`.
async fn follow(
    hall: &Hall,
    routes: &BTreeSet<String>,
    wrong: &mut Vec<String>,
) -> anyhow::Result<BTreeMap<String, Address>> {
    const LOOK_UP: &str = "const [path, done] = [arguments[0], arguments[arguments.length - 1]];
        fetch(path).then(async (answer) => {
          const html = (answer.headers.get('content-type') ?? '').startsWith('text/html');
          const page = html ? new DOMParser().parseFromString(await answer.text(), 'text/html') : null;
          const links = page ? [...page.querySelectorAll('a[href], img[src], [hx-get], [data-counts], form[method=get][action]')]
            .map((at) => at.getAttribute('href') ?? at.getAttribute('src') ?? at.getAttribute('hx-get')
              ?? at.dataset.counts ?? at.getAttribute('action')) : [];
          done([answer.status, Boolean(page?.querySelector('main')), links, answer.url]);
        }).catch((error) => done([0, false, [], String(error)]));";
    hall.browser.open(&hall.staff("/?lang=zh-CN")).await?;
    let mut found = BTreeMap::new();
    let mut looked: BTreeMap<String, usize> = BTreeMap::new();
    let mut known = BTreeSet::new();
    // The second is the first page of those who have no desk here, the third the one that a session which ended leads to.
    let mut next: VecDeque<_> =
        ["/", "/welcome", "/kept"].map(|page| (page.to_owned(), "the address bar".to_owned())).into();
    while let Some((link, from)) = next.pop_front() {
        let path = link.split(['?', '#']).next().unwrap_or_default().to_owned();
        let Some(route) = route_of(routes, &path) else {
            if !path.starts_with("/static/") && path != "/logout" && !link.contains("lang=") {
                wrong.push(format!("{from} links to {link}, which is no route"));
            }
            continue;
        };
        let times = looked.entry(route.clone()).or_default();
        if *times >= OF_A_ROUTE {
            continue;
        }
        *times += 1;
        let answer = hall.browser.driver.execute_async(LOOK_UP, vec![link.as_str().into()]).await?;
        let (status, page, links, at): (u16, bool, Vec<String>, String) = answer.convert()?;
        if status != 200 {
            wrong.push(format!("{from} links to {link}, which answers {status} ({at})"));
            continue;
        }
        let landed = at.split(&format!(":{}", hall.house.ports.staff)).nth(1).unwrap_or_default().to_owned();
        for to in links {
            let inside = to.starts_with('/') && !to.starts_with("//") || to.starts_with('?');
            let to = if to.starts_with('?') { format!("{path}{to}") } else { to };
            if inside && known.insert(to.clone()) {
                next.push_back((to, landed.clone()));
            }
        }
        let kind = if page { Kind::Page } else { Kind::Other };
        found.entry(route.clone()).or_insert(Address { path: link, kind });
    }
    Ok(found)
}

/// A day's work, so that every page has something to show.
async fn work(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.stock_with_admin_pins(&TOKENS)?;
    // Two units whose certificates end soon; the first of them comes for another one.
    let database = Database::open(&format!("sqlite:{}", hall.house.path("ra/ra.db").display()), false).await?;
    let store = OfficeStore(database.clone());
    reports::delivered(&store, 1, UNIT, UNIT_USCC).await?;
    reports::delivered(&store, 2, "示范市南山物流有限公司", "91120118MA06R1D13A").await?;
    transfer(&store).await?;
    database.close().await;
    let case = hall.apply().await?;
    hall.approve_case(&case).await?;
    hall.take_cash(CLERK, &case, "300").await?;
    hall.make_on(CLERK, &case, TOKENS[0]).await?;
    let certificate = hall.certificate_of(&case).await?;

    // A revocation that one has signed, an unblocking that is being filled in.
    browser.click("button[value=revocation]").await?;
    browser.choose("way", "counter").await?;
    browser.choose("ground", "holder-asks").await?;
    browser.fill("#applicant", "周晓燕").await?;
    browser.fill("#checked", "身份证原件与档案一致").await?;
    for paper in ["request", "id_card"] {
        hall.scan(paper, "id-card.png").await?;
    }
    browser.click("button[value=check]").await?;
    browser.click("a[href^='/orders/']").await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[CLERK], PINS[CLERK]).await?;
    browser.sees("等待第二位工作人员签名").await?;
    browser.open(&certificate).await?;
    browser.click("button[value=unlock]").await?;
    browser.find("#applicant").await?;
    recovery(hall, &certificate).await?;

    // A batch with a fault, one that waits for its review, and of this an application that waits for the counter.
    browser.open(&hall.staff("/batches")).await?;
    batches::upload(hall, "faulty.csv", "1380013").await?;
    browser.sees("有 1 行填错").await?;
    let batch = batches::take_in(hall).await?;
    browser.click("form[action$='/prepare'] button").await?;
    batches::sign_first(hall).await?;
    browser.open(&batch).await?;
    let case = browser.find("td a[href^='/applications/']").await?.attr("href").await?.context("an address")?;
    let waiting = case.trim_start_matches("/applications/").to_owned();
    hall.approve_case(&waiting).await?;
    hall.take_cash(CLERK, &waiting, "").await?;

    // A second certificate of the unit, whose bill waits for its money.
    let unpaid = hall.apply().await?;
    hall.approve_case(&unpaid).await?;
    hall.officer(CLERK).await?;

    // An application that is not signed yet.
    browser.open(&hall.staff("/applications/new")).await?;
    hall.type_particulars().await?;
    for (field, file) in [("licence", "licence.png"), ("id_card", "id-card.png"), ("seal", "seal.png")] {
        hall.scan(field, file).await?;
    }
    browser.click("button[value=check]").await?;
    browser.find("form[data-agent=sign]").await?;

    // An officer whose order one has signed.
    hall.officer(ADMINISTRATOR).await?;
    browser.open(&hall.staff("/officers/new")).await?;
    browser.fill("#id", "zhouming").await?;
    browser.fill("#name", "周明").await?;
    browser.choose("role", "ra_entry").await?;
    browser.click("form[action='/officers/new'] button[type=submit]").await?;
    hall.sign("form[data-agent] button[type=submit]", OFFICERS[ADMINISTRATOR], PINS[ADMINISTRATOR]).await?;
    browser.sees("签名已保存").await?;
    of_finance(hall).await
}

/// A statement of the bank with money that nobody expects, and the e-invoice of what was paid at the counter.
async fn of_finance(hall: &Hall) -> anyhow::Result<()> {
    let browser = &hall.browser;
    hall.officer(FINANCE).await?;
    let statement = hall.house.path("statement.csv");
    let day = SystemClock.now().beijing_day();
    let lines = "交易日期,流水号,贷方发生额,借方发生额,对方户名,对方账号,附言";
    std::fs::write(&statement, format!("{lines}\n{day},B1,200.00,,示范市路人商贸有限公司,622200100,服务费\n"))?;
    browser.open(&hall.staff("/money/wire")).await?;
    browser.fill("#file", statement.to_str().context("a UTF-8 path")?).await?;
    browser.click("form[action='/money/wire/upload'] button").await?;
    browser.find("a[href^='/money/wire/lines/']").await?;
    browser.open(&hall.staff("/money/bills?state=paid")).await?;
    browser.click("a[href^='/money/bills/BL-']").await?;
    let bill = browser.address().await;
    browser.click("form[action$='/einvoice'] button").await?;
    eventually("the e-invoice is there", Duration::from_secs(60), async || {
        browser.open(&bill).await.is_ok() && hall.offers("a[href^='/money/invoices/']").await
    })
    .await
}

/// Tokens on their way: the demonstration has one office only, so that the page cannot send any.
async fn transfer(store: &OfficeStore) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    let id = OfficerId::new("limin").context("an id")?;
    tx.add_transfer(&Transfer {
        id: "01KB0000000000000000000001".into(),
        from: OfficeId::new("other-office").context("an office")?,
        to: OfficeId::new("demo-office").context("an office")?,
        n: 2,
        arrived: 0,
        sent: (Who { id, name: "李敏".into() }, SystemClock.now()),
        received: None,
    })
    .await?;
    Ok(tx.commit().await?)
}

/// The recovery of an encryption key for the unit's other certificate, ready for the centre's officers.
async fn recovery(hall: &Hall, certificate: &str) -> anyhow::Result<()> {
    let browser = &hall.browser;
    browser.open(certificate).await?;
    browser.click("button[value=recovery]").await?;
    browser.click("input[name=recipient]").await?;
    browser.choose("way", "counter").await?;
    for (field, text) in
        [("#applicant", "周晓燕"), ("#checked", "身份证原件与档案一致"), ("#story", "旧介质已坏，要打开旧文件")]
    {
        browser.fill(field, text).await?;
    }
    for paper in ["request", "id_card"] {
        hall.scan(paper, "id-card.png").await?;
    }
    browser.click("button[value=check]").await?;
    browser.find(".seats").await?;
    Ok(())
}
