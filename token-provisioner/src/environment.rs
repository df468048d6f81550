//! The environment check: modules, tokens, certificates, sites. Used by `token doctor` and the agent's page.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use ca_core::domain::Timestamp;

use crate::config::Site;
use crate::driver::{Drivers, TokenError, Tries};
use crate::explain;
use crate::provision::inspect;
use crate::text::Language;

/// Certificates with fewer days left want attention; a renewal may begin 90 days before (`domain.md` §3.5).
pub const RENEWAL_DAYS: i64 = 90;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Works.
    Good,
    /// Works, but somebody should do something soon.
    Attention,
    /// Does not work.
    Bad,
}

/// One line of the check, in a language.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen, and what to do.
    pub text: String,
}

impl Finding {
    /// A driver that cannot be loaded.
    #[must_use]
    pub fn module_fails(t: Language, error: &TokenError) -> Self {
        Self { what: t.say("check-driver"), verdict: Verdict::Bad, text: explain::token(t, error) }
    }
}

/// Looks at drivers, tokens, certificates and sites. Blocks, for some seconds where a site does not answer.
#[must_use]
pub fn check(t: Language, drivers: &Drivers, sites: &[Site], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for driver in drivers.each() {
        findings.push(match driver.tokens() {
            Ok(tokens) => Finding {
                what: driver.name(),
                verdict: Verdict::Good,
                text: t.with("check-tokens", "n", tokens.iter().filter(|token| token.ready).count()),
            },
            Err(error) => Finding { what: driver.name(), verdict: Verdict::Bad, text: explain::token(t, &error) },
        });
    }
    let views = inspect::tokens(drivers);
    if views.is_empty() {
        findings.push(Finding { what: t.say("check-token"), verdict: Verdict::Attention, text: t.say("no-token") });
    }
    for view in &views {
        let verdict = match view.token.tries {
            Tries::Locked => Verdict::Bad,
            Tries::Final | Tries::Low => Verdict::Attention,
            Tries::Left(_) | Tries::Unknown => Verdict::Good,
        };
        let what = format!("{} {}", view.token.label, view.token.serial);
        findings.push(Finding {
            what,
            verdict,
            text: t.with("pin-tries", "tries", explain::tries(t, view.token.tries)),
        });
        for on in &view.certificates {
            let days = on.facts.days_left(now);
            let (verdict, text) = if days < 0 {
                (Verdict::Bad, t.say("certificate-expired"))
            } else if on.facts.validity.not_before > now {
                (Verdict::Bad, t.say("check-clock"))
            } else if days < RENEWAL_DAYS {
                (Verdict::Attention, t.with("days-left", "n", days))
            } else {
                (Verdict::Good, t.with("days-left", "n", days))
            };
            findings.push(Finding { what: on.facts.name.clone(), verdict, text });
        }
    }
    findings.extend(sites.iter().map(|site| reach(t, site)));
    findings
}

/// Whether the agent answers at its address.
#[must_use]
pub fn agent(t: Language, address: SocketAddr) -> Finding {
    let what = t.say("agent-name");
    match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
        Ok(_) => Finding { what, verdict: Verdict::Good, text: t.say("check-agent-runs") },
        Err(_) => Finding { what, verdict: Verdict::Attention, text: t.say("check-agent-absent") },
    }
}

fn reach(t: Language, site: &Site) -> Finding {
    let addresses = site.origin.host_and_port().and_then(|address| address.to_socket_addrs().ok());
    let reached = addresses
        .is_some_and(|mut addresses| addresses.any(|at| TcpStream::connect_timeout(&at, CONNECT_TIMEOUT).is_ok()));
    let (verdict, text) = if reached {
        (Verdict::Good, t.say("check-site-reached"))
    } else {
        (Verdict::Bad, t.say("check-site-not-reached"))
    };
    Finding { what: format!("{} {}", site.name(t), site.origin), verdict, text }
}
