//! What the tests of invoices share.

use ca_core::domain::Timestamp;

use super::content::{Content, Seller};
use super::record::{EInvoice, Issue};
use super::title::Title;
use crate::enrolment::case::Who;
use crate::payment::bill::tests::{NOW, bill};

pub(crate) fn seller() -> Seller {
    Seller {
        name: "示范市数字证书认证中心".into(),
        tax_id: "91350100M000100Y43".into(),
        address: "示范市人民路 1 号".into(),
        phone: "0319-2121212".into(),
        bank: "示范银行".into(),
        account: "1300000000000000".into(),
        drawer: "刘芳".into(),
        bureau: "示范市税务局".into(),
        category: "信息技术服务".into(),
        goods_code: "3040201000000000000".into(),
    }
}

/// The n-th invoice of a bill of 460 yuan is asked for.
pub(crate) fn asked_again(n: usize) -> EInvoice {
    let paid = bill().pay(NOW).expect("paid");
    let content = Content::of(&paid, Title::of(&paid), seller());
    EInvoice::ask(paid.number, n, content, Who::unit("系统"), NOW)
}

pub(crate) fn asked() -> EInvoice {
    asked_again(1)
}

pub(crate) fn issue(number: &str) -> Issue {
    Issue {
        number: number.into(),
        at: Timestamp::from_unix(1_790_000_000),
        check: "0123456789".into(),
        files: Vec::new(),
    }
}

/// Samples, with a seal.
pub(crate) fn invoices() -> super::Invoices {
    super::Invoices {
        provider: std::sync::Arc::new(super::provider::Local),
        seller: seller(),
        seal: Some(seal()),
        quota: true,
        site: "http://127.0.0.1:8080".into(),
    }
}

/// One seal for all tests.
pub(crate) fn seal() -> std::sync::Arc<super::ofd::seal::Seal> {
    static SEAL: std::sync::OnceLock<std::sync::Arc<super::ofd::seal::Seal>> = std::sync::OnceLock::new();
    SEAL.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("seal.key"), crate::vault::FieldKey::of([5; 32]));
        let name = seller().name;
        super::ofd::seal::Seal::found(&path, &key, &name, NOW, &crate::chance_from_seed(3)).expect("founded");
        let picture = crate::evidence::tests::PNG;
        super::ofd::seal::Seal::read(&path, &key, &name, picture).expect("read").into()
    })
    .clone()
}
