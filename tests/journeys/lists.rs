//! Full lists, deltas and shards before judges that nobody here wrote, and in storage that speaks S3.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ca_core::domain::{Act, KeyKind, ListKind, RevocationReason};
use journeys::ceremony::Ceremony;
use journeys::house::{Engine, House};
use journeys::judges::{Lint, openssl, pem, pkilint, root, text};
use journeys::office::{OFFICE, Office, Unit};
use journeys::people;
use journeys::programs::{Program, eventually, free_port, must, run};

const SHARDS: u16 = 4;

/// An office whose one issuing CA divides its certificates into shards.
fn office() -> anyhow::Result<Office> {
    Office::found_by(Engine::Sqlite, &Ceremony::of("P-384", "P-256", "", &format!("crl_shards = {SHARDS}"))?)
}

async fn act(office: &Office, act: Act) -> anyhow::Result<()> {
    let seats = act.seats(false).len();
    let order = people::order(OFFICE, act)?;
    office.submit(people::submission(&order, &[&office.entry, &office.reviewer][..seats])?).await?;
    Ok(())
}

/// What a relying party gets from the responder under `/crl/`, as a PEM file too.
fn fetch(office: &Office, list: ListKind, name: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
    let issuer = ca_core::domain::IssuerId::new("issuing").ok_or_else(|| anyhow::anyhow!("a name"))?;
    let file = office.house.path(&format!("{name}.crl"));
    let url = office.house.ocsp_url().replace("/ocsp", &format!("/crl/{}", list.file(&issuer)));
    must(Command::new("curl").args(["-fsS", "-o", text(&file)?, &url]))?;
    let pem = pem("crl", &file)?;
    Ok((file, pem))
}

/// Whether `openssl verify` takes a unit's certificate, with these lists.
fn accepts(office: &Office, unit: &Unit, lists: &[&Path], flags: &[&str]) -> anyhow::Result<Result<(), String>> {
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-crl_check", "-CAfile", text(&office.house.issuer_pem("root")?)?]);
    command.args(["-untrusted", text(&office.house.issuer_pem("issuing")?)?]).args(flags);
    for list in lists {
        command.args(["-CRLfile", text(list)?]);
    }
    let output = run(command.arg(text(&unit.pem)?), Duration::from_secs(20))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() { Ok(()) } else { Err(said) })
}

#[tokio::test(flavor = "multi_thread")]
async fn full_lists_deltas_and_shards_satisfy_the_judges() -> anyhow::Result<()> {
    let office = office()?;
    let _running = office.open().await?;
    let (revoked, found) =
        (office.issue("issuing", KeyKind::P256).await?, office.issue("issuing", KeyKind::P256).await?);
    let (issuer, held) = (found.view.issuer.clone(), found.view.serial.clone());
    act(&office, Act::Hold { issuer: issuer.clone(), serial: held.clone() }).await?;
    office.house.ca(&["crl", "--issuer", "issuing"])?;
    let (base, base_pem) = fetch(&office, ListKind::Full, "base")?;
    assert!(accepts(&office, &found, &[&base_pem], &[])?.is_err(), "held");

    office.revoke(&issuer, &revoked.view.serial, RevocationReason::Superseded).await?;
    act(&office, Act::Release { issuer: issuer.clone(), serial: held }).await?;
    act(&office, Act::Amend { issuer: issuer.clone(), serial: revoked.view.serial.clone() }).await?;
    let delta_says = async || {
        let delta = fetch(&office, ListKind::Delta, "delta")
            .and_then(|(_, pem)| openssl(&["crl", "-in", text(&pem)?, "-noout", "-text"]));
        delta.is_ok_and(|text| text.contains("Remove From CRL") && text.contains("Key Compromise"))
    };
    eventually("the delta tells of release and revocation", Duration::from_secs(60), delta_says).await?;
    let (delta, delta_pem) = fetch(&office, ListKind::Delta, "delta")?;
    let verdict = accepts(&office, &revoked, &[&base_pem, &delta_pem], &["-use_deltas"])?;
    assert!(verdict.clone().is_err_and(|said| said.contains("certificate revoked")), "{verdict:?}");
    assert_eq!(accepts(&office, &found, &[&base_pem, &delta_pem], &["-use_deltas"])?, Ok(()), "released");

    let shard = revoked.view.serial.shard(SHARDS);
    let (own, own_pem) = fetch(&office, ListKind::Shard(shard), "own")?;
    let (_, other_pem) = fetch(&office, ListKind::Shard((shard + 1) % SHARDS), "other")?;
    let verdict = accepts(&office, &revoked, &[&own_pem], &[])?;
    assert!(verdict.clone().is_err_and(|said| said.contains("certificate revoked")), "{verdict:?}");
    let verdict = accepts(&office, &revoked, &[&other_pem], &[])?;
    assert!(verdict.clone().is_err_and(|said| said.contains("scope")), "{verdict:?}");

    let (full, full_pem) = fetch(&office, ListKind::Full, "full")?;
    for list in [&full_pem, &delta_pem, &own_pem] {
        let ca = office.house.issuer_pem("issuing")?;
        must(
            Command::new("certtool")
                .args(["--verify-crl", "--load-ca-certificate", text(&ca)?])
                .args(["--infile", text(list)?]),
        )?;
    }
    pkilint(&[Lint::Crl(&base), Lint::Crl(&full), Lint::Crl(&delta), Lint::Crl(&own), Lint::Certificate(&revoked.pem)])
}

/// Storage that speaks S3: moto's server, with one bucket.
pub(crate) struct Storage {
    pub(crate) port: u16,
    pub(crate) log: PathBuf,
}

impl Storage {
    pub(crate) async fn start(&self) -> anyhow::Result<Program> {
        let server = root().join(".venv/bin/moto_server");
        anyhow::ensure!(server.exists(), "moto is not installed: run scripts/setup test");
        let program = Program::start(
            "moto",
            Command::new(server).args(["-H", "127.0.0.1", "-p", &self.port.to_string()]),
            &self.log,
        )?;
        eventually("the bucket is made", Duration::from_secs(20), async || self.ask(&["-X", "PUT"], "").is_ok())
            .await?;
        Ok(program)
    }

    /// Its bucket, as configurations name it.
    fn settings(&self, house: &House) -> anyhow::Result<String> {
        let secret = house.path("s3.secret");
        std::fs::write(&secret, "secret\n")?;
        Ok(format!(
            "bucket = \"lists\"\nregion = \"us-east-1\"\nprefix = \"crl\"\nendpoint = \"http://127.0.0.1:{}\"\n\
             access_key = \"yinxin\"\nsecret_file = {:?}\n",
            self.port,
            text(&secret)?
        ))
    }

    /// What a client of S3 gets that signs its requests itself: curl.
    pub(crate) fn ask(&self, arguments: &[&str], object: &str) -> anyhow::Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["-fsS", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "yinxin:secret"]).args(arguments);
        must(curl.arg(format!("http://127.0.0.1:{}/lists{object}", self.port)))
    }
}

/// Adds to a configuration of the house.
fn configure(house: &House, file: &str, more: &str) -> anyhow::Result<()> {
    let configured = std::fs::read_to_string(house.path(file))?;
    Ok(std::fs::write(house.path(file), format!("{configured}\n{more}"))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_copied_to_a_bucket_and_one_that_was_away_catches_up() -> anyhow::Result<()> {
    let office = office()?;
    let house = &office.house;
    let storage = Storage { port: free_port()?, log: house.path("moto.log") };
    let copies = house.path("copies");
    std::fs::create_dir(&copies)?;
    let bucket = storage.settings(house)?;
    let folder = format!("[[publish]]\nkind = \"folder\"\npath = {:?}\n", text(&copies)?);
    configure(house, "ca.toml", &format!("[[publish]]\nkind = \"s3\"\n{bucket}{folder}"))?;

    let _ca = house.start_ca().await?;
    let ready = format!("http://127.0.0.1:{}/readyz", house.ports.ca_operations());
    let complaint =
        async || must(Command::new("curl").args(["-sS", &ready])).is_ok_and(|said| said.contains("s3:lists/crl"));
    eventually("the operator is told that the bucket is away", Duration::from_secs(60), complaint).await?;
    // The folder beside it is in step all the same, and lists go on.
    let unit = office.issue("issuing", KeyKind::P256).await?;
    office.revoke(&unit.view.issuer, &unit.view.serial, RevocationReason::KeyCompromise).await?;
    let listed = |file: &Path| {
        let said = openssl(&["crl", "-inform", "DER", "-in", &file.to_string_lossy(), "-noout", "-text"]);
        said.is_ok_and(|text| text.to_lowercase().contains(&unit.view.serial.to_string()))
    };
    let copy = copies.join("issuing.crl");
    eventually("the folder has the new list", Duration::from_secs(60), async || listed(&copy)).await?;

    let _moto = storage.start().await?;
    let object = house.path("object.crl");
    let fetched = async || {
        let got = text(&object).map(str::to_owned).and_then(|file| storage.ask(&["-o", &file], "/crl/issuing.crl"));
        got.is_ok() && listed(&object)
    };
    eventually("the bucket has caught up", Duration::from_secs(60), fetched).await?;
    assert_eq!(std::fs::read(&object)?, std::fs::read(house.crl("issuing"))?);
    let typed = async || {
        let head = storage.ask(&["-I"], "/crl/issuing-delta.crl");
        head.is_ok_and(|head| head.to_lowercase().contains("content-type: application/pkix-crl"))
    };
    eventually("the bucket has the delta too, as what it is", Duration::from_secs(30), typed).await?;
    let well = async || must(Command::new("curl").args(["-fsS", &ready])).is_ok();
    eventually("the operator is told that all is well", Duration::from_secs(30), well).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responder_without_a_folder_of_lists_serves_them_from_the_bucket() -> anyhow::Result<()> {
    let office = office()?;
    let house = &office.house;
    let storage = Storage { port: free_port()?, log: house.path("moto.log") };
    let bucket = storage.settings(house)?;
    configure(house, "ca.toml", &format!("[[publish]]\nkind = \"s3\"\n{bucket}"))?;
    // As on another host: CA certificates are there, lists are not.
    std::fs::create_dir(house.path("served"))?;
    must(Command::new("cp").args(["-r", text(&house.path("publish/ca"))?, text(&house.path("served/ca"))?]))?;
    let responder = std::fs::read_to_string(house.path("ocsp.toml"))?;
    let elsewhere = responder.replace("publish_folder = \"publish\"", "publish_folder = \"served\"");
    assert_ne!(responder, elsewhere);
    std::fs::write(house.path("ocsp.toml"), elsewhere)?;
    configure(house, "ocsp.toml", &format!("[list_bucket]\n{bucket}"))?;

    let moto = storage.start().await?;
    let _running = office.open().await?;
    let unit = office.issue("issuing", KeyKind::P256).await?;
    office.revoke(&unit.view.issuer, &unit.view.serial, RevocationReason::KeyCompromise).await?;
    let listed = async || {
        let list = fetch(&office, ListKind::Full, "served");
        list.and_then(|(_, pem)| openssl(&["crl", "-in", text(&pem)?, "-noout", "-text"]))
            .is_ok_and(|text| text.to_lowercase().contains(&unit.view.serial.to_string()))
    };
    eventually("the responder serves the list with the revocation", Duration::from_secs(120), listed).await?;
    let (served, pem) = fetch(&office, ListKind::Full, "served")?;
    assert_eq!(std::fs::read(&served)?, std::fs::read(house.crl("issuing"))?);
    let verdict = accepts(&office, &unit, &[&pem], &[])?;
    assert!(verdict.clone().is_err_and(|said| said.contains("certificate revoked")), "{verdict:?}");
    fetch(&office, ListKind::Delta, "delta")?;

    // Headers as for a list of the folder: kept for a while, told when it is the same, in parts.
    let url = house.ocsp_url().replace("/ocsp", "/crl/issuing.crl");
    let head = must(Command::new("curl").args(["-fsSI", &url]))?.to_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
    assert_eq!(field("content-type:").as_deref(), Some("application/pkix-crl"), "{head}");
    assert!(field("cache-control:").is_some_and(|said| said.contains("max-age=")), "{head}");
    let etag = field("etag:").ok_or_else(|| anyhow::anyhow!("no tag in {head}"))?;
    let status = |header: &str| {
        must(Command::new("curl").args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", header, &url]))
    };
    assert_eq!(status(&format!("If-None-Match: {etag}"))?, "304");
    assert_eq!(status("Range: bytes=0-9")?, "206");

    // The bucket away: the list that is known is served on, and one that is not is not made up.
    drop(moto);
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (again, _) = fetch(&office, ListKind::Full, "again")?;
    assert_eq!(std::fs::read(&again)?, std::fs::read(&served)?);
    assert!(fetch(&office, ListKind::Shard(0), "unknown").is_err());
    Ok(())
}
