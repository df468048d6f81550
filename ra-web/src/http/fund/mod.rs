//! The fund portal's pages.

mod login;
mod session;
mod unit;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use ca_core::clock::Clock;

use crate::Chance;
use crate::fund::account::Unit;
use crate::fund::{FundStore, Members};
use crate::http::presence::Presences;
use crate::i18n::Locale;
use crate::login::Door;
use crate::page::{Page, Person, RailItem, View};

/// What the portal's handlers work with.
#[derive(Clone)]
pub struct Portal {
    /// The way in.
    pub door: Arc<Door>,
    /// Whose certificate it is.
    pub members: Arc<Members>,
    /// The accounts.
    pub store: Arc<dyn FundStore>,
    /// The tokens of those who are logged in.
    pub presences: Presences,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws the secrets of browsers.
    pub chance: Chance,
    /// Where certificates are renewed.
    pub renewal_origin: Arc<str>,
    /// The fund's name in Chinese.
    pub name_zh: Arc<str>,
    /// The fund's name in English.
    pub name_en: Arc<str>,
}

impl Portal {
    fn name(&self, locale: Locale) -> &str {
        match locale {
            Locale::ZhCn => &self.name_zh,
            Locale::En => &self.name_en,
        }
    }
}

/// Every route of the portal.
pub fn router(portal: Portal) -> Router {
    Router::new()
        .route("/", get(unit::get_home))
        .route("/login", get(login::get_login).post(login::post_login))
        .route("/login/challenge", post(login::post_challenge))
        .route("/logout", post(login::post_logout))
        .route("/unit", get(unit::get_unit))
        .route("/certificate", get(unit::get_certificate))
        .with_state(portal)
}

/// The frame of a page of a unit that is logged in.
fn page_of(view: &View, unit: &Unit, title: &str, current: &str) -> Page {
    let item = |href: &'static str, label: &str, icon: &'static str| RailItem {
        href,
        label: view.t(label),
        icon,
        count: None,
        current: href == current,
    };
    Page {
        person: Some(Person { name: unit.name.clone(), duty: unit.account.to_string(), sign_out: "/logout" }),
        rail: vec![
            item("/unit", "portal-rail-unit", "building-2"),
            item("/certificate", "portal-rail-certificate", "shield-check"),
        ],
        ..view.page(view.t(title))
    }
}
