//! A future that shares a task with a busy one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls its future only after that has asked for it, however often the task is woken for others. A connection is polled for
/// each request; its timer, and the stop of the whole service behind a lock that all connections share, are not.
pub(super) struct Quiet<F> {
    future: Pin<Box<F>>,
    asked: Option<Arc<Asked>>,
}

/// That the future wants to be polled, and whose task it is in.
struct Asked {
    wanted: AtomicBool,
    task: Waker,
}

impl Wake for Asked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wanted.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl<F> Quiet<F> {
    pub(super) fn new(future: F) -> Self {
        Self { future: Box::pin(future), asked: None }
    }
}

impl<F: Future> Future for Quiet<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let asked = match &this.asked {
            Some(asked) if asked.task.will_wake(cx.waker()) => {
                if !asked.wanted.load(Ordering::Acquire) {
                    return Poll::Pending;
                }
                // What is asked for from here on is asked for again; what was before is seen and looked at now.
                asked.wanted.swap(false, Ordering::AcqRel);
                asked.clone()
            }
            _ => {
                let asked = Arc::new(Asked { wanted: AtomicBool::new(false), task: cx.waker().clone() });
                this.asked.insert(asked).clone()
            }
        };
        this.future.as_mut().poll(&mut Context::from_waker(&Waker::from(asked)))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_when_it_asks_and_not_when_others_do() {
        let (polls, notify) = (std::cell::Cell::new(0), Notify::new());
        let inner = async {
            let mut notified = std::pin::pin!(notify.notified());
            poll_fn(|cx| {
                polls.set(polls.get() + 1);
                notified.as_mut().poll(cx)
            })
            .await;
        };
        let mut quiet = Quiet::new(inner);
        for _ in 0..10 {
            tokio::select! {
                biased;
                () = &mut quiet => panic!("nothing happened"),
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
        assert_eq!(polls.get(), 1);
        notify.notify_one();
        quiet.await;
        assert_eq!(polls.get(), 2);
    }

    #[tokio::test]
    async fn a_timer_ends_in_another_task_too() {
        let mut quiet = Quiet::new(tokio::time::sleep(Duration::from_millis(30)));
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut quiet).await.is_err());
        tokio::spawn(quiet).await.expect("no panic");
    }
}
