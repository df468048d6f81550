//! What Prometheus may know of the verification service. Counters are registered once and then are single atomic adds.

use std::sync::atomic::{AtomicI64, Ordering};

use ca_core::domain::Timestamp;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::finding::Finding;
use super::stamp::Refusal;
use crate::metrics::number;

/// Those who ask without a key, among the callers.
const ANYONE: &str = "anyone";
/// The statuses with which questions are turned away, and 0 for all others.
const STATUSES: [u16; 10] = [400, 401, 404, 405, 408, 413, 415, 429, 503, 0];

/// The counters and gauges of one service.
pub(super) struct Meters {
    handle: PrometheusHandle,
    findings: [Counter; Finding::ALL.len()],
    granted: Counter,
    rejected: [Counter; Refusal::ALL.len()],
    turned_away: [Counter; STATUSES.len()],
    /// Each with what was taken of it, and what was more than agreed on.
    callers: Vec<(String, Counter, Counter)>,
    records: Counter,
    record_failures: Counter,
    knowledge_age: Gauge,
    /// Each with how long it holds, and whether the authority stands by it.
    certificates: Vec<(&'static str, Gauge, Gauge)>,
    /// The thisUpdate of the newest status that was believed.
    known: AtomicI64,
}

impl Meters {
    /// Everything at zero, for a service of these callers and own certificates.
    pub(super) fn new<'a>(
        callers: impl Iterator<Item = &'a str>,
        certificates: impl Iterator<Item = &'static str>,
    ) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            describe();
            let caller = |name: &str| {
                let questions = counter!("validation_questions_total", "caller" => name.to_owned());
                (name.to_owned(), questions, counter!("validation_limited_total", "caller" => name.to_owned()))
            };
            let certificate = |name: &'static str| {
                let good = gauge!("validation_certificate_good", "certificate" => name);
                good.set(-1.0);
                (name, gauge!("validation_certificate_seconds", "certificate" => name), good)
            };
            Self {
                handle: recorder.handle(),
                findings: Finding::ALL.map(|finding| {
                    let (finding, code) = (finding.word(), finding.code().to_string());
                    counter!("validation_verifications_total", "finding" => finding, "code" => code)
                }),
                granted: counter!("validation_stamps_total", "status" => "granted"),
                rejected: Refusal::ALL.map(|refusal| counter!("validation_stamps_total", "status" => refusal.name())),
                turned_away: STATUSES.map(|status| {
                    let status = if status == 0 { "other".to_owned() } else { status.to_string() };
                    counter!("validation_refusals_total", "status" => status)
                }),
                callers: callers.chain([ANYONE]).map(caller).collect(),
                records: counter!("validation_records_total"),
                record_failures: counter!("validation_record_failures_total"),
                knowledge_age: gauge!("validation_knowledge_age_seconds"),
                certificates: certificates.map(certificate).collect(),
                known: AtomicI64::new(i64::MIN),
            }
        })
    }

    /// The exposition text at this moment.
    pub(super) fn render(&self, now: Timestamp) -> String {
        let known = self.known.load(Ordering::Relaxed);
        let age = if known == i64::MIN { -1 } else { now.since(Timestamp::from_unix(known)).max(0) };
        self.knowledge_age.set(number(age));
        self.handle.render()
    }

    pub(super) fn verified(&self, finding: Finding) {
        for (counter, kind) in self.findings.iter().zip(Finding::ALL) {
            if kind == finding {
                counter.increment(1);
            }
        }
    }

    /// An answer to a request for a time stamp.
    pub(super) fn stamped(&self, outcome: Result<(), Refusal>) {
        let Err(refusal) = outcome else {
            self.granted.increment(1);
            return;
        };
        for (counter, kind) in self.rejected.iter().zip(Refusal::ALL) {
            if kind == refusal {
                counter.increment(1);
            }
        }
    }

    /// A question that got no answer but this HTTP status.
    pub(super) fn turned_away(&self, status: u16) {
        let at = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        self.turned_away[at].increment(1);
    }

    /// A caller, or nobody in particular, asks: within what was agreed on, or beyond it.
    pub(super) fn asked(&self, caller: Option<&str>, within: bool) {
        let caller = caller.unwrap_or(ANYONE);
        if let Some((_, taken, limited)) = self.callers.iter().find(|(name, ..)| name == caller) {
            let counter = if within { taken } else { limited };
            counter.increment(1);
        }
    }

    /// A record was signed, or could not be.
    pub(super) fn recorded(&self, well: bool) {
        let counter = if well { &self.records } else { &self.record_failures };
        counter.increment(1);
    }

    /// A status of this moment was believed.
    pub(super) fn heard(&self, as_of: Timestamp) {
        self.known.fetch_max(as_of.unix(), Ordering::Relaxed);
    }

    /// How many seconds an own certificate holds.
    pub(super) fn holds(&self, certificate: &str, seconds: i64) {
        for (_, left, _) in self.certificates.iter().filter(|(name, ..)| *name == certificate) {
            left.set(number(seconds));
        }
    }

    /// Whether the authority stands by an own certificate.
    pub(super) fn stands(&self, certificate: &str, good: bool) {
        for (_, _, stands) in self.certificates.iter().filter(|(name, ..)| *name == certificate) {
            stands.set(f64::from(u8::from(good)));
        }
    }
}

fn describe() {
    describe_counter!("validation_verifications_total", "Signatures verified, by what was found and its code");
    describe_counter!("validation_stamps_total", "Time stamps asked for, by what became of them");
    describe_counter!("validation_refusals_total", "Questions that got no answer, by HTTP status");
    describe_counter!("validation_questions_total", "Questions taken, by caller");
    describe_counter!("validation_limited_total", "Questions beyond what was agreed on, by caller");
    describe_counter!("validation_records_total", "Records signed");
    describe_counter!("validation_record_failures_total", "Verdicts not given, for their record could not be signed");
    describe_gauge!(
        "validation_knowledge_age_seconds",
        "Age of the newest status that was believed; -1 before the first"
    );
    describe_gauge!("validation_certificate_seconds", "Seconds left of each own certificate");
    describe_gauge!(
        "validation_certificate_good",
        "1 while the authority stands by an own certificate, -1 before it said so"
    );
}
