//! Relying parties that we did not write, each asked about a certificate of each standing, and by an answer that must not be
//! believed: one house, one table. The programs are those of docs/relying-parties, run from there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::domain::{CertificateStatus, RevocationReason};
use ocsp::wire::{Failure, HashAlgorithm, IssuerHashes, encode_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::client::Lie;
use crate::hierarchy::{Delegation, leaf, now, responder, serial};
use crate::house::{House, pem, send};
use crate::judges::run;

/// What is asked about, in the order of the table's columns.
const CASES: [&str; 8] = ["good", "revoked", "held", "released", "unknown", "expired responder", "stale", "cut off"];

/// Who asks, and what comes of it. Most tell a hold from a revocation; servers let in or do not. Nobody takes the last four
/// for good but `ocsptool`, which does not look at the times of an answer: docs/relying-parties.md says so.
const TABLE: [(&str, [&str; 8]); 8] = [
    ("openssl", ["good", "revoked", "held", "good", "unknown", "refused", "refused", "refused"]),
    ("GnuTLS", ["good", "revoked", "revoked", "good", "unknown", "refused", "good", "refused"]),
    ("Java", ["good", "revoked", "held", "good", "refused", "refused", "refused", "refused"]),
    ("cryptography", ["good", "revoked", "held", "good", "unknown", "refused", "refused", "refused"]),
    ("pyHanko", ["good", "revoked", "held", "good", "refused", "refused", "refused", "refused"]),
    ("pkilint", ["clean", "clean", "clean", "clean", "clean", "clean", "clean", "clean"]),
    ("nginx", ["good", "refused", "refused", "good", "refused", "refused", "refused", "refused"]),
    ("Apache", ["good", "refused", "refused", "good", "refused", "refused", "refused", "refused"]),
];

/// A holder, and whom to ask about them.
struct Case {
    certificate: PathBuf,
    key: PathBuf,
    responder: SocketAddr,
}

impl Case {
    fn url(&self) -> String {
        format!("http://{}/ocsp", self.responder)
    }
}

struct Bench {
    house: House,
    root: PathBuf,
    issuing: PathBuf,
    chain: PathBuf,
    cases: Vec<Case>,
}

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/relying-parties").join(file)
}

/// A responder that is none: answers POST and GET with what `answer` makes of the request.
async fn lies(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some(question) = question(&mut stream).await else { continue };
            let body = answer(&question);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _gone = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    });
    address
}

async fn question(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        if let Some(path) = head.strip_prefix("GET /ocsp/") {
            let path = path.split(' ').next()?.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
            return STANDARD.decode(path.trim_start_matches('/')).ok();
        }
        let length =
            head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            return Some(bytes[end + 4..].to_vec());
        }
    }
}

async fn bench() -> Bench {
    let house = House::sqlite().await;
    let since = now().plus(-60);
    let reason = RevocationReason::KeyCompromise;
    for (number, status) in [
        (1, CertificateStatus::Good),
        (2, CertificateStatus::Revoked { since, reason }),
        (3, CertificateStatus::Held { since }),
        (4, CertificateStatus::Held { since }),
        (4, CertificateStatus::Good),
    ] {
        house.ground.set(&serial(number), status).await;
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    let issuer = house.issuer().clone();
    let expired = Lie::none(responder(&issuer, Delegation::Expired));
    let day = 86_400;
    let (this_update, next_update) = (now().plus(-2 * day), Some(now().plus(-day)));
    let mut stale = Lie::none(responder(&issuer, Delegation::Right));
    (stale.this_update, stale.next_update) = (this_update, next_update);
    let elsewhere = [
        lies(move |question| expired.answer(question)).await,
        lies(move |question| stale.answer(question)).await,
        lies(|_| Failure::TryLater.der().to_vec()).await,
    ];
    let folder = house.ground.folder.path().to_owned();
    let (root, issuing) = (pem(&folder, "root.pem", &[&house.ground.root]), pem(&folder, "issuing.pem", &[&issuer]));
    let chain = pem(&folder, "ca-chain.pem", &[&issuer, &house.ground.root]);
    let case = |at: usize| {
        let holder = leaf("Unit", &serial(u8::try_from(at).unwrap() + 1), &issuer);
        let certificate = pem(&folder, &format!("holder-{at}.pem"), &[&holder]);
        let key = folder.join(format!("holder-{at}.key"));
        std::fs::write(&key, holder.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        let responder = if at < 5 { house.running.validation } else { elsewhere[at - 5] };
        Case { certificate, key, responder }
    };
    let cases = (0..CASES.len()).map(case).collect();
    Bench { root, issuing, chain, cases, house }
}

impl Bench {
    fn folder(&self) -> &Path {
        self.house.ground.folder.path()
    }

    async fn openssl(&self) -> Vec<String> {
        let mut verdicts = Vec::new();
        for case in &self.cases {
            let mut command = Command::new("openssl");
            command.args(["ocsp", "-timeout", "5", "-resp_text", "-issuer"]).arg(&self.issuing).arg("-cert");
            command.arg(&case.certificate).args(["-url", &case.url(), "-CAfile"]).arg(&self.chain);
            let (_, text) = run(command).await;
            let believed = text.contains("Response verify OK") && !text.contains("WARNING");
            verdicts.push(standing(believed, &text, [": good", ": revoked", ": unknown"], "certificateHold"));
        }
        verdicts
    }

    async fn gnutls(&self) -> Vec<String> {
        let mut verdicts = Vec::new();
        for case in &self.cases {
            let mut command = Command::new("ocsptool");
            command.arg(format!("--ask={}", case.url())).arg("--nonce").arg("--load-cert").arg(&case.certificate);
            command.arg("--load-issuer").arg(&self.issuing).arg("--load-trust").arg(&self.issuing);
            let (_, text) = run(command).await;
            let believed = text.contains("Verifying OCSP Response: Success");
            let words = ["Status: good", "Status: revoked", "Status: unknown"];
            verdicts.push(standing(believed, &text, words, "certificateHold"));
        }
        verdicts
    }

    async fn java(&self) -> Vec<String> {
        let mut verdicts = Vec::new();
        // Compiled once; a start for each responder.
        let mut compile = Command::new("javac");
        compile.arg("-d").arg(self.folder()).arg(shipped("Check.java"));
        let (output, text) = run(compile).await;
        assert!(output.status.success(), "{text}");
        for cases in self.cases.chunk_by(|one, other| one.responder == other.responder) {
            let mut command = Command::new("java");
            command.arg("-XX:TieredStopAtLevel=1").arg("-cp").arg(self.folder()).args(["Check", &cases[0].url()]);
            command.arg(&self.root).arg(&self.issuing).args(cases.iter().map(|case| &case.certificate));
            let (output, text) = run(command).await;
            assert!(output.status.success(), "{text}");
            verdicts.extend(text.lines().map(by_reason));
        }
        verdicts
    }

    async fn python(&self) -> Vec<String> {
        let mut verdicts = Vec::new();
        for cases in self.cases.chunk_by(|one, other| one.responder == other.responder) {
            let mut command = python();
            command.arg(shipped("check.py")).arg(cases[0].url()).arg(&self.issuing);
            command.args(cases.iter().map(|case| &case.certificate));
            let (output, text) = run(command).await;
            assert!(output.status.success(), "{text}");
            verdicts.extend(text.lines().map(by_reason));
        }
        verdicts
    }

    /// The answers, for those who judge files.
    async fn answers(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for (at, case) in self.cases.iter().enumerate() {
            let certificate = der::Decode::from_der(&self.house.issuer().der()).unwrap();
            let hashes = IssuerHashes::of(&certificate, HashAlgorithm::Sha1).unwrap();
            let number = serial(u8::try_from(at).unwrap() + 1);
            let question = encode_request(&[&hashes.cert_id(number.octets()).unwrap()], None).unwrap();
            let head = format!(
                "POST /ocsp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/ocsp-request\r\n\
                 Content-Length: {}\r\n\r\n",
                question.len()
            );
            let answer = send(case.responder, &[head.as_bytes(), &question].concat()).await;
            let file = self.folder().join(format!("answer-{at}.der"));
            std::fs::write(&file, answer.body).unwrap();
            files.push(file);
        }
        files
    }

    async fn pyhanko(&self, answers: &[PathBuf]) -> Vec<String> {
        let mut command = python();
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/pyhanko_status.py"));
        command.arg(&self.issuing);
        for (case, answer) in self.cases.iter().zip(answers) {
            command.arg(format!("{},{}", case.certificate.display(), answer.display()));
        }
        let (output, text) = run(command).await;
        assert!(output.status.success(), "{text}");
        text.lines().map(by_reason).collect()
    }

    /// Form only: it checks no signature, so OpenSSL is its pair.
    async fn pkilint(&self, answers: &[PathBuf]) -> Vec<String> {
        let mut command = python();
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/pkilint_batch.py"));
        command.args(answers.iter().map(|answer| format!("ocsp={}", answer.display())));
        let (_, text) = run(command).await;
        let verdict = |line: &str| if line.ends_with(": clean") { "clean".to_owned() } else { line.to_owned() };
        text.lines().filter(|line| line.starts_with("ocsp=")).map(verdict).collect()
    }

    /// Each holder at the door of a server that asks the case's responder.
    async fn doors(&self, server: &Server) -> Vec<String> {
        let mut verdicts = Vec::new();
        for case in &self.cases {
            let mut curl = Command::new("curl");
            curl.args(["-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"]);
            curl.arg(self.folder().join("portal.crt")).arg("--cert").arg(&case.certificate).arg("--key").arg(&case.key);
            curl.arg(format!("https://127.0.0.1:{}/", server.ports[&case.responder]));
            let (_, text) = run(curl).await;
            verdicts.push(if text.starts_with("200") { "good" } else { "refused" }.to_owned());
        }
        verdicts
    }

    /// A server block of the recipe for each responder.
    fn blocks(&self, recipe: &str) -> (String, BTreeMap<SocketAddr, u16>) {
        let text = std::fs::read_to_string(shipped(recipe)).unwrap();
        let mut ports = BTreeMap::new();
        let mut blocks = String::new();
        for case in &self.cases {
            if ports.contains_key(&case.responder) {
                continue;
            }
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut block = text.clone();
            for (from, to) in [
                ("127.0.0.1:8443", format!("127.0.0.1:{free}")),
                ("http://127.0.0.1:8083/ocsp", case.url()),
                ("/etc/yinxin", self.folder().display().to_string()),
            ] {
                assert!(block.contains(from), "{recipe}: {from}");
                block = block.replace(from, &to);
            }
            blocks.push_str(&block);
            ports.insert(case.responder, free);
        }
        (blocks, ports)
    }

    async fn nginx(&self) -> Server {
        let (blocks, ports) = self.blocks("nginx.conf");
        let at = self.folder().display();
        let text = format!(
            "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nevents {{ }}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi;\nscgi_temp_path {at}/scgi;\n{blocks}\n}}\n"
        );
        std::fs::write(self.folder().join("nginx.conf"), text).unwrap();
        let mut command = Command::new(in_sbin("nginx"));
        command.args(["-e", &format!("{at}/nginx.log"), "-p", &at.to_string(), "-c", &format!("{at}/nginx.conf")]);
        Server::start(command, ports).await
    }

    async fn apache(&self) -> Server {
        let (blocks, ports) = self.blocks("apache.conf");
        let at = self.folder().display();
        let modules = ["mpm_event", "authz_core", "headers", "ssl", "alias"];
        let load = modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
        let listen = ports.values().map(|port| format!("Listen 127.0.0.1:{port}\n"));
        // Whoever is let in gets 200 without a folder of documents.
        let text = format!(
            "{}ServerRoot {at}\nServerName localhost\nPidFile {at}/apache.pid\nErrorLog {at}/apache.log\nMutex file:{at}\n\
             User www-data\nGroup www-data\nRedirect 200 /\n{}{blocks}",
            load.concat(),
            listen.collect::<String>()
        );
        std::fs::write(self.folder().join("apache.conf"), text).unwrap();
        let mut command = Command::new(in_sbin("apache2"));
        command.args(["-D", "FOREGROUND", "-f", &format!("{at}/apache.conf")]);
        Server::start(command, ports).await
    }
}

fn in_sbin(program: &str) -> String {
    let path = format!("/usr/sbin/{program}");
    if Path::new(&path).exists() { path } else { program.to_owned() }
}

fn python() -> Command {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    assert!(python.exists(), "the Python judges are not installed: run scripts/setup test");
    Command::new(python)
}

/// A server that asks each responder from a port of its own.
struct Server {
    child: Child,
    ports: BTreeMap<SocketAddr, u16>,
}

impl Server {
    async fn start(mut command: Command, ports: BTreeMap<SocketAddr, u16>) -> Self {
        let server = Self { child: command.stdin(Stdio::null()).spawn().unwrap(), ports };
        for port in server.ports.values() {
            for _ in 0..200 {
                if TcpStream::connect(("127.0.0.1", *port)).await.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked, not killed: so that its workers go too.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok());
        let _ended = self.child.wait();
    }
}

fn standing(believed: bool, text: &str, [good, revoked, unknown]: [&str; 3], hold: &str) -> String {
    let word = if !believed {
        "refused"
    } else if text.contains(good) {
        "good"
    } else if text.contains(unknown) {
        "unknown"
    } else if text.contains(revoked) && text.contains(hold) {
        "held"
    } else if text.contains(revoked) {
        "revoked"
    } else {
        "refused"
    };
    word.to_owned()
}

/// A line of the programs that say "good" or why not.
fn by_reason(line: &str) -> String {
    let line = line.to_lowercase();
    let word = if line == "good" {
        "good"
    } else if line.contains("hold") {
        "held"
    } else if line.contains("compromise") {
        "revoked"
    } else if line.ends_with("unknown") {
        "unknown"
    } else {
        "refused"
    };
    word.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_relying_party_decides_each_case_as_the_table_says() {
    let bench = bench().await;
    let portal = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(bench.folder().join("portal.crt"), portal.cert.pem()).unwrap();
    std::fs::write(bench.folder().join("portal.key"), portal.signing_key.serialize_pem()).unwrap();
    let answers = bench.answers().await;
    let (nginx, apache) = (bench.nginx().await, bench.apache().await);
    let found = [
        bench.openssl().await,
        bench.gnutls().await,
        bench.java().await,
        bench.python().await,
        bench.pyhanko(&answers).await,
        bench.pkilint(&answers).await,
        bench.doors(&nginx).await,
        bench.doors(&apache).await,
    ];
    let mut wrong = Vec::new();
    for ((client, expected), found) in TABLE.iter().zip(&found) {
        assert_eq!(found.len(), CASES.len(), "{client}: {found:?}");
        for ((case, expected), found) in CASES.iter().zip(expected).zip(found) {
            if expected != found {
                wrong.push(format!("{client}, {case}: {found} instead of {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
