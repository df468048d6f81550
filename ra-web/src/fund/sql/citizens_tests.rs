//! The contract of what concerns single persons, on both engines.

use std::sync::Arc;

use ca_core::domain::{IssuerId, Serial, Sha256, SubjectField, Timestamp, WithdrawalReason};
use ca_core::sql::testing::databases;

use super::*;
use crate::fund::citizens::{CitizenRegistry, bring_in, parse};
use crate::fund::face::Answer;
use crate::fund::opening::open_accounts;
use crate::fund::opening::tests::demo;
use crate::fund::operation::Signature;
use crate::fund::withdrawal::{PaymentOrder, Stage, WithdrawalOrder};
use crate::login::{Holder, LoginError, Registry as _};
use crate::vault::FieldKey;

const NOVEMBER: Timestamp = Timestamp::from_unix(1_795_500_000);

async fn begun(database: &Database) -> Arc<dyn FundStore> {
    let store: Arc<dyn FundStore> = Arc::new(database.clone());
    let (key, chance) = (FieldKey::of([7; 32]), crate::chance_from_seed(1));
    open_accounts(&store, &demo(), &key, &chance, NOVEMBER).await.expect("opened");
    let citizens = parse(include_str!("../../../demo/citizens.toml")).expect("sound data");
    for _ in 0..2 {
        bring_in(&store, &citizens, &key, &chance, NOVEMBER).await.expect("brought in, however often");
    }
    store
}

fn holder(fields: &[(SubjectField, &str)]) -> Holder {
    Holder {
        certificate_sha256: Sha256([1; 32]),
        issuer: IssuerId::new("unit-p256").expect("a name"),
        serial: "4a01".parse::<Serial>().expect("a serial"),
        not_after: NOVEMBER.plus(1),
        subject: fields.iter().map(|(field, value)| (*field, (*value).to_owned())).collect(),
    }
}

#[tokio::test]
async fn a_person_is_known_by_the_unique_id_of_a_certificate_that_is_no_units() {
    for fresh in databases(&fund_migrations()).await {
        let registry = CitizenRegistry::new(begun(&fresh.database).await);
        let known = registry.recognise(&holder(&[(SubjectField::UniqueId, "HZ-P-000001")])).await.expect(fresh.engine);
        assert_eq!(known.person.name, "李强", "{}", fresh.engine);
        let unit = [(SubjectField::UniqueId, "HZ-P-000001"), (SubjectField::Uscc, "91130502MA0ABCDE61")];
        for stranger in
            [&unit[..], &[(SubjectField::UniqueId, "HZ-P-9")], &[(SubjectField::ResidentId, "130599197306120145")]]
        {
            let refused = registry.recognise(&holder(stranger)).await;
            assert!(matches!(refused, Err(LoginError::Refused(_))), "{}", fresh.engine);
        }
    }
}

#[tokio::test]
async fn an_order_is_one_persons_moves_by_compare_and_swap_and_the_bank_is_told_once() {
    for fresh in databases(&fund_migrations()).await {
        let store = begun(&fresh.database).await;
        let mut tx = store.begin().await.expect(fresh.engine);
        let person = tx.person_of_unique_id("HZ-P-000001").await.expect(fresh.engine).expect("bound");
        let other = tx.person_of_unique_id("HZ-P-000002").await.expect(fresh.engine).expect("bound");
        assert!(tx.bind_person(&person.id, "HZ-P-000002").await.is_err(), "{}: another person's", fresh.engine);
        drop(tx);
        let mut tx = store.begin().await.expect(fresh.engine);
        let accounts = tx.own_accounts(&person.id).await.expect(fresh.engine);
        let account = &accounts[0];
        assert!(tx.own_account(&other.id, &account.number).await.expect(fresh.engine).is_none());
        assert_eq!(tx.own_account(&person.id, &account.number).await.expect(fresh.engine).as_ref(), Some(account));
        assert!(tx.card(&person.id).await.expect(fresh.engine).is_some_and(|card| card.masked.ends_with("0012")));
        assert_eq!(tx.loans_of(&person.id).await.expect(fresh.engine).len(), 1);
        let today = NOVEMBER.beijing_day();
        assert!(tx.rule_at(WithdrawalReason::Rent, today).await.expect(fresh.engine).is_some());
        assert!(tx.rule_at(WithdrawalReason::Died, today).await.expect(fresh.engine).is_none());
        assert!(tx.first_entry(&account.number).await.expect(fresh.engine).is_some());
        let year = crate::fund::policy::fund_year(today) - 1;
        assert!(tx.is_settled(&account.unit, year, &account.number).await.expect(fresh.engine));

        let mut order = WithdrawalOrder {
            serial: "01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
            person: person.id.clone(),
            number: account.number.clone(),
            unit: account.unit.clone(),
            reason: WithdrawalReason::Rent,
            closes: false,
            amount: Fen::new(50_000),
            interest: Fen::ZERO,
            stage: Stage::Asked,
            created: NOVEMBER,
            expires: NOVEMBER.plus(900),
            nonce: "ab".into(),
            tries: 0,
            document: Vec::new(),
            face: None,
            signature: None,
            booked: None,
            version: 1,
        };
        tx.keep_withdrawal(&order).await.expect(fresh.engine);
        assert_eq!(tx.withdrawal(&other.id, &order.serial).await.expect(fresh.engine), None);
        assert!(tx.withdrawals_of(&person.id).await.expect(fresh.engine).is_empty(), "not signed");
        order.stage = Stage::Ordered;
        order.document = b"document".to_vec();
        order.face = Some(Answer { bytes: b"answer".to_vec(), signature: b"signature".to_vec() });
        order.booked = Some(today);
        order.signature = Some(Signature {
            certificate: b"certificate".to_vec(),
            message: b"message".to_vec(),
            status_source: "ocsp",
            status_evidence: b"response".to_vec(),
            at: NOVEMBER,
        });
        tx.move_withdrawal(&order).await.expect(fresh.engine);
        assert!(tx.move_withdrawal(&order).await.is_err(), "{}: the version is another", fresh.engine);
        drop(tx);

        let mut tx = store.begin().await.expect(fresh.engine);
        order = WithdrawalOrder { stage: Stage::Asked, version: 1, ..order };
        tx.keep_withdrawal(&order).await.expect(fresh.engine);
        order.stage = Stage::Ordered;
        tx.move_withdrawal(&order).await.expect(fresh.engine);
        order.version = 2;
        assert_eq!(tx.withdrawal(&person.id, &order.serial).await.expect(fresh.engine).as_ref(), Some(&order));
        assert_eq!(tx.last_withdrawal(&account.number, order.reason).await.expect(fresh.engine), Some(today));
        assert!(tx.has_unpaid(&account.number).await.expect(fresh.engine));
        let payment =
            PaymentOrder { serial: order.serial.clone(), message: b"sealed".to_vec(), made: NOVEMBER, written: None };
        tx.keep_payment(&payment).await.expect(fresh.engine);
        assert_eq!(tx.unwritten_payments().await.expect(fresh.engine), [payment]);
        tx.payment_written(&order.serial, NOVEMBER).await.expect(fresh.engine);
        assert!(tx.unwritten_payments().await.expect(fresh.engine).is_empty());
        assert!(tx.payment_made(&order.serial).await.expect(fresh.engine));
        assert!(!tx.payment_made(&order.serial).await.expect(fresh.engine), "once");
        tx.forget_withdrawals(NOVEMBER.plus(90_000)).await.expect(fresh.engine);
        assert_eq!(tx.withdrawals_of(&person.id).await.expect(fresh.engine).len(), 1, "what is signed stays");
        tx.commit().await.expect(fresh.engine);
    }
}
