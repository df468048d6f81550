//! What leaves the fund, judged by programs that we did not write: sealed papers by pyHanko and poppler, payment orders by the schema.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ca_core::clock::{Clock as _, SystemClock};
use journeys::judges::{root, text};
use journeys::programs::{must, run};
use ra_web::fund::amounts::Fen;
use ra_web::fund::withdrawal::pain::{Party, Payment, message};
use ra_web::paper::sealed::{About, Place, Sealer};
use ra_web::paper::{Press, Standard};
use serde_json::{Value, json};

fn python(script: &str, arguments: &[&Path]) -> anyhow::Result<Command> {
    let python = root().join(".venv/bin/python");
    ensure!(python.exists(), "the Python judges are not installed: run scripts/setup test");
    let mut command = Command::new(python);
    command.arg(root().join("tests/conformance").join(script)).args(arguments);
    Ok(command)
}

/// A key of this kind and a certificate that it made for itself, as scripts/demo/prepare makes them.
fn seal(folder: &Path, kind: &[&str]) -> anyhow::Result<Sealer> {
    let (key, certificate) = (folder.join("seal.key"), folder.join("seal.cer"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey"]).args(kind).args(["-nodes", "-sha256", "-days", "3650", "-utf8"]);
    command.args(["-subj", "/C=CN/CN=示范市住房公积金管理中心"]);
    command.args(["-addext", "keyUsage=critical,digitalSignature,nonRepudiation"]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    must(command.args(["-keyout", text(&key)?, "-out", text(&certificate)?]))?;
    Ok(Sealer::read(&key, &certificate)?)
}

#[tokio::test]
async fn sealed_papers_hold_before_pyhanko_and_poppler_and_a_changed_byte_does_not() -> anyhow::Result<()> {
    let press = Press::open(&ra_web::config::Paper::default().fonts)?;
    for kind in [&["rsa:3072"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let folder = tempfile::tempdir()?;
        let sealer = seal(folder.path(), kind)?;
        // Not before the certificate begins.
        let now = SystemClock.now();
        let paper = press.print("fund-query", &sample(), now).await?;
        let words = json!({ "name": sealer.name(), "purpose": "电子凭证专用章" });
        let picture = press.print_as("fund-seal", &words, now, Standard::Drawing).await?;
        let place = Place { x: 430.0, y: 680.0, side: 102.0 };
        let sealed = sealer.seal(&paper, &picture, place, About { reason: "住房公积金汇缴书", at: now })?;
        let (file, certificate) = (folder.path().join("sealed.pdf"), folder.path().join("seal.cer"));
        std::fs::write(&file, &sealed)?;
        let judged: Value = serde_json::from_str(&must(&mut python("sealed_pdf.py", &[&file, &certificate])?)?)?;
        for (what, expected) in [
            ("signatures", json!(1)),
            ("good", json!(true)),
            ("intact", json!(true)),
            ("trusted", json!(true)),
            ("coverage", json!("ENTIRE_FILE")),
            ("permits", json!("NO_CHANGES")),
            ("subfilter", json!("/ETSI.CAdES.detached")),
        ] {
            ensure!(judged[what] == expected, "{kind:?}: {what}: {judged}");
        }
        let poppler = |file: &Path| -> anyhow::Result<String> {
            let output = run(Command::new("pdfsig").arg(file), Duration::from_secs(20))?;
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let said = poppler(&file)?;
        ensure!(said.contains("Signature is Valid") && said.contains("Total document signed"), "{kind:?}: {said}");

        // One byte of the page, and one of what was appended.
        for at in [paper.len() / 2, paper.len() + 40] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            let file = folder.path().join("changed.pdf");
            std::fs::write(&file, &changed)?;
            let output = run(&mut python("sealed_pdf.py", &[&file, &certificate])?, Duration::from_secs(60))?;
            let judged: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
            ensure!(judged["good"] != json!(true), "{kind:?}: byte {at}: {judged}");
            ensure!(!poppler(&file)?.contains("Signature is Valid"), "{kind:?}: byte {at}");
        }
    }
    Ok(())
}

/// A page with a table, as a query prints it.
fn sample() -> Value {
    json!({
        "lang": "zh-CN", "title": "单位明细查询", "authority": "示范市住房公积金管理中心",
        "about": [["单位名称", "示范市东湖建筑工程有限公司"]], "filters": [["起始日期", "2025-12-01"]],
        "columns": ["记账日期", "金额"], "figures": [false, true], "rows": [["2026-11-15", "1,781.56"]],
        "totals": ["合计", "1,781.56"], "cut": "", "printed": "打印于 2026-11-24 09:00:00", "pages": ["第", "页，共", "页"],
    })
}

#[test]
fn a_payment_order_is_valid_by_the_schema_of_its_standard() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("order.xml");
    let payer = Party {
        name: "示范市住房公积金管理中心", account: "13050161000000000001", bank_code: "105121000017"
    };
    for (name, amount) in [("李强", 1_200_050), ("A & B <c> \"d\"", 1), (&"长".repeat(200), 999_999_999_999)] {
        let payee = Party { name, account: "6222020000000000012", bank_code: "102121000024" };
        let payment = Payment {
            serial: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            payer,
            payee,
            amount: Fen::new(amount),
            what: "提取住房公积金",
            at: SystemClock.now(),
        };
        std::fs::write(&file, message(&payment))?;
        let said = must(&mut python("payment_order.py", &[&file])?).with_context(|| name.to_owned())?;
        ensure!(said.trim() == "valid", "{said}");
    }
    Ok(())
}
