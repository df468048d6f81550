//! What Prometheus may know. Counters are registered once and then are single atomic adds.
//!
//! Each responder has a recorder of its own, so that several in one process (tests) do not add up.

use ca_core::domain::IssuerId;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::responder::Tally;
use crate::wire::Failure;

/// The counters and gauges of one responder.
pub(crate) struct Meters {
    handle: PrometheusHandle,
    statuses: [Counter; 3],
    failures: [Counter; Failure::ALL.len()],
    cache_hits: Counter,
    signatures: Counter,
    connections: Counter,
    broken: Counter,
    feed_age: Gauge,
    feed_rounds: Counter,
    feed_faults: Counter,
    feed_wakes: Counter,
    feed_listens: Gauge,
    cached: Gauge,
    queued: Gauge,
    issuers: Vec<(IssuerId, Gauge, Gauge)>,
}

impl Meters {
    /// Everything at zero, for a responder of these issuers.
    pub(crate) fn new(issuers: &[IssuerId]) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            describe();
            Self {
                handle: recorder.handle(),
                statuses: ["good", "revoked", "unknown"].map(|s| counter!("ocsp_statuses_total", "status" => s)),
                failures: Failure::ALL.map(|f| counter!("ocsp_failures_total", "failure" => f.name())),
                cache_hits: counter!("ocsp_cache_hits_total"),
                signatures: counter!("ocsp_signatures_total"),
                connections: counter!("ocsp_connections_total"),
                broken: counter!("ocsp_connections_broken_total"),
                feed_age: gauge!("ocsp_feed_age_seconds"),
                feed_rounds: counter!("ocsp_feed_rounds_total"),
                feed_faults: counter!("ocsp_feed_faults_total"),
                feed_wakes: counter!("ocsp_feed_wakes_total"),
                feed_listens: gauge!("ocsp_feed_listens"),
                cached: gauge!("ocsp_cached_answers"),
                queued: gauge!("ocsp_signing_queue"),
                issuers: issuers
                    .iter()
                    .map(|id| {
                        let certificates = gauge!("ocsp_certificates", "issuer" => id.to_string());
                        (id.clone(), certificates, gauge!("ocsp_delegation_seconds", "issuer" => id.to_string()))
                    })
                    .collect(),
            }
        })
    }

    /// The exposition text.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    pub(crate) fn answered(&self, tally: Tally) {
        for (counter, count) in self.statuses.iter().zip([tally.good, tally.revoked, tally.unknown]) {
            if count > 0 {
                counter.increment(u64::from(count));
            }
        }
    }

    pub(crate) fn failed(&self, failure: Failure) {
        for (counter, kind) in self.failures.iter().zip(Failure::ALL) {
            if kind == failure {
                counter.increment(1);
            }
        }
    }

    pub(crate) fn cache_hit(&self) {
        self.cache_hits.increment(1);
    }

    pub(crate) fn signed(&self) {
        self.signatures.increment(1);
    }

    pub(crate) fn connected(&self) {
        self.connections.increment(1);
    }

    pub(crate) fn broke(&self) {
        self.broken.increment(1);
    }

    pub(crate) fn feed_round(&self, went_well: bool) {
        self.feed_rounds.increment(1);
        if !went_well {
            self.feed_faults.increment(1);
        }
    }

    /// The authority told that there is something new.
    pub(crate) fn woken(&self) {
        self.feed_wakes.increment(1);
    }

    pub(crate) fn listening(&self, listens: bool) {
        self.feed_listens.set(f64::from(u8::from(listens)));
    }

    pub(crate) fn feed_age(&self, seconds: Option<i64>) {
        self.feed_age.set(number(seconds.unwrap_or(-1)));
    }

    pub(crate) fn cached_answers(&self, count: usize) {
        self.cached.set(number(count));
    }

    pub(crate) fn queued(&self, count: usize) {
        self.queued.set(number(count));
    }

    pub(crate) fn issuer(&self, id: &IssuerId, certificates: usize, delegation_seconds: i64) {
        for (_, known, left) in self.issuers.iter().filter(|(issuer, ..)| issuer == id) {
            known.set(number(certificates));
            left.set(number(delegation_seconds));
        }
    }
}

/// Exact up to 2^31, which no gauge here exceeds.
pub(crate) fn number<T: TryInto<i32>>(value: T) -> f64 {
    value.try_into().map_or(f64::from(i32::MAX), f64::from)
}

fn describe() {
    describe_counter!("ocsp_statuses_total", "Statuses told, by what they say");
    describe_counter!("ocsp_failures_total", "Unsigned answers, by kind");
    describe_counter!("ocsp_cache_hits_total", "Answers that were ready");
    describe_counter!("ocsp_signatures_total", "Answers signed");
    describe_counter!("ocsp_connections_total", "Connections accepted");
    describe_counter!("ocsp_connections_broken_total", "Connections that broke or ran out of time");
    describe_gauge!("ocsp_feed_age_seconds", "Age of the feed's last heartbeat; -1 before the first");
    describe_counter!("ocsp_feed_rounds_total", "Rounds of the feed");
    describe_counter!("ocsp_feed_faults_total", "Rounds of the feed that failed");
    describe_counter!("ocsp_feed_wakes_total", "Rounds of the feed that the authority asked for");
    describe_gauge!("ocsp_feed_listens", "1 while the authority can wake the feed, 0 where it looks by itself");
    describe_gauge!("ocsp_cached_answers", "Ready answers");
    describe_gauge!("ocsp_signing_queue", "Questions that wait for a signature");
    describe_gauge!("ocsp_certificates", "Certificates whose status is known, by issuer");
    describe_gauge!("ocsp_delegation_seconds", "Seconds left of the responder certificate, by issuer");
}
