//! Reads the CA certificates that a site trusts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use ca_core::chain::Anchors;
use ca_core::domain::IssuerId;

use crate::config::Trust;

/// The roots and the issuing CAs of the configuration, DER files. Whoever can change them can log in as anyone.
///
/// # Errors
/// Names the file that cannot be read, the certificate that cannot serve, the issuer whose root is not among the
/// roots, or the file to which an SM2 id was given and which is no CA's.
pub fn read_anchors(trust: &Trust) -> anyhow::Result<Anchors> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let sm2_id = |path: &PathBuf| trust.sm2_ids.get(path).cloned().unwrap_or_default();
    for path in trust.sm2_ids.keys() {
        let known = trust.roots.iter().chain(trust.issuers.values()).any(|file| file == path);
        ensure!(known, "trust.sm2_ids names {}, which is the certificate of no root or issuer", path.display());
    }
    let roots = trust.roots.iter().map(|path| Ok((read(path)?, sm2_id(path)))).collect::<anyhow::Result<Vec<_>>>()?;
    let issuer = |(name, path): (&String, &PathBuf)| {
        let id = IssuerId::new(name).with_context(|| format!("{name:?} cannot name an issuer"))?;
        Ok((id, read(path)?, sm2_id(path)))
    };
    let issuers = trust.issuers.iter().map(issuer).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Anchors::of_roots(&roots, issuers)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ca_core::domain::KeyKind;
    use ca_core::sql::testing::sqlite;
    use ca_core::testing::rehearsable;

    use super::*;

    /// What a ceremony made whose root and unit CA have SM2 keys with ids of their own, and whose officers are believed
    /// by them.
    struct Published {
        folder: tempfile::TempDir,
        trust: Trust,
    }

    impl Published {
        async fn with(root_id: &str, unit_id: &str) -> Self {
            let fresh = sqlite(&ca_core::sql::authority_migrations()).await;
            let folder = tempfile::tempdir().expect("a folder");
            let (mut ceremony, ..) = rehearsable(folder.path(), &fresh.url);
            let id = |text: &str| Some(text.parse().expect("an id"));
            for root in &mut ceremony.plan.roots {
                (root.key, root.sm2_id) = (KeyKind::Sm2, id(root_id));
            }
            let unit = ceremony.plan.issuers.iter_mut().find(|issuer| issuer.id.as_str() == "unit-p256");
            let unit = unit.expect("the unit CA");
            (unit.key, unit.sm2_id) = (KeyKind::Sm2, id(unit_id));
            ceremony.hold().await.expect("the ceremony is held");
            let ca = folder.path().join("publish/ca");
            let trust = Trust {
                roots: vec![ca.join("root.cer")],
                issuers: BTreeMap::from([("unit-p256".to_owned(), ca.join("unit-p256.cer"))]),
                sm2_ids: BTreeMap::new(),
                ocsp: "http://127.0.0.1:9/ocsp".into(),
                crl: None,
                crl_max_age_seconds: 300,
            };
            Self { folder, trust }
        }

        fn naming(&self, ids: &[(&str, &str)]) -> Trust {
            let ca = self.folder.path().join("publish/ca");
            let ids = ids.iter().map(|(file, id)| (ca.join(file), id.parse().expect("an id")));
            Trust { sm2_ids: ids.collect(), ..self.trust.clone() }
        }

        /// Whether an officer's certificate is believed.
        fn believes(&self, trust: &Trust) -> Result<bool, String> {
            let anchors = read_anchors(trust).map_err(|error| error.to_string())?;
            let officer = std::fs::read(self.folder.path().join("limin.cer")).expect("an officer");
            Ok(anchors.verify(&officer, ca_core::testing::FOUNDED).is_ok())
        }
    }

    #[tokio::test]
    async fn cas_of_other_sm2_ids_are_believed_when_the_configuration_names_them() {
        let published = Published::with("the root", "the unit CA").await;
        let (root, unit) = (("root.cer", "the root"), ("unit-p256.cer", "the unit CA"));
        assert_eq!(published.believes(&published.naming(&[root, unit])), Ok(true));
        // The root's id is not the issuer's.
        for ids in [&[][..], &[unit], &[("root.cer", "the unit CA"), unit]] {
            assert!(published.believes(&published.naming(ids)).is_err(), "{ids:?}");
        }
        for ids in [&[root][..], &[root, ("unit-p256.cer", "the root")]] {
            assert_eq!(published.believes(&published.naming(ids)), Ok(false), "{ids:?}");
        }
        let why = published.believes(&published.naming(&[root, unit, ("unit.cer", "the unit CA")])).unwrap_err();
        assert!(why.contains("unit.cer, which is the certificate of no root or issuer"), "{why}");
    }

    #[tokio::test]
    async fn without_a_word_the_id_is_the_standard_one() {
        let published = Published::with("1234567812345678", "1234567812345678").await;
        assert_eq!(published.believes(&published.trust), Ok(true));
        assert!(published.believes(&published.naming(&[("root.cer", "")])).is_err());
    }
}
