//! The office's processes killed again and again while units renew: form, order, payment on the page of what stands in for
//! Stripe with its messages, installation, invoice, mail, refund. The real `ra-web serve` and `ra-web worker`, on SQLite and
//! PostgreSQL, killed (SIGKILL) at random moments and started again; units and officers go on where they were.
//!
//! After each kill, before the dead process is back: no bill was charged or given back twice, no order has two certificates, no
//! bill two invoices, no paid order is forgotten, and the trial balance is zero. At the end every order is in its final
//! state and every mail is with the mail server.
//!
//! `YINXIN_KILLS=300` makes so many kills over both engines; by default there are 20.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ca_core::sql::{Database, testing};
use journeys::programs::{Program, eventually, free_port};
use journeys::renewing::{Counter, Member, Step};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::Value;

use crate::mail::{PASSWORD, Server};

/// Kills over both engines, where the environment says nothing.
const KILLS: usize = 20;
/// Units that renew at the same time.
const UNITS: usize = 4;
/// An order must come to its end within this once nothing dies any more.
const PATIENCE: Duration = Duration::from_secs(480);
/// Yuan that go back of an order of which a part goes back.
const PART: &str = "50";

/// What must never be, as questions to the office's database whose answer is a count.
const NEVER: [(&str, &str); 8] = [
    (
        "a bill paid twice",
        "SELECT count(*) FROM (SELECT bill FROM payment WHERE voided_at IS NULL GROUP BY bill HAVING count(*) > 1) x",
    ),
    (
        "two certificates of one order",
        "SELECT count(*) FROM (SELECT order_id FROM certificate GROUP BY order_id HAVING count(*) > 1) x",
    ),
    (
        "two invoices of one bill",
        "SELECT count(*) FROM (SELECT bill FROM invoice_handed_out WHERE back_at IS NULL GROUP BY bill HAVING count(*) > 1) x",
    ),
    (
        "two e-invoices of one bill",
        "SELECT count(*) FROM (SELECT bill FROM einvoice WHERE red_of IS NULL AND state IN ('issued', 'delivered', 'red_pending') GROUP BY bill HAVING count(*) > 1) x",
    ),
    ("a trial balance that is not zero", "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM ledger_posting"),
    (
        "an entry that does not balance",
        "SELECT count(*) FROM (SELECT n FROM ledger_posting GROUP BY office, n HAVING sum(amount) <> 0) x",
    ),
    (
        "balances that postings do not add up to",
        "SELECT count(*) FROM ledger_balance b WHERE b.balance <> (SELECT coalesce(sum(p.amount), 0) FROM ledger_posting p WHERE p.office = b.office AND p.account = b.account)",
    ),
    (
        "a paid order that is forgotten",
        "SELECT count(*) FROM bill b WHERE b.state = 'paid' AND NOT EXISTS (SELECT 1 FROM enrolment_case c WHERE c.number = b.subject AND c.state IN ('approved', 'issued', 'delivered'))",
    ),
];

/// The same of what is left over when all is done.
const LEFT_OVER: [(&str, &str); 6] = [
    ("bills on their way", "SELECT count(*) FROM bill WHERE state NOT IN ('paid', 'partly_refunded', 'refunded')"),
    ("paid and not served", "SELECT count(*) FROM bill WHERE state IN ('paid', 'partly_refunded') AND served IS NULL"),
    (
        "renewals without their invoice",
        "SELECT count(*) FROM bill b JOIN payment p ON p.bill = b.number WHERE p.method = 'online' AND b.state IN ('paid', 'partly_refunded') AND NOT EXISTS (SELECT 1 FROM invoice_handed_out i WHERE i.bill = b.number AND i.back_at IS NULL)",
    ),
    ("refunds on their way", "SELECT count(*) FROM refund WHERE state <> 'paid_out'"),
    ("jobs that were given up", "SELECT count(*) FROM job WHERE state = 'dead'"),
    ("mails that did not leave", "SELECT count(*) FROM mail WHERE sent IS NULL"),
];

/// What is under way, in words for whoever looks for what keeps an order.
const UNDER_WAY: &str = "SELECT 'job ' || kind || ' ' || about || ': ' || state || ', turn ' || turn || ', failures ' || failures || ', due ' || due || ' ' || coalesce(fault, '') FROM job WHERE state <> 'done' \
    UNION ALL SELECT 'bill ' || number || ' of ' || unit_name || ': ' || state FROM bill WHERE served IS NULL OR state = 'open' \
    UNION ALL SELECT 'refund ' || number || ' of ' || bill || ': ' || state FROM refund WHERE state <> 'paid_out' \
    UNION ALL SELECT 'e-invoice of ' || bill || ': ' || state FROM einvoice WHERE state NOT IN ('issued', 'delivered', 'red_issued') \
    UNION ALL SELECT 'case ' || number || ' of ' || unit_name || ': ' || state FROM enrolment_case WHERE due IS NOT NULL";

/// The office's database, looked at from outside.
struct Eyes(Database);

impl Eyes {
    async fn count(&self, question: &'static str) -> anyhow::Result<i64> {
        Ok(match &self.0 {
            Database::Sqlite { reader, .. } => sqlx::query_scalar(question).fetch_one(reader).await?,
            Database::Postgres(pool) => sqlx::query_scalar(question).fetch_one(pool).await?,
        })
    }

    /// The text that a question about something of this name has as its answer.
    async fn text(&self, question: &'static str, name: &str) -> anyhow::Result<Option<String>> {
        Ok(match &self.0 {
            Database::Sqlite { reader, .. } => {
                sqlx::query_scalar(question).bind(name.to_owned()).fetch_optional(reader).await?
            }
            Database::Postgres(pool) => sqlx::query_scalar(question).bind(name.to_owned()).fetch_optional(pool).await?,
        })
    }

    /// All that is under way, a line each.
    async fn under_way(&self) -> anyhow::Result<String> {
        let lines: Vec<String> = match &self.0 {
            Database::Sqlite { reader, .. } => sqlx::query_scalar(UNDER_WAY).fetch_all(reader).await?,
            Database::Postgres(pool) => sqlx::query_scalar(UNDER_WAY).fetch_all(pool).await?,
        };
        Ok(lines.join("\n"))
    }

    /// What the dead had in hand can be taken by others: the minute of its lease is over, and so are the waits after failures.
    async fn a_minute_passes(&self) -> anyhow::Result<()> {
        const OVER: &str = "UPDATE job SET due = due - 130 WHERE state = 'waiting' AND turn > 0";
        match &self.0 {
            Database::Sqlite { writer, .. } => sqlx::query(OVER).execute(writer).await.map(drop)?,
            Database::Postgres(pool) => sqlx::query(OVER).execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    async fn none_of(&self, questions: &[(&str, &'static str)]) -> anyhow::Result<()> {
        for (what, question) in questions {
            let count = self.count(question).await.with_context(|| (*what).to_owned())?;
            ensure!(count == 0, "{what}: {count}");
        }
        Ok(())
    }
}

/// What an order comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// Installed and invoiced.
    Keep,
    /// The same, then a part goes back: the invoice is reversed first, and what is kept is invoiced anew.
    PartBack,
    /// Paid, and all of it goes back before it is installed.
    AllBack,
}

/// How far an order is, as far as its unit remembers.
#[derive(Default)]
struct Far {
    paid: bool,
    returning: bool,
}

/// The world while things die.
struct World {
    counter: Counter,
    eyes: Eyes,
    stop: AtomicBool,
    orders: AtomicUsize,
}

impl World {
    /// One renewal from its form to its final state.
    async fn renew(&self, member: &mut Member, n: usize, plan: Plan, rng: &mut ChaCha20Rng) -> anyhow::Result<()> {
        let mut end: Option<Instant> = None;
        let mut far = Far::default();
        let mut last = String::new();
        loop {
            match self.step(member, n, plan, &mut far, rng).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => {
                    last = format!("{error:#}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            if end.is_none() && self.stop.load(Ordering::Relaxed) {
                end = Some(Instant::now() + PATIENCE);
            }
            if end.is_some_and(|end| Instant::now() > end) {
                let stands = member.stands().await.map(|(step, _)| step);
                bail!(
                    "{plan:?} of unit {n} does not come to its end; it stands at {stands:?}; the last fault was: {last}\n{}",
                    self.eyes.under_way().await?
                );
            }
            tokio::time::sleep(Duration::from_millis(rng.random_range(1..40))).await;
        }
    }

    /// What is to be done next, as the unit's page says; `true` when nothing is.
    async fn step(
        &self,
        member: &mut Member,
        n: usize,
        plan: Plan,
        far: &mut Far,
        rng: &mut ChaCha20Rng,
    ) -> anyhow::Result<bool> {
        let (step, page) = member.stands().await?;
        match step {
            Step::Form if far.paid => return Ok(plan == Plan::AllBack),
            Step::Form => member.fill_in(&format!("unit{n}@unit.example")).await?,
            Step::Sign => member.sign(&page).await?,
            Step::Pay => {
                if let Some(there) = member.page_to_pay().await? {
                    member.pay_there(&there).await?;
                    if rng.random_bool(0.5) {
                        member.come_back().await?;
                    }
                }
            }
            Step::Install if plan == Plan::AllBack => {
                far.paid = true;
                self.give_back(&member.name, "200", plan).await?;
            }
            Step::Install => {
                far.paid = true;
                member.install().await?;
            }
            Step::Installed | Step::Invoiced if far.returning => return self.give_back(&member.name, PART, plan).await,
            // The worker makes it.
            Step::Installed => tokio::time::sleep(Duration::from_millis(50)).await,
            Step::Invoiced => {
                member.fetch_invoice(&page).await?;
                far.returning = plan == Plan::PartBack;
                return Ok(!far.returning);
            }
        }
        Ok(false)
    }

    /// The next step of a refund of a unit's last bill; `true` when the money is back and what is kept is invoiced.
    async fn give_back(&self, unit: &str, yuan: &str, plan: Plan) -> anyhow::Result<bool> {
        const BILL: &str = "SELECT number FROM bill WHERE unit_name = $1 ORDER BY created DESC, number DESC LIMIT 1";
        const REFUND: &str = "SELECT state FROM refund WHERE bill = $1 ORDER BY asked_at DESC LIMIT 1";
        const NUMBER: &str = "SELECT number FROM refund WHERE bill = $1 ORDER BY asked_at DESC LIMIT 1";
        const BLUE: &str =
            "SELECT state FROM einvoice WHERE bill = $1 AND red_of IS NULL ORDER BY asked DESC, request DESC LIMIT 1";
        let bill = self.eyes.text(BILL, unit).await?.context("a bill")?;
        let refund = self.eyes.text(REFUND, &bill).await?;
        let blue = self.eyes.text(BLUE, &bill).await?;
        match (refund.as_deref(), blue.as_deref()) {
            (None, Some("issued" | "delivered")) => self.counter.reverse(&bill).await?,
            (None, None | Some("red_issued")) => self.counter.ask_back(&bill, yuan).await?,
            (Some("asked"), _) => {
                let number = self.eyes.text(NUMBER, &bill).await?.context("a refund")?;
                self.counter.agree(&number).await?;
            }
            (Some("paid_out"), _) if plan == Plan::AllBack => return Ok(true),
            (Some("paid_out"), Some("red_issued")) => self.counter.invoice(&bill).await?,
            (Some("paid_out"), Some("issued" | "delivered")) => return Ok(true),
            // The worker or the provider is at it.
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        Ok(false)
    }

    /// A unit renews until it is told to stop; an order that was begun comes to its end.
    async fn live(self: Arc<Self>, mut member: Member, n: usize) -> anyhow::Result<()> {
        let mut rng = ChaCha20Rng::seed_from_u64(n as u64);
        while !self.stop.load(Ordering::Relaxed) {
            let plan = [Plan::Keep, Plan::PartBack, Plan::AllBack][rng.random_range(0..3)];
            self.renew(&mut member, n, plan, &mut rng).await?;
            self.orders.fetch_add(1, Ordering::Relaxed);
            member.begin_anew(self.counter.house.ports.public)?;
        }
        Ok(())
    }

    /// What the provider has: each session that was paid by its bill, each refund by its number, with their amounts.
    async fn provider(&self) -> anyhow::Result<[Vec<(String, i64)>; 2]> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut found = [Vec::new(), Vec::new()];
        for (list, (path, name, amount)) in
            found.iter_mut().zip([("checkout/sessions", "bill", "amount_total"), ("refunds", "refund", "amount")])
        {
            let url = format!("http://127.0.0.1:{}/v1/{path}", self.counter.house.ports.stripe);
            let text = http.get(url).header("authorization", "Bearer sk_test_house").send().await?.text().await?;
            let answer: Value = serde_json::from_str(&text)?;
            for one in answer["data"].as_array().context("a list")? {
                if path == "refunds" || one["payment_status"] == "paid" {
                    let about = one["metadata"][name].as_str().with_context(|| format!("{one}"))?;
                    list.push((about.to_owned(), one[amount].as_i64().context("an amount")?));
                }
            }
        }
        Ok(found)
    }

    /// Nothing that must never be is.
    async fn holds(&self) -> anyhow::Result<()> {
        self.eyes.none_of(&NEVER).await?;
        for (what, list) in ["charged", "given back"].into_iter().zip(self.provider().await?) {
            let mut seen = BTreeMap::new();
            for (about, _) in list {
                ensure!(seen.insert(about.clone(), ()).is_none(), "{about} was {what} twice");
            }
        }
        Ok(())
    }
}

async fn story(engine: &str, kills: usize) -> anyhow::Result<()> {
    let mails = Server::start().await?;
    let fresh = match engine {
        "PostgreSQL" => Some(testing::postgres(&ra_web::sql::office_migrations()).await),
        _ => None,
    };
    let ops = free_port()?;
    let url = fresh.as_ref().map(|fresh| fresh.url.clone());
    let counter = Counter::found(|text| {
        let text = text
            .replace("beside_serve = true", &format!("beside_serve = false\nops = \"127.0.0.1:{ops}\""))
            .replace("[enrolment]\n", "[enrolment]\nrenewal_early_days = 7300\n");
        let text = match &url {
            Some(url) => text.replace("sqlite:ra/ra.db", url),
            None => text,
        };
        text + mails.section().as_str()
    })?;
    std::fs::write(counter.house.path("secrets/mail"), PASSWORD)?;
    let house = &counter.house;
    let _others = [house.start_ca().await?, house.start_responder().await?, house.start_stripe().await?];
    let mut office = [house.start_office().await?, house.start_worker(ops).await?];
    let mut members = Vec::new();
    for n in 0..UNITS {
        members.push(counter.enrol(n, true).await.with_context(|| format!("unit {n}"))?);
    }
    let url = url.unwrap_or_else(|| format!("sqlite:{}", house.path("ra/ra.db").display()));
    let eyes = Eyes(Database::open(&url, false).await?);
    let world = Arc::new(World { counter, eyes, stop: AtomicBool::new(false), orders: AtomicUsize::new(0) });
    let lives: Vec<_> =
        members.into_iter().enumerate().map(|(n, member)| tokio::spawn(world.clone().live(member, n))).collect();

    let mut rng = ChaCha20Rng::seed_from_u64(kills as u64);
    let mut killed = [0, 0];
    for n in 1..=kills {
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..500))).await;
        let which = usize::from(rng.random_bool(0.4));
        killed[which] += 1;
        office[which].kill();
        world.holds().await.with_context(|| format!("{engine}, kill {n}"))?;
        office[which] = start(&world.counter, which, ops).await?;
        if which == 1 {
            world.eyes.a_minute_passes().await?;
        }
    }
    world.stop.store(true, Ordering::Relaxed);
    let waiting = tokio::spawn({
        let world = world.clone();
        async move {
            while world.eyes.a_minute_passes().await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });
    for life in lives {
        life.await??;
    }
    let done =
        eventually("all is done", Duration::from_secs(60), async || world.eyes.none_of(&LEFT_OVER).await.is_ok());
    let done = done.await;
    waiting.abort();
    world.holds().await?;
    world.eyes.none_of(&LEFT_OVER).await?;
    done?;
    adds_up(&world, &mails).await?;
    for program in &mut office {
        program.terminate()?;
    }
    world.counter.house.ca(&["audit", "verify"])?;
    world.counter.house.ca(&["check"])?;
    let orders = world.orders.load(Ordering::Relaxed);
    println!("{engine}: {} kills of serve and {} of the worker over {orders} orders", killed[0], killed[1]);
    ensure!(orders >= UNITS, "{orders} orders only");
    Ok(())
}

async fn start(counter: &Counter, which: usize, ops: u16) -> anyhow::Result<Program> {
    if which == 0 { counter.house.start_office().await } else { counter.house.start_worker(ops).await }
}

/// What was charged and given back is what the books have, and each mail came at least once and under one name.
async fn adds_up(world: &World, mails: &Server) -> anyhow::Result<()> {
    const CAME: &str =
        "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM payment WHERE method = 'online' AND voided_at IS NULL";
    const WENT: &str = "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM refund WHERE state = 'paid_out'";
    let [charged, back] = world.provider().await?;
    let sum = |list: &[(String, i64)]| list.iter().map(|(_, amount)| amount).sum::<i64>();
    assert_eq!(world.eyes.count(CAME).await?, sum(&charged), "what was charged is booked");
    assert_eq!(world.eyes.count(WENT).await?, sum(&back), "what was given back is booked");
    let mut names: Vec<String> = Vec::new();
    for mail in mails.mails()? {
        names.extend(mail.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned));
    }
    names.sort();
    names.dedup();
    let sent = world.eyes.count("SELECT count(*) FROM mail WHERE sent IS NOT NULL").await?;
    assert_eq!(i64::try_from(names.len())?, sent, "each mail has one name");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_the_office_charges_issues_and_invoices_once_and_forgets_nothing() -> anyhow::Result<()>
{
    let kills = match std::env::var("YINXIN_KILLS") {
        Ok(text) => text.parse().context("YINXIN_KILLS")?,
        Err(_) => KILLS,
    };
    let (sqlite, postgres) = tokio::join!(story("SQLite", kills / 2), story("PostgreSQL", kills - kills / 2));
    sqlite.context("SQLite")?;
    postgres.context("PostgreSQL")
}
