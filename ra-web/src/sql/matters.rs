//! Matters about certificates, their papers, signatures and grants.

use async_trait::async_trait;
use ca_core::domain::{IssuerId, OfficeId, OrderId, Sha256, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::document::Media;
use crate::enrolment::waiting::Claim;
use crate::matters::store::{MatterFilter, MatterPaper, Matters};
use crate::matters::{About, GrantState, Kind, Matter, MatterDocument, MatterNumber, State, StoredGrant};
use crate::store::Signature;

const ADD: &str = "INSERT INTO matter (number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, \
    entry_id, entry_name, due, created, updated, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1)";
const PUT: &str = "UPDATE matter SET state = $3, facts = $4, reason = $5, order_id = $6, statement = $7, \
    entry_id = $8, entry_name = $9, reviewer_id = $10, reviewer_name = $11, due = $12, updated = $13, \
    claimed_id = $14, claimed_name = $15, claimed = $16, handler_id = $17, evidence_gone = $18, \
    version = version + 1 WHERE number = $1 AND version = $2";
const FIND: &str = "SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id, \
    statement, entry_id, entry_name, reviewer_id, reviewer_name, claimed_id, claimed_name, claimed, \
    handler_id, evidence_gone, created, updated, version FROM matter WHERE number = $1";
const OF_ORDER: &str = "SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id, \
    statement, entry_id, entry_name, reviewer_id, reviewer_name, claimed_id, claimed_name, claimed, \
    handler_id, evidence_gone, created, updated, version FROM matter WHERE order_id = $1";
const WAITING: &str = "SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id, \
    statement, entry_id, entry_name, reviewer_id, reviewer_name, claimed_id, claimed_name, claimed, \
    handler_id, evidence_gone, created, updated, version FROM matter \
    WHERE office = $1 AND due IS NOT NULL ORDER BY due, number LIMIT $2";
const OF_OFFICE: &str = "SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id, \
    statement, entry_id, entry_name, reviewer_id, reviewer_name, claimed_id, claimed_name, claimed, \
    handler_id, evidence_gone, created, updated, version FROM matter \
    WHERE office = $1 ORDER BY updated DESC, number DESC LIMIT $2";
const OF_KIND: &str = "SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id, \
    statement, entry_id, entry_name, reviewer_id, reviewer_name, claimed_id, claimed_name, claimed, \
    handler_id, evidence_gone, created, updated, version FROM matter WHERE office = $1 AND kind = $3 ORDER BY updated DESC, number DESC LIMIT $2";
const ABOUT: &str = "SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id, \
    statement, entry_id, entry_name, reviewer_id, reviewer_name, claimed_id, claimed_name, claimed, \
    handler_id, evidence_gone, created, updated, version FROM matter \
    WHERE issuer = $1 AND serial = $3 ORDER BY created DESC LIMIT $2";
const OF_TOKEN: &str = "SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id, \
    statement, entry_id, entry_name, reviewer_id, reviewer_name, claimed_id, claimed_name, claimed, \
    handler_id, evidence_gone, created, updated, version FROM matter \
    WHERE token = $1 ORDER BY created DESC LIMIT $2";
const PUT_PAPER: &str = "INSERT INTO matter_document (matter, kind, sha256, media, bytes, name, added) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (matter, kind) DO UPDATE SET \
    sha256 = excluded.sha256, media = excluded.media, bytes = excluded.bytes, name = excluded.name, added = excluded.added";
const PAPERS: &str = "SELECT kind, sha256, media, bytes, name, added FROM matter_document WHERE matter = $1";
const GONE_NAMES: &str = "UPDATE matter_document SET name = '' WHERE matter = $1";
const SIGN: &str = "INSERT INTO matter_signature (matter, seat, officer_id, officer_name, message, at) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const SIGNATURES: &str =
    "SELECT officer_id, officer_name, message, at FROM matter_signature WHERE matter = $1 ORDER BY seat";
const UNSIGN: &str = "DELETE FROM matter_signature WHERE matter = $1";
const ADD_GRANT: &str = "INSERT INTO unlock_grant (hash, matter, state, minted_id, minted_name, created, expires) \
    VALUES ($1, $2, 'open', $3, $4, $5, $6)";
const GRANT: &str =
    "SELECT hash, matter, state, minted_id, minted_name, created, expires FROM unlock_grant WHERE hash = $1";
const GRANT_IN: &str = "SELECT hash, matter, state, minted_id, minted_name, created, expires FROM unlock_grant \
    WHERE matter = $1 AND state = $2 ORDER BY created DESC LIMIT 1";
const MOVE_GRANT: &str = "UPDATE unlock_grant SET state = $3 WHERE hash = $1 AND state = $2";
const DROP_GRANTS: &str = "UPDATE unlock_grant SET state = 'dropped' WHERE matter = $1 AND state = 'open'";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ADD,
    PUT,
    FIND,
    OF_ORDER,
    WAITING,
    OF_OFFICE,
    OF_KIND,
    ABOUT,
    OF_TOKEN,
    PUT_PAPER,
    PAPERS,
    GONE_NAMES,
    SIGN,
    SIGNATURES,
    UNSIGN,
    ADD_GRANT,
    GRANT,
    GRANT_IN,
    MOVE_GRANT,
    DROP_GRANTS,
];

const TABLE: &str = "matter";

row!(MatterRow {
    number: String,
    kind: String,
    office: String,
    state: String,
    issuer: String,
    serial: String,
    token: Option<String>,
    uscc: String,
    unit_name: String,
    facts: String,
    reason: Option<String>,
    order_id: Option<String>,
    statement: Option<Vec<u8>>,
    entry_id: String,
    entry_name: String,
    reviewer_id: Option<String>,
    reviewer_name: Option<String>,
    claimed_id: Option<String>,
    claimed_name: Option<String>,
    claimed: Option<i64>,
    handler_id: Option<Vec<u8>>,
    evidence_gone: Option<i64>,
    created: i64,
    updated: i64,
    version: i64,
});

impl TryFrom<MatterRow> for Matter {
    type Error = DatabaseError;

    fn try_from(row: MatterRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd(TABLE, &row.number, what);
        let reviewer = match (row.reviewer_id, row.reviewer_name) {
            (Some(id), Some(name)) => Some(who(TABLE, &row.number, &id, name)?),
            _ => None,
        };
        let claim = match (row.claimed_id, row.claimed_name, row.claimed) {
            (Some(id), Some(name), Some(at)) => {
                Some(Claim { by: who(TABLE, &row.number, &id, name)?, at: Timestamp::from_unix(at) })
            }
            _ => None,
        };
        Ok(Self {
            number: row.number.parse().map_err(|()| fault("number"))?,
            kind: Kind::ALL.into_iter().find(|kind| kind.word() == row.kind).ok_or_else(|| fault("kind"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            state: State::ALL.into_iter().find(|state| state.word() == row.state).ok_or_else(|| fault("state"))?,
            about: About {
                issuer: IssuerId::new(&row.issuer).ok_or_else(|| fault("issuer"))?,
                serial: row.serial.parse().map_err(|_| fault("serial"))?,
                token: row.token.as_deref().map(str::parse).transpose().map_err(|()| fault("token"))?,
                uscc: row.uscc,
                unit_name: row.unit_name,
            },
            facts: serde_json::from_str(&row.facts).map_err(|_| fault("facts"))?,
            order: row.order_id.map(|id| id.parse::<OrderId>()).transpose().map_err(|_| fault("order_id"))?,
            entry: who(TABLE, &row.number, &row.entry_id, row.entry_name)?,
            reason: row.reason,
            statement: row.statement,
            reviewer,
            claim,
            handler_id: row.handler_id,
            evidence_gone: row.evidence_gone.map(Timestamp::from_unix),
            created: Timestamp::from_unix(row.created),
            updated: Timestamp::from_unix(row.updated),
            version: row.version,
        })
    }
}

row!(PaperRow { kind: String, sha256: String, media: String, bytes: i64, name: String, added: i64 });

fn paper(matter: &MatterNumber, row: PaperRow) -> Result<MatterPaper, DatabaseError> {
    let fault = |what| odd("matter_document", matter.as_str(), what);
    Ok(MatterPaper {
        kind: MatterDocument::from_word(&row.kind).ok_or_else(|| fault("kind"))?,
        sha256: row.sha256.parse().map_err(|_| fault("sha256"))?,
        media: Media::from_name(&row.media).ok_or_else(|| fault("media"))?,
        bytes: row.bytes,
        name: row.name,
        added: Timestamp::from_unix(row.added),
    })
}

row!(SignatureRow { officer_id: String, officer_name: String, message: Vec<u8>, at: i64 });

row!(GrantRow {
    hash: String,
    matter: String,
    state: String,
    minted_id: String,
    minted_name: String,
    created: i64,
    expires: i64,
});

impl TryFrom<GrantRow> for StoredGrant {
    type Error = DatabaseError;

    fn try_from(row: GrantRow) -> Result<Self, DatabaseError> {
        let fault = |what: &str| odd("unlock_grant", &row.hash, what);
        Ok(Self {
            hash: row.hash.parse().map_err(|_| fault("hash"))?,
            matter: row.matter.parse().map_err(|()| fault("matter"))?,
            state: GrantState::ALL.into_iter().find(|state| state.word() == row.state).ok_or_else(|| fault("state"))?,
            minted: who("unlock_grant", &row.hash, &row.minted_id, row.minted_name)?,
            created: Timestamp::from_unix(row.created),
            expires: Timestamp::from_unix(row.expires),
        })
    }
}

fn facts(matter: &Matter) -> Result<String, DatabaseError> {
    serde_json::to_string(&matter.facts).map_err(|error| odd(TABLE, matter.number.as_str(), &error.to_string()))
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Matters for SqlTx {
        async fn add_matter(&mut self, matter: &Matter, due: Option<Timestamp>) -> Result<(), DatabaseError> {
            let about = &matter.about;
            let done = sqlx::query(ADD)
                .bind(matter.number.as_str())
                .bind(matter.kind.word())
                .bind(matter.office.as_str())
                .bind(matter.state.word())
                .bind(about.issuer.as_str())
                .bind(about.serial.to_string())
                .bind(about.token.as_ref().map(|token| token.as_str()))
                .bind(&about.uscc)
                .bind(&about.unit_name)
                .bind(facts(matter)?)
                .bind(matter.entry.id.as_str())
                .bind(&matter.entry.name)
                .bind(due.map(Timestamp::unix))
                .bind(matter.created.unix())
                .bind(matter.updated.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)
        }

        async fn put_matter(&mut self, matter: &Matter, due: Option<Timestamp>) -> Result<(), DatabaseError> {
            let done = sqlx::query(PUT)
                .bind(matter.number.as_str())
                .bind(matter.version)
                .bind(matter.state.word())
                .bind(facts(matter)?)
                .bind(&matter.reason)
                .bind(matter.order.map(|order| order.to_string()))
                .bind(&matter.statement)
                .bind(matter.entry.id.as_str())
                .bind(&matter.entry.name)
                .bind(matter.reviewer.as_ref().map(|reviewer| reviewer.id.as_str()))
                .bind(matter.reviewer.as_ref().map(|reviewer| &reviewer.name))
                .bind(due.map(Timestamp::unix))
                .bind(matter.updated.unix())
                .bind(matter.claim.as_ref().map(|claim| claim.by.id.as_str()))
                .bind(matter.claim.as_ref().map(|claim| &claim.by.name))
                .bind(matter.claim.as_ref().map(|claim| claim.at.unix()))
                .bind(matter.handler_id.as_deref())
                .bind(matter.evidence_gone.map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)
        }

        async fn matter(&mut self, number: &MatterNumber) -> Result<Option<Matter>, DatabaseError> {
            let row: Option<MatterRow> =
                sqlx::query_as(FIND).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn matter_of_order(&mut self, order: OrderId) -> Result<Option<Matter>, DatabaseError> {
            let row: Option<MatterRow> =
                sqlx::query_as(OF_ORDER).bind(order.to_string()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn matters(&mut self, filter: &MatterFilter, limit: i64) -> Result<Vec<Matter>, DatabaseError> {
            let query = match filter {
                MatterFilter::Waiting(office) => sqlx::query_as(WAITING).bind(office.to_string()).bind(limit),
                MatterFilter::Office(office) => sqlx::query_as(OF_OFFICE).bind(office.to_string()).bind(limit),
                MatterFilter::Kind(office, kind) => {
                    sqlx::query_as(OF_KIND).bind(office.to_string()).bind(limit).bind(kind.word())
                }
                MatterFilter::About(name) => {
                    sqlx::query_as(ABOUT).bind(name.issuer.to_string()).bind(limit).bind(name.serial.to_string())
                }
                MatterFilter::Token(token) => sqlx::query_as(OF_TOKEN).bind(token.to_string()).bind(limit),
            };
            let rows: Vec<MatterRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn put_matter_paper(&mut self, matter: &MatterNumber, paper: &MatterPaper) -> Result<(), DatabaseError> {
            let done = sqlx::query(PUT_PAPER)
                .bind(matter.as_str())
                .bind(paper.kind.word())
                .bind(paper.sha256.to_string())
                .bind(paper.media.name())
                .bind(paper.bytes)
                .bind(&paper.name)
                .bind(paper.added.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PUT_PAPER, done.rows_affected(), 1)
        }

        async fn matter_papers(&mut self, matter: &MatterNumber) -> Result<Vec<MatterPaper>, DatabaseError> {
            let rows: Vec<PaperRow> =
                sqlx::query_as(PAPERS).bind(matter.as_str()).fetch_all(self.connection()).await?;
            let mut papers = rows.into_iter().map(|row| paper(matter, row)).collect::<Result<Vec<_>, _>>()?;
            papers.sort_by_key(|paper| paper.kind);
            Ok(papers)
        }

        async fn forget_paper_names(&mut self, matter: &MatterNumber) -> Result<(), DatabaseError> {
            sqlx::query(GONE_NAMES).bind(matter.as_str()).execute(self.connection()).await?;
            Ok(())
        }

        async fn sign_matter(
            &mut self,
            matter: &MatterNumber,
            seat: usize,
            signature: &Signature,
        ) -> Result<(), DatabaseError> {
            let done = sqlx::query(SIGN)
                .bind(matter.as_str())
                .bind(i16::try_from(seat).unwrap_or(i16::MAX))
                .bind(signature.by.id.as_str())
                .bind(&signature.by.name)
                .bind(&signature.message)
                .bind(signature.at.unix())
                .execute(self.connection())
                .await?;
            expect_rows(SIGN, done.rows_affected(), 1)
        }

        async fn matter_signatures(&mut self, matter: &MatterNumber) -> Result<Vec<Signature>, DatabaseError> {
            let rows: Vec<SignatureRow> =
                sqlx::query_as(SIGNATURES).bind(matter.as_str()).fetch_all(self.connection()).await?;
            rows.into_iter()
                .map(|row| {
                    let by = who("matter_signature", matter.as_str(), &row.officer_id, row.officer_name)?;
                    Ok(Signature { by, message: row.message, at: Timestamp::from_unix(row.at) })
                })
                .collect()
        }

        async fn unsign_matter(&mut self, matter: &MatterNumber) -> Result<(), DatabaseError> {
            sqlx::query(UNSIGN).bind(matter.as_str()).execute(self.connection()).await?;
            Ok(())
        }

        async fn add_grant(&mut self, grant: &StoredGrant) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD_GRANT)
                .bind(grant.hash.to_string())
                .bind(grant.matter.as_str())
                .bind(grant.minted.id.as_str())
                .bind(&grant.minted.name)
                .bind(grant.created.unix())
                .bind(grant.expires.unix())
                .execute(self.connection())
                .await?;
            expect_rows(ADD_GRANT, done.rows_affected(), 1)
        }

        async fn grant(&mut self, hash: Sha256) -> Result<Option<StoredGrant>, DatabaseError> {
            let row: Option<GrantRow> =
                sqlx::query_as(GRANT).bind(hash.to_string()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn grant_in(
            &mut self,
            matter: &MatterNumber,
            state: GrantState,
        ) -> Result<Option<StoredGrant>, DatabaseError> {
            let row: Option<GrantRow> = sqlx::query_as(GRANT_IN)
                .bind(matter.as_str())
                .bind(state.word())
                .fetch_optional(self.connection())
                .await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn move_grant(&mut self, hash: Sha256, from: GrantState, to: GrantState) -> Result<(), DatabaseError> {
            let done = sqlx::query(MOVE_GRANT)
                .bind(hash.to_string())
                .bind(from.word())
                .bind(to.word())
                .execute(self.connection())
                .await?;
            expect_rows(MOVE_GRANT, done.rows_affected(), 1)
        }

        async fn drop_grants(&mut self, matter: &MatterNumber) -> Result<(), DatabaseError> {
            sqlx::query(DROP_GRANTS).bind(matter.as_str()).execute(self.connection()).await?;
            Ok(())
        }
    }
}
