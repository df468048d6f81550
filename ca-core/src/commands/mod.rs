//! The commands that have something to say of their own, one to a file.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod doctor;
pub(crate) mod intents;
pub(crate) mod kmc;
pub(crate) mod lists;
pub(crate) mod profile;

use ca_core::domain::{IssuerId, OrderId, ProfileName};

pub(crate) fn issuer_id(text: &str) -> Result<IssuerId, String> {
    IssuerId::try_from(text.to_owned())
}

fn order_id(text: &str) -> Result<OrderId, String> {
    text.parse().map_err(|_| format!("{text} is no order"))
}

fn profile_name(text: &str) -> Result<ProfileName, String> {
    ProfileName::try_from(text.to_owned())
}
