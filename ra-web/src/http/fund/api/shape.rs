//! What programs read: amounts as text in yuan, days and moments in ISO 8601, codes of JGJ/T 320-2014.

mod operation;
mod people;
mod unit;

use ca_core::domain::{BeijingDay, FundAct, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub(super) use self::operation::{Advance, Lines, OperationShape, OperationWhole, Operations, Transfer};
pub(super) use self::people::{Interest, People, PersonLedger, PersonShape};
pub(super) use self::unit::{Changes, ContributionShape, Contributions, UnitLedger, UnitShape};
use crate::fund::amounts::{Fen, Month};
use crate::fund::book_store::LedgerSums;
use crate::fund::operation::State;
use crate::fund::progress::Stage;

/// An amount of yuan with two decimals, as text.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = r"^-?[0-9]{1,16}\.[0-9]{2}$", example = "5678.00")]
pub(super) struct Yuan(String);

impl From<Fen> for Yuan {
    fn from(fen: Fen) -> Self {
        Self(fen.plain())
    }
}

/// A moment in Beijing time.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(format = DateTime, example = "2026-11-24T09:00:00+08:00")]
pub(super) struct Moment(String);

impl From<Timestamp> for Moment {
    fn from(moment: Timestamp) -> Self {
        Self(format!("{}+08:00", moment.beijing_text().replace(' ', "T")))
    }
}

/// A day of the Beijing calendar.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(format = Date, example = "2026-11-24")]
pub(super) struct Day(String);

impl From<BeijingDay> for Day {
    fn from(day: BeijingDay) -> Self {
        Self(day.to_string())
    }
}

/// A month.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = r"^(199[1-9]|20[0-9]{2})-(0[1-9]|1[0-2])$", example = "2026-11")]
pub(super) struct YearMonth(String);

impl From<Month> for YearMonth {
    fn from(month: Month) -> Self {
        Self(month.to_string())
    }
}

/// A file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct File(#[expect(dead_code, reason = "it stands for bytes")] Vec<u8>);

/// A set of words as a schema.
fn words(description: &str, words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .enum_values(Some(words))
        .into()
}

/// The word of what is done.
pub(super) struct Act;

impl PartialSchema for Act {
    fn schema() -> RefOr<Schema> {
        words("What is done.", FundAct::ALL.iter().map(|act| act.word()))
    }
}

impl ToSchema for Act {}

/// The word of how far an operation is.
pub(super) struct Progress;

impl PartialSchema for Progress {
    fn schema() -> RefOr<Schema> {
        words("How far it is: only what is posted stands in the books.", State::ALL.iter().map(|state| state.word()))
    }
}

impl ToSchema for Progress {}

/// The word of what a booking does at the moment.
pub(super) struct BookingStage;

impl PartialSchema for BookingStage {
    fn schema() -> RefOr<Schema> {
        words("What is done at the moment.", Stage::ALL.map(Stage::word))
    }
}

impl ToSchema for BookingStage {}

/// Sums over all entries of a query, not only over those of the page.
#[derive(Serialize, ToSchema)]
pub(super) struct Sums {
    count: i64,
    /// What came in.
    credit: Yuan,
    /// What went out or was reversed.
    debit: Yuan,
    interest: Yuan,
}

impl From<LedgerSums> for Sums {
    fn from(sums: LedgerSums) -> Self {
        Self { count: sums.count, credit: sums.credit.into(), debit: sums.debit.into(), interest: sums.interest.into() }
    }
}

/// Cuts the row that only says that there is more; answers the cursor of the next page.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: i64, place: impl Fn(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(place)
}
