//! Time stamps from outside, asked for and judged by `openssl ts`.

use std::process::Command;

use crate::desk::{Desk, post};
use crate::house::Answer;
use crate::judges::run;

async fn ask(desk: &Desk, query: &[u8]) -> Answer {
    post(desk.running.listen, "/tsa", "application/timestamp-query", "", query).await
}

#[tokio::test]
async fn openssl_believes_each_stamp() {
    let desk = Desk::new().await;
    let folder = desk.house.ground.folder.path().to_owned();
    let (data, query, reply) = (folder.join("data"), folder.join("q.tsq"), folder.join("r.tsr"));
    std::fs::write(&data, "要证明的内容").unwrap();
    let (root, issuing) = desk.trusted();
    let own = folder.join("stamps.pem");
    let der = std::fs::read(folder.join("stamps.cer")).unwrap();
    std::fs::write(&own, openssl::x509::X509::from_der(&der).unwrap().to_pem().unwrap()).unwrap();
    let both = folder.join("both.pem");
    std::fs::write(&both, [std::fs::read(&own).unwrap(), std::fs::read(&issuing).unwrap()].concat()).unwrap();
    let mut serials = std::collections::BTreeSet::new();
    for options in [
        &["-sha256", "-cert"][..],
        &["-sha384", "-cert"],
        &["-sha512", "-cert"],
        &["-sm3", "-cert"],
        &["-sha256", "-no_nonce", "-cert"],
        &["-sha256"],
        &["-sha256", "-cert", "-tspolicy", "1.3.6.1.4.1.32473.3.1"],
    ] {
        let mut make = Command::new("openssl");
        make.args(["ts", "-query", "-data"]).arg(&data).args(options).arg("-out").arg(&query);
        let (output, text) = run(make).await;
        assert!(output.status.success(), "{text}");
        let answer = ask(&desk, &std::fs::read(&query).unwrap()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/timestamp-reply")));
        std::fs::write(&reply, &answer.body).unwrap();
        let mut verify = Command::new("openssl");
        verify.args(["ts", "-verify", "-queryfile"]).arg(&query).arg("-in").arg(&reply).arg("-CAfile").arg(&root);
        verify.arg("-untrusted").arg(if options.contains(&"-cert") { &issuing } else { &both });
        let (output, text) = run(verify).await;
        assert!(output.status.success() && text.contains("Verification: OK"), "{options:?}: {text}");
        let mut show = Command::new("openssl");
        show.args(["ts", "-reply", "-text", "-in"]).arg(&reply);
        let (_, text) = run(show).await;
        assert!(text.contains("Status: Granted.") && text.contains("Accuracy: 0x01 seconds"), "{text}");
        assert!(text.contains("Policy OID: 1.3.6.1.4.1.32473.3.1"), "{text}");
        let serial = text.lines().find_map(|line| line.strip_prefix("Serial number: ")).unwrap().to_owned();
        assert!(serials.insert(serial), "{text}");
    }
}

#[tokio::test]
async fn openssl_reads_why_there_is_no_stamp() {
    let desk = Desk::new().await;
    let folder = desk.house.ground.folder.path().to_owned();
    let (data, query, reply) = (folder.join("data"), folder.join("q.tsq"), folder.join("r.tsr"));
    std::fs::write(&data, "x").unwrap();
    for (options, why) in [
        (&["-sha1"][..], "unrecognized or unsupported algorithm identifier"),
        (&["-sha256", "-tspolicy", "1.2.3.4"], "the requested TSA policy is not supported by the TSA"),
    ] {
        let mut make = Command::new("openssl");
        make.args(["ts", "-query", "-data"]).arg(&data).args(options).arg("-out").arg(&query);
        run(make).await;
        std::fs::write(&reply, ask(&desk, &std::fs::read(&query).unwrap()).await.body).unwrap();
        let mut show = Command::new("openssl");
        show.args(["ts", "-reply", "-text", "-in"]).arg(&reply);
        let (_, text) = run(show).await;
        assert!(text.contains("Status: Rejected.") && text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_query_gets_a_problem() {
    let desk = Desk::new().await;
    let at = desk.running.listen;
    assert_eq!(post(at, "/tsa", "application/json", "", b"x").await.status, 415);
    assert_eq!(ask(&desk, &[0x30; 5000]).await.status, 413);
    let forged = "Authorization: Bearer yxv_guess\r\n";
    assert_eq!(post(at, "/tsa", "application/timestamp-query", forged, b"x").await.status, 401);
}
