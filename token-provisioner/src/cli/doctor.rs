//! `token doctor`: what works on this computer and what does not.

use std::process::ExitCode;

use ca_core::clock::{Clock as _, SystemClock};

use super::Context;
use crate::environment::{self, Verdict};

pub(super) fn doctor(context: &Context) -> ExitCode {
    let t = context.language;
    let (drivers, failed) = context.config.load_drivers();
    let mut findings: Vec<environment::Finding> =
        failed.iter().map(|error| environment::Finding::module_fails(t, error)).collect();
    findings.extend(environment::check(t, &drivers, &context.config.sites, SystemClock.now()));
    findings.push(environment::agent(t, context.config.listen));
    for finding in &findings {
        let mark = match finding.verdict {
            Verdict::Good => t.say("doctor-good"),
            Verdict::Attention => t.say("doctor-attention"),
            Verdict::Bad => t.say("doctor-bad"),
        };
        println!("[{mark}] {}: {}", finding.what, finding.text);
    }
    if findings.iter().any(|finding| finding.verdict == Verdict::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
