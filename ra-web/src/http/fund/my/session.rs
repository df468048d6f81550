//! Which person is logged in.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use ca_core::domain::{Sha256, Timestamp};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::super::Portal;
use crate::fund::books::Person;
use crate::http::error::Failure;
use crate::http::presence::{Bound, Ended};
use crate::login::Admission;

const KEY: &str = "person";

/// What a session keeps of an admission: names and hashes, no data of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignedIn {
    person: String,
    pub(super) certificate_sha256: Sha256,
    pub(super) not_after: Timestamp,
    /// The token that keeps it open.
    #[serde(default)]
    bound: Option<Bound>,
}

/// Opens the session of an admission, under a new id; a unit that was logged in here no longer is.
///
/// # Errors
/// When sessions cannot be stored.
pub(super) async fn open(
    session: &Session,
    admission: &Admission<Person>,
    bound: Option<Bound>,
) -> Result<(), Failure> {
    let holder = admission.holder();
    let signed_in = SignedIn {
        person: admission.person().id.clone(),
        certificate_sha256: holder.certificate_sha256,
        not_after: holder.not_after,
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

/// A person who is logged in, read from the store for this request.
pub(super) struct CurrentPerson {
    pub(super) person: Person,
    pub(super) signed_in: SignedIn,
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentPerson
where
    Portal: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let portal = Portal::from_ref(state);
        let session = Session::from_request_parts(parts, state).await.map_err(|(_, what)| Failure::internal(what))?;
        let away = || Failure::sign_in("/my/login");
        let signed_in: SignedIn = session.get(KEY).await?.ok_or_else(away)?;
        if let Some(ended) = portal.presences.end_if_due(&session, parts, signed_in.bound.as_ref()).await? {
            return Err(Failure::sign_in(match ended {
                Ended::Pulled => "/my/login?ended=pulled",
                Ended::Unheard => "/my/login?ended=unheard",
            }));
        }
        // A session does not outlive its certificate.
        if portal.clock.now() > signed_in.not_after {
            session.flush().await?;
            return Err(away());
        }
        let mut tx = portal.store.begin_read().await?;
        let person = tx.person(&signed_in.person).await?;
        tx.commit().await?;
        Ok(Self { person: person.ok_or_else(away)?, signed_in })
    }
}
