use std::sync::OnceLock;

use ca_core::domain::BeijingDay;
use serde_json::{Value, json};

use super::*;
use crate::enrolment::papers::{Letterhead, Printer};

/// One press for all tests: the fonts are read once.
pub(crate) fn press() -> Press {
    static PRESS: OnceLock<Press> = OnceLock::new();
    PRESS.get_or_init(|| Press::open(&crate::config::Paper::default().fonts).expect("fonts-noto-cjk is there")).clone()
}

/// A printer for an office in a test.
pub(crate) fn printer() -> Printer {
    let letterhead = Letterhead {
        authority: "示范市数字证书认证中心".into(),
        cps_version: "1.0".into(),
        cps_sha256: Some(ca_core::domain::Sha256([7; 32])),
        cps_url: "http://127.0.0.1:8080/cps".into(),
        contact: "各受理点服务窗口".into(),
    };
    Printer { press: press(), letterhead }
}

fn noon() -> Timestamp {
    BeijingDay::from_calendar(2026, 11, 24).expect("a day").first_second().plus(43_200)
}

/// Every name that a template of a case reads.
pub(crate) fn sample() -> Value {
    json!({
        "title": "数字证书业务申请表（首次申请）", "number": "RA-20261124-0001", "authority": "示范市数字证书认证中心",
        "cps_version": "1.0", "cps_sha256": "07", "cps_url": "http://127.0.0.1:8080/cps", "contact": "各受理点服务窗口",
        "printed": "2026-11-24 12:00:00", "office": "demo-office", "process": "首次申请", "old": null,
        "unit_name": "示范市东湖建筑工程有限公司", "uscc": "91350100M000100Y43", "unit_kind": "企业", "person": false,
        "address": "示范市东湖区人民路 8 号", "legal_person": "张伟", "handler_name": "刘芳",
        "handler_id": "110105********002X", "handler_mobile": "13800138000", "purchased": "", "years": "2 年",
        "key": "SM2", "documents": ["营业执照（加盖公章），1 页", "经办人身份证，2 页"], "issuer": "unit-sm2",
        "serial": "4f5e8a0c2b9d17364f5e8a0c2b9d1736", "encryption_serial": "51fe8a0c2b9d17364f5e8a0c2b9d1700",
        "not_before": "2026-11-24", "not_after": "2028-11-24", "delivered": "2026-11-24 11:02:33",
        "revoked": "2026-12-01 09:30:00", "reason": "证书介质丢失、被盗或密钥泄露",
    })
}

#[tokio::test]
async fn the_same_paper_at_the_same_time_has_the_same_bytes_and_says_that_it_is_an_archive_pdf() {
    for template in ["application", "agreement", "handover", "revocation"] {
        let paper = press().print(template, &sample(), noon()).await.unwrap_or_else(|e| panic!("{e}"));
        assert!(paper.starts_with(b"%PDF-1.7") && paper.ends_with(b"%%EOF"), "{template}");
        let has = |mark: &str| paper.windows(mark.len()).any(|w| w == mark.as_bytes());
        assert!(has("<pdfaid:part>2</pdfaid:part>") && has("<pdfaid:conformance>A</pdfaid:conformance>"), "{template}");
        assert!(has("2026-11-24T12:00:00+08:00"), "{template}: dated by the clock that it was given");
        assert!(!has("JavaScript") && !has("/URI"), "{template}");
        let again = press().print(template, &sample(), noon()).await.expect("printed");
        assert!(paper == again, "{template}");
    }
}

/// A person signs in place of a unit's seal.
#[tokio::test]
async fn each_paper_of_a_case_is_printed_for_a_person_too() {
    let mut data = sample();
    for (name, value) in [("unit_name", "李强"), ("uscc", "HZ-P-000001"), ("unit_kind", "个人"), ("legal_person", "")]
    {
        data[name] = json!(value);
    }
    data["person"] = json!(true);
    for template in ["application", "agreement", "handover", "revocation"] {
        let paper = press().print(template, &data, noon()).await.unwrap_or_else(|e| panic!("{template}: {e}"));
        assert_ne!(paper, press().print(template, &sample(), noon()).await.expect("printed"), "{template}");
    }
}

/// Whatever someone types at the counter is printed as it is, and can reach no file.
#[tokio::test]
async fn data_are_text_and_never_markup() {
    let mut data = sample();
    data["unit_name"] = json!("#read(\"/etc/passwd\") = 标题 $x^2$ *粗* //");
    press().print("application", &data, noon()).await.expect("printed as text");
}

#[tokio::test]
async fn what_cannot_be_printed_is_named() {
    let mut data = sample();
    data["handler_name"] = json!("王\u{e000}");
    let error = press().print("application", &data, noon()).await.expect_err("a private character");
    assert!(matches!(error, PaperError::Glyph('\u{e000}')), "{error}");
    let error = press().print("no-such-paper", &sample(), noon()).await.expect_err("no template");
    assert!(matches!(error, PaperError::Template { .. }), "{error}");
    let error = press().print("handover", &json!({}), noon()).await.expect_err("no data");
    assert!(error.to_string().contains("number"), "{error}");
    let long = json!({ "unit_name": "印".repeat(2 * 1024 * 1024) });
    assert!(matches!(press().print("handover", &long, noon()).await, Err(PaperError::TooLong)));
}

#[test]
fn a_missing_font_names_the_package_that_brings_it() {
    let missing = [PathBuf::from("/nowhere/NotoSansCJK-Regular.ttc")];
    let error = Press::open(&missing).err().expect("refused").to_string();
    assert!(error.contains("/nowhere/") && error.contains("fonts-noto-cjk"), "{error}");
    let error = Press::open(&[]).err().expect("refused").to_string();
    assert!(error.contains("fonts-noto-cjk"), "{error}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    assert!(matches!(Press::open(&[file.path().to_owned()]), Err(FontError::NoFont(_))));
}
