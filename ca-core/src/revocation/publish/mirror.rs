//! Keeps targets in step with the folder of lists.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Bucket, Folder, Target, TargetError, number_in};
use crate::config::{Config, Publish};
use crate::domain::ListKind;

/// How often is looked whether something is newer in the folder.
const PAUSE: Duration = Duration::from_secs(5);

/// One target, and what is known of it.
pub struct Mirror {
    target: Box<dyn Target>,
    folder: PathBuf,
    /// The numbers that it is known to hold.
    holds: Mutex<BTreeMap<String, i64>>,
    fault: Mutex<Option<String>>,
}

impl Mirror {
    /// A mirror of a folder of lists.
    #[must_use]
    pub fn new(target: Box<dyn Target>, folder: PathBuf) -> Self {
        Self { target, folder, holds: Mutex::default(), fault: Mutex::default() }
    }

    /// Copies what is newer in the folder. Every list is tried, whatever becomes of the others.
    ///
    /// # Errors
    /// The first [`TargetError`].
    pub async fn catch_up(&self) -> Result<usize, TargetError> {
        let (mut copied, mut failed) = (0, None);
        for (file, number) in self.lists().await? {
            match self.catch_up_with(&file, number).await {
                Ok(true) => copied += 1,
                Ok(false) => {}
                Err(error) => failed = failed.or(Some(TargetError(format!("{file}: {error}")))),
            }
        }
        let name = self.target.name();
        let (behind, outcome) = failed.map_or((0.0, Ok(copied)), |error| (1.0, Err(error)));
        metrics::gauge!("ca_mirror_behind", "target" => name.clone()).set(behind);
        match &outcome {
            Ok(_) => *lock(&self.fault) = None,
            Err(error) => {
                metrics::counter!("ca_mirror_failures_total", "target" => name.clone()).increment(1);
                *lock(&self.fault) = Some(format!("{name}: {error}"));
            }
        }
        outcome
    }

    async fn catch_up_with(&self, file: &str, number: i64) -> Result<bool, TargetError> {
        if lock(&self.holds).get(file) == Some(&number) {
            return Ok(false);
        }
        let there = self.target.number(file).await?;
        if there.is_some_and(|there| there > number) {
            let there = there.unwrap_or_default();
            return Err(TargetError(format!("it holds number {there}, the folder only {number}")));
        }
        let newer = there != Some(number);
        if newer {
            self.target.put(file, File::open(self.folder.join(file))?).await?;
            metrics::counter!("ca_mirrored_total", "target" => self.target.name()).increment(1);
            tracing::info!(target_name = %self.target.name(), file, number, "Copied list {number} as {file}");
        }
        lock(&self.holds).insert(file.to_owned(), number);
        Ok(newer)
    }

    /// The lists in the folder and their numbers.
    async fn lists(&self) -> Result<BTreeMap<String, i64>, TargetError> {
        let folder = self.folder.clone();
        let read = move || {
            let mut lists = BTreeMap::new();
            for entry in std::fs::read_dir(&folder)? {
                let Ok(name) = entry?.file_name().into_string() else { continue };
                if ListKind::of_file(&name).is_none() {
                    continue;
                }
                if let Some(number) = number_in(&folder.join(&name))? {
                    lists.insert(name, number);
                }
            }
            Ok::<_, std::io::Error>(lists)
        };
        Ok(tokio::task::spawn_blocking(read).await.map_err(|error| TargetError(error.to_string()))??)
    }
}

/// All mirrors of a configuration.
#[derive(Clone, Default)]
pub struct Mirrors(Arc<[Mirror]>);

impl Mirrors {
    /// The mirrors of a configuration. Nothing is sent yet.
    ///
    /// # Errors
    /// [`TargetError`] when the secret of a bucket cannot be read, or its address is none.
    pub fn of(config: &Config) -> Result<Self, TargetError> {
        let folder = config.publish_dir.join("crl");
        let mirror = |publish: &Publish| -> Result<Mirror, TargetError> {
            let target: Box<dyn Target> = match publish {
                Publish::Folder { path } => Box::new(Folder::new(path.clone())),
                Publish::S3(bucket) => Box::new(Bucket::open(bucket)?),
            };
            Ok(Mirror::new(target, folder.clone()))
        };
        let mirrors = config.publish.iter().map(mirror).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(mirrors.into()))
    }

    /// What keeps which mirror behind; empty while all are in step.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.0.iter().filter_map(|mirror| lock(&mirror.fault).clone()).collect()
    }

    /// Copies once what is newer, to one mirror after the other.
    ///
    /// # Errors
    /// The first [`TargetError`]; the other mirrors are tried all the same.
    pub async fn catch_up(&self) -> Result<usize, TargetError> {
        let (mut copied, mut failed) = (0, None);
        for mirror in self.0.iter() {
            match mirror.catch_up().await {
                Ok(count) => copied += count,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(copied), Err)
    }

    /// Follows the folder, each mirror by itself, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = tokio::task::JoinSet::new();
        for index in 0..self.0.len() {
            let (mirrors, stop) = (self.0.clone(), stop.clone());
            tasks.spawn(async move {
                let mirror = &mirrors[index];
                loop {
                    let round = async {
                        if let Err(error) = mirror.catch_up().await {
                            tracing::error!(target_name = %mirror.target.name(), %error, "A mirror is behind");
                        }
                        tokio::time::sleep(PAUSE).await;
                    };
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = round => {}
                    }
                }
            });
        }
        tasks.join_all().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
