//! What the responder answers, over HTTP.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ca_core::clock::{Clock as _, system_rng};
use ca_core::domain::{CertificateStatus, KeyKind, RevocationReason};
use ca_core::signer::Passphrase;
use ca_core::signer::soft::{Cost, SoftKey};
use ca_core::sql::{authority_migrations, testing};
use der::Decode as _;
use ocsp::wire::{
    Failure, HashAlgorithm, IssuerHashes, Nonce, Reply, Standing, encode_request, parse_reply, responder_key_hash,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;

use crate::hierarchy::{Holder, authority, serial};
use crate::house::{Ground, House, get, get_if, post, send};
use crate::wire::{request_with_nonce, tagged};

const GOOD: CertificateStatus = CertificateStatus::Good;

fn id(issuer: &Holder, algorithm: HashAlgorithm, last: u8) -> Vec<u8> {
    let issuer = Certificate::from_der(&issuer.der()).unwrap();
    IssuerHashes::of(&issuer, algorithm).unwrap().cert_id(serial(last).octets()).unwrap()
}

pub(crate) fn question(house: &House, last: u8) -> Vec<u8> {
    encode_request(&[&id(house.issuer(), HashAlgorithm::Sha256, last)], None).unwrap()
}

pub(crate) fn standings(response: &[u8]) -> Vec<Standing> {
    match parse_reply(response).unwrap() {
        Reply::Basic(basic) => basic.singles.iter().map(|single| single.standing).collect(),
        Reply::Failure(failure) => panic!("{}", failure.name()),
    }
}

async fn standing(house: &House, last: u8) -> Standing {
    standings(&post(house.running.validation, &question(house, last)).await.body)[0]
}

fn is_failure(response: &[u8], failure: Failure) -> bool {
    response == failure.der()
}

#[tokio::test]
async fn each_status_is_told_on_both_engines() {
    for fresh in testing::databases(&authority_migrations()).await {
        let ground = Ground::on(fresh).await;
        let since = ground.clock.now().plus(-10);
        let revoked = CertificateStatus::Revoked { since, reason: RevocationReason::KeyCompromise };
        // Two before the responder starts, two while it runs.
        ground.set(&serial(1), GOOD).await;
        ground.set(&serial(2), GOOD).await;
        ground.set(&serial(2), revoked).await;
        let house = ground.start("").await;
        house.ground.set(&serial(3), GOOD).await;
        house.ground.set(&serial(3), CertificateStatus::Held { since }).await;
        house.ground.set(&serial(4), GOOD).await;
        tokio::time::sleep(Duration::from_millis(500)).await;

        assert_eq!(standing(&house, 1).await, Standing::Good);
        let compromised = Standing::Revoked { since, reason: Some(CrlReason::KeyCompromise) };
        assert_eq!(standing(&house, 2).await, compromised);
        let held = Standing::Revoked { since, reason: Some(CrlReason::CertificateHold) };
        assert_eq!(standing(&house, 3).await, held);
        assert_eq!(standing(&house, 4).await, Standing::Good);
        assert_eq!(standing(&house, 5).await, Standing::Unknown);
        house.ground.set(&serial(3), GOOD).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(standing(&house, 3).await, Standing::Good, "released again");
        house.running.shutdown().await;
    }
}

#[tokio::test]
async fn a_certificate_is_known_from_the_moment_it_is_durable() {
    for fresh in testing::databases(&authority_migrations()).await {
        // Left to itself the feed would look every ten seconds.
        let house = Ground::on(fresh).await.start("poll_ms = 10000").await;
        for last in 1..=20 {
            house.ground.set(&serial(last), GOOD).await;
            assert_eq!(standing(&house, last).await, Standing::Good);
        }
        assert_eq!(standing(&house, 21).await, Standing::Unknown);
        house.running.shutdown().await;
    }
}

#[tokio::test]
async fn http_2_asks_and_is_answered_on_one_connection() {
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    let stream = tokio::net::TcpStream::connect(house.running.validation).await.unwrap();
    let io = TokioIo::new(stream);
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let ask = |body: Vec<u8>| {
        let mut sender = sender.clone();
        let request = hyper::Request::post(format!("http://{}/ocsp", house.running.validation));
        async move {
            let reply = sender.send_request(request.body(Full::<bytes::Bytes>::from(body)).unwrap()).await.unwrap();
            (reply.status().as_u16(), reply.into_body().collect().await.unwrap().to_bytes())
        }
    };
    let question = question(&house, 1);
    let answers = tokio::join!(ask(question.clone()), ask(question), ask(b"nonsense".to_vec()), ask(vec![0; 10_241]));
    assert_eq!(standings(&answers.0.1), [Standing::Good]);
    assert_eq!(standings(&answers.1.1), [Standing::Good]);
    assert!(is_failure(&answers.2.1, Failure::MalformedRequest));
    assert_eq!(answers.3.0, 413);
}

#[tokio::test]
async fn questions_sent_at_once_are_answered_in_their_order() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    let mut stream = tokio::net::TcpStream::connect(house.running.validation).await.unwrap();
    let mut all = Vec::new();
    for last in [1, 2, 1] {
        let question = question(&house, last);
        all.extend_from_slice(
            format!("POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", question.len()).as_bytes(),
        );
        all.extend_from_slice(&question);
    }
    all.extend_from_slice(b"GET /ca/nobody.cer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(&all).await.unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.unwrap();
    let mut seen = Vec::new();
    let mut rest = &answers[..];
    while let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8(rest[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
        let (body, after) = rest[end + 4..].split_at(length);
        seen.push((head[9..12].to_owned(), (!body.is_empty()).then(|| standings(body))));
        rest = after;
    }
    let ok = |standing| ("200".to_owned(), Some(vec![standing]));
    assert_eq!(seen, [ok(Standing::Good), ok(Standing::Unknown), ok(Standing::Good), ("404".to_owned(), None)]);
}

#[tokio::test]
async fn a_revocation_shows_within_a_second_though_the_answer_was_cached() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    while standing(&house, 1).await != Standing::Good {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let hits = house.metric("ocsp_cache_hits_total").await;
    assert_eq!(standing(&house, 1).await, Standing::Good);
    assert!(house.metric("ocsp_cache_hits_total").await > hits, "the answer was ready");

    let since = house.ground.clock.now();
    house.ground.set(&serial(1), CertificateStatus::Revoked { since, reason: RevocationReason::Superseded }).await;
    let start = Instant::now();
    while standing(&house, 1).await == Standing::Good {
        assert!(start.elapsed() < Duration::from_secs(1), "still good after a second");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_old_feed_means_try_later_until_it_is_back() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    while standing(&house, 1).await != Standing::Good {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    house.ground.let_beat(false);
    tokio::time::sleep(Duration::from_millis(100)).await;
    house.ground.clock.advance(30);
    assert_eq!(standing(&house, 1).await, Standing::Good, "within the bound");
    house.ground.clock.advance(1);
    let answer = post(house.running.validation, &question(&house, 1)).await;
    assert!(is_failure(&answer.body, Failure::TryLater), "a cached answer is no excuse");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let ready = get(house.running.operations, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("31 s old"), "{}", ready.text());
    assert_eq!(get(house.running.operations, "/healthz").await.status, 200);

    house.ground.let_beat(true);
    house.until_ready().await;
    assert_eq!(standing(&house, 1).await, Standing::Good);
}

#[tokio::test]
async fn foreign_issuers_are_unauthorized_and_mixed_ones_too() {
    let house = House::sqlite().await;
    let foreign = authority("Unit CA", None);
    let theirs = id(&foreign, HashAlgorithm::Sha1, 1);
    let ours = id(house.issuer(), HashAlgorithm::Sha1, 1);
    for ids in [vec![&theirs[..]], vec![&ours, &theirs]] {
        let answer = post(house.running.validation, &encode_request(&ids, None).unwrap()).await;
        assert_eq!(answer.status, 200);
        assert!(is_failure(&answer.body, Failure::Unauthorized));
    }
}

#[tokio::test]
async fn one_request_may_ask_about_several_in_any_hash() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    house.ground.set(&serial(2), GOOD).await;
    while standing(&house, 2).await != Standing::Good {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ids = [
        id(house.issuer(), HashAlgorithm::Sha1, 1),
        id(house.issuer(), HashAlgorithm::Sha256, 9),
        id(house.issuer(), HashAlgorithm::Sha384, 2),
    ];
    let ids: Vec<&[u8]> = ids.iter().map(|id| &id[..]).collect();
    let answer = post(house.running.validation, &encode_request(&ids, None).unwrap()).await;
    assert_eq!(standings(&answer.body), [Standing::Good, Standing::Unknown, Standing::Good]);
    let Reply::Basic(basic) = parse_reply(&answer.body).unwrap() else { panic!() };
    assert!(basic.singles.iter().zip(&ids).all(|(single, id)| single.asked.der == *id), "CertIDs repeated as asked");
}

#[tokio::test]
async fn nonces_come_back_and_bad_ones_are_malformed() {
    let house = House::sqlite().await;
    let id = id(house.issuer(), HashAlgorithm::Sha1, 1);
    for length in [1, 32, 128] {
        let octets: Vec<u8> = (0..length).collect();
        let request = encode_request(&[&id], Some(Nonce::new(&octets).unwrap())).unwrap();
        let answer = post(house.running.validation, &request).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let Reply::Basic(basic) = parse_reply(&answer.body).unwrap() else { panic!("{length}") };
        assert_eq!(basic.nonce.unwrap().octets(), octets);
    }
    for octets in [0, 129] {
        let request = request_with_nonce(&id, &tagged(4, &vec![7; octets]));
        let answer = post(house.running.validation, &request).await;
        assert!(is_failure(&answer.body, Failure::MalformedRequest), "{octets}");
    }
}

#[tokio::test]
async fn every_form_of_get_gives_the_same_answer() {
    let house = House::sqlite().await;
    // The issuer's hashes differ at each run: a request that has something to escape is looked for, over both hashes and all serials.
    let (last, request) = [HashAlgorithm::Sha1, HashAlgorithm::Sha256]
        .into_iter()
        .flat_map(|hash| (1..=u8::MAX).map(move |last| (hash, last)))
        .map(|(hash, last)| (last, encode_request(&[&id(house.issuer(), hash, last)], None).unwrap()))
        .find(|(_, request)| STANDARD.encode(request).contains(['+', '/', '=']))
        .expect("a request with something to escape");
    house.ground.set(&serial(last), GOOD).await;
    while standing(&house, last).await != Standing::Good {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let plain = STANDARD.encode(&request);
    let forms = [
        plain.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
        plain.replace('+', "%2b").replace('/', "%2f").replace('=', "%3d"),
        STANDARD_NO_PAD.encode(&request),
        plain,
    ];
    let posted = post(house.running.validation, &request).await.body;
    for form in forms {
        let answer = get(house.running.validation, &format!("/ocsp/{form}")).await;
        assert_eq!((answer.status, &answer.body), (200, &posted), "{form}");
    }
    for nonsense in ["/ocsp/", "/ocsp", "/ocsp/%ZZ", "/ocsp/AAAA"] {
        let answer = get(house.running.validation, nonsense).await;
        assert!(is_failure(&answer.body, Failure::MalformedRequest), "{nonsense}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn caches_may_keep_a_get_for_a_minute_and_ask_again_cheaply() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    while standing(&house, 1).await != Standing::Good {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let path = format!("/ocsp/{}", STANDARD.encode(question(&house, 1)).replace('/', "%2F"));
    let first = get(house.running.validation, &path).await;
    assert_eq!(first.header("content-type"), Some("application/ocsp-response"));
    assert_eq!(first.header("cache-control"), Some("public, max-age=60, no-transform, must-revalidate"));
    let (etag, modified) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    for condition in [format!("If-None-Match: \"other\", {etag}"), format!("If-Modified-Since: {modified}")] {
        let again = get_if(house.running.validation, &path, &condition).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{condition}");
        assert_eq!(again.header("etag"), Some(etag));
    }
    let other = get_if(house.running.validation, &path, "If-None-Match: \"other\"").await;
    assert_eq!(other.status, 200);
    let unknown = get(house.running.validation, &format!("/ocsp/{}", STANDARD.encode(question(&house, 9)))).await;
    assert_eq!(standings(&unknown.body), [Standing::Unknown]);
    assert_eq!(unknown.header("cache-control"), Some("no-store"), "it may be issued the next moment");
}

#[tokio::test]
async fn crls_and_ca_certificates_are_served_from_the_publish_folder() {
    let house = House::sqlite().await;
    let published = house.running.validation;
    assert_eq!(get(published, "/crl/unit-p256.crl").await.status, 404);
    std::fs::write(house.ground.path("publish/crl/unit-p256.crl"), b"a list").unwrap();
    let list = get(published, "/crl/unit-p256.crl").await;
    assert_eq!((list.status, &list.body[..]), (200, &b"a list"[..]));
    assert_eq!(list.header("content-type"), Some("application/pkix-crl"));
    assert!(list.header("cache-control").unwrap().contains("max-age=60"));
    let etag = format!("If-None-Match: {}", list.header("etag").unwrap());
    assert_eq!(get_if(published, "/crl/unit-p256.crl", &etag).await.status, 304);
    let head = send(published, b"HEAD /crl/unit-p256.crl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("6"), 0));
    let certificate = get(published, "/ca/unit-p256.cer").await;
    assert_eq!(certificate.body, house.issuer().der());
    for path in ["/crl/../ocsp.key", "/crl/%2e%2e%2focsp.key.crl", "/ca/nobody.cer", "/", "/ocspx"] {
        assert_eq!(get(published, path).await.status, 404, "{path}");
    }
    let wrong = send(published, b"DELETE /crl/unit-p256.crl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn long_bodies_are_refused_before_they_are_read() {
    let house = House::sqlite().await;
    let announced = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: 10241\r\n\r\n";
    assert_eq!(send(house.running.validation, announced).await.status, 413);
    let mut chunked = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..3 {
        chunked.extend_from_slice(b"1000\r\n");
        chunked.extend_from_slice(&[0; 0x1000]);
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(send(house.running.validation, &chunked).await.status, 413);
    let most = post(house.running.validation, &[0; 10 * 1024]).await;
    assert!(is_failure(&most.body, Failure::MalformedRequest));
}

#[tokio::test]
async fn the_certificate_renews_itself_at_half_its_life_and_survives_an_absent_authority() {
    use std::sync::atomic::Ordering::SeqCst;
    let house = House::sqlite().await;
    let asked = house.ground.authority.asked.load(SeqCst);
    assert_eq!(asked, 1);
    // It serves first and is kept a moment later.
    for _ in 0..100 {
        if house.ground.path("ocsp.cer").exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kept = std::fs::read(house.ground.path("ocsp.cer")).unwrap();
    let answer = post(house.running.validation, &question(&house, 1)).await;
    let Reply::Basic(basic) = parse_reply(&answer.body).unwrap() else { panic!() };
    assert_eq!(basic.certificates, [&kept[..]], "kept for the next start");
    assert_eq!(
        basic.responder,
        ocsp::wire::ResponderId::Key(&responder_key_hash(&Certificate::from_der(&kept).unwrap()).unwrap())
    );

    // Half a life later, without the authority: goes on. With it: a new certificate.
    house.ground.authority.away.store(true, SeqCst);
    house.ground.clock.advance(4 * 86_400);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(standing(&house, 1).await, Standing::Unknown);
    assert_eq!(house.ground.authority.asked.load(SeqCst), 1);
    let ground = house.ground;
    house.running.shutdown().await;
    ground.authority.away.store(false, SeqCst);
    let house = ground.start("").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(house.ground.authority.asked.load(SeqCst) >= 2, "renewed after the start");
}

#[tokio::test]
async fn another_key_is_taken_up_without_a_restart_once_it_is_certified() {
    use std::sync::atomic::Ordering::SeqCst;
    let house = House::sqlite().await;
    let signer = async || {
        let answer = post(house.running.validation, &question(&house, 1)).await;
        let Reply::Basic(basic) = parse_reply(&answer.body).unwrap() else { panic!("an answer at all times") };
        let ocsp::wire::ResponderId::Key(key) = basic.responder else { panic!("by key") };
        key.to_vec()
    };
    let old = signer().await;
    house.ground.authority.away.store(true, SeqCst);
    let key = SoftKey::generate(KeyKind::P384).unwrap();
    let sealed = key.seal(&Passphrase::new("a passphrase".to_owned()), Cost::WEAK, &mut system_rng()).unwrap();
    ca_core::durable::replace(&house.ground.path("ocsp.key"), &sealed, ca_core::durable::PRIVATE).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(signer().await, old, "the new key is not certified yet");
    house.ground.authority.away.store(false, SeqCst);
    let start = Instant::now();
    while signer().await == old {
        assert!(start.elapsed() < Duration::from_secs(40), "still the old key");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn without_a_certificate_it_says_try_later_and_is_not_ready() {
    use std::sync::atomic::Ordering::SeqCst;
    let ground = Ground::sqlite().await;
    ground.authority.away.store(true, SeqCst);
    let house = ground.start_unready("").await;
    house.until_not_ready().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ready = get(house.running.operations, "/readyz").await.text();
    assert!(ready.contains("no valid responder certificate by unit-p256"), "{ready}");
    let answer = post(house.running.validation, &question(&house, 1)).await;
    assert!(is_failure(&answer.body, Failure::TryLater));
    house.ground.authority.away.store(false, SeqCst);
    house.until_ready().await;
    assert_eq!(standing(&house, 1).await, Standing::Unknown);
}

#[tokio::test]
async fn ready_answers_are_signed_again_before_half_their_life() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    while standing(&house, 1).await != Standing::Good {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(standing(&house, 1).await, Standing::Good);
    house.ground.clock.advance(125);
    house.until_ready().await;
    let signed = house.metric("ocsp_signatures_total").await;
    for _ in 0..80 {
        if house.metric("ocsp_signatures_total").await > signed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(house.metric("ocsp_signatures_total").await > signed, "without being asked");
    let hits = house.metric("ocsp_cache_hits_total").await;
    let answer = post(house.running.validation, &question(&house, 1)).await;
    let Reply::Basic(basic) = parse_reply(&answer.body).unwrap() else { panic!() };
    assert_eq!(basic.singles[0].this_update, house.ground.clock.now());
    assert!(house.metric("ocsp_cache_hits_total").await > hits);
}

#[tokio::test]
async fn the_metrics_page_tells_what_happened() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), GOOD).await;
    while standing(&house, 1).await != Standing::Good {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    post(house.running.validation, b"nonsense").await;
    assert!(house.metric("ocsp_statuses_total{status=\"good\"}").await >= 1.0);
    assert!((house.metric("ocsp_failures_total{failure=\"malformedRequest\"}").await - 1.0).abs() < 0.1);
    assert!((house.metric("ocsp_certificates{issuer=\"unit-p256\"}").await - 1.0).abs() < 0.1);
    assert!(house.metric("ocsp_delegation_seconds{issuer=\"unit-p256\"}").await > 600_000.0);
    assert!(house.metric("ocsp_feed_age_seconds").await.abs() < 5.0);
}
