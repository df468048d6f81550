//! Cases and documents.

use async_trait::async_trait;
use ca_core::domain::{BeijingDay, Ground, IssuerId, OfficeId, OrderId, Serial, Timestamp};
use ca_core::for_each_backend;
use ca_core::sql::{DatabaseError, expect_rows};

use super::row::{odd, row, who};
use crate::enrolment::case::{Case, CaseNumber, State};
use crate::enrolment::document::{DocumentKind, Media};
use crate::enrolment::form::{Form, folded};
use crate::enrolment::process::{CertificateName, Process};
use crate::enrolment::waiting::Claim;
use crate::store::{CaseFilter, CaseLine, Cases, Document, Units as _};
use crate::units::names;

const NEXT: &str = "INSERT INTO case_counter (day, last) VALUES ($1, 1) \
    ON CONFLICT (day) DO UPDATE SET last = case_counter.last + 1 RETURNING last";
const ADD: &str = "INSERT INTO enrolment_case (number, office, state, form, handler_id, handler_id_masked, uscc, \
    unit_name, unit_folded, entry_id, entry_name, created, updated, version, process, old_issuer, old_serial, due) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15, $16, $17)";
const PUT: &str = "UPDATE enrolment_case SET state = $3, form = $4, handler_id = $5, handler_id_masked = $6, \
    uscc = $7, unit_name = $8, unit_folded = $9, entry_id = $10, entry_name = $11, reviewer_id = $12, \
    reviewer_name = $13, order_id = $14, reason = $15, issuer = $16, serial = $17, updated = $18, \
    due = $19, claimed_id = $20, claimed_name = $21, claimed = $22, version = version + 1 WHERE number = $1 AND version = $2";
const FIND: &str = "SELECT number, office, state, form, handler_id, handler_id_masked, entry_id, entry_name, \
    reviewer_id, reviewer_name, order_id, reason, issuer, serial, created, updated, version, \
    process, old_issuer, old_serial, claimed_id, claimed_name, claimed FROM enrolment_case WHERE number = $1";
const OF_ORDER: &str = "SELECT number FROM enrolment_case WHERE order_id = $1";
const IDLE: &str = "SELECT number FROM enrolment_case WHERE due IS NOT NULL AND updated <= $1 AND state <> 'issued' \
    AND state <> 'awaiting_payment' AND NOT EXISTS (SELECT 1 FROM bill WHERE subject = enrolment_case.number \
    AND refunded < gross AND paid IS NOT NULL) ORDER BY updated, number LIMIT $2";
const ISSUED: &str = "SELECT number FROM enrolment_case WHERE due IS NOT NULL AND updated <= $1 AND state = 'issued' \
    ORDER BY updated DESC, number LIMIT $2";
const OF_OFFICE: &str = "SELECT number, office, process, state, unit_name, uscc, entry_id, entry_name, updated, due, claimed_name, \
    claimed FROM enrolment_case \
    WHERE office = $1 ORDER BY updated DESC, number DESC LIMIT $2";
const WAITING: &str = "SELECT number, office, process, state, unit_name, uscc, entry_id, entry_name, updated, due, claimed_name, \
    claimed FROM enrolment_case WHERE office = $1 AND due IS NOT NULL ORDER BY due, number LIMIT $2";
const OF_STATE: &str = "SELECT number, office, process, state, unit_name, uscc, entry_id, entry_name, updated, due, claimed_name, \
    claimed FROM enrolment_case \
    WHERE office = $1 AND state = $3 ORDER BY updated DESC, number DESC LIMIT $2";
const OF_USCC: &str = "SELECT number, office, process, state, unit_name, uscc, entry_id, entry_name, updated, due, claimed_name, \
    claimed FROM enrolment_case \
    WHERE uscc = $1 ORDER BY updated DESC, number DESC LIMIT $2";
const OF_NAME: &str = "SELECT c.number, c.office, c.process, c.state, c.unit_name, c.uscc, c.entry_id, c.entry_name, c.updated, c.due, \
    c.claimed_name, c.claimed FROM case_name n \
    JOIN enrolment_case c ON c.number = n.case_number \
    WHERE n.office = $1 AND n.suffix >= $3 AND n.suffix < $4 ORDER BY n.suffix LIMIT $2";
// An auditor's search goes through the offices one by one, each by the same index.
const OFFICES: &str = "SELECT DISTINCT office FROM case_count ORDER BY office";
const TAKEN_IN_BY: &str = "SELECT number, office, process, state, unit_name, uscc, entry_id, entry_name, updated, due, claimed_name, \
    claimed FROM enrolment_case WHERE entry_name = $1 AND office = $3 \
    ORDER BY updated DESC, number DESC LIMIT $2";
const DECIDED_BY: &str = "SELECT number, office, process, state, unit_name, uscc, entry_id, entry_name, updated, due, claimed_name, \
    claimed FROM enrolment_case WHERE reviewer_name = $1 AND office = $3 \
    ORDER BY updated DESC, number DESC LIMIT $2";
const OF_OLD: &str = "SELECT number, office, process, state, unit_name, uscc, entry_id, entry_name, updated, due, claimed_name, \
    claimed FROM enrolment_case \
    WHERE old_issuer = $1 AND old_serial = $3 ORDER BY updated DESC, number DESC LIMIT $2";
const COUNT: &str = "SELECT state, n FROM case_count WHERE office = $1 AND n > 0 ORDER BY state";
const COUNT_IN: &str = "INSERT INTO case_count (office, state, n) VALUES ($1, $2, 1) \
    ON CONFLICT (office, state) DO UPDATE SET n = case_count.n + 1";
const COUNT_OUT: &str = "UPDATE case_count SET n = n - 1 WHERE office = $1 AND state = $2";
const BEFORE: &str = "SELECT state, unit_folded FROM enrolment_case WHERE number = $1";
const PUT_DOCUMENT: &str = "INSERT INTO case_document (case_number, kind, sheet, sha256, media, bytes, pages, name, added) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (case_number, kind, sheet) DO UPDATE SET \
    sha256 = excluded.sha256, media = excluded.media, bytes = excluded.bytes, pages = excluded.pages, \
    name = excluded.name, added = excluded.added";
const DROP_DOCUMENTS: &str = "DELETE FROM case_document WHERE case_number = $1 AND kind = $2";
const DOCUMENTS: &str = "SELECT kind, sheet, sha256, media, bytes, pages, name, added FROM case_document \
    WHERE case_number = $1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    NEXT,
    ADD,
    PUT,
    FIND,
    OF_ORDER,
    OF_OFFICE,
    OF_STATE,
    OF_USCC,
    OF_NAME,
    OFFICES,
    TAKEN_IN_BY,
    DECIDED_BY,
    OF_OLD,
    WAITING,
    IDLE,
    ISSUED,
    COUNT,
    COUNT_IN,
    COUNT_OUT,
    BEFORE,
    PUT_DOCUMENT,
    DROP_DOCUMENTS,
    DOCUMENTS,
];

const TABLE: &str = "enrolment_case";

row!(CaseRow {
    number: String,
    office: String,
    state: String,
    form: String,
    handler_id: Option<Vec<u8>>,
    handler_id_masked: String,
    entry_id: String,
    entry_name: String,
    reviewer_id: Option<String>,
    reviewer_name: Option<String>,
    order_id: Option<String>,
    reason: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
    created: i64,
    updated: i64,
    version: i64,
    process: String,
    old_issuer: Option<String>,
    old_serial: Option<String>,
    claimed_id: Option<String>,
    claimed_name: Option<String>,
    claimed: Option<i64>,
});

impl TryFrom<CaseRow> for (Case, Option<Vec<u8>>) {
    type Error = DatabaseError;

    fn try_from(row: CaseRow) -> Result<Self, DatabaseError> {
        let id = row.number.clone();
        let fault = |what: &str| odd(TABLE, &id, what);
        let order = row.order_id.map(|order| order.parse::<OrderId>()).transpose().map_err(|_| fault("order_id"))?;
        let issued = match (row.issuer, row.serial) {
            (Some(issuer), Some(serial)) => Some((
                IssuerId::new(&issuer).ok_or_else(|| fault("issuer"))?,
                serial.parse::<Serial>().map_err(|_| fault("serial"))?,
            )),
            _ => None,
        };
        let state = match (row.state.as_str(), order, issued, row.reason) {
            ("draft", ..) => State::Draft,
            ("submitted", Some(order), ..) => State::Submitted { order },
            ("returned", _, _, Some(reason)) => State::Returned { reason },
            ("rejected", _, _, Some(reason)) => State::Rejected { reason },
            ("cancelled", _, _, Some(reason)) => State::Cancelled { reason },
            ("lapsed", ..) => State::Lapsed,
            ("awaiting_payment", Some(order), ..) => State::AwaitingPayment { order },
            ("approved", Some(order), ..) => State::Approved { order },
            ("issued", Some(order), Some((issuer, serial)), _) => State::Issued { order, issuer, serial },
            ("delivered", Some(order), Some((issuer, serial)), _) => State::Delivered { order, issuer, serial },
            _ => return Err(fault("its state lacks its facts")),
        };
        let ground = Ground::ALL.into_iter().find(|ground| ground.word() == row.process);
        let process = match (ground, row.old_issuer, row.old_serial) {
            (None, None, None) if row.process == Process::Enrolment.word() => Process::Enrolment,
            (None, None, None) if row.process == Process::Person.word() => Process::Person,
            (Some(ground), Some(issuer), Some(serial)) => Process::Replacement {
                ground,
                old: CertificateName {
                    issuer: IssuerId::new(&issuer).ok_or_else(|| fault("old_issuer"))?,
                    serial: serial.parse().map_err(|_| fault("old_serial"))?,
                },
            },
            _ => return Err(fault("process")),
        };
        let reviewer = match (row.reviewer_id, row.reviewer_name) {
            (Some(reviewer), Some(name)) => Some(who(TABLE, &id, &reviewer, name)?),
            _ => None,
        };
        let claim = match (row.claimed_id, row.claimed_name, row.claimed) {
            (Some(officer), Some(name), Some(at)) => {
                Some(Claim { by: who(TABLE, &id, &officer, name)?, at: Timestamp::from_unix(at) })
            }
            _ => None,
        };
        let case = Case {
            number: row.number.parse().map_err(|()| fault("number"))?,
            office: OfficeId::new(&row.office).ok_or_else(|| fault("office"))?,
            process,
            form: serde_json::from_str::<Form>(&row.form).map_err(|_| fault("form"))?,
            handler_id_masked: row.handler_id_masked,
            entry: who(TABLE, &id, &row.entry_id, row.entry_name)?,
            reviewer,
            state,
            claim,
            created: Timestamp::from_unix(row.created),
            updated: Timestamp::from_unix(row.updated),
            version: row.version,
        };
        Ok((case, row.handler_id))
    }
}

row!(LineRow {
    number: String,
    office: String,
    process: String,
    state: String,
    unit_name: String,
    uscc: String,
    entry_id: String,
    entry_name: String,
    updated: i64,
    due: Option<i64>,
    claimed_name: Option<String>,
    claimed: Option<i64>,
});

impl TryFrom<LineRow> for CaseLine {
    type Error = DatabaseError;

    fn try_from(row: LineRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            number: row.number.parse().map_err(|()| odd(TABLE, &row.number, "number"))?,
            entry: who(TABLE, &row.number, &row.entry_id, row.entry_name)?,
            office: OfficeId::new(&row.office).ok_or_else(|| odd(TABLE, &row.number, "office"))?,
            process: row.process,
            state: row.state,
            unit_name: row.unit_name,
            uscc: row.uscc,
            updated: Timestamp::from_unix(row.updated),
            due: row.due.map(Timestamp::from_unix),
            claimed: row.claimed_name.zip(row.claimed.map(Timestamp::from_unix)),
        })
    }
}

row!(DocumentRow {
    kind: String,
    sheet: i64,
    sha256: String,
    media: String,
    bytes: i64,
    pages: i64,
    name: String,
    added: i64,
});

fn document(case: &CaseNumber, row: DocumentRow) -> Result<Document, DatabaseError> {
    let fault = |what| odd("case_document", case.as_str(), what);
    Ok(Document {
        kind: DocumentKind::from_word(&row.kind).ok_or_else(|| fault("kind"))?,
        sha256: row.sha256.parse().map_err(|_| fault("sha256"))?,
        media: Media::from_name(&row.media).ok_or_else(|| fault("media"))?,
        bytes: row.bytes,
        sheet: row.sheet,
        pages: row.pages,
        name: row.name,
        added: Timestamp::from_unix(row.added),
    })
}

fn form_json(case: &Case) -> Result<String, DatabaseError> {
    serde_json::to_string(&case.form).map_err(|error| odd(TABLE, case.number.as_str(), &error.to_string()))
}

/// What lists and counts of cases have in common.
#[async_trait]
trait Listing {
    async fn count_in(&mut self, office: &OfficeId, state: &str) -> Result<(), DatabaseError>;
    /// The offices of a list: the one that is asked for, or all that have cases.
    async fn offices(&mut self, of: Option<&OfficeId>) -> Result<Vec<String>, DatabaseError>;
    /// Runs a list that takes, beside office and limit, a name or a range of names.
    async fn of_offices(&mut self, filter: &CaseFilter, limit: i64) -> Result<Vec<LineRow>, DatabaseError>;
}

for_each_backend! { SqlTx =>
    #[async_trait]
    impl Listing for SqlTx {
        async fn count_in(&mut self, office: &OfficeId, state: &str) -> Result<(), DatabaseError> {
            let done = sqlx::query(COUNT_IN).bind(office.as_str()).bind(state).execute(self.connection()).await?;
            expect_rows(COUNT_IN, done.rows_affected(), 1)
        }

        async fn offices(&mut self, of: Option<&OfficeId>) -> Result<Vec<String>, DatabaseError> {
            if let Some(office) = of {
                return Ok(vec![office.to_string()]);
            }
            let rows: Vec<(String,)> = sqlx::query_as(OFFICES).fetch_all(self.connection()).await?;
            Ok(rows.into_iter().map(|(office,)| office).collect())
        }

        async fn of_offices(&mut self, filter: &CaseFilter, limit: i64) -> Result<Vec<LineRow>, DatabaseError> {
            let (statement, of, text) = match filter {
                CaseFilter::TakenInBy(of, name) => (TAKEN_IN_BY, of, name),
                CaseFilter::DecidedBy(of, name) => (DECIDED_BY, of, name),
                CaseFilter::Name(of, part) => (OF_NAME, of, part),
                CaseFilter::Office(..) | CaseFilter::Waiting(_) | CaseFilter::Uscc(_) | CaseFilter::About(_) => {
                    return Ok(Vec::new());
                }
            };
            let mut rows: Vec<LineRow> = Vec::new();
            for office in self.offices(of.as_ref()).await? {
                let query = if statement == OF_NAME {
                    let (from, below) = names::range(text);
                    sqlx::query_as(statement).bind(office).bind(limit).bind(from).bind(below)
                } else {
                    sqlx::query_as(statement).bind(text.clone()).bind(limit).bind(office)
                };
                rows.extend::<Vec<LineRow>>(query.fetch_all(self.connection()).await?);
            }
            rows.sort_by(|one, other| (other.updated, &other.number).cmp(&(one.updated, &one.number)));
            rows.dedup_by(|one, other| one.number == other.number);
            rows.truncate(usize::try_from(limit).unwrap_or(0));
            Ok(rows)
        }
    }

    #[async_trait]
    impl Cases for SqlTx {
        async fn next_case_number(&mut self, day: BeijingDay) -> Result<CaseNumber, DatabaseError> {
            let (n,): (i64,) = sqlx::query_as(NEXT).bind(day.to_string()).fetch_one(self.connection()).await?;
            Ok(CaseNumber::new(day, n))
        }

        async fn add_case(&mut self, case: &Case, handler_id: Option<&[u8]>) -> Result<(), DatabaseError> {
            let done = sqlx::query(ADD)
                .bind(case.number.as_str())
                .bind(case.office.as_str())
                .bind(case.state.word())
                .bind(form_json(case)?)
                .bind(handler_id)
                .bind(&case.handler_id_masked)
                .bind(&case.form.uscc)
                .bind(&case.form.unit_name)
                .bind(folded(&case.form.unit_name))
                .bind(case.entry.id.as_str())
                .bind(&case.entry.name)
                .bind(case.created.unix())
                .bind(case.updated.unix())
                .bind(case.process.word())
                .bind(case.process.old().map(|old| old.issuer.as_str()))
                .bind(case.process.old().map(|old| old.serial.to_string()))
                .bind(case.due().map(Timestamp::unix))
                .execute(self.connection())
                .await?;
            expect_rows(ADD, done.rows_affected(), 1)?;
            self.count_in(&case.office, case.state.word()).await?;
            self.name_case(case).await
        }

        async fn put_case(&mut self, case: &Case, handler_id: Option<&[u8]>) -> Result<(), DatabaseError> {
            let (issuer, serial) = match &case.state {
                State::Issued { issuer, serial, .. } | State::Delivered { issuer, serial, .. } => {
                    (Some(issuer.as_str()), Some(serial.to_string()))
                }
                _ => (None, None),
            };
            let reason = match &case.state {
                State::Returned { reason } | State::Rejected { reason } | State::Cancelled { reason } => Some(reason),
                _ => None,
            };
            let number = case.number.as_str();
            let before: Option<(String, String)> =
                sqlx::query_as(BEFORE).bind(number).fetch_optional(self.connection()).await?;
            let done = sqlx::query(PUT)
                .bind(case.number.as_str())
                .bind(case.version)
                .bind(case.state.word())
                .bind(form_json(case)?)
                .bind(handler_id)
                .bind(&case.handler_id_masked)
                .bind(&case.form.uscc)
                .bind(&case.form.unit_name)
                .bind(folded(&case.form.unit_name))
                .bind(case.entry.id.as_str())
                .bind(&case.entry.name)
                .bind(case.reviewer.as_ref().map(|reviewer| reviewer.id.as_str()))
                .bind(case.reviewer.as_ref().map(|reviewer| &reviewer.name))
                .bind(case.state.order().map(|order| order.to_string()))
                .bind(reason)
                .bind(issuer)
                .bind(serial)
                .bind(case.updated.unix())
                .bind(case.due().map(Timestamp::unix))
                .bind(case.claim.as_ref().map(|claim| claim.by.id.as_str()))
                .bind(case.claim.as_ref().map(|claim| &claim.by.name))
                .bind(case.claim.as_ref().map(|claim| claim.at.unix()))
                .execute(self.connection())
                .await?;
            expect_rows(PUT, done.rows_affected(), 1)?;
            let Some((state, name)) = before else { return Ok(()) };
            if state != case.state.word() {
                let out = sqlx::query(COUNT_OUT).bind(case.office.as_str()).bind(&state);
                expect_rows(COUNT_OUT, out.execute(self.connection()).await?.rows_affected(), 1)?;
                self.count_in(&case.office, case.state.word()).await?;
            }
            if state != case.state.word() || name != folded(&case.form.unit_name) {
                self.name_case(case).await?;
            }
            Ok(())
        }

        async fn case(&mut self, number: &CaseNumber) -> Result<Option<(Case, Option<Vec<u8>>)>, DatabaseError> {
            let row: Option<CaseRow> =
                sqlx::query_as(FIND).bind(number.as_str()).fetch_optional(self.connection()).await?;
            row.map(TryInto::try_into).transpose()
        }

        async fn case_of_order(&mut self, order: OrderId) -> Result<Option<CaseNumber>, DatabaseError> {
            let row: Option<(String,)> =
                sqlx::query_as(OF_ORDER).bind(order.to_string()).fetch_optional(self.connection()).await?;
            row.map(|(number,)| number.parse().map_err(|()| odd(TABLE, &number, "number"))).transpose()
        }

        async fn cases(&mut self, filter: &CaseFilter, limit: i64) -> Result<Vec<CaseLine>, DatabaseError> {
            let query = match filter {
                CaseFilter::Office(office, None) => sqlx::query_as(OF_OFFICE).bind(office.as_str().to_owned()).bind(limit),
                CaseFilter::Waiting(office) => sqlx::query_as(WAITING).bind(office.as_str().to_owned()).bind(limit),
                CaseFilter::Office(office, Some(state)) => {
                    sqlx::query_as(OF_STATE).bind(office.as_str().to_owned()).bind(limit).bind(*state)
                }
                CaseFilter::Uscc(uscc) => sqlx::query_as(OF_USCC).bind(uscc.clone()).bind(limit),
                CaseFilter::Name(..) | CaseFilter::TakenInBy(..) | CaseFilter::DecidedBy(..) => {
                    let rows = self.of_offices(filter, limit).await?;
                    return rows.into_iter().map(TryInto::try_into).collect();
                }
                CaseFilter::About(old) => {
                    sqlx::query_as(OF_OLD).bind(old.issuer.as_str().to_owned()).bind(limit).bind(old.serial.to_string())
                }
            };
            let rows: Vec<LineRow> = query.fetch_all(self.connection()).await?;
            rows.into_iter().map(TryInto::try_into).collect()
        }

        async fn idle_cases(&mut self, since: Timestamp, limit: i64) -> Result<Vec<CaseNumber>, DatabaseError> {
            let rows: Vec<(String,)> =
                sqlx::query_as(IDLE).bind(since.unix()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(|(number,)| number.parse().map_err(|()| odd(TABLE, &number, "number"))).collect()
        }

        async fn issued_cases(&mut self, before: Timestamp, limit: i64) -> Result<Vec<CaseNumber>, DatabaseError> {
            let rows: Vec<(String,)> =
                sqlx::query_as(ISSUED).bind(before.unix()).bind(limit).fetch_all(self.connection()).await?;
            rows.into_iter().map(|(number,)| number.parse().map_err(|()| odd(TABLE, &number, "number"))).collect()
        }

        async fn count_cases(&mut self, office: &OfficeId) -> Result<Vec<(String, i64)>, DatabaseError> {
            Ok(sqlx::query_as(COUNT).bind(office.as_str()).fetch_all(self.connection()).await?)
        }

        async fn put_document(&mut self, case: &CaseNumber, document: &Document) -> Result<(), DatabaseError> {
            let done = sqlx::query(PUT_DOCUMENT)
                .bind(case.as_str())
                .bind(document.kind.word())
                .bind(document.sheet)
                .bind(document.sha256.to_string())
                .bind(document.media.name())
                .bind(document.bytes)
                .bind(document.pages)
                .bind(&document.name)
                .bind(document.added.unix())
                .execute(self.connection())
                .await?;
            expect_rows(PUT_DOCUMENT, done.rows_affected(), 1)
        }

        async fn drop_documents(&mut self, case: &CaseNumber, kind: DocumentKind) -> Result<(), DatabaseError> {
            sqlx::query(DROP_DOCUMENTS).bind(case.as_str()).bind(kind.word()).execute(self.connection()).await?;
            Ok(())
        }

        async fn documents(&mut self, case: &CaseNumber) -> Result<Vec<Document>, DatabaseError> {
            let rows: Vec<DocumentRow> =
                sqlx::query_as(DOCUMENTS).bind(case.as_str()).fetch_all(self.connection()).await?;
            let mut documents = rows.into_iter().map(|row| document(case, row)).collect::<Result<Vec<_>, _>>()?;
            documents.sort_by_key(|document| (document.kind, document.sheet));
            Ok(documents)
        }
    }
}
