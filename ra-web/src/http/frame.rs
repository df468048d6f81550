//! What every listener of people wraps round its routes: request id, language, limits, time-out, headers,
//! the refusal of other sites' forms, and the pages of failures.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ca_core::clock::Clock;
use percent_encoding::percent_decode_str;
use rand::RngCore;
use tower_governor::GovernorLayer;
use tower_governor::errors::GovernorError;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;

use super::error::{Failure, Kind};
use super::{assets, csrf, error};
use crate::Chance;
use crate::i18n::Locale;
use crate::page::{Site, View};

/// The most bytes of a request's body, unless a route says otherwise.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// How long a request may take, uploads included.
const PATIENCE: Duration = Duration::from_secs(60);
const LANGUAGE_COOKIE: &str = "yx-lang";

/// What a frame is told.
#[derive(Clone)]
pub struct Frame {
    /// Which site.
    pub site: Site,
    /// Origin of the token agent.
    pub agent: String,
    /// Proxies whose `X-Forwarded-For` is believed: an attacker who controls one of them can choose the
    /// address that limits count against, nothing else.
    pub proxies: Vec<IpAddr>,
    /// How many requests one address may send at once; a tenth of it comes back each second.
    pub burst: u32,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws request ids.
    pub chance: Chance,
}

/// Wraps a site's routes. Static files are served beside them, outside sessions and limits.
pub fn wrap(routes: Router, frame: Frame) -> Router {
    let period = Duration::from_millis(u64::from(10_000 / frame.burst.clamp(1, 10_000)).max(1));
    limited(routes, &frame.proxies, frame.burst, period)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(csrf::refuse_cross_site))
        .layer(from_fn(time_out))
        .route("/static/{hash}/{*name}", get(assets::get_asset))
        .fallback(|| async { Failure::from(Kind::NotFound) })
        .method_not_allowed_fallback(|| async { Failure::from(Kind::MethodNotAllowed) })
        // Round the fallbacks too: an address that names nothing takes no other method either.
        .layer(from_fn(refuse_impossible))
        .layer(from_fn(error::render))
        .layer(from_fn_with_state(frame, greet))
}

/// Lets one address have so many requests at once, and one more each period. `proxies` as in [`Frame`].
pub fn limited<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    proxies: &[IpAddr],
    burst: u32,
    period: Duration,
) -> Router<S> {
    let mut limits = GovernorConfigBuilder::default().key_extractor(Peer { proxies: proxies.into() });
    match limits.period(period).burst_size(burst.max(1)).finish() {
        Some(limits) => routes.layer(GovernorLayer::new(limits)),
        None => routes,
    }
}

/// Gives the request its id and language, and the answer its headers.
async fn greet(State(frame): State<Frame>, mut request: Request, next: Next) -> Response {
    let mut id = [0; 8];
    frame.chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(&mut id);
    let request_id = hex::encode(id);
    let (path, chosen) = without_language(request.uri().path_and_query().map_or("/", |path| path.as_str()));
    let view = View {
        locale: chosen.unwrap_or_else(|| preferred(request.headers())),
        site: frame.site,
        api: path.starts_with("/api/"),
        returns: request.method().is_safe(),
        path,
        request_id: request_id.clone(),
        agent: frame.agent.clone(),
        fragment: request.headers().contains_key("hx-request"),
    };
    let (locale, is_static) = (view.locale, view.path.starts_with("/static/"));
    request.extensions_mut().insert(view);

    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    secure(headers);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert("x-request-id", id);
    }
    if !is_static {
        headers.insert(header::VARY, HeaderValue::from_static("Cookie, Accept-Language, HX-Request"));
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    if chosen.is_some() {
        let cookie = format!("{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax", locale.tag());
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of a page whose form may lead on to another origin.
pub(super) fn policy_leading_to(origin: &str) -> String {
    POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"))
}

/// Headers of every answer. A handler that serves documents may set its own policy before.
fn secure(headers: &mut HeaderMap) {
    let fixed = [
        ("content-security-policy", POLICY),
        // The token agent's window must keep its opener: `same-origin` would cut it off.
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
        ("referrer-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// Refuses addresses that can name nothing, so that no handler and no database meets them: a path with control characters or
/// without UTF-8 is nobody's, and NUL stands in no text that PostgreSQL takes.
async fn refuse_impossible(request: Request, next: Next) -> Response {
    let path = decoded(request.uri().path());
    let named = std::str::from_utf8(&path).is_ok_and(|path| !path.chars().any(char::is_control));
    if !named {
        return Failure::from(Kind::NotFound).into_response();
    }
    if request.uri().query().is_some_and(|query| decoded(query).contains(&0)) {
        return Failure::with_detail(Kind::Malformed, "a parameter with NUL").into_response();
    }
    next.run(request).await
}

/// Without its percent signs.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

async fn time_out(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::from(Kind::TimedOut).into_response(),
    }
}

/// Takes `lang` out of a path and query.
fn without_language(path: &str) -> (String, Option<Locale>) {
    let Some((bare, query)) = path.split_once('?') else { return (path.to_owned(), None) };
    let mut chosen = None;
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| match pair.strip_prefix("lang=").map(Locale::from_tag) {
            Some(locale) => {
                chosen = locale;
                false
            }
            None => !pair.is_empty(),
        })
        .collect();
    if rest.is_empty() { (bare.to_owned(), chosen) } else { (format!("{bare}?{}", rest.join("&")), chosen) }
}

/// The language of the cookie, else the first of `Accept-Language` that we have, else Chinese.
fn preferred(headers: &HeaderMap) -> Locale {
    let cookie = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
        value.split(';').find_map(|pair| pair.trim().strip_prefix(LANGUAGE_COOKIE)?.strip_prefix('='))
    });
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    cookie
        .and_then(Locale::from_tag)
        .or_else(|| accepted.split(',').find_map(|part| Locale::from_tag(part.split(';').next().unwrap_or_default())))
        .unwrap_or_default()
}

/// Counts requests by the address they come from.
#[derive(Clone, Debug)]
struct Peer {
    proxies: Arc<[IpAddr]>,
}

impl KeyExtractor for Peer {
    type Key = IpAddr;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<IpAddr, GovernorError> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        // Without a connection there is a test in process: one address for all.
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        if !self.proxies.contains(&peer) {
            return Ok(peer);
        }
        // The last address is the one that the proxy itself saw.
        let forwarded = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let client = forwarded.and_then(|list| list.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
        Ok(client.unwrap_or(peer))
    }
}

#[cfg(test)]
mod tests;
