//! The whole system under test: real programs, real tokens, judges that nobody here wrote.

mod audit;
mod conformance;
mod evidence;
mod faults;
mod hierarchies;
mod hsm;
mod listeners;
mod lists;
mod local_network;
mod mail;
mod outages;
mod papers;
mod postgres;
mod renewals_killed;
mod secrets;
mod tongsuo;
