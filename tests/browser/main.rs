//! The office, the portal and the public site as people meet them: in Chromium, over the real programs.
//!
//! One program for all journeys, so that the world is linked once and they run side by side; each has a house, tokens and
//! a browser of its own, on ports that this process gives out once.

mod batches;
mod evidence;
mod fund;
mod interrupted;
mod money;
mod pages;
mod people;
mod portal;
mod renewal;
mod reports;
mod slice;
mod tokens;
mod ways;
mod withdrawal;

#[path = "../../ra-web/tests/portal/house.rs"]
#[expect(dead_code, reason = "shared with the portal's own tests")]
mod house;
#[path = "../../ra-web/tests/portal/pki.rs"]
#[expect(dead_code, reason = "shared with the portal's own tests")]
mod pki;
#[path = "../../ra-web/tests/portal/responder.rs"]
#[expect(dead_code, reason = "shared with the portal's own tests")]
mod responder;
#[path = "../stripe/src/face.rs"]
#[expect(unreachable_pub, reason = "a library elsewhere")]
mod sandbox;
