//! A published file as an answer: whole, as it was compressed, a part of it, or unchanged (RFC 9110 §13 and §14).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
    IF_RANGE, LAST_MODIFIED, RANGE, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::publish::File;
use super::{Reply, is_unchanged};

/// Answers a GET for this file.
pub(super) fn answer(request: &HeaderMap, file: &File, cache_control: &HeaderValue) -> Reply {
    let compressed = file.compressed.as_ref().filter(|_| takes_gzip(request) && !request.contains_key(RANGE));
    let (bytes, etag) =
        compressed.map_or((&file.bytes, &file.etag), |compressed| (&compressed.bytes, &compressed.etag));
    let mut reply = Response::new(Full::default());
    let head = reply.headers_mut();
    head.insert(CACHE_CONTROL, cache_control.clone());
    head.insert(ETAG, etag.clone());
    head.insert(LAST_MODIFIED, file.last_modified.clone());
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if file.compressed.is_some() {
        head.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if is_unchanged(request, etag, &file.last_modified) {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        return reply;
    }
    head.insert(CONTENT_TYPE, file.kind.clone());
    if compressed.is_some() {
        head.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let whole = bytes.len();
    let (status, part, range) = match wanted(request, file, whole) {
        None => (StatusCode::OK, bytes.clone(), None),
        Some(Some((first, last))) => {
            let part = bytes.slice(first..=last);
            (StatusCode::PARTIAL_CONTENT, part, Some(format!("bytes {first}-{last}/{whole}")))
        }
        Some(None) => (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new(), Some(format!("bytes */{whole}"))),
    };
    if let Some(range) = range.and_then(|range| HeaderValue::from_str(&range).ok()) {
        head.insert(CONTENT_RANGE, range);
    }
    *reply.status_mut() = status;
    *reply.body_mut() = Full::new(part);
    reply
}

/// The part that is asked for, as first and last octet: `None` when all of it is, inner `None` when there is no such
/// part. Several parts at once are more than anybody needs of a list: they get all of it, as the standard allows.
fn wanted(request: &HeaderMap, file: &File, whole: usize) -> Option<Option<(usize, usize)>> {
    let range = request.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    // Octets of the file that the client knows, and of no other.
    if request.get(IF_RANGE).is_some_and(|known| *known != file.etag && *known != file.last_modified) {
        return None;
    }
    let (first, last) = range.split_once('-').filter(|(_, last)| !last.contains(','))?;
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let tail: usize = last.parse().ok()?;
        return Some((tail > 0 && whole > 0).then(|| (whole.saturating_sub(tail), whole - 1)));
    }
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    if last < first {
        return None;
    }
    Some((first < whole).then(|| (first, last.min(whole - 1))))
}

/// Whether the client says that it takes gzip: named, and not with a weight of nothing.
fn takes_gzip(request: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        let Ok(text) = value.to_str() else { return false };
        text.split(',').any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            gzip && !parts.any(|weight| weight.trim_start_matches("q=").parse() == Ok(0.0_f32))
        })
    };
    request.get_all(ACCEPT_ENCODING).iter().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::publish::tests::file;

    fn ask(headers: &[(&str, &str)], length: usize) -> (u16, Option<String>, usize) {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request.append(name, value.parse().expect("a value"));
        }
        let reply = answer(&request, &file(vec![7; length]), &HeaderValue::from_static("no-store"));
        let range = reply.headers().get(CONTENT_RANGE).map(|range| range.to_str().expect("text").to_owned());
        let length = hyper::body::Body::size_hint(reply.body()).exact().expect("known");
        (reply.status().as_u16(), range, usize::try_from(length).expect("small"))
    }

    #[test]
    fn a_part_is_given_where_there_is_one() {
        for (range, status, named, length) in [
            ("bytes=0-9", 206, Some("bytes 0-9/100"), 10),
            ("bytes=90-", 206, Some("bytes 90-99/100"), 10),
            ("bytes=90-1000", 206, Some("bytes 90-99/100"), 10),
            ("bytes=-7", 206, Some("bytes 93-99/100"), 7),
            ("bytes=-700", 206, Some("bytes 0-99/100"), 100),
            ("bytes=100-", 416, Some("bytes */100"), 0),
            ("bytes=-0", 416, Some("bytes */100"), 0),
            ("bytes=9-1", 200, None, 100),
            ("bytes=0-1,5-6", 200, None, 100),
            ("bytes=a-b", 200, None, 100),
            ("lines=0-1", 200, None, 100),
            ("bytes=18446744073709551616-", 200, None, 100),
        ] {
            let expected = (status, named.map(str::to_owned), length);
            assert_eq!(ask(&[("range", range)], 100), expected, "{range}");
        }
        assert_eq!(ask(&[("range", "bytes=0-")], 0).0, 416);
    }

    #[test]
    fn a_part_of_another_file_is_not_mixed_in() {
        let known = file(vec![7; 100]);
        let etag = known.etag.to_str().expect("text");
        assert_eq!(ask(&[("range", "bytes=0-9"), ("if-range", etag)], 100).0, 206);
        assert_eq!(ask(&[("range", "bytes=0-9"), ("if-range", "\"other\"")], 100).0, 200);
    }

    #[test]
    fn what_shrinks_is_sent_compressed_to_those_who_take_it() {
        let long = 100_000;
        for (accept, shrinks) in
            [("gzip", true), ("br, gzip;q=0.5", true), ("GZIP", true), ("gzip;q=0", false), ("br", false), ("", false)]
        {
            let (status, _, length) = ask(&[("accept-encoding", accept)], long);
            assert_eq!((status, length < long), (200, shrinks), "{accept}");
        }
        let (status, _, length) = ask(&[("accept-encoding", "gzip"), ("range", "bytes=0-99")], long);
        assert_eq!((status, length), (206, 100), "octets of the file itself");
        let known = file(vec![7; long]);
        let packed = known.compressed.as_ref().expect("it shrinks").etag.to_str().expect("text");
        assert_eq!(ask(&[("accept-encoding", "gzip"), ("if-none-match", packed)], long).0, 304);
        assert_eq!(ask(&[("if-none-match", packed)], long).0, 200);
    }
}
