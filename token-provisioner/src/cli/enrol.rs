//! `token enrol`: request out, certificate in, or both through the registration authority.

use std::path::Path;
use std::sync::Arc;

use ca_core::clock::{Clock as _, SystemClock};
use fluent_bundle::FluentArgs;

use super::{CliError, Context, Enrol, secret};
use crate::certificate::{Facts, Holder};
use crate::driver::Drivers;
use crate::provision::online::{Operator, Progress, Provisioning, Target};
use crate::provision::{inspect, offline};
use crate::ra_client::{RaClient, Ticket};

/// The longest certificate file that we read.
const MAX_FILE_BYTES: u64 = 64 * 1024;

pub(super) fn enrol(context: &Context, enrol: &Enrol) -> Result<(), CliError> {
    let drivers = context.drivers()?;
    match (&enrol.request_out, &enrol.common_name, &enrol.install, &enrol.ra) {
        (Some(out), Some(common_name), None, None) => request(context, &drivers, enrol, out, common_name),
        (None, _, Some(file), None) => install(context, &drivers, enrol, file),
        (None, _, None, Some(ra)) => online(context, drivers, enrol, ra),
        _ => Err(CliError::Said(context.language.say("cli-enrol-how"))),
    }
}

fn request(context: &Context, drivers: &Drivers, enrol: &Enrol, out: &Path, common_name: &str) -> Result<(), CliError> {
    let t = context.language;
    let token = context.token(drivers, &enrol.token)?;
    let pin = secret::pin(enrol.pin_file.as_deref(), &t.say("cli-ask-pin"))?;
    let csr = offline::request(drivers, &token, &pin, common_name, enrol.key)?;
    std::fs::write(out, pem("CERTIFICATE REQUEST", &csr))
        .map_err(|error| CliError::File { path: out.to_owned(), error })?;
    println!("{}", t.with("cli-request-written", "file", out.display().to_string()));
    Ok(())
}

fn install(context: &Context, drivers: &Drivers, enrol: &Enrol, file: &Path) -> Result<(), CliError> {
    let t = context.language;
    let failed = |error| CliError::File { path: file.to_owned(), error };
    if std::fs::metadata(file).map_err(failed)?.len() > MAX_FILE_BYTES {
        return Err(failed(std::io::Error::other("too long for a certificate")));
    }
    let facts = Facts::read_file(&std::fs::read(file).map_err(failed)?).map_err(|e| CliError::Provision(e.into()))?;
    let token = context.token(drivers, &enrol.token)?;
    let pin = secret::pin(enrol.pin_file.as_deref(), &t.say("cli-ask-pin"))?;
    offline::install(drivers, &token, &pin, &facts)?;
    let mut args = FluentArgs::new();
    args.set("name", facts.name.as_str());
    args.set("until", facts.validity.not_after.beijing_day().to_string());
    println!("{}", t.fill("cli-installed", &args));
    Ok(())
}

fn online(context: &Context, drivers: Drivers, enrol: &Enrol, ra: &str) -> Result<(), CliError> {
    let t = context.language;
    let ra = RaClient::new(context.origin(ra)?).map_err(|e| CliError::Provision(e.into()))?;
    let ticket: Ticket =
        secret::ask(&t.say("cli-ask-ticket"))?.parse().map_err(|_| CliError::Said(t.say("cli-not-a-ticket")))?;
    let target = Target {
        token: context.token(&drivers, &enrol.token)?,
        pin: secret::pin(enrol.pin_file.as_deref(), &t.say("cli-ask-pin"))?,
    };
    let named = enrol.operator_token.as_deref().unwrap_or_default();
    let operator_token = context.token(&drivers, named)?;
    let theirs = inspect::fitting(&drivers, Some(Holder::Staff), SystemClock.now())
        .into_iter()
        .find(|on| on.token.serial == operator_token)
        .ok_or_else(|| CliError::Said(t.with("cli-no-operator", "label", named)))?;
    let operator = Operator {
        token: operator_token,
        key: theirs.key,
        certificate: theirs.facts.der,
        pin: secret::pin(enrol.operator_pin_file.as_deref(), &t.say("cli-ask-operator-pin"))?,
    };
    let progress: Progress = Arc::new(move |step| println!("  {}", t.say(&format!("step-{}", step.word()))));
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| CliError::File { path: "<tokio runtime>".into(), error })?;
    let delivered = runtime.block_on(async {
        let provisioning = Provisioning { drivers, clock: Arc::new(SystemClock), ra, ticket };
        let offer = provisioning.open().await?;
        println!("{}", t.with("cli-offer", "name", offer.unit_name.as_str()));
        provisioning.run(&offer, &target, &operator, &progress).await
    })?;
    println!("{}", t.with("cli-delivered", "serial", delivered.serial.to_string()));
    Ok(())
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
