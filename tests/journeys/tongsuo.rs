//! Whether Tongsuo judges as it must, on objects that OpenSSL made: accepts the standard SM2 id, refuses the empty
//! one and whatever was bent. A judge that said yes to everything would make its other verdicts worthless.

use std::path::Path;
use std::process::Command;

use journeys::judges::{root, tongsuo};
use journeys::programs::must;

/// GM/T 0009: the id when nothing else was agreed.
const STANDARD: &str = "1234567812345678";

/// What Tongsuo says of each kind of object of a hierarchy: chain, CRL, OCSP answer, request.
fn verdicts(folder: &Path) -> [anyhow::Result<String>; 4] {
    let file = |name: &str| folder.join(name);
    let (top, sub, leaf) = (file("root.cer"), file("sub.cer"), file("leaf.cer"));
    [
        tongsuo(&[&"verify-chain", &top, &sub, &leaf]),
        tongsuo(&[&"verify-crl", &sub, &file("sub.crl")]),
        tongsuo(&[&"verify-ocsp", &top, &sub, &leaf, &file("leaf.ocsp"), &"sha1"]),
        tongsuo(&[&"verify-request", &file("leaf.p10")]),
    ]
}

#[test]
fn tongsuo_accepts_the_standard_id_and_refuses_the_empty_one_and_bent_objects() -> anyhow::Result<()> {
    let script = root().join("tests/conformance/sm2_hierarchy.sh");
    let (standard, empty) = (tempfile::tempdir()?, tempfile::tempdir()?);
    must(Command::new(&script).arg(standard.path()).arg(STANDARD))?;
    must(Command::new(&script).arg(empty.path()))?;

    for (verdict, said) in
        verdicts(standard.path()).into_iter().zip(["verified", "verified, 0 entries", "good", "verified"])
    {
        assert_eq!(verdict?, said);
    }
    let refusals = [
        "certificate signature failure at depth 2",
        "the issuer's key did not sign this list",
        "signature failure",
        "not signed by the key it holds",
    ];
    for (verdict, why) in verdicts(empty.path()).into_iter().zip(refusals) {
        let error = verdict.expect_err("the empty id").to_string();
        assert!(error.contains(why), "{why} was expected: {error}");
    }
    // One bit of each signature: what stands last in these objects, but for the certificate in an OCSP answer.
    for name in ["leaf.cer", "sub.crl", "leaf.ocsp", "leaf.p10"] {
        let file = standard.path().join(name);
        let mut der = std::fs::read(&file)?;
        *der.last_mut().expect("an object") ^= 1;
        std::fs::write(&file, der)?;
    }
    for verdict in verdicts(standard.path()) {
        assert!(verdict.is_err(), "accepted a bent object: {verdict:?}");
    }
    Ok(())
}
