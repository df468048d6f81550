//! No private key stands anywhere in the clear: not in the database, not in the audit, not in what is logged or
//! answered.

use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sm2::pkcs8::der::Decode as _;
use tracing_subscriber::fmt::MakeWriter;

use super::{Ground, OFFICERS};
use crate::envelope::EncryptionKey;

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The private scalar, raw and in the spellings in which bytes are shown.
fn spellings(key: &EncryptionKey) -> Vec<Vec<u8>> {
    let info = sm2::pkcs8::PrivateKeyInfoRef::from_der(key.pkcs8_der()).unwrap();
    // ECPrivateKey: SEQUENCE, version 1, OCTET STRING of 32 octets.
    let scalar = &info.private_key.as_bytes()[7..39];
    // What stands inside a longer base64 text depends on where it begins.
    let within = |skip: usize| STANDARD.encode(&scalar[skip..30 + skip / 2]).into_bytes();
    vec![
        scalar.to_vec(),
        hex::encode(scalar).into_bytes(),
        hex::encode_upper(scalar).into_bytes(),
        STANDARD.encode(scalar).into_bytes()[..40].to_vec(),
        URL_SAFE_NO_PAD.encode(scalar).into_bytes()[..40].to_vec(),
        within(0)[..36].to_vec(),
        within(1)[..36].to_vec(),
        within(2)[..36].to_vec(),
        format!("{scalar:?}").trim_matches(['[', ']']).as_bytes().to_vec(),
    ]
}

fn holds(dump: &[u8], part: &[u8]) -> bool {
    dump.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn no_private_key_stands_in_database_audit_log_or_answer() {
    let log = Log::default();
    // For the whole process: one for this thread alone would miss what other threads log, and what they silenced.
    let subscriber = tracing_subscriber::fmt().with_env_filter("ca_core=trace,sqlx=debug").with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).expect("no other test logs");

    let ground = Ground::one().await;
    let (order, own) = ground.unit().await;
    let (recipient, _) = ground.certificate().await;
    let submission = ground.signed(&ground.recovery(&recipient), &OFFICERS, &recipient);
    let answer = ground.recover(submission.clone()).await.unwrap();
    // And some that go wrong, since errors are shown.
    drop(ground.recover(ground.signed(&ground.recovery(&recipient), &["qianwei"], &recipient)).await);
    drop(ground.provide(order, &crate::testing::new_key()).await);

    let mut dump = log.0.lock().unwrap().clone();
    assert!(holds(&dump, b"Refused a key"), "the log was collected");
    for entry in std::fs::read_dir(ground.centre.fresh.folder().unwrap()).unwrap() {
        dump.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    dump.extend(ground.events().await.concat().into_bytes());
    dump.extend(format!("{answer:?} {:?}", ground.row_of(own.spki_der()).await).into_bytes());
    dump.extend(serde_json::to_vec(&answer).unwrap());
    assert!(holds(&dump, own.spki_der()), "the database was read: the public key is there");
    for spelling in spellings(&own) {
        assert!(!holds(&dump, &spelling), "{:?}", String::from_utf8_lossy(&spelling));
    }
    // The search would find it.
    for spelling in spellings(&own) {
        let mut told = dump.clone();
        told.extend(&spelling);
        assert!(holds(&told, &spelling));
    }
}
