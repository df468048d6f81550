//! OCSPRequest: which certificates are asked about, and with which nonce.

use der::asn1::{AnyRef, ContextSpecific, OctetStringRef};
use der::{Decode, Encode as _, Reader, Sequence, SliceReader, TagNumber};

use super::{CertId, ExtensionRef, ID_NONCE, Nonce, Raw, WireError};

/// How many certificates one request may ask about.
pub const MAX_ASKED: usize = 32;

/// One certificate that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The CertID's DER as it stands in the request: the answer repeats it, the cache knows it by this.
    pub der: &'a [u8],
    /// The same, understood.
    pub id: CertId<'a>,
}

/// A request, as far as an answer depends on it. A requestor's name and signature are read over: whoever asks
/// gets the same answer.
#[derive(Clone, Debug)]
pub struct OcspRequest<'a> {
    /// 1 to [`MAX_ASKED`] certificates.
    pub asked: Vec<Asked<'a>>,
    /// The nonce to repeat.
    pub nonce: Option<Nonce<'a>>,
}

impl<'a> OcspRequest<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// [`WireError`]; the answer is then `malformedRequest`.
    pub fn parse(der: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = SliceReader::new(der)?;
        // OCSPRequest ::= SEQUENCE { tbsRequest, optionalSignature [0] EXPLICIT Signature OPTIONAL }
        let request = reader.sequence(|outer| {
            let request = outer.sequence(Self::parse_tbs)?;
            let _signature: Option<AnyRef<'a>> = explicit(outer, 0)?;
            Ok::<_, WireError>(request)
        })?;
        reader.finish()?;
        Ok(request)
    }

    // TBSRequest ::= SEQUENCE { version [0] EXPLICIT INTEGER DEFAULT v1, requestorName [1] EXPLICIT OPTIONAL,
    //                           requestList SEQUENCE OF Request, requestExtensions [2] EXPLICIT OPTIONAL }
    fn parse_tbs<R: Reader<'a>>(tbs: &mut R) -> Result<Self, WireError> {
        if explicit::<u8, R>(tbs, 0)?.is_some_and(|version| version != 0) {
            return Err(WireError::Value("a version other than v1"));
        }
        let _requestor: Option<AnyRef<'a>> = explicit(tbs, 1)?;
        let asked = tbs.sequence(|list| {
            let mut asked = Vec::with_capacity(1);
            while !list.is_finished() {
                if asked.len() == MAX_ASKED {
                    return Err(WireError::Count(MAX_ASKED + 1));
                }
                asked.push(list.sequence(|request| parse_one(request))?);
            }
            Ok(asked)
        })?;
        if asked.is_empty() {
            return Err(WireError::Count(0));
        }
        let mut nonce = None;
        for extension in extensions(tbs, 2)? {
            if extension.id == ID_NONCE {
                if nonce.is_some() {
                    return Err(WireError::Repeated(ID_NONCE));
                }
                nonce = Some(Nonce::from_extension_value(extension.value.as_bytes())?);
            } else if extension.critical {
                return Err(WireError::Critical(extension.id));
            }
        }
        Ok(Self { asked, nonce })
    }
}

// Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT Extensions OPTIONAL }
fn parse_one<'a, R: Reader<'a>>(request: &mut R) -> Result<Asked<'a>, WireError> {
    let der = request.tlv_bytes()?;
    let id = CertId::parse(der)?;
    match extensions(request, 0)?.into_iter().find(|extension| extension.critical) {
        Some(extension) => Err(WireError::Critical(extension.id)),
        None => Ok(Asked { der, id }),
    }
}

fn extensions<'a, R: Reader<'a>>(reader: &mut R, tag: u32) -> Result<Vec<ExtensionRef<'a>>, WireError> {
    let list: Option<Vec<ExtensionRef<'a>>> = explicit(reader, tag)?;
    Ok(list.unwrap_or_default())
}

fn explicit<'a, T, R>(reader: &mut R, tag: u32) -> Result<Option<T>, WireError>
where
    T: Decode<'a, Error = der::Error>,
    R: Reader<'a>,
{
    Ok(ContextSpecific::<T>::decode_explicit(reader, TagNumber(tag))?.map(|field| field.value))
}

/// The CertID of a request in its plainest form, as most clients send it: one certificate and nothing else. It is not
/// looked at: whoever knows its very bytes read them before.
#[must_use]
pub fn plain_cert_id(request: &[u8]) -> Option<&[u8]> {
    let mut rest = request;
    // OCSPRequest, TBSRequest, requestList, Request: each holds the next alone.
    for _ in 0..4 {
        rest = match rest {
            [0x30, length, inside @ ..] if *length < 0x80 && usize::from(*length) == inside.len() => inside,
            [0x30, 0x81, length, inside @ ..] if *length >= 0x80 && usize::from(*length) == inside.len() => inside,
            _ => return None,
        };
    }
    Some(rest)
}

#[derive(Sequence)]
struct OneRequest<'a> {
    id: Raw<'a>,
}

#[derive(Sequence)]
struct TbsRequest<'a> {
    list: Vec<OneRequest<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<ExtensionRef<'a>>>,
}

#[derive(Sequence)]
struct Request<'a> {
    tbs: TbsRequest<'a>,
}

/// DER of an unsigned request for these CertIDs (each as DER).
///
/// # Errors
/// [`WireError::Count`] for no or too many CertIDs.
pub fn encode_request(ids: &[&[u8]], nonce: Option<Nonce<'_>>) -> Result<Vec<u8>, WireError> {
    if ids.is_empty() || ids.len() > MAX_ASKED {
        return Err(WireError::Count(ids.len()));
    }
    let list = ids.iter().map(|der| OneRequest { id: Raw(der) }).collect();
    let value = nonce.map(Nonce::to_extension_value).transpose()?;
    let extensions = match &value {
        Some(value) => Some(vec![ExtensionRef { id: ID_NONCE, critical: false, value: OctetStringRef::new(value)? }]),
        None => None,
    };
    Ok(Request { tbs: TbsRequest { list, extensions } }.to_der()?)
}
