//! The whole system under test: real programs, real tokens, judges that nobody here wrote.

mod conformance;
mod faults;
mod listeners;
mod lists;
mod local_network;
mod postgres;
mod tongsuo;
