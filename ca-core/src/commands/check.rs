//! `ca check`: whether everything that was ever done adds up.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use ca_core::app;
use ca_core::clock::{Clock as _, SystemClock};
use ca_core::config::Config;

/// Tells all findings and faults; a failure if there is a fault.
pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let store = app::open_store(config).await?;
    let profiles = Arc::new(app::profiles(config)?);
    let terminal = std::io::stderr().is_terminal();
    let mut progress = |so_far: &app::Report| {
        if terminal && so_far.certificates.is_multiple_of(51_200) {
            eprint!("\r已核对 checked {}", so_far.certificates);
        }
    };
    let report = app::check(&store, config, SystemClock.now(), profiles, &mut progress).await?;
    if terminal {
        eprint!("\r");
    }
    println!(
        "证书 certificates {}, 未完成 open {}, 已放弃 given up {}, 吊销列表 lists {}, 审计事件 audit events {}",
        report.certificates, report.open, report.given_up, report.lists, report.events
    );
    for finding in &report.findings {
        println!("与现行规则不符 differs from today's rules: {finding}");
    }
    for fault in &report.faults {
        println!("问题 fault: {fault}");
    }
    if report.unlisted > 0 {
        println!("另有 and more, not listed: {}", report.unlisted);
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
