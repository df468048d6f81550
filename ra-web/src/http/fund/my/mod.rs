//! The portal's pages for a person: their own accounts, withdrawals and loans, and nobody else's.

mod login;
mod pages;
mod session;
mod withdraw;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::Portal;
use crate::fund::books::Person;
use crate::fund::face::MAX_PICTURE;
use crate::page::{Page, Person as Signed, RailItem, View};

/// A picture, with what the form adds.
const MAX_FACE_BYTES: usize = MAX_PICTURE + 16 * 1024;

/// Every route of a person.
pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/my/login", get(login::get_login).post(login::post_login))
        .route("/my/login/challenge", post(super::login::post_challenge))
        .route("/my/logout", post(login::post_logout))
        .route("/my", get(pages::get_home))
        .route("/my/ledger", get(pages::get_ledger))
        .route("/my/loans", get(pages::get_loans))
        .route("/my/withdrawals", get(withdraw::get_all))
        .route("/my/withdraw", get(withdraw::get_form).post(withdraw::post_form))
        .route("/my/withdrawals/{serial}", get(withdraw::get_one))
        .route("/my/withdrawals/{serial}/face", post(withdraw::post_face).layer(DefaultBodyLimit::max(MAX_FACE_BYTES)))
        .route("/my/withdrawals/{serial}/sign", post(withdraw::post_sign))
        .route("/my/withdrawals/{serial}/cancel", post(withdraw::post_cancel))
        .route("/my/withdrawals/{serial}/evidence", get(withdraw::get_evidence))
}

/// The frame of a page of a person who is logged in.
fn page_of(view: &View, person: &Person, title: &str, current: &str) -> Page {
    let item = |href: &'static str, label: &str, icon: &'static str| RailItem {
        href,
        label: view.t(label),
        icon,
        count: None,
        current: href == current,
    };
    Page {
        person: Some(Signed { name: person.name.clone(), duty: person.id_masked.clone(), sign_out: "/my/logout" }),
        rail: vec![
            item("/my", "my-rail-home", "wallet"),
            item("/my/ledger", "my-rail-ledger", "scale"),
            item("/my/withdrawals", "my-rail-withdrawals", "download"),
            item("/my/loans", "my-rail-loans", "house"),
        ],
        ..view.page(view.t(title))
    }
}
