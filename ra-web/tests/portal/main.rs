//! The fund portal from outside: who is let in, who is refused and told why, and what is kept of it.

mod again;
mod api;
mod business;
mod client;
mod handshake;
mod house;
mod impossible;
mod machine;
mod machines;
mod money;
mod my;
mod pki;
mod programs;
mod progress;
mod refusals;
mod responder;
mod sessions;
mod stamps;

#[path = "../../../tests/stripe/src/face.rs"]
#[expect(unreachable_pub, reason = "a library elsewhere")]
mod sandbox;
