//! A desk: work that comes while other work is being done is done together next.
//!
//! For: the two writes of an issue, the look-ups before them, and the signing between them, which cost less for many
//! orders than for each. Nobody waits for company: an order that comes alone is taken at once. Whoever hands work in
//! may go away; the work is done all the same, for others depend on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::stop::Stop;

/// Where pieces of work `J` are handed in and answered by `A`.
pub(super) struct Desk<J, A> {
    line: Mutex<Line<J, A>>,
    /// Pieces of work that are done together at most.
    most: usize,
    /// How many hands there are: batches that are done at the same time.
    hands: usize,
}

struct Line<J, A> {
    waiting: VecDeque<(J, oneshot::Sender<A>)>,
    /// Hands that are at work.
    busy: usize,
}

impl<J: Send + 'static, A: Send + 'static> Desk<J, A> {
    /// `most`: pieces of work that are done together at most; `hands`: batches that are done at the same time.
    pub(super) fn new(most: usize, hands: usize) -> Arc<Self> {
        Arc::new(Self { line: Mutex::new(Line { waiting: VecDeque::new(), busy: 0 }), most, hands })
    }

    /// Hands in work and waits for its answer. `all` does what has come together by the time a hand is free, and
    /// answers in the same order.
    ///
    /// # Errors
    /// [`Stop::BadWork`] when `all` panicked.
    pub(super) async fn hand_in<F>(
        self: &Arc<Self>,
        work: J,
        all: impl Fn(Vec<J>) -> F + Send + 'static,
    ) -> Result<A, Stop>
    where
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let free = {
            let mut line = self.line();
            line.waiting.push_back((work, tell));
            let free = line.busy < self.hands;
            line.busy += usize::from(free);
            free
        };
        if free {
            tokio::spawn(self.clone().work(all));
        }
        told.await.map_err(|_| Stop::BadWork("the work was left undone".into()))
    }

    /// One hand: works until nothing waits.
    async fn work<F>(self: Arc<Self>, all: impl Fn(Vec<J>) -> F + Send + 'static)
    where
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        loop {
            // Those whose work became ready at the same time, as that of a batch before does, hand in first: they run
            // before this goes on.
            tokio::task::yield_now().await;
            let Some((work, tell)) = self.next() else { return };
            // A task of its own: after a panic nobody of this batch is answered, and the next one is done.
            let done = tokio::spawn(all(work)).await;
            for (tell, answer) in tell.into_iter().zip(done.unwrap_or_default()) {
                drop(tell.send(answer));
            }
        }
    }

    /// What waits; when there is nothing, this hand rests.
    fn next(&self) -> Option<(Vec<J>, Vec<oneshot::Sender<A>>)> {
        let mut line = self.line();
        let count = line.waiting.len().min(self.most);
        if count == 0 {
            line.busy -= 1;
            return None;
        }
        Some(line.waiting.drain(..count).unzip())
    }

    fn line(&self) -> MutexGuard<'_, Line<J, A>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Desk;

    const MOST: usize = 64;

    #[tokio::test]
    async fn what_comes_meanwhile_is_done_together_and_each_gets_its_own_answer() {
        let desk: std::sync::Arc<Desk<u32, (u32, usize)>> = Desk::new(MOST, 1);
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
        assert_eq!((sizes[0], sizes[99]), (MOST, 100 - MOST));
    }

    #[tokio::test]
    async fn a_panic_is_told_to_those_whose_work_it_was_and_the_next_are_served() {
        let desk: std::sync::Arc<Desk<u32, u32>> = Desk::new(1, 1);
        let one = |n: u32| {
            let desk = desk.clone();
            tokio::spawn(async move {
                desk.hand_in(n, |work| async move {
                    assert!(work != [0], "a fault");
                    work
                })
                .await
            })
        };
        let told = [one(0), one(1)];
        let [first, second] = told;
        assert!(first.await.unwrap().is_err());
        assert_eq!(second.await.unwrap().unwrap(), 1);
    }

    #[tokio::test]
    async fn as_many_batches_as_there_are_hands_are_done_at_the_same_time() {
        let desk: std::sync::Arc<Desk<u32, u32>> = Desk::new(1, 2);
        let meet = std::sync::Arc::new(tokio::sync::Barrier::new(2));
        let one = |n: u32| {
            let (desk, meet) = (desk.clone(), meet.clone());
            tokio::spawn(async move {
                let both = move |work| {
                    let meet = meet.clone();
                    async move {
                        meet.wait().await;
                        work
                    }
                };
                desk.hand_in(n, both).await.unwrap()
            })
        };
        let (one, other) = (one(1), one(2));
        assert_eq!((one.await.unwrap(), other.await.unwrap()), (1, 2));
    }
}
