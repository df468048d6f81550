//! Full lists, deltas and shards before judges that nobody here wrote, and in storage that speaks S3.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ca_core::domain::{Act, KeyKind, ListKind, RevocationReason};
use journeys::ceremony::Ceremony;
use journeys::house::Engine;
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

    /// What a client of S3 gets that signs its requests itself: curl.
    pub(crate) fn ask(&self, arguments: &[&str], object: &str) -> anyhow::Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["-fsS", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "yinxin:secret"]).args(arguments);
        must(curl.arg(format!("http://127.0.0.1:{}/lists{object}", self.port)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_copied_to_a_bucket_and_one_that_was_away_catches_up() -> anyhow::Result<()> {
    let office = office()?;
    let house = &office.house;
    let storage = Storage { port: free_port()?, log: house.path("moto.log") };
    std::fs::write(house.path("s3.secret"), "secret\n")?;
    let copies = house.path("copies");
    std::fs::create_dir(&copies)?;
    let configured = std::fs::read_to_string(house.path("ca.toml"))?;
    let publish = format!(
        "[[publish]]\nkind = \"s3\"\nbucket = \"lists\"\nregion = \"us-east-1\"\nprefix = \"crl\"\n\
         endpoint = \"http://127.0.0.1:{}\"\naccess_key = \"yinxin\"\nsecret_file = {:?}\n\
         [[publish]]\nkind = \"folder\"\npath = {:?}\n",
        storage.port,
        text(&house.path("s3.secret"))?,
        text(&copies)?
    );
    std::fs::write(house.path("ca.toml"), format!("{configured}\n{publish}"))?;

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
