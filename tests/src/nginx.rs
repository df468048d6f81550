//! nginx as a relying party: client certificates with OCSP, by software that nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::judges::text;
use crate::programs::{Program, eventually, free_port, run};

/// An nginx that lets in who has a certificate of ours that OCSP calls good.
pub struct Nginx {
    address: String,
    server_certificate: PathBuf,
    _program: Program,
}

impl Nginx {
    /// Starts nginx in `folder`. `chain` is a PEM file of root and issuing CAs, `ocsp` the responder's URL with
    /// a literal address.
    ///
    /// # Errors
    /// When nginx does not come up.
    pub async fn start(folder: &Path, chain: &Path, ocsp: &str) -> anyhow::Result<Self> {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let (certificate, key) = (folder.join("nginx.crt"), folder.join("nginx.key"));
        std::fs::write(&certificate, own.cert.pem())?;
        std::fs::write(&key, own.signing_key.serialize_pem())?;
        let port = free_port()?;
        let configuration = folder.join("nginx.conf");
        std::fs::write(&configuration, configure(text(folder)?, port, text(chain)?, ocsp))?;
        // Debian keeps it in /usr/sbin, which is not on every user's PATH.
        let nginx = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let mut program = Program::start(
            "nginx",
            Command::new(nginx).args(["-e", "stderr", "-p", text(folder)?, "-c", text(&configuration)?]),
            &folder.join("nginx.log"),
        )?;
        eventually("nginx listens", Duration::from_secs(10), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await
        .with_context(|| program.printed())?;
        anyhow::ensure!(program.runs(), "nginx ended:\n{}", program.printed());
        Ok(Self { address: format!("https://127.0.0.1:{port}/"), server_certificate: certificate, _program: program })
    }

    /// Asks for the page as the holder of this certificate and key (PEM files): HTTP status and body.
    ///
    /// # Errors
    /// When curl gets no answer.
    pub fn get(&self, certificate: &Path, key: &Path) -> anyhow::Result<(u16, String)> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "20", "-w", "\n%{http_code}", "--cacert", text(&self.server_certificate)?]);
        curl.args(["--cert", text(certificate)?, "--key", text(key)?, &self.address]);
        let output = run(&mut curl, Duration::from_secs(30))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = printed.rsplit_once('\n').context("curl prints the status last")?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok((status.parse().with_context(|| format!("status {status:?}: {said}"))?, body.to_owned()))
    }
}

/// The server block is what a relying party copies: chain, leaf by OCSP, nothing cached.
fn configure(folder: &str, port: u16, chain: &str, ocsp: &str) -> String {
    format!(
        r#"daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/nginx.crt;
    ssl_certificate_key {folder}/nginx.key;
    ssl_client_certificate {chain};
    ssl_verify_client on;
    ssl_verify_depth 3;
    ssl_ocsp leaf;
    ssl_ocsp_responder {ocsp};
    location / {{ default_type text/plain; return 200 "let in: $ssl_client_serial"; }}
  }}
}}
"#
    )
}
