//! The fund portal from outside: who is let in, who is refused and told why, and what is kept of it.

mod api;
mod business;
mod client;
mod handshake;
mod house;
mod my;
mod money;
mod machine;
mod machines;
mod pki;
mod refusals;
mod responder;
mod sessions;

#[path = "../../../tests/stripe/src/face.rs"]
#[expect(unreachable_pub, reason = "a library elsewhere")]
mod sandbox;
