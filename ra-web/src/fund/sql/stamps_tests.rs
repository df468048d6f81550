//! The contract of time stamps, on both engines.

use ca_core::domain::{Sha256, Timestamp};
use ca_core::sql::testing::databases;

use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_795_500_000);

#[tokio::test]
async fn a_stamp_is_asked_for_once_taken_by_one_and_kept_by_the_last_who_took_it() {
    for fresh in databases(&fund_migrations()).await {
        let engine = fresh.engine;
        let mut tx = FundStore::begin(&fresh.database).await.expect(engine);
        for (serial, byte, at) in [("A", 1, NOW), ("B", 2, NOW.plus(1)), ("A", 9, NOW.plus(2))] {
            tx.ask_stamp(serial, Sha256([byte; 32]), at).await.expect(engine);
        }
        assert!(tx.due_stamp(NOW.plus(-1)).await.expect(engine).is_none(), "{engine}");
        let mut first = tx.due_stamp(NOW.plus(5)).await.expect(engine).expect(engine);
        assert_eq!((first.serial.as_str(), first.evidence), ("A", Sha256([1; 32])), "{engine}: asked for once");
        assert!(tx.take_stamp(&first, NOW.plus(60)).await.expect(engine), "{engine}");
        assert!(!tx.take_stamp(&first, NOW.plus(90)).await.expect(engine), "{engine}: by one");
        first.tries += 1;
        assert_eq!(tx.due_stamp(NOW.plus(5)).await.expect(engine).expect(engine).serial, "B", "{engine}");
        // The lease is over: another takes it, and the first is too late.
        let mut second = tx.due_stamp(NOW.plus(61)).await.expect(engine).expect(engine);
        while second.serial != "A" {
            assert!(tx.take_stamp(&second, NOW.plus(999)).await.expect(engine), "{engine}");
            second = tx.due_stamp(NOW.plus(61)).await.expect(engine).expect(engine);
        }
        assert!(tx.take_stamp(&second, NOW.plus(120)).await.expect(engine), "{engine}");
        second.tries += 1;
        assert!(!tx.keep_stamp(&first, b"old", NOW).await.expect(engine), "{engine}");
        assert!(!tx.fail_stamp(&first, "old", true, None).await.expect(engine), "{engine}");
        assert!(tx.keep_stamp(&second, b"token", NOW.plus(62)).await.expect(engine), "{engine}");
        let kept = tx.stamp_of("A").await.expect(engine).expect(engine);
        assert_eq!((kept.at, &kept.token[..]), (NOW.plus(62), &b"token"[..]), "{engine}");
        assert!(!tx.keep_stamp(&second, b"another", NOW).await.expect(engine), "{engine}: once");
        assert_eq!(tx.count_stamps().await.expect(engine), (1, 0), "{engine}");
        tx.commit().await.expect(engine);
    }
}

#[tokio::test]
async fn what_fails_is_counted_waits_or_is_given_up_and_revived() {
    for fresh in databases(&fund_migrations()).await {
        let engine = fresh.engine;
        let mut tx = FundStore::begin(&fresh.database).await.expect(engine);
        tx.ask_stamp("A", Sha256([1; 32]), NOW).await.expect(engine);
        for (refused, next, n) in [(false, Some(NOW.plus(15)), 0), (true, Some(NOW.plus(30)), 1), (true, None, 2)] {
            let mut asked = tx.due_stamp(NOW.plus(100)).await.expect(engine).expect(engine);
            assert!(tx.take_stamp(&asked, NOW.plus(60)).await.expect(engine), "{engine}");
            asked.tries += 1;
            assert!(tx.fail_stamp(&asked, "away", refused, next).await.expect(engine), "{engine}");
            let lists = [tx.waiting_stamps(9).await.expect(engine), tx.given_up_stamps(9).await.expect(engine)];
            let list = &lists[usize::from(next.is_none())];
            assert_eq!((list.len(), list[0].refused, list[0].fault.as_str()), (1, n, "away"), "{engine}");
            assert!(lists[usize::from(next.is_some())].is_empty(), "{engine}");
        }
        assert_eq!(tx.count_stamps().await.expect(engine), (0, 1), "{engine}");
        assert!(tx.due_stamp(NOW.plus(1_000)).await.expect(engine).is_none(), "{engine}");
        assert!(tx.stamp_of("A").await.expect(engine).is_none(), "{engine}");
        assert_eq!(tx.revive_stamps(NOW.plus(50)).await.expect(engine), 1, "{engine}");
        let again = tx.due_stamp(NOW.plus(50)).await.expect(engine).expect(engine);
        assert_eq!((again.since, again.asked), (NOW.plus(50), NOW), "{engine}");
        tx.commit().await.expect(engine);
    }
}
