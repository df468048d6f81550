//! The token tool and the certificate assistant (证书助手) of Yinxin.
//!
//! For: everything that touches a USB token on a person's computer. Keys are born in the token and PINs are
//! typed here and nowhere else. Trusts the token's module and the person before the screen; does not trust
//! the pages that ask, nor the network. Never signs anything but the typed statements that it shows.

pub mod agent;
pub mod certificate;
pub mod cli;
pub mod config;
pub mod driver;
pub mod environment;
pub mod explain;
pub mod origin;
pub mod provision;
pub mod ra_client;
pub mod text;
