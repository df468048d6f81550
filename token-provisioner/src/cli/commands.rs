//! The short commands, and errors in the person's language.

use ca_core::clock::{Clock as _, SystemClock};
use fluent_bundle::FluentArgs;

use super::{ChangePin, CliError, Context, Init, secret};
use crate::agent;
use crate::driver::{INITIAL_PIN, InitTarget, Pin};
use crate::explain;
use crate::provision::inspect;
use crate::text::Language;

pub(super) fn list(context: &Context) -> Result<(), CliError> {
    let drivers = context.drivers()?;
    let t = context.language;
    let now = SystemClock.now();
    let views = inspect::tokens(&drivers);
    for token in drivers.tokens() {
        println!("{}  {}  {}  {}", token.serial, token.label, token.model, explain::tries(t, token.tries));
        if !token.ready {
            println!("    {}", t.say("cli-blank"));
        }
        let view = views.iter().find(|view| view.token.serial == token.serial);
        for on in view.map(|view| view.certificates.as_slice()).unwrap_or_default() {
            let facts = &on.facts;
            let mut args = FluentArgs::new();
            args.set("name", facts.name.as_str());
            args.set("use", t.say(facts.use_word()));
            args.set("serial", facts.serial.to_string());
            args.set("until", facts.validity.not_after.beijing_day().to_string());
            args.set("days", facts.days_left(now));
            println!("    {}", t.fill("cli-certificate", &args));
        }
    }
    if drivers.tokens().is_empty() {
        println!("{}", t.say("no-token"));
    }
    Ok(())
}

pub(super) fn init(context: &Context, init: &Init) -> Result<(), CliError> {
    let t = context.language;
    let label = init.label.parse().map_err(CliError::Said)?;
    let target = match &init.erase {
        Some(serial) => InitTarget::Erase(serial.parse().map_err(CliError::Said)?),
        None => InitTarget::Blank,
    };
    let drivers = context.drivers()?;
    let so_pin = secret::pin(init.so_pin_file.as_deref(), &t.say("cli-ask-so-pin"))?;
    if so_pin.is_empty() {
        return Err(CliError::Said(t.say("cli-so-pin-empty")));
    }
    let user_pin = match &init.pin_file {
        Some(file) => secret::pin(Some(file), "")?,
        None => Pin::typed(INITIAL_PIN),
    };
    let token = drivers.init(&target, &label, &so_pin, &user_pin)?;
    println!("{}", t.with("cli-initialised", "serial", token.serial.to_string()));
    Ok(())
}

pub(super) fn change_pin(context: &Context, change: &ChangePin) -> Result<(), CliError> {
    let t = context.language;
    let drivers = context.drivers()?;
    let token = context.token(&drivers, &change.token)?;
    let old = secret::pin(change.pin_file.as_deref(), &t.say("cli-ask-pin"))?;
    let new = secret::pin(change.new_pin_file.as_deref(), &t.say("cli-ask-new-pin"))?;
    let repeated = match &change.new_pin_file {
        Some(_) => new.clone(),
        None => secret::pin(None, &t.say("cli-ask-new-pin-again"))?,
    };
    let new = Pin::chosen(new, &repeated, &old).map_err(|rule| CliError::Said(explain::rule(t, rule)))?;
    drivers.change_pin(&token, &old, &new)?;
    println!("{}", t.say("pin-changed"));
    Ok(())
}

pub(super) fn agent(context: Context) -> Result<(), CliError> {
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| CliError::File { path: "<tokio runtime>".into(), error })?;
    runtime.block_on(async {
        let running = agent::start(context.config).await?;
        println!("{}", context.language.with("cli-agent-runs", "address", format!("http://{}/", running.address)));
        agent::until_told_to_stop().await;
        running.stop().await;
        Ok(())
    })
}

/// An error for a person: what happened and what to do; details stay in English behind it.
pub(super) fn explain(error: &CliError, t: Language) -> String {
    match error {
        CliError::Token(error) => explain::token(t, error),
        CliError::Provision(error) => explain::provision(t, error),
        CliError::Config(error) => t.with("cli-config-fault", "detail", error.to_string()),
        other => other.to_string(),
    }
}
