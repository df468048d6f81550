//! A desk: work that comes while other work is being done is done together next.
//!
//! For: the two writes of an issue and the look-ups before them, which cost little more for many orders than for
//! one. Nobody waits for company: an order that comes alone is taken at once. Whoever hands work in may go away;
//! the work is done all the same, for others depend on it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::stop::Stop;

/// Pieces of work that are done together at most: they stand or fall with one commit.
const MOST: usize = 64;

/// Where pieces of work `J` are handed in and answered by `A`.
pub(super) struct Desk<J, A> {
    waiting: Mutex<Vec<(J, oneshot::Sender<A>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl<J: Send + 'static, A: Send + 'static> Desk<J, A> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::new(Vec::new()), turn: tokio::sync::Mutex::new(()) })
    }

    /// Hands in work and waits for its answer. `all` does what has come together by the time its turn comes, and
    /// answers in the same order.
    ///
    /// # Errors
    /// [`Stop::BadWork`] when `all` panicked.
    pub(super) async fn hand_in<F>(
        self: &Arc<Self>,
        work: J,
        all: impl FnOnce(Vec<J>) -> F + Send + 'static,
    ) -> Result<A, Stop>
    where
        F: Future<Output = Vec<A>> + Send,
    {
        let (tell, told) = oneshot::channel();
        self.waiting().push((work, tell));
        let desk = self.clone();
        tokio::spawn(async move {
            let _turn = desk.turn.lock().await;
            let batch: Vec<_> = {
                let mut waiting = desk.waiting();
                let count = waiting.len().min(MOST);
                waiting.drain(..count).collect()
            };
            // Someone before may have done ours along with theirs.
            if batch.is_empty() {
                return;
            }
            let (work, tell): (Vec<J>, Vec<_>) = batch.into_iter().unzip();
            for (tell, answer) in tell.into_iter().zip(all(work).await) {
                drop(tell.send(answer));
            }
        });
        told.await.map_err(|_| Stop::BadWork("the work was left undone".into()))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<(J, oneshot::Sender<A>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Desk;

    #[tokio::test]
    async fn what_comes_meanwhile_is_done_together_and_each_gets_its_own_answer() {
        let desk: std::sync::Arc<Desk<u32, (u32, usize)>> = Desk::new();
        let one = |n: u32| {
            let desk = desk.clone();
            tokio::spawn(async move {
                let all = async |work: Vec<u32>| {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    work.iter().map(|n| (n * 10, work.len())).collect()
                };
                desk.hand_in(n, move |work| async move { all(work).await }).await.unwrap()
            })
        };
        let first = one(0);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let others: Vec<_> = (1..=100).map(one).collect();
        assert_eq!(first.await.unwrap(), (0, 1), "nobody waits for company");
        let mut sizes = Vec::new();
        for (n, other) in (1..).zip(others) {
            let (answer, size) = other.await.unwrap();
            assert_eq!(answer, n * 10);
            sizes.push(size);
        }
        assert_eq!((sizes[0], sizes[99]), (super::MOST, 100 - super::MOST));
    }
}
