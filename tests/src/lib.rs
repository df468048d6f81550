//! What the tests of the whole system share: programs under watch, Chromium, tokens.
//!
//! Everything here has a hard time-out: a browser or a server that hangs fails its test, never the machine.

pub mod agent;
pub mod browser;
pub mod ceremony;
pub mod counter;
pub mod hall;
pub mod house;
pub mod interruptions;
pub mod judges;
pub mod nginx;
pub mod office;
pub mod people;
pub mod programs;
pub mod renewing;
pub mod rude;
pub mod secrets;
pub mod sm2;
pub mod softhsm;
pub mod visitor;
