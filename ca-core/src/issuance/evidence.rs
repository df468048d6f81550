//! A submission with every signature in it verified. Nobody has been looked up yet: that a signature is good says
//! nothing about who made it.

use std::sync::Arc;

use crate::cms::{self, CmsError};
use crate::domain::{Act, KeyBinding, Order, Sha256, decode};
use crate::keys::csr::{self, CsrError, ProvenPossession};
use crate::service::protocol::{Blob, Refusal, RefusalCode, Submission};

/// More approvals than any act has seats are not looked at.
const MAX_APPROVALS: usize = 4;
/// The longest reason that an abandoned order may give, in characters.
pub(super) const MAX_WHY_CHARS: usize = 200;

/// A good signature over what it should be over, by whoever holds this certificate's key.
#[derive(Clone, Debug)]
pub struct Voice {
    /// SHA-256 of the signer's certificate.
    pub certificate_sha256: Sha256,
    /// The CMS message.
    pub message: Vec<u8>,
}

/// An order with good signatures.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub(super) order: Arc<Order>,
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: Sha256,
    pub(super) approvals: Vec<Voice>,
    pub(super) key: Option<BoundKey>,
}

/// For an issue: the key, proven, and the operator's voice that binds it to the order.
#[derive(Clone, Debug)]
pub(super) struct BoundKey {
    pub(super) possession: ProvenPossession,
    pub(super) operator: Voice,
}

/// The order of a submission and the hash of its bytes, read before anything else is looked at, so that refusals
/// can be audited by name.
pub(super) fn read_order(submission: &Submission) -> Result<(Order, Sha256), Refusal> {
    let order = decode::<Order>(&submission.order.0).map_err(|e| no(RefusalCode::Malformed, format!("order: {e}")))?;
    Ok((order, digest(&submission.order.0)))
}

/// The key of a submission, proven: what tells a repeated order from a replayed one.
pub(super) fn read_key(csr: Option<&Blob>) -> Result<ProvenPossession, Refusal> {
    let csr = csr.ok_or_else(|| no(RefusalCode::NoProofOfPossession, "an issue needs the request of the new key"))?;
    csr::prove(&csr.0).map_err(|error| {
        let code = match &error {
            CsrError::TooLong | CsrError::Malformed(_) => RefusalCode::Malformed,
            CsrError::Key(_) => RefusalCode::KeyNotAccepted,
            CsrError::Signature(_) => RefusalCode::NoProofOfPossession,
        };
        no(code, format!("request: {error}"))
    })
}

impl Evidence {
    /// Verifies every signature of a submission. Takes some hundred microseconds of processor time.
    ///
    /// # Errors
    /// [`Refusal`]: `Malformed`, `BadSignature`, `OrderChanged`, `KeyNotBound`, `NoProofOfPossession`,
    /// `KeyNotAccepted`.
    pub fn read(submission: Submission) -> Result<Self, Refusal> {
        let (order, sha256) = read_order(&submission)?;
        if submission.approvals.len() > MAX_APPROVALS {
            return Err(no(RefusalCode::Malformed, format!("more than {MAX_APPROVALS} approvals")));
        }
        let approvals = submission
            .approvals
            .iter()
            .map(|message| hear_order(&message.0, &submission.order.0))
            .collect::<Result<_, _>>()?;
        let key = match &order.act {
            Act::Issue { .. } => Some(hear_binding(&submission, &order, sha256)?),
            _ if submission.binding.is_some() || submission.csr.is_some() => {
                return Err(no(RefusalCode::Malformed, "only an issue has a key"));
            }
            _ => None,
        };
        Ok(Self { order: Arc::new(order), bytes: submission.order.0, sha256, approvals, key })
    }
}

fn hear_order(message: &[u8], order: &[u8]) -> Result<Voice, Refusal> {
    let signed = hear(message, "approval")?;
    if signed.content != order {
        return Err(no(RefusalCode::OrderChanged, "an approval is over other bytes than the order submitted"));
    }
    Ok(Voice { certificate_sha256: digest(&signed.certificate), message: message.to_vec() })
}

fn hear_binding(submission: &Submission, order: &Order, order_sha256: Sha256) -> Result<BoundKey, Refusal> {
    let message = submission.binding.as_ref();
    let message = &message.ok_or_else(|| no(RefusalCode::KeyNotBound, "no token operator bound a key"))?.0;
    let signed = hear(message, "key binding")?;
    let binding = decode::<KeyBinding>(&signed.content)
        .map_err(|error| no(RefusalCode::Malformed, format!("key binding: {error}")))?;
    let possession = read_key(submission.csr.as_ref())?;
    if binding.order != order.id || binding.order_sha256 != order_sha256 {
        return Err(no(RefusalCode::KeyNotBound, "the key is bound to another order"));
    }
    if binding.spki_sha256 != possession.spki_sha256() {
        return Err(no(RefusalCode::KeyNotBound, "the request is by another key than the operator bound"));
    }
    let operator = Voice { certificate_sha256: digest(&signed.certificate), message: message.clone() };
    Ok(BoundKey { possession, operator })
}

/// Verifies a CMS message.
pub(crate) fn hear(message: &[u8], what: &str) -> Result<cms::Signed, Refusal> {
    cms::verify(message).map_err(|error| {
        let code = match &error {
            CmsError::TooLong | CmsError::Malformed(_) | CmsError::Form(_) => RefusalCode::Malformed,
            CmsError::Digest(_) | CmsError::Signature(_) => RefusalCode::BadSignature,
        };
        no(code, format!("{what}: {error}"))
    })
}

pub(super) fn digest(bytes: &[u8]) -> Sha256 {
    Sha256(openssl::sha::sha256(bytes))
}

fn no(code: RefusalCode, detail: impl Into<String>) -> Refusal {
    Refusal { code, detail: detail.into() }
}
