//! Shards: each certificate names the list that tells of it, and no other list does.

use super::*;
use crate::testing::revoke;

const SHARDS: u16 = 4;

#[tokio::test]
async fn a_certificate_is_judged_by_the_list_that_it_names_alone() {
    for desk in Desk::all_with(SHARDS).await {
        let engine = desk.engine;
        let shard_of = |view: &CertificateView| view.serial.shard(SHARDS);
        let bad = desk.issue().await;
        // Its encryption certificate falls with it, maybe in another shard.
        let falls = |view: &CertificateView| {
            let second = view.encryption.as_ref().map(|pair| pair.serial.shard(SHARDS));
            [Some(shard_of(view)), second]
        };
        let mut other = desk.issue().await;
        while falls(&bad).contains(&Some(shard_of(&other))) {
            other = desk.issue().await;
        }
        let names = |view: &CertificateView, shard: u16| {
            let url = format!("http://127.0.0.1:8083/crl/unit-p256-s{shard}.crl");
            view.certificate.0.windows(url.len()).any(|window| window == url.as_bytes())
        };
        assert!(names(&bad, shard_of(&bad)) && !names(&bad, shard_of(&other)));

        let untouched = desk.read(ListKind::Shard(shard_of(&other)));
        desk.order(revoke(&bad.issuer, &bad.serial)).await;
        assert_eq!(desk.due().await, Some(Due::News));
        desk.publish(Due::News).await;
        assert_eq!(desk.due().await, None, "{engine}");
        let own = desk.read(ListKind::Shard(shard_of(&bad)));
        let others = desk.read(ListKind::Shard(shard_of(&other)));
        assert_eq!(others, untouched, "{engine}: a shard that did not change is left alone");
        assert_eq!(number_of(&own), 2);

        assert!(desk.judged(&bad.certificate.0, &[&own], &[]).unwrap_err().contains("certificate revoked"));
        assert_eq!(desk.judged(&other.certificate.0, &[&others], &[]), Ok(()), "{engine}");
        // Another's list says nothing of it.
        assert!(desk.judged(&bad.certificate.0, &[&others], &[]).unwrap_err().contains("scope"));
        // The full list has all.
        let full = desk.read(ListKind::Full);
        assert!(desk.judged(&bad.certificate.0, &[&full], &[]).unwrap_err().contains("certificate revoked"));
        assert_eq!(desk.judged(&other.certificate.0, &[&full], &[]), Ok(()));
    }
}

#[tokio::test]
async fn the_shards_together_list_what_the_full_list_lists() {
    for desk in Desk::all_with(SHARDS).await {
        let mut views = Vec::new();
        for _ in 0..12 {
            views.push(desk.issue().await);
        }
        for view in views.iter().step_by(2) {
            desk.order(revoke(&view.issuer, &view.serial)).await;
        }
        desk.publish(Due::Time).await;
        for view in &views {
            for shard in 0..SHARDS {
                let wanted = if shard == view.serial.shard(SHARDS) { desk.listed(&view.serial) } else { None };
                assert_eq!(desk.listed_in(ListKind::Shard(shard), &view.serial), wanted, "{}", desk.engine);
            }
        }
        let text = openssl_crl(&desk.read(ListKind::Shard(1)), "-text");
        assert!(text.contains("X509v3 Issuing Distribution Point: critical"), "{text}");
        assert!(text.contains("/crl/unit-p256-s1.crl"), "{text}");
        // A lost one is made anew, with all its entries.
        std::fs::remove_file(desk.publisher.path(desk.issuing.id(), ListKind::Shard(1))).unwrap();
        assert_eq!(desk.due().await, Some(Due::News));
    }
}
