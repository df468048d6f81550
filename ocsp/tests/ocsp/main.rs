//! The responder and its client, from outside, on both engines, judged by OpenSSL and GnuTLS.
#![expect(clippy::unwrap_used, reason = "tests")]

mod client;
mod commands;
mod desk;
mod hierarchy;
mod house;
mod judges;
mod proxy;
mod real;
mod replicas;
mod rude;
mod service;
mod stamps;
mod table;
mod verifying;
mod wakes;
mod watched;
mod wire;
