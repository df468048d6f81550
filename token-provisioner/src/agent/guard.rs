//! Who may talk to the agent: its own pages, and navigations. Everything on the computer and every site in the
//! browser can send it requests, so each is looked at before anything else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Agent;

/// Requests that may come at once, and how many more each second: far above a person, far below a guesser.
const BURST: f64 = 60.0;
const PER_SECOND: f64 = 20.0;

/// The most forms that wait at one time; the oldest goes.
const MAX_WAITING: usize = 64;

/// Pages that a person may navigate to, from anywhere.
const PAGES: [&str; 4] = ["/", "/pin", "/check", "/window"];

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The Host is not our literal loopback address: DNS rebinding.
    Host,
    /// It comes from another origin, or does not say from where.
    Origin,
    /// Too many requests.
    Rate,
}

impl Refusal {
    fn response(self) -> Response {
        let (status, text) = match self {
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "wrong host\n"),
            Self::Origin => (StatusCode::FORBIDDEN, "not from this origin\n"),
            Self::Rate => (StatusCode::TOO_MANY_REQUESTS, "too many requests\n"),
        };
        (status, text).into_response()
    }
}

/// The middleware: refuses or lets through, and puts the headers on every answer. There are no CORS headers.
pub(super) async fn guard(State(agent): State<Arc<Agent>>, request: Request, next: Next) -> Response {
    let page = request.uri().path() == "/window";
    let checked = check(&agent.authority, request.method(), request.uri(), request.headers())
        .and_then(|()| if agent.rate.take(Instant::now()) { Ok(()) } else { Err(Refusal::Rate) });
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!(?refusal, method = %request.method(), path = request.uri().path(), "Refused");
            refusal.response()
        }
    };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // The window must keep its opener, to answer it; nothing else needs one.
    let opener_policy = if page { "unsafe-none" } else { "same-origin" };
    set(HeaderName::from_static("cross-origin-opener-policy"), opener_policy);
    response
}

/// Whether a request may come in.
fn check(authority: &str, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let one = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let named = uri.authority().is_none_or(|named| named.as_str() == authority);
    if one(header::HOST) != Some(authority) || !named {
        return Err(Refusal::Host);
    }
    let fetch = |name: &'static str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = fetch("sec-fetch-site");
    let ours = matches!(site, None | Some("same-origin"));
    let good = match *method {
        Method::GET | Method::HEAD if PAGES.contains(&uri.path()) => {
            matches!(fetch("sec-fetch-mode"), None | Some("navigate"))
                && matches!(fetch("sec-fetch-dest"), None | Some("document"))
        }
        Method::GET | Method::HEAD => ours || site == Some("none"),
        _ => ours && one(header::ORIGIN).and_then(|origin| origin.strip_prefix("http://")) == Some(authority),
    };
    if good { Ok(()) } else { Err(Refusal::Origin) }
}

/// A token bucket for the whole agent: there is one person.
pub(super) struct Rate(Mutex<(f64, Option<Instant>)>);

impl Rate {
    pub(super) fn new() -> Self {
        Self(Mutex::new((BURST, None)))
    }

    fn take(&self, now: Instant) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = bucket.1.map_or(0.0, |last| now.saturating_duration_since(last).as_secs_f64());
        bucket.0 = (bucket.0 + since * PER_SECOND).min(BURST);
        bucket.1 = Some(now);
        let room = bucket.0 >= 1.0;
        if room {
            bucket.0 -= 1.0;
        }
        room
    }
}

/// Things that wait for a form to come back. Each is named by an unguessable token and taken out once.
pub(super) struct OneUse<T> {
    life: Duration,
    waiting: Mutex<HashMap<String, (Instant, T)>>,
}

impl<T> OneUse<T> {
    pub(super) fn new(life: Duration) -> Self {
        Self { life, waiting: Mutex::new(HashMap::new()) }
    }

    /// Keeps `thing` under `token`.
    pub(super) fn put(&self, token: String, thing: T) -> String {
        let now = Instant::now();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| now.saturating_duration_since(*since) < self.life);
        if waiting.len() >= MAX_WAITING
            && let Some(oldest) = waiting.iter().min_by_key(|(_, (since, _))| *since).map(|(token, _)| token.clone())
        {
            waiting.remove(&oldest);
        }
        waiting.insert(token.clone(), (now, thing));
        token
    }

    /// Takes the thing out; `None` for a token that is unknown, used or too old.
    pub(super) fn take(&self, token: &str) -> Option<T> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, thing) = waiting.remove(token)?;
        (since.elapsed() < self.life).then_some(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:17080";

    fn verdict(method: &str, uri: &str, headers: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        check(HERE, &method.parse().expect("a method"), &uri.parse().expect("a URI"), &map)
    }

    #[test]
    fn a_foreign_or_doubled_host_is_refused() {
        assert_eq!(verdict("GET", "/", &[("host", HERE)]), Ok(()));
        for hosts in [
            &[][..],
            &[("host", "localhost:17080")],
            &[("host", "evil.example:17080")],
            &[("host", HERE), ("host", HERE)],
        ] {
            assert_eq!(verdict("GET", "/", hosts), Err(Refusal::Host), "{hosts:?}");
        }
        assert_eq!(verdict("GET", "http://evil.example/", &[("host", HERE)]), Err(Refusal::Host));
    }

    #[test]
    fn a_post_must_come_from_the_agents_own_page() {
        let post = |origin: Option<&'static str>, site: Option<&'static str>| {
            let mut headers = vec![("host", HERE)];
            headers.extend(origin.map(|origin| ("origin", origin)));
            headers.extend(site.map(|site| ("sec-fetch-site", site)));
            verdict("POST", "/window/act", &headers)
        };
        assert_eq!(post(Some("http://127.0.0.1:17080"), Some("same-origin")), Ok(()));
        assert_eq!(post(Some("http://127.0.0.1:17080"), None), Ok(()));
        for (origin, site) in [
            (None, None),
            (Some("null"), None),
            (Some("http://127.0.0.1:8081"), Some("same-site")),
            (Some("https://127.0.0.1:17080"), None),
            (Some("http://127.0.0.1:17080"), Some("cross-site")),
        ] {
            assert_eq!(post(origin, site), Err(Refusal::Origin), "{origin:?} {site:?}");
        }
    }

    #[test]
    fn other_sites_can_navigate_to_a_page_but_not_fetch_or_frame_it() {
        let get = |path: &str, mode, dest| {
            verdict(
                "GET",
                path,
                &[("host", HERE), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)],
            )
        };
        assert_eq!(get("/window", "navigate", "document"), Ok(()));
        assert_eq!(get("/window", "cors", "empty"), Err(Refusal::Origin));
        assert_eq!(get("/window", "navigate", "iframe"), Err(Refusal::Origin));
        assert_eq!(get("/static/window.js", "no-cors", "script"), Err(Refusal::Origin));
        assert_eq!(get("/window/progress/x", "cors", "empty"), Err(Refusal::Origin));
    }

    #[test]
    fn a_flood_is_slowed_down() {
        let rate = Rate::new();
        let start = Instant::now();
        assert_eq!((0..100).filter(|_| rate.take(start)).count(), 60);
        assert!(rate.take(start + Duration::from_secs(1)));
    }

    #[test]
    fn a_token_is_used_once_and_not_for_ever() {
        let forms = OneUse::new(Duration::from_secs(60));
        forms.put("a".into(), 1);
        assert_eq!((forms.take("a"), forms.take("a"), forms.take("b")), (Some(1), None, None));
        let stale = OneUse::new(Duration::ZERO);
        stale.put("a".into(), 1);
        assert_eq!(stale.take("a"), None);
        (0..100).for_each(|n| drop(forms.put(n.to_string(), n)));
        assert_eq!(forms.take("0"), None, "the oldest made room");
    }
}
