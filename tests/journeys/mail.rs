//! Mails over a mail server that nobody here wrote: STARTTLS and password required, refusals, hang-ups, DKIM.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ca_core::domain::Timestamp;
use journeys::judges::{openssl, root, text};
use journeys::programs::{Program, eventually, free_port};
use ra_web::mail::dkim::Dkim;
use ra_web::mail::smtp::{Protection, Settings, Smtp};
use ra_web::mail::{Attachment, MailFault, Mailer as _, Outgoing};
use zeroize::Zeroizing;

/// Of the user `yinxin`.
pub(crate) const PASSWORD: &str = "of-this-test-alone";

/// A mail server, while it runs.
pub(crate) struct Server {
    _program: Program,
    port: u16,
    root: Vec<u8>,
    dkim: Vec<u8>,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts it.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        std::fs::write(at("server.pem"), own.cert.pem())?;
        std::fs::write(at("server.key"), own.signing_key.serialize_pem())?;
        openssl(&["genrsa", "-out", text(&at("dkim.pem"))?, "2048"])?;
        openssl(&["rsa", "-in", text(&at("dkim.pem"))?, "-pubout", "-outform", "DER", "-out", text(&at("dkim.der"))?])?;
        openssl(&["base64", "-A", "-in", text(&at("dkim.der"))?, "-out", text(&at("dkim.b64"))?])?;
        let port = free_port()?;
        let files = [at("server.pem"), at("server.key")];
        let program = Program::start(
            "aiosmtpd",
            Command::new(root().join(".venv/bin/python"))
                .arg(root().join("tests/conformance/smtp_server.py"))
                .arg(port.to_string())
                .args(&files)
                .arg(PASSWORD)
                .arg(at("dkim.b64"))
                .arg(at("mails")),
            &at("server.log"),
        )?;
        let (root, dkim) = (std::fs::read(&files[0])?, std::fs::read(at("dkim.pem"))?);
        let server = Self { _program: program, port, root, dkim, folder };
        eventually("the mail server listens", Duration::from_secs(20), async || server.log().contains("listens"))
            .await?;
        Ok(server)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    fn client(&self, protection: Protection, root: Option<Vec<u8>>, password: Option<&str>) -> anyhow::Result<Smtp> {
        Smtp::new(Settings {
            host: "127.0.0.1".into(),
            port: self.port,
            protection,
            root,
            login: password.map(|password| ("yinxin".into(), Zeroizing::new(password.into()))),
            from: ("示范市数字证书认证中心".into(), "noreply@ca.example".parse()?),
            dkim: Some(Dkim::new("ca.example", "yx1", &self.dkim)?),
        })
    }

    /// The section of the office's configuration that has it send mails here; the password lies in `secrets/mail`.
    pub(crate) fn section(&self) -> String {
        let root = self.folder.path().join("server.pem");
        format!(
            "[mail]\nhost = \"127.0.0.1\"\nport = {}\nroot_file = \"{}\"\nuser = \"yinxin\"\n\
             password_file = \"secrets/mail\"\nfrom = \"noreply@ca.example\"\n",
            self.port,
            root.display()
        )
    }

    /// The mails that it took, as they came.
    pub(crate) fn mails(&self) -> anyhow::Result<Vec<String>> {
        let new = self.folder.path().join("mails/new");
        let read =
            |path: &Path| -> anyhow::Result<String> { Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned()) };
        std::fs::read_dir(new)?.map(|file| read(&file?.path())).collect()
    }
}

fn mail(to: &str) -> anyhow::Result<Outgoing> {
    Ok(Outgoing {
        id: format!("invoice/{to}"),
        to: to.parse()?,
        subject: "电子发票 / E-invoice".into(),
        text: "贵单位的电子发票已开具。\r\n".into(),
        html: "<p>贵单位的电子发票已开具。</p>".into(),
        attachments: vec![Attachment {
            name: "invoice-1.pdf".into(),
            media: "application/pdf",
            bytes: b"%PDF-1.7".to_vec(),
        }],
        at: Timestamp::from_unix(1_790_000_000),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_takes_mails_refuses_them_and_hangs_up() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let own = || Some(server.root.clone());
    let client = server.client(Protection::StartTls, own(), Some(PASSWORD))?;
    client.send(&mail("liufang@unit.example")?).await?;
    let mails = server.mails()?;
    assert_eq!(mails.len(), 1);
    let head = &mails[0];
    for part in ["Auto-Submitted: auto-generated", "multipart/alternative", "application/pdf", "noreply@ca.example"] {
        assert!(head.contains(part), "{part}\n{head}");
    }
    assert!(server.log().contains("dkim liufang good"), "{}", server.log());

    // Busy: another time. Gone: never, and the reason names nobody.
    let busy = client.send(&mail("busy@unit.example")?).await;
    assert!(matches!(&busy, Err(MailFault::Later(why)) if why.contains("451")), "{busy:?}");
    client.send(&mail("busy@unit.example")?).await?;
    let gone = client.send(&mail("gone@unit.example")?).await;
    assert!(
        matches!(&gone, Err(MailFault::Never(why)) if why.contains("no such mailbox") && !why.contains("gone@")),
        "{gone:?}"
    );
    // It took the mail and hung up before it said so: the repetition has the same Message-ID.
    let hung_up = client.send(&mail("drop@unit.example")?).await;
    assert!(matches!(hung_up, Err(MailFault::Later(_))), "{hung_up:?}");
    client.send(&mail("drop@unit.example")?).await?;
    let dropped: Vec<String> = server.mails()?.into_iter().filter(|mail| mail.contains("drop@")).collect();
    let ids: Vec<&str> =
        dropped.iter().filter_map(|mail| mail.lines().find(|line| line.starts_with("Message-ID:"))).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");

    // Our own faults are not the mail's: they wait until somebody has put them right.
    let wrong = server.client(Protection::StartTls, own(), Some("wrong"))?.send(&mail("liufang@unit.example")?).await;
    assert!(matches!(&wrong, Err(MailFault::Later(why)) if why.contains("535") && !why.contains("wrong")), "{wrong:?}");
    let strange = server.client(Protection::StartTls, None, Some(PASSWORD))?.send(&mail("liufang@unit.example")?).await;
    assert!(matches!(strange, Err(MailFault::Later(_))), "a certificate that nobody vouches for: {strange:?}");
    let plain = server.client(Protection::None, None, None)?.send(&mail("liufang@unit.example")?).await;
    assert!(matches!(plain, Err(MailFault::Later(_))), "{plain:?}");
    assert!(server.client(Protection::None, None, Some(PASSWORD)).is_err(), "no password without TLS");
    assert!(!server.log().contains("dkim liufang bad"));
    Ok(())
}
