//! The contract of statements and their lines, on both engines.

use std::sync::Arc;

use ca_core::sql::testing::databases;

use super::*;
use crate::fund::bank::{BankLine, LineState, Reason, Taken};
use crate::fund::opening::open_accounts;
use crate::fund::opening::tests::demo;
use crate::statement::Format;
use crate::vault::FieldKey;
use ca_core::domain::{Sha256, Timestamp};

const NOW: Timestamp = Timestamp::from_unix(1_795_500_000);

fn line(n: i64, taken: &Taken) -> BankLine {
    BankLine {
        number: format!("{}-{n:04}", taken.number),
        statement: taken.number.clone(),
        account: taken.account.clone(),
        serial: (n != 3).then(|| format!("B{n}")),
        fingerprint: Sha256([n as u8; 32]),
        day: NOW.beijing_day(),
        amount: Fen::new(100 * n),
        payer: "示范市东湖建筑工程有限公司".into(),
        payer_account: "62220001".into(),
        memo: "公积金".into(),
        state: LineState::Received,
        actor: "operator".into(),
        moved: NOW,
        version: 1,
    }
}

#[tokio::test]
async fn lines_are_kept_once_move_by_compare_and_swap_and_are_found_by_what_banks_say() {
    for fresh in databases(&fund_migrations()).await {
        let store: Arc<dyn FundStore> = Arc::new(fresh.database.clone());
        let chance = crate::chance_from_seed(1);
        open_accounts(&store, &demo(), &FieldKey::of([7; 32]), &chance, NOW).await.expect(fresh.engine);
        let taken = Taken {
            number: "01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
            account: "1305000022223333".into(),
            format: Format::Camt053,
            file_name: "11.xml".into(),
            sha256: Sha256([9; 32]),
            lines: 3,
            known: 0,
            at: NOW,
            actor: "operator".into(),
        };
        let mut tx = store.begin().await.expect(fresh.engine);
        tx.add_statement(&taken).await.expect(fresh.engine);
        for n in [2, 1, 3] {
            tx.add_line(&line(n, &taken)).await.expect(fresh.engine);
        }
        tx.commit().await.expect(fresh.engine);
        for twice in [
            BankLine { number: "other".into(), serial: None, ..line(1, &taken) },
            BankLine { number: "other".into(), fingerprint: Sha256([77; 32]), ..line(1, &taken) },
        ] {
            let mut tx = store.begin().await.expect(fresh.engine);
            assert!(tx.add_line(&twice).await.is_err_and(|error| error.is_conflict()), "{}", fresh.engine);
        }
        let mut tx = store.begin().await.expect(fresh.engine);
        assert_eq!(tx.statement_of_file(taken.sha256).await.expect(fresh.engine), Some(taken.clone()));
        assert_eq!(tx.lines_of(&taken.number, "", 10).await.expect(fresh.engine), [1, 2, 3].map(|n| line(n, &taken)));
        let known = tx.line_of_serial(&taken.account, "B2").await.expect(fresh.engine);
        assert_eq!(known, Some((Fen::new(200), NOW.beijing_day())));
        assert!(tx.has_line(&taken.account, Sha256([3; 32])).await.expect(fresh.engine));
        assert!(!tx.has_line("another", Sha256([3; 32])).await.expect(fresh.engine));
        let unit: AccountNumber = "0210000001".parse().expect("an account");
        for (n, state) in [
            (1, LineState::Proposed { reason: Reason::Name, unit: unit.clone() }),
            (2, LineState::Credited { unit: unit.clone(), operation: None }),
            (3, LineState::Returned { reference: "OUT-0001".into() }),
        ] {
            let moved = BankLine { state, actor: "clerk:李会计".into(), ..line(n, &taken) };
            tx.put_line(&moved).await.expect(fresh.engine);
            assert!(tx.put_line(&moved).await.is_err(), "{}: an old version", fresh.engine);
            let kept = tx.line(&moved.number).await.expect(fresh.engine);
            assert_eq!(kept, Some(BankLine { version: 2, ..moved }));
        }
        let asked = tx.lines_in("proposed", "", 10).await.expect(fresh.engine);
        assert_eq!(asked.iter().map(|line| line.number.as_str()).collect::<Vec<_>>(), [line(1, &taken).number]);
        let names = crate::fund::bank::spellings("示范市东湖建筑工程 有限公司");
        let found = tx.payers_named(&names).await.expect(fresh.engine);
        assert_eq!(found.iter().map(|payer| &payer.account).collect::<Vec<_>>(), [&unit]);
        assert!(tx.keep_receipt("B9", &unit, Fen::new(7), NOW).await.expect(fresh.engine));
        assert_eq!(tx.receipt("B9").await.expect(fresh.engine), Some((unit, Fen::new(7))));
        assert_eq!(tx.receipt("B8").await.expect(fresh.engine), None);
    }
}
