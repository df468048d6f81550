//! Believes an OCSP response, or says why not. Pure: bytes, an issuer and a moment in, a verdict out.

use ca_core::chain::ChainValid;
use ca_core::domain::Timestamp;
use ca_core::keys::PublicKey;
use ca_core::x509::Parts;
use der::{Decode as _, Encode as _};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use crate::wire::{
    BasicResponse, CertId, Failure, ID_NO_CHECK, ID_OCSP_SIGNING, IssuerHashes, Reply, ResponderId, Standing,
    WireError, parse_reply, responder_key_hash,
};

/// Why an answer is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// No OCSP response, or not DER.
    #[error("malformed: {0}")]
    Malformed(#[from] WireError),
    /// A failure instead of an answer.
    #[error("the responder says {}", .0.name())]
    Failure(Failure),
    /// The signer is neither the issuer nor among the certificates that came along.
    #[error("nobody we know signed it")]
    UnknownSigner,
    /// The responder's certificate was not issued by the certificate's own issuer.
    #[error("the signer's certificate is not by this issuer")]
    ForeignSigner,
    /// The responder's certificate does not allow it to answer, or asks for a check that nobody can make.
    #[error("the issuer did not make the signer a responder")]
    NotDelegated,
    /// The responder's certificate is outside its validity.
    #[error("the responder's certificate has expired or is not yet valid")]
    SignerOutdated,
    /// The signature over the answer does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// The nonce is absent or not ours: perhaps an old answer.
    #[error("the answer is not to this question (nonce)")]
    WrongNonce,
    /// No, or no single, answer about this certificate.
    #[error("the answer is about another certificate")]
    OtherCertificate,
    /// From the future, beyond what clocks may disagree.
    #[error("the answer is from the future")]
    NotYet,
    /// After its nextUpdate, or without one.
    #[error("the answer is out of date")]
    OutOfDate,
}

/// What an answer must fit.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a Certificate,
    /// The issuer's key, under the id by which it signs if it is an SM2 key.
    pub(super) issuer_key: &'a PublicKey,
    pub(super) id: &'a [u8],
    pub(super) nonce: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) skew: i64,
}

impl Expected<'_> {
    /// What the response says of the certificate, and as of when.
    pub(super) fn believe(&self, response: &[u8]) -> Result<(Standing, Timestamp), Distrust> {
        let basic = match parse_reply(response)? {
            Reply::Failure(failure) => return Err(Distrust::Failure(failure)),
            Reply::Basic(basic) => basic,
        };
        self.signed_by_a_responder(&basic)?;
        if basic.nonce.is_none_or(|nonce| nonce.octets() != self.nonce) {
            return Err(Distrust::WrongNonce);
        }
        let wanted = CertId::parse(self.id)?;
        let mut about = basic.singles.iter().filter(|single| single.asked.id.same_certificate(&wanted));
        let (Some(single), None) = (about.next(), about.next()) else { return Err(Distrust::OtherCertificate) };
        if basic.produced_at > self.now.plus(self.skew) || single.this_update > self.now.plus(self.skew) {
            return Err(Distrust::NotYet);
        }
        if single.next_update.is_none_or(|next| next < self.now.plus(-self.skew) || next < single.this_update) {
            return Err(Distrust::OutOfDate);
        }
        Ok((single.standing, single.this_update))
    }

    fn signed_by_a_responder(&self, basic: &BasicResponse<'_>) -> Result<(), Distrust> {
        if claims(&basic.responder, self.issuer)? {
            return verify(self.issuer_key, &basic.algorithm, basic.signed, basic.signature);
        }
        for der in &basic.certificates {
            let delegate = Certificate::from_der(der).map_err(WireError::Der)?;
            if claims(&basic.responder, &delegate)? {
                delegated(self.issuer, self.issuer_key, &delegate, der, self.now)?;
                // A responder's own key signs under the standard id, whatever its issuer's does.
                let spki = delegate.tbs_certificate().subject_public_key_info().to_der().map_err(WireError::Der)?;
                let key = PublicKey::read(&spki).map_err(|_| Distrust::BadSignature)?;
                return verify(&key, &basic.algorithm, basic.signed, basic.signature);
            }
        }
        Err(Distrust::UnknownSigner)
    }
}

/// What a response that was kept said of a certificate at a moment of the past, and as of when: signed by a responder of its
/// issuer that was good then, about this certificate, made within so many seconds of the moment. No clock and no network.
///
/// # Errors
/// [`Distrust`].
pub fn kept(
    response: &[u8],
    chain: &ChainValid,
    at: Timestamp,
    within: i64,
) -> Result<(Standing, Timestamp), Distrust> {
    let basic = match parse_reply(response)? {
        Reply::Failure(failure) => return Err(Distrust::Failure(failure)),
        Reply::Basic(basic) => basic,
    };
    let issuer = Certificate::from_der(chain.issuer_der()).map_err(WireError::Der)?;
    let (issuer_key, nonce) = (chain.issuer_key(), &[][..]);
    Expected { issuer: &issuer, issuer_key, id: &[], nonce, now: at, skew: within }.signed_by_a_responder(&basic)?;
    let ours = |id: &CertId<'_>| -> Result<bool, WireError> {
        let Some(algorithm) = id.algorithm() else { return Ok(false) };
        Ok(id.is_by(&IssuerHashes::of(&issuer, algorithm)?) && id.serial() == Some(chain.serial().octets()))
    };
    for single in &basic.singles {
        if ours(&single.asked.id)? {
            let off = single.this_update.since(at).abs().min(basic.produced_at.since(at).abs());
            return if off <= within { Ok((single.standing, single.this_update)) } else { Err(Distrust::OutOfDate) };
        }
    }
    Err(Distrust::OtherCertificate)
}

/// Whether the certificate may answer for the issuer now (RFC 6960 §4.2.2.2): issued by the issuer itself, for
/// OCSP signing, and exempt from being asked about.
///
/// # Errors
/// [`Distrust`].
pub(crate) fn delegated(
    issuer: &Certificate,
    issuer_key: &PublicKey,
    delegate: &Certificate,
    delegate_der: &[u8],
    now: Timestamp,
) -> Result<(), Distrust> {
    let tbs = delegate.tbs_certificate();
    if tbs.issuer() != issuer.tbs_certificate().subject() {
        return Err(Distrust::ForeignSigner);
    }
    let parts = Parts::read(delegate_der).map_err(|_| WireError::Value("a certificate of this form"))?;
    // What the certificate says inside of its signature must be what stands outside.
    let algorithm = parts.signature_algorithm().map_err(|_| Distrust::ForeignSigner)?;
    verify(issuer_key, &algorithm, parts.tbs.whole, parts.signature).map_err(|_| Distrust::ForeignSigner)?;
    let usage = tbs.get_extension::<ExtendedKeyUsage>().map_err(|_| Distrust::NotDelegated)?;
    if !usage.is_some_and(|(_, usage)| usage.0.contains(&ID_OCSP_SIGNING)) {
        return Err(Distrust::NotDelegated);
    }
    let key_usage = tbs.get_extension::<KeyUsage>().map_err(|_| Distrust::NotDelegated)?;
    if !key_usage.is_none_or(|(_, usage)| usage.digital_signature()) {
        return Err(Distrust::NotDelegated);
    }
    if !tbs.extensions().is_some_and(|all| all.iter().any(|extension| extension.extn_id == ID_NO_CHECK)) {
        return Err(Distrust::NotDelegated);
    }
    let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let validity = tbs.validity();
    if (seconds(validity.not_before)..=seconds(validity.not_after)).contains(&now.unix()) {
        Ok(())
    } else {
        Err(Distrust::SignerOutdated)
    }
}

fn claims(responder: &ResponderId<'_>, certificate: &Certificate) -> Result<bool, WireError> {
    Ok(match responder {
        ResponderId::Key(hash) => *hash == responder_key_hash(certificate)?,
        ResponderId::Name(name) => name.to_der()? == certificate.tbs_certificate().subject().to_der()?,
    })
}

/// Whether the key made the signature, with an algorithm that goes with it.
pub(super) fn verify(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifierOwned,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), Distrust> {
    key.verify(algorithm, signed, signature).map_err(|_| Distrust::BadSignature)
}
