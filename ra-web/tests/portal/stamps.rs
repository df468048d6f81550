//! Evidence gets its time stamps from the real service, later when that is away; and none that is not true.

use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ca_core::clock::{Clock as _, TestClock, system_rng};
use ca_core::cms::{self, Expected, Wrapping};
use ca_core::signer::Passphrase;
use ca_core::signer::Signer as _;
use ca_core::signer::soft::Cost;
use ca_core::tlv::{self, tag};
use der::oid::ObjectIdentifier;
use openssl::x509::X509;
use ra_web::fund::stamps::http::HttpAuthority;
use ra_web::fund::stamps::{Kept, Stamper, TimeAuthority, Turn};
use ra_web::fund::{FundStore as _, evidence};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::business::{drafted, logged_in, signed};
use crate::house::House;
use crate::pki::{Made, Pki};

/// id-ct-TSTInfo.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// A port that nothing listens on yet.
fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("bound").port()
}

/// The verification service under an authority, in `folder`.
async fn service(pki: &Pki, folder: &Path, port: u16, clock: Arc<TestClock>) -> ocsp::validation::app::Running {
    let file = |name: &str| folder.join(name);
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(file("pass"), "a passphrase of the tests").expect("written");
    let passphrase = Passphrase::from_file(&file("pass")).expect("read");
    for name in ["stamps", "evidence"] {
        let profile = if name == "stamps" { "timestamp" } else { "evidence" };
        let made = pki.server(profile, name);
        made.key.save(&file(&format!("{name}.key")), &passphrase, Cost::WEAK, &mut system_rng()).expect("sealed");
        std::fs::write(file(&format!("{name}.cer")), &made.der).expect("written");
    }
    if !file("callers.toml").exists() {
        ocsp::validation::add_caller(&file("callers.toml"), "nobody", 600, &mut system_rng()).expect("a caller");
    }
    let key = |name: &str| {
        let (key, pass, certificate) = (file(&format!("{name}.key")), file("pass"), file(&format!("{name}.cer")));
        format!("key_file = {key:?}\npassphrase_file = {pass:?}\ncertificate = {certificate:?}\n")
    };
    let text = format!(
        "listen = \"127.0.0.1:{port}\"\noperations_listen = \"127.0.0.1:0\"\ncallers_file = {:?}\n\
         [trust]\nroots = [{:?}]\nocsp = \"http://127.0.0.1:1/ocsp\"\nissuers = {{ unit-p256 = {:?} }}\n\
         [evidence]\n{}[stamps]\n{}policy = \"1.3.6.1.4.1.32473.3.1\"\n",
        file("callers.toml"),
        pki.root_file(),
        pki.issuing_file(),
        key("evidence"),
        key("stamps"),
    );
    let config = ocsp::validation::config::Config::parse(&text).expect("a good configuration");
    ocsp::validation::app::start(config, clock, system_rng()).await.expect("the service starts")
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/tsa")
}

/// A month remitted: booked, whoever is away. Answers the serial number.
pub(crate) async fn remitted(house: &House) -> String {
    let (mut browser, token) = logged_in(house).await;
    let path = drafted(&mut browser, "remit", &[("month", "2026-11"), ("pay", "suspense")]).await;
    assert_eq!(signed(&mut browser, house, &token, &path).await.status, 303);
    let page = browser.get(&path).await;
    assert!(page.text.contains("已入账") && page.text.contains("时间戳"), "{}", page.text);
    path.trim_start_matches("/operations/").to_owned()
}

async fn stamp_of(house: &House, serial: &str) -> Option<Kept> {
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    tx.stamp_of(serial).await.expect("read")
}

/// The file as the portal gives it.
pub(crate) async fn exported(house: &House, serial: &str) -> Vec<u8> {
    let (mut browser, _) = logged_in(house).await;
    browser.get(&format!("/operations/{serial}/evidence")).await.bytes
}

/// The parts of a ZIP.
pub(crate) fn parts(packed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(packed)).expect("a ZIP");
    let count = zip.len();
    let part = |n| {
        let mut file = zip.by_index(n).expect("a part");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("read");
        (file.name().expect("a name").into_owned(), bytes)
    };
    (0..count).map(part).collect()
}

pub(crate) fn zipped(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).expect("begun");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("a ZIP").into_inner()
}

#[tokio::test]
async fn business_is_booked_while_the_authority_is_away_and_stamped_when_it_is_back() {
    let house = House::new().await;
    let port = free_port();
    let stamper = house.stamper(&url(port), None).await;
    let serial = remitted(&house).await;
    assert_eq!(stamper.turn().await.expect("tried"), Turn::Failed);
    let (mut browser, _) = logged_in(&house).await;
    let page = browser.get(&format!("/operations/{serial}")).await;
    assert!(page.text.contains("正在取得"), "{}", page.text);
    let told = house.operator().await.stamps(false).await.expect("told");
    assert!(told.starts_with("1 wait for a time stamp, 0 were given up\n"), "{told}");
    assert!(told.contains(&serial) && told.contains("1 tries, 0 refused"), "{told}");
    let before = evidence::verify(&exported(&house, &serial).await, &house.pki.anchors(), &house.pki.anchors());
    let before = before.expect("proven without");
    assert!(before.stamp.is_none() && before.to_string().contains("stamp   MISSING"), "{before}");

    let service = service(&house.pki, &house.folder.path().join("tsa"), port, house.clock.clone()).await;
    assert_eq!(stamper.turn().await.expect("looked"), Turn::Idle, "it waits before it tries again");
    house.clock.advance(20);
    assert_eq!(stamper.turn().await.expect("tried"), Turn::Done);
    assert_eq!(stamper.turn().await.expect("looked"), Turn::Idle);
    assert!(house.operator().await.stamps(false).await.expect("told").starts_with("0 wait"));
    let kept = stamp_of(&house, &serial).await.expect("stamped");
    assert_eq!(kept.at, house.now());
    service.shutdown().await;

    let packed = exported(&house, &serial).await;
    let proven = evidence::verify(&packed, &house.pki.anchors(), &house.pki.anchors()).expect("proven");
    let stamp = proven.stamp.as_ref().expect("a stamp");
    assert_eq!((stamp.at, stamp.authority.as_str()), (kept.at, "stamps"));
    assert!(proven.to_string().contains("while the certificate was valid"), "{proven}");
    let strangers = Pki::new();
    let refused = evidence::verify(&packed, &house.pki.anchors(), &strangers.anchors());
    assert!(matches!(refused, Err(evidence::Fault::Stamp(_))), "{refused:?}");

    // Any byte that is another is found, whichever file it is in.
    for (changed, (name, bytes)) in parts(&packed).into_iter().enumerate() {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut parts = parts(&packed);
            parts[changed].1[at] ^= 1;
            let found = evidence::verify(&zipped(&parts), &house.pki.anchors(), &house.pki.anchors());
            assert!(found.is_err(), "{name} at {at}");
        }
    }
    // The stamp of another evidence is none of this one; without the manifest it proves nothing either.
    for (name, without) in [("evidence.sha256", true), ("stamp.tst", false)] {
        let fewer: Vec<_> = parts(&packed).into_iter().filter(|(part, _)| part != name).collect();
        let found = evidence::verify(&zipped(&fewer), &house.pki.anchors(), &house.pki.anchors());
        assert_eq!(found.is_err(), without, "{name}: {found:?}");
        assert!(found.is_err() || found.is_ok_and(|proven| proven.stamp.is_none()));
    }
    outsiders_prove(&house, &packed, kept.at.unix());
}

/// What docs/fund.md says: coreutils and openssl alone, at the stamp's time and long after the certificate ended.
fn outsiders_prove(house: &House, packed: &[u8], at: i64) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    for (name, bytes) in parts(packed) {
        std::fs::write(file(&name), bytes).expect("written");
    }
    for (name, der) in [("root.pem", house.pki.root_file()), ("issuer.pem", house.pki.issuing_file())] {
        let der = std::fs::read(der).expect("read");
        std::fs::write(file(name), X509::from_der(&der).expect("a certificate").to_pem().expect("PEM"))
            .expect("written");
    }
    let text = include_str!("../../../docs/fund.md");
    let block = text.split("```sh\n# prove\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the lines");
    let run = |script: &str| {
        let done = Command::new("bash").current_dir(folder.path()).args(["-euo", "pipefail", "-c", script]).output();
        let done = done.expect("it starts");
        let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        (done.status.success(), text)
    };
    // The machine's clock is not the test's: at the stamp's moment, as one proves it years later.
    let script = format!("AT={at}\n{block}");
    let (good, said) = run(&script);
    assert!(good && said.contains("Verification: OK") && said.contains("certificate.pem: good"), "{said}");
    assert!(
        ["document.json: OK", "signature.p7s: OK", "status.ocsp: OK"].iter().all(|line| said.contains(line)),
        "{said}"
    );
    let mut status = std::fs::read(file("status.ocsp")).expect("read");
    status[9] ^= 1;
    std::fs::write(file("status.ocsp"), status).expect("written");
    assert!(!run(&script).0, "a changed byte");
}

/// How an authority lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    None,
    /// A true stamp over other bytes.
    OtherBytes,
    /// The answer to an earlier question about the same bytes.
    OldAnswer,
    /// A true stamp of an authority that nobody here trusts.
    Stranger,
    /// What a stamp says, signed by a unit.
    Unit,
    /// Its signature is another.
    Forged,
    /// No answer at all.
    Noise,
}

/// The real authority behind one that lies.
struct Liar {
    honest: HttpAuthority,
    stranger: HttpAuthority,
    unit: Made,
    clock: Arc<TestClock>,
    lie: Mutex<Lie>,
    old: Mutex<Vec<u8>>,
}

impl Liar {
    /// TimeStampResp with this token.
    fn granted(token: &[u8]) -> Vec<u8> {
        let status = tlv::write(tag::SEQUENCE, &[[tag::INTEGER, 1, 0]]);
        tlv::write(tag::SEQUENCE, &[&status[..], token])
    }
}

#[async_trait]
impl TimeAuthority for Liar {
    async fn answer(&self, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let lie = *self.lie.lock().expect("not poisoned");
        let old = self.old.lock().expect("not poisoned").clone();
        let answer = match lie {
            Lie::OtherBytes => {
                let imprint = ocsp::stamp::Imprint::sha256(b"something else");
                return self.honest.answer(ocsp::stamp::request(&imprint, &[1])).await;
            }
            Lie::Stranger => return self.stranger.answer(request).await,
            Lie::Noise => return Ok(b"<html>a login page</html>".to_vec()),
            Lie::OldAnswer => return Ok(old),
            Lie::None | Lie::Unit | Lie::Forged => self.honest.answer(request).await?,
        };
        *self.old.lock().expect("not poisoned") = answer.clone();
        let mut token = ocsp::stamp::token(&answer).expect("granted").to_vec();
        match lie {
            Lie::Unit => {
                let any = Expected { content_type: Some(TST_INFO), content: None, certificate: None, strict: false };
                let said = cms::verify_as(&token, &any).expect("a token").content;
                let wrapping = Wrapping { content_type: Some(TST_INFO), certificate: true };
                let now = self.clock.now();
                let sign = |message: &[u8]| self.unit.key.sign(message);
                Ok(Self::granted(&cms::sign_as(wrapping, &said, &self.unit.der, now, sign).expect("signed")))
            }
            Lie::Forged => {
                let last = token.len() - 1;
                token[last] ^= 1;
                Ok(Self::granted(&token))
            }
            _ => Ok(answer),
        }
    }
}

#[tokio::test]
async fn a_stamp_that_is_not_true_is_refused_counted_shown_and_asked_for_again() {
    let house = House::new().await;
    let (port, other) = (free_port(), free_port());
    let folder = house.folder.path();
    let honest = service(&house.pki, &folder.join("tsa"), port, house.clock.clone()).await;
    let strangers = Pki::new();
    let stranger = service(&strangers, &folder.join("stranger"), other, house.clock.clone()).await;
    let authority = |port| HttpAuthority::new(&url(port), None, Duration::from_secs(5)).expect("an address");
    let liar = Arc::new(Liar {
        honest: authority(port),
        stranger: authority(other),
        unit: house.unit(),
        clock: house.clock.clone(),
        lie: Mutex::new(Lie::None),
        old: Mutex::new(Vec::new()),
    });
    let plain = house.stamper(&url(port), None).await;
    let stamper = Stamper {
        store: plain.store.clone(),
        authority: liar.clone(),
        anchors: plain.anchors.clone(),
        clock: house.clock.clone(),
        chance: plain.chance.clone(),
    };
    let serial = remitted(&house).await;
    let database = house.database().await;
    let mut tx = database.begin_read().await.expect("begun");
    let asked = tx.waiting_stamps(2).await.expect("read").remove(0);
    tx.commit().await.expect("read");
    // An answer to an earlier question.
    stamper.fetch(asked.evidence).await.expect("an honest one");

    let lies = [
        (Lie::OtherBytes, "it is over other bytes"),
        (Lie::OldAnswer, "nonce"),
        (Lie::Stranger, "not issued by a known CA"),
        (Lie::Unit, "not meant for this use"),
        (Lie::Forged, "signature"),
        (Lie::Noise, "cannot be read"),
    ];
    for (n, (lie, why)) in (1..).zip(lies) {
        *liar.lie.lock().expect("not poisoned") = lie;
        assert_eq!(stamper.turn().await.expect("tried"), Turn::Failed, "{lie:?}");
        assert!(stamp_of(&house, &serial).await.is_none(), "{lie:?}");
        let told = house.operator().await.stamps(false).await.expect("told");
        assert!(told.contains(&format!("{n} refused")) && told.contains(why), "{lie:?}: {told}");
        house.clock.advance(3601);
    }
    // A true one of another time: the authority's clock is ten minutes behind.
    let slow = Arc::new(TestClock::at(house.now().plus(-600)));
    honest.shutdown().await;
    let behind = service(&house.pki, &folder.join("behind"), port, slow).await;
    *liar.lie.lock().expect("not poisoned") = Lie::None;
    assert_eq!(stamper.turn().await.expect("tried"), Turn::Failed);
    assert!(house.operator().await.stamps(false).await.expect("told").contains("another time"));
    behind.shutdown().await;

    let again = service(&house.pki, &folder.join("tsa-again"), port, house.clock.clone()).await;
    house.clock.advance(3601);
    assert_eq!(stamper.turn().await.expect("tried"), Turn::Done, "then a true one");
    assert!(stamp_of(&house, &serial).await.is_some());
    again.shutdown().await;
    stranger.shutdown().await;
}

#[tokio::test]
async fn the_page_of_a_withdrawal_says_when_its_evidence_was_stamped() {
    let house = House::new().await;
    let port = free_port();
    let stamper = house.stamper(&url(port), None).await;
    let (mut browser, path, serial) = crate::again::ordered(&house).await;
    let page = browser.get(&path).await;
    assert!(page.text.contains("时间戳") && page.text.contains("正在取得"), "{}", page.text);
    let service = service(&house.pki, &house.folder.path().join("tsa"), port, house.clock.clone()).await;
    // Not the second at which it was signed.
    house.clock.advance(37);
    assert_eq!(stamper.turn().await.expect("tried"), Turn::Done);
    service.shutdown().await;
    let at = stamp_of(&house, &serial).await.expect("stamped").at;
    assert_eq!(at, house.now());
    for (language, label) in [("zh-CN", "时间戳"), ("en", "Time stamp")] {
        browser.language = language;
        let page = browser.get(&path).await;
        let row = page.text.split(&format!("<dt>{label}</dt>")).nth(1).and_then(|rest| rest.split("</div>").next());
        assert!(row.is_some_and(|row| row.contains(&at.beijing_text())), "{}", page.text);
    }
}

#[tokio::test]
async fn what_is_given_up_after_a_week_waits_for_the_operator() {
    let house = House::new().await;
    let port = free_port();
    let stamper = house.stamper(&url(port), None).await;
    let serial = remitted(&house).await;
    house.clock.advance(8 * 86_400);
    assert_eq!(stamper.turn().await.expect("tried"), Turn::Failed);
    house.clock.advance(86_400);
    assert_eq!(stamper.turn().await.expect("looked"), Turn::Idle, "given up");
    let told = house.operator().await.stamps(false).await.expect("told");
    assert!(told.starts_with("0 wait for a time stamp, 1 were given up\n") && told.contains(&serial), "{told}");
    let service = service(&house.pki, &house.folder.path().join("tsa"), port, house.clock.clone()).await;
    let told = house.operator().await.stamps(true).await.expect("told");
    assert!(told.starts_with("1 are tried again\n1 wait"), "{told}");
    assert_eq!(stamper.turn().await.expect("tried"), Turn::Done);
    service.shutdown().await;
}

#[tokio::test]
async fn a_stamp_that_came_after_the_certificate_ended_says_so() {
    let house = House::new().await;
    let port = free_port();
    let stamper = house.stamper(&url(port), None).await;
    let serial = remitted(&house).await;
    let packed = exported(&house, &serial).await;
    let bare = parts(&packed);
    let manifest = bare.iter().find(|(name, _)| name == "evidence.sha256").expect("there").1.clone();
    house.clock.advance(400 * 86_400);
    let service = service(&house.pki, &house.folder.path().join("tsa"), port, house.clock.clone()).await;
    let late = stamper.fetch(ca_core::domain::Sha256(openssl::sha::sha256(&manifest))).await.expect("a stamp").0;
    service.shutdown().await;
    let with = zipped(&[bare, vec![("stamp.tst".to_owned(), late)]].concat());
    let proven = evidence::verify(&with, &house.pki.anchors(), &house.pki.anchors()).expect("proven");
    assert!(proven.stamp.is_some() && proven.to_string().contains("LATE"), "{proven}");
}

#[tokio::test]
async fn the_portal_fetches_stamps_by_itself_with_its_callers_key() {
    let port = free_port();
    let folder = tempfile::tempdir().expect("a folder");
    let key = ocsp::validation::add_caller(&folder.path().join("callers.toml"), "fund", 60, &mut system_rng());
    let file = folder.path().join("caller.key");
    std::fs::write(&file, format!("{}\n", &*key.expect("a caller"))).expect("written");
    let house = House::stamping(&url(port), &file).await;
    let service = service(&house.pki, folder.path(), port, house.clock.clone()).await;
    let serial = remitted(&house).await;
    for _ in 0..150 {
        if stamp_of(&house, &serial).await.is_some() {
            service.shutdown().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no stamp after 15 seconds");
}
