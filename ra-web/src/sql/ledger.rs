//! The ledger. Its lines are written and read, never changed: only the kept balances and their proof move.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ca_core::domain::{OfficeId, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row};
use crate::payment::fen::Fen;
use crate::payment::ledger::{Account, Entry, Posting};
use crate::payment::store::{Bills as _, Booked, Ledger};

const ADD: &str = "INSERT INTO ledger_entry (office, n, id, fact, subject, by_id, by_name, at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const POST: &str = "INSERT INTO ledger_posting (office, n, side, account, amount) VALUES ($1, $2, $3, $4, $5)";
const MOVE: &str = "INSERT INTO ledger_balance (office, account, balance) VALUES ($1, $2, $3) \
    ON CONFLICT (office, account) DO UPDATE SET balance = ledger_balance.balance + excluded.balance";
const BALANCES: &str = "SELECT account, balance FROM ledger_balance WHERE office = $1";
// CAST: PostgreSQL adds BIGINT up to NUMERIC.
const ADDED_UP: &str = "SELECT account, CAST(SUM(amount) AS BIGINT) AS balance FROM ledger_posting \
    WHERE office = $1 AND n > $2 GROUP BY account";
const LAST: &str = "SELECT MAX(n) FROM ledger_entry WHERE office = $1";
const PROOF: &str = "SELECT account, n, balance FROM ledger_proof WHERE office = $1";
const FORGET_PROOF: &str = "DELETE FROM ledger_proof WHERE office = $1";
const ADD_PROOF: &str = "INSERT INTO ledger_proof (office, account, n, balance) VALUES ($1, $2, $3, $4)";
const ENTRIES: &str = "SELECT office, n, id, fact, subject, by_name, at FROM ledger_entry WHERE office = $1 AND n < $2 \
    ORDER BY n DESC LIMIT $3";
const ABOUT: &str = "SELECT office, n, id, fact, subject, by_name, at FROM ledger_entry WHERE subject = $1 \
    ORDER BY n LIMIT 100";
const POSTINGS: &str = "SELECT account, amount FROM ledger_posting WHERE office = $1 AND n = $2 ORDER BY side";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] =
    &[ADD, POST, MOVE, BALANCES, ADDED_UP, LAST, PROOF, FORGET_PROOF, ADD_PROOF, ENTRIES, ABOUT, POSTINGS];

row!(EntryRow {
    office: String,
    n: i64,
    id: String,
    fact: String,
    subject: String,
    by_name: Option<String>,
    at: i64,
});

fn balances(rows: Vec<(String, i64)>) -> Result<Vec<(Account, Fen)>, DatabaseError> {
    let mut balances = rows
        .into_iter()
        .map(|(word, balance)| {
            let account = Account::from_word(&word).ok_or_else(|| odd("ledger_balance", &word, "account"))?;
            Ok((account, Fen::new(balance)))
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    balances.sort();
    Ok(balances)
}

#[async_trait]
trait WithPostings {
    async fn with_postings(&mut self, rows: Vec<EntryRow>) -> Result<Vec<Booked>, DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl WithPostings for SqlTx {
        async fn with_postings(&mut self, rows: Vec<EntryRow>) -> Result<Vec<Booked>, DatabaseError> {
            let mut booked = Vec::with_capacity(rows.len());
            for row in rows {
                let sides: Vec<(String, i64)> =
                    sqlx::query_as(POSTINGS).bind(&row.office).bind(row.n).fetch_all(self.connection()).await?;
                let postings = sides
                    .into_iter()
                    .map(|(word, amount)| {
                        let account =
                            Account::from_word(&word).ok_or_else(|| odd("ledger_posting", &row.id, "account"))?;
                        Ok(Posting { account, amount: Fen::new(amount) })
                    })
                    .collect::<Result<_, DatabaseError>>()?;
                booked.push(Booked {
                    n: row.n,
                    id: row.id,
                    fact: row.fact,
                    subject: row.subject,
                    by: row.by_name,
                    at: Timestamp::from_unix(row.at),
                    postings,
                });
            }
            Ok(booked)
        }
    }

    #[async_trait]
    impl Ledger for SqlTx {
        async fn book(&mut self, entry: &Entry) -> Result<(), DatabaseError> {
            let office = entry.office().as_str();
            let n = self.next_in_series(&format!("ledger/{office}")).await?;
            let done = sqlx::query(ADD)
                .bind(office)
                .bind(n)
                .bind(entry.id())
                .bind(entry.fact().word())
                .bind(entry.subject())
                .bind(entry.by().map(|by| by.id.as_str()))
                .bind(entry.by().map(|by| &by.name))
                .bind(entry.at().unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)?;
            for (side, posting) in (0_i16..).zip(entry.postings()) {
                let (account, amount) = (posting.account.word(), posting.amount.fen());
                let post = sqlx::query(POST).bind(office).bind(n).bind(side).bind(account).bind(amount);
                expect_rows(POST, post.execute(self.connection()).await?.rows_affected(), 1)?;
                let moved = sqlx::query(MOVE).bind(office).bind(account).bind(amount);
                expect_rows(MOVE, moved.execute(self.connection()).await?.rows_affected(), 1)?;
            }
            Ok(())
        }

        async fn balances(&mut self, office: &OfficeId) -> Result<Vec<(Account, Fen)>, DatabaseError> {
            balances(sqlx::query_as(BALANCES).bind(office.as_str()).fetch_all(self.connection()).await?)
        }

        async fn proved_balances(&mut self, office: &OfficeId) -> Result<Vec<(Account, Fen)>, DatabaseError> {
            let proof: Vec<(String, i64, i64)> =
                sqlx::query_as(PROOF).bind(office.as_str()).fetch_all(self.connection()).await?;
            let upto = proof.iter().map(|(_, n, _)| *n).max().unwrap_or(0);
            let mut sums: BTreeMap<String, i64> = proof.into_iter().map(|(word, _, balance)| (word, balance)).collect();
            let query = sqlx::query_as(ADDED_UP).bind(office.as_str()).bind(upto);
            let since: Vec<(String, i64)> = query.fetch_all(self.connection()).await?;
            for (word, amount) in since {
                *sums.entry(word).or_default() += amount;
            }
            balances(sums.into_iter().collect())
        }

        async fn add_up(&mut self, office: &OfficeId) -> Result<(i64, Vec<(Account, Fen)>), DatabaseError> {
            let (last,): (Option<i64>,) =
                sqlx::query_as(LAST).bind(office.as_str()).fetch_one(self.connection()).await?;
            let query = sqlx::query_as(ADDED_UP).bind(office.as_str()).bind(0_i64);
            Ok((last.unwrap_or(0), balances(query.fetch_all(self.connection()).await?)?))
        }

        async fn put_proof(&mut self, office: &OfficeId, n: i64, sums: &[(Account, Fen)]) -> Result<(), DatabaseError> {
            sqlx::query(FORGET_PROOF).bind(office.as_str()).execute(self.connection()).await?;
            for (account, balance) in sums {
                let add = sqlx::query(ADD_PROOF).bind(office.as_str()).bind(account.word()).bind(n).bind(balance.fen());
                expect_rows(ADD_PROOF, add.execute(self.connection()).await?.rows_affected(), 1)?;
            }
            Ok(())
        }

        async fn entries(&mut self, office: &OfficeId, before: i64, limit: i64) -> Result<Vec<Booked>, DatabaseError> {
            let query = sqlx::query_as(ENTRIES).bind(office.as_str()).bind(before).bind(limit);
            let rows: Vec<EntryRow> = query.fetch_all(self.connection()).await?;
            self.with_postings(rows).await
        }

        async fn entries_about(&mut self, subject: &str) -> Result<Vec<Booked>, DatabaseError> {
            let rows: Vec<EntryRow> = sqlx::query_as(ABOUT).bind(subject).fetch_all(self.connection()).await?;
            self.with_postings(rows).await
        }
    }
}
