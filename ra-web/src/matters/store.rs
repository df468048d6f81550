//! What matters need of storage: a port, joined in the office's unit of work ([`crate::store::Tx`]).

use async_trait::async_trait;
use ca_core::domain::{OfficeId, OrderId, Sha256, Timestamp};
use ca_core::sql::DatabaseError;

use super::{GrantState, Kind, Matter, MatterDocument, MatterNumber, StoredGrant};
use crate::enrolment::document::Media;
use crate::enrolment::process::CertificateName;
use crate::store::Signature;
use crate::tokens::TokenNumber;

/// A paper of a matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatterPaper {
    /// What it shows.
    pub kind: MatterDocument,
    /// Of its plain bytes.
    pub sha256: Sha256,
    /// What it is.
    pub media: Media,
    /// How long it is.
    pub bytes: i64,
    /// The file's name at the counter.
    pub name: String,
    /// When it was taken in.
    pub added: Timestamp,
}

/// Which matters a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatterFilter {
    /// Those of an office that wait for a step, the most urgent first.
    Waiting(OfficeId),
    /// Those of an office, the last moved first.
    Office(OfficeId),
    /// Those of an office and a kind, the last moved first.
    Kind(OfficeId, Kind),
    /// Those about a certificate, the last begun first.
    About(CertificateName),
    /// Those about a token, the last begun first.
    Token(TokenNumber),
}

/// Matters about certificates, their papers, signatures and grants.
#[async_trait]
pub trait Matters {
    /// Stores a new matter, with the time until which its next step is to be done.
    async fn add_matter(&mut self, matter: &Matter, due: Option<Timestamp>) -> Result<(), DatabaseError>;
    /// Stores a moved matter; fails with a row count when another write came first.
    async fn put_matter(&mut self, matter: &Matter, due: Option<Timestamp>) -> Result<(), DatabaseError>;
    /// A matter.
    async fn matter(&mut self, number: &MatterNumber) -> Result<Option<Matter>, DatabaseError>;
    /// The matter that an order is signed for.
    async fn matter_of_order(&mut self, order: OrderId) -> Result<Option<Matter>, DatabaseError>;
    /// Matters.
    async fn matters(&mut self, filter: &MatterFilter, limit: i64) -> Result<Vec<Matter>, DatabaseError>;
    /// Stores a paper, in place of the one of its kind.
    async fn put_matter_paper(&mut self, matter: &MatterNumber, paper: &MatterPaper) -> Result<(), DatabaseError>;
    /// The papers of a matter, in the order of their kinds.
    async fn matter_papers(&mut self, matter: &MatterNumber) -> Result<Vec<MatterPaper>, DatabaseError>;
    /// Forgets what the files of the papers were called at the counter.
    async fn forget_paper_names(&mut self, matter: &MatterNumber) -> Result<(), DatabaseError>;
    /// Adds the signature of a seat.
    async fn sign_matter(
        &mut self,
        matter: &MatterNumber,
        seat: usize,
        signature: &Signature,
    ) -> Result<(), DatabaseError>;
    /// The signatures, in the order of the seats.
    async fn matter_signatures(&mut self, matter: &MatterNumber) -> Result<Vec<Signature>, DatabaseError>;
    /// Forgets the signatures of a matter that goes back: others, or the same anew, sign what it says then.
    async fn unsign_matter(&mut self, matter: &MatterNumber) -> Result<(), DatabaseError>;
    /// Stores a new open grant.
    async fn add_grant(&mut self, grant: &StoredGrant) -> Result<(), DatabaseError>;
    /// A grant by its hash.
    async fn grant(&mut self, hash: Sha256) -> Result<Option<StoredGrant>, DatabaseError>;
    /// The last grant of a matter in a state.
    async fn grant_in(
        &mut self,
        matter: &MatterNumber,
        state: GrantState,
    ) -> Result<Option<StoredGrant>, DatabaseError>;
    /// Moves a grant on, from exactly one state.
    async fn move_grant(&mut self, hash: Sha256, from: GrantState, to: GrantState) -> Result<(), DatabaseError>;
    /// Drops the open grants of a matter.
    async fn drop_grants(&mut self, matter: &MatterNumber) -> Result<(), DatabaseError>;
}
