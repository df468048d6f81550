//! The verification service from outside: every finding, every form, every bad question, and what its records are worth to
//! programs that we did not write.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::chain::Anchors;
use ca_core::clock::{Clock as _, system_rng};
use ca_core::cms;
use ca_core::domain::{CertificateStatus, KeyKind, RevocationReason};
use ocsp::validation::{Finding, add_caller, record};
use openssl::cms::{CMSOptions, CmsContentInfo};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::desk::{Desk, base64, octets, post, post_json};
use crate::hierarchy::{Holder, authority, issuer_id, leaf, leaf_between, serial};
use crate::house::{Ground, pem};
use crate::judges::run;

const MESSAGE: &[u8] = "缴存单位：示范单位".as_bytes();

fn raw(unit: &Holder, algorithm: &str, message: &[u8]) -> Value {
    json!({
        "form": "raw", "algorithm": algorithm, "certificate": base64(&unit.der()),
        "message": base64(message), "signature": base64(&unit.sign(message)),
    })
}

fn word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Sm2 => "sm2-sm3",
        KeyKind::Rsa2048 => "rsa-sha256",
        _ => "ecdsa-sha256",
    }
}

/// A CMS message by OpenSSL.
fn by_openssl(unit: &Holder, options: CMSOptions) -> Vec<u8> {
    let options = options | CMSOptions::BINARY;
    CmsContentInfo::sign(Some(&unit.certificate), Some(&unit.key), None, Some(MESSAGE), options)
        .unwrap()
        .to_der()
        .unwrap()
}

#[tokio::test]
async fn signatures_of_each_kind_and_form_are_found_valid() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Sm2] {
        let desk = Desk::of(kind, "").await;
        let unit = desk.good().await;
        let now = desk.house.ground.clock.now();
        let own = cms::sign(MESSAGE, &unit.der(), now, |message| Ok::<_, ()>(unit.sign(message))).unwrap();
        let mut questions =
            vec![raw(&unit, word(kind), MESSAGE), json!({ "form": "cms-attached", "signature": base64(&own) })];
        // OpenSSL makes no messages by SM2.
        if kind != KeyKind::Sm2 {
            let (message, certificate) = (base64(MESSAGE), base64(&unit.der()));
            for options in [CMSOptions::empty(), CMSOptions::NOATTR, CMSOptions::CMS_NOCERTS] {
                let attached = base64(&by_openssl(&unit, options));
                questions.push(json!({ "form": "cms-attached", "signature": attached, "certificate": certificate }));
                let detached = base64(&by_openssl(&unit, options | CMSOptions::DETACHED));
                questions.push(json!({
                    "form": "cms-detached", "signature": detached, "message": message, "certificate": certificate
                }));
            }
        }
        for question in questions {
            let answer = desk.ask(&question).await;
            assert_eq!(
                (&answer["finding"], &answer["code"], &answer["valid"]),
                (&json!("valid"), &json!(0), &json!(true))
            );
            assert_eq!(answer["algorithm"], word(kind), "{answer}");
            assert_eq!(answer["certificate"]["issuer"], "unit-p256");
            assert_eq!(answer["status"]["source"], "ocsp");
            let proved =
                record::prove(&octets(&answer, "evidence"), Some(&octets(&answer, "time_stamp")), &desk.anchors());
            let proved = proved.unwrap_or_else(|error| panic!("{error}: {answer}"));
            assert_eq!(proved.record.caller, "fund-portal");
            assert_eq!(proved.record.message_sha256.unwrap().0, openssl::sha::sha256(MESSAGE));
            assert_eq!(proved.stamped, Some(now));
        }
        desk.running.shutdown().await;
    }
}

#[tokio::test]
async fn each_thing_that_is_wrong_has_its_own_finding_and_code() {
    let desk = Desk::new().await;
    let since = desk.house.ground.clock.now().plus(-60);
    let reason = RevocationReason::KeyCompromise;
    let good = desk.good().await;
    let issuer = desk.house.issuer();
    let between = |days, number| leaf_between("Unit", days, &serial(number), issuer, true);
    let foreign = leaf("Unit", &serial(9), &authority("Elsewhere", None));
    // Names our CA and its key, and is signed by another key.
    let forged = {
        let mut impostor = issuer.clone();
        impostor.key = crate::hierarchy::key(KeyKind::P256);
        leaf("Unit", &serial(1), &impostor)
    };
    let cases = [
        (raw(&desk.unit(2, CertificateStatus::Revoked { since, reason }).await, "ecdsa-sha256", MESSAGE), "revoked", 7),
        (raw(&desk.unit(3, CertificateStatus::Held { since }).await, "ecdsa-sha256", MESSAGE), "held", 7),
        (raw(&leaf("Unit", &serial(4), issuer), "ecdsa-sha256", MESSAGE), "never_issued", 7),
        (raw(&between((-400, -1), 5), "ecdsa-sha256", MESSAGE), "expired", 2),
        (raw(&between((1, 30), 6), "ecdsa-sha256", MESSAGE), "not_yet_valid", 1),
        (
            raw(&leaf_between("Unit", (-1, 1), &serial(7), issuer, false), "ecdsa-sha256", MESSAGE),
            "not_for_signing",
            12,
        ),
        (raw(issuer, "ecdsa-sha256", MESSAGE), "unknown_issuer", 4),
        (raw(&foreign, "ecdsa-sha256", MESSAGE), "unknown_issuer", 4),
        (raw(&forged, "ecdsa-sha256", MESSAGE), "forged_certificate", 4),
        (raw(&good, "sm2-sm3", MESSAGE), "algorithm_refused", -6805),
        (raw(&good, "rsa-sha256", MESSAGE), "algorithm_refused", -6805),
        (raw(&good, "ecdsa-sha384", MESSAGE), "signature_mismatch", -6505),
    ];
    for (question, finding, code) in cases {
        let answer = desk.ask(&question).await;
        assert_eq!((&answer["finding"], &answer["code"]), (&json!(finding), &json!(code)), "{answer}");
        assert_eq!(answer["valid"], false);
        assert!(answer["message"]["zh-CN"].as_str().unwrap().ends_with('。'), "{answer}");
        // A no is proved like a yes.
        let proved = record::prove(&octets(&answer, "evidence"), Some(&octets(&answer, "time_stamp")), &desk.anchors());
        assert_eq!(json!(proved.unwrap().record.finding), finding);
        assert_eq!(answer["status"].is_object(), code == 7, "{answer}");
    }
    // The responder away: no yes, and no no either.
    desk.house.ground.let_beat(false);
    desk.house.ground.clock.advance(100);
    let answer = desk.ask(&raw(&good, "ecdsa-sha256", MESSAGE)).await;
    assert_eq!((&answer["finding"], &answer["code"]), (&json!("status_unavailable"), &json!(-1)), "{answer}");
}

/// Questions that can be read and whose octets are nonsense, each with the finding that it must get.
#[tokio::test]
async fn a_corpus_of_bad_octets_is_answered_by_name() {
    let desk = Desk::new().await;
    let unit = desk.good().await;
    let now = desk.house.ground.clock.now();
    let own = cms::sign(MESSAGE, &unit.der(), now, |message| Ok::<_, ()>(unit.sign(message))).unwrap();
    let detached = by_openssl(&unit, CMSOptions::DETACHED);
    let with = |mut question: Value, field: &str, octets: &[u8]| {
        question[field] = json!(base64(octets));
        question
    };
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let good = raw(&unit, "ecdsa-sha256", MESSAGE);
    let attached = json!({ "form": "cms-attached", "signature": base64(&own) });
    let loose = json!({ "form": "cms-detached", "signature": base64(&detached), "message": base64(MESSAGE) });
    let other = leaf("Unit", &serial(8), desk.house.issuer());
    let (signature, der) = (unit.sign(MESSAGE), unit.der());
    let mut cases = vec![
        (with(good.clone(), "message", b"another"), "signature_mismatch"),
        (with(good.clone(), "message", b""), "signature_mismatch"),
        (with(good.clone(), "signature", b""), "signature_mismatch"),
        (with(good.clone(), "signature", &[0x30, 0x80]), "signature_mismatch"),
        (with(good.clone(), "signature", &flipped(&signature, signature.len() - 1)), "signature_mismatch"),
        (with(good.clone(), "signature", &[&signature[..], &[0]].concat()), "signature_mismatch"),
        (with(good.clone(), "certificate", b""), "certificate_malformed"),
        (with(good.clone(), "certificate", b"MIIB"), "certificate_malformed"),
        (with(good.clone(), "certificate", &der[..der.len() - 1]), "certificate_malformed"),
        (with(good.clone(), "certificate", &[&der[..], &[0]].concat()), "certificate_malformed"),
        (with(good.clone(), "certificate", &vec![0x30; 100_000]), "certificate_malformed"),
        (with(good.clone(), "certificate", &other.der()), "signature_mismatch"),
        (with(attached.clone(), "message", b"another"), "signature_mismatch"),
        (with(attached.clone(), "certificate", &other.der()), "signature_mismatch"),
        (with(attached.clone(), "signature", b""), "signature_malformed"),
        (with(attached.clone(), "signature", &detached), "signature_malformed"),
        (with(attached.clone(), "signature", &vec![0; 300_000]), "signature_malformed"),
        (with(attached.clone(), "signature", &flipped(&own, own.len() - 1)), "signature_mismatch"),
        (with(loose.clone(), "message", b"another"), "signature_mismatch"),
        (with(loose.clone(), "certificate", b"MIIB"), "certificate_malformed"),
        (
            with(loose.clone(), "signature", &by_openssl(&unit, CMSOptions::DETACHED | CMSOptions::CMS_NOCERTS)),
            "signature_malformed",
        ),
    ];
    // Cut off anywhere, it is malformed and nothing else.
    cases.extend(
        (1..own.len()).step_by(97).map(|end| (with(attached.clone(), "signature", &own[..end]), "signature_malformed")),
    );
    for (question, finding) in cases {
        let answer = desk.ask(&question).await;
        assert_eq!(answer["finding"], finding, "{answer} of {question}");
    }
    // A bit changed anywhere: what is found valid all the same is valid over this message.
    for at in (0..own.len()).step_by(41) {
        let answer = desk.ask(&with(attached.clone(), "signature", &flipped(&own, at))).await;
        let record = record::prove(&octets(&answer, "evidence"), None, &desk.anchors()).unwrap().record;
        let same = record.message_sha256.is_some_and(|sha256| sha256.0 == openssl::sha::sha256(MESSAGE));
        assert!(answer["valid"] == false || same, "{answer}");
    }
}

#[tokio::test]
async fn what_is_no_question_gets_a_problem_that_says_why() {
    let desk = Desk::of(KeyKind::P256, "[limits]\nbody_bytes = 4096\nquestion_ms = 700\nresponder_ms = 500").await;
    let at = desk.running.listen;
    let key = Some(desk.key.as_str());
    let good = raw(&desk.good().await, "ecdsa-sha256", MESSAGE);
    let without = |field: &str| {
        let mut question = good.clone();
        question.as_object_mut().unwrap().remove(field);
        question.to_string()
    };
    let long = format!("{{\"form\":\"raw\",\"message\":\"{}\"}}", "A".repeat(5000));
    for (body, said) in [
        (String::new(), "EOF"),
        ("[]".to_owned(), ""),
        ("{\"form\":\"telegram\"}".to_owned(), "telegram"),
        (without("form"), "form"),
        (without("algorithm"), "algorithm"),
        (without("certificate"), "certificate"),
        (without("message"), "message"),
        (good.to_string().replace("\"raw\"", "\"cms-detached\""), "algorithm"),
        (good.to_string().replace("\"message\":\"", "\"message\":\"*"), "Invalid"),
        (good.to_string().replace("ecdsa-sha256", "md5"), "md5"),
    ] {
        let answer = post_json(at, key, body.as_bytes()).await;
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")), "{body}");
        assert!(answer.text().contains(said), "{body}: {}", answer.text());
    }
    assert_eq!(post_json(at, key, long.as_bytes()).await.status, 413);
    assert_eq!(post_json(at, None, good.to_string().as_bytes()).await.status, 401);
    assert_eq!(post_json(at, Some("yxv_guess"), good.to_string().as_bytes()).await.status, 401);
    let bearer = format!("Authorization: Bearer {}\r\n", desk.key);
    assert_eq!(post(at, "/api/v1/verify", "text/plain", &bearer, b"{}").await.status, 415);
    assert_eq!(post(at, "/api/v1/other", "application/json", &bearer, b"{}").await.status, 404);
    let answer = crate::house::get(at, "/api/v1/verify").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    // Half a question, and then nothing.
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "POST /api/v1/verify HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_caller_gets_what_was_agreed_on_and_no_more() {
    let ground = Ground::sqlite().await;
    let callers = ground.path("callers.toml");
    let rare = add_caller(&callers, "rare", 6, &mut system_rng()).unwrap();
    let picky = add_caller(&callers, "picky", 600, &mut system_rng()).unwrap();
    let text = std::fs::read_to_string(&callers).unwrap();
    std::fs::write(&callers, format!("{text}issuers = [\"unit-other\"]\n")).unwrap();
    let desk = Desk::beside(ground.start("").await, "").await;
    let question = raw(&desk.good().await, "ecdsa-sha256", MESSAGE).to_string();
    let (at, question) = (desk.running.listen, question.as_bytes());
    assert_eq!(post_json(at, Some(&rare), question).await.status, 200);
    let answer = post_json(at, Some(&rare), question).await;
    assert_eq!(answer.status, 429);
    assert!((1..=10).contains(&answer.header("retry-after").unwrap().parse::<u32>().unwrap()));
    let answer = post_json(at, Some(&picky), question).await;
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&answer["finding"], &answer["code"]), (&json!("not_for_caller"), &json!(12)));
}

#[tokio::test]
async fn openssl_alone_checks_a_record_and_its_stamp() {
    let desk = Desk::new().await;
    let answer = desk.ask(&raw(&desk.good().await, "ecdsa-sha256", MESSAGE)).await;
    let folder = desk.house.ground.folder.path();
    let (evidence, stamp, content) = (folder.join("evidence.p7"), folder.join("stamp.tst"), folder.join("record.json"));
    std::fs::write(&evidence, octets(&answer, "evidence")).unwrap();
    std::fs::write(&stamp, octets(&answer, "time_stamp")).unwrap();
    let (root, issuing) = desk.trusted();
    let mut verify = Command::new("openssl");
    verify.args(["cms", "-verify", "-binary", "-inform", "DER", "-in"]).arg(&evidence).arg("-CAfile");
    verify.arg(pem(folder, "chain.pem", &[&desk.house.ground.root, desk.house.issuer()])).arg("-out").arg(&content);
    let (output, text) = run(verify).await;
    assert!(output.status.success(), "{text}");
    let record: Value = serde_json::from_slice(&std::fs::read(&content).unwrap()).unwrap();
    assert_eq!((&record["type"], &record["body"]["finding"]), (&json!("yinxin.verification.v1"), &json!("valid")));

    let stamped = |data: PathBuf| {
        let mut verify = Command::new("openssl");
        verify.args(["ts", "-verify", "-token_in", "-in"]).arg(&stamp).arg("-data").arg(data);
        verify.arg("-CAfile").arg(&root).arg("-untrusted").arg(&issuing);
        verify
    };
    let (output, text) = run(stamped(evidence.clone())).await;
    assert!(output.status.success() && text.contains("Verification: OK"), "{text}");
    let (output, text) = run(stamped(content.clone())).await;
    assert!(!output.status.success(), "a stamp over other bytes: {text}");

    // The status answer inside is one that `openssl ocsp` believes.
    let response = folder.join("answer.der");
    std::fs::write(&response, STANDARD.decode(record["body"]["status"]["ocsp"].as_str().unwrap()).unwrap()).unwrap();
    let unit = folder.join("unit.pem");
    let certificate = STANDARD.decode(record["body"]["certificate"].as_str().unwrap()).unwrap();
    std::fs::write(&unit, openssl::x509::X509::from_der(&certificate).unwrap().to_pem().unwrap()).unwrap();
    let mut ocsp = Command::new("openssl");
    ocsp.args(["ocsp", "-sha256", "-no_nonce", "-respin"])
        .arg(&response)
        .arg("-issuer")
        .arg(&issuing)
        .arg("-cert")
        .arg(&unit);
    ocsp.arg("-CAfile").arg(pem(folder, "both.pem", &[&desk.house.ground.root, desk.house.issuer()]));
    let (output, text) = run(ocsp).await;
    assert!(output.status.success() && text.contains("unit.pem: good"), "{text}");
}

#[tokio::test]
async fn a_record_that_was_changed_or_is_another_s_proves_nothing() {
    let desk = Desk::new().await;
    let unit = desk.good().await;
    let question = raw(&unit, "ecdsa-sha256", MESSAGE);
    let (one, two) = (desk.ask(&question).await, desk.ask(&question).await);
    let (evidence, stamp, anchors) = (octets(&one, "evidence"), octets(&one, "time_stamp"), desk.anchors());
    assert_ne!(one["record"], two["record"]);
    assert!(record::prove(&evidence, Some(&stamp), &anchors).is_ok());
    assert!(record::prove(&evidence, Some(&octets(&two, "time_stamp")), &anchors).is_err(), "another's stamp");
    for at in (0..evidence.len()).step_by(31) {
        let mut bent = evidence.clone();
        bent[at] ^= 1;
        assert!(record::prove(&bent, Some(&stamp), &anchors).is_err(), "octet {at}");
    }
    // A unit signs a record of its own: its certificate is none of a server of records.
    let content = cms::verify(&evidence).unwrap().content;
    let now = desk.house.ground.clock.now();
    let own = cms::sign(&content, &unit.der(), now, |message| Ok::<_, ()>(unit.sign(message))).unwrap();
    let error = record::prove(&own, None, &anchors).unwrap_err().to_string();
    assert!(error.contains("not meant for this use"), "{error}");
    // Nor does another hierarchy believe it.
    let root = authority("Other root", None);
    let others = Anchors::new(&root.der(), &[(issuer_id(), authority("Other", Some(&root)).der())]).unwrap();
    assert!(record::prove(&evidence, Some(&stamp), &others).is_err());
}

#[tokio::test]
async fn what_the_description_says_is_there() {
    let desk = Desk::new().await;
    let answer = crate::house::get(desk.running.listen, "/api/v1/openapi.json").await;
    let description: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"), "{description}");
    let verify = &description["paths"]["/api/v1/verify"]["post"];
    assert_eq!(verify["security"], json!([{ "key": [] }]));
    let forms = &description["components"]["schemas"]["VerifyRequest"]["oneOf"];
    assert_eq!(forms.as_array().unwrap().len(), 3);
    let findings = &description["components"]["schemas"]["Finding"]["enum"];
    assert_eq!(findings.as_array().unwrap().len(), Finding::ALL.len());
    assert!(
        description["paths"]["/tsa"]["post"]["responses"]["200"]["content"]["application/timestamp-reply"].is_object()
    );
    assert_eq!(crate::house::get(desk.running.operations, "/readyz").await.status, 200);
}

/// What a machine thinks of asking, that nobody else would: thousands of questions made from the description.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_that_the_description_does_not_have() {
    let desk = Desk::new().await;
    let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/schemathesis");
    assert!(program.exists(), "schemathesis is not installed: run scripts/setup test");
    let mut command = Command::new(program);
    command.arg("run").arg(format!("http://{}/api/v1/openapi.json", desk.running.listen));
    command.args(["--header", &format!("Authorization: Bearer {}", desk.key), "--max-examples", "80", "--seed", "7"]);
    const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                          response_schema_conformance,ignored_auth,unsupported_method";
    command.args(["--checks", CHECKS, "--no-color"]);
    let hooks = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance");
    command.env("PYTHONPATH", hooks).env("SCHEMATHESIS_HOOKS", "schemathesis_hooks");
    command.current_dir(desk.house.ground.folder.path());
    let (output, text) = run(command).await;
    assert!(output.status.success(), "{text}");
    assert!(text.contains("Tested: 2"), "{text}");
}
