//! Officers: entered, given another token, held, released and revoked by orders that administrators sign.
//!
//! For: gathering the signatures of two administrators, and making the token. Trusts nothing of its own tables: who is an
//! officer, and whether an order is obeyed, is the authority's word. Never gives anybody a right in the console: that
//! comes with the next sign-in, from the authority's registry.

mod orders;
mod token;

use async_trait::async_trait;
use ca_core::domain::{IssuerId, OfficerId, Order, OrderId, Serial, Sha256, Timestamp};
use ca_core::sql::DatabaseError;

pub use orders::{Particulars, Standing, Wish, seat_for};
pub use token::makeable;

use crate::enrolment::case::Who;
use crate::store::Signature;

/// Where an order about an officer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Signatures are missing.
    Open,
    /// All signed: the token can be made, or the authority is to carry it out.
    Signed,
    /// The certificate is issued; the token has not yet proved that it holds it.
    Issued,
    /// Carried out.
    Done,
    /// The authority will not carry it out.
    Refused,
    /// Given up.
    Dropped,
}

impl OrderState {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Open, Self::Signed, Self::Issued, Self::Done, Self::Refused, Self::Dropped];

    /// The word in stores and message keys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Signed => "signed",
            Self::Issued => "issued",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
        }
    }

    /// Whether something is still to be done.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::Open | Self::Signed | Self::Issued)
    }
}

/// An order about an officer, the exact bytes that are signed, and the signatures so far in the order of the seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerOrder {
    /// What the bytes say.
    pub order: Order,
    /// The canonical bytes.
    pub statement: Vec<u8>,
    /// About whom.
    pub officer: OfficerId,
    /// Their name.
    pub name: String,
    /// Where it stands.
    pub state: OrderState,
    /// The authority's refusal code.
    pub refusal: Option<String>,
    /// Who wrote it.
    pub opened: Who,
    /// Signatures.
    pub signatures: Vec<Signature>,
    /// The certificate that was made by it.
    pub made: Option<(IssuerId, Serial)>,
    /// Until when the last ticket opens.
    pub ticket_expires: Option<Timestamp>,
}

/// Orders about officers.
#[async_trait]
pub trait OfficerOrders {
    /// Stores a new open order.
    async fn add_officer_order(&mut self, order: &OfficerOrder) -> Result<(), DatabaseError>;
    /// An order with its signatures.
    async fn officer_order(&mut self, id: OrderId) -> Result<Option<OfficerOrder>, DatabaseError>;
    /// The order of a ticket.
    async fn officer_order_of(&mut self, ticket: Sha256) -> Result<Option<OfficerOrder>, DatabaseError>;
    /// Adds the signature of the next seat.
    async fn sign_officer_order(&mut self, id: OrderId, seat: usize, signed: &Signature) -> Result<(), DatabaseError>;
    /// Moves an order on, from exactly the state in which it was read.
    async fn settle_officer_order(
        &mut self,
        order: &OfficerOrder,
        to: OrderState,
        refusal: Option<&str>,
        now: Timestamp,
    ) -> Result<(), DatabaseError>;
    /// Notes the certificate that was made, with the order's step to [`OrderState::Issued`].
    async fn note_made(
        &mut self,
        order: &OfficerOrder,
        issuer: &IssuerId,
        serial: &Serial,
    ) -> Result<(), DatabaseError>;
    /// Puts a ticket in the place of the one before, or takes it away.
    async fn put_officer_ticket(
        &mut self,
        id: OrderId,
        ticket: Option<(Sha256, Timestamp)>,
    ) -> Result<(), DatabaseError>;
    /// The last orders about an officer, newest first.
    async fn officer_orders(&mut self, officer: &OfficerId) -> Result<Vec<OfficerOrder>, DatabaseError>;
    /// Orders that wait for a signature, the authority or a token, oldest first.
    async fn waiting_officer_orders(&mut self) -> Result<Vec<OfficerOrder>, DatabaseError>;
}
