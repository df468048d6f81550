//! The unlock window: whose token, a new PIN that its holder types, or a temporary one that is shown here once.

use std::sync::Arc;

use super::Agent;
use super::pages::{self, DonePage, NoticePage, TemporaryPinPage, UnlockPage};
use super::protocol::{Reply, Shown};
use super::provisioning::failure;
use super::statement::Words;
use super::window::{Session, Task, cancelled, internal};
use crate::driver::Pin;
use crate::explain;
use crate::provision::ProvisionError;
use crate::provision::unblock::UnlockOffer;
use crate::ra_client::RaError;
use crate::text::Language;

/// Asks the office what the grant allows, if that was not done, and shows the form.
pub(super) async fn look(agent: &Arc<Agent>, mut session: Session) -> Shown {
    let t = session.t;
    let Task::Unlock { unblocking, offer } = &mut session.task else { return internal(t) };
    if offer.is_none() {
        match unblocking.open().await {
            Ok(opened) => *offer = Some(Box::new(opened)),
            Err(error) => return stopped(agent, session, &error),
        }
    }
    form(agent, session, None).await
}

async fn form(agent: &Arc<Agent>, session: Session, error: Option<String>) -> Shown {
    let t = session.t;
    let Task::Unlock { unblocking, offer: Some(offer) } = &session.task else { return internal(t) };
    let missing = match unblocking.look(offer).await {
        Ok(()) => None,
        Err(ProvisionError::ForeignKey) => Some(t.say("unlock-other-certificate")),
        Err(error) => Some(explain::provision(t, &error)),
    };
    let page = UnlockPage {
        t,
        site: session.site.name(t).to_owned(),
        origin: session.site.origin.to_string(),
        words: words(t, offer),
        missing,
        error,
        act_token: agent.acts.put(agent.token(), session.clone()),
    };
    let mut shown = pages::shown(t, t.say("unlock-heading"), &page);
    shown.on_close = Some(cancelled(t));
    shown
}

fn words(t: Language, offer: &UnlockOffer) -> Words {
    Words {
        heading: t.say("unlock-heading"),
        meaning: t.say("unlock-meaning"),
        grave: false,
        rows: vec![
            (t.say("row-holder"), offer.holder.clone()),
            (t.say("row-token"), offer.token.to_string()),
            (t.say("row-unlock"), offer.number.clone()),
            (t.say("row-good-until"), offer.expires.beijing_text()),
        ],
        exact: String::new(),
    }
}

/// Unblocks with the PIN that the holder chose, and has the token tell the office that it is theirs.
pub(super) async fn with_chosen(agent: &Arc<Agent>, session: Session, new: Pin, again: &Pin) -> Shown {
    let t = session.t;
    let new = match Pin::chosen_anew(new, again) {
        Ok(new) => new,
        Err(rule) => return form(agent, session, Some(explain::rule(t, rule))).await,
    };
    let Task::Unlock { unblocking, offer: Some(offer) } = session.task.clone() else { return internal(t) };
    if let Err(error) = unblocking.run(&offer, &new).await {
        return stopped(agent, session, &error);
    }
    let told = unblocking.tell(&offer, &new).await;
    if let Err(error) = &told {
        tracing::warn!(number = offer.number, %error, "The office was not told of the new PIN");
    }
    let text = if told.is_ok() { "unlocked-text" } else { "unlocked-untold-text" };
    let page = DonePage {
        t,
        heading: t.say("unlocked-heading"),
        text: t.say(text),
        rows: vec![(t.say("row-holder"), offer.holder.clone()), (t.say("row-token"), offer.token.to_string())],
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    shown.reply = Some(done(&offer, false));
    shown
}

/// Unblocks with a temporary PIN, which opens the token but signs nothing of consequence.
pub(super) async fn with_temporary(agent: &Arc<Agent>, session: Session) -> Shown {
    let t = session.t;
    let Task::Unlock { unblocking, offer: Some(offer) } = session.task.clone() else { return internal(t) };
    let pin = agent.draw(|rng| Pin::temporary(rng));
    if let Err(error) = unblocking.run(&offer, &pin).await {
        return stopped(agent, session, &error);
    }
    let page = TemporaryPinPage { t, pin: pin.expose().to_owned() };
    let mut shown = pages::shown(t, t.say("temporary-heading"), &page);
    shown.reply = Some(done(&offer, true));
    shown
}

fn done(offer: &UnlockOffer, temporary: bool) -> Reply {
    Reply::Result(serde_json::json!({ "token": offer.token.as_str(), "temporary": temporary }))
}

/// It was not opened, or not unblocked; with a way on where there is one.
fn stopped(agent: &Arc<Agent>, session: Session, error: &ProvisionError) -> Shown {
    let t = session.t;
    tracing::warn!(%error, origin = %session.site.origin, "The unblocking stopped");
    let again = matches!(error, ProvisionError::Ra(RaError::Unreachable(_)));
    let page = NoticePage {
        t,
        heading: t.say("not-unlocked-heading"),
        text: t.with("not-unlocked-text", "why", explain::provision(t, error)),
        detail: session.site.origin.to_string(),
        bad: !again,
        again: again.then(|| agent.acts.put(agent.token(), session)),
    };
    let mut shown = pages::shown(t, page.heading.clone(), &page);
    let failure = failure(t, error);
    if again {
        shown.on_close = Some(failure);
    } else {
        shown.reply = Some(failure);
    }
    shown
}
