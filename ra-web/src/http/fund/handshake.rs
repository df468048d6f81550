//! Login by the TLS handshake: a listener of its own, which a proxy alone reaches. The proxy asks the browser for its certificate
//! and says which it was; the portal asks everything else itself. Headers of that kind mean nothing on the portal's own listener.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower_sessions::Session;

use super::{Portal, session};
use crate::http::error::{Failure, Kind};
use crate::http::login::refused_page;
use crate::http::presence;
use crate::login::{Handshake, LoginError, ProxySecret};
use crate::page::View;

/// The proxy's secret.
const SECRET: &str = "x-proxy-secret";
/// The certificate that the browser used.
const CERTIFICATE: &str = "x-client-certificate";

/// What the listener's handlers work with.
#[derive(Clone)]
struct Front {
    portal: Portal,
    secret: Arc<ProxySecret>,
    proxies: Arc<[IpAddr]>,
}

/// The routes of that listener.
pub fn handshakes(portal: Portal, secret: ProxySecret, proxies: Vec<IpAddr>) -> Router {
    let front = Front { portal, secret: Arc::new(secret), proxies: proxies.into() };
    Router::new()
        .route("/login/certificate", get(get_certificate))
        // A page that refuses leads back to the portal.
        .route("/login", get(get_portal))
        .route("/", get(get_portal))
        .with_state(front)
}

async fn get_portal(State(front): State<Front>) -> Redirect {
    Redirect::to(&format!("{}/login", front.portal.origin))
}

/// `GET /login/certificate`.
async fn get_certificate(
    State(front): State<Front>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    session: Session,
    view: View,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let header = |name: &str| headers.get(name).map(|value| value.as_bytes()).unwrap_or_default();
    if !front.proxies.contains(&peer.ip()) || headers.get_all(CERTIFICATE).iter().count() > 1 {
        return Err(Kind::NotFound.into());
    }
    // Nobody is logged in by another site's link.
    if header("sec-fetch-site") == b"cross-site" {
        return Err(Kind::CrossSite.into());
    }
    let escaped = std::str::from_utf8(header(CERTIFICATE)).map_err(|_| Kind::Malformed)?;
    let told = Handshake::told(&front.secret, header(SECRET), escaped).ok_or(Kind::NotFound)?;
    let portal = &front.portal;
    let admitted = match told {
        Ok(handshake) => portal.door.admit_by_handshake(&handshake, portal.members.as_ref()).await,
        Err(refusal) => Err(refusal.into()),
    };
    match admitted {
        Ok(admission) => {
            let back = presence::back(&session).await?;
            session::open(&session, &admission, None).await?;
            Ok(Redirect::to(&format!("{}{}", portal.origin, back.as_deref().unwrap_or("/unit"))).into_response())
        }
        Err(LoginError::Refused(refusal)) => refused_page(&view, &refusal, Some(&portal.renewal_origin)),
        Err(LoginError::Storage(error)) => Err(error.into()),
    }
}
