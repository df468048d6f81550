//! Copies of the lists elsewhere.

use std::fs::File;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::config::Publish;
use crate::revocation::publish::{Folder, Mirror, Mirrors, Target, TargetError, number_in};

/// A target that fails while it is told to.
struct Fragile {
    folder: Folder,
    broken: Arc<Mutex<bool>>,
}

#[async_trait]
impl Target for Fragile {
    fn name(&self) -> String {
        "fragile".into()
    }

    async fn number(&self, file: &str) -> Result<Option<i64>, TargetError> {
        self.folder.number(file).await
    }

    async fn put(&self, file: &str, source: File) -> Result<(), TargetError> {
        if *self.broken.lock().unwrap() { Err(TargetError("away".into())) } else { self.folder.put(file, source).await }
    }
}

#[tokio::test]
async fn a_mirror_catches_up_and_is_never_set_back() {
    let desk = Desk::all().await.swap_remove(0);
    let from = desk.house.config.publish_dir.join("crl");
    let to = tempfile::tempdir().unwrap();
    let mirror = Mirror::new(Box::new(Folder::new(to.path().to_owned())), from.clone());
    let lists = files_in(&from).iter().filter(|name| name.ends_with(".crl")).count();
    assert_eq!(mirror.catch_up().await, Ok(lists));
    assert_eq!(mirror.catch_up().await, Ok(0), "nothing is copied twice");
    let file = ListKind::Full.file(desk.issuing.id());
    let old = std::fs::read(to.path().join(&file)).unwrap();
    desk.publish(Due::News).await;
    assert_eq!(mirror.catch_up().await, Ok(2), "full and delta");
    assert_eq!(std::fs::read(to.path().join(&file)).unwrap(), desk.read(ListKind::Full));

    // The folder is restored from a backup: the mirror keeps what is newer, and says so.
    std::fs::write(from.join(&file), old).unwrap();
    let again = Mirror::new(Box::new(Folder::new(to.path().to_owned())), from.clone());
    let refused = again.catch_up().await.unwrap_err();
    assert!(refused.0.contains("it holds number 2, the folder only 1"), "{refused}");
    assert_eq!(number_in(&to.path().join(&file)).unwrap(), Some(2));
}

#[tokio::test]
async fn a_mirror_that_fails_stops_neither_lists_nor_others_and_catches_up() {
    let desk = Desk::all().await.swap_remove(0);
    let from = desk.house.config.publish_dir.join("crl");
    let to = tempfile::tempdir().unwrap();
    let broken = Arc::new(Mutex::new(true));
    let target = Fragile { folder: Folder::new(to.path().to_owned()), broken: broken.clone() };
    let fragile = Mirror::new(Box::new(target), from);
    assert!(fragile.catch_up().await.unwrap_err().0.contains("away"));
    assert_eq!(desk.publish(Due::News).await, 2, "lists are made all the same");
    assert!(fragile.catch_up().await.is_err());
    *broken.lock().unwrap() = false;
    fragile.catch_up().await.unwrap();
    assert_eq!(number_in(&to.path().join("unit-p256.crl")).unwrap(), Some(2));
}

#[tokio::test]
async fn one_mirror_away_is_told_and_the_other_is_in_step() {
    let desk = Desk::all().await.swap_remove(0);
    let (good, mut config) = (tempfile::tempdir().unwrap(), desk.house.config.clone());
    let away = good.path().join("not-there");
    config.publish = vec![Publish::Folder { path: away.clone() }, Publish::Folder { path: good.path().to_owned() }];
    let mirrors = Mirrors::of(&config).unwrap();
    assert!(mirrors.catch_up().await.is_err());
    let faults = mirrors.faults();
    assert!(faults.len() == 1 && faults[0].contains("not-there"), "{faults:?}");
    assert_eq!(number_in(&good.path().join("unit-p256.crl")).unwrap(), Some(1));
    std::fs::create_dir(&away).unwrap();
    mirrors.catch_up().await.unwrap();
    assert_eq!(mirrors.faults(), Vec::<String>::new());
}
