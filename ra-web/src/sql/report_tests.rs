//! Figures against a recount, reminders and the list to phone, on both engines.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_core::clock::{Clock as _, TestClock};
use ca_core::domain::{CertificateStatus, Ground, OfficeId, Officer, OfficerId, Role, Serial, Timestamp, Validity};
use ca_core::sql::Database;
use ca_core::sql::testing::databases;
use rand::Rng as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use super::tests::{NOW, issuer};
use super::{OfficeStore, office_migrations};
use crate::chance_from_seed;
use crate::enrolment::case::{Case, State, Step, Who};
use crate::enrolment::form::tests::good;
use crate::enrolment::process::{CertificateName, Process};
use crate::jobs::Worker;
use crate::reminders::remind::Remind;
use crate::reminders::{After, Call, Outcome, STAGES};
use crate::reports::register::NewEntry;
use crate::reports::report::{Filter, Kind, Value, make};
use crate::reports::{Month, scale, steps};
use crate::store::{Issued, OrderSubject, Store as _, Tx};
use crate::units::UnitRecord;

const DAY: i64 = 86_400;

fn officer(office: &str) -> Officer {
    Officer {
        id: OfficerId::new("limin").expect("an id"),
        name: "李敏".into(),
        office: OfficeId::new(office).expect("an office"),
        roles: vec![Role::RaEntry],
    }
}

fn step(act: &'static str, from: &'static str, to: &'static str, at: Timestamp) -> Step {
    Step { act, from, to, by: None, reason: None, at }
}

/// A certificate in the store, with its case.
struct Made {
    name: CertificateName,
    case: OrderSubject,
    subject: OrderSubject,
}

/// Takes a case through to its certificate, each step at a time of its own.
async fn make_one(
    tx: &mut Box<dyn Tx>,
    n: u64,
    office: &str,
    process: Process,
    [submitted, approved, issued, delivered]: [Timestamp; 4],
    not_after: Timestamp,
) -> Made {
    let officer = officer(office);
    let number = tx.next_case_number(submitted.beijing_day()).await.expect("a number");
    let mut form = good();
    form.uscc = format!("9135010{n:011}");
    form.handler_email = "liufang@example.com".into();
    let (mut case, begun) = Case::begin(number, process, &officer, form, "110105********002X".into(), submitted);
    tx.add_case(&case, None).await.expect("added");
    let of_case = OrderSubject::Case(case.number.clone());
    tx.add_step(&of_case, &begun).await.expect("a line");
    tx.add_step(&of_case, &step("submit", "draft", "submitted", submitted)).await.expect("a line");
    tx.add_step(&of_case, &step("approve", "submitted", "approved", approved)).await.expect("a line");
    let serial: Serial = format!("4a{n:014x}").parse().expect("a serial");
    let one = Issued {
        issuer: issuer(),
        serial: serial.clone(),
        case: case.number.clone(),
        order: "01KB0000000000000000000000".parse().expect("an order"),
        uscc: case.form.uscc.clone(),
        unit_name: case.form.unit_name.clone(),
        validity: Validity { not_before: issued, not_after },
        certificate: vec![1],
        encryption: None,
        issued,
        delivered: None,
        status: CertificateStatus::Good,
    };
    tx.add_certificate(&one).await.expect("added");
    let subject = OrderSubject::Certificate(issuer(), serial.clone());
    for to in [&of_case, &subject] {
        tx.add_step(to, &step("issue", "approved", "issued", issued)).await.expect("a line");
    }
    tx.put_status(&issuer(), &serial, CertificateStatus::Good, Some(delivered)).await.expect("stored");
    for to in [&of_case, &subject] {
        tx.add_step(to, &step("deliver", "issued", "delivered", delivered)).await.expect("a line");
    }
    case.version = 1;
    case.state = State::Delivered { order: one.order, issuer: issuer(), serial: serial.clone() };
    tx.put_case(&case, None).await.expect("moved");
    tx.put_unit(&UnitRecord::of(&case, None, delivered)).await.expect("written");
    Made { name: CertificateName { issuer: issuer(), serial }, case: of_case, subject }
}

async fn put(tx: &mut Box<dyn Tx>, made: &Made, status: CertificateStatus, step: &Step) {
    tx.put_status(&made.name.issuer, &made.name.serial, status, None).await.expect("stored");
    tx.add_step(&made.subject, step).await.expect("a line");
}

#[tokio::test]
async fn the_figures_are_what_a_recount_of_a_random_history_gives() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut rng = ChaCha20Rng::seed_from_u64(29);
        let offices = ["east", "west"];
        let mut made = Vec::new();
        for n in 0..60_u64 {
            let mut tx = store.begin().await.expect("begun");
            let mut at = NOW.plus(rng.random_range(0..300 * DAY));
            let mut next = |rng: &mut ChaCha20Rng, most: i64| {
                at = at.plus(rng.random_range(60..most));
                at
            };
            let times = [next(&mut rng, DAY), next(&mut rng, 2 * DAY), next(&mut rng, 3 * DAY), next(&mut rng, DAY)];
            let ground = Ground::ALL[rng.random_range(0..Ground::ALL.len())];
            let process = if rng.random_bool(0.5) {
                Process::Enrolment
            } else {
                let old = CertificateName { issuer: issuer(), serial: "4b01".parse().expect("a serial") };
                Process::Replacement { ground, old }
            };
            let office = offices[rng.random_range(0..2)];
            let one = make_one(&mut tx, n, office, process, times, times[3].plus(365 * DAY)).await;
            if rng.random_bool(0.5) {
                let since = next(&mut rng, 20 * DAY);
                put(&mut tx, &one, CertificateStatus::Held { since }, &step("hold", "good", "held", since)).await;
                let end = next(&mut rng, 20 * DAY);
                if rng.random_bool(0.5) {
                    put(&mut tx, &one, CertificateStatus::Good, &step("release", "held", "good", end)).await;
                } else {
                    let reason = ca_core::domain::RevocationReason::KeyCompromise;
                    let status = CertificateStatus::Revoked { since: end, reason };
                    let act = if rng.random_bool(0.5) { "revoke" } else { "replace" };
                    put(&mut tx, &one, status, &step(act, "held", "revoked", end)).await;
                }
            }
            // What fails leaves no figure behind.
            if rng.random_bool(0.9) {
                tx.commit().await.expect("durable");
                made.push((office, one, times[3].plus(365 * DAY)));
            }
        }

        let mut tx = store.read().await.expect("begun");
        let mut recount: BTreeMap<(String, String), i64> = BTreeMap::new();
        let mut times: BTreeMap<(String, &str), Vec<i64>> = BTreeMap::new();
        for (office, one, not_after) in &made {
            let case_number = match &one.case {
                OrderSubject::Case(number) => number.clone(),
                OrderSubject::Certificate(..) | OrderSubject::Token(_) | OrderSubject::Matter(_) => unreachable!(),
            };
            let (case, _) = tx.case(&case_number).await.expect("read").expect("there");
            let mut ends = true;
            let mut held = None;
            let own = tx.steps(&one.subject).await.expect("read");
            for past in own.iter().rev() {
                let word = match past.act.as_str() {
                    "issue" => format!("issued-{}", case.process.word()),
                    "deliver" => "delivered".into(),
                    "hold" => "held".into(),
                    "release" => "released".into(),
                    "revoke" => "revoked".into(),
                    "replace" => "replaced".into(),
                    other => panic!("{other}"),
                };
                *recount.entry(((*office).to_owned(), word)).or_default() += 1;
                ends &= past.to != "revoked";
                if past.to == "held" {
                    held = Some(past.at);
                } else if let Some(since) = held.take() {
                    times.entry(((*office).to_owned(), steps::HOLD)).or_default().push(past.at.since(since));
                }
            }
            if ends {
                *recount.entry(((*office).to_owned(), "ending".into())).or_default() += 1;
                assert!(not_after.unix() > NOW.unix());
            }
            let lines = tx.steps(&one.case).await.expect("read");
            let at = |act: &str| lines.iter().find(|line| line.act == act).expect("a line").at;
            let took = [(steps::REVIEW, "submit", "approve"), (steps::MAKING, "approve", "deliver")];
            for (what, from, to) in took {
                times.entry(((*office).to_owned(), what)).or_default().push(at(to).since(at(from)));
            }
        }

        let (from, before) = (NOW.beijing_day(), NOW.plus(800 * DAY).beijing_day());
        let mut counted: BTreeMap<(String, String), i64> = BTreeMap::new();
        assert_eq!(tx.counted_offices().await.expect("read").len(), 2);
        for office in tx.counted_offices().await.expect("read") {
            for count in tx.counts_of(&office, from, before).await.expect("read") {
                *counted.entry((office.to_string(), count.what)).or_default() += count.n;
            }
            let spans = tx.spans_of(&office, Month::of(from), Month::of(before)).await.expect("read");
            for what in steps::SPANS {
                let exact = times.get_mut(&(office.to_string(), what)).expect("some");
                exact.sort_unstable();
                let own: Vec<(i64, i64)> =
                    spans.iter().filter(|span| span.what == what).map(|span| (span.step, span.n)).collect();
                assert_eq!(own.iter().map(|(_, n)| n).sum::<i64>(), i64::try_from(exact.len()).expect("small"));
                for percent in [50, 90] {
                    let rank = (exact.len() * percent).div_ceil(100);
                    let shown = scale::percentile(own.iter().copied(), i64::try_from(percent).expect("small"));
                    let (shown, exact) = (shown.expect("some"), exact[rank - 1]);
                    assert!((shown - exact).abs() * 10 <= exact, "{what} {percent} %: {shown} for {exact}");
                }
            }
        }
        counted.retain(|_, n| *n != 0);
        assert_eq!(counted, recount, "{}", fresh.engine);

        let offices = tx.counted_offices().await.expect("read");
        let filter = Filter { offices, from: Month::of(from), to: Month::of(from).plus(20), today: from };
        for kind in Kind::ALL {
            let report = make(&mut tx, kind, &filter).await.expect("made");
            assert!(report.tables.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len())));
            assert!(report.detail.rows.iter().all(|row| row.len() == report.detail.columns.len()), "{kind:?}");
        }
        let all = make(&mut tx, Kind::Certificates, &filter).await.expect("made");
        let total = all.tables[0].rows.last().expect("a total");
        let renewed: i64 = recount.iter().filter(|((_, what), _)| what == "issued-renewal").map(|(_, n)| n).sum();
        assert_eq!(total[3], Value::Number(renewed));
    }
}

#[tokio::test]
async fn the_register_counts_by_kind_and_settles_an_entry_once() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let one = officer("east");
        let mut entry = NewEntry {
            office: one.office.clone(),
            kind: "complaint",
            day: NOW.beijing_day(),
            what: "等候过久".into(),
            done: None,
            by: Who::from(&one),
            at: NOW,
        };
        assert_eq!(tx.register(&entry).await.expect("entered"), 1, "{}", fresh.engine);
        entry.kind = "incident";
        assert_eq!(tx.register(&entry).await.expect("entered"), 2);
        entry.office = OfficeId::new("west").expect("an office");
        assert_eq!(tx.register(&entry).await.expect("entered"), 1, "each office has its own numbers");
        let (from, before) = (NOW.beijing_day(), NOW.beijing_day().plus_days(1));
        let mut counts = tx.count_entries(&one.office, from, before).await.expect("read");
        counts.sort();
        assert_eq!(counts, [("complaint".to_owned(), 1), ("incident".to_owned(), 1)]);
        assert!(tx.count_entries(&one.office, before, before.plus_days(9)).await.expect("read").is_empty());
        assert!(tx.settle_entry(&one.office, 1, "已致歉").await.expect("asked"));
        assert!(!tx.settle_entry(&one.office, 1, "另一句").await.expect("asked"), "what was written stays");
        let entries = tx.entries_of(&one.office, from, before, 10).await.expect("read");
        assert_eq!(
            entries.iter().map(|entry| (entry.n, entry.done.as_deref())).collect::<Vec<_>>(),
            [(2, None), (1, Some("已致歉"))]
        );
    }
}

/// The office's daily round, and what it has made so far of each certificate.
struct Round {
    store: Arc<OfficeStore>,
    clock: Arc<TestClock>,
    worker: Arc<Worker>,
}

impl Round {
    fn on(database: &Database) -> Self {
        let store = Arc::new(OfficeStore(database.clone()));
        let clock = Arc::new(TestClock::at(NOW));
        let remind = Remind { store: store.clone(), clock: clock.clone(), mails: true };
        let worker = Worker::new(store.clone(), vec![Arc::new(remind)], clock.clone(), chance_from_seed(3));
        Self { store, clock, worker }
    }

    async fn stages(&self, made: &Made) -> Vec<i64> {
        let mut tx = self.store.read().await.expect("begun");
        let reminders = tx.reminders(&made.name).await.expect("read");
        let mut stages: Vec<i64> = reminders.into_iter().map(|(stage, _)| stage).collect();
        stages.sort_unstable_by(|one, other| other.cmp(one));
        stages
    }
}

#[tokio::test]
async fn each_stage_is_reminded_of_once_and_what_was_missed_comes_as_one() {
    for fresh in databases(&office_migrations()).await {
        let round = Round::on(&fresh.database);
        let mut tx = round.store.begin().await.expect("begun");
        let end = NOW.plus(92 * DAY).beijing_day().last_second();
        let made = make_one(&mut tx, 1, "east", Process::Enrolment, [NOW; 4], end).await;
        tx.commit().await.expect("durable");
        for _ in 0..95 {
            round.worker.work_off().await.expect("worked");
            round.worker.work_off().await.expect("worked");
            round.clock.advance(DAY);
        }
        assert_eq!(round.stages(&made).await, STAGES, "{}", fresh.engine);
        let office = OfficeId::new("east").expect("an office");
        let mut tx = round.store.read().await.expect("begun");
        let mails = tx.mails(&office, 100).await.expect("read");
        assert_eq!(mails.len(), STAGES.len(), "one mail a stage");
        assert!(mails.iter().all(|mail| mail.letter.word() == "expiring"));
        drop(tx);

        let late = Round::on(&fresh.database);
        late.clock.advance(200 * DAY);
        let mut tx = late.store.begin().await.expect("begun");
        let now = late.clock.now();
        let soon = now.plus(20 * DAY).beijing_day().last_second();
        let other = make_one(&mut tx, 2, "west", Process::Enrolment, [NOW; 4], soon).await;
        let over = make_one(&mut tx, 3, "west", Process::Enrolment, [NOW; 4], now.plus(-DAY)).await;
        tx.commit().await.expect("durable");
        late.worker.work_off().await.expect("worked");
        assert_eq!(late.stages(&other).await, [30], "60 and 90 are over");
        late.clock.advance(15 * DAY);
        late.worker.work_off().await.expect("worked");
        assert_eq!(late.stages(&other).await, [30, 7], "15 was missed");
        assert!(late.stages(&over).await.is_empty());
    }
}

#[tokio::test]
async fn what_is_held_revoked_or_renewed_is_not_reminded_of() {
    for fresh in databases(&office_migrations()).await {
        let round = Round::on(&fresh.database);
        let mut tx = round.store.begin().await.expect("begun");
        let end = NOW.plus(10 * DAY).beijing_day().last_second();
        let mut all = Vec::new();
        for n in 1..=6 {
            all.push(make_one(&mut tx, n, "east", Process::Enrolment, [NOW; 4], end).await);
        }
        put(&mut tx, &all[0], CertificateStatus::Held { since: NOW }, &step("hold", "good", "held", NOW)).await;
        let reason = ca_core::domain::RevocationReason::KeyCompromise;
        let revoked = CertificateStatus::Revoked { since: NOW, reason };
        put(&mut tx, &all[1], revoked, &step("revoke", "good", "revoked", NOW)).await;
        // Its place is taken, though the authority has not told yet what became of it.
        let renewal = |old: &Made| Process::Replacement { ground: Ground::Renewal, old: old.name.clone() };
        make_one(&mut tx, 7, "east", renewal(&all[2]), [NOW; 4], end.plus(365 * DAY)).await;
        let one = officer("east");
        let begin = async |tx: &mut Box<dyn Tx>, process| {
            let number = tx.next_case_number(NOW.beijing_day()).await.expect("a number");
            let (case, _) = Case::begin(number, process, &one, good(), String::new(), NOW);
            tx.add_case(&case, None).await.expect("added");
            case
        };
        begin(&mut tx, renewal(&all[3])).await;
        // A change keeps the end.
        begin(&mut tx, Process::Replacement { ground: Ground::Change, old: all[4].name.clone() }).await;
        let mut given_up = begin(&mut tx, renewal(&all[5])).await;
        given_up.version = 1;
        given_up.state = State::Cancelled { reason: "算了".into() };
        tx.put_case(&given_up, None).await.expect("moved");
        tx.commit().await.expect("durable");
        round.worker.work_off().await.expect("worked");
        let mut reminded = Vec::new();
        for (n, made) in all.iter().enumerate() {
            if !round.stages(made).await.is_empty() {
                reminded.push(n);
            }
        }
        assert_eq!(reminded, [4, 5], "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_round_of_many_goes_on_from_piece_to_piece_and_office_to_office() {
    let fresh = ca_core::sql::testing::sqlite(&office_migrations()).await;
    let round = Round::on(&fresh.database);
    let mut tx = round.store.begin().await.expect("begun");
    let mut all = Vec::new();
    for n in 0..230 {
        // Many end in the same second.
        let end = NOW.plus((5 + i64::try_from(n % 3).expect("small")) * DAY).beijing_day().last_second();
        let office = if n < 205 { "east" } else { "west" };
        all.push(make_one(&mut tx, n, office, Process::Enrolment, [NOW; 4], end).await);
    }
    tx.commit().await.expect("durable");
    round.worker.work_off().await.expect("worked");
    for made in &all {
        assert_eq!(round.stages(made).await, [7]);
    }
}

#[tokio::test]
async fn calls_stand_beside_the_certificates_that_they_are_about() {
    for fresh in databases(&office_migrations()).await {
        let store = OfficeStore(fresh.database.clone());
        let mut tx = store.begin().await.expect("begun");
        let end = NOW.plus(5 * DAY).beijing_day().last_second();
        let made = make_one(&mut tx, 1, "east", Process::Enrolment, [NOW; 4], end).await;
        let other = make_one(&mut tx, 2, "west", Process::Enrolment, [NOW; 4], end).await;
        let one = officer("east");
        let mut call =
            Call { name: made.name.clone(), outcome: Outcome::NoAnswer, comes: None, by: Who::from(&one), at: NOW };
        tx.add_call(&call).await.expect("noted");
        call = Call { outcome: Outcome::WillCome, comes: Some("2026-09-23".into()), at: NOW.plus(60), ..call };
        tx.add_call(&call).await.expect("noted");
        tx.add_call(&Call { name: other.name.clone(), ..call.clone() }).await.expect("noted");
        let calls = tx.calls(&one.office, NOW, end).await.expect("read");
        assert_eq!(calls.iter().map(|call| call.outcome).collect::<Vec<_>>(), [Outcome::WillCome, Outcome::NoAnswer]);
        assert_eq!(calls[0], call, "{}", fresh.engine);
        let ending = tx.ending(&one.office, &After::begin(NOW), end, 10).await.expect("read");
        assert_eq!((ending.len(), &ending[0].name), (1, &made.name));
        assert_eq!(ending[0].handler, Some(("刘芳".into(), "13800138000".into())));
        assert!(tx.ending(&one.office, &After::this(&ending[0]), end, 10).await.expect("read").is_empty());
    }
}
