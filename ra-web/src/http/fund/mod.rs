//! The fund portal's pages.

mod api;
mod business;
mod check;
mod handshake;
mod lists;
mod login;
mod my;
mod operations;
mod plans;
mod queries;
mod query;
mod session;
mod unit;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use ca_core::clock::Clock;

use crate::Chance;
use crate::fund::account::Unit;
use crate::fund::bank::TrusteeAccount;
use crate::fund::citizens::CitizenRegistry;
use crate::fund::hall::Hall;
use crate::fund::voucher::Seal;
use crate::fund::withdrawal::counter::Counter;
use crate::fund::{FundStore, Members};
use crate::http::frame::limited;
use crate::http::presence::Presences;
use crate::i18n::Locale;
use crate::login::Door;
use crate::page::{Page, Person, RailItem, View};
use crate::paper::Press;

pub use handshake::handshakes;

/// A list that is sent in, with what the form adds.
const MAX_LIST_BYTES: usize = crate::batches::table::MAX_FILE_BYTES + 16 * 1024;

/// What the portal's handlers work with.
#[derive(Clone)]
pub struct Portal {
    /// The way in.
    pub door: Arc<Door>,
    /// Whose certificate it is.
    pub members: Arc<Members>,
    /// Where business is done.
    pub hall: Arc<Hall>,
    /// Where persons withdraw; none where there is no face check or no bank.
    pub counter: Option<Arc<Counter>>,
    /// Whose certificate it is, of persons.
    pub citizens: Arc<CitizenRegistry>,
    /// Prints vouchers.
    pub press: Press,
    /// Seals them.
    pub seal: Option<Arc<Seal>>,
    /// Where units pay.
    pub banks: Arc<[TrusteeAccount]>,
    /// The portal's own origin, for vouchers.
    pub origin: Arc<str>,
    /// The accounts.
    pub store: Arc<dyn FundStore>,
    /// The tokens of those who are logged in.
    pub presences: Presences,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws the secrets of browsers.
    pub chance: Chance,
    /// Proxies whose word on addresses is believed.
    pub proxies: Arc<[IpAddr]>,
    /// Where certificates are renewed.
    pub renewal_origin: Arc<str>,
    /// Where one logs in by the TLS handshake, if it can be.
    pub handshake: Option<Arc<str>>,
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

/// The routes of programs, which have no browser's session.
pub fn machines(portal: Portal) -> Router {
    api::router(&portal).with_state(portal)
}

/// Every route of the portal's pages.
pub fn router(portal: Portal) -> Router {
    Router::new()
        .route("/", get(unit::get_home))
        .route("/login", get(login::get_login).post(login::post_login))
        .route("/login/challenge", post(login::post_challenge))
        .route("/logout", post(login::post_logout))
        .route("/unit", get(unit::get_unit))
        .route("/certificate", get(unit::get_certificate))
        .route("/ledger", get(queries::get_ledger))
        .route("/contributions", get(queries::get_contributions))
        .route("/interest", get(queries::get_interest))
        .route("/people", get(queries::get_people))
        .route("/people/find", post(queries::post_find))
        .route("/changes", get(queries::get_changes))
        .route("/person", get(queries::get_person))
        .route("/business", get(business::get_business))
        .route("/business/{act}", get(business::get_form).post(business::post_form))
        .route("/business/{act}/list", post(lists::post_list).layer(DefaultBodyLimit::max(MAX_LIST_BYTES)))
        .route("/business/{act}/template.xlsx", get(lists::get_template))
        .route("/vouchers", get(operations::get_vouchers))
        .route("/operations/{serial}", get(operations::get_operation))
        .route("/operations/{serial}/progress", get(operations::get_progress))
        .route("/operations/{serial}/sign", post(operations::post_sign))
        .route("/operations/{serial}/cancel", post(operations::post_cancel))
        .route("/operations/{serial}/list.xlsx", get(operations::get_list))
        .route("/operations/{serial}/voucher", post(operations::post_voucher))
        .route("/operations/{serial}/evidence", get(operations::get_evidence))
        .merge(my::router())
        .merge(limited(check::router(), &portal.proxies, check::BURST, check::PERIOD))
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
            item("/ledger", "fund-rail-ledger", "scale"),
            item("/contributions", "fund-rail-contributions", "list-checks"),
            item("/interest", "fund-rail-interest", "sun"),
            item("/people", "fund-rail-people", "users"),
            item("/changes", "fund-rail-changes", "history"),
            item("/person", "fund-rail-person", "id-card"),
            item("/business", "fund-rail-business", "pen-line"),
            item("/vouchers", "fund-rail-vouchers", "printer"),
            item("/certificate", "portal-rail-certificate", "shield-check"),
        ],
        ..view.page(view.t(title))
    }
}
