//! What a unit does by itself about its certificate, beside renewing it: reports its token lost at any hour, ends its own
//! certificate, asks how far its order is.
//!
//! Trusts, without a token, whoever knows the unit's code and the registered handler's mobile number to be from the unit: to
//! freeze, which two officers can undo, and to hear a state; never to change anything else. Each such question is
//! counted, so that numbers cannot be tried out. With a token it trusts that token's signature alone.

pub mod asked;
mod ending;
pub mod loss;
pub mod progress;

pub use ending::{Ending, REASONS};
