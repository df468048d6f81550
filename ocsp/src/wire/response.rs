//! OCSPResponse: the signed answer, and the unsigned failures.

use ca_core::domain::{CertificateStatus, Timestamp};
use ca_core::tlv::tag;
use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, Null, OctetStringRef};
use der::{Choice, Decode as _, Encode as _, Enumerated, Sequence};
use openssl::hash::{MessageDigest, hash};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;

use super::out::{Moment, element, nest};
use super::{Asked, CertId, ExtensionRef, ID_ARCHIVE_CUTOFF, ID_BASIC, ID_NONCE, MAX_ASKED, Nonce, Raw, WireError};

/// An answer without statuses, unsigned (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The request is no request.
    MalformedRequest,
    /// The responder is broken.
    InternalError,
    /// The responder cannot know now; ask later.
    TryLater,
    /// The request must be signed.
    SigRequired,
    /// The responder does not answer for this issuer.
    Unauthorized,
}

impl Failure {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 5] =
        [Self::MalformedRequest, Self::InternalError, Self::TryLater, Self::SigRequired, Self::Unauthorized];

    /// The whole response.
    #[must_use]
    pub const fn der(self) -> &'static [u8] {
        match self {
            Self::MalformedRequest => &[0x30, 3, 0x0a, 1, 1],
            Self::InternalError => &[0x30, 3, 0x0a, 1, 2],
            Self::TryLater => &[0x30, 3, 0x0a, 1, 3],
            Self::SigRequired => &[0x30, 3, 0x0a, 1, 5],
            Self::Unauthorized => &[0x30, 3, 0x0a, 1, 6],
        }
    }

    /// The name in the standard, for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// What an answer says of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Issued, and neither revoked nor held.
    Good,
    /// Revoked, or held when the reason is `certificateHold`.
    Revoked {
        /// Since when.
        since: Timestamp,
        /// Why; absent when nobody said.
        reason: Option<CrlReason>,
    },
    /// Never issued.
    Unknown,
}

impl Standing {
    /// What to say of a status; `None` is a certificate that was never issued.
    #[must_use]
    pub fn of(status: Option<CertificateStatus>) -> Self {
        use ca_core::domain::RevocationReason as Why;
        match status {
            None => Self::Unknown,
            Some(CertificateStatus::Good) => Self::Good,
            Some(CertificateStatus::Held { since }) => {
                Self::Revoked { since, reason: Some(CrlReason::CertificateHold) }
            }
            Some(CertificateStatus::Revoked { since, reason }) => {
                let reason = match reason {
                    // RFC 5280 §5.3.1: say nothing rather than unspecified.
                    Why::Unspecified => None,
                    Why::KeyCompromise => Some(CrlReason::KeyCompromise),
                    Why::AffiliationChanged => Some(CrlReason::AffiliationChanged),
                    Why::Superseded => Some(CrlReason::Superseded),
                    Why::CessationOfOperation => Some(CrlReason::CessationOfOperation),
                    Why::PrivilegeWithdrawn => Some(CrlReason::PrivilegeWithdrawn),
                };
                Self::Revoked { since, reason }
            }
        }
    }
}

/// One certificate's answer.
#[derive(Clone, Copy, Debug)]
pub struct Single<'a> {
    /// Which certificate.
    pub asked: Asked<'a>,
    /// What it is worth.
    pub standing: Standing,
    /// When that was known.
    pub this_update: Timestamp,
    /// When there will be newer news; absent when always.
    pub next_update: Option<Timestamp>,
    /// How far back statuses of expired certificates are kept.
    pub archive_cutoff: Option<Timestamp>,
}

/// Who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponderId<'a> {
    /// The subject name.
    Name(AnyRef<'a>),
    /// SHA-1 of the public key's bits.
    Key(&'a [u8]),
}

/// A response with statuses: understood, but neither verified nor believed.
#[derive(Clone, Debug)]
pub struct BasicResponse<'a> {
    /// DER of the ResponseData: what the signature is over.
    pub signed: &'a [u8],
    /// Signature algorithm.
    pub algorithm: AlgorithmIdentifierOwned,
    /// Signature.
    pub signature: &'a [u8],
    /// Certificates that came along, DER; at most 8.
    pub certificates: Vec<&'a [u8]>,
    /// Who claims to have signed.
    pub responder: ResponderId<'a>,
    /// When.
    pub produced_at: Timestamp,
    /// 1 to [`MAX_ASKED`] answers.
    pub singles: Vec<Single<'a>>,
    /// The nonce that came back.
    pub nonce: Option<Nonce<'a>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub enum Reply<'a> {
    /// No statuses.
    Failure(Failure),
    /// Statuses.
    Basic(BasicResponse<'a>),
}

/// SHA-1 of the public key's bits: the responder's identifier by key (RFC 6960 §4.2.1).
///
/// # Errors
/// [`WireError::Value`] when the library cannot hash.
pub fn responder_key_hash(certificate: &Certificate) -> Result<[u8; 20], WireError> {
    let bits = certificate.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
    let digest = hash(MessageDigest::sha1(), bits).map_err(|_| WireError::Value("a digest"))?;
    digest.as_ref().try_into().map_err(|_| WireError::Value("a digest"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Clone, Copy, Debug, Sequence)]
struct RevokedInfo {
    time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    reason: Option<CrlReason>,
}

#[derive(Clone, Copy, Debug, Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Clone, Debug, Sequence)]
struct SingleResponse<'a> {
    id: Raw<'a>,
    status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<ExtensionRef<'a>>>,
}

#[derive(Clone, Copy, Debug, Choice)]
enum WireResponderId<'a> {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    Name(AnyRef<'a>),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    Key(&'a OctetStringRef),
}

#[derive(Clone, Debug, Sequence)]
struct ResponseData<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    version: Option<u8>,
    responder: WireResponderId<'a>,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<ExtensionRef<'a>>>,
}

#[derive(Sequence)]
struct SignedResponse<'a> {
    data: Raw<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certificates: Option<Vec<Raw<'a>>>,
}

#[derive(Sequence)]
struct ResponseBytes<'a> {
    kind: ObjectIdentifier,
    response: &'a OctetStringRef,
}

#[derive(Sequence)]
struct Response<'a> {
    status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    bytes: Option<ResponseBytes<'a>>,
}

/// DER of the ResponseData to sign, identified by key.
///
/// # Errors
/// [`WireError`] for a moment before 1970.
pub fn encode_response_data(
    key_hash: &[u8; 20],
    produced_at: Timestamp,
    singles: &[Single<'_>],
    nonce: Option<Nonce<'_>>,
) -> Result<Vec<u8>, WireError> {
    let produced_at = Moment::of(produced_at)?;
    let mut out = Vec::with_capacity(256 + 224 * singles.len());
    let mut written = Ok(());
    nest(&mut out, tag::SEQUENCE, |out| {
        nest(out, tag::CONTEXT_2, |out| element(out, tag::OCTET_STRING, key_hash));
        produced_at.write(out);
        nest(out, tag::SEQUENCE, |out| written = singles.iter().try_for_each(|single| write_single(out, single)));
        if let Some(nonce) = nonce {
            nest(out, tag::CONTEXT_1, |out| {
                write_extension(out, ID_NONCE, |out| element(out, tag::OCTET_STRING, nonce.octets()));
            });
        }
    });
    written.map(|()| out)
}

fn write_single(out: &mut Vec<u8>, single: &Single<'_>) -> Result<(), WireError> {
    let this_update = Moment::of(single.this_update)?;
    let next_update = single.next_update.map(Moment::of).transpose()?;
    let cutoff = single.archive_cutoff.map(Moment::of).transpose()?;
    let revoked = match single.standing {
        Standing::Revoked { since, reason } => Some((Moment::of(since)?, reason)),
        Standing::Good | Standing::Unknown => None,
    };
    nest(out, tag::SEQUENCE, |out| {
        out.extend_from_slice(single.asked.der);
        match (single.standing, revoked) {
            (_, Some((since, reason))) => nest(out, tag::CONTEXT_1, |out| {
                since.write(out);
                if let Some(reason) = reason {
                    nest(out, tag::CONTEXT_0, |out| element(out, tag::ENUMERATED, &[reason as u8]));
                }
            }),
            (Standing::Good, _) => element(out, tag::PRIMITIVE_0, &[]),
            _ => element(out, tag::PRIMITIVE_2, &[]),
        }
        this_update.write(out);
        if let Some(next) = next_update {
            nest(out, tag::CONTEXT_0, |out| next.write(out));
        }
        if let Some(cutoff) = cutoff {
            nest(out, tag::CONTEXT_1, |out| write_extension(out, ID_ARCHIVE_CUTOFF, |out| cutoff.write(out)));
        }
    });
    Ok(())
}

/// A list of one extension, which is not critical.
fn write_extension(out: &mut Vec<u8>, id: ObjectIdentifier, value: impl FnOnce(&mut Vec<u8>)) {
    nest(out, tag::SEQUENCE, |out| {
        nest(out, tag::SEQUENCE, |out| {
            element(out, tag::OID, id.as_bytes());
            nest(out, tag::OCTET_STRING, value);
        });
    });
}

/// DER of the whole response around a signed ResponseData.
///
/// # Errors
/// [`WireError`] when the algorithm cannot be encoded.
pub fn assemble(
    data: &[u8],
    algorithm: AlgorithmIdentifierRef<'_>,
    signature: &[u8],
    certificates: &[&[u8]],
) -> Result<Vec<u8>, WireError> {
    let algorithm = algorithm.to_der()?;
    let carried: usize = certificates.iter().map(|certificate| certificate.len()).sum();
    let mut out = Vec::with_capacity(data.len() + signature.len() + carried + 96);
    nest(&mut out, tag::SEQUENCE, |out| {
        element(out, tag::ENUMERATED, &[0]);
        nest(out, tag::CONTEXT_0, |out| {
            nest(out, tag::SEQUENCE, |out| {
                element(out, tag::OID, ID_BASIC.as_bytes());
                nest(out, tag::OCTET_STRING, |out| {
                    nest(out, tag::SEQUENCE, |out| {
                        out.extend_from_slice(data);
                        out.extend_from_slice(&algorithm);
                        nest(out, tag::BIT_STRING, |out| {
                            out.push(0);
                            out.extend_from_slice(signature);
                        });
                        if !certificates.is_empty() {
                            nest(out, tag::CONTEXT_0, |out| {
                                nest(out, tag::SEQUENCE, |out| {
                                    certificates.iter().for_each(|c| out.extend_from_slice(c));
                                });
                            });
                        }
                    });
                });
            });
        });
    });
    Ok(out)
}

/// Reads what came back.
///
/// # Errors
/// [`WireError`] for anything but a failure or a basic response within the limits.
pub fn parse_reply(der: &[u8]) -> Result<Reply<'_>, WireError> {
    let response = Response::from_der(der)?;
    let failure = match response.status {
        ResponseStatus::Successful => None,
        ResponseStatus::MalformedRequest => Some(Failure::MalformedRequest),
        ResponseStatus::InternalError => Some(Failure::InternalError),
        ResponseStatus::TryLater => Some(Failure::TryLater),
        ResponseStatus::SigRequired => Some(Failure::SigRequired),
        ResponseStatus::Unauthorized => Some(Failure::Unauthorized),
    };
    match (failure, response.bytes) {
        (Some(failure), None) => Ok(Reply::Failure(failure)),
        (None, Some(bytes)) if bytes.kind == ID_BASIC => parse_basic(bytes.response.as_bytes()).map(Reply::Basic),
        _ => Err(WireError::Value("a status with these response bytes")),
    }
}

fn parse_basic(der: &[u8]) -> Result<BasicResponse<'_>, WireError> {
    let basic = SignedResponse::from_der(der)?;
    let certificates: Vec<&[u8]> = basic.certificates.unwrap_or_default().into_iter().map(|raw| raw.0).collect();
    if certificates.len() > 8 {
        return Err(WireError::Value("a response with more than 8 certificates"));
    }
    let data = ResponseData::from_der(basic.data.0)?;
    if data.version.is_some_and(|version| version != 0) {
        return Err(WireError::Value("a version other than v1"));
    }
    if data.responses.is_empty() || data.responses.len() > MAX_ASKED {
        return Err(WireError::Count(data.responses.len()));
    }
    let [nonce] = find(data.extensions.as_deref(), [ID_NONCE])?;
    Ok(BasicResponse {
        signed: basic.data.0,
        algorithm: basic.algorithm.into(),
        signature: basic.signature.as_bytes().ok_or(WireError::Value("a signature of odd bits"))?,
        certificates,
        responder: match data.responder {
            WireResponderId::Name(name) => ResponderId::Name(name),
            WireResponderId::Key(key) => ResponderId::Key(key.as_bytes()),
        },
        produced_at: timestamp(data.produced_at)?,
        singles: data.responses.iter().map(from_wire).collect::<Result<_, _>>()?,
        nonce: nonce.map(Nonce::from_extension_value).transpose()?,
    })
}

fn from_wire<'a>(single: &SingleResponse<'a>) -> Result<Single<'a>, WireError> {
    let [cutoff] = find(single.extensions.as_deref(), [ID_ARCHIVE_CUTOFF])?;
    Ok(Single {
        asked: Asked { der: single.id.0, id: CertId::parse(single.id.0)? },
        standing: match single.status {
            CertStatus::Good(_) => Standing::Good,
            CertStatus::Revoked(RevokedInfo { time, reason }) => Standing::Revoked { since: timestamp(time)?, reason },
            CertStatus::Unknown(_) => Standing::Unknown,
        },
        this_update: timestamp(single.this_update)?,
        next_update: single.next_update.map(timestamp).transpose()?,
        archive_cutoff: cutoff.map(|der| timestamp(GeneralizedTime::from_der(der)?)).transpose()?,
    })
}

/// The values of the wanted extensions, each at most once; refuses critical ones that are not wanted.
fn find<'a, const N: usize>(
    extensions: Option<&[ExtensionRef<'a>]>,
    wanted: [ObjectIdentifier; N],
) -> Result<[Option<&'a [u8]>; N], WireError> {
    let mut found = [None; N];
    for extension in extensions.unwrap_or_default() {
        match wanted.iter().position(|id| *id == extension.id) {
            Some(at) if found[at].is_some() => return Err(WireError::Repeated(extension.id)),
            Some(at) => found[at] = Some(extension.value.as_bytes()),
            None if extension.critical => return Err(WireError::Critical(extension.id)),
            None => {}
        }
    }
    Ok(found)
}

fn timestamp(time: GeneralizedTime) -> Result<Timestamp, WireError> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| WireError::Value("a moment"))?;
    Ok(Timestamp::from_unix(seconds))
}
