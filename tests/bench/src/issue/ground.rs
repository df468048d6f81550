//! An authority in this process, and orders for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ca_core::domain::{Act, IssuerId, KeyKind, ProfileName, Subject, SubjectField};
use ca_core::issuance::{Authority, Evidence};
use ca_core::service::client::CertificateAuthority as _;
use ca_core::service::protocol::{Request, Submission};
use ca_core::sql::authority_migrations;
use ca_core::sql::testing::sqlite;
use ca_core::testing::{House, new_key};

use super::AT_ONCE;
use crate::raw::{Speed, cpu_seconds, speed};

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// From verified signatures to the durable certificate.
    Step,
    /// From the submission to the durable certificate.
    Whole,
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Step => "issuing step",
            Self::Whole => "whole order",
        })
    }
}

/// A founded authority.
pub(crate) struct Ground {
    pub(crate) house: House,
    authority: Arc<Authority>,
}

impl Ground {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let house = House::on(sqlite(&authority_migrations()).await).await;
        Ok(Self { authority: Arc::new(house.authority().await), house })
    }

    /// Opens the authority's store anew: what was prepared under another connection is seen.
    pub(crate) async fn reopen(&mut self) {
        self.authority = Arc::new(self.house.authority().await);
    }

    /// Issues so many certificates.
    pub(crate) async fn measure(&self, issuer: &str, work: Work, count: usize) -> anyhow::Result<Speed> {
        let submissions = (0..count).map(|_| self.submission(issuer)).collect::<anyhow::Result<Vec<_>>>()?;
        let authority = self.authority.clone();
        match work {
            Work::Whole => {
                at_once(submissions, move |submission| {
                    let authority = authority.clone();
                    async move { authority.call(Request::Submit(submission)).await.map(drop).map_err(Into::into) }
                })
                .await
            }
            Work::Step => {
                let read = |submission| Evidence::read(submission).map(Arc::new);
                let evidence = submissions.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
                at_once(evidence, move |evidence| {
                    let authority = authority.clone();
                    async move { authority.carry_out(evidence).await.map(drop).map_err(Into::into) }
                })
                .await
            }
        }
    }

    fn submission(&self, issuer: &str) -> anyhow::Result<Submission> {
        // Ids of orders ascend with time.
        self.house.clock.advance(1);
        Ok(self.house.issue(&self.house.order(one_certificate(issuer)?), &["limin", "wangqiang"], "limin", &new_key()))
    }
}

/// Issue one certificate: a person's, for a unit's order makes two and waits for the key-management centre.
fn one_certificate(issuer: &str) -> anyhow::Result<Act> {
    let fields = [
        (SubjectField::Country, "CN"),
        (SubjectField::Province, "示范省"),
        (SubjectField::CommonName, "示范市东湖建筑工程有限公司经办人"),
        (SubjectField::UniqueId, "P00000001"),
    ];
    let fields = fields.into_iter().map(|(field, value)| (field, value.to_owned())).collect();
    let unnamed = || anyhow::anyhow!("{issuer} is no name");
    Ok(Act::Issue {
        issuer: IssuerId::new(issuer).ok_or_else(unnamed)?,
        profile: ProfileName::new("person").ok_or_else(unnamed)?,
        subject: Subject::new(fields).map_err(|error| anyhow::anyhow!("{error}"))?,
        years: 1,
        key: KeyKind::P256,
        officer: None,
        replaces: None,
    })
}

/// Does all of these, [`AT_ONCE`] at the same time.
async fn at_once<T, F>(items: Vec<T>, one: impl Fn(T) -> F + Clone + Send + 'static) -> anyhow::Result<Speed>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let count = items.len();
    let (items, next) = (Arc::new(items), Arc::new(AtomicUsize::new(0)));
    let (start, before) = (Instant::now(), cpu_seconds()?);
    let mut tasks = Vec::new();
    for _ in 0..AT_ONCE {
        let (items, next, one) = (items.clone(), next.clone(), one.clone());
        tasks.push(tokio::spawn(async move {
            while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                one(item.clone()).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    speed(count, start, before)
}
