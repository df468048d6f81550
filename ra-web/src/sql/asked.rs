//! Counts of what was asked without a token.

use async_trait::async_trait;
use ca_core::for_each_backend;
use ca_core::sql::DatabaseError;

use crate::selfcare::asked::AskedTx;

const FORGET: &str = "DELETE FROM asked_about WHERE hour < $1";
const COUNT: &str = "INSERT INTO asked_about (about, hour, n) VALUES ($1, $2, 1) \
    ON CONFLICT (about) DO UPDATE SET n = asked_about.n + 1 RETURNING n";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[FORGET, COUNT];

for_each_backend! { SqlTx =>
    #[async_trait]
    impl AskedTx for SqlTx {
        async fn count_asked(&mut self, about: &str, hour: i64) -> Result<i64, DatabaseError> {
            sqlx::query(FORGET).bind(hour).execute(self.connection()).await?;
            let (n,): (i64,) = sqlx::query_as(COUNT).bind(about).bind(hour).fetch_one(self.connection()).await?;
            Ok(n)
        }
    }
}
