//! Scans in storage that nobody here wrote: moto's S3.

use std::path::PathBuf;
use std::sync::Arc;

use ca_core::bucket::Bucket;
use journeys::judges::text;
use journeys::programs::free_port;
use ra_web::chance_from_seed;
use ra_web::config::Storage as Settings;
use ra_web::evidence::{Evidence, store};
use ra_web::vault::FieldKey;

use crate::lists::Storage;

const SCAN: &[u8] = b"\x89PNG a licence with a seal";

#[tokio::test(flavor = "multi_thread")]
async fn scans_lie_sealed_in_a_bucket_by_their_hash_and_a_changed_one_is_found_out() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let storage = Storage { port: free_port()?, log: folder.path().join("moto.log") };
    let secret_file = folder.path().join("s3.secret");
    std::fs::write(&secret_file, "secret\n")?;
    let settings = Settings {
        database_url: String::new(),
        evidence: None,
        bucket: Some(Bucket {
            bucket: "lists".into(),
            region: "us-east-1".into(),
            endpoint: Some(format!("http://127.0.0.1:{}", storage.port)),
            prefix: "scans".into(),
            access_key: "yinxin".into(),
            secret_file,
        }),
        field_key_file: PathBuf::new(),
    };
    let both = Settings { evidence: Some(folder.path().to_owned()), ..settings.clone() };
    assert!(store::open(&both).is_err(), "a folder and a bucket");
    let evidence = Evidence::new(store::open(&settings)?, Arc::new(FieldKey::of([3; 32])), chance_from_seed(3));
    assert!(evidence.keep(SCAN).await.is_err(), "nothing is kept where nobody listens");

    let _moto = storage.start().await?;
    let hash = evidence.keep(SCAN).await?;
    assert_eq!(evidence.keep(SCAN).await?, hash, "once");
    assert_eq!(evidence.show(hash).await?.as_slice(), SCAN);

    let name = hash.to_string();
    let object = format!("/scans/{}/{name}", &name[..2]);
    let file = folder.path().join("object");
    storage.ask(&["-o", text(&file)?], &object)?;
    let mut sealed = std::fs::read(&file)?;
    assert!(sealed.len() > SCAN.len() && !sealed.windows(7).any(|window| window == b"licence"));
    sealed[20] ^= 1;
    std::fs::write(&file, sealed)?;
    storage.ask(&["-T", text(&file)?], &object)?;
    assert!(evidence.show(hash).await.is_err(), "another one under its name");
    storage.ask(&["-X", "DELETE"], &object)?;
    assert!(evidence.show(hash).await.is_err(), "taken away");
    assert_eq!(evidence.keep(SCAN).await?, hash, "and kept anew");
    assert_eq!(evidence.show(hash).await?.as_slice(), SCAN);
    Ok(())
}
