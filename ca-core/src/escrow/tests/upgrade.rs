//! A centre that was founded when an order could take one key only: nothing of it is lost, and the keys it has can be
//! taken anew.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::Migrator;

use super::super::sql::{SqlEscrow, kmc_migrations};
use super::super::store::{EscrowStore as _, State, Taken};
use crate::domain::{OrderId, Sha256, Timestamp};
use crate::sql::Database;
use crate::sql::testing::databases;

/// One key of each state, and a recovery of the one in use. Digests and ids are filled in.
const BEFORE: [&str; 4] = [
    "INSERT INTO escrow_key (spki_sha256, kind, spki, sealed, made, state) \
     VALUES ('{aa}', 'SM2', 'spki a', 'sealed a', 100, 'stand_by')",
    "INSERT INTO escrow_key (spki_sha256, kind, spki, sealed, made, state, order_id, recipient_sha256, taken) \
     VALUES ('{bb}', 'SM2', 'spki b', 'sealed b', 101, 'in_use', '{one}', '{dd}', 102)",
    "INSERT INTO escrow_key (spki_sha256, kind, spki, sealed, made, state, order_id, recipient_sha256, taken, retired) \
     VALUES ('{cc}', 'P-256', 'spki c', 'sealed c', 103, 'history', '{two}', '{dd}', 104, 105)",
    "INSERT INTO escrow_recovery (id, statement_sha256, statement, first_approval, second_approval, \
       recipient_certificate, spki_sha256, recovered) VALUES ('{one}', '{ee}', 'what', 'first', 'second', 'to', '{bb}', 106)",
];

async fn execute(database: &Database, statement: String) {
    let statement = sqlx::AssertSqlSafe(statement).into_sql_str();
    match database {
        Database::Sqlite { writer, .. } => sqlx::raw_sql(statement).execute(writer).await.map(drop),
        Database::Postgres(pool) => sqlx::raw_sql(statement).execute(pool).await.map(drop),
    }
    .expect("the old schema takes it");
}

#[tokio::test]
async fn keys_and_recoveries_survive_and_an_order_may_take_a_second_key() {
    let digest = |octet: u8| Sha256([octet; 32]);
    let [one, two] = [1, 2].map(|at| OrderId::draw(Timestamp::from_unix(at), &mut crate::clock::system_rng()));
    let founded = kmc_migrations().iter().filter(|step| step.version < 3).cloned().collect();
    for fresh in databases(&Migrator::with_migrations(founded)).await {
        for statement in BEFORE {
            let mut statement = statement.replace("{one}", &one.to_string()).replace("{two}", &two.to_string());
            for octet in [0xaa, 0xbb, 0xcc, 0xdd, 0xee] {
                statement = statement.replace(&format!("{{{octet:x}}}"), &digest(octet).to_string());
            }
            execute(&fresh.database, statement).await;
        }
        fresh.database.migrate(&kmc_migrations()).await.expect("goes forward");

        let mut tx = SqlEscrow::new(fresh.database.clone()).begin().await.unwrap();
        let rows = [0xaa, 0xbb, 0xcc].map(digest);
        let [mut stand_by, in_use, history] = [tx.key(rows[0]).await, tx.key(rows[1]).await, tx.key(rows[2]).await]
            .map(|row| row.unwrap().expect("still there"));
        let taken = |order, at| Taken { order, recipient_sha256: digest(0xdd), at: Timestamp::from_unix(at) };
        assert_eq!(stand_by.state, State::StandBy, "{}", fresh.engine);
        assert_eq!(in_use.state, State::InUse(taken(one, 102)), "{}", fresh.engine);
        assert_eq!(history.state, State::History(taken(two, 104)), "{}", fresh.engine);
        assert_eq!((in_use.spki, in_use.sealed, in_use.made.unix()), (b"spki b".to_vec(), b"sealed b".to_vec(), 101));
        assert_eq!(tx.recovery(one).await.unwrap().expect("still there").spki_sha256, digest(0xbb), "{}", fresh.engine);

        // The order of the key in use takes another for another token, and for that one no third.
        let other = Taken { order: one, recipient_sha256: digest(0x11), at: Timestamp::from_unix(200) };
        tx.take(digest(0xaa), &other).await.unwrap();
        stand_by.state = State::InUse(other);
        assert_eq!(tx.key_of_order(one, digest(0x11)).await.unwrap(), Some(stand_by), "{}", fresh.engine);
        tx.commit().await.unwrap();
    }
}
