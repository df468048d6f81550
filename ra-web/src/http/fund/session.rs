//! Who is logged in at the portal.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use ca_core::domain::{IssuerId, Serial, Sha256, Timestamp};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::Portal;
use crate::fund::account::{AccountNumber, Unit};
use crate::http::error::Failure;
use crate::http::presence::Bound;
use crate::login::Admission;

const KEY: &str = "unit";

/// What a session keeps of an admission: names and hashes, no data of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignedIn {
    account: String,
    /// Id of the login's record, which has the certificate and the evidence.
    pub(super) record: String,
    pub(super) certificate_sha256: Sha256,
    pub(super) issuer: IssuerId,
    pub(super) serial: Serial,
    pub(super) not_after: Timestamp,
    pub(super) since: Timestamp,
    /// The token that keeps it open.
    #[serde(default)]
    bound: Option<Bound>,
}

/// Opens the session of an admission, under a new id, so that nobody who knew the old one shares it.
///
/// # Errors
/// When sessions cannot be stored.
pub(super) async fn open(session: &Session, admission: &Admission<Unit>, bound: Option<Bound>) -> Result<(), Failure> {
    let holder = admission.holder();
    let signed_in = SignedIn {
        account: admission.account().to_owned(),
        record: admission.record().to_owned(),
        certificate_sha256: holder.certificate_sha256,
        issuer: holder.issuer.clone(),
        serial: holder.serial.clone(),
        not_after: holder.not_after,
        since: admission.at(),
        bound,
    };
    session.clear().await;
    session.cycle_id().await?;
    Ok(session.insert(KEY, &signed_in).await?)
}

/// The token that keeps a session open, if somebody is logged in.
///
/// # Errors
/// When sessions cannot be read.
pub(super) async fn bound(session: &Session) -> Result<Option<Bound>, Failure> {
    Ok(session.get::<SignedIn>(KEY).await?.and_then(|signed_in| signed_in.bound))
}

/// A unit that is logged in, read from the store for this request.
pub(super) struct CurrentUnit {
    pub(super) unit: Unit,
    pub(super) signed_in: SignedIn,
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUnit
where
    Portal: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let portal = Portal::from_ref(state);
        let session = Session::from_request_parts(parts, state).await.map_err(|(_, what)| Failure::internal(what))?;
        let away = || Failure::sign_in("/login");
        let signed_in: SignedIn = session.get(KEY).await?.ok_or_else(away)?;
        if let Some(ended) = portal.presences.end_if_due(&session, parts, signed_in.bound.as_ref()).await? {
            return Err(Failure::sign_in(ended.login()));
        }
        // A session does not outlive its certificate.
        if portal.clock.now() > signed_in.not_after {
            session.flush().await?;
            return Err(away());
        }
        let account: AccountNumber = signed_in.account.parse().map_err(Failure::internal)?;
        let mut tx = portal.store.begin_read().await?;
        let unit = tx.unit(&account).await?;
        tx.commit().await?;
        Ok(Self { unit: unit.ok_or_else(away)?, signed_in })
    }
}
