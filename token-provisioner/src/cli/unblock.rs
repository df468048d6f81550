//! `token unblock`: a locked PIN set anew with an office's unlock code.

use std::sync::Arc;

use ca_core::clock::SystemClock;
use fluent_bundle::FluentArgs;

use super::{CliError, Context, Unblock, secret};
use crate::driver::Pin;
use crate::explain;
use crate::provision::unblock::Unblocking;
use crate::ra_client::{Grant, RaClient};

pub(super) fn unblock(context: &Context, unblock: &Unblock) -> Result<(), CliError> {
    let t = context.language;
    let ra = RaClient::new(context.origin(&unblock.ra)?).map_err(|e| CliError::Provision(e.into()))?;
    let grant: Grant =
        secret::ask(&t.say("cli-ask-grant"))?.parse().map_err(|_| CliError::Said(t.say("cli-not-a-grant")))?;
    let new = secret::pin(unblock.new_pin_file.as_deref(), &t.say("cli-ask-new-pin"))?;
    let repeated = match &unblock.new_pin_file {
        Some(_) => new.clone(),
        None => secret::pin(None, &t.say("cli-ask-new-pin-again"))?,
    };
    // Before the grant is spent.
    let new = Pin::chosen_anew(new, &repeated).map_err(|rule| CliError::Said(explain::rule(t, rule)))?;
    let unblocking = Unblocking { drivers: context.drivers()?, clock: Arc::new(SystemClock), ra, grant };
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| CliError::File { path: "<tokio runtime>".into(), error })?;
    let told = runtime.block_on(async {
        let offer = unblocking.open().await?;
        let mut args = FluentArgs::new();
        args.set("holder", offer.holder.as_str());
        args.set("number", offer.number.as_str());
        println!("{}", t.fill("cli-unlock-offer", &args));
        unblocking.run(&offer, &new).await?;
        Ok::<_, CliError>(unblocking.tell(&offer, &new).await)
    })?;
    println!("{}", t.say(if told.is_ok() { "cli-unlocked" } else { "cli-untold" }));
    Ok(())
}
