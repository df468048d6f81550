//! The fund's rules, by the day from which they hold.

use async_trait::async_trait;
use ca_core::domain::BeijingDay;
use ca_core::sql::DatabaseError;
use ca_core::{for_each_backend, sql_row as row};

use super::{odd, read_day};
use crate::fund::amounts::{Fen, Rate};
use crate::fund::book_store::PolicyTx;
use crate::fund::policy::{DayOfYear, Policy, Rounding, SingleBase};

const KEEP_POLICY: &str = "INSERT INTO policy (valid_from, rate_min, rate_max, base_floor, base_cap, rounding, interest, \
    day_count, daily_rate_digits, adjust_from, adjust_to, single_base) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
    ON CONFLICT (valid_from) DO NOTHING";
const POLICY_AT: &str = "SELECT valid_from, rate_min, rate_max, base_floor, base_cap, rounding, interest, day_count, \
    daily_rate_digits, adjust_from, adjust_to, single_base FROM policy WHERE valid_from <= $1 ORDER BY valid_from DESC LIMIT 1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[KEEP_POLICY, POLICY_AT];

row!(PolicyRow {
    valid_from: String,
    rate_min: i64,
    rate_max: i64,
    base_floor: i64,
    base_cap: i64,
    rounding: String,
    interest: i64,
    day_count: i64,
    daily_rate_digits: Option<i64>,
    adjust_from: i64,
    adjust_to: i64,
    single_base: String,
});

impl TryFrom<PolicyRow> for Policy {
    type Error = DatabaseError;

    fn try_from(row: PolicyRow) -> Result<Self, DatabaseError> {
        let fault = |what| odd("policy", &row.valid_from, what);
        let rate = |n, what| Rate::new(n).ok_or_else(|| fault(what));
        Ok(Self {
            valid_from: read_day("policy", &row.valid_from)?,
            rate_min: rate(row.rate_min, "rate_min")?,
            rate_max: rate(row.rate_max, "rate_max")?,
            base_floor: Fen::new(row.base_floor),
            base_cap: Fen::new(row.base_cap),
            rounding: Rounding::from_word(&row.rounding).ok_or_else(|| fault("rounding"))?,
            interest: rate(row.interest, "interest")?,
            day_count: row.day_count,
            daily_rate_digits: row
                .daily_rate_digits
                .map(|n| u32::try_from(n).map_err(|_| fault("daily_rate_digits")))
                .transpose()?,
            adjust_from: DayOfYear(row.adjust_from),
            adjust_to: DayOfYear(row.adjust_to),
            single_base: SingleBase::from_word(&row.single_base).ok_or_else(|| fault("single_base"))?,
        })
    }
}

for_each_backend! { Tx =>
    #[async_trait]
    impl PolicyTx for Tx {
        async fn keep_policy(&mut self, policy: &Policy) -> Result<bool, DatabaseError> {
            let done = sqlx::query(KEEP_POLICY)
                .bind(policy.valid_from.to_string())
                .bind(policy.rate_min.ten_thousandths())
                .bind(policy.rate_max.ten_thousandths())
                .bind(policy.base_floor.fen())
                .bind(policy.base_cap.fen())
                .bind(policy.rounding.word())
                .bind(policy.interest.ten_thousandths())
                .bind(policy.day_count)
                .bind(policy.daily_rate_digits.map(i64::from))
                .bind(policy.adjust_from.0)
                .bind(policy.adjust_to.0)
                .bind(policy.single_base.word())
                .execute(self.connection())
                .await?;
            Ok(done.rows_affected() == 1)
        }

        async fn policy_at(&mut self, day: BeijingDay) -> Result<Option<Policy>, DatabaseError> {
            let row: Option<PolicyRow> =
                sqlx::query_as(POLICY_AT).bind(day.to_string()).fetch_optional(self.connection()).await?;
            row.map(Policy::try_from).transpose()
        }
    }
}
