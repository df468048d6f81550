//! Signed statements: CMS SignedData (RFC 5652) around the signed bytes themselves.
//!
//! For: orders, approvals, logins, key bindings. One form only: the content inside, one signer, the signer's
//! certificate inside, signed attributes; so that `openssl cms -verify` can check a kept message without us.
//! Trusts nothing in the message. Never says who the signer is: the caller asks [`crate::chain`] and the
//! registry; and never believes `signingTime`, which is the signer's claim.

use const_oid::ObjectIdentifier;
use der::Decode as _;
use openssl::hash::{MessageDigest, hash};
use spki::AlgorithmIdentifierOwned;

use crate::domain::Timestamp;
use crate::keys::verify::{VerifyError, verify_with};
use crate::keys::{KeyKind, SignatureAlgorithm, good_key, oid};
use crate::tlv::{self, Element, TlvError, tag};
use crate::x509::{self, Parts, X509Error, oid_of};

/// The longest message we read: a 64 KiB statement with certificate and signature, with room.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The most certificates beside the signature: the signer's and a chain.
const MAX_CERTIFICATES: usize = 5;

/// The most signed attributes.
const MAX_ATTRIBUTES: usize = 16;

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// What a message says, once its signature is known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The bytes that were signed.
    pub content: Vec<u8>,
    /// DER of the certificate whose key signed them. Not yet checked against anything.
    pub certificate: Vec<u8>,
    /// When the signer claims to have signed.
    pub signing_time: Timestamp,
}

/// Why a message is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    /// Over [`MAX_MESSAGE_BYTES`].
    #[error("the message is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    /// Not DER, or not the structure.
    #[error("not a signed message: {0}")]
    Malformed(String),
    /// A form of CMS that we do not take: detached, several signers, no attributes, another digest.
    #[error("not the form of signed message that we take: {0}")]
    Form(&'static str),
    /// The message digest or the certificate's digest is another.
    #[error("the signed attributes belong to another {0}")]
    Digest(&'static str),
    /// The signature does not verify.
    #[error("the message's signature: {0}")]
    Signature(#[from] VerifyError),
}

impl From<TlvError> for CmsError {
    fn from(error: TlvError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<X509Error> for CmsError {
    fn from(error: X509Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Checks structure, digests and signature of a message.
///
/// # Errors
/// [`CmsError`]; nothing in the message may be believed then.
pub fn verify(der: &[u8]) -> Result<Signed, CmsError> {
    if der.len() > MAX_MESSAGE_BYTES {
        return Err(CmsError::TooLong);
    }
    let message = Message::read(der)?;
    let signer = SignerInfo::read(message.signer_info)?;
    let certificate = signer.certificate(&message.certificates)?;
    let parts = Parts::read(certificate)?;
    let digest = digest_of(signer.digest)?;
    if !message.digests.contains(&signer.digest) {
        return Err(CmsError::Form("the signer's digest is not announced"));
    }

    let attributes = Attributes::read(signer.attributes, certificate)?;
    if attributes.content_type != ID_DATA {
        return Err(CmsError::Form("the content type must be id-data, inside as outside"));
    }
    if !openssl_equal(attributes.message_digest, &digest_bytes(digest, message.content)?) {
        return Err(CmsError::Digest("content"));
    }

    // RFC 5652 §5.4: what is signed is the DER of the attributes under the tag SET OF instead of [0].
    let mut signed = signer.attributes.whole.to_vec();
    signed[0] = tag::SET;
    let algorithm = signature_algorithm(&signer.algorithm, signer.digest)?;
    verify_with(parts.tbs.spki, algorithm, &signed, signer.signature)?;
    Ok(Signed {
        content: message.content.to_vec(),
        certificate: certificate.to_vec(),
        signing_time: attributes.signing_time,
    })
}

/// The outer parts of a message.
struct Message<'a> {
    digests: Vec<ObjectIdentifier>,
    content: &'a [u8],
    certificates: Vec<&'a [u8]>,
    signer_info: Element<'a>,
}

impl<'a> Message<'a> {
    fn read(der: &'a [u8]) -> Result<Self, CmsError> {
        let mut outer = tlv::single(der, tag::SEQUENCE)?.reader();
        if oid_of(outer.next()?)? != ID_SIGNED_DATA {
            return Err(CmsError::Form("not SignedData"));
        }
        let wrapped = outer.expect(tag::CONTEXT_0)?;
        outer.end()?;

        let mut fields = tlv::single(wrapped.content, tag::SEQUENCE)?.reader();
        let version = fields.expect(tag::INTEGER)?.content;
        let digests = fields.expect(tag::SET)?.reader().rest()?;
        if digests.len() > 4 {
            return Err(CmsError::Form("too many digest algorithms"));
        }
        let digests = digests.into_iter().map(digest_identifier).collect::<Result<_, _>>()?;
        let content = encapsulated(fields.expect(tag::SEQUENCE)?)?;
        let certificates =
            fields.optional(tag::CONTEXT_0)?.ok_or(CmsError::Form("the signer's certificate is missing"))?;
        let certificates = certificates.reader().rest()?;
        if certificates.len() > MAX_CERTIFICATES || certificates.iter().any(|c| c.tag != tag::SEQUENCE) {
            return Err(CmsError::Form("too many certificates, or of another kind"));
        }
        let certificates = certificates.iter().map(|certificate| certificate.whole).collect();
        let signer_infos = fields.expect(tag::SET)?;
        fields.end()?;
        let signer_info = tlv::single(signer_infos.content, tag::SEQUENCE)
            .map_err(|_| CmsError::Form("there must be exactly one signer"))?;
        // RFC 5652 §5.1: with id-data inside, the version is that of the signer, 1 or 3.
        if version != signer_info.reader().expect(tag::INTEGER)?.content {
            return Err(CmsError::Form("the message's version is not its signer's"));
        }
        Ok(Self { digests, content, certificates, signer_info })
    }
}

fn encapsulated(info: Element<'_>) -> Result<&[u8], CmsError> {
    let mut fields = info.reader();
    if oid_of(fields.next()?)? != ID_DATA {
        return Err(CmsError::Form("the content type must be id-data"));
    }
    let content = fields.optional(tag::CONTEXT_0)?.ok_or(CmsError::Form("the content is detached"))?;
    fields.end()?;
    Ok(tlv::single(content.content, tag::OCTET_STRING)?.content)
}

/// The one signer of a message.
struct SignerInfo<'a> {
    sid: Element<'a>,
    digest: ObjectIdentifier,
    attributes: Element<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    fn read(info: Element<'a>) -> Result<Self, CmsError> {
        let mut fields = info.reader();
        let version = fields.expect(tag::INTEGER)?.content;
        let sid = fields.next()?;
        // RFC 5652 §5.3: 1 goes with issuer and serial number, 3 with the key identifier.
        if !matches!((version, sid.tag), ([1], tag::SEQUENCE) | ([3], tag::PRIMITIVE_0)) {
            return Err(CmsError::Form("the signer's name and version do not go together"));
        }
        let digest = digest_identifier(fields.expect(tag::SEQUENCE)?)?;
        let attributes = fields.optional(tag::CONTEXT_0)?.ok_or(CmsError::Form("there must be signed attributes"))?;
        let algorithm = AlgorithmIdentifierOwned::from_der(fields.expect(tag::SEQUENCE)?.whole)
            .map_err(|error| CmsError::Malformed(error.to_string()))?;
        let signature = fields.expect(tag::OCTET_STRING)?.content;
        // Unsigned attributes could be changed by anyone without notice.
        fields.end().map_err(|_| CmsError::Form("unsigned attributes are not taken"))?;
        Ok(Self { sid, digest, attributes, algorithm, signature })
    }

    /// The one certificate that the signer's name means.
    fn certificate(&self, certificates: &[&'a [u8]]) -> Result<&'a [u8], CmsError> {
        let mut named = Vec::new();
        for &der in certificates {
            let parts = Parts::read(der)?;
            let matches = if self.sid.tag == tag::SEQUENCE {
                let mut name = self.sid.reader();
                let issuer = name.expect(tag::SEQUENCE)?.whole;
                let serial = name.expect(tag::INTEGER)?.content;
                name.end()?;
                issuer == parts.tbs.issuer && serial == parts.tbs.serial
            } else {
                parts.tbs.subject_key_identifier()? == Some(self.sid.content)
            };
            if matches {
                named.push(der);
            }
        }
        match named[..] {
            [certificate] => Ok(certificate),
            _ => Err(CmsError::Form("exactly one of the certificates must be the signer's")),
        }
    }
}

/// The signed attributes that we look at.
struct Attributes<'a> {
    content_type: ObjectIdentifier,
    message_digest: &'a [u8],
    signing_time: Timestamp,
}

impl<'a> Attributes<'a> {
    /// Reads the attributes and checks `signingCertificateV2`, if it is there, against the certificate.
    fn read(set: Element<'a>, certificate: &[u8]) -> Result<Self, CmsError> {
        let elements = set.reader().rest()?;
        if elements.len() > MAX_ATTRIBUTES {
            return Err(CmsError::Form("too many signed attributes"));
        }
        // X.690 §11.6: the elements of a SET OF ascend. Else what is signed would not be what is read.
        if !elements.windows(2).all(|pair| pair[0].whole < pair[1].whole) {
            return Err(CmsError::Form("the signed attributes are not in DER order"));
        }
        let mut seen = Vec::new();
        let (mut content_type, mut message_digest, mut signing_time) = (None, None, None);
        for element in elements {
            if element.tag != tag::SEQUENCE {
                return Err(CmsError::Form("a signed attribute is no SEQUENCE"));
            }
            let mut fields = element.reader();
            let name = oid_of(fields.next()?)?;
            let mut values = fields.expect(tag::SET)?.reader();
            fields.end()?;
            if seen.contains(&name) {
                return Err(CmsError::Form("a signed attribute stands there twice"));
            }
            seen.push(name);
            if ![CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERTIFICATE_V2].contains(&name) {
                continue;
            }
            let value = values.next()?;
            values.end().map_err(|_| CmsError::Form("a signed attribute has two values"))?;
            match name {
                CONTENT_TYPE => content_type = Some(oid_of(value)?),
                MESSAGE_DIGEST => message_digest = Some(tlv::single(value.whole, tag::OCTET_STRING)?.content),
                SIGNING_TIME => signing_time = Some(x509::time(value)?),
                _ => check_signing_certificate(value, certificate)?,
            }
        }
        Ok(Self {
            content_type: content_type.ok_or(CmsError::Form("contentType is missing"))?,
            message_digest: message_digest.ok_or(CmsError::Form("messageDigest is missing"))?,
            signing_time: signing_time.ok_or(CmsError::Form("signingTime is missing"))?,
        })
    }
}

/// RFC 5035 §3: the first ESSCertIDv2 names the signer's certificate.
fn check_signing_certificate(value: Element<'_>, certificate: &[u8]) -> Result<(), CmsError> {
    let mut fields = tlv::single(value.whole, tag::SEQUENCE)?.reader();
    let mut first = fields.expect(tag::SEQUENCE)?.reader().expect(tag::SEQUENCE)?.reader();
    let digest = match first.optional(tag::SEQUENCE)? {
        Some(identifier) => digest_identifier(identifier)?,
        None => oid::SHA256,
    };
    let named = first.expect(tag::OCTET_STRING)?.content;
    if openssl_equal(named, &digest_bytes(digest_of(digest)?, certificate)?) {
        Ok(())
    } else {
        Err(CmsError::Digest("certificate"))
    }
}

/// The OID of a digest's AlgorithmIdentifier, whose parameters are absent or NULL (RFC 5754 §2).
fn digest_identifier(element: Element<'_>) -> Result<ObjectIdentifier, CmsError> {
    let mut fields = tlv::single(element.whole, tag::SEQUENCE)?.reader();
    let name = oid_of(fields.next()?)?;
    if fields.optional(tag::NULL)?.is_some_and(|null| !null.content.is_empty()) {
        return Err(CmsError::Form("digest parameters"));
    }
    fields.end()?;
    Ok(name)
}

fn digest_of(name: ObjectIdentifier) -> Result<MessageDigest, CmsError> {
    match name {
        oid::SHA256 => Ok(MessageDigest::sha256()),
        oid::SHA384 => Ok(MessageDigest::sha384()),
        _ => Err(CmsError::Form("the digest must be SHA-256 or SHA-384")),
    }
}

fn digest_bytes(digest: MessageDigest, message: &[u8]) -> Result<Vec<u8>, CmsError> {
    // Fails only when OpenSSL is out of memory.
    hash(digest, message).map(|bytes| bytes.to_vec()).map_err(|_| CmsError::Form("the digest cannot be computed"))
}

fn openssl_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && openssl::memcmp::eq(a, b)
}

/// CMS names RSA by its key OID (RFC 3370 §3.2) or by the signature OID (RFC 5754 §3.2), ECDSA by the latter.
fn signature_algorithm(
    identifier: &AlgorithmIdentifierOwned,
    digest: ObjectIdentifier,
) -> Result<SignatureAlgorithm, CmsError> {
    let algorithm = if identifier.oid == oid::RSA {
        match digest {
            oid::SHA256 => Some(SignatureAlgorithm::RsaSha256),
            oid::SHA384 => Some(SignatureAlgorithm::RsaSha384),
            _ => None,
        }
    } else {
        SignatureAlgorithm::from_identifier(identifier)
    };
    let algorithm = algorithm.ok_or(VerifyError::Algorithm(identifier.oid))?;
    if algorithm.digest_oid() == digest {
        Ok(algorithm)
    } else {
        Err(CmsError::Form("digest and signature algorithm do not go together"))
    }
}

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
/// SHA-256 for P-256 and RSA, SHA-384 for P-384.
///
/// # Errors
/// [`CmsError`] if the certificate or its key is not accepted.
pub fn algorithm_for(certificate_der: &[u8]) -> Result<SignatureAlgorithm, CmsError> {
    let parts = Parts::read(certificate_der)?;
    let kind: Result<KeyKind, _> = good_key::check(parts.tbs.spki);
    kind.map(KeyKind::signature_algorithm).map_err(|error| CmsError::Malformed(error.to_string()))
}

/// Signs `content`. `sign` gets the DER of the signed attributes (the whole message, not a digest), signs with
/// [`algorithm_for`] the certificate, and answers the signature (DER for ECDSA).
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
    let input = |error: CmsError| SignMessageError::Input(error.to_string());
    if content.len() + certificate_der.len() + 4096 > MAX_MESSAGE_BYTES {
        return Err(input(CmsError::TooLong));
    }
    let algorithm = algorithm_for(certificate_der).map_err(input)?;
    let parts = Parts::read(certificate_der).map_err(|error| input(error.into()))?;
    let time = x509::write_time(now).ok_or_else(|| SignMessageError::Input("the time is out of range".into()))?;
    let message_digest = digest_bytes(algorithm.digest(), content).map_err(input)?;

    // ESSCertIDv2 with the default digest, SHA-256.
    let certificate_digest = tlv::write(tag::OCTET_STRING, &[openssl::sha::sha256(certificate_der)]);
    let ess_id = tlv::write(tag::SEQUENCE, &[certificate_digest]);
    let signing_certificate = tlv::write(tag::SEQUENCE, &[tlv::write(tag::SEQUENCE, &[ess_id])]);
    let mut attributes = [
        attribute(CONTENT_TYPE, &tlv::write(tag::OID, &[ID_DATA.as_bytes()])),
        attribute(MESSAGE_DIGEST, &tlv::write(tag::OCTET_STRING, &[message_digest])),
        attribute(SIGNING_TIME, &time),
        attribute(SIGNING_CERTIFICATE_V2, &signing_certificate),
    ];
    attributes.sort();
    let signature = sign(&tlv::write(tag::SET, &attributes)).map_err(SignMessageError::Sign)?;

    let digest = tlv::write(tag::SEQUENCE, &[tlv::write(tag::OID, &[algorithm.digest_oid().as_bytes()])]);
    // RFC 3370 §3.2: RSA signatures are named rsaEncryption.
    let signature_identifier = if algorithm.is_ecdsa() {
        algorithm.identifier_der()
    } else {
        let name = tlv::write(tag::OID, &[oid::RSA.as_bytes()]);
        tlv::write(tag::SEQUENCE, &[&name[..], &[tag::NULL, 0]])
    };
    const VERSION_1: &[u8] = &[tag::INTEGER, 1, 1];
    let serial = tlv::write(tag::INTEGER, &[parts.tbs.serial]);
    let sid = tlv::write(tag::SEQUENCE, &[parts.tbs.issuer, &serial]);
    let signer_info = tlv::write(
        tag::SEQUENCE,
        &[
            VERSION_1,
            &sid,
            &digest,
            &tlv::write(tag::CONTEXT_0, &attributes),
            &signature_identifier,
            &tlv::write(tag::OCTET_STRING, &[signature]),
        ],
    );
    let id_data = tlv::write(tag::OID, &[ID_DATA.as_bytes()]);
    let octets = tlv::write(tag::OCTET_STRING, &[content]);
    let encapsulated = tlv::write(tag::SEQUENCE, &[id_data, tlv::write(tag::CONTEXT_0, &[octets])]);
    let signed_data = tlv::write(
        tag::SEQUENCE,
        &[
            VERSION_1,
            &tlv::write(tag::SET, std::slice::from_ref(&digest)),
            &encapsulated,
            &tlv::write(tag::CONTEXT_0, &[certificate_der]),
            &tlv::write(tag::SET, &[signer_info]),
        ],
    );
    let id_signed_data = tlv::write(tag::OID, &[ID_SIGNED_DATA.as_bytes()]);
    Ok(tlv::write(tag::SEQUENCE, &[id_signed_data, tlv::write(tag::CONTEXT_0, &[signed_data])]))
}

fn attribute(name: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    let name = tlv::write(tag::OID, &[name.as_bytes()]);
    tlv::write(tag::SEQUENCE, &[name, tlv::write(tag::SET, &[value])])
}

#[cfg(test)]
#[path = "cms_tests.rs"]
mod tests;
