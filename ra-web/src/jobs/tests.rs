//! The queue's promises, on both engines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ca_core::clock::{Clock as _, TestClock};
use ca_core::sql::testing::{Fresh, databases};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::chance_from_seed;
use crate::sql::{OfficeStore, office_migrations};
use crate::store::Store;

const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);

type Answer = Box<dyn Fn(&Job) -> Result<Done, Fault> + Send + Sync>;

/// Counts its runs and answers as it is told.
struct Counting {
    runs: AtomicUsize,
    every: Option<Every>,
    answer: Answer,
}

impl Counting {
    fn new(answer: impl Fn(&Job) -> Result<Done, Fault> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { runs: AtomicUsize::new(0), every: None, answer: Box::new(answer) })
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Handler for Counting {
    fn kind(&self) -> &'static str {
        "count"
    }

    fn every(&self) -> Option<Every> {
        self.every
    }

    fn most_failures(&self) -> i64 {
        3
    }

    async fn run(&self, job: &Job) -> Result<Done, Fault> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        // Others get their turn while this one works.
        tokio::task::yield_now().await;
        (self.answer)(job)
    }
}

struct Bench {
    store: Arc<OfficeStore>,
    clock: Arc<TestClock>,
}

impl Bench {
    fn on(fresh: &Fresh) -> Self {
        Self { store: Arc::new(OfficeStore(fresh.database.clone())), clock: Arc::new(TestClock::at(NOW)) }
    }

    fn worker(&self, handler: &Arc<Counting>) -> Arc<Worker> {
        Worker::new(self.store.clone(), vec![handler.clone()], self.clock.clone(), chance_from_seed(1))
    }

    async fn ask(&self, about: &str) -> bool {
        let mut tx = self.store.begin().await.expect("begun");
        let job = NewJob { kind: "count", about: about.into(), payload: "0".into(), due: self.clock.now() };
        let added = tx.add_job(&job, self.clock.now()).await.expect("added");
        tx.commit().await.expect("durable");
        added
    }
}

#[tokio::test]
async fn the_same_fact_asked_for_twice_is_done_once_and_only_when_it_is_committed() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        let handler = Counting::new(|_| Ok(Done::Wholly));
        let mut tx = bench.store.begin().await.expect("begun");
        let job = NewJob { kind: "count", about: "undone".into(), payload: String::new(), due: NOW };
        assert!(tx.add_job(&job, NOW).await.expect("added"));
        drop(tx);
        assert!(bench.ask("a").await);
        assert!(!bench.ask("a").await, "{}", fresh.engine);
        assert_eq!(bench.worker(&handler).work_off().await.expect("worked"), 1);
        assert!(!bench.ask("a").await, "what is done stays known");
        assert_eq!(bench.worker(&handler).work_off().await.expect("worked"), 0);
    }
}

#[tokio::test]
async fn many_workers_do_each_job_once() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        for n in 0..30 {
            bench.ask(&n.to_string()).await;
        }
        let handler = Counting::new(|_| Ok(Done::Wholly));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let worker = bench.worker(&handler);
                tokio::spawn(async move {
                    // The database may send a loser away; it comes again.
                    while worker.work_off().await.is_err() {}
                })
            })
            .collect();
        for worker in workers {
            worker.await.expect("no panic");
        }
        assert_eq!(handler.runs(), 30, "{}", fresh.engine);
    }
}

#[tokio::test]
async fn a_job_whose_worker_died_is_taken_by_another_and_the_first_can_say_nothing_more() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        bench.ask("a").await;
        let mut tx = bench.store.begin().await.expect("begun");
        let first = tx.due_job("count", NOW).await.expect("read").expect("due");
        assert!(tx.take_job(&first, NOW, NOW.plus(60)).await.expect("taken"));
        assert!(!tx.take_job(&first, NOW, NOW.plus(60)).await.expect("asked"), "it is taken");
        tx.commit().await.expect("durable");

        let handler = Counting::new(|_| Ok(Done::Wholly));
        let worker = bench.worker(&handler);
        bench.clock.advance(59);
        assert_eq!(worker.work_off().await.expect("worked"), 0, "{}", fresh.engine);
        bench.clock.advance(1);
        assert_eq!(worker.work_off().await.expect("worked"), 1);

        let mut tx = bench.store.begin().await.expect("begun");
        assert!(!tx.keep_job(&first, NOW.plus(120)).await.expect("asked"));
        assert!(!tx.end_job(&first, NOW).await.expect("asked"));
        assert!(!tx.fail_job(&first, "late", None, NOW).await.expect("asked"));
    }
}

#[tokio::test]
async fn a_worker_that_dies_again_and_again_uses_up_no_try_of_its_job() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        bench.ask("a").await;
        for _ in 0..100 {
            let now = bench.clock.now();
            let mut tx = bench.store.begin().await.expect("begun");
            let job = tx.due_job("count", now).await.expect("read").expect("due again");
            assert_eq!(job.failures, 0, "{}", fresh.engine);
            assert!(tx.take_job(&job, now, now.plus(60)).await.expect("taken"));
            tx.commit().await.expect("durable");
            // Nobody says what came of it.
            bench.clock.advance(60);
        }
        let handler = Counting::new(|_| Err(Fault::Later("away".into())));
        assert_eq!(bench.worker(&handler).work_off().await.expect("worked"), 1);
        let mut tx = bench.store.read().await.expect("begun");
        assert!(tx.dead_jobs(10).await.expect("read").is_empty());
        let soon = bench.clock.now().plus(15);
        let job = tx.due_job("count", soon).await.expect("read").expect("it waits as after a first failure");
        assert_eq!((job.failures, job.turn), (1, 102));
    }
}

#[tokio::test]
async fn failures_wait_longer_each_time_then_stop_and_staff_can_start_them_again() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        let handler = Counting::new(|_| Err(Fault::Later("the mail server is away".into())));
        let worker = bench.worker(&handler);
        bench.ask("a").await;
        let mut waits = Vec::new();
        for _ in 0..2 {
            assert_eq!(worker.work_off().await.expect("worked"), 1, "{}", fresh.engine);
            let mut waited = 0;
            while worker.work_off().await.expect("worked") == 0 && waited < 100 {
                bench.clock.advance(1);
                waited += 1;
                if bench
                    .store
                    .read()
                    .await
                    .expect("begun")
                    .due_job("count", bench.clock.now())
                    .await
                    .expect("read")
                    .is_some()
                {
                    break;
                }
            }
            waits.push(waited);
        }
        assert!((7..=15).contains(&waits[0]) && (15..=30).contains(&waits[1]), "{waits:?}");
        assert_eq!(worker.work_off().await.expect("worked"), 1);
        bench.clock.advance(10 * 86_400);
        assert_eq!(worker.work_off().await.expect("worked"), 0, "given up");
        let mut tx = bench.store.begin().await.expect("begun");
        let dead = tx.dead_jobs(10).await.expect("read");
        assert_eq!((dead.len(), dead[0].failures, dead[0].fault.as_str()), (1, 3, "the mail server is away"));
        assert!(tx.revive_job("count", "a", bench.clock.now()).await.expect("revived"));
        assert!(!tx.revive_job("count", "a", bench.clock.now()).await.expect("asked"), "it waits already");
        tx.commit().await.expect("durable");
        assert_eq!(worker.work_off().await.expect("worked"), 1);
    }
}

#[tokio::test]
async fn what_cannot_go_well_is_given_up_at_once_and_a_panic_is_a_failure() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        let handler = Counting::new(|job| match job.about.as_str() {
            "never" => Err(Fault::Never("no such order".into())),
            _ => panic!("as the test wants it"),
        });
        let worker = bench.worker(&handler);
        bench.ask("never").await;
        bench.ask("panic").await;
        assert_eq!(worker.work_off().await.expect("worked"), 2, "{}", fresh.engine);
        let mut tx = bench.store.read().await.expect("begun");
        let dead = tx.dead_jobs(10).await.expect("read");
        assert_eq!(dead.iter().map(|job| job.about.as_str()).collect::<Vec<_>>(), ["never"]);
        assert!(tx.due_job("count", NOW.plus(60)).await.expect("read").is_some_and(|job| job.failures == 1));
    }
}

#[tokio::test]
async fn long_work_goes_on_where_its_last_piece_ended() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        let handler = Counting::new(|job| {
            let done: i64 = job.payload.parse().expect("a number");
            Ok(if done == 4 { Done::Wholly } else { Done::Partly { next: NOW, payload: (done + 1).to_string() } })
        });
        bench.ask("import").await;
        assert_eq!(bench.worker(&handler).work_off().await.expect("worked"), 5, "{}", fresh.engine);
    }
}

#[tokio::test]
async fn what_comes_round_comes_once_for_all_workers_and_once_for_all_that_was_missed() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        let handler = Arc::new(Counting {
            runs: AtomicUsize::new(0),
            every: Some(Every::DayAt(3 * 3600)),
            answer: Box::new(|_| Ok(Done::Wholly)),
        });
        let (one, other) = (bench.worker(&handler), bench.worker(&handler));
        for worker in [&one, &other, &one] {
            worker.work_off().await.expect("worked");
        }
        assert_eq!(handler.runs(), 1, "{}: at once, for it never ran", fresh.engine);
        bench.clock.advance(5 * 86_400);
        for worker in [&one, &other, &one] {
            worker.work_off().await.expect("worked");
        }
        assert_eq!(handler.runs(), 2);
    }
}

#[tokio::test]
async fn what_is_done_is_forgotten_after_a_month() {
    for fresh in databases(&office_migrations()).await {
        let bench = Bench::on(&fresh);
        let handler =
            Counting::new(|job| if job.about == "bad" { Err(Fault::Never("bad".into())) } else { Ok(Done::Wholly) });
        for about in ["a", "b", "bad"] {
            bench.ask(about).await;
        }
        bench.worker(&handler).work_off().await.expect("worked");
        bench.clock.advance(31 * 86_400);
        let sweep = sweep::Sweep { store: bench.store.clone(), clock: bench.clock.clone() };
        let worker = Worker::new(bench.store.clone(), vec![Arc::new(sweep)], bench.clock.clone(), chance_from_seed(1));
        worker.work_off().await.expect("worked");
        assert!(bench.ask("a").await, "{}: forgotten", fresh.engine);
        assert!(!bench.ask("bad").await, "what was given up is not");
    }
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_ends_what_it_has_and_takes_nothing_new() {
    let fresh = ca_core::sql::testing::sqlite(&office_migrations()).await;
    let bench = Bench::on(&fresh);
    let stop = CancellationToken::new();
    let told = stop.clone();
    let handler = Counting::new(move |_| {
        told.cancel();
        Ok(Done::Wholly)
    });
    bench.ask("a").await;
    bench.ask("b").await;
    bench.worker(&handler).run(stop).await;
    assert_eq!(handler.runs(), 1);
    let left = bench.store.read().await.expect("begun").due_job("count", NOW).await.expect("read").expect("left");
    assert_eq!((left.about.as_str(), left.turn), ("b", 1), "the first one is done, the second untouched");
}
