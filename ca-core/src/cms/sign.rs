//! Making messages.

use const_oid::ObjectIdentifier;

use super::{
    CONTENT_TYPE, CmsError, GM_DATA, GM_SIGNED_DATA, ID_DATA, ID_SIGNED_DATA, MAX_MESSAGE_BYTES, MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2, SIGNING_TIME, digest_bytes,
};
use crate::domain::Timestamp;
use crate::keys::{KeyKind, SignatureAlgorithm, good_key, oid};
use crate::tlv::{self, tag};
use crate::x509::{self, Parts};

/// Why a message cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SignMessageError<E> {
    /// Content or certificate cannot stand in a message.
    #[error("cannot be signed: {0}")]
    Input(String),
    /// The key did not sign.
    #[error("signing")]
    Sign(E),
}

/// The algorithm with which [`sign`] wants the attributes signed, by the kind of the certificate's key:
/// SHA-256 for P-256 and RSA, SHA-384 for P-384, SM3 and the standard id for SM2.
///
/// # Errors
/// [`CmsError`] if the certificate or its key is not accepted.
pub fn algorithm_for(certificate_der: &[u8]) -> Result<SignatureAlgorithm, CmsError> {
    let parts = Parts::read(certificate_der)?;
    let kind: Result<KeyKind, _> = good_key::check(parts.tbs.spki);
    kind.map(KeyKind::signature_algorithm).map_err(|error| CmsError::Malformed(error.to_string()))
}

/// How content is wrapped.
#[derive(Clone, Copy, Debug)]
pub struct Wrapping {
    /// What the content is, if not data.
    pub content_type: Option<ObjectIdentifier>,
    /// Whether the signer's certificate goes along.
    pub certificate: bool,
}

impl Wrapping {
    const DATA: Self = Self { content_type: None, certificate: true };
}

/// Signs `content`. `sign` gets the DER of the signed attributes (the whole message, not a digest), signs with
/// [`algorithm_for`] the certificate, and answers the signature (DER for ECDSA and SM2).
///
/// # Errors
/// [`SignMessageError::Input`] for a certificate that cannot be read or content that is too long; else what
/// `sign` said.
pub fn sign<E>(
    content: &[u8],
    certificate_der: &[u8],
    now: Timestamp,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, SignMessageError<E>> {
    sign_as(Wrapping::DATA, content, certificate_der, now, sign)
}

/// [`sign`] for content of another type, or without the certificate.
///
/// # Errors
/// As [`sign`].
pub fn sign_as<E>(
    wrapping: Wrapping,
    content: &[u8],
    certificate_der: &[u8],
    now: Timestamp,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, SignMessageError<E>> {
    if content.len() + certificate_der.len() + 4096 > MAX_MESSAGE_BYTES {
        return Err(SignMessageError::Input(CmsError::TooLong.to_string()));
    }
    message(wrapping, content, certificate_der, &[], Some(now), sign)
}

/// Signs `content` that stands elsewhere, as PAdES wants it in a PDF: without the content and without a time of the signer's,
/// but with the certificates that lead to a root. `sign` as in [`sign`].
///
/// # Errors
/// As [`sign`].
pub fn sign_detached<E>(
    content: &[u8],
    certificate_der: &[u8],
    chain: &[Vec<u8>],
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, SignMessageError<E>> {
    message(Wrapping::DATA, content, certificate_der, chain, None, sign)
}

/// A message with its content and the signer's time, or, without a time, a detached one.
fn message<E>(
    wrapping: Wrapping,
    content: &[u8],
    certificate_der: &[u8],
    chain: &[Vec<u8>],
    now: Option<Timestamp>,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, SignMessageError<E>> {
    let input = |error: CmsError| SignMessageError::Input(error.to_string());
    let algorithm = algorithm_for(certificate_der).map_err(input)?;
    let parts = Parts::read(certificate_der).map_err(|error| input(error.into()))?;
    let message_digest = digest_bytes(algorithm.digest(), content).map_err(input)?;

    let mut names = Names::of(algorithm);
    names.data = wrapping.content_type.unwrap_or(names.data);
    // ESSCertIDv2 with the default digest, SHA-256.
    let certificate_digest = tlv::write(tag::OCTET_STRING, &[openssl::sha::sha256(certificate_der)]);
    let ess_id = tlv::write(tag::SEQUENCE, &[certificate_digest]);
    let signing_certificate = tlv::write(tag::SEQUENCE, &[tlv::write(tag::SEQUENCE, &[ess_id])]);
    let mut attributes = vec![
        attribute(CONTENT_TYPE, &tlv::write(tag::OID, &[names.data.as_bytes()])),
        attribute(MESSAGE_DIGEST, &tlv::write(tag::OCTET_STRING, &[message_digest])),
        attribute(SIGNING_CERTIFICATE_V2, &signing_certificate),
    ];
    if let Some(now) = now {
        let time = x509::write_time(now).ok_or_else(|| SignMessageError::Input("the time is out of range".into()))?;
        attributes.push(attribute(SIGNING_TIME, &time));
    }
    attributes.sort();
    let signature = sign(&tlv::write(tag::SET, &attributes)).map_err(SignMessageError::Sign)?;

    let digest = tlv::write(tag::SEQUENCE, &[tlv::write(tag::OID, &[algorithm.digest_oid().as_bytes()])]);
    const VERSION_1: &[u8] = &[tag::INTEGER, 1, 1];
    const VERSION_3: &[u8] = &[tag::INTEGER, 1, 3];
    let serial = tlv::write(tag::INTEGER, &[parts.tbs.serial]);
    let sid = tlv::write(tag::SEQUENCE, &[parts.tbs.issuer, &serial]);
    let signer_info = tlv::write(
        tag::SEQUENCE,
        &[
            VERSION_1,
            &sid,
            &digest,
            &tlv::write(tag::CONTEXT_0, &attributes),
            &names.signature,
            &tlv::write(tag::OCTET_STRING, &[signature]),
        ],
    );
    let mut encapsulated = vec![tlv::write(tag::OID, &[names.data.as_bytes()])];
    if now.is_some() {
        encapsulated.push(tlv::write(tag::CONTEXT_0, &[tlv::write(tag::OCTET_STRING, &[content])]));
    }
    let mut certificates = chain.to_vec();
    if wrapping.certificate {
        certificates.push(certificate_der.to_vec());
    }
    // A SET OF in DER, left out when there is none.
    certificates.sort();
    let carried = if certificates.is_empty() { Vec::new() } else { tlv::write(tag::CONTEXT_0, &certificates) };
    let signed_data = tlv::write(
        tag::SEQUENCE,
        &[
            // RFC 5652 §5.1.
            if wrapping.content_type.is_none() { VERSION_1 } else { VERSION_3 },
            &tlv::write(tag::SET, std::slice::from_ref(&digest)),
            &tlv::write(tag::SEQUENCE, &encapsulated),
            &carried,
            &tlv::write(tag::SET, &[signer_info]),
        ],
    );
    let id_signed_data = tlv::write(tag::OID, &[names.signed_data.as_bytes()]);
    Ok(tlv::write(tag::SEQUENCE, &[id_signed_data, tlv::write(tag::CONTEXT_0, &[signed_data])]))
}

/// How a message names its parts.
struct Names {
    data: ObjectIdentifier,
    signed_data: ObjectIdentifier,
    /// AlgorithmIdentifier of the signature.
    signature: Vec<u8>,
}

impl Names {
    fn of(algorithm: SignatureAlgorithm) -> Self {
        let named = |name: ObjectIdentifier, parameters: &[u8]| {
            let name = tlv::write(tag::OID, &[name.as_bytes()]);
            tlv::write(tag::SEQUENCE, &[&name[..], parameters])
        };
        let signature = match algorithm {
            SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::EcdsaSha384 => algorithm.identifier_der(),
            // RFC 3370 §3.2.
            SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::RsaSha384 => named(oid::RSA, &[tag::NULL, 0]),
            SignatureAlgorithm::Sm2Sm3 => {
                let signature = named(oid::SM2_SIGNATURE, &[]);
                return Self { data: GM_DATA, signed_data: GM_SIGNED_DATA, signature };
            }
        };
        Self { data: ID_DATA, signed_data: ID_SIGNED_DATA, signature }
    }
}

pub(super) fn attribute(name: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    let name = tlv::write(tag::OID, &[name.as_bytes()]);
    tlv::write(tag::SEQUENCE, &[name, tlv::write(tag::SET, &[value])])
}
