//! Tests of the crate from outside, in one program.
#![expect(clippy::unwrap_used, reason = "tests")]

mod agent;
mod command_line;
mod common;
mod drivers;
mod presence;
mod provisioning;
mod unlocking;
