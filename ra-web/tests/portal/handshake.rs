//! Login by the TLS handshake, behind nginx with the configuration that we ship (`docs/nginx/portal.conf`).

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ca_core::domain::{BeijingDay, CertificateStatus, RevocationReason, Serial, Validity};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Name};

use crate::client::Browser;
use crate::house::{House, UNIT, USCC};
use crate::pki::{Pki, certify, today, unit};
use crate::responder::Mood;

const SECRET: &str = "the proxy says this and no browser does";

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

/// A browser's certificate and key, as files.
struct Held {
    certificate: PathBuf,
    key: PathBuf,
    serial: Serial,
}

fn held(pki: &Pki, folder: &Path, name: &str, from: BeijingDay) -> Held {
    let key = new_key();
    let spki = key.public_key_to_der().expect("DER");
    let validity = Validity::years(from, 1);
    let (der, serial) = certify("unit-sign", &unit(UNIT, USCC), validity, &spki, Some(&pki.issuing), &pki.issuing.key);
    let (certificate, private) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&certificate, X509::from_der(&der).expect("ours").to_pem().expect("PEM")).expect("written");
    std::fs::write(&private, key.private_key_to_pem_pkcs8().expect("PEM")).expect("written");
    Held { certificate, key: private, serial }
}

/// nginx with the shipped configuration, before a portal.
struct Nginx {
    login: SocketAddr,
    portal: SocketAddr,
    child: Child,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound")
}

/// nginx's own certificate, which browsers know.
fn server_certificate(folder: &Path) {
    let key = new_key();
    let mut name = X509Name::builder().expect("a name");
    name.append_entry_by_text("CN", "127.0.0.1").expect("a name");
    let name = name.build();
    let mut made = X509::builder().expect("a certificate");
    made.set_version(2).expect("set");
    made.set_subject_name(&name).expect("set");
    made.set_issuer_name(&name).expect("set");
    made.set_pubkey(&key).expect("set");
    made.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("set");
    made.set_not_after(&Asn1Time::days_from_now(2).expect("a time")).expect("set");
    made.sign(&key, MessageDigest::sha256()).expect("signed");
    std::fs::write(folder.join("portal.crt"), made.build().to_pem().expect("PEM")).expect("written");
    std::fs::write(folder.join("portal.key"), key.private_key_to_pem_pkcs8().expect("PEM")).expect("written");
}

impl Nginx {
    async fn before(house: &House, login: SocketAddr, folder: &Path) -> Self {
        let at = folder.display().to_string();
        server_certificate(folder);
        let der = std::fs::read(house.pki.issuing_file()).expect("the authority");
        let authority = X509::from_der(&der).expect("a certificate").to_pem().expect("PEM");
        std::fs::write(folder.join("unit-authorities.pem"), authority).expect("written");
        let line = format!("proxy_set_header X-Proxy-Secret \"{SECRET}\";\n");
        std::fs::write(folder.join("portal-secret.conf"), line).expect("written");
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/nginx/portal.conf");
        let mut text = std::fs::read_to_string(shipped).expect("the configuration");
        let portal = free();
        for (from, to) in [
            ("/etc/nginx", at.clone()),
            ("server 127.0.0.1:8082", format!("server {}", house.portal.portal)),
            ("server 127.0.0.1:8092", format!("server {}", house.portal.handshakes.expect("listens"))),
            ("listen 443 ssl", format!("listen {portal} ssl")),
            ("listen 8443 ssl", format!("listen {login} ssl")),
        ] {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, &to);
        }
        let around = format!(
            "daemon off;\npid {at}/pid;\nerror_log stderr;\nworker_processes 1;\nevents {{ }}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi;\nscgi_temp_path {at}/scgi;\n{text}\n}}\n"
        );
        std::fs::write(folder.join("nginx.conf"), around).expect("written");
        let nginx = ["/usr/sbin/nginx", "nginx"].into_iter().find(|path| Path::new(path).exists());
        let child = Command::new(nginx.unwrap_or("nginx"))
            .args(["-e", "stderr", "-p", &at, "-c", &format!("{at}/nginx.conf")])
            .stderr(Stdio::inherit())
            .spawn()
            .expect("nginx starts");
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(login).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { login, portal, child }
    }

    /// What a browser gets at an address with this certificate: status, head and body.
    async fn get(&self, to: SocketAddr, path: &str, held: Option<&Held>, more: &[&str]) -> (u16, String) {
        let mut curl = Command::new("curl");
        // Whose server it is, is not what is looked at here.
        curl.args(["-sSi", "--insecure", "--max-time", "20", "-H", "Accept-Language: zh-CN"]).args(more);
        if let Some(held) = held {
            curl.arg("--cert").arg(&held.certificate).arg("--key").arg(&held.key);
        }
        curl.arg(format!("https://{to}{path}"));
        let done = tokio::task::spawn_blocking(move || curl.output().expect("curl runs")).await.expect("it ends");
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&done.stderr))), text)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked, not killed: so that its worker goes too.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok());
        let _ended = self.child.wait();
    }
}

/// The cookie of a head.
fn cookie(head: &str) -> Option<(String, String)> {
    let cookies =
        head.lines().filter_map(|line| line.split_once(": ")).filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie"));
    let (name, value) = cookies.filter_map(|(_, cookie)| cookie.split(';').next()?.split_once('=')).next()?;
    Some((name.to_owned(), value.to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_logs_in_with_the_browsers_certificate_behind_nginx_and_each_refusal_is_said() {
    let login = free();
    let house = House::behind_proxy(SECRET, &format!("https://{login}")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let good = held(&house.pki, folder.path(), "good", today());
    house.responder.say(&good.serial, CertificateStatus::Good);
    let nginx = Nginx::before(&house, login, folder.path()).await;
    let page = house.browser().get("/login").await;
    assert!(page.text.contains(&format!("href=\"https://{login}/login/certificate\"")), "{}", page.text);

    let (status, head) = nginx.get(nginx.login, "/login/certificate", Some(&good), &[]).await;
    assert_eq!(status, 303, "{head}");
    assert!(head.to_lowercase().contains(&format!("location: {}/unit", house.portal.origin)), "{head}");
    let mut browser: Browser = house.browser();
    browser.cookies.push(cookie(&head).expect("a session"));
    assert!(browser.get("/unit").await.text.contains(UNIT));
    let (status, _) = nginx.get(nginx.portal, "/login", None, &[]).await;
    assert_eq!(status, 200, "the portal itself asks for no certificate");

    let refused = async |held: Option<&Held>, code: &str, status: u16| {
        let (got, text) = nginx.get(nginx.login, "/login/certificate", held, &[]).await;
        assert_eq!(got, status, "{code}: {text}");
        assert!(text.contains(&format!("<code>{code}</code>")), "{code}: {text}");
        text
    };
    refused(None, "no-certificate", 403).await;
    let late = held(&house.pki, folder.path(), "late", today().plus_days(-500));
    house.responder.say(&late.serial, CertificateStatus::Good);
    let text = refused(Some(&late), "certificate-expired", 403).await;
    assert!(text.contains("http://127.0.0.1:8080/#renew"), "{text}");
    let stranger = held(&Pki::new(), folder.path(), "stranger", today());
    refused(Some(&stranger), "unknown-issuer", 403).await;
    let (since, reason) = (house.now(), RevocationReason::KeyCompromise);
    house.responder.say(&good.serial, CertificateStatus::Held { since });
    refused(Some(&good), "held", 403).await;
    house.responder.say(&good.serial, CertificateStatus::Revoked { since, reason });
    refused(Some(&good), "revoked", 403).await;
    house.responder.feel(Mood::TryLater);
    refused(Some(&good), "status-unreachable", 503).await;
    house.responder.feel(Mood::Honest);
    house.responder.say(&good.serial, CertificateStatus::Good);
    let link = ["-H", "Sec-Fetch-Site: cross-site"];
    assert_eq!(nginx.get(nginx.login, "/login/certificate", Some(&good), &link).await.0, 403);

    // A browser that says it itself is not heard: through nginx, at the portal, or at the listener without the secret.
    let pem = std::fs::read_to_string(&good.certificate).expect("PEM");
    let escaped: String = pem.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let own = format!("X-Client-Certificate: {escaped}");
    let said = ["-H", own.as_str(), "-H", "X-Proxy-Secret: guessed"];
    let (status, text) = nginx.get(nginx.login, "/login/certificate", None, &said).await;
    assert!(status == 403 && text.contains("no-certificate"), "{text}");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let handshakes = house.portal.handshakes.expect("listens");
    let ask = async |to: SocketAddr, path: &str, secret: Option<&str>| {
        let mut request = client.get(format!("http://{to}{path}")).header("x-client-certificate", &escaped);
        if let Some(secret) = secret {
            request = request.header("x-proxy-secret", secret);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.headers().get("location").and_then(|to| to.to_str().ok()).map(str::to_owned))
    };
    for secret in [None, Some("guessed"), Some("")] {
        assert_eq!(ask(handshakes, "/login/certificate", secret).await.0, 404, "{secret:?}");
    }
    assert_eq!(ask(house.portal.portal, "/login/certificate", Some(SECRET)).await.0, 404);
    assert_eq!(ask(house.portal.portal, "/unit", Some(SECRET)).await, (303, Some("/login".into())));
    // With the secret it would have been: the refusals above are not for another reason.
    assert_eq!(ask(handshakes, "/login/certificate", Some(SECRET)).await.0, 303);
}
