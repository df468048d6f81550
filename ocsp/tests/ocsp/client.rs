//! What the relying party's client believes, and what not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_core::chain::Anchors;
use ca_core::clock::{Clock as _, TestClock, system_rng};
use ca_core::domain::{CertificateStatus, KeyKind, RevocationReason, Sm2Id, Timestamp};
use ca_core::keys::SignatureAlgorithm;
use der::Decode as _;
use ocsp::client::{Client, CrlFallback, CrlSource, Distrust, Evidence, Outage, Settings, StatusError};
use ocsp::wire::{
    Asked, CertId, Failure, Nonce, OcspRequest, Reply, Single, Standing, assemble, encode_response_data, parse_reply,
    responder_key_hash,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use x509_cert::Certificate;

use crate::hierarchy::{
    Delegation, Holder, authority, authority_of, issuer_id, leaf, now, responder, responder_of, serial,
};
use crate::house::{House, pem};

fn client(url: &str, crl: Option<CrlFallback>) -> Client {
    let settings = Settings { patience: Duration::from_millis(800), crl, ..Settings::new(url) };
    Client::new(settings, Arc::new(TestClock::at(now())), system_rng()).unwrap()
}

#[tokio::test]
async fn a_good_certificate_is_not_revoked_and_the_answer_is_kept() {
    let house = House::sqlite().await;
    house.ground.set(&serial(1), CertificateStatus::Good).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let unit = leaf("Unit", &serial(1), house.issuer());
    let anchors = Anchors::new(&house.ground.root.der(), &[(issuer_id(), house.issuer().der())]).unwrap();
    let chain = anchors.verify(&unit.der(), now()).unwrap();
    let proof = client(&house.url(), None).check(&chain).await.unwrap();
    assert_eq!((proof.issuer(), proof.serial()), (&issuer_id(), &serial(1)));
    let Evidence::Ocsp(response) = proof.evidence() else { panic!("an OCSP response") };
    let response = openssl::ocsp::OcspResponse::from_der(response).unwrap();
    assert!(response.basic().is_ok());
}

#[tokio::test]
async fn revoked_held_and_unissued_certificates_are_told_apart() {
    let house = House::sqlite().await;
    let since = house.ground.clock.now().plus(-10);
    let reason = RevocationReason::PrivilegeWithdrawn;
    house.ground.set(&serial(1), CertificateStatus::Revoked { since, reason }).await;
    house.ground.set(&serial(2), CertificateStatus::Held { since }).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let client = client(&house.url(), None);
    let issuer = house.issuer().der();
    let ask = async |last| client.check_serial(&issuer_id(), &issuer, &serial(last)).await.unwrap_err();
    let refusals = [ask(1).await, ask(2).await, ask(3).await];
    assert!(matches!(refusals[0], StatusError::Revoked { since: s, reason: r, .. } if (s, r) == (since, reason)));
    assert!(matches!(refusals[1], StatusError::Held { since: s, .. } if s == since));
    assert!(matches!(refusals[2], StatusError::Unknown { .. }));
    // What said no can be kept and read again by others.
    for (refusal, last) in refusals.iter().zip(1..) {
        let Some(Evidence::Ocsp(response)) = refusal.evidence() else { panic!("the answer itself: {refusal:?}") };
        let Ok(Reply::Basic(basic)) = parse_reply(response) else { panic!("a signed answer") };
        assert_eq!(basic.singles[0].asked.id.serial(), Some(serial(last).octets()));
        assert_ne!(basic.singles[0].standing, Standing::Good);
    }
}

#[tokio::test]
async fn a_responder_that_cannot_know_is_an_outage() {
    let house = House::sqlite().await;
    house.ground.let_beat(false);
    tokio::time::sleep(Duration::from_millis(100)).await;
    house.ground.clock.advance(100);
    let refused = client(&house.url(), None).check_serial(&issuer_id(), &house.issuer().der(), &serial(1)).await;
    assert!(matches!(refused, Err(StatusError::Unreachable(Outage::Failure(Failure::TryLater)))));
}

/// What an evil or broken responder changes.
#[derive(Clone)]
pub(crate) struct Lie {
    signer: Arc<Holder>,
    tamper: bool,
    /// The signature algorithm that the answer names, if not the signer's own.
    named: Option<SignatureAlgorithm>,
    nonce: Option<Vec<u8>>,
    echo: bool,
    other: bool,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Option<Timestamp>,
}

impl Lie {
    pub(crate) fn none(signer: Holder) -> Self {
        let at = now();
        Self {
            signer: Arc::new(signer),
            tamper: false,
            named: None,
            nonce: None,
            echo: true,
            other: false,
            this_update: at,
            next_update: Some(at.plus(300)),
        }
    }

    pub(crate) fn answer(&self, request: &[u8]) -> Vec<u8> {
        let request = OcspRequest::parse(request).unwrap();
        let asked = request.asked[0];
        let mut other = asked.der.to_vec();
        *other.last_mut().unwrap() ^= 1;
        let about = if self.other { Asked { der: &other, id: CertId::parse(&other).unwrap() } } else { asked };
        let single = Single {
            asked: about,
            standing: Standing::Good,
            this_update: self.this_update,
            next_update: self.next_update,
            archive_cutoff: None,
        };
        let nonce = match &self.nonce {
            Some(octets) => Some(Nonce::new(octets).unwrap()),
            None => request.nonce.filter(|_| self.echo),
        };
        let der = self.signer.der();
        let hash = responder_key_hash(&Certificate::from_der(&der).unwrap()).unwrap();
        let data = encode_response_data(&hash, self.this_update, &[single], nonce).unwrap();
        let mut signature = self.signer.sign(&data);
        if self.tamper {
            *signature.last_mut().unwrap() ^= 1;
        }
        let algorithm = self.named.unwrap_or(self.signer.kind.signature_algorithm()).identifier();
        assemble(&data, (&algorithm).into(), &signature, &[&der]).unwrap()
    }
}

/// Serves whatever `answer` makes of a posted body.
async fn serve(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let body = loop {
                let mut piece = [0; 4096];
                let read = stream.read(&mut piece).await.unwrap();
                bytes.extend_from_slice(&piece[..read]);
                let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
                let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                let length: usize =
                    head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
                if bytes.len() >= end + 4 + length {
                    break bytes[end + 4..].to_vec();
                }
            };
            let body = answer(&body);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    });
    address
}

async fn verdict(issuer: &Holder, lie: Lie) -> Result<(), StatusError> {
    let address = serve(move |request| lie.answer(request)).await;
    let client = client(&format!("http://{address}/ocsp"), None);
    client.check_serial(&issuer_id(), &issuer.der(), &serial(1)).await.map(drop)
}

#[tokio::test]
async fn answers_that_lie_are_not_believed() {
    let issuer = authority("Issuer", None);
    let right = || Lie::none(responder(&issuer, Delegation::Right));
    verdict(&issuer, right()).await.expect("no lie");

    let at = now();
    let namesake = authority("Issuer", None);
    let cases = [
        ("another nonce", Lie { nonce: Some(vec![7; 32]), ..right() }, Distrust::WrongNonce),
        ("no nonce", Lie { echo: false, ..right() }, Distrust::WrongNonce),
        ("another certificate", Lie { other: true, ..right() }, Distrust::OtherCertificate),
        ("a broken signature", Lie { tamper: true, ..right() }, Distrust::BadSignature),
        (
            "an expired answer",
            Lie { this_update: at.plus(-1000), next_update: Some(at.plus(-100)), ..right() },
            Distrust::OutOfDate,
        ),
        ("an answer without end", Lie { next_update: None, ..right() }, Distrust::OutOfDate),
        (
            "an answer from the future",
            Lie { this_update: at.plus(200), next_update: Some(at.plus(300)), ..right() },
            Distrust::NotYet,
        ),
        (
            "a foreign responder",
            Lie::none(responder(&authority("Else", None), Delegation::Right)),
            Distrust::ForeignSigner,
        ),
        ("a namesake's responder", Lie::none(responder(&namesake, Delegation::Right)), Distrust::ForeignSigner),
        ("a TLS certificate", Lie::none(responder(&issuer, Delegation::NoPurpose)), Distrust::NotDelegated),
        ("a unit's certificate", Lie::none(leaf("Unit", &serial(9), &issuer)), Distrust::NotDelegated),
        (
            "a responder to be checked itself",
            Lie::none(responder(&issuer, Delegation::NoNoCheck)),
            Distrust::NotDelegated,
        ),
        ("an expired responder", Lie::none(responder(&issuer, Delegation::Expired)), Distrust::SignerOutdated),
    ];
    for (what, lie, expected) in cases {
        match verdict(&issuer, lie).await {
            Err(error @ StatusError::Untrusted(_)) if error.evidence().is_some() => {
                panic!("{what}: a lie is no evidence")
            }
            Err(StatusError::Untrusted(distrust)) => assert_eq!(distrust, expected, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    // The issuer's own key may sign, too.
    verdict(&issuer, Lie::none(issuer_again(&issuer))).await.expect("the issuer itself");
}

fn issuer_again(issuer: &Holder) -> Holder {
    issuer.clone()
}

#[tokio::test]
async fn answers_of_every_algorithm_are_believed_and_mixed_up_ones_are_not() {
    for kind in KeyKind::ALL {
        let issuer = authority_of(kind, "Issuer", None);
        verdict(&issuer, Lie::none(issuer.clone())).await.unwrap_or_else(|e| panic!("{kind} itself: {e}"));
        let responders = if kind == KeyKind::Sm2 { KeyKind::ALL.to_vec() } else { vec![kind, KeyKind::Sm2] };
        for signer in responders {
            let right = || Lie::none(responder_of(signer, &issuer, Delegation::Right));
            verdict(&issuer, right()).await.unwrap_or_else(|e| panic!("{signer} for {kind}: {e}"));
            for named in KeyKind::ALL.map(KeyKind::signature_algorithm) {
                if named == signer.signature_algorithm() {
                    continue;
                }
                let lied = verdict(&issuer, Lie { named: Some(named), ..right() }).await;
                let refused = matches!(lied, Err(StatusError::Untrusted(Distrust::BadSignature)));
                assert!(refused, "{signer} said to be {named:?}: {lied:?}");
            }
            let tampered = verdict(&issuer, Lie { tamper: true, ..right() }).await;
            assert!(matches!(tampered, Err(StatusError::Untrusted(Distrust::BadSignature))), "{signer}");
        }
        let namesake = authority_of(kind, "Issuer", None);
        let foreign = verdict(&issuer, Lie::none(responder_of(kind, &namesake, Delegation::Right))).await;
        assert!(matches!(foreign, Err(StatusError::Untrusted(Distrust::ForeignSigner))), "{kind}");
    }
}

/// Under an SM2 CA whose ceremony set another id, certificates verify under that id and answers under the standard one.
#[tokio::test]
async fn an_sm2_issuer_of_another_id_is_believed_under_that_id_alone() {
    let other: Sm2Id = "another id".parse().unwrap();
    let root = authority_of(KeyKind::Sm2, "Root", None);
    let issuer = authority_of(KeyKind::Sm2, "Issuer", Some(&root)).signed_again(&root, &other);
    let unit = leaf("Unit", &serial(1), &issuer).signed_again(&issuer, &other).der();
    let root_der = root.clone().signed_again(&root, &other).der();
    let lie = Lie::none(responder_of(KeyKind::Sm2, &issuer, Delegation::Right).signed_again(&issuer, &other));
    let address = serve(move |request| lie.answer(request)).await;
    let client = client(&format!("http://{address}/ocsp"), None);

    let issuers = [(issuer_id(), issuer.der(), other.clone())];
    let anchors = Anchors::under(&root_der, &other, &issuers).unwrap();
    let chain = anchors.verify(&unit, now()).unwrap();
    client.check(&chain).await.expect("its own id");
    let standard = client.check_serial(&issuer_id(), &issuer.der(), &serial(1)).await;
    assert!(matches!(standard, Err(StatusError::Untrusted(Distrust::ForeignSigner))), "{standard:?}");
}

#[tokio::test]
async fn clocks_may_disagree_a_little() {
    let issuer = authority("Issuer", None);
    let at = now();
    for (this_update, next_update) in [(at.plus(50), at.plus(300)), (at.plus(-300), at.plus(-50))] {
        let signer = responder(&issuer, Delegation::Right);
        let lie = Lie { this_update, next_update: Some(next_update), ..Lie::none(signer) };
        verdict(&issuer, lie).await.expect("within 60 seconds");
    }
}

#[tokio::test]
async fn no_answer_a_slow_one_and_a_long_one_are_outages() {
    let issuer = authority("Issuer", None);
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endless = serve(|_| vec![0; 1_000_000]).await;
    let garbage = serve(|_| b"<html>".to_vec()).await;
    let ask = async |address: SocketAddr| {
        let client = client(&format!("http://{address}/ocsp"), None);
        client.check_serial(&issuer_id(), &issuer.der(), &serial(1)).await.unwrap_err()
    };
    assert!(matches!(ask(unused).await, StatusError::Unreachable(Outage::Connection(_))));
    let start = Instant::now();
    assert!(matches!(ask(silent.local_addr().unwrap()).await, StatusError::Unreachable(Outage::Timeout)));
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(matches!(ask(endless).await, StatusError::Unreachable(Outage::Connection(_))));
    assert!(matches!(ask(garbage).await, StatusError::Untrusted(Distrust::Malformed(_))));
}

#[test]
fn only_plain_http_urls_are_taken() {
    for url in ["https://127.0.0.1/ocsp", "127.0.0.1:80", "/ocsp", "", "http://"] {
        assert!(Client::new(Settings::new(url), Arc::new(TestClock::at(now())), system_rng()).is_err(), "{url}");
    }
}

/// A CRL by OpenSSL's `ca` command in `folder`, which revokes serial 1 and holds serial 2.
fn crl(folder: &std::path::Path, issuer: &Holder, name: &str, hours: &str) {
    pem(folder, "crl-ca.pem", &[issuer]);
    std::fs::write(folder.join("crl-ca.key"), issuer.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let date = |at: Timestamp| at.to_utc().unwrap();
    let then = date(now().plus(-3600));
    let stamp = format!(
        "{:02}{:02}{:02}{:02}{:02}{:02}Z",
        then.year() % 100,
        u8::from(then.month()),
        then.day(),
        then.hour(),
        then.minute(),
        then.second()
    );
    let line = |last: u8, reason: &str| {
        format!("R\t991231235959Z\t{stamp},{reason}\t{}\tunknown\t/CN=Unit\n", serial(last).to_string().to_uppercase())
    };
    std::fs::write(folder.join("index.txt"), line(1, "keyCompromise") + &line(2, "certificateHold")).unwrap();
    std::fs::write(folder.join("crlnumber"), "01\n").unwrap();
    let configuration = format!(
        "[ca]\ndefault_ca=d\n[d]\ndatabase={0}/index.txt\ncrlnumber={0}/crlnumber\ndefault_md=sha256\n\
         default_crl_hours={hours}\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
        folder.display()
    );
    std::fs::write(folder.join("crl.cnf"), configuration).unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new("openssl").current_dir(folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["ca", "-config", "crl.cnf", "-gencrl", "-keyfile", "crl-ca.key", "-cert", "crl-ca.pem", "-out", "crl.pem"]);
    run(&["crl", "-in", "crl.pem", "-outform", "DER", "-out", name]);
}

#[tokio::test]
async fn a_fresh_signed_crl_stands_in_for_an_absent_responder_only() {
    let issuer = authority("Issuer", None);
    let folder = tempfile::tempdir().unwrap();
    crl(folder.path(), &issuer, "unit-p256.crl", "24");
    let absent = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fallback =
        |max_age_seconds| Some(CrlFallback { source: CrlSource::Folder(folder.path().to_owned()), max_age_seconds });
    let url = format!("http://{absent}/ocsp");
    let ask = async |client: &Client, issuer: &Holder, last| {
        client.check_serial(&issuer_id(), &issuer.der(), &serial(last)).await
    };
    let with_crl = client(&url, fallback(3600));
    let proof = ask(&with_crl, &issuer, 3).await.expect("not in the list");
    assert!(matches!(proof.evidence(), Evidence::Crl(_)));
    let revoked = ask(&with_crl, &issuer, 1).await.unwrap_err();
    assert!(matches!(revoked, StatusError::Revoked { reason: RevocationReason::KeyCompromise, .. }), "{revoked}");
    let list = std::fs::read(folder.path().join("unit-p256.crl")).unwrap();
    assert_eq!(revoked.evidence(), Some(&Evidence::Crl(list.into())));
    assert!(matches!(ask(&with_crl, &issuer, 2).await.unwrap_err(), StatusError::Held { .. }));

    // Too old for the caller, past its end, by another issuer, damaged, absent: still an outage.
    let settings = |seconds| Settings { crl: fallback(seconds), ..Settings::new(&url) };
    let later = |seconds| Arc::new(TestClock::at(now().plus(seconds)));
    let old = Client::new(settings(3600), later(3700), system_rng()).unwrap();
    assert!(matches!(ask(&old, &issuer, 3).await, Err(StatusError::Unreachable(_))));
    let ended = Client::new(settings(1_000_000), later(25 * 3600), system_rng()).unwrap();
    assert!(matches!(ask(&ended, &issuer, 3).await, Err(StatusError::Unreachable(_))));
    let namesake = authority("Issuer", None);
    assert!(matches!(ask(&with_crl, &namesake, 3).await, Err(StatusError::Unreachable(_))));
    let file = folder.path().join("unit-p256.crl");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert!(matches!(ask(&with_crl, &issuer, 3).await, Err(StatusError::Unreachable(_))));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(ask(&with_crl, &issuer, 3).await, Err(StatusError::Unreachable(_))));

    // A responder that is there and lies is no reason to look at the list.
    crl(folder.path(), &issuer, "unit-p256.crl", "24");
    let lie = Lie { tamper: true, ..Lie::none(responder(&issuer, Delegation::Right)) };
    let address = serve(move |request| lie.answer(request)).await;
    let lied_to = client(&format!("http://{address}/ocsp"), fallback(3600));
    assert!(matches!(ask(&lied_to, &issuer, 3).await, Err(StatusError::Untrusted(_))));
}

#[tokio::test]
async fn the_crl_may_come_from_the_responders_own_site() {
    let house = House::sqlite().await;
    crl(house.ground.folder.path(), house.issuer(), "publish/crl/unit-p256.crl", "24");
    house.ground.let_beat(false);
    tokio::time::sleep(Duration::from_millis(100)).await;
    house.ground.clock.advance(100);
    let source = CrlSource::Url(format!("http://{}/crl", house.running.validation));
    let client = client(&house.url(), Some(CrlFallback { source, max_age_seconds: 3600 }));
    let proof = client.check_serial(&issuer_id(), &house.issuer().der(), &serial(3)).await.expect("not in the list");
    assert!(matches!(proof.evidence(), Evidence::Crl(_)));
}
