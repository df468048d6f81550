//! An auditor's own machine: an export of any length is verified in little memory, with nothing but the file and the
//! key.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::Command;

use ca_core::audit::{SignedCheckpoint, hash, sign_checkpoint};
use ca_core::domain::{Sha256, Timestamp};
use ca_core::keys::KeyKind;
use ca_core::signer::Signer as _;
use ca_core::signer::soft::SoftKey;
use ca_core::store::AuditHead;
use journeys::programs::{binary, must};
use serde_json::json;

const EVENTS: i64 = 40_000;
/// Longer than real ones, so that fewer do.
const OCTETS: usize = 4096;
/// What the process may take for data. The export is twice as long.
const MOST_KIB: u64 = 80 * 1024;

#[test]
fn an_export_longer_than_memory_is_verified_and_a_change_at_its_end_is_found() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (export, key_file) = (folder.path().join("export"), folder.path().join("export.key"));
    let key = SoftKey::generate(KeyKind::P256)?;
    std::fs::write(&key_file, key.spki_der())?;

    let mut out = BufWriter::new(File::create_new(&export)?);
    let text = "x".repeat(OCTETS);
    let at = Timestamp::from_unix(1_795_000_000);
    let mut head = AuditHead { seq: 0, hash: Sha256([0; 32]) };
    for seq in 1..=EVENTS {
        head = AuditHead { seq, hash: hash(head.hash, seq, at, &text) };
        writeln!(out, "{}", json!({"event": {"seq": seq, "at": at, "event": &text, "hash": head.hash}}))?;
        if seq % 10_000 == 0 {
            writeln!(out, "{}", json!({"checkpoint": SignedCheckpoint::from(sign_checkpoint(head, at, &key)?)}))?;
        }
    }
    writeln!(out, "{}", json!({"end": {"seq": EVENTS, "hash": head.hash}}))?;
    let file = out.into_inner()?;
    assert!(file.metadata()?.len() > 2 * MOST_KIB * 1024 - 1_000_000);

    let verify = || {
        let script = format!("ulimit -d {MOST_KIB}; exec \"$0\" audit verify --export \"$1\" --key \"$2\"");
        must(Command::new("sh").args(["-c", &script]).arg(binary("ca")?).args([&export, &key_file]))
    };
    let said = verify()?;
    assert!(said.contains("40000 事件 events, 4 检查点 checkpoints"), "{said}");

    let mut bytes = std::fs::read(&export)?;
    let event = bytes.windows(64).rposition(|window| window == [b'x'; 64]).expect("the last event");
    bytes[event] = b'y';
    std::fs::write(&export, bytes)?;
    let said = verify().expect_err("a changed event").to_string();
    assert!(said.contains("event 40000 does not fit its hash"), "{said}");
    Ok(())
}
