use super::*;

const UNIT: &str = include_str!("../../../profiles/unit_sign.toml");
const ENCRYPT: &str = include_str!("../../../profiles/unit_encrypt.toml");
const PERSON: &str = include_str!("../../../profiles/person.toml");
const ROOT: &str = include_str!("../../../profiles/root.toml");
const OCSP: &str = include_str!("../../../profiles/ocsp_responder.toml");
const SERVER: &str = include_str!("../../../profiles/tls_server.toml");
const STAMP: &str = include_str!("../../../profiles/timestamp.toml");

fn faults(text: &str, from: &str, to: &str) -> Vec<&'static str> {
    assert!(text.contains(from), "{from}");
    let found = profile("file", &text.replacen(from, to, 1)).map(|_| ()).expect_err("a fault");
    found.into_iter().map(|fault| fault.name).collect()
}

#[test]
fn each_rule_has_its_fault() {
    let cases = [
        (UNIT, "name = \"unit-sign\"", "name = \"Unit!\"", "name"),
        (UNIT, "keys = [\"P-256\", \"RSA-2048\", \"SM2\"]", "keys = []", "no-key"),
        (UNIT, "keys = ", "issuers = []\nkeys = ", "no-issuer"),
        (UNIT, "\"non_repudiation\"", "\"key_cert_sign\"", "only-ca"),
        (UNIT, "\"digital_signature\", ", "", "no-signature"),
        (UNIT, "\"non_repudiation\"", "\"signing\"", "usage-word"),
        (UNIT, "\"non_repudiation\"", "\"digital_signature\"", "twice"),
        (UNIT, "\"non_repudiation\"", "\"key_encipherment\"", "mixed-usage"),
        (UNIT, "\"client_auth\"", "\"ocsp_signing\"", "only-responder"),
        (UNIT, "\"client_auth\", \"email_protection\"", "", "no-purpose"),
        (UNIT, "\"client_auth\"", "\"email_protection\"", "twice"),
        (UNIT, "\"client_auth\"", "\"any\"", "no-oid"),
        (UNIT, "ocsp = true", "path_length = 0", "path-length"),
        (UNIT, "max_years = 5", "max_years = 0", "term"),
        (UNIT, "max_years = 5", "max_seconds = 60", "term"),
        (UNIT, "attribute = \"ST\"", "attribute = \"state\"", "attribute"),
        (UNIT, "attribute = \"ST\"", "attribute = \"2.5.4.1\"", "attribute"),
        (UNIT, "attribute = \"ST\"", "attribute = \"C\"", "text-type"),
        (UNIT, "attribute = \"ST\"", "attribute = \"CN\"", "twice"),
        (UNIT, "field = \"province\"", "field = \"resident_id\"", "personal"),
        (UNIT, "field = \"province\"", "value = \"\"", "literal"),
        (UNIT, "field = \"province\"", "value = \"11010519491231002X\"", "literal"),
        (UNIT, "field = \"province\"", "value = \"河北省\"\nrequired = false", "literal"),
        (UNIT, "field = \"country\"", "value = \"china\"", "literal"),
        (UNIT, "field = \"province\"", "field = \"province\"\nvalue = \"河北省\"", "source"),
        (UNIT, "field = \"province\"\n", "", "source"),
        (UNIT, "oid = \"1.2.156.10260.4.1.4\"", "oid = \"2.5.29.19\"", "pkix-arc"),
        (UNIT, "oid = \"1.2.156.10260.4.1.4\"", "oid = \"1.3.6.1.4.1.32473.1.4\"", "twice"),
        (UNIT, "field = \"uscc\"", "explicit = 1\nimplicit = 1\nfield = \"uscc\"", "tagging"),
        (UNIT, "field = \"uscc\"", "explicit = 31\nfield = \"uscc\"", "tagging"),
        (UNIT, "field = \"uscc\"", "field = \"resident_id\"", "personal"),
        (UNIT, "field = \"uscc\"", "field = \"resident_id\"\npersonal = true", "personal"),
        (UNIT, "field = \"uscc\"", "field = \"uscc\"\npersonal = true", "personal"),
        (UNIT, "field = \"uscc\"", "field = \"dns_names\"", "identity-field"),
        (UNIT, "field = \"uscc\"", "field = \"nothing\"", "unknown-word"),
        (UNIT, "kind = \"end_entity\"", "kind = \"issuing\"", "path-length"),
        (UNIT, "ocsp = true", "ocps = true", "unknown-key"),
        (UNIT, "oid = \"1.3.6.1.4.1.32473.2.1\"", "oid = \"2.5.29.32.0\"", "any-policy"),
        (UNIT, "http://cps.example/yinxin", "ftp://cps.example", "cps"),
        (UNIT, "http://cps.example/yinxin", "http://cps.example/印信", "cps"),
        (UNIT, "ocsp = true", "alternative_names = [\"dns_names\"]", "server-names"),
        (ENCRYPT, "keys = ", "encryption = \"unit-encrypt\"\nkeys = ", "pair-usage"),
        (
            ENCRYPT,
            "[\"key_encipherment\", \"data_encipherment\", \"key_agreement\"]",
            "[\"key_encipherment\"]",
            "usage-of-key",
        ),
        (ENCRYPT, "\"email_protection\"", "\"time_stamping\"", "purpose-usage"),
        (PERSON, "person = true", "person = false", "personal"),
        (PERSON, "personal = true\n", "", "personal"),
        (ROOT, "path_length = 1", "crl_distribution_point = true", "root-locations"),
        (ROOT, "path_length = 1", "path_length = 10", "path-length"),
        (ROOT, "path_length = 1", "issuers = [\"root\"]", "root-issuers"),
        (ROOT, "path_length = 1", "encryption = \"root\"", "pair-kind"),
        (ROOT, "path_length = 1", "person = true", "person-kind"),
        (ROOT, "\"crl_sign\"", "\"digital_signature\"", "ca-usage"),
        (ROOT, "\"crl_sign\"", "\"crl_sign\", \"key_agreement\"", "ca-enciphers"),
        (ROOT, "\"crl_sign\"]", "\"crl_sign\"]\ncritical = false", "usage-critical"),
        (ROOT, "[key_usage]", "[extended_key_usage]\npurposes = [\"client_auth\"]\n[key_usage]", "ca-purpose"),
        (OCSP, "\"ocsp_signing\"", "\"ocsp_signing\", \"client_auth\"", "responder-purpose"),
        (OCSP, "\"digital_signature\"", "\"digital_signature\", \"key_agreement\"", "responder-enciphers"),
        (OCSP, "max_seconds = 604800", "max_seconds = 604800000", "term"),
        (OCSP, "max_seconds = 604800", "max_seconds = 604800\nbegins = \"moment\"", "term"),
        (SERVER, "\"dns_names\"", "\"common_name\"", "alternative"),
        (SERVER, "\"dns_names\"", "\"ip_addresses\"", "twice"),
        (SERVER, "[\"dns_names\", \"ip_addresses\"]", "[]", "server-names"),
        (STAMP, "critical = true", "critical = false", "time-stamping"),
        (STAMP, "\"time_stamping\"", "\"time_stamping\", \"client_auth\"", "time-stamping"),
    ];
    for (text, from, to, wanted) in cases {
        let told = faults(text, from, to);
        assert!(told.contains(&wanted), "{to}: {told:?}");
    }
    let none: String = UNIT.split("[[subject]]").take(2).collect::<Vec<_>>().join("[[subject]]");
    let none = none.replace("field = \"country\"", "value = \"CN\"");
    assert_eq!(profile("file", &none).expect_err("a fault")[0].name, "no-subject");
}

#[test]
fn a_server_may_encipher_with_the_key_that_it_signs_with() {
    let both = SERVER.replacen("\"digital_signature\"", "\"digital_signature\", \"key_encipherment\"", 1);
    assert!(profile("file", &both).is_ok());
}

/// The subject of `domain.md` §1.2: fixed O and OU, a number as a second OU and as an attribute of its own.
#[test]
fn the_practice_of_hebei_is_a_file() {
    let text = r#"
name = "hebei-unit"
kind = "end_entity"
keys = ["RSA-2048"]
[key_usage]
bits = ["digital_signature", "non_repudiation"]
[extended_key_usage]
purposes = ["client_auth", "email_protection"]
[validity]
max_years = 3
begins = "moment"
ends = "day_before"
[[subject]]
attribute = "C"
value = "CN"
type = "printable"
[[subject]]
attribute = "ST"
value = "河北省"
type = "utf8"
[[subject]]
attribute = "O"
value = "hebca"
type = "utf8"
[[subject]]
attribute = "OU"
value = "hebca"
type = "utf8"
[[subject]]
attribute = "OU"
field = "organisational_unit"
type = "utf8"
[[subject]]
attribute = "GN"
field = "unique_id"
type = "utf8"
[[subject]]
attribute = "1.2.156.112586.1.3"
field = "organisational_unit"
type = "utf8"
[[subject]]
attribute = "1.2.156.112586.1.10"
field = "uscc"
type = "utf8"
[[subject]]
attribute = "CN"
field = "common_name"
type = "utf8"
"#;
    let profile = profile("file", text).expect("sound");
    assert_eq!(profile.names.len(), 9);
    let twice = text.replace("field = \"organisational_unit\"", "value = \"hebca\"");
    assert_eq!(super::profile("file", &twice).expect_err("a fault")[0].name, "twice");
    let doubtful = text.replacen(
        "value = \"hebca\"\ntype = \"utf8\"\n[[subject]]\nattribute = \"OU\"\nfield",
        "field = \"province\"\ntype = \"utf8\"\nrequired = false\n[[subject]]\nattribute = \"OU\"\nfield",
        1,
    );
    assert_eq!(super::profile("file", &doubtful).expect_err("a fault")[0].name, "optional-first");
}
