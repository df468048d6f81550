//! Reading messages.

use const_oid::ObjectIdentifier;
use der::Decode as _;
use openssl::hash::MessageDigest;
use spki::AlgorithmIdentifierOwned;

use super::{
    CONTENT_TYPE, CmsError, GM_DATA, GM_SIGNED_DATA, ID_DATA, ID_SIGNED_DATA, MAX_MESSAGE_BYTES, MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2, SIGNING_TIME, Signed, Verified, digest_bytes,
};
use crate::domain::Timestamp;
use crate::keys::verify::{VerifyError, verify_with};
use crate::keys::{SignatureAlgorithm, oid};
use crate::tlv::{self, Element, tag};
use crate::x509::{self, Parts, oid_of};

/// The most certificates beside the signature: the signer's and a chain.
const MAX_CERTIFICATES: usize = 5;

/// The most signed attributes.
const MAX_ATTRIBUTES: usize = 16;

/// What a message may be.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What it is about, if not data.
    pub content_type: Option<ObjectIdentifier>,
    /// The content of a message that is without it. One that has it must have the same.
    pub content: Option<&'a [u8]>,
    /// The signer's certificate, for a message that is without it. One that has it must have the same.
    pub certificate: Option<&'a [u8]>,
    /// Whether it must be of our own form: attributes and a signing time, the content inside, nothing unsigned.
    pub strict: bool,
}

impl Expected<'_> {
    /// The form that statements have.
    pub const STATEMENT: Self = Self { content_type: None, content: None, certificate: None, strict: true };
}

/// Checks structure, digests and signature of a statement's message.
///
/// # Errors
/// [`CmsError`]; nothing in the message may be believed then.
pub fn verify(der: &[u8]) -> Result<Signed, CmsError> {
    let verified = verify_as(der, &Expected::STATEMENT)?;
    let signing_time = verified.signing_time.ok_or(CmsError::Form("signingTime is missing"))?;
    Ok(Signed { content: verified.content, certificate: verified.certificate, signing_time })
}

/// Checks structure, digests and signature of a message of any program: with or without content, attributes, signing
/// time and certificate.
///
/// # Errors
/// [`CmsError`]; nothing in the message may be believed then.
pub fn verify_as(der: &[u8], expected: &Expected<'_>) -> Result<Verified, CmsError> {
    if der.len() > MAX_MESSAGE_BYTES {
        return Err(CmsError::TooLong);
    }
    let message = Message::read(der)?;
    let right = match expected.content_type {
        None => [ID_DATA, GM_DATA].contains(&message.content_type),
        Some(wanted) => message.content_type == wanted,
    };
    if !right {
        return Err(CmsError::Form("the content type must be data"));
    }
    let content = match (message.content, expected.content) {
        (Some(inside), None) => inside,
        (Some(inside), Some(given)) if inside == given => inside,
        (Some(_), Some(_)) => return Err(CmsError::Digest("content")),
        (None, Some(given)) => given,
        (None, None) => return Err(CmsError::Form("the content is detached")),
    };
    let signer = SignerInfo::read(message.signer_info, expected.strict)?;
    let certificate = match expected.certificate {
        Some(given) if message.certificates.is_empty() => signer.certificate(&[given])?,
        Some(given) => {
            let inside = signer.certificate(&message.certificates)?;
            if inside != given {
                return Err(CmsError::Digest("certificate"));
            }
            inside
        }
        None if message.certificates.is_empty() => return Err(CmsError::Form("the signer's certificate is missing")),
        None => signer.certificate(&message.certificates)?,
    };
    let parts = Parts::read(certificate)?;
    let digest = digest_of(signer.digest)?;
    if !message.digests.contains(&signer.digest) {
        return Err(CmsError::Form("the signer's digest is not announced"));
    }
    let algorithm = signature_algorithm(&signer.algorithm, signer.digest)?;
    let Some(set) = signer.attributes else {
        // RFC 5652 §5.4: without attributes the content itself is signed, and only data may be.
        if expected.strict || expected.content_type.is_some() {
            return Err(CmsError::Form("there must be signed attributes"));
        }
        verify_with(parts.tbs.spki, algorithm, content, signer.signature)?;
        let (content, certificate) = (content.to_vec(), certificate.to_vec());
        return Ok(Verified { content, certificate, algorithm, signing_time: None });
    };
    let attributes = Attributes::read(set, certificate)?;
    if attributes.content_type != message.content_type {
        return Err(CmsError::Form("the content type must be the same inside as outside"));
    }
    if !openssl_equal(attributes.message_digest, &digest_bytes(digest, content)?) {
        return Err(CmsError::Digest("content"));
    }

    // RFC 5652 §5.4: what is signed is the DER of the attributes under the tag SET OF instead of [0].
    let mut signed = set.whole.to_vec();
    signed[0] = tag::SET;
    verify_with(parts.tbs.spki, algorithm, &signed, signer.signature)?;
    Ok(Verified {
        content: content.to_vec(),
        certificate: certificate.to_vec(),
        algorithm,
        signing_time: attributes.signing_time,
    })
}

/// The outer parts of a message.
struct Message<'a> {
    digests: Vec<ObjectIdentifier>,
    content_type: ObjectIdentifier,
    /// Absent from a detached message.
    content: Option<&'a [u8]>,
    certificates: Vec<&'a [u8]>,
    signer_info: Element<'a>,
}

impl<'a> Message<'a> {
    fn read(der: &'a [u8]) -> Result<Self, CmsError> {
        let mut outer = tlv::single(der, tag::SEQUENCE)?.reader();
        if ![ID_SIGNED_DATA, GM_SIGNED_DATA].contains(&oid_of(outer.next()?)?) {
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
        let (content_type, content) = encapsulated(fields.expect(tag::SEQUENCE)?)?;
        let certificates = match fields.optional(tag::CONTEXT_0)? {
            Some(set) => set.reader().rest()?,
            None => Vec::new(),
        };
        if certificates.len() > MAX_CERTIFICATES || certificates.iter().any(|c| c.tag != tag::SEQUENCE) {
            return Err(CmsError::Form("too many certificates, or of another kind"));
        }
        let certificates = certificates.iter().map(|certificate| certificate.whole).collect();
        let signer_infos = fields.expect(tag::SET)?;
        fields.end()?;
        let signer_info = tlv::single(signer_infos.content, tag::SEQUENCE)
            .map_err(|_| CmsError::Form("there must be exactly one signer"))?;
        // RFC 5652 §5.1: with id-data inside, the version is that of the signer, 1 or 3; with anything else it is 3.
        let signers = signer_info.reader().expect(tag::INTEGER)?.content;
        let wanted = if [ID_DATA, GM_DATA].contains(&content_type) { signers } else { &[3] };
        if version != wanted {
            return Err(CmsError::Form("the message's version is not its signer's"));
        }
        Ok(Self { digests, content_type, content, certificates, signer_info })
    }
}

/// Type and octets of the content, which a detached message has not.
fn encapsulated(info: Element<'_>) -> Result<(ObjectIdentifier, Option<&[u8]>), CmsError> {
    let mut fields = info.reader();
    let content_type = oid_of(fields.next()?)?;
    let content = fields.optional(tag::CONTEXT_0)?;
    fields.end()?;
    let octets = content.map(|content| tlv::single(content.content, tag::OCTET_STRING)).transpose()?;
    Ok((content_type, octets.map(|octets| octets.content)))
}

/// The one signer of a message.
struct SignerInfo<'a> {
    sid: Element<'a>,
    digest: ObjectIdentifier,
    attributes: Option<Element<'a>>,
    algorithm: AlgorithmIdentifierOwned,
    signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    fn read(info: Element<'a>, strict: bool) -> Result<Self, CmsError> {
        let mut fields = info.reader();
        let version = fields.expect(tag::INTEGER)?.content;
        let sid = fields.next()?;
        // RFC 5652 §5.3: 1 goes with issuer and serial number, 3 with the key identifier.
        if !matches!((version, sid.tag), ([1], tag::SEQUENCE) | ([3], tag::PRIMITIVE_0)) {
            return Err(CmsError::Form("the signer's name and version do not go together"));
        }
        let digest = digest_identifier(fields.expect(tag::SEQUENCE)?)?;
        let attributes = fields.optional(tag::CONTEXT_0)?;
        if strict && attributes.is_none() {
            return Err(CmsError::Form("there must be signed attributes"));
        }
        let algorithm = AlgorithmIdentifierOwned::from_der(fields.expect(tag::SEQUENCE)?.whole)
            .map_err(|error| CmsError::Malformed(error.to_string()))?;
        let signature = fields.expect(tag::OCTET_STRING)?.content;
        // Unsigned attributes could be changed by anyone without notice; where others send them they are not read.
        if !strict {
            fields.optional(tag::CONTEXT_1)?;
        }
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
    signing_time: Option<Timestamp>,
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
            signing_time,
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

/// The OID of a digest's AlgorithmIdentifier, whose parameters are absent or NULL (RFC 5754 §2). SM2-with-SM3, which
/// some write in its place, is read as SM3.
fn digest_identifier(element: Element<'_>) -> Result<ObjectIdentifier, CmsError> {
    let mut fields = tlv::single(element.whole, tag::SEQUENCE)?.reader();
    let name = oid_of(fields.next()?)?;
    if fields.optional(tag::NULL)?.is_some_and(|null| !null.content.is_empty()) {
        return Err(CmsError::Form("digest parameters"));
    }
    fields.end()?;
    Ok(if name == oid::SM2_SM3 { oid::SM3 } else { name })
}

fn digest_of(name: ObjectIdentifier) -> Result<MessageDigest, CmsError> {
    match name {
        oid::SHA256 => Ok(MessageDigest::sha256()),
        oid::SHA384 => Ok(MessageDigest::sha384()),
        oid::SM3 => Ok(MessageDigest::sm3()),
        _ => Err(CmsError::Form("the digest must be SHA-256, SHA-384 or SM3")),
    }
}

fn openssl_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && openssl::memcmp::eq(a, b)
}

/// CMS names RSA by its key OID (RFC 3370 §3.2) or by the signature OID (RFC 5754 §3.2), ECDSA by the latter; SM2 is
/// named `1.301.1` by the standard, and SM2-with-SM3 by many.
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
    } else if identifier.oid == oid::SM2_SIGNATURE {
        let plain = identifier.parameters.as_ref().is_none_or(der::asn1::Any::is_null);
        plain.then_some(SignatureAlgorithm::Sm2Sm3)
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
